/*
 * auth_digests.h - which digest belongs to a key that was lately verified.
 *
 * Gateways know a key by its digest, the database by its id; the digest
 * itself is stored nowhere. So that a revocation can name what gateways must
 * forget, the digests of good keys are remembered in memory, the least
 * recently used making room. What is not here makes gateways ask again for
 * all keys, which is always right. Any thread.
 */
#ifndef AUTH_DIGESTS_H
#define AUTH_DIGESTS_H

#include "auth_key.h"

#define AUTH_DIGESTS_MAX 100000

typedef struct auth_digests auth_digests_t;

auth_digests_t *auth_digests_create(size_t max);
void            auth_digests_destroy(auth_digests_t *d); /* NULL accepted */

/* Without memory it is not kept, see above. */
void auth_digests_put(auth_digests_t *d, int64_t key_id,
                      const uint8_t digest[AUTH_DIGEST_LEN]);

bool auth_digests_get(auth_digests_t *d, int64_t key_id,
                      uint8_t ret[AUTH_DIGEST_LEN]);

#endif /* AUTH_DIGESTS_H */
