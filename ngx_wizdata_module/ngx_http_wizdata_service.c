/*
 * ngx_http_wizdata_service.c - the directive wizdata_service: endpoints of a
 * backend and what is allowed and expected of them.
 */
#include "ngx_http_wizdata.h"

#include "wd_fleet.h"


typedef enum {
    NGX_HTTP_WIZDATA_NUMBER,
    NGX_HTTP_WIZDATA_PERCENT,
    NGX_HTTP_WIZDATA_TIME,
    NGX_HTTP_WIZDATA_SWITCH
} ngx_http_wizdata_option_e;

typedef struct {
    ngx_str_t                 name; /* with its "=" */
    ngx_http_wizdata_option_e kind;
    size_t                    offset; /* ngx_uint_t or ngx_msec_t */
    ngx_uint_t                min;
    ngx_uint_t                max;
    ngx_uint_t                off; /* "off" is taken, for 0 */
    const char               *range; /* for the error message */
} ngx_http_wizdata_option_t;

#define NGX_HTTP_WIZDATA_OPTION(name, kind, field, min, max, off, range)      \
    {ngx_string(name "="), NGX_HTTP_WIZDATA_##kind,                           \
     offsetof(ngx_http_wizdata_service_conf_t, field), min, max, off, range}

static const ngx_http_wizdata_option_t ngx_http_wizdata_options[] = {
    NGX_HTTP_WIZDATA_OPTION("max_inflight", NUMBER, max_inflight, 1, 65535, 0,
                            "a number from 1 to 65535"),
    NGX_HTTP_WIZDATA_OPTION("reserve", PERCENT, reserve, 0, 50, 1,
                            "off, or a share from 1% to 50%"),
    NGX_HTTP_WIZDATA_OPTION("queue", NUMBER, queue, 0, 65535, 1,
                            "off, or a number from 0 to 65535"),
    NGX_HTTP_WIZDATA_OPTION("queue_timeout", TIME, queue_timeout, 1, 60000, 0,
                            "a time from 1ms to 60s"),
    NGX_HTTP_WIZDATA_OPTION("shed_target", TIME, shed_target, 1, 10000, 0,
                            "a time from 1ms to 10s"),
    NGX_HTTP_WIZDATA_OPTION("shed_interval", TIME, shed_interval, 10, 60000,
                            0, "a time from 10ms to 60s"),
    NGX_HTTP_WIZDATA_OPTION("connect_timeout", TIME, connect_timeout, 1,
                            60000, 0, "a time from 1ms to 60s"),
    NGX_HTTP_WIZDATA_OPTION("retry_budget", PERCENT, retry_budget, 0, 100, 1,
                            "off, or a share from 1% to 100%"),
    NGX_HTTP_WIZDATA_OPTION("breaker", PERCENT, breaker, 0, 100, 1,
                            "off, or a share from 1% to 100%"),
    NGX_HTTP_WIZDATA_OPTION("breaker_volume", NUMBER, breaker_volume, 1,
                            1000000, 0, "a number from 1 to 1000000"),
    NGX_HTTP_WIZDATA_OPTION("breaker_window", TIME, breaker_window, 1000,
                            600000, 0, "a time from 1s to 10m"),
    NGX_HTTP_WIZDATA_OPTION("breaker_open", TIME, breaker_open, 100, 600000,
                            0, "a time from 100ms to 10m"),
    NGX_HTTP_WIZDATA_OPTION("breaker_open_max", TIME, breaker_open_max, 100,
                            3600000, 0, "a time from 100ms to 1h"),
    NGX_HTTP_WIZDATA_OPTION("breaker_latency", TIME, breaker_latency, 1,
                            600000, 1, "off, or a time from 1ms to 10m"),
    NGX_HTTP_WIZDATA_OPTION("throttle", SWITCH, throttle, 0, 1, 1,
                            "on or off"),
    NGX_HTTP_WIZDATA_OPTION("outlier", NUMBER, outlier, 2, 100, 1,
                            "off, or a factor from 2 to 100"),
    NGX_HTTP_WIZDATA_OPTION("slow_start", TIME, slow_start, 1, 600000, 1,
                            "off, or a time from 1ms to 10m"),
    NGX_HTTP_WIZDATA_OPTION("health_interval", TIME, health_interval, 100,
                            3600000, 1, "off, or a time from 100ms to 1h"),
    NGX_HTTP_WIZDATA_OPTION("health_timeout", TIME, health_timeout, 10, 60000,
                            0, "a time from 10ms to 60s"),
};


void
ngx_http_wizdata_service_defaults(ngx_http_wizdata_service_conf_t *sc)
{
    sc->max_inflight = 1024;
    sc->reserve = 20;
    sc->queue = NGX_CONF_UNSET_UINT;
    sc->queue_timeout = 250;
    sc->shed_target = 20;
    sc->shed_interval = 100;
    sc->connect_timeout = 1000;
    sc->retry_budget = 20;
    sc->breaker = 50;
    sc->breaker_volume = 20;
    sc->breaker_window = 10000;
    sc->breaker_open = 1000;
    sc->breaker_open_max = 60000;
    sc->breaker_latency = 0;
    sc->throttle = 0;
    sc->outlier = 5;
    sc->slow_start = 10000;
    sc->health_interval = 5000;
    sc->health_timeout = 2000;
}


/* Options that only make sense together. */
char *
ngx_http_wizdata_service_check(ngx_conf_t *cf,
    ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_uint_t                       i;
    ngx_http_wizdata_service_conf_t *sc;

    for (i = 0; i < WD_SVC_COUNT; i++) {
        sc = &wmcf->services[i];
        if (sc->queue == NGX_CONF_UNSET_UINT) {
            sc->queue = wmcf->queue;
        }
        sc->breaker_open_max = ngx_max(sc->breaker_open_max,
                                       sc->breaker_open);
    }
    return NGX_CONF_OK;
}


void
ngx_http_wizdata_service_options(wd_json_t *j,
    const ngx_http_wizdata_service_conf_t *sc)
{
    u_char                           key[64];
    ngx_uint_t                       i, v;
    const ngx_http_wizdata_option_t *o;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_options); i++) {
        o = &ngx_http_wizdata_options[i];
        v = *(const ngx_uint_t *) (const void *) ((const u_char *) sc
                                                  + o->offset);

        ngx_snprintf(key, sizeof(key), "%*s%s%Z", o->name.len - 1,
                     o->name.data,
                     o->kind == NGX_HTTP_WIZDATA_TIME      ? "_seconds"
                     : o->kind == NGX_HTTP_WIZDATA_PERCENT ? "_percent"
                                                           : "");
        wd_json_key(j, (char *) key);
        if (o->kind == NGX_HTTP_WIZDATA_SWITCH) {
            wd_json_bool(j, v != 0);
        } else if (o->kind == NGX_HTTP_WIZDATA_TIME) {
            wd_json_num(j, (double) v / 1000);
        } else {
            wd_json_int(j, (int64_t) v);
        }
    }
}


static ngx_int_t
ngx_http_wizdata_service_endpoint(ngx_conf_t *cf,
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

    if (text->len > WD_FLEET_NAME_MAX
        || sc->endpoints->nelts == WD_FLEET_ENDPOINTS)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "endpoint \"%V\": a service has at most %d "
                           "endpoints of at most %d bytes each", text,
                           WD_FLEET_ENDPOINTS, WD_FLEET_NAME_MAX);
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


static ngx_int_t
ngx_http_wizdata_service_value(const ngx_http_wizdata_option_t *o,
    ngx_str_t *value)
{
    if (o->off && value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        return 0;
    }

    switch (o->kind) {
    case NGX_HTTP_WIZDATA_TIME:
        return ngx_parse_time(value, 0);
    case NGX_HTTP_WIZDATA_SWITCH:
        return value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0
                   ? 1 : NGX_ERROR;
    case NGX_HTTP_WIZDATA_PERCENT:
        if (value->len < 2 || value->data[value->len - 1] != '%') {
            return NGX_ERROR;
        }
        return ngx_atoi(value->data, value->len - 1);
    default:
        return ngx_atoi(value->data, value->len);
    }
}


/* A word with "=" that no option has as its name. */
static ngx_int_t
ngx_http_wizdata_service_unknown(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char     *p, list[1024];
    ngx_uint_t  i;

    p = list;
    for (i = 0; i < wd_array_len(ngx_http_wizdata_options); i++) {
        p = ngx_slprintf(p, list + sizeof(list), "%s%V", i ? ", " : "",
                         &ngx_http_wizdata_options[i].name);
    }
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "unknown option \"%V\"; the options are %*s", text,
                       (size_t) (p - list), list);
    return NGX_ERROR;
}


/* NGX_DECLINED: not an option. */
static ngx_int_t
ngx_http_wizdata_service_option(ngx_conf_t *cf,
    ngx_http_wizdata_service_conf_t *sc, ngx_str_t *text)
{
    ngx_int_t                        n;
    ngx_str_t                        value;
    ngx_uint_t                       i;
    const ngx_http_wizdata_option_t *o;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_options); i++) {
        o = &ngx_http_wizdata_options[i];
        if (text->len < o->name.len
            || ngx_strncmp(text->data, o->name.data, o->name.len) != 0)
        {
            continue;
        }

        value.data = text->data + o->name.len;
        value.len = text->len - o->name.len;
        n = ngx_http_wizdata_service_value(o, &value);

        if (n == NGX_ERROR || (n != 0 && (ngx_uint_t) n < o->min)
            || (n == 0 && o->min != 0 && !o->off) || (ngx_uint_t) n > o->max)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid option \"%V\": give %V%s", text,
                               &o->name, o->range);
            return NGX_ERROR;
        }
        *(ngx_uint_t *) (void *) ((u_char *) sc + o->offset) = (ngx_uint_t) n;
        return NGX_OK;
    }

    if (ngx_strncmp(text->data, "unix:", 5) != 0
        && ngx_strlchr(text->data, text->data + text->len, '=') != NULL)
    {
        return ngx_http_wizdata_service_unknown(cf, text);
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
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown service \"%V\"; it is auth, ingestion, "
                           "processing or analytics", &value[1]);
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
        rc = ngx_http_wizdata_service_option(cf, sc, &value[i]);
        if (rc == NGX_DECLINED) {
            rc = ngx_http_wizdata_service_endpoint(cf, sc, &value[i]);
        }
        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (sc->endpoints->nelts == 0) {
        return "needs an endpoint: unix:/path or host:port";
    }
    return NGX_CONF_OK;
}
