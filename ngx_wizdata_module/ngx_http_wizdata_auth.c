/*
 * ngx_http_wizdata_auth.c - whose request it is and whether it may: the
 * credential, what is known about it, networks, permission.
 *
 * What is known comes from the worker's own cache or from shared memory while
 * it is fresh, else whoever issued the credential is asked
 * (ngx_http_wizdata_verify.c). When nobody can tell, nobody is let in.
 */
#include "ngx_http_wizdata.h"

#include "wd_apikey.h"

#define NGX_HTTP_WIZDATA_L1_SLOTS 2048


/* The token of "Authorization: Bearer <token>"; false: another form. */
static bool
ngx_http_wizdata_bearer(const ngx_str_t *value, wd_str_t *ret)
{
    wd_str_t v = wd_str((char *) value->data, value->len), scheme;

    if (!wd_str_split(&v, ' ', &scheme) || v.data == NULL
        || !wd_str_ieq(scheme, WD_STR("Bearer")))
    {
        return false;
    }

    *ret = wd_str_trim(v);
    return true;
}


/* Exactly one credential, in one of the two headers. */
int
ngx_http_wizdata_credential(ngx_http_wizdata_ctx_t *ctx, wd_str_t *ret)
{
    ngx_http_wizdata_headers_t *in = &ctx->headers;

    if (in->duplicate
        || (in->api_key.data != NULL && in->authorization.data != NULL))
    {
        return ngx_http_wizdata_refuse(
            ctx, WD_EHEADER, "give one credential, once: an API key in "
            "X-API-Key, or a key or token in Authorization: Bearer");
    }

    if (in->api_key.data != NULL) {
        *ret = wd_str((char *) in->api_key.data, in->api_key.len);
        return WD_OK;
    }

    if (in->authorization.data == NULL) {
        return ngx_http_wizdata_refuse_for(
            ctx, WD_EUNAUTH, NGX_HTTP_WIZDATA_REFUSAL_NO_CREDENTIAL,
            "send an API key in X-API-Key, or a key or token in "
            "Authorization: Bearer");
    }

    if (!ngx_http_wizdata_bearer(&in->authorization, ret)) {
        return ngx_http_wizdata_refuse_for(
            ctx, WD_EUNAUTH, NGX_HTTP_WIZDATA_REFUSAL_BAD_SCHEME,
            "Authorization must be Bearer, followed by an API key or a "
            "token");
    }
    return WD_OK;
}


wd_ns_t
ngx_http_wizdata_now(void)
{
    return ngx_http_wizdata_verdict_now().wall;
}


/* A token is what stands in Authorization and is not of the form of a key. */
static bool
ngx_http_wizdata_is_token(ngx_http_wizdata_ctx_t *ctx, wd_str_t credential)
{
    return ctx->worker->token_handler != NULL
           && ctx->headers.api_key.data == NULL
           && !wd_str_starts(credential, "wd_");
}


/* Is the client in one of the networks that the key is for? */
static bool
ngx_http_wizdata_in_networks(ngx_http_wizdata_ctx_t *ctx)
{
    wd_cidr_t             client;
    struct sockaddr      *sa = ctx->request->connection->sockaddr;
    struct sockaddr_in   *sin;
#if (NGX_HAVE_INET6)
    struct sockaddr_in6  *sin6;
#endif

    switch (sa->sa_family) {
    case AF_INET:
        sin = (struct sockaddr_in *) (void *) sa;
        client = wd_cidr_of((u_char *) &sin->sin_addr, false);
        break;
#if (NGX_HAVE_INET6)
    case AF_INET6:
        sin6 = (struct sockaddr_in6 *) (void *) sa;
        client = wd_cidr_of((u_char *) &sin6->sin6_addr, true);
        break;
#endif
    default:
        return false; /* a Unix socket is in no network */
    }
    return wd_cidr_list_contains(ctx->verdict.nets, &client);
}


/* Writes the reason into ctx->error.text, where the problem points to. */
static int
ngx_http_wizdata_forbid(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_refusal_e reason, const char *fmt, const char *arg)
{
    int   n;
    char *p = ctx->error.text;

    n = snprintf(p, sizeof(ctx->error.text), fmt, arg);
    n = ngx_min(n, (int) sizeof(ctx->error.text) - 1);
    (void) ngx_http_wizdata_refuse_param(ctx, WD_EFORBIDDEN,
                                         wd_str(p, (size_t) n), WD_STR_NULL);
    ctx->problem.reason = reason;
    return WD_EFORBIDDEN;
}


static bool
ngx_http_wizdata_permitted(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ctx_t c = {.perms = ctx->verdict.perms};

    if (ctx->need == NGX_HTTP_WIZDATA_BIT_NONE) {
        return wd_ctx_permits(&c, ctx->permission);
    }
    return wd_method_set_has(&ctx->verdict.bits, (unsigned) ctx->need);
}


int
ngx_http_wizdata_auth_allowed(ngx_http_wizdata_ctx_t *ctx)
{
    const char *whose = ctx->verdict.kind == WD_VERDICT_TOKEN ? "token"
                                                              : "key";

    if (ctx->verdict.nets.len != 0 && !ngx_http_wizdata_in_networks(ctx)) {
        return ngx_http_wizdata_forbid(
            ctx, NGX_HTTP_WIZDATA_REFUSAL_NETWORK, "the %s is not for use "
            "from this address; its owner has set the networks that it is "
            "for", whose);
    }

    if (ctx->method != NULL
        && wd_method_set_has(&ctx->verdict.barred, ctx->method->id))
    {
        return ngx_http_wizdata_forbid(
            ctx, NGX_HTTP_WIZDATA_REFUSAL_METHOD, "the key is limited to "
            "other methods than %s; ask its owner for one that has it",
            ctx->method->name);
    }

    if (!ngx_http_wizdata_permitted(ctx)) {
        return ngx_http_wizdata_forbid(
            ctx, NGX_HTTP_WIZDATA_REFUSAL_PERMISSION,
            ctx->verdict.kind == WD_VERDICT_TOKEN
                     ? "the token lacks the permission %s"
                     : "the key lacks the permission %s; ask its owner for "
                       "one that has it", ctx->permission);
    }
    return WD_OK;
}


void
ngx_http_wizdata_auth_known(ngx_http_wizdata_ctx_t *ctx)
{
    if (ngx_http_wizdata_auth_allowed(ctx) != WD_OK) {
        ctx->refused(ctx);
        return;
    }

    ngx_http_wizdata_open_add(ctx);
    ctx->next(ctx);
}


void
ngx_http_wizdata_auth_refused(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_refusal_e reason, const char *detail)
{
    (void) ngx_http_wizdata_refuse_for(ctx, WD_EUNAUTH, reason, detail);
    ctx->refused(ctx);
}


void
ngx_http_wizdata_auth_unavailable(ngx_http_wizdata_ctx_t *ctx)
{
    (void) ngx_http_wizdata_refuse(
        ctx, WD_EUNAVAIL, "the credential cannot be verified now; try again "
        "after the time in Retry-After");
    ctx->refused(ctx);
}


static ngx_uint_t
ngx_http_wizdata_lookup_result(wd_verdict_e known)
{
    switch (known) {
    case WD_VERDICT_GOOD:
        return NGX_HTTP_WIZDATA_HIT;
    case WD_VERDICT_BAD:
        return NGX_HTTP_WIZDATA_NEGATIVE;
    case WD_VERDICT_STALE:
        return NGX_HTTP_WIZDATA_STALE;
    default:
        return NGX_HTTP_WIZDATA_MISS;
    }
}


/* Is it stale only because a revocation may have been missed? */
static bool
ngx_http_wizdata_is_recheck(const ngx_http_wizdata_worker_t *w,
    const ngx_http_wizdata_verdict_t *v, wd_verdict_now_t now)
{
    return v->kind == WD_VERDICT_TOKEN
               ? v->expires > now.wall
               : now.mono - v->checked < w->rules.key_ttl
                 && (v->expires == 0 || v->expires > now.wall);
}


/* What is known about the credential is in ctx->verdict if it is good. */
static wd_verdict_e
ngx_http_wizdata_lookup(ngx_http_wizdata_ctx_t *ctx, wd_str_t credential)
{
    wd_verdict_e                      known;
    wd_verdict_now_t                  now = ngx_http_wizdata_verdict_now();
    wd_verdict_copy_t                 copy;
    ngx_http_wizdata_worker_t        *w = ctx->worker;
    const ngx_http_wizdata_verdict_t *v;

    ctx->looked = wd_verdicts_seq(w->verdicts); /* before anything is known */
    ctx->roles = ngx_http_wizdata_roles_generation(w);
    known = wd_verdict_l1_get(w->l1, credential, &w->rules, now, &copy, &v,
                              ctx->digest);

    if (known == WD_VERDICT_STALE && ngx_http_wizdata_is_recheck(w, v, now)) {
        ngx_http_wizdata_count(w, REVOCATION_RECHECKS, 1);
    }
    if (known == WD_VERDICT_GOOD
        && ngx_http_wizdata_verdict_keep(ctx->request->pool, v, &ctx->verdict)
           != NGX_OK)
    {
        return WD_VERDICT_UNKNOWN;
    }
    return known;
}


static void
ngx_http_wizdata_auth_key(ngx_http_wizdata_ctx_t *ctx, wd_str_t key)
{
    wd_verdict_e known = WD_VERDICT_BAD;

    if (key.len == WD_APIKEY_LEN) {
        known = ngx_http_wizdata_lookup(ctx, key);
    }
    if (known != WD_VERDICT_GOOD && !wd_apikey_wellformed(key)) {
        known = WD_VERDICT_BAD;
    }
    ngx_http_wizdata_count_by(ctx, VERDICT_LOOKUPS,
                              ngx_http_wizdata_lookup_result(known), 1);

    switch (known) {
    case WD_VERDICT_GOOD:
        ctx->has_digest = 1;
        ngx_http_wizdata_auth_known(ctx);
        break;
    case WD_VERDICT_BAD:
        ngx_http_wizdata_auth_refused(ctx, NGX_HTTP_WIZDATA_REFUSAL_BAD_KEY,
                                      NGX_HTTP_WIZDATA_BAD_KEY);
        break;
    default:
        ngx_http_wizdata_verify_key(ctx);
    }
}


static void
ngx_http_wizdata_auth_bearer(ngx_http_wizdata_ctx_t *ctx, wd_str_t token)
{
    wd_verdict_e known;

    known = ngx_http_wizdata_lookup(ctx, token);
    ngx_http_wizdata_count_by(ctx, TOKEN_LOOKUPS,
                              ngx_http_wizdata_lookup_result(known), 1);

    switch (known) {
    case WD_VERDICT_GOOD:
        ngx_http_wizdata_count(ctx, JWT_CACHED, 1);
        ctx->verdict.label = NGX_HTTP_WIZDATA_KEYS;
        ctx->has_digest = 1;
        ngx_http_wizdata_auth_known(ctx);
        break;
    case WD_VERDICT_BAD:
        ngx_http_wizdata_count(ctx, JWT_REVOKED, 1);
        ngx_http_wizdata_auth_refused(ctx,
                                      NGX_HTTP_WIZDATA_REFUSAL_TOKEN_REVOKED,
                                      NGX_HTTP_WIZDATA_BAD_TOKEN);
        break;
    default:
        ctx->worker->token_handler(ctx, token);
    }
}


void
ngx_http_wizdata_auth(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t need,
    const char *permission, ngx_http_wizdata_next_pt next,
    ngx_http_wizdata_next_pt refused)
{
    wd_str_t credential;

    ngx_http_wizdata_open_remove(ctx); /* of another location before this */
    ctx->need = need;
    ctx->permission = permission;
    ctx->next = next;
    ctx->refused = refused;
    ctx->has_digest = 0;
    ngx_memzero(&ctx->verdict, sizeof(ctx->verdict));
    ctx->verdict.label = NGX_HTTP_WIZDATA_KEYS;

    if (ngx_http_wizdata_credential(ctx, &credential) != WD_OK) {
        refused(ctx);
    } else if (ngx_http_wizdata_is_token(ctx, credential)) {
        ngx_http_wizdata_auth_bearer(ctx, credential);
    } else {
        ngx_http_wizdata_auth_key(ctx, credential);
    }
}


/* Tokens are asked about when auth can be asked, unless told otherwise. */
static bool
ngx_http_wizdata_tokens_ask(const ngx_http_wizdata_main_conf_t *conf)
{
    return conf->services[WD_SVC_AUTH].endpoints != NULL
           && conf->jwt_revocation != NGX_HTTP_WIZDATA_REVOCATION_OFF;
}


ngx_int_t
ngx_http_wizdata_auth_init(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t i;

    w->verdicts = w->conf->verdicts->data;
    w->rules.key_ttl = (wd_ns_t) w->conf->verdict_ttl * WD_NS_PER_MS;
    w->rules.tokens_ask = ngx_http_wizdata_tokens_ask(w->conf);

    for (i = 0; i < NGX_HTTP_WIZDATA_VERIFY_BUCKETS; i++) {
        ngx_queue_init(&w->verifies[i]);
    }
    ngx_http_wizdata_open_init(w);

    w->l1 = wd_verdict_l1_create(w->verdicts, NGX_HTTP_WIZDATA_L1_SLOTS);
    return w->l1 != NULL ? NGX_OK : NGX_ERROR;
}


void
ngx_http_wizdata_auth_done(ngx_http_wizdata_worker_t *w)
{
    wd_verdict_l1_destroy(w->l1);
    w->l1 = NULL;
}


char *
ngx_http_wizdata_conf_jwt_revocation(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    if (wmcf->jwt_revocation != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "auth") == 0) {
        wmcf->jwt_revocation = NGX_HTTP_WIZDATA_REVOCATION_AUTH;
    } else if (ngx_strcmp(value[1].data, "off") == 0) {
        wmcf->jwt_revocation = NGX_HTTP_WIZDATA_REVOCATION_OFF;
    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not valid in \"%V\": write auth or off",
                           &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }
    return NGX_CONF_OK;
}
