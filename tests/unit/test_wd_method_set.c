/*
 * Sets of methods against a model of one bool for each member.
 */
#include "wd_test.h"

#include "wd_method.h"
#include "wd_method_set.h"

#include <stdlib.h>


static void
assert_like(const wd_method_set_t *s, const bool model[WD_METHOD_SET_MAX])
{
    unsigned i;
    bool     any = false;

    for (i = 0; i < WD_METHOD_SET_MAX; i++) {
        assert_int_equal(wd_method_set_has(s, i), model[i]);
        any = any || model[i];
    }
    assert_int_equal(wd_method_set_is_empty(s), !any);
}


static void
test_one(void **state)
{
    unsigned        i;
    wd_method_set_t none = {{0}}, s;
    bool            model[WD_METHOD_SET_MAX] = {false};

    (void) state;
    assert_like(&none, model);

    for (i = 0; i < WD_METHOD_SET_MAX; i++) {
        s = none;
        model[i] = true;
        wd_method_set_add(&s, i);
        wd_method_set_add(&s, i);
        assert_like(&s, model);
        assert_false(wd_method_set_eq(&s, &none));

        wd_method_set_fill(&s);
        wd_method_set_remove(&s, i);
        wd_method_set_remove(&s, i);
        assert_false(wd_method_set_has(&s, i));
        wd_method_set_add(&s, i);
        model[i] = false;
        wd_method_set_remove(&s, i);
        assert_false(wd_method_set_has(&s, i));
    }
}


static void
test_all(void **state)
{
    unsigned        i;
    wd_method_set_t s, t;
    bool            model[WD_METHOD_SET_MAX];

    (void) state;
    for (i = 0; i < WD_METHOD_SET_MAX; i++) {
        model[i] = true;
    }
    wd_method_set_fill(&s);
    assert_like(&s, model);

    for (i = 0; i < WD_METHOD_SET_MAX; i++) {
        t = s;
        wd_method_set_remove(&s, i);
        model[i] = false;
        assert_like(&s, model);
        assert_false(wd_method_set_eq(&s, &t));
    }
}


static void
test_model(void **state)
{
    unsigned        i, steps;
    wd_method_set_t s = {{0}}, copy;
    bool            model[WD_METHOD_SET_MAX] = {false};

    (void) state;
    srand(11);
    for (steps = 0; steps < 2000; steps++) {
        i = (unsigned) rand() % WD_METHOD_SET_MAX;
        copy = s;
        if (rand() % 2) {
            assert_true(wd_method_set_eq(&s, &copy));
            wd_method_set_add(&s, i);
            assert_int_equal(wd_method_set_eq(&s, &copy), model[i]);
            model[i] = true;
        } else {
            wd_method_set_remove(&s, i);
            assert_int_equal(wd_method_set_eq(&s, &copy), !model[i]);
            model[i] = false;
        }
        assert_like(&s, model);
    }
}


/* There is room for the catalogue and one more. */
static void
test_catalogue(void **state)
{
    (void) state;
    assert_true((int) WD_METHOD_COUNT < WD_METHOD_SET_MAX);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),
        cmocka_unit_test(test_all),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_catalogue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
