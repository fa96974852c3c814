/*
 * auth_jwks.h - the keys that sign tokens (Ed25519), and the tokens.
 *
 * A private key is stored sealed with a key that is made of the pepper
 * (XSalsa20-Poly1305), so a stolen database signs nothing. One key is in use
 * at a time; those before it stay published until their tokens have ended.
 */
#ifndef AUTH_JWKS_H
#define AUTH_JWKS_H

#include "auth_store.h"
#include "wd_log.h"

#define AUTH_SIGN_SECRET 64 /* libsodium's: seed and public key */

/* A new key pair; the kid is made of its public half. */
void auth_signkey_make(const auth_pepper_t *pepper, auth_signkey_t *ret);

/* The caller wipes `secret`. False: sealed with another pepper, or damaged. */
bool auth_signkey_open(const auth_pepper_t *pepper, const auth_signkey_t *key,
                       uint8_t secret[AUTH_SIGN_SECRET]);

/*
 * On a connection without a transaction: makes the first key, or one that
 * this pepper opens, when there is none. Instances that start at once make
 * one between them. A database that cannot be written is only logged.
 */
wd_must_check int auth_jwks_ensure(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                                   wd_log_t *log, wd_error_t *err);

/* What is signed. Times to the second. */
typedef struct {
    const char     *issuer;
    const char     *audience;
    const char     *jti;
    wd_str_t        sub;
    wd_str_t        plan;
    const wd_str_t *perms;
    size_t          n_perms;
    wd_ns_t         issued_at;
    wd_ns_t         expires_at;
} auth_claims_t;

/* Appends a JWT (RFC 7519, typ at+jwt) signed with Ed25519 to `out`. */
void auth_jwt_write(wd_buf_t *out, const auth_claims_t *claims, const char *kid,
                    const uint8_t secret[AUTH_SIGN_SECRET]);

#endif /* AUTH_JWKS_H */
