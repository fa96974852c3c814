/*
 * ingestion_api_run.c - ingest.run: jobs for the queue.
 */
#include "ingestion_api.h"
#include "ingestion_fetcher.h"
#include "ingestion_store.h"

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
    const char               *lacks;
    char                      provider[33], dataset[33];
    const ingestion_t        *in = call->svc;
    wd_error_t                err = {0};
    ingestion_fetcher_state_t state;

    if (ingestion_api_text(call, res, "provider", provider, sizeof(provider))
            != WD_OK
        || ingestion_api_text(call, res, "dataset", dataset, sizeof(dataset))
               != WD_OK) {
        return WD_EPARAM;
    }
    run->provider = ingestion_provider_by_name(wd_str_z(provider));
    if (run->provider == NULL) {
        return wd_rpc_fail_param(res, "provider", "provider: not known");
    }
    run->dataset = ingestion_dataset_by_name(run->provider, wd_str_z(dataset));
    if (run->dataset == NULL) {
        ingestion_dataset_unknown(run->provider, wd_str_z(dataset), &err);
        return wd_rpc_fail_param(res, "dataset", "%s", err.text);
    }

    for (i = 0; ingestion_providers[i] != run->provider; i++) { /* void */
    }
    ingestion_fetcher_state(in->fetchers[i], &state);
    lacks = state.lacks;
    if (state.configured
        && !state.endpoints[run->dataset - run->provider->datasets]
                .configured) {
        lacks = "a setting that this data set needs";
    }
    if (lacks != NULL) {
        return wd_rpc_fail_param(res, "provider",
                                 "provider: not configured here, it needs %s",
                                 lacks);
    }
    return WD_OK;
}


static int
read_args(const wd_rpc_call_t *call, wd_rpc_res_t *res, run_t *run)
{
    int         rc;
    char        to_month[33];
    wd_error_t  err = {0};
    const char *param = "";

    rc = ingestion_api_args(call, res, &run->args);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_api_text(call, res, "to_month", to_month, sizeof(to_month));
    if (rc != WD_OK) {
        return rc;
    }

    if (to_month[0] != '\0') {
        if (!(run->dataset->optional & (1u << ARG_MONTH))) {
            return wd_rpc_fail_param(res, "to_month",
                                     "to_month: not an argument of %s",
                                     run->dataset->name);
        }
        rc = ingestion_months(ingestion_arg(&run->args, ARG_MONTH), to_month,
                              &run->month, &run->months, &param, &err);
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
    int  rc, i;
    char month[8];

    rc = wd_pg_begin(call->pg, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (run->months == 0) {
        rc = enqueue_one(call, run, j, err);
    }
    for (i = 0; i < run->months && rc == WD_OK; i++) {
        ingestion_month_format(run->month + i, month);
        if (!ingestion_arg_set(&run->args, ARG_MONTH, wd_str_z(month))) {
            rc = wd_error(err, WD_ETOOBIG, "the arguments are too long");
            break;
        }
        rc = enqueue_one(call, run, j, err);
    }
    if (rc == WD_OK) {
        return wd_pg_commit(call->pg, err);
    }
    wd_pg_rollback(call->pg);
    return rc;
}


int
ingestion_api_run(const wd_rpc_call_t *call, wd_rpc_res_t *res)
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
        return ingestion_api_internal(call, res, rc, &err);
    }
    wd_json_end(&j);
    wd_json_end(&j);
    res->status = 202;
    return WD_OK;
}
