/*
 * ngx_http_wizdata_trace.c - request ids and W3C trace context: what comes
 * in, what is decided, what goes on to backends and back to the client.
 */
#include "ngx_http_wizdata.h"

#include "wd_mask.h"
#include "wd_time.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_TRACE_FORCE "trace:force"


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


/* The digits of eight numbers below 16, one in each byte. */
static uint64_t
ngx_http_wizdata_digits(uint64_t n)
{
    uint64_t letters;

    letters = (n + UINT64_C(0x0606060606060606)) >> 4
              & UINT64_C(0x0101010101010101);
    return n + UINT64_C(0x3030303030303030) + letters * ('a' - '9' - 1);
}


/*
 * `digits` is a multiple of 16. The bits are random, so it does not matter
 * which digit has which. Ids of zeros are none.
 */
void
ngx_http_wizdata_random_hex(ngx_http_wizdata_worker_t *w, u_char *out,
    size_t digits)
{
    uint64_t bits, text;

    for ( /* void */ ; digits != 0; digits -= 16, out += 16) {
        ngx_http_wizdata_random(w, (u_char *) &bits, sizeof(bits));
        bits += bits == 0;

        text = ngx_http_wizdata_digits(bits & UINT64_C(0x0f0f0f0f0f0f0f0f));
        ngx_memcpy(out, &text, sizeof(text));
        text = ngx_http_wizdata_digits(bits >> 4
                                       & UINT64_C(0x0f0f0f0f0f0f0f0f));
        ngx_memcpy(out + 8, &text, sizeof(text));
    }
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

    /* Ids are logged everywhere: a key in its place is none. */
    return s->len >= 1 && s->len <= WD_REQUEST_ID_MAX
           && !wd_mask_needed(wd_str((char *) s->data, s->len));
}


static void
ngx_http_wizdata_trace_flag(ngx_http_wizdata_ctx_t *ctx)
{
    ctx->traceparent_text[WD_TRACE_FLAGS_AT] = '0';
    ctx->traceparent_text[WD_TRACE_FLAGS_AT + 1] = ctx->trace.sampled ? '1'
                                                                      : '0';
    if (ctx->trace.sampled) {
        ctx->trace.epoch = wd_now() - (int64_t) ngx_http_wizdata_clock();
    }
}


static ngx_uint_t
ngx_http_wizdata_trace_by_ratio(const ngx_http_wizdata_ctx_t *ctx)
{
    return wd_trace_chosen(wd_str((char *) ctx->traceparent_text
                                  + WD_TRACE_ID_AT, WD_TRACE_ID_LEN),
                           ctx->worker->conf->spans->threshold);
}


/* The client's trace goes on; its parent stays for the span. */
static void
ngx_http_wizdata_trace_continue(ngx_http_wizdata_ctx_t *ctx,
    const wd_traceparent_t *in, ngx_http_wizdata_trace_parent_e policy)
{
    ngx_memcpy(ctx->traceparent_text + WD_TRACE_ID_AT, in->trace.data,
               WD_TRACE_ID_LEN);
    ctx->trace.parent = in->span;
    ctx->trace.sampled = policy == NGX_HTTP_WIZDATA_TRACE_TRUST
                             ? (in->flags & WD_TRACE_SAMPLED) != 0
                             : ngx_http_wizdata_trace_by_ratio(ctx);
}


/*
 * A trace that begins here has the request's own id as its trace id, so that
 * either finds the other.
 */
static void
ngx_http_wizdata_trace_begin(ngx_http_wizdata_ctx_t *ctx,
    const u_char *fresh_id)
{
    u_char *p = ctx->traceparent_text + WD_TRACE_ID_AT;

    if (fresh_id != NULL) {
        ngx_memcpy(p, fresh_id, WD_TRACE_ID_LEN);
    } else {
        ngx_http_wizdata_random_hex(ctx->worker, p, WD_TRACE_ID_LEN);
    }
    ctx->trace.sampled = ngx_http_wizdata_trace_by_ratio(ctx);
}


static void
ngx_http_wizdata_trace_start(ngx_http_wizdata_ctx_t *ctx,
    const u_char *fresh_id)
{
    u_char                          *p = ctx->traceparent_text;
    ngx_str_t                       *in = &ctx->headers.traceparent;
    wd_traceparent_t                 tp;
    ngx_http_wizdata_trace_parent_e  policy;

    p[0] = p[1] = '0';
    p[2] = p[WD_SPAN_ID_AT - 1] = p[WD_TRACE_FLAGS_AT - 1] = '-';
    policy = ctx->worker->conf->spans->parent;

    if (policy != NGX_HTTP_WIZDATA_TRACE_IGNORE
        && wd_traceparent_parse(wd_str((char *) in->data, in->len), &tp))
    {
        ngx_http_wizdata_trace_continue(ctx, &tp, policy);
    } else {
        ngx_http_wizdata_trace_begin(ctx, fresh_id);
        ngx_str_null(&ctx->headers.tracestate); /* of no trace */
    }

    ngx_http_wizdata_random_hex(ctx->worker, p + WD_SPAN_ID_AT,
                                WD_SPAN_ID_LEN);
    ngx_http_wizdata_trace_flag(ctx);
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
                                WD_TRACE_ID_LEN);
    ctx->request_id.data = ctx->request_id_text;
    ctx->request_id.len = WD_TRACE_ID_LEN;
    ngx_http_wizdata_trace_start(ctx, ctx->request_id_text);
}


void
ngx_http_wizdata_trace_force(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ctx_t         key;
    const ngx_str_t *wish = &ctx->headers.trace;

    if (ctx->trace.forced || ctx->trace.sampled || wish->len != 1
        || wish->data[0] != '1' || ctx->verdict.perms.len == 0)
    {
        return;
    }

    ctx->trace.forced = 1;
    ngx_memzero(&key, sizeof(key));
    key.perms = ctx->verdict.perms;
    if (wd_ctx_permits(&key, NGX_HTTP_WIZDATA_TRACE_FORCE)) {
        ctx->trace.sampled = 1;
        ngx_http_wizdata_trace_flag(ctx);
    }
}


/* Made when it is first needed; without memory there is none. */
static wd_str_t
ngx_http_wizdata_trace_state(ngx_http_wizdata_ctx_t *ctx)
{
    u_char          *p;
    size_t           len;
    char             text[WD_TRACESTATE_MAX];
    const ngx_str_t *in = &ctx->headers.tracestate;

    if (ctx->trace.state.len != 0 || (in->len == 0 && !ctx->trace.sampled)) {
        return ctx->trace.state;
    }

    len = wd_tracestate_put(wd_str((char *) in->data, in->len),
                            wd_str((char *) ctx->traceparent_text
                                   + WD_SPAN_ID_AT, WD_SPAN_ID_LEN), text);
    p = ngx_pnalloc(ctx->request->pool, len);
    if (p != NULL) {
        ngx_memcpy(p, text, len);
        ctx->trace.state = wd_str((char *) p, len);
    }
    return ctx->trace.state;
}


void
ngx_http_wizdata_trace_context(ngx_http_wizdata_ctx_t *ctx, wd_ctx_t *context)
{
    ngx_http_wizdata_trace_force(ctx);
    context->traceparent = wd_str((char *) ctx->traceparent.data,
                                  ctx->traceparent.len);
    context->tracestate = ngx_http_wizdata_trace_state(ctx);
}


ngx_int_t
ngx_http_wizdata_trace_header(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t      *ctx;
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    if (!lcf->trace_response || r != r->main) {
        return NGX_OK;
    }

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx == NULL || ctx->trace.answered) {
        return NGX_OK;
    }

    ngx_http_wizdata_trace_force(ctx);
    ctx->trace.answered = 1;
    return ngx_http_wizdata_header(r, "traceparent", ctx->traceparent.data,
                                   ctx->traceparent.len);
}


/*
 * What nginx adds to its own error messages, without the query string: a
 * client may have put a key there, and a log is no place for it. The path is
 * as it came: decoded it may have line feeds.
 */
static u_char *
ngx_http_wizdata_log_request(ngx_http_request_t *r, ngx_http_request_t *sr,
    u_char *buf, size_t len)
{
    u_char                   *p;
    ngx_str_t                 path = r->unparsed_uri;
    ngx_http_core_srv_conf_t *cscf;

    (void) sr;
    p = ngx_strlchr(path.data, path.data + path.len, '?');
    if (p != NULL) {
        path.len = (size_t) (p - path.data);
    }

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    return ngx_snprintf(buf, len, ", server: %V, request: \"%V %V\"",
                        &cscf->server_name, &r->method_name, &path);
}


/* For every server: which location a request is for is not known yet. */
ngx_int_t
ngx_http_wizdata_log_handler(ngx_http_request_t *r)
{
    r->log_handler = ngx_http_wizdata_log_request;
    return NGX_DECLINED;
}
