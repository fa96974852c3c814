/*
 * test_wd_json_scan.c - the cursor over JSON: each kind of value, ends that
 * come too early, damage, and words for figures that are none.
 */
#include "wd_test.h"

#include "wd_json_scan.h"

/* What is read of a text, without a byte behind it. */
static int
scan(const char *text, bool words, wd_json_scan_val_t *v, size_t *ret_used)
{
    int            rc;
    size_t         n = strlen(text);
    char          *copy = malloc(n + 1);
    wd_json_scan_t s;

    assert_non_null(copy);
    memcpy(copy, text, n);
    s = wd_json_scan(wd_str(copy, n));
    s.words = words;
    rc = wd_json_scan_value(&s, NULL, v);
    *ret_used = (size_t) (s.p - copy);
    free(copy);
    return rc;
}


static void
test_values(void **state)
{
    size_t             i, used;
    wd_json_scan_val_t v;

    static const struct {
        const char    *text;
        wd_json_scan_e type;
        size_t         used;
    } good[] = {
        {" \"a\",", WD_JS_STRING, 4}, {"-1.5e+3 ", WD_JS_NUMBER, 7},
        {"0]", WD_JS_NUMBER, 1},      {"1e999,", WD_JS_NUMBER, 5},
        {"true", WD_JS_TRUE, 4},      {"false", WD_JS_FALSE, 5},
        {"null", WD_JS_NULL, 4},      {"\n{", WD_JS_OBJECT, 1},
        {"[1]", WD_JS_ARRAY, 0},
    };

    (void) state;
    for (i = 0; i < 2 * wd_array_len(good); i++) {
        assert_ok(scan(good[i / 2].text, i % 2 == 1, &v, &used));
        assert_int_equal(v.type, good[i / 2].type);
        assert_int_equal(used, good[i / 2].used);
    }
}


static void
test_no_values(void **state)
{
    size_t             i, used;
    wd_json_scan_val_t v;

    static const struct {
        const char *text;
        int         rc;
    } bad[] = {
        {"", WD_ETRUNC},          {" ", WD_ETRUNC},
        {"\"a", WD_ETRUNC},       {"\"\\u12", WD_ETRUNC},
        {"nul", WD_ETRUNC},       {"n", WD_ETRUNC},
        {"tru", WD_ETRUNC},       {"-", WD_ETRUNC},
        {"1", WD_ETRUNC},         {"1.", WD_ETRUNC},
        {"1e", WD_ETRUNC},        {"nope", WD_EPROTO},
        {"None,", WD_EPROTO},     {"+1,", WD_EPROTO},
        {".5,", WD_EPROTO},       {"01,", WD_EPROTO},
        {"1.,", WD_EPROTO},       {"--1,", WD_EPROTO},
        {"}", WD_EPROTO},         {"'a'", WD_EPROTO},
        {"NULL,", WD_EPROTO},     {"NA,", WD_EPROTO},
        {"Infinite,", WD_EPROTO}, {"undefined,", WD_EPROTO},
    };

    (void) state;
    for (i = 0; i < 2 * wd_array_len(bad); i++) {
        if (scan(bad[i / 2].text, i % 2 == 1, &v, &used) != bad[i / 2].rc) {
            fail_msg("%s, %s", bad[i / 2].text, i % 2 ? "words" : "strict");
        }
    }
}


static void
test_words(void **state)
{
    size_t             i, used;
    wd_json_scan_val_t v;

    static const char *const words[] = {"NaN",       "nan", "-nan", "+NaN",
                                        "Infinity",  "inf", "-Inf", "-Infinity",
                                        "+INFINITY", "-NaN"};
    static const char *const cut[] = {"N",  "na",  "NaN",
                                      "-i", "Inf", "-Infinit"};
    char                     text[20];

    (void) state;
    for (i = 0; i < wd_array_len(words); i++) {
        snprintf(text, sizeof(text), "%s}", words[i]);
        assert_ok(scan(text, true, &v, &used));
        assert_int_equal(v.type, WD_JS_NUMBER);
        assert_int_equal(v.text.len, strlen(words[i]));
        assert_int_equal(used, strlen(words[i]));
        assert_int_equal(scan(text, false, &v, &used), WD_EPROTO);
    }
    for (i = 0; i < wd_array_len(cut); i++) {
        assert_int_equal(scan(cut[i], true, &v, &used), WD_ETRUNC);
    }
}


/* Rules go with the cursor, and skipping goes by them. */
static void
test_skip(void **state)
{
    wd_json_scan_t s = wd_json_scan(
        WD_STR("{\"a\":[NaN,{\"b\":-inf}],\"c\":0} 7"));
    wd_json_scan_t t = s;

    (void) state;
    assert_int_equal(wd_json_scan_skip(&t), WD_EPROTO);
    s.words = true;
    t = wd_json_scan_from(&s, s.p + 5);
    assert_ok(wd_json_scan_skip(&t));
    assert_int_equal(*t.p, ',');
    assert_ok(wd_json_scan_skip(&s));
    assert_false(wd_json_scan_at_end(&s));
    assert_int_equal(*s.p, '7');
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_no_values),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_skip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
