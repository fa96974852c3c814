/*
 * ingestion_store_collections.h - collections, their items and slices in
 * PostgreSQL. All functions wait for the server; errors are those of wd_pg.
 */
#ifndef INGESTION_STORE_COLLECTIONS_H
#define INGESTION_STORE_COLLECTIONS_H

#include "ingestion_collection.h"
#include "ingestion_store.h"

/*
 * Rows `o` of raw_object that answer questions of item `i`: as the index
 * raw_object_question has them.
 */
#define INGESTION_STORE_ANSWERS                                      \
    "o.provider = i.provider AND o.dataset = i.dataset "             \
    "AND o.args - '{date,end,month,outputsize,page,per_page,start}'" \
    "::text[] = i.args "

/*
 * Moments that were written before the clock was set back are none: a wait
 * that is longer than any is over. Of slices that failed, and of `stopped`.
 */
#define INGESTION_STORE_WAITED(column) \
    "(" column " <= now() OR " column " > now() + interval '1 day')"
#define INGESTION_STORE_STOPS(column) \
    "(" column " > now() AND " column " <= now() + interval '60 days')"

/* ---- definitions (ingestion_store_collections.c) ------------------------ */

/* Sets timeouts and listens for what concerns collections. */
wd_must_check int ingestion_store_planner_session(wd_pg_conn_t *c,
                                                  wd_error_t   *err);

typedef struct {
    bool        api; /* else of a file */
    const char *origin; /* of a file: host and folder */
    const char *file;
    wd_str_t    by; /* who changed it */
} ingestion_source_t;

/* Items of a definition with their arguments as JSON; streams have none. */
typedef struct {
    size_t    n;
    wd_str_t *names;
    wd_str_t *args;
    wd_buf_t  text; /* that `args` point into */
} ingestion_items_t;

/* To be done with either way; `names` point into the definition. */
wd_must_check int ingestion_items_of(const ingestion_collection_t *def,
                                     ingestion_items_t *ret, wd_error_t *err);
void              ingestion_items_done(ingestion_items_t *items);

typedef enum { PUT_SAME, PUT_NEW, PUT_CHANGED } ingestion_put_e;

/*
 * Stores a checked definition with its items, in a transaction of its own.
 * WD_EEXIST: its name is one of the other source; err->text says whose.
 */
wd_must_check int ingestion_store_put(wd_pg_conn_t                 *c,
                                      const ingestion_collection_t *def,
                                      const ingestion_source_t     *source,
                                      ingestion_put_e *ret, wd_error_t *err);

/* The same inside the caller's transaction. */
wd_must_check int ingestion_store_put_one(wd_pg_conn_t                 *c,
                                          const ingestion_collection_t *def,
                                          const ingestion_source_t     *source,
                                          ingestion_put_e              *ret,
                                          wd_error_t                   *err);

/* Inside a transaction: what comes behind the mark can be taken back. */
wd_must_check int ingestion_store_mark(wd_pg_conn_t *c, wd_error_t *err);
wd_must_check int ingestion_store_back(wd_pg_conn_t *c, wd_error_t *err);

/*
 * Retires the collections of files of `origin` that are neither in `names`
 * nor of a file in `bad`. *ret_n: how many.
 */
wd_must_check int ingestion_store_retire_gone(
    wd_pg_conn_t *c, const char *origin, const wd_str_t *names, size_t n_names,
    const wd_str_t *bad, size_t n_bad, int64_t *ret_n, wd_error_t *err);

/*
 * Inside a transaction, before the files are read: of several instances on a
 * host, whoever stores last has read last.
 */
wd_must_check int ingestion_store_files_lock(wd_pg_conn_t *c,
                                             const char   *origin,
                                             wd_error_t   *err);

/* What the status says about files: all rows of an origin. */
wd_must_check int ingestion_store_files_clear(wd_pg_conn_t *c,
                                              const char   *origin,
                                              wd_error_t   *err);
wd_must_check int ingestion_store_files_add(wd_pg_conn_t *c, const char *origin,
                                            const char *file,
                                            const char *error, /* "": none */
                                            wd_error_t *err);

/*
 * By name. WD_ENOTFOUND; WD_EEXIST: the state forbids it, err->text says why.
 * A run makes all items due; *ret_n is their number.
 */
wd_must_check int ingestion_store_retire(wd_pg_conn_t *c, const char *name,
                                         wd_error_t *err);
wd_must_check int ingestion_store_pause(wd_pg_conn_t *c, const char *name,
                                        bool paused, wd_error_t *err);
wd_must_check int ingestion_store_run(wd_pg_conn_t *c, const char *name,
                                      int64_t *ret_n, wd_error_t *err);

/*
 * Calls fn(arg, identifier) for every instrument of the collections of a data
 * set that are not paused, each once, in order: what the owner of a stream is
 * to subscribe to.
 */
wd_must_check int ingestion_collections_identifiers(
    wd_pg_conn_t *c, const char *provider, const char *dataset,
    void (*fn)(void *arg, wd_str_t identifier), void *arg, wd_error_t *err);

/* ---- work of the planner (ingestion_store_items.c) ---------------------- */

typedef struct {
    int64_t id;
    int64_t version;
    bool    paused;
    char    name[INGESTION_COLLECTION_NAME_MAX + 1];
} ingestion_listed_t;

/* Collections that are not retired, by id; *ret is malloc()ed. */
wd_must_check int ingestion_store_listed(wd_pg_conn_t        *c,
                                         ingestion_listed_t **ret,
                                         size_t *ret_n, wd_ns_t *ret_now,
                                         wd_error_t *err);

/* Name and definition into an initialised *def; WD_ENOTFOUND. */
wd_must_check int ingestion_store_definition(wd_pg_conn_t *c, int64_t id,
                                             ingestion_collection_t *def,
                                             int64_t    *ret_version,
                                             wd_error_t *err);

/* One collection that may have work, with the run that is due. */
typedef struct {
    int64_t id;
    bool    plan; /* its provider can be asked */
    wd_ns_t tick;
    int64_t from; /* INGESTION_NO_DAY: no back-fill */
} ingestion_work_t;

/* Leaves in `work` those that have some. */
wd_must_check int ingestion_store_work(wd_pg_conn_t *c, ingestion_work_t *work,
                                       size_t *n, wd_error_t *err);

/*
 * Inside a transaction: the collection is ours. WD_ENOTFOUND: another
 * instance has it, or it is gone.
 */
wd_must_check int ingestion_store_lock(wd_pg_conn_t *c, int64_t id,
                                       int64_t *ret_version, bool *ret_paused,
                                       wd_ns_t *ret_now, wd_error_t *err);

/* A slice whose job has ended, or is gone. */
typedef struct {
    int64_t id;
    int64_t item;
    int64_t job;
    bool    fill;
    bool    done;
    bool    answered; /* the item has had a good answer, or may get one yet */
    int     attempts;
    int     calls; /* that the job made and that gave something */
    char class[16];
    char error[WD_ANSWER_TEXT_MAX];
} ingestion_ended_t;

wd_must_check int ingestion_store_ended(wd_pg_conn_t *c, int64_t collection,
                                        ingestion_ended_t *ret, size_t cap,
                                        size_t *ret_n, wd_error_t *err);

/* What becomes of it. */
wd_must_check int ingestion_store_slice_done(wd_pg_conn_t            *c,
                                             const ingestion_ended_t *s,
                                             wd_error_t              *err);
wd_must_check int ingestion_store_slice_again(wd_pg_conn_t            *c,
                                              const ingestion_ended_t *s,
                                              int64_t delay_s, wd_error_t *err);
wd_must_check int ingestion_store_slice_stop(wd_pg_conn_t            *c,
                                             const ingestion_ended_t *s,
                                             int64_t days, wd_error_t *err);

/* Items without live slices are covered up to where their run asked. */
wd_must_check int ingestion_store_covered(wd_pg_conn_t *c, int64_t collection,
                                          wd_error_t *err);

/* An item to be planned. */
typedef struct {
    int64_t  id;
    wd_str_t args; /* inside the rows */
    wd_ns_t  high; /* WD_NS_MIN: none */
    wd_ns_t  covered;
    int64_t  fill_to; /* INGESTION_NO_DAY */
} ingestion_item_t;

/*
 * At most `limit` items, the rows to be cleared with PQclear(): those due for
 * a live run, and those whose back-fill has no slice on its way, the least
 * advanced first.
 */
wd_must_check int ingestion_store_due(wd_pg_conn_t *c, int64_t collection,
                                      wd_ns_t tick, int64_t limit,
                                      PGresult **ret, wd_error_t *err);
wd_must_check int ingestion_store_unfilled(wd_pg_conn_t *c, int64_t collection,
                                           int64_t from, int64_t limit,
                                           PGresult **ret, wd_error_t *err);
void ingestion_store_item(const PGresult *res, int row, ingestion_item_t *ret);

/* Jobs of the back-fill that are queued or run. */
wd_must_check int ingestion_store_filling(wd_pg_conn_t *c, int64_t collection,
                                          int64_t *ret_n, wd_error_t *err);

/* A question and whose it is. */
typedef struct {
    const ingestion_collection_t *def;
    int64_t                       collection;
    int64_t                       item;
    bool                          fill;
    ingestion_slice_t             slice;
    wd_str_t                      args;
} ingestion_want_t;

/* Queues its job, or joins the equal one that waits or runs. */
wd_must_check int ingestion_store_want(wd_pg_conn_t           *c,
                                       const ingestion_want_t *ask,
                                       wd_error_t             *err);

/* A slice that waited long enough: id, item, fill, args, from, to. */
wd_must_check int ingestion_store_waiting(wd_pg_conn_t *c, int64_t collection,
                                          bool fill, int64_t limit,
                                          PGresult **ret, wd_error_t *err);

/* The live run of `tick` is planned. */
wd_must_check int ingestion_store_planned(wd_pg_conn_t           *c,
                                          const ingestion_item_t *item,
                                          wd_ns_t tick, wd_ns_t now,
                                          wd_error_t *err);

/* The run of `tick` is late, and cannot be planned for now. */
wd_must_check int ingestion_store_overdue(wd_pg_conn_t *c, int64_t collection,
                                          wd_ns_t tick, wd_error_t *err);

/* Runs of a collection that are still to come on a day of UTC and the next. */
typedef struct {
    int64_t collection;
    int64_t day;
    int64_t runs; /* beside the one of `tick`, which may be due */
    int64_t next;
    wd_ns_t tick;
} ingestion_ahead_t;

/* Notes the calls that they need. */
wd_must_check int ingestion_store_ahead(wd_pg_conn_t            *c,
                                        const ingestion_ahead_t *ahead,
                                        wd_error_t              *err);

/* Its back-fill begins at this day. */
wd_must_check int ingestion_store_fill_begin(wd_pg_conn_t *c, int64_t item,
                                             int64_t day, wd_error_t *err);

/* Queued jobs of a paused collection wait; of one that is not, they do not. */
wd_must_check int ingestion_store_hold(wd_pg_conn_t *c, int64_t collection,
                                       bool paused, wd_error_t *err);

/* Rows and marks of items whose jobs have ended a while ago. */
wd_must_check int ingestion_store_recount(wd_pg_conn_t *c, wd_error_t *err);

#endif /* INGESTION_STORE_COLLECTIONS_H */
