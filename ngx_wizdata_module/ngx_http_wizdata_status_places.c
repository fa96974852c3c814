/*
 * ngx_http_wizdata_status_places.c - in /api/status/config, the locations in
 * which the module has a part, with what holds there.
 */
#include "ngx_http_wizdata_families.h"

#define NGX_HTTP_WIZDATA_PLACES_SHOWN 256


typedef struct {
    ngx_str_t                    server;
    ngx_str_t                    name;
    ngx_http_wizdata_loc_conf_t *conf;
} ngx_http_wizdata_place_t;


static ngx_uint_t
ngx_http_wizdata_place_ours(const ngx_http_wizdata_loc_conf_t *lcf)
{
    return lcf->api || lcf->access != NGX_HTTP_WIZDATA_ACCESS_OFF
           || lcf->endpoint != NGX_HTTP_WIZDATA_EP_OTHER;
}


ngx_int_t
ngx_http_wizdata_places_note(ngx_conf_t *cf, ngx_http_wizdata_loc_conf_t *lcf)
{
    ngx_http_wizdata_place_t     *p;
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_core_srv_conf_t     *cscf;
    ngx_http_wizdata_main_conf_t *wmcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    if (clcf->name.len == 0 || clcf->noname
        || !ngx_http_wizdata_place_ours(lcf))
    {
        return NGX_OK;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    if (wmcf->places == NULL) {
        wmcf->places = ngx_array_create(cf->pool, 16, sizeof(*p));
        if (wmcf->places == NULL) {
            return NGX_ERROR;
        }
    }
    if (wmcf->places->nelts == NGX_HTTP_WIZDATA_PLACES_SHOWN) {
        return NGX_OK;
    }

    p = ngx_array_push(wmcf->places);
    if (p == NULL) {
        return NGX_ERROR;
    }
    cscf = ngx_http_conf_get_module_srv_conf(cf, ngx_http_core_module);
    p->server = cscf->server_name;
    p->name = clcf->name;
    p->conf = lcf;
    return NGX_OK;
}


ngx_uint_t
ngx_http_wizdata_places_have(const ngx_http_wizdata_main_conf_t *wmcf,
    ngx_uint_t endpoint)
{
    ngx_uint_t                i;
    ngx_http_wizdata_place_t *p;

    if (wmcf->places == NULL) {
        return 0;
    }
    p = wmcf->places->elts;
    for (i = 0; i < wmcf->places->nelts; i++) {
        if (p[i].conf->endpoint == endpoint) {
            return 1;
        }
    }
    return 0;
}


static const char *
ngx_http_wizdata_place_access(const ngx_http_wizdata_loc_conf_t *lcf)
{
    if (lcf->access != NGX_HTTP_WIZDATA_ACCESS_OFF) {
        return lcf->permission != NULL ? lcf->permission : "key";
    }
    if (lcf->api) {
        return "of the method";
    }

    switch (lcf->endpoint) {
    case NGX_HTTP_WIZDATA_EP_DETAILED:
    case NGX_HTTP_WIZDATA_EP_SERVICES:
    case NGX_HTTP_WIZDATA_EP_CONFIG:
    case NGX_HTTP_WIZDATA_EP_CACHE:
        return lcf->status_public ? "public" : "status:read";
    default:
        return "public";
    }
}


static const char *
ngx_http_wizdata_place_headers(ngx_uint_t bits)
{
    static const char *const names[] = {"off", "ietf", "legacy", "both"};

    return names[bits & 3];
}


static void
ngx_http_wizdata_place_msec(wd_json_t *j, const char *key, ngx_msec_t ms)
{
    wd_json_key(j, key);
    wd_json_num(j, (double) ms / 1000);
}


static void
ngx_http_wizdata_place_cache(wd_json_t *j,
    const ngx_http_wizdata_cache_loc_t *c)
{
    wd_json_key(j, "cache");
    if (!c->on) {
        wd_json_null(j);
        return;
    }
    wd_json_obj(j);
    ngx_http_wizdata_place_msec(j, "stale_while_revalidate_seconds",
                                c->stale);
    ngx_http_wizdata_place_msec(j, "stale_if_error_seconds", c->old);
    ngx_http_wizdata_place_msec(j, "lock_timeout_seconds", c->lock_timeout);
    ngx_http_wizdata_place_msec(j, "client_seconds", c->client);
    wd_json_end(j);
}


static void
ngx_http_wizdata_place_show(wd_json_t *j, const ngx_http_wizdata_place_t *p)
{
    const ngx_http_wizdata_loc_conf_t *lcf = p->conf;
    static const char *const           limits[] = {"off", "on", "dry_run"};

    wd_json_obj(j);
    wd_json_key(j, "server");
    wd_json_str(j, wd_str((char *) p->server.data, p->server.len));
    wd_json_key(j, "location");
    wd_json_str(j, wd_str((char *) p->name.data, p->name.len));
    wd_json_key(j, "page");
    wd_json_z(j, lcf->endpoint != NGX_HTTP_WIZDATA_EP_OTHER
                     ? ngx_http_wizdata_endpoint_name(lcf->endpoint) : NULL);
    wd_json_key(j, "api");
    wd_json_bool(j, lcf->api != 0);
    wd_json_key(j, "access");
    wd_json_z(j, ngx_http_wizdata_place_access(lcf));
    wd_json_key(j, "errors");
    wd_json_bool(j, lcf->errors != 0);

    if (lcf->api || lcf->access != NGX_HTTP_WIZDATA_ACCESS_OFF) {
        wd_json_key(j, "limit");
        wd_json_z(j, limits[lcf->limit]);
        wd_json_key(j, "limit_headers");
        wd_json_z(j, ngx_http_wizdata_place_headers(lcf->limit_headers));
    }
    if (lcf->api) {
        wd_json_key(j, "body_max_bytes");
        wd_json_int(j, (int64_t) lcf->body_max);
        wd_json_key(j, "trace_response");
        wd_json_bool(j, lcf->trace_response != 0);
        ngx_http_wizdata_place_cache(j, &lcf->cache);
        ngx_http_wizdata_methods_show(j, lcf->methods);
    }
    wd_json_end(j);
}


void
ngx_http_wizdata_places_show(wd_json_t *j,
    const ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_uint_t                i;
    ngx_http_wizdata_place_t *p;

    wd_json_key(j, "locations");
    wd_json_arr(j);
    if (wmcf->places != NULL) {
        p = wmcf->places->elts;
        for (i = 0; i < wmcf->places->nelts; i++) {
            ngx_http_wizdata_place_show(j, &p[i]);
        }
    }
    wd_json_end(j);
}
