/*
 * auth_plans.c - plans: listed, set, deleted.
 */
#include "auth_answer.h"
#include "auth_audit.h"
#include "auth_check.h"
#include "auth_service.h"
#include "auth_store_plans.h"
#include "auth_store_users.h"
#include "wd_plan.h"

static const wd_col_t auth_plan_cols[] = {
    {"name", WD_COL_STR},
    {"limits", WD_COL_STR},
    {"description", WD_COL_STR},
    {"updated_at", WD_COL_TIME},
};


static void
auth_put_plan(const auth_plan_t *plan, void *arg)
{
    wd_rows_t *rows = arg;

    wd_rows_row(rows);
    wd_rows_str(rows, plan->name);
    wd_rows_str(rows, plan->limits);
    wd_rows_str(rows, plan->description);
    wd_rows_time(rows, plan->updated_at);
}


int
auth_plans_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    wd_rows_t  rows;
    wd_error_t err;

    wd_rows_begin_as(&rows, &res->body, call->ctx.format, "plans",
                     auth_plan_cols, wd_array_len(auth_plan_cols));
    rc = auth_store_plans(call->pg, auth_put_plan, &rows, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    wd_rows_end(&rows);
    wd_rows_finish(&rows);
    return WD_OK;
}


static int
auth_arg_limits(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t *ret)
{
    wd_plan_t  plan;
    wd_error_t err;

    if (wd_rpc_arg_str(call, "limits", ret) != WD_OK
        || ret->len > WD_PLAN_TEXT_MAX) {
        return wd_rpc_fail_param(res, "limits",
                                 "limits is required: text of at most %d bytes",
                                 WD_PLAN_TEXT_MAX);
    }
    if (wd_plan_parse(*ret, &plan, &err) != WD_OK) {
        return wd_rpc_fail_param(res, "limits", "%s", err.text);
    }
    wd_plan_done(&plan);
    return WD_OK;
}


static void
auth_note_plan(const wd_rpc_call_t *call, auth_note_t *note, wd_str_t name,
               wd_str_t limits)
{
    wd_buf_t  detail = WD_BUF_INIT;
    wd_json_t j;

    note->org_id = AUTH_ORG_MAIN;
    auth_note_name(call, note, "plan", name);
    if (limits.data != NULL) {
        wd_json_init(&j, &detail);
        wd_json_obj(&j);
        auth_json_str(&j, "limits", limits);
        wd_json_end(&j);
        auth_note_detail(call, note, &detail);
    }
}


static int
auth_plan_commit(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                 auth_plan_t *plan, bool *ret_made)
{
    int         rc;
    wd_error_t  err;
    auth_note_t note = {.action = "plans.set"};

    auth_note_plan(call, &note, plan->name, plan->limits);
    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_store_plan_set(call->pg, plan, ret_made, &err);
    }
    if (rc == WD_ETOOBIG) {
        return wd_rpc_fail(res, WD_EEXIST,
                           "there are %d plans: delete one first",
                           AUTH_PLANS_MAX);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &note, &err);
    }
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}


int
auth_plans_set(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    bool        made;
    wd_rows_t   rows;
    auth_plan_t plan = {0};

    rc = auth_arg_name(call, res, "name", WD_PLAN_MAX, &plan.name);
    if (rc == WD_OK && wd_str_eq_z(plan.name, "anonymous")) {
        return wd_rpc_fail_param(res, "name",
                                 "who has no credential has no plan: their "
                                 "limits are wizdata_limit_anonymous of "
                                 "nginx.conf");
    }
    if (rc == WD_OK) {
        rc = auth_arg_limits(call, res, &plan.limits);
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "description", AUTH_DESCRIPTION_MAX,
                           &plan.description);
    }
    if (rc == WD_OK) {
        rc = auth_plan_commit(call, res, &plan, &made);
    }
    if (rc != WD_OK) {
        return rc;
    }

    wd_log_info(call->log, made ? "plan made" : "plan changed", "request",
                call->ctx.id, "plan", plan.name, "limits", plan.limits, "by",
                call->ctx.principal);
    wd_rows_single(&rows, &res->body, call->ctx.format, auth_plan_cols,
                   wd_array_len(auth_plan_cols));
    auth_put_plan(&plan, &rows);
    return WD_OK;
}


int
auth_plans_delete(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    wd_str_t    name;
    wd_json_t   j;
    wd_error_t  err;
    auth_note_t note = {.action = "plans.delete"};

    rc = auth_arg_name(call, res, "name", WD_PLAN_MAX, &name);
    if (rc == WD_OK && wd_str_eq_z(name, "default")) {
        rc = wd_rpc_fail(res, WD_EEXIST, "the plan default is what users get");
    }
    if (rc != WD_OK) {
        return rc;
    }

    auth_note_plan(call, &note, name, WD_STR_NULL);
    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_store_plan_delete(call->pg, name, &err);
    }
    if (rc == WD_ENOTFOUND) {
        return wd_rpc_fail(res, rc, "there is no plan %.*s", WD_STR_ARG(name));
    }
    if (rc == WD_EEXIST) {
        return wd_rpc_fail(res, rc, "users or keys have the plan");
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "name", name);
    auth_json_bool(&j, "deleted", true);
    wd_json_end(&j);
    return WD_OK;
}
