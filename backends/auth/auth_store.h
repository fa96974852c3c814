/*
 * auth_store.h - users, API keys, plans, void tokens, signing keys and usage
 * in PostgreSQL: all SQL of the service.
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

#define AUTH_KEY_NETWORKS_MAX 32
#define AUTH_KEY_METHODS_MAX 64

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
    const wd_str_t *networks; /* none: from everywhere */
    size_t          n_networks;
    const wd_str_t *methods; /* none: all that the permissions allow */
    size_t          n_methods;
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
    wd_str_t *networks; /* none: from everywhere */
    size_t    n_networks;
    wd_str_t *methods; /* none: all that the permissions allow */
    size_t    n_methods;
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

/*
 * On a connection of one's own: from now on what the triggers of
 * db/migrations/0004_gateway.sql announce is heard.
 */
wd_must_check int auth_store_listen(wd_pg_conn_t *c, wd_error_t *err);

/* ---- plans (auth_store_plans.c) ----------------------------------------- */

typedef struct {
    wd_str_t name;
    wd_str_t limits;
    wd_str_t description;
    wd_ns_t  updated_at;
} auth_plan_t;

typedef void (*auth_plan_pt)(const auth_plan_t *plan, void *arg);

/* All of them, by name. */
wd_must_check int auth_store_plans(wd_pg_conn_t *c, auth_plan_pt fn, void *arg,
                                   wd_error_t *err);

/*
 * Makes or changes the plan `name`; a description without .data stays.
 * *ret_made tells which. Fills plan->updated_at.
 */
wd_must_check int auth_store_plan_set(wd_pg_conn_t *c, auth_plan_t *plan,
                                      bool *ret_made, wd_error_t *err);

/* ---- void tokens (auth_store_tokens.c) ---------------------------------- */

typedef enum { AUTH_VOID_JTI, AUTH_VOID_SUB, AUTH_VOID_ALL } auth_void_e;

/* As a row of token_revocation. */
typedef struct {
    auth_void_e kind;
    wd_str_t    value;
    int64_t     number;
} auth_void_t;

const char *auth_void_name(auth_void_e kind);
bool        auth_void_by_name(wd_str_t name, auth_void_e *ret);

typedef int (*auth_void_pt)(const auth_void_t *v, void *arg);

/* Those that have an effect yet; a failure of fn ends it and is returned. */
wd_must_check int auth_store_voids(wd_pg_conn_t *c, auth_void_pt fn, void *arg,
                                   wd_error_t *err);

/* Committed and announced when it returns WD_OK. *ret_at: when. */
wd_must_check int auth_store_void_add(wd_pg_conn_t *c, const auth_void_t *v,
                                      wd_ns_t *ret_at, wd_error_t *err);

/* jti may be empty. WD_ENOTFOUND: the token is not void. */
wd_must_check int auth_store_void_find(wd_pg_conn_t *c, wd_str_t jti,
                                       wd_str_t sub, wd_ns_t issued_at,
                                       wd_error_t *err);

/* ---- signing keys (auth_store_jwks.c) ----------------------------------- */

#define AUTH_KID_LEN 16
#define AUTH_SIGN_PUBLIC 32
#define AUTH_SIGN_SEALED 72 /* nonce, authenticator, seed */

typedef struct {
    char kid[AUTH_KID_LEN + 1];
    uint8_t public[AUTH_SIGN_PUBLIC];
    uint8_t sealed[AUTH_SIGN_SEALED];
    wd_ns_t created_at;
    wd_ns_t not_after; /* WD_NS_MAX: in use */
} auth_signkey_t;

typedef void (*auth_signkey_pt)(const auth_signkey_t *key, void *arg);

/* Those that are published, newest first. */
wd_must_check int auth_store_signkeys(wd_pg_conn_t *c, auth_signkey_pt fn,
                                      void *arg, wd_error_t *err);

/*
 * Inside a transaction: other instances wait until its end before they look
 * at or add keys.
 */
wd_must_check int auth_store_signkeys_lock(wd_pg_conn_t *c, wd_error_t *err);

/* The others stay published for `keep_ns` from now on. */
wd_must_check int auth_store_signkey_add(wd_pg_conn_t         *c,
                                         const auth_signkey_t *key,
                                         wd_ns_t keep_ns, wd_error_t *err);

/* ---- usage (auth_store_usage.c) ----------------------------------------- */

#define AUTH_USAGE_TEXTS 5

/* Rows column by column: day, principal, key, plan, method. */
typedef struct {
    size_t    n;
    wd_str_t *texts[AUTH_USAGE_TEXTS];
    int64_t  *requests;
    int64_t  *cost;
    int64_t  *refused;
} auth_usage_t;

/* In one transaction. *ret_fresh: the report was not known before. */
wd_must_check int auth_store_usage_add(wd_pg_conn_t *c, wd_str_t gateway,
                                       int64_t seq, const auth_usage_t *usage,
                                       bool *ret_fresh, wd_error_t *err);

typedef struct {
    wd_str_t principal; /* .data NULL: of all */
    wd_str_t method; /* .data NULL: all */
    wd_ns_t  from; /* days */
    wd_ns_t  to;
    wd_ns_t  after_day; /* the row before the first one */
    int64_t  after_id;
    int64_t  limit;
} auth_usage_key_t;

/* Columns of its rows. */
enum {
    AUTH_USAGE_ID,
    AUTH_USAGE_DAY,
    AUTH_USAGE_PRINCIPAL,
    AUTH_USAGE_KEY,
    AUTH_USAGE_PLAN,
    AUTH_USAGE_METHOD,
    AUTH_USAGE_REQUESTS,
    AUTH_USAGE_COST,
    AUTH_USAGE_REFUSED
};

/* By day, and within it in the order of their first report. */
wd_must_check int auth_store_usage(wd_pg_conn_t *c, const auth_usage_key_t *key,
                                   PGresult **ret, wd_error_t *err);

#endif /* AUTH_STORE_H */
