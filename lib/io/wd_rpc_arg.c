/*
 * wd_rpc_arg.c - what a method reads its arguments and fills its answer with.
 */
#include "wd_rpc.h"

#include <stdarg.h>
#include <stdio.h>


int
wd_rpc_arg_str(const wd_rpc_call_t *c, const char *name, wd_str_t *ret)
{
    int     rc;
    wd_mp_t at;

    rc = wd_mp_map_find(c->args, name, &at);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_mp_read_str(&at, ret) == WD_OK ? WD_OK : WD_EPARAM;
}


int
wd_rpc_arg_int(const wd_rpc_call_t *c, const char *name, int64_t *ret)
{
    int     rc;
    wd_mp_t at;

    rc = wd_mp_map_find(c->args, name, &at);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_mp_read_int(&at, ret) == WD_OK ? WD_OK : WD_EPARAM;
}


int
wd_rpc_arg_bool(const wd_rpc_call_t *c, const char *name, bool *ret)
{
    int     rc;
    wd_mp_t at;

    rc = wd_mp_map_find(c->args, name, &at);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_mp_read_bool(&at, ret) == WD_OK ? WD_OK : WD_EPARAM;
}


int
wd_rpc_arg_num(const wd_rpc_call_t *c, const char *name, double *ret)
{
    int     rc;
    wd_mp_t at;

    rc = wd_mp_map_find(c->args, name, &at);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_mp_read_num(&at, ret) == WD_OK ? WD_OK : WD_EPARAM;
}


int
wd_rpc_arg_list(const wd_rpc_call_t *c, const char *name, wd_str_t **ret,
                size_t *ret_n)
{
    int       rc;
    wd_mp_t   at;
    uint32_t  i, n;
    wd_str_t *items;

    rc = wd_mp_map_find(c->args, name, &at);
    if (rc != WD_OK) {
        return rc;
    }
    if (wd_mp_read_array(&at, &n) != WD_OK) {
        return WD_EPARAM;
    }

    items = wd_pool_alloc(c->pool, (n + 1) * sizeof(*items));
    if (items == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(&at, &items[i]) != WD_OK) {
            return WD_EPARAM;
        }
    }

    *ret = items;
    *ret_n = n;
    return WD_OK;
}


int
wd_rpc_fail(wd_rpc_res_t *res, int code, const char *fmt, ...)
{
    va_list ap;

    res->err.code = code;
    va_start(ap, fmt);
    vsnprintf(res->err.text, sizeof(res->err.text), fmt, ap);
    va_end(ap);
    return code;
}


int
wd_rpc_fail_param(wd_rpc_res_t *res, const char *param, const char *fmt, ...)
{
    va_list ap;

    wd_str_copy(res->err_param, sizeof(res->err_param), wd_str_z(param));
    res->err.code = WD_EPARAM;
    va_start(ap, fmt);
    vsnprintf(res->err.text, sizeof(res->err.text), fmt, ap);
    va_end(ap);
    return WD_EPARAM;
}


void
wd_rpc_meta_str(wd_rpc_res_t *res, const char *key, wd_str_t v)
{
    wd_mp_put_z(&res->meta, key);
    wd_mp_put_str(&res->meta, v);
    res->n_meta++;
}


void
wd_rpc_meta_int(wd_rpc_res_t *res, const char *key, int64_t v)
{
    wd_mp_put_z(&res->meta, key);
    wd_mp_put_int(&res->meta, v);
    res->n_meta++;
}
