/*
 * wizdatactl_ingest.c - ingest run, backfill and status.
 */
#include "wizdatactl.h"

#include <stdio.h>

#define CTL_JOB_COLUMNS_NEW 5 /* that a job has before it ran */

static const ctl_column_t ctl_job_columns[] = {
    {"JOB", "id"},
    {"PROVIDER", "provider"},
    {"DATASET", "dataset"},
    {"ARGS", "args"},
    {"STATUS", "status"},
    {"OBJECTS", "objects"},
    {"FINISHED", "finished_at"},
    {"REASON", "reason"},
};


static bool
ctl_args_has(const ctl_args_t *args, const char *name)
{
    size_t i;

    for (i = 0; i < args->n; i++) {
        if (wd_str_eq_z(args->pairs[i].name, name)) {
            return true;
        }
    }
    return false;
}


/* PROVIDER DATASET [NAME=VALUE...] */
static int
ctl_ingest_args(const ctl_t *ctl, ctl_args_t *args)
{
    ctl_args_init(args, WD_METHOD_INGEST_RUN);
    ctl_args_add(args, "provider", ctl->words[0]);
    ctl_args_add(args, "dataset", ctl->words[1]);
    return ctl_args_words(ctl, args, 2);
}


/* Rows of all jobs when they ended; CTL_OK or an exit status. */
static int
ctl_ingest_wait(ctl_t *ctl, const json_t *ids, json_t *rows)
{
    bool          failed = false;
    size_t        i;
    json_t       *job;
    ctl_error_t   err;
    const json_t *id;

    json_array_foreach(ids, i, id)
    {
        if (ctl_job_wait(ctl, json_integer_value(id), &job, &err) != WD_OK) {
            return ctl_fail_error(ctl, &err);
        }
        failed = failed || ctl_job_failed(job);
        json_array_append_new(rows, job);
    }

    if (ctl->json) {
        ctl_print_json(json_pack("{s:O}", "jobs", rows));
    } else {
        ctl_print_table(rows, ctl_job_columns, wd_array_len(ctl_job_columns));
    }
    return failed ? CTL_FAILED : CTL_OK;
}


static int
ctl_ingest_start(ctl_t *ctl, const ctl_args_t *args)
{
    int         rc;
    json_t     *answer, *ids, *rows;
    ctl_error_t err;

    if (ctl_option(ctl, "wait") == NULL) {
        return ctl_call_table(ctl, args, "jobs", ctl_job_columns,
                              CTL_JOB_COLUMNS_NEW);
    }

    if (ctl_ask_json(ctl, args, &answer, &err) != WD_OK) {
        return ctl_fail_error(ctl, &err);
    }

    ids = json_array();
    rows = json_array();
    ctl_job_ids(answer, ids);
    rc = ctl_ingest_wait(ctl, ids, rows);
    json_decref(rows);
    json_decref(ids);
    json_decref(answer);
    return rc;
}


int
ctl_ingest_run(ctl_t *ctl)
{
    int        rc;
    ctl_args_t args;

    rc = ctl_ingest_args(ctl, &args);
    return rc == CTL_OK ? ctl_ingest_start(ctl, &args) : rc;
}


/* Which data sets know outputsize is the service's knowledge: those of bars. */
static bool
ctl_has_outputsize(const char *dataset)
{
    return strncmp(dataset, "daily", 5) == 0
           || strcmp(dataset, "fx_daily") == 0;
}


int
ctl_ingest_backfill(ctl_t *ctl)
{
    int        rc;
    ctl_args_t args;

    rc = ctl_ingest_args(ctl, &args);
    if (rc != CTL_OK) {
        return rc;
    }

    if (strcmp(ctl->words[1], "intraday") == 0) {
        if (!ctl_args_has(&args, "month") || !ctl_args_has(&args, "to_month")) {
            return ctl_misuse(ctl, "the history of intraday needs its months: "
                                   "month=2013-01 to_month=2013-12");
        }
    } else if (ctl_has_outputsize(ctl->words[1])
               && !ctl_args_has(&args, "outputsize")) {
        ctl_args_add(&args, "outputsize", "full");
    }
    return ctl_ingest_start(ctl, &args);
}


int
ctl_ingest_status(ctl_t *ctl)
{
    ctl_args_t args;

    ctl_args_init(&args, WD_METHOD_INGEST_STATUS);
    ctl_args_add(&args, "limit", ctl_option(ctl, "limit"));
    ctl_args_add(&args, "job", ctl->n_words != 0 ? ctl->words[0] : NULL);
    return ctl_call_table(ctl, &args, "jobs", ctl_job_columns,
                          wd_array_len(ctl_job_columns));
}
