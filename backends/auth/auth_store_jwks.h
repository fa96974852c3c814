/*
 * auth_store_jwks.h - signing keys: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec().
 */
#ifndef AUTH_STORE_JWKS_H
#define AUTH_STORE_JWKS_H

#include "wd_pg.h"

#define AUTH_KID_LEN 16
#define AUTH_SIGN_PUBLIC 32
#define AUTH_SIGN_SEALED 72 /* nonce, authenticator, seed */

typedef struct {
    char kid[AUTH_KID_LEN + 1];
    uint8_t public[AUTH_SIGN_PUBLIC];
    uint8_t sealed[AUTH_SIGN_SEALED];
    wd_ns_t created_at;
    wd_ns_t active_from; /* WD_NS_MAX: not in use yet */
    wd_ns_t in_use; /* since then, by the clock of the database */
    wd_ns_t not_after; /* WD_NS_MAX: not followed by another yet */
} auth_signkey_t;

typedef void (*auth_signkey_pt)(const auth_signkey_t *key, void *arg);

/* Those that are published, newest first. */
wd_must_check int auth_store_signkeys(wd_pg_conn_t *c, auth_signkey_pt fn,
                                      void *arg, wd_error_t *err);

/*
 * Inside a transaction: other instances wait until its end before they look
 * at or change keys.
 */
wd_must_check int auth_store_signkeys_lock(wd_pg_conn_t *c, wd_error_t *err);

/* A key that is not in use yet. */
wd_must_check int auth_store_signkey_add(wd_pg_conn_t         *c,
                                         const auth_signkey_t *key,
                                         wd_error_t           *err);

/* In use from now on; those that were stay published for `keep_ns`. */
wd_must_check int auth_store_signkey_use(wd_pg_conn_t *c, const char *kid,
                                         wd_ns_t keep_ns, wd_error_t *err);

#endif /* AUTH_STORE_JWKS_H */
