/*
 * ngx_http_wizdata_redis.h - the Redis client of a worker process: one
 * pipelined connection, no waiting.
 *
 * Redis may be slow, stopped, gone or something else altogether: a call then
 * fails within its timeout, and the connection is made again with back-off.
 */
#ifndef NGX_HTTP_WIZDATA_REDIS_H
#define NGX_HTTP_WIZDATA_REDIS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include "wd_resp.h"

#define NGX_HTTP_WIZDATA_REDIS_CALLS 4096 /* in flight */
#define NGX_HTTP_WIZDATA_REDIS_OUT_MAX (8 * 1024 * 1024) /* not yet sent */

typedef struct ngx_http_wizdata_redis_s ngx_http_wizdata_redis_t;

/* `values` NULL: no answer came. Called once, never inside of the call. */
typedef void (*ngx_http_wizdata_redis_pt)(void *data,
    const wd_resp_value_t *values, size_t n);

/* The connection takes calls now (1), or no more (0). */
typedef void (*ngx_http_wizdata_redis_state_pt)(void *data, ngx_uint_t up);


typedef struct {
    ngx_str_t        name; /* as configured */
    struct sockaddr *sockaddr;
    socklen_t        socklen;
    ngx_str_t        user;
    ngx_str_t        password;
    ngx_uint_t       db;
    ngx_str_t        prefix; /* of keys; ends with a zero */
    ngx_msec_t       timeout; /* of a call */
    ngx_uint_t       gateways; /* 0: counted in Redis */
} ngx_http_wizdata_redis_conf_t;


/*
 * NULL without memory. Connects, and again whenever it must; who wants to
 * know is told by watch.
 */
ngx_http_wizdata_redis_t *ngx_http_wizdata_redis_create(ngx_cycle_t *cycle,
    ngx_http_wizdata_redis_conf_t *conf, void *who);
ngx_int_t ngx_http_wizdata_redis_watch(ngx_http_wizdata_redis_t *redis,
    ngx_http_wizdata_redis_state_pt state, void *data);
void ngx_http_wizdata_redis_start(ngx_http_wizdata_redis_t *redis);
void ngx_http_wizdata_redis_destroy(ngx_http_wizdata_redis_t *redis);

/*
 * One command, written by the caller between these two: begin gives the
 * buffer to append it to, or NULL when no call can be taken. Commands of one
 * turn of the event loop leave in one write.
 */
wd_buf_t *ngx_http_wizdata_redis_begin(ngx_http_wizdata_redis_t *redis);
ngx_int_t ngx_http_wizdata_redis_end(ngx_http_wizdata_redis_t *redis,
    ngx_http_wizdata_redis_pt done, void *data);

/* The same for a command that is at hand. NGX_ERROR: nothing is called. */
ngx_int_t ngx_http_wizdata_redis_call(ngx_http_wizdata_redis_t *redis,
    size_t argc, const wd_str_t *argv, ngx_http_wizdata_redis_pt done,
    void *data);

/* An answer made no sense: the connection is made anew. */
void ngx_http_wizdata_redis_distrust(ngx_http_wizdata_redis_t *redis,
    const char *why);

ngx_uint_t ngx_http_wizdata_redis_up(const ngx_http_wizdata_redis_t *redis);

/* Class of the last failure, or NULL. */
const char *ngx_http_wizdata_redis_error(
    const ngx_http_wizdata_redis_t *redis);

#endif /* NGX_HTTP_WIZDATA_REDIS_H */
