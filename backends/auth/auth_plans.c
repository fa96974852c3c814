/*
 * auth_plans.c - plans.list and plans.set.
 */
#include "auth_answer.h"
#include "auth_check.h"
#include "auth_service.h"
#include "wd_plan.h"

#define AUTH_PLAN_TEXT_MAX 256


static void
auth_json_plan(wd_json_t *j, const auth_plan_t *plan)
{
    wd_json_obj(j);
    auth_json_str(j, "name", plan->name);
    auth_json_str(j, "limits", plan->limits);
    if (plan->description.data != NULL) {
        auth_json_str(j, "description", plan->description);
    }
    auth_json_end(j, "updated_at", plan->updated_at);
    wd_json_end(j);
}


static void
auth_list_plan(const auth_plan_t *plan, void *arg)
{
    auth_json_plan(arg, plan);
}


int
auth_plans_list(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    wd_json_t  j;
    wd_error_t err;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "plans");
    wd_json_arr(&j);
    rc = auth_store_plans(call->pg, auth_list_plan, &j, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }
    wd_json_end(&j);
    wd_json_end(&j);
    return WD_OK;
}


/* Without blanks, so that it is a word in nginx.conf, too. */
static bool
auth_plan_name_valid(wd_str_t name)
{
    size_t i;
    char   c;

    for (i = 0; i < name.len; i++) {
        c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.')) {
            return false;
        }
    }
    return name.len >= 1 && name.len <= WD_PLAN_MAX;
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


int
auth_plans_set(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    bool        made;
    wd_json_t   j;
    wd_error_t  err;
    auth_plan_t plan = {0};

    if (wd_rpc_arg_str(call, "name", &plan.name) != WD_OK
        || !auth_plan_name_valid(plan.name)) {
        return wd_rpc_fail_param(
            res, "name", "name must be 1 to %d letters, digits and - _ .",
            WD_PLAN_MAX);
    }

    rc = auth_arg_limits(call, res, &plan.limits);
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "description", AUTH_PLAN_TEXT_MAX,
                           &plan.description);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_plan_set(call->pg, &plan, &made, &err);
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    wd_log_info(call->log, made ? "plan made" : "plan changed", "request",
                call->ctx.id, "plan", plan.name, "limits", plan.limits, "by",
                call->ctx.principal);
    wd_json_init(&j, &res->body);
    auth_json_plan(&j, &plan);
    return WD_OK;
}
