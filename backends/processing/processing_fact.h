/*
 * processing_fact.h - facts with versions, and what a payload changes in them.
 *
 * A fact is a row of a table: key, values, and where it came from (known_at,
 * raw_id). Its versions are ordered by (known_at, raw_id): the last one
 * stands in the table, those before it in the table's _history twin, each
 * until the next one became known. A payload is merged so:
 *
 *   no version yet           it becomes the current one
 *   newer than the current   equal: nothing happens, the version keeps the
 *                            payload that said it first; different: the
 *                            current one goes to the history
 *   older than the current   the payload was processed late. The version
 *                            known just before it: equal: nothing happens.
 *                            Else the version after it: equal: that one was
 *                            known earlier than it seemed and takes this
 *                            payload's place in time; different: this one
 *                            goes into the history between the two.
 *
 * So the order in which payloads are processed does not matter, with one
 * exception that no row can show: a payload which repeated a fact leaves no
 * trace, and a different, older one that is processed after it wins over it.
 * No fact is ever deleted because a payload does not mention it.
 *
 * Pure: no database, no clock.
 */
#ifndef PROCESSING_FACT_H
#define PROCESSING_FACT_H

#include "wd_pool.h"
#include "wd_time.h"

#define PROCESSING_COLUMNS_MAX 16

typedef enum {
    PROCESSING_BOOL, /* -1 is null */
    PROCESSING_INT2,
    PROCESSING_INT4,
    PROCESSING_INT8,
    PROCESSING_NUM, /* NAN is null */
    PROCESSING_TS,
    PROCESSING_DATE, /* a wd_ns_t at midnight; WD_NS_MIN is null */
    PROCESSING_TEXT, /* data NULL is null */
    PROCESSING_CHAR /* of one byte */
} processing_type_e;

typedef union {
    int64_t  i; /* BOOL, INT2, INT4, INT8, TS, DATE */
    double   num;
    wd_str_t s;
} processing_cell_t;

/* One version of a fact. */
typedef struct {
    processing_cell_t *cells; /* keys, then values */
    wd_ns_t            known_at; /* whole microseconds */
    wd_ns_t            until; /* in the history only */
    int64_t            raw_id;
    const void        *rec; /* the record that it was made of, or NULL */
    wd_str_t           sample; /* of that record */
    int32_t            record; /* its place in the payload */
} processing_row_t;

/* Shape of a table, with the statements that read and write it. */
typedef struct {
    const char       *table;
    const char       *columns; /* keys, values, raw_id, known_at: "a, b, c" */
    int               n_keys;
    int               n_columns;
    processing_type_e types[PROCESSING_COLUMNS_MAX];
    const char       *select;
    const char       *select_history;
    const char       *select_keys; /* rows of given keys; NULL: select is */
    const char       *select_history_keys; /* for few rows in any case */
    const char       *select_known; /* as of ($5, $6); or NULL */
    const char       *update; /* $1.. columns, raw_id, known_at */
    const char       *forget; /* the history of a key: $1.. keys */
    const char       *copy;
    const char       *copy_history;
} processing_fact_t;

/* Rows that grow; memory from a pool. */
typedef struct {
    processing_row_t *rows;
    size_t            n;
    size_t            cap;
    size_t            repeated; /* dropped: they said what another one says */
} processing_rows_t;

/* A new row with zeroed cells at the end, or NULL without memory. */
processing_row_t *processing_rows_add(processing_rows_t       *rows,
                                      const processing_fact_t *fact,
                                      wd_pool_t               *pool);

/* A copy of a row at the end. WD_OK or WD_ENOMEM. */
wd_must_check int processing_rows_push(processing_rows_t *rows, wd_pool_t *pool,
                                       const processing_row_t *row);

/* What has to be done in the database. */
typedef struct {
    processing_rows_t insert; /* new facts */
    processing_rows_t update; /* current versions that change */
    processing_rows_t history; /* rows for the history */
    processing_rows_t forget; /* keys whose history is written anew */
    int64_t           stored;
    int64_t           corrected;
    int64_t           unchanged;
    int64_t           earlier; /* of those: known earlier than thought */
} processing_change_t;

/* Order of two rows by their keys. */
int processing_key_cmp(const processing_fact_t *fact, const processing_row_t *a,
                       const processing_row_t *b);

/* The same figures: missing equals missing, 0 equals -0. */
bool processing_values_equal(const processing_fact_t *fact,
                             const processing_row_t  *a,
                             const processing_row_t  *b);

/* By key; of equal keys the one added first comes first. WD_OK, WD_ENOMEM. */
wd_must_check int processing_rows_sort(processing_rows_t       *rows,
                                       const processing_fact_t *fact,
                                       wd_pool_t               *pool);

/* Is one of `current` newer than the payload, so that history is needed? */
bool processing_is_late(const processing_rows_t *current, wd_ns_t known_at,
                        int64_t raw_id);

/*
 * `in`: rows of one payload, sorted, each key once. `current` and `history`
 * sorted by key; history also by known_at, raw_id, and only needed when
 * processing_is_late(). *ret was zeroed. WD_OK or WD_ENOMEM.
 */
wd_must_check int processing_merge(const processing_fact_t *fact,
                                   wd_pool_t *pool, const processing_rows_t *in,
                                   const processing_rows_t *current,
                                   const processing_rows_t *history,
                                   processing_change_t     *ret);

#endif /* PROCESSING_FACT_H */
