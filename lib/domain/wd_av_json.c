/*
 * wd_av_json.c - what the readers of Alpha Vantage's JSON answers share.
 */
#include "wd_av_json.h"


int
wd_av_truncated(wd_av_parse_t *a, const char *from)
{
    return wd_records_reject(
        a->r, -1, WD_REASON_TRUNCATED, wd_av_slice(from, a->s.end),
        "the text ends inside of a value after %d records", a->r->n_records);
}


int
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

    *text = v.type == WD_JS_TRUE ? WD_STR("true") : v.text;
    *ret_scalar = v.type != WD_JS_OBJECT && v.type != WD_JS_ARRAY;
    if (!*ret_scalar) {
        *text = WD_STR("[...]");
        return wd_json_scan_skip(&a->s);
    }
    return WD_OK;
}


bool
wd_av_is_notice(wd_str_t key)
{
    return wd_str_eq_z(key, "Information") || wd_str_eq_z(key, "Note")
           || wd_str_eq_z(key, "Error Message") || wd_str_eq_z(key, "message");
}
