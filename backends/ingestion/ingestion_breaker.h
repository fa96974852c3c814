/*
 * ingestion_breaker.h - when to ask a provider again: circuit breaker, budget
 * of retries, back-off. Pure: the caller brings time and randomness.
 */
#ifndef INGESTION_BREAKER_H
#define INGESTION_BREAKER_H

#include "wd_time.h"

typedef enum {
    BREAKER_CLOSED, /* requests flow */
    BREAKER_OPEN, /* none until open_until */
    BREAKER_HALF_OPEN /* one request decides */
} ingestion_breaker_e;

typedef struct {
    uint32_t threshold; /* failures in a row that open it */
    wd_ns_t  open_min; /* first time open; doubles up to 32 times that */
    uint32_t failures;
    uint32_t opened; /* times in a row */
    wd_ns_t  opened_at; /* wd_monotonic() */
    wd_ns_t  open_until;
} ingestion_breaker_t;

void ingestion_breaker_init(ingestion_breaker_t *b, uint32_t threshold,
                            uint32_t open_ms);

ingestion_breaker_e ingestion_breaker_state(const ingestion_breaker_t *b,
                                            wd_ns_t                    now);
void                ingestion_breaker_success(ingestion_breaker_t *b);

/*
 * Of a request that began at `asked`: what began before the breaker opened
 * says nothing new, and does not keep it open for longer.
 */
void ingestion_breaker_failure(ingestion_breaker_t *b, wd_ns_t asked,
                               wd_ns_t now);

/* Opens it until then at least, whatever went before. */
void ingestion_breaker_hold(ingestion_breaker_t *b, wd_ns_t now, wd_ns_t until);

/*
 * Retries allowed: so many to begin with, and one for every few answers, so
 * that an outage is not met with many times the ordinary load.
 */
typedef struct {
    uint32_t left; /* hundredths of a retry */
    uint32_t share; /* that an answer adds */
} ingestion_retries_t;

#define INGESTION_RETRIES_MAX 20 /* retries */

/* percent: retries for a hundred answers. */
void     ingestion_retries_init(ingestion_retries_t *b, uint32_t percent);
void     ingestion_retries_answer(ingestion_retries_t *b);
uint32_t ingestion_retries_left(const ingestion_retries_t *b); /* retries */

/* False: the budget is spent. */
wd_must_check bool ingestion_retries_take(ingestion_retries_t *b);

#define INGESTION_BACKOFF_MAX_MS (300u * 1000)

/*
 * Before attempt + 1: base doubled with each attempt, at most
 * INGESTION_BACKOFF_MAX_MS; the later half of it is random. Never less than
 * floor_ms, to which up to a quarter is added.
 */
uint32_t ingestion_backoff_ms(uint32_t base_ms, int attempt, int64_t floor_ms,
                              uint32_t random);

#endif /* INGESTION_BREAKER_H */
