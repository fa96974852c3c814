/*
 * auth_store_plans.c - the SQL of plans.
 */
#include "auth_store_plans.h"

#include "auth_store_row.h"


int
auth_store_plans(wd_pg_conn_t *c, auth_plan_pt fn, void *arg, wd_error_t *err)
{
    int         rc, i;
    PGresult   *r;
    auth_plan_t plan;

    rc = wd_pg_exec(c,
                    "SELECT name, limits, description, updated_at FROM plan"
                    " ORDER BY name COLLATE \"C\"",
                    NULL, 0, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < PQntuples(r); i++) {
        plan.name = wd_pg_get_str(r, i, 0);
        plan.limits = wd_pg_get_str(r, i, 1);
        plan.description = wd_pg_get_str(r, i, 2);
        plan.updated_at = wd_pg_get_ts(r, i, 3);
        fn(&plan, arg);
    }
    PQclear(r);
    return WD_OK;
}


int
auth_store_plan_set(wd_pg_conn_t *c, auth_plan_t *plan, bool *ret_made,
                    wd_error_t *err)
{
    int                 rc;
    int64_t             others;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_text(plan->name),
        wd_pg_text(plan->limits),
        auth_param_text(plan->description),
    };

    /* xmax is 0 in a row that nobody has changed yet. */
    rc = wd_pg_exec(c,
                    "INSERT INTO plan AS p (name, limits, description)"
                    " VALUES ($1, $2, coalesce($3, ''))"
                    " ON CONFLICT (name) DO UPDATE SET limits = $2,"
                    " description = coalesce($3, p.description),"
                    " updated_at = now()"
                    " RETURNING updated_at, xmax = 0,"
                    " (SELECT count(*) FROM plan)",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    plan->updated_at = wd_pg_get_ts(r, 0, 0);
    *ret_made = wd_pg_get_bool(r, 0, 1);
    others = wd_pg_get_int(r, 0, 2); /* as before this statement */
    PQclear(r);
    return *ret_made && others >= AUTH_PLANS_MAX
               ? wd_error(err, WD_ETOOBIG, "too many plans")
               : WD_OK;
}


int
auth_store_plan_delete(wd_pg_conn_t *c, wd_str_t name, wd_error_t *err)
{
    int                 rc;
    const wd_pg_param_t param = wd_pg_text(name);

    rc = auth_exec_found(c, "SELECT name FROM plan WHERE name = $1 FOR UPDATE",
                         &param, 1, NULL, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_exec_found(c,
                         "DELETE FROM plan p WHERE name = $1"
                         " AND NOT EXISTS (SELECT FROM app_user u"
                         " WHERE u.plan = p.name)"
                         " AND NOT EXISTS (SELECT FROM api_key k"
                         " WHERE k.plan = p.name) RETURNING name",
                         &param, 1, NULL, err);
    return rc == WD_ENOTFOUND ? wd_error(err, WD_EEXIST, "it is in use") : rc;
}
