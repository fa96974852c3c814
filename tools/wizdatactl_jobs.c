/*
 * wizdatactl_jobs.c - collection jobs: which were made, and how they end.
 */
#include "wizdatactl.h"

#include "wd_time.h"

#include <stdio.h>
#include <time.h>

#define CTL_POLL_MIN_MS 20
#define CTL_POLL_MAX_MS 500
#define CTL_PATIENCE_NS (30 * WD_NS_PER_S) /* with a service that is away */


void
ctl_job_ids(const json_t *answer, json_t *ids)
{
    size_t        i;
    json_t       *id;
    const json_t *job;

    json_array_foreach(json_object_get(answer, "jobs"), i, job)
    {
        id = json_object_get(job, "id");
        if (json_is_integer(id)) {
            json_array_append(ids, id);
        }
    }
}


static bool
ctl_job_status_is(const json_t *job, const char *status)
{
    const char *is = json_string_value(json_object_get(job, "status"));

    return is != NULL && strcmp(is, status) == 0;
}


bool
ctl_job_failed(const json_t *job)
{
    return ctl_job_status_is(job, "failed");
}


/* Failures that end by themselves: a service restarts, a database returns. */
static bool
ctl_may_pass(int code)
{
    return code == WD_EUNAVAIL || code == WD_ETIMEOUT || code == WD_EAGAIN
           || code == WD_EDB;
}


static void
ctl_pause(long *ms)
{
    struct timespec pause = {*ms / 1000, *ms % 1000 * 1000000};

    nanosleep(&pause, NULL);
    *ms = wd_min(2 * *ms, (long) CTL_POLL_MAX_MS);
}


int
ctl_wait_for(ctl_t *ctl, const ctl_args_t *args, bool (*ended)(const json_t *),
             wd_ns_t until, json_t **ret, ctl_error_t *err)
{
    long    ms = CTL_POLL_MIN_MS;
    json_t *doc;
    wd_ns_t heard = wd_monotonic();

    for (;;) {
        if (ctl_ask_json(ctl, args, &doc, err) == WD_OK) {
            if (ended(doc) || wd_monotonic() >= until) {
                *ret = doc;
                return WD_OK;
            }
            json_decref(doc);
            heard = wd_monotonic();
        } else if (!ctl_may_pass(err->code)
                   || wd_monotonic() - heard > CTL_PATIENCE_NS) {
            return err->code;
        }
        ctl_pause(&ms);
    }
}


/* The row of the only job; NULL: there is none. */
static json_t *
ctl_job_of(const json_t *doc)
{
    return json_array_get(json_object_get(doc, "jobs"), 0);
}


static bool
ctl_job_ended(const json_t *doc)
{
    const json_t *job = ctl_job_of(doc);

    return job == NULL || ctl_job_failed(job) || ctl_job_status_is(job, "done");
}


/*
 * There is no limit in time: a job that waits for a provider's quota may
 * take a day, and the operator can leave.
 */
int
ctl_job_wait(ctl_t *ctl, json_int_t id, json_t **ret, ctl_error_t *err)
{
    char       text[24];
    json_t    *doc;
    ctl_args_t args;

    snprintf(text, sizeof(text), "%lld", (long long) id);
    ctl_args_init(&args, WD_METHOD_INGEST_STATUS);
    ctl_args_add(&args, "job", text);
    if (ctl_wait_for(ctl, &args, ctl_job_ended, WD_NS_MAX, &doc, err)
        != WD_OK) {
        return err->code;
    }

    *ret = json_incref(ctl_job_of(doc));
    json_decref(doc);
    if (*ret == NULL) {
        err->code = WD_ENOTFOUND;
        snprintf(err->text, sizeof(err->text), "ingestion knows no job %s",
                 text);
        return err->code;
    }
    return WD_OK;
}
