/*
 * HTTP GET against a server of our own: answers of every kind, caps,
 * truncation, timeouts, addresses that are not allowed.
 */
#include "wd_test.h"

#include "wd_http.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

static int         port;
static int         listener;
static pthread_t   thread;
static wd_http_t  *http;
static wd_error_t  err;
static wd_http_res_t res;
static char        request[8192]; /* the last one */
static pthread_mutex_t request_lock = PTHREAD_MUTEX_INITIALIZER;
static int         n_conns;
static bool        stop_flag;


static void
tell(int fd, const char *text, size_t n)
{
    ssize_t w;

    while (n != 0 && (w = send(fd, text, n, MSG_NOSIGNAL)) > 0) {
        text += w;
        n -= (size_t) w;
    }
}


static void
tell_z(int fd, const char *text)
{
    tell(fd, text, strlen(text));
}


/* Until the other side hangs up: an answer that never comes. */
static void
hang(int fd)
{
    char byte;

    while (recv(fd, &byte, 1, 0) > 0) { }
}


typedef enum { GZIP_GOOD, GZIP_BAD, GZIP_CUT } gzip_e;


/* GZIP_CUT: without a length, so that nothing but gzip tells of it. */
static void
tell_gzip(int fd, size_t n, gzip_e how)
{
    char          head[200], *raw = calloc(1, n);
    uLong         cap = compressBound(n) + 64;
    unsigned char *out = malloc(cap);
    z_stream      z = {0};

    deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (unsigned char *) raw;
    z.avail_in = (uInt) n;
    z.next_out = out;
    z.avail_out = (uInt) cap;
    deflate(&z, Z_FINISH);
    if (how == GZIP_BAD) {
        out[z.total_out / 2] ^= 0x55;
    }
    snprintf(head, sizeof(head),
             how == GZIP_CUT ? "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                               "Connection: close\r\n\r\n"
                             : "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                               "Content-Length: %lu\r\n\r\n",
             z.total_out);
    tell_z(fd, head);
    tell(fd, (char *) out, z.total_out - (how == GZIP_CUT ? 9 : 0));
    deflateEnd(&z);
    free(raw);
    free(out);
}


static void
tell_zeros(int fd, size_t n)
{
    char page[4096] = {0};

    while (n != 0) {
        size_t part = wd_min(n, sizeof(page));

        tell(fd, page, part);
        n -= part;
    }
}


/* false: the connection is to be closed. */
static bool
answer(int fd, const char *path)
{
    char head[200];
    long n = strtol(path + strcspn(path, "0123456789"), NULL, 10);

    if (strncmp(path, "/ok", 3) == 0) {
        tell_z(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                   "Content-Length: 7\r\n\r\n{\"a\":1}");
        return true;
    }
    if (strncmp(path, "/status", 7) == 0) {
        snprintf(head, sizeof(head),
                 "HTTP/1.1 %ld X\r\nRetry-After: 17\r\nContent-Length: "
                 "2\r\n\r\nno",
                 n);
        tell_z(fd, head);
        return true;
    }
    if (strncmp(path, "/redirect", 9) == 0) {
        tell_z(fd, "HTTP/1.1 302 Found\r\nLocation: /ok\r\n"
                   "Content-Length: 0\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/date", 5) == 0) {
        tell_z(fd, "HTTP/1.1 503 X\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 "
                   "GMT\r\nDate: Wed, 21 Oct 2026 07:26:30 GMT\r\n"
                   "Content-Length: 0\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/past", 5) == 0) {
        tell_z(fd, "HTTP/1.1 503 X\r\nRetry-After: Wed, 21 Oct 2020 07:28:00 "
                   "GMT\r\nContent-Length: 0\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/soon", 5) == 0) {
        tell_z(fd, "HTTP/1.1 503 X\r\nRetry-After: soon\r\n"
                   "Content-Length: 0\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/negative", 9) == 0) {
        tell_z(fd, "HTTP/1.1 503 X\r\nRetry-After: -5\r\n"
                   "Content-Length: 0\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/empty", 6) == 0) {
        tell_z(fd, "HTTP/1.1 204 X\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/length/", 8) == 0) {
        snprintf(head, sizeof(head),
                 "HTTP/1.1 200 OK\r\nContent-Length: %ld\r\n\r\n", n);
        tell_z(fd, head);
        tell_zeros(fd, (size_t) n);
        return true;
    }
    if (strncmp(path, "/unknown/", 9) == 0) { /* no length is announced */
        tell_z(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        tell_zeros(fd, (size_t) n);
        return false;
    }
    if (strncmp(path, "/chunked", 8) == 0) {
        tell_z(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nhello\r\n6\r\n world\r\n");
        if (strstr(path, "cut") != NULL) {
            return false;
        }
        tell_z(fd, "0\r\n\r\n");
        return true;
    }
    if (strncmp(path, "/cut/", 5) == 0) { /* ends before its length */
        tell_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
        return false;
    }
    if (strncmp(path, "/gzip/", 6) == 0) {
        tell_gzip(fd, (size_t) n, GZIP_GOOD);
        return true;
    }
    if (strncmp(path, "/badgzip/", 9) == 0) {
        tell_gzip(fd, (size_t) n, GZIP_BAD);
        return true;
    }
    if (strncmp(path, "/cutgzip/", 9) == 0) {
        tell_gzip(fd, (size_t) n, GZIP_CUT);
        return false;
    }
    if (strncmp(path, "/hang", 5) == 0) {
        hang(fd);
        return false;
    }
    if (strncmp(path, "/stall", 6) == 0) {
        tell_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc");
        hang(fd);
        return false;
    }
    if (strncmp(path, "/headers", 8) == 0) { /* without end */
        tell_z(fd, "HTTP/1.1 200 OK\r\n");
        while (send(fd, "X-A: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n", 43,
                    MSG_NOSIGNAL)
               > 0) { }
        return false;
    }
    if (strncmp(path, "/noise", 6) == 0) {
        tell_z(fd, "\x16\x03\x01 this is no HTTP\r\n\r\n");
        return false;
    }
    return false; /* hangs up without a word */
}


static void *
serve_one(void *arg)
{
    int     fd = (int) (intptr_t) arg;
    char    buf[8192], *path;
    size_t  len = 0;
    ssize_t n;

    for (;;) {
        n = recv(fd, buf + len, sizeof(buf) - 1 - len, 0);
        if (n <= 0 || buf[0] == 0x16) { /* TLS: not here */
            break;
        }
        len += (size_t) n;
        buf[len] = '\0';
        if (strstr(buf, "\r\n\r\n") == NULL) {
            continue;
        }
        pthread_mutex_lock(&request_lock);
        strcpy(request, buf);
        pthread_mutex_unlock(&request_lock);
        path = strchr(buf, ' ');
        if (path == NULL || !answer(fd, path + 1)) {
            break;
        }
        len = 0;
    }
    close(fd);
    return NULL;
}


static void *
serve(void *arg)
{
    int            fd;
    pthread_t      t;
    pthread_attr_t attr;

    (void) arg;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        __atomic_fetch_add(&n_conns, 1, __ATOMIC_SEQ_CST);
        if (pthread_create(&t, &attr, serve_one, (void *) (intptr_t) fd)
            != 0) {
            close(fd);
        }
    }
    pthread_attr_destroy(&attr);
    return NULL;
}


static int
setup(void **state)
{
    socklen_t          len;
    struct sockaddr_in in = {.sin_family = AF_INET};

    (void) state;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(in);
    if (bind(listener, (struct sockaddr *) &in, len) != 0
        || listen(listener, 20) != 0
        || getsockname(listener, (struct sockaddr *) &in, &len) != 0
        || wd_http_init() != WD_OK) {
        return -1;
    }
    port = ntohs(in.sin_port);
    http = wd_http_create();
    wd_http_res_init(&res);
    return pthread_create(&thread, NULL, serve, NULL);
}


static int
teardown(void **state)
{
    (void) state;
    wd_http_res_done(&res);
    wd_http_destroy(http);
    wd_http_destroy(NULL);
    shutdown(listener, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(listener);
    wd_http_done();
    return 0;
}


static wd_http_req_t
to(const char *path)
{
    static char url[300];

    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
    memset(&err, 0, sizeof(err));
    return (wd_http_req_t){.url = url,
                           .user_agent = "tester/1",
                           .connect_timeout_ms = 5000,
                           .timeout_ms = WD_TEST_WAIT_MS,
                           .max_bytes = 100000,
                           .allow_http = true,
                           .allow_private = true};
}


static int
get(const char *path)
{
    wd_http_req_t req = to(path);

    return wd_http_get(http, &req, &res, &err);
}


static void
test_answers(void **state)
{
    int n;

    (void) state;
    assert_ok(get("/ok"));
    assert_int_equal(res.status, 200);
    assert_string_equal(res.content_type, "application/json");
    assert_view(wd_buf_view(&res.body), "{\"a\":1}");
    assert_int_equal(res.retry_after_s, -1);
    pthread_mutex_lock(&request_lock);
    assert_has(request, "User-Agent: tester/1\r\n");
    assert_has(request, "GET /ok HTTP/1.1\r\n");
    assert_null(strstr(request, "Cookie"));
    assert_null(strstr(request, "Authorization"));
    pthread_mutex_unlock(&request_lock);

    n = __atomic_load_n(&n_conns, __ATOMIC_SEQ_CST);
    assert_ok(get("/ok")); /* over the same connection */
    assert_int_equal(n, __atomic_load_n(&n_conns, __ATOMIC_SEQ_CST));

    for (n = 400; n < 600; n += 29) {
        char path[32];

        snprintf(path, sizeof(path), "/status/%d", n);
        assert_ok(get(path));
        assert_int_equal(res.status, n);
        assert_int_equal(res.retry_after_s, 17);
        assert_view(wd_buf_view(&res.body), "no");
    }
    assert_ok(get("/ok"));
    assert_int_equal(res.retry_after_s, -1); /* not that of the one before */
    assert_ok(get("/date")); /* by the server's clock, not by ours */
    assert_int_equal(res.retry_after_s, 90);
    assert_ok(get("/past"));
    assert_int_equal(res.retry_after_s, 0);
    assert_ok(get("/soon"));
    assert_int_equal(res.retry_after_s, -1);
    assert_ok(get("/negative"));
    assert_int_equal(res.retry_after_s, -1);
    assert_ok(get("/redirect")); /* is told, not followed */
    assert_int_equal(res.status, 302);
    assert_ok(get("/empty"));
    assert_int_equal(res.status, 204);
    assert_int_equal(res.body.len, 0);
    assert_string_equal(res.content_type, "");
    assert_ok(get("/chunked"));
    assert_view(wd_buf_view(&res.body), "hello world");
}


static void
test_caps(void **state)
{
    (void) state;
    assert_ok(get("/length/100000"));
    assert_int_equal(res.body.len, 100000);
    assert_int_equal(get("/length/100001"), WD_ETOOBIG);
    assert_true(res.body.len <= 100000);
    assert_ok(get("/unknown/100000"));
    assert_int_equal(res.body.len, 100000);
    assert_int_equal(get("/unknown/100001"), WD_ETOOBIG);
    assert_int_equal(get("/unknown/900000000"), WD_ETOOBIG);
    assert_true(res.body.len <= 100000);

    /* a bomb counts as what it becomes */
    assert_ok(get("/gzip/100000"));
    assert_int_equal(res.body.len, 100000);
    assert_int_equal(get("/gzip/100001"), WD_ETOOBIG);
    assert_int_equal(get("/gzip/200000000"), WD_ETOOBIG);
    assert_true(res.body.len <= 100000);
    assert_ok(get("/ok"));
}


static void
test_truncated(void **state)
{
    (void) state;
    assert_int_equal(get("/cut/"), WD_ETRUNC);
    assert_view(wd_buf_view(&res.body), "abc");
    assert_int_equal(get("/chunked/cut"), WD_ETRUNC);
    assert_view(wd_buf_view(&res.body), "hello world");
    assert_int_equal(get("/badgzip/5000"), WD_EPROTO);
    assert_has(err.text, "cannot be unpacked");
    assert_int_equal(get("/cutgzip/5000"), WD_ETRUNC);
    assert_has(err.text, "inside of gzip");
    assert_true(res.body.len != 0);
    assert_int_equal(get("/bye"), WD_ETRUNC);
    assert_int_not_equal(get("/noise"), WD_OK);
    assert_int_not_equal(get("/headers"), WD_OK);
    assert_ok(get("/ok"));
}


static void
test_timeout(void **state)
{
    wd_http_req_t req;

    (void) state;
    req = to("/hang");
    req.timeout_ms = 100;
    assert_int_equal(wd_http_get(http, &req, &res, &err), WD_ETIMEOUT);
    req = to("/stall");
    req.timeout_ms = 2000; /* time enough for what comes before */
    assert_int_equal(wd_http_get(http, &req, &res, &err), WD_ETIMEOUT);
    assert_view(wd_buf_view(&res.body), "abc");
    assert_ok(get("/ok"));
}


static void *
set_stop(void *arg)
{
    __atomic_store_n((bool *) arg, true, __ATOMIC_SEQ_CST);
    return NULL;
}


static void
test_stop(void **state)
{
    pthread_t     t;
    wd_http_req_t req = to("/hang");

    (void) state;
    req.stop = &stop_flag;
    pthread_create(&t, NULL, set_stop, &stop_flag);
    assert_int_equal(wd_http_get(http, &req, &res, &err), WD_ECANCELED);
    pthread_join(t, NULL);
}


static void
test_refused(void **state)
{
    size_t                   i;
    wd_http_req_t            req;
    static const char *const private[] = {
        "127.0.0.1",     "127.9.9.9",       "10.0.0.1",
        "172.16.0.1",    "172.31.255.254",  "192.168.1.1",
        "169.254.169.254", "100.64.0.1",    "0.0.0.0",
        "224.0.0.1",     "255.255.255.255", "[::1]",
        "[::]",          "[fe80::1]",       "[fc00::1]",
        "[fd12::1]",     "[ff02::1]",       "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "localhost",     "2130706433",
        "0x7f.1",        "127.1",           "192.0.0.1",
        "198.18.0.1",    "240.0.0.1",
    };
    static const char *const schemes[] = {
        "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1/",
        "dict://127.0.0.1/",  "not a url",         "",
    };
    char url[200];

    (void) state;
    for (i = 0; i < wd_array_len(private); i++) {
        req = to("/ok");
        req.allow_private = false;
        req.timeout_ms = 2000;
        snprintf(url, sizeof(url), "http://%s:%d/s3cret?key=s3cret",
                 private[i], port);
        req.url = url;
        if (wd_http_get(http, &req, &res, &err) != WD_EFORBIDDEN) {
            fail_msg("%s: %s", private[i], err.text);
        }
        assert_null(strstr(err.text, "s3cret"));
    }

    req = to("/ok"); /* a live connection is no way around */
    assert_ok(wd_http_get(http, &req, &res, &err));
    req.allow_private = false;
    assert_int_equal(wd_http_get(http, &req, &res, &err), WD_EFORBIDDEN);

    req = to("/ok");
    req.allow_http = false;
    assert_int_equal(wd_http_get(http, &req, &res, &err), WD_EFORBIDDEN);
    for (i = 0; i < wd_array_len(schemes); i++) {
        req = to("/ok");
        req.url = schemes[i];
        if (wd_http_get(http, &req, &res, &err) != WD_EFORBIDDEN) {
            fail_msg("%s: %s", schemes[i], err.text);
        }
    }

    /* nobody there, and one who does not speak TLS */
    req = to("/ok");
    req.url = "http://127.0.0.1:1/s3cret";
    assert_int_equal(wd_http_get(http, &req, &res, &err), WD_EUNAVAIL);
    assert_null(strstr(err.text, "s3cret"));
    snprintf(url, sizeof(url), "https://127.0.0.1:%d/s3cret", port);
    req.url = url;
    assert_int_equal(wd_http_get(http, &req, &res, &err), WD_EUNAVAIL);
    assert_null(strstr(err.text, "s3cret"));
}


/* The environment of the process sends nobody elsewhere. */
static void
test_environment(void **state)
{
    (void) state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    assert_ok(get("/ok"));
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),   cmocka_unit_test(test_caps),
        cmocka_unit_test(test_truncated), cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_stop),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_environment),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, setup, teardown);
}
