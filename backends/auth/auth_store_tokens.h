/*
 * auth_store_tokens.h - void tokens, and hearing of changes: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec() besides the ones named.
 * Texts handed to callbacks are views that end with the callback.
 */
#ifndef AUTH_STORE_TOKENS_H
#define AUTH_STORE_TOKENS_H

#include "wd_pg.h"

#define AUTH_TOKEN_TTL_MAX_S 86400 /* of ours */

/*
 * In SQL: tokens that ended before (ns) are taken by no gateway, which allow
 * for a minute.
 */
#define AUTH_VOID_FROM "((extract(epoch FROM now()) - 60) * 1000000000)::bigint"

#define AUTH_TEXT(x) AUTH_TEXT_OF(x)
#define AUTH_TEXT_OF(x) #x

/*
 * Rows without effect: the token has ended, or all that its subject can have,
 * which for users of ours is sure a day after.
 */
#define AUTH_VOID_ENDED                                        \
    "(kind = 'jti' AND number < " AUTH_VOID_FROM               \
    " OR kind = 'sub' AND value ~ '^user:[0-9]+$' AND number " \
    "< " AUTH_VOID_FROM                                        \
    " - " AUTH_TEXT(AUTH_TOKEN_TTL_MAX_S) " * bigint '1000000000')"

/*
 * On a connection of one's own: from now on what the triggers of
 * db/migrations announce is heard.
 */
wd_must_check int auth_store_listen(wd_pg_conn_t *c, wd_error_t *err);

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

/* In place of all that are told of: every token that was issued until now. */
wd_must_check int auth_store_voids_merge(wd_pg_conn_t *c, wd_error_t *err);

/* Committed and announced when it returns WD_OK. *ret_at: when. */
wd_must_check int auth_store_void_add(wd_pg_conn_t *c, const auth_void_t *v,
                                      wd_ns_t *ret_at, wd_error_t *err);

/* jti may be empty. WD_ENOTFOUND: the token is not void. */
wd_must_check int auth_store_void_find(wd_pg_conn_t *c, wd_str_t jti,
                                       wd_str_t sub, wd_ns_t issued_at,
                                       wd_error_t *err);

/* All tokens of a user that were issued until now. */
wd_must_check int auth_store_void_subject(wd_pg_conn_t *c, int64_t user_id,
                                          wd_error_t *err);

#endif /* AUTH_STORE_TOKENS_H */
