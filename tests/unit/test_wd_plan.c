/*
 * Plans: what each word means, and that a refusal names the word and says
 * what to write.
 */
#include "wd_test.h"

#include "wd_plan.h"


static void
test_all_words(void **state)
{
    wd_plan_t  p;
    wd_error_t err;

    (void) state;
    assert_ok(wd_plan_parse(
        WD_STR("rate=200/m burst=20  rate=5000/h burst=500 rate=30/10s "
               "rate=7/m day=10000 month=300000 tz=Europe/Paris "
               "concurrency=32 dry_run"),
        &p, &err));
    assert_int_equal(p.n_rates, 4);
    assert_int_equal(p.rates[0].limit, 200);
    assert_int_equal(p.rates[0].burst, 20);
    assert_int_equal(p.rates[0].unit, 300 * WD_NS_PER_MS);
    assert_int_equal(p.rates[1].period, WD_NS_PER_HOUR);
    assert_int_equal(p.rates[2].period, 10 * WD_NS_PER_S);
    assert_int_equal(p.rates[2].burst, 1);
    assert_int_equal(p.quotas[0], 10000);
    assert_int_equal(p.quotas[1], 300000);
    assert_int_equal(p.concurrency, 32);
    assert_true(p.dry_run);
    assert_non_null(p.tz);
    assert_string_equal(wd_plan_policy(&p, 0), "minute");
    assert_string_equal(wd_plan_policy(&p, 1), "hour");
    assert_string_equal(wd_plan_policy(&p, 2), "10-second");
    assert_string_equal(wd_plan_policy(&p, 3), "minute-2");
    assert_string_equal(wd_plan_policy(&p, WD_PLAN_DAY), "day-quota");
    assert_string_equal(wd_plan_policy(&p, WD_PLAN_MONTH), "month-quota");
    assert_string_equal(wd_plan_policy(&p, WD_PLAN_CONCURRENCY), "concurrency");
    wd_plan_done(&p);
}


static void
test_costs(void **state)
{
    wd_plan_t  p;
    wd_error_t err;

    (void) state;
    assert_ok(wd_plan_parse(WD_STR("rate=1/s"), &p, &err));
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_BARS, 7), 7);
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_BARS, 0), 0);
    wd_plan_done(&p);

    assert_ok(wd_plan_parse(
        WD_STR("cost=bars.query:1000 cost=macro.query:0 rate=1/s"), &p, &err));
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_BARS, 7), 1000);
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_MACRO, 7), 0);
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_QUOTES, 7), 7);
    wd_plan_done(&p);

    /* The rest is what no word names, wherever it stands. */
    assert_ok(wd_plan_parse(WD_STR("cost=*:2 cost=bars.query:1"), &p, &err));
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_BARS, 7), 1);
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_MACRO, 7), 2);
    assert_true(wd_plan_empty(&p));
    wd_plan_done(&p);
    assert_ok(wd_plan_parse(WD_STR("cost=bars.query:1 cost=*:0"), &p, &err));
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_BARS, 7), 1);
    assert_int_equal(wd_plan_cost(&p, WD_METHOD_MACRO, 7), 0);
    wd_plan_done(&p);
}


/* "cost=" for the first n methods of the API. */
static wd_str_t
costs_text(char out[WD_PLAN_TEXT_MAX * 2], unsigned n)
{
    int      len = 0;
    size_t   i;
    unsigned done = 0;

    for (i = 0; i < WD_METHOD_COUNT && done < n; i++) {
        if (wd_methods()[i].path != NULL) {
            len += snprintf(out + len, WD_PLAN_TEXT_MAX * 2 - (size_t) len,
                            "%scost=%s:%u", done == 0 ? "" : " ",
                            wd_methods()[i].name, 1000 - done);
            done++;
        }
    }
    return wd_str(out, (size_t) len);
}


static void
test_many_costs(void **state)
{
    char       text[WD_PLAN_TEXT_MAX * 2];
    size_t     i;
    unsigned   done = 0;
    wd_plan_t  p;
    wd_error_t err;

    (void) state;
    assert_ok(wd_plan_parse(costs_text(text, WD_PLAN_COSTS), &p, &err));
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wd_methods()[i].path != NULL && done < WD_PLAN_COSTS) {
            assert_int_equal(wd_plan_cost(&p, (wd_method_e) i, 7), 1000 - done);
            done++;
        } else {
            assert_int_equal(wd_plan_cost(&p, (wd_method_e) i, 7), 7);
        }
    }
    wd_plan_done(&p);

    assert_int_equal(
        wd_plan_parse(costs_text(text, WD_PLAN_COSTS + 1), &p, &err),
        WD_EINVAL);
    assert_has(err.text, "at most 16 costs");
}


/* All that a plan can say, in the longest words. */
static void
test_longest(void **state)
{
    char        text[WD_PLAN_TEXT_MAX * 2];
    size_t      i, k, longest = 0;
    wd_str_t    costs;
    wd_error_t  err;
    wd_plan_t   p;
    static char rest[] = " rate=86400000/86400s burst=1000000000"
                         " rate=86400001/86400s burst=1000000000"
                         " rate=86400002/86400s burst=1000000000"
                         " rate=86400003/86400s burst=1000000000"
                         " day=1000000000 month=1000000000"
                         " tz=America/Argentina/ComodRivadavia"
                         " concurrency=1000000 dry_run";

    (void) state;
    costs = costs_text(text, WD_PLAN_COSTS);
    memcpy(text + costs.len, rest, sizeof(rest));
    assert_ok(wd_plan_parse(wd_str_z(text), &p, &err));
    wd_plan_done(&p);

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        k = strlen(wd_methods()[i].name);
        longest = wd_max(longest, k);
    }
    assert_true(strlen(rest) + WD_PLAN_COSTS * (longest + strlen(" cost=:1000"))
                <= WD_PLAN_TEXT_MAX);
}


static void
test_empty(void **state)
{
    wd_plan_t  p;
    wd_error_t err;

    (void) state;
    assert_ok(wd_plan_parse(WD_STR(""), &p, &err));
    assert_true(wd_plan_empty(&p));
    wd_plan_done(&p);
    assert_ok(wd_plan_parse(WD_STR("dry_run"), &p, &err));
    assert_true(wd_plan_empty(&p));
    wd_plan_done(&p);
    assert_ok(wd_plan_parse(WD_STR("concurrency=1"), &p, &err));
    assert_false(wd_plan_empty(&p));
    wd_plan_done(&p);
}


typedef struct {
    const char *text;
    const char *says;
} plan_wrong_t;

static const plan_wrong_t wrong[] = {
    {"rate=200", "write a rate as number/period"},
    {"rate=200/", "write a rate as number/period"},
    {"rate=/m", "write a rate as number/period"},
    {"rate=0/m", "write a rate as number/period"},
    {"rate=-1/m", "write a rate as number/period"},
    {"rate=+1/m", "write a rate as number/period"},
    {"rate=1.5/m", "write a rate as number/period"},
    {"rate=200/w", "write a rate as number/period"},
    {"rate=200/0s", "write a rate as number/period"},
    {"rate=200/40d", "write a rate as number/period"},
    {"rate=200/mm", "write a rate as number/period"},
    {"rate=99999999999999999999/m", "write a rate as number/period"},
    {"rate=1000001/s", "at most 1000000/s"},
    {"burst=5", "behind its rate"},
    {"rate=1/s burst=1 burst=2", "behind its rate"},
    {"rate=1/s burst=0", "write a number from 1"},
    {"rate=1/s burst=x", "write a number from 1"},
    {"rate=1/d burst=40", "a smaller one"},
    {"rate=1/s rate=2/s rate=3/s rate=4/s rate=5/s", "at most 4 rates"},
    {"day=0", "write a number from 1"},
    {"day=1 day=2", "given twice"},
    {"month=1e3", "write a number from 1"},
    {"month=1 month=1", "given twice"},
    {"tz=Mars/Olympus", "no such time zone"},
    {"tz=../../etc/passwd", "no such time zone"},
    {"tz=", "no such time zone"},
    {"tz=UTC tz=UTC", "given twice"},
    {"concurrency=0", "write a number from 1"},
    {"concurrency=2000000", "write a number from 1"},
    {"concurrency=1 concurrency=1", "given twice"},
    {"cost=", "write a method and a number"},
    {"cost=5", "write a method and a number"},
    {"cost=bars.query", "write a method and a number"},
    {"cost=bars.query:", "write a method and a number"},
    {"cost=bars.query:-1", "from 0 to 1000"},
    {"cost=bars.query:+1", "from 0 to 1000"},
    {"cost=bars.query:1001", "from 0 to 1000"},
    {"cost=bars.query:1.5", "from 0 to 1000"},
    {"cost=bars.query:1:2", "from 0 to 1000"},
    {"cost=bars.query:99999999999999999999", "from 0 to 1000"},
    {"cost=:1", "no such method"},
    {"cost=bars:1", "no such method"},
    {"cost=bars.*:1", "no such method"},
    {"cost=Bars.query:1", "no such method"},
    {"cost=sys.health:1", "no such method"},
    {"cost=auth.verify:1", "no such method"},
    {"cost=bars.query:0 cost=bars.query:0", "has its cost already"},
    {"cost=*:0 cost=*:1", "has its cost already"},
    {"dryrun", "no such word"},
    {"rate", "no such word"},
    {"Rate=1/s", "no such word"},
    {"dry_run=on", "no such word"},
};


static void
test_wrong(void **state)
{
    size_t     i;
    char       word[64];
    wd_plan_t  p;
    wd_error_t err;

    (void) state;
    for (i = 0; i < wd_array_len(wrong); i++) {
        assert_int_equal(wd_plan_parse(wd_str_z(wrong[i].text), &p, &err),
                         WD_EINVAL);
        assert_has(err.text, wrong[i].says);
        /* the word at fault is the last one */
        snprintf(word, sizeof(word), "\"%.38s",
                 strrchr(wrong[i].text, ' ') != NULL
                     ? strrchr(wrong[i].text, ' ') + 1
                     : wrong[i].text);
        assert_has(err.text, word);
    }
}


static void
test_long(void **state)
{
    char       text[WD_PLAN_TEXT_MAX + 2];
    wd_plan_t  p;
    wd_error_t err;

    (void) state;
    memset(text, ' ', sizeof(text));
    assert_int_equal(wd_plan_parse(wd_str(text, sizeof(text)), &p, &err),
                     WD_EINVAL);
    assert_has(err.text, "at most");
}


static void
test_windows(void **state)
{
    wd_ns_t    t;
    wd_plan_t  p;
    wd_error_t err;

    (void) state;
    assert_ok(
        wd_plan_parse(WD_STR("day=10 month=100 tz=Asia/Kathmandu"), &p, &err));
    assert_ok(wd_time_parse(WD_STR("2026-11-26T18:14:59Z"), &t, NULL));
    wd_plan_windows(&p, t);
    assert_int_equal(p.windows[0].end - t, WD_NS_PER_S);
    wd_plan_windows(&p, t + WD_NS_PER_S);
    assert_int_equal(p.windows[0].start, t + WD_NS_PER_S);
    wd_plan_windows(&p, t); /* a clock that is set back */
    assert_int_equal(p.windows[0].end - t, WD_NS_PER_S);
    wd_plan_done(&p);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_words),  cmocka_unit_test(test_costs),
        cmocka_unit_test(test_many_costs), cmocka_unit_test(test_longest),
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_long),       cmocka_unit_test(test_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
