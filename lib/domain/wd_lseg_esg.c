/*
 * wd_lseg_esg.c - LSEG's ESG views: every cell of the table is a fact.
 */
#include "wd_lseg_table.h"

#include <math.h>

/* The attributes of the cells, a list of rows beside that of the data. */
typedef struct {
    wd_json_scan_t s;
    wd_str_t      *units; /* of the row at hand, one for each column */
    int32_t        next; /* row behind the cursor */
    bool           first;
    bool           there;
} wd_lseg_units_t;

typedef struct {
    wd_lseg_table_t t;
    wd_lseg_units_t u;
    wd_records_t   *r;
    int             instrument; /* numbers of columns */
    int             period; /* -1: the view has no periods */

    /* The row at hand. */
    wd_str_t symbol;
    wd_ns_t  time;
} wd_lseg_esg_t;


static int
wd_lseg_units_init(wd_lseg_esg_t *e, wd_json_scan_t at)
{
    e->u.s = at;
    e->u.first = true;
    e->u.there = at.p != NULL && wd_json_scan_open(&e->u.s, '[') == WD_OK;
    e->u.units = wd_pool_calloc(e->r->pool, e->t.n * sizeof(*e->u.units));
    return e->u.units != NULL ? WD_OK : WD_ENOMEM;
}


/* One row: null or {"unit":".."} for each column. */
static int
wd_lseg_units_row(wd_lseg_esg_t *e)
{
    int                  rc;
    bool                 first = true;
    size_t               i = 0;
    wd_str_t             unit;
    const wd_lseg_want_t want = {"unit", &unit};

    memset(e->u.units, 0, e->t.n * sizeof(*e->u.units));
    rc = wd_json_scan_item(&e->u.s, &e->u.first);
    if (rc == WD_OK) {
        rc = wd_json_scan_open(&e->u.s, '[');
    }
    while (rc == WD_OK && (rc = wd_json_scan_item(&e->u.s, &first)) == WD_OK) {
        unit = WD_STR_NULL;
        rc = wd_lseg_texts(&e->u.s, e->r->pool, &want, 1);
        if (rc == WD_OK && i < e->t.n && unit.len != 0
            && wd_record_text_ok(unit, WD_LSEG_NAME_MAX)) {
            e->u.units[i] = unit;
        }
        i++;
    }
    return rc == WD_ENOTFOUND && i == e->t.n ? WD_OK : rc;
}


/*
 * To the units of this record. Behind damage nobody knows which row they
 * belong to, and what cannot be read says nothing: then there are none.
 */
static int
wd_lseg_units(wd_lseg_esg_t *e)
{
    int rc = WD_OK;

    while (e->u.there && !e->t.list.damaged && rc == WD_OK
           && e->u.next <= e->t.list.record) {
        rc = wd_lseg_units_row(e);
        e->u.next++;
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (!e->u.there || e->t.list.damaged || rc != WD_OK) {
        e->u.there = false;
        memset(e->u.units, 0, e->t.n * sizeof(*e->u.units));
    }
    return WD_OK;
}


/* "2020-12-31", also with a time of day, which is always midnight. */
static bool
wd_lseg_day(const wd_json_scan_val_t *v, wd_ns_t *ret)
{
    wd_civil_t c;

    if (v->type != WD_JS_STRING || wd_civil_parse(v->text, &c, NULL) != WD_OK) {
        return false;
    }
    c.hour = c.minute = c.second = c.ns = 0;
    return wd_time_from_civil(&c, ret) == WD_OK;
}


/* Whom and when the row is about. WD_EINVAL: rejected. */
static int
wd_lseg_esg_key(wd_lseg_esg_t *e)
{
    int      rc;
    wd_str_t text = wd_lseg_cell_text(&e->t.cells[e->instrument]);

    e->symbol = wd_record_symbol(e->r->pool, text);
    if (e->symbol.data == NULL) {
        rc = wd_records_reject(e->r, e->t.list.record, WD_REASON_BAD_SYMBOL,
                               wd_lseg_list_sample(&e->t.list),
                               "instrument \"%.*s\"",
                               (int) wd_min(text.len, (size_t) 40),
                               text.data != NULL ? text.data : "");
        return rc != WD_OK ? rc : WD_EINVAL;
    }

    e->time = WD_NS_MIN;
    if (e->period >= 0 && !wd_lseg_day(&e->t.cells[e->period], &e->time)) {
        text = wd_lseg_cell_text(&e->t.cells[e->period]);
        rc = wd_records_reject(e->r, e->t.list.record, WD_REASON_BAD_TIME,
                               wd_lseg_list_sample(&e->t.list),
                               "period end \"%.*s\"",
                               (int) wd_min(text.len, (size_t) 40),
                               text.data != NULL ? text.data : "");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    return WD_OK;
}


static int
wd_lseg_fact_reject(wd_lseg_esg_t *e, size_t i, wd_reason_e reason,
                    const char *what)
{
    return wd_records_reject(e->r, e->t.list.record, reason,
                             wd_lseg_cell_text(&e->t.cells[i]), "%.*s %s",
                             WD_STR_ARG(e->t.columns[i].name), what);
}


static int
wd_lseg_fact(wd_lseg_esg_t *e, size_t i)
{
    double                    value = NAN;
    wd_str_t                  text;
    wd_fact_rec_t            *fact;
    const wd_json_scan_val_t *v = &e->t.cells[i];

    text = wd_str_trim(wd_lseg_cell_text(v));
    if (v->type == WD_JS_OBJECT || v->type == WD_JS_ARRAY) {
        return wd_lseg_fact_reject(e, i, WD_REASON_SYNTAX, "is no plain value");
    }
    if (text.len > WD_RECORD_FIELD_MAX) {
        return wd_lseg_fact_reject(e, i, WD_REASON_TOO_LONG,
                                   "is longer than the limit");
    }
    if (!wd_record_text_ok(text, WD_RECORD_FIELD_MAX)) {
        return wd_lseg_fact_reject(e, i, WD_REASON_SYNTAX, "is no UTF-8");
    }
    if ((e->t.columns[i].number || v->type == WD_JS_NUMBER)
        && wd_lseg_figure(v, &value) != WD_OK) {
        return wd_lseg_fact_reject(e, i, WD_REASON_NOT_A_NUMBER,
                                   "is no number");
    }

    fact = wd_records_fact(e->r);
    if (fact == NULL) {
        return WD_ENOMEM;
    }
    fact->sample = text;
    fact->symbol = e->symbol;
    fact->item = e->t.columns[i].name;
    fact->text = wd_missing(text) ? WD_STR_NULL : text;
    fact->unit = e->u.units[i];
    fact->time = e->time;
    fact->value = value;
    fact->record = e->t.list.record;
    return WD_OK;
}


/* WD_ENOTFOUND: there are enough. */
static int
wd_lseg_esg_row(wd_lseg_esg_t *e)
{
    int    rc;
    size_t i;

    rc = wd_lseg_units(e);
    if (rc == WD_OK) {
        rc = wd_lseg_esg_key(e);
    }
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }

    for (i = 0; i < e->t.n && rc == WD_OK; i++) {
        if ((int) i == e->instrument || (int) i == e->period) {
            continue;
        }
        if (e->r->n_facts >= WD_RECORDS_MAX) {
            rc = wd_records_reject(e->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                   "more than %d facts", WD_RECORDS_MAX);
            return rc != WD_OK ? rc : WD_ENOTFOUND;
        }
        rc = wd_lseg_fact(e, i);
    }
    return rc;
}


/* Instruments that were asked for and are not known have no rows. */
static int
wd_lseg_unresolved(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int            rc;
    bool           first = true;
    wd_str_t       name, id;
    wd_json_scan_t s = f->universe;

    const wd_lseg_want_t want[] = {{"Instrument", &name},
                                   {"Organization PermID", &id}};

    if (s.p == NULL || wd_json_scan_open(&s, '[') != WD_OK) {
        return WD_OK;
    }
    while (wd_json_scan_item(&s, &first) == WD_OK) {
        name = id = WD_STR_NULL;
        rc = wd_lseg_texts(&s, r->pool, want, wd_array_len(want));
        if (rc == WD_OK && wd_str_starts(id, "Failed to resolve")) {
            rc = wd_records_reject(r, -1, WD_REASON_PROVIDER_ERROR, name,
                                   "the instrument is not known");
        }
        if (rc != WD_OK) {
            return rc == WD_ENOMEM ? rc : WD_OK;
        }
    }
    return WD_OK;
}


int
wd_lseg_esg(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int           rc;
    wd_lseg_esg_t e;

    memset(&e, 0, sizeof(e));
    e.r = r;
    rc = wd_lseg_table_init(&e.t, r, f);
    if (rc != WD_OK) {
        return rc == WD_ENOTFOUND ? WD_OK : rc;
    }

    e.instrument = wd_lseg_column(&e.t, "instrument");
    e.period = wd_lseg_column(&e.t, "periodenddate");
    if (e.instrument < 0 || f->ric.data != NULL) {
        return wd_records_refuse(r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "the columns of another data set");
    }
    rc = wd_lseg_units_init(&e, f->attributes);
    if (rc == WD_OK) {
        rc = wd_lseg_unresolved(f, r);
    }

    while (rc == WD_OK && (rc = wd_lseg_table_next(&e.t)) == WD_OK) {
        rc = wd_lseg_esg_row(&e);
    }
    r->empty = rc == WD_ENOTFOUND && r->n_records == 0 && !e.t.list.damaged;
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}
