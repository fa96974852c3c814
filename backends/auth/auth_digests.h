/*
 * auth_digests.h - which digest belongs to a key that was lately verified,
 * and what was said about it.
 *
 * Gateways know a key by its digest, the database by its id; the digest
 * itself is stored nowhere. So that a revocation can name what gateways must
 * forget, the digests of good keys are remembered in memory, the least
 * recently used making room. What is not here makes gateways ask again for
 * all keys, which is always right.
 *
 * A verdict is kept beside the digest until something is announced that
 * concerns it. It is for use only while announcements are heard. Any thread.
 */
#ifndef AUTH_DIGESTS_H
#define AUTH_DIGESTS_H

#include "auth_key.h"
#include "wd_time.h"

#define AUTH_DIGESTS_MAX 100000

typedef struct auth_digests auth_digests_t;

auth_digests_t *auth_digests_create(size_t max);
void            auth_digests_destroy(auth_digests_t *d); /* NULL accepted */

/* Without memory it is not kept, see above. */
void auth_digests_put(auth_digests_t *d, int64_t key_id,
                      const uint8_t digest[AUTH_DIGEST_LEN]);

bool auth_digests_get(auth_digests_t *d, int64_t key_id,
                      uint8_t ret[AUTH_DIGEST_LEN]);

/* What an answer on a good key has in its meta. */
typedef struct {
    wd_str_t pairs;
    uint32_t n;
    wd_ns_t  expires_at; /* WD_NS_MAX: never */
} auth_known_t;

/* Grows with each announcement: to be read before the database is asked. */
uint64_t auth_digests_epoch(const auth_digests_t *d);

/* Kept, unless something was announced since the epoch was read. */
void auth_digests_know(auth_digests_t *d, const uint8_t digest[AUTH_DIGEST_LEN],
                       const auth_known_t *known, uint64_t epoch);

/*
 * True: fn was called, under the lock, with what is known; not for a key that
 * has expired at `now`.
 */
bool auth_digests_known(auth_digests_t *d,
                        const uint8_t digest[AUTH_DIGEST_LEN], wd_ns_t now,
                        void (*fn)(const auth_known_t *known, void *arg),
                        void *arg);

/* Something was announced about this key, or with key_id 0 about all. */
void auth_digests_void(auth_digests_t *d, int64_t key_id);

#endif /* AUTH_DIGESTS_H */
