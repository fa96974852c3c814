/*
 * ngx_http_wizdata_conn.c - one connection to a backend: frames in, frames
 * out, notifications.
 *
 * Frames are appended to `out` and leave in one write when the event loop's
 * turn ends; what a read brings is cut into frames until the socket is empty.
 */
#include "ngx_http_wizdata.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_READ (16 * 1024)

/* Reads in a row before other connections get their turn. */
#define NGX_HTTP_WIZDATA_READS 16

#define NGX_HTTP_WIZDATA_HELLO_TIMEOUT 2000

/* A peer that stops in a frame would make all that is asked there wait. */
#define NGX_HTTP_WIZDATA_FRAME_TIMEOUT 2000

/* Memory of an idle buffer above this is given back. */
#define NGX_HTTP_WIZDATA_KEEP (256 * 1024)

/* A longer silence of auth means that a revocation may be missing. */
#define NGX_HTTP_WIZDATA_BEAT_MAX 1000


static void ngx_http_wizdata_conn_read(ngx_event_t *rev);
static void ngx_http_wizdata_conn_write(ngx_event_t *wev);
static void ngx_http_wizdata_conn_flush(ngx_event_t *ev);


static ngx_http_wizdata_slot_t *
ngx_http_wizdata_conn_slots(ngx_log_t *log)
{
    uint32_t                 i;
    ngx_http_wizdata_slot_t *slots;

    slots = ngx_alloc(WD_INFLIGHT_MAX * sizeof(ngx_http_wizdata_slot_t), log);
    if (slots == NULL) {
        return NULL;
    }

    for (i = 0; i < WD_INFLIGHT_MAX; i++) {
        slots[i].rpc = NULL;
        slots[i].round = 0;
        slots[i].next = i + 1;
    }
    return slots;
}


ngx_http_wizdata_conn_t *
ngx_http_wizdata_conn_create(ngx_http_wizdata_peer_t *peer,
    ngx_connection_t *c)
{
    ngx_http_wizdata_conn_t         *conn;
    ngx_http_wizdata_service_conf_t *sc = peer->service->conf;

    conn = ngx_calloc(sizeof(ngx_http_wizdata_conn_t), c->log);
    if (conn == NULL) {
        ngx_close_connection(c);
        return NULL;
    }

    conn->slots = ngx_http_wizdata_conn_slots(c->log);
    if (conn->slots == NULL) {
        ngx_free(conn);
        ngx_close_connection(c);
        return NULL;
    }

    conn->peer = peer;
    conn->connection = c;
    wd_frame_reader_init(&conn->reader);
    wd_buf_init(&conn->out, 0);
    conn->flush.data = conn;
    conn->flush.handler = ngx_http_wizdata_conn_flush;
    conn->flush.log = c->log;
    ngx_queue_init(&conn->uploads);
    ngx_queue_insert_tail(&peer->service->conns, &conn->link);

    c->data = conn;
    c->read->handler = ngx_http_wizdata_conn_read;
    c->write->handler = ngx_http_wizdata_conn_write;

    /* Never keeps a worker from exiting: the calls' own timer does. */
    c->read->cancelable = 1;
    c->write->cancelable = 1;
    ngx_add_timer(c->write, sc->connect_timeout);

    if (ngx_add_conn == NULL
        && ngx_handle_write_event(c->write, 0) != NGX_OK)
    {
        ngx_http_wizdata_conn_close(conn, "event failed");
        return NULL;
    }
    return conn;
}


void
ngx_http_wizdata_conn_established(ngx_http_wizdata_conn_t *conn)
{
    ngx_connection_t *c = conn->connection;

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    conn->connected = 1;
    conn->opened = ngx_current_msec;
    c->idle = 1; /* the read handler is told when the worker drains */

    wd_frame_put_hello(&conn->out, "gateway",
                       conn->peer->service->worker->instance);
    ngx_http_wizdata_conn_flush_later(conn);
    ngx_add_timer(c->read, NGX_HTTP_WIZDATA_HELLO_TIMEOUT);

    if (ngx_add_conn == NULL) {
        (void) ngx_handle_read_event(c->read, 0);
    }
}


/* Fails or retries what is in flight, tells the peer, frees. */
void
ngx_http_wizdata_conn_close(ngx_http_wizdata_conn_t *conn, const char *why)
{
    ngx_msec_t                       lived;
    ngx_http_wizdata_peer_t         *peer = conn->peer;
    ngx_http_wizdata_rpc_counters_t *m;

    lived = conn->ready ? ngx_current_msec - conn->opened : 0;

    ngx_close_connection(conn->connection);
    ngx_queue_remove(&conn->link);

    if (conn->ready) {
        m = &peer->service->worker->counters->rpc[peer->service->id];
        m->connections--;
        m->lost += why != NULL;
    }
    conn->ready = 0;

    if (peer->conn == conn) {
        peer->conn = NULL;
        ngx_http_wizdata_peer_lost(peer, lived, why);
    }
    ngx_http_wizdata_rpc_lost(conn);

    /* Who was told may have cancelled another call of this connection. */
    if (conn->flush.posted) {
        ngx_delete_posted_event(&conn->flush);
    }

    wd_frame_reader_done(&conn->reader);
    wd_buf_done(&conn->out);
    ngx_free(conn->slots);
    ngx_free(conn);
}


static void
ngx_http_wizdata_conn_malformed(ngx_http_wizdata_conn_t *conn)
{
    ngx_http_wizdata_service_t  *s = conn->peer->service;
    ngx_http_wizdata_endpoint_t *e = conn->peer->endpoint;

    s->worker->counters->rpc[s->id].malformed++;
    ngx_log_error(NGX_LOG_ERR, conn->connection->log, 0,
                  "wizdata: %s at %V sent a malformed frame, closing",
                  wd_service_name(s->id), &e->name);
    conn->peer->logged = 1; /* said enough until it is up again */
    conn->malformed = 1;
    ngx_http_wizdata_conn_close(conn, "malformed frame");
}


/* The first frame has to be a hello of our version and of that service. */
static ngx_int_t
ngx_http_wizdata_conn_hello(ngx_http_wizdata_conn_t *conn,
    const wd_frame_t *f)
{
    int64_t                      version;
    wd_str_t                     service, instance;
    ngx_http_wizdata_service_t  *s = conn->peer->service;
    ngx_http_wizdata_endpoint_t *e = conn->peer->endpoint;

    if (f->type != WD_FRAME_NOTIFY || !wd_str_eq_z(f->method, WD_N_HELLO)
        || wd_frame_get_hello(f->params, &version, &service, &instance)
           != WD_OK)
    {
        return NGX_ERROR;
    }

    if (version != WD_PROTO_VERSION
        || !wd_str_eq_z(service, wd_service_name(s->id)))
    {
        ngx_log_error(NGX_LOG_ERR, conn->connection->log, 0,
                      "wizdata: %V is configured as %s but speaks version "
                      "%L of the protocol as \"%*s\"",
                      &e->name, wd_service_name(s->id), version, service.len,
                      service.data);
        conn->peer->logged = 1;
        return NGX_ERROR;
    }

    if (conn->connection->read->timer_set) {
        ngx_del_timer(conn->connection->read);
    }
    crypto_generichash((u_char *) &conn->instance, sizeof(conn->instance),
                       (const u_char *) instance.data, instance.len, NULL, 0);
    conn->ready = 1;
    s->worker->counters->rpc[s->id].connections++;
    ngx_http_wizdata_peer_ready(conn->peer);
    if (s->id == WD_SVC_AUTH) {
        ngx_http_wizdata_jwks_changed(s->worker); /* may have been missed */
    }
    return NGX_OK;
}


static void
ngx_http_wizdata_conn_beat(ngx_http_wizdata_conn_t *conn)
{
    if (!conn->covered
        || ngx_current_msec - conn->last_beat > NGX_HTTP_WIZDATA_BEAT_MAX)
    {
        conn->covered = 1;
        conn->cover_since = ngx_current_msec;
    }
    conn->last_beat = ngx_current_msec;
    ngx_http_wizdata_revoke_beat(conn->peer->service->worker,
                                 conn->cover_since);
}


static void
ngx_http_wizdata_conn_goaway(ngx_http_wizdata_conn_t *conn)
{
    ngx_http_wizdata_service_conf_t *sc = conn->peer->service->conf;

    if (conn->goaway) {
        return;
    }

    conn->goaway = 1;
    if (sc->health_interval != 0) { /* a probe will take it back */
        wd_fleet_goes(&conn->peer->service->fleet,
                      (unsigned) conn->peer->index);
    }
    if (conn->peer->conn == conn) {
        ngx_http_wizdata_peer_goaway(conn->peer);
    }
}


static ngx_int_t
ngx_http_wizdata_conn_notify(ngx_http_wizdata_conn_t *conn,
    const wd_frame_t *f)
{
    ngx_http_wizdata_service_t *s = conn->peer->service;

    if (wd_str_eq_z(f->method, WD_N_CHUNK)) {
        return ngx_http_wizdata_rpc_chunk(conn, f->params);
    }
    if (wd_str_eq_z(f->method, WD_N_CREDIT)) {
        return ngx_http_wizdata_rpc_credited(conn, f->params);
    }
    if (wd_str_eq_z(f->method, WD_N_ABORT)) {
        return ngx_http_wizdata_rpc_abort(conn, f->params);
    }
    if (wd_str_eq_z(f->method, WD_N_GOAWAY)) {
        ngx_http_wizdata_conn_goaway(conn);
        return NGX_OK;
    }

    if (wd_str_eq_z(f->method, WD_N_PURGE)) {
        return ngx_http_wizdata_cache_notify_purge(conn, f->params);
    }
    if (wd_str_eq_z(f->method, WD_N_CACHE_BEAT)) {
        return ngx_http_wizdata_cache_notify_beat(conn, f->params);
    }

    /* Only auth may speak about keys. */
    if (s->id != WD_SVC_AUTH) {
        return NGX_OK;
    }
    if (wd_str_eq_z(f->method, WD_N_BEAT)) {
        ngx_http_wizdata_conn_beat(conn);
    } else if (wd_str_eq_z(f->method, WD_N_REVOKE)) {
        return ngx_http_wizdata_auth_revoke(s->worker, f->params);
    } else if (wd_str_eq_z(f->method, WD_N_JWKS_CHANGED)) {
        ngx_http_wizdata_jwks_changed(s->worker);
    } else if (wd_str_eq_z(f->method, WD_N_REVOKE_TOKEN)) {
        return ngx_http_wizdata_auth_revoke_token(s->worker, f->params);
    } else if (wd_str_eq_z(f->method, WD_N_PLANS)) {
        return ngx_http_wizdata_limit_pushed(s->worker, f->params);
    } else if (wd_str_eq_z(f->method, WD_N_ROLES)) {
        return ngx_http_wizdata_roles_pushed(s->worker, f->params);
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_conn_frame(ngx_http_wizdata_conn_t *conn,
    const wd_frame_t *f)
{
    if (!conn->ready) {
        return ngx_http_wizdata_conn_hello(conn, f);
    }

    switch (f->type) {
    case WD_FRAME_RESPONSE:
        return ngx_http_wizdata_rpc_response(conn, f);
    case WD_FRAME_NOTIFY:
        return ngx_http_wizdata_conn_notify(conn, f);
    default:
        return NGX_ERROR; /* only callers send requests */
    }
}


/* When did the frame begin whose end is missing? */
static void
ngx_http_wizdata_conn_within(ngx_http_wizdata_conn_t *conn, ngx_uint_t whole)
{
    if (!wd_frame_reader_within(&conn->reader)) {
        conn->within = 0;
    } else if (whole != 0 || !conn->within) {
        conn->within = 1;
        conn->within_since = ngx_current_msec;
    }
}


/* All whole frames that are here. */
static ngx_int_t
ngx_http_wizdata_conn_frames(ngx_http_wizdata_conn_t *conn)
{
    int        rc;
    ngx_uint_t whole;
    wd_frame_t f;

    for (whole = 0;; whole++) {
        rc = wd_frame_reader_next(&conn->reader, &f);
        if (rc == WD_EAGAIN) {
            ngx_http_wizdata_conn_within(conn, whole);
            return NGX_OK;
        }
        if (rc != WD_OK || ngx_http_wizdata_conn_frame(conn, &f) != NGX_OK) {
            return NGX_ERROR;
        }
    }
}


void
ngx_http_wizdata_conn_look(ngx_http_wizdata_service_t *s)
{
    ngx_queue_t             *q, *next;
    ngx_http_wizdata_conn_t *conn;

    for (q = ngx_queue_head(&s->conns); q != ngx_queue_sentinel(&s->conns);
         q = next)
    {
        next = ngx_queue_next(q);
        conn = ngx_queue_data(q, ngx_http_wizdata_conn_t, link);
        if (conn->within
            && ngx_current_msec - conn->within_since
               > NGX_HTTP_WIZDATA_FRAME_TIMEOUT)
        {
            ngx_http_wizdata_conn_close(conn, "unfinished frame");
        }
    }
}


/* NGX_OK: go on; NGX_AGAIN: empty; NGX_DONE: the connection is closed. */
static ngx_int_t
ngx_http_wizdata_conn_receive(ngx_http_wizdata_conn_t *conn)
{
    size_t            size;
    ssize_t           n;
    u_char           *p;
    ngx_connection_t *c = conn->connection;

    p = wd_frame_reader_space(&conn->reader, NGX_HTTP_WIZDATA_READ, &size);
    if (p == NULL) {
        ngx_http_wizdata_conn_close(conn, "out of memory");
        return NGX_DONE;
    }

    n = c->recv(c, p, size);
    if (n == NGX_AGAIN) {
        return NGX_AGAIN;
    }
    if (n <= 0) {
        ngx_http_wizdata_conn_close(conn, conn->goaway ? NULL
                                                       : "connection lost");
        return NGX_DONE;
    }

    wd_frame_reader_fed(&conn->reader, n);
    if (ngx_http_wizdata_conn_frames(conn) != NGX_OK) {
        ngx_http_wizdata_conn_malformed(conn);
        return NGX_DONE;
    }
    return NGX_OK;
}


/* A connection that has no more use is closed. */
static ngx_int_t
ngx_http_wizdata_conn_retire(ngx_http_wizdata_conn_t *conn)
{
    if (conn->in_flight == 0
        && (conn->goaway || conn->connection->close || ngx_exiting)
        && conn->peer->service->n_waiting == 0)
    {
        ngx_http_wizdata_spans_leave(conn);
        ngx_http_wizdata_refusals_leave(conn);
        ngx_http_wizdata_conn_close(conn, NULL);
        return NGX_DONE;
    }
    return NGX_OK;
}


static void
ngx_http_wizdata_conn_read(ngx_event_t *rev)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_connection_t        *c = rev->data;
    ngx_http_wizdata_conn_t *conn = c->data;

    if (rev->timedout) {
        ngx_http_wizdata_conn_close(conn, "no hello");
        return;
    }

    if (!conn->connected) {
        return; /* the write handler looks at the outcome of connect() */
    }

    for (i = 0; i < NGX_HTTP_WIZDATA_READS && rev->ready; i++) {
        rc = ngx_http_wizdata_conn_receive(conn);
        if (rc == NGX_DONE) {
            return;
        }
        if (rc == NGX_AGAIN) {
            break;
        }
    }

    if (ngx_http_wizdata_conn_retire(conn) == NGX_DONE) {
        return;
    }

    if (rev->ready) {
        ngx_post_event(rev, &ngx_posted_next_events);
    } else if (ngx_handle_read_event(rev, 0) != NGX_OK) {
        ngx_http_wizdata_conn_close(conn, "event failed");
    }
}


static void
ngx_http_wizdata_conn_connected(ngx_http_wizdata_conn_t *conn)
{
    int       err = 0;
    socklen_t len = sizeof(int);

    if (getsockopt(conn->connection->fd, SOL_SOCKET, SO_ERROR, (void *) &err,
                   &len)
        == -1)
    {
        err = ngx_socket_errno;
    }

    if (err != 0) {
        ngx_http_wizdata_conn_close(
            conn, err == NGX_ECONNREFUSED ? "connection refused"
                                          : "connect failed");
        return;
    }
    ngx_http_wizdata_conn_established(conn);
}


static void
ngx_http_wizdata_conn_write(ngx_event_t *wev)
{
    ngx_connection_t        *c = wev->data;
    ngx_http_wizdata_conn_t *conn = c->data;

    if (wev->timedout) {
        ngx_http_wizdata_conn_close(conn, "connect timed out");
        return;
    }

    if (!conn->connected) {
        ngx_http_wizdata_conn_connected(conn);
        return;
    }

    if (conn->out_pos < conn->out.len) {
        ngx_http_wizdata_conn_flush(&conn->flush);
    }
}


void
ngx_http_wizdata_conn_flush_later(ngx_http_wizdata_conn_t *conn)
{
    if (!conn->flush.posted) {
        ngx_post_event(&conn->flush, &ngx_posted_events);
    }
}


ngx_uint_t
ngx_http_wizdata_conn_tell(ngx_http_wizdata_conn_t *conn,
    const char *method, wd_str_t params)
{
    size_t at = conn->out.len;

    wd_frame_put_notify(&conn->out, method, params);
    if (conn->out.err != WD_OK) {
        conn->out.len = at;
        conn->out.err = WD_OK;
        return 0;
    }

    conn->queued += conn->out.len - at;
    ngx_http_wizdata_conn_flush_later(conn);
    return 1;
}


void
ngx_http_wizdata_conn_push(ngx_http_wizdata_conn_t *conn)
{
    ssize_t           n;
    ngx_connection_t *c = conn->connection;

    if (conn->out_pos == conn->out.len) {
        return;
    }

    n = c->send(c, conn->out.data + conn->out_pos,
                conn->out.len - conn->out_pos);
    if (n > 0) {
        conn->out_pos += n;
        conn->written += n;
    }
}


static void
ngx_http_wizdata_conn_trim(ngx_http_wizdata_conn_t *conn)
{
    if (conn->out_pos == conn->out.len) {
        conn->out_pos = 0;
        wd_buf_reset(&conn->out);
        if (conn->out.cap > NGX_HTTP_WIZDATA_KEEP) {
            wd_buf_done(&conn->out);
        }
        return;
    }

    /* Moving what is left costs less than what was written since. */
    if (conn->out_pos > conn->out.len / 2) {
        wd_buf_consume(&conn->out, conn->out_pos);
        conn->out_pos = 0;
    }
}


static void
ngx_http_wizdata_conn_flush(ngx_event_t *ev)
{
    ssize_t                      n;
    ngx_connection_t            *c;
    ngx_http_wizdata_conn_t     *conn = ev->data;
    ngx_http_wizdata_service_t  *s = conn->peer->service;

    c = conn->connection;

    while (conn->connected && conn->out_pos < conn->out.len
           && c->write->ready)
    {
        n = c->send(c, conn->out.data + conn->out_pos,
                    conn->out.len - conn->out_pos);
        if (n == NGX_AGAIN) {
            break;
        }
        if (n < 0) {
            ngx_http_wizdata_conn_close(conn, "connection lost");
            return;
        }
        s->worker->counters->rpc[s->id].writes++;
        conn->out_pos += n;
        conn->written += n;
    }

    ngx_http_wizdata_conn_trim(conn);
    ngx_http_wizdata_rpc_upload_drained(conn);

    if (ngx_handle_write_event(c->write, 0) != NGX_OK) {
        ngx_http_wizdata_conn_close(conn, "event failed");
        return;
    }
    (void) ngx_http_wizdata_conn_retire(conn);
}
