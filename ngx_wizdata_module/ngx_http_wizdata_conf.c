/*
 * ngx_http_wizdata_conf.c - directives that need more than nginx's own slots.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_slots.h"


static const ngx_http_wizdata_range_t ngx_http_wizdata_timeout_range = {
    1, 3600 * 1000, "a time from 1ms to 1h, such as 10s"};


char *
ngx_http_wizdata_conf_timeout(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    const wd_method_t            *m;
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    m = wd_method_by_name(wd_str((char *) value[1].data, value[1].len));
    if (m == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown method \"%V\": "
                           "write one of docs/API.md, such as bars.query",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_wizdata_word_msec(cf, &value[2],
                                      &ngx_http_wizdata_timeout_range,
                                      &wmcf->timeouts[m->id]) == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}


/* The location is answered by `handler`. */
static char *
ngx_http_wizdata_conf_handler(ngx_conf_t *cf, ngx_http_handler_pt handler,
    ngx_uint_t endpoint, ngx_http_wizdata_loc_conf_t *lcf)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_wizdata_main_conf_t *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    wmcf->used = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = handler;
    lcf->endpoint = endpoint;
    return NGX_CONF_OK;
}


char *
ngx_http_wizdata_conf_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                        *rv;
    ngx_http_wizdata_loc_conf_t *lcf = conf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK || !lcf->api) {
        return rv;
    }
    return ngx_http_wizdata_conf_handler(cf, ngx_http_wizdata_api_handler,
                                         NGX_HTTP_WIZDATA_EP_OTHER, lcf);
}


char *
ngx_http_wizdata_conf_health(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_wizdata_conf_handler(cf, ngx_http_wizdata_health_handler,
                                         NGX_HTTP_WIZDATA_EP_HEALTH, conf);
}


/* A page for those who may read the status, or for all when public. */
static char *
ngx_http_wizdata_conf_status(ngx_conf_t *cf, ngx_http_handler_pt handler,
    ngx_uint_t endpoint, ngx_http_wizdata_loc_conf_t *lcf)
{
    ngx_str_t *value = cf->args->elts;

    if (cf->args->nelts == 2) {
        if (ngx_strcmp(value[1].data, "public") != 0) {
            return "takes no parameter but \"public\"";
        }
        lcf->status_public = 1;
    }
    return ngx_http_wizdata_conf_handler(cf, handler, endpoint, lcf);
}


char *
ngx_http_wizdata_conf_detailed(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_wizdata_conf_status(cf, ngx_http_wizdata_detailed_handler,
                                        NGX_HTTP_WIZDATA_EP_DETAILED, conf);
}


char *
ngx_http_wizdata_conf_status_services(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_wizdata_conf_status(cf, ngx_http_wizdata_services_handler,
                                        NGX_HTTP_WIZDATA_EP_SERVICES, conf);
}


char *
ngx_http_wizdata_conf_status_config(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_wizdata_conf_status(cf, ngx_http_wizdata_config_handler,
                                        NGX_HTTP_WIZDATA_EP_CONFIG, conf);
}


char *
ngx_http_wizdata_conf_status_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_wizdata_conf_status(cf,
                                        ngx_http_wizdata_cache_status_handler,
                                        NGX_HTTP_WIZDATA_EP_CACHE, conf);
}


char *
ngx_http_wizdata_conf_rate_limit(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    return ngx_http_wizdata_conf_handler(cf,
                                         ngx_http_wizdata_rate_limit_handler,
                                         NGX_HTTP_WIZDATA_EP_LIMIT, conf);
}


char *
ngx_http_wizdata_conf_metrics(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_wizdata_conf_handler(cf, ngx_http_wizdata_metrics_handler,
                                         NGX_HTTP_WIZDATA_EP_METRICS, conf);
}
