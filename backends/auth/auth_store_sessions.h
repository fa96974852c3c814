/*
 * auth_store_sessions.h - logins, sessions, refresh tokens, second factors and
 * one-time tokens: the SQL.
 *
 * Worker threads, inside a transaction of the caller's. Errors are those of
 * wd_pg_exec() besides the ones named. Texts of what is returned are in the
 * pool.
 */
#ifndef AUTH_STORE_SESSIONS_H
#define AUTH_STORE_SESSIONS_H

#include "auth_key.h"
#include "auth_password.h"
#include "auth_store_users.h"

#define AUTH_TOTP_SEALED 60 /* nonce, authenticator, secret of 20 bytes */
#define AUTH_SESSION_REASON_MAX 32

/* Who wants to log in. */
typedef struct {
    int64_t  user_id;
    int64_t  org_id;
    wd_str_t hash; /* of the password; .data NULL: there is none */
    wd_str_t email;
    bool     disabled; /* or the organisation is */
    bool     has_totp;
    wd_str_t totp_sealed; /* .data NULL: none, or one not confirmed yet */
    int64_t  totp_step;
} auth_login_t;

/* An address in lower case: equal for all that are the same to the database. */
wd_must_check int auth_store_lower(wd_pg_conn_t *c, wd_str_t email,
                                   wd_pool_t *pool, wd_str_t *ret,
                                   wd_error_t *err);

/* By address, or by id where user_id is not 0. WD_ENOTFOUND. */
wd_must_check int auth_store_login(wd_pg_conn_t *c, wd_str_t org,
                                   wd_str_t email, int64_t user_id,
                                   wd_pool_t *pool, auth_login_t *ret,
                                   wd_error_t *err);

/*
 * The user, the organisation and the roles are locked until the end of the
 * transaction: rights that are read from now on stay. WD_ENOTFOUND: disabled
 * or deleted meanwhile, or the password is not this one any more.
 */
wd_must_check int auth_store_login_still(wd_pg_conn_t       *c,
                                         const auth_login_t *login,
                                         wd_error_t         *err);

/* rehash NULL: the password's hash stays. */
wd_must_check int auth_store_logged_in(wd_pg_conn_t *c, int64_t user_id,
                                       const char *rehash, wd_error_t *err);

wd_must_check int auth_store_password(wd_pg_conn_t *c, int64_t user_id,
                                      const char *hash, wd_error_t *err);

/* Failures of an account, from one network and from all. */
typedef struct {
    int64_t here;
    wd_ns_t here_age; /* of the last one; negative: the clock went back */
    int64_t all;
    wd_ns_t all_age;
    bool    known; /* a session began at that network lately */
} auth_failures_t;

/* In a transaction: who tries the same account waits until its end. */
wd_must_check int auth_store_failures(wd_pg_conn_t *c,
                                      const uint8_t account[AUTH_HASH_LEN],
                                      wd_str_t net, int64_t user_id,
                                      auth_failures_t *ret, wd_error_t *err);
wd_must_check int auth_store_failed(wd_pg_conn_t *c,
                                    const uint8_t account[AUTH_HASH_LEN],
                                    wd_str_t net, wd_error_t *err);
wd_must_check int auth_store_forgiven(wd_pg_conn_t *c,
                                      const uint8_t account[AUTH_HASH_LEN],
                                      wd_error_t   *err);

/* ---- sessions ----------------------------------------------------------- */

typedef struct {
    int64_t  id;
    int64_t  user_id;
    wd_str_t address; /* .data NULL: none */
    wd_ns_t  created_at;
    wd_ns_t  last_at;
    wd_ns_t  expires_at;
} auth_session_t;

/* A refresh token and the access token that it comes with. */
typedef struct {
    uint8_t     hash[AUTH_HASH_LEN];
    const char *jti;
    wd_ns_t     jti_end;
} auth_refresh_t;

/* Fills session->id, created_at and expires_at. */
wd_must_check int auth_store_session_add(wd_pg_conn_t   *c,
                                         auth_session_t *session,
                                         int64_t life_s, wd_error_t *err);

wd_must_check int auth_store_refresh_add(wd_pg_conn_t *c, int64_t session_id,
                                         const auth_refresh_t *token,
                                         int64_t life_s, wd_ns_t *ret_end,
                                         wd_error_t *err);

/* What becomes of a refresh token that comes. */
typedef enum {
    AUTH_REFRESH_GOOD, /* it is used up now */
    AUTH_REFRESH_REUSED, /* it was used up before */
    AUTH_REFRESH_ENDED /* with its session, its user, or its time */
} auth_refresh_e;

/* The token and its session are locked. WD_ENOTFOUND: unknown. */
wd_must_check int auth_store_refresh_use(wd_pg_conn_t   *c,
                                         const uint8_t   hash[AUTH_HASH_LEN],
                                         auth_refresh_e *ret,
                                         auth_session_t *ret_session,
                                         wd_error_t     *err);

/*
 * Ends a session of a user, or with session_id 0 all; their access tokens are
 * void. *ret_n: how many ended.
 */
wd_must_check int auth_store_sessions_end(wd_pg_conn_t *c, int64_t user_id,
                                          int64_t     session_id,
                                          const char *reason, int64_t *ret_n,
                                          wd_error_t *err);

/* Those that have not ended, with id > after. */
wd_must_check int auth_store_sessions(wd_pg_conn_t *c, int64_t user_id,
                                      int64_t after, int64_t limit,
                                      wd_pool_t *pool, auth_session_t **ret,
                                      size_t *ret_n, wd_error_t *err);

/* ---- second factor ------------------------------------------------------ */

/* Not in use before auth_store_totp_confirm(). */
wd_must_check int auth_store_totp_begin(wd_pg_conn_t *c, int64_t user_id,
                                        const uint8_t sealed[AUTH_TOTP_SEALED],
                                        wd_error_t   *err);

/*
 * The step is used up. WD_ENOTFOUND: it was before, or there is no factor in
 * use (with `confirm`: none that waits to be).
 */
wd_must_check int auth_store_totp_use(wd_pg_conn_t *c, int64_t user_id,
                                      int64_t step, bool confirm,
                                      wd_error_t *err);

/* Recovery codes go, too. *ret: there was one. */
wd_must_check int auth_store_totp_end(wd_pg_conn_t *c, int64_t user_id,
                                      bool *ret, wd_error_t *err);

wd_must_check int auth_store_recovery_add(wd_pg_conn_t *c, int64_t user_id,
                                          const uint8_t hash[AUTH_HASH_LEN],
                                          wd_error_t   *err);

/* The code is used up. WD_ENOTFOUND. */
wd_must_check int auth_store_recovery_use(wd_pg_conn_t *c, int64_t user_id,
                                          const uint8_t hash[AUTH_HASH_LEN],
                                          wd_error_t   *err);

/* ---- one-time tokens ---------------------------------------------------- */

/* In place of one that the user has for the same. *ret_end: when it ends. */
wd_must_check int auth_store_once_add(wd_pg_conn_t *c, int64_t user_id,
                                      const char   *kind,
                                      const uint8_t hash[AUTH_HASH_LEN],
                                      int64_t life_s, wd_ns_t *ret_end,
                                      wd_error_t *err);

/* What a one-time token is for. */
typedef struct {
    int64_t  user_id;
    int64_t  org_id;
    wd_str_t kind;
    wd_str_t email;
} auth_once_t;

/* WD_ENOTFOUND: unknown, ended, or its user is disabled. */
wd_must_check int auth_store_once(wd_pg_conn_t *c,
                                  const uint8_t hash[AUTH_HASH_LEN],
                                  wd_pool_t *pool, auth_once_t *ret,
                                  wd_error_t *err);

/* It is gone. WD_ENOTFOUND. */
wd_must_check int auth_store_once_use(wd_pg_conn_t *c,
                                      const uint8_t hash[AUTH_HASH_LEN],
                                      wd_error_t   *err);

wd_must_check int auth_store_verified(wd_pg_conn_t *c, int64_t user_id,
                                      wd_error_t *err);

/* What has no effect any more, some of it at a time. */
wd_must_check int auth_store_sweep(wd_pg_conn_t *c, wd_error_t *err);

#endif /* AUTH_STORE_SESSIONS_H */
