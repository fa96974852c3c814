/*
 * wd_bbg_security.c - what a BLPAPI answer says of one security: days of a
 * history, fields, rows of bulk fields, errors.
 */
#include "wd_bbg_json.h"

#include <stdio.h>

/* Neither a security nor a message begins among the days of a history. */
static const wd_bbg_marks_t rows = {
    .starts = {"\"date\""},
    .ends = {"\"security\"", "\"securityData\"", "\"eventType\"",
             "\"HistoricalDataResponse\"", "\"ReferenceDataResponse\""},
    .flat = true};


static int
item_error(wd_bbg_blp_t *b, wd_str_t symbol)
{
    int            rc;
    char           text[WD_ANSWER_TEXT_MAX], about[100];
    wd_str_t       field = WD_STR_NULL;
    wd_bbg_error_t e = {0};

    rc = wd_bbg_read_error(b, &e, &field);
    if (rc != WD_OK) {
        return rc;
    }
    snprintf(about, sizeof(about), "%.*s%s%.*s", WD_STR_ARG(symbol),
             field.len != 0 ? " " : "", (int) wd_min(field.len, (size_t) 40),
             field.data != NULL ? field.data : "");
    return wd_bbg_reject(b->r, b->r->n_records++, wd_str_z(about),
                         wd_bbg_error_text(&e, text));
}


/* "DVD_HIST_ALL" and "Amount" to "DVD_HIST_ALL.Amount" */
static int
column_name(wd_bbg_blp_t *b, wd_str_t field, wd_str_t *name)
{
    char *p;

    if (wd_str_trim(field).len == 0) {
        *name = field; /* is refused: no name */
        return WD_OK;
    }
    if (field.len > WD_BBG_ITEM_MAX || name->len > WD_BBG_ITEM_MAX) {
        *name = field.len > name->len ? field
                                      : *name; /* is refused: too long */
        return WD_OK;
    }
    p = wd_pool_alloc(b->r->pool, field.len + 1 + name->len);
    if (p == NULL) {
        return WD_ENOMEM;
    }
    memcpy(p, field.data, field.len);
    p[field.len] = '.';
    memcpy(p + field.len + 1, name->data, name->len);
    *name = wd_str(p, field.len + 1 + name->len);
    return WD_OK;
}


/* The members of a flat object as cells of b->row; "date" is told apart. */
static int
read_cells(wd_bbg_blp_t *b, int32_t record, wd_str_t sample, wd_str_t prefix,
           wd_str_t *ret_date)
{
    int      rc;
    bool     first = true, plain;
    wd_str_t key, text;

    rc = wd_json_scan_open(&b->s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&b->s, b->r->pool, &first, &key);
        if (rc == WD_OK) {
            rc = wd_bbg_scalar(b, &text, &plain);
        }
        if (rc == WD_OK && prefix.data != NULL) {
            rc = column_name(b, prefix, &key);
        }
        if (rc != WD_OK) {
            break;
        }
        if (prefix.data == NULL && wd_str_eq_z(key, "date")) {
            *ret_date = plain ? text : WD_STR_NULL;
        } else if (plain) {
            rc = wd_bbg_row_put(b->r, &b->row, record, sample, key, text);
        } else {
            rc = wd_records_reject(b->r, record, WD_REASON_SYNTAX, sample,
                                   "%.*s is no plain value",
                                   (int) wd_min(key.len, (size_t) 40),
                                   key.data);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* One day of a history: {"date": DAY, FIELD: VALUE, ...} */
static int
history_row(wd_bbg_blp_t *b, wd_str_t symbol)
{
    int      rc;
    int32_t  record = b->r->n_records;
    wd_str_t sample, date = WD_STR_NULL;

    rc = wd_bbg_whole(b, &sample);
    if (rc != WD_OK) {
        return rc;
    }
    b->r->n_records++;
    wd_bbg_row_init(&b->row, symbol, WD_NS_MIN);
    rc = read_cells(b, record, sample, WD_STR_NULL, &date);
    if (rc != WD_OK) {
        return rc;
    }
    if (!wd_bbg_day(date, &b->row.time)) {
        return wd_records_reject(b->r, record, WD_REASON_BAD_TIME, sample,
                                 "date \"%.*s\"",
                                 (int) wd_min(date.len, (size_t) 40),
                                 date.data != NULL ? date.data : "");
    }
    return wd_bbg_row_add(b->r, &b->row);
}


/* One row of the bulk field b->bulk; its columns have names for people. */
static int
bulk_row(wd_bbg_blp_t *b, wd_str_t symbol)
{
    int      rc;
    int32_t  record = b->r->n_records;
    wd_str_t sample, date;

    rc = wd_bbg_whole(b, &sample);
    if (rc != WD_OK) {
        return rc;
    }
    b->r->n_records++;
    wd_bbg_row_init(&b->row, symbol, WD_NS_MIN);
    rc = read_cells(b, record, sample, b->bulk, &date);
    return rc == WD_OK ? wd_bbg_row_add(b->r, &b->row) : rc;
}


static int
reference_field(wd_bbg_blp_t *b, wd_str_t symbol, wd_str_t text,
                wd_str_t sample)
{
    int rc;

    wd_bbg_row_init(&b->row, symbol, WD_NS_MIN);
    rc = wd_bbg_row_put(b->r, &b->row, b->r->n_records++, sample, b->bulk,
                        text);
    return rc == WD_OK ? wd_bbg_row_add(b->r, &b->row) : rc;
}


/* The fields of a security in reference data; each is a record. */
static int
reference_fields(wd_bbg_blp_t *b, wd_str_t symbol)
{
    int            rc;
    bool           first = true, plain;
    wd_str_t       text;
    wd_json_scan_t before;

    rc = wd_json_scan_open(&b->s, '{');
    while (rc == WD_OK) {
        if (b->r->n_records >= WD_RECORDS_MAX) {
            return WD_ETOOBIG;
        }
        rc = wd_json_scan_member(&b->s, b->r->pool, &first, &b->bulk);
        if (rc != WD_OK) {
            break;
        }
        wd_json_scan_at_end(&b->s);
        before = b->s;
        if (before.p < before.end && (*before.p == '{' || *before.p == '[')) {
            rc = wd_bbg_each(b, symbol, NULL, bulk_row);
            continue;
        }
        rc = wd_bbg_scalar(b, &text, &plain);
        if (rc == WD_OK) {
            rc = reference_field(b, symbol, text,
                                 wd_bbg_slice(before.p, b->s.p));
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* Rows of a history, one row, or the fields of reference data. */
static int
field_data(wd_bbg_blp_t *b, wd_str_t symbol)
{
    int      rc;
    wd_str_t date;

    wd_json_scan_at_end(&b->s);
    if (b->s.p < b->s.end && *b->s.p == '{') {
        rc = wd_bbg_look_for(b, "date", &date);
        if (rc == WD_ENOMEM || date.data == NULL) {
            return rc == WD_ENOMEM ? rc : reference_fields(b, symbol);
        }
    }
    return wd_bbg_each(b, symbol, &rows, history_row);
}


/* Without a name nobody knows whose the rest is. */
static int
nameless(wd_bbg_blp_t *b, wd_str_t name)
{
    int      rc;
    wd_str_t sample;

    rc = wd_bbg_whole(b, &sample);
    if (rc != WD_OK) {
        return rc;
    }
    b->s.p = sample.data + sample.len;
    return wd_records_reject(b->r, b->r->n_records++, WD_REASON_BAD_SYMBOL,
                             sample, "security \"%.*s\"",
                             (int) wd_min(name.len, (size_t) 40),
                             name.data != NULL ? name.data : "");
}


int
wd_bbg_security(wd_bbg_blp_t *b, wd_str_t unused)
{
    int      rc;
    bool     first = true;
    wd_str_t key, name, symbol;

    (void) unused;
    rc = wd_bbg_look_for(b, "security", &name);
    if (rc == WD_OK) {
        rc = wd_bbg_symbol(b->r->pool, name, &symbol);
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (symbol.data == NULL) {
        return nameless(b, name);
    }

    rc = wd_json_scan_open(&b->s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&b->s, b->r->pool, &first, &key);
        if (rc != WD_OK) {
            break;
        }
        if (wd_str_eq_z(key, "fieldData")) {
            rc = field_data(b, symbol);
        } else if (wd_str_eq_z(key, "securityError")
                   || wd_str_eq_z(key, "fieldExceptions")) {
            rc = wd_bbg_each(b, symbol, NULL, item_error);
        } else {
            rc = wd_json_scan_skip(&b->s); /* eidData is no error */
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}
