/*
 * auth_store.c - the SQL of users and API keys.
 *
 * Permissions, networks and methods travel as one text with blanks between
 * them: their grammars have no blank, and it saves reading arrays.
 */
#include "auth_store.h"

#define AUTH_USER_COLUMNS \
    "id, email, name, password_hash IS NOT NULL, disabled, created_at"


static wd_str_t
auth_get_text(const PGresult *r, int row, int col)
{
    return wd_pg_is_null(r, row, col) ? WD_STR_NULL
                                      : wd_pg_get_str(r, row, col);
}


static wd_ns_t
auth_get_end(const PGresult *r, int row, int col)
{
    return wd_pg_is_null(r, row, col) ? WD_NS_MAX : wd_pg_get_ts(r, row, col);
}


static wd_pg_param_t
auth_param_text(wd_str_t s)
{
    return s.data != NULL ? wd_pg_text(s) : wd_pg_null();
}


/* No items are no restriction: null. */
static wd_pg_param_t
auth_param_texts(const wd_str_t *v, size_t n)
{
    return n != 0 ? wd_pg_texts(v, n)
                  : ((wd_pg_param_t){.type = WD_PG_NULL_TEXTS});
}


static void
auth_get_user(const PGresult *r, int row, auth_user_t *ret)
{
    ret->id = wd_pg_get_int(r, row, 0);
    ret->email = wd_pg_get_str(r, row, 1);
    ret->name = auth_get_text(r, row, 2);
    ret->has_password = wd_pg_get_bool(r, row, 3);
    ret->disabled = wd_pg_get_bool(r, row, 4);
    ret->created_at = wd_pg_get_ts(r, row, 5);
}


/* Copies a column into the pool and cuts it into words, `max` at most. */
static int
auth_get_words(const PGresult *r, int row, int col, wd_pool_t *pool, size_t max,
               wd_str_t **ret, size_t *ret_n)
{
    size_t   n = 0;
    char    *copy;
    wd_str_t rest, *words, text = wd_pg_get_str(r, row, col);

    *ret = NULL;
    *ret_n = 0;
    if (wd_pg_is_null(r, row, col) || text.len == 0) {
        return WD_OK;
    }

    copy = wd_pool_strdup(pool, text);
    words = wd_pool_alloc(pool, max * sizeof(*words));
    if (copy == NULL || words == NULL) {
        return WD_ENOMEM;
    }

    rest = wd_str(copy, text.len);
    while (n < max && wd_str_split(&rest, ' ', &words[n])) {
        n++;
    }

    *ret = words;
    *ret_n = n;
    return WD_OK;
}


/* A copy of `s` in the pool; false when there is no memory. */
static bool
auth_keep(wd_pool_t *pool, wd_str_t *s)
{
    if (s->data != NULL) {
        s->data = wd_pool_strdup(pool, *s);
        return s->data != NULL;
    }
    return true;
}


int
auth_store_user_add(wd_pg_conn_t *c, auth_user_t *user,
                    const char *password_hash, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_text(user->email),
        auth_param_text(user->name),
        auth_param_text(wd_str_z(password_hash)),
    };

    rc = wd_pg_exec(c,
                    "INSERT INTO app_user (email, name, password_hash)"
                    " VALUES ($1, $2, $3) RETURNING id, created_at",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    user->id = wd_pg_get_int(r, 0, 0);
    user->created_at = wd_pg_get_ts(r, 0, 1);
    PQclear(r);
    return WD_OK;
}


int
auth_store_user_find(wd_pg_conn_t *c, wd_str_t email, int64_t id,
                     wd_pool_t *pool, auth_user_t *ret, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    auth_user_t         user;
    const wd_pg_param_t by_email = wd_pg_text(email);
    const wd_pg_param_t by_id = wd_pg_int(id);

    rc = email.len != 0
             ? wd_pg_exec(c,
                          "SELECT " AUTH_USER_COLUMNS " FROM app_user"
                          " WHERE lower(email) = lower($1)",
                          &by_email, 1, &r, err)
             : wd_pg_exec(c,
                          "SELECT " AUTH_USER_COLUMNS " FROM app_user"
                          " WHERE id = $1",
                          &by_id, 1, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    if (PQntuples(r) == 0) {
        PQclear(r);
        return wd_error(err, WD_ENOTFOUND, "no such user");
    }

    auth_get_user(r, 0, &user);
    rc = auth_keep(pool, &user.email) && auth_keep(pool, &user.name)
             ? WD_OK
             : wd_error(err, WD_ENOMEM, "no memory");
    PQclear(r);

    if (rc == WD_OK) {
        *ret = user;
    }
    return rc;
}


int
auth_store_users(wd_pg_conn_t *c, int64_t after, int64_t limit, auth_user_pt fn,
                 void *arg, wd_error_t *err)
{
    int                 rc, i;
    PGresult           *r;
    auth_user_t         user;
    const wd_pg_param_t params[] = {wd_pg_int(after), wd_pg_int(limit)};

    rc = wd_pg_exec(c,
                    "SELECT " AUTH_USER_COLUMNS " FROM app_user"
                    " WHERE id > $1 ORDER BY id LIMIT $2",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < PQntuples(r); i++) {
        auth_get_user(r, i, &user);
        fn(&user, arg);
    }
    PQclear(r);
    return WD_OK;
}


int
auth_store_key_add(wd_pg_conn_t *c, auth_apikey_t *key,
                   const uint8_t hash[AUTH_HASH_LEN], wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t params[] = {
        wd_pg_int(key->user_id),
        wd_pg_bytes(wd_str((const char *) hash, AUTH_HASH_LEN)),
        wd_pg_text(key->prefix),
        wd_pg_text(key->last4),
        auth_param_text(key->name),
        wd_pg_texts(key->perms, key->n_perms),
        wd_pg_text(key->plan),
        auth_param_texts(key->networks, key->n_networks),
        auth_param_texts(key->methods, key->n_methods),
        key->expires_at != WD_NS_MAX ? wd_pg_ts(key->expires_at)
                                     : ((wd_pg_param_t){.type = WD_PG_NULL_TS}),
    };

    /* No row instead of a violated key tells an unknown plan apart. */
    rc = wd_pg_exec(c,
                    "INSERT INTO api_key (user_id, hash, prefix, last4, name,"
                    " permissions, plan, networks, methods, expires_at)"
                    " SELECT $1, $2, $3, $4, $5, $6, p.name, $8::cidr[], $9,"
                    " $10"
                    " FROM plan p WHERE p.name = $7"
                    " RETURNING id, created_at",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    if (PQntuples(r) == 0) {
        PQclear(r);
        return wd_error(err, WD_ENOTFOUND, "no such plan");
    }

    key->id = wd_pg_get_int(r, 0, 0);
    key->created_at = wd_pg_get_ts(r, 0, 1);
    PQclear(r);
    return WD_OK;
}


static int
auth_get_apikey(const PGresult *r, int row, wd_pool_t *pool, auth_apikey_t *ret)
{
    int       rc;
    wd_str_t *perms, *networks = NULL, *methods = NULL;

    rc = auth_get_words(r, row, 7, pool, WD_PERMS_MAX, &perms, &ret->n_perms);
    if (rc == WD_OK) {
        rc = auth_get_words(r, row, 11, pool, AUTH_KEY_NETWORKS_MAX, &networks,
                            &ret->n_networks);
    }
    if (rc == WD_OK) {
        rc = auth_get_words(r, row, 12, pool, AUTH_KEY_METHODS_MAX, &methods,
                            &ret->n_methods);
    }
    if (rc != WD_OK) {
        return rc;
    }

    ret->perms = perms;
    ret->networks = networks;
    ret->methods = methods;
    ret->id = wd_pg_get_int(r, row, 0);
    ret->user_id = wd_pg_get_int(r, row, 1);
    ret->email = wd_pg_get_str(r, row, 2);
    ret->prefix = wd_pg_get_str(r, row, 3);
    ret->last4 = wd_pg_get_str(r, row, 4);
    ret->name = auth_get_text(r, row, 5);
    ret->plan = wd_pg_get_str(r, row, 6);
    ret->created_at = wd_pg_get_ts(r, row, 8);
    ret->expires_at = auth_get_end(r, row, 9);
    ret->revoked_at = auth_get_end(r, row, 10);
    return WD_OK;
}


int
auth_store_keys(wd_pg_conn_t *c, int64_t user_id, int64_t after, int64_t limit,
                wd_pool_t *pool, auth_apikey_pt fn, void *arg, wd_error_t *err)
{
    int                 rc, i;
    PGresult           *r;
    auth_apikey_t       key;
    const wd_pg_param_t params[] = {
        wd_pg_int(user_id),
        wd_pg_int(after),
        wd_pg_int(limit),
    };

    rc = wd_pg_exec(c,
                    "SELECT k.id, k.user_id, u.email, k.prefix, k.last4,"
                    " k.name, k.plan, array_to_string(k.permissions, ' '),"
                    " k.created_at, k.expires_at, k.revoked_at,"
                    " array_to_string(k.networks, ' '),"
                    " array_to_string(k.methods, ' ')"
                    " FROM api_key k JOIN app_user u ON u.id = k.user_id"
                    " WHERE ($1 = 0 OR k.user_id = $1) AND k.id > $2"
                    " ORDER BY k.id LIMIT $3",
                    params, wd_array_len(params), &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; rc == WD_OK && i < PQntuples(r); i++) {
        rc = auth_get_apikey(r, i, pool, &key);
        if (rc == WD_OK) {
            fn(&key, arg);
        }
    }
    PQclear(r);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "no memory");
}


int
auth_store_key_revoke(wd_pg_conn_t *c, int64_t id, wd_ns_t *ret_at,
                      bool *ret_fresh, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t param = wd_pg_int(id);

    /* A trigger announces the first time, and this the others. */
    rc = wd_pg_exec(c,
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

    if (PQntuples(r) == 0) {
        PQclear(r);
        return wd_error(err, WD_ENOTFOUND, "no such key");
    }

    *ret_at = wd_pg_get_ts(r, 0, 0);
    *ret_fresh = wd_pg_get_bool(r, 0, 1);
    PQclear(r);
    return WD_OK;
}


static int
auth_get_verdict(const PGresult *r, wd_pool_t *pool, auth_verdict_t *ret)
{
    int rc;

    ret->key_id = wd_pg_get_int(r, 0, 0);
    ret->user_id = wd_pg_get_int(r, 0, 1);
    ret->plan = wd_pg_get_str(r, 0, 2);
    ret->expires_at = auth_get_end(r, 0, 4);

    if (!auth_keep(pool, &ret->plan)) {
        return WD_ENOMEM;
    }

    rc = auth_get_words(r, 0, 3, pool, WD_PERMS_MAX, &ret->perms,
                        &ret->n_perms);
    if (rc == WD_OK) {
        rc = auth_get_words(r, 0, 5, pool, AUTH_KEY_NETWORKS_MAX,
                            &ret->networks, &ret->n_networks);
    }
    if (rc == WD_OK) {
        rc = auth_get_words(r, 0, 6, pool, AUTH_KEY_METHODS_MAX, &ret->methods,
                            &ret->n_methods);
    }
    return rc;
}


int
auth_store_verify(wd_pg_conn_t *c, const uint8_t hash[AUTH_HASH_LEN],
                  wd_pool_t *pool, auth_verdict_t *ret, wd_error_t *err)
{
    int                 rc;
    PGresult           *r;
    const wd_pg_param_t param = wd_pg_bytes(
        wd_str((const char *) hash, AUTH_HASH_LEN));

    rc = wd_pg_exec(c,
                    "SELECT k.id, k.user_id, k.plan,"
                    " array_to_string(k.permissions, ' '), k.expires_at,"
                    " array_to_string(k.networks, ' '),"
                    " array_to_string(k.methods, ' ')"
                    " FROM api_key k JOIN app_user u ON u.id = k.user_id"
                    " WHERE k.hash = $1 AND k.revoked_at IS NULL"
                    " AND (k.expires_at IS NULL OR k.expires_at > now())"
                    " AND NOT u.disabled",
                    &param, 1, &r, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = WD_ENOTFOUND;
    if (PQntuples(r) != 0) {
        rc = auth_get_verdict(r, pool, ret);
    }
    PQclear(r);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "no such key");
}


int
auth_store_listen(wd_pg_conn_t *c, wd_error_t *err)
{
    return wd_pg_script(c, "LISTEN wizdata_auth", err);
}
