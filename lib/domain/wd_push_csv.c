/*
 * wd_push_csv.c - parts of CSV: a header line, and records.
 */
#include "wd_csv_scan.h"
#include "wd_push_parse.h"
#include "wd_push_read.h"
#include "wd_push_scan.h"


int
wd_push_row_header(const wd_push_dataset_t *d, wd_str_t line, wd_pool_t *pool,
                   wd_push_row_t *row, wd_push_header_t *ret)
{
    int           rc, at;
    size_t        i;
    wd_csv_scan_t s;

    wd_push_row_init(row);
    wd_csv_scan_init(&s, line);
    rc = wd_csv_scan_line(&s, pool);
    if (rc != WD_OK && rc != WD_ETRUNC) {
        return rc == WD_ENOMEM ? rc : WD_EPROTO;
    }

    /* More cells than columns: one of them is a stranger, or there twice. */
    for (i = 0; i < s.n; i++) {
        at = wd_push_row_name(d, row, s.cells[i]);
        if (i < WD_PUSH_COLUMNS_MAX) {
            ret->at[i] = at;
        }
    }
    ret->n = s.n;
    return WD_OK;
}


static int
wd_push_csv_add_line(const wd_push_dataset_t *d, const wd_push_header_t *h,
                     wd_str_t line, int32_t number, wd_records_t *r)
{
    int           rc;
    size_t        i;
    wd_csv_scan_t s;
    wd_push_row_t row;

    wd_csv_scan_init(&s, line);
    rc = wd_csv_scan_line(&s, r->pool);
    if (rc == WD_ENOMEM) {
        return rc;
    }
    /* The last line of a body needs no line end. */
    if ((rc != WD_OK && rc != WD_ETRUNC) || s.p != s.end) {
        r->n_records++;
        return wd_records_reject(r, number, WD_REASON_SYNTAX, line,
                                 "no line of CSV: a stray quote");
    }
    if (s.n != h->n) {
        r->n_records++;
        return wd_records_reject(r, number, WD_REASON_SYNTAX, line,
                                 "%zu cells, the header has %zu", s.n, h->n);
    }

    wd_push_row_init(&row);
    for (i = 0; i < s.n; i++) {
        row.cells[h->at[i]] = s.cells[i];
    }
    return wd_push_row_add(d, &row, number, s.line, r);
}


/* The next record of `*left`, whose number is *number; both move. */
static int
wd_push_csv_next_record(const wd_push_dataset_t *d, const wd_push_header_t *h,
                        wd_str_t *left, int32_t *number, wd_records_t *r)
{
    int      rc = WD_OK;
    size_t   n;
    wd_str_t line;

    if (wd_push_csv_end(*left, true, &n) == WD_ETOOBIG) {
        return wd_push_read_overlong(left, number, r);
    }
    line = wd_str(left->data, n);
    if (!wd_push_line_blank(line)) {
        rc = wd_push_csv_add_line(d, h, line, *number, r);
    }
    *number += (int32_t) wd_push_newlines(line);
    left->data += n;
    left->len -= n;
    return rc;
}


int
wd_push_read_csv(const wd_push_dataset_t *d, wd_str_t part, wd_records_t *r)
{
    int              rc;
    size_t           n = 0;
    int32_t          number = 0;
    wd_error_t       err = {0};
    wd_push_row_t    row;
    wd_push_header_t h;

    rc = wd_push_line_end(part, true, &n) == WD_OK
             ? wd_push_row_header(d, wd_str(part.data, n), r->pool, &row, &h)
             : WD_EPROTO;
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc != WD_OK || wd_push_row_names(d, &row, "header", &err) != WD_OK) {
        return wd_records_refuse(r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""), "%s",
                                 rc != WD_OK ? "no header" : err.text);
    }

    part.data += n;
    part.len -= n;
    while (part.len != 0 && rc == WD_OK) {
        rc = wd_push_read_room(r);
        if (rc == WD_OK) {
            rc = wd_push_csv_next_record(d, &h, &part, &number, r);
        }
    }
    return rc == WD_ETOOBIG ? WD_OK : rc;
}
