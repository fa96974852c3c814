/*
 * auth_answer.c - refusals, pages and members of the answers.
 */
#include "auth_answer.h"

#include "auth_check.h"
#include "wd_log.h"

#define AUTH_PAGE_DEFAULT 100
#define AUTH_PAGE_MAX 1000

static const wd_str_t auth_default_perms[] = {{"*:read", 6}};


int
auth_fail_store(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                const wd_error_t *err)
{
    wd_log_warn(call->log, "database refused", "request", call->ctx.id,
                "reason", err->text);
    if (rc == WD_EDB || rc == WD_ETIMEOUT) {
        res->retry_s = 1;
    }
    return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
}


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
auth_arg_user(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t ref,
              auth_user_t *ret)
{
    int        rc;
    int64_t    id = 0;
    wd_str_t   email = WD_STR_NULL;
    wd_error_t err;

    if (!auth_user_id(ref, &id)) {
        if (!auth_email_valid(ref)) {
            return wd_rpc_fail_param(
                res, "user", "user must be an address, or an id as user:12");
        }
        email = ref;
    }

    rc = auth_store_user_find(call->pg, email, id, call->pool, ret, &err);
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "user", "there is no user %.*s",
                                 WD_STR_ARG(ref));
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


/*
 * Nobody can hand on more than they have; a caller without permissions has
 * none. An operator's call carries "*".
 */
static int
auth_check_perms(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const wd_str_t *perms, size_t n)
{
    char   perm[WD_ERROR_TEXT_MAX];
    size_t i;

    for (i = 0; i < n; i++) {
        if (!wd_perm_valid(perms[i])) {
            return wd_rpc_fail_param(
                res, "permissions",
                "permissions must be resource:action, as bars:read or *:read");
        }
        wd_str_copy(perm, sizeof(perm), perms[i]);
        if (!wd_ctx_permits(&call->ctx, perm)) {
            return wd_rpc_fail(res, WD_EFORBIDDEN,
                               "your key does not have the permission %s, so "
                               "it cannot be given on",
                               perm);
        }
    }
    return WD_OK;
}


int
auth_arg_perms(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const wd_str_t **ret, size_t *ret_n)
{
    int       rc;
    size_t    n = 0;
    wd_str_t *perms;

    *ret = auth_default_perms;
    *ret_n = wd_array_len(auth_default_perms);

    rc = wd_rpc_arg_list(call, "permissions", &perms, &n);
    if (rc == WD_OK && n >= 1 && n <= WD_PERMS_MAX) {
        *ret = perms;
        *ret_n = n;
    } else if (rc != WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "permissions",
                                 "permissions must be a list of 1 to %d",
                                 WD_PERMS_MAX);
    }

    return auth_check_perms(call, res, *ret, *ret_n);
}


int
auth_arg_plan(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t *ret)
{
    int rc;

    *ret = WD_STR("default");
    rc = wd_rpc_arg_str(call, "plan", ret);
    if ((rc != WD_OK && rc != WD_ENOTFOUND)
        || !auth_text_valid(*ret, WD_PLAN_MAX)) {
        return wd_rpc_fail_param(res, "plan", "plan must be the name of one");
    }
    return WD_OK;
}


int
auth_page_begin(auth_page_t *page, const wd_rpc_call_t *call, wd_rpc_res_t *res,
                const char *name)
{
    int      rc;
    wd_str_t cursor;

    page->limit = AUTH_PAGE_DEFAULT;
    page->after = page->n = page->last = 0;

    rc = wd_rpc_arg_int(call, "limit", &page->limit);
    if ((rc != WD_OK && rc != WD_ENOTFOUND) || page->limit < 1
        || page->limit > AUTH_PAGE_MAX) {
        return wd_rpc_fail_param(res, "limit",
                                 "limit must be an integer from 1 to %d",
                                 AUTH_PAGE_MAX);
    }

    rc = wd_rpc_arg_str(call, "cursor", &cursor);
    if (rc == WD_OK) {
        rc = wd_int_parse(cursor, &page->after);
    }
    if ((rc != WD_OK && rc != WD_ENOTFOUND) || page->after < 0) {
        return wd_rpc_fail_param(
            res, "cursor", "cursor must be the `next` of the page before");
    }

    wd_json_init(&page->j, &res->body);
    wd_json_obj(&page->j);
    wd_json_key(&page->j, name);
    wd_json_arr(&page->j);
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
    size_t len;
    char   next[WD_NUM_TEXT_MAX];

    wd_json_end(&page->j);
    wd_json_key(&page->j, "next");

    if (page->n > page->limit) {
        len = wd_int_format(page->last, next);
        wd_json_str(&page->j, wd_str(next, len));
        wd_rpc_meta_str(res, "next", wd_str(next, len));
    } else {
        wd_json_null(&page->j);
    }
    wd_json_end(&page->j);
}


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
    if (n == 0) {
        wd_json_null(j);
        return;
    }
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
