/*
 * ngx_http_wizdata_admit.c - which call goes, and when: the caps of a
 * service, the queue before them, shedding.
 *
 * Caps and the order of those who wait hold over all workers (wd_fleet.h).
 * Nobody tells a worker that another one has given a slot back, so while
 * calls wait their worker looks every few milliseconds.
 */
#include "ngx_http_wizdata.h"

/* How often those who wait are looked at: for a slot, for a connection. */
#define NGX_HTTP_WIZDATA_TURN_SLOT 2
#define NGX_HTTP_WIZDATA_TURN_CONN 20


static void ngx_http_wizdata_admit_turn(ngx_event_t *ev);


static wd_ns_t
ngx_http_wizdata_admit_now(void)
{
    return (wd_ns_t) ngx_current_msec * WD_NS_PER_MS;
}


static ngx_http_wizdata_rpc_counters_t *
ngx_http_wizdata_admit_counters(ngx_http_wizdata_service_t *s)
{
    return &s->worker->counters->rpc[s->id];
}


static void
ngx_http_wizdata_admit_count_shed(ngx_http_wizdata_service_t *s,
    wd_class_e class)
{
    ngx_http_wizdata_rpc_counters_t *m = ngx_http_wizdata_admit_counters(s);

    switch (class) {
    case WD_CLASS_CHEAP:
        m->shed_cheap++;
        break;
    case WD_CLASS_HEAVY:
        m->shed_heavy++;
        break;
    default:
        m->shed_write++;
        break;
    }
}


void
ngx_http_wizdata_admit_init(ngx_http_wizdata_service_t *s)
{
    ngx_uint_t                       i;
    ngx_http_wizdata_service_conf_t *sc = s->conf;

    for (i = 0; i < WD_CLASSES; i++) {
        ngx_queue_init(&s->waiting[i]);
    }

    s->turn.data = s;
    s->turn.handler = ngx_http_wizdata_admit_turn;
    s->turn.log = s->worker->cycle->log;
    s->turn.cancelable = 1; /* the calls' own deadline keeps a worker alive */

    s->shed.target = sc->shed_target * WD_NS_PER_MS;
    s->shed.interval = sc->shed_interval * WD_NS_PER_MS;

    s->breaker.window = sc->breaker_window * WD_NS_PER_MS;
    s->breaker.open = sc->breaker_open * WD_NS_PER_MS;
    s->breaker.open_max = sc->breaker_open_max * WD_NS_PER_MS;
    s->breaker.latency = sc->breaker_latency * WD_NS_PER_MS;
    s->breaker.latency_min = 50 * WD_NS_PER_MS;
    s->breaker.slow_start = sc->slow_start * WD_NS_PER_MS;
    s->breaker.errors = sc->breaker;
    s->breaker.volume = sc->breaker_volume;
    s->breaker.outlier = sc->outlier;
    s->breaker.probes = 3;
}


ngx_uint_t
ngx_http_wizdata_admit_again(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_service_t      *s = rpc->service;
    ngx_http_wizdata_service_conf_t *sc = s->conf;

    if (rpc->retried || !(rpc->method->flags & WD_M_IDEMPOTENT)) {
        return 0;
    }
    if (!wd_budget_take(&s->budget, (unsigned) sc->retry_budget)) {
        ngx_http_wizdata_admit_counters(s)->retries_refused++;
        return 0;
    }

    rpc->retried = 1;
    ngx_http_wizdata_admit_counters(s)->retries++;
    return 1;
}


static unsigned
ngx_http_wizdata_admit_limit(const ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_service_conf_t *sc = rpc->service->conf;

    return wd_shed_limit((unsigned) sc->max_inflight, (unsigned) sc->reserve,
                         rpc->class);
}


/* Takes a slot of the cap; ticket 0: not before those who wait already. */
static ngx_uint_t
ngx_http_wizdata_admit_enter(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_uint_t                  i;
    ngx_http_wizdata_service_t *s = rpc->service;

    /* sys.* is outside of the cap: who is overloaded must be watched. */
    if (rpc->entered || rpc->method->service == WD_SVC_ANY) {
        return 1;
    }

    for (i = 0; rpc->ticket == 0 && i <= rpc->class; i++) {
        if (!ngx_queue_empty(&s->waiting[i])) {
            return 0;
        }
    }

    if (!wd_fleet_first(&s->fleet, rpc->class, rpc->ticket,
                        ngx_http_wizdata_admit_now())
        || !wd_fleet_enter(&s->fleet, ngx_http_wizdata_admit_limit(rpc)))
    {
        return 0;
    }
    rpc->entered = 1;
    return 1;
}


void
ngx_http_wizdata_admit_exit(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_service_t *s = rpc->service;

    if (!rpc->entered) {
        return;
    }
    rpc->entered = 0;
    wd_fleet_exit(&s->fleet);

    if (s->n_waiting != 0 && !s->turn.posted) {
        ngx_post_event(&s->turn, &ngx_posted_events);
    }
}


void
ngx_http_wizdata_admit_unwait(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_service_t *s = rpc->service;

    ngx_queue_remove(&rpc->wait_link);
    s->n_waiting--;
    if (rpc->counted) {
        rpc->counted = 0;
        wd_fleet_unwait(&s->fleet);
    }
    if (ngx_queue_empty(&s->waiting[rpc->class])) {
        wd_fleet_head(&s->fleet, rpc->class, 0, 0);
    }
}


static void
ngx_http_wizdata_admit_arm(ngx_http_wizdata_service_t *s, ngx_msec_t ms)
{
    if (!s->turn.timer_set) {
        ngx_add_timer(&s->turn, ms);
    }
}


/*
 * The queue is full: the youngest of the least important class gives its
 * place to one that is more important.
 */
static ngx_uint_t
ngx_http_wizdata_admit_evict(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_uint_t                  i;
    ngx_queue_t                *q;
    ngx_http_wizdata_rpc_t     *last;
    ngx_http_wizdata_service_t *s = rpc->service;

    for (i = WD_CLASSES - 1; i > rpc->class; i--) {
        for (q = ngx_queue_last(&s->waiting[i]);
             q != ngx_queue_sentinel(&s->waiting[i]); q = ngx_queue_prev(q))
        {
            last = ngx_queue_data(q, ngx_http_wizdata_rpc_t, wait_link);
            if (last->evicted || !last->counted) {
                continue;
            }

            /* Refused in its turn, not in the middle of this call. */
            last->evicted = 1;
            last->counted = 0;
            rpc->counted = 1;
            ngx_http_wizdata_admit_count_shed(s, last->class);
            return 1;
        }
    }
    return 0;
}


static ngx_uint_t
ngx_http_wizdata_admit_place(ngx_http_wizdata_rpc_t *rpc, ngx_uint_t bound)
{
    ngx_http_wizdata_service_t *s = rpc->service;

    /* What was sent before keeps its place. */
    bound = rpc->retried || rpc->entered ? NGX_MAX_INT32_VALUE : bound;

    if (wd_fleet_wait(&s->fleet, (unsigned) bound)) {
        rpc->counted = 1;
        return 1;
    }
    return ngx_http_wizdata_admit_evict(rpc);
}


static int
ngx_http_wizdata_admit_wait(ngx_http_wizdata_rpc_t *rpc, ngx_uint_t bound,
    ngx_msec_t turn)
{
    ngx_http_wizdata_service_t *s = rpc->service;

    if (!ngx_http_wizdata_admit_place(rpc, bound)) {
        ngx_http_wizdata_admit_counters(s)->queue_full++;
        return turn == NGX_HTTP_WIZDATA_TURN_SLOT ? WD_EAGAIN : WD_EUNAVAIL;
    }

    if (rpc->ticket == 0) {
        rpc->ticket = wd_fleet_ticket(&s->fleet);
    }

    rpc->since = ngx_current_msec;
    rpc->state = NGX_HTTP_WIZDATA_RPC_WAITING;
    s->n_waiting++;
    ngx_http_wizdata_admit_counters(s)->queued++;
    if (rpc->entered) {
        ngx_queue_insert_head(&s->waiting[rpc->class], &rpc->wait_link);
    } else {
        ngx_queue_insert_tail(&s->waiting[rpc->class], &rpc->wait_link);
    }
    ngx_http_wizdata_admit_arm(s, turn);
    return WD_OK;
}


/* Nobody is connected. Refused when that is not to change soon. */
static int
ngx_http_wizdata_admit_wait_conn(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_uint_t                  i;
    ngx_http_wizdata_service_t *s = rpc->service;

    if (rpc->only != NULL) {
        return WD_EUNAVAIL;
    }

    for (i = 0; i < s->n_peers; i++) {
        ngx_http_wizdata_peer_connect(&s->peers[i]);
    }
    ngx_http_wizdata_service_knock(s);

    if (ngx_http_wizdata_service_down(s)) {
        return WD_EUNAVAIL;
    }
    return ngx_http_wizdata_admit_wait(rpc, s->worker->conf->queue,
                                       NGX_HTTP_WIZDATA_TURN_CONN);
}


/* All slots are taken. */
static int
ngx_http_wizdata_admit_wait_slot(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_service_t      *s = rpc->service;
    ngx_http_wizdata_service_conf_t *sc = s->conf;

    if (rpc->only != NULL) {
        return WD_EAGAIN;
    }

    if (wd_shed_refuses(wd_fleet_level(&s->fleet,
                                       ngx_http_wizdata_admit_now()),
                        rpc->class))
    {
        ngx_http_wizdata_admit_count_shed(s, rpc->class);
        return WD_EAGAIN;
    }
    return ngx_http_wizdata_admit_wait(rpc, sc->queue,
                                       NGX_HTTP_WIZDATA_TURN_SLOT);
}


static int
ngx_http_wizdata_admit_send(ngx_http_wizdata_rpc_t *rpc,
    ngx_http_wizdata_conn_t *conn)
{
    int rc;

    rc = ngx_http_wizdata_rpc_send(ngx_http_wizdata_pick_probe(rpc, conn),
                                   rpc);
    if (rc != WD_OK) {
        ngx_http_wizdata_admit_exit(rpc);
    }
    return rc;
}


/* A call that is likely to fail fails at once. */
static ngx_uint_t
ngx_http_wizdata_admit_throttles(ngx_http_wizdata_rpc_t *rpc,
    ngx_http_wizdata_peer_t *peer)
{
    ngx_http_wizdata_service_t      *s = rpc->service;
    ngx_http_wizdata_service_conf_t *sc = s->conf;

    if (!sc->throttle || rpc->entered || rpc->only != NULL
        || rpc->class == WD_CLASS_CRITICAL
        || !wd_fleet_throttles(&s->fleet, (unsigned) peer->index,
                               ngx_http_wizdata_admit_now(),
                               (uint32_t) ngx_random()))
    {
        return 0;
    }
    ngx_http_wizdata_admit_counters(s)->throttled++;
    return 1;
}


int
ngx_http_wizdata_admit(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_conn_t         *conn;
    ngx_http_wizdata_service_t      *s = rpc->service;
    ngx_http_wizdata_service_conf_t *sc = s->conf;

    if (!rpc->retried && !rpc->entered) {
        wd_budget_call(&s->budget, (unsigned) sc->retry_budget);
    }

    conn = ngx_http_wizdata_pick(rpc);
    if (conn == NULL) {
        return ngx_http_wizdata_admit_wait_conn(rpc);
    }
    if (ngx_http_wizdata_admit_throttles(rpc, conn->peer)) {
        return WD_EUNAVAIL;
    }
    if (!ngx_http_wizdata_admit_enter(rpc)) {
        return ngx_http_wizdata_admit_wait_slot(rpc);
    }
    return ngx_http_wizdata_admit_send(rpc, conn);
}


/* The head of a class leaves the queue for its connection. */
static void
ngx_http_wizdata_admit_go(ngx_http_wizdata_rpc_t *rpc,
    ngx_http_wizdata_conn_t *conn)
{
    int                         rc;
    ngx_msec_t                  waited = ngx_current_msec - rpc->since;
    ngx_http_wizdata_service_t *s = rpc->service;

    wd_fleet_waited(&s->fleet, (wd_ns_t) waited * WD_NS_PER_MS,
                    ngx_http_wizdata_admit_now());

    ngx_http_wizdata_admit_unwait(rpc);
    rpc->state = NGX_HTTP_WIZDATA_RPC_IDLE;
    rc = ngx_http_wizdata_admit_send(rpc, conn);
    if (rc != WD_OK) {
        ngx_http_wizdata_rpc_drop(rpc, rc);
    }
}


/* Waited for a slot for too long? Those who came later did so for less. */
static ngx_uint_t
ngx_http_wizdata_admit_expired(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_service_t      *s = rpc->service;
    ngx_http_wizdata_service_conf_t *sc = s->conf;

    if (ngx_current_msec - rpc->since < sc->queue_timeout) {
        return 0;
    }

    wd_fleet_waited(&s->fleet,
                    (wd_ns_t) (ngx_current_msec - rpc->since) * WD_NS_PER_MS,
                    ngx_http_wizdata_admit_now());
    ngx_http_wizdata_admit_counters(s)->queue_timeouts++;
    return 1;
}


/*
 * NGX_OK: the head is gone. NGX_AGAIN: it waits for a slot; NGX_DECLINED: for
 * a connection, as all do.
 */
static ngx_int_t
ngx_http_wizdata_admit_head(ngx_http_wizdata_rpc_t *rpc)
{
    ngx_http_wizdata_conn_t    *conn;
    ngx_http_wizdata_service_t *s = rpc->service;

    if (rpc->evicted) {
        ngx_http_wizdata_rpc_drop(rpc, WD_EAGAIN);
        return NGX_OK;
    }

    conn = ngx_http_wizdata_pick(rpc);
    if (conn == NULL) {
        if (!ngx_http_wizdata_service_down(s)) {
            return NGX_DECLINED;
        }
        ngx_http_wizdata_rpc_drop(rpc, rpc->retried ? WD_EBADGATEWAY
                                                    : WD_EUNAVAIL);
        return NGX_OK;
    }

    if (!ngx_http_wizdata_admit_enter(rpc)) {
        if (!ngx_http_wizdata_admit_expired(rpc)) {
            return NGX_AGAIN;
        }
        ngx_http_wizdata_rpc_drop(rpc, WD_EAGAIN);
        return NGX_OK;
    }

    ngx_http_wizdata_admit_go(rpc, conn);
    return NGX_OK;
}


static ngx_http_wizdata_rpc_t *
ngx_http_wizdata_admit_first(ngx_http_wizdata_service_t *s, ngx_uint_t class)
{
    return ngx_queue_data(ngx_queue_head(&s->waiting[class]),
                          ngx_http_wizdata_rpc_t, wait_link);
}


/* The youngest ones, which an eviction has marked. */
static void
ngx_http_wizdata_admit_drop_evicted(ngx_http_wizdata_service_t *s,
    ngx_uint_t class)
{
    ngx_http_wizdata_rpc_t *rpc;

    while (!ngx_queue_empty(&s->waiting[class])) {
        rpc = ngx_queue_data(ngx_queue_last(&s->waiting[class]),
                             ngx_http_wizdata_rpc_t, wait_link);
        if (!rpc->evicted) {
            return;
        }
        ngx_http_wizdata_rpc_drop(rpc, WD_EAGAIN);
    }
}


/* What others are told of the head, so that they wait for it. */
static void
ngx_http_wizdata_admit_tell(ngx_http_wizdata_service_t *s, ngx_uint_t class,
    ngx_int_t rc)
{
    uint64_t ticket = 0;

    if (rc == NGX_AGAIN) {
        ticket = ngx_http_wizdata_admit_first(s, class)->ticket;
    }
    wd_fleet_head(&s->fleet, (wd_class_e) class, ticket,
                  ngx_http_wizdata_admit_now());
}


void
ngx_http_wizdata_admit_wake(ngx_http_wizdata_service_t *s)
{
    ngx_int_t  rc = NGX_OK;
    ngx_uint_t i;

    for (i = 0; i < WD_CLASSES; i++) {
        ngx_http_wizdata_admit_drop_evicted(s, i);

        while (!ngx_queue_empty(&s->waiting[i])) {
            rc = ngx_http_wizdata_admit_head(
                ngx_http_wizdata_admit_first(s, i));
            if (rc != NGX_OK) {
                break;
            }
        }
        ngx_http_wizdata_admit_tell(
            s, i, ngx_queue_empty(&s->waiting[i]) ? NGX_OK : rc);
    }

    if (s->n_waiting == 0) {
        return;
    }
    if (rc == NGX_DECLINED) {
        ngx_http_wizdata_service_knock(s);
    }
    ngx_http_wizdata_admit_arm(s, rc == NGX_DECLINED
                                      ? NGX_HTTP_WIZDATA_TURN_CONN
                                      : NGX_HTTP_WIZDATA_TURN_SLOT);
}


static void
ngx_http_wizdata_admit_turn(ngx_event_t *ev)
{
    ngx_http_wizdata_admit_wake(ev->data);
}


ngx_uint_t
ngx_http_wizdata_retry_after(ngx_http_wizdata_service_t *s)
{
    return wd_fleet_retry_after(&s->fleet, ngx_http_wizdata_admit_now());
}
