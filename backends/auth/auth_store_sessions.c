/*
 * auth_store_sessions.c - the SQL of logins, sessions and refresh tokens.
 */
#include "auth_store_sessions.h"

#include "auth_store_tokens.h"

/* Failures are forgotten when none came for that long. */
#define AUTH_FAILURE_LIFE "interval '1 hour'"


static int
auth_get_text(auth_row_t *row, void *arg)
{
    *(wd_str_t *) arg = auth_row_str(row, 0);
    return row->rc;
}


int
auth_store_lower(wd_pg_conn_t *c, wd_str_t email, wd_pool_t *pool,
                 wd_str_t *ret, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_text(email);

    return auth_select_one(c, "SELECT lower($1)", &param, 1, pool,
                           auth_get_text, ret, err);
}


static int
auth_get_login(auth_row_t *row, void *arg)
{
    auth_login_t *ret = arg;

    ret->user_id = wd_pg_get_int(row->r, row->row, 0);
    ret->org_id = wd_pg_get_int(row->r, row->row, 1);
    ret->hash = auth_row_str(row, 2);
    ret->email = auth_row_str(row, 3);
    ret->disabled = wd_pg_get_bool(row->r, row->row, 4);
    ret->has_totp = wd_pg_get_bool(row->r, row->row, 5);
    ret->totp_sealed = auth_row_str(row, 6);
    ret->totp_step = wd_pg_get_int(row->r, row->row, 7);
    return row->rc;
}


int
auth_store_login(wd_pg_conn_t *c, wd_str_t org, wd_str_t email, int64_t user_id,
                 wd_pool_t *pool, auth_login_t *ret, wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_text(org),
        wd_pg_text(email),
        wd_pg_int(user_id),
    };

    return auth_select_one(
        c,
        "SELECT u.id, u.org_id, u.password_hash, u.email,"
        " u.disabled OR o.disabled, u.totp_at IS NOT NULL, u.totp_secret,"
        " u.totp_step"
        " FROM app_user u JOIN org o ON o.id = u.org_id"
        " WHERE CASE WHEN $3 <> 0 THEN u.id = $3"
        " ELSE o.name = $1 AND lower(u.email) = lower($2) END"
        " AND u.deleted_at IS NULL",
        params, wd_array_len(params), pool, auth_get_login, ret, err);
}


/*
 * A change of a role voids the tokens that were issued before it, and is seen
 * when it is committed. Who is about to read a user's rights for a token
 * waits for it, or is waited for: locked before anything that such a change
 * locks after the role.
 */
static int
auth_hold_roles(wd_pg_conn_t *c, int64_t user_id, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(user_id);

    return wd_pg_exec(c,
                      "SELECT FROM role WHERE id IN (SELECT role_id"
                      " FROM user_role WHERE user_id = $1)"
                      " ORDER BY id FOR SHARE",
                      &param, 1, NULL, err);
}


int
auth_store_login_still(wd_pg_conn_t *c, const auth_login_t *login,
                       wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t params[] = {
        wd_pg_int(login->user_id),
        auth_param_text(login->hash),
    };

    rc = auth_exec_found(
        c,
        "SELECT u.id FROM app_user u JOIN org o ON o.id = u.org_id"
        " WHERE u.id = $1 AND u.password_hash = $2 AND NOT u.disabled"
        " AND NOT o.disabled AND u.deleted_at IS NULL"
        " FOR NO KEY UPDATE OF u FOR SHARE OF o",
        params, wd_array_len(params), NULL, err);
    return rc == WD_OK ? auth_hold_roles(c, login->user_id, err) : rc;
}


int
auth_store_logged_in(wd_pg_conn_t *c, int64_t user_id, const char *rehash,
                     wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        auth_param_text(wd_str_z(rehash)),
    };

    return wd_pg_exec(c,
                      "UPDATE app_user SET last_login_at = now(),"
                      " password_hash = coalesce($2, password_hash)"
                      " WHERE id = $1",
                      params, wd_array_len(params), NULL, err);
}


int
auth_store_password(wd_pg_conn_t *c, int64_t user_id, const char *hash,
                    wd_error_t *err)
{
    const wd_pg_param_t params[] = {wd_pg_int(user_id), wd_pg_text_z(hash)};

    /* Tokens for choosing one were made for the password before. */
    return auth_exec_found(c,
                           "WITH gone AS (DELETE FROM one_time_token"
                           " WHERE user_id = $1 AND kind <> 'verify')"
                           " UPDATE app_user SET password_hash = $2,"
                           " password_at = now() WHERE id = $1"
                           " AND deleted_at IS NULL RETURNING id",
                           params, wd_array_len(params), NULL, err);
}


int
auth_store_verified(wd_pg_conn_t *c, int64_t user_id, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(user_id);

    return wd_pg_exec(c,
                      "UPDATE app_user SET verified_at = now() WHERE id = $1",
                      &param, 1, NULL, err);
}


/* ---- failures ----------------------------------------------------------- */

int
auth_store_failures(wd_pg_conn_t *c, const uint8_t account[AUTH_HASH_LEN],
                    wd_str_t net, int64_t user_id, auth_failures_t *ret,
                    wd_error_t *err)
{
    int                 rc, i;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        auth_param_bytes(account, AUTH_HASH_LEN),
        wd_pg_text(net),
        wd_pg_int(user_id),
    };

    rc = wd_pg_exec(c,
                    "SELECT net = '', n, (extract(epoch FROM"
                    " clock_timestamp() - last_at) * 1000000)::bigint,"
                    " EXISTS (SELECT FROM session"
                    " WHERE user_id = $3 AND address = $2"
                    " AND created_at > now() - interval '30 days')"
                    " FROM login_failure"
                    " WHERE account = $1 AND net IN ('', $2)"
                    " AND last_at > now() - " AUTH_FAILURE_LIFE
                    " ORDER BY net FOR UPDATE",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    memset(ret, 0, sizeof(*ret));
    for (i = 0; i < PQntuples(r); i++) {
        if (wd_pg_get_bool(r, i, 0)) {
            ret->all = wd_pg_get_int(r, i, 1);
            ret->all_age = wd_pg_get_int(r, i, 2) * WD_NS_PER_US;
        } else {
            ret->here = wd_pg_get_int(r, i, 1);
            ret->here_age = wd_pg_get_int(r, i, 2) * WD_NS_PER_US;
        }
        ret->known = wd_pg_get_bool(r, i, 3);
    }
    PQclear(r);
    return WD_OK;
}


/* A count that a crash of the server takes with it is no loss. */
int
auth_store_failed(wd_pg_conn_t *c, const uint8_t account[AUTH_HASH_LEN],
                  wd_str_t net, wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        auth_param_bytes(account, AUTH_HASH_LEN),
        wd_pg_text(net),
    };

    return wd_pg_exec(c,
                      "INSERT INTO login_failure AS f (account, net, n,"
                      " last_at)"
                      " SELECT $1, x, 1, now() FROM unnest(ARRAY['', $2]) x"
                      " WHERE set_config('synchronous_commit', 'off', true)"
                      " = 'off'"
                      " ORDER BY x"
                      " ON CONFLICT (account, net) DO UPDATE"
                      " SET n = CASE WHEN f.last_at >"
                      " now() - " AUTH_FAILURE_LIFE
                      " THEN least(f.n + 1, 1000000) ELSE 1 END,"
                      " last_at = now()",
                      params, wd_array_len(params), NULL, err);
}


int
auth_store_forgiven(wd_pg_conn_t *c, const uint8_t account[AUTH_HASH_LEN],
                    wd_error_t *err)
{
    const wd_pg_param_t param = auth_param_bytes(account, AUTH_HASH_LEN);

    return wd_pg_exec(c, "DELETE FROM login_failure WHERE account = $1", &param,
                      1, NULL, err);
}


/* ---- sessions ----------------------------------------------------------- */

int
auth_store_session_add(wd_pg_conn_t *c, auth_session_t *session, int64_t life_s,
                       wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_int(session->user_id),
        auth_param_text(session->address),
        wd_pg_int(life_s),
    };

    rc = auth_exec_found(c,
                         "INSERT INTO session (user_id, address, expires_at)"
                         " VALUES ($1, $2, now() + $3 * interval '1 second')"
                         " RETURNING id, created_at, expires_at",
                         params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    session->id = wd_pg_get_int(r, 0, 0);
    session->created_at = session->last_at = wd_pg_get_ts(r, 0, 1);
    session->expires_at = wd_pg_get_ts(r, 0, 2);
    PQclear(r);
    return WD_OK;
}


int
auth_store_refresh_add(wd_pg_conn_t *c, int64_t session_id,
                       const auth_refresh_t *token, int64_t life_s,
                       wd_ns_t *ret_end, wd_error_t *err)
{
    const wd_pg_param_t params[] = {
        auth_param_bytes(token->hash, sizeof(token->hash)),
        wd_pg_int(session_id),
        wd_pg_int(life_s),
        wd_pg_text_z(token->jti),
        wd_pg_int(token->jti_end),
    };

    return auth_exec_time(c,
                          "INSERT INTO refresh_token (hash, session_id,"
                          " expires_at, jti, jti_end)"
                          " SELECT $1, id, least(expires_at,"
                          " now() + $3 * interval '1 second'), $4, $5"
                          " FROM session WHERE id = $2 RETURNING expires_at",
                          params, wd_array_len(params), ret_end, err);
}


static int
auth_refresh_used(wd_pg_conn_t *c, const wd_pg_param_t *hash,
                  const auth_session_t *s, wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t session = wd_pg_int(s->id);

    rc = auth_hold_roles(c, s->user_id, err);
    if (rc == WD_OK) {
        rc = wd_pg_exec(c,
                        "UPDATE refresh_token SET used_at = now()"
                        " WHERE hash = $1",
                        hash, 1, NULL, err);
    }
    if (rc != WD_OK) {
        return rc;
    }
    return wd_pg_exec(c, "UPDATE session SET last_at = now() WHERE id = $1",
                      &session, 1, NULL, err);
}


int
auth_store_refresh_use(wd_pg_conn_t *c, const uint8_t hash[AUTH_HASH_LEN],
                       auth_refresh_e *ret, auth_session_t *ret_session,
                       wd_error_t *err)
{
    int                 rc;
    bool                used, ended;
    PGresult           *r;
    const wd_pg_param_t param = auth_param_bytes(hash, AUTH_HASH_LEN);

    rc = auth_exec_found(
        c,
        "SELECT s.id, s.user_id, t.used_at IS NOT NULL,"
        " s.ended_at IS NOT NULL OR s.expires_at <= now()"
        " OR t.expires_at <= now() OR u.disabled OR o.disabled"
        " OR u.deleted_at IS NOT NULL, s.created_at, s.expires_at"
        " FROM refresh_token t JOIN session s ON s.id = t.session_id"
        " JOIN app_user u ON u.id = s.user_id JOIN org o ON o.id = u.org_id"
        " WHERE t.hash = $1"
        /* In this order, which is that of whoever changes the user. */
        " FOR NO KEY UPDATE OF u FOR SHARE OF o FOR UPDATE OF s, t",
        &param, 1, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    memset(ret_session, 0, sizeof(*ret_session));
    ret_session->id = wd_pg_get_int(r, 0, 0);
    ret_session->user_id = wd_pg_get_int(r, 0, 1);
    used = wd_pg_get_bool(r, 0, 2);
    ended = wd_pg_get_bool(r, 0, 3);
    ret_session->created_at = wd_pg_get_ts(r, 0, 4);
    ret_session->expires_at = wd_pg_get_ts(r, 0, 5);
    PQclear(r);

    *ret = used ? AUTH_REFRESH_REUSED
                : (ended ? AUTH_REFRESH_ENDED : AUTH_REFRESH_GOOD);
    return *ret == AUTH_REFRESH_GOOD
               ? auth_refresh_used(c, &param, ret_session, err)
               : WD_OK;
}


/*
 * A refresh holds the user until the token that it gives is committed. Waited
 * for here: a statement that had begun before would end the session and not
 * see that token.
 */
static int
auth_hold_user(wd_pg_conn_t *c, int64_t user_id, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(user_id);

    return wd_pg_exec(c,
                      "SELECT FROM app_user WHERE id = $1"
                      " FOR NO KEY UPDATE",
                      &param, 1, NULL, err);
}


int
auth_store_sessions_end(wd_pg_conn_t *c, int64_t user_id, int64_t session_id,
                        const char *reason, int64_t *ret_n, wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        wd_pg_int(session_id),
        wd_pg_text_z(reason),
    };

    rc = auth_hold_user(c, user_id, err);
    if (rc != WD_OK) {
        return rc;
    }
    return auth_exec_int(
        c,
        "WITH ended AS (UPDATE session SET ended_at = now(), ended_by = $3"
        " WHERE user_id = $1 AND ($2 = 0 OR id = $2) AND ended_at IS NULL"
        " AND expires_at > now() RETURNING id),"
        " void AS (INSERT INTO token_revocation (kind, value, number)"
        " SELECT 'jti', t.jti, t.jti_end FROM refresh_token t"
        " JOIN ended e ON e.id = t.session_id"
        " WHERE t.jti_end > " AUTH_VOID_FROM
        " ORDER BY t.jti ON CONFLICT DO NOTHING)"
        " SELECT count(*) FROM ended",
        params, wd_array_len(params), ret_n, err);
}


static int
auth_get_session(auth_row_t *row, void *arg)
{
    auth_session_t *ret = arg;

    ret->id = wd_pg_get_int(row->r, row->row, 0);
    ret->user_id = wd_pg_get_int(row->r, row->row, 1);
    ret->address = auth_row_str(row, 2);
    ret->created_at = wd_pg_get_ts(row->r, row->row, 3);
    ret->last_at = wd_pg_get_ts(row->r, row->row, 4);
    ret->expires_at = wd_pg_get_ts(row->r, row->row, 5);
    return row->rc;
}


int
auth_store_sessions(wd_pg_conn_t *c, int64_t user_id, int64_t after,
                    int64_t limit, wd_pool_t *pool, auth_session_t **ret,
                    size_t *ret_n, wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        wd_pg_int(after),
        wd_pg_int(limit),
    };

    rc = auth_select(c,
                     "SELECT id, user_id, address, created_at, last_at,"
                     " expires_at FROM session WHERE user_id = $1"
                     " AND ended_at IS NULL AND expires_at > now()"
                     " AND id > $2 ORDER BY id LIMIT $3",
                     params, wd_array_len(params), pool, auth_get_session,
                     sizeof(**ret), &rows, err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}
