/*
 * auth_users_make.c - users that are new, the roles that they are given, and
 * the one-time tokens of users.
 */
#include "auth_account.h"
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_password.h"
#include "auth_service.h"
#include "auth_store_roles.h"
#include "auth_store_sessions.h"
#include "auth_users.h"

#include <sodium.h>


/* ---- roles that are given ----------------------------------------------- */

/*
 * The roles by their names: each there, and with nothing that the actor
 * lacks, as far as the organisation lets it count. *ret: their ids.
 */
int
auth_arg_roles(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const auth_actor_t *actor, int64_t org_id, const wd_str_t *names,
               size_t n, int64_t **ret)
{
    int         rc;
    size_t      i, n_orgs;
    wd_error_t  err = {0};
    auth_org_t *org;
    wd_perms_t  roles, ceiling, perms;
    auth_role_t role;

    *ret = wd_pool_alloc(call->pool, (n + 1) * sizeof(**ret));
    rc = *ret != NULL ? wd_perms_init(&roles, call->pool,
                                      AUTH_ROLES_MAX * AUTH_ROLE_PERMS_MAX)
                      : WD_ENOMEM;
    for (i = 0; rc == WD_OK && i < n; i++) {
        rc = auth_store_role(call->pg, org_id, names[i], call->pool, &role,
                             &err);
        if (rc == WD_ENOTFOUND) {
            return auth_fail_absent(res, "roles", "there is no role %.*s",
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

    rc = auth_store_orgs(call->pg, org_id, 0, 1, call->pool, &org, &n_orgs,
                         &err);
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


/* In a transaction: the user with the roles, without the event. */
static int
auth_new_user_add(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  auth_new_user_t *n)
{
    int        rc;
    int64_t   *roles;
    wd_error_t err;

    rc = auth_actor_plan(call, res, &n->actor, n->user.plan);
    if (rc == WD_OK) {
        rc = auth_arg_roles(call, res, &n->actor, n->user.org_id, n->roles,
                            n->n_roles, &roles);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_user_add(call->pg, &n->user,
                             n->hash[0] != '\0' ? n->hash : NULL, &err);
    if (rc == WD_EEXIST) {
        return wd_rpc_fail(res, rc, "there is a user with this address");
    }
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "plan", "there is no plan %.*s",
                                 WD_STR_ARG(n->user.plan));
    }
    if (rc == WD_OK) {
        rc = auth_store_user_roles(call->pg, n->user.id, roles, n->n_roles,
                                   &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


/* Whoever asks, and for which organisation; before a password is hashed. */
static int
auth_new_user_allowed(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    int              rc;
    auth_new_user_t *n = arg;

    rc = auth_actor(call, res, &n->actor);
    return rc == WD_OK ? auth_actor_org(call, res, &n->actor, "orgs:write",
                                        &n->user.org_id)
                       : rc;
}


static int
auth_create_user(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    int              rc;
    wd_error_t       err;
    auth_user_t      user;
    auth_new_user_t *n = arg;

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    rc = auth_new_user_add(call, res, n);
    if (rc == WD_OK) {
        rc = auth_answer_user_now(call, res, n->user.id, &user);
    }
    if (rc == WD_OK) {
        res->status = 201;
        rc = auth_commit_user(call, res, "users.create", &user);
    }
    return rc;
}


int
auth_users_create(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int             rc;
    auth_new_user_t n = {.password = WD_STR_NULL};

    rc = wd_rpc_arg_str(call, "password", &n.password);
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "password", "password must be text");
    }
    rc = auth_new_user_args(call, res, &n);
    if (rc == WD_OK) {
        rc = auth_with_pg(call, res, auth_new_user_allowed, &n);
    }
    if (rc == WD_OK && n.password.data != NULL) {
        rc = auth_hash_new(call, res, n.password, n.hash);
    }
    if (rc == WD_OK) {
        rc = auth_with_pg(call, res, auth_create_user, &n);
    }
    sodium_memzero(n.hash, sizeof(n.hash));
    return rc;
}


/* ---- one-time tokens of users ------------------------------------------- */

/* In a transaction: makes one and answers with it. */
int
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
        rc = auth_commit_user(call, res, action, user);
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
        rc = auth_new_user_allowed(call, res, &n);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_new_user_add(call, res, &n);
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
