/*
 * Cache-Control and If-None-Match of requests.
 */
#include "wd_test.h"

#include "wd_cachectl.h"


static void
test_directives(void **state)
{
    static const struct {
        const char   *text;
        wd_cachectl_t want;
    } rows[] = {
        {"", {false, false, false, -1, -1}},
        {"no-cache", {true, false, false, -1, -1}},
        {"No-Cache , NO-STORE", {true, true, false, -1, -1}},
        {"only-if-cached,max-age=60", {false, false, true, 60, -1}},
        {" max-age = 5", {false, false, false, -1, -1}}, /* no such name */
        {"max-age=\"7\"", {false, false, false, 7, -1}},
        {"max-age=", {false, false, false, 0, -1}},
        {"max-age", {false, false, false, 0, -1}},
        {"max-age=-1", {false, false, false, 0, -1}},
        {"max-age=1.5", {false, false, false, 0, -1}},
        {"max-age=99999999999999999999999",
         {false, false, false, WD_CACHECTL_AGE_MAX, -1}},
        {"max-age=9, max-age=4", {false, false, false, 4, -1}},
        {"min-fresh=3,min-fresh=x", {false, false, false, -1, 3}},
        {"max-stale, foo=\"no-store, no-cache\", bar",
         {false, false, false, -1, -1}},
        {"foo=\"a\\\", no-store\"", {false, false, false, -1, -1}},
        {"foo=\"open, no-store", {false, false, false, -1, -1}},
        {",,,no-store,,", {false, true, false, -1, -1}},
        {"xno-store, no-storex", {false, false, false, -1, -1}},
    };
    size_t        i;
    wd_cachectl_t got;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        wd_cachectl_parse(wd_str_z(rows[i].text), &got);
        if (got.no_cache != rows[i].want.no_cache
            || got.no_store != rows[i].want.no_store
            || got.only_if_cached != rows[i].want.only_if_cached
            || got.max_age != rows[i].want.max_age
            || got.min_fresh != rows[i].want.min_fresh) {
            fail_msg("%s", rows[i].text);
        }
    }
}


static void
test_match(void **state)
{
    wd_str_t etag = WD_STR("\"a,b\"");

    (void) state;
    assert_true(wd_cachectl_match(WD_STR("\"a,b\""), etag));
    assert_true(wd_cachectl_match(WD_STR("W/\"a,b\""), etag));
    assert_true(wd_cachectl_match(WD_STR("\"x\", \"a,b\""), etag));
    assert_true(wd_cachectl_match(WD_STR("\"a,b\""), WD_STR("W/\"a,b\"")));
    assert_true(wd_cachectl_match(WD_STR(" * "), etag));
    assert_false(wd_cachectl_match(WD_STR("\"a"), etag));
    assert_false(wd_cachectl_match(WD_STR("a,b"), etag));
    assert_false(wd_cachectl_match(WD_STR(""), etag));
    assert_false(wd_cachectl_match(WD_STR("\"*\""), etag));
    assert_false(wd_cachectl_match(WD_STR("*"), WD_STR_NULL));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directives),
        cmocka_unit_test(test_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
