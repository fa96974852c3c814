/*
 * auth_store.h - users and API keys in PostgreSQL: all SQL of the service.
 *
 * Worker threads. Errors are those of wd_pg_exec() besides the ones named;
 * err->text is for logs. Texts handed to callbacks are views that end with
 * the callback.
 */
#ifndef AUTH_STORE_H
#define AUTH_STORE_H

#include "auth_key.h"
#include "wd_ctx.h"
#include "wd_pg.h"
#include "wd_pool.h"

/* Where revocations are announced; the payload is the key's id. */
#define AUTH_CHANNEL "wizdata_auth"

typedef struct {
    int64_t  id;
    wd_str_t email;
    wd_str_t name; /* .data NULL: none */
    bool     has_password;
    bool     disabled;
    wd_ns_t  created_at;
} auth_user_t;

typedef struct {
    int64_t         id; /* given by the database */
    int64_t         user_id;
    wd_str_t        email; /* of the owner; not written */
    wd_str_t        prefix;
    wd_str_t        last4;
    wd_str_t        name; /* .data NULL: none */
    wd_str_t        plan;
    const wd_str_t *perms;
    size_t          n_perms;
    wd_ns_t         created_at; /* given by the database */
    wd_ns_t         expires_at; /* WD_NS_MAX: never */
    wd_ns_t         revoked_at; /* WD_NS_MAX: never */
} auth_apikey_t;

/* What a gateway learns about a key that is good. */
typedef struct {
    int64_t   key_id;
    int64_t   user_id;
    wd_str_t  plan;
    wd_str_t *perms;
    size_t    n_perms;
    wd_ns_t   expires_at; /* WD_NS_MAX: never */
} auth_verdict_t;

typedef void (*auth_user_pt)(const auth_user_t *user, void *arg);
typedef void (*auth_apikey_pt)(const auth_apikey_t *key, void *arg);

/*
 * Fills user->id and created_at. password_hash NULL: no login. WD_EEXIST when
 * the address is taken, in any case of its letters.
 */
wd_must_check int auth_store_user_add(wd_pg_conn_t *c, auth_user_t *user,
                                      const char *password_hash,
                                      wd_error_t *err);

/*
 * By address, or by id where `email` is empty. *ret's texts are in `pool`.
 * WD_ENOTFOUND.
 */
wd_must_check int auth_store_user_find(wd_pg_conn_t *c, wd_str_t email,
                                       int64_t id, wd_pool_t *pool,
                                       auth_user_t *ret, wd_error_t *err);

/* Those with id > after, in order of id. */
wd_must_check int auth_store_users(wd_pg_conn_t *c, int64_t after,
                                   int64_t limit, auth_user_pt fn, void *arg,
                                   wd_error_t *err);

/* Fills key->id and created_at. WD_ENOTFOUND: there is no such plan. */
wd_must_check int auth_store_key_add(wd_pg_conn_t *c, auth_apikey_t *key,
                                     const uint8_t hash[AUTH_HASH_LEN],
                                     wd_error_t   *err);

/* Those with id > after, in order of id; user_id 0: of all users. */
wd_must_check int auth_store_keys(wd_pg_conn_t *c, int64_t user_id,
                                  int64_t after, int64_t limit, wd_pool_t *pool,
                                  auth_apikey_pt fn, void *arg,
                                  wd_error_t *err);

/*
 * Committed and announced on AUTH_CHANNEL when it returns WD_OK; revoking
 * again changes nothing but is announced again. *ret_fresh tells the first
 * time. WD_ENOTFOUND.
 */
wd_must_check int auth_store_key_revoke(wd_pg_conn_t *c, int64_t id,
                                        wd_ns_t *ret_at, bool *ret_fresh,
                                        wd_error_t *err);

/*
 * WD_ENOTFOUND: unknown, revoked, expired, or its user is disabled. *ret's
 * texts are in `pool`.
 */
wd_must_check int auth_store_verify(wd_pg_conn_t *c,
                                    const uint8_t hash[AUTH_HASH_LEN],
                                    wd_pool_t *pool, auth_verdict_t *ret,
                                    wd_error_t *err);

/* On a connection of one's own: from now on AUTH_CHANNEL is heard. */
wd_must_check int auth_store_listen(wd_pg_conn_t *c, wd_error_t *err);

#endif /* AUTH_STORE_H */
