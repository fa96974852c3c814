/*
 * ingestion_spglobal.c - S&P Global: the Capital IQ client service (GDS). One
 * path takes batches of items; each item has an error of its own.
 */
#include "provider.h"

#include "wd_gds_answer.h"
#include "wd_gds_ask.h"
#include "wd_pool.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define BIT(arg) (1u << (arg))

#define SPGLOBAL_LIFE_S 300 /* of a token that says nothing about it */

static ingestion_arg_e check_batch(const ingestion_args_t *args,
                                   const char            **ret_rule);
static ingestion_arg_e check_days(const ingestion_args_t *args,
                                  const char            **ret_rule);

#define WHOM (BIT(ARG_IDENTIFIERS) | BIT(ARG_FIELDS))
#define DAYS (BIT(ARG_START) | BIT(ARG_END))

static const ingestion_dataset_t datasets[] = {
    {"values", "GDSP", WHOM,
     BIT(ARG_PERIOD) | BIT(ARG_DATE) | BIT(ARG_CURRENCY), check_days, false,
     BIT(ARG_IDENTIFIERS), WINDOW_NONE, 0},
    {"history", "GDSHE", WHOM | BIT(ARG_PERIOD), DAYS | BIT(ARG_CURRENCY),
     check_batch, false, BIT(ARG_IDENTIFIERS), WINDOW_RANGE, 0},
    {"series", "GDST", WHOM | BIT(ARG_START),
     BIT(ARG_END) | BIT(ARG_INTERVAL) | BIT(ARG_CURRENCY), check_batch, false,
     BIT(ARG_IDENTIFIERS), WINDOW_RANGE, 0},
    {"esg", "GDSP", WHOM, BIT(ARG_PERIOD) | BIT(ARG_DATE), check_days, false,
     BIT(ARG_IDENTIFIERS), WINDOW_NONE, 0},
};


static wd_str_t
arg(const ingestion_args_t *args, ingestion_arg_e a)
{
    return wd_str_z(ingestion_arg(args, a));
}


static wd_gds_ask_t
batch(const ingestion_args_t *args, const char *dataset)
{
    return (wd_gds_ask_t){.dataset = wd_str_z(dataset),
                          .identifiers = arg(args, ARG_IDENTIFIERS),
                          .fields = arg(args, ARG_FIELDS),
                          .period = arg(args, ARG_PERIOD),
                          .currency = arg(args, ARG_CURRENCY),
                          .interval = arg(args, ARG_INTERVAL),
                          .date = arg(args, ARG_DATE),
                          .start = arg(args, ARG_START),
                          .end = arg(args, ARG_END)};
}


static ingestion_arg_e
check_batch(const ingestion_args_t *args, const char **ret_rule)
{
    size_t      i, n = 1, m = 1;
    const char *who = ingestion_arg(args, ARG_IDENTIFIERS);
    const char *what = ingestion_arg(args, ARG_FIELDS);
    const char *interval = ingestion_arg(args, ARG_INTERVAL);

    for (i = 0; who[i] != '\0'; i++) {
        n += who[i] == ',';
    }
    for (i = 0; what[i] != '\0'; i++) {
        m += what[i] == ',';
    }
    if (n * m > WD_GDS_ITEMS_MAX) {
        *ret_rule = "together with identifiers more than 500 items";
        return ARG_FIELDS;
    }
    if (strstr(interval, "min") != NULL
        || strcmp(interval, "semiannual") == 0) {
        *ret_rule = "must be daily, weekly, monthly, quarterly or annual";
        return ARG_INTERVAL;
    }
    return ARG_COUNT;
}


static ingestion_arg_e
check_days(const ingestion_args_t *args, const char **ret_rule)
{
    bool     is_date;
    wd_ns_t  t;
    wd_str_t date = arg(args, ARG_DATE);

    if (date.len != 0
        && (wd_time_parse(date, &t, &is_date) != WD_OK || !is_date)) {
        *ret_rule = "must be a day: YYYY-MM-DD";
        return ARG_DATE;
    }
    return check_batch(args, ret_rule);
}


static int
spglobal_question(const ingestion_ask_t *ask, ingestion_question_t *ret,
                  wd_error_t *err)
{
    int            rc;
    size_t         n = 0;
    wd_gds_ask_t   a = batch(ask->args, ask->dataset->name);
    wd_gds_item_t *items = calloc(WD_GDS_ITEMS_MAX, sizeof(*items));

    if (items == NULL) {
        return WD_ENOMEM;
    }
    rc = wd_gds_items(&a, items, &n);
    if (rc == WD_OK) {
        rc = wd_gds_request(items, n, &ret->body);
    }
    free(items);
    if (rc != WD_OK) {
        return rc == WD_ENOMEM
                   ? rc
                   : wd_error(err, WD_EPARAM, "a name is none of this service");
    }
    ret->post = true;
    wd_buf_z(&ret->url, ask->account->c.url);
    wd_buf_z(&ret->url, "/gdsapi/rest/v3/clientservice.json");
    ingestion_question_header(ret, "Content-Type: application/json");
    ingestion_question_header(ret, "Accept: application/json");
    return WD_OK;
}


/* Items that the service cannot answer are no reason to ask again. */
static void
judge_batch(const wd_gds_batch_t *b, ingestion_verdict_t *ret)
{
    char text[WD_ANSWER_TEXT_MAX];

    switch (b->worst) {
    case WD_ANSWER_AUTH:
    case WD_ANSWER_LIMIT_SHORT:
    case WD_ANSWER_LIMIT_LONG:
    case WD_ANSWER_UPSTREAM:
        ret->answer.class = b->worst;
        ret->data = true;
        break;
    default:
        snprintf(text, sizeof(text), "%zu of %zu items have no value",
                 b->failed, b->entries);
        wd_answer_set(&ret->answer, WD_ANSWER_OK, text);
    }
}


static int
spglobal_classify(const ingestion_ask_t *ask, const wd_http_res_t *res,
                  ingestion_verdict_t *ret)
{
    int            rc;
    wd_gds_batch_t b;

    (void) ask;
    rc = wd_gds_classify_batch(wd_buf_view(&res->body), &ret->answer, &b);
    if (rc == WD_OK && ret->answer.class == WD_ANSWER_PARTIAL) {
        judge_batch(&b, ret);
    }
    return rc;
}


static bool
spglobal_needs_token(const ingestion_account_t *account)
{
    return !account->c.basic;
}


static int
spglobal_sign(const ingestion_sign_t *in, wd_buf_t *out)
{
    int rc;

    if (in->token != NULL) {
        wd_buf_z(out, "Authorization: Bearer ");
        wd_buf_z(out, in->token);
        return out->err;
    }
    if (!in->account->c.basic) {
        return WD_OK; /* the request for a token holds its proof */
    }
    rc = ingestion_basic_header(in->account->c.user, in->account->c.secret,
                                out);
    return rc == WD_ETOOBIG ? WD_ECONFIG : rc;
}


static int
spglobal_grant(const ingestion_account_t *account, const ingestion_token_t *old,
               ingestion_question_t *ret)
{
    ret->post = true;
    wd_buf_z(&ret->url, account->c.url);
    wd_buf_z(&ret->url, "/gdsapi/rest/authenticate/api/v1/");
    if (old->refresh != NULL) {
        wd_buf_z(&ret->url, "tokenRefresh");
        ingestion_form_param(&ret->body, "refresh_token", old->refresh);
    } else {
        wd_buf_z(&ret->url, "token");
        ingestion_form_param(&ret->body, "username", account->c.user);
        ingestion_form_param(&ret->body, "password", account->c.secret);
    }
    ingestion_question_header(
        ret, "Content-Type: application/x-www-form-urlencoded");
    ingestion_question_header(ret, "Accept: application/json");
    return WD_OK;
}


static int
spglobal_granted(wd_str_t body, ingestion_token_t *ret, wd_answer_t *why)
{
    int            rc;
    wd_pool_t     *pool = wd_pool_create(16384);
    wd_gds_token_t token;

    if (pool == NULL) {
        return WD_ENOMEM;
    }
    rc = wd_gds_classify_token(body, pool, why, &token);
    if (rc == WD_OK && why->class == WD_ANSWER_OK) {
        rc = ingestion_token_set(ret, token.access, token.refresh,
                                 token.expires_s != 0 ? token.expires_s
                                                      : SPGLOBAL_LIFE_S);
    }
    if (token.access.data != NULL) {
        sodium_memzero((void *) (uintptr_t) token.access.data,
                       token.access.len);
    }
    if (token.refresh.data != NULL) {
        sodium_memzero((void *) (uintptr_t) token.refresh.data,
                       token.refresh.len);
    }
    wd_pool_destroy(pool);
    return rc;
}


const ingestion_provider_t ingestion_spglobal = {
    .name = "spglobal",
    .health_name = "sp_global",
    .datasets = datasets,
    .n_datasets = wd_array_len(datasets),
    .lacks = ingestion_lacks_login,
    .question = spglobal_question,
    .classify = spglobal_classify,
    .sign = spglobal_sign,
    .needs_token = spglobal_needs_token,
    .grant = spglobal_grant,
    .granted = spglobal_granted,
};
