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


/* ---- labels that are learned -------------------------------------------- */

/*
 * The row of a text; those that are not there yet get one as long as there
 * are free ones, else `n`.
 */
static ngx_uint_t
ngx_http_wizdata_label_row(ngx_shm_zone_t *zone, char *rows, size_t width,
    ngx_uint_t *used, ngx_uint_t n, wd_str_t text)
{
    ngx_uint_t       i;
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;

    ngx_shmtx_lock(&pool->mutex);

    for (i = 0; i < *used && !wd_str_eq_z(text, rows + i * width); i++) {
        /* void */
    }
    if (i == *used && i < n) {
        wd_str_copy(rows + i * width, width, text);
        ngx_memory_barrier();
        *used = i + 1;
    }

    ngx_shmtx_unlock(&pool->mutex);
    return i;
}


ngx_uint_t
ngx_http_wizdata_counters_key(ngx_shm_zone_t *zone, wd_str_t id)
{
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    if (id.len == 0 || id.len > NGX_HTTP_WIZDATA_KEY_ID_MAX) {
        return NGX_HTTP_WIZDATA_KEYS;
    }
    return ngx_http_wizdata_label_row(zone, z->keys[0], sizeof(z->keys[0]),
                                      &z->n_keys, NGX_HTTP_WIZDATA_KEYS, id);
}


static ngx_uint_t
ngx_http_wizdata_plan_row(ngx_shm_zone_t *zone, wd_str_t plan)
{
    ngx_uint_t                        i, n;
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    if (plan.len == 0) {
        return NGX_HTTP_WIZDATA_PLAN_NONE;
    }
    if (plan.len > NGX_HTTP_WIZDATA_PLAN_MAX) {
        return NGX_HTTP_WIZDATA_PLAN_OTHER;
    }

    n = z->n_plans;
    ngx_memory_barrier();
    for (i = 0; i < n; i++) {
        if (ngx_memcmp(z->plans[i], plan.data, plan.len) == 0
            && z->plans[i][plan.len] == '\0')
        {
            return i;
        }
    }

    return n == NGX_HTTP_WIZDATA_PLANS
               ? NGX_HTTP_WIZDATA_PLAN_OTHER
               : ngx_http_wizdata_label_row(zone, z->plans[0],
                                            sizeof(z->plans[0]), &z->n_plans,
                                            NGX_HTTP_WIZDATA_PLANS, plan);
}


static ngx_uint_t
ngx_http_wizdata_series_add(ngx_shm_zone_t *zone, ngx_uint_t endpoint,
    ngx_uint_t class, ngx_uint_t plan)
{
    uint16_t                         *number;
    ngx_slab_pool_t                  *pool = (void *) zone->shm.addr;
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    number = &z->numbers[endpoint][class][plan];
    ngx_shmtx_lock(&pool->mutex);

    if (*number == 0 && z->n_series + 1 < NGX_HTTP_WIZDATA_SERIES) {
        z->series[z->n_series + 1].endpoint = (uint16_t) endpoint;
        z->series[z->n_series + 1].class = (uint8_t) class;
        z->series[z->n_series + 1].plan = (uint8_t) plan;
        ngx_memory_barrier();
        z->n_series++;
        *number = (uint16_t) (z->n_series + 1);
    } else if (*number == 0) {
        *number = 1;
    }

    ngx_shmtx_unlock(&pool->mutex);
    return *number - 1;
}


ngx_uint_t
ngx_http_wizdata_counters_series(ngx_shm_zone_t *zone, ngx_uint_t endpoint,
    ngx_uint_t status, wd_str_t plan)
{
    ngx_uint_t                        class, row, number;
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    class = status >= 100 && status < 600 ? status / 100 - 1
                                          : NGX_HTTP_WIZDATA_CLASSES - 1;
    row = ngx_http_wizdata_plan_row(zone, plan);
    number = z->numbers[endpoint][class][row];
    return number != 0 ? number - 1
                       : ngx_http_wizdata_series_add(zone, endpoint, class,
                                                     row);
}


const char *
ngx_http_wizdata_plan_name(const ngx_http_wizdata_counters_zone_t *z,
    ngx_uint_t row)
{
    switch (row) {
    case NGX_HTTP_WIZDATA_PLAN_OTHER:
        return "other";
    case NGX_HTTP_WIZDATA_PLAN_NONE:
        return "none";
    default:
        return z->plans[row];
    }
}


const char *
ngx_http_wizdata_class_name(ngx_uint_t class)
{
    static const char *const names[NGX_HTTP_WIZDATA_CLASSES] = {
        "1xx", "2xx", "3xx", "4xx", "5xx", "other"};

    return names[class];
}


const char *
ngx_http_wizdata_owner_name(ngx_uint_t ep)
{
    return ep < WD_METHOD_COUNT ? wd_service_name(wd_methods()[ep].service)
                                : "gateway";
}


static uint64_t
ngx_http_wizdata_hash_word(uint64_t h, const void *data, size_t n)
{
    const u_char *p = data;

    while (n-- != 0) {
        h = (h ^ *p++) * 1099511628211u; /* FNV-1a */
    }
    return h;
}


const char *
ngx_http_wizdata_counters_name(ngx_pool_t *pool)
{
    u_char      *name;
    size_t       size = sizeof(ngx_http_wizdata_counters_zone_t);
    uint64_t     h = 14695981039346656037u;
    ngx_uint_t   i;
    const char  *method;

    h = ngx_http_wizdata_hash_word(h, &size, sizeof(size));
    h = ngx_http_wizdata_hash_word(h, ngx_http_wizdata_statuses,
                                   sizeof(ngx_http_wizdata_statuses));
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        method = wd_methods()[i].name;
        h = ngx_http_wizdata_hash_word(h, method, strlen(method) + 1);
    }
    h = ngx_http_wizdata_parts_hash(h, ngx_http_wizdata_hash_word);

    name = ngx_pnalloc(pool, sizeof("wizdata_counters_0123456789abcdef"));
    if (name != NULL) {
        ngx_sprintf(name, "wizdata_counters_%016xL%Z", (int64_t) h);
    }
    return (char *) name;
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
