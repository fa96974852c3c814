/*
 * ingestion_alphavantage.c - Alpha Vantage: one path, a function by name, the
 * key in the query.
 */
#include "provider.h"

#include "wd_av_answer.h"
#include "wd_av_economy.h"

#define BIT(arg) (1u << (arg))

static ingestion_arg_e check_bars(const ingestion_args_t *args,
                                  const char            **ret_rule);
static ingestion_arg_e check_economy(const ingestion_args_t *args,
                                     const char            **ret_rule);

#define SYMBOL BIT(ARG_SYMBOL)
#define PAIR (BIT(ARG_FROM_SYMBOL) | BIT(ARG_TO_SYMBOL))
#define COIN (BIT(ARG_SYMBOL) | BIT(ARG_MARKET))

/* Of an instrument, all that there is. */
#define WHOLE(name, function, whose)                                 \
    {                                                                \
        name, function, whose, 0, NULL, false, whose, WINDOW_NONE, 0 \
    }

/* The latest 100 rows, or all. */
#define SIZED(name, function, whose)                                    \
    {                                                                   \
        name, function, whose, BIT(ARG_OUTPUTSIZE), NULL, false, whose, \
            WINDOW_SIZE, 0                                              \
    }

#define MINUTES(name, function, whose, more, window)                          \
    {                                                                         \
        name, function, (whose) | BIT(ARG_INTERVAL),                          \
            BIT(ARG_OUTPUTSIZE) | (more), check_bars, false, whose, window, 0 \
    }

static const ingestion_dataset_t datasets[] = {
    SIZED("daily", "TIME_SERIES_DAILY", SYMBOL),
    SIZED("daily_adjusted", "TIME_SERIES_DAILY_ADJUSTED", SYMBOL),
    WHOLE("weekly", "TIME_SERIES_WEEKLY", SYMBOL),
    WHOLE("weekly_adjusted", "TIME_SERIES_WEEKLY_ADJUSTED", SYMBOL),
    WHOLE("monthly", "TIME_SERIES_MONTHLY", SYMBOL),
    WHOLE("monthly_adjusted", "TIME_SERIES_MONTHLY_ADJUSTED", SYMBOL),
    MINUTES("intraday", "TIME_SERIES_INTRADAY", SYMBOL, BIT(ARG_MONTH),
            WINDOW_MONTH),
    SIZED("fx_daily", "FX_DAILY", PAIR),
    WHOLE("fx_weekly", "FX_WEEKLY", PAIR),
    WHOLE("fx_monthly", "FX_MONTHLY", PAIR),
    MINUTES("fx_intraday", "FX_INTRADAY", PAIR, 0, WINDOW_SIZE),
    WHOLE("crypto_daily", "DIGITAL_CURRENCY_DAILY", COIN),
    WHOLE("crypto_weekly", "DIGITAL_CURRENCY_WEEKLY", COIN),
    WHOLE("crypto_monthly", "DIGITAL_CURRENCY_MONTHLY", COIN),
    MINUTES("crypto_intraday", "CRYPTO_INTRADAY", COIN, 0, WINDOW_SIZE),
    WHOLE("quote", "GLOBAL_QUOTE", SYMBOL),
    WHOLE("bulk_quotes", "REALTIME_BULK_QUOTES", BIT(ARG_SYMBOLS)),
    WHOLE("rate", "CURRENCY_EXCHANGE_RATE", PAIR),
    WHOLE("search", "SYMBOL_SEARCH", BIT(ARG_KEYWORDS)),
    {"listing", "LISTING_STATUS", 0, BIT(ARG_STATE), NULL, false, 0,
     WINDOW_NONE, 0},
    WHOLE("overview", "OVERVIEW", SYMBOL),
    WHOLE("income_statement", "INCOME_STATEMENT", SYMBOL),
    WHOLE("balance_sheet", "BALANCE_SHEET", SYMBOL),
    WHOLE("cash_flow", "CASH_FLOW", SYMBOL),
    WHOLE("earnings", "EARNINGS", SYMBOL),
    WHOLE("dividends", "DIVIDENDS", SYMBOL),
    WHOLE("splits", "SPLITS", SYMBOL),
    {"news", "NEWS_SENTIMENT", 0, BIT(ARG_SYMBOLS) | BIT(ARG_TOPICS), NULL,
     false, BIT(ARG_SYMBOLS), WINDOW_NONE, 0},
    {"economy", NULL, BIT(ARG_INDICATOR), BIT(ARG_INTERVAL) | BIT(ARG_MATURITY),
     check_economy, false, BIT(ARG_INDICATOR), WINDOW_NONE, 0},
};


static ingestion_arg_e
check_bars(const ingestion_args_t *args, const char **ret_rule)
{
    *ret_rule = "must be 1min, 5min, 15min, 30min or 60min";
    return strstr(ingestion_arg(args, ARG_INTERVAL), "min") == NULL
               ? ARG_INTERVAL
               : ARG_COUNT;
}


/* Each series has intervals of its own, one has maturities. */
static ingestion_arg_e
check_economy(const ingestion_args_t *args, const char **ret_rule)
{
    const char            *interval = ingestion_arg(args, ARG_INTERVAL);
    const wd_av_economy_t *e;

    e = wd_av_economy(wd_str_z(ingestion_arg(args, ARG_INDICATOR)));
    if (e == NULL) {
        *ret_rule = "must be a series such as CPI, REAL_GDP or WTI";
        return ARG_INDICATOR;
    }
    if (interval[0] != '\0' && !wd_av_economy_has(e, wd_str_z(interval))) {
        *ret_rule = "the series has not this one";
        return ARG_INTERVAL;
    }
    if (ingestion_arg(args, ARG_MATURITY)[0] != '\0' && !e->maturity) {
        *ret_rule = "is for TREASURY_YIELD alone";
        return ARG_MATURITY;
    }
    return ARG_COUNT;
}


/* What the provider calls an argument; NULL: it is no parameter. */
static const char *
param_name(const ingestion_dataset_t *dataset, ingestion_arg_e arg)
{
    switch (arg) {
    case ARG_INDICATOR:
        return NULL; /* it is the function */
    case ARG_SYMBOLS:
        return strcmp(dataset->name, "news") == 0 ? "tickers" : "symbol";
    case ARG_FROM_SYMBOL:
        return strcmp(dataset->name, "rate") == 0 ? "from_currency"
                                                  : "from_symbol";
    case ARG_TO_SYMBOL:
        return strcmp(dataset->name, "rate") == 0 ? "to_currency" : "to_symbol";
    default:
        return ingestion_arg_name(arg);
    }
}


static int
alphavantage_question(const ingestion_ask_t *ask, ingestion_question_t *ret,
                      wd_error_t *err)
{
    int         i;
    const char *name, *value;

    (void) err;
    wd_buf_z(&ret->url, ask->account->c.url);
    wd_buf_z(&ret->url, "/query");
    ingestion_url_param(
        &ret->url, "function",
        wd_str_z(ask->dataset->function != NULL
                     ? ask->dataset->function
                     : ingestion_arg(ask->args, ARG_INDICATOR)));
    for (i = 0; i < ARG_COUNT; i++) {
        name = param_name(ask->dataset, (ingestion_arg_e) i);
        value = ingestion_arg(ask->args, (ingestion_arg_e) i);
        if (name != NULL) {
            ingestion_url_param(&ret->url, name, wd_str_z(value));
        }
    }
    /* The list of instruments exists in CSV only. */
    if (strcmp(ask->dataset->name, "listing") != 0) {
        ingestion_url_param(&ret->url, "datatype", WD_STR("json"));
    }
    return WD_OK;
}


static int
alphavantage_classify(const ingestion_ask_t *ask, const wd_http_res_t *res,
                      ingestion_verdict_t *ret)
{
    (void) ask;
    return wd_av_classify(wd_buf_view(&res->body), &ret->answer);
}


const ingestion_provider_t ingestion_alphavantage = {
    .name = "alphavantage",
    .health_name = "alpha_vantage",
    .key_param = "apikey",
    .datasets = datasets,
    .n_datasets = wd_array_len(datasets),
    .question = alphavantage_question,
    .classify = alphavantage_classify,
};
