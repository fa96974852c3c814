/*
 * auth_store_usage.h - usage: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec() besides the ones named.
 * Texts handed to callbacks are views that end with the callback.
 */
#ifndef AUTH_STORE_USAGE_H
#define AUTH_STORE_USAGE_H

#include "wd_pg.h"

#define AUTH_USAGE_TEXTS 5
#define AUTH_USAGE_TEXT_KEY 2

/* Rows column by column: day, principal, key, plan, method. */
typedef struct {
    size_t    n;
    wd_str_t *texts[AUTH_USAGE_TEXTS];
    int64_t  *requests;
    int64_t  *cost;
    int64_t  *refused;
} auth_usage_t;

/* In one transaction. *ret_fresh: the report was not known before. */
wd_must_check int auth_store_usage_add(wd_pg_conn_t *c, wd_str_t gateway,
                                       int64_t seq, const auth_usage_t *usage,
                                       bool *ret_fresh, wd_error_t *err);

typedef struct {
    wd_str_t principal; /* .data NULL: of all */
    int64_t  org_id; /* only of users of this one; -1: of all */
    wd_str_t method; /* .data NULL: all */
    wd_ns_t  from; /* days */
    wd_ns_t  to;
    wd_ns_t  after_day; /* the row before the first one */
    int64_t  after_id;
    int64_t  limit;
} auth_usage_key_t;

/* Columns of its rows. */
enum {
    AUTH_USAGE_ID,
    AUTH_USAGE_DAY,
    AUTH_USAGE_PRINCIPAL,
    AUTH_USAGE_KEY,
    AUTH_USAGE_PLAN,
    AUTH_USAGE_METHOD,
    AUTH_USAGE_REQUESTS,
    AUTH_USAGE_COST,
    AUTH_USAGE_REFUSED
};

/* By day, and within it in the order of their first report. */
wd_must_check int auth_store_usage(wd_pg_conn_t *c, const auth_usage_key_t *key,
                                   PGresult **ret, wd_error_t *err);

#endif /* AUTH_STORE_USAGE_H */
