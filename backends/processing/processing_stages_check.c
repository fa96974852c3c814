/*
 * processing_stages_check.c - stages name, clock, basis and validate: whose
 * data, of which time and in which terms the payload is, against what was
 * asked for, and which of its records hold.
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


/* Which end of a bar its time is, where the payload says it. */
static void
clock_labels(processing_job_t *job)
{
    if (wd_str_eq_z(job->r.label, "endPeriod")) {
        job->p.labels = PROCESSING_LABELS_END;
    } else if (job->r.label.len != 0 || job->p.market != PROCESSING_EXCHANGE) {
        job->p.labels = PROCESSING_LABELS_START;
    }
}


/* Quotes may be of moments alone. */
static bool
has_interval(const processing_job_t *job)
{
    return job->r.n_bars != 0 || job->r.interval.len != 0
           || processing_event_arg(&job->ev, "interval").len != 0;
}


/* Bar length and time zone of a payload with bars, or quotes of moments. */
int
processing_stage_clock(processing_job_t *job)
{
    int rc = WD_OK;

    if ((job->dataset->flags & PROCESSING_PUSHED) != 0) {
        job->p.labels = PROCESSING_LABELS_START;
        return WD_OK; /* of other zones nothing is pushed */
    }
    if (job->r.n_bars == 0 && !(job->p.moments && job->r.n_quotes != 0)) {
        return WD_OK;
    }
    if (job->dataset->timeframe == WD_TF_NONE && has_interval(job)) {
        rc = clock_interval(job);
    }
    clock_labels(job);
    return rc == WD_OK && job->o.outcome == NULL ? clock_zone(job) : rc;
}


/* Does a list of adjustments hold more than corrections of errors? */
static bool
asks_adjusted(wd_str_t list)
{
    wd_str_t part;

    while (wd_str_split(&list, ',', &part)) {
        part = wd_str_trim(part);
        if (part.len != 0 && !wd_str_eq_z(part, "unadjusted")
            && !wd_str_eq_z(part, "exchangeCorrection")
            && !wd_str_eq_z(part, "manualCorrection")) {
            return true;
        }
    }
    return false;
}


static int
drop_prices(processing_job_t *job, wd_reason_e reason, const char *detail)
{
    job->r.n_bars = job->r.n_quotes = job->r.n_trades = 0;
    return wd_records_reject(&job->r, -1, reason, WD_STR(""), "%s", detail);
}


/* Of longer bars some do not say which days they hold. */
static bool
asks_longer(const processing_job_t *job)
{
    wd_str_t asked = processing_event_arg(&job->ev, "interval");

    return job->dataset->timeframe != WD_TF_NONE && asked.len != 0
           && processing_interval(asked) != job->dataset->timeframe;
}


/*
 * Prices are stored as traded, in the currency of the trade: what changes
 * them later are facts of its own. Others are not taken over, whatever else
 * the payload holds is.
 */
int
processing_stage_basis(processing_job_t *job)
{
    int rc = WD_OK;

    if (job->r.n_bars + job->r.n_quotes + job->r.n_trades == 0) {
        return WD_OK;
    }
    if (job->r.adjusted
        || asks_adjusted(processing_event_arg(&job->ev, "adjustments"))) {
        rc = drop_prices(job, WD_REASON_ADJUSTED_PRICES,
                         "the provider adjusted the prices");
    } else if (processing_event_arg(&job->ev, "currency").len != 0) {
        rc = drop_prices(job, WD_REASON_CONVERTED_PRICES,
                         "the prices were asked for in a currency");
    } else if (asks_longer(job)) {
        rc = drop_prices(job, WD_REASON_UNKNOWN_INTERVAL,
                         "the prices are of spans whose days are not said");
    }
    return rc;
}


/* The facts of a list are about no instruments. */
static int
validate_list(processing_job_t *job)
{
    int rc;

    rc = processing_rules_list(&job->p, job->list, &job->r,
                               &job->rows[PROCESSING_KIND_LIST]);
    job->r.n_facts = 0;
    return rc;
}


/* What the rules make of the records of each kind. */
int
processing_stage_validate(processing_job_t *job)
{
    int    rc = job->list != NULL ? validate_list(job) : WD_OK;
    size_t i;

    static int (*const rules[PROCESSING_KINDS])(
        const processing_payload_t *p, wd_records_t *r, processing_rows_t *ret)
        = {[PROCESSING_KIND_IDENTIFIERS] = processing_rules_identifiers,
           [PROCESSING_KIND_ACTIONS] = processing_rules_action_list,
           [PROCESSING_KIND_BARS] = processing_rules_bars,
           [PROCESSING_KIND_QUOTES] = processing_rules_quotes,
           [PROCESSING_KIND_TRADES] = processing_rules_trades,
           [PROCESSING_KIND_FIELDS] = processing_rules_fields,
           [PROCESSING_KIND_FACTS] = processing_rules_facts,
           [PROCESSING_KIND_OBSERVATIONS] = processing_rules_observations,
           [PROCESSING_KIND_NEWS] = processing_rules_news,
           [PROCESSING_KIND_MENTIONS] = processing_rules_mentions};

    if ((job->dataset->flags & PROCESSING_DESCRIBED) == 0) {
        job->r.n_fields = 0; /* about the payload */
    }
    for (i = 0; i < PROCESSING_KINDS && rc == WD_OK; i++) {
        if (rules[i] != NULL) {
            rc = rules[i](&job->p, &job->r, &job->rows[i]);
        }
    }
    return rc;
}
