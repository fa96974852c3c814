/*
 * ngx_http_wizdata_cache_status.c - /api/status/cache: what the response
 * cache holds and did, and clearing it.
 */
#include "ngx_http_wizdata_status.h"

#define NGX_HTTP_WIZDATA_CLEAR_TAGS 64 /* in one request */


/* ---- figures ------------------------------------------------------------ */

/* Of all workers, those that ended included. */
static uint64_t
ngx_http_wizdata_cache_sum(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t cell)
{
    uint64_t                           n = 0;
    ngx_uint_t                         i;
    ngx_http_wizdata_counters_zone_t  *z = ctx->worker->conf->counters->data;

    for (i = 0; i < z->n_slots && i < NGX_HTTP_WIZDATA_SLOTS; i++) {
        n += z->slots[i].cells[cell];
    }
    return n;
}


static void
ngx_http_wizdata_cache_member(wd_json_t *j, const char *key, uint64_t n)
{
    wd_json_key(j, key);
    wd_json_int(j, (int64_t) n);
}


static void
ngx_http_wizdata_cache_types(wd_json_t *j, const wd_rcache_stats_t *st)
{
    size_t   i;
    uint64_t sums[WD_DATA_COUNT] = {0};

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        sums[wd_method_data_class(&wd_methods()[i])] += st->method_entries[i];
    }
    wd_json_key(j, "cache_by_type");
    wd_json_obj(j);
    for (i = 0; i < WD_DATA_COUNT; i++) {
        ngx_http_wizdata_cache_member(
            j, wd_data_class_name((wd_data_class_e) i), sums[i]);
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_cache_method(wd_json_t *j, ngx_http_wizdata_ctx_t *ctx,
    const wd_method_t *m, const wd_rcache_stats_t *st)
{
    size_t i;

    static const struct {
        const char *key;
        ngx_uint_t  cell;
    } outcomes[] = {
        {"hits", NGX_HTTP_WIZDATA_M_CACHE_HIT},
        {"waited", NGX_HTTP_WIZDATA_M_CACHE_WAIT},
        {"revalidated", NGX_HTTP_WIZDATA_M_CACHE_REVALIDATED},
        {"stale", NGX_HTTP_WIZDATA_M_CACHE_STALE},
        {"stale_on_error", NGX_HTTP_WIZDATA_M_CACHE_STALE_ERROR},
        {"misses", NGX_HTTP_WIZDATA_M_CACHE_MISS},
        {"bypassed", NGX_HTTP_WIZDATA_M_CACHE_BYPASS},
    };

    wd_json_key(j, m->name);
    wd_json_obj(j);
    wd_json_key(j, "type");
    wd_json_z(j, wd_data_class_name(wd_method_data_class(m)));
    wd_json_key(j, "scope");
    wd_json_z(j, m->flags & WD_M_CACHE ? "permission" : "principal");
    ngx_http_wizdata_cache_member(j, "entries", st->method_entries[m->id]);
    ngx_http_wizdata_cache_member(j, "body_bytes", st->method_bytes[m->id]);
    for (i = 0; i < wd_array_len(outcomes); i++) {
        ngx_http_wizdata_cache_member(
            j, outcomes[i].key,
            ngx_http_wizdata_cache_sum(ctx, outcomes[i].cell + m->id));
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_cache_methods(wd_json_t *j, ngx_http_wizdata_ctx_t *ctx,
    const wd_rcache_stats_t *st)
{
    size_t             i;
    const wd_method_t *m;

    wd_json_key(j, "methods");
    wd_json_obj(j);
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        m = &wd_methods()[i];
        if (m->flags & (WD_M_CACHE|WD_M_PRIVATE)) {
            ngx_http_wizdata_cache_method(j, ctx, m, st);
        }
    }
    wd_json_end(j);
}


/* Which services tell of all their purges now. */
static void
ngx_http_wizdata_cache_services(wd_json_t *j, ngx_http_wizdata_ctx_t *ctx)
{
    unsigned i;
    wd_ns_t  now = (wd_ns_t) ngx_http_wizdata_clock();

    wd_json_key(j, "purges_pushed_by");
    wd_json_arr(j);
    for (i = 0; i < WD_SVC_COUNT; i++) {
        if (wd_rcache_covered(ctx->worker->cache->store, i, now)) {
            wd_json_z(j, wd_service_name((wd_service_e) i));
        }
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_cache_stats(wd_json_t *j, ngx_http_wizdata_ctx_t *ctx)
{
    wd_rcache_stats_t st;

    const ngx_http_wizdata_second_memory_t *memory;

    wd_rcache_stats(ctx->worker->cache->store, &st);

    wd_json_key(j, "stats");
    wd_json_obj(j);
    ngx_http_wizdata_cache_member(j, "total_cache_keys", st.entries);
    ngx_http_wizdata_cache_types(j, &st);
    ngx_http_wizdata_cache_member(j, "estimated_cache_size_bytes", st.bytes);
    memory = ngx_http_wizdata_second_memory(ctx->worker);
    wd_json_key(j, "redis_memory_used");
    wd_json_z(j, memory != NULL ? memory->used : NULL);
    wd_json_key(j, "redis_memory_peak");
    wd_json_z(j, memory != NULL ? memory->peak : NULL);
    ngx_http_wizdata_cache_member(
        j, "keyspace_hits",
        ngx_http_wizdata_cache_sum(ctx, NGX_HTTP_WIZDATA_M_RESPONSE_LOOKUPS
                                        + NGX_HTTP_WIZDATA_HIT)
        + ngx_http_wizdata_cache_sum(ctx, NGX_HTTP_WIZDATA_M_RESPONSE_LOOKUPS
                                          + NGX_HTTP_WIZDATA_STALE));
    ngx_http_wizdata_cache_member(
        j, "keyspace_misses",
        ngx_http_wizdata_cache_sum(ctx, NGX_HTTP_WIZDATA_M_RESPONSE_LOOKUPS
                                        + NGX_HTTP_WIZDATA_MISS));
    ngx_http_wizdata_cache_member(j, "capacity_bytes", st.capacity);
    ngx_http_wizdata_cache_member(j, "stored", st.stored);
    ngx_http_wizdata_cache_member(j, "evicted", st.evicted);
    ngx_http_wizdata_cache_member(j, "expired", st.expired);
    ngx_http_wizdata_cache_member(j, "purges", st.purges);
    ngx_http_wizdata_cache_member(j, "purged", st.purged);
    ngx_http_wizdata_cache_member(j, "filling", st.filling);
    ngx_http_wizdata_cache_services(j, ctx);
    ngx_http_wizdata_cache_methods(j, ctx, &st);
    wd_json_end(j);
}


static void
ngx_http_wizdata_cache_head(wd_json_t *j, ngx_http_wizdata_ctx_t *ctx)
{
    wd_buf_reset(&ctx->worker->scratch);
    wd_json_init(j, &ctx->worker->scratch);
    wd_json_obj(j);
}


static void
ngx_http_wizdata_cache_disabled(ngx_http_wizdata_ctx_t *ctx)
{
    wd_json_t j;

    ngx_http_wizdata_cache_head(&j, ctx);
    wd_json_key(&j, "status");
    wd_json_z(&j, "disabled");
    wd_json_key(&j, "message");
    wd_json_z(&j, "there is no response cache: wizdata_cache_zone is off");
    ngx_http_wizdata_status_time(&j);
    wd_json_end(&j);
    ngx_http_wizdata_status_send(ctx, NGX_HTTP_SERVICE_UNAVAILABLE);
}


static void
ngx_http_wizdata_cache_show(ngx_http_wizdata_ctx_t *ctx)
{
    wd_json_t j;

    if (ctx->worker->cache == NULL) {
        ngx_http_wizdata_cache_disabled(ctx);
        return;
    }

    ngx_http_wizdata_cache_head(&j, ctx);
    wd_json_key(&j, "status");
    wd_json_z(&j, "success");
    ngx_http_wizdata_status_time(&j);
    ngx_http_wizdata_cache_stats(&j, ctx);
    wd_json_end(&j);
    ngx_http_wizdata_status_send(ctx, NGX_HTTP_OK);
}


/* ---- clearing ----------------------------------------------------------- */

/* What is to go; `kind` is a cell of the metrics. */
typedef struct {
    wd_rcache_tag_t tags[ngx_max(NGX_HTTP_WIZDATA_CLEAR_TAGS,
                                 (int) WD_METHOD_COUNT)];
    size_t          n;
    ngx_uint_t      kind;
    const char     *type; /* class of data, or NULL */
} ngx_http_wizdata_clear_t;


static void
ngx_http_wizdata_clear_answer(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_clear_t *what, uint64_t n)
{
    wd_json_t j;

    ngx_http_wizdata_cache_head(&j, ctx);
    wd_json_key(&j, "success");
    wd_json_bool(&j, true);
    wd_json_key(&j, "message");
    wd_json_z(&j, n != 0 ? "the answers were removed from the cache"
                         : "no cached answer matches");
    wd_json_key(&j, "deleted_keys");
    wd_json_int(&j, (int64_t) n);
    if (what->type != NULL) {
        wd_json_key(&j, "data_type");
        wd_json_z(&j, what->type);
    }
    ngx_http_wizdata_status_time(&j);
    wd_json_end(&j);
    ngx_http_wizdata_status_send(ctx, NGX_HTTP_OK);
}


static void
ngx_http_wizdata_clear_do(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_clear_t *what)
{
    uint64_t n;

    n = ngx_http_wizdata_cache_purge(ctx->worker, what->tags, what->n, 1);
    ngx_http_wizdata_count_cell(ctx, what->kind, 1);
    ngx_http_wizdata_clear_answer(ctx, what, n);
}


static void
ngx_http_wizdata_clear_all(ngx_http_wizdata_clear_t *what)
{
    wd_rcache_tag_all(&what->tags[0]);
    what->n = 1;
    what->kind = NGX_HTTP_WIZDATA_M_CACHE_PURGES_ALL;
}


static void
ngx_http_wizdata_clear_class(ngx_http_wizdata_clear_t *what,
    wd_data_class_e class)
{
    unsigned i;

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wd_method_data_class(&wd_methods()[i]) == class) {
            wd_rcache_tag_method(i, &what->tags[what->n++]);
        }
    }
    what->type = wd_data_class_name(class);
    what->kind = NGX_HTTP_WIZDATA_M_CACHE_PURGES_METHOD;
}


/* A class, or a method's name. */
static bool
ngx_http_wizdata_clear_type(ngx_http_wizdata_clear_t *what, wd_str_t name)
{
    wd_data_class_e         class;
    const wd_method_t *m;

    if (wd_data_class_by_name(name, &class)) {
        ngx_http_wizdata_clear_class(what, class);
        return true;
    }

    m = wd_method_by_name(name);
    if (m == NULL) {
        return false;
    }
    wd_rcache_tag_method(m->id, &what->tags[what->n++]);
    what->type = m->name;
    what->kind = NGX_HTTP_WIZDATA_M_CACHE_PURGES_METHOD;
    return true;
}


/* ---- a JSON body that says what ----------------------------------------- */

typedef struct {
    ngx_http_wizdata_ctx_t   *ctx;
    wd_pool_t                *pool;
    wd_json_scan_t            scan;
    ngx_http_wizdata_clear_t *what;
} ngx_http_wizdata_clearing_t;


static int
ngx_http_wizdata_clear_wrong(ngx_http_wizdata_ctx_t *ctx, const char *param,
    const char *detail)
{
    return ngx_http_wizdata_refuse_param(ctx, WD_EPARAM, wd_str_z(detail),
                                         wd_str_z(param));
}


static int
ngx_http_wizdata_clear_tag(ngx_http_wizdata_clearing_t *c)
{
    wd_json_scan_val_t v;

    if (wd_json_scan_value(&c->scan, c->pool, &v) != WD_OK
        || v.type != WD_JS_STRING || v.text.len == 0
        || v.text.len > WD_RCACHE_TAG_MAX)
    {
        return ngx_http_wizdata_clear_wrong(
            c->ctx, "tags", "tags must be texts of 1 to 96 bytes");
    }
    if (c->what->n == NGX_HTTP_WIZDATA_CLEAR_TAGS) {
        return ngx_http_wizdata_clear_wrong(c->ctx, "tags",
                                            "there may be at most 64 tags");
    }
    wd_rcache_tag(v.text, &c->what->tags[c->what->n++]);
    return WD_OK;
}


static int
ngx_http_wizdata_clear_tags(ngx_http_wizdata_clearing_t *c)
{
    int  rc;
    bool first = true;

    if (wd_json_scan_open(&c->scan, '[') != WD_OK) {
        return ngx_http_wizdata_clear_wrong(
            c->ctx, "tags", "tags must be an array of texts");
    }
    while ((rc = wd_json_scan_item(&c->scan, &first)) == WD_OK) {
        if (ngx_http_wizdata_clear_tag(c) != WD_OK) {
            return WD_EPARAM;
        }
    }
    if (rc != WD_ENOTFOUND || c->what->n == 0) {
        return ngx_http_wizdata_clear_wrong(
            c->ctx, "tags", "tags must be an array of at least one text");
    }
    c->what->kind = NGX_HTTP_WIZDATA_M_CACHE_PURGES_TAG;
    return WD_OK;
}


static int
ngx_http_wizdata_clear_method(ngx_http_wizdata_clearing_t *c)
{
    const wd_method_t  *m = NULL;
    wd_json_scan_val_t  v;

    if (wd_json_scan_value(&c->scan, c->pool, &v) == WD_OK
        && v.type == WD_JS_STRING)
    {
        m = wd_method_by_name(v.text);
    }
    if (m == NULL) {
        return ngx_http_wizdata_clear_wrong(
            c->ctx, "method", "method must be the name of an RPC method, such "
            "as bars.query");
    }
    wd_rcache_tag_method(m->id, &c->what->tags[c->what->n++]);
    c->what->kind = NGX_HTTP_WIZDATA_M_CACHE_PURGES_METHOD;
    return WD_OK;
}


static int
ngx_http_wizdata_clear_member(ngx_http_wizdata_clearing_t *c, wd_str_t key)
{
    wd_json_scan_val_t v;

    if (wd_str_eq(key, WD_STR("tags"))) {
        return ngx_http_wizdata_clear_tags(c);
    }
    if (wd_str_eq(key, WD_STR("method"))) {
        return ngx_http_wizdata_clear_method(c);
    }
    if (!wd_str_eq(key, WD_STR("all"))) {
        return ngx_http_wizdata_clear_wrong(
            c->ctx, "body", "the body may name tags, method or all");
    }
    if (wd_json_scan_value(&c->scan, c->pool, &v) != WD_OK
        || v.type != WD_JS_TRUE)
    {
        return ngx_http_wizdata_clear_wrong(c->ctx, "all",
                                            "all must be true");
    }
    ngx_http_wizdata_clear_all(c->what);
    return WD_OK;
}


/* One member and no more: what it means must be beyond doubt. */
static int
ngx_http_wizdata_clear_object(ngx_http_wizdata_clearing_t *c)
{
    int      rc;
    bool     first = true;
    wd_str_t key;

    if (wd_json_scan_open(&c->scan, '{') != WD_OK
        || wd_json_scan_member(&c->scan, c->pool, &first, &key) != WD_OK)
    {
        return ngx_http_wizdata_clear_wrong(
            c->ctx, "body", "the body must be a JSON object with one of tags, "
            "method and all");
    }

    rc = ngx_http_wizdata_clear_member(c, key);
    if (rc != WD_OK) {
        return rc;
    }
    if (wd_json_scan_member(&c->scan, c->pool, &first, &key) != WD_ENOTFOUND
        || !wd_json_scan_at_end(&c->scan))
    {
        return ngx_http_wizdata_clear_wrong(
            c->ctx, "body", "the body must be a JSON object with exactly one "
            "of tags, method and all");
    }
    return WD_OK;
}


static int
ngx_http_wizdata_clear_parse(ngx_http_wizdata_ctx_t *ctx, wd_str_t body,
    ngx_http_wizdata_clear_t *what)
{
    int                         rc;
    ngx_http_wizdata_clearing_t c;

    c.ctx = ctx;
    c.what = what;
    c.scan = wd_json_scan(body);
    c.pool = wd_pool_create(1024);
    if (c.pool == NULL) {
        return ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
    }
    rc = ngx_http_wizdata_clear_object(&c);
    wd_pool_destroy(c.pool);
    return rc;
}


static void
ngx_http_wizdata_clear_body(ngx_http_request_t *r)
{
    wd_str_t                  body;
    ngx_http_wizdata_ctx_t   *ctx;
    ngx_http_wizdata_clear_t  what;

    ctx = ngx_http_get_module_ctx(r, ngx_http_wizdata_module);
    ngx_memzero(&what, sizeof(what));

    if (ngx_http_wizdata_body(ctx, &body) != WD_OK
        || ngx_http_wizdata_clear_parse(ctx, body, &what) != WD_OK)
    {
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }
    ngx_http_wizdata_clear_do(ctx, &what);
}


/* ---- the paths ---------------------------------------------------------- */

/* What follows the location's own path. */
static wd_str_t
ngx_http_wizdata_cache_rest(ngx_http_request_t *r)
{
    size_t                    n;
    ngx_http_core_loc_conf_t *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    n = ngx_min(clcf->name.len, r->uri.len);
    return wd_str((char *) r->uri.data + n, r->uri.len - n);
}


static void
ngx_http_wizdata_clear_read(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t rc;

    if (ngx_http_wizdata_body_headers_ok(ctx) != WD_OK) {
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }
    rc = ngx_http_read_client_request_body(ctx->request,
                                           ngx_http_wizdata_clear_body);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_wizdata_finish(ctx, rc);
        return;
    }
    ngx_http_finalize_request(ctx->request, NGX_DONE);
}


static ngx_uint_t
ngx_http_wizdata_has_body(const ngx_http_request_t *r)
{
    return r->headers_in.content_length_n > 0 || r->headers_in.chunked;
}


static void
ngx_http_wizdata_clear(ngx_http_wizdata_ctx_t *ctx)
{
    wd_str_t                  rest;
    ngx_http_wizdata_clear_t  what;

    if (ctx->worker->cache == NULL) {
        ngx_http_wizdata_cache_disabled(ctx);
        return;
    }

    ngx_memzero(&what, sizeof(what));
    rest = ngx_http_wizdata_cache_rest(ctx->request);

    if (rest.len == 0 || wd_str_eq(rest, WD_STR("/clear"))) {
        if (rest.len == 0 || ngx_http_wizdata_has_body(ctx->request)) {
            ngx_http_wizdata_clear_read(ctx);
            return;
        }
        ngx_http_wizdata_clear_all(&what);

    } else if (!wd_str_starts(rest, "/clear/")
               || !ngx_http_wizdata_clear_type(
                      &what, wd_str(rest.data + 7, rest.len - 7)))
    {
        (void) ngx_http_wizdata_refuse(
            ctx, WD_ENOTFOUND, "there is no such type of data; the types are "
            "market_data, api_responses, news, analytics, esg_data and "
            "static_data, and the names of methods, such as bars.query");
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }
    ngx_http_wizdata_clear_do(ctx, &what);
}


static ngx_int_t
ngx_http_wizdata_clear_begin(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ngx_http_wizdata_auth(ctx, NGX_HTTP_WIZDATA_BIT_NONE, "cache:write",
                          ngx_http_wizdata_clear,
                          ngx_http_wizdata_status_refused);
    return NGX_DONE;
}


/* Another verb than the path takes, or no such path. */
static void
ngx_http_wizdata_cache_not_so(ngx_http_wizdata_ctx_t *ctx)
{
    wd_str_t rest = ngx_http_wizdata_cache_rest(ctx->request);

    if (rest.len == 0) {
        ctx->problem.allow = 1u << WD_HTTP_GET | 1u << WD_HTTP_POST;
        (void) ngx_http_wizdata_refuse(ctx, WD_EMETHOD, "the path takes GET, "
                                       "HEAD and POST");
    } else if (wd_str_eq(rest, WD_STR("/clear"))
               || wd_str_starts(rest, "/clear/"))
    {
        ctx->problem.allow = 1u << WD_HTTP_POST;
        (void) ngx_http_wizdata_refuse(ctx, WD_EMETHOD,
                                       "the path takes POST only");
    } else {
        (void) ngx_http_wizdata_refuse(ctx, WD_ENOTFOUND, "nothing is served "
                                       "at this path");
    }
    ngx_http_wizdata_finish_refused(ctx);
}


ngx_int_t
ngx_http_wizdata_cache_status_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    if (r->method == NGX_HTTP_POST) {
        return ngx_http_wizdata_clear_begin(r);
    }
    if (ngx_http_wizdata_cache_rest(r).len == 0
        && r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))
    {
        return ngx_http_wizdata_status_begin(r, ngx_http_wizdata_cache_show);
    }

    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    ngx_http_wizdata_cache_not_so(ctx);
    return NGX_DONE;
}


/* ---- in /api/status/config ---------------------------------------------- */

/* The longest time that is configured for a class; null: what answers say. */
static void
ngx_http_wizdata_cache_class_ttl(wd_json_t *j, const char *key,
    const ngx_http_wizdata_cache_main_t *m, wd_data_class_e class)
{
    ngx_uint_t i;
    ngx_int_t  ttl = NGX_CONF_UNSET;

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wd_method_data_class(&wd_methods()[i]) == class) {
            ttl = ngx_max(ttl, m->ttls[i]);
        }
    }

    wd_json_key(j, key);
    if (ttl == NGX_CONF_UNSET) {
        wd_json_null(j);
    } else {
        wd_json_int(j, ttl);
    }
}


void
ngx_http_wizdata_cache_show_config(wd_json_t *j,
    const ngx_http_wizdata_cache_main_t *m)
{
    ngx_uint_t i;

    wd_json_key(j, "cache_config");
    wd_json_obj(j);
    ngx_http_wizdata_cache_class_ttl(j, "default_ttl", m, WD_DATA_API);
    ngx_http_wizdata_cache_class_ttl(j, "market_data_ttl", m,
                                     WD_DATA_MARKET);
    ngx_http_wizdata_cache_class_ttl(j, "esg_data_ttl", m, WD_DATA_ESG);
    ngx_http_wizdata_cache_class_ttl(j, "static_data_ttl", m,
                                     WD_DATA_STATIC);
    ngx_http_wizdata_cache_member(j, "zone_bytes", m->size);
    ngx_http_wizdata_cache_member(j, "max_body_bytes", m->body_max);
    wd_json_key(j, "second_level");
    wd_json_bool(j, m->second != 0);
    wd_json_key(j, "ttl_seconds");
    wd_json_obj(j);
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (m->ttls[i] != NGX_CONF_UNSET) {
            wd_json_key(j, wd_methods()[i].name);
            wd_json_int(j, m->ttls[i]);
        }
    }
    wd_json_end(j);
    wd_json_end(j);
}


/* ---- for the metrics ---------------------------------------------------- */

void
ngx_http_wizdata_cache_entries_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    size_t             i;
    wd_rcache_stats_t  st;

    if (ctx->worker->cache == NULL) {
        return;
    }
    wd_rcache_stats(ctx->worker->cache->store, &st);
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wd_methods()[i].flags & (WD_M_CACHE|WD_M_PRIVATE)) {
            ngx_http_wizdata_sample(s, (int64_t) st.method_entries[i],
                                    "method=\"%s\"", wd_methods()[i].name);
        }
    }
}


void
ngx_http_wizdata_cache_evictions_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    wd_rcache_stats_t st;

    if (ctx->worker->cache != NULL) {
        wd_rcache_stats(ctx->worker->cache->store, &st);
        ngx_http_wizdata_sample(s, (int64_t) st.evicted, "%s", "");
    }
}


void
ngx_http_wizdata_cache_repairs_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    wd_rcache_stats_t st;

    if (ctx->worker->cache != NULL) {
        wd_rcache_stats(ctx->worker->cache->store, &st);
        ngx_http_wizdata_sample(s, (int64_t) st.repaired, "%s", "");
    }
}
