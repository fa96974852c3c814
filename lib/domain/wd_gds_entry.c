/*
 * wd_gds_entry.c - the members of one GDS entry.
 */
#include "wd_gds_entry.h"

#include "wd_num.h"

static const char *const wd_gds_keys[] = {
    "Function",        "Identifier", "Mnemonic", "ErrMsg",
    "Headers",         "Rows",       "NumRows",  "NumCols",
    "SnapType",        "Seniority",  "Limit",    "Properties",
    "CacheExpiryTime", "StartDate",  "EndDate",  "Frequency"};


bool
wd_gds_entry_key(wd_str_t key)
{
    size_t i;

    for (i = 0; i < wd_array_len(wd_gds_keys); i++) {
        if (wd_str_eq_z(key, wd_gds_keys[i])) {
            return true;
        }
    }
    return false;
}


size_t
wd_gds_count(wd_json_scan_t list)
{
    bool   first = true;
    size_t n = 0;

    if (list.p == NULL || wd_json_scan_open(&list, '[') != WD_OK) {
        return 0;
    }
    while (wd_json_scan_item(&list, &first) == WD_OK
           && wd_json_scan_skip(&list) == WD_OK) {
        n++;
    }
    return n;
}


/* Case differs between the property that was sent and the one in answers. */
static void
wd_gds_property(wd_gds_entry_t *e, wd_str_t key, wd_str_t text)
{
    if (wd_str_ieq(key, WD_STR("asOfDate"))) {
        e->as_of = text;
    } else if (wd_str_ieq(key, WD_STR("currencyId"))) {
        e->currency = text;
    } else if (wd_str_ieq(key, WD_STR("periodType"))) {
        e->period = text;
    }
}


static int
wd_gds_properties(wd_json_scan_t *s, wd_pool_t *pool, wd_gds_entry_t *e)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    rc = wd_json_scan_open(s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(s, pool, &first, &key);
        if (rc == WD_OK) {
            rc = wd_json_scan_value(s, pool, &v);
        }
        if (rc != WD_OK) {
            break;
        }
        if (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
            rc = wd_json_scan_skip(s);
        } else if (v.type == WD_JS_STRING) {
            wd_gds_property(e, key, wd_str_trim(v.text));
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* A number, also when it stands there as text; -1 when it is none. */
static int64_t
wd_gds_announced(const wd_json_scan_val_t *v)
{
    int64_t n;

    if ((v->type != WD_JS_NUMBER && v->type != WD_JS_STRING)
        || wd_int_parse(wd_str_trim(v->text), &n) != WD_OK || n < 0) {
        return -1;
    }
    return n;
}


static void
wd_gds_text(wd_gds_entry_t *e, const wd_json_scan_val_t *v, const char *bad,
            wd_str_t *ret)
{
    if (v->type == WD_JS_STRING) {
        *ret = v->text;
    } else if (v->type != WD_JS_NULL) {
        e->bad = bad;
    }
}


/* An error once said is not unsaid by a second member of the name. */
static void
wd_gds_error_text(wd_gds_entry_t *e, const wd_json_scan_val_t *v)
{
    wd_str_t text = wd_str_trim(v->text);

    if (v->type == WD_JS_STRING) {
        e->error = text.len != 0 ? text : e->error;
    } else if (v->type != WD_JS_NULL) {
        e->bad = "ErrMsg is no text";
    }
}


static void
wd_gds_scalar(wd_gds_entry_t *e, wd_str_t key, const wd_json_scan_val_t *v)
{
    if (wd_str_eq_z(key, "Function")) {
        wd_gds_text(e, v, "Function is no text", &e->function);
    } else if (wd_str_eq_z(key, "Identifier")) {
        wd_gds_text(e, v, "Identifier is no text", &e->identifier);
    } else if (wd_str_eq_z(key, "Mnemonic")) {
        wd_gds_text(e, v, "Mnemonic is no text", &e->mnemonic);
    } else if (wd_str_eq_z(key, "ErrMsg")) {
        wd_gds_error_text(e, v);
    } else if (wd_str_eq_z(key, "NumRows")) {
        e->n_rows = wd_gds_announced(v);
    } else if (wd_str_eq_z(key, "NumCols")) {
        e->n_cols = wd_gds_announced(v);
    } else if (v->type != WD_JS_NULL
               && (wd_str_eq_z(key, "Headers") || wd_str_eq_z(key, "Rows"))) {
        e->bad = "Headers or Rows are no list";
    }
}


/* An object or a list, before its bracket. */
static int
wd_gds_container(wd_json_scan_t *s, wd_pool_t *pool, wd_gds_entry_t *e,
                 wd_str_t key, bool list)
{
    if (!list && wd_str_eq_z(key, "Properties")) {
        return wd_gds_properties(s, pool, e);
    }

    if (list && wd_str_eq_z(key, "Headers")) {
        e->headers = *s;
    } else if (list && wd_str_eq_z(key, "Rows")) {
        e->rows = *s;
    } else if (wd_str_eq_z(key, "Headers") || wd_str_eq_z(key, "Rows")) {
        e->bad = "Headers or Rows are no list";
    } else if (wd_str_eq_z(key, "Function") || wd_str_eq_z(key, "Identifier")
               || wd_str_eq_z(key, "Mnemonic") || wd_str_eq_z(key, "ErrMsg")) {
        e->bad = "a name or an error is no text";
    }
    return wd_json_scan_skip(s);
}


int
wd_gds_entry_read(wd_json_scan_t *s, wd_pool_t *pool, wd_gds_entry_t *ret)
{
    int                rc;
    bool               first = true;
    wd_str_t           key;
    wd_json_scan_val_t v;

    memset(ret, 0, sizeof(*ret));
    ret->n_rows = ret->n_cols = -1;

    rc = wd_json_scan_open(s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(s, pool, &first, &key);
        if (rc == WD_OK) {
            rc = wd_json_scan_value(s, pool, &v);
        }
        if (rc != WD_OK) {
            break;
        }
        if (v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY) {
            rc = wd_gds_container(s, pool, ret, key, v.type == WD_JS_ARRAY);
        } else {
            wd_gds_scalar(ret, key, &v);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}
