/*
 * auth_service.h - the auth service: its parts and its methods.
 */
#ifndef AUTH_SERVICE_H
#define AUTH_SERVICE_H

#include "auth_chores.h"
#include "auth_conf.h"
#include "auth_digests.h"
#include "auth_key.h"
#include "auth_password.h"
#include "auth_push.h"
#include "auth_refusals.h"

typedef struct {
    auth_conf_t      conf;
    wd_service_t    *service;
    auth_pepper_t   *pepper;
    auth_hasher_t   *hasher;
    auth_digests_t  *digests;
    auth_push_t     *push;
    auth_refusals_t *refusals;
    auth_chores_t   *chores;
    wd_lane_t       *lane; /* of what hashes passwords */
} auth_t;

/* Of auth_seal(). */
#define AUTH_TOTP_LABEL "wizdata second factors, 1"

/* The whole service, from argv to the exit status. */
int auth_main(int argc, char **argv);

/* Methods of the catalogue; those called quick are for the loop. */
int auth_users_create(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_invite(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_get(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_update(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_reset(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_logout(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_totp_end(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_create(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_get(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_rotate(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_revoke(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_roles_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_roles_set(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_roles_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_permissions_explain(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_scopes_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_orgs_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_orgs_set(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_plans_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_plans_set(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_plans_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_tokens_issue(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_tokens_revoke(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_token(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_token_quick(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_jwks(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_jwks_rotate(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_usage_add(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_usage_get(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_verify_quick(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_audit_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_audit_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_login(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_refresh(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_logout(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_accept(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_confirm(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_me(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_password(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_sessions(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_session_end(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_logout_all(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_totp_begin(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_totp_confirm(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_totp_end(const wd_rpc_call_t *call, wd_rpc_res_t *res);

#endif /* AUTH_SERVICE_H */
