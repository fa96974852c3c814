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


/* Units of the burst that each gateway may spend before it has asked. */
static uint32_t
wd_limit_reserve(const wd_plan_rate_t *r, const wd_limit_view_t *v)
{
    return v->gateways > 1 ? r->burst / (2 * v->gateways) : r->burst;
}


wd_ns_t
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
    wd_ns_t               unit, tau, span, ahead;
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
    span = wd_limit_span(unit, t->cost);
    t->tat[i] = base + span;
    ahead = wd_max(tau, span);
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


/*
 * A plan has other numbers than when the bucket was used last. What is owed is
 * a time, and by the numbers of today nobody owes more than the burst: else
 * who was let have more would wait for as long as the old plan took.
 */
static void
wd_limit_replan(wd_limit_try_t *t)
{
    unsigned              i;
    uint16_t              tag = (uint16_t) (t->b->flags >> WD_BUCKET_TAG);
    const wd_plan_rate_t *r;

    if (tag == t->plan->tag) {
        return;
    }
    t->b->flags &= (1 << WD_BUCKET_TAG) - 1;
    t->b->flags |= (uint16_t) (t->plan->tag << WD_BUCKET_TAG);
    if (tag == 0) {
        return;
    }

    t->b->flags |= WD_BUCKET_REPLANNED;
    for (i = 0; i < t->plan->n_rates; i++) {
        r = &t->plan->rates[i];
        t->b->tat[i] = wd_min(t->b->tat[i], t->now + r->burst * r->unit);
    }
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
    wd_limit_replan(&t);
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
