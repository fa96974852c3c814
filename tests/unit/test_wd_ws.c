/*
 * test_wd_ws.c - a WebSocket client against servers that keep the protocol,
 * break it, hang, and are not who they say.
 */
#include "wd_test_ws.h"

#include "wd_http.h"
#include "wd_ws.h"
#include "wd_ws_handshake.h"

#include <signal.h>

#define LARGE (3u * 1024 * 1024)

/* ---- a client that notes what it hears --------------------------------------- */

typedef struct client client_t;

struct client {
    wd_ws_t *ws;
    int      closes;
    int      rc;
    char     why[WD_ERROR_TEXT_MAX];
    wd_buf_t noted;
    size_t   longest;
    int      messages;
    void (*on_open)(client_t *c);
    void (*on_message)(client_t *c);
    void (*on_close)(client_t *c);
};

static uv_loop_t     loop;
static uv_timer_t    guard;
static wd_test_ws_t *server;


static void
on_open(void *arg)
{
    client_t *c = arg;

    wd_buf_z(&c->noted, "open\n");
    if (c->on_open != NULL) {
        c->on_open(c);
    }
}


static void
on_message(void *arg, wd_str_t text)
{
    client_t *c = arg;

    c->messages++;
    c->longest = wd_max(c->longest, text.len);
    if (text.len < 100) {
        wd_buf_printf(&c->noted, "message %.*s\n", WD_STR_ARG(text));
    }
    if (c->on_message != NULL) {
        c->on_message(c);
    }
}


static void
on_close(void *arg, int rc, const wd_error_t *err)
{
    client_t *c = arg;

    c->closes++;
    c->rc = rc;
    wd_str_copy(c->why, sizeof(c->why), wd_str_z(err->text));
    assert_int_equal(err->code, rc);
    assert_true(err->text[0] != '\0');
    assert_null(strstr(err->text, "127.0.0.1"));
    assert_null(strstr(err->text, "localhost"));
    assert_null(strstr(err->text, "s3cret"));
    if (c->on_close != NULL) {
        c->on_close(c);
    }
}


static const wd_ws_handler_t handler = {on_open, on_message, on_close};


static wd_ws_req_t
request(const char *url)
{
    return (wd_ws_req_t){.url = url,
                         .user_agent = "tester/1",
                         .connect_timeout_ms = WD_TEST_WAIT_MS,
                         .close_timeout_ms = WD_TEST_WAIT_MS,
                         .max_message = 4u * 1024 * 1024,
                         .max_queue = 4u * 1024 * 1024,
                         .allow_http = true,
                         .allow_private = true};
}


static void
on_guard(uv_timer_t *timer)
{
    (void) timer;
    fail_msg("nothing happens");
}


static void
begin(wd_test_ws_pt script, void *arg, const char *host)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    uv_timer_init(&loop, &guard);
    server = wd_test_ws_start(script, arg, host);
}


/* All handles of the client are gone, and what it held with them. */
static void
end(void)
{
    uv_close((uv_handle_t *) &guard, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
    wd_test_ws_free(server);
}


static void
open_url(client_t *c, const wd_ws_req_t *req)
{
    wd_error_t err = {0};

    c->closes = c->messages = 0;
    c->longest = 0;
    wd_buf_init(&c->noted, 0);
    assert_ok(wd_ws_open(&loop, req, &handler, c, &c->ws, &err));
}


static void
open_ws(client_t *c)
{
    char        url[100];
    wd_ws_req_t req = request(url);

    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/s3cret?token=s3cret",
             wd_test_ws_port(server));
    open_url(c, &req);
}


static void
turn(void)
{
    uv_timer_start(&guard, on_guard, WD_TEST_WAIT_MS, 0);
    uv_run(&loop, UV_RUN_ONCE);
    uv_timer_stop(&guard);
}


static void
run_until_closed(client_t *c)
{
    while (c->closes == 0) {
        turn();
    }
    assert_int_equal(c->closes, 1);
}


static void
done(client_t *c)
{
    wd_ws_destroy(c->ws);
    c->ws = NULL;
    wd_buf_done(&c->noted);
}


/* ---- what is right ------------------------------------------------------------ */

static void
script_talk(wd_test_ws_conn_t *c, int n, void *arg)
{
    wd_buf_t b = WD_BUF_INIT;

    (void) n;
    (void) arg;
    wd_test_ws_note(c, "%s", wd_test_ws_request(c));
    wd_test_ws_accept(c, "tr_json2");
    while (wd_test_ws_read(c, &b) == WD_TEST_WS_TEXT) {
        wd_test_ws_note(c, "text %s\n", wd_buf_cstr(&b));
        /* in fragments, and a ping between them */
        wd_test_ws_frame(c, WD_TEST_WS_TEXT, "gr", 2);
        wd_test_ws_frame(c, WD_TEST_WS_FIN | WD_TEST_WS_PING, "p1", 2);
        wd_test_ws_frame(c, 0, "\xc3", 1); /* half a character */
        wd_test_ws_frame(c, 0, "", 0);
        wd_test_ws_frame(c, WD_TEST_WS_FIN, "\xbc\xc3\x9f", 3);
        wd_test_ws_frame(c, WD_TEST_WS_FIN | WD_TEST_WS_TEXT, "", 0);
        if (wd_test_ws_read(c, &b) != WD_TEST_WS_PONG) {
            break;
        }
        wd_test_ws_note(c, "pong %s\n", wd_buf_cstr(&b));
    }
    wd_test_ws_note(c, "close %d\n", b.data[0] << 8 | b.data[1]);
    wd_test_ws_end(c, 1000, "");
    wd_test_ws_drain(c);
    wd_buf_done(&b);
}


static void
say_hello(client_t *c)
{
    assert_ok(wd_ws_send(c->ws, WD_STR("hello")));
    assert_int_equal(wd_ws_queued(c->ws), 5);
}


static void
close_after_two(client_t *c)
{
    if (c->messages == 2) {
        wd_ws_close(c->ws);
        assert_int_equal(wd_ws_send(c->ws, WD_STR("late")), WD_EUNAVAIL);
    }
}


static void
test_talk(void **state)
{
    char        url[100];
    client_t    c = {.on_open = say_hello, .on_message = close_after_two};
    const char *noted, *headers[] = {"X-One: 1", "X-Two: 2"};
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_talk, NULL, NULL);
    req.subprotocol = "tr_json2";
    req.headers = headers;
    req.n_headers = 2;
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/a/path?q=1&r=2",
             wd_test_ws_port(server));
    open_url(&c, &req);
    memset(url, '!', sizeof(url)); /* it has its own copy */
    assert_int_equal(wd_ws_send(c.ws, WD_STR("early")), WD_EUNAVAIL);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_OK);
    assert_string_equal(c.why, "closed as asked for");
    assert_string_equal(wd_buf_cstr(&c.noted),
                        "open\nmessage gr\xc3\xbc\xc3\x9f\nmessage \n");
    assert_int_equal(wd_ws_send(c.ws, WD_STR("late")), WD_EUNAVAIL);
    wd_ws_close(c.ws); /* harmless */
    done(&c);

    wd_test_ws_stop(server);
    noted = wd_test_ws_noted(server);
    assert_has(noted, "GET /a/path?q=1&r=2 HTTP/1.1\r\nHost: 127.0.0.1:");
    assert_has(noted, "\r\nSec-WebSocket-Version: 13\r\n");
    assert_has(noted, "\r\nSec-WebSocket-Protocol: tr_json2\r\n");
    assert_has(noted, "\r\nUser-Agent: tester/1\r\n");
    assert_has(noted, "\r\nX-One: 1\r\nX-Two: 2\r\n");
    assert_has(noted, "\r\n\r\ntext hello\npong p1\nclose 1000\n");
    end();
}


/* The head and the frames behind it come in one piece, and the other way. */
static void
script_close(wd_test_ws_conn_t *c, int n, void *arg)
{
    int      len;
    size_t   i;
    char     text[400];
    wd_buf_t b = WD_BUF_INIT;

    (void) arg;
    wd_test_ws_request(c);
    len = snprintf(text, sizeof(text),
                   "HTTP/1.1 101 X\r\nConnection: upgrade\r\nX: y\r\n"
                   "Upgrade: websocket\r\nSec-WebSocket-Accept: %s\r\n\r\n"
                   "\x81\x02hi\x88\x14\x03\xe9going: token=s3cret",
                   wd_test_ws_key(c));
    if (n == 0) {
        wd_test_ws_write(c, text, (size_t) len);
    }
    for (i = 0; n != 0 && i < (size_t) len; i++) {
        wd_test_ws_write(c, text + i, 1);
    }
    wd_test_ws_note_all(c);
    wd_buf_done(&b);
}


static void
destroy_it(client_t *c)
{
    wd_ws_destroy(c->ws);
    c->ws = NULL;
}


static void
test_server_closes(void **state)
{
    int      i;
    client_t c = {.on_close = destroy_it};

    (void) state;
    begin(script_close, NULL, NULL);
    for (i = 0; i < 2; i++) {
        open_ws(&c);
        run_until_closed(&c);
        assert_int_equal(c.rc, WD_OK);
        assert_has(c.why, "closed by the server, code 1001: going: token=[");
        assert_string_equal(wd_buf_cstr(&c.noted), "open\nmessage hi\n");
        done(&c);
    }
    wd_test_ws_stop(server);
    assert_string_equal(wd_test_ws_noted(server), "close 1001\nclose 1001\n");
    end();
}


/* ---- handshakes that are none -------------------------------------------------- */

#define HEAD "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define KEY "Sec-WebSocket-Accept: key\r\n"

static void
test_heads(void **state)
{
    size_t     i;
    int        rc;
    wd_error_t err = {0};

    static const struct {
        const char *head;
        const char *subprotocol;
        int         rc;
    } rows[] = {
        {HEAD KEY "\r\n", NULL, WD_OK},
        {HEAD KEY "Sec-WebSocket-Protocol: a\r\n\r\n", "a", WD_OK},
        {HEAD KEY "Sec-WebSocket-Extensions:\r\n\r\n", NULL, WD_OK},
        {"HTTP/1.1 101\r\nUPGRADE:WebSocket\r\nconnection: x, upgrade\r\n" KEY
         "\r\n",
         NULL, WD_OK},

        {HEAD KEY "\r\n", "a", WD_EPROTO},
        {HEAD KEY "Sec-WebSocket-Protocol: b\r\n\r\n", "a", WD_EPROTO},
        {HEAD KEY "Sec-WebSocket-Protocol: A\r\n\r\n", "a", WD_EPROTO},
        {HEAD KEY "Sec-WebSocket-Protocol: a\r\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n"
                  "\r\n",
         "a", WD_EPROTO},
        {HEAD KEY "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", NULL,
         WD_EPROTO},
        {HEAD "\r\n", NULL, WD_EPROTO},
        {HEAD KEY KEY "\r\n", NULL, WD_EPROTO},
        {HEAD "Sec-WebSocket-Accept: Key\r\n\r\n", NULL, WD_EPROTO},
        {HEAD "Sec-WebSocket-Accept: key2\r\n\r\n", NULL, WD_EPROTO},
        {HEAD "Upgrade: h2c\r\n" KEY "\r\n", NULL, WD_EPROTO},
        {"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" KEY "\r\n",
         NULL, WD_EPROTO},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\n" KEY "\r\n", NULL,
         WD_EPROTO},
        {"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: close\r\n" KEY
         "\r\n",
         NULL, WD_EPROTO},

        {"HTTP/1.1 200 OK\r\n\r\n", NULL, WD_EPROTO},
        {"HTTP/1.1 302 X\r\nLocation: wss://other/\r\n\r\n", NULL, WD_EPROTO},
        {"HTTP/1.1 401 X\r\n\r\n", NULL, WD_EUNAUTH},
        {"HTTP/1.1 403 X\r\n\r\n", NULL, WD_EUNAUTH},
        {"HTTP/1.1 429 X\r\n\r\n", NULL, WD_ELIMIT},
        {"HTTP/1.1 500 X\r\n\r\n", NULL, WD_EUNAVAIL},
        {"HTTP/1.1 503 X\r\n\r\n", NULL, WD_EUNAVAIL},

        {"\r\n", NULL, WD_EPROTO},
        {"\r\n\r\n", NULL, WD_EPROTO},
        {"HTTP/1.0 101 X\r\n\r\n", NULL, WD_EPROTO},
        {"HTTP/1.1 1x1 X\r\n\r\n", NULL, WD_EPROTO},
        {"HTTP/1.1 +11 X\r\n\r\n", NULL, WD_EPROTO},
        {"HTTP/1.1 1011 X\r\n\r\n", NULL, WD_EPROTO},
        {"HTTP/1.1 10\r\n\r\n", NULL, WD_EPROTO},
        {"SSH-2.0-x\r\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY "Folded: a\r\n b\r\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY "No colon\r\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY ": no name\r\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY "Bad name: x\r\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY "X: a\rb\r\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY "X: a\n\r\n", NULL, WD_EPROTO},
        {HEAD KEY, NULL, WD_EPROTO}, /* no blank line */
        {"", NULL, WD_EPROTO},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        rc = wd_ws_head_check(wd_str_z(rows[i].head), "key",
                              rows[i].subprotocol, &err);
        if (rc != rows[i].rc) {
            fail_msg("row %zu: %d, not %d: %s", i, rc, rows[i].rc, err.text);
        }
    }
    rc = wd_ws_head_check(wd_str(HEAD KEY "X: \0y\r\n\r\n",
                                 sizeof(HEAD KEY "X: \0y\r\n\r\n") - 1),
                          "key", NULL, &err);
    assert_int_equal(rc, WD_EPROTO);
    assert_int_equal(wd_ws_head_len(WD_STR("a\r\n\r\nb")), 5);
    assert_int_equal(wd_ws_head_len(WD_STR("a\r\n\r")), 0);
    assert_int_equal(wd_ws_head_len(WD_STR_NULL), 0);
}


/* From RFC 6455, 1.3. */
static void
test_accept_key(void **state)
{
    wd_error_t    err = {0};
    wd_ws_req_t   req = request("wss://[::1]:8443");
    wd_ws_hello_t h;

    (void) state;
    assert_ok(
        wd_ws_hello_init(&h, &req, (const uint8_t *) "the sample nonce", &err));
    assert_string_equal(h.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_string_equal(h.origin, "https://[::1]:8443/");
    assert_has(wd_buf_cstr(&h.request),
               "GET / HTTP/1.1\r\nHost: [::1]:8443\r\n");
    assert_has(wd_buf_cstr(&h.request),
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n");
    wd_ws_hello_done(&h);
}


static void
test_requests(void **state)
{
    size_t      i;
    wd_ws_t    *ws = NULL;
    wd_error_t  err = {0};
    client_t    c = {0};
    wd_ws_req_t req;
    const char *headers[] = {"A: b\r\nHost: other"};

    static const char *const bad[] = {
        "",
        "127.0.0.1",
        "ws://",
        "http://127.0.0.1/",
        "https://127.0.0.1/",
        "ws://127.0.0.1:99999/",
        "ws://127.0.0.1/a b",
        "ws://127.0.0.1/\r\nX: y",
        "ws://127.0.0.1/\xc3\xbc",
        "ws://user:s3cret@127.0.0.1/",
    };

    (void) state;
    begin(script_close, NULL, NULL);
    for (i = 0; i < wd_array_len(bad); i++) {
        req = request(bad[i]);
        if (wd_ws_open(&loop, &req, &handler, &c, &ws, &err) == WD_OK) {
            fail_msg("%s is taken", bad[i]);
        }
        assert_null(strstr(err.text, "127.0.0.1"));
    }

    req = request("ws://127.0.0.1/");
    req.allow_http = false;
    assert_int_equal(wd_ws_open(&loop, &req, &handler, &c, &ws, &err),
                     WD_EFORBIDDEN);
    req = request("ws://127.0.0.1/");
    req.headers = headers;
    req.n_headers = 1;
    assert_int_equal(wd_ws_open(&loop, &req, &handler, &c, &ws, &err),
                     WD_EINVAL);
    req = request("ws://127.0.0.1/");
    req.subprotocol = "a\r\nb";
    assert_int_equal(wd_ws_open(&loop, &req, &handler, &c, &ws, &err),
                     WD_EINVAL);
    assert_null(ws);
    end();
}


/* What a server may say instead, on the wire. */
static void
script_answer(wd_test_ws_conn_t *c, int n, void *arg)
{
    const char *answer = arg;

    (void) n;
    wd_test_ws_request(c);
    while (wd_test_ws_write(c, answer, strlen(answer))
           && strcmp(answer, "X: endless\r\n") == 0) {
    }
}


static void
test_answers(void **state)
{
    size_t   i;
    client_t c = {0};

    static const struct {
        const char *answer;
        int         rc;
        const char *why;
    } rows[] = {
        {"", WD_ETRUNC, "broke in the handshake"},
        {"HTTP/1.1 101 X\r\n", WD_ETRUNC, "broke in the handshake"},
        {"HTTP/1.1 302 X\r\nLocation: ws://127.0.0.1/s3cret\r\n\r\n", WD_EPROTO,
         "answers 302"},
        {"HTTP/1.1 401 s3cret\r\n\r\n", WD_EUNAUTH, "answers 401"},
        {HEAD KEY "\r\n", WD_EPROTO, "accept key"},
        {"X: endless\r\n", WD_EPROTO, "has no end"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        begin(script_answer, (void *) rows[i].answer, NULL);
        open_ws(&c);
        run_until_closed(&c);
        assert_int_equal(c.rc, rows[i].rc);
        assert_has(c.why, rows[i].why);
        assert_string_equal(wd_buf_cstr(&c.noted), "");
        done(&c);
        end();
    }
}


/* ---- frames that are none ------------------------------------------------------ */

typedef struct {
    const char *bytes;
    size_t      n;
    int         rc;
    const char *noted; /* by the server: why the client left */
} frames_t;

#define FRAMES(bytes, rc, noted)            \
    {                                       \
        bytes, sizeof(bytes) - 1, rc, noted \
    }


static void
script_frames(wd_test_ws_conn_t *c, int n, void *arg)
{
    size_t          i;
    const frames_t *f = arg;

    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    for (i = 0; i < f->n; i++) {
        if (n == 0) {
            wd_test_ws_write(c, f->bytes, f->n);
            break;
        }
        wd_test_ws_write(c, f->bytes + i, 1);
    }
    wd_test_ws_note_all(c);
}


static void
test_frames(void **state)
{
    int         k;
    size_t      i;
    char        url[100];
    client_t    c = {0};
    wd_ws_req_t req = request(url);

    static const frames_t rows[] = {
        FRAMES("\x81\x82\x01\x02\x03\x04\x69\x6b", WD_EPROTO, "close 1002\n"),
        FRAMES("\xc1\x02hi", WD_EPROTO, "close 1002\n"), /* reserved bits */
        FRAMES("\x91\x02hi", WD_EPROTO, "close 1002\n"),
        FRAMES("\x83\x02hi", WD_EPROTO, "close 1002\n"), /* reserved opcode */
        FRAMES("\x8b\x02hi", WD_EPROTO, "close 1002\n"),
        FRAMES("\x80\x02hi", WD_EPROTO, "close 1002\n"), /* nothing to go on */
        FRAMES("\x01\x02hi\x81\x02hi", WD_EPROTO, "close 1002\n"),
        FRAMES("\x01\x02hi\x83\x02hi", WD_EPROTO, "close 1002\n"),
        FRAMES("\x09\x02hi", WD_EPROTO, "close 0\n"), /* a ping in parts */
        FRAMES("\x89\x7e\x00\x7ehi", WD_EPROTO, "close 0\n"), /* a long one */
        FRAMES("\x81\x7e\x00\x02hi", WD_EPROTO, "close 0\n"), /* not minimal */
        FRAMES("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x02hi", WD_EPROTO,
               "close 0\n"),
        FRAMES("\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff", WD_EPROTO,
               "close 0\n"),
        FRAMES("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"
               "x",
               WD_ETOOBIG, "close 1009\n"),
        FRAMES("\x81\x0bhello world", WD_ETOOBIG, "close 1009\n"),
        FRAMES("\x01\x06hello \x80\x05world", WD_ETOOBIG, "close 1009\n"),
        FRAMES("\x01\x06hello \x89\x01p\x80\x05world", WD_ETOOBIG,
               "close 1009\n"),
        FRAMES("\x82\x02hi", WD_EPROTO, "close 1003\n"), /* binary */
        FRAMES("\x81\x02h\xff", WD_EPROTO, "close 1007\n"), /* no UTF-8 */
        FRAMES("\x81\x02h\xc3", WD_EPROTO, "close 1007\n"),
        FRAMES("\x01\x01\xc3\x80\x01h", WD_EPROTO, "close 1007\n"),
        FRAMES("\x88\x02\x03\xec", WD_EPROTO, "close 1002\n"), /* code 1004 */
        FRAMES("\x88\x00", WD_OK, "close 0\n"),
        FRAMES("\x88\x02\x03\xe8", WD_OK, "close 1000\n"),
        FRAMES("\x81\x0ahello worl\x88\x02\x0f\xa0", WD_OK, "close 4000\n"),
    };

    (void) state;
    req.max_message = 10;
    for (i = 0; i < wd_array_len(rows); i++) {
        begin(script_frames, (void *) &rows[i], NULL);
        snprintf(url, sizeof(url), "ws://127.0.0.1:%d/",
                 wd_test_ws_port(server));
        for (k = 0; k < 2; k++) { /* in one piece, byte by byte */
            open_url(&c, &req);
            run_until_closed(&c);
            if (c.rc != rows[i].rc) {
                fail_msg("row %zu: %d: %s", i, c.rc, c.why);
            }
            done(&c);
        }
        wd_test_ws_stop(server);
        if (strncmp(wd_test_ws_noted(server), rows[i].noted,
                    strlen(rows[i].noted))
            != 0) {
            fail_msg("row %zu: %s", i, wd_test_ws_noted(server));
        }
        end();
    }
}


/* ---- connections that break or hang ---------------------------------------------- */

static void
script_break(wd_test_ws_conn_t *c, int n, void *arg)
{
    wd_buf_t b = WD_BUF_INIT;

    (void) arg;
    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    wd_test_ws_write(c, "\x81\x05he", 4);
    (void) wd_test_ws_read(c, &b);
    wd_buf_done(&b);
    if (n == 1) {
        wd_test_ws_reset(c);
    }
}


static void
test_break(void **state)
{
    int      i;
    client_t c = {.on_open = say_hello};

    (void) state;
    begin(script_break, NULL, NULL);
    for (i = 0; i < 2; i++) { /* an end, a reset */
        open_ws(&c);
        run_until_closed(&c);
        assert_int_equal(c.rc, WD_ETRUNC);
        assert_string_equal(wd_buf_cstr(&c.noted), "open\n");
        done(&c);
    }
    end();
}


/* Answers nothing, or no pings, or no close. */
static void
script_hang(wd_test_ws_conn_t *c, int n, void *arg)
{
    (void) arg;
    if (n == 0) {
        wd_test_ws_drain(c);
        return;
    }
    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    wd_test_ws_note_all(c);
}


static void
close_it(client_t *c)
{
    wd_ws_close(c->ws);
}


static void
test_hang(void **state)
{
    char        url[100];
    client_t    c = {0};
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_hang, NULL, NULL);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", wd_test_ws_port(server));

    req.connect_timeout_ms = 20;
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_ETIMEOUT);
    assert_string_equal(c.why, "not open within 20 ms");
    done(&c);

    req.connect_timeout_ms = WD_TEST_WAIT_MS;
    req.ping_ms = 10;
    req.idle_timeout_ms = 500;
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_ETIMEOUT);
    assert_string_equal(c.why, "nothing was heard for 500 ms");
    done(&c);

    req.ping_ms = req.idle_timeout_ms = 0;
    req.close_timeout_ms = 20;
    c.on_open = close_it;
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_ETIMEOUT);
    assert_string_equal(c.why, "the server did not close in time");
    done(&c);

    wd_test_ws_stop(server);
    assert_has(wd_test_ws_noted(server), "ping\nping\n");
    assert_has(wd_test_ws_noted(server), "close 1000\n");
    end();
}


/* Pongs keep it alive, and so does a server that has only to be paused. */
static void
script_pong(wd_test_ws_conn_t *c, int n, void *arg)
{
    int      i;
    wd_buf_t b = WD_BUF_INIT;

    (void) n;
    (void) arg;
    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    for (i = 0; i < 20 && wd_test_ws_read(c, &b) == WD_TEST_WS_PING; i++) {
        wd_test_ws_frame(c, WD_TEST_WS_FIN | WD_TEST_WS_PONG, b.data, b.len);
    }
    wd_test_ws_note(c, "%d pings\n", i);
    wd_test_ws_end(c, 1000, "");
    wd_test_ws_drain(c);
    wd_buf_done(&b);
}


static void
test_pong(void **state)
{
    char        url[100];
    client_t    c = {0};
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_pong, NULL, NULL);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", wd_test_ws_port(server));
    req.ping_ms = 5;
    req.idle_timeout_ms = WD_TEST_WAIT_MS;
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_OK);
    done(&c);
    wd_test_ws_stop(server);
    assert_string_equal(wd_test_ws_noted(server), "20 pings\n");
    end();
}


/* It asks for pongs for ever, and takes none. */
static void
script_flood(wd_test_ws_conn_t *c, int n, void *arg)
{
    char payload[125];

    (void) n;
    (void) arg;
    memset(payload, 'x', sizeof(payload));
    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    while (wd_test_ws_frame(c, WD_TEST_WS_FIN | WD_TEST_WS_PING, payload,
                            sizeof(payload))) {
    }
}


static void
test_flood(void **state)
{
    char        url[100];
    client_t    c = {0};
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_flood, NULL, NULL);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", wd_test_ws_port(server));
    req.max_queue = 1000;
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_ELIMIT);
    done(&c);
    end();
}


/* ---- much --------------------------------------------------------------------- */

static void
script_deaf(wd_test_ws_conn_t *c, int n, void *arg)
{
    bool *go = arg;

    (void) n;
    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    while (!__atomic_load_n(go, __ATOMIC_SEQ_CST)) {
        sched_yield();
    }
    wd_test_ws_drain(c);
}


static void
test_queue(void **state)
{
    int         rc;
    bool        go = false;
    char        url[100], *block = calloc(1, 50000);
    client_t    c = {0};
    wd_ws_req_t req = request(url);

    (void) state;
    memset(block, 'x', 50000);
    begin(script_deaf, &go, NULL);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", wd_test_ws_port(server));
    req.max_queue = 200000;
    open_url(&c, &req);
    while (c.noted.len == 0) {
        turn();
    }
    assert_int_equal(wd_ws_send(c.ws, wd_str(block, 200001)), WD_EAGAIN);
    do {
        rc = wd_ws_send(c.ws, wd_str(block, 50000));
        uv_run(&loop, UV_RUN_NOWAIT);
        assert_true(wd_ws_queued(c.ws) <= req.max_queue);
    } while (rc == WD_OK);
    assert_int_equal(rc, WD_EAGAIN);
    assert_int_equal(c.closes, 0);

    __atomic_store_n(&go, true, __ATOMIC_SEQ_CST);
    while (wd_ws_queued(c.ws) != 0) {
        turn();
    }
    assert_ok(wd_ws_send(c.ws, wd_str(block, 50000)));
    done(&c);
    free(block);
    end();
}


static void
script_many(wd_test_ws_conn_t *c, int n, void *arg)
{
    int i;

    (void) n;
    (void) arg;
    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    for (i = 0; i < 20000; i++) {
        wd_test_ws_text(c, "a message of some bytes, many times");
    }
    wd_test_ws_end(c, 1000, "");
    wd_test_ws_drain(c);
}


static void
pause_first(client_t *c)
{
    if (c->messages == 1) {
        wd_ws_pause(c->ws, true);
    }
}


static int others;


static void
on_other(uv_timer_t *timer)
{
    (void) timer;
    others++;
}


/* Nothing is read, time passes and is no silence; then all of it comes. */
static void
test_pause(void **state)
{
    int         seen;
    char        url[100];
    client_t    c = {.on_message = pause_first};
    uv_timer_t  other;
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_many, NULL, NULL);
    snprintf(url, sizeof(url), "ws://127.0.0.1:%d/", wd_test_ws_port(server));
    req.idle_timeout_ms = 1500;
    uv_timer_init(&loop, &other);
    uv_timer_start(&other, on_other, 1600, 0);
    open_url(&c, &req);
    while (c.messages == 0) {
        turn();
    }
    seen = c.messages;
    assert_true(seen < 200); /* those that had been read together */
    while (others == 0) {
        turn();
    }
    assert_int_equal(c.messages, seen);
    assert_int_equal(c.closes, 0);

    wd_ws_pause(c.ws, false);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_OK);
    assert_int_equal(c.messages, 20000);
    done(&c);
    uv_close((uv_handle_t *) &other, NULL);
    end();
}


/* ---- ends at any time ------------------------------------------------------------ */

static void
script_chat(wd_test_ws_conn_t *c, int n, void *arg)
{
    (void) n;
    (void) arg;
    if (wd_test_ws_request(c)[0] == '\0') {
        return;
    }
    wd_test_ws_accept(c, NULL);
    wd_test_ws_text(c, "one");
    wd_test_ws_text(c, "two");
    wd_test_ws_drain(c);
}


static void
test_destroy(void **state)
{
    int      i;
    client_t c = {0};

    (void) state;
    begin(script_chat, NULL, NULL);
    for (i = 0; i < 30; i++) { /* at each step of its beginning */
        int k;

        open_ws(&c);
        for (k = 0; k < i; k++) {
            uv_run(&loop, UV_RUN_NOWAIT);
        }
        done(&c);
        assert_int_equal(c.closes, 0);
    }

    c.on_open = destroy_it;
    open_ws(&c);
    while (c.ws != NULL) {
        turn();
    }
    assert_string_equal(wd_buf_cstr(&c.noted), "open\n");
    done(&c);

    c.on_open = NULL;
    c.on_message = destroy_it;
    open_ws(&c);
    while (c.ws != NULL) {
        turn();
    }
    assert_string_equal(wd_buf_cstr(&c.noted), "open\nmessage one\n");
    assert_int_equal(c.closes, 0);
    done(&c);
    wd_ws_destroy(NULL);
    end();
}


static void
test_close_early(void **state)
{
    client_t c = {0};

    (void) state;
    begin(script_hang, NULL, NULL);
    open_ws(&c);
    wd_ws_close(c.ws);
    assert_int_equal(c.closes, 0); /* not from inside */
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_ECANCELED);
    done(&c);
    end();
}


/* ---- who it is ---------------------------------------------------------------- */

static void
script_large(wd_test_ws_conn_t *c, int n, void *arg)
{
    wd_buf_t b = WD_BUF_INIT;

    (void) n;
    (void) arg;
    wd_test_ws_request(c);
    wd_test_ws_accept(c, NULL);
    if (wd_test_ws_read(c, &b) == WD_TEST_WS_TEXT) {
        wd_test_ws_frame(c, WD_TEST_WS_FIN | WD_TEST_WS_TEXT, b.data, b.len);
    }
    wd_test_ws_note_all(c);
    wd_buf_done(&b);
}


static void
say_much(client_t *c)
{
    char *text = malloc(LARGE);

    memset(text, 'x', LARGE);
    assert_ok(wd_ws_send(c->ws, wd_str(text, LARGE)));
    free(text);
}


static void
test_tls(void **state)
{
    char        url[100];
    client_t    c = {.on_open = say_much, .on_message = destroy_it};
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_large, NULL, "localhost");
    snprintf(url, sizeof(url), "wss://localhost:%d/", wd_test_ws_port(server));
    req.ca_file = wd_test_ws_ca(server);
    req.allow_http = false;
    open_url(&c, &req);
    while (c.ws != NULL) {
        turn();
    }
    assert_int_equal(c.longest, LARGE);
    done(&c);

    req.ca_file = NULL; /* signed by nobody that the system trusts */
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_EUNAVAIL);
    assert_string_equal(wd_buf_cstr(&c.noted), "");
    done(&c);

    req.ca_file = wd_test_ws_ca(server);
    req.allow_private = false;
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_EFORBIDDEN);
    done(&c);
    end();
}


static void
test_other_host(void **state)
{
    char        url[100];
    client_t    c = {0};
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_large, NULL, "other.example");
    snprintf(url, sizeof(url), "wss://localhost:%d/", wd_test_ws_port(server));
    req.ca_file = wd_test_ws_ca(server);
    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_EUNAVAIL);
    assert_string_equal(wd_buf_cstr(&c.noted), "");
    done(&c);
    wd_test_ws_stop(server);
    assert_null(strstr(wd_test_ws_noted(server), "text"));
    end();
}


/* Nobody there; one who does not speak TLS. */
static void
test_nobody(void **state)
{
    char        url[100];
    client_t    c = {0};
    wd_ws_req_t req = request(url);

    (void) state;
    begin(script_answer, (void *) "HTTP/1.1 400 X\r\n\r\n", NULL);
    snprintf(url, sizeof(url), "wss://localhost:%d/", wd_test_ws_port(server));
    open_url(&c, &req);
    wd_test_ws_stop(server); /* what it did accept, it closes */
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_EUNAVAIL);
    done(&c);

    open_url(&c, &req);
    run_until_closed(&c);
    assert_int_equal(c.rc, WD_EUNAVAIL);
    done(&c);
    end();
}


int
main(void)
{
    int                     rc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talk),
        cmocka_unit_test(test_server_closes),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_accept_key),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_hang),
        cmocka_unit_test(test_pong),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_destroy),
        cmocka_unit_test(test_close_early),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_other_host),
        cmocka_unit_test(test_nobody),
    };

    signal(SIGPIPE, SIG_IGN);
    assert_ok(wd_http_init());
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    wd_http_done();
    return rc;
}
