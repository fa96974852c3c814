/*
 * test_ingestion_schedule.c - when collections run.
 */
#include "wd_test.h"

#include "ingestion_schedule.h"


static wd_ns_t
at(const char *text)
{
    wd_ns_t t = 0;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


static const char *
text_of(wd_ns_t t)
{
    static char out[2][WD_TIME_TEXT_MAX];
    static int  i;

    i = !i;
    wd_time_format(t, out[i]);
    return out[i];
}


static const char *
last(const ingestion_schedule_t *s, const char *t)
{
    return text_of(ingestion_schedule_last(s, at(t)));
}


static const char *
next(const ingestion_schedule_t *s, const char *t)
{
    return text_of(ingestion_schedule_next(s, at(t)));
}


static void
test_minutes(void **state)
{
    ingestion_schedule_t s = {900, 0, INGESTION_WEEK, NULL};

    (void) state;
    assert_string_equal(last(&s, "2024-03-10T12:14:59Z"),
                        "2024-03-10T12:00:00Z");
    assert_string_equal(last(&s, "2024-03-10T12:15:00Z"),
                        "2024-03-10T12:15:00Z");
    assert_string_equal(next(&s, "2024-03-10T12:15:00Z"),
                        "2024-03-10T12:30:00Z");
    assert_string_equal(next(&s, "2024-03-10T23:45:00Z"),
                        "2024-03-11T00:00:00Z");
    assert_string_equal(last(&s, "2024-03-11T00:00:00Z"),
                        "2024-03-11T00:00:00Z");

    s.every_s = 7 * 3600; /* begins anew each day */
    assert_string_equal(last(&s, "2024-03-10T23:00:00Z"),
                        "2024-03-10T21:00:00Z");
    assert_string_equal(next(&s, "2024-03-10T21:00:00Z"),
                        "2024-03-11T00:00:00Z");

    s.every_s = 4 * 3600; /* from half past six to midnight */
    s.at_s = 6 * 3600 + 1800;
    assert_string_equal(next(&s, "2024-03-10T01:00:00Z"),
                        "2024-03-10T06:30:00Z");
    assert_string_equal(last(&s, "2024-03-10T06:29:00Z"),
                        "2024-03-09T22:30:00Z");
    assert_string_equal(next(&s, "2024-03-10T22:30:00Z"),
                        "2024-03-11T06:30:00Z");
    assert_true(ingestion_schedule_per_day(&s) == 5);
}


static void
test_days(void **state)
{
    ingestion_schedule_t s = {86400, 22 * 3600, 0x1f, NULL}; /* mon-fri */

    (void) state;
    /* 2024-03-08 was a Friday. */
    assert_string_equal(last(&s, "2024-03-10T23:00:00Z"),
                        "2024-03-08T22:00:00Z");
    assert_string_equal(next(&s, "2024-03-08T22:00:00Z"),
                        "2024-03-11T22:00:00Z");
    assert_string_equal(next(&s, "2024-03-07T23:00:00Z"),
                        "2024-03-08T22:00:00Z");
    assert_true(ingestion_schedule_per_day(&s) > 0.71
                && ingestion_schedule_per_day(&s) < 0.72);

    s.weekdays = 1u << 6; /* Sundays */
    assert_string_equal(last(&s, "2024-03-10T21:59:59Z"),
                        "2024-03-03T22:00:00Z");
    assert_string_equal(next(&s, "2024-03-03T22:00:00Z"),
                        "2024-03-10T22:00:00Z");

    s.weekdays = INGESTION_WEEK;
    s.every_s = 366 * 86400;
    assert_true(ingestion_schedule_next(&s, at("2024-03-03T22:00:00Z"))
                    - ingestion_schedule_last(&s, at("2024-03-03T22:00:00Z"))
                == 366 * WD_NS_PER_DAY);
}


/* The hours stay where they are when the clock is changed. */
static void
test_zone(void **state)
{
    wd_tz_t             *zone;
    ingestion_schedule_t s = {86400, 18 * 3600, INGESTION_WEEK, NULL};

    (void) state;
    assert_ok(wd_tz_load("America/New_York", &zone));
    s.zone = zone;
    assert_string_equal(last(&s, "2024-03-10T00:00:00Z"),
                        "2024-03-09T23:00:00Z");
    assert_string_equal(next(&s, "2024-03-09T23:00:00Z"),
                        "2024-03-10T22:00:00Z");
    assert_string_equal(next(&s, "2024-11-02T22:00:00Z"),
                        "2024-11-03T23:00:00Z");
    assert_int_equal(ingestion_schedule_zone_s(&s, at("2024-07-01")), -14400);

    s.at_s = 0; /* the day of 25 hours has one run, too */
    assert_string_equal(next(&s, "2024-11-03T04:00:00Z"),
                        "2024-11-04T05:00:00Z");
    assert_string_equal(last(&s, "2024-11-04T04:59:00Z"),
                        "2024-11-03T04:00:00Z");

    s.every_s = 3600; /* and hourly, 25 */
    assert_string_equal(next(&s, "2024-11-03T05:30:00Z"),
                        "2024-11-03T06:00:00Z");
    assert_string_equal(next(&s, "2024-11-03T06:30:00Z"),
                        "2024-11-03T07:00:00Z");
    assert_string_equal(next(&s, "2024-03-10T06:30:00Z"),
                        "2024-03-10T07:00:00Z");
    wd_tz_destroy(zone);
}


static void
test_runs(void **state)
{
    ingestion_schedule_t s = {86400, 23 * 3600, 0x1f, NULL};
    const wd_ns_t        friday = at("2024-03-08T00:00:00Z");

    (void) state;
    assert_int_equal(
        ingestion_schedule_runs(&s, friday, at("2024-03-08T22:59:59Z")), 0);
    assert_int_equal(
        ingestion_schedule_runs(&s, friday, at("2024-03-08T23:00:00Z")), 1);
    assert_int_equal(ingestion_schedule_runs(&s, at("2024-03-08T23:00:00Z"),
                                             at("2024-03-11T22:59:00Z")),
                     0);

    s = (ingestion_schedule_t){3600, 1800, INGESTION_WEEK, NULL};
    assert_int_equal(
        ingestion_schedule_runs(&s, friday - 1, friday + WD_NS_PER_DAY - 1),
        24);
    assert_int_equal(ingestion_schedule_runs(&s, friday, friday), 0);
}


/* As many as next() goes through. */
static void
assert_runs(const ingestion_schedule_t *s, wd_ns_t from, wd_ns_t to)
{
    wd_ns_t t;
    int64_t n = 0;

    for (t = ingestion_schedule_next(s, from); t <= to;
         t = ingestion_schedule_next(s, t)) {
        n++;
    }
    assert_int_equal(ingestion_schedule_runs(s, from, to), n);
}


/* last and next agree with each other, and with the clock. */
static void
test_agree(void **state)
{
    int                  i;
    wd_ns_t              t, a, b;
    wd_tz_t             *zones[3] = {NULL, NULL, NULL};
    ingestion_schedule_t s;

    (void) state;
    assert_ok(wd_tz_load("Europe/Paris", &zones[1]));
    assert_ok(wd_tz_load("Australia/Lord_Howe", &zones[2]));
    for (i = 0; i < 50000; i++) {
        s = (ingestion_schedule_t){
            wd_test_below(2) ? (int64_t) (60 + wd_test_below(86341))
                             : (int64_t) (1 + wd_test_below(30)) * 86400,
            (int) wd_test_below(86400), INGESTION_WEEK,
            zones[wd_test_below(3)]};
        if (s.every_s <= 86400) {
            s.weekdays = 1 + (unsigned) wd_test_below(INGESTION_WEEK);
        }
        t = (wd_ns_t) wd_test_below(20000) * WD_NS_PER_DAY
            + (wd_ns_t) wd_test_below(WD_NS_PER_DAY) + 1000 * WD_NS_PER_DAY;
        a = ingestion_schedule_last(&s, t);
        b = ingestion_schedule_next(&s, t);
        assert_true(a <= t && b > t && a != WD_NS_MIN && b != WD_NS_MAX);
        assert_true(ingestion_schedule_last(&s, b) == b);
        assert_true(ingestion_schedule_next(&s, a) == b);
        assert_true(ingestion_schedule_last(&s, b - 1) == a);
        assert_true(b - a <= 31 * WD_NS_PER_DAY);
        if (i % 16 == 0) {
            assert_runs(&s, t, t + (wd_ns_t) wd_test_below(2 * WD_NS_PER_DAY));
        }
    }
    wd_tz_destroy(zones[1]);
    wd_tz_destroy(zones[2]);
}


/* A clock that is set to nonsense gives some time, and no harm. */
static void
test_far(void **state)
{
    ingestion_schedule_t s = {3600, 0, INGESTION_WEEK, NULL};

    (void) state;
    assert_true(ingestion_schedule_last(&s, WD_NS_MIN) <= 0);
    assert_true(ingestion_schedule_next(&s, WD_NS_MIN) >= 0);
    assert_true(ingestion_schedule_last(&s, WD_NS_MAX) < WD_NS_MAX);
    (void) ingestion_schedule_next(&s, WD_NS_MAX);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minutes), cmocka_unit_test(test_days),
        cmocka_unit_test(test_zone),    cmocka_unit_test(test_agree),
        cmocka_unit_test(test_far),     cmocka_unit_test(test_runs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
