/*
 * processing_datasets.c - the providers and their data sets: one row each.
 */
#include "processing_job.h"
#include "wd_av_answer.h"
#include "wd_bbg_answer.h"
#include "wd_gds_answer.h"
#include "wd_lseg_answer.h"
#include "wd_wb_answer.h"

static const processing_provider_t providers[] = {
    {"alphavantage", wd_av_classify}, {"worldbank", wd_wb_classify},
    {"bloomberg", wd_bbg_classify},   {"lseg", wd_lseg_classify},
    {"spglobal", wd_gds_classify},    {"push", processing_classify_push},
};


#define AV(name, who, timeframe, market, flags)                                \
    {                                                                          \
        "alphavantage", name, NULL, processing_parse_av, processing_who_##who, \
            timeframe, PROCESSING_##market, flags                              \
    }

#define WB(name, who, flags)                                                \
    {                                                                       \
        "worldbank", name, NULL, processing_parse_wb, processing_who_##who, \
            WD_TF_NONE, PROCESSING_WORLD, flags                             \
    }

#define BBG(name, parse, timeframe)                             \
    {                                                           \
        "bloomberg", name, NULL, processing_parse_##parse,      \
            processing_who_listed, timeframe, PROCESSING_WORLD, \
            PROCESSING_NUMBERED                                 \
    }

#define LSEG(name, who, flags)                                           \
    {                                                                    \
        "lseg", name, NULL, processing_parse_lseg, processing_who_##who, \
            WD_TF_NONE, PROCESSING_WORLD, flags                          \
    }

#define GDS(name)                                                            \
    {                                                                        \
        "spglobal", name, NULL, processing_parse_gds, processing_who_listed, \
            WD_TF_NONE, PROCESSING_WORLD, 0                                  \
    }

#define PUSH(name, who, flags)                                           \
    {                                                                    \
        "push", name, NULL, processing_parse_push, processing_who_##who, \
            WD_TF_NONE, PROCESSING_WORLD, flags | PROCESSING_PUSHED      \
    }

static const processing_dataset_t datasets[] = {
    AV("daily", symbol, WD_TF_1D, EXCHANGE, 0),
    AV("daily_adjusted", symbol, WD_TF_1D, EXCHANGE,
       PROCESSING_ACTIONS_IN_BARS),
    AV("weekly", symbol, WD_TF_1W, EXCHANGE, 0),
    AV("weekly_adjusted", symbol, WD_TF_1W, EXCHANGE, 0),
    AV("monthly", symbol, WD_TF_1MO, EXCHANGE, 0),
    AV("monthly_adjusted", symbol, WD_TF_1MO, EXCHANGE, 0),
    AV("intraday", symbol, WD_TF_NONE, EXCHANGE, 0),
    AV("fx_daily", pair, WD_TF_1D, FX, 0),
    AV("fx_weekly", pair, WD_TF_1W, FX, 0),
    AV("fx_monthly", pair, WD_TF_1MO, FX, 0),
    AV("fx_intraday", pair, WD_TF_NONE, FX, 0),
    AV("crypto_daily", coin, WD_TF_1D, CRYPTO, 0),
    AV("crypto_weekly", coin, WD_TF_1W, CRYPTO, 0),
    AV("crypto_monthly", coin, WD_TF_1MO, CRYPTO, 0),
    AV("crypto_intraday", coin, WD_TF_NONE, CRYPTO, 0),
    AV("quote", symbol, WD_TF_NONE, EXCHANGE, 0),
    AV("rate", pair, WD_TF_NONE, FX, 0),
    AV("bulk_quotes", all, WD_TF_NONE, EXCHANGE, 0),
    AV("search", all, WD_TF_NONE, EXCHANGE, 0),
    AV("listing", all, WD_TF_NONE, EXCHANGE, 0),
    AV("overview", symbol, WD_TF_NONE, EXCHANGE, PROCESSING_DESCRIBED),
    AV("income_statement", symbol, WD_TF_NONE, EXCHANGE, PROCESSING_STATEMENT),
    AV("balance_sheet", symbol, WD_TF_NONE, EXCHANGE, PROCESSING_STATEMENT),
    AV("cash_flow", symbol, WD_TF_NONE, EXCHANGE, PROCESSING_STATEMENT),
    AV("earnings", symbol, WD_TF_NONE, EXCHANGE, PROCESSING_STATEMENT),
    AV("dividends", symbol, WD_TF_NONE, EXCHANGE, 0),
    AV("splits", symbol, WD_TF_NONE, EXCHANGE, 0),
    AV("economy", economy, WD_TF_NONE, EXCHANGE, 0),
    AV("news", none, WD_TF_NONE, EXCHANGE, 0),
    WB("indicator", indicator, 0),
    WB("countries", none, PROCESSING_LISTED),
    WB("indicators", none, PROCESSING_LISTED),
    WB("sources", none, PROCESSING_LISTED),
    WB("topics", none, PROCESSING_LISTED),
    WB("regions", none, PROCESSING_LISTED),
    WB("income_levels", none, PROCESSING_LISTED),
    WB("lending_types", none, PROCESSING_LISTED),
    BBG("history", dl, WD_TF_1D),
    BBG("reference", dl, WD_TF_NONE),
    BBG("bridge_history", blp, WD_TF_1D),
    BBG("bridge_reference", blp, WD_TF_NONE),
    LSEG("interday", listed, PROCESSING_LONG),
    LSEG("intraday", listed, PROCESSING_MOMENTS),
    LSEG("ticks", listed, PROCESSING_MOMENTS),
    LSEG("esg", listed, 0),
    LSEG("symbology", named, 0),
    LSEG("search", all, 0),

    /* A stream counts otherwise than the history of ticks, and has other times:
     * what both bring of one instrument is kept apart. */
    {"lseg", "stream", "lseg_stream", processing_parse_capture,
     processing_who_all, WD_TF_NONE, PROCESSING_WORLD, PROCESSING_MOMENTS},
    GDS("values"),
    GDS("history"),
    GDS("series"),
    GDS("esg"),
    PUSH("bars", all, 0),
    PUSH("quotes", all, PROCESSING_MOMENTS),
    PUSH("trades", all, 0),
    PUSH("observations", none, 0),
    PUSH("actions", all, 0),
    PUSH("instruments", all, 0),
    PUSH("facts", all, 0),
    PUSH("news", none, 0),
};


const processing_provider_t *
processing_provider(const char *name)
{
    size_t i;

    for (i = 0; i < wd_array_len(providers); i++) {
        if (strcmp(providers[i].name, name) == 0) {
            return &providers[i];
        }
    }
    return NULL;
}


const processing_dataset_t *
processing_dataset(const char *provider, const char *name)
{
    size_t i;

    for (i = 0; i < wd_array_len(datasets); i++) {
        if (strcmp(datasets[i].provider, provider) == 0
            && strcmp(datasets[i].name, name) == 0) {
            return &datasets[i];
        }
    }
    return NULL;
}
