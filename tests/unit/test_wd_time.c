/*
 * Points in time: calendar, ranges, RFC 3339 in and out.
 */
#include "wd_test.h"

#include <time.h>


static void
test_known(void **state)
{
    static const struct {
        const char *text;
        wd_ns_t     t;
        bool        is_date;
    } rows[] = {
        {"1970-01-01", 0, true},
        {"1970-01-01T00:00:00Z", 0, false},
        {"1970-01-01t00:00:00z", 0, false},
        {"1970-01-01 00:00:00Z", 0, false},
        {"1969-12-31T23:59:59.999999999Z", -1, false},
        {"2000-02-29", 951782400 * WD_NS_PER_S, true},
        {"2024-02-29T23:59:59Z", 1709251199 * WD_NS_PER_S, false},
        {"2024-01-31T12:00:00+01:00", 1706698800 * WD_NS_PER_S, false},
        {"2024-01-31T12:00:00-05:30", 1706722200 * WD_NS_PER_S, false},
        {"2024-01-31T12:00:00-00:00", 1706702400 * WD_NS_PER_S, false},
        {"2024-01-31T00:30:00+23:59",
         1706661000 * WD_NS_PER_S - 86340 * WD_NS_PER_S, false},
        {"2024-01-31T12:00:00.5Z", 1706702400500000000, false},
        {"2024-01-31T12:00:00.123456789Z", 1706702400123456789, false},
        {"2024-01-31T12:00:00.000000001Z", 1706702400000000001, false},
        {"1677-09-21T00:12:43.145224192Z", WD_NS_MIN, false},
        {"1677-09-21T00:12:44Z", WD_NS_MIN + 854775808, false},
        {"2262-04-11T23:47:16.854775807Z", WD_NS_MAX, false},
        /* the local time is out of range, the instant is not */
        {"2262-04-12T00:47:16.854775807+01:00", WD_NS_MAX, false},
        {"1677-09-20T23:12:43.145224192-01:00", WD_NS_MIN, false},
    };
    bool    is_date;
    size_t  i;
    wd_ns_t t;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        t = 1;
        if (wd_time_parse(wd_str_z(rows[i].text), &t, &is_date) != WD_OK
            || t != rows[i].t || is_date != rows[i].is_date) {
            fail_msg("%s was read as %lld, not %lld", rows[i].text,
                     (long long) t, (long long) rows[i].t);
        }
        assert_ok(wd_time_parse(wd_str_z(rows[i].text), &t, NULL));
    }
}


static void
test_refused(void **state)
{
    static const char *const invalid[] = {
        "",
        "2024",
        "2024-1-31",
        "2024-01-3",
        "2024-13-01",
        "2024-00-01",
        "2024-01-00",
        "2024-01-32",
        "2024-04-31",
        "2023-02-29",
        "1900-02-29",
        "2100-02-29",
        "24-01-31",
        "02024-01-31",
        "-2024-01-31",
        "2024/01/31",
        "2024-01-31 ",
        " 2024-01-31",
        "2024-01-31T",
        "2024-01-31T12",
        "2024-01-31T12:00",
        "2024-01-31T12:00Z",
        "2024-01-31T12:00:00",
        "2024-01-31X12:00:00Z",
        "2024-01-31T24:00:00Z",
        "2024-01-31T12:60:00Z",
        "2024-01-31T12:00:60Z",
        "2024-01-31T12:00:61Z",
        "2024-01-31T12:00:00.Z",
        "2024-01-31T12:00:00,5Z",
        "2024-01-31T12:00:00.1234567890Z",
        "2024-01-31T12:00:00+1:00",
        "2024-01-31T12:00:00+0100",
        "2024-01-31T12:00:00+01",
        "2024-01-31T12:00:00+24:00",
        "2024-01-31T12:00:00+01:60",
        "2024-01-31T12:00:00ZZ",
        "2024-01-31T12:00:00Z ",
        "2024-01-31T12:00:00+01:00Z",
        "2024-01-31T-2:00:00Z",
        "2024-W05-3",
        "2024-031",
        "now",
        "1706702400",
    };
    static const char *const beyond[] = {
        "1677-09-21T00:12:43.145224191Z",
        "1677-09-20",
        "0001-01-01",
        "2262-04-11T23:47:16.854775808Z",
        "2262-04-12",
        "9999-12-31",
        "1677-09-21T00:12:43.145224192+00:01",
        "2262-04-11T23:47:16.854775807-00:01",
    };
    size_t  i;
    wd_ns_t t;

    (void) state;
    for (i = 0; i < wd_array_len(invalid); i++) {
        if (wd_time_parse(wd_str_z(invalid[i]), &t, NULL) != WD_EINVAL) {
            fail_msg("'%s' is not refused", invalid[i]);
        }
    }
    for (i = 0; i < wd_array_len(beyond); i++) {
        if (wd_time_parse(wd_str_z(beyond[i]), &t, NULL) != WD_EOVERFLOW) {
            fail_msg("'%s' is not out of range", beyond[i]);
        }
    }
}


/* Every byte after every prefix of a good text: accepted only when equal. */
static void
test_mutated(void **state)
{
    static const char good[] = "2024-01-31T12:34:56.5+01:00";
    int               c;
    char              text[sizeof(good)];
    size_t            i;
    wd_ns_t           t, other;

    (void) state;
    assert_ok(wd_time_parse(wd_str(good, sizeof(good) - 1), &t, NULL));
    for (i = 0; i < sizeof(good) - 1; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(text, good, sizeof(good));
            text[i] = (char) c;
            if (wd_time_parse(wd_str(text, sizeof(good) - 1), &other, NULL)
                    == WD_OK
                && (good[i] >= '0' && good[i] <= '9')
                && !(c >= '0' && c <= '9')) {
                fail_msg("byte %02x accepted at %zu", (unsigned) c, i);
            }
        }
        if (i != 10 /* a date */
            && wd_time_parse(wd_str(good, i), &other, NULL) == WD_OK) {
            fail_msg("cut at %zu and accepted", i);
        }
    }
}


static void
test_days(void **state)
{
    int        year, month, day, last;
    int64_t    n;
    wd_ns_t    t;
    wd_civil_t c;
    struct tm  tm;
    time_t     s;

    (void) state;
    n = wd_days_from_civil(1678, 1, 1);
    for (year = 1678; year <= 2261; year++) {
        for (month = 1; month <= 12; month++) {
            last = month == 2 ? 28
                                    + ((year % 4 == 0 && year % 100 != 0)
                                       || year % 400 == 0)
                              : 30 + ((0x15aa >> month) & 1);
            for (day = 1; day <= 31; day++) {
                c = (wd_civil_t){year, month, day, 23, 59, 59, 999999999};
                assert_int_equal(wd_civil_valid(&c), day <= last);
                if (day > last) {
                    continue;
                }
                assert_int_equal(wd_days_from_civil(year, month, day), n);
                assert_ok(wd_time_from_civil(&c, &t));
                assert_true(t == (n + 1) * WD_NS_PER_DAY - 1);
                memset(&c, 0xff, sizeof(c));
                wd_time_to_civil(t, &c);
                assert_int_equal(c.year, year);
                assert_int_equal(c.month, month);
                assert_int_equal(c.day, day);
                assert_int_equal(c.hour * 10000 + c.minute * 100 + c.second,
                                 235959);
                assert_int_equal(c.ns, 999999999);
                s = n * 86400;
                gmtime_r(&s, &tm);
                assert_int_equal(tm.tm_year + 1900, year);
                assert_int_equal(tm.tm_mon + 1, month);
                assert_int_equal(tm.tm_mday, day);
                n++;
            }
        }
    }

    assert_int_equal(wd_days_from_civil(1970, 1, 1), 0);
    assert_int_equal(wd_days_from_civil(0, 3, 1), -719468);
    assert_int_equal(wd_days_from_civil(-400, 3, 1), -719468 - 146097);
}


static void
test_civil_valid(void **state)
{
    static const wd_civil_t good = {2024, 2, 29, 23, 59, 59, 999999999};
    static const wd_civil_t bad[] = {
        {2024, 0, 1, 0, 0, 0, 0},          {2024, 13, 1, 0, 0, 0, 0},
        {2024, 1, 0, 0, 0, 0, 0},          {2024, 1, 1, 24, 0, 0, 0},
        {2024, 1, 1, -1, 0, 0, 0},         {2024, 1, 1, 0, 60, 0, 0},
        {2024, 1, 1, 0, -1, 0, 0},         {2024, 1, 1, 0, 0, 60, 0},
        {2024, 1, 1, 0, 0, -1, 0},         {2024, 1, 1, 0, 0, 0, -1},
        {2024, 1, 1, 0, 0, 0, 1000000000}, {0, 1, 1, 0, 0, 0, 0},
        {10000, 1, 1, 0, 0, 0, 0},
    };
    size_t i;

    (void) state;
    assert_true(wd_civil_valid(&good));
    for (i = 0; i < wd_array_len(bad); i++) {
        assert_false(wd_civil_valid(&bad[i]));
    }
}


static void
test_round_trip(void **state)
{
    int        i;
    size_t     n;
    bool       is_date;
    char       text[WD_TIME_TEXT_MAX];
    wd_ns_t    t, back;
    wd_civil_t c;

    (void) state;
    for (i = 0; i < 200000; i++) {
        t = (wd_ns_t) wd_test_random();
        if (i % 4 == 1) {
            t -= t % WD_NS_PER_S;
        } else if (i % 4 == 2) {
            t -= t % WD_NS_PER_MS;
        }
        t = i == 0 ? WD_NS_MIN : i == 3 ? WD_NS_MAX : t;

        n = wd_time_format(t, text);
        assert_int_equal(n, strlen(text));
        assert_ok(wd_time_parse(wd_str_z(text), &back, &is_date));
        if (back != t || is_date) {
            fail_msg("%s came back as %lld", text, (long long) back);
        }
        wd_time_to_civil(t, &c);
        assert_true(wd_civil_valid(&c));
        assert_ok(wd_time_from_civil(&c, &back));
        assert_true(back == t);

        assert_int_equal(wd_date_format(t, text), 10);
        if (t - WD_NS_MIN > WD_NS_PER_DAY) {
            assert_ok(wd_time_parse(wd_str_z(text), &back, &is_date));
            assert_true(is_date && back <= t && t - back < WD_NS_PER_DAY);
        }
    }
}


static void
test_format(void **state)
{
    char text[WD_TIME_TEXT_MAX];

    (void) state;
    wd_time_format(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00Z");
    wd_time_format(1706702400500000000, text);
    assert_string_equal(text, "2024-01-31T12:00:00.5Z");
    wd_time_format(1706702400000000100, text);
    assert_string_equal(text, "2024-01-31T12:00:00.0000001Z");
    wd_date_format(-1, text);
    assert_string_equal(text, "1969-12-31");
}


static void
test_civil_parse(void **state)
{
    static const char *const invalid[] = {
        "",
        "2024-01",
        "2024-02-30",
        "2024-01-31 9:30",
        "2024-01-31 09",
        "2024-01-31 09:30:",
        "2024-01-31 09:30:0",
        "2024-01-31 09:30:00Z",
        "2024-01-31 09:30:00.",
        "2024-01-31 09:30.5",
        "2024-01-31 25:00",
        "2024-01-31  09:30",
        "2024-01-31 09:30 ",
    };
    bool       is_date;
    size_t     i;
    wd_civil_t c;

    (void) state;
    assert_ok(wd_civil_parse(WD_STR("2024-01-31"), &c, &is_date));
    assert_true(is_date);
    assert_int_equal(c.year * 10000 + c.month * 100 + c.day, 20240131);
    assert_int_equal(c.hour + c.minute + c.second + c.ns, 0);

    assert_ok(wd_civil_parse(WD_STR("2024-01-31 19:55:07"), &c, &is_date));
    assert_false(is_date);
    assert_int_equal(c.hour * 10000 + c.minute * 100 + c.second, 195507);
    assert_ok(wd_civil_parse(WD_STR("2024-01-31 19:55:07.291"), &c, NULL));
    assert_int_equal(c.second, 7);
    assert_int_equal(c.ns, 291000000);
    assert_ok(wd_civil_parse(WD_STR("2024-01-31 19:55"), &c, NULL));
    assert_int_equal(c.hour * 10000 + c.minute * 100 + c.second, 195500);

    for (i = 0; i < wd_array_len(invalid); i++) {
        if (wd_civil_parse(wd_str_z(invalid[i]), &c, NULL) != WD_EINVAL) {
            fail_msg("'%s' is not refused", invalid[i]);
        }
    }
}


static void
test_clocks(void **state)
{
    wd_ns_t a, b;

    (void) state;
    a = wd_monotonic();
    b = wd_monotonic();
    assert_true(a > 0 && b >= a);
    assert_true(wd_now() / WD_NS_PER_S - (wd_ns_t) time(NULL) <= 1);
    assert_true((wd_ns_t) time(NULL) - wd_now() / WD_NS_PER_S <= 1);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_mutated),     cmocka_unit_test(test_days),
        cmocka_unit_test(test_civil_valid), cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_format),      cmocka_unit_test(test_civil_parse),
        cmocka_unit_test(test_clocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
