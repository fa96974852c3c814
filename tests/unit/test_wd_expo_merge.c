/*
 * The metrics of several sources become one text, whatever the pieces in
 * which they come and the steps in which the work is done.
 */
#include "wd_test.h"

#include "wd_expo_merge.h"

#define MAX (16 * 1024 * 1024)


static void
feed(wd_expo_merge_t *m, size_t source, const char *text, size_t piece,
     const char *label)
{
    size_t i, len = strlen(text);

    for (i = 0; i < len; i += piece) {
        assert_ok(wd_expo_merge_feed(
            m, source, wd_str(text + i, wd_min(piece, len - i)), MAX));
    }
    assert_ok(wd_expo_merge_end(m, source, label));
}


static void
merged(wd_expo_merge_t *m, bool openmetrics, size_t step, wd_buf_t *out)
{
    int rc = WD_OK;

    while (!wd_expo_merge_index(m, step, &rc)) {
        assert_ok(rc);
    }
    assert_ok(rc);
    while (!wd_expo_merge_write(m, openmetrics, step, out)) {
        /* void */
    }
    assert_true(wd_expo_merge_write(m, openmetrics, step, out));
}


static void
merges_to(const char *a, const char *b, bool openmetrics, size_t dropped,
          const char *expected)
{
    size_t           piece, step;
    wd_buf_t         out;
    wd_expo_merge_t *m;

    for (piece = 1; piece < 200; piece += 7) {
        for (step = 1; step < 50; step += 13) {
            m = wd_expo_merge_create();
            assert_non_null(m);
            wd_buf_init(&out, 0);
            assert_ok(wd_expo_merge_reserve(m, WD_STR("mine_total"),
                                            WD_EXPO_COUNTER));
            feed(m, 0, a, piece, NULL);
            if (b != NULL) {
                feed(m, 2, b, piece, "x=\"2\"");
            }
            merged(m, openmetrics, step, &out);
            assert_string_equal(wd_buf_cstr(&out), expected);
            assert_int_equal(wd_expo_merge_dropped(m), dropped);
            wd_buf_done(&out);
            while (!wd_expo_merge_shrink(m, 1)) {
                /* void */
            }
        }
    }
}


static void
test_merge(void **state)
{
    static const char a[] = "# HELP g Some.\n"
                            "# TYPE g gauge\n"
                            "g 1\n"
                            "# HELP c_total Count.\n"
                            "# TYPE c_total counter\n"
                            "c_total{k=\"1\"} 1\n"
                            "c_total{k=\"2\"} 2\n";
    static const char b[] = "# TYPE c_total counter\n"
                            "c_total{k=\"1\"} 5\n"
                            "# HELP g Other words.\n"
                            "# TYPE g counter\n"
                            "g 7";

    (void) state;
    merges_to(a, b, false, 0,
              "# HELP g Some.\n# TYPE g gauge\ng 1\ng{x=\"2\"} 7\n"
              "# HELP c_total Count.\n# TYPE c_total counter\n"
              "c_total{k=\"1\"} 1\nc_total{k=\"2\"} 2\n"
              "c_total{x=\"2\",k=\"1\"} 5\n");
    merges_to(a, b, true, 0,
              "# HELP g Some.\n# TYPE g gauge\ng 1\ng{x=\"2\"} 7\n"
              "# HELP c Count.\n# TYPE c counter\n"
              "c_total{k=\"1\"} 1\nc_total{k=\"2\"} 2\n"
              "c_total{x=\"2\",k=\"1\"} 5\n");
}


static void
test_left_out(void **state)
{
    (void) state;

    /* Without a head; bad lines; the caller's own; a head without samples. */
    merges_to("a 1\n\n# no\nb{ 1\na x\na 2\nmine_total 3\n"
              "# TYPE empty gauge\n# TYPE t strange\nt 1\n",
              NULL, false, 4,
              "# TYPE a untyped\na 1\na 2\n# TYPE t untyped\nt 1\n");

    /* A head counts wherever it stands; the first one does. */
    merges_to("a 1\n# TYPE a counter\na 2\n", "# TYPE a gauge\na 3\n", false, 0,
              "# TYPE a counter\na 1\na 2\na{x=\"2\"} 3\n");
    merges_to("h_sum 1\nh_x 1\n", "# TYPE h summary\nh_count 3\n", false, 0,
              "# TYPE h summary\nh_sum 1\nh_count{x=\"2\"} 3\n"
              "# TYPE h_x untyped\nh_x 1\n");
    merges_to("", NULL, false, 0, "");
    merges_to("\n\n\n", "x", false, 1, "");
}


static void
test_clashes(void **state)
{
    (void) state;

    merges_to("# TYPE a gauge\na 1\n# TYPE a_total counter\na_total 2\n", NULL,
              true, 0,
              "# TYPE a gauge\na 1\n# TYPE a_total unknown\na_total 2\n");
    merges_to("# TYPE a counter\na 1\n# TYPE a_total counter\na_total 2\n",
              NULL, true, 0,
              "# TYPE a unknown\na 1\n# TYPE a_total unknown\na_total 2\n");
    merges_to("# TYPE mine gauge\nmine 1\nb 1\n", NULL, true, 1,
              "# TYPE b unknown\nb 1\n");
    merges_to("# TYPE mine gauge\nmine 1\n", NULL, false, 0,
              "# TYPE mine gauge\nmine 1\n");
}


static void
test_histogram(void **state)
{
    static const char a[] = "# TYPE h histogram\n"
                            "h_bucket{le=\"1\"} 1\n"
                            "h_bucket{le=\"+Inf\"} 2\n"
                            "h_sum 3\n"
                            "h_count 2\n"
                            "h_other 1\n"
                            "h_sum{x=\"1\"} 4\n"
                            "h 1\n"
                            "h_bucket 1\n";

    (void) state;
    merges_to(a, NULL, true, 2,
              "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\n"
              "h_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n"
              "h_sum{x=\"1\"} 4\n"
              "# TYPE h_other unknown\nh_other 1\n");
}


/* Sources that broke are left out; more than `max` is refused. */
static void
test_incomplete(void **state)
{
    wd_buf_t         out = WD_BUF_INIT;
    wd_expo_merge_t *m = wd_expo_merge_create();

    (void) state;
    assert_non_null(m);
    assert_ok(wd_expo_merge_feed(m, 0, WD_STR("a 1\n"), 100));
    feed(m, 1, "b 1\n", 100, NULL);
    feed(m, 2, "c 1\n", 100, NULL);
    wd_expo_merge_drop(m, 2);
    assert_int_equal(wd_expo_merge_feed(m, 3, WD_STR("12345"), 4), WD_ETOOBIG);
    assert_ok(wd_expo_merge_feed(m, 3, WD_STR("1234"), 4));
    assert_int_equal(wd_expo_merge_feed(m, 3, WD_STR("1"), 4), WD_ETOOBIG);
    assert_int_equal(wd_expo_merge_feed(m, WD_EXPO_SOURCES_MAX, WD_STR("1"), 4),
                     WD_ETOOBIG);
    assert_int_equal(wd_expo_merge_end(m, WD_EXPO_SOURCES_MAX, NULL),
                     WD_ETOOBIG);
    merged(m, false, 10, &out);
    assert_string_equal(wd_buf_cstr(&out), "# TYPE b untyped\nb 1\n");
    wd_buf_done(&out);
    wd_expo_merge_destroy(m);
}


/* Lines of every length around the bounds of pieces and of lines. */
static void
test_long_lines(void **state)
{
    size_t           i, n = 0, len;
    wd_buf_t         text = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_expo_merge_t *m = wd_expo_merge_create();

    (void) state;
    assert_non_null(m);
    wd_buf_z(&text, "# TYPE a gauge\n");
    for (i = 0; i < 200; i++) {
        len = WD_EXPO_LINE_MAX - 190 + 2 * i; /* of the whole line */
        wd_buf_printf(&text, "a{n=\"%03zu\",b=\"", i);
        for (len -= strlen("a{n=\"000\",b=\"\"} 1"); len != 0; len--) {
            wd_buf_byte(&text, 'x');
        }
        wd_buf_z(&text, "\"} 1\n");
    }
    wd_buf_z(&text, "a 5\n");
    feed(m, 0, wd_buf_cstr(&text), 777, NULL);
    merged(m, false, 3, &out);

    for (i = 0; i < out.len; i++) {
        n += out.data[i] == '\n';
    }
    assert_int_equal(n, 1 + 96 + 1); /* head, those short enough, the last */
    assert_int_equal(wd_expo_merge_dropped(m), 104);
    assert_has(wd_buf_cstr(&out), "\na 5\n");

    wd_buf_done(&text);
    wd_buf_done(&out);
    wd_expo_merge_destroy(m);
}


static void
test_many(void **state)
{
    size_t           i, n = 0;
    wd_buf_t         text = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_expo_merge_t *m = wd_expo_merge_create();

    (void) state;
    assert_non_null(m);
    for (i = 0; i < WD_EXPO_FAMILIES_MAX + 100; i++) {
        wd_buf_printf(&text, "f%zu 1\n", i);
    }
    feed(m, 0, wd_buf_cstr(&text), 1000, NULL);
    feed(m, 1, wd_buf_cstr(&text), 1000, "s=\"1\"");
    merged(m, true, 100, &out);
    for (i = 0; i < out.len; i++) {
        n += out.data[i] == '\n';
    }
    assert_int_equal(n, 3 * WD_EXPO_FAMILIES_MAX);
    assert_int_equal(wd_expo_merge_dropped(m), 200);

    wd_buf_done(&text);
    wd_buf_done(&out);
    wd_expo_merge_destroy(m);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_merge),      cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_clashes),    cmocka_unit_test(test_histogram),
        cmocka_unit_test(test_incomplete), cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
