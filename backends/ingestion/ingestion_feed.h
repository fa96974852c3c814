/*
 * ingestion_feed.h - the real-time stream of LSEG and what it needs: the
 * instruments of its collections, and the account's token.
 *
 * One instance has the session, and with it the stream. A thread looks after
 * it; the stream itself lives on the service's loop.
 */
#ifndef INGESTION_FEED_H
#define INGESTION_FEED_H

#include "ingestion.h"
#include "ingestion_stream.h"

/* *ret is to be destroyed also after a failure. Loop thread, as all below. */
wd_must_check int ingestion_feed_start(ingestion_t *in, wd_service_t *svc,
                                       ingestion_feed_t **ret, wd_error_t *err);

/* Twice is harmless; NULL is accepted. */
void ingestion_feed_ask_stop(ingestion_feed_t *feed);
void ingestion_feed_join(ingestion_feed_t *feed);

/* After the loop has ended. NULL is accepted. */
void ingestion_feed_destroy(ingestion_feed_t *feed);

/* Any thread: is there one, and how is it? */
bool ingestion_feed_state(ingestion_feed_t         *feed,
                          ingestion_stream_state_t *ret);

#endif /* INGESTION_FEED_H */
