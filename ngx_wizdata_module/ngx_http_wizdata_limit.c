/*
 * ngx_http_wizdata_limit.c - the limit of a request: whose it is, what is
 * decided, and how the client is told.
 *
 * Asked in the precontent phase, when access is granted; never waits. A
 * request is asked about once, however often nginx redirects it.
 */
#include "ngx_http_wizdata_limit.h"
#include "ngx_http_wizdata_status.h"

#include "wd_sf.h"


/* ---- who ---------------------------------------------------------------- */

/* The address as far as it stands for one client. */
static wd_str_t
ngx_http_wizdata_limit_address(ngx_http_wizdata_limits_t *ls,
    ngx_connection_t *c, u_char out[16])
{
    size_t     i, n = 0;
    ngx_uint_t bits = 0;

    switch (c->sockaddr->sa_family) {
    case AF_INET:
        n = 4;
        bits = ls->conf->ipv4_prefix;
        ngx_memcpy(out, &((struct sockaddr_in *) c->sockaddr)->sin_addr, n);
        break;
#if (NGX_HAVE_INET6)
    case AF_INET6:
        n = 16;
        bits = ls->conf->ipv6_prefix;
        ngx_memcpy(out, &((struct sockaddr_in6 *) c->sockaddr)->sin6_addr, n);
        if (IN6_IS_ADDR_V4MAPPED((struct in6_addr *) (void *) out)) {
            n = 4;
            bits = ls->conf->ipv4_prefix;
            ngx_memmove(out, out + 12, n);
        }
        break;
#endif
    default:
        break; /* a Unix socket: all its clients are one */
    }

    for (i = 0; i < n; i++) {
        if (8 * i >= bits) {
            out[i] = 0;
        } else if (bits - 8 * i < 8) {
            out[i] &= (u_char) (0xff00 >> (bits - 8 * i));
        }
    }
    return wd_str((char *) out, n);
}


static ngx_http_wizdata_plan_t *
ngx_http_wizdata_limit_anonymous(ngx_http_wizdata_ctx_t *ctx, wd_str_t group,
    wd_limit_key_t *key)
{
    u_char                     address[16];
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    if (ls->conf->anonymous != NULL) {
        /* A name that no principal can have. */
        wd_limit_key(ngx_http_wizdata_limit_address(
                         ls, ctx->request->connection, address),
                     WD_STR("\0anonymous"), group, key);
    }
    return ls->conf->anonymous;
}


static wd_str_t
ngx_http_wizdata_limit_group(const ngx_http_wizdata_ctx_t *ctx)
{
    const ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    return ctx->method != NULL ? wd_str_z(ls->conf->groups[ctx->method->id])
                               : WD_STR_NULL;
}


/* Of a request whose access is decided; NULL: it is not limited. */
static ngx_http_wizdata_plan_t *
ngx_http_wizdata_limit_who(ngx_http_wizdata_ctx_t *ctx, wd_limit_key_t *key)
{
    ngx_http_wizdata_plan_t *p;

    if (ctx->verdict.principal.len == 0) {
        return ngx_http_wizdata_limit_anonymous(
            ctx, ngx_http_wizdata_limit_group(ctx), key);
    }

    p = ngx_http_wizdata_limit_plan(ctx->worker->limit, ctx->verdict.plan);
    if (p != NULL) {
        wd_limit_key(ctx->verdict.principal, wd_str_z(p->name),
                     ngx_http_wizdata_limit_group(ctx), key);
    }
    return p;
}


static ngx_http_wizdata_client_e
ngx_http_wizdata_limit_client(const ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->verdict.principal.len == 0) {
        return NGX_HTTP_WIZDATA_ANONYMOUS;
    }
    return ctx->has_digest ? NGX_HTTP_WIZDATA_API_KEY : NGX_HTTP_WIZDATA_JWT;
}


/* $wizdata_limit, by wd_limit_e. */
static const char *const ngx_http_wizdata_limit_outcomes[] = {
    "passed", "rejected", "dry_rejected"};


/* ---- the decision ------------------------------------------------------- */

static const char *
ngx_http_wizdata_limit_policy(const ngx_http_wizdata_limit_ctx_t *lc)
{
    return lc->result.policy >= 0
               ? wd_plan_policy(&lc->plan->plan,
                                (unsigned) lc->result.policy)
               : "";
}


/* Rounded up, so that who waits as long as told is admitted. */
static ngx_uint_t
ngx_http_wizdata_limit_seconds(wd_ns_t ns)
{
    return (ngx_uint_t) ((ns + WD_NS_PER_S - 1) / WD_NS_PER_S);
}


static int
ngx_http_wizdata_limit_problem(ngx_http_wizdata_ctx_t *ctx)
{
    int                           code, n;
    char                         *p = ctx->error.text;
    const char                   *name;
    ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    name = ngx_http_wizdata_limit_policy(lc);
    code = lc->result.policy == WD_PLAN_DAY
           || lc->result.policy == WD_PLAN_MONTH ? WD_EQUOTA : WD_ELIMIT;

    n = snprintf(p, sizeof(ctx->error.text),
                 code == WD_EQUOTA
                     ? "the %s of the plan \"%s\" is used up; it begins "
                       "anew after the time in Retry-After"
                     : "more requests than the policy %s of the plan \"%s\" "
                       "allows; try again after the time in Retry-After",
                 name, lc->plan->name);
    n = ngx_min(n, (int) sizeof(ctx->error.text) - 1);
    (void) ngx_http_wizdata_refuse_param(ctx, code, wd_str(p, (size_t) n),
                                         WD_STR_NULL);
    ctx->problem.policy.data = (u_char *) name;
    ctx->problem.policy.len = ngx_strlen(name);
    ctx->problem.retry = ngx_max(
        ngx_http_wizdata_limit_seconds(lc->result.retry), 1);
    return code;
}


static void
ngx_http_wizdata_limit_ask(ngx_http_wizdata_ctx_t *ctx,
    ngx_http_wizdata_limit_ctx_t *lc, uint32_t cost)
{
    wd_ns_t                    now, wall;
    wd_limit_view_t            view;
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    now = (wd_ns_t) ngx_http_wizdata_clock();
    wall = ngx_http_wizdata_limit_wall();
    ngx_http_wizdata_limit_view(ls, now, &view);
    wd_plan_windows(&lc->plan->plan, wall);
    wd_limit_take(ls->table, &lc->key, &lc->plan->plan, &view, cost,
                  (uint32_t) ngx_pid, now, wall, &lc->result);
    lc->asked = 1;

    if (lc->result.sync) {
        ngx_http_wizdata_limit_sync_later(ls, &lc->key, lc->plan);
    }
    if (lc->result.held) {
        ngx_http_wizdata_gauge_add(ctx, LIMIT_CONCURRENT, 1);
    }
    if (lc->dry && lc->result.outcome == WD_LIMIT_REFUSED) {
        lc->result.outcome = WD_LIMIT_DRY;
    }
    ctx->limit_outcome = ngx_http_wizdata_limit_outcomes[lc->result.outcome];
    ctx->times.limit = ngx_http_wizdata_clock();
}


static void
ngx_http_wizdata_limit_count(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    switch (lc->result.outcome) {
    case WD_LIMIT_REFUSED:
        ngx_http_wizdata_count_by(ctx, LIMIT_REFUSED, lc->client, 1);
        break;
    case WD_LIMIT_DRY:
        ngx_http_wizdata_count_by(ctx, LIMIT_DRY_RUN, lc->client, 1);
        /* fall through */
    default:
        ngx_http_wizdata_count_by(ctx, LIMIT_ADMITTED, lc->client, 1);
    }
}


/* NULL: not limited, or without memory, which limits nobody. */
static ngx_http_wizdata_limit_ctx_t *
ngx_http_wizdata_limit_begin(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_loc_conf_t  *lcf;
    ngx_http_wizdata_limit_ctx_t *lc;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);
    if (ctx->worker->limit == NULL
        || lcf->limit == NGX_HTTP_WIZDATA_LIMIT_OFF || ctx->limit != NULL)
    {
        return NULL;
    }

    lc = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_wizdata_limit_ctx_t));
    if (lc != NULL) {
        lc->dry = lcf->limit == NGX_HTTP_WIZDATA_LIMIT_DRY;
        lc->client = ngx_http_wizdata_limit_client(ctx);
    }
    return lc;
}


int
ngx_http_wizdata_limit(ngx_http_wizdata_ctx_t *ctx)
{
    uint32_t                      cost;
    ngx_uint_t                    admitted;
    ngx_http_wizdata_limit_ctx_t *lc;

    cost = ctx->method != NULL ? (uint32_t) ctx->method->cost : 1;
    if (cost == 0) {
        return WD_OK; /* the catalogue gives it away */
    }

    lc = ngx_http_wizdata_limit_begin(ctx);
    if (lc == NULL) {
        return WD_OK;
    }

    lc->plan = ngx_http_wizdata_limit_who(ctx, &lc->key);
    ctx->limit = lc;
    if (lc->plan != NULL && !wd_plan_empty(&lc->plan->plan)) {
        ngx_http_wizdata_limit_ask(ctx, lc, cost);
        ngx_http_wizdata_limit_count(ctx);
    }

    admitted = lc->result.outcome != WD_LIMIT_REFUSED;
    ngx_http_wizdata_usage_count(ctx, admitted, cost);
    return admitted ? WD_OK : ngx_http_wizdata_limit_problem(ctx);
}


void
ngx_http_wizdata_limit_failed(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_core_loc_conf_t     *clcf;
    ngx_http_wizdata_limit_ctx_t *lc;

    /* With `satisfy any` another module may still let the client in. */
    clcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_core_module);
    if (ctx->problem.status != NGX_HTTP_UNAUTHORIZED
        || clcf->satisfy == NGX_HTTP_SATISFY_ANY)
    {
        return;
    }

    lc = ngx_http_wizdata_limit_begin(ctx);
    if (lc == NULL) {
        return;
    }

    lc->client = NGX_HTTP_WIZDATA_ANONYMOUS;
    lc->plan = ngx_http_wizdata_limit_anonymous(ctx, WD_STR_NULL, &lc->key);
    if (lc->plan == NULL || wd_plan_empty(&lc->plan->plan)) {
        return;
    }

    ctx->limit = lc;
    ngx_http_wizdata_limit_ask(ctx, lc, 1);
    ngx_http_wizdata_limit_count(ctx);
    if (lc->result.outcome == WD_LIMIT_REFUSED) {
        (void) ngx_http_wizdata_limit_problem(ctx);
    }
}


void
ngx_http_wizdata_limit_done(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_limits_t    *ls = ctx->worker->limit;
    ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    if (lc != NULL && lc->result.held) {
        lc->result.held = false;
        wd_limit_release(ls->table, &lc->key, (uint32_t) ngx_pid);
        ngx_http_wizdata_gauge_add(ctx, LIMIT_CONCURRENT, -1);
    }
}


ngx_int_t
ngx_http_wizdata_limit_handler(ngx_http_request_t *r)
{
    ngx_http_wizdata_ctx_t      *ctx;
    ngx_http_wizdata_loc_conf_t *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_wizdata_module);
    if (lcf->limit == NGX_HTTP_WIZDATA_LIMIT_OFF || r != r->main
        || (!lcf->api && lcf->access != NGX_HTTP_WIZDATA_ACCESS_ON))
    {
        return NGX_DECLINED;
    }

    ctx = ngx_http_wizdata_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* With `satisfy any` nobody may have looked for the method. */
    if (lcf->api && ctx->method == NULL
        && ngx_http_wizdata_route(ctx) != WD_OK)
    {
        return NGX_DECLINED; /* the content handler says so */
    }
    return ngx_http_wizdata_limit(ctx) == WD_OK
               ? NGX_DECLINED
               : (ngx_int_t) ctx->problem.status;
}


/* ---- headers ------------------------------------------------------------ */

/* Calls for each policy of the plan, in the order of headers and status. */
#define ngx_http_wizdata_limit_each(plan, i)                                  \
    for (i = 0; i < WD_PLAN_CONCURRENCY; i++)                                 \
        if (i < WD_PLAN_RATES ? i < (plan)->n_rates                           \
                              : (plan)->quotas[i - WD_PLAN_DAY] != 0)


static int64_t
ngx_http_wizdata_limit_quota(const wd_plan_t *plan, unsigned i)
{
    return i < WD_PLAN_RATES ? plan->rates[i].limit
                             : plan->quotas[i - WD_PLAN_DAY];
}


static wd_ns_t
ngx_http_wizdata_limit_period(const wd_plan_t *plan, unsigned i)
{
    const wd_window_t *w;

    if (i < WD_PLAN_RATES) {
        return plan->rates[i].period;
    }
    w = &plan->windows[i - WD_PLAN_DAY];
    return w->end - w->start;
}


static ngx_int_t
ngx_http_wizdata_limit_add(ngx_http_request_t *r, const char *name,
    wd_str_t value)
{
    u_char *p = ngx_pnalloc(r->pool, value.len);

    if (p == NULL) {
        return NGX_ERROR;
    }
    ngx_memcpy(p, value.data, value.len);
    return ngx_http_wizdata_add_header(r, name, ngx_strlen(name),
                                       (char *) p, value.len);
}


static ngx_int_t
ngx_http_wizdata_limit_ietf(ngx_http_wizdata_ctx_t *ctx)
{
    unsigned                      i;
    wd_buf_t                     *out;
    const wd_plan_t              *plan;
    ngx_http_wizdata_limits_t    *ls = ctx->worker->limit;
    ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    out = &ls->text;
    plan = &lc->plan->plan;

    wd_buf_reset(out);
    ngx_http_wizdata_limit_each(plan, i) {
        wd_sf_item(out, wd_str_z(wd_plan_policy(plan, i)));
        wd_sf_param(out, "q", ngx_http_wizdata_limit_quota(plan, i));
        wd_sf_param(out, "w", (int64_t) ngx_http_wizdata_limit_seconds(
                                  ngx_http_wizdata_limit_period(plan, i)));
    }
    if (plan->concurrency != 0) {
        wd_sf_item(out, WD_STR("concurrency"));
        wd_sf_param(out, "q", plan->concurrency);
    }
    if (out->err != WD_OK
        || ngx_http_wizdata_limit_add(ctx->request, "RateLimit-Policy",
                                      wd_buf_view(out)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    wd_buf_reset(out);
    ngx_http_wizdata_limit_each(plan, i) {
        wd_sf_item(out, wd_str_z(wd_plan_policy(plan, i)));
        wd_sf_param(out, "r", lc->result.remaining[i]);
        wd_sf_param(out, "t", (int64_t) ngx_http_wizdata_limit_seconds(
                                  lc->result.reset[i]));
    }
    if (plan->concurrency != 0) {
        wd_sf_item(out, WD_STR("concurrency"));
        wd_sf_param(out, "r", lc->result.remaining[WD_PLAN_CONCURRENCY]);
    }
    return out->err != WD_OK
               ? NGX_ERROR
               : ngx_http_wizdata_limit_add(ctx->request, "RateLimit",
                                            wd_buf_view(out));
}


/* What the older headers speak of: one policy, concurrency is none. */
static ngx_int_t
ngx_http_wizdata_limit_spoken(const ngx_http_wizdata_limit_ctx_t *lc)
{
    unsigned i;

    if (lc->result.policy >= 0 && lc->result.policy != WD_PLAN_CONCURRENCY) {
        return lc->result.policy;
    }
    ngx_http_wizdata_limit_each(&lc->plan->plan, i) {
        return (ngx_int_t) i;
    }
    return NGX_ERROR;
}


static ngx_int_t
ngx_http_wizdata_limit_number(ngx_http_request_t *r, const char *name,
    int64_t n)
{
    char text[WD_NUM_TEXT_MAX];

    return ngx_http_wizdata_limit_add(r, name,
                                      wd_str(text, wd_int_format(n, text)));
}


static ngx_int_t
ngx_http_wizdata_limit_legacy(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_int_t                     i;
    ngx_http_request_t           *r = ctx->request;
    ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    i = ngx_http_wizdata_limit_spoken(lc);
    if (i == NGX_ERROR) {
        return NGX_OK;
    }

    if (ngx_http_wizdata_limit_number(
            r, "X-RateLimit-Limit",
            ngx_http_wizdata_limit_quota(&lc->plan->plan, (unsigned) i))
            != NGX_OK
        || ngx_http_wizdata_limit_number(r, "X-RateLimit-Remaining",
                                         lc->result.remaining[i]) != NGX_OK)
    {
        return NGX_ERROR;
    }
    return ngx_http_wizdata_limit_number(
        r, "X-RateLimit-Reset",
        (int64_t) ngx_time()
            + (int64_t) ngx_http_wizdata_limit_seconds(lc->result.reset[i]));
}


ngx_int_t
ngx_http_wizdata_limit_headers(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_loc_conf_t  *lcf;
    ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    if (lc == NULL || !lc->asked || lc->shown) {
        return NGX_OK;
    }
    lc->shown = 1;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);
    if (lcf->limit_headers & NGX_HTTP_WIZDATA_LIMIT_IETF
        && ngx_http_wizdata_limit_ietf(ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }
    if (lcf->limit_headers & NGX_HTTP_WIZDATA_LIMIT_LEGACY) {
        return ngx_http_wizdata_limit_legacy(ctx);
    }
    return NGX_OK;
}


/* ---- variables ---------------------------------------------------------- */

wd_str_t
ngx_http_wizdata_limit_policy_name(const ngx_http_wizdata_ctx_t *ctx)
{
    const ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    return lc != NULL && lc->asked
               ? wd_str_z(ngx_http_wizdata_limit_policy(lc))
               : WD_STR_NULL;
}


wd_str_t
ngx_http_wizdata_limit_remaining(const ngx_http_wizdata_ctx_t *ctx)
{
    char                               *p;
    const ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    if (lc == NULL || !lc->asked || lc->result.policy < 0) {
        return WD_STR_NULL;
    }

    p = ngx_pnalloc(ctx->request->pool, WD_NUM_TEXT_MAX);
    return p != NULL
               ? wd_str(p, wd_int_format(
                               lc->result.remaining[lc->result.policy], p))
               : WD_STR_NULL;
}


/* ---- /api/status/rate-limit --------------------------------------------- */

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
                              ngx_http_wizdata_finish_refused);
    }
    return NGX_DONE;
}
