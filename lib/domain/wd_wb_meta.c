/*
 * wd_wb_meta.c - rows of the World Bank's lists (countries, sources, series,
 * topics, regions, groups) as facts; wd_wb_meta_table.c says what they hold.
 */
#include "wd_wb_meta.h"

#include "wd_wb_country.h"
#include "wd_wb_json.h"
#include "wd_wb_row.h"

#include <math.h>

#define WD_WB_TOPICS_MAX 32 /* of one series */

/* One member of a row while it is read. */
typedef struct {
    wd_str_t text; /* of pairs the values */
    wd_str_t id; /* of pairs */
    bool     seen;
    bool     odd; /* of another type than the list has there */
    bool     crowded; /* more topics, or longer ones, than are taken */
} wd_wb_cell_t;

typedef struct {
    const wd_wb_item_t *items;
    wd_wb_cell_t        cells[WD_WB_ITEMS_MAX];
    wd_str_t            symbol;
    wd_str_t            sample;
    int32_t             record;
} wd_wb_meta_row_t;

static int  wd_wb_meta_row(wd_wb_json_t *w);
static bool wd_wb_meta_begins(const wd_wb_json_t *w, wd_json_scan_t at);

const wd_wb_rows_t wd_wb_rows_meta = {wd_wb_meta_row, wd_wb_meta_begins,
                                      "rows of another list"};


/* A scalar as text; true and false stand nowhere in these lists. */
static void
wd_wb_scalar(const wd_json_scan_val_t *v, wd_str_t *ret, bool *ret_odd)
{
    if (v->type == WD_JS_STRING || v->type == WD_JS_NUMBER) {
        *ret = wd_str_trim(v->text);
    } else if (v->type != WD_JS_NULL) {
        *ret_odd = true;
    }
}


/* {"id":"LCN","iso2code":"ZJ","value":"Latin America & Caribbean "} */
static int
wd_wb_meta_pair(wd_wb_json_t *w, wd_wb_cell_t *cell)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc != WD_OK) {
            break;
        }
        if (wd_str_eq_z(key, "id")) {
            wd_wb_scalar(&v, &cell->id, &cell->odd);
        } else if (wd_str_eq_z(key, "value")) {
            wd_wb_scalar(&v, &cell->text, &cell->odd);
        }
        if (wd_wb_json_nested(&v)) {
            rc = wd_json_scan_skip(&w->s);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* "a;b;c"; crowded when it would be longer than a field may be. */
static int
wd_wb_join(wd_pool_t *pool, const wd_str_t *parts, int n, wd_str_t *ret,
           bool *ret_crowded)
{
    int    i;
    char  *p;
    size_t len = 0;

    for (i = 0; i < n; i++) {
        if (parts[i].len > WD_RECORD_FIELD_MAX - len) {
            *ret_crowded = true;
            return WD_OK;
        }
        len += parts[i].len;
    }

    p = wd_pool_alloc(pool, len + (size_t) n);
    if (p == NULL) {
        return WD_ENOMEM;
    }
    for (i = 0, len = 0; i < n; i++) {
        if (i != 0) {
            p[len++] = ';';
        }
        if (parts[i].len != 0) {
            memcpy(p + len, parts[i].data, parts[i].len);
            len += parts[i].len;
        }
    }
    *ret = wd_str(p, len);
    return WD_OK;
}


/* [{"id":"3","value":"Economy & Growth"}], at its bracket */
static int
wd_wb_meta_list(wd_wb_json_t *w, wd_wb_cell_t *cell)
{
    int          rc, n = 0;
    bool         first = true;
    wd_str_t     names[WD_WB_TOPICS_MAX], ids[WD_WB_TOPICS_MAX];
    wd_wb_cell_t one;

    rc = wd_json_scan_open(&w->s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(&w->s, &first)) == WD_OK) {
        memset(&one, 0, sizeof(one));
        rc = wd_wb_meta_pair(w, &one);
        cell->odd = cell->odd || one.odd;
        if (rc != WD_OK || (one.id.len == 0 && one.text.len == 0)) {
            continue; /* {} stands there for none */
        }
        if (n == WD_WB_TOPICS_MAX) {
            cell->crowded = true;
            continue;
        }
        names[n] = one.text;
        ids[n++] = one.id;
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }

    rc = wd_wb_join(w->r->pool, names, n, &cell->text, &cell->crowded);
    return rc != WD_OK
               ? rc
               : wd_wb_join(w->r->pool, ids, n, &cell->id, &cell->crowded);
}


static int
wd_wb_meta_cell(wd_wb_json_t *w, wd_wb_kind_e kind, wd_wb_cell_t *cell,
                const wd_json_scan_val_t *v)
{
    memset(cell, 0, sizeof(*cell));
    cell->seen = true;
    if (v->type == WD_JS_OBJECT && kind == WD_WB_PAIR) {
        return wd_wb_meta_pair(w, cell);
    }
    if (v->type == WD_JS_ARRAY && kind == WD_WB_LIST) {
        return wd_wb_meta_list(w, cell);
    }
    if (wd_wb_json_nested(v)) {
        cell->odd = true;
        return wd_json_scan_skip(&w->s);
    }
    wd_wb_scalar(v, &cell->text, &cell->odd);
    return WD_OK;
}


static int
wd_wb_meta_members(wd_wb_json_t *w, wd_wb_meta_row_t *row)
{
    int                rc;
    bool               first = true;
    size_t             i;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc != WD_OK) {
            break;
        }
        for (i = 0; i < WD_WB_ITEMS_MAX && row->items[i].name != NULL; i++) {
            if (wd_str_eq_z(key, row->items[i].name)) {
                break;
            }
        }
        if (i < WD_WB_ITEMS_MAX && row->items[i].name != NULL) {
            rc = wd_wb_meta_cell(w, row->items[i].kind, &row->cells[i], &v);
        } else if (wd_wb_json_nested(&v)) {
            rc = wd_json_scan_skip(&w->s);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* The cell of an item by its name; only for names of the table. */
static const wd_wb_cell_t *
wd_wb_meta_find(const wd_wb_meta_row_t *row, const char *name)
{
    size_t i;

    for (i = 0; strcmp(row->items[i].name, name) != 0; i++) {
    }
    return &row->cells[i];
}


/* A row of another list, or of none. */
static bool
wd_wb_meta_strange(const wd_wb_meta_row_t *row)
{
    bool   seen, sign = false;
    size_t i;

    for (i = 0; i < WD_WB_ITEMS_MAX && row->items[i].name != NULL; i++) {
        seen = row->cells[i].seen;
        if ((!seen && (row->items[i].flags & (WD_WB_CODE | WD_WB_NEEDED)))
            || (seen && (row->items[i].flags & WD_WB_FOREIGN))) {
            return true;
        }
        sign = sign || (seen && (row->items[i].flags & WD_WB_SIGN));
    }
    return !sign;
}


static int
wd_wb_fact(wd_wb_json_t *w, const wd_wb_meta_row_t *row, const char *item,
           wd_str_t text, double value)
{
    wd_fact_rec_t *f;

    if (text.len > WD_RECORD_FIELD_MAX) {
        return wd_records_reject(w->r, row->record, WD_REASON_TOO_LONG,
                                 row->sample, "%s: %zu bytes, the limit is %d",
                                 item, text.len, WD_RECORD_FIELD_MAX);
    }
    if (!wd_record_text_ok(text, WD_RECORD_FIELD_MAX)) {
        return wd_records_reject(w->r, row->record, WD_REASON_SYNTAX,
                                 row->sample, "%s is no UTF-8", item);
    }

    f = wd_records_fact(w->r);
    if (f == NULL) {
        return WD_ENOMEM;
    }
    f->sample = row->sample;
    f->symbol = row->symbol;
    f->item = wd_str_z(item);
    f->text = wd_missing(text) ? WD_STR_NULL : text;
    f->time = WD_NS_MIN;
    f->value = value;
    f->record = row->record;
    return WD_OK;
}


static int
wd_wb_fact_number(wd_wb_json_t *w, const wd_wb_meta_row_t *row,
                  const char *item, wd_str_t text)
{
    double value;

    if (wd_figure_parse(text, &value) != WD_OK) {
        return wd_records_reject(w->r, row->record, WD_REASON_NOT_A_NUMBER,
                                 row->sample, "%s is \"%.*s\"", item,
                                 (int) wd_min(text.len, (size_t) 40),
                                 text.data);
    }
    return wd_wb_fact(w, row, item, text, value);
}


static int
wd_wb_fact_date(wd_wb_json_t *w, const wd_wb_meta_row_t *row, const char *item,
                wd_str_t text)
{
    bool       is_date;
    wd_civil_t c;

    if (!wd_missing(text)
        && (wd_civil_parse(text, &c, &is_date) != WD_OK || !is_date)) {
        return wd_records_reject(w->r, row->record, WD_REASON_BAD_TIME,
                                 row->sample, "%s is \"%.*s\"", item,
                                 (int) wd_min(text.len, (size_t) 40),
                                 text.data);
    }
    return wd_wb_fact(w, row, item, text, NAN);
}


/* The facts of one member. */
static int
wd_wb_meta_item(wd_wb_json_t *w, const wd_wb_meta_row_t *row, size_t i)
{
    int                 rc;
    const char         *name = row->items[i].name;
    const wd_wb_cell_t *cell = &row->cells[i];

    if (cell->odd || cell->crowded) {
        return wd_records_reject(
            w->r, row->record,
            cell->odd ? WD_REASON_SYNTAX : WD_REASON_TOO_LONG, row->sample,
            "%s: %s", name,
            cell->odd ? "another type than documented" : "more than is taken");
    }

    switch (row->items[i].kind) {
    case WD_WB_TEXT:
        return wd_wb_fact(w, row, name, cell->text, NAN);
    case WD_WB_NUMBER:
        return wd_wb_fact_number(w, row, name, cell->text);
    case WD_WB_DATE:
        return wd_wb_fact_date(w, row, name, cell->text);
    default:
        break;
    }

    rc = wd_wb_fact(w, row, row->items[i].id_name, cell->id, NAN);
    return rc != WD_OK ? rc : wd_wb_fact(w, row, name, cell->text, NAN);
}


/*
 * Regions and groups stand among the countries with the region "NA", whatever
 * the language; old answers without a region are told by the code.
 */
static int
wd_wb_meta_aggregate(wd_wb_json_t *w, const wd_wb_meta_row_t *row)
{
    bool                aggregate;
    const wd_wb_cell_t *region = wd_wb_meta_find(row, "region");

    if (region->id.len != 0) {
        aggregate = wd_str_eq_z(region->id, "NA");
    } else {
        (void) wd_wb_country(wd_wb_meta_find(row, "iso2Code")->text,
                             row->symbol, &aggregate);
    }
    return wd_wb_fact(w, row, "aggregate",
                      aggregate ? WD_STR("yes") : WD_STR("no"), NAN);
}


/* The symbol, and what makes it a row; WD_OK and no symbol: rejected. */
static int
wd_wb_meta_head(wd_wb_json_t *w, wd_wb_meta_row_t *row)
{
    const wd_wb_cell_t *code = &row->cells[0];
    const wd_wb_cell_t *name = &row->cells[1];

    if (code->odd || !wd_record_code_ok(code->text, WD_WB_CODE_MAX)) {
        return wd_records_reject(
            w->r, row->record, WD_REASON_BAD_SYMBOL, row->sample,
            "%s is \"%.*s\"", row->items[0].name,
            (int) wd_min(code->text.len, (size_t) 40),
            code->text.data != NULL ? code->text.data : "");
    }
    if (name->odd || wd_missing(name->text)) {
        return wd_records_reject(w->r, row->record, WD_REASON_MISSING_FIELD,
                                 row->sample, "no %s", row->items[1].name);
    }
    if (!wd_record_text_ok(name->text, WD_WB_TEXT_MAX)) {
        return wd_records_reject(w->r, row->record, WD_REASON_SYNTAX,
                                 row->sample, "%s is no UTF-8, or too long",
                                 row->items[1].name);
    }
    row->symbol = code->text;
    return WD_OK;
}


static int
wd_wb_meta_add(wd_wb_json_t *w, wd_wb_meta_row_t *row)
{
    int    rc;
    size_t i;

    row->record = w->r->n_records++;
    if (wd_wb_meta_strange(row)) {
        w->strangers++;
        return wd_records_reject(w->r, row->record, WD_REASON_MISSING_FIELD,
                                 row->sample, "a row of another list");
    }

    rc = wd_wb_meta_head(w, row);
    if (rc != WD_OK || row->symbol.data == NULL) {
        return rc;
    }
    for (i = 1; i < WD_WB_ITEMS_MAX && row->items[i].name != NULL; i++) {
        rc = row->cells[i].seen ? wd_wb_meta_item(w, row, i) : WD_OK;
        if (rc != WD_OK) {
            return rc;
        }
    }
    return w->dataset == WD_WB_COUNTRIES ? wd_wb_meta_aggregate(w, row) : WD_OK;
}


static int
wd_wb_meta_row(wd_wb_json_t *w)
{
    int              rc;
    const char      *mark = w->s.p;
    wd_wb_meta_row_t row;

    memset(&row, 0, sizeof(row));
    row.items = wd_wb_metas[w->dataset].items;
    rc = wd_wb_meta_members(w, &row);
    if (rc != WD_OK) {
        return rc;
    }
    row.sample = wd_wb_slice(mark, w->s.p);
    return wd_wb_meta_add(w, &row);
}


static bool
wd_wb_meta_begins(const wd_wb_json_t *w, wd_json_scan_t at)
{
    bool                first = true;
    wd_str_t            key;
    const wd_wb_meta_t *meta = &wd_wb_metas[w->dataset];
    wd_json_scan_val_t  v;

    if (wd_json_scan_open(&at, '{') != WD_OK
        || wd_json_scan_member(&at, NULL, &first, &key) != WD_OK
        || !wd_str_eq_z(key, "id") || wd_json_scan_value(&at, NULL, &v) != WD_OK
        || wd_wb_json_nested(&v)
        || wd_json_scan_member(&at, NULL, &first, &key) != WD_OK) {
        return false;
    }
    return wd_str_eq_z(key, meta->second[0])
           || wd_str_eq_z(key, meta->second[1]);
}
