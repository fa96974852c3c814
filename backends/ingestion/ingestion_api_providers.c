/*
 * ingestion_api_providers.c - ingest.providers: how the providers are, also
 * without a database.
 */
#include "ingestion_api.h"
#include "ingestion_feed.h"
#include "ingestion_fetcher.h"
#include "ingestion_left.h"
#include "ingestion_store.h"

#include <stdlib.h>


static void
put_time(wd_json_t *j, const char *key, wd_ns_t t)
{
    wd_json_key(j, key);
    t == 0 ? wd_json_null(j) : wd_json_time(j, t);
}


void
ingestion_put_window(wd_json_t *j, const char *window, uint32_t limit,
                     int64_t left)
{
    wd_json_key(j, window);
    if (limit == 0) {
        wd_json_null(j);
        return;
    }
    wd_json_obj(j);
    wd_json_key(j, "limit");
    wd_json_int(j, limit);
    wd_json_key(j, "left");
    wd_json_int(j, wd_max(left, 0));
    wd_json_end(j);
}


static void
put_error(wd_json_t *j, const char *class, const char *text, wd_ns_t at)
{
    wd_json_key(j, "last_error");
    if (at == 0) {
        wd_json_null(j);
        return;
    }
    wd_json_obj(j);
    wd_json_key(j, "class");
    wd_json_z(j, class);
    wd_json_key(j, "text");
    wd_json_z(j, text);
    put_time(j, "at", at);
    wd_json_end(j);
}


static const char *
breaker_name(ingestion_breaker_e state)
{
    return state == BREAKER_OPEN        ? "open"
           : state == BREAKER_HALF_OPEN ? "half_open"
                                        : "closed";
}


static void
put_dataset(wd_json_t *j, const char *name, const ingestion_endpoint_state_t *e,
            const ingestion_dataset_row_t *row)
{
    static const ingestion_dataset_row_t never = {.errors = "{}"};

    row = row != NULL ? row : &never;
    wd_json_obj(j);
    wd_json_key(j, "name");
    wd_json_z(j, name);
    wd_json_key(j, "configured");
    wd_json_bool(j, e->configured);
    wd_json_key(j, "breaker");
    wd_json_z(j, breaker_name(e->breaker));
    put_time(j, "breaker_until", e->until);
    wd_json_key(j, "failures_in_a_row");
    wd_json_int(j, e->failures);
    wd_json_key(j, "running");
    wd_json_int(j, e->inflight);
    wd_json_key(j, "succeeded");
    wd_json_int(j, row->succeeded);
    put_time(j, "last_success", row->last_success);
    put_time(j, "last_change", row->last_change);
    put_error(j, row->last_error_class, row->last_error, row->last_error_at);
    wd_json_key(j, "errors");
    wd_json_raw(j, wd_str_z(row->errors));
    wd_json_key(j, "collected");
    wd_json_int(j, row->items);
    wd_json_key(j, "lag_seconds");
    row->items != 0 ? wd_json_int(j, row->lag_s) : wd_json_null(j);
    wd_json_end(j);
}


static void
put_datasets(wd_json_t *j, const ingestion_fetcher_state_t *s,
             const ingestion_dataset_row_t *rows, size_t n)
{
    size_t                      i;
    const ingestion_provider_t *p;

    p = ingestion_provider_by_name(wd_str_z(s->provider));
    wd_json_key(j, "datasets");
    wd_json_arr(j);
    for (i = 0; i < p->n_datasets; i++) {
        put_dataset(
            j, p->datasets[i].name, &s->endpoints[i],
            ingestion_store_dataset(rows, n, p->name, p->datasets[i].name));
    }
    wd_json_end(j);
}


static void
put_quota(wd_json_t *j, const ingestion_fetcher_state_t *s,
          const ingestion_provider_row_t *row)
{
    wd_json_key(j, "quota");
    wd_json_obj(j);
    ingestion_put_window(j, "second", s->per_second, s->left_second);
    ingestion_put_window(j, "minute", s->per_minute, s->left_minute);
    ingestion_put_window(j, "day", s->per_day,
                         row != NULL ? s->per_day - row->used_today
                                     : s->left_day);
    wd_json_key(j, "keys");
    wd_json_int(j, s->keys);
    wd_json_key(j, "keys_refused");
    wd_json_int(j, s->keys_refused);
    wd_json_end(j);
}


/* row NULL: the database is away, this process knows its own. */
static void
put_counts(wd_json_t *j, const ingestion_fetcher_state_t *s,
           const ingestion_provider_row_t *row)
{
    put_time(j, "last_success",
             row != NULL ? row->last_success : s->last_success);
    if (row != NULL) {
        put_error(j, row->last_error_class, row->last_error,
                  row->last_error_at);
    } else {
        put_error(j, s->last_error_class, s->last_error, s->last_error_at);
    }
    wd_json_key(j, "succeeded");
    wd_json_int(j, row != NULL ? row->succeeded : s->succeeded);
    wd_json_key(j, "failed");
    wd_json_int(j, row != NULL ? row->failed : s->failed);
    wd_json_key(j, "queued");
    row != NULL ? wd_json_int(j, row->queued) : wd_json_null(j);
}


/* Of the provider that has one. */
static void
put_stream(wd_json_t *j, ingestion_feed_t *feed, const char *provider)
{
    ingestion_stream_state_t s;

    if (strcmp(provider, ingestion_lseg.name) != 0
        || !ingestion_feed_state(feed, &s)) {
        return;
    }
    wd_json_key(j, "stream");
    wd_json_obj(j);
    ingestion_stream_json(&s, j);
    wd_json_end(j);
}


static void
put_provider(wd_json_t *j, const ingestion_fetcher_state_t *s,
             const ingestion_provider_row_t *row,
             const ingestion_dataset_row_t *rows, size_t n,
             ingestion_feed_t *feed)
{
    wd_json_obj(j);
    wd_json_key(j, "provider");
    wd_json_z(j, s->provider);
    wd_json_key(j, "state");
    wd_json_z(j, s->configured ? s->state_name : "not_configured");
    put_time(j, "until", s->until);
    put_quota(j, s, row);
    put_counts(j, s, row);
    wd_json_key(j, "running");
    wd_json_int(j, s->inflight);
    wd_json_key(j, "concurrency");
    wd_json_int(j, s->concurrency);
    wd_json_key(j, "breaker");
    wd_json_z(j, breaker_name(s->breaker));
    wd_json_key(j, "failures_in_a_row");
    wd_json_int(j, s->failures);
    wd_json_key(j, "retries_left");
    wd_json_int(j, s->retries_left);
    put_datasets(j, s, rows, n);
    put_stream(j, feed, s->provider);
    wd_json_end(j);
}


/*
 * Also without a database, from what this process knows; `shared` tells
 * whether the figures are those of all instances.
 */
int
ingestion_api_providers(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int                       rc, i;
    bool                      shared;
    wd_json_t                 j;
    wd_error_t                err = {0};
    wd_pg_conn_t             *pg = NULL;
    const ingestion_t        *in = call->svc;
    ingestion_fetcher_state_t s;
    ingestion_provider_row_t  row;
    size_t                    n = 0;
    ingestion_dataset_row_t  *rows = NULL;

    rc = wd_pg_acquire(in->pool, wd_monotonic() + WD_NS_PER_S, &pg, &err);
    if (rc == WD_OK) {
        rc = ingestion_store_datasets(pg, &rows, &n, &err);
    }
    shared = rc == WD_OK;

    wd_json_init(&j, &res->body);
    wd_json_obj(&j);
    wd_json_key(&j, "providers");
    wd_json_arr(&j);
    for (i = 0; i < INGESTION_PROVIDERS; i++) {
        ingestion_fetcher_state(in->fetchers[i], &s);
        rc = shared ? ingestion_left_row(pg, &s, &row, &err) : WD_EDB;
        shared = rc == WD_OK;
        put_provider(&j, &s, shared ? &row : NULL, rows, n, in->feed);
    }
    wd_json_end(&j);
    wd_json_key(&j, "shared");
    wd_json_bool(&j, shared);
    wd_json_end(&j);
    free(rows);
    if (pg != NULL) {
        wd_pg_release(pg);
    }
    return WD_OK;
}
