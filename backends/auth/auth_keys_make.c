/*
 * auth_keys_make.c - API keys that are new: keys.create and keys.rotate.
 */
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_keys.h"
#include "auth_service.h"
#include "auth_store_roles.h"

#include <sodium.h>

#define AUTH_OVERLAP_S 86400
#define AUTH_OVERLAP_MAX_S 7776000


/* ---- keys.create -------------------------------------------------------- */

/* The catalogue's name of a method that keys are for. */
static bool
auth_method_known(wd_str_t name)
{
    const wd_method_t *m = wd_method_by_name(name);

    return m != NULL && m->path != NULL;
}


/* No list is no restriction, and an empty one is not one. */
static int
auth_arg_some(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *name,
              size_t max, wd_str_t **ret, size_t *ret_n)
{
    int rc = auth_arg_texts(call, res, name, max, ret, ret_n);

    return rc == WD_OK && *ret != NULL && *ret_n == 0 ? wd_rpc_fail_param(
               res, name, "%s must be a list of 1 to %zu", name, max)
                                                      : rc;
}


/* What the key is narrowed to. */
static int
auth_arg_narrow(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_apikey_t *key)
{
    int       rc;
    size_t    i;
    wd_str_t *list;

    rc = auth_arg_some(call, res, "networks", AUTH_KEY_NETWORKS_MAX, &list,
                       &key->n_networks);
    key->networks = list;
    for (i = 0; rc == WD_OK && i < key->n_networks; i++) {
        if (!auth_network_valid(list[i])) {
            rc = wd_rpc_fail_param(
                res, "networks",
                "networks must be as 203.0.113.0/24 or 2001:db8::/32, without "
                "bits beyond the prefix");
        }
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_arg_some(call, res, "methods", AUTH_KEY_METHODS_MAX, &list,
                       &key->n_methods);
    key->methods = list;
    for (i = 0; rc == WD_OK && i < key->n_methods; i++) {
        if (!auth_method_known(list[i])) {
            rc = wd_rpc_fail_param(res, "methods",
                                   "there is no method %.*s; names are those "
                                   "of the API, as bars.query",
                                   WD_STR_ARG(list[i]));
        }
    }
    return rc;
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


/* Without the argument it is oneself. */
static int
auth_arg_owner(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const auth_actor_t *actor, auth_apikey_t *key,
               wd_str_t *ret_plan)
{
    int         rc;
    char        self[AUTH_SUBJECT_MAX];
    int64_t     org_id;
    wd_str_t    ref;
    auth_user_t user;

    rc = auth_arg_text(call, res, "user", AUTH_EMAIL_MAX, &ref);
    if (rc == WD_OK && ref.data == NULL && actor->user_id == 0) {
        rc = wd_rpc_fail_param(res, "user", "user is required");
    }
    if (rc == WD_OK) {
        rc = auth_actor_org(call, res, actor, "orgs:write", &org_id);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (ref.data == NULL) {
        ref = auth_subject(self, "user", actor->user_id);
        org_id = actor->org_id;
    }
    rc = auth_keys_user(call, res, actor, "keys:write", ref, org_id, &user);
    if (rc == WD_OK) {
        rc = auth_keys_allowed(res, actor, user.id, "keys:write");
    }
    if (rc != WD_OK) {
        return rc;
    }

    key->user_id = user.id;
    key->org_id = user.org_id;
    key->email = user.email;
    *ret_plan = user.plan;
    return WD_OK;
}


static int
auth_alias_find(const auth_alias_t *v, size_t n, wd_str_t name,
                const auth_alias_t **ret)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (wd_str_eq(v[i].name, name)) {
            *ret = &v[i];
            return WD_OK;
        }
    }
    return WD_ENOTFOUND;
}


/* The product's scopes become the key's, when none are named. */
static int
auth_arg_product(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 auth_apikey_t *key)
{
    int                 rc;
    size_t              n;
    wd_error_t          err;
    auth_alias_t       *products;
    const auth_alias_t *product;

    rc = auth_arg_text(call, res, "product", 32, &key->product);
    if (rc != WD_OK || key->product.data == NULL) {
        return rc;
    }

    rc = auth_store_products(call->pg, call->pool, &products, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    if (auth_alias_find(products, n, key->product, &product) != WD_OK) {
        return wd_rpc_fail_param(res, "product", "there is no product %.*s",
                                 WD_STR_ARG(key->product));
    }
    if (key->scopes == NULL) {
        key->scopes = product->means;
        key->n_scopes = product->n_means;
    }
    return WD_OK;
}


/* What scopes and product stand for is added to the permissions. */
static int
auth_arg_scopes(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_apikey_t *key, wd_perms_t *perms)
{
    int                 rc;
    size_t              i, n, n_named;
    wd_str_t           *named;
    wd_error_t          err;
    auth_alias_t       *scopes;
    const auth_alias_t *scope;

    rc = auth_arg_texts(call, res, "scopes", AUTH_KEY_SCOPES_MAX, &named,
                        &n_named);
    key->scopes = named;
    key->n_scopes = n_named;
    if (rc == WD_OK) {
        rc = auth_arg_product(call, res, key);
    }
    if (rc != WD_OK || key->scopes == NULL) {
        return rc;
    }

    rc = auth_store_scopes(call->pg, call->pool, &scopes, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    for (i = 0; i < key->n_scopes; i++) {
        if (auth_alias_find(scopes, n, key->scopes[i], &scope) != WD_OK) {
            return wd_rpc_fail_param(res, "scopes", "there is no scope %.*s",
                                     WD_STR_ARG(key->scopes[i]));
        }
        if (wd_perms_add_all(perms, scope->means, scope->n_means) != WD_OK) {
            return wd_rpc_fail_param(res, "scopes",
                                     "scopes have too many permissions");
        }
    }
    return WD_OK;
}


/*
 * No more than the owner has, and than the caller has. `*` of a scope, and
 * what nobody named, means what the owner has.
 */
static int
auth_arg_key_perms(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const auth_actor_t *actor, auth_apikey_t *key)
{
    int           rc;
    wd_error_t    err;
    wd_perms_t    asked, of_scopes, perms;
    auth_rights_t owner;

    rc = auth_arg_perms(call, res, "permissions", &asked);
    if (rc == WD_OK) {
        rc = wd_perms_init(&of_scopes, call->pool, WD_PERMS_MAX);
    }
    if (rc == WD_OK) {
        rc = auth_arg_scopes(call, res, key, &of_scopes);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_rights(call->pg, key->user_id, call->pool, &owner, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    if (!wd_perms_cover_all(&owner.perms, &asked)) {
        return wd_rpc_fail_param(res, "permissions",
                                 "permissions go beyond those of the owner");
    }
    if (asked.n == 0 && of_scopes.n == 0) {
        rc = wd_perms_add(&of_scopes, WD_STR("*:read"));
    }

    /* Scopes are what was asked for, as far as the owner has it. */
    if (rc == WD_OK) {
        rc = wd_perms_init(&perms, call->pool, WD_PERMS_MAX);
    }
    if (rc == WD_OK) {
        rc = wd_perms_add_meet(&perms, &of_scopes, &owner.perms);
    }
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&perms, asked.v, asked.n);
    }
    if (rc == WD_ETOOBIG || (rc == WD_OK && perms.n == 0)) {
        return wd_rpc_fail_param(res, "permissions",
                                 perms.n == 0
                                     ? "permissions are none that the owner has"
                                     : "permissions are too many");
    }
    if (rc != WD_OK) {
        return rc;
    }
    key->perms = perms.v;
    key->n_perms = perms.n;
    return auth_actor_hands_on(actor, res, &perms);
}


static int
auth_arg_key(const wd_rpc_call_t *call, wd_rpc_res_t *res,
             const auth_actor_t *actor, auth_apikey_t *key, bool *ret_live)
{
    int      rc;
    wd_str_t owners;

    rc = auth_arg_owner(call, res, actor, key, &owners);
    if (rc == WD_OK) {
        rc = auth_arg_key_perms(call, res, actor, key);
    }
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
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "plan", WD_PLAN_MAX, &key->plan);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (key->plan.data == NULL) {
        key->plan = owners;
    }
    return wd_str_eq(key->plan, owners)
               ? WD_OK
               : auth_actor_plan(call, res, actor, key->plan);
}


/* Whoever was found a moment ago may have been deleted. */
static int
auth_hold_owner(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                const auth_apikey_t *key)
{
    int        rc;
    wd_error_t err;

    rc = auth_store_user_hold(call->pg, key->user_id, &err);
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "user", "there is no such user");
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


/*
 * A key makes none that may be used where, for what or when it may not itself:
 * that would be a way out for whoever found it. Its own successor says the
 * same as it does.
 */
static int
auth_maker_allows(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                  const auth_apikey_t *key)
{
    int           rc;
    int64_t       id;
    wd_error_t    err;
    auth_apikey_t maker;

    if (!auth_key_ref(call->ctx.key, &id) || id == key->rotated_from) {
        return WD_OK;
    }
    rc = auth_store_key(call->pg, id, true, call->pool, &maker, &err);
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        return auth_fail_store(call, res, rc, &err);
    }

    if (rc == WD_ENOTFOUND || maker.revoked_at != WD_NS_MAX) {
        return wd_rpc_fail(res, WD_EFORBIDDEN, "the key that asks has ended");
    }
    if (maker.n_networks != 0 || maker.n_methods != 0) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "a key that is limited to networks or methods makes "
                           "no other");
    }
    if (key->expires_at > maker.expires_at) {
        return wd_rpc_fail(res, WD_EFORBIDDEN,
                           "a key makes none that ends later than itself: "
                           "\"expires\" must say so");
    }
    return WD_OK;
}


/* Inside a transaction, which ends here: key->id and the secret are new. */
static int
auth_add_key(const wd_rpc_call_t *call, wd_rpc_res_t *res, bool live,
             auth_apikey_t *key, const char *action)
{
    int         rc;
    char        secret[WD_APIKEY_LEN + 1], subject[AUTH_SUBJECT_MAX];
    auth_t     *a = call->svc;
    uint8_t     digest[AUTH_DIGEST_LEN], hash[AUTH_HASH_LEN];
    wd_error_t  err;
    auth_note_t note = {.action = action};

    rc = auth_hold_owner(call, res, key);
    if (rc == WD_OK) {
        rc = auth_maker_allows(call, res, key);
    }
    if (rc != WD_OK) {
        return rc;
    }

    auth_key_make(live, secret);
    key->prefix = wd_str(secret, AUTH_KEY_SHOWN);
    key->last4 = wd_str(secret + WD_APIKEY_LEN - AUTH_KEY_LAST, AUTH_KEY_LAST);
    auth_key_digest(wd_str(secret, WD_APIKEY_LEN), digest);
    auth_key_hash(a->pepper, digest, hash);

    rc = auth_store_key_add(call->pg, key, hash, &err);
    if (rc == WD_ENOTFOUND) {
        rc = wd_rpc_fail_param(res, "plan", "there is no plan %.*s",
                               WD_STR_ARG(key->plan));
    } else if (rc == WD_OK) {
        auth_note_key(call, &note, subject, key);
        rc = auth_audit_commit(call, &note, &err);
        if (rc != WD_OK) {
            rc = auth_fail_store(call, res, rc, &err);
        }
    } else {
        rc = auth_fail_store(call, res, rc, &err);
    }

    if (rc == WD_OK) {
        auth_digests_put(a->digests, key->id, digest);
        res->status = 201;
        auth_answer_key(call, res, key, secret);
        wd_log_info(call->log, "key created", "request", call->ctx.id, "key",
                    key->id, "user", key->user_id, "by", call->ctx.principal);
    }
    sodium_memzero(digest, sizeof(digest));
    sodium_memzero(secret, sizeof(secret));
    return rc;
}


int
auth_keys_create(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    bool          live;
    wd_error_t    err;
    auth_actor_t  actor;
    auth_apikey_t key = {0};

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_arg_key(call, res, &actor, &key, &live);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    return rc == WD_OK ? auth_add_key(call, res, live, &key, "keys.create")
                       : auth_fail_store(call, res, rc, &err);
}


/* ---- keys.rotate -------------------------------------------------------- */

/* What the new key says is what the old one says, as far as both may. */
static int
auth_rotated_perms(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const auth_actor_t *actor, auth_apikey_t *key)
{
    int           rc;
    wd_error_t    err;
    wd_perms_t    says, counts;
    auth_rights_t owner;

    rc = wd_perms_init(&says, call->pool, WD_PERMS_MAX);
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&says, key->perms, key->n_perms);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (!actor->session || actor->user_id != key->user_id) {
        return auth_actor_hands_on(actor, res, &says);
    }

    /* One's own with an access token: as much of it as counts now, because a
     * token may say less than its user has. */
    rc = auth_store_rights(call->pg, key->user_id, call->pool, &owner, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = wd_perms_init(&counts, call->pool, WD_PERMS_MAX);
    if (rc == WD_OK) {
        rc = wd_perms_add_meet(&counts, &says, &owner.perms);
    }
    return rc == WD_OK ? auth_actor_hands_on(actor, res, &counts) : rc;
}


int
auth_keys_rotate(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    int64_t       overlap_s = AUTH_OVERLAP_S;
    wd_ns_t       end;
    wd_error_t    err;
    auth_actor_t  actor;
    auth_apikey_t key;

    rc = auth_arg_int(call, res, "overlap", 0, AUTH_OVERLAP_MAX_S, &overlap_s);
    if (rc != WD_OK) {
        return rc;
    }
    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    rc = auth_arg_key_id(call, res, "keys:write", "orgs:write", true, &actor,
                         &key);
    if (rc == WD_OK
        && (key.revoked_at != WD_NS_MAX || key.expires_at <= wd_now())) {
        rc = wd_rpc_fail(res, WD_EEXIST,
                         "the key has ended: make a new one instead");
    }
    if (rc == WD_OK) {
        rc = auth_rotated_perms(call, res, &actor, &key);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_key_expire(call->pg, key.id, overlap_s, &end, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    key.rotated_from = key.id;
    return auth_add_key(call, res, wd_str_starts(key.prefix, "wd_live_"), &key,
                        "keys.rotate");
}
