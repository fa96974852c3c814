/*
 * auth_tables.h - what every gateway must know from its first request on:
 * plans, roles and the tokens that are void. A gateway is told all of it when
 * it connects, and each change as it comes.
 *
 * Made by the push thread, then the loop's own.
 */
#ifndef AUTH_TABLES_H
#define AUTH_TABLES_H

#include "auth_store_tokens.h"
#include "wd_rpc.h"

#define AUTH_VOIDS_MAX 200000 /* tokens and subjects that are told of */

typedef struct auth_tables auth_tables_t;

auth_tables_t *auth_tables_create(void); /* NULL without memory */
void           auth_tables_destroy(auth_tables_t *t); /* NULL accepted */

/*
 * In place of what is known about the same token or subject, if it reaches
 * further. WD_OK, WD_ENOMEM; WD_ETOOBIG: there are AUTH_VOIDS_MAX that count.
 */
wd_must_check int auth_tables_add(auth_tables_t *t, const auth_void_t *v);

/* Is that token void? jti may be empty. */
bool auth_tables_void(const auth_tables_t *t, wd_str_t jti, wd_str_t sub,
                      wd_ns_t issued_at);

size_t auth_tables_len(const auth_tables_t *t);

/* `params` in place of those before; they are taken over. */
void auth_tables_set_plans(auth_tables_t *t, wd_buf_t *params);
void auth_tables_set_roles(auth_tables_t *t, wd_buf_t *params);

/* All plans, roles and void tokens, in as many notifications as it takes. */
void auth_tables_greet(const auth_tables_t *t, wd_rpc_peer_t *peer);

/* Params of auth.plans and auth.roles, from the database. */
wd_must_check int auth_plans_params(wd_pg_conn_t *c, wd_buf_t *out,
                                    wd_error_t *err);
wd_must_check int auth_roles_params(wd_pg_conn_t *c, wd_buf_t *out,
                                    wd_error_t *err);

/* All of it from the database. WD_ETOOBIG as auth_tables_add(). */
wd_must_check int auth_tables_load(auth_tables_t *t, wd_pg_conn_t *c,
                                   wd_error_t *err);

/* Params of auth.revoke_token for n entries that auth_void_put() made. */
void auth_voids_params(wd_buf_t *out, wd_str_t entries, uint32_t n, wd_ns_t at);
void auth_void_put(wd_buf_t *out, const auth_void_t *v);

#endif /* AUTH_TABLES_H */
