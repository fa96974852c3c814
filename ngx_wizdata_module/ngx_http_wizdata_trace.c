/*
 * ngx_http_wizdata_trace.c - request ids, W3C trace context, and the
 * variables that access logs use.
 */
#include "ngx_http_wizdata.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_TRACE_ID 32 /* hexadecimal digits */
#define NGX_HTTP_WIZDATA_SPAN_ID 16

/* Offsets in a traceparent: 00-<trace id>-<span id>-<flags> */
#define NGX_HTTP_WIZDATA_TRACE_AT 3
#define NGX_HTTP_WIZDATA_SPAN_AT 36
#define NGX_HTTP_WIZDATA_FLAGS_AT 53


/* From a store that is refilled at once: no system call per request. */
void
ngx_http_wizdata_random(ngx_http_wizdata_worker_t *w, u_char *out, size_t n)
{
    if (w->entropy_left < n) {
        randombytes_buf(w->entropy, sizeof(w->entropy));
        w->entropy_left = sizeof(w->entropy);
    }

    w->entropy_left -= n;
    ngx_memcpy(out, w->entropy + w->entropy_left, n);
}


static void
ngx_http_wizdata_random_hex(ngx_http_wizdata_worker_t *w, u_char *out,
    size_t digits)
{
    u_char bytes[NGX_HTTP_WIZDATA_TRACE_ID / 2];

    ngx_http_wizdata_random(w, bytes, digits / 2);
    ngx_hex_dump(out, bytes, digits / 2);
}


static ngx_uint_t
ngx_http_wizdata_request_id_ok(const ngx_str_t *s)
{
    size_t i;
    u_char c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
              || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-'))
        {
            return 0;
        }
    }
    return s->len >= 1 && s->len <= WD_REQUEST_ID_MAX;
}


/* Lower-case hexadecimal digits; *zero tells that all of them are 0. */
static ngx_uint_t
ngx_http_wizdata_hex_ok(const u_char *p, size_t n, ngx_uint_t *zero)
{
    *zero = 1;
    while (n-- != 0) {
        if (!((*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'))) {
            return 0;
        }
        if (*p++ != '0') {
            *zero = 0;
        }
    }
    return 1;
}


/* W3C Trace Context 3.2: version ff is refused, later ones may be longer. */
static ngx_uint_t
ngx_http_wizdata_traceparent_ok(const ngx_str_t *s)
{
    u_char    *p = s->data;
    ngx_uint_t zero;

    if (s->len < WD_TRACEPARENT_LEN || p[2] != '-' || p[35] != '-'
        || p[52] != '-')
    {
        return 0;
    }

    if (!ngx_http_wizdata_hex_ok(p, 2, &zero) || (p[0] == 'f' && p[1] == 'f')
        || (zero && s->len != WD_TRACEPARENT_LEN)
        || (s->len > WD_TRACEPARENT_LEN && p[WD_TRACEPARENT_LEN] != '-'))
    {
        return 0;
    }

    return ngx_http_wizdata_hex_ok(p + NGX_HTTP_WIZDATA_TRACE_AT,
                                   NGX_HTTP_WIZDATA_TRACE_ID, &zero)
           && !zero
           && ngx_http_wizdata_hex_ok(p + NGX_HTTP_WIZDATA_SPAN_AT,
                                      NGX_HTTP_WIZDATA_SPAN_ID, &zero)
           && !zero
           && ngx_http_wizdata_hex_ok(p + NGX_HTTP_WIZDATA_FLAGS_AT, 2, &zero);
}


/*
 * A trace that begins here has the request's own id as its trace id, so that
 * either finds the other.
 */
static void
ngx_http_wizdata_trace_start(ngx_http_wizdata_ctx_t *ctx,
    const u_char *fresh_id)
{
    u_char          *p = ctx->traceparent_text;
    const ngx_str_t *in = &ctx->headers.traceparent;

    p[0] = p[1] = '0';
    p[2] = p[35] = p[52] = '-';

    if (ngx_http_wizdata_traceparent_ok(in)) {
        ngx_memcpy(p + NGX_HTTP_WIZDATA_TRACE_AT,
                   in->data + NGX_HTTP_WIZDATA_TRACE_AT,
                   NGX_HTTP_WIZDATA_TRACE_ID);
        ngx_memcpy(p + NGX_HTTP_WIZDATA_FLAGS_AT,
                   in->data + NGX_HTTP_WIZDATA_FLAGS_AT, 2);
    } else {
        if (fresh_id != NULL) {
            ngx_memcpy(p + NGX_HTTP_WIZDATA_TRACE_AT, fresh_id,
                       NGX_HTTP_WIZDATA_TRACE_ID);
        } else {
            ngx_http_wizdata_random_hex(ctx->worker,
                                        p + NGX_HTTP_WIZDATA_TRACE_AT,
                                        NGX_HTTP_WIZDATA_TRACE_ID);
        }
        p[NGX_HTTP_WIZDATA_FLAGS_AT] = '0';
        p[NGX_HTTP_WIZDATA_FLAGS_AT + 1] = '1';
    }

    ngx_http_wizdata_random_hex(ctx->worker, p + NGX_HTTP_WIZDATA_SPAN_AT,
                                NGX_HTTP_WIZDATA_SPAN_ID);
    ctx->traceparent.data = p;
    ctx->traceparent.len = WD_TRACEPARENT_LEN;
}


void
ngx_http_wizdata_trace_init(ngx_http_wizdata_ctx_t *ctx)
{
    if (ngx_http_wizdata_request_id_ok(&ctx->headers.request_id)) {
        ctx->request_id = ctx->headers.request_id;
        ngx_http_wizdata_trace_start(ctx, NULL);
        return;
    }

    ngx_http_wizdata_random_hex(ctx->worker, ctx->request_id_text,
                                NGX_HTTP_WIZDATA_TRACE_ID);
    ctx->request_id.data = ctx->request_id_text;
    ctx->request_id.len = NGX_HTTP_WIZDATA_TRACE_ID;
    ngx_http_wizdata_trace_start(ctx, ctx->request_id_text);
}


typedef enum {
    NGX_HTTP_WIZDATA_VAR_METHOD,
    NGX_HTTP_WIZDATA_VAR_PRINCIPAL,
    NGX_HTTP_WIZDATA_VAR_KEY_ID,
    NGX_HTTP_WIZDATA_VAR_REQUEST_ID,
    NGX_HTTP_WIZDATA_VAR_TRACE_ID,
    NGX_HTTP_WIZDATA_VAR_DETAIL,
    NGX_HTTP_WIZDATA_VAR_LIMIT,
    NGX_HTTP_WIZDATA_VAR_LIMIT_POLICY,
    NGX_HTTP_WIZDATA_VAR_LIMIT_REMAINING
} ngx_http_wizdata_var_e;


static wd_str_t
ngx_http_wizdata_variable_text(ngx_http_wizdata_ctx_t *ctx, uintptr_t which)
{
    switch (which) {
    case NGX_HTTP_WIZDATA_VAR_METHOD:
        return wd_str_z(ctx->method != NULL ? ctx->method->name : NULL);
    case NGX_HTTP_WIZDATA_VAR_PRINCIPAL:
        return ctx->verdict.principal;
    case NGX_HTTP_WIZDATA_VAR_KEY_ID:
        return ctx->verdict.key;
    case NGX_HTTP_WIZDATA_VAR_REQUEST_ID:
        return wd_str((char *) ctx->request_id.data, ctx->request_id.len);
    case NGX_HTTP_WIZDATA_VAR_TRACE_ID:
        return wd_str((char *) ctx->traceparent_text
                      + NGX_HTTP_WIZDATA_TRACE_AT, NGX_HTTP_WIZDATA_TRACE_ID);
    case NGX_HTTP_WIZDATA_VAR_LIMIT:
        return ngx_http_wizdata_limit_outcome(ctx);
    case NGX_HTTP_WIZDATA_VAR_LIMIT_POLICY:
        return ngx_http_wizdata_limit_policy_name(ctx);
    case NGX_HTTP_WIZDATA_VAR_LIMIT_REMAINING:
        return ngx_http_wizdata_limit_remaining(ctx);
    default:
        return wd_str((char *) ctx->problem.detail.data,
                      ctx->problem.detail.len);
    }
}


static ngx_int_t
ngx_http_wizdata_variable(ngx_http_request_t *r, ngx_http_variable_value_t *v,
    uintptr_t which)
{
    wd_str_t                text;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_ctx_find(r->main);
    text = ctx != NULL ? ngx_http_wizdata_variable_text(ctx, which)
                       : WD_STR_NULL;

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


/*
 * What nginx adds to its own error messages, without the query string: a
 * client may have put a key there, and a log is no place for it.
 */
static u_char *
ngx_http_wizdata_log_request(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char                   *p;
    ngx_http_core_srv_conf_t *cscf;

    (void) sr;
    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    p = ngx_snprintf(buf, len, ", server: %V, request: \"%V %V\"",
                     &cscf->server_name, &r->method_name, &r->uri);
    return p;
}


/* For every server: which location a request is for is not known yet. */
ngx_int_t
ngx_http_wizdata_log_handler(ngx_http_request_t *r)
{
    r->log_handler = ngx_http_wizdata_log_request;
    return NGX_DECLINED;
}


static ngx_http_variable_t ngx_http_wizdata_variables[] = {
    /* RPC method of the request, as bars.query */
    {ngx_string("wizdata_method"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_METHOD, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* whose API key it was */
    {ngx_string("wizdata_principal"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_PRINCIPAL, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* id of the API key, never the key */
    {ngx_string("wizdata_key_id"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_KEY_ID, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* X-Request-Id of the answer */
    {ngx_string("wizdata_request_id"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_REQUEST_ID, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* W3C trace id */
    {ngx_string("wizdata_trace_id"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_TRACE_ID, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* detail of the problem document, when there is one */
    {ngx_string("wizdata_status_detail"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_DETAIL, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* passed, rejected, dry_rejected, or off where nothing is limited */
    {ngx_string("wizdata_limit"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_LIMIT, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* policy that refused the request, or has the least left: minute */
    {ngx_string("wizdata_limit_policy"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_LIMIT_POLICY, NGX_HTTP_VAR_NOCACHEABLE, 0},
    /* what is left of that policy */
    {ngx_string("wizdata_limit_remaining"), NULL, ngx_http_wizdata_variable,
     NGX_HTTP_WIZDATA_VAR_LIMIT_REMAINING, NGX_HTTP_VAR_NOCACHEABLE, 0},
    ngx_http_null_variable};


ngx_int_t
ngx_http_wizdata_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t *v, *var;

    for (v = ngx_http_wizdata_variables; v->name.len != 0; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }
        var->get_handler = v->get_handler;
        var->data = v->data;
    }
    return NGX_OK;
}
