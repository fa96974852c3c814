/*
 * ingestion_store_lake.c - how far the lake is published, and which ranges
 * are to be published again.
 */
#include "ingestion_store.h"


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

    return wd_pg_exec(c, "UPDATE lake_cursor SET seq = $1 WHERE lake = 'main'",
                      p, wd_array_len(p), NULL, err);
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
                    p, wd_array_len(p), &res, err);
    if (rc == WD_OK) {
        *ret_id = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


int
ingestion_store_replay_lock(wd_pg_conn_t *c, int64_t *ret_id, int64_t *ret_next,
                            int64_t *ret_to, wd_error_t *err)
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

    rc = wd_pg_exec(c, "UPDATE lake_replay SET next_seq = $2 WHERE id = $1", p,
                    wd_array_len(p), NULL, err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "DELETE FROM lake_replay "
                        "WHERE id = $1 AND next_seq > to_seq",
                        p, 1, NULL, err);
    }
    return rc;
}
