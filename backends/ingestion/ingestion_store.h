/*
 * ingestion_store.h - jobs, quotas, freshness and the publishing cursor in
 * PostgreSQL. All functions wait for the server; errors are those of wd_pg.
 */
#ifndef INGESTION_STORE_H
#define INGESTION_STORE_H

#include "ingestion_archive.h"
#include "provider.h"

#include "wd_json.h"
#include "wd_pg.h"

#define INGESTION_ARGS_JSON_MAX 960 /* leaves room for the page */

typedef struct {
    int64_t          id;
    wd_ns_t          created;
    char             dataset[32];
    ingestion_args_t args;
    int              attempts; /* this one included */
    int              page; /* next one to ask for */
    int64_t          rows; /* of the pages before */
    int              objects; /* written so far */
    int              duplicates;
    size_t           key; /* of the account, whose call was taken */
    char             cursor[INGESTION_CURSOR_MAX + 1];
} ingestion_job_t;

/*
 * Answer of the shared quota. -1: the window has no limit; left_* are sums
 * over the keys.
 */
typedef struct {
    int64_t granted;
    int64_t wait_ms; /* none granted: until it is worth to ask again */
    char    reason[16]; /* second, minute, day, limit_short, limit_long */
    int64_t left_second;
    int64_t left_minute;
    int64_t left_day;
    int64_t left_day_of[INGESTION_KEYS_MAX]; /* by key */
    size_t  key; /* of the last call granted */
} ingestion_take_t;

#define INGESTION_CLAIM_MAX 64 /* jobs at a time */

/* Whose quota: all keys of an account that are not refused. */
typedef struct {
    const char                *provider;
    const ingestion_account_t *account;
    const bool                *refused; /* by key */
    const int64_t *debt; /* by key: calls that the database does not know */
} ingestion_quota_t;

typedef struct {
    ingestion_quota_t quota;
    const char       *worker;
    uint32_t          lease_ms;
    const wd_str_t   *skip; /* data sets that are left alone */
    size_t            n_skip;
    const char       *only; /* the one data set wanted; NULL: any */
    size_t            max; /* jobs */
} ingestion_claim_t;

/* Sets timeouts and listens for new jobs. */
wd_must_check int ingestion_store_session(wd_pg_conn_t *c, wd_error_t *err);

/*
 * Queues a job, or finds the equal one that waits or runs. Inside the
 * caller's transaction. ret_status holds 16 bytes.
 */
wd_must_check int ingestion_store_enqueue(wd_pg_conn_t *c, const char *provider,
                                          const char *dataset, wd_str_t args,
                                          wd_str_t asked_by, int64_t *ret_id,
                                          char *ret_status, wd_error_t *err);

/*
 * The next jobs that are due, each together with one call of the quota.
 * WD_ELIMIT with *take when there is no call left: the jobs then stay queued.
 * WD_ENOTFOUND when none is due; take->reason and wait_ms are then of the
 * provider's block, if it has one.
 */
wd_must_check int ingestion_store_claim(wd_pg_conn_t            *c,
                                        const ingestion_claim_t *claim,
                                        ingestion_job_t *jobs, size_t *ret_n,
                                        ingestion_take_t *take,
                                        wd_error_t       *err);

/* Up to n calls of the quota; 0: the debts are told, nothing else. */
wd_must_check int ingestion_store_take(wd_pg_conn_t            *c,
                                       const ingestion_quota_t *quota,
                                       int64_t n, ingestion_take_t *take,
                                       wd_error_t *err);

typedef enum {
    OUTCOME_PROGRESS, /* a page is done, the job goes on */
    OUTCOME_DONE,
    OUTCOME_FAILED,
    OUTCOME_AGAIN /* queued once more */
} ingestion_outcome_e;

typedef enum {
    BLOCK_NONE,
    BLOCK_SHORT, /* the key, for delay_ms */
    BLOCK_LONG /* until the next day of UTC; an hour when refused again */
} ingestion_block_e;

/* What became of an answer. */
typedef struct {
    ingestion_outcome_e outcome;
    const char         *provider;
    const char         *worker;
    uint32_t            lease_ms;
    bool                answered; /* counts in the provider's state */
    bool                good;
    bool                refund; /* the attempt does not count */
    int64_t             delay_ms; /* AGAIN: earliest next attempt */
    ingestion_block_e   block;
    const char *class; /* NULL: none */
    const char *text;
    const char *key; /* id of the key that was used */

    const ingestion_account_t *account;

    const char                 *page_args; /* NULL: nothing was archived */
    const ingestion_archived_t *archived;
    wd_str_t                    etag; /* of the answer; may be empty */
    wd_str_t                    modified;
} ingestion_result_t;

/* In one transaction. WD_ENOTFOUND: the job is another worker's by now. */
wd_must_check int ingestion_store_result(wd_pg_conn_t             *c,
                                         const ingestion_job_t    *job,
                                         const ingestion_result_t *r,
                                         wd_error_t               *err);

/* What a question was answered with the last time. */
typedef struct {
    char sha256[65];
    char etag[128]; /* "": none */
    char modified[64];
} ingestion_fresh_t;

/* WD_ENOTFOUND: it was never answered. */
wd_must_check int ingestion_store_fresh(wd_pg_conn_t *c, const char *provider,
                                        const char *dataset, const char *args,
                                        ingestion_fresh_t *ret,
                                        wd_error_t        *err);

/* One of all instances has it, until its connection ends. */
wd_must_check int ingestion_store_session_lock(wd_pg_conn_t *c,
                                               const char   *provider,
                                               bool *ret_held, wd_error_t *err);

/*
 * Longer leases for jobs that are under way. *ret_lost of ids[] are another
 * worker's by now, or gone; they stand first in lost[], which has room for n.
 */
wd_must_check int ingestion_store_renew(wd_pg_conn_t *c, const char *worker,
                                        uint32_t lease_ms, const int64_t *ids,
                                        size_t n, int64_t *lost,
                                        size_t *ret_lost, wd_error_t *err);

/* All of them are queued again as they stand, without blame. */
wd_must_check int ingestion_store_give_back(wd_pg_conn_t *c, const char *worker,
                                            const ingestion_job_t *const *jobs,
                                            size_t n, wd_error_t *err);

/* Queues jobs again whose worker is gone; ends what a wrong clock made wait. */
wd_must_check int ingestion_store_reap(wd_pg_conn_t *c, const char *provider,
                                       int64_t *ret_n, wd_error_t *err);

/*
 * Members "queued", "running", "queues" and "jobs" of an open object. job 0: those that
 * wait or run and the latest `limit` others. WD_ENOTFOUND: no such job.
 */
/* Jobs that a sweep removes at a time. */
#define INGESTION_SWEEP_MAX 500

/*
 * Removes jobs that ended more than `keep_s` ago, but for those whose
 * collection has yet to see it; *ret: how many, at most as many as above.
 */
wd_must_check int ingestion_store_sweep(wd_pg_conn_t *c, int64_t keep_s,
                                        int64_t *ret, wd_error_t *err);

wd_must_check int ingestion_store_status(wd_pg_conn_t *c, int64_t job,
                                         int64_t limit, wd_json_t *j,
                                         wd_error_t *err);

typedef struct {
    int64_t succeeded;
    int64_t failed;
    int64_t queued;
    int64_t used_today; /* of the keys that were asked for */
    wd_ns_t last_success; /* 0: never */
    wd_ns_t last_error_at;
    char    last_error_class[16];
    char    last_error[WD_ANSWER_TEXT_MAX];
} ingestion_provider_row_t;

wd_must_check int ingestion_store_provider(wd_pg_conn_t   *c,
                                           const char     *provider,
                                           const wd_str_t *keys, size_t n_keys,
                                           ingestion_provider_row_t *ret,
                                           wd_error_t               *err);

/* What became of the data sets that were ever asked for, or are wanted. */
typedef struct {
    char    provider[32];
    char    dataset[32];
    int64_t succeeded;
    wd_ns_t last_success; /* 0: never */
    wd_ns_t last_change;
    wd_ns_t last_error_at;
    char    last_error_class[16];
    char    last_error[WD_ANSWER_TEXT_MAX];
    char    errors[512]; /* JSON: {"class": count} */
    int64_t items; /* instruments that collections want of it */
    int64_t lag_s; /* since the oldest run that has not brought all; 0: none */
} ingestion_dataset_row_t;

/* *ret is the caller's, to be freed. */
wd_must_check int ingestion_store_datasets(wd_pg_conn_t             *c,
                                           ingestion_dataset_row_t **ret,
                                           size_t *ret_n, wd_error_t *err);

/* NULL: it was never asked for, and nobody wants it. */
const ingestion_dataset_row_t *
ingestion_store_dataset(const ingestion_dataset_row_t *rows, size_t n,
                        const char *provider, const char *dataset);

/* The publishing cursor; _lock inside a transaction. */
wd_must_check int ingestion_store_cursor(wd_pg_conn_t *c, int64_t *ret,
                                         wd_error_t *err);
wd_must_check int ingestion_store_cursor_lock(wd_pg_conn_t *c, int64_t *ret,
                                              wd_error_t *err);
wd_must_check int ingestion_store_cursor_set(wd_pg_conn_t *c, int64_t seq,
                                             wd_error_t *err);

/* Ranges to publish again; next: WD_ENOTFOUND when there is none. */
wd_must_check int ingestion_store_replay_add(wd_pg_conn_t *c, int64_t from,
                                             int64_t to, wd_str_t asked_by,
                                             int64_t *ret_id, wd_error_t *err);
wd_must_check int ingestion_store_replay_lock(wd_pg_conn_t *c, int64_t *ret_id,
                                              int64_t *ret_next,
                                              int64_t *ret_to, wd_error_t *err);
/* Behind `to`: done, the row goes. */
wd_must_check int ingestion_store_replay_set(wd_pg_conn_t *c, int64_t id,
                                             int64_t next, wd_error_t *err);

#endif /* INGESTION_STORE_H */
