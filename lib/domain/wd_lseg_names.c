/*
 * wd_lseg_names.c - what LSEG calls an instrument: lookups, the older table
 * of conversions, and the search.
 */
#include "wd_lseg_table.h"

#include "wd_num.h"

/* Names of identifiers in the three services, and the scheme of each. */
static const struct {
    const char *name;
    const char *scheme;
} wd_lseg_schemes[] = {
    {"RIC", "RIC"},
    {"ISIN", "ISIN"},
    {"IssueISIN", "ISIN"},
    {"CUSIP", "CUSIP"},
    {"SEDOL", "SEDOL"},
    {"LEI", "LEI"},
    {"LegalEntityIdentifier", "LEI"},
    {"FIGI", "FIGI"},
    {"PermID", "PERMID"},
    {"PI", "PI"},
    {"IssuerOAPermID", "OAPERMID"},
    {"OAPermID", "OAPERMID"},
    {"Organization PermID", "OAPERMID"},
    {"ExchangeTicker", "TICKER"},
    {"TickerSymbol", "TICKER"},
    {"FundClassLipperID", "LIPPER"},
};

#define WD_LSEG_SCHEMES wd_array_len(wd_lseg_schemes)


/* Number of the scheme with this name, -1: none that is known. */
static int
wd_lseg_scheme(wd_str_t name)
{
    size_t i;

    for (i = 0; i < WD_LSEG_SCHEMES; i++) {
        if (wd_str_ieq(name, wd_str_z(wd_lseg_schemes[i].name))) {
            return (int) i;
        }
    }
    return -1;
}


/* A value that says nothing is left out; one that cannot be is rejected. */
static int
wd_lseg_identifier(wd_records_t *r, int32_t record, wd_str_t symbol,
                   wd_str_t asked, wd_str_t scheme, wd_str_t value)
{
    int                  rc;
    wd_identifier_rec_t *id;

    value = wd_str_trim(value);
    if (value.data == NULL || wd_missing(value)) {
        return WD_OK;
    }
    if (!wd_record_text_ok(value, WD_LSEG_NAME_MAX)) {
        return wd_records_reject(r, record, WD_REASON_SYNTAX, value,
                                 "a name that is no UTF-8, or too long");
    }
    if (r->n_identifiers >= WD_RECORDS_MAX) {
        rc = wd_records_reject(r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                               "more than %d identifiers", WD_RECORDS_MAX);
        return rc;
    }

    id = wd_records_identifier(r);
    if (id == NULL) {
        return WD_ENOMEM;
    }
    id->symbol = symbol;
    id->asked = asked;
    id->scheme = scheme;
    id->value = value;
    id->record = record;
    return WD_OK;
}


static int
wd_lseg_bad_symbol(wd_records_t *r, int32_t record, wd_str_t text)
{
    return wd_records_reject(r, record, WD_REASON_BAD_SYMBOL, text,
                             "what the names belong to is no symbol");
}


/* The scheme of a lookup's pair; one that nobody knows keeps its own name. */
static wd_str_t
wd_lseg_pair_scheme(wd_pool_t *pool, wd_str_t type)
{
    int known = wd_lseg_scheme(type);

    return known >= 0 ? wd_str_z(wd_lseg_schemes[known].scheme)
                      : wd_record_symbol(pool, type);
}


/* [{"value":"US4592001014","identifierType":"ISIN"}, ..] */
static int
wd_lseg_outputs(wd_json_scan_t s, wd_records_t *r, int32_t record,
                wd_str_t symbol, wd_str_t asked)
{
    int      rc;
    bool     first = true;
    wd_str_t value, type, scheme;

    const wd_lseg_want_t want[] = {{"value", &value},
                                   {"identifierType", &type}};

    rc = wd_json_scan_open(&s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(&s, &first)) == WD_OK) {
        value = type = WD_STR_NULL;
        rc = wd_lseg_texts(&s, r->pool, want, wd_array_len(want));
        if (rc != WD_OK) {
            return rc;
        }
        scheme = wd_lseg_pair_scheme(r->pool, type);
        rc = scheme.len == 0 || value.len == 0
                 ? wd_records_reject(r, record, WD_REASON_MISSING_FIELD, type,
                                     "a name without its scheme or value")
                 : wd_lseg_identifier(r, record, symbol, asked, scheme, value);
    }
    if (rc == WD_ENOTFOUND && first) {
        return wd_records_reject(r, record, WD_REASON_PROVIDER_ERROR, symbol,
                                 "the identifier is not known");
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* The first pair. */
static int
wd_lseg_input(wd_json_scan_t s, wd_pool_t *pool, wd_str_t *ret_value,
              wd_str_t *ret_type)
{
    int  rc;
    bool first = true;

    const wd_lseg_want_t want[] = {{"value", ret_value},
                                   {"identifierType", ret_type}};

    rc = wd_json_scan_open(&s, '[');
    if (rc == WD_OK) {
        rc = wd_json_scan_item(&s, &first);
    }
    return rc == WD_OK ? wd_lseg_texts(&s, pool, want, wd_array_len(want)) : rc;
}


/* One item of a lookup, of which nothing is taken before it is whole. */
static int
wd_lseg_lookup_item(wd_lseg_list_t *l)
{
    int            rc;
    bool           first = true;
    wd_str_t       key, symbol, asked = WD_STR_NULL, type = WD_STR_NULL;
    wd_json_scan_t input = {.p = NULL}, output = {.p = NULL};

    rc = wd_json_scan_open(&l->s, '{');
    while (rc == WD_OK
           && (rc = wd_json_scan_member(&l->s, l->r->pool, &first, &key))
                  == WD_OK) {
        wd_json_scan_at_end(&l->s);
        if (wd_str_eq_z(key, "input")) {
            input = l->s;
        } else if (wd_str_eq_z(key, "output")) {
            output = l->s;
        }
        rc = wd_json_scan_skip(&l->s);
    }
    if (rc != WD_ENOTFOUND) {
        return rc;
    }

    if (input.p == NULL || output.p == NULL || *output.p != '[') {
        return wd_records_reject(l->r, l->record, WD_REASON_MISSING_FIELD,
                                 wd_lseg_list_sample(l),
                                 "no list of what was asked or found");
    }
    if (wd_lseg_input(input, l->r->pool, &asked, &type) == WD_ENOMEM) {
        return WD_ENOMEM;
    }
    symbol = wd_record_symbol(l->r->pool, asked);
    if (symbol.data == NULL) {
        return wd_lseg_bad_symbol(l->r, l->record, asked);
    }
    return wd_lseg_outputs(output, l->r, l->record, symbol,
                           type.len != 0 ? wd_lseg_pair_scheme(l->r->pool, type)
                                         : WD_STR_NULL);
}


static int
wd_lseg_lookup(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int            rc;
    wd_lseg_list_t l;

    wd_lseg_list_init(&l, r, f->data, '{');
    while ((rc = wd_lseg_list_next(&l)) == WD_OK) {
        rc = wd_lseg_list_done(&l, wd_lseg_lookup_item(&l));
        if (rc != WD_OK) {
            return rc;
        }
    }
    r->empty = rc == WD_ENOTFOUND && r->n_records == 0 && !l.damaged;
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* The older answer: a column for each scheme. */
static int
wd_lseg_convert_row(wd_lseg_table_t *t, int instrument)
{
    int      rc = WD_OK, known;
    size_t   i;
    wd_str_t symbol, text = wd_lseg_cell_text(&t->cells[instrument]);

    symbol = wd_record_symbol(t->list.r->pool, text);
    if (symbol.data == NULL) {
        return wd_lseg_bad_symbol(t->list.r, t->list.record, text);
    }
    for (i = 0; i < t->n && rc == WD_OK; i++) {
        known = wd_lseg_scheme(t->columns[i].name);
        if (known < 0
            || (t->cells[i].type != WD_JS_STRING
                && t->cells[i].type != WD_JS_NUMBER)) {
            continue;
        }
        rc = wd_lseg_identifier(t->list.r, t->list.record, symbol, WD_STR_NULL,
                                wd_str_z(wd_lseg_schemes[known].scheme),
                                t->cells[i].text);
    }
    return rc;
}


static int
wd_lseg_convert(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int             rc, instrument;
    wd_lseg_table_t t;

    rc = wd_lseg_table_init(&t, r, f);
    if (rc != WD_OK) {
        return rc == WD_ENOTFOUND ? WD_OK : rc;
    }
    instrument = wd_lseg_column(&t, "instrument");
    if (instrument < 0) {
        return wd_records_refuse(r, WD_REASON_UNKNOWN_SHAPE, WD_STR(""),
                                 "the columns of another data set");
    }
    while ((rc = wd_lseg_table_next(&t)) == WD_OK) {
        rc = wd_lseg_convert_row(&t, instrument);
        if (rc != WD_OK) {
            return rc;
        }
    }
    r->empty = rc == WD_ENOTFOUND && r->n_records == 0 && !t.list.damaged;
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* A document of the search, from its brace on. */
typedef struct {
    wd_str_t            ids[WD_LSEG_SCHEMES];
    wd_str_t            title;
    wd_str_t            entity;
    wd_instrument_rec_t inst;
} wd_lseg_hit_t;


static int
wd_lseg_hit_read(wd_json_scan_t *s, wd_pool_t *pool, wd_lseg_hit_t *h)
{
    size_t         i, n = 0;
    wd_lseg_want_t want[WD_LSEG_SCHEMES + 9];

    memset(h, 0, sizeof(*h));
    for (i = 0; i < WD_LSEG_SCHEMES; i++) {
        want[n++] = (wd_lseg_want_t){wd_lseg_schemes[i].name, &h->ids[i]};
    }
    want[n++] = (wd_lseg_want_t){"DocumentTitle", &h->title};
    want[n++] = (wd_lseg_want_t){"CommonName", &h->inst.name};
    want[n++] = (wd_lseg_want_t){"BusinessEntity", &h->entity};
    want[n++] = (wd_lseg_want_t){"AssetCategory", &h->inst.type};
    want[n++] = (wd_lseg_want_t){"ExchangeCode", &h->inst.exchange};
    want[n++] = (wd_lseg_want_t){"Currency", &h->inst.currency};
    want[n++] = (wd_lseg_want_t){"RCSExchangeCountryLeaf", &h->inst.country};
    want[n++] = (wd_lseg_want_t){"AssetState", &h->inst.status};
    return wd_lseg_texts(s, pool, want, n);
}


static int
wd_lseg_hit_ids(const wd_lseg_hit_t *h, wd_records_t *r, int32_t record,
                wd_str_t symbol)
{
    int    rc = WD_OK;
    size_t i;

    for (i = 0; i < WD_LSEG_SCHEMES && rc == WD_OK; i++) {
        rc = wd_lseg_identifier(r, record, symbol, WD_STR_NULL,
                                wd_str_z(wd_lseg_schemes[i].scheme), h->ids[i]);
    }
    return rc;
}


/* Texts that are none become missing; WD_EINVAL: one that cannot be. */
static int
wd_lseg_hit_texts(wd_lseg_hit_t *h)
{
    size_t    i;
    wd_str_t *texts[] = {&h->inst.name,     &h->inst.type,    &h->inst.exchange,
                         &h->inst.currency, &h->inst.country, &h->inst.status};

    if (h->inst.name.len == 0) {
        h->inst.name = h->title;
    }
    if (h->inst.type.len == 0) {
        h->inst.type = h->entity;
    }
    for (i = 0; i < wd_array_len(texts); i++) {
        if (!wd_record_text_ok(*texts[i], WD_RECORD_FIELD_MAX)) {
            return WD_EINVAL;
        }
        *texts[i] = wd_str_trim(*texts[i]);
        if (wd_missing(*texts[i])) {
            *texts[i] = WD_STR_NULL;
        }
    }
    return WD_OK;
}


/* A hit without a RIC is an issuer or a person: no instrument. */
static int
wd_lseg_hit(wd_lseg_list_t *l)
{
    int                  rc;
    wd_str_t             symbol;
    wd_lseg_hit_t        h;
    wd_instrument_rec_t *inst;

    rc = wd_lseg_hit_read(&l->s, l->r->pool, &h);
    if (rc != WD_OK) {
        return rc;
    }
    symbol = wd_record_symbol(l->r->pool, h.ids[wd_lseg_scheme(WD_STR("RIC"))]);
    if (symbol.data == NULL) {
        return wd_lseg_bad_symbol(l->r, l->record, wd_lseg_list_sample(l));
    }
    if (wd_lseg_hit_texts(&h) != WD_OK) {
        return wd_records_reject(l->r, l->record, WD_REASON_SYNTAX,
                                 wd_lseg_list_sample(l),
                                 "a text that is no UTF-8, or too long");
    }

    inst = wd_records_instrument(l->r);
    if (inst == NULL) {
        return WD_ENOMEM;
    }
    *inst = h.inst;
    inst->symbol = symbol;
    inst->record = l->record;
    return wd_lseg_hit_ids(&h, l->r, l->record, symbol);
}


int
wd_lseg_search(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int            rc;
    wd_lseg_list_t l;

    if (f->hits.p == NULL || f->hits.p == f->hits.end || *f->hits.p != '[') {
        return wd_records_refuse(r,
                                 f->rc == WD_ETRUNC ? WD_REASON_TRUNCATED
                                                    : WD_REASON_UNKNOWN_SHAPE,
                                 WD_STR(""), "no list of hits");
    }
    if (wd_int_parse(f->total, &r->total) != WD_OK || r->total < 0) {
        r->total = -1;
    }

    wd_lseg_list_init(&l, r, f->hits, '{');
    while ((rc = wd_lseg_list_next(&l)) == WD_OK) {
        rc = wd_lseg_list_done(&l, wd_lseg_hit(&l));
        if (rc != WD_OK) {
            return rc;
        }
    }
    r->empty = rc == WD_ENOTFOUND && r->n_records == 0 && !l.damaged;
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* {"IBM.N":{"RIC":"IBM.N","IssueISIN":".."}, ..}: by what was asked for. */
static int
wd_lseg_matches(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int            rc;
    bool           first = true;
    int32_t        record;
    wd_str_t       key, symbol;
    wd_lseg_hit_t  h;
    wd_json_scan_t s = f->matches;

    rc = wd_json_scan_open(&s, '{');
    while (rc == WD_OK && r->n_records < WD_RECORDS_MAX
           && (rc = wd_json_scan_member(&s, r->pool, &first, &key)) == WD_OK) {
        rc = wd_lseg_hit_read(&s, r->pool, &h);
        if (rc != WD_OK) {
            break;
        }
        record = r->n_records++;
        symbol = wd_record_symbol(r->pool, key);
        rc = symbol.data != NULL ? wd_lseg_hit_ids(&h, r, record, symbol)
                                 : wd_lseg_bad_symbol(r, record, key);
    }
    if (rc == WD_ENOTFOUND) {
        r->empty = r->n_records == 0;
        return WD_OK;
    }
    if (rc == WD_OK) {
        return wd_records_reject(r, -1, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d records", WD_RECORDS_MAX);
    }
    return rc; /* damage of the frame */
}


int
wd_lseg_symbology(const wd_lseg_frame_t *f, wd_records_t *r)
{
    int rc;

    if (f->headers.p != NULL) {
        return wd_lseg_convert(f, r);
    }
    if (f->data.p != NULL && f->data.p != f->data.end && *f->data.p == '[') {
        return wd_lseg_lookup(f, r);
    }
    if (f->matches.p != NULL && f->matches.p != f->matches.end
        && *f->matches.p == '{') {
        rc = wd_lseg_matches(f, r);
        return rc == WD_ENOMEM ? rc : WD_OK;
    }
    return wd_records_refuse(
        r, f->rc == WD_ETRUNC ? WD_REASON_TRUNCATED : WD_REASON_UNKNOWN_SHAPE,
        WD_STR(""), "neither a lookup nor a table of names");
}
