/*
 * auth_account.h - what methods on one's own account have in common.
 */
#ifndef AUTH_ACCOUNT_H
#define AUTH_ACCOUNT_H

#include "auth_actor.h"
#include "auth_login.h"

/*
 * Whose account it is; on the lane, so with a connection for this alone,
 * which is not kept while a password is hashed. As all here, a failure fills
 * *res.
 */
wd_must_check int auth_own_account(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                   auth_actor_t *ret, auth_user_t *ret_user);

/* A password as it is, 1 to AUTH_PASSWORD_MAX bytes. */
wd_must_check int auth_arg_password(const wd_rpc_call_t *call,
                                    wd_rpc_res_t *res, const char *name,
                                    wd_str_t *ret);

/* A password that is about to be chosen, and its hash, which the caller wipes. */
wd_must_check int auth_arg_new_password(const wd_rpc_call_t *call,
                                        wd_rpc_res_t *res, wd_str_t email,
                                        wd_str_t *ret);
wd_must_check int auth_hash_new(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                wd_str_t password,
                                char     hash[AUTH_PASSWORD_HASH_MAX]);

/* What a right password is for: inside a transaction, which it commits. */
typedef int (*auth_passed_pt)(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                              auth_attempt_t *attempt, void *arg);

/* Verifies the argument `name`, one's password; then fn is called. */
wd_must_check int auth_with_password(const wd_rpc_call_t *call,
                                     wd_rpc_res_t *res, const char *name,
                                     const char *action, bool factor,
                                     const auth_actor_t *actor,
                                     auth_passed_pt fn, void *arg);

#endif /* AUTH_ACCOUNT_H */
