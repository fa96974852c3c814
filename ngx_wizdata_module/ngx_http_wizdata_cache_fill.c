/*
 * ngx_http_wizdata_cache_fill.c - an answer on its way into the response
 * cache: at once, collected from pieces, or asked for in the background.
 */
#include "ngx_http_wizdata.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_FILL_TTL_MAX (30 * 86400) /* seconds */

/* How long nobody waits for an answer that cannot be kept. */
#define NGX_HTTP_WIZDATA_FILL_PASS WD_NS_PER_S

/* How long a failed refresh is not tried again. */
#define NGX_HTTP_WIZDATA_FILL_PAUSE WD_NS_PER_S

/* How long an error is there for those who waited. */
#define NGX_HTTP_WIZDATA_FILL_ERROR WD_NS_PER_S


void
ngx_http_wizdata_fill_init(ngx_http_wizdata_fill_t *fill,
    ngx_http_wizdata_ctx_t *ctx, const wd_rcache_lead_t *lead)
{
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);

    ngx_memzero(fill, sizeof(*fill));
    fill->worker = ctx->worker;
    fill->method = ctx->method;
    fill->format = ctx->format;
    ngx_memcpy(fill->key, ctx->cache->key, sizeof(fill->key));
    fill->from = (wd_ns_t) ngx_http_wizdata_clock();
    fill->stale = (wd_ns_t) lcf->cache.stale * WD_NS_PER_MS;
    fill->old = (wd_ns_t) lcf->cache.old * WD_NS_PER_MS;
    fill->seq = lead != NULL ? lead->seq
                             : wd_rcache_seq(ctx->worker->cache->store);
    fill->id = lead != NULL ? lead->id : 0;
    fill->leads = lead != NULL;
    fill->second = -1;
    wd_buf_init(&fill->text, 0);
}


static wd_rcache_t *
ngx_http_wizdata_fill_store_of(const ngx_http_wizdata_fill_t *fill)
{
    return fill->worker->cache->store;
}


void
ngx_http_wizdata_fill_end(ngx_http_wizdata_fill_t *fill, int code)
{
    wd_rcache_set_t who;

    if (fill == NULL) {
        return;
    }

    fill->collecting = 0;
    wd_buf_done(&fill->text);
    if (!fill->leads) {
        return;
    }

    fill->leads = 0;
    wd_rcache_fill_done(ngx_http_wizdata_fill_store_of(fill), fill->key,
                        fill->id, code, (wd_ns_t) ngx_http_wizdata_clock(),
                        &who);
    ngx_http_wizdata_cache_wake(fill->worker, &who);
}


/* The answer is not kept: all ask for themselves, for a while. */
static void
ngx_http_wizdata_fill_pass(ngx_http_wizdata_fill_t *fill)
{
    if (fill->leads) {
        wd_rcache_pass(ngx_http_wizdata_fill_store_of(fill), fill->key,
                       (wd_ns_t) ngx_http_wizdata_clock()
                       + NGX_HTTP_WIZDATA_FILL_PASS);
    }
    ngx_http_wizdata_fill_end(fill, WD_EAGAIN);
}


/* ---- may it be kept? ---------------------------------------------------- */

/*
 * A longer time than the answer's own is for answers that a purge can find,
 * of a service whose purges arrive.
 */
static wd_ns_t
ngx_http_wizdata_fill_ttl(const ngx_http_wizdata_fill_t *fill,
    const ngx_http_wizdata_meta_t *meta)
{
    int64_t   ttl = meta->ttl;
    ngx_int_t set = fill->worker->conf->cache.ttls[fill->method->id];

    if (ttl > 0 && set != NGX_CONF_UNSET
        && (set <= ttl
            || (fill->n_tags != 0
                && wd_rcache_covered(ngx_http_wizdata_fill_store_of(fill),
                                     fill->method->service, fill->from))))
    {
        ttl = set;
    }
    return ngx_min(ttl, NGX_HTTP_WIZDATA_FILL_TTL_MAX) * WD_NS_PER_S;
}


/* False: more or longer ones than the protocol allows. */
static bool
ngx_http_wizdata_fill_tags(ngx_http_wizdata_fill_t *fill,
    const ngx_http_wizdata_meta_t *meta)
{
    uint32_t n = 0;
    wd_str_t tag;
    wd_mp_t  c = wd_mp(meta->tags.data, meta->tags.len);

    if (meta->tags.len != 0
        && (wd_mp_read_array(&c, &n) != WD_OK || n > WD_RCACHE_TAGS_MAX))
    {
        return false;
    }

    for (fill->n_tags = 0; fill->n_tags < n; fill->n_tags++) {
        if (wd_mp_read_str(&c, &tag) != WD_OK || tag.len > WD_RCACHE_TAG_MAX) {
            return false;
        }
        wd_rcache_tag(tag, &fill->tags[fill->n_tags]);
    }
    return true;
}


static bool
ngx_http_wizdata_fill_allowed(ngx_http_wizdata_fill_t *fill,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    fill->ttl = 0;
    if (f->status != NGX_HTTP_OK || meta->ttl == 0) {
        return false;
    }

    if (!ngx_http_wizdata_fill_tags(fill, meta)) {
        ngx_http_wizdata_count(fill->worker, CACHE_BAD_TAGS, 1);
        return false;
    }

    fill->ttl = ngx_http_wizdata_fill_ttl(fill, meta);
    return fill->ttl != 0;
}


/* ---- keeping ------------------------------------------------------------ */

static void
ngx_http_wizdata_fill_put(ngx_http_wizdata_fill_t *fill,
    const wd_rcache_put_t *p)
{
    ngx_http_wizdata_worker_t *w = fill->worker;

    switch (wd_rcache_put(w->cache->store, p,
                          (wd_ns_t) ngx_http_wizdata_clock()))
    {
    case WD_OK:
        ngx_http_wizdata_count(w, CACHE_FILLS, 1);
        ngx_http_wizdata_second_store(fill, p);
        ngx_http_wizdata_fill_end(fill, WD_OK);
        return;
    case WD_ECANCELED:
        ngx_http_wizdata_count(w, CACHE_OUTDATED, 1);
        ngx_http_wizdata_fill_end(fill, WD_OK); /* and look in vain */
        return;
    case WD_ETOOBIG:
        ngx_http_wizdata_count(w, CACHE_TOO_LARGE, 1);
        break;
    default:
        ngx_http_wizdata_count(w, CACHE_NO_ROOM, 1);
        break;
    }
    ngx_http_wizdata_fill_pass(fill);
}


static void
ngx_http_wizdata_fill_describe(const ngx_http_wizdata_fill_t *fill,
    wd_rcache_put_t *p)
{
    ngx_memzero(p, sizeof(*p));
    p->key = fill->key;
    p->tags = fill->tags;
    p->n_tags = fill->n_tags;
    p->method = fill->method->id;
    p->service = fill->method->service;
    p->status = NGX_HTTP_OK;
    p->seq = fill->seq;
    p->from = fill->from;
    p->fresh = fill->from + fill->ttl;
    p->stale = p->fresh + fill->stale;
    p->old = p->fresh + fill->old;
}


static wd_str_t
ngx_http_wizdata_fill_type(const ngx_http_wizdata_fill_t *fill,
    const ngx_http_wizdata_meta_t *meta)
{
    return meta->type.len != 0 ? meta->type
                               : wd_str_z(wd_format_mime(fill->format));
}


/* A strong one, of the bytes. */
static void
ngx_http_wizdata_fill_etag(ngx_http_wizdata_fill_t *fill, wd_str_t body,
    ngx_http_wizdata_meta_t *meta)
{
    u_char hash[16];

    crypto_generichash(hash, sizeof(hash), (const u_char *) body.data,
                       body.len, NULL, 0);
    fill->etag[0] = '"';
    wd_hex_encode(hash, sizeof(hash), fill->etag + 1);
    fill->etag[1 + 2 * sizeof(hash)] = '"';
    meta->etag = wd_str(fill->etag, 2 + 2 * sizeof(hash));
}


/* Texts first, then the pieces of the body as they come. */
static void
ngx_http_wizdata_fill_collect(ngx_http_wizdata_fill_t *fill,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    wd_str_t type = ngx_http_wizdata_fill_type(fill, meta);

    if (meta->len > (int64_t) wd_rcache_body_max(fill->worker->cache->store)) {
        ngx_http_wizdata_count(fill->worker, CACHE_TOO_LARGE, 1);
        ngx_http_wizdata_fill_pass(fill);
        return;
    }

    fill->type_len = type.len;
    fill->etag_len = meta->etag.len;
    fill->next_len = meta->next.len;
    wd_buf_str(&fill->text, type);
    wd_buf_str(&fill->text, meta->etag);
    wd_buf_str(&fill->text, meta->next);
    fill->collecting = 1;
    ngx_http_wizdata_fill_chunk(fill, f->body, false);
}


void
ngx_http_wizdata_fill_answer(ngx_http_wizdata_fill_t *fill,
    const wd_frame_t *f, ngx_http_wizdata_meta_t *meta)
{
    wd_rcache_put_t p;

    if (fill == NULL) {
        return;
    }
    if (!ngx_http_wizdata_fill_allowed(fill, f, meta)) {
        ngx_http_wizdata_fill_pass(fill);
        return;
    }
    if (f->more) {
        ngx_http_wizdata_fill_collect(fill, f, meta);
        return;
    }

    if (meta->etag.len == 0) {
        ngx_http_wizdata_fill_etag(fill, f->body, meta);
    }
    ngx_http_wizdata_fill_describe(fill, &p);
    p.type = ngx_http_wizdata_fill_type(fill, meta);
    p.etag = meta->etag;
    p.next = meta->next;
    p.body = f->body;
    ngx_http_wizdata_fill_put(fill, &p);
}


static void
ngx_http_wizdata_fill_collected(ngx_http_wizdata_fill_t *fill)
{
    const char              *at = (char *) fill->text.data;
    wd_rcache_put_t          p;
    ngx_http_wizdata_meta_t  meta;

    ngx_http_wizdata_fill_describe(fill, &p);
    p.type = wd_str(at, fill->type_len);
    p.etag = wd_str(at += fill->type_len, fill->etag_len);
    p.next = wd_str(at += fill->etag_len, fill->next_len);
    at += fill->next_len;
    p.body = wd_str(at, fill->text.len - (size_t) (at - (char *)
                                                   fill->text.data));

    if (p.etag.len == 0) {
        ngx_http_wizdata_fill_etag(fill, p.body, &meta);
        p.etag = meta.etag;
    }
    ngx_http_wizdata_fill_put(fill, &p);
}


void
ngx_http_wizdata_fill_chunk(ngx_http_wizdata_fill_t *fill, wd_str_t bytes,
    bool last)
{
    if (fill == NULL || !fill->collecting) {
        return;
    }

    if (fill->text.len + bytes.len
        > wd_rcache_body_max(fill->worker->cache->store) + fill->type_len
          + fill->etag_len + fill->next_len)
    {
        ngx_http_wizdata_count(fill->worker, CACHE_TOO_LARGE, 1);
        ngx_http_wizdata_fill_pass(fill);
        return;
    }

    wd_buf_str(&fill->text, bytes);
    if (fill->text.err != WD_OK) {
        ngx_http_wizdata_fill_pass(fill);
    } else if (last) {
        ngx_http_wizdata_fill_collected(fill);
    }
}


/*
 * An error has no tags: it is shared only among those who asked while it was
 * on its way, and only if nothing was purged meanwhile.
 */
void
ngx_http_wizdata_fill_error(ngx_http_wizdata_fill_t *fill,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    wd_rcache_put_t p;

    if (fill == NULL) {
        return;
    }

    if (wd_err_info(f->code)->http >= NGX_HTTP_INTERNAL_SERVER_ERROR) {
        ngx_http_wizdata_fill_end(fill, f->code);
        return;
    }

    if (!fill->leads || f->text.len == 0
        || fill->seq != wd_rcache_seq(ngx_http_wizdata_fill_store_of(fill)))
    {
        ngx_http_wizdata_fill_end(fill, WD_EAGAIN);
        return;
    }

    fill->n_tags = 0;
    ngx_http_wizdata_fill_describe(fill, &p);
    p.code = f->code;
    p.type = meta->param;
    p.body = f->text;
    p.fresh = (wd_ns_t) ngx_http_wizdata_clock() + NGX_HTTP_WIZDATA_FILL_ERROR;
    p.stale = p.old = 0;
    (void) !wd_rcache_put(ngx_http_wizdata_fill_store_of(fill), &p, p.from);
    ngx_http_wizdata_fill_end(fill, WD_OK);
}


ngx_uint_t
ngx_http_wizdata_fill_second(ngx_http_wizdata_fill_t *fill,
    wd_rcache_put_t *from, wd_str_t body)
{
    wd_rcache_put_t p;

    ngx_http_wizdata_fill_describe(fill, &p);
    p.type = from->type;
    p.etag = from->etag;
    p.next = from->next;
    p.body = body;
    p.from = from->from;
    p.fresh = from->fresh;
    p.stale = p.fresh + fill->stale;
    p.old = p.fresh + fill->old;
    p.tags = from->tags;
    p.n_tags = from->n_tags;
    if (wd_rcache_put(ngx_http_wizdata_fill_store_of(fill), &p,
                      (wd_ns_t) ngx_http_wizdata_clock()) != WD_OK)
    {
        return 0;
    }
    ngx_http_wizdata_fill_end(fill, WD_OK);
    return 1;
}


/* ---- in the background -------------------------------------------------- */

typedef struct {
    ngx_pool_t              *pool;
    ngx_http_wizdata_rpc_t   rpc;
    ngx_http_wizdata_fill_t  fill;
} ngx_http_wizdata_refresh_t;


static void
ngx_http_wizdata_refresh_over(ngx_http_wizdata_refresh_t *b)
{
    ngx_http_wizdata_rpc_cancel(&b->rpc);
    ngx_http_wizdata_fill_end(&b->fill, WD_OK);
    ngx_destroy_pool(b->pool);
}


/* The old answer stays; a backend in trouble is left alone for a while. */
static void
ngx_http_wizdata_refresh_fail(ngx_http_wizdata_rpc_t *rpc, int code)
{
    ngx_http_wizdata_refresh_t *b = rpc->data;

    wd_rcache_pass(ngx_http_wizdata_fill_store_of(&b->fill), b->fill.key,
                   (wd_ns_t) ngx_http_wizdata_clock()
                   + NGX_HTTP_WIZDATA_FILL_PAUSE);
    ngx_http_wizdata_fill_end(&b->fill, code);
    ngx_http_wizdata_refresh_over(b);
}


static void
ngx_http_wizdata_refresh_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_meta_t     copy = *meta;
    ngx_http_wizdata_refresh_t *b = rpc->data;

    if (f->code != WD_OK || !ngx_http_wizdata_meta_safe(meta)) {
        ngx_http_wizdata_refresh_fail(rpc, f->code != WD_OK ? f->code
                                                            : WD_EBADGATEWAY);
        return;
    }

    ngx_http_wizdata_fill_answer(&b->fill, f, &copy);
    if (!f->more || !b->fill.collecting) {
        ngx_http_wizdata_refresh_over(b);
        return;
    }
    ngx_http_wizdata_rpc_credit(rpc, f->body.len);
}


static void
ngx_http_wizdata_refresh_chunk(ngx_http_wizdata_rpc_t *rpc, wd_str_t bytes,
    bool last)
{
    ngx_http_wizdata_refresh_t *b = rpc->data;

    ngx_http_wizdata_fill_chunk(&b->fill, bytes, last);
    if (last || !b->fill.collecting) {
        ngx_http_wizdata_refresh_over(b);
        return;
    }
    ngx_http_wizdata_rpc_credit(rpc, bytes.len);
}


static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_refresh_ops = {
    ngx_http_wizdata_refresh_reply, ngx_http_wizdata_refresh_chunk,
    ngx_http_wizdata_refresh_fail};


static ngx_int_t
ngx_http_wizdata_refresh_dup(ngx_pool_t *pool, wd_str_t *s)
{
    char *p;

    p = ngx_pnalloc(pool, s->len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }
    if (s->len != 0) {
        ngx_memcpy(p, s->data, s->len);
    }
    s->data = p;
    return NGX_OK;
}


/* All that the call needs, in memory that outlives the request. */
static ngx_int_t
ngx_http_wizdata_refresh_copy(ngx_http_wizdata_refresh_t *b)
{
    wd_ctx_t *c = &b->rpc.context;

    return ngx_http_wizdata_refresh_dup(b->pool, &b->rpc.args) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->id) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->traceparent) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->tracestate) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->principal) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->key) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->plan) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->perms) == NGX_OK
           && ngx_http_wizdata_refresh_dup(b->pool, &c->ip) == NGX_OK
               ? NGX_OK : NGX_ERROR;
}


static ngx_http_wizdata_refresh_t *
ngx_http_wizdata_refresh_create(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_pool_t                 *pool;
    ngx_http_wizdata_refresh_t *b;

    pool = ngx_create_pool(1024, ctx->worker->cycle->log);
    if (pool == NULL) {
        return NULL;
    }
    b = ngx_pcalloc(pool, sizeof(*b));
    if (b == NULL) {
        ngx_destroy_pool(pool);
        return NULL;
    }

    b->pool = pool;
    b->rpc.ops = &ngx_http_wizdata_refresh_ops;
    b->rpc.data = b;
    b->rpc.method = ctx->method;
    b->rpc.service = &ctx->worker->services[ctx->method->service];
    b->rpc.args = ctx->rpc.args;
    return b;
}


/* The lead is given up at once when the call cannot be made. */
void
ngx_http_wizdata_refresh(ngx_http_wizdata_ctx_t *ctx,
    const wd_rcache_lead_t *lead)
{
    ngx_http_wizdata_fill_t     fill;
    ngx_http_wizdata_refresh_t *b;

    ngx_http_wizdata_fill_init(&fill, ctx, lead);
    b = ngx_http_wizdata_refresh_create(ctx);
    if (b == NULL) {
        ngx_http_wizdata_fill_end(&fill, WD_OK);
        return;
    }

    b->fill = fill;
    ctx->cache->fill = &b->fill; /* so that the context fits the key */
    ngx_http_wizdata_call_context(ctx, &b->rpc.context);
    ctx->cache->fill = NULL;

    if (ngx_http_wizdata_refresh_copy(b) != NGX_OK
        || ngx_http_wizdata_rpc_start(&b->rpc) != WD_OK)
    {
        ngx_http_wizdata_refresh_fail(&b->rpc, WD_EUNAVAIL);
    }
}
