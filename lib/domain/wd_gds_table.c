/*
 * wd_gds_table.c - GDS entries that are tables: the head names the items, and
 * one column may be the day.
 */
#include "wd_gds_facts.h"

#include "wd_gds_parse.h"

#define WD_GDS_COLUMNS_MAX 256

/* Columns of a table, and which of them is the day. */
typedef struct {
    wd_str_t names[WD_GDS_COLUMNS_MAX];
    size_t   n;
    size_t   day; /* n: none */
} wd_gds_columns_t;


/* "AsOfDate", "As Of Date": 1; "PeriodEndDate": 2, which is the better one. */
static int
wd_gds_day_rank(wd_str_t name)
{
    char   key[16];
    size_t i, n = 0;

    for (i = 0; i < name.len; i++) {
        if (name.data[i] == ' ' || name.data[i] == '_') {
            continue;
        }
        if (n == sizeof(key)) {
            return 0;
        }
        key[n++] = name.data[i];
    }
    if (wd_str_ieq(wd_str(key, n), WD_STR("periodenddate"))) {
        return 2;
    }
    return wd_str_ieq(wd_str(key, n), WD_STR("asofdate")) ? 1 : 0;
}


/* The names in the head; false: rejected, *ret_rc tells whether it could be. */
static bool
wd_gds_columns(wd_gds_facts_t *f, wd_gds_columns_t *c, int *ret_rc)
{
    int                rc, rank, best = 0;
    bool               first = true, named = false;
    wd_json_scan_t     list = f->e->headers;
    wd_json_scan_val_t v;

    c->n = 0;
    rc = wd_json_scan_open(&list, '[');
    while (rc == WD_OK
           && (rc = wd_gds_cell_next(f, &list, &first, &v)) == WD_OK) {
        if (c->n == WD_GDS_COLUMNS_MAX || v.type != WD_JS_STRING
            || v.text.len == 0 || !wd_record_text_ok(v.text, WD_GDS_NAME_MAX)) {
            break;
        }
        rank = wd_gds_day_rank(v.text);
        if (rank > best) {
            best = rank;
            c->day = c->n;
        }
        named = named || wd_str_ieq(v.text, f->e->mnemonic);
        c->names[c->n++] = v.text;
    }

    c->day = best == 0 ? c->n : c->day;
    *ret_rc = rc;
    if (rc == WD_ENOMEM) {
        return false;
    }
    if (rc != WD_ENOTFOUND) {
        *ret_rc = wd_gds_reject(f, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                "columns without names, or too many of them",
                                WD_STR(""));
        return false;
    }
    if (!named && !wd_str_eq_z(f->e->function, "GDSG")) {
        *ret_rc = wd_gds_reject(f, WD_REASON_ITEM_MISMATCH, WD_STR(""),
                                "no column of this name but",
                                c->n != 0 ? c->names[0] : WD_STR("none"));
        return false;
    }
    return true;
}


/* The day of a row. */
static bool
wd_gds_row_day(wd_gds_facts_t *f, const wd_gds_columns_t *c,
               const wd_json_scan_val_t *cells, wd_ns_t *ret)
{
    if (c->day == c->n) {
        *ret = f->as_of;
        return true;
    }
    return wd_gds_date(wd_gds_cell_text(&cells[c->day]), ret);
}


static int
wd_gds_row(wd_gds_facts_t *f, const wd_gds_columns_t *c, wd_gds_row_t *row)
{
    int                rc;
    bool               first = true;
    size_t             i = 0;
    wd_ns_t            time;
    wd_json_scan_val_t cells[WD_GDS_COLUMNS_MAX];

    if (row->cells.p == NULL || wd_gds_count(row->cells) != c->n) {
        return wd_gds_reject(f, WD_REASON_SYNTAX, row->sample,
                             "a row with other columns than the head",
                             WD_STR(""));
    }
    rc = wd_json_scan_open(&row->cells, '[');
    while (rc == WD_OK && i < c->n) {
        rc = wd_gds_cell_next(f, &row->cells, &first, &cells[i++]);
    }
    if (rc != WD_OK) {
        return rc == WD_ENOMEM
                   ? rc
                   : wd_gds_reject(f, WD_REASON_SYNTAX, row->sample,
                                   "the row cannot be read", WD_STR(""));
    }
    if (!wd_gds_row_day(f, c, cells, &time)) {
        return wd_gds_reject(f, WD_REASON_BAD_TIME, row->sample, "day is",
                             wd_gds_cell_text(&cells[c->day]));
    }
    for (i = 0; i < c->n && rc == WD_OK && !f->full; i++) {
        if (wd_gds_day_rank(c->names[i]) == 0) {
            rc = wd_gds_fact(f, c->names[i], time, &cells[i], row->sample);
        }
    }
    return rc;
}


int
wd_gds_table(wd_gds_facts_t *f)
{
    int              rc;
    bool             first = true;
    wd_gds_row_t     row;
    wd_json_scan_t   rows = f->e->rows;
    wd_gds_columns_t c;

    if (f->e->headers.p == NULL) { /* then there can be one column only */
        c.names[0] = f->e->mnemonic;
        c.n = c.day = 1;
    } else if (!wd_gds_columns(f, &c, &rc)) {
        return rc;
    }

    rc = wd_json_scan_open(&rows, '[');
    while (rc == WD_OK && !f->full
           && (rc = wd_gds_row_next(f, &rows, &first, &row)) == WD_OK) {
        rc = wd_gds_row(f, &c, &row);
    }
    if (rc == WD_OK || rc == WD_ENOTFOUND || rc == WD_ENOMEM) {
        return rc == WD_ENOMEM ? rc : WD_OK;
    }
    return wd_gds_reject(f, WD_REASON_SYNTAX, WD_STR(""),
                         "a row that cannot be read", WD_STR(""));
}
