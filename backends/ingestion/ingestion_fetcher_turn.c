/*
 * ingestion_fetcher_turn.c - a call of the provider's quota, also while the
 * database is away.
 */
#include "ingestion_fetcher_int.h"

#define TURN_MS 5000 /* a page waits so long for the quota, then the job does */


/*
 * Without the database: as slow as the limits allow when nobody else calls,
 * and no more in the day than were left. The calls are added to the shared
 * count later.
 */
static int64_t
local_turn_ms(ingestion_fetcher_t *f)
{
    int64_t                    ms = 0, since;
    const ingestion_account_t *a = &f->account;

    if (a->per_second != 0) {
        ms = 1000 / a->per_second + 1;
    }
    if (a->per_minute != 0) {
        ms = wd_max(ms, (int64_t) 60000 / a->per_minute + 1);
    }
    since = (wd_monotonic() - f->last_call) / WD_NS_PER_MS;
    ms = f->last_call != 0 && since < ms ? ms - since : 0;
    if (a->per_day != 0 && f->state.left_day <= f->debt) {
        ms = 60000;
    }
    return ms;
}


/* WD_OK: ask. WD_ELIMIT: after *ret_ms. */
static int
take_turn(ingestion_fetcher_t *f, int64_t *ret_ms)
{
    int              rc;
    wd_error_t       err = {0};
    ingestion_take_t take;

    rc = ingestion_thread_pg(&f->t);
    if (rc == WD_OK) {
        rc = ingestion_store_take(f->t.pg, f->p->name, &f->account, f->debt,
                                  &take, &err);
        if (rc != WD_OK) {
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
    }
    if (rc == WD_OK) {
        f->debt = 0;
        ingestion_fetcher_set_quota(f, &take);
        *ret_ms = take.wait_ms;
        return take.granted ? WD_OK : WD_ELIMIT;
    }

    *ret_ms = local_turn_ms(f);
    if (*ret_ms > 0) {
        return WD_ELIMIT;
    }
    f->debt++;
    return WD_OK;
}


int
ingestion_fetcher_wait_turn(ingestion_fetcher_t *f, int64_t *ret_ms)
{
    wd_ns_t until = wd_monotonic() + TURN_MS * WD_NS_PER_MS;

    while (!ingestion_thread_stops(&f->t)) {
        if (take_turn(f, ret_ms) == WD_OK) {
            return WD_OK;
        }
        if (wd_monotonic() + *ret_ms * WD_NS_PER_MS > until) {
            return WD_ELIMIT;
        }
        ingestion_thread_wait(&f->t, *ret_ms);
    }
    *ret_ms = 0;
    return WD_ECANCELED;
}
