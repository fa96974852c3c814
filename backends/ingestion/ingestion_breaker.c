/*
 * ingestion_breaker.c - circuit breaker and back-off.
 */
#include "ingestion_breaker.h"

#define OPEN_DOUBLINGS_MAX 5


void
ingestion_breaker_init(ingestion_breaker_t *b, uint32_t threshold,
                       uint32_t open_ms)
{
    *b = (ingestion_breaker_t){.threshold = threshold,
                               .open_min = open_ms * WD_NS_PER_MS};
}


ingestion_breaker_e
ingestion_breaker_state(const ingestion_breaker_t *b, wd_ns_t now)
{
    if (b->opened == 0) {
        return BREAKER_CLOSED;
    }
    return now < b->open_until ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}


void
ingestion_breaker_success(ingestion_breaker_t *b)
{
    b->failures = 0;
    b->opened = 0;
}


void
ingestion_breaker_failure(ingestion_breaker_t *b, wd_ns_t now)
{
    b->failures++;
    if (b->opened == 0 && b->failures < b->threshold) {
        return;
    }
    b->open_until = now
                    + (b->open_min
                       << wd_min(b->opened, (uint32_t) OPEN_DOUBLINGS_MAX));
    b->opened++;
}


void
ingestion_budget_init(ingestion_budget_t *b, uint32_t percent)
{
    *b = (ingestion_budget_t){INGESTION_BUDGET_MAX, percent / 100.0};
}


void
ingestion_budget_answer(ingestion_budget_t *b)
{
    b->left = wd_min(b->left + b->share, INGESTION_BUDGET_MAX);
}


bool
ingestion_budget_retry(ingestion_budget_t *b)
{
    if (b->left < 1) {
        return false;
    }
    b->left -= 1;
    return true;
}


uint32_t
ingestion_backoff_ms(uint32_t base_ms, int attempt, int64_t floor_ms,
                     uint32_t random)
{
    uint64_t ms = base_ms;

    while (attempt-- > 1 && ms < INGESTION_BACKOFF_MAX_MS) {
        ms *= 2;
    }
    ms = wd_min(ms, (uint64_t) INGESTION_BACKOFF_MAX_MS);
    ms = ms / 2 + random % (ms / 2 + 1);

    if (floor_ms > 0 && ms < (uint64_t) floor_ms) {
        ms = (uint64_t) floor_ms + random % ((uint64_t) floor_ms / 4 + 1);
    }
    return (uint32_t) wd_min(ms, (uint64_t) UINT32_MAX);
}
