/*
 * processing_parse.c - the body of a lake object as records, by its data set.
 */
#include "processing_job.h"
#include "wd_av_parse.h"
#include "wd_bbg_blp.h"
#include "wd_bbg_dl.h"
#include "wd_gds_ask.h"
#include "wd_gds_parse.h"
#include "wd_lseg_capture.h"
#include "wd_lseg_parse.h"
#include "wd_push_parse.h"
#include "wd_wb_parse.h"

#include <stdio.h>


int
processing_parse_av(processing_job_t *job)
{
    wd_av_dataset_e dataset;

    if (!wd_av_dataset_by_name(wd_str_z(job->dataset->name), &dataset)) {
        return WD_EINTERNAL;
    }
    return wd_av_parse(dataset, wd_buf_view(&job->body), &job->r);
}


int
processing_parse_wb(processing_job_t *job)
{
    wd_wb_dataset_e dataset;

    if (!wd_wb_dataset_by_name(wd_str_z(job->dataset->name), &dataset)) {
        return WD_EINTERNAL;
    }
    return wd_wb_parse_dataset(dataset, wd_buf_view(&job->body), &job->r);
}


int
processing_parse_dl(processing_job_t *job)
{
    return wd_bbg_dl_parse(wd_buf_view(&job->body), &job->r);
}


int
processing_parse_blp(processing_job_t *job)
{
    return wd_bbg_blp_parse(wd_buf_view(&job->body), &job->r);
}


/* "esg" of the view "scores-full" is "esg_scores_full"; ticks are events. */
static void
lseg_name(const processing_job_t *job, char *out, size_t cap)
{
    size_t   i;
    wd_str_t view = processing_event_arg(&job->ev, "view");

    if (strcmp(job->dataset->name, "ticks") == 0) {
        snprintf(out, cap, "events");
        return;
    }
    if (strcmp(job->dataset->name, "esg") != 0) {
        snprintf(out, cap, "%s", job->dataset->name);
        return;
    }
    view = view.len != 0 ? view : WD_STR("basic");
    snprintf(out, cap, "esg_%.*s", (int) wd_min(view.len, cap), view.data);
    for (i = 0; out[i] != '\0'; i++) {
        out[i] = out[i] == '-' ? '_' : out[i];
    }
}


int
processing_parse_lseg(processing_job_t *job)
{
    char              name[64];
    wd_lseg_dataset_e dataset;

    lseg_name(job, name, sizeof(name));
    if (!wd_lseg_dataset_by_name(wd_str_z(name), &dataset)) {
        return processing_job_refuse(job, "rejected", WD_REASON_UNKNOWN_DATASET,
                                     "nothing is known about this view");
    }
    return wd_lseg_parse(dataset, wd_buf_view(&job->body), &job->r);
}


/* What a streaming connection brought. */
int
processing_parse_capture(processing_job_t *job)
{
    return wd_lseg_capture_parse(wd_buf_view(&job->body), &job->r);
}


/* Its answers are told by their places: what was asked is made again. */
int
processing_parse_gds(processing_job_t *job)
{
    int                rc;
    size_t             n = 0;
    wd_gds_item_t     *items;
    const wd_gds_ask_t ask = {
        .dataset = wd_str_z(job->dataset->name),
        .identifiers = processing_event_arg(&job->ev, "identifiers"),
        .fields = processing_event_arg(&job->ev, "fields"),
        .currency = processing_event_arg(&job->ev, "currency"),
        .period = processing_event_arg(&job->ev, "period"),
        .interval = processing_event_arg(&job->ev, "interval"),
        .date = processing_event_arg(&job->ev, "date"),
        .start = processing_event_arg(&job->ev, "start"),
        .end = processing_event_arg(&job->ev, "end")};

    items = wd_pool_alloc(job->pool, WD_GDS_ITEMS_MAX * sizeof(*items));
    if (items == NULL) {
        return WD_ENOMEM;
    }
    rc = wd_gds_items(&ask, items, &n);
    if (rc == WD_EINVAL || rc == WD_ETOOBIG) {
        return processing_job_refuse(job, "rejected", WD_REASON_ITEM_MISMATCH,
                                     "the request names no items, or too many");
    }
    return rc == WD_OK
               ? wd_gds_parse(wd_buf_view(&job->body), items, n, &job->r)
               : rc;
}


int
processing_classify_push(wd_str_t body, wd_answer_t *ret)
{
    (void) body;
    memset(ret, 0, sizeof(*ret));
    ret->class = WD_ANSWER_OK;
    return WD_OK;
}


int
processing_parse_push(processing_job_t *job)
{
    wd_push_format_e         format;
    const wd_push_dataset_t *d;

    d = wd_push_dataset_by_name(wd_str_z(job->dataset->name));
    if (d == NULL) {
        return WD_EINTERNAL;
    }
    if (!wd_push_format_by_type(wd_str_z(job->ev.content_type), &format)) {
        return processing_job_refuse(job, "rejected", WD_REASON_UNKNOWN_SHAPE,
                                     "the object is of no format that is "
                                     "pushed");
    }
    return wd_push_parse(d, format, wd_buf_view(&job->body), &job->r);
}
