/*
 * ngx_http_wizdata_scrape.c - slices of work on answers to /metrics, and the
 * sending of what they made.
 */
#include "ngx_http_wizdata_scrape.h"

/* Of the buffers; any address that is nobody else's. */
#define NGX_HTTP_WIZDATA_SCRAPE_TAG                                           \
    ((ngx_buf_tag_t) &ngx_http_wizdata_scrape_head)

/* Any time: what counts is that there is a timer. */
#define NGX_HTTP_WIZDATA_SCRAPE_HOLD 60000


static void ngx_http_wizdata_scrape_slice(ngx_http_wizdata_scrape_t *s);
static void ngx_http_wizdata_scrape_writable(ngx_http_request_t *r);


/* ---- turns -------------------------------------------------------------- */

static void
ngx_http_wizdata_scrapes_wake(ngx_http_wizdata_scrapes_t *all)
{
    if (!all->turn.posted) {
        ngx_post_event(&all->turn, &ngx_posted_next_events);
    }
}


void
ngx_http_wizdata_scrape_ready(ngx_http_wizdata_scrape_t *s)
{
    if (!s->queued) {
        s->queued = 1;
        ngx_queue_insert_tail(&s->all->ready, &s->link);
    }
    ngx_http_wizdata_scrapes_wake(s->all);
}


static void
ngx_http_wizdata_scrape_idle(ngx_http_wizdata_scrape_t *s)
{
    if (s->queued) {
        s->queued = 0;
        ngx_queue_remove(&s->link);
    }
}


/* Many pages given back at once would be a long pause, too. */
static void
ngx_http_wizdata_scrapes_shrink(ngx_http_wizdata_scrapes_t *all)
{
    ngx_queue_t             *q;
    ngx_http_wizdata_dead_t *d;

    if (ngx_queue_empty(&all->dead)) {
        return;
    }
    q = ngx_queue_head(&all->dead);
    d = ngx_queue_data(q, ngx_http_wizdata_dead_t, link);
    if (wd_expo_merge_shrink(d->merge, NGX_HTTP_WIZDATA_SHRINK)) {
        ngx_queue_remove(q);
        ngx_free(d);
    }
}


static void
ngx_http_wizdata_scrapes_turn(ngx_event_t *ev)
{
    ngx_queue_t                *q;
    ngx_connection_t           *c;
    ngx_http_wizdata_scrape_t  *s;
    ngx_http_wizdata_scrapes_t *all = ev->data;

    ngx_http_wizdata_scrapes_shrink(all);

    if (!ngx_queue_empty(&all->ready)) {
        q = ngx_queue_head(&all->ready);
        s = ngx_queue_data(q, ngx_http_wizdata_scrape_t, link);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&all->ready, q);

        c = s->ctx->request->connection;
        ngx_http_set_log_request(c->log, s->ctx->request);
        ngx_http_wizdata_scrape_slice(s); /* s may be gone */
        ngx_http_run_posted_requests(c);
    }

    if (!ngx_queue_empty(&all->ready) || !ngx_queue_empty(&all->dead)) {
        ngx_http_wizdata_scrapes_wake(all);
    }
}


/* Between two turns nothing else tells nginx that there is work to do. */
static void
ngx_http_wizdata_scrapes_hold(ngx_event_t *ev)
{
    ngx_add_timer(ev, NGX_HTTP_WIZDATA_SCRAPE_HOLD);
}


ngx_http_wizdata_scrapes_t *
ngx_http_wizdata_scrapes(ngx_http_wizdata_worker_t *w)
{
    ngx_http_wizdata_scrapes_t *all = w->scrapes;

    if (all != NULL) {
        return all;
    }

    all = ngx_pcalloc(w->cycle->pool, sizeof(ngx_http_wizdata_scrapes_t));
    if (all != NULL) {
        ngx_queue_init(&all->ready);
        ngx_queue_init(&all->dead);
        all->turn.data = all;
        all->turn.handler = ngx_http_wizdata_scrapes_turn;
        all->turn.log = w->cycle->log;
        all->hold.data = all;
        all->hold.handler = ngx_http_wizdata_scrapes_hold;
        all->hold.log = w->cycle->log;
        w->scrapes = all;
    }
    return all;
}


void
ngx_http_wizdata_scrape_enter(ngx_http_wizdata_scrape_t *s)
{
    if (s->all->n++ == 0) {
        ngx_http_wizdata_scrapes_hold(&s->all->hold);
    }
}


void
ngx_http_wizdata_scrape_leave(ngx_http_wizdata_scrape_t *s)
{
    ngx_http_wizdata_scrape_idle(s);
    wd_buf_done(&s->text);
    if (--s->all->n == 0) {
        ngx_del_timer(&s->all->hold);
    }
    s->dead->merge = s->merge;
    ngx_queue_insert_tail(&s->all->dead, &s->dead->link);
    ngx_http_wizdata_scrapes_wake(s->all);
}


/* ---- sending ------------------------------------------------------------ */

ngx_int_t
ngx_http_wizdata_scrape_head(ngx_http_wizdata_scrape_t *s)
{
    ngx_int_t               rc;
    ngx_http_wizdata_ctx_t *ctx = s->ctx;
    ngx_http_request_t     *r = ctx->request;

    static const ngx_str_t plain =
        ngx_string("text/plain; version=0.0.4; charset=utf-8");
    static const ngx_str_t open =
        ngx_string("application/openmetrics-text; version=1.0.0; "
                   "charset=utf-8");

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = s->samples.openmetrics ? open : plain;
    r->headers_out.content_type_len =
        s->samples.openmetrics
            ? sizeof("application/openmetrics-text") - 1
            : sizeof("text/plain") - 1;

    if (ngx_http_wizdata_header(r, "Cache-Control", "no-store",
                                sizeof("no-store") - 1) != NGX_OK
        || ngx_http_wizdata_header(r, "Vary", "Accept",
                                   sizeof("Accept") - 1) != NGX_OK
        || ngx_http_wizdata_header(r, "X-Request-Id", ctx->request_id.data,
                                   ctx->request_id.len) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    s->headed = 1;
    return ngx_http_send_header(r);
}


static ngx_chain_t *
ngx_http_wizdata_scrape_buf(ngx_http_wizdata_scrape_t *s)
{
    size_t       n;
    ngx_buf_t   *b;
    ngx_pool_t  *pool = s->ctx->request->pool;
    ngx_chain_t *cl = ngx_chain_get_free_buf(pool, &s->free);

    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;
    if (b->start == NULL) {
        b->start = ngx_palloc(pool, NGX_HTTP_WIZDATA_SCRAPE_BUF);
        if (b->start == NULL) {
            return NULL;
        }
        b->end = b->start + NGX_HTTP_WIZDATA_SCRAPE_BUF;
        b->tag = NGX_HTTP_WIZDATA_SCRAPE_TAG;
        b->temporary = 1;
    }

    n = ngx_min(s->text.len, NGX_HTTP_WIZDATA_SCRAPE_BUF);
    b->pos = b->start;
    b->last = ngx_cpymem(b->start, s->text.data, n);
    wd_buf_consume(&s->text, n);
    cl->next = NULL;
    return cl;
}


/* All that is in `text`, as a chain. */
static ngx_int_t
ngx_http_wizdata_scrape_chain(ngx_http_wizdata_scrape_t *s, ngx_chain_t **out)
{
    ngx_buf_t   *b;
    ngx_chain_t *cl, **end = out;

    *out = NULL;
    while (s->text.len != 0) {
        cl = ngx_http_wizdata_scrape_buf(s);
        if (cl == NULL) {
            return NGX_ERROR;
        }
        *end = cl;
        end = &cl->next;
    }

    if (s->state == NGX_HTTP_WIZDATA_SCRAPE_LAST) {
        b = ngx_calloc_buf(s->ctx->request->pool);
        cl = ngx_alloc_chain_link(s->ctx->request->pool);
        if (b == NULL || cl == NULL) {
            return NGX_ERROR;
        }
        b->last_buf = s->ctx->request == s->ctx->request->main;
        b->last_in_chain = 1;
        cl->buf = b;
        cl->next = NULL;
        *end = cl;
    }
    return NGX_OK;
}


/*
 * The client takes no more now: its own timeout runs. What filters hold back
 * says nothing about that: gzip has something all the time.
 */
static ngx_int_t
ngx_http_wizdata_scrape_block(ngx_http_wizdata_scrape_t *s)
{
    ngx_http_request_t       *r = s->ctx->request;
    ngx_event_t              *wev = r->connection->write;
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    s->blocked = !wev->ready || wev->delayed;

    if (s->blocked) {
        ngx_http_wizdata_scrape_idle(s);
        r->write_event_handler = ngx_http_wizdata_scrape_writable;
        if (!wev->delayed) {
            ngx_add_timer(wev, clcf->send_timeout);
        }
    } else if (!wev->delayed && wev->timer_set) {
        ngx_del_timer(wev);
    }
    return ngx_handle_write_event(wev, clcf->send_lowat);
}


/* NGX_DONE: the request is finished and s is gone. */
static ngx_int_t
ngx_http_wizdata_scrape_send(ngx_http_wizdata_scrape_t *s)
{
    ngx_int_t           rc;
    ngx_chain_t        *out;
    ngx_http_request_t *r = s->ctx->request;

    if (ngx_http_wizdata_scrape_chain(s, &out) != NGX_OK) {
        ngx_http_wizdata_stream_cut(s->ctx);
        return NGX_DONE;
    }

    rc = ngx_http_output_filter(r, out);
    if (rc == NGX_ERROR) {
        ngx_http_wizdata_finish(s->ctx, NGX_ERROR);
        return NGX_DONE;
    }

    if (s->state == NGX_HTTP_WIZDATA_SCRAPE_LAST) {
        s->state = NGX_HTTP_WIZDATA_SCRAPE_DONE;
        ngx_http_wizdata_finish(s->ctx, rc);
        return NGX_DONE;
    }

    ngx_chain_update_chains(r->pool, &s->free, &s->busy, &out,
                            NGX_HTTP_WIZDATA_SCRAPE_TAG);
    if (ngx_http_wizdata_scrape_block(s) != NGX_OK) {
        ngx_http_wizdata_finish(s->ctx, NGX_ERROR);
        return NGX_DONE;
    }
    return s->blocked ? NGX_AGAIN : NGX_OK;
}


static void
ngx_http_wizdata_scrape_writable(ngx_http_request_t *r)
{
    ngx_event_t               *wev = r->connection->write;
    ngx_http_wizdata_ctx_t    *ctx = ngx_http_wizdata_ctx_find(r);
    ngx_http_wizdata_scrape_t *s = ctx->scrape;

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

    if (ngx_http_wizdata_scrape_send(s) == NGX_OK) {
        ngx_http_wizdata_scrape_ready(s);
    }
}


/* ---- slices ------------------------------------------------------------- */

/* What backends sent before this turn may be followed by as much. */
static void
ngx_http_wizdata_scrape_credit(ngx_http_wizdata_scrape_t *s)
{
    size_t                      n;
    ngx_uint_t                  i;
    ngx_http_wizdata_collect_t *c = s->ctx->collect;

    for (i = 0; i < c->n; i++) {
        n = c->answers[i].taken;
        c->answers[i].taken = 0;
        if (n != 0 && c->answers[i].code == WD_EAGAIN) {
            ngx_http_wizdata_rpc_credit(&c->answers[i].rpc, n);
        }
    }
    ngx_http_wizdata_scrape_idle(s);
}


/* Out of memory: refused, or when it is too late for that, cut. */
static void
ngx_http_wizdata_scrape_fail(ngx_http_wizdata_scrape_t *s)
{
    if (s->headed) {
        ngx_http_wizdata_stream_cut(s->ctx);
        return;
    }
    (void) ngx_http_wizdata_refuse(s->ctx, s->text.err, NULL);
    ngx_http_wizdata_finish_refused(s->ctx);
}


static ngx_int_t
ngx_http_wizdata_scrape_flush(ngx_http_wizdata_scrape_t *s)
{
    ngx_int_t rc;

    if (!s->headed) {
        rc = ngx_http_wizdata_scrape_head(s);
        if (rc == NGX_ERROR || rc > NGX_OK) {
            ngx_http_wizdata_finish(s->ctx, rc);
            return NGX_DONE;
        }
    }
    return ngx_http_wizdata_scrape_send(s);
}


static void
ngx_http_wizdata_scrape_slice(ngx_http_wizdata_scrape_t *s)
{
    uint64_t end;

    if (s->state == NGX_HTTP_WIZDATA_SCRAPE_COLLECT) {
        ngx_http_wizdata_scrape_credit(s);
        return;
    }

    end = ngx_http_wizdata_clock() + NGX_HTTP_WIZDATA_SLICE;
    do {
        ngx_http_wizdata_scrape_step(s);
        if (s->text.err != WD_OK) {
            ngx_http_wizdata_scrape_fail(s);
            return;
        }
        if ((s->text.len >= NGX_HTTP_WIZDATA_SCRAPE_BUF
             || s->state == NGX_HTTP_WIZDATA_SCRAPE_LAST)
            && ngx_http_wizdata_scrape_flush(s) != NGX_OK)
        {
            return;
        }
    } while (ngx_http_wizdata_clock() < end);
}
