/*
 * wd_wb_series.c - observations in the World Bank's two JSON shapes: rows of
 * /country/X/indicator/Y, which name their parts, and rows of /sources/N,
 * which list them as concepts.
 */
#include "wd_wb_json.h"
#include "wd_wb_row.h"

#define WD_WB_CONCEPTS_MAX 16 /* of one row */

static int  wd_wb_series_row(wd_wb_json_t *w);
static bool wd_wb_series_begins(const wd_wb_json_t *w, wd_json_scan_t at);
static int  wd_wb_source_row(wd_wb_json_t *w);
static bool wd_wb_source_begins(const wd_wb_json_t *w, wd_json_scan_t at);

const wd_wb_rows_t wd_wb_rows_series = {wd_wb_series_row, wd_wb_series_begins,
                                        "rows that are no observations"};

const wd_wb_rows_t wd_wb_rows_source = {wd_wb_source_row, wd_wb_source_begins,
                                        "rows that are no observations"};

/* One {"concept":"Country","id":"BRA","value":"Brazil"}. */
typedef struct {
    wd_str_t concept;
    wd_str_t id;
    wd_str_t value;
} wd_wb_concept_t;


/* An object or array is stepped over; anything else is consumed already. */
static int
wd_wb_step_over(wd_wb_json_t *w, const wd_json_scan_val_t *v)
{
    return wd_wb_json_nested(v) ? wd_json_scan_skip(&w->s) : WD_OK;
}


/* The value of an observation as text; what is no figure stays none. */
static wd_str_t
wd_wb_value_text(const wd_json_scan_val_t *v)
{
    if (wd_wb_json_nested(v)) {
        return WD_STR("[...]");
    }
    return v->type == WD_JS_TRUE || v->type == WD_JS_FALSE
               ? WD_STR("true or false")
               : v->text;
}


/* {"id":"FR","value":"France"}, or null in old answers */
static int
wd_wb_pair(wd_wb_json_t *w, const wd_json_scan_val_t *announced,
           wd_str_t *ret_id, wd_str_t *ret_value)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    if (announced->type != WD_JS_OBJECT) {
        return wd_wb_step_over(w, announced);
    }

    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc != WD_OK) {
            break;
        }
        if (wd_wb_json_nested(&v)) {
            rc = wd_json_scan_skip(&w->s);
        } else if (wd_str_eq_z(key, "id")) {
            *ret_id = v.text;
        } else if (wd_str_eq_z(key, "value")) {
            *ret_value = v.text;
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static int
wd_wb_series_member(wd_wb_json_t *w, wd_wb_row_t *row, wd_str_t key,
                    const wd_json_scan_val_t *v)
{
    if (wd_str_eq_z(key, "indicator")) {
        row->has_indicator = true;
        return wd_wb_pair(w, v, &row->o.indicator, &row->o.indicator_name);
    }
    if (wd_str_eq_z(key, "country")) {
        return wd_wb_pair(w, v, &row->o.country2, &row->o.country_name);
    }

    if (wd_str_eq_z(key, "value")) {
        row->value = wd_wb_value_text(v);
    } else if (wd_str_eq_z(key, "countryiso3code")) {
        row->iso3 = v->text;
    } else if (wd_str_eq_z(key, "date")) {
        row->has_date = !wd_wb_json_nested(v);
        row->date = v->text;
    } else if (wd_str_eq_z(key, "unit")) {
        row->o.unit = v->text;
    } else if (wd_str_eq_z(key, "obs_status")) {
        row->o.status = v->text;
    }
    return wd_wb_step_over(w, v);
}


static int
wd_wb_series_row(wd_wb_json_t *w)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_wb_row_t        row;
    const char        *mark = w->s.p;
    wd_json_scan_val_t v;

    memset(&row, 0, sizeof(row));
    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc == WD_OK) {
            rc = wd_wb_series_member(w, &row, key, &v);
        }
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }

    w->strangers += wd_wb_row_strange(&row);
    return wd_wb_row_add(w->r, &row, wd_wb_slice(mark, w->s.p));
}


static bool
wd_wb_first_key(wd_json_scan_t at, const char *key)
{
    bool     first = true;
    wd_str_t found;

    return wd_json_scan_open(&at, '{') == WD_OK
           && wd_json_scan_member(&at, NULL, &first, &found) == WD_OK
           && wd_str_eq_z(found, key);
}


static bool
wd_wb_series_begins(const wd_wb_json_t *w, wd_json_scan_t at)
{
    (void) w;
    return wd_wb_first_key(at, "indicator");
}


/* Its concepts begin with "concept", so that no part is taken for a row. */
static bool
wd_wb_source_begins(const wd_wb_json_t *w, wd_json_scan_t at)
{
    (void) w;
    return wd_wb_first_key(at, "variable") || wd_wb_first_key(at, "value");
}


static int
wd_wb_concept(wd_wb_json_t *w, wd_wb_concept_t *ret)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    memset(ret, 0, sizeof(*ret));
    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc != WD_OK) {
            break;
        }
        if (wd_wb_json_nested(&v)) {
            rc = wd_json_scan_skip(&w->s);
        } else if (wd_str_eq_z(key, "concept")) {
            ret->concept = wd_str_trim(v.text);
        } else if (wd_str_eq_z(key, "id")) {
            ret->id = wd_str_trim(v.text);
        } else if (wd_str_eq_z(key, "value")) {
            ret->value = wd_str_trim(v.text);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* Ids are "YR2014", "YR2014M08" or without the letters. */
static wd_str_t
wd_wb_concept_date(const wd_wb_concept_t *c)
{
    if (c->id.len == 0) {
        return c->value;
    }
    return wd_str_starts(c->id, "YR") ? wd_str(c->id.data + 2, c->id.len - 2)
                                      : c->id;
}


/*
 * Where a concept belongs in an observation; false: nowhere, as the sector of
 * a wage or the edition of a figure. Of debts all creditors together are what
 * the plain series says, one creditor is not.
 */
static bool
wd_wb_concept_take(wd_wb_row_t *row, const wd_wb_concept_t *c)
{
    if (wd_str_ieq(c->concept, WD_STR("Country"))) {
        row->o.country2 = c->id;
        row->o.country_name = c->value;
    } else if (wd_str_ieq(c->concept, WD_STR("Series"))) {
        row->has_indicator = true;
        row->o.indicator = c->id;
        row->o.indicator_name = c->value;
    } else if (wd_str_ieq(c->concept, WD_STR("Time"))) {
        row->has_date = true;
        row->date = wd_wb_concept_date(c);
    } else {
        return wd_str_ieq(c->concept, WD_STR("Counterpart-Area"))
               && wd_str_eq_z(c->id, "WLD");
    }
    return true;
}


/* The list of concepts; *ret_other: the first that has no place. */
static int
wd_wb_variable(wd_wb_json_t *w, const wd_json_scan_val_t *announced,
               wd_wb_row_t *row, wd_str_t *ret_other)
{
    int             rc, n = 0;
    bool            first = true;
    wd_wb_concept_t c;

    if (announced->type != WD_JS_ARRAY) {
        return wd_wb_step_over(w, announced);
    }

    rc = wd_json_scan_open(&w->s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(&w->s, &first)) == WD_OK) {
        if (n++ == WD_WB_CONCEPTS_MAX) {
            return WD_EPROTO;
        }
        rc = wd_wb_concept(w, &c);
        if (rc == WD_OK && !wd_wb_concept_take(row, &c)
            && ret_other->data == NULL) {
            *ret_other = c.concept.len != 0 ? c.concept : WD_STR("?");
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static int
wd_wb_source_row(wd_wb_json_t *w)
{
    int                rc;
    bool               first = true;
    wd_str_t           key, other = WD_STR_NULL;
    wd_wb_row_t        row;
    const char        *mark = w->s.p;
    wd_json_scan_val_t v;

    memset(&row, 0, sizeof(row));
    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_wb_json_member(w, &first, &key, &v);
        if (rc != WD_OK) {
            break;
        }
        if (wd_str_eq_z(key, "variable")) {
            rc = wd_wb_variable(w, &v, &row, &other);
            continue;
        }
        if (wd_str_eq_z(key, "value")) {
            row.value = wd_wb_value_text(&v);
        } else if (wd_str_eq_z(key, "obs_status")) {
            row.o.status = v.text;
        }
        rc = wd_wb_step_over(w, &v);
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }

    if (other.data != NULL && !wd_wb_row_strange(&row)) {
        return wd_records_reject(
            w->r, w->r->n_records++, WD_REASON_UNKNOWN_DIMENSION,
            wd_wb_slice(mark, w->s.p), "\"%.*s\"",
            (int) wd_min(other.len, (size_t) 40), other.data);
    }
    w->strangers += wd_wb_row_strange(&row);
    return wd_wb_row_add(w->r, &row, wd_wb_slice(mark, w->s.p));
}
