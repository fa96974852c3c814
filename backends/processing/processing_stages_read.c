/*
 * processing_stages_read.c - stages know, source, read and parse: from an
 * event to the records of its object.
 */
#include "processing_job.h"
#include "wd_gunzip.h"


static bool
asked_day(const processing_event_t *ev, const char *name, wd_ns_t *ret)
{
    bool is_date;

    return wd_time_parse(processing_event_arg(ev, name), ret, &is_date) == WD_OK
           && is_date;
}


void
processing_job_prepare(processing_job_t *job)
{
    const processing_dataset_t *d = job->dataset;

    job->p.zones = &job->pr->zones;
    job->p.timeframe = d->timeframe;
    job->p.market = d->market;
    job->p.symbols = &job->symbols;
    job->p.prefix = (d->flags & PROCESSING_STATEMENT) != 0 ? d->name : NULL;
    job->p.every = processing_event_arg(&job->ev, "interval");
    if (wd_str_eq_z(job->p.every, "daily")) {
        job->p.every = WD_STR("");
    }
    job->list = (d->flags & PROCESSING_LISTED) != 0 ? processing_list(d->name)
                                                    : NULL;
    job->p.asked.has_from = asked_day(&job->ev, "start", &job->p.asked.from);
    job->p.asked.has_to = asked_day(&job->ev, "end", &job->p.asked.to);
    job->p.unit = processing_event_arg(&job->ev, "currency");
    job->p.moments = (d->flags & PROCESSING_MOMENTS) != 0;
    job->p.numbered = (d->flags & PROCESSING_NUMBERED) != 0;
    job->p.raw_id = job->ev.seq;
    job->p.known_at = job->ev.fetched_at;
}


int
processing_stage_know(processing_job_t *job)
{
    job->provider = processing_provider(job->ev.provider);
    job->dataset = processing_dataset(job->ev.provider, job->ev.dataset);
    if (job->provider == NULL || job->dataset == NULL) {
        return processing_job_refuse(job, "error", WD_REASON_UNKNOWN_DATASET,
                                     "nothing is known about this data set");
    }
    processing_job_prepare(job);
    return WD_OK;
}


static int
source_id(processing_job_t *job, int *ret)
{
    int           rc;
    size_t        i;
    processing_t *pr = job->pr;
    const char   *name = job->dataset->source != NULL ? job->dataset->source
                                                      : job->provider->name;

    for (i = 0; i < pr->n_sources; i++) {
        if (strcmp(pr->sources[i].name, name) == 0) {
            *ret = pr->sources[i].id;
            return WD_OK;
        }
    }
    rc = processing_store_source(job->c, name, ret, job->err);
    if (rc == WD_OK && pr->n_sources < PROCESSING_SOURCES_MAX) {
        pr->sources[pr->n_sources].name = name;
        pr->sources[pr->n_sources++].id = *ret;
    }
    return rc;
}


int
processing_stage_source(processing_job_t *job)
{
    int rc = source_id(job, &job->p.source);

    if (rc == WD_ENOTFOUND) {
        wd_records_init(&job->r, job->pool); /* what was read ahead */
        return processing_job_refuse(
            job, "error", WD_REASON_UNKNOWN_DATASET,
            "the provider is not in the table of sources");
    }
    return rc;
}


/* Files of some providers are packed. */
static int
unpack(processing_job_t *job)
{
    int      rc;
    wd_buf_t plain;

    if (!wd_is_gzip(wd_buf_view(&job->body))) {
        return WD_OK;
    }
    wd_buf_init(&plain, WD_LAKE_OBJECT_MAX);
    rc = wd_gunzip(wd_buf_view(&job->body), &plain);
    if (rc != WD_OK) {
        wd_buf_done(&plain);
        return rc == WD_ENOMEM
                   ? rc
                   : processing_job_refuse(
                       job, "rejected",
                       rc == WD_ETRUNC ? WD_REASON_TRUNCATED : WD_REASON_SYNTAX,
                       rc == WD_ETOOBIG ? "the packed file is too large"
                                        : "the packed file cannot be read");
    }
    wd_buf_done(&job->body);
    job->body = plain;
    return WD_OK;
}


/*
 * An object that is not there although the manifest has come so far is lost;
 * a lake that has not come so far is not the one that it should be, and will
 * be again.
 */
int
processing_stage_read(processing_job_t *job)
{
    int rc;

    rc = wd_lake_get(job->pr->lake, job->ev.key, job->ev.sha256, &job->body,
                     job->err);
    switch (rc) {
    case WD_OK:
        return unpack(job);
    case WD_EIO:
    case WD_ENOMEM:
        return rc;
    case WD_ENOTFOUND:
        if (wd_lake_last(job->pr->lake) < job->ev.seq) {
            return WD_EIO;
        }
        return processing_job_refuse(job, "error", WD_REASON_LAKE_MISSING,
                                     job->err->text);
    default:
        return processing_job_refuse(job, "error", WD_REASON_LAKE_DAMAGED,
                                     job->err->text);
    }
}


/* Why a payload is none: the class that the provider's answer has. */
static int
judge(processing_job_t *job)
{
    int         rc;
    wd_answer_t a = {0};
    wd_reason_e reason;
    const char *detail;

    if (job->r.rejects[0].reason == WD_REASON_TRUNCATED) {
        job->o.outcome = "rejected";
        job->o.reason = wd_reason_name(WD_REASON_TRUNCATED);
        return WD_OK;
    }

    rc = job->provider->classify(wd_buf_view(&job->body), &a);
    if (rc != WD_OK) {
        return rc;
    }

    reason = job->r.rejects[0].reason;
    if (a.class == WD_ANSWER_ARTIFICIAL) {
        reason = WD_REASON_ARTIFICIAL;
    } else if (a.class != WD_ANSWER_OK && a.class != WD_ANSWER_MALFORMED
               && a.class != WD_ANSWER_PARTIAL) {
        reason = WD_REASON_PROVIDER_ERROR;
    }
    if (reason == job->r.rejects[0].reason
        && reason != WD_REASON_PROVIDER_ERROR) {
        job->o.outcome = "rejected";
        job->o.reason = wd_reason_name(reason);
        return WD_OK;
    }

    /* One reject with the class instead of the parser's guess. */
    job->r.n_rejects = job->r.n_rejected = 0;
    detail = a.text[0] != '\0' ? a.text : wd_answer_name(a.class);
    job->o.outcome = "rejected";
    job->o.reason = wd_reason_name(reason);
    return wd_records_refuse(&job->r, reason, WD_STR(""), "%s: %s",
                             wd_answer_name(a.class), detail);
}


int
processing_stage_parse(processing_job_t *job)
{
    int rc;

    if (job->body.len == 0) {
        return processing_job_refuse(job, "rejected", WD_REASON_TRUNCATED,
                                     "nothing in the payload");
    }
    rc = job->dataset->parse(job);
    if (rc != WD_OK || job->o.outcome != NULL) {
        return rc;
    }
    if (job->r.refused) {
        return judge(job);
    }
    if (job->r.n_records == 0) {
        if (job->r.n_rejects != 0) { /* cut, or damaged before any record */
            job->o.outcome = "rejected";
            job->o.reason = wd_reason_name(job->r.rejects[0].reason);
        } else {
            job->o.outcome = "empty";
        }
    }
    return WD_OK;
}
