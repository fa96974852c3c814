/*
 * auth_explain.c - why somebody may or may not do something: each rule that
 * has a say, in the order in which they are asked.
 */
#include "auth_answer.h"
#include "auth_service.h"
#include "auth_store_roles.h"
#include "wd_cidr.h"

#include <stdarg.h>
#include <stdio.h>

/*
 * Methods that any access token of ours may call, but of keys only those with
 * account:write or this permission.
 */
static const struct {
    const char *method;
    const char *perm; /* NULL: account:write alone */
} auth_account_methods[] = {
    {"auth.password", NULL},       {"auth.sessions", NULL},
    {"auth.session_end", NULL},    {"auth.logout_all", NULL},
    {"auth.totp_begin", NULL},     {"auth.totp_confirm", NULL},
    {"auth.totp_end", NULL},       {"keys.create", "keys:write"},
    {"keys.list", "keys:read"},    {"keys.get", "keys:read"},
    {"keys.rotate", "keys:write"}, {"keys.revoke", "keys:write"},
};

/* The question, and the answer as far as it is known. */
typedef struct {
    wd_json_t          j;
    bool               allowed;
    const wd_method_t *method; /* NULL: a permission was asked about */
    wd_str_t           need; /* .data NULL: the method needs none */
} auth_explain_t;


/* One rule; the detail is for people. */
static void auth_explain_rule(auth_explain_t *x, const char *rule, bool passed,
                              const char *fmt, ...) wd_printf_like(4, 5);


static void
auth_explain_rule(auth_explain_t *x, const char *rule, bool passed,
                  const char *fmt, ...)
{
    char    text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);

    x->allowed = x->allowed && passed;
    wd_json_obj(&x->j);
    auth_json_str(&x->j, "rule", wd_str_z(rule));
    auth_json_bool(&x->j, "passed", passed);
    auth_json_str(&x->j, "detail", wd_str_z(text));
    wd_json_end(&x->j);
}


static int
auth_explain_action(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                    auth_explain_t *x, wd_str_t *ret_action)
{
    if (wd_rpc_arg_str(call, "action", ret_action) != WD_OK) {
        return wd_rpc_fail_param(res, "action", "action is required");
    }

    x->method = wd_method_by_name(*ret_action);
    if (x->method != NULL && x->method->path != NULL) {
        x->need = x->method->flags & WD_M_PUBLIC
                      ? WD_STR_NULL
                      : wd_str_z(x->method->permission);
        return WD_OK;
    }

    x->method = NULL;
    x->need = *ret_action;
    return wd_perm_valid(*ret_action)
               ? WD_OK
               : wd_rpc_fail_param(res, "action",
                                   "action must be a method, as bars.query, or "
                                   "a permission, as bars:read");
}


/* Which role has it, and whether the organisation lets it count. */
static void
auth_explain_roles(auth_explain_t *x, const auth_rights_t *rights,
                   const auth_user_t *user)
{
    size_t   i;
    char     names[160] = "";
    wd_str_t by;

    for (i = 0; i < user->n_roles; i++) {
        snprintf(names + strlen(names), sizeof(names) - strlen(names), "%s%.*s",
                 i != 0 ? ", " : "", WD_STR_ARG(user->roles[i]));
    }
    if (x->need.data == NULL) {
        auth_explain_rule(x, "permission", true,
                          "the method needs none beside a credential");
        return;
    }

    by = wd_perms_covering(&rights->roles, x->need);
    if (by.data != NULL) {
        auth_explain_rule(x, "roles", true,
                          "%.*s is in the roles (%s), as "
                          "%.*s",
                          WD_STR_ARG(x->need), names, WD_STR_ARG(by));
    } else {
        auth_explain_rule(x, "roles", false, "none of the roles (%s) has %.*s",
                          names, WD_STR_ARG(x->need));
    }

    by = wd_perms_covering(&rights->ceiling, x->need);
    auth_explain_rule(x, "organisation", by.data != NULL,
                      by.data != NULL
                          ? "the organisation %.*s may have it"
                          : "nobody in the organisation %.*s may have it",
                      WD_STR_ARG(user->org));
}


static void
auth_explain_user(auth_explain_t *x, const auth_rights_t *rights,
                  const auth_user_t *user)
{
    auth_explain_rule(x, "user", !user->disabled,
                      user->disabled ? "user:%lld is disabled"
                                     : "user:%lld is not disabled",
                      (long long) user->id);
    if (rights->disabled && !user->disabled) {
        auth_explain_rule(x, "organisation", false,
                          "the organisation %.*s is disabled",
                          WD_STR_ARG(user->org));
    }
    auth_explain_roles(x, rights, user);
}


static bool
auth_in_networks(const auth_apikey_t *key, const wd_cidr_t *address)
{
    size_t    i;
    wd_cidr_t net;

    for (i = 0; i < key->n_networks; i++) {
        if (wd_cidr_parse(key->networks[i], &net) == WD_OK
            && wd_cidr_contains(&net, address)) {
            return true;
        }
    }
    return false;
}


static int
auth_explain_networks(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                      auth_explain_t *x, const auth_apikey_t *key)
{
    bool      in;
    wd_str_t  text;
    wd_cidr_t address;

    if (key->n_networks == 0) {
        return WD_OK;
    }
    if (wd_rpc_arg_str(call, "address", &text) != WD_OK) {
        auth_explain_rule(x, "networks", true,
                          "the key is good from %zu networks only; name an "
                          "address to have it checked",
                          key->n_networks);
        return WD_OK;
    }
    if (wd_cidr_parse(text, &address) != WD_OK
        || address.bits != (address.v6 ? 128 : 32)) {
        return wd_rpc_fail_param(res, "address",
                                 "address must be an IPv4 or IPv6 address");
    }
    in = auth_in_networks(key, &address);
    auth_explain_rule(x, "networks", in,
                      in ? "%.*s is in the key's networks"
                         : "%.*s is in none of the key's networks",
                      WD_STR_ARG(text));
    return WD_OK;
}


static void
auth_explain_methods(auth_explain_t *x, const auth_apikey_t *key)
{
    bool   listed = false;
    size_t i;

    if (key->n_methods == 0 || x->method == NULL) {
        return;
    }
    for (i = 0; i < key->n_methods; i++) {
        listed |= wd_str_eq_z(key->methods[i], x->method->name);
    }
    auth_explain_rule(x, "methods", listed,
                      listed ? "%s is one of the key's methods"
                             : "%s is none of the key's methods",
                      x->method->name);
}


/* Has the key, as its owner has, that permission? */
static bool
auth_explain_has(const wd_perms_t *key, const auth_rights_t *rights,
                 const char *perm)
{
    return perm != NULL && wd_perms_cover(key, wd_str_z(perm))
           && wd_perms_cover(&rights->perms, wd_str_z(perm));
}


static void
auth_explain_account(auth_explain_t *x, const wd_perms_t *key,
                     const auth_rights_t *rights)
{
    bool        passed;
    size_t      i;
    const char *perm;

    for (i = 0; i < wd_array_len(auth_account_methods); i++) {
        perm = auth_account_methods[i].perm;
        if (x->method == NULL
            || strcmp(x->method->name, auth_account_methods[i].method) != 0) {
            continue;
        }
        passed = auth_explain_has(key, rights, "account:write")
                 || auth_explain_has(key, rights, perm);
        auth_explain_rule(x, "account", passed,
                          passed ? "the key has account:write%s%s"
                                 : "with a key it needs account:write%s%s; an "
                                   "access token may do it",
                          perm != NULL ? " or " : "", perm != NULL ? perm : "");
    }
}


static int
auth_explain_key(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 auth_explain_t *x, const auth_rights_t *rights,
                 const auth_apikey_t *key)
{
    int        rc;
    wd_str_t   by;
    wd_perms_t perms;

    auth_explain_rule(x, "key", key->revoked_at == WD_NS_MAX,
                      key->revoked_at == WD_NS_MAX ? "key:%lld is not revoked"
                                                   : "key:%lld is revoked",
                      (long long) key->id);
    if (key->expires_at != WD_NS_MAX) {
        auth_explain_rule(x, "expiry", key->expires_at > wd_now(),
                          key->expires_at > wd_now() ? "the key has not ended"
                                                     : "the key has ended");
    }

    rc = wd_perms_init(&perms, call->pool, WD_PERMS_MAX);
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&perms, key->perms, key->n_perms);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (x->need.data != NULL) {
        by = wd_perms_covering(&perms, x->need);
        auth_explain_rule(x, "key_permissions", by.data != NULL,
                          by.data != NULL ? "the key has it, as %.*s"
                                          : "the key does not have it%.*s",
                          WD_STR_ARG(by));
    }
    auth_explain_account(x, &perms, rights);
    auth_explain_methods(x, key);
    return auth_explain_networks(call, res, x, key);
}


/* ---- permissions.explain ------------------------------------------------ */

/* user:12 or key:7, which the actor reaches. *ret_key: id 0 for a user. */
static int
auth_explain_subject(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                     wd_str_t subject, auth_user_t *ret_user,
                     auth_apikey_t *ret_key)
{
    int          rc;
    int64_t      id;
    wd_str_t     kind, number = subject;
    wd_error_t   err;
    auth_actor_t actor;

    ret_key->id = 0;
    rc = auth_actor(call, res, &actor);
    if (rc != WD_OK) {
        return rc;
    }
    if (!wd_str_split(&number, ':', &kind) || number.data == NULL
        || wd_int_parse(number, &id) != WD_OK || id < 1
        || (!wd_str_eq_z(kind, "user") && !wd_str_eq_z(kind, "key"))) {
        return wd_rpc_fail_param(res, "subject",
                                 "subject must be user:12 or key:7");
    }

    if (wd_str_eq_z(kind, "key")) {
        rc = auth_store_key(call->pg, id, false, call->pool, ret_key, &err);
        id = rc == WD_OK ? ret_key->user_id : 0;
    }
    if (rc == WD_OK) {
        rc = auth_store_user(call->pg, id, call->pool, ret_user, &err);
    }
    if (rc == WD_ENOTFOUND
        || (rc == WD_OK
            && !auth_actor_reaches(&actor, ret_user->org_id, "orgs:read"))) {
        return wd_rpc_fail(res, WD_ENOTFOUND, "there is no %.*s",
                           WD_STR_ARG(subject));
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_permissions_explain(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    wd_str_t       subject, action;
    wd_error_t     err;
    auth_user_t    user;
    auth_apikey_t  key;
    auth_rights_t  rights;
    auth_explain_t x = {.allowed = true};

    rc = auth_explain_action(call, res, &x, &action);
    if (rc == WD_OK && wd_rpc_arg_str(call, "subject", &subject) != WD_OK) {
        rc = wd_rpc_fail_param(res, "subject", "subject is required");
    }
    if (rc == WD_OK) {
        rc = auth_explain_subject(call, res, subject, &user, &key);
    }
    if (rc != WD_OK) {
        return rc;
    }
    rc = auth_store_rights(call->pg, user.id, call->pool, &rights, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_json_init(&x.j, &res->body);
    wd_json_obj(&x.j);
    auth_json_str(&x.j, "subject", subject);
    auth_json_str(&x.j, "action", action);
    auth_json_str(&x.j, "permission", x.need);
    wd_json_key(&x.j, "rules");
    wd_json_arr(&x.j);
    if (x.method != NULL && x.method->flags & WD_M_PUBLIC) {
        auth_explain_rule(&x, "public", true,
                          "the method is open to everybody, and looks at no "
                          "credential");
    } else {
        auth_explain_user(&x, &rights, &user);
        rc = key.id != 0 ? auth_explain_key(call, res, &x, &rights, &key)
                         : WD_OK;
    }
    wd_json_end(&x.j);
    auth_json_bool(&x.j, "allowed", x.allowed);
    wd_json_end(&x.j);
    return rc;
}
