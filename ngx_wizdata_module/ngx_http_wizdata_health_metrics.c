/*
 * ngx_http_wizdata_health_metrics.c - what all workers know of the backends,
 * as metrics.
 */
#include "ngx_http_wizdata_families.h"


static wd_ns_t
ngx_http_wizdata_samples_now(void)
{
    return (wd_ns_t) ngx_current_msec * WD_NS_PER_MS;
}


static int64_t
ngx_http_wizdata_service_value(ngx_http_wizdata_service_t *s, ngx_uint_t what)
{
    switch (what) {
    case 0:
        return wd_fleet_in_flight(&s->fleet);
    case 1:
        return wd_fleet_waiting(&s->fleet);
    default:
        return wd_fleet_level(&s->fleet, ngx_http_wizdata_samples_now());
    }
}


static void
ngx_http_wizdata_service_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx, ngx_uint_t what)
{
    ngx_uint_t                  i;
    ngx_http_wizdata_service_t *sv;

    for (i = WD_SVC_ANY + 1; i < WD_SVC_COUNT; i++) {
        sv = &ctx->worker->services[i];
        if (sv->n_peers != 0) {
            ngx_http_wizdata_sample(
                s, ngx_http_wizdata_service_value(sv, what),
                "service=\"%s\"", wd_service_name(i));
        }
    }
}


void
ngx_http_wizdata_in_flight_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_service_samples(s, ctx, 0);
}


void
ngx_http_wizdata_queue_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_service_samples(s, ctx, 1);
}


void
ngx_http_wizdata_shed_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_service_samples(s, ctx, 2);
}


typedef int64_t (*ngx_http_wizdata_endpoint_pt)(const wd_fleet_state_t *st);


static void
ngx_http_wizdata_endpoint_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx, ngx_http_wizdata_endpoint_pt value)
{
    char                           name[WD_FLEET_NAME_MAX + 1];
    ngx_uint_t                     i, k;
    ngx_http_wizdata_health_read_t h;

    for (i = WD_SVC_ANY + 1; i < WD_SVC_COUNT; i++) {
        for (k = 0; ngx_http_wizdata_health_read(ctx->worker, i, k, &h)
                    == NGX_OK; k++)
        {
            ngx_http_wizdata_sample(
                s, value(&h.at), "service=\"%s\",address=\"%s\"",
                wd_service_name(i),
                ngx_http_wizdata_label(
                    wd_str((char *) h.name.data, h.name.len), name,
                    sizeof(name)));
        }
    }
}


static int64_t
ngx_http_wizdata_of_health(const wd_fleet_state_t *st)
{
    return st->health;
}


static int64_t
ngx_http_wizdata_of_breaker(const wd_fleet_state_t *st)
{
    return st->breaker;
}


static int64_t
ngx_http_wizdata_of_weight(const wd_fleet_state_t *st)
{
    return st->weight * 100 / WD_BREAKER_WEIGHT;
}


static int64_t
ngx_http_wizdata_of_load(const wd_fleet_state_t *st)
{
    return st->in_flight;
}


static int64_t
ngx_http_wizdata_of_probe(const wd_fleet_state_t *st)
{
    return st->latency_us;
}


void
ngx_http_wizdata_health_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_endpoint_samples(s, ctx, ngx_http_wizdata_of_health);
}


void
ngx_http_wizdata_breaker_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_endpoint_samples(s, ctx, ngx_http_wizdata_of_breaker);
}


void
ngx_http_wizdata_weight_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_endpoint_samples(s, ctx, ngx_http_wizdata_of_weight);
}


void
ngx_http_wizdata_load_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_endpoint_samples(s, ctx, ngx_http_wizdata_of_load);
}


void
ngx_http_wizdata_probe_samples(ngx_http_wizdata_samples_t *s,
    ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_endpoint_samples(s, ctx, ngx_http_wizdata_of_probe);
}
