/*
 * auth_account.c - one's own account: who am I, and the password.
 */
#include "auth_account.h"

#include "auth_answer.h"
#include "auth_service.h"
#include "auth_session.h"

#include <sodium.h>


/* ---- auth.me ------------------------------------------------------------ */

static void
auth_put_me(wd_rpc_res_t *res, const wd_rpc_call_t *call,
            const auth_actor_t *actor, const auth_user_t *user)
{
    wd_json_t j;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "principal", call->ctx.principal);
    auth_json_str(&j, "key",
                  call->ctx.key.len != 0 ? call->ctx.key : WD_STR_NULL);
    auth_json_str(&j, "plan", call->ctx.plan);
    auth_json_strs(&j, "permissions", actor->perms.v, actor->perms.n);
    if (user != NULL) {
        auth_json_int(&j, "user_id", user->id);
        auth_json_str(&j, "org", user->org);
        auth_json_str(&j, "email", user->email);
        auth_json_str(&j, "name", user->name);
        auth_json_strs(&j, "roles", user->roles, user->n_roles);
        auth_json_bool(&j, "verified", user->verified_at != WD_NS_MAX);
        auth_json_bool(&j, "has_password", user->has_password);
        auth_json_bool(&j, "second_factor", user->has_totp);
        auth_json_end(&j, "last_login_at", user->last_login_at);
    }
    wd_json_end(&j);
}


int
auth_me(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    wd_error_t   err;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_actor(call, res, &actor);
    if (rc != WD_OK) {
        return rc;
    }
    if (actor.kind != AUTH_ACTOR_USER) {
        auth_put_me(res, call, &actor, NULL);
        return WD_OK;
    }

    rc = auth_store_user(call->pg, actor.user_id, call->pool, &user, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    auth_put_me(res, call, &actor, &user);
    return WD_OK;
}


/* ---- methods that ask for the password ---------------------------------- */

typedef struct {
    auth_actor_t *actor;
    auth_user_t  *user;
} auth_own_t;


static int
auth_own_look(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    int         rc;
    wd_error_t  err;
    auth_own_t *own = arg;

    rc = auth_actor_self(call, res, own->actor);
    if (rc != WD_OK) {
        return rc;
    }
    rc = auth_store_user(call->pg, own->actor->user_id, call->pool, own->user,
                         &err);
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_own_account(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 auth_actor_t *ret, auth_user_t *ret_user)
{
    return auth_with_pg(call, res, auth_own_look, &(auth_own_t){ret, ret_user});
}


int
auth_arg_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  const char *name, wd_str_t *ret)
{
    if (wd_rpc_arg_str(call, name, ret) != WD_OK || ret->len == 0
        || ret->len > AUTH_PASSWORD_MAX) {
        return wd_rpc_fail_param(res, name, "%s is required", name);
    }
    return WD_OK;
}


/* A password that is about to be chosen. */
int
auth_arg_new_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                      wd_str_t email, wd_str_t *ret)
{
    int        rc;
    wd_error_t err;

    rc = auth_arg_password(call, res, "password", ret);
    if (rc == WD_OK && auth_password_check(*ret, email, &err) != WD_OK) {
        rc = wd_rpc_fail_param(res, "password", "%s", err.text);
    }
    return rc;
}


typedef struct {
    auth_attempt_t attempt;
    bool           factor;
    auth_passed_pt fn;
    void          *arg;
} auth_passing_t;


static int
auth_passing_finish(const wd_rpc_call_t *call, wd_rpc_res_t *res, void *arg)
{
    int             rc;
    wd_error_t      err;
    auth_passing_t *p = arg;

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_attempt_passed(call, res, &p->attempt, p->factor);
    return rc == WD_OK ? p->fn(call, res, &p->attempt, p->arg) : rc;
}


/*
 * Verifies the argument `name`, one's password; fn then does what it is
 * for, and commits.
 */
int
auth_with_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const char *name, const char *action, bool factor,
                   const auth_actor_t *actor, auth_passed_pt fn, void *arg)
{
    int            rc;
    wd_str_t       password;
    auth_passing_t p = {.factor = factor, .fn = fn, .arg = arg};

    rc = auth_arg_password(call, res, name, &password);
    if (rc == WD_OK) {
        rc = auth_attempt(call, res, WD_STR(""), WD_STR(""), actor->user_id,
                          password, action, &p.attempt);
    }
    return rc == WD_OK ? auth_with_pg(call, res, auth_passing_finish, &p) : rc;
}


/* ---- auth.password ------------------------------------------------------ */

static int
auth_set_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  auth_attempt_t *attempt, void *arg)
{
    int          rc;
    int64_t      n, id = attempt->login.user_id;
    const char  *hash = arg;
    wd_error_t   err;
    auth_grant_t grant = {0};

    rc = auth_store_password(call->pg, id, hash, &err);
    if (rc == WD_OK) {
        rc = auth_store_sessions_end(call->pg, id, 0, "password", &n, &err);
    }
    if (rc == WD_OK) {
        rc = auth_store_void_subject(call->pg, id, &err);
    }
    if (rc == WD_OK) {
        rc = auth_grant_begin(call, id, &grant, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &attempt->note, &err);
    }
    if (rc == WD_OK) {
        auth_grant_answer(res, &grant);
    }
    auth_grant_done(&grant);
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_hash_new(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t password,
              char hash[AUTH_PASSWORD_HASH_MAX])
{
    int     rc;
    auth_t *a = call->svc;

    rc = auth_hasher_hash(a->hasher, password, hash);
    if (rc != WD_OK) {
        res->retry_s = 1;
        return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
    }
    return WD_OK;
}


int
auth_password(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int          rc;
    char         hash[AUTH_PASSWORD_HASH_MAX];
    wd_str_t     password;
    auth_user_t  user;
    auth_actor_t actor;

    rc = auth_own_account(call, res, &actor, &user);
    if (rc == WD_OK) {
        rc = auth_arg_new_password(call, res, user.email, &password);
    }
    if (rc == WD_OK) {
        rc = auth_hash_new(call, res, password, hash);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_with_password(call, res, "current", "auth.password", false,
                            &actor, auth_set_password, hash);
    sodium_memzero(hash, sizeof(hash));
    return rc;
}
