/*
 * auth_usage.c - usage.add, the gateways' reports, and usage.get.
 */
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_service.h"
#include "auth_store_keys.h"
#include "auth_store_usage.h"
#include "wd_rows.h"

#include <stdio.h>

#define AUTH_USAGE_ROWS_MAX 5000 /* of a report */
#define AUTH_USAGE_TEXT_MAX 255
#define AUTH_USAGE_COUNT_MAX INT64_C(1000000000000) /* of a row */
#define AUTH_USAGE_LIMIT 100
#define AUTH_USAGE_LIMIT_MAX 1000

static const wd_col_t auth_usage_cols[] = {
    {"day", WD_COL_DATE}, {"principal", WD_COL_STR}, {"key", WD_COL_STR},
    {"plan", WD_COL_STR}, {"method", WD_COL_STR},    {"requests", WD_COL_INT},
    {"cost", WD_COL_INT}, {"refused", WD_COL_INT},
};


/* ---- reports ------------------------------------------------------------ */

static bool
auth_usage_count(wd_mp_t *c, int64_t *ret)
{
    return wd_mp_read_int(c, ret) == WD_OK && *ret >= 0
           && *ret <= AUTH_USAGE_COUNT_MAX;
}


/* One row: [day, principal, key, plan, method, requests, cost, refused]. */
static bool
auth_usage_row(wd_mp_t *c, auth_usage_t *u)
{
    bool      is_date;
    size_t    k, i = u->n;
    wd_ns_t   day;
    uint32_t  n;
    wd_str_t *text;

    if (wd_mp_read_array(c, &n) != WD_OK || n != AUTH_USAGE_TEXTS + 3) {
        return false;
    }

    for (k = 0; k < AUTH_USAGE_TEXTS; k++) {
        text = &u->texts[k][i];
        if (wd_mp_read_str(c, text) != WD_OK
            || (text->len != 0
                && !auth_text_valid(*text, AUTH_USAGE_TEXT_MAX))) {
            return false;
        }
    }
    if (wd_time_parse(u->texts[0][i], &day, &is_date) != WD_OK || !is_date) {
        return false;
    }

    u->n++;
    return auth_usage_count(c, &u->requests[i])
           && auth_usage_count(c, &u->cost[i])
           && auth_usage_count(c, &u->refused[i]);
}


static bool
auth_usage_alloc(auth_usage_t *u, wd_pool_t *pool, size_t n)
{
    size_t k;

    for (k = 0; k < AUTH_USAGE_TEXTS; k++) {
        u->texts[k] = wd_pool_calloc(pool, (n + 1) * sizeof(wd_str_t));
        if (u->texts[k] == NULL) {
            return false;
        }
    }
    u->requests = wd_pool_calloc(pool, (n + 1) * sizeof(int64_t));
    u->cost = wd_pool_calloc(pool, (n + 1) * sizeof(int64_t));
    u->refused = wd_pool_calloc(pool, (n + 1) * sizeof(int64_t));
    return u->requests != NULL && u->cost != NULL && u->refused != NULL;
}


static int
auth_arg_usage(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_usage_t *u)
{
    wd_mp_t  c;
    uint32_t n;

    if (wd_mp_map_find(call->args, "rows", &c) != WD_OK
        || wd_mp_read_array(&c, &n) != WD_OK || n > AUTH_USAGE_ROWS_MAX) {
        return wd_rpc_fail_param(res, "rows",
                                 "rows must be an array of at most %d",
                                 AUTH_USAGE_ROWS_MAX);
    }
    if (!auth_usage_alloc(u, call->pool, n)) {
        return WD_ENOMEM;
    }

    while (u->n < n) {
        if (!auth_usage_row(&c, u)) {
            return wd_rpc_fail_param(
                res, "rows",
                "a row is [day, principal, key, plan, method, requests, cost, "
                "refused]: texts of at most %d bytes, counts from 0 on",
                AUTH_USAGE_TEXT_MAX);
        }
    }
    return WD_OK;
}


int
auth_usage_add(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    bool         fresh;
    int64_t      seq;
    wd_str_t     gateway;
    wd_json_t    j;
    wd_error_t   err;
    auth_usage_t usage = {0};

    rc = auth_arg_text(call, res, "gateway", AUTH_USAGE_TEXT_MAX, &gateway);
    if (rc != WD_OK || gateway.data == NULL) {
        return rc != WD_OK
                   ? rc
                   : wd_rpc_fail_param(res, "gateway", "gateway is required");
    }
    if (wd_rpc_arg_int(call, "seq", &seq) != WD_OK || seq < 0) {
        return wd_rpc_fail_param(res, "seq",
                                 "seq must be an integer from 0 on");
    }
    rc = auth_arg_usage(call, res, &usage);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_usage_add(call->pg, gateway, seq, &usage, &fresh, &err);
    if (rc == WD_OK && fresh) {
        rc = auth_store_keys_used(call->pg, usage.texts[AUTH_USAGE_TEXT_KEY],
                                  usage.n, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "added");
    wd_json_bool(&j, fresh);
    wd_json_end(&j);
    return WD_OK;
}


/* ---- questions ---------------------------------------------------------- */

/* "<days since 1970>_<id>": the last row of the page before. */
static int
auth_arg_usage_cursor(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                      auth_usage_key_t *key)
{
    int      rc;
    int64_t  days = 0;
    wd_str_t text, head;

    key->after_day = -100 * 365 * WD_NS_PER_DAY;
    key->after_id = 0;

    rc = wd_rpc_arg_str(call, "cursor", &text);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc == WD_OK && wd_str_split(&text, '_', &head)
        && wd_int_parse(head, &days) == WD_OK && days >= 0 && days <= 100000
        && wd_int_parse(text, &key->after_id) == WD_OK && key->after_id > 0) {
        key->after_day = days * WD_NS_PER_DAY;
        return WD_OK;
    }
    return wd_rpc_fail_param(res, "cursor",
                             "cursor must be the `next` of the page before");
}


/*
 * Whose usage: one's own; with usage:read that of somebody of the
 * organisation, or "*", of all in it; and of everybody where `org` is "*".
 */
static int
auth_arg_principal(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   auth_usage_key_t *key)
{
    int      rc;
    wd_str_t who;

    rc = auth_arg_text(call, res, "principal", AUTH_USAGE_TEXT_MAX, &who);
    if (rc != WD_OK) {
        return rc;
    }

    key->org_id = -1;
    if (who.data == NULL || wd_str_eq(who, call->ctx.principal)) {
        key->principal = call->ctx.principal;
        return who.data != NULL || key->principal.len != 0
                   ? WD_OK
                   : wd_rpc_fail(res, WD_EFORBIDDEN, "nobody asks");
    }
    if (!wd_ctx_permits(&call->ctx, "usage:read")) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "the usage of others needs the permission "
                           "usage:read");
    }

    key->principal = wd_str_eq_z(who, "*") ? WD_STR_NULL : who;
    return auth_actor_scope(call, res, "orgs:read", &key->org_id);
}


static int
auth_usage_args(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_usage_key_t *key)
{
    int rc;

    key->from = -100 * 365 * WD_NS_PER_DAY;
    key->to = 100 * 365 * WD_NS_PER_DAY;
    key->limit = AUTH_USAGE_LIMIT;

    rc = auth_arg_principal(call, res, key);
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "method", WD_METHOD_MAX, &key->method);
    }
    if (rc == WD_OK) {
        rc = auth_arg_time(call, res, "from", &key->from);
    }
    if (rc == WD_OK) {
        rc = auth_arg_time(call, res, "to", &key->to);
    }
    if (rc == WD_OK) {
        rc = auth_arg_usage_cursor(call, res, key);
    }
    if (rc != WD_OK) {
        return rc;
    }

    return auth_arg_int(call, res, "limit", 1, AUTH_USAGE_LIMIT_MAX,
                        &key->limit);
}


static void
auth_put_usage(wd_rows_t *rows, const PGresult *r, int i)
{
    int col;

    wd_rows_row(rows);
    wd_rows_time(rows, wd_pg_get_date(r, i, AUTH_USAGE_DAY));
    for (col = AUTH_USAGE_PRINCIPAL; col <= AUTH_USAGE_METHOD; col++) {
        wd_rows_str(rows, wd_pg_get_str(r, i, col));
    }
    for (col = AUTH_USAGE_REQUESTS; col <= AUTH_USAGE_REFUSED; col++) {
        wd_rows_int(rows, wd_pg_get_int(r, i, col));
    }
}


/* r has a row more than the page when it goes on. */
static void
auth_answer_usage(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  const PGresult *r, int64_t limit)
{
    int       i, n = PQntuples(r);
    int       shown = (int) wd_min((int64_t) n, limit);
    char      next[2 * WD_NUM_TEXT_MAX];
    wd_rows_t rows;

    wd_rows_begin(&rows, &res->body, call->ctx.format, auth_usage_cols,
                  wd_array_len(auth_usage_cols));
    for (i = 0; i < shown; i++) {
        auth_put_usage(&rows, r, i);
    }
    wd_rows_end(&rows);

    if (n > shown) {
        snprintf(next, sizeof(next), "%lld_%lld",
                 (long long) (wd_pg_get_date(r, shown - 1, AUTH_USAGE_DAY)
                              / WD_NS_PER_DAY),
                 (long long) wd_pg_get_int(r, shown - 1, AUTH_USAGE_ID));
        wd_rpc_meta_str(res, "next", wd_str_z(next));
    }
    wd_doc_member_int(rows.doc, "count", shown);
    wd_doc_member_z(rows.doc, "next", n > shown ? next : NULL);
    wd_rows_finish(&rows);
}


int
auth_usage_get(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int              rc;
    int64_t          limit;
    PGresult        *r;
    wd_error_t       err;
    auth_usage_key_t key = {0};

    rc = auth_usage_args(call, res, &key);
    if (rc != WD_OK) {
        return rc;
    }

    limit = key.limit++;
    rc = auth_store_usage(call->pg, &key, &r, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    auth_answer_usage(call, res, r, limit);
    PQclear(r);
    return WD_OK;
}
