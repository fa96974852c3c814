/*
 * Adjustment for splits and dividends, with CRSP's published examples.
 */
#include "analytics_adjust.h"
#include "wd_test.h"

#include <math.h>


static analytics_bar_t
bar(int day, double c)
{
    return (analytics_bar_t){day * WD_NS_PER_DAY, c, c, c, c, 100, 0, "x", 0};
}


static double
adjusted(const analytics_action_t *actions, size_t n, int day, double c,
         double *ret_volume)
{
    wd_pool_t         *pool = wd_pool_create(1024);
    analytics_adjust_t a;
    analytics_bar_t    b = bar(day, c);

    assert_ok(analytics_adjust_init(&a, pool, actions, n));
    analytics_adjust_bar(&a, b.t, &b);
    wd_pool_destroy(pool);

    assert_true(b.open == b.close && b.high == b.close && b.low == b.close);
    if (ret_volume != NULL) {
        *ret_volume = b.volume;
    }
    return b.close;
}


/* Closes 46.99, 48.30, a 2:1 split, 24.96, ex 0.08, 24.53. */
static void
test_crsp(void **state)
{
    const analytics_action_t x[] = {
        {2 * WD_NS_PER_DAY, 2, 0, 48.30},
        {3 * WD_NS_PER_DAY, 1, 0.08, 24.96}};
    double v;

    (void) state;
    assert_true(fabs(adjusted(x, 2, 0, 46.99, &v) - 23.42) < 0.005);
    assert_true(v == 200);
    assert_true(fabs(adjusted(x, 2, 1, 48.30, &v) - 24.07) < 0.005);
    assert_true(v == 200);
    assert_true(fabs(adjusted(x, 2, 2, 24.96, &v) - 24.88) < 0.005);
    assert_true(v == 100); /* cash does not change volumes */
    assert_true(adjusted(x, 2, 3, 24.53, &v) == 24.53);
    assert_true(v == 100);
}


static void
test_factors(void **state)
{
    const analytics_action_t a = {WD_NS_PER_DAY, 1, 2.40, 16.51};
    const analytics_action_t b = {WD_NS_PER_DAY, 1, 1.25, 51.20};
    const analytics_action_t reverse = {WD_NS_PER_DAY, 0.2, 0, NAN};
    double                   v;

    (void) state;
    assert_true(fabs(adjusted(&a, 1, 0, 1, NULL) - 0.8546) < 0.00005);
    assert_true(fabs(adjusted(&b, 1, 0, 1, NULL) - 0.9756) < 0.00005);
    assert_true(adjusted(&reverse, 1, 0, 3, &v) == 15);
    assert_true(fabs(v - 20) < 1e-12);
}


/* Whole numbers of shares: divided once, so correctly rounded. */
static void
test_two_splits(void **state)
{
    const analytics_action_t x[] = {{5 * WD_NS_PER_DAY, 7, 0, NAN},
                                    {9 * WD_NS_PER_DAY, 4, 0, NAN}};

    (void) state;
    assert_true(adjusted(x, 2, 4, 645.57, NULL) == 645.57 / 28);
    assert_true(adjusted(x, 2, 5, 499.23, NULL) == 499.23 / 4);
    assert_true(adjusted(x, 2, 8, 499.23, NULL) == 499.23 / 4);
    assert_true(adjusted(x, 2, 9, 129.04, NULL) == 129.04);
}


/* On the day of a split the dividend is one per new share. */
static void
test_same_day(void **state)
{
    const analytics_action_t x = {WD_NS_PER_DAY, 2, 0.5, 100};

    (void) state;
    assert_true(adjusted(&x, 1, 0, 100, NULL) == 50 * 0.99);
}


static void
test_nonsense(void **state)
{
    const analytics_action_t x[] = {
        {1 * WD_NS_PER_DAY, 0, 0, NAN},   {2 * WD_NS_PER_DAY, -2, 0, NAN},
        {3 * WD_NS_PER_DAY, NAN, 0, NAN}, {4 * WD_NS_PER_DAY, INFINITY, 0, 1},
        {5 * WD_NS_PER_DAY, 1, 5, 5},     {6 * WD_NS_PER_DAY, 1, 9, 5},
        {7 * WD_NS_PER_DAY, 1, 1, NAN},   {8 * WD_NS_PER_DAY, 1, -1, 5},
        {9 * WD_NS_PER_DAY, 1, NAN, 5},   {9 * WD_NS_PER_DAY, 1, 1, 0}};
    double v;

    (void) state;
    assert_true(adjusted(x, wd_array_len(x), 0, 12.34, &v) == 12.34);
    assert_true(v == 100);
    assert_true(adjusted(NULL, 0, 0, 12.34, NULL) == 12.34);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crsp),       cmocka_unit_test(test_factors),
        cmocka_unit_test(test_two_splits), cmocka_unit_test(test_same_day),
        cmocka_unit_test(test_nonsense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
