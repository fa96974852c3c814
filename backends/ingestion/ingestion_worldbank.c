/*
 * ingestion_worldbank.c - the World Bank's Indicators API: no key, pages.
 */
#include "provider.h"

#include "wd_wb_answer.h"

#define BIT(arg) (1u << (arg))

static ingestion_arg_e check_indicator(const ingestion_args_t *args,
                                       const char            **ret_rule);

#define LIST(name, path)                                \
    {                                                   \
        name, path, 0, 0, NULL, true, 0, WINDOW_NONE, 0 \
    }

static const ingestion_dataset_t datasets[] = {
    {"indicator", NULL, BIT(ARG_INDICATOR) | BIT(ARG_COUNTRY),
     BIT(ARG_DATE) | BIT(ARG_MRV) | BIT(ARG_SOURCE), check_indicator, true,
     BIT(ARG_INDICATOR) | BIT(ARG_COUNTRY), WINDOW_YEARS, 0},
    LIST("countries", "country"),
    LIST("indicators", "indicator"),
    LIST("sources", "source"),
    LIST("topics", "topic"),
    LIST("regions", "region"),
    LIST("income_levels", "incomeLevel"),
    LIST("lending_types", "lendingType"),
};


static ingestion_arg_e
check_indicator(const ingestion_args_t *args, const char **ret_rule)
{
    if (strlen(ingestion_arg(args, ARG_DATE)) == 10
        && strchr(ingestion_arg(args, ARG_DATE), ':') == NULL) {
        *ret_rule = "must be a period or a range, not a day";
        return ARG_DATE;
    }
    *ret_rule = "not beside date";
    return args->at[ARG_MRV] != 0 && args->at[ARG_DATE] != 0 ? ARG_MRV
                                                             : ARG_COUNT;
}


static void
put_indicator(const ingestion_args_t *args, wd_buf_t *out)
{
    wd_buf_z(out, "country/");
    ingestion_escape(out, wd_str_z(ingestion_arg(args, ARG_COUNTRY)), ";");
    wd_buf_z(out, "/indicator/");
    ingestion_escape(out, wd_str_z(ingestion_arg(args, ARG_INDICATOR)), "");
}


static int
worldbank_question(const ingestion_ask_t *ask, ingestion_question_t *ret,
                   wd_error_t *err)
{
    const char *date = ingestion_arg(ask->args, ARG_DATE);
    wd_buf_t   *url = &ret->url;

    (void) err;
    wd_buf_z(url, ask->account->c.url);
    wd_buf_z(url, "/v2/");
    if (ask->dataset->function == NULL) {
        put_indicator(ask->args, url);
    } else {
        wd_buf_z(url, ask->dataset->function);
    }
    wd_buf_printf(url, "?format=json&per_page=%u&page=%d",
                  (unsigned) ask->account->c.per_page, ask->page);
    if (date[0] != '\0') {
        wd_buf_z(url, "&date=");
        ingestion_escape(url, wd_str_z(date), ":");
    }
    ingestion_url_param(url, "mrv",
                        wd_str_z(ingestion_arg(ask->args, ARG_MRV)));
    ingestion_url_param(url, "source",
                        wd_str_z(ingestion_arg(ask->args, ARG_SOURCE)));
    return WD_OK;
}


static int
worldbank_classify(const ingestion_ask_t *ask, const wd_http_res_t *res,
                   ingestion_verdict_t *ret)
{
    int          rc;
    wd_wb_page_t page;

    (void) ask;
    rc = wd_wb_classify_page(wd_buf_view(&res->body), &ret->answer, &page);
    ret->page = (ingestion_page_t){page.page, page.pages, page.total,
                                   page.rows};
    return rc;
}


const ingestion_provider_t ingestion_worldbank = {
    .name = "worldbank",
    .health_name = "world_bank",
    .datasets = datasets,
    .n_datasets = wd_array_len(datasets),
    .question = worldbank_question,
    .classify = worldbank_classify,
};
