/*
 * auth_users.h - what the methods on users have in common.
 */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include "auth_actor.h"
#include "auth_audit.h"

/*
 * The roles by their names: each there, and with nothing that the actor
 * lacks, as far as the organisation lets it count. *ret: their ids. As all
 * here, a failure fills *res.
 */
wd_must_check int auth_arg_roles(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                 const auth_actor_t *actor, int64_t org_id,
                                 const wd_str_t *names, size_t n,
                                 int64_t **ret);

/* The answer: the user as it is now, inside the transaction of a change. */
wd_must_check int auth_answer_user_now(const wd_rpc_call_t *call,
                                       wd_rpc_res_t *res, int64_t id,
                                       auth_user_t *ret);

/* The event, and the end of the transaction. */
wd_must_check int auth_commit_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                   const char *action, const auth_user_t *user);

/* Inside a transaction, which ends here: a one-time token is the answer. */
wd_must_check int auth_once_give(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                 const auth_user_t *user, const char *kind,
                                 const char *action);

#endif /* AUTH_USERS_H */
