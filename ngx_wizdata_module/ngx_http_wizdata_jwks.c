/*
 * ngx_http_wizdata_jwks.c - key sets in a worker: read from files, fetched
 * from auth or an https issuer, kept when that fails.
 *
 * A set that is fetched lies in shared memory, where one worker of the host
 * puts it; each parses it for itself when its number changes. All of it
 * happens beside requests: one that needs a key that nobody has waits here.
 */
#include "ngx_http_wizdata_jwt.h"

/* How often others' fetches are looked for. */
#define NGX_HTTP_WIZDATA_JWKS_TICK 1000
#define NGX_HTTP_WIZDATA_JWKS_TICK_WAITED 10

/* A file is looked at no more often, however many ask for it. */
#define NGX_HTTP_WIZDATA_JWKS_POLL_MIN 50

/* A fetch that is not over then is somebody else's to do. */
#define NGX_HTTP_WIZDATA_JWKS_LEASE_MORE 2000


static void ngx_http_wizdata_jwks_timer(ngx_event_t *ev);


wd_ns_t
ngx_http_wizdata_jwks_ns(ngx_msec_t ms)
{
    return (wd_ns_t) ms * WD_NS_PER_MS;
}


static ngx_uint_t
ngx_http_wizdata_jwks_shared(const ngx_http_wizdata_jwks_conf_t *conf)
{
    return conf->kind == NGX_HTTP_WIZDATA_JWKS_AUTH
           || conf->kind == NGX_HTTP_WIZDATA_JWKS_HTTPS
           || conf->kind == NGX_HTTP_WIZDATA_JWKS_DISCOVERY;
}


wd_keyshare_t *
ngx_http_wizdata_jwks_share(const ngx_http_wizdata_jwks_t *s)
{
    return s->worker->conf->jwt->zone->data;
}


void
ngx_http_wizdata_jwks_complain(ngx_http_wizdata_jwks_t *s, const char *why)
{
    if (!s->logged) {
        s->logged = 1;
        ngx_log_error(NGX_LOG_ERR, s->worker->cycle->log, 0,
                      "wizdata: no keys from %V: %s; %s", &s->conf->from, why,
                      s->set != NULL ? "the last ones stay"
                                     : "its tokens cannot be verified");
    }
}


void
ngx_http_wizdata_jwks_works(ngx_http_wizdata_jwks_t *s)
{
    if (s->logged) {
        s->logged = 0;
        ngx_log_error(NGX_LOG_NOTICE, s->worker->cycle->log, 0,
                      "wizdata: keys from %V again", &s->conf->from);
    }
}


int
ngx_http_wizdata_jwks_parse(const ngx_http_wizdata_jwks_conf_t *conf,
    wd_str_t bytes, wd_jwks_t **ret, wd_error_t *err)
{
    int rc;

    if (conf->kind == NGX_HTTP_WIZDATA_JWKS_PEM) {
        return wd_jwks_from_pem(conf->kid, conf->alg, bytes, ret, err);
    }

    rc = wd_jwks_parse(bytes, &conf->options, ret, err);
    if (rc == WD_OK && wd_jwks_len(*ret) == 0) {
        rc = wd_error(err, WD_EINVAL, "no usable key in it%s%s",
                      wd_jwks_left_out(*ret) != 0 ? ": " : "",
                      wd_jwks_left_out_why(*ret));
        wd_jwks_destroy(*ret);
    }
    return rc;
}


/*
 * What was verified with a key that is gone must not count any more: all
 * verdicts are asked for again.
 */
void
ngx_http_wizdata_jwks_replace(ngx_http_wizdata_jwks_t *s, wd_jwks_t *set)
{
    if (!wd_jwks_keeps(set, s->set)) {
        ngx_http_wizdata_auth_forget(s->worker);
    }
    wd_jwks_destroy(s->set);
    s->set = set;
}


/* ---- fetched sets ------------------------------------------------------- */

/* Takes over what any worker has stored since. */
static void
ngx_http_wizdata_jwks_sync(ngx_http_wizdata_jwks_t *s)
{
    wd_buf_t            *buf;
    uint64_t             generation;
    wd_jwks_t           *set;
    wd_error_t           err;
    wd_keyshare_state_t  st;

    wd_keyshare_state(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                      s->conf->name, &st);
    if (st.generation == s->generation) {
        return;
    }

    buf = &s->worker->jwt->scratch;
    if (wd_keyshare_load(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                         s->conf->name, buf, &generation)
        == WD_OK)
    {
        s->generation = generation;
        if (ngx_http_wizdata_jwks_parse(s->conf, wd_buf_view(buf), &set, &err)
            == WD_OK)
        {
            ngx_http_wizdata_jwks_replace(s, set);
        }
    }
    wd_buf_done(buf); /* a quarter of a megabyte */
}


/* A request that waited for keys; it may be gone afterwards. */
static void
ngx_http_wizdata_jwks_look_again(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_connection_t *c = ctx->request->connection;

    ngx_http_wizdata_auth_leave(ctx);
    ngx_http_set_log_request(c->log, ctx->request);
    ngx_http_wizdata_jwt_again(ctx);
    ngx_http_run_posted_requests(c);
}


static void
ngx_http_wizdata_jwks_wake(ngx_http_wizdata_jwks_t *s)
{
    ngx_queue_t all, *q;

    /* Those who wait again are not met again. */
    ngx_queue_init(&all);
    if (!ngx_queue_empty(&s->waiters)) {
        ngx_queue_add(&all, &s->waiters);
        ngx_queue_init(&s->waiters);
    }

    while (!ngx_queue_empty(&all)) {
        q = ngx_queue_head(&all);
        ngx_http_wizdata_jwks_look_again(
            ngx_queue_data(q, ngx_http_wizdata_ctx_t, waiter));
    }
}


/* Others see that the fetch is over at their next look; so do we. */
void
ngx_http_wizdata_jwks_fail(ngx_http_wizdata_jwks_t *s, const char *why)
{
    ngx_http_wizdata_count(s->worker, JWKS_FAILED, 1);
    wd_keyshare_failed(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                       s->conf->name, wd_monotonic());
    ngx_http_wizdata_jwks_complain(s, why);
}


void
ngx_http_wizdata_jwks_fetch_failed(ngx_http_wizdata_jwks_t *s,
    const char *why)
{
    ngx_http_wizdata_jwks_fail(s, why);
    ngx_http_wizdata_jwks_timer(&s->timer);
}


static void
ngx_http_wizdata_jwks_set_failed(ngx_http_wizdata_jwks_t *s, const char *why)
{
    char text[WD_ERROR_TEXT_MAX];

    if (s->conf->kind == NGX_HTTP_WIZDATA_JWKS_DISCOVERY) {
        (void) snprintf(text, sizeof(text), "its jwks_uri: %s", why);
        why = text;
        if (ngx_http_wizdata_discover_again(s, why) == NGX_OK) {
            return;
        }
    }
    ngx_http_wizdata_jwks_fetch_failed(s, why);
}


/* A fetch of this worker is over; `next` in milliseconds. */
void
ngx_http_wizdata_jwks_fetched(ngx_http_wizdata_jwks_t *s, wd_str_t bytes,
    ngx_msec_t next)
{
    wd_ns_t     now = wd_monotonic();
    wd_jwks_t  *set;
    wd_error_t  err = {.text = "out of memory"};

    if (ngx_http_wizdata_jwks_parse(s->conf, bytes, &set, &err) != WD_OK) {
        ngx_http_wizdata_jwks_set_failed(s, err.text);
        return;
    }

    wd_jwks_destroy(set); /* read again from where all read it */
    ngx_http_wizdata_count(s->worker, JWKS_FETCHED, 1);
    wd_keyshare_store(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                      s->conf->name, bytes, now,
                      now + ngx_http_wizdata_jwks_ns(next));
    ngx_http_wizdata_jwks_works(s);
    ngx_http_wizdata_jwks_sync(s);
    ngx_http_wizdata_jwks_timer(&s->timer);
}


/* max-age within bounds; without one the refresh interval. */
static ngx_msec_t
ngx_http_wizdata_jwks_next(const ngx_http_wizdata_jwt_conf_t *jcf,
    int64_t max_age)
{
    ngx_msec_t next = jcf->refresh;

    if (max_age >= 0 && (uint64_t) max_age * 1000 < next) {
        next = (ngx_msec_t) max_age * 1000;
    }
    return ngx_max(next, ngx_min(jcf->refetch, jcf->refresh));
}


static void
ngx_http_wizdata_jwks_answer(void *data, const wd_http_reply_t *reply,
    const char *why)
{
    char                     text[64];
    ngx_http_wizdata_jwks_t *s = data;

    s->fetch = NULL;
    if (reply == NULL) {
        ngx_http_wizdata_jwks_set_failed(s, why);
        return;
    }

    if (reply->status != 200) {
        ngx_snprintf((u_char *) text, sizeof(text),
                     "it answered with status %d%Z", reply->status);
        ngx_http_wizdata_jwks_set_failed(s, text);
        return;
    }
    ngx_http_wizdata_jwks_fetched(
        s, wd_buf_view(&reply->body),
        ngx_http_wizdata_jwks_next(s->worker->conf->jwt, reply->max_age));
}


ngx_int_t
ngx_http_wizdata_jwks_get(ngx_http_wizdata_jwks_t *s,
    ngx_http_wizdata_get_t *get)
{
    s->fetch = ngx_http_wizdata_fetch_start(
        s->worker->conf->jwt, get, s->worker->cycle->log,
        ngx_http_wizdata_jwks_answer, s);
    return s->fetch != NULL ? NGX_OK : NGX_ERROR;
}


/* The lease is ours. */
static void
ngx_http_wizdata_jwks_fetch(ngx_http_wizdata_jwks_t *s)
{
    const char *why = NULL;

    if (s->conf->kind == NGX_HTTP_WIZDATA_JWKS_AUTH) {
        if (s->calling) {
            ngx_http_wizdata_rpc_cancel(&s->rpc);
        }
        ngx_http_wizdata_jwks_call(s);
        return;
    }

    if (s->fetch != NULL) {
        ngx_http_wizdata_fetch_cancel(s->fetch);
        s->fetch = NULL;
        if (s->conf->kind == NGX_HTTP_WIZDATA_JWKS_DISCOVERY) {
            ngx_http_wizdata_discover_cancelled(s);
        }
    }
    if (s->conf->kind == NGX_HTTP_WIZDATA_JWKS_DISCOVERY) {
        why = ngx_http_wizdata_discover(s);
    } else if (ngx_http_wizdata_jwks_get(s, &s->conf->get) != NGX_OK) {
        why = "out of memory";
    }
    if (why != NULL) {
        ngx_http_wizdata_jwks_fail(s, why);
    }
}


static wd_ns_t
ngx_http_wizdata_jwks_lease(const ngx_http_wizdata_jwks_t *s)
{
    ngx_msec_t timeout = s->worker->conf->jwt->timeout;

    if (s->conf->kind == NGX_HTTP_WIZDATA_JWKS_AUTH) {
        timeout = s->worker->conf->timeouts[WD_METHOD_AUTH_JWKS];
    } else if (s->conf->kind == NGX_HTTP_WIZDATA_JWKS_DISCOVERY) {
        timeout *= 3; /* a set, the document, another set */
    }
    return ngx_http_wizdata_jwks_ns(timeout
                                    + NGX_HTTP_WIZDATA_JWKS_LEASE_MORE);
}


/* Fetches when it is time to; true: some fetch ended since the last look. */
static ngx_uint_t
ngx_http_wizdata_jwks_look(ngx_http_wizdata_jwks_t *s)
{
    ngx_uint_t           news;
    wd_keyshare_state_t  st;

    if (!ngx_exiting
        && wd_keyshare_due(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                           s->conf->name, wd_monotonic(),
                           ngx_http_wizdata_jwks_lease(s))
           == WD_KEYSHARE_FETCH)
    {
        ngx_http_wizdata_jwks_fetch(s);
    }

    wd_keyshare_state(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                      s->conf->name, &st);
    news = st.attempts != s->attempts;
    s->attempts = st.attempts;
    if (news && !st.failed) {
        ngx_http_wizdata_jwks_works(s); /* whichever worker has seen it */
    }
    return news;
}


/* ---- waiting ------------------------------------------------------------ */

/* Who has waited long enough is told so by another look at the keys. */
static void
ngx_http_wizdata_jwks_expire(ngx_http_wizdata_jwks_t *s)
{
    ngx_queue_t            *q;
    ngx_http_wizdata_ctx_t *ctx;

    while (!ngx_queue_empty(&s->waiters)) {
        q = ngx_queue_head(&s->waiters);
        ctx = ngx_queue_data(q, ngx_http_wizdata_ctx_t, waiter);
        if ((ngx_msec_int_t) (ctx->wait_until - ngx_current_msec) > 0) {
            return;
        }
        ngx_http_wizdata_jwks_look_again(ctx);
    }
}


static void
ngx_http_wizdata_jwks_rearm(ngx_http_wizdata_jwks_t *s)
{
    ngx_msec_t                   in, soon;
    ngx_http_wizdata_jwt_conf_t *jcf = s->worker->conf->jwt;

    if (ngx_http_wizdata_jwks_shared(s->conf)) {
        in = NGX_HTTP_WIZDATA_JWKS_TICK;
    } else {
        in = jcf->poll;
    }
    if (!ngx_queue_empty(&s->waiters)) {
        soon = ngx_http_wizdata_jwks_shared(s->conf)
                   ? NGX_HTTP_WIZDATA_JWKS_TICK_WAITED
                   : NGX_HTTP_WIZDATA_JWKS_POLL_MIN;
        in = ngx_min(in, soon);
    }

    if (s->timer.timer_set) {
        ngx_del_timer(&s->timer);
    }
    s->timer.cancelable = ngx_queue_empty(&s->waiters);
    ngx_add_timer(&s->timer, in);
}


static void
ngx_http_wizdata_jwks_timer(ngx_event_t *ev)
{
    ngx_uint_t               news = 1;
    ngx_http_wizdata_jwks_t *s = ev->data;

    if (ngx_http_wizdata_jwks_shared(s->conf)) {
        news = ngx_http_wizdata_jwks_look(s);
    } else {
        ngx_http_wizdata_jwks_poll(s);
    }

    if (news) {
        ngx_http_wizdata_jwks_wake(s);
    } else {
        ngx_http_wizdata_jwks_expire(s);
    }
    ngx_http_wizdata_jwks_rearm(s);
}


/* May something newer be had before `left` is over? */
static ngx_http_wizdata_jwks_wait_e
ngx_http_wizdata_jwks_ask(ngx_http_wizdata_jwks_t *s, ngx_msec_t left)
{
    wd_ns_t                      wait;
    wd_keyshare_state_t          st;
    ngx_http_wizdata_jwt_conf_t *jcf = s->worker->conf->jwt;

    if (!ngx_http_wizdata_jwks_shared(s->conf)) {
        return left > NGX_HTTP_WIZDATA_JWKS_POLL_MIN
                   ? NGX_HTTP_WIZDATA_JWKS_WAITING
                   : NGX_HTTP_WIZDATA_JWKS_NOT_NOW;
    }

    switch (wd_keyshare_want(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                             s->conf->name, wd_monotonic(),
                             ngx_http_wizdata_jwks_lease(s),
                             ngx_http_wizdata_jwks_ns(jcf->refetch), &wait))
    {
    case WD_KEYSHARE_FETCH:
        ngx_http_wizdata_jwks_fetch(s);
        return NGX_HTTP_WIZDATA_JWKS_WAITING;
    case WD_KEYSHARE_WAIT:
        return NGX_HTTP_WIZDATA_JWKS_WAITING;
    default:
        break;
    }

    wd_keyshare_state(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                      s->conf->name, &st);
    return st.failed || s->set == NULL ? NGX_HTTP_WIZDATA_JWKS_FAILING
                                       : NGX_HTTP_WIZDATA_JWKS_NOT_NOW;
}


ngx_http_wizdata_jwks_wait_e
ngx_http_wizdata_jwks_wait(ngx_http_wizdata_jwks_t *s,
    ngx_http_wizdata_ctx_t *ctx, ngx_msec_t until)
{
    ngx_msec_int_t                 left;
    ngx_http_wizdata_jwks_wait_e   e;

    left = (ngx_msec_int_t) (until - ngx_current_msec);
    if (left <= 0) {
        /* The fetch has not ended in time: nobody can tell. */
        return ngx_http_wizdata_jwks_shared(s->conf)
                   ? NGX_HTTP_WIZDATA_JWKS_FAILING
                   : NGX_HTTP_WIZDATA_JWKS_NOT_NOW;
    }

    e = ngx_http_wizdata_jwks_ask(s, left);
    if (e != NGX_HTTP_WIZDATA_JWKS_WAITING) {
        return e;
    }

    ctx->waiting = 1;
    ctx->wait_until = until;
    ngx_queue_insert_tail(&s->waiters, &ctx->waiter);
    ngx_http_wizdata_watch_client(ctx->request);
    ngx_http_wizdata_jwks_rearm(s);
    return NGX_HTTP_WIZDATA_JWKS_WAITING;
}


ngx_uint_t
ngx_http_wizdata_jwks_failing(ngx_http_wizdata_jwks_t *s, ngx_uint_t waited)
{
    wd_keyshare_state_t st;

    if (!waited || !ngx_http_wizdata_jwks_shared(s->conf)) {
        return 0;
    }
    wd_keyshare_state(ngx_http_wizdata_jwks_share(s), s->conf->slot,
                      s->conf->name, &st);
    return st.failed;
}


wd_jwk_t *
ngx_http_wizdata_jwks_find(ngx_http_wizdata_jwks_t *s, wd_str_t kid)
{
    if (ngx_http_wizdata_jwks_shared(s->conf)) {
        ngx_http_wizdata_jwks_sync(s);
    }
    return s->set != NULL ? wd_jwks_find(s->set, kid) : NULL;
}


/* ---- life --------------------------------------------------------------- */

void
ngx_http_wizdata_jwks_changed(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t               i;
    ngx_http_wizdata_jwks_t *s;

    for (i = 0; w->jwt != NULL && i < w->jwt->n_sources; i++) {
        s = &w->jwt->sources[i];
        if (s->conf->kind == NGX_HTTP_WIZDATA_JWKS_AUTH) {
            wd_keyshare_outdated(ngx_http_wizdata_jwks_share(s),
                                 s->conf->slot, s->conf->name,
                                 wd_monotonic());
            ngx_http_wizdata_jwks_timer(&s->timer);
        }
    }
}


static void
ngx_http_wizdata_jwks_start(ngx_http_wizdata_jwks_t *s)
{
    s->timer.data = s;
    s->timer.handler = ngx_http_wizdata_jwks_timer;
    s->timer.log = s->worker->cycle->log;
    s->timer.cancelable = 1;
    ngx_queue_init(&s->waiters);
    wd_buf_init(&s->body, WD_JWKS_BYTES_MAX);

    if (ngx_http_wizdata_jwks_shared(s->conf)) {
        ngx_http_wizdata_jwks_sync(s);
        ngx_add_timer(&s->timer, 1);
    } else {
        ngx_http_wizdata_jwks_first(s);
        ngx_http_wizdata_jwks_rearm(s);
    }
}


ngx_int_t
ngx_http_wizdata_jwks_init(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t                     i;
    ngx_http_wizdata_jwt_conf_t   *jcf = w->conf->jwt;
    ngx_http_wizdata_jwks_conf_t  *sources = jcf->sources.elts;
    ngx_http_wizdata_jwt_worker_t *jw;

    jw = ngx_pcalloc(w->cycle->pool, sizeof(ngx_http_wizdata_jwt_worker_t));
    if (jw == NULL) {
        return NGX_ERROR;
    }

    jw->n_sources = jcf->sources.nelts;
    jw->sources = ngx_pcalloc(w->cycle->pool,
                              jw->n_sources
                              * sizeof(ngx_http_wizdata_jwks_t));
    if (jw->sources == NULL) {
        return NGX_ERROR;
    }

    wd_buf_init(&jw->scratch, 0);
    w->jwt = jw;
    if (jcf->issuers.nelts != 0) {
        w->token_handler = ngx_http_wizdata_jwt;
    }
    for (i = 0; i < jw->n_sources; i++) {
        jw->sources[i].worker = w;
        jw->sources[i].conf = &sources[i];
        ngx_http_wizdata_jwks_start(&jw->sources[i]);
    }
    return NGX_OK;
}


void
ngx_http_wizdata_jwks_done(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t               i;
    ngx_http_wizdata_jwks_t *s;

    if (w->jwt == NULL) {
        return;
    }

    for (i = 0; i < w->jwt->n_sources; i++) {
        s = &w->jwt->sources[i];
        if (s->fetch != NULL) {
            ngx_http_wizdata_fetch_cancel(s->fetch);
            s->fetch = NULL;
        }
        wd_jwks_destroy(s->set);
        s->set = NULL;
        wd_buf_done(&s->body);
    }
    wd_buf_done(&w->jwt->scratch);
    wd_roles_destroy(w->jwt->roles);
    w->jwt->roles = NULL;
}


/* An interval that is shorter than before a reload counts at once. */
static size_t
ngx_http_wizdata_jwks_claim_slot(ngx_http_wizdata_jwt_conf_t *jcf,
    const u_char *name, ngx_msec_t interval)
{
    size_t slot = wd_keyshare_claim(jcf->zone->data, name);

    wd_keyshare_due_by(jcf->zone->data, slot, name,
                       wd_monotonic() + ngx_http_wizdata_jwks_ns(interval));
    return slot;
}


/* In the master, before workers are forked. */
void
ngx_http_wizdata_jwks_claim(ngx_http_wizdata_main_conf_t *wmcf)
{
    ngx_uint_t                    i;
    ngx_http_wizdata_jwt_conf_t  *jcf = wmcf->jwt;
    ngx_http_wizdata_jwks_conf_t *sources = jcf->sources.elts;

    wd_verdicts_policy(wmcf->verdicts->data,
                       ngx_http_wizdata_jwt_policy(wmcf));

    for (i = 0; i < jcf->sources.nelts; i++) {
        if (ngx_http_wizdata_jwks_shared(&sources[i])) {
            sources[i].slot = ngx_http_wizdata_jwks_claim_slot(
                jcf, sources[i].name, jcf->refresh);
        }
        if (sources[i].kind == NGX_HTTP_WIZDATA_JWKS_DISCOVERY) {
            sources[i].document_slot = ngx_http_wizdata_jwks_claim_slot(
                jcf, sources[i].document, jcf->rediscover);
        }
    }
}


ngx_int_t
ngx_http_wizdata_jwks_zone_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t *pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (data != NULL) { /* reload: the sets stay */
        zone->data = data;
        return NGX_OK;
    }

    if (zone->shm.exists) {
        zone->data = pool->data;
        return NGX_OK;
    }

    pool->data = ngx_slab_calloc(pool, wd_keyshare_size());
    zone->data = pool->data;
    return zone->data != NULL ? NGX_OK : NGX_ERROR;
}


/* With the pages' own descriptions and the pool's. */
size_t
ngx_http_wizdata_jwks_zone_size(void)
{
    size_t size = wd_keyshare_size();

    return ngx_align(size + size / 64 + 8 * ngx_pagesize, ngx_pagesize);
}
