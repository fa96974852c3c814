/*
 * processing_told.h - what was stored, counted and told to whoever listens;
 * for stage store alone.
 */
#ifndef PROCESSING_TOLD_H
#define PROCESSING_TOLD_H

#include "processing_job.h"

/* Times; `to` WD_NS_MIN: none. */
typedef struct {
    wd_ns_t from;
    wd_ns_t to;
} processing_span_t;

/* Whose rows they are: ids, and names for those who are told of them. */
typedef struct {
    int64_t  *ids;
    wd_str_t *names;
    size_t    n;
} processing_names_t;

/* First and last valid time of the rows, `cell` being the one with it. */
processing_span_t processing_span_of(const processing_rows_t *rows, int cell);

/* Room for `cap` of them, from the job's pool. WD_OK or WD_ENOMEM. */
wd_must_check int processing_names_init(processing_job_t *job, size_t cap,
                                        processing_names_t *ret);
void processing_names_add(processing_names_t *names, int64_t id, wd_str_t name);

/* A notice, unless nothing changed. */
void processing_tell(processing_job_t *job, const char *kind,
                     const char *names_key, const processing_names_t *names,
                     processing_span_t span, const processing_counts_t *counts);

/* The same, and counted as what the payload gave. */
void processing_account(processing_job_t *job, const char *kind,
                        const char *names_key, const processing_names_t *names,
                        processing_span_t          span,
                        const processing_counts_t *counts);

#endif /* PROCESSING_TOLD_H */
