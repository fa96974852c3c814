/*
 * The row writer: the same values in all formats, well-formed, counted.
 */
#include "wd_rows.h"
#include "wd_test.h"

#include <jansson.h>
#include <math.h>

static const wd_col_t cols[] = {{"s", WD_COL_STR},   {"n", WD_COL_NUM},
                                {"i", WD_COL_INT},   {"b", WD_COL_BOOL},
                                {"t", WD_COL_TIME},  {"d", WD_COL_DATE},
                                {"none", WD_COL_NUM}};

static const struct {
    const char *s;
    double      n;
    int64_t     i;
    bool        b;
} table[] = {
    {"plain", 1.5, 1, true},
    {"a \"quoted\", one\r\nof two lines", 0.1, -7, false},
    {"\xc3\xbc \x01 \xff", 1e300, INT64_MAX, true},
    {"", -123456.789, 0, false},
};


static void
write_table(wd_buf_t *out, unsigned format)
{
    wd_rows_t r;
    size_t    i;

    wd_rows_begin(&r, out, format, cols, wd_array_len(cols));
    for (i = 0; i < wd_array_len(table); i++) {
        wd_rows_row(&r);
        wd_rows_z(&r, table[i].s);
        wd_rows_num(&r, table[i].n);
        wd_rows_int(&r, table[i].i);
        wd_rows_bool(&r, table[i].b);
        wd_rows_time(&r, 1);
        wd_rows_time(&r, WD_NS_PER_DAY);
        wd_rows_num(&r, i == 1 ? INFINITY : NAN);
    }
    wd_rows_end(&r);
    wd_doc_member_z(r.doc, "next", NULL);
    wd_doc_member_int(r.doc, "count", (int64_t) r.n_rows);
    wd_doc_key(r.doc, "list");
    wd_doc_arr(r.doc);
    wd_doc_num(r.doc, 2.5);
    wd_doc_bool(r.doc, true);
    wd_doc_obj(r.doc);
    wd_doc_end(r.doc);
    wd_doc_end(r.doc);
    wd_rows_finish(&r);
    assert_ok(out->err);
}


static void
test_json(void **state)
{
    wd_buf_t     out;
    json_t      *doc, *row;
    json_error_t err;
    size_t       i;

    (void) state;
    wd_buf_init(&out, 0);
    write_table(&out, WD_FMT_JSON);

    doc = json_loadb((const char *) out.data, out.len, JSON_ALLOW_NUL, &err);
    if (doc == NULL) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(json_array_size(json_object_get(doc, "data")),
                     wd_array_len(table));
    for (i = 0; i < wd_array_len(table); i++) {
        row = json_array_get(json_object_get(doc, "data"), i);
        assert_int_equal(json_object_size(row), wd_array_len(cols));
        assert_true(json_number_value(json_object_get(row, "n"))
                    == table[i].n);
        assert_true(json_integer_value(json_object_get(row, "i"))
                    == table[i].i);
        assert_true(json_is_true(json_object_get(row, "b")) == table[i].b);
        assert_string_equal(json_string_value(json_object_get(row, "t")),
                            "1970-01-01T00:00:00.000000001Z");
        assert_string_equal(json_string_value(json_object_get(row, "d")),
                            "1970-01-02");
        assert_true(json_is_null(json_object_get(row, "none")));
    }
    row = json_array_get(json_object_get(doc, "data"), 1);
    assert_string_equal(json_string_value(json_object_get(row, "s")),
                        table[1].s);
    row = json_array_get(json_object_get(doc, "data"), 2);
    assert_string_equal(json_string_value(json_object_get(row, "s")),
                        "\xc3\xbc \x01 \xef\xbf\xbd");
    assert_true(json_is_null(json_object_get(doc, "next")));
    assert_int_equal(json_integer_value(json_object_get(doc, "count")), 4);
    assert_int_equal(json_array_size(json_object_get(doc, "list")), 3);

    json_decref(doc);
    wd_buf_done(&out);
}


static void
test_csv(void **state)
{
    static const char want[] =
        "s,n,i,b,t,d,none\r\n"
        "plain,1.5,1,true,1970-01-01T00:00:00.000000001Z,1970-01-02,\r\n"
        "\"a \"\"quoted\"\", one\r\nof two lines\",0.1,-7,false,"
        "1970-01-01T00:00:00.000000001Z,1970-01-02,\r\n";
    wd_buf_t out;

    (void) state;
    wd_buf_init(&out, 0);
    write_table(&out, WD_FMT_CSV);
    assert_true(out.len > sizeof(want));
    assert_memory_equal(out.data, want, sizeof(want) - 1);
    wd_buf_done(&out);
}


static void
test_msgpack(void **state)
{
    wd_buf_t out;
    wd_mp_t  doc, at, row, v;
    wd_str_t s;
    uint32_t n;
    double   f;
    int64_t  k;
    size_t   i;

    (void) state;
    wd_buf_init(&out, 0);
    write_table(&out, WD_FMT_MSGPACK);

    doc = at = wd_mp(out.data, out.len);
    assert_ok(wd_mp_skip(&at));
    assert_ptr_equal(at.p, at.end);
    at = doc;
    assert_ok(wd_mp_read_map(&at, &n));
    assert_int_equal(n, 4);

    assert_ok(wd_mp_map_find(doc, "data", &row));
    assert_ok(wd_mp_read_array(&row, &n));
    assert_int_equal(n, wd_array_len(table));
    for (i = 0; i < n; i++) {
        assert_ok(wd_mp_map_find(row, "s", &v));
        assert_ok(wd_mp_read_str(&v, &s));
        assert_view(s, table[i].s);
        assert_ok(wd_mp_map_find(row, "n", &v));
        assert_ok(wd_mp_read_num(&v, &f));
        assert_true(f == table[i].n);
        assert_ok(wd_mp_map_find(row, "i", &v));
        assert_ok(wd_mp_read_int(&v, &k));
        assert_true(k == table[i].i);
        assert_ok(wd_mp_map_find(row, "d", &v));
        assert_ok(wd_mp_read_str(&v, &s));
        assert_view(s, "1970-01-02");
        assert_ok(wd_mp_map_find(row, "none", &v));
        assert_true(wd_mp_read_nil(&v));
        assert_ok(wd_mp_skip(&row));
    }
    assert_ok(wd_mp_map_find(doc, "list", &v));
    assert_ok(wd_mp_read_array(&v, &n));
    assert_int_equal(n, 3);
    wd_buf_done(&out);
}


static void
test_empty(void **state)
{
    wd_buf_t  out;
    wd_rows_t r;

    (void) state;
    wd_buf_init(&out, 0);
    wd_rows_begin(&r, &out, WD_FMT_JSON, cols, 1);
    wd_rows_end(&r);
    wd_rows_finish(&r);
    assert_view(wd_buf_view(&out), "{\"data\":[]}");

    wd_buf_reset(&out);
    wd_rows_begin(&r, &out, WD_FMT_CSV, cols, 1);
    wd_rows_end(&r);
    wd_rows_finish(&r);
    assert_view(wd_buf_view(&out), "s\r\n");
    wd_buf_done(&out);
}


static void
test_full(void **state)
{
    static const unsigned formats[] = {WD_FMT_JSON, WD_FMT_CSV,
                                       WD_FMT_MSGPACK};
    wd_buf_t              out;
    wd_rows_t             r;
    size_t                i, k;

    (void) state;
    for (i = 0; i < wd_array_len(formats); i++) {
        wd_buf_init(&out, 100);
        wd_rows_begin(&r, &out, formats[i], cols, 1);
        for (k = 0; k < 50; k++) {
            wd_rows_row(&r);
            wd_rows_z(&r, "too much");
        }
        wd_rows_end(&r);
        wd_rows_finish(&r);
        assert_int_equal(out.err, WD_ETOOBIG);
        wd_buf_done(&out);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json),  cmocka_unit_test(test_csv),
        cmocka_unit_test(test_msgpack), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
