/*
 * processing_told.c - what was stored, counted and told to whoever listens.
 */
#include "processing_told.h"


static void
span_add(processing_span_t *span, wd_ns_t from, wd_ns_t to)
{
    if (to == WD_NS_MIN) {
        return;
    }
    if (span->to == WD_NS_MIN || from < span->from) {
        span->from = from;
    }
    if (span->to == WD_NS_MIN || to > span->to) {
        span->to = to;
    }
}


/* First and last valid time of the rows, `cell` being the one with it. */
processing_span_t
processing_span_of(const processing_rows_t *rows, int cell)
{
    size_t            i;
    wd_ns_t           t;
    processing_span_t span = {0, WD_NS_MIN};

    for (i = 0; i < rows->n && cell >= 0; i++) {
        t = rows->rows[i].cells[cell].i;
        span_add(&span, t, t);
    }
    return span;
}


/* Something new is told to whoever listens. */
void
processing_tell(processing_job_t *job, const char *kind, const char *names_key,
                const processing_names_t *names, processing_span_t span,
                const processing_counts_t *counts)
{
    processing_notice_t *notice;

    if (counts->stored + counts->corrected + counts->earlier == 0
        || job->n_notices == PROCESSING_JOB_NOTICES_MAX) {
        return;
    }
    notice = &job->notices[job->n_notices++];
    notice->kind = kind;
    notice->names_key = names_key;
    notice->names = names->names;
    notice->n_names = names->n;
    notice->timeframe = job->p.timeframe != WD_TF_NONE
                            ? wd_timeframe_name(job->p.timeframe)
                            : NULL;
    notice->from = span.from;
    notice->to = span.to;
    notice->stored = counts->stored;
    notice->corrected = counts->corrected;
    notice->earlier = counts->earlier;
}


/* And counted as what the payload gave. */
void
processing_account(processing_job_t *job, const char *kind,
                   const char *names_key, const processing_names_t *names,
                   processing_span_t span, const processing_counts_t *counts)
{
    processing_span_t all = {job->o.from, job->o.to};

    span_add(&all, span.from, span.to);
    job->o.from = all.from;
    job->o.to = all.to;
    job->o.counts.stored += counts->stored;
    job->o.counts.corrected += counts->corrected;
    job->o.counts.unchanged += counts->unchanged;
    processing_tell(job, kind, names_key, names, span, counts);
}


int
processing_names_init(processing_job_t *job, size_t cap,
                      processing_names_t *ret)
{
    ret->n = 0;
    ret->ids = wd_pool_alloc(job->pool, (cap + 1) * sizeof(*ret->ids));
    ret->names = wd_pool_alloc(job->pool, (cap + 1) * sizeof(*ret->names));
    return ret->ids != NULL && ret->names != NULL ? WD_OK : WD_ENOMEM;
}


void
processing_names_add(processing_names_t *names, int64_t id, wd_str_t name)
{
    names->ids[names->n] = id;
    names->names[names->n++] = name;
}
