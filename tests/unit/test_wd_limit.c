/*
 * One host: decisions equal those of a slow reference, whatever arrives when;
 * threads and processes that are killed admit no unit too many; concurrency
 * is given back; memory is as published.
 */
#include "wd_test.h"

#include "wd_limit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (1024 * 1024)
#define WALL INT64_C(1790000000000000000)

static const wd_limit_view_t alone = {.gateways = 1};


static wd_limit_t *
limit_create(size_t size)
{
    int         rc;
    void       *p;
    uint8_t     seed[32] = {1, 2, 3};
    wd_limit_t *l;

    p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
             0);
    assert_true(p != MAP_FAILED);
    rc = wd_limit_init(p, size, seed, 0, &l);
    assert_ok(rc);
    return l;
}


static void
limit_plan(const char *text, wd_plan_t *p)
{
    wd_error_t err;

    assert_ok(wd_plan_parse(wd_str_z(text), p, &err));
    wd_plan_windows(p, WALL);
}


static wd_limit_key_t
limit_key(unsigned n)
{
    char           name[32];
    wd_limit_key_t key;

    snprintf(name, sizeof(name), "principal-%u", n);
    wd_limit_key(wd_str_z(name), WD_STR("default"), WD_STR_NULL, &key);
    return key;
}


/* The reference keeps all that was admitted and replays it each time. */
#define REF_MAX 4096

typedef struct {
    size_t   n;
    wd_ns_t  at[REF_MAX];
    uint32_t cost[REF_MAX];
} ref_t;


static double
ref_level(const ref_t *ref, const wd_plan_rate_t *r, wd_ns_t now)
{
    double full = 0; /* time at which all is back */
    size_t i;

    for (i = 0; i < ref->n; i++) {
        full = wd_max(full, (double) ref->at[i]);
        full += (double) r->unit * ref->cost[i];
    }
    return wd_max(full - (double) now, 0.0);
}


static bool
ref_take(ref_t *ref, const wd_plan_t *plan, wd_ns_t now, uint32_t cost)
{
    size_t   i;
    double   ahead;
    unsigned k;
    uint64_t used = 0;

    for (k = 0; k < plan->n_rates; k++) {
        ahead = ref_level(ref, &plan->rates[k], now)
                + (double) plan->rates[k].unit * cost;
        if (ahead > (double) plan->rates[k].unit
                        * wd_max(plan->rates[k].burst, cost)) {
            return false;
        }
    }
    for (i = 0; i < ref->n; i++) {
        used += ref->cost[i];
    }
    if (plan->quotas[0] != 0 && used + cost > plan->quotas[0]) {
        return false;
    }
    ref->at[ref->n] = now;
    ref->cost[ref->n++] = cost;
    return true;
}


static void
limit_compare(const char *text, unsigned cost_max, uint64_t gap)
{
    bool              want;
    ref_t            *ref = calloc(1, sizeof(*ref));
    wd_ns_t           now = 1000 * WD_NS_PER_S;
    unsigned          i;
    uint32_t          cost;
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_result_t r, after;

    assert_non_null(ref);
    limit_plan(text, &plan);
    for (i = 0; i < 1500; i++) {
        now += (wd_ns_t) (wd_test_below(4) == 0 ? wd_test_below(10 * gap)
                                                : wd_test_below(gap));
        cost = 1 + (uint32_t) wd_test_below(cost_max);
        want = ref_take(ref, &plan, now, cost);
        wd_limit_take(l, &key, &plan, &alone, cost, 0, now, WALL, &r);
        assert_int_equal(r.outcome == WD_LIMIT_PASSED, want);
        if (want || r.policy >= WD_PLAN_RATES) {
            continue;
        }

        /* Retry is the first instant at which it would pass. */
        wd_limit_peek(l, &key, &plan, &alone, cost, now + r.retry, WALL,
                      &after);
        assert_true(after.outcome == WD_LIMIT_PASSED
                    || after.policy == WD_PLAN_DAY);
        wd_limit_peek(l, &key, &plan, &alone, cost, now + r.retry - 1, WALL,
                      &after);
        assert_int_equal(after.outcome, WD_LIMIT_REFUSED);
    }
    wd_plan_done(&plan);
    free(ref);
    munmap(l, SIZE);
}


static void
test_reference(void **state)
{
    (void) state;
    limit_compare("rate=200/m burst=20", 1, 200 * WD_NS_PER_MS);
    limit_compare("rate=200/m", 1, 250 * WD_NS_PER_MS);
    limit_compare("rate=7/s burst=3", 5, 300 * WD_NS_PER_MS);
    limit_compare("rate=10/s burst=5 rate=100/m burst=30", 3,
                  100 * WD_NS_PER_MS);
    limit_compare("rate=1000/s burst=100 rate=5000/m burst=5000 "
                  "rate=20000/h burst=9 rate=3/s burst=2",
                  2, 20 * WD_NS_PER_MS);
    limit_compare("rate=10/s burst=50 day=300", 4, 100 * WD_NS_PER_MS);
}


/* In every window of a minute: no more than the rate and the burst. */
static void
test_any_window(void **state)
{
    size_t            n = 0, i, k = 0;
    wd_ns_t           now, *at = calloc(100000, sizeof(*at));
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_result_t r;

    (void) state;
    assert_non_null(at);
    limit_plan("rate=600/m burst=10", &plan);
    for (now = 0; now < 600 * WD_NS_PER_S;
         now += 1 + (wd_ns_t) wd_test_below(20 * WD_NS_PER_MS)) {
        wd_limit_take(l, &key, &plan, &alone, 1, 0, now + WD_NS_PER_S, WALL,
                      &r);
        if (r.outcome == WD_LIMIT_PASSED) {
            at[n++] = now;
        }
    }
    for (i = 0; i < n; i++) {
        while (at[i] - at[k] >= WD_NS_PER_MIN) {
            k++;
        }
        assert_true(i - k + 1 <= 610);
    }
    assert_true(n >= 5940);
    free(at);
    wd_plan_done(&plan);
    munmap(l, SIZE);
}


/* A refusal of one window takes nothing from the others. */
static void
test_all_or_nothing(void **state)
{
    unsigned          i;
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_result_t r;

    (void) state;
    limit_plan("rate=1/s burst=2 rate=100/h burst=50 day=10", &plan);
    for (i = 0; i < 20; i++) {
        wd_limit_take(l, &key, &plan, &alone, 1, 0, WD_NS_PER_S, WALL, &r);
    }
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_int_equal(r.policy, 0);
    assert_int_equal(r.retry, WD_NS_PER_S);
    assert_int_equal(r.remaining[0], 0);
    assert_int_equal(r.remaining[1], 48);
    assert_int_equal(r.remaining[WD_PLAN_DAY], 8);
    assert_int_equal(r.reset[0], 2 * WD_NS_PER_S);
    assert_int_equal(r.reset[WD_PLAN_DAY], plan.windows[0].end - WALL);
    wd_plan_done(&plan);
    munmap(l, SIZE);
}


static void
test_quota_window(void **state)
{
    unsigned          i;
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_result_t r;

    (void) state;
    limit_plan("day=3 month=5", &plan);
    for (i = 0; i < 4; i++) {
        wd_limit_take(l, &key, &plan, &alone, 1, 0, 1, WALL, &r);
    }
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_int_equal(r.policy, WD_PLAN_DAY);
    assert_int_equal(r.retry, plan.windows[0].end - WALL);

    wd_plan_windows(&plan, plan.windows[0].end);
    for (i = 0; i < 3; i++) {
        wd_limit_take(l, &key, &plan, &alone, 1, 0, 1, plan.windows[0].start,
                      &r);
    }
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_int_equal(r.policy, WD_PLAN_MONTH);
    wd_plan_done(&plan);
    munmap(l, SIZE);
}


/* The dearest request of the slowest rate: no number wraps. */
static void
test_dear(void **state)
{
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_view_t   away = {.shared = true, .gateways = 1000};
    wd_limit_result_t r;

    (void) state;
    limit_plan("rate=1/31d", &plan);
    wd_limit_take(l, &key, &plan, &alone, WD_LIMIT_COST_MAX, 0, 1, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_PASSED);
    wd_limit_take(l, &key, &plan, &alone, 1, 0, 2 + WD_NS_PER_DAY, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_true(r.retry > 365 * WD_NS_PER_DAY);
    wd_limit_take(l, &key, &plan, &away, WD_LIMIT_COST_MAX, 0,
                  3 + WD_NS_PER_DAY, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    wd_plan_done(&plan);
    munmap(l, SIZE);
}


/* Who may have more has it at once, and pays dear requests all the same. */
static void
test_replan(void **state)
{
    wd_ns_t           now = 1000 * WD_NS_PER_S;
    unsigned          i;
    wd_plan_t         few, many;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_sync_t   sync;
    wd_limit_view_t   shared = {.shared = true, .up = true, .gateways = 1};
    wd_limit_result_t r;
    wd_limit_synced_t answer = {.grant = 0};

    (void) state;
    limit_plan("rate=10/h burst=10", &few);
    limit_plan("rate=1000/s burst=1000", &many);
    for (i = 0; i < 11; i++) {
        wd_limit_take(l, &key, &few, &alone, 1, 0, now, WALL, &r);
    }
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_true(r.retry > 300 * WD_NS_PER_S);

    wd_limit_take(l, &key, &many, &alone, 1, 0, now, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_int_equal(r.retry, WD_NS_PER_MS);
    now += r.retry;
    wd_limit_take(l, &key, &many, &alone, 1, 0, now, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_PASSED);

    /* Redis is told once not to know better. */
    assert_true(wd_limit_sync_begin(l, &key, &many, &shared, now, WALL, &sync));
    assert_int_equal(sync.cap[0], sync.tau[0]);
    answer.tat[0] = WD_NS_PER_S;
    (void) wd_limit_sync_end(l, &sync, &answer, now, false);
    assert_true(wd_limit_sync_begin(l, &key, &many, &shared, now, WALL, &sync));
    assert_true(sync.cap[0] > sync.tau[0]);

    /* Less is not forgiven by asking again, nor is what costs much. */
    now += WD_NS_PER_DAY;
    wd_limit_take(l, &key, &many, &alone, 100000, 0, now, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_PASSED);
    now += WD_NS_PER_S;
    wd_limit_take(l, &key, &many, &alone, 1, 0, now, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_true(r.retry > 90 * WD_NS_PER_S);

    wd_plan_done(&few);
    wd_plan_done(&many);
    munmap(l, SIZE);
}


static void
test_dry_run(void **state)
{
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_result_t r;

    (void) state;
    limit_plan("rate=1/m dry_run", &plan);
    wd_limit_take(l, &key, &plan, &alone, 1, 0, 1, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_PASSED);
    wd_limit_take(l, &key, &plan, &alone, 1, 0, 2, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_DRY);
    assert_int_equal(r.policy, 0);
    wd_plan_done(&plan);
    munmap(l, SIZE);
}


static void
test_concurrency(void **state)
{
    int               status;
    pid_t             pid, self = getpid();
    unsigned          i;
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_result_t r;

    (void) state;
    limit_plan("concurrency=4", &plan);

    pid = fork();
    if (pid == 0) {
        for (i = 0; i < 3; i++) {
            wd_limit_take(l, &key, &plan, &alone, 1, (uint32_t) getpid(), 1,
                          WALL, &r);
        }
        pause();
    }
    do {
        wd_limit_peek(l, &key, &plan, &alone, 1, 1, WALL, &r);
    } while (r.remaining[WD_PLAN_CONCURRENCY] != 1);

    wd_limit_take(l, &key, &plan, &alone, 1, (uint32_t) self, 1, WALL, &r);
    assert_true(r.held);
    wd_limit_take(l, &key, &plan, &alone, 1, (uint32_t) self, 1, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    assert_int_equal(r.policy, WD_PLAN_CONCURRENCY);
    assert_false(r.held);

    /* What a killed worker held is there again, without its help. */
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    for (i = 0; i < 3; i++) {
        wd_limit_take(l, &key, &plan, &alone, 1, (uint32_t) self, 1, WALL, &r);
        assert_int_equal(r.outcome, WD_LIMIT_PASSED);
    }
    wd_limit_take(l, &key, &plan, &alone, 1, (uint32_t) self, 1, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);

    for (i = 0; i < 10; i++) { /* more often than it was taken */
        wd_limit_release(l, &key, (uint32_t) self);
    }
    wd_limit_peek(l, &key, &plan, &alone, 1, 1, WALL, &r);
    assert_int_equal(r.remaining[WD_PLAN_CONCURRENCY], 4);
    wd_plan_done(&plan);
    munmap(l, SIZE);
}


/* Far more principals than there is room for. */
static void
test_eviction(void **state)
{
    uint64_t          n, max;
    unsigned          i;
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(SIZE);
    wd_limit_key_t    key, hot = limit_key(0);
    wd_limit_result_t r;

    (void) state;
    limit_plan("rate=10/h burst=10", &plan);
    wd_limit_count(l, &n, &max);
    assert_int_equal(n, 0);
    for (i = 0; i < 4 * max; i++) {
        key = limit_key(1 + i);
        wd_limit_take(l, &key, &plan, &alone, 1, 0, 1 + i, WALL, &r);
        assert_int_equal(r.outcome, WD_LIMIT_PASSED);
        assert_int_equal(r.remaining[0], 9);
        /* One that is used all the time stays. */
        wd_limit_take(l, &hot, &plan, &alone, 1, 0, 1 + i, WALL, &r);
        assert_int_equal(r.outcome == WD_LIMIT_PASSED, i < 10);
    }
    wd_limit_count(l, &n, &max);
    assert_true(n <= max && n > max - max / 8);
    assert_true(atomic_load(&wd_limit_stats(l)->evicted) > 2 * max);
    wd_plan_done(&plan);
    munmap(l, SIZE);
}


static void
test_memory(void **state)
{
    size_t            size = 16 * 1024 * 1024;
    uint64_t          n, max;
    unsigned          i;
    wd_plan_t         plan;
    wd_limit_t       *l = limit_create(size);
    wd_limit_key_t    key;
    wd_limit_result_t r;

    (void) state;
    assert_true(wd_limit_bucket_bytes() <= 96);
    limit_plan("rate=200/m burst=20 day=1000 month=10000", &plan);
    for (i = 0; i < 100000; i++) {
        key = limit_key(i);
        wd_limit_take(l, &key, &plan, &alone, 1, 0, 1, WALL, &r);
    }
    wd_limit_count(l, &n, &max);
    assert_int_equal(n, 100000);
    print_message("bytes beyond the key: %zu; %.1f of the zone for each of "
                  "%llu\n",
                  wd_limit_bucket_bytes(), (double) size / (double) max,
                  (unsigned long long) max);
    wd_plan_done(&plan);
    munmap(l, size);
}


static void
test_adopt(void **state)
{
    unsigned          i;
    wd_plan_t         plan;
    wd_limit_t       *a = limit_create(SIZE), *b = limit_create(2 * SIZE);
    wd_limit_key_t    key = limit_key(1);
    wd_limit_result_t r;

    (void) state;
    limit_plan("rate=1/m burst=3", &plan);
    for (i = 0; i < 3; i++) {
        wd_limit_take(a, &key, &plan, &alone, 1, 0, 1, WALL, &r);
        assert_int_equal(r.outcome, WD_LIMIT_PASSED);
    }
    wd_limit_adopt(b, a);
    wd_limit_take(b, &key, &plan, &alone, 1, 0, 1, WALL, &r);
    assert_int_equal(r.outcome, WD_LIMIT_REFUSED);
    wd_plan_done(&plan);
    munmap(a, SIZE);
    munmap(b, 2 * SIZE);
}


typedef struct {
    wd_limit_t      *l;
    const wd_plan_t *plan;
    wd_limit_key_t   keys[8];
    _Atomic uint64_t passed[8];
} crowd_t;


/* The clock stands still, so that exactly the burst may pass. */
static void *
crowd_run(void *arg)
{
    unsigned          i, k;
    crowd_t          *c = arg;
    wd_limit_result_t r;

    for (i = 0; i < 20000; i++) {
        k = i % 8;
        wd_limit_take(c->l, &c->keys[k], c->plan, &alone, 1,
                      (uint32_t) getpid(), WD_NS_PER_S, WALL, &r);
        if (r.outcome == WD_LIMIT_PASSED) {
            atomic_fetch_add(&c->passed[k], 1);
        }
        if (r.held) {
            wd_limit_release(c->l, &c->keys[k], (uint32_t) getpid());
        }
    }
    return NULL;
}


static crowd_t *
crowd_create(const wd_plan_t *plan)
{
    unsigned i;
    crowd_t *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(c != MAP_FAILED);
    c->l = limit_create(SIZE);
    c->plan = plan;
    for (i = 0; i < 8; i++) {
        c->keys[i] = limit_key(i);
    }
    return c;
}


static void
test_threads(void **state)
{
    size_t    i;
    crowd_t  *c;
    pthread_t t[4];
    wd_plan_t plan;

    (void) state;
    limit_plan("rate=1000/m burst=1000 concurrency=1000", &plan);
    c = crowd_create(&plan);
    for (i = 0; i < wd_array_len(t); i++) {
        assert_int_equal(pthread_create(&t[i], NULL, crowd_run, c), 0);
    }
    for (i = 0; i < wd_array_len(t); i++) {
        pthread_join(t[i], NULL);
    }
    for (i = 0; i < 8; i++) {
        assert_int_equal(c->passed[i], 1000);
    }
    wd_plan_done(&plan);
    munmap(c->l, SIZE);
    munmap(c, sizeof(*c));
}


/* Killed at any point: a unit is counted or not, never given twice. */
static void
test_killed_processes(void **state)
{
    int               status;
    pid_t             pid[4];
    size_t            i;
    unsigned          round;
    crowd_t          *c;
    wd_plan_t         plan;
    wd_limit_result_t r;

    (void) state;
    limit_plan("rate=100000/m burst=100000 concurrency=64", &plan);
    c = crowd_create(&plan);

    for (round = 0; round < 40; round++) {
        for (i = 0; i < wd_array_len(pid); i++) {
            pid[i] = fork();
            if (pid[i] == 0) {
                for (;;) {
                    crowd_run(c);
                }
            }
        }
        usleep((useconds_t) wd_test_below(8000));
        for (i = 0; i < wd_array_len(pid); i++) {
            kill(pid[i], SIGKILL);
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        }
    }

    for (i = 0; i < 8; i++) {
        /* Those who died between the decision and the count are missing. */
        wd_limit_peek(c->l, &c->keys[i], &plan, &alone, 1, WD_NS_PER_S, WALL,
                      &r);
        assert_true(c->passed[i] + r.remaining[0] <= 100000);
        assert_true(c->passed[i] + r.remaining[0] >= 100000 - 4 * 40);
    }
    wd_limit_reap(c->l);
    for (i = 0; i < 8; i++) {
        wd_limit_peek(c->l, &c->keys[i], &plan, &alone, 1, WD_NS_PER_S, WALL,
                      &r);
        assert_int_equal(r.remaining[WD_PLAN_CONCURRENCY], 64);
    }
    print_message(
        "%llu shards were put in order\n",
        (unsigned long long) atomic_load(&wd_limit_stats(c->l)->repaired));
    wd_plan_done(&plan);
    munmap(c->l, SIZE);
    munmap(c, sizeof(*c));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_any_window),
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_quota_window),
        cmocka_unit_test(test_dear),
        cmocka_unit_test(test_replan),
        cmocka_unit_test(test_dry_run),
        cmocka_unit_test(test_concurrency),
        cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_adopt),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_killed_processes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
