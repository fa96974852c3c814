/*
 * wd_fleet.h - what all workers of a host know together about the backends:
 * calls in flight, who waits, breakers, health, and who probes.
 *
 * Every worker has a slot that only it writes; figures of the host are sums
 * over the slots. The slot of a worker that was killed is emptied by whoever
 * notices (wd_fleet_sweep), so its share of the caps comes back. Endpoints are
 * rows found by service and name, so they keep what is known of them when the
 * configuration changes; a row that no living worker uses may be given to
 * another endpoint.
 *
 * The memory starts zeroed and is shared by fork; times are monotonic unless
 * said otherwise.
 */
#ifndef WD_FLEET_H
#define WD_FLEET_H

#include "wd_base.h"
#include "wd_breaker.h"
#include "wd_method.h"
#include "wd_shed.h"
#include "wd_shlock.h"
#include "wd_str.h"
#include "wd_time.h"

#define WD_FLEET_WORKERS 128 /* alive at a time, those of old cycles included */
#define WD_FLEET_ROWS 128 /* endpoints; those of old configurations included */
#define WD_FLEET_ENDPOINTS 32 /* of one service */

_Static_assert(WD_FLEET_ENDPOINTS *(WD_SVC_COUNT - 1) <= WD_FLEET_ROWS,
               "one configuration always fits");

#define WD_FLEET_NAME_MAX 127
#define WD_FLEET_ERROR_MAX 47

/* Who waits and has not been seen for so long lets others go first. */
#define WD_FLEET_STALE (50 * WD_NS_PER_MS)

typedef enum {
    WD_HEALTH_UNKNOWN,
    WD_HEALTH_HEALTHY,
    WD_HEALTH_DEGRADED, /* works, but something it depends on does not */
    WD_HEALTH_DRAINING, /* asked only when nobody else is there */
    WD_HEALTH_UNHEALTHY /* the same: says so itself, or does not answer */
} wd_health_e;

typedef struct wd_fleet_s        wd_fleet_t;
typedef struct wd_fleet_worker_s wd_fleet_worker_t;
typedef struct wd_fleet_row_s    wd_fleet_row_t;

/* What a worker knows about the endpoints of a service; plain memory. */
typedef struct {
    wd_fleet_t              *fleet;
    wd_fleet_worker_t       *self;
    wd_service_e             service;
    const wd_breaker_conf_t *breaker;
    const wd_shed_conf_t    *shed;
    unsigned                 n;
    wd_fleet_row_t          *rows[WD_FLEET_ENDPOINTS];
} wd_fleet_group_t;

/* What became of a breaker. */
typedef enum {
    WD_FLEET_SAME,
    WD_FLEET_OPENED,
    WD_FLEET_CLOSED,
    WD_FLEET_SPARED /* it would have opened, but too few others are left */
} wd_fleet_event_e;

typedef struct {
    wd_health_e        health;
    wd_breaker_state_e breaker;
    unsigned           weight; /* of WD_BREAKER_WEIGHT */
    uint32_t           latency_us; /* of the last probe that was answered */
    wd_ns_t            last_ok; /* wall clock of that probe; 0: none yet */
    char               last_error[WD_FLEET_ERROR_MAX + 1];
    uint32_t           in_flight; /* over all workers */
} wd_fleet_state_t;


size_t wd_fleet_size(void);

/* The fleet in `mem` of at least wd_fleet_size() bytes; NULL: too small. */
wd_fleet_t *wd_fleet_at(void *mem, size_t size);

/* A slot for this process; NULL: all are taken. Left when it ends. */
wd_fleet_worker_t *wd_fleet_join(wd_fleet_t *f);
void               wd_fleet_leave(wd_fleet_t *f, wd_fleet_worker_t *self);

/* Empties the slots of processes that are gone; how many. */
unsigned wd_fleet_sweep(wd_fleet_t *f);

/* WD_OK; WD_EOVERFLOW: no row is free; WD_ETOOBIG: too many or too long. */
wd_must_check int wd_fleet_add(wd_fleet_group_t *g, wd_str_t name);


/*
 * Counts one call in flight unless that would make more than `limit` of the
 * service over all workers.
 */
wd_must_check bool wd_fleet_enter(wd_fleet_group_t *g, unsigned limit);
void               wd_fleet_exit(wd_fleet_group_t *g);

uint32_t wd_fleet_in_flight(const wd_fleet_group_t *g);

/* The endpoint a call is with. */
void     wd_fleet_send(wd_fleet_group_t *g, unsigned i);
void     wd_fleet_unsend(wd_fleet_group_t *g, unsigned i);
uint32_t wd_fleet_load(const wd_fleet_group_t *g, unsigned i);


/* Counts one more that waits unless `bound` do, over all workers. */
wd_must_check bool wd_fleet_wait(wd_fleet_group_t *g, unsigned bound);
void               wd_fleet_unwait(wd_fleet_group_t *g);
uint32_t           wd_fleet_waiting(const wd_fleet_group_t *g);

/* Numbers in the order of arrival on this host. */
uint64_t wd_fleet_ticket(wd_fleet_group_t *g);

/* This worker's first that waits for a slot; 0: none. Said again in time. */
void wd_fleet_head(wd_fleet_group_t *g, wd_class_e c, uint64_t ticket,
                   wd_ns_t now);

/*
 * May a call go, or does another worker have one of a more important class, or
 * of the same with a lower ticket? `ticket` 0: one that came just now.
 */
bool wd_fleet_first(const wd_fleet_group_t *g, wd_class_e c, uint64_t ticket,
                    wd_ns_t now);

void     wd_fleet_waited(wd_fleet_group_t *g, wd_ns_t delay, wd_ns_t now);
unsigned wd_fleet_level(const wd_fleet_group_t *g, wd_ns_t now);

/* Seconds, at least 1, until those who wait now are served. */
unsigned wd_fleet_retry_after(const wd_fleet_group_t *g, wd_ns_t now);

/* Measures how fast calls end; to be called several times a second. */
void wd_fleet_measure(wd_fleet_group_t *g, wd_ns_t now);


/* Outcome of a call to endpoint `i`; latency in ns. */
wd_fleet_event_e wd_fleet_ok(wd_fleet_group_t *g, unsigned i, wd_ns_t latency,
                             wd_ns_t now, uint32_t random);
wd_fleet_event_e wd_fleet_fault(wd_fleet_group_t *g, unsigned i, wd_ns_t now,
                                uint32_t random);

/* A probe of a half-open breaker: may it start? It ended without outcome. */
wd_must_check bool wd_fleet_try(wd_fleet_group_t *g, unsigned i, wd_ns_t now);
void               wd_fleet_forget(wd_fleet_group_t *g, unsigned i);

/*
 * Is this call refused because too many to the endpoint fail, which is kept
 * as the last one?
 */
wd_must_check bool wd_fleet_throttles(wd_fleet_group_t *g, unsigned i,
                                      wd_ns_t now, uint32_t random);

wd_breaker_state_e wd_fleet_breaker(const wd_fleet_group_t *g, unsigned i,
                                    wd_ns_t now);
unsigned    wd_fleet_weight(const wd_fleet_group_t *g, unsigned i, wd_ns_t now);
wd_health_e wd_fleet_health(const wd_fleet_group_t *g, unsigned i);


/* A worker connected to the endpoint, or failed to. */
void wd_fleet_up(wd_fleet_group_t *g, unsigned i, wd_ns_t now);
void wd_fleet_down(wd_fleet_group_t *g, unsigned i, const char *why,
                   wd_ns_t now);

/* Has any worker connected to it since? */
bool wd_fleet_up_since(const wd_fleet_group_t *g, unsigned i, wd_ns_t since);

/* One worker of the host at a time, at most every `every`. */
wd_must_check bool wd_fleet_knock(wd_fleet_group_t *g, wd_ns_t every,
                                  wd_ns_t now);


/*
 * Is this worker the prober of the service? It stays so while it asks again
 * before `ttl` is over; the lease of a dead worker is free at once.
 */
wd_must_check bool wd_fleet_lease(wd_fleet_group_t *g, wd_ns_t ttl,
                                  wd_ns_t now);
void               wd_fleet_release(wd_fleet_group_t *g);

/* For the holder: is a round of probes due? Then it begins now. */
wd_must_check bool wd_fleet_round(wd_fleet_group_t *g, wd_ns_t interval,
                                  wd_ns_t now);

/* The endpoint said that it goes away. */
void wd_fleet_goes(wd_fleet_group_t *g, unsigned i);

/* What a probe found; `error` NULL: it was answered, at `wall`. */
void wd_fleet_probed(wd_fleet_group_t *g, unsigned i, wd_health_e said,
                     const char *error, wd_ns_t latency, wd_ns_t wall);

void wd_fleet_read(wd_fleet_group_t *g, unsigned i, wd_ns_t now,
                   wd_fleet_state_t *ret);

#endif /* WD_FLEET_H */
