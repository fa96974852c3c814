/*
 * ingestion_planner.h - the thread that makes the jobs of collections when
 * they are due, and looks what became of them.
 *
 * Everything it knows stands in the database, so that it survives any end of
 * the process. Several instances share the work: each takes a collection at a
 * time, with its row locked.
 */
#ifndef INGESTION_PLANNER_H
#define INGESTION_PLANNER_H

#include "ingestion_store_collections.h"

#include "wd_log.h"

typedef struct ingestion_planner ingestion_planner_t;

typedef struct {
    bool   healthy; /* the last round succeeded */
    size_t collections; /* that this instance knows */
    size_t bad_files;
} ingestion_planner_state_t;

/* Can this data set be asked for? Any thread. */
typedef bool (*ingestion_ready_pt)(void *arg, const char *provider,
                                   const char *dataset);

/*
 * `url` and `folder` (of the collections' files; NULL: none) must stay. *ret
 * is to be destroyed also after a failure.
 */
wd_must_check int ingestion_planner_start(const char *url, const char *folder,
                                          ingestion_ready_pt ready, void *arg,
                                          wd_log_t             *log,
                                          ingestion_planner_t **ret,
                                          wd_error_t           *err);

/* The files are read again. */
void ingestion_planner_reload(ingestion_planner_t *p);

void ingestion_planner_ask_stop(ingestion_planner_t *p);
void ingestion_planner_join(ingestion_planner_t *p);
void ingestion_planner_destroy(ingestion_planner_t *p);

void ingestion_planner_state(ingestion_planner_t       *p,
                             ingestion_planner_state_t *ret);

#endif /* INGESTION_PLANNER_H */
