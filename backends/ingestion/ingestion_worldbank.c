/*
 * ingestion_worldbank.c - the World Bank's Indicators API: no key, pages.
 */
#include "provider.h"

#include "wd_wb_answer.h"

#define BIT(arg) (1u << (arg))

static const ingestion_dataset_t datasets[] = {
    {"indicator", "indicator", BIT(ARG_INDICATOR) | BIT(ARG_COUNTRY),
     BIT(ARG_DATE), NULL},
};


static void
worldbank_url(const ingestion_account_t *account,
              const ingestion_dataset_t *dataset, const ingestion_args_t *args,
              int page, wd_buf_t *out)
{
    (void) dataset;
    wd_buf_z(out, account->url);
    wd_buf_z(out, "/v2/country/");
    ingestion_escape(out, wd_str_z(args->v[ARG_COUNTRY]), ";");
    wd_buf_z(out, "/indicator/");
    ingestion_escape(out, wd_str_z(args->v[ARG_INDICATOR]), "");
    wd_buf_printf(out, "?format=json&per_page=%u&page=%d",
                  (unsigned) account->per_page, page);
    if (args->v[ARG_DATE][0] != '\0') {
        wd_buf_z(out, "&date=");
        ingestion_escape(out, wd_str_z(args->v[ARG_DATE]), ":");
    }
}


static int
worldbank_classify(wd_str_t body, wd_answer_t *ret, ingestion_page_t *ret_page)
{
    int          rc;
    wd_wb_page_t page;

    rc = wd_wb_classify_page(body, ret, &page);
    *ret_page = (ingestion_page_t){page.page, page.pages, page.total,
                                   page.rows};
    return rc;
}


const ingestion_provider_t ingestion_worldbank = {
    .name = "worldbank",
    .health_name = "world_bank",
    .datasets = datasets,
    .n_datasets = wd_array_len(datasets),
    .paged = true,
    .url = worldbank_url,
    .classify = worldbank_classify,
};
