/*
 * wd_gds_facts.c - cells of a GDS entry as facts, and its series.
 */
#include "wd_gds_facts.h"

#include "wd_gds_answer.h"
#include "wd_gds_parse.h"

#include "wd_num.h"

#include <math.h>


int
wd_gds_reject(wd_gds_facts_t *f, wd_reason_e reason, wd_str_t sample,
              const char *what, wd_str_t text)
{
    return wd_records_reject(
        f->r, f->r->n_records++, reason, sample, "%.*s %.*s %.*s: %s %.*s",
        WD_STR_ARG(f->item->function), WD_STR_ARG(f->item->identifier),
        WD_STR_ARG(f->item->mnemonic), what,
        (int) wd_min(text.len, (size_t) 40),
        text.data != NULL ? text.data : "");
}


wd_str_t
wd_gds_cell_text(const wd_json_scan_val_t *v)
{
    switch (v->type) {
    case WD_JS_STRING:
    case WD_JS_NUMBER:
        return wd_str_trim(v->text);
    case WD_JS_TRUE:
        return WD_STR("true");
    case WD_JS_FALSE:
        return WD_STR("false");
    default:
        return WD_STR_NULL;
    }
}


wd_reason_e
wd_gds_value(const wd_json_scan_val_t *v, wd_str_t *ret_text, double *ret_value)
{
    int         rc;
    wd_answer_e why;

    *ret_value = NAN;
    *ret_text = wd_gds_cell_text(v);
    if (v->type == WD_JS_OBJECT || v->type == WD_JS_ARRAY) {
        *ret_text = WD_STR("a list or an object");
        return WD_REASON_NOT_A_NUMBER;
    }
    if (ret_text->len > WD_RECORD_FIELD_MAX) {
        return WD_REASON_TOO_LONG;
    }
    if (!wd_record_text_ok(*ret_text, WD_RECORD_FIELD_MAX)) {
        return WD_REASON_SYNTAX;
    }
    if (wd_gds_no_value(*ret_text, &why)) {
        return WD_REASON_PROVIDER_ERROR;
    }
    if (wd_missing(*ret_text)) {
        *ret_text = WD_STR_NULL;
        return WD_REASON_COUNT;
    }

    rc = wd_figure_parse(*ret_text, ret_value);
    if (rc == WD_EOVERFLOW || wd_num_not_finite(*ret_text)) {
        return WD_REASON_NOT_A_NUMBER;
    }
    *ret_value = rc == WD_OK ? *ret_value : NAN;
    return WD_REASON_COUNT;
}


int
wd_gds_fact(wd_gds_facts_t *f, wd_str_t item, wd_ns_t time,
            const wd_json_scan_val_t *v, wd_str_t sample)
{
    double         value;
    wd_str_t       text;
    wd_reason_e    reason;
    wd_fact_rec_t *fact;

    if (f->r->n_records >= WD_RECORDS_MAX) {
        f->full = true;
        return wd_records_reject(f->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d records", WD_RECORDS_MAX);
    }
    reason = wd_gds_value(v, &text, &value);
    if (reason != WD_REASON_COUNT) {
        return wd_gds_reject(f, reason, sample, "instead of a value", text);
    }

    fact = wd_records_fact(f->r);
    if (fact == NULL) {
        return WD_ENOMEM;
    }
    fact->record = f->r->n_records++;
    fact->sample = sample;
    fact->symbol = f->e->identifier;
    fact->item = item;
    fact->text = text;
    fact->unit = isnan(value) ? WD_STR_NULL : f->unit;
    fact->period = f->period;
    fact->time = time;
    fact->value = value;
    return WD_OK;
}


int
wd_gds_row_next(wd_gds_facts_t *f, wd_json_scan_t *rows, bool *first,
                wd_gds_row_t *ret)
{
    int                rc;
    bool               none = true;
    wd_str_t           key;
    const char        *mark;
    wd_json_scan_val_t v;

    ret->cells.p = NULL;
    rc = wd_json_scan_item(rows, first);
    if (rc != WD_OK) {
        return rc;
    }
    wd_json_scan_at_end(rows);
    mark = rows->p;
    rc = wd_json_scan_value(rows, f->r->pool, &v);
    if (rc == WD_OK && v.type == WD_JS_ARRAY) {
        rc = wd_json_scan_skip(rows);
    } else if (rc == WD_OK && v.type == WD_JS_OBJECT) {
        rc = wd_json_scan_open(rows, '{');
        while (rc == WD_OK
               && (rc = wd_json_scan_member(rows, f->r->pool, &none, &key))
                      == WD_OK) {
            if (!wd_json_scan_at_end(rows) && *rows->p == '['
                && wd_str_eq_z(key, "Row")) {
                ret->cells = *rows;
            }
            rc = wd_json_scan_skip(rows);
        }
        rc = rc == WD_ENOTFOUND ? WD_OK : rc;
    }
    ret->sample = wd_str(mark, (size_t) (rows->p - mark));
    return rc;
}


int
wd_gds_cell_next(wd_gds_facts_t *f, wd_json_scan_t *list, bool *first,
                 wd_json_scan_val_t *ret)
{
    int rc;

    rc = wd_json_scan_item(list, first);
    if (rc == WD_OK) {
        rc = wd_json_scan_value(list, f->r->pool, ret);
    }
    if (rc == WD_OK
        && (ret->type == WD_JS_OBJECT || ret->type == WD_JS_ARRAY)) {
        rc = wd_json_scan_skip(list);
    }
    return rc;
}


/* One day and its cell; both lists are as long. */
static int
wd_gds_series_cell(wd_gds_facts_t *f, wd_json_scan_t *days, bool *first_day,
                   wd_json_scan_t *cells, bool *first_cell)
{
    int                rc;
    wd_ns_t            time;
    const char        *mark;
    wd_str_t           sample;
    wd_json_scan_val_t day, v;

    rc = wd_gds_cell_next(f, days, first_day, &day);
    wd_json_scan_at_end(cells);
    mark = cells->p;
    if (rc == WD_OK) {
        rc = wd_gds_cell_next(f, cells, first_cell, &v);
    }
    if (rc != WD_OK) {
        return rc;
    }
    mark += *mark == ','; /* behind the cell before */
    sample = wd_str_trim(wd_str(mark, (size_t) (cells->p - mark)));
    if (day.type != WD_JS_STRING
        || !wd_gds_date(wd_str_trim(day.text), &time)) {
        return wd_gds_reject(f, WD_REASON_BAD_TIME, sample, "day is",
                             wd_gds_cell_text(&day));
    }
    return wd_gds_fact(f, f->e->mnemonic, time, &v, sample);
}


/*
 * GDST: days in the headers, values in one row. With another number of
 * either there is no telling which belongs to which.
 */
static int
wd_gds_series(wd_gds_facts_t *f)
{
    int            rc;
    bool           first = true, first_day = true, first_cell = true;
    wd_gds_row_t   row;
    wd_json_scan_t rows = f->e->rows, days = f->e->headers;

    rc = wd_json_scan_open(&rows, '[');
    if (rc == WD_OK) {
        rc = wd_gds_row_next(f, &rows, &first, &row);
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc != WD_OK || row.cells.p == NULL || days.p == NULL
        || wd_gds_count(f->e->rows) != 1
        || wd_gds_count(row.cells) != wd_gds_count(days)) {
        return wd_gds_reject(f, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                             "not one row with a value for each day",
                             WD_STR(""));
    }

    rc = wd_json_scan_open(&days, '[');
    if (rc == WD_OK) {
        rc = wd_json_scan_open(&row.cells, '[');
    }
    while (rc == WD_OK && !f->full) {
        rc = wd_gds_series_cell(f, &days, &first_day, &row.cells, &first_cell);
    }
    if (rc == WD_OK || rc == WD_ENOTFOUND || rc == WD_ENOMEM) {
        return rc == WD_ENOMEM ? rc : WD_OK;
    }
    return wd_gds_reject(f, WD_REASON_SYNTAX, WD_STR(""),
                         "the rest of the series cannot be read", WD_STR(""));
}


/* "USD millions", or what of it is said. */
static int
wd_gds_unit(wd_gds_facts_t *f)
{
    char    *p;
    wd_str_t currency = f->e->currency, scale = f->item->scale;

    if (currency.len == 0) {
        currency = f->item->currency;
    }
    if (currency.len == 0 || scale.len == 0) {
        f->unit = currency.len != 0 ? currency
                  : scale.len != 0  ? scale
                                    : WD_STR_NULL;
        return WD_OK;
    }
    p = wd_pool_alloc(f->r->pool, currency.len + 1 + scale.len);
    if (p == NULL) {
        return WD_ENOMEM;
    }
    memcpy(p, currency.data, currency.len);
    p[currency.len] = ' ';
    memcpy(p + currency.len + 1, scale.data, scale.len);
    f->unit = wd_str(p, currency.len + 1 + scale.len);
    return WD_OK;
}


/* Fewer rows or columns than announced: what is there is used. */
static int
wd_gds_check_announced(const wd_gds_facts_t *f)
{
    size_t rows = wd_gds_count(f->e->rows);
    size_t cols = wd_gds_count(f->e->headers);

    if ((f->e->n_rows < 0 || (uint64_t) f->e->n_rows <= rows)
        && (f->e->n_cols < 0 || f->e->headers.p == NULL
            || (uint64_t) f->e->n_cols <= cols)) {
        return WD_OK;
    }
    return wd_records_reject(
        f->r, -1, WD_REASON_SHORT_PAGE, WD_STR(""),
        "%.*s %.*s %.*s: %zu rows and %zu columns, %lld and %lld announced",
        WD_STR_ARG(f->item->function), WD_STR_ARG(f->item->identifier),
        WD_STR_ARG(f->item->mnemonic), rows, cols, (long long) f->e->n_rows,
        (long long) f->e->n_cols);
}


int
wd_gds_entry_facts(const wd_gds_entry_t *e, const wd_gds_item_t *item,
                   wd_records_t *r)
{
    int            rc;
    wd_gds_facts_t f = {.e = e, .item = item, .r = r, .as_of = WD_NS_MIN};

    static const char *const tables[] = {"GDSP", "GDSPV", "GDSHE", "GDSHV",
                                         "GDSG"};
    size_t                   i;

    if (!wd_record_text_ok(e->currency, WD_GDS_NAME_MAX)
        || !wd_record_text_ok(e->period, WD_GDS_NAME_MAX)) {
        return wd_gds_reject(&f, WD_REASON_SYNTAX, WD_STR(""),
                             "properties that are no texts", WD_STR(""));
    }
    if (e->as_of.len != 0 && !wd_gds_date(e->as_of, &f.as_of)) {
        return wd_gds_reject(&f, WD_REASON_BAD_TIME, WD_STR(""), "as of",
                             e->as_of);
    }
    f.period = e->period.len != 0      ? e->period
               : item->period.len != 0 ? item->period
                                       : WD_STR_NULL;
    rc = wd_gds_unit(&f);
    if (rc == WD_OK) {
        rc = wd_gds_check_announced(&f);
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (wd_str_eq_z(e->function, "GDST")) {
        return wd_gds_series(&f);
    }
    for (i = 0; i < wd_array_len(tables); i++) {
        if (wd_str_eq_z(e->function, tables[i])) {
            return wd_gds_table(&f);
        }
    }
    return wd_gds_reject(&f, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                         "nothing is known about the function", WD_STR(""));
}
