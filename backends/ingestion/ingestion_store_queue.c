/*
 * ingestion_store_queue.c - the queue of jobs: put in, claimed together with a
 * call of the quota, queued again when a worker is gone.
 */
#include "ingestion_store.h"

/* An equal job may end between insert and look-up. */
#define ENQUEUE_TRIES 5


int
ingestion_store_session(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c,
                        "SET statement_timeout = '30s'; "
                        "SET lock_timeout = '10s'; "
                        "SET idle_in_transaction_session_timeout = '60s'; "
                        "SET timezone = 'UTC'; LISTEN wizdata_ingest",
                        err);
}


int
ingestion_store_enqueue(wd_pg_conn_t *c, const char *provider,
                        const char *dataset, wd_str_t args, wd_str_t asked_by,
                        int64_t *ret_id, char *ret_status, wd_error_t *err)
{
    int           rc, i;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider), wd_pg_text_z(dataset),
                         wd_pg_json(args), wd_pg_text(asked_by)};

    for (i = 0; i < ENQUEUE_TRIES; i++) {
        rc = wd_pg_exec(
            c,
            "WITH new AS (INSERT INTO ingest_job (provider, dataset, args, "
            "asked_by) VALUES ($1, $2, $3, nullif($4, '')) "
            "ON CONFLICT (provider, dataset, args) "
            "WHERE status IN ('queued', 'running', 'paused') DO NOTHING "
            "RETURNING id, status) "
            "SELECT id, status FROM new UNION ALL "
            "SELECT id, status FROM ingest_job WHERE provider = $1 "
            "AND dataset = $2 AND args = $3 "
            "AND status IN ('queued', 'running', 'paused') LIMIT 1",
            p, wd_array_len(p), &res, err);
        if (rc != WD_OK) {
            return rc;
        }
        if (PQntuples(res) == 1) {
            *ret_id = wd_pg_get_int(res, 0, 0);
            wd_str_copy(ret_status, 16, wd_pg_get_str(res, 0, 1));
            PQclear(res);
            return WD_OK;
        }
        PQclear(res);
    }
    return wd_error(err, WD_EAGAIN, "the same job is queued by others");
}


static int64_t
left(const PGresult *res, int col)
{
    return wd_pg_is_null(res, 0, col) ? -1 : wd_pg_get_int(res, 0, col);
}


int
ingestion_store_take(wd_pg_conn_t *c, const char *provider,
                     const ingestion_account_t *limits, int64_t debt,
                     ingestion_take_t *take, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider), wd_pg_int(limits->per_second),
                         wd_pg_int(limits->per_minute),
                         wd_pg_int(limits->per_day), wd_pg_int(debt)};

    rc = wd_pg_exec(c,
                    "SELECT granted, wait_ms, reason, left_second, "
                    "left_minute, left_day "
                    "FROM provider_take($1, '', $2, $3, $4, $5, 1)",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    take->granted = wd_pg_get_int(res, 0, 0) != 0;
    take->wait_ms = wd_pg_get_int(res, 0, 1);
    wd_str_copy(take->reason, sizeof(take->reason), wd_pg_get_str(res, 0, 2));
    take->left_second = left(res, 3);
    take->left_minute = left(res, 4);
    take->left_day = left(res, 5);
    PQclear(res);
    return WD_OK;
}


static int
claim_job(wd_pg_conn_t *c, const char *provider, const char *worker,
          uint32_t lease_ms, ingestion_job_t *job, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider), wd_pg_text_z(worker),
                         wd_pg_int(lease_ms)};

    rc = wd_pg_exec(
        c,
        "UPDATE ingest_job SET status = 'running', worker = $2, "
        "lease_until = clock_timestamp() + $3 * interval '1 millisecond', "
        "started_at = coalesce(started_at, now()), attempts = attempts + 1 "
        "WHERE id = (SELECT id FROM ingest_job WHERE provider = $1 "
        "AND status = 'queued' AND not_before <= now() "
        "ORDER BY priority, not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED) "
        "RETURNING id, dataset, args::text, attempts, page, rows, objects, "
        "duplicates",
        p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) == 0) {
        PQclear(res);
        return WD_ENOTFOUND;
    }

    memset(job, 0, sizeof(*job));
    job->id = wd_pg_get_int(res, 0, 0);
    wd_str_copy(job->dataset, sizeof(job->dataset), wd_pg_get_str(res, 0, 1));
    /* Arguments that nobody checked are refused when the job runs. */
    if (ingestion_args_parse(wd_pg_get_str(res, 0, 2), &job->args) != WD_OK) {
        memset(&job->args, 0, sizeof(job->args));
    }
    job->attempts = (int) wd_pg_get_int(res, 0, 3);
    job->page = (int) wd_pg_get_int(res, 0, 4);
    job->rows = wd_pg_get_int(res, 0, 5);
    job->objects = (int) wd_pg_get_int(res, 0, 6);
    job->duplicates = (int) wd_pg_get_int(res, 0, 7);
    PQclear(res);
    return WD_OK;
}


/* No job is due: is the provider blocked all the same? */
static int
look_at_block(wd_pg_conn_t *c, const char *provider, ingestion_take_t *take,
              wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider)};

    memset(take, 0, sizeof(*take));
    rc = wd_pg_exec(c,
                    "SELECT (extract(epoch FROM blocked_until - now()) "
                    "* 1000)::bigint, blocked_by FROM provider_quota "
                    "WHERE provider = $1 AND blocked_until > now()",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) == 1) {
        take->wait_ms = wd_pg_get_int(res, 0, 0);
        wd_str_copy(take->reason, sizeof(take->reason),
                    wd_pg_get_str(res, 0, 1));
    }
    PQclear(res);
    return WD_ENOTFOUND;
}


int
ingestion_store_claim(wd_pg_conn_t *c, const char *provider, const char *worker,
                      uint32_t lease_ms, const ingestion_account_t *limits,
                      int64_t debt, ingestion_job_t *job,
                      ingestion_take_t *take, wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(c, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = claim_job(c, provider, worker, lease_ms, job, err);
    if (rc == WD_OK) {
        rc = ingestion_store_take(c, provider, limits, debt, take, err);
    }
    if (rc == WD_OK && !take->granted) {
        rc = WD_ELIMIT;
    }
    if (rc == WD_OK) {
        return wd_pg_commit(c, err);
    }
    wd_pg_rollback(c);
    return rc == WD_ENOTFOUND ? look_at_block(c, provider, take, err) : rc;
}


int
ingestion_store_reap(wd_pg_conn_t *c, const char *provider, int64_t *ret_n,
                     wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider)};

    rc = wd_pg_exec(c,
                    "UPDATE ingest_job SET status = 'queued', worker = NULL, "
                    "lease_until = NULL WHERE provider = $1 "
                    "AND status = 'running' AND lease_until < now() "
                    "RETURNING id",
                    p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_n = PQntuples(res);
        PQclear(res);
    }
    return rc;
}
