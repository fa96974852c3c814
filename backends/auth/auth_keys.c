/*
 * auth_keys.c - keys.create, keys.list and keys.revoke.
 */
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_service.h"
#include "wd_metrics.h"

#include <sodium.h>


static void
auth_json_apikey(wd_json_t *j, const auth_apikey_t *key)
{
    auth_json_str(j, "prefix", key->prefix);
    auth_json_str(j, "last4", key->last4);
    auth_json_str(j, "user", key->email);
    wd_json_key(j, "user_id");
    wd_json_int(j, key->user_id);
    auth_json_str(j, "name", key->name);

    auth_json_strs(j, "permissions", key->perms, key->n_perms);
    auth_json_strs(j, "networks", key->networks, key->n_networks);
    auth_json_strs(j, "methods", key->methods, key->n_methods);
    auth_json_str(j, "plan", key->plan);
    auth_json_end(j, "created_at", key->created_at);
    auth_json_end(j, "expires_at", key->expires_at);
}


/* The catalogue's name of a method that keys are for. */
static bool
auth_method_known(wd_str_t name)
{
    const wd_method_t *m = wd_method_by_name(name);

    return m != NULL && m->path != NULL;
}


/* What the key is narrowed to; no list is no restriction. */
static int
auth_arg_narrow(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_apikey_t *key)
{
    int       rc;
    size_t    i, n = 0;
    wd_str_t *list = NULL;

    rc = wd_rpc_arg_list(call, "networks", &list, &n);
    if (rc != WD_ENOTFOUND
        && (rc != WD_OK || n < 1 || n > AUTH_KEY_NETWORKS_MAX)) {
        return wd_rpc_fail_param(res, "networks",
                                 "networks must be a list of 1 to %d",
                                 AUTH_KEY_NETWORKS_MAX);
    }
    for (i = 0; i < n; i++) {
        if (!auth_network_valid(list[i])) {
            return wd_rpc_fail_param(
                res, "networks",
                "networks must be as 203.0.113.0/24 or 2001:db8::/32, without "
                "bits beyond the prefix");
        }
    }
    key->networks = list;
    key->n_networks = n;

    list = NULL;
    n = 0;
    rc = wd_rpc_arg_list(call, "methods", &list, &n);
    if (rc != WD_ENOTFOUND
        && (rc != WD_OK || n < 1 || n > AUTH_KEY_METHODS_MAX)) {
        return wd_rpc_fail_param(res, "methods",
                                 "methods must be a list of 1 to %d",
                                 AUTH_KEY_METHODS_MAX);
    }
    for (i = 0; i < n; i++) {
        if (!auth_method_known(list[i])) {
            return wd_rpc_fail_param(res, "methods",
                                     "there is no method %.*s; names are those "
                                     "of the API, as bars.query",
                                     WD_STR_ARG(list[i]));
        }
    }
    key->methods = list;
    key->n_methods = n;
    return WD_OK;
}


static int
auth_arg_expires(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_ns_t *ret)
{
    int rc;

    *ret = WD_NS_MAX;
    rc = wd_rpc_arg_int(call, "expires", ret);
    if (rc == WD_ENOTFOUND) {
        return WD_OK;
    }
    if (rc != WD_OK || *ret <= wd_now() || *ret == WD_NS_MAX) {
        return wd_rpc_fail_param(res, "expires",
                                 "expires must be a time in the future");
    }
    return WD_OK;
}


/* "live" unless said otherwise. */
static int
auth_arg_mode(const wd_rpc_call_t *call, wd_rpc_res_t *res, bool *ret_live)
{
    int      rc;
    wd_str_t mode = WD_STR("live");

    rc = wd_rpc_arg_str(call, "mode", &mode);
    *ret_live = wd_str_eq(mode, WD_STR("live"));
    if ((rc != WD_OK && rc != WD_ENOTFOUND)
        || (!*ret_live && !wd_str_eq(mode, WD_STR("test")))) {
        return wd_rpc_fail_param(res, "mode", "mode must be live or test");
    }
    return WD_OK;
}


static int
auth_arg_owner(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_apikey_t *key)
{
    int         rc;
    wd_str_t    ref;
    auth_user_t user;

    if (wd_rpc_arg_str(call, "user", &ref) != WD_OK) {
        return wd_rpc_fail_param(res, "user", "user is required");
    }

    rc = auth_arg_user(call, res, ref, &user);
    if (rc != WD_OK) {
        return rc;
    }

    key->user_id = user.id;
    key->email = user.email;
    return WD_OK;
}


static int
auth_arg_key(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_apikey_t *key,
             bool *ret_live)
{
    int rc;

    key->revoked_at = WD_NS_MAX;
    rc = auth_arg_perms(call, res, &key->perms, &key->n_perms);
    if (rc == WD_OK) {
        rc = auth_arg_expires(call, res, &key->expires_at);
    }
    if (rc == WD_OK) {
        rc = auth_arg_narrow(call, res, key);
    }
    if (rc == WD_OK) {
        rc = auth_arg_mode(call, res, ret_live);
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "name", AUTH_NAME_MAX, &key->name);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_arg_plan(call, res, &key->plan);
    return rc == WD_OK ? auth_arg_owner(call, res, key) : rc;
}


static int
auth_add_key(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_apikey_t *key,
             const char *secret)
{
    int        rc;
    auth_t    *a = call->svc;
    uint8_t    digest[AUTH_DIGEST_LEN], hash[AUTH_HASH_LEN];
    wd_error_t err;

    auth_key_digest(wd_str(secret, WD_APIKEY_LEN), digest);
    auth_key_hash(a->pepper, digest, hash);

    rc = auth_store_key_add(call->pg, key, hash, &err);
    if (rc == WD_OK) {
        auth_digests_put(a->digests, key->id, digest);
    }
    sodium_memzero(digest, sizeof(digest));

    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "plan", "there is no plan %.*s",
                                 WD_STR_ARG(key->plan));
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_keys_create(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    bool          live;
    char          secret[WD_APIKEY_LEN + 1];
    wd_json_t     j;
    auth_apikey_t key = {0};

    rc = auth_arg_key(call, res, &key, &live);
    if (rc != WD_OK) {
        return rc;
    }

    auth_key_make(live, secret);
    key.prefix = wd_str(secret, AUTH_KEY_SHOWN);
    key.last4 = wd_str(secret + WD_APIKEY_LEN - AUTH_KEY_LAST, AUTH_KEY_LAST);

    rc = auth_add_key(call, res, &key, secret);
    if (rc == WD_OK) {
        res->status = 201;
        wd_json_init(&j, &res->body);
        wd_json_obj(&j);
        wd_json_key(&j, "id");
        wd_json_int(&j, key.id);
        auth_json_str(&j, "key", wd_str(secret, WD_APIKEY_LEN));
        auth_json_apikey(&j, &key);
        wd_json_end(&j);
        wd_log_info(call->log, "key created", "request", call->ctx.id, "key",
                    key.id, "user", key.user_id, "by", call->ctx.principal);
    }

    sodium_memzero(secret, sizeof(secret));
    return rc;
}


static void
auth_list_key(const auth_apikey_t *key, void *arg)
{
    auth_page_t *page = arg;

    if (!auth_page_row(page, key->id)) {
        return;
    }

    wd_json_obj(&page->j);
    wd_json_key(&page->j, "id");
    wd_json_int(&page->j, key->id);
    auth_json_apikey(&page->j, key);
    auth_json_end(&page->j, "revoked_at", key->revoked_at);
    wd_json_end(&page->j);
}


int
auth_keys_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    wd_str_t    ref;
    wd_error_t  err;
    auth_page_t page;
    auth_user_t user = {0};

    rc = auth_arg_text(call, res, "user", AUTH_EMAIL_MAX, &ref);
    if (rc == WD_OK && ref.data != NULL) {
        rc = auth_arg_user(call, res, ref, &user);
    }
    if (rc == WD_OK) {
        rc = auth_page_begin(&page, call, res, "keys");
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_keys(call->pg, user.id, page.after, page.limit + 1,
                         call->pool, auth_list_key, &page, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    auth_page_end(&page, res);
    return WD_OK;
}


int
auth_keys_revoke(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    bool       fresh;
    auth_t    *a = call->svc;
    int64_t    id;
    wd_ns_t    at;
    wd_json_t  j;
    wd_error_t err;

    if (wd_rpc_arg_int(call, "id", &id) != WD_OK || id < 1) {
        return wd_rpc_fail_param(res, "id", "id must be a positive integer");
    }

    rc = auth_store_key_revoke(call->pg, id, &at, &fresh, &err);
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail(res, rc, "there is no key %lld", (long long) id);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    /* Not only by way of LISTEN: own gateways hear of it before the answer,
     * and also while LISTEN is lost. */
    auth_push_key(a->push, id, at);

    if (fresh) {
        wd_metric(WD_MX_KEYS_REVOKED, 1, NULL, NULL, NULL);
        wd_log_info(call->log, "key revoked", "request", call->ctx.id, "key",
                    id, "by", call->ctx.principal);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "id");
    wd_json_int(&j, id);
    auth_json_end(&j, "revoked_at", at);
    wd_json_end(&j);
    return WD_OK;
}
