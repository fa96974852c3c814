/*
 * auth_store_users.c - the SQL of users and their rights.
 */
#include "auth_store_users.h"

#define AUTH_USER_SELECT                                               \
    "SELECT u.id, u.org_id, o.name, u.email, u.name, u.plan,"          \
    " array_to_string(ARRAY(SELECT r.name FROM user_role x"            \
    " JOIN role r ON r.id = x.role_id WHERE x.user_id = u.id"          \
    " ORDER BY r.name), ' '), u.password_hash IS NOT NULL,"            \
    " u.totp_at IS NOT NULL, u.disabled, u.created_at, u.verified_at," \
    " u.last_login_at, o.disabled"                                     \
    " FROM app_user u JOIN org o ON o.id = u.org_id"                   \
    " WHERE u.deleted_at IS NULL"


static int
auth_get_user(auth_row_t *row, void *arg)
{
    auth_user_t *ret = arg;

    ret->id = wd_pg_get_int(row->r, row->row, 0);
    ret->org_id = wd_pg_get_int(row->r, row->row, 1);
    ret->org = auth_row_str(row, 2);
    ret->email = auth_row_str(row, 3);
    ret->name = auth_row_str(row, 4);
    ret->plan = auth_row_str(row, 5);
    auth_row_words(row, 6, AUTH_ROLES_MAX, &ret->roles, &ret->n_roles);
    ret->has_password = wd_pg_get_bool(row->r, row->row, 7);
    ret->has_totp = wd_pg_get_bool(row->r, row->row, 8);
    ret->disabled = wd_pg_get_bool(row->r, row->row, 9);
    ret->created_at = wd_pg_get_ts(row->r, row->row, 10);
    ret->verified_at = auth_row_end(row, 11);
    ret->last_login_at = auth_row_end(row, 12);
    ret->org_disabled = wd_pg_get_bool(row->r, row->row, 13);
    return row->rc;
}


int
auth_store_user_add(wd_pg_conn_t *c, auth_user_t *user,
                    const char *password_hash, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_text(user->email),
        auth_param_text(user->name),
        auth_param_text(wd_str_z(password_hash)),
        wd_pg_int(user->org_id),
        wd_pg_text(user->plan),
    };

    /* No row instead of a violated key tells an unknown plan apart. */
    rc = auth_exec_found(
        c,
        "INSERT INTO app_user (email, name, password_hash, password_at,"
        " org_id, plan)"
        " SELECT $1, $2, $3, CASE WHEN $3::text IS NOT NULL THEN now() END,"
        " $4, p.name FROM plan p WHERE p.name = $5"
        " RETURNING id, created_at",
        params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    user->id = wd_pg_get_int(r, 0, 0);
    user->created_at = wd_pg_get_ts(r, 0, 1);
    user->verified_at = user->last_login_at = WD_NS_MAX;
    PQclear(r);
    return WD_OK;
}


int
auth_store_user(wd_pg_conn_t *c, int64_t id, wd_pool_t *pool, auth_user_t *ret,
                wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(id);

    return auth_select_one(c, AUTH_USER_SELECT " AND u.id = $1", &param, 1,
                           pool, auth_get_user, ret, err);
}


int
auth_store_user_by_email(wd_pg_conn_t *c, int64_t org_id, wd_str_t email,
                         wd_pool_t *pool, auth_user_t *ret, wd_error_t *err)
{
    const wd_pg_param_t params[] = {wd_pg_int(org_id), wd_pg_text(email)};

    return auth_select_one(
        c, AUTH_USER_SELECT " AND u.org_id = $1 AND lower(u.email) = lower($2)",
        params, wd_array_len(params), pool, auth_get_user, ret, err);
}


int
auth_store_user_hold(wd_pg_conn_t *c, int64_t id, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(id);

    return auth_exec_found(c,
                           "SELECT id FROM app_user WHERE id = $1"
                           " AND deleted_at IS NULL FOR SHARE",
                           &param, 1, NULL, err);
}


int
auth_store_users(wd_pg_conn_t *c, const auth_user_filter_t *f, wd_pool_t *pool,
                 auth_user_t **ret, size_t *ret_n, wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t params[] = {
        wd_pg_int(f->org_id),     auth_param_text(f->q),
        auth_param_text(f->role), auth_param_bool(f->disabled),
        wd_pg_int(f->after),      wd_pg_int(f->limit),
    };

    rc = auth_select(
        c,
        AUTH_USER_SELECT
        " AND u.org_id = $1"
        " AND ($2::text IS NULL OR strpos(lower(u.email), lower($2)) > 0"
        " OR strpos(lower(u.name), lower($2)) > 0)"
        " AND ($3::text IS NULL OR EXISTS (SELECT FROM user_role x"
        " JOIN role r ON r.id = x.role_id"
        " WHERE x.user_id = u.id AND r.name = $3))"
        " AND ($4::text IS NULL OR u.disabled = $4::boolean)"
        " AND u.id > $5 ORDER BY u.id LIMIT $6",
        params, wd_array_len(params), pool, auth_get_user, sizeof(**ret), &rows,
        err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_user_update(wd_pg_conn_t *c, int64_t id, wd_str_t name,
                       wd_str_t email, wd_str_t plan, const bool *disabled,
                       wd_error_t *err)
{
    int                 rc;
    bool                has_plan;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_int(id),
        auth_param_text(name),
        auth_param_text(email),
        auth_param_text(plan),
        auth_param_bool(disabled),
    };

    rc = auth_exec_found(
        c,
        /* What was sent to another address is for nobody any more. */
        "WITH gone AS (DELETE FROM one_time_token WHERE user_id = $1"
        " AND EXISTS (SELECT FROM app_user o WHERE o.id = $1"
        " AND lower(o.email) <> lower($3)))"
        " UPDATE app_user u SET name = coalesce($2, u.name),"
        " verified_at = CASE WHEN lower($3) <> lower(u.email) THEN NULL"
        " ELSE u.verified_at END,"
        " email = coalesce($3, u.email),"
        " plan = coalesce((SELECT p.name FROM plan p WHERE p.name = $4),"
        " u.plan),"
        " disabled = coalesce($5::boolean, u.disabled)"
        " WHERE u.id = $1 AND u.deleted_at IS NULL"
        " RETURNING $4::text IS NULL OR u.plan = $4",
        params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    has_plan = wd_pg_get_bool(r, 0, 0);
    PQclear(r);
    return has_plan ? WD_OK : wd_error(err, WD_EPARAM, "no such plan");
}


int
auth_store_user_roles(wd_pg_conn_t *c, int64_t id, const int64_t *roles,
                      size_t n, wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t params[] = {wd_pg_int(id), wd_pg_ints(roles, n)};

    rc = wd_pg_exec(c,
                    "DELETE FROM user_role WHERE user_id = $1"
                    " AND role_id <> ALL($2)",
                    params, wd_array_len(params), NULL, err);
    if (rc != WD_OK) {
        return rc;
    }
    /* Whoever has a token with which to choose the password was let act on
     * the user as it was, not on one who may do more. */
    return wd_pg_exec(c,
                      "WITH added AS (INSERT INTO user_role (user_id, role_id)"
                      " SELECT $1, x FROM unnest($2) x"
                      " ON CONFLICT DO NOTHING RETURNING user_id)"
                      " DELETE FROM one_time_token WHERE user_id = $1"
                      " AND kind <> 'verify' AND EXISTS (SELECT FROM added)",
                      params, wd_array_len(params), NULL, err);
}


int
auth_store_user_delete(wd_pg_conn_t *c, int64_t id, wd_error_t *err)
{
    int                 rc;
    size_t              i;
    const wd_pg_param_t param = wd_pg_int(id);

    static const char *const also[] = {
        ("UPDATE api_key SET revoked_at = now()"
         " WHERE user_id = $1 AND revoked_at IS NULL"),
        "DELETE FROM user_role WHERE user_id = $1",
        "DELETE FROM one_time_token WHERE user_id = $1",
        "DELETE FROM recovery_code WHERE user_id = $1",
    };

    rc = auth_exec_found(c,
                         "UPDATE app_user SET deleted_at = now(),"
                         " disabled = true, email = 'deleted:' || id,"
                         " name = NULL, plan = 'default', password_hash = NULL,"
                         " password_at = NULL, verified_at = NULL,"
                         " totp_secret = NULL, totp_at = NULL"
                         " WHERE id = $1 AND deleted_at IS NULL RETURNING id",
                         &param, 1, NULL, err);
    for (i = 0; rc == WD_OK && i < wd_array_len(also); i++) {
        rc = wd_pg_exec(c, also[i], &param, 1, NULL, err);
    }
    return rc;
}


/* ---- rights ------------------------------------------------------------- */

int
auth_rights_read(auth_row_t *row, int col, auth_rights_t *ret)
{
    int       rc;
    size_t    n_roles, n_ceiling;
    wd_str_t *roles, *ceiling;

    auth_row_words(row, col, AUTH_ROLES_MAX * AUTH_ROLE_PERMS_MAX, &roles,
                   &n_roles);
    auth_row_words(row, col + 1, AUTH_CEILING_MAX, &ceiling, &n_ceiling);
    if (row->rc != WD_OK) {
        return row->rc;
    }

    rc = wd_perms_init(&ret->roles, row->pool,
                       AUTH_ROLES_MAX * AUTH_ROLE_PERMS_MAX);
    if (rc == WD_OK) {
        rc = wd_perms_init(&ret->ceiling, row->pool, AUTH_CEILING_MAX);
    }
    if (rc == WD_OK) {
        rc = wd_perms_init(&ret->perms, row->pool, WD_PERMS_MAX);
    }
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&ret->roles, roles, n_roles);
    }
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&ret->ceiling, ceiling, n_ceiling);
    }
    return rc == WD_OK
               ? wd_perms_add_meet(&ret->perms, &ret->roles, &ret->ceiling)
               : rc;
}


static int
auth_get_rights(auth_row_t *row, void *arg)
{
    auth_rights_t *ret = arg;

    ret->org_id = wd_pg_get_int(row->r, row->row, 0);
    ret->plan = auth_row_str(row, 1);
    ret->disabled = wd_pg_get_bool(row->r, row->row, 2);
    ret->now = wd_pg_get_ts(row->r, row->row, 5);
    return auth_rights_read(row, 3, ret);
}


int
auth_store_rights(wd_pg_conn_t *c, int64_t user_id, wd_pool_t *pool,
                  auth_rights_t *ret, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(user_id);

    return auth_select_one(
        c,
        "SELECT u.org_id, u.plan, u.disabled OR "
        "o.disabled, " AUTH_RIGHTS_COLUMNS
        ", clock_timestamp() FROM app_user u JOIN org o ON o.id = u.org_id"
        " WHERE u.id = $1 AND u.deleted_at IS NULL",
        &param, 1, pool, auth_get_rights, ret, err);
}
