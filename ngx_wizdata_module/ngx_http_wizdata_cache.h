/*
 * ngx_http_wizdata_cache.h - the response cache in the module.
 *
 *   cache.c    a request: look up, wait for another's call, answer
 *   fill.c     an answer on its way into the cache, for a request or in the
 *              background
 *   wake.c     this process among the others: notices, waiters
 *   redis.c    the second level
 *   purge.c    what backends and operators say is outdated
 *   conf.c     directives, the zone
 *   status.c   /api/status/cache
 *
 * The store itself is lib/gate/wd_rcache.h.
 */
#ifndef NGX_HTTP_WIZDATA_CACHE_H
#define NGX_HTTP_WIZDATA_CACHE_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>
#include <ngx_http.h>

#include "wd_cachectl.h"
#include "wd_frame.h"
#include "wd_json.h"
#include "wd_rcache.h"

#include "ngx_http_wizdata_rpc.h"

#define NGX_HTTP_WIZDATA_CACHE_BUCKETS 256 /* of waiters */

struct ngx_http_wizdata_ctx_s;

typedef struct ngx_http_wizdata_second_s ngx_http_wizdata_second_t;
typedef struct ngx_http_wizdata_look_s   ngx_http_wizdata_look_t;


/* ---- configuration ------------------------------------------------------ */

typedef struct {
    size_t          size; /* of the zone; 0: no cache */
    size_t          body_max;
    ngx_int_t       ttls[WD_METHOD_COUNT]; /* seconds; unset: the answer's */
    ngx_flag_t      second; /* wizdata_cache_redis */
    ngx_shm_zone_t *zone;
    wd_rcache_t    *replaced; /* by a zone of another size */
    ngx_str_t       on_file; /* where `wizdata_cache on` stands */
    ngx_uint_t      on_line;
    ngx_str_t       second_file; /* the same of wizdata_cache_redis */
    ngx_uint_t      second_line;
} ngx_http_wizdata_cache_main_t;


typedef struct {
    ngx_flag_t on;
    ngx_msec_t stale; /* while it is fetched anew */
    ngx_msec_t old; /* when it cannot be fetched anew */
    ngx_msec_t lock_timeout;
    ngx_msec_t client; /* that a client may use it without asking */
} ngx_http_wizdata_cache_loc_t;


/* ---- a worker ----------------------------------------------------------- */

typedef struct {
    wd_rcache_t      *store;
    int               place; /* -1: no waiting for other workers */
    ngx_connection_t *wake; /* of the file that wakes us */
    ngx_http_wizdata_second_t *second; /* NULL: none */
    ngx_event_t       reclaim;
    ngx_queue_t       waiters[NGX_HTTP_WIZDATA_CACHE_BUCKETS];
    wd_memo_t        *keys;
    wd_buf_t          scratch;
    wd_buf_t          scope;
} ngx_http_wizdata_cache_worker_t;


/* ---- an answer on its way ----------------------------------------------- */

typedef struct {
    ngx_http_wizdata_worker_t *worker;
    const wd_method_t         *method;
    unsigned                   format;
    u_char                     key[WD_CACHEKEY_LEN];
    uint64_t                   id; /* of the lead */
    uint64_t                   seq; /* of purges */
    int64_t                    second; /* of purges in Redis; -1: not known */
    uint64_t                   meeting; /* when that was counted */
    wd_ns_t                    from;
    wd_ns_t                    stale; /* lengths of time */
    wd_ns_t                    old;
    wd_ns_t                    ttl;
    wd_rcache_tag_t            tags[WD_RCACHE_TAGS_MAX];
    size_t                     n_tags;
    char                       etag[40]; /* when the backend gives none */
    wd_buf_t                   text; /* type, etag, next; then the body */
    size_t                     type_len;
    size_t                     etag_len;
    size_t                     next_len;
    unsigned                   leads:1;
    unsigned                   collecting:1;
} ngx_http_wizdata_fill_t;


/* ---- a request ---------------------------------------------------------- */

typedef enum {
    NGX_HTTP_WIZDATA_CACHE_NONE = 0,
    NGX_HTTP_WIZDATA_CACHE_HIT,
    NGX_HTTP_WIZDATA_CACHE_MISS,
    NGX_HTTP_WIZDATA_CACHE_STALE,
    NGX_HTTP_WIZDATA_CACHE_STALE_ERROR,
    NGX_HTTP_WIZDATA_CACHE_REVALIDATED,
    NGX_HTTP_WIZDATA_CACHE_WAIT,
    NGX_HTTP_WIZDATA_CACHE_SECOND,
    NGX_HTTP_WIZDATA_CACHE_BYPASS,
    NGX_HTTP_WIZDATA_CACHE_OUTCOMES
} ngx_http_wizdata_cache_outcome_e;


typedef struct {
    ngx_http_wizdata_cache_outcome_e outcome;
    wd_cachectl_t                    asked; /* Cache-Control */
    u_char                           key[WD_CACHEKEY_LEN];
    ngx_http_wizdata_fill_t         *fill;
    ngx_http_wizdata_look_t         *look; /* waits for Redis */

    /* waiting for another's call */
    ngx_queue_t                      link;
    ngx_event_t                      timer;
    wd_ns_t                          since;

    unsigned                         waiting:1;
    unsigned                         waited:1;
    unsigned                         second:1; /* Redis had it */
    unsigned                         shared:1; /* the key names no principal */
} ngx_http_wizdata_cached_t;


/* ngx_http_wizdata_cache.c */

/*
 * Before the backend is called. NGX_DECLINED: call it; NGX_OK: the request
 * is answered and finished; NGX_AGAIN: it waits for another's call, and will
 * be finished or call the backend then.
 */
ngx_int_t ngx_http_wizdata_cache(struct ngx_http_wizdata_ctx_s *ctx);

/* The second level had it: it is stored here now. */
void ngx_http_wizdata_cache_second(struct ngx_http_wizdata_ctx_s *ctx);

/* Goes on where NGX_AGAIN was returned. */
void ngx_http_wizdata_cache_resume(struct ngx_http_wizdata_ctx_s *ctx,
    int code);

/*
 * The backend failed: true when an older answer was given instead and the
 * request is finished.
 */
ngx_uint_t ngx_http_wizdata_cache_rescue(struct ngx_http_wizdata_ctx_s *ctx,
    int code);

/* The backend is going to be called. */
void ngx_http_wizdata_cache_call(struct ngx_http_wizdata_ctx_s *ctx);

/* What of the caller the backend may look at: no more than the key names. */
void ngx_http_wizdata_cache_context(struct ngx_http_wizdata_ctx_s *ctx,
    wd_ctx_t *c);

/*
 * Cache-Control and what else tells of the cache, for the backend's answer.
 * NGX_DECLINED: the cache has no say in it.
 */
ngx_int_t ngx_http_wizdata_cache_headers(struct ngx_http_wizdata_ctx_s *ctx);

/* The request ends, whatever it was at. */
void ngx_http_wizdata_cache_leave(struct ngx_http_wizdata_ctx_s *ctx);

/* Does the request wait for the answer of another's call? */
ngx_uint_t ngx_http_wizdata_cache_waits(
    const struct ngx_http_wizdata_ctx_s *ctx);


/* ngx_http_wizdata_cache_fill.c: all but init() accept NULL for no fill */

/* For what `ctx` asks; `lead` NULL: nobody waits for it. */
void ngx_http_wizdata_fill_init(ngx_http_wizdata_fill_t *fill,
    struct ngx_http_wizdata_ctx_s *ctx, const wd_rcache_lead_t *lead);

/*
 * The answer of the backend, or its first piece. Gives it an etag when it has
 * none and is complete.
 */
void ngx_http_wizdata_fill_answer(ngx_http_wizdata_fill_t *fill,
    const wd_frame_t *f, ngx_http_wizdata_meta_t *meta);
void ngx_http_wizdata_fill_chunk(ngx_http_wizdata_fill_t *fill,
    wd_str_t bytes, bool last);

/* An error that the backend answered with; kept for those who wait. */
void ngx_http_wizdata_fill_error(ngx_http_wizdata_fill_t *fill,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);

/* No answer will come: those who wait get `code`, or look again if WD_OK. */
void ngx_http_wizdata_fill_end(ngx_http_wizdata_fill_t *fill, int code);

/* An answer of the second level; false: it cannot be used. */
ngx_uint_t ngx_http_wizdata_fill_second(ngx_http_wizdata_fill_t *fill,
    wd_rcache_put_t *from, wd_str_t body);

/* Asks the backend for what `ctx` asked, without a client. */
void ngx_http_wizdata_refresh(struct ngx_http_wizdata_ctx_s *ctx,
    const wd_rcache_lead_t *lead);


/* ngx_http_wizdata_cache_wake.c */

ngx_int_t ngx_http_wizdata_cache_init_worker(ngx_http_wizdata_worker_t *w);
void ngx_http_wizdata_cache_done_worker(ngx_http_wizdata_worker_t *w);

/* In the master, before workers are forked. */
ngx_int_t ngx_http_wizdata_cache_init_module(ngx_cycle_t *cycle,
    ngx_http_wizdata_cache_main_t *conf);

void ngx_http_wizdata_cache_wake(ngx_http_wizdata_worker_t *w,
    const wd_rcache_set_t *who);
void ngx_http_wizdata_cache_park(struct ngx_http_wizdata_ctx_s *ctx);
void ngx_http_wizdata_cache_unpark(struct ngx_http_wizdata_ctx_s *ctx);


/* ngx_http_wizdata_cache_redis.c: all do nothing without a second level */

/* As Redis says it: "1.05M". */
typedef struct {
    char used[32];
    char peak[32];
} ngx_http_wizdata_second_memory_t;

/* NULL: not known. */
const ngx_http_wizdata_second_memory_t *ngx_http_wizdata_second_memory(
    const ngx_http_wizdata_worker_t *w);

ngx_int_t ngx_http_wizdata_second_init(ngx_http_wizdata_worker_t *w);

/* NGX_AGAIN: reply_start() or cache_second() will be called. */
ngx_int_t ngx_http_wizdata_second_look(struct ngx_http_wizdata_ctx_s *ctx);
void ngx_http_wizdata_second_leave(struct ngx_http_wizdata_ctx_s *ctx);
void ngx_http_wizdata_second_store(const ngx_http_wizdata_fill_t *fill,
    const wd_rcache_put_t *p);
void ngx_http_wizdata_second_purge(ngx_http_wizdata_worker_t *w,
    const wd_rcache_tag_t *tags, size_t n, ngx_uint_t operator);


/* ngx_http_wizdata_cache_purge.c */

/* cache.purge and cache.beat; NGX_ERROR when malformed. */
ngx_int_t ngx_http_wizdata_cache_notify_purge(ngx_http_wizdata_conn_t *conn,
    wd_str_t params);
ngx_int_t ngx_http_wizdata_cache_notify_beat(ngx_http_wizdata_conn_t *conn,
    wd_str_t params);

/* How many entries went. */
uint64_t ngx_http_wizdata_cache_purge(ngx_http_wizdata_worker_t *w,
    const wd_rcache_tag_t *tags, size_t n, ngx_uint_t operator);


/* ngx_http_wizdata_cache_conf.c */

void ngx_http_wizdata_cache_create_main(ngx_http_wizdata_cache_main_t *m);
char *ngx_http_wizdata_cache_init_main(ngx_conf_t *cf,
    ngx_http_wizdata_cache_main_t *m);
void ngx_http_wizdata_cache_create_loc(ngx_http_wizdata_cache_loc_t *l);
void ngx_http_wizdata_cache_merge_loc(const ngx_http_wizdata_cache_loc_t *prev,
    ngx_http_wizdata_cache_loc_t *l);
ngx_int_t ngx_http_wizdata_cache_zone(ngx_conf_t *cf,
    ngx_http_wizdata_cache_main_t *m);

char *ngx_http_wizdata_conf_cache_zone(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_cache_redis(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_cache_ttl(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_wizdata_conf_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


/* ngx_http_wizdata_cache_status.c */

ngx_int_t ngx_http_wizdata_cache_status_handler(ngx_http_request_t *r);

/* Member "cache_config" of /api/status/config. */
void ngx_http_wizdata_cache_show_config(wd_json_t *j,
    const ngx_http_wizdata_cache_main_t *m);

char *ngx_http_wizdata_conf_status_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

#endif /* NGX_HTTP_WIZDATA_CACHE_H */
