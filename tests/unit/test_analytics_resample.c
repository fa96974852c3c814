/*
 * Aggregation of bars: groups, order, gaps, what a bar is made of.
 */
#include "analytics_resample.h"
#include "wd_test.h"

#include <math.h>

#define BARS_MAX 2000


static wd_ns_t
at(const char *text)
{
    wd_ns_t t;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


static analytics_bar_t
bar(wd_ns_t t, double o, double h, double l, double c, double v)
{
    return (analytics_bar_t){t, o, h, l, c, v, 0, "one", 0};
}


static size_t
run(wd_timeframe_e tf, const analytics_bar_t *in, size_t n, bool backwards,
    analytics_bar_t *out)
{
    analytics_resample_t r;
    size_t               i, k = 0;

    analytics_resample_init(&r, tf);
    for (i = 0; i < n; i++) {
        k += analytics_resample_push(&r, &in[backwards ? n - 1 - i : i],
                                     &out[k]);
    }
    k += analytics_resample_end(&r, &out[k]);
    assert_false(analytics_resample_end(&r, &out[k]));
    return k;
}


static void
test_minutes(void **state)
{
    wd_ns_t         t = at("2024-03-04T14:30:00Z");
    analytics_bar_t in[12], out[12];
    size_t          i;

    (void) state;
    for (i = 0; i < 12; i++) {
        in[i] = bar(t + (wd_ns_t) i * WD_NS_PER_MIN, (double) i + 1,
                    (double) i + 3, (double) i, (double) i + 2, 10);
    }
    in[3].volume = NAN;
    in[7].quality = 2;
    in[8].quality = 4;
    in[8].source = "two";
    in[6].known_at = 77;

    assert_int_equal(run(WD_TF_5M, in, 12, false, out), 3);
    assert_true(out[0].t == t);
    assert_true(out[0].open == 1 && out[0].high == 7 && out[0].low == 0
                && out[0].close == 6);
    assert_true(out[0].volume == 40); /* of those that were reported */
    assert_int_equal(out[0].quality, 0);
    assert_string_equal(out[0].source, "one");
    assert_true(out[1].t == t + 5 * WD_NS_PER_MIN);
    assert_int_equal(out[1].quality, 6);
    assert_string_equal(out[1].source, "mixed");
    assert_true(out[1].known_at == 77);
    assert_true(out[2].open == 11 && out[2].close == 13);
}


static void
test_no_volume(void **state)
{
    wd_ns_t         t = at("2024-03-04");
    analytics_bar_t in[2] = {bar(t, 1, 1, 1, 1, NAN),
                             bar(t + WD_NS_PER_DAY, 1, 1, 1, 1, NAN)};
    analytics_bar_t out[2];

    (void) state;
    assert_int_equal(run(WD_TF_1W, in, 2, false, out), 1);
    assert_true(isnan(out[0].volume));
}


static void
test_starts(void **state)
{
    static const struct {
        wd_timeframe_e tf;
        const char    *t;
        const char    *start;
        const char    *next;
    } rows[] = {
        {WD_TF_1W, "2024-01-01", "2024-01-01", "2024-01-08"}, /* Monday */
        {WD_TF_1W, "2023-12-31", "2023-12-25", "2024-01-01"},
        {WD_TF_1W, "1969-12-31", "1969-12-29", "1970-01-05"},
        {WD_TF_1MO, "2024-02-29", "2024-02-01", "2024-03-01"},
        {WD_TF_1MO, "2023-12-31", "2023-12-01", "2024-01-01"},
        {WD_TF_1MO, "2023-01-31", "2023-01-01", "2023-02-01"},
        {WD_TF_1H, "2024-03-04T14:30:00Z", "2024-03-04T14:00:00Z",
         "2024-03-04T15:00:00Z"},
        {WD_TF_15M, "2024-03-04T14:59:59.999Z", "2024-03-04T14:45:00Z",
         "2024-03-04T15:00:00Z"},
    };
    analytics_bar_t in, out[1];
    size_t          i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        in = bar(at(rows[i].t), 1, 1, 1, 1, 1);
        assert_int_equal(run(rows[i].tf, &in, 1, false, out), 1);
        assert_true(out[0].t == at(rows[i].start));
        assert_true(analytics_resample_next(rows[i].tf, in.t)
                    == at(rows[i].next));
        assert_true(analytics_resample_next(rows[i].tf, out[0].t)
                    == at(rows[i].next));
    }
    assert_true(analytics_resample_next(WD_TF_1MO, WD_NS_MAX - 5) == WD_NS_MAX);
}


/* Backwards gives the same bars; every part is in exactly one of them. */
static void
test_backwards(void **state)
{
    static analytics_bar_t      in[BARS_MAX], up[BARS_MAX], down[BARS_MAX];
    static const wd_timeframe_e tfs[] = {WD_TF_5M, WD_TF_1H, WD_TF_1W,
                                         WD_TF_1MO};
    wd_ns_t                     t;
    double                      sum, v;
    size_t                      i, k, n, pass;

    (void) state;
    for (k = 0; k < wd_array_len(tfs); k++) {
        t = at("2023-11-01");
        sum = 0;
        for (i = 0; i < BARS_MAX; i++) {
            t += (wd_ns_t) (1 + wd_test_below(3))
                 * (tfs[k] < WD_TF_1D ? WD_NS_PER_MIN : WD_NS_PER_DAY);
            v = (double) wd_test_below(1000);
            sum += v;
            in[i] = bar(t, v, v + 2, v - 2, v + 1, v);
        }

        n = run(tfs[k], in, BARS_MAX, false, up);
        pass = run(tfs[k], in, BARS_MAX, true, down);
        assert_int_equal(n, pass);
        for (i = 0; i < n; i++) {
            assert_true(up[i].t == down[n - 1 - i].t);
            assert_true(up[i].open == down[n - 1 - i].open);
            assert_true(up[i].high == down[n - 1 - i].high);
            assert_true(up[i].low == down[n - 1 - i].low);
            assert_true(up[i].close == down[n - 1 - i].close);
            assert_true(up[i].volume == down[n - 1 - i].volume);
            assert_true(i == 0 || up[i].t > up[i - 1].t);
            sum -= up[i].volume;
        }
        assert_true(sum == 0);
    }
}


/* The reach of the bars that days (dates) are made into. */
static size_t
reaches(wd_timeframe_e tf, const char *const *days, bool backwards,
        analytics_reach_t *out)
{
    analytics_resample_t r;
    analytics_bar_t      part, ret;
    size_t               i, k = 0, n = 0;

    while (days[n] != NULL) {
        n++;
    }
    analytics_resample_init(&r, tf);
    for (i = 0; i < n; i++) {
        part = bar(at(days[backwards ? n - 1 - i : i]), 1, 1, 1, 1, 1);
        if (analytics_resample_push(&r, &part, &ret)) {
            out[k++] = r.done;
        }
    }
    if (analytics_resample_end(&r, &ret)) {
        out[k++] = r.done;
    }
    return k;
}


static void
test_reach(void **state)
{
    static const char *const days[] = {"2024-01-31", "2024-02-01", "2024-02-20",
                                       "2024-02-22", "2024-04-01", NULL};
    analytics_reach_t        up[3], down[3];
    size_t                   i;

    (void) state;
    assert_int_equal(reaches(WD_TF_1MO, days, false, up), 3);
    assert_int_equal(reaches(WD_TF_1MO, days, true, down), 3);
    for (i = 0; i < 3; i++) {
        assert_true(up[i].before == down[2 - i].before);
        assert_true(up[i].first == down[2 - i].first);
        assert_true(up[i].last == down[2 - i].last);
        assert_true(up[i].after == down[2 - i].after);
        assert_true(up[i].gap == down[2 - i].gap);
    }
    assert_true(up[0].before == WD_NS_MIN && up[2].after == WD_NS_MAX);
    assert_true(up[1].before == at("2024-01-31"));
    assert_true(up[1].first == at("2024-02-01"));
    assert_true(up[1].last == at("2024-02-22"));
    assert_true(up[1].after == at("2024-04-01"));
    assert_true(up[1].gap == 19 * WD_NS_PER_DAY);
}


static void
test_covers(void **state)
{
    static const struct {
        wd_timeframe_e tf;
        const char    *t;
        const char    *days[9];
        bool           covers;
    } rows[] = {
        /* from the first weekday to the last one */
        {WD_TF_1W, "2024-01-08", {"2024-01-08", "2024-01-12"}, true},
        {WD_TF_1W, "2024-01-08", {"2024-01-08", "2024-01-14"}, true},
        {WD_TF_1W, "2024-01-08", {"2024-01-09", "2024-01-12"}, false},
        {WD_TF_1W, "2024-01-08", {"2024-01-08", "2024-01-11"}, false},
        /* a holiday, as what stands near shows */
        {WD_TF_1W,
         "2024-01-08",
         {"2024-01-05", "2024-01-09", "2024-01-12"},
         true},
        {WD_TF_1W,
         "2024-01-08",
         {"2024-01-08", "2024-01-11", "2024-01-15"},
         true},
        {WD_TF_1W,
         "2024-01-08",
         {"2024-01-05", "2024-01-10", "2024-01-15"},
         true},
        /* what stands too far */
        {WD_TF_1W,
         "2024-01-08",
         {"2023-12-28", "2024-01-10", "2024-01-22"},
         false},
        {WD_TF_1W,
         "2024-01-08",
         {"2023-12-29", "2024-01-10", "2024-01-22"},
         true},
        {WD_TF_1W,
         "2024-01-08",
         {"2023-12-29", "2024-01-10", "2024-01-23"},
         false},
        /* March 2024 begins on a Friday and ends on a Sunday */
        {WD_TF_1MO,
         "2024-03-01",
         {"2024-03-01", "2024-03-11", "2024-03-22", "2024-03-29"},
         true},
        {WD_TF_1MO,
         "2024-03-01",
         {"2024-03-04", "2024-03-15", "2024-03-29"},
         false},
        {WD_TF_1MO,
         "2024-03-01",
         {"2024-02-29", "2024-03-04", "2024-03-15", "2024-03-27"},
         false},
        {WD_TF_1MO,
         "2024-03-01",
         {"2024-03-01", "2024-03-15", "2024-03-29"},
         false}, /* a hole */
        /* June 2024 begins on a Saturday */
        {WD_TF_1MO,
         "2024-06-01",
         {"2024-06-03", "2024-06-15", "2024-06-27", "2024-06-28"},
         true},
        {WD_TF_1MO,
         "2024-06-01",
         {"2024-06-01", "2024-06-12", "2024-06-20", "2024-06-30"},
         true},
    };
    analytics_reach_t out[9];
    wd_ns_t           t;
    size_t            i, k, n, backwards;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        t = at(rows[i].t);
        for (backwards = 0; backwards < 2; backwards++) {
            n = reaches(rows[i].tf, rows[i].days, backwards != 0, out);
            for (k = 0; k < n; k++) {
                if (out[k].first >= t
                    && out[k].last < analytics_resample_next(rows[i].tf, t)) {
                    break;
                }
            }
            assert_true(k < n);
            if (analytics_resample_covers(rows[i].tf, t, &out[k])
                != rows[i].covers) {
                fail_msg("row %zu", i);
            }
        }
    }
}


static void
test_base(void **state)
{
    (void) state;
#define HAS(tf) (1u << (tf))
    assert_int_equal(analytics_resample_base(WD_TF_5M, HAS(WD_TF_1M)),
                     WD_TF_1M);
    assert_int_equal(
        analytics_resample_base(WD_TF_5M, HAS(WD_TF_1M) | HAS(WD_TF_5M)),
        WD_TF_5M);
    assert_int_equal(
        analytics_resample_base(WD_TF_1H, HAS(WD_TF_15M) | HAS(WD_TF_5M)),
        WD_TF_5M);
    assert_int_equal(analytics_resample_base(WD_TF_5M, HAS(WD_TF_15M)),
                     WD_TF_NONE);
    assert_int_equal(analytics_resample_base(WD_TF_1M, HAS(WD_TF_1D)),
                     WD_TF_NONE);
    assert_int_equal(analytics_resample_base(WD_TF_1D, HAS(WD_TF_1M)),
                     WD_TF_NONE);
    assert_int_equal(analytics_resample_base(WD_TF_1W, HAS(WD_TF_1D)),
                     WD_TF_1D);
    assert_int_equal(
        analytics_resample_base(WD_TF_1MO, HAS(WD_TF_1D) | HAS(WD_TF_1W)),
        WD_TF_1D);
    assert_int_equal(analytics_resample_base(WD_TF_1MO, HAS(WD_TF_1W)),
                     WD_TF_NONE);
    assert_int_equal(
        analytics_resample_base(WD_TF_1W, HAS(WD_TF_1D) | HAS(WD_TF_1W)),
        WD_TF_1D);
    assert_int_equal(analytics_resample_base(WD_TF_1W, HAS(WD_TF_1W)),
                     WD_TF_1W);
    assert_int_equal(analytics_resample_base(WD_TF_1W, 0), WD_TF_NONE);
#undef HAS
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minutes), cmocka_unit_test(test_no_volume),
        cmocka_unit_test(test_starts),  cmocka_unit_test(test_backwards),
        cmocka_unit_test(test_reach),   cmocka_unit_test(test_covers),
        cmocka_unit_test(test_base),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
