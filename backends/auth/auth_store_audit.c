/*
 * auth_store_audit.c - the SQL of the audit trail.
 */
#include "auth_store_audit.h"

#define AUTH_EVENT_SELECT                                               \
    "SELECT seq, at, coalesce(org_id, 0), actor, via, action, subject," \
    " outcome, reason, request, address, detail, hash FROM event"


static size_t
auth_get_hash(const PGresult *r, int col, uint8_t out[AUTH_HASH_LEN])
{
    wd_str_t bytes = wd_pg_get_str(r, 0, col);
    size_t   n = wd_min(bytes.len, (size_t) AUTH_HASH_LEN);

    memset(out, 0, AUTH_HASH_LEN);
    if (n != 0) {
        memcpy(out, bytes.data, n);
    }
    return bytes.len;
}


int
auth_store_event_head(wd_pg_conn_t *c, bool lock, auth_event_head_t *ret,
                      wd_error_t *err)
{
    int       rc;
    PGresult *r;

    rc = auth_exec_found(c,
                         lock ? "SELECT seq, hash, seal FROM event_head"
                                " FOR UPDATE"
                              : "SELECT seq, hash, seal FROM event_head",
                         NULL, 0, &r, err);
    if (rc != WD_OK) {
        return rc == WD_ENOTFOUND
                   ? wd_error(err, WD_EINTERNAL, "the audit trail has no head")
                   : rc;
    }

    ret->seq = wd_pg_get_int(r, 0, 0);
    ret->hash_len = auth_get_hash(r, 1, ret->hash);
    ret->seal_len = auth_get_hash(r, 2, ret->seal);
    PQclear(r);
    return WD_OK;
}


int
auth_store_event_add(wd_pg_conn_t *c, const auth_event_t *e,
                     const auth_event_head_t *head, wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_int(e->seq),
        wd_pg_ts(e->at_us * WD_NS_PER_US),
        auth_param_id(e->org_id),
        wd_pg_text(e->actor),
        wd_pg_text(e->via),
        wd_pg_text(e->action),
        wd_pg_text(e->subject),
        wd_pg_text(e->outcome),
        wd_pg_text(e->reason),
        wd_pg_text(e->request),
        wd_pg_text(e->address),
        wd_pg_text(e->detail),
        auth_param_bytes(head->hash, sizeof(head->hash)),
        auth_param_bytes(head->seal, sizeof(head->seal)),
    };

    return wd_pg_exec(c,
                      "WITH head AS (UPDATE event_head SET seq = $1,"
                      " hash = $13, seal = $14)"
                      " INSERT INTO event (seq, at, org_id, actor, via,"
                      " action, subject, outcome, reason, request, address,"
                      " detail, hash)"
                      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
                      " $12, $13)",
                      params, wd_array_len(params), NULL, err);
}


static int
auth_get_event(auth_row_t *row, void *arg)
{
    auth_event_t *ret = arg;

    ret->seq = wd_pg_get_int(row->r, row->row, 0);
    ret->at_us = wd_pg_get_ts(row->r, row->row, 1) / WD_NS_PER_US;
    ret->org_id = wd_pg_get_int(row->r, row->row, 2);
    ret->actor = auth_row_str(row, 3);
    ret->via = auth_row_str(row, 4);
    ret->action = auth_row_str(row, 5);
    ret->subject = auth_row_str(row, 6);
    ret->outcome = auth_row_str(row, 7);
    ret->reason = auth_row_str(row, 8);
    ret->request = auth_row_str(row, 9);
    ret->address = auth_row_str(row, 10);
    ret->detail = auth_row_str(row, 11);
    ret->hash = auth_row_str(row, 12);
    return row->rc;
}


int
auth_store_events(wd_pg_conn_t *c, const auth_event_filter_t *f,
                  wd_pool_t *pool, auth_event_t **ret, size_t *ret_n,
                  wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t params[] = {
        wd_pg_int(f->org_id),
        auth_param_text(f->actor),
        auth_param_text(f->subject),
        auth_param_text(f->action),
        auth_param_text(f->outcome),
        wd_pg_ts(f->from),
        wd_pg_ts(f->to),
        wd_pg_int(f->before),
        wd_pg_int(f->limit),
    };

    rc = auth_select(c,
                     AUTH_EVENT_SELECT " WHERE ($1 = -1 OR org_id = $1)"
                                       " AND ($2::text IS NULL OR actor = $2)"
                                       " AND ($3::text IS NULL OR subject = $3)"
                                       " AND ($4::text IS NULL OR action = $4"
                                       " OR starts_with(action, $4 || '.'))"
                                       " AND ($5::text IS NULL OR outcome = $5)"
                                       " AND at >= $6 AND at <= $7 AND seq < $8"
                                       " ORDER BY seq DESC LIMIT $9",
                     params, wd_array_len(params), pool, auth_get_event,
                     sizeof(**ret), &rows, err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_events_after(wd_pg_conn_t *c, int64_t after, int64_t limit,
                        wd_pool_t *pool, auth_event_t **ret, size_t *ret_n,
                        wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t params[] = {wd_pg_int(after), wd_pg_int(limit)};

    rc = auth_select(
        c, AUTH_EVENT_SELECT " WHERE seq > $1 ORDER BY seq LIMIT $2", params,
        wd_array_len(params), pool, auth_get_event, sizeof(**ret), &rows, err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_org_of(wd_pg_conn_t *c, int64_t user_id, int64_t *ret,
                  wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t param = wd_pg_int(user_id);

    *ret = 0;
    rc = auth_exec_int(c, "SELECT org_id FROM app_user WHERE id = $1", &param,
                       1, ret, err);
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}
