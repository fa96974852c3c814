/*
 * ingestion_push.c - method ingest.push: an upload from its begin to its
 * answer, and what a second one with the same key is.
 */
#include "ingestion_push.h"

#include "wd_metrics.h"

#include <stdio.h>
#include <stdlib.h>

/* An upload on its way. */
typedef struct {
    const wd_push_dataset_t *d;
    wd_push_format_e         format;
    int64_t                  wait_s;
    char                     worker[128];
    ingestion_upload_t       u;
    ingestion_push_found_e   found;
    ingestion_received_t     got;
} push_t;


static int
read_args(const wd_rpc_call_t *call, wd_rpc_res_t *res, push_t *p)
{
    wd_str_t name = WD_STR("");

    if (wd_rpc_arg_str(call, "dataset", &name) != WD_OK
        || (p->d = wd_push_dataset_by_name(name)) == NULL) {
        return wd_rpc_fail_param(res, "dataset", "dataset: not known");
    }
    p->wait_s = 60;
    if (wd_rpc_arg_int(call, "wait", &p->wait_s) == WD_EPARAM || p->wait_s < 0
        || p->wait_s > 300) {
        return wd_rpc_fail_param(res, "wait", "wait: must be 0 to 300");
    }
    if (!call->ctx.body) {
        return wd_rpc_fail(res, WD_EINVAL, "The body is missing");
    }
    if (!wd_push_format_by_type(call->ctx.type, &p->format)) {
        return wd_rpc_fail(res, WD_EMEDIATYPE,
                           "The body must be text/csv, application/json, "
                           "application/x-ndjson or application/msgpack");
    }
    return WD_OK;
}


/* A name for the lease, of this process and this request. */
static void
name_worker(const ingestion_t *in, push_t *p)
{
    static uint64_t requests;

    snprintf(p->worker, sizeof(p->worker), "%s/%llu", in->worker,
             (unsigned long long) __atomic_add_fetch(&requests, 1,
                                                     __ATOMIC_RELAXED));
}


static int
begin(const wd_rpc_call_t *call, wd_rpc_res_t *res, push_t *p)
{
    int                       rc;
    wd_pg_conn_t             *pg;
    wd_error_t                err = {0};
    const ingestion_t        *in = call->svc;
    ingestion_push_ask_t      ask;
    ingestion_archive_state_t lake;

    ingestion_archive_state(in->archive, &lake);
    if (lake.full) {
        return wd_rpc_fail(res, WD_ESTORAGE,
                           "The raw archive's disk is full, nothing can be "
                           "taken");
    }
    name_worker(in, p);
    ask = (ingestion_push_ask_t){.principal = call->ctx.principal,
                                 .key = call->ctx.idem,
                                 .dataset = p->d->name,
                                 .format = wd_push_format_name(p->format),
                                 .worker = p->worker,
                                 .lake_from = lake.objects};

    rc = ingestion_push_pg(call, res, &pg);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_push_begin(pg, &ask, call->pool, &p->u, &p->found,
                                    &err);
    wd_pg_release(pg);
    return rc == WD_OK ? WD_OK : ingestion_api_internal(call, res, rc, &err);
}


static int
busy(const push_t *p, wd_rpc_res_t *res)
{
    res->retry_s = (int) (p->u.lease_ms / 1000) + 1;
    return wd_rpc_fail(res, WD_EEXIST,
                       "An upload with this Idempotency-Key is being received "
                       "now");
}


static int
other_content(wd_rpc_res_t *res)
{
    return wd_rpc_fail(res, WD_EEXIST,
                       "This Idempotency-Key was used for another content");
}


/* What ended the body, as the client is told. */
static int
tell_failure(const wd_rpc_call_t *call, const push_t *p, int rc,
             const wd_error_t *err, wd_rpc_res_t *res)
{
    switch (rc) {
    case WD_EINVAL:
    case WD_ETOOBIG:
    case WD_EMEDIATYPE:
    case WD_EEXIST:
    case WD_ESLOW:
        return p->got.n == 0 ? wd_rpc_fail(res, rc, "%s", err->text)
                             : wd_rpc_fail(res, rc,
                                           "%.110s (upload %lld has what is "
                                           "before)",
                                           err->text, (long long) p->u.id);
    case WD_ECANCELED:
        return rc;
    case WD_ETIMEOUT:
    case WD_ESTORAGE:
        return wd_rpc_fail(res, rc, "%s", err->text);
    default:
        return ingestion_api_internal(call, res, rc, err);
    }
}


/* Not held any more, so that whoever sends it again need not wait. */
static void
fail(const wd_rpc_call_t *call, push_t *p, const wd_error_t *err)
{
    int                rc;
    wd_pg_conn_t      *pg;
    wd_error_t         why = {0};
    const ingestion_t *in = call->svc;

    rc = wd_pg_acquire(in->pool, wd_monotonic() + WD_NS_PER_S, &pg, &why);
    if (rc == WD_OK) {
        rc = ingestion_store_push_failed(pg, p->u.id, p->worker, err->text,
                                         p->found == INGESTION_PUSH_NEW,
                                         p->got.parts, p->got.n, &why);
        wd_pg_release(pg);
    }
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        wd_log_warn(call->log, "upload not ended, its lease will", "upload",
                    p->u.id, "code", rc, "reason", why.text);
    }
}


static int
store(const wd_rpc_call_t *call, wd_rpc_res_t *res, push_t *p)
{
    int           rc;
    wd_pg_conn_t *pg;
    wd_error_t    err = {0};

    rc = ingestion_push_receive(call, p->d, p->format, &p->u, p->worker,
                                p->found == INGESTION_PUSH_TAKEN, &p->got,
                                &err);
    if (rc != WD_OK) {
        fail(call, p, &err);
        return tell_failure(call, p, rc, &err, res);
    }
    rc = ingestion_push_pg(call, res, &pg);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_push_stored(pg, p->u.id, p->worker, p->got.sha256,
                                     p->got.bytes, p->got.records, p->got.parts,
                                     p->got.n, &err);
    wd_pg_release(pg);
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail(res, WD_EEXIST,
                           "This upload was sent again and is received there");
    }
    return rc == WD_OK ? WD_OK : ingestion_api_internal(call, res, rc, &err);
}


/* All of it is in the lake: it is only seen whether it is the same. */
static int
compare(const wd_rpc_call_t *call, wd_rpc_res_t *res, push_t *p)
{
    int        rc;
    wd_error_t err = {0};

    if (!wd_str_eq_z(p->u.dataset, p->d->name)
        || !wd_str_eq_z(p->u.format, wd_push_format_name(p->format))) {
        return other_content(res);
    }
    rc = ingestion_push_hash(call, &p->got, &err);
    if (rc != WD_OK) {
        return tell_failure(call, p, rc, &err, res);
    }
    return wd_str_eq_z(p->u.sha256, p->got.sha256) ? WD_OK : other_content(res);
}


static int
take(const wd_rpc_call_t *call, wd_rpc_res_t *res, push_t *p)
{
    switch (p->found) {
    case INGESTION_PUSH_BUSY:
        return busy(p, res);
    case INGESTION_PUSH_KNOWN:
        return compare(call, res, p);
    case INGESTION_PUSH_NEW:
    case INGESTION_PUSH_TAKEN:
        break;
    }
    return store(call, res, p);
}


static void
count(const push_t *p, int rc, const wd_rpc_res_t *res)
{
    const char *outcome = "failed";

    if (rc == WD_OK) {
        outcome = res->status == 200 ? "done" : "stored";
    } else if (wd_err_info(rc)->http < 500) {
        outcome = "refused";
    }
    wd_metric(WD_MX_PUSHES, 1, p->d->name, outcome, NULL);
}


static int
push(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int    rc;
    push_t p = {.d = NULL};

    rc = read_args(call, res, &p);
    if (rc == WD_OK) {
        rc = begin(call, res, &p);
    }
    if (rc == WD_OK) {
        rc = take(call, res, &p);
        free(p.got.parts);
    }
    if (rc == WD_OK) {
        rc = ingestion_push_answer(call, p.u.id, p.wait_s, res);
    }
    if (p.d != NULL) {
        count(&p, rc, res);
    }
    return rc;
}


int
ingestion_push(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    ingestion_t *in = call->svc;

    __atomic_add_fetch(&in->pushing, 1, __ATOMIC_RELAXED);
    rc = push(call, res);
    __atomic_sub_fetch(&in->pushing, 1, __ATOMIC_RELAXED);
    return rc;
}
