/*
 * wd_av_parse.c - Alpha Vantage's JSON answers, read so that damage costs
 * only the record that it hit.
 *
 * When a row cannot be read, the reader looks for the next thing that begins
 * a row and goes on there; when the text ends early, what stood before is
 * kept. Both leave a reject behind.
 */
#include "wd_av_parse.h"

#include "wd_av_csv.h"
#include "wd_av_record.h"
#include "wd_json_scan.h"

#define WD_AV_NAME_MAX 64 /* bytes of a field's name in an overview */
#define WD_AV_KEYS_MAX 12 /* fields of a row whose names are remembered */

typedef struct {
    wd_av_dataset_e dataset;
    wd_json_scan_t  s;
    wd_records_t   *r;
    bool            meta_seen;
    bool            data_seen;
    bool            notice_seen;

    /* Rows repeat their keys in the same order: the n-th is compared first. */
    wd_str_t      keys[WD_AV_KEYS_MAX];
    wd_av_field_e fields[WD_AV_KEYS_MAX];
} wd_av_parse_t;

static const char *const wd_av_datasets[] = {
    "daily", "daily_adjusted", "intraday", "fx_daily",
    "quote", "search",         "overview"};


bool
wd_av_dataset_by_name(wd_str_t name, wd_av_dataset_e *ret)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_av_datasets); i++) {
        if (wd_str_eq_z(name, wd_av_datasets[i])) {
            *ret = (wd_av_dataset_e) i;
            return true;
        }
    }
    return false;
}


static wd_str_t
wd_av_slice(const char *from, const char *to)
{
    return wd_str(from, (size_t) (to - from));
}


static int
wd_av_truncated(wd_av_parse_t *a, const char *from)
{
    return wd_records_reject(
        a->r, -1, WD_REASON_TRUNCATED, wd_av_slice(from, a->s.end),
        "the text ends inside of a value after %d records", a->r->n_records);
}


static wd_av_field_e
wd_av_cached_field(wd_av_parse_t *a, size_t i, wd_str_t key)
{
    if (i >= WD_AV_KEYS_MAX) {
        return wd_av_field(key);
    }
    if (!wd_str_eq(a->keys[i], key)) {
        a->keys[i] = key;
        a->fields[i] = wd_av_field(key);
    }
    return a->fields[i];
}


/*
 * The next member of a flat object, with its value as text; null and false
 * become empty, hence missing. *ret_scalar: false for an object or array,
 * which is stepped over.
 */
static int
wd_av_member(wd_av_parse_t *a, bool *first, wd_str_t *key, wd_str_t *text,
             bool *ret_scalar)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_json_scan_member(&a->s, a->r->pool, first, key);
    if (rc != WD_OK) {
        return rc;
    }
    rc = wd_json_scan_value(&a->s, a->r->pool, &v);
    if (rc != WD_OK) {
        return rc;
    }

    *text = v.text;
    *ret_scalar = v.type != WD_JS_OBJECT && v.type != WD_JS_ARRAY;
    if (!*ret_scalar) {
        *text = WD_STR("[...]");
        return wd_json_scan_skip(&a->s);
    }
    return WD_OK;
}


static int
wd_av_meta(wd_av_parse_t *a)
{
    int      rc;
    bool     first = true, scalar;
    char    *pair;
    wd_str_t key, text;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }
    a->meta_seen = true;

    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (!scalar || text.len > WD_RECORD_FIELD_MAX) {
            continue;
        }
        switch (wd_av_field(key)) {
        case WD_AVF_SYMBOL:
            a->r->symbol = wd_av_symbol(a->r->pool, text);
            break;
        case WD_AVF_FROM:
            a->r->from_symbol = wd_av_symbol(a->r->pool, text);
            break;
        case WD_AVF_TO:
            a->r->to_symbol = wd_av_symbol(a->r->pool, text);
            break;
        case WD_AVF_ZONE:
            a->r->zone = text;
            break;
        case WD_AVF_INTERVAL:
            a->r->interval = text;
            break;
        case WD_AVF_REFRESHED:
            a->r->refreshed = text;
            break;
        default:
            break;
        }
    }

    if (a->r->from_symbol.data != NULL && a->r->to_symbol.data != NULL) {
        pair = wd_pool_alloc(a->r->pool,
                             a->r->from_symbol.len + a->r->to_symbol.len);
        if (pair == NULL) {
            return WD_ENOMEM;
        }
        memcpy(pair, a->r->from_symbol.data, a->r->from_symbol.len);
        memcpy(pair + a->r->from_symbol.len, a->r->to_symbol.data,
               a->r->to_symbol.len);
        a->r->symbol = wd_str(pair,
                              a->r->from_symbol.len + a->r->to_symbol.len);
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* The fields of one bar, at its brace. */
static int
wd_av_bar(wd_av_parse_t *a, wd_str_t stamp, const char *mark)
{
    int          rc;
    bool         first = true, scalar;
    size_t       i = 0;
    wd_str_t     key, text;
    wd_av_bad_t  bad = {WD_STR_NULL, WD_STR_NULL};
    wd_bar_rec_t bar;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }

    wd_av_bar_init(&bar);
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        wd_av_bar_set(&bar, wd_av_cached_field(a, i++, key), key, text, &bad);
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    return wd_av_bar_add(a->r, &bar, stamp, &bad, wd_av_slice(mark, a->s.p));
}


/* To the next `"dddd-dd-dd`, not before `from`; false: none. */
static bool
wd_av_find_stamp(wd_av_parse_t *a, const char *from)
{
    int         i;
    const char *p = from;

    static const char shape[] = "\"dddd-dd-dd";

    while (p < a->s.end
           && (p = memchr(p, '"', (size_t) (a->s.end - p))) != NULL) {
        for (i = 0; shape[i] != '\0' && p + i < a->s.end; i++) {
            if (shape[i] == 'd' ? p[i] < '0' || p[i] > '9'
                                : p[i] != shape[i]) {
                break;
            }
        }
        if (shape[i] == '\0') {
            a->s.p = p;
            return true;
        }
        p++;
    }
    return false;
}


/*
 * Rows until the series ends, its brace having been passed. WD_OK also when
 * the text ended early; *ret_end tells that nothing is left to read.
 */
static int
wd_av_series_rows(wd_av_parse_t *a, bool *ret_end)
{
    int         rc;
    bool        first = true, keyed, again;
    wd_str_t    stamp;
    const char *mark, *from = NULL;

    *ret_end = false;
    for (;;) {
        keyed = false;
        again = first;
        wd_json_scan_at_end(&a->s);
        mark = a->s.p;
        if (mark < a->s.end && *mark == ',') {
            mark++;
        }

        rc = wd_json_scan_member(&a->s, a->r->pool, &first, &stamp);
        if (rc == WD_ENOTFOUND) {
            return WD_OK;
        }
        if (rc == WD_OK) {
            keyed = true;
            from = a->s.p;
            if (a->r->n_records >= WD_RECORDS_MAX) {
                *ret_end = true;
                return wd_records_reject(a->r, -1, WD_REASON_TOO_MANY,
                                         WD_STR(""), "more than %d records",
                                         WD_RECORDS_MAX);
            }
            rc = wd_av_bar(a, stamp, mark);
        }
        if (rc == WD_OK) {
            continue;
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            *ret_end = true;
            return wd_av_truncated(a, mark);
        }

        /* Behind this row's own stamp, or the same row would come again. */
        if (!keyed) {
            from = again ? mark + 1 : mark;
        }
        *ret_end = !wd_av_find_stamp(a, wd_min(from, a->s.end));
        rc = wd_records_reject(
            a->r, a->r->n_records, WD_REASON_SYNTAX,
            wd_av_slice(mark, *ret_end ? a->s.end : a->s.p),
            *ret_end ? "the rest of the series cannot be read"
                     : "the row, or what stands before it, cannot be read");
        a->r->n_records += keyed;
        if (rc != WD_OK || *ret_end) {
            return rc;
        }
        first = true;
    }
}


static int
wd_av_series(wd_av_parse_t *a, bool *ret_end)
{
    int rc;

    a->data_seen = true;
    rc = wd_json_scan_open(&a->s, '{');
    return rc != WD_OK ? rc : wd_av_series_rows(a, ret_end);
}


static int
wd_av_quote(wd_av_parse_t *a)
{
    int            rc;
    bool           first = true, scalar;
    const char    *mark = a->s.p;
    wd_str_t       key, text;
    wd_av_bad_t    bad = {WD_STR_NULL, WD_STR_NULL};
    wd_quote_rec_t quote;

    a->data_seen = true;
    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }

    wd_av_quote_init(&quote);
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        wd_av_quote_set(&quote, wd_av_field(key), key, text, &bad);
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    if (first) {
        a->r->empty = true; /* the answer for a symbol nobody knows */
        return WD_OK;
    }
    return wd_av_quote_add(a->r, &quote, &bad, wd_av_slice(mark, a->s.p));
}


static int
wd_av_match(wd_av_parse_t *a)
{
    int                 rc;
    bool                first = true, scalar;
    const char         *mark = a->s.p;
    wd_str_t            key, text;
    wd_instrument_rec_t inst;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return rc;
    }

    memset(&inst, 0, sizeof(inst));
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (scalar && text.len <= WD_RECORD_FIELD_MAX) {
            wd_av_instrument_set(&inst, wd_av_field(key), text);
        }
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }
    return wd_av_instrument_add(a->r, &inst, wd_av_slice(mark, a->s.p));
}


static int
wd_av_matches(wd_av_parse_t *a, bool *ret_end)
{
    int         rc;
    bool        first = true;
    const char *mark;

    a->data_seen = true;
    rc = wd_json_scan_open(&a->s, '[');
    if (rc != WD_OK) {
        return rc;
    }

    while ((rc = wd_json_scan_item(&a->s, &first)) != WD_ENOTFOUND) {
        wd_json_scan_at_end(&a->s);
        mark = a->s.p;
        if (rc == WD_OK) {
            rc = wd_av_match(a);
        }
        if (rc == WD_OK) {
            continue;
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            *ret_end = true;
            return wd_av_truncated(a, mark);
        }

        /* A match is a flat object: the next brace begins one. */
        a->s.p = wd_min(mark + 1, a->s.end);
        a->s.p = memchr(a->s.p, '{', (size_t) (a->s.end - a->s.p));
        *ret_end = a->s.p == NULL;
        a->s.p = *ret_end ? a->s.end : a->s.p;
        rc = wd_records_reject(a->r, a->r->n_records++, WD_REASON_SYNTAX,
                               wd_av_slice(mark, a->s.p),
                               "the match cannot be read");
        if (rc != WD_OK || *ret_end) {
            return rc;
        }
        first = true;
    }

    a->r->empty = a->r->n_records == 0;
    return WD_OK;
}


/* Field names of the overview that describe the instrument. */
static void
wd_av_overview_field(wd_instrument_rec_t *inst, wd_str_t name, wd_str_t value)
{
    if (wd_str_eq_z(name, "Symbol")) {
        inst->symbol = value;
    } else if (wd_str_eq_z(name, "AssetType")) {
        inst->type = value;
    } else if (wd_str_eq_z(name, "Name")) {
        inst->name = value;
    } else if (wd_str_eq_z(name, "Exchange")) {
        inst->exchange = value;
    } else if (wd_str_eq_z(name, "Currency")) {
        inst->currency = value;
    } else if (wd_str_eq_z(name, "Country")) {
        inst->country = value;
    } else if (wd_str_eq_z(name, "Sector")) {
        inst->sector = value;
    } else if (wd_str_eq_z(name, "Industry")) {
        inst->industry = value;
    }
}


static bool
wd_av_is_notice(wd_str_t key)
{
    return wd_str_eq_z(key, "Information") || wd_str_eq_z(key, "Note")
           || wd_str_eq_z(key, "Error Message")
           || wd_str_eq_z(key, "message");
}


/* One field of the overview; its record is its position. */
static int
wd_av_overview_add(wd_av_parse_t *a, wd_instrument_rec_t *inst, wd_str_t key,
                   wd_str_t text, bool scalar)
{
    int32_t         record = a->r->n_records++;
    wd_field_rec_t *f;

    if (key.len == 0 || !wd_record_text_ok(key, WD_AV_NAME_MAX)
        || !wd_record_text_ok(text, SIZE_MAX)) {
        return wd_records_reject(a->r, record, WD_REASON_SYNTAX, key,
                                 "the field's name or text is none");
    }
    if (!scalar) {
        return wd_records_reject(a->r, record, WD_REASON_SYNTAX, key,
                                 "the field is no plain value");
    }
    if (text.len > WD_RECORD_FIELD_MAX) {
        return wd_records_reject(a->r, record, WD_REASON_TOO_LONG, key,
                                 "%zu bytes, the limit is %d", text.len,
                                 WD_RECORD_FIELD_MAX);
    }

    text = wd_str_trim(text);
    if (wd_missing(text)) {
        text = WD_STR_NULL;
    }
    wd_av_overview_field(inst, key, text);

    f = wd_records_field(a->r);
    if (f == NULL) {
        return WD_ENOMEM;
    }
    f->name = key;
    f->value = text;
    f->record = record;
    return WD_OK;
}


static int
wd_av_overview(wd_av_parse_t *a)
{
    int                 rc;
    bool                first = true, scalar;
    const char         *mark = a->s.p;
    wd_str_t            key, text;
    wd_instrument_rec_t inst;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return wd_records_refuse(a->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "no object");
    }

    memset(&inst, 0, sizeof(inst));
    while ((rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (wd_av_is_notice(key)) {
            a->notice_seen = true;
            return WD_OK;
        }
        rc = wd_av_overview_add(a, &inst, key, text, scalar);
        if (rc != WD_OK) {
            return rc;
        }
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }

    if (rc == WD_ENOTFOUND && first) {
        a->r->empty = true;
        return WD_OK;
    }
    if (rc == WD_ETRUNC) {
        rc = wd_av_truncated(a, mark);
    } else if (rc == WD_EPROTO) {
        rc = wd_records_reject(a->r, -1, WD_REASON_SYNTAX,
                               wd_av_slice(a->s.p, a->s.end),
                               "the rest of the overview cannot be read");
    } else {
        rc = WD_OK;
    }
    if (rc != WD_OK) {
        return rc;
    }

    if (inst.symbol.data == NULL) {
        a->r->n_fields = 0;
        return wd_records_refuse(a->r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "an overview without Symbol");
    }

    rc = wd_av_instrument_add(a->r, &inst, WD_STR(""));
    if (a->r->n_instruments != 0) {
        a->r->symbol = a->r->instruments[0].symbol;
        a->r->n_records--; /* the fields are the records */
    }
    return rc;
}


static bool
wd_av_is_series(const wd_av_parse_t *a)
{
    return a->dataset <= WD_AV_FX_DAILY;
}


static bool
wd_av_holds(wd_str_t s, const char *z)
{
    return s.data != NULL && memmem(s.data, s.len, z, strlen(z)) != NULL;
}


/*
 * "Time Series (Daily)", "Time Series (5min)", "Time Series FX (Daily)". The
 * same rows under "Weekly Time Series", "Time Series (Digital Currency
 * Daily)" or "Technical Analysis: SMA" would be other data in this place.
 */
static bool
wd_av_is_series_key(const wd_av_parse_t *a, wd_str_t key)
{
    if (!wd_str_starts(key, "Time Series") || wd_av_holds(key, "Crypto")
        || wd_av_holds(key, "Digital")
        || wd_av_holds(key, "FX") != (a->dataset == WD_AV_FX_DAILY)) {
        return false;
    }
    return a->dataset == WD_AV_INTRADAY ? wd_av_holds(key, "min)")
                                        : wd_av_holds(key, "Daily)");
}


/* The value of one key of the outermost object. */
static int
wd_av_top_value(wd_av_parse_t *a, wd_str_t key, bool *ret_end)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_json_scan_value(&a->s, a->r->pool, &v);
    if (rc != WD_OK) {
        return rc;
    }

    if (v.type != WD_JS_OBJECT && v.type != WD_JS_ARRAY) {
        a->notice_seen = a->notice_seen || wd_av_is_notice(key);
        return WD_OK;
    }
    if (v.type == WD_JS_OBJECT && wd_str_eq_z(key, "Meta Data")) {
        return wd_av_meta(a);
    }
    if (v.type == WD_JS_OBJECT && wd_av_is_series(a) && !a->data_seen
        && wd_av_is_series_key(a, key) && !a->notice_seen) {
        return wd_av_series(a, ret_end);
    }
    if (v.type == WD_JS_OBJECT && a->dataset == WD_AV_QUOTE
        && wd_str_starts(key, "Global Quote")) {
        return wd_av_quote(a);
    }
    if (v.type == WD_JS_ARRAY && a->dataset == WD_AV_SEARCH
        && wd_str_eq_z(key, "bestMatches")) {
        return wd_av_matches(a, ret_end);
    }
    return wd_json_scan_skip(&a->s);
}


/* To the first row of the series, wherever its key stands. */
static bool
wd_av_find_series(wd_av_parse_t *a)
{
    wd_str_t       key;
    const char    *p = a->s.p;
    wd_json_scan_t at;

    while ((p = memmem(p, (size_t) (a->s.end - p), "\"Time Series",
                       sizeof("\"Time Series") - 1))
           != NULL) {
        bool first = true;

        at = (wd_json_scan_t){p, a->s.end};
        if (wd_json_scan_member(&at, a->r->pool, &first, &key) == WD_OK
            && wd_av_is_series_key(a, key)) {
            return wd_av_find_stamp(a, at.p);
        }
        p++;
    }
    return false;
}


/*
 * Damage outside of the rows. If they can still be found they are used: the
 * series is all that looks like a stamped row.
 */
static int
wd_av_top_damage(wd_av_parse_t *a, const char *mark)
{
    int  rc;
    bool end;

    rc = wd_records_reject(a->r, -1, WD_REASON_SYNTAX,
                           wd_av_slice(mark, a->s.end),
                           "the payload's frame cannot be read");
    if (rc != WD_OK || a->data_seen || !wd_av_is_series(a)
        || !wd_av_find_series(a)) {
        return rc;
    }
    a->data_seen = true;
    return wd_av_series_rows(a, &end);
}


static int
wd_av_top(wd_av_parse_t *a)
{
    int         rc;
    bool        first = true, end = false;
    wd_str_t    key;
    const char *mark;

    rc = wd_json_scan_open(&a->s, '{');
    if (rc != WD_OK) {
        return WD_OK; /* no object: judged by the caller */
    }

    for (;;) {
        mark = a->s.p;
        rc = wd_json_scan_member(&a->s, a->r->pool, &first, &key);
        if (rc == WD_ENOTFOUND) {
            a->r->empty = a->r->empty || first;
            break;
        }
        if (rc == WD_OK) {
            rc = wd_av_top_value(a, key, &end);
        }
        if (rc == WD_ENOMEM) {
            return rc;
        }
        if (rc == WD_ETRUNC) {
            return wd_av_truncated(a, mark);
        }
        if (rc != WD_OK) {
            return wd_av_top_damage(a, mark);
        }
        if (end) {
            return WD_OK;
        }
    }

    if (!wd_json_scan_at_end(&a->s)) {
        return wd_records_reject(a->r, -1, WD_REASON_SYNTAX,
                                 wd_av_slice(a->s.p, a->s.end),
                                 "text behind the payload");
    }
    return WD_OK;
}


static int
wd_av_json(wd_av_parse_t *a, wd_str_t body)
{
    int rc;

    rc = a->dataset == WD_AV_OVERVIEW ? wd_av_overview(a) : wd_av_top(a);
    if (rc != WD_OK || a->r->refused) {
        return rc;
    }

    if (a->notice_seen) {
        /* Never with a sample: such texts repeat the caller's key. The rows
         * beside a notice are made up. */
        a->r->n_bars = a->r->n_quotes = a->r->n_instruments = 0;
        a->r->n_fields = a->r->n_rejects = a->r->n_rejected = 0;
        return wd_records_refuse(a->r, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                                 "a text of the provider instead of data");
    }

    if (!a->data_seen && !a->r->empty && a->dataset != WD_AV_OVERVIEW) {
        return wd_records_refuse(
            a->r, WD_REASON_UNKNOWN_SHAPE,
            wd_str(body.data, wd_min(body.len, (size_t) 200)),
            "no %s in the answer", wd_av_datasets[a->dataset]);
    }
    return WD_OK;
}


int
wd_av_parse(wd_av_dataset_e dataset, wd_str_t body, wd_records_t *ret)
{
    wd_av_parse_t a;

    if (wd_str_starts(body, "\xef\xbb\xbf")) {
        body.data += 3;
        body.len -= 3;
    }

    memset(&a, 0, sizeof(a));
    a.dataset = dataset;
    a.r = ret;
    a.s.p = body.data;
    a.s.end = body.data + body.len;

    if (wd_json_scan_at_end(&a.s)) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    if (*a.s.p == '{' || *a.s.p == '[') {
        return wd_av_json(&a, body);
    }
    return wd_av_csv(dataset, body, ret);
}
