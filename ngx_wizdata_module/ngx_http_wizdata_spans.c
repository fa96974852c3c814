/*
 * ngx_http_wizdata_spans.c - finished spans on their way to a backend, whose
 * exporter knows the collector.
 *
 * The request path only appends to memory. A batch leaves by timer or when
 * the buffer is half full; what does not fit is counted and forgotten.
 */
#include "ngx_http_wizdata.h"

/* Bytes of the spans in one notification; well below WD_FRAME_MAX. */
#define NGX_HTTP_WIZDATA_SPANS_FRAME (128 * 1024)

/* A connection with more unsent bytes gets no spans on top. */
#define NGX_HTTP_WIZDATA_SPANS_OUT (512 * 1024)


/* A connection that takes a batch now, or NULL. */
static ngx_http_wizdata_conn_t *
ngx_http_wizdata_spans_conn(ngx_http_wizdata_service_t *service)
{
    return ngx_http_wizdata_pick_any(service, NGX_HTTP_WIZDATA_SPANS_OUT);
}


/* Spans from the front that fit into a frame; their number and bytes. */
static size_t
ngx_http_wizdata_spans_batch(const ngx_http_wizdata_spans_t *s, size_t from,
    uint32_t *ret_n)
{
    wd_mp_t        c;
    const uint8_t *begin = s->buf.data + from, *end = begin;

    *ret_n = 0;
    c = wd_mp(begin, s->buf.len - from);
    while (c.p < c.end && wd_mp_skip(&c) == WD_OK) {
        if (c.p - begin > NGX_HTTP_WIZDATA_SPANS_FRAME && *ret_n != 0) {
            break;
        }
        end = c.p;
        (*ret_n)++;
    }
    return (size_t) (end - begin);
}


/* [[span, ...], instance]; false without memory. */
static ngx_uint_t
ngx_http_wizdata_spans_put(ngx_http_wizdata_spans_t *s,
    ngx_http_wizdata_conn_t *conn, wd_str_t spans, uint32_t n)
{
    wd_buf_t *params = &s->attrs;

    wd_buf_reset(params);
    wd_mp_put_array(params, 2);
    wd_mp_put_array(params, n);
    wd_buf_str(params, spans);
    wd_mp_put_z(params, s->worker->instance);

    return params->err == WD_OK
           && ngx_http_wizdata_conn_tell(conn, WD_N_SPANS,
                                           wd_buf_view(params));
}


/* As many as the connection takes. */
static void
ngx_http_wizdata_spans_send(ngx_http_wizdata_spans_t *s,
    ngx_http_wizdata_conn_t *conn)
{
    size_t   from = 0, size;
    uint32_t n;

    while (from < s->buf.len
           && conn->out.len - conn->out_pos < NGX_HTTP_WIZDATA_SPANS_OUT)
    {
        size = ngx_http_wizdata_spans_batch(s, from, &n);
        if (size == 0
            || !ngx_http_wizdata_spans_put(
                   s, conn, wd_str((char *) s->buf.data + from, size), n))
        {
            break;
        }
        ngx_http_wizdata_count(s->worker, SPANS_SENT, n);
        from += size;
    }
    wd_buf_consume(&s->buf, from);
}


static void
ngx_http_wizdata_spans_flush(ngx_http_wizdata_spans_t *s)
{
    ngx_uint_t               i;
    ngx_http_wizdata_conn_t *conn;

    conn = ngx_http_wizdata_spans_conn(s->service);
    if (conn != NULL) {
        ngx_http_wizdata_spans_send(s, conn);

    } else if (!ngx_exiting) {
        for (i = 0; i < s->service->n_peers; i++) {
            ngx_http_wizdata_peer_connect(&s->service->peers[i]);
        }
    }

    if (s->buf.len != 0 && !s->timer.timer_set && !ngx_exiting) {
        ngx_add_timer(&s->timer, s->worker->conf->spans->interval);
    }
}


static void
ngx_http_wizdata_spans_event(ngx_event_t *ev)
{
    ngx_http_wizdata_spans_flush(ev->data);
}


/* A span more is in the buffer: when does it leave? */
void
ngx_http_wizdata_spans_added(ngx_http_wizdata_spans_t *s)
{
    if (s->buf.len > s->buf.max / 2 || ngx_exiting) {
        if (!s->now.posted) {
            ngx_post_event(&s->now, &ngx_posted_events);
        }
    } else if (!s->timer.timer_set) {
        ngx_add_timer(&s->timer, s->worker->conf->spans->interval);
    }
}


void
ngx_http_wizdata_spans_dropped(ngx_http_wizdata_spans_t *s)
{
    if (ngx_http_wizdata_spans_conn(s->service) != NULL) {
        ngx_http_wizdata_count(s->worker, SPANS_FULL, 1);
    } else {
        ngx_http_wizdata_count(s->worker, SPANS_DOWN, 1);
    }
}


ngx_int_t
ngx_http_wizdata_spans_init(ngx_http_wizdata_worker_t *w)
{
    ngx_event_t                   *ev[2];
    ngx_uint_t                     i;
    ngx_http_wizdata_spans_t      *s;
    ngx_http_wizdata_spans_conf_t *sc = w->conf->spans;

    s = ngx_pcalloc(w->cycle->pool, sizeof(ngx_http_wizdata_spans_t));
    if (s == NULL) {
        return NGX_ERROR;
    }

    s->worker = w;
    if (sc->service < WD_SVC_COUNT) {
        s->service = &w->services[sc->service];
    }
    wd_buf_init(&s->buf, sc->buffer);
    wd_buf_init(&s->attrs, 0);

    ev[0] = &s->timer;
    ev[1] = &s->now;
    for (i = 0; i < 2; i++) {
        ev[i]->data = s;
        ev[i]->handler = ngx_http_wizdata_spans_event;
        ev[i]->log = w->cycle->log;
        ev[i]->cancelable = 1;
    }

    w->spans = s;
    return NGX_OK;
}


/* Later there is no connection, or no worker. */
static void
ngx_http_wizdata_spans_last(ngx_http_wizdata_spans_t *s,
    ngx_http_wizdata_conn_t *conn)
{
    if (s->buf.len != 0) {
        ngx_http_wizdata_spans_send(s, conn);
        ngx_http_wizdata_conn_push(conn);
    }
}


void
ngx_http_wizdata_spans_leave(ngx_http_wizdata_conn_t *conn)
{
    ngx_http_wizdata_spans_t *s = conn->peer->service->worker->spans;

    if (ngx_exiting && s != NULL && conn->peer->service == s->service
        && conn->ready)
    {
        ngx_http_wizdata_spans_last(s, conn);
    }
}


void
ngx_http_wizdata_spans_done(ngx_http_wizdata_worker_t *w)
{
    size_t                    from = 0, size;
    uint32_t                  n;
    ngx_http_wizdata_conn_t  *conn;
    ngx_http_wizdata_spans_t *s = w->spans;

    if (s == NULL) {
        return;
    }

    conn = s->service != NULL ? ngx_http_wizdata_spans_conn(s->service) : NULL;
    if (conn != NULL) {
        ngx_http_wizdata_spans_last(s, conn);
    }

    while (from < s->buf.len) {
        size = ngx_http_wizdata_spans_batch(s, from, &n);
        if (size == 0) {
            break;
        }
        ngx_http_wizdata_count(s->worker, SPANS_EXIT, n);
        from += size;
    }

    w->spans = NULL;
    wd_buf_done(&s->buf);
    wd_buf_done(&s->attrs);
}
