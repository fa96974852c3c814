/*
 * provider.h - what the fetcher must know of a data provider: how to ask and
 * what an answer means. Pure: no I/O, no clock, no state.
 */
#ifndef INGESTION_PROVIDER_H
#define INGESTION_PROVIDER_H

#include "ingestion_args.h"

#include "wd_answer.h"
#include "wd_http.h"

/* An account at a provider, from the configuration. */
typedef struct {
    char    *url; /* base address without a slash at its end */
    char    *key; /* NULL: none */
    uint32_t per_second; /* calls; 0: no limit */
    uint32_t per_minute;
    uint32_t per_day;
    uint32_t per_page;
} ingestion_account_t;

/* Where an answer stands in a list of pages. */
typedef struct {
    int64_t page; /* 0: answers of this provider have no pages */
    int64_t pages;
    int64_t total;
    int64_t rows;
} ingestion_page_t;

typedef struct ingestion_provider {
    const char                *name; /* in the API, the lake, the tables */
    const char                *health_name;
    const char                *key_param; /* NULL: takes no key */
    const ingestion_dataset_t *datasets;
    size_t                     n_datasets;
    bool                       paged;

    /* Appends the request's URL, without the key. */
    void (*url)(const ingestion_account_t *account,
                const ingestion_dataset_t *dataset,
                const ingestion_args_t *args, int page, wd_buf_t *out);

    /* Judges a body alone. WD_OK or WD_ENOMEM. */
    int (*classify)(wd_str_t body, wd_answer_t *ret,
                    ingestion_page_t *ret_page);
} ingestion_provider_t;

extern const ingestion_provider_t ingestion_alphavantage;
extern const ingestion_provider_t ingestion_worldbank;

#define INGESTION_PROVIDERS 2

extern const ingestion_provider_t
    *const ingestion_providers[INGESTION_PROVIDERS];

const ingestion_provider_t *ingestion_provider_by_name(wd_str_t name);
const ingestion_dataset_t *
ingestion_dataset_by_name(const ingestion_provider_t *p, wd_str_t name);

/* A key is there, or none is needed. */
bool ingestion_configured(const ingestion_provider_t *p,
                          const ingestion_account_t  *account);

/* Base address: https, or http where `allow_http`; no user, no query. */
bool ingestion_url_ok(const char *url, bool allow_http);

/* Percent-encodes all but unreserved characters and those of `keep`. */
void ingestion_escape(wd_buf_t *out, wd_str_t s, const char *keep);

/* The last thing before the request; the result must be wiped after it. */
void ingestion_url_add_key(const ingestion_provider_t *p,
                           const ingestion_account_t *account, wd_buf_t *url);

/* What is to be done with an answer. */
typedef struct {
    wd_answer_t      answer;
    ingestion_page_t page;
    bool             keep; /* the body goes into the lake */
    bool             retry; /* worth another attempt */
    int64_t          wait_s; /* that the provider wants; 0: unknown */
} ingestion_verdict_t;

/*
 * The whole judgement: `rc` and `why` are those of wd_http_get(); `attempt`
 * is 1 for the first. The text names neither key nor URL. WD_OK or WD_ENOMEM.
 */
wd_must_check int ingestion_judge(const ingestion_provider_t *p,
                                  const char *key, int rc,
                                  const wd_error_t    *why,
                                  const wd_http_res_t *res, int attempt,
                                  ingestion_verdict_t *ret);

/* What comes after a page that was judged OK. */
typedef enum {
    INGESTION_PAGES_MORE, /* ask for the next one */
    INGESTION_PAGES_DONE, /* all rows that the provider counts are here */
    INGESTION_PAGES_STUCK /* it promises rows that do not come */
} ingestion_pages_e;

#define INGESTION_PAGES_MAX 1000

/*
 * `asked` is the page asked for, `rows` those of the pages before, `same`
 * tells that the body equals that of the page before.
 */
ingestion_pages_e ingestion_pages_next(const ingestion_page_t *page, int asked,
                                       int64_t rows, bool same);

#endif /* INGESTION_PROVIDER_H */
