/*
 * ingestion_store_push.h - uploads of clients in PostgreSQL. All functions
 * wait for the server; errors are those of wd_pg.
 */
#ifndef INGESTION_STORE_PUSH_H
#define INGESTION_STORE_PUSH_H

#include "wd_pg.h"
#include "wd_pool.h"

/*
 * A receiver says so often that it is there; without a sign for so long it is
 * gone, and the client that sends again takes the upload over.
 */
#define INGESTION_PUSH_LEASE_S 15

/* For so long its upload may go on all the same; then it has failed. */
#define INGESTION_PUSH_LOST_S 60

/* Rows that a sweep changes at a time. */
#define INGESTION_PUSH_SWEEP_MAX 500

typedef struct {
    int64_t  id;
    wd_str_t principal;
    wd_str_t dataset;
    wd_str_t format;
    wd_str_t state; /* receiving, stored, done, failed */
    wd_str_t sha256; /* "": not known yet */
    wd_str_t error; /* "": none */
    int64_t  lake_from;
    int64_t  bytes; /* -1: not known yet */
    int64_t  records;
    int64_t  parts; /* in the lake */
    int64_t  lease_ms; /* left; 0: the receiver is gone */
    wd_ns_t  created_at;
    wd_ns_t  finished_at; /* 0: not yet */

    /* Of its records; `handled` parts were processed so far. */
    int64_t handled;
    int64_t accepted;
    int64_t duplicate;
    int64_t rejected;
} ingestion_upload_t;

/* What a client wants to push. */
typedef struct {
    wd_str_t    principal;
    wd_str_t    key; /* "": none */
    const char *dataset;
    const char *format;
    const char *worker;
    int64_t     lake_from;
} ingestion_push_ask_t;

typedef enum {
    INGESTION_PUSH_NEW,
    INGESTION_PUSH_TAKEN, /* one that did not end: it goes on */
    INGESTION_PUSH_BUSY, /* it is being received */
    INGESTION_PUSH_KNOWN /* all of it is in the lake */
} ingestion_push_found_e;

/*
 * The upload of that key, or a new one; texts are from the pool. NEW, TAKEN: it
 * is this worker's from now on.
 */
wd_must_check int
ingestion_store_push_begin(wd_pg_conn_t *c, const ingestion_push_ask_t *ask,
                           wd_pool_t *pool, ingestion_upload_t *ret,
                           ingestion_push_found_e *ret_found, wd_error_t *err);

/*
 * Of these three WD_ENOTFOUND: the upload is another worker's by now. One that
 * was held for lost meanwhile, and that nobody took over, goes on. `parts` are
 * those that are in the lake so far.
 */
wd_must_check int ingestion_store_push_renew(wd_pg_conn_t *c, int64_t id,
                                             const char    *worker,
                                             const int64_t *parts, size_t n,
                                             wd_error_t *err);
wd_must_check int
ingestion_store_push_stored(wd_pg_conn_t *c, int64_t id, const char *worker,
                            const char *sha256, int64_t bytes, int64_t records,
                            const int64_t *parts, size_t n, wd_error_t *err);
/* A fresh one without parts has never been. */
wd_must_check int ingestion_store_push_failed(wd_pg_conn_t *c, int64_t id,
                                              const char *worker,
                                              const char *why, bool fresh,
                                              const int64_t *parts, size_t n,
                                              wd_error_t *err);

/*
 * With what is known of its records; when all were handled, the upload is done
 * by that. WD_ENOTFOUND.
 */
wd_must_check int ingestion_store_push_get(wd_pg_conn_t *c, int64_t id,
                                           wd_pool_t          *pool,
                                           ingestion_upload_t *ret,
                                           wd_error_t         *err);

/* Records that were rejected, in their order, at most `limit`. */
typedef struct {
    int64_t  number; /* line or record, from 1; 0: none */
    wd_str_t rule;
    wd_str_t detail;
} ingestion_push_reject_t;

wd_must_check int ingestion_store_push_rejects(
    wd_pg_conn_t *c, int64_t id, int64_t limit,
    void (*fn)(const ingestion_push_reject_t *row, void *arg), void *arg,
    wd_error_t *err);

/* What a sweep did. */
typedef struct {
    int64_t lost; /* failed, because their receiver is gone */
    int64_t ended; /* all of their records were handled */
    int64_t removed;
} ingestion_push_swept_t;

/*
 * One batch; *ret_more: there may be another. Removes uploads that ended more
 * than `keep_s` ago; while another instance sweeps, nothing is done.
 */
wd_must_check int ingestion_store_push_sweep(wd_pg_conn_t *c, int64_t keep_s,
                                             ingestion_push_swept_t *ret,
                                             bool *ret_more, wd_error_t *err);

#endif /* INGESTION_STORE_PUSH_H */
