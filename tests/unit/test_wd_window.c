/*
 * Calendar windows: days of 23 and 25 hours, leap years, ends of months, in
 * several zones; every instant is in exactly one window.
 */
#include "wd_test.h"

#include "wd_window.h"

#define WINDOW_HOURS(w) (((w).end - (w).start) / WD_NS_PER_HOUR)

typedef struct {
    const char *zone;
    const char *now;
    const char *start;
    const char *end;
} window_row_t;

static const window_row_t days[] = {
    {"UTC", "2026-11-26T12:00:00Z", "2026-11-26", "2026-11-27"},
    {"UTC", "2026-11-26T00:00:00Z", "2026-11-26", "2026-11-27"},
    {"UTC", "2026-11-26T23:59:59.999999999Z", "2026-11-26", "2026-11-27"},
    /* 23 hours: clocks go forward in the night to 29 March 2026 */
    {"Europe/Paris", "2026-03-29T10:00:00Z", "2026-03-28T23:00:00Z",
     "2026-03-29T22:00:00Z"},
    /* 25 hours: back on 25 October */
    {"Europe/Paris", "2026-10-25T10:00:00Z", "2026-10-24T22:00:00Z",
     "2026-10-25T23:00:00Z"},
    {"America/New_York", "2026-11-01T06:30:00Z", "2026-11-01T04:00:00Z",
     "2026-11-02T05:00:00Z"},
    {"Asia/Kathmandu", "2026-11-26T18:14:59Z", "2026-11-25T18:15:00Z",
     "2026-11-26T18:15:00Z"},
    {"Australia/Lord_Howe", "2026-10-04T00:00:00Z", "2026-10-03T13:30:00Z",
     "2026-10-04T13:00:00Z"},
    /* midnight itself is skipped: the day begins at one o'clock */
    {"Africa/Cairo", "2026-04-24T10:00:00Z", "2026-04-23T22:00:00Z",
     "2026-04-24T21:00:00Z"},
};

static const window_row_t months[] = {
    {"UTC", "2028-02-29T12:00:00Z", "2028-02-01", "2028-03-01"},
    {"UTC", "2026-02-28T23:59:59Z", "2026-02-01", "2026-03-01"},
    {"UTC", "2000-02-29T00:00:00Z", "2000-02-01", "2000-03-01"},
    {"UTC", "2100-02-28T00:00:00Z", "2100-02-01", "2100-03-01"},
    {"UTC", "2026-12-31T23:59:59Z", "2026-12-01", "2027-01-01"},
    {"Europe/Paris", "2026-03-31T22:00:00Z", "2026-03-31T22:00:00Z",
     "2026-04-30T22:00:00Z"},
    {"Europe/Paris", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z",
     "2026-03-31T22:00:00Z"},
    {"Pacific/Auckland", "2026-04-10T00:00:00Z", "2026-03-31T11:00:00Z",
     "2026-04-30T12:00:00Z"},
};


static wd_ns_t
window_time(const char *text)
{
    wd_ns_t t;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


static void
window_check(wd_window_e kind, const window_row_t *rows, size_t n)
{
    size_t      i;
    wd_tz_t    *tz;
    wd_window_t w;

    for (i = 0; i < n; i++) {
        assert_ok(wd_tz_load(rows[i].zone, &tz));
        wd_window_at(kind, tz, window_time(rows[i].now), &w);
        if (w.start != window_time(rows[i].start)
            || w.end != window_time(rows[i].end)) {
            fail_msg("%s in %s: %lld to %lld", rows[i].now, rows[i].zone,
                     (long long) (w.start / WD_NS_PER_S),
                     (long long) (w.end / WD_NS_PER_S));
        }
        wd_tz_destroy(tz);
    }
}


static void
test_days(void **state)
{
    (void) state;
    window_check(WD_WINDOW_DAY, days, wd_array_len(days));
}


static void
test_months(void **state)
{
    (void) state;
    window_check(WD_WINDOW_MONTH, months, wd_array_len(months));
}


/* Windows follow each other without gap, and ids grow by one. */
static void
window_walk(wd_window_e kind, const char *zone)
{
    wd_ns_t     now = window_time("2024-01-01");
    wd_tz_t    *tz;
    unsigned    i, odd = 0;
    wd_window_t w, next, at;

    assert_ok(wd_tz_load(zone, &tz));
    wd_window_at(kind, tz, now, &w);
    for (i = 0; i < 1200; i++) {
        assert_true(w.start < w.end);
        wd_window_at(kind, tz, w.start, &at);
        assert_int_equal(at.id, w.id);
        wd_window_at(kind, tz, w.end - 1, &at);
        assert_int_equal(at.id, w.id);
        wd_window_at(
            kind, tz,
            w.start + (wd_ns_t) wd_test_below((uint64_t) (w.end - w.start)),
            &at);
        assert_int_equal(at.id, w.id);
        assert_int_equal(at.start, w.start);

        wd_window_at(kind, tz, w.end, &next);
        assert_int_equal(next.start, w.end);
        assert_int_equal(next.id, w.id + 1);
        odd += kind == WD_WINDOW_DAY && WINDOW_HOURS(w) != 24;
        w = next;
    }
    if (kind == WD_WINDOW_DAY && strcmp(zone, "Europe/Paris") == 0) {
        assert_true(odd >= 6);
    }
    wd_tz_destroy(tz);
}


static void
test_walk(void **state)
{
    size_t                   i;
    static const char *const zones[] = {
        "UTC",
        "Europe/Paris",
        "America/New_York",
        "Asia/Kathmandu",
        "Australia/Lord_Howe",
        "Africa/Cairo",
        "Pacific/Apia",
        "America/Havana",
        "Atlantic/Azores",
        "Asia/Beirut",
    };

    (void) state;
    for (i = 0; i < wd_array_len(zones); i++) {
        window_walk(WD_WINDOW_DAY, zones[i]);
        window_walk(WD_WINDOW_MONTH, zones[i]);
    }
}


/* No zone at all, and clocks that were never set. */
static void
test_edges(void **state)
{
    wd_window_t w;

    (void) state;
    wd_window_at(WD_WINDOW_DAY, NULL, window_time("2026-11-26T10:00:00Z"), &w);
    assert_int_equal(w.start, window_time("2026-11-26"));
    assert_int_equal(WINDOW_HOURS(w), 24);
    wd_window_at(WD_WINDOW_MONTH, NULL, 0, &w);
    assert_int_not_equal(w.id, 0);
    wd_window_at(WD_WINDOW_DAY, NULL, WD_NS_MIN, &w);
    assert_true(w.start < w.end);
    wd_window_at(WD_WINDOW_MONTH, NULL, WD_NS_MAX, &w);
    assert_true(w.start < w.end);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_months),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
