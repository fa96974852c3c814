/*
 * ingestion_store_result.c - what became of an answer: the job, the
 * provider's state and block, the freshness of what was archived.
 */
#include "ingestion_store.h"


static int
write_again(wd_pg_conn_t *c, const ingestion_job_t *job,
            const ingestion_result_t *r, PGresult **res, wd_error_t *err)
{
    wd_pg_param_t p[] = {
        wd_pg_int(job->id),        wd_pg_text_z(r->worker),
        wd_pg_text_z(r->class),    wd_pg_text_z(r->text),
        wd_pg_int(r->delay_ms),    wd_pg_int(r->refund ? 1 : 0),
        wd_pg_int(job->page),      wd_pg_int(job->rows),
        wd_pg_int(job->objects),   wd_pg_int(job->duplicates),
        wd_pg_text_z(r->provider), wd_pg_bool(r->block == BLOCK_LONG)};

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
        p, wd_array_len(p), res, err);
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
    wd_pg_param_t p[] = {wd_pg_int(job->id),        wd_pg_text_z(r->worker),
                         wd_pg_int(r->lease_ms),    wd_pg_int(job->page),
                         wd_pg_int(job->rows),      wd_pg_int(job->objects),
                         wd_pg_int(job->duplicates)};

    return wd_pg_exec(
        c,
        "UPDATE ingest_job SET page = $4, rows = $5, objects = $6, "
        "duplicates = $7, "
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
    wd_pg_param_t p[] = {wd_pg_text_z(r->provider), wd_pg_int(r->delay_ms)};

    if (r->block == BLOCK_SHORT) {
        return wd_pg_exec(
            c,
            "UPDATE provider_quota SET "
            "blocked_until = now() + $2 * interval '1 millisecond', "
            "blocked_by = 'limit_short' WHERE provider = $1 AND "
            "blocked_until < now() + $2 * interval '1 millisecond'",
            p, wd_array_len(p), NULL, err);
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
        p, wd_array_len(p), NULL, err);
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
                          p, wd_array_len(p), NULL, err);
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
