/*
 * ngx_http_wizdata_status_config.c - /api/status/config: the configuration in
 * force, of the gateway and of every backend, without secrets.
 */
#include "ngx_http_wizdata_status.h"


static void
ngx_http_wizdata_config_raw(wd_json_t *j, const char *key, wd_str_t value,
    const char *otherwise)
{
    wd_json_key(j, key);
    wd_json_raw(j, value.data != NULL ? value : wd_str_z(otherwise));
}


static void
ngx_http_wizdata_config_apis(wd_json_t *j, wd_str_t external)
{
    wd_json_key(j, "api_integrations");
    wd_json_obj(j);
    ngx_http_wizdata_config_raw(
        j, "total_configured",
        ngx_http_wizdata_json_member(external, "configured_apis"), "0");
    ngx_http_wizdata_config_raw(
        j, "total_available",
        ngx_http_wizdata_json_member(external, "total_apis"), "0");
    ngx_http_wizdata_config_raw(
        j, "details", ngx_http_wizdata_json_member(external, "details"),
        "{}");
    wd_json_end(j);
}


static void
ngx_http_wizdata_config_msec(wd_json_t *j, const char *key, ngx_msec_t ms)
{
    wd_json_key(j, key);
    wd_json_num(j, (double) ms / 1000);
}


static void
ngx_http_wizdata_config_service(wd_json_t *j,
    const ngx_http_wizdata_service_conf_t *s)
{
    ngx_uint_t                   i;
    ngx_http_wizdata_endpoint_t *e = s->endpoints->elts;

    wd_json_obj(j);
    wd_json_key(j, "endpoints");
    wd_json_arr(j);
    for (i = 0; i < s->endpoints->nelts; i++) {
        wd_json_str(j, wd_str((char *) e[i].name.data, e[i].name.len));
    }
    wd_json_end(j);
    ngx_http_wizdata_service_options(j, s);
    wd_json_end(j);
}


/* Timeouts that differ from the catalogue's. */
static void
ngx_http_wizdata_config_timeouts(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_uint_t         i;
    const wd_method_t *m = wd_methods();

    wd_json_key(j, "timeouts_seconds");
    wd_json_obj(j);
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wmcf->timeouts[i] != m[i].timeout_ms) {
            ngx_http_wizdata_config_msec(j, m[i].name, wmcf->timeouts[i]);
        }
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_config_identity(wd_json_t *j, const ngx_array_t *names)
{
    ngx_uint_t i;
    ngx_str_t *name = names != NULL ? names->elts : NULL;

    wd_json_key(j, "identity_headers");
    wd_json_arr(j);
    for (i = 0; names != NULL && i < names->nelts; i++) {
        wd_json_str(j, wd_str((char *) name[i].data, name[i].len));
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_config_gateway(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_uint_t i;

    wd_json_key(j, "gateway");
    wd_json_obj(j);
    wd_json_key(j, "nginx");
    wd_json_z(j, NGINX_VERSION);
    wd_json_key(j, "wizdata");
    wd_json_z(j, WD_VERSION);
    wd_json_key(j, "workers");
    wd_json_int(j, ((ngx_core_conf_t *) ngx_get_conf(ngx_cycle->conf_ctx,
                                                     ngx_core_module))
                       ->worker_processes);

    wd_json_key(j, "services");
    wd_json_obj(j);
    for (i = WD_SVC_ANY + 1; i < WD_SVC_COUNT; i++) {
        if (wmcf->services[i].endpoints != NULL) {
            wd_json_key(j, wd_service_name(i));
            ngx_http_wizdata_config_service(j, &wmcf->services[i]);
        }
    }
    wd_json_end(j);
    ngx_http_wizdata_config_timeouts(j, wmcf);

    wd_json_key(j, "zone_bytes");
    wd_json_int(j, (int64_t) wmcf->zone_size);
    ngx_http_wizdata_config_msec(j, "verdict_ttl_seconds", wmcf->verdict_ttl);
    ngx_http_wizdata_config_msec(j, "negative_ttl_seconds",
                                 wmcf->negative_ttl);
    wd_json_key(j, "queue");
    wd_json_int(j, (int64_t) wmcf->queue);
    wd_json_key(j, "metrics_requests");
    wd_json_bool(j, wmcf->metrics_requests != 0);
    ngx_http_wizdata_config_identity(j, wmcf->identity);
    ngx_http_wizdata_jwt_show(j, wmcf);
    ngx_http_wizdata_limit_show(j, wmcf->worker);
    ngx_http_wizdata_redis_show(j, wmcf);
    ngx_http_wizdata_spans_show(j, wmcf);
    ngx_http_wizdata_places_show(j, wmcf);
    wd_json_end(j);
}


/* sys.config of each backend: it masks its own secrets. */
static void
ngx_http_wizdata_config_services(wd_json_t *j,
    const ngx_http_wizdata_collect_t *c)
{
    wd_str_t   body;
    ngx_uint_t i;

    wd_json_key(j, "services");
    wd_json_obj(j);
    for (i = 0; i < c->n; i++) {
        body = wd_buf_view(&c->answers[i].body);
        wd_json_key(j, wd_service_name(c->answers[i].service->id));
        if (c->answers[i].code == WD_OK && ngx_http_wizdata_is_object(body)) {
            wd_json_raw(j, body);
        } else {
            wd_json_null(j); /* it does not answer */
        }
    }
    wd_json_end(j);
}


static void
ngx_http_wizdata_config_features(wd_json_t *j,
    const ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_collect_t *health)
{
    wd_json_key(j, "features");
    wd_json_obj(j);
    wd_json_key(j, "caching");
    wd_json_bool(j, ctx->worker->conf->cache.on_line != 0);
    wd_json_key(j, "rate_limiting");
    wd_json_bool(j, ctx->worker->limit != NULL);
    wd_json_key(j, "monitoring");
    wd_json_bool(j, ngx_http_wizdata_places_have(
                        ctx->worker->conf, NGX_HTTP_WIZDATA_EP_METRICS));
    wd_json_key(j, "database");
    wd_json_bool(j, strcmp(ngx_http_wizdata_dep(health, "database"),
                           "not_configured") != 0);
    wd_json_end(j);
}


static void
ngx_http_wizdata_config_done(ngx_http_wizdata_ctx_t *ctx)
{
    wd_json_t                     j;
    ngx_http_wizdata_main_conf_t *wmcf = ctx->worker->conf;

    wd_buf_reset(&ctx->worker->scratch);
    wd_json_init(&j, &ctx->worker->scratch);
    wd_json_obj(&j);
    wd_json_key(&j, "status");
    wd_json_z(&j, "success");
    ngx_http_wizdata_status_time(&j);
    wd_json_key(&j, "environment");
    wd_json_str(&j, wd_str((char *) wmcf->environment.data,
                           wmcf->environment.len));
    wd_json_key(&j, "debug");
    wd_json_bool(&j, (ngx_cycle->log->log_level & NGX_LOG_DEBUG_ALL) != 0);

    ngx_http_wizdata_config_apis(
        &j, ngx_http_wizdata_ingestion_says(ctx->status_health, "external"));
    ngx_http_wizdata_config_features(&j, ctx, ctx->status_health);
    ngx_http_wizdata_cache_show_config(&j, &wmcf->cache);
    ngx_http_wizdata_limit_show_rates(&j, ctx->worker);
    ngx_http_wizdata_config_gateway(&j, wmcf);
    ngx_http_wizdata_config_services(&j, ctx->collect);
    wd_json_end(&j);
    ngx_http_wizdata_status_send(ctx, NGX_HTTP_OK);
}


static void
ngx_http_wizdata_config_ask(ngx_http_wizdata_ctx_t *ctx, wd_method_e method,
    ngx_http_wizdata_next_pt next)
{
    if (ngx_http_wizdata_collect(ctx, method, 0, next) != NGX_OK) {
        (void) ngx_http_wizdata_refuse(ctx, WD_ENOMEM, NULL);
        ngx_http_wizdata_finish_refused(ctx);
    }
}


/* Which providers are configured is known by sys.health; now the rest. */
static void
ngx_http_wizdata_config_next(ngx_http_wizdata_ctx_t *ctx)
{
    ctx->status_health = ctx->collect;
    ngx_http_wizdata_config_ask(ctx, WD_METHOD_SYS_CONFIG,
                                ngx_http_wizdata_config_done);
}


static void
ngx_http_wizdata_config_start(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_config_ask(ctx, WD_METHOD_SYS_HEALTH,
                                ngx_http_wizdata_config_next);
}


ngx_int_t
ngx_http_wizdata_config_handler(ngx_http_request_t *r)
{
    return ngx_http_wizdata_status_begin(r, ngx_http_wizdata_config_start);
}
