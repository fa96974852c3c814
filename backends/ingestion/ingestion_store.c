/*
 * ingestion_store.c - the SQL of the ingestion.
 */
#include "ingestion_store.h"

#define N(params) (params), wd_array_len(params)

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
            "WHERE status IN ('queued', 'running') DO NOTHING "
            "RETURNING id, status) "
            "SELECT id, status FROM new UNION ALL "
            "SELECT id, status FROM ingest_job WHERE provider = $1 "
            "AND dataset = $2 AND args = $3 "
            "AND status IN ('queued', 'running') LIMIT 1",
            N(p), &res, err);
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
                    "FROM provider_take($1, $2, $3, $4, $5)",
                    N(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    take->granted = wd_pg_get_bool(res, 0, 0);
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
        "ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED) "
        "RETURNING id, dataset, args::text, attempts, page, rows, objects, "
        "duplicates",
        N(p), &res, err);
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
                    N(p), &res, err);
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
ingestion_store_claim(wd_pg_conn_t *c, const char *provider,
                      const char *worker, uint32_t lease_ms,
                      const ingestion_account_t *limits, int64_t debt,
                      ingestion_job_t *job, ingestion_take_t *take,
                      wd_error_t *err)
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


static int
write_again(wd_pg_conn_t *c, const ingestion_job_t *job,
            const ingestion_result_t *r, PGresult **res, wd_error_t *err)
{
    wd_pg_param_t p[] = {
        wd_pg_int(job->id),         wd_pg_text_z(r->worker),
        wd_pg_text_z(r->class),     wd_pg_text_z(r->text),
        wd_pg_int(r->delay_ms),     wd_pg_int(r->refund ? 1 : 0),
        wd_pg_int(job->page),       wd_pg_int(job->rows),
        wd_pg_int(job->objects),    wd_pg_int(job->duplicates),
        wd_pg_text_z(r->provider),  wd_pg_bool(r->block == BLOCK_LONG)};

    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET status = 'queued', worker = NULL, "
        "lease_until = NULL, error_class = $3, error = $4, "
        "not_before = greatest(now() + $5 * interval '1 millisecond', "
        "(SELECT blocked_until FROM provider_quota "
        "WHERE provider = $11 AND $12)), "
        "attempts = attempts - $6, page = $7, rows = $8, objects = $9, "
        "duplicates = $10 "
        "WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id",
        N(p), res, err);
}


static int
write_end(wd_pg_conn_t *c, const ingestion_job_t *job,
          const ingestion_result_t *r, PGresult **res, wd_error_t *err)
{
    wd_pg_param_t p[] = {
        wd_pg_int(job->id),      wd_pg_text_z(r->worker),
        wd_pg_text_z(r->class),  wd_pg_text_z(r->text),
        wd_pg_text_z(r->outcome == OUTCOME_DONE ? "done" : "failed"),
        wd_pg_int(job->rows),    wd_pg_int(job->objects),
        wd_pg_int(job->duplicates)};

    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET status = $5, lease_until = NULL, "
        "finished_at = clock_timestamp(), error_class = $3, error = $4, "
        "rows = $6, objects = $7, duplicates = $8 "
        "WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id",
        N(p), res, err);
}


static int
write_progress(wd_pg_conn_t *c, const ingestion_job_t *job,
               const ingestion_result_t *r, PGresult **res, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(job->id),      wd_pg_text_z(r->worker),
                         wd_pg_int(r->lease_ms),  wd_pg_int(job->page),
                         wd_pg_int(job->rows),    wd_pg_int(job->objects),
                         wd_pg_int(job->duplicates)};

    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET page = $4, rows = $5, objects = $6, "
        "duplicates = $7, "
        "lease_until = clock_timestamp() + $3 * interval '1 millisecond' "
        "WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id",
        N(p), res, err);
}


static int
write_job(wd_pg_conn_t *c, const ingestion_job_t *job,
          const ingestion_result_t *r, wd_error_t *err)
{
    int       rc;
    PGresult *res;

    switch (r->outcome) {
    case OUTCOME_PROGRESS:
        rc = write_progress(c, job, r, &res, err);
        break;
    case OUTCOME_AGAIN:
        rc = write_again(c, job, r, &res, err);
        break;
    default:
        rc = write_end(c, job, r, &res, err);
    }
    if (rc == WD_OK) {
        rc = PQntuples(res) == 1 ? WD_OK : WD_ENOTFOUND;
        PQclear(res);
    }
    return rc;
}


static int
write_block(wd_pg_conn_t *c, const ingestion_result_t *r, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider), wd_pg_int(r->delay_ms)};

    if (r->block == BLOCK_SHORT) {
        return wd_pg_exec(
            c,
            "UPDATE provider_quota SET "
            "blocked_until = now() + $2 * interval '1 millisecond', "
            "blocked_by = 'limit_short' WHERE provider = $1 AND "
            "blocked_until < now() + $2 * interval '1 millisecond'",
            N(p), NULL, err);
    }

    /*
     * Where the provider's day begins is not known. Refused once, its quota
     * is used up and the next day of UTC is waited for; refused again right
     * then, its day begins later: one question an hour finds out when.
     */
    return wd_pg_exec(
        c,
        "UPDATE provider_quota SET refused = refused + 1, "
        "blocked_by = 'limit_long', blocked_until = greatest("
        "now() + $2 * interval '1 millisecond', "
        "CASE WHEN refused = 0 "
        "THEN date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' "
        "+ interval '1 day' ELSE now() + interval '1 hour' END) "
        "WHERE provider = $1",
        N(p), NULL, err);
}


static int
write_state(wd_pg_conn_t *c, const ingestion_result_t *r, wd_error_t *err)
{
    int           rc;
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider), wd_pg_text_z(r->class),
                         wd_pg_text_z(r->text)};

    if (!r->good) {
        return wd_pg_exec(c,
                          "UPDATE provider_state SET failed = failed + 1, "
                          "last_error_at = now(), last_error_class = $2, "
                          "last_error = $3 WHERE provider = $1",
                          N(p), NULL, err);
    }
    rc = wd_pg_exec(c,
                    "UPDATE provider_state SET succeeded = succeeded + 1, "
                    "last_success = now() WHERE provider = $1",
                    p, 1, NULL, err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "UPDATE provider_quota SET refused = 0 "
                        "WHERE provider = $1 AND refused <> 0",
                        p, 1, NULL, err);
    }
    return rc;
}


static int
write_fresh(wd_pg_conn_t *c, const ingestion_job_t *job,
            const ingestion_result_t *r, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider), wd_pg_text_z(job->dataset),
                         wd_pg_json(wd_str_z(r->page_args)),
                         wd_pg_text_z(r->archived->sha256),
                         wd_pg_ts(r->archived->fetched_at)};

    return wd_pg_exec(
        c,
        "INSERT INTO lake_fresh AS f (provider, dataset, args, sha256, "
        "changed_at, checked_at) VALUES ($1, $2, $3, $4, $5, $5) "
        "ON CONFLICT (provider, dataset, args) DO UPDATE SET "
        "sha256 = $4, checked_at = greatest(f.checked_at, $5), "
        "changed_at = CASE WHEN f.sha256 = $4 THEN f.changed_at ELSE $5 END",
        N(p), NULL, err);
}


int
ingestion_store_result(wd_pg_conn_t *c, const ingestion_job_t *job,
                       const ingestion_result_t *r, wd_error_t *err)
{
    int  rc;
    bool lost = false;

    rc = wd_pg_begin(c, err);
    if (rc == WD_OK && r->block != BLOCK_NONE) {
        rc = write_block(c, r, err);
    }
    if (rc == WD_OK && r->answered) {
        rc = write_state(c, r, err);
    }
    if (rc == WD_OK && r->page_args != NULL) {
        rc = write_fresh(c, job, r, err);
    }
    if (rc == WD_OK) {
        rc = write_job(c, job, r, err);
        lost = rc == WD_ENOTFOUND;
    }
    if (rc == WD_OK || lost) {
        rc = wd_pg_commit(c, err);
        return rc == WD_OK && lost ? WD_ENOTFOUND : rc;
    }
    wd_pg_rollback(c);
    return rc;
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
                    N(p), &res, err);
    if (rc == WD_OK) {
        *ret_n = PQntuples(res);
        PQclear(res);
    }
    return rc;
}


static void
json_ts(wd_json_t *j, const char *key, const PGresult *res, int row, int col)
{
    wd_json_key(j, key);
    if (wd_pg_is_null(res, row, col)) {
        wd_json_null(j);
    } else {
        wd_json_time(j, wd_pg_get_ts(res, row, col));
    }
}


static void
json_text(wd_json_t *j, const char *key, const PGresult *res, int row, int col)
{
    wd_json_key(j, key);
    if (wd_pg_is_null(res, row, col)) {
        wd_json_null(j);
    } else {
        wd_json_str(j, wd_pg_get_str(res, row, col));
    }
}


static void
json_int(wd_json_t *j, const char *key, const PGresult *res, int row, int col)
{
    wd_json_key(j, key);
    wd_json_int(j, wd_pg_get_int(res, row, col));
}


static void
json_args(wd_json_t *j, wd_str_t text)
{
    wd_buf_t         b;
    ingestion_args_t args;

    wd_json_key(j, "args");
    if (ingestion_args_parse(text, &args) != WD_OK) {
        wd_json_raw(j, text);
        return;
    }
    wd_buf_init(&b, 0);
    ingestion_args_json(&args, 0, 0, &b);
    wd_json_raw(j, wd_buf_view(&b));
    wd_buf_done(&b);
}


static void
json_job(wd_json_t *j, const PGresult *res, int row)
{
    wd_json_obj(j);
    json_int(j, "id", res, row, 0);
    json_text(j, "provider", res, row, 1);
    json_text(j, "dataset", res, row, 2);
    json_args(j, wd_pg_get_str(res, row, 3));
    json_text(j, "status", res, row, 4);
    json_text(j, "asked_by", res, row, 5);
    json_ts(j, "created_at", res, row, 6);
    json_ts(j, "started_at", res, row, 7);
    json_ts(j, "finished_at", res, row, 8);
    json_ts(j, "not_before", res, row, 9);
    json_int(j, "attempts", res, row, 10);
    json_int(j, "objects", res, row, 11);
    json_int(j, "duplicates", res, row, 12);
    json_text(j, "class", res, row, 13);
    json_text(j, "reason", res, row, 14);
    wd_json_end(j);
}


static int
status_counts(wd_pg_conn_t *c, wd_json_t *j, wd_error_t *err)
{
    int       rc;
    PGresult *res;

    rc = wd_pg_exec(c,
                    "SELECT count(*) FILTER (WHERE status = 'queued'), "
                    "count(*) FILTER (WHERE status = 'running') "
                    "FROM ingest_job WHERE status IN ('queued', 'running')",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    json_int(j, "queued", res, 0, 0);
    json_int(j, "running", res, 0, 1);
    PQclear(res);
    return WD_OK;
}


#define JOB_COLUMNS                                                            \
    "id, provider, dataset, args::text, status, asked_by, created_at, "        \
    "started_at, finished_at, not_before, attempts, objects, duplicates, "     \
    "error_class, error "

int
ingestion_store_status(wd_pg_conn_t *c, int64_t job, int64_t limit,
                       wd_json_t *j, wd_error_t *err)
{
    int           rc, i;
    PGresult     *res;
    wd_pg_param_t p_job[] = {wd_pg_int(job)};
    wd_pg_param_t p_all[] = {wd_pg_int(limit)};

    rc = status_counts(c, j, err);
    if (rc != WD_OK) {
        return rc;
    }

    if (job != 0) {
        rc = wd_pg_exec(c,
                        "SELECT " JOB_COLUMNS "FROM ingest_job WHERE id = $1",
                        N(p_job), &res, err);
    } else {
        rc = wd_pg_exec(c,
                        "(SELECT " JOB_COLUMNS "FROM ingest_job "
                        "WHERE status = 'running' ORDER BY id LIMIT $1) "
                        "UNION ALL (SELECT " JOB_COLUMNS "FROM ingest_job "
                        "WHERE status = 'queued' "
                        "ORDER BY not_before, id LIMIT $1) "
                        "UNION ALL (SELECT " JOB_COLUMNS "FROM ingest_job "
                        "WHERE status IN ('done', 'failed') "
                        "ORDER BY id DESC LIMIT $1)",
                        N(p_all), &res, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (job != 0 && PQntuples(res) == 0) {
        rc = WD_ENOTFOUND;
    }
    wd_json_key(j, "jobs");
    wd_json_arr(j);
    for (i = 0; i < PQntuples(res); i++) {
        json_job(j, res, i);
    }
    wd_json_end(j);
    PQclear(res);
    return rc;
}


static wd_ns_t
ts_or_0(const PGresult *res, int col)
{
    return wd_pg_is_null(res, 0, col) ? 0 : wd_pg_get_ts(res, 0, col);
}


int
ingestion_store_provider(wd_pg_conn_t *c, const char *provider,
                         ingestion_provider_row_t *ret, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider)};

    rc = wd_pg_exec(
        c,
        "SELECT s.succeeded, s.failed, s.last_success, s.last_error_at, "
        "s.last_error_class, s.last_error, "
        "CASE WHEN q.day = (now() AT TIME ZONE 'UTC')::date THEN q.used "
        "ELSE 0 END, "
        "CASE WHEN q.blocked_until > now() THEN q.blocked_until END, "
        "q.blocked_by, (SELECT count(*) FROM ingest_job j "
        "WHERE j.provider = s.provider AND j.status = 'queued') "
        "FROM provider_state s JOIN provider_quota q USING (provider) "
        "WHERE s.provider = $1",
        N(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    memset(ret, 0, sizeof(*ret));
    if (PQntuples(res) == 1) {
        ret->succeeded = wd_pg_get_int(res, 0, 0);
        ret->failed = wd_pg_get_int(res, 0, 1);
        ret->last_success = ts_or_0(res, 2);
        ret->last_error_at = ts_or_0(res, 3);
        wd_str_copy(ret->last_error_class, sizeof(ret->last_error_class),
                    wd_pg_get_str(res, 0, 4));
        wd_str_copy(ret->last_error, sizeof(ret->last_error),
                    wd_pg_get_str(res, 0, 5));
        ret->used_today = wd_pg_get_int(res, 0, 6);
        ret->blocked_until = ts_or_0(res, 7);
        wd_str_copy(ret->blocked_by, sizeof(ret->blocked_by),
                    wd_pg_get_str(res, 0, 8));
        ret->queued = wd_pg_get_int(res, 0, 9);
    }
    PQclear(res);
    return WD_OK;
}


static int
one_int(wd_pg_conn_t *c, const char *sql, int64_t *ret, wd_error_t *err)
{
    int       rc;
    PGresult *res;

    rc = wd_pg_exec(c, sql, NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) != 1) {
        rc = wd_error(err, WD_EINTERNAL, "the lake has no cursor");
    } else {
        *ret = wd_pg_get_int(res, 0, 0);
    }
    PQclear(res);
    return rc;
}


int
ingestion_store_cursor(wd_pg_conn_t *c, int64_t *ret, wd_error_t *err)
{
    return one_int(c, "SELECT seq FROM lake_cursor WHERE lake = 'main'", ret,
                   err);
}


int
ingestion_store_cursor_lock(wd_pg_conn_t *c, int64_t *ret, wd_error_t *err)
{
    return one_int(c,
                   "SELECT seq FROM lake_cursor WHERE lake = 'main' "
                   "FOR UPDATE",
                   ret, err);
}


int
ingestion_store_cursor_set(wd_pg_conn_t *c, int64_t seq, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(seq)};

    return wd_pg_exec(c,
                      "UPDATE lake_cursor SET seq = $1 WHERE lake = 'main'",
                      N(p), NULL, err);
}


int
ingestion_store_replay_add(wd_pg_conn_t *c, int64_t from, int64_t to,
                           wd_str_t asked_by, int64_t *ret_id, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_int(from), wd_pg_int(to), wd_pg_text(asked_by)};

    rc = wd_pg_exec(c,
                    "INSERT INTO lake_replay (next_seq, to_seq, asked_by) "
                    "VALUES ($1, $2, nullif($3, '')) RETURNING id, "
                    "pg_notify('wizdata_ingest', 'replay')",
                    N(p), &res, err);
    if (rc == WD_OK) {
        *ret_id = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


int
ingestion_store_replay_lock(wd_pg_conn_t *c, int64_t *ret_id,
                            int64_t *ret_next, int64_t *ret_to,
                            wd_error_t *err)
{
    int       rc;
    PGresult *res;

    rc = wd_pg_exec(c,
                    "SELECT id, next_seq, to_seq FROM lake_replay "
                    "ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    if (PQntuples(res) == 0) {
        rc = WD_ENOTFOUND;
    } else {
        *ret_id = wd_pg_get_int(res, 0, 0);
        *ret_next = wd_pg_get_int(res, 0, 1);
        *ret_to = wd_pg_get_int(res, 0, 2);
    }
    PQclear(res);
    return rc;
}


int
ingestion_store_replay_set(wd_pg_conn_t *c, int64_t id, int64_t next,
                           wd_error_t *err)
{
    int           rc;
    wd_pg_param_t p[] = {wd_pg_int(id), wd_pg_int(next)};

    rc = wd_pg_exec(c, "UPDATE lake_replay SET next_seq = $2 WHERE id = $1",
                    N(p), NULL, err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "DELETE FROM lake_replay "
                        "WHERE id = $1 AND next_seq > to_seq",
                        p, 1, NULL, err);
    }
    return rc;
}
