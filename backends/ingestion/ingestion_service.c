/*
 * ingestion_service.c - the methods of the catalogue, and the service's life.
 */
#include "ingestion_fetcher.h"
#include "ingestion_publisher.h"
#include "ingestion_store.h"

#include <stdio.h>

/* A method's failure inside: logged here, told to nobody. */
static int
internal(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
         const wd_error_t *err)
{
    wd_log_warn(call->log, "request failed in the database", "request_id",
                call->ctx.id, "trace_id", wd_ctx_trace_id(&call->ctx), "code",
                rc, "reason", err->text);
    if (rc == WD_EDB || rc == WD_ETIMEOUT || rc == WD_EAGAIN) {
        res->retry_s = 1;
    }
    return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
}


static int
take_arg(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
         char *out, size_t cap)
{
    int      rc;
    wd_str_t v = WD_STR("");

    rc = wd_rpc_arg_str(call, name, &v);
    if (rc == WD_EPARAM || v.len >= cap
        || (v.len != 0 && memchr(v.data, 0, v.len) != NULL)) {
        return wd_rpc_fail_param(res, name,
                                 "%s: must be text of at most %zu "
                                 "bytes",
                                 name, cap - 1);
    }
    wd_str_copy(out, cap, v);
    return WD_OK;
}


/* What ingest.run was asked for. */
typedef struct {
    const ingestion_provider_t *provider;
    const ingestion_dataset_t  *dataset;
    ingestion_args_t            args;
    int                         month; /* of a back-fill */
    int                         months; /* 0: no back-fill */
} run_t;


static int
read_names(const wd_rpc_call_t *call, wd_rpc_res_t *res, run_t *run)
{
    size_t                    i;
    char                      provider[33], dataset[33];
    const ingestion_t        *in = call->svc;
    ingestion_fetcher_state_t state;

    if (take_arg(call, res, "provider", provider, sizeof(provider)) != WD_OK
        || take_arg(call, res, "dataset", dataset, sizeof(dataset)) != WD_OK) {
        return WD_EPARAM;
    }
    run->provider = ingestion_provider_by_name(wd_str_z(provider));
    if (run->provider == NULL) {
        return wd_rpc_fail_param(res, "provider", "provider: not known");
    }
    run->dataset = ingestion_dataset_by_name(run->provider, wd_str_z(dataset));
    if (run->dataset == NULL) {
        return wd_rpc_fail_param(res, "dataset",
                                 "dataset: not one of this provider");
    }

    for (i = 0; ingestion_providers[i] != run->provider; i++) { /* void */
    }
    ingestion_fetcher_state(in->fetchers[i], &state);
    if (!state.configured) {
        return wd_rpc_fail_param(res, "provider",
                                 "provider: not configured here, it needs an "
                                 "API key");
    }
    return WD_OK;
}


static int
read_args(const wd_rpc_call_t *call, wd_rpc_res_t *res, run_t *run)
{
    int         rc, i;
    char        to_month[33];
    wd_error_t  err = {0};
    const char *param = "";

    for (i = 0; i < ARG_COUNT; i++) {
        rc = take_arg(call, res, ingestion_arg_name(i), run->args.v[i],
                      sizeof(run->args.v[i]));
        if (rc != WD_OK) {
            return rc;
        }
    }
    rc = take_arg(call, res, "to_month", to_month, sizeof(to_month));
    if (rc != WD_OK) {
        return rc;
    }

    if (to_month[0] != '\0') {
        if (!(run->dataset->optional & (1u << ARG_MONTH))) {
            return wd_rpc_fail_param(res, "to_month",
                                     "to_month: not an argument of %s",
                                     run->dataset->name);
        }
        rc = ingestion_months(run->args.v[ARG_MONTH], to_month, &run->month,
                              &run->months, &param, &err);
    }
    if (rc == WD_OK) {
        rc = ingestion_args_check(run->dataset, &run->args, &param, &err);
    }
    return rc == WD_OK ? WD_OK : wd_rpc_fail_param(res, param, "%s", err.text);
}


static int
enqueue_one(const wd_rpc_call_t *call, const run_t *run, wd_json_t *j,
            wd_error_t *err)
{
    int      rc;
    char     status[16];
    int64_t  id;
    wd_buf_t args;

    wd_buf_init(&args, INGESTION_ARGS_JSON_MAX);
    ingestion_args_json(&run->args, 0, 0, &args);
    rc = args.err != WD_OK
             ? wd_error(err, args.err, "the arguments are too long")
             : ingestion_store_enqueue(call->pg, run->provider->name,
                                       run->dataset->name, wd_buf_view(&args),
                                       call->ctx.principal, &id, status, err);
    if (rc == WD_OK) {
        wd_json_obj(j);
        wd_json_key(j, "id");
        wd_json_int(j, id);
        wd_json_key(j, "provider");
        wd_json_z(j, run->provider->name);
        wd_json_key(j, "dataset");
        wd_json_z(j, run->dataset->name);
        wd_json_key(j, "args");
        wd_json_raw(j, wd_buf_view(&args));
        wd_json_key(j, "status");
        wd_json_z(j, status);
        wd_json_end(j);
    }
    wd_buf_done(&args);
    return rc;
}


/* All or nothing: one transaction. */
static int
enqueue(const wd_rpc_call_t *call, run_t *run, wd_json_t *j, wd_error_t *err)
{
    int rc, i;

    rc = wd_pg_begin(call->pg, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (run->months == 0) {
        rc = enqueue_one(call, run, j, err);
    }
    for (i = 0; i < run->months && rc == WD_OK; i++) {
        ingestion_month_format(run->month + i, run->args.v[ARG_MONTH]);
        rc = enqueue_one(call, run, j, err);
    }
    if (rc == WD_OK) {
        return wd_pg_commit(call->pg, err);
    }
    wd_pg_rollback(call->pg);
    return rc;
}


static int
ingest_run(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                       rc;
    run_t                     run = {.months = 0};
    wd_json_t                 j;
    wd_error_t                err = {0};
    const ingestion_t        *in = call->svc;
    ingestion_archive_state_t lake;

    rc = read_names(call, res, &run);
    if (rc == WD_OK) {
        rc = read_args(call, res, &run);
    }
    if (rc != WD_OK) {
        return rc;
    }

    ingestion_archive_state(in->archive, &lake);
    if (lake.full) {
        return wd_rpc_fail(res, WD_ESTORAGE,
                           "The raw archive's disk is full, nothing can be "
                           "collected");
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "jobs");
    wd_json_arr(&j);
    rc = enqueue(call, &run, &j, &err);
    if (rc != WD_OK) {
        wd_buf_reset(&res->body);
        return internal(call, res, rc, &err);
    }
    wd_json_end(&j);
    wd_json_end(&j);
    res->status = 202;
    return WD_OK;
}


/* cursor: as the database has it; -1: as the publisher saw it last. */
void
ingestion_put_lake(const ingestion_t *in, int64_t cursor, wd_json_t *j)
{
    ingestion_archive_state_t   lake;
    ingestion_publisher_state_t pub;

    ingestion_archive_state(in->archive, &lake);
    ingestion_publisher_state(in->publisher, &pub);
    if (cursor >= 0) {
        pub.published = cursor;
    }
    wd_json_key(j, "lake");
    wd_json_obj(j);
    wd_json_key(j, "objects");
    wd_json_int(j, lake.objects);
    wd_json_key(j, "published");
    pub.published < 0 ? wd_json_null(j) : wd_json_int(j, pub.published);
    wd_json_key(j, "lag");
    pub.published < 0 ? wd_json_null(j)
                      : wd_json_int(j, lake.objects - pub.published);
    wd_json_key(j, "publishing");
    wd_json_bool(j, pub.healthy);
    wd_json_key(j, "writable");
    wd_json_bool(j, lake.writable && !lake.full);
    wd_json_key(j, "disk_full");
    wd_json_bool(j, lake.full);
    wd_json_key(j, "free_bytes");
    wd_json_int(j, lake.free_bytes);
    wd_json_key(j, "error");
    lake.error[0] == '\0' ? wd_json_null(j) : wd_json_z(j, lake.error);
    wd_json_end(j);
}


static int
ingest_status(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                rc;
    int64_t            job = 0, limit = 50, cursor;
    wd_json_t          j;
    wd_error_t         err = {0};
    const ingestion_t *in = call->svc;

    rc = wd_rpc_arg_int(call, "job", &job);
    if (rc == WD_EPARAM || job < 0) {
        return wd_rpc_fail_param(res, "job", "job: must be a job's number");
    }
    rc = wd_rpc_arg_int(call, "limit", &limit);
    if (rc == WD_EPARAM || limit < 1 || limit > 1000) {
        return wd_rpc_fail_param(res, "limit", "limit: must be 1 to 1000");
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    rc = ingestion_store_status(call->pg, job, limit, &j, &err);
    if (rc == WD_OK) {
        rc = ingestion_store_cursor(call->pg, &cursor, &err);
    }
    if (rc != WD_OK) {
        wd_buf_reset(&res->body);
        return rc == WD_ENOTFOUND ? wd_rpc_fail(res, rc, "No such job")
                                  : internal(call, res, rc, &err);
    }
    ingestion_put_lake(in, cursor, &j);
    wd_json_end(&j);
    return WD_OK;
}


static void
put_time(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    t == 0 ? wd_json_null(j) : wd_json_time(j, t);
}


static void
put_window(wd_json_t *j, const char *window, uint32_t limit, int64_t left)
{
    wd_json_key(j, window);
    if (limit == 0) {
        wd_json_null(j);
        return;
    }
    wd_json_obj(j);
    wd_json_key(j, "limit");
    wd_json_int(j, limit);
    wd_json_key(j, "left");
    wd_json_int(j, wd_max(left, 0));
    wd_json_end(j);
}


static void
put_datasets(wd_json_t *j, const ingestion_provider_t *p)
{
    size_t i;

    wd_json_key(j, "datasets");
    wd_json_arr(j);
    for (i = 0; i < p->n_datasets; i++) {
        wd_json_z(j, p->datasets[i].name);
    }
    wd_json_end(j);
}


static void
put_provider(wd_json_t *j, const ingestion_fetcher_state_t *s,
             const ingestion_provider_row_t *row)
{
    wd_json_obj(j);
    wd_json_key(j, "provider");
    wd_json_z(j, s->provider);
    wd_json_key(j, "state");
    wd_json_z(j, s->configured ? s->state_name : "not_configured");
    put_time(j, "until", s->until);
    put_datasets(j, ingestion_provider_by_name(wd_str_z(s->provider)));
    wd_json_key(j, "quota");
    wd_json_obj(j);
    put_window(j, "second", s->per_second, s->left_second);
    put_window(j, "minute", s->per_minute, s->left_minute);
    put_window(j, "day", s->per_day,
               row != NULL ? s->per_day - row->used_today : s->left_day);
    wd_json_end(j);
    put_time(j, "last_success",
             row != NULL ? row->last_success : s->last_success);
    wd_json_key(j, "last_error");
    if ((row != NULL ? row->last_error_at : s->last_error_at) == 0) {
        wd_json_null(j);
    } else {
        wd_json_obj(j);
        wd_json_key(j, "class");
        wd_json_z(j, row != NULL ? row->last_error_class : s->last_error_class);
        wd_json_key(j, "text");
        wd_json_z(j, row != NULL ? row->last_error : s->last_error);
        put_time(j, "at", row != NULL ? row->last_error_at : s->last_error_at);
        wd_json_end(j);
    }
    wd_json_key(j, "succeeded");
    wd_json_int(j, row != NULL ? row->succeeded : s->succeeded);
    wd_json_key(j, "failed");
    wd_json_int(j, row != NULL ? row->failed : s->failed);
    wd_json_key(j, "queued");
    row != NULL ? wd_json_int(j, row->queued) : wd_json_null(j);
    wd_json_key(j, "running_job");
    s->job != 0 ? wd_json_int(j, s->job) : wd_json_null(j);
    wd_json_key(j, "failures_in_a_row");
    wd_json_int(j, s->failures);
    wd_json_end(j);
}


/*
 * Also without a database, from what this process knows; `shared` tells
 * whether the figures are those of all instances.
 */
static int
ingest_providers(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                       rc, i;
    bool                      shared;
    wd_json_t                 j;
    wd_error_t                err = {0};
    wd_pg_conn_t             *pg = NULL;
    const ingestion_t        *in = call->svc;
    ingestion_fetcher_state_t s;
    ingestion_provider_row_t  row;

    rc = wd_pg_acquire(in->pool, wd_monotonic() + WD_NS_PER_S, &pg, &err);
    shared = rc == WD_OK;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "providers");
    wd_json_arr(&j);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_state(in->fetchers[i], &s);
        rc = shared ? ingestion_store_provider(pg, s.provider, &row, &err)
                    : WD_EDB;
        shared = rc == WD_OK;
        put_provider(&j, &s, shared ? &row : NULL);
    }
    wd_json_end(&j);
    wd_json_key(&j, "shared");
    wd_json_bool(&j, shared);
    wd_json_end(&j);
    if (pg != NULL) {
        wd_pg_release(pg);
    }
    return WD_OK;
}


static int
ingest_replay(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                       rc;
    int64_t                   from = 1, to = INT64_MAX, id;
    wd_json_t                 j;
    wd_error_t                err = {0};
    const ingestion_t        *in = call->svc;
    ingestion_archive_state_t lake;

    rc = wd_rpc_arg_int(call, "from_seq", &from);
    if (rc == WD_EPARAM || from < 1) {
        return wd_rpc_fail_param(res, "from_seq",
                                 "from_seq: must be 1 or more");
    }
    rc = wd_rpc_arg_int(call, "to_seq", &to);
    if (rc == WD_EPARAM || to < from) {
        return wd_rpc_fail_param(res, "to_seq",
                                 "to_seq: must not be before from_seq");
    }

    ingestion_archive_state(in->archive, &lake);
    to = wd_min(to, lake.objects);
    if (from > to) {
        return wd_rpc_fail_param(res, "from_seq",
                                 "from_seq: the lake has %lld objects",
                                 (long long) lake.objects);
    }
    rc = ingestion_store_replay_add(call->pg, from, to, call->ctx.principal,
                                    &id, &err);
    if (rc != WD_OK) {
        return internal(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "replay");
    wd_json_int(&j, id);
    wd_json_key(&j, "from_seq");
    wd_json_int(&j, from);
    wd_json_key(&j, "to_seq");
    wd_json_int(&j, to);
    wd_json_key(&j, "objects");
    wd_json_int(&j, to - from + 1);
    wd_json_end(&j);
    res->status = 202;
    return WD_OK;
}


static const wd_rpc_method_t methods[] = {
    {"ingest.run", ingest_run, WD_RPC_PG},
    {"ingest.status", ingest_status, WD_RPC_PG},
    {"ingest.providers", ingest_providers, WD_RPC_WORK},
    {"ingest.replay", ingest_replay, WD_RPC_PG},
};


static int
ingestion_start(wd_service_t *svc, void *arg, wd_error_t *err)
{
    int          rc;
    size_t       i;
    ingestion_t *in = arg;
    const char  *url;

    in->log = wd_service_log(svc);
    in->pool = wd_service_pg(svc);
    url = in->conf.service.db.url;
    snprintf(in->worker, sizeof(in->worker), "%.70s/%llx",
             wd_daemon_instance(wd_service_daemon(svc)),
             (unsigned long long) wd_now());

    rc = ingestion_conf_check(&in->conf, err);
    if (rc == WD_OK) {
        rc = wd_http_init();
    }
    if (rc == WD_OK) {
        rc = ingestion_archive_open(in->conf.lake, in->conf.min_free,
                                    &in->archive, err);
    }
    if (rc == WD_OK) {
        rc = ingestion_publisher_start(url, in->conf.lake, in->log,
                                       &in->publisher, err);
    }
    for (i = 0; i < INGESTION_PROVIDERS && rc == WD_OK; i++) {
        rc = ingestion_fetcher_start(in, i, &in->fetchers[i], err);
    }
    return rc;
}


static void
ingestion_reload(wd_service_t *svc, void *arg)
{
    size_t       i;
    wd_error_t   err = {0};
    ingestion_t *in = arg;

    (void) svc;
    if (ingestion_conf_check(&in->conf, &err) != WD_OK) {
        wd_log_warn(in->log, "reload refused, the old accounts stay", "reason",
                    err.text);
        return;
    }
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_reload(in->fetchers[i]);
    }
}


/* Requests in flight are given up at once: their jobs are durable. */
static void
ingestion_drain(wd_service_t *svc, void *arg)
{
    size_t       i;
    ingestion_t *in = arg;

    (void) svc;
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_ask_stop(in->fetchers[i]);
    }
}


static void
ingestion_stop(wd_service_t *svc, void *arg)
{
    size_t       i;
    ingestion_t *in = arg;

    ingestion_drain(svc, arg);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_join(in->fetchers[i]);
    }
    /* Last, so that what the fetchers stored is still published. */
    ingestion_publisher_ask_stop(in->publisher);
    ingestion_publisher_join(in->publisher);
}


int
ingestion_main(int argc, char **argv)
{
    int                rc;
    size_t             i;
    static ingestion_t in; /* service calls outlive no frame of main() */
    wd_service_spec_t  spec = {
         .name = "ingestion",
         .summary = "collects data from providers into the raw archive",
         .rows = ingestion_conf_rows,
         .n_rows = ingestion_conf_n_rows,
         .conf = &in.conf,
         .methods = methods,
         .n_methods = wd_array_len(methods),
         .svc = &in,
         .start = ingestion_start,
         .reload = ingestion_reload,
         .drain = ingestion_drain,
         .stop = ingestion_stop,
         .health = ingestion_health,
    };

    rc = wd_service_main(&spec, argc, argv);

    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_destroy(in.fetchers[i]);
    }
    ingestion_publisher_destroy(in.publisher);
    ingestion_archive_close(in.archive);
    wd_http_done();
    return rc;
}
