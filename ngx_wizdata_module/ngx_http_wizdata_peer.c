/*
 * ngx_http_wizdata_peer.c - keeps every endpoint of every service connected:
 * connect, back-off with jitter, probing of those that are down.
 */
#include "ngx_http_wizdata.h"

#define NGX_HTTP_WIZDATA_DELAY_MIN 50
#define NGX_HTTP_WIZDATA_DELAY_MAX 5000

/* A full backlog is load, not death: soon again, the back-off stays. */
#define NGX_HTTP_WIZDATA_DELAY_BUSY 20

/*
 * An endpoint whose back-off has come this far (about 1.5 s after the first
 * failure) is not waited for.
 */
#define NGX_HTTP_WIZDATA_DELAY_DOWN 3200

/* Attempts beside the back-off, by all workers, while calls find nobody. */
#define NGX_HTTP_WIZDATA_KNOCK 250

/* An attempt that is waited for so long, though the endpoint was down. */
#define NGX_HTTP_WIZDATA_HOPE 100

/* A connection that lived so long was a good one. */
#define NGX_HTTP_WIZDATA_LIVED 1000


/* Failures of this worker alone, which say nothing of the endpoint. */
#define NGX_HTTP_WIZDATA_NO_SOCKET "no socket available"
#define NGX_HTTP_WIZDATA_NO_MEMORY "out of memory"


static void ngx_http_wizdata_peer_retry_handler(ngx_event_t *ev);
static void ngx_http_wizdata_peer_failed(ngx_http_wizdata_peer_t *peer,
    ngx_err_t err, const char *why);


static ngx_int_t
ngx_http_wizdata_service_init(ngx_http_wizdata_worker_t *w,
    ngx_http_wizdata_service_t *s, ngx_http_wizdata_service_conf_t *conf)
{
    ngx_uint_t                   i;
    ngx_http_wizdata_peer_t     *peer;
    ngx_http_wizdata_endpoint_t *endpoints;

    s->worker = w;
    s->conf = conf;
    ngx_queue_init(&s->conns);
    ngx_http_wizdata_admit_init(s);

    if (conf->endpoints == NULL) {
        return NGX_OK;
    }

    endpoints = conf->endpoints->elts;
    s->n_peers = conf->endpoints->nelts;
    s->peers = ngx_pcalloc(w->cycle->pool,
                           s->n_peers * sizeof(ngx_http_wizdata_peer_t));
    if (s->peers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < s->n_peers; i++) {
        peer = &s->peers[i];
        peer->service = s;
        peer->endpoint = &endpoints[i];
        peer->index = i;
        peer->delay = NGX_HTTP_WIZDATA_DELAY_MIN;
        peer->retry.data = peer;
        peer->retry.handler = ngx_http_wizdata_peer_retry_handler;
        peer->retry.log = w->cycle->log;
        peer->retry.cancelable = 1;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_peers_init(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t                  i, k;
    ngx_http_wizdata_service_t *s;

    for (i = 0; i < WD_SVC_COUNT; i++) {
        s = &w->services[i];
        s->id = i;
        if (ngx_http_wizdata_service_init(w, s, &w->conf->services[i])
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (ngx_http_wizdata_health_join(w) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < WD_SVC_COUNT; i++) {
        s = &w->services[i];
        for (k = 0; k < s->n_peers; k++) {
            ngx_http_wizdata_peer_connect(&s->peers[k]);
        }
    }

    return ngx_http_wizdata_health_start(w);
}


/* At exit: calls that are still in flight end with their requests. */
void
ngx_http_wizdata_peers_done(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t                  i;
    ngx_queue_t                *q;
    ngx_http_wizdata_conn_t    *conn;
    ngx_http_wizdata_service_t *s;

    ngx_http_wizdata_health_done(w);

    for (i = 0; i < WD_SVC_COUNT; i++) {
        s = &w->services[i];
        for (q = ngx_queue_head(&s->conns);
             q != ngx_queue_sentinel(&s->conns);
             q = ngx_queue_next(q))
        {
            conn = ngx_queue_data(q, ngx_http_wizdata_conn_t, link);
            ngx_close_connection(conn->connection);
        }
    }
}


/* Under way for so short a time that it may still succeed. */
static ngx_uint_t
ngx_http_wizdata_peer_hopeful(const ngx_http_wizdata_peer_t *peer)
{
    return peer->conn != NULL
           && ngx_current_msec - peer->tried < NGX_HTTP_WIZDATA_HOPE;
}


ngx_uint_t
ngx_http_wizdata_service_down(ngx_http_wizdata_service_t *s)
{
    ngx_uint_t               i;
    ngx_http_wizdata_peer_t *peer;

    for (i = 0; i < s->n_peers; i++) {
        peer = &s->peers[i];
        if (!peer->failed || peer->delay < NGX_HTTP_WIZDATA_DELAY_DOWN
            || ngx_http_wizdata_peer_hopeful(peer))
        {
            return 0;
        }
    }
    return 1;
}


static wd_ns_t
ngx_http_wizdata_peer_ns(ngx_msec_t ms)
{
    return (wd_ns_t) ms * WD_NS_PER_MS;
}


/* Ends the back-off of peers: of all, or of those that others reached. */
static void
ngx_http_wizdata_service_try(ngx_http_wizdata_service_t *s, ngx_uint_t all)
{
    ngx_uint_t               i;
    ngx_http_wizdata_peer_t *peer;

    for (i = 0; i < s->n_peers; i++) {
        peer = &s->peers[i];
        if (peer->conn != NULL || !peer->retry.timer_set
            || (!all
                && !wd_fleet_up_since(&s->fleet, (unsigned) i,
                                      ngx_http_wizdata_peer_ns(peer->tried))))
        {
            continue;
        }
        ngx_del_timer(&peer->retry);
        ngx_http_wizdata_peer_connect(peer);
    }
}


void
ngx_http_wizdata_service_follow(ngx_http_wizdata_service_t *s)
{
    ngx_http_wizdata_service_try(s, 0);
}


/*
 * A call waits, or would be refused. All peers are tried, but not more often
 * than a dead backend should be knocked at by all workers together.
 */
void
ngx_http_wizdata_service_knock(ngx_http_wizdata_service_t *s)
{
    ngx_http_wizdata_service_try(
        s, wd_fleet_knock(&s->fleet,
                          ngx_http_wizdata_peer_ns(NGX_HTTP_WIZDATA_KNOCK),
                          ngx_http_wizdata_peer_ns(ngx_current_msec)));
}


static void
ngx_http_wizdata_peer_retry_handler(ngx_event_t *ev)
{
    ngx_http_wizdata_peer_connect(ev->data);
}


static void
ngx_http_wizdata_peer_retry_in(ngx_http_wizdata_peer_t *peer, ngx_msec_t ms)
{
    /* A draining worker reconnects only for those who wait. */
    if ((ngx_exiting || ngx_terminate || ngx_quit)
        && peer->service->n_waiting == 0)
    {
        return;
    }

    if (!peer->retry.timer_set) {
        ngx_add_timer(&peer->retry, ms);
    }
}


static void
ngx_http_wizdata_peer_back_off(ngx_http_wizdata_peer_t *peer)
{
    ngx_msec_t ms;

    ms = peer->delay * (75 + ngx_random() % 51) / 100;
    peer->delay = ngx_min(peer->delay * 2, NGX_HTTP_WIZDATA_DELAY_MAX);
    ngx_http_wizdata_peer_retry_in(peer, ms);
}


/* A socket that is ready for connect(), known to the event loop. */
static ngx_connection_t *
ngx_http_wizdata_peer_socket(ngx_http_wizdata_endpoint_t *e, ngx_log_t *log)
{
    ngx_socket_t      fd;
    ngx_connection_t *c;

    fd = ngx_socket(e->sockaddr->sa_family, SOCK_STREAM, 0);
    if (fd == (ngx_socket_t) -1) {
        return NULL;
    }

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        ngx_close_socket(fd);
        return NULL;
    }

    c->type = SOCK_STREAM;
    c->recv = ngx_recv;
    c->send = ngx_send;
    c->log_error = NGX_ERROR_INFO;
    c->log = log;
    c->read->log = log;
    c->write->log = log;
    c->number = ngx_atomic_fetch_add(ngx_connection_counter, 1);
    c->start_time = ngx_current_msec;

    if (ngx_nonblocking(fd) == -1
        || (e->sockaddr->sa_family != AF_UNIX && ngx_tcp_nodelay(c) != NGX_OK)
        || (ngx_add_conn && ngx_add_conn(c) == NGX_ERROR))
    {
        ngx_close_connection(c);
        return NULL;
    }

    return c;
}


/* The classes of failure that may be shown to others. */
static const char *
ngx_http_wizdata_peer_errno(ngx_err_t err)
{
    switch (err) {
    case NGX_ECONNREFUSED:
        return "connection refused";
    case NGX_ENOENT:
        return "socket missing";
    case NGX_EACCES:
        return "permission denied";
    case NGX_ETIMEDOUT:
        return "connect timed out";
    default:
        return "connect failed";
    }
}


void
ngx_http_wizdata_peer_connect(ngx_http_wizdata_peer_t *peer)
{
    int                          rc;
    ngx_err_t                    err;
    ngx_log_t                   *log = peer->service->worker->cycle->log;
    ngx_connection_t            *c;
    ngx_http_wizdata_endpoint_t *e = peer->endpoint;

    if (peer->conn != NULL || peer->retry.timer_set) {
        return;
    }

    peer->tried = ngx_current_msec;
    c = ngx_http_wizdata_peer_socket(e, log);
    if (c == NULL) {
        ngx_http_wizdata_peer_failed(peer, ngx_socket_errno,
                                     NGX_HTTP_WIZDATA_NO_SOCKET);
        return;
    }

    rc = connect(c->fd, e->sockaddr, e->socklen);
    err = rc == -1 ? ngx_socket_errno : 0;

    if (rc == -1 && err != NGX_EINPROGRESS) {
        ngx_close_connection(c);
        if (err == NGX_EAGAIN) {
            peer->service->last_error = "backlog full";
            ngx_http_wizdata_peer_retry_in(peer, NGX_HTTP_WIZDATA_DELAY_BUSY);
            return;
        }
        ngx_http_wizdata_peer_failed(peer, err,
                                     ngx_http_wizdata_peer_errno(err));
        return;
    }

    peer->conn = ngx_http_wizdata_conn_create(peer, c);
    if (peer->conn == NULL) {
        ngx_http_wizdata_peer_failed(peer, 0, NGX_HTTP_WIZDATA_NO_MEMORY);
        return;
    }

    if (rc == 0) {
        ngx_http_wizdata_conn_established(peer->conn);
    }
}


/* All workers learn it; a connection that was lost is no outage yet. */
static void
ngx_http_wizdata_peer_tell(ngx_http_wizdata_peer_t *peer, const char *why)
{
    wd_ns_t           now = ngx_http_wizdata_peer_ns(ngx_current_msec);
    wd_fleet_group_t *g = &peer->service->fleet;

    if (strcmp(why, NGX_HTTP_WIZDATA_NO_SOCKET) == 0
        || strcmp(why, NGX_HTTP_WIZDATA_NO_MEMORY) == 0
        || strcmp(why, "connection lost") == 0)
    {
        return;
    }

    wd_fleet_down(g, (unsigned) peer->index, why, now);
    ngx_http_wizdata_health_event(
        peer, wd_fleet_fault(g, (unsigned) peer->index, now,
                             (uint32_t) ngx_random()));
}


/* Logged once until the endpoint was connected again. */
static void
ngx_http_wizdata_peer_failed(ngx_http_wizdata_peer_t *peer, ngx_err_t err,
    const char *why)
{
    ngx_http_wizdata_service_t  *s = peer->service;
    ngx_http_wizdata_endpoint_t *e = peer->endpoint;

    if (!peer->logged) {
        peer->logged = 1;
        ngx_log_error(NGX_LOG_ERR, s->worker->cycle->log, err,
                      "wizdata: %s at %V is down: %s",
                      wd_service_name(s->id), &e->name, why);
    }

    s->last_error = why;
    peer->failed = 1;
    ngx_http_wizdata_peer_tell(peer, why);
    ngx_http_wizdata_peer_back_off(peer);

    if (ngx_http_wizdata_service_down(s)) {
        ngx_http_wizdata_admit_wake(s);
    }
}


void
ngx_http_wizdata_peer_ready(ngx_http_wizdata_peer_t *peer)
{
    ngx_http_wizdata_service_t  *s = peer->service;
    ngx_http_wizdata_endpoint_t *e = peer->endpoint;

    peer->failed = 0;

    if (peer->logged) {
        peer->logged = 0;
        ngx_log_error(NGX_LOG_NOTICE, s->worker->cycle->log, 0,
                      "wizdata: %s at %V is up again",
                      wd_service_name(s->id), &e->name);
    }

    wd_fleet_up(&s->fleet, (unsigned) peer->index,
                ngx_http_wizdata_peer_ns(ngx_current_msec));
    ngx_http_wizdata_health_up(peer);
    ngx_http_wizdata_admit_wake(s);
}


void
ngx_http_wizdata_peer_goaway(ngx_http_wizdata_peer_t *peer)
{
    peer->conn = NULL;
    peer->delay = NGX_HTTP_WIZDATA_DELAY_MIN;
    ngx_http_wizdata_peer_back_off(peer);
}


void
ngx_http_wizdata_peer_lost(ngx_http_wizdata_peer_t *peer, ngx_msec_t lived,
    const char *why)
{
    if (lived >= NGX_HTTP_WIZDATA_LIVED) {
        peer->delay = NGX_HTTP_WIZDATA_DELAY_MIN;
    }

    if (why == NULL) {
        ngx_http_wizdata_peer_back_off(peer);
        return;
    }
    ngx_http_wizdata_peer_failed(peer, 0, why);
}
