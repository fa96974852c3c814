/*
 * ngx_http_wizdata_refusals.h - auth learns of every 401 and 403: why a
 * request was refused, and when a refusal is final.
 */
#ifndef NGX_HTTP_WIZDATA_REFUSALS_H
#define NGX_HTTP_WIZDATA_REFUSALS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "wd_str.h"

#include "ngx_http_wizdata_rpc.h"

typedef enum {
#define REFUSAL(id, word) NGX_HTTP_WIZDATA_REFUSAL_##id,
#include "ngx_http_wizdata_refusals.def"
#undef REFUSAL
    NGX_HTTP_WIZDATA_REFUSAL_COUNT
} ngx_http_wizdata_refusal_e;

/* Of a request: whose it was when it was refused; "": nobody knows. */
typedef struct {
    wd_str_t principal;
    wd_str_t key;
    unsigned told:1; /* once for each request */
} ngx_http_wizdata_refusal_t;

typedef struct ngx_http_wizdata_refusals_s ngx_http_wizdata_refusals_t;

struct ngx_http_wizdata_ctx_s;

ngx_int_t ngx_http_wizdata_refusals_init(ngx_http_wizdata_worker_t *w);

/* What is left is sent if a connection takes it at once. */
void ngx_http_wizdata_refusals_done(ngx_http_wizdata_worker_t *w);

/* The worker exits and `conn` is going to be closed: takes what is left. */
void ngx_http_wizdata_refusals_leave(ngx_http_wizdata_conn_t *conn);

/*
 * The request is refused as ctx->problem says; whose it is is remembered,
 * since it may be taken back. Nothing happens when the problem is neither of
 * WD_EUNAUTH and WD_EFORBIDDEN.
 */
void ngx_http_wizdata_refusal_note(struct ngx_http_wizdata_ctx_s *ctx);

/* The same, and nobody will let the request in after all. */
void ngx_http_wizdata_refusal_final(struct ngx_http_wizdata_ctx_s *ctx);

/* Log phase: refusals that nginx decided on, or `satisfy any` in the end. */
ngx_int_t ngx_http_wizdata_refusals_handler(ngx_http_request_t *r);

#endif /* NGX_HTTP_WIZDATA_REFUSALS_H */
