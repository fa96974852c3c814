/*
 * auth_keys.h - what the methods on API keys have in common.
 */
#ifndef AUTH_KEYS_H
#define AUTH_KEYS_H

#include "auth_actor.h"
#include "auth_audit.h"

/* The key; with its secret, which is shown this once. */
void auth_answer_key(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                     const auth_apikey_t *key, const char *secret);

/*
 * May the keys of that user, or with user_id 0 of all, be touched? WD_OK, or
 * a failure with *res filled, as below.
 */
wd_must_check int auth_keys_allowed(wd_rpc_res_t       *res,
                                    const auth_actor_t *actor, int64_t user_id,
                                    const char *perm);

/* As auth_arg_user(), for who may touch the keys of others with `perm`. */
wd_must_check int auth_keys_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                 const auth_actor_t *actor, const char *perm,
                                 wd_str_t ref, int64_t org_id,
                                 auth_user_t *ret);

/*
 * The key of the path. What is not one's own and not reached is not there.
 * `lock`: until the end of the transaction.
 */
wd_must_check int auth_arg_key_id(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                  const char *perm, const char *orgs, bool lock,
                                  auth_actor_t *actor, auth_apikey_t *ret);

/* Subject and detail of an event about the key. */
void auth_note_key(const wd_rpc_call_t *call, auth_note_t *note,
                   char subject[AUTH_SUBJECT_MAX], const auth_apikey_t *key);

#endif /* AUTH_KEYS_H */
