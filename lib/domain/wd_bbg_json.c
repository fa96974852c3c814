/*
 * wd_bbg_json.c - sequences, errors and single values of BLPAPI's JSON.
 */
#include "wd_bbg_json.h"


static bool
starts_with_one(wd_str_t s, const char *const *keys, size_t n)
{
    size_t i;

    for (i = 0; i < n && keys[i] != NULL; i++) {
        if (wd_str_starts(s, keys[i])) {
            return true;
        }
    }
    return false;
}


/* To the next item of the same sequence, from `p` on. */
static bool
find_item(wd_bbg_blp_t *b, const char *p, const wd_bbg_marks_t *m)
{
    wd_json_scan_t inside;
    wd_str_t       rest;

    for (; p < b->s.end; p++) {
        if (m->flat && *p == ']') {
            return false;
        }
        if (*p != '{') {
            continue;
        }
        inside = wd_json_scan_from(&b->s, p + 1);
        wd_json_scan_at_end(&inside);
        rest = wd_bbg_slice(inside.p, inside.end);
        if (starts_with_one(rest, m->starts, wd_array_len(m->starts))) {
            b->s.p = p;
            return true;
        }
        if (starts_with_one(rest, m->ends, wd_array_len(m->ends))) {
            return false;
        }
    }
    return false;
}


/* WD_EPROTO: what comes next is no item of this sequence. */
static int
recover(wd_bbg_blp_t *b, const char *mark, const wd_bbg_marks_t *m)
{
    if (m == NULL || !find_item(b, wd_min(mark + 1, b->s.end), m)) {
        return WD_EPROTO;
    }
    return wd_records_reject(b->r, b->r->n_records++, WD_REASON_SYNTAX,
                             wd_bbg_slice(mark, b->s.p), "this cannot be read");
}


/* One item, which has to be an object. */
static int
one(wd_bbg_blp_t *b, wd_str_t symbol, wd_bbg_item_pt item)
{
    int                rc;
    const char        *mark = b->s.p;
    wd_json_scan_val_t v;

    if (b->r->n_records >= WD_RECORDS_MAX) {
        return WD_ETOOBIG;
    }
    rc = wd_json_scan_value(&b->s, b->r->pool, &v);
    if (rc != WD_OK) {
        return rc;
    }
    if (v.type == WD_JS_OBJECT) {
        return item(b, symbol);
    }
    if (v.type == WD_JS_ARRAY) {
        rc = wd_json_scan_skip(&b->s);
        if (rc != WD_OK) {
            return rc;
        }
    }
    return wd_records_reject(b->r, b->r->n_records++, WD_REASON_SYNTAX,
                             wd_bbg_slice(mark, b->s.p), "no object");
}


int
wd_bbg_each(wd_bbg_blp_t *b, wd_str_t symbol, const wd_bbg_marks_t *marks,
            wd_bbg_item_pt item)
{
    int                rc;
    bool               first = true;
    const char        *mark;
    wd_json_scan_t     ahead = b->s;
    wd_json_scan_val_t v;

    rc = wd_json_scan_value(&ahead, b->r->pool, &v);
    if (rc != WD_OK || v.type == WD_JS_NULL) {
        b->s = ahead;
        return rc;
    }
    if (v.type != WD_JS_ARRAY) {
        wd_json_scan_at_end(&b->s);
        return one(b, symbol, item);
    }

    rc = wd_json_scan_open(&b->s, '[');
    for (;;) {
        rc = wd_json_scan_item(&b->s, &first);
        if (rc == WD_ENOTFOUND) {
            return WD_OK;
        }
        wd_json_scan_at_end(&b->s);
        mark = b->s.p;
        if (rc == WD_OK) {
            rc = one(b, symbol, item);
        }
        if (rc == WD_EPROTO) {
            rc = recover(b, mark, marks);
            first = true;
        }
        if (rc != WD_OK) {
            return rc;
        }
    }
}


int
wd_bbg_look_for(const wd_bbg_blp_t *b, const char *key, wd_str_t *ret)
{
    int                rc;
    bool               first = true;
    wd_str_t           k;
    wd_json_scan_t     s = b->s;
    wd_json_scan_val_t v;

    *ret = WD_STR_NULL;
    rc = wd_json_scan_open(&s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&s, b->r->pool, &first, &k);
        if (rc == WD_OK && wd_str_eq_z(k, key)) {
            rc = wd_json_scan_value(&s, b->r->pool, &v);
            if (rc == WD_OK) {
                *ret = v.text.data != NULL ? v.text : WD_STR("");
                return WD_OK;
            }
        } else if (rc == WD_OK) {
            rc = wd_json_scan_skip(&s);
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
wd_bbg_scalar(wd_bbg_blp_t *b, wd_str_t *ret, bool *ret_plain)
{
    int                rc;
    wd_json_scan_val_t v;

    rc = wd_json_scan_value(&b->s, b->r->pool, &v);
    if (rc != WD_OK) {
        return rc;
    }
    *ret = v.type == WD_JS_TRUE    ? WD_STR("true")
           : v.type == WD_JS_FALSE ? WD_STR("false")
                                   : v.text;
    *ret_plain = v.type != WD_JS_OBJECT && v.type != WD_JS_ARRAY;
    return *ret_plain ? WD_OK : wd_json_scan_skip(&b->s);
}


int
wd_bbg_whole(const wd_bbg_blp_t *b, wd_str_t *ret)
{
    int            rc;
    const char    *from;
    wd_json_scan_t s = b->s;

    wd_json_scan_at_end(&s);
    from = s.p;
    rc = wd_json_scan_skip(&s);
    *ret = wd_bbg_slice(from, s.p);
    return rc;
}


static int
read_error(wd_bbg_blp_t *b, wd_bbg_error_t *e, wd_str_t *ret_field, bool inner)
{
    int      rc;
    bool     first = true, plain;
    wd_str_t key, text;

    rc = wd_json_scan_open(&b->s, '{');
    while (rc == WD_OK) {
        rc = wd_json_scan_member(&b->s, b->r->pool, &first, &key);
        if (rc != WD_OK) {
            break;
        }
        if (!inner && wd_str_eq_z(key, "errorInfo")
            && !wd_json_scan_at_end(&b->s) && *b->s.p == '{') {
            rc = read_error(b, e, ret_field, true);
            continue;
        }
        rc = wd_bbg_scalar(b, &text, &plain);
        if (rc != WD_OK || !plain) {
            continue;
        }
        if (wd_str_eq_z(key, "category")) {
            e->category = text;
        } else if (wd_str_eq_z(key, "subcategory")) {
            e->subcategory = text;
        } else if (wd_str_eq_z(key, "code") || wd_str_eq_z(key, "errorCode")) {
            e->code = text;
        } else if (wd_str_eq_z(key, "message")
                   || wd_str_eq_z(key, "description")) {
            e->message = text;
        } else if (wd_str_eq_z(key, "fieldId")) {
            *ret_field = text;
        }
    }
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


int
wd_bbg_read_error(wd_bbg_blp_t *b, wd_bbg_error_t *e, wd_str_t *ret_field)
{
    return read_error(b, e, ret_field, false);
}
