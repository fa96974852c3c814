/*
 * auth_store_keys.c - the SQL of API keys and of verdicts on them.
 */
#include "auth_store_keys.h"

#define AUTH_KEY_SELECT                                                     \
    "SELECT k.id, k.user_id, u.org_id, u.email, k.prefix, k.last4, k.name," \
    " k.plan, k.product, array_to_string(k.permissions, ' '),"              \
    " array_to_string(k.networks, ' '), array_to_string(k.methods, ' '),"   \
    " array_to_string(k.scopes, ' '), coalesce(k.rotated_from, 0),"         \
    " k.created_at, k.expires_at, k.revoked_at, k.last_used_at"             \
    " FROM api_key k JOIN app_user u ON u.id = k.user_id"


int
auth_store_key_add(wd_pg_conn_t *c, auth_apikey_t *key,
                   const uint8_t hash[AUTH_HASH_LEN], wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_int(key->user_id),
        auth_param_bytes(hash, AUTH_HASH_LEN),
        wd_pg_text(key->prefix),
        wd_pg_text(key->last4),
        auth_param_text(key->name),
        wd_pg_texts(key->perms, key->n_perms),
        wd_pg_text(key->plan),
        auth_param_texts(key->networks, key->n_networks),
        auth_param_texts(key->methods, key->n_methods),
        auth_param_end(key->expires_at),
        auth_param_texts(key->scopes, key->n_scopes),
        auth_param_text(key->product),
        auth_param_id(key->rotated_from),
    };

    /* No row instead of a violated key tells an unknown plan apart. */
    rc = auth_exec_found(
        c,
        "INSERT INTO api_key (user_id, hash, prefix, last4, name,"
        " permissions, plan, networks, methods, expires_at, scopes, product,"
        " rotated_from)"
        " SELECT $1, $2, $3, $4, $5, $6, p.name, $8::cidr[], $9, $10, $11,"
        " $12, $13"
        " FROM plan p WHERE p.name = $7"
        " RETURNING id, created_at",
        params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    key->id = wd_pg_get_int(r, 0, 0);
    key->created_at = wd_pg_get_ts(r, 0, 1);
    key->revoked_at = key->last_used_at = WD_NS_MAX;
    PQclear(r);
    return WD_OK;
}


static int
auth_get_apikey(auth_row_t *row, void *arg)
{
    wd_str_t      *perms, *networks, *methods, *scopes;
    auth_apikey_t *ret = arg;

    ret->id = wd_pg_get_int(row->r, row->row, 0);
    ret->user_id = wd_pg_get_int(row->r, row->row, 1);
    ret->org_id = wd_pg_get_int(row->r, row->row, 2);
    ret->email = auth_row_str(row, 3);
    ret->prefix = auth_row_str(row, 4);
    ret->last4 = auth_row_str(row, 5);
    ret->name = auth_row_str(row, 6);
    ret->plan = auth_row_str(row, 7);
    ret->product = auth_row_str(row, 8);
    auth_row_words(row, 9, WD_PERMS_MAX, &perms, &ret->n_perms);
    auth_row_words(row, 10, AUTH_KEY_NETWORKS_MAX, &networks, &ret->n_networks);
    auth_row_words(row, 11, AUTH_KEY_METHODS_MAX, &methods, &ret->n_methods);
    auth_row_words(row, 12, AUTH_KEY_SCOPES_MAX, &scopes, &ret->n_scopes);
    ret->perms = perms;
    ret->networks = networks;
    ret->methods = methods;
    ret->scopes = scopes;
    ret->rotated_from = wd_pg_get_int(row->r, row->row, 13);
    ret->created_at = wd_pg_get_ts(row->r, row->row, 14);
    ret->expires_at = auth_row_end(row, 15);
    ret->revoked_at = auth_row_end(row, 16);
    ret->last_used_at = auth_row_end(row, 17);
    return row->rc;
}


int
auth_store_key(wd_pg_conn_t *c, int64_t id, bool lock, wd_pool_t *pool,
               auth_apikey_t *ret, wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_int(id);

    return auth_select_one(c,
                           lock ? AUTH_KEY_SELECT
                               " WHERE k.id = $1 FOR UPDATE OF k"
                                : AUTH_KEY_SELECT " WHERE k.id = $1",
                           &param, 1, pool, auth_get_apikey, ret, err);
}


int
auth_store_keys(wd_pg_conn_t *c, int64_t org_id, int64_t user_id, int64_t after,
                int64_t limit, wd_pool_t *pool, auth_apikey_t **ret,
                size_t *ret_n, wd_error_t *err)
{
    int                 rc;
    auth_rows_t         rows;
    const wd_pg_param_t params[] = {
        wd_pg_int(org_id),
        wd_pg_int(user_id),
        wd_pg_int(after),
        wd_pg_int(limit),
    };

    rc = auth_select(c,
                     AUTH_KEY_SELECT
                     " WHERE u.org_id = $1 AND ($2 = 0 OR k.user_id = $2)"
                     " AND k.id > $3 ORDER BY k.id LIMIT $4",
                     params, wd_array_len(params), pool, auth_get_apikey,
                     sizeof(**ret), &rows, err);
    if (rc == WD_OK) {
        *ret = rows.v;
        *ret_n = rows.n;
    }
    return rc;
}


int
auth_store_key_revoke(wd_pg_conn_t *c, int64_t id, wd_ns_t *ret_at,
                      bool *ret_fresh, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t param = wd_pg_int(id);

    /* A trigger announces the first time, and this the others. */
    rc = auth_exec_found(c,
                         "WITH revoked AS ("
                         " UPDATE api_key SET revoked_at = coalesce(revoked_at,"
                         " now()) WHERE id = $1 RETURNING id, revoked_at)"
                         " SELECT revoked_at, revoked_at = now(),"
                         " CASE WHEN revoked_at <> now()"
                         " THEN auth_tell_keys(ARRAY[id])::text END"
                         " FROM revoked",
                         &param, 1, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    *ret_at = wd_pg_get_ts(r, 0, 0);
    *ret_fresh = wd_pg_get_bool(r, 0, 1);
    PQclear(r);
    return WD_OK;
}


int
auth_store_key_expire(wd_pg_conn_t *c, int64_t id, int64_t seconds,
                      wd_ns_t *ret, wd_error_t *err)
{
    const wd_pg_param_t params[] = {wd_pg_int(id), wd_pg_int(seconds)};

    return auth_exec_time(c,
                          "UPDATE api_key SET expires_at = least(expires_at,"
                          " now() + $2 * interval '1 second') WHERE id = $1"
                          " RETURNING expires_at",
                          params, wd_array_len(params), ret, err);
}


/* What the key says, and of it what its owner has. */
static int
auth_get_verdict(auth_row_t *row, void *arg)
{
    int             rc;
    size_t          n;
    wd_str_t       *perms;
    wd_perms_t      of_key;
    auth_rights_t   owner;
    auth_verdict_t *ret = arg;

    ret->key_id = wd_pg_get_int(row->r, row->row, 0);
    ret->user_id = wd_pg_get_int(row->r, row->row, 1);
    ret->plan = auth_row_str(row, 2);
    auth_row_words(row, 3, WD_PERMS_MAX, &perms, &n);
    ret->expires_at = auth_row_end(row, 4);
    auth_row_words(row, 5, AUTH_KEY_NETWORKS_MAX, &ret->networks,
                   &ret->n_networks);
    auth_row_words(row, 6, AUTH_KEY_METHODS_MAX, &ret->methods,
                   &ret->n_methods);

    rc = auth_rights_read(row, 7, &owner);
    if (rc == WD_OK) {
        rc = wd_perms_init(&of_key, row->pool, WD_PERMS_MAX);
    }
    if (rc == WD_OK) {
        rc = wd_perms_add_all(&of_key, perms, n);
    }
    if (rc == WD_OK) {
        rc = wd_perms_init(&ret->perms, row->pool, WD_PERMS_MAX);
    }
    return rc == WD_OK ? wd_perms_add_meet(&ret->perms, &of_key, &owner.perms)
                       : rc;
}


int
auth_store_verify(wd_pg_conn_t *c, const uint8_t hash[AUTH_HASH_LEN],
                  wd_pool_t *pool, auth_verdict_t *ret, wd_error_t *err)
{
    const wd_pg_param_t param = auth_param_bytes(hash, AUTH_HASH_LEN);

    return auth_select_one(
        c,
        "SELECT k.id, k.user_id, k.plan,"
        " array_to_string(k.permissions, ' '), k.expires_at,"
        " array_to_string(k.networks, ' '), array_to_string(k.methods, ' '),"
        " " AUTH_RIGHTS_COLUMNS
        " FROM api_key k JOIN app_user u ON u.id = k.user_id"
        " JOIN org o ON o.id = u.org_id"
        " WHERE k.hash = $1 AND k.revoked_at IS NULL"
        " AND (k.expires_at IS NULL OR k.expires_at > now())"
        " AND NOT u.disabled AND NOT o.disabled AND u.deleted_at IS NULL",
        &param, 1, pool, auth_get_verdict, ret, err);
}


int
auth_store_keys_used(wd_pg_conn_t *c, const wd_str_t *keys, size_t n,
                     wd_error_t *err)
{
    const wd_pg_param_t param = wd_pg_texts(keys, n);

    /* In one order, so that reports never wait for each other in a circle. */
    return wd_pg_exec(
        c,
        "UPDATE api_key k SET last_used_at = now()"
        " FROM (SELECT id FROM api_key"
        " WHERE id IN (SELECT substr(x, 5)::bigint FROM unnest($1) x"
        " WHERE x ~ '^key:[0-9]{1,18}$')"
        " AND (last_used_at IS NULL"
        " OR last_used_at < now() - interval '1 minute')"
        " ORDER BY id FOR UPDATE SKIP LOCKED) used"
        " WHERE k.id = used.id",
        &param, 1, NULL, err);
}
