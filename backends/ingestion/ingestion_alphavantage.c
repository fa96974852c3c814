/*
 * ingestion_alphavantage.c - Alpha Vantage: one path, a function by name, the
 * key in the query.
 */
#include "provider.h"

#include "wd_av_answer.h"

#define BIT(arg) (1u << (arg))

static const ingestion_dataset_t datasets[] = {
    {"daily", "TIME_SERIES_DAILY", BIT(ARG_SYMBOL), BIT(ARG_OUTPUTSIZE)},
    {"daily_adjusted", "TIME_SERIES_DAILY_ADJUSTED", BIT(ARG_SYMBOL),
     BIT(ARG_OUTPUTSIZE)},
    {"intraday", "TIME_SERIES_INTRADAY", BIT(ARG_SYMBOL) | BIT(ARG_INTERVAL),
     BIT(ARG_MONTH) | BIT(ARG_OUTPUTSIZE)},
    {"fx_daily", "FX_DAILY", BIT(ARG_FROM_SYMBOL) | BIT(ARG_TO_SYMBOL),
     BIT(ARG_OUTPUTSIZE)},
    {"quote", "GLOBAL_QUOTE", BIT(ARG_SYMBOL), 0},
    {"search", "SYMBOL_SEARCH", BIT(ARG_KEYWORDS), 0},
    {"overview", "OVERVIEW", BIT(ARG_SYMBOL), 0},
};


static void
alphavantage_url(const ingestion_account_t *account,
                 const ingestion_dataset_t *dataset,
                 const ingestion_args_t *args, int page, wd_buf_t *out)
{
    int i;

    (void) page;
    wd_buf_z(out, account->url);
    wd_buf_z(out, "/query?function=");
    wd_buf_z(out, dataset->function);
    for (i = 0; i < ARG_COUNT; i++) {
        if (args->v[i][0] != '\0') {
            wd_buf_byte(out, '&');
            wd_buf_z(out, ingestion_arg_name(i));
            wd_buf_byte(out, '=');
            ingestion_escape(out, wd_str_z(args->v[i]), "");
        }
    }
    wd_buf_z(out, "&datatype=json");
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
