/*
 * ingestion_left.c - the quota of a provider, from what this process knows
 * of its limits and what the database knows of its use.
 */
#include "ingestion_left.h"

#include "ingestion_api.h"


int
ingestion_left_row(wd_pg_conn_t *pg, const ingestion_fetcher_state_t *s,
                   ingestion_provider_row_t *ret, wd_error_t *err)
{
    size_t   i;
    wd_str_t ids[INGESTION_KEYS_MAX];

    for (i = 0; i < s->n_ids; i++) {
        ids[i] = wd_str_z(s->ids[i]);
    }
    return ingestion_store_provider(pg, s->provider, ids, s->n_ids, ret, err);
}


int
ingestion_left(const ingestion_t *in, wd_pg_conn_t *pg, size_t provider,
               ingestion_left_t *ret, wd_error_t *err)
{
    int                              rc;
    const ingestion_fetcher_state_t *s = &ret->state;

    memset(ret, 0, sizeof(*ret));
    ingestion_fetcher_state(in->fetchers[provider], &ret->state);
    ret->configured = s->configured;
    rc = ingestion_left_row(pg, s, &ret->row, err);
    ret->budget = (ingestion_budget_t){
        .per_second = s->per_second,
        .per_minute = s->per_minute,
        .per_day = s->per_day,
        .left_day = wd_max(s->per_day - ret->row.used_today, 0),
        .blocked_until = s->state == FETCHER_PARKED ? s->until : 0,
    };
    return rc;
}


void
ingestion_put_left(wd_json_t *j, const ingestion_left_t *q)
{
    wd_json_key(j, "quota");
    wd_json_obj(j);
    ingestion_put_window(j, "second", q->budget.per_second,
                         q->state.left_second);
    ingestion_put_window(j, "minute", q->budget.per_minute,
                         q->state.left_minute);
    ingestion_put_window(j, "day", q->budget.per_day, q->budget.left_day);
    wd_json_end(j);
    wd_json_key(j, "blocked_until");
    q->budget.blocked_until == 0 ? wd_json_null(j)
                                 : wd_json_time(j, q->budget.blocked_until);
}
