/*
 * auth_store_plans.h - plans: the SQL.
 *
 * Worker threads. Errors are those of wd_pg_exec() besides the ones named.
 * Texts handed to callbacks are views that end with the callback.
 */
#ifndef AUTH_STORE_PLANS_H
#define AUTH_STORE_PLANS_H

#include "wd_pg.h"

#define AUTH_PLANS_MAX 256 /* so that gateways can be told of them */

typedef struct {
    wd_str_t name;
    wd_str_t limits;
    wd_str_t description;
    wd_ns_t  updated_at;
} auth_plan_t;

typedef void (*auth_plan_pt)(const auth_plan_t *plan, void *arg);

/* All of them, by name. */
wd_must_check int auth_store_plans(wd_pg_conn_t *c, auth_plan_pt fn, void *arg,
                                   wd_error_t *err);

/*
 * Makes or changes the plan `name`; a description without .data stays.
 * *ret_made tells which. Fills plan->updated_at. WD_ETOOBIG: there are
 * AUTH_PLANS_MAX.
 */
wd_must_check int auth_store_plan_set(wd_pg_conn_t *c, auth_plan_t *plan,
                                      bool *ret_made, wd_error_t *err);

/* WD_ENOTFOUND; WD_EEXIST: a user or a key has it. */
wd_must_check int auth_store_plan_delete(wd_pg_conn_t *c, wd_str_t name,
                                         wd_error_t *err);

#endif /* AUTH_STORE_PLANS_H */
