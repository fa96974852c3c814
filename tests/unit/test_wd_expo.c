/*
 * Lines of metrics: what is let through, and how it reads in OpenMetrics;
 * which format an Accept header wants.
 */
#include "wd_test.h"

#include "wd_expo.h"


/* The line in the family (type word, its name) as it is written, or "-". */
static const char *
written(wd_expo_type_e type, const char *family, const char *line,
        bool openmetrics, const char *more)
{
    static wd_buf_t  out;
    wd_expo_line_t   l;
    wd_expo_family_t f = {wd_str_z(family), type, openmetrics, false};

    wd_buf_reset(&out);
    if (wd_expo_line(wd_str_z(line), &l) != WD_EXPO_SAMPLE
        || !wd_expo_write(&out, &f, &l, more)) {
        assert_int_equal(out.len, 0);
        return "-";
    }
    assert_ok(out.err);
    assert_int_equal(out.data[out.len - 1], '\n');
    out.len--;
    return wd_buf_cstr(&out);
}


static void
test_kept(void **state)
{
    static const char *const lines[] = {
        "a 1",
        "a 1.5",
        "a -2e-07",
        "a .5",
        "a 5.",
        "a +Inf",
        "a -Inf",
        "a NaN",
        "a{b=\"c\"} 1",
        "a{b=\"\"} 1",
        "a{b=\"x\\\\y\\\"z\\n\",c=\"d\"} 1 1700000000000",
        "a{b=\"\xc3\xa4\"} 1",
        "a{b=\"},{\"} 1",
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(lines); i++) {
        assert_string_equal(written(WD_EXPO_GAUGE, "a", lines[i], false, NULL),
                            lines[i]);
    }
}


static void
test_normalised(void **state)
{
    (void) state;
    assert_string_equal(
        written(WD_EXPO_GAUGE, "a", "a { b = \"c\" , } \t 1  2 ", false, NULL),
        "a{b=\"c\"} 1 2");
    assert_string_equal(written(WD_EXPO_GAUGE, "a", "a{} inf", false, NULL),
                        "a +Inf");
    assert_string_equal(written(WD_EXPO_GAUGE, "a", "a nan", false, NULL),
                        "a NaN");
    assert_string_equal(written(WD_EXPO_GAUGE, "a", "a 1", false, "x=\"y\""),
                        "a{x=\"y\"} 1");
    assert_string_equal(
        written(WD_EXPO_GAUGE, "a", "a{b=\"c\"} 1", false, "x=\"y\""),
        "a{x=\"y\",b=\"c\"} 1");
}


static void
test_refused(void **state)
{
    static const char *const lines[] = {
        "a",
        "a ",
        "a x",
        "a 0x1p3",
        "a 1e",
        "a 1.2.3",
        "a .",
        "a --1",
        "a 1 x",
        "a 1 2 3",
        "a 1 1.5",
        "a 1 99999999999999999999",
        "a{ 1",
        "a{b} 1",
        "a{b=} 1",
        "a{b=c} 1",
        "a{b=\"c} 1",
        "a{b=\"c\" d=\"e\"} 1",
        "a{b=\"c\",b=\"d\"} 1",
        "a{,b=\"c\"} 1",
        "a{b=\"\\x\"} 1",
        "a{b=\"\\\"} 1",
        "a{b=\"\xff\"} 1",
        "a{1b=\"c\"} 1",
        "a{b:c=\"d\"} 1",
        "b 1",
        "a_total 1",
        " a 1",
        "a 1\r",
        "\xff 1",
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(lines); i++) {
        assert_string_equal(written(WD_EXPO_GAUGE, "a", lines[i], false, NULL),
                            "-");
    }
    assert_string_equal(
        written(WD_EXPO_GAUGE, "a", "a{x=\"z\"} 1", false, "x=\"y\""), "-");
}


static void
test_too_long(void **state)
{
    char           line[WD_EXPO_LINE_MAX + 2];
    size_t         i;
    wd_expo_line_t l;
    wd_buf_t       many = WD_BUF_INIT;

    (void) state;
    memset(line, 'a', sizeof(line));
    assert_int_equal(wd_expo_line(wd_str(line, WD_EXPO_LINE_MAX + 1), &l),
                     WD_EXPO_BAD);
    assert_int_equal(wd_expo_line(wd_str(line, WD_EXPO_NAME_MAX), &l),
                     WD_EXPO_SAMPLE);
    assert_int_equal(wd_expo_line(wd_str(line, WD_EXPO_NAME_MAX + 1), &l),
                     WD_EXPO_BAD);

    for (i = 0; i <= WD_EXPO_LABELS_MAX; i++) {
        wd_buf_printf(&many, "%sl%zu=\"\"", i == 0 ? "a{" : ",", i);
    }
    wd_buf_z(&many, "} 1");
    assert_string_equal(
        written(WD_EXPO_GAUGE, "a", wd_buf_cstr(&many), false, NULL), "-");
    wd_buf_done(&many);
}


static void
test_families(void **state)
{
    static const struct {
        wd_expo_type_e type;
        const char    *line;
        const char    *plain;
        const char    *open;
    } rows[] = {
        {WD_EXPO_HISTOGRAM, "a_bucket{le=\"5\"} 1", "a_bucket{le=\"5\"} 1",
         "a_bucket{le=\"5.0\"} 1"},
        {WD_EXPO_HISTOGRAM, "a_bucket{le=\"+Inf\"} 1",
         "a_bucket{le=\"+Inf\"} 1", "a_bucket{le=\"+Inf\"} 1"},
        {WD_EXPO_HISTOGRAM, "a_bucket{le=\"0.5\"} 1", "a_bucket{le=\"0.5\"} 1",
         "a_bucket{le=\"0.5\"} 1"},
        {WD_EXPO_HISTOGRAM, "a_bucket 1", "-", "-"},
        {WD_EXPO_HISTOGRAM, "a 1", "-", "-"},
        {WD_EXPO_HISTOGRAM, "a_sum -1", "a_sum -1", "a_sum -1"},
        {WD_EXPO_HISTOGRAM, "a_count -1", "a_count -1", "-"},
        {WD_EXPO_SUMMARY, "a{quantile=\"1\"} 2", "a{quantile=\"1\"} 2",
         "a{quantile=\"1.0\"} 2"},
        {WD_EXPO_SUMMARY, "a 2", "-", "-"},
        {WD_EXPO_SUMMARY, "a_bucket{le=\"1\"} 2", "-", "-"},
        {WD_EXPO_COUNTER, "a 2", "a 2", "a_total 2"},
        {WD_EXPO_COUNTER, "a -2", "a -2", "-"},
        {WD_EXPO_COUNTER, "a NaN", "a NaN", "-"},
        {WD_EXPO_GAUGE, "a 1 1700000000123", "a 1 1700000000123",
         "a 1 1700000000.123"},
        {WD_EXPO_GAUGE, "a 1 -5", "a 1 -5", "a 1 -0.005"},
        {WD_EXPO_UNTYPED, "a 1", "a 1", "a 1"},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_string_equal(
            written(rows[i].type, "a", rows[i].line, false, NULL),
            rows[i].plain);
        assert_string_equal(
            written(rows[i].type, "a", rows[i].line, true, NULL), rows[i].open);
    }
    assert_string_equal(
        written(WD_EXPO_COUNTER, "a_total", "a_total 2", true, NULL),
        "a_total 2");
}


static void
head_is(const char *name, wd_expo_type_e type, bool open, bool clash,
        const char *help, const char *expected)
{
    wd_buf_t         out = WD_BUF_INIT;
    wd_expo_family_t f = {wd_str_z(name), type, open, clash};

    wd_expo_write_head(&out, &f, wd_str_z(help));
    assert_string_equal(wd_buf_cstr(&out), expected);
    wd_buf_done(&out);
}


static void
test_heads(void **state)
{
    (void) state;
    head_is("a_total", WD_EXPO_COUNTER, false, false, "A \"b\" \\x.",
            "# HELP a_total A \"b\" \\x.\n# TYPE a_total counter\n");
    head_is("a_total", WD_EXPO_COUNTER, true, false, "A \"b\" \\x \\\\ \\n.",
            "# HELP a A \\\"b\\\" \\\\x \\\\ \\n.\n# TYPE a counter\n");
    head_is("a_total", WD_EXPO_COUNTER, true, true, "",
            "# TYPE a_total unknown\n");
    head_is("a", WD_EXPO_UNTYPED, false, false, "", "# TYPE a untyped\n");
    head_is("a", WD_EXPO_UNTYPED, true, false, "", "# TYPE a unknown\n");
    head_is("_total", WD_EXPO_COUNTER, true, false, "",
            "# TYPE _total counter\n");
}


static void
test_kinds(void **state)
{
    static const struct {
        const char    *line;
        wd_expo_kind_e kind;
    } rows[] = {
        {"", WD_EXPO_NOTHING},
        {"# a comment", WD_EXPO_NOTHING},
        {"# EOF", WD_EXPO_NOTHING},
        {"# HELP a Words.", WD_EXPO_HELP},
        {"# HELP a", WD_EXPO_HELP},
        {"# HELP a \xff", WD_EXPO_BAD},
        {"# HELP 1a x", WD_EXPO_BAD},
        {"# HELP a{ x", WD_EXPO_BAD},
        {"# TYPE a gauge", WD_EXPO_TYPE},
        {"# TYPE a gauges", WD_EXPO_BAD},
        {"# TYPE a", WD_EXPO_BAD},
        {"# TYPE  gauge", WD_EXPO_BAD},
        {"a:b 1", WD_EXPO_SAMPLE},
        {"0 1", WD_EXPO_BAD},
    };
    size_t         i;
    wd_expo_line_t l;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (wd_expo_line(wd_str_z(rows[i].line), &l) != rows[i].kind) {
            fail_msg("%s", rows[i].line);
        }
    }
}


static void
test_accept(void **state)
{
    static const struct {
        const char *accept;
        bool        openmetrics;
    } rows[] = {
        {"", false},
        {"*/*", false},
        {"text/plain", false},
        {"text/html", false},
        {"application/openmetrics-text", true},
        {"Application/OpenMetrics-Text; version=1.0.0; charset=utf-8", true},
        {"application/openmetrics-text;version=0.0.1", false},
        {"application/openmetrics-text;version=2.0.0", false},
        {"application/openmetrics-text;version=1.0.0;q=0", false},
        {"application/openmetrics-text;version=1.0.0;q=0.5,"
         "application/openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         true},
        {"application/openmetrics-text;q=0.3,text/plain;q=0.5", false},
        {"application/openmetrics-text;q=0.3,*/*;q=0.5", false},
        {"application/openmetrics-text,*/*", true},
        {"application/openmetrics-text, text/plain", false},
        {"text/*;q=0.1, application/*", true},
        {"application/*, text/*", false},
        {"application/openmetrics-text;q=2", false},
        {"application/openmetrics-text;q=0.1234", false},
        {"application/openmetrics-text;q=1.001", false},
        {"application/openmetrics-text;q=", false},
        {"application/openmetrics-text;q=0.001, text/plain;q=0", true},
        {",,;;,application/openmetrics-text;;q=1;,", true},
        {"application/openmetrics-textual", false},
    };
    size_t i;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (wd_expo_accept(wd_str_z(rows[i].accept)) != rows[i].openmetrics) {
            fail_msg("%s", rows[i].accept);
        }
    }
    assert_false(wd_expo_accept(WD_STR_NULL));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kept),     cmocka_unit_test(test_normalised),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_families), cmocka_unit_test(test_heads),
        cmocka_unit_test(test_kinds),    cmocka_unit_test(test_accept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
