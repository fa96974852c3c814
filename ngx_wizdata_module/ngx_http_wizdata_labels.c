/*
 * ngx_http_wizdata_labels.c - the values of labels: of a fixed set each, so
 * that no client can make series; and figures that live elsewhere.
 */
#include "ngx_http_wizdata_families.h"

#include <stdio.h>


static const ngx_uint_t ngx_http_wizdata_statuses[] = {
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401,
    403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 416, 421,
    422, 429, 431, 444, 499, 500, 501, 502, 503, 504, 505, 507};

_Static_assert(wd_array_len(ngx_http_wizdata_statuses)
                   < NGX_HTTP_WIZDATA_STATUSES,
               "the last row is for the others");

static const char *const ngx_http_wizdata_verbs[NGX_HTTP_WIZDATA_VERBS] = {
    "GET", "HEAD", "POST", "DELETE", "other"};


/* The path template; what is not in the catalogue has a name of its own. */
const char *
ngx_http_wizdata_endpoint_name(ngx_uint_t ep)
{
    switch (ep) {
    case NGX_HTTP_WIZDATA_EP_HEALTH:
        return "/health";
    case NGX_HTTP_WIZDATA_EP_DETAILED:
        return "/health/detailed";
    case NGX_HTTP_WIZDATA_EP_METRICS:
        return "/metrics";
    case NGX_HTTP_WIZDATA_EP_SERVICES:
        return "/api/status/services";
    case NGX_HTTP_WIZDATA_EP_CONFIG:
        return "/api/status/config";
    case NGX_HTTP_WIZDATA_EP_CACHE:
        return "/api/status/cache";
    case NGX_HTTP_WIZDATA_EP_LIMIT:
        return "/api/status/rate-limit";
    case NGX_HTTP_WIZDATA_EP_OTHER:
        return "other";
    default:
        return wd_methods()[ep].path != NULL ? wd_methods()[ep].path
                                             : wd_methods()[ep].name;
    }
}


const char *
ngx_http_wizdata_verb_name(ngx_uint_t verb)
{
    return ngx_http_wizdata_verbs[verb];
}


ngx_uint_t
ngx_http_wizdata_verb_row(ngx_http_request_t *r)
{
    switch (r->method) {
    case NGX_HTTP_GET:
        return 0;
    case NGX_HTTP_HEAD:
        return 1;
    case NGX_HTTP_POST:
        return 2;
    case NGX_HTTP_DELETE:
        return 3;
    default:
        return 4;
    }
}


const char *
ngx_http_wizdata_status_name(ngx_uint_t row, char out[8])
{
    if (row >= wd_array_len(ngx_http_wizdata_statuses)) {
        return "other";
    }
    snprintf(out, 8, "%u", (unsigned) ngx_http_wizdata_statuses[row]);
    return out;
}


ngx_uint_t
ngx_http_wizdata_status_row(ngx_uint_t status)
{
    ngx_uint_t i;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_statuses); i++) {
        if (ngx_http_wizdata_statuses[i] == status) {
            break;
        }
    }
    return i;
}


/* ---- connections and zones ---------------------------------------------- */

void
ngx_http_wizdata_connections_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
#if (NGX_STAT_STUB)
    ngx_http_wizdata_sample(s, (int64_t) *ngx_stat_active,
                            "state=\"active\"");
    ngx_http_wizdata_sample(s, (int64_t) *ngx_stat_reading,
                            "state=\"reading\"");
    ngx_http_wizdata_sample(s, (int64_t) *ngx_stat_writing,
                            "state=\"writing\"");
    ngx_http_wizdata_sample(s, (int64_t) *ngx_stat_waiting,
                            "state=\"waiting\"");
#endif
}


void
ngx_http_wizdata_accepted_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
#if (NGX_STAT_STUB)
    ngx_http_wizdata_sample(s, (int64_t) *ngx_stat_accepted, "%s", "");
#endif
}


void
ngx_http_wizdata_handled_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
#if (NGX_STAT_STUB)
    ngx_http_wizdata_sample(s, (int64_t) *ngx_stat_handled, "%s", "");
#endif
}


typedef struct {
    ngx_shm_zone_t               *zone;
    ngx_http_wizdata_zone_used_pt used;
} ngx_http_wizdata_zone_figure_t;


ngx_int_t
ngx_http_wizdata_zone_figure(ngx_conf_t *cf, ngx_shm_zone_t *zone,
    ngx_http_wizdata_zone_used_pt used)
{
    ngx_http_wizdata_zone_figure_t *f;
    ngx_http_wizdata_main_conf_t   *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    if (wmcf->zone_figures == NULL) {
        wmcf->zone_figures = ngx_array_create(
            cf->pool, 4, sizeof(ngx_http_wizdata_zone_figure_t));
        if (wmcf->zone_figures == NULL) {
            return NGX_ERROR;
        }
    }

    f = ngx_array_push(wmcf->zone_figures);
    if (f == NULL) {
        return NGX_ERROR;
    }
    f->zone = zone;
    f->used = used;
    return NGX_OK;
}


static size_t
ngx_http_wizdata_zone_used(const ngx_array_t *figures, ngx_shm_zone_t *zone)
{
    ngx_uint_t                      i;
    ngx_slab_pool_t                *pool;
    ngx_http_wizdata_zone_figure_t *f;

    for (i = 0; figures != NULL && i < figures->nelts; i++) {
        f = (ngx_http_wizdata_zone_figure_t *) figures->elts + i;
        if (f->zone == zone) {
            return f->used(zone);
        }
    }

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    return zone->shm.size - pool->pfree * ngx_pagesize;
}


void
ngx_http_wizdata_zone_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    char             name[96];
    ngx_uint_t       i;
    ngx_list_part_t *part = &ctx->worker->cycle->shared_memory.part;
    ngx_shm_zone_t  *zones;

    for ( /* void */ ; part != NULL; part = part->next) {
        zones = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (zones[i].tag != &ngx_http_wizdata_module
                || zones[i].shm.addr == NULL)
            {
                continue;
            }
            ngx_http_wizdata_label(wd_str((char *) zones[i].shm.name.data,
                                          zones[i].shm.name.len),
                                   name, sizeof(name));
            ngx_http_wizdata_sample(s, (int64_t) zones[i].shm.size,
                                    "zone=\"%s\",state=\"size\"", name);
            ngx_http_wizdata_sample(
                s,
                (int64_t) ngx_http_wizdata_zone_used(
                    ctx->worker->conf->zone_figures, &zones[i]),
                "zone=\"%s\",state=\"used\"", name);
        }
    }
}
