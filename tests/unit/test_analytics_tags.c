/*
 * Cache tags: every answer's tag is among those of the commits that change
 * it, and nothing that comes from the bus breaks the reading.
 */
#include "analytics_tags.h"
#include "wd_mp.h"
#include "wd_test.h"

static wd_pool_t *pool;
static char       joined[65536];


/* The tags as one text with blanks. */
static const char *
join(wd_mp_t c, uint32_t n)
{
    size_t   len = 0;
    wd_str_t tag;

    joined[0] = '\0';
    while (n-- != 0) {
        assert_ok(wd_mp_read_str(&c, &tag));
        assert_true(tag.len <= ANALYTICS_TAG_MAX);
        len += (size_t) snprintf(joined + len, sizeof(joined) - len, "%s%.*s",
                                 len != 0 ? " " : "", WD_STR_ARG(tag));
    }
    assert_ptr_equal(c.p, c.end);
    return joined;
}


static const char *
answer(const char *kind, const wd_str_t *names, size_t n)
{
    wd_mp_t  c;
    uint32_t count;
    wd_buf_t out = WD_BUF_INIT;

    analytics_tags_put(&out, kind, names, n);
    assert_ok(out.err);
    c = wd_mp(out.data, out.len);
    assert_ok(wd_mp_read_array(&c, &count));
    assert_true(count <= ANALYTICS_TAGS_MAX);
    join(c, count);
    wd_buf_done(&out);
    return joined;
}


/* NULL: not understood. */
static const char *
event(const char *json, const char *more)
{
    int      rc;
    uint32_t n = 0;
    wd_buf_t out = WD_BUF_INIT;

    rc = analytics_tags_of_event(wd_str_z(json), wd_str_z(more), pool, &out,
                                 &n);
    if (rc == WD_OK) {
        join(wd_mp(out.data, out.len), n);
    } else {
        assert_int_equal(rc, WD_EPROTO);
    }
    wd_buf_done(&out);
    return rc == WD_OK ? joined : NULL;
}


static void
answers(void **state)
{
    int            i;
    char           text[17][8], longest[128];
    wd_str_t       names[17];
    const wd_str_t lower = WD_STR("brk.b");

    (void) state;
    for (i = 0; i < 17; i++) {
        snprintf(text[i], sizeof(text[i]), "S%d", i);
        names[i] = wd_str_z(text[i]);
    }
    assert_string_equal(answer("bars", names, 2), "bars:S0 bars:S1");
    assert_string_equal(answer("bars", names, 17), "bars");
    assert_int_equal(strlen(answer("quotes", names, 16)), 16 * 10 + 6 - 1);
    assert_string_equal(answer("instruments", NULL, 0), "instruments");
    assert_string_equal(answer("bars", &lower, 1), "bars:BRK.B");

    memset(longest, 'C', sizeof(longest));
    names[1] = wd_str(longest, ANALYTICS_TAG_MAX - 6);
    assert_int_equal(strlen(answer("macro", names + 1, 1)), ANALYTICS_TAG_MAX);
    names[1] = wd_str(longest, ANALYTICS_TAG_MAX - 5);
    assert_string_equal(answer("macro", names, 2), "macro");
}


static void
events(void **state)
{
    (void) state;
    assert_string_equal(
        event("{\"kind\": \"bars\", \"symbols\": [\"IBM\"]}", ""),
        "bars:IBM quotes:IBM instrument:IBM bars quotes");
    assert_string_equal(
        event("{\"symbols\":[\"i\\u0062m\"],\"x\":{\"symbols\":[\"NO\"]},"
              "\"kind\":\"quotes\"}",
              "OWN  LAST"),
        "quotes:IBM quotes:OWN quotes:LAST quotes");
    assert_string_equal(event("{\"kind\":\"observations\",\"series\":[\"A/B/US"
                              "\",\"A/B/FR\",\"C/US\",\"none\"]}",
                              ""),
                        "macro:A/B macro:C macro:none macro");
    assert_string_equal(event("{\"kind\":\"fundamentals\",\"symbols\":[]}", ""),
                        "");
    assert_string_equal(
        event("{\"kind\":\"trades\",\"symbols\":[\"A B\"]}", "A_B"),
        "trades:A B trades:A_B trades");
    assert_string_equal(
        event("{\"kind\":\"news\",\"symbols\":[\"AAPL\",\"CRYPTO:BTC\"]}", ""),
        "news:AAPL news:CRYPTO:BTC news");
    assert_string_equal(event("{\"kind\":\"news\",\"symbols\":[]}", ""),
                        "news");
    assert_string_equal(
        event("{\"kind\":\"identifiers\",\"symbols\":[\"A\"]}", ""),
        "instrument:A instruments");
    assert_string_equal(
        event("{\"kind\":\"instruments\",\"symbols\":[\"A\"]}", ""),
        "instrument:A bars:A news:A instruments bars news");
    assert_string_equal(
        event("{\"kind\":\"lists\",\"lists\":[\"countries\"]}", ""), "lists");
}


static void
not_understood(void **state)
{
    size_t                   i;
    static const char *const bad[] = {
        "",
        "5",
        "[]",
        "{}",
        "{\"kind\":\"bars\"}",
        "{\"symbols\":[\"A\"]}",
        "{\"kind\":\"new\",\"symbols\":[\"A\"]}",
        "{\"kind\":5,\"symbols\":[\"A\"]}",
        "{\"kind\":\"bars\",\"symbols\":\"A\"}",
        "{\"kind\":\"bars\",\"symbols\":[\"A\",5]}",
        "{\"kind\":\"bars\",\"symbols\":[[\"A\"]]}",
        "{\"kind\":\"bars\",\"symbols\":[\"A\"",
        "{\"kind\":\"bars\",\"symbols\":[\"A\"]",
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        if (event(bad[i], "") != NULL) {
            fail_msg("%s was understood", bad[i]);
        }
    }
}


static int
setup(void **state)
{
    (void) state;
    pool = wd_pool_create(4096);
    return pool != NULL ? 0 : -1;
}


static int
teardown(void **state)
{
    (void) state;
    wd_pool_destroy(pool);
    return 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(events),
        cmocka_unit_test(not_understood),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
