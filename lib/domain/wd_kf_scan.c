/*
 * wd_kf_scan.c - members, rows and figures of kfinance answers.
 */
#include "wd_kf_scan.h"

#include "wd_gds_facts.h"
#include "wd_gds_parse.h"


bool
wd_kf_at(wd_kf_t *k, char c)
{
    return !wd_json_scan_at_end(&k->s) && *k->s.p == c;
}


/* Steps over what is neither the object nor the list that it should be. */
static int
wd_kf_stranger(wd_kf_t *k)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK || v.type == WD_JS_NULL) {
        return rc;
    }
    return wd_records_reject(k->r, k->r->n_records++, WD_REASON_UNKNOWN_SHAPE,
                             WD_STR(""),
                             "neither the object nor the list "
                             "that is documented");
}


int
wd_kf_members(wd_kf_t *k, wd_kf_member_pt member)
{
    int      rc;
    bool     first = true;
    wd_str_t key;

    if (!wd_kf_at(k, '{')) {
        return wd_kf_stranger(k);
    }
    rc = wd_json_scan_open(&k->s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&k->s, k->r->pool, &first, &key);
        if (rc == WD_OK) {
            rc = member(k, key);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
wd_kf_items(wd_kf_t *k, wd_kf_member_pt item)
{
    int  rc;
    bool first = true;

    if (!wd_kf_at(k, '[')) {
        return wd_kf_stranger(k);
    }
    rc = wd_json_scan_open(&k->s, '[');
    while (rc == WD_OK) {
        rc = wd_json_scan_item(&k->s, &first);
        if (rc == WD_OK) {
            rc = item(k, WD_STR_NULL);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* A row is a flat object: the next brace, from `from` on, begins one. */
static int
wd_kf_row_damage(wd_kf_t *k, const char *mark, const char *from)
{
    const char *p = wd_min(from, k->s.end);

    p = memchr(p, '{', (size_t) (k->s.end - p));
    if (p == NULL) {
        return WD_EPROTO;
    }
    k->s.p = p;
    return wd_records_reject(k->r, k->r->n_records++, WD_REASON_SYNTAX,
                             wd_str(mark, (size_t) (p - mark)),
                             "the row cannot be read");
}


int
wd_kf_rows(wd_kf_t *k, wd_kf_member_pt row)
{
    int         rc;
    bool        first = true;
    const char *mark, *from;

    if (!wd_kf_at(k, '[')) {
        return wd_kf_stranger(k);
    }
    rc = wd_json_scan_open(&k->s, '[');
    while (rc == WD_OK) {
        rc = wd_json_scan_item(&k->s, &first);
        wd_json_scan_at_end(&k->s);
        mark = from = k->s.p; /* no comma: perhaps a row all the same */
        if (rc == WD_OK) {
            from = mark + 1;
            rc = row(k, WD_STR_NULL);
        }
        if (rc == WD_EPROTO) {
            first = true;
            rc = wd_kf_row_damage(k, mark, from);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
wd_kf_scalar(wd_kf_t *k, wd_json_scan_val_t *ret)
{
    int rc;

    rc = wd_json_scan_value(&k->s, k->r->pool, ret);
    if (rc == WD_OK
        && (ret->type == WD_JS_OBJECT || ret->type == WD_JS_ARRAY)) {
        rc = wd_json_scan_skip(&k->s);
    }
    return rc;
}


int
wd_kf_text(wd_kf_t *k, wd_str_t *ret)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK) {
        return rc;
    }
    *ret = wd_str_trim(v.text);
    if (v.type != WD_JS_STRING || ret->len == 0
        || !wd_record_text_ok(*ret, WD_KF_NAME_MAX)) {
        *ret = WD_STR_NULL;
    }
    return WD_OK;
}


bool
wd_kf_symbol_ok(wd_str_t s)
{
    return s.len != 0 && wd_record_text_ok(s, WD_RECORD_SYMBOL_MAX);
}


/*
 * Tickers hold blanks and more ("MAERSK B", "CREAL *"). A day is none, but
 * what a spreadsheet made of one: JUN3 came as "6/3/2022 12:00:00 AM".
 */
static bool
wd_kf_ticker_ok(wd_str_t s)
{
    wd_ns_t  day;
    wd_str_t rest = s, word;

    return wd_kf_symbol_ok(s)
           && !(wd_str_split(&rest, ' ', &word) && wd_gds_date(word, &day));
}


int
wd_kf_identifier(wd_kf_t *k, const char *scheme, const wd_json_scan_val_t *v)
{
    bool                 is_ticker = strcmp(scheme, "TICKER") == 0;
    wd_str_t             text = wd_str_trim(v->text);
    wd_identifier_rec_t *id;

    if (v->type == WD_JS_NULL || (v->type == WD_JS_STRING && text.len == 0)) {
        return WD_OK;
    }
    if ((v->type != WD_JS_STRING && v->type != WD_JS_NUMBER)
        || (is_ticker ? !wd_kf_ticker_ok(text)
                      : !wd_record_code_ok(text, WD_RECORD_SYMBOL_MAX))) {
        return wd_records_reject(k->r, k->record, WD_REASON_BAD_SYMBOL,
                                 WD_STR(""), "%.*s: %s that is none",
                                 WD_STR_ARG(k->symbol), scheme);
    }
    id = wd_records_identifier(k->r);
    if (id == NULL) {
        return WD_ENOMEM;
    }
    id->symbol = k->symbol;
    id->scheme = wd_str_z(scheme);
    id->value = text;
    id->record = k->record;
    return WD_OK;
}


int
wd_kf_error_text(wd_kf_t *k)
{
    int                rc;
    wd_str_t           text;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    text = rc == WD_OK ? wd_str_trim(v.text) : WD_STR_NULL;
    if (rc != WD_OK || v.type == WD_JS_NULL
        || (v.type == WD_JS_STRING && text.len == 0)) {
        return rc;
    }
    k->error = v.type == WD_JS_STRING ? text
                                      : WD_STR("an error without a text");
    return WD_OK;
}


int
wd_kf_fact(wd_kf_t *k, wd_str_t item, const wd_json_scan_val_t *v)
{
    int32_t        record = k->r->n_records++;
    double         value;
    wd_str_t       text;
    wd_reason_e    reason;
    wd_fact_rec_t *fact;

    if (record >= WD_RECORDS_MAX) {
        return WD_ETOOBIG;
    }
    if (item.len == 0 || !wd_record_text_ok(item, WD_KF_NAME_MAX)) {
        return wd_records_reject(k->r, record, WD_REASON_MISSING_FIELD,
                                 WD_STR(""), "a figure without a name");
    }
    reason = wd_gds_value(v, &text, &value);
    if (reason != WD_REASON_COUNT) {
        return wd_records_reject(k->r, record, reason, WD_STR(""),
                                 "%.*s: %.*s is \"%.*s\"",
                                 WD_STR_ARG(k->symbol), WD_STR_ARG(item),
                                 (int) wd_min(text.len, (size_t) 40),
                                 text.data != NULL ? text.data : "");
    }

    fact = wd_records_fact(k->r);
    if (fact == NULL) {
        return WD_ENOMEM;
    }
    fact->record = record;
    fact->symbol = k->symbol;
    fact->item = item;
    fact->text = text;
    fact->period = k->period;
    fact->time = WD_NS_MIN;
    fact->value = value;
    return WD_OK;
}


int
wd_kf_day(wd_kf_t *k, wd_str_t *ret)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    if (rc == WD_OK) {
        *ret = v.type == WD_JS_NULL     ? WD_STR_NULL
               : v.type == WD_JS_STRING ? wd_str_trim(v.text)
                                        : WD_STR("no text");
    }
    return rc;
}


bool
wd_kf_date(wd_str_t day, wd_ns_t *ret)
{
    bool       is_date;
    wd_civil_t c;

    return wd_civil_parse(day, &c, &is_date) == WD_OK && is_date
           && wd_time_from_civil(&c, ret) == WD_OK;
}


int
wd_kf_date_facts(wd_kf_t *k, size_t from, bool needed)
{
    size_t  i;
    wd_ns_t time;

    if (k->day.data == NULL && !needed) {
        return WD_OK;
    }
    if (!wd_kf_date(k->day, &time)) {
        k->r->n_facts = from;
        return wd_records_reject(k->r, k->r->n_records++, WD_REASON_BAD_TIME,
                                 WD_STR(""), "%.*s %.*s: day \"%.*s\"",
                                 WD_STR_ARG(k->symbol), WD_STR_ARG(k->period),
                                 WD_STR_ARG(k->day));
    }
    for (i = from; i < k->r->n_facts; i++) {
        k->r->facts[i].time = time;
    }
    return WD_OK;
}
