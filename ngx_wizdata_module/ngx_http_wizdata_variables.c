/*
 * ngx_http_wizdata_variables.c - the module's variables, for access logs,
 * `map` and `if`. A variable more is one row of the table.
 *
 * Texts are valid UTF-8 without API keys and tokens, whatever a client sent,
 * so that a log_format with escape=json always makes a line of JSON. Numbers
 * always have a value.
 */
#include "ngx_http_wizdata.h"

#include "wd_mask.h"

#define NGX_HTTP_WIZDATA_VAR_NUMBER 32 /* bytes of one as text */
#define NGX_HTTP_WIZDATA_VAR_TEXT 1024 /* bytes of a masked text */


/* ctx is NULL when the module has not seen the request. */
typedef wd_str_t (*ngx_http_wizdata_text_pt)(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx);
typedef u_char *(*ngx_http_wizdata_number_pt)(u_char *p,
    ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx);

typedef struct {
    ngx_str_t                  name;
    ngx_http_wizdata_text_pt   text;
    ngx_http_wizdata_number_pt number; /* one of the two */
} ngx_http_wizdata_var_t;


static wd_str_t
ngx_http_wizdata_var_view(const ngx_str_t *s)
{
    return wd_str((char *) s->data, s->len);
}


/* ---- texts -------------------------------------------------------------- */

static wd_str_t
ngx_http_wizdata_var_method(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return wd_str_z(ctx != NULL && ctx->method != NULL ? ctx->method->name
                                                       : NULL);
}


static wd_str_t
ngx_http_wizdata_var_endpoint(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return wd_str_z(ctx != NULL && ctx->method != NULL ? ctx->method->path
                                                       : NULL);
}


static wd_str_t
ngx_http_wizdata_var_service(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return wd_str_z(ctx != NULL && ctx->method != NULL
                        ? wd_service_name(ctx->method->service) : NULL);
}


static wd_str_t
ngx_http_wizdata_var_principal(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? ctx->verdict.principal : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_key_id(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? ctx->verdict.key : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_plan(ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? ctx->verdict.plan : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_auth(ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx == NULL) {
        return WD_STR("anonymous");
    }
    if (ctx->problem.code == WD_EUNAUTH || ctx->problem.code == WD_EFORBIDDEN) {
        return WD_STR("refused");
    }
    switch (ctx->verdict.kind) {
    case WD_VERDICT_KEY:
        return WD_STR("key");
    case WD_VERDICT_TOKEN:
        return WD_STR("jwt");
    default:
        return WD_STR("anonymous");
    }
}


static wd_str_t
ngx_http_wizdata_var_cache(ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    return wd_str_z(ctx != NULL ? ctx->cache_outcome : NULL);
}


static wd_str_t
ngx_http_wizdata_var_limit(ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    return wd_str_z(ctx != NULL ? ctx->limit_outcome : NULL);
}


static wd_str_t
ngx_http_wizdata_var_limit_policy(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? ngx_http_wizdata_limit_policy_name(ctx)
                       : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_limit_remaining(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? ngx_http_wizdata_limit_remaining(ctx) : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_request_id(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? ngx_http_wizdata_var_view(&ctx->request_id)
                       : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_trace_id(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? wd_str((char *) ctx->traceparent_text
                                + WD_TRACE_ID_AT, WD_TRACE_ID_LEN)
                       : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_span_id(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? wd_str((char *) ctx->traceparent_text
                                + WD_SPAN_ID_AT, WD_SPAN_ID_LEN)
                       : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_detail(ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ctx != NULL ? ngx_http_wizdata_var_view(&ctx->problem.detail)
                       : WD_STR_NULL;
}


static wd_str_t
ngx_http_wizdata_var_path(ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    return ngx_http_wizdata_var_view(&r->uri);
}


static wd_str_t
ngx_http_wizdata_var_agent(ngx_http_request_t *r, ngx_http_wizdata_ctx_t *ctx)
{
    return r->headers_in.user_agent != NULL
               ? ngx_http_wizdata_var_view(&r->headers_in.user_agent->value)
               : WD_STR_NULL;
}


/* ---- numbers ------------------------------------------------------------ */

/* $status writes 0 as 000, which is no number of JSON. */
static u_char *
ngx_http_wizdata_var_status(u_char *p, ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ngx_sprintf(p, "%ui", r->err_status != 0 ? r->err_status
                                                    : r->headers_out.status);
}


static u_char *
ngx_http_wizdata_var_sampled(u_char *p, ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    *p = ctx != NULL && ctx->trace.sampled ? '1' : '0';
    return p + 1;
}


/* Milliseconds with microseconds. */
static u_char *
ngx_http_wizdata_var_ms(u_char *p, uint64_t from, uint64_t to)
{
    uint64_t us = from != 0 && to > from ? (to - from) / 1000 : 0;

    return ngx_sprintf(p, "%uL.%03uL", us / 1000, us % 1000);
}


/* From the last step before that took place; the steps are in their order. */
static u_char *
ngx_http_wizdata_var_step(u_char *p, ngx_http_wizdata_ctx_t *ctx,
    ngx_uint_t step)
{
    uint64_t   steps[5], from = 0;
    ngx_uint_t i;

    if (ctx == NULL) {
        return ngx_http_wizdata_var_ms(p, 0, 0);
    }

    steps[0] = ctx->times.start;
    steps[1] = ctx->times.auth;
    steps[2] = ctx->times.limit;
    steps[3] = ctx->times.cache;
    steps[4] = ctx->times.backend;

    for (i = 0; i < step; i++) {
        from = ngx_max(from, steps[i]);
    }
    return ngx_http_wizdata_var_ms(
        p, from, step < 5 ? steps[step] : ngx_http_wizdata_clock());
}


static u_char *
ngx_http_wizdata_var_time_auth(u_char *p, ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ngx_http_wizdata_var_step(p, ctx, 1);
}


static u_char *
ngx_http_wizdata_var_time_limit(u_char *p, ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ngx_http_wizdata_var_step(p, ctx, 2);
}


static u_char *
ngx_http_wizdata_var_time_cache(u_char *p, ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ngx_http_wizdata_var_step(p, ctx, 3);
}


static u_char *
ngx_http_wizdata_var_time_backend(u_char *p, ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ngx_http_wizdata_var_step(p, ctx, 4);
}


static u_char *
ngx_http_wizdata_var_time_write(u_char *p, ngx_http_request_t *r,
    ngx_http_wizdata_ctx_t *ctx)
{
    return ngx_http_wizdata_var_step(p, ctx, 5);
}


/* ---- the table ---------------------------------------------------------- */

static ngx_http_wizdata_var_t ngx_http_wizdata_vars[] = {
    /* RPC method of the request, as bars.query */
    {ngx_string("wizdata_method"), ngx_http_wizdata_var_method, NULL},
    /* template of its path, as /v1/instruments/{symbol} */
    {ngx_string("wizdata_endpoint"), ngx_http_wizdata_var_endpoint, NULL},
    /* service that answers it */
    {ngx_string("wizdata_service"), ngx_http_wizdata_var_service, NULL},
    /* whose API key or token it was */
    {ngx_string("wizdata_principal"), ngx_http_wizdata_var_principal, NULL},
    /* id of the API key, never the key */
    {ngx_string("wizdata_key_id"), ngx_http_wizdata_var_key_id, NULL},
    /* plan of the principal */
    {ngx_string("wizdata_plan"), ngx_http_wizdata_var_plan, NULL},
    /* key, jwt, anonymous or refused */
    {ngx_string("wizdata_auth"), ngx_http_wizdata_var_auth, NULL},
    /* what the response cache did */
    {ngx_string("wizdata_cache"), ngx_http_wizdata_var_cache, NULL},
    /* what the limits said: passed, rejected, dry_rejected; empty: unasked */
    {ngx_string("wizdata_limit"), ngx_http_wizdata_var_limit, NULL},
    /* policy that refused the request, or has the least left: minute */
    {ngx_string("wizdata_limit_policy"), ngx_http_wizdata_var_limit_policy,
     NULL},
    /* what is left of that policy */
    {ngx_string("wizdata_limit_remaining"),
     ngx_http_wizdata_var_limit_remaining, NULL},
    /* X-Request-Id of the answer */
    {ngx_string("wizdata_request_id"), ngx_http_wizdata_var_request_id, NULL},
    /* W3C trace id */
    {ngx_string("wizdata_trace_id"), ngx_http_wizdata_var_trace_id, NULL},
    /* id of the gateway's span */
    {ngx_string("wizdata_span_id"), ngx_http_wizdata_var_span_id, NULL},
    /* 1: the trace is recorded, 0: it is not */
    {ngx_string("wizdata_sampled"), NULL, ngx_http_wizdata_var_sampled},
    /* detail of the problem document, when there is one */
    {ngx_string("wizdata_status_detail"), ngx_http_wizdata_var_detail, NULL},
    /* status of the answer as a number; 0: there was none */
    {ngx_string("wizdata_status"), NULL, ngx_http_wizdata_var_status},
    /* path without query, secrets masked */
    {ngx_string("wizdata_path"), ngx_http_wizdata_var_path, NULL},
    /* User-Agent, secrets masked */
    {ngx_string("wizdata_agent"), ngx_http_wizdata_var_agent, NULL},
    /* milliseconds, as 0.042, until the credential was checked */
    {ngx_string("wizdata_time_auth"), NULL, ngx_http_wizdata_var_time_auth},
    /* milliseconds that the rate limits took; 0.000 when there were none */
    {ngx_string("wizdata_time_limit"), NULL, ngx_http_wizdata_var_time_limit},
    /* milliseconds of the look-up in the response cache */
    {ngx_string("wizdata_time_cache"), NULL, ngx_http_wizdata_var_time_cache},
    /* milliseconds until the backend's answer began or its call failed */
    {ngx_string("wizdata_time_backend"), NULL,
     ngx_http_wizdata_var_time_backend},
    /* milliseconds from then on, until the client had it all */
    {ngx_string("wizdata_time_write"), NULL, ngx_http_wizdata_var_time_write},
};


static wd_str_t
ngx_http_wizdata_var_masked(ngx_http_request_t *r, wd_str_t text)
{
    u_char *p;
    size_t  n;
    char    out[NGX_HTTP_WIZDATA_VAR_TEXT];

    if (text.len <= sizeof(out) && !wd_mask_needed(text)) {
        return text;
    }

    n = wd_mask(text, out, sizeof(out));
    p = ngx_pnalloc(r->pool, n);
    if (p == NULL) {
        return WD_STR_NULL;
    }
    ngx_memcpy(p, out, n);
    return wd_str((char *) p, n);
}


static wd_str_t
ngx_http_wizdata_var_value(ngx_http_request_t *r,
    const ngx_http_wizdata_var_t *var)
{
    u_char                 *p;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_ctx_find(r->main);
    if (var->text != NULL) {
        return ngx_http_wizdata_var_masked(r, var->text(r, ctx));
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_WIZDATA_VAR_NUMBER);
    return p != NULL ? wd_str((char *) p, var->number(p, r, ctx) - p)
                     : WD_STR_NULL;
}


static ngx_int_t
ngx_http_wizdata_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t which)
{
    wd_str_t text;

    text = ngx_http_wizdata_var_value(r, &ngx_http_wizdata_vars[which]);
    if (text.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = (u_char *) text.data;
    v->len = text.len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_add_variables(ngx_conf_t *cf)
{
    ngx_uint_t           i;
    ngx_http_variable_t *var;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_vars); i++) {
        var = ngx_http_add_variable(cf, &ngx_http_wizdata_vars[i].name,
                                    NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }
        var->get_handler = ngx_http_wizdata_variable;
        var->data = i;
    }
    return NGX_OK;
}
