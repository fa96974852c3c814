/*
 * ngx_http_wizdata_jwks_auth.c - the key set of the service auth: asked by
 * RPC, its body kept together until it is whole.
 */
#include "ngx_http_wizdata_jwt.h"


static void ngx_http_wizdata_jwks_replied(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_jwks_chunk(ngx_http_wizdata_rpc_t *rpc,
    wd_str_t bytes, bool last);
static void ngx_http_wizdata_jwks_call_failed(ngx_http_wizdata_rpc_t *rpc,
    int code);


static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_jwks_ops = {
    ngx_http_wizdata_jwks_replied, ngx_http_wizdata_jwks_chunk,
    ngx_http_wizdata_jwks_call_failed};


static void
ngx_http_wizdata_jwks_call_over(ngx_http_wizdata_jwks_t *s, int code)
{
    s->calling = 0;
    if (code != WD_OK) {
        ngx_http_wizdata_jwks_fetch_failed(s, wd_err_info(code)->text);
    } else {
        ngx_http_wizdata_jwks_fetched(s, wd_buf_view(&s->body),
                                      s->worker->conf->jwt->refresh);
    }
    wd_buf_done(&s->body);
}


static void
ngx_http_wizdata_jwks_replied(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_jwks_t *s = rpc->data;

    if (f->code == WD_OK) {
        wd_buf_str(&s->body, f->body);
        if (f->more) {
            ngx_http_wizdata_rpc_credit(rpc, f->body.len);
            return;
        }
    }
    ngx_http_wizdata_jwks_call_over(s, f->code != WD_OK ? f->code
                                                        : s->body.err);
}


static void
ngx_http_wizdata_jwks_chunk(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes,
    bool last)
{
    ngx_http_wizdata_jwks_t *s = rpc->data;

    wd_buf_str(&s->body, bytes);
    if (last) {
        ngx_http_wizdata_jwks_call_over(s, s->body.err);
    } else {
        ngx_http_wizdata_rpc_credit(rpc, bytes.len);
    }
}


static void
ngx_http_wizdata_jwks_call_failed(ngx_http_wizdata_rpc_t *rpc, int code)
{
    ngx_http_wizdata_jwks_call_over(rpc->data, code);
}


void
ngx_http_wizdata_jwks_call(ngx_http_wizdata_jwks_t *s)
{
    int                     rc;
    ngx_http_wizdata_rpc_t *rpc = &s->rpc;

    static const char       no_args[] = "\x80"; /* an empty map */

    ngx_memzero(rpc, sizeof(*rpc));
    rpc->ops = &ngx_http_wizdata_jwks_ops;
    rpc->data = s;
    rpc->method = &wd_methods()[WD_METHOD_AUTH_JWKS];
    rpc->service = &s->worker->services[WD_SVC_AUTH];
    rpc->context.id = WD_STR("jwks");
    rpc->args = wd_str(no_args, 1);

    wd_buf_done(&s->body);
    wd_buf_init(&s->body, WD_JWKS_BYTES_MAX);
    s->calling = 1;
    rc = ngx_http_wizdata_rpc_start(rpc);
    if (rc != WD_OK) {
        s->calling = 0;
        ngx_http_wizdata_jwks_fail(s, wd_err_info(rc)->text);
    }
}
