/*
 * ingestion_collections_api.c - collections are made, ended, paused and run by
 * request.
 */
#include "ingestion_collections_api.h"


int
ingestion_api_failed(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                     const wd_error_t *err)
{
    wd_buf_reset(&res->body);
    switch (rc) {
    case WD_ENOTFOUND:
        return wd_rpc_fail(res, rc, "No such collection");
    case WD_EEXIST:
        return wd_rpc_fail(res, rc, "%s", err->text);
    case WD_EDB:
    case WD_ETIMEOUT:
    case WD_EAGAIN:
        res->retry_s = 1;
        break;
    }
    wd_log_warn(call->log, "request about collections failed in the database",
                "request_id", call->ctx.id, "trace_id",
                wd_ctx_trace_id(&call->ctx), "code", rc, "reason", err->text);
    return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
}


int
ingestion_api_name(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const char *arg, char out[INGESTION_COLLECTION_NAME_MAX + 1])
{
    int      rc;
    wd_str_t name = WD_STR("");

    rc = wd_rpc_arg_str(call, arg, &name);
    if (rc == WD_EPARAM
        || (rc == WD_OK
            && !wd_name_valid(name, INGESTION_COLLECTION_NAME_MAX))) {
        return wd_rpc_fail_param(res, arg,
                                 "%s: must be 1 to %d letters, digits and "
                                 "- _ .",
                                 arg, INGESTION_COLLECTION_NAME_MAX);
    }
    wd_str_copy(out, INGESTION_COLLECTION_NAME_MAX + 1, name);
    return WD_OK;
}


/* ---- definitions -------------------------------------------------------- */

static int
set_list(const wd_rpc_call_t *call, ingestion_collection_t *c, const char *key,
         wd_error_t *err)
{
    int       rc;
    size_t    i, n = 0;
    wd_str_t *items;

    rc = wd_rpc_arg_list(call, key, &items, &n);
    for (i = 0; i < n && rc == WD_OK; i++) {
        rc = ingestion_collection_set(c, wd_str_z(key), items[i], err);
    }
    return rc;
}


/* An argument of any type as the text of its key. */
static int
set_any(const wd_rpc_call_t *call, ingestion_collection_t *c, const char *key,
        wd_error_t *err)
{
    int      rc;
    bool     flag;
    char     number[WD_NUM_TEXT_MAX];
    int64_t  n;
    wd_str_t text;

    rc = wd_rpc_arg_str(call, key, &text);
    if (rc == WD_EPARAM && wd_rpc_arg_int(call, key, &n) == WD_OK) {
        text = wd_str(number, wd_int_format(n, number));
        rc = WD_OK;
    }
    if (rc == WD_EPARAM && wd_rpc_arg_bool(call, key, &flag) == WD_OK) {
        text = flag ? WD_STR("true") : WD_STR("false");
        rc = WD_OK;
    }
    if (rc == WD_EPARAM) {
        return set_list(call, c, key, err);
    }
    return rc == WD_OK ? ingestion_collection_set(c, wd_str_z(key), text, err)
                       : rc;
}


static int
refuse(wd_rpc_res_t *res, int rc, const char *key, const wd_error_t *err)
{
    if (rc == WD_ENOMEM) {
        return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
    }
    return wd_rpc_fail_param(res, key, "%s",
                             err->text[0] != '\0' ? err->text
                                                  : "not of the right type");
}


static int
check_zone(const ingestion_collection_t *c, const char **ret_key,
           wd_error_t *err)
{
    int      rc;
    wd_tz_t *zone = NULL;

    if (c->zone[0] == '\0') {
        return WD_OK;
    }
    rc = wd_tz_load(c->zone, &zone);
    wd_tz_destroy(zone);
    *ret_key = "tz";
    return rc == WD_OK || rc == WD_ENOMEM
               ? rc
               : wd_error(err, WD_EPARAM, "tz: no such time zone");
}


int
ingestion_api_definition(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                         ingestion_collection_t *ret)
{
    int         rc = WD_OK;
    size_t      i;
    wd_error_t  err = {0};
    const char *key = "";

    for (i = 0; rc == WD_OK && ingestion_collection_key(i) != NULL; i++) {
        key = ingestion_collection_key(i);
        rc = set_any(call, ret, key, &err);
        rc = rc == WD_ENOTFOUND ? WD_OK : rc; /* not given */
    }
    if (rc == WD_OK) {
        rc = ingestion_collection_check(ret, &key, &err);
    }
    if (rc == WD_OK) {
        rc = check_zone(ret, &key, &err);
    }
    return rc == WD_OK ? WD_OK : refuse(res, rc, key, &err);
}


/* ---- changes ------------------------------------------------------------ */

static void
tell(const wd_rpc_call_t *call, const char *name, const char *change)
{
    wd_log_info(call->log, "collection is changed by request", "collection",
                name, "change", change, "principal", call->ctx.principal,
                "request_id", call->ctx.id, "ip", call->ctx.ip);
}


static void
put_result(wd_rpc_res_t *res, const char *name, const char *key, bool value)
{
    wd_json_t j;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "name");
    wd_json_z(&j, name);
    wd_json_key(&j, key);
    wd_json_bool(&j, value);
    wd_json_end(&j);
}


static int
set(const wd_rpc_call_t *call, wd_rpc_res_t *res, ingestion_collection_t *c)
{
    int                      rc;
    wd_error_t               err = {0};
    ingestion_put_e          what;
    const ingestion_source_t source = {.api = true, .by = call->ctx.principal};

    rc = ingestion_api_name(call, res, "name", c->name);
    if (rc == WD_OK && c->name[0] == '\0') {
        rc = wd_rpc_fail_param(res, "name", "name: is needed");
    }
    if (rc == WD_OK) {
        rc = ingestion_api_definition(call, res, c);
    }
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_put(call->pg, c, &source, &what, &err);
    if (rc != WD_OK) {
        return ingestion_api_failed(call, res, rc, &err);
    }
    if (what != PUT_SAME) {
        tell(call, c->name, what == PUT_NEW ? "new" : "replaced");
    }
    put_result(res, c->name, "created", what == PUT_NEW);
    return WD_OK;
}


int
ingestion_collections_set(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                    rc;
    ingestion_collection_t c;

    ingestion_collection_init(&c);
    rc = set(call, res, &c);
    ingestion_collection_done(&c);
    return rc;
}


int
ingestion_collections_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    char       name[INGESTION_COLLECTION_NAME_MAX + 1];
    wd_error_t err = {0};

    rc = ingestion_api_name(call, res, "name", name);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_retire(call->pg, name, &err);
    if (rc != WD_OK) {
        return ingestion_api_failed(call, res, rc, &err);
    }
    tell(call, name, "deleted");
    put_result(res, name, "deleted", true);
    return WD_OK;
}


static int
set_paused(const wd_rpc_call_t *call, wd_rpc_res_t *res, bool paused)
{
    int        rc;
    char       name[INGESTION_COLLECTION_NAME_MAX + 1];
    wd_error_t err = {0};

    rc = ingestion_api_name(call, res, "name", name);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_pause(call->pg, name, paused, &err);
    if (rc != WD_OK) {
        return ingestion_api_failed(call, res, rc, &err);
    }
    tell(call, name, paused ? "paused" : "resumed");
    put_result(res, name, "paused", paused);
    return WD_OK;
}


int
ingestion_collections_pause(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    return set_paused(call, res, true);
}


int
ingestion_collections_resume(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    return set_paused(call, res, false);
}


int
ingestion_collections_run(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    char       name[INGESTION_COLLECTION_NAME_MAX + 1];
    int64_t    n = 0;
    wd_json_t  j;
    wd_error_t err = {0};

    rc = ingestion_api_name(call, res, "name", name);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_run(call->pg, name, &n, &err);
    if (rc != WD_OK) {
        return ingestion_api_failed(call, res, rc, &err);
    }
    tell(call, name, "run");
    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "name");
    wd_json_z(&j, name);
    wd_json_key(&j, "instruments");
    wd_json_int(&j, n);
    wd_json_end(&j);
    res->status = 202;
    return WD_OK;
}
