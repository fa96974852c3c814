/*
 * ngx_http_wizdata_limit_status.c - /api/status/rate-limit: how the caller
 * stands to its limits. Asking takes nothing from them.
 */
#include "ngx_http_wizdata_limit.h"
#include "ngx_http_wizdata_status.h"


static void
ngx_http_wizdata_limit_window(wd_json_t *j, const wd_plan_t *plan, unsigned i,
    const wd_limit_result_t *res)
{
    wd_json_obj(j);
    wd_json_key(j, "policy");
    wd_json_z(j, wd_plan_policy(plan, i));
    wd_json_key(j, "limit");
    wd_json_int(j, ngx_http_wizdata_limit_quota(plan, i));
    wd_json_key(j, "window");
    wd_json_int(j, (int64_t) ngx_http_wizdata_limit_seconds(
                       ngx_http_wizdata_limit_period(plan, i)));
    if (i < WD_PLAN_RATES) {
        wd_json_key(j, "burst");
        wd_json_int(j, plan->rates[i].burst);
    }
    wd_json_key(j, "remaining");
    wd_json_int(j, res->remaining[i]);
    wd_json_key(j, "reset_after");
    wd_json_int(j, (int64_t) ngx_http_wizdata_limit_seconds(res->reset[i]));
    wd_json_end(j);
}


/* Names of the older API, for who is not limited. */
static void
ngx_http_wizdata_limit_no_fields(wd_json_t *j)
{
    static const char *const names[] = {
        "limit", "remaining", "reset", "reset_after", "burst_limit",
        "current_count", "window_start"};
    ngx_uint_t               i;

    for (i = 0; i < wd_array_len(names); i++) {
        wd_json_key(j, names[i]);
        wd_json_null(j);
    }
}


/* They speak of the tightest policy. */
static void
ngx_http_wizdata_limit_legacy_fields(wd_json_t *j,
    const ngx_http_wizdata_limit_ctx_t *lc)
{
    int64_t          used, left, now = (int64_t) ngx_time();
    unsigned         k;
    ngx_int_t        i = ngx_http_wizdata_limit_spoken(lc);
    const wd_plan_t *plan = &lc->plan->plan;

    if (i == NGX_ERROR) {
        ngx_http_wizdata_limit_no_fields(j);
        return;
    }

    k = (unsigned) i;
    left = (int64_t) ngx_http_wizdata_limit_seconds(lc->result.reset[k]);
    used = (k < WD_PLAN_RATES ? (int64_t) plan->rates[k].burst
                              : ngx_http_wizdata_limit_quota(plan, k))
           - lc->result.remaining[k];
    wd_json_key(j, "limit");
    wd_json_int(j, ngx_http_wizdata_limit_quota(plan, k));
    wd_json_key(j, "remaining");
    wd_json_int(j, lc->result.remaining[k]);
    wd_json_key(j, "reset");
    wd_json_int(j, now + left);
    wd_json_key(j, "reset_after");
    wd_json_int(j, left);
    wd_json_key(j, "burst_limit");
    wd_json_int(j, k < WD_PLAN_RATES ? (int64_t) plan->rates[k].burst : 0);
    wd_json_key(j, "current_count");
    wd_json_int(j, used);
    wd_json_key(j, "window_start");
    wd_json_int(j, k < WD_PLAN_RATES
                       ? now
                             - (int64_t) ngx_http_wizdata_limit_seconds(
                                 plan->rates[k].period)
                       : plan->windows[k - WD_PLAN_DAY].start / WD_NS_PER_S);
}


void
ngx_http_wizdata_limit_json(ngx_http_wizdata_ctx_t *ctx, wd_json_t *j)
{
    unsigned                      i;
    wd_ns_t                       now, wall;
    wd_limit_view_t               view;
    ngx_http_wizdata_limits_t    *ls = ctx->worker->limit;
    ngx_http_wizdata_limit_ctx_t  lc;

    ngx_memzero(&lc, sizeof(lc));
    if (ls != NULL) {
        lc.plan = ngx_http_wizdata_limit_who(ctx, &lc.key);
    }

    wd_json_key(j, "rate_limit");
    wd_json_obj(j);
    wd_json_key(j, "client_id");
    wd_json_str(j, ctx->verdict.principal.len != 0 ? ctx->verdict.principal
                                                   : WD_STR("anonymous"));
    if (lc.plan == NULL) {
        ngx_http_wizdata_limit_no_fields(j);
        wd_json_end(j);
        return;
    }

    now = (wd_ns_t) ngx_http_wizdata_clock();
    wall = ngx_http_wizdata_limit_wall();
    ngx_http_wizdata_limit_view(ls, now, &view);
    wd_plan_windows(&lc.plan->plan, wall);
    wd_limit_peek(ls->table, &lc.key, &lc.plan->plan, &view, 1, now, wall,
                  &lc.result);

    ngx_http_wizdata_limit_legacy_fields(j, &lc);
    wd_json_key(j, "plan");
    wd_json_z(j, lc.plan->name);
    wd_json_key(j, "windows");
    wd_json_arr(j);
    ngx_http_wizdata_limit_each(&lc.plan->plan, i) {
        ngx_http_wizdata_limit_window(j, &lc.plan->plan, i, &lc.result);
    }
    wd_json_end(j);
    if (lc.plan->plan.concurrency != 0) {
        wd_json_key(j, "concurrency");
        wd_json_obj(j);
        wd_json_key(j, "limit");
        wd_json_int(j, lc.plan->plan.concurrency);
        wd_json_key(j, "remaining");
        wd_json_int(j, lc.result.remaining[WD_PLAN_CONCURRENCY]);
        wd_json_end(j);
    }
    wd_json_key(j, "shared");
    wd_json_bool(j, view.shared && view.up);
    wd_json_key(j, "gateways");
    wd_json_int(j, view.gateways);
    wd_json_end(j);
}


static void
ngx_http_wizdata_limit_status(ngx_http_wizdata_ctx_t *ctx)
{
    wd_buf_t *out = &ctx->worker->scratch;
    wd_json_t j;

    wd_buf_reset(out);
    wd_json_init(&j, out);
    wd_json_obj(&j);
    wd_json_key(&j, "status");
    wd_json_z(&j, ctx->worker->limit != NULL ? "enabled" : "disabled");
    ngx_http_wizdata_status_time(&j);
    ngx_http_wizdata_limit_json(ctx, &j);
    wd_json_end(&j);
    ngx_http_wizdata_status_send(ctx, NGX_HTTP_OK);
}


ngx_int_t
ngx_http_wizdata_rate_limit_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t *ctx;

    ctx = ngx_http_wizdata_begin(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ngx_http_wizdata_read_only(ctx) != WD_OK) {
        ngx_http_wizdata_finish_refused(ctx);
    } else if (ctx->headers.api_key.data == NULL
               && ctx->headers.authorization.data == NULL)
    {
        ngx_http_wizdata_limit_status(ctx);
    } else {
        ngx_http_wizdata_auth(ctx, NGX_HTTP_WIZDATA_BIT_NONE, NULL,
                              ngx_http_wizdata_limit_status,
                              ngx_http_wizdata_status_refused);
    }
    return NGX_DONE;
}
