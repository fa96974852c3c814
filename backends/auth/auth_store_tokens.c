/*
 * auth_store_tokens.c - the SQL of void tokens.
 */
#include "auth_store_tokens.h"

#include "auth_store_row.h"

static const char *const auth_voids[] = {"jti", "sub", "all"};


const char *
auth_void_name(auth_void_e kind)
{
    return auth_voids[kind];
}


bool
auth_void_by_name(wd_str_t name, auth_void_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(auth_voids); i++) {
        if (wd_str_eq_z(name, auth_voids[i])) {
            *ret = (auth_void_e) i;
            return true;
        }
    }
    return false;
}


int
auth_store_voids(wd_pg_conn_t *c, auth_void_pt fn, void *arg, wd_error_t *err)
{
    int         rc, i;
    PGresult   *r;
    auth_void_t v;

    rc = wd_pg_exec(c,
                    "SELECT kind, value, number FROM token_revocation"
                    " WHERE NOT " AUTH_VOID_ENDED,
                    NULL, 0, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; rc == WD_OK && i < PQntuples(r); i++) {
        v.value = wd_pg_get_str(r, i, 1);
        v.number = wd_pg_get_int(r, i, 2);
        rc = auth_void_by_name(wd_pg_get_str(r, i, 0), &v.kind) ? fn(&v, arg)
                                                                : WD_EINTERNAL;
    }
    PQclear(r);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "void tokens");
}


int
auth_store_voids_merge(wd_pg_conn_t *c, wd_error_t *err)
{
    int rc;

    rc = wd_pg_begin(c, err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c, "SELECT auth_tell_all()", NULL, 0, NULL, err);
    }
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "DELETE FROM token_revocation t"
                        " USING token_revocation a WHERE a.kind = 'all'"
                        " AND (t.kind = 'sub' AND t.number <= a.number"
                        " OR t.kind = 'jti' AND t.created_at <= now())",
                        NULL, 0, NULL, err);
    }
    if (rc == WD_OK) {
        rc = wd_pg_commit(c, err);
    }
    if (rc != WD_OK) {
        wd_pg_rollback(c);
    }
    return rc;
}


int
auth_store_void_add(wd_pg_conn_t *c, const auth_void_t *v, wd_ns_t *ret_at,
                    wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_text_z(auth_void_name(v->kind)),
        wd_pg_text(v->value),
        wd_pg_int(v->number),
    };

    /* Whoever adds takes some of those away that have no effect any more. */
    rc = wd_pg_exec(c,
                    "WITH old AS (SELECT kind, value FROM token_revocation"
                    " WHERE " AUTH_VOID_ENDED
                    " LIMIT 100 FOR UPDATE SKIP LOCKED),"
                    " gone AS (DELETE FROM token_revocation"
                    " WHERE (kind, value) IN (SELECT kind, value FROM old)"
                    " AND (kind, value) <> ($1, $2))"
                    " INSERT INTO token_revocation AS t (kind, value, number)"
                    " VALUES ($1, $2, $3)"
                    " ON CONFLICT (kind, value) DO UPDATE"
                    " SET number = greatest(t.number, excluded.number)"
                    " RETURNING now()",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    *ret_at = wd_pg_get_ts(r, 0, 0);
    PQclear(r);
    return WD_OK;
}


int
auth_store_void_find(wd_pg_conn_t *c, wd_str_t jti, wd_str_t sub,
                     wd_ns_t issued_at, wd_error_t *err)
{
    int                 rc, n;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_text(jti),
        wd_pg_text(sub),
        wd_pg_int(issued_at),
    };

    rc = wd_pg_exec(c,
                    "SELECT 1 FROM token_revocation"
                    " WHERE (kind = 'jti' AND value = $1)"
                    " OR (kind = 'sub' AND value = $2 AND number > $3)"
                    " OR (kind = 'all' AND value = '' AND number > $3)"
                    " LIMIT 1",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    n = PQntuples(r);
    PQclear(r);
    return n != 0 ? WD_OK : wd_error(err, WD_ENOTFOUND, "not void");
}


int
auth_store_void_subject(wd_pg_conn_t *c, int64_t user_id, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(user_id);

    return wd_pg_exec(c, "SELECT token_revoke_subjects(ARRAY['user:' || $1])",
                      &param, 1, NULL, err);
}


int
auth_store_listen(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c, "LISTEN wizdata_auth", err);
}
