/*
 * wd_wb_json.h - what the readers of the World Bank's JSON answers share; for
 * them alone.
 *
 * Damage costs only the row that it hit: when a row cannot be read, the
 * reader looks for the next brace that begins one and goes on there; when the
 * text ends early, what stood before is kept. Both leave a reject behind.
 */
#ifndef WD_WB_JSON_H
#define WD_WB_JSON_H

#include "wd_json_scan.h"
#include "wd_wb_parse.h"

typedef struct {
    wd_wb_dataset_e dataset;
    wd_json_scan_t  s;
    wd_records_t   *r;
    int32_t         strangers; /* rows of another data set */
    bool            message; /* the answer is an error of the provider */
    bool            rows_seen;
    bool            whole; /* of the rows: their end was reached */
} wd_wb_json_t;

/* How the rows of one kind of list are read. */
typedef struct {
    /*
     * Reads one row at its brace, counts it, adds what it says or rejects it.
     * WD_OK; WD_ENOMEM; WD_ETRUNC, WD_EPROTO: it was not counted.
     */
    int (*row)(wd_wb_json_t *w);

    /* Does a row begin at the brace there? Asked behind damage. */
    bool (*begins)(const wd_wb_json_t *w, wd_json_scan_t at);

    const char *strangers; /* why none of the rows is one */
} wd_wb_rows_t;

extern const wd_wb_rows_t wd_wb_rows_series; /* wd_wb_series.c */
extern const wd_wb_rows_t wd_wb_rows_source; /* wd_wb_series.c */
extern const wd_wb_rows_t wd_wb_rows_meta; /* wd_wb_meta.c */

/* The text between two places. */
static inline wd_str_t
wd_wb_slice(const char *from, const char *to)
{
    return wd_str(from, (size_t) (to - from));
}

/*
 * The next member of an object with its value; an object or array is only
 * announced. WD_ENOTFOUND behind the last one.
 */
wd_must_check int wd_wb_json_member(wd_wb_json_t *w, bool *first,
                                    wd_str_t *ret_key, wd_json_scan_val_t *ret);

bool wd_wb_json_nested(const wd_json_scan_val_t *v);

/* A reject of the payload: it ends inside of what began at `from`. */
wd_must_check int wd_wb_json_truncated(wd_wb_json_t *w, const char *from);

/*
 * Rows, their bracket having been passed. WD_OK also when the text ended
 * early or the rest cannot be read: that was said, w->whole is false, and
 * nothing is left to read. WD_ENOMEM.
 */
wd_must_check int wd_wb_json_rows(wd_wb_json_t *w, const wd_wb_rows_t *rows);

#endif /* WD_WB_JSON_H */
