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
processing_job_pair(processing_job_t *job, wd_str_t from, wd_str_t to,
                    const char *between)
{
    char  *p;
    size_t n = strlen(between);

    p = wd_pool_alloc(job->pool, from.len + to.len + n + 1);
    if (p == NULL || from.len == 0 || to.len == 0) {
        return WD_STR_NULL;
    }
    memcpy(p, from.data, from.len);
    memcpy(p + from.len, between, n);
    memcpy(p + from.len + n, to.data, to.len);
    return wd_str(p, from.len + n + to.len);
}
