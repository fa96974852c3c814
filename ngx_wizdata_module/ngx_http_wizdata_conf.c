/*
 * ngx_http_wizdata_conf.c - directives that need more than nginx's own slots.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_slots.h"


static const ngx_http_wizdata_range_t ngx_http_wizdata_timeout_range = {
    1, 3600 * 1000, "a time from 1ms to 1h, such as 10s"};


static ngx_int_t
ngx_http_wizdata_conf_endpoint(ngx_conf_t *cf,
    ngx_http_wizdata_service_conf_t *sc, ngx_str_t *text)
{
    ngx_url_t                    u;
    ngx_http_wizdata_endpoint_t *e;

    ngx_memzero(&u, sizeof(u));
    u.url = *text;

    if (ngx_parse_url(cf->pool, &u) != NGX_OK || u.naddrs == 0
        || (u.family != AF_UNIX && u.no_port))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid endpoint \"%V\": %s; it is unix:/path or "
                           "host:port", text, u.err ? u.err : "no port");
        return NGX_ERROR;
    }

    e = ngx_array_push(sc->endpoints);
    if (e == NULL) {
        return NGX_ERROR;
    }

    e->name = *text;
    e->sockaddr = u.addrs[0].sockaddr;
    e->socklen = u.addrs[0].socklen;
    return NGX_OK;
}


/* max_inflight=N, connect_timeout=T; NGX_DECLINED: not an option. */
static ngx_int_t
ngx_http_wizdata_conf_option(ngx_http_wizdata_service_conf_t *sc,
    ngx_str_t *text)
{
    ngx_int_t n;
    ngx_str_t value;

    if (ngx_strncmp(text->data, "max_inflight=", 13) == 0) {
        n = ngx_atoi(text->data + 13, text->len - 13);
        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }
        sc->max_inflight = n;
        return NGX_OK;
    }

    if (ngx_strncmp(text->data, "connect_timeout=", 16) == 0) {
        value.data = text->data + 16;
        value.len = text->len - 16;
        n = ngx_parse_time(&value, 0);
        if (n == NGX_ERROR || n == 0) {
            return NGX_ERROR;
        }
        sc->connect_timeout = n;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


char *
ngx_http_wizdata_conf_service(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_int_t                        rc;
    ngx_str_t                       *value = cf->args->elts;
    ngx_uint_t                       i;
    wd_service_e                     id;
    ngx_http_wizdata_main_conf_t    *wmcf = conf;
    ngx_http_wizdata_service_conf_t *sc;

    if (!wd_service_by_name(wd_str((char *) value[1].data, value[1].len),
                            &id))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "unknown service \"%V\": "
                           "write auth, ingestion, processing or analytics",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    sc = &wmcf->services[id];
    if (sc->endpoints != NULL) {
        return "is duplicate for this service";
    }

    sc->endpoints = ngx_array_create(cf->pool, 2,
                                     sizeof(ngx_http_wizdata_endpoint_t));
    if (sc->endpoints == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        rc = ngx_http_wizdata_conf_option(sc, &value[i]);
        if (rc == NGX_ERROR) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid option \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
        if (rc == NGX_DECLINED
            && ngx_http_wizdata_conf_endpoint(cf, sc, &value[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (sc->endpoints->nelts == 0) {
        return "needs an endpoint";
    }
    return NGX_CONF_OK;
}


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
