/*
 * The RPC server and the blocking client over real sockets: a daemon in a
 * child process, peers of our own that do as they like.
 */
#include "wd_test.h"

#include "wd_metrics.h"
#include "wd_rpc.h"
#include "wd_rpc_client.h"
#include "wd_test_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define INFLIGHT 8
#define THREADS 2
#define MIB (1024 * 1024)

/* ---- the service, in the child ---- */

typedef struct {
    wd_daemon_conf_t daemon;
} conf_t;

static const wd_conf_row_t conf_rows[] = {
    WD_DAEMON_CONF_ROWS(conf_t, daemon, "unix:/tmp/none"),
};

static conf_t           conf;
static wd_rpc_server_t *server;
static uv_timer_t       timer;
static bool             timer_open;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  changed = PTHREAD_COND_INITIALIZER;
static int             running; /* t.hold */
static int             released;
static int             canceled;


static int
do_echo(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    wd_str_t text = WD_STR("");

    if (wd_rpc_arg_str(call, "text", &text) == WD_EPARAM) {
        return wd_rpc_fail_param(res, "text", "%s must be text", "text");
    }
    wd_buf_str(&res->body, text);
    wd_rpc_meta_str(res, "etag", WD_STR("\"x\""));
    wd_rpc_meta_int(res, "ttl", 7);
    return WD_OK;
}


static int
do_big(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int64_t i, n = 0;

    if (wd_rpc_arg_int(call, "n", &n) != WD_OK) {
        return wd_rpc_fail_param(res, "n", "n is needed");
    }
    if (wd_buf_reserve(&res->body, (size_t) n) == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0; i < n; i++) {
        res->body.data[i] = (uint8_t) (i * 31 + i / 65536);
    }
    res->body.len = (size_t) n;
    return WD_OK;
}


/* Until t.release, or until its caller has left. */
static int
do_hold(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    bool            left;
    struct timespec ts;

    pthread_mutex_lock(&lock);
    running++;
    pthread_cond_broadcast(&changed);
    for (;;) {
        left = __atomic_load_n(call->canceled, __ATOMIC_RELAXED);
        if (released > 0 || left) {
            break;
        }
        clock_gettime(CLOCK_REALTIME, &ts);
        ts.tv_nsec += 2000000;
        if (ts.tv_nsec >= 1000000000) {
            ts.tv_nsec -= 1000000000;
            ts.tv_sec++;
        }
        pthread_cond_timedwait(&changed, &lock, &ts);
    }
    running--;
    canceled += left;
    released -= !left;
    pthread_mutex_unlock(&lock);
    wd_buf_z(&res->body, left ? "left" : "held");
    return WD_OK;
}


static int
do_release(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int64_t n = 1;

    (void) res;
    if (wd_rpc_arg_int(call, "n", &n) == WD_EPARAM) {
        return WD_EPARAM;
    }
    pthread_mutex_lock(&lock);
    released += (int) n;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return WD_OK;
}


static int
do_stats(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    struct mallinfo2 m = mallinfo2();
    FILE            *f = fopen("/proc/self/statm", "r");
    long             pages = 0, resident = 0;

    (void) call;
    if (f != NULL) {
        if (fscanf(f, "%ld %ld", &pages, &resident) != 2) {
            resident = 0;
        }
        fclose(f);
    }
    pthread_mutex_lock(&lock);
    wd_rpc_meta_int(res, "running", running);
    wd_rpc_meta_int(res, "canceled", canceled);
    wd_rpc_meta_int(res, "inflight",
                    (int64_t) wd_rpc_server_inflight(server));
    wd_rpc_meta_int(res, "bytes", (int64_t) (m.uordblks + m.hblkhd));
    wd_rpc_meta_int(res, "resident", resident * 4096);
    pthread_mutex_unlock(&lock);
    return WD_OK;
}


static int
do_fail(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int64_t code = 0;

    if (wd_rpc_arg_int(call, "code", &code) == WD_OK) {
        return (int) code; /* without a text */
    }
    res->retry_s = 17;
    return wd_rpc_fail_param(res, "symbol", "no %s", "such symbol");
}


/* `pairs` pairs, the first with `bytes` bytes, before a body of n bytes. */
static int
do_meta(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    char    key[8], text[9000];
    int64_t i, pairs = 0, bytes = 0;

    if (wd_rpc_arg_int(call, "pairs", &pairs) != WD_OK
        || wd_rpc_arg_int(call, "bytes", &bytes) != WD_OK) {
        return WD_EPARAM;
    }
    memset(text, 'x', sizeof(text));
    for (i = 0; i < pairs; i++) {
        snprintf(key, sizeof(key), "k%d", (int) i);
        wd_rpc_meta_str(res, key, wd_str(text, i == 0 ? (size_t) bytes : 1));
    }
    return do_big(call, res);
}


static void
on_timer(uv_timer_t *t)
{
    wd_buf_t b = WD_BUF_INIT;

    (void) t;
    wd_mp_put_array(&b, 1);
    wd_mp_put_int(&b, 42);
    wd_rpc_server_notify(server, WD_N_BEAT, wd_buf_view(&b));
    wd_buf_done(&b);
}


/* One notification, from a timer, with nothing else going on. */
static int
do_beat(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    (void) res;
    uv_timer_start(&timer, on_timer, 20, 0);
    return WD_OK;
}


static int64_t heard; /* sum of what peers told, on the loop */


/* [n]: added. */
static int
on_tell(void *arg, wd_str_t params)
{
    int64_t  n;
    uint32_t len;
    wd_mp_t  c = wd_mp(params.data, params.len);

    if (wd_mp_read_array(&c, &len) != WD_OK || len != 1
        || wd_mp_read_int(&c, &n) != WD_OK) {
        return WD_EPROTO;
    }
    *(int64_t *) arg += n;
    return WD_OK;
}


static int64_t welcomes; /* so many notifications; 0, so others count frames */


static void
on_connect(wd_rpc_peer_t *peer, void *arg)
{
    int64_t  i;
    char     text[1000];
    wd_buf_t b = WD_BUF_INIT;

    memset(text, 'x', sizeof(text));
    for (i = 1; i <= welcomes; i++) {
        wd_buf_reset(&b);
        wd_mp_put_array(&b, 2);
        wd_mp_put_int(&b, i);
        wd_mp_put_str(&b, wd_str(text, sizeof(text)));
        wd_rpc_peer_notify(peer, arg, wd_buf_view(&b));
    }
    wd_buf_done(&b);
}


/* n: of newcomers from now on, and of all who are here, once. */
static int
do_welcome(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) res;
    if (wd_rpc_arg_int(call, "n", &welcomes) != WD_OK) {
        return WD_EPARAM;
    }
    wd_rpc_server_greet(server);
    return WD_OK;
}


/* So many notifications at once, of a kilobyte each, to all. */
static int
do_flood(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    char     text[1000];
    int64_t  n = 0;
    wd_buf_t b = WD_BUF_INIT;

    (void) res;
    if (wd_rpc_arg_int(call, "n", &n) != WD_OK) {
        return WD_EPARAM;
    }
    memset(text, 'x', sizeof(text));
    wd_mp_put_array(&b, 1);
    wd_mp_put_str(&b, wd_str(text, sizeof(text)));
    while (n-- > 0) {
        wd_rpc_server_notify(server, "t.flood", wd_buf_view(&b));
    }
    wd_buf_done(&b);
    return WD_OK;
}


static int
do_heard(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    wd_rpc_meta_int(res, "heard", heard);
    return WD_OK;
}


static const wd_rpc_method_t methods[] = {
    {"t.flood", do_flood, WD_RPC_INLINE},
    {"t.welcome", do_welcome, WD_RPC_INLINE},
    {"t.heard", do_heard, WD_RPC_INLINE},
    {"t.echo", do_echo, WD_RPC_INLINE},
    {"t.work", do_echo, WD_RPC_WORK},
    {"t.big", do_big, WD_RPC_INLINE},
    {"t.bigwork", do_big, WD_RPC_WORK},
    {"t.hold", do_hold, WD_RPC_WORK},
    {"t.release", do_release, WD_RPC_INLINE},
    {"t.stats", do_stats, WD_RPC_INLINE},
    {"t.fail", do_fail, WD_RPC_INLINE},
    {"t.failwork", do_fail, WD_RPC_WORK},
    {"t.meta", do_meta, WD_RPC_INLINE},
    {"t.beat", do_beat, WD_RPC_INLINE},
};


static int
on_start(wd_daemon_t *d, void *arg, wd_error_t *err)
{
    int    rc, fds[4];
    size_t n = 0;

    (void) arg;
    uv_timer_init(wd_daemon_loop(d), &timer);
    uv_unref((uv_handle_t *) &timer);
    timer_open = true;
    server = wd_rpc_server_create(d, methods, wd_array_len(methods), NULL,
                                  NULL, conf.daemon.max_inflight);
    wd_rpc_server_on_notify(server, "t.tell", on_tell, &heard);
    wd_rpc_server_on_connect(server, on_connect, "t.welcome");
    rc = wd_daemon_listen(d, fds, 4, &n, err);
    return rc != WD_OK ? rc : wd_rpc_server_listen(server, fds, n, err);
}


static void
on_drain(wd_daemon_t *d, void *arg)
{
    (void) d;
    (void) arg;
    wd_rpc_server_drain(server);
}


static size_t
on_busy(wd_daemon_t *d, void *arg)
{
    (void) d;
    (void) arg;
    return wd_rpc_server_inflight(server);
}


static void
on_stop(wd_daemon_t *d, void *arg)
{
    (void) d;
    (void) arg;
    wd_rpc_server_stop(server);
    if (timer_open) {
        uv_close((uv_handle_t *) &timer, NULL);
    }
}


/* ---- the test's side ---- */

static pid_t child;
static char  unix_path[300];
static char  endpoint[320];
static int   tcp_port;


static int
free_port(void)
{
    int                fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t          len;
    struct sockaddr_in in = {.sin_family = AF_INET};

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(in);
    assert_int_equal(bind(fd, (struct sockaddr *) &in, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &in, &len), 0);
    close(fd);
    return ntohs(in.sin_port);
}


static bool
is_up(void *arg)
{
    int fd = wd_peer_connect(unix_path);

    (void) arg;
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}


static int
start(void **state)
{
    char                   value[400];
    static char            name[] = "tester", *argv[] = {name, NULL};
    static wd_daemon_spec_t spec = {
        .service = "tester",
        .summary = "a test",
        .rows = conf_rows,
        .n_rows = wd_array_len(conf_rows),
        .conf = &conf,
        .start = on_start,
        .drain = on_drain,
        .busy = on_busy,
        .stop = on_stop,
    };

    snprintf(unix_path, sizeof(unix_path), "%s", wd_test_path("s.sock"));
    snprintf(endpoint, sizeof(endpoint), "unix:%s", unix_path);
    tcp_port = free_port();
    snprintf(value, sizeof(value), "%s, 127.0.0.1:%d", endpoint, tcp_port);
    setenv("WIZDATA_SERVER_LISTEN", value, 1);
    snprintf(value, sizeof(value), "%d", INFLIGHT);
    setenv("WIZDATA_SERVER_MAX_INFLIGHT", value, 1);
    snprintf(value, sizeof(value), "%d", THREADS);
    setenv("WIZDATA_SERVER_THREADS", value, 1);
    setenv("WIZDATA_SERVER_DRAIN", state == NULL ? "20s" : "1s", 1);
    setenv("WIZDATA_LOG_LEVEL", "error", 1);

    fflush(NULL);
    child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        exit(wd_daemon_run(&spec, 1, argv));
    }
    return wd_test_until(is_up, NULL) ? 0 : -1;
}


static int
start_patient(void **state)
{
    (void) state;
    return start(NULL);
}


/* Ends in good order, with whatever the sanitizers have to say. */
static int
stop(void **state)
{
    int status = -1;

    (void) state;
    if (child > 0) {
        kill(child, SIGTERM);
        waitpid(child, &status, 0);
        child = 0;
        if (status != 0) {
            print_error("the server ended with %x\n", (unsigned) status);
            return -1;
        }
    }
    return 0;
}


static uint32_t
put_request_ms(wd_peer_t *p, const char *method, const char *key, int64_t v,
               int64_t ms)
{
    wd_ctx_t ctx = {.id = WD_STR("test"), .ms = ms};
    wd_buf_t context = WD_BUF_INIT, args = WD_BUF_INIT;

    wd_ctx_put(&context, &ctx);
    wd_mp_put_map(&args, key != NULL ? 1 : 0);
    if (key != NULL) {
        wd_mp_put_z(&args, key);
        wd_mp_put_int(&args, v);
    }
    wd_frame_put_request(&p->out, ++p->id, wd_str_z(method),
                         wd_buf_view(&context), wd_buf_view(&args));
    wd_buf_done(&context);
    wd_buf_done(&args);
    return p->id;
}


static uint32_t
put_request(wd_peer_t *p, const char *method, const char *key, int64_t v)
{
    return put_request_ms(p, method, key, v, 0);
}


static uint32_t
put_echo(wd_peer_t *p, const char *method, wd_str_t text)
{
    wd_buf_t args = WD_BUF_INIT;

    wd_mp_put_map(&args, 1);
    wd_mp_put_z(&args, "text");
    wd_mp_put_str(&args, text);
    wd_frame_put_request(&p->out, ++p->id, wd_str_z(method),
                         WD_STR("\x81\xa2id\xa1"
                                "e"),
                         wd_buf_view(&args));
    wd_buf_done(&args);
    return p->id;
}


static void
echo_works(wd_peer_t *p)
{
    uint32_t id = put_echo(p, "t.echo", WD_STR("hello"));

    wd_peer_send(p);
    do {
        wd_peer_expect(p);
    } while (p->f.type != WD_FRAME_RESPONSE || p->f.msgid != id);
    assert_ok(p->f.code);
    assert_view(p->f.body, "hello");
}


static int64_t
stat_of(const char *key)
{
    int64_t  v = -1;
    wd_peer_t   p;
    wd_mp_t  at;
    uint32_t id;

    wd_peer_open(&p, unix_path);
    id = put_request(&p, "t.stats", NULL, 0);
    wd_peer_send(&p);
    do {
        wd_peer_expect(&p);
    } while (p.f.msgid != id);
    assert_ok(wd_mp_map_find(wd_mp(p.f.meta.data, p.f.meta.len), key, &at));
    assert_ok(wd_mp_read_int(&at, &v));
    wd_peer_done(&p);
    return v;
}


typedef struct {
    const char *key;
    int64_t     want;
} stat_is_t;


static bool
stat_is(void *arg)
{
    stat_is_t *s = arg;

    return stat_of(s->key) == s->want;
}


static void
wait_stat(const char *key, int64_t want)
{
    stat_is_t s = {key, want};

    if (!wd_test_until(stat_is, &s)) {
        fail_msg("%s never becomes %lld", key, (long long) want);
    }
}


static void
release(int n)
{
    wd_peer_t p;

    wd_peer_open(&p, unix_path);
    put_request(&p, "t.release", "n", n);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    wd_peer_done(&p);
}


static void
test_echo(void **state)
{
    int                i;
    wd_peer_t             p;
    uint32_t           id;
    wd_mp_t            at;
    wd_str_t           s;
    struct sockaddr_in in = {.sin_family = AF_INET};

    (void) state;
    wd_peer_open(&p, unix_path);
    for (i = 0; i < 2; i++) {
        id = put_echo(&p, i ? "t.work" : "t.echo", WD_STR("x y"));
        wd_peer_send(&p);
        wd_peer_expect(&p);
        assert_int_equal(p.f.type, WD_FRAME_RESPONSE);
        assert_int_equal(p.f.msgid, id);
        assert_int_equal(p.f.status, 200);
        assert_view(p.f.body, "x y");
        assert_false(p.f.more);
        assert_ok(wd_mp_map_find(wd_mp(p.f.meta.data, p.f.meta.len), "etag",
                                 &at));
        assert_ok(wd_mp_read_str(&at, &s));
        assert_view(s, "\"x\"");
    }
    wd_peer_done(&p);

    in.sin_port = htons((uint16_t) tcp_port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    wd_peer_init(&p, socket(AF_INET, SOCK_STREAM, 0));
    assert_int_equal(connect(p.fd, (struct sockaddr *) &in, sizeof(in)), 0);
    wd_peer_greet(&p);
    echo_works(&p);
    wd_peer_done(&p);
}


/* Requests may come before the server's hello, and in the same piece. */
static void
test_pipelined(void **state)
{
    int     i, n = 500;
    bool    seen[501] = {false};
    char    text[16];
    wd_peer_t  p;

    (void) state;
    wd_peer_init(&p, wd_peer_connect(unix_path));
    wd_frame_put_hello(&p.out, "wizdatactl", "x");
    for (i = 1; i <= n; i++) {
        snprintf(text, sizeof(text), "%d", i);
        put_echo(&p, "t.echo", wd_str_z(text));
    }
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_view(p.f.method, WD_N_HELLO);
    for (i = 1; i <= n; i++) {
        wd_peer_expect(&p);
        assert_true(p.f.msgid >= 1 && p.f.msgid <= 500);
        assert_false(seen[p.f.msgid]);
        seen[p.f.msgid] = true;
        snprintf(text, sizeof(text), "%u", p.f.msgid);
        assert_view(p.f.body, text);
    }
    wd_peer_done(&p);
}


static void
test_byte_by_byte(void **state)
{
    size_t   i;
    wd_peer_t   p;
    wd_buf_t all = WD_BUF_INIT;

    (void) state;
    wd_peer_init(&p, wd_peer_connect(unix_path));
    wd_frame_put_hello(&p.out, "gateway", "x");
    put_echo(&p, "t.echo", WD_STR("slow"));
    put_echo(&p, "t.work", WD_STR("slower"));
    wd_buf_str(&all, wd_buf_view(&p.out));
    wd_buf_reset(&p.out);
    for (i = 0; i < all.len; i++) {
        wd_buf_byte(&p.out, all.data[i]);
        wd_peer_send(&p);
    }
    wd_peer_expect(&p);
    wd_peer_expect(&p);
    assert_view(p.f.body, "slow");
    wd_peer_expect(&p);
    assert_view(p.f.body, "slower");
    wd_buf_done(&all);
    wd_peer_done(&p);
}


static void
test_errors(void **state)
{
    int      i;
    int64_t  v;
    wd_peer_t   p;
    wd_mp_t  at;
    uint32_t id;
    wd_str_t s;
    wd_ctx_t ctx;

    (void) state;
    (void) ctx;
    wd_peer_open(&p, unix_path);
    for (i = 0; i < 2; i++) {
        id = put_request(&p, i ? "t.failwork" : "t.fail", NULL, 0);
        wd_peer_send(&p);
        wd_peer_expect(&p);
        assert_int_equal(p.f.msgid, id);
        assert_int_equal(p.f.code, WD_EPARAM);
        assert_view(p.f.text, "no such symbol");
        assert_ok(wd_mp_map_find(wd_mp(p.f.detail.data, p.f.detail.len),
                                 "param", &at));
        assert_ok(wd_mp_read_str(&at, &s));
        assert_view(s, "symbol");
        assert_ok(wd_mp_map_find(wd_mp(p.f.detail.data, p.f.detail.len),
                                 "retry", &at));
        assert_ok(wd_mp_read_int(&at, &v));
        assert_int_equal(v, 17);

        put_request(&p, i ? "t.failwork" : "t.fail", "code", WD_ENOTFOUND);
        wd_peer_send(&p);
        wd_peer_expect(&p);
        assert_int_equal(p.f.code, WD_ENOTFOUND);
        assert_true(p.f.text.len != 0);
        assert_int_equal(p.f.detail.len, 0);
    }

    put_request(&p, "no.such.method", NULL, 0);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_int_equal(p.f.code, WD_ENOTFOUND);

    /* an argument of another type is the method's to refuse */
    put_request(&p, "t.echo", "text", 5);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_int_equal(p.f.code, WD_EPARAM);
    echo_works(&p);
    wd_peer_done(&p);
}


/* Adds what is there of a body; returns its bytes so far. */
typedef struct {
    uint32_t id;
    size_t   got;
    bool     last;
} body_t;


static void
check_bytes(wd_str_t s, size_t at)
{
    size_t i;

    for (i = 0; i < s.len; i++, at++) {
        if ((uint8_t) s.data[i] != (uint8_t) (at * 31 + at / 65536)) {
            fail_msg("wrong byte at %zu", at);
        }
    }
}


static void
body_take(body_t *b, wd_peer_t *p)
{
    bool     last;
    uint32_t id;
    wd_str_t s;

    if (p->f.type == WD_FRAME_RESPONSE && p->f.msgid == b->id) {
        assert_ok(p->f.code);
        check_bytes(p->f.body, b->got);
        b->got += p->f.body.len;
        b->last = !p->f.more;
    } else if (p->f.type == WD_FRAME_NOTIFY
               && wd_str_eq(p->f.method, WD_STR(WD_N_CHUNK))) {
        assert_ok(wd_frame_get_chunk(p->f.params, &id, &s, &last));
        if (id == b->id) {
            assert_false(b->last);
            check_bytes(s, b->got);
            b->got += s.len;
            b->last = last;
        }
    }
}


static void
test_sizes(void **state)
{
    int          k;
    size_t       i;
    int64_t      v;
    wd_peer_t       p;
    body_t       b;
    wd_mp_t      at;
    static const int64_t sizes[] = {0, 1, WD_CHUNK_MAX - 1, WD_CHUNK_MAX,
                                    WD_CHUNK_MAX + 1, 2 * WD_CHUNK_MAX,
                                    WD_WINDOW};

    (void) state;
    wd_peer_open(&p, unix_path);
    for (k = 0; k < 2; k++) {
        for (i = 0; i < wd_array_len(sizes); i++) {
            b = (body_t){put_request(&p, k ? "t.bigwork" : "t.big", "n",
                                     sizes[i]),
                         0, false};
            wd_peer_send(&p);
            wd_peer_expect(&p);
            assert_int_equal(p.f.type, WD_FRAME_RESPONSE);
            assert_int_equal(p.f.more, sizes[i] > WD_CHUNK_MAX);
            if (p.f.more) {
                assert_ok(wd_mp_map_find(wd_mp(p.f.meta.data, p.f.meta.len),
                                         "len", &at));
                assert_ok(wd_mp_read_int(&at, &v));
                assert_int_equal(v, sizes[i]);
            }
            body_take(&b, &p);
            while (!b.last) { /* needs no credit up to a window */
                wd_peer_expect(&p);
                body_take(&b, &p);
            }
            assert_int_equal(b.got, sizes[i]);
        }
    }
    wd_peer_done(&p);
}


/* Without credit a window comes and no byte more; others are not held up. */
static void
test_credit(void **state)
{
    int     k;
    size_t  n = 5 * MIB / 4, before;
    wd_peer_t  p;
    body_t  b;

    (void) state;
    for (k = 0; k < 2; k++) {
        wd_peer_open(&p, unix_path);
        b = (body_t){put_request(&p, k ? "t.bigwork" : "t.big", "n",
                                 (int64_t) n),
                     0, false};
        wd_peer_send(&p);
        while (b.got < WD_WINDOW) {
            wd_peer_expect(&p);
            body_take(&b, &p);
        }
        assert_int_equal(b.got, WD_WINDOW);

        /* what comes now is only the echo */
        put_echo(&p, "t.work", WD_STR("hello"));
        echo_works(&p);

        wd_frame_put_credit(&p.out, b.id, 1);
        wd_peer_send(&p);
        wd_peer_expect(&p);
        while (p.f.type != WD_FRAME_NOTIFY) {
            wd_peer_expect(&p);
        }
        body_take(&b, &p);
        assert_int_equal(b.got, WD_WINDOW + 1);

        wd_frame_put_credit(&p.out, 4711, 1000); /* unknown: ignored */
        wd_peer_send(&p);
        while (!b.last) {
            before = b.got;
            wd_frame_put_credit(&p.out, b.id, 100000);
            wd_peer_send(&p);
            while (!b.last && b.got < wd_min(before + 100000, n)) {
                wd_peer_expect(&p);
                body_take(&b, &p);
            }
            assert_int_equal(b.got, wd_min(before + 100000, n));
        }
        assert_int_equal(b.got, n);
        wd_frame_put_credit(&p.out, b.id, 100000); /* crossed the last */
        echo_works(&p);
        wd_peer_done(&p);
    }
}


/* A credit beyond all measure does not open more than what was taken. */
static void
test_huge_credit(void **state)
{
    wd_peer_t p;
    body_t b;

    (void) state;
    wd_peer_open(&p, unix_path);
    b = (body_t){put_request(&p, "t.big", "n", 3 * MIB), 0, false};
    wd_frame_put_credit(&p.out, b.id, UINT32_MAX);
    wd_frame_put_credit(&p.out, b.id, UINT32_MAX);
    wd_peer_send(&p);
    while (!b.last) {
        wd_peer_expect(&p);
        body_take(&b, &p);
        wd_frame_put_credit(&p.out, b.id, UINT32_MAX);
        wd_peer_send(&p);
    }
    assert_int_equal(b.got, 3 * MIB);
    wd_peer_done(&p);
}


/* Bodies of one connection go on side by side. */
static void
test_interleaved(void **state)
{
    int    i, longest = 0, run = 0;
    size_t n = MIB;
    wd_peer_t p;
    body_t b[3];
    uint32_t last_id = 0, id;
    bool     last;
    wd_str_t s;

    (void) state;
    wd_peer_open(&p, unix_path);
    for (i = 0; i < 3; i++) {
        b[i] = (body_t){put_request(&p, "t.bigwork", "n", (int64_t) n), 0,
                        false};
    }
    wd_peer_send(&p);
    while (!b[0].last || !b[1].last || !b[2].last) {
        wd_peer_expect(&p);
        for (i = 0; i < 3; i++) {
            body_take(&b[i], &p);
        }
        if (p.f.type == WD_FRAME_NOTIFY) {
            assert_ok(wd_frame_get_chunk(p.f.params, &id, &s, &last));
            run = id == last_id ? run + 1 : 1;
            longest = wd_max(longest, run);
            last_id = id;
            wd_frame_put_credit(&p.out, id, (uint32_t) s.len);
            wd_peer_send(&p);
        }
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(b[i].got, n);
    }
    wd_peer_done(&p);
}


/* Nobody gives credit: the server holds a bounded number of bodies. */
static void
test_no_credit(void **state)
{
    int     k, i, busy, held;
    int64_t before, after;
    wd_peer_t  p;

    (void) state;
    for (k = 0; k < 2; k++) {
        before = stat_of("bytes");
        wd_peer_open(&p, unix_path);
        for (i = 0; i < 100; i++) {
            put_request(&p, k ? "t.bigwork" : "t.big", "n", MIB);
        }
        wd_peer_send(&p);
        busy = held = 0;
        while (busy + held < 100) {
            wd_peer_expect(&p);
            if (p.f.type != WD_FRAME_RESPONSE) {
                continue;
            }
            if (p.f.code != WD_OK) {
                assert_int_equal(p.f.code, WD_EAGAIN);
                busy++;
            } else {
                held++;
            }
        }
        assert_true(busy >= 1 && held >= INFLIGHT / 2);
        after = stat_of("bytes");
        if (after - before > 3 * INFLIGHT * MIB) {
            fail_msg("%d bodies are held in %lld bytes", held,
                     (long long) (after - before));
        }
        wd_peer_done(&p);
        wait_stat("inflight", 0);
    }
}


/* Someone asks and asks and never reads: what waits for him is bounded. */
static void
test_never_reads(void **state)
{
    int           i, asked = 0, got = 0;
    ssize_t       n;
    int64_t       before, after;
    wd_peer_t        p, q;
    wd_buf_t      one = WD_BUF_INIT;
    char         *text = malloc(60000);
    struct pollfd pfd;

    (void) state;
    before = stat_of("bytes");
    memset(text, 'x', 60000);
    wd_peer_open(&p, unix_path);
    put_request(&p, "t.big", "n", 60000); /* small to ask, big to answer */
    wd_buf_str(&one, wd_buf_view(&p.out));
    wd_buf_reset(&p.out);

    /* until the socket takes no more, at most what makes 180 MB of answers */
    for (i = 0; i < 3000; i++) {
        wd_buf_str(&p.out, wd_buf_view(&one));
    }
    pfd = (struct pollfd){.fd = p.fd, .events = POLLOUT};
    for (i = 0; i < (int) p.out.len;) {
        if (poll(&pfd, 1, 300) != 1) {
            break;
        }
        n = send(p.fd, p.out.data + i, p.out.len - (size_t) i,
                 MSG_NOSIGNAL | MSG_DONTWAIT);
        assert_true(n > 0 || errno == EAGAIN);
        i += n > 0 ? (int) n : 0;
    }
    asked = i / (int) one.len;
    assert_true(asked > 10);

    wd_peer_open(&q, unix_path); /* others are served */
    echo_works(&q);
    wd_peer_done(&q);
    after = stat_of("bytes");
    if (after - before > 8 * MIB) {
        fail_msg("%d questions hold %lld bytes", asked,
                 (long long) (after - before));
    }

    /* he begins to read and gets it all */
    while (got < asked) {
        wd_peer_expect(&p);
        assert_ok(p.f.code);
        assert_int_equal(p.f.body.len, 60000);
        got++;
    }
    wd_buf_done(&one);
    free(text);
    wd_peer_done(&p);
}


static void
test_inflight_cap(void **state)
{
    int      i, busy = 0;
    int64_t  v;
    wd_peer_t   p;
    wd_mp_t  at;
    uint32_t over;

    (void) state;
    wd_peer_open(&p, unix_path);
    for (i = 0; i < INFLIGHT; i++) {
        put_request(&p, "t.hold", NULL, 0);
    }
    over = put_request(&p, "t.hold", NULL, 0);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_int_equal(p.f.msgid, over);
    assert_int_equal(p.f.code, WD_EAGAIN);
    assert_ok(wd_mp_map_find(wd_mp(p.f.detail.data, p.f.detail.len), "retry",
                             &at));
    assert_ok(wd_mp_read_int(&at, &v));
    assert_true(v >= 1);

    echo_works(&p); /* inline methods go on */
    release(INFLIGHT);
    for (i = 0; i < INFLIGHT; i++) {
        wd_peer_expect(&p);
        busy += p.f.code != WD_OK;
        assert_view(p.f.body, "held");
    }
    assert_int_equal(busy, 0);
    wait_stat("inflight", 0);
    wd_peer_done(&p);
}


static void
test_cancel(void **state)
{
    int      i;
    wd_peer_t   p;
    body_t   b;
    uint32_t id[4];
    int64_t  was = stat_of("canceled");

    (void) state;
    wd_peer_open(&p, unix_path);
    /* two run, two wait for a thread */
    for (i = 0; i < 4; i++) {
        id[i] = put_request(&p, "t.hold", NULL, 0);
    }
    wd_peer_send(&p);
    wait_stat("running", THREADS);
    for (i = 0; i < 4; i++) {
        wd_frame_put_cancel(&p.out, id[i]);
        wd_frame_put_cancel(&p.out, id[i]); /* twice is no harm */
    }
    wd_frame_put_cancel(&p.out, 4711); /* unknown: ignored */
    wd_peer_send(&p);
    wait_stat("inflight", 0);
    assert_int_equal(stat_of("canceled"), was + THREADS);
    assert_int_equal(stat_of("running"), 0);

    /* a body on its way ends, and its memory goes */
    b = (body_t){put_request(&p, "t.big", "n", 2 * MIB), 0, false};
    wd_peer_send(&p);
    while (b.got < WD_WINDOW) {
        wd_peer_expect(&p);
        body_take(&b, &p);
    }
    wd_frame_put_cancel(&p.out, b.id);
    wd_frame_put_credit(&p.out, b.id, 100000);
    wd_peer_send(&p);
    wait_stat("inflight", 0);

    /* none of the canceled is answered */
    put_echo(&p, "t.echo", WD_STR("after"));
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_view(p.f.body, "after");
    wd_peer_done(&p);
}


static void
test_leave(void **state)
{
    int     i;
    wd_peer_t  p;
    int64_t was = stat_of("canceled");

    (void) state;
    wd_peer_open(&p, unix_path);
    for (i = 0; i < 4; i++) {
        put_request(&p, "t.hold", NULL, 0);
    }
    put_request(&p, "t.bigwork", "n", 2 * MIB);
    put_request(&p, "t.big", "n", 2 * MIB);
    wd_peer_send(&p);
    wait_stat("running", THREADS);
    wd_peer_done(&p);
    wait_stat("inflight", 0);
    assert_int_equal(stat_of("canceled"), was + THREADS);
}


/* Who waits in line longer than he is willing to is told so. */
static void
test_deadline(void **state)
{
    int      i;
    wd_peer_t   p;
    wd_ns_t  until;
    uint32_t late, patient;

    (void) state;
    wd_peer_open(&p, unix_path);
    for (i = 0; i < THREADS; i++) {
        put_request(&p, "t.hold", NULL, 0);
    }
    wd_peer_send(&p);
    wait_stat("running", THREADS);
    late = put_request_ms(&p, "t.work", NULL, 0, 1);
    patient = put_request_ms(&p, "t.work", NULL, 0, 3600000);
    wd_peer_send(&p);
    wait_stat("inflight", THREADS + 2);
    until = wd_monotonic() + 2 * WD_NS_PER_MS;
    while (wd_monotonic() < until) { } /* now it is surely too late */
    release(THREADS);
    for (i = 0; i < THREADS + 2; i++) {
        wd_peer_expect(&p);
        assert_int_equal(p.f.code,
                         p.f.msgid == late ? WD_ETIMEOUT : WD_OK);
    }
    (void) patient;
    wd_peer_done(&p);
}


static void
bad_bytes(const char *what, wd_str_t bytes, bool greet)
{
    wd_peer_t p;

    if (greet) {
        wd_peer_open(&p, unix_path);
    } else {
        wd_peer_init(&p, wd_peer_connect(unix_path));
    }
    wd_buf_str(&p.out, bytes);
    wd_peer_send(&p);
    (void) what;
    wd_peer_closed(&p);
}


static void
test_malformed(void **state)
{
    size_t   i;
    wd_peer_t   p;
    wd_buf_t b = WD_BUF_INIT;
#define ROW(bytes) {bytes, sizeof(bytes) - 1}
    static const struct {
        const char *bytes;
        size_t      len;
    } rows[] = {
        ROW("\xc1"),
        ROW("GET / HTTP/1.1\r\n\r\n"),
        ROW("\x94\x00\x01\xa1m\x80"),
        ROW("\x94\x01\x01\xc0\x93\xcc\xc8\x80\xc0"), /* an answer to nothing */
        ROW("\x93\x02\xaarpc.cancel\x91\xa1x"),
        ROW("\x93\x02\xaarpc.credit\x91\x01"),
        ROW("\xdd\xff\xff\xff\xff"),
        ROW("\xc6\xff\xff\xff\xff"),
        ROW("\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91"
            "\x91\x91"),
        /* a context whose id is a number */
        ROW("\x94\x00\x01\xa6t.echo\x92\x81\xa2id\x05\x80"),
        ROW("\x94\x00\x01\xa6t.work\x92\x81\xa2id\x05\x80"),
    };

    (void) state;
    wd_peer_open(&p, unix_path); /* a bystander */
    for (i = 0; i < wd_array_len(rows); i++) {
        bad_bytes("row", wd_str(rows[i].bytes, rows[i].len), true);
        bad_bytes("row", wd_str(rows[i].bytes, rows[i].len), false);
    }

    /* the first frame must be a hello of this version */
    wd_frame_put_request(&b, 1, WD_STR("t.echo"), WD_STR("\x80"),
                         WD_STR("\x80"));
    bad_bytes("no hello", wd_buf_view(&b), false);
    bad_bytes("version",
              WD_STR("\x93\x02\xa9sys.hello\x91\x83\xa1v\x02\xa7service\xa1x"
                     "\xa8instance\xa1y"),
              false);

    /* a frame of more than the limit */
    wd_buf_reset(&b);
    wd_mp_put_array(&b, 3);
    wd_mp_put_int(&b, 2);
    wd_mp_put_z(&b, "x");
    wd_mp_put_array(&b, 1);
    wd_buf_append(&b, "\xdb\x00\x04\x00\x00", 5);
    bad_bytes("too long", wd_buf_view(&b), true);
    wd_buf_done(&b);

    /* unknown notifications are none of our business */
    wd_frame_put_notify(&p.out, "what.ever", WD_STR("\x91\xc0"));
    echo_works(&p);
    wd_peer_done(&p);
}


/* The biggest frame that is allowed is taken. */
static void
test_longest_frame(void **state)
{
    char    *text = malloc(WD_FRAME_MAX);
    wd_peer_t   p;
    uint32_t id;

    (void) state;
    memset(text, 'x', WD_FRAME_MAX);
    wd_peer_open(&p, unix_path);
    id = put_echo(&p, "t.echo", wd_str(text, WD_FRAME_MAX - 29));
    assert_true(p.out.len <= WD_FRAME_MAX && p.out.len > WD_FRAME_MAX - 8);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_int_equal(p.f.msgid, id);
    assert_true(p.f.more);
    wd_frame_put_cancel(&p.out, id);
    echo_works(&p);
    free(text);
    wd_peer_done(&p);
}


/* Heads of every length: the answer, or an error, but never a broken frame. */
static void
test_meta_limit(void **state)
{
    int      more;
    int64_t  pairs, bytes;
    wd_peer_t   p;
    uint32_t id;
    wd_buf_t args = WD_BUF_INIT;
    int      fine = 0, refused = 0;

    (void) state;
    wd_peer_open(&p, unix_path);
    for (more = 0; more < 2; more++) {
        for (pairs = 1; pairs < 21; pairs += 2) {
            for (bytes = 8040; bytes < 8190; bytes++) {
                wd_buf_reset(&args);
                wd_mp_put_map(&args, 3);
                wd_mp_put_z(&args, "n");
                wd_mp_put_int(&args, more ? 70000 : 10);
                wd_mp_put_z(&args, "bytes");
                wd_mp_put_int(&args, bytes);
                wd_mp_put_z(&args, "pairs");
                wd_mp_put_int(&args, pairs);
                id = ++p.id;
                wd_frame_put_request(&p.out, id, WD_STR("t.meta"),
                                     WD_STR("\x80"), wd_buf_view(&args));
                wd_peer_send(&p);
                do {
                    wd_peer_expect(&p);
                } while (p.f.type != WD_FRAME_RESPONSE || p.f.msgid != id);
                if (p.f.code == WD_OK) {
                    assert_true(p.f.meta.len <= WD_META_MAX);
                    fine++;
                } else {
                    assert_int_equal(p.f.code, WD_EINTERNAL);
                    refused++;
                }
                if (more) {
                    wd_frame_put_cancel(&p.out, id);
                }
            }
        }
    }
    assert_true(fine > 0 && refused > 0);
    echo_works(&p);
    wd_buf_done(&args);
    wd_peer_done(&p);
}


/* A timer tells the peers something while nothing else happens. */
static void
test_notify_from_timer(void **state)
{
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, unix_path);
    put_request(&p, "t.beat", NULL, 0);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_int_equal(p.f.type, WD_FRAME_RESPONSE);
    wd_peer_expect(&p);
    assert_int_equal(p.f.type, WD_FRAME_NOTIFY);
    assert_view(p.f.method, WD_N_BEAT);
    wd_peer_done(&p);
}


/* What peers tell reaches the service; what is malformed ends the telling. */
static void
test_notify_from_peer(void **state)
{
    int64_t n = 0;
    wd_peer_t  p, other;
    wd_mp_t at;

    (void) state;
    wd_peer_open(&p, unix_path);
    wd_frame_put_notify(&p.out, "t.tell", WD_STR("\x91\x05"));
    wd_frame_put_notify(&p.out, "t.unheard", WD_STR("\x91\x07"));
    wd_frame_put_notify(&p.out, "t.tell", WD_STR("\x91\x02"));
    put_request(&p, "t.heard", NULL, 0);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_ok(wd_mp_map_find(wd_mp(p.f.meta.data, p.f.meta.len), "heard",
                             &at));
    assert_ok(wd_mp_read_int(&at, &n));
    assert_int_equal(n, 7);

    wd_peer_open(&other, unix_path);
    wd_frame_put_notify(&other.out, "t.tell", WD_STR("\x91\xc0"));
    wd_peer_send(&other);
    wd_peer_closed(&other);
    echo_works(&p);
    wd_peer_done(&p);
}


/* So many welcomes, in their order. */
static void
expect_welcomes(wd_peer_t *p, int64_t n)
{
    int64_t  i, k;
    uint32_t len;
    wd_mp_t  c;

    for (i = 1; i <= n; i++) {
        wd_peer_expect(p);
        assert_view(p->f.method, "t.welcome");
        c = wd_mp(p->f.params.data, p->f.params.len);
        assert_ok(wd_mp_read_array(&c, &len));
        assert_ok(wd_mp_read_int(&c, &k));
        assert_int_equal(k, i);
    }
}


/*
 * Who says hello is told first what the service has for newcomers, however
 * long that is; who says nothing is told nothing.
 */
static void
test_on_connect(void **state)
{
    wd_peer_t p, mute;

    (void) state;
    wd_peer_init(&mute, wd_peer_connect(unix_path));
    wd_peer_open(&p, unix_path);
    put_request(&p, "t.welcome", "n", 9000); /* 9 MB: more than may be unread */
    wd_peer_send(&p);
    expect_welcomes(&p, 9000);
    wd_peer_expect(&p);
    assert_int_equal(p.f.type, WD_FRAME_RESPONSE);
    put_request(&p, "t.flood", "n", 1);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_view(p.f.method, "t.flood");

    wd_peer_expect(&mute);
    assert_view(mute.f.method, WD_N_HELLO);
    wd_frame_put_hello(&mute.out, "gateway", "test:2");
    wd_peer_send(&mute);
    expect_welcomes(&mute, 9000);
    wd_peer_done(&p);
    wd_peer_done(&mute);
}


/* Nobody misses one notification and hears the next. */
static void
test_notify_unread(void **state)
{
    int    i;
    wd_peer_t p, deaf;

    (void) state;
    wd_peer_open(&deaf, unix_path);
    wd_peer_open(&p, unix_path);
    for (i = 0; i < 6; i++) { /* 6 MB */
        put_request(&p, "t.flood", "n", 1000);
        wd_peer_send(&p);
        do {
            wd_peer_expect(&p);
        } while (p.f.type != WD_FRAME_RESPONSE);
    }
    echo_works(&p);

    /* an unbroken beginning, then the end */
    wd_peer_closed(&deaf);
    wd_peer_done(&p);
}


static void
test_client(void **state)
{
    int              k;
    char             tcp[64];
    int64_t          n = 3 * MIB;
    wd_buf_t         args = WD_BUF_INIT;
    wd_ctx_t         ctx = {.id = WD_STR("c")};
    wd_error_t       err = {0};
    wd_rpc_client_t *c = NULL;
    wd_rpc_answer_t  a;

    (void) state;
    snprintf(tcp, sizeof(tcp), "127.0.0.1:%d", tcp_port);
    for (k = 0; k < 2; k++) {
        assert_ok(wd_rpc_client_connect(k ? tcp : endpoint, "wizdatactl",
                                        5000, &c, &err));
        wd_buf_reset(&args);
        wd_mp_put_map(&args, 1);
        wd_mp_put_z(&args, "n");
        wd_mp_put_int(&args, n);
        assert_ok(wd_rpc_client_call(c, "t.bigwork", &ctx, wd_buf_view(&args),
                                     WD_TEST_WAIT_MS, &a, &err));
        assert_int_equal(a.status, 200);
        assert_int_equal(a.body.len, n);
        check_bytes(wd_buf_view(&a.body), 0);
        wd_rpc_answer_done(&a);

        assert_int_equal(wd_rpc_client_call(c, "t.fail", &ctx, WD_STR("\x80"),
                                            WD_TEST_WAIT_MS, &a, &err),
                         WD_EPARAM);
        assert_string_equal(err.text, "no such symbol");
        assert_int_equal(wd_rpc_client_call(c, "nothing", &ctx, WD_STR("\x80"),
                                            WD_TEST_WAIT_MS, &a, &err),
                         WD_ENOTFOUND);

        /* what takes too long is given up, and the server is told */
        assert_int_equal(wd_rpc_client_call(c, "t.hold", &ctx, WD_STR("\x80"),
                                            50, &a, &err),
                         WD_ETIMEOUT);
        wait_stat("running", 0);

        /* the connection serves on, a late answer is not taken for another */
        assert_ok(wd_rpc_client_call(c, "t.echo", &ctx, WD_STR("\x80"),
                                     WD_TEST_WAIT_MS, &a, &err));
        assert_int_equal(a.body.len, 0);
        wd_rpc_answer_done(&a);
        wd_rpc_client_close(c);
    }
    wd_rpc_client_close(NULL);
    wd_buf_done(&args);

    assert_int_equal(wd_rpc_client_connect("unix:/nowhere/x.sock", "x", 100,
                                           &c, &err),
                     WD_EUNAVAIL);
    assert_int_not_equal(wd_rpc_client_connect("nonsense", "x", 100, &c, &err),
                         WD_OK);
}


/* SIGTERM: goaway, no new connections, those in flight are answered. */
static void
test_drain(void **state)
{
    int      status;
    bool     goaway = false, answered = false;
    wd_peer_t   p;
    uint32_t id;

    (void) state;
    wd_peer_open(&p, unix_path);
    id = put_request(&p, "t.hold", NULL, 0);
    wd_peer_send(&p);
    wait_stat("running", 1);
    kill(child, SIGTERM);

    wd_peer_expect(&p);
    assert_view(p.f.method, WD_N_GOAWAY);
    goaway = true;
    assert_int_equal(wd_peer_connect(unix_path), -1);

    put_request(&p, "t.release", NULL, 0); /* came before it was heard */
    wd_peer_send(&p);
    while (!answered) {
        wd_peer_expect(&p);
        answered = p.f.type == WD_FRAME_RESPONSE && p.f.msgid == id;
    }
    assert_view(p.f.body, "held");
    assert_true(goaway);
    wd_peer_closed(&p);
    assert_int_equal(waitpid(child, &status, 0), child);
    child = 0;
    assert_int_equal(status, 0);
}


/* Random bytes from many peers, and the server lives. */
static void
test_noise(void **state)
{
    int    i, k, n;
    wd_peer_t p;

    (void) state;
    for (i = 0; i < 300; i++) {
        if (i & 1) {
            wd_peer_open(&p, unix_path);
        } else {
            wd_peer_init(&p, wd_peer_connect(unix_path));
        }
        for (k = 0; k < 3; k++) {
            put_request(&p, "t.work", "text", 5);
        }
        n = (int) wd_test_below(60);
        for (k = 0; k < n; k++) {
            wd_buf_byte(&p.out, (uint8_t) wd_test_random());
        }
        for (k = 0; k < 3; k++) {
            p.out.data[wd_test_below(p.out.len)] = (uint8_t) wd_test_random();
        }
        wd_peer_send(&p);
        wd_peer_done(&p); /* some answers find nobody */
    }
    wait_stat("inflight", 0);
    wd_peer_open(&p, unix_path);
    echo_works(&p);
    wd_peer_done(&p);
}


int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        T(test_echo),
        T(test_pipelined),
        T(test_byte_by_byte),
        T(test_errors),
        T(test_sizes),
        T(test_credit),
        T(test_huge_credit),
        T(test_interleaved),
        T(test_no_credit),
        T(test_never_reads),
        T(test_inflight_cap),
        T(test_cancel),
        T(test_leave),
        T(test_deadline),
        T(test_malformed),
        T(test_longest_frame),
        T(test_meta_limit),
        T(test_notify_from_timer),
        T(test_notify_from_peer),
        T(test_on_connect),
        T(test_notify_unread),
        T(test_client),
        cmocka_unit_test_setup_teardown(test_drain, start_patient, stop),
        T(test_noise),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
