/*
 * Numbers: shortest text that reads back, strict and exact reading.
 */
#include "wd_test.h"

#include "wd_num.h"

#include <locale.h>
#include <math.h>


static const char *
text_of(double v)
{
    static char text[WD_NUM_TEXT_MAX];

    size_t      n = wd_num_format(v, text);

    assert_int_equal(n, strlen(text));
    return text;
}


/* How many significant digits a decimal text has. */
static size_t
digits(const char *text)
{
    size_t n = 0, zeros = 0;

    for (; *text != '\0' && *text != 'e'; text++) {
        if (*text < '0' || *text > '9' || (n == 0 && *text == '0')) {
            continue;
        }
        n++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}


/* The fewest digits that read back, found the slow way. */
static size_t
fewest_digits(double v)
{
    int  prec;
    char text[64];

    for (prec = 1; prec < 17; prec++) {
        snprintf(text, sizeof(text), "%.*e", prec - 1, v);
        if (strtod(text, NULL) == v) {
            return digits(text);
        }
    }
    return 17;
}


static void
check(double v)
{
    double      back;
    const char *text = text_of(v);

    if (!wd_test_json_valid(wd_str_z(text))) {
        fail_msg("%s is not a JSON number", text);
    }
    if (strtod(text, NULL) != v) {
        fail_msg("%.17g was written as %s", v, text);
    }
    assert_ok(wd_num_parse(wd_str_z(text), &back));
    if (back != v) {
        fail_msg("%s was read as %.17g", text, back);
    }
    if (v != 0 && digits(text) > fewest_digits(v)) {
        fail_msg("%s has more digits than needed", text);
    }
}


static void
test_known(void **state)
{
    static const struct {
        double      v;
        const char *text;
    } rows[] = {
        {0, "0"},
        {1, "1"},
        {-1, "-1"},
        {0.1, "0.1"},
        {-0.1, "-0.1"},
        {0.5, "0.5"},
        {61.2, "61.2"},
        {100, "100"},
        {0.001, "0.001"},
        {189.98, "189.98"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {123456789012345.6, "123456789012345.6"},
        {999999999999999, "999999999999999"},
        {1234567.123456789, "1234567.123456789"},
        {25462700000000, "25462700000000"},
        {4.35, "4.35"},
        {0.000123, "0.000123"},
        {2.5e-7, NULL},
        {1e-5, NULL},
        {1e-9, NULL},
        {1e-10, NULL},
        {5e-324, NULL},
        {2.2250738585072014e-308, NULL},
        {2.225073858507201e-308, NULL},
        {1.7976931348623157e308, NULL},
        {9007199254740992.0, NULL},
        {9007199254740994.0, NULL},
        {1e15, NULL},
        {1e16, NULL},
        {1e21, NULL},
        {1e22, NULL},
        {1e23, NULL},
        {9.5e-3, "0.0095"},
        {5.684341886080801e-14, NULL}, /* a power of two */
        {9.109383701528e-31, NULL},
        {6.02214076e23, NULL},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        check(rows[i].v);
        check(-rows[i].v);
        if (rows[i].text != NULL) {
            assert_string_equal(text_of(rows[i].v), rows[i].text);
        }
    }
}


static void
test_cents(void **state)
{
    int  k;
    char want[32];

    (void) state;
    for (k = 0; k <= 1000000; k++) {
        snprintf(want, sizeof(want), "%d.%02d", k / 100, k % 100);
        while (want[strlen(want) - 1] == '0') {
            want[strlen(want) - 1] = '\0';
        }
        if (want[strlen(want) - 1] == '.') {
            want[strlen(want) - 1] = '\0';
        }
        if (strcmp(text_of(k / 100.0), want) != 0) {
            fail_msg("%d/100 was written as %s", k, text_of(k / 100.0));
        }
    }
}


static void
test_powers(void **state)
{
    int e;

    (void) state;
    for (e = -1074; e <= 1023; e++) {
        check(ldexp(1, e));
        check(nextafter(ldexp(1, e), 0));
        check(nextafter(ldexp(1, e), INFINITY));
    }
    for (e = -323; e <= 308; e++) {
        check(strtod(text_of(pow(10, e)), NULL));
    }
}


static void
test_random_bits(void **state)
{
    int      i;
    double   v;
    uint64_t bits;

    (void) state;
    for (i = 0; i < 40000; i++) {
        bits = wd_test_random();
        memcpy(&v, &bits, sizeof(v));
        if (isfinite(v)) {
            check(v);
        }
    }
}


static void
test_random_decimals(void **state)
{
    int      i;
    uint64_t m;

    (void) state;
    for (i = 0; i < 40000; i++) {
        m = wd_test_random() >> (10 + wd_test_below(50));
        check((double) m / pow(10, (double) wd_test_below(20)));
    }
}


static void
test_parse(void **state)
{
    static const struct {
        const char *text;
        int         rc;
        double      v;
    } rows[] = {
        {"0", WD_OK, 0},
        {"-0", WD_OK, 0},
        {"+1", WD_OK, 1},
        {"1.5", WD_OK, 1.5},
        {"-1.5e3", WD_OK, -1500},
        {"1E+2", WD_OK, 100},
        {"1e-2", WD_OK, 0.01},
        {"000123", WD_OK, 123},
        {"9007199254740993", WD_OK, 9007199254740992.0},
        {"0.1", WD_OK, 0.1},
        {"1e308", WD_OK, 1e308},
        {"1e309", WD_EOVERFLOW, 0},
        {"-1e309", WD_EOVERFLOW, 0},
        {"1e999999999999", WD_EOVERFLOW, 0},
        {"1e-999999999999", WD_OK, 0},
        {"5e-324", WD_OK, 5e-324},
        {"2.4703282292062327e-324", WD_OK, 0},
        {"2.4703282292062329e-324", WD_OK, 5e-324},
        {"1.797693134862315807e308", WD_OK, 1.7976931348623157e308},
        {"1.797693134862315808e308", WD_EOVERFLOW, 0},
        {"", WD_EINVAL, 0},
        {" 1", WD_EINVAL, 0},
        {"1 ", WD_EINVAL, 0},
        {"1\n", WD_EINVAL, 0},
        {"+", WD_EINVAL, 0},
        {"-", WD_EINVAL, 0},
        {".", WD_EINVAL, 0},
        {"-.", WD_EINVAL, 0},
        {"e5", WD_EINVAL, 0},
        {".e5", WD_EINVAL, 0},
        {"1e", WD_EINVAL, 0},
        {"1e+", WD_EINVAL, 0},
        {"1e5.", WD_EINVAL, 0},
        {"1..2", WD_EINVAL, 0},
        {"1,5", WD_EINVAL, 0},
        {"--1", WD_EINVAL, 0},
        {"0x10", WD_EINVAL, 0},
        {"0x1p3", WD_EINVAL, 0},
        {"inf", WD_EINVAL, 0},
        {"Infinity", WD_EINVAL, 0},
        {"nan", WD_EINVAL, 0},
        {"NaN(1)", WD_EINVAL, 0},
        {"1d5", WD_EINVAL, 0},
        {"1_000", WD_EINVAL, 0},
        {"None", WD_EINVAL, 0},
    };
    double v;
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        v = 0;
        if (wd_num_parse(wd_str_z(rows[i].text), &v) != rows[i].rc
            || v != rows[i].v) {
            fail_msg("'%s' was read as %.17g", rows[i].text, v);
        }
    }
    assert_int_equal(wd_num_parse(WD_STR("1\0"), &v), WD_EINVAL);
    assert_int_equal(wd_num_parse(WD_STR_NULL, &v), WD_EINVAL);
}


/* The view ends in the middle of digits: what is behind must not count. */
static void
test_parse_view(void **state)
{
    double  v;
    int64_t i;

    (void) state;
    assert_ok(wd_num_parse(wd_str("1234567890123456789", 18), &v));
    assert_true(v == 123456789012345678.0);
    assert_ok(wd_num_parse(wd_str("1e55", 3), &v));
    assert_true(v == 1e5);
    assert_ok(wd_int_parse(wd_str("123", 2), &i));
    assert_int_equal(i, 12);
}


static void
test_int(void **state)
{
    static const struct {
        const char *text;
        int         rc;
        int64_t     v;
    } rows[] = {
        {"0", WD_OK, 0},
        {"-0", WD_OK, 0},
        {"42", WD_OK, 42},
        {"-42", WD_OK, -42},
        {"9223372036854775807", WD_OK, INT64_MAX},
        {"-9223372036854775808", WD_OK, INT64_MIN},
        {"9223372036854775808", WD_EOVERFLOW, 7},
        {"-9223372036854775809", WD_EOVERFLOW, 7},
        {"99999999999999999999999", WD_EOVERFLOW, 7},
        {"", WD_EINVAL, 7},
        {"-", WD_EINVAL, 7},
        {"1.0", WD_EINVAL, 7},
        {"1e3", WD_EINVAL, 7},
        {" 1", WD_EINVAL, 7},
        {"0x1", WD_EINVAL, 7},
        {"1a", WD_EINVAL, 7},
    };
    char    text[WD_NUM_TEXT_MAX];
    size_t  i, n;
    int64_t v;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        v = 7;
        if (wd_int_parse(wd_str_z(rows[i].text), &v) != rows[i].rc
            || v != rows[i].v) {
            fail_msg("'%s' was read as %lld", rows[i].text, (long long) v);
        }
    }

    for (i = 0; i < 1000; i++) {
        v = (int64_t) (wd_test_random() >> wd_test_below(64));
        v = i == 0 ? INT64_MIN : i == 1 ? INT64_MAX : i & 1 ? v : -v;
        n = wd_int_format(v, text);
        assert_int_equal(n, strlen(text));
        assert_true(strtoll(text, NULL, 10) == v);
        v = ~v;
        assert_ok(wd_int_parse(wd_str_z(text), &v));
        assert_true(strtoll(text, NULL, 10) == v);
    }
}


/* A program that sets a locale with a decimal comma changes nothing. */
static void
test_locale(void **state)
{
    char   command[600], third[WD_NUM_TEXT_MAX];
    double v;

    (void) state;
    wd_num_format(1.5e-7, third);
    snprintf(command, sizeof(command),
             "localedef -i de_DE -f UTF-8 %s/xx.UTF-8 >/dev/null 2>&1",
             wd_test_dir());
    if (system(command) != 0) {
        print_message("no localedef here\n");
        skip();
    }
    setenv("LOCPATH", wd_test_dir(), 1);
    if (setlocale(LC_ALL, "xx.UTF-8") == NULL) {
        print_message("the locale does not load\n");
        skip();
    }

    snprintf(command, sizeof(command), "%.1f", 1.5);
    assert_string_equal(command, "1,5");
    assert_string_equal(text_of(0.1), "0.1");
    assert_string_equal(text_of(1.0 / 3), "0.3333333333333333");
    assert_string_equal(text_of(1.5e-7), third);
    assert_ok(wd_num_parse(WD_STR("1.23456789012345678"), &v));
    assert_true(v == 1.23456789012345678);
    assert_ok(wd_num_parse(WD_STR("1.5e1"), &v));
    assert_true(v == 15);
    setlocale(LC_ALL, "C");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_cents),
        cmocka_unit_test(test_powers),
        cmocka_unit_test(test_random_bits),
        cmocka_unit_test(test_random_decimals),
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_parse_view),
        cmocka_unit_test(test_int),
        cmocka_unit_test(test_locale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
