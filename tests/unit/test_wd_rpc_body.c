/*
 * Bodies of requests: a daemon in a child process whose methods read them,
 * and callers that send them well or otherwise.
 */
#include "wd_test.h"

#include "wd_rpc.h"
#include "wd_rpc_client.h"
#include "wd_test_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LANE_THREADS 2
#define LANE_QUEUE 1
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
static wd_lane_t       *lane;
static wd_rpc_pace_t    pace; /* silence 0: the usual one */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t  changed = PTHREAD_COND_INITIALIZER;
static int64_t         taking; /* methods that run */
static int64_t         tickets; /* of those that hold, to go on */
static int64_t         canceled;


/* The byte of every body at that offset. */
static uint8_t
byte_at(size_t i)
{
    return (uint8_t) (i * 31 + i / 65536);
}


static int64_t
int_arg(const wd_rpc_call_t *call, const char *name, int64_t otherwise)
{
    int64_t v;

    return wd_rpc_arg_int(call, name, &v) == WD_OK ? v : otherwise;
}


/* Until t.go, or until the caller has left. */
static void
take_hold(const wd_rpc_call_t *call)
{
    struct timespec ts;

    pthread_mutex_lock(&lock);
    while (tickets == 0 && !__atomic_load_n(call->canceled, __ATOMIC_RELAXED)) {
        clock_gettime(CLOCK_REALTIME, &ts);
        ts.tv_nsec += 2000000;
        ts.tv_sec += ts.tv_nsec / 1000000000;
        ts.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&changed, &lock, &ts);
    }
    tickets -= tickets != 0;
    pthread_mutex_unlock(&lock);
}


static void
take_count(int64_t *which, int64_t n)
{
    pthread_mutex_lock(&lock);
    *which += n;
    pthread_mutex_unlock(&lock);
}


static int64_t
take_read(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t *ret_wrong)
{
    size_t  i, n, cap = (size_t) int_arg(call, "cap", 65536);
    int64_t got = 0, stop = int_arg(call, "stop", INT64_MAX);
    uint8_t buf[65536];

    *ret_wrong = 0;
    while (got < stop) {
        if (wd_rpc_read(call, buf, cap, &n, &res->err) != WD_OK || n == 0) {
            break;
        }
        for (i = 0; i < n; i++) {
            *ret_wrong += buf[i] != byte_at((size_t) got + i);
        }
        got += (int64_t) n;
    }
    return got;
}


/*
 * Reads pieces of `cap` bytes, or with `stop` that many bytes at least, after
 * having held with `hold`; answers with what it found, and `big` bytes.
 */
static int
do_take(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    bool    open = call->deadline == WD_NS_MAX;
    int64_t i, got, wrong, big = int_arg(call, "big", 0);

    take_count(&taking, 1);
    if (int_arg(call, "hold", 0) != 0) {
        take_hold(call);
    }
    got = take_read(call, res, &wrong);
    take_count(&taking, -1);
    if (res->err.code != WD_OK) {
        take_count(&canceled, res->err.code == WD_ECANCELED);
        return res->err.code;
    }
    if (int_arg(call, "code", 0) != 0) {
        return wd_rpc_fail(res, (int) int_arg(call, "code", 0), "not that");
    }

    wd_rpc_meta_int(res, "got", got);
    wd_rpc_meta_int(res, "wrong", wrong);
    wd_rpc_meta_int(res, "len", call->ctx.body_len);
    wd_rpc_meta_int(res, "open", open);
    wd_rpc_meta_int(res, "ms",
                    call->deadline == WD_NS_MAX
                        ? -1
                        : (call->deadline - wd_monotonic()) / WD_NS_PER_MS);
    wd_rpc_meta_str(res, "media", call->ctx.type);
    wd_rpc_meta_str(res, "enc", call->ctx.enc);
    wd_rpc_meta_str(res, "idem", call->ctx.idem);
    for (i = 0; i < big; i++) {
        wd_buf_byte(&res->body, 'x');
    }
    return WD_OK;
}


static int
do_go(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) res;
    take_count(&tickets, int_arg(call, "n", 1));
    pthread_cond_broadcast(&changed);
    return WD_OK;
}


static int
do_stats(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    FILE *f = fopen("/proc/self/statm", "r");
    long  pages = 0, resident = 0;

    (void) call;
    if (f != NULL) {
        if (fscanf(f, "%ld %ld", &pages, &resident) != 2) {
            resident = 0;
        }
        fclose(f);
    }
    pthread_mutex_lock(&lock);
    wd_rpc_meta_int(res, "taking", taking);
    wd_rpc_meta_int(res, "canceled", canceled);
    wd_rpc_meta_int(res, "inflight", (int64_t) wd_rpc_server_inflight(server));
    wd_rpc_meta_int(res, "resident", resident * 4096);
    pthread_mutex_unlock(&lock);
    return WD_OK;
}


static int
do_plain(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    wd_buf_z(&res->body, "plain");
    return WD_OK;
}


static const wd_rpc_method_t methods[] = {
    {"t.take", do_take, WD_RPC_UPLOAD},   {"t.go", do_go, WD_RPC_INLINE},
    {"t.stats", do_stats, WD_RPC_INLINE}, {"t.plain", do_plain, WD_RPC_INLINE},
    {"t.work", do_plain, WD_RPC_WORK},    {"t.slow", do_plain, WD_RPC_SLOW},
};


static int
on_start(wd_daemon_t *d, void *arg, wd_error_t *err)
{
    int    rc, fds[2];
    size_t n = 0;

    (void) arg;
    lane = wd_lane_create(wd_daemon_loop(d), LANE_THREADS, LANE_QUEUE);
    server = wd_rpc_server_create(d, methods, wd_array_len(methods), NULL, NULL,
                                  100);
    wd_rpc_server_lane(server, lane);
    if (pace.silence != 0) {
        wd_rpc_server_pace(server, &pace);
    }
    rc = wd_daemon_listen(d, fds, 2, &n, err);
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
    wd_lane_stop(lane);
    wd_rpc_server_stop(server);
}


/* ---- the test's side ---- */

static pid_t child;
static char  path[300];


static bool
is_up(void *arg)
{
    int fd = wd_peer_connect(path);

    (void) arg;
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}


static int
start(void **state)
{
    char                    listen[320];
    static char             name[] = WD_TEST_SERVICE, *argv[] = {name, NULL};
    static wd_daemon_spec_t spec = {
        .service = WD_TEST_SERVICE,
        .summary = "a test of bodies",
        .rows = conf_rows,
        .n_rows = wd_array_len(conf_rows),
        .conf = &conf,
        .start = on_start,
        .drain = on_drain,
        .busy = on_busy,
        .stop = on_stop,
    };

    (void) state;
    snprintf(path, sizeof(path), "%s", wd_test_path("s.sock"));
    snprintf(listen, sizeof(listen), "unix:%s", path);
    setenv("WIZDATA_SERVER_LISTEN", listen, 1);
    setenv("WIZDATA_SERVER_DRAIN", "1s", 1);
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
start_paced(void **state, const wd_rpc_pace_t *p)
{
    int rc;

    pace = *p;
    rc = start(state);
    pace.silence = 0;
    return rc;
}


static int
start_hasty(void **state)
{
    return start_paced(state, &(wd_rpc_pace_t){.silence = WD_NS_PER_MS,
                                               .total = WD_NS_PER_HOUR});
}


static int
start_rate(void **state)
{
    return start_paced(state, &(wd_rpc_pace_t){.silence = WD_NS_PER_HOUR,
                                               .window = 200 * WD_NS_PER_MS,
                                               .rate = 1000 * MIB,
                                               .total = WD_NS_PER_HOUR});
}


static int
start_short(void **state)
{
    return start_paced(state, &(wd_rpc_pace_t){.silence = WD_NS_PER_HOUR,
                                               .total = 200 * WD_NS_PER_MS});
}


/* Ends in good order, with whatever the sanitizers have to say. */
static int
stop(void **state)
{
    int status = -1;

    (void) state;
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    if (status != 0) {
        print_error("the server ended with %x\n", (unsigned) status);
    }
    return status == 0 ? 0 : -1;
}


static const wd_ctx_t plain_ctx = {.id = WD_STR("test"),
                                   .body = true,
                                   .body_len = -1,
                                   .type = WD_STR("text/csv")};


/* `args`: pairs of a name and a number; a name that is NULL ends them. */
static uint32_t
put_call(wd_peer_t *p, const char *method, const wd_ctx_t *ctx,
         const char *const *names, const int64_t *values)
{
    uint32_t n = 0, i;
    wd_buf_t context = WD_BUF_INIT, args = WD_BUF_INIT;

    while (names != NULL && names[n] != NULL) {
        n++;
    }
    wd_ctx_put(&context, ctx);
    wd_mp_put_map(&args, n);
    for (i = 0; i < n; i++) {
        wd_mp_put_z(&args, names[i]);
        wd_mp_put_int(&args, values[i]);
    }
    wd_frame_put_request(&p->out, ++p->id, wd_str_z(method),
                         wd_buf_view(&context), wd_buf_view(&args));
    wd_buf_done(&context);
    wd_buf_done(&args);
    return p->id;
}


static uint32_t
put_take(wd_peer_t *p, const char *name, int64_t value)
{
    const char *const names[] = {name, NULL};

    return put_call(p, "t.take", &plain_ctx, names, &value);
}


static uint32_t
put_plain(wd_peer_t *p, const char *method)
{
    wd_ctx_t ctx = {.id = WD_STR("test")};

    return put_call(p, method, &ctx, NULL, NULL);
}


/* A body on its way to the server. */
typedef struct {
    uint32_t id;
    size_t   total;
    size_t   sent;
    size_t   credit;
} up_t;


static void
put_piece(wd_peer_t *p, up_t *u, size_t n)
{
    size_t  i;
    uint8_t bytes[WD_CHUNK_MAX];

    assert_true(n <= sizeof(bytes));
    for (i = 0; i < n; i++) {
        bytes[i] = byte_at(u->sent + i);
    }
    u->sent += n;
    wd_frame_put_chunk(&p->out, u->id, wd_str((char *) bytes, n),
                       u->sent == u->total);
}


/* The next frame is the answer, or a credit, which is taken. True: answer. */
static bool
up_answered(wd_peer_t *p, up_t *u)
{
    uint32_t id, n;

    wd_peer_expect(p);
    if (p->f.type == WD_FRAME_RESPONSE && p->f.msgid == u->id) {
        return true;
    }
    if (p->f.type == WD_FRAME_NOTIFY && wd_str_eq_z(p->f.method, WD_N_CREDIT)) {
        assert_ok(wd_frame_get_credit(p->f.params, &id, &n));
        if (id == u->id) {
            u->credit += n;
            assert_true(n > 0 && u->credit <= u->sent);
        }
    }
    return false;
}


/* All of it in pieces of at most `piece`, then the answer is in p->f. */
static void
up_send(wd_peer_t *p, up_t *u, size_t piece)
{
    size_t n;

    do {
        n = wd_min(piece, u->total - u->sent);
        while (u->sent + n > u->credit + WD_WINDOW) {
            wd_peer_send(p);
            assert_false(up_answered(p, u));
        }
        put_piece(p, u, n);
    } while (u->sent < u->total);

    wd_peer_send(p);
    while (!up_answered(p, u)) { /* void */
    }
}


static int64_t
meta_int(const wd_peer_t *p, const char *key)
{
    int64_t v;
    wd_mp_t at;

    assert_ok(wd_mp_map_find(wd_mp(p->f.meta.data, p->f.meta.len), key, &at));
    assert_ok(wd_mp_read_int(&at, &v));
    return v;
}


static wd_str_t
meta_str(const wd_peer_t *p, const char *key)
{
    wd_mp_t  at;
    wd_str_t v;

    assert_ok(wd_mp_map_find(wd_mp(p->f.meta.data, p->f.meta.len), key, &at));
    assert_ok(wd_mp_read_str(&at, &v));
    return v;
}


static void
took(const wd_peer_t *p, size_t total)
{
    assert_ok(p->f.code);
    assert_int_equal(meta_int(p, "got"), total);
    assert_int_equal(meta_int(p, "wrong"), 0);
}


static void
plain_works(wd_peer_t *p)
{
    uint32_t id = put_plain(p, "t.plain");

    wd_peer_send(p);
    do {
        wd_peer_expect(p);
    } while (p->f.type != WD_FRAME_RESPONSE || p->f.msgid != id);
    assert_view(p->f.body, "plain");
}


static int64_t
stat_of(const char *key)
{
    int64_t   v;
    wd_peer_t p;

    wd_peer_open(&p, path);
    put_plain(&p, "t.stats");
    wd_peer_send(&p);
    wd_peer_expect(&p);
    v = meta_int(&p, key);
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
go(int64_t n)
{
    wd_ctx_t                 ctx = {.id = WD_STR("go")};
    wd_peer_t                p;
    static const char *const names[] = {"n", NULL};

    wd_peer_open(&p, path);
    put_call(&p, "t.go", &ctx, names, &n);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_ok(p.f.code);
    wd_peer_done(&p);
}


/* Bodies of all sizes, in pieces of all sizes, on one connection. */
static void
test_sizes(void **state)
{
    size_t              i, k;
    up_t                u;
    wd_peer_t           p;
    static const size_t totals[] = {
        0, 1, 65535, 65536, 65537, WD_WINDOW, WD_WINDOW + 1, 3 * MIB, 1000003};
    static const size_t  pieces[] = {WD_CHUNK_MAX, 50021, 777};
    static const int64_t caps[] = {65536, 40001, 7};

    (void) state;
    wd_peer_open(&p, path);
    for (i = 0; i < wd_array_len(totals); i++) {
        for (k = 0; k < wd_array_len(pieces); k++) {
            u = (up_t){put_take(&p, "cap", caps[k]), totals[i], 0, 0};
            up_send(&p, &u, pieces[k]);
            took(&p, totals[i]);
        }
    }
    plain_works(&p);
    wd_peer_done(&p);
    wait_stat("inflight", 0);
}


static void
test_context(void **state)
{
    up_t      u;
    wd_ctx_t  ctx = plain_ctx;
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, path);
    ctx.ms = 3600000;
    ctx.body_len = 5;
    ctx.enc = WD_STR("gzip");
    ctx.idem = WD_STR("a key, of any kind~");
    u = (up_t){put_call(&p, "t.take", &ctx, NULL, NULL), 5, 0, 0};
    up_send(&p, &u, 5);
    took(&p, 5);
    assert_int_equal(meta_int(&p, "len"), 5);
    assert_view(meta_str(&p, "media"), "text/csv");
    assert_view(meta_str(&p, "enc"), "gzip");
    assert_view(meta_str(&p, "idem"), "a key, of any kind~");

    /* while it comes there is no deadline; from its end on there is */
    assert_int_equal(meta_int(&p, "open"), 1);
    assert_true(meta_int(&p, "ms") > 0 && meta_int(&p, "ms") <= 3600000);

    u = (up_t){put_take(&p, NULL, 0), 5, 0, 0};
    up_send(&p, &u, 5);
    assert_int_equal(meta_int(&p, "len"), -1);
    assert_int_equal(meta_int(&p, "ms"), -1);
    assert_view(meta_str(&p, "enc"), "");
    assert_view(meta_str(&p, "idem"), "");

    /* a request without a body has none to read */
    put_plain(&p, "t.take");
    wd_peer_send(&p);
    wd_peer_expect(&p);
    took(&p, 0);
    wd_peer_done(&p);
}


/* Credit is for what was read; a window is taken without, and no more. */
static void
test_window(void **state)
{
    up_t      u;
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, path);
    u = (up_t){put_take(&p, "hold", 1), 2 * WD_WINDOW, 0, 0};
    while (u.sent < WD_WINDOW) {
        put_piece(&p, &u, WD_CHUNK_MAX);
    }
    wd_peer_send(&p);
    wait_stat("taking", 1);
    plain_works(&p);
    assert_int_equal(u.credit, 0);

    go(1);
    while (u.credit < WD_WINDOW / 2) {
        assert_false(up_answered(&p, &u));
    }
    up_send(&p, &u, WD_CHUNK_MAX);
    took(&p, 2 * WD_WINDOW);

    u = (up_t){put_take(&p, "hold", 1), 2 * WD_WINDOW, 0, 0};
    while (u.sent < WD_WINDOW) {
        put_piece(&p, &u, WD_CHUNK_MAX);
    }
    put_piece(&p, &u, 1);
    wd_peer_send(&p);
    wd_peer_closed(&p);
    wait_stat("inflight", 0);
}


/* Bodies that nobody reads stand in nobody's way, and hold what they may. */
static void
test_side_by_side(void **state)
{
    int       i;
    up_t      u[2], all;
    int64_t   before, after;
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, path);
    all = (up_t){put_take(&p, NULL, 0), 4 * MIB, 0, 0};
    up_send(&p, &all, WD_CHUNK_MAX); /* what is needed once is there */
    before = stat_of("resident");
    for (i = 0; i < 2; i++) {
        u[i] = (up_t){put_take(&p, "hold", 1), WD_WINDOW, 0, 0};
        while (u[i].sent < WD_WINDOW) {
            put_piece(&p, &u[i], 1024);
        }
    }
    wd_peer_send(&p);
    wait_stat("taking", 2);
    plain_works(&p);
    put_plain(&p, "t.work");
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_view(p.f.body, "plain");

    go(2);
    for (i = 0; i < 2; i++) {
        do {
            wd_peer_expect(&p);
        } while (p.f.type != WD_FRAME_RESPONSE);
        took(&p, WD_WINDOW);
    }

    all = (up_t){put_take(&p, NULL, 0), 64 * MIB, 0, 0};
    up_send(&p, &all, WD_CHUNK_MAX);
    took(&p, 64 * MIB);
    after = stat_of("resident");
    if (after - before > 16 * MIB) {
        fail_msg("64 MiB left %lld bytes behind", (long long) (after - before));
    }
    wd_peer_done(&p);
}


/* What has no room in the lane is told so; what comes of it is ignored. */
static void
test_lane_full(void **state)
{
    int       i;
    up_t      u;
    uint32_t  over;
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, path);
    for (i = 0; i < LANE_THREADS + LANE_QUEUE; i++) {
        u = (up_t){put_take(&p, "hold", 1), 3, 0, 0};
        put_piece(&p, &u, 3);
    }
    wd_peer_send(&p);
    wait_stat("taking", LANE_THREADS);

    over = put_take(&p, NULL, 0);
    u = (up_t){over, 70000, 0, 0};
    put_piece(&p, &u, 35000);
    put_piece(&p, &u, 35000);
    put_piece(&p, &u, 0);
    wd_peer_send(&p);
    wd_peer_expect(&p);
    assert_int_equal(p.f.msgid, over);
    assert_int_equal(p.f.code, WD_EUNAVAIL);
    assert_true(p.f.detail.len != 0);

    go(LANE_THREADS + LANE_QUEUE);
    for (i = 0; i < LANE_THREADS + LANE_QUEUE; i++) {
        wd_peer_expect(&p);
        took(&p, 3);
    }
    plain_works(&p);
    wd_peer_done(&p);
}


/* The method knows enough: what crosses its answer does no harm. */
static void
test_early_answer(void **state)
{
    int                      k;
    up_t                     u;
    bool                     last;
    size_t                   got;
    uint32_t                 id;
    wd_str_t                 bytes;
    wd_peer_t                p;
    static const char *const fail[] = {"stop", "code", NULL};
    static const int64_t     fail_at[] = {1, WD_EMEDIATYPE};
    static const char *const big[] = {"stop", "big", NULL};
    static const int64_t     big_at[] = {0, 3 * WD_CHUNK_MAX};

    (void) state;
    wd_peer_open(&p, path);
    for (k = 0; k < 3; k++) {
        u = (up_t){put_call(&p, "t.take", &plain_ctx, fail, fail_at), MIB, 0,
                   0};
        put_piece(&p, &u, 1000);
        if (k == 1) { /* the rest of the window at once */
            while (u.sent + WD_CHUNK_MAX <= WD_WINDOW) {
                put_piece(&p, &u, WD_CHUNK_MAX);
            }
        }
        wd_peer_send(&p);
        while (!up_answered(&p, &u)) { /* void */
        }
        assert_int_equal(p.f.code, WD_EMEDIATYPE);
        put_piece(&p, &u, 1000);
        plain_works(&p);
    }

    /* an answer that is long itself goes on, whatever comes */
    u = (up_t){put_call(&p, "t.take", &plain_ctx, big, big_at), MIB, 0, 0};
    wd_peer_send(&p);
    while (!up_answered(&p, &u)) { /* void */
    }
    assert_true(p.f.more);
    got = p.f.body.len;
    put_piece(&p, &u, 1000);
    put_piece(&p, &u, 1000);
    wd_peer_send(&p);
    do {
        wd_peer_expect(&p);
        assert_ok(wd_frame_get_chunk(p.f.params, &id, &bytes, &last));
        got += bytes.len;
    } while (!last);
    assert_int_equal(got, 3 * WD_CHUNK_MAX);
    plain_works(&p);
    wd_peer_done(&p);
    wait_stat("inflight", 0);
}


/* Who left is not waited for: neither what runs nor what waits to run. */
static void
test_leave(void **state)
{
    int       i, k;
    up_t      u[LANE_THREADS + LANE_QUEUE];
    int64_t   was;
    wd_peer_t p;

    (void) state;
    for (k = 0; k < 2; k++) {
        was = stat_of("canceled");
        wd_peer_open(&p, path);
        for (i = 0; i < LANE_THREADS + LANE_QUEUE; i++) {
            u[i] = (up_t){put_take(&p, NULL, 0), MIB, 0, 0};
            put_piece(&p, &u[i], 1000);
        }
        wd_peer_send(&p);
        wait_stat("taking", LANE_THREADS);
        if (k == 0) {
            for (i = 0; i < LANE_THREADS + LANE_QUEUE; i++) {
                wd_frame_put_cancel(&p.out, u[i].id);
                put_piece(&p, &u[i], 1000); /* ignored */
            }
            plain_works(&p);
        }
        wait_stat("inflight", k == 0 ? 0 : LANE_THREADS + LANE_QUEUE);
        wd_peer_done(&p);
        wait_stat("inflight", 0);
        /* who waited may have begun before it was his turn to be dropped */
        assert_in_range(stat_of("canceled") - was, LANE_THREADS,
                        LANE_THREADS + LANE_QUEUE);
    }
}


/* The server stops while methods wait for more: stop() looks at how it ends. */
static void
test_stop(void **state)
{
    int       i;
    up_t      u;
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, path);
    for (i = 0; i < LANE_THREADS + LANE_QUEUE; i++) {
        u = (up_t){put_take(&p, NULL, 0), MIB, 0, 0};
        put_piece(&p, &u, 1000);
    }
    wd_peer_send(&p);
    wait_stat("taking", LANE_THREADS);
    kill(child, SIGTERM);
    wd_peer_closed(&p);
}


static void
test_silence(void **state)
{
    up_t      u;
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, path);
    u = (up_t){put_take(&p, NULL, 0), MIB, 0, 0};
    put_piece(&p, &u, 1000);
    wd_peer_send(&p);
    while (!up_answered(&p, &u)) { /* void */
    }
    assert_int_equal(p.f.code, WD_ESLOW);
    plain_works(&p);
    wd_peer_done(&p);
}


/* A byte now and then, and never an end. */
static void
test_trickle(void **state)
{
    up_t      u;
    wd_peer_t p;

    (void) state;
    wd_peer_open(&p, path);
    u = (up_t){put_take(&p, NULL, 0), MIB, 0, 0};
    do {
        put_piece(&p, &u, 1);
        wd_peer_send(&p);
    } while (poll(&(struct pollfd){p.fd, POLLIN, 0}, 1, 1) == 0);
    while (!up_answered(&p, &u)) { /* void */
    }
    assert_int_equal(p.f.code, WD_ESLOW);
    plain_works(&p);
    wd_peer_done(&p);
}


/* ---- the blocking client ---- */

static wd_rpc_client_t *
client_open(void)
{
    char             endpoint[320];
    wd_error_t       err;
    wd_rpc_client_t *c = NULL;

    snprintf(endpoint, sizeof(endpoint), "unix:%s", path);
    assert_ok(
        wd_rpc_client_connect(endpoint, "test", WD_TEST_WAIT_MS, &c, &err));
    return c;
}


/* A file with the beginning of every body, at its start. */
static int
body_file(size_t n)
{
    int      fd;
    size_t   i;
    uint8_t *bytes = malloc(n + 1);

    for (i = 0; i < n; i++) {
        bytes[i] = byte_at(i);
    }
    fd = open(wd_test_path("body"), O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    free(bytes);
    return fd;
}


static int64_t
answer_int(const wd_rpc_answer_t *a, const char *key)
{
    int64_t v = -1;
    wd_mp_t at;

    assert_ok(wd_mp_map_find(wd_mp((const char *) a->meta.data, a->meta.len),
                             key, &at));
    assert_ok(wd_mp_read_int(&at, &v));
    return v;
}


static void
test_client(void **state)
{
    int                 fd;
    size_t              i;
    wd_error_t          err;
    wd_rpc_answer_t     a;
    wd_rpc_client_t    *c = client_open();
    static const size_t totals[] = {
        0, 1, WD_CHUNK_MAX, WD_WINDOW, WD_WINDOW + 1, 3 * MIB, 1000003};

    (void) state;
    for (i = 0; i < wd_array_len(totals); i++) {
        fd = body_file(totals[i]);
        assert_ok(wd_rpc_client_upload(c, "t.take", &plain_ctx, WD_STR("\x80"),
                                       fd, WD_TEST_WAIT_MS, &a, &err));
        assert_int_equal(answer_int(&a, "got"), totals[i]);
        assert_int_equal(answer_int(&a, "wrong"), 0);
        wd_rpc_answer_done(&a);
        close(fd);
    }
    wd_rpc_client_close(c);
}


/* Refused when a byte was read, long before the end; the connection goes on. */
static void
test_client_refused(void **state)
{
    int              fd, fds[2];
    wd_error_t       err;
    wd_rpc_answer_t  a;
    wd_rpc_client_t *c = client_open();
    const wd_str_t   refuse = WD_STR("\x82\xa4stop\x01\xa4"
                                       "code\xf6"); /* WD_EMEDIATYPE */

    (void) state;
    fd = body_file(3 * MIB);
    assert_int_equal(wd_rpc_client_upload(c, "t.take", &plain_ctx, refuse, fd,
                                          WD_TEST_WAIT_MS, &a, &err),
                     WD_EMEDIATYPE);
    close(fd);

    /* whoever writes into a pipe has not ended, and need not */
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "xyz", 3), 3);
    assert_int_equal(wd_rpc_client_upload(c, "t.take", &plain_ctx, refuse,
                                          fds[0], WD_TEST_WAIT_MS, &a, &err),
                     WD_EMEDIATYPE);
    close(fds[0]);
    close(fds[1]);

    assert_ok(wd_rpc_client_call(c, "t.plain", &(wd_ctx_t){.id = WD_STR("x")},
                                 WD_STR("\x80"), WD_TEST_WAIT_MS, &a, &err));
    assert_view(wd_buf_view(&a.body), "plain");
    wd_rpc_answer_done(&a);
    wd_rpc_client_close(c);
}


/* A body that cannot be read, a service that takes nothing: it is told. */
static void
test_client_gives_up(void **state)
{
    int              fd;
    wd_error_t       err;
    wd_rpc_answer_t  a;
    wd_rpc_client_t *c = client_open();

    (void) state;
    fd = open("/", O_RDONLY | O_DIRECTORY);
    assert_int_equal(wd_rpc_client_upload(c, "t.take", &plain_ctx,
                                          WD_STR("\x80"), fd, WD_TEST_WAIT_MS,
                                          &a, &err),
                     WD_EIO);
    close(fd);
    wait_stat("inflight", 0);

    fd = body_file(3 * MIB);
    assert_int_equal(wd_rpc_client_upload(c, "t.take", &plain_ctx,
                                          WD_STR("\x81\xa4hold\x01"), fd, 50,
                                          &a, &err),
                     WD_ETIMEOUT);
    close(fd);
    wait_stat("inflight", 0);
    wd_rpc_client_close(c);
}


/* A body for a method that takes none: refused, and nothing else. */
static void
test_not_taken(void **state)
{
    size_t                   i;
    up_t                     u;
    wd_peer_t                p;
    static const char *const others[] = {"t.plain", "t.work", "t.slow"};

    (void) state;
    wd_peer_open(&p, path);
    for (i = 0; i < wd_array_len(others); i++) {
        u = (up_t){put_call(&p, others[i], &plain_ctx, NULL, NULL), 10, 0, 0};
        put_piece(&p, &u, 5);
        put_piece(&p, &u, 5);
        wd_peer_send(&p);
        wd_peer_expect(&p);
        assert_int_equal(p.f.msgid, u.id);
        assert_int_equal(p.f.code, WD_EINVAL);
    }
    u.id = 4711; /* unknown: it may be over */
    put_piece(&p, &u, 5);
    plain_works(&p);
    wd_peer_done(&p);
}


/* Each of these closes the connection, and lets nothing behind. */
static void
test_malformed(void **state)
{
    int       k;
    up_t      u;
    char      bytes[WD_CHUNK_MAX + 1] = {0};
    wd_ctx_t  none = {.id = WD_STR("test")};
    wd_peer_t p;

    (void) state;
    for (k = 0; k < 6; k++) {
        wd_peer_open(&p, path);
        u = (up_t){p.id + 1, 3, 0, 0};
        switch (k) {
        case 0: /* after the last */
            put_take(&p, "hold", 1);
            put_piece(&p, &u, 3);
            put_piece(&p, &u, 0);
            break;
        case 1: /* a request that has not announced one */
            put_call(&p, "t.take", &none, (const char *[]){"hold", NULL},
                     (int64_t[]){1});
            put_call(&p, "t.take", &none, (const char *[]){"hold", NULL},
                     (int64_t[]){1});
            put_piece(&p, &u, 3);
            break;
        case 2: /* a chunk that is too long */
            put_take(&p, "hold", 1);
            wd_frame_put_chunk(&p.out, u.id, wd_str(bytes, sizeof(bytes)),
                               false);
            break;
        case 3: /* one without its end */
            put_take(&p, "hold", 1);
            wd_buf_str(&p.out, WD_STR("\x93\x02\xa9rpc.chunk\x92\x01\xc4\x00"));
            break;
        case 4: /* bytes that are none */
            put_take(&p, "hold", 1);
            wd_buf_str(&p.out, WD_STR("\x93\x02\xa9rpc.chunk\x93\x01\x05\xc2"));
            break;
        default: /* a length below zero */
            wd_buf_str(&p.out,
                       WD_STR("\x94\x00\x01\xa6t.take\x92\x83\xa2id\xa1x"
                              "\xa4"
                              "body\xc3\xa3len\xff\x80"));
        }
        wd_peer_send(&p);
        wd_peer_closed(&p);
        wait_stat("inflight", 0);
    }
}


int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        T(test_sizes),
        T(test_context),
        T(test_window),
        T(test_side_by_side),
        T(test_lane_full),
        T(test_early_answer),
        T(test_client),
        T(test_client_refused),
        T(test_client_gives_up),
        T(test_leave),
        T(test_stop),
        T(test_not_taken),
        T(test_malformed),
        cmocka_unit_test_setup_teardown(test_silence, start_hasty, stop),
        cmocka_unit_test_setup_teardown(test_trickle, start_rate, stop),
        cmocka_unit_test_setup_teardown(test_trickle, start_short, stop),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
