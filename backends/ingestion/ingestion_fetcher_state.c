/*
 * ingestion_fetcher_state.c - what a fetcher is doing, for status, metrics and
 * log.
 */
#include "ingestion_fetcher_int.h"

#include "wd_metrics.h"


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

    pthread_mutex_lock(&f->lock);
    new = f->state.state != state;
    f->state.state = state;
    f->state.state_name = names[state];
    f->state.until = wait_ms > 0 ? wd_now() + wait_ms * WD_NS_PER_MS : 0;
    f->state.failures = f->breaker.failures;
    pthread_mutex_unlock(&f->lock);

    if (new) {
        wd_log_info(f->in->log, "provider state", "provider", f->p->name,
                    "state", names[state]);
    }
}


void
ingestion_fetcher_set_job(ingestion_fetcher_t *f, int64_t id)
{
    pthread_mutex_lock(&f->lock);
    f->state.job = id;
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
ingestion_fetcher_note(ingestion_fetcher_t *f, const ingestion_result_t *r)
{
    pthread_mutex_lock(&f->lock);
    if (r->good) {
        f->state.succeeded++;
        f->state.last_success = wd_now();
    } else {
        f->state.failed++;
        f->state.last_error_at = wd_now();
        wd_str_copy(f->state.last_error_class,
                    sizeof(f->state.last_error_class), wd_str_z(r->class));
        wd_str_copy(f->state.last_error, sizeof(f->state.last_error),
                    wd_str_z(r->text));
    }
    f->state.failures = f->breaker.failures;
    pthread_mutex_unlock(&f->lock);
}


void
ingestion_fetcher_state(ingestion_fetcher_t *f, ingestion_fetcher_state_t *ret)
{
    pthread_mutex_lock(&f->lock);
    *ret = f->state;
    pthread_mutex_unlock(&f->lock);
}
