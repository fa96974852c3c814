/*
 * wd_limit_sync.c - what a bucket tells Redis, and what it learns from it
 * (docs/decisions/0007-limits-by-leases.md).
 */
#include "wd_limit_table.h"

/* A lease is held so long at most, and 1/200 of the shortest period. */
#define WD_LIMIT_LEASE_MAX (250 * WD_NS_PER_MS)

/* An estimate may be so late. */
#define WD_LIMIT_MARGIN (100 * WD_NS_PER_MS)


/* Units of the backlog that this gateway made on its own. */
static uint32_t
wd_limit_backlog(wd_ns_t ahead, wd_ns_t unit, uint32_t owed)
{
    wd_ns_t units = ahead > 0 ? (ahead + unit - 1) / unit : 0;

    return (uint32_t) wd_min(units, (wd_ns_t) owed);
}


/*
 * What a store has to believe even if it knows less. It arrives later than it
 * was true, so without a margin each call would move the time on a little.
 */
static wd_ns_t
wd_limit_surely(wd_ns_t ahead, wd_ns_t period)
{
    wd_ns_t margin = period / WD_LIMIT_SHARE + WD_LIMIT_MARGIN;

    return wd_max(ahead - margin, (wd_ns_t) 0);
}


static void
wd_limit_sync_rate(const wd_bucket_t *b, const wd_plan_rate_t *r,
                   const wd_limit_view_t *view, wd_ns_t now, unsigned i,
                   wd_limit_sync_t *ret)
{
    wd_ns_t ahead = wd_max(b->tat[i] - now, (wd_ns_t) 0);

    ret->unit[i] = r->unit;
    ret->tau[i] = wd_limit_tau(r, view);
    ret->cap[i] = ret->tau[i];
    if (!(b->flags & WD_BUCKET_REPLANNED)) {
        ret->cap[i] += 2 * r->period;
    }

    if (b->flags & WD_BUCKET_AWAY) {
        ret->est[i] = ahead / view->gateways;
        ret->owed_rate[i] = wd_limit_backlog(ahead, r->unit * view->gateways,
                                             b->owed);
    } else {
        ret->est[i] = wd_limit_surely(ahead, r->period);
        ret->owed_rate[i] = b->owed;
    }
    ret->lease_for = wd_min(ret->lease_for, r->period / WD_LIMIT_SHARE);
}


static void
wd_limit_sync_quota(const wd_bucket_t *b, unsigned i, uint32_t limit,
                    wd_ns_t ttl, wd_limit_sync_t *ret)
{
    unsigned k = ret->n_quotas++;

    ret->quota[k] = (uint8_t) i;
    ret->id[k] = b->quotas[i].id;
    ret->limit[k] = limit;
    ret->used[k] = b->quotas[i].used - wd_min(b->owed, b->quotas[i].used);
    ret->ttl[k] = ttl;
}


static void
wd_limit_sync_head(wd_bucket_t *b, wd_ns_t now, wd_limit_sync_t *ret)
{
    uint32_t ms = wd_limit_ms(now);

    memset(ret, 0, sizeof(*ret));
    ret->key = b->key;
    ret->sent = now;
    ret->split = 1;
    ret->owed = b->owed;
    ret->age = b->owed != 0 ? (wd_ns_t) (uint16_t) ((uint16_t) ms - b->owed_ms)
                                  * WD_NS_PER_MS
                            : 0;
    ret->lease_for = WD_LIMIT_LEASE_MAX;

    if (b->lease != 0 && wd_limit_lease_over(b, ms)) {
        ret->back = b->lease;
        b->lease = 0;
    }
}


bool
wd_limit_sync_begin(wd_limit_t *l, const wd_limit_key_t *key,
                    const wd_plan_t *plan, const wd_limit_view_t *view,
                    wd_ns_t now, wd_ns_t wall, wd_limit_sync_t *ret)
{
    unsigned     i;
    uint32_t     head, ms = wd_limit_ms(now);
    wd_shard_t  *s = wd_limit_shard(l, key, &head);
    wd_bucket_t *b;

    wd_shard_lock(l, s);
    b = wd_shard_find(s, head, key);
    if (b == NULL) {
        wd_shard_unlock(s);
        return false;
    }

    wd_limit_sync_head(b, now, ret);
    ret->split = 2 * view->gateways;
    for (i = 0; i < plan->n_rates; i++) {
        wd_limit_sync_rate(b, &plan->rates[i], view, now, i, ret);
    }
    ret->n_rates = plan->n_rates;
    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        if (plan->quotas[i] != 0) {
            wd_limit_sync_quota(b, i, plan->quotas[i],
                                plan->windows[i].end - wall, ret);
        }
    }

    /*
     * Demand: what came since the last answer is what will come until the
     * next one; who asks seldom gets along with its credit.
     */
    if (view->gateways > 1
        && (b->demand != 0
            || ((b->flags & WD_BUCKET_KNOWN)
                && (wd_ns_t) (ms - b->known_ms) * WD_NS_PER_MS
                       <= ret->lease_for))) {
        ret->want = wd_min(wd_limit_add(b->owed, b->demand), 65535u);
    }
    b->demand = 0;
    b->sync_ms = wd_limit_ms16(ms);
    wd_shard_unlock(s);
    return true;
}


/* A store that has lost its data does not know better than the bucket. */
static void
wd_limit_sync_learn(wd_bucket_t *b, const wd_limit_sync_t *sync,
                    const wd_limit_synced_t *answer, wd_ns_t now, bool warm)
{
    unsigned           i;
    int64_t            base, tat;
    uint32_t           used;
    wd_bucket_quota_t *q;

    for (i = 0; i < sync->n_rates; i++) {
        if (sync->unit[i] == 0) {
            continue; /* told by the walk, which knows no plan */
        }
        /* The answer was true when it was made: between sent and now. */
        base = wd_max(sync->sent, now - sync->cap[i] / (4 * WD_LIMIT_SHARE));
        tat = base + answer->tat[i] + wd_limit_span(sync->unit[i], b->owed);
        b->tat[i] = warm ? wd_max(tat, b->tat[i]) : tat;
    }
    for (i = 0; i < sync->n_quotas; i++) {
        q = &b->quotas[sync->quota[i]];
        used = wd_limit_add(answer->used[i], b->owed);
        if (q->id == sync->id[i]) {
            q->used = warm ? wd_max(used, q->used) : used;
        }
    }
}


static void
wd_limit_sync_apply(wd_bucket_t *b, const wd_limit_sync_t *sync,
                    const wd_limit_synced_t *answer, wd_ns_t now, bool warm)
{
    uint32_t ms = wd_limit_ms(now);

    b->owed -= wd_min(b->owed, sync->owed);
    if (b->owed == 0) {
        b->flags &= (uint16_t) ~WD_BUCKET_AWAY;
    }
    b->owed_ms = (uint16_t) ms;

    wd_limit_sync_learn(b, sync, answer, now, warm);

    if (answer->grant != 0) {
        if (b->lease == 0) {
            b->lease_ms = ms + (uint32_t) (sync->lease_for / WD_NS_PER_MS);
        }
        b->lease = wd_limit_add(b->lease, answer->grant);
    }
    if (sync->n_rates == 0 || sync->unit[0] != 0) {
        b->known_ms = ms;
        b->flags &= (uint16_t) ~WD_BUCKET_REPLANNED;
        b->flags |= WD_BUCKET_KNOWN;
    }
}


bool
wd_limit_sync_end(wd_limit_t *l, const wd_limit_sync_t *sync,
                  const wd_limit_synced_t *answer, wd_ns_t now, bool warm)
{
    bool         more = false;
    uint32_t     head;
    wd_shard_t  *s = wd_limit_shard(l, &sync->key, &head);
    wd_bucket_t *b;

    wd_shard_lock(l, s);
    b = wd_shard_find(s, head, &sync->key);
    if (b != NULL) {
        wd_limit_sync_apply(b, sync, answer, now, warm);
        more = b->owed != 0;
        b->sync_ms = more ? wd_limit_ms16(wd_limit_ms(now)) : 0;
    }
    wd_shard_unlock(s);
    return more;
}


void
wd_limit_sync_fail(wd_limit_t *l, const wd_limit_sync_t *sync)
{
    uint32_t     head;
    wd_shard_t  *s = wd_limit_shard(l, &sync->key, &head);
    wd_bucket_t *b;

    wd_shard_lock(l, s);
    b = wd_shard_find(s, head, &sync->key);
    if (b != NULL) {
        b->sync_ms = 0;
    }
    wd_shard_unlock(s);
}


/* False: nothing that Redis has to know again. */
static bool
wd_limit_walk_bucket(wd_bucket_t *b, wd_ns_t now, wd_limit_sync_t *ret)
{
    unsigned i;
    bool     any = false;

    if (!(b->flags & WD_BUCKET_USED)) {
        return false;
    }

    wd_limit_sync_head(b, now, ret);
    ret->owed = 0; /* stays owed until its plan is at hand */
    ret->age = 0;
    for (i = 0; i < WD_PLAN_RATES; i++) {
        if (b->tat[i] > now && !(b->flags & WD_BUCKET_AWAY)) {
            ret->est[i] = ret->cap[i] = b->tat[i] - now; /* once only */
            ret->n_rates = i + 1;
            any = true;
        }
    }
    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        if (b->quotas[i].id != 0 && b->quotas[i].used != 0) {
            wd_limit_sync_quota(b, i, UINT32_MAX, 32 * WD_NS_PER_DAY, ret);
            any = true;
        }
    }
    return any;
}


size_t
wd_limit_walk(wd_limit_t *l, uint64_t *cursor, wd_ns_t now,
              wd_limit_sync_t *out, size_t max)
{
    size_t      n = 0;
    uint32_t    i = (uint32_t) *cursor, k = (uint32_t) (*cursor >> 32);
    wd_shard_t *s;

    for (; k < WD_LIMIT_SHARDS && n < max; k++, i = 0) {
        s = &l->shards[k];
        wd_shard_lock(l, s);
        for (i++; i <= s->max && n < max; i++) {
            n += wd_limit_walk_bucket(&s->buckets[i], now, &out[n]);
        }
        i--;
        wd_shard_unlock(s);
        if (i < s->max) {
            break;
        }
    }
    *cursor = (uint64_t) k << 32 | (k < WD_LIMIT_SHARDS ? i : 0);
    return n;
}
