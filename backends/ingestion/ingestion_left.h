/*
 * ingestion_left.h - what is left of a provider's quota: shown, and as the
 * budget of a plan.
 */
#ifndef INGESTION_LEFT_H
#define INGESTION_LEFT_H

#include "ingestion.h"
#include "ingestion_budget.h"
#include "ingestion_fetcher.h"
#include "ingestion_store.h"

typedef struct {
    bool                      configured;
    ingestion_fetcher_state_t state;
    ingestion_provider_row_t  row;
    ingestion_budget_t        budget; /* live_per_day is the caller's */
} ingestion_left_t;

/* What all instances made of the provider, by the keys of now. */
wd_must_check int ingestion_left_row(wd_pg_conn_t                    *pg,
                                     const ingestion_fetcher_state_t *s,
                                     ingestion_provider_row_t        *ret,
                                     wd_error_t                      *err);

/* Of all instances. Worker thread. */
wd_must_check int ingestion_left(const ingestion_t *in, wd_pg_conn_t *pg,
                                 size_t provider, ingestion_left_t *ret,
                                 wd_error_t *err);

/* Members "quota" and "blocked_until" of an open object. */
void ingestion_put_left(wd_json_t *j, const ingestion_left_t *q);

#endif /* INGESTION_LEFT_H */
