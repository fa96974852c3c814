/*
 * ingestion_fetcher_turn.c - a call of the provider's quota, also while the
 * database is away.
 */
#include "ingestion_fetcher_int.h"


/*
 * Without the database: as slow as the limits allow when nobody else calls,
 * and no more in the day than were left. The calls are added to the shared
 * count later.
 */
static int64_t
local_turn_ms(ingestion_fetcher_t *f, size_t key)
{
    int64_t                         ms = 0, since;
    const ingestion_conf_account_t *a = &f->account->c;

    if (a->per_second != 0) {
        ms = 1000 / a->per_second + 1;
    }
    if (a->per_minute != 0) {
        ms = wd_max(ms, (int64_t) 60000 / a->per_minute + 1);
    }
    since = (wd_monotonic() - f->last_call) / WD_NS_PER_MS;
    ms = f->last_call != 0 && since < ms ? ms - since : 0;
    if (a->per_day != 0 && f->state.left_day <= f->debt[key]) {
        ms = 60000;
    }
    return ms;
}


int
ingestion_fetcher_turn(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                       int64_t *ret_ms)
{
    int               rc;
    wd_error_t        err = {0};
    ingestion_take_t  take;
    ingestion_quota_t quota = ingestion_fetcher_quota(f);

    rc = ingestion_thread_pg(&f->t);
    if (rc == WD_OK) {
        rc = ingestion_store_take(f->t.pg, &quota, &take, &err);
        if (rc != WD_OK) {
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
    }
    if (rc == WD_OK) {
        memset(f->debt, 0, sizeof(f->debt));
        ingestion_fetcher_set_quota(f, &take);
        *ret_ms = take.wait_ms;
        if (take.granted == 0) {
            return WD_ELIMIT;
        }
        /* The flight's account may be older and have fewer keys. */
        fl->job.key = wd_min(take.key, fl->account->n_keys - 1);
        return WD_OK;
    }

    *ret_ms = local_turn_ms(f, fl->job.key);
    if (*ret_ms > 0) {
        return WD_ELIMIT;
    }
    f->debt[fl->job.key]++;
    return WD_OK;
}
