/*
 * ingestion_args.h - what a collection job asks for: named texts, checked
 * against the data set, and their canonical JSON.
 */
#ifndef INGESTION_ARGS_H
#define INGESTION_ARGS_H

#include "wd_buf.h"
#include "wd_err.h"
#include "wd_time.h"

/* In the order of their names, which is that of the canonical JSON. */
typedef enum {
    ARG_COUNTRY,
    ARG_CURRENCY,
    ARG_DATE,
    ARG_END,
    ARG_FIELDS,
    ARG_FROM_SYMBOL,
    ARG_IDENTIFIERS,
    ARG_INDICATOR,
    ARG_INTERVAL,
    ARG_KEYWORDS,
    ARG_MARKET,
    ARG_MATURITY,
    ARG_MONTH,
    ARG_MRV,
    ARG_OUTPUTSIZE,
    ARG_PERIOD,
    ARG_SOURCE,
    ARG_START,
    ARG_STATE,
    ARG_SYMBOL,
    ARG_SYMBOLS,
    ARG_TO_SYMBOL,
    ARG_TOPICS,
    ARG_VIEW,
    ARG_COUNT
} ingestion_arg_e;

#define INGESTION_ARG_MAX 640 /* bytes of one value */
#define INGESTION_ARGS_MAX 800 /* of all values, with a zero byte each */
#define INGESTION_LIST_MAX 100 /* entries of a list */
#define INGESTION_MONTHS_MAX 600 /* months of one back-fill */

/* Thousands of jobs may be under way: small. */
typedef struct {
    uint16_t len; /* used of `text` */
    uint16_t at[ARG_COUNT]; /* place in `text` plus 1; 0: not given */
    char     text[INGESTION_ARGS_MAX];
} ingestion_args_t;

/* "" when it was not given. */
const char *ingestion_arg(const ingestion_args_t *args, ingestion_arg_e arg);

/* "" takes it away. False: no room, or a zero byte in it; nothing changes. */
wd_must_check bool ingestion_arg_set(ingestion_args_t *args,
                                     ingestion_arg_e arg, wd_str_t value);

/* How the answers of a data set can be cut in time. */
typedef enum {
    WINDOW_NONE, /* the whole answer each time */
    WINDOW_SIZE, /* outputsize: the latest 100 rows, or all */
    WINDOW_MONTH, /* a month each */
    WINDOW_YEARS, /* date: "from:to" */
    WINDOW_RANGE /* start and end, both inclusive */
} ingestion_window_e;

/* One data set of a provider. */
typedef struct {
    const char *name;
    const char *function; /* the provider's name for it */
    unsigned    required; /* bits 1 << ingestion_arg_e */
    unsigned    optional;

    /* What the rule of one argument cannot tell; NULL: nothing. The argument
     * that is wrong, with *ret_rule, or ARG_COUNT. */
    ingestion_arg_e (*check)(const ingestion_args_t *args,
                             const char            **ret_rule);

    bool               paged; /* page and per_page belong to the question */
    unsigned           per_instrument; /* bits of what says whose it is */
    ingestion_window_e window;
    unsigned           window_days; /* longest range of a question; 0: any */
} ingestion_dataset_t;

const char *ingestion_arg_name(ingestion_arg_e arg);

/* ARG_COUNT: there is none of that name. */
ingestion_arg_e ingestion_arg_by_name(wd_str_t name);

/*
 * Normalises *args (case, defaults) and checks it. WD_OK, or WD_EPARAM with
 * the parameter's name in *ret_param and the rule in *err.
 */
wd_must_check int ingestion_args_check(const ingestion_dataset_t *dataset,
                                       ingestion_args_t          *args,
                                       const char **ret_param, wd_error_t *err);

/* "2024-07" as months since year 0; -1: no month. */
int  ingestion_month_parse(wd_str_t text);
void ingestion_month_format(int month, char out[8]);

/*
 * The months `first` to `last`, 1 to INGESTION_MONTHS_MAX of them. WD_EPARAM
 * with *ret_param and *err.
 */
wd_must_check int ingestion_months(const char *first, const char *last,
                                   int *ret_first, int *ret_n,
                                   const char **ret_param, wd_error_t *err);

/*
 * {"indicator": ..., "page": 1, "per_page": 1000, ...}: sorted, no blanks,
 * absent arguments absent. page 0: without the two.
 */
void ingestion_args_json(const ingestion_args_t *args, int page, int per_page,
                         wd_buf_t *out);

/* From any JSON object of texts; unknown members are WD_EPROTO. */
wd_must_check int ingestion_args_parse(wd_str_t json, ingestion_args_t *ret);

#endif /* INGESTION_ARGS_H */
