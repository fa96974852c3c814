/*
 * ngx_http_wizdata_spans_conf.c - directives about traces.
 */
#include "ngx_http_wizdata.h"

#include "wd_num.h"


/* In the order of ngx_http_wizdata_trace_parent_e. */
static const char *const ngx_http_wizdata_trace_parents[] = {
    "trust", "ignore", "ratio"};


void *
ngx_http_wizdata_spans_create_conf(ngx_conf_t *cf)
{
    ngx_http_wizdata_spans_conf_t *sc;

    sc = ngx_pcalloc(cf->pool, sizeof(ngx_http_wizdata_spans_conf_t));
    if (sc == NULL) {
        return NULL;
    }

    sc->ratio = 0.01;
    sc->threshold = wd_trace_threshold(sc->ratio);
    sc->parent = NGX_HTTP_WIZDATA_TRACE_TRUST;
    sc->service = WD_SVC_ANY;
    sc->interval = 1000;
    sc->buffer = 256 * 1024;
    return sc;
}


/*
 * Unless one is named, the first of these that is configured exports.
 * Ingestion is the one whose sandbox has a network.
 */
char *
ngx_http_wizdata_spans_init_conf(ngx_conf_t *cf, void *main_conf)
{
    ngx_uint_t                     i;
    ngx_http_wizdata_main_conf_t  *wmcf = main_conf;
    ngx_http_wizdata_spans_conf_t *sc = wmcf->spans;
    static const wd_service_e      order[] = {
        WD_SVC_INGESTION, WD_SVC_PROCESSING, WD_SVC_ANALYTICS, WD_SVC_AUTH
    };

    if (sc->service == WD_SVC_COUNT) {
        return NGX_CONF_OK;
    }

    if (sc->service != WD_SVC_ANY) {
        if (wmcf->services[sc->service].endpoints == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "wizdata_trace_export names %s, which has no "
                          "endpoint; add \"wizdata_service %s ...\" in %V:%ui",
                          wd_service_name(sc->service),
                          wd_service_name(sc->service), &sc->file, sc->line);
            return NGX_CONF_ERROR;
        }
        return NGX_CONF_OK;
    }

    sc->service = WD_SVC_COUNT;
    for (i = 0; i < wd_array_len(order); i++) {
        if (wmcf->services[order[i]].endpoints != NULL) {
            sc->service = order[i];
            break;
        }
    }
    return NGX_CONF_OK;
}


static ngx_http_wizdata_spans_conf_t *
ngx_http_wizdata_spans_conf(void *conf)
{
    return ((ngx_http_wizdata_main_conf_t *) conf)->spans;
}


char *
ngx_http_wizdata_conf_trace_ratio(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    double                         ratio;
    ngx_str_t                     *value = cf->args->elts;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_ratio) {
        return "is duplicate";
    }

    if (wd_num_parse(wd_str((char *) value[1].data, value[1].len), &ratio)
        != WD_OK || ratio < 0 || ratio > 1)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid ratio \"%V\"; it is a number from 0 to "
                           "1, such as 0.01 for one trace in a hundred",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    sc->has_ratio = 1;
    sc->ratio = ratio;
    sc->threshold = wd_trace_threshold(ratio);
    return NGX_CONF_OK;
}


char *
ngx_http_wizdata_conf_trace_parent(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_uint_t                     i;
    ngx_str_t                     *value = cf->args->elts;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_parent) {
        return "is duplicate";
    }

    for (i = 0; i < wd_array_len(ngx_http_wizdata_trace_parents); i++) {
        if (ngx_strcmp(value[1].data, ngx_http_wizdata_trace_parents[i]) == 0)
        {
            sc->has_parent = 1;
            sc->parent = i;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\"; it is trust, ignore or ratio",
                       &value[1]);
    return NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_conf_trace_enduser(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_enduser) {
        return "is duplicate";
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        sc->enduser = 1;
    } else if (ngx_strcasecmp(value[1].data, (u_char *) "off") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\"; it is on or off",
                           &value[1]);
        return NGX_CONF_ERROR;
    }
    sc->has_enduser = 1;
    return NGX_CONF_OK;
}


static char *
ngx_http_wizdata_conf_export_option(ngx_conf_t *cf,
    ngx_http_wizdata_spans_conf_t *sc, ngx_str_t *text)
{
    ssize_t   size;
    ngx_int_t ms;
    ngx_str_t value;

    if (ngx_strncmp(text->data, "interval=", 9) == 0) {
        value.data = text->data + 9;
        value.len = text->len - 9;
        ms = ngx_parse_time(&value, 0);
        if (ms < 10 || ms > 60000) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid interval in \"%V\"; it is a time from "
                               "10ms to 60s, such as interval=1s", text);
            return NGX_CONF_ERROR;
        }
        sc->interval = (ngx_msec_t) ms;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(text->data, "buffer=", 7) == 0) {
        value.data = text->data + 7;
        value.len = text->len - 7;
        size = ngx_parse_size(&value);
        if (size < 16 * 1024 || size > 16 * 1024 * 1024) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid buffer in \"%V\"; it is a size from "
                               "16k to 16m, such as buffer=256k", text);
            return NGX_CONF_ERROR;
        }
        sc->buffer = (size_t) size;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid option \"%V\"; options are interval=time and "
                       "buffer=size", text);
    return NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_conf_trace_export(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                     *value = cf->args->elts;
    ngx_uint_t                     i;
    wd_service_e                   id;
    ngx_http_wizdata_spans_conf_t *sc = ngx_http_wizdata_spans_conf(conf);

    if (sc->has_export) {
        return "is duplicate";
    }

    if (ngx_strcmp(value[1].data, "off") == 0) {
        id = WD_SVC_COUNT;
    } else if (!wd_service_by_name(wd_str((char *) value[1].data,
                                          value[1].len), &id)
               || id == WD_SVC_ANY)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown service \"%V\"; it is ingestion, "
                           "processing, analytics, auth, or off", &value[1]);
        return NGX_CONF_ERROR;
    }
    sc->has_export = 1;
    sc->service = id;
    sc->file = cf->conf_file->file.name;
    sc->line = cf->conf_file->line;

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_wizdata_conf_export_option(cf, sc, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }
    return NGX_CONF_OK;
}


void
ngx_http_wizdata_spans_show(wd_json_t *j, const void *main_conf)
{
    const ngx_http_wizdata_main_conf_t  *wmcf = main_conf;
    const ngx_http_wizdata_spans_conf_t *sc = wmcf->spans;

    wd_json_key(j, "trace");
    wd_json_obj(j);
    wd_json_key(j, "ratio");
    wd_json_num(j, sc->ratio);
    wd_json_key(j, "parent");
    wd_json_z(j, ngx_http_wizdata_trace_parents[sc->parent]);
    wd_json_key(j, "export");
    wd_json_z(j, sc->service < WD_SVC_COUNT ? wd_service_name(sc->service)
                                            : NULL);
    wd_json_key(j, "interval_seconds");
    wd_json_num(j, (double) sc->interval / 1000);
    wd_json_key(j, "buffer_bytes");
    wd_json_int(j, (int64_t) sc->buffer);
    wd_json_key(j, "enduser");
    wd_json_bool(j, sc->enduser != 0);
    wd_json_end(j);
}
