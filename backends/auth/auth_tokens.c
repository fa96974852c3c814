/*
 * auth_tokens.c - tokens.revoke, and auth.token: is this token void?
 */
#include "auth_answer.h"
#include "auth_audit.h"
#include "auth_service.h"
#include "auth_store_users.h"

#define AUTH_VALUE_MAX 255 /* of a jti or a subject */


/* jti and exp; they come together. */
static int
auth_arg_jti(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_void_t *ret)
{
    int rc;

    ret->kind = AUTH_VOID_JTI;
    rc = wd_rpc_arg_int(call, "exp", &ret->number);
    if (rc != WD_OK || ret->number < 0) {
        return wd_rpc_fail_param(res, "exp",
                                 "exp is required with jti: the token's end");
    }
    return WD_OK;
}


/* sub, or all: with the time before which tokens are void. */
static int
auth_arg_before(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_void_t *ret)
{
    int rc;

    ret->kind = ret->value.data != NULL ? AUTH_VOID_SUB : AUTH_VOID_ALL;
    if (ret->value.data == NULL) {
        ret->value = WD_STR("");
    }

    ret->number = wd_now();
    rc = wd_rpc_arg_int(call, "issued_before", &ret->number);
    if ((rc != WD_OK && rc != WD_ENOTFOUND) || ret->number < 0
        || ret->number > wd_now() + WD_NS_PER_S) {
        return wd_rpc_fail_param(
            res, "issued_before",
            "issued_before must be a time that does not lie in the future");
    }
    return WD_OK;
}


/* Exactly one of jti, sub and all. */
static int
auth_arg_void(const wd_rpc_call_t *call, wd_rpc_res_t *res, auth_void_t *ret)
{
    int      rc;
    bool     all = false;
    wd_str_t jti, sub;

    rc = auth_arg_text(call, res, "jti", AUTH_VALUE_MAX, &jti);
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "sub", AUTH_VALUE_MAX, &sub);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_rpc_arg_bool(call, "all", &all);
    if (rc != WD_OK && rc != WD_ENOTFOUND) {
        return wd_rpc_fail_param(res, "all", "all must be true or false");
    }
    if ((jti.data != NULL) + (sub.data != NULL) + all != 1) {
        return wd_rpc_fail_param(res, all ? "all" : "jti",
                                 "give one of jti, sub and all=true");
    }

    ret->value = jti.data != NULL ? jti : sub;
    return jti.data != NULL ? auth_arg_jti(call, res, ret)
                            : auth_arg_before(call, res, ret);
}


/* Which tokens: a subject and an id may be the same text. */
static void
auth_note_void(const wd_rpc_call_t *call, auth_note_t *note,
               const auth_void_t *v)
{
    wd_buf_t  detail = WD_BUF_INIT;
    wd_json_t j;

    note->subject = v->kind == AUTH_VOID_ALL ? WD_STR("tokens") : v->value;
    wd_json_init(&j, &detail);
    wd_json_obj(&j);
    auth_json_str(&j, "kind", wd_str_z(auth_void_name(v->kind)));
    if (v->kind != AUTH_VOID_JTI) {
        auth_json_end(&j, "issued_before", v->number);
    }
    wd_json_end(&j);
    auth_note_detail(call, note, &detail);
}


int
auth_tokens_revoke(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int         rc;
    auth_t     *a = call->svc;
    wd_ns_t     at;
    wd_json_t   j;
    wd_error_t  err;
    auth_void_t v;
    auth_note_t note = {.org_id = AUTH_ORG_MAIN, .action = "tokens.revoke"};

    rc = auth_arg_void(call, res, &v);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_store_void_add(call->pg, &v, &at, &err);
    }
    if (rc == WD_OK) {
        auth_note_void(call, &note, &v);
        rc = auth_audit_commit(call, &note, &err);
    }
    if (rc != WD_OK) {
        return auth_fail_store(call, res, rc, &err);
    }

    /* As keys.revoke does: own gateways hear of it before the answer. */
    auth_push_void(a->push, &v, at);
    wd_log_info(call->log, "tokens revoked", "request", call->ctx.id, "kind",
                auth_void_name(v.kind), "value", v.value, "by",
                call->ctx.principal);

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "kind", wd_str_z(auth_void_name(v.kind)));
    auth_json_str(&j, "value", v.value.len != 0 ? v.value : WD_STR_NULL);
    auth_json_end(&j, v.kind == AUTH_VOID_JTI ? "exp" : "issued_before",
                  v.number);
    auth_json_end(&j, "revoked_at", at);
    wd_json_end(&j);
    return WD_OK;
}


/* What auth.token asks about; jti may be empty. */
static int
auth_arg_token(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t *jti,
               wd_str_t *sub, wd_ns_t *iat)
{
    int rc;

    rc = auth_arg_text(call, res, "jti", AUTH_VALUE_MAX, jti);
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "sub", AUTH_VALUE_MAX, sub);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (sub->data == NULL) {
        return wd_rpc_fail_param(res, "sub", "sub is required");
    }
    if (wd_rpc_arg_int(call, "iat", iat) != WD_OK) {
        return wd_rpc_fail_param(res, "iat", "iat is required: nanoseconds");
    }
    if (jti->data == NULL) {
        *jti = WD_STR("");
    }
    return WD_OK;
}


static int
auth_token_verdict(wd_rpc_res_t *res, bool is_void)
{
    return is_void ? wd_rpc_fail(res, WD_EUNAUTH, "the token is revoked")
                   : WD_OK;
}


/* Loop thread: all void tokens are in memory, while they are heard of. */
int
auth_token_quick(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int      rc;
    bool     is_void;
    auth_t  *a = call->svc;
    wd_ns_t  iat;
    wd_str_t jti, sub;

    rc = auth_arg_token(call, res, &jti, &sub, &iat);
    if (rc != WD_OK) {
        return rc;
    }
    return auth_push_token(a->push, jti, sub, iat, &is_void)
               ? auth_token_verdict(res, is_void)
               : WD_EAGAIN;
}


int
auth_token(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    wd_ns_t    iat;
    wd_str_t   jti, sub;
    wd_error_t err;

    rc = auth_arg_token(call, res, &jti, &sub, &iat);
    if (rc != WD_OK) {
        return rc;
    }

    rc = auth_store_void_find(call->pg, jti, sub, iat, &err);
    return rc == WD_OK || rc == WD_ENOTFOUND
               ? auth_token_verdict(res, rc == WD_OK)
               : auth_fail_store(call, res, rc, &err);
}
