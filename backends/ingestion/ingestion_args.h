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
    ARG_DATE,
    ARG_FROM_SYMBOL,
    ARG_INDICATOR,
    ARG_INTERVAL,
    ARG_KEYWORDS,
    ARG_MARKET,
    ARG_MATURITY,
    ARG_MONTH,
    ARG_OUTPUTSIZE,
    ARG_STATE,
    ARG_SYMBOL,
    ARG_SYMBOLS,
    ARG_TO_SYMBOL,
    ARG_COUNT
} ingestion_arg_e;

#define INGESTION_ARG_MAX 256 /* bytes of one value */
#define INGESTION_MONTHS_MAX 600 /* months of one back-fill */

typedef struct {
    char v[ARG_COUNT][INGESTION_ARG_MAX + 1]; /* "": not given */
} ingestion_args_t;

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
} ingestion_dataset_t;

const char *ingestion_arg_name(ingestion_arg_e arg);

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
