/*
 * ingestion_fetcher_int.h - what the files of the fetcher share; for them
 * alone. All of it runs on the fetcher's thread.
 */
#ifndef INGESTION_FETCHER_INT_H
#define INGESTION_FETCHER_INT_H

#include "ingestion_breaker.h"
#include "ingestion_fetcher.h"
#include "ingestion_store.h"
#include "ingestion_wait.h"

#define INGESTION_FAILED_MS 500 /* until the database is tried again */
#define INGESTION_STORAGE_MS 2000 /* until the lake is tried again */

struct ingestion_fetcher {
    ingestion_thread_t          t;
    ingestion_t                *in;
    const ingestion_provider_t *p;
    size_t                      index;

    pthread_mutex_t           lock; /* next three */
    ingestion_account_t       next; /* account of the configuration */
    uint32_t                  generation;
    ingestion_fetcher_state_t state;

    /* The thread's own. */
    ingestion_account_t account;
    uint32_t            generation_used;
    wd_http_t          *http;
    ingestion_breaker_t breaker;
    bool                stopped; /* the key was refused */
    int64_t             debt; /* calls that the database does not know */
    wd_ns_t             last_call;
    wd_ns_t             reaped;
};

/* One page of a job on its way. */
typedef struct {
    ingestion_job_t           *job;
    const ingestion_dataset_t *dataset;
    int                        page; /* 0: no pages */
    wd_http_res_t              res;
    ingestion_verdict_t        v;
    bool                       archived;
    ingestion_archived_t       object;
    char                       last_sha256[65]; /* of the page before */
    char                       args[INGESTION_ARGS_JSON_MAX + 64];
} ingestion_try_t;

/* What the status shows: ingestion_fetcher_state.c. */
void ingestion_fetcher_set_state(ingestion_fetcher_t *f,
                                 ingestion_fetcher_e state, int64_t wait_ms);
void ingestion_fetcher_set_job(ingestion_fetcher_t *f, int64_t id);
void ingestion_fetcher_set_quota(ingestion_fetcher_t    *f,
                                 const ingestion_take_t *take);
void ingestion_fetcher_limited(ingestion_fetcher_t    *f,
                               const ingestion_take_t *take);
void ingestion_fetcher_note(ingestion_fetcher_t      *f,
                            const ingestion_result_t *r);

/*
 * A call of the quota, for pages behind the first. WD_ELIMIT: the wait, in
 * *ret_ms, is too long; WD_ECANCELED: stop. ingestion_fetcher_turn.c.
 */
wd_must_check int ingestion_fetcher_wait_turn(ingestion_fetcher_t *f,
                                              int64_t             *ret_ms);

/* Asks and judges. WD_OK whatever the answer; WD_ECANCELED, WD_ENOMEM. */
wd_must_check int ingestion_fetcher_ask(ingestion_fetcher_t *f,
                                        ingestion_try_t     *pg);

/* The answer to the lake, if it is to be kept. Both ingestion_fetcher_ask.c. */
wd_must_check int ingestion_fetcher_archive(ingestion_fetcher_t *f,
                                            ingestion_try_t     *pg,
                                            wd_error_t          *err);

/*
 * How a page or a job ends: ingestion_fetcher_result.c. The result is written
 * down, waiting for the database as long as it takes: the lake has the
 * payload, and there is no other work without it. Told to stop meanwhile, the
 * lease returns the job.
 */
void ingestion_fetcher_end(ingestion_fetcher_t *f, ingestion_try_t *pg,
                           ingestion_result_t *r);

/* A page is done and the job goes on. */
void ingestion_fetcher_progress(ingestion_fetcher_t *f, ingestion_try_t *pg);

/* Gives the job back without blame; name: the class of the answer or NULL. */
void ingestion_fetcher_give_back(ingestion_fetcher_t *f, ingestion_try_t *pg,
                                 int64_t delay_ms, const char *name,
                                 const char *text);

/* An answer that is neither rows nor an honest "nothing". */
void ingestion_fetcher_refused(ingestion_fetcher_t *f, ingestion_try_t *pg);

void ingestion_fetcher_finish(ingestion_fetcher_t *f, ingestion_try_t *pg,
                              ingestion_outcome_e outcome, wd_answer_e answer,
                              const char *text);

/* A claimed job to its end: ingestion_fetcher_job.c. */
void ingestion_fetcher_run(ingestion_fetcher_t *f, ingestion_job_t *job);

#endif /* INGESTION_FETCHER_INT_H */
