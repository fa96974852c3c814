/*
 * ngx_http_wizdata_status.c - /health and /health/detailed.
 */
#include "ngx_http_wizdata_status.h"
#include "ngx_http_wizdata_redis.h"


ngx_int_t
ngx_http_wizdata_send_text(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t status,
                           const char *type, wd_str_t text)
{
    ngx_int_t           rc;
    ngx_buf_t          *b;
    ngx_chain_t         out;
    ngx_http_request_t *r = ctx->request;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    b = ngx_create_temp_buf(r->pool, text.len);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    b->last = ngx_cpymem(b->last, text.data, text.len);
    b->last_buf = r == r->main;
    b->last_in_chain = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t) text.len;
    r->headers_out.content_type.data = (u_char *) type;
    r->headers_out.content_type.len = strlen(type);
    r->headers_out.content_type_len = r->headers_out.content_type.len;

    if (ngx_http_wizdata_header(r, "Cache-Control", "no-store",
                                sizeof("no-store") - 1)
            != NGX_OK
        || ngx_http_wizdata_header(r, "X-Request-Id", ctx->request_id.data,
                                   ctx->request_id.len)
               != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;
    return ngx_http_output_filter(r, &out);
}


int
ngx_http_wizdata_read_only(ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->request->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)) {
        return WD_OK;
    }
    ctx->problem.allow = 1u << WD_HTTP_GET;
    return ngx_http_wizdata_refuse(ctx, WD_EMETHOD,
                                   "the path takes GET and HEAD only");
}


void
ngx_http_wizdata_status_time(wd_json_t *j)
{
    ngx_time_t *tp = ngx_timeofday();

    wd_json_key(j, "timestamp");
    wd_json_num(j, (double) tp->sec + (double) tp->msec / 1000);
}


/* The fields that every answer about health begins with. */
static void
ngx_http_wizdata_health_head(wd_json_t *j, const char *status)
{
    wd_json_obj(j);
    wd_json_key(j, "status");
    wd_json_z(j, status);
    ngx_http_wizdata_status_time(j);
    wd_json_key(j, "version");
    wd_json_z(j, WD_VERSION);
}


void
ngx_http_wizdata_status_send(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t status)
{
    wd_buf_t *out = &ctx->worker->scratch;

    wd_buf_byte(out, '\n');
    if (out->err != WD_OK) {
        (void) ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        ngx_http_wizdata_finish_refused(ctx);
        return;
    }
    ngx_http_wizdata_finish(ctx, ngx_http_wizdata_send_text(ctx, status,
                                                            "application/json",
                                                            wd_buf_view(out)));
}


ngx_int_t
ngx_http_wizdata_health_handler(ngx_http_request_t *r)
{
    wd_json_t               j;
    ngx_uint_t              draining;
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_wizdata_read_only(ctx) != WD_OK) {
        ngx_http_wizdata_finish_refused(ctx);
        return NGX_DONE;
    }

    draining = ngx_http_wizdata_draining(ctx->worker);
    wd_buf_reset(&ctx->worker->scratch);
    wd_json_init(&j, &ctx->worker->scratch);
    ngx_http_wizdata_health_head(&j, draining ? "draining" : "healthy");
    wd_json_end(&j);
    ngx_http_wizdata_status_send(ctx, draining ? NGX_HTTP_SERVICE_UNAVAILABLE
                                               : NGX_HTTP_OK);
    return NGX_DONE;
}


wd_str_t
ngx_http_wizdata_answer_meta(const ngx_http_wizdata_answer_t *a,
                             const char                      *key)
{
    wd_mp_t  at;
    wd_str_t v;

    if (a->code != WD_OK
        || wd_mp_map_find(wd_mp(a->meta.data, a->meta.len), key, &at) != WD_OK
        || wd_mp_read_bytes(&at, &v) != WD_OK) {
        return WD_STR_NULL;
    }
    return v;
}


/*
 * What a backend says about a dependency: NULL when nothing, else "healthy"
 * or "unhealthy"; its reason may speak of internals and stays inside.
 */
static const char *
ngx_http_wizdata_answer_dep(const ngx_http_wizdata_answer_t *a,
                            const char                      *name)
{
    wd_mp_t  deps, at;
    wd_str_t v;

    if (a->code != WD_OK
        || wd_mp_map_find(wd_mp(a->meta.data, a->meta.len), "deps", &deps)
               != WD_OK
        || wd_mp_map_find(deps, name, &at) != WD_OK
        || wd_mp_read_str(&at, &v) != WD_OK) {
        return NULL;
    }

    if (wd_str_eq(v, WD_STR("not_configured"))) {
        return NULL;
    }
    return wd_str_eq(v, WD_STR("healthy")) ? "healthy" : "unhealthy";
}


/* Over all backends: one that cannot reach it is enough. */
const char *
ngx_http_wizdata_dep(const ngx_http_wizdata_collect_t *c, const char *name)
{
    ngx_uint_t  i;
    const char *one, *all = "not_configured";

    for (i = 0; i < c->n; i++) {
        one = ngx_http_wizdata_answer_dep(&c->answers[i], name);
        if (one != NULL && strcmp(all, "unhealthy") != 0) {
            all = one;
        }
    }
    return all;
}


/* Are all dependencies that a backend names healthy? */
static bool
ngx_http_wizdata_answer_deps_ok(const ngx_http_wizdata_answer_t *a)
{
    uint32_t i, n;
    wd_mp_t  deps;
    wd_str_t v;

    if (wd_mp_map_find(wd_mp(a->meta.data, a->meta.len), "deps", &deps) != WD_OK
        || wd_mp_read_map(&deps, &n) != WD_OK) {
        return true;
    }

    for (i = 0; i < n; i++) {
        if (wd_mp_skip(&deps) != WD_OK || wd_mp_read_str(&deps, &v) != WD_OK
            || (!wd_str_eq(v, WD_STR("healthy"))
                && !wd_str_eq(v, WD_STR("not_configured")))) {
            return false;
        }
    }
    return true;
}


const char *
ngx_http_wizdata_answer_status(const ngx_http_wizdata_answer_t *a)
{
    size_t                   i;
    wd_str_t                 said;
    static const char *const states[] = {"degraded", "unhealthy", "draining"};

    if (a->code != WD_OK) {
        return "unhealthy";
    }

    said = ngx_http_wizdata_answer_meta(a, "status");
    for (i = 0; i < wd_array_len(states); i++) {
        if (wd_str_eq_z(said, states[i])) {
            return states[i];
        }
    }
    return ngx_http_wizdata_answer_deps_ok(a) ? "healthy" : "degraded";
}


static void
ngx_http_wizdata_detailed_service(wd_json_t                       *j,
                                  const ngx_http_wizdata_answer_t *a)
{
    wd_json_key(j, wd_service_name(a->service->id));
    wd_json_obj(j);
    wd_json_key(j, "status");
    wd_json_z(j, ngx_http_wizdata_answer_status(a));
    ngx_http_wizdata_status_backend(j, a->collect->ctx->worker, a);

    /* What it says of itself and of what it depends on. */
    wd_json_key(j, "detail");
    if (a->code == WD_OK && ngx_http_wizdata_is_object(wd_buf_view(&a->body))) {
        wd_json_raw(j, wd_buf_view(&a->body));
    } else {
        wd_json_null(j);
    }
    wd_json_end(j);
}


/* One JSON object and nothing else: may stand in a document as it is. */
bool
ngx_http_wizdata_is_object(wd_str_t v)
{
    wd_json_scan_t s = wd_json_scan(v);

    return v.len >= 2 && v.data[0] == '{' && wd_utf8_valid(v)
           && wd_json_scan_skip(&s) == WD_OK && wd_json_scan_at_end(&s);
}


/* The value as it stands there; NULL: no such member. */
wd_str_t
ngx_http_wizdata_json_member(wd_str_t object, const char *name)
{
    bool           first = true;
    wd_str_t       key, value = WD_STR_NULL;
    wd_pool_t     *pool;
    wd_json_scan_t s = wd_json_scan(object);

    pool = wd_pool_create(256);
    if (pool == NULL || wd_json_scan_open(&s, '{') != WD_OK) {
        wd_pool_destroy(pool);
        return WD_STR_NULL;
    }

    while (wd_json_scan_member(&s, pool, &first, &key) == WD_OK) {
        (void) wd_json_scan_at_end(&s); /* over blanks */
        value.data = s.p;
        if (wd_json_scan_skip(&s) != WD_OK) {
            break;
        }
        value.len = (size_t) (s.p - value.data);
        if (wd_str_eq_z(key, name)) {
            wd_pool_destroy(pool);
            return value;
        }
    }
    wd_pool_destroy(pool);
    return WD_STR_NULL;
}


wd_str_t
ngx_http_wizdata_ingestion_says(const ngx_http_wizdata_collect_t *c,
                                const char                       *key)
{
    ngx_uint_t i;
    wd_str_t   v;

    for (i = 0; i < c->n; i++) {
        if (c->answers[i].service->id == WD_SVC_INGESTION) {
            v = ngx_http_wizdata_answer_meta(&c->answers[i], key);
            if (ngx_http_wizdata_is_object(v)) {
                return v;
            }
        }
    }
    return WD_STR_NULL;
}


static void
ngx_http_wizdata_detailed_external(wd_json_t                        *j,
                                   const ngx_http_wizdata_collect_t *c)
{
    wd_str_t v = ngx_http_wizdata_ingestion_says(c, "external");

    wd_json_key(j, "external_apis");
    wd_json_raw(j, v.data != NULL ? v
                                  : WD_STR("{\"configured_apis\":0,"
                                           "\"total_apis\":0,\"details\":{}}"));
}


/* The gateway itself: it serves without Redis, so no 503 comes of that. */
static void
ngx_http_wizdata_detailed_gateway(wd_json_t *j, ngx_http_wizdata_worker_t *w)
{
    wd_json_key(j, "gateway");
    wd_json_obj(j);
    wd_json_key(j, "draining");
    wd_json_bool(j, ngx_http_wizdata_draining(w));
    wd_json_key(j, "redis");
    wd_json_obj(j);
    wd_json_key(j, "status");
    wd_json_z(j, w->redis == NULL                      ? "not_configured"
                 : ngx_http_wizdata_redis_up(w->redis) ? "healthy"
                                                       : "unhealthy");
    wd_json_key(j, "last_error");
    wd_json_z(j,
              w->redis != NULL ? ngx_http_wizdata_redis_error(w->redis) : NULL);
    wd_json_end(j);
    wd_json_end(j);
}


static bool
ngx_http_wizdata_all_healthy(const ngx_http_wizdata_collect_t *c)
{
    ngx_uint_t i;

    for (i = 0; i < c->n; i++) {
        if (strcmp(ngx_http_wizdata_answer_status(&c->answers[i]), "healthy")
            != 0) {
            return false;
        }
    }
    return true;
}


static void
ngx_http_wizdata_detailed_done(ngx_http_wizdata_ctx_t *ctx)
{
    bool                        healthy;
    wd_json_t                   j;
    ngx_uint_t                  i;
    ngx_http_wizdata_collect_t *c = ctx->collect;

    healthy = ngx_http_wizdata_all_healthy(c);
    wd_buf_reset(&ctx->worker->scratch);
    wd_json_init(&j, &ctx->worker->scratch);
    ngx_http_wizdata_health_head(&j, healthy ? "healthy" : "degraded");

    wd_json_key(&j, "dependencies");
    wd_json_obj(&j);
    wd_json_key(&j, "database");
    wd_json_z(&j, ngx_http_wizdata_dep(c, "database"));
    wd_json_key(&j, "redis");
    wd_json_z(&j, ngx_http_wizdata_dep(c, "redis"));
    ngx_http_wizdata_detailed_external(&j, c);
    wd_json_end(&j);

    ngx_http_wizdata_detailed_gateway(&j, ctx->worker);
    wd_json_key(&j, "services");
    wd_json_obj(&j);
    for (i = 0; i < c->n; i++) {
        ngx_http_wizdata_detailed_service(&j, &c->answers[i]);
    }
    wd_json_end(&j);
    wd_json_end(&j);

    ngx_http_wizdata_status_send(ctx, healthy ? NGX_HTTP_OK
                                              : NGX_HTTP_SERVICE_UNAVAILABLE);
}


static void
ngx_http_wizdata_detailed_ask(ngx_http_wizdata_ctx_t *ctx)
{
    if (ngx_http_wizdata_collect(ctx, WD_METHOD_SYS_HEALTH, 0,
                                 ngx_http_wizdata_detailed_done)
        != NGX_OK) {
        (void) ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        ngx_http_wizdata_finish_refused(ctx);
    }
}


void
ngx_http_wizdata_status_refused(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_limit_failed(ctx);
    ngx_http_wizdata_finish_refused(ctx);
}


ngx_int_t
ngx_http_wizdata_status_begin(ngx_http_request_t      *r,
                              ngx_http_wizdata_next_pt next)
{
    ngx_http_wizdata_ctx_t      *ctx;
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_wizdata_read_only(ctx) != WD_OK) {
        ngx_http_wizdata_finish_refused(ctx);
    } else if (lcf->status_public) {
        next(ctx);
    } else {
        ngx_http_wizdata_auth(ctx, NGX_HTTP_WIZDATA_BIT_STATUS, "status:read",
                              next, ngx_http_wizdata_status_refused);
    }
    return NGX_DONE;
}


ngx_int_t
ngx_http_wizdata_detailed_handler(ngx_http_request_t *r)
{
    return ngx_http_wizdata_status_begin(r, ngx_http_wizdata_detailed_ask);
}
