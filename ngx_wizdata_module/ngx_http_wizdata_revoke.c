/*
 * ngx_http_wizdata_revoke.c - what auth pushes about keys and tokens, and what
 * it does to requests that are still being answered.
 *
 * What is pushed goes into shared memory, so the first worker that hears of
 * it makes it so for all. Each worker has a list of its requests that have a
 * credential: it looks through it when it is told something, and when it
 * notices that another worker was told.
 */
#include "ngx_http_wizdata.h"

/* How soon a worker notices what another was told. */
#define NGX_HTTP_WIZDATA_OPEN_TICK 100

/* A credential's end that is farther away is looked at again then. */
#define NGX_HTTP_WIZDATA_EXPIRY_MAX (86400 * 1000)

#define NGX_HTTP_WIZDATA_NAME_MAX WD_VERDICT_PRINCIPAL_MAX


static void ngx_http_wizdata_open_tick(ngx_event_t *ev);
static void ngx_http_wizdata_open_walk(ngx_event_t *ev);


/* ---- requests that have a credential ------------------------------------ */

void
ngx_http_wizdata_open_init(ngx_http_wizdata_worker_t *w)
{
    ngx_queue_init(&w->open);

    w->open_tick.data = w;
    w->open_tick.handler = ngx_http_wizdata_open_tick;
    w->open_tick.log = w->cycle->log;
    w->open_tick.cancelable = 1;

    w->open_walk.data = w;
    w->open_walk.handler = ngx_http_wizdata_open_walk;
    w->open_walk.log = w->cycle->log;
}


void
ngx_http_wizdata_open_add(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_worker_t *w = ctx->worker;

    if (ctx->listed || !ctx->has_digest) {
        return;
    }

    ctx->listed = 1;
    ctx->seen = ctx->verdict.checked;
    ngx_queue_insert_tail(&w->open, &ctx->open);

    if (!w->open_tick.timer_set) {
        w->open_seq = wd_verdicts_seq(w->verdicts);
        w->open_roles = ngx_http_wizdata_roles_generation(w);
        ngx_add_timer(&w->open_tick, NGX_HTTP_WIZDATA_OPEN_TICK);
    }
    if (ctx->roles != ngx_http_wizdata_roles_generation(w)) {
        ngx_http_wizdata_open_check(w); /* changed since it was looked up */
    }
    if (!ngx_http_wizdata_is_api(ctx->request)) {
        ngx_http_wizdata_open_expire(ctx);
    }
}


void
ngx_http_wizdata_open_remove(ngx_http_wizdata_ctx_t *ctx)
{
    if (ctx->listed) {
        ctx->listed = 0;
        ngx_queue_remove(&ctx->open);
    }
    if (ctx->expiry.timer_set) {
        ngx_del_timer(&ctx->expiry);
    }
}


/*
 * As if the client had left: whichever handler works on the request notices
 * that and cleans up behind itself.
 */
static void
ngx_http_wizdata_open_break(ngx_http_request_t *r)
{
    ngx_connection_t *c = r->connection;

#if (NGX_HTTP_V2)
    if (r->stream != NULL) {
        c->error = 1;
        c->read->handler(c->read);
        return;
    }
#endif

    if (ngx_shutdown_socket(c->fd, SHUT_RDWR) == -1) {
        ngx_connection_error(c, ngx_socket_errno,
                             ngx_shutdown_socket_n " failed");
    }
}


/*
 * Ends what is being answered: a body that has begun breaks off, a call that
 * is awaited ends with the problem that is noted, the connection of another
 * content handler's request breaks. Else the request notices before it calls.
 */
static void
ngx_http_wizdata_open_end(ngx_http_wizdata_ctx_t *ctx, const char *why)
{
    ngx_http_request_t *r = ctx->request;
    ngx_connection_t   *c = r->connection;

    ngx_http_set_log_request(c->log, r);
    ngx_http_wizdata_open_remove(ctx);
    ctx->revoked = 1;

    if (ctx->stream.open) {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "wizdata: an answer ends early: %s", why);
        ngx_http_wizdata_rpc_cancel(&ctx->rpc);
        ngx_http_wizdata_stream_cut(ctx);

    } else if (ctx->rpc.state != NGX_HTTP_WIZDATA_RPC_IDLE) {
        ngx_http_wizdata_rpc_cancel(&ctx->rpc);
        ngx_http_wizdata_finish_refused(ctx);

    } else if (ngx_http_wizdata_cache_waits(ctx)) {
        ngx_http_wizdata_cache_leave(ctx);
        ngx_http_wizdata_finish_refused(ctx);

    } else if (!ngx_http_wizdata_is_api(r) && r == r->main
               && ctx->access == NGX_HTTP_WIZDATA_ACCESS_DONE)
    {
        ngx_log_error(NGX_LOG_INFO, c->log, 0,
                      "wizdata: a request ends early: %s", why);
        ngx_http_wizdata_open_break(r);
    }

    if (!c->destroyed) {
        ngx_http_run_posted_requests(c);
    }
}


static void
ngx_http_wizdata_open_void(ngx_http_wizdata_ctx_t *ctx, const char *why)
{
    (void) ngx_http_wizdata_refuse_for(
        ctx, WD_EUNAUTH, NGX_HTTP_WIZDATA_REFUSAL_REVOKED, why);
    ngx_http_wizdata_open_end(ctx, why);
}


static void
ngx_http_wizdata_open_expired(ngx_event_t *ev)
{
    ngx_http_wizdata_ctx_t *ctx = ev->data;

    if (ctx->verdict.expires > ngx_http_wizdata_verdict_now().wall) {
        ngx_http_wizdata_open_expire(ctx);
        return;
    }
    ngx_http_wizdata_open_void(ctx, NGX_HTTP_WIZDATA_EXPIRED);
}


void
ngx_http_wizdata_open_expire(ngx_http_wizdata_ctx_t *ctx)
{
    int64_t ms;

    if (!ctx->listed || ctx->verdict.expires == 0) {
        return;
    }

    ms = (ctx->verdict.expires - ngx_http_wizdata_verdict_now().wall)
         / WD_NS_PER_MS + 1;
    ms = ngx_max(ngx_min(ms, NGX_HTTP_WIZDATA_EXPIRY_MAX), 1);

    ctx->expiry.data = ctx;
    ctx->expiry.handler = ngx_http_wizdata_open_expired;
    ctx->expiry.log = ctx->request->connection->log;
    ctx->expiry.cancelable = 1;
    ngx_add_timer(&ctx->expiry, (ngx_msec_t) ms);
}


typedef void (*ngx_http_wizdata_open_pt)(ngx_http_wizdata_ctx_t *ctx,
    const void *arg);


/* Ending one may end others: each is moved before it is looked at. */
static void
ngx_http_wizdata_open_each(ngx_http_wizdata_worker_t *w,
    ngx_http_wizdata_open_pt call, const void *arg)
{
    ngx_queue_t *q, todo;

    if (ngx_queue_empty(&w->open)) {
        return;
    }

    ngx_queue_init(&todo);
    ngx_queue_add(&todo, &w->open);
    ngx_queue_init(&w->open);

    while (!ngx_queue_empty(&todo)) {
        q = ngx_queue_head(&todo);
        ngx_queue_remove(q);
        ngx_queue_insert_tail(&w->open, q);
        call(ngx_queue_data(q, ngx_http_wizdata_ctx_t, open), arg);
    }
}


/*
 * No revocation was told since, but some may have been missed: is the key
 * known to be good from a later question? If not, auth is asked. While auth
 * cannot answer, what was begun goes on.
 */
static void
ngx_http_wizdata_open_recheck(ngx_http_wizdata_ctx_t *ctx, const void *arg)
{
    wd_verdict_copy_t          copy;
    wd_verdict_now_t           now = ngx_http_wizdata_verdict_now();
    ngx_http_wizdata_worker_t *w = ctx->worker;

    if (ctx->verdict.kind == WD_VERDICT_TOKEN
        || now.mono - ctx->seen < WD_VERDICT_FRESH)
    {
        return;
    }

    if (wd_verdicts_covered(w->verdicts, ctx->seen, now.mono)) {
        ctx->seen = now.mono;
        return;
    }

    if (wd_verdicts_get(w->verdicts, ctx->digest, &w->rules, now, &copy)
        == WD_VERDICT_GOOD)
    {
        ctx->seen = copy.v.checked;
    } else if (!ngx_http_wizdata_service_down(&w->services[WD_SVC_AUTH])) {
        (void) ngx_http_wizdata_verify_open(ctx, 0);
    }
}


/* Roles give other permissions now: does the token's still allow it? */
static void
ngx_http_wizdata_open_roles(ngx_http_wizdata_ctx_t *ctx)
{
    wd_str_t token;

    if (ctx->verdict.kind != WD_VERDICT_TOKEN
        || ctx->roles == ctx->worker->open_roles)
    {
        return;
    }

    ctx->roles = ctx->worker->open_roles;
    if (ngx_http_wizdata_credential(ctx, &token) != WD_OK
        || ngx_http_wizdata_jwt_allowed(ctx, token) != WD_OK)
    {
        ngx_http_wizdata_open_end(ctx, "the roles of its token have changed");
    }
}


/*
 * A token that is revoked is revoked. A key that was named may only have
 * changed, its plan for one: auth is asked, and no answer means no.
 */
static void
ngx_http_wizdata_open_look(ngx_http_wizdata_ctx_t *ctx, const void *arg)
{
    ngx_http_wizdata_worker_t *w = ctx->worker;

    if (!wd_verdicts_is_revoked(w->verdicts, ctx->digest, &ctx->verdict,
                                ctx->looked))
    {
        ctx->looked = w->open_seq;
        ngx_http_wizdata_open_roles(ctx);
        return;
    }

    if (ctx->verdict.kind == WD_VERDICT_TOKEN) {
        ngx_http_wizdata_open_void(ctx, NGX_HTTP_WIZDATA_BAD_TOKEN);
    } else if (ngx_http_wizdata_verify_open(ctx, 1) != NGX_OK) {
        ngx_http_wizdata_open_void(ctx, NGX_HTTP_WIZDATA_BAD_KEY);
    }
}


static void
ngx_http_wizdata_open_walk(ngx_event_t *ev)
{
    ngx_http_wizdata_worker_t *w = ev->data;

    w->open_seq = wd_verdicts_seq(w->verdicts);
    w->open_roles = ngx_http_wizdata_roles_generation(w);
    ngx_http_wizdata_open_each(w, ngx_http_wizdata_open_look, NULL);
}


static void
ngx_http_wizdata_open_refuse(ngx_http_wizdata_ctx_t *ctx, const void *arg)
{
    if (ngx_memcmp(ctx->digest, arg, NGX_HTTP_WIZDATA_DIGEST) == 0) {
        ngx_http_wizdata_open_void(ctx, NGX_HTTP_WIZDATA_BAD_KEY);
    }
}


void
ngx_http_wizdata_open_refused(ngx_http_wizdata_worker_t *w,
    const u_char *digest)
{
    ngx_http_wizdata_open_each(w, ngx_http_wizdata_open_refuse, digest);
}


typedef struct {
    const u_char                     *digest;
    const ngx_http_wizdata_verdict_t *verdict;
    uint64_t                          asked;
} ngx_http_wizdata_open_news_t;


/* The key is good; does it still allow what is being answered? */
static void
ngx_http_wizdata_open_learn(ngx_http_wizdata_ctx_t *ctx, const void *arg)
{
    int                                 rc;
    ngx_http_wizdata_verdict_t          was = ctx->verdict;
    const ngx_http_wizdata_open_news_t *news = arg;

    if (ngx_memcmp(ctx->digest, news->digest, NGX_HTTP_WIZDATA_DIGEST) != 0) {
        return;
    }

    ctx->verdict = *news->verdict;
    rc = ngx_http_wizdata_auth_allowed(ctx);
    ctx->verdict = was;
    ctx->verdict.expires = news->verdict->expires;
    ctx->seen = news->verdict->checked;
    ctx->looked = news->asked;

    if (rc != WD_OK) {
        ngx_http_wizdata_open_end(ctx, ctx->error.text);
    }
}


void
ngx_http_wizdata_open_known(ngx_http_wizdata_worker_t *w,
    const u_char *digest, const ngx_http_wizdata_verdict_t *verdict,
    uint64_t asked)
{
    ngx_http_wizdata_open_news_t news = {digest, verdict, asked};

    ngx_http_wizdata_open_each(w, ngx_http_wizdata_open_learn, &news);
}


/* At the end of this turn, once for all that arrived in it. */
void
ngx_http_wizdata_open_check(ngx_http_wizdata_worker_t *w)
{
    if (!w->open_walk.posted) {
        ngx_post_event(&w->open_walk, &ngx_posted_events);
    }
}


static void
ngx_http_wizdata_open_tick(ngx_event_t *ev)
{
    ngx_http_wizdata_worker_t *w = ev->data;

    if (w->open_seq != wd_verdicts_seq(w->verdicts)
        || w->open_roles != ngx_http_wizdata_roles_generation(w))
    {
        ngx_http_wizdata_open_walk(&w->open_walk);
    }
    ngx_http_wizdata_open_each(w, ngx_http_wizdata_open_recheck, NULL);

    if (!ngx_queue_empty(&w->open)) {
        ngx_add_timer(ev, NGX_HTTP_WIZDATA_OPEN_TICK);
    }
}


/* ---- tokens ------------------------------------------------------------- */

/* Nothing speaks against it: it is remembered, and used. */
void
ngx_http_wizdata_token_granted(ngx_http_wizdata_ctx_t *ctx)
{
    wd_verdicts_t              *t = ctx->worker->verdicts;
    ngx_http_wizdata_verdict_t *v = &ctx->verdict;

    /* It may have been revoked while auth was asked. */
    if (wd_verdicts_token_revoked(t, v->jti, v->owner, v->iat)) {
        ngx_http_wizdata_count(ctx, JWT_REVOKED, 1);
        ngx_http_wizdata_auth_refused(ctx,
                                      NGX_HTTP_WIZDATA_REFUSAL_TOKEN_REVOKED,
                                      NGX_HTTP_WIZDATA_BAD_TOKEN);
        return;
    }

    /* So may have what it was judged by. */
    if (wd_verdicts_epoch(t) != v->epoch) {
        ngx_http_wizdata_jwt_anew(ctx);
        return;
    }

    (void) wd_verdicts_put(t, ctx->digest, v, ngx_http_wizdata_verdict_now());
    ctx->has_digest = 1;
    ngx_http_wizdata_auth_known(ctx);
}


static ngx_int_t
ngx_http_wizdata_token_verdict(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_token_t *token)
{
    ngx_http_wizdata_worker_t  *w = ctx->worker;
    wd_verdicts_t              *t = w->verdicts;
    ngx_http_wizdata_verdict_t  v;

    ngx_memzero(&v, sizeof(v));
    v.kind = WD_VERDICT_TOKEN;
    v.policy = ngx_http_wizdata_jwt_policy(w->conf);
    v.epoch = token->epoch;
    v.principal = token->principal;
    v.plan = token->plan;
    v.perms = token->perms;
    v.expires = token->expires;
    v.iat = token->iat;
    v.bits = ngx_http_wizdata_verdict_bits(token->perms);
    v.label = NGX_HTTP_WIZDATA_KEYS;
    if (token->jti.len != 0) {
        v.jti = wd_verdicts_hash(t, WD_REVOKE_JTI, token->jti);
    }
    v.owner = wd_verdicts_hash(t, WD_REVOKE_SUB, token->sub);

    return ngx_http_wizdata_verdict_keep(ctx->request->pool, &v,
                                         &ctx->verdict);
}


void
ngx_http_wizdata_auth_token(ngx_http_wizdata_ctx_t *ctx,
    const ngx_http_wizdata_token_t *token)
{
    ngx_http_wizdata_worker_t  *w = ctx->worker;
    ngx_http_wizdata_verdict_t *v = &ctx->verdict;

    if (ngx_http_wizdata_token_verdict(ctx, token) != NGX_OK) {
        ngx_http_wizdata_auth_unavailable(ctx);
        return;
    }

    if (!w->rules.tokens_ask
        || wd_verdicts_token_revoked(w->verdicts, v->jti, v->owner, v->iat)
        || wd_verdicts_tokens_covered(w->verdicts,
                                      ngx_http_wizdata_verdict_now()))
    {
        ngx_http_wizdata_token_granted(ctx);
        return;
    }
    ngx_http_wizdata_verify_token(ctx, token);
}


void
ngx_http_wizdata_auth_forget(ngx_http_wizdata_worker_t *w)
{
    wd_verdicts_forget_tokens(w->verdicts);
}


/* ---- notifications ------------------------------------------------------ */

void
ngx_http_wizdata_revoke_beat(ngx_http_wizdata_worker_t *w, ngx_msec_t since)
{
    wd_verdicts_beat(w->verdicts, (wd_ns_t) since * WD_NS_PER_MS,
                     ngx_http_wizdata_verdict_now().mono);
}


/* The head of both: [[...], at]; `at` may be absent. */
static ngx_int_t
ngx_http_wizdata_revoke_head(wd_str_t params, wd_mp_t *ret_items,
    uint32_t *ret_n, wd_ns_t *ret_at)
{
    uint32_t n;
    wd_mp_t  c = wd_mp(params.data, params.len);

    *ret_at = 0;
    if (wd_mp_read_array(&c, &n) != WD_OK || n < 1 || n > 2) {
        return NGX_ERROR;
    }

    *ret_items = c;
    if (wd_mp_skip(&c) != WD_OK
        || (n == 2 && wd_mp_read_int(&c, ret_at) != WD_OK)
        || wd_mp_read_array(ret_items, ret_n) != WD_OK)
    {
        return NGX_ERROR;
    }
    return NGX_OK;
}


/* Counted by the worker that was the first to hear of it. */
static void
ngx_http_wizdata_revoke_observe(ngx_http_wizdata_worker_t *w, ngx_uint_t news,
    wd_ns_t at)
{
    if (news && at > 0) {
        ngx_http_wizdata_observe(w, REVOCATION_SECONDS, wd_now() - at);
    }
    ngx_http_wizdata_open_check(w);
}


ngx_int_t
ngx_http_wizdata_auth_revoke(ngx_http_wizdata_worker_t *w, wd_str_t params)
{
    u_char            digest[NGX_HTTP_WIZDATA_DIGEST];
    wd_ns_t           at;
    wd_mp_t           c;
    uint32_t          n;
    wd_str_t          hex;
    ngx_uint_t        news = 0;
    wd_verdict_now_t  now = ngx_http_wizdata_verdict_now();

    if (ngx_http_wizdata_revoke_head(params, &c, &n, &at) != NGX_OK) {
        return NGX_ERROR;
    }

    if (n == 0) {
        wd_verdicts_revoke_all(w->verdicts, now);
        ngx_http_wizdata_verify_crossed(w, NULL);
        ngx_http_wizdata_open_check(w);
        return NGX_OK;
    }

    while (n-- != 0) {
        if (wd_mp_read_str(&c, &hex) != WD_OK
            || !wd_hex_decode(hex, digest, sizeof(digest)))
        {
            return NGX_ERROR;
        }
        if (wd_verdicts_revoke(w->verdicts, digest, now)) {
            news++;
        }
        ngx_http_wizdata_verify_crossed(w, digest);
    }

    ngx_http_wizdata_count(w, REVOKED_KEYS, news);
    ngx_http_wizdata_revoke_observe(w, news, at);
    return NGX_OK;
}


/* One of [kind, value, number]. NGX_DECLINED: that was known. */
static ngx_int_t
ngx_http_wizdata_revoke_row(ngx_http_wizdata_worker_t *w, wd_mp_t *c,
    wd_verdict_now_t now)
{
    bool      news;
    int64_t   number;
    uint32_t  n;
    wd_str_t  kind, value;

    if (wd_mp_read_array(c, &n) != WD_OK || n != 3
        || wd_mp_read_str(c, &kind) != WD_OK
        || wd_mp_read_str(c, &value) != WD_OK
        || wd_mp_read_int(c, &number) != WD_OK
        || value.len > NGX_HTTP_WIZDATA_NAME_MAX)
    {
        return NGX_ERROR;
    }

    if (wd_str_eq_z(kind, "jti")) {
        news = wd_verdicts_revoke_named(w->verdicts, WD_REVOKE_JTI, value,
                                        number, now);
        ngx_http_wizdata_count(w, REVOKED_TOKENS, news);

    } else if (wd_str_eq_z(kind, "sub")) {
        news = wd_verdicts_revoke_named(w->verdicts, WD_REVOKE_SUB, value,
                                        number, now);
        ngx_http_wizdata_count(w, REVOKED_SUBJECTS, news);

    } else if (wd_str_eq_z(kind, "uid")) {
        /* Verdicts live no longer than that without being asked again. */
        news = wd_verdicts_revoke_named(w->verdicts, WD_REVOKE_OWNER, value,
                                        now.wall + w->rules.key_ttl
                                            + WD_NS_PER_MIN, now);
        ngx_http_wizdata_count(w, REVOKED_SUBJECTS, news);
        ngx_http_wizdata_verify_crossed(w, NULL);

    } else if (wd_str_eq_z(kind, "all")) {
        news = wd_verdicts_revoke_before(w->verdicts, number);
        ngx_http_wizdata_count(w, REVOKED_ALL, news);

    } else {
        return NGX_ERROR; /* what is not understood cannot be obeyed */
    }
    return news ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_http_wizdata_auth_revoke_token(ngx_http_wizdata_worker_t *w,
    wd_str_t params)
{
    wd_ns_t          at;
    wd_mp_t          c;
    uint32_t         n;
    ngx_int_t        rc;
    ngx_uint_t       news = 0;
    wd_verdict_now_t now = ngx_http_wizdata_verdict_now();

    if (ngx_http_wizdata_revoke_head(params, &c, &n, &at) != NGX_OK) {
        return NGX_ERROR;
    }

    while (n-- != 0) {
        rc = ngx_http_wizdata_revoke_row(w, &c, now);
        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }
        news += rc == NGX_OK;
    }

    ngx_http_wizdata_revoke_observe(w, news, at);
    return NGX_OK;
}
