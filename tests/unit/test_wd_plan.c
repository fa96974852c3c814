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
        cmocka_unit_test(test_all_words), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_wrong),     cmocka_unit_test(test_long),
        cmocka_unit_test(test_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
