/*
 * test_ingestion_budget.c - when a quota lets a number of calls be done.
 */
#include "wd_test.h"

#include "ingestion_budget.h"


static wd_ns_t
at(const char *text)
{
    wd_ns_t t = 0;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


static const char *
end(const ingestion_budget_t *b, const char *now, int64_t calls, bool fill)
{
    static char out[WD_TIME_TEXT_MAX];
    wd_ns_t     t = ingestion_budget_end(b, at(now), calls, fill);

    if (t == WD_NS_MAX) {
        return "never";
    }
    wd_time_format(t, out);
    return out;
}


static void
test_rates(void **state)
{
    ingestion_budget_t b = {.per_second = 1};

    (void) state;
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 0, false),
                        "2024-03-10T12:00:00Z");
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 60, false),
                        "2024-03-10T12:01:00Z");
    b.per_minute = 5;
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 60, false),
                        "2024-03-10T12:12:00Z");
    b = (ingestion_budget_t){.per_second = 0};
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 120, true),
                        "2024-03-10T12:01:00Z");
}


static void
test_days(void **state)
{
    ingestion_budget_t b = {
        .per_second = 1, .per_minute = 5, .per_day = 25, .left_day = 10};

    (void) state;
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 10, false),
                        "2024-03-10T12:02:00Z");
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 11, false),
                        "2024-03-11T00:00:12Z");
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 10 + 25 + 25, false),
                        "2024-03-13T00:00:00Z");

    /* Twenty calls a day keep collections up to date: five are left. */
    b.live_per_day = 20;
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 10 + 11, true),
                        "2024-03-13T00:00:12Z");
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 10 + 11, false),
                        "2024-03-11T00:02:12Z");
    b.live_per_day = 25;
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 11, true), "never");
    b.left_day = -3; /* more was used than there is now */
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 1, true), "never");
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 1, false),
                        "2024-03-11T00:00:12Z");
}


static void
test_blocked(void **state)
{
    ingestion_budget_t b = {.per_second = 1,
                            .per_day = 25,
                            .left_day = 25,
                            .blocked_until = at("2024-03-10T13:00:00Z")};

    (void) state;
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 10, false),
                        "2024-03-10T13:00:10Z");
    b.left_day = 0;
    b.blocked_until = at("2024-03-11T00:00:00Z");
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 10, false),
                        "2024-03-11T00:00:10Z");
    b.blocked_until = at("2024-03-09T00:00:00Z"); /* no more */
    b.left_day = 1;
    assert_string_equal(end(&b, "2024-03-10T12:00:00Z", 1, false),
                        "2024-03-10T12:00:01Z");
}


/* More calls never end earlier. */
static void
test_order(void **state)
{
    int                i;
    bool               fill;
    wd_ns_t            now, a, b;
    int64_t            calls;
    ingestion_budget_t q;

    (void) state;
    for (i = 0; i < 100000; i++) {
        q = (ingestion_budget_t){.per_second = (uint32_t) wd_test_below(5),
                                 .per_minute = (uint32_t) wd_test_below(100),
                                 .per_day = (uint32_t) wd_test_below(500),
                                 .live_per_day = (double) wd_test_below(100)};
        q.left_day = q.per_day - (int64_t) wd_test_below(200);
        now = at("2024-03-10") + (wd_ns_t) wd_test_below(WD_NS_PER_DAY);
        if (wd_test_below(3) == 0) {
            q.blocked_until = now + (wd_ns_t) wd_test_below(3 * WD_NS_PER_DAY);
        }
        calls = (int64_t) wd_test_below(100000);
        fill = wd_test_below(2);
        a = ingestion_budget_end(&q, now, calls, fill);
        b = ingestion_budget_end(&q, now, calls + 1, fill);
        assert_true(now <= a && a <= b);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_blocked),
        cmocka_unit_test(test_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
