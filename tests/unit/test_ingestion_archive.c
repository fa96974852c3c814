/*
 * Payloads reach the lake once for each content, also over a restart, and
 * events say what the manifest says.
 */
#include "ingestion_archive.h"
#include "wd_lake.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

static char root[64];


static void
put(ingestion_archive_t *a, const char *args, const char *body,
    ingestion_archived_t *ret)
{
    wd_error_t    err;
    wd_http_res_t res;

    wd_http_res_init(&res);
    res.status = 200;
    strcpy(res.content_type, "application/json");
    wd_buf_z(&res.body, body);
    assert_int_equal(
        ingestion_archive_put(a, "alphavantage", "daily", args, "", &res,
                              ret, &err),
        WD_OK);
    wd_http_res_done(&res);
}


#define IBM "{\"outputsize\":\"compact\",\"symbol\":\"IBM\"}"
#define SPY "{\"outputsize\":\"compact\",\"symbol\":\"SPY\"}"

static void
equal_content_is_stored_once(void **state)
{
    wd_error_t                err;
    ingestion_archive_t      *a, *other;
    ingestion_archived_t      r, first;
    ingestion_archive_state_t s;

    (void) state;
    assert_int_equal(ingestion_archive_open(root, 0, &a, &err), WD_OK);
    put(a, IBM, "one", &first);
    assert_false(first.duplicate);
    assert_int_equal(first.seq, 1);
    assert_int_equal(strlen(first.sha256), 64);
    assert_true(first.since == first.fetched_at);
    put(a, IBM, "one", &r);
    assert_true(r.duplicate);
    assert_true(r.since == first.since);
    assert_true(r.fetched_at > r.since);
    put(a, SPY, "one", &r); /* another question */
    assert_int_equal(r.seq, 2);
    put(a, IBM, "two", &r);
    assert_int_equal(r.seq, 3);
    put(a, IBM, "one", &first); /* it was changed meanwhile */
    assert_int_equal(first.seq, 4);
    assert_true(first.since == first.fetched_at);

    /* Another process knows it from the manifest, and the first one what
     * the other stored. */
    assert_int_equal(ingestion_archive_open(root, 0, &other, &err), WD_OK);
    put(other, IBM, "one", &r);
    assert_true(r.duplicate);
    assert_true(r.since == first.since);
    put(other, IBM, "three", &r);
    assert_int_equal(r.seq, 5);
    put(a, IBM, "three", &r);
    assert_true(r.duplicate);

    ingestion_archive_state(a, &s);
    assert_int_equal(s.objects, 5);
    assert_true(s.writable);
    assert_false(s.full);
    ingestion_archive_close(other);
    ingestion_archive_close(a);

    assert_int_equal(ingestion_archive_open(root, 1ull << 60, &a, &err),
                     WD_OK);
    ingestion_archive_state(a, &s);
    assert_true(s.full);
    ingestion_archive_close(a);
}


static void
events(void **state)
{
    wd_buf_t      b = WD_BUF_INIT;
    wd_lake_row_t row = {.seq = 7, .size = 3, .http_status = 200,
                         .fetched_at = 1};

    (void) state;
    strcpy(row.key, "raw/a/b/1970/01/01/7-x.zst");
    strcpy(row.provider, "alphavantage");
    strcpy(row.dataset, "daily");
    strcpy(row.args, IBM);
    strcpy(row.sha256, "00ff");
    strcpy(row.content_type, "text/\"x");
    wd_lake_event(&row, &b);
    assert_string_equal(
        wd_buf_cstr(&b),
        "{\"seq\":7,\"key\":\"raw/a/b/1970/01/01/7-x.zst\","
        "\"sha256\":\"00ff\",\"provider\":\"alphavantage\","
        "\"dataset\":\"daily\",\"args\":" IBM ",\"size\":3,"
        "\"fetched_at\":\"1970-01-01T00:00:00.000000001Z\","
        "\"http_status\":200,\"content_type\":\"text/\\\"x\"}");
    wd_buf_done(&b);
}


int
main(void)
{
    int                     rc;
    char                    rm[96];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_content_is_stored_once),
        cmocka_unit_test(events),
    };

    strcpy(root, "/tmp/wd-archive-XXXXXX");
    if (mkdtemp(root) == NULL) {
        return 1;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    snprintf(rm, sizeof(rm), "rm -r %s", root);
    return system(rm) == 0 ? rc : 1;
}
