/*
 * ingestion_store_status.c - jobs and providers as the status shows them.
 */
#include "ingestion_store.h"

#include <stdlib.h>


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
    json_int(j, "priority", res, row, 15);
    json_text(j, "collection", res, row, 16);
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


/* How many wait of each provider, the most urgent first. */
static int
status_queues(wd_pg_conn_t *c, wd_json_t *j, wd_error_t *err)
{
    int       rc, i;
    PGresult *res;

    rc = wd_pg_exec(c,
                    "SELECT provider, priority, status, count(*) "
                    "FROM ingest_job "
                    "WHERE status IN ('queued', 'running', 'paused') "
                    "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    wd_json_key(j, "queues");
    wd_json_arr(j);
    for (i = 0; i < PQntuples(res); i++) {
        wd_json_obj(j);
        json_text(j, "provider", res, i, 0);
        json_int(j, "priority", res, i, 1);
        json_text(j, "status", res, i, 2);
        json_int(j, "jobs", res, i, 3);
        wd_json_end(j);
    }
    wd_json_end(j);
    PQclear(res);
    return WD_OK;
}


#define JOB_COLUMNS                                                        \
    "id, provider, dataset, args::text, status, asked_by, created_at, "    \
    "started_at, finished_at, not_before, attempts, objects, duplicates, " \
    "error_class, error, priority, (SELECT c.name FROM collection c "      \
    "WHERE c.id = ingest_job.collection) "

int
ingestion_store_status(wd_pg_conn_t *c, int64_t job, int64_t limit,
                       wd_json_t *j, wd_error_t *err)
{
    int           rc, i;
    PGresult     *res;
    wd_pg_param_t p_job[] = {wd_pg_int(job)};
    wd_pg_param_t p_all[] = {wd_pg_int(limit)};

    rc = status_counts(c, j, err);
    if (rc == WD_OK) {
        rc = status_queues(c, j, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (job != 0) {
        rc = wd_pg_exec(c,
                        "SELECT " JOB_COLUMNS "FROM ingest_job WHERE id = $1",
                        p_job, wd_array_len(p_job), &res, err);
    } else {
        rc = wd_pg_exec(c,
                        "(SELECT " JOB_COLUMNS "FROM ingest_job "
                        "WHERE status = 'running' ORDER BY id LIMIT $1) "
                        "UNION ALL (SELECT " JOB_COLUMNS "FROM ingest_job "
                        "WHERE status = 'queued' "
                        "ORDER BY priority, not_before, id LIMIT $1) "
                        "UNION ALL (SELECT " JOB_COLUMNS "FROM ingest_job "
                        "WHERE status IN ('done', 'failed') "
                        "ORDER BY id DESC LIMIT $1)",
                        p_all, wd_array_len(p_all), &res, err);
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
ts_or_0(const PGresult *res, int row, int col)
{
    return wd_pg_is_null(res, row, col) ? 0 : wd_pg_get_ts(res, row, col);
}


int
ingestion_store_provider(wd_pg_conn_t *c, const char *provider,
                         const wd_str_t *keys, size_t n_keys,
                         ingestion_provider_row_t *ret, wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {wd_pg_text_z(provider), wd_pg_texts(keys, n_keys)};

    rc = wd_pg_exec(
        c,
        "SELECT s.succeeded, s.failed, s.last_success, s.last_error_at, "
        "s.last_error_class, s.last_error, "
        "(SELECT coalesce(sum(q.used), 0)::bigint FROM provider_quota q "
        "WHERE q.provider = s.provider AND q.key = ANY($2) "
        "AND q.day = (now() AT TIME ZONE 'UTC')::date), "
        "(SELECT count(*) FROM ingest_job j "
        "WHERE j.provider = s.provider AND j.status = 'queued') "
        "FROM provider_state s WHERE s.provider = $1",
        p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    memset(ret, 0, sizeof(*ret));
    if (PQntuples(res) == 1) {
        ret->succeeded = wd_pg_get_int(res, 0, 0);
        ret->failed = wd_pg_get_int(res, 0, 1);
        ret->last_success = ts_or_0(res, 0, 2);
        ret->last_error_at = ts_or_0(res, 0, 3);
        wd_str_copy(ret->last_error_class, sizeof(ret->last_error_class),
                    wd_pg_get_str(res, 0, 4));
        wd_str_copy(ret->last_error, sizeof(ret->last_error),
                    wd_pg_get_str(res, 0, 5));
        ret->used_today = wd_pg_get_int(res, 0, 6);
        ret->queued = wd_pg_get_int(res, 0, 7);
    }
    PQclear(res);
    return WD_OK;
}


static void
read_dataset(const PGresult *res, int row, ingestion_dataset_row_t *d)
{
    wd_str_copy(d->provider, sizeof(d->provider), wd_pg_get_str(res, row, 0));
    wd_str_copy(d->dataset, sizeof(d->dataset), wd_pg_get_str(res, row, 1));
    d->succeeded = wd_pg_get_int(res, row, 2);
    d->last_success = ts_or_0(res, row, 3);
    d->last_change = ts_or_0(res, row, 4);
    d->last_error_at = ts_or_0(res, row, 5);
    wd_str_copy(d->last_error_class, sizeof(d->last_error_class),
                wd_pg_get_str(res, row, 6));
    wd_str_copy(d->last_error, sizeof(d->last_error),
                wd_pg_get_str(res, row, 7));
    wd_str_copy(d->errors, sizeof(d->errors), wd_pg_get_str(res, row, 8));
    d->items = wd_pg_get_int(res, row, 9);
    d->lag_s = wd_pg_get_int(res, row, 10);
}


int
ingestion_store_datasets(wd_pg_conn_t *c, ingestion_dataset_row_t **ret,
                         size_t *ret_n, wd_error_t *err)
{
    int       rc, i;
    PGresult *res;

    rc = wd_pg_exec(c,
                    "SELECT provider, dataset, coalesce(succeeded, 0), "
                    "last_success, last_change, last_error_at, "
                    "last_error_class, last_error, "
                    "coalesce(errors, '{}')::text, coalesce(items, 0), "
                    "coalesce(lag, 0) FROM provider_dataset FULL JOIN "
                    "(SELECT i.provider, i.dataset, count(*) AS items, "
                    "greatest(0, extract(epoch FROM now() - "
                    "min(i.due_since)))::bigint "
                    "AS lag FROM collection_item i "
                    "JOIN collection c ON c.id = i.collection "
                    "WHERE i.active AND NOT c.paused AND c.retired_at IS NULL "
                    "AND i.stopped_class IS NULL AND i.dataset <> 'stream' "
                    "GROUP BY 1, 2) AS wanted USING (provider, dataset)",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    *ret_n = (size_t) PQntuples(res);
    *ret = calloc(*ret_n + 1, sizeof(**ret));
    if (*ret == NULL) {
        PQclear(res);
        return wd_error(err, WD_ENOMEM, "no memory for the data sets");
    }
    for (i = 0; i < PQntuples(res); i++) {
        read_dataset(res, i, &(*ret)[i]);
    }
    PQclear(res);
    return WD_OK;
}


const ingestion_dataset_row_t *
ingestion_store_dataset(const ingestion_dataset_row_t *rows, size_t n,
                        const char *provider, const char *dataset)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (strcmp(rows[i].provider, provider) == 0
            && strcmp(rows[i].dataset, dataset) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}
