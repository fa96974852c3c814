/*
 * ingestion_store_plan.h - what is shown of collections: reading alone. The
 * rows are to be cleared with PQclear(); columns are those of the enums.
 */
#ifndef INGESTION_STORE_PLAN_H
#define INGESTION_STORE_PLAN_H

#include "ingestion_store_collections.h"

/* Days are integers since 1970. */
enum {
    OVER_ID,
    OVER_NAME,
    OVER_SOURCE,
    OVER_FILE,
    OVER_DEFINITION,
    OVER_PAUSED,
    OVER_CHANGED_AT,
    OVER_CHANGED_BY,
    OVER_ACTIVE, /* items */
    OVER_ANSWERED,
    OVER_STOPPED,
    OVER_CALLS, /* of a live run */
    OVER_LIVE_AT,
    OVER_COVERED_TO,
    OVER_HIGH,
    OVER_ROWS,
    OVER_FILL_SINCE,
    OVER_FILL_STOPPED,
    OVER_LIVE_QUEUED, /* slices, in the order of states[] */
    OVER_LIVE_RUNNING,
    OVER_LIVE_PAUSED,
    OVER_LIVE_WAITING,
    OVER_FILL_QUEUED,
    OVER_FILL_RUNNING,
    OVER_FILL_PAUSED,
    OVER_FILL_WAITING,
    OVER_ERROR_OF, /* latest failure */
    OVER_ERROR_CLASS,
    OVER_ERROR,
    OVER_ERROR_AT
};

/* One row for each collection by name; name NULL: all. */
wd_must_check int ingestion_store_overview(wd_pg_conn_t *c, const char *name,
                                           PGresult **ret, wd_error_t *err);

enum {
    PROGRESS_COLLECTION,
    PROGRESS_BEGIN, /* day or null */
    PROGRESS_TO,
    PROGRESS_STOPPED,
    PROGRESS_ITEMS,
    PROGRESS_CALLS /* of one slice of each */
};

/* Items that are equally far, by collection. */
wd_must_check int ingestion_store_progress(wd_pg_conn_t *c, PGresult **ret,
                                           wd_error_t *err);

enum { FILE_ORIGIN, FILE_NAME, FILE_READ_AT, FILE_ERROR };

wd_must_check int ingestion_store_files(wd_pg_conn_t *c, bool bad,
                                        PGresult **ret, wd_error_t *err);

enum {
    STATE_ID,
    STATE_INSTRUMENT,
    STATE_ARGS,
    STATE_LIVE_AT,
    STATE_COVERED_TO,
    STATE_ANSWERED_AT,
    STATE_LAST_AT,
    STATE_LAST_CLASS,
    STATE_LAST_ERROR,
    STATE_STOPPED_CLASS,
    STATE_STOPPED_UNTIL,
    STATE_FILL_BEGIN,
    STATE_FILL_TO,
    STATE_FILL_CLASS,
    STATE_FILL_ERROR,
    STATE_FILL_UNTIL,
    STATE_HIGH,
    STATE_ROWS,
    STATE_JOBS /* on their way */
};

/* Active items behind `after`. */
wd_must_check int ingestion_store_states(wd_pg_conn_t *c, int64_t collection,
                                         int64_t after, int64_t limit,
                                         PGresult **ret, wd_error_t *err);

/* The first five are those of ingestion_store_item(). */
enum {
    ITEM_INSTRUMENT = 5,
    ITEM_CALLS,
    ITEM_STOPPED,
    ITEM_FILL_STOPPED,
    ITEM_BUSY, /* live slices are on their way */
    ITEM_FILL_ARGS, /* of its slice of the back-fill, or null */
    ITEM_FILL_FROM,
    ITEM_FILL_STATE,
    ITEM_FILL_NOT_BEFORE
};

/* All active items of a collection, or as they would be of a definition. */
wd_must_check int ingestion_store_plan_items(wd_pg_conn_t *c,
                                             int64_t collection, PGresult **ret,
                                             wd_error_t *err);
wd_must_check int ingestion_store_plan_try(wd_pg_conn_t                 *c,
                                           const ingestion_collection_t *def,
                                           PGresult **ret, wd_error_t *err);

enum {
    SLICE_ITEM,
    SLICE_INSTRUMENT,
    SLICE_ARGS,
    SLICE_STATE,
    SLICE_NOT_BEFORE
};

/* Live slices of active items that are not stopped, by item. */
wd_must_check int ingestion_store_plan_slices(wd_pg_conn_t *c,
                                              int64_t       collection,
                                              PGresult **ret, wd_error_t *err);

/* The database's clock. */
wd_must_check int ingestion_store_now(wd_pg_conn_t *c, wd_ns_t *ret,
                                      wd_error_t *err);

#endif /* INGESTION_STORE_PLAN_H */
