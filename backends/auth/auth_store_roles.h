/*
 * auth_store_roles.h - roles, scopes, products and organisations: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec() besides the ones named.
 * Texts of what is returned are in the pool.
 */
#ifndef AUTH_STORE_ROLES_H
#define AUTH_STORE_ROLES_H

#include "auth_store_users.h"

#define AUTH_ORG_ROLES_MAX 100 /* so that gateways can be told of them */

typedef struct {
    int64_t   id;
    int64_t   org_id; /* 0: built in */
    wd_str_t  name;
    wd_str_t  description; /* .data NULL: none */
    wd_str_t *perms;
    size_t    n_perms;
    int64_t   users; /* who have it, in the organisation that asks */
    wd_ns_t   updated_at;
} auth_role_t;

typedef struct {
    int64_t   id;
    wd_str_t  name;
    wd_str_t  title; /* .data NULL: none */
    wd_str_t *ceiling;
    size_t    n_ceiling;
    bool      disabled;
    int64_t   users;
    wd_ns_t   created_at;
} auth_org_t;

/* A name that stands for others. */
typedef struct {
    wd_str_t  name;
    wd_str_t  description;
    wd_str_t *means;
    size_t    n_means;
} auth_alias_t;

/* Built in, then the organisation's own, by name; org_id 0: all there are. */
wd_must_check int auth_store_roles(wd_pg_conn_t *c, int64_t org_id,
                                   wd_pool_t *pool, auth_role_t **ret,
                                   size_t *ret_n, wd_error_t *err);

/*
 * The role of that name for an organisation, locked until the end of the
 * transaction, so that it is not deleted before somebody has it.
 * WD_ENOTFOUND.
 */
wd_must_check int auth_store_role(wd_pg_conn_t *c, int64_t org_id,
                                  wd_str_t name, wd_pool_t *pool,
                                  auth_role_t *ret, wd_error_t *err);

/*
 * Makes or changes; *ret_made. WD_EEXIST: the name is of one built in.
 * WD_ETOOBIG: the organisation has AUTH_ORG_ROLES_MAX of its own.
 */
wd_must_check int auth_store_role_set(wd_pg_conn_t *c, auth_role_t *role,
                                      bool *ret_made, wd_error_t *err);

/*
 * WD_ENOTFOUND: the organisation has none of that name. WD_EEXIST: somebody
 * has it.
 */
wd_must_check int auth_store_role_delete(wd_pg_conn_t *c, int64_t org_id,
                                         wd_str_t name, int64_t *ret_id,
                                         wd_error_t *err);

wd_must_check int auth_store_scopes(wd_pg_conn_t *c, wd_pool_t *pool,
                                    auth_alias_t **ret, size_t *ret_n,
                                    wd_error_t *err);
wd_must_check int auth_store_products(wd_pg_conn_t *c, wd_pool_t *pool,
                                      auth_alias_t **ret, size_t *ret_n,
                                      wd_error_t *err);

/* Those with id > after; `only` another than 0: just that one. */
wd_must_check int auth_store_orgs(wd_pg_conn_t *c, int64_t only, int64_t after,
                                  int64_t limit, wd_pool_t *pool,
                                  auth_org_t **ret, size_t *ret_n,
                                  wd_error_t *err);

/*
 * Those who have the role with others: of all with the same roles one, because
 * they have the same rights.
 */
wd_must_check int auth_store_role_mixes(wd_pg_conn_t *c, int64_t role_id,
                                        wd_pool_t *pool, int64_t **ret,
                                        size_t *ret_n, wd_error_t *err);

/* The same of all users of an organisation. */
wd_must_check int auth_store_org_mixes(wd_pg_conn_t *c, int64_t org_id,
                                       wd_pool_t *pool, int64_t **ret,
                                       size_t *ret_n, wd_error_t *err);

/* Nobody changes it until the end of the transaction. WD_ENOTFOUND. */
wd_must_check int auth_store_org_lock(wd_pg_conn_t *c, wd_str_t name,
                                      int64_t *ret_id, wd_error_t *err);

/* WD_ENOTFOUND. */
wd_must_check int auth_store_org_find(wd_pg_conn_t *c, wd_str_t name,
                                      int64_t *ret_id, wd_error_t *err);

/*
 * Makes org->name or changes it; what is .data NULL or NULL stays. Fills the
 * rest. *ret_made.
 */
wd_must_check int auth_store_org_set(wd_pg_conn_t *c, auth_org_t *org,
                                     const bool *disabled, wd_pool_t *pool,
                                     bool *ret_made, wd_error_t *err);

#endif /* AUTH_STORE_ROLES_H */
