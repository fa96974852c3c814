/*
 * ingestion_planner_int.h - what the files of the planner share; for them
 * alone. All of it runs on the planner's thread.
 */
#ifndef INGESTION_PLANNER_INT_H
#define INGESTION_PLANNER_INT_H

#include "ingestion_planner.h"
#include "ingestion_wait.h"
#include "provider.h"

/* Of one transaction, so that nobody waits long for a collection's row. */
#define PLANNER_ITEMS 100
#define PLANNER_ENDED 200

/*
 * Questions of live runs, but for those of the last item. Then the other
 * collections have their turn: an overlap of years where each day is a
 * question of its own is no reason to keep them waiting.
 */
#define PLANNER_QUESTIONS 2000

/*
 * Queued or running jobs of one collection's back-fill. Enough to keep a
 * provider busy; the rest of it needs no rows in the queue.
 */
#define PLANNER_FILLING_MAX 20

/* A definition as it was when it was read last. */
typedef struct {
    int64_t                id;
    int64_t                version;
    bool                   paused;
    bool                   usable; /* this program understands it */
    ingestion_collection_t def;
    wd_tz_t               *zone; /* NULL: UTC */
    ingestion_schedule_t   schedule;
} planner_known_t;

/* Which data sets were ever collected, by provider: they have metrics. */
typedef struct {
    uint64_t told[INGESTION_PROVIDERS];
    wd_ns_t  next;
} planner_lag_t;

struct ingestion_planner {
    ingestion_thread_t t;
    wd_log_t          *log;
    const char        *folder;
    ingestion_ready_pt ready;
    void              *ready_arg;

    pthread_mutex_t           lock; /* next two */
    bool                      reload;
    ingestion_planner_state_t state;

    /* The thread's own. */
    char            *origin; /* host and folder */
    planner_known_t *known; /* by id */
    size_t           n_known;
    planner_lag_t    lag;
    wd_ns_t          ahead_next; /* when it is written again */
};

planner_known_t *planner_find(ingestion_planner_t *p, int64_t id);

/* Files to the database: ingestion_planner_folder.c. */
wd_must_check int planner_load(ingestion_planner_t *p, wd_error_t *err);

/*
 * One collection, in a transaction: what has ended, and what is to be asked
 * for. *ret_more: it was not all. ingestion_planner_one.c
 */
wd_must_check int planner_one(ingestion_planner_t    *p,
                              const planner_known_t  *known,
                              const ingestion_work_t *work, bool *ret_more,
                              wd_error_t *err);

/*
 * Every few seconds: marks what is late of collections that cannot be planned,
 * and tells how far all are behind. ingestion_planner_lag.c
 */
wd_must_check int planner_lag(ingestion_planner_t    *p,
                              const ingestion_work_t *work, size_t n,
                              wd_error_t *err);

/*
 * Every few seconds, and after a change: writes what the runs that are to come
 * need of a day's calls. ingestion_planner_ahead.c
 */
wd_must_check int planner_ahead(ingestion_planner_t    *p,
                                const ingestion_work_t *work, size_t n,
                                wd_ns_t now, wd_error_t *err);

#endif /* INGESTION_PLANNER_INT_H */
