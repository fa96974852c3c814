/*
 * ingestion_publisher.h - tells the bus what the lake got.
 *
 * The manifest is the truth: every row behind the cursor is published to
 * raw.object in the transaction that moves the cursor, so each exactly once,
 * whatever stops in between. An empty database has cursor 0: the whole lake
 * is published, which is how a database is rebuilt.
 */
#ifndef INGESTION_PUBLISHER_H
#define INGESTION_PUBLISHER_H

#include "wd_lake.h"
#include "wd_log.h"

typedef struct ingestion_publisher ingestion_publisher_t;

typedef struct {
    bool    healthy; /* the last round succeeded */
    int64_t published; /* cursor; -1: not known yet */
    int64_t lag; /* manifest rows behind it; -1: not known yet */
} ingestion_publisher_state_t;

/* `url` must stay. *ret is to be destroyed also after a failure. */
wd_must_check int ingestion_publisher_start(const char *url, const char *root,
                                            wd_log_t               *log,
                                            ingestion_publisher_t **ret,
                                            wd_error_t             *err);
void              ingestion_publisher_wake(ingestion_publisher_t *p);
void              ingestion_publisher_ask_stop(ingestion_publisher_t *p);
void              ingestion_publisher_join(ingestion_publisher_t *p);
void              ingestion_publisher_destroy(ingestion_publisher_t *p);

void ingestion_publisher_state(ingestion_publisher_t       *p,
                               ingestion_publisher_state_t *ret);

#endif /* INGESTION_PUBLISHER_H */
