/*
 * ingestion_fetcher_turn.c - a call of the provider's quota, also while the
 * database is away.
 */
#include "ingestion_fetcher_int.h"

#include <assert.h>


/* Has the key calls left in the day, as far as is known here? */
static bool
has_day(const ingestion_fetcher_t *f, size_t key)
{
    return !f->refused[key]
           && (f->account->c.per_day == 0 || f->left_day[key] < 0
               || f->left_day[key] > f->debt[key]);
}


/*
 * Without the database: as slow as the limits of one key allow when nobody
 * else calls, and no more in the day than were left. The calls are added to
 * the shared count later. *ret_key is the one to call with.
 */
static int64_t
local_turn_ms(const ingestion_fetcher_t *f, size_t *ret_key)
{
    int64_t                         ms = 0, since;
    const ingestion_conf_account_t *a = &f->account->c;

    for (*ret_key = 0; *ret_key < f->account->n_keys; (*ret_key)++) {
        if (has_day(f, *ret_key)) {
            break;
        }
    }
    if (*ret_key == f->account->n_keys) {
        return 60000;
    }
    if (a->per_second != 0) {
        ms = 1000 / a->per_second + 1;
    }
    if (a->per_minute != 0) {
        ms = wd_max(ms, (int64_t) 60000 / a->per_minute + 1);
    }
    since = (wd_monotonic() - f->last_call) / WD_NS_PER_MS;
    return f->last_call != 0 && since < ms ? ms - since : 0;
}


int
ingestion_fetcher_turn(ingestion_fetcher_t *f, ingestion_flight_t *fl,
                       int64_t *ret_ms)
{
    int               rc;
    size_t            key;
    wd_error_t        err = {0};
    ingestion_take_t  take;
    ingestion_quota_t quota = ingestion_fetcher_quota(f);

    assert(fl->account == f->account);
    rc = ingestion_thread_pg(&f->t);
    if (rc == WD_OK) {
        rc = ingestion_store_take(f->t.pg, &quota, 1, &take, &err);
        if (rc != WD_OK) {
            ingestion_thread_pg_failed(&f->t, rc, &err);
        }
    }
    if (rc == WD_OK) {
        memset(f->debt, 0, sizeof(f->debt));
        ingestion_fetcher_set_quota(f, &take);
        fl->job.key = take.key;
        *ret_ms = take.wait_ms;
        return take.granted != 0 ? WD_OK : WD_ELIMIT;
    }

    *ret_ms = local_turn_ms(f, &key);
    if (*ret_ms > 0) {
        return WD_ELIMIT;
    }
    fl->job.key = key;
    f->debt[key]++;
    return WD_OK;
}
