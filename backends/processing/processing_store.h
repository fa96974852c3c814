/*
 * processing_store.h - all SQL of the processing.
 *
 * Everything runs on the caller's connection; what writes, inside of the
 * caller's transaction. Errors are those of wd_pg_exec().
 */
#ifndef PROCESSING_STORE_H
#define PROCESSING_STORE_H

#include "processing_event.h"
#include "processing_rules.h"
#include "wd_pg.h"

/* Which rows of a table a payload can touch. */
typedef struct {
    const int64_t  *ids; /* instruments, series, news */
    size_t          n_ids;
    const wd_str_t *names; /* codes of a list */
    size_t          n_names;
    int             source;
    wd_timeframe_e  timeframe;
    wd_ns_t         from;
    wd_ns_t         to;
} processing_scope_t;

typedef struct {
    int64_t stored;
    int64_t corrected;
    int64_t unchanged;
    int64_t earlier; /* of those: known earlier than thought */
} processing_counts_t;

/*
 * Actions, sorted by key, as they were known when the payload was fetched,
 * its own included. Not as they are known now: a replay must judge as the
 * first processing did.
 */
wd_must_check int
processing_store_actions(wd_pg_conn_t *c, const processing_payload_t *p,
                         const processing_scope_t *scope, wd_pool_t *pool,
                         processing_rows_t *ret, wd_error_t *err);

/* Merges rows (sorted, each key once, of one payload); adds to *counts. */
wd_must_check int
processing_store_merge(wd_pg_conn_t *c, const processing_fact_t *fact,
                       const processing_scope_t *scope, wd_pool_t *pool,
                       const processing_rows_t *rows,
                       processing_counts_t *counts, wd_error_t *err);

/*
 * Of each instrument the last close of its bars of the payload's length before
 * a time (microseconds from 1970), if not too old; known as above.
 */
wd_must_check int
processing_store_last(wd_pg_conn_t *c, const processing_payload_t *p,
                      const int64_t *ids, const int64_t *before_us, size_t n,
                      processing_last_t *ret, wd_error_t *err);

/* Id of a provider; WD_ENOTFOUND. */
wd_must_check int processing_store_source(wd_pg_conn_t *c, const char *name,
                                          int *ret, wd_error_t *err);

typedef struct {
    wd_str_t alias; /* as the provider writes it */
    wd_str_t symbol;
    wd_str_t type; /* data NULL: not known */
    wd_str_t name;
    wd_str_t exchange;
    wd_str_t currency;
    wd_str_t country;
    wd_str_t sector;
    wd_str_t industry;
    wd_str_t zone;
} processing_instrument_t;

/*
 * Ids of many, which nothing is said about: created as those below, in their
 * order. *ret_fresh: those that were (at most n numbers).
 */
wd_must_check int processing_store_instruments(
    wd_pg_conn_t *c, const processing_payload_t *p, wd_pool_t *pool,
    const wd_str_t *aliases, const wd_str_t *symbols, size_t n,
    int64_t *ret_ids, bool *ret_fresh, wd_error_t *err);

/*
 * The instrument, created with the next id when the platform has not seen it
 * yet. What is newly described is filled in; what contradicts the row wins
 * if the payload is not older than the one that described it last.
 */
wd_must_check int
processing_store_instrument(wd_pg_conn_t *c, const processing_payload_t *p,
                            const processing_instrument_t *inst,
                            int64_t *ret_id, processing_counts_t *counts,
                            wd_error_t *err);

/*
 * Fills cells[OBS_SERIES] of the rows, which point at their records; *ret_ids
 * are the distinct series, *ret_names "INDICATOR/COUNTRY" of each.
 */
wd_must_check int
processing_store_series(wd_pg_conn_t *c, const processing_payload_t *p,
                        wd_pool_t *pool, processing_rows_t *rows,
                        int64_t **ret_ids, wd_str_t **ret_names, size_t *ret_n,
                        wd_error_t *err);

/*
 * Fills cells[NEWS_ID] of the rows, which are as they stand in the payload.
 */
wd_must_check int processing_store_news(wd_pg_conn_t               *c,
                                        const processing_payload_t *p,
                                        wd_pool_t                  *pool,
                                        processing_rows_t          *rows,
                                        wd_error_t                 *err);

typedef struct {
    const char         *outcome; /* stored, empty, rejected, error */
    const char         *reason; /* NULL: none */
    processing_counts_t counts;
    int64_t             flagged;
    wd_ns_t             from; /* of the accepted records */
    wd_ns_t             to; /* WD_NS_MIN: none with a time */
} processing_outcome_t;

/* The row of raw_object and the payload's rejects; the same again: nothing. */
wd_must_check int processing_store_outcome(wd_pg_conn_t               *c,
                                           const processing_event_t   *ev,
                                           const processing_outcome_t *o,
                                           const wd_records_t         *r,
                                           wd_error_t                 *err);

/*
 * Points to which what the database refuses is rolled back: one before the
 * payload's rows, and behind them, within it, one before their outcome.
 * processing_store_keep() ends both.
 */
wd_must_check int processing_store_mark(wd_pg_conn_t *c, wd_error_t *err);
wd_must_check int processing_store_back(wd_pg_conn_t *c, wd_error_t *err);
wd_must_check int processing_store_mark_outcome(wd_pg_conn_t *c,
                                                wd_error_t   *err);
wd_must_check int processing_store_back_outcome(wd_pg_conn_t *c,
                                                wd_error_t   *err);
wd_must_check int processing_store_keep(wd_pg_conn_t *c, wd_error_t *err);

typedef struct {
    int64_t  id;
    int64_t  raw_id;
    wd_str_t provider;
    wd_str_t dataset;
    int64_t  record;
    wd_str_t reason;
    wd_str_t detail;
    wd_str_t sample;
    wd_ns_t  known_at;
} processing_reject_t;

/* Newest first, ids below `before`; provider, reason: data NULL: any. */
wd_must_check int
processing_store_rejects(wd_pg_conn_t *c, wd_str_t provider, wd_str_t reason,
                         int64_t before, int64_t limit,
                         void (*fn)(const processing_reject_t *row, void *arg),
                         void *arg, int64_t *ret_n, wd_error_t *err);

typedef struct {
    wd_str_t provider;
    wd_str_t dataset;
    int64_t  payloads;
    int64_t  outcomes[4]; /* stored, empty, rejected, error */
    int64_t  stored;
    int64_t  corrected;
    int64_t  unchanged;
    int64_t  flagged;
    int64_t  rejected;
    wd_ns_t  newest; /* WD_NS_MIN: none */
    wd_ns_t  fetched_at; /* of the last payload */
    int64_t  raw_id;
} processing_status_t;

wd_must_check int
processing_store_status(wd_pg_conn_t *c,
                        void (*fn)(const processing_status_t *row, void *arg),
                        void *arg, wd_error_t *err);

/* Rejects by provider, data set and reason, in this order. */
wd_must_check int
processing_store_reasons(wd_pg_conn_t *c,
                         void (*fn)(wd_str_t provider, wd_str_t dataset,
                                    wd_str_t reason, int64_t n, void *arg),
                         void *arg, wd_error_t *err);

#endif /* PROCESSING_STORE_H */
