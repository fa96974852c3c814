/*
 * auth_password.h - Argon2id hashes of passwords, few at a time.
 *
 * A hash costs tens of megabytes and a tenth of a second on purpose. So that
 * many at once take neither the machine's memory nor all worker threads,
 * some are computed, some wait, and the rest are refused.
 */
#ifndef AUTH_PASSWORD_H
#define AUTH_PASSWORD_H

#include "wd_err.h"
#include "wd_str.h"
#include "wd_time.h"

#define AUTH_PASSWORD_MIN 8 /* bytes */
#define AUTH_PASSWORD_MAX 256
#define AUTH_PASSWORD_HASH_MAX 128 /* text with its zero */

typedef struct auth_hasher auth_hasher_t;

typedef struct {
    uint64_t memory_bytes;
    uint32_t passes;
    uint32_t parallel; /* computed at a time */
    uint32_t queue; /* waiting */
} auth_hasher_conf_t;

/*
 * What of conf->parallel and conf->queue leaves one of `threads` worker
 * threads free for other requests.
 */
void auth_hasher_fit(auth_hasher_conf_t *conf, uint32_t threads);

auth_hasher_t *auth_hasher_create(const auth_hasher_conf_t *conf);
void           auth_hasher_destroy(auth_hasher_t *h); /* NULL is accepted */

/*
 * Worker threads; waits for its turn until `deadline` (wd_monotonic).
 * WD_EUNAVAIL: the queue is full. WD_ETIMEOUT. WD_ENOMEM.
 */
wd_must_check int auth_hasher_hash(auth_hasher_t *h, wd_str_t password,
                                   wd_ns_t deadline,
                                   char    out[AUTH_PASSWORD_HASH_MAX]);

#endif /* AUTH_PASSWORD_H */
