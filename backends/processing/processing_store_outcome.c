/*
 * processing_store_outcome.c - what became of a payload: its row of
 * raw_object, its rejects, and the savepoints around both.
 */
#include "processing_copy.h"
#include "processing_store.h"

#include <stdlib.h>


static wd_pg_param_t
time_or_null(wd_ns_t t)
{
    return t == WD_NS_MIN ? (wd_pg_param_t){.type = WD_PG_NULL_TS}
                          : wd_pg_ts(t);
}


/*
 * The first processing of an object is what its row tells. A later one that
 * changed nothing leaves it alone; one that did is added to it. *ret_new: it
 * is the first.
 */
static int
put_object(wd_pg_conn_t *c, const processing_event_t *ev,
           const processing_outcome_t *o, int64_t rejected, bool *ret_new,
           wd_error_t *err)
{
    int           rc;
    char         *args;
    PGresult     *res;
    wd_pg_param_t params[] = {
        wd_pg_int(ev->seq),
        wd_pg_text_z(ev->key),
        wd_pg_text_z(ev->sha256),
        wd_pg_text_z(ev->provider),
        wd_pg_text_z(ev->dataset),
        wd_pg_null(),
        wd_pg_int(ev->size),
        wd_pg_ts(ev->fetched_at),
        wd_pg_text_z(o->outcome),
        wd_pg_int(o->counts.stored),
        wd_pg_int(o->counts.corrected),
        wd_pg_int(o->counts.unchanged),
        wd_pg_int(o->flagged),
        wd_pg_int(rejected),
        wd_pg_text(wd_str_z(o->reason)),
        time_or_null(o->to == WD_NS_MIN ? WD_NS_MIN : o->from),
        time_or_null(o->to)};

    args = json_dumps(ev->args, JSON_COMPACT);
    if (args == NULL) {
        return WD_ENOMEM;
    }
    params[5] = wd_pg_json(wd_str_z(args));

    rc = wd_pg_exec(
        c,
        "INSERT INTO raw_object AS r (id, key, sha256, provider, dataset, "
        "args, size, fetched_at, outcome, stored, corrected, unchanged, "
        "flagged, rejected, reason, data_from, data_to) VALUES ($1, $2, $3, "
        "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) "
        "ON CONFLICT (id) DO UPDATE SET outcome = $9, "
        "stored = r.stored + $10, corrected = r.corrected + $11, "
        "unchanged = greatest(r.unchanged, $12::int), flagged = $13, "
        "rejected = $14, reason = $15, data_from = $16, data_to = $17 "
        "WHERE r.outcome <> $9 OR r.rejected <> $14 OR r.flagged <> $13 "
        "OR $10 + $11 > 0 RETURNING xmax = 0",
        params, wd_array_len(params), &res, err);
    free(args);
    if (rc == WD_OK) {
        *ret_new = PQntuples(res) != 0 && wd_pg_get_bool(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


static bool
same_rejects(const PGresult *res, const wd_records_t *r)
{
    size_t i;

    if ((size_t) PQntuples(res) != r->n_rejects) {
        return false;
    }
    for (i = 0; i < r->n_rejects; i++) {
        if (wd_pg_get_int(res, (int) i, 0) != r->rejects[i].record
            || !wd_str_eq_z(wd_pg_get_str(res, (int) i, 1),
                            wd_reason_name(r->rejects[i].reason))
            || !wd_str_eq(wd_pg_get_str(res, (int) i, 2),
                          r->rejects[i].detail)) {
            return false;
        }
    }
    return true;
}


typedef struct {
    const processing_event_t *ev;
    const wd_records_t       *r;
    int64_t                   last; /* id before the first one */
} copy_t;


static void
copy_reject(wd_buf_t *out, size_t i, const void *arg)
{
    const copy_t             *cp = arg;
    const processing_event_t *ev = cp->ev;
    const wd_reject_rec_t    *rej = &cp->r->rejects[i];

    wd_pg_copy_row(out, 9);
    wd_pg_copy_int8(out, cp->last + (int64_t) i + 1);
    wd_pg_copy_int8(out, ev->seq);
    wd_pg_copy_str(out, wd_str_z(ev->provider));
    wd_pg_copy_str(out, wd_str_z(ev->dataset));
    wd_pg_copy_int4(out, rej->record);
    wd_pg_copy_str(out, wd_str_z(wd_reason_name(rej->reason)));
    wd_pg_copy_str(out, rej->detail);
    if (rej->sample.len == 0) {
        wd_pg_copy_null(out);
    } else {
        wd_pg_copy_str(out, rej->sample);
    }
    wd_pg_copy_ts(out, ev->fetched_at);
}


/* Rejects of an earlier processing; *ret_same: they are these. */
static int
look_at_rejects(wd_pg_conn_t *c, const processing_event_t *ev,
                const wd_records_t *r, int *ret_n, bool *ret_same,
                wd_error_t *err)
{
    int           rc;
    PGresult     *res;
    wd_pg_param_t params[] = {wd_pg_int(ev->seq)};

    rc = wd_pg_exec(c,
                    "SELECT record, reason, detail FROM reject "
                    "WHERE raw_id = $1 ORDER BY id",
                    params, 1, &res, err);
    if (rc == WD_OK) {
        *ret_n = PQntuples(res);
        *ret_same = same_rejects(res, r);
        PQclear(res);
    }
    return rc;
}


/*
 * Numbered here, not by a sequence: that leaves gaps where a transaction was
 * rolled back, and a replay would not give the same rows.
 */
static int
add_rejects(wd_pg_conn_t *c, const processing_event_t *ev,
            const wd_records_t *r, wd_error_t *err)
{
    int       rc;
    copy_t    cp = {ev, r, 0};
    PGresult *res;

    if (r->n_rejects == 0) {
        return WD_OK;
    }
    rc = wd_pg_exec(c, "SELECT coalesce(max(id), 0) FROM reject", NULL, 0, &res,
                    err);
    if (rc != WD_OK) {
        return rc;
    }
    cp.last = wd_pg_get_int(res, 0, 0);
    PQclear(res);
    return processing_copy(c,
                           "COPY reject (id, raw_id, provider, dataset, "
                           "record, reason, detail, sample, known_at) "
                           "FROM STDIN (FORMAT binary)",
                           r->n_rejects, copy_reject, &cp, err);
}


static int
put_rejects(wd_pg_conn_t *c, const processing_event_t *ev,
            const wd_records_t *r, bool new, wd_error_t *err)
{
    int           rc = WD_OK, n = 0;
    bool          same = false;
    wd_pg_param_t params[] = {wd_pg_int(ev->seq)};

    if (!new) {
        rc = look_at_rejects(c, ev, r, &n, &same, err);
    }
    if (rc != WD_OK || same) {
        return rc;
    }
    if (n != 0) {
        rc = wd_pg_exec(c, "DELETE FROM reject WHERE raw_id = $1", params, 1,
                        NULL, err);
    }
    return rc != WD_OK ? rc : add_rejects(c, ev, r, err);
}


int
processing_store_outcome(wd_pg_conn_t *c, const processing_event_t *ev,
                         const processing_outcome_t *o, const wd_records_t *r,
                         wd_error_t *err)
{
    int rc;
    bool new = false;

    rc = put_object(c, ev, o, (int64_t) r->n_rejected, &new, err);
    return rc != WD_OK ? rc : put_rejects(c, ev, r, new, err);
}


int
processing_store_mark(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "SAVEPOINT payload", NULL, 0, NULL, err);
}


int
processing_store_back(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "ROLLBACK TO SAVEPOINT payload", NULL, 0, NULL, err);
}


int
processing_store_mark_outcome(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "SAVEPOINT outcome", NULL, 0, NULL, err);
}


int
processing_store_back_outcome(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "ROLLBACK TO SAVEPOINT outcome", NULL, 0, NULL, err);
}


int
processing_store_keep(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_exec(c, "RELEASE SAVEPOINT payload", NULL, 0, NULL, err);
}
