/*
 * test_domain_bbg_sse.c - a stream of events: fields, line ends, chunks that
 * end anywhere, bounds.
 */
#include "wd_test.h"

#include "wd_bbg_sse.h"

/* The events of a stream as one text: type, data, id of each in a line. */
static void
collect(wd_bbg_sse_t *s, wd_str_t chunk, wd_buf_t *out)
{
    int            rc;
    wd_bbg_event_t e;

    while ((rc = wd_bbg_sse_next(s, &chunk, &e)) != WD_ENOTFOUND) {
        if (rc == WD_OK) {
            wd_buf_printf(out, "%.*s[%.*s]%.*s;", WD_STR_ARG(e.type),
                          WD_STR_ARG(e.data), WD_STR_ARG(e.id));
        } else {
            assert_int_equal(rc, WD_ETOOBIG);
            wd_buf_z(out, "lost;");
        }
    }
    assert_int_equal(chunk.len, 0);
}


/* In chunks of `step` bytes, each in memory of its own. */
static void
assert_events(const char *stream, size_t len, size_t step, const char *want)
{
    size_t       i, n;
    char        *chunk;
    wd_buf_t     out = WD_BUF_INIT;
    wd_bbg_sse_t s;

    wd_bbg_sse_init(&s);
    for (i = 0; i < len; i += n) {
        n = wd_min(step, len - i);
        chunk = malloc(n);
        assert_non_null(chunk);
        memcpy(chunk, stream + i, n);
        collect(&s, wd_str(chunk, n), &out);
        free(chunk);
    }
    if (!wd_str_eq_z(wd_buf_view(&out), want)) {
        fail_msg("%s by %zu: %s", stream, step, wd_buf_cstr(&out));
    }
    wd_bbg_sse_done(&s);
    wd_buf_done(&out);
}


static void
test_streams(void **state)
{
    size_t i, step;

    static const struct {
        const char *stream, *events;
    } cases[] = {
        {"", ""},
        {"\n\n\n", ""},
        {"data: a\n\n", "message[a];"},
        {"data: a\r\n\r\n", "message[a];"},
        {"data: a\r\r", "message[a];"},
        {"data: a\r\n\rdata: b\n\r", "message[a];message[b];"},
        {"data: a\n", ""}, /* not complete */
        {"data: a", ""},
        {"data:a\ndata: b\ndata\ndata:  c\n\n", "message[a\nb\n\n c];"},
        {"id: 7\nevent: ContentDelivered\ndata: {\"a\":\"b: c\"}\n\n"
         "data: x\n\n",
         "ContentDelivered[{\"a\":\"b: c\"}]7;message[x]7;"},
        {":heartbeat\n\n:\n\n: x\ndata: y\n\n", "message[y];"},
        {"event: lonely\n\ndata: z\n\n", "message[z];"},
        {"id: 1\n\ndata: z\n\nid\ndata: q\n\n", "message[z]1;message[q];"},
        {"id: a\xc3\xa9\ndata: q\n\n", "message[q];"},
        {"data\n\n", "message[];"},
        {"\xef\xbb\xbf"
         "data: a\n\n\xef\xbb\xbf"
         "data: b\n\n",
         "message[a];"},
        {"unknown: 1\nDATA: 2\n data: 3\nretry: 5000\n\n", ""},
        {"data: \xff\xfe\n\n", "message[\xff\xfe];"},
        {"data: a\n\ndata: b\n\nda", "message[a];message[b];"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        for (step = 1; step < 9; step++) {
            assert_events(cases[i].stream, strlen(cases[i].stream), step,
                          cases[i].events);
        }
        assert_events(cases[i].stream, strlen(cases[i].stream), 1000,
                      cases[i].events);
    }
}


static void
test_retry_and_restart(void **state)
{
    wd_buf_t     out = WD_BUF_INIT;
    wd_bbg_sse_t s;

    (void) state;
    wd_bbg_sse_init(&s);
    assert_true(s.retry_ms == -1);
    collect(&s,
            WD_STR("retry: 3000\nretry: x\nretry: -1\nid: 9\ndata: a\n\n"
                   "event: t\ndata: half\nda"),
            &out);
    assert_true(s.retry_ms == 3000);
    assert_string_equal(s.id, "9");
    wd_bbg_sse_restart(&s);
    collect(&s, WD_STR("data: b\n\n"), &out);
    assert_view(wd_buf_view(&out), "message[a]9;message[b]9;");
    wd_bbg_sse_done(&s);
    wd_buf_done(&out);
}


static void
fill(wd_bbg_sse_t *s, wd_buf_t *out, char c, size_t n)
{
    static char block[4096];
    size_t      k;

    memset(block, c, sizeof(block));
    for (; n != 0; n -= k) {
        k = wd_min(n, sizeof(block));
        collect(s, wd_str(block, k), out);
    }
}


static void
test_bounds(void **state)
{
    size_t       i;
    wd_buf_t     out = WD_BUF_INIT;
    wd_bbg_sse_t s;

    (void) state;
    wd_bbg_sse_init(&s);

    /* A line without an end takes no more than its bound. */
    collect(&s, WD_STR("data: "), &out);
    fill(&s, &out, 'x', 10 * 1024 * 1024);
    assert_true(s.line.cap <= 4 * WD_BBG_SSE_LINE_MAX);
    collect(&s, WD_STR("\ndata: y\n\ndata: z\n\n"), &out);
    assert_view(wd_buf_view(&out), "lost;message[z];");

    /* Nor do many lines. */
    wd_buf_reset(&out);
    for (i = 0; i < 20; i++) {
        collect(&s, WD_STR("data: "), &out);
        fill(&s, &out, 'x', WD_BBG_SSE_LINE_MAX / 2);
        collect(&s, WD_STR("\n"), &out);
    }
    assert_true(s.data.cap <= 4 * WD_BBG_SSE_DATA_MAX);
    collect(&s, WD_STR("\ndata: z\n\n"), &out);
    assert_view(wd_buf_view(&out), "lost;message[z];");

    /* A type or an id that is too long. */
    wd_buf_reset(&out);
    collect(&s, WD_STR("event: "), &out);
    fill(&s, &out, 't', WD_BBG_SSE_TYPE_MAX);
    collect(&s, WD_STR("\ndata: a\n\nid: "), &out);
    fill(&s, &out, 'i', WD_BBG_SSE_ID_MAX);
    collect(&s, WD_STR("\ndata: b\n\n"), &out);
    assert_view(wd_buf_view(&out), "lost;message[b];");
    wd_bbg_sse_done(&s);
    wd_buf_done(&out);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_retry_and_restart),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
