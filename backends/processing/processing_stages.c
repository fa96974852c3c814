/*
 * processing_stages.c - a lake object through the stages: know, source, read,
 * parse, name, clock, basis, validate, store; then recorded and published.
 *
 * Each stage is a row of a table and a function of the job. A stage that
 * finds the payload unusable says so in job->outcome, which ends the walk;
 * rejects of single records are gathered in job->r on the way. The outcome is
 * recorded in any case.
 */
#include "processing_stages.h"

#include "processing_ahead.h"
#include "processing_job.h"
#include "wd_metrics.h"

#include <stdlib.h>

#define POOL_BLOCK (256 * 1024)


static const struct {
    const char *name;
    int (*run)(processing_job_t *job);
    bool ahead; /* may be done before it is the object's turn */
} stages[] = {
    {"know", processing_stage_know, true},
    {"source", processing_stage_source, false},
    {"read", processing_stage_read, true},
    {"parse", processing_stage_parse, true},
    {"name", processing_stage_name, false},
    {"clock", processing_stage_clock, false},
    {"basis", processing_stage_basis, false},
    {"validate", processing_stage_validate, false},
    {"store", processing_stage_store, false},
};


static bool
is_ended(const processing_job_t *job)
{
    return job->o.outcome != NULL;
}


/* Failures that say nothing about the payload. */
static bool
is_outage(int rc, bool last_try)
{
    switch (rc) {
    case WD_EDB:
    case WD_ESTORAGE:
    case WD_EIO:
        return true;
    case WD_ETIMEOUT:
    case WD_ENOMEM:
        return !last_try;
    default:
        return false;
    }
}


static int
walk(processing_job_t *job, bool last_try)
{
    int        rc;
    size_t     i;
    wd_error_t why;

    rc = processing_store_mark(job->c, job->err);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < wd_array_len(stages); i++) {
        if (job->ahead && stages[i].ahead) {
            continue;
        }
        rc = stages[i].run(job);
        if (rc != WD_OK || is_ended(job)) {
            break;
        }
    }

    if (rc == WD_OK || is_outage(rc, last_try)) {
        return rc;
    }

    why = *job->err;
    wd_log_error(job->pr->log, "payload not stored", "raw_seq", job->ev.seq,
                 "stage", stages[i].name, "code", rc, "reason",
                 (const char *) why.text);
    rc = processing_store_back(job->c, job->err);
    if (rc != WD_OK) {
        return rc;
    }
    memset(&job->o.counts, 0, sizeof(job->o.counts));
    job->o.flagged = 0;
    job->n_notices = 0;
    job->o.to = WD_NS_MIN;
    return processing_job_refuse(job, "error", WD_REASON_STORE_FAILED,
                                 why.text);
}


static int
record(processing_job_t *job)
{
    int rc;

    rc = processing_store_outcome(job->c, &job->ev, &job->o, &job->r, job->err);
    return rc != WD_OK ? rc : processing_job_publish(job);
}


/* The last resort: what cannot even be recorded is left to the log. */
static int
record_or_skip(processing_job_t *job, bool last_try)
{
    int rc;

    rc = processing_store_mark_outcome(job->c, job->err);
    if (rc == WD_OK) {
        rc = record(job);
    }
    if (rc == WD_OK) {
        processing_job_count(job);
        wd_log_info(job->pr->log, "payload processed", "raw_seq", job->ev.seq,
                    "dataset", (const char *) job->ev.dataset, "outcome",
                    job->o.outcome, "stored", job->o.counts.stored, "corrected",
                    job->o.counts.corrected, "unchanged",
                    job->o.counts.unchanged, "rejected",
                    (int64_t) job->r.n_rejected);
        return processing_store_keep(job->c, job->err);
    }
    if (is_outage(rc, last_try)) {
        return rc;
    }

    wd_log_error(job->pr->log, "outcome not recorded", "raw_seq", job->ev.seq,
                 "code", rc, "reason", (const char *) job->err->text);
    rc = processing_store_back_outcome(job->c, job->err);
    return rc != WD_OK ? rc : processing_store_keep(job->c, job->err);
}


static int
run_job(processing_job_t *job, wd_str_t event, bool last_try)
{
    int rc = WD_OK;

    if (!job->ahead) {
        rc = processing_event_parse(event, &job->ev, job->err);
    }
    if (rc == WD_EPROTO) {
        /* Without a readable event there is no object to record it under. */
        wd_log_error(job->pr->log, "event cannot be read, skipped", "reason",
                     (const char *) job->err->text, "raw_seq", job->ev.seq);
        wd_metric(WD_MX_REJECTS, 1, "none", wd_reason_name(WD_REASON_BAD_EVENT),
                  NULL);
        return WD_OK;
    }
    if (rc == WD_OK) {
        rc = walk(job, last_try);
    }
    return rc != WD_OK ? rc : record_or_skip(job, last_try);
}


processing_job_t *
processing_job_create(processing_t *pr)
{
    processing_job_t *job;

    job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return NULL;
    }
    job->pr = pr;
    job->o.to = WD_NS_MIN;
    wd_buf_init(&job->body, WD_LAKE_OBJECT_MAX);
    job->pool = wd_pool_create(POOL_BLOCK);
    if (job->pool == NULL
        || processing_symbols_init(&job->symbols, job->pool) != WD_OK) {
        processing_job_destroy(job);
        return NULL;
    }
    wd_records_init(&job->r, job->pool);
    return job;
}


void
processing_job_destroy(processing_job_t *job)
{
    if (job != NULL) {
        processing_symbols_done(&job->symbols);
        processing_event_done(&job->ev);
        wd_buf_done(&job->body);
        wd_pool_destroy(job->pool);
        free(job);
    }
}


bool
processing_job_read_ahead(processing_job_t *job, wd_str_t event,
                          int64_t max_bytes)
{
    int        rc;
    size_t     i;
    wd_error_t err = {0};

    job->err = &err;
    rc = processing_event_parse(event, &job->ev, &err);
    if (rc == WD_OK && job->ev.size > max_bytes) {
        rc = WD_ETOOBIG;
    }
    for (i = 0; i < wd_array_len(stages) && rc == WD_OK; i++) {
        if (stages[i].ahead) {
            rc = stages[i].run(job);
            if (is_ended(job)) {
                rc = WD_EPROTO;
            }
        }
    }
    job->err = NULL;
    job->ahead = rc == WD_OK;
    return job->ahead;
}


int
processing_object(processing_t *pr, wd_pg_conn_t *c, wd_str_t event,
                  wd_str_t next, bool last_try, wd_error_t *err)
{
    int               rc;
    wd_error_t        none = {0};
    processing_job_t *job;

    job = processing_ahead_take(pr->ahead, event);
    if (job == NULL) {
        job = processing_job_create(pr);
    }
    if (job == NULL) {
        return WD_ENOMEM;
    }
    processing_ahead_want(pr->ahead, next);

    job->c = c;
    job->err = err != NULL ? err : &none;
    rc = run_job(job, event, last_try);
    processing_job_destroy(job);
    return rc;
}
