/*
 * processing_event.h - events that are consumed and published. Pure.
 */
#ifndef PROCESSING_EVENT_H
#define PROCESSING_EVENT_H

#include "wd_buf.h"
#include "wd_records.h"

#include <jansson.h>

/* A lake object, as its event names it. */
typedef struct {
    int64_t seq;
    wd_ns_t fetched_at; /* whole microseconds, as the database keeps it */
    int64_t size;
    char    key[200];
    char    sha256[65];
    char    provider[32];
    char    dataset[32];
    char    content_type[64]; /* "": not said */
    json_t *args; /* an object */
} processing_event_t;

/*
 * On WD_OK *ret must be passed to processing_event_done(). WD_EPROTO with
 * *err when the event cannot be what it should be; ret->seq is then the
 * sequence number if there is one, else 0. WD_ENOMEM.
 */
wd_must_check int processing_event_parse(wd_str_t json, processing_event_t *ret,
                                         wd_error_t *err);
void              processing_event_done(processing_event_t *ev);

/* A text argument; "" when there is none. */
wd_str_t processing_event_arg(const processing_event_t *ev, const char *name);

/* What was stored, of one kind. */
typedef struct {
    const char     *kind; /* bars, actions, quotes, ... */
    const char     *names_key; /* "symbols" or "series" */
    const wd_str_t *names;
    size_t          n_names;
    const char     *timeframe; /* NULL: none */
    wd_ns_t         from;
    wd_ns_t         to; /* WD_NS_MIN: no time */
    int64_t         stored;
    int64_t         corrected;
    int64_t         earlier; /* the same, but known earlier than thought */
} processing_notice_t;

/* Events are bounded, so that many names need several. */
#define PROCESSING_NOTICE_NAMES_MAX 400

/* valid.records with `n` of the names from `first` on. */
void processing_event_valid(wd_buf_t *out, const processing_event_t *ev,
                            const processing_notice_t *notice, size_t first,
                            size_t n);

/* rejected.records: counts by reason. */
void processing_event_rejected(wd_buf_t *out, const processing_event_t *ev,
                               const wd_records_t *r);

#endif /* PROCESSING_EVENT_H */
