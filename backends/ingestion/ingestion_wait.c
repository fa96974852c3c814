/*
 * ingestion_wait.c - threads that wait for work and for the database.
 */
#include "ingestion_wait.h"

#include "ingestion_store.h"

#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PG_AGAIN_NS (500 * WD_NS_PER_MS)


int
ingestion_thread_start(ingestion_thread_t *t, const char *url, const char *name,
                       wd_log_t *log, void *(*fn)(void *), void *arg,
                       wd_error_t *err)
{
    t->url = url;
    t->name = name;
    t->log = log;
    t->pg_fd = -1;
    pthread_mutex_init(&t->lock, NULL);
    t->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (t->wake_fd < 0 || pthread_create(&t->thread, NULL, fn, arg) != 0) {
        return wd_error(err, WD_EINTERNAL, "a thread cannot be started");
    }
    t->started = true;
    return WD_OK;
}


void
ingestion_thread_wake(ingestion_thread_t *t)
{
    uint64_t one = 1;

    /* A full counter wakes as well. */
    if (write(t->wake_fd, &one, sizeof(one)) < 0) { /* void */
    }
}


void
ingestion_thread_ask_stop(ingestion_thread_t *t)
{
    if (t->started) {
        __atomic_store_n(&t->stop, true, __ATOMIC_RELEASE);
        ingestion_thread_wake(t);
    }
}


void
ingestion_thread_join(ingestion_thread_t *t, uint32_t ms)
{
    struct timespec until;

    if (!t->started) {
        return;
    }
    ingestion_thread_ask_stop(t);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    if (pthread_timedjoin_np(t->thread, NULL, &until) != 0) {
        pthread_mutex_lock(&t->lock);
        if (t->pg_fd >= 0) {
            shutdown(t->pg_fd, SHUT_RDWR);
        }
        pthread_mutex_unlock(&t->lock);
        pthread_join(t->thread, NULL);
    }
    t->started = false;
    close(t->wake_fd);
    pthread_mutex_destroy(&t->lock);
}


static void
publish_fd(ingestion_thread_t *t, int fd)
{
    pthread_mutex_lock(&t->lock);
    t->pg_fd = fd;
    pthread_mutex_unlock(&t->lock);
}


void
ingestion_thread_pg_close(ingestion_thread_t *t)
{
    publish_fd(t, -1);
    wd_pg_disconnect(t->pg);
    t->pg = NULL;
}


void
ingestion_thread_pg_failed(ingestion_thread_t *t, int rc, const wd_error_t *err)
{
    if (!t->failing) {
        t->failing = true;
        wd_log_warn(t->log, "database work failed, trying again", "thread",
                    t->name, "code", rc, "reason", err->text);
    }
    t->pg_again = wd_monotonic() + PG_AGAIN_NS;
    if (t->pg != NULL && wd_pg_broken(t->pg)) {
        ingestion_thread_pg_close(t);
    }
}


int
ingestion_thread_pg(ingestion_thread_t *t)
{
    int        rc;
    char       app[64];
    wd_error_t err = {0};

    if (t->pg != NULL && !wd_pg_broken(t->pg)) {
        return WD_OK;
    }
    if (wd_monotonic() < t->pg_again) {
        return WD_EDB;
    }
    ingestion_thread_pg_close(t);

    snprintf(app, sizeof(app), "wizdata-ingestion %s", t->name);
    rc = wd_pg_connect(t->url, app, &t->pg, &err);
    if (rc == WD_OK) {
        publish_fd(t, PQsocket(wd_pg_raw(t->pg)));
        rc = t->session != NULL ? t->session(t->pg, &err)
                                : ingestion_store_session(t->pg, &err);
    }
    if (rc != WD_OK) {
        ingestion_thread_pg_failed(t, rc, &err);
        ingestion_thread_pg_close(t);
        return rc;
    }
    t->pg_number++;
    return WD_OK;
}


void
ingestion_thread_pg_worked(ingestion_thread_t *t)
{
    if (t->failing) {
        t->failing = false;
        wd_log_info(t->log, "database work goes on", "thread", t->name);
    }
}


static void
take_notifications(ingestion_thread_t *t)
{
    PGnotify *n;
    PGconn   *pg = wd_pg_raw(t->pg);

    if (!PQconsumeInput(pg)) {
        return; /* broken: the next use tells */
    }
    while ((n = PQnotifies(pg)) != NULL) {
        PQfreemem(n);
    }
}


void
ingestion_thread_wait(ingestion_thread_t *t, int64_t ms)
{
    if (!ingestion_thread_stops(t)) {
        ingestion_thread_wait_woken(t, ms);
    }
}


void
ingestion_thread_wait_woken(ingestion_thread_t *t, int64_t ms)
{
    uint64_t      count;
    nfds_t        n = 1;
    struct pollfd fds[2] = {{t->wake_fd, POLLIN, 0}, {-1, POLLIN, 0}};

    if (t->pg != NULL && !wd_pg_broken(t->pg)) {
        /* What came together with an answer is not on the socket any more. */
        take_notifications(t);
        fds[1].fd = PQsocket(wd_pg_raw(t->pg));
        n = fds[1].fd >= 0 ? 2 : 1;
    }
    poll(fds, n, (int) wd_min(wd_max(ms, (int64_t) 1), (int64_t) 60000));
    if (n == 2 && fds[1].revents != 0) {
        take_notifications(t);
    }
    if (read(t->wake_fd, &count, sizeof(count)) < 0) { /* nothing to read */
    }
}
