/*
 * ingestion_fetcher_state.c - what a fetcher is doing, for status, metrics and
 * log.
 */
#include "ingestion_fetcher_int.h"

#include "wd_metrics.h"


static bool
any_open(const ingestion_fetcher_t *f, int64_t *ret_ms)
{
    size_t  i;
    wd_ns_t now = wd_monotonic();

    for (i = 0; i < f->p->n_datasets; i++) {
        if (ingestion_breaker_state(&f->endpoints[i].breaker, now)
            == BREAKER_OPEN) {
            *ret_ms = (f->endpoints[i].breaker.open_until - now) / WD_NS_PER_MS
                      + 1;
            return true;
        }
    }
    return false;
}


void
ingestion_fetcher_set_state(ingestion_fetcher_t *f, ingestion_fetcher_e state,
                            int64_t wait_ms)
{
    static const char *const names[] = {
#define FETCHER_STATE(id, name) name,
        FETCHER_STATE_TABLE(FETCHER_STATE)
#undef FETCHER_STATE
    };
    bool new;

    /* A data set out of order, and none in order since. */
    if (state == FETCHER_OK && f->outages >= f->breaker.threshold
        && any_open(f, &wait_ms)) {
        state = FETCHER_BREAKER_OPEN;
    }
    pthread_mutex_lock(&f->lock);
    new = f->state.state != state;
    f->state.state = state;
    f->state.state_name = names[state];
    f->state.until = wait_ms > 0 ? wd_now() + wait_ms * WD_NS_PER_MS : 0;
    pthread_mutex_unlock(&f->lock);
    ingestion_fetcher_show(f);

    if (new) {
        wd_log_info(f->in->log, "provider state", "provider", f->p->name,
                    "state", names[state]);
    }
}


static void
tell_endpoint(const ingestion_fetcher_t *f, const char *dataset,
              const ingestion_endpoint_state_t *s)
{
    wd_metric(WD_MX_PROVIDER_INFLIGHT, s->inflight, f->p->name, dataset, NULL);
    wd_metric(WD_MX_PROVIDER_BREAKER, s->breaker, f->p->name, dataset, NULL);
}


/* With the lock held. What nobody uses has no metrics. */
static void
show_endpoint(ingestion_fetcher_t *f, size_t i, wd_ns_t now)
{
    const ingestion_endpoint_t *e = &f->endpoints[i];
    ingestion_endpoint_state_t *s = &f->state.endpoints[i], old = *s;

    s->breaker = ingestion_breaker_state(&e->breaker, now);
    s->until = s->breaker == BREAKER_OPEN
                   ? wd_now() + (e->breaker.open_until - now)
                   : 0;
    s->failures = e->breaker.failures;
    s->inflight = e->inflight;
    if (s->breaker != old.breaker || s->inflight != old.inflight) {
        tell_endpoint(f, f->p->datasets[i].name, s);
    }
}


static void
show_host(ingestion_fetcher_t *f, wd_ns_t now)
{
    uint32_t                   retries = ingestion_retries_left(&f->retries);
    ingestion_fetcher_state_t *s = &f->state;
    ingestion_breaker_e        old = s->breaker;

    s->breaker = ingestion_breaker_state(&f->breaker, now);
    if (s->breaker != old) {
        wd_metric(WD_MX_PROVIDER_BREAKER, s->breaker, f->p->name, "", NULL);
    }
    if (s->retries_left != retries) {
        wd_metric(WD_MX_PROVIDER_RETRIES, retries, f->p->name, NULL, NULL);
    }
    s->retries_left = retries;
}


/* Breakers and what is under way, as they are now. */
void
ingestion_fetcher_show(ingestion_fetcher_t *f)
{
    size_t  i;
    wd_ns_t now = wd_monotonic();

    pthread_mutex_lock(&f->lock);
    show_host(f, now);
    f->state.failures = f->outages;
    f->state.inflight = f->n_flights;
    f->state.n_endpoints = f->p->n_datasets;
    f->state.keys_refused = 0;
    for (i = 0; i < f->account->n_keys; i++) {
        f->state.keys_refused += f->refused[i];
    }
    for (i = 0; i < f->p->n_datasets; i++) {
        show_endpoint(f, i, now);
    }
    pthread_mutex_unlock(&f->lock);
}


static void
tell_quota(ingestion_fetcher_t *f, const char *window, int64_t left)
{
    if (left >= 0) {
        wd_metric(WD_MX_PROVIDER_QUOTA, (double) left, f->p->name, window,
                  NULL);
    }
}


void
ingestion_fetcher_set_quota(ingestion_fetcher_t    *f,
                            const ingestion_take_t *take)
{
    memcpy(f->left_day, take->left_day_of, sizeof(f->left_day));
    pthread_mutex_lock(&f->lock);
    f->state.left_second = take->left_second;
    f->state.left_minute = take->left_minute;
    f->state.left_day = take->left_day;
    pthread_mutex_unlock(&f->lock);

    tell_quota(f, "second", take->left_second);
    tell_quota(f, "minute", take->left_minute);
    tell_quota(f, "day", take->left_day);
}


void
ingestion_fetcher_limited(ingestion_fetcher_t *f, const ingestion_take_t *take)
{
    bool day = strcmp(take->reason, "day") == 0
               || strcmp(take->reason, "limit_long") == 0;

    ingestion_fetcher_set_state(f, day ? FETCHER_PARKED : FETCHER_LIMITED,
                                take->wait_ms);
}


void
ingestion_fetcher_note(ingestion_fetcher_t *f, const ingestion_flight_t *fl,
                       const ingestion_result_t *r)
{
    wd_ns_t now = wd_now();

    if (r->good) {
        wd_metric(WD_MX_PROVIDER_SUCCESS, (double) (now / WD_NS_PER_S),
                  f->p->name, fl->job.dataset, NULL);
    }
    pthread_mutex_lock(&f->lock);
    if (r->good) {
        f->state.succeeded++;
        f->state.last_success = now;
    } else {
        f->state.failed++;
        f->state.last_error_at = now;
        wd_str_copy(f->state.last_error_class,
                    sizeof(f->state.last_error_class), wd_str_z(r->class));
        wd_str_copy(f->state.last_error, sizeof(f->state.last_error),
                    wd_str_z(r->text));
    }
    pthread_mutex_unlock(&f->lock);
}


void
ingestion_fetcher_state(ingestion_fetcher_t *f, ingestion_fetcher_state_t *ret)
{
    pthread_mutex_lock(&f->lock);
    *ret = f->state;
    pthread_mutex_unlock(&f->lock);
}
