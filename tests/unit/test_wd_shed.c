/*
 * Classes of work, the watch over the queue, the retry budget.
 */
#include "wd_test.h"

#include "wd_shed.h"

#define MS WD_NS_PER_MS

static const wd_shed_conf_t conf = {.target = 20 * MS, .interval = 100 * MS};


static wd_class_e
class_of(const char *name)
{
    const wd_method_t *m = wd_method_by_name(wd_str_z(name));

    assert_non_null(m);
    return wd_class_of(m);
}


static void
test_classes(void **state)
{
    (void) state;
    assert_int_equal(class_of("sys.health"), WD_CLASS_CRITICAL);
    assert_int_equal(class_of("sys.metrics"), WD_CLASS_CRITICAL);
    assert_int_equal(class_of("auth.verify"), WD_CLASS_CRITICAL);
    assert_int_equal(class_of("ingest.run"), WD_CLASS_WRITE);
    assert_int_equal(class_of("keys.create"), WD_CLASS_WRITE);
    assert_int_equal(class_of("keys.revoke"), WD_CLASS_WRITE);
    assert_int_equal(class_of("indicators.compute"), WD_CLASS_HEAVY);
    assert_int_equal(class_of("bars.query"), WD_CLASS_CHEAP);
    assert_int_equal(class_of("users.list"), WD_CLASS_CHEAP);
}


static void
test_limits(void **state)
{
    (void) state;
    assert_int_equal(wd_shed_limit(100, 20, WD_CLASS_CRITICAL), 100);
    assert_int_equal(wd_shed_limit(100, 20, WD_CLASS_WRITE), 95);
    assert_int_equal(wd_shed_limit(100, 20, WD_CLASS_HEAVY), 80);
    assert_int_equal(wd_shed_limit(100, 20, WD_CLASS_CHEAP), 80);
    assert_int_equal(wd_shed_limit(4, 20, WD_CLASS_CHEAP), 4);
    assert_int_equal(wd_shed_limit(1, 50, WD_CLASS_CHEAP), 1);
    assert_int_equal(wd_shed_limit(65535, 0, WD_CLASS_CHEAP), 65535);
    assert_int_equal(wd_shed_limit(65535, 50, WD_CLASS_CHEAP), 32768);
}


static void
test_order(void **state)
{
    unsigned level;

    (void) state;
    for (level = 0; level <= 3; level++) {
        assert_false(wd_shed_refuses(level, WD_CLASS_CRITICAL));
        assert_int_equal(wd_shed_refuses(level, WD_CLASS_WRITE), level >= 3);
        assert_int_equal(wd_shed_refuses(level, WD_CLASS_HEAVY), level >= 2);
        assert_int_equal(wd_shed_refuses(level, WD_CLASS_CHEAP), level >= 1);
    }
}


/* A queue that empties now and then is no overload, however long it gets. */
static void
test_bursts(void **state)
{
    wd_ns_t   t;
    wd_shed_t s = {0};

    (void) state;
    for (t = 1000 * MS; t < 5000 * MS; t += 10 * MS) {
        wd_shed_waited(&s, &conf, t % (100 * MS) == 0 ? 0 : 200 * MS, t);
        assert_int_equal(wd_shed_level(&s, &conf, t), 0);
    }
}


static void
test_standing_queue(void **state)
{
    wd_ns_t   t = 1000 * MS;
    unsigned  i, level = 0;
    wd_shed_t s = {0};

    (void) state;
    for (i = 0; i < 60; i++, t += 10 * MS) {
        wd_shed_waited(&s, &conf, 21 * MS, t);
        assert_true(wd_shed_level(&s, &conf, t) >= level);
        assert_true(wd_shed_level(&s, &conf, t) <= level + 1);
        level = wd_shed_level(&s, &conf, t);
    }
    assert_int_equal(level, 3);

    /* One short wait in each interval: a class comes back each time. */
    for (i = 0; i < 60; i++, t += 10 * MS) {
        wd_shed_waited(&s, &conf, i % 10 == 5 ? MS : 30 * MS, t);
    }
    assert_int_equal(wd_shed_level(&s, &conf, t), 0);
}


/* Nothing waits any more: forgotten by time alone. */
static void
test_silence(void **state)
{
    wd_ns_t   t = 1000 * MS;
    unsigned  i;
    wd_shed_t s = {0};

    (void) state;
    for (i = 0; i < 50; i++, t += 10 * MS) {
        wd_shed_waited(&s, &conf, 50 * MS, t);
    }
    assert_int_equal(wd_shed_level(&s, &conf, t), 3);
    assert_int_equal(wd_shed_level(&s, &conf, t + 10000 * MS), 0);

    wd_shed_waited(&s, &conf, 0, t + 10000 * MS);
    assert_int_equal(wd_shed_level(&s, &conf, t + 10000 * MS), 0);
}


static void
test_budget(void **state)
{
    unsigned    i, n = 0;
    wd_budget_t b = {0};

    (void) state;

    /* The stock at the start. */
    while (wd_budget_take(&b, 20)) {
        n++;
    }
    assert_int_equal(n, WD_BUDGET_STOCK);

    /* One in five from then on. */
    for (i = n = 0; i < 1000; i++) {
        wd_budget_call(&b, 20);
        n += wd_budget_take(&b, 20);
    }
    assert_int_equal(n, 200);

    /* No more is saved up than the stock. */
    for (i = 0; i < 100000; i++) {
        wd_budget_call(&b, 20);
    }
    for (n = 0; wd_budget_take(&b, 20); n++) {
        /* void */
    }
    assert_int_equal(n, WD_BUDGET_STOCK);

    b.hundredths = 0;
    assert_false(wd_budget_take(&b, 0));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_order),          cmocka_unit_test(test_bursts),
        cmocka_unit_test(test_standing_queue), cmocka_unit_test(test_silence),
        cmocka_unit_test(test_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
