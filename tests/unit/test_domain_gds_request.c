/*
 * test_domain_gds_request.c - the body of a GDS batch: names escaped, days
 * turned round, limits.
 */
#include "wd_test.h"

#include "wd_gds_request.h"
#include "wd_records.h"

#define ITEM(f, i, m)                                                         \
    {                                                                         \
        .function = WD_STR(f), .identifier = WD_STR(i), .mnemonic = WD_STR(m) \
    }


static void
test_body(void **state)
{
    wd_buf_t      out = WD_BUF_INIT;
    wd_gds_item_t items[] = {ITEM("GDSP", "IQ12345", "IQ_COMPANY_NAME"),
                             ITEM("GDST", "TRIP:", "IQ_CLOSEPRICE"),
                             ITEM("GDSP", "A\"\\\xc3\xa9", "IQ_TOTAL_REV")};

    (void) state;
    items[1].frequency = WD_STR("Monthly");
    items[1].start = WD_STR("2018-01-02");
    items[1].end = WD_STR("2018-12-31");
    items[2].currency = WD_STR("USD");
    items[2].period = WD_STR("IQ_FY-4");
    items[2].as_of = WD_STR("2021-05-06");
    items[2].scale = WD_STR("millions");

    assert_ok(wd_gds_request(items, wd_array_len(items), &out));
    assert_string_equal(
        wd_buf_cstr(&out),
        "{\"inputRequests\":[{\"function\":\"GDSP\",\"identifier\":\"IQ12345\","
        "\"mnemonic\":\"IQ_COMPANY_NAME\"},{\"function\":\"GDST\","
        "\"identifier\":\"TRIP:\",\"mnemonic\":\"IQ_CLOSEPRICE\","
        "\"properties\":{\"frequency\":\"Monthly\",\"startDate\":"
        "\"01/02/2018\",\"endDate\":\"12/31/2018\"}},{\"function\":\"GDSP\","
        "\"identifier\":\"A\\\"\\\\\xc3\xa9\",\"mnemonic\":\"IQ_TOTAL_REV\","
        "\"properties\":{\"currencyId\":\"USD\",\"periodType\":\"IQ_FY-4\","
        "\"asOfDate\":\"05/06/2021\"}}]}");
    assert_true(wd_test_json_valid(wd_buf_view(&out)));
    wd_buf_done(&out);
}


static void
test_refused(void **state)
{
    size_t        i;
    char          longest[WD_GDS_NAME_MAX + 2];
    wd_buf_t      out = WD_BUF_INIT;
    wd_gds_item_t good = ITEM("GDSP", "IBM:", "IQ_MARKETCAP"), items[9];

    (void) state;
    memset(longest, 'A', sizeof(longest));
    for (i = 0; i < wd_array_len(items); i++) {
        items[i] = good;
    }
    items[0].function = WD_STR_NULL;
    items[1].identifier = WD_STR("");
    items[2].mnemonic = WD_STR("");
    items[3].identifier = wd_str(longest, WD_RECORD_SYMBOL_MAX + 1);
    items[4].mnemonic = wd_str(longest, WD_GDS_NAME_MAX + 1);
    items[5].identifier = WD_STR("IB\xff");
    items[6].period = WD_STR("IQ\nFY");
    items[7].as_of = WD_STR("2021-02-29");
    items[8].start = WD_STR("1/2/2018");
    for (i = 0; i < wd_array_len(items); i++) {
        assert_int_equal(wd_gds_request(&items[i], 1, &out), WD_EINVAL);
        assert_int_equal(out.len, 0);
    }
    assert_int_equal(wd_gds_request(&good, 0, &out), WD_EINVAL);
    wd_buf_done(&out);
}


static void
test_limits(void **state)
{
    size_t        i;
    wd_buf_t      out = WD_BUF_INIT;
    wd_gds_item_t items[WD_GDS_ITEMS_MAX + 1];
    wd_gds_item_t good = ITEM("GDSP", "IBM:", "IQ_MARKETCAP");

    (void) state;
    for (i = 0; i < wd_array_len(items); i++) {
        items[i] = good;
    }
    assert_int_equal(wd_gds_request(items, WD_GDS_ITEMS_MAX + 1, &out),
                     WD_ETOOBIG);
    assert_int_equal(out.len, 0);
    assert_ok(wd_gds_request(items, WD_GDS_ITEMS_MAX, &out));
    wd_buf_done(&out);

    wd_buf_init(&out, 100);
    assert_int_equal(wd_gds_request(items, 5, &out), WD_ETOOBIG);
    wd_buf_done(&out);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
