/*
 * processing_store_reports.c - what the quality reports read: rejects and the
 * state of each data set.
 */
#include "processing_store.h"


int
processing_store_rejects(wd_pg_conn_t *c, wd_str_t provider, wd_str_t reason,
                         int64_t before, int64_t limit,
                         void (*fn)(const processing_reject_t *row, void *arg),
                         void *arg, int64_t *ret_n, wd_error_t *err)
{
    int                 i, rc;
    PGresult           *res;
    processing_reject_t row;
    wd_pg_param_t       params[] = {wd_pg_text(provider), wd_pg_text(reason),
                                    wd_pg_int(before), wd_pg_int(limit)};

    rc = wd_pg_exec(c,
                    "SELECT id, raw_id, provider, dataset, record, reason, "
                    "detail, sample, known_at FROM reject "
                    "WHERE id < $3 AND ($1::text IS NULL OR provider = $1) "
                    "AND ($2::text IS NULL OR reason = $2) "
                    "ORDER BY id DESC LIMIT $4",
                    params, wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }

    *ret_n = PQntuples(res);
    for (i = 0; i < PQntuples(res); i++) {
        row.id = wd_pg_get_int(res, i, 0);
        row.raw_id = wd_pg_get_int(res, i, 1);
        row.provider = wd_pg_get_str(res, i, 2);
        row.dataset = wd_pg_get_str(res, i, 3);
        row.record = wd_pg_get_int(res, i, 4);
        row.reason = wd_pg_get_str(res, i, 5);
        row.detail = wd_pg_get_str(res, i, 6);
        row.sample = wd_pg_is_null(res, i, 7) ? WD_STR_NULL
                                              : wd_pg_get_str(res, i, 7);
        row.known_at = wd_pg_get_ts(res, i, 8);
        fn(&row, arg);
    }
    PQclear(res);
    return WD_OK;
}


int
processing_store_status(wd_pg_conn_t *c,
                        void (*fn)(const processing_status_t *row, void *arg),
                        void *arg, wd_error_t *err)
{
    int                 i, k, rc;
    PGresult           *res;
    processing_status_t row;

    rc = wd_pg_exec(
        c,
        "SELECT provider, dataset, count(*), "
        "count(*) FILTER (WHERE outcome = 'stored'), "
        "count(*) FILTER (WHERE outcome = 'empty'), "
        "count(*) FILTER (WHERE outcome = 'rejected'), "
        "count(*) FILTER (WHERE outcome = 'error'), "
        "sum(stored)::bigint, sum(corrected)::bigint, sum(unchanged)::bigint, "
        "sum(flagged)::bigint, sum(rejected)::bigint, max(data_to), "
        "max(fetched_at), max(id) FROM raw_object "
        "GROUP BY provider, dataset ORDER BY provider, dataset",
        NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < PQntuples(res); i++) {
        row.provider = wd_pg_get_str(res, i, 0);
        row.dataset = wd_pg_get_str(res, i, 1);
        row.payloads = wd_pg_get_int(res, i, 2);
        for (k = 0; k < 4; k++) {
            row.outcomes[k] = wd_pg_get_int(res, i, 3 + k);
        }
        row.stored = wd_pg_get_int(res, i, 7);
        row.corrected = wd_pg_get_int(res, i, 8);
        row.unchanged = wd_pg_get_int(res, i, 9);
        row.flagged = wd_pg_get_int(res, i, 10);
        row.rejected = wd_pg_get_int(res, i, 11);
        row.newest = wd_pg_is_null(res, i, 12) ? WD_NS_MIN
                                               : wd_pg_get_ts(res, i, 12);
        row.fetched_at = wd_pg_get_ts(res, i, 13);
        row.raw_id = wd_pg_get_int(res, i, 14);
        fn(&row, arg);
    }
    PQclear(res);
    return WD_OK;
}


int
processing_store_reasons(wd_pg_conn_t *c,
                         void (*fn)(wd_str_t provider, wd_str_t dataset,
                                    wd_str_t reason, int64_t n, void *arg),
                         void *arg, wd_error_t *err)
{
    int       i, rc;
    PGresult *res;

    rc = wd_pg_exec(c,
                    "SELECT provider, dataset, reason, count(*) FROM reject "
                    "GROUP BY provider, dataset, reason "
                    "ORDER BY provider, dataset, reason",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res); i++) {
        fn(wd_pg_get_str(res, i, 0), wd_pg_get_str(res, i, 1),
           wd_pg_get_str(res, i, 2), wd_pg_get_int(res, i, 3), arg);
    }
    PQclear(res);
    return WD_OK;
}
