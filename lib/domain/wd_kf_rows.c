/*
 * wd_kf_rows.c - lists of flat objects: days of prices and of market values,
 * companies.
 */
#include "wd_kf_scan.h"

#include "wd_num.h"

#include <math.h>


static void
wd_kf_price(wd_kf_t *k, wd_str_t key, const wd_json_scan_val_t *v)
{
    size_t i;
    struct {
        const char *name;
        double     *figure;
    } figures[] = {{"open", &k->bar.open},
                   {"high", &k->bar.high},
                   {"low", &k->bar.low},
                   {"close", &k->bar.close},
                   {"volume", &k->bar.volume}};

    for (i = 0; i < wd_array_len(figures); i++) {
        if (!wd_str_eq_z(key, figures[i].name)) {
            continue;
        }
        if (v->type == WD_JS_NULL) {
            *figures[i].figure = NAN;
        } else if ((v->type != WD_JS_STRING && v->type != WD_JS_NUMBER)
                   || wd_figure_parse(v->text, figures[i].figure) != WD_OK) {
            k->bad = key;
        }
    }
}


static int
wd_kf_price_member(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "date")) {
        return wd_kf_day(k, &k->day);
    }
    rc = wd_kf_scalar(k, &v);
    if (rc == WD_OK) {
        wd_kf_price(k, key, &v);
    }
    return rc;
}


static int
wd_kf_bar(wd_kf_t *k, wd_str_t sample)
{
    int32_t       record = k->r->n_records++;
    wd_bar_rec_t *bar;

    if (record >= WD_RECORDS_MAX) {
        return WD_ETOOBIG;
    }
    k->bar.is_date = true;
    if (!wd_kf_date(k->day, &k->bar.time)) {
        return wd_records_reject(k->r, record, WD_REASON_BAD_TIME, sample,
                                 "date \"%.*s\"", WD_STR_ARG(k->day));
    }
    if (k->bad.data != NULL) {
        return wd_records_reject(k->r, record, WD_REASON_NOT_A_NUMBER, sample,
                                 "%.*s is no number", WD_STR_ARG(k->bad));
    }
    if (isnan(k->bar.open) || isnan(k->bar.high) || isnan(k->bar.low)
        || isnan(k->bar.close)) {
        return wd_records_reject(k->r, record, WD_REASON_MISSING_PRICE, sample,
                                 "a price is missing");
    }

    bar = wd_records_bar(k->r);
    if (bar == NULL) {
        return WD_ENOMEM;
    }
    *bar = k->bar;
    bar->sample = sample;
    bar->record = record;
    return WD_OK;
}


static int
wd_kf_price_row(wd_kf_t *k, wd_str_t key)
{
    int         rc;
    const char *mark = k->s.p;

    (void) key;
    if (!wd_kf_at(k, '{')) {
        return wd_kf_members(k, wd_kf_price_member);
    }
    memset(&k->bar, 0, sizeof(k->bar));
    k->bar.open = k->bar.high = k->bar.low = k->bar.close = NAN;
    k->bar.volume = k->bar.adjusted_close = k->bar.dividend = NAN;
    k->bar.split = NAN;
    k->day = k->bad = WD_STR_NULL;
    rc = wd_kf_members(k, wd_kf_price_member);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_kf_bar(k, wd_str_trim(wd_str(mark, (size_t) (k->s.p - mark))));
}


int
wd_kf_prices(wd_kf_t *k)
{
    return wd_kf_rows(k, wd_kf_price_row);
}


static int
wd_kf_cap_member(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    size_t             n = k->r->n_facts;
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "date")) {
        return wd_kf_day(k, &k->day);
    }
    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK) {
        return rc;
    }
    rc = wd_kf_fact(k, key, &v);
    if (rc == WD_OK && k->r->n_facts != n && wd_str_starts(key, "shares")) {
        k->r->facts[n].unit = WD_STR("shares");
    }
    return rc;
}


static int
wd_kf_cap_row(wd_kf_t *k, wd_str_t key)
{
    int    rc;
    size_t from = k->r->n_facts;

    (void) key;
    if (!wd_kf_at(k, '{')) {
        return wd_kf_members(k, wd_kf_cap_member);
    }
    k->day = WD_STR_NULL;
    rc = wd_kf_members(k, wd_kf_cap_member);
    if (rc != WD_OK) {
        k->r->n_facts = from;
        return rc;
    }
    return wd_kf_date_facts(k, from, true);
}


int
wd_kf_market_caps(wd_kf_t *k)
{
    return wd_kf_rows(k, wd_kf_cap_row);
}


static int
wd_kf_company_member(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "ticker")) {
        return wd_kf_scalar(k, &k->value);
    }
    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK) {
        return rc;
    }
    if (wd_str_eq_z(key, "id")) {
        k->symbol = v.type == WD_JS_NUMBER || v.type == WD_JS_STRING
                        ? wd_str_trim(v.text)
                        : WD_STR_NULL;
        return WD_OK;
    }
    return wd_kf_fact(k, key, &v);
}


/* {"id": 4121452, "long-name": "8x8, Inc.", ..., "ticker": "EGHT"} */
static int
wd_kf_company_row(wd_kf_t *k, wd_str_t key)
{
    int    rc;
    size_t i, from = k->r->n_facts;

    (void) key;
    if (!wd_kf_at(k, '{')) {
        return wd_kf_members(k, wd_kf_company_member);
    }
    k->symbol = k->value.text = WD_STR_NULL;
    k->value.type = WD_JS_NULL;
    rc = wd_kf_members(k, wd_kf_company_member);
    if (rc != WD_OK || !wd_kf_symbol_ok(k->symbol)) {
        k->r->n_facts = from;
        return rc != WD_OK ? rc
                           : wd_records_reject(k->r, k->r->n_records++,
                                               WD_REASON_BAD_SYMBOL, WD_STR(""),
                                               "a company without an id");
    }
    for (i = from; i < k->r->n_facts; i++) {
        k->r->facts[i].symbol = k->symbol;
    }
    k->record = k->r->n_records++;
    return wd_kf_identifier(k, "TICKER", &k->value);
}


int
wd_kf_esg_companies(wd_kf_t *k)
{
    k->data_seen = true;
    return wd_kf_rows(k, wd_kf_company_row);
}
