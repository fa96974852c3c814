/*
 * wd_bus.c - topics in PostgreSQL.
 */
#include "wd_bus.h"

#include "wd_metrics.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WD_BUS_POLL_MS 2000 /* a lost notification costs this much */
#define WD_BUS_BACKOFF_MIN_MS 1000
#define WD_BUS_BACKOFF_MAX_MS 30000

/* A commit waits for the disk: who is behind takes several events with one. */
#define WD_BUS_BATCH 16
#define WD_BUS_BATCH_NS (100 * WD_NS_PER_MS) /* then no further one is taken */

struct wd_bus_consumer {
    pthread_t         thread;
    char             *url;
    char              app[64];
    const char       *topic;
    char              group[32];
    wd_bus_handler_pt handler;
    void             *arg;
    wd_log_t         *log;
    int               wake; /* eventfd: stop */
    bool              stop; /* atomic, like the next two */
    bool              healthy;
    int64_t           lag;
    int               batch; /* events of the next transaction, at most */
    wd_pg_conn_t     *pg;
};

/* What became of one step. */
typedef enum {
    WD_BUS_DONE, /* events were consumed, or there may be some now */
    WD_BUS_AGAIN, /* rolled back, to be tried at once with fewer events */
    WD_BUS_IDLE, /* there was none, or another process has the group */
    WD_BUS_FAILED
} wd_bus_step_e;


int
wd_bus_publish(wd_pg_conn_t *c, wd_topic_e topic, wd_str_t json,
               int64_t *ret_offset, wd_error_t *err)
{
    int           rc;
    PGresult     *res = NULL;
    wd_pg_param_t params[] = {wd_pg_text_z(wd_topic_name(topic)),
                              wd_pg_json(json)};

    if (json.len > WD_BUS_EVENT_MAX) {
        return wd_error(err, WD_ETOOBIG, "the event is too long");
    }

    rc = wd_pg_exec(c,
                    "WITH t AS (UPDATE bus_topic SET last = last + 1 "
                    "WHERE topic = $1 RETURNING last), "
                    "e AS (INSERT INTO bus_event (topic, \"offset\", event) "
                    "SELECT $1, last, $2 FROM t RETURNING \"offset\") "
                    "SELECT \"offset\", pg_notify('wizdata_bus', $1) FROM e",
                    params, wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }

    if (PQntuples(res) != 1) {
        PQclear(res);
        return wd_error(err, WD_EINTERNAL, "no topic %s", wd_topic_name(topic));
    }
    if (ret_offset != NULL) {
        *ret_offset = wd_pg_get_int(res, 0, 0);
    }
    PQclear(res);
    wd_metric(WD_MX_BUS_PUBLISHED, 1, wd_topic_name(topic), NULL, NULL);
    return WD_OK;
}


/* Looked at are the first of a topic alone, which are the oldest. */
int
wd_bus_trim(wd_pg_conn_t *c, int64_t keep_s, int64_t *ret, wd_error_t *err)
{
    int           rc;
    PGresult     *res = NULL;
    wd_pg_param_t params[] = {wd_pg_int(keep_s), wd_pg_int(WD_BUS_TRIM_MAX)};

    *ret = 0;
    rc = wd_pg_exec(
        c,
        "WITH old AS (SELECT e.topic, e.\"offset\" FROM bus_topic t, LATERAL "
        "(SELECT * FROM bus_event WHERE topic = t.topic "
        "ORDER BY \"offset\" LIMIT $2) e "
        "WHERE e.at < now() - $1 * interval '1 second' "
        "AND NOT EXISTS (SELECT 1 FROM bus_offset o WHERE o.topic = e.topic "
        "AND o.\"offset\" < e.\"offset\")), "
        "gone AS (DELETE FROM bus_event e USING old WHERE e.topic = old.topic "
        "AND e.\"offset\" = old.\"offset\" RETURNING e.topic) "
        "SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM gone "
        "GROUP BY topic) AS topics",
        params, wd_array_len(params), &res, err);
    if (rc == WD_OK) {
        *ret = wd_pg_get_int(res, 0, 0);
        PQclear(res);
    }
    return rc;
}


static int
wd_bus_open(wd_bus_consumer_t *c, wd_error_t *err)
{
    int rc;

    rc = wd_pg_connect(c->url, c->app, &c->pg, err);
    if (rc != WD_OK) {
        return rc;
    }

    rc = wd_pg_script(c->pg,
                      "SET lock_timeout = '30s'; SET timezone = 'UTC'; "
                      "LISTEN wizdata_bus",
                      err);
    if (rc != WD_OK) {
        wd_pg_disconnect(c->pg);
        c->pg = NULL;
    }
    return rc;
}


/* The group's offset, locked; WD_EAGAIN when another process has it. */
static int
wd_bus_lock(wd_bus_consumer_t *c, int64_t *ret, wd_error_t *err)
{
    int           rc;
    int64_t       lag;
    PGresult     *res = NULL;
    wd_pg_param_t params[] = {wd_pg_text_z(c->topic), wd_pg_text_z(c->group)};

    rc = wd_pg_exec(c->pg,
                    "SELECT o.\"offset\", t.last FROM bus_offset o "
                    "JOIN bus_topic t USING (topic) "
                    "WHERE o.topic = $1 AND o.grp = $2 "
                    "FOR UPDATE OF o SKIP LOCKED",
                    params, wd_array_len(params), &res, err);
    if (rc != WD_OK) {
        return rc;
    }

    if (PQntuples(res) == 0) {
        rc = WD_EAGAIN;
    } else {
        *ret = wd_pg_get_int(res, 0, 0);
        lag = wd_pg_get_int(res, 0, 1) - *ret;
        __atomic_store_n(&c->lag, lag, __ATOMIC_RELAXED);
        wd_metric(WD_MX_BUS_LAG, (double) lag, c->topic, NULL, NULL);
    }
    PQclear(res);
    return rc;
}


static bool
wd_bus_stopped(const wd_bus_consumer_t *c)
{
    return __atomic_load_n(&c->stop, __ATOMIC_RELAXED);
}


/* Handles events until one fails or it is enough; *ret_n: that succeeded. */
static int
wd_bus_handle(wd_bus_consumer_t *c, const PGresult *res, int *ret_n,
              wd_error_t *err)
{
    int     i, rc, n = PQntuples(res);
    wd_ns_t until = wd_monotonic() + WD_BUS_BATCH_NS;

    for (i = 0; i < n; i++) {
        wd_bus_event_t ev = {wd_pg_get_int(res, i, 0), wd_pg_get_ts(res, i, 1),
                             wd_pg_get_str(res, i, 2),
                             i + 1 < n ? wd_pg_get_str(res, i + 1, 2)
                                       : WD_STR("")};

        if (i != 0 && (wd_bus_stopped(c) || wd_monotonic() > until)) {
            break;
        }
        rc = c->handler(c->pg, &ev, c->arg, err);
        if (rc != WD_OK) {
            *ret_n = i;
            return rc;
        }
    }
    *ret_n = i;
    return WD_OK;
}


static int
wd_bus_move(wd_bus_consumer_t *c, int64_t offset, wd_error_t *err)
{
    wd_pg_param_t params[] = {wd_pg_text_z(c->topic), wd_pg_text_z(c->group),
                              wd_pg_int(offset)};

    return wd_pg_exec(c->pg,
                      "UPDATE bus_offset SET \"offset\" = $3 "
                      "WHERE topic = $1 AND grp = $2",
                      params, wd_array_len(params), NULL, err);
}


static int
wd_bus_read(wd_bus_consumer_t *c, int64_t offset, PGresult **ret,
            wd_error_t *err)
{
    wd_pg_param_t params[] = {wd_pg_text_z(c->topic), wd_pg_int(offset),
                              wd_pg_int(c->batch)};

    return wd_pg_exec(c->pg,
                      "SELECT \"offset\", at, event::text FROM bus_event "
                      "WHERE topic = $1 AND \"offset\" > $2 "
                      "ORDER BY \"offset\" LIMIT $3",
                      params, wd_array_len(params), ret, err);
}


/*
 * When an event fails behind others, all is rolled back, those others are
 * taken once more without it, and then it comes first and alone. So an event
 * that cannot be handled holds up what is behind it, nothing before it.
 */
static wd_bus_step_e
wd_bus_take(wd_bus_consumer_t *c, const PGresult *res, wd_error_t *err)
{
    int rc, n = 0;

    rc = wd_bus_handle(c, res, &n, err);
    if (rc == WD_OK) {
        rc = wd_bus_move(c, wd_pg_get_int(res, n - 1, 0), err);
    }
    if (rc != WD_OK) {
        wd_metric(WD_MX_BUS_CONSUMED, 1, c->topic, "retry", NULL);
        c->batch = wd_max(n, 1);
        return n != 0 && !wd_pg_broken(c->pg) ? WD_BUS_AGAIN : WD_BUS_FAILED;
    }
    wd_metric(WD_MX_BUS_CONSUMED, n, c->topic, "ok", NULL);
    c->batch = wd_min(c->batch * 2, WD_BUS_BATCH);
    return WD_BUS_DONE;
}


/*
 * A group that is new, or whose database was emptied under it, is made, and
 * there may be events for it. Else another process has it: nothing to do.
 */
static wd_bus_step_e
wd_bus_join(wd_bus_consumer_t *c, wd_error_t *err)
{
    PGresult     *res;
    wd_bus_step_e step;
    wd_pg_param_t params[] = {wd_pg_text_z(c->topic), wd_pg_text_z(c->group)};

    if (wd_pg_exec(c->pg,
                   "INSERT INTO bus_offset (topic, grp) VALUES ($1, $2) "
                   "ON CONFLICT DO NOTHING RETURNING grp",
                   params, wd_array_len(params), &res, err)
        != WD_OK) {
        return WD_BUS_FAILED;
    }
    step = PQntuples(res) != 0 ? WD_BUS_DONE : WD_BUS_IDLE;
    PQclear(res);
    return step;
}


/* Inside a transaction: the next events, if there are any. */
static wd_bus_step_e
wd_bus_next(wd_bus_consumer_t *c, wd_error_t *err)
{
    int           rc;
    int64_t       offset = 0;
    PGresult     *res = NULL;
    wd_bus_step_e step;

    rc = wd_bus_lock(c, &offset, err);
    if (rc == WD_EAGAIN) {
        return wd_bus_join(c, err);
    }
    if (rc != WD_OK) {
        return WD_BUS_FAILED;
    }

    rc = wd_bus_read(c, offset, &res, err);
    if (rc != WD_OK) {
        return WD_BUS_FAILED;
    }
    step = PQntuples(res) != 0 ? wd_bus_take(c, res, err) : WD_BUS_IDLE;
    PQclear(res);
    return step;
}


static wd_bus_step_e
wd_bus_step(wd_bus_consumer_t *c, wd_error_t *err)
{
    wd_bus_step_e step;

    if (c->pg == NULL && wd_bus_open(c, err) != WD_OK) {
        return WD_BUS_FAILED;
    }

    if (wd_pg_begin(c->pg, err) != WD_OK) {
        step = WD_BUS_FAILED;
    } else {
        step = wd_bus_next(c, err);
        if (step == WD_BUS_FAILED || step == WD_BUS_AGAIN) {
            wd_pg_rollback(c->pg);
        } else if (wd_pg_commit(c->pg, err) != WD_OK) {
            step = WD_BUS_FAILED;
        }
    }

    if (wd_pg_broken(c->pg)) {
        wd_pg_disconnect(c->pg);
        c->pg = NULL;
    }
    return step;
}


/* Takes what has arrived; true when there was a notification. */
static bool
wd_bus_notified(wd_bus_consumer_t *c)
{
    bool      any = false;
    PGnotify *note;

    if (c->pg == NULL || !PQconsumeInput(wd_pg_raw(c->pg))) {
        return false;
    }

    while ((note = PQnotifies(wd_pg_raw(c->pg))) != NULL) {
        PQfreemem(note);
        any = true;
    }
    return any;
}


/* Until a notification, the stop, or the time has passed. */
static void
wd_bus_wait(wd_bus_consumer_t *c, int timeout_ms)
{
    struct pollfd fds[2] = {{.fd = c->wake, .events = POLLIN},
                            {.fd = -1, .events = POLLIN}};

    if (c->pg != NULL && c->healthy) {
        fds[1].fd = PQsocket(wd_pg_raw(c->pg));
        /* One may have come in with the answers of the step before. */
        if (wd_bus_notified(c)) {
            return;
        }
    }

    if (poll(fds, 2, timeout_ms) > 0) {
        wd_bus_notified(c);
    }
}


static void *
wd_bus_main(void *arg)
{
    int                backoff_ms = WD_BUS_BACKOFF_MIN_MS;
    wd_error_t         err;
    wd_bus_step_e      step;
    wd_bus_consumer_t *c = arg;

    while (!wd_bus_stopped(c)) {
        err.text[0] = '\0';
        step = wd_bus_step(c, &err);
        __atomic_store_n(&c->healthy, step != WD_BUS_FAILED, __ATOMIC_RELAXED);

        if (step == WD_BUS_DONE || step == WD_BUS_AGAIN) {
            backoff_ms = WD_BUS_BACKOFF_MIN_MS;
        } else if (step == WD_BUS_IDLE) {
            wd_bus_wait(c, WD_BUS_POLL_MS);
            backoff_ms = WD_BUS_BACKOFF_MIN_MS;
        } else if (!wd_bus_stopped(c)) {
            wd_log_warn(c->log, "event not consumed, trying again", "topic",
                        c->topic, "reason", (const char *) err.text, "after_ms",
                        backoff_ms);
            wd_bus_wait(c, backoff_ms);
            backoff_ms = wd_min(backoff_ms * 2, WD_BUS_BACKOFF_MAX_MS);
        }
    }

    wd_pg_disconnect(c->pg);
    return NULL;
}


wd_bus_consumer_t *
wd_bus_consume(const char *url, const char *app_name, wd_topic_e topic,
               const char *group, wd_bus_handler_pt handler, void *arg,
               wd_log_t *log)
{
    wd_bus_consumer_t *c;

    c = calloc(1, sizeof(*c));
    if (c == NULL || (c->url = strdup(url)) == NULL) {
        free(c);
        return NULL;
    }

    wd_str_copy(c->app, sizeof(c->app), wd_str_z(app_name));
    wd_str_copy(c->group, sizeof(c->group), wd_str_z(group));
    c->topic = wd_topic_name(topic);
    c->handler = handler;
    c->arg = arg;
    c->log = log;
    c->lag = -1;
    c->batch = WD_BUS_BATCH;
    c->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (c->wake < 0 || pthread_create(&c->thread, NULL, wd_bus_main, c) != 0) {
        if (c->wake >= 0) {
            close(c->wake);
        }
        free(c->url);
        free(c);
        return NULL;
    }
    return c;
}


void
wd_bus_consumer_stop(wd_bus_consumer_t *c)
{
    if (c == NULL) {
        return;
    }

    __atomic_store_n(&c->stop, true, __ATOMIC_RELAXED);
    eventfd_write(c->wake, 1);
    pthread_join(c->thread, NULL);
    close(c->wake);
    free(c->url);
    free(c);
}


int64_t
wd_bus_consumer_lag(const wd_bus_consumer_t *c)
{
    return __atomic_load_n(&c->lag, __ATOMIC_RELAXED);
}


bool
wd_bus_consumer_healthy(const wd_bus_consumer_t *c)
{
    return __atomic_load_n(&c->healthy, __ATOMIC_RELAXED);
}
