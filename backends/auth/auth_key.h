/*
 * auth_key.h - making API keys, and what is stored of them.
 *
 * digest  BLAKE2b-256 of the key's text; gateways send and are sent this
 * hash    BLAKE2b-256 of the digest, keyed with the pepper; only this is
 *         stored, so a stolen database holds nothing that a gateway accepts
 */
#ifndef AUTH_KEY_H
#define AUTH_KEY_H

#include "wd_apikey.h"
#include "wd_err.h"

#define AUTH_DIGEST_LEN 32
#define AUTH_HASH_LEN 32
#define AUTH_PEPPER_MIN 32 /* bytes */
#define AUTH_PEPPER_MAX 64
#define AUTH_KEY_SHOWN 12 /* leading characters kept for display */
#define AUTH_KEY_LAST 4 /* trailing ones */

#define AUTH_SECRET_LEN 32 /* of auth_pepper_derive() */

typedef struct auth_pepper auth_pepper_t;

/* sodium_init(), once, before everything else here. WD_OK or WD_EINTERNAL. */
wd_must_check int auth_crypto_init(void);

/* WD_OK, or WD_ECONFIG with *err, which does not show the digits. */
wd_must_check int auth_pepper_check(wd_str_t hex, wd_error_t *err);

/*
 * From hexadecimal digits, into memory that is locked and left out of core
 * files. WD_ECONFIG with *err, WD_ENOMEM.
 */
wd_must_check int auth_pepper_create(wd_str_t hex, auth_pepper_t **ret,
                                     wd_error_t *err);
void              auth_pepper_destroy(auth_pepper_t *p); /* NULL accepted */

/* A key for another purpose, named by `label`; the caller wipes it. */
void auth_pepper_derive(const auth_pepper_t *p, const char *label,
                        uint8_t ret[AUTH_SECRET_LEN]);

/*
 * Seals n bytes with a key that is made of the pepper (XSalsa20-Poly1305):
 * n + AUTH_SEAL_EXTRA bytes. False: with another pepper or label, or damaged.
 */
#define AUTH_SEAL_EXTRA 40 /* nonce and authenticator */

void auth_seal(const auth_pepper_t *p, const char *label, const uint8_t *plain,
               size_t n, uint8_t *ret);
bool auth_unseal(const auth_pepper_t *p, const char *label,
                 const uint8_t *sealed, size_t n_sealed, uint8_t *ret);

/* A new random key; the caller wipes it. */
void auth_key_make(bool live, char key[WD_APIKEY_LEN + 1]);

/*
 * A secret that is given out once: `prefix` and 43 random letters and digits,
 * 256 bits. The caller wipes it.
 */
#define AUTH_TICKET_PREFIX 6
#define AUTH_TICKET_LEN (AUTH_TICKET_PREFIX + 43)
#define AUTH_TICKET_REFRESH "wd_rt_"
#define AUTH_TICKET_ONCE "wd_ot_"

void auth_ticket_make(const char *prefix, char out[AUTH_TICKET_LEN + 1]);

/* What is stored of a ticket or a recovery code: as of a key. */
void auth_ticket_hash(const auth_pepper_t *pepper, wd_str_t ticket,
                      uint8_t hash[AUTH_HASH_LEN]);

void auth_key_digest(wd_str_t key, uint8_t digest[AUTH_DIGEST_LEN]);
void auth_key_hash(const auth_pepper_t *pepper,
                   const uint8_t        digest[AUTH_DIGEST_LEN],
                   uint8_t              hash[AUTH_HASH_LEN]);

#endif /* AUTH_KEY_H */
