/*
 * auth_store_users.h - users, their roles and what these permit: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec() besides the ones named.
 * Texts of what is returned are in the pool.
 */
#ifndef AUTH_STORE_USERS_H
#define AUTH_STORE_USERS_H

#include "auth_store_row.h"
#include "wd_ctx.h"
#include "wd_perms.h"

#define AUTH_ROLES_MAX 16 /* of a user */
#define AUTH_ROLE_PERMS_MAX 32 /* of a role */
#define AUTH_CEILING_MAX 32 /* permissions of an organisation */
#define AUTH_ORG_MAIN 1 /* the platform's own organisation */

typedef struct {
    int64_t   id;
    int64_t   org_id;
    wd_str_t  org;
    wd_str_t  email;
    wd_str_t  name; /* .data NULL: none */
    wd_str_t  plan;
    wd_str_t *roles;
    size_t    n_roles;
    bool      has_password;
    bool      has_totp;
    bool      disabled;
    bool      org_disabled; /* and with it everybody in it */
    wd_ns_t   created_at;
    wd_ns_t   verified_at; /* WD_NS_MAX: not yet, as below */
    wd_ns_t   last_login_at;
} auth_user_t;

/* What a user may, and where it comes from. */
typedef struct {
    int64_t    org_id;
    wd_str_t   plan;
    bool       disabled; /* the user or the organisation */
    wd_ns_t    now; /* by the clock of the database */
    wd_perms_t roles; /* what the roles say together */
    wd_perms_t ceiling; /* what the organisation allows */
    wd_perms_t perms; /* what both permit */
} auth_rights_t;

typedef struct {
    int64_t     org_id;
    wd_str_t    q; /* .data NULL: any, as below */
    wd_str_t    role;
    const bool *disabled;
    int64_t     after;
    int64_t     limit;
} auth_user_filter_t;

/*
 * Fills user->id and created_at of a user of user->org_id. password_hash
 * NULL: no login. WD_EEXIST: the address is taken there, in any case of its
 * letters. WD_ENOTFOUND: no such plan.
 */
wd_must_check int auth_store_user_add(wd_pg_conn_t *c, auth_user_t *user,
                                      const char *password_hash,
                                      wd_error_t *err);

/* WD_ENOTFOUND: there is none, or it was deleted. */
wd_must_check int auth_store_user(wd_pg_conn_t *c, int64_t id, wd_pool_t *pool,
                                  auth_user_t *ret, wd_error_t *err);
wd_must_check int auth_store_user_by_email(wd_pg_conn_t *c, int64_t org_id,
                                           wd_str_t email, wd_pool_t *pool,
                                           auth_user_t *ret, wd_error_t *err);

/*
 * In a transaction, for something that is made for the user: until its end
 * nobody deletes them. WD_ENOTFOUND: somebody has.
 */
wd_must_check int auth_store_user_hold(wd_pg_conn_t *c, int64_t id,
                                       wd_error_t *err);

/* In order of id, from filter->after on. */
wd_must_check int auth_store_users(wd_pg_conn_t             *c,
                                   const auth_user_filter_t *filter,
                                   wd_pool_t *pool, auth_user_t **ret,
                                   size_t *ret_n, wd_error_t *err);

/*
 * What is .data NULL or NULL stays. WD_ENOTFOUND; WD_EEXIST as above;
 * WD_EPARAM: no such plan.
 */
wd_must_check int auth_store_user_update(wd_pg_conn_t *c, int64_t id,
                                         wd_str_t name, wd_str_t email,
                                         wd_str_t plan, const bool *disabled,
                                         wd_error_t *err);

/* These are all the roles from now on. */
wd_must_check int auth_store_user_roles(wd_pg_conn_t *c, int64_t id,
                                        const int64_t *roles, size_t n,
                                        wd_error_t *err);

/*
 * The row stays, without address, name, password and second factor; keys are
 * revoked, roles, sessions and one-time tokens gone. WD_ENOTFOUND.
 */
wd_must_check int auth_store_user_delete(wd_pg_conn_t *c, int64_t id,
                                         wd_error_t *err);

/* WD_ENOTFOUND; WD_ETOOBIG: more permissions than can be told of. */
wd_must_check int auth_store_rights(wd_pg_conn_t *c, int64_t user_id,
                                    wd_pool_t *pool, auth_rights_t *ret,
                                    wd_error_t *err);

/* Two columns of a user u in an organisation o, and the sets from them, the
 * first being `col`. WD_ENOMEM, WD_ETOOBIG. */
#define AUTH_RIGHTS_COLUMNS                                     \
    "array_to_string(ARRAY(SELECT DISTINCT p FROM user_role x"  \
    " JOIN role r ON r.id = x.role_id, unnest(r.permissions) p" \
    " WHERE x.user_id = u.id), ' '), array_to_string(o.ceiling, ' ')"

wd_must_check int auth_rights_read(auth_row_t *row, int col,
                                   auth_rights_t *ret);

#endif /* AUTH_STORE_USERS_H */
