/*
 * processing_service.c - life of the processing: one consumer of raw.object,
 * and the methods that show the quality of what came in.
 */
#include "processing_ahead.h"
#include "processing_stages.h"
#include "processing_store.h"
#include "wd_num.h"
#include "wd_rows.h"

#include <stdio.h>

/* Time limits and lack of memory are blamed on the payload after so many. */
#define TRIES_MAX 8

static const wd_col_t reject_cols[] = {
    {"id", WD_COL_INT},       {"raw_seq", WD_COL_INT},
    {"provider", WD_COL_STR}, {"dataset", WD_COL_STR},
    {"record", WD_COL_INT},   {"reason", WD_COL_STR},
    {"detail", WD_COL_STR},   {"sample", WD_COL_STR},
    {"known_at", WD_COL_TIME}};


static int
on_event(wd_pg_conn_t *c, const wd_bus_event_t *ev, void *arg, wd_error_t *err)
{
    int           rc;
    processing_t *pr = arg;

    if (pr->failed_offset != ev->offset) {
        pr->failed_offset = ev->offset;
        pr->failures = 0;
    }
    rc = processing_object(pr, c, ev->json, ev->next, pr->failures >= TRIES_MAX,
                           err);
    pr->failures += rc != WD_OK;
    return rc;
}


static int
fail(const wd_rpc_call_t *call, wd_rpc_res_t *res, int rc,
     const wd_error_t *err)
{
    wd_log_error(call->log, "database query failed", "code", rc, "reason",
                 (const char *) err->text);
    wd_buf_reset(&res->body);
    return wd_rpc_fail(res, rc == WD_ETIMEOUT ? WD_ETIMEOUT : WD_EDB,
                       "The database cannot answer now");
}


/* Where the rows of a page go, and the id of the last one. */
typedef struct {
    wd_rows_t rows;
    int64_t   last;
} page_t;


static void
put_reject(const processing_reject_t *row, void *arg)
{
    page_t    *page = arg;
    wd_rows_t *rows = &page->rows;

    page->last = row->id;
    wd_rows_row(rows);
    wd_rows_int(rows, row->id);
    wd_rows_int(rows, row->raw_id);
    wd_rows_str(rows, row->provider);
    wd_rows_str(rows, row->dataset);
    wd_rows_int(rows, row->record);
    wd_rows_str(rows, row->reason);
    wd_rows_str(rows, row->detail);
    wd_rows_str(rows, row->sample);
    wd_rows_time(rows, row->known_at);
}


/* The arguments; WD_EPARAM with res filled. */
static int
reject_args(const wd_rpc_call_t *call, wd_rpc_res_t *res, wd_str_t *provider,
            wd_str_t *reason, int64_t *limit, int64_t *before)
{
    wd_str_t cursor;

    *provider = *reason = WD_STR_NULL;
    *limit = 100;
    *before = INT64_MAX;

    if (wd_rpc_arg_str(call, "provider", provider) == WD_EPARAM) {
        return wd_rpc_fail_param(res, "provider", "provider: must be text");
    }
    if (wd_rpc_arg_str(call, "reason", reason) == WD_EPARAM) {
        return wd_rpc_fail_param(res, "reason", "reason: must be text");
    }
    if (wd_rpc_arg_int(call, "limit", limit) == WD_EPARAM || *limit < 1
        || *limit > 1000) {
        return wd_rpc_fail_param(res, "limit", "limit: must be 1 to 1000");
    }

    switch (wd_rpc_arg_str(call, "cursor", &cursor)) {
    case WD_ENOTFOUND:
        return WD_OK;
    case WD_OK:
        if (wd_int_parse(cursor, before) == WD_OK && *before > 0) {
            return WD_OK;
        }
        break;
    default:
        break;
    }
    return wd_rpc_fail_param(res, "cursor",
                             "cursor: must be the `next` of the page before");
}


static int
quality_rejects(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    char       next[WD_NUM_TEXT_MAX];
    int64_t    limit, before, n = 0;
    wd_str_t   provider, reason;
    page_t     page = {.last = 0};
    wd_error_t err = {0};

    rc = reject_args(call, res, &provider, &reason, &limit, &before);
    if (rc != WD_OK) {
        return rc;
    }

    wd_rows_begin(&page.rows, &res->body,
                  call->ctx.format != 0 ? call->ctx.format : WD_FMT_JSON,
                  reject_cols, wd_array_len(reject_cols));
    rc = processing_store_rejects(call->pg, provider, reason, before, limit,
                                  put_reject, &page, &n, &err);
    if (rc != WD_OK) {
        return fail(call, res, rc, &err);
    }
    wd_rows_end(&page.rows);

    wd_doc_key(page.rows.doc, "next");
    if (n == limit) {
        wd_int_format(page.last, next);
        wd_doc_z(page.rows.doc, next);
        wd_rpc_meta_str(res, "next", wd_str_z(next));
    } else {
        wd_doc_null(page.rows.doc);
    }
    wd_rows_finish(&page.rows);
    return WD_OK;
}


/* Reasons of one data set, gathered before the data sets are asked for. */
typedef struct reasons {
    struct reasons *next;
    wd_str_t        provider;
    wd_str_t        dataset;
    wd_str_t        reason;
    int64_t         n;
} reasons_t;

typedef struct {
    wd_json_t   j;
    wd_pool_t  *pool;
    reasons_t  *first;
    reasons_t **last;
    int         rc;
} status_t;


static wd_str_t
kept(status_t *st, wd_str_t s)
{
    char *p = wd_pool_strdup(st->pool, s);

    if (p == NULL) {
        st->rc = WD_ENOMEM;
        return WD_STR("");
    }
    return wd_str(p, s.len);
}


static void
keep_reason(wd_str_t provider, wd_str_t dataset, wd_str_t reason, int64_t n,
            void *arg)
{
    status_t  *st = arg;
    reasons_t *r;

    r = wd_pool_calloc(st->pool, sizeof(*r));
    if (r == NULL) {
        st->rc = WD_ENOMEM;
        return;
    }
    r->provider = kept(st, provider);
    r->dataset = kept(st, dataset);
    r->reason = kept(st, reason);
    r->n = n;
    *st->last = r;
    st->last = &r->next;
}


static void
put_int(wd_json_t *j, const char *key, int64_t v)
{
    wd_json_key(j, key);
    wd_json_int(j, v);
}


static void
put_status(const processing_status_t *row, void *arg)
{
    size_t           i;
    status_t        *st = arg;
    wd_json_t       *j = &st->j;
    const reasons_t *r;

    static const char *const outcomes[] = {"stored", "empty", "rejected",
                                           "error"};

    wd_json_obj(j);
    wd_json_key(j, "provider");
    wd_json_str(j, row->provider);
    wd_json_key(j, "dataset");
    wd_json_str(j, row->dataset);
    put_int(j, "payloads", row->payloads);
    wd_json_key(j, "outcomes");
    wd_json_obj(j);
    for (i = 0; i < wd_array_len(outcomes); i++) {
        put_int(j, outcomes[i], row->outcomes[i]);
    }
    wd_json_end(j);
    put_int(j, "stored", row->stored);
    put_int(j, "corrected", row->corrected);
    put_int(j, "unchanged", row->unchanged);
    put_int(j, "flagged", row->flagged);
    put_int(j, "rejected", row->rejected);

    wd_json_key(j, "reasons");
    wd_json_obj(j);
    for (r = st->first; r != NULL; r = r->next) {
        if (wd_str_eq(r->provider, row->provider)
            && wd_str_eq(r->dataset, row->dataset)) {
            wd_json_key_str(j, r->reason);
            wd_json_int(j, r->n);
        }
    }
    wd_json_end(j);

    wd_json_key(j, "newest");
    row->newest == WD_NS_MIN ? wd_json_null(j) : wd_json_time(j, row->newest);
    wd_json_key(j, "fetched_at");
    wd_json_time(j, row->fetched_at);
    put_int(j, "raw_seq", row->raw_id);
    wd_json_end(j);
}


static void
put_lag(const processing_t *pr, wd_json_t *j)
{
    int64_t lag = pr->consumer != NULL ? wd_bus_consumer_lag(pr->consumer) : -1;

    wd_json_key(j, "lag");
    lag < 0 ? wd_json_null(j) : wd_json_int(j, lag);
}


static int
quality_status(const wd_rpc_call_t *call, wd_rpc_res_t *res)
{
    int        rc;
    status_t   st = {.pool = call->pool};
    wd_error_t err = {0};

    st.last = &st.first;
    rc = processing_store_reasons(call->pg, keep_reason, &st, &err);
    if (rc == WD_OK) {
        wd_json_init(&st.j, &res->body);
        wd_json_obj(&st.j);
        wd_json_key(&st.j, "data");
        wd_json_arr(&st.j);
        rc = processing_store_status(call->pg, put_status, &st, &err);
    }
    if (rc != WD_OK || st.rc != WD_OK) {
        return fail(call, res, rc != WD_OK ? rc : st.rc, &err);
    }
    wd_json_end(&st.j);
    put_lag(call->svc, &st.j);
    wd_json_end(&st.j);
    return WD_OK;
}


static void
processing_health(wd_service_t *s, void *svc, wd_health_t *h)
{
    bool                consuming;
    int64_t             last;
    const processing_t *pr = svc;

    (void) s;
    consuming = pr->consumer != NULL && wd_bus_consumer_healthy(pr->consumer);
    last = wd_lake_last(pr->lake);

    wd_json_key(h->j, "consumer");
    wd_json_obj(h->j);
    wd_json_key(h->j, "healthy");
    wd_json_bool(h->j, consuming);
    put_lag(pr, h->j);
    wd_json_end(h->j);

    wd_json_key(h->j, "lake");
    wd_json_obj(h->j);
    wd_json_key(h->j, "readable");
    wd_json_bool(h->j, last >= 0);
    wd_json_key(h->j, "objects");
    last < 0 ? wd_json_null(h->j) : wd_json_int(h->j, last);
    wd_json_end(h->j);

    h->degraded = h->degraded || !consuming || last < 0;
}


static int
processing_start(wd_service_t *s, void *svc, wd_error_t *err)
{
    int           rc;
    processing_t *pr = svc;

    pr->service = s;
    pr->log = wd_service_log(s);

    rc = processing_zones_load(&pr->zones, err);
    if (rc == WD_OK) {
        rc = wd_lake_open_read(pr->conf.lake, &pr->lake, err);
    }
    if (rc == WD_OK) {
        rc = processing_ahead_start(pr, &pr->ahead, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    pr->consumer = wd_bus_consume(pr->conf.service.db.url, "wizdata-processing",
                                  WD_TOPIC_RAW, "processing", on_event, pr,
                                  pr->log);
    return pr->consumer != NULL
               ? WD_OK
               : wd_error(err, WD_ENOMEM, "the consumer cannot be started");
}


static void
processing_stop(wd_service_t *s, void *svc)
{
    processing_t *pr = svc;

    (void) s;
    wd_bus_consumer_stop(pr->consumer);
    pr->consumer = NULL;
    processing_ahead_stop(pr->ahead);
    pr->ahead = NULL;
    wd_lake_close(pr->lake);
    pr->lake = NULL;
    processing_zones_done(&pr->zones);
}


static const wd_rpc_method_t methods[] = {
    {"quality.rejects", quality_rejects, WD_RPC_PG},
    {"quality.status", quality_status, WD_RPC_PG},
};


int
processing_main(int argc, char **argv)
{
    processing_t            pr;
    const wd_service_spec_t spec = {
        .name = "processing",
        .summary = "Parses, checks and stores what was collected.",
        .rows = processing_conf_rows,
        .n_rows = processing_n_conf_rows,
        .conf = &pr.conf,
        .methods = methods,
        .n_methods = wd_array_len(methods),
        .svc = &pr,
        .start = processing_start,
        .stop = processing_stop,
        .health = processing_health};

    memset(&pr, 0, sizeof(pr));
    return wd_service_main(&spec, argc, argv);
}
