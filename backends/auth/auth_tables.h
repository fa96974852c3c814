/*
 * auth_tables.h - what every gateway must know from its first request on:
 * the plans and the tokens that are void. A gateway is told all of it when it
 * connects, and each change as it comes.
 *
 * Made by the push thread, then the loop's own.
 */
#ifndef AUTH_TABLES_H
#define AUTH_TABLES_H

#include "auth_store.h"
#include "wd_rpc.h"

#define AUTH_VOIDS_MAX 200000 /* tokens and subjects that are told of */

typedef struct auth_tables auth_tables_t;

auth_tables_t *auth_tables_create(void); /* NULL without memory */
void           auth_tables_destroy(auth_tables_t *t); /* NULL accepted */

/* WD_OK, WD_ENOMEM; WD_ETOOBIG: there are AUTH_VOIDS_MAX that count. */
wd_must_check int auth_tables_add(auth_tables_t *t, const auth_void_t *v);

/* `params` of auth.plans, in place of those before; it is taken over. */
void auth_tables_set_plans(auth_tables_t *t, wd_buf_t *params);

/* All plans, then all void tokens, in as many notifications as it takes. */
void auth_tables_greet(const auth_tables_t *t, wd_rpc_peer_t *peer);

/* Params of auth.plans, from the database. */
wd_must_check int auth_plans_params(wd_pg_conn_t *c, wd_buf_t *out,
                                    wd_error_t *err);

/* Params of auth.revoke_token for n entries that auth_void_put() made. */
void auth_voids_params(wd_buf_t *out, wd_str_t entries, uint32_t n, wd_ns_t at);
void auth_void_put(wd_buf_t *out, const auth_void_t *v);

#endif /* AUTH_TABLES_H */
