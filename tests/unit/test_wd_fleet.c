/*
 * What workers know together: caps, queues, ejection, the prober's lease;
 * in virtual time, with processes where a worker has to die.
 */
#include "wd_test.h"

#include "wd_err.h"
#include "wd_fleet_int.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MS WD_NS_PER_MS
#define S WD_NS_PER_S

static const wd_breaker_conf_t breaker = {
    .window = 10 * S,
    .open = S,
    .open_max = 8 * S,
    .latency_min = 50 * MS,
    .slow_start = 10 * S,
    .errors = 50,
    .volume = 20,
    .outlier = 5,
    .probes = 3,
};
static const wd_shed_conf_t shed = {.target = 20 * MS, .interval = 100 * MS};


static wd_fleet_t *
fleet_create(void)
{
    void *p = mmap(NULL, wd_fleet_size(), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    assert_null(wd_fleet_at(p, wd_fleet_size() - 1));
    return wd_fleet_at(p, wd_fleet_size());
}


static void
group_init(wd_fleet_group_t *g, wd_fleet_t *f, unsigned n)
{
    char name[32];

    memset(g, 0, sizeof(*g));
    g->fleet = f;
    g->self = wd_fleet_join(f);
    g->service = WD_SVC_ANALYTICS;
    g->breaker = &breaker;
    g->shed = &shed;
    assert_non_null(g->self);

    while (g->n < n) {
        snprintf(name, sizeof(name), "unix:/run/%u.sock", g->n);
        assert_int_equal(wd_fleet_add(g, wd_str_z(name)), WD_OK);
    }
}


static void
test_cap(void **state)
{
    unsigned         i;
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t a, b;

    (void) state;
    group_init(&a, f, 2);
    group_init(&b, f, 2);
    assert_true(a.self != b.self);

    for (i = 0; i < 5; i++) {
        assert_true(wd_fleet_enter(&a, 8));
    }
    for (i = 0; i < 3; i++) {
        assert_true(wd_fleet_enter(&b, 8));
    }
    assert_false(wd_fleet_enter(&a, 8));
    assert_false(wd_fleet_enter(&b, 8));
    assert_int_equal(wd_fleet_in_flight(&a), 8);

    wd_fleet_exit(&a);
    assert_true(wd_fleet_enter(&b, 8));
    assert_false(wd_fleet_enter(&a, 8));

    wd_fleet_leave(f, b.self);
    assert_int_equal(wd_fleet_in_flight(&a), 4);
}


static void
test_load(void **state)
{
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t a, b;

    (void) state;
    group_init(&a, f, 2);
    group_init(&b, f, 2);
    wd_fleet_send(&a, 0);
    wd_fleet_send(&b, 0);
    wd_fleet_send(&b, 1);
    assert_int_equal(wd_fleet_load(&a, 0), 2);
    assert_int_equal(wd_fleet_load(&a, 1), 1);
    wd_fleet_unsend(&b, 0);
    assert_int_equal(wd_fleet_load(&b, 0), 1);
}


/* Threads enter and leave; never more than the cap are inside. */
typedef struct {
    wd_fleet_group_t  g;
    _Atomic uint32_t *inside;
    _Atomic uint32_t *most;
    uint32_t          passed;
} runner_t;

#define CAP 3


static void *
run(void *arg)
{
    unsigned  i;
    uint32_t  n, most;
    runner_t *r = arg;

    for (i = 0; i < 50000; i++) {
        if (!wd_fleet_enter(&r->g, CAP)) {
            continue;
        }
        n = atomic_fetch_add(r->inside, 1) + 1;
        most = atomic_load(r->most);
        while (n > most && !atomic_compare_exchange_weak(r->most, &most, n)) {
            /* void */
        }
        r->passed++;
        atomic_fetch_sub(r->inside, 1);
        wd_fleet_exit(&r->g);
    }
    return NULL;
}


static void
test_cap_threads(void **state)
{
    unsigned         i;
    pthread_t        t[6];
    runner_t         r[6];
    wd_fleet_t      *f = fleet_create();
    _Atomic uint32_t inside = 0, most = 0;

    (void) state;
    for (i = 0; i < wd_array_len(t); i++) {
        memset(&r[i], 0, sizeof(r[i]));
        group_init(&r[i].g, f, 1);
        r[i].inside = &inside;
        r[i].most = &most;
    }
    for (i = 0; i < wd_array_len(t); i++) {
        assert_int_equal(pthread_create(&t[i], NULL, run, &r[i]), 0);
    }
    for (i = 0; i < wd_array_len(t); i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_true(r[i].passed > 0);
    }
    assert_in_range(atomic_load(&most), 1, CAP);
    assert_int_equal(wd_fleet_in_flight(&r[0].g), 0);
}


/* A child joins, fills its share, and is killed. */
static void
killed_child(wd_fleet_t *f, bool lease)
{
    int              fd[2];
    char             c;
    pid_t            pid;
    wd_fleet_group_t g;

    assert_int_equal(pipe(fd), 0);
    pid = fork();
    assert_true(pid >= 0);

    if (pid == 0) {
        group_init(&g, f, 2);
        if (!wd_fleet_enter(&g, 8) || !wd_fleet_enter(&g, 8)
            || !wd_fleet_wait(&g, 8) || (lease && !wd_fleet_lease(&g, S, S))) {
            _exit(1);
        }
        wd_fleet_send(&g, 0);
        wd_fleet_head(&g, WD_CLASS_WRITE, wd_fleet_ticket(&g), 10 * S);
        if (write(fd[1], "x", 1) == 1) {
            pause();
        }
        _exit(1);
    }

    assert_int_equal(read(fd[0], &c, 1), 1);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(fd[0]);
    close(fd[1]);
}


static void
test_killed(void **state)
{
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, f, 2);
    killed_child(f, false);
    assert_int_equal(wd_fleet_in_flight(&g), 2);
    assert_int_equal(wd_fleet_waiting(&g), 1);
    assert_int_equal(wd_fleet_load(&g, 0), 1);

    /* What it wanted first is not waited for, even before anyone notices. */
    assert_false(wd_fleet_first(&g, WD_CLASS_CHEAP, 0, 10 * S + 10 * MS));
    assert_true(wd_fleet_first(&g, WD_CLASS_CHEAP, 0, 10 * S + 60 * MS));

    assert_int_equal(wd_fleet_sweep(f), 1);
    assert_int_equal(wd_fleet_sweep(f), 0);
    assert_int_equal(wd_fleet_in_flight(&g), 0);
    assert_int_equal(wd_fleet_waiting(&g), 0);
    assert_int_equal(wd_fleet_load(&g, 0), 0);
    assert_true(wd_fleet_first(&g, WD_CLASS_CHEAP, 0, 10 * S + 10 * MS));
}


/* Killed in the middle of a change: its locks pass on, breakers are closed. */
static void
test_killed_in_lock(void **state)
{
    pid_t            pid;
    wd_ns_t          now = 100 * S;
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, f, 2);
    wd_fleet_probed(&g, 1, WD_HEALTH_DRAINING, NULL, MS, now);

    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        wd_fleet_lock(f, g.service);
        (void) !wd_shlock_lock(&f->services[g.service].door);
        (void) !wd_shlock_lock(&f->lock);
        memset(&g.rows[0]->breaker, 0xff, sizeof(g.rows[0]->breaker));
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    assert_true(wd_fleet_enter(&g, 1));
    assert_false(wd_fleet_enter(&g, 1));
    assert_int_equal(wd_fleet_fault(&g, 1, now, 0), WD_FLEET_SAME);
    assert_int_equal(wd_fleet_breaker(&g, 0, now), WD_BREAKER_CLOSED);
    assert_int_equal(wd_fleet_weight(&g, 0, now), WD_BREAKER_WEIGHT);
    assert_int_equal(wd_fleet_health(&g, 1), WD_HEALTH_DRAINING);
    assert_int_equal(wd_fleet_add(&g, wd_str_z("another")), WD_OK);
}


/* Also without a sweep: the next worker takes the slot over, empty. */
static void
test_slot_again(void **state)
{
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t g, h;

    (void) state;
    group_init(&g, f, 2);
    killed_child(f, false);
    group_init(&h, f, 2);
    assert_int_equal(wd_fleet_in_flight(&g), 0);
}


static void
test_queue(void **state)
{
    uint64_t         t1, t2, t3;
    wd_ns_t          now = 100 * S;
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t a, b;

    (void) state;
    group_init(&a, f, 1);
    group_init(&b, f, 1);

    assert_true(wd_fleet_wait(&a, 2));
    assert_true(wd_fleet_wait(&b, 2));
    assert_false(wd_fleet_wait(&a, 2));
    assert_false(wd_fleet_wait(&b, 0));
    wd_fleet_unwait(&b);
    assert_true(wd_fleet_wait(&a, 2));

    t1 = wd_fleet_ticket(&a);
    t2 = wd_fleet_ticket(&b);
    t3 = wd_fleet_ticket(&a);
    assert_true(t1 < t2 && t2 < t3);

    wd_fleet_head(&a, WD_CLASS_CHEAP, t1, now);
    wd_fleet_head(&b, WD_CLASS_CHEAP, t2, now);
    assert_true(wd_fleet_first(&a, WD_CLASS_CHEAP, t1, now));
    assert_false(wd_fleet_first(&b, WD_CLASS_CHEAP, t2, now));
    assert_false(wd_fleet_first(&b, WD_CLASS_CHEAP, 0, now)); /* a new one */
    assert_true(wd_fleet_first(&b, WD_CLASS_WRITE, 0, now)); /* goes before */

    wd_fleet_head(&a, WD_CLASS_CHEAP, t3, now);
    assert_true(wd_fleet_first(&b, WD_CLASS_CHEAP, t2, now));
    assert_false(wd_fleet_first(&a, WD_CLASS_CHEAP, t3, now));

    /* A more important one of another worker. */
    wd_fleet_head(&a, WD_CLASS_WRITE, wd_fleet_ticket(&a), now);
    assert_false(wd_fleet_first(&b, WD_CLASS_CHEAP, t2, now));
    wd_fleet_head(&a, WD_CLASS_WRITE, 0, now);
    assert_true(wd_fleet_first(&b, WD_CLASS_CHEAP, t2, now));
}


static void
test_retry_after(void **state)
{
    unsigned         i, t;
    wd_ns_t          now = 100 * S;
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, f, 1);
    assert_int_equal(wd_fleet_retry_after(&g, now), 1);

    /* Ten calls a second, and fifty wait: about six seconds. */
    for (t = 0; t < 50; t++, now += 200 * MS) {
        for (i = 0; i < 2; i++) {
            assert_true(wd_fleet_enter(&g, 100));
            wd_fleet_exit(&g);
        }
        wd_fleet_measure(&g, now);
    }
    assert_int_equal(wd_fleet_retry_after(&g, now), 1);
    for (i = 0; i < 50; i++) {
        assert_true(wd_fleet_wait(&g, 1000));
    }
    assert_in_range(wd_fleet_retry_after(&g, now), 5, 7);

    /* Calls hang: it grows with the time, up to a minute. */
    assert_true(wd_fleet_enter(&g, 100));
    for (t = 0; t < 100; t++, now += 200 * MS) {
        wd_fleet_measure(&g, now);
    }
    assert_in_range(wd_fleet_retry_after(&g, now), 18, 21);
    assert_int_equal(wd_fleet_retry_after(&g, now + 1000 * S), 60);

    /* Idle is no stall. */
    wd_fleet_exit(&g);
    now += 1000 * S;
    wd_fleet_measure(&g, now);
    assert_int_equal(wd_fleet_retry_after(&g, now), 1);
}


static unsigned
fail_all(wd_fleet_group_t *g, unsigned i, wd_ns_t now)
{
    unsigned         n, opened = 0;
    wd_fleet_event_e e;

    for (n = 0; n < 30; n++) {
        e = wd_fleet_fault(g, i, now, 25);
        opened += e == WD_FLEET_OPENED;
    }
    return opened;
}


static void
test_ejection(void **state)
{
    unsigned         n, i, out;
    wd_ns_t          now = 100 * S;
    wd_fleet_t      *f;
    wd_fleet_group_t g, other;

    (void) state;
    for (n = 1; n <= 5; n++) {
        f = fleet_create();
        group_init(&g, f, n);
        group_init(&other, f, n);
        for (i = out = 0; i < n; i++) {
            out += fail_all(&g, i, now);
        }
        assert_int_equal(out, n / 2); /* at most half, never the last */
        for (i = 0; i < n; i++) {
            assert_int_equal(wd_fleet_breaker(&other, i, now),
                             i < n / 2 ? WD_BREAKER_OPEN : WD_BREAKER_CLOSED);
        }
    }
}


/* One whose peers are down, drain or are ill is the last. */
static void
test_last_usable(void **state)
{
    wd_ns_t          now = 100 * S;
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, fleet_create(), 3);
    wd_fleet_down(&g, 0, "connection refused", now);
    wd_fleet_probed(&g, 1, WD_HEALTH_DRAINING, NULL, MS, now);
    assert_false(wd_fleet_throttles(&g, 2, now, 0));
    assert_int_equal(fail_all(&g, 2, now), 0);
    assert_true(wd_fleet_throttles(&g, 2, now, 0));
    assert_false(wd_fleet_throttles(&g, 2, now, 30)); /* the trickle */
    assert_false(wd_fleet_throttles(&g, 2, now + 11 * S, 0));
    assert_false(wd_fleet_throttles(&g, 0, now, 0));
    wd_fleet_probed(&g, 1, WD_HEALTH_DEGRADED, NULL, MS, now);
    assert_int_equal(fail_all(&g, 2, now), 1);
}


static void
test_return(void **state)
{
    unsigned         i;
    wd_ns_t          now = 100 * S;
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, fleet_create(), 2);
    assert_int_equal(fail_all(&g, 0, now), 1);
    assert_int_equal(fail_all(&g, 1, now), 0);

    /* What was under way when it opened changes nothing. */
    assert_int_equal(wd_fleet_ok(&g, 0, MS, now + 10 * MS, 0), WD_FLEET_SAME);
    assert_int_equal(wd_fleet_fault(&g, 0, now + 10 * MS, 0), WD_FLEET_SAME);

    now += S;
    for (i = 0; i < 3; i++) {
        assert_true(wd_fleet_try(&g, 0, now));
    }
    assert_false(wd_fleet_try(&g, 0, now));
    wd_fleet_forget(&g, 0);
    assert_true(wd_fleet_try(&g, 0, now));
    assert_int_equal(wd_fleet_ok(&g, 0, MS, now, 0), WD_FLEET_SAME);
    assert_int_equal(wd_fleet_ok(&g, 0, MS, now, 0), WD_FLEET_SAME);
    assert_int_equal(wd_fleet_ok(&g, 0, MS, now, 0), WD_FLEET_CLOSED);
    assert_int_equal(wd_fleet_weight(&g, 0, now), WD_BREAKER_WEIGHT_MIN);
    assert_int_equal(wd_fleet_weight(&g, 0, now + 10 * S), WD_BREAKER_WEIGHT);

    /* Now the other one may go. */
    assert_int_equal(fail_all(&g, 1, now), 1);
}


static void
test_latency_outlier(void **state)
{
    unsigned         i, opened = 0;
    wd_ns_t          now = 100 * S;
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, fleet_create(), 3);
    for (i = 0; i < 40; i++, now += 50 * MS) {
        (void) wd_fleet_ok(&g, 0, 20 * MS, now, 25);
        (void) wd_fleet_ok(&g, 1, 25 * MS, now, 25);
        opened += wd_fleet_ok(&g, 2, 400 * MS, now, 25) == WD_FLEET_OPENED;
    }
    assert_int_equal(opened, 1);
    assert_int_equal(wd_fleet_breaker(&g, 0, now), WD_BREAKER_CLOSED);
    assert_int_equal(wd_fleet_breaker(&g, 1, now), WD_BREAKER_CLOSED);
    assert_int_not_equal(wd_fleet_breaker(&g, 2, now), WD_BREAKER_CLOSED);

    /* All are slow: nobody stands out. */
    group_init(&g, fleet_create(), 3);
    for (i = 0; i < 200; i++, now += 50 * MS) {
        assert_int_equal(wd_fleet_ok(&g, i % 3, 400 * MS, now, 25),
                         WD_FLEET_SAME);
    }
}


static void
test_outage(void **state)
{
    wd_ns_t          now = 100 * S;
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, fleet_create(), 2);

    /* Never reached before: nothing to warm up. */
    wd_fleet_down(&g, 0, "socket missing", now);
    assert_int_equal(wd_fleet_health(&g, 0), WD_HEALTH_UNHEALTHY);
    assert_false(wd_fleet_up_since(&g, 0, 0));
    wd_fleet_up(&g, 0, now + S);
    assert_int_equal(wd_fleet_weight(&g, 0, now + S), WD_BREAKER_WEIGHT);
    assert_int_equal(wd_fleet_health(&g, 0), WD_HEALTH_UNKNOWN);
    assert_true(wd_fleet_up_since(&g, 0, now));
    assert_false(wd_fleet_up_since(&g, 0, now + S));

    wd_fleet_down(&g, 0, "connection refused", now + 2 * S);
    wd_fleet_up(&g, 0, now + 3 * S);
    assert_int_equal(wd_fleet_weight(&g, 0, now + 3 * S),
                     WD_BREAKER_WEIGHT_MIN);

    /* Another connection of another worker does not begin it anew. */
    wd_fleet_up(&g, 0, now + 8 * S);
    assert_in_range(wd_fleet_weight(&g, 0, now + 8 * S), 140, 142);
}


static void
test_probes(void **state)
{
    wd_ns_t          now = 100 * S;
    wd_fleet_state_t st;
    wd_fleet_group_t g, other;
    wd_fleet_t      *f = fleet_create();

    (void) state;
    group_init(&g, f, 2);
    group_init(&other, f, 2);

    wd_fleet_probed(&g, 0, WD_HEALTH_HEALTHY, NULL, 3 * MS, 12345);
    wd_fleet_read(&other, 0, now, &st);
    assert_int_equal(st.health, WD_HEALTH_HEALTHY);
    assert_int_equal(st.latency_us, 3000);
    assert_int_equal(st.last_ok, 12345);
    assert_string_equal(st.last_error, "");

    /* One may be missed. */
    wd_fleet_probed(&g, 0, WD_HEALTH_UNHEALTHY, "no answer in time", 0, 0);
    wd_fleet_read(&other, 0, now, &st);
    assert_int_equal(st.health, WD_HEALTH_HEALTHY);
    assert_string_equal(st.last_error, "no answer in time");
    wd_fleet_probed(&g, 0, WD_HEALTH_UNHEALTHY, "no answer in time", 0, 0);
    wd_fleet_read(&other, 0, now, &st);
    assert_int_equal(st.health, WD_HEALTH_UNHEALTHY);
    assert_int_equal(st.last_ok, 12345);

    wd_fleet_probed(&g, 0, WD_HEALTH_DRAINING, NULL, MS, 23456);
    assert_int_equal(wd_fleet_health(&other, 0), WD_HEALTH_DRAINING);
    wd_fleet_goes(&g, 1);
    assert_int_equal(wd_fleet_health(&other, 1), WD_HEALTH_DRAINING);
}


static void
test_lease(void **state)
{
    wd_ns_t          now = 100 * S;
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t a, b;

    (void) state;
    group_init(&a, f, 1);
    group_init(&b, f, 1);

    assert_true(wd_fleet_lease(&a, S, now));
    assert_false(wd_fleet_lease(&b, S, now + 999 * MS));
    assert_true(wd_fleet_lease(&a, S, now + 999 * MS));
    assert_false(wd_fleet_lease(&b, S, now + 1998 * MS));
    assert_true(wd_fleet_lease(&b, S, now + 1999 * MS)); /* it was late */
    assert_false(wd_fleet_lease(&a, S, now + 2000 * MS));

    wd_fleet_release(&a); /* not its own */
    assert_false(wd_fleet_lease(&a, S, now + 2000 * MS));
    wd_fleet_release(&b);
    assert_true(wd_fleet_lease(&a, S, now + 2000 * MS));

    assert_true(wd_fleet_round(&a, S, now));
    assert_false(wd_fleet_round(&a, S, now + 500 * MS));
    assert_true(wd_fleet_round(&a, S, now + S));
}


static void
test_lease_of_the_dead(void **state)
{
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t g;

    (void) state;
    group_init(&g, f, 2);
    killed_child(f, true);
    assert_true(wd_fleet_lease(&g, S, S + MS));
}


static void
test_knock(void **state)
{
    wd_ns_t          now = 100 * S;
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t a, b;

    (void) state;
    group_init(&a, f, 1);
    group_init(&b, f, 1);
    assert_true(wd_fleet_knock(&a, 250 * MS, now));
    assert_false(wd_fleet_knock(&b, 250 * MS, now + 249 * MS));
    assert_true(wd_fleet_knock(&b, 250 * MS, now + 250 * MS));
}


/* Found by name after a change; rows of nobody are given again. */
static void
test_rows(void **state)
{
    char             name[200];
    unsigned         i, round;
    wd_ns_t          now = 100 * S;
    wd_fleet_t      *f = fleet_create();
    wd_fleet_group_t g, h;

    (void) state;
    group_init(&g, f, 2);
    assert_int_equal(fail_all(&g, 0, now), 1);
    wd_fleet_leave(f, g.self);

    /* The same two in another order, and a new one. */
    group_init(&h, f, 0);
    assert_int_equal(wd_fleet_add(&h, wd_str_z("unix:/new")), WD_OK);
    assert_int_equal(wd_fleet_add(&h, wd_str_z("unix:/run/1.sock")), WD_OK);
    assert_int_equal(wd_fleet_add(&h, wd_str_z("unix:/run/0.sock")), WD_OK);
    assert_int_equal(wd_fleet_breaker(&h, 0, now), WD_BREAKER_CLOSED);
    assert_int_equal(wd_fleet_breaker(&h, 1, now), WD_BREAKER_CLOSED);
    assert_int_equal(wd_fleet_breaker(&h, 2, now), WD_BREAKER_OPEN);

    /* The same name is another endpoint in another service. */
    memset(&g, 0, sizeof(g));
    g.fleet = f;
    g.self = h.self;
    g.service = WD_SVC_AUTH;
    g.breaker = &breaker;
    g.shed = &shed;
    assert_int_equal(wd_fleet_add(&g, wd_str_z("unix:/run/0.sock")), WD_OK);
    assert_int_equal(wd_fleet_breaker(&g, 0, now), WD_BREAKER_CLOSED);

    /* Many reloads, each with other names. */
    for (round = 0; round < 50; round++) {
        group_init(&g, f, 0);
        for (i = 0; i < WD_FLEET_ENDPOINTS; i++) {
            snprintf(name, sizeof(name), "unix:/round%u/%u", round, i);
            assert_int_equal(wd_fleet_add(&g, wd_str_z(name)), WD_OK);
        }
        assert_int_equal(wd_fleet_add(&g, wd_str_z("more")), WD_ETOOBIG);
        wd_fleet_leave(f, g.self);
    }
    assert_int_equal(wd_fleet_breaker(&h, 2, now), WD_BREAKER_OPEN);

    /* All rows in use. */
    for (round = 0; round < 4; round++) {
        group_init(&g, f, 0);
        for (i = 0; i < WD_FLEET_ENDPOINTS - 4 * (round == 3); i++) {
            snprintf(name, sizeof(name), "unix:/used%u/%u", round, i);
            assert_int_equal(wd_fleet_add(&g, wd_str_z(name)), WD_OK);
        }
    }
    assert_int_equal(wd_fleet_add(&g, wd_str_z("unix:/no-room")), WD_EOVERFLOW);

    memset(name, 'n', sizeof(name));
    group_init(&g, f, 0);
    assert_int_equal(wd_fleet_add(&g, wd_str(name, WD_FLEET_NAME_MAX + 1)),
                     WD_ETOOBIG);
}


static void
test_workers_full(void **state)
{
    unsigned           i;
    wd_fleet_t        *f = fleet_create();
    wd_fleet_worker_t *last = NULL;

    (void) state;
    for (i = 0; i < WD_FLEET_WORKERS; i++) {
        last = wd_fleet_join(f);
        assert_non_null(last);
    }
    assert_null(wd_fleet_join(f));
    wd_fleet_leave(f, last);
    assert_true(wd_fleet_join(f) == last);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cap),
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_cap_threads),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_killed_in_lock),
        cmocka_unit_test(test_slot_again),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_ejection),
        cmocka_unit_test(test_last_usable),
        cmocka_unit_test(test_return),
        cmocka_unit_test(test_latency_outlier),
        cmocka_unit_test(test_outage),
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_lease_of_the_dead),
        cmocka_unit_test(test_knock),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_workers_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
