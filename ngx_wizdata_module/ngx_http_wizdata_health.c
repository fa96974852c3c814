/*
 * ngx_http_wizdata_health.c - the shared state of the backends, and its
 * prober.
 *
 * One worker of the host asks every endpoint of a service for sys.health; it
 * holds the lease of that service while it renews it, so another one takes
 * over within two intervals when it dies or drains.
 */
#include "ngx_http_wizdata.h"

/* Shortest pause between two looks at the lease. */
#define NGX_HTTP_WIZDATA_LOOK_MIN 50
#define NGX_HTTP_WIZDATA_LOOK_MAX 500


typedef struct {
    ngx_http_wizdata_rpc_t   rpc;
    ngx_http_wizdata_peer_t *peer;
    ngx_event_t              timeout;
    uint64_t                 asked; /* monotonic, ns */
    unsigned                 active:1;
} ngx_http_wizdata_probe_t;

typedef struct {
    ngx_http_wizdata_service_t *service;
    ngx_event_t                 look;
    ngx_http_wizdata_probe_t   *probes; /* one per peer */
    unsigned                    prober:1; /* the lease is ours */
} ngx_http_wizdata_watch_t;

struct ngx_http_wizdata_health_s {
    wd_fleet_t               *fleet;
    wd_fleet_worker_t        *self;
    ngx_http_wizdata_watch_t  watches[WD_SVC_COUNT];
};


static void ngx_http_wizdata_probe_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_probe_chunk(ngx_http_wizdata_rpc_t *rpc,
    wd_str_t bytes, bool last);
static void ngx_http_wizdata_probe_fail(ngx_http_wizdata_rpc_t *rpc,
    int code);


static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_probe_ops = {
    ngx_http_wizdata_probe_reply, ngx_http_wizdata_probe_chunk,
    ngx_http_wizdata_probe_fail};


size_t
ngx_http_wizdata_health_zone_size(void)
{
    size_t n = wd_fleet_size();

    /* Two words of bookkeeping per page, and the pool's own head. */
    return ngx_align(n + n / 64 + 16 * ngx_pagesize, ngx_pagesize);
}


ngx_int_t
ngx_http_wizdata_health_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) { /* reload: everything stays known */
        zone->data = data;
        return NGX_OK;
    }

    if (!zone->shm.exists) {
        pool->data = ngx_slab_calloc(pool, wd_fleet_size());
    }
    zone->data = pool->data;
    return zone->data != NULL ? NGX_OK : NGX_ERROR;
}


/* A worker that finds no place knows only what it sees itself. */
static ngx_int_t
ngx_http_wizdata_health_alone(ngx_http_wizdata_worker_t *w)
{
    void *mem;

    ngx_log_error(NGX_LOG_WARN, w->cycle->log, 0,
                  "wizdata: over %d workers or %d endpoints in use: this "
                  "worker shares no caps and no health", WD_FLEET_WORKERS,
                  WD_FLEET_ROWS);

    if (w->health->self != NULL) {
        wd_fleet_leave(w->health->fleet, w->health->self);
    }

    mem = ngx_pcalloc(w->cycle->pool, wd_fleet_size());
    if (mem == NULL) {
        return NGX_ERROR;
    }
    w->health->fleet = wd_fleet_at(mem, wd_fleet_size());
    w->health->self = wd_fleet_join(w->health->fleet);
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_health_group(ngx_http_wizdata_service_t *s)
{
    ngx_uint_t                       i;
    wd_fleet_group_t                *g = &s->fleet;
    ngx_http_wizdata_endpoint_t     *e;
    ngx_http_wizdata_service_conf_t *sc = s->conf;

    g->fleet = s->worker->health->fleet;
    g->self = s->worker->health->self;
    g->service = s->id;
    g->breaker = &s->breaker;
    g->shed = &s->shed;
    g->n = 0;

    for (i = 0; i < s->n_peers; i++) {
        e = s->peers[i].endpoint;
        if (wd_fleet_add(g, wd_str((char *) e->name.data, e->name.len))
            != WD_OK)
        {
            return NGX_DECLINED;
        }

        /* What probes found when there were some is not kept for ever. */
        if (sc->health_interval == 0) {
            wd_fleet_probed(g, (unsigned) i, WD_HEALTH_UNKNOWN, NULL, 0, 0);
        }
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_health_groups(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t i;

    for (i = 0; i < WD_SVC_COUNT; i++) {
        if (ngx_http_wizdata_health_group(&w->services[i]) != NGX_OK) {
            return NGX_DECLINED;
        }
    }
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_health_join(ngx_http_wizdata_worker_t *w)
{
    w->health = ngx_pcalloc(w->cycle->pool,
                            sizeof(ngx_http_wizdata_health_t));
    if (w->health == NULL) {
        return NGX_ERROR;
    }

    w->health->fleet = wd_fleet_at(w->conf->fleet->data, wd_fleet_size());
    (void) wd_fleet_sweep(w->health->fleet);
    w->health->self = wd_fleet_join(w->health->fleet);

    if (w->health->self != NULL
        && ngx_http_wizdata_health_groups(w) == NGX_OK)
    {
        return NGX_OK;
    }

    /* At most 32 endpoints of each service fit in a fleet of one's own. */
    if (ngx_http_wizdata_health_alone(w) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_health_groups(w) == NGX_OK ? NGX_OK : NGX_ERROR;
}


static wd_ns_t
ngx_http_wizdata_health_now(void)
{
    return (wd_ns_t) ngx_current_msec * WD_NS_PER_MS;
}


static ngx_http_wizdata_service_conf_t *
ngx_http_wizdata_watch_conf(const ngx_http_wizdata_watch_t *watch)
{
    return watch->service->conf;
}


static void
ngx_http_wizdata_probe_over(ngx_http_wizdata_probe_t *p, wd_health_e said,
    const char *error)
{
    ngx_time_t                 *tp = ngx_timeofday();
    ngx_http_wizdata_service_t *s = p->peer->service;

    p->active = 0;
    if (p->timeout.timer_set) {
        ngx_del_timer(&p->timeout);
    }

    if (error != NULL) {
        s->worker->counters->rpc[s->id].probe_failures++;
    }
    wd_fleet_probed(&s->fleet, (unsigned) p->peer->index, said, error,
                    (wd_ns_t) (ngx_http_wizdata_clock() - p->asked),
                    tp->sec * WD_NS_PER_S + tp->msec * WD_NS_PER_MS);
}


/* What the backend says of itself, in the answer's meta. */
static wd_health_e
ngx_http_wizdata_probe_said(wd_str_t meta)
{
    size_t   i;
    wd_mp_t  at;
    wd_str_t v;
    static const struct {
        const char *name;
        wd_health_e health;
    } states[] = {{"degraded", WD_HEALTH_DEGRADED},
                  {"draining", WD_HEALTH_DRAINING},
                  {"unhealthy", WD_HEALTH_UNHEALTHY}};

    if (wd_mp_map_find(wd_mp(meta.data, meta.len), "status", &at) != WD_OK
        || wd_mp_read_bytes(&at, &v) != WD_OK)
    {
        return WD_HEALTH_HEALTHY;
    }

    for (i = 0; i < wd_array_len(states); i++) {
        if (wd_str_eq_z(v, states[i].name)) {
            return states[i].health;
        }
    }
    return WD_HEALTH_HEALTHY;
}


static void
ngx_http_wizdata_probe_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_probe_t *p = rpc->data;

    if (f->code != WD_OK) {
        ngx_http_wizdata_probe_over(p, WD_HEALTH_UNHEALTHY,
                                    wd_err_info(f->code)->slug);
        return;
    }

    ngx_http_wizdata_rpc_cancel(rpc); /* a long body is of no interest */
    ngx_http_wizdata_probe_over(p, ngx_http_wizdata_probe_said(f->meta),
                                NULL);
}


static void
ngx_http_wizdata_probe_chunk(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes,
    bool last)
{
    /* void: cancelled before */
}


static void
ngx_http_wizdata_probe_fail(ngx_http_wizdata_rpc_t *rpc, int code)
{
    ngx_http_wizdata_probe_over(rpc->data, WD_HEALTH_UNHEALTHY,
                                code == WD_ETIMEOUT ? "no answer in time"
                                                    : "connection lost");
}


static void
ngx_http_wizdata_probe_timeout(ngx_event_t *ev)
{
    ngx_http_wizdata_probe_t *p = ev->data;

    if (p->rpc.conn != NULL) {
        ngx_http_wizdata_pick_outcome(&p->rpc, p->peer, WD_ETIMEOUT);
    }
    ngx_http_wizdata_rpc_cancel(&p->rpc);
    ngx_http_wizdata_probe_over(p, WD_HEALTH_UNHEALTHY, "no answer in time");
}


static void
ngx_http_wizdata_probe_start(ngx_http_wizdata_watch_t *watch, ngx_uint_t i)
{
    ngx_http_wizdata_probe_t   *p = &watch->probes[i];
    ngx_http_wizdata_service_t *s = watch->service;

    /* Who is not connected is known to be down, or will be in a moment. */
    if (p->active || p->peer->conn == NULL || !p->peer->conn->ready) {
        return;
    }

    ngx_memzero(&p->rpc, sizeof(p->rpc));
    p->rpc.ops = &ngx_http_wizdata_probe_ops;
    p->rpc.data = p;
    p->rpc.method = &wd_methods()[WD_METHOD_SYS_HEALTH];
    p->rpc.service = s;
    p->rpc.only = p->peer;
    p->rpc.background = 1;
    p->rpc.context.id = WD_STR("probe");
    p->rpc.args = WD_STR("\x80"); /* an empty map */
    p->asked = ngx_http_wizdata_clock();

    s->worker->counters->rpc[s->id].probes++;
    if (ngx_http_wizdata_rpc_start(&p->rpc) != WD_OK) {
        ngx_http_wizdata_probe_over(p, WD_HEALTH_UNHEALTHY, "not sent");
        return;
    }

    /* Without any other traffic it is the probes that end an ejection. */
    p->rpc.probe = wd_fleet_try(&s->fleet, (unsigned) i,
                                ngx_http_wizdata_health_now());
    p->active = 1;
    ngx_add_timer(&p->timeout,
                  ngx_http_wizdata_watch_conf(watch)->health_timeout);
}


static void
ngx_http_wizdata_watch_stop(ngx_http_wizdata_watch_t *watch)
{
    ngx_uint_t                i;
    ngx_http_wizdata_probe_t *p;

    for (i = 0; watch->probes != NULL && i < watch->service->n_peers; i++) {
        p = &watch->probes[i];
        if (p->active) {
            ngx_http_wizdata_rpc_cancel(&p->rpc);
            p->active = 0;
        }
        if (p->timeout.timer_set) {
            ngx_del_timer(&p->timeout);
        }
    }

    if (watch->prober) {
        watch->prober = 0;
        wd_fleet_release(&watch->service->fleet);
    }
}


static void
ngx_http_wizdata_watch_round(ngx_http_wizdata_watch_t *watch)
{
    wd_ns_t                     now = ngx_http_wizdata_health_now();
    wd_ns_t                     interval;
    ngx_uint_t                  i;
    ngx_http_wizdata_service_t *s = watch->service;

    interval = (wd_ns_t) ngx_http_wizdata_watch_conf(watch)->health_interval
               * WD_NS_PER_MS;
    watch->prober = interval != 0
                    && wd_fleet_lease(&s->fleet, interval * 3 / 2, now);

    if (watch->prober && wd_fleet_round(&s->fleet, interval, now)) {
        for (i = 0; i < s->n_peers; i++) {
            ngx_http_wizdata_probe_start(watch, i);
        }
    }
}


static ngx_msec_t
ngx_http_wizdata_watch_pause(const ngx_http_wizdata_watch_t *watch)
{
    ngx_msec_t ms = ngx_http_wizdata_watch_conf(watch)->health_interval / 2;

    if (ms == 0 || ms > NGX_HTTP_WIZDATA_LOOK_MAX) {
        return NGX_HTTP_WIZDATA_LOOK_MAX;
    }
    return ngx_max(ms, NGX_HTTP_WIZDATA_LOOK_MIN);
}


static void
ngx_http_wizdata_watch_look(ngx_event_t *ev)
{
    ngx_http_wizdata_watch_t *watch = ev->data;

    (void) wd_fleet_sweep(watch->service->fleet.fleet);
    wd_fleet_measure(&watch->service->fleet, ngx_http_wizdata_health_now());
    ngx_http_wizdata_conn_look(watch->service);

    if (ngx_exiting || ngx_quit || ngx_terminate) {
        ngx_http_wizdata_watch_stop(watch);
    } else {
        ngx_http_wizdata_watch_round(watch);
        ngx_http_wizdata_service_follow(watch->service);
    }
    ngx_add_timer(ev, ngx_http_wizdata_watch_pause(watch));
}


static ngx_int_t
ngx_http_wizdata_watch_init(ngx_http_wizdata_watch_t *watch,
    ngx_http_wizdata_service_t *s)
{
    ngx_log_t                *log = s->worker->cycle->log;
    ngx_uint_t                i;
    ngx_http_wizdata_probe_t *p;

    watch->service = s;
    watch->probes = ngx_pcalloc(s->worker->cycle->pool,
                                s->n_peers * sizeof(*watch->probes));
    if (watch->probes == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < s->n_peers; i++) {
        p = &watch->probes[i];
        p->peer = &s->peers[i];
        p->timeout.data = p;
        p->timeout.handler = ngx_http_wizdata_probe_timeout;
        p->timeout.log = log;
        p->timeout.cancelable = 1;
    }

    watch->look.data = watch;
    watch->look.handler = ngx_http_wizdata_watch_look;
    watch->look.log = log;
    watch->look.cancelable = 1;
    ngx_add_timer(&watch->look, ngx_http_wizdata_watch_pause(watch));
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_health_start(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t i;

    for (i = 0; i < WD_SVC_COUNT; i++) {
        if (w->services[i].n_peers != 0
            && ngx_http_wizdata_watch_init(&w->health->watches[i],
                                           &w->services[i])
               != NGX_OK)
        {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}


void
ngx_http_wizdata_health_done(ngx_http_wizdata_worker_t *w)
{
    if (w->health != NULL && w->health->self != NULL) {
        wd_fleet_leave(w->health->fleet, w->health->self);
    }
}


void
ngx_http_wizdata_health_up(ngx_http_wizdata_peer_t *peer)
{
    ngx_http_wizdata_watch_t *watch;

    watch = &peer->service->worker->health->watches[peer->service->id];
    if (watch->prober) {
        ngx_http_wizdata_probe_start(watch, peer->index);
    }
}


void
ngx_http_wizdata_health_event(ngx_http_wizdata_peer_t *peer,
    wd_fleet_event_e event)
{
    ngx_log_t                       *log;
    ngx_http_wizdata_service_t      *s = peer->service;
    ngx_http_wizdata_endpoint_t     *e = peer->endpoint;
    ngx_http_wizdata_rpc_counters_t *m = &s->worker->counters->rpc[s->id];

    log = s->worker->cycle->log;
    switch (event) {
    case WD_FLEET_OPENED:
        m->breaker_opened++;
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "wizdata: %s at %V is not asked for a while: its calls "
                      "fail or take too long", wd_service_name(s->id),
                      &e->name);
        break;
    case WD_FLEET_CLOSED:
        m->breaker_closed++;
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "wizdata: %s at %V is asked again",
                      wd_service_name(s->id), &e->name);
        break;
    case WD_FLEET_SPARED:
        m->breaker_spared++;
        break;
    default:
        break;
    }
}


ngx_int_t
ngx_http_wizdata_health_read(ngx_http_wizdata_worker_t *w,
    wd_service_e service, ngx_uint_t endpoint,
    ngx_http_wizdata_health_read_t *out)
{
    ngx_http_wizdata_peer_t     *peer;
    ngx_http_wizdata_service_t  *s = &w->services[service];
    ngx_http_wizdata_endpoint_t *e;

    if (endpoint >= s->n_peers) {
        return NGX_DECLINED;
    }

    peer = &s->peers[endpoint];
    e = peer->endpoint;
    out->name = e->name;
    out->connected = peer->conn != NULL && peer->conn->ready;
    out->queue = wd_fleet_waiting(&s->fleet);
    wd_fleet_read(&s->fleet, (unsigned) endpoint,
                  ngx_http_wizdata_health_now(), &out->at);
    return NGX_OK;
}
