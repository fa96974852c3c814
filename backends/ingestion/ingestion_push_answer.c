/*
 * ingestion_push_answer.c - what became of an upload: waited for, and told.
 */
#include "ingestion_push.h"

#include <poll.h>

#define POLL_MIN_MS 5
#define POLL_MAX_MS 200
#define PG_WAIT_NS (2 * WD_NS_PER_S)

/* For so long an answer is waited for, however many others want to push. */
#define CROWDED_NS (2 * WD_NS_PER_S)

/* Of the call's deadline, for the answer itself. */
#define ANSWER_NS (3 * WD_NS_PER_S)

typedef struct {
    wd_json_t   j;
    const char *number; /* "line" or "record" */
    int64_t     n;
} rejects_t;


int
ingestion_push_pg(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  wd_pg_conn_t **ret)
{
    int                rc;
    wd_error_t         err = {0};
    const ingestion_t *in = call->svc;

    rc = wd_pg_acquire(in->pool, wd_monotonic() + PG_WAIT_NS, ret, &err);
    return rc == WD_OK ? WD_OK
                       : ingestion_api_internal(call, res, WD_EDB, &err);
}


static void
put_reject(const ingestion_push_reject_t *row, void *arg)
{
    rejects_t *r = arg;
    wd_json_t *j = &r->j;

    wd_json_obj(j);
    wd_json_key(j, r->number);
    row->number > 0 ? wd_json_int(j, row->number) : wd_json_null(j);
    wd_json_key(j, "rule");
    wd_json_str(j, row->rule);
    wd_json_key(j, "detail");
    wd_json_str(j, row->detail);
    wd_json_end(j);
    r->n++;
}


static void
put_int(wd_json_t *j, const char *key, int64_t v)
{
    wd_json_key(j, key);
    v < 0 ? wd_json_null(j) : wd_json_int(j, v);
}


/* A receiver that gives no sign any more left it as it is. */
static wd_str_t
state_of(const ingestion_upload_t *u)
{
    return wd_str_eq_z(u->state, "receiving") && u->lease_ms == 0
               ? WD_STR("interrupted")
               : u->state;
}


static void
put_upload(wd_json_t *j, const ingestion_upload_t *u)
{
    put_int(j, "upload", u->id);
    wd_json_key(j, "dataset");
    wd_json_str(j, u->dataset);
    wd_json_key(j, "format");
    wd_json_str(j, u->format);
    wd_json_key(j, "state");
    wd_json_str(j, state_of(u));
    wd_json_key(j, "created_at");
    wd_json_time(j, u->created_at);
    wd_json_key(j, "finished_at");
    u->finished_at == 0 ? wd_json_null(j) : wd_json_time(j, u->finished_at);
    wd_json_key(j, "error");
    u->error.len == 0 ? wd_json_null(j) : wd_json_str(j, u->error);
    put_int(j, "parts", u->parts);
    put_int(j, "handled", u->handled);
    put_int(j, "bytes", u->bytes);
    put_int(j, "records", u->bytes < 0 ? -1 : u->records);
    put_int(j, "accepted", u->accepted);
    put_int(j, "duplicate", u->duplicate);
    put_int(j, "rejected", u->rejected);
}


static int
put_all(wd_pg_conn_t *pg, const ingestion_upload_t *u, wd_rpc_res_t *res,
        wd_error_t *err)
{
    int              rc;
    rejects_t        r = {.n = 0};
    wd_json_t       *j = &r.j;
    wd_push_format_e f;

    r.number = "record";
    for (f = WD_PUSH_CSV; f <= WD_PUSH_MSGPACK; f++) {
        if (wd_str_eq_z(u->format, wd_push_format_name(f))
            && wd_push_format_has_lines(f)) {
            r.number = "line";
        }
    }
    wd_json_init(j, &res->body);
    wd_json_obj(j);
    put_upload(j, u);
    wd_json_key(j, "rejects");
    wd_json_arr(j);
    rc = ingestion_store_push_rejects(pg, u->id, INGESTION_PUSH_REJECTS_MAX,
                                      put_reject, &r, err);
    wd_json_end(j);
    put_int(j, "more_rejects", wd_max(u->rejected - r.n, 0));
    wd_json_end(j);
    return rc;
}


static bool
ended(const ingestion_upload_t *u)
{
    return !wd_str_eq_z(u->state, "stored");
}


/* Once; the answer is written when the upload has ended or `last`. */
static int
look(const wd_rpc_call_t *call, int64_t id, bool last, bool *ret_ended,
     wd_rpc_res_t *res)
{
    int                rc;
    wd_pg_conn_t      *pg;
    wd_error_t         err = {0};
    ingestion_upload_t u;

    rc = ingestion_push_pg(call, res, &pg);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_push_get(pg, id, call->pool, &u, &err);
    *ret_ended = rc != WD_OK || ended(&u);
    if (rc == WD_OK && (*ret_ended || last)) {
        rc = put_all(pg, &u, res, &err);
        res->status = *ret_ended ? 200 : 202;
    }
    wd_pg_release(pg);
    if (rc != WD_OK) {
        wd_buf_reset(&res->body);
        return ingestion_api_internal(call, res, rc, &err);
    }
    return WD_OK;
}


static bool
canceled(const wd_rpc_call_t *call)
{
    return __atomic_load_n(call->canceled, __ATOMIC_RELAXED);
}


/* Every thread is in use: one that only waits makes room. */
static bool
crowded(const ingestion_t *in)
{
    return __atomic_load_n(&in->pushing, __ATOMIC_RELAXED) >= in->conf.pushes;
}


int
ingestion_push_answer(const wd_rpc_call_t *call, int64_t id, int64_t wait_s,
                      wd_rpc_res_t *res)
{
    int                rc;
    int                ms = POLL_MIN_MS;
    bool               last, end = false;
    wd_ns_t            from = wd_monotonic();
    wd_ns_t            until = from + wait_s * WD_NS_PER_S;
    const ingestion_t *in = call->svc;

    if (call->deadline != WD_NS_MAX) {
        until = wd_min(until, call->deadline - ANSWER_NS);
    }
    do {
        last = wd_monotonic() >= until
               || __atomic_load_n(&in->draining, __ATOMIC_RELAXED)
               || (wd_monotonic() >= from + CROWDED_NS && crowded(in));
        rc = look(call, id, last, &end, res);
        if (rc == WD_OK && !end && !last) {
            poll(NULL, 0, ms);
            ms = wd_min(ms * 2, POLL_MAX_MS);
        }
        if (canceled(call)) {
            return WD_ECANCELED; /* what was stored stays */
        }
    } while (rc == WD_OK && !end && !last);
    return rc;
}


/* One's own; of all others there is none. */
static int
check_owner(const wd_rpc_call_t *call, const ingestion_upload_t *u)
{
    return wd_str_eq(u->principal, call->ctx.principal)
                   || wd_ctx_permits(&call->ctx, "ingest:admin")
               ? WD_OK
               : WD_ENOTFOUND;
}


int
ingestion_upload(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                rc;
    int64_t            id = 0;
    wd_error_t         err = {0};
    ingestion_upload_t u;

    rc = wd_rpc_arg_int(call, "id", &id);
    if (rc != WD_OK || id < 1) {
        return wd_rpc_fail_param(res, "id", "id: must be an upload's number");
    }
    rc = ingestion_store_push_get(call->pg, id, call->pool, &u, &err);
    if (rc == WD_OK) {
        rc = check_owner(call, &u);
    }
    if (rc == WD_OK) {
        rc = put_all(call->pg, &u, res, &err);
    }
    if (rc != WD_OK) {
        wd_buf_reset(&res->body);
        return rc == WD_ENOTFOUND ? wd_rpc_fail(res, rc, "No such upload")
                                  : ingestion_api_internal(call, res, rc, &err);
    }
    return WD_OK;
}
