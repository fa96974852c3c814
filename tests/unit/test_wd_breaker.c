/*
 * The circuit breaker in virtual time.
 */
#include "wd_test.h"

#include "wd_breaker.h"
#include "wd_err.h"

#define MS WD_NS_PER_MS
#define S WD_NS_PER_S

static const wd_breaker_conf_t conf = {
    .window = 10 * S,
    .open = S,
    .open_max = 8 * S,
    .latency = 0,
    .latency_min = 50 * MS,
    .slow_start = 10 * S,
    .errors = 50,
    .volume = 20,
    .outlier = 5,
    .probes = 3,
};


static void
calls(wd_breaker_t *b, unsigned good, unsigned bad, wd_ns_t now)
{
    while (good-- != 0) {
        (void) wd_breaker_ok(b, &conf, MS, now);
    }
    while (bad-- != 0) {
        (void) wd_breaker_fault(b, &conf, now, 0);
    }
}


static void
test_codes(void **state)
{
    (void) state;
    assert_true(wd_breaker_fault_code(WD_EINTERNAL));
    assert_true(wd_breaker_fault_code(WD_EUNAVAIL));
    assert_true(wd_breaker_fault_code(WD_ENOMEM));
    assert_true(wd_breaker_fault_code(WD_EPROTO));
    assert_true(wd_breaker_fault_code(WD_ETIMEOUT));
    assert_true(wd_breaker_fault_code(WD_EDB));
    assert_false(wd_breaker_fault_code(WD_OK));
    assert_false(wd_breaker_fault_code(WD_EPARAM));
    assert_false(wd_breaker_fault_code(WD_ENOTFOUND));
    assert_false(wd_breaker_fault_code(WD_ELIMIT));
    assert_false(wd_breaker_fault_code(WD_EAGAIN));
    assert_false(wd_breaker_fault_code(WD_EPROVIDER));
    assert_false(wd_breaker_fault_code(WD_ECANCELED));
}


static void
test_volume(void **state)
{
    wd_breaker_t b = {0};

    (void) state;
    calls(&b, 0, 19, 100 * S);
    assert_false(wd_breaker_bad(&b, &conf, 100 * S));
    calls(&b, 0, 1, 100 * S);
    assert_true(wd_breaker_bad(&b, &conf, 100 * S));

    /* One good call more than half. */
    calls(&b, 21, 0, 101 * S);
    assert_false(wd_breaker_bad(&b, &conf, 101 * S));
}


static void
test_window(void **state)
{
    wd_ns_t      t;
    uint32_t     n, bad;
    wd_breaker_t b = {0};

    (void) state;
    calls(&b, 0, 30, 100 * S);
    for (t = 100 * S; t < 110 * S; t += S / 2) {
        wd_breaker_window(&b, &conf, t, &n, &bad);
        assert_int_equal(n, 30);
        assert_int_equal(bad, 30);
    }
    wd_breaker_window(&b, &conf, 110 * S, &n, &bad);
    assert_int_equal(n, 0);

    /* Old pieces go one by one, also when nothing came for a while. */
    calls(&b, 5, 0, 200 * S);
    calls(&b, 5, 0, 205 * S);
    wd_breaker_window(&b, &conf, 209 * S, &n, &bad);
    assert_int_equal(n, 10);
    wd_breaker_window(&b, &conf, 212 * S, &n, &bad);
    assert_int_equal(n, 5);
    calls(&b, 1, 1, 214 * S);
    wd_breaker_window(&b, &conf, 214 * S, &n, &bad);
    assert_int_equal(n, 7);
    assert_int_equal(bad, 1);
    wd_breaker_window(&b, &conf, 400 * S, &n, &bad);
    assert_int_equal(n, 0);
}


static void
test_open_and_back(void **state)
{
    wd_breaker_t b = {0};

    (void) state;
    wd_breaker_open(&b, &conf, 0, 100 * S, 25);
    assert_int_equal(wd_breaker_state(&b, 100 * S), WD_BREAKER_OPEN);
    assert_false(wd_breaker_try(&b, &conf, 100 * S + 999 * MS));
    assert_int_equal(wd_breaker_state(&b, 101 * S), WD_BREAKER_HALF_OPEN);

    /* Three at a time. */
    assert_true(wd_breaker_try(&b, &conf, 101 * S));
    assert_true(wd_breaker_try(&b, &conf, 101 * S));
    assert_true(wd_breaker_try(&b, &conf, 101 * S));
    assert_false(wd_breaker_try(&b, &conf, 101 * S));

    /* One without outcome makes room for another. */
    wd_breaker_forget(&b);
    assert_true(wd_breaker_try(&b, &conf, 101 * S));

    assert_false(wd_breaker_ok(&b, &conf, MS, 101 * S));
    assert_false(wd_breaker_ok(&b, &conf, MS, 101 * S));
    assert_true(wd_breaker_ok(&b, &conf, MS, 101 * S));
    assert_int_equal(wd_breaker_state(&b, 101 * S), WD_BREAKER_CLOSED);
}


static void
test_lost_probes(void **state)
{
    unsigned     i;
    wd_breaker_t b = {0};

    (void) state;
    wd_breaker_open(&b, &conf, 0, 100 * S, 25);
    for (i = 0; i < conf.probes; i++) {
        assert_true(wd_breaker_try(&b, &conf, 101 * S));
    }
    assert_false(wd_breaker_try(&b, &conf, 110 * S));
    assert_true(wd_breaker_try(&b, &conf, 111 * S + 1));
}


/* 1, 2, 4, 8, 8 seconds, each with a quarter of jitter. */
static void
test_backing_off(void **state)
{
    size_t               i;
    wd_ns_t              now = 100 * S;
    wd_breaker_t         b = {0};
    static const wd_ns_t want[] = {S, 2 * S, 4 * S, 8 * S, 8 * S};

    (void) state;
    wd_breaker_open(&b, &conf, 0, now, 25);
    for (i = 0; i < wd_array_len(want); i++) {
        assert_int_equal(b.until - now, want[i]);
        now = b.until;
        assert_true(wd_breaker_try(&b, &conf, now));
        assert_true(wd_breaker_fault(&b, &conf, now, 25));
        assert_int_equal(wd_breaker_state(&b, now), WD_BREAKER_OPEN);
    }

    /* Long closed: the first one again, at both ends of the jitter. */
    for (i = 0; i < 3; i++) {
        now = b.until;
        while (atomic_load(&b.state) != WD_BREAKER_CLOSED) {
            assert_true(wd_breaker_try(&b, &conf, now));
            (void) wd_breaker_ok(&b, &conf, MS, now);
        }
        now += 60 * S;
        wd_breaker_open(&b, &conf, 0, now, i == 0 ? 0 : 50);
        assert_int_equal(b.until - now, i == 0 ? 750 * MS : 1250 * MS);
    }

    /* Soon again: longer. */
    now = b.until;
    while (atomic_load(&b.state) != WD_BREAKER_CLOSED) {
        assert_true(wd_breaker_try(&b, &conf, now));
        (void) wd_breaker_ok(&b, &conf, MS, now);
    }
    wd_breaker_open(&b, &conf, 0, now + S, 25);
    assert_int_equal(b.until - now, 3 * S);
}


static void
test_slow_start(void **state)
{
    unsigned     w, last = 0;
    wd_ns_t      t;
    wd_breaker_t b = {0};

    (void) state;
    assert_int_equal(wd_breaker_weight(&b, &conf, 5 * S), WD_BREAKER_WEIGHT);

    wd_breaker_return(&b, 100 * S);
    assert_int_equal(wd_breaker_weight(&b, &conf, 100 * S),
                     WD_BREAKER_WEIGHT_MIN);
    for (t = 100 * S; t < 110 * S; t += S) {
        w = wd_breaker_weight(&b, &conf, t);
        assert_true(w > last);
        last = w;
    }
    assert_in_range(wd_breaker_weight(&b, &conf, 105 * S), 140, 142);
    assert_int_equal(wd_breaker_weight(&b, &conf, 110 * S), WD_BREAKER_WEIGHT);
}


static void
test_latency(void **state)
{
    unsigned          i;
    wd_breaker_t      b = {0};
    wd_breaker_conf_t c = conf;

    (void) state;

    /* One in ten is slow: the estimate is near the slow ones. */
    for (i = 0; i < 1000; i++) {
        (void) wd_breaker_ok(&b, &c, i % 10 == 0 ? 500 * MS : 10 * MS, 100 * S);
    }
    assert_in_range(b.slow, 250 * MS, 500 * MS);

    /* Too much for a tenth of the window, without a break. */
    assert_false(wd_breaker_slow(&b, &c, 20 * MS, 100 * S));
    assert_false(wd_breaker_slow(&b, &c, 20 * MS, 101 * S - 1));
    assert_true(wd_breaker_slow(&b, &c, 20 * MS, 101 * S));
    assert_false(wd_breaker_slow(&b, &c, 200 * MS, 102 * S));
    assert_false(wd_breaker_slow(&b, &c, 20 * MS, 103 * S));
    assert_true(wd_breaker_slow(&b, &c, 20 * MS, 104 * S));

    assert_false(wd_breaker_slow(&b, &c, 0, 104 * S)); /* none to compare */
    assert_false(wd_breaker_slow(&b, &c, 20 * MS, 200 * S));
    assert_false(wd_breaker_slow(&b, &c, 20 * MS, 202 * S)); /* no volume */

    b.slow_since = 0;
    c.latency = 200 * MS;
    assert_false(wd_breaker_slow(&b, &c, 0, 100 * S));
    assert_true(wd_breaker_slow(&b, &c, 0, 101 * S));
    c.latency = 600 * MS;
    assert_false(wd_breaker_slow(&b, &c, 0, 102 * S));
    c.latency_min = 600 * MS;
    assert_false(wd_breaker_slow(&b, &c, 1, 103 * S));
    assert_false(wd_breaker_slow(&b, &c, 1, 105 * S));
}


/* One that was ejected for its latency does not come back as slow as before. */
static void
test_slow_probe(void **state)
{
    wd_breaker_t b = {0};

    (void) state;
    wd_breaker_open(&b, &conf, 100 * MS, 100 * S, 25);
    assert_true(wd_breaker_try(&b, &conf, 101 * S));
    assert_true(wd_breaker_ok(&b, &conf, 101 * MS, 101 * S));
    assert_int_equal(wd_breaker_state(&b, 101 * S), WD_BREAKER_OPEN);
    assert_true(wd_breaker_try(&b, &conf, b.until));
    assert_false(wd_breaker_ok(&b, &conf, 99 * MS, b.until));
}


/* What is sent is twice what is answered well, and never nothing. */
static void
test_throttle(void **state)
{
    unsigned     i, sent;
    wd_breaker_t b = {0};

    (void) state;
    calls(&b, 50, 50, 100 * S);
    for (i = 0; i < 1000; i++) {
        assert_false(wd_breaker_throttles(&b, &conf, 100 * S, i));
    }

    calls(&b, 0, 300, 100 * S); /* 50 of 400: three quarters are refused */
    for (i = sent = 0; i < 401 * 10; i++) {
        sent += !wd_breaker_throttles(&b, &conf, 100 * S, i);
    }
    assert_int_equal(sent, 101 * 10);

    memset(&b, 0, sizeof(b));
    calls(&b, 0, 99, 100 * S);
    for (i = sent = 0; i < 100 * 10; i++) {
        sent += !wd_breaker_throttles(&b, &conf, 100 * S, i);
    }
    assert_int_equal(sent, 10);
    assert_false(wd_breaker_throttles(&b, &conf, 120 * S, 0));
}


static void
test_off(void **state)
{
    wd_breaker_t      b = {0};
    wd_breaker_conf_t c = conf;

    (void) state;
    c.errors = 0;
    c.outlier = 0;
    calls(&b, 0, 1000, 100 * S);
    assert_false(wd_breaker_bad(&b, &c, 100 * S));
    b.slow = 100 * S;
    assert_false(wd_breaker_slow(&b, &c, MS, 100 * S));
    assert_false(wd_breaker_slow(&b, &c, MS, 102 * S));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_volume),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_open_and_back),
        cmocka_unit_test(test_lost_probes),
        cmocka_unit_test(test_backing_off),
        cmocka_unit_test(test_slow_start),
        cmocka_unit_test(test_latency),
        cmocka_unit_test(test_slow_probe),
        cmocka_unit_test(test_off),
        cmocka_unit_test(test_throttle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
