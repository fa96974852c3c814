/*
 * wd_lseg_table.h - what the readers of LSEG's answers share; for them alone.
 *
 * An answer is an object, or a list with one for each instrument, whose
 * members stand in any order: rows may come before the headers that say what
 * their columns are. So an object is walked over first, remembering where its
 * members stand, and then read. Damage costs only the record that it hit.
 */
#ifndef WD_LSEG_TABLE_H
#define WD_LSEG_TABLE_H

#include "wd_json_scan.h"
#include "wd_lseg_parse.h"

#define WD_LSEG_COLUMNS_MAX 1024
#define WD_LSEG_NAME_MAX 128 /* bytes of the name of a column, of a scheme */

/* Where one object's members stand; p NULL: there is no such member. */
typedef struct {
    wd_json_scan_t headers;
    wd_json_scan_t data;
    wd_json_scan_t attributes;
    wd_json_scan_t adjustments;
    wd_json_scan_t universe;
    wd_json_scan_t hits;
    wd_json_scan_t matches;
    wd_str_t       ric;
    wd_str_t       interval;
    wd_str_t       label;
    wd_str_t       default_field;
    wd_str_t       timeliness;
    wd_str_t       total;
    wd_str_t       code; /* of a status, a state or an error */
    wd_str_t       message;
    bool           error; /* an error, or a state that is none of success */
    bool           status;
    int            rc; /* how it ended, if not within its rows: WD_ETRUNC, .. */
    const char    *bad; /* where */
} wd_lseg_frame_t;

/*
 * Walks over the object at the cursor. WD_OK, with what could be seen of a
 * damaged one and ret->rc, or WD_ENOMEM.
 */
wd_must_check int wd_lseg_frame(wd_json_scan_t *s, wd_pool_t *pool,
                                wd_lseg_frame_t *ret);

/* An error, or a status that is no mere warning. */
bool wd_lseg_frame_complains(const wd_lseg_frame_t *f);

/* "data" is a list that is not empty. */
bool wd_lseg_frame_has_rows(const wd_lseg_frame_t *f);

/*
 * Rejects of the payload: the provider's complaint, and damage outside of the
 * rows unless the payload is refused already.
 */
wd_must_check int wd_lseg_frame_report(const wd_lseg_frame_t *f,
                                       wd_records_t          *r);

/* A member of an object that is wanted as text. */
typedef struct {
    const char *key;
    wd_str_t   *ret; /* of a number as it stands there; null: data NULL */
} wd_lseg_want_t;

/* Steps over a value of any kind; of an object, takes what is wanted. */
wd_must_check int wd_lseg_texts(wd_json_scan_t *s, wd_pool_t *pool,
                                const wd_lseg_want_t *want, size_t n);

/*
 * A list of records, each of them an array ('[') or an object ('{').
 *
 *     wd_lseg_list_init(&l, r, at, '{');
 *     while ((rc = wd_lseg_list_next(&l)) == WD_OK) {
 *         rc = wd_lseg_list_done(&l, read_record(&l.s));
 *         if (rc != WD_OK) {
 *             return rc;
 *         }
 *     }
 *
 * Both leave a reject for what cannot be read and go on behind it.
 */
typedef struct {
    wd_json_scan_t s;
    wd_records_t  *r;
    const char    *mark; /* first byte of the record */
    int32_t        record;
    char           open;
    bool           first;
    bool           ended;
    bool           damaged; /* records may be missing */
} wd_lseg_list_t;

void wd_lseg_list_init(wd_lseg_list_t *l, wd_records_t *r, wd_json_scan_t at,
                       char open);

/* WD_OK before a record, WD_ENOTFOUND at the end, WD_ENOMEM. */
wd_must_check int wd_lseg_list_next(wd_lseg_list_t *l);

/* What reading the record came to: WD_OK, or WD_ENOMEM to stop. */
wd_must_check int wd_lseg_list_done(wd_lseg_list_t *l, int rc);

/* The record that was read just now, as it stands there. */
wd_str_t wd_lseg_list_sample(const wd_lseg_list_t *l);

/* Headers and rows of the same length. */
typedef struct {
    wd_str_t name; /* or its title, where it has no name */
    bool     number;
} wd_lseg_column_t;

typedef struct {
    wd_lseg_list_t      list;
    wd_lseg_column_t   *columns;
    wd_json_scan_val_t *cells; /* of this row; nested ones are announced only */
    size_t              n;
} wd_lseg_table_t;

/*
 * WD_OK, WD_ENOTFOUND: refused, since headers or rows are missing or are none;
 * WD_ENOMEM.
 */
wd_must_check int wd_lseg_table_init(wd_lseg_table_t *t, wd_records_t *r,
                                     const wd_lseg_frame_t *f);

/* The next row with as many cells as columns. As wd_lseg_list_next(). */
wd_must_check int wd_lseg_table_next(wd_lseg_table_t *t);

/* Number of a column, whatever the case of its name; -1: there is none. */
int wd_lseg_column(const wd_lseg_table_t *t, const char *name);

/* null and words for missing become NAN. WD_EINVAL, WD_EOVERFLOW. */
wd_must_check int wd_lseg_figure(const wd_json_scan_val_t *v, double *ret);

/* For a person: what stands in a cell, also a nested one. */
wd_str_t wd_lseg_cell_text(const wd_json_scan_val_t *v);

/* The readers of the data sets. */
wd_must_check int wd_lseg_pricing(wd_lseg_dataset_e      dataset,
                                  const wd_lseg_frame_t *f, wd_records_t *r);
wd_must_check int wd_lseg_esg(const wd_lseg_frame_t *f, wd_records_t *r);
wd_must_check int wd_lseg_symbology(const wd_lseg_frame_t *f, wd_records_t *r);
wd_must_check int wd_lseg_search(const wd_lseg_frame_t *f, wd_records_t *r);

#endif /* WD_LSEG_TABLE_H */
