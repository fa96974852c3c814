/*
 * auth_keys.c - API keys: whose they are, how they are shown, and revoking.
 *
 * One's own keys belong to the account (auth_actor_self()); for those of
 * others keys:read or keys:write is needed, and their organisation reached.
 */
#include "auth_keys.h"

#include "auth_answer.h"
#include "auth_check.h"
#include "auth_service.h"
#include "wd_metrics.h"


static const wd_col_t auth_key_cols[] = {
    {"id", WD_COL_INT},           {"prefix", WD_COL_STR},
    {"last4", WD_COL_STR},        {"user", WD_COL_STR},
    {"user_id", WD_COL_INT},      {"name", WD_COL_STR},
    {"permissions", WD_COL_LIST}, {"scopes", WD_COL_LIST},
    {"product", WD_COL_STR},      {"networks", WD_COL_LIST},
    {"methods", WD_COL_LIST},     {"plan", WD_COL_STR},
    {"created_at", WD_COL_TIME},  {"expires_at", WD_COL_TIME},
    {"revoked_at", WD_COL_TIME},  {"last_used_at", WD_COL_TIME},
    {"rotated_from", WD_COL_INT},
};

/* The same with the secret, the only time that it is shown. */
static const wd_col_t auth_new_key_cols[] = {
    {"key", WD_COL_STR},           {"id", WD_COL_INT},
    {"prefix", WD_COL_STR},        {"last4", WD_COL_STR},
    {"user", WD_COL_STR},          {"user_id", WD_COL_INT},
    {"name", WD_COL_STR},          {"permissions", WD_COL_LIST},
    {"scopes", WD_COL_LIST},       {"product", WD_COL_STR},
    {"networks", WD_COL_LIST},     {"methods", WD_COL_LIST},
    {"plan", WD_COL_STR},          {"created_at", WD_COL_TIME},
    {"expires_at", WD_COL_TIME},   {"revoked_at", WD_COL_TIME},
    {"last_used_at", WD_COL_TIME}, {"rotated_from", WD_COL_INT},
};

_Static_assert(wd_array_len(auth_new_key_cols)
                   == wd_array_len(auth_key_cols) + 1,
               "a key and its secret");


/* From the id on. */
static void
auth_put_key(wd_rows_t *rows, const auth_apikey_t *k)
{
    wd_rows_int(rows, k->id);
    wd_rows_str(rows, k->prefix);
    wd_rows_str(rows, k->last4);
    wd_rows_str(rows, k->email);
    wd_rows_int(rows, k->user_id);
    wd_rows_str(rows, k->name);
    wd_rows_list(rows, k->perms, k->n_perms);
    wd_rows_list(rows, k->scopes, k->n_scopes);
    wd_rows_str(rows, k->product);
    wd_rows_list(rows, k->networks, k->n_networks);
    wd_rows_list(rows, k->methods, k->n_methods);
    wd_rows_str(rows, k->plan);
    wd_rows_time(rows, k->created_at);
    auth_rows_end_time(rows, k->expires_at);
    auth_rows_end_time(rows, k->revoked_at);
    auth_rows_end_time(rows, k->last_used_at);
    if (k->rotated_from != 0) {
        wd_rows_int(rows, k->rotated_from);
    } else {
        wd_rows_null(rows);
    }
}


void
auth_answer_key(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                const auth_apikey_t *key, const char *secret)
{
    wd_rows_t rows;

    if (secret == NULL) {
        wd_rows_single(&rows, &res->body, call->ctx.format, auth_key_cols,
                       wd_array_len(auth_key_cols));
        wd_rows_row(&rows);
    } else {
        wd_rows_single(&rows, &res->body, call->ctx.format, auth_new_key_cols,
                       wd_array_len(auth_new_key_cols));
        wd_rows_row(&rows);
        wd_rows_str(&rows, wd_str(secret, WD_APIKEY_LEN));
    }
    auth_put_key(&rows, key);
}


/* ---- whose keys --------------------------------------------------------- */

/* WD_OK: those of that user, or with user_id 0 of all, may be touched. */
int
auth_keys_allowed(wd_rpc_res_t *res, const auth_actor_t *actor, int64_t user_id,
                  const char *perm)
{
    if (wd_perms_cover(&actor->perms, wd_str_z(perm))) {
        return WD_OK;
    }
    if (user_id != 0 && user_id == actor->user_id) {
        return actor->session
                       || wd_perms_cover(&actor->perms, WD_STR("account:write"))
                   ? WD_OK
                   : wd_rpc_fail(res, WD_EFORBIDDEN,
                                 "keys are managed with an access token: log "
                                 "in; a key needs the permission %s",
                                 perm);
    }
    return wd_rpc_fail(res, WD_EFORBIDDEN,
                       "the keys of others need the permission %s", perm);
}


/*
 * The user whom a text names. Who may touch no keys but their own does not
 * learn whether there are others.
 */
int
auth_keys_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
               const auth_actor_t *actor, const char *perm, wd_str_t ref,
               int64_t org_id, auth_user_t *ret)
{
    int         rc;
    int64_t     id;
    wd_error_t  err;
    auth_user_t own;

    if (actor->kind != AUTH_ACTOR_USER
        || wd_perms_cover(&actor->perms, wd_str_z(perm))) {
        return auth_arg_user(call, res, ref, org_id, ret);
    }

    rc = auth_store_user(call->pg, actor->user_id, call->pool, &own, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    return (auth_user_id(ref, &id) ? id == own.id : wd_str_ieq(ref, own.email))
               ? auth_arg_user(call, res, ref, org_id, ret)
               : auth_keys_allowed(res, actor, 0, perm);
}


/* The key of the path. What is not one's own and not reached is not there. */
int
auth_arg_key_id(const wd_rpc_call_t *call, wd_rpc_res_t *res, const char *perm,
                const char *orgs, bool lock, auth_actor_t *actor,
                auth_apikey_t *ret)
{
    int        rc;
    int64_t    id;
    wd_error_t err;

    rc = auth_actor(call, res, actor);
    if (rc == WD_OK) {
        rc = auth_arg_id(call, res, &id);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_key(call->pg, id, lock, call->pool, ret, &err);
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        return auth_fail_store(call, res, rc, &err);
    }
    if (rc == WD_OK && ret->user_id == actor->user_id) {
        return auth_keys_allowed(res, actor, ret->user_id, perm);
    }
    if (rc == WD_OK && auth_actor_reaches(actor, ret->org_id, orgs)
        && wd_perms_cover(&actor->perms, wd_str_z(perm))) {
        return WD_OK;
    }
    return wd_rpc_fail(res, WD_ENOTFOUND, "there is no key %lld",
                       (long long) id);
}


void
auth_note_key(const wd_rpc_call_t *call, auth_note_t *note,
              char subject[AUTH_SUBJECT_MAX], const auth_apikey_t *key)
{
    char      owner[AUTH_SUBJECT_MAX];
    wd_buf_t  detail = WD_BUF_INIT;
    wd_json_t j;

    note->org_id = key->org_id;
    note->subject = auth_subject(subject, "key", key->id);
    wd_json_init(&j, &detail);
    wd_json_obj(&j);
    auth_json_str(&j, "owner", auth_subject(owner, "user", key->user_id));
    auth_json_str(&j, "prefix", key->prefix);
    auth_json_str(&j, "plan", key->plan);
    auth_json_strs(&j, "permissions", key->perms, key->n_perms);
    if (key->rotated_from != 0) {
        auth_json_int(&j, "rotated_from", key->rotated_from);
    }
    wd_json_end(&j);
    auth_note_detail(call, note, &detail);
}


/* ---- keys.list and keys.get --------------------------------------------- */

/* Who may not see all sees their own. */
static int
auth_keys_filter(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 const auth_actor_t *actor, int64_t *ret_org, int64_t *ret_user)
{
    int         rc;
    wd_str_t    ref;
    auth_user_t user;

    rc = auth_arg_text(call, res, "user", AUTH_EMAIL_MAX, &ref);
    if (rc == WD_OK) {
        rc = auth_actor_org(call, res, actor, "orgs:read", ret_org);
    }
    if (rc != WD_OK) {
        return rc;
    }

    *ret_user = 0;
    if (ref.data != NULL) {
        rc = auth_keys_user(call, res, actor, "keys:read", ref, *ret_org,
                            &user);
        *ret_user = rc == WD_OK ? user.id : 0;
    } else if (!wd_perms_cover(&actor->perms, WD_STR("keys:read"))) {
        *ret_user = actor->user_id;
    }
    return rc == WD_OK ? auth_keys_allowed(res, actor, *ret_user, "keys:read")
                       : rc;
}


int
auth_keys_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int            rc;
    size_t         i, n;
    int64_t        org_id, user_id;
    wd_error_t     err;
    auth_page_t    page;
    auth_actor_t   actor;
    auth_apikey_t *keys;

    rc = auth_actor(call, res, &actor);
    if (rc == WD_OK) {
        rc = auth_keys_filter(call, res, &actor, &org_id, &user_id);
    }
    if (rc == WD_OK) {
        rc = auth_page_begin(&page, call, res, "keys", auth_key_cols,
                             wd_array_len(auth_key_cols));
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_keys(call->pg, org_id, user_id, page.after, page.limit + 1,
                         call->pool, &keys, &n, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    for (i = 0; i < n; i++) {
        if (auth_page_row(&page, keys[i].id)) {
            wd_rows_row(&page.rows);
            auth_put_key(&page.rows, &keys[i]);
        }
    }
    auth_page_end(&page, res);
    return WD_OK;
}


int
auth_keys_get(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    auth_actor_t  actor;
    auth_apikey_t key;

    rc = auth_arg_key_id(call, res, "keys:read", "orgs:read", false, &actor,
                         &key);
    if (rc == WD_OK) {
        auth_answer_key(call, res, &key, NULL);
    }
    return rc;
}


/* ---- keys.revoke -------------------------------------------------------- */

static int
auth_revoke_commit(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                   const auth_apikey_t *key, wd_ns_t *ret_at)
{
    int         rc;
    bool        fresh;
    char        subject[AUTH_SUBJECT_MAX];
    wd_error_t  err;
    auth_note_t note = {.action = "keys.revoke"};

    rc = auth_store_key_revoke(call->pg, key->id, ret_at, &fresh, &err);
    if (rc == WD_OK) {
        auth_note_key(call, &note, subject, key);
        rc = auth_audit_commit(call, &note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    if (fresh) {
        wd_metric(WD_MX_KEYS_REVOKED, 1, NULL, NULL, NULL);
        wd_log_info(call->log, "key revoked", "request", call->ctx.id, "key",
                    key->id, "by", call->ctx.principal);
    }
    return WD_OK;
}


int
auth_keys_revoke(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    auth_t       *a = call->svc;
    wd_ns_t       at;
    wd_json_t     j;
    wd_error_t    err;
    auth_actor_t  actor;
    auth_apikey_t key;

    rc = wd_pg_begin(call->pg, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    rc = auth_arg_key_id(call, res, "keys:write", "orgs:write", true, &actor,
                         &key);
    if (rc == WD_OK) {
        rc = auth_revoke_commit(call, res, &key, &at);
    }
    if (rc != WD_OK) {
        return rc;
    }

    /* Not only by way of LISTEN: own gateways hear of it before the answer,
     * and also while LISTEN is lost. */
    auth_push_key(a->push, key.id, at);

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_int(&j, "id", key.id);
    auth_json_end(&j, "revoked_at", at);
    wd_json_end(&j);
    return WD_OK;
}
