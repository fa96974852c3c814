/*
 * test_processing_event.c - events read strictly and written whole.
 */
#include "wd_test.h"

#include "processing_event.h"

#define EVENT                                                                  \
    "{\"seq\":7,\"key\":\"raw/alphavantage/daily/x.zst\",\"sha256\":\"ab\","   \
    "\"provider\":\"alphavantage\",\"dataset\":\"daily\","                     \
    "\"args\":{\"symbol\":\"IBM\",\"n\":3},\"size\":12,"                       \
    "\"fetched_at\":\"2024-05-02T10:00:00.123456789Z\",\"http_status\":200}"


static void
test_parse(void **state)
{
    processing_event_t ev;

    (void) state;
    assert_ok(processing_event_parse(WD_STR(EVENT), &ev, NULL));
    assert_int_equal(ev.seq, 7);
    assert_int_equal(ev.size, 12);
    assert_string_equal(ev.dataset, "daily");
    assert_int_equal(ev.fetched_at % WD_NS_PER_S, 123456000);
    assert_view(processing_event_arg(&ev, "symbol"), "IBM");
    assert_view(processing_event_arg(&ev, "n"), "");
    assert_view(processing_event_arg(&ev, "none"), "");
    processing_event_done(&ev);
}


static void
test_refused(void **state)
{
    size_t             i;
    wd_error_t         err;
    processing_event_t ev;

    static const char *const bad[] = {
        "", "{", "[]", "{}", "7", "{\"seq\":0}", "{\"seq\":\"7\"}",
        "{\"seq\":1,\"key\":\"\"}",
        "{\"seq\":1,\"key\":\"k\",\"sha256\":\"a\",\"provider\":\"p\","
        "\"dataset\":\"d\"}",
        "{\"seq\":1,\"key\":\"k\",\"sha256\":\"a\",\"provider\":\"p\","
        "\"dataset\":\"d\",\"fetched_at\":\"yesterday\"}",
        "{\"seq\":1,\"key\":\"k\",\"sha256\":\"a\","
        "\"provider\":\"a-name-that-is-longer-than-a-name-may-be\","
        "\"dataset\":\"d\",\"fetched_at\":\"2024-05-02T10:00:00Z\"}"};

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        memset(&err, 0, sizeof(err));
        assert_int_equal(processing_event_parse(wd_str_z(bad[i]), &ev, &err),
                         WD_EPROTO);
        assert_true(err.text[0] != '\0');
        processing_event_done(&ev);
    }
}


static void
test_written(void **state)
{
    wd_buf_t           out = WD_BUF_INIT;
    wd_pool_t         *pool = wd_pool_create(4096);
    wd_records_t       r;
    processing_event_t ev;
    const wd_str_t     names[] = {WD_STR("A/FRA"), WD_STR("A/DEU"),
                                  WD_STR("A\"/X")};
    processing_notice_t  notice = {.kind = "observations",
                               .names_key = "series",
                               .names = names,
                               .n_names = 3,
                               .from = 0,
                               .to = WD_NS_PER_DAY,
                               .stored = 2,
                               .corrected = 1};

    (void) state;
    assert_ok(processing_event_parse(WD_STR(EVENT), &ev, NULL));

    processing_event_valid(&out, &ev, &notice, 1, 2);
    assert_true(wd_test_json_valid(wd_buf_view(&out)));
    assert_string_equal(
        wd_buf_cstr(&out),
        "{\"kind\":\"observations\",\"provider\":\"alphavantage\","
        "\"dataset\":\"daily\",\"raw_seq\":7,\"series\":[\"A/DEU\","
        "\"A\\\"/X\"],\"from\":\"1970-01-01T00:00:00Z\","
        "\"to\":\"1970-01-02T00:00:00Z\",\"stored\":2,\"corrected\":1}");

    wd_buf_reset(&out);
    wd_records_init(&r, pool);
    assert_ok(wd_records_reject(&r, 1, WD_REASON_DUPLICATE, WD_STR(""), "a"));
    assert_ok(wd_records_reject(&r, 2, WD_REASON_DUPLICATE, WD_STR(""), "b"));
    assert_ok(wd_records_reject(&r, -1, WD_REASON_TRUNCATED, WD_STR(""), "c"));
    processing_event_rejected(&out, &ev, &r);
    assert_string_equal(
        wd_buf_cstr(&out),
        "{\"provider\":\"alphavantage\",\"dataset\":\"daily\",\"raw_seq\":7,"
        "\"count\":3,\"reasons\":{\"truncated\":1,\"duplicate\":2}}");

    processing_event_done(&ev);
    wd_buf_done(&out);
    wd_pool_destroy(pool);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
