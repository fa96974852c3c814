/*
 * upload_reader.c - a backend for tests of uploads: the real RPC server, with
 * a method that reads bodies. What it does with one is named by its data set:
 * bars are digested, trades thrown away, quotes refused after their first
 * piece.
 */
#include "wd_rpc.h"

#include <openssl/evp.h>
#include <stdlib.h>

#define READER_THREADS 16
#define READER_PIECE (64 * 1024)

typedef struct {
    wd_daemon_conf_t daemon;
} reader_conf_t;

static reader_conf_t reader_conf;

static const wd_conf_row_t reader_rows[] = {
    WD_DAEMON_CONF_ROWS(reader_conf_t, daemon, "unix:/tmp/reader.sock"),
};

static wd_rpc_server_t *reader_server;
static wd_lane_t       *reader_lane;


/* All of the body; `md` may be NULL. */
static int
reader_read(const wd_rpc_call_t *call, wd_rpc_res_t *res, EVP_MD_CTX *md,
            size_t *ret_total)
{
    int     rc;
    size_t  n;
    uint8_t piece[READER_PIECE];

    *ret_total = 0;
    for (;;) {
        rc = wd_rpc_read(call, piece, sizeof(piece), &n, &res->err);
        if (rc != WD_OK || n == 0) {
            return rc;
        }
        *ret_total += n;
        if (md != NULL && EVP_DigestUpdate(md, piece, n) != 1) {
            return wd_rpc_fail(res, WD_EINTERNAL, "no digest");
        }
    }
}


static int
reader_digest(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    char        hex[2 * EVP_MAX_MD_SIZE + 1];
    size_t      total;
    uint8_t     sum[EVP_MAX_MD_SIZE];
    unsigned    n = 0;
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    if (md == NULL || EVP_DigestInit_ex(md, EVP_md5(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        return WD_ENOMEM;
    }

    rc = reader_read(call, res, md, &total);
    if (rc == WD_OK && EVP_DigestFinal_ex(md, sum, &n) != 1) {
        rc = wd_rpc_fail(res, WD_EINTERNAL, "no digest");
    }
    EVP_MD_CTX_free(md);
    if (rc == WD_OK) {
        wd_hex_encode(sum, n, hex);
        wd_buf_printf(&res->body, "{\"bytes\":%zu,\"md5\":\"%s\"}", total, hex);
    }
    return rc;
}


static int
reader_push(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int      rc;
    size_t   n;
    uint8_t  piece[1000];
    wd_str_t dataset;

    if (wd_rpc_arg_str(call, "dataset", &dataset) != WD_OK) {
        return wd_rpc_fail_param(res, "dataset", "a data set is needed");
    }
    if (wd_str_eq_z(dataset, "bars")) {
        return reader_digest(call, res);
    }
    if (wd_str_eq_z(dataset, "quotes")) {
        rc = wd_rpc_read(call, piece, sizeof(piece), &n, &res->err);
        return rc != WD_OK ? rc
                           : wd_rpc_fail_param(res, "price", "row 3 has none");
    }

    rc = reader_read(call, res, NULL, &n);
    if (rc == WD_OK) {
        wd_buf_printf(&res->body, "{\"bytes\":%zu}", n);
    }
    return rc;
}


static int
reader_small(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    (void) call;
    wd_buf_z(&res->body, "{\"small\":1}");
    return WD_OK;
}


static const wd_rpc_method_t reader_methods[] = {
    {"ingest.push", reader_push, WD_RPC_UPLOAD},
    {"ingest.status", reader_small, WD_RPC_INLINE},
};


static int
reader_start(wd_daemon_t *d, void *arg, wd_error_t *err)
{
    int    rc, fds[4];
    size_t n;

    (void) arg;
    reader_lane = wd_lane_create(wd_daemon_loop(d), READER_THREADS, 0);
    reader_server = wd_rpc_server_create(d, reader_methods,
                                         wd_array_len(reader_methods), NULL,
                                         NULL, reader_conf.daemon.max_inflight);
    if (reader_lane == NULL || reader_server == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    wd_rpc_server_lane(reader_server, reader_lane);
    rc = wd_daemon_listen(d, fds, wd_array_len(fds), &n, err);
    return rc != WD_OK ? rc : wd_rpc_server_listen(reader_server, fds, n, err);
}


static void
reader_drain(wd_daemon_t *d, void *arg)
{
    (void) d;
    (void) arg;
    wd_rpc_server_drain(reader_server);
}


static size_t
reader_busy(wd_daemon_t *d, void *arg)
{
    (void) d;
    (void) arg;
    return wd_rpc_server_inflight(reader_server);
}


static void
reader_stop(wd_daemon_t *d, void *arg)
{
    (void) d;
    (void) arg;
    wd_lane_stop(reader_lane);
    wd_rpc_server_stop(reader_server);
}


int
main(int argc, char **argv)
{
    wd_daemon_spec_t spec = {
        .service = "ingestion",
        .summary = "reads bodies, for tests",
        .rows = reader_rows,
        .n_rows = wd_array_len(reader_rows),
        .conf = &reader_conf,
        .start = reader_start,
        .drain = reader_drain,
        .busy = reader_busy,
        .stop = reader_stop,
    };

    return wd_daemon_run(&spec, argc, argv);
}
