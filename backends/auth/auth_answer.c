/*
 * auth_answer.c - arguments, refusals, pages and members of the answers.
 */
#include "auth_answer.h"

#include "auth_check.h"
#include "auth_service.h"
#include "wd_log.h"

#include <stdarg.h>
#include <stdio.h>

#define AUTH_PAGE_DEFAULT 100
#define AUTH_PAGE_MAX 1000


int
auth_fail_store(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                const wd_error_t *err)
{
    wd_log_warn(call->log, "database refused", "request", call->ctx.id,
                "reason", err->text);
    if (rc == WD_EDB || rc == WD_ETIMEOUT || rc == WD_EAGAIN) {
        res->retry_s = 1;
    }
    return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
}


int
auth_with_pg(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_with_pg_pt fn,
             void *arg)
{
    int           rc;
    auth_t       *a = call->svc;
    wd_error_t    err;
    wd_rpc_call_t with = *call;

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &with.pg,
                       &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = fn(&with, res, arg);
    wd_pg_release(with.pg);
    return rc;
}


int
auth_fail_absent(wd_rpc_res_t *res, const char *param, const char *fmt, ...)
{
    char    text[WD_ERROR_TEXT_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void) wd_rpc_fail_param(res, param, "%s", text);
    return WD_ENOTFOUND;
}


/* ---- arguments ---------------------------------------------------------- */

int
auth_arg_text(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
              size_t max, wd_str_t *ret)
{
    int      rc;
    wd_str_t v;

    rc = wd_rpc_arg_str(call, name, &v);
    if (rc == WD_ENOTFOUND) {
        *ret = WD_STR_NULL;
        return WD_OK;
    }

    if (rc != WD_OK || !auth_text_valid(v, max)) {
        return wd_rpc_fail_param(
            res, name,
            "%s must be text of 1 to %zu bytes without control "
            "characters",
            name, max);
    }

    *ret = v;
    return WD_OK;
}


int
auth_arg_int(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
             int64_t min, int64_t max, int64_t *ret)
{
    int     rc;
    int64_t v;

    rc = wd_rpc_arg_int(call, name, &v);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc != WD_OK || v < min || v > max) {
        return wd_rpc_fail_param(res, name,
                                 "%s must be an integer from %lld to %lld",
                                 name, (long long) min, (long long) max);
    }
    *ret = v;
    return WD_OK;
}


int
auth_arg_time(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
              wd_ns_t *ret)
{
    int rc = wd_rpc_arg_int(call, name, ret);

    return rc == WD_OK || rc == WD_ENOTFOUND
               ? WD_OK
               : wd_rpc_fail_param(res, name, "%s must be a time", name);
}


int
auth_arg_bool(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
              bool *value, const bool **ret)
{
    int rc = wd_rpc_arg_bool(call, name, value);

    *ret = rc == WD_OK ? value : NULL;
    return rc == WD_OK || rc == WD_ENOTFOUND
               ? WD_OK
               : wd_rpc_fail_param(res, name, "%s must be true or false", name);
}


int
auth_arg_texts(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
               size_t max, wd_str_t **ret, size_t *ret_n)
{
    int rc;

    *ret = NULL;
    *ret_n = 0;
    rc = wd_rpc_arg_list(call, name, ret, ret_n);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc != WD_OK || *ret_n > max) {
        return wd_rpc_fail_param(res, name, "%s must be a list of at most %zu",
                                 name, max);
    }
    return WD_OK;
}


int
auth_arg_perms(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
               wd_perms_t *ret)
{
    int       rc;
    size_t    n;
    wd_str_t *v;

    rc = wd_perms_init(ret, call->pool, WD_PERMS_MAX);
    if (rc == WD_OK) {
        rc = auth_arg_texts(call, res, name, WD_PERMS_MAX, &v, &n);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (v != NULL && (n == 0 || wd_perms_add_all(ret, v, n) != WD_OK)) {
        return wd_rpc_fail_param(res, name,
                                 "%s must be a list of 1 to %d of the form "
                                 "resource:action, as bars:read or bars:*",
                                 name, WD_PERMS_MAX);
    }
    return WD_OK;
}


int
auth_arg_name(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
              size_t max, wd_str_t *ret)
{
    if (wd_rpc_arg_str(call, name, ret) != WD_OK || !wd_name_valid(*ret, max)) {
        return wd_rpc_fail_param(
            res, name, "%s must be 1 to %zu letters, digits and - _ .", name,
            max);
    }
    return WD_OK;
}


int
auth_arg_id(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t *ret)
{
    if (wd_rpc_arg_int(call, "id", ret) != WD_OK || *ret < 1) {
        return wd_rpc_fail_param(res, "id", "id must be a positive integer");
    }
    return WD_OK;
}


int
auth_arg_user(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t ref,
              int64_t org_id, auth_user_t *ret)
{
    int        rc;
    int64_t    id = 0;
    wd_error_t err;

    if (auth_user_id(ref, &id)) {
        rc = auth_store_user(call->pg, id, call->pool, ret, &err);
    } else if (auth_email_valid(ref)) {
        rc = auth_store_user_by_email(call->pg, org_id, ref, call->pool, ret,
                                      &err);
    } else {
        return wd_rpc_fail_param(
            res, "user", "user must be an address, or an id as user:12");
    }

    if (rc == WD_ENOTFOUND || (rc == WD_OK && ret->org_id != org_id)) {
        return auth_fail_absent(res, "user", "there is no user %.*s",
                                WD_STR_ARG(ref));
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


/* ---- pages -------------------------------------------------------------- */

int
auth_page_begin(auth_page_t *page, const wd_rpc_call_t *call, wd_rpc_res_t *res,
                const char *name, const wd_col_t *cols, size_t n_cols)
{
    int      rc;
    wd_str_t cursor;

    page->limit = AUTH_PAGE_DEFAULT;
    page->after = page->n = page->last = 0;

    rc = auth_arg_int(call, res, "limit", 1, AUTH_PAGE_MAX, &page->limit);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_rpc_arg_str(call, "cursor", &cursor);
    if (rc == WD_OK) {
        rc = wd_int_parse(cursor, &page->after);
    }
    if ((rc != WD_OK && rc != WD_ENOTFOUND) || page->after < 0) {
        return wd_rpc_fail_param(
            res, "cursor", "cursor must be the `next` of the page before");
    }

    wd_rows_begin_as(&page->rows, &res->body, call->ctx.format, name, cols,
                     n_cols);
    return WD_OK;
}


bool
auth_page_row(auth_page_t *page, int64_t id)
{
    if (page->n++ >= page->limit) {
        return false;
    }
    page->last = id;
    return true;
}


void
auth_page_end(auth_page_t *page, wd_rpc_res_t *res)
{
    char next[WD_NUM_TEXT_MAX + 1];
    bool more = page->n > page->limit;

    if (more) {
        next[wd_int_format(page->last, next)] = '\0';
        wd_rpc_meta_str(res, "next", wd_str_z(next));
    }
    wd_rows_end(&page->rows);
    wd_doc_member_z(page->rows.doc, "next", more ? next : NULL);
    wd_rows_finish(&page->rows);
}


void
auth_rows_end_time(wd_rows_t *rows, wd_ns_t t)
{
    if (t != WD_NS_MAX) {
        wd_rows_time(rows, t);
    } else {
        wd_rows_null(rows);
    }
}


/* ---- members ------------------------------------------------------------ */

void
auth_json_str(wd_json_t *j, const char *key, wd_str_t v)
{
    wd_json_key(j, key);
    if (v.data != NULL) {
        wd_json_str(j, v);
    } else {
        wd_json_null(j);
    }
}


void
auth_json_strs(wd_json_t *j, const char *key, const wd_str_t *v, size_t n)
{
    size_t i;

    wd_json_key(j, key);
    wd_json_arr(j);
    for (i = 0; i < n; i++) {
        wd_json_str(j, v[i]);
    }
    wd_json_end(j);
}


void
auth_json_end(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    if (t != WD_NS_MAX) {
        wd_json_time(j, t);
    } else {
        wd_json_null(j);
    }
}


void
auth_json_int(wd_json_t *j, const char *key, int64_t v)
{
    wd_json_key(j, key);
    wd_json_int(j, v);
}


void
auth_json_bool(wd_json_t *j, const char *key, bool v)
{
    wd_json_key(j, key);
    wd_json_bool(j, v);
}
