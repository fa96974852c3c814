/*
 * ingestion_archive.h - raw payloads into the lake, each content once in a
 * row: a payload equal to the one before it for the same question is not
 * written again.
 *
 * What was stored last is learnt from the manifest, so it is known without a
 * database and shared by all processes that write to the lake. Any thread;
 * all functions wait for the disk.
 */
#ifndef INGESTION_ARCHIVE_H
#define INGESTION_ARCHIVE_H

#include "wd_http.h"
#include "wd_lake.h"
#include "wd_log.h"

/* The provider of what clients push. */
#define INGESTION_PUSH "push"

typedef struct ingestion_archive ingestion_archive_t;

typedef struct {
    bool    duplicate; /* nothing was written */
    int64_t seq; /* 0 for a duplicate */
    wd_ns_t fetched_at;
    wd_ns_t since; /* when these bytes came first, as they came now */
    char    sha256[65];
} ingestion_archived_t;

typedef struct {
    bool    writable;
    bool    full; /* less than the reserve is free */
    int64_t free_bytes;
    int64_t objects;
    char    error[WD_ERROR_TEXT_MAX]; /* of the last put that failed; "" */
} ingestion_archive_state_t;

/* reserve: bytes that must stay free on the disk. */
wd_must_check int ingestion_archive_open(const char *root, uint64_t reserve,
                                         ingestion_archive_t **ret,
                                         wd_error_t           *err);
void ingestion_archive_close(ingestion_archive_t *a); /* NULL is accepted */

/*
 * Is this what the lake got last for the question? Reads the rows that are new
 * in the manifest; false also when that fails.
 */
bool ingestion_archive_has(ingestion_archive_t *a, const char *provider,
                           const char *dataset, const char *args,
                           const char *sha256);

/*
 * `headers` is a JSON object of ingestion_headers_json(), or "". Errors are
 * those of wd_lake_put(); nothing was kept then.
 */
wd_must_check int
ingestion_archive_put(ingestion_archive_t *a, const char *provider,
                      const char *dataset, const char *args,
                      const char *headers, const wd_http_res_t *res,
                      ingestion_archived_t *ret, wd_error_t *err);

/*
 * A part of what a client pushes: each is its own question, so it is stored
 * whatever was stored before. The same errors.
 */
wd_must_check int ingestion_archive_add(ingestion_archive_t *a,
                                        const char *dataset, const char *args,
                                        const char *content_type,
                                        wd_str_t bytes, int64_t *ret_seq,
                                        wd_error_t *err);

/* As wd_lake_rows(). */
wd_must_check int ingestion_archive_rows(ingestion_archive_t *a, int64_t after,
                                         bool (*fn)(const wd_lake_row_t *row,
                                                    void                *arg),
                                         void *arg, wd_error_t *err);

void ingestion_archive_state(ingestion_archive_t       *a,
                             ingestion_archive_state_t *ret);

#endif /* INGESTION_ARCHIVE_H */
