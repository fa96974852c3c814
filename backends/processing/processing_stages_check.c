/*
 * processing_stages_check.c - stages name, clock and validate: whose data and
 * of which time the payload is, against what was asked for, and which of its
 * records hold.
 */
#include "processing_job.h"
#include "wd_av_economy.h"
#include "wd_records.h"

#include <stdio.h>


static wd_str_t
upper_arg(processing_job_t *job, const char *name)
{
    char    *p;
    size_t   i;
    wd_str_t v = processing_event_arg(&job->ev, name);

    p = wd_pool_strdup(job->pool, v);
    if (p == NULL) {
        return WD_STR("");
    }
    for (i = 0; i < v.len; i++) {
        p[i] = p[i] >= 'a' && p[i] <= 'z' ? (char) (p[i] & ~0x20) : p[i];
    }
    return wd_str(p, v.len);
}


static bool
is_crypto(const processing_job_t *job)
{
    return job->dataset->market == PROCESSING_CRYPTO;
}


/*
 * An economic series of Alpha Vantage says neither its code nor its country:
 * both follow from what was asked for. Maturities are series of their own.
 */
static int
name_economy(processing_job_t *job)
{
    char                   code[80];
    size_t                 i;
    wd_str_t               asked, maturity, indicator;
    const wd_av_economy_t *e;
    wd_observation_rec_t  *o = job->r.observations;

    if (strcmp(job->dataset->name, "economy") != 0) {
        return WD_OK;
    }

    asked = upper_arg(job, "indicator");
    e = wd_av_economy(asked);
    if (e == NULL) {
        return processing_job_refuse(job, "rejected", WD_REASON_BAD_SYMBOL,
                                     "the request names no series");
    }
    maturity = processing_event_arg(&job->ev, "maturity");
    snprintf(code, sizeof(code), "%s%s%.*s", e->function,
             maturity.len != 0 ? ":" : "",
             (int) wd_min(maturity.len, (size_t) 16), maturity.data);
    indicator = wd_str_z(wd_pool_strdup(job->pool, wd_str_z(code)));
    if (indicator.data == NULL) {
        return WD_ENOMEM;
    }

    for (i = 0; i < job->r.n_observations; i++) {
        o[i].indicator = indicator;
        o[i].indicator_name = job->r.name;
        o[i].unit = job->r.unit;
        o[i].country = o[i].country2 = wd_str_z(e->country);
        o[i].aggregate = strcmp(e->country, "WLD") == 0;
        o[i].frequency = wd_av_frequency(
            job->r.interval.len != 0
                ? job->r.interval
                : processing_event_arg(&job->ev, "interval"),
            e);
    }
    return WD_OK;
}


/* Whose data it is: what was asked for, and what the payload says. */
int
processing_stage_name(processing_job_t *job)
{
    char     detail[120];
    wd_str_t asked, from, to;

    switch (job->dataset->kind) {
    case PROCESSING_KIND_SEARCH:
    case PROCESSING_KIND_BULK:
        return WD_OK;
    case PROCESSING_KIND_OBSERVATIONS:
        return name_economy(job);
    default:
        break;
    }

    if (job->dataset->market != PROCESSING_EXCHANGE) {
        from = upper_arg(job, is_crypto(job) ? "symbol" : "from_symbol");
        to = upper_arg(job, is_crypto(job) ? "market" : "to_symbol");
        asked = processing_job_pair(job, from, to, "");
        if (job->r.from_symbol.data == NULL || job->r.to_symbol.data == NULL) {
            job->r.from_symbol = from;
            job->r.to_symbol = to;
        }
    } else {
        asked = upper_arg(job, "symbol");
    }

    job->symbol = job->r.symbol.len != 0 ? job->r.symbol
                                         : wd_record_symbol(job->pool, asked);
    if (job->symbol.len == 0) {
        return processing_job_refuse(
            job, "rejected", WD_REASON_BAD_SYMBOL,
            "neither the payload nor the request has a symbol");
    }
    if (asked.len != 0 && !wd_str_eq(asked, job->symbol)) {
        snprintf(detail, sizeof(detail), "asked for %.*s, the answer is %.*s",
                 (int) wd_min(asked.len, (size_t) 40), asked.data,
                 (int) wd_min(job->symbol.len, (size_t) 40), job->symbol.data);
        return processing_job_refuse(job, "rejected", WD_REASON_SYMBOL_MISMATCH,
                                     detail);
    }
    return WD_OK;
}


/* Bar length and time zone of an intraday payload. */
int
processing_stage_clock(processing_job_t *job)
{
    int      rc;
    char     detail[120];
    wd_str_t asked, said = job->r.interval;

    if (job->dataset->kind != PROCESSING_KIND_BARS) {
        return WD_OK;
    }

    if (job->dataset->timeframe == WD_TF_NONE) {
        asked = processing_event_arg(&job->ev, "interval");
        said = said.len != 0 ? said : asked;
        job->p.timeframe = processing_interval(said);
        if (job->p.timeframe == WD_TF_NONE
            || (asked.len != 0 && !wd_str_eq(asked, said))) {
            snprintf(detail, sizeof(detail),
                     "asked for \"%.*s\", the answer is \"%.*s\"",
                     (int) wd_min(asked.len, (size_t) 40), asked.data,
                     (int) wd_min(said.len, (size_t) 40), said.data);
            return processing_job_refuse(job, "rejected",
                                         WD_REASON_UNKNOWN_INTERVAL, detail);
        }
    }

    /* Exchanges write their own time, currencies UTC. */
    rc = processing_zone_by_name(&job->pr->zones, job->r.zone,
                                 job->dataset->market == PROCESSING_EXCHANGE
                                     ? job->pr->zones.eastern
                                     : NULL,
                                 &job->p.zone);
    /* A date is a date in any zone. */
    if (rc == WD_ENOTFOUND && job->p.timeframe < WD_TF_1D) {
        snprintf(detail, sizeof(detail), "time zone \"%.*s\"",
                 (int) wd_min(job->r.zone.len, (size_t) 60), job->r.zone.data);
        return processing_job_refuse(job, "rejected", WD_REASON_UNKNOWN_ZONE,
                                     detail);
    }
    return WD_OK;
}


/* Does the list "A;B" hold the series? An empty one holds all. */
static bool
was_asked(wd_str_t list, wd_str_t indicator)
{
    wd_str_t part;

    if (list.len == 0) {
        return true;
    }
    while (wd_str_split(&list, ';', &part)) {
        if (wd_str_ieq(part, indicator)) {
            return true;
        }
    }
    return false;
}


static int
reject_strangers(processing_job_t *job)
{
    int                   rc;
    size_t                i, n = 0;
    wd_str_t              asked = processing_event_arg(&job->ev, "indicator");
    wd_observation_rec_t *o = job->r.observations;

    if (strcmp(job->dataset->name, "indicator") != 0) {
        return WD_OK; /* named by what was asked for */
    }
    for (i = 0; i < job->r.n_observations; i++) {
        if (was_asked(asked, o[i].indicator)) {
            o[n++] = o[i];
            continue;
        }
        rc = wd_records_reject(&job->r, o[i].record, WD_REASON_SYMBOL_MISMATCH,
                               o[i].sample, "series %.*s was not asked for",
                               WD_STR_ARG(o[i].indicator));
        if (rc != WD_OK) {
            return rc;
        }
    }
    job->r.n_observations = n;
    return WD_OK;
}


int
processing_stage_validate(processing_job_t *job)
{
    int rc;

    switch (job->dataset->kind) {
    case PROCESSING_KIND_BARS:
        return processing_rules_bars(&job->p, &job->r, &job->rows);
    case PROCESSING_KIND_QUOTES:
    case PROCESSING_KIND_BULK:
        return processing_rules_quotes(&job->p, &job->r, &job->rows);
    case PROCESSING_KIND_OVERVIEW:
        return processing_rules_fields(&job->p, &job->r, &job->rows);
    case PROCESSING_KIND_FACTS:
        return processing_rules_facts(&job->p, &job->r, job->dataset->name,
                                      &job->rows);
    case PROCESSING_KIND_ACTIONS:
        return processing_rules_action_list(&job->p, &job->r, &job->rows);
    case PROCESSING_KIND_OBSERVATIONS:
        rc = reject_strangers(job);
        return rc != WD_OK ? rc
                           : processing_rules_observations(&job->p, &job->r,
                                                           &job->rows);
    case PROCESSING_KIND_SEARCH:
        return WD_OK;
    }
    return WD_EINTERNAL;
}
