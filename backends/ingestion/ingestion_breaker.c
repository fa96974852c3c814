/*
 * ingestion_breaker.c - circuit breaker and back-off.
 */
#include "ingestion_breaker.h"

#define OPEN_DOUBLINGS_MAX 5
#define RETRY 100u /* hundredths */


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
    b->open_until = 0;
}


void
ingestion_breaker_failure(ingestion_breaker_t *b, wd_ns_t asked, wd_ns_t now)
{
    b->failures++;
    if (b->opened == 0 ? b->failures < b->threshold : asked < b->opened_at) {
        return;
    }
    b->opened_at = now;
    b->open_until = wd_max(
        b->open_until, now
                           + (b->open_min << wd_min(
                                  b->opened, (uint32_t) OPEN_DOUBLINGS_MAX)));
    b->opened++;
}


void
ingestion_breaker_hold(ingestion_breaker_t *b, wd_ns_t now, wd_ns_t until)
{
    if (b->opened == 0) {
        b->opened = 1;
        b->opened_at = now;
        b->open_until = until;
    }
    b->open_until = wd_max(b->open_until, until);
}


void
ingestion_retries_init(ingestion_retries_t *b, uint32_t percent)
{
    *b = (ingestion_retries_t){INGESTION_RETRIES_MAX * RETRY, percent};
}


void
ingestion_retries_answer(ingestion_retries_t *b)
{
    b->left = wd_min(b->left + b->share, INGESTION_RETRIES_MAX * RETRY);
}


uint32_t
ingestion_retries_left(const ingestion_retries_t *b)
{
    return b->left / RETRY;
}


bool
ingestion_retries_take(ingestion_retries_t *b)
{
    if (b->left < RETRY) {
        return false;
    }
    b->left -= RETRY;
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
