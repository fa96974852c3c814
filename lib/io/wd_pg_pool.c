/*
 * wd_pg_pool.c - connections on lease.
 */
#include "wd_pg_int.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WD_PG_RETRY_NS (250 * WD_NS_PER_MS)

struct wd_pg_pool {
    pthread_mutex_t lock;
    pthread_cond_t  freed;
    char           *url;
    char            app[64];
    uint32_t        size;
    uint32_t        open; /* leased and idle */
    uint32_t        statement_timeout_ms;
    wd_pg_conn_t   *idle;
    wd_ns_t         failed_at; /* last attempt that failed; 0 none */
    char            failure[WD_ERROR_TEXT_MAX];
};


wd_pg_pool_t *
wd_pg_pool_create(const char *url, const char *app_name, uint32_t size,
                  uint32_t statement_timeout_ms)
{
    wd_pg_pool_t      *pool;
    pthread_condattr_t attr;

    pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }

    pool->url = strdup(url);
    if (pool->url == NULL) {
        free(pool);
        return NULL;
    }

    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->freed, &attr);
    pthread_condattr_destroy(&attr);
    wd_str_copy(pool->app, sizeof(pool->app), wd_str_z(app_name));
    pool->size = size;
    pool->statement_timeout_ms = statement_timeout_ms;
    return pool;
}


void
wd_pg_pool_destroy(wd_pg_pool_t *pool)
{
    wd_pg_conn_t *c;

    if (pool == NULL) {
        return;
    }

    while ((c = pool->idle) != NULL) {
        pool->idle = c->next;
        wd_pg_disconnect(c);
    }
    pthread_cond_destroy(&pool->freed);
    pthread_mutex_destroy(&pool->lock);
    free(pool->url);
    free(pool);
}


/* Timeouts are set per session, so that no URL can forget them. */
static int
wd_pg_session(wd_pg_conn_t *c, uint32_t statement_timeout_ms, wd_error_t *err)
{
    char sql[256];

    snprintf(sql, sizeof(sql),
             "SET statement_timeout = %u; SET lock_timeout = '10s'; "
             "SET idle_in_transaction_session_timeout = '60s'; "
             "SET timezone = 'UTC'",
             statement_timeout_ms);
    return wd_pg_script(c, sql, err);
}


static int
wd_pg_open(wd_pg_pool_t *pool, wd_pg_conn_t **ret, wd_error_t *err)
{
    int           rc;
    wd_pg_conn_t *c;

    rc = wd_pg_connect(pool->url, pool->app, &c, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_session(c, pool->statement_timeout_ms, err);
    if (rc != WD_OK) {
        wd_pg_disconnect(c);
        return rc;
    }

    c->pool = pool;
    *ret = c;
    return WD_OK;
}


/* With the lock held; opens without it. */
static int
wd_pg_acquire_new(wd_pg_pool_t *pool, wd_pg_conn_t **ret, wd_error_t *err)
{
    int        rc;
    wd_error_t why = {0};

    if (pool->failed_at != 0
        && wd_monotonic() - pool->failed_at < WD_PG_RETRY_NS) {
        return wd_error(err, WD_EDB, "%s", pool->failure);
    }

    pool->open++;
    pthread_mutex_unlock(&pool->lock);
    rc = wd_pg_open(pool, ret, &why);
    pthread_mutex_lock(&pool->lock);

    if (rc == WD_OK) {
        pool->failed_at = 0;
        return WD_OK;
    }

    pool->open--;
    pool->failed_at = wd_monotonic();
    memcpy(pool->failure, why.text, sizeof(pool->failure));
    pthread_cond_broadcast(&pool->freed); /* none of them need wait on */
    return wd_error(err, WD_EDB, "%s", why.text);
}


static int
wd_pg_wait_free(wd_pg_pool_t *pool, wd_ns_t deadline)
{
    struct timespec ts = {deadline / WD_NS_PER_S, deadline % WD_NS_PER_S};

    if (deadline == WD_NS_MAX) {
        return pthread_cond_wait(&pool->freed, &pool->lock);
    }
    return pthread_cond_timedwait(&pool->freed, &pool->lock, &ts);
}


/*
 * An idle connection has nothing to read, unless the server has said good-bye
 * or is gone: that shows here, before a request is spent on it.
 */
static bool
wd_pg_alive(wd_pg_conn_t *c)
{
    struct pollfd p = {.fd = PQsocket(c->pg), .events = POLLIN};

    if (poll(&p, 1, 0) > 0) {
        PQconsumeInput(c->pg);
    }
    return !wd_pg_broken(c) && !(p.revents & (POLLHUP | POLLERR));
}


/* With the lock held: an idle connection that lives, or NULL. */
static wd_pg_conn_t *
wd_pg_take_idle(wd_pg_pool_t *pool)
{
    wd_pg_conn_t *c;

    while ((c = pool->idle) != NULL) {
        pool->idle = c->next;
        if (wd_pg_alive(c)) {
            return c;
        }
        pool->open--;
        wd_pg_disconnect(c);
    }
    return NULL;
}


int
wd_pg_acquire(wd_pg_pool_t *pool, wd_ns_t deadline, wd_pg_conn_t **ret,
              wd_error_t *err)
{
    int           rc = WD_OK;
    wd_pg_conn_t *idle;

    pthread_mutex_lock(&pool->lock);

    for (;;) {
        idle = wd_pg_take_idle(pool);
        if (idle != NULL) {
            *ret = idle;
            break;
        }

        if (pool->open < pool->size) {
            rc = wd_pg_acquire_new(pool, ret, err);
            break;
        }

        if (wd_pg_wait_free(pool, deadline) != 0) {
            rc = wd_error(err, WD_ETIMEOUT,
                          "no database connection became free in time");
            break;
        }
    }

    pthread_mutex_unlock(&pool->lock);
    return rc;
}


void
wd_pg_release(wd_pg_conn_t *c)
{
    bool          broken;
    wd_pg_conn_t *idle, *next = NULL;
    wd_pg_pool_t *pool = c->pool;

    if (PQtransactionStatus(c->pg) != PQTRANS_IDLE && !wd_pg_broken(c)) {
        wd_pg_rollback(c);
    }
    broken = wd_pg_broken(c) || PQtransactionStatus(c->pg) != PQTRANS_IDLE;

    pthread_mutex_lock(&pool->lock);
    if (broken) {
        pool->open--;
        /* The server went away: idle connections are as dead as this one. */
        next = pool->idle;
        pool->idle = NULL;
        for (idle = next; idle != NULL; idle = idle->next) {
            pool->open--;
        }
        pthread_cond_broadcast(&pool->freed);
    } else {
        c->next = pool->idle;
        pool->idle = c;
        pthread_cond_signal(&pool->freed);
    }
    pthread_mutex_unlock(&pool->lock);

    if (broken) {
        wd_pg_disconnect(c);
        while ((idle = next) != NULL) {
            next = idle->next;
            wd_pg_disconnect(idle);
        }
    }
}


/* Within a time of its own, however long the server's are. */
static int
wd_pg_probe(wd_pg_conn_t *c, wd_ns_t deadline, wd_error_t *err)
{
    int       rc = WD_OK;
    PGresult *res;

    if (!PQsendQuery(c->pg, "SELECT 1")) {
        return wd_pg_error(c, NULL, err);
    }

    res = wd_pg_await(c, deadline);
    if (res == NULL) {
        return wd_error(err, WD_ETIMEOUT, "the server did not answer in time");
    }
    if (PQresultStatus(res) != PGRES_TUPLES_OK) {
        rc = wd_pg_error(c, res, err);
    }
    PQclear(res);
    return rc;
}


int
wd_pg_ping(wd_pg_pool_t *pool, uint32_t timeout_ms, wd_error_t *err)
{
    int           rc;
    wd_ns_t       deadline = wd_monotonic() + timeout_ms * WD_NS_PER_MS;
    wd_pg_conn_t *c;

    rc = wd_pg_acquire(pool, deadline, &c, err);
    if (rc == WD_OK) {
        rc = wd_pg_probe(c, deadline, err);
        wd_pg_release(c);
    }
    return rc;
}
