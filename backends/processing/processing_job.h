/*
 * processing_job.h - one lake object on its way through the stages; what
 * their files share, for them alone.
 *
 * A stage returns an error only when it could not do its work. When it finds
 * the payload unusable it says so in o.outcome, which ends the walk; rejects
 * of single records are gathered in r.
 */
#ifndef PROCESSING_JOB_H
#define PROCESSING_JOB_H

#include "processing.h"
#include "processing_event.h"
#include "processing_rules.h"
#include "processing_store.h"
#include "wd_av_parse.h"

#define PROCESSING_JOB_NEWS_MAX 4 /* kinds of facts of one payload */

/* Which facts a payload holds. */
typedef enum {
    PROCESSING_KIND_BARS,
    PROCESSING_KIND_QUOTES,
    PROCESSING_KIND_SEARCH,
    PROCESSING_KIND_BULK, /* quotes of several instruments */
    PROCESSING_KIND_OVERVIEW,
    PROCESSING_KIND_FACTS,
    PROCESSING_KIND_ACTIONS,
    PROCESSING_KIND_OBSERVATIONS
} processing_kind_e;

/* What is known of a provider's data set. */
typedef struct {
    const char         *provider;
    const char         *name;
    processing_kind_e   kind;
    wd_timeframe_e      timeframe; /* WD_TF_NONE: the payload says it */
    processing_market_e market;
    bool                actions; /* splits and dividends stand in the bars */
} processing_dataset_t;

/* A lake object on its way. */
typedef struct {
    processing_t               *pr;
    wd_pg_conn_t               *c;
    wd_pool_t                  *pool;
    processing_event_t          ev;
    wd_buf_t                    body;
    wd_records_t                r;
    processing_payload_t        p;
    const processing_dataset_t *dataset;
    wd_av_dataset_e             av;
    wd_str_t                    symbol;
    processing_rows_t           rows;
    processing_outcome_t        o;
    processing_news_t           news[PROCESSING_JOB_NEWS_MAX];
    size_t                      n_news;
    wd_error_t                 *err;
} processing_job_t;

/*
 * The payload gives nothing: outcome with a reason, and a reject that says
 * so, unless the parser wrote one. WD_OK or WD_ENOMEM.
 */
wd_must_check int processing_job_refuse(processing_job_t *job,
                                        const char *outcome, wd_reason_e reason,
                                        const char *detail);

/* "EUR/USD" of EUR and USD, from the pool; data NULL if one is empty. */
wd_str_t processing_job_pair(processing_job_t *job, wd_str_t from, wd_str_t to,
                             const char *between);

/* From event to records: processing_stages_read.c. */
wd_must_check int processing_stage_know(processing_job_t *job);
wd_must_check int processing_stage_read(processing_job_t *job);
wd_must_check int processing_stage_parse(processing_job_t *job);

/* What was asked for, what is valid: processing_stages_check.c. */
wd_must_check int processing_stage_name(processing_job_t *job);
wd_must_check int processing_stage_clock(processing_job_t *job);
wd_must_check int processing_stage_validate(processing_job_t *job);

/* To the database: processing_stages_store.c. */
wd_must_check int processing_stage_store(processing_job_t *job);

/* What came of it, as events and as metrics: processing_publish.c. */
wd_must_check int processing_job_publish(processing_job_t *job);
void              processing_job_count(const processing_job_t *job);

#endif /* PROCESSING_JOB_H */
