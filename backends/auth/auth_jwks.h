/*
 * auth_jwks.h - the keys that sign tokens (Ed25519).
 *
 * A private key is stored sealed with a key that is made of the pepper
 * (XSalsa20-Poly1305), so a stolen database signs nothing. One key is in use,
 * the next is published beside it, so that whoever checks tokens knows it
 * long before it signs; those before it stay published until their tokens
 * have ended.
 */
#ifndef AUTH_JWKS_H
#define AUTH_JWKS_H

#include "auth_key.h"
#include "auth_store_jwks.h"
#include "wd_log.h"

#define AUTH_SIGN_SECRET 64 /* libsodium's: seed and public key */

/* A new key pair; the kid is made of its public half. */
void auth_signkey_make(const auth_pepper_t *pepper, auth_signkey_t *ret);

/* The caller wipes `secret`. False: sealed with another pepper, or damaged. */
bool auth_signkey_open(const auth_pepper_t *pepper, const auth_signkey_t *key,
                       uint8_t secret[AUTH_SIGN_SECRET]);

/* The keys that this pepper opens: the one in use, and the next. */
typedef struct {
    const auth_pepper_t *pepper;
    bool                 found;
    auth_signkey_t       key;
    uint8_t              secret[AUTH_SIGN_SECRET];
    bool                 found_next;
    auth_signkey_t       next;
} auth_signer_t;

/* The caller wipes ret->secret, whatever is returned. */
wd_must_check int auth_signer_find(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                                   auth_signer_t *ret, wd_error_t *err);

/*
 * On a connection without a transaction: sees to it that a key is in use and
 * another will be. With every_ns != 0 and a key in use for longer, the next
 * takes its place. Instances that do it at once do it once. A database that
 * cannot be written is only logged.
 */
wd_must_check int auth_jwks_ensure(wd_pg_conn_t *c, const auth_pepper_t *pepper,
                                   wd_ns_t every_ns, wd_log_t *log,
                                   wd_error_t *err);

#endif /* AUTH_JWKS_H */
