/*
 * ingestion_publisher.c - from the manifest to topic raw.object.
 */
#include "ingestion_publisher.h"

#include "ingestion_store.h"
#include "ingestion_wait.h"

#include "wd_bus.h"

#include <stdlib.h>

#define BATCH 200 /* events of one transaction */
#define POLL_MS 1000 /* rows of other processes are seen this late */
#define FAILED_MS 500
#define JOIN_MS 3000

struct ingestion_publisher {
    ingestion_thread_t t;
    wd_lake_t         *lake; /* its own: each has a place in the manifest */
    wd_lake_t         *replay_lake;
    wd_log_t          *log;

    pthread_mutex_t             lock; /* state */
    ingestion_publisher_state_t state;
    bool                        shorter; /* told: cursor beyond the lake */
};

/* Events of one transaction. */
typedef struct {
    wd_pg_conn_t *pg;
    wd_error_t   *err;
    wd_buf_t      json;
    int64_t       until; /* last row wanted */
    int64_t       seq; /* last row published */
    int           n;
    int           rc;
} batch_t;


static bool
on_row(const wd_lake_row_t *row, void *arg)
{
    batch_t *b = arg;

    if (row->seq > b->until) {
        return false;
    }
    wd_buf_reset(&b->json);
    wd_lake_event(row, &b->json);
    b->rc = b->json.err != WD_OK
                ? wd_error(b->err, b->json.err, "no memory for an event")
                : wd_bus_publish(b->pg, WD_TOPIC_RAW, wd_buf_view(&b->json),
                                 NULL, b->err);
    if (b->rc != WD_OK) {
        return false;
    }
    b->seq = row->seq;
    return ++b->n < BATCH;
}


/* Rows after `from` up to `until`, at most BATCH. */
static int
publish_rows(ingestion_publisher_t *p, wd_lake_t *lake, int64_t from,
             int64_t until, batch_t *b, wd_error_t *err)
{
    int rc;

    *b = (batch_t){.pg = p->t.pg, .err = err, .until = until, .seq = from};
    wd_buf_init(&b->json, 0);
    rc = wd_lake_rows(lake, from, on_row, b, err);
    wd_buf_done(&b->json);
    if (rc == WD_OK) {
        rc = b->rc;
    }
    return rc == WD_OK && b->n != 0 ? wd_lake_sync(lake, err) : rc;
}


static void
tell_state(ingestion_publisher_t *p, bool healthy, int64_t published)
{
    int64_t last = wd_lake_last(p->lake);

    pthread_mutex_lock(&p->lock);
    p->state.healthy = healthy;
    if (published >= 0) {
        p->state.published = published;
    }
    if (p->state.published >= 0) {
        p->state.lag = last - p->state.published;
    }
    pthread_mutex_unlock(&p->lock);

    if (published > last && !p->shorter) {
        p->shorter = true;
        wd_log_error(p->log,
                     "the lake is shorter than what was published; "
                     "new rows wait until it has grown beyond",
                     "published", published, "objects", last);
    }
}


/* In a transaction; *ret_n: events published. */
static int
publish_new(ingestion_publisher_t *p, int *ret_n, int64_t *ret_cursor,
            wd_error_t *err)
{
    int     rc;
    batch_t b;
    int64_t cursor;

    rc = ingestion_store_cursor_lock(p->t.pg, &cursor, err);
    if (rc != WD_OK) {
        return rc;
    }
    *ret_cursor = cursor;
    rc = publish_rows(p, p->lake, cursor, INT64_MAX, &b, err);
    if (rc == WD_OK && b.n != 0) {
        rc = ingestion_store_cursor_set(p->t.pg, b.seq, err);
        *ret_cursor = b.seq;
    }
    *ret_n = b.n;
    return rc;
}


static int
publish_replay(ingestion_publisher_t *p, int *ret_n, wd_error_t *err)
{
    int     rc;
    batch_t b;
    int64_t id, next, to;

    rc = ingestion_store_replay_lock(p->t.pg, &id, &next, &to, err);
    if (rc != WD_OK) {
        return rc == WD_ENOTFOUND ? WD_OK : rc;
    }
    rc = publish_rows(p, p->replay_lake, next - 1, to, &b, err);
    if (rc != WD_OK) {
        return rc;
    }
    *ret_n += b.n;
    /* The manifest may end before `to`. */
    return ingestion_store_replay_set(p->t.pg, id,
                                      b.n != 0 ? b.seq + 1 : to + 1, err);
}


/* One transaction; *ret_n: events published. */
static int
publish(ingestion_publisher_t *p, int *ret_n, wd_error_t *err)
{
    int     rc;
    int64_t cursor = -1;

    *ret_n = 0;
    rc = wd_pg_begin(p->t.pg, err);
    if (rc == WD_OK) {
        rc = publish_new(p, ret_n, &cursor, err);
    }
    if (rc == WD_OK && *ret_n == 0) {
        rc = publish_replay(p, ret_n, err);
    }
    if (rc == WD_OK) {
        rc = wd_pg_commit(p->t.pg, err);
    } else {
        wd_pg_rollback(p->t.pg);
    }
    tell_state(p, rc == WD_OK, rc == WD_OK ? cursor : -1);
    return rc;
}


static void *
publisher_main(void *arg)
{
    int                    rc, n = 0;
    wd_error_t             err = {0};
    ingestion_publisher_t *p = arg;

    while (!ingestion_thread_stops(&p->t)) {
        if (ingestion_thread_pg(&p->t) != WD_OK) {
            tell_state(p, false, -1);
            ingestion_thread_wait(&p->t, FAILED_MS);
            continue;
        }
        rc = publish(p, &n, &err);
        if (rc != WD_OK) {
            ingestion_thread_pg_failed(&p->t, rc, &err);
            ingestion_thread_wait(&p->t, FAILED_MS);
            continue;
        }
        ingestion_thread_pg_worked(&p->t);
        if (n == 0) {
            ingestion_thread_wait(&p->t, POLL_MS);
        }
    }
    ingestion_thread_pg_close(&p->t);
    return NULL;
}


int
ingestion_publisher_start(const char *url, const char *root, wd_log_t *log,
                          ingestion_publisher_t **ret, wd_error_t *err)
{
    int                    rc;
    ingestion_publisher_t *p;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the publisher");
    }
    *ret = p;
    p->log = log;
    p->state = (ingestion_publisher_state_t){false, -1, -1};
    pthread_mutex_init(&p->lock, NULL);
    rc = wd_lake_open(root, &p->lake, err);
    if (rc != WD_OK) {
        return rc;
    }
    rc = wd_lake_open(root, &p->replay_lake, err);
    if (rc != WD_OK) {
        return rc;
    }
    return ingestion_thread_start(&p->t, url, "publisher", log, publisher_main,
                                  p, err);
}


void
ingestion_publisher_wake(ingestion_publisher_t *p)
{
    ingestion_thread_wake(&p->t);
}


void
ingestion_publisher_ask_stop(ingestion_publisher_t *p)
{
    if (p != NULL) {
        ingestion_thread_ask_stop(&p->t);
    }
}


void
ingestion_publisher_join(ingestion_publisher_t *p)
{
    if (p != NULL) {
        ingestion_thread_join(&p->t, JOIN_MS);
    }
}


void
ingestion_publisher_destroy(ingestion_publisher_t *p)
{
    if (p == NULL) {
        return;
    }
    ingestion_publisher_join(p);
    wd_lake_close(p->lake);
    wd_lake_close(p->replay_lake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}


void
ingestion_publisher_state(ingestion_publisher_t       *p,
                          ingestion_publisher_state_t *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = p->state;
    pthread_mutex_unlock(&p->lock);
}
