/*
 * wd_kf_figures.c - statements, line items, segments and estimates, in the
 * shape of today, by period and with the day of its end, and in the older
 * one, which has neither names of line items nor days.
 */
#include "wd_kf_scan.h"


static int
wd_kf_line_member(wd_kf_t *k, wd_str_t key)
{
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "name")) {
        return wd_kf_text(k, &k->name);
    }
    if (wd_str_eq_z(key, "value")) {
        return wd_kf_scalar(k, &k->value);
    }
    return wd_kf_scalar(k, &v);
}


/* {"name": "Revenue", "value": "1.0", "sources": []} */
static int
wd_kf_line(wd_kf_t *k, wd_str_t key)
{
    int rc;

    (void) key;
    if (!wd_kf_at(k, '{')) {
        return wd_kf_members(k, wd_kf_line_member);
    }
    k->name = WD_STR_NULL;
    k->value.type = WD_JS_NULL;
    k->value.text = WD_STR_NULL;
    rc = wd_kf_members(k, wd_kf_line_member);
    return rc == WD_OK ? wd_kf_fact(k, k->name, &k->value) : rc;
}


static int
wd_kf_statement_member(wd_kf_t *k, wd_str_t key)
{
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "line_items")) {
        return wd_kf_items(k, wd_kf_line);
    }
    return wd_kf_scalar(k, &v);
}


static int
wd_kf_statement(wd_kf_t *k, wd_str_t key)
{
    (void) key;
    return wd_kf_members(k, wd_kf_statement_member);
}


static int
wd_kf_period_member(wd_kf_t *k, wd_str_t key)
{
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "period_end_date")) {
        return wd_kf_day(k, &k->day);
    }
    if (wd_str_eq_z(key, "statements")) {
        return wd_kf_items(k, wd_kf_statement);
    }
    if (wd_str_eq_z(key, "line_item")) {
        return wd_kf_line(k, key);
    }
    return wd_kf_scalar(k, &v);
}


static bool
wd_kf_period_name(wd_kf_t *k, wd_str_t name)
{
    k->period = wd_record_text_ok(name, WD_KF_NAME_MAX) && name.len != 0
                    ? name
                    : WD_STR_NULL;
    return k->period.data != NULL;
}


static int
wd_kf_nameless_period(wd_kf_t *k)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK) {
        return rc;
    }
    return wd_records_reject(k->r, k->r->n_records++, WD_REASON_BAD_TIME,
                             WD_STR(""), "a period without a name");
}


/* "CY2020": {"period_end_date": "2020-12-31", ...} */
static int
wd_kf_period(wd_kf_t *k, wd_str_t key)
{
    int     rc;
    size_t  from = k->r->n_facts;
    int32_t before = k->r->n_records;

    if (!wd_kf_period_name(k, key)) {
        return wd_kf_nameless_period(k);
    }
    k->day = WD_STR_NULL;
    rc = wd_kf_members(k, wd_kf_period_member);
    if (rc == WD_OK && k->r->n_records == before) {
        return wd_records_reject(k->r, k->r->n_records++,
                                 WD_REASON_MISSING_FIELD, WD_STR(""),
                                 "%.*s %.*s: no figures", WD_STR_ARG(k->symbol),
                                 WD_STR_ARG(k->period));
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    if (rc != WD_OK && k->day.data == NULL) {
        k->r->n_facts = from; /* their day would have followed */
        return rc;
    }
    return wd_kf_date_facts(k, from, false) != WD_OK ? WD_ENOMEM : rc;
}


static int
wd_kf_segment_item(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    char              *p;
    size_t             n = k->segment.len + 2 + key.len;
    wd_json_scan_val_t v;

    rc = wd_kf_scalar(k, &v);
    if (rc != WD_OK) {
        return rc;
    }
    if (k->segment.len == 0 || key.len == 0 || n > WD_KF_NAME_MAX) {
        return wd_kf_fact(k, WD_STR_NULL, &v);
    }
    p = wd_pool_alloc(k->r->pool, n);
    if (p == NULL) {
        return WD_ENOMEM;
    }
    memcpy(p, k->segment.data, k->segment.len);
    memcpy(p + k->segment.len, ": ", 2);
    memcpy(p + k->segment.len + 2, key.data, key.len);
    return wd_kf_fact(k, wd_str(p, n), &v);
}


/* "Revenues": "1.0", or "Ratings": {"Revenue": 1} */
static int
wd_kf_old_item(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    wd_json_scan_val_t v;

    if (wd_kf_at(k, '{')) {
        k->segment = key;
        return wd_kf_members(k, wd_kf_segment_item);
    }
    rc = wd_kf_scalar(k, &v);
    return rc == WD_OK ? wd_kf_fact(k, key, &v) : rc;
}


/* "2023": {...}, or "2023": "1.0" of the line item that was asked for. */
static int
wd_kf_old_period(wd_kf_t *k, wd_str_t key)
{
    int                rc;
    wd_json_scan_val_t v;

    if (!wd_kf_period_name(k, key)) {
        return wd_kf_nameless_period(k);
    }
    if (wd_kf_at(k, '{')) {
        return wd_kf_members(k, wd_kf_old_item);
    }
    rc = wd_kf_scalar(k, &v);
    return rc == WD_OK ? wd_kf_fact(k, k->asked->item, &v) : rc;
}


static int
wd_kf_estimates(wd_kf_t *k)
{
    k->period = WD_STR_NULL;
    return wd_kf_items(k, wd_kf_line);
}


int
wd_kf_figures(wd_kf_t *k, wd_str_t key)
{
    wd_json_scan_val_t v;

    if (wd_str_eq_z(key, "currency")) {
        return wd_kf_text(k, &k->currency);
    }
    if (wd_str_eq_z(key, "effective_date")) {
        return wd_kf_day(k, &k->effective);
    }
    if (wd_str_eq_z(key, "periods")) {
        k->data_seen = true;
        return wd_kf_members(k, wd_kf_period);
    }
    if (wd_str_eq_z(key, "statements") || wd_str_eq_z(key, "line_item")
        || wd_str_eq_z(key, "segments")) {
        k->data_seen = true;
        return wd_kf_members(k, wd_kf_old_period);
    }
    if (wd_str_eq_z(key, "estimates")) {
        k->data_seen = true;
        return wd_kf_estimates(k);
    }
    if (wd_str_eq_z(key, "error")) {
        return wd_kf_error_text(k);
    }
    return wd_kf_scalar(k, &v);
}
