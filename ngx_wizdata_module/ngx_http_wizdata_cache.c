/*
 * ngx_http_wizdata_cache.c - a request and the response cache: its key, what
 * may be served, waiting for another's call.
 */
#include "ngx_http_wizdata.h"

#include "wd_num.h"

/* An entry that changes while it is read is looked up again. */
#define NGX_HTTP_WIZDATA_CACHE_TRIES 3

/* The leader's lease beyond the method's own deadline. */
#define NGX_HTTP_WIZDATA_CACHE_LEASE WD_NS_PER_S


static const struct {
    const char *name;
    ngx_uint_t  metric;
    ngx_uint_t  result;
} ngx_http_wizdata_cache_outcomes[NGX_HTTP_WIZDATA_CACHE_OUTCOMES] = {
    [NGX_HTTP_WIZDATA_CACHE_HIT] =
        {"HIT", NGX_HTTP_WIZDATA_M_CACHE_HIT, NGX_HTTP_WIZDATA_HIT},
    [NGX_HTTP_WIZDATA_CACHE_MISS] =
        {"MISS", NGX_HTTP_WIZDATA_M_CACHE_MISS, NGX_HTTP_WIZDATA_MISS},
    [NGX_HTTP_WIZDATA_CACHE_STALE] =
        {"STALE", NGX_HTTP_WIZDATA_M_CACHE_STALE, NGX_HTTP_WIZDATA_STALE},
    [NGX_HTTP_WIZDATA_CACHE_STALE_ERROR] =
        {"STALE", NGX_HTTP_WIZDATA_M_CACHE_STALE_ERROR,
         NGX_HTTP_WIZDATA_STALE},
    [NGX_HTTP_WIZDATA_CACHE_REVALIDATED] =
        {"REVALIDATED", NGX_HTTP_WIZDATA_M_CACHE_REVALIDATED,
         NGX_HTTP_WIZDATA_HIT},
    [NGX_HTTP_WIZDATA_CACHE_WAIT] =
        {"HIT", NGX_HTTP_WIZDATA_M_CACHE_WAIT, NGX_HTTP_WIZDATA_HIT},
    [NGX_HTTP_WIZDATA_CACHE_SECOND] =
        {"HIT", NGX_HTTP_WIZDATA_M_CACHE_SECOND_LEVEL, NGX_HTTP_WIZDATA_HIT},
    [NGX_HTTP_WIZDATA_CACHE_BYPASS] =
        {"BYPASS", NGX_HTTP_WIZDATA_M_CACHE_BYPASS, NGX_HTTP_WIZDATA_MISS},
};


/* ---- the key ------------------------------------------------------------ */

static ngx_http_wizdata_cache_loc_t *
ngx_http_wizdata_cache_conf(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);
    return &lcf->cache;
}


static ngx_uint_t
ngx_http_wizdata_cache_usable(ngx_http_wizdata_ctx_t *ctx)
{
    const wd_method_t *m = ctx->method;

    if (ctx->worker->cache == NULL || m->verb != WD_HTTP_GET
        || !(m->flags & (WD_M_CACHE|WD_M_PRIVATE))
        || !ngx_http_wizdata_cache_conf(ctx)->on)
    {
        return 0;
    }

    /* Nobody's own answer has no key. */
    return m->flags & WD_M_CACHE || ctx->verdict.principal.len != 0;
}


/*
 * All that the backend is told of the caller but the address: who asks from
 * two of them has one answer.
 */
static wd_str_t
ngx_http_wizdata_cache_caller(ngx_http_wizdata_ctx_t *ctx)
{
    wd_buf_t                         *out = &ctx->worker->cache->scope;
    const ngx_http_wizdata_verdict_t *v = &ctx->verdict;

    wd_buf_reset(out);
    wd_mp_put_str(out, v->principal);
    wd_mp_put_str(out, v->key);
    wd_mp_put_str(out, v->plan);
    wd_mp_put_bin(out, v->perms.data, v->perms.len);
    return wd_buf_view(out);
}


static int
ngx_http_wizdata_cache_key(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_cached_t *k)
{
    wd_cachekey_t      key;
    const wd_method_t *m = ctx->method;

    key.method = wd_str_z(m->name);
    key.format = ctx->format;
    key.args = ctx->rpc.args;

    if (m->flags & WD_M_CACHE) {
        k->shared = 1;
        key.kind = WD_CACHEKEY_GROUP;
        key.scope = wd_str_z(m->permission);
    } else {
        key.kind = WD_CACHEKEY_PRINCIPAL;
        key.scope = ngx_http_wizdata_cache_caller(ctx);
        if (ctx->worker->cache->scope.err != WD_OK) {
            return WD_ENOMEM;
        }
    }
    return wd_cachekey_digest(&key, &ctx->worker->cache->scratch,
                              ctx->worker->cache->keys, k->key);
}


void
ngx_http_wizdata_cache_context(ngx_http_wizdata_ctx_t *ctx, wd_ctx_t *c)
{
    wd_buf_t                  *out;
    ngx_http_wizdata_cached_t *k = ctx->cache;

    if (k == NULL || k->fill == NULL || !k->shared) {
        return;
    }

    c->principal = c->key = c->plan = c->ip = WD_STR_NULL;
    c->perms = WD_STR_NULL;
    if (ctx->method->permission == NULL) {
        return;
    }

    /* What everybody has who may read this answer. */
    out = &ctx->worker->cache->scratch;
    wd_buf_reset(out);
    wd_mp_put_array(out, 1);
    wd_mp_put_z(out, ctx->method->permission);
    if (out->err == WD_OK) {
        c->perms.data = (char *) ngx_pnalloc(ctx->request->pool, out->len);
        if (c->perms.data != NULL) {
            ngx_memcpy((char *) c->perms.data, out->data, out->len);
            c->perms.len = out->len;
        }
    }
}


/* ---- telling ------------------------------------------------------------ */

static void
ngx_http_wizdata_cache_note(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_cache_outcome_e outcome)
{
    ngx_http_wizdata_cached_t *k = ctx->cache;

    k->outcome = outcome;
    ctx->cache_outcome = ngx_http_wizdata_cache_outcomes[outcome].name;
    ctx->times.cache = ngx_http_wizdata_clock();
    ngx_http_wizdata_count_cell(
        ctx, ngx_http_wizdata_cache_outcomes[outcome].metric + ctx->method->id,
        1);
    ngx_http_wizdata_count_by(ctx, RESPONSE_LOOKUPS,
                              ngx_http_wizdata_cache_outcomes[outcome].result,
                              1);
}


void
ngx_http_wizdata_cache_call(ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->cache != NULL && ctx->cache_outcome == NULL) {
        ngx_http_wizdata_cache_note(ctx, ctx->cache->outcome);
    }
}


/*
 * Cache-Control of an answer that is fresh for `left` more: data may change
 * before, and a client's own cache is not told.
 */
static ngx_int_t
ngx_http_wizdata_cache_client(ngx_http_wizdata_ctx_t *ctx, int64_t age,
    wd_ns_t left)
{
    u_char             *p, *end;
    wd_ns_t             may;
    ngx_http_request_t *r = ctx->request;

    may = (wd_ns_t) ngx_http_wizdata_cache_conf(ctx)->client * WD_NS_PER_MS;
    may = ngx_min(may, left) / WD_NS_PER_S;
    if (may <= 0) {
        return ngx_http_wizdata_header(r, "Cache-Control", "private, no-cache",
                                       sizeof("private, no-cache") - 1);
    }

    p = ngx_pnalloc(r->pool, sizeof("private, max-age=") + NGX_INT64_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }
    end = ngx_sprintf(p, "private, max-age=%L", age + may);
    return ngx_http_wizdata_header(r, "Cache-Control", p, end - p);
}


/* Headers whose values are numbers, in one piece of memory. */
static ngx_int_t
ngx_http_wizdata_cache_numbers(ngx_http_request_t *r, int64_t age,
    int64_t ttl)
{
    u_char *p, *end;

    p = ngx_pnalloc(r->pool, 2 * WD_NUM_TEXT_MAX);
    if (p == NULL) {
        return NGX_ERROR;
    }

    end = p + wd_int_format(ttl, (char *) p);
    if (ngx_http_wizdata_header(r, "X-Cache-TTL", p, end - p) != NGX_OK) {
        return NGX_ERROR;
    }

    p = end;
    end = p + wd_int_format(age, (char *) p);
    if (ngx_http_wizdata_header(r, "Age", p, end - p) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_header(r, "X-Cache-Age", p, end - p);
}


static ngx_int_t
ngx_http_wizdata_cache_word(ngx_http_wizdata_ctx_t *ctx)
{
    const char *word = ctx->cache_outcome;

    return ngx_http_wizdata_header(ctx->request, "X-Cache", word,
                                   strlen(word));
}


ngx_int_t
ngx_http_wizdata_cache_headers(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_cached_t *k = ctx->cache;

    if (k == NULL) {
        return NGX_DECLINED;
    }
    if (ngx_http_wizdata_cache_word(ctx) != NGX_OK) {
        return NGX_ERROR;
    }
    if (k->fill == NULL || k->fill->ttl == 0) {
        return NGX_DECLINED;
    }
    if (ngx_http_wizdata_cache_client(ctx, 0, k->fill->ttl) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_cache_numbers(ctx->request, 0,
                                          k->fill->ttl / WD_NS_PER_S);
}


/* ---- serving ------------------------------------------------------------ */

/* An entry that was read, in memory of the request. */
typedef struct {
    wd_rcache_view_t view;
    wd_str_t         type;
    wd_str_t         etag;
    wd_str_t         next;
    ngx_buf_t       *body; /* NULL: not wanted */
} ngx_http_wizdata_found_t;


static wd_str_t
ngx_http_wizdata_if_none_match(ngx_http_request_t *r)
{
    ngx_table_elt_t *h = r->headers_in.if_none_match;

    return h != NULL ? wd_str((char *) h->value.data, h->value.len)
                     : WD_STR_NULL;
}


/* WD_EAGAIN: the entry changed meanwhile. */
static int
ngx_http_wizdata_cache_read(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_found_t *f)
{
    size_t                  texts;
    u_char                 *p;
    ngx_buf_t              *b;
    const wd_rcache_view_t *v = &f->view;

    texts = (size_t) v->type_len + v->etag_len + v->next_len;
    b = ngx_create_temp_buf(ctx->request->pool, texts + v->body_len + 1);
    if (b == NULL) {
        return WD_ENOMEM;
    }

    p = b->pos;
    if (wd_rcache_read(ctx->worker->cache->store, v, p) != WD_OK) {
        ngx_pfree(ctx->request->pool, p);
        return WD_EAGAIN;
    }

    f->type = wd_str((char *) p, v->type_len);
    f->etag = wd_str((char *) p + v->type_len, v->etag_len);
    f->next = wd_str((char *) p + v->type_len + v->etag_len, v->next_len);
    b->pos = p + texts;
    b->last = b->pos + v->body_len;
    b->last_buf = ctx->request == ctx->request->main;
    b->last_in_chain = 1;
    f->body = b;
    return WD_OK;
}


static ngx_int_t
ngx_http_wizdata_cache_send(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_found_t *f)
{
    ngx_int_t           rc;
    ngx_chain_t         out;
    ngx_http_request_t *r = ctx->request;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }
    if (f->view.body_len == 0) {
        return ngx_http_send_special(r, NGX_HTTP_LAST);
    }
    out.buf = f->body;
    out.next = NULL;
    return ngx_http_output_filter(r, &out);
}


/* What is given out after its time is not fresh, whatever it became since. */
static wd_ns_t
ngx_http_wizdata_cache_left(const ngx_http_wizdata_ctx_t *ctx,
    const wd_rcache_view_t *v)
{
    switch (ctx->cache->outcome) {
    case NGX_HTTP_WIZDATA_CACHE_STALE:
    case NGX_HTTP_WIZDATA_CACHE_STALE_ERROR:
        return 0;
    default:
        return v->fresh - (wd_ns_t) ctx->times.cache;
    }
}


static ngx_int_t
ngx_http_wizdata_cache_answer(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_found_t *f)
{
    int64_t                 age;
    wd_ns_t                 now = (wd_ns_t) ctx->times.cache;
    const wd_rcache_view_t *v = &f->view;

    age = ngx_max(now - v->from, 0) / WD_NS_PER_S;
    ctx->request->headers_out.status = v->status;
    ctx->request->headers_out.content_length_n = (off_t) v->body_len;

    if (ngx_http_wizdata_answer_headers(ctx, f->type, f->etag, f->next)
            != NGX_OK
        || ngx_http_wizdata_cache_word(ctx) != NGX_OK
        || ngx_http_wizdata_cache_client(
               ctx, age, ngx_http_wizdata_cache_left(ctx, v)) != NGX_OK
        || ngx_http_wizdata_cache_numbers(ctx->request, age,
                                          (v->fresh - v->from) / WD_NS_PER_S)
           != NGX_OK)
    {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_cache_send(ctx, f);
}


/* An error that another's call was answered with. */
static void
ngx_http_wizdata_cache_refuse(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_found_t *f)
{
    (void) ngx_http_wizdata_refuse_param(
        ctx, f->view.code, wd_str((char *) f->body->pos, f->view.body_len),
        f->type);
    ngx_http_wizdata_finish_refused(ctx);
}


static void
ngx_http_wizdata_cache_serve(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_found_t *f, ngx_http_wizdata_cache_outcome_e outcome)
{
    if (f->view.code != WD_OK) {
        ngx_http_wizdata_cache_note(ctx, outcome);
        ngx_http_wizdata_cache_refuse(ctx, f);
        return;
    }

    if (outcome == NGX_HTTP_WIZDATA_CACHE_HIT
        && ctx->request->headers_in.if_none_match != NULL
        && wd_cachectl_match(ngx_http_wizdata_if_none_match(ctx->request),
                             f->etag))
    {
        outcome = NGX_HTTP_WIZDATA_CACHE_REVALIDATED;
    }

    ngx_http_wizdata_cache_note(ctx, outcome);
    ngx_http_wizdata_finish(ctx, ngx_http_wizdata_cache_answer(ctx, f));
}


/* ---- looking up --------------------------------------------------------- */

/* What the client's own wishes leave of an entry that could be served. */
static ngx_uint_t
ngx_http_wizdata_cache_wanted(const ngx_http_wizdata_cached_t *k,
    const wd_rcache_view_t *v, wd_ns_t now)
{
    if (k->asked.max_age >= 0
        && now - v->from > k->asked.max_age * WD_NS_PER_S)
    {
        return 0;
    }
    return k->asked.min_fresh < 0
           || v->fresh - now >= k->asked.min_fresh * WD_NS_PER_S;
}


static ngx_uint_t
ngx_http_wizdata_cache_servable(ngx_http_wizdata_ctx_t *ctx,
    const wd_rcache_view_t *v, wd_ns_t now)
{
    const ngx_http_wizdata_cached_t *k = ctx->cache;

    if (v->state == WD_RCACHE_OLD
        || (v->state == WD_RCACHE_STALE
            && ngx_http_wizdata_cache_conf(ctx)->stale == 0))
    {
        return 0;
    }

    /* An error is for those who waited for it. */
    if (v->code != WD_OK && !k->waited) {
        return 0;
    }
    return ngx_http_wizdata_cache_wanted(k, v, now);
}


/* Served while it is fetched anew by whoever comes first. */
static void
ngx_http_wizdata_cache_refresh(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ns_t          now = (wd_ns_t) ctx->times.cache, lease;
    wd_rcache_lead_t lead;

    lease = (wd_ns_t) ctx->worker->conf->timeouts[ctx->method->id]
            * WD_NS_PER_MS + NGX_HTTP_WIZDATA_CACHE_LEASE;

    if (wd_rcache_fill(ctx->worker->cache->store, ctx->cache->key, -1, false,
                       now, lease, &lead) == WD_RCACHE_LEAD)
    {
        ngx_http_wizdata_refresh(ctx, &lead);
    }
}


static ngx_http_wizdata_cache_outcome_e
ngx_http_wizdata_cache_found(ngx_http_wizdata_ctx_t *ctx,
    const wd_rcache_view_t *v)
{
    if (v->state == WD_RCACHE_STALE) {
        ngx_http_wizdata_cache_refresh(ctx);
        return NGX_HTTP_WIZDATA_CACHE_STALE;
    }
    if (ctx->cache->second) {
        return NGX_HTTP_WIZDATA_CACHE_SECOND;
    }
    return ctx->cache->waited ? NGX_HTTP_WIZDATA_CACHE_WAIT
                              : NGX_HTTP_WIZDATA_CACHE_HIT;
}


/* NGX_OK: answered. */
static ngx_int_t
ngx_http_wizdata_cache_find(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ns_t                   now = (wd_ns_t) ngx_http_wizdata_clock();
    ngx_uint_t                tries;
    ngx_http_wizdata_found_t  f;

    ctx->times.cache = (uint64_t) now;

    for (tries = 0; tries < NGX_HTTP_WIZDATA_CACHE_TRIES; tries++) {
        if (wd_rcache_get(ctx->worker->cache->store, ctx->cache->key, now,
                          &f.view) != WD_OK
            || !ngx_http_wizdata_cache_servable(ctx, &f.view, now))
        {
            return NGX_DECLINED;
        }

        switch (ngx_http_wizdata_cache_read(ctx, &f)) {
        case WD_OK:
            ngx_http_wizdata_cache_serve(
                ctx, &f, ngx_http_wizdata_cache_found(ctx, &f.view));
            return NGX_OK;
        case WD_EAGAIN:
            break;
        default:
            return NGX_DECLINED;
        }
    }
    return NGX_DECLINED;
}


ngx_uint_t
ngx_http_wizdata_cache_rescue(ngx_http_wizdata_ctx_t *ctx, int code)
{
    wd_ns_t                    now = (wd_ns_t) ngx_http_wizdata_clock();
    ngx_http_wizdata_found_t   f;
    ngx_http_wizdata_cached_t *k = ctx->cache;

    if (k == NULL || k->outcome == NGX_HTTP_WIZDATA_CACHE_BYPASS
        || ngx_http_wizdata_cache_conf(ctx)->old == 0
        || wd_err_info(code)->http < NGX_HTTP_INTERNAL_SERVER_ERROR)
    {
        return 0;
    }

    if (wd_rcache_get(ctx->worker->cache->store, k->key, now, &f.view)
            != WD_OK
        || f.view.code != WD_OK
        || ngx_http_wizdata_cache_read(ctx, &f) != WD_OK)
    {
        return 0;
    }

    ngx_http_wizdata_cache_serve(ctx, &f, NGX_HTTP_WIZDATA_CACHE_STALE_ERROR);
    return 1;
}


/* ---- one asks for all --------------------------------------------------- */

/* The answer shall be kept. */
static ngx_int_t
ngx_http_wizdata_cache_begin_fill(ngx_http_wizdata_ctx_t *ctx,
    const wd_rcache_lead_t *lead)
{
    ngx_http_wizdata_fill_t *fill;

    fill = ngx_palloc(ctx->request->pool, sizeof(ngx_http_wizdata_fill_t));
    if (fill == NULL) {
        return NGX_ERROR;
    }

    ngx_http_wizdata_fill_init(fill, ctx, lead);
    ctx->cache->fill = fill;
    return NGX_OK;
}


/* Calls the backend, alone or for all; or waits for who does. */
static ngx_int_t
ngx_http_wizdata_cache_fetch(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ns_t                    now = (wd_ns_t) ngx_http_wizdata_clock(), lease;
    ngx_int_t                  rc;
    wd_rcache_set_t            nobody;
    wd_rcache_lead_t           lead;
    wd_rcache_fill_e           fill;
    ngx_http_wizdata_cached_t *k = ctx->cache;

    lease = (wd_ns_t) ctx->worker->conf->timeouts[ctx->method->id]
            * WD_NS_PER_MS + NGX_HTTP_WIZDATA_CACHE_LEASE;

    fill = k->asked.no_cache
               ? WD_RCACHE_PASS
               : wd_rcache_fill(ctx->worker->cache->store, k->key,
                                ctx->worker->cache->place,
                                ngx_http_wizdata_cache_conf(ctx)->lock_timeout
                                != 0, now, lease, &lead);

    if (fill == WD_RCACHE_WAIT) {
        ngx_http_wizdata_cache_park(ctx);
        return NGX_AGAIN;
    }

    k->outcome = k->asked.no_cache ? NGX_HTTP_WIZDATA_CACHE_BYPASS
                                   : NGX_HTTP_WIZDATA_CACHE_MISS;

    rc = ngx_http_wizdata_cache_begin_fill(
        ctx, fill == WD_RCACHE_LEAD ? &lead : NULL);
    if (rc != NGX_OK && fill == WD_RCACHE_LEAD) {
        wd_rcache_fill_done(ctx->worker->cache->store, k->key, lead.id, WD_OK,
                            now, &nobody);
        ngx_http_wizdata_cache_wake(ctx->worker, &nobody);
    }
    return k->asked.no_cache ? NGX_DECLINED
                             : ngx_http_wizdata_second_look(ctx);
}


static ngx_int_t
ngx_http_wizdata_cache_decide(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_cached_t *k = ctx->cache;

    if (!k->asked.no_cache && ngx_http_wizdata_cache_find(ctx) == NGX_OK) {
        return NGX_OK;
    }

    if (k->asked.only_if_cached) {
        ngx_http_wizdata_cache_note(ctx, NGX_HTTP_WIZDATA_CACHE_MISS);
        (void) ngx_http_wizdata_refuse(
            ctx, WD_ETIMEOUT, "the request asked for a cached answer only, "
            "and there is none; leave out Cache-Control: only-if-cached");
        ngx_http_wizdata_finish_refused(ctx);
        return NGX_OK;
    }

    if (k->asked.no_store) {
        ngx_http_wizdata_cache_note(ctx, NGX_HTTP_WIZDATA_CACHE_BYPASS);
        return NGX_DECLINED;
    }
    return ngx_http_wizdata_cache_fetch(ctx);
}


ngx_int_t
ngx_http_wizdata_cache(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_str_t                 *asked = &ctx->headers.cache_control;
    ngx_http_wizdata_cached_t *k;

    /* After an internal redirect there may be one of another location. */
    ngx_http_wizdata_cache_leave(ctx);
    ctx->cache = NULL;
    ctx->cache_outcome = NULL;
    if (!ngx_http_wizdata_cache_usable(ctx)) {
        return NGX_DECLINED;
    }

    k = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_wizdata_cached_t));
    if (k == NULL || ngx_http_wizdata_cache_key(ctx, k) != WD_OK) {
        return NGX_DECLINED;
    }

    ctx->cache = k;
    wd_cachectl_parse(wd_str((char *) asked->data, asked->len), &k->asked);
    k->asked.no_cache = k->asked.no_cache || k->asked.no_store
                        || k->asked.max_age == 0;
    return ngx_http_wizdata_cache_decide(ctx);
}


/* ---- after waiting ------------------------------------------------------ */

/* Not a second time: who waited long enough asks for itself. */
static void
ngx_http_wizdata_cache_alone(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_cache_note(ctx, NGX_HTTP_WIZDATA_CACHE_MISS);
    (void) ngx_http_wizdata_cache_begin_fill(ctx, NULL);
    ngx_http_wizdata_reply_start(ctx);
}


static ngx_uint_t
ngx_http_wizdata_cache_patient(ngx_http_wizdata_ctx_t *ctx)
{
    wd_ns_t waited;

    waited = (wd_ns_t) ngx_http_wizdata_clock() - ctx->cache->since;
    return waited < (wd_ns_t) ngx_http_wizdata_cache_conf(ctx)->lock_timeout
                    * WD_NS_PER_MS;
}


void
ngx_http_wizdata_cache_resume(ngx_http_wizdata_ctx_t *ctx, int code)
{
    ngx_int_t         rc = NGX_DECLINED;
    ngx_connection_t *c = ctx->request->connection;

    ngx_http_set_log_request(c->log, ctx->request);
    ctx->cache->waited = 1;

    if (code == WD_OK && ngx_http_wizdata_cache_patient(ctx)) {
        rc = ngx_http_wizdata_cache_decide(ctx);
        if (rc == NGX_DECLINED) {
            ngx_http_wizdata_reply_start(ctx);
        }
    } else if (code == WD_OK || code == WD_EAGAIN) {
        ngx_http_wizdata_cache_alone(ctx);
    } else if (!ngx_http_wizdata_cache_rescue(ctx, code)) {
        ngx_http_wizdata_cache_note(ctx, NGX_HTTP_WIZDATA_CACHE_WAIT);
        (void) ngx_http_wizdata_refuse_call(ctx, code);
        ngx_http_wizdata_finish_refused(ctx);
    }
    ngx_http_run_posted_requests(c);
}


ngx_uint_t
ngx_http_wizdata_cache_waits(const ngx_http_wizdata_ctx_t *ctx)
{
    return ctx->cache != NULL && ctx->cache->waiting;
}


void
ngx_http_wizdata_cache_second(ngx_http_wizdata_ctx_t *ctx)
{
    ctx->cache->second = 1;
    if (ngx_http_wizdata_cache_find(ctx) != NGX_OK) {
        ctx->cache->second = 0;
        ngx_http_wizdata_reply_start(ctx);
    }
}


void
ngx_http_wizdata_cache_leave(ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->cache == NULL) {
        return;
    }
    ngx_http_wizdata_cache_unpark(ctx);
    ngx_http_wizdata_second_leave(ctx);
    ngx_http_wizdata_fill_end(ctx->cache->fill, WD_OK);
}
