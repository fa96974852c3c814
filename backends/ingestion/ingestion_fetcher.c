/*
 * ingestion_fetcher.c - the loop of a provider's thread.
 */
#include "ingestion_fetcher_int.h"

#include <sodium.h>
#include <stdlib.h>

#define IDLE_MS 1000 /* a job whose wait is over is seen this late */
#define REAP_NS (5 * WD_NS_PER_S)
#define JOIN_MS 3000


static void
account_done(ingestion_account_t *a)
{
    free(a->url);
    if (a->key != NULL) {
        sodium_memzero(a->key, strlen(a->key));
    }
    free(a->key);
    memset(a, 0, sizeof(*a));
}


static void
account_copy(ingestion_account_t *to, const ingestion_account_t *from)
{
    account_done(to);
    *to = *from;
    to->url = from->url != NULL ? strdup(from->url) : NULL;
    to->key = from->key != NULL ? strdup(from->key) : NULL;
}


/* What is left of a window that nobody used; -1: no limit. */
static int64_t
whole(uint32_t limit)
{
    return limit != 0 ? (int64_t) limit : -1;
}


/* A new configuration is a new beginning. */
static void
take_account(ingestion_fetcher_t *f)
{
    bool configured;

    pthread_mutex_lock(&f->lock);
    if (f->generation_used != f->generation) {
        account_copy(&f->account, &f->next);
        f->generation_used = f->generation;
        f->stopped = false;
        ingestion_breaker_success(&f->breaker);
        configured = ingestion_configured(f->p, &f->account);
        f->state.configured = configured;
        f->state.per_second = f->account.per_second;
        f->state.per_minute = f->account.per_minute;
        f->state.per_day = f->account.per_day;
        f->state.left_second = whole(f->account.per_second);
        f->state.left_minute = whole(f->account.per_minute);
        f->state.left_day = whole(f->account.per_day);
    }
    pthread_mutex_unlock(&f->lock);
}


/* Nothing is asked for now: why, and for how long. 0: go on. */
static int64_t
held_up(ingestion_fetcher_t *f)
{
    int64_t                   ms;
    wd_ns_t                   now = wd_monotonic();
    ingestion_archive_state_t lake;

    if (!ingestion_configured(f->p, &f->account)) {
        ingestion_fetcher_set_state(f, FETCHER_NOT_CONFIGURED, 0);
        return 60000;
    }
    if (f->stopped) {
        ingestion_fetcher_set_state(f, FETCHER_STOPPED, 0);
        return 60000;
    }
    if (ingestion_breaker_state(&f->breaker, now) == BREAKER_OPEN) {
        ms = (f->breaker.open_until - now) / WD_NS_PER_MS + 1;
        ingestion_fetcher_set_state(f, FETCHER_BREAKER_OPEN, ms);
        return ms;
    }
    ingestion_archive_state(f->in->archive, &lake);
    if (!lake.writable || lake.full) {
        ingestion_fetcher_set_state(f, FETCHER_STORAGE, INGESTION_STORAGE_MS);
        return INGESTION_STORAGE_MS;
    }
    return 0;
}


static void
reap(ingestion_fetcher_t *f)
{
    int        rc;
    int64_t    n = 0;
    wd_error_t err = {0};

    if (f->reaped != 0 && wd_monotonic() - f->reaped < REAP_NS) {
        return;
    }
    rc = ingestion_store_reap(f->t.pg, f->p->name, &n, &err);
    if (rc != WD_OK) {
        ingestion_thread_pg_failed(&f->t, rc, &err);
        return;
    }
    f->reaped = wd_monotonic();
    if (n != 0) {
        wd_log_warn(f->in->log, "jobs without a living process, queued again",
                    "provider", f->p->name, "jobs", n);
    }
}


/* One job, or the wait for it in milliseconds. */
static int64_t
step(ingestion_fetcher_t *f)
{
    int              rc;
    int64_t          ms;
    wd_error_t       err = {0};
    ingestion_job_t  job;
    ingestion_take_t take;

    take_account(f);
    ms = held_up(f);
    if (ms != 0) {
        return ms;
    }
    if (ingestion_thread_pg(&f->t) != WD_OK) {
        return INGESTION_FAILED_MS;
    }
    reap(f);
    if (f->t.pg == NULL) {
        return INGESTION_FAILED_MS;
    }

    rc = ingestion_store_claim(f->t.pg, f->p->name, f->in->worker,
                               f->in->conf.lease_ms, &f->account, f->debt, &job,
                               &take, &err);
    switch (rc) {
    case WD_OK:
        f->debt = 0;
        ingestion_fetcher_set_quota(f, &take);
        ingestion_thread_pg_worked(&f->t);
        ingestion_fetcher_set_state(f, FETCHER_OK, 0);
        ingestion_fetcher_run(f, &job);
        return 0;
    case WD_ENOTFOUND:
        ingestion_thread_pg_worked(&f->t);
        if (take.reason[0] != '\0') {
            ingestion_fetcher_limited(f, &take);
        } else {
            ingestion_fetcher_set_state(f, FETCHER_OK, 0);
        }
        return IDLE_MS;
    case WD_ELIMIT:
        ingestion_thread_pg_worked(&f->t);
        ingestion_fetcher_set_quota(f, &take);
        ingestion_fetcher_limited(f, &take);
        return take.wait_ms;
    default:
        ingestion_thread_pg_failed(&f->t, rc, &err);
        return INGESTION_FAILED_MS;
    }
}


static void *
fetcher_main(void *arg)
{
    int64_t              ms;
    ingestion_fetcher_t *f = arg;

    while (!ingestion_thread_stops(&f->t)) {
        ms = step(f);
        if (ms > 0) {
            ingestion_thread_wait(&f->t, ms);
        }
    }
    ingestion_thread_pg_close(&f->t);
    return NULL;
}


int
ingestion_fetcher_start(ingestion_t *in, size_t provider,
                        ingestion_fetcher_t **ret, wd_error_t *err)
{
    ingestion_fetcher_t *f;

    f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a fetcher");
    }
    *ret = f;
    f->in = in;
    f->index = provider;
    f->p = ingestion_providers[provider];
    pthread_mutex_init(&f->lock, NULL);
    f->state.provider = f->p->name;
    f->state.health_name = f->p->health_name;
    f->state.state_name = "ok";
    ingestion_breaker_init(&f->breaker, in->conf.breaker_failures,
                           in->conf.breaker_open_ms);
    account_copy(&f->next, &in->conf.accounts[provider]);
    f->generation = 1;
    take_account(f);

    f->http = wd_http_create();
    if (f->http == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a fetcher");
    }
    return ingestion_thread_start(&f->t, in->conf.service.db.url, f->p->name,
                                  in->log, fetcher_main, f, err);
}


void
ingestion_fetcher_reload(ingestion_fetcher_t *f)
{
    pthread_mutex_lock(&f->lock);
    account_copy(&f->next, &f->in->conf.accounts[f->index]);
    f->generation++;
    pthread_mutex_unlock(&f->lock);
    ingestion_thread_wake(&f->t);
}


void
ingestion_fetcher_ask_stop(ingestion_fetcher_t *f)
{
    if (f != NULL) {
        ingestion_thread_ask_stop(&f->t);
    }
}


void
ingestion_fetcher_join(ingestion_fetcher_t *f)
{
    if (f != NULL) {
        ingestion_thread_join(&f->t, JOIN_MS);
    }
}


void
ingestion_fetcher_destroy(ingestion_fetcher_t *f)
{
    if (f == NULL) {
        return;
    }
    ingestion_fetcher_join(f);
    wd_http_destroy(f->http);
    account_done(&f->next);
    account_done(&f->account);
    pthread_mutex_destroy(&f->lock);
    free(f);
}
