/*
 * Several gateways over one store, in virtual time: what is admitted in any
 * interval, what stays usable, and what outages and losses of data cost.
 *
 * The store here is the script of wd_lease.c written again in C; that the
 * script itself does the same under a real Redis is shown in
 * tests/nginx-tests/limit_redis.t.
 */
#include "wd_test.h"

#include "wd_lease.h"

#include <math.h>
#include <sys/mman.h>

#define SIZE (512 * 1024)
#define GATEWAYS 4
#define CALLS 64
#define ADMITTED 400000
#define STEP (100 * WD_NS_PER_US)
#define DEADLINE (50 * WD_NS_PER_MS)
#define WALL INT64_C(1790000000000000000)

typedef struct {
    bool    has;
    int64_t tat[WD_PLAN_RATES];
    bool    has_quota;
    int64_t used;
    bool    up; /* answers */
    wd_ns_t epoch;
} store_t;

typedef struct {
    bool              busy;
    bool              done; /* by the store; the answer is on its way */
    bool              lost; /* never gets an answer */
    wd_ns_t           sent, arrive, answer;
    bool              warm;
    wd_limit_sync_t   sync;
    wd_limit_synced_t reply;
} call_t;

typedef struct {
    wd_limit_t     *l;
    wd_limit_view_t view;
    double          rate; /* requests a second */
    double          due;
    call_t          calls[CALLS];
    wd_ns_t         beat;
    wd_ns_t         warm_until;
    bool            answered;
    bool            wants; /* a sync is taken, and not sent yet */
    uint64_t        false_refusals;
} gateway_t;

typedef struct {
    const char *plan;
    unsigned    n;
    double      rate[GATEWAYS];
    wd_ns_t     rtt_max;
    wd_ns_t     length;
    wd_ns_t     down_from, down_to; /* 0: never */
    bool        executes; /* what is sent to a stopped store is done later */
    wd_ns_t     flush_at; /* 0: never */
    bool        flip; /* the load moves from gateway to gateway */
    unsigned    cost_max;
} scene_t;

typedef struct {
    scene_t        s;
    wd_plan_t      plan;
    store_t        store;
    gateway_t      g[GATEWAYS];
    wd_limit_key_t key;
    wd_ns_t        now;
    size_t         n;
    wd_ns_t       *at;
    uint32_t      *cost;
} world_t;


static void
store_call(world_t *w, call_t *c)
{
    unsigned         i;
    double           left = c->sync.want;
    store_t         *st = &w->store;
    int64_t          t, grant;
    wd_limit_sync_t *s = &c->sync;

    if (st->epoch == 0) {
        st->epoch = w->now;
        st->has = st->has_quota = false;
        memset(st->tat, 0, sizeof(st->tat));
    }
    c->warm = w->now < st->epoch + WD_LEASE_WARM_MS * WD_NS_PER_MS;

    if (c->warm) {
        left = 0;
    }
    for (i = 0; i < s->n_rates; i++) {
        t = st->tat[i];
        if (s->unit[i] > 0 && t - w->now > s->cap[i]) {
            t = w->now + s->tau[i];
        }
        if (s->owed_rate[i] > 0) {
            t = wd_max(t, w->now - s->age) + s->owed_rate[i] * s->unit[i];
        }
        if (s->est[i] > 0) {
            t = wd_max(t, w->now + s->est[i]);
        }
        st->tat[i] = t;
        if (s->unit[i] > 0) {
            left = fmin(left, (double) (w->now + s->tau[i] - wd_max(t, w->now))
                                  / (double) s->unit[i]);
        }
    }
    for (i = 0; i < s->n_quotas; i++) {
        if (!st->has_quota) {
            st->used = s->used[i];
        } else if (c->warm) {
            st->used = wd_max(st->used, (int64_t) s->used[i]);
        }
        st->has_quota = true;
        st->used = wd_max(st->used + s->owed - s->back, (int64_t) 0);
        left = fmin(left, (double) s->limit[i] - (double) st->used);
    }

    grant = (int64_t) fmax(floor(left / s->split), 0);
    c->reply.grant = (uint32_t) grant;
    for (i = 0; i < s->n_rates; i++) {
        if (grant > 0 && s->unit[i] > 0) {
            st->tat[i] = wd_max(st->tat[i], w->now) + grant * s->unit[i];
        }
        c->reply.tat[i] = wd_max(st->tat[i] - w->now, (int64_t) 0);
    }
    for (i = 0; i < s->n_quotas; i++) {
        st->used += grant;
        c->reply.used[i] = (uint32_t) st->used;
    }
}


static call_t *
gateway_call(world_t *w, gateway_t *g)
{
    size_t  i;
    wd_ns_t rtt;

    for (i = 0; i < CALLS; i++) {
        if (!g->calls[i].busy) {
            break;
        }
    }
    assert_true(i < CALLS);
    rtt = WD_NS_PER_MS / 5 + (wd_ns_t) wd_test_below((uint64_t) w->s.rtt_max);
    memset(&g->calls[i], 0, sizeof(g->calls[i]));
    g->calls[i].busy = true;
    g->calls[i].sent = w->now;
    g->calls[i].arrive = w->now + rtt / 2;
    g->calls[i].answer = w->now + rtt;
    return &g->calls[i];
}


static void
gateway_flush(world_t *w, gateway_t *g)
{
    call_t *c;

    if (!g->wants) {
        return;
    }
    g->wants = false;
    c = gateway_call(w, g);
    if (!wd_limit_sync_begin(g->l, &w->key, &w->plan, &g->view, w->now, WALL,
                             &c->sync)) {
        c->busy = false;
    }
}


/* Heartbeats carry no bucket, unless the store has lost its data. */
static void
gateway_beat(world_t *w, gateway_t *g)
{
    call_t  *c;
    uint64_t cursor = 0;

    if (w->now < g->beat) {
        return;
    }
    g->beat = w->now + 200 * WD_NS_PER_MS;
    c = gateway_call(w, g);
    if (g->warm_until > w->now) {
        (void) wd_limit_walk(g->l, &cursor, w->now, &c->sync, 1);
    }
    if (c->sync.n_rates == 0 && c->sync.n_quotas == 0) {
        c->sync.split = 0; /* of no bucket */
    }
}


static void
gateway_down(world_t *w, gateway_t *g)
{
    if (g->answered) {
        g->answered = false;
        g->view.down_since = w->now;
    }
}


static void
gateway_answer(world_t *w, gateway_t *g, call_t *c)
{
    c->busy = false;
    if (c->warm && g->warm_until < w->now) {
        if (g->answered) {
            g->view.down_since = w->now;
        }
        g->warm_until = w->now + WD_LEASE_WARM_MS * WD_NS_PER_MS;
        g->beat = w->now;
    }
    g->answered = true;
    if (c->sync.split != 0
        && wd_limit_sync_end(g->l, &c->sync, &c->reply, w->now, c->warm)) {
        g->wants = true;
    }
}


static void
gateway_calls(world_t *w, gateway_t *g)
{
    size_t  i;
    call_t *c;

    for (i = 0; i < CALLS; i++) {
        c = &g->calls[i];
        if (!c->busy) {
            continue;
        }
        if (!c->done && w->now >= c->arrive) {
            if (w->store.up) {
                if (c->sync.split != 0) {
                    store_call(w, c);
                } else {
                    c->warm = w->store.epoch == 0
                              || w->now < w->store.epoch
                                              + WD_LEASE_WARM_MS * WD_NS_PER_MS;
                    if (w->store.epoch == 0) {
                        w->store.epoch = w->now;
                        memset(w->store.tat, 0, sizeof(w->store.tat));
                        w->store.has_quota = false;
                    }
                }
                c->done = true;
            } else {
                c->lost = true;
            }
        }
        if (c->done && !c->lost && w->now >= c->answer) {
            gateway_answer(w, g, c);
        } else if (w->now >= c->sent + DEADLINE && !c->done) {
            if (c->sync.split != 0) {
                wd_limit_sync_fail(g->l, &c->sync);
                if (w->s.executes) {
                    c->done = true;
                    c->lost = true;
                }
            }
            if (!c->lost || !w->s.executes) {
                c->busy = false;
            }
            gateway_down(w, g);
        }
        /* Bytes that a stopped store reads when it goes on. */
        if (c->busy && c->lost && c->done && w->store.up) {
            if (c->sync.split != 0) {
                store_call(w, c);
            }
            c->busy = false;
        }
    }
}


static void
gateway_requests(world_t *w, unsigned k)
{
    double            rate = w->s.rate[k];
    uint32_t          cost;
    gateway_t        *g = &w->g[k];
    wd_limit_result_t r;

    if (w->s.flip) {
        rate
            = w->s.rate[(k + (unsigned) (w->now / (3 * WD_NS_PER_S))) % w->s.n];
    }
    g->view.up = g->answered && w->now >= g->warm_until;
    g->due += rate * (double) STEP / 1e9 * (double) wd_test_below(2000)
              / 1000.0;
    for (; g->due >= 1; g->due -= 1) {
        cost = 1 + (uint32_t) wd_test_below(w->s.cost_max);
        wd_limit_take(g->l, &w->key, &w->plan, &g->view, cost, 0, w->now, WALL,
                      &r);
        if (r.outcome == WD_LIMIT_PASSED) {
            assert_true(w->n < ADMITTED);
            w->at[w->n] = w->now;
            w->cost[w->n++] = cost;
        }
        g->false_refusals += r.credit;
        g->wants = g->wants || r.sync;
    }
}


static void
world_run(world_t *w, const scene_t *s)
{
    void      *p;
    uint8_t    seed[32];
    unsigned   k;
    wd_error_t err;

    memset(w, 0, sizeof(*w));
    w->s = *s;
    w->s.cost_max = wd_max(s->cost_max, 1u);
    w->at = calloc(ADMITTED, sizeof(*w->at));
    w->cost = calloc(ADMITTED, sizeof(*w->cost));
    assert_true(w->at != NULL && w->cost != NULL);
    assert_ok(wd_plan_parse(wd_str_z(s->plan), &w->plan, &err));
    wd_plan_windows(&w->plan, WALL);
    wd_limit_key(WD_STR("p"), WD_STR("default"), WD_STR_NULL, &w->key);
    w->store.up = true;
    w->now = 1000 * WD_NS_PER_S;
    w->store.epoch = WD_NS_PER_S;

    for (k = 0; k < s->n; k++) {
        memset(seed, (int) k + 1, sizeof(seed));
        p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
        assert_true(p != MAP_FAILED);
        assert_ok(wd_limit_init(p, SIZE, seed, WD_NS_PER_S, &w->g[k].l));
        w->g[k].view = (wd_limit_view_t){
            .shared = true, .up = true, .gateways = s->n};
        w->g[k].answered = true;
    }

    for (; w->now < 1000 * WD_NS_PER_S + s->length; w->now += STEP) {
        if (s->down_to != 0) {
            w->store.up = w->now - 1000 * WD_NS_PER_S < s->down_from
                          || w->now - 1000 * WD_NS_PER_S >= s->down_to;
        }
        if (s->flush_at != 0 && w->now - 1000 * WD_NS_PER_S >= s->flush_at) {
            w->store.epoch = 0;
            w->s.flush_at = 0;
            s = &w->s;
        }
        for (k = 0; k < s->n; k++) {
            gateway_requests(w, k);
            gateway_flush(w, &w->g[k]);
            gateway_beat(w, &w->g[k]);
            gateway_calls(w, &w->g[k]);
        }
    }
}


static void
world_done(world_t *w)
{
    unsigned k;

    for (k = 0; k < w->s.n; k++) {
        munmap(w->g[k].l, SIZE);
    }
    wd_plan_done(&w->plan);
    free(w->at);
    free(w->cost);
}


/* The largest excess over `burst + length / unit` of any interval. */
static double
world_excess(const world_t *w, const wd_plan_rate_t *r)
{
    size_t i;
    double level = 0, most = 0;

    /* A bucket that is emptied by the rate shows the worst interval. */
    for (i = 0; i < w->n; i++) {
        if (i > 0) {
            level -= (double) (w->at[i] - w->at[i - 1]) / (double) r->unit;
        }
        level = fmax(level, 0) + w->cost[i];
        most = fmax(most, level);
    }
    return most - r->burst;
}


static uint64_t
world_units(const world_t *w, wd_ns_t from, wd_ns_t to)
{
    size_t   i;
    uint64_t n = 0;

    for (i = 0; i < w->n; i++) {
        if (w->at[i] - 1000 * WD_NS_PER_S >= from
            && w->at[i] - 1000 * WD_NS_PER_S < to) {
            n += w->cost[i];
        }
    }
    return n;
}


/* Admitted in a window at most: limit x 1.01 + gateways (in largest costs). */
static void
world_bound(const world_t *w, const char *name)
{
    unsigned              i;
    double                excess, may;
    const wd_plan_rate_t *r;

    for (i = 0; i < w->plan.n_rates; i++) {
        r = &w->plan.rates[i];
        excess = world_excess(w, r);
        may = 0.01 * (r->limit + r->burst) + w->s.n * w->s.cost_max;
        print_message("%s: %s: excess %.1f of %.1f\n", name,
                      wd_plan_policy(&w->plan, i), excess, may);
        if (excess > may) {
            fail_msg("%s: %.2f units over the burst, %.2f may be", name, excess,
                     may);
        }
    }
}


/*
 * At least 99 % of the rate between two instants; but for what an outage
 * before them has lent, which is at most the gateways' reserve.
 */
static void
world_usable(const world_t *w, const char *name, wd_ns_t from, wd_ns_t to)
{
    double   want = INFINITY, got = (double) world_units(w, from, to);
    unsigned i;

    for (i = 0; i < w->plan.n_rates; i++) {
        want = fmin(want,
                    (double) (to - from) / (double) w->plan.rates[i].unit);
    }
    print_message("%s: %.2f %% usable\n", name, 100 * got / want);
    if (got + (from != 0 ? w->plan.rates[0].burst / 2.0 : 0) < 0.99 * want) {
        fail_msg("%s: %.0f of %.0f units", name, got, want);
    }
}


#define S(n) ((n) *WD_NS_PER_S)

static const scene_t steady[] = {
    {"rate=200/m burst=20", 2, {50, 0}, WD_NS_PER_MS, S(120), .flip = false},
    {"rate=200/m burst=20", 2, {50, 50}, WD_NS_PER_MS, S(120), .flip = false},
    {"rate=200/m burst=20",
     2,
     {90, 1},
     3 * WD_NS_PER_MS,
     S(120),
     .flip = false},
    {"rate=200/m burst=20", 2, {60, 2}, WD_NS_PER_MS, S(120), .flip = true},
    {"rate=200/m", 2, {500, 1}, WD_NS_PER_MS, S(120), .flip = false},
    {"rate=100/s burst=10", 2, {900, 5}, WD_NS_PER_MS, S(20), .flip = false},
    {"rate=1000/s burst=100",
     2,
     {4000, 100},
     WD_NS_PER_MS,
     S(10),
     .flip = false},
    {"rate=1000/s burst=100",
     4,
     {3000, 900, 0, 40},
     WD_NS_PER_MS,
     S(10),
     .flip = true},
    {"rate=50/s burst=10 rate=1200/m burst=200",
     2,
     {300, 3},
     WD_NS_PER_MS,
     S(60),
     .flip = false},
    {"rate=200/s burst=40",
     3,
     {300, 20, 1},
     WD_NS_PER_MS,
     S(20),
     .cost_max = 5},
    {"rate=200/s burst=40", 1, {600}, WD_NS_PER_MS, S(20), .flip = false},
};


static void
test_steady(void **state)
{
    char    name[80];
    size_t  i;
    world_t w;

    (void) state;
    for (i = 0; i < wd_array_len(steady); i++) {
        world_run(&w, &steady[i]);
        snprintf(name, sizeof(name), "steady %zu", i);
        world_bound(&w, name);
        world_usable(&w, name, S(0), steady[i].length);
        world_done(&w);
    }
}


static const scene_t outages[] = {
    /* killed, and empty when it is back */
    {"rate=200/m burst=20",
     2,
     {50, 5},
     WD_NS_PER_MS,
     S(120),
     S(40),
     S(60),
     .executes = false},
    /* stopped for a second: what was sent is done later */
    {"rate=200/m burst=20",
     2,
     {50, 5},
     WD_NS_PER_MS,
     S(100),
     S(40),
     S(41),
     .executes = true},
    {"rate=100/s burst=50",
     2,
     {300, 300},
     WD_NS_PER_MS,
     S(20),
     S(8),
     S(12),
     .executes = true},
    {"rate=100/s burst=50",
     3,
     {400, 30, 0},
     WD_NS_PER_MS,
     S(20),
     S(8),
     S(12),
     .flip = true},
};


static void
test_outages(void **state)
{
    char    name[80];
    size_t  i;
    world_t w;

    (void) state;
    for (i = 0; i < wd_array_len(outages); i++) {
        world_run(&w, &outages[i]);
        snprintf(name, sizeof(name), "outage %zu", i);
        world_bound(&w, name);
        /* a second after its return all is as before */
        world_usable(&w, name, outages[i].down_to + S(1), outages[i].length);
        world_done(&w);
    }
}


static const scene_t flushes[] = {
    {"rate=200/m burst=20", 2, {50, 5}, WD_NS_PER_MS, S(80), .flush_at = S(40)},
    {"rate=200/m burst=20",
     2,
     {50, 0},
     WD_NS_PER_MS,
     S(80),
     .flush_at = S(5),
     .flip = true},
    {"rate=100/s burst=50",
     3,
     {300, 30, 2},
     WD_NS_PER_MS,
     S(20),
     .flush_at = S(10)},
};


static void
test_flushes(void **state)
{
    char    name[80];
    size_t  i;
    world_t w;

    (void) state;
    for (i = 0; i < wd_array_len(flushes); i++) {
        world_run(&w, &flushes[i]);
        snprintf(name, sizeof(name), "flush %zu", i);
        world_bound(&w, name);
        world_usable(&w, name, flushes[i].flush_at + S(1), flushes[i].length);
        world_done(&w);
    }
}


static void
quota_check(const scene_t *s, const char *name, uint32_t limit)
{
    world_t  w;
    uint64_t n;

    world_run(&w, s);
    n = world_units(&w, 0, s->length);
    print_message("%s: %llu of %u\n", name, (unsigned long long) n, limit);
    assert_true((double) n <= 1.01 * limit + s->n);
    assert_true((double) n >= 0.99 * limit);
    world_done(&w);
}


/* The store has its data back from the gateways, and counts on. */
static void
test_quotas(void **state)
{
    const scene_t plain = {"rate=100/s burst=50 day=500",
                           2,
                           {300, 30},
                           WD_NS_PER_MS,
                           S(20),
                           .flip = true};
    const scene_t flush = {"rate=100/s burst=50 day=900",
                           2,
                           {300, 30},
                           WD_NS_PER_MS,
                           S(20),
                           .flush_at = S(4)};
    const scene_t down = {"rate=100/s burst=50 day=900",
                          2,
                          {300, 300},
                          WD_NS_PER_MS,
                          S(30),
                          S(4),
                          S(6),
                          .flip = true};
    const scene_t bare = {"day=1000",   2,     {300, 30},
                          WD_NS_PER_MS, S(20), .flip = true};

    (void) state;
    quota_check(&plain, "quota", 500);
    quota_check(&flush, "quota, flushed", 900);
    quota_check(&down, "quota, down", 900);
    quota_check(&bare, "quota without rate", 1000);
}


/* The first requests of a principal wait for nobody and are not refused. */
static void
test_cold(void **state)
{
    unsigned          i;
    world_t           w;
    wd_limit_result_t r;
    const scene_t     s = {
            "rate=200/m burst=20", 2, {0, 0}, WD_NS_PER_MS, WD_NS_PER_MS,
            .flip = false};

    (void) state;
    world_run(&w, &s);
    for (i = 0; i < 6; i++) {
        wd_limit_take(w.g[0].l, &w.key, &w.plan, &w.g[0].view, 1, 0, w.now,
                      WALL, &r);
        assert_int_equal(r.outcome, WD_LIMIT_PASSED);
        assert_int_equal(r.sync, i == 0);
    }
    while (r.outcome == WD_LIMIT_PASSED) {
        wd_limit_take(w.g[0].l, &w.key, &w.plan, &w.g[0].view, 1, 0, w.now,
                      WALL, &r);
        i++;
    }
    assert_true(r.credit);
    assert_true(i - 1 <= 20 / 4 + 2);
    world_done(&w);
}


/* What is written is what the script expects; rubbish is no answer. */
static void
test_command(void **state)
{
    size_t          n;
    wd_buf_t        out = WD_BUF_INIT;
    wd_lease_t      le;
    const uint8_t   member[16] = {0xab};
    wd_lease_head_t head;
    wd_limit_sync_t sync = {
        .owed = 3, .split = 4, .n_rates = 1, .unit = {1500}, .want = 5};
    wd_resp_value_t v[8] = {
        {WD_RESP_ARRAY, 5, WD_STR_NULL}, {WD_RESP_INT, 77, WD_STR_NULL},
        {WD_RESP_INT, 0, WD_STR_NULL},   {WD_RESP_INT, 2, WD_STR_NULL},
        {WD_RESP_INT, 5, WD_STR_NULL},   {WD_RESP_INT, 1234, WD_STR_NULL}};
    wd_limit_synced_t got;

    (void) state;
    wd_lease_init(&le, "wd:", member);
    wd_lease_put(&le, &out, false, true, &sync, 1);
    assert_has(wd_buf_cstr(&out), "EVALSHA");
    assert_has(wd_buf_cstr(&out), "$5\r\n1.500\r\n");
    wd_buf_reset(&out);
    wd_lease_put(&le, &out, true, false, NULL, 0);
    assert_has(wd_buf_cstr(&out), "ZREMRANGEBYSCORE");
    wd_buf_done(&out);

    assert_ok(wd_lease_get(v, 6, &sync, 1, &head, &got));
    assert_int_equal(head.epoch, 77);
    assert_int_equal(head.gateways, 2);
    assert_int_equal(got.grant, 5);
    assert_int_equal(got.tat[0], 12340);

    for (n = 0; n < 6; n++) {
        assert_int_equal(wd_lease_get(v, n, &sync, 1, &head, &got), WD_EPROTO);
    }
    v[4].n = 6; /* more than was asked for */
    assert_int_equal(wd_lease_get(v, 6, &sync, 1, &head, &got), WD_EPROTO);
    v[4].n = -1;
    assert_int_equal(wd_lease_get(v, 6, &sync, 1, &head, &got), WD_EPROTO);
    v[4].n = 5;
    v[5].n = 100 * (INT64_C(3) * 5 + 1100 + 1); /* later than it can be */
    sync.owed_rate[0] = 3;
    sync.cap[0] = 100 * WD_NS_PER_US;
    assert_int_equal(wd_lease_get(v, 6, &sync, 1, &head, &got), WD_EPROTO);
    v[5].n = 100 * INT64_C(1100);
    assert_ok(wd_lease_get(v, 6, &sync, 1, &head, &got));
    v[5].type = WD_RESP_BULK;
    assert_int_equal(wd_lease_get(v, 6, &sync, 1, &head, &got), WD_EPROTO);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steady),  cmocka_unit_test(test_outages),
        cmocka_unit_test(test_flushes), cmocka_unit_test(test_quotas),
        cmocka_unit_test(test_cold),    cmocka_unit_test(test_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
