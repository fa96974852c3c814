/*
 * processing_stages_check.c - stages name, clock and validate: whose data and
 * of which time the payload is, against what was asked for, and which of its
 * records hold.
 */
#include "processing_job.h"

#include <stdio.h>


int
processing_stage_name(processing_job_t *job)
{
    return job->dataset->who(job);
}


/* Bars whose length the payload says, as it was asked for. */
static int
clock_interval(processing_job_t *job)
{
    char           detail[120];
    bool           longer = (job->dataset->flags & PROCESSING_LONG) != 0;
    wd_str_t       asked = processing_event_arg(&job->ev, "interval");
    wd_str_t       said = job->r.interval.len != 0 ? job->r.interval : asked;
    wd_timeframe_e tf = processing_interval(said);

    if (tf != WD_TF_NONE && (tf >= WD_TF_1D) == longer
        && (asked.len == 0 || processing_interval(asked) == tf)) {
        job->p.timeframe = tf;
        return WD_OK;
    }
    snprintf(detail, sizeof(detail),
             "asked for \"%.*s\", the answer is \"%.*s\"",
             (int) wd_min(asked.len, (size_t) 40), asked.data,
             (int) wd_min(said.len, (size_t) 40), said.data);
    return processing_job_refuse(job, "rejected", WD_REASON_UNKNOWN_INTERVAL,
                                 detail);
}


/* Exchanges write their own time, currencies UTC. A date is a date anywhere. */
static int
clock_zone(processing_job_t *job)
{
    int            rc;
    char           detail[120];
    const wd_tz_t *own = job->p.market == PROCESSING_EXCHANGE
                             ? job->pr->zones.eastern
                             : NULL;

    rc = processing_zone_by_name(&job->pr->zones, job->r.zone, own,
                                 &job->p.zone);
    if (rc == WD_ENOTFOUND && job->p.timeframe < WD_TF_1D) {
        snprintf(detail, sizeof(detail), "time zone \"%.*s\"",
                 (int) wd_min(job->r.zone.len, (size_t) 60), job->r.zone.data);
        return processing_job_refuse(job, "rejected", WD_REASON_UNKNOWN_ZONE,
                                     detail);
    }
    return WD_OK;
}


/* Bar length and time zone of a payload with bars. */
int
processing_stage_clock(processing_job_t *job)
{
    int rc = WD_OK;

    if (job->r.n_bars == 0) {
        return WD_OK;
    }
    if (job->dataset->timeframe == WD_TF_NONE) {
        rc = clock_interval(job);
    }
    return rc == WD_OK && job->o.outcome == NULL ? clock_zone(job) : rc;
}


/* What the rules make of the records of each kind. */
int
processing_stage_validate(processing_job_t *job)
{
    int    rc = WD_OK;
    size_t i;

    static int (*const rules[PROCESSING_KINDS])(
        const processing_payload_t *p, wd_records_t *r, processing_rows_t *ret)
        = {[PROCESSING_KIND_ACTIONS] = processing_rules_action_list,
           [PROCESSING_KIND_BARS] = processing_rules_bars,
           [PROCESSING_KIND_QUOTES] = processing_rules_quotes,
           [PROCESSING_KIND_FIELDS] = processing_rules_fields,
           [PROCESSING_KIND_FACTS] = processing_rules_facts,
           [PROCESSING_KIND_OBSERVATIONS] = processing_rules_observations};

    if ((job->dataset->flags & PROCESSING_DESCRIBED) == 0) {
        job->r.n_fields = 0; /* about the payload */
    }
    for (i = 0; i < PROCESSING_KINDS && rc == WD_OK; i++) {
        rc = rules[i](&job->p, &job->r, &job->rows[i]);
    }
    return rc;
}
