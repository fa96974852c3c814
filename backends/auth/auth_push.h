/*
 * auth_push.h - tells all gateways which keys and tokens are void, and the
 * plans.
 *
 * Changes of every instance, and those made by SQL, arrive by LISTEN. Each
 * sign of life of that connection becomes an auth.beat to the gateways; so a
 * beat says: all that was revoked until now has been pushed. Without beats
 * gateways ask again for each verdict.
 */
#ifndef AUTH_PUSH_H
#define AUTH_PUSH_H

#include "auth_digests.h"
#include "auth_store_tokens.h"
#include "wd_service.h"

#define AUTH_BEAT_MS 250

typedef struct auth_push auth_push_t;

/*
 * Starts the thread. `digests` and `pepper` must stay. When it begins to
 * listen it also looks after the signing keys. WD_ENOMEM, WD_EINTERNAL.
 */
wd_must_check int auth_push_start(wd_service_t *service, const char *url,
                                  auth_digests_t      *digests,
                                  const auth_pepper_t *pepper,
                                  wd_ns_t rotate_ns, auth_push_t **ret,
                                  wd_error_t *err);

/* Ends the thread and waits for it. Loop thread. NULL is accepted. */
void auth_push_stop(auth_push_t *p);

/* After the loop has ended: until then workers may push. NULL is accepted. */
void auth_push_destroy(auth_push_t *p);

/*
 * This key is void since `at`: pushes its digest, or "all" where that is not
 * known. Any thread.
 */
void auth_push_key(auth_push_t *p, int64_t key_id, wd_ns_t at);

/* The same for tokens. Any thread. */
void auth_push_void(auth_push_t *p, const auth_void_t *v, wd_ns_t at);

bool auth_push_listening(const auth_push_t *p);

/* Is all heard, and told? Only then may what is in memory be an answer. */
bool auth_push_complete(const auth_push_t *p);

/*
 * Loop thread. False: not known without asking the database. jti may be
 * empty.
 */
bool auth_push_token(const auth_push_t *p, wd_str_t jti, wd_str_t sub,
                     wd_ns_t issued_at, bool *ret_void);

#endif /* AUTH_PUSH_H */
