/*
 * ingestion_feed.c - instruments and tokens for the stream, from a thread that
 * may wait.
 */
#include "ingestion_feed.h"

#include "ingestion_fetcher.h"
#include "ingestion_publisher.h"
#include "ingestion_store_collections.h"
#include "ingestion_wait.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define FEED_MS 1000 /* changes are seen this late */
#define FEED_TOKEN_MS 50 /* while one is waited for */
#define FEED_JOIN_MS 3000

struct ingestion_feed {
    ingestion_thread_t   t;
    ingestion_t         *in;
    wd_service_t        *svc;
    ingestion_fetcher_t *fetcher;
    ingestion_stream_t  *stream; /* the loop's */
    char                 discovery[INGESTION_STREAM_URL_MAX];

    pthread_mutex_t lock; /* next two */
    bool            wants; /* a token */
    bool            refused; /* the last one */

    /* The thread's own. */
    wd_buf_t rics; /* separated by \n, as the stream knows them */
    unsigned generation; /* of the token that the stream has */
};

/* What the loop is to tell the stream. */
typedef struct {
    ingestion_feed_t *feed;
    wd_ns_t           life;
    bool              is_token;
    size_t            len;
    char              text[]; /* a token, or RICs with a \n behind each */
} feed_post_t;


/* ---- loop thread ---------------------------------------------------------- */

static void
on_token_wanted(void *arg, ingestion_stream_t *st, bool refused)
{
    ingestion_feed_t *feed = arg;

    (void) st;
    pthread_mutex_lock(&feed->lock);
    feed->wants = true;
    feed->refused |= refused;
    pthread_mutex_unlock(&feed->lock);
    ingestion_thread_wake(&feed->t);
}


static void
on_stored(void *arg, const ingestion_archived_t *row,
          const wd_records_t *records)
{
    ingestion_feed_t *feed = arg;

    (void) row;
    (void) records;
    ingestion_publisher_wake(feed->in->publisher);
}


static void
set_rics(ingestion_feed_t *feed, const feed_post_t *p)
{
    int      rc;
    size_t   n = 0, bad = 0, max = 0, i;
    wd_str_t rest = wd_str(p->text, p->len), *list;

    for (i = 0; i < p->len; i++) {
        max += p->text[i] == '\n';
    }
    list = calloc(max + 1, sizeof(*list));
    if (list == NULL) {
        return; /* the next change tells again */
    }
    while (n < max && wd_str_split(&rest, '\n', &list[n])) {
        n++;
    }
    rc = ingestion_stream_rics(feed->stream, list, n, &bad);
    if (rc != WD_OK || bad != 0) {
        wd_log_warn(feed->in->log, "not all instruments can be subscribed to",
                    "code", rc, "bad", bad);
    }
    free(list);
}


static void
on_post(void *arg)
{
    feed_post_t *p = arg;

    if (p->is_token) {
        ingestion_stream_token(p->feed->stream, wd_str(p->text, p->len),
                               p->life);
    } else {
        set_rics(p->feed, p);
    }
    sodium_memzero(p->text, p->len);
    free(p);
}


/* ---- the thread ----------------------------------------------------------- */

static bool
post(ingestion_feed_t *feed, wd_str_t text, bool is_token, wd_ns_t life)
{
    feed_post_t *p = malloc(sizeof(*p) + text.len + 1);

    if (p == NULL) {
        return false;
    }
    *p = (feed_post_t){feed, life, is_token, text.len};
    if (text.len != 0) {
        memcpy(p->text, text.data, text.len);
    }
    if (!wd_service_post(feed->svc, on_post, p)) {
        sodium_memzero(p->text, p->len);
        free(p);
        return false;
    }
    return true;
}


static void
on_ric(void *arg, wd_str_t ric)
{
    wd_buf_t *list = arg;

    wd_buf_str(list, ric);
    wd_buf_byte(list, '\n');
}


/* What is to be subscribed to, by the database; else what was so far. */
static void
look_at_rics(ingestion_feed_t *feed)
{
    int        rc = WD_OK;
    wd_buf_t   list = WD_BUF_INIT;
    wd_error_t err = {0};

    if (ingestion_fetcher_may_talk(feed->fetcher)) {
        rc = ingestion_thread_pg(&feed->t);
        if (rc == WD_OK) {
            rc = ingestion_collections_identifiers(feed->t.pg, "lseg", "stream",
                                                   on_ric, &list, &err);
            if (rc != WD_OK) {
                ingestion_thread_pg_failed(&feed->t, rc, &err);
            } else {
                ingestion_thread_pg_worked(&feed->t);
            }
        }
    }
    if (rc == WD_OK && list.err == WD_OK
        && !wd_str_eq(wd_buf_view(&list), wd_buf_view(&feed->rics))
        && post(feed, wd_buf_view(&list), false, 0)) {
        wd_buf_done(&feed->rics);
        feed->rics = list;
        return;
    }
    wd_buf_done(&list);
}


/* A token that is asked for, or a new one in time. True: it still waits. */
static bool
look_at_token(ingestion_feed_t *feed)
{
    int      rc;
    bool     wants, refused;
    char     token[INGESTION_STREAM_TOKEN_MAX];
    wd_ns_t  life = 0;
    unsigned generation = 0;

    pthread_mutex_lock(&feed->lock);
    wants = feed->wants;
    refused = feed->refused;
    feed->refused = false;
    pthread_mutex_unlock(&feed->lock);
    if (feed->rics.len == 0) {
        return false;
    }
    if (refused && feed->generation != 0) {
        ingestion_fetcher_refuse_token(feed->fetcher, feed->generation);
        feed->generation = 0;
        return true;
    }

    rc = ingestion_fetcher_borrow_token(feed->fetcher, token, sizeof(token),
                                        &life, &generation);
    if (rc == WD_OK && (wants || generation != feed->generation)
        && post(feed, wd_str_z(token), true, life)) {
        feed->generation = generation;
        pthread_mutex_lock(&feed->lock);
        feed->wants = false;
        pthread_mutex_unlock(&feed->lock);
        wants = false;
    }
    sodium_memzero(token, sizeof(token));
    return wants;
}


static void *
feed_main(void *arg)
{
    bool              waits;
    ingestion_feed_t *feed = arg;

    while (!ingestion_thread_stops(&feed->t)) {
        look_at_rics(feed);
        waits = look_at_token(feed);
        ingestion_thread_wait(&feed->t, waits ? FEED_TOKEN_MS : FEED_MS);
    }
    ingestion_thread_pg_close(&feed->t);
    return NULL;
}


/* ---- life ----------------------------------------------------------------- */

static int
start_stream(ingestion_feed_t *feed, wd_error_t *err)
{
    ingestion_t            *in = feed->in;
    ingestion_stream_conf_t conf;

    ingestion_stream_conf_init(&conf);
    snprintf(feed->discovery, sizeof(feed->discovery),
             "%s/streaming/pricing/v1/", in->conf.accounts[INGESTION_LSEG].url);
    conf.discovery_url = feed->discovery;
    conf.provider = "lseg";
    conf.dataset = "stream";
    conf.region = "";
    conf.user_agent = "WizData/" WD_VERSION;
    conf.ca_file = in->conf.ca_file;
    conf.allow_http = in->conf.allow_http;
    conf.allow_private = in->conf.allow_private || in->conf.allow_http;
    conf.connect_timeout_ms = in->conf.connect_timeout_ms;
    conf.retry_ms = in->conf.retry_ms;
    conf.archive = in->archive;
    conf.log = in->log;
    conf.token = on_token_wanted;
    conf.stored = on_stored;
    conf.arg = feed;
    return ingestion_stream_start(wd_service_loop(feed->svc), &conf,
                                  &feed->stream)
                   == WD_OK
               ? WD_OK
               : wd_error(err, WD_ENOMEM, "no memory for the stream");
}


int
ingestion_feed_start(ingestion_t *in, wd_service_t *svc, ingestion_feed_t **ret,
                     wd_error_t *err)
{
    int               rc;
    ingestion_feed_t *feed;

    feed = calloc(1, sizeof(*feed));
    if (feed == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the feed");
    }
    *ret = feed;
    feed->in = in;
    feed->svc = svc;
    feed->fetcher = in->fetchers[INGESTION_LSEG];
    pthread_mutex_init(&feed->lock, NULL);
    wd_buf_init(&feed->rics, 0);
    rc = start_stream(feed, err);
    if (rc != WD_OK) {
        return rc;
    }
    return ingestion_thread_start(&feed->t, in->conf.service.db.url, "feed",
                                  in->log, feed_main, feed, err);
}


void
ingestion_feed_ask_stop(ingestion_feed_t *feed)
{
    if (feed != NULL) {
        ingestion_thread_ask_stop(&feed->t);
        ingestion_stream_stop(feed->stream);
    }
}


void
ingestion_feed_join(ingestion_feed_t *feed)
{
    if (feed != NULL) {
        ingestion_thread_join(&feed->t, FEED_JOIN_MS);
    }
}


void
ingestion_feed_destroy(ingestion_feed_t *feed)
{
    if (feed == NULL) {
        return;
    }
    ingestion_feed_join(feed);
    ingestion_stream_destroy(feed->stream);
    wd_buf_done(&feed->rics);
    pthread_mutex_destroy(&feed->lock);
    free(feed);
}


bool
ingestion_feed_state(ingestion_feed_t *feed, ingestion_stream_state_t *ret)
{
    if (feed == NULL || feed->stream == NULL) {
        return false;
    }
    ingestion_stream_state(feed->stream, ret);
    return true;
}
