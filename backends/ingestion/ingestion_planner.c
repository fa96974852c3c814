/*
 * ingestion_planner.c - the planner's thread: rounds, and what it knows of
 * the collections.
 */
#include "ingestion_planner_int.h"

#include <stdlib.h>

#define POLL_MS 1000 /* a run that is due begins this late */
#define PAUSE_MS 100 /* however many jobs end, no more rounds than that */
#define FAILED_MS 500
#define JOIN_MS 3000
#define ROUNDS_MAX 50 /* of one collection, then the others have their turn */


/* ---- definitions -------------------------------------------------------- */

static void
forget(planner_known_t *k)
{
    ingestion_collection_done(&k->def);
    wd_tz_destroy(k->zone);
    k->zone = NULL;
}


/* Reads a definition. What this program cannot understand is told once. */
static int
learn(ingestion_planner_t *p, planner_known_t *k, wd_error_t *err)
{
    int         rc;
    wd_error_t  why = {0};
    const char *key;

    ingestion_collection_init(&k->def);
    rc = ingestion_store_definition(p->t.pg, k->id, &k->def, &k->version, &why);
    if (rc == WD_OK) {
        rc = ingestion_collection_check(&k->def, &key, &why);
    }
    if (rc == WD_OK && k->def.zone[0] != '\0') {
        rc = wd_tz_load(k->def.zone, &k->zone);
    }
    k->usable = rc == WD_OK && !k->def.stream;
    if (rc == WD_OK) {
        ingestion_collection_schedule(&k->def, k->zone, &k->schedule);
        return WD_OK;
    }
    if (rc == WD_EPARAM || rc == WD_EPROTO || rc == WD_EINVAL
        || rc == WD_ETOOBIG || (rc == WD_ENOTFOUND && k->def.name[0] != '\0')) {
        wd_log_error(p->log, "collection is not understood and not run",
                     "collection", k->def.name, "reason", why.text);
        return WD_OK;
    }
    k->version = -1; /* to be read again */
    *err = why;
    return rc;
}


planner_known_t *
planner_find(ingestion_planner_t *p, int64_t id)
{
    size_t i;

    for (i = 0; i < p->n_known; i++) {
        if (p->known[i].id == id) {
            return &p->known[i];
        }
    }
    return NULL;
}


/* From the list of now: what has changed is read, what is gone forgotten. */
static int
take_over(ingestion_planner_t *p, const ingestion_listed_t *list, size_t n,
          wd_error_t *err)
{
    int    rc = WD_OK;
    size_t i;
    planner_known_t *new, *old;

    new = calloc(n + 1, sizeof(*new));
    if (new == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the collections");
    }
    for (i = 0; i < n; i++) {
        old = planner_find(p, list[i].id);
        if (old != NULL && old->version == list[i].version) {
            new[i] = *old;
            old->id = 0; /* moved */
        } else {
            new[i].id = list[i].id;
            new[i].version = -1;
        }
        new[i].paused = list[i].paused;
    }
    for (i = 0; i < p->n_known; i++) {
        if (p->known[i].id != 0) {
            forget(&p->known[i]);
        }
    }
    free(p->known);
    p->known = new;
    p->n_known = n;

    for (i = 0; i < n && rc == WD_OK; i++) {
        if (new[i].version == -1) {
            p->ahead_next = 0;
            rc = learn(p, &new[i], err);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc; /* gone again meanwhile */
}


/* ---- a round ------------------------------------------------------------ */

static size_t
make_work(ingestion_planner_t *p, wd_ns_t now, ingestion_work_t *work)
{
    size_t                 i, n = 0;
    const planner_known_t *k;

    for (i = 0; i < p->n_known; i++) {
        k = &p->known[i];
        if (k->usable) {
            work[n++] = (ingestion_work_t){
                .id = k->id,
                .plan = p->ready(p->ready_arg, k->def.provider, k->def.dataset),
                .tick = ingestion_schedule_last(&k->schedule, now),
                .from = k->def.from};
        }
    }
    return n;
}


/* Each in turn, as long as it has something to do. */
static int
work_through(ingestion_planner_t *p, ingestion_work_t *work, size_t n,
             wd_error_t *err)
{
    int    rc = WD_OK, rounds;
    bool   more;
    size_t i;

    for (i = 0; i < n && rc == WD_OK && !ingestion_thread_stops(&p->t); i++) {
        more = true;
        for (rounds = 0; more && rounds < ROUNDS_MAX && rc == WD_OK; rounds++) {
            rc = planner_one(p, planner_find(p, work[i].id), &work[i], &more,
                             err);
        }
    }
    return rc;
}


static int
plan(ingestion_planner_t *p, wd_error_t *err)
{
    int                 rc;
    size_t              n = 0;
    wd_ns_t             now;
    ingestion_work_t   *work = NULL;
    ingestion_listed_t *list = NULL;

    rc = ingestion_store_listed(p->t.pg, &list, &n, &now, err);
    if (rc == WD_OK) {
        rc = take_over(p, list, n, err);
    }
    free(list);
    if (rc == WD_OK) {
        work = calloc(n + 1, sizeof(*work));
        if (work == NULL) {
            return wd_error(err, WD_ENOMEM, "no memory for the collections");
        }
        n = make_work(p, now, work);
        rc = planner_lag(p, work, n, err);
    }
    if (rc == WD_OK) {
        rc = planner_ahead(p, work, n, now, err);
    }
    if (rc == WD_OK && n != 0) {
        rc = ingestion_store_work(p->t.pg, work, &n, err);
    }
    if (rc == WD_OK && n != 0) {
        rc = work_through(p, work, n, err);
    }
    free(work);
    return rc;
}


/* The value before. */
static bool
set_reload(ingestion_planner_t *p, bool reload)
{
    bool was;

    pthread_mutex_lock(&p->lock);
    was = p->reload;
    p->reload = reload;
    pthread_mutex_unlock(&p->lock);
    return was;
}


static int
go_round(ingestion_planner_t *p, wd_error_t *err)
{
    int rc = WD_OK;

    if (set_reload(p, false) && p->folder != NULL && p->folder[0] != '\0') {
        rc = planner_load(p, err);
    }
    if (rc != WD_OK) {
        set_reload(p, true); /* the next round tries again */
        return rc;
    }
    rc = plan(p, err);
    return rc == WD_OK ? ingestion_store_recount(p->t.pg, err) : rc;
}


/* ---- the thread --------------------------------------------------------- */

/* At least PAUSE_MS, at most POLL_MS. */
static void
wait_for_more(ingestion_planner_t *p)
{
    wd_ns_t until = wd_monotonic() + PAUSE_MS * WD_NS_PER_MS;

    ingestion_thread_wait(&p->t, POLL_MS);
    while (!ingestion_thread_stops(&p->t) && wd_monotonic() < until) {
        ingestion_thread_wait(&p->t,
                              (until - wd_monotonic()) / WD_NS_PER_MS + 1);
    }
}


static void
tell_health(ingestion_planner_t *p, bool healthy)
{
    pthread_mutex_lock(&p->lock);
    p->state.healthy = healthy;
    p->state.collections = p->n_known;
    pthread_mutex_unlock(&p->lock);
}


static void *
planner_main(void *arg)
{
    int                  rc;
    wd_error_t           err = {0};
    ingestion_planner_t *p = arg;

    while (!ingestion_thread_stops(&p->t)) {
        rc = ingestion_thread_pg(&p->t);
        if (rc == WD_OK) {
            rc = go_round(p, &err);
            if (rc == WD_OK) {
                ingestion_thread_pg_worked(&p->t);
            } else {
                ingestion_thread_pg_failed(&p->t, rc, &err);
            }
        }
        tell_health(p, rc == WD_OK);
        if (rc == WD_OK) {
            wait_for_more(p);
        } else {
            ingestion_thread_wait(&p->t, FAILED_MS);
        }
    }
    ingestion_thread_pg_close(&p->t);
    return NULL;
}


int
ingestion_planner_start(const char *url, const char *folder,
                        ingestion_ready_pt ready, void *arg, wd_log_t *log,
                        ingestion_planner_t **ret, wd_error_t *err)
{
    ingestion_planner_t *p;

    p = calloc(1, sizeof(*p));
    if (p == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the planner");
    }
    *ret = p;
    p->log = log;
    p->folder = folder;
    p->ready = ready;
    p->ready_arg = arg;
    p->reload = true;
    p->t.session = ingestion_store_planner_session;
    pthread_mutex_init(&p->lock, NULL);
    return ingestion_thread_start(&p->t, url, "planner", log, planner_main, p,
                                  err);
}


void
ingestion_planner_reload(ingestion_planner_t *p)
{
    set_reload(p, true);
    ingestion_thread_wake(&p->t);
}


void
ingestion_planner_ask_stop(ingestion_planner_t *p)
{
    if (p != NULL) {
        ingestion_thread_ask_stop(&p->t);
    }
}


void
ingestion_planner_join(ingestion_planner_t *p)
{
    if (p != NULL) {
        ingestion_thread_join(&p->t, JOIN_MS);
    }
}


void
ingestion_planner_destroy(ingestion_planner_t *p)
{
    size_t i;

    if (p == NULL) {
        return;
    }
    ingestion_planner_join(p);
    for (i = 0; i < p->n_known; i++) {
        forget(&p->known[i]);
    }
    free(p->known);
    free(p->origin);
    pthread_mutex_destroy(&p->lock);
    free(p);
}


void
ingestion_planner_state(ingestion_planner_t *p, ingestion_planner_state_t *ret)
{
    pthread_mutex_lock(&p->lock);
    *ret = p->state;
    pthread_mutex_unlock(&p->lock);
}
