/*
 * auth_store_keys.h - API keys: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec() besides the ones named.
 * Texts of what is returned are in the pool.
 */
#ifndef AUTH_STORE_KEYS_H
#define AUTH_STORE_KEYS_H

#include "auth_key.h"
#include "auth_store_users.h"

#define AUTH_KEY_NETWORKS_MAX 32
#define AUTH_KEY_METHODS_MAX 64
#define AUTH_KEY_SCOPES_MAX 16

typedef struct {
    int64_t         id; /* given by the database */
    int64_t         user_id;
    int64_t         org_id; /* of the owner, as email; not written */
    wd_str_t        email;
    wd_str_t        prefix;
    wd_str_t        last4;
    wd_str_t        name; /* .data NULL: none */
    wd_str_t        plan;
    wd_str_t        product; /* .data NULL: none */
    const wd_str_t *perms;
    size_t          n_perms;
    const wd_str_t *networks; /* NULL: from everywhere */
    size_t          n_networks;
    const wd_str_t *methods; /* NULL: all that the permissions allow */
    size_t          n_methods;
    const wd_str_t *scopes; /* NULL: none were named */
    size_t          n_scopes;
    int64_t         rotated_from; /* 0: from none */
    wd_ns_t         created_at; /* given by the database */
    wd_ns_t         expires_at; /* WD_NS_MAX: never */
    wd_ns_t         revoked_at; /* WD_NS_MAX: never */
    wd_ns_t         last_used_at; /* WD_NS_MAX: never; to the minute */
} auth_apikey_t;

/* What a gateway learns about a key that is good. */
typedef struct {
    int64_t    key_id;
    int64_t    user_id;
    wd_str_t   plan;
    wd_perms_t perms; /* of the key that its owner has, too */
    wd_str_t  *networks; /* NULL: from everywhere */
    size_t     n_networks;
    wd_str_t  *methods; /* NULL: all that the permissions allow */
    size_t     n_methods;
    wd_ns_t    expires_at; /* WD_NS_MAX: never */
} auth_verdict_t;

/* Fills key->id and created_at. WD_ENOTFOUND: there is no such plan. */
wd_must_check int auth_store_key_add(wd_pg_conn_t *c, auth_apikey_t *key,
                                     const uint8_t hash[AUTH_HASH_LEN],
                                     wd_error_t   *err);

/* `lock`: until the end of the transaction. WD_ENOTFOUND. */
wd_must_check int auth_store_key(wd_pg_conn_t *c, int64_t id, bool lock,
                                 wd_pool_t *pool, auth_apikey_t *ret,
                                 wd_error_t *err);

/*
 * Those with id > after, in order of id, of an organisation or, with another
 * user_id than 0, of one of its users.
 */
wd_must_check int auth_store_keys(wd_pg_conn_t *c, int64_t org_id,
                                  int64_t user_id, int64_t after, int64_t limit,
                                  wd_pool_t *pool, auth_apikey_t **ret,
                                  size_t *ret_n, wd_error_t *err);

/*
 * Revoking again changes nothing but is announced again. *ret_fresh tells the
 * first time. WD_ENOTFOUND.
 */
wd_must_check int auth_store_key_revoke(wd_pg_conn_t *c, int64_t id,
                                        wd_ns_t *ret_at, bool *ret_fresh,
                                        wd_error_t *err);

/* It ends then, unless it ends before. *ret: when it ends. */
wd_must_check int auth_store_key_expire(wd_pg_conn_t *c, int64_t id,
                                        int64_t seconds, wd_ns_t *ret,
                                        wd_error_t *err);

/*
 * WD_ENOTFOUND: unknown, revoked, expired, or its user or their organisation
 * is disabled.
 */
wd_must_check int auth_store_verify(wd_pg_conn_t *c,
                                    const uint8_t hash[AUTH_HASH_LEN],
                                    wd_pool_t *pool, auth_verdict_t *ret,
                                    wd_error_t *err);

/* "key:12" of keys that were used now; written once a minute for each. */
wd_must_check int auth_store_keys_used(wd_pg_conn_t *c, const wd_str_t *keys,
                                       size_t n, wd_error_t *err);

#endif /* AUTH_STORE_KEYS_H */
