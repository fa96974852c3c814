/*
 * test_wd_http_multi.c - many requests at once against a server of our own:
 * all under way together, their ends, limits, cancelling, stopping.
 */
#include "wd_test.h"

#include "wd_http_multi.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNS_MAX 700
#define MANY 500

/* ---- a server that answers when it is told to ---------------------------- */

static int       listener, control[2], port;
static pthread_t thread;
static uint32_t  waiting; /* requests that are held back */
static bool      open_gate;


static void
tell_z(int fd, const char *text)
{
    ssize_t n = send(fd, text, strlen(text), MSG_NOSIGNAL);

    (void) n;
}


/* false: the connection is to be closed. */
static bool
answer(int fd, const char *path)
{
    if (strncmp(path, "/ok", 3) == 0) {
        tell_z(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\nETag: \"a\"\r\n"
                   "X-Empty:\r\nContent-Length: 2\r\n\r\nok");
        return true;
    }
    if (strncmp(path, "/echo", 5) == 0) {
        tell_z(fd, "HTTP/1.1 201 OK\r\nContent-Length: 1\r\n\r\nP");
        return true;
    }
    if (strncmp(path, "/big", 4) == 0) {
        tell_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
                   "twelve bytes");
        return true;
    }
    if (strncmp(path, "/cut", 4) == 0) {
        tell_z(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
        return false;
    }
    if (strncmp(path, "/busy", 5) == 0) {
        tell_z(fd, "HTTP/1.1 100 Continue\r\nX-Not: this\r\n\r\n"
                   "HTTP/1.1 429 Slow\r\nRetry-After: 17\r\n"
                   "Content-Length: 0\r\n\r\n");
        return true;
    }
    return false;
}


typedef struct {
    char   in[2048];
    size_t n;
    bool   held;
} conn_t;


/* One request of a connection; false: it is to be closed. */
static bool
serve_one(int fd, conn_t *c)
{
    char   *path;
    ssize_t n;

    n = recv(fd, c->in + c->n, sizeof(c->in) - 1 - c->n, MSG_DONTWAIT);
    if (n <= 0) {
        return false;
    }
    c->n += (size_t) n;
    c->in[c->n] = '\0';
    if (strstr(c->in, "\r\n\r\n") == NULL) {
        return true;
    }
    c->n = 0;
    path = strchr(c->in, ' ');
    if (path == NULL) {
        return false;
    }
    if (strncmp(path + 1, "/hold", 5) == 0) {
        c->held = true;
        __atomic_fetch_add(&waiting, 1, __ATOMIC_SEQ_CST);
        return true;
    }
    return answer(fd, path + 1);
}


static void *
serve(void *arg)
{
    int            i, n = 2, fd;
    char           byte;
    struct pollfd *p = calloc(CONNS_MAX, sizeof(*p));
    conn_t        *c = calloc(CONNS_MAX, sizeof(*c));

    (void) arg;
    p[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    p[1] = (struct pollfd){.fd = control[0], .events = POLLIN};
    for (;;) {
        (void) poll(p, (nfds_t) n, -1);
        if (p[1].revents != 0
            && (read(control[0], &byte, 1) != 1 || byte == 'q')) {
            break;
        }
        for (i = 2; i < n; i++) {
            if (__atomic_load_n(&open_gate, __ATOMIC_SEQ_CST) && c[i].held) {
                c[i].held = false;
                answer(p[i].fd, "/ok");
            }
            if (p[i].revents != 0 && !serve_one(p[i].fd, &c[i])) {
                close(p[i].fd);
                p[i] = p[--n];
                c[i--] = c[n];
            }
        }
        if (p[0].revents != 0 && n < CONNS_MAX
            && (fd = accept(listener, NULL, NULL)) >= 0) {
            p[n] = (struct pollfd){.fd = fd, .events = POLLIN};
            memset(&c[n++], 0, sizeof(c[0]));
        }
    }
    for (i = 2; i < n; i++) {
        close(p[i].fd);
    }
    free(p);
    free(c);
    return NULL;
}


static void
tell_server(char byte)
{
    assert_int_equal(write(control[1], &byte, 1), 1);
}


/* ---- requests -------------------------------------------------------------- */

static uv_loop_t        loop;
static wd_http_multi_t *m;

typedef struct {
    int             n; /* ends */
    int             rc;
    int             status;
    int64_t         retry_after_s;
    char            body[32];
    char            etag[16];
    char            not_this[16];
    wd_http_call_t *call;
} end_t;


static void
on_end(void *arg, int rc, wd_http_res_t *res, const wd_error_t *err)
{
    end_t *e = arg;

    e->n++;
    e->rc = rc;
    e->status = res->status;
    e->retry_after_s = res->retry_after_s;
    wd_str_copy(e->body, sizeof(e->body), wd_buf_view(&res->body));
    wd_str_copy(e->etag, sizeof(e->etag), wd_http_res_header(res, "etag"));
    wd_str_copy(e->not_this, sizeof(e->not_this),
                wd_http_res_header(res, "X-Not"));
    assert_true((rc == WD_OK) == (err->text[0] == '\0'));
    assert_null(strstr(err->text, "127.0.0.1"));
}


static int
start(const char *path, bool post, size_t max_bytes, wd_http_call_pt fn,
      end_t *e)
{
    int           rc;
    char          url[200];
    char          header[] = "X-Wizdata: yes";
    wd_error_t    err = {0};
    const char   *headers[] = {header};
    wd_http_req_t req = {.url = url,
                         .user_agent = "tester/1",
                         .connect_timeout_ms = WD_TEST_WAIT_MS,
                         .timeout_ms = WD_TEST_WAIT_MS,
                         .max_bytes = max_bytes,
                         .allow_http = true,
                         .allow_private = true,
                         .headers = headers,
                         .n_headers = 1,
                         .body = WD_STR("body")};

    snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, path);
    memset(e, 0, sizeof(*e));
    rc = wd_http_multi_start(m, &req, post, fn, e, &e->call, &err);
    memset(url, '!', sizeof(url)); /* it has its own copy */
    memset(header, '!', sizeof(header));
    return rc;
}


static void
run_until_idle(void)
{
    while (wd_http_multi_inflight(m) != 0) {
        uv_run(&loop, UV_RUN_ONCE);
    }
}


static void
begin(uint32_t max)
{
    assert_int_equal(uv_loop_init(&loop), 0);
    m = wd_http_multi_create(&loop, max, max);
    assert_non_null(m);
}


static void
end(void)
{
    wd_http_multi_stop(m);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}


static void
test_ends(void **state)
{
    end_t ok, posted, big, cut, busy, nobody;

    (void) state;
    begin(10);
    assert_ok(start("/ok", false, 1000, on_end, &ok));
    assert_ok(start("/echo", true, 1000, on_end, &posted));
    assert_ok(start("/big", false, 5, on_end, &big));
    assert_ok(start("/cut", false, 1000, on_end, &cut));
    assert_ok(start("/busy", false, 1000, on_end, &busy));
    assert_ok(start("/nobody", false, 1000, on_end, &nobody));
    assert_int_equal(wd_http_multi_inflight(m), 6);
    assert_int_equal(ok.n, 0);
    run_until_idle();

    assert_int_equal(ok.n, 1);
    assert_int_equal(ok.rc, WD_OK);
    assert_int_equal(ok.status, 200);
    assert_string_equal(ok.body, "ok");
    assert_string_equal(ok.etag, "\"a\"");
    assert_int_equal(posted.status, 201);
    assert_int_equal(big.rc, WD_ETOOBIG);
    assert_string_equal(big.body, "twelv");
    assert_int_equal(cut.rc, WD_ETRUNC);
    assert_string_equal(cut.body, "abc");
    assert_int_equal(busy.rc, WD_OK);
    assert_int_equal(busy.status, 429);
    assert_int_equal(busy.retry_after_s, 17);
    assert_string_equal(busy.not_this, "");
    assert_int_equal(nobody.rc, WD_ETRUNC);
    assert_int_equal(nobody.n, 1);
    end();
}


static void
test_rules(void **state)
{
    end_t         e;
    wd_error_t    err;
    wd_http_req_t req = {.url = "http://127.0.0.1:1/",
                         .user_agent = "t",
                         .connect_timeout_ms = WD_TEST_WAIT_MS,
                         .timeout_ms = WD_TEST_WAIT_MS,
                         .max_bytes = 10,
                         .allow_private = true};

    (void) state;
    begin(10);
    memset(&e, 0, sizeof(e)); /* http is not allowed */
    assert_ok(wd_http_multi_start(m, &req, false, on_end, &e, &e.call, &err));
    run_until_idle();
    assert_int_equal(e.rc, WD_EFORBIDDEN);

    req.allow_http = true; /* nobody listens */
    assert_ok(wd_http_multi_start(m, &req, false, on_end, &e, &e.call, &err));
    run_until_idle();
    assert_int_equal(e.rc, WD_EUNAVAIL);

    req.allow_private = false;
    assert_ok(wd_http_multi_start(m, &req, false, on_end, &e, &e.call, &err));
    run_until_idle();
    assert_int_equal(e.rc, WD_EFORBIDDEN);
    assert_int_equal(e.n, 3);
    end();
}


/* All of them are at the server before the first is answered. */
static void
test_many_at_once(void **state)
{
    int          i, good = 0;
    static end_t ends[MANY];
    end_t        more;

    (void) state;
    begin(MANY);
    waiting = 0;
    __atomic_store_n(&open_gate, false, __ATOMIC_SEQ_CST);
    for (i = 0; i < MANY; i++) {
        assert_ok(start("/hold", false, 1000, on_end, &ends[i]));
    }
    assert_int_equal(start("/ok", false, 1000, on_end, &more), WD_EAGAIN);
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) != MANY) {
        uv_run(&loop, UV_RUN_ONCE);
        assert_int_equal(wd_http_multi_inflight(m), MANY);
    }
    __atomic_store_n(&open_gate, true, __ATOMIC_SEQ_CST);
    tell_server('g');
    run_until_idle();
    for (i = 0; i < MANY; i++) {
        good += ends[i].n == 1 && ends[i].rc == WD_OK && ends[i].status == 200;
    }
    assert_int_equal(good, MANY);
    assert_int_equal(more.n, 0);
    end();
}


/* ---- what happens at an end ------------------------------------------------ */

static end_t next_end, other_end;


static void
on_end_start(void *arg, int rc, wd_http_res_t *res, const wd_error_t *err)
{
    on_end(arg, rc, res, err);
    assert_ok(start("/ok", false, 1000, on_end, &next_end));
}


static void
on_end_cancel(void *arg, int rc, wd_http_res_t *res, const wd_error_t *err)
{
    on_end(arg, rc, res, err);
    wd_http_call_cancel(other_end.call);
}


static void
on_end_stop(void *arg, int rc, wd_http_res_t *res, const wd_error_t *err)
{
    on_end(arg, rc, res, err);
    wd_http_multi_stop(m);
    assert_int_equal(start("/ok", false, 1000, on_end, &next_end), WD_EAGAIN);
}


static void
test_inside_an_end(void **state)
{
    end_t e;

    (void) state;
    __atomic_store_n(&open_gate, false, __ATOMIC_SEQ_CST);
    begin(10);
    assert_ok(start("/ok", false, 1000, on_end_start, &e));
    run_until_idle();
    assert_int_equal(e.n + next_end.n, 2);
    assert_int_equal(next_end.rc, WD_OK);

    assert_ok(start("/hold", false, 1000, on_end, &other_end));
    assert_ok(start("/ok", false, 1000, on_end_cancel, &e));
    run_until_idle();
    assert_int_equal(e.n, 1);
    assert_int_equal(other_end.n, 1);
    assert_int_equal(other_end.rc, WD_ECANCELED);

    assert_ok(start("/hold", false, 1000, on_end, &other_end));
    assert_ok(start("/ok", false, 1000, on_end_stop, &e));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(e.n, 1);
    assert_int_equal(other_end.n, 1);
    assert_int_equal(other_end.rc, WD_ECANCELED);
    assert_int_equal(uv_loop_close(&loop), 0);
}


static void
test_stop(void **state)
{
    end_t before, waits;

    (void) state;
    begin(10); /* nothing was asked */
    end();

    begin(10); /* not even a connection yet */
    assert_ok(start("/ok", false, 1000, on_end, &before));
    end();
    assert_int_equal(before.n, 1);
    assert_int_equal(before.rc, WD_ECANCELED);

    begin(10);
    waiting = 0;
    assert_ok(start("/hold", false, 1000, on_end, &waits));
    while (__atomic_load_n(&waiting, __ATOMIC_SEQ_CST) == 0) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    end();
    assert_int_equal(waits.n, 1);
    assert_int_equal(waits.rc, WD_ECANCELED);
    wd_http_multi_stop(NULL);
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
        || listen(listener, CONNS_MAX) != 0
        || getsockname(listener, (struct sockaddr *) &in, &len) != 0
        || pipe(control) != 0 || wd_http_init() != WD_OK) {
        return -1;
    }
    port = ntohs(in.sin_port);
    return pthread_create(&thread, NULL, serve, NULL);
}


static int
teardown(void **state)
{
    (void) state;
    tell_server('q');
    pthread_join(thread, NULL);
    close(listener);
    close(control[0]);
    close(control[1]);
    wd_http_done();
    return 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_inside_an_end),
        cmocka_unit_test(test_stop),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
