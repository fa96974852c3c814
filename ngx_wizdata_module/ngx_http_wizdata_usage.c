/*
 * ngx_http_wizdata_usage.c - what was admitted, reported to auth until it
 * has acknowledged it.
 *
 * One worker of a host sends; a report has a number and stays as it is until
 * it is acknowledged, so that it may be sent again whatever happened.
 */
#include "ngx_http_wizdata_limit.h"

#include "wd_mp.h"

#define NGX_HTTP_WIZDATA_REPORT 500 /* ms between reports */
#define NGX_HTTP_WIZDATA_REPORT_AGAIN 1000 /* after one that failed */


typedef struct {
    ngx_http_wizdata_rpc_t     rpc;
    ngx_http_wizdata_limits_t *limits;
    uint64_t                   seq;
    u_char                     id[WD_REQUEST_ID_MAX];
    wd_buf_t                   args;
} ngx_http_wizdata_report_t;


static void ngx_http_wizdata_report_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta);
static void ngx_http_wizdata_report_fail(ngx_http_wizdata_rpc_t *rpc,
    int code);


static const ngx_http_wizdata_rpc_ops_t ngx_http_wizdata_report_ops = {
    ngx_http_wizdata_report_reply, NULL, ngx_http_wizdata_report_fail};


void
ngx_http_wizdata_usage_count(ngx_http_wizdata_ctx_t *ctx, ngx_uint_t admitted,
    uint32_t cost)
{
    wd_usage_row_t             row;
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    if (ctx->verdict.principal.len == 0 || ctx->method == NULL) {
        return;
    }

    ngx_memzero(&row, sizeof(row));
    row.day = (uint32_t) (ngx_time() / 86400);
    row.principal = ctx->verdict.principal;
    row.key = ctx->verdict.key;
    row.plan = ctx->verdict.plan;
    row.method = wd_str_z(ctx->method->name);
    row.requests = admitted;
    row.cost = admitted ? cost : 0;
    row.refused = !admitted;
    wd_usage_add(ls->usage, &row);
}


static void
ngx_http_wizdata_report_row(void *data, const wd_usage_row_t *row)
{
    char      day[WD_TIME_TEXT_MAX];
    size_t    n;
    wd_buf_t *out = data;

    n = wd_date_format((wd_ns_t) row->day * WD_NS_PER_DAY, day);
    wd_mp_put_array(out, 8);
    wd_mp_put_str(out, wd_str(day, n));
    wd_mp_put_str(out, wd_str(row->principal.data, row->principal.len));
    wd_mp_put_str(out, wd_str(row->key.data, row->key.len));
    wd_mp_put_str(out, wd_str(row->plan.data, row->plan.len));
    wd_mp_put_str(out, wd_str(row->method.data, row->method.len));
    wd_mp_put_uint(out, row->requests);
    wd_mp_put_uint(out, row->cost);
    wd_mp_put_uint(out, row->refused);
}


static void
ngx_http_wizdata_report_free(ngx_http_wizdata_report_t *rep)
{
    rep->limits->report_call = NULL;
    wd_buf_done(&rep->args);
    ngx_free(rep);
}


static void
ngx_http_wizdata_report_next(ngx_http_wizdata_limits_t *ls, ngx_msec_t ms)
{
    if (!ls->report.timer_set) {
        ngx_add_timer(&ls->report, ms);
    }
}


static void
ngx_http_wizdata_report_fail(ngx_http_wizdata_rpc_t *rpc, int code)
{
    ngx_http_wizdata_report_t *rep = rpc->data;
    ngx_http_wizdata_limits_t *ls = rep->limits;

    (void) code;
    ngx_http_wizdata_report_free(rep);
    ngx_http_wizdata_report_next(ls, NGX_HTTP_WIZDATA_REPORT_AGAIN);
}


static void
ngx_http_wizdata_report_reply(ngx_http_wizdata_rpc_t *rpc,
    const wd_frame_t *f, const ngx_http_wizdata_meta_t *meta)
{
    ngx_http_wizdata_report_t *rep = rpc->data;
    ngx_http_wizdata_limits_t *ls = rep->limits;

    (void) meta;
    if (f->more) {
        ngx_http_wizdata_rpc_cancel(rpc); /* its answer has no long body */
    }
    if (f->code != WD_OK) {
        ngx_log_error(NGX_LOG_WARN, ls->worker->cycle->log, 0,
                      "wizdata: auth did not take a report of usage (%s), it "
                      "is sent again", wd_err_info(f->code)->name);
        ngx_http_wizdata_report_fail(rpc, f->code);
        return;
    }

    wd_usage_ack(ls->usage, rep->seq);
    ngx_http_wizdata_report_free(rep);

    /* There may be more than one report's worth. */
    ngx_http_wizdata_report_next(ls, NGX_HTTP_WIZDATA_REPORT / 10);
}


/* The rows are counted before they are written: an array begins with that. */
static size_t
ngx_http_wizdata_report_args(ngx_http_wizdata_report_t *rep, wd_buf_t *rows)
{
    size_t                     n;
    ngx_http_wizdata_limits_t *ls = rep->limits;

    wd_buf_reset(rows);
    n = wd_usage_batch(ls->usage, ngx_http_wizdata_report_row, rows,
                       &rep->seq);

    wd_buf_init(&rep->args, 0);
    wd_mp_put_map(&rep->args, 3);
    wd_mp_put_z(&rep->args, "gateway");
    wd_mp_put_z(&rep->args, wd_usage_gateway(ls->usage));
    wd_mp_put_z(&rep->args, "seq");
    wd_mp_put_uint(&rep->args, rep->seq);
    wd_mp_put_z(&rep->args, "rows");
    wd_mp_put_array(&rep->args, (uint32_t) n);
    wd_buf_str(&rep->args, wd_buf_view(rows));

    return rows->err == WD_OK && rep->args.err == WD_OK ? n : 0;
}


static ngx_http_wizdata_report_t *
ngx_http_wizdata_report_create(ngx_http_wizdata_limits_t *ls)
{
    ngx_http_wizdata_report_t *rep;
    ngx_http_wizdata_worker_t *w = ls->worker;

    rep = ngx_calloc(sizeof(ngx_http_wizdata_report_t), w->cycle->log);
    if (rep == NULL) {
        return NULL;
    }

    rep->limits = ls;
    rep->rpc.ops = &ngx_http_wizdata_report_ops;
    rep->rpc.data = rep;
    rep->rpc.method = &wd_methods()[WD_METHOD_USAGE_ADD];
    rep->rpc.service = &w->services[WD_SVC_AUTH];
    ls->report_call = rep;

    if (ngx_http_wizdata_report_args(rep, &w->scratch) == 0) {
        ngx_http_wizdata_report_free(rep);
        return NULL;
    }
    rep->rpc.context.id = wd_str((char *) rep->id,
                                 (size_t) (ngx_snprintf(rep->id,
                                                        sizeof(rep->id),
                                                        "usage-%uL",
                                                        rep->seq) - rep->id));
    rep->rpc.args = wd_buf_view(&rep->args);
    return rep;
}


static void
ngx_http_wizdata_report(ngx_event_t *ev)
{
    ngx_http_wizdata_limits_t *ls = ev->data;
    ngx_http_wizdata_report_t *rep;

    if (ls->report_call == NULL
        && wd_usage_sender(ls->usage, (uint32_t) ngx_pid,
                           (wd_ns_t) ngx_http_wizdata_clock()))
    {
        rep = ngx_http_wizdata_report_create(ls);
        if (rep != NULL && ngx_http_wizdata_rpc_start(&rep->rpc) != WD_OK) {
            ngx_http_wizdata_report_free(rep);
        }
    }
    ngx_http_wizdata_report_next(ls, NGX_HTTP_WIZDATA_REPORT);
}


ngx_int_t
ngx_http_wizdata_usage_init(ngx_http_wizdata_limits_t *ls)
{
    ls->report.data = ls;
    ls->report.handler = ngx_http_wizdata_report;
    ls->report.log = ls->worker->cycle->log;
    ls->report.cancelable = 1;
    ngx_add_timer(&ls->report, NGX_HTTP_WIZDATA_REPORT);
    return NGX_OK;
}


void
ngx_http_wizdata_usage_done(ngx_http_wizdata_limits_t *ls)
{
    ngx_http_wizdata_report_t *rep = ls->report_call;

    if (rep != NULL) {
        ngx_http_wizdata_rpc_cancel(&rep->rpc);
        ngx_http_wizdata_report_free(rep);
    }
}
