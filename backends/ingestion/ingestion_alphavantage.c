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

#define PAIR (BIT(ARG_FROM_SYMBOL) | BIT(ARG_TO_SYMBOL))
#define COIN (BIT(ARG_SYMBOL) | BIT(ARG_MARKET))

static const ingestion_dataset_t datasets[] = {
    {"daily", "TIME_SERIES_DAILY", BIT(ARG_SYMBOL), BIT(ARG_OUTPUTSIZE), NULL},
    {"daily_adjusted", "TIME_SERIES_DAILY_ADJUSTED", BIT(ARG_SYMBOL),
     BIT(ARG_OUTPUTSIZE), NULL},
    {"weekly", "TIME_SERIES_WEEKLY", BIT(ARG_SYMBOL), 0, NULL},
    {"weekly_adjusted", "TIME_SERIES_WEEKLY_ADJUSTED", BIT(ARG_SYMBOL), 0,
     NULL},
    {"monthly", "TIME_SERIES_MONTHLY", BIT(ARG_SYMBOL), 0, NULL},
    {"monthly_adjusted", "TIME_SERIES_MONTHLY_ADJUSTED", BIT(ARG_SYMBOL), 0,
     NULL},
    {"intraday", "TIME_SERIES_INTRADAY", BIT(ARG_SYMBOL) | BIT(ARG_INTERVAL),
     BIT(ARG_MONTH) | BIT(ARG_OUTPUTSIZE), check_bars},
    {"fx_daily", "FX_DAILY", PAIR, BIT(ARG_OUTPUTSIZE), NULL},
    {"fx_weekly", "FX_WEEKLY", PAIR, 0, NULL},
    {"fx_monthly", "FX_MONTHLY", PAIR, 0, NULL},
    {"fx_intraday", "FX_INTRADAY", PAIR | BIT(ARG_INTERVAL),
     BIT(ARG_OUTPUTSIZE), check_bars},
    {"crypto_daily", "DIGITAL_CURRENCY_DAILY", COIN, 0, NULL},
    {"crypto_weekly", "DIGITAL_CURRENCY_WEEKLY", COIN, 0, NULL},
    {"crypto_monthly", "DIGITAL_CURRENCY_MONTHLY", COIN, 0, NULL},
    {"crypto_intraday", "CRYPTO_INTRADAY", COIN | BIT(ARG_INTERVAL),
     BIT(ARG_OUTPUTSIZE), check_bars},
    {"quote", "GLOBAL_QUOTE", BIT(ARG_SYMBOL), 0, NULL},
    {"bulk_quotes", "REALTIME_BULK_QUOTES", BIT(ARG_SYMBOLS), 0, NULL},
    {"rate", "CURRENCY_EXCHANGE_RATE", PAIR, 0, NULL},
    {"search", "SYMBOL_SEARCH", BIT(ARG_KEYWORDS), 0, NULL},
    {"listing", "LISTING_STATUS", 0, BIT(ARG_STATE), NULL},
    {"overview", "OVERVIEW", BIT(ARG_SYMBOL), 0, NULL},
    {"income_statement", "INCOME_STATEMENT", BIT(ARG_SYMBOL), 0, NULL},
    {"balance_sheet", "BALANCE_SHEET", BIT(ARG_SYMBOL), 0, NULL},
    {"cash_flow", "CASH_FLOW", BIT(ARG_SYMBOL), 0, NULL},
    {"earnings", "EARNINGS", BIT(ARG_SYMBOL), 0, NULL},
    {"dividends", "DIVIDENDS", BIT(ARG_SYMBOL), 0, NULL},
    {"splits", "SPLITS", BIT(ARG_SYMBOL), 0, NULL},
    {"economy", NULL, BIT(ARG_INDICATOR), BIT(ARG_INTERVAL) | BIT(ARG_MATURITY),
     check_economy},
};


static ingestion_arg_e
check_bars(const ingestion_args_t *args, const char **ret_rule)
{
    *ret_rule = "must be 1min, 5min, 15min, 30min or 60min";
    return strstr(args->v[ARG_INTERVAL], "min") == NULL ? ARG_INTERVAL
                                                        : ARG_COUNT;
}


/* Each series has intervals of its own, one has maturities. */
static ingestion_arg_e
check_economy(const ingestion_args_t *args, const char **ret_rule)
{
    const char            *interval = args->v[ARG_INTERVAL];
    const wd_av_economy_t *e;

    e = wd_av_economy(wd_str_z(args->v[ARG_INDICATOR]));
    if (e == NULL) {
        *ret_rule = "must be a series such as CPI, REAL_GDP or WTI";
        return ARG_INDICATOR;
    }
    if (interval[0] != '\0' && !wd_av_economy_has(e, wd_str_z(interval))) {
        *ret_rule = "the series has not this one";
        return ARG_INTERVAL;
    }
    if (args->v[ARG_MATURITY][0] != '\0' && !e->maturity) {
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
        return "symbol";
    case ARG_FROM_SYMBOL:
        return strcmp(dataset->name, "rate") == 0 ? "from_currency"
                                                  : "from_symbol";
    case ARG_TO_SYMBOL:
        return strcmp(dataset->name, "rate") == 0 ? "to_currency" : "to_symbol";
    default:
        return ingestion_arg_name(arg);
    }
}


static void
alphavantage_url(const ingestion_account_t *account,
                 const ingestion_dataset_t *dataset,
                 const ingestion_args_t *args, int page, wd_buf_t *out)
{
    int         i;
    const char *name;

    (void) page;
    wd_buf_z(out, account->url);
    wd_buf_z(out, "/query?function=");
    wd_buf_z(out, dataset->function != NULL ? dataset->function
                                            : args->v[ARG_INDICATOR]);
    for (i = 0; i < ARG_COUNT; i++) {
        name = param_name(dataset, (ingestion_arg_e) i);
        if (args->v[i][0] != '\0' && name != NULL) {
            wd_buf_byte(out, '&');
            wd_buf_z(out, name);
            wd_buf_byte(out, '=');
            ingestion_escape(out, wd_str_z(args->v[i]), "");
        }
    }
    /* The list of instruments exists in CSV only. */
    wd_buf_z(out,
             strcmp(dataset->name, "listing") == 0 ? "" : "&datatype=json");
}


static int
alphavantage_classify(wd_str_t body, wd_answer_t *ret,
                      ingestion_page_t *ret_page)
{
    memset(ret_page, 0, sizeof(*ret_page));
    return wd_av_classify(body, ret);
}


const ingestion_provider_t ingestion_alphavantage = {
    .name = "alphavantage",
    .health_name = "alpha_vantage",
    .key_param = "apikey",
    .datasets = datasets,
    .n_datasets = wd_array_len(datasets),
    .url = alphavantage_url,
    .classify = alphavantage_classify,
};
