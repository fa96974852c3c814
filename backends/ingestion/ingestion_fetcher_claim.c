/*
 * ingestion_fetcher_claim.c - jobs of the queue become flights, as many as
 * there is room for; data sets that are out of order are left alone.
 */
#include "ingestion_fetcher_int.h"

#include <stdlib.h>

_Static_assert(INGESTION_CONNECTS_MAX <= INGESTION_CLAIM_MAX,
               "as many are claimed at a time");


ingestion_quota_t
ingestion_fetcher_quota(const ingestion_fetcher_t *f)
{
    return (ingestion_quota_t){.provider = f->p->name,
                               .account = f->account,
                               .refused = f->refused,
                               .debt = f->debt};
}


void
ingestion_fetcher_pay_debts(ingestion_fetcher_t *f)
{
    int               rc;
    size_t            i;
    bool              any = false;
    wd_error_t        err = {0};
    ingestion_take_t  take;
    ingestion_quota_t quota = ingestion_fetcher_quota(f);

    for (i = 0; i < f->account->n_keys; i++) {
        any |= f->debt[i] != 0;
    }
    if (!any || ingestion_fetcher_pg(f) != WD_OK) {
        return;
    }
    rc = ingestion_store_take(f->t.pg, &quota, 0, &take, &err);
    if (rc != WD_OK) {
        ingestion_thread_pg_failed(&f->t, rc, &err);
        return;
    }
    memset(f->debt, 0, sizeof(f->debt));
    ingestion_fetcher_set_quota(f, &take);
}


/* Flights that have no connection yet. */
static size_t
connecting(const ingestion_fetcher_t *f)
{
    size_t           n = 0;
    const wd_list_t *at;

    for (at = f->flights.next; at != &f->flights; at = at->next) {
        n += ingestion_flight_connects(
            wd_list_entry(at, ingestion_flight_t, link));
    }
    return n;
}


/*
 * While the breaker tries one request, there is room for just that. Without,
 * *ret_ms is the time until there may be.
 */
static size_t
room(const ingestion_fetcher_t *f, int64_t *ret_ms)
{
    size_t n, waiting, most = f->account->c.concurrency;

    if (ingestion_breaker_state(&f->breaker, wd_monotonic())
        == BREAKER_HALF_OPEN) {
        most = 1;
    }
    n = most > f->n_flights ? most - f->n_flights : 0;
    *ret_ms = INGESTION_IDLE_MS;
    if (n == 0) {
        return 0;
    }
    waiting = connecting(f);
    if (waiting >= INGESTION_CONNECTS_MAX) {
        *ret_ms = INGESTION_CONNECT_MS;
        return 0;
    }
    return wd_min(n, INGESTION_CONNECTS_MAX - waiting);
}


static void
take_off(ingestion_fetcher_t *f, const ingestion_job_t *job)
{
    const char         *param = "";
    wd_error_t          err = {0};
    ingestion_flight_t *fl = ingestion_flight_create(f, job);

    if (fl == NULL) {
        return; /* the lease returns the job */
    }
    if (fl->dataset == NULL) {
        ingestion_fetcher_finish(f, fl, OUTCOME_FAILED, WD_ANSWER_BAD_REQUEST,
                                 "No such data set");
    } else if (ingestion_args_check(fl->dataset, &fl->job.args, &param, &err)
               != WD_OK) {
        ingestion_fetcher_finish(f, fl, OUTCOME_FAILED, WD_ANSWER_BAD_REQUEST,
                                 err.text);
    }
}


/* 0: some were claimed. Else the wait until there may be more. */
static int64_t
claim(ingestion_fetcher_t *f, ingestion_claim_t *c)
{
    int              rc;
    size_t           i, n = 0;
    wd_error_t       err = {0};
    ingestion_job_t *jobs;
    ingestion_take_t take;

    jobs = malloc(c->max * sizeof(*jobs));
    if (jobs == NULL) {
        return INGESTION_FAILED_MS;
    }
    rc = ingestion_store_claim(f->t.pg, c, jobs, &n, &take, &err);
    if (rc == WD_OK || rc == WD_ENOTFOUND || rc == WD_ELIMIT) {
        ingestion_thread_pg_worked(&f->t);
    } else {
        ingestion_thread_pg_failed(&f->t, rc, &err);
    }
    if (rc == WD_OK) {
        memset(f->debt, 0, sizeof(f->debt));
    }
    if (rc == WD_OK || rc == WD_ELIMIT) {
        ingestion_fetcher_set_quota(f, &take);
    }
    if (rc == WD_ELIMIT || (rc == WD_ENOTFOUND && take.reason[0] != '\0')) {
        ingestion_fetcher_limited(f, &take);
    } else if (rc == WD_OK || rc == WD_ENOTFOUND) {
        ingestion_fetcher_set_state(f, FETCHER_OK, 0);
    }
    for (i = 0; i < n; i++) {
        take_off(f, &jobs[i]);
    }
    free(jobs);
    return rc == WD_OK          ? 0
           : rc == WD_ELIMIT    ? take.wait_ms
           : rc == WD_ENOTFOUND ? INGESTION_IDLE_MS
                                : INGESTION_FAILED_MS;
}


/* What is left alone, and the time until one of it is tried again. */
static int64_t
left_alone(ingestion_fetcher_t *f, wd_str_t *skip, size_t *ret_n)
{
    size_t                     i, n = 0;
    int64_t                    ms = INGESTION_IDLE_MS;
    wd_ns_t                    now = wd_monotonic();
    const ingestion_dataset_t *d;
    const ingestion_breaker_t *b;

    for (i = 0; i < f->p->n_datasets; i++) {
        d = &f->p->datasets[i];
        b = &f->endpoints[i].breaker;
        if (ingestion_breaker_state(b, now) == BREAKER_CLOSED
            && ingestion_lacks(f->p, &f->account->c, d) == NULL) {
            continue;
        }
        skip[n++] = wd_str_z(d->name);
        if (ingestion_breaker_state(b, now) == BREAKER_OPEN) {
            ms = wd_min(ms, (b->open_until - now) / WD_NS_PER_MS + 1);
        }
    }
    *ret_n = n;
    return ms;
}


/* One job of each data set whose breaker wants to try one. */
static int64_t
claim_probes(ingestion_fetcher_t *f, ingestion_claim_t c)
{
    size_t  i;
    int64_t wait, ms = INGESTION_IDLE_MS;

    c.n_skip = 0;
    c.max = 1;
    for (i = 0; i < f->p->n_datasets && f->t.pg != NULL; i++) {
        if (f->endpoints[i].inflight != 0
            || ingestion_breaker_state(&f->endpoints[i].breaker, wd_monotonic())
                   != BREAKER_HALF_OPEN) {
            continue;
        }
        if (room(f, &wait) != 0) {
            c.only = f->p->datasets[i].name;
            wait = claim(f, &c);
        }
        ms = wd_min(ms, wait);
    }
    return ms;
}


/* First those that decide about a data set, whoever else wants the room. */
int64_t
ingestion_fetcher_claim(ingestion_fetcher_t *f)
{
    int64_t           ms, wait;
    wd_str_t          skip[INGESTION_DATASETS_MAX];
    ingestion_claim_t c = {.quota = ingestion_fetcher_quota(f),
                           .worker = f->in->worker,
                           .lease_ms = f->in->conf.lease_ms,
                           .skip = skip};

    ms = left_alone(f, skip, &c.n_skip);
    if (c.n_skip != 0) {
        wait = claim_probes(f, c);
        ms = wd_min(ms, wait);
    }
    c.max = room(f, &wait);
    if (c.max != 0 && f->t.pg != NULL) {
        wait = claim(f, &c);
    }
    return wd_min(ms, wait);
}
