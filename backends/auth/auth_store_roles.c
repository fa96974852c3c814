/*
 * auth_store_roles.c - the SQL of roles, scopes, products and organisations.
 */
#include "auth_store_roles.h"

#define AUTH_ROLE_SELECT                                                   \
    "SELECT r.id, coalesce(r.org_id, 0), r.name, r.description,"           \
    " array_to_string(r.permissions, ' '), (SELECT count(*)"               \
    " FROM user_role x JOIN app_user u ON u.id = x.user_id"                \
    " WHERE x.role_id = r.id AND ($1 = 0 OR u.org_id = $1)), r.updated_at" \
    " FROM role r"


static int
auth_get_role(auth_row_t *row, void *arg)
{
    auth_role_t *ret = arg;

    ret->id = wd_pg_get_int(row->r, row->row, 0);
    ret->org_id = wd_pg_get_int(row->r, row->row, 1);
    ret->name = auth_row_str(row, 2);
    ret->description = auth_row_str(row, 3);
    auth_row_words(row, 4, AUTH_ROLE_PERMS_MAX, &ret->perms, &ret->n_perms);
    ret->users = wd_pg_get_int(row->r, row->row, 5);
    ret->updated_at = wd_pg_get_ts(row->r, row->row, 6);
    return row->rc;
}


int
auth_store_roles(wd_pg_conn_t *c, int64_t org_id, wd_pool_t *pool,
                 auth_role_t **ret, size_t *ret_n, wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t param = wd_pg_int(org_id);

    rc = auth_select(c,
                     AUTH_ROLE_SELECT
                     " WHERE $1 = 0 OR r.org_id IS NULL OR r.org_id = $1"
                     " ORDER BY r.org_id NULLS FIRST, r.name",
                     &param, 1, pool, auth_get_role, sizeof(**ret), &rows, err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_role(wd_pg_conn_t *c, int64_t org_id, wd_str_t name, wd_pool_t *pool,
                auth_role_t *ret, wd_error_t *err)
{
    const wd_pg_param_t params[] = {wd_pg_int(org_id), wd_pg_text(name)};

    return auth_select_one(
        c,
        AUTH_ROLE_SELECT " WHERE (r.org_id IS NULL OR r.org_id = $1)"
                         " AND r.name = $2 FOR KEY SHARE OF r",
        params, wd_array_len(params), pool, auth_get_role, ret, err);
}


int
auth_store_role_set(wd_pg_conn_t *c, auth_role_t *role, bool *ret_made,
                    wd_error_t *err)
{
    int                 rc;
    int64_t             others;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_int(role->org_id),
        wd_pg_text(role->name),
        auth_param_text(role->description),
        wd_pg_texts(role->perms, role->n_perms),
    };

    rc = auth_exec_found(
        c,
        "INSERT INTO role AS r (org_id, name, description, permissions)"
        " SELECT $1, $2, $3, $4"
        " WHERE NOT EXISTS (SELECT FROM role b"
        " WHERE b.org_id IS NULL AND b.name = $2)"
        " ON CONFLICT (org_id, name) DO UPDATE"
        " SET permissions = excluded.permissions,"
        " description = coalesce(excluded.description, r.description),"
        " updated_at = now()"
        " RETURNING r.id, r.updated_at, r.xmax = 0, (SELECT count(*)"
        " FROM user_role x WHERE x.role_id = r.id),"
        " (SELECT count(*) FROM role o WHERE o.org_id = $1)",
        params, wd_array_len(params), &r, err);
    if (rc == WD_ENOTFOUND) {
        return wd_error(err, WD_EEXIST, "a role that is built in");
    }
    if (rc != WD_OK) {
        return rc;
    }

    role->id = wd_pg_get_int(r, 0, 0);
    role->updated_at = wd_pg_get_ts(r, 0, 1);
    *ret_made = wd_pg_get_bool(r, 0, 2);
    role->users = wd_pg_get_int(r, 0, 3);
    others = wd_pg_get_int(r, 0, 4); /* as before this statement */
    PQclear(r);
    return *ret_made && others >= AUTH_ORG_ROLES_MAX
               ? wd_error(err, WD_ETOOBIG, "too many roles")
               : WD_OK;
}


int
auth_store_role_delete(wd_pg_conn_t *c, int64_t org_id, wd_str_t name,
                       int64_t *ret_id, wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t params[] = {wd_pg_int(org_id), wd_pg_text(name)};

    /* Who gives it to somebody holds a lock that this one waits for. */
    rc = auth_exec_int(c,
                       "SELECT id FROM role WHERE org_id = $1 AND name = $2"
                       " FOR UPDATE",
                       params, wd_array_len(params), ret_id, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_exec_found(c,
                         "DELETE FROM role WHERE org_id = $1 AND name = $2"
                         " AND NOT EXISTS (SELECT FROM user_role x"
                         " WHERE x.role_id = role.id) RETURNING id",
                         params, wd_array_len(params), NULL, err);
    return rc == WD_ENOTFOUND ? wd_error(err, WD_EEXIST, "somebody has it")
                              : rc;
}


static int
auth_get_id(auth_row_t *row, void *arg)
{
    *(int64_t *) arg = wd_pg_get_int(row->r, row->row, 0);
    return WD_OK;
}


/* A user of each mix of roles that `sql` finds. */
static int
auth_store_mixes(wd_pg_conn_t *c, const char *sql, int64_t id, wd_pool_t *pool,
                 int64_t **ret, size_t *ret_n, wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t param = wd_pg_int(id);

    rc = auth_select(c, sql, &param, 1, pool, auth_get_id, sizeof(**ret), &rows,
                     err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_role_mixes(wd_pg_conn_t *c, int64_t role_id, wd_pool_t *pool,
                      int64_t **ret, size_t *ret_n, wd_error_t *err)
{
    return auth_store_mixes(c,
                            "SELECT min(m.user_id) FROM (SELECT x.user_id,"
                            " array_agg(x.role_id ORDER BY x.role_id) roles"
                            " FROM user_role o JOIN user_role x USING (user_id)"
                            " WHERE o.role_id = $1 GROUP BY x.user_id) m"
                            " WHERE cardinality(m.roles) > 1 GROUP BY m.roles"
                            " ORDER BY 1",
                            role_id, pool, ret, ret_n, err);
}


int
auth_store_org_mixes(wd_pg_conn_t *c, int64_t org_id, wd_pool_t *pool,
                     int64_t **ret, size_t *ret_n, wd_error_t *err)
{
    return auth_store_mixes(c,
                            "SELECT min(m.user_id) FROM (SELECT x.user_id,"
                            " array_agg(x.role_id ORDER BY x.role_id) roles"
                            " FROM app_user u JOIN user_role x"
                            " ON x.user_id = u.id"
                            " WHERE u.org_id = $1 GROUP BY x.user_id) m"
                            " GROUP BY m.roles ORDER BY 1",
                            org_id, pool, ret, ret_n, err);
}


/* ---- scopes and products ------------------------------------------------ */

static int
auth_get_alias(auth_row_t *row, void *arg)
{
    auth_alias_t *ret = arg;

    ret->name = auth_row_str(row, 0);
    ret->description = auth_row_str(row, 1);
    auth_row_words(row, 2, WD_PERMS_MAX, &ret->means, &ret->n_means);
    return row->rc;
}


static int
auth_store_aliases(wd_pg_conn_t *c, const char *sql, wd_pool_t *pool,
                   auth_alias_t **ret, size_t *ret_n, wd_error_t *err)
{
    int         rc;
    auth_rows_t rows;

    rc = auth_select(c, sql, NULL, 0, pool, auth_get_alias, sizeof(**ret),
                     &rows, err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_scopes(wd_pg_conn_t *c, wd_pool_t *pool, auth_alias_t **ret,
                  size_t *ret_n, wd_error_t *err)
{
    return auth_store_aliases(c,
                              "SELECT name, description,"
                              " array_to_string(permissions, ' ')"
                              " FROM scope ORDER BY name",
                              pool, ret, ret_n, err);
}


int
auth_store_products(wd_pg_conn_t *c, wd_pool_t *pool, auth_alias_t **ret,
                    size_t *ret_n, wd_error_t *err)
{
    return auth_store_aliases(c,
                              "SELECT name, description,"
                              " array_to_string(scopes, ' ')"
                              " FROM product ORDER BY name",
                              pool, ret, ret_n, err);
}


/* ---- organisations ------------------------------------------------------ */

#define AUTH_ORG_COLUMNS                                                  \
    "o.id, o.name, o.title, array_to_string(o.ceiling, ' '), o.disabled," \
    " (SELECT count(*) FROM app_user u"                                   \
    " WHERE u.org_id = o.id AND u.deleted_at IS NULL), o.created_at"


static int
auth_get_org(auth_row_t *row, void *arg)
{
    auth_org_t *ret = arg;

    ret->id = wd_pg_get_int(row->r, row->row, 0);
    ret->name = auth_row_str(row, 1);
    ret->title = auth_row_str(row, 2);
    auth_row_words(row, 3, AUTH_CEILING_MAX, &ret->ceiling, &ret->n_ceiling);
    ret->disabled = wd_pg_get_bool(row->r, row->row, 4);
    ret->users = wd_pg_get_int(row->r, row->row, 5);
    ret->created_at = wd_pg_get_ts(row->r, row->row, 6);
    return row->rc;
}


int
auth_store_orgs(wd_pg_conn_t *c, int64_t only, int64_t after, int64_t limit,
                wd_pool_t *pool, auth_org_t **ret, size_t *ret_n,
                wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t params[] = {
        wd_pg_int(only),
        wd_pg_int(after),
        wd_pg_int(limit),
    };

    rc = auth_select(c,
                     "SELECT " AUTH_ORG_COLUMNS " FROM org o"
                     " WHERE ($1 = 0 OR o.id = $1) AND o.id > $2"
                     " ORDER BY o.id LIMIT $3",
                     params, wd_array_len(params), pool, auth_get_org,
                     sizeof(**ret), &rows, err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_org_find(wd_pg_conn_t *c, wd_str_t name, int64_t *ret_id,
                    wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_text(name);

    return auth_exec_int(c, "SELECT id FROM org WHERE name = $1", &param, 1,
                         ret_id, err);
}


int
auth_store_org_lock(wd_pg_conn_t *c, wd_str_t name, int64_t *ret_id,
                    wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_text(name);

    return auth_exec_int(c,
                         "SELECT id FROM org WHERE name = $1"
                         " FOR NO KEY UPDATE",
                         &param, 1, ret_id, err);
}


/*
 * What a tenant may have at the most, unless told otherwise: the data, and
 * its own users, keys, roles, usage and trail; not what tells of the platform.
 */
#define AUTH_ORG_CEILING                                                   \
    "'{account:write,audit:read,backtests:*,bars:read,calendars:read,"     \
    "corporate-actions:read,esg:read,events:read,fx:read,indicators:read," \
    "ingest:write,insights:*,instruments:read,keys:*,macro:read,models:*," \
    "news:read,orgs:read,plans:read,quality:read,quotes:read,reports:*,"   \
    "roles:*,screener:read,stream:read,usage:read,users:*}'"


int
auth_store_org_set(wd_pg_conn_t *c, auth_org_t *org, const bool *disabled,
                   wd_pool_t *pool, bool *ret_made, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    auth_row_t          row = {.pool = pool};
    const wd_pg_param_t params[] = {
        wd_pg_text(org->name),
        auth_param_text(org->title),
        auth_param_texts(org->ceiling, org->n_ceiling),
        auth_param_bool(disabled),
    };

    rc = auth_exec_found(
        c,
        "INSERT INTO org AS o (name, title, ceiling, disabled)"
        " VALUES ($1, $2, coalesce($3, " AUTH_ORG_CEILING "::text[]),"
        " coalesce($4::boolean, false))"
        " ON CONFLICT (name) DO UPDATE"
        " SET title = coalesce($2, o.title), ceiling = coalesce($3, o.ceiling),"
        " disabled = coalesce($4::boolean, o.disabled)"
        " RETURNING " AUTH_ORG_COLUMNS ", o.xmax = 0",
        params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    row.r = r;
    rc = auth_get_org(&row, org);
    *ret_made = wd_pg_get_bool(r, 0, 7);
    PQclear(r);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "an organisation");
}
