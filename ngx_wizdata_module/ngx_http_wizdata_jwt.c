/*
 * ngx_http_wizdata_jwt.c - a bearer credential that is a JSON Web Token: who
 * issued it, with which key, and what it says.
 *
 * A token that was verified before is found by its digest and never comes
 * here. Only a key that is not known yet makes a request wait.
 */
#include "ngx_http_wizdata_jwt.h"

#include "wd_time.h"

#include <sodium.h>

/* Waits of one request per source of its issuer. */
#define NGX_HTTP_WIZDATA_JWT_WAITS 2

/* Judgements of one request, when keys or roles change under it. */
#define NGX_HTTP_WIZDATA_JWT_TRIES 3

#define NGX_HTTP_WIZDATA_JWT_BLOCK 4096

/* Of a principal that would be too long: what stands for its subject. */
#define NGX_HTTP_WIZDATA_JWT_HASH 16


/* Of a request whose credential is a token. */
typedef struct {
    wd_str_t   token;
    ngx_msec_t until; /* when waiting ends */
    ngx_uint_t waits;
    ngx_uint_t tries;
} ngx_http_wizdata_jwt_t;


static void
ngx_http_wizdata_jwt_count(ngx_http_wizdata_ctx_t *ctx, wd_jwt_why_e why)
{
    switch (why) {
    case WD_JWT_WHY_OK:
        ngx_http_wizdata_count(ctx, JWT_VERIFIED, 1);
        break;
    case WD_JWT_WHY_ALG:
        ngx_http_wizdata_count(ctx, JWT_ALGORITHM, 1);
        break;
    case WD_JWT_WHY_KEY:
        ngx_http_wizdata_count(ctx, JWT_KEY, 1);
        break;
    case WD_JWT_WHY_SIGNATURE:
        ngx_http_wizdata_count(ctx, JWT_SIGNATURE, 1);
        break;
    case WD_JWT_WHY_EXPIRED:
        ngx_http_wizdata_count(ctx, JWT_EXPIRED, 1);
        break;
    case WD_JWT_WHY_REVOKED:
        ngx_http_wizdata_count(ctx, JWT_REVOKED, 1);
        break;
    case WD_JWT_WHY_CLAIM:
    case WD_JWT_WHY_SUB:
    case WD_JWT_WHY_ISS:
    case WD_JWT_WHY_AUD:
    case WD_JWT_WHY_EARLY:
    case WD_JWT_WHY_PERMS:
        ngx_http_wizdata_count(ctx, JWT_CLAIMS, 1);
        break;
    default:
        ngx_http_wizdata_count(ctx, JWT_MALFORMED, 1);
    }
}


static ngx_http_wizdata_refusal_e
ngx_http_wizdata_jwt_reason(wd_jwt_why_e why)
{
    switch (why) {
    case WD_JWT_WHY_ISS:
        return NGX_HTTP_WIZDATA_REFUSAL_TOKEN_ISSUER;
    case WD_JWT_WHY_KEY:
        return NGX_HTTP_WIZDATA_REFUSAL_TOKEN_KEY;
    case WD_JWT_WHY_SIGNATURE:
        return NGX_HTTP_WIZDATA_REFUSAL_TOKEN_SIGNATURE;
    case WD_JWT_WHY_AUD:
        return NGX_HTTP_WIZDATA_REFUSAL_TOKEN_AUDIENCE;
    case WD_JWT_WHY_EARLY:
        return NGX_HTTP_WIZDATA_REFUSAL_TOKEN_EARLY;
    case WD_JWT_WHY_EXPIRED:
        return NGX_HTTP_WIZDATA_REFUSAL_TOKEN_EXPIRED;
    case WD_JWT_WHY_REVOKED:
        return NGX_HTTP_WIZDATA_REFUSAL_TOKEN_REVOKED;
    default:
        return NGX_HTTP_WIZDATA_REFUSAL_BAD_TOKEN;
    }
}


static void
ngx_http_wizdata_jwt_refuse(ngx_http_wizdata_ctx_t *ctx, wd_jwt_why_e why)
{
    ngx_http_wizdata_jwt_count(ctx, why);
    ngx_http_wizdata_auth_refused(ctx, ngx_http_wizdata_jwt_reason(why),
                                  wd_jwt_why_text(why));
}


static ngx_http_wizdata_issuer_t *
ngx_http_wizdata_jwt_issuer(ngx_http_wizdata_jwt_conf_t *jcf, wd_str_t iss)
{
    ngx_uint_t                 i;
    ngx_http_wizdata_issuer_t *issuers = jcf->issuers.elts;

    for (i = 0; i < jcf->issuers.nelts; i++) {
        if (wd_str_eq(issuers[i].policy.iss, iss)) {
            return &issuers[i];
        }
    }
    return NULL;
}


static wd_jwk_t *
ngx_http_wizdata_jwt_key(ngx_http_wizdata_jwt_worker_t *jw,
    const ngx_http_wizdata_issuer_t *issuer, wd_str_t kid)
{
    wd_jwk_t   *key;
    ngx_uint_t  i, *index = issuer->sources->elts;

    for (i = 0; i < issuer->sources->nelts; i++) {
        key = ngx_http_wizdata_jwks_find(&jw->sources[index[i]], kid);
        if (key != NULL) {
            return key;
        }
    }
    return NULL;
}


/*
 * Nobody knows the key. It may be new: the request waits for a newer set
 * where one may be had now. Without a source that works nobody can tell.
 */
static void
ngx_http_wizdata_jwt_unknown(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_issuer_t *issuer)
{
    ngx_uint_t                      i, more, failing = 0, *index;
    ngx_http_wizdata_jwt_t         *s = ctx->jwt;
    ngx_http_wizdata_jwks_t        *source;
    ngx_http_wizdata_jwt_worker_t  *jw = ctx->worker->jwt;
    ngx_http_wizdata_jwks_wait_e    e;

    index = issuer->sources->elts;

    more = s->waits < NGX_HTTP_WIZDATA_JWT_WAITS * issuer->sources->nelts;

    for (i = 0; i < issuer->sources->nelts; i++) {
        source = &jw->sources[index[i]];
        if (ngx_http_wizdata_jwks_failing(source, s->waits)) {
            failing++;
            continue;
        }
        if (!more) {
            continue;
        }
        e = ngx_http_wizdata_jwks_wait(source, ctx, s->until);
        if (e == NGX_HTTP_WIZDATA_JWKS_WAITING) {
            s->waits++;
            return;
        }
        failing += e == NGX_HTTP_WIZDATA_JWKS_FAILING;
    }

    if (failing != 0) {
        ngx_http_wizdata_jwt_count(ctx, WD_JWT_WHY_KEY);
        ngx_http_wizdata_auth_unavailable(ctx);
    } else {
        ngx_http_wizdata_jwt_refuse(ctx, WD_JWT_WHY_KEY);
    }
}


/*
 * The issuer's prefix keeps a subject from being taken for that of another
 * issuer or of an API key. Where both are too long together, a hash stands
 * for the subject: of 128 bits, so that no other has the same.
 */
static int
ngx_http_wizdata_jwt_principal(ngx_pool_t *pool,
    const ngx_http_wizdata_issuer_t *issuer, wd_str_t sub, wd_str_t *ret)
{
    u_char *p, hash[NGX_HTTP_WIZDATA_JWT_HASH];

    p = ngx_pnalloc(pool, WD_PRINCIPAL_MAX + 1);
    if (p == NULL) {
        return WD_ENOMEM;
    }

    if (issuer->prefix.len != 0) {
        ngx_memcpy(p, issuer->prefix.data, issuer->prefix.len);
    }
    *ret = wd_str((char *) p, issuer->prefix.len + sub.len);

    if (ret->len <= WD_PRINCIPAL_MAX) {
        ngx_memcpy(p + issuer->prefix.len, sub.data, sub.len);
        return WD_OK;
    }

    crypto_generichash(hash, sizeof(hash), (const u_char *) sub.data, sub.len,
                       NULL, 0);
    p[issuer->prefix.len] = '#';
    wd_hex_encode(hash, sizeof(hash), (char *) p + issuer->prefix.len + 1);
    ret->len = issuer->prefix.len + 1 + 2 * sizeof(hash);
    return WD_OK;
}


/* WD_EAGAIN: they depend on roles, and nobody has told of any. */
static int
ngx_http_wizdata_jwt_permissions(ngx_http_wizdata_ctx_t *ctx, wd_jwt_t *t,
    const ngx_http_wizdata_issuer_t *issuer, wd_buf_t *perms)
{
    int               rc;
    const wd_roles_t *roles = NULL;

    if (wd_jwt_policy_has_roles(&issuer->policy)) {
        roles = ngx_http_wizdata_roles(ctx->worker); /* uses the scratch */
    }

    wd_buf_reset(perms);
    rc = wd_jwt_permissions(t, &issuer->policy, roles, perms);
    if (rc == WD_EAGAIN) {
        ngx_http_wizdata_roles_missing(ctx->worker);
    }
    return rc;
}


/* The signature is good: what the token says becomes a verdict. */
static int
ngx_http_wizdata_jwt_accept(ngx_http_wizdata_ctx_t *ctx, wd_jwt_t *t,
    const ngx_http_wizdata_issuer_t *issuer, uint16_t epoch)
{
    int                       rc;
    wd_buf_t                 *perms = &ctx->worker->jwt->scratch;
    ngx_http_wizdata_token_t  token;

    rc = ngx_http_wizdata_jwt_permissions(ctx, t, issuer, perms);
    if (rc == WD_OK) {
        rc = wd_jwt_plan(t, &issuer->policy, &token.plan);
    }
    if (rc == WD_OK) {
        rc = ngx_http_wizdata_jwt_principal(ctx->request->pool, issuer,
                                            t->sub, &token.principal);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (token.plan.len == 0) {
        token.plan = issuer->plan;
    }
    token.perms = wd_buf_view(perms);
    token.kid = t->kid;
    token.iss = t->iss;
    token.sub = t->sub;
    token.jti = t->jti;
    token.iat = t->iat == WD_NS_MIN ? 0 : t->iat;
    token.expires = wd_jwt_until(t, &issuer->policy);
    token.epoch = epoch;

    ngx_http_wizdata_jwt_count(ctx, WD_JWT_WHY_OK);
    ngx_http_wizdata_auth_token(ctx, &token);
    return WD_OK;
}


static void
ngx_http_wizdata_jwt_judge(ngx_http_wizdata_ctx_t *ctx, wd_pool_t *pool)
{
    int                          rc;
    wd_jwt_t                     t;
    wd_jwk_t                    *key;
    ngx_http_wizdata_jwt_t      *s = ctx->jwt;
    ngx_http_wizdata_worker_t   *w = ctx->worker;
    ngx_http_wizdata_issuer_t   *issuer;
    uint16_t                     epoch = wd_verdicts_epoch(w->verdicts);

    rc = wd_jwt_parse(&t, pool, s->token);

    if (rc == WD_OK) {
        issuer = ngx_http_wizdata_jwt_issuer(w->conf->jwt, t.iss);
        if (issuer == NULL) {
            ngx_http_wizdata_jwt_refuse(ctx, WD_JWT_WHY_ISS);
            return;
        }

        key = ngx_http_wizdata_jwt_key(w->jwt, issuer, t.kid);
        if (key == NULL) {
            ngx_http_wizdata_jwt_unknown(ctx, issuer);
            return;
        }

        rc = wd_jwt_verify(&t, key);
        if (rc == WD_OK) {
            rc = wd_jwt_check(&t, &issuer->policy, ngx_http_wizdata_now());
        }
        if (rc == WD_OK) {
            rc = ngx_http_wizdata_jwt_accept(ctx, &t, issuer, epoch);
        }
    }

    if (rc == WD_EUNAUTH) {
        ngx_http_wizdata_jwt_refuse(ctx, t.why);
    } else if (rc != WD_OK) {
        ngx_http_wizdata_auth_unavailable(ctx);
    }
}


void
ngx_http_wizdata_jwt_again(ngx_http_wizdata_ctx_t *ctx)
{
    wd_pool_t *pool = wd_pool_create(NGX_HTTP_WIZDATA_JWT_BLOCK);

    if (pool == NULL) {
        ngx_http_wizdata_auth_unavailable(ctx);
        return;
    }
    ngx_http_wizdata_jwt_judge(ctx, pool);
    wd_pool_destroy(pool);
}


/* It was verified when the request began: what it says is believed. */
static int
ngx_http_wizdata_jwt_now(ngx_http_wizdata_ctx_t *ctx, wd_str_t token,
    wd_pool_t *pool)
{
    int                         rc;
    wd_jwt_t                    t;
    wd_buf_t                   *perms = &ctx->worker->jwt->scratch;
    ngx_http_wizdata_issuer_t  *issuer;
    ngx_http_wizdata_verdict_t  was = ctx->verdict;

    if (wd_jwt_parse(&t, pool, token) != WD_OK) {
        return WD_EUNAVAIL; /* it was read before: no memory */
    }

    issuer = ngx_http_wizdata_jwt_issuer(ctx->worker->conf->jwt, t.iss);
    if (issuer == NULL || !wd_jwt_policy_has_roles(&issuer->policy)) {
        return WD_OK;
    }

    rc = ngx_http_wizdata_jwt_permissions(ctx, &t, issuer, perms);
    if (rc == WD_EUNAUTH) {
        (void) ngx_http_wizdata_refuse(ctx, rc, wd_jwt_why_text(t.why));
    }
    if (rc == WD_OK) {
        ctx->verdict.perms = wd_buf_view(perms);
        ctx->verdict.bits = ngx_http_wizdata_verdict_bits(wd_buf_view(perms));
        rc = ngx_http_wizdata_auth_allowed(ctx);
        ctx->verdict = was;
    }
    return rc;
}


int
ngx_http_wizdata_jwt_allowed(ngx_http_wizdata_ctx_t *ctx, wd_str_t token)
{
    int        rc = WD_ENOMEM;
    wd_pool_t *pool = wd_pool_create(NGX_HTTP_WIZDATA_JWT_BLOCK);

    if (pool != NULL) {
        rc = ngx_http_wizdata_jwt_now(ctx, token, pool);
        wd_pool_destroy(pool);
    }
    if (rc != WD_OK && rc != WD_EUNAUTH && rc != WD_EFORBIDDEN) {
        (void) ngx_http_wizdata_refuse(ctx, WD_EUNAVAIL, "the token cannot "
                                       "be verified now");
    }
    return rc;
}


void
ngx_http_wizdata_jwt_anew(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_jwt_t *s = ctx->jwt;

    if (++s->tries == NGX_HTTP_WIZDATA_JWT_TRIES) {
        ngx_http_wizdata_auth_unavailable(ctx);
        return;
    }
    ngx_http_wizdata_jwt_again(ctx);
}


void
ngx_http_wizdata_jwt(ngx_http_wizdata_ctx_t *ctx, wd_str_t token)
{
    ngx_http_wizdata_jwt_t *s;

    s = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_wizdata_jwt_t));
    if (s == NULL) {
        ngx_http_wizdata_auth_unavailable(ctx);
        return;
    }

    s->token = token;
    s->until = ngx_current_msec + ctx->worker->conf->jwt->wait;
    ctx->jwt = s;
    ngx_http_wizdata_jwt_again(ctx);
}
