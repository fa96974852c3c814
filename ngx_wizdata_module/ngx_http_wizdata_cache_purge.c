/*
 * ngx_http_wizdata_cache_purge.c - what backends push: answers that are
 * outdated, and that nothing was missed.
 */
#include "ngx_http_wizdata.h"

#define NGX_HTTP_WIZDATA_PURGE_STEP 64 /* tags at a time */


uint64_t
ngx_http_wizdata_cache_purge(ngx_http_wizdata_worker_t *w,
    const wd_rcache_tag_t *tags, size_t n, ngx_uint_t operator)
{
    uint64_t gone;

    gone = wd_rcache_purge(w->cache->store, tags, n);
    ngx_http_wizdata_second_purge(w, tags, n, operator);
    ngx_http_wizdata_count(w, CACHE_PURGED, gone);
    if (gone != 0) {
        ngx_post_event(&w->cache->reclaim, &ngx_posted_next_events);
    }
    return gone;
}


/* ---- from backends ------------------------------------------------------ */

typedef struct {
    wd_mp_t  tags; /* behind the head of the array */
    uint32_t n;
    int64_t  at; /* wd_ns_t of the commit; 0: unknown */
    int64_t  seq; /* -1: none */
} ngx_http_wizdata_purge_t;


/* All of it is looked at before any of it is done. */
static ngx_int_t
ngx_http_wizdata_purge_tags(wd_mp_t *c, ngx_http_wizdata_purge_t *p)
{
    uint32_t i;
    wd_str_t tag;

    if (wd_mp_read_array(c, &p->n) != WD_OK) {
        return NGX_ERROR;
    }
    p->tags = *c;
    for (i = 0; i < p->n; i++) {
        if (wd_mp_read_str(c, &tag) != WD_OK || tag.len > WD_RCACHE_TAG_MAX) {
            return NGX_ERROR;
        }
    }
    return NGX_OK;
}


/* [[tag, ...]] or [[tag, ...], at, seq] */
static ngx_int_t
ngx_http_wizdata_purge_read(wd_str_t params, ngx_http_wizdata_purge_t *p)
{
    uint32_t n;
    wd_mp_t  c = wd_mp(params.data, params.len);

    ngx_memzero(p, sizeof(*p));
    p->seq = -1;

    if (wd_mp_read_array(&c, &n) != WD_OK || (n != 1 && n != 3)
        || ngx_http_wizdata_purge_tags(&c, p) != NGX_OK)
    {
        return NGX_ERROR;
    }
    if (n == 3
        && (wd_mp_read_int(&c, &p->at) != WD_OK
            || wd_mp_read_int(&c, &p->seq) != WD_OK || p->at < 0
            || p->seq < 0))
    {
        return NGX_ERROR;
    }
    return NGX_OK;
}


static void
ngx_http_wizdata_purge_tag(ngx_http_wizdata_conn_t *conn, wd_str_t tag,
    wd_rcache_tag_t *ret)
{
    if (wd_str_eq(tag, WD_STR("*"))) { /* all of this service */
        wd_rcache_tag_service(conn->peer->service->id, ret);
    } else {
        wd_rcache_tag(tag, ret);
    }
}


static void
ngx_http_wizdata_purge_do(ngx_http_wizdata_conn_t *conn,
    ngx_http_wizdata_purge_t *p)
{
    size_t          n = 0;
    uint32_t        i;
    wd_str_t        tag;
    wd_rcache_tag_t tags[NGX_HTTP_WIZDATA_PURGE_STEP];

    ngx_http_wizdata_worker_t *w = conn->peer->service->worker;

    for (i = 0; i < p->n && wd_mp_read_str(&p->tags, &tag) == WD_OK; i++) {
        ngx_http_wizdata_purge_tag(conn, tag, &tags[n++]);
        if (n == NGX_HTTP_WIZDATA_PURGE_STEP) {
            (void) ngx_http_wizdata_cache_purge(w, tags, n, 0);
            n = 0;
        }
    }
    if (n != 0) {
        (void) ngx_http_wizdata_cache_purge(w, tags, n, 0);
    }
    ngx_http_wizdata_count(w, CACHE_PURGES_TAG, 1);
}


/*
 * A number is done once, whichever worker hears it first. With a second level
 * each worker does it for itself: its look-ups there may be ahead of what
 * another one told. False: another worker did it.
 */
static ngx_uint_t
ngx_http_wizdata_purge_once(ngx_http_wizdata_conn_t *conn,
    ngx_http_wizdata_purge_t *p)
{
    wd_rcache_t  *store = conn->peer->service->worker->cache->store;
    wd_service_e  service = conn->peer->service->id;
    uint64_t      seq = (uint64_t) p->seq;

    if (conn->peer->service->worker->cache->second != NULL) {
        ngx_http_wizdata_purge_do(conn, p);
        wd_rcache_note(store, service, conn->instance, seq,
                       (wd_ns_t) ngx_http_wizdata_clock());
        return 1;
    }

    if (!wd_rcache_claim(store, service, conn->instance, seq)) {
        return 0;
    }
    ngx_http_wizdata_purge_do(conn, p);
    wd_rcache_claim_done(store, service, conn->instance, seq,
                         (wd_ns_t) ngx_http_wizdata_clock());
    return 1;
}


ngx_int_t
ngx_http_wizdata_cache_notify_purge(ngx_http_wizdata_conn_t *conn,
    wd_str_t params)
{
    ngx_http_wizdata_purge_t   p;
    ngx_http_wizdata_worker_t *w = conn->peer->service->worker;

    if (ngx_http_wizdata_purge_read(params, &p) != NGX_OK) {
        return NGX_ERROR;
    }
    if (w->cache == NULL) {
        return NGX_OK;
    }

    if (p.seq < 0) {
        ngx_http_wizdata_purge_do(conn, &p);
    } else if (!ngx_http_wizdata_purge_once(conn, &p)) {
        return NGX_OK;
    }
    if (p.at != 0) {
        ngx_http_wizdata_observe(w, CACHE_PURGE_SECONDS, wd_now() - p.at);
    }
    return NGX_OK;
}


/* [seq] */
ngx_int_t
ngx_http_wizdata_cache_notify_beat(ngx_http_wizdata_conn_t *conn,
    wd_str_t params)
{
    int64_t                    seq;
    uint32_t                   n;
    wd_mp_t                    c = wd_mp(params.data, params.len);
    ngx_http_wizdata_worker_t *w = conn->peer->service->worker;

    if (wd_mp_read_array(&c, &n) != WD_OK || n != 1
        || wd_mp_read_int(&c, &seq) != WD_OK || seq < 0)
    {
        return NGX_ERROR;
    }
    if (w->cache != NULL) {
        wd_rcache_beat(w->cache->store, conn->peer->service->id,
                       conn->instance, (uint64_t) seq,
                       (wd_ns_t) ngx_http_wizdata_clock());
    }
    return NGX_OK;
}
