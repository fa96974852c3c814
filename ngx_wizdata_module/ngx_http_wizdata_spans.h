/*
 * ngx_http_wizdata_spans.h - spans of requests and of calls to backends, and
 * how they leave the worker.
 */
#ifndef NGX_HTTP_WIZDATA_SPANS_H
#define NGX_HTTP_WIZDATA_SPANS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "wd_json.h"
#include "wd_trace.h"

#include "ngx_http_wizdata_rpc.h"

typedef struct ngx_http_wizdata_spans_conf_s ngx_http_wizdata_spans_conf_t;
typedef struct ngx_http_wizdata_spans_s      ngx_http_wizdata_spans_t;
typedef struct ngx_http_wizdata_ctx_s        ngx_http_wizdata_ctx_t;


/* The trace of a request. */
typedef struct {
    wd_str_t  parent; /* span id of the caller; empty: the trace begins here */
    wd_str_t  state; /* tracestate that is passed on */
    int64_t   epoch; /* what makes a monotonic time one since 1970 */
    unsigned  sampled:1;
    unsigned  forced:1; /* the key was looked at for trace:force */
    unsigned  answered:1; /* the answer has its traceparent */
} ngx_http_wizdata_trace_t;


/* The span of a call that is traced, of one attempt after the other. */
struct ngx_http_wizdata_call_span_s {
    u_char     tp[WD_TRACEPARENT_LEN]; /* of the attempt */
    u_char     parent[WD_SPAN_ID_LEN];
    uint64_t   start;
    int64_t    epoch;
    ngx_uint_t attempt;
    unsigned   open:1;
};


/* The policy of wizdata_trace_parent, applied to the request's headers. */
typedef enum {
    NGX_HTTP_WIZDATA_TRACE_TRUST = 0,
    NGX_HTTP_WIZDATA_TRACE_IGNORE,
    NGX_HTTP_WIZDATA_TRACE_RATIO
} ngx_http_wizdata_trace_parent_e;


struct ngx_http_wizdata_spans_conf_s {
    uint64_t   threshold;
    ngx_uint_t parent; /* ngx_http_wizdata_trace_parent_e */
    ngx_uint_t service; /* that exports; WD_SVC_COUNT: nobody does */
    ngx_msec_t interval;
    size_t     buffer;
    ngx_uint_t enduser;
    double     ratio;
    ngx_str_t  file; /* where wizdata_trace_export stands */
    ngx_uint_t line;
    unsigned   has_ratio:1;
    unsigned   has_parent:1;
    unsigned   has_export:1;
    unsigned   has_enduser:1;
};


/* Of a worker; for the files below. */
struct ngx_http_wizdata_spans_s {
    ngx_http_wizdata_worker_t  *worker;
    ngx_http_wizdata_service_t *service; /* NULL: spans are not recorded */
    wd_buf_t                    buf; /* whole spans, one after the other */
    wd_buf_t                    attrs; /* of the span being written */
    uint32_t                    n_attrs;
    ngx_event_t                 timer;
    ngx_event_t                 now; /* half full */
};


/* ngx_http_wizdata_spans_conf.c */

void *ngx_http_wizdata_spans_create_conf(ngx_conf_t *cf);
char *ngx_http_wizdata_spans_init_conf(ngx_conf_t *cf, void *main_conf);

/* As member of the open object: for /api/status/config. */
void ngx_http_wizdata_spans_show(wd_json_t *j, const void *main_conf);

char *ngx_http_wizdata_conf_trace_ratio(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_trace_parent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_trace_export(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_trace_enduser(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_wizdata_spans.c */

ngx_int_t ngx_http_wizdata_spans_init(ngx_http_wizdata_worker_t *w);

/* What is left is sent if a connection takes it at once. */
void ngx_http_wizdata_spans_done(ngx_http_wizdata_worker_t *w);

/* The worker exits and `conn` is going to be closed: takes what is left. */
void ngx_http_wizdata_spans_leave(ngx_http_wizdata_conn_t *conn);

/* A whole span was appended to s->buf; it was not, for want of room. */
void ngx_http_wizdata_spans_added(ngx_http_wizdata_spans_t *s);
void ngx_http_wizdata_spans_dropped(ngx_http_wizdata_spans_t *s);


/* ngx_http_wizdata_span.c */

/* Log phase: the span of the request. */
ngx_int_t ngx_http_wizdata_spans_handler(ngx_http_request_t *r);

/*
 * Makes `rpc` a traced call of the request: `span` must stay as long as the
 * call. Nothing happens when the trace is not recorded.
 */
void ngx_http_wizdata_call_span(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_rpc_t *rpc, ngx_http_wizdata_call_span_t *span);

/* For the RPC client: an attempt begins on `conn`; it ended as rpc->outcome. */
void ngx_http_wizdata_call_span_begin(ngx_http_wizdata_rpc_t *rpc);
void ngx_http_wizdata_call_span_end(ngx_http_wizdata_rpc_t *rpc);


/* ngx_http_wizdata_trace.c */

void ngx_http_wizdata_random(ngx_http_wizdata_worker_t *w, u_char *out,
    size_t n);
void ngx_http_wizdata_random_hex(ngx_http_wizdata_worker_t *w, u_char *out,
    size_t digits);
void ngx_http_wizdata_trace_init(ngx_http_wizdata_ctx_t *ctx);

/* Once the key is known: may it force the trace to be recorded, and does it? */
void ngx_http_wizdata_trace_force(ngx_http_wizdata_ctx_t *ctx);

/* `tp` and `ts` of a call for the request. */
void ngx_http_wizdata_trace_context(ngx_http_wizdata_ctx_t *ctx,
    wd_ctx_t *context);

/* Header filter: wizdata_trace_response. */
ngx_int_t ngx_http_wizdata_trace_header(ngx_http_request_t *r);

/* Keeps query strings out of nginx's own error messages. */
ngx_int_t ngx_http_wizdata_log_handler(ngx_http_request_t *r);

#endif /* NGX_HTTP_WIZDATA_SPANS_H */
