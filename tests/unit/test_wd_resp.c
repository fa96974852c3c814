/*
 * Replies of Redis in pieces of any size, and bytes that are none.
 */
#include "wd_test.h"

#include "wd_resp.h"


static int
resp_feed(wd_resp_reader_t *r, wd_str_t bytes, size_t step,
          const wd_resp_value_t **ret, size_t *ret_n)
{
    int      rc = WD_EAGAIN;
    size_t   n;
    uint8_t *p;

    while (bytes.len != 0 && rc == WD_EAGAIN) {
        n = wd_min(step, bytes.len);
        p = wd_resp_reader_space(r, n);
        assert_non_null(p);
        memcpy(p, bytes.data, n);
        wd_resp_reader_fed(r, n);
        bytes = wd_str(bytes.data + n, bytes.len - n);
        rc = wd_resp_reader_next(r, ret, ret_n);
    }
    return rc;
}


static void
test_values(void **state)
{
    size_t                 step, n;
    wd_resp_reader_t       r;
    const wd_resp_value_t *v;

    (void) state;
    for (step = 1; step < 60; step++) {
        wd_resp_reader_init(&r, 0);
        assert_ok(resp_feed(&r,
                            WD_STR("*6\r\n:-12\r\n$5\r\nhe\r\no\r\n$-1\r\n"
                                   "*2\r\n+OK\r\n*0\r\n-ERR no\r\n$0\r\n\r\n"),
                            step, &v, &n));
        assert_int_equal(n, 9);
        assert_int_equal(v[0].type, WD_RESP_ARRAY);
        assert_int_equal(v[0].n, 6);
        assert_int_equal(v[1].n, -12);
        assert_view(v[2].text, "he\r\no");
        assert_int_equal(v[3].type, WD_RESP_NIL);
        assert_int_equal(v[4].n, 2);
        assert_view(v[5].text, "OK");
        assert_int_equal(v[6].type, WD_RESP_ARRAY);
        assert_int_equal(v[7].type, WD_RESP_ERROR);
        assert_view(v[7].text, "ERR no");
        assert_int_equal(v[8].type, WD_RESP_BULK);
        assert_int_equal(v[8].text.len, 0);
        assert_int_equal(wd_resp_reader_next(&r, &v, &n), WD_EAGAIN);
        wd_resp_reader_done(&r);
    }
}


static void
test_pipeline(void **state)
{
    size_t                 n, i;
    uint8_t               *p;
    wd_resp_reader_t       r;
    const wd_resp_value_t *v;
    const char            *bytes = ":1\r\n:2\r\n$1\r\nx\r\n:4\r\n";

    (void) state;
    wd_resp_reader_init(&r, 0);
    p = wd_resp_reader_space(&r, strlen(bytes));
    memcpy(p, bytes, strlen(bytes));
    wd_resp_reader_fed(&r, strlen(bytes));
    for (i = 1; i <= 4; i++) {
        assert_ok(wd_resp_reader_next(&r, &v, &n));
        assert_int_equal(n, 1);
        if (i != 3) {
            assert_int_equal(v[0].n, i);
        }
    }
    assert_int_equal(wd_resp_reader_next(&r, &v, &n), WD_EAGAIN);
    wd_resp_reader_done(&r);
}


typedef struct {
    const char *bytes;
    int         rc;
} resp_wrong_t;

static const resp_wrong_t wrong[] = {
    {"HTTP/1.1 400\r\n", WD_EPROTO},
    {"\r\n", WD_EPROTO},
    {"\n", WD_EPROTO},
    {":1\n", WD_EPROTO},
    {":\r\n", WD_EPROTO},
    {":1x\r\n", WD_EPROTO},
    {":99999999999999999999\r\n", WD_EPROTO},
    {"$-2\r\n", WD_EPROTO},
    {"$1\r\nxy\r\n", WD_EPROTO},
    {"$3\r\nabcd\r", WD_EPROTO},
    {"*-2\r\n", WD_EPROTO},
    {"%1\r\n", WD_EPROTO},
    {"$16777217\r\n", WD_ETOOBIG},
    {"*5000\r\n", WD_ETOOBIG},
    {"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", WD_ETOOBIG},
};


static void
test_wrong(void **state)
{
    size_t                 i, n;
    wd_resp_reader_t       r;
    const wd_resp_value_t *v;

    (void) state;
    for (i = 0; i < wd_array_len(wrong); i++) {
        wd_resp_reader_init(&r, 0);
        assert_int_equal(resp_feed(&r, wd_str_z(wrong[i].bytes), 1, &v, &n),
                         wrong[i].rc);
        wd_resp_reader_done(&r);
    }
}


/* Endless lines and endless arrays end at a named limit. */
static void
test_limits(void **state)
{
    int                    rc;
    size_t                 i, n;
    wd_buf_t               b = WD_BUF_INIT;
    wd_resp_reader_t       r;
    const wd_resp_value_t *v;

    (void) state;
    wd_resp_reader_init(&r, 0);
    for (i = 0; i < 2 * WD_RESP_LINE_MAX; i++) {
        wd_buf_byte(&b, '+');
    }
    assert_int_equal(resp_feed(&r, wd_buf_view(&b), 7, &v, &n), WD_ETOOBIG);
    wd_resp_reader_done(&r);

    wd_buf_reset(&b);
    wd_buf_z(&b, "*4096\r\n");
    for (i = 0; i < 4096; i++) {
        wd_buf_z(&b, ":1\r\n");
    }
    wd_resp_reader_init(&r, 0);
    rc = resp_feed(&r, wd_buf_view(&b), 4096, &v, &n);
    assert_int_equal(rc, WD_ETOOBIG);
    wd_resp_reader_done(&r);

    wd_resp_reader_init(&r, 10);
    assert_int_equal(resp_feed(&r, WD_STR("$11\r\n"), 64, &v, &n), WD_ETOOBIG);
    wd_resp_reader_done(&r);
    wd_buf_done(&b);
}


static void
test_command(void **state)
{
    wd_buf_t b = WD_BUF_INIT;

    (void) state;
    wd_resp_put_command(&b, 3);
    wd_resp_put_arg(&b, WD_STR("SET"));
    wd_resp_put_arg(&b, WD_STR("a b\r\n"));
    wd_resp_put_int(&b, -42);
    assert_string_equal(wd_buf_cstr(&b),
                        "*3\r\n$3\r\nSET\r\n$5\r\na b\r\n\r\n$3\r\n-42\r\n");
    wd_buf_done(&b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),  cmocka_unit_test(test_pipeline),
        cmocka_unit_test(test_wrong),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
