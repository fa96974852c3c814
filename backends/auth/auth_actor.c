/*
 * auth_actor.c - principals, organisations and what may be handed on.
 */
#include "auth_actor.h"

#include "auth_answer.h"
#include "auth_check.h"
#include "auth_store_roles.h"


/* The permissions of the context, as a set. */
static int
auth_actor_perms(const wd_rpc_call_t *call, wd_perms_t *ret)
{
    int      rc;
    uint32_t n = 0;
    wd_mp_t  c = wd_mp(call->ctx.perms.data, call->ctx.perms.len);
    wd_str_t perm;

    rc = wd_perms_init(ret, call->pool, WD_PERMS_MAX);
    if (rc != WD_OK || call->ctx.perms.len == 0) {
        return rc;
    }

    rc = wd_mp_read_array(&c, &n);
    while (rc == WD_OK && n-- != 0) {
        rc = wd_mp_read_str(&c, &perm);
        if (rc == WD_OK && wd_perm_valid(perm)) {
            rc = wd_perms_add(ret, perm);
        }
    }
    return rc;
}


/* Disabled ones may not have been heard of by the gateway yet. */
static int
auth_actor_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_actor_t *actor)
{
    int         rc;
    wd_error_t  err;
    auth_user_t user;

    rc = auth_store_user(call->pg, actor->user_id, call->pool, &user, &err);
    if (rc == WD_ENOTFOUND
        || (rc == WD_OK && (user.disabled || user.org_disabled))) {
        return wd_rpc_fail(res, WD_EFORBIDDEN, "the user is disabled");
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    actor->kind = AUTH_ACTOR_USER;
    actor->org_id = user.org_id;
    actor->session = call->ctx.key.len == 0;
    return WD_OK;
}


int
auth_actor(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_actor_t *ret)
{
    int      rc;
    wd_str_t sub = call->ctx.principal;

    memset(ret, 0, sizeof(*ret));
    rc = auth_actor_perms(call, &ret->perms);
    if (rc != WD_OK) {
        return rc;
    }

    if (wd_str_eq_z(sub, "operator")) {
        ret->kind = AUTH_ACTOR_OPERATOR;
        return WD_OK;
    }
    return wd_str_starts(sub, "user:") && auth_user_id(sub, &ret->user_id)
               ? auth_actor_user(call, res, ret)
               : WD_OK;
}


bool
auth_actor_reaches(const auth_actor_t *actor, int64_t org_id, const char *perm)
{
    switch (actor->kind) {
    case AUTH_ACTOR_OPERATOR:
        return true;
    case AUTH_ACTOR_USER:
        return actor->org_id == org_id
               || (actor->org_id == AUTH_ORG_MAIN
                   && wd_perms_cover(&actor->perms, wd_str_z(perm)));
    default:
        return false;
    }
}


int
auth_actor_org(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const auth_actor_t *actor, const char *perm, int64_t *ret)
{
    int        rc;
    wd_str_t   name;
    wd_error_t err;

    rc = auth_arg_text(call, res, "org", AUTH_ORG_NAME_MAX, &name);
    if (rc != WD_OK) {
        return rc;
    }

    if (name.data == NULL) {
        *ret = actor->kind == AUTH_ACTOR_OPERATOR ? AUTH_ORG_MAIN
                                                  : actor->org_id;
        return *ret != 0 ? WD_OK
                         : wd_rpc_fail(res, WD_EFORBIDDEN,
                                       "you belong to no organisation here");
    }

    rc = auth_store_org_find(call->pg, name, ret, &err);
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        return auth_fail_store(call, res, rc, &err);
    }
    if (rc != WD_OK || !auth_actor_reaches(actor, *ret, perm)) {
        return auth_fail_absent(res, "org", "there is no organisation %.*s",
                                WD_STR_ARG(name));
    }
    return WD_OK;
}


int
auth_actor_scope(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *perm,
                 int64_t *ret)
{
    int          rc;
    wd_str_t     name;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_rpc_arg_str(call, "org", &name);
    if (rc == WD_ENOTFOUND && actor.kind == AUTH_ACTOR_OPERATOR) {
        *ret = -1;
        return WD_OK;
    }
    if (rc == WD_OK && wd_str_eq_z(name, "*")) {
        *ret = -1;
        if (auth_actor_reaches(&actor, -1, perm)) {
            return WD_OK;
        }
        return auth_fail_absent(res, "org", "there is no organisation *");
    }
    return auth_actor_org(call, res, &actor, perm, ret);
}


int
auth_actor_self(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_actor_t *ret)
{
    int rc;

    rc = auth_actor(call, res, ret);
    if (rc != WD_OK) {
        return rc;
    }

    if (ret->kind != AUTH_ACTOR_USER) {
        return wd_rpc_fail(res, WD_EFORBIDDEN, "you have no account here");
    }
    if (!ret->session
        && !wd_perms_cover(&ret->perms, WD_STR("account:write"))) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "an account is changed with an access token: log "
                           "in; a key needs the permission account:write");
    }
    return WD_OK;
}


int
auth_actor_over(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                const auth_actor_t *actor, int64_t user_id, auth_user_t *ret)
{
    int           rc;
    wd_error_t    err;
    auth_rights_t rights;

    rc = auth_store_user(call->pg, user_id, call->pool, ret, &err);
    if (rc == WD_ENOTFOUND
        || (rc == WD_OK
            && !auth_actor_reaches(actor, ret->org_id, "orgs:write"))) {
        return wd_rpc_fail(res, WD_ENOTFOUND, "there is no user %lld",
                           (long long) user_id);
    }
    if (rc == WD_OK) {
        rc = auth_store_rights(call->pg, user_id, call->pool, &rights, &err);
    }
    if (rc != WD_OK && rc != WD_ETOOBIG) {
        return auth_fail_store(call, res, rc, &err);
    }

    if (rc == WD_ETOOBIG || !wd_perms_cover_all(&actor->perms, &rights.perms)) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "the user may do what you may not");
    }
    return WD_OK;
}


int
auth_actor_hands_on(const auth_actor_t *actor, wd_rpc_res_t *res,
                    const wd_perms_t *perms)
{
    size_t i;

    for (i = 0; i < perms->n; i++) {
        if (!wd_perms_cover(&actor->perms, perms->v[i])) {
            return wd_rpc_fail(res, WD_EFORBIDDEN,
                               "you do not have the permission %.*s, so it "
                               "cannot be given on",
                               WD_STR_ARG(perms->v[i]));
        }
    }
    return WD_OK;
}


int
auth_actor_plan(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                const auth_actor_t *actor, wd_str_t plan)
{
    if (wd_perms_cover(&actor->perms, WD_STR("plans:write"))
        || wd_str_eq(plan, call->ctx.plan) || wd_str_eq_z(plan, "default")) {
        return WD_OK;
    }
    return wd_rpc_fail(res, WD_EFORBIDDEN,
                       "another plan than your own needs the permission "
                       "plans:write");
}
