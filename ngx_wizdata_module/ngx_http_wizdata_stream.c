/*
 * ngx_http_wizdata_stream.c - passes a long body on in pieces.
 *
 * The backend sends no more than a window beyond what was credited, and
 * credit is given for what left towards the client. A client that does not
 * read thus holds one window of memory, and nobody else waits for it.
 */
#include "ngx_http_wizdata.h"

#define NGX_HTTP_WIZDATA_TAG ((ngx_buf_tag_t) &ngx_http_wizdata_module)


static void ngx_http_wizdata_stream_send(ngx_http_wizdata_ctx_t *ctx);
static void ngx_http_wizdata_stream_writable(ngx_http_request_t *r);


/*
 * The client must see that the body is incomplete. Only a reset says so when
 * neither length nor chunks tell where it ends.
 */
void
ngx_http_wizdata_stream_cut(ngx_http_wizdata_ctx_t *ctx)
{
    struct linger       l = {1, 0};
    ngx_http_request_t *r = ctx->request;

    if (!r->chunked && r->headers_out.content_length_n < 0
        && r->http_version < NGX_HTTP_VERSION_20)
    {
        (void) setsockopt(r->connection->fd, SOL_SOCKET, SO_LINGER, &l,
                          sizeof(l));
    }
    ngx_http_wizdata_finish(ctx, NGX_ERROR);
}


/* An empty buffer of a whole chunk, used again when it was sent. */
static ngx_chain_t *
ngx_http_wizdata_stream_buf(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_buf_t   *b;
    ngx_chain_t *cl;

    cl = ngx_chain_get_free_buf(ctx->request->pool, &ctx->stream.free);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;
    if (b->start == NULL) {
        b->start = ngx_palloc(ctx->request->pool, WD_CHUNK_MAX);
        if (b->start == NULL) {
            return NULL;
        }
        b->end = b->start + WD_CHUNK_MAX;
        b->tag = NGX_HTTP_WIZDATA_TAG;
        b->temporary = 1;
    }
    b->pos = b->last = b->start;
    b->last_buf = 0;
    b->last_in_chain = 0;
    return cl;
}


/* Small pieces share a buffer as long as none of it was given away. */
static ngx_int_t
ngx_http_wizdata_stream_append(ngx_http_wizdata_ctx_t *ctx, wd_str_t bytes)
{
    size_t        n;
    ngx_buf_t    *b;
    ngx_chain_t **last, *cl = NULL;

    for (last = &ctx->stream.pending; *last != NULL; last = &cl->next) {
        cl = *last;
    }

    ctx->stream.held += bytes.len;

    while (bytes.len != 0) {
        if (cl == NULL || cl->buf->last == cl->buf->end) {
            cl = ngx_http_wizdata_stream_buf(ctx);
            if (cl == NULL) {
                return NGX_ERROR;
            }
            cl->next = NULL;
            *last = cl;
            last = &cl->next;
        }
        b = cl->buf;
        n = ngx_min(bytes.len, (size_t) (b->end - b->last));
        b->last = ngx_cpymem(b->last, bytes.data, n);
        bytes.data += n;
        bytes.len -= n;
    }
    return NGX_OK;
}


/* The end of the body travels with its last bytes. */
static ngx_int_t
ngx_http_wizdata_stream_mark_last(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_chain_t *cl = ctx->stream.pending;

    if (cl == NULL) {
        cl = ngx_alloc_chain_link(ctx->request->pool);
        if (cl == NULL) {
            return NGX_ERROR;
        }
        cl->buf = ngx_calloc_buf(ctx->request->pool);
        if (cl->buf == NULL) {
            return NGX_ERROR;
        }
        cl->next = NULL;
        ctx->stream.pending = cl;
    }

    while (cl->next != NULL) {
        cl = cl->next;
    }
    cl->buf->last_buf = ctx->request == ctx->request->main;
    cl->buf->last_in_chain = 1;
    ctx->stream.closed = 1;
    return NGX_OK;
}


/* Credit for what left since the last time. */
static void
ngx_http_wizdata_stream_credit(ngx_http_wizdata_ctx_t *ctx)
{
    off_t        left = 0;
    ngx_chain_t *cl;

    for (cl = ctx->stream.busy; cl != NULL; cl = cl->next) {
        left += ngx_buf_size(cl->buf);
    }

    ngx_http_wizdata_rpc_credit(&ctx->rpc, (size_t) (ctx->stream.held - left));
    ctx->stream.held = left;
}


/* The client does not take more now: its own timeout runs. */
static void
ngx_http_wizdata_stream_pause(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_event_t              *wev = ctx->request->connection->write;
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_core_module);
    ctx->rpc.paused = ctx->request->connection->buffered
                      || ctx->request->buffered;

    if (ctx->rpc.paused && !wev->delayed) {
        ngx_add_timer(wev, clcf->send_timeout);
    } else if (!wev->delayed && wev->timer_set) {
        ngx_del_timer(wev);
    }

    if (ngx_handle_write_event(wev, clcf->send_lowat) != NGX_OK) {
        ngx_http_wizdata_finish(ctx, NGX_ERROR);
    }
}


static void
ngx_http_wizdata_stream_send(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_chain_t               *out;
    ngx_http_wizdata_stream_t *s = &ctx->stream;

    if (s->last && !s->closed
        && ngx_http_wizdata_stream_mark_last(ctx) != NGX_OK)
    {
        ngx_http_wizdata_finish(ctx, NGX_ERROR);
        return;
    }

    out = s->pending;
    s->pending = NULL;

    rc = ngx_http_output_filter(ctx->request, out);
    if (rc == NGX_ERROR) {
        ngx_http_wizdata_finish(ctx, NGX_ERROR);
        return;
    }

    if (s->closed) {
        ngx_http_wizdata_finish(ctx, rc);
        return;
    }

    ngx_chain_update_chains(ctx->request->pool, &s->free, &s->busy, &out,
                            NGX_HTTP_WIZDATA_TAG);
    ngx_http_wizdata_stream_credit(ctx);
    ngx_http_wizdata_stream_pause(ctx);
}


static void
ngx_http_wizdata_stream_writable(ngx_http_request_t *r)
{
    ngx_event_t            *wev = r->connection->write;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wizdata_module);

    if (wev->timedout) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, NGX_ETIMEDOUT,
                      "client timed out");
        r->connection->timedout = 1;
        ngx_http_wizdata_finish(ctx, NGX_HTTP_REQUEST_TIME_OUT);
        return;
    }

    if (wev->delayed || !wev->ready) {
        (void) ngx_handle_write_event(wev, 0);
        return;
    }
    ngx_http_wizdata_stream_send(ctx);
}


/* False: the body is longer or shorter than announced. */
static bool
ngx_http_wizdata_stream_count(ngx_http_wizdata_stream_t *s, size_t n)
{
    if (s->left < 0) {
        return true;
    }
    s->left -= (off_t) n;
    return s->left >= 0 && (!s->last || s->left == 0);
}


static void
ngx_http_wizdata_stream_piece(ngx_http_wizdata_ctx_t *ctx, wd_str_t bytes)
{
    ngx_event_t *wev = ctx->request->connection->write;

    if (!ngx_http_wizdata_stream_count(&ctx->stream, bytes.len)) {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "wizdata: the body of %s has not the announced length",
                      ctx->method->name);
        ngx_http_wizdata_stream_cut(ctx);
        return;
    }

    if (ngx_http_wizdata_stream_append(ctx, bytes) != NGX_OK) {
        ngx_http_wizdata_finish(ctx, NGX_ERROR);
        return;
    }

    if (wev->ready && !wev->delayed) {
        ngx_http_wizdata_stream_send(ctx);
    }
}


void
ngx_http_wizdata_stream_open(ngx_http_wizdata_ctx_t *ctx, wd_str_t piece,
    int64_t len)
{
    ctx->stream.open = 1;
    ctx->stream.left = len;
    ngx_http_wizdata_open_expire(ctx);
    ctx->request->write_event_handler = ngx_http_wizdata_stream_writable;
    ngx_http_wizdata_stream_piece(ctx, piece);
}


void
ngx_http_wizdata_stream_chunk(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes,
    bool last)
{
    ngx_http_wizdata_ctx_t *ctx = rpc->data;
    ngx_connection_t       *c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);
    ctx->stream.last = last;
    if (ctx->cache != NULL) {
        ngx_http_wizdata_fill_chunk(ctx->cache->fill, bytes, last);
    }
    ngx_http_wizdata_stream_piece(ctx, bytes);
    ngx_http_run_posted_requests(c);
}
