/*
 * wd_listen.c - the LISTEN thread.
 */
#include "wd_listen.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WD_LISTEN_PATIENCE_MS 1000 /* without answer: connection is dead */
#define WD_LISTEN_RETRY_MIN_MS 50
#define WD_LISTEN_RETRY_MAX_MS 1000

struct wd_listen {
    wd_listen_spec_t spec;
    char            *url;
    pthread_t        thread;
    int              wake; /* eventfd: stop */
    atomic_bool      stopping;
    atomic_bool      hears;

    /* the thread's own */
    bool failing; /* it was logged that nothing is heard */
    bool work; /* is asked for */
};


bool
wd_listen_hears(const wd_listen_t *l)
{
    return atomic_load(&l->hears);
}


/* Returns at `until` or when the socket (-1: none) or a stop needs care. */
static void
wd_listen_wait(wd_listen_t *l, int sock, wd_ns_t until)
{
    wd_ns_t       left = wd_max(until - wd_monotonic(), (wd_ns_t) 0);
    struct pollfd fds[] = {{l->wake, POLLIN, 0}, {sock, POLLIN, 0}};

    /* Rounded up: waking early would only spin. */
    poll(fds, wd_array_len(fds),
         (int) ((left + WD_NS_PER_MS - 1) / WD_NS_PER_MS));
}


static int
wd_listen_take(wd_listen_t *l, PGconn *pg)
{
    int       rc = WD_OK;
    PGnotify *n;

    if (!PQconsumeInput(pg)) {
        return WD_EDB;
    }

    while (rc == WD_OK && (n = PQnotifies(pg)) != NULL) {
        rc = l->spec.heard(wd_str_z(n->extra), l->spec.arg, &l->work);
        PQfreemem(n);
    }
    return rc;
}


/* What notifications asked for; more of them may come with its answers. */
static int
wd_listen_work(wd_listen_t *l, wd_pg_conn_t *c, wd_error_t *err)
{
    int rc;

    do {
        rc = wd_listen_take(l, wd_pg_raw(c));
        if (rc != WD_OK) {
            return wd_error(err, rc, "%s", wd_err_info(rc)->text);
        }
        if (!l->work) {
            return WD_OK;
        }
        l->work = false;
        rc = l->spec.work(c, l->spec.arg, err);
        if (rc == WD_OK && atomic_load(&l->stopping)) {
            rc = WD_ECANCELED; /* more may come, so no beat */
        }
    } while (rc == WD_OK);
    return rc;
}


/* The server sends what was announced before it answers. */
static int
wd_listen_beat(wd_listen_t *l, wd_pg_conn_t *c, wd_error_t *err)
{
    int rc;

    rc = wd_pg_script(c, "SELECT 1", err);
    if (rc == WD_OK) {
        rc = wd_listen_work(l, c, err);
    }
    if (rc == WD_OK) {
        rc = l->spec.beat(l->spec.arg);
        if (rc != WD_OK) {
            wd_error(err, rc, "%s", wd_err_info(rc)->text);
        }
    }
    return rc;
}


/* Until the connection fails or the thread stops. */
static int
wd_listen_serve(wd_listen_t *l, wd_pg_conn_t *c, wd_error_t *err)
{
    int     rc = WD_OK;
    wd_ns_t next = wd_monotonic();

    while (rc == WD_OK && !atomic_load(&l->stopping)) {
        if (wd_monotonic() >= next) {
            rc = wd_listen_beat(l, c, err);
            next = wd_max(next + l->spec.beat_ms * WD_NS_PER_MS,
                          wd_monotonic());
            continue;
        }
        wd_listen_wait(l, PQsocket(wd_pg_raw(c)), next);
        rc = wd_listen_work(l, c, err);
    }
    return rc;
}


static int
wd_listen_open(wd_listen_t *l, wd_pg_conn_t **ret, wd_error_t *err)
{
    int           rc;
    wd_pg_conn_t *c;

    rc = wd_pg_connect(l->url, l->spec.app_name, &c, err);
    if (rc != WD_OK) {
        return rc;
    }

    wd_pg_patience(c, WD_LISTEN_PATIENCE_MS);
    rc = l->spec.open(c, l->spec.arg, err);
    if (rc != WD_OK) {
        wd_pg_disconnect(c);
        return rc;
    }

    *ret = c;
    return WD_OK;
}


/* One connection, from its opening to its end; true when there was one. */
static bool
wd_listen_connection(wd_listen_t *l)
{
    int           rc;
    bool          opened;
    wd_error_t    err = {0};
    wd_pg_conn_t *c = NULL;

    l->work = false;
    rc = wd_listen_open(l, &c, &err);
    opened = rc == WD_OK;
    if (opened) {
        wd_log_info(l->spec.log, "listening", "what", l->spec.what);
        l->failing = false;
        atomic_store(&l->hears, true);
        rc = wd_listen_serve(l, c, &err);
        atomic_store(&l->hears, false);
        wd_pg_disconnect(c);
    }

    if (rc != WD_OK && !l->failing && !atomic_load(&l->stopping)) {
        l->failing = true;
        wd_log_warn(l->spec.log, "not listening, trying again", "what",
                    l->spec.what, "reason", (const char *) err.text);
    }
    return opened;
}


static void *
wd_listen_main(void *arg)
{
    wd_listen_t *l = arg;
    int64_t      delay_ms = WD_LISTEN_RETRY_MIN_MS;

    while (!atomic_load(&l->stopping)) {
        if (wd_listen_connection(l)) {
            delay_ms = WD_LISTEN_RETRY_MIN_MS;
        }
        wd_listen_wait(l, -1, wd_monotonic() + delay_ms * WD_NS_PER_MS);
        delay_ms = wd_min(2 * delay_ms, (int64_t) WD_LISTEN_RETRY_MAX_MS);
    }
    return NULL;
}


int
wd_listen_start(const wd_listen_spec_t *spec, const char *url,
                wd_listen_t **ret, wd_error_t *err)
{
    wd_listen_t *l;

    l = calloc(1, sizeof(*l));
    if (l == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    l->spec = *spec;
    l->url = strdup(url);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->url == NULL || l->wake < 0
        || pthread_create(&l->thread, NULL, wd_listen_main, l) != 0) {
        wd_listen_destroy(l);
        return wd_error(err, WD_EINTERNAL, "cannot start a thread for %s",
                        spec->what);
    }

    *ret = l;
    return WD_OK;
}


void
wd_listen_stop(wd_listen_t *l)
{
    if (l != NULL && !atomic_exchange(&l->stopping, true)) {
        eventfd_write(l->wake, 1);
        pthread_join(l->thread, NULL);
    }
}


void
wd_listen_destroy(wd_listen_t *l)
{
    if (l == NULL) {
        return;
    }

    if (l->wake >= 0) {
        close(l->wake);
    }
    if (l->url != NULL) {
        explicit_bzero(l->url, strlen(l->url));
    }
    free(l->url);
    free(l);
}
