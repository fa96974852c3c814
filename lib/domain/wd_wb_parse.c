/*
 * wd_wb_parse.c - World Bank: [page object, rows], read row by row so that
 * damage costs only the row that it hit.
 */
#include "wd_wb_parse.h"

#include "wd_json_scan.h"
#include "wd_num.h"
#include "wd_wb_country.h"

#include <math.h>

#define WD_WB_TEXT_MAX 1024 /* bytes of a name, a unit, a status */
#define WD_WB_CODE_MAX 64 /* bytes of a series or country code */

typedef struct {
    wd_json_scan_t s;
    wd_records_t  *r;
    int32_t        strangers; /* rows that are no observations at all */
} wd_wb_parse_t;

/* One row while it is read. */
typedef struct {
    wd_observation_rec_t o;
    wd_str_t             iso3;
    wd_str_t             date;
    wd_str_t             value;
    bool                 has_indicator;
    bool                 has_date;
} wd_wb_row_t;


static wd_str_t
wd_wb_slice(const char *from, const char *to)
{
    return wd_str(from, (size_t) (to - from));
}


static int
wd_wb_truncated(wd_wb_parse_t *w, const char *from)
{
    return wd_records_reject(
        w->r, -1, WD_REASON_TRUNCATED, wd_wb_slice(from, w->s.end),
        "the text ends inside of a value after %d records", w->r->n_records);
}


static bool
wd_wb_digits(wd_str_t s, size_t from, size_t n, int *ret)
{
    size_t i;

    *ret = 0;
    if (s.len < from + n) {
        return false;
    }
    for (i = from; i < from + n; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (s.data[i] - '0');
    }
    return true;
}


bool
wd_wb_period(wd_str_t s, wd_ns_t *ret, char *ret_frequency)
{
    int        quarter;
    wd_civil_t c = {.month = 1, .day = 1};

    s = wd_str_trim(s);
    if (!wd_wb_digits(s, 0, 4, &c.year)) {
        return false;
    }

    if (s.len == 4) {
        *ret_frequency = 'A';
    } else if (s.len == 7 && s.data[4] == 'M'
               && wd_wb_digits(s, 5, 2, &c.month)) {
        *ret_frequency = 'M';
    } else if (s.len == 6 && s.data[4] == 'Q' && wd_wb_digits(s, 5, 1, &quarter)
               && quarter >= 1 && quarter <= 4) {
        c.month = quarter * 3 - 2;
        *ret_frequency = 'Q';
    } else if (s.len == 10 && s.data[4] == '-' && s.data[7] == '-'
               && wd_wb_digits(s, 5, 2, &c.month)
               && wd_wb_digits(s, 8, 2, &c.day)) {
        *ret_frequency = 'D';
    } else {
        return false;
    }

    return wd_civil_valid(&c) && wd_time_from_civil(&c, ret) == WD_OK;
}


/* A number, also when it stands there as text; -1 when it is none. */
static int64_t
wd_wb_count(const wd_json_scan_val_t *v)
{
    int64_t n;

    if ((v->type != WD_JS_NUMBER && v->type != WD_JS_STRING)
        || wd_int_parse(wd_str_trim(v->text), &n) != WD_OK || n < 0) {
        return -1;
    }
    return n;
}


static int
wd_wb_page(wd_wb_parse_t *w, bool *ret_message)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    *ret_message = false;
    w->r->page = w->r->pages = w->r->per_page = w->r->total = -1;

    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&w->s, w->r->pool, &first, &key);
        if (rc == WD_OK) {
            rc = wd_json_scan_value(&w->s, w->r->pool, &v);
        }
        if (rc != WD_OK) {
            break;
        }

        if (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
            *ret_message = *ret_message || wd_str_eq_z(key, "message");
            rc = wd_json_scan_skip(&w->s);
        } else if (wd_str_eq_z(key, "page")) {
            w->r->page = wd_wb_count(&v);
        } else if (wd_str_eq_z(key, "pages")) {
            w->r->pages = wd_wb_count(&v);
        } else if (wd_str_eq_z(key, "per_page")) {
            w->r->per_page = wd_wb_count(&v);
        } else if (wd_str_eq_z(key, "total")) {
            w->r->total = wd_wb_count(&v);
        } else if (wd_str_eq_z(key, "lastupdated") && v.type == WD_JS_STRING) {
            w->r->refreshed = v.text;
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* {"id":"FR","value":"France"}, or null in old answers */
static int
wd_wb_pair(wd_wb_parse_t *w, wd_str_t *ret_id, wd_str_t *ret_value)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_value(&w->s, w->r->pool, &v);
    if (rc != WD_OK || v.type == WD_JS_ARRAY) {
        return rc != WD_OK ? rc : wd_json_scan_skip(&w->s);
    }
    if (v.type != WD_JS_OBJECT) {
        return WD_OK;
    }

    rc = wd_json_scan_open(&w->s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&w->s, w->r->pool, &first, &key);
        if (rc == WD_OK) {
            rc = wd_json_scan_value(&w->s, w->r->pool, &v);
        }
        if (rc != WD_OK) {
            break;
        }
        if (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
            rc = wd_json_scan_skip(&w->s);
        } else if (wd_str_eq_z(key, "id")) {
            *ret_id = wd_str_trim(v.text);
        } else if (wd_str_eq_z(key, "value")) {
            *ret_value = wd_str_trim(v.text);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


static int
wd_wb_member(wd_wb_parse_t *w, wd_wb_row_t *row, wd_str_t key)
{
    int                rc;
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "indicator")) {
        row->has_indicator = true;
        return wd_wb_pair(w, &row->o.indicator, &row->o.indicator_name);
    }
    if (wd_str_eq_z(key, "country")) {
        return wd_wb_pair(w, &row->o.country2, &row->o.country_name);
    }

    rc = wd_json_scan_value(&w->s, w->r->pool, &v);
    if (rc != WD_OK) {
        return rc;
    }
    if (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
        if (wd_str_eq_z(key, "value")) {
            row->value = WD_STR("[...]");
        }
        return wd_json_scan_skip(&w->s);
    }

    if (wd_str_eq_z(key, "countryiso3code")) {
        row->iso3 = wd_str_trim(v.text);
    } else if (wd_str_eq_z(key, "date")) {
        row->has_date = true;
        row->date = v.text;
    } else if (wd_str_eq_z(key, "value")) {
        row->value = v.type == WD_JS_TRUE || v.type == WD_JS_FALSE
                         ? WD_STR("true or false")
                         : v.text;
    } else if (wd_str_eq_z(key, "unit")) {
        row->o.unit = wd_str_trim(v.text);
    } else if (wd_str_eq_z(key, "obs_status")) {
        row->o.status = wd_str_trim(v.text);
    }
    return WD_OK;
}


static bool
wd_wb_texts_ok(const wd_observation_rec_t *o)
{
    size_t         i;
    const wd_str_t texts[] = {o->indicator_name, o->country_name, o->unit,
                              o->status};

    for (i = 0; i < wd_array_len(texts); i++) {
        if (!wd_record_text_ok(texts[i], WD_WB_TEXT_MAX)) {
            return false;
        }
    }
    return o->country2.len == 0
           || wd_record_code_ok(o->country2, WD_WB_CODE_MAX);
}


/* "" and what stands for nothing become missing. */
static wd_str_t
wd_wb_or_null(wd_str_t s)
{
    return s.len == 0 ? WD_STR_NULL : s;
}


static int
wd_wb_add(wd_wb_parse_t *w, wd_wb_row_t *row, wd_str_t sample)
{
    int32_t               record = w->r->n_records++;
    wd_observation_rec_t *slot;

    if (!row->has_indicator && !row->has_date) {
        w->strangers++;
    }
    row->o.country = wd_wb_country(row->o.country2, row->iso3,
                                   &row->o.aggregate);
    if (!wd_record_code_ok(row->o.indicator, WD_WB_CODE_MAX)
        || !wd_record_code_ok(row->o.country, WD_WB_CODE_MAX)) {
        return wd_records_reject(
            w->r, record, WD_REASON_MISSING_FIELD, sample, "no code of the %s",
            wd_record_code_ok(row->o.indicator, WD_WB_CODE_MAX) ? "country"
                                                                : "indicator");
    }
    if (!wd_wb_texts_ok(&row->o)) {
        return wd_records_reject(w->r, record, WD_REASON_SYNTAX, sample,
                                 "a text that is no UTF-8, or too long");
    }
    if (!wd_wb_period(row->date, &row->o.time, &row->o.frequency)) {
        return wd_records_reject(w->r, record, WD_REASON_BAD_TIME, sample,
                                 "period \"%.*s\"",
                                 (int) wd_min(row->date.len, (size_t) 40),
                                 row->date.data != NULL ? row->date.data : "");
    }
    if (wd_figure_parse(row->value, &row->o.value) != WD_OK) {
        return wd_records_reject(
            w->r, record, WD_REASON_NOT_A_NUMBER, sample, "value is \"%.*s\"",
            (int) wd_min(row->value.len, (size_t) 40), row->value.data);
    }

    slot = wd_records_observation(w->r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = row->o;
    slot->sample = sample;
    slot->record = record;
    slot->country2 = wd_wb_or_null(slot->country2);
    slot->indicator_name = wd_wb_or_null(slot->indicator_name);
    slot->country_name = wd_wb_or_null(slot->country_name);
    slot->unit = wd_wb_or_null(slot->unit);
    slot->status = wd_wb_or_null(slot->status);
    return WD_OK;
}


static int
wd_wb_row(wd_wb_parse_t *w)
{
    int         rc;
    bool        first = true;
    wd_str_t    key;
    wd_wb_row_t row;
    const char *mark = w->s.p;

    rc = wd_json_scan_open(&w->s, '{');
    if (rc != WD_OK) {
        return rc;
    }

    memset(&row, 0, sizeof(row));
    while ((rc = wd_json_scan_member(&w->s, w->r->pool, &first, &key))
           == WD_OK) {
        rc = wd_wb_member(w, &row, key);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return rc == WD_ENOTFOUND ? wd_wb_add(w, &row, wd_wb_slice(mark, w->s.p))
                              : rc;
}


/* To the next object that begins with "indicator", from `from` on. */
static bool
wd_wb_find_row(wd_wb_parse_t *w, const char *from)
{
    const char *p = from;
    const char *q;

    while (p < w->s.end
           && (p = memchr(p, '{', (size_t) (w->s.end - p))) != NULL) {
        q = p + 1;
        while (q < w->s.end
               && (*q == ' ' || *q == '\n' || *q == '\r' || *q == '\t')) {
            q++;
        }
        if (wd_str_starts(wd_wb_slice(q, w->s.end), "\"indicator\"")) {
            w->s.p = p;
            return true;
        }
        p++;
    }
    return false;
}


static int
wd_wb_damage(wd_wb_parse_t *w, const char *mark, bool *ret_found)
{
    *ret_found = wd_wb_find_row(w, wd_min(mark + 1, w->s.end));
    return wd_records_reject(w->r, w->r->n_records++, WD_REASON_SYNTAX,
                             wd_wb_slice(mark, *ret_found ? w->s.p : w->s.end),
                             *ret_found
                                 ? "the row cannot be read"
                                 : "the rest of the page cannot be read");
}


/* Behind the bracket of the rows; *ret_whole: their end was reached. */
static int
wd_wb_rows(wd_wb_parse_t *w, bool *ret_whole)
{
    int         rc;
    bool        first = true, found;
    const char *mark;

    *ret_whole = false;
    for (;;) {
        rc = wd_json_scan_item(&w->s, &first);
        if (rc == WD_ENOTFOUND) {
            *ret_whole = true;
            return WD_OK;
        }
        wd_json_scan_at_end(&w->s);
        mark = w->s.p;

        if (rc == WD_OK && w->r->n_records >= WD_RECORDS_MAX) {
            return wd_records_reject(w->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                     "more than %d records", WD_RECORDS_MAX);
        }
        if (rc == WD_OK) {
            rc = wd_wb_row(w);
        }
        if (rc == WD_OK) {
            continue;
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            return wd_wb_truncated(w, mark);
        }
        rc = wd_wb_damage(w, mark, &found);
        if (rc != WD_OK || !found) {
            return rc;
        }
        first = true;
    }
}


/* Fewer rows than announced: a page that was cut is not a whole one. */
static int
wd_wb_check_page(wd_wb_parse_t *w)
{
    int64_t       want;
    wd_records_t *r = w->r;

    if (r->page < 1 || r->pages < r->page || r->per_page < 1 || r->total < 0
        || r->per_page > WD_RECORDS_MAX || r->pages > INT32_MAX) {
        return WD_OK; /* nothing to compare with */
    }

    want = r->page < r->pages ? r->per_page
                              : r->total - (r->pages - 1) * r->per_page;
    if (r->n_records >= want) {
        return WD_OK;
    }
    return wd_records_reject(r, -1, WD_REASON_SHORT_PAGE, WD_STR(""),
                             "%d rows on page %lld of %lld, %lld announced",
                             r->n_records, (long long) r->page,
                             (long long) r->pages, (long long) want);
}


static int
wd_wb_refuse_shape(wd_wb_parse_t *w, const char *why)
{
    return wd_records_refuse(w->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""), "%s",
                             why);
}


/* The second element: rows, or null for none. */
static int
wd_wb_second(wd_wb_parse_t *w)
{
    int                rc;
    bool               whole, first = false;
    const char        *mark = w->s.p;
    wd_json_scan_val_t v;

    rc = wd_json_scan_item(&w->s, &first);
    if (rc == WD_ENOTFOUND) {
        return wd_wb_refuse_shape(w, "a page object without rows");
    }
    if (rc == WD_OK) {
        rc = wd_json_scan_value(&w->s, w->r->pool, &v);
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_wb_truncated(w, mark);
    }
    if (rc == WD_OK && v.type == WD_JS_NULL) {
        w->r->empty = true;
        return WD_OK;
    }
    if (rc != WD_OK || v.type != WD_JS_ARRAY) {
        return wd_wb_refuse_shape(w, "no rows behind the page object");
    }

    w->s.p++;
    rc = wd_wb_rows(w, &whole);
    if (rc != WD_OK || !whole) {
        return rc;
    }

    if (w->r->n_records != 0 && w->strangers == w->r->n_records) {
        w->r->n_rejects = w->r->n_rejected = 0;
        return wd_wb_refuse_shape(w, "rows that are no observations");
    }
    w->r->empty = w->r->n_records == 0;

    rc = wd_json_scan_item(&w->s, &first);
    if (rc != WD_ENOTFOUND) {
        rc = rc == WD_ETRUNC ? wd_wb_truncated(w, mark)
                             : wd_records_reject(w->r, -1, WD_REASON_SYNTAX,
                                                 wd_wb_slice(w->s.p, w->s.end),
                                                 "text behind the rows");
        return rc;
    }
    return wd_wb_check_page(w);
}


int
wd_wb_parse(wd_str_t body, wd_records_t *ret)
{
    int           rc;
    bool          message, first = true;
    wd_wb_parse_t w;

    if (wd_str_starts(body, "\xef\xbb\xbf")) {
        body.data += 3;
        body.len -= 3;
    }

    memset(&w, 0, sizeof(w));
    w.r = ret;
    w.s.p = body.data;
    w.s.end = body.data + body.len;

    if (wd_json_scan_at_end(&w.s)) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    rc = wd_json_scan_open(&w.s, '[');
    if (rc == WD_OK) {
        rc = wd_json_scan_item(&w.s, &first);
    }
    if (rc == WD_OK) {
        rc = wd_wb_page(&w, &message);
    }

    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc == WD_ETRUNC) {
        return wd_wb_truncated(&w, body.data);
    }
    if (rc != WD_OK) {
        return wd_wb_refuse_shape(&w, "neither a page nor an error");
    }
    if (message) {
        return wd_records_refuse(ret, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                                 "an error of the provider");
    }
    if (ret->page < 0 && ret->total < 0) {
        return wd_wb_refuse_shape(&w, "no page object");
    }
    return wd_wb_second(&w);
}
