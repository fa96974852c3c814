/*
 * processing_stages_read.c - stages know, read and parse: from an event to
 * the records of its object.
 */
#include "processing_job.h"
#include "wd_av_answer.h"
#include "wd_wb_answer.h"
#include "wd_wb_parse.h"

#define AV(name, kind, timeframe, market)                                      \
    {                                                                          \
        "alphavantage", name, PROCESSING_KIND_##kind, timeframe, market, false \
    }
#define AV_BARS(name, timeframe, market) AV(name, BARS, timeframe, market)

static const processing_dataset_t datasets[] = {
    AV_BARS("daily", WD_TF_1D, PROCESSING_EXCHANGE),
    {"alphavantage", "daily_adjusted", PROCESSING_KIND_BARS, WD_TF_1D,
     PROCESSING_EXCHANGE, true},
    AV_BARS("weekly", WD_TF_1W, PROCESSING_EXCHANGE),
    AV_BARS("weekly_adjusted", WD_TF_1W, PROCESSING_EXCHANGE),
    AV_BARS("monthly", WD_TF_1MO, PROCESSING_EXCHANGE),
    AV_BARS("monthly_adjusted", WD_TF_1MO, PROCESSING_EXCHANGE),
    AV_BARS("intraday", WD_TF_NONE, PROCESSING_EXCHANGE),
    AV_BARS("fx_daily", WD_TF_1D, PROCESSING_FX),
    AV_BARS("fx_weekly", WD_TF_1W, PROCESSING_FX),
    AV_BARS("fx_monthly", WD_TF_1MO, PROCESSING_FX),
    AV_BARS("fx_intraday", WD_TF_NONE, PROCESSING_FX),
    AV_BARS("crypto_daily", WD_TF_1D, PROCESSING_CRYPTO),
    AV_BARS("crypto_weekly", WD_TF_1W, PROCESSING_CRYPTO),
    AV_BARS("crypto_monthly", WD_TF_1MO, PROCESSING_CRYPTO),
    AV_BARS("crypto_intraday", WD_TF_NONE, PROCESSING_CRYPTO),
    AV("quote", QUOTES, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("rate", QUOTES, WD_TF_NONE, PROCESSING_FX),
    AV("bulk_quotes", BULK, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("search", SEARCH, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("listing", SEARCH, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("overview", OVERVIEW, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("income_statement", FACTS, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("balance_sheet", FACTS, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("cash_flow", FACTS, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("earnings", FACTS, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("dividends", ACTIONS, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("splits", ACTIONS, WD_TF_NONE, PROCESSING_EXCHANGE),
    AV("economy", OBSERVATIONS, WD_TF_NONE, PROCESSING_EXCHANGE),
    {"worldbank", "indicator", PROCESSING_KIND_OBSERVATIONS, WD_TF_NONE,
     PROCESSING_EXCHANGE, false},
};


static bool
is_worldbank(const processing_job_t *job)
{
    return strcmp(job->dataset->provider, "worldbank") == 0;
}


int
processing_stage_know(processing_job_t *job)
{
    int    rc;
    size_t i;

    for (i = 0; i < wd_array_len(datasets); i++) {
        if (strcmp(datasets[i].provider, job->ev.provider) == 0
            && strcmp(datasets[i].name, job->ev.dataset) == 0) {
            job->dataset = &datasets[i];
        }
    }
    if (job->dataset == NULL) {
        return processing_job_refuse(job, "error", WD_REASON_UNKNOWN_DATASET,
                                     "nothing is known about this data set");
    }

    rc = processing_store_source(job->c, job->ev.provider, &job->p.source,
                                 job->err);
    if (rc == WD_ENOTFOUND) {
        return processing_job_refuse(
            job, "error", WD_REASON_UNKNOWN_DATASET,
            "the provider is not in the table of sources");
    }

    job->p.zones = &job->pr->zones;
    job->p.timeframe = job->dataset->timeframe;
    job->p.market = job->dataset->market;
    job->p.raw_id = job->ev.seq;
    job->p.known_at = job->ev.fetched_at;
    return rc;
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

    rc = is_worldbank(job) ? wd_wb_classify(wd_buf_view(&job->body), &a)
                           : wd_av_classify(wd_buf_view(&job->body), &a);
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
    int      rc;
    wd_str_t body = wd_buf_view(&job->body);

    if (is_worldbank(job)) {
        rc = wd_wb_parse(body, &job->r);
    } else if (wd_av_dataset_by_name(wd_str_z(job->dataset->name), &job->av)) {
        rc = wd_av_parse(job->av, body, &job->r);
    } else {
        rc = WD_EINTERNAL;
    }
    if (rc != WD_OK) {
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
