/*
 * wd_limit_table.h - where buckets live: shards of shared memory, each with
 * its lock, hash chains and least-recently-used list. For wd_limit*.c only.
 */
#ifndef WD_LIMIT_TABLE_H
#define WD_LIMIT_TABLE_H

#include "wd_limit.h"
#include "wd_shlock.h"

#define WD_LIMIT_SHARDS 64
#define WD_LIMIT_MAGIC UINT64_C(0x77644c696d697432)
#define WD_LIMIT_SHARE 200 /* half a per cent of a limit is one part in */
#define WD_LIMIT_NONE 0 /* indexes begin at 1 */

#define WD_BUCKET_USED 0x01 /* in the table */
#define WD_BUCKET_AWAY 0x02 /* `owed` has units admitted without Redis */
#define WD_BUCKET_KNOWN 0x04 /* Redis has answered for it */
#define WD_BUCKET_REPLANNED 0x08 /* by another plan since then */
#define WD_BUCKET_TAG 4 /* bits below the tag of its plan; 0: none yet */

_Static_assert(WD_PLAN_TAG_MAX << WD_BUCKET_TAG <= UINT16_MAX, "flags");

typedef struct {
    uint32_t used; /* units, those that are owed included */
    uint32_t id; /* of the window; 0: none yet */
} wd_bucket_quota_t;

/*
 * Times are ns of the monotonic clock; *_ms are its milliseconds cut to the
 * field's bits, compared by difference.
 */
typedef struct {
    wd_limit_key_t    key;
    int64_t           tat[WD_PLAN_RATES]; /* when the bucket is full again */
    wd_bucket_quota_t quotas[WD_PLAN_QUOTAS];
    uint32_t          owed; /* admitted, not yet told to Redis */
    uint32_t          lease; /* units paid for */
    uint32_t          lease_ms; /* until when they may be spent */
    uint32_t          known_ms; /* last answer */
    uint32_t          holds; /* chain of concurrency holds */
    uint32_t          chain; /* next of the same hash */
    uint32_t          newer; /* LRU list */
    uint32_t          older;
    uint16_t          owed_ms; /* since when something is owed */
    uint16_t          sync_ms; /* when a worker took the sync; 0: nobody */
    uint16_t          demand; /* units that came besides `owed`, saturating */
    uint16_t          flags;
} wd_bucket_t;

/* Units of requests that a worker has under way, of one bucket. */
typedef struct {
    uint32_t bucket; /* 0: free */
    uint32_t pid;
    uint32_t count;
    uint32_t next;
} wd_hold_t;

typedef struct {
    wd_shlock_t  lock;
    uint32_t     n; /* in use */
    uint32_t     max;
    uint32_t     n_heads;
    uint32_t     free; /* chain of unused buckets */
    uint32_t     newest;
    uint32_t     oldest;
    uint32_t     n_holds;
    uint32_t     free_hold;
    uint32_t    *heads;
    wd_bucket_t *buckets; /* [max + 1] */
    wd_hold_t   *holds; /* [n_holds + 1] */
} wd_shard_t;

struct wd_limit_s {
    uint64_t         magic;
    size_t           size;
    uint8_t          seed[16]; /* of the hash chains */
    wd_ns_t          born;
    wd_limit_stats_t stats;
    wd_limit_link_t  link;
    wd_shard_t       shards[WD_LIMIT_SHARDS];
};

wd_shard_t *wd_limit_shard(wd_limit_t *l, const wd_limit_key_t *key,
                           uint32_t *ret_head);

/* Locks; a shard whose holder was killed is put in order first. */
void wd_shard_lock(wd_limit_t *l, wd_shard_t *s);
void wd_shard_unlock(wd_shard_t *s);

/* Both: the bucket becomes the newest. get makes room for it if need be. */
wd_bucket_t *wd_shard_find(wd_shard_t *s, uint32_t head,
                           const wd_limit_key_t *key);
wd_bucket_t *wd_shard_get(wd_limit_t *l, wd_shard_t *s, uint32_t head,
                          const wd_limit_key_t *key);

/* Units under way; `reap` drops those of workers that are dead. */
uint32_t wd_shard_held(wd_shard_t *s, wd_bucket_t *b, bool reap);
bool     wd_shard_hold(wd_shard_t *s, wd_bucket_t *b, uint32_t pid);
void     wd_shard_release(wd_shard_t *s, wd_bucket_t *b, uint32_t pid);

/* The burst without what the other gateways hold in reserve, as a time. */
wd_ns_t wd_limit_tau(const wd_plan_rate_t *r, const wd_limit_view_t *v);


static inline uint32_t
wd_limit_ms(wd_ns_t now)
{
    return (uint32_t) (now / WD_NS_PER_MS);
}


/* Never 0, which stands for "not set". */
static inline uint16_t
wd_limit_ms16(uint32_t ms)
{
    return (uint16_t) (ms | 1);
}


static inline uint32_t
wd_limit_add(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}


/* The time of that many units; no longer than it can be added to. */
static inline wd_ns_t
wd_limit_span(wd_ns_t unit, uint32_t n)
{
    return n != 0 ? wd_min(unit, WD_NS_MAX / 4 / n) * n : 0;
}


static inline bool
wd_limit_lease_over(const wd_bucket_t *b, uint32_t ms)
{
    return (int32_t) (ms - b->lease_ms) > 0;
}


#endif /* WD_LIMIT_TABLE_H */
