/*
 * ngx_http_wizdata_metrics.h - counters in shared memory.
 *
 * Every worker owns a slot and is the only one to write it, so counting is a
 * plain increment; the scrape adds the slots up. The slot of a process that
 * ended is taken over by the next worker with its counts, so nothing is ever
 * lost or reset, not by a reload either.
 */
#ifndef NGX_HTTP_WIZDATA_METRICS_H
#define NGX_HTTP_WIZDATA_METRICS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "wd_buf.h"
#include "wd_method.h"
#include "wd_shed.h"

#define NGX_HTTP_WIZDATA_SLOTS 128 /* workers alive at a time */

/* Label `endpoint`: a method of the catalogue, or one of these. */
#define NGX_HTTP_WIZDATA_EP_HEALTH (WD_METHOD_COUNT + 0)
#define NGX_HTTP_WIZDATA_EP_DETAILED (WD_METHOD_COUNT + 1)
#define NGX_HTTP_WIZDATA_EP_METRICS (WD_METHOD_COUNT + 2)
#define NGX_HTTP_WIZDATA_EP_OTHER (WD_METHOD_COUNT + 3)
#define NGX_HTTP_WIZDATA_EPS (WD_METHOD_COUNT + 4)

/* Label `method`: GET, HEAD, POST, DELETE, other. */
#define NGX_HTTP_WIZDATA_VERBS 5

/* Label `status_code`: those of the table in metrics.c, and other. */
#define NGX_HTTP_WIZDATA_STATUSES 40

/* Label `error_type`: -code of wd_err.def. */
#define NGX_HTTP_WIZDATA_ERRORS 40

#define NGX_HTTP_WIZDATA_BUCKETS 14 /* with +Inf */

/* Label `api_key_hash`: the first keys seen, then other. */
#define NGX_HTTP_WIZDATA_KEYS 64
#define NGX_HTTP_WIZDATA_KEY_ID_MAX 64


typedef enum {
    NGX_HTTP_WIZDATA_HIT,
    NGX_HTTP_WIZDATA_MISS,
    NGX_HTTP_WIZDATA_STALE,
    NGX_HTTP_WIZDATA_NEGATIVE,
    NGX_HTTP_WIZDATA_CACHE_RESULTS
} ngx_http_wizdata_cache_result_e;


typedef struct {
    uint64_t requests;
    uint64_t writes; /* system calls that sent them */
    uint64_t lost; /* ready connections that broke */
    uint64_t malformed;
    uint64_t retries;
    uint64_t timeouts;
    uint64_t cancels;
    uint64_t refused; /* over the cap, or nobody connected */
    uint64_t queued;
    uint64_t queue_full;
    uint64_t queue_timeouts;
    uint64_t shed[WD_CLASSES];
    uint64_t retries_refused; /* over the budget */
    uint64_t breaker_opened;
    uint64_t breaker_closed;
    uint64_t breaker_spared; /* too few others were left */
    uint64_t probes;
    uint64_t probe_failures;
    int64_t  in_flight; /* gauges */
    int64_t  connections;
} ngx_http_wizdata_rpc_counters_t;


typedef struct {
    uint64_t count[NGX_HTTP_WIZDATA_BUCKETS];
    uint64_t sum_ms;
} ngx_http_wizdata_histogram_t;


typedef struct {
    /* 0: free. Claimed by compare-and-swap, also from a dead process. */
    ngx_atomic_t                    pid;

    int64_t                         active;
    uint64_t                        cache[NGX_HTTP_WIZDATA_CACHE_RESULTS];
    ngx_http_wizdata_rpc_counters_t rpc[WD_SVC_COUNT];
    uint64_t requests[NGX_HTTP_WIZDATA_EPS][NGX_HTTP_WIZDATA_VERBS]
                     [NGX_HTTP_WIZDATA_STATUSES];
    uint64_t errors[NGX_HTTP_WIZDATA_EPS][NGX_HTTP_WIZDATA_ERRORS];
    uint64_t keys[NGX_HTTP_WIZDATA_KEYS + 1][NGX_HTTP_WIZDATA_EPS];
    ngx_http_wizdata_histogram_t    seconds[NGX_HTTP_WIZDATA_EPS]
                                           [NGX_HTTP_WIZDATA_VERBS];
} __attribute__((aligned(64))) ngx_http_wizdata_counters_t;


typedef struct {
    ngx_uint_t                   n_keys; /* under the pool's mutex */
    ngx_atomic_t                 n_slots; /* ever claimed */
    char keys[NGX_HTTP_WIZDATA_KEYS][NGX_HTTP_WIZDATA_KEY_ID_MAX + 1];
    ngx_http_wizdata_counters_t  slots[NGX_HTTP_WIZDATA_SLOTS];
} ngx_http_wizdata_counters_zone_t;


size_t ngx_http_wizdata_counters_size(void);
ngx_int_t ngx_http_wizdata_counters_init(ngx_shm_zone_t *zone, void *data);

/* A slot for this process; one outside of the zone when all are taken. */
ngx_http_wizdata_counters_t *ngx_http_wizdata_counters_claim(
    ngx_cycle_t *cycle, ngx_shm_zone_t *zone);
void ngx_http_wizdata_counters_leave(ngx_http_wizdata_counters_t *slot);

/* The row of a key in the table of labels. */
ngx_uint_t ngx_http_wizdata_counters_key(ngx_shm_zone_t *zone, wd_str_t id);

/* Log phase: counts the request. */
ngx_int_t ngx_http_wizdata_counters_handler(ngx_http_request_t *r);

/* The sum of all slots in Prometheus text format. */
void ngx_http_wizdata_counters_render(ngx_shm_zone_t *zone, wd_buf_t *out);

#endif /* NGX_HTTP_WIZDATA_METRICS_H */
