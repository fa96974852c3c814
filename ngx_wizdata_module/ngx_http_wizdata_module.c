/*
 * ngx_http_wizdata_module.c - the module object: directives, configuration,
 * life of a worker.
 */
#include "ngx_http_wizdata.h"

#include <sodium.h>

#define NGX_HTTP_WIZDATA_ZONE_MIN (256 * 1024)
#define NGX_HTTP_WIZDATA_ZONE_DEFAULT (4 * 1024 * 1024)


static ngx_int_t ngx_http_wizdata_preconfiguration(ngx_conf_t *cf);
static ngx_int_t ngx_http_wizdata_postconfiguration(ngx_conf_t *cf);
static void *ngx_http_wizdata_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_wizdata_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_wizdata_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_wizdata_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_wizdata_init_process(ngx_cycle_t *cycle);
static void ngx_http_wizdata_exit_process(ngx_cycle_t *cycle);


static ngx_command_t ngx_http_wizdata_commands[] = {

    /*
     * directive: wizdata_service;
     * syntax: name endpoint ... [max_inflight=number] [connect_timeout=time];
     * default: none;
     * context: http
     *
     * Names the endpoints of a backend service: auth, ingestion, processing
     * or analytics. An endpoint is unix:/path or host:port, resolved when
     * the configuration is read. Each worker keeps one connection to each
     * endpoint and sends a request to the one with the fewest in flight.
     * max_inflight (1024) caps the requests in flight per worker and
     * service; beyond it the answer is 503 with Retry-After.
     * connect_timeout (1s) limits a connection attempt.
     */
    { ngx_string("wizdata_service"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_wizdata_conf_service,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_zone;
     * syntax: size;
     * default: 4m;
     * context: http
     *
     * Shared memory for what auth said about API keys; about 900 keys per
     * megabyte, and twice as many unknown ones. The least recently used ones
     * make room. It survives a reload unless its size changes.
     */
    { ngx_string("wizdata_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, zone_size),
      NULL },

    /*
     * directive: wizdata_verdict_ttl;
     * syntax: time;
     * default: 60s;
     * context: http
     *
     * How long a verdict on an API key is used at most. Revocations do not
     * wait for it: they are pushed, and without a sign of life from auth for
     * a second every verdict that is older than a second is asked for again.
     */
    { ngx_string("wizdata_verdict_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, verdict_ttl),
      NULL },

    /*
     * directive: wizdata_negative_ttl;
     * syntax: time;
     * default: 2s;
     * context: http
     *
     * How long a key that auth does not know is refused without asking.
     */
    { ngx_string("wizdata_negative_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_msec_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, negative_ttl),
      NULL },

    /*
     * directive: wizdata_queue;
     * syntax: number;
     * default: 512;
     * context: http
     *
     * Requests per worker and service that may wait for a connection while
     * none is ready, as at start or when a backend restarts.
     */
    { ngx_string("wizdata_queue"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_num_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_wizdata_main_conf_t, queue),
      NULL },

    /*
     * directive: wizdata_timeout;
     * syntax: method time;
     * default: of the catalogue;
     * context: http
     *
     * Deadline of an RPC method (bars.query) from the request to the first
     * byte of the answer, and between the pieces of a long body.
     */
    { ngx_string("wizdata_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_wizdata_conf_timeout,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_api;
     * syntax: on | off;
     * default: off;
     * context: location
     *
     * Answers requests by the catalogue of methods: finds the method by verb
     * and path, checks the API key, its permission and all arguments, and
     * calls the backend.
     */
    { ngx_string("wizdata_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_http_wizdata_conf_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, api),
      NULL },

    /*
     * directive: wizdata_body_max;
     * syntax: size;
     * default: 64k;
     * context: http, server, location
     *
     * Largest JSON body of a request; a longer one is refused with 413. It
     * cannot exceed 64k.
     */
    { ngx_string("wizdata_body_max"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_size_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, body_max),
      NULL },

    /*
     * directive: wizdata_errors;
     * syntax: on | off;
     * default: off;
     * context: http, server, location
     *
     * Replaces the built-in error pages of nginx by problem documents
     * (RFC 9457). At server level it also covers requests that never reach
     * a location, such as malformed ones. Pages set with error_page stay.
     */
    { ngx_string("wizdata_errors"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_wizdata_loc_conf_t, errors),
      NULL },

    /*
     * directive: wizdata_health;
     * syntax: ;
     * default: none;
     * context: location
     *
     * Tells whether this gateway takes requests: 200, or 503 while the
     * worker drains. No backend is asked.
     */
    { ngx_string("wizdata_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_wizdata_conf_health,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_health_detailed;
     * syntax: [public];
     * default: none;
     * context: location
     *
     * Asks every backend for its health, with a limit of two seconds, and
     * answers 503 unless all of them and what they depend on are healthy.
     * Needs an API key with the permission status:read unless it is public.
     */
    { ngx_string("wizdata_health_detailed"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_wizdata_conf_detailed,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    /*
     * directive: wizdata_metrics;
     * syntax: ;
     * default: none;
     * context: location
     *
     * Metrics of the gateway and of every backend in Prometheus text format.
     * Restrict access with nginx's own means.
     */
    { ngx_string("wizdata_metrics"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_wizdata_conf_metrics,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


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
    NULL,                               /* init module */
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
        wmcf->services[i].max_inflight = 1024;
        wmcf->services[i].connect_timeout = 1000;
    }
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        wmcf->timeouts[i] = wd_methods()[i].timeout_ms;
    }

    wmcf->zone_size = NGX_CONF_UNSET_SIZE;
    wmcf->verdict_ttl = NGX_CONF_UNSET_MSEC;
    wmcf->negative_ttl = NGX_CONF_UNSET_MSEC;
    wmcf->queue = NGX_CONF_UNSET_UINT;
    return wmcf;
}


static char *
ngx_http_wizdata_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    ngx_conf_init_size_value(wmcf->zone_size, NGX_HTTP_WIZDATA_ZONE_DEFAULT);
    ngx_conf_init_msec_value(wmcf->verdict_ttl, 60000);
    ngx_conf_init_msec_value(wmcf->negative_ttl, 2000);
    ngx_conf_init_uint_value(wmcf->queue, 512);

    if (wmcf->zone_size < NGX_HTTP_WIZDATA_ZONE_MIN) {
        return "wizdata_zone is smaller than 256k";
    }
    return NGX_CONF_OK;
}


static void *
ngx_http_wizdata_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_loc_conf_t));
    if (lcf == NULL) {
        return NULL;
    }

    lcf->api = NGX_CONF_UNSET;
    lcf->errors = NGX_CONF_UNSET;
    lcf->body_max = NGX_CONF_UNSET_SIZE;
    lcf->endpoint = NGX_HTTP_WIZDATA_EP_OTHER;
    return lcf;
}


static char *
ngx_http_wizdata_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_wizdata_loc_conf_t  *prev = parent;
    ngx_http_wizdata_loc_conf_t  *conf = child;
    ngx_http_wizdata_main_conf_t *wmcf;

    ngx_conf_merge_value(conf->api, 0, 0);
    ngx_conf_merge_value(conf->errors, prev->errors, 0);
    ngx_conf_merge_size_value(conf->body_max, prev->body_max, WD_BODY_MAX);

    if (conf->body_max > WD_BODY_MAX) {
        return "wizdata_body_max is larger than 64k";
    }

    if (conf->errors) {
        wmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_wizdata_module);
        wmcf->used = 1;
    }
    return NGX_CONF_OK;
}


static ngx_shm_zone_t *
ngx_http_wizdata_add_zone(ngx_conf_t *cf, const char *text, size_t size,
    ngx_shm_zone_init_pt init)
{
    ngx_str_t       name;
    ngx_shm_zone_t *zone;

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
        cf, "wizdata_counters", ngx_http_wizdata_counters_size(),
        ngx_http_wizdata_counters_init);

    return wmcf->verdicts != NULL && wmcf->counters != NULL ? NGX_OK
                                                            : NGX_ERROR;
}


static ngx_int_t
ngx_http_wizdata_postconfiguration(ngx_conf_t *cf)
{
    ngx_http_handler_pt          *h;
    ngx_http_core_main_conf_t    *cmcf;
    ngx_http_wizdata_main_conf_t *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    if (!wmcf->used) {
        return NGX_OK;
    }

    if (sodium_init() == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "libsodium failed to start");
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL || ngx_http_wizdata_zones(cf, wmcf) != NGX_OK) {
        return NGX_ERROR;
    }
    *h = ngx_http_wizdata_counters_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_POST_READ_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }
    *h = ngx_http_wizdata_log_handler;

    return ngx_http_wizdata_filter_init(cf);
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
    for (i = 0; i < NGX_HTTP_WIZDATA_VERIFY_BUCKETS; i++) {
        ngx_queue_init(&w->verifies[i]);
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
    if (w == NULL || ngx_http_wizdata_peers_init(w) != NGX_OK) {
        return NGX_ERROR;
    }
    wmcf->worker = w;
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
    ngx_http_wizdata_peers_done(w);
    ngx_http_wizdata_counters_leave(w->counters);
    wd_buf_done(&w->scratch);
    wd_buf_done(&w->context);
}
