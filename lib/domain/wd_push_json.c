/*
 * wd_push_json.c - parts of JSON and NDJSON: objects in an array, or in lines.
 */
#include "wd_json_scan.h"
#include "wd_push_parse.h"
#include "wd_push_read.h"
#include "wd_push_scan.h"


/* ["IBM", "SPY"] as "IBM;SPY"; of another list the first fault is noted. */
static int
wd_push_json_read_list(wd_json_scan_t *s, wd_pool_t *pool, wd_str_t key,
                       wd_push_row_t *row, wd_str_t *ret)
{
    int                rc;
    char              *out;
    bool               first = true;
    size_t             n = 0;
    wd_json_scan_val_t v;

    out = wd_pool_alloc(pool, (size_t) (s->end - s->p));
    if (out == NULL) {
        return WD_ENOMEM;
    }
    rc = wd_json_scan_open(s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(s, &first)) == WD_OK) {
        rc = wd_json_scan_value(s, pool, &v);
        if (rc == WD_OK && v.type != WD_JS_STRING) {
            wd_push_row_nested(row, key);
            rc = v.type == WD_JS_OBJECT || v.type == WD_JS_ARRAY
                     ? wd_json_scan_skip(s)
                     : WD_OK;
        } else if (rc == WD_OK) {
            memcpy(out + n, v.text.data, v.text.len);
            n += v.text.len;
            out[n++] = ';';
        }
    }
    *ret = wd_str(out, n);
    return rc == WD_ENOTFOUND ? WD_OK : rc;
}


/* The value of a member; ret->data NULL: it says nothing. */
static int
wd_push_json_read_value(const wd_push_dataset_t *d, wd_json_scan_t *s,
                        wd_pool_t *pool, wd_str_t key, int at,
                        wd_push_row_t *row, wd_str_t *ret)
{
    int                rc;
    wd_json_scan_val_t v;

    *ret = WD_STR_NULL;
    rc = wd_json_scan_value(s, pool, &v);
    if (rc != WD_OK) {
        return rc;
    }
    switch (v.type) {
    case WD_JS_NULL:
        return WD_OK;
    case WD_JS_TRUE:
        *ret = WD_STR("true");
        return WD_OK;
    case WD_JS_FALSE:
        *ret = WD_STR("false");
        return WD_OK;
    case WD_JS_ARRAY:
        if (at >= 0 && d->columns[at].type == WD_PUSH_LIST) {
            return wd_push_json_read_list(s, pool, key, row, ret);
        }
        /* fall through */
    case WD_JS_OBJECT:
        wd_push_row_nested(row, key);
        return wd_json_scan_skip(s);
    default:
        *ret = v.text;
        return WD_OK;
    }
}


int
wd_push_row_json(const wd_push_dataset_t *d, wd_str_t text, wd_pool_t *pool,
                 wd_push_row_t *ret, bool *ret_none)
{
    int            rc, at;
    bool           first = true;
    wd_str_t       key, value;
    wd_json_scan_t s = wd_json_scan(text);

    wd_push_row_init(ret);
    *ret_none = wd_json_scan_open(&s, '{') != WD_OK;
    if (*ret_none) {
        return WD_EPROTO;
    }
    while ((rc = wd_json_scan_member(&s, pool, &first, &key)) == WD_OK) {
        at = wd_push_row_name(d, ret, key);
        rc = wd_push_json_read_value(d, &s, pool, key, at, ret, &value);
        if (rc != WD_OK) {
            break;
        }
        if (at >= 0) {
            ret->cells[at] = value;
        }
    }
    if (rc == WD_ENOMEM) {
        return rc;
    }
    return rc == WD_ENOTFOUND && wd_json_scan_at_end(&s) ? WD_OK : WD_EPROTO;
}


static int
wd_push_json_add_object(const wd_push_dataset_t *d, wd_str_t text,
                        int32_t number, wd_records_t *r)
{
    int           rc;
    bool          none;
    wd_push_row_t row;

    rc = wd_push_row_json(d, text, r->pool, &row, &none);
    return wd_push_read_add(d, rc, &row, none, number, text, r);
}


static int
wd_push_json_next_line(const wd_push_dataset_t *d, wd_str_t *left,
                       int32_t *number, wd_records_t *r)
{
    int      rc = WD_OK;
    size_t   n;
    wd_str_t line;

    if (wd_push_line_end(*left, true, &n) == WD_ETOOBIG) {
        return wd_push_read_overlong(left, number, r);
    }
    line = wd_str(left->data, n);
    if (!wd_push_line_blank(line)) {
        rc = wd_push_json_add_object(d, wd_str_trim(line), *number, r);
    }
    (*number)++;
    left->data += n;
    left->len -= n;
    return rc;
}


int
wd_push_read_ndjson(const wd_push_dataset_t *d, wd_str_t part, wd_records_t *r)
{
    int     rc = WD_OK;
    int32_t number = 0;

    while (part.len != 0 && rc == WD_OK) {
        rc = wd_push_read_room(r);
        if (rc == WD_OK) {
            rc = wd_push_json_next_line(d, &part, &number, r);
        }
    }
    return rc == WD_ETOOBIG ? WD_OK : rc;
}


static int
wd_push_json_add_item(const wd_push_dataset_t *d, wd_str_t text, int32_t number,
                      wd_records_t *r)
{
    if (wd_str_eq_z(text, "\"" WD_PUSH_OVERLONG "\"")) {
        return wd_push_read_too_long(number, text, r);
    }
    return wd_push_json_add_object(d, text, number, r);
}


int
wd_push_read_json(const wd_push_dataset_t *d, wd_str_t part, wd_records_t *r)
{
    int                 rc;
    bool                first = true;
    size_t              n;
    int32_t             number = 0;
    wd_str_t            left;
    wd_json_scan_t      s = wd_json_scan(part);
    wd_push_json_scan_t end;

    rc = wd_json_scan_open(&s, '[');
    while (rc == WD_OK && (rc = wd_json_scan_item(&s, &first)) == WD_OK
           && (rc = wd_push_read_room(r)) == WD_OK) {
        /* At the end there is no value; else it begins here. */
        if (wd_json_scan_at_end(&s)) {
            rc = WD_EPROTO;
            break;
        }
        end = (wd_push_json_scan_t){0};
        left = wd_str(s.p, (size_t) (s.end - s.p));
        if (wd_push_json_end(&end, left, &n) != WD_OK) {
            rc = WD_EPROTO;
            break;
        }
        rc = wd_push_json_add_item(d, wd_str(left.data, n), number++, r);
        s.p += n;
    }
    if (rc == WD_ENOTFOUND || rc == WD_ETOOBIG) {
        return WD_OK;
    }
    return rc == WD_ENOMEM ? rc : wd_push_read_cut(r);
}
