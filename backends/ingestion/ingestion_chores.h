/*
 * ingestion_chores.h - what is to be done now and then, whoever asks or not:
 * uploads whose receiver is gone have failed, those that ended long ago are
 * forgotten.
 *
 * Every instance does them; the database sees to it that one does at a time.
 */
#ifndef INGESTION_CHORES_H
#define INGESTION_CHORES_H

#include "ingestion.h"

/* *ret is to be destroyed also after a failure. Loop thread, as all below. */
wd_must_check int ingestion_chores_start(ingestion_t         *in,
                                         ingestion_chores_t **ret,
                                         wd_error_t          *err);

/* Twice is harmless; NULL is accepted. */
void ingestion_chores_ask_stop(ingestion_chores_t *ch);
void ingestion_chores_join(ingestion_chores_t *ch);

/* NULL is accepted. */
void ingestion_chores_destroy(ingestion_chores_t *ch);

#endif /* INGESTION_CHORES_H */
