/*
 * auth_password.h - passwords: which may be chosen, and their Argon2id hashes.
 *
 * A hash costs tens of megabytes and a tenth of a second on purpose: hash and
 * verify on the lane only.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "wd_err.h"
#include "wd_str.h"

#define AUTH_PASSWORD_MIN 8 /* characters */
#define AUTH_PASSWORD_MAX 256 /* bytes */
#define AUTH_PASSWORD_HASH_MAX 128 /* text with its zero */

/*
 * May it be chosen? WD_OK, or WD_EPARAM with the rule in *err: length, valid
 * UTF-8, not the address, and none of the 3,000 commonest.
 */
wd_must_check int auth_password_check(wd_str_t password, wd_str_t email,
                                      wd_error_t *err);

typedef struct auth_hasher auth_hasher_t;

/* Computes one hash, for those who do not exist. NULL without memory. */
auth_hasher_t *auth_hasher_create(uint64_t memory_bytes, uint32_t passes);
void           auth_hasher_destroy(auth_hasher_t *h); /* NULL is accepted */

/* Any thread. WD_ENOMEM. */
wd_must_check int auth_hasher_hash(const auth_hasher_t *h, wd_str_t password,
                                   char out[AUTH_PASSWORD_HASH_MAX]);

/*
 * Any thread. hash.data NULL: it is of nobody; that takes as long, and is
 * false.
 */
bool auth_hasher_verify(const auth_hasher_t *h, wd_str_t hash,
                        wd_str_t password);

/* Was it made with other parameters than those of now? */
bool auth_hasher_stale(const auth_hasher_t *h, wd_str_t hash);

#endif /* AUTH_PASSWORD_H */
