/*
 * auth_store_factors.c - the SQL of second factors and one-time tokens, and
 * of what is swept away.
 */
#include "auth_store_sessions.h"
#include "auth_store_tokens.h"


int
auth_store_totp_begin(wd_pg_conn_t *c, int64_t user_id,
                      const uint8_t sealed[AUTH_TOTP_SEALED], wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        auth_param_bytes(sealed, AUTH_TOTP_SEALED),
    };

    return auth_exec_found(c,
                           "UPDATE app_user SET totp_secret = $2,"
                           " totp_step = 0 WHERE id = $1 AND totp_at IS NULL"
                           " RETURNING id",
                           params, wd_array_len(params), NULL, err);
}


int
auth_store_totp_use(wd_pg_conn_t *c, int64_t user_id, int64_t step,
                    bool confirm, wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        wd_pg_int(step),
        wd_pg_bool(confirm),
    };

    /* One that no clock of today could have used, with a step of room on
     * either side, is of a clock that was ahead. */
    return auth_exec_found(c,
                           "UPDATE app_user SET totp_step = $2,"
                           " totp_at = coalesce(totp_at, now())"
                           " WHERE id = $1 AND (totp_step < $2"
                           " OR totp_step > $2 + 2)"
                           " AND totp_secret IS NOT NULL"
                           " AND (totp_at IS NULL) = $3 RETURNING id",
                           params, wd_array_len(params), NULL, err);
}


int
auth_store_totp_end(wd_pg_conn_t *c, int64_t user_id, bool *ret,
                    wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t param = wd_pg_int(user_id);

    rc = auth_exec_found(c,
                         "WITH before AS (SELECT id, totp_at FROM app_user"
                         " WHERE id = $1 FOR UPDATE),"
                         " codes AS (DELETE FROM recovery_code"
                         " WHERE user_id = $1)"
                         " UPDATE app_user u SET totp_secret = NULL,"
                         " totp_at = NULL FROM before b WHERE u.id = b.id"
                         " RETURNING b.totp_at IS NOT NULL",
                         &param, 1, &r, err);
    if (rc == WD_OK) {
        *ret = wd_pg_get_bool(r, 0, 0);
        PQclear(r);
    }
    return rc;
}


int
auth_store_recovery_add(wd_pg_conn_t *c, int64_t user_id,
                        const uint8_t hash[AUTH_HASH_LEN], wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        auth_param_bytes(hash, AUTH_HASH_LEN),
    };

    return wd_pg_exec(c,
                      "INSERT INTO recovery_code (user_id, hash)"
                      " VALUES ($1, $2)",
                      params, wd_array_len(params), NULL, err);
}


int
auth_store_recovery_use(wd_pg_conn_t *c, int64_t user_id,
                        const uint8_t hash[AUTH_HASH_LEN], wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        auth_param_bytes(hash, AUTH_HASH_LEN),
    };

    return auth_exec_found(c,
                           "DELETE FROM recovery_code WHERE user_id = $1"
                           " AND hash = $2 RETURNING user_id",
                           params, wd_array_len(params), NULL, err);
}


/* ---- one-time tokens ---------------------------------------------------- */

int
auth_store_once_add(wd_pg_conn_t *c, int64_t user_id, const char *kind,
                    const uint8_t hash[AUTH_HASH_LEN], int64_t life_s,
                    wd_ns_t *ret_end, wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        auth_param_bytes(hash, AUTH_HASH_LEN),
        wd_pg_int(user_id),
        wd_pg_text_z(kind),
        wd_pg_int(life_s),
    };

    return auth_exec_time(c,
                          "INSERT INTO one_time_token (hash, user_id, kind,"
                          " expires_at) VALUES ($1, $2, $3,"
                          " now() + $4 * interval '1 second')"
                          " ON CONFLICT (user_id, kind) DO UPDATE"
                          " SET hash = excluded.hash, created_at = now(),"
                          " expires_at = excluded.expires_at"
                          " RETURNING expires_at",
                          params, wd_array_len(params), ret_end, err);
}


static int
auth_get_once(auth_row_t *row, void *arg)
{
    auth_once_t *ret = arg;

    ret->user_id = wd_pg_get_int(row->r, row->row, 0);
    ret->org_id = wd_pg_get_int(row->r, row->row, 1);
    ret->kind = auth_row_str(row, 2);
    ret->email = auth_row_str(row, 3);
    return row->rc;
}


int
auth_store_once(wd_pg_conn_t *c, const uint8_t hash[AUTH_HASH_LEN],
                wd_pool_t *pool, auth_once_t *ret, wd_error_t *err)
{
    const wd_pg_param_t param = auth_param_bytes(hash, AUTH_HASH_LEN);

    return auth_select_one(c,
                           "SELECT u.id, u.org_id, t.kind, u.email"
                           " FROM one_time_token t"
                           " JOIN app_user u ON u.id = t.user_id"
                           " JOIN org o ON o.id = u.org_id"
                           " WHERE t.hash = $1 AND t.expires_at > now()"
                           " AND NOT u.disabled AND NOT o.disabled"
                           " AND u.deleted_at IS NULL",
                           &param, 1, pool, auth_get_once, ret, err);
}


int
auth_store_once_use(wd_pg_conn_t *c, const uint8_t hash[AUTH_HASH_LEN],
                    wd_error_t *err)
{
    const wd_pg_param_t param = auth_param_bytes(hash, AUTH_HASH_LEN);

    return auth_exec_found(c,
                           /* The user first, as whoever changes one does. */
                           "WITH u AS (SELECT id FROM app_user WHERE id ="
                           " (SELECT user_id FROM one_time_token"
                           " WHERE hash = $1) FOR NO KEY UPDATE)"
                           " DELETE FROM one_time_token t USING u"
                           " WHERE t.hash = $1 AND t.user_id = u.id"
                           " AND t.expires_at > now() RETURNING t.user_id",
                           &param, 1, NULL, err);
}


int
auth_store_sweep(wd_pg_conn_t *c, wd_error_t *err)
{
    int    rc = WD_OK;
    size_t i;

    /* Ended sessions stay a while, so that reuse is told from rubbish. */
    static const char *const sweeps[] = {
        "DELETE FROM session WHERE id IN (SELECT id FROM session"
        " WHERE expires_at < now() - interval '7 days'"
        " ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)",
        "DELETE FROM one_time_token WHERE hash IN (SELECT hash"
        " FROM one_time_token WHERE expires_at < now() - interval '1 day'"
        " LIMIT 1000 FOR UPDATE SKIP LOCKED)",
        "DELETE FROM login_failure WHERE (account, net) IN ("
        " SELECT account, net FROM login_failure"
        " WHERE last_at < now() - interval '1 hour'"
        " ORDER BY last_at LIMIT 1000 FOR UPDATE SKIP LOCKED)",
        "DELETE FROM token_revocation WHERE (kind, value) IN ("
        " SELECT kind, value FROM token_revocation"
        " WHERE " AUTH_VOID_ENDED " LIMIT 1000 FOR UPDATE SKIP LOCKED)",
    };

    for (i = 0; rc == WD_OK && i < wd_array_len(sweeps); i++) {
        rc = wd_pg_exec(c, sweeps[i], NULL, 0, NULL, err);
    }
    return rc;
}
