/*
 * wd_bbg_record.c - cells of Bloomberg's answers put together to bars and
 * facts.
 */
#include "wd_bbg_record.h"

#include "wd_answer.h"
#include "wd_num.h"

#include <math.h>
#include <stddef.h>

#define WD_BBG_UNKNOWN_SECURITY 10 /* a return code */

/* Mnemonics of prices, with the older names that requests may use. */
static const struct {
    const char   *item;
    wd_bbg_role_e role;
} wd_bbg_roles[] = {
    {"PX_OPEN", WD_BBG_OPEN},     {"OPEN", WD_BBG_OPEN},
    {"PX_HIGH", WD_BBG_HIGH},     {"HIGH", WD_BBG_HIGH},
    {"PX_LOW", WD_BBG_LOW},       {"LOW", WD_BBG_LOW},
    {"PX_LAST", WD_BBG_LAST},     {"LAST_PRICE", WD_BBG_LAST},
    {"PX_VOLUME", WD_BBG_VOLUME}, {"VOLUME", WD_BBG_VOLUME},
};


/* Fields that are other names of a security. */
static const struct {
    const char *item;
    const char *scheme;
} wd_bbg_schemes[] = {
    {"ID_ISIN", "ISIN"},
    {"ID_CUSIP", "CUSIP"},
    {"ID_SEDOL1", "SEDOL"},
    {"ID_BB_GLOBAL", "FIGI"},
    {"COMPOSITE_ID_BB_GLOBAL", "COMPOSITE_FIGI"},
    {"ID_BB_GLOBAL_SHARE_CLASS_LEVEL", "SHARE_CLASS_FIGI"},
    {"LEGAL_ENTITY_IDENTIFIER", "LEI"},
};

/* Fields that say what it is. */
static const struct {
    const char *item;
    size_t      at; /* in wd_instrument_rec_t */
} wd_bbg_traits[] = {
    {"NAME", offsetof(wd_instrument_rec_t, name)},
    {"CRNCY", offsetof(wd_instrument_rec_t, currency)},
    {"EXCH_CODE", offsetof(wd_instrument_rec_t, exchange)},
    {"COUNTRY_ISO", offsetof(wd_instrument_rec_t, country)},
    {"GICS_SECTOR_NAME", offsetof(wd_instrument_rec_t, sector)},
    {"GICS_INDUSTRY_NAME", offsetof(wd_instrument_rec_t, industry)},
};


static wd_bbg_role_e
wd_bbg_role(wd_str_t item)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_bbg_roles); i++) {
        if (wd_str_ieq(item, wd_str_z(wd_bbg_roles[i].item))) {
            return wd_bbg_roles[i].role;
        }
    }
    return WD_BBG_NO_PRICE;
}


bool
wd_bbg_missing(wd_str_t s)
{
    s = wd_str_trim(s);
    return wd_missing(s) || wd_str_eq_z(s, "N.A.") || wd_str_eq_z(s, "N.D.")
           || wd_str_eq_z(s, "N.S.");
}


void
wd_bbg_row_init(wd_bbg_row_t *row, wd_str_t symbol, wd_ns_t time)
{
    row->symbol = symbol;
    row->time = time;
    row->n = 0;
}


int
wd_bbg_row_put(wd_records_t *r, wd_bbg_row_t *row, int32_t record,
               wd_str_t sample, wd_str_t item, wd_str_t text)
{
    int           rc;
    wd_bbg_cell_t c = {.sample = sample, .value = NAN, .record = record};

    c.item = wd_str_trim(item);
    c.text = wd_bbg_missing(text) ? WD_STR_NULL : wd_str_trim(text);
    c.role = wd_bbg_role(c.item);
    if (c.item.len == 0 || !wd_record_text_ok(c.item, WD_BBG_ITEM_MAX)) {
        return wd_records_reject(r, record, WD_REASON_SYNTAX, sample,
                                 "a field's name is none");
    }
    if (row->n == WD_BBG_CELLS_MAX) {
        return wd_records_reject(r, record, WD_REASON_TOO_MANY, sample,
                                 "more than %d fields", WD_BBG_CELLS_MAX);
    }
    if (c.text.len > WD_RECORD_FIELD_MAX) {
        return wd_records_reject(r, record, WD_REASON_TOO_LONG, sample,
                                 "%.*s has %zu bytes, the limit is %d",
                                 WD_STR_ARG(c.item), c.text.len,
                                 WD_RECORD_FIELD_MAX);
    }
    if (!wd_record_text_ok(c.text, WD_RECORD_FIELD_MAX)) {
        return wd_records_reject(r, record, WD_REASON_SYNTAX, sample,
                                 "%.*s is no UTF-8", WD_STR_ARG(c.item));
    }

    rc = c.text.data != NULL ? wd_num_parse(c.text, &c.value) : WD_OK;
    if (rc == WD_EOVERFLOW || wd_num_not_finite(c.text)
        || (rc != WD_OK && c.role != WD_BBG_NO_PRICE)) {
        return wd_records_reject(r, record, WD_REASON_NOT_A_NUMBER, sample,
                                 "%.*s is \"%.*s\"", WD_STR_ARG(c.item),
                                 (int) wd_min(c.text.len, (size_t) 40),
                                 c.text.data);
    }
    if (rc != WD_OK) {
        c.value = NAN;
    }
    row->cells[row->n++] = c;
    return WD_OK;
}


/* The first cell of each role that has a figure; -1: there is none. */
static bool
wd_bbg_find_prices(const wd_bbg_row_t *row, int at[WD_BBG_ROLES])
{
    size_t i;

    for (i = 0; i < WD_BBG_ROLES; i++) {
        at[i] = -1;
    }
    for (i = 0; i < row->n; i++) {
        if (at[row->cells[i].role] < 0 && !isnan(row->cells[i].value)) {
            at[row->cells[i].role] = (int) i;
        }
    }
    return row->time != WD_NS_MIN && at[WD_BBG_OPEN] >= 0
           && at[WD_BBG_HIGH] >= 0 && at[WD_BBG_LOW] >= 0
           && at[WD_BBG_LAST] >= 0;
}


static int
wd_bbg_add_bar(wd_records_t *r, const wd_bbg_row_t *row,
               const int at[WD_BBG_ROLES])
{
    wd_bar_rec_t *bar = wd_records_bar(r);

    if (bar == NULL) {
        return WD_ENOMEM;
    }
    bar->sample = row->cells[at[WD_BBG_LAST]].sample;
    bar->symbol = row->symbol;
    bar->time = row->time;
    bar->open = row->cells[at[WD_BBG_OPEN]].value;
    bar->high = row->cells[at[WD_BBG_HIGH]].value;
    bar->low = row->cells[at[WD_BBG_LOW]].value;
    bar->close = row->cells[at[WD_BBG_LAST]].value;
    bar->volume = at[WD_BBG_VOLUME] >= 0 ? row->cells[at[WD_BBG_VOLUME]].value
                                         : NAN;
    bar->adjusted_close = bar->dividend = bar->split = NAN;
    bar->record = row->cells[at[WD_BBG_LAST]].record;
    bar->is_date = true;
    return WD_OK;
}


static int
wd_bbg_add_fact(wd_records_t *r, const wd_bbg_row_t *row,
                const wd_bbg_cell_t *c)
{
    wd_fact_rec_t *fact;

    if (r->n_facts >= WD_RECORDS_MAX) {
        return wd_records_reject(r, c->record, WD_REASON_TOO_MANY, WD_STR(""),
                                 "more than %d figures", WD_RECORDS_MAX);
    }
    fact = wd_records_fact(r);
    if (fact == NULL) {
        return WD_ENOMEM;
    }
    fact->sample = c->sample;
    fact->symbol = row->symbol;
    fact->item = c->item;
    fact->text = c->text;
    fact->time = row->time;
    fact->value = c->value;
    fact->record = c->record;
    return WD_OK;
}


static int
wd_bbg_add_names(wd_records_t *r, const wd_bbg_row_t *row)
{
    size_t               i, k;
    const wd_bbg_cell_t *c;
    wd_identifier_rec_t *id;

    for (i = 0; i < row->n; i++) {
        c = &row->cells[i];
        for (k = 0; k < wd_array_len(wd_bbg_schemes); k++) {
            if (c->text.data == NULL
                || !wd_str_ieq(c->item, wd_str_z(wd_bbg_schemes[k].item))) {
                continue;
            }
            id = wd_records_identifier(r);
            if (id == NULL) {
                return WD_ENOMEM;
            }
            id->symbol = row->symbol;
            id->scheme = wd_str_z(wd_bbg_schemes[k].scheme);
            id->value = c->text;
            id->record = c->record;
        }
    }
    return WD_OK;
}


/* The description of this security; some answers tell it field by field. */
static wd_instrument_rec_t *
wd_bbg_described(wd_records_t *r, wd_str_t symbol, int32_t record)
{
    wd_instrument_rec_t *inst;

    if (r->n_instruments != 0
        && wd_str_eq(r->instruments[r->n_instruments - 1].symbol, symbol)) {
        return &r->instruments[r->n_instruments - 1];
    }
    inst = wd_records_instrument(r);
    if (inst != NULL) {
        inst->symbol = symbol;
        inst->record = record;
    }
    return inst;
}


static int
wd_bbg_add_traits(wd_records_t *r, const wd_bbg_row_t *row)
{
    size_t               i, k;
    const wd_bbg_cell_t *c;
    wd_instrument_rec_t *inst;

    for (i = 0; i < row->n; i++) {
        c = &row->cells[i];
        for (k = 0; k < wd_array_len(wd_bbg_traits); k++) {
            if (c->text.data == NULL
                || !wd_str_ieq(c->item, wd_str_z(wd_bbg_traits[k].item))) {
                continue;
            }
            inst = wd_bbg_described(r, row->symbol, c->record);
            if (inst == NULL) {
                return WD_ENOMEM;
            }
            *(wd_str_t *) ((char *) inst + wd_bbg_traits[k].at) = c->text;
        }
    }
    return WD_OK;
}


int
wd_bbg_row_add(wd_records_t *r, const wd_bbg_row_t *row)
{
    int                  rc = WD_OK, at[WD_BBG_ROLES];
    bool                 bar;
    size_t               i;
    const wd_bbg_cell_t *c;

    bar = wd_bbg_find_prices(row, at);
    if (bar) {
        rc = wd_bbg_add_bar(r, row, at);
    }
    for (i = 0; i < row->n && rc == WD_OK; i++) {
        c = &row->cells[i];
        if (!bar || c->role == WD_BBG_NO_PRICE || at[c->role] != (int) i) {
            rc = wd_bbg_add_fact(r, row, c);
        }
    }
    if (rc == WD_OK && row->time == WD_NS_MIN) {
        rc = wd_bbg_add_names(r, row);
    }
    if (rc == WD_OK && row->time == WD_NS_MIN) {
        rc = wd_bbg_add_traits(r, row);
    }
    return rc;
}


int
wd_bbg_reject(wd_records_t *r, int32_t record, wd_str_t about, wd_str_t text)
{
    char detail[WD_REJECT_DETAIL_MAX + 1];

    wd_answer_redact(text, detail, sizeof(detail));
    return wd_records_reject(r, record, WD_REASON_PROVIDER_ERROR, WD_STR(""),
                             "%.*s: %s", (int) wd_min(about.len, (size_t) 64),
                             about.data != NULL ? about.data : "", detail);
}


int
wd_bbg_return_code(wd_records_t *r, int32_t record, wd_str_t about,
                   int64_t code)
{
    about = wd_bbg_cut(wd_str_trim(about), 64);
    return wd_records_reject(
        r, record, WD_REASON_PROVIDER_ERROR, WD_STR(""),
        "%.*s: return code %lld%s", WD_STR_ARG(about), (long long) code,
        code == WD_BBG_UNKNOWN_SECURITY ? ", an unknown security" : "");
}


int
wd_bbg_symbol(wd_pool_t *pool, wd_str_t text, wd_str_t *ret)
{
    char  *p;
    size_t i;

    *ret = WD_STR_NULL;
    text = wd_str_trim(text);
    if (text.len == 0 || text.len > WD_RECORD_SYMBOL_MAX) {
        return WD_OK;
    }
    p = wd_pool_strdup(pool, text);
    if (p == NULL) {
        return WD_ENOMEM;
    }

    for (i = 0; i < text.len; i++) {
        if (p[i] < ' ' || p[i] > '~' || memchr("\"'`<>\\|;{}[]", p[i], 12)) {
            return WD_OK;
        }
        if (p[i] >= 'a' && p[i] <= 'z') {
            p[i] = (char) (p[i] & ~0x20);
        }
    }
    *ret = wd_str(p, text.len);
    return WD_OK;
}


bool
wd_bbg_day_format_ok(wd_str_t format)
{
    size_t i, years = 0, months = 0, days = 0;

    for (i = 0; i < format.len; i++) {
        years += (format.data[i] | 0x20) == 'y';
        months += (format.data[i] | 0x20) == 'm';
        days += (format.data[i] | 0x20) == 'd';
    }
    return format.len <= WD_BBG_ITEM_MAX && years == 4 && months == 2
           && days == 2;
}


bool
wd_bbg_day_as(wd_str_t s, wd_str_t format, wd_ns_t *ret)
{
    int       *part;
    char       c;
    size_t     i;
    wd_civil_t day = {0};

    if (s.len != format.len) {
        return false;
    }
    for (i = 0; i < s.len; i++) {
        c = (char) (format.data[i] | 0x20);
        part = c == 'y'   ? &day.year
               : c == 'm' ? &day.month
               : c == 'd' ? &day.day
                          : NULL;
        if (part == NULL ? s.data[i] != format.data[i]
                         : s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        if (part != NULL) {
            *part = *part * 10 + (s.data[i] - '0');
        }
    }
    return wd_civil_valid(&day) && wd_time_from_civil(&day, ret) == WD_OK;
}


bool
wd_bbg_day(wd_str_t s, wd_ns_t *ret)
{
    wd_civil_t c;

    s = wd_str_trim(s);
    if (s.len == 10 && wd_str_eq_z(wd_str(s.data + 8, 2), ".0")) {
        s.len -= 2;
    }
    if (s.len == 8) {
        return wd_bbg_day_as(s, WD_STR("yyyymmdd"), ret);
    }
    /* The day as it is said: its zone must not move it. */
    if (s.len > 10 && wd_time_parse(s, ret, NULL) != WD_OK
        && wd_civil_parse(s, &c, NULL) != WD_OK) {
        return false;
    }
    s.len = wd_min(s.len, (size_t) 10);
    return wd_bbg_day_as(s, WD_STR("yyyy-mm-dd"), ret);
}


void
wd_bbg_one_symbol(wd_records_t *r)
{
    size_t   i;
    wd_str_t symbol;

    if (r->n_bars == 0 && r->n_facts == 0) {
        return;
    }
    symbol = r->n_bars != 0 ? r->bars[0].symbol : r->facts[0].symbol;
    for (i = 0; i < r->n_bars; i++) {
        if (!wd_str_eq(r->bars[i].symbol, symbol)) {
            return;
        }
    }
    for (i = 0; i < r->n_facts; i++) {
        if (!wd_str_eq(r->facts[i].symbol, symbol)) {
            return;
        }
    }
    r->symbol = symbol;
}
