/*
 * ngx_http_wizdata_span.c - spans of traces that are recorded: one of a
 * request, written in its log phase, and one of each attempt of its calls,
 * written when the attempt ends (docs/PROTOCOL.md, trace.spans).
 */
#include "ngx_http_wizdata.h"

#include "wd_mask.h"

#define NGX_HTTP_WIZDATA_SPAN_NAME 160
#define NGX_HTTP_WIZDATA_SPAN_TEXT 256 /* bytes of a client's text */

/* Kinds and status as OTLP numbers them. */
#define NGX_HTTP_WIZDATA_KIND_SERVER 2
#define NGX_HTTP_WIZDATA_KIND_CLIENT 3
#define NGX_HTTP_WIZDATA_STATUS_UNSET 0
#define NGX_HTTP_WIZDATA_STATUS_ERROR 2


/* The head of a span; its attributes are collected before. */
typedef struct {
    const u_char *trace;
    const u_char *id;
    wd_str_t      parent;
    ngx_uint_t    kind;
    const char   *name;
    int64_t       start;
    int64_t       end;
    ngx_uint_t    status;
    wd_str_t      state;
} ngx_http_wizdata_span_t;


/* ---- one span ----------------------------------------------------------- */

static void
ngx_http_wizdata_attr(ngx_http_wizdata_spans_t *s, const char *key,
    wd_str_t value)
{
    if (value.len != 0) {
        wd_mp_put_z(&s->attrs, key);
        wd_mp_put_str(&s->attrs, value);
        s->n_attrs++;
    }
}


static void
ngx_http_wizdata_attr_z(ngx_http_wizdata_spans_t *s, const char *key,
    const char *value)
{
    ngx_http_wizdata_attr(s, key, wd_str_z(value));
}


static void
ngx_http_wizdata_attr_int(ngx_http_wizdata_spans_t *s, const char *key,
    int64_t value)
{
    wd_mp_put_z(&s->attrs, key);
    wd_mp_put_int(&s->attrs, value);
    s->n_attrs++;
}


/* What a client wrote: valid UTF-8, without secrets, not too long. */
static void
ngx_http_wizdata_attr_client(ngx_http_wizdata_spans_t *s, const char *key,
    const ngx_str_t *value)
{
    char   text[NGX_HTTP_WIZDATA_SPAN_TEXT];
    size_t n;

    n = wd_mask(wd_str((char *) value->data, value->len), text, sizeof(text));
    ngx_http_wizdata_attr(s, key, wd_str(text, n));
}


static void
ngx_http_wizdata_attrs_begin(ngx_http_wizdata_spans_t *s)
{
    wd_buf_reset(&s->attrs);
    s->n_attrs = 0;
}


static void
ngx_http_wizdata_mp_optional(wd_buf_t *out, wd_str_t value)
{
    if (value.len != 0) {
        wd_mp_put_str(out, value);
    } else {
        wd_mp_put_nil(out);
    }
}


/* Head and collected attributes, docs/PROTOCOL.md, trace.spans. */
static void
ngx_http_wizdata_span_add(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_span_t *span)
{
    size_t    at = s->buf.len;
    wd_buf_t *out = &s->buf;

    wd_mp_put_array(out, 10);
    wd_mp_put_str(out, wd_str((char *) span->trace, WD_TRACE_ID_LEN));
    wd_mp_put_str(out, wd_str((char *) span->id, WD_SPAN_ID_LEN));
    ngx_http_wizdata_mp_optional(out, span->parent);
    wd_mp_put_int(out, span->kind);
    wd_mp_put_z(out, span->name);
    wd_mp_put_int(out, span->start);
    wd_mp_put_int(out, span->end);
    wd_mp_put_int(out, span->status);
    wd_mp_put_map(out, s->n_attrs);
    wd_buf_str(out, wd_buf_view(&s->attrs));
    ngx_http_wizdata_mp_optional(out, span->state);

    if (out->err == WD_OK && s->attrs.err == WD_OK) {
        ngx_http_wizdata_spans_added(s);
        return;
    }

    out->len = at;
    out->err = WD_OK;
    ngx_http_wizdata_spans_dropped(s);
}


/* ---- the span of a request ---------------------------------------------- */

/* A method that is none of HTTP's own is not repeated. */
static const char *
ngx_http_wizdata_span_method(const ngx_http_request_t *r)
{
    ngx_uint_t               i;
    static const struct {
        ngx_uint_t  bit;
        const char *name;
    } methods[] = {
        {NGX_HTTP_GET, "GET"}, {NGX_HTTP_HEAD, "HEAD"},
        {NGX_HTTP_POST, "POST"}, {NGX_HTTP_PUT, "PUT"},
        {NGX_HTTP_DELETE, "DELETE"}, {NGX_HTTP_OPTIONS, "OPTIONS"},
        {NGX_HTTP_PATCH, "PATCH"}, {NGX_HTTP_TRACE, "TRACE"},
    };

    for (i = 0; i < wd_array_len(methods); i++) {
        if (r->method == methods[i].bit) {
            return methods[i].name;
        }
    }
    return "_OTHER";
}


static const char *
ngx_http_wizdata_span_protocol(const ngx_http_request_t *r)
{
    switch (r->http_version) {
    case NGX_HTTP_VERSION_10:
        return "1.0";
    case NGX_HTTP_VERSION_11:
        return "1.1";
    case NGX_HTTP_VERSION_20:
        return "2";
    default:
        return NULL;
    }
}


static void
ngx_http_wizdata_span_error(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_ctx_t *ctx, ngx_uint_t status)
{
    char text[NGX_INT_T_LEN];

    if (ctx->problem.code != 0) {
        ngx_http_wizdata_attr_z(s, "error.type",
                                wd_err_info(ctx->problem.code)->slug);
    } else if (status >= 500) {
        snprintf(text, sizeof(text), "%d", (int) status);
        ngx_http_wizdata_attr_z(s, "error.type", text);
    }
}


static void
ngx_http_wizdata_span_http(ngx_http_wizdata_spans_t *s, ngx_http_request_t *r,
    const ngx_http_wizdata_ctx_t *ctx)
{
    const char *scheme = "http";

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        scheme = "https";
    }
#endif

    ngx_http_wizdata_attr_z(s, "http.request.method",
                            ngx_http_wizdata_span_method(r));
    ngx_http_wizdata_attr_z(s, "url.scheme", scheme);
    ngx_http_wizdata_attr_client(s, "url.path", &r->uri);
    ngx_http_wizdata_attr_client(s, "server.address", &r->headers_in.server);
    ngx_http_wizdata_attr_z(s, "network.protocol.version",
                            ngx_http_wizdata_span_protocol(r));

    if (r->headers_out.status != 0) {
        ngx_http_wizdata_attr_int(s, "http.response.status_code",
                                  (int64_t) r->headers_out.status);
    }
    if (ctx->method != NULL && ctx->method->path != NULL) {
        ngx_http_wizdata_attr_z(s, "http.route", ctx->method->path);
    }
    ngx_http_wizdata_span_error(s, ctx, r->headers_out.status);
}


/* What only this gateway knows; who asked is told by directive alone. */
static void
ngx_http_wizdata_span_wizdata(ngx_http_wizdata_spans_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_attr(s, "wizdata.request_id",
                          wd_str((char *) ctx->request_id.data,
                                 ctx->request_id.len));
    if (ctx->method != NULL) {
        ngx_http_wizdata_attr_z(s, "wizdata.method", ctx->method->name);
    }
    ngx_http_wizdata_attr(s, "wizdata.plan", ctx->verdict.plan);
    ngx_http_wizdata_attr_z(s, "wizdata.cache", ctx->cache_outcome);
    ngx_http_wizdata_attr_z(s, "wizdata.limit", ctx->limit_outcome);
    if (s->worker->conf->spans->enduser) {
        ngx_http_wizdata_attr(s, "enduser.id", ctx->verdict.principal);
    }
}


static void
ngx_http_wizdata_span_request(ngx_http_wizdata_spans_t *s,
    ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    char                    name[NGX_HTTP_WIZDATA_SPAN_NAME];
    const char             *verb = ngx_http_wizdata_span_method(r);
    const wd_method_t      *m = ctx->method;
    ngx_http_wizdata_span_t span;

    ngx_http_wizdata_attrs_begin(s);
    ngx_http_wizdata_span_http(s, r, ctx);
    ngx_http_wizdata_span_wizdata(s, ctx);

    snprintf(name, sizeof(name), "%s%s%s",
             verb[0] != '_' ? verb : "HTTP",
             m != NULL && m->path != NULL ? " " : "",
             m != NULL && m->path != NULL ? m->path : "");

    span.trace = ctx->traceparent_text + WD_TRACE_ID_AT;
    span.id = ctx->traceparent_text + WD_SPAN_ID_AT;
    span.parent = ctx->trace.parent;
    span.kind = NGX_HTTP_WIZDATA_KIND_SERVER;
    span.name = name;
    span.start = ctx->trace.epoch + (int64_t) ctx->times.start;
    span.end = ctx->trace.epoch + (int64_t) ngx_http_wizdata_clock();
    span.status = r->headers_out.status >= 500 ? NGX_HTTP_WIZDATA_STATUS_ERROR
                                               : NGX_HTTP_WIZDATA_STATUS_UNSET;
    span.state = ctx->trace.state;
    ngx_http_wizdata_span_add(s, &span);
}


ngx_int_t
ngx_http_wizdata_spans_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx == NULL || r != r->main) {
        return NGX_OK;
    }

    ngx_http_wizdata_trace_force(ctx); /* answered without a call */
    if (ctx->trace.sampled && ctx->worker->spans != NULL
        && ctx->worker->spans->service != NULL)
    {
        ngx_http_wizdata_span_request(ctx->worker->spans, r, ctx);
    }
    return NGX_OK;
}


/* ---- the span of a call ------------------------------------------------- */

void
ngx_http_wizdata_call_span(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_rpc_t *rpc, ngx_http_wizdata_call_span_t *span)
{
    if (!ctx->trace.sampled || ctx->worker->spans == NULL
        || ctx->worker->spans->service == NULL)
    {
        return;
    }

    ngx_memcpy(span->tp, ctx->traceparent_text, WD_TRACEPARENT_LEN);
    ngx_memcpy(span->parent, ctx->traceparent_text + WD_SPAN_ID_AT,
               WD_SPAN_ID_LEN);
    span->epoch = ctx->trace.epoch;
    span->attempt = 0;
    span->open = 0;
    rpc->span = span;
}


void
ngx_http_wizdata_call_span_begin(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_call_span_t *span = rpc->span;

    ngx_http_wizdata_random_hex(rpc->service->worker,
                                span->tp + WD_SPAN_ID_AT, WD_SPAN_ID_LEN);
    rpc->context.traceparent = wd_str((char *) span->tp, WD_TRACEPARENT_LEN);
    span->start = ngx_http_wizdata_clock();
    span->attempt++;
    span->open = 1;
}


static void
ngx_http_wizdata_span_endpoint(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_conn_t *conn)
{
    u_char                      *colon;
    ngx_int_t                    port;
    const ngx_str_t             *name;
    ngx_http_wizdata_endpoint_t *e = conn->peer->endpoint;

    name = &e->name;
    if (e->sockaddr->sa_family == AF_UNIX) {
        ngx_http_wizdata_attr(s, "server.address",
                              wd_str((char *) name->data + 5, name->len - 5));
        ngx_http_wizdata_attr_z(s, "network.transport", "unix");
        return;
    }

    colon = name->data + name->len;
    while (colon > name->data && *colon != ':') {
        colon--;
    }
    ngx_http_wizdata_attr(s, "server.address",
                          wd_str((char *) name->data, colon - name->data));
    port = ngx_atoi(colon + 1, name->data + name->len - colon - 1);
    if (port > 0) {
        ngx_http_wizdata_attr_int(s, "server.port", port);
    }
    ngx_http_wizdata_attr_z(s, "network.transport", "tcp");
}


static void
ngx_http_wizdata_span_rpc(ngx_http_wizdata_spans_t *s,
    const ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_attr_z(s, "rpc.system", "messagepack");
    ngx_http_wizdata_attr_z(s, "rpc.service",
                            wd_service_name(rpc->service->id));
    ngx_http_wizdata_attr_z(s, "rpc.method", rpc->method->name);
    ngx_http_wizdata_span_endpoint(s, rpc->conn);

    if (rpc->outcome != WD_OK) {
        ngx_http_wizdata_attr_z(s, "error.type",
                                wd_err_info(rpc->outcome)->slug);
        ngx_http_wizdata_attr_int(s, "wizdata.rpc.code", rpc->outcome);
    }
    if (rpc->span->attempt > 1) {
        ngx_http_wizdata_attr_int(s, "wizdata.rpc.resend_count",
                                  (int64_t) rpc->span->attempt - 1);
    }
}


void
ngx_http_wizdata_call_span_end(ngx_http_wizdata_rpc_t *rpc)
{
    char                          name[NGX_HTTP_WIZDATA_SPAN_NAME];
    ngx_http_wizdata_span_t       span;
    ngx_http_wizdata_spans_t     *s = rpc->service->worker->spans;
    ngx_http_wizdata_call_span_t *call = rpc->span;

    if (!call->open || s == NULL) {
        return;
    }
    call->open = 0;

    ngx_http_wizdata_attrs_begin(s);
    ngx_http_wizdata_span_rpc(s, rpc);
    snprintf(name, sizeof(name), "%s/%s", wd_service_name(rpc->service->id),
             rpc->method->name);

    span.trace = call->tp + WD_TRACE_ID_AT;
    span.id = call->tp + WD_SPAN_ID_AT;
    span.parent = wd_str((char *) call->parent, WD_SPAN_ID_LEN);
    span.kind = NGX_HTTP_WIZDATA_KIND_CLIENT;
    span.name = name;
    span.start = call->epoch + (int64_t) call->start;
    span.end = call->epoch + (int64_t) ngx_http_wizdata_clock();
    span.status = rpc->outcome != WD_OK ? NGX_HTTP_WIZDATA_STATUS_ERROR
                                        : NGX_HTTP_WIZDATA_STATUS_UNSET;
    span.state = WD_STR_NULL;
    ngx_http_wizdata_span_add(s, &span);
}
