/*
 * Media types and codings of bodies that are data.
 */
#include "wd_test.h"

#include "wd_upload.h"


static void
test_types(void **state)
{
    size_t i;
    static const struct {
        const char *header;
        const char *type; /* NULL: not taken */
    } rows[] = {
        {"text/csv", "text/csv"},
        {"Text/CSV", "text/csv"},
        {" text/csv ; header=present", "text/csv"},
        {"text/csv;", "text/csv"},
        {"text/csv; charset=utf-8", "text/csv"},
        {"text/csv;header=present;Charset=\"UTF-8\"", "text/csv"},
        {"text/csv; charset=us-ascii", "text/csv"},
        {"application/json", "application/json"},
        {"application/x-ndjson", "application/x-ndjson"},
        {"application/msgpack", "application/msgpack"},
        {"application/vnd.msgpack", "application/msgpack"},
        {"", NULL},
        {";", NULL},
        {"text", NULL},
        {"text/csvx", NULL},
        {"text/csv,application/json", NULL},
        {"text/plain", NULL},
        {"application/octet-stream", NULL},
        {"multipart/form-data; boundary=x", NULL},
        {"text/csv; charset=iso-8859-1", NULL},
        {"text/csv; charset", NULL},
        {"text/csv; charset=", NULL},
        {"text/csv; charset=\"", NULL},
        {"text/csv; charset=utf-8; charset=latin1", NULL},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        const char *type = wd_upload_type(wd_str_z(rows[i].header));

        if (rows[i].type == NULL) {
            if (type != NULL) {
                fail_msg("\"%s\" is %s", rows[i].header, type);
            }
        } else if (type == NULL || strcmp(type, rows[i].type) != 0) {
            fail_msg("\"%s\" is not %s", rows[i].header, rows[i].type);
        }
    }
    assert_null(wd_upload_type(WD_STR_NULL));

    for (i = 0; wd_upload_types()[i] != NULL; i++) {
        assert_string_equal(wd_upload_type(wd_str_z(wd_upload_types()[i])),
                            wd_upload_types()[i]);
    }
    assert_int_equal(i, 4);
}


static void
test_codings(void **state)
{
    (void) state;
    assert_string_equal(wd_upload_coding(WD_STR_NULL), "");
    assert_string_equal(wd_upload_coding(WD_STR("")), "");
    assert_string_equal(wd_upload_coding(WD_STR("identity")), "");
    assert_string_equal(wd_upload_coding(WD_STR("gzip")), "gzip");
    assert_string_equal(wd_upload_coding(WD_STR("GZip ")), "gzip");
    assert_string_equal(wd_upload_coding(WD_STR("x-gzip")), "gzip");
    assert_string_equal(wd_upload_coding(WD_STR("zstd")), "zstd");
    assert_null(wd_upload_coding(WD_STR("br")));
    assert_null(wd_upload_coding(WD_STR("gzip, gzip")));
    assert_null(wd_upload_coding(WD_STR("gzip,zstd")));
    assert_null(wd_upload_coding(WD_STR("deflate")));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_codings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
