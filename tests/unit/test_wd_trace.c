/*
 * Trace context: the corpus of W3C's own test suite, limits, the choice of
 * traces by ratio.
 */
#include "wd_test.h"

#include "wd_trace.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static char out[WD_TRACESTATE_MAX + 1];


static const char *
put(wd_str_t in)
{
    out[wd_tracestate_put(in, WD_STR(SPAN), out)] = '\0';
    return out;
}


/* The members behind our own; "" when `in` was dropped. */
static const char *
rest(const char *in)
{
    const char *s = put(wd_str_z(in));

    assert_int_equal(strncmp(s, "wizdata=" SPAN, 24), 0);
    return s[24] == ',' ? s + 25 : s + 24;
}


static void
test_traceparent(void **state)
{
    size_t                   i;
    wd_traceparent_t         tp;
    static const char *const good[] = {
        "00-" TRACE "-" SPAN "-00",
        "00-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-ff",
        "01-" TRACE "-" SPAN "-01",
        "cc-" TRACE "-" SPAN "-01-what-the-future-brings",
        "fe-" TRACE "-" SPAN "-01-",
    };
    static const char *const bad[] = {
        "",
        "0",
        "00-" TRACE "-" SPAN,
        "00-" TRACE "-" SPAN "-0",
        "00-" TRACE "-" SPAN "-01-",
        "00-" TRACE "-" SPAN "-01-x",
        "00-" TRACE "-" SPAN "-0g",
        "ff-" TRACE "-" SPAN "-01",
        "0G-" TRACE "-" SPAN "-01",
        "FE-" TRACE "-" SPAN "-01",
        "cc-" TRACE "-" SPAN "-01.x",
        "00_" TRACE "-" SPAN "-01",
        "00-" TRACE "." SPAN "-01",
        "00-" TRACE "-" SPAN ".01",
        "00-00000000000000000000000000000000-" SPAN "-01",
        "00-" TRACE "-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
        "00-" TRACE "-B7AD6B7169203331-01",
        " 00-" TRACE "-" SPAN "-01",
        "00-" TRACE "-" SPAN "-01 ",
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        assert_true(wd_traceparent_parse(wd_str_z(good[i]), &tp));
        assert_view(tp.trace, TRACE);
        assert_view(tp.span, SPAN);
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        assert_false(wd_traceparent_parse(wd_str_z(bad[i]), &tp));
        assert_false(wd_traceparent_sampled(wd_str_z(bad[i])));
    }
    assert_false(wd_traceparent_parse(WD_STR_NULL, &tp));

    assert_true(wd_traceparent_sampled(WD_STR("00-" TRACE "-" SPAN "-03")));
    assert_false(wd_traceparent_sampled(WD_STR("00-" TRACE "-" SPAN "-02")));
    assert_true(wd_traceparent_parse(WD_STR("00-" TRACE "-" SPAN "-a5"), &tp));
    assert_int_equal(tp.flags, 0xa5);
}


static void
test_tracestate_good(void **state)
{
    (void) state;
    assert_string_equal(rest(""), "");
    assert_string_equal(rest("foo=1"), "foo=1");
    assert_string_equal(rest("foo=1,bar=2"), "foo=1,bar=2");
    assert_string_equal(rest("foo=1 \t , \t bar=2, \t baz=3"),
                        "foo=1,bar=2,baz=3");
    assert_string_equal(rest("foo=1,"), "foo=1");
    assert_string_equal(rest(",foo=1,,bar=2"), "foo=1,bar=2");
    assert_string_equal(rest("fw529a3039@dt=FfTwqxC"), "fw529a3039@dt=FfTwqxC");
    assert_string_equal(rest("0a*b_c-d/e@f=1"), "0a*b_c-d/e@f=1");
    assert_string_equal(rest("a= b c !~"), "a= b c !~");

    /* ours comes first, and once */
    assert_string_equal(rest("foo=1,wizdata=0000000000000001,bar=2"),
                        "foo=1,bar=2");
    assert_string_equal(rest("wizdata=x"), "");
    assert_string_equal(rest("wizdata2=x"), "wizdata2=x");
}


static void
test_tracestate_bad(void **state)
{
    size_t                   i;
    static const char *const bad[] = {
        "foo",          "foo=",
        "=1",           "foo=1,bar",
        "foo =1",       "FOO=1",
        "foo.bar=1",    "foo=1=2",
        "foo=1,foo=2",  "foo=1,bar=2,foo=1",
        "foo=\x01",     "foo=1\x7f",
        "foo=\xc3\xa9", "@foo=1",
        "-foo=1",       "*=1",
        "foo=1;bar=2",  "foo bar=1",
        "foo\t=1",      "foo=1\r\nbar=2",
        "foo=1\n",      "\"foo\"=1",
        "foo=1,=",
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        if (rest(bad[i])[0] != '\0') {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
    put(wd_str("foo=1\0", 6));
    assert_string_equal(out, "wizdata=" SPAN);
}


/* n members k0=v, k1=v, ... */
static char *
many(int n)
{
    int         i;
    static char text[8192];
    size_t      at = 0;

    text[0] = '\0';
    for (i = 0; i < n; i++) {
        at += (size_t) snprintf(text + at, sizeof(text) - at, "%sk%d=v",
                                i != 0 ? "," : "", i);
    }
    return text;
}


static void
test_tracestate_limits(void **state)
{
    char   text[600], fits[512], *p;
    size_t i, commas;

    (void) state;
    strcpy(fits, many(31));
    assert_string_equal(rest(fits), fits);

    /* 32 are allowed; with ours in front the last has no place */
    assert_string_equal(rest(many(32)), fits);
    assert_string_equal(rest(many(33)), "");

    memset(text, 'k', 256);
    strcpy(text + 256, "=1");
    assert_string_equal(rest(text), text);
    memset(text, 'k', 257);
    strcpy(text + 257, "=1");
    assert_string_equal(rest(text), "");

    snprintf(text, sizeof(text), "k=%0256d", 1);
    assert_string_equal(rest(text), text);
    snprintf(text, sizeof(text), "k=%0257d", 1);
    assert_string_equal(rest(text), "");

    /* longer than 512 bytes: long members first, then the last ones */
    snprintf(text, sizeof(text), "a=%0200d,b=2,c=%0200d,d=%0100d", 1, 1, 1);
    put(wd_str_z(text));
    assert_null(strstr(out, "c="));
    assert_non_null(strstr(out, ",a="));
    assert_non_null(strstr(out, ",b=2,d="));

    for (commas = i = 0; i < 30; i++) {
        snprintf(text + 19 * i, sizeof(text) - 19 * i, "k%02d=%014d,", (int) i,
                 1);
    }
    put(wd_str_z(text));
    assert_true(strlen(out) <= WD_TRACESTATE_MAX);
    assert_true(strlen(out) > WD_TRACESTATE_MAX - 20);
    for (p = out; *p != '\0'; p++) {
        commas += *p == ',';
    }
    snprintf(text, sizeof(text), ",k%02d=", (int) commas - 1);
    assert_non_null(strstr(out, text));
    snprintf(text, sizeof(text), ",k%02d=", (int) commas);
    assert_null(strstr(out, text));
}


static void
test_tracestate_too_long(void **state)
{
    static char text[WD_TRACESTATE_IN_MAX + 2];

    (void) state;
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, "a=1", 3);
    assert_string_equal(rest(text), "");
    text[WD_TRACESTATE_IN_MAX] = '\0';
    assert_string_equal(rest(text), "a=1");
}


static void
random_id(char id[WD_TRACE_ID_LEN + 1])
{
    snprintf(id, WD_TRACE_ID_LEN + 1, "%016llx%016llx",
             (unsigned long long) wd_test_random(),
             (unsigned long long) wd_test_random());
}


static void
test_ratio(void **state)
{
    int                 i, n;
    size_t              k;
    char                id[WD_TRACE_ID_LEN + 1];
    static const double ratios[] = {0.01, 0.1, 0.5, 0.9};

    (void) state;
    for (k = 0; k < wd_array_len(ratios); k++) {
        for (n = i = 0; i < 20000; i++) {
            random_id(id);
            n += wd_trace_chosen(wd_str_z(id), wd_trace_threshold(ratios[k]));
        }
        /* six standard deviations are below 0.022 at any ratio */
        assert_true(n > 20000 * (ratios[k] - 0.022));
        assert_true(n < 20000 * (ratios[k] + 0.022));
    }
}


/* Who records a tenth records nothing that one who records a half leaves. */
static void
test_ratio_agrees(void **state)
{
    int  i;
    char id[WD_TRACE_ID_LEN + 1];

    (void) state;
    for (i = 0; i < 5000; i++) {
        random_id(id);
        if (wd_trace_chosen(wd_str_z(id), wd_trace_threshold(0.1))) {
            assert_true(wd_trace_chosen(wd_str_z(id), wd_trace_threshold(0.5)));
        }
        assert_true(wd_trace_chosen(wd_str_z(id), wd_trace_threshold(1)));
        assert_false(wd_trace_chosen(wd_str_z(id), wd_trace_threshold(0)));
    }

    /* only the last 56 bits count; the edge of a half */
    assert_true(wd_trace_chosen(WD_STR("00000000000000000080000000000000"),
                                wd_trace_threshold(0.5)));
    assert_false(wd_trace_chosen(WD_STR("ffffffffffffffffff7fffffffffffff"),
                                 wd_trace_threshold(0.5)));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traceparent),
        cmocka_unit_test(test_tracestate_good),
        cmocka_unit_test(test_tracestate_bad),
        cmocka_unit_test(test_tracestate_limits),
        cmocka_unit_test(test_tracestate_too_long),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_ratio_agrees),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
