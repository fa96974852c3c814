/*
 * wd_fleet_health.c - breakers and health of the endpoints, the lease of the
 * prober.
 */
#include "wd_fleet_int.h"

#include <string.h>

/* A healthy endpoint may leave one probe unanswered. */
#define WD_FLEET_MISSES 2


/* What a dead holder left half written is forgotten: closed breakers. */
static void
wd_fleet_repair(wd_fleet_t *f, wd_service_e service)
{
    unsigned        i;
    wd_fleet_row_t *r;

    for (i = 0; i < WD_FLEET_ROWS; i++) {
        r = &f->rows[i];
        if (atomic_load(&r->service) == (uint32_t) service) {
            memset(&r->breaker, 0, sizeof(r->breaker));
            r->last_error[WD_FLEET_ERROR_MAX] = '\0';
        }
    }
    memset(&f->services[service].shed, 0, sizeof(wd_shed_t));
    f->services[service].lease_end = 0;
}


void
wd_fleet_lock(wd_fleet_t *f, wd_service_e service)
{
    if (wd_shlock_lock(&f->services[service].lock)) {
        wd_fleet_repair(f, service);
    }
}


void
wd_fleet_unlock(wd_fleet_t *f, wd_service_e service)
{
    wd_shlock_unlock(&f->services[service].lock);
}


wd_health_e
wd_fleet_health(const wd_fleet_group_t *g, unsigned i)
{
    return (wd_health_e) atomic_load_explicit(&g->rows[i]->health,
                                              memory_order_relaxed);
}


wd_breaker_state_e
wd_fleet_breaker(const wd_fleet_group_t *g, unsigned i, wd_ns_t now)
{
    return wd_breaker_state(&g->rows[i]->breaker, now);
}


unsigned
wd_fleet_weight(const wd_fleet_group_t *g, unsigned i, wd_ns_t now)
{
    return wd_breaker_weight(&g->rows[i]->breaker, g->breaker, now);
}


/* Somebody else who can be asked instead. */
static bool
wd_fleet_usable(const wd_fleet_row_t *r)
{
    uint32_t health = atomic_load(&r->health);

    return atomic_load(&r->breaker.state) == WD_BREAKER_CLOSED
           && atomic_load(&r->down_at) == 0 && health != WD_HEALTH_DRAINING
           && health != WD_HEALTH_UNHEALTHY;
}


/* Never more than half of the endpoints, never the last that is usable. */
static bool
wd_fleet_may_open(const wd_fleet_group_t *g, unsigned i)
{
    unsigned k, out = 0, usable = 0;

    for (k = 0; k < g->n; k++) {
        if (k == i) {
            continue;
        }
        out += atomic_load(&g->rows[k]->breaker.state) != WD_BREAKER_CLOSED;
        usable += wd_fleet_usable(g->rows[k]);
    }
    return usable != 0 && (out + 1) * 2 <= g->n;
}


static wd_fleet_event_e
wd_fleet_open(wd_fleet_group_t *g, unsigned i, wd_ns_t limit, wd_ns_t now,
              uint32_t random)
{
    if (!wd_fleet_may_open(g, i)) {
        atomic_store(&g->rows[i]->breaker.spared, now);
        return WD_FLEET_SPARED;
    }
    wd_breaker_open(&g->rows[i]->breaker, g->breaker, limit, now, random);
    return WD_FLEET_OPENED;
}


/* The median of what the other endpoints take for their slow calls. */
static wd_ns_t
wd_fleet_others(const wd_fleet_group_t *g, unsigned i)
{
    wd_ns_t  v, sorted[WD_FLEET_ENDPOINTS];
    unsigned k, at, n = 0;

    for (k = 0; k < g->n; k++) {
        v = g->rows[k]->breaker.slow;
        if (k == i || v == 0
            || atomic_load(&g->rows[k]->breaker.state) != WD_BREAKER_CLOSED) {
            continue;
        }
        for (at = n++; at > 0 && sorted[at - 1] > v; at--) {
            sorted[at] = sorted[at - 1];
        }
        sorted[at] = v;
    }
    return n != 0 ? sorted[(n - 1) / 2] : 0;
}


/* An absolute limit says what is too slow; else so many times the others. */
static wd_ns_t
wd_fleet_too_slow(const wd_fleet_group_t *g, wd_ns_t others)
{
    const wd_breaker_conf_t *conf = g->breaker;
    wd_ns_t                  limit = conf->latency;

    if (conf->outlier != 0 && others != 0
        && (limit == 0 || others * conf->outlier < limit)) {
        limit = others * conf->outlier;
    }
    return limit > conf->latency_min ? limit : conf->latency_min;
}


static wd_fleet_event_e
wd_fleet_changed(const wd_breaker_t *b)
{
    return atomic_load(&b->state) == WD_BREAKER_CLOSED ? WD_FLEET_CLOSED
                                                       : WD_FLEET_OPENED;
}


wd_fleet_event_e
wd_fleet_ok(wd_fleet_group_t *g, unsigned i, wd_ns_t latency, wd_ns_t now,
            uint32_t random)
{
    wd_ns_t          others;
    wd_breaker_t    *b = &g->rows[i]->breaker;
    wd_fleet_event_e event = WD_FLEET_SAME;

    wd_fleet_lock(g->fleet, g->service);

    /* Those that were under way when it opened say nothing new. */
    if (atomic_load(&b->state) == WD_BREAKER_OPEN) {
        wd_fleet_unlock(g->fleet, g->service);
        return event;
    }

    if (wd_breaker_ok(b, g->breaker, latency, now)) {
        event = wd_fleet_changed(b);
    } else if (b->slow > g->breaker->latency_min || b->slow_since != 0) {
        others = wd_fleet_others(g, i);
        if (wd_breaker_slow(b, g->breaker, others, now)) {
            event = wd_fleet_open(g, i, wd_fleet_too_slow(g, others), now,
                                  random);
        }
    }

    wd_fleet_unlock(g->fleet, g->service);
    return event;
}


wd_fleet_event_e
wd_fleet_fault(wd_fleet_group_t *g, unsigned i, wd_ns_t now, uint32_t random)
{
    wd_breaker_t    *b = &g->rows[i]->breaker;
    wd_fleet_event_e event = WD_FLEET_SAME;

    wd_fleet_lock(g->fleet, g->service);

    if (atomic_load(&b->state) != WD_BREAKER_OPEN) {
        if (wd_breaker_fault(b, g->breaker, now, random)) {
            event = WD_FLEET_OPENED;
        } else if (wd_breaker_bad(b, g->breaker, now)) {
            event = wd_fleet_open(g, i, 0, now, random);
        }
    }

    wd_fleet_unlock(g->fleet, g->service);
    return event;
}


bool
wd_fleet_try(wd_fleet_group_t *g, unsigned i, wd_ns_t now)
{
    bool may;

    wd_fleet_lock(g->fleet, g->service);
    may = wd_breaker_try(&g->rows[i]->breaker, g->breaker, now);
    wd_fleet_unlock(g->fleet, g->service);
    return may;
}


bool
wd_fleet_throttles(wd_fleet_group_t *g, unsigned i, wd_ns_t now,
                   uint32_t random)
{
    bool          refused;
    wd_breaker_t *b = &g->rows[i]->breaker;
    wd_ns_t       at = atomic_load_explicit(&b->spared, memory_order_relaxed);

    if (at == 0 || now - at > g->breaker->window) {
        return false;
    }
    wd_fleet_lock(g->fleet, g->service);
    refused = wd_breaker_throttles(b, g->breaker, now, random);
    wd_fleet_unlock(g->fleet, g->service);
    return refused;
}


void
wd_fleet_forget(wd_fleet_group_t *g, unsigned i)
{
    wd_fleet_lock(g->fleet, g->service);
    wd_breaker_forget(&g->rows[i]->breaker);
    wd_fleet_unlock(g->fleet, g->service);
}


void
wd_fleet_up(wd_fleet_group_t *g, unsigned i, wd_ns_t now)
{
    wd_fleet_row_t *r = g->rows[i];

    wd_fleet_lock(g->fleet, g->service);

    /* One that nobody ever reached has nothing to warm up again. */
    if (atomic_load(&r->down_at) != 0 && atomic_load(&r->up_at) != 0) {
        wd_breaker_return(&r->breaker, now);
    }
    atomic_store(&r->down_at, 0);
    atomic_store(&r->up_at, now);
    if (atomic_load(&r->health) == WD_HEALTH_UNHEALTHY
        && atomic_load(&r->missed) == 0) {
        atomic_store(&r->health, WD_HEALTH_UNKNOWN); /* until it is probed */
    }
    wd_fleet_unlock(g->fleet, g->service);
}


static void
wd_fleet_error(wd_fleet_row_t *r, const char *why)
{
    wd_str_copy(r->last_error, sizeof(r->last_error), wd_str_z(why));
}


void
wd_fleet_down(wd_fleet_group_t *g, unsigned i, const char *why, wd_ns_t now)
{
    wd_fleet_row_t *r = g->rows[i];

    wd_fleet_lock(g->fleet, g->service);
    atomic_store(&r->down_at, now);
    atomic_store(&r->health, WD_HEALTH_UNHEALTHY);
    atomic_store(&r->missed, 0);
    wd_fleet_error(r, why);
    wd_fleet_unlock(g->fleet, g->service);
}


bool
wd_fleet_up_since(const wd_fleet_group_t *g, unsigned i, wd_ns_t since)
{
    const wd_fleet_row_t *r = g->rows[i];

    return atomic_load(&r->down_at) == 0 && atomic_load(&r->up_at) > since;
}


bool
wd_fleet_knock(wd_fleet_group_t *g, wd_ns_t every, wd_ns_t now)
{
    wd_fleet_service_t *s = &g->fleet->services[g->service];
    int64_t             last = atomic_load(&s->knocked);

    return (last == 0 || now - last >= every)
           && atomic_compare_exchange_strong(&s->knocked, &last, now);
}


bool
wd_fleet_lease(wd_fleet_group_t *g, wd_ns_t ttl, wd_ns_t now)
{
    bool                mine;
    uint32_t            self = (uint32_t) (g->self - g->fleet->workers) + 1;
    wd_fleet_service_t *s = &g->fleet->services[g->service];

    wd_fleet_lock(g->fleet, g->service);
    mine = atomic_load(&s->holder) == self || now >= s->lease_end
           || wd_pid_gone(s->holder_pid);
    if (mine) {
        atomic_store(&s->holder, self);
        s->holder_pid = atomic_load(&g->self->pid);
        s->lease_end = now + ttl;
    }
    wd_fleet_unlock(g->fleet, g->service);
    return mine;
}


void
wd_fleet_release(wd_fleet_group_t *g)
{
    uint32_t            self = (uint32_t) (g->self - g->fleet->workers) + 1;
    wd_fleet_service_t *s = &g->fleet->services[g->service];

    wd_fleet_lock(g->fleet, g->service);
    if (atomic_load(&s->holder) == self) {
        atomic_store(&s->holder, 0);
        s->lease_end = 0;
    }
    wd_fleet_unlock(g->fleet, g->service);
}


static void
wd_fleet_missed(wd_fleet_row_t *r, const char *error)
{
    uint32_t n = atomic_fetch_add(&r->missed, 1) + 1;

    if (n >= WD_FLEET_MISSES || atomic_load(&r->health) == WD_HEALTH_UNKNOWN) {
        atomic_store(&r->health, WD_HEALTH_UNHEALTHY);
    }
    wd_fleet_error(r, error);
}


void
wd_fleet_probed(wd_fleet_group_t *g, unsigned i, wd_health_e said,
                const char *error, wd_ns_t latency, wd_ns_t wall)
{
    wd_fleet_row_t *r = g->rows[i];

    wd_fleet_lock(g->fleet, g->service);
    if (error != NULL) {
        wd_fleet_missed(r, error);
    } else {
        atomic_store(&r->missed, 0);
        atomic_store(&r->health, said);
        r->latency_us = (uint32_t) (latency / WD_NS_PER_US);
        r->last_ok = wall;
    }
    wd_fleet_unlock(g->fleet, g->service);
}


bool
wd_fleet_round(wd_fleet_group_t *g, wd_ns_t interval, wd_ns_t now)
{
    wd_fleet_service_t *s = &g->fleet->services[g->service];
    int64_t             last = atomic_load(&s->probed);

    /* Half a tick early is better than half an interval late. */
    if (last != 0 && now - last < interval / 4 * 3) {
        return false;
    }
    atomic_store(&s->probed, now);
    return true;
}


void
wd_fleet_goes(wd_fleet_group_t *g, unsigned i)
{
    atomic_store(&g->rows[i]->health, WD_HEALTH_DRAINING);
}


void
wd_fleet_read(wd_fleet_group_t *g, unsigned i, wd_ns_t now,
              wd_fleet_state_t *ret)
{
    wd_fleet_row_t *r = g->rows[i];

    wd_fleet_lock(g->fleet, g->service);
    ret->latency_us = r->latency_us;
    ret->last_ok = r->last_ok;
    memcpy(ret->last_error, r->last_error, sizeof(ret->last_error));
    wd_fleet_unlock(g->fleet, g->service);

    ret->health = wd_fleet_health(g, i);
    ret->breaker = wd_fleet_breaker(g, i, now);
    ret->weight = wd_fleet_weight(g, i, now);
    ret->in_flight = wd_fleet_load(g, i);
}
