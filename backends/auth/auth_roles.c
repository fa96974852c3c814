/*
 * auth_roles.c - roles, scopes and organisations.
 */
#include "auth_answer.h"
#include "auth_audit.h"
#include "auth_check.h"
#include "auth_service.h"
#include "auth_store_roles.h"

#define AUTH_ROLE_NAME_MAX 64

static const wd_col_t auth_role_cols[] = {
    {"name", WD_COL_STR},        {"built_in", WD_COL_BOOL},
    {"description", WD_COL_STR}, {"permissions", WD_COL_LIST},
    {"users", WD_COL_INT},       {"updated_at", WD_COL_TIME},
};

static const wd_col_t auth_org_cols[] = {
    {"id", WD_COL_INT},          {"name", WD_COL_STR},
    {"title", WD_COL_STR},       {"permissions", WD_COL_LIST},
    {"disabled", WD_COL_BOOL},   {"users", WD_COL_INT},
    {"created_at", WD_COL_TIME},
};


static void
auth_put_role(wd_rows_t *rows, const auth_role_t *r)
{
    wd_rows_row(rows);
    wd_rows_str(rows, r->name);
    wd_rows_bool(rows, r->org_id == 0);
    wd_rows_str(rows, r->description);
    wd_rows_list(rows, r->perms, r->n_perms);
    wd_rows_int(rows, r->users);
    wd_rows_time(rows, r->updated_at);
}


/* ---- roles.list --------------------------------------------------------- */

int
auth_roles_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    size_t       i, n;
    int64_t      org_id;
    wd_rows_t    rows;
    wd_error_t   err;
    auth_role_t *roles;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_actor_org(call, res, &actor, "orgs:read", &org_id);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_roles(call->pg, org_id, call->pool, &roles, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    wd_rows_begin_as(&rows, &res->body, call->ctx.format, "roles",
                     auth_role_cols, wd_array_len(auth_role_cols));
    for (i = 0; i < n; i++) {
        auth_put_role(&rows, &roles[i]);
    }
    wd_rows_end(&rows);
    wd_rows_finish(&rows);
    return WD_OK;
}


/* ---- roles.set and roles.delete ----------------------------------------- */

/* In a role a wildcard stands at the end: bars:*, or * alone. */
static bool
auth_role_perm_valid(wd_str_t perm)
{
    return !wd_str_starts(perm, "*:") && wd_perm_valid(perm);
}


static int
auth_role_args(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_role_t *role,
               wd_perms_t *perms)
{
    int    rc;
    size_t i;

    rc = auth_arg_name(call, res, "name", AUTH_ROLE_NAME_MAX, &role->name);
    if (rc == WD_OK) {
        rc = auth_arg_perms(call, res, "permissions", perms);
    }
    if (rc == WD_OK && perms->n == 0) {
        rc = wd_rpc_fail_param(res, "permissions", "permissions is required");
    }
    for (i = 0; rc == WD_OK && i < perms->n; i++) {
        if (!auth_role_perm_valid(perms->v[i])) {
            rc = wd_rpc_fail_param(res, "permissions",
                                   "permissions of a role have their wildcard "
                                   "at the end: bars:*, or * alone");
        }
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "description", AUTH_DESCRIPTION_MAX,
                           &role->description);
    }
    role->perms = perms->v;
    role->n_perms = perms->n;
    return rc;
}


static void
auth_note_role(const wd_rpc_call_t *call, auth_note_t *note, int64_t org_id,
               wd_str_t name, const wd_perms_t *perms)
{
    wd_buf_t  detail = WD_BUF_INIT;
    wd_json_t j;

    note->org_id = org_id;
    auth_note_name(call, note, "role", name);
    if (perms != NULL) {
        wd_json_init(&j, &detail);
        wd_json_obj(&j);
        auth_json_strs(&j, "permissions", perms->v, perms->n);
        wd_json_end(&j);
        auth_note_detail(call, note, &detail);
    }
}


/* With memory that is given back: there may be many to look at. */
static int
auth_user_fits(wd_pg_conn_t *c, int64_t user_id, wd_error_t *err)
{
    int           rc;
    wd_pool_t    *pool = wd_pool_create(16384);
    auth_rights_t rights;

    if (pool == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }
    rc = auth_store_rights(c, user_id, pool, &rights, err);
    wd_pool_destroy(pool);
    return rc;
}


/*
 * Nobody may end up with more permissions than can be told of: `users` are
 * one of each mix of roles that changes.
 */
static int
auth_users_fit(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const int64_t *users, size_t n)
{
    int        rc = WD_OK;
    size_t     i;
    int64_t    user = 0;
    wd_error_t err;

    for (i = 0; rc == WD_OK && i < n; i++) {
        user = users[i];
        rc = wd_monotonic() < call->deadline
                 ? auth_user_fits(call->pg, user, &err)
                 : wd_error(&err, WD_ETIMEOUT, "too many mixes of roles");
    }

    if (rc == WD_ETOOBIG) {
        return wd_rpc_fail_param(res, "permissions",
                                 "permissions make user %lld have more than "
                                 "%d, with the roles that they have",
                                 (long long) user, WD_PERMS_MAX);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


static int
auth_role_fits(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t role_id)
{
    int        rc;
    size_t     n = 0;
    int64_t   *users = NULL;
    wd_error_t err;

    rc = auth_store_role_mixes(call->pg, role_id, call->pool, &users, &n, &err);
    return rc == WD_OK ? auth_users_fit(call, res, users, n)
                       : auth_fail_store(call, res, rc, &err);
}


static int
auth_org_fits(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t org_id)
{
    int        rc;
    size_t     n = 0;
    int64_t   *users = NULL;
    wd_error_t err;

    rc = auth_store_org_mixes(call->pg, org_id, call->pool, &users, &n, &err);
    return rc == WD_OK ? auth_users_fit(call, res, users, n)
                       : auth_fail_store(call, res, rc, &err);
}


/*
 * The role as it is may have what the actor lacks: then it is not theirs to
 * change, or they would take it from others.
 */
static int
auth_role_over(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const auth_actor_t *actor, int64_t org_id, wd_str_t name)
{
    int         rc;
    wd_error_t  err = {0};
    wd_perms_t  perms;
    auth_role_t now;

    rc = auth_store_role(call->pg, org_id, name, call->pool, &now, &err);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc == WD_OK) {
        rc = wd_perms_init(&perms, call->pool, AUTH_ROLE_PERMS_MAX);
    }
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&perms, now.perms, now.n_perms);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    return wd_perms_cover_all(&actor->perms, &perms)
               ? WD_OK
               : wd_rpc_fail(res, WD_EFORBIDDEN,
                             "the role permits what you may not do");
}


static int
auth_role_commit(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const auth_actor_t *actor, auth_role_t *role,
                 const wd_perms_t *perms)
{
    int         rc;
    bool        made;
    wd_error_t  err;
    auth_note_t note = {.action = "roles.set"};

    rc = auth_role_over(call, res, actor, role->org_id, role->name);
    if (rc != WD_OK) {
        return rc;
    }
    rc = auth_store_role_set(call->pg, role, &made, &err);
    if (rc == WD_EEXIST) {
        return wd_rpc_fail(res, rc, "a role of this name is built in");
    }
    if (rc == WD_ETOOBIG) {
        return wd_rpc_fail(res, WD_EEXIST,
                           "the organisation has %d roles: delete one first",
                           AUTH_ORG_ROLES_MAX);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    rc = auth_role_fits(call, res, role->id);
    if (rc != WD_OK) {
        return rc;
    }
    auth_note_role(call, &note, role->org_id, role->name, perms);
    rc = auth_audit_commit(call, &note, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    wd_log_info(call->log, made ? "role made" : "role changed", "request",
                call->ctx.id, "role", role->name, "by", call->ctx.principal);
    return WD_OK;
}


int
auth_roles_set(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    wd_rows_t    rows;
    wd_error_t   err;
    wd_perms_t   perms;
    auth_role_t  role = {.org_id = 0};
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_actor_org(call, res, &actor, "orgs:write", &role.org_id);
    }
    if (rc == WD_OK) {
        rc = auth_role_args(call, res, &role, &perms);
    }
    if (rc == WD_OK) {
        rc = auth_actor_hands_on(&actor, res, &perms);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_role_commit(call, res, &actor, &role, &perms);
    if (rc == WD_OK) {
        wd_rows_single(&rows, &res->body, call->ctx.format, auth_role_cols,
                       wd_array_len(auth_role_cols));
        auth_put_role(&rows, &role);
    }
    return rc;
}


static int
auth_role_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const auth_actor_t *actor, int64_t org_id, wd_str_t name)
{
    int         rc;
    int64_t     id;
    wd_error_t  err;
    auth_note_t note = {.action = "roles.delete"};

    rc = auth_role_over(call, res, actor, org_id, name);
    if (rc != WD_OK) {
        return rc;
    }
    rc = auth_store_role_delete(call->pg, org_id, name, &id, &err);
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail(res, rc, "the organisation has no role %.*s",
                           WD_STR_ARG(name));
    }
    if (rc == WD_EEXIST) {
        return wd_rpc_fail(res, rc,
                           "somebody has the role: take it from them "
                           "first");
    }
    if (rc == WD_OK) {
        auth_note_role(call, &note, org_id, name, NULL);
        rc = auth_audit_commit(call, &note, &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_roles_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    int64_t      org_id;
    wd_str_t     name;
    wd_json_t    j;
    wd_error_t   err;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_actor_org(call, res, &actor, "orgs:write", &org_id);
    }
    if (rc == WD_OK) {
        rc = auth_arg_name(call, res, "name", AUTH_ROLE_NAME_MAX, &name);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_role_delete(call, res, &actor, org_id, name);
    if (rc == WD_OK) {
        wd_json_init(&j, &res->body);
        wd_json_obj(&j);
        auth_json_str(&j, "name", name);
        auth_json_bool(&j, "deleted", true);
        wd_json_end(&j);
    }
    return rc;
}


/* ---- scopes.list -------------------------------------------------------- */

static void
auth_put_aliases(wd_json_t *j, const char *name, const char *means,
                 const auth_alias_t *v, size_t n)
{
    size_t i;

    wd_json_key(j, name);
    wd_json_arr(j);
    for (i = 0; i < n; i++) {
        wd_json_obj(j);
        auth_json_str(j, "name", v[i].name);
        auth_json_str(j, "description", v[i].description);
        auth_json_strs(j, means, v[i].means, v[i].n_means);
        wd_json_end(j);
    }
    wd_json_end(j);
}


int
auth_scopes_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    size_t        n_scopes, n_products;
    wd_json_t     j;
    wd_error_t    err;
    auth_alias_t *scopes, *products;

    rc = auth_store_scopes(call->pg, call->pool, &scopes, &n_scopes, &err);
    if (rc == WD_OK) {
        rc = auth_store_products(call->pg, call->pool, &products, &n_products,
                                 &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_put_aliases(&j, "scopes", "permissions", scopes, n_scopes);
    auth_put_aliases(&j, "products", "scopes", products, n_products);
    wd_json_end(&j);
    return WD_OK;
}


/* ---- organisations ------------------------------------------------------ */

static void
auth_put_org(wd_rows_t *rows, const auth_org_t *o)
{
    wd_rows_row(rows);
    wd_rows_int(rows, o->id);
    wd_rows_str(rows, o->name);
    wd_rows_str(rows, o->title);
    wd_rows_list(rows, o->ceiling, o->n_ceiling);
    wd_rows_bool(rows, o->disabled);
    wd_rows_int(rows, o->users);
    wd_rows_time(rows, o->created_at);
}


int
auth_orgs_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    size_t       i, n;
    int64_t      only;
    wd_error_t   err;
    auth_page_t  page;
    auth_org_t  *orgs;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK && actor.kind == AUTH_ACTOR_OTHER) {
        rc = wd_rpc_fail(res, WD_EFORBIDDEN,
                         "you belong to no organisation here");
    }
    if (rc == WD_OK) {
        rc = auth_page_begin(&page, call, res, "orgs", auth_org_cols,
                             wd_array_len(auth_org_cols));
    }
    if (rc != WD_OK) {
        return rc;
    }

    /* -1 is nobody's: who reaches it reaches all. */
    only = auth_actor_reaches(&actor, -1, "orgs:read") ? 0 : actor.org_id;
    rc = auth_store_orgs(call->pg, only, page.after, page.limit + 1, call->pool,
                         &orgs, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    for (i = 0; i < n; i++) {
        if (auth_page_row(&page, orgs[i].id)) {
            auth_put_org(&page.rows, &orgs[i]);
        }
    }
    auth_page_end(&page, res);
    return WD_OK;
}


static bool
auth_org_name_valid(wd_str_t name)
{
    size_t i;

    for (i = 0; i < name.len; i++) {
        if (!((name.data[i] >= 'a' && name.data[i] <= 'z')
              || (name.data[i] >= '0' && name.data[i] <= '9')
              || (name.data[i] == '-' && i != 0))) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= AUTH_ORG_NAME_MAX;
}


static int
auth_org_args(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_org_t *org,
              bool *disable, const bool **ret_disabled)
{
    int        rc;
    wd_perms_t ceiling;

    if (wd_rpc_arg_str(call, "name", &org->name) != WD_OK
        || !auth_org_name_valid(org->name)) {
        return wd_rpc_fail_param(res, "name",
                                 "name must be 1 to %d lower-case letters, "
                                 "digits and -, not first",
                                 AUTH_ORG_NAME_MAX);
    }
    rc = auth_arg_text(call, res, "title", AUTH_NAME_MAX, &org->title);
    if (rc == WD_OK) {
        rc = auth_arg_perms(call, res, "permissions", &ceiling);
    }
    if (rc == WD_OK) {
        rc = auth_arg_bool(call, res, "disabled", disable, ret_disabled);
    }
    if (rc != WD_OK) {
        return rc;
    }

    org->ceiling = ceiling.v;
    org->n_ceiling = ceiling.n;
    if (wd_str_eq_z(org->name, "main") && (ceiling.n != 0 || *disable)) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "the platform's own organisation is neither "
                           "disabled nor limited");
    }
    return WD_OK;
}


/*
 * Whoever is in the organisation with the role admin has all that the ceiling
 * permits: raising it hands on. What stands in it already may stay.
 */
static int
auth_org_raised(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                const auth_actor_t *actor, const auth_org_t *org)
{
    int         rc;
    size_t      i, n = 0;
    int64_t     id;
    wd_error_t  err = {0};
    auth_org_t *now;
    wd_perms_t  stands, added;

    if (org->n_ceiling == 0) {
        return WD_OK;
    }
    rc = wd_perms_init(&stands, call->pool, AUTH_CEILING_MAX);
    if (rc == WD_OK) {
        rc = wd_perms_init(&added, call->pool, AUTH_CEILING_MAX);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_org_lock(call->pg, org->name, &id, &err);
    if (rc == WD_OK) {
        rc = auth_store_orgs(call->pg, id, 0, 1, call->pool, &now, &n, &err);
    } else if (rc == WD_ENOTFOUND) {
        rc = WD_OK;
    }
    if (rc == WD_OK && n != 0) {
        rc = wd_perms_add_all(&stands, now->ceiling, now->n_ceiling);
    }
    for (i = 0; rc == WD_OK && i < org->n_ceiling; i++) {
        if (!wd_perms_cover(&stands, org->ceiling[i])) {
            rc = wd_perms_add(&added, org->ceiling[i]);
        }
    }
    return rc == WD_OK ? auth_actor_hands_on(actor, res, &added)
                       : auth_fail_store(call, res, rc, &err);
}


/* As it is now. */
static void
auth_note_org(const wd_rpc_call_t *call, auth_note_t *note,
              char subject[AUTH_SUBJECT_MAX], const auth_org_t *org)
{
    wd_buf_t  detail = WD_BUF_INIT;
    wd_json_t j;

    note->org_id = org->id;
    note->subject = auth_subject(subject, "org", org->id);
    wd_json_init(&j, &detail);
    wd_json_obj(&j);
    auth_json_str(&j, "name", org->name);
    auth_json_strs(&j, "permissions", org->ceiling, org->n_ceiling);
    auth_json_bool(&j, "disabled", org->disabled);
    wd_json_end(&j);
    auth_note_detail(call, note, &detail);
}


int
auth_orgs_set(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    bool         made, disable = false;
    char         subject[AUTH_SUBJECT_MAX];
    wd_rows_t    rows;
    wd_error_t   err;
    auth_org_t   org = {.id = 0};
    auth_note_t  note = {.action = "orgs.set"};
    const bool  *disabled;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK && !auth_actor_reaches(&actor, -1, "orgs:write")) {
        rc = wd_rpc_fail(res, WD_EFORBIDDEN,
                         "organisations are made from the platform's own");
    }
    if (rc == WD_OK) {
        rc = auth_org_args(call, res, &org, &disable, &disabled);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_org_raised(call, res, &actor, &org);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_org_set(call->pg, &org, disabled, call->pool, &made, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_org_fits(call, res, org.id);
    if (rc != WD_OK) {
        return rc;
    }
    auth_note_org(call, &note, subject, &org);
    rc = auth_audit_commit(call, &note, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_log_info(call->log, made ? "organisation made" : "organisation changed",
                "request", call->ctx.id, "org", org.name, "by",
                call->ctx.principal);
    wd_rows_single(&rows, &res->body, call->ctx.format, auth_org_cols,
                   wd_array_len(auth_org_cols));
    auth_put_org(&rows, &org);
    return WD_OK;
}
