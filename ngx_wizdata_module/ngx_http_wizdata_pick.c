/*
 * ngx_http_wizdata_pick.c - which endpoint a call goes to, and what its
 * outcome says of the endpoint.
 */
#include "ngx_http_wizdata.h"

/* A connection whose peer does not read takes no more requests. */
#define NGX_HTTP_WIZDATA_OUT_MAX (4 * 1024 * 1024)

/* How fit an endpoint is; the lowest is chosen among those connected. */
#define NGX_HTTP_WIZDATA_TIER_FIT 0
#define NGX_HTTP_WIZDATA_TIER_UNHEALTHY 1
#define NGX_HTTP_WIZDATA_TIER_DRAINING 2
#define NGX_HTTP_WIZDATA_TIER_LAST 3 /* ejected, or the one to avoid */


static wd_ns_t
ngx_http_wizdata_pick_now(void)
{
    return (wd_ns_t) ngx_current_msec * WD_NS_PER_MS;
}


static ngx_uint_t
ngx_http_wizdata_pick_ready(const ngx_http_wizdata_conn_t *conn)
{
    return conn != NULL && conn->ready && !conn->goaway;
}


ngx_http_wizdata_conn_t *
ngx_http_wizdata_pick_any(ngx_http_wizdata_service_t *s, size_t unsent)
{
    ngx_uint_t               i;
    ngx_http_wizdata_conn_t *conn;

    for (i = 0; i < s->n_peers; i++) {
        conn = s->peers[i].conn;
        if (ngx_http_wizdata_pick_ready(conn)
            && conn->out.len - conn->out_pos < unsent)
        {
            return conn;
        }
    }
    return NULL;
}


static ngx_uint_t
ngx_http_wizdata_pick_takes(const ngx_http_wizdata_conn_t *conn)
{
    return ngx_http_wizdata_pick_ready(conn)
           && conn->in_flight < WD_INFLIGHT_MAX
           && conn->out.len - conn->out_pos < NGX_HTTP_WIZDATA_OUT_MAX;
}


static ngx_uint_t
ngx_http_wizdata_pick_tier(const ngx_http_wizdata_peer_t *peer,
    const ngx_http_wizdata_rpc_t *rpc, wd_ns_t now)
{
    const wd_fleet_group_t *g = &peer->service->fleet;

    if (rpc->avoid == peer
        || wd_fleet_breaker(g, peer->index, now) != WD_BREAKER_CLOSED)
    {
        return NGX_HTTP_WIZDATA_TIER_LAST;
    }

    switch (wd_fleet_health(g, peer->index)) {
    case WD_HEALTH_UNHEALTHY:
        return NGX_HTTP_WIZDATA_TIER_UNHEALTHY;
    case WD_HEALTH_DRAINING:
        return NGX_HTTP_WIZDATA_TIER_DRAINING;
    default:
        return NGX_HTTP_WIZDATA_TIER_FIT;
    }
}


/* Calls in flight with it, as if it had its full share. */
static uint64_t
ngx_http_wizdata_pick_cost(const ngx_http_wizdata_peer_t *peer, wd_ns_t now)
{
    const wd_fleet_group_t *g = &peer->service->fleet;

    return ((uint64_t) wd_fleet_load(g, peer->index) + 1) * 65536
           / wd_fleet_weight(g, peer->index, now);
}


/*
 * The fittest connected endpoint with the fewest calls in flight over all
 * workers; the first of equals rotates.
 */
ngx_http_wizdata_conn_t *
ngx_http_wizdata_pick(ngx_http_wizdata_rpc_t *rpc)
{
    wd_ns_t                     now = ngx_http_wizdata_pick_now();
    uint64_t                    cost, least = 0;
    ngx_uint_t                  i, tier, fittest = (ngx_uint_t) -1;
    ngx_http_wizdata_peer_t    *peer;
    ngx_http_wizdata_conn_t    *best = NULL;
    ngx_http_wizdata_service_t *s = rpc->service;

    if (rpc->only != NULL) {
        return ngx_http_wizdata_pick_takes(rpc->only->conn) ? rpc->only->conn
                                                             : NULL;
    }

    for (i = 0; i < s->n_peers; i++) {
        peer = &s->peers[(s->next + i) % s->n_peers];
        if (!ngx_http_wizdata_pick_takes(peer->conn)) {
            continue;
        }

        tier = s->n_peers == 1 ? 0
                               : ngx_http_wizdata_pick_tier(peer, rpc, now);
        if (tier > fittest) {
            continue;
        }

        cost = s->n_peers == 1 ? 0 : ngx_http_wizdata_pick_cost(peer, now);
        if (tier < fittest || cost < least) {
            best = peer->conn;
            fittest = tier;
            least = cost;
        }
    }

    s->next++;
    return best;
}


ngx_uint_t
ngx_http_wizdata_pick_other(ngx_http_wizdata_rpc_t *rpc)
{
    wd_ns_t                     now = ngx_http_wizdata_pick_now();
    ngx_uint_t                  i;
    ngx_http_wizdata_service_t *s = rpc->service;

    for (i = 0; i < s->n_peers; i++) {
        if (ngx_http_wizdata_pick_takes(s->peers[i].conn)
            && ngx_http_wizdata_pick_tier(&s->peers[i], rpc, now)
               < NGX_HTTP_WIZDATA_TIER_LAST)
        {
            return 1;
        }
    }
    return 0;
}


/*
 * Lets an idempotent call try an endpoint that was ejected, now that its time
 * is over. The call may be sent once more if that fails.
 */
ngx_http_wizdata_conn_t *
ngx_http_wizdata_pick_probe(ngx_http_wizdata_rpc_t *rpc,
    ngx_http_wizdata_conn_t *conn)
{
    wd_ns_t                     now = ngx_http_wizdata_pick_now();
    ngx_uint_t                  i;
    ngx_http_wizdata_peer_t    *peer;
    ngx_http_wizdata_service_t *s = rpc->service;

    if (s->n_peers == 1 || rpc->only != NULL || rpc->retried
        || !(rpc->method->flags & WD_M_IDEMPOTENT))
    {
        return conn;
    }

    for (i = 0; i < s->n_peers; i++) {
        peer = &s->peers[i];
        if (wd_fleet_breaker(&s->fleet, peer->index, now)
                == WD_BREAKER_HALF_OPEN
            && ngx_http_wizdata_pick_takes(peer->conn)
            && wd_fleet_try(&s->fleet, peer->index, now))
        {
            rpc->probe = 1;
            return peer->conn;
        }
    }
    return conn;
}


void
ngx_http_wizdata_pick_outcome(ngx_http_wizdata_rpc_t *rpc,
    ngx_http_wizdata_peer_t *peer, int code)
{
    wd_ns_t                          took;
    wd_ns_t                          now = ngx_http_wizdata_pick_now();
    wd_fleet_group_t                *g = &rpc->service->fleet;
    wd_fleet_event_e                 event;
    ngx_http_wizdata_service_conf_t *sc = rpc->service->conf;

    /* sys.* says little of the work; it only may try a half-open breaker. */
    if (rpc->method->service == WD_SVC_ANY && !rpc->probe) {
        return;
    }
    /* Load is no fault, and no proof of health either. */
    if (code == WD_EAGAIN
        || (rpc->service->n_peers == 1 && !sc->throttle))
    {
        return;
    }

    rpc->probe = 0;
    took = (wd_ns_t) (ngx_current_msec - rpc->since) * WD_NS_PER_MS;
    if (rpc->upload != NULL) { /* waits for what it asked for */
        took = 0;
    }
    event = wd_breaker_fault_code(code)
                ? wd_fleet_fault(g, peer->index, now, (uint32_t) ngx_random())
                : wd_fleet_ok(g, peer->index, took, now,
                              (uint32_t) ngx_random());
    ngx_http_wizdata_health_event(peer, event);
}
