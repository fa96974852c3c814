/*
 * ngx_http_wizdata_metrics.c - the zone of counters, and counting.
 */
#include "ngx_http_wizdata_families.h"

#include <signal.h>


const uint64_t ngx_http_wizdata_bounds[NGX_HTTP_WIZDATA_BOUNDS] = {
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000,
    25000000, 50000000, 100000000, 250000000, 500000000, 1000000000,
    2500000000, 5000000000, 10000000000};

/* By the number of bits of a time: the first bound that it may be below. */
static const uint8_t ngx_http_wizdata_first_bound[64 + 1] = {
    [17] = 1,  [18] = 2,  [19] = 3,  [20] = 4,  [21] = 5,  [22] = 5,
    [23] = 6,  [24] = 7,  [25] = 8,  [26] = 9,  [27] = 10, [28] = 11,
    [29] = 12, [30] = 13, [31] = 14, [32] = 14, [33] = 15, [34] = 16,
    [35 ... 64] = 17};

/* Gauges of a slot, which end with the process. */
static const ngx_uint_t ngx_http_wizdata_gauges[] = {
#define NGX_HTTP_WIZDATA_ROW_COUNTER(id)
#define NGX_HTTP_WIZDATA_ROW_GAUGE(id) NGX_HTTP_WIZDATA_M_##id,
#define NGX_HTTP_WIZDATA_ROW_SECONDS(id)
#define NGX_HTTP_WIZDATA_ROW_SECONDS_PUSH(id)
#define METRIC(id, name, type, by, labels, help)                              \
    NGX_HTTP_WIZDATA_ROW_##type(id)
#define METRIC_RPC(field, name, type, help)
#define METRIC_CALL(name, type, labels, help, function)
#include "ngx_http_wizdata_metrics.def"
#undef METRIC
#undef METRIC_RPC
#undef METRIC_CALL
};


size_t
ngx_http_wizdata_counters_size(void)
{
    size_t n = sizeof(ngx_http_wizdata_counters_zone_t);

    /* Two words of bookkeeping per page, and the pool's own head. */
    return ngx_align(n + n / 64 + 16 * ngx_pagesize, ngx_pagesize);
}


size_t
ngx_http_wizdata_counters_used(ngx_shm_zone_t *zone)
{
    ngx_http_wizdata_counters_zone_t *z = zone->data;

    return offsetof(ngx_http_wizdata_counters_zone_t, slots)
           + z->n_slots * sizeof(ngx_http_wizdata_counters_t);
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

    pool->data = z;
    zone->data = z;
    return NGX_OK;
}


static ngx_uint_t
ngx_http_wizdata_counters_take(ngx_http_wizdata_counters_t *slot)
{
    ngx_atomic_uint_t pid = slot->pid;

    /* One that was killed could not leave it. */
    if (pid != 0 && !wd_pid_gone((uint32_t) pid)) {
        return 0;
    }
    return ngx_atomic_cmp_set(&slot->pid, pid, (ngx_atomic_uint_t) ngx_pid);
}


static void
ngx_http_wizdata_counters_zero_gauges(ngx_http_wizdata_counters_t *slot)
{
    ngx_uint_t i;

    slot->active = 0;
    for (i = 0; i < wd_array_len(ngx_http_wizdata_gauges); i++) {
        slot->cells[ngx_http_wizdata_gauges[i]] = 0;
    }
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


void
ngx_http_wizdata_counters_bury(ngx_http_wizdata_counters_zone_t *z)
{
    ngx_uint_t         i, n = z->n_slots;
    ngx_atomic_uint_t  pid;

    for (i = 0; i < n; i++) {
        pid = z->slots[i].pid;
        if (pid != 0 && wd_pid_gone((uint32_t) pid)
            && ngx_atomic_cmp_set(&z->slots[i].pid, pid,
                                  (ngx_atomic_uint_t) ngx_pid))
        {
            ngx_http_wizdata_counters_leave(&z->slots[i]);
        }
    }
}


ngx_uint_t
ngx_http_wizdata_histogram_add(ngx_http_wizdata_histogram_t *h, int64_t ns)
{
    uint64_t   t = (uint64_t) ngx_max(ns, 0);
    ngx_uint_t i;

    i = ngx_http_wizdata_first_bound[64 - __builtin_clzll(t | 1)];
    while (i < NGX_HTTP_WIZDATA_BOUNDS && t > ngx_http_wizdata_bounds[i]) {
        i++;
    }
    h->count[i]++;
    h->sum += t;
    return i;
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


/* What took place, each from the end of what came before it. */
static void
ngx_http_wizdata_count_parts(ngx_http_wizdata_series_t *series,
    const ngx_http_wizdata_times_t *t, uint64_t end)
{
    ngx_uint_t     i;
    uint64_t       from = t->start;
    const uint64_t marks[NGX_HTTP_WIZDATA_PARTS] = {
        t->auth, t->limit, t->cache, t->backend, end};

    for (i = 0; i <= NGX_HTTP_WIZDATA_PART_WRITE; i++) {
        if (marks[i] < from) {
            continue; /* it did not take place */
        }
        (void) ngx_http_wizdata_histogram_add(&series->parts[i],
                                              (int64_t) (marks[i] - from));
        from = marks[i];
    }
    (void) ngx_http_wizdata_histogram_add(
        &series->parts[NGX_HTTP_WIZDATA_PART_TOTAL],
        (int64_t) (end - t->start));
}


static void
ngx_http_wizdata_count_series(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t status,
    uint64_t end)
{
    ngx_uint_t                 i;
    ngx_http_wizdata_series_t *series;

    i = ngx_http_wizdata_counters_series(ctx->worker->conf->counters,
                                         ctx->endpoint, status,
                                         ctx->verdict.plan);
    series = &ctx->counters->series[i];
    series->requests++;
    series->received += (uint64_t) ctx->request->request_length;
    series->sent += (uint64_t) ctx->request->connection->sent;
    ngx_http_wizdata_count_parts(series, &ctx->times, end);
}


/* The flag is the last bit of the last hexadecimal digit. */
static ngx_uint_t
ngx_http_wizdata_sampled(u_char c)
{
    return (c <= '9' ? c : c + 1) & 1;
}


/* One a second and bucket is enough; only of traces that are kept. */
static void
ngx_http_wizdata_exemplar_put(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t bucket,
    ngx_uint_t verb, uint64_t ns)
{
    uint64_t                     now = (uint64_t) ngx_time();
    const u_char                *trace = ctx->traceparent_text;
    ngx_http_wizdata_exemplar_t *e;

    e = &ctx->counters->exemplars[ctx->endpoint][bucket];
    if (e->seconds == now
        || !ngx_http_wizdata_sampled(trace[WD_TRACEPARENT_LEN - 1]))
    {
        return;
    }

    __atomic_store_n(&e->seq, e->seq | 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    e->verb = (uint32_t) verb;
    e->seconds = now;
    e->ns = ns;
    ngx_memcpy(e->trace, trace + 3, sizeof(e->trace));
    __atomic_store_n(&e->seq, (e->seq | 1) + 1, __ATOMIC_RELEASE);
}


/* Requests that the module had nothing to do with have no context. */
ngx_int_t
ngx_http_wizdata_counters_handler(ngx_http_request_t *r)
{
    uint64_t                     end, ns;
    ngx_uint_t                   verb, status, bucket;
    ngx_http_wizdata_ctx_t      *ctx;
    ngx_http_wizdata_counters_t *m;

    ctx = ngx_http_wizdata_ctx_find(r);
    if (ctx == NULL || r != r->main
        || !ctx->worker->conf->metrics_requests)
    {
        return NGX_OK;
    }

    m = ctx->counters;
    end = ngx_http_wizdata_clock();
    ns = end - ctx->times.start;
    status = r->err_status ? r->err_status : r->headers_out.status;
    verb = ngx_http_wizdata_verb_row(r);

    m->requests[ctx->endpoint][verb][ngx_http_wizdata_status_row(status)]++;
    bucket = ngx_http_wizdata_histogram_add(&m->seconds[ctx->endpoint][verb],
                                            (int64_t) ns);
    ngx_http_wizdata_exemplar_put(ctx, bucket, verb, ns);
    ngx_http_wizdata_count_series(ctx, status, end);

    if (ctx->has_digest && !wd_method_set_is_empty(&ctx->verdict.bits)) {
        m->keys[ctx->verdict.label][ctx->endpoint]++;
    }
    if (status >= 500) {
        ngx_http_wizdata_count_error(ctx, status);
    }
    return NGX_OK;
}
