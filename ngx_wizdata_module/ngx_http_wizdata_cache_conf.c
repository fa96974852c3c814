/*
 * ngx_http_wizdata_cache_conf.c - directives of the response cache, and its
 * zone.
 */
#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_slots.h"

#define NGX_HTTP_WIZDATA_CACHE_BODY (256 * 1024)
#define NGX_HTTP_WIZDATA_CACHE_STALE_MS 10000
#define NGX_HTTP_WIZDATA_CACHE_OLD_MS 300000
#define NGX_HTTP_WIZDATA_CACHE_LOCK_MS 5000

/* A body is at most this part of the zone. */
#define NGX_HTTP_WIZDATA_CACHE_PART 10


static const ngx_http_wizdata_range_t ngx_http_wizdata_cache_size_range = {
    WD_RCACHE_SIZE_MIN + 64 * 1024, 64LL * 1024 * 1024 * 1024,
    "off, or a size from 1100k to 64g, such as 64m"};

static const ngx_http_wizdata_range_t ngx_http_wizdata_cache_ttl_range = {
    0, 30LL * 86400 * 1000, "a time from 0 to 30d, such as 60s"};


void
ngx_http_wizdata_cache_create_main(ngx_http_wizdata_cache_main_t *m)
{
    ngx_uint_t i;

    m->size = NGX_CONF_UNSET_SIZE;
    m->body_max = NGX_CONF_UNSET_SIZE;
    m->second = NGX_CONF_UNSET;
    for (i = 0; i < WD_METHOD_COUNT; i++) {
        m->ttls[i] = NGX_CONF_UNSET;
    }
}


char *
ngx_http_wizdata_cache_init_main(ngx_conf_t *cf,
    ngx_http_wizdata_cache_main_t *m)
{
    size_t fits;

    ngx_conf_init_size_value(m->size, 0);
    ngx_conf_init_value(m->second, 0);
    fits = m->size / NGX_HTTP_WIZDATA_CACHE_PART;

    if (m->body_max == NGX_CONF_UNSET_SIZE) {
        m->body_max = m->size != 0
                          ? ngx_min(fits, NGX_HTTP_WIZDATA_CACHE_BODY)
                          : NGX_HTTP_WIZDATA_CACHE_BODY;
        return NGX_CONF_OK;
    }

    if (m->size != 0 && m->body_max > fits) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "wizdata_cache_max_body %uz is more than a tenth "
                           "of wizdata_cache_zone: write at most %uz, or a "
                           "zone of %uz", m->body_max, fits,
                           m->body_max * NGX_HTTP_WIZDATA_CACHE_PART);
        return NGX_CONF_ERROR;
    }
    return NGX_CONF_OK;
}


void
ngx_http_wizdata_cache_create_loc(ngx_http_wizdata_cache_loc_t *l)
{
    l->on = NGX_CONF_UNSET;
    l->stale = NGX_CONF_UNSET_MSEC;
    l->old = NGX_CONF_UNSET_MSEC;
    l->lock_timeout = NGX_CONF_UNSET_MSEC;
    l->client = NGX_CONF_UNSET_MSEC;
}


void
ngx_http_wizdata_cache_merge_loc(const ngx_http_wizdata_cache_loc_t *prev,
    ngx_http_wizdata_cache_loc_t *l)
{
    ngx_conf_merge_value(l->on, prev->on, 0);
    ngx_conf_merge_msec_value(l->stale, prev->stale,
                              NGX_HTTP_WIZDATA_CACHE_STALE_MS);
    ngx_conf_merge_msec_value(l->old, prev->old,
                              NGX_HTTP_WIZDATA_CACHE_OLD_MS);
    ngx_conf_merge_msec_value(l->lock_timeout, prev->lock_timeout,
                              NGX_HTTP_WIZDATA_CACHE_LOCK_MS);
    ngx_conf_merge_msec_value(l->client, prev->client, 0);
}


/* ---- the zone ----------------------------------------------------------- */

static const ngx_str_t ngx_http_wizdata_cache_name =
    ngx_string("wizdata_responses");


/* The zone of the configuration that is in force, if it has one. */
static wd_rcache_t *
ngx_http_wizdata_cache_before(void)
{
    ngx_uint_t             i;
    ngx_shm_zone_t        *z;
    volatile ngx_list_part_t *part = &ngx_cycle->shared_memory.part;

    for ( /* void */ ; part != NULL; part = part->next) {
        z = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (z[i].tag == &ngx_http_wizdata_module && z[i].data != NULL
                && z[i].shm.name.len == ngx_http_wizdata_cache_name.len
                && ngx_memcmp(z[i].shm.name.data,
                              ngx_http_wizdata_cache_name.data,
                              ngx_http_wizdata_cache_name.len) == 0)
            {
                return z[i].data;
            }
        }
    }
    return NULL;
}


static ngx_int_t
ngx_http_wizdata_cache_zone_init(ngx_shm_zone_t *zone, void *data)
{
    void                         *mem;
    size_t                        size;
    wd_rcache_t                  *before;
    ngx_slab_pool_t              *pool = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_http_wizdata_main_conf_t *wmcf;

    if (data != NULL) { /* reload: all stays */
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    wmcf = zone->data;
    size = pool->pfree * ngx_pagesize;
    mem = ngx_slab_alloc(pool, size); /* pages that were never used: zero */
    if (mem == NULL) {
        return NGX_ERROR;
    }

    pool->log_nomem = 0;
    pool->data = wd_rcache_init(mem, size, wmcf->cache.body_max);
    if (pool->data == NULL) {
        return NGX_ERROR;
    }

    before = ngx_http_wizdata_cache_before();
    if (before != NULL && !ngx_test_config) {
        wd_rcache_migrate(before, pool->data,
                          (wd_ns_t) ngx_http_wizdata_clock());
        wmcf->cache.replaced = before;
    }
    zone->data = pool->data;
    return NGX_OK;
}


static size_t
ngx_http_wizdata_cache_used(ngx_shm_zone_t *zone)
{
    wd_rcache_stats_t st;

    wd_rcache_stats(zone->data, &st);
    return zone->shm.size - (size_t) (st.capacity - st.bytes);
}


ngx_int_t
ngx_http_wizdata_cache_zone(ngx_conf_t *cf, ngx_http_wizdata_cache_main_t *m)
{
    ngx_str_t                     name = ngx_http_wizdata_cache_name;
    ngx_http_wizdata_main_conf_t *wmcf;

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    if (m->second && (wmcf->redis_conf == NULL || m->size == 0)) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"wizdata_cache_redis on\" needs a Redis and a cache: "
                      "write wizdata_redis 127.0.0.1:6379; and "
                      "wizdata_cache_zone 64m; in http in %V:%ui",
                      &m->second_file, m->second_line);
        return NGX_ERROR;
    }

    if (m->size == 0) {
        if (m->on_line == 0) {
            return NGX_OK;
        }
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"wizdata_cache on\" without a cache: write "
                      "wizdata_cache_zone 64m; in http in %V:%ui",
                      &m->on_file, m->on_line);
        return NGX_ERROR;
    }

    m->zone = ngx_shared_memory_add(cf, &name, m->size,
                                    &ngx_http_wizdata_module);
    if (m->zone == NULL) {
        return NGX_ERROR;
    }
    m->zone->init = ngx_http_wizdata_cache_zone_init;
    m->zone->data = wmcf;
    return ngx_http_wizdata_zone_figure(cf, m->zone,
                                        ngx_http_wizdata_cache_used);
}


/* ---- directives --------------------------------------------------------- */

char *
ngx_http_wizdata_conf_cache_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    if (wmcf->cache.size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }
    if (ngx_strcmp(value[1].data, "off") == 0
        || ngx_strcmp(value[1].data, "0") == 0)
    {
        wmcf->cache.size = 0;
        return NGX_CONF_OK;
    }
    return ngx_http_wizdata_word_size(cf, &value[1],
                                      &ngx_http_wizdata_cache_size_range,
                                      &wmcf->cache.size) == NGX_OK
               ? NGX_CONF_OK
               : NGX_CONF_ERROR;
}


char *
ngx_http_wizdata_conf_cache_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    wmcf->cache.second_file = cf->conf_file->file.name;
    wmcf->cache.second_line = cf->conf_file->line;
    return ngx_conf_set_flag_slot(cf, cmd, conf);
}


char *
ngx_http_wizdata_conf_cache_ttl(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf)
{
    ngx_str_t                    *value = cf->args->elts;
    ngx_msec_t                    ms;
    const wd_method_t            *m;
    ngx_http_wizdata_main_conf_t *wmcf = conf;

    m = wd_method_by_name(wd_str((char *) value[1].data, value[1].len));
    if (m == NULL || !(m->flags & (WD_M_CACHE|WD_M_PRIVATE))) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is no method whose answers are cached: "
                           "write one of docs/API.md, such as bars.query",
                           &value[1]);
        return NGX_CONF_ERROR;
    }
    if (wmcf->cache.ttls[m->id] != NGX_CONF_UNSET) {
        return "is duplicate for this method";
    }
    if (ngx_http_wizdata_word_msec(cf, &value[2],
                                   &ngx_http_wizdata_cache_ttl_range, &ms)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }
    wmcf->cache.ttls[m->id] = (ngx_int_t) (ms / 1000);
    return NGX_CONF_OK;
}


char *
ngx_http_wizdata_conf_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                         *rv;
    ngx_http_wizdata_loc_conf_t  *lcf = conf;
    ngx_http_wizdata_main_conf_t *wmcf;

    rv = ngx_conf_set_flag_slot(cf, cmd, conf);
    if (rv != NGX_CONF_OK || !lcf->cache.on) {
        return rv;
    }

    wmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_wizdata_module);
    wmcf->used = 1;
    if (wmcf->cache.on_line == 0) {
        wmcf->cache.on_file = cf->conf_file->file.name;
        wmcf->cache.on_line = cf->conf_file->line;
    }
    return NGX_CONF_OK;
}
