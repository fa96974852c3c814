/*
 * ngx_http_wizdata_limit.c - the limit of a request: whose it is, what is
 * decided, and how the client is told.
 *
 * Asked in the precontent phase, when access is granted; never waits. A
 * request is asked about once, however often nginx redirects it.
 */
#include "ngx_http_wizdata_limit.h"

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


ngx_http_wizdata_plan_t *
ngx_http_wizdata_limit_who(ngx_http_wizdata_ctx_t *ctx, wd_limit_key_t *key)
{
    ngx_http_wizdata_plan_t   *p;
    ngx_http_wizdata_limits_t *ls = ctx->worker->limit;

    if (ctx->verdict.principal.len == 0) {
        return ngx_http_wizdata_limit_anonymous(
            ctx, ngx_http_wizdata_limit_group(ctx), key);
    }

    p = ngx_http_wizdata_limit_plan(ls, ctx->verdict.plan);
    if (p != NULL) {
        wd_limit_key_known(ls->keys, ctx->verdict.principal,
                           wd_str_z(p->name),
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
    return ctx->verdict.kind == WD_VERDICT_TOKEN ? NGX_HTTP_WIZDATA_JWT
                                                 : NGX_HTTP_WIZDATA_API_KEY;
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


ngx_uint_t
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


/* What the plan says, else nginx.conf, else the catalogue. */
static uint32_t
ngx_http_wizdata_limit_cost(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_plan_t *p)
{
    uint32_t cost;

    if (ctx->method == NULL) {
        return 1; /* a location that is not the API's */
    }
    cost = (uint32_t) ngx_http_wizdata_method_cost(ctx);
    return p != NULL ? wd_plan_cost(&p->plan, ctx->method->id, cost) : cost;
}


int
ngx_http_wizdata_limit(ngx_http_wizdata_ctx_t *ctx)
{
    uint32_t                      cost;
    ngx_uint_t                    admitted;
    ngx_http_wizdata_limit_ctx_t *lc;

    lc = ngx_http_wizdata_limit_begin(ctx);
    if (lc == NULL) {
        return WD_OK;
    }

    lc->plan = ngx_http_wizdata_limit_who(ctx, &lc->key);
    ctx->limit = lc;
    cost = ngx_http_wizdata_limit_cost(ctx, lc->plan);
    if (cost != 0 && lc->plan != NULL && !wd_plan_empty(&lc->plan->plan)) {
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

int64_t
ngx_http_wizdata_limit_quota(const wd_plan_t *plan, unsigned i)
{
    return i < WD_PLAN_RATES ? plan->rates[i].limit
                             : plan->quotas[i - WD_PLAN_DAY];
}


wd_ns_t
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


static void
ngx_http_wizdata_limit_write_policy(ngx_http_wizdata_plan_t *p)
{
    unsigned         i;
    wd_buf_t        *out = &p->policy;
    const wd_plan_t *plan = &p->plan;

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
        wd_sf_text(out, "qu", WD_STR("concurrent-requests"));
    }
    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        p->windows[i] = plan->windows[i].id;
    }
}


/* Days and months have their own lengths; else a plan's text stays. */
static wd_str_t
ngx_http_wizdata_limit_policy_text(ngx_http_wizdata_plan_t *p)
{
    unsigned   i;
    ngx_uint_t same = p->policy.len != 0;

    for (i = 0; i < WD_PLAN_QUOTAS; i++) {
        same &= p->windows[i] == p->plan.windows[i].id;
    }
    if (!same) {
        ngx_http_wizdata_limit_write_policy(p);
    }
    return p->policy.err == WD_OK ? wd_buf_view(&p->policy) : WD_STR_NULL;
}


static void
ngx_http_wizdata_limit_write(wd_buf_t *out,
    const ngx_http_wizdata_limit_ctx_t *lc)
{
    unsigned         i;
    const wd_plan_t *plan = &lc->plan->plan;

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
}


static ngx_int_t
ngx_http_wizdata_limit_ietf(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_limits_t    *ls = ctx->worker->limit;
    ngx_http_wizdata_limit_ctx_t *lc = ctx->limit;

    if (ngx_http_wizdata_limit_add(
            ctx->request, "RateLimit-Policy",
            ngx_http_wizdata_limit_policy_text(lc->plan)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_wizdata_limit_write(&ls->text, lc);
    return ls->text.err != WD_OK
               ? NGX_ERROR
               : ngx_http_wizdata_limit_add(ctx->request, "RateLimit",
                                            wd_buf_view(&ls->text));
}


ngx_int_t
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
