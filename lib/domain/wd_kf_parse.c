/*
 * wd_kf_parse.c - kfinance answers: the frame, names, flat answers.
 */
#include "wd_kf_parse.h"

#include "wd_answer.h"
#include "wd_kf_answer.h"
#include "wd_kf_scan.h"

#include <math.h>

/* Members that are names of somebody or something. */
static const struct {
    const char *key;
    const char *scheme;
} wd_kf_schemes[] = {
    {"company_id", "COMPANY_ID"},
    {"security_id", "SECURITY_ID"},
    {"trading_item_id", "TRADING_ITEM_ID"},
    {"primary_security", "SECURITY_ID"},
    {"primary_trading_item", "TRADING_ITEM_ID"},
    {"ticker", "TICKER"},
    {"isin", "ISIN"},
    {"cusip", "CUSIP"},
};


static const char *
wd_kf_scheme(wd_str_t key)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_kf_schemes); i++) {
        if (wd_str_eq_z(key, wd_kf_schemes[i].key)) {
            return wd_kf_schemes[i].scheme;
        }
    }
    return NULL;
}


static int
wd_kf_id_member(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    const char        *scheme = wd_kf_scheme(key);
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "error")) {
        return wd_kf_error_text(k);
    }
    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK || scheme == NULL) {
        return rc;
    }
    k->data_seen = true;
    return wd_kf_identifier(k, scheme, &v);
}


/* The error that stands in the place of a company, if there is one. */
static int
wd_kf_company_error(wd_kf_t *k, int32_t record)
{
    char text[WD_ANSWER_TEXT_MAX];

    if (k->error.data == NULL) {
        return WD_OK;
    }
    wd_answer_redact(k->error, text, sizeof(text));
    return wd_records_reject(k->r, record, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                             "%.*s: %s", WD_STR_ARG(k->symbol), text);
}


static int
wd_kf_bad_symbol(wd_kf_t *k)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_records_reject(k->r, k->r->n_records++, WD_REASON_BAD_SYMBOL,
                             WD_STR(""),
                             "a company without a name, or with "
                             "one that is too long");
}


/* "NAME": {"company_id": 1, ...}, or "NAME": {"error": "text"} */
static int
wd_kf_ids_entry(wd_kf_t *k, wd_str_t key)
{
    int    rc;
    size_t from = k->r->n_identifiers;

    if (!wd_kf_symbol_ok(key)) {
        return wd_kf_bad_symbol(k);
    }
    if (!wd_kf_at(k, '{')) {
        return wd_kf_members(k, wd_kf_id_member);
    }
    k->symbol = key;
    k->error = WD_STR_NULL;
    k->data_seen = true;
    k->record = k->r->n_records++;
    rc = wd_kf_members(k, wd_kf_id_member);
    if (rc != WD_OK || k->error.data != NULL) {
        k->r->n_identifiers = from;
    }
    return rc == WD_OK ? wd_kf_company_error(k, k->record) : rc;
}


/*
 * What the answer says once counts for all facts of the company. They are
 * dropped when the day cannot be read.
 */
static int
wd_kf_company_end(wd_kf_t *k, size_t from)
{
    size_t  i;
    wd_ns_t time = WD_NS_MIN;

    if (k->effective.data != NULL && !wd_kf_date(k->effective, &time)) {
        k->r->n_facts = from;
        return wd_records_reject(k->r, k->r->n_records++, WD_REASON_BAD_TIME,
                                 WD_STR(""), "%.*s: effective day \"%.*s\"",
                                 WD_STR_ARG(k->symbol),
                                 WD_STR_ARG(k->effective));
    }
    for (i = from; i < k->r->n_facts; i++) {
        wd_fact_rec_t *fact = &k->r->facts[i];

        if (fact->unit.data == NULL && !isnan(fact->value)) {
            fact->unit = k->currency;
        }
        if (fact->time == WD_NS_MIN) {
            fact->time = time;
        }
    }
    return WD_OK;
}


/* "24937": {...} among the results. */
static int
wd_kf_company(wd_kf_t *k, wd_str_t key)
{
    int     rc;
    size_t  from = k->r->n_facts;
    int32_t before = k->r->n_records;

    if (!wd_kf_symbol_ok(key)) {
        return wd_kf_bad_symbol(k);
    }
    k->symbol = key;
    k->currency = k->effective = k->error = WD_STR_NULL;
    rc = wd_kf_members(k, wd_kf_figures);
    if (rc == WD_ENOMEM || wd_kf_company_end(k, from) != WD_OK) {
        return WD_ENOMEM;
    }
    if (rc != WD_OK) {
        return rc;
    }
    if (k->error.data != NULL) {
        k->r->n_facts = from;
        return wd_kf_company_error(k, k->r->n_records++);
    }
    return k->r->n_records != before
               ? WD_OK
               : wd_records_reject(k->r, k->r->n_records++,
                                   WD_REASON_MISSING_FIELD, WD_STR(""),
                                   "%.*s: no figures", WD_STR_ARG(k->symbol));
}


/* "24938": "text" among the errors. */
static int
wd_kf_error(wd_kf_t *k, wd_str_t key)
{
    int rc;

    k->symbol = key;
    k->error = WD_STR("an error without a text");
    rc = wd_kf_error_text(k);
    return rc == WD_OK ? wd_kf_company_error(k, k->r->n_records++) : rc;
}


static int
wd_kf_figures_member(wd_kf_t *k, wd_str_t key)
{
    if (wd_str_eq_z(key, "results")) {
        k->data_seen = k->many = true;
        return wd_kf_members(k, wd_kf_company);
    }
    if (wd_str_eq_z(key, "errors")) {
        k->data_seen = true;
        return wd_kf_members(k, wd_kf_error);
    }
    return wd_kf_figures(k, key);
}


static int
wd_kf_metadata_member(wd_kf_t *k, wd_str_t key)
{
    int             rc;
    wd_str_t        text;
    wd_field_rec_t *field;

    rc = wd_kf_text(k, &text);
    if (rc != WD_OK || text.data == NULL
        || !wd_record_text_ok(key, WD_KF_NAME_MAX)) {
        return rc;
    }
    field = wd_records_field(k->r);
    if (field == NULL) {
        return WD_ENOMEM;
    }
    field->name = key;
    field->value = text;
    k->data_seen = k->data_seen || wd_str_eq_z(key, "symbol");
    return WD_OK;
}


static int
wd_kf_info_member(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK || v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
        return rc;
    }
    k->data_seen = true;
    return wd_kf_fact(k, key, &v);
}


static int
wd_kf_prices_member(wd_kf_t *k, wd_str_t key)
{
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "currency")) {
        return wd_kf_text(k, &k->currency);
    }
    if (k->dataset == WD_KF_PRICES && wd_str_eq_z(key, "prices")) {
        k->data_seen = true;
        return wd_kf_prices(k);
    }
    if (k->dataset == WD_KF_MARKET_CAP && wd_str_eq_z(key, "market_caps")) {
        k->data_seen = true;
        return wd_kf_market_caps(k);
    }
    return wd_kf_scalar(k, &v);
}


/* A member of the outermost object. */
static int
wd_kf_member(wd_kf_t *k, wd_str_t key)
{
    int rc;

    if (wd_kf_is_notice(key) && wd_kf_at(k, '"')) {
        k->error = WD_STR_NULL;
        rc = wd_kf_error_text(k);
        k->notice_seen = k->notice_seen || k->error.data != NULL;
        return rc;
    }
    switch (k->dataset) {
    case WD_KF_IDS:
        return wd_str_eq_z(key, "data") ? wd_kf_members(k, wd_kf_ids_entry)
                                        : wd_kf_ids_entry(k, key);
    case WD_KF_ID:
        return wd_kf_id_member(k, key);
    case WD_KF_METADATA:
        return wd_kf_metadata_member(k, key);
    case WD_KF_INFO:
        return wd_kf_info_member(k, key);
    case WD_KF_STATEMENTS:
    case WD_KF_LINE_ITEM:
        return wd_kf_figures_member(k, key);
    default:
        return wd_kf_prices_member(k, key);
    }
}


static wd_str_t
wd_kf_field(const wd_kf_t *k, const char *name)
{
    size_t i;

    for (i = 0; i < k->r->n_fields; i++) {
        if (wd_str_eq_z(k->r->fields[i].name, name)) {
            return k->r->fields[i].value;
        }
    }
    return WD_STR_NULL;
}


static int
wd_kf_instrument(wd_kf_t *k)
{
    wd_instrument_rec_t *inst;

    k->symbol = wd_kf_field(k, "symbol");
    if (!wd_kf_symbol_ok(k->symbol)) {
        return wd_records_reject(k->r, k->r->n_records++, WD_REASON_BAD_SYMBOL,
                                 WD_STR(""), "no symbol of the instrument");
    }
    inst = wd_records_instrument(k->r);
    if (inst == NULL) {
        return WD_ENOMEM;
    }
    inst->symbol = k->symbol;
    inst->type = wd_kf_field(k, "instrument_type");
    inst->exchange = wd_kf_field(k, "exchange_name");
    inst->currency = wd_kf_field(k, "currency");
    inst->record = k->r->n_records++;
    return WD_OK;
}


/* What can be said only behind the last member. */
static int
wd_kf_whole(wd_kf_t *k)
{
    wd_field_rec_t *field;

    if (k->dataset == WD_KF_METADATA && k->data_seen) {
        return wd_kf_instrument(k);
    }
    if (k->dataset == WD_KF_ID && k->data_seen) {
        k->r->n_records = 1; /* all names are of one */
    }
    if (k->dataset == WD_KF_PRICES && k->currency.data != NULL) {
        field = wd_records_field(k->r);
        if (field == NULL) {
            return WD_ENOMEM;
        }
        field->name = WD_STR("currency");
        field->value = k->currency;
    }
    return k->many ? WD_OK : wd_kf_company_end(k, 0);
}


static int
wd_kf_refuse(wd_kf_t *k)
{
    char          text[WD_ANSWER_TEXT_MAX];
    wd_records_t *r = k->r;

    r->n_bars = r->n_facts = r->n_identifiers = r->n_fields = 0;
    r->n_instruments = r->n_rejects = r->n_rejected = 0;
    r->n_records = 0;
    if (!k->notice_seen) {
        return wd_records_refuse(r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "not what the provider sends for this");
    }
    wd_answer_redact(k->error, text, sizeof(text));
    return wd_records_refuse(r, WD_REASON_PROVIDER_ERROR, WD_STR(""), "%s",
                             text);
}


/* How the reading ended, as rejects of the payload. */
static int
wd_kf_end(wd_kf_t *k, int rc)
{
    switch (rc) {
    case WD_OK:
        if (!wd_json_scan_at_end(&k->s)) {
            return wd_records_reject(k->r, -1, WD_REASON_SYNTAX, WD_STR(""),
                                     "text behind the payload");
        }
        return WD_OK;
    case WD_ETRUNC:
        return wd_records_reject(k->r, -1, WD_REASON_TRUNCATED, WD_STR(""),
                                 "the text ends inside of a value after %d "
                                 "records",
                                 k->r->n_records);
    case WD_ETOOBIG:
        return wd_records_reject(k->r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d records", WD_RECORDS_MAX);
    case WD_EPROTO:
        return wd_records_reject(k->r, -1, WD_REASON_SYNTAX, WD_STR(""),
                                 "the rest, after %d records, cannot be read",
                                 k->r->n_records);
    default:
        return rc;
    }
}


static int
wd_kf_top(wd_kf_t *k)
{
    int         rc, whole;
    bool        nothing;
    const char *from = k->s.p;

    if (!wd_kf_at(k, k->dataset == WD_KF_ESG_COMPANIES ? '[' : '{')) {
        return wd_kf_refuse(k);
    }
    rc = k->dataset == WD_KF_ESG_COMPANIES ? wd_kf_esg_companies(k)
                                           : wd_kf_members(k, wd_kf_member);
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (k->notice_seen || (rc == WD_EPROTO && !k->data_seen)) {
        return wd_kf_refuse(k);
    }
    nothing = rc == WD_OK
              && wd_str_trim(wd_str(from + 1, (size_t) (k->s.p - from) - 2)).len
                     == 0;
    if (rc == WD_OK && !k->data_seen && !nothing) {
        return wd_kf_refuse(k);
    }

    whole = wd_kf_whole(k);
    k->r->empty = rc == WD_OK && k->r->n_records == 0;
    return whole != WD_OK ? whole : wd_kf_end(k, rc);
}


int
wd_kf_parse(wd_kf_dataset_e dataset, wd_str_t body, const wd_kf_asked_t *asked,
            wd_records_t *ret)
{
    wd_kf_t k = {
        .r = ret, .asked = asked, .dataset = dataset, .symbol = asked->symbol};

    body = wd_answer_body(body);
    k.s = wd_answer_scan(body);
    if (body.len == 0) {
        return wd_records_refuse(ret, WD_REASON_TRUNCATED, WD_STR(""),
                                 "nothing in the payload");
    }
    ret->symbol = asked->symbol;
    return wd_kf_top(&k);
}
