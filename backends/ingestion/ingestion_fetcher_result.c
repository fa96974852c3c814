/*
 * ingestion_fetcher_result.c - what an answer means for its job and its
 * provider, written down.
 */
#include "ingestion_fetcher_int.h"

#include "wd_metrics.h"

#include <sodium.h>

#define WAIT_MAX_S 86400


static void
write_down(ingestion_fetcher_t *f, ingestion_try_t *pg, ingestion_result_t *r)
{
    int        rc;
    wd_error_t err = {0};

    r->provider = f->p->name;
    r->worker = f->in->worker;
    r->lease_ms = f->in->conf.lease_ms;
    if (pg->archived) {
        r->page_args = pg->args;
        r->archived = &pg->object;
    }

    if (r->answered) {
        ingestion_fetcher_note(f, r);
    }
    do {
        rc = ingestion_thread_pg(&f->t);
        if (rc == WD_OK) {
            rc = ingestion_store_result(f->t.pg, pg->job, r, &err);
            if (rc == WD_OK) {
                ingestion_thread_pg_worked(&f->t);
                return;
            }
            if (rc == WD_ENOTFOUND) {
                wd_log_warn(f->in->log,
                            "job was taken over, its result is not recorded",
                            "provider", f->p->name, "job", pg->job->id);
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


void
ingestion_fetcher_end(ingestion_fetcher_t *f, ingestion_try_t *pg,
                      ingestion_result_t *r)
{
    write_down(f, pg, r);

    if (r->outcome == OUTCOME_DONE || r->outcome == OUTCOME_FAILED) {
        wd_metric(WD_MX_JOBS, 1, f->p->name, pg->job->dataset,
                  r->outcome == OUTCOME_DONE ? "done" : "failed");
        wd_log_info(f->in->log, "job ended", "provider", f->p->name, "dataset",
                    pg->job->dataset, "job", pg->job->id, "outcome",
                    r->outcome == OUTCOME_DONE ? "done" : "failed", "class",
                    r->class != NULL ? r->class : "ok", "objects",
                    pg->job->objects);
    } else if (r->outcome == OUTCOME_AGAIN) {
        wd_log_info(f->in->log, "job waits for another attempt", "provider",
                    f->p->name, "job", pg->job->id, "class",
                    r->class != NULL ? r->class : "none", "attempts",
                    pg->job->attempts, "delay_ms", r->delay_ms);
    }
}


void
ingestion_fetcher_give_back(ingestion_fetcher_t *f, ingestion_try_t *pg,
                            int64_t delay_ms, const char *name,
                            const char *text)
{
    ingestion_result_t r = {.outcome = OUTCOME_AGAIN,
                            .refund = true,
                            .delay_ms = delay_ms,
                            .class = name,
                            .text = text};

    ingestion_fetcher_end(f, pg, &r);
}


/* Limits, outages: again, if attempts are left. */
static void
try_again(ingestion_fetcher_t *f, ingestion_try_t *pg, ingestion_result_t *r)
{
    int64_t floor_ms = wd_min(pg->v.wait_s, (int64_t) WAIT_MAX_S) * 1000;

    r->outcome = pg->job->attempts < (int) f->in->conf.attempts
                     ? OUTCOME_AGAIN
                     : OUTCOME_FAILED;
    r->delay_ms = ingestion_backoff_ms(f->in->conf.retry_ms, pg->job->attempts,
                                       floor_ms, randombytes_random());
    if (pg->v.answer.class == WD_ANSWER_LIMIT_SHORT) {
        r->block = BLOCK_SHORT;
    }
}


void
ingestion_fetcher_refused(ingestion_fetcher_t *f, ingestion_try_t *pg)
{
    wd_answer_e        answer = pg->v.answer.class;
    ingestion_result_t r = {.outcome = OUTCOME_FAILED,
                            .answered = true,
                            .class = wd_answer_name(answer),
                            .text = pg->v.answer.text};

    if (answer == WD_ANSWER_UPSTREAM
        || (answer == WD_ANSWER_MALFORMED && pg->v.retry)) {
        ingestion_breaker_failure(&f->breaker, wd_monotonic());
    } else {
        ingestion_breaker_success(&f->breaker);
    }

    if (answer == WD_ANSWER_AUTH) {
        f->stopped = true;
        r.outcome = OUTCOME_AGAIN;
        r.refund = true;
    } else if (answer == WD_ANSWER_LIMIT_LONG) {
        r.outcome = OUTCOME_AGAIN;
        r.refund = true;
        r.block = BLOCK_LONG;
    } else if (pg->v.retry) {
        try_again(f, pg, &r);
    }
    wd_log_warn(f->in->log, "provider did not deliver", "provider", f->p->name,
                "dataset", pg->dataset->name, "job", pg->job->id, "class",
                r.class, "status", pg->res.status, "reason", r.text);
    ingestion_fetcher_end(f, pg, &r);
}


void
ingestion_fetcher_finish(ingestion_fetcher_t *f, ingestion_try_t *pg,
                         ingestion_outcome_e outcome, wd_answer_e answer,
                         const char *text)
{
    ingestion_result_t r = {
        .outcome = outcome,
        .answered = true,
        .good = outcome == OUTCOME_DONE,
        .class = answer == WD_ANSWER_OK ? NULL : wd_answer_name(answer),
        .text = text};

    ingestion_breaker_success(&f->breaker);
    ingestion_fetcher_end(f, pg, &r);
}


void
ingestion_fetcher_progress(ingestion_fetcher_t *f, ingestion_try_t *pg)
{
    ingestion_result_t r = {
        .outcome = OUTCOME_PROGRESS, .answered = true, .good = true};

    ingestion_breaker_success(&f->breaker);
    write_down(f, pg, &r);
}
