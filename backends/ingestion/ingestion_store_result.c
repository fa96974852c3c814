/*
 * ingestion_store_result.c - what became of an answer: the job, the
 * provider's state and block, the freshness of what was archived.
 */
#include "ingestion_store.h"


static int
write_again(wd_pg_conn_t *c, const ingestion_job_t *job,
            const ingestion_result_t *r, PGresult **res, wd_error_t *err)
{
    size_t        i, n = r->account->n_keys;
    wd_str_t      keys[INGESTION_KEYS_MAX];
    wd_pg_param_t p[] = {
        wd_pg_int(job->id),        wd_pg_text_z(r->worker),
        wd_pg_text_z(r->class),    wd_pg_text_z(r->text),
        wd_pg_int(r->delay_ms),    wd_pg_int(r->refund ? 1 : 0),
        wd_pg_int(job->page),      wd_pg_int(job->rows),
        wd_pg_int(job->objects),   wd_pg_int(job->duplicates),
        wd_pg_text_z(r->provider), wd_pg_bool(r->block == BLOCK_LONG),
        wd_pg_int((int64_t) n),    wd_pg_text_z(job->cursor),
        wd_pg_texts(keys, n)};

    for (i = 0; i < n; i++) {
        keys[i] = wd_str_z(r->account->keys[i].id);
    }
    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET status = 'queued', worker = NULL, "
        "lease_until = NULL, error_class = $3, error = $4, "
        "not_before = greatest(now() + $5 * interval '1 millisecond', "
        "(SELECT CASE WHEN count(*) >= $13 THEN min(blocked_until) END "
        "FROM provider_quota WHERE provider = $11 AND key = ANY($15) "
        "AND $12)), "
        "attempts = attempts - $6, page = $7, rows = $8, objects = $9, "
        "duplicates = $10, cursor = $14 "
        "WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id",
        p, wd_array_len(p), res, err);
}


int
ingestion_store_sweep(wd_pg_conn_t *c, int64_t keep_s, int64_t *ret,
                      wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_int(keep_s), wd_pg_int(INGESTION_SWEEP_MAX)};

    *ret = 0;
    rc = wd_pg_exec(
        c,
        "WITH gone AS (DELETE FROM ingest_job WHERE id IN ("
        "SELECT id FROM ingest_job j WHERE status IN ('done', 'failed') "
        "AND finished_at < now() - $1 * interval '1 second' "
        "AND NOT EXISTS (SELECT 1 FROM collection_slice s WHERE s.job = j.id) "
        "ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING 1) "
        "SELECT count(*) FROM gone",
        p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


static int
write_end(wd_pg_conn_t *c, const ingestion_job_t *job,
          const ingestion_result_t *r, PGresult **res, wd_error_t *err)
{
    wd_pg_param_t p[] = {
        wd_pg_int(job->id),
        wd_pg_text_z(r->worker),
        wd_pg_text_z(r->class),
        wd_pg_text_z(r->text),
        wd_pg_text_z(r->outcome == OUTCOME_DONE ? "done" : "failed"),
        wd_pg_int(job->rows),
        wd_pg_int(job->objects),
        wd_pg_int(job->duplicates)};

    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET status = $5, lease_until = NULL, "
        "finished_at = clock_timestamp(), error_class = $3, error = $4, "
        "rows = $6, objects = $7, duplicates = $8 "
        "WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id",
        p, wd_array_len(p), res, err);
}


static int
write_progress(wd_pg_conn_t *c, const ingestion_job_t *job,
               const ingestion_result_t *r, PGresult **res, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(job->id),         wd_pg_text_z(r->worker),
                         wd_pg_int(r->lease_ms),     wd_pg_int(job->page),
                         wd_pg_int(job->rows),       wd_pg_int(job->objects),
                         wd_pg_int(job->duplicates), wd_pg_text_z(job->cursor)};

    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET page = $4, rows = $5, objects = $6, "
        "duplicates = $7, cursor = $8, "
        "lease_until = clock_timestamp() + $3 * interval '1 millisecond' "
        "WHERE id = $1 AND worker = $2 AND status = 'running' RETURNING id",
        p, wd_array_len(p), res, err);
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
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider), wd_pg_text_z(r->key),
                         wd_pg_int(r->delay_ms)};

    if (r->block == BLOCK_SHORT) {
        return wd_pg_exec(
            c,
            "UPDATE provider_quota SET "
            "blocked_until = now() + $3 * interval '1 millisecond', "
            "blocked_by = 'limit_short' WHERE provider = $1 AND key = $2 AND "
            "blocked_until < now() + $3 * interval '1 millisecond'",
            p, wd_array_len(p), NULL, err);
    }

    /*
     * Where the provider's day begins is not known. Refused once, its quota
     * is used up and the next day of UTC is waited for; refused again right
     * then, its day begins later: one question an hour finds out when. What
     * was under way when it was refused says nothing new.
     */
    return wd_pg_exec(
        c,
        "UPDATE provider_quota SET refused = refused + 1, "
        "blocked_by = 'limit_long', blocked_until = greatest("
        "now() + $3 * interval '1 millisecond', "
        "CASE WHEN refused = 0 "
        "THEN date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' "
        "+ interval '1 day' ELSE now() + interval '1 hour' END) "
        "WHERE provider = $1 AND key = $2 "
        "AND NOT (blocked_by = 'limit_long' AND blocked_until > now())",
        p, wd_array_len(p), NULL, err);
}


static int
write_failure(wd_pg_conn_t *c, const ingestion_job_t *job,
              const ingestion_result_t *r, wd_error_t *err)
{
    int           rc;
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider), wd_pg_text_z(r->class),
                         wd_pg_text_z(r->text), wd_pg_text_z(job->dataset)};

    rc = wd_pg_exec(c,
                    "UPDATE provider_state SET failed = failed + 1, "
                    "last_error_at = now(), last_error_class = $2, "
                    "last_error = $3 WHERE provider = $1",
                    p, 3, NULL, err);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_pg_exec(
        c,
        "INSERT INTO provider_dataset AS d (provider, dataset, last_error_at, "
        "last_error_class, last_error, errors) "
        "VALUES ($1, $4, now(), $2, $3, jsonb_build_object($2::text, 1)) "
        "ON CONFLICT (provider, dataset) DO UPDATE SET last_error_at = now(), "
        "last_error_class = $2, last_error = $3, errors = d.errors || "
        "jsonb_build_object($2::text, "
        "coalesce((d.errors->>$2::text)::bigint, 0) + 1)",
        p, wd_array_len(p), NULL, err);
}


static int
write_success(wd_pg_conn_t *c, const ingestion_job_t *job,
              const ingestion_result_t *r, wd_error_t *err)
{
    int rc;
    bool new = r->archived != NULL && !r->archived->duplicate;
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider), wd_pg_text_z(job->dataset),
                         wd_pg_bool(new)};
    wd_pg_param_t key[] = {wd_pg_text_z(r->provider), wd_pg_text_z(r->key)};

    rc = wd_pg_exec(c,
                    "UPDATE provider_state SET succeeded = succeeded + 1, "
                    "last_success = now() WHERE provider = $1",
                    p, 1, NULL, err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "UPDATE provider_quota SET refused = 0 "
                        "WHERE provider = $1 AND key = $2 AND refused <> 0",
                        key, wd_array_len(key), NULL, err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    return wd_pg_exec(
        c,
        "INSERT INTO provider_dataset AS d (provider, dataset, succeeded, "
        "last_success, last_change) "
        "VALUES ($1, $2, 1, now(), CASE WHEN $3 THEN now() END) "
        "ON CONFLICT (provider, dataset) DO UPDATE SET "
        "succeeded = d.succeeded + 1, last_success = now(), "
        "last_change = CASE WHEN $3 THEN now() ELSE d.last_change END",
        p, wd_array_len(p), NULL, err);
}


static int
write_fresh(wd_pg_conn_t *c, const ingestion_job_t *job,
            const ingestion_result_t *r, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider),
                         wd_pg_text_z(job->dataset),
                         wd_pg_json(wd_str_z(r->page_args)),
                         wd_pg_text_z(r->archived->sha256),
                         wd_pg_ts(r->archived->fetched_at),
                         wd_pg_text(r->etag),
                         wd_pg_text(r->modified),
                         wd_pg_ts(r->archived->since)};

    return wd_pg_exec(
        c,
        "INSERT INTO lake_fresh AS f (provider, dataset, args, sha256, "
        "changed_at, checked_at, etag, modified) "
        "VALUES ($1, $2, $3, $4, $8, $5, nullif($6, ''), nullif($7, '')) "
        "ON CONFLICT (provider, dataset, args) DO UPDATE SET "
        "sha256 = $4, checked_at = greatest(f.checked_at, $5), "
        "changed_at = CASE WHEN f.sha256 = $4 THEN f.changed_at ELSE $8 END, "
        "seen = CASE WHEN f.sha256 = $4 THEN f.seen + 1 ELSE 1 END, "
        "etag = nullif($6, ''), modified = nullif($7, '')",
        p, wd_array_len(p), NULL, err);
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
        rc = r->good ? write_success(c, job, r, err)
                     : write_failure(c, job, r, err);
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
ingestion_store_fresh(wd_pg_conn_t *c, const char *provider,
                      const char *dataset, const char *args,
                      ingestion_fresh_t *ret, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider), wd_pg_text_z(dataset),
                         wd_pg_json(wd_str_z(args))};

    rc = wd_pg_exec(c,
                    "SELECT sha256, etag, modified FROM lake_fresh "
                    "WHERE provider = $1 AND dataset = $2 AND args = $3",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    memset(ret, 0, sizeof(*ret));
    if (PQntuples(res) == 0) {
        rc = WD_ENOTFOUND;
    } else {
        wd_str_copy(ret->sha256, sizeof(ret->sha256), wd_pg_get_str(res, 0, 0));
        wd_str_copy(ret->etag, sizeof(ret->etag), wd_pg_get_str(res, 0, 1));
        wd_str_copy(ret->modified, sizeof(ret->modified),
                    wd_pg_get_str(res, 0, 2));
    }
    PQclear(res);
    return rc;
}
