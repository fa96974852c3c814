/*
 * bench_backend.c - a backend that answers one trivial method, verifies any
 * key and has metrics of any number: what is measured is the wire and the
 * gateway, not the work.
 */
#include "wd_rpc.h"

#include <stdlib.h>

typedef struct {
    wd_daemon_conf_t daemon;
    uint32_t         body_bytes;
    uint32_t         series;
} bench_conf_t;

static bench_conf_t bench_conf;

static const wd_conf_row_t bench_rows[] = {
    WD_DAEMON_CONF_ROWS(bench_conf_t, daemon, "unix:/tmp/bench.sock"),
    {"bench", "body_bytes", wd_conf_u32, offsetof(bench_conf_t, body_bytes),
     "512", 1, 1000000, 0, "Bytes of an answer"},
    {"bench", "series", wd_conf_u32, offsetof(bench_conf_t, series), "0", 0,
     1000000, 0, "Series that sys.metrics answers with"},
};

static wd_rpc_server_t *bench_server;
static wd_buf_t         bench_body;
static wd_buf_t         bench_metrics;


static int
bench_answer(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    wd_rpc_meta_int(res, "ttl", 3600); /* for who keeps it */
    wd_rpc_meta_str(res, "etag", WD_STR("\"0123456789abcdef\""));
    wd_buf_str(&res->body, wd_buf_view(&bench_body));
    return WD_OK;
}


static int
bench_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    wd_rpc_meta_str(res, "sub", WD_STR("user:1"));
    wd_rpc_meta_str(res, "key", WD_STR("key:1"));
    wd_rpc_meta_str(res, "plan", WD_STR("default"));
    wd_mp_put_z(&res->meta, "perm");
    wd_mp_put_array(&res->meta, 1);
    wd_mp_put_z(&res->meta, "*:read");
    res->n_meta++;
    return WD_OK;
}

static int
bench_sys_metrics(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    wd_buf_str(&res->body, wd_buf_view(&bench_metrics));
    return WD_OK;
}


static void
bench_make_metrics(void)
{
    uint32_t i;

    wd_buf_z(&bench_metrics, "# HELP bench_quotes_total Quotes seen.\n"
                             "# TYPE bench_quotes_total counter\n");
    for (i = 0; i < bench_conf.series; i++) {
        wd_buf_printf(&bench_metrics,
                      "bench_quotes_total{service=\"bench\",symbol=\"S%u\","
                      "exchange=\"X%u\"} %u\n",
                      i, i % 50, i * 7);
    }
}

static const wd_rpc_method_t bench_methods[] = {
    {"sys.metrics", bench_sys_metrics, WD_RPC_INLINE},
    {"indicators.list", bench_answer, WD_RPC_INLINE},
    {"auth.verify", bench_verify, WD_RPC_INLINE},
};

static uv_timer_t bench_beat;


static void
bench_on_beat(uv_timer_t *t)
{
    static int64_t seq;
    wd_buf_t       params = WD_BUF_INIT;

    (void) t;
    wd_mp_put_array(&params, 1);
    wd_mp_put_int(&params, ++seq);
    wd_rpc_server_notify(bench_server, WD_N_BEAT, wd_buf_view(&params));
    wd_buf_done(&params);
}


static int
bench_start(wd_daemon_t *d, void *arg, wd_error_t *err)
{
    int    rc, fds[4];
    size_t n, i;

    (void) arg;
    wd_buf_z(&bench_body, "{\"data\":\"");
    for (i = 11; i < bench_conf.body_bytes; i++) {
        wd_buf_byte(&bench_body, 'x');
    }
    wd_buf_z(&bench_body, "\"}");

    bench_make_metrics();
    bench_server = wd_rpc_server_create(d, bench_methods,
                                        wd_array_len(bench_methods), NULL, NULL,
                                        bench_conf.daemon.max_inflight);
    rc = wd_daemon_listen(d, fds, wd_array_len(fds), &n, err);
    if (rc != WD_OK) {
        return rc;
    }
    uv_timer_init(wd_daemon_loop(d), &bench_beat);
    uv_timer_start(&bench_beat, bench_on_beat, 250, 250);
    return wd_rpc_server_listen(bench_server, fds, n, err);
}


static void
bench_stop(wd_daemon_t *d, void *arg)
{
    (void) d;
    (void) arg;
    uv_close((uv_handle_t *) &bench_beat, NULL);
    wd_rpc_server_stop(bench_server);
    wd_buf_done(&bench_body);
    wd_buf_done(&bench_metrics);
}


int
main(int argc, char **argv)
{
    const char      *service = getenv("BENCH_SERVICE");
    wd_daemon_spec_t spec = {
        .service = service != NULL ? service : "analytics",
        .summary = "answers trivial methods",
        .rows = bench_rows,
        .n_rows = wd_array_len(bench_rows),
        .conf = &bench_conf,
        .start = bench_start,
        .stop = bench_stop,
    };

    return wd_daemon_run(&spec, argc, argv);
}
