/*
 * auth_service.h - the auth service: its parts and its methods.
 */
#ifndef AUTH_SERVICE_H
#define AUTH_SERVICE_H

#include "auth_conf.h"
#include "auth_digests.h"
#include "auth_key.h"
#include "auth_password.h"
#include "auth_push.h"

typedef struct {
    auth_conf_t     conf;
    wd_service_t   *service;
    auth_pepper_t  *pepper;
    auth_hasher_t  *hasher;
    auth_digests_t *digests;
    auth_push_t    *push;
} auth_t;

/* Life of a token that is issued to an operator. */
#define AUTH_TOKEN_TTL_S 300
#define AUTH_TOKEN_TTL_MAX_S 86400

/* The whole service, from argv to the exit status. */
int auth_main(int argc, char **argv);

/* Methods of the catalogue. */
int auth_users_create(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_users_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_create(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_keys_revoke(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_plans_list(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_plans_set(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_tokens_issue(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_tokens_revoke(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_token(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_jwks(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_jwks_rotate(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_usage_add(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_usage_get(const wd_rpc_call_t *call, wd_rpc_res_t *res);
int auth_verify(const wd_rpc_call_t *call, wd_rpc_res_t *res);

#endif /* AUTH_SERVICE_H */
