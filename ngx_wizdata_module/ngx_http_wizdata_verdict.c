/*
 * ngx_http_wizdata_verdict.c - verdicts in a zone of shared memory.
 */
#include "ngx_http_wizdata.h"


/* The table of the zone of that name in the configuration before this. */
static wd_verdicts_t *
ngx_http_wizdata_verdicts_before(const ngx_shm_zone_t *zone)
{
    ngx_uint_t             i;
    const ngx_shm_zone_t  *z;
    const ngx_cycle_t     *before = (const ngx_cycle_t *) ngx_cycle;
    const ngx_list_part_t *part;

    for (part = &before->shared_memory.part; part != NULL; part = part->next) {
        z = part->elts;
        for (i = 0; i < part->nelts; i++) {
            if (&z[i] != zone && z[i].tag == zone->tag && z[i].data != NULL
                && z[i].shm.name.len == zone->shm.name.len
                && ngx_strncmp(z[i].shm.name.data, zone->shm.name.data,
                               zone->shm.name.len) == 0)
            {
                return z[i].data;
            }
        }
    }
    return NULL;
}


ngx_int_t
ngx_http_wizdata_verdicts_init(ngx_shm_zone_t *zone, void *data)
{
    size_t           size;
    u_char          *mem;
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;
    wd_verdicts_t   *before;

    if (data != NULL) { /* reload: the table stays */
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    size = pool->pfree * ngx_pagesize;
    mem = ngx_slab_alloc(pool, size);
    zone->data = mem != NULL ? wd_verdicts_init(mem, size) : NULL;
    if (zone->data == NULL) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "wizdata: the zone \"%V\" is too small",
                      &zone->shm.name);
        return NGX_ERROR;
    }
    pool->data = zone->data;

    before = ngx_http_wizdata_verdicts_before(zone);
    if (before != NULL) {
        wd_verdicts_migrate(zone->data, before,
                            ngx_http_wizdata_verdict_now());
    }
    return NGX_OK;
}


size_t
ngx_http_wizdata_verdicts_used(ngx_shm_zone_t *zone)
{
    wd_verdicts_stats_t s;

    wd_verdicts_stats(zone->data, &s);
    return (size_t) ((double) s.bytes * (double) s.entries
                     / (double) s.capacity);
}


wd_verdict_now_t
ngx_http_wizdata_verdict_now(void)
{
    ngx_time_t       *tp = ngx_timeofday();
    wd_verdict_now_t  now;

    now.mono = (wd_ns_t) ngx_current_msec * WD_NS_PER_MS;
    now.wall = (wd_ns_t) tp->sec * WD_NS_PER_S
               + (wd_ns_t) tp->msec * WD_NS_PER_MS;
    return now;
}


ngx_int_t
ngx_http_wizdata_verdict_keep(ngx_pool_t *pool,
    const ngx_http_wizdata_verdict_t *v, ngx_http_wizdata_verdict_t *ret)
{
    size_t    i;
    u_char   *p;
    wd_str_t *views[] = {&ret->principal, &ret->key, &ret->plan, &ret->perms,
                         &ret->nets};

    *ret = *v;
    p = ngx_pnalloc(pool, v->principal.len + v->key.len + v->plan.len
                          + v->perms.len + v->nets.len);
    if (p == NULL) {
        ngx_memzero(ret, sizeof(*ret));
        return NGX_ERROR;
    }

    for (i = 0; i < wd_array_len(views); i++) {
        if (views[i]->len != 0) {
            ngx_memcpy(p, views[i]->data, views[i]->len);
        }
        views[i]->data = (char *) p;
        p += views[i]->len;
    }
    return NGX_OK;
}


/* So that a request needs no look at the texts. */
wd_method_set_t
ngx_http_wizdata_verdict_bits(wd_str_t perms)
{
    unsigned           i;
    wd_method_set_t    bits = {{0}};
    wd_ctx_t           c = {.perms = perms};
    const wd_method_t *m = wd_methods();

    for (i = 0; i < WD_METHOD_COUNT; i++) {
        if (wd_ctx_permits(&c, m[i].permission)) {
            wd_method_set_add(&bits, i);
        }
    }
    if (wd_ctx_permits(&c, "status:read")) {
        wd_method_set_add(&bits, NGX_HTTP_WIZDATA_BIT_STATUS);
    }
    return bits;
}
