/*
 * wd_limit.c - decisions on a bucket: GCRA for rates, counters for calendar
 * windows, credit towards Redis.
 *
 * A rate is kept as the time `tat` at which the bucket is full again. A unit
 * moves it by `unit`; a request passes when it would not move further ahead
 * of now than the burst allows. What makes the numbers of several gateways
 * right is explained in docs/decisions/0007-limits-by-leases.md.
 */
#include "wd_limit.h"

#include "wd_limit_table.h"

/* A sync is taken over from a worker that has not ended it after this. */
#define WD_LIMIT_SYNC_STALE_MS 400

/* Others may have spent a bucket that was not heard of for this long. */
#define WD_LIMIT_FRESH_MS 1000

/* A lease is held so long at most, and 1/200 of the shortest period. */
#define WD_LIMIT_LEASE_MAX (250 * WD_NS_PER_MS)
#define WD_LIMIT_MARGIN (100 * WD_NS_PER_MS)
#define WD_LIMIT_SHARE 200 /* half a per cent of a limit is one part in */

#define WD_LIMIT_CREDIT_ALL UINT32_MAX

/* One decision in work. */
typedef struct {
    const wd_plan_t       *plan;
    const wd_limit_view_t *view;
    wd_limit_t            *table;
    wd_bucket_t           *b;
    uint32_t               cost;
    uint32_t               held;
    wd_ns_t                now;
    wd_ns_t                wall;
    uint32_t               ms;
    bool                   away; /* decide by this gateway's share */
    int64_t                tat[WD_PLAN_RATES]; /* if it is taken */
    wd_limit_result_t     *ret;
} wd_limit_try_t;


static uint32_t
wd_limit_ms(wd_ns_t now)
{
    return (uint32_t) (now / WD_NS_PER_MS);
}


/* Never 0, which stands for "not set". */
static uint16_t
wd_limit_ms16(uint32_t ms)
{
    return (uint16_t) (ms | 1);
}


/* Units of the burst that each gateway may spend before it has asked. */
static uint32_t
wd_limit_reserve(const wd_plan_rate_t *r, const wd_limit_view_t *v)
{
    return v->gateways > 1 ? r->burst / (2 * v->gateways) : r->burst;
}


/* The burst without what the other gateways hold in reserve. */
static wd_ns_t
wd_limit_tau(const wd_plan_rate_t *r, const wd_limit_view_t *v)
{
    uint32_t burst = r->burst;

    if (v->shared && v->gateways > 1) {
        burst -= (v->gateways - 1) * wd_limit_reserve(r, v);
    }
    return burst * r->unit;
}


/* One unit and this gateway's part of half a per cent. */
static uint32_t
wd_limit_small(uint32_t limit, const wd_limit_view_t *v)
{
    return 1 + limit / WD_LIMIT_SHARE / v->gateways;
}


static bool
wd_limit_known(const wd_limit_try_t *t)
{
    return t->b->flags & WD_BUCKET_KNOWN;
}


static uint32_t
wd_limit_rate_credit(const wd_limit_try_t *t, const wd_plan_rate_t *r)
{
    uint32_t small = wd_limit_small(r->limit, t->view);

    if (t->view->gateways > 1) {
        return t->view->young ? small : small + wd_limit_reserve(r, t->view);
    }

    /* Alone, but a run before this one may have left a bucket in Redis. */
    if (!wd_limit_known(t) && t->now - t->table->born < r->period) {
        return small + r->burst / 4;
    }
    return WD_LIMIT_CREDIT_ALL;
}


/*
 * A counter that was heard of lately, and is so far from its limit that the
 * other gateways cannot have used the rest within the rates, needs no care.
 */
static bool
wd_limit_quota_far(const wd_limit_try_t *t, uint32_t used, uint32_t limit)
{
    uint64_t              others;
    const wd_plan_rate_t *r = &t->plan->rates[0];

    if (!wd_limit_known(t) || t->plan->n_rates == 0) {
        return false;
    }

    others = (uint64_t) ((wd_ns_t) (t->ms - t->b->known_ms) * WD_NS_PER_MS
                         / r->unit);
    others += r->burst + (uint64_t) r->limit / 50 + 2 * t->view->gateways;
    return used + others + t->cost <= limit;
}


static uint32_t
wd_limit_quota_credit(const wd_limit_try_t *t, unsigned i)
{
    uint32_t limit = t->plan->quotas[i], used = t->b->quotas[i].used;

    if (wd_limit_quota_far(t, used, limit)
        || (t->view->gateways == 1 && wd_limit_known(t))) {
        return WD_LIMIT_CREDIT_ALL;
    }
    return t->view->gateways == 1 ? 1 + limit / 100
                                  : wd_limit_small(limit, t->view);
}


/* What may be owed at most: the least that a window grants. */
static uint32_t
wd_limit_credit(const wd_limit_try_t *t)
{
    unsigned i;
    uint32_t least = WD_LIMIT_CREDIT_ALL, c;

    for (i = 0; i < t->plan->n_rates; i++) {
        c = wd_limit_rate_credit(t, &t->plan->rates[i]);
        least = wd_min(least, c);
    }
    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        if (t->plan->quotas[i] != 0) {
            c = wd_limit_quota_credit(t, i);
            least = wd_min(least, c);
        }
    }
    return least;
}


static void
wd_limit_refuse(wd_limit_try_t *t, unsigned policy, wd_ns_t retry)
{
    wd_limit_result_t *ret = t->ret;

    if (ret->outcome == WD_LIMIT_PASSED || retry > ret->retry) {
        ret->outcome = WD_LIMIT_REFUSED;
        ret->policy = (int) policy;
        ret->retry = retry;
    }
}


/* In Redis' absence: might another gateway have spent this bucket? */
static bool
wd_limit_stale(const wd_limit_try_t *t)
{
    uint32_t down = wd_limit_ms(t->view->down_since);

    if (t->view->gateways == 1) {
        return false;
    }
    return !wd_limit_known(t)
           || (int32_t) (down - t->b->known_ms) > WD_LIMIT_FRESH_MS;
}


static void
wd_limit_try_rate(wd_limit_try_t *t, unsigned i)
{
    wd_ns_t               unit, tau, ahead;
    int64_t               base;
    const wd_plan_rate_t *r = &t->plan->rates[i];

    unit = r->unit;
    tau = wd_limit_tau(r, t->view);
    base = wd_max(t->b->tat[i], t->now);

    if (t->away) {
        unit *= t->view->gateways;
        /* As if it was spent when Redis went, but for one unit. */
        if (wd_limit_stale(t) && t->b->owed != 0) {
            base = wd_max(base, t->view->down_since + tau);
        }
    }

    /* What costs more than the burst passes when the bucket is full. */
    t->tat[i] = base + unit * t->cost;
    ahead = wd_max(tau, unit * t->cost);
    if (t->tat[i] - ahead > t->now) {
        wd_limit_refuse(t, i, t->tat[i] - ahead - t->now);
    }
}


static void
wd_limit_roll(wd_limit_try_t *t, unsigned i)
{
    wd_bucket_quota_t *q = &t->b->quotas[i];

    if (q->id != t->plan->windows[i].id) {
        q->id = t->plan->windows[i].id;
        q->used = 0;
    }
}


static void
wd_limit_try_quota(wd_limit_try_t *t, unsigned i)
{
    uint32_t owed = wd_min(t->b->owed, t->b->quotas[i].used);
    uint64_t used = (uint64_t) t->b->quotas[i].used + t->cost;

    if (t->away) { /* the others spend as much of what is left */
        used += (uint64_t) (owed + t->cost) * (t->view->gateways - 1);
    }
    if (used > t->plan->quotas[i]) {
        wd_limit_refuse(t, WD_PLAN_DAY + i, t->plan->windows[i].end - t->wall);
    }
}


/* Per gateway; together they allow what the plan says, rounded up. */
static uint32_t
wd_limit_concurrency(const wd_plan_t *plan, const wd_limit_view_t *v)
{
    return v->shared ? (plan->concurrency + v->gateways - 1) / v->gateways
                     : plan->concurrency;
}


static bool
wd_limit_lease_over(const wd_bucket_t *b, uint32_t ms)
{
    return (int32_t) (ms - b->lease_ms) > 0;
}


static bool
wd_limit_leased(const wd_limit_try_t *t)
{
    return !t->away && t->b->lease >= t->cost
           && !wd_limit_lease_over(t->b, t->ms);
}


static void
wd_limit_try(wd_limit_try_t *t)
{
    unsigned i;
    uint32_t max;

    t->ret->outcome = WD_LIMIT_PASSED;
    t->ret->policy = -1;

    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        if (t->plan->quotas[i] != 0) {
            wd_limit_roll(t, i);
        }
    }

    if (!wd_limit_leased(t)) {
        for (i = 0; i < t->plan->n_rates; i++) {
            wd_limit_try_rate(t, i);
        }
        for (i = 0; i < WD_PLAN_QUOTAS; i++) {
            if (t->plan->quotas[i] != 0) {
                wd_limit_try_quota(t, i);
            }
        }
    }

    max = wd_limit_concurrency(t->plan, t->view);
    if (max != 0 && t->held >= max) {
        wd_limit_refuse(t, WD_PLAN_CONCURRENCY, 1);
    }

    if (t->ret->outcome == WD_LIMIT_PASSED && t->view->shared && t->view->up
        && !wd_limit_leased(t) && t->b->owed != 0
        && (uint64_t) t->b->owed + t->cost > wd_limit_credit(t)) {
        wd_limit_refuse(t, 0, 1);
        t->ret->policy = t->plan->n_rates != 0     ? 0
                         : t->plan->quotas[0] != 0 ? WD_PLAN_DAY
                                                   : WD_PLAN_MONTH;
        t->ret->credit = true;
    }
}


static uint32_t
wd_limit_add(uint32_t a, uint32_t b)
{
    return a > UINT32_MAX - b ? UINT32_MAX : a + b;
}


/* Units that came besides those that are owed. */
static void
wd_limit_demand(wd_bucket_t *b, uint32_t cost)
{
    b->demand = (uint16_t) wd_min(b->demand + cost, (uint32_t) UINT16_MAX);
}


static void
wd_limit_commit(wd_limit_try_t *t)
{
    unsigned     i;
    wd_bucket_t *b = t->b;

    if (wd_limit_leased(t)) {
        b->lease -= t->cost;
        wd_limit_demand(b, t->cost);
        return;
    }

    for (i = 0; i < t->plan->n_rates; i++) {
        b->tat[i] = t->tat[i];
    }
    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        if (t->plan->quotas[i] != 0) {
            b->quotas[i].used = wd_limit_add(b->quotas[i].used, t->cost);
        }
    }

    if (t->view->shared) {
        if (b->owed == 0) {
            b->owed_ms = (uint16_t) t->ms;
        }
        b->owed = wd_limit_add(b->owed, t->cost);
        b->flags |= t->view->up ? 0 : WD_BUCKET_AWAY;
    }
}


static bool
wd_limit_sync_free(const wd_bucket_t *b, uint32_t ms)
{
    return b->sync_ms == 0
           || (uint16_t) (wd_limit_ms16(ms) - b->sync_ms)
                  > WD_LIMIT_SYNC_STALE_MS;
}


/* Something is owed, or wished, and nobody is on the way: this caller is. */
static void
wd_limit_want_sync(wd_limit_try_t *t)
{
    wd_bucket_t *b = t->b;

    if (!t->view->shared || !t->view->up) {
        return;
    }
    if (t->ret->credit) {
        wd_limit_demand(b, t->cost);
    }
    if ((b->owed != 0 || t->ret->credit) && wd_limit_sync_free(b, t->ms)) {
        b->sync_ms = wd_limit_ms16(t->ms);
        t->ret->sync = true;
    }
}


static void
wd_limit_show_rate(wd_limit_try_t *t, unsigned i)
{
    wd_ns_t               left;
    const wd_plan_rate_t *r = &t->plan->rates[i];
    wd_ns_t               ahead = wd_max(t->b->tat[i] - t->now, (wd_ns_t) 0);

    left = (r->burst * r->unit - ahead)
           / (t->away ? (wd_ns_t) t->view->gateways : 1);
    t->ret->remaining[i] = left > 0 ? (uint32_t) (left / r->unit) : 0;
    t->ret->reset[i] = ahead;
}


static void
wd_limit_show(wd_limit_try_t *t)
{
    unsigned           i, k;
    uint32_t           max, used;
    wd_limit_result_t *ret = t->ret;

    for (i = 0; i < t->plan->n_rates; i++) {
        wd_limit_show_rate(t, i);
    }
    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        k = WD_PLAN_DAY + i;
        used = t->b->quotas[i].used;
        ret->remaining[k] = used < t->plan->quotas[i]
                                ? t->plan->quotas[i] - used
                                : 0;
        ret->reset[k] = t->plan->quotas[i] != 0
                            ? t->plan->windows[i].end - t->wall
                            : 0;
    }
    max = wd_limit_concurrency(t->plan, t->view);
    ret->remaining[WD_PLAN_CONCURRENCY] = t->held < max ? max - t->held : 0;
}


/* The policy with the least left speaks for all. */
static void
wd_limit_tightest(wd_limit_try_t *t)
{
    unsigned i;
    uint32_t least = UINT32_MAX;

    if (t->ret->policy >= 0) {
        return;
    }
    for (i = 0; i < WD_PLAN_CONCURRENCY; i++) {
        if ((i < WD_PLAN_RATES ? i < t->plan->n_rates
                               : t->plan->quotas[i - WD_PLAN_DAY] != 0)
            && t->ret->remaining[i] < least) {
            least = t->ret->remaining[i];
            t->ret->policy = (int) i;
        }
    }
    if (t->ret->policy < 0 && t->plan->concurrency != 0) {
        t->ret->policy = WD_PLAN_CONCURRENCY;
    }
}


static void
wd_limit_passed(wd_limit_try_t *t, wd_shard_t *s, uint32_t pid)
{
    wd_limit_commit(t);
    if (t->plan->concurrency == 0 || pid == 0) {
        return;
    }

    t->ret->held = wd_shard_hold(s, t->b, pid);
    if (t->ret->held) {
        t->held++;
    } else {
        atomic_fetch_add_explicit(&t->table->stats.unheld, 1,
                                  memory_order_relaxed);
    }
}


static uint32_t
wd_limit_held(const wd_limit_try_t *t, wd_shard_t *s)
{
    uint32_t held, max = wd_limit_concurrency(t->plan, t->view);

    if (max == 0) {
        return 0;
    }

    held = wd_shard_held(s, t->b, false);
    return held < max ? held : wd_shard_held(s, t->b, true);
}


static void
wd_limit_decide(wd_limit_try_t *t, wd_shard_t *s, uint32_t pid, bool take)
{
    bool refused;

    t->ms = wd_limit_ms(t->now);
    t->away = t->view->shared && !t->view->up && t->view->gateways > 1;
    t->held = wd_limit_held(t, s);
    wd_limit_try(t);

    refused = t->ret->outcome == WD_LIMIT_REFUSED;
    if (take && !refused) {
        wd_limit_passed(t, s, pid);
    }
    if (take) {
        wd_limit_want_sync(t);
    }
    if (refused && t->plan->dry_run) {
        t->ret->outcome = WD_LIMIT_DRY;
    }
    wd_limit_show(t);
    wd_limit_tightest(t);
}


static uint32_t
wd_limit_cost(uint32_t cost)
{
    return wd_max(wd_min(cost, (uint32_t) WD_LIMIT_COST_MAX), 1u);
}


void
wd_limit_take(wd_limit_t *l, const wd_limit_key_t *key, const wd_plan_t *plan,
              const wd_limit_view_t *view, uint32_t cost, uint32_t pid,
              wd_ns_t now, wd_ns_t wall, wd_limit_result_t *ret)
{
    uint32_t       head;
    wd_shard_t    *s = wd_limit_shard(l, key, &head);
    wd_limit_try_t t = {.plan = plan,
                        .view = view,
                        .table = l,
                        .now = now,
                        .cost = wd_limit_cost(cost),
                        .wall = wall,
                        .ret = ret};

    memset(ret, 0, sizeof(*ret));
    wd_shard_lock(l, s);
    t.b = wd_shard_get(l, s, head, key);
    wd_limit_decide(&t, s, pid, true);
    wd_shard_unlock(s);
}


void
wd_limit_peek(wd_limit_t *l, const wd_limit_key_t *key, const wd_plan_t *plan,
              const wd_limit_view_t *view, uint32_t cost, wd_ns_t now,
              wd_ns_t wall, wd_limit_result_t *ret)
{
    uint32_t       head;
    wd_shard_t    *s = wd_limit_shard(l, key, &head);
    wd_bucket_t    none = {.flags = 0}, *b;
    wd_limit_try_t t = {.plan = plan,
                        .view = view,
                        .table = l,
                        .now = now,
                        .cost = wd_limit_cost(cost),
                        .wall = wall,
                        .ret = ret};

    memset(ret, 0, sizeof(*ret));
    wd_shard_lock(l, s);
    b = wd_shard_find(s, head, key);
    t.b = b != NULL ? b : &none;
    wd_limit_decide(&t, s, 0, false);
    wd_shard_unlock(s);
}


void
wd_limit_release(wd_limit_t *l, const wd_limit_key_t *key, uint32_t pid)
{
    uint32_t     head;
    wd_shard_t  *s = wd_limit_shard(l, key, &head);
    wd_bucket_t *b;

    wd_shard_lock(l, s);
    b = wd_shard_find(s, head, key);
    if (b != NULL) {
        wd_shard_release(s, b, pid);
    }
    wd_shard_unlock(s);
}


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
    ret->cap[i] = ret->tau[i] + 2 * r->period;

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
        tat = base + answer->tat[i] + b->owed * sync->unit[i];
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
