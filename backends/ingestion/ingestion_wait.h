/*
 * ingestion_wait.h - a thread of the service: its database connection, its
 * waiting, and its end.
 */
#ifndef INGESTION_WAIT_H
#define INGESTION_WAIT_H

#include "wd_log.h"
#include "wd_pg.h"

#include <pthread.h>

typedef struct {
    pthread_t       thread;
    pthread_mutex_t lock; /* pg_fd */
    int             pg_fd; /* -1: none */
    int             wake_fd;
    volatile bool   stop; /* read with ingestion_thread_stops() */
    bool            started;

    /* The thread's own. */
    wd_pg_conn_t *pg;
    uint64_t      pg_number; /* of the connection: 1, 2, ... */
    const char   *url;
    const char   *name;
    wd_log_t     *log;
    /* What a new connection begins with; NULL: ingestion_store_session(). */
    int (*session)(wd_pg_conn_t *pg, wd_error_t *err);
    bool    failing; /* told to the log */
    wd_ns_t pg_again; /* no attempt before */
} ingestion_thread_t;

/* `url` and `name` must stay. */
wd_must_check int ingestion_thread_start(ingestion_thread_t *t, const char *url,
                                         const char *name, wd_log_t *log,
                                         void *(*fn)(void *), void  *arg,
                                         wd_error_t *err);

static inline bool
ingestion_thread_stops(const ingestion_thread_t *t)
{
    return __atomic_load_n(&t->stop, __ATOMIC_ACQUIRE);
}


/* Any thread: it looks at its work now. */
void ingestion_thread_wake(ingestion_thread_t *t);

/* Sets stop and wakes; does not wait. */
void ingestion_thread_ask_stop(ingestion_thread_t *t);

/*
 * Waits for the end. A server that does not answer cannot hold it up: after
 * `ms` the connection is cut.
 */
void ingestion_thread_join(ingestion_thread_t *t, uint32_t ms);

/* The thread itself. WD_OK: t->pg is usable. At most two attempts a second. */
wd_must_check int ingestion_thread_pg(ingestion_thread_t *t);

/* After a failure: a broken connection is dropped, the first is logged. */
void ingestion_thread_pg_failed(ingestion_thread_t *t, int rc,
                                const wd_error_t *err);
void ingestion_thread_pg_worked(ingestion_thread_t *t);
void ingestion_thread_pg_close(ingestion_thread_t *t);

/*
 * Until woken, notified by the database, or `ms` have passed; not at all when
 * the thread is to stop.
 */
void ingestion_thread_wait(ingestion_thread_t *t, int64_t ms);

/* The same for what must be waited for even then. */
void ingestion_thread_wait_woken(ingestion_thread_t *t, int64_t ms);

#endif /* INGESTION_WAIT_H */
