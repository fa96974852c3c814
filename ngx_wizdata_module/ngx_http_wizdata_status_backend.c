/*
 * ngx_http_wizdata_status_backend.c - a backend on the status pages: what it
 * answered now, and what all workers of this host know of its endpoints.
 */
#include "ngx_http_wizdata_status.h"


static const char *const ngx_http_wizdata_health_names[] = {
    [WD_HEALTH_UNKNOWN] = "unknown", [WD_HEALTH_HEALTHY] = "healthy",
    [WD_HEALTH_DEGRADED] = "degraded", [WD_HEALTH_DRAINING] = "draining",
    [WD_HEALTH_UNHEALTHY] = "unhealthy"};

static const char *const ngx_http_wizdata_breaker_names[] = {
    [WD_BREAKER_CLOSED] = "closed", [WD_BREAKER_OPEN] = "open",
    [WD_BREAKER_HALF_OPEN] = "half_open"};


/* Over all endpoints. */
typedef struct {
    wd_ns_t    last_ok; /* 0: none was ever answered */
    char       last_error[WD_FLEET_ERROR_MAX + 1];
    ngx_uint_t connected; /* of this worker */
} ngx_http_wizdata_backend_t;


static void
ngx_http_wizdata_backend_read(ngx_http_wizdata_worker_t *w, wd_service_e id,
    ngx_http_wizdata_backend_t *b)
{
    ngx_uint_t                     i;
    ngx_http_wizdata_health_read_t h;

    ngx_memzero(b, sizeof(*b));
    for (i = 0; ngx_http_wizdata_health_read(w, id, i, &h) == NGX_OK; i++) {
        b->last_ok = ngx_max(b->last_ok, h.at.last_ok);
        b->connected += h.connected;
        if (b->last_error[0] == '\0') {
            ngx_memcpy(b->last_error, h.at.last_error, sizeof(b->last_error));
        }
    }
}


/* Members last_success and its age; null: a probe was never answered. */
static void
ngx_http_wizdata_backend_success(wd_json_t *j, wd_ns_t at)
{
    wd_ns_t     now;
    ngx_time_t *tp = ngx_timeofday();

    if (at == 0) {
        wd_json_key(j, "last_success");
        wd_json_null(j);
        wd_json_key(j, "last_success_age_seconds");
        wd_json_null(j);
        return;
    }

    now = (wd_ns_t) tp->sec * WD_NS_PER_S + (wd_ns_t) tp->msec * WD_NS_PER_MS;
    wd_json_key(j, "last_success");
    wd_json_time(j, at);
    wd_json_key(j, "last_success_age_seconds");
    wd_json_num(j, (double) (ngx_max(now - at, 0) / WD_NS_PER_MS) / 1000);
}


static void
ngx_http_wizdata_backend_address(wd_json_t *j,
    const ngx_http_wizdata_health_read_t *h)
{
    wd_json_obj(j);
    wd_json_key(j, "address");
    wd_json_str(j, wd_str((char *) h->name.data, h->name.len));
    wd_json_key(j, "state");
    wd_json_z(j, ngx_http_wizdata_health_names[h->at.health]);
    wd_json_key(j, "breaker");
    wd_json_z(j, ngx_http_wizdata_breaker_names[h->at.breaker]);
    wd_json_key(j, "weight_percent");
    wd_json_int(j, h->at.weight * 100 / WD_BREAKER_WEIGHT);
    wd_json_key(j, "connected");
    wd_json_bool(j, h->connected != 0);
    wd_json_key(j, "in_flight");
    wd_json_int(j, h->at.in_flight);
    wd_json_key(j, "probe_ms");
    if (h->at.last_ok != 0) {
        wd_json_num(j, (double) h->at.latency_us / 1000);
    } else {
        wd_json_null(j);
    }
    ngx_http_wizdata_backend_success(j, h->at.last_ok);
    wd_json_key(j, "last_error");
    wd_json_z(j, h->at.last_error[0] != '\0' ? h->at.last_error : NULL);
    wd_json_end(j);
}


static void
ngx_http_wizdata_backend_addresses(wd_json_t *j, ngx_http_wizdata_worker_t *w,
    wd_service_e id)
{
    ngx_uint_t                     i;
    ngx_http_wizdata_health_read_t h;

    wd_json_key(j, "addresses");
    wd_json_arr(j);
    for (i = 0; ngx_http_wizdata_health_read(w, id, i, &h) == NGX_OK; i++) {
        ngx_http_wizdata_backend_address(j, &h);
    }
    wd_json_end(j);
}


const char *
ngx_http_wizdata_answer_error(const ngx_http_wizdata_answer_t *a)
{
    if (a->code == WD_OK) {
        return NULL;
    }
    if (a->code == WD_EUNAVAIL && a->service->last_error != NULL) {
        return a->service->last_error; /* why nobody is connected */
    }
    return wd_err_info(a->code)->slug;
}


void
ngx_http_wizdata_status_backend(wd_json_t *j, ngx_http_wizdata_worker_t *w,
    const ngx_http_wizdata_answer_t *a)
{
    const char                 *error = ngx_http_wizdata_answer_error(a);
    ngx_http_wizdata_backend_t  b;
    ngx_http_wizdata_service_t *s = a->service;

    ngx_http_wizdata_backend_read(w, s->id, &b);

    wd_json_key(j, "latency_ms");
    if (a->code == WD_OK) {
        wd_json_int(j, (int64_t) a->latency);
    } else {
        wd_json_null(j);
    }
    wd_json_key(j, "endpoints");
    wd_json_int(j, (int64_t) s->n_peers);
    wd_json_key(j, "connected");
    wd_json_int(j, (int64_t) b.connected);
    wd_json_key(j, "in_flight");
    wd_json_int(j, wd_fleet_in_flight(&s->fleet));
    wd_json_key(j, "queued");
    wd_json_int(j, wd_fleet_waiting(&s->fleet));
    wd_json_key(j, "shed_level");
    wd_json_int(j, wd_fleet_level(
                       &s->fleet, (wd_ns_t) ngx_current_msec * WD_NS_PER_MS));
    ngx_http_wizdata_backend_success(j, b.last_ok);

    if (error == NULL && b.last_error[0] != '\0') {
        error = b.last_error;
    }
    wd_json_key(j, "last_error");
    wd_json_z(j, error);
    ngx_http_wizdata_backend_addresses(j, w, s->id);
}
