/*
 * ingestion_fetcher_result.c - what an answer means for its job and its
 * provider, written down.
 */
#include "ingestion_fetcher_int.h"

#include "wd_metrics.h"

#include <sodium.h>

#define WAIT_MAX_S 86400


/* What to ask with the next time; a 304 need not repeat it. */
static wd_str_t
condition(const ingestion_flight_t *fl, const char *header, const char *kept,
          size_t cap)
{
    size_t   i;
    wd_str_t value = wd_http_res_header(&fl->call.res, header);

    if (fl->call.res.status == 304 && value.len == 0) {
        value = wd_str_z(kept);
    }
    for (i = 0; i < value.len; i++) {
        if ((unsigned char) value.data[i] < 0x20 || value.data[i] >= 0x7f) {
            return WD_STR("");
        }
    }
    return value.len < cap ? value : WD_STR("");
}


static void
write_down(ingestion_fetcher_t *f, ingestion_flight_t *fl,
           ingestion_result_t *r)
{
    int        rc;
    wd_error_t err = {0};

    r->provider = f->p->name;
    r->worker = f->in->worker;
    r->lease_ms = f->in->conf.lease_ms;
    r->key = fl->account->keys[fl->job.key].id;
    r->account = fl->account;
    if (fl->archived) {
        r->page_args = fl->args;
        r->archived = &fl->object;
        if (fl->alone) { /* else "not modified" would say too little */
            r->etag = condition(fl, "etag", fl->fresh.etag,
                                sizeof(fl->fresh.etag));
            r->modified = condition(fl, "last-modified", fl->fresh.modified,
                                    sizeof(fl->fresh.modified));
        }
    }

    if (r->answered) {
        ingestion_fetcher_note(f, r);
    }
    do {
        rc = ingestion_thread_pg(&f->t);
        if (rc == WD_OK) {
            rc = ingestion_store_result(f->t.pg, &fl->job, r, &err);
            if (rc == WD_OK) {
                ingestion_thread_pg_worked(&f->t);
                return;
            }
            if (rc == WD_ENOTFOUND) {
                wd_log_warn(f->in->log,
                            "job was taken over, its result is not recorded",
                            "provider", f->p->name, "job", fl->job.id);
                return;
            }
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
        if (r->outcome == OUTCOME_PROGRESS) {
            return; /* the next page does not wait for it */
        }
        ingestion_thread_wait(&f->t, INGESTION_FAILED_MS);
    } while (!ingestion_thread_stops(&f->t));
}


static void
tell_end(ingestion_fetcher_t *f, const ingestion_flight_t *fl,
         const ingestion_result_t *r)
{
    if (r->outcome == OUTCOME_DONE || r->outcome == OUTCOME_FAILED) {
        wd_metric(WD_MX_JOBS, 1, f->p->name, fl->job.dataset,
                  r->outcome == OUTCOME_DONE ? "done" : "failed");
        wd_log_info(f->in->log, "job ended", "provider", f->p->name, "dataset",
                    fl->job.dataset, "job", fl->job.id, "outcome",
                    r->outcome == OUTCOME_DONE ? "done" : "failed", "class",
                    r->class != NULL ? r->class : "ok", "objects",
                    fl->job.objects);
    } else if (r->outcome == OUTCOME_AGAIN) {
        wd_log_info(f->in->log, "job waits for another attempt", "provider",
                    f->p->name, "job", fl->job.id, "class",
                    r->class != NULL ? r->class : "none", "attempts",
                    fl->job.attempts, "delay_ms", r->delay_ms);
    }
}


void
ingestion_fetcher_end(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                      ingestion_result_t *r)
{
    write_down(f, fl, r);
    tell_end(f, fl, r);
    ingestion_flight_destroy(fl);
    ingestion_fetcher_show(f);
}


void
ingestion_fetcher_give_back(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                            int64_t delay_ms, const char *name,
                            const char *text)
{
    ingestion_result_t r = {.outcome = OUTCOME_AGAIN,
                            .refund = true,
                            .delay_ms = delay_ms,
                            .class = name,
                            .text = text};

    ingestion_fetcher_end(f, fl, &r);
}


/* ---- outages -------------------------------------------------------------- */

/*
 * No answer at all speaks against the host, a bad one against the data set
 * alone.
 */
static void
outage(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    wd_ns_t now = wd_monotonic();

    f->outages++;
    if (fl->v.transport) {
        ingestion_breaker_failure(&f->breaker, now);
    }
    ingestion_breaker_failure(&fl->endpoint->breaker, now);
}


static void
in_order(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    f->outages = 0;
    ingestion_budget_answer(&f->budget);
    ingestion_breaker_success(&f->breaker);
    if (fl->endpoint != NULL) {
        ingestion_breaker_success(&fl->endpoint->breaker);
    }
}


/* Limits, outages: again, if attempts are left. */
static void
try_again(ingestion_fetcher_t *f, ingestion_flight_t *fl, ingestion_result_t *r)
{
    int64_t floor_ms = wd_min(fl->v.wait_s, (int64_t) WAIT_MAX_S) * 1000;

    r->outcome = fl->job.attempts < (int) f->in->conf.attempts ? OUTCOME_AGAIN
                                                               : OUTCOME_FAILED;
    if (fl->v.answer.class == WD_ANSWER_LIMIT_SHORT) {
        r->block = BLOCK_SHORT;
    } else if (!ingestion_budget_retry(&f->budget)) {
        floor_ms = wd_max(floor_ms, (int64_t) f->in->conf.breaker_open_ms);
    }
    r->delay_ms = ingestion_backoff_ms(f->in->conf.retry_ms, fl->job.attempts,
                                       floor_ms, randombytes_random());
}


/* The other keys go on; without one the provider is left alone. */
static void
key_refused(ingestion_fetcher_t *f, const ingestion_flight_t *fl)
{
    size_t i;

    if (fl->account != f->account) {
        return; /* of an account that is no more */
    }
    f->refused[fl->job.key] = true;
    f->stopped = true;
    for (i = 0; i < f->account->n_keys; i++) {
        f->stopped &= f->refused[i];
    }
}


void
ingestion_fetcher_refused(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    wd_answer_e        answer = fl->v.answer.class;
    ingestion_result_t r = {.outcome = OUTCOME_FAILED,
                            .answered = true,
                            .class = wd_answer_name(answer),
                            .text = fl->v.answer.text};

    if (answer == WD_ANSWER_UPSTREAM
        || (answer == WD_ANSWER_MALFORMED && fl->v.retry)) {
        outage(f, fl);
    } else {
        in_order(f, fl);
    }

    if (answer == WD_ANSWER_AUTH) {
        key_refused(f, fl);
        r.outcome = OUTCOME_AGAIN;
        r.refund = true;
    } else if (answer == WD_ANSWER_LIMIT_LONG) {
        r.outcome = OUTCOME_AGAIN;
        r.refund = true;
        r.block = BLOCK_LONG;
    } else if (fl->v.retry) {
        try_again(f, fl, &r);
    }
    wd_log_warn(f->in->log, "provider did not deliver", "provider", f->p->name,
                "dataset", fl->dataset->name, "job", fl->job.id, "class",
                r.class, "status", fl->call.res.status, "reason", r.text);
    ingestion_fetcher_end(f, fl, &r);
}


void
ingestion_fetcher_finish(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                         ingestion_outcome_e outcome, wd_answer_e answer,
                         const char *text)
{
    ingestion_result_t r = {
        .outcome = outcome,
        .answered = fl->call.ended != 0,
        .good = outcome == OUTCOME_DONE,
        .class = answer == WD_ANSWER_OK ? NULL : wd_answer_name(answer),
        .text = text};

    if (r.answered) {
        in_order(f, fl);
    }
    ingestion_fetcher_end(f, fl, &r);
}


void
ingestion_fetcher_progress(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    ingestion_result_t r = {
        .outcome = OUTCOME_PROGRESS, .answered = true, .good = true};

    in_order(f, fl);
    write_down(f, fl, &r);
}
