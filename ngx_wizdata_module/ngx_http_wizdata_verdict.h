/*
 * ngx_http_wizdata_verdict.h - the module's side of wd_verdicts: the zone,
 * its clock, and copies that live as long as a request.
 */
#ifndef NGX_HTTP_WIZDATA_VERDICT_H
#define NGX_HTTP_WIZDATA_VERDICT_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "wd_verdicts.h"

#define NGX_HTTP_WIZDATA_DIGEST WD_VERDICT_DIGEST

/* Views point to memory of who asked. */
typedef wd_verdict_t ngx_http_wizdata_verdict_t;

/* A zone of another size takes over what the one before it knows. */
ngx_int_t ngx_http_wizdata_verdicts_init(ngx_shm_zone_t *zone, void *data);

/* Bytes in use, for the metrics. */
size_t ngx_http_wizdata_verdicts_used(ngx_shm_zone_t *zone);

/* The time of this turn of the event loop. */
wd_verdict_now_t ngx_http_wizdata_verdict_now(void);

/* Copies the verdict with its texts into the pool. */
ngx_int_t ngx_http_wizdata_verdict_keep(ngx_pool_t *pool,
    const ngx_http_wizdata_verdict_t *v, ngx_http_wizdata_verdict_t *ret);

/* Methods that the permissions cover. */
wd_method_set_t ngx_http_wizdata_verdict_bits(wd_str_t perms);

#endif /* NGX_HTTP_WIZDATA_VERDICT_H */
