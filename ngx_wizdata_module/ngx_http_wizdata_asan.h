/*
 * ngx_http_wizdata_asan.h - included before everything in sanitizer builds:
 * what the module takes from a pool comes from malloc, so that the sanitizer
 * sees each block's bounds; it is freed with the pool.
 */
#ifndef NGX_HTTP_WIZDATA_ASAN_H
#define NGX_HTTP_WIZDATA_ASAN_H

#include <ngx_config.h>
#include <ngx_core.h>


static inline void *
ngx_http_wizdata_asan_alloc(ngx_pool_t *pool, size_t size)
{
    void               *p;
    ngx_pool_cleanup_t *cln;

    cln = ngx_pool_cleanup_add(pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    p = calloc(1, size);
    if (p == NULL) {
        return NULL;
    }

    cln->handler = free;
    cln->data = p;
    return p;
}


static inline void *
ngx_http_wizdata_asan_dirty(ngx_pool_t *pool, size_t size)
{
    void *p = ngx_http_wizdata_asan_alloc(pool, size);

    return p != NULL ? memset(p, 0xa5, size) : NULL;
}


#define ngx_palloc ngx_http_wizdata_asan_dirty
#define ngx_pnalloc ngx_http_wizdata_asan_dirty
#define ngx_pcalloc ngx_http_wizdata_asan_alloc

#endif /* NGX_HTTP_WIZDATA_ASAN_H */
