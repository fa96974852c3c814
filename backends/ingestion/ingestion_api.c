/*
 * ingestion_api.c - what the methods share.
 */
#include "ingestion_api.h"

#include <stdio.h>


int
ingestion_api_internal(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                       const wd_error_t *err)
{
    wd_log_warn(call->log, "request failed in the database", "request_id",
                call->ctx.id, "trace_id", wd_ctx_trace_id(&call->ctx), "code",
                rc, "reason", err->text);
    if (rc == WD_EDB || rc == WD_ETIMEOUT || rc == WD_EAGAIN) {
        res->retry_s = 1;
    }
    return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
}


int
ingestion_api_text(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const char *name, char *out, size_t cap)
{
    int      rc;
    wd_str_t v = WD_STR("");

    rc = wd_rpc_arg_str(call, name, &v);
    if (rc == WD_EPARAM || v.len >= cap
        || (v.len != 0 && memchr(v.data, 0, v.len) != NULL)) {
        return wd_rpc_fail_param(res, name,
                                 "%s: must be text of at most %zu "
                                 "bytes",
                                 name, cap - 1);
    }
    wd_str_copy(out, cap, v);
    return WD_OK;
}


int
ingestion_api_args(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   ingestion_args_t *ret)
{
    int         rc, i;
    char        value[INGESTION_ARG_MAX + 1];
    const char *name;

    memset(ret, 0, sizeof(*ret));
    for (i = 0; i < ARG_COUNT; i++) {
        name = ingestion_arg_name((ingestion_arg_e) i);
        rc = ingestion_api_text(call, res, name, value, sizeof(value));
        if (rc != WD_OK) {
            return rc;
        }
        if (!ingestion_arg_set(ret, (ingestion_arg_e) i, wd_str_z(value))) {
            return wd_rpc_fail_param(
                res, name, "%s: the arguments are too long together", name);
        }
    }
    return WD_OK;
}
