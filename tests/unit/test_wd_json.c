/*
 * JSON writer and CSV cells.
 */
#include "wd_test.h"

#include "wd_json.h"

#include <jansson.h>
#include <math.h>


static void
test_shape(void **state)
{
    wd_buf_t  b = WD_BUF_INIT;
    wd_json_t j;

    (void) state;
    wd_json_init(&j, &b);
    wd_json_obj(&j);
    wd_json_key(&j, "a");
    wd_json_num(&j, 61.2);
    wd_json_key(&j, "b");
    wd_json_arr(&j);
    wd_json_end(&j);
    wd_json_key_str(&j, WD_STR("c\"\n"));
    wd_json_arr(&j);
    wd_json_int(&j, INT64_MIN);
    wd_json_bool(&j, true);
    wd_json_bool(&j, false);
    wd_json_null(&j);
    wd_json_z(&j, NULL);
    wd_json_z(&j, "z");
    wd_json_num(&j, NAN);
    wd_json_num(&j, INFINITY);
    wd_json_num(&j, -INFINITY);
    wd_json_obj(&j);
    wd_json_end(&j);
    wd_json_raw(&j, WD_STR("[1]"));
    wd_json_time(&j, 0);
    wd_json_date(&j, 0);
    wd_json_end(&j);
    wd_json_key(&j, "d");
    wd_json_str(&j, WD_STR_NULL);
    wd_json_end(&j);
    assert_view(wd_buf_view(&b),
                "{\"a\":61.2,\"b\":[],\"c\\\"\\n\":[-9223372036854775808,true,"
                "false,null,null,\"z\",null,null,null,{},[1],"
                "\"1970-01-01T00:00:00Z\",\"1970-01-01\"],\"d\":\"\"}");
    assert_ok(b.err);
    wd_buf_done(&b);
}


static void
test_depth(void **state)
{
    int       i;
    wd_buf_t  b = WD_BUF_INIT;
    wd_json_t j;

    (void) state;
    wd_json_init(&j, &b);
    for (i = 0; i < WD_JSON_DEPTH_MAX; i++) {
        wd_json_arr(&j);
    }
    for (i = 0; i < WD_JSON_DEPTH_MAX; i++) {
        wd_json_end(&j);
    }
    assert_ok(b.err);
    assert_int_equal(b.len, 2 * WD_JSON_DEPTH_MAX);
    wd_json_end(&j); /* one too many does no harm */

    wd_buf_reset(&b);
    wd_json_init(&j, &b);
    for (i = 0; i < WD_JSON_DEPTH_MAX + 1; i++) {
        wd_json_obj(&j);
        wd_json_key(&j, "k");
    }
    assert_int_not_equal(b.err, WD_OK);
    wd_buf_done(&b);
}


static const char *
escaped(wd_str_t s)
{
    static wd_buf_t b;

    wd_buf_reset(&b);
    wd_json_escape(&b, s);
    return wd_buf_cstr(&b);
}


static void
test_escape(void **state)
{
    int  c;
    char one[1];

    (void) state;
    assert_string_equal(escaped(WD_STR("")), "\"\"");
    assert_string_equal(escaped(WD_STR("a\"\\/\b\f\n\r\t")),
                        "\"a\\\"\\\\/\\u0008\\u000c\\n\\r\\t\"");
    assert_string_equal(escaped(WD_STR("\xc3\xa9\xe2\x82\xac"
                                       "\xf0\x9f\x98\x80")),
                        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    assert_string_equal(escaped(WD_STR("a\xff"
                                       "b\xc0\x80"
                                       "c\xed\xa0\x80\xe2\x82")),
                        "\"a\xef\xbf\xbd"
                        "b\xef\xbf\xbd\xef\xbf\xbd"
                        "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                        "\xef\xbf\xbd\xef\xbf\xbd\"");
    for (c = 0; c < 256; c++) {
        one[0] = (char) c;
        if (!wd_test_json_valid(wd_str_z(escaped(wd_str(one, 1))))) {
            fail_msg("byte %02x gives %s", (unsigned) c,
                     escaped(wd_str(one, 1)));
        }
    }
}


/* What is written is what another parser reads. */
static void
test_read_back(void **state)
{
    int         i;
    char        text[24];
    size_t      n, k;
    json_t     *v;
    const char *out;

    (void) state;
    for (i = 0; i < 100000; i++) {
        n = wd_test_below(sizeof(text));
        for (k = 0; k < n; k++) {
            text[k] = wd_test_below(3) ? "\"\\\n\x01\x7f az\0"[wd_test_below(9)]
                                       : (char) wd_test_random();
        }
        out = escaped(wd_str(text, n));
        v = json_loads(out, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        if (v == NULL) {
            fail_msg("not JSON: %s", out);
        }
        if (wd_utf8_valid(wd_str(text, n))) {
            assert_int_equal(json_string_length(v), n);
            assert_memory_equal(json_string_value(v), text, n);
        }
        json_decref(v);
    }
}


static void
test_csv(void **state)
{
    size_t   i;
    wd_buf_t b = WD_BUF_INIT;
    static const char *const rows[][2] = {
        {"", ""},
        {"abc", "abc"},
        {"a b", "a b"},
        {"a,b", "\"a,b\""},
        {"a\"b", "\"a\"\"b\""},
        {"\"", "\"\"\"\""},
        {"a\nb", "\"a\nb\""},
        {"a\rb", "\"a\rb\""},
        {"\xc3\xa9", "\xc3\xa9"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        wd_buf_reset(&b);
        wd_csv_cell(&b, wd_str_z(rows[i][0]));
        assert_view(wd_buf_view(&b), rows[i][1]);
    }
    wd_buf_done(&b);
}


/* The buffer's limit cuts, the error stays. */
static void
test_limit(void **state)
{
    wd_buf_t  b;
    wd_json_t j;

    (void) state;
    wd_buf_init(&b, 10);
    wd_json_init(&j, &b);
    wd_json_arr(&j);
    wd_json_z(&j, "0123456789");
    wd_json_end(&j);
    assert_int_equal(b.err, WD_ETOOBIG);
    assert_true(b.len <= 10);
    wd_buf_done(&b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shape),     cmocka_unit_test(test_depth),
        cmocka_unit_test(test_escape),    cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_csv),       cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
