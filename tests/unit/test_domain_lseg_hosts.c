/*
 * test_domain_lseg_hosts.c - which hosts of LSEG's service discovery are
 * connected to, and in which order.
 */
#include "wd_test.h"

#include "wd_lseg_hosts.h"

#define SERVICE(name, port, transport, formats, at)                            \
    "{\"endpoint\":\"" name "\",\"port\":" #port ",\"transport\":\"" transport \
    "\",\"provider\":\"aws\",\"dataFormat\":[" formats "],"                    \
    "\"location\":[" at "]}"
#define WS(name, at) SERVICE(name, 443, "websocket", "\"tr_json2\"", at)


static int
hosts(const char *services, const char *region, wd_lseg_hosts_t *h)
{
    wd_buf_t    b = WD_BUF_INIT;
    wd_answer_t a;

    wd_buf_printf(&b, "{\"services\":[%s]}", services);
    assert_ok(wd_lseg_hosts(wd_buf_view(&b), region, h, &a));
    wd_buf_done(&b);
    assert_true((a.class == WD_ANSWER_OK) == (h->n != 0));
    return (int) a.class;
}


#define FOUR                                                                \
    WS("eu-1.example", "\"eu-west-1a\"")                                    \
    "," WS("us-1.example", "\"us-east-1a\"") "," WS(                        \
        "us-3.example",                                                     \
        "\"us-east-1a\",\"us-east-1b\"") "," WS("eu-3.example",             \
                                                "\"eu-west-1a\",\"eu-west-" \
                                                "1b\"")


static void
test_order(void **state)
{
    wd_lseg_hosts_t h;

    (void) state;
    assert_int_equal(hosts(FOUR, "", &h), WD_ANSWER_OK);
    assert_int_equal(h.n, 4);
    assert_string_equal(h.hosts[0].name, "us-3.example");
    assert_string_equal(h.hosts[1].name, "eu-3.example");
    assert_string_equal(h.hosts[2].name, "eu-1.example");
    assert_int_equal(h.hosts[0].port, 443);
    assert_int_equal(h.hosts[0].locations, 2);
    assert_string_equal(h.hosts[0].location, "us-east-1a");

    hosts(FOUR, "eu-west", &h);
    assert_string_equal(h.hosts[0].name, "eu-3.example");
    assert_string_equal(h.hosts[1].name, "eu-1.example");
    assert_string_equal(h.hosts[2].name, "us-3.example");
    hosts(FOUR, "mars", &h); /* better any than none */
    assert_int_equal(h.n, 4);
}


static void
test_left_out(void **state)
{
    wd_lseg_hosts_t h;

    (void) state;
    assert_int_equal(
        hosts(
            SERVICE("a.b", 14002, "tcp", "\"rwf\"", "") "," SERVICE("a.b", 443, "websocket", "\"rwf\"", "") "," SERVICE(
                "a.b", 0, "websocket", "\"tr_json2\"",
                "") "," SERVICE("a.b", 65536, "websocket", "\"tr_json2\"",
                                "") "," WS("",
                                           "") "," WS("-a",
                                                      "") "," WS("a..b",
                                                                 "") "," WS("us"
                                                                            "er"
                                                                            "@h"
                                                                            "os"
                                                                            "t",
                                                                            "") "," WS("host/path",
                                                                                       "") "," WS("ho st",
                                                                                                  "") ",7,null,{},[]",
            "", &h),
        WD_ANSWER_MALFORMED);
    assert_int_equal(h.n, 0);
    assert_int_equal(hosts("7," WS("a", ""), "", &h), WD_ANSWER_OK);
    assert_int_equal(h.n, 1);
    assert_string_equal(h.hosts[0].location, "");
}


static void
test_many(void **state)
{
    int             i;
    wd_buf_t        b = WD_BUF_INIT;
    wd_lseg_hosts_t h;

    (void) state;
    for (i = 0; i < 100; i++) {
        wd_buf_printf(&b, "%s" WS("h%d.example", "\"x\""), i != 0 ? "," : "",
                      i);
    }
    assert_int_equal(hosts(wd_buf_cstr(&b), "", &h), WD_ANSWER_OK);
    assert_int_equal(h.n, WD_LSEG_HOSTS_MAX);
    assert_string_equal(h.hosts[31].name, "h31.example");
    wd_buf_done(&b);
}


static void
test_others(void **state)
{
    size_t          i;
    wd_answer_t     a;
    wd_lseg_hosts_t h;

    static const struct {
        const char *body;
        wd_answer_e class;
    } rows[] = {
        {"", WD_ANSWER_UPSTREAM},
        {"{", WD_ANSWER_MALFORMED},
        {"<html>", WD_ANSWER_MALFORMED},
        {"{}", WD_ANSWER_MALFORMED},
        {"[]", WD_ANSWER_MALFORMED},
        {"{\"services\":7}", WD_ANSWER_MALFORMED},
        {"{\"services\":[]}", WD_ANSWER_MALFORMED},
        {"{\"error\":{\"id\":\"x\",\"code\":\"401\",\"message\":"
         "\"token expired\",\"status\":\"Unauthorized\"}}",
         WD_ANSWER_AUTH},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_ok(wd_lseg_hosts(wd_str_z(rows[i].body), "", &h, &a));
        if (a.class != rows[i].class || h.n != 0) {
            fail_msg("row %zu: %s", i, wd_answer_name(a.class));
        }
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
