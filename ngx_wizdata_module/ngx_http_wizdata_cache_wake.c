/*
 * ngx_http_wizdata_cache_wake.c - this worker among the others: requests that
 * wait for another's call, and the file that wakes us when it is over.
 *
 * The master makes an eventfd per place before it forks, so every worker has
 * all of them under the same numbers, which stand in shared memory.
 */
#include "ngx_http_wizdata.h"

#include <sys/eventfd.h>

/* A killed leader is noticed after that, if nobody tells. */
#define NGX_HTTP_WIZDATA_CACHE_LOOK 200

/* Workers of this and of earlier configurations that may be alive at once. */
#define NGX_HTTP_WIZDATA_CACHE_GENERATIONS 4
#define NGX_HTTP_WIZDATA_CACHE_SPARE 16

#define NGX_HTTP_WIZDATA_CACHE_RECLAIM 256 /* entries in a turn of the loop */

/* Requests whose keys are remembered, and how long their bytes may be. */
#define NGX_HTTP_WIZDATA_CACHE_KEYS 1024
#define NGX_HTTP_WIZDATA_CACHE_KEY_BYTES 400


/* ---- waking others ------------------------------------------------------ */

void
ngx_http_wizdata_cache_wake(ngx_http_wizdata_worker_t *w,
    const wd_rcache_set_t *who)
{
    int         fd;
    ngx_uint_t  i, n = (ngx_uint_t) wd_rcache_places(w->cache->store);
    uint64_t    one = 1;

    for (i = 0; i < n; i++) {
        if (!(who->bits[i / 64] >> (i % 64) & 1)) {
            continue;
        }
        fd = wd_rcache_wake_get(w->cache->store, (int) i);
        if (fd != -1 && write(fd, &one, sizeof(one)) != sizeof(one)
            && ngx_errno != NGX_EAGAIN)
        {
            ngx_log_error(NGX_LOG_ALERT, w->cycle->log, ngx_errno,
                          "wizdata: cannot wake another worker");
        }
    }
}


/* ---- waiting ------------------------------------------------------------ */

static ngx_queue_t *
ngx_http_wizdata_cache_bucket(ngx_http_wizdata_worker_t *w, const u_char *key)
{
    return &w->cache->waiters[key[WD_CACHEKEY_LEN - 1]];
}


static void
ngx_http_wizdata_cache_look(ngx_event_t *ev)
{
    ngx_http_wizdata_ctx_t *ctx = ev->data;

    ngx_http_wizdata_cache_unpark(ctx);
    ngx_http_wizdata_cache_resume(ctx, WD_OK);
}


void
ngx_http_wizdata_cache_park(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_cached_t    *k = ctx->cache;
    ngx_http_wizdata_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(ctx->request, ngx_http_wizdata_module);

    if (k->since == 0) {
        k->since = (wd_ns_t) ngx_http_wizdata_clock();
    }
    k->waiting = 1;
    ngx_queue_insert_tail(ngx_http_wizdata_cache_bucket(ctx->worker, k->key),
                          &k->link);
    ngx_http_wizdata_gauge_add(ctx, CACHE_WAITERS, 1);

    k->timer.data = ctx;
    k->timer.handler = ngx_http_wizdata_cache_look;
    k->timer.log = ctx->request->connection->log;
    ngx_add_timer(&k->timer, ngx_min(lcf->cache.lock_timeout,
                                     NGX_HTTP_WIZDATA_CACHE_LOOK));
    ngx_http_wizdata_watch_client(ctx->request);
}


void
ngx_http_wizdata_cache_unpark(ngx_http_wizdata_ctx_t *ctx)
{
    ngx_http_wizdata_cached_t *k = ctx->cache;

    if (!k->waiting) {
        return;
    }

    k->waiting = 0;
    ngx_queue_remove(&k->link);
    ngx_http_wizdata_gauge_add(ctx, CACHE_WAITERS, -1);
    if (k->timer.timer_set) {
        ngx_del_timer(&k->timer);
    }
}


/* ---- being woken -------------------------------------------------------- */

/*
 * Moves those who wait for `key` (NULL: all of the bucket) to a list of
 * their own, because who goes on may come back to the bucket.
 */
static void
ngx_http_wizdata_cache_pick(ngx_queue_t *bucket, const u_char *key,
    ngx_queue_t *ret)
{
    ngx_queue_t               *q, *next;
    ngx_http_wizdata_cached_t *k;

    ngx_queue_init(ret);
    for (q = ngx_queue_head(bucket); q != ngx_queue_sentinel(bucket); q = next)
    {
        next = ngx_queue_next(q);
        k = ngx_queue_data(q, ngx_http_wizdata_cached_t, link);
        if (key == NULL || ngx_memcmp(k->key, key, WD_CACHEKEY_LEN) == 0) {
            ngx_queue_remove(q);
            ngx_queue_insert_tail(ret, q);
        }
    }
}


static void
ngx_http_wizdata_cache_tell(ngx_http_wizdata_worker_t *w, ngx_queue_t *bucket,
    const wd_rcache_notice_t *n)
{
    int64_t                    took;
    ngx_queue_t                list;
    ngx_http_wizdata_ctx_t    *ctx;
    ngx_http_wizdata_cached_t *k;

    ngx_http_wizdata_cache_pick(bucket, n->at != 0 ? n->key : NULL, &list);

    while (!ngx_queue_empty(&list)) {
        k = ngx_queue_data(ngx_queue_head(&list), ngx_http_wizdata_cached_t,
                           link);
        ctx = k->timer.data;
        if (n->at != 0) {
            took = (int64_t) ngx_http_wizdata_clock() - n->at;
            ngx_http_wizdata_observe(w, CACHE_WAKE_SECONDS, took);
        }
        ngx_http_wizdata_cache_unpark(ctx);
        ngx_http_wizdata_cache_resume(ctx, n->code);
    }
}


static void
ngx_http_wizdata_cache_tell_all(ngx_http_wizdata_worker_t *w)
{
    ngx_uint_t         i;
    wd_rcache_notice_t any;

    ngx_memzero(&any, sizeof(any));
    for (i = 0; i < NGX_HTTP_WIZDATA_CACHE_BUCKETS; i++) {
        ngx_http_wizdata_cache_tell(w, &w->cache->waiters[i], &any);
    }
}


static void
ngx_http_wizdata_cache_woken(ngx_event_t *ev)
{
    int                         rc;
    uint64_t                    n;
    ngx_connection_t           *c = ev->data;
    wd_rcache_notice_t          notice;
    ngx_http_wizdata_worker_t  *w = c->data;

    if (c->close) { /* the worker is about to end, but waits for requests */
        c->close = 0;
        c->idle = 0;
    }

    if (read(c->fd, &n, sizeof(n)) == -1 && ngx_errno != NGX_EAGAIN) {
        ngx_log_error(NGX_LOG_ALERT, c->log, ngx_errno,
                      "wizdata: cannot read what woke this worker");
    }

    for ( ;; ) {
        rc = wd_rcache_notice(w->cache->store, w->cache->place, &notice);
        if (rc == WD_EAGAIN) {
            return;
        }
        if (rc == WD_EOVERFLOW) {
            ngx_http_wizdata_cache_tell_all(w);
            continue;
        }
        ngx_http_wizdata_cache_tell(
            w, ngx_http_wizdata_cache_bucket(w, notice.key), &notice);
    }
}


static ngx_int_t
ngx_http_wizdata_cache_listen(ngx_http_wizdata_worker_t *w, int fd)
{
    ngx_connection_t *c;

    c = ngx_get_connection(fd, w->cycle->log);
    if (c == NULL) {
        return NGX_ERROR;
    }

    c->data = w;
    c->idle = 1;
    c->log = w->cycle->log;
    c->read->log = c->write->log = c->log;
    c->read->handler = ngx_http_wizdata_cache_woken;
    w->cache->wake = c;

    return ngx_add_event(c->read, NGX_READ_EVENT,
                         ngx_event_flags & NGX_USE_CLEAR_EVENT
                             ? NGX_CLEAR_EVENT : NGX_LEVEL_EVENT);
}


/* ---- memory of what was purged ------------------------------------------ */

static void
ngx_http_wizdata_cache_reclaim(ngx_event_t *ev)
{
    ngx_http_wizdata_worker_t *w = ev->data;

    if (wd_rcache_reclaim(w->cache->store, NGX_HTTP_WIZDATA_CACHE_RECLAIM)
        >= NGX_HTTP_WIZDATA_CACHE_RECLAIM)
    {
        ngx_post_event(ev, &ngx_posted_next_events);
    }
}


/* ---- life --------------------------------------------------------------- */

static ngx_uint_t
ngx_http_wizdata_cache_places(ngx_cycle_t *cycle, wd_rcache_t *store)
{
    ngx_uint_t       n;
    ngx_core_conf_t *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    n = (ngx_uint_t) ngx_max(ccf->worker_processes, 1)
        * NGX_HTTP_WIZDATA_CACHE_GENERATIONS + NGX_HTTP_WIZDATA_CACHE_SPARE;
    return ngx_min(n, (ngx_uint_t) wd_rcache_places(store));
}


/* What the zone before had; its workers have files of their own. */
static void
ngx_http_wizdata_cache_close_files(wd_rcache_t *store)
{
    int i, fd;

    for (i = 0; i < wd_rcache_places(store); i++) {
        fd = wd_rcache_wake_get(store, i);
        if (fd != -1) {
            (void) close(fd);
        }
    }
}


ngx_int_t
ngx_http_wizdata_cache_init_module(ngx_cycle_t *cycle,
    ngx_http_wizdata_cache_main_t *conf)
{
    int          fd;
    ngx_uint_t   i, n;
    wd_rcache_t *store;

    if (conf->zone == NULL) {
        return NGX_OK;
    }

    if (conf->replaced != NULL) {
        ngx_http_wizdata_cache_close_files(conf->replaced);
        conf->replaced = NULL;
    }

    store = conf->zone->data;
    n = ngx_http_wizdata_cache_places(cycle, store);
    for (i = 0; i < n; i++) {
        if (wd_rcache_wake_get(store, (int) i) != -1) {
            continue;
        }
        fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);
        if (fd == -1) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                          "wizdata: eventfd() failed");
            return NGX_ERROR;
        }
        wd_rcache_wake_set(store, (int) i, fd);
    }
    return NGX_OK;
}


ngx_int_t
ngx_http_wizdata_cache_init_worker(ngx_http_wizdata_worker_t *w)
{
    int                              fd = -1;
    ngx_uint_t                       i;
    wd_rcache_set_t                  who;
    ngx_http_wizdata_cache_worker_t *k;

    if (w->conf->cache.zone == NULL) {
        return NGX_OK;
    }

    k = ngx_pcalloc(w->cycle->pool, sizeof(*k));
    if (k == NULL) {
        return NGX_ERROR;
    }
    k->keys = wd_memo_create(NGX_HTTP_WIZDATA_CACHE_KEYS,
                             NGX_HTTP_WIZDATA_CACHE_KEY_BYTES);
    if (k->keys == NULL) {
        return NGX_ERROR;
    }

    k->store = w->conf->cache.zone->data;
    for (i = 0; i < NGX_HTTP_WIZDATA_CACHE_BUCKETS; i++) {
        ngx_queue_init(&k->waiters[i]);
    }
    k->reclaim.data = w;
    k->reclaim.handler = ngx_http_wizdata_cache_reclaim;
    k->reclaim.log = w->cycle->log;
    wd_buf_init(&k->scratch, 0);
    wd_buf_init(&k->scope, 0);
    w->cache = k;

    k->place = wd_rcache_join(k->store);
    if (k->place != -1) {
        fd = wd_rcache_wake_get(k->store, k->place);
    }
    if (fd == -1) {
        k->place = -1;
    } else if (ngx_http_wizdata_cache_listen(w, fd) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_wizdata_second_init(w) != NGX_OK) {
        return NGX_ERROR;
    }

    /* Who was killed may have left others waiting. */
    wd_rcache_bury(k->store, (wd_ns_t) ngx_http_wizdata_clock(), &who);
    ngx_http_wizdata_cache_wake(w, &who);
    return NGX_OK;
}


void
ngx_http_wizdata_cache_done_worker(ngx_http_wizdata_worker_t *w)
{
    wd_rcache_set_t                  who;
    ngx_http_wizdata_cache_worker_t *k = w->cache;

    if (k == NULL) {
        return;
    }

    if (k->reclaim.posted) {
        ngx_delete_posted_event(&k->reclaim);
    }
    if (k->wake != NULL) { /* the file stays: others write to it */
        (void) ngx_del_event(k->wake->read, NGX_READ_EVENT, 0);
        ngx_free_connection(k->wake);
        k->wake->fd = (ngx_socket_t) -1;
    }
    if (k->place != -1) {
        wd_rcache_leave(k->store, k->place,
                        (wd_ns_t) ngx_http_wizdata_clock(), &who);
        ngx_http_wizdata_cache_wake(w, &who);
    }
    wd_buf_done(&k->scratch);
    wd_buf_done(&k->scope);
    wd_memo_destroy(k->keys);
}
