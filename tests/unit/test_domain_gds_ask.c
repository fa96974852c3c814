/*
 * test_domain_gds_ask.c - the items of a data set, in their order.
 */
#include "wd_test.h"

#include "wd_gds_ask.h"


static void
test_order(void **state)
{
    size_t        n, i;
    wd_gds_item_t items[WD_GDS_ITEMS_MAX];
    wd_gds_ask_t  ask = {.dataset = WD_STR("values"),
                         .identifiers = WD_STR("IBM:NYSE, I_US0378331005"),
                         .fields = WD_STR("IQ_TOTAL_REV,IQ_EBITDA"),
                         .currency = WD_STR("USD"),
                         .period = WD_STR("IQ_FY")};

    static const char *const want[][2] = {{"IBM:NYSE", "IQ_TOTAL_REV"},
                                          {"IBM:NYSE", "IQ_EBITDA"},
                                          {"I_US0378331005", "IQ_TOTAL_REV"},
                                          {"I_US0378331005", "IQ_EBITDA"}};

    (void) state;
    assert_ok(wd_gds_items(&ask, items, &n));
    assert_int_equal(n, 4);
    for (i = 0; i < n; i++) {
        assert_view(items[i].function, "GDSP");
        assert_view(items[i].identifier, want[i][0]);
        assert_view(items[i].mnemonic, want[i][1]);
        assert_view(items[i].currency, "USD");
        assert_view(items[i].period, "IQ_FY");
        assert_int_equal(items[i].start.len, 0);
    }

    ask.dataset = WD_STR("history");
    assert_ok(wd_gds_items(&ask, items, &n));
    assert_view(items[0].function, "GDSHE");
    ask.dataset = WD_STR("series");
    ask.interval = WD_STR("annual");
    assert_ok(wd_gds_items(&ask, items, &n));
    assert_view(items[0].function, "GDST");
    assert_view(items[0].frequency, "Yearly");
}


static void
test_refused(void **state)
{
    size_t        n, i;
    char          list[8 * (WD_GDS_ITEMS_MAX + 1) + 1];
    wd_gds_item_t items[WD_GDS_ITEMS_MAX];
    wd_gds_ask_t  ask = {.dataset = WD_STR("values"),
                         .identifiers = WD_STR("IBM:"),
                         .fields = WD_STR("IQ_A")};

    (void) state;
    ask.dataset = WD_STR("prices");
    assert_int_equal(wd_gds_items(&ask, items, &n), WD_EINVAL);
    ask.dataset = WD_STR("values");
    ask.fields = WD_STR_NULL;
    assert_int_equal(wd_gds_items(&ask, items, &n), WD_EINVAL);

    for (i = 0; i <= WD_GDS_ITEMS_MAX; i++) {
        snprintf(list + 8 * i, 9, "IQ%05zu,", i);
    }
    ask.fields = wd_str_z(list);
    assert_int_equal(wd_gds_items(&ask, items, &n), WD_ETOOBIG);
    ask.fields = wd_str(list, (size_t) 8 * WD_GDS_ITEMS_MAX - 1);
    assert_ok(wd_gds_items(&ask, items, &n));
    assert_int_equal(n, WD_GDS_ITEMS_MAX);
    ask.identifiers = WD_STR("A:,B:");
    assert_int_equal(wd_gds_items(&ask, items, &n), WD_ETOOBIG);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
