/*
 * auth_store_jwks.c - the SQL of signing keys.
 */
#include "auth_store.h"

/* Of pg_advisory_xact_lock(); "jwks" in ASCII. */
#define AUTH_JWKS_LOCK "1785160563"


/* False when a row cannot be one of ours: it is passed over. */
static bool
auth_get_signkey(const PGresult *r, int row, auth_signkey_t *ret)
{
    wd_str_t kid = wd_pg_get_str(r, row, 0);
    wd_str_t public = wd_pg_get_str(r, row, 1);
    wd_str_t sealed = wd_pg_get_str(r, row, 2);

    if (kid.len == 0 || kid.len > AUTH_KID_LEN
        || public.len != sizeof(ret->public)
        || sealed.len != sizeof(ret->sealed)) {
        return false;
    }

    wd_str_copy(ret->kid, sizeof(ret->kid), kid);
    memcpy(ret->public, public.data, public.len);
    memcpy(ret->sealed, sealed.data, sealed.len);
    ret->created_at = wd_pg_get_ts(r, row, 3);
    ret->not_after = wd_pg_is_null(r, row, 4) ? WD_NS_MAX
                                              : wd_pg_get_ts(r, row, 4);
    return true;
}


int
auth_store_signkeys(wd_pg_conn_t *c, auth_signkey_pt fn, void *arg,
                    wd_error_t *err)
{
    int            rc, i;
    PGresult      *r;
    auth_signkey_t key;

    rc = wd_pg_exec(c,
                    "SELECT kid, public, private, created_at, not_after"
                    " FROM signing_key"
                    " WHERE not_after IS NULL OR not_after > now()"
                    " ORDER BY id DESC",
                    NULL, 0, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < PQntuples(r); i++) {
        if (auth_get_signkey(r, i, &key)) {
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
                       wd_ns_t keep_ns, wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t keep = wd_pg_int(keep_ns / WD_NS_PER_S);
    const wd_pg_param_t params[] = {
        wd_pg_text_z(key->kid),
        wd_pg_bytes(wd_str((const char *) key->public, sizeof(key->public))),
        wd_pg_bytes(wd_str((const char *) key->sealed, sizeof(key->sealed))),
    };

    rc = wd_pg_exec(c,
                    "UPDATE signing_key SET not_after = now()"
                    " + $1 * interval '1 second' WHERE not_after IS NULL",
                    &keep, 1, NULL, err);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_pg_exec(c,
                      "INSERT INTO signing_key (kid, alg, public, private)"
                      " VALUES ($1, 'EdDSA', $2, $3)",
                      params, wd_array_len(params), NULL, err);
}
