/*
 * auth_users.c - users: made, invited, listed, changed, deleted.
 */
#include "auth_answer.h"
#include "auth_audit.h"
#include "auth_check.h"
#include "auth_password.h"
#include "auth_service.h"
#include "auth_store_roles.h"
#include "auth_store_sessions.h"

#include <sodium.h>

static const wd_col_t auth_user_cols[] = {
    {"id", WD_COL_INT},
    {"org", WD_COL_STR},
    {"email", WD_COL_STR},
    {"name", WD_COL_STR},
    {"roles", WD_COL_LIST},
    {"plan", WD_COL_STR},
    {"has_password", WD_COL_BOOL},
    {"second_factor", WD_COL_BOOL},
    {"disabled", WD_COL_BOOL},
    {"created_at", WD_COL_TIME},
    {"verified_at", WD_COL_TIME},
    {"last_login_at", WD_COL_TIME},
};


static void
auth_put_user(wd_rows_t *rows, const auth_user_t *u)
{
    static const wd_str_t none = {"", 0};

    wd_rows_row(rows);
    wd_rows_int(rows, u->id);
    wd_rows_str(rows, u->org);
    wd_rows_str(rows, u->email);
    wd_rows_str(rows, u->name);
    wd_rows_list(rows, u->n_roles != 0 ? u->roles : &none, u->n_roles);
    wd_rows_str(rows, u->plan);
    wd_rows_bool(rows, u->has_password);
    wd_rows_bool(rows, u->has_totp);
    wd_rows_bool(rows, u->disabled);
    wd_rows_time(rows, u->created_at);
    auth_rows_end_time(rows, u->verified_at);
    auth_rows_end_time(rows, u->last_login_at);
}


static void
auth_answer_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const auth_user_t *user)
{
    wd_rows_t rows;

    wd_rows_single(&rows, &res->body, call->ctx.format, auth_user_cols,
                   wd_array_len(auth_user_cols));
    auth_put_user(&rows, user);
}


/* As it is now, inside the transaction that changed it. */
static int
auth_answer_user_now(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                     wd_pg_conn_t *c, int64_t id, auth_user_t *ret)
{
    int        rc;
    wd_error_t err;

    rc = auth_store_user(c, id, call->pool, ret, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    auth_answer_user(call, res, ret);
    return WD_OK;
}


/* ---- roles that are given ----------------------------------------------- */

/*
 * The roles by their names: each there, and with nothing that the actor
 * lacks, as far as the organisation lets it count. *ret: their ids.
 */
static int
auth_arg_roles(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_pg_conn_t *c,
               const auth_actor_t *actor, int64_t org_id, const wd_str_t *names,
               size_t n, int64_t **ret)
{
    int         rc;
    size_t      i, n_orgs;
    wd_error_t  err;
    auth_org_t *org;
    wd_perms_t  roles, ceiling, perms;
    auth_role_t role;

    *ret = wd_pool_alloc(call->pool, (n + 1) * sizeof(**ret));
    rc = *ret != NULL ? wd_perms_init(&roles, call->pool,
                                      AUTH_ROLES_MAX * AUTH_ROLE_PERMS_MAX)
                      : WD_ENOMEM;
    for (i = 0; rc == WD_OK && i < n; i++) {
        rc = auth_store_role(c, org_id, names[i], call->pool, &role, &err);
        if (rc == WD_ENOTFOUND) {
            return wd_rpc_fail_param(res, "roles", "there is no role %.*s",
                                     WD_STR_ARG(names[i]));
        }
        if (rc != WD_OK) {
            return auth_fail_store(call, res, rc, &err);
        }
        (*ret)[i] = role.id;
        rc = wd_perms_add_all(&roles, role.perms, role.n_perms);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_orgs(c, org_id, 0, 1, call->pool, &org, &n_orgs, &err);
    if (rc != WD_OK || n_orgs == 0) {
        return auth_fail_store(call, res, rc != WD_OK ? rc : WD_ENOTFOUND,
                               &err);
    }
    rc = wd_perms_init(&ceiling, call->pool, AUTH_CEILING_MAX);
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&ceiling, org->ceiling, org->n_ceiling);
    }
    if (rc == WD_OK) {
        rc = wd_perms_init(&perms, call->pool, WD_PERMS_MAX);
    }
    if (rc == WD_OK) {
        rc = wd_perms_add_meet(&perms, &roles, &ceiling);
    }
    if (rc == WD_ETOOBIG) {
        return wd_rpc_fail_param(res, "roles",
                                 "roles have more than %d permissions together",
                                 WD_PERMS_MAX);
    }
    return rc == WD_OK ? auth_actor_hands_on(actor, res, &perms) : rc;
}


/* ---- users.create and users.invite -------------------------------------- */

typedef struct {
    auth_actor_t actor;
    auth_user_t  user;
    wd_str_t     password; /* .data NULL: none */
    wd_str_t    *roles;
    size_t       n_roles;
    char         hash[AUTH_PASSWORD_HASH_MAX];
} auth_new_user_t;


static int
auth_new_user_args(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   auth_new_user_t *n)
{
    int             rc;
    wd_error_t      err;
    static wd_str_t reader[] = {{"reader", 6}};

    rc = wd_rpc_arg_str(call, "email", &n->user.email);
    if (rc != WD_OK || !auth_email_valid(n->user.email)) {
        return wd_rpc_fail_param(res, "email",
                                 "email must be an address: local@domain");
    }

    rc = auth_arg_text(call, res, "name", AUTH_NAME_MAX, &n->user.name);
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "plan", WD_PLAN_MAX, &n->user.plan);
    }
    if (rc == WD_OK) {
        rc = auth_arg_texts(call, res, "roles", AUTH_ROLES_MAX, &n->roles,
                            &n->n_roles);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (n->roles == NULL) {
        n->roles = reader;
        n->n_roles = wd_array_len(reader);
    }
    if (n->user.plan.data == NULL) {
        n->user.plan = WD_STR("default");
    }
    if (n->password.data != NULL
        && auth_password_check(n->password, n->user.email, &err) != WD_OK) {
        return wd_rpc_fail_param(res, "password", "%s", err.text);
    }
    return WD_OK;
}


/* In a transaction of its own; `once` NULL: no invitation. */
static int
auth_new_user_add(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  auth_new_user_t *n, wd_pg_conn_t *c)
{
    int        rc;
    int64_t   *roles;
    wd_error_t err;

    rc = auth_actor_plan(call, res, &n->actor, n->user.plan);
    if (rc == WD_OK) {
        rc = auth_arg_roles(call, res, c, &n->actor, n->user.org_id, n->roles,
                            n->n_roles, &roles);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_user_add(c, &n->user, n->hash[0] != '\0' ? n->hash : NULL,
                             &err);
    if (rc == WD_EEXIST) {
        return wd_rpc_fail(res, rc, "there is a user with this address");
    }
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "plan", "there is no plan %.*s",
                                 WD_STR_ARG(n->user.plan));
    }
    if (rc == WD_OK) {
        rc = auth_store_user_roles(c, n->user.id, roles, n->n_roles, &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


static void
auth_note_user(const wd_rpc_call_t *call, auth_note_t *note,
               char subject[AUTH_SUBJECT_MAX], const auth_user_t *user)
{
    wd_buf_t  detail = WD_BUF_INIT;
    wd_json_t j;

    note->org_id = user->org_id;
    note->subject = auth_subject(subject, "user", user->id);

    wd_json_init(&j, &detail);
    wd_json_obj(&j);
    auth_json_str(&j, "email", user->email);
    auth_json_strs(&j, "roles", user->roles, user->n_roles);
    auth_json_str(&j, "plan", user->plan);
    auth_json_bool(&j, "disabled", user->disabled);
    wd_json_end(&j);
    if (detail.err == WD_OK) {
        note->detail.len = detail.len;
        note->detail.data = wd_pool_strdup(call->pool, wd_buf_view(&detail));
    }
    wd_buf_done(&detail);
}


static int
auth_commit_user(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_pg_conn_t *c,
                 const char *action, const auth_user_t *user)
{
    int         rc;
    char        subject[AUTH_SUBJECT_MAX];
    wd_error_t  err;
    auth_note_t note = {.action = action};

    auth_note_user(call, &note, subject, user);
    rc = auth_audit_commit(call, c, &note, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    wd_log_info(call->log, "user changed", "request", call->ctx.id, "action",
                action, "user", user->id, "by", call->ctx.principal);
    return WD_OK;
}


/* Whoever asks, and for which organisation; before a password is hashed. */
static int
auth_new_user_allowed(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                      auth_new_user_t *n)
{
    int           rc;
    auth_t       *a = call->svc;
    wd_error_t    err;
    wd_rpc_call_t with = *call;

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &with.pg,
                       &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_actor(&with, res, &n->actor);
    if (rc == WD_OK) {
        rc = auth_actor_org(&with, res, &n->actor, "orgs:write",
                            &n->user.org_id);
    }
    wd_pg_release(with.pg);
    return rc;
}


static int
auth_create_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 auth_new_user_t *n, wd_pg_conn_t *c)
{
    int         rc;
    wd_error_t  err;
    auth_user_t user;

    rc = wd_pg_begin(c, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    rc = auth_new_user_add(call, res, n, c);
    if (rc == WD_OK) {
        rc = auth_answer_user_now(call, res, c, n->user.id, &user);
    }
    if (rc == WD_OK) {
        res->status = 201;
        rc = auth_commit_user(call, res, c, "users.create", &user);
    }
    return rc;
}


int
auth_users_create(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int             rc;
    auth_t         *a = call->svc;
    wd_error_t      err;
    wd_pg_conn_t   *c;
    auth_new_user_t n = {.password = WD_STR_NULL};

    rc = wd_rpc_arg_str(call, "password", &n.password);
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "password", "password must be text");
    }
    rc = auth_new_user_args(call, res, &n);
    if (rc == WD_OK) {
        rc = auth_new_user_allowed(call, res, &n);
    }
    if (rc == WD_OK && n.password.data != NULL
        && auth_hasher_hash(a->hasher, n.password, n.hash) != WD_OK) {
        res->retry_s = 1;
        rc = wd_rpc_fail(res, WD_ENOMEM, "%s", wd_err_info(WD_ENOMEM)->text);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &c, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_create_user(call, res, &n, c);
    wd_pg_release(c);
    sodium_memzero(n.hash, sizeof(n.hash));
    return rc;
}


/* ---- one-time tokens of users ------------------------------------------- */

/* In a transaction: makes one and answers with it. */
static int
auth_once_give(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const auth_user_t *user, const char *kind, const char *action)
{
    int        rc;
    char       token[AUTH_TICKET_LEN + 1];
    auth_t    *a = call->svc;
    uint8_t    hash[AUTH_HASH_LEN];
    wd_ns_t    end;
    int64_t    life_ms = a->conf.invite_ttl_ms;
    wd_json_t  j;
    wd_error_t err;

    if (strcmp(kind, "reset") == 0) {
        life_ms = a->conf.reset_ttl_ms;
    }
    auth_ticket_make(AUTH_TICKET_ONCE, token);
    auth_ticket_hash(a->pepper, wd_str_z(token), hash);
    rc = auth_store_user_hold(call->pg, user->id, &err);
    if (rc == WD_OK) {
        rc = auth_store_once_add(call->pg, user->id, kind, hash, life_ms / 1000,
                                 &end, &err);
    }
    if (rc == WD_OK) {
        rc = auth_commit_user(call, res, call->pg, action, user);
    } else {
        rc = auth_fail_store(call, res, rc, &err);
    }
    if (rc == WD_OK) {
        wd_json_init(&j, &res->body);
        wd_json_obj(&j);
        auth_json_int(&j, "user_id", user->id);
        auth_json_str(&j, "email", user->email);
        auth_json_str(&j, "kind", wd_str_z(kind));
        auth_json_str(&j, "token", wd_str_z(token));
        auth_json_end(&j, "expires_at", end);
        wd_json_end(&j);
    }
    sodium_memzero(token, sizeof(token));
    return rc;
}


int
auth_users_invite(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int             rc;
    wd_error_t      err;
    auth_user_t     user;
    auth_new_user_t n = {.password = WD_STR_NULL};

    rc = auth_new_user_args(call, res, &n);
    if (rc == WD_OK) {
        rc = auth_actor(call, res, &n.actor);
    }
    if (rc == WD_OK) {
        rc = auth_actor_org(call, res, &n.actor, "orgs:write", &n.user.org_id);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_new_user_add(call, res, &n, call->pg);
    if (rc == WD_OK) {
        rc = auth_store_user(call->pg, n.user.id, call->pool, &user, &err);
        rc = rc == WD_OK
                 ? auth_once_give(call, res, &user, "invite", "users.invite")
                 : auth_fail_store(call, res, rc, &err);
    }
    if (rc == WD_OK) {
        res->status = 201;
    }
    return rc;
}


/* The user of the path on whom the actor may act, inside a transaction. */
static int
auth_begin_over(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_actor_t *actor, auth_user_t *user)
{
    int        rc;
    int64_t    id;
    wd_error_t err;

    rc = auth_actor(call, res, actor);
    if (rc == WD_OK) {
        rc = auth_arg_id(call, res, &id);
    }
    if (rc == WD_OK) {
        rc = wd_pg_begin(call->pg, &err);
        if (rc != WD_OK) {
            return auth_fail_store(call, res, rc, &err);
        }
        rc = auth_actor_over(call, res, actor, id, user);
    }
    return rc;
}


int
auth_users_reset(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_begin_over(call, res, &actor, &user);
    return rc == WD_OK
               ? auth_once_give(call, res, &user, "reset", "users.reset")
               : rc;
}


int
auth_users_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_begin_over(call, res, &actor, &user);
    return rc == WD_OK
               ? auth_once_give(call, res, &user, "verify", "users.verify")
               : rc;
}


/* ---- users.list and users.get ------------------------------------------- */

int
auth_users_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                rc;
    bool               disabled;
    size_t             i, n;
    wd_error_t         err;
    auth_page_t        page;
    auth_user_t       *users;
    auth_actor_t       actor;
    auth_user_filter_t f = {0};

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_actor_org(call, res, &actor, "orgs:read", &f.org_id);
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "q", 64, &f.q);
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "role", 64, &f.role);
    }
    if (rc == WD_OK) {
        rc = auth_arg_bool(call, res, "disabled", &disabled, &f.disabled);
    }
    if (rc == WD_OK) {
        rc = auth_page_begin(&page, call, res, "users", auth_user_cols,
                             wd_array_len(auth_user_cols));
    }
    if (rc != WD_OK) {
        return rc;
    }

    f.after = page.after;
    f.limit = page.limit + 1;
    rc = auth_store_users(call->pg, &f, call->pool, &users, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    for (i = 0; i < n; i++) {
        if (auth_page_row(&page, users[i].id)) {
            auth_put_user(&page.rows, &users[i]);
        }
    }
    auth_page_end(&page, res);
    return WD_OK;
}


int
auth_users_get(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    int64_t      id;
    wd_error_t   err;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_arg_id(call, res, &id);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_user(call->pg, id, call->pool, &user, &err);
    if (rc == WD_ENOTFOUND
        || (rc == WD_OK
            && !auth_actor_reaches(&actor, user.org_id, "orgs:read"))) {
        return wd_rpc_fail(res, WD_ENOTFOUND, "there is no user %lld",
                           (long long) id);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    auth_answer_user(call, res, &user);
    return WD_OK;
}


/* ---- users.update and users.delete -------------------------------------- */

typedef struct {
    wd_str_t    name;
    wd_str_t    email;
    wd_str_t    plan;
    wd_str_t   *roles; /* NULL: they stay */
    size_t      n_roles;
    bool        disable;
    const bool *disabled;
} auth_user_changes_t;


static int
auth_update_args(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 auth_user_changes_t *ch)
{
    int rc;

    rc = auth_arg_text(call, res, "name", AUTH_NAME_MAX, &ch->name);
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "email", AUTH_EMAIL_MAX, &ch->email);
    }
    if (rc == WD_OK && ch->email.data != NULL && !auth_email_valid(ch->email)) {
        return wd_rpc_fail_param(res, "email",
                                 "email must be an address: local@domain");
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "plan", WD_PLAN_MAX, &ch->plan);
    }
    if (rc == WD_OK) {
        rc = auth_arg_texts(call, res, "roles", AUTH_ROLES_MAX, &ch->roles,
                            &ch->n_roles);
    }
    return rc == WD_OK ? auth_arg_bool(call, res, "disabled", &ch->disable,
                                       &ch->disabled)
                       : rc;
}


/* Inside a transaction. */
static int
auth_update_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const auth_actor_t *actor, const auth_user_t *user,
                 const auth_user_changes_t *ch)
{
    int        rc = WD_OK;
    int64_t    n, *roles;
    wd_error_t err;

    if (ch->plan.data != NULL
        && !wd_perms_cover(&actor->perms, WD_STR("plans:write"))) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "a plan is given with the permission plans:write");
    }
    if (ch->roles != NULL) {
        rc = auth_arg_roles(call, res, call->pg, actor, user->org_id, ch->roles,
                            ch->n_roles, &roles);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_user_update(call->pg, user->id, ch->name, ch->email,
                                ch->plan, ch->disabled, &err);
    if (rc == WD_EEXIST) {
        return wd_rpc_fail(res, rc, "there is a user with this address");
    }
    if (rc == WD_EPARAM) {
        return wd_rpc_fail_param(res, "plan", "there is no plan %.*s",
                                 WD_STR_ARG(ch->plan));
    }
    if (rc == WD_OK && ch->roles != NULL) {
        rc = auth_store_user_roles(call->pg, user->id, roles, ch->n_roles,
                                   &err);
    }
    if (rc == WD_OK && ch->disabled != NULL && *ch->disabled) {
        rc = auth_store_sessions_end(call->pg, user->id, 0, "disabled", &n,
                                     &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_users_update(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                 rc;
    auth_user_t         user;
    auth_actor_t        actor;
    auth_user_changes_t changes = {.roles = NULL};

    rc = auth_update_args(call, res, &changes);
    if (rc == WD_OK) {
        rc = auth_begin_over(call, res, &actor, &user);
    }
    if (rc == WD_OK) {
        rc = auth_update_user(call, res, &actor, &user, &changes);
    }
    if (rc == WD_OK) {
        rc = auth_answer_user_now(call, res, call->pg, user.id, &user);
    }
    return rc == WD_OK
               ? auth_commit_user(call, res, call->pg, "users.update", &user)
               : rc;
}


int
auth_users_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    int64_t      n;
    wd_json_t    j;
    wd_error_t   err;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_begin_over(call, res, &actor, &user);
    if (rc == WD_OK && actor.user_id == user.id) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "nobody deletes themselves: ask another one");
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_sessions_end(call->pg, user.id, 0, "deleted", &n, &err);
    if (rc == WD_OK) {
        rc = auth_store_user_delete(call->pg, user.id, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_commit_user(call, res, call->pg, "users.delete", &user);
    if (rc == WD_OK) {
        wd_json_init(&j, &res->body);
        wd_json_obj(&j);
        auth_json_int(&j, "id", user.id);
        auth_json_bool(&j, "deleted", true);
        wd_json_end(&j);
    }
    return rc;
}


int
auth_users_totp_end(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    bool         was;
    wd_json_t    j;
    wd_error_t   err;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_begin_over(call, res, &actor, &user);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_totp_end(call->pg, user.id, &was, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_commit_user(call, res, call->pg, "users.totp_end", &user);
    if (rc == WD_OK) {
        wd_json_init(&j, &res->body);
        wd_json_obj(&j);
        auth_json_bool(&j, "ended", was);
        wd_json_end(&j);
    }
    return rc;
}
