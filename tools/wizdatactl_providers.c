/*
 * wizdatactl_providers.c - ingest providers: how providers and their data sets
 * are.
 */
#include "wizdatactl.h"

#include <stdio.h>

static const ctl_column_t ctl_provider_columns[] = {
    {"PROVIDER", "provider"},
    {"STATE", "state"},
    {"UNTIL", "until"},
    {"RUNNING", "running"},
    {"QUEUED", "queued"},
    {"SECOND", "quota.second.left"},
    {"MINUTE", "quota.minute.left"},
    {"DAY", "quota.day.left"},
    {"OF", "quota.day.limit"},
    {"RETRIES", "retries_left"},
    {"LAST SUCCESS", "last_success"},
    {"LAG S", "lag_seconds"},
};

static const ctl_column_t ctl_dataset_columns[] = {
    {"PROVIDER", "provider"},
    {"DATASET", "name"},
    {"BREAKER", "breaker"},
    {"UNTIL", "breaker_until"},
    {"COLLECTED", "collected"},
    {"LAG S", "lag_seconds"},
    {"LAST SUCCESS", "last_success"},
    {"SUCCEEDED", "succeeded"},
    {"ERRORS", "errors"},
    {"LAST ERROR", "last_error.text"},
};


static const ctl_column_t ctl_stream_columns[] = {
    {"PROVIDER", "provider"},
    {"STREAM", "phase"},
    {"SINCE", "since"},
    {"HOST", "host"},
    {"OPEN", "items.open"},
    {"SUSPECT", "items.suspect"},
    {"CLOSED", "items.closed"},
    {"WAITING", "items.waiting"},
    {"QUOTES", "quotes"},
    {"TRADES", "trades"},
    {"LAST MESSAGE", "last_message"},
    {"LAST ERROR", "last_error.text"},
};


void
ctl_put_lag(json_t *provider)
{
    size_t        i;
    json_int_t    most = -1;
    const json_t *set, *lag;

    json_array_foreach(json_object_get(provider, "datasets"), i, set)
    {
        lag = json_object_get(set, "lag_seconds");
        if (json_is_integer(lag) && json_integer_value(lag) > most) {
            most = json_integer_value(lag);
        }
    }
    if (most >= 0) {
        json_object_set_new(provider, "lag_seconds", json_integer(most));
    }
}


/* Something was asked for, or is wanted. */
static bool
ctl_is_used(const json_t *set)
{
    static const char *const counts[] = {"collected", "succeeded", "running"};

    size_t i;

    for (i = 0; i < wd_array_len(counts); i++) {
        if (json_integer_value(json_object_get(set, counts[i])) != 0) {
            return true;
        }
    }
    return json_is_object(json_object_get(set, "last_error"));
}


/* A new reference: the rows of the second table. */
static json_t *
ctl_used_datasets(const json_t *providers)
{
    size_t  i, k;
    json_t *p, *set, *rows = json_array();

    json_array_foreach(providers, i, p)
    {
        json_array_foreach(json_object_get(p, "datasets"), k, set)
        {
            if (ctl_is_used(set)) {
                json_object_set(set, "provider",
                                json_object_get(p, "provider"));
                json_array_append(rows, set);
            }
        }
    }
    return rows;
}


/* A new reference: the rows of the third one. */
static json_t *
ctl_streams(const json_t *providers)
{
    size_t  i;
    json_t *p, *stream, *rows = json_array();

    json_array_foreach(providers, i, p)
    {
        stream = json_object_get(p, "stream");
        if (json_is_object(stream)) {
            json_object_set(stream, "provider", json_object_get(p, "provider"));
            json_array_append(rows, stream);
        }
    }
    return rows;
}


/* Behind another one; nothing where it has no rows. Takes `rows` over. */
static void
ctl_print_next(json_t *rows, const ctl_column_t *columns, size_t n)
{
    if (json_array_size(rows) != 0) {
        putchar('\n');
        ctl_print_table(rows, columns, n);
    }
    json_decref(rows);
}


int
ctl_ingest_providers(ctl_t *ctl)
{
    size_t      i;
    json_t     *doc, *p, *providers;
    ctl_args_t  args;
    ctl_error_t err;

    ctl_args_init(&args, WD_METHOD_PROVIDERS);
    if (ctl->json) {
        return ctl_call_raw(ctl, &args);
    }
    if (ctl_ask_json(ctl, &args, &doc, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    providers = json_object_get(doc, "providers");
    json_array_foreach(providers, i, p)
    {
        ctl_put_lag(p);
    }
    ctl_print_table(providers, ctl_provider_columns,
                    wd_array_len(ctl_provider_columns));
    ctl_print_next(ctl_used_datasets(providers), ctl_dataset_columns,
                   wd_array_len(ctl_dataset_columns));
    ctl_print_next(ctl_streams(providers), ctl_stream_columns,
                   wd_array_len(ctl_stream_columns));
    json_decref(doc);
    return CTL_OK;
}
