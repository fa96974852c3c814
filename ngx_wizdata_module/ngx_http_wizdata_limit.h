/*
 * ngx_http_wizdata_limit.h - rate limits, quotas, usage: what the files of
 * this concern share.
 *
 *   limit.c        decides for a request, problems, headers, variables
 *   limit_status.c /api/status/rate-limit
 *   limit_show.c   in /api/status/config
 *   limit_conf.c   directives and zones
 *   limit_plan.c   plans: of nginx.conf, and those that auth pushes
 *   limit_sync.c   leases: what is told to Redis, and when
 *   usage.c        what was admitted, on its way to auth
 */
#ifndef NGX_HTTP_WIZDATA_LIMIT_H
#define NGX_HTTP_WIZDATA_LIMIT_H

#include "ngx_http_wizdata.h"
#include "ngx_http_wizdata_redis.h"

#include "wd_json.h"
#include "wd_num.h"
#include "wd_lease.h"
#include "wd_limit.h"
#include "wd_shlock.h"
#include "wd_usage.h"

#define NGX_HTTP_WIZDATA_PLANS_MAX 512 /* names, pushed ones included */
#define NGX_HTTP_WIZDATA_PENDING_MAX 4096 /* buckets to be told, per worker */

/* wizdata_limit of a location. */
#define NGX_HTTP_WIZDATA_LIMIT_OFF 0
#define NGX_HTTP_WIZDATA_LIMIT_ON 1
#define NGX_HTTP_WIZDATA_LIMIT_DRY 2

/* wizdata_limit_headers, bits. */
#define NGX_HTTP_WIZDATA_LIMIT_IETF 1
#define NGX_HTTP_WIZDATA_LIMIT_LEGACY 2


/* Never freed while the process lives, so pointers to it stay good. */
typedef struct {
    char       name[WD_PLAN_NAME_MAX + 1];
    char       text[WD_PLAN_TEXT_MAX + 1];
    wd_plan_t  plan;
    ngx_uint_t there; /* 0: was taken back */
    wd_buf_t   policy; /* RateLimit-Policy, as long as the windows are these */
    uint32_t   windows[WD_PLAN_QUOTAS];
} ngx_http_wizdata_plan_t;


/* Plans that auth pushed, for all workers and those that come. */
typedef struct {
    wd_shlock_t      lock;
    _Atomic uint32_t generation; /* 0: nothing was pushed */
    uint32_t         n;
    struct {
        char name[WD_PLAN_NAME_MAX + 1];
        char text[WD_PLAN_TEXT_MAX + 2]; /* one too long stays too long */
    } plans[NGX_HTTP_WIZDATA_PLANS_MAX];
} ngx_http_wizdata_pushed_t;


typedef struct {
    ngx_array_t             *plans; /* of pointers to them, or NULL */
    ngx_http_wizdata_plan_t *anonymous; /* NULL: not limited */
    ngx_uint_t               ipv4_prefix;
    ngx_uint_t               ipv6_prefix;
    const char              *groups[WD_METHOD_COUNT]; /* NULL: the rest */
    size_t                   zone_size;
    ngx_shm_zone_t          *zone; /* wd_limit_t */
    ngx_shm_zone_t          *pushed; /* ngx_http_wizdata_pushed_t */
    ngx_shm_zone_t          *usage; /* wd_usage_t */
} ngx_http_wizdata_limit_conf_t;


/* Of a worker. */
typedef struct {
    ngx_http_wizdata_worker_t     *worker;
    ngx_http_wizdata_limit_conf_t *conf;
    wd_limit_t                    *table;
    wd_usage_t                    *usage;
    ngx_http_wizdata_pushed_t     *pushed;
    uint32_t                       generation; /* of `pushed`, as read */
    ngx_http_wizdata_plan_t       *plans[NGX_HTTP_WIZDATA_PLANS_MAX];
    ngx_uint_t                     n_plans;
    ngx_http_wizdata_plan_t       *fallback; /* "default", or NULL */
    wd_memo_t                     *keys;

    /* leases */
    ngx_http_wizdata_redis_t      *redis; /* NULL: limits of this host */
    wd_lease_t                     lease;
    ngx_event_t                    flush;
    ngx_event_t                    beat;
    wd_limit_key_t                 pending[NGX_HTTP_WIZDATA_PENDING_MAX];
    ngx_http_wizdata_plan_t       *pending_plans[NGX_HTTP_WIZDATA_PENDING_MAX];
    ngx_uint_t                     n_pending;
    wd_ns_t                        down_since;
    uint64_t                       cursor; /* of the walk */
    ngx_uint_t                     walking; /* slices in flight */
    unsigned                       walk:1;
    unsigned                       good:1; /* the script answers */
    unsigned                       fallen:1; /* counted in LIMIT_FALLBACK */

    wd_buf_t                       text; /* of a header line */

    /* usage */
    ngx_event_t                    report;
    void                          *report_call; /* under way, or NULL */
} ngx_http_wizdata_limits_t;


/* Of a request. */
typedef struct {
    ngx_http_wizdata_plan_t *plan;
    wd_limit_key_t           key;
    wd_limit_result_t        result;
    ngx_http_wizdata_client_e client;
    unsigned                 asked:1;
    unsigned                 dry:1; /* wizdata_limit dry_run */
    unsigned                 shown:1; /* the headers are set */
} ngx_http_wizdata_limit_ctx_t;


/* limit.c */

/* Of a request whose access is decided; NULL: it is not limited. */
ngx_http_wizdata_plan_t *ngx_http_wizdata_limit_who(
    ngx_http_wizdata_ctx_t *ctx, wd_limit_key_t *key);

/* Rounded up, so that who waits as long as told is admitted. */
ngx_uint_t ngx_http_wizdata_limit_seconds(wd_ns_t ns);

/* Units and length of a policy's window. */
int64_t ngx_http_wizdata_limit_quota(const wd_plan_t *plan, unsigned i);
wd_ns_t ngx_http_wizdata_limit_period(const wd_plan_t *plan, unsigned i);

/* The policy that the older headers and fields speak of; NGX_ERROR: none. */
ngx_int_t ngx_http_wizdata_limit_spoken(
    const ngx_http_wizdata_limit_ctx_t *lc);

/* Calls for each policy of the plan, in the order of headers and status. */
#define ngx_http_wizdata_limit_each(plan, i)                                  \
    for (i = 0; i < WD_PLAN_CONCURRENCY; i++)                                 \
        if (i < WD_PLAN_RATES ? i < (plan)->n_rates                           \
                              : (plan)->quotas[i - WD_PLAN_DAY] != 0)


/* limit_plan.c */

void ngx_http_wizdata_limit_plans_init(ngx_http_wizdata_limits_t *ls);

/* Of that name, or "default"; NULL: neither is there. */
ngx_http_wizdata_plan_t *ngx_http_wizdata_limit_plan(
    ngx_http_wizdata_limits_t *ls, wd_str_t name);

/* Is it as auth pushed it? Else it is as it stands in nginx.conf. */
ngx_uint_t ngx_http_wizdata_limit_of_auth(ngx_http_wizdata_limits_t *ls,
    const ngx_http_wizdata_plan_t *plan);

/* limit_sync.c */

ngx_int_t ngx_http_wizdata_limit_sync_init(ngx_http_wizdata_limits_t *ls);
void ngx_http_wizdata_limit_sync_later(ngx_http_wizdata_limits_t *ls,
    const wd_limit_key_t *key, ngx_http_wizdata_plan_t *plan);
void ngx_http_wizdata_limit_view(ngx_http_wizdata_limits_t *ls, wd_ns_t now,
    wd_limit_view_t *ret);
void ngx_http_wizdata_limit_fallback_leave(ngx_http_wizdata_limits_t *ls);

/* usage.c */

ngx_int_t ngx_http_wizdata_usage_init(ngx_http_wizdata_limits_t *ls);
void ngx_http_wizdata_usage_done(ngx_http_wizdata_limits_t *ls);

/* One request of ctx->verdict's principal. */
void ngx_http_wizdata_usage_count(ngx_http_wizdata_ctx_t *ctx,
    ngx_uint_t admitted, uint32_t cost);

static ngx_inline wd_str_t
ngx_http_wizdata_limit_view_of(const ngx_str_t *s)
{
    return wd_str((const char *) s->data, s->len);
}


static ngx_inline wd_ns_t
ngx_http_wizdata_limit_wall(void)
{
    ngx_time_t *tp = ngx_timeofday();

    return (wd_ns_t) tp->sec * WD_NS_PER_S + (wd_ns_t) tp->msec * WD_NS_PER_MS;
}

#endif /* NGX_HTTP_WIZDATA_LIMIT_H */
