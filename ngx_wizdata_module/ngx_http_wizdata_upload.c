/*
 * ngx_http_wizdata_upload.c - a request whose body is data: passes it on to
 * the backend while the client sends it.
 *
 * The backend is asked first, and the client's body only when the request is
 * with it: whatever there is to refuse was refused before the client has sent
 * anything in vain. The body is read when the backend has room and never
 * stored: a client that is faster than the backend waits in its own socket.
 */
#include "ngx_http_wizdata.h"

#include "wd_upload.h"


static void ngx_http_wizdata_upload_room(ngx_http_wizdata_rpc_t *rpc);
static void ngx_http_wizdata_upload_begin(ngx_http_wizdata_ctx_t *ctx);
static void ngx_http_wizdata_upload_begun(ngx_http_request_t *r);
static void ngx_http_wizdata_upload_pass(ngx_http_wizdata_ctx_t *ctx);
static void ngx_http_wizdata_upload_readable(ngx_http_request_t *r);


static int
ngx_http_wizdata_upload_type(ngx_http_wizdata_ctx_t *ctx, wd_ctx_t *c)
{
    const char *type, *coding;

    type = wd_upload_type(wd_str((char *) ctx->headers.content_type.data,
                                 ctx->headers.content_type.len));
    if (type == NULL) {
        return ngx_http_wizdata_refuse(
            ctx, WD_EMEDIATYPE, "the body must be text/csv, "
            "application/json, application/x-ndjson or application/msgpack, "
            "named in Content-Type, and its text in UTF-8");
    }

    coding = wd_upload_coding(
        wd_str((char *) ctx->headers.content_encoding.data,
               ctx->headers.content_encoding.len));
    if (coding == NULL) {
        return ngx_http_wizdata_refuse(
            ctx, WD_EMEDIATYPE, "the body's Content-Encoding must be gzip, "
            "zstd or identity, once");
    }

    c->type = wd_str_z(type);
    c->enc = wd_str_z(coding);
    return WD_OK;
}


static int
ngx_http_wizdata_upload_idem(ngx_http_wizdata_ctx_t *ctx, wd_ctx_t *c)
{
    const ngx_str_t *key = &ctx->headers.idempotency_key;

    if (key->data == NULL) {
        return WD_OK;
    }

    c->idem = wd_str((char *) key->data, key->len);
    if (ctx->headers.many_keys || !wd_idem_ok(c->idem)) {
        return ngx_http_wizdata_refuse_param(
            ctx, WD_EHEADER, WD_STR("the header Idempotency-Key must be given "
            "once, with 1 to 128 printable ASCII characters"),
            WD_STR("Idempotency-Key"));
    }
    return WD_OK;
}


void
ngx_http_wizdata_upload_start(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ctx_t                  *c = &ctx->rpc.context;
    ngx_http_request_t        *r = ctx->request;
    ngx_http_wizdata_upload_t *up;

    if (ngx_http_wizdata_upload_type(ctx, c) != WD_OK
        || ngx_http_wizdata_upload_idem(ctx, c) != WD_OK)
    {
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }

    up = ngx_pcalloc(r->pool, sizeof(ngx_http_wizdata_upload_t));
    if (up == NULL) {
        ngx_http_wizdata_finish(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }

    /* HTTP/2 without Content-Length counts as chunked, unless it is empty. */
    c->body = true;
    c->body_len = r->headers_in.chunked
                      ? -1
                      : ngx_max(r->headers_in.content_length_n, 0);

    up->rpc.room = ngx_http_wizdata_upload_room;
    ctx->upload = up;
    ctx->rpc.upload = &up->rpc;
    ngx_http_wizdata_reply_start(ctx);
}


/* The backend has room: for the first time, or again. */
static void
ngx_http_wizdata_upload_room(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_ctx_t *ctx = rpc->data;
    ngx_connection_t       *c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);
    if (ctx->upload->begun) {
        ngx_http_wizdata_upload_pass(ctx);
    } else {
        ngx_http_wizdata_upload_begin(ctx);
    }
    ngx_http_run_posted_requests(c);
}


/*
 * nginx ends requests that are late without an answer; this one gets its
 * problem, and the connection is closed when the client has had it.
 */
static void
ngx_http_wizdata_upload_late(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_request_t *r = ctx->request;

    r->connection->timedout = 0;
    r->connection->read->timedout = 0;
    r->lingering_close = 1;
    (void) ngx_http_wizdata_refuse(
        ctx, WD_ESLOW, "the client paused for too long while it sent the "
        "body");
    ngx_http_wizdata_finish_refused(ctx);
}


/*
 * The client's fault, or its leaving: nginx has the answer. What it has sent
 * cannot be told from another request any more.
 */
static void
ngx_http_wizdata_upload_broken(ngx_http_wizdata_ctx_t *ctx, ngx_int_t rc)
{
    ngx_http_request_t *r = ctx->request;

    ngx_http_wizdata_rpc_cancel(&ctx->rpc);
    ctx->upload->over = 1;
    r->read_event_handler = ngx_http_block_reading;
    r->keepalive = 0;
    if (rc == NGX_HTTP_REQUEST_TIME_OUT) {
        ngx_http_wizdata_upload_late(ctx);
        return;
    }
    if (rc == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE) {
        (void) ngx_http_wizdata_refuse(
            ctx, WD_ETOOBIG, "the body is longer than this server takes");
    } else if (rc == NGX_HTTP_BAD_REQUEST) {
        (void) ngx_http_wizdata_refuse(
            ctx, WD_EINVAL, "the body is not framed as HTTP wants it");
    }
    ngx_http_wizdata_finish(ctx, rc);
}


/* From here on nginx sends 100 Continue to who waits for it. */
static void
ngx_http_wizdata_upload_begin(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t           rc;
    ngx_http_request_t *r = ctx->request;

    ctx->upload->begun = 1;
    r->request_body_no_buffering = 1;
    rc = ngx_http_read_client_request_body(r, ngx_http_wizdata_upload_begun);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_wizdata_upload_broken(ctx, rc);
        return;
    }
    ngx_http_finalize_request(r, NGX_DONE); /* the reader held the request */
}


static void
ngx_http_wizdata_upload_begun(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wizdata_module);
    r->read_event_handler = ngx_http_wizdata_upload_readable;
    r->write_event_handler = ngx_http_request_empty_handler;

    if (r->request_body == NULL) { /* somebody has thrown it away */
        ngx_http_wizdata_upload_broken(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }
    ngx_http_wizdata_upload_pass(ctx);
}


/* Up to `n` bytes of a buffer; only another module puts them into a file. */
static ngx_int_t
ngx_http_wizdata_upload_bytes(ngx_http_wizdata_ctx_t *ctx, ngx_buf_t *b,
    size_t n, wd_str_t *ret)
{
    u_char *p;

    n = ngx_min(n, (size_t) ngx_buf_size(b));
    if (ngx_buf_in_memory(b)) {
        *ret = wd_str((char *) b->pos, n);
        b->pos += n;
        return NGX_OK;
    }

    wd_buf_reset(&ctx->worker->scratch);
    p = wd_buf_reserve(&ctx->worker->scratch, n);
    if (p == NULL
        || ngx_read_file(b->file, p, n, b->file_pos) != (ssize_t) n)
    {
        return NGX_ERROR;
    }
    *ret = wd_str((char *) p, n);
    b->file_pos += n;
    return NGX_OK;
}


/*
 * Passes on what was read. NGX_OK: all of it; NGX_AGAIN: no room for more;
 * NGX_ERROR: it cannot be passed on.
 */
static ngx_int_t
ngx_http_wizdata_upload_drain(ngx_http_wizdata_ctx_t *ctx)
{
    size_t               room;
    wd_str_t             bytes;
    ngx_uint_t           last;
    ngx_chain_t         *cl;
    ngx_http_request_t  *r = ctx->request;
    ngx_chain_t        **bufs = &r->request_body->bufs;

    while ((cl = *bufs) != NULL) {
        if (ngx_buf_size(cl->buf) == 0) {
            *bufs = cl->next;
            ngx_free_chain(r->pool, cl);
            continue;
        }

        room = ngx_http_wizdata_rpc_upload_room(&ctx->rpc);
        if (room == 0) {
            return NGX_AGAIN;
        }
        if (ngx_http_wizdata_upload_bytes(ctx, cl->buf, room, &bytes)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
        last = !r->reading_body && cl->next == NULL
               && ngx_buf_size(cl->buf) == 0;
        if (ngx_http_wizdata_rpc_upload_pass(&ctx->rpc, bytes, last)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}


/* All of it is with the backend, whose answer is awaited now. */
static void
ngx_http_wizdata_upload_done(ngx_http_wizdata_ctx_t *ctx)
{
    if (!ctx->rpc.upload->last
        && ngx_http_wizdata_rpc_upload_pass(&ctx->rpc, WD_STR(""), 1)
           != NGX_OK)
    {
        ngx_http_wizdata_upload_broken(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
        return;
    }
    ctx->upload->over = 1;
    ngx_http_wizdata_watch_client(ctx->request);
}


/* As long as one has something and the other has room. */
static void
ngx_http_wizdata_upload_pass(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t           rc;
    ngx_event_t        *rev = ctx->request->connection->read;
    ngx_http_request_t *r = ctx->request;

    ctx->upload->waits = 0;
    for ( ;; ) {
        rc = ngx_http_wizdata_upload_drain(ctx);
        if (rc == NGX_ERROR) {
            ngx_http_wizdata_upload_broken(ctx,
                                           NGX_HTTP_INTERNAL_SERVER_ERROR);
            return;
        }

        if (rc == NGX_OK && !r->reading_body) {
            ngx_http_wizdata_upload_done(ctx);
            return;
        }

        if (rc == NGX_AGAIN
            || ngx_http_wizdata_rpc_upload_room(&ctx->rpc) == 0)
        {
            if (rev->timer_set) { /* it is not the client who is slow */
                ngx_del_timer(rev);
            }
            return;
        }

        rc = ngx_http_read_unbuffered_request_body(r);
        if (rc >= NGX_HTTP_SPECIAL_RESPONSE || rc == NGX_ERROR) {
            ngx_http_wizdata_upload_broken(ctx, rc);
            return;
        }

        if (r->request_body->bufs == NULL && r->reading_body) {
            ctx->upload->waits = 1;
            ctx->rpc.paused = 1; /* client_body_timeout watches the client */
            return;
        }
    }
}


/* The client has sent something, or has left, or was waited for too long. */
static void
ngx_http_wizdata_upload_readable(ngx_http_request_t *r)
{
    ngx_event_t            *rev = r->connection->read;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wizdata_module);

    if (ctx->upload->waits) {
        ngx_http_wizdata_upload_pass(ctx);
        return;
    }

    /* It is the backend that is waited for: HTTP/2 sets the timer again. */
    if (rev->timer_set) {
        ngx_del_timer(rev);
    }
    rev->timedout = 0;

    if (r->connection->error) {
        ngx_http_wizdata_upload_broken(ctx, NGX_HTTP_CLIENT_CLOSED_REQUEST);
        return;
    }

#if (NGX_HTTP_V2)
    if (r->stream != NULL) {
        return;
    }
#endif
    if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_wizdata_upload_broken(ctx, NGX_HTTP_INTERNAL_SERVER_ERROR);
    }
}


void
ngx_http_wizdata_upload_stop(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_request_t *r = ctx->request;

    if (ctx->upload == NULL || ctx->upload->over) {
        return;
    }
    ctx->upload->over = 1;

    if (!ctx->upload->begun) {
        r->expect_tested = 1; /* nothing is asked for any more */
        if (ngx_http_discard_request_body(r) != NGX_OK) {
            r->keepalive = 0;
        }
        return;
    }

    if (r->reading_body) { /* nobody will see where the next one begins */
        r->keepalive = 0;
        r->lingering_close = 1;
    }
    if (r->connection->read->timer_set) {
        ngx_del_timer(r->connection->read);
    }
    ngx_http_wizdata_watch_client(r);
}
