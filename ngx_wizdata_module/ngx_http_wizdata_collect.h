/*
 * ngx_http_wizdata_collect.h - asks several backends the same question in
 * parallel and waits for all of them, each with the method's deadline.
 */
#ifndef NGX_HTTP_WIZDATA_COLLECT_H
#define NGX_HTTP_WIZDATA_COLLECT_H

#include "ngx_http_wizdata.h"

#define NGX_HTTP_WIZDATA_COLLECT_MAX (4 * 1024 * 1024) /* bytes of an answer */

typedef struct ngx_http_wizdata_collect_s ngx_http_wizdata_collect_t;

typedef struct {
    ngx_http_wizdata_rpc_t      rpc;
    ngx_http_wizdata_collect_t *collect;
    ngx_http_wizdata_service_t *service;
    ngx_http_wizdata_peer_t    *peer; /* NULL: any of the service */
    ngx_msec_t                  asked;
    ngx_msec_t                  latency;
    int                         code; /* WD_OK: body and meta are there */
    size_t                      taken; /* bytes of a sink without credit */
    wd_buf_t                    meta;
    wd_buf_t                    body;
} ngx_http_wizdata_answer_t;

/*
 * Takes bytes of a body as they come, instead of keeping them in the answer;
 * whoever has it gives the credit for them. Not WD_OK: the answer fails so.
 */
typedef int (*ngx_http_wizdata_sink_pt)(ngx_http_wizdata_answer_t *a,
    wd_str_t bytes);

struct ngx_http_wizdata_collect_s {
    ngx_http_wizdata_ctx_t    *ctx;
    ngx_http_wizdata_next_pt   done;
    ngx_http_wizdata_sink_pt   sink; /* NULL: bodies are kept */
    ngx_http_wizdata_answer_t *answers;
    ngx_uint_t                 n;
    ngx_uint_t                 left;
};

/*
 * Asks every service once, or every endpoint of each with `all`. `done` is
 * called when nothing is outstanding, possibly at once; the answers stay in
 * ctx->collect until the request ends. NGX_ERROR without memory.
 */
ngx_int_t ngx_http_wizdata_collect(ngx_http_wizdata_ctx_t *ctx,
    wd_method_e method, ngx_uint_t all, ngx_http_wizdata_next_pt done);

/* The same, with bodies going to `sink`. */
ngx_int_t ngx_http_wizdata_collect_into(ngx_http_wizdata_ctx_t *ctx,
    wd_method_e method, ngx_uint_t all, ngx_http_wizdata_sink_pt sink,
    ngx_http_wizdata_next_pt done);

/* Connections of a service that are ready. */
ngx_uint_t ngx_http_wizdata_ready(const ngx_http_wizdata_service_t *s);

#endif /* NGX_HTTP_WIZDATA_COLLECT_H */
