/*
 * Responses of foreign servers: well-formed ones in every form and split at
 * every byte, and those that are refused.
 */
#include "wd_test.h"

#include "wd_http_reply.h"

#define BODY_MAX 1000


/* The code of the whole text, fed in two parts. */
static int
feed_split(wd_http_reply_t *r, wd_str_t text, size_t at, bool closed)
{
    int rc;

    wd_http_reply_init(r, BODY_MAX);
    rc = wd_http_reply_feed(r, (const uint8_t *) text.data, at);
    if (rc == WD_EAGAIN) {
        rc = wd_http_reply_feed(r, (const uint8_t *) text.data + at,
                                text.len - at);
    }
    return rc == WD_EAGAIN && closed ? wd_http_reply_end(r) : rc;
}


static int
feed_bytes(wd_http_reply_t *r, wd_str_t text, bool closed)
{
    int    rc = WD_EAGAIN;
    size_t i;

    wd_http_reply_init(r, BODY_MAX);
    for (i = 0; i < text.len && rc == WD_EAGAIN; i++) {
        rc = wd_http_reply_feed(r, (const uint8_t *) text.data + i, 1);
    }
    return rc == WD_EAGAIN && closed ? wd_http_reply_end(r) : rc;
}


static void
assert_reply(const char *z, bool closed, int status, const char *body,
             int64_t max_age)
{
    size_t          i;
    wd_str_t        text = wd_str_z(z);
    wd_http_reply_t r;

    for (i = 0; i <= text.len + 1; i++) {
        if ((i <= text.len ? feed_split(&r, text, i, closed)
                           : feed_bytes(&r, text, closed))
            != WD_OK) {
            fail_msg("split at %zu: %s", i, z);
        }
        assert_int_equal(r.status, status);
        assert_view(wd_buf_view(&r.body), body);
        assert_int_equal(r.max_age, max_age);
        wd_http_reply_done(&r);
    }
}


static void
test_taken(void **state)
{
    (void) state;
    assert_reply("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false,
                 200, "hello", -1);
    assert_reply("HTTP/1.1 200 OK\r\ncontent-length:5\r\n\r\nhellomore", false,
                 200, "hello", -1);
    assert_reply("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", false, 200, "",
                 -1);
    assert_reply("HTTP/1.0 404 Not Found\r\n\r\ngone", true, 404, "gone", -1);
    assert_reply("HTTP/1.1 200 OK\n\nbody", true, 200, "body", -1);
    assert_reply("HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n", false, 304, "",
                 -1);
    assert_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
                 false, 200, "hello world", -1);
    assert_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
                 "000A\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n",
                 false, 200, "0123456789", -1);
    assert_reply("HTTP/1.1 302 Found\r\nLocation: https://b/\r\n"
                 "Content-Length: 0\r\n\r\n",
                 false, 302, "", -1);
}


static void
test_cache_control(void **state)
{
    (void) state;
#define CC(value) "HTTP/1.1 204 x\r\nCache-Control: " value "\r\n\r\n"
    assert_reply(CC("max-age=60"), false, 204, "", 60);
    assert_reply(CC("public, MAX-AGE=60, must-revalidate"), false, 204, "", 60);
    assert_reply(CC("max-age=99999999999999999999"), false, 204, "",
                 WD_HTTP_REPLY_AGE_MAX);
    assert_reply(CC("max-age=9000000000"), false, 204, "",
                 WD_HTTP_REPLY_AGE_MAX);
    assert_reply(CC("no-store"), false, 204, "", 0);
    assert_reply(CC("max-age=60, no-cache"), false, 204, "", 0);
    assert_reply(CC("max-age=-1"), false, 204, "", -1);
    assert_reply(CC("max-age=x"), false, 204, "", -1);
    assert_reply(CC(""), false, 204, "", -1);
}


static void
test_refused(void **state)
{
    int             rc;
    size_t          i;
    wd_http_reply_t r;

    static const struct {
        const char *text;
        int         code;
    } rows[] = {
        {"\r\n\r\n", WD_EPROTO},
        {"HTTP/2 200 OK\r\n\r\n", WD_EPROTO},
        {"HTTP/1.2 200 OK\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 20 OK\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 100 Continue\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 2000 OK\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1200 OK\r\n\r\n", WD_EPROTO},
        {"<html>\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\n: x\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n", WD_ETOOBIG},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked"
         "\r\n\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
         WD_EPROTO},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n123456789\r\n",
         WD_ETOOBIG},
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rc = feed_split(&r, wd_str_z(rows[i].text), 0, false);
        wd_http_reply_done(&r);
        if (rc != rows[i].code) {
            fail_msg("%d: %s", rc, rows[i].text);
        }
        rc = feed_bytes(&r, wd_str_z(rows[i].text), false);
        wd_http_reply_done(&r);
        assert_int_equal(rc, rows[i].code);
    }
    assert_int_equal(feed_split(&r,
                                wd_str("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 25),
                                0, false),
                     WD_EPROTO);
    wd_http_reply_done(&r);
}


/* An end too early, and bodies and heads without one. */
static void
test_bounds(void **state)
{
    size_t          i;
    wd_buf_t        b = WD_BUF_INIT;
    wd_http_reply_t r;

    static const char *const heads[] = {
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFF\r\n",
        "HTTP/1.1 200 OK\r\nA: ",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;",
        "",
    };

    (void) state;
    for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        wd_buf_reset(&b);
        wd_buf_z(&b, heads[i]);
        while (b.len < 2 * WD_HTTP_REPLY_HEAD_MAX) {
            wd_buf_byte(&b, 'x');
        }
        assert_int_equal(feed_split(&r, wd_buf_view(&b), 7, false), WD_ETOOBIG);
        wd_http_reply_done(&r);
    }

    /* A trailer that does not end. */
    wd_buf_reset(&b);
    wd_buf_z(&b, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    while (b.len < 2 * WD_HTTP_REPLY_HEAD_MAX) {
        wd_buf_z(&b, "A: b\r\n");
    }
    assert_int_equal(feed_split(&r, wd_buf_view(&b), 7, false), WD_ETOOBIG);
    wd_http_reply_done(&r);
    wd_buf_done(&b);

    static const char *const cut[] = {
        "",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    };

    for (i = 0; i < sizeof(cut) / sizeof(cut[0]); i++) {
        assert_int_equal(feed_split(&r, wd_str_z(cut[i]), 0, true), WD_ETRUNC);
        wd_http_reply_done(&r);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_cache_control),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
