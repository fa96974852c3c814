/*
 * auth_store_jwks.c - the SQL of signing keys.
 */
#include "auth_store_jwks.h"

#include "auth_store_row.h"

/* Of pg_advisory_xact_lock(); "jwks" in ASCII. */
#define AUTH_JWKS_LOCK "1785160563"


/* False when a row cannot be one of ours: it is passed over. */
static bool
auth_get_signkey(auth_row_t *row, auth_signkey_t *ret)
{
    wd_str_t kid = wd_pg_get_str(row->r, row->row, 0);
    wd_str_t public = wd_pg_get_str(row->r, row->row, 1);
    wd_str_t sealed = wd_pg_get_str(row->r, row->row, 2);

    if (kid.len == 0 || kid.len > AUTH_KID_LEN
        || public.len != sizeof(ret->public)
        || sealed.len != sizeof(ret->sealed)) {
        return false;
    }

    wd_str_copy(ret->kid, sizeof(ret->kid), kid);
    memcpy(ret->public, public.data, public.len);
    memcpy(ret->sealed, sealed.data, sealed.len);
    ret->created_at = wd_pg_get_ts(row->r, row->row, 3);
    ret->not_after = auth_row_end(row, 4);
    ret->active_from = auth_row_end(row, 5);
    ret->in_use = wd_pg_get_int(row->r, row->row, 6) * WD_NS_PER_S;
    return true;
}


int
auth_store_signkeys(wd_pg_conn_t *c, auth_signkey_pt fn, void *arg,
                    wd_error_t *err)
{
    int            rc;
    PGresult      *r;
    auth_row_t     row = {.pool = NULL};
    auth_signkey_t key;

    rc = wd_pg_exec(c,
                    "SELECT kid, public, private, created_at, not_after,"
                    " active_from,"
                    " coalesce(extract(epoch FROM now() - active_from),"
                    " 0)::bigint FROM signing_key"
                    " WHERE not_after IS NULL OR not_after > now()"
                    " ORDER BY id DESC",
                    NULL, 0, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    row.r = r;
    for (; row.row < PQntuples(r); row.row++) {
        if (auth_get_signkey(&row, &key)) {
            fn(&key, arg);
        }
    }
    PQclear(r);
    return WD_OK;
}


int
auth_store_signkeys_lock(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c, "SELECT pg_advisory_xact_lock(" AUTH_JWKS_LOCK ")",
                        err);
}


int
auth_store_signkey_add(wd_pg_conn_t *c, const auth_signkey_t *key,
                       wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_text_z(key->kid),
        auth_param_bytes(key->public, sizeof(key->public)),
        auth_param_bytes(key->sealed, sizeof(key->sealed)),
    };

    return wd_pg_exec(c,
                      "INSERT INTO signing_key (kid, alg, public, private)"
                      " VALUES ($1, 'EdDSA', $2, $3)",
                      params, wd_array_len(params), NULL, err);
}


int
auth_store_signkey_use(wd_pg_conn_t *c, const char *kid, wd_ns_t keep_ns,
                       wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t keep = wd_pg_int(keep_ns / WD_NS_PER_S);
    const wd_pg_param_t name = wd_pg_text_z(kid);

    rc = wd_pg_exec(c,
                    "UPDATE signing_key SET not_after = now()"
                    " + $1 * interval '1 second'"
                    " WHERE not_after IS NULL AND active_from IS NOT NULL",
                    &keep, 1, NULL, err);
    if (rc != WD_OK) {
        return rc;
    }
    return auth_exec_found(c,
                           "UPDATE signing_key SET active_from = now()"
                           " WHERE kid = $1 RETURNING id",
                           &name, 1, NULL, err);
}
