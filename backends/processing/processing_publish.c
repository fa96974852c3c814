/*
 * processing_publish.c - what came of a payload, told to the topics and to the
 * metrics.
 */
#include "processing_job.h"
#include "wd_metrics.h"


/* One event for some hundreds of names each; of nobody by name there is one. */
static int
publish_notice(processing_job_t *job, const processing_notice_t *notice)
{
    int      rc = WD_OK;
    size_t   i = 0, n;
    wd_buf_t out = WD_BUF_INIT;

    do {
        n = wd_min(notice->n_names - i, (size_t) PROCESSING_NOTICE_NAMES_MAX);
        wd_buf_reset(&out);
        processing_event_valid(&out, &job->ev, notice, i, n);
        rc = out.err != WD_OK
                 ? out.err
                 : wd_bus_publish(job->c, WD_TOPIC_VALID, wd_buf_view(&out),
                                  NULL, job->err);
        i += n;
    } while (i < notice->n_names && rc == WD_OK);
    wd_buf_done(&out);
    return rc;
}


/* Last of all: publishers of a topic wait for each other until commit. */
int
processing_job_publish(processing_job_t *job)
{
    int      rc = WD_OK;
    size_t   i;
    wd_buf_t out = WD_BUF_INIT;

    if (job->r.n_rejected != 0) {
        processing_event_rejected(&out, &job->ev, &job->r);
        rc = out.err != WD_OK
                 ? out.err
                 : wd_bus_publish(job->c, WD_TOPIC_REJECTED, wd_buf_view(&out),
                                  NULL, job->err);
        wd_buf_done(&out);
    }
    for (i = 0; i < job->n_notices && rc == WD_OK; i++) {
        rc = publish_notice(job, &job->notices[i]);
    }
    return rc;
}


void
processing_job_count(const processing_job_t *job)
{
    size_t i;

    const struct {
        const char *name;
        int64_t     n;
    } counts[] = {{"stored", job->o.counts.stored},
                  {"corrected", job->o.counts.corrected},
                  {"unchanged", job->o.counts.unchanged},
                  {"flagged", job->o.flagged},
                  {"rejected", (int64_t) job->r.n_rejected}};

    for (i = 0; i < wd_array_len(counts); i++) {
        if (counts[i].n != 0) {
            wd_metric(WD_MX_RECORDS, (double) counts[i].n, job->ev.dataset,
                      counts[i].name, NULL);
        }
    }
    for (i = 0; i < job->r.n_rejects; i++) {
        wd_metric(WD_MX_REJECTS, 1, job->ev.provider,
                  wd_reason_name(job->r.rejects[i].reason), NULL);
    }
    wd_metric(WD_MX_PAYLOADS, 1, job->ev.provider, job->ev.dataset,
              job->o.outcome);
    if (job->o.to != WD_NS_MIN) {
        wd_metric(WD_MX_DATA_TIME, (double) (job->o.to / WD_NS_PER_S),
                  job->ev.provider, job->ev.dataset, NULL);
    }
}
