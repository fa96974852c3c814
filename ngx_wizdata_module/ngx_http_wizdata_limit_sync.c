/*
 * ngx_http_wizdata_limit_sync.c - leases: tells Redis what was admitted, and
 * learns what the other gateways did (docs/decisions/0007).
 *
 * Buckets that owe something are collected during a turn of the event loop
 * and leave in one call of the script. No request waits for any of this.
 */
#include "ngx_http_wizdata_limit.h"

#define NGX_HTTP_WIZDATA_BEAT 200 /* ms between signs of life */
#define NGX_HTTP_WIZDATA_YOUNG (1500 * WD_NS_PER_MS)
#define NGX_HTTP_WIZDATA_LAPSE (2500 * WD_NS_PER_MS)
#define NGX_HTTP_WIZDATA_SLICES 8 /* of a walk, in flight */


/* One call of the script. */
typedef struct {
    ngx_http_wizdata_limits_t *limits;
    size_t                     n;
    unsigned                   beat:1;
    unsigned                   walk:1;
    unsigned                   whole:1; /* the script was sent, too */
    wd_ns_t                    sent;
    ngx_http_wizdata_plan_t   *plans[WD_LEASE_BUCKETS_MAX];
    wd_limit_sync_t            syncs[]; /* n */
} ngx_http_wizdata_batch_t;


static void ngx_http_wizdata_limit_answer(void *data,
    const wd_resp_value_t *v, size_t n_values);
static void ngx_http_wizdata_limit_walk(ngx_http_wizdata_limits_t *ls);


static wd_ns_t
ngx_http_wizdata_limit_now(void)
{
    return (wd_ns_t) ngx_http_wizdata_clock();
}


static uint32_t
ngx_http_wizdata_limit_gateways(ngx_http_wizdata_limits_t *ls)
{
    uint32_t                       n;
    ngx_http_wizdata_redis_conf_t *rc = ls->worker->conf->redis_conf;

    n = atomic_load(&wd_limit_link(ls->table)->gateways);
    n = ngx_max(n, (uint32_t) rc->gateways);
    return ngx_max(n, 1);
}


void
ngx_http_wizdata_limit_view(ngx_http_wizdata_limits_t *ls, wd_ns_t now,
    wd_limit_view_t *ret)
{
    wd_ns_t          joined;
    ngx_uint_t       warm;
    wd_limit_link_t *link;

    if (ls->redis == NULL) {
        *ret = (wd_limit_view_t) {.gateways = 1};
        return;
    }

    link = wd_limit_link(ls->table);
    joined = atomic_load(&link->joined);
    warm = now < atomic_load(&link->warm_until);

    ret->shared = true;
    ret->up = ls->good && !warm;
    ret->gateways = ngx_http_wizdata_limit_gateways(ls);
    ret->young = joined == 0 || now - joined < NGX_HTTP_WIZDATA_YOUNG;
    ret->down_since = ls->good && warm ? atomic_load(&link->warm_since)
                                       : ls->down_since;
}


static ngx_http_wizdata_batch_t *
ngx_http_wizdata_limit_batch(ngx_http_wizdata_limits_t *ls, size_t n)
{
    ngx_http_wizdata_batch_t *b;

    b = ngx_alloc(sizeof(*b) + n * sizeof(wd_limit_sync_t),
                  ls->worker->cycle->log);
    if (b != NULL) {
        ngx_memzero(b, sizeof(*b));
        b->limits = ls;
    }
    return b;
}


static void
ngx_http_wizdata_limit_fail(ngx_http_wizdata_batch_t *b)
{
    size_t i;

    for (i = 0; i < b->n; i++) {
        wd_limit_sync_fail(b->limits->table, &b->syncs[i]);
    }
    if (b->walk) {
        b->limits->walking--;
    }
    ngx_free(b);
}


/* The batch is answered, or failed, later; or has failed already. */
static void
ngx_http_wizdata_limit_send(ngx_http_wizdata_batch_t *b)
{
    wd_buf_t                  *out;
    ngx_http_wizdata_limits_t *ls = b->limits;

    out = ngx_http_wizdata_redis_begin(ls->redis);
    if (out == NULL) {
        ngx_http_wizdata_limit_fail(b);
        return;
    }

    b->sent = ngx_http_wizdata_limit_now();
    wd_lease_put(&ls->lease, out, b->whole, b->beat, b->syncs, b->n);
    if (ngx_http_wizdata_redis_end(ls->redis, ngx_http_wizdata_limit_answer,
                                   b) != NGX_OK)
    {
        ngx_http_wizdata_limit_fail(b);
        return;
    }
    ngx_http_wizdata_count(ls->worker, LIMIT_LEASES, b->n);
}


/* ---- what Redis says about itself --------------------------------------- */

static void
ngx_http_wizdata_limit_fallen(ngx_http_wizdata_limits_t *ls, ngx_uint_t fallen)
{
    if (ls->fallen != fallen) {
        ls->fallen = fallen;
        ngx_http_wizdata_gauge_add(ls->worker, LIMIT_FALLBACK,
                                   fallen ? 1 : -1);
    }
}


void
ngx_http_wizdata_limit_fallback_leave(ngx_http_wizdata_limits_t *ls)
{
    ngx_http_wizdata_limit_fallen(ls, 0);
}


/* A store that has lost its data learns it again from all who knew. */
static void
ngx_http_wizdata_limit_epoch(ngx_http_wizdata_limits_t *ls,
    const wd_lease_head_t *head, wd_ns_t now)
{
    uint64_t         known;
    wd_limit_link_t *link = wd_limit_link(ls->table);

    if (head->warm > 0 && now >= atomic_load(&link->warm_until)) {
        atomic_store(&link->warm_since, now);
        atomic_store(&link->warm_until, now + head->warm);
    }

    known = atomic_load(&link->epoch);
    if (known != head->epoch && known != 0) {
        atomic_store(&link->lost, now); /* before others find it known */
    }
    if (known != head->epoch
        && atomic_compare_exchange_strong(&link->epoch, &known, head->epoch)
        && known != 0)
    {
        ngx_log_error(NGX_LOG_NOTICE, ls->worker->cycle->log, 0,
                      "wizdata: redis has lost the limits, telling it again");
        ls->walk = 1;
    }
}


/*
 * Members that Redis forgot, with its data or while it was away, have not all
 * told it again when the first of them asks. Until they would be forgotten
 * for silence, those that were known are there: one that took itself for the
 * only one would have the whole limit, beside the shares of the others.
 */
static uint32_t
ngx_http_wizdata_limit_members(wd_limit_link_t *link, uint32_t told,
    wd_ns_t now)
{
    wd_ns_t from = ngx_max(atomic_load(&link->joined),
                           atomic_load(&link->lost));

    if (now - from < WD_LEASE_MEMBER_MS * WD_NS_PER_MS) {
        return ngx_max(told, atomic_load(&link->gateways));
    }
    return told;
}


static void
ngx_http_wizdata_limit_member(ngx_http_wizdata_limits_t *ls,
    const wd_lease_head_t *head, wd_ns_t now)
{
    wd_limit_link_t *link = wd_limit_link(ls->table);

    if (head->gateways == 0) {
        return;
    }

    if (atomic_load(&link->joined) == 0
        || now - atomic_load(&link->answered) > NGX_HTTP_WIZDATA_LAPSE)
    {
        atomic_store(&link->joined, now);
    }
    atomic_store(&link->answered, now);
    atomic_store(&link->gateways,
                 ngx_http_wizdata_limit_members(link, head->gateways, now));
}


static void
ngx_http_wizdata_limit_good(ngx_http_wizdata_limits_t *ls,
    const wd_lease_head_t *head, wd_ns_t now)
{
    wd_limit_link_t *link = wd_limit_link(ls->table);

    /* Back after the whole host was without it: it may know less. */
    if (!ls->good && atomic_load(&link->answered) != 0
        && now - atomic_load(&link->answered) > 2 * NGX_HTTP_WIZDATA_BEAT
                                                    * WD_NS_PER_MS)
    {
        ls->walk = 1;
    }

    ngx_http_wizdata_limit_epoch(ls, head, now);
    ngx_http_wizdata_limit_member(ls, head, now);
    ls->good = 1;
    ngx_http_wizdata_limit_fallen(ls, 0);
    ngx_http_wizdata_limit_walk(ls);
}


static void
ngx_http_wizdata_limit_apply(ngx_http_wizdata_batch_t *b,
    const wd_limit_synced_t *answers, wd_ns_t now, bool warm)
{
    size_t i;

    for (i = 0; i < b->n; i++) {
        if (wd_limit_sync_end(b->limits->table, &b->syncs[i], &answers[i],
                              now, warm)
            && b->plans[i] != NULL)
        {
            ngx_http_wizdata_limit_sync_later(b->limits, &b->syncs[i].key,
                                              b->plans[i]);
        }
    }
}


static void
ngx_http_wizdata_limit_answer(void *data, const wd_resp_value_t *v,
    size_t n_values)
{
    wd_ns_t                    now = ngx_http_wizdata_limit_now();
    wd_lease_head_t            head;
    wd_limit_synced_t          answers[WD_LEASE_BUCKETS_MAX];
    ngx_http_wizdata_batch_t  *b = data;
    ngx_http_wizdata_limits_t *ls = b->limits;

    if (v == NULL) {
        ngx_http_wizdata_limit_fail(b);
        return;
    }

    if (wd_lease_unknown(v) && !b->whole) {
        b->whole = 1;
        ngx_http_wizdata_limit_send(b);
        return;
    }

    if (wd_lease_get(v, n_values, b->syncs, b->n, &head, answers) != WD_OK) {
        ngx_http_wizdata_limit_fail(b);
        ngx_http_wizdata_redis_distrust(
            ls->redis, v->type == WD_RESP_ERROR
                           ? "it refuses the limits' script"
                           : "the limits' script is answered by something "
                             "else");
        return;
    }

    ngx_http_wizdata_limit_apply(b, answers, now, head.warm > 0);
    if (b->walk) {
        ls->walking--;
    }
    ngx_http_wizdata_limit_good(ls, &head, now);
    ngx_free(b);
}


/* ---- what is told ------------------------------------------------------- */

void
ngx_http_wizdata_limit_sync_later(ngx_http_wizdata_limits_t *ls,
    const wd_limit_key_t *key, ngx_http_wizdata_plan_t *plan)
{
    wd_limit_sync_t none;

    if (ls->n_pending == NGX_HTTP_WIZDATA_PENDING_MAX) {
        none.key = *key;
        wd_limit_sync_fail(ls->table, &none); /* the next request's turn */
        return;
    }

    ls->pending[ls->n_pending] = *key;
    ls->pending_plans[ls->n_pending++] = plan;
    if (!ls->flush.posted) {
        ngx_post_event(&ls->flush, &ngx_posted_events);
    }
}


static void
ngx_http_wizdata_limit_flush_some(ngx_http_wizdata_limits_t *ls,
    ngx_uint_t from, ngx_uint_t n)
{
    wd_ns_t                   now = ngx_http_wizdata_limit_now(), wall;
    ngx_uint_t                i;
    wd_limit_view_t           view;
    ngx_http_wizdata_plan_t  *plan;
    ngx_http_wizdata_batch_t *b = ngx_http_wizdata_limit_batch(ls, n);

    if (b == NULL) {
        return; /* others take the syncs over when they are stale */
    }

    wall = ngx_http_wizdata_limit_wall();
    ngx_http_wizdata_limit_view(ls, now, &view);
    for (i = from; i < from + n; i++) {
        plan = ls->pending_plans[i];
        wd_plan_windows(&plan->plan, wall);
        if (wd_limit_sync_begin(ls->table, &ls->pending[i], &plan->plan,
                                &view, now, wall, &b->syncs[b->n]))
        {
            b->plans[b->n++] = plan;
        }
    }

    if (b->n == 0) {
        ngx_free(b);
        return;
    }
    ngx_http_wizdata_limit_send(b);
}


static void
ngx_http_wizdata_limit_flush(ngx_event_t *ev)
{
    ngx_uint_t                 at, n, end;
    ngx_http_wizdata_limits_t *ls = ev->data;

    end = ls->n_pending;
    for (at = 0; at < end; at += n) {
        n = ngx_min(end - at, (ngx_uint_t) WD_LEASE_BUCKETS_MAX);
        ngx_http_wizdata_limit_flush_some(ls, at, n);
    }
    ls->n_pending = 0;
}


/* Slices of the table; each answer makes room for the next. */
static void
ngx_http_wizdata_limit_walk(ngx_http_wizdata_limits_t *ls)
{
    ngx_http_wizdata_batch_t *b;

    while (ls->walk && ls->walking < NGX_HTTP_WIZDATA_SLICES) {
        b = ngx_http_wizdata_limit_batch(ls, WD_LEASE_BUCKETS_MAX);
        if (b == NULL) {
            return;
        }

        b->n = wd_limit_walk(ls->table, &ls->cursor,
                             ngx_http_wizdata_limit_now(), b->syncs,
                             WD_LEASE_BUCKETS_MAX);
        if (b->n == 0) {
            ls->walk = 0;
            ls->cursor = 0;
            ngx_free(b);
            return;
        }
        b->walk = 1;
        ls->walking++;
        ngx_http_wizdata_limit_send(b);
    }
}


static void
ngx_http_wizdata_limit_beat(ngx_event_t *ev)
{
    ngx_http_wizdata_batch_t  *b;
    ngx_http_wizdata_limits_t *ls = ev->data;

    if (ngx_http_wizdata_redis_up(ls->redis)) {
        b = ngx_http_wizdata_limit_batch(ls, 0);
        if (b != NULL) {
            b->beat = 1;
            ngx_http_wizdata_limit_send(b);
        }
    }
    if (!ev->timer_set) {
        ngx_add_timer(ev, NGX_HTTP_WIZDATA_BEAT);
    }
}


static void
ngx_http_wizdata_limit_redis_state(void *data, ngx_uint_t up)
{
    ngx_http_wizdata_limits_t *ls = data;

    if (up) {
        if (ls->beat.timer_set) {
            ngx_del_timer(&ls->beat);
        }
        ngx_http_wizdata_limit_beat(&ls->beat); /* probes the script */
        return;
    }

    if (ls->good) {
        ls->good = 0;
        ls->down_since = ngx_http_wizdata_limit_now();
        ngx_http_wizdata_limit_fallen(ls, 1);
    }
}


ngx_int_t
ngx_http_wizdata_limit_sync_init(ngx_http_wizdata_limits_t *ls)
{
    ngx_http_wizdata_redis_conf_t *rc = ls->worker->conf->redis_conf;

    ls->redis = ls->worker->redis;
    if (ls->redis == NULL) {
        return NGX_OK;
    }

    wd_lease_init(&ls->lease, (const char *) rc->prefix.data,
                  wd_limit_link(ls->table)->member);
    ls->flush.data = ls;
    ls->flush.handler = ngx_http_wizdata_limit_flush;
    ls->flush.log = ls->worker->cycle->log;
    ls->beat.data = ls;
    ls->beat.handler = ngx_http_wizdata_limit_beat;
    ls->beat.log = ls->worker->cycle->log;
    ls->beat.cancelable = 1;
    ls->down_since = ngx_http_wizdata_limit_now();
    ngx_http_wizdata_limit_fallen(ls, 1);
    ngx_add_timer(&ls->beat, NGX_HTTP_WIZDATA_BEAT);
    return ngx_http_wizdata_redis_watch(ls->redis,
                                        ngx_http_wizdata_limit_redis_state,
                                        ls);
}


/* ---- figures for /metrics ----------------------------------------------- */

void
ngx_http_wizdata_limit_gateways_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    wd_limit_view_t            view;
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    if (ls != NULL) {
        ngx_http_wizdata_limit_view(ls, ngx_http_wizdata_limit_now(), &view);
        ngx_http_wizdata_sample(s, view.gateways, "%s", "");
    }
}


void
ngx_http_wizdata_limit_buckets_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    uint64_t                   n, max;
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    if (ls != NULL) {
        wd_limit_count(ls->table, &n, &max);
        ngx_http_wizdata_sample(s, (int64_t) n, "%s", "");
    }
}


void
ngx_http_wizdata_limit_evictions_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    uint64_t                   all, live;
    wd_limit_stats_t          *st;
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    if (ls == NULL) {
        return;
    }
    st = wd_limit_stats(ls->table);
    all = atomic_load(&st->evicted);
    live = atomic_load(&st->evicted_live);
    ngx_http_wizdata_sample(s, (int64_t) (all - live), "state=\"idle\"");
    ngx_http_wizdata_sample(s, (int64_t) live, "state=\"in_use\"");
}


void
ngx_http_wizdata_usage_rows_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    wd_usage_stats_t           st;
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    if (ls != NULL) {
        wd_usage_stats(ls->usage, &st);
        ngx_http_wizdata_sample(s, (int64_t) st.rows, "%s", "");
    }
}
