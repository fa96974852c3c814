/*
 * ingestion_store_push.c - uploads: who receives one, what is in the lake of
 * it, and what became of its records.
 */
#include "ingestion_store_push.h"

#define LEASE "now() + make_interval(secs => $"

/* Everything of an upload `u`, and of its parts that were processed. */
#define COLUMNS                                                              \
    "u.id, u.principal, u.dataset, u.format, u.state, "                      \
    "coalesce(u.sha256, ''), coalesce(u.error, ''), u.lake_from, "           \
    "coalesce(u.bytes, -1), coalesce(u.records, 0), "                        \
    "cardinality(u.parts), CASE WHEN u.state = 'receiving' THEN "            \
    "greatest(0, ceil(extract(epoch FROM u.lease_until - now()) "            \
    "* 1000)::bigint) ELSE 0 END, u.created_at, u.finished_at, p.handled, "  \
    "coalesce(u.accepted, p.accepted), coalesce(u.duplicate, p.duplicate), " \
    "coalesce(u.rejected, p.rejected)"
#define FROM                                                                 \
    " FROM ingest_upload u CROSS JOIN LATERAL (SELECT count(o.id) AS "       \
    "handled, coalesce(sum(o.stored + o.corrected), 0)::bigint AS "          \
    "accepted, coalesce(sum(o.unchanged), 0)::bigint AS duplicate, "         \
    "coalesce(sum(o.rejected), 0)::bigint AS rejected FROM unnest(u.parts) " \
    "s (seq) JOIN raw_object o ON o.id = s.seq) p "


static int
text(const PGresult *res, int col, wd_pool_t *pool, wd_str_t *ret)
{
    wd_str_t s = wd_pg_get_str(res, 0, col);
    char    *p = wd_pool_strdup(pool, s);

    *ret = wd_str(p, s.len);
    return p != NULL ? WD_OK : WD_ENOMEM;
}


static int
read_upload(const PGresult *res, wd_pool_t *pool, ingestion_upload_t *u)
{
    int       i, rc = WD_OK;
    wd_str_t *texts[] = {&u->principal, &u->dataset, &u->format,
                         &u->state,     &u->sha256,  &u->error};
    int64_t  *ints[] = {&u->lake_from, &u->bytes, &u->records, &u->parts,
                        &u->lease_ms};
    int64_t  *counts[] = {&u->handled, &u->accepted, &u->duplicate,
                          &u->rejected};

    u->id = wd_pg_get_int(res, 0, 0);
    for (i = 0; i < (int) wd_array_len(texts) && rc == WD_OK; i++) {
        rc = text(res, 1 + i, pool, texts[i]);
    }
    for (i = 0; i < (int) wd_array_len(ints); i++) {
        *ints[i] = wd_pg_get_int(res, 0, 7 + i);
    }
    u->created_at = wd_pg_get_ts(res, 0, 12);
    u->finished_at = wd_pg_is_null(res, 0, 13) ? 0 : wd_pg_get_ts(res, 0, 13);
    for (i = 0; i < (int) wd_array_len(counts); i++) {
        *counts[i] = wd_pg_get_int(res, 0, 14 + i);
    }
    return rc;
}


/* One upload by a statement that selects COLUMNS; WD_ENOTFOUND. */
static int
one_upload(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *p, size_t n,
           wd_pool_t *pool, ingestion_upload_t *ret, wd_error_t *err)
{
    int       rc;
    PGresult *res;

    rc = wd_pg_exec(c, sql, p, n, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = PQntuples(res) == 0 ? WD_ENOTFOUND : read_upload(res, pool, ret);
    PQclear(res);
    return rc;
}


/* WD_EEXIST: there is one with that key. */
static int
insert(wd_pg_conn_t *c, const ingestion_push_ask_t *ask, int64_t *ret_id,
       wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t p[] = {
        wd_pg_text(ask->principal),       wd_pg_text(ask->key),
        wd_pg_text_z(ask->dataset),       wd_pg_text_z(ask->format),
        wd_pg_text_z(ask->worker),        wd_pg_int(ask->lake_from),
        wd_pg_num(INGESTION_PUSH_LEASE_S)};

    rc = wd_pg_exec(c,
                    "INSERT INTO ingest_upload (principal, idem_key, dataset, "
                    "format, worker, lake_from, lease_until) VALUES ($1, "
                    "nullif($2, ''), $3, $4, $5, $6, " LEASE "7)) "
                    "ON CONFLICT (principal, idem_key) WHERE idem_key IS NOT "
                    "NULL DO NOTHING RETURNING id",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = PQntuples(res) == 0 ? WD_EEXIST : WD_OK;
    *ret_id = rc == WD_OK ? wd_pg_get_int(res, 0, 0) : 0;
    PQclear(res);
    return rc;
}


static int
find(wd_pg_conn_t *c, const ingestion_push_ask_t *ask, wd_pool_t *pool,
     ingestion_upload_t *ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_text(ask->principal), wd_pg_text(ask->key)};

    return one_upload(c,
                      "SELECT " COLUMNS FROM
                      "WHERE u.principal = $1 AND u.idem_key = $2 "
                      "FOR UPDATE OF u",
                      p, wd_array_len(p), pool, ret, err);
}


static int
take_over(wd_pg_conn_t *c, const ingestion_push_ask_t *ask, int64_t id,
          wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(id), wd_pg_text_z(ask->worker),
                         wd_pg_text_z(ask->dataset), wd_pg_text_z(ask->format),
                         wd_pg_num(INGESTION_PUSH_LEASE_S)};

    return wd_pg_exec(c,
                      "UPDATE ingest_upload SET state = 'receiving', "
                      "worker = $2, dataset = $3, format = $4, error = NULL, "
                      "parts = '{}', finished_at = NULL, "
                      "lease_until = " LEASE "5) WHERE id = $1",
                      p, wd_array_len(p), NULL, err);
}


static ingestion_push_found_e
found(const ingestion_upload_t *u)
{
    if (u->lease_ms > 0) {
        return INGESTION_PUSH_BUSY;
    }
    return wd_str_eq_z(u->state, "stored") || wd_str_eq_z(u->state, "done")
               ? INGESTION_PUSH_KNOWN
               : INGESTION_PUSH_TAKEN;
}


/* In a transaction. */
static int
begin(wd_pg_conn_t *c, const ingestion_push_ask_t *ask, wd_pool_t *pool,
      ingestion_upload_t *ret, ingestion_push_found_e *ret_found,
      wd_error_t *err)
{
    int rc;

    *ret_found = INGESTION_PUSH_NEW;
    rc = insert(c, ask, &ret->id, err);
    if (rc == WD_OK) {
        ret->lake_from = ask->lake_from;
    }
    if (rc != WD_EEXIST) {
        return rc;
    }
    rc = find(c, ask, pool, ret, err);
    if (rc == WD_OK) {
        *ret_found = found(ret);
    }
    return rc == WD_OK && *ret_found == INGESTION_PUSH_TAKEN
               ? take_over(c, ask, ret->id, err)
               : rc;
}


int
ingestion_store_push_begin(wd_pg_conn_t *c, const ingestion_push_ask_t *ask,
                           wd_pool_t *pool, ingestion_upload_t *ret,
                           ingestion_push_found_e *ret_found, wd_error_t *err)
{
    int rc;

    memset(ret, 0, sizeof(*ret));
    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = begin(c, ask, pool, ret, ret_found, err);
    }
    if (rc == WD_OK) {
        return wd_pg_commit(c, err);
    }
    wd_pg_rollback(c);
    /* The other one failed in between, and has never been. */
    return rc == WD_ENOTFOUND ? wd_error(err, WD_EAGAIN, "the key changed")
                              : rc;
}


/* A statement that returns a row for each that it changes. */
static int
changed(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *p, size_t n,
        int64_t *ret, wd_error_t *err)
{
    int       rc;
    PGresult *res;

    rc = wd_pg_exec(c, sql, p, n, &res, err);
    if (rc == WD_OK) {
        *ret = PQntuples(res);
        PQclear(res);
    }
    return rc;
}


/* One that changes the upload of a worker. */
static int
change(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *p, size_t n,
       wd_error_t *err)
{
    int     rc;
    int64_t rows = 0;

    rc = changed(c, sql, p, n, &rows, err);
    return rc == WD_OK && rows == 0 ? WD_ENOTFOUND : rc;
}

#define MINE                                                              \
    "WHERE id = $1 AND worker = $2 AND state IN ('receiving', 'failed') " \
    "RETURNING id"


int
ingestion_store_push_renew(wd_pg_conn_t *c, int64_t id, const char *worker,
                           const int64_t *parts, size_t n, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(id), wd_pg_text_z(worker),
                         wd_pg_num(INGESTION_PUSH_LEASE_S),
                         wd_pg_ints(parts, n)};

    return change(c,
                  "UPDATE ingest_upload SET state = 'receiving', parts = $4, "
                  "error = NULL, finished_at = NULL, "
                  "lease_until = " LEASE "3) " MINE,
                  p, wd_array_len(p), err);
}


int
ingestion_store_push_stored(wd_pg_conn_t *c, int64_t id, const char *worker,
                            const char *sha256, int64_t bytes, int64_t records,
                            const int64_t *parts, size_t n, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(id),        wd_pg_text_z(worker),
                         wd_pg_text_z(sha256), wd_pg_int(bytes),
                         wd_pg_int(records),   wd_pg_ints(parts, n)};

    return change(c,
                  "UPDATE ingest_upload SET state = 'stored', sha256 = $3, "
                  "bytes = $4, records = $5, parts = $6, error = NULL, "
                  "finished_at = NULL " MINE,
                  p, wd_array_len(p), err);
}


int
ingestion_store_push_failed(wd_pg_conn_t *c, int64_t id, const char *worker,
                            const char *why, bool fresh, const int64_t *parts,
                            size_t n, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(id), wd_pg_text_z(worker), wd_pg_text_z(why),
                         wd_pg_ints(parts, n)};

    if (fresh && n == 0) {
        return change(c, "DELETE FROM ingest_upload " MINE, p, 2, err);
    }
    return change(c,
                  "UPDATE ingest_upload SET state = 'failed', error = $3, "
                  "parts = $4, finished_at = now() " MINE,
                  p, wd_array_len(p), err);
}


/* The counts stay as they are from now on. */
static int
finish(wd_pg_conn_t *c, const ingestion_upload_t *u, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(u->id), wd_pg_int(u->accepted),
                         wd_pg_int(u->duplicate), wd_pg_int(u->rejected)};

    return wd_pg_exec(c,
                      "UPDATE ingest_upload SET state = 'done', accepted = $2, "
                      "duplicate = $3, rejected = $4, finished_at = now() "
                      "WHERE id = $1 AND state = 'stored'",
                      p, wd_array_len(p), NULL, err);
}


int
ingestion_store_push_get(wd_pg_conn_t *c, int64_t id, wd_pool_t *pool,
                         ingestion_upload_t *ret, wd_error_t *err)
{
    int           rc;
    wd_pg_param_t p[] = {wd_pg_int(id)};

    rc = one_upload(c, "SELECT " COLUMNS FROM "WHERE u.id = $1", p, 1, pool,
                    ret, err);
    if (rc != WD_OK || !wd_str_eq_z(ret->state, "stored")
        || ret->handled < ret->parts) {
        return rc;
    }
    rc = finish(c, ret, err);
    return rc != WD_OK ? rc
                       : one_upload(c, "SELECT " COLUMNS FROM "WHERE u.id = $1",
                                    p, 1, pool, ret, err);
}


int
ingestion_store_push_rejects(wd_pg_conn_t *c, int64_t id, int64_t limit,
                             void (*fn)(const ingestion_push_reject_t *row,
                                        void                          *arg),
                             void *arg, wd_error_t *err)
{
    int                     i, rc;
    PGresult               *res;
    wd_pg_param_t           p[] = {wd_pg_int(id), wd_pg_int(limit)};
    ingestion_push_reject_t row;

    rc = wd_pg_exec(c,
                    "SELECT CASE WHEN r.record < 0 THEN 0 ELSE r.record + "
                    "coalesce(o.args ->> 'first_line', "
                    "o.args ->> 'first_record')::bigint END, r.reason, "
                    "r.detail FROM ingest_upload u CROSS JOIN LATERAL "
                    "unnest(u.parts) WITH ORDINALITY s (seq, n) "
                    "JOIN raw_object o ON o.id = s.seq CROSS JOIN LATERAL "
                    "(SELECT * FROM reject WHERE raw_id = s.seq "
                    "ORDER BY record, id LIMIT $2) r WHERE u.id = $1 "
                    "ORDER BY s.n, r.record, r.id LIMIT $2",
                    p, wd_array_len(p), &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    for (i = 0; i < PQntuples(res); i++) {
        row.number = wd_pg_get_int(res, i, 0);
        row.rule = wd_pg_get_str(res, i, 1);
        row.detail = wd_pg_get_str(res, i, 2);
        fn(&row, arg);
    }
    PQclear(res);
    return WD_OK;
}


/* ---- sweeping ------------------------------------------------------------- */

#define BATCH "LIMIT $1 FOR UPDATE SKIP LOCKED)"

/* Of instances that were killed; the keys were free before, too. */
static int
sweep_lost(wd_pg_conn_t *c, int64_t *ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(INGESTION_PUSH_SWEEP_MAX),
                         wd_pg_num(INGESTION_PUSH_LOST_S)};

    return changed(c,
                   "UPDATE ingest_upload SET state = 'failed', "
                   "error = 'the service ended while it received it', "
                   "finished_at = now() WHERE id IN (SELECT id FROM "
                   "ingest_upload WHERE state = 'receiving' AND lease_until < "
                   "now() - make_interval(secs => $2) " BATCH " RETURNING id",
                   p, wd_array_len(p), ret, err);
}


/* Those that nobody asked about since their records were handled. */
static int
sweep_ended(wd_pg_conn_t *c, int64_t *ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(INGESTION_PUSH_SWEEP_MAX)};

    return changed(c,
                   "UPDATE ingest_upload SET state = 'done', "
                   "finished_at = now(), accepted = e.accepted, "
                   "duplicate = e.duplicate, rejected = e.rejected FROM "
                   "(SELECT u.id, p.*" FROM "WHERE u.state = 'stored' "
                   "AND p.handled = cardinality(u.parts) "
                   "LIMIT $1 FOR UPDATE OF u SKIP LOCKED) e "
                   "WHERE ingest_upload.id = e.id RETURNING e.id",
                   p, wd_array_len(p), ret, err);
}


static int
sweep_old(wd_pg_conn_t *c, int64_t keep_s, int64_t *ret, wd_error_t *err)
{
    wd_pg_param_t p[] = {wd_pg_int(INGESTION_PUSH_SWEEP_MAX),
                         wd_pg_num((double) keep_s)};

    return changed(c,
                   "DELETE FROM ingest_upload WHERE id IN (SELECT id FROM "
                   "ingest_upload WHERE state IN ('done', 'failed') AND "
                   "finished_at < now() - make_interval(secs => $2) "
                   "ORDER BY finished_at " BATCH " RETURNING id",
                   p, wd_array_len(p), ret, err);
}


/* In a transaction. */
static int
sweep(wd_pg_conn_t *c, int64_t keep_s, ingestion_push_swept_t *ret,
      wd_error_t *err)
{
    int       rc;
    bool      alone;
    PGresult *res;

    rc = wd_pg_exec(c,
                    "SELECT pg_try_advisory_xact_lock("
                    "hashtext('wizdata sweep'), hashtext('ingest_upload'))",
                    NULL, 0, &res, err);
    if (rc != WD_OK) {
        return rc;
    }
    alone = wd_pg_get_bool(res, 0, 0);
    PQclear(res);
    if (!alone) {
        return WD_OK;
    }
    rc = sweep_lost(c, &ret->lost, err);
    if (rc == WD_OK) {
        rc = sweep_ended(c, &ret->ended, err);
    }
    return rc == WD_OK ? sweep_old(c, keep_s, &ret->removed, err) : rc;
}


int
ingestion_store_push_sweep(wd_pg_conn_t *c, int64_t keep_s,
                           ingestion_push_swept_t *ret, bool *ret_more,
                           wd_error_t *err)
{
    int rc;

    memset(ret, 0, sizeof(*ret));
    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = sweep(c, keep_s, ret, err);
    }
    if (rc == WD_OK) {
        rc = wd_pg_commit(c, err);
    } else {
        wd_pg_rollback(c);
    }
    *ret_more = wd_max(ret->lost, wd_max(ret->ended, ret->removed))
                == INGESTION_PUSH_SWEEP_MAX;
    return rc;
}
