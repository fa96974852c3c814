/*
 * auth_actor.h - who asks, what they reach, and what they may hand on.
 *
 * A principal is an operator on the host, a user of ours (user:12), or
 * somebody whom another issuer knows, who has rights but no organisation
 * here. Users reach their own organisation. Others are reached by operators,
 * and from the platform's own organisation by those who have orgs:read or
 * orgs:write. What somebody does not reach is not there: it is answered as
 * what does not exist.
 */
#ifndef AUTH_ACTOR_H
#define AUTH_ACTOR_H

#include "auth_store_keys.h"
#include "auth_store_users.h"
#include "wd_rpc.h"

typedef enum {
    AUTH_ACTOR_OTHER, /* no user of ours */
    AUTH_ACTOR_USER,
    AUTH_ACTOR_OPERATOR
} auth_actor_e;

typedef struct {
    auth_actor_e kind;
    int64_t      user_id; /* 0: no user */
    int64_t      org_id; /* 0: none */
    bool         session; /* with an access token of ours, not a key */
    wd_perms_t   perms; /* of the credential */
} auth_actor_t;

/*
 * WD_OK, or a failure with *res filled: WD_EFORBIDDEN when the user is gone.
 * The functions below that take *res do the same.
 */
wd_must_check int auth_actor(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                             auth_actor_t *ret);

/* Does the actor reach that organisation for `perm` (orgs:read, :write)? */
bool auth_actor_reaches(const auth_actor_t *actor, int64_t org_id,
                        const char *perm);

/*
 * The organisation that the argument `org` names, else the actor's own, of an
 * operator the platform's. WD_ENOTFOUND: none that is reached.
 */
wd_must_check int auth_actor_org(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                 const auth_actor_t *actor, const char *perm,
                                 int64_t *ret);

/*
 * Both; `org` may be *, which is -1, for those who reach all, and is when an
 * operator names none.
 */
wd_must_check int auth_actor_scope(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                   const char *perm, int64_t *ret);

/* One's own account: a user, with an access token or account:write. */
wd_must_check int auth_actor_self(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                  auth_actor_t *ret);

/*
 * May the actor act on this user: reached, and with no rights that the actor
 * lacks? WD_ENOTFOUND, WD_EFORBIDDEN.
 */
wd_must_check int auth_actor_over(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                  const auth_actor_t *actor, int64_t user_id,
                                  auth_user_t *ret);

/* Nobody hands on what they lack: WD_EFORBIDDEN, and names what it is. */
wd_must_check int auth_actor_hands_on(const auth_actor_t *actor,
                                      wd_rpc_res_t       *res,
                                      const wd_perms_t   *perms);

/* Another plan than one's own needs plans:write. */
wd_must_check int auth_actor_plan(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                  const auth_actor_t *actor, wd_str_t plan);

#endif /* AUTH_ACTOR_H */
