/*
 * processing_job.c - what several stages do with a job.
 */
#include "processing_job.h"


int
processing_job_refuse(processing_job_t *job, const char *outcome,
                      wd_reason_e reason, const char *detail)
{
    job->o.outcome = outcome;
    job->o.reason = wd_reason_name(reason);
    return wd_records_refuse(&job->r, reason, WD_STR(""), "%s", detail);
}


wd_str_t
processing_job_upper(processing_job_t *job, const char *name)
{
    char    *p;
    size_t   i;
    wd_str_t v = processing_event_arg(&job->ev, name);

    p = wd_pool_strdup(job->pool, v);
    if (p == NULL) {
        return WD_STR("");
    }
    for (i = 0; i < v.len; i++) {
        p[i] = p[i] >= 'a' && p[i] <= 'z' ? (char) (p[i] & ~0x20) : p[i];
    }
    return wd_str(p, v.len);
}
