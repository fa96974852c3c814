/*
 * auth_users.c - users: listed, changed, deleted.
 */
#include "auth_users.h"

#include "auth_answer.h"
#include "auth_check.h"
#include "auth_password.h"
#include "auth_service.h"
#include "auth_store_roles.h"
#include "auth_store_sessions.h"


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
int
auth_answer_user_now(const wd_rpc_call_t *call, wd_rpc_res_t *res, int64_t id,
                     auth_user_t *ret)
{
    int        rc;
    wd_error_t err;

    rc = auth_store_user(call->pg, id, call->pool, ret, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    auth_answer_user(call, res, ret);
    return WD_OK;
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
    auth_note_detail(call, note, &detail);
}


int
auth_commit_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const char *action, const auth_user_t *user)
{
    int         rc;
    char        subject[AUTH_SUBJECT_MAX];
    wd_error_t  err;
    auth_note_t note = {.action = action};

    auth_note_user(call, &note, subject, user);
    rc = auth_audit_commit(call, &note, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    wd_log_info(call->log, "user changed", "request", call->ctx.id, "action",
                action, "user", user->id, "by", call->ctx.principal);
    return WD_OK;
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
        rc = auth_arg_roles(call, res, actor, user->org_id, ch->roles,
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
        rc = auth_answer_user_now(call, res, user.id, &user);
    }
    return rc == WD_OK ? auth_commit_user(call, res, "users.update", &user)
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

    rc = auth_store_user_delete(call->pg, user.id, &err);
    if (rc == WD_OK) {
        rc = auth_store_sessions_end(call->pg, user.id, 0, "deleted", &n, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_commit_user(call, res, "users.delete", &user);
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
    rc = auth_commit_user(call, res, "users.totp_end", &user);
    if (rc == WD_OK) {
        wd_json_init(&j, &res->body);
        wd_json_obj(&j);
        auth_json_bool(&j, "ended", was);
        wd_json_end(&j);
    }
    return rc;
}
