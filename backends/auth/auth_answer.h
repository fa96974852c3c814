/*
 * auth_answer.h - what the methods have in common: refusals, pages, members.
 */
#ifndef AUTH_ANSWER_H
#define AUTH_ANSWER_H

#include "auth_store.h"
#include "wd_json.h"
#include "wd_rpc.h"

/*
 * A failure of the database: the details go to the log, the user learns only
 * the kind. Returns rc.
 */
int auth_fail_store(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
                    const wd_error_t *err);

/*
 * An optional text of 1 to `max` bytes without control characters; .data
 * NULL when absent. WD_OK or WD_EPARAM with *res filled.
 */
wd_must_check int auth_arg_text(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                const char *name, size_t max, wd_str_t *ret);

/*
 * The user that an argument names by address or id. WD_OK, or a failure with
 * *res filled: WD_EPARAM when there is no such user.
 */
wd_must_check int auth_arg_user(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                wd_str_t ref, auth_user_t *ret);

/*
 * `permissions`, *:read without them: valid ones, and none that the caller
 * does not have. WD_OK, or a failure with *res filled.
 */
wd_must_check int auth_arg_perms(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                 const wd_str_t **ret, size_t *ret_n);

/* `plan`, "default" without it. Whether there is one is not looked up. */
wd_must_check int auth_arg_plan(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                                wd_str_t *ret);

/* Rows ordered by id, one more than asked for, to know whether it goes on. */
typedef struct {
    wd_json_t j;
    int64_t   limit;
    int64_t   after;
    int64_t   n; /* rows seen */
    int64_t   last; /* id of the last one written */
} auth_page_t;

/* Reads `limit` and `cursor`, opens {"<name>":[. */
wd_must_check int auth_page_begin(auth_page_t *page, const wd_rpc_call_t *call,
                                  wd_rpc_res_t *res, const char *name);

/* Shall the row be written? To be called for each of them. */
bool auth_page_row(auth_page_t *page, int64_t id);

/* Closes with "next", which is null on the last page. */
void auth_page_end(auth_page_t *page, wd_rpc_res_t *res);

void auth_json_str(wd_json_t *j, const char *key, wd_str_t v); /* or null */
void auth_json_strs(wd_json_t *j, const char *key, const wd_str_t *v,
                    size_t n); /* an array; none: null */
void auth_json_end(wd_json_t *j, const char *key, wd_ns_t t); /* MAX: null */

#endif /* AUTH_ANSWER_H */
