/*
 * ngx_http_wizdata_reply.c - calls a backend for a request and turns its
 * answer into the HTTP response. The body is moved, never parsed.
 */
#include "ngx_http_wizdata.h"

#define NGX_HTTP_WIZDATA_CURSOR_MAX 512
#define NGX_HTTP_WIZDATA_RETRY_MAX (31 * 86400) /* seconds in Retry-After */


static void ngx_http_wizdata_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_reply_fail(ngx_http_wizdata_rpc_t *rpc,
    int code);


const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_reply_ops = {
    ngx_http_wizdata_reply, ngx_http_wizdata_stream_chunk,
    ngx_http_wizdata_reply_fail};


int
ngx_http_wizdata_refuse_call(ngx_http_wizdata_ctx_t *ctx, int code)
{
    switch (code) {
    case WD_EAGAIN:
        if (ctx->problem.retry == 0) {
            ctx->problem.retry =
                ngx_http_wizdata_retry_after(ctx->rpc.service);
        }
        return ngx_http_wizdata_refuse(
            ctx, code, "too many requests are being worked on; try again "
            "after the time in Retry-After");
    case WD_ETIMEOUT:
        return ngx_http_wizdata_refuse(
            ctx, code, "no answer came in time; ask for less, or try again "
            "later");
    case WD_EBADGATEWAY:
        return ngx_http_wizdata_refuse(
            ctx, code, "the service failed while it worked on the request; "
            "a request that changes something may have been done or not");
    case WD_EUNAVAIL:
        return ngx_http_wizdata_refuse(
            ctx, code, "the service is not reachable; try again after the "
            "time in Retry-After");
    default:
        return ngx_http_wizdata_refuse(ctx, code, NULL);
    }
}


static void
ngx_http_wizdata_reply_trace(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_call_span_t *span;

    if (!ctx->trace.sampled) {
        return;
    }

    span = ngx_palloc(ctx->request->pool,
                      sizeof(ngx_http_wizdata_call_span_t));
    if (span != NULL) {
        ngx_http_wizdata_call_span(ctx, &ctx->rpc, span);
    }
}


void
ngx_http_wizdata_call_context(ngx_http_wizdata_ctx_t *ctx, wd_ctx_t *c)
{
    c->id = wd_str((char *) ctx->request_id.data, ctx->request_id.len);
    c->principal = ctx->verdict.principal;
    c->key = ctx->verdict.key;
    c->plan = ctx->verdict.plan;
    c->perms = ctx->verdict.perms;
    c->ip = ngx_http_wizdata_client_ip(ctx->request);
    c->format = ctx->format;
    ngx_http_wizdata_trace_context(ctx, c);
    ngx_http_wizdata_cache_context(ctx, c);
}


void
ngx_http_wizdata_reply_start(ngx_http_wizdata_ctx_t *ctx)
{
    int                     rc;
    ngx_http_wizdata_rpc_t *rpc = &ctx->rpc;

    if (ctx->revoked) { /* while the body was read */
        (void) ngx_http_wizdata_refuse_for(
            ctx, WD_EUNAUTH, NGX_HTTP_WIZDATA_REFUSAL_REVOKED,
            "the credential was revoked or has expired");
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }

    rpc->ops = &ngx_http_wizdata_reply_ops;
    rpc->data = ctx;
    rpc->method = ctx->method;
    rpc->service = &ctx->worker->services[ctx->method->service];

    ngx_http_wizdata_cache_call(ctx);
    ngx_http_wizdata_call_context(ctx, &rpc->context);
    ngx_http_wizdata_reply_trace(ctx);

    rc = ngx_http_wizdata_rpc_start(rpc);
    if (rc != WD_OK) {
        if (ctx->cache != NULL) {
            ngx_http_wizdata_fill_end(ctx->cache->fill, rc);
        }
        if (ngx_http_wizdata_cache_rescue(ctx, rc)) {
            return;
        }
        (void) ngx_http_wizdata_refuse_call(ctx, rc);
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }
    if (!(ctx->method->flags & WD_M_IDEMPOTENT)) {
        ngx_http_wizdata_open_remove(ctx); /* it happens; tell who asked */
    }
    ngx_http_wizdata_watch_client(ctx->request);
}


static void
ngx_http_wizdata_reply_fail(ngx_http_wizdata_rpc_t *rpc, int code)
{
    ngx_http_wizdata_ctx_t *ctx = rpc->data;
    ngx_connection_t       *c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);
    ctx->times.backend = ngx_http_wizdata_clock();
    ngx_http_wizdata_upload_stop(ctx);
    if (ctx->cache != NULL) {
        ngx_http_wizdata_fill_end(ctx->cache->fill, code);
    }

    if (ctx->stream.open) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "wizdata: %s broke off in the middle of a body: %s",
                      ctx->method->name, wd_err_info(code)->name);
        ngx_http_wizdata_stream_cut(ctx);
    } else if (!ngx_http_wizdata_cache_rescue(ctx, code)) {
        (void) ngx_http_wizdata_refuse_call(ctx, code);
        ngx_http_wizdata_finish_refused(ctx);
    }
    ngx_http_run_posted_requests(c);
}


/* Into a header goes only what cannot end it. */
static bool
ngx_http_wizdata_header_safe(wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        if ((u_char) s.data[i] < 0x20 || s.data[i] == 0x7f) {
            return false;
        }
    }
    return s.len <= 256;
}


bool
ngx_http_wizdata_meta_safe(const ngx_http_wizdata_meta_t *meta)
{
    return ngx_http_wizdata_header_safe(meta->type)
           && ngx_http_wizdata_header_safe(meta->etag)
           && meta->next.len <= NGX_HTTP_WIZDATA_CURSOR_MAX
           && ngx_http_wizdata_header_safe(meta->next);
}


/* RFC 9110 8.8.3: an opaque tag in quotes, perhaps weak. */
static bool
ngx_http_wizdata_etag_ok(wd_str_t s)
{
    size_t i;

    if (wd_str_starts(s, "W/")) {
        s = wd_str(s.data + 2, s.len - 2);
    }
    if (s.len < 2 || s.data[0] != '"' || s.data[s.len - 1] != '"') {
        return false;
    }
    for (i = 1; i < s.len - 1; i++) {
        if (s.data[i] == '"' || s.data[i] == ' ') {
            return false;
        }
    }
    return true;
}


static void
ngx_http_wizdata_reply_type(ngx_http_wizdata_ctx_t *ctx, wd_str_t type)
{
    u_char             *p;
    ngx_http_request_t *r = ctx->request;

    if (type.len == 0) {
        type = wd_str_z(wd_format_mime(ctx->format));
    }
    p = (u_char *) type.data;

    r->headers_out.content_type.data = p;
    r->headers_out.content_type.len = type.len;
    r->headers_out.content_type_lowcase = NULL;

    /* What gzip_types and its kin compare ends before the parameters. */
    p = ngx_strlchr(p, p + type.len, ';');
    r->headers_out.content_type_len =
        p != NULL ? (size_t) (p - r->headers_out.content_type.data) : type.len;
}


static ngx_int_t
ngx_http_wizdata_reply_etag(ngx_http_wizdata_ctx_t *ctx, wd_str_t etag)
{
    ngx_http_request_t *r = ctx->request;

    if (!ngx_http_wizdata_etag_ok(etag)) {
        return NGX_OK;
    }

    if (ngx_http_wizdata_header(r, "ETag", etag.data, etag.len) != NGX_OK) {
        return NGX_ERROR;
    }

    r->headers_out.etag = ngx_http_wizdata_last_header(r);
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_answer_headers(ngx_http_wizdata_ctx_t *ctx, wd_str_t type,
    wd_str_t etag, wd_str_t next)
{
    ngx_http_request_t *r = ctx->request;

    ngx_http_wizdata_reply_type(ctx, type);

    if (ngx_http_wizdata_reply_etag(ctx, etag) != NGX_OK
        || ngx_http_wizdata_header(r, "Vary", "Accept", sizeof("Accept") - 1)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    /* CSV has no other place to say that the answer goes on. */
    if (next.len != 0
        && ngx_http_wizdata_header(r, "X-Next-Cursor", next.data, next.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_header(r, "X-Request-Id", ctx->request_id.data,
                                   ctx->request_id.len);
}


/* An answer is for one key: caches between us must not share it. */
static ngx_int_t
ngx_http_wizdata_reply_caching(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t           rc;
    ngx_http_request_t *r = ctx->request;

    rc = ngx_http_wizdata_cache_headers(ctx);
    if (rc != NGX_DECLINED) {
        return rc;
    }
    return ctx->method->verb == WD_HTTP_GET
               ? ngx_http_wizdata_header(r, "Cache-Control",
                                         "private, no-cache",
                                         sizeof("private, no-cache") - 1)
               : ngx_http_wizdata_header(r, "Cache-Control", "no-store",
                                         sizeof("no-store") - 1);
}


/* Copied to *p, which moves behind it. */
static wd_str_t
ngx_http_wizdata_reply_text(u_char **p, wd_str_t from)
{
    wd_str_t to = wd_str((char *) *p, from.len);

    if (from.len != 0) {
        *p = ngx_cpymem(*p, from.data, from.len);
    }
    return to;
}


static ngx_int_t
ngx_http_wizdata_reply_headers(ngx_http_wizdata_ctx_t *ctx,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    size_t              n = meta->type.len + meta->etag.len + meta->next.len;
    u_char             *p;
    wd_str_t            type, etag, next;
    ngx_http_request_t *r = ctx->request;

    r->headers_out.status = f->status;
    r->headers_out.content_length_n = f->more ? meta->len
                                              : (off_t) f->body.len;

    p = ngx_pnalloc(r->pool, n + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }
    type = ngx_http_wizdata_reply_text(&p, meta->type);
    etag = ngx_http_wizdata_reply_text(&p, meta->etag);
    next = ngx_http_wizdata_reply_text(&p, meta->next);

    if (ngx_http_wizdata_answer_headers(ctx, type, etag, next) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_reply_caching(ctx);
}


/* The only copy of a small body: from the receive buffer to the request. */
static ngx_int_t
ngx_http_wizdata_reply_body(ngx_http_request_t *r, wd_str_t body)
{
    ngx_buf_t   *b;
    ngx_chain_t  out;

    if (body.len == 0) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }

    b = ngx_create_temp_buf(r->pool, body.len);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_cpymem(b->last, body.data, body.len);
    b->last_buf = r == r->main;
    b->last_in_chain = 1;
    out.buf = b;
    out.next = NULL;
    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_wizdata_reply_result(ngx_http_wizdata_ctx_t *ctx,
    const wd_frame_t *f, ngx_http_wizdata_meta_t *meta)
{
    ngx_int_t           rc;
    ngx_http_request_t *r = ctx->request;

    if (ctx->cache != NULL) {
        ngx_http_wizdata_fill_answer(ctx->cache->fill, f, meta);
    }
    if (ngx_http_wizdata_reply_headers(ctx, f, meta) != NGX_OK) {
        ngx_http_wizdata_finish(ctx, NGX_ERROR);
        return;
    }

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        ngx_http_wizdata_finish(ctx, rc); /* cancels the rest of the body */
        return;
    }

    if (f->more) {
        ngx_http_wizdata_stream_open(ctx, f->body, meta->len);
        return;
    }
    ngx_http_wizdata_finish(ctx, ngx_http_wizdata_reply_body(r, f->body));
}


/* The error of a backend is for the API's user; its detail names more. */
static void
ngx_http_wizdata_reply_error(ngx_http_wizdata_ctx_t *ctx, const wd_frame_t *f,
    const ngx_http_wizdata_meta_t *meta)
{
    if (meta->retry <= NGX_HTTP_WIZDATA_RETRY_MAX) {
        ctx->problem.retry = (ngx_uint_t) meta->retry;
    }

    if (ctx->cache != NULL) {
        ngx_http_wizdata_fill_error(ctx->cache->fill, f, meta);
    }
    if (ngx_http_wizdata_cache_rescue(ctx, f->code)) {
        return;
    }

    if (f->text.len == 0) {
        (void) ngx_http_wizdata_refuse_call(ctx, f->code);
    } else {
        (void) ngx_http_wizdata_refuse_param(ctx, f->code, f->text,
                                             meta->param);
    }
    ngx_http_wizdata_finish_refused(ctx);
}


static void
ngx_http_wizdata_reply(ngx_http_wizdata_rpc_t *rpc, const wd_frame_t *f,
    const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_ctx_t  *ctx = rpc->data;
    ngx_connection_t        *c = ctx->request->connection;
    ngx_http_wizdata_meta_t  copy;

    ngx_http_set_log_request(c->log, ctx->request);
    ctx->times.backend = ngx_http_wizdata_clock();
    ngx_http_wizdata_upload_stop(ctx);

    if (f->code != WD_OK) {
        ngx_http_wizdata_reply_error(ctx, f, meta);

    } else if (!ngx_http_wizdata_meta_safe(meta)) {
        ngx_log_error(NGX_LOG_ERR, c->log, 0,
                      "wizdata: the answer to %s has a type or tag that is "
                      "none", ctx->method->name);
        ngx_http_wizdata_rpc_cancel(rpc);
        if (ctx->cache != NULL) {
            ngx_http_wizdata_fill_end(ctx->cache->fill, WD_EBADGATEWAY);
        }
        (void) ngx_http_wizdata_refuse(
            ctx, WD_EBADGATEWAY, "the service gave no valid answer");
        ngx_http_wizdata_finish_refused(ctx);

    } else {
        copy = *meta;
        ngx_http_wizdata_reply_result(ctx, f, &copy);
    }

    ngx_http_run_posted_requests(c);
}
