/*
 * ingestion_fetcher_lease.c - jobs are leased: they are kept while they are
 * under way, given back at the end, and taken from who is gone.
 */
#include "ingestion_fetcher_int.h"

#include <stdlib.h>

#define REAP_NS (5 * WD_NS_PER_S)
#define RENEWALS 3 /* in the time of a lease */


int
ingestion_fetcher_pg(ingestion_fetcher_t *f)
{
    if (ingestion_thread_stops(&f->t)
        && (f->t.pg == NULL || wd_pg_broken(f->t.pg))) {
        return WD_EDB;
    }
    return ingestion_thread_pg(&f->t);
}


static ingestion_flight_t *
flight_of(ingestion_fetcher_t *f, int64_t job)
{
    wd_list_t          *at;
    ingestion_flight_t *fl;

    for (at = f->flights.next; at != &f->flights; at = at->next) {
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (fl->job.id == job) {
            return fl;
        }
    }
    return NULL;
}


/* ids has room for all flights, and once more for those that are lost. */
static void
renew(ingestion_fetcher_t *f, int64_t *ids)
{
    int                 rc;
    size_t              i, n = 0, n_lost = 0;
    int64_t            *lost = ids + f->n_flights;
    wd_list_t          *at;
    wd_error_t          err = {0};
    ingestion_flight_t *fl;

    for (at = f->flights.next; at != &f->flights; at = at->next) {
        ids[n++] = wd_list_entry(at, ingestion_flight_t, link)->job.id;
    }
    rc = ingestion_store_renew(f->t.pg, f->in->worker, f->in->conf.lease_ms,
                               ids, n, lost, &n_lost, &err);
    if (rc != WD_OK) {
        ingestion_thread_pg_failed(&f->t, rc, &err);
        return;
    }
    ingestion_thread_pg_worked(&f->t);
    f->renewed = wd_monotonic();
    for (i = 0; i < n_lost; i++) {
        fl = flight_of(f, lost[i]);
        if (fl != NULL) {
            ingestion_flight_lose(fl);
        }
    }
}


static bool
must_renew(const ingestion_fetcher_t *f)
{
    return wd_monotonic() - f->renewed
           >= f->in->conf.lease_ms * WD_NS_PER_MS / RENEWALS;
}


void
ingestion_fetcher_renew(ingestion_fetcher_t *f)
{
    int64_t *ids;

    if (f->n_flights == 0 || !must_renew(f)
        || ingestion_fetcher_pg(f) != WD_OK) {
        return;
    }
    ids = calloc(2 * (size_t) f->n_flights, sizeof(*ids));
    if (ids != NULL) {
        renew(f, ids);
    }
    free(ids);
}


void
ingestion_fetcher_reap(ingestion_fetcher_t *f)
{
    int        rc;
    int64_t    n = 0;
    wd_error_t err = {0};

    /* Not our own, whose leases could not be renewed in time. */
    if ((f->reaped != 0 && wd_monotonic() - f->reaped < REAP_NS)
        || (f->n_flights != 0 && must_renew(f))) {
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


/* ---- the end of all ------------------------------------------------------- */

/* All requests end: soon, as each is canceled. */
static void
cancel_all(ingestion_fetcher_t *f)
{
    bool                asked = true;
    wd_list_t          *at;
    ingestion_flight_t *fl;

    for (at = f->flights.next; at != &f->flights; at = at->next) {
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (fl->state == FLIGHT_ASKED) {
            ingestion_net_cancel(f->in->net, &fl->call);
        }
    }
    if (ingestion_keeper_busy(f)) {
        ingestion_net_cancel(f->in->net, &f->keeper.call);
    }
    while (asked || ingestion_keeper_busy(f)) {
        ingestion_keeper_tick(f);
        ingestion_fetcher_take_landed(f);
        asked = false;
        for (at = f->flights.next; at != &f->flights; at = at->next) {
            fl = wd_list_entry(at, ingestion_flight_t, link);
            asked |= fl->state == FLIGHT_ASKED;
        }
        if (asked || ingestion_keeper_busy(f)) {
            ingestion_thread_wait_woken(&f->t, INGESTION_IDLE_MS);
        }
    }
}


/* Has the flight nothing in hand that is worth to be kept? */
static bool
is_empty(const ingestion_flight_t *fl)
{
    return fl->state != FLIGHT_OVER
           && (fl->state != FLIGHT_LANDED || fl->call.rc == WD_ECANCELED);
}


/* In one statement: there may be thousands. */
static void
give_back_empty(ingestion_fetcher_t *f)
{
    int                     rc;
    size_t                  n = 0;
    wd_list_t              *at, *next;
    wd_error_t              err = {0};
    ingestion_flight_t     *fl;
    const ingestion_job_t **jobs;

    jobs = calloc((size_t) f->n_flights + 1, sizeof(*jobs));
    for (at = f->flights.next; at != &f->flights; at = at->next) {
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (jobs != NULL && is_empty(fl)) {
            jobs[n++] = &fl->job;
        }
    }
    if (n != 0 && ingestion_fetcher_pg(f) == WD_OK) {
        rc = ingestion_store_give_back(f->t.pg, f->in->worker, jobs, n, &err);
        if (rc != WD_OK) {
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
    }
    free(jobs);
    for (at = f->flights.next; at != &f->flights; at = next) {
        next = at->next;
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (is_empty(fl)) {
            ingestion_flight_destroy(fl);
        }
    }
}


/* What is then still there, the leases return. */
void
ingestion_fetcher_give_up(ingestion_fetcher_t *f)
{
    cancel_all(f);
    give_back_empty(f);
    ingestion_fetcher_land(f); /* answers that came in time */
    give_back_empty(f);
    (void) ingestion_fetcher_write_down(f);
    ingestion_fetcher_pay_debts(f);
    while (!wd_list_empty(&f->flights)) {
        ingestion_flight_destroy(
            wd_list_entry(f->flights.next, ingestion_flight_t, link));
    }
    ingestion_keeper_revoke(f);
}
