/*
 * ingestion_fetcher_result.c - what an answer means for its job and its
 * provider, written down.
 */
#include "ingestion_fetcher_int.h"

#include "wd_metrics.h"

#include <sodium.h>


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


/* What all results have. */
static void
fill(ingestion_fetcher_t *f, ingestion_flight_t *fl, ingestion_result_t *r)
{
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
        ingestion_fetcher_note(f, fl, r);
    }
}


/* WD_OK; WD_ENOTFOUND: the job is another's by now; else another time. */
static int
write_result(ingestion_fetcher_t *f, ingestion_flight_t *fl,
             const ingestion_result_t *r)
{
    int        rc;
    wd_error_t err = {0};

    rc = ingestion_fetcher_pg(f);
    if (rc != WD_OK) {
        return rc;
    }
    rc = ingestion_store_result(f->t.pg, &fl->job, r, &err);
    if (rc == WD_OK || rc == WD_ENOTFOUND) {
        ingestion_thread_pg_worked(&f->t);
    } else {
        ingestion_thread_pg_failed(&f->t, rc, &err);
    }
    return rc;
}


static void
tell_end(ingestion_fetcher_t *f, const ingestion_flight_t *fl)
{
    const ingestion_result_t *r = &fl->result;

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


/* The flight is gone, or waits for the database. */
static void
write_end(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    switch (write_result(f, fl, &fl->result)) {
    case WD_OK:
        tell_end(f, fl);
        ingestion_flight_destroy(fl);
        break;
    case WD_ENOTFOUND:
        ingestion_flight_lose(fl);
        break;
    default:
        fl->at = wd_monotonic() + INGESTION_FAILED_MS * WD_NS_PER_MS;
    }
}


void
ingestion_fetcher_end(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                      const ingestion_result_t *r)
{
    fl->result = *r;
    if (r->text != NULL) {
        wd_str_copy(fl->text, sizeof(fl->text), wd_str_z(r->text));
        fl->result.text = fl->text;
    }
    fill(f, fl, &fl->result);
    wd_buf_done(&fl->call.res.body); /* its headers are still needed */
    fl->state = FLIGHT_OVER;
    write_end(f, fl);
}


int64_t
ingestion_fetcher_write_down(ingestion_fetcher_t *f)
{
    int64_t             ms = INGESTION_IDLE_MS;
    wd_ns_t             now = wd_monotonic();
    wd_list_t          *at, *next;
    ingestion_flight_t *fl;

    for (at = f->flights.next; at != &f->flights; at = next) {
        next = at->next;
        fl = wd_list_entry(at, ingestion_flight_t, link);
        if (fl->state != FLIGHT_OVER) {
            continue;
        }
        if (fl->at > now && !ingestion_thread_stops(&f->t)) {
            ms = wd_min(ms, (fl->at - now) / WD_NS_PER_MS + 1);
            continue;
        }
        write_end(f, fl);
        if (f->t.pg == NULL) {
            return INGESTION_FAILED_MS;
        }
    }
    return ms;
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

static int64_t
wait_s(const ingestion_flight_t *fl)
{
    return wd_min(fl->v.wait_s, (int64_t) INGESTION_WAIT_MAX_S);
}


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
        ingestion_breaker_failure(&f->breaker, fl->call.asked, now);
    } else {
        ingestion_breaker_success(&f->breaker);
    }
    ingestion_breaker_failure(&fl->endpoint->breaker, fl->call.asked, now);
    if (fl->v.wait_s > 0) { /* it said when to come again, to all */
        ingestion_breaker_hold(&fl->endpoint->breaker, now,
                               now + wait_s(fl) * WD_NS_PER_S);
    }
}


static void
in_order(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    f->outages = 0;
    ingestion_retries_answer(&f->retries);
    ingestion_breaker_success(&f->breaker);
    if (fl->endpoint != NULL) {
        ingestion_breaker_success(&fl->endpoint->breaker);
    }
}


/* Limits, outages: again, if attempts are left. */
static void
try_again(ingestion_fetcher_t *f, ingestion_flight_t *fl, ingestion_result_t *r)
{
    int64_t floor_ms = wait_s(fl) * 1000;

    r->outcome = fl->job.attempts < (int) f->in->conf.attempts ? OUTCOME_AGAIN
                                                               : OUTCOME_FAILED;
    if (fl->v.answer.class == WD_ANSWER_LIMIT_SHORT) {
        r->block = BLOCK_SHORT;
    } else if (r->outcome == OUTCOME_AGAIN
               && !ingestion_retries_take(&f->retries)) {
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


bool
ingestion_fetcher_progress(ingestion_fetcher_t *f, ingestion_flight_t *fl)
{
    ingestion_result_t r = {
        .outcome = OUTCOME_PROGRESS, .answered = true, .good = true};

    in_order(f, fl);
    fill(f, fl, &r);
    /* The next page does not wait for a database that is away. */
    if (write_result(f, fl, &r) == WD_ENOTFOUND) {
        ingestion_flight_lose(fl);
        return false;
    }
    return true;
}
