/*
 * analytics_purge.c - from the bus to the gateways' caches.
 */
#include "analytics_purge.h"

#include "analytics_store.h"
#include "analytics_tags.h"
#include "wd_listen.h"
#include "wd_topic.h"

#include <stdlib.h>

#define PURGE_EVENTS 100 /* read at a time */
#define PURGE_POOL_BLOCK 16384

struct analytics_purge {
    wd_service_t *service;
    wd_listen_t  *listen;
    int64_t       last; /* offset of the event read last; listen thread */

    /* loop thread */
    int64_t seq; /* number of the last purge */
    wd_ns_t beat; /* when the last beat was sent; monotonic, 0: never */
};

/* One cache.purge, on its way to the loop. */
typedef struct {
    analytics_purge_t *purge;
    wd_ns_t            at;
    bool               everything;
    uint32_t           n;
    wd_buf_t           tags;
} purge_news_t;


static purge_news_t *
purge_news_create(analytics_purge_t *p, wd_ns_t at)
{
    purge_news_t *n;

    n = calloc(1, sizeof(*n));
    if (n != NULL) {
        n->purge = p;
        n->at = at;
    }
    return n;
}


static void
purge_news_destroy(purge_news_t *n)
{
    wd_buf_done(&n->tags);
    free(n);
}


/* ---- loop thread -------------------------------------------------------- */

/*
 * Purges are numbered without gaps, so that a gateway sees from the beats
 * when it missed one. What is not known to have been purged makes a gap; so
 * does a purge that cannot be sent for want of memory.
 */
static void
purge_on_news(void *arg)
{
    wd_buf_t           params = WD_BUF_INIT;
    purge_news_t      *n = arg;
    analytics_purge_t *p = n->purge;

    p->seq += n->everything ? 2 : 1;
    wd_mp_put_array(&params, 3);
    wd_mp_put_array(&params, n->n);
    wd_buf_str(&params, wd_buf_view(&n->tags));
    wd_mp_put_int(&params, n->at);
    wd_mp_put_int(&params, p->seq);
    if (params.err == WD_OK) {
        wd_rpc_server_notify(wd_service_rpc(p->service), WD_N_PURGE,
                             wd_buf_view(&params));
    }
    wd_buf_done(&params);
    purge_news_destroy(n);
}


static void
purge_on_beat(void *arg)
{
    wd_buf_t           params = WD_BUF_INIT;
    analytics_purge_t *p = arg;

    p->beat = wd_monotonic();
    wd_mp_put_array(&params, 1);
    wd_mp_put_int(&params, p->seq);
    if (params.err == WD_OK) {
        wd_rpc_server_notify(wd_service_rpc(p->service), WD_N_CACHE_BEAT,
                             wd_buf_view(&params));
    }
    wd_buf_done(&params);
}


/*
 * A gateway whose workers are replaced hears nothing for a moment. That it
 * missed a purge it learns from the number, and not only with the next beat.
 */
static void
purge_on_connect(wd_rpc_peer_t *peer, void *arg)
{
    wd_buf_t           params = WD_BUF_INIT;
    analytics_purge_t *p = arg;

    if (p->beat == 0
        || wd_monotonic() - p->beat > ANALYTICS_BEAT_MS * WD_NS_PER_MS) {
        return; /* whether all commits are heard is not known now */
    }

    wd_mp_put_array(&params, 1);
    wd_mp_put_int(&params, p->seq);
    if (params.err == WD_OK) {
        wd_rpc_peer_notify(peer, WD_N_CACHE_BEAT, wd_buf_view(&params));
    }
    wd_buf_done(&params);
}


/* ---- listen thread ------------------------------------------------------ */

/*
 * Takes the news over. Without memory: the connection is made anew, and then
 * everything is purged.
 */
static int
purge_post(purge_news_t *n)
{
    if (n->tags.err != WD_OK
        || !wd_service_post(n->purge->service, purge_on_news, n)) {
        purge_news_destroy(n);
        return WD_ENOMEM;
    }
    return WD_OK;
}


static int
purge_everything(analytics_purge_t *p, wd_ns_t at)
{
    purge_news_t *n = purge_news_create(p, at);

    if (n == NULL) {
        return WD_ENOMEM;
    }
    n->everything = true;
    wd_mp_put_z(&n->tags, ANALYTICS_TAG_EVERYTHING);
    n->n = 1;
    return purge_post(n);
}


static int
purge_event(analytics_purge_t *p, const analytics_commit_t *row)
{
    int           rc;
    wd_pool_t    *pool = wd_pool_create(PURGE_POOL_BLOCK);
    purge_news_t *n = purge_news_create(p, row->at);

    rc = pool != NULL && n != NULL ? analytics_tags_of_event(
             row->event, row->symbols, pool, &n->tags, &n->n)
                                   : WD_ENOMEM;
    wd_pool_destroy(pool);

    if (rc == WD_OK) {
        return purge_post(n);
    }
    if (n != NULL) {
        purge_news_destroy(n);
    }
    return rc == WD_EPROTO ? purge_everything(p, row->at) : rc;
}


/* An offset that is not the next one: the topic is not the one it was. */
static int
purge_row(const analytics_commit_t *row, void *arg)
{
    int                rc;
    analytics_purge_t *p = arg;

    rc = row->offset == p->last + 1 ? purge_event(p, row)
                                    : purge_everything(p, row->at);
    p->last = row->offset;
    return rc;
}


/* The topic ends before or behind what was read: it was emptied, or cut. */
static int
purge_check_end(analytics_purge_t *p, wd_pg_conn_t *c, wd_error_t *err)
{
    int     rc;
    int64_t last;

    rc = analytics_store_commits_last(c, &last, err);
    if (rc == WD_OK && last < p->last) {
        p->last = last;
        rc = purge_everything(p, 0);
    }
    return rc;
}


static int
purge_work(wd_pg_conn_t *c, void *arg, wd_error_t *err)
{
    int                rc;
    size_t             n;
    analytics_purge_t *p = arg;

    do {
        rc = analytics_store_commits(c, p->last, PURGE_EVENTS, purge_row, p, &n,
                                  err);
    } while (rc == WD_OK && n == PURGE_EVENTS);

    return rc == WD_OK && n == 0 ? purge_check_end(p, c, err) : rc;
}


static int
purge_heard(wd_str_t payload, void *arg, bool *ret_work)
{
    (void) arg;
    *ret_work |= wd_str_eq_z(payload, wd_topic_name(WD_TOPIC_VALID));
    return WD_OK;
}


/* What was committed while nobody listened is not known. */
static int
purge_open(wd_pg_conn_t *c, void *arg, wd_error_t *err)
{
    int                rc;
    analytics_purge_t *p = arg;

    rc = analytics_store_listen(c, err);
    if (rc == WD_OK) {
        rc = analytics_store_commits_last(c, &p->last, err);
    }
    if (rc != WD_OK) {
        return rc;
    }

    rc = purge_everything(p, 0);
    return rc == WD_OK ? WD_OK : wd_error(err, rc, "no memory");
}


/* A beat that is lost for want of memory is missed, which is right. */
static int
purge_beat(void *arg)
{
    analytics_purge_t *p = arg;

    wd_service_post(p->service, purge_on_beat, p);
    return WD_OK;
}


/* ---- life --------------------------------------------------------------- */

bool
analytics_purge_hears(const analytics_purge_t *p)
{
    return wd_listen_hears(p->listen);
}


int
analytics_purge_start(wd_service_t *service, const char *url,
                      analytics_purge_t **ret, wd_error_t *err)
{
    int                rc;
    analytics_purge_t *p;
    wd_listen_spec_t   spec = {
          .what = "commits",
          .app_name = "wizdata-analytics-purge",
          .beat_ms = ANALYTICS_BEAT_MS,
          .log = wd_service_log(service),
          .open = purge_open,
          .heard = purge_heard,
          .work = purge_work,
          .beat = purge_beat,
    };

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    p->service = service;
    spec.arg = p;
    wd_rpc_server_on_connect(wd_service_rpc(service), purge_on_connect, p);
    rc = wd_listen_start(&spec, url, &p->listen, err);
    if (rc != WD_OK) {
        free(p);
        return rc;
    }
    *ret = p;
    return WD_OK;
}


void
analytics_purge_stop(analytics_purge_t *p)
{
    if (p != NULL) {
        wd_listen_stop(p->listen);
    }
}


void
analytics_purge_destroy(analytics_purge_t *p)
{
    if (p != NULL) {
        wd_listen_destroy(p->listen);
        free(p);
    }
}
