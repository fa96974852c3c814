/*
 * auth_users.c - users.create and users.list.
 */
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_service.h"

#include <sodium.h>


static void
auth_json_user(wd_json_t *j, const auth_user_t *user)
{
    wd_json_obj(j);
    wd_json_key(j, "id");
    wd_json_int(j, user->id);
    auth_json_str(j, "email", user->email);
    auth_json_str(j, "name", user->name);
    wd_json_key(j, "has_password");
    wd_json_bool(j, user->has_password);
    wd_json_key(j, "disabled");
    wd_json_bool(j, user->disabled);
    auth_json_end(j, "created_at", user->created_at);
    wd_json_end(j);
}


/* `hash` is "" afterwards when there is no password. */
static int
auth_hash_password(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   char hash[AUTH_PASSWORD_HASH_MAX])
{
    int      rc;
    auth_t  *a = call->svc;
    wd_str_t password;

    hash[0] = '\0';
    rc = wd_rpc_arg_str(call, "password", &password);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc != WD_OK || password.len < AUTH_PASSWORD_MIN
        || password.len > AUTH_PASSWORD_MAX) {
        return wd_rpc_fail_param(res, "password",
                                 "password must be text of %d to %d bytes",
                                 AUTH_PASSWORD_MIN, AUTH_PASSWORD_MAX);
    }

    rc = auth_hasher_hash(a->hasher, password, call->deadline, hash);
    if (rc != WD_OK) {
        wd_log_warn(call->log, "password not hashed, request refused",
                    "request", call->ctx.id, "reason", wd_err_info(rc)->text);
        res->retry_s = 1;
        return wd_rpc_fail(res, rc, "%s", wd_err_info(rc)->text);
    }
    return WD_OK;
}


/*
 * The connection is taken only now: a hash takes long, and connections are
 * few.
 */
static int
auth_add_user(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_user_t *user,
              const char *hash)
{
    int           rc;
    auth_t       *a = call->svc;
    wd_error_t    err;
    wd_pg_conn_t *c;

    rc = wd_pg_acquire(wd_service_pg(a->service), call->deadline, &c, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    rc = auth_store_user_add(c, user, hash, &err);
    wd_pg_release(c);

    if (rc == WD_EEXIST) {
        return wd_rpc_fail(res, rc, "there is a user with this address");
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_users_create(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    char        hash[AUTH_PASSWORD_HASH_MAX];
    wd_json_t   j;
    auth_user_t user = {0};

    rc = wd_rpc_arg_str(call, "email", &user.email);
    if (rc != WD_OK || !auth_email_valid(user.email)) {
        return wd_rpc_fail_param(res, "email",
                                 "email must be an address: local@domain");
    }

    rc = auth_arg_text(call, res, "name", AUTH_NAME_MAX, &user.name);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_hash_password(call, res, hash);
    if (rc != WD_OK) {
        return rc;
    }

    user.has_password = hash[0] != '\0';
    rc = auth_add_user(call, res, &user, user.has_password ? hash : NULL);
    sodium_memzero(hash, sizeof(hash));
    if (rc != WD_OK) {
        return rc;
    }

    wd_log_info(call->log, "user created", "request", call->ctx.id, "user",
                user.id, "by", call->ctx.principal);
    res->status = 201;
    wd_json_init(&j, &res->body);
    auth_json_user(&j, &user);
    return WD_OK;
}


static void
auth_list_user(const auth_user_t *user, void *arg)
{
    auth_page_t *page = arg;

    if (auth_page_row(page, user->id)) {
        auth_json_user(&page->j, user);
    }
}


int
auth_users_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    wd_error_t  err;
    auth_page_t page;

    rc = auth_page_begin(&page, call, res, "users");
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_users(call->pg, page.after, page.limit + 1, auth_list_user,
                          &page, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    auth_page_end(&page, res);
    return WD_OK;
}
