/*
 * auth_jwt.c - access tokens, and tokens.issue, which makes one for operators.
 */
#include "auth_jwt.h"

#include "auth_answer.h"
#include "auth_audit.h"
#include "auth_service.h"
#include "wd_base64url.h"

#include <sodium.h>

#define AUTH_TOKEN_TTL_S 300


void
auth_jti_make(char out[AUTH_JTI_LEN + 1])
{
    uint8_t bytes[AUTH_JTI_LEN / 2];

    randombytes_buf(bytes, sizeof(bytes));
    wd_hex_encode(bytes, sizeof(bytes), out);
}


static void
auth_base64url(wd_buf_t *out, const void *data, size_t n)
{
    char *to = (char *) wd_buf_reserve(out, WD_BASE64URL_TEXT(n));

    if (to != NULL) {
        out->len += wd_base64url_encode(data, n, to);
    }
}


static void
auth_jwt_header(wd_buf_t *out, const char *kid)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "alg");
    wd_json_z(&j, "EdDSA");
    wd_json_key(&j, "kid");
    wd_json_z(&j, kid);
    wd_json_key(&j, "typ");
    wd_json_z(&j, "at+jwt");
    wd_json_end(&j);
}


/*
 * A token is void that was issued before its subject was told to begin anew:
 * within the same second that takes more than seconds.
 */
static double
auth_jwt_time(wd_ns_t t)
{
    return (double) (t / WD_NS_PER_US) / 1e6;
}


static void
auth_jwt_claims(wd_buf_t *out, const auth_claims_t *c)
{
    wd_json_t j;

    wd_json_init(&j, out);
    wd_json_obj(&j);
    auth_json_str(&j, "iss", wd_str_z(c->issuer));
    auth_json_str(&j, "aud", wd_str_z(c->audience));
    auth_json_str(&j, "sub", c->sub);
    auth_json_str(&j, "jti", wd_str_z(c->jti));
    wd_json_key(&j, "iat");
    wd_json_num(&j, auth_jwt_time(c->issued_at));
    auth_json_int(&j, "nbf", c->issued_at / WD_NS_PER_S);
    auth_json_int(&j, "exp", c->expires_at / WD_NS_PER_S);
    auth_json_strs(&j, "permissions", c->perms, c->n_perms);
    auth_json_str(&j, "plan", c->plan);
    if (c->session != 0) {
        auth_json_int(&j, "sid", c->session);
    }
    wd_json_end(&j);
}


void
auth_jwt_write(wd_buf_t *out, const auth_claims_t *claims, const char *kid,
               const uint8_t secret[AUTH_SIGN_SECRET])
{
    size_t   from = out->len;
    uint8_t  signature[crypto_sign_BYTES];
    wd_buf_t part = WD_BUF_INIT;

    auth_jwt_header(&part, kid);
    auth_base64url(out, part.data, part.len);
    wd_buf_byte(out, '.');
    wd_buf_reset(&part);
    auth_jwt_claims(&part, claims);
    auth_base64url(out, part.data, part.len);

    if (part.err != WD_OK) {
        out->err = part.err;
    }
    wd_buf_done(&part);
    if (out->err != WD_OK) {
        return;
    }

    crypto_sign_detached(signature, NULL, out->data + from, out->len - from,
                         secret);
    wd_buf_byte(out, '.');
    auth_base64url(out, signature, sizeof(signature));
}


int
auth_jwt_sign(const wd_rpc_call_t *call, auth_claims_t *claims, wd_buf_t *out,
              wd_error_t *err)
{
    int           rc;
    auth_t       *a = call->svc;
    auth_signer_t signer;

    rc = auth_signer_find(call->pg, a->pepper, &signer, err);
    if (rc == WD_OK && !signer.found) {
        rc = wd_error(err, WD_EUNAVAIL, "there is no signing key");
    }
    if (rc == WD_OK) {
        claims->issuer = a->conf.issuer;
        claims->audience = a->conf.audience;
        auth_jwt_write(out, claims, signer.key.kid, signer.secret);
        rc = out->err == WD_OK ? WD_OK : wd_error(err, out->err, "no memory");
    }
    sodium_memzero(signer.secret, sizeof(signer.secret));
    return rc;
}


/* ---- tokens.issue ------------------------------------------------------- */

static int
auth_issue_args(const wd_rpc_call_t *call, wd_rpc_res_t *res,
                auth_claims_t *claims, int64_t *ret_ttl_s)
{
    int          rc;
    wd_perms_t   perms;
    auth_actor_t actor;

    rc = auth_arg_text(call, res, "sub", WD_PRINCIPAL_MAX, &claims->sub);
    if (rc == WD_OK && claims->sub.data == NULL) {
        rc = wd_rpc_fail_param(res, "sub", "sub is required");
    }
    if (rc == WD_OK) {
        rc = auth_arg_perms(call, res, "permissions", &perms);
    }
    if (rc == WD_OK && perms.n == 0) {
        rc = wd_perms_add(&perms, WD_STR("*:read"));
    }
    if (rc == WD_OK) {
        rc = auth_actor(call, res, &actor);
    }
    if (rc == WD_OK) {
        rc = auth_actor_hands_on(&actor, res, &perms);
    }
    if (rc == WD_OK) {
        rc = auth_arg_text(call, res, "plan", WD_PLAN_MAX, &claims->plan);
    }
    if (rc == WD_OK) {
        rc = auth_arg_int(call, res, "ttl", 1, AUTH_TOKEN_TTL_MAX_S, ret_ttl_s);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (claims->plan.data == NULL) {
        claims->plan = WD_STR("default");
    }
    claims->perms = perms.v;
    claims->n_perms = perms.n;
    return WD_OK;
}


static void
auth_put_issued(wd_rpc_res_t *res, const auth_claims_t *claims, wd_str_t token)
{
    wd_json_t j;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    auth_json_str(&j, "token", token);
    auth_json_str(&j, "token_type", WD_STR("Bearer"));
    auth_json_str(&j, "jti", wd_str_z(claims->jti));
    auth_json_str(&j, "sub", claims->sub);
    auth_json_end(&j, "expires_at", claims->expires_at);
    wd_json_end(&j);
}


/* Without the token: what it says. */
static void
auth_note_issued(const wd_rpc_call_t *call, auth_note_t *note,
                 const auth_claims_t *claims)
{
    wd_buf_t  detail = WD_BUF_INIT;
    wd_json_t j;

    note->subject = claims->sub;
    wd_json_init(&j, &detail);
    wd_json_obj(&j);
    auth_json_str(&j, "jti", wd_str_z(claims->jti));
    auth_json_str(&j, "plan", claims->plan);
    auth_json_strs(&j, "permissions", claims->perms, claims->n_perms);
    auth_json_end(&j, "expires_at", claims->expires_at);
    wd_json_end(&j);
    auth_note_detail(call, note, &detail);
}


/* Of operators alone: it has no path. */
int
auth_tokens_issue(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int           rc;
    char          jti[AUTH_JTI_LEN + 1];
    int64_t       ttl_s = AUTH_TOKEN_TTL_S;
    wd_buf_t      token = WD_BUF_INIT;
    wd_error_t    err;
    auth_note_t   note = {.org_id = AUTH_ORG_MAIN, .action = "tokens.issue"};
    auth_claims_t claims = {.jti = jti};

    rc = auth_issue_args(call, res, &claims, &ttl_s);
    if (rc != WD_OK) {
        return rc;
    }

    auth_jti_make(jti);
    claims.issued_at = wd_now();
    claims.expires_at = claims.issued_at + ttl_s * WD_NS_PER_S;
    claims.expires_at -= claims.expires_at % WD_NS_PER_S;
    auth_note_issued(call, &note, &claims);

    rc = wd_pg_begin(call->pg, &err);
    if (rc == WD_OK) {
        rc = auth_jwt_sign(call, &claims, &token, &err);
    }
    if (rc == WD_OK) {
        rc = auth_audit_commit(call, &note, &err);
    }
    if (rc == WD_OK) {
        auth_put_issued(res, &claims, wd_buf_view(&token));
        wd_log_info(call->log, "token issued", "request", call->ctx.id, "sub",
                    claims.sub, "seconds", ttl_s, "by", call->ctx.principal);
    }

    if (token.data != NULL) {
        sodium_memzero(token.data, token.cap);
    }
    wd_buf_done(&token);
    return rc == WD_OK ? WD_OK : auth_fail_store(call, res, rc, &err);
}
