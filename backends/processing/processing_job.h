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
#include "processing_lists.h"
#include "processing_rules.h"
#include "processing_store.h"
#include "processing_symbols.h"
#include "wd_answer.h"

#define PROCESSING_JOB_NOTICES_MAX 16 /* of one payload */

/* What payloads hold, in the order in which it is stored. */
typedef enum {
    PROCESSING_KIND_IDENTIFIERS,
    PROCESSING_KIND_ACTIONS,
    PROCESSING_KIND_BARS,
    PROCESSING_KIND_QUOTES,
    PROCESSING_KIND_TRADES,
    PROCESSING_KIND_FIELDS,
    PROCESSING_KIND_FACTS,
    PROCESSING_KIND_OBSERVATIONS,
    PROCESSING_KIND_LIST, /* what else would be facts */
    PROCESSING_KIND_NEWS,
    PROCESSING_KIND_MENTIONS, /* stored with the news */
    PROCESSING_KINDS
} processing_kind_e;

typedef struct processing_job processing_job_t;

/* What is known of a provider. */
typedef struct {
    const char *name;
    int (*classify)(wd_str_t body, wd_answer_t *ret);
} processing_provider_t;

/* How a data set differs from others. */
enum {
    PROCESSING_ACTIONS_IN_BARS = 1, /* splits and dividends stand in bars */
    PROCESSING_STATEMENT = 2, /* the data set is part of a figure's name */
    PROCESSING_DESCRIBED = 4, /* its fields are figures of the instrument */
    PROCESSING_LONG = 8, /* bars of a day and longer, whose length is said */
    PROCESSING_MOMENTS = 16, /* quotes are of moments, not of days */
    PROCESSING_NUMBERED = 32, /* figures "TABLE.Column" are rows of tables */
    PROCESSING_LISTED = 64, /* facts are rows of the list of that name */
    PROCESSING_PUSHED = 128 /* each bar says its length, times are UTC; a
                             * record that says the same again is counted */
};

/* What is known of a provider's data set. */
typedef struct {
    const char *provider;
    const char *name;
    const char *source; /* of its rows, in table source; NULL: the provider */

    /* The body as records. */
    int (*parse)(processing_job_t *job);

    /* Whose data it is, from what was asked for and what the payload says. */
    int (*who)(processing_job_t *job);

    wd_timeframe_e      timeframe; /* WD_TF_NONE: the payload says it */
    processing_market_e market;
    unsigned            flags;
} processing_dataset_t;

/* A lake object on its way. */
struct processing_job {
    processing_t                *pr;
    wd_pg_conn_t                *c;
    wd_pool_t                   *pool;
    processing_event_t           ev;
    wd_buf_t                     body;
    wd_records_t                 r;
    processing_symbols_t         symbols;
    processing_payload_t         p;
    const processing_provider_t *provider;
    const processing_dataset_t  *dataset;
    const processing_list_t     *list; /* that it is; NULL: none */
    processing_rows_t            rows[PROCESSING_KINDS];
    processing_outcome_t         o;
    processing_notice_t          notices[PROCESSING_JOB_NOTICES_MAX];
    size_t                       n_notices;
    wd_error_t                  *err;
    bool ahead; /* read and parsed: processing_ahead.h */
};

/* NULL without memory; free accepts NULL. */
processing_job_t *processing_job_create(processing_t *pr);
void              processing_job_destroy(processing_job_t *job);

/*
 * Reads an event, and of the stages those that need no database, for an
 * object of at most that many bytes. false: something was in the way, and
 * only those who record it may find out what.
 */
bool processing_job_read_ahead(processing_job_t *job, wd_str_t event,
                               int64_t max_bytes);

/*
 * The payload gives nothing: outcome with a reason, and a reject that says
 * so, unless the parser wrote one. WD_OK or WD_ENOMEM.
 */
wd_must_check int processing_job_refuse(processing_job_t *job,
                                        const char *outcome, wd_reason_e reason,
                                        const char *detail);

/* What follows from the event and its data set, before anything is read. */
void processing_job_prepare(processing_job_t *job);

/* A text argument of the request in upper case, from the pool. */
wd_str_t processing_job_upper(processing_job_t *job, const char *name);

/* NULL: there is none. */
const processing_provider_t *processing_provider(const char *name);
const processing_dataset_t  *processing_dataset(const char *provider,
                                                const char *name);

/* Of what is pushed nothing but its records says anything. */
int processing_classify_push(wd_str_t body, wd_answer_t *ret);

/* Of data sets, `parse`: processing_parse.c. */
wd_must_check int processing_parse_push(processing_job_t *job);
wd_must_check int processing_parse_av(processing_job_t *job);
wd_must_check int processing_parse_wb(processing_job_t *job);
wd_must_check int processing_parse_dl(processing_job_t *job);
wd_must_check int processing_parse_blp(processing_job_t *job);
wd_must_check int processing_parse_lseg(processing_job_t *job);
wd_must_check int processing_parse_capture(processing_job_t *job);
wd_must_check int processing_parse_gds(processing_job_t *job);

/* Of data sets, `who`: processing_who.c. */
wd_must_check int processing_who_symbol(processing_job_t *job);
wd_must_check int processing_who_pair(processing_job_t *job);
wd_must_check int processing_who_coin(processing_job_t *job);
wd_must_check int processing_who_listed(processing_job_t *job);
wd_must_check int processing_who_named(processing_job_t *job);
wd_must_check int processing_who_all(processing_job_t *job);
wd_must_check int processing_who_none(processing_job_t *job);
wd_must_check int processing_who_economy(processing_job_t *job);
wd_must_check int processing_who_indicator(processing_job_t *job);

/* From event to records: processing_stages_read.c. */
wd_must_check int processing_stage_know(processing_job_t *job);
wd_must_check int processing_stage_source(processing_job_t *job);
wd_must_check int processing_stage_read(processing_job_t *job);
wd_must_check int processing_stage_parse(processing_job_t *job);

/* What was asked for, what is valid: processing_stages_check.c. */
wd_must_check int processing_stage_name(processing_job_t *job);
wd_must_check int processing_stage_clock(processing_job_t *job);
wd_must_check int processing_stage_basis(processing_job_t *job);
wd_must_check int processing_stage_validate(processing_job_t *job);

/* To the database: processing_stages_store.c. */
wd_must_check int processing_stage_store(processing_job_t *job);

/* What came of it, as events and as metrics: processing_publish.c. */
wd_must_check int processing_job_publish(processing_job_t *job);
void              processing_job_count(const processing_job_t *job);

#endif /* PROCESSING_JOB_H */
