/*
 * wd_av_parse.h - Alpha Vantage's answers as records. Pure.
 */
#ifndef WD_AV_PARSE_H
#define WD_AV_PARSE_H

#include "wd_records.h"

/*
 *     WD_AV(id, name, shape, key, tail)
 *
 * shape  what stands in the answer: wd_av_shape_e
 * key    of a series: how the name of the member with its rows begins
 * tail   and how it ends
 */
#define WD_AV_DATASET_TABLE(WD_AV)                                             \
    WD_AV(DAILY, "daily", SERIES, "Time Series (Daily", ")")                   \
    WD_AV(DAILY_ADJUSTED, "daily_adjusted", SERIES, "Time Series (Daily", ")") \
    WD_AV(WEEKLY, "weekly", SERIES, "Weekly Time Series", "")                  \
    WD_AV(WEEKLY_ADJUSTED, "weekly_adjusted", SERIES,                          \
          "Weekly Adjusted Time Series", "")                                   \
    WD_AV(MONTHLY, "monthly", SERIES, "Monthly Time Series", "")               \
    WD_AV(MONTHLY_ADJUSTED, "monthly_adjusted", SERIES,                        \
          "Monthly Adjusted Time Series", "")                                  \
    WD_AV(INTRADAY, "intraday", SERIES, "Time Series (", "min)")               \
    WD_AV(FX_DAILY, "fx_daily", SERIES, "Time Series FX (Daily", ")")          \
    WD_AV(FX_WEEKLY, "fx_weekly", SERIES, "Time Series FX (Weekly", ")")       \
    WD_AV(FX_MONTHLY, "fx_monthly", SERIES, "Time Series FX (Monthly", ")")    \
    WD_AV(FX_INTRADAY, "fx_intraday", SERIES, "Time Series FX (", "min)")      \
    WD_AV(CRYPTO_DAILY, "crypto_daily", SERIES,                                \
          "Time Series (Digital Currency Daily", ")")                          \
    WD_AV(CRYPTO_WEEKLY, "crypto_weekly", SERIES,                              \
          "Time Series (Digital Currency Weekly", ")")                         \
    WD_AV(CRYPTO_MONTHLY, "crypto_monthly", SERIES,                            \
          "Time Series (Digital Currency Monthly", ")")                        \
    WD_AV(CRYPTO_INTRADAY, "crypto_intraday", SERIES, "Time Series Crypto (",  \
          "min)")                                                              \
    WD_AV(QUOTE, "quote", QUOTE, "", "")                                       \
    WD_AV(RATE, "rate", RATE, "", "")                                          \
    WD_AV(BULK_QUOTES, "bulk_quotes", TABLE, "", "")                           \
    WD_AV(SEARCH, "search", SEARCH, "", "")                                    \
    WD_AV(LISTING, "listing", CSV, "", "")                                     \
    WD_AV(OVERVIEW, "overview", OVERVIEW, "", "")                              \
    WD_AV(INCOME, "income_statement", REPORTS, "", "")                         \
    WD_AV(BALANCE, "balance_sheet", REPORTS, "", "")                           \
    WD_AV(CASH_FLOW, "cash_flow", REPORTS, "", "")                             \
    WD_AV(EARNINGS, "earnings", REPORTS, "", "")                               \
    WD_AV(DIVIDENDS, "dividends", TABLE, "", "")                               \
    WD_AV(SPLITS, "splits", TABLE, "", "")                                     \
    WD_AV(ECONOMY, "economy", TABLE, "", "")                                   \
    WD_AV(NEWS, "news", NEWS, "", "")

typedef enum {
#define WD_AV(id, name, shape, key, tail) WD_AV_##id,
    WD_AV_DATASET_TABLE(WD_AV)
#undef WD_AV
        WD_AV_DATASET_COUNT
} wd_av_dataset_e;

typedef enum {
    WD_AV_SHAPE_SERIES, /* "Meta Data", and bars by time */
    WD_AV_SHAPE_QUOTE, /* "Global Quote": one flat object */
    WD_AV_SHAPE_RATE, /* "Realtime Currency Exchange Rate": the same */
    WD_AV_SHAPE_SEARCH, /* "bestMatches": a list of flat objects */
    WD_AV_SHAPE_TABLE, /* "data": the same */
    WD_AV_SHAPE_CSV, /* there is no JSON */
    WD_AV_SHAPE_OVERVIEW, /* the answer is the object */
    WD_AV_SHAPE_REPORTS, /* lists of periods, "annualReports" */
    WD_AV_SHAPE_NEWS /* "feed" */
} wd_av_shape_e;

wd_av_shape_e wd_av_shape(wd_av_dataset_e dataset);

/* "daily", ... as the catalogue's ingest.run names them. */
bool wd_av_dataset_by_name(wd_str_t name, wd_av_dataset_e *ret);

/*
 * JSON or CSV, whichever the first byte says. *ret was initialised; `body`
 * must stay as long as *ret. WD_OK, whatever the body holds: what is wrong
 * with it stands in ret->rejects and ret->refused. WD_ENOMEM.
 */
wd_must_check int wd_av_parse(wd_av_dataset_e dataset, wd_str_t body,
                              wd_records_t *ret);

#endif /* WD_AV_PARSE_H */
