/*
 * ngx_http_wizdata_module.c - the module object: directives, configuration,
 * life of a worker.
 */
#include "ngx_http_wizdata.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_ZONE_DEFAULT (4 * 1024 * 1024)


static ngx_int_t ngx_http_wizdata_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_wizdata_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_wizdata_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_wizdata_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_wizdata_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_wizdata_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_wizdata_init_module(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_wizdata_init_process(ngx_cycle_t *cycle);
static void ngx_http_wizdata_exit_process(ngx_cycle_t *cycle);


static ngx_http_module_t ngx_http_wizdata_module_ctx = {
    ngx_http_wizdata_preconfiguration,  /* preconfiguration */
    ngx_http_wizdata_postconfiguration, /* postconfiguration */

    ngx_http_wizdata_create_main_conf,  /* create main configuration */
    ngx_http_wizdata_init_main_conf,    /* init main configuration */

    NULL,                               /* create server configuration */
    NULL,                               /* merge server configuration */

    ngx_http_wizdata_create_loc_conf,   /* create location configuration */
    ngx_http_wizdata_merge_loc_conf     /* merge location configuration */
};


ngx_module_t ngx_http_wizdata_module = {
    NGX_MODULE_V1,
    &ngx_http_wizdata_module_ctx,       /* module context */
    ngx_http_wizdata_commands,          /* module directives */
    NGX_HTTP_MODULE,                    /* module type */
    NULL,                               /* init master */
    ngx_http_wizdata_init_module,       /* init module */
    ngx_http_wizdata_init_process,      /* init process */
    NULL,                               /* init thread */
    NULL,                               /* exit thread */
    ngx_http_wizdata_exit_process,      /* exit process */
    NULL,                               /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_wizdata_preconfiguration(ngx_conf_t *cf)
{
    return ngx_http_wizdata_add_variables(cf);
}


static void *
ngx_http_wizdata_create_main_conf(ngx_conf_t *cf)
{
    ngx_uint_t                    i;
    ngx_http_wizdata_main_conf_t *wmcf;

    wmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_main_conf_t));
    if (wmcf == NULL) {
        return NULL;
    }

    for (i = 0; i < WD_SVC_COUNT; i++) {
        ngx_http_wizdata_service_defaults(&wmcf->services[i]);
    }
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        wmcf->timeouts[i] = wd_methods()[i].timeout_ms;
    }

    ngx_http_wizdata_cache_create_main(&wmcf->cache);
    wmcf->spans = ngx_http_wizdata_spans_create_conf(cf);
    if (wmcf->spans == NULL
        || ngx_http_wizdata_jwt_create_conf(cf, wmcf) != NGX_OK)
    {
        return NULL;
    }

    wmcf->zone_size = NGX_CONF_UNSET_SIZE;
    wmcf->verdict_ttl = NGX_CONF_UNSET_MSEC;
    wmcf->jwt_revocation = NGX_CONF_UNSET_UINT;
    wmcf->negative_ttl = NGX_CONF_UNSET_MSEC;
    wmcf->queue = NGX_CONF_UNSET_UINT;
    wmcf->metrics_requests = NGX_CONF_UNSET;
    return wmcf;
}


static char *
ngx_http_wizdata_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    ngx_conf_init_size_value(wmcf->zone_size, NGX_HTTP_WIZDATA_ZONE_DEFAULT);
    ngx_conf_init_msec_value(wmcf->verdict_ttl, 60000);
    ngx_conf_init_msec_value(wmcf->negative_ttl, 2000);
    ngx_conf_init_uint_value(wmcf->jwt_revocation,
                             NGX_HTTP_WIZDATA_REVOCATION_AUTH);
    ngx_conf_init_uint_value(wmcf->queue, 512);
    ngx_conf_init_value(wmcf->metrics_requests, 1);
    if (wmcf->environment.data == NULL) {
        ngx_str_set(&wmcf->environment, "production");
    }
    ngx_http_wizdata_jwt_init_conf(wmcf);
    if (ngx_http_wizdata_service_check(cf, wmcf) != NGX_CONF_OK
        || ngx_http_wizdata_cache_init_main(cf, &wmcf->cache) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }
    return ngx_http_wizdata_spans_init_conf(cf, wmcf);
}


static void *
ngx_http_wizdata_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    ngx_http_wizdata_cache_create_loc(&lcf->cache);
    lcf->api = NGX_CONF_UNSET;
    lcf->errors = NGX_CONF_UNSET;
    lcf->trace_response = NGX_CONF_UNSET;
    lcf->access = NGX_CONF_UNSET_UINT;
    lcf->body_max = NGX_CONF_UNSET_SIZE;
    lcf->limit = NGX_CONF_UNSET_UINT;
    lcf->limit_headers = NGX_CONF_UNSET_UINT;
    lcf->endpoint = NGX_HTTP_WIZDATA_EP_OTHER;
    return lcf;
}


static char *
ngx_http_wizdata_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_wizdata_loc_conf_t  *prev = parent;
    ngx_http_wizdata_loc_conf_t  *conf = child;
    ngx_http_wizdata_main_conf_t *wmcf;

    ngx_http_wizdata_cache_merge_loc(&prev->cache, &conf->cache);
    ngx_conf_merge_value(conf->api, 0, 0);
    ngx_conf_merge_value(conf->errors, prev->errors, 0);
    ngx_conf_merge_value(conf->trace_response, prev->trace_response, 0);
    ngx_conf_merge_size_value(conf->body_max, prev->body_max, WD_BODY_MAX);

    ngx_conf_merge_uint_value(conf->limit, prev->limit, 0);
    ngx_conf_merge_uint_value(conf->limit_headers, prev->limit_headers, 1);

    if (conf->access == NGX_CONF_UNSET_UINT) {
        conf->permission = prev->permission;
    }
    ngx_conf_merge_uint_value(conf->access, prev->access,
                              NGX_HTTP_WIZDATA_ACCESS_OFF);

    if (ngx_http_wizdata_methods_merge(cf, prev->methods, &conf->methods)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (conf->errors) {
        wmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_wizdata_module);
        wmcf->used = 1;
    }
    return ngx_http_wizdata_places_note(cf, conf) == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}


ngx_shm_zone_t *
ngx_http_wizdata_add_zone(ngx_conf_t *cf, const char *text, size_t size,
    ngx_shm_zone_init_pt init)
{
    ngx_str_t       name;
    ngx_shm_zone_t *zone;

    if (text == NULL) {
        return NULL;
    }
    name.data = (u_char *) text;
    name.len = strlen(text);
    zone = ngx_shared_memory_add(cf, &name, size, &ngx_http_wizdata_module);
    if (zone != NULL) {
        zone->init = init;
    }
    return zone;
}


/*
 * Counters have a zone of their own, whose size never changes, so that a
 * reload with another wizdata_zone does not reset them.
 */
static ngx_int_t
ngx_http_wizdata_zones(ngx_conf_t *cf, ngx_http_wizdata_main_conf_t *wmcf)
{
    wmcf->verdicts = ngx_http_wizdata_add_zone(
        cf, "wizdata_verdicts", wmcf->zone_size,
        ngx_http_wizdata_verdicts_init);
    wmcf->counters = ngx_http_wizdata_add_zone(
        cf, ngx_http_wizdata_counters_name(cf->pool),
        ngx_http_wizdata_counters_size(),
        ngx_http_wizdata_counters_init);

    wmcf->control = ngx_http_wizdata_add_zone(
        cf, "wizdata_control", ngx_http_wizdata_control_size(),
        ngx_http_wizdata_control_init);

    wmcf->fleet = ngx_http_wizdata_add_zone(
        cf, "wizdata_fleet", ngx_http_wizdata_health_zone_size(),
        ngx_http_wizdata_health_zone_init);

    if (wmcf->counters == NULL
        || ngx_http_wizdata_zone_figure(cf, wmcf->counters,
                                        ngx_http_wizdata_counters_used)
               != NGX_OK)
    {
        return NGX_ERROR;
    }

    return wmcf->verdicts != NULL && wmcf->control != NULL
           && wmcf->fleet != NULL
           && ngx_http_wizdata_zone_figure(cf, wmcf->verdicts,
                                           ngx_http_wizdata_verdicts_used)
              == NGX_OK
           ? NGX_OK : NGX_ERROR;
}


static const struct {
    ngx_uint_t          phase;
    ngx_http_handler_pt handler;
} ngx_http_wizdata_handlers[] = {
    {NGX_HTTP_POST_READ_PHASE, ngx_http_wizdata_log_handler},
    {NGX_HTTP_POST_READ_PHASE, ngx_http_wizdata_strip_handler},
    {NGX_HTTP_ACCESS_PHASE, ngx_http_wizdata_access_handler},
    {NGX_HTTP_PRECONTENT_PHASE, ngx_http_wizdata_limit_handler},
    {NGX_HTTP_LOG_PHASE, ngx_http_wizdata_counters_handler},
    {NGX_HTTP_LOG_PHASE, ngx_http_wizdata_spans_handler},
    {NGX_HTTP_LOG_PHASE, ngx_http_wizdata_refusals_handler},
};


static ngx_int_t
ngx_http_wizdata_phases(ngx_conf_t *cf)
{
    ngx_uint_t                 i;
    ngx_http_handler_pt       *h;
    ngx_http_core_main_conf_t *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    for (i = 0; i < wd_array_len(ngx_http_wizdata_handlers); i++) {
        h = ngx_array_push(&cmcf->phases[ngx_http_wizdata_handlers[i].phase]
                                .handlers);
        if (h == NULL) {
            return NGX_ERROR;
        }
        *h = ngx_http_wizdata_handlers[i].handler;
    }
    return NGX_OK;
}


static ngx_int_t
ngx_http_wizdata_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_wizdata_main_conf_t *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    if (!wmcf->used) {
        return NGX_OK;
    }

    if (sodium_init() == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "libsodium failed to start");
        return NGX_ERROR;
    }

    if (ngx_http_wizdata_zones(cf, wmcf) != NGX_OK
        || ngx_http_wizdata_limit_zones(cf, wmcf) != NGX_OK
        || ngx_http_wizdata_cache_zone(cf, &wmcf->cache) != NGX_OK
        || ngx_http_wizdata_jwt_postconfiguration(cf, wmcf) != NGX_OK
        || ngx_http_wizdata_phases(cf) != NGX_OK
        || ngx_http_wizdata_secrets_init(cf) != NGX_OK)
    {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_filter_init(cf);
}


static ngx_int_t
ngx_http_wizdata_init_module(ngx_cycle_t *cycle)
{
    ngx_http_wizdata_main_conf_t *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_wizdata_module);
    if (wmcf == NULL || !wmcf->used || ngx_test_config) {
        return NGX_OK;
    }
    ngx_http_wizdata_jwks_claim(wmcf);
    if (ngx_http_wizdata_cache_init_module(cycle, &wmcf->cache) != NGX_OK) {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_control_listen(cycle, wmcf->control);
}


static ngx_http_wizdata_worker_t *
ngx_http_wizdata_worker_create(ngx_cycle_t *cycle,
    ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_uint_t                 i;
    ngx_http_wizdata_worker_t *w;

    w = ngx_pcalloc(cycle->pool, sizeof(ngx_http_wizdata_worker_t));
    if (w == NULL) {
        return NULL;
    }

    w->cycle = cycle;
    w->conf = wmcf;
    w->counters = ngx_http_wizdata_counters_claim(cycle, wmcf->counters);
    if (w->counters == NULL) {
        return NULL;
    }

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        ngx_queue_init(&w->deadlines[i]);
    }

    w->timer.data = w;
    w->timer.handler = ngx_http_wizdata_rpc_deadline;
    w->timer.log = cycle->log;
    w->timer.cancelable = 1;
    wd_buf_init(&w->scratch, 0);
    wd_buf_init(&w->context, 0);
    ngx_snprintf((u_char *) w->instance, sizeof(w->instance), "%*s:%P%Z",
                 ngx_min(cycle->hostname.len, 40), cycle->hostname.data,
                 ngx_pid);
    return w;
}


static ngx_int_t
ngx_http_wizdata_init_process(ngx_cycle_t *cycle)
{
    ngx_http_wizdata_worker_t    *w;
    ngx_http_wizdata_main_conf_t *wmcf;

    if (ngx_process != NGX_PROCESS_WORKER && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_wizdata_module);
    if (wmcf == NULL || !wmcf->used) {
        return NGX_OK;
    }

    w = ngx_http_wizdata_worker_create(cycle, wmcf);
    if (w == NULL || ngx_http_wizdata_auth_init(w) != NGX_OK
        || ngx_http_wizdata_limit_init(w) != NGX_OK
        || ngx_http_wizdata_cache_init_worker(w) != NGX_OK
        || ngx_http_wizdata_peers_init(w) != NGX_OK
        || ngx_http_wizdata_spans_init(w) != NGX_OK
        || ngx_http_wizdata_refusals_init(w) != NGX_OK
        || ngx_http_wizdata_jwks_init(w) != NGX_OK)
    {
        return NGX_ERROR;
    }
    wmcf->worker = w;
    ngx_http_wizdata_limit_start(w);
    return NGX_OK;
}


static void
ngx_http_wizdata_exit_process(ngx_cycle_t *cycle)
{
    ngx_http_wizdata_worker_t    *w;
    ngx_http_wizdata_main_conf_t *wmcf;

    wmcf = ngx_http_cycle_get_module_main_conf(cycle,
                                               ngx_http_wizdata_module);
    if (wmcf == NULL || wmcf->worker == NULL) {
        return;
    }

    w = wmcf->worker;
    ngx_http_wizdata_jwks_done(w);
    ngx_http_wizdata_limit_exit(w);
    ngx_http_wizdata_spans_done(w);
    ngx_http_wizdata_refusals_done(w);
    ngx_http_wizdata_peers_done(w);
    ngx_http_wizdata_auth_done(w);
    ngx_http_wizdata_cache_done_worker(w);
    ngx_http_wizdata_counters_leave(w->counters);
    wd_buf_done(&w->scratch);
    wd_buf_done(&w->context);
}
