/*
 * ngx_http_wizdata_metrics.c - counting, and the gateway's own part of the
 * Prometheus text.
 */
#include "ngx_http_wizdata.h"

#include "wd_json.h"

#include <signal.h>


static const ngx_uint_t ngx_http_wizdata_statuses[] = {
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401,
    403, 404, 405, 406, 408, 409, 410, 412, 413, 414, 415, 416, 421,
    422, 429, 431, 444, 499, 500, 501, 502, 503, 504, 505, 507};

_Static_assert(wd_array_len(ngx_http_wizdata_statuses)
                   < NGX_HTTP_WIZDATA_STATUSES,
               "the last row is for the others");

static const char *const ngx_http_wizdata_verbs[NGX_HTTP_WIZDATA_VERBS] = {
    "GET", "HEAD", "POST", "DELETE", "other"};

static const ngx_uint_t ngx_http_wizdata_bounds_ms[] = {
    1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000};

_Static_assert(wd_array_len(ngx_http_wizdata_bounds_ms)
                   == NGX_HTTP_WIZDATA_BUCKETS - 1,
               "the last bucket is +Inf");

static const char *const
    ngx_http_wizdata_cache_results[NGX_HTTP_WIZDATA_CACHE_RESULTS] = {
        "hit", "miss", "stale", "negative"};


size_t
ngx_http_wizdata_counters_size(void)
{
    size_t n = sizeof(ngx_http_wizdata_counters_zone_t);

    /* Two words of bookkeeping per page, and the pool's own head. */
    return ngx_align(n + n / 64 + 16 * ngx_pagesize, ngx_pagesize);
}


ngx_int_t
ngx_http_wizdata_counters_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t                  *pool;
    ngx_http_wizdata_counters_zone_t *z;

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) { /* reload: counts go on */
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    /* Fresh shared memory is zero; pages of unused slots stay untouched. */
    z = ngx_slab_alloc(pool, sizeof(ngx_http_wizdata_counters_zone_t));
    if (z == NULL) {
        return NGX_ERROR;
    }

    z->n_keys = 0;
    z->n_slots = 0;
    pool->data = z;
    zone->data = z;
    return NGX_OK;
}


static ngx_uint_t
ngx_http_wizdata_counters_take(ngx_http_wizdata_counters_t *slot)
{
    ngx_atomic_uint_t pid = slot->pid;

    if (pid != 0
        && (kill((ngx_pid_t) pid, 0) == 0 || ngx_errno != ESRCH))
    {
        return 0;
    }
    return ngx_atomic_cmp_set(&slot->pid, pid, (ngx_atomic_uint_t) ngx_pid);
}


static void
ngx_http_wizdata_counters_zero_gauges(ngx_http_wizdata_counters_t *slot)
{
    ngx_uint_t i;

    slot->active = 0;
    for (i = 0; i < WD_SVC_COUNT; i++) {
        slot->rpc[i].in_flight = 0;
        slot->rpc[i].connections = 0;
    }
}


ngx_http_wizdata_counters_t *
ngx_http_wizdata_counters_claim(ngx_cycle_t *cycle, ngx_shm_zone_t *zone)
{
    ngx_uint_t                        i;
    ngx_atomic_uint_t                 n;
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    for (i = 0; i < NGX_HTTP_WIZDATA_SLOTS; i++) {
        if (!ngx_http_wizdata_counters_take(&z->slots[i])) {
            continue;
        }
        while ((n = z->n_slots) <= i) {
            (void) ngx_atomic_cmp_set(&z->n_slots, n, i + 1);
        }
        ngx_http_wizdata_counters_zero_gauges(&z->slots[i]);
        return &z->slots[i];
    }

    ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                  "wizdata: over %d workers, this one is not counted",
                  NGX_HTTP_WIZDATA_SLOTS);
    return ngx_pcalloc(cycle->pool, sizeof(ngx_http_wizdata_counters_t));
}


void
ngx_http_wizdata_counters_leave(ngx_http_wizdata_counters_t *slot)
{
    ngx_http_wizdata_counters_zero_gauges(slot);
    ngx_memory_barrier();
    slot->pid = 0;
}


ngx_uint_t
ngx_http_wizdata_counters_key(ngx_shm_zone_t *zone, wd_str_t id)
{
    ngx_uint_t                        i;
    ngx_slab_pool_t                  *pool;
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    if (id.len == 0 || id.len > NGX_HTTP_WIZDATA_KEY_ID_MAX) {
        return NGX_HTTP_WIZDATA_KEYS;
    }

    pool = (ngx_slab_pool_t *) zone->shm.addr;
    ngx_shmtx_lock(&pool->mutex);

    for (i = 0; i < z->n_keys && !wd_str_eq_z(id, z->keys[i]); i++) {
        /* void */
    }
    if (i == z->n_keys && i < NGX_HTTP_WIZDATA_KEYS) {
        wd_str_copy(z->keys[i], sizeof(z->keys[i]), id);
        z->n_keys++;
    }

    ngx_shmtx_unlock(&pool->mutex);
    return i;
}


static ngx_uint_t
ngx_http_wizdata_status_row(ngx_uint_t status)
{
    ngx_uint_t i;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_statuses); i++) {
        if (ngx_http_wizdata_statuses[i] == status) {
            break;
        }
    }
    return i;
}


static ngx_uint_t
ngx_http_wizdata_verb_row(ngx_http_request_t *r)
{
    switch (r->method) {
    case NGX_HTTP_GET:
        return 0;
    case NGX_HTTP_HEAD:
        return 1;
    case NGX_HTTP_POST:
        return 2;
    case NGX_HTTP_DELETE:
        return 3;
    default:
        return 4;
    }
}


static void
ngx_http_wizdata_observe(ngx_http_wizdata_histogram_t *h,
    ngx_http_request_t *r)
{
    ngx_uint_t     i;
    ngx_time_t    *tp = ngx_timeofday();
    ngx_msec_int_t ms;

    ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                           + (ngx_msec_int_t) (tp->msec - r->start_msec));
    ms = ngx_max(ms, 0);

    for (i = 0; i < wd_array_len(ngx_http_wizdata_bounds_ms); i++) {
        if ((ngx_uint_t) ms <= ngx_http_wizdata_bounds_ms[i]) {
            break;
        }
    }
    h->count[i]++;
    h->sum_ms += ms;
}


static void
ngx_http_wizdata_count_error(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t status)
{
    int                  code = ctx->problem.code;
    const wd_err_info_t *info;

    if (code == 0 || ctx->problem.status != status) {
        info = wd_err_by_http((int) status);
        code = info != NULL ? info->code : WD_EINTERNAL;
    }

    if (-code > 0 && -code < NGX_HTTP_WIZDATA_ERRORS) {
        ctx->counters->errors[ctx->endpoint][-code]++;
    }
}


/* Requests that the module had nothing to do with have no context. */
ngx_int_t
ngx_http_wizdata_counters_handler(ngx_http_request_t *r)
{
    ngx_uint_t                   verb, status;
    ngx_http_wizdata_ctx_t      *ctx;
    ngx_http_wizdata_counters_t *m;

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx == NULL || r != r->main) {
        return NGX_OK;
    }

    m = ctx->counters;
    status = r->err_status ? r->err_status : r->headers_out.status;
    verb = ngx_http_wizdata_verb_row(r);

    m->requests[ctx->endpoint][verb][ngx_http_wizdata_status_row(status)]++;
    ngx_http_wizdata_observe(&m->seconds[ctx->endpoint][verb], r);

    if (ctx->has_digest && ctx->verdict.bits != 0) {
        m->keys[ctx->verdict.label][ctx->endpoint]++;
    }
    if (status >= 500) {
        ngx_http_wizdata_count_error(ctx, status);
    }
    return NGX_OK;
}


static void
ngx_http_wizdata_add_up(uint64_t *sum, const volatile uint64_t *p, size_t n)
{
    while (n-- != 0) {
        *sum++ += *p++;
    }
}


/* Everything behind `pid` is 64-bit counts. */
static ngx_http_wizdata_counters_t *
ngx_http_wizdata_counters_sum(ngx_http_wizdata_counters_zone_t *z)
{
    size_t                       from, n;
    ngx_uint_t                   i;
    ngx_http_wizdata_counters_t *sum;

    sum = ngx_calloc(sizeof(ngx_http_wizdata_counters_t), ngx_cycle->log);
    if (sum == NULL) {
        return NULL;
    }

    from = offsetof(ngx_http_wizdata_counters_t, active);
    n = (sizeof(ngx_http_wizdata_counters_t) - from) / sizeof(uint64_t);

    for (i = 0; i < z->n_slots; i++) {
        ngx_http_wizdata_add_up((uint64_t *) (void *) &sum->active,
                                (uint64_t *) (void *) &z->slots[i].active, n);
    }
    return sum;
}


/* The path template; what is not in the catalogue has a name of its own. */
static const char *
ngx_http_wizdata_endpoint_name(ngx_uint_t ep)
{
    switch (ep) {
    case NGX_HTTP_WIZDATA_EP_HEALTH:
        return "/health";
    case NGX_HTTP_WIZDATA_EP_DETAILED:
        return "/health/detailed";
    case NGX_HTTP_WIZDATA_EP_METRICS:
        return "/metrics";
    case NGX_HTTP_WIZDATA_EP_OTHER:
        return "other";
    default:
        return wd_methods()[ep].path;
    }
}


static void
ngx_http_wizdata_family(wd_buf_t *out, const char *name, const char *type,
    const char *help)
{
    wd_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}


static void
ngx_http_wizdata_render_requests(wd_buf_t *out,
    const ngx_http_wizdata_counters_t *m)
{
    ngx_uint_t ep, v, s;
    uint64_t   n;

    ngx_http_wizdata_family(out, "http_requests_total", "counter",
                            "HTTP requests answered");

    for (ep = 0; ep < NGX_HTTP_WIZDATA_EPS; ep++) {
        for (v = 0; v < NGX_HTTP_WIZDATA_VERBS; v++) {
            for (s = 0; s < NGX_HTTP_WIZDATA_STATUSES; s++) {
                n = m->requests[ep][v][s];
                if (n == 0) {
                    continue;
                }
                wd_buf_printf(out,
                              "http_requests_total{method=\"%s\","
                              "endpoint=\"%s\",status_code=\"",
                              ngx_http_wizdata_verbs[v],
                              ngx_http_wizdata_endpoint_name(ep));
                if (s < wd_array_len(ngx_http_wizdata_statuses)) {
                    wd_buf_printf(out, "%u", (unsigned)
                                  ngx_http_wizdata_statuses[s]);
                } else {
                    wd_buf_z(out, "other");
                }
                wd_buf_printf(out, "\"} %llu\n", (unsigned long long) n);
            }
        }
    }
}


static void
ngx_http_wizdata_render_histogram(wd_buf_t *out,
    const ngx_http_wizdata_histogram_t *h, const char *labels)
{
    ngx_uint_t i;
    uint64_t   n = 0;

    for (i = 0; i < NGX_HTTP_WIZDATA_BUCKETS; i++) {
        n += h->count[i];
        wd_buf_printf(out, "http_request_duration_seconds_bucket{%s,le=\"",
                      labels);
        if (i < wd_array_len(ngx_http_wizdata_bounds_ms)) {
            wd_buf_printf(out, "%g",
                          (double) ngx_http_wizdata_bounds_ms[i] / 1000);
        } else {
            wd_buf_z(out, "+Inf");
        }
        wd_buf_printf(out, "\"} %llu\n", (unsigned long long) n);
    }

    wd_buf_printf(out, "http_request_duration_seconds_sum{%s} %.3f\n", labels,
                  (double) h->sum_ms / 1000);
    wd_buf_printf(out, "http_request_duration_seconds_count{%s} %llu\n",
                  labels, (unsigned long long) n);
}


static void
ngx_http_wizdata_render_seconds(wd_buf_t *out,
    const ngx_http_wizdata_counters_t *m)
{
    char                                labels[160];
    ngx_uint_t                          ep, v, i;
    const ngx_http_wizdata_histogram_t *h;

    ngx_http_wizdata_family(out, "http_request_duration_seconds", "histogram",
                            "Time from the first byte of a request to the "
                            "last one of its answer");

    for (ep = 0; ep < NGX_HTTP_WIZDATA_EPS; ep++) {
        for (v = 0; v < NGX_HTTP_WIZDATA_VERBS; v++) {
            h = &m->seconds[ep][v];
            for (i = 0; i < NGX_HTTP_WIZDATA_BUCKETS; i++) {
                if (h->count[i] != 0) {
                    break;
                }
            }
            if (i == NGX_HTTP_WIZDATA_BUCKETS) {
                continue;
            }
            snprintf(labels, sizeof(labels), "method=\"%s\",endpoint=\"%s\"",
                     ngx_http_wizdata_verbs[v],
                     ngx_http_wizdata_endpoint_name(ep));
            ngx_http_wizdata_render_histogram(out, h, labels);
        }
    }
}


static void
ngx_http_wizdata_render_keys(wd_buf_t *out,
    ngx_http_wizdata_counters_zone_t *z, const ngx_http_wizdata_counters_t *m)
{
    ngx_uint_t k, ep;

    ngx_http_wizdata_family(out, "api_key_requests_total", "counter",
                            "Requests by id of the API key (the first 64 "
                            "keys seen, then other)");

    for (k = 0; k <= NGX_HTTP_WIZDATA_KEYS; k++) {
        for (ep = 0; ep < NGX_HTTP_WIZDATA_EPS; ep++) {
            if (m->keys[k][ep] == 0) {
                continue;
            }
            wd_buf_z(out, "api_key_requests_total{api_key_hash=");
            wd_json_escape(out, wd_str_z(k < NGX_HTTP_WIZDATA_KEYS
                                         ? z->keys[k] : "other"));
            wd_buf_printf(out, ",endpoint=\"%s\"} %llu\n",
                          ngx_http_wizdata_endpoint_name(ep),
                          (unsigned long long) m->keys[k][ep]);
        }
    }
}


static void
ngx_http_wizdata_render_errors(wd_buf_t *out,
    const ngx_http_wizdata_counters_t *m)
{
    ngx_uint_t ep, e;

    ngx_http_wizdata_family(out, "application_errors_total", "counter",
                            "Answers with a status of 500 or more");

    for (ep = 0; ep < NGX_HTTP_WIZDATA_EPS; ep++) {
        for (e = 1; e < NGX_HTTP_WIZDATA_ERRORS; e++) {
            if (m->errors[ep][e] == 0) {
                continue;
            }
            wd_buf_printf(out,
                          "application_errors_total{error_type=\"%s\","
                          "endpoint=\"%s\"} %llu\n",
                          wd_err_info(-(int) e)->slug,
                          ngx_http_wizdata_endpoint_name(ep),
                          (unsigned long long) m->errors[ep][e]);
        }
    }
}


static const struct {
    const char *name;
    const char *type;
    const char *help;
    size_t      offset;
} ngx_http_wizdata_rpc_rows[] = {
    {"wizdata_rpc_requests_total", "counter", "RPC requests sent",
     offsetof(ngx_http_wizdata_rpc_counters_t, requests)},
    {"wizdata_rpc_writes_total", "counter",
     "System calls that sent RPC frames; each takes many",
     offsetof(ngx_http_wizdata_rpc_counters_t, writes)},
    {"wizdata_rpc_reconnects_total", "counter",
     "RPC connections that broke and had to be made again",
     offsetof(ngx_http_wizdata_rpc_counters_t, lost)},
    {"wizdata_rpc_malformed_frames_total", "counter",
     "RPC connections closed because of a malformed frame",
     offsetof(ngx_http_wizdata_rpc_counters_t, malformed)},
    {"wizdata_rpc_retries_total", "counter",
     "RPC requests sent again because their connection died",
     offsetof(ngx_http_wizdata_rpc_counters_t, retries)},
    {"wizdata_rpc_timeouts_total", "counter",
     "RPC requests that missed their deadline",
     offsetof(ngx_http_wizdata_rpc_counters_t, timeouts)},
    {"wizdata_rpc_cancels_total", "counter", "RPC requests cancelled",
     offsetof(ngx_http_wizdata_rpc_counters_t, cancels)},
    {"wizdata_rpc_refused_total", "counter",
     "Requests refused: over the in-flight cap, or no backend connected",
     offsetof(ngx_http_wizdata_rpc_counters_t, refused)},
    {"wizdata_rpc_queued_total", "counter",
     "Requests that waited for a slot or a connection",
     offsetof(ngx_http_wizdata_rpc_counters_t, queued)},
    {"wizdata_rpc_queue_full_total", "counter",
     "Requests refused because the queue was full",
     offsetof(ngx_http_wizdata_rpc_counters_t, queue_full)},
    {"wizdata_rpc_queue_timeouts_total", "counter",
     "Requests refused after queue_timeout in the queue",
     offsetof(ngx_http_wizdata_rpc_counters_t, queue_timeouts)},
    {"wizdata_rpc_shed_cheap_total", "counter",
     "Cheap reads refused to keep the queue short",
     offsetof(ngx_http_wizdata_rpc_counters_t, shed[WD_CLASS_CHEAP])},
    {"wizdata_rpc_shed_heavy_total", "counter",
     "Expensive reads refused to keep the queue short",
     offsetof(ngx_http_wizdata_rpc_counters_t, shed[WD_CLASS_HEAVY])},
    {"wizdata_rpc_shed_write_total", "counter",
     "Writes refused to keep the queue short",
     offsetof(ngx_http_wizdata_rpc_counters_t, shed[WD_CLASS_WRITE])},
    {"wizdata_rpc_retries_refused_total", "counter",
     "RPC requests not sent again because the retry budget was spent",
     offsetof(ngx_http_wizdata_rpc_counters_t, retries_refused)},
    {"wizdata_breaker_opened_total", "counter",
     "Endpoints taken out for their errors or their latency",
     offsetof(ngx_http_wizdata_rpc_counters_t, breaker_opened)},
    {"wizdata_breaker_closed_total", "counter",
     "Endpoints taken back after good probes",
     offsetof(ngx_http_wizdata_rpc_counters_t, breaker_closed)},
    {"wizdata_breaker_spared_total", "counter",
     "Failures of endpoints that were kept because too few others are left",
     offsetof(ngx_http_wizdata_rpc_counters_t, breaker_spared)},
    {"wizdata_probes_total", "counter", "Health probes sent",
     offsetof(ngx_http_wizdata_rpc_counters_t, probes)},
    {"wizdata_probe_failures_total", "counter",
     "Health probes that failed or were not answered in time",
     offsetof(ngx_http_wizdata_rpc_counters_t, probe_failures)},
    {"wizdata_rpc_in_flight", "gauge", "RPC requests waiting for an answer",
     offsetof(ngx_http_wizdata_rpc_counters_t, in_flight)},
    {"wizdata_rpc_connections", "gauge", "RPC connections that are ready",
     offsetof(ngx_http_wizdata_rpc_counters_t, connections)},
};


static void
ngx_http_wizdata_render_rpc(wd_buf_t *out,
    const ngx_http_wizdata_counters_t *m)
{
    size_t   i, s;
    int64_t  v;
    unsigned char const *row;

    for (i = 0; i < wd_array_len(ngx_http_wizdata_rpc_rows); i++) {
        ngx_http_wizdata_family(out, ngx_http_wizdata_rpc_rows[i].name,
                                ngx_http_wizdata_rpc_rows[i].type,
                                ngx_http_wizdata_rpc_rows[i].help);

        for (s = WD_SVC_ANY + 1; s < WD_SVC_COUNT; s++) {
            row = (unsigned char const *) &m->rpc[s]
                  + ngx_http_wizdata_rpc_rows[i].offset;
            ngx_memcpy(&v, row, sizeof(v));
            wd_buf_printf(out, "%s{service=\"%s\"} %lld\n",
                          ngx_http_wizdata_rpc_rows[i].name,
                          wd_service_name(s), (long long) v);
        }
    }
}


static void
ngx_http_wizdata_render_cache(wd_buf_t *out,
    const ngx_http_wizdata_counters_t *m)
{
    ngx_uint_t i;

    ngx_http_wizdata_family(out, "cache_operations_total", "counter",
                            "Look-ups in the gateway's caches");
    for (i = 0; i < NGX_HTTP_WIZDATA_CACHE_RESULTS; i++) {
        wd_buf_printf(out,
                      "cache_operations_total{operation=\"verdict\","
                      "result=\"%s\"} %llu\n",
                      ngx_http_wizdata_cache_results[i],
                      (unsigned long long) m->cache[i]);
    }
}


void
ngx_http_wizdata_counters_render(ngx_shm_zone_t *zone, wd_buf_t *out)
{
    ngx_http_wizdata_counters_t      *m;
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    m = ngx_http_wizdata_counters_sum(z);
    if (m == NULL) {
        out->err = WD_ENOMEM;
        return;
    }

    ngx_http_wizdata_render_requests(out, m);
    ngx_http_wizdata_render_seconds(out, m);

    ngx_http_wizdata_family(out, "http_requests_active", "gauge",
                            "HTTP requests being worked on");
    wd_buf_printf(out, "http_requests_active %lld\n", (long long) m->active);

    ngx_http_wizdata_render_keys(out, z, m);
    ngx_http_wizdata_render_cache(out, m);

    ngx_http_wizdata_family(out, "rate_limit_hits_total", "counter",
                            "Requests refused by a rate limit");
    wd_buf_z(out, "rate_limit_hits_total{client_type=\"anonymous\"} 0\n"
                  "rate_limit_hits_total{client_type=\"api_key\"} 0\n");

    ngx_http_wizdata_render_errors(out, m);
    ngx_http_wizdata_render_rpc(out, m);
    ngx_free(m);
}
