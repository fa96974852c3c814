/*
 * wd_gds_facts.h - from the cells of one GDS entry to facts; for the readers
 * of such answers alone.
 */
#ifndef WD_GDS_FACTS_H
#define WD_GDS_FACTS_H

#include "wd_gds_entry.h"

typedef struct {
    const wd_gds_entry_t *e;
    const wd_gds_item_t  *item;
    wd_records_t         *r;
    wd_str_t              unit;
    wd_str_t              period;
    wd_ns_t               as_of; /* of the properties, or WD_NS_MIN */
    bool                  full; /* more records than a payload may have */
} wd_gds_facts_t;

/* One row of a table, or the only one of a series. */
typedef struct {
    wd_json_scan_t cells; /* before the bracket */
    wd_str_t       sample;
} wd_gds_row_t;

/* A reject with the names of the item; what and text say what is wrong. */
wd_must_check int wd_gds_reject(wd_gds_facts_t *f, wd_reason_e reason,
                                wd_str_t sample, const char *what,
                                wd_str_t text);

/* What a cell says as text: null is nothing, true and false their names. */
wd_str_t wd_gds_cell_text(const wd_json_scan_val_t *v);

/*
 * What a value is: its text, NULL where there is none, and the number that it
 * is, else NAN. WD_REASON_COUNT, or why it cannot be stored.
 */
wd_reason_e wd_gds_value(const wd_json_scan_val_t *v, wd_str_t *ret_text,
                         double *ret_value);

/* One cell as a fact, or a reject with the reason why it is none. */
wd_must_check int wd_gds_fact(wd_gds_facts_t *f, wd_str_t item, wd_ns_t time,
                              const wd_json_scan_val_t *v, wd_str_t sample);

/*
 * The next row: {"Row": [...]}. WD_ENOTFOUND behind the last one; cells.p is
 * NULL when the row is none.
 */
wd_must_check int wd_gds_row_next(wd_gds_facts_t *f, wd_json_scan_t *rows,
                                  bool *first, wd_gds_row_t *ret);

/* The next element of a list of cells; WD_ENOTFOUND behind the last one. */
wd_must_check int wd_gds_cell_next(wd_gds_facts_t *f, wd_json_scan_t *list,
                                   bool *first, wd_json_scan_val_t *ret);

/* The entries of GDSP, GDSPV, GDSHE, GDSHV, GDSG. WD_OK or WD_ENOMEM. */
wd_must_check int wd_gds_table(wd_gds_facts_t *f);

#endif /* WD_GDS_FACTS_H */
