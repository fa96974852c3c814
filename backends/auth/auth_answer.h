/*
 * auth_answer.h - what the methods have in common: arguments, refusals, pages.
 */
#ifndef AUTH_ANSWER_H
#define AUTH_ANSWER_H

#include "auth_actor.h"
#include "wd_json.h"
#include "wd_rows.h"

/*
 * A failure of the database: the details go to the log, the user learns only
 * the kind. Returns rc.
 */
int auth_fail_store(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                    const wd_error_t *err);

/*
 * For methods of the lane, which have no connection while they hash: fn with
 * one, call->pg. A transaction that it leaves open is rolled back.
 */
typedef int (*auth_with_pg_pt)(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                               void *arg);

wd_must_check int auth_with_pg(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                               auth_with_pg_pt fn, void *arg);

/*
 * What an argument names is not there, or not for the one who asks, which is
 * the same. Returns WD_ENOTFOUND.
 */
int auth_fail_absent(wd_rpc_res_t *res, const char *param, const char *fmt, ...)
    wd_printf_like(3, 4);

/*
 * Optional arguments; absent, *ret stays, and a text's .data is NULL. WD_OK
 * or WD_EPARAM with *res filled.
 */
wd_must_check int auth_arg_text(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                const char *name, size_t max, wd_str_t *ret);
wd_must_check int auth_arg_int(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                               const char *name, int64_t min, int64_t max,
                               int64_t *ret);
wd_must_check int auth_arg_time(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                const char *name, wd_ns_t *ret);
/* *ret points to *value when given, else NULL. */
wd_must_check int auth_arg_bool(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                const char *name, bool *value,
                                const bool **ret);
/* At most `max` texts of any kind; absent: NULL. */
wd_must_check int auth_arg_texts(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                 const char *name, size_t max, wd_str_t **ret,
                                 size_t *ret_n);
/* Valid permissions, 1 to WD_PERMS_MAX; absent: an empty set. */
wd_must_check int auth_arg_perms(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                 const char *name, wd_perms_t *ret);

/* A required name: letters, digits and - _ . */
wd_must_check int auth_arg_name(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                const char *name, size_t max, wd_str_t *ret);

/* A required one: `id` of a path. */
wd_must_check int auth_arg_id(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                              int64_t *ret);

/*
 * The user of that organisation whom a text names by address or id.
 * WD_ENOTFOUND: there is no such user.
 */
wd_must_check int auth_arg_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                wd_str_t ref, int64_t org_id, auth_user_t *ret);

/* Rows ordered by id, one more than asked for, to know whether it goes on. */
typedef struct {
    wd_rows_t rows;
    int64_t   limit;
    int64_t   after;
    int64_t   n; /* rows seen */
    int64_t   last; /* id of the last one written */
} auth_page_t;

/* Reads `limit` and `cursor`, opens the table; CSV has no name for it. */
wd_must_check int auth_page_begin(auth_page_t *page, const wd_rpc_call_t *call,
                                  wd_rpc_res_t *res, const char *name,
                                  const wd_col_t *cols, size_t n_cols);

/* Shall the row be written? To be called for each of them. */
bool auth_page_row(auth_page_t *page, int64_t id);

/* Closes with "next", which is null on the last page. */
void auth_page_end(auth_page_t *page, wd_rpc_res_t *res);

void auth_rows_end_time(wd_rows_t *rows, wd_ns_t t); /* WD_NS_MAX: null */

void auth_json_str(wd_json_t *j, const char *key, wd_str_t v); /* or null */
void auth_json_strs(wd_json_t *j, const char *key, const wd_str_t *v,
                    size_t n); /* an array */
void auth_json_end(wd_json_t *j, const char *key, wd_ns_t t); /* MAX: null */
void auth_json_int(wd_json_t *j, const char *key, int64_t v);
void auth_json_bool(wd_json_t *j, const char *key, bool v);

#endif /* AUTH_ANSWER_H */
