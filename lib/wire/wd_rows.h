/*
 * wd_rows.h - answers in JSON and MessagePack, tables also in CSV, from one
 * description of the columns.
 *
 *     static const wd_col_t cols[] = {
 *         {"symbol", WD_COL_STR}, {"t", WD_COL_TIME}, {"c", WD_COL_NUM}};
 *
 *     wd_rows_begin(&r, out, WD_FMT_JSON, cols, wd_array_len(cols));
 *     wd_rows_row(&r);
 *     wd_rows_str(&r, symbol);
 *     wd_rows_time(&r, t);
 *     wd_rows_num(&r, close);
 *     wd_rows_end(&r);
 *     wd_doc_key(r.doc, "next");
 *     wd_doc_null(r.doc);
 *     wd_rows_finish(&r);
 *
 * gives {"data":[{"symbol":..,"t":..,"c":..}],"next":null}, the same in
 * MessagePack, or a CSV header line and lines (no members: CSV has no place
 * for them). Values are the same in all formats: times are RFC 3339 text,
 * numbers the same doubles, what is missing or not finite is null and in CSV
 * an empty cell. Failures stay in out->err.
 */
#ifndef WD_ROWS_H
#define WD_ROWS_H

#include "wd_json.h"
#include "wd_method.h"
#include "wd_mp.h"

#define WD_DOC_DEPTH_MAX 8

/* A document; with WD_FMT_CSV nothing is written. */
typedef struct {
    unsigned  format;
    wd_buf_t *out;
    wd_json_t json;
    int       depth;
    struct {
        size_t   head; /* where the count is written at the end */
        uint32_t n;
        bool     map;
    } open[WD_DOC_DEPTH_MAX];
} wd_doc_t;

void wd_doc_init(wd_doc_t *d, wd_buf_t *out, unsigned format);
void wd_doc_obj(wd_doc_t *d);
void wd_doc_arr(wd_doc_t *d);
void wd_doc_end(wd_doc_t *d); /* of the innermost object or array */
void wd_doc_key(wd_doc_t *d, const char *key); /* written as it is */
void wd_doc_str(wd_doc_t *d, wd_str_t s); /* data NULL becomes null */
void wd_doc_z(wd_doc_t *d, const char *z); /* NULL becomes null */
void wd_doc_num(wd_doc_t *d, double v); /* not finite becomes null */
void wd_doc_int(wd_doc_t *d, int64_t v);
void wd_doc_bool(wd_doc_t *d, bool v);
void wd_doc_null(wd_doc_t *d);
void wd_doc_time(wd_doc_t *d, wd_ns_t t);
void wd_doc_date(wd_doc_t *d, wd_ns_t t);

/* Key and value at once. */
void wd_doc_member_z(wd_doc_t *d, const char *key, const char *z);
void wd_doc_member_str(wd_doc_t *d, const char *key, wd_str_t s);
void wd_doc_member_int(wd_doc_t *d, const char *key, int64_t v);
void wd_doc_member_num(wd_doc_t *d, const char *key, double v);
void wd_doc_member_time(wd_doc_t *d, const char *key, wd_ns_t t);

typedef enum {
    WD_COL_STR,
    WD_COL_NUM,
    WD_COL_INT,
    WD_COL_BOOL,
    WD_COL_LIST, /* texts */
    WD_COL_JSON, /* a whole value */
    WD_COL_TIME, /* RFC 3339 */
    WD_COL_DATE /* YYYY-MM-DD */
} wd_col_type_e;

typedef struct {
    const char   *name;
    wd_col_type_e type;
} wd_col_t;

typedef struct {
    wd_doc_t       *doc;
    wd_doc_t        own; /* the document of wd_rows_begin() */
    const wd_col_t *cols;
    size_t          n_cols;
    size_t          col; /* next one of the row at hand */
    size_t          n_rows;
} wd_rows_t;

/* Opens the object and its member "data". `cols` must stay, *r not move. */
void wd_rows_begin(wd_rows_t *r, wd_buf_t *out, unsigned format,
                   const wd_col_t *cols, size_t n_cols);

/* The same with another name than "data". */
void wd_rows_begin_as(wd_rows_t *r, wd_buf_t *out, unsigned format,
                      const char *name, const wd_col_t *cols, size_t n_cols);

/* One row is the whole document; wd_rows_row(), cells, and no end. */
void wd_rows_single(wd_rows_t *r, wd_buf_t *out, unsigned format,
                    const wd_col_t *cols, size_t n_cols);

/*
 * A table as the next value of an open document; wd_rows_end() goes back to
 * it. Not for CSV.
 */
void wd_rows_inside(wd_rows_t *r, wd_doc_t *d, const wd_col_t *cols,
                    size_t n_cols);

/* A row: all its cells follow, in the order of the columns. */
void wd_rows_row(wd_rows_t *r);
void wd_rows_str(wd_rows_t *r, wd_str_t s); /* data NULL: null */
void wd_rows_z(wd_rows_t *r, const char *z); /* NULL: null */
void wd_rows_num(wd_rows_t *r, double v);
void wd_rows_int(wd_rows_t *r, int64_t v);
void wd_rows_bool(wd_rows_t *r, bool v);
void wd_rows_time(wd_rows_t *r, wd_ns_t t); /* text by the column's type */

/* An array, NULL: null; in CSV the texts with blanks between them. */
void wd_rows_list(wd_rows_t *r, const wd_str_t *v, size_t n);

/* A JSON value as it is; in the other formats its text. */
void wd_rows_json(wd_rows_t *r, wd_str_t json);
void wd_rows_null(wd_rows_t *r);

/* Closes "data"; members may follow through r->doc. */
void wd_rows_end(wd_rows_t *r);

/* Closes the object. */
void wd_rows_finish(wd_rows_t *r);

#endif /* WD_ROWS_H */
