/*
 * wd_limit.h - rate limits, quotas and concurrency of principals, in memory
 * that the workers of a host share.
 *
 * A bucket is one principal with one plan and one group of methods. A
 * decision takes all windows of the plan or none. With several gateways the
 * truth is in Redis, and a gateway admits on a bounded credit that is paid in
 * the background (wd_lease.h, docs/decisions/0007-limits-by-leases.md).
 *
 * `now` is ns of the monotonic clock. Any thread and process; nothing waits
 * but for a shard's lock.
 */
#ifndef WD_LIMIT_H
#define WD_LIMIT_H

#include "wd_limit_key.h"
#include "wd_plan.h"

#include <stdatomic.h>

#define WD_LIMIT_SIZE_MIN (256 * 1024)
#define WD_LIMIT_COST_MAX 1000000
#define WD_LIMIT_GATEWAYS_MAX 1000

typedef struct wd_limit_s wd_limit_t;

typedef struct {
    _Atomic uint64_t evicted; /* buckets that made room for others */
    _Atomic uint64_t evicted_live; /* of them, with something to remember */
    _Atomic uint64_t repaired; /* shards whose holder was killed */
    _Atomic uint64_t reaped; /* holds of dead workers */
    _Atomic uint64_t unheld; /* holds for which there was no room */
} wd_limit_stats_t;

/* What the gateways of a host know of Redis; read and written by all. */
typedef struct {
    _Atomic uint64_t epoch; /* of the store; changes when it lost its data */
    _Atomic int64_t  lost; /* when that was found */
    _Atomic int64_t  warm_since; /* when the store was found to be new */
    _Atomic int64_t  warm_until; /* it is not relied on before */
    _Atomic int64_t  joined; /* first answer in a row; 0: never */
    _Atomic int64_t  answered; /* last answer */
    _Atomic uint32_t gateways; /* members; 0: not known */
    uint8_t          member[16]; /* random identity of this table */
} wd_limit_link_t;

/* How a worker stands to Redis at the moment. */
typedef struct {
    bool     shared; /* there is a Redis to share limits through */
    bool     up; /* it answers this worker, and has its data */
    bool     young; /* this gateway has joined a moment ago */
    uint32_t gateways; /* at least 1 */
    wd_ns_t  down_since; /* unless up */
} wd_limit_view_t;

typedef enum {
    WD_LIMIT_PASSED,
    WD_LIMIT_REFUSED,
    WD_LIMIT_DRY /* passed, because the plan is dry */
} wd_limit_e;

typedef struct {
    wd_limit_e outcome;
    int        policy; /* that refuses, or is the next to do so; -1: none */
    bool       credit; /* refused for want of credit, not by the limit */
    bool       sync; /* the caller must take the bucket's sync */
    bool       held; /* the caller must release */
    wd_ns_t    retry; /* when the same request would be admitted, from now */
    uint32_t   remaining[WD_PLAN_POLICIES];
    wd_ns_t    reset[WD_PLAN_POLICIES]; /* until all of it is there again */
} wd_limit_result_t;

/*
 * Lays out zeroed memory, or finds what is laid out there already.
 * WD_ETOOBIG: less than WD_LIMIT_SIZE_MIN.
 */
wd_must_check int wd_limit_init(void *mem, size_t size, const uint8_t seed[32],
                                wd_ns_t now, wd_limit_t **ret);

/* Copies what fits from a table of another size. */
void wd_limit_adopt(wd_limit_t *l, wd_limit_t *from);

/*
 * Decides. `plan` has its windows up to date for `wall`. With concurrency in
 * the plan, `pid` (not 0) is who will release.
 */
void wd_limit_take(wd_limit_t *l, const wd_limit_key_t *key,
                   const wd_plan_t *plan, const wd_limit_view_t *view,
                   uint32_t cost, uint32_t pid, wd_ns_t now, wd_ns_t wall,
                   wd_limit_result_t *ret);

/* The same without taking anything: what a request would meet. */
void wd_limit_peek(wd_limit_t *l, const wd_limit_key_t *key,
                   const wd_plan_t *plan, const wd_limit_view_t *view,
                   uint32_t cost, wd_ns_t now, wd_ns_t wall,
                   wd_limit_result_t *ret);

void wd_limit_release(wd_limit_t *l, const wd_limit_key_t *key, uint32_t pid);

/* Gives back what dead workers hold. */
void wd_limit_reap(wd_limit_t *l);

wd_limit_stats_t *wd_limit_stats(wd_limit_t *l);
wd_limit_link_t  *wd_limit_link(wd_limit_t *l);

/* Buckets in use, and how many there is room for. */
void wd_limit_count(wd_limit_t *l, uint64_t *ret_n, uint64_t *ret_max);

/* Bytes of a bucket beyond its key, with its share of chains and lists. */
size_t wd_limit_bucket_bytes(void);


/* For wd_lease.c: */

/* What is told to Redis about a bucket. Times are relative to now, ns. */
typedef struct {
    wd_limit_key_t key;
    uint32_t       owed; /* units of quotas */
    uint32_t       want; /* units wished as a lease */
    uint32_t       back; /* units of a lease that is over */
    uint32_t       split; /* a lease is at most one part in so many */
    wd_ns_t        age; /* of the oldest unit that is owed */
    wd_ns_t        sent;
    unsigned       n_rates;
    wd_ns_t        unit[WD_PLAN_RATES];
    wd_ns_t        tau[WD_PLAN_RATES];
    wd_ns_t        cap[WD_PLAN_RATES];
    wd_ns_t        est[WD_PLAN_RATES];
    uint32_t       owed_rate[WD_PLAN_RATES];
    unsigned       n_quotas;
    uint8_t        quota[WD_PLAN_QUOTAS]; /* which */
    uint32_t       id[WD_PLAN_QUOTAS];
    uint32_t       limit[WD_PLAN_QUOTAS];
    uint32_t       used[WD_PLAN_QUOTAS]; /* without `owed` */
    wd_ns_t        ttl[WD_PLAN_QUOTAS];
    wd_ns_t        lease_for; /* how long a lease may be held */
} wd_limit_sync_t;

typedef struct {
    uint32_t grant;
    wd_ns_t  tat[WD_PLAN_RATES];
    uint32_t used[WD_PLAN_QUOTAS];
} wd_limit_synced_t;

/* False: the bucket is gone. */
bool wd_limit_sync_begin(wd_limit_t *l, const wd_limit_key_t *key,
                         const wd_plan_t *plan, const wd_limit_view_t *view,
                         wd_ns_t now, wd_ns_t wall, wd_limit_sync_t *ret);

/*
 * `warm`: the store says that it has lost its data a moment ago. True: there
 * is more to tell, and the caller has taken the sync again.
 */
bool wd_limit_sync_end(wd_limit_t *l, const wd_limit_sync_t *sync,
                       const wd_limit_synced_t *answer, wd_ns_t now, bool warm);

/* No answer: what is owed stays owed. */
void wd_limit_sync_fail(wd_limit_t *l, const wd_limit_sync_t *sync);

/*
 * Records of up to `max` buckets that have something to remember, for a store
 * that lost it. *cursor begins at 0; returns 0 at the end.
 */
size_t wd_limit_walk(wd_limit_t *l, uint64_t *cursor, wd_ns_t now,
                     wd_limit_sync_t *out, size_t max);

#endif /* WD_LIMIT_H */
