/*
 * ngx_http_wizdata_verdict.h - what auth said about keys, in shared memory.
 *
 * Two tables of sets of eight entries, one for known keys and one for
 * unknown ones, so that a spray of invented keys evicts no good one. All
 * access is under the slab pool's mutex, which nginx unlocks when its holder
 * is killed; an entry is invalid while it is written.
 */
#ifndef NGX_HTTP_WIZDATA_VERDICT_H
#define NGX_HTTP_WIZDATA_VERDICT_H

#include <ngx_config.h>
#include <ngx_core.h>

#include "wd_ctx.h"
#include "wd_str.h"

#define NGX_HTTP_WIZDATA_DIGEST 32 /* BLAKE2b-256 */
#define NGX_HTTP_WIZDATA_WAYS 8
#define NGX_HTTP_WIZDATA_PERMS_CACHED 512

/* Views point to memory of who asked. */
typedef struct {
    wd_str_t   principal;
    wd_str_t   key; /* its id */
    wd_str_t   plan;
    wd_str_t   perms; /* MessagePack array */
    uint64_t   bits; /* methods that the permissions cover */
    int64_t    expires; /* wd_ns_t; 0: never */
    ngx_msec_t checked; /* when auth was asked */
    ngx_uint_t label; /* row of the key in the counters */
} ngx_http_wizdata_verdict_t;

typedef enum {
    NGX_HTTP_WIZDATA_UNKNOWN, /* nothing is stored */
    NGX_HTTP_WIZDATA_GOOD,
    NGX_HTTP_WIZDATA_BAD /* auth does not know the key */
} ngx_http_wizdata_verdict_e;

ngx_int_t ngx_http_wizdata_verdicts_init(ngx_shm_zone_t *zone, void *data);

/* Strings of a good verdict are copied into the pool. */
ngx_http_wizdata_verdict_e ngx_http_wizdata_verdict_get(ngx_shm_zone_t *zone,
    const u_char *digest, ngx_pool_t *pool, ngx_http_wizdata_verdict_t *ret);

/* Nothing is stored when the key was revoked since v->checked. */
void ngx_http_wizdata_verdict_put(ngx_shm_zone_t *zone, const u_char *digest,
    const ngx_http_wizdata_verdict_t *v);
void ngx_http_wizdata_verdict_put_bad(ngx_shm_zone_t *zone,
    const u_char *digest, ngx_msec_t checked, ngx_msec_t ttl);

/* NULL: all keys. */
void ngx_http_wizdata_verdict_revoke(ngx_shm_zone_t *zone,
    const u_char *digest);

#endif /* NGX_HTTP_WIZDATA_VERDICT_H */
