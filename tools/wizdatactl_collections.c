/*
 * wizdatactl_collections.c - ingest collections, plan, pause, resume and
 * start.
 */
#include "wizdatactl.h"

#include <stdio.h>

static const ctl_column_t ctl_collection_columns[] = {
    {"NAME", "name"},
    {"PROVIDER", "provider"},
    {"DATASET", "dataset"},
    {"STATE", "state"},
    {"ITEMS", "instruments.all"},
    {"STOPPED", "instruments.stopped"},
    {"NEXT RUN", "next_run"},
    {"SLICES", "backfill.slices"},
    {"DONE", "backfill.done"},
    {"ENDS", "backfill.ends"},
    {"ROWS", "rows"},
    {"ERROR", "last_error.text"},
};

static const ctl_column_t ctl_item_columns[] = {
    {"INSTRUMENT", "instrument"},
    {"LAST RUN", "last_run"},
    {"DATA TO", "data_to"},
    {"COVERED TO", "covered_to"},
    {"BACK-FILLED TO", "backfill_to"},
    {"ROWS", "rows"},
    {"JOBS", "jobs"},
    {"STOPPED", "stopped.class"},
    {"BACK-FILL STOPPED", "backfill_stopped.text"},
    {"ERROR", "error"},
};

static const ctl_column_t ctl_part_columns[] = {
    {"COLLECTION", "name"}, {"PAUSED", "paused"},      {"NEXT RUN", "next_run"},
    {"LIVE", "live"},       {"BACK-FILL", "backfill"}, {"STOPPED", "stopped"},
};

static const ctl_column_t ctl_cost_columns[] = {
    {"PROVIDER", "provider"},
    {"CALLS", "calls"},
    {"LIVE", "live_calls"},
    {"BACK-FILL", "backfill_calls"},
    {"LIVE A DAY", "live_a_day"},
    {"LEFT TODAY", "quota.day.left"},
    {"OF", "quota.day.limit"},
    {"A MINUTE", "quota.minute.limit"},
    {"A SECOND", "quota.second.limit"},
    {"BLOCKED UNTIL", "blocked_until"},
    {"LIVE DONE", "live_done"},
    {"ALL DONE", "all_done"},
};

static const ctl_column_t ctl_question_columns[] = {
    {"KIND", "kind"},
    {"STATE", "state"},
    {"COLLECTION", "collection"},
    {"PROVIDER", "provider"},
    {"DATASET", "dataset"},
    {"ARGS", "args"},
    {"CALLS", "calls"},
    {"NOT BEFORE", "not_before"},
};


/* ---- collections -------------------------------------------------------- */

static void
ctl_print_refused(const json_t *files)
{
    size_t        i;
    const char   *error;
    const json_t *file;

    json_array_foreach(files, i, file)
    {
        error = json_string_value(json_object_get(file, "error"));
        if (error != NULL) {
            fputs("Refused: ", stdout);
            ctl_print_text(error);
        }
    }
}


int
ctl_ingest_collections(ctl_t *ctl)
{
    json_t     *doc;
    ctl_args_t  args;
    ctl_error_t err;

    if (ctl->n_words != 0) {
        ctl_args_init(&args, WD_METHOD_COLLECTIONS_GET);
        ctl_args_add(&args, "name", ctl->words[0]);
        ctl_args_options(ctl, &args);
        return ctl_call_table(ctl, &args, "items", ctl_item_columns,
                              wd_array_len(ctl_item_columns));
    }

    ctl_args_init(&args, WD_METHOD_COLLECTIONS_LIST);
    if (ctl->json) {
        return ctl_call_raw(ctl, &args);
    }
    if (ctl_ask_json(ctl, &args, &doc, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    ctl_print_table(json_object_get(doc, "collections"), ctl_collection_columns,
                    wd_array_len(ctl_collection_columns));
    ctl_print_refused(json_object_get(doc, "files"));
    json_decref(doc);
    return CTL_OK;
}


static int
ctl_collection_call(ctl_t *ctl, wd_method_e method)
{
    ctl_args_t args;

    ctl_args_init(&args, method);
    ctl_args_add(&args, "name", ctl->words[0]);
    return ctl_call_members(ctl, &args);
}


int
ctl_ingest_pause(ctl_t *ctl)
{
    return ctl_collection_call(ctl, WD_METHOD_COLLECTIONS_PAUSE);
}


int
ctl_ingest_resume(ctl_t *ctl)
{
    return ctl_collection_call(ctl, WD_METHOD_COLLECTIONS_RESUME);
}


int
ctl_ingest_start_now(ctl_t *ctl)
{
    return ctl_collection_call(ctl, WD_METHOD_COLLECTIONS_RUN);
}


/* ---- plan --------------------------------------------------------------- */

/* What keeps collections up to date is more than the provider allows. */
static void
ctl_print_overload(const json_t *providers)
{
    double        need, limit;
    size_t        i;
    const json_t *p;

    json_array_foreach(providers, i, p)
    {
        need = json_number_value(json_object_get(p, "live_calls_per_day"));
        limit = json_number_value(json_object_get(
            json_object_get(json_object_get(p, "quota"), "day"), "limit"));
        if (limit != 0 && need > limit) {
            printf("Too much for %s: live runs need %.0f calls a day, %.0f "
                   "are allowed\n",
                   json_string_value(json_object_get(p, "provider")), need,
                   limit);
        }
    }
}


/* A run a week is 0.142857... calls a day. */
static void
ctl_round_calls(json_t *providers)
{
    char    text[32];
    size_t  i;
    json_t *p;

    json_array_foreach(providers, i, p)
    {
        snprintf(text, sizeof(text), "%.2f",
                 json_number_value(json_object_get(p, "live_calls_per_day")));
        json_object_set_new(p, "live_a_day", json_string(text));
    }
}


static void
ctl_print_plan(const json_t *doc)
{
    json_int_t more = json_integer_value(json_object_get(doc, "not_shown"));

    ctl_round_calls(json_object_get(doc, "providers"));
    ctl_print_table(json_object_get(doc, "collections"), ctl_part_columns,
                    wd_array_len(ctl_part_columns));
    putchar('\n');
    ctl_print_table(json_object_get(doc, "providers"), ctl_cost_columns,
                    wd_array_len(ctl_cost_columns));
    ctl_print_overload(json_object_get(doc, "providers"));
    putchar('\n');
    ctl_print_table(json_object_get(doc, "questions"), ctl_question_columns,
                    wd_array_len(ctl_question_columns));
    if (more != 0) {
        printf("More: %lld; --limit shows them\n", (long long) more);
    }
}


/* NAME, or KEY=VALUE... of a definition that is not stored. */
static int
ctl_plan_args(const ctl_t *ctl, ctl_args_t *args)
{
    if (ctl->n_words == 0 || strchr(ctl->words[0], '=') == NULL) {
        if (ctl->n_words > 1) {
            return ctl_misuse(ctl, "one name, or KEY=VALUE...");
        }
        ctl_args_init(args, WD_METHOD_INGEST_PLAN);
        ctl_args_add(args, "collection", ctl->words[0]);
    } else {
        int rc;

        ctl_args_init(args, WD_METHOD_INGEST_PLAN_TRY);
        rc = ctl_args_words(ctl, args, 0);
        if (rc != CTL_OK) {
            return rc;
        }
    }
    ctl_args_add(args, "limit", ctl_option(ctl, "limit"));
    return CTL_OK;
}


int
ctl_ingest_plan(ctl_t *ctl)
{
    int         rc;
    json_t     *doc;
    ctl_args_t  args;
    ctl_error_t err;

    rc = ctl_plan_args(ctl, &args);
    if (rc != CTL_OK) {
        return rc;
    }
    if (ctl->json) {
        return ctl_call_raw(ctl, &args);
    }
    if (ctl_ask_json(ctl, &args, &doc, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }
    ctl_print_plan(doc);
    json_decref(doc);
    return CTL_OK;
}
