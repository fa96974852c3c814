/*
 * ngx_http_wizdata_metrics.h - counters in shared memory.
 *
 * Every worker owns a slot and is the only one to write it, so counting is a
 * plain increment; the scrape adds the slots up. The slot of a process that
 * ended is taken over by the next worker with its counts, so nothing is ever
 * lost or reset, not by a reload either.
 *
 * A counter more is one row in ngx_http_wizdata_metrics.def.
 */
#ifndef NGX_HTTP_WIZDATA_METRICS_H
#define NGX_HTTP_WIZDATA_METRICS_H

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "wd_buf.h"
#include "wd_ctx.h"
#include "wd_method.h"

#define NGX_HTTP_WIZDATA_SLOTS 128 /* workers alive at a time */

/* Label `endpoint`: a method of the catalogue, or one of these. */
#define NGX_HTTP_WIZDATA_EP_HEALTH (WD_METHOD_COUNT + 0)
#define NGX_HTTP_WIZDATA_EP_DETAILED (WD_METHOD_COUNT + 1)
#define NGX_HTTP_WIZDATA_EP_METRICS (WD_METHOD_COUNT + 2)
#define NGX_HTTP_WIZDATA_EP_SERVICES (WD_METHOD_COUNT + 3)
#define NGX_HTTP_WIZDATA_EP_CONFIG (WD_METHOD_COUNT + 4)
#define NGX_HTTP_WIZDATA_EP_CACHE (WD_METHOD_COUNT + 5)
#define NGX_HTTP_WIZDATA_EP_LIMIT (WD_METHOD_COUNT + 6)
#define NGX_HTTP_WIZDATA_EP_OTHER (WD_METHOD_COUNT + 7)
#define NGX_HTTP_WIZDATA_EPS (WD_METHOD_COUNT + 8)

/* Label `method`: GET, HEAD, POST, DELETE, other. */
#define NGX_HTTP_WIZDATA_VERBS 5

/* Label `status_code`: those of the table in labels.c, and other. */
#define NGX_HTTP_WIZDATA_STATUSES 40

/* Label `error_type`: -code of wd_err.def. */
#define NGX_HTTP_WIZDATA_ERRORS 40

/* Labels `api_key_hash` and `plan`: the first ones seen, then other. */
#define NGX_HTTP_WIZDATA_KEYS 64
#define NGX_HTTP_WIZDATA_KEY_ID_MAX 64
#define NGX_HTTP_WIZDATA_PLANS 64
#define NGX_HTTP_WIZDATA_PLAN_MAX WD_PLAN_MAX
#define NGX_HTTP_WIZDATA_PLAN_OTHER (NGX_HTTP_WIZDATA_PLANS + 0)
#define NGX_HTTP_WIZDATA_PLAN_NONE (NGX_HTTP_WIZDATA_PLANS + 1)
#define NGX_HTTP_WIZDATA_PLAN_ROWS (NGX_HTTP_WIZDATA_PLANS + 2)

/* Label `class`: 1xx to 5xx, and other. */
#define NGX_HTTP_WIZDATA_CLASSES 6

/*
 * Combinations of endpoint, class and plan that are counted apart: the first
 * ones seen. All others share number 0.
 */
#define NGX_HTTP_WIZDATA_SERIES 1024

/*
 * Histograms count in the buckets of one table of bounds (50 us to 10 s) and
 * show a part of it, so that every histogram has the same layout.
 */
#define NGX_HTTP_WIZDATA_BOUNDS 17
#define NGX_HTTP_WIZDATA_BUCKETS (NGX_HTTP_WIZDATA_BOUNDS + 1) /* +Inf */


/* Label `result`. */
typedef enum {
    NGX_HTTP_WIZDATA_HIT,
    NGX_HTTP_WIZDATA_MISS,
    NGX_HTTP_WIZDATA_STALE,
    NGX_HTTP_WIZDATA_NEGATIVE,
    NGX_HTTP_WIZDATA_CACHE_RESULTS
} ngx_http_wizdata_cache_result_e;


/* Label `client_type`. */
typedef enum {
    NGX_HTTP_WIZDATA_ANONYMOUS,
    NGX_HTTP_WIZDATA_API_KEY,
    NGX_HTTP_WIZDATA_JWT,
    NGX_HTTP_WIZDATA_CLIENTS
} ngx_http_wizdata_client_e;


/* What a row is counted by, and how many cells that takes. */
typedef enum {
    NGX_HTTP_WIZDATA_BY_ONE,
    NGX_HTTP_WIZDATA_BY_SERVICE,
    NGX_HTTP_WIZDATA_BY_ENDPOINT,
    NGX_HTTP_WIZDATA_BY_CLIENT,
    NGX_HTTP_WIZDATA_BY_RESULT
} ngx_http_wizdata_by_e;

enum {
    NGX_HTTP_WIZDATA_N_ONE = 1,
    NGX_HTTP_WIZDATA_N_SERVICE = WD_SVC_COUNT,
    NGX_HTTP_WIZDATA_N_ENDPOINT = NGX_HTTP_WIZDATA_EPS,
    NGX_HTTP_WIZDATA_N_CLIENT = NGX_HTTP_WIZDATA_CLIENTS,
    NGX_HTTP_WIZDATA_N_RESULT = NGX_HTTP_WIZDATA_CACHE_RESULTS
};


typedef enum {
    NGX_HTTP_WIZDATA_COUNTER,
    NGX_HTTP_WIZDATA_GAUGE,
    NGX_HTTP_WIZDATA_SECONDS,
    NGX_HTTP_WIZDATA_SECONDS_PUSH
} ngx_http_wizdata_metric_type_e;

enum {
    NGX_HTTP_WIZDATA_T_COUNTER = 1,
    NGX_HTTP_WIZDATA_T_GAUGE = 1,
    NGX_HTTP_WIZDATA_T_SECONDS = NGX_HTTP_WIZDATA_BUCKETS + 1,
    NGX_HTTP_WIZDATA_T_SECONDS_PUSH = NGX_HTTP_WIZDATA_T_SECONDS
};


/* A row's value is its first cell. */
enum {
#define METRIC(id, name, type, by, labels, help)                              \
    NGX_HTTP_WIZDATA_M_##id,                                                  \
    NGX_HTTP_WIZDATA_M_##id##_LAST = NGX_HTTP_WIZDATA_M_##id - 1              \
        + NGX_HTTP_WIZDATA_N_##by * NGX_HTTP_WIZDATA_T_##type,
#define METRIC_RPC(field, name, type, help)
#define METRIC_CALL(name, type, labels, help, function)
#include "ngx_http_wizdata_metrics.def"
#undef METRIC
#undef METRIC_RPC
#undef METRIC_CALL
    NGX_HTTP_WIZDATA_CELLS
};


/* By service; gauges are below 0 for a moment when workers are added up. */
typedef struct {
#define METRIC(id, name, type, by, labels, help)
#define METRIC_RPC(field, name, type, help) uint64_t field;
#define METRIC_CALL(name, type, labels, help, function)
#include "ngx_http_wizdata_metrics.def"
#undef METRIC
#undef METRIC_RPC
#undef METRIC_CALL
} ngx_http_wizdata_rpc_counters_t;


typedef struct {
    uint64_t count[NGX_HTTP_WIZDATA_BUCKETS];
    uint64_t sum; /* ns */
} ngx_http_wizdata_histogram_t;


/* What of a request's time is shown apart: label `part`. */
typedef enum {
    NGX_HTTP_WIZDATA_PART_AUTH,
    NGX_HTTP_WIZDATA_PART_LIMIT,
    NGX_HTTP_WIZDATA_PART_CACHE,
    NGX_HTTP_WIZDATA_PART_BACKEND,
    NGX_HTTP_WIZDATA_PART_WRITE,
    NGX_HTTP_WIZDATA_PART_TOTAL,
    NGX_HTTP_WIZDATA_PARTS
} ngx_http_wizdata_part_e;


typedef struct {
    uint64_t                     requests;
    uint64_t                     received; /* bytes */
    uint64_t                     sent;
    ngx_http_wizdata_histogram_t parts[NGX_HTTP_WIZDATA_PARTS];
} ngx_http_wizdata_series_t;


/* A request that fell into a bucket of an endpoint's latency. */
typedef struct {
    uint32_t seq; /* odd: being written */
    uint32_t verb;
    uint64_t seconds; /* when; 0: none yet */
    uint64_t ns; /* how long it took */
    u_char   trace[32];
} ngx_http_wizdata_exemplar_t;


typedef struct {
    /* 0: free. Claimed by compare-and-swap, also from a dead process. */
    ngx_atomic_t                    pid;

    int64_t                         active;
    ngx_http_wizdata_rpc_counters_t rpc[WD_SVC_COUNT];
    uint64_t                        cells[NGX_HTTP_WIZDATA_CELLS];
    uint64_t requests[NGX_HTTP_WIZDATA_EPS][NGX_HTTP_WIZDATA_VERBS]
                     [NGX_HTTP_WIZDATA_STATUSES];
    uint64_t errors[NGX_HTTP_WIZDATA_EPS][NGX_HTTP_WIZDATA_ERRORS];
    uint64_t keys[NGX_HTTP_WIZDATA_KEYS + 1][NGX_HTTP_WIZDATA_EPS];
    ngx_http_wizdata_histogram_t    seconds[NGX_HTTP_WIZDATA_EPS]
                                           [NGX_HTTP_WIZDATA_VERBS];
    ngx_http_wizdata_exemplar_t     exemplars[NGX_HTTP_WIZDATA_EPS]
                                             [NGX_HTTP_WIZDATA_BUCKETS];
    ngx_http_wizdata_series_t       series[NGX_HTTP_WIZDATA_SERIES];
} __attribute__((aligned(64))) ngx_http_wizdata_counters_t;


typedef struct {
    uint16_t endpoint;
    uint8_t  class;
    uint8_t  plan;
} ngx_http_wizdata_labels_t;


/*
 * Labels are added under the pool's mutex, and read without it: what a number
 * stands for is there before the number is.
 */
typedef struct {
    ngx_atomic_t                 n_slots; /* ever claimed */
    ngx_uint_t                   n_keys;
    ngx_uint_t                   n_plans;
    ngx_uint_t                   n_series; /* beside number 0 */
    char keys[NGX_HTTP_WIZDATA_KEYS][NGX_HTTP_WIZDATA_KEY_ID_MAX + 1];
    char plans[NGX_HTTP_WIZDATA_PLANS][NGX_HTTP_WIZDATA_PLAN_MAX + 1];
    ngx_http_wizdata_labels_t    series[NGX_HTTP_WIZDATA_SERIES];
    uint16_t numbers[NGX_HTTP_WIZDATA_EPS][NGX_HTTP_WIZDATA_CLASSES]
                    [NGX_HTTP_WIZDATA_PLAN_ROWS]; /* plus 1; 0: none yet */
    ngx_http_wizdata_counters_t  slots[NGX_HTTP_WIZDATA_SLOTS];
} ngx_http_wizdata_counters_zone_t;


/*
 * Counting. `who` is a request's context or a worker: what has `counters`.
 * `id` is that of the row in ngx_http_wizdata_metrics.def, as it stands there.
 *
 *     ngx_http_wizdata_count(ctx, CACHE_FILLS, 1);
 *     ngx_http_wizdata_count_by(ctx, CACHE_HIT, ctx->endpoint, 1);
 *     ngx_http_wizdata_count_by(w, LIMIT_REFUSED, NGX_HTTP_WIZDATA_JWT, 1);
 *     ngx_http_wizdata_gauge_add(w, CACHE_WAITERS, -1);
 *     ngx_http_wizdata_observe(w, REVOCATION_SECONDS, now - committed);
 */
#define ngx_http_wizdata_count(who, id, n)                                    \
    ((void) ((who)->counters->cells[NGX_HTTP_WIZDATA_M_##id]                  \
             += (uint64_t) (n)))

/* `i` below the width of the row's `by`. */
#define ngx_http_wizdata_count_by(who, id, i, n)                              \
    ((void) ((who)->counters->cells[NGX_HTTP_WIZDATA_M_##id + (i)]            \
             += (uint64_t) (n)))

/* A cell known at run time: NGX_HTTP_WIZDATA_M_x (+ i). */
#define ngx_http_wizdata_count_cell(who, cell, n)                             \
    ((void) ((who)->counters->cells[cell] += (uint64_t) (n)))

#define ngx_http_wizdata_gauge_add(who, id, n)                                \
    ((void) ((who)->counters->cells[NGX_HTTP_WIZDATA_M_##id]                  \
             += (uint64_t) (int64_t) (n)))

/* A time in ns; below 0 counts as 0. */
#define ngx_http_wizdata_observe(who, id, ns)                                 \
    (void) ngx_http_wizdata_histogram_add(                                    \
        (ngx_http_wizdata_histogram_t *) (void *)                             \
            &(who)->counters->cells[NGX_HTTP_WIZDATA_M_##id], ns)

/* Returns the bucket. */
ngx_uint_t ngx_http_wizdata_histogram_add(ngx_http_wizdata_histogram_t *h,
    int64_t ns);


/*
 * Memory of zones. Every shared zone of the module is shown with its size;
 * `used` comes from the zone's slab pool (pages not free) unless the zone's
 * owner says it better: bytes in use, asked for at each scrape in any worker.
 * Called in configuration, behind ngx_shared_memory_add().
 */
typedef size_t (*ngx_http_wizdata_zone_used_pt)(ngx_shm_zone_t *zone);

ngx_int_t ngx_http_wizdata_zone_figure(ngx_conf_t *cf, ngx_shm_zone_t *zone,
    ngx_http_wizdata_zone_used_pt used);


/*
 * For the function of a METRIC_CALL row, which has this prototype:
 *
 *     void f(ngx_http_wizdata_samples_t *s, ngx_http_wizdata_ctx_t *ctx);
 *
 * One call per series, each with labels of its own: name="value" separated by
 * commas, written by printf; "" for none. A value that comes from outside
 * must have passed ngx_http_wizdata_label(). At most some hundred samples.
 */
typedef struct ngx_http_wizdata_samples_s ngx_http_wizdata_samples_t;

void ngx_http_wizdata_sample(ngx_http_wizdata_samples_t *s, int64_t value,
    const char *labels, ...) wd_printf_like(3, 4);

/* `text` escaped as a label's value asks for; cut to what fits in `out`. */
const char *ngx_http_wizdata_label(wd_str_t text, char *out, size_t size);


/*
 * The zone's name tells its layout and the order of its labels, so that
 * another version of the module that is loaded by a reload begins anew
 * instead of reading it wrongly.
 */
const char *ngx_http_wizdata_counters_name(ngx_pool_t *pool);
size_t ngx_http_wizdata_counters_size(void);

/* What workers have claimed so far, as the zone's figure. */
size_t ngx_http_wizdata_counters_used(ngx_shm_zone_t *zone);
ngx_int_t ngx_http_wizdata_counters_init(ngx_shm_zone_t *zone, void *data);

/* A slot for this process; one outside of the zone when all are taken. */
ngx_http_wizdata_counters_t *ngx_http_wizdata_counters_claim(
    ngx_cycle_t *cycle, ngx_shm_zone_t *zone);
void ngx_http_wizdata_counters_leave(ngx_http_wizdata_counters_t *slot);

/*
 * Ends the gauges of workers that were killed: nobody takes the place of one
 * that was about to end. Called before gauges are summed.
 */
void ngx_http_wizdata_counters_bury(ngx_http_wizdata_counters_zone_t *z);

/* The row of a key in the table of labels. */
ngx_uint_t ngx_http_wizdata_counters_key(ngx_shm_zone_t *zone, wd_str_t id);

/* The number of a combination; `plan` empty: the request has none. */
ngx_uint_t ngx_http_wizdata_counters_series(ngx_shm_zone_t *zone,
    ngx_uint_t endpoint, ngx_uint_t status, wd_str_t plan);

/* Log phase: counts the request. */
ngx_int_t ngx_http_wizdata_counters_handler(ngx_http_request_t *r);

#endif /* NGX_HTTP_WIZDATA_METRICS_H */
