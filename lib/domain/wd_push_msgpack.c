/*
 * wd_push_msgpack.c - parts of MessagePack: maps, one behind the other.
 */
#include "wd_mp.h"
#include "wd_num.h"
#include "wd_push_parse.h"
#include "wd_push_read.h"

#include <math.h>
#include <stdio.h>

#define WD_PUSH_EXT_TIME \
    (-1) /* the timestamps of MessagePack's specification */


static uint64_t
wd_push_mp_big_endian(const char *p, size_t n)
{
    uint64_t v = 0;

    while (n-- != 0) {
        v = v << 8 | (uint8_t) *p++;
    }
    return v;
}


/* The text of a timestamp; false: it is none, or out of range. */
static bool
wd_push_mp_time_text(wd_str_t ext, char out[WD_TIME_TEXT_MAX])
{
    int64_t  s;
    uint64_t ns = 0, v;
    wd_ns_t  t;

    switch (ext.len) {
    case 4:
        s = (int64_t) wd_push_mp_big_endian(ext.data, 4);
        break;
    case 8:
        v = wd_push_mp_big_endian(ext.data, 8);
        ns = v >> 34;
        s = (int64_t) (v & ((UINT64_C(1) << 34) - 1));
        break;
    case 12:
        ns = wd_push_mp_big_endian(ext.data, 4);
        s = (int64_t) wd_push_mp_big_endian(ext.data + 4, 8);
        break;
    default:
        return false;
    }
    if (ns >= 1000000000 || __builtin_mul_overflow(s, WD_NS_PER_S, &t)
        || __builtin_add_overflow(t, (wd_ns_t) ns, &t)) {
        return false;
    }
    wd_time_format(t, out);
    return true;
}


/* Numbers as the text that reads back the same. */
static int
wd_push_mp_number_text(const wd_mp_val_t *v, wd_pool_t *pool, wd_str_t *ret)
{
    char  *p = wd_pool_alloc(pool, WD_NUM_TEXT_MAX);
    size_t n;

    if (p == NULL) {
        return WD_ENOMEM;
    }
    if (v->type == WD_MP_INT) {
        n = wd_int_format(v->v.i, p);
    } else if (v->type == WD_MP_UINT) {
        n = (size_t) snprintf(p, WD_NUM_TEXT_MAX, "%llu",
                              (unsigned long long) v->v.u);
    } else if (isfinite(v->v.f)) {
        n = wd_num_format(v->v.f, p);
    } else {
        n = (size_t) snprintf(p, WD_NUM_TEXT_MAX, "%f", v->v.f);
    }
    *ret = wd_str(p, n);
    return WD_OK;
}


/* Texts joined by ';'; `c` stands behind the array's head. */
static int
wd_push_mp_read_list(wd_mp_t *c, uint32_t n, wd_pool_t *pool, wd_str_t key,
                     wd_push_row_t *row, wd_str_t *ret)
{
    char    *out;
    size_t   len = 0;
    wd_str_t text;

    /* Each text takes a byte more than its letters there, too. */
    out = wd_pool_alloc(pool, (size_t) (c->end - c->p) + 1);
    if (out == NULL) {
        return WD_ENOMEM;
    }
    for (; n != 0; n--) {
        if (wd_mp_read_str(c, &text) == WD_OK) {
            memcpy(out + len, text.data, text.len);
            len += text.len;
            out[len++] = ';';
            continue;
        }
        wd_push_row_nested(row, key);
        if (wd_mp_skip(c) != WD_OK) {
            return WD_EPROTO;
        }
    }
    *ret = wd_str(out, len);
    return WD_OK;
}


/* An array, map or extension whose head is `v`, before which `c` stands. */
static int
wd_push_mp_read_other(const wd_push_dataset_t *d, wd_mp_t *c,
                      const wd_mp_val_t *v, wd_pool_t *pool, wd_str_t key,
                      int at, wd_push_row_t *row, wd_str_t *ret)
{
    char    *p;
    uint32_t n;

    if (v->type == WD_MP_ARRAY && at >= 0
        && d->columns[at].type == WD_PUSH_LIST) {
        return wd_mp_read_array(c, &n) == WD_OK
                   ? wd_push_mp_read_list(c, n, pool, key, row, ret)
                   : WD_EPROTO;
    }
    if (v->type == WD_MP_EXT && v->ext == WD_PUSH_EXT_TIME) {
        p = wd_pool_alloc(pool, WD_TIME_TEXT_MAX);
        if (p == NULL) {
            return WD_ENOMEM;
        }
        if (wd_push_mp_time_text(v->v.s, p)) {
            *ret = wd_str_z(p);
            return wd_mp_skip(c);
        }
    }
    wd_push_row_nested(row, key);
    return wd_mp_skip(c);
}


/* The value of a member; ret->data NULL: it says nothing. */
static int
wd_push_mp_read_value(const wd_push_dataset_t *d, wd_mp_t *c, wd_pool_t *pool,
                      wd_str_t key, int at, wd_push_row_t *row, wd_str_t *ret)
{
    wd_mp_t     from = *c;
    wd_mp_val_t v;

    *ret = WD_STR_NULL;
    if (wd_mp_next(c, &v) != WD_OK) {
        return WD_EPROTO;
    }
    switch (v.type) {
    case WD_MP_NIL:
        return WD_OK;
    case WD_MP_BOOL:
        *ret = v.v.b ? WD_STR("true") : WD_STR("false");
        return WD_OK;
    case WD_MP_STR:
    case WD_MP_BIN:
        *ret = v.v.s;
        return WD_OK;
    case WD_MP_INT:
    case WD_MP_UINT:
    case WD_MP_FLOAT:
        return wd_push_mp_number_text(&v, pool, ret);
    default:
        *c = from;
        return wd_push_mp_read_other(d, c, &v, pool, key, at, row, ret);
    }
}


int
wd_push_row_msgpack(const wd_push_dataset_t *d, wd_str_t bytes, wd_pool_t *pool,
                    wd_push_row_t *ret, bool *ret_none)
{
    int      rc, at;
    uint32_t n = 0;
    wd_str_t key, value;
    wd_mp_t  c = wd_mp(bytes.data, bytes.len);

    wd_push_row_init(ret);
    *ret_none = wd_mp_read_map(&c, &n) != WD_OK;
    if (*ret_none) {
        return WD_EPROTO;
    }
    for (; n != 0; n--) {
        if (wd_mp_read_str(&c, &key) != WD_OK) {
            return WD_EPROTO;
        }
        at = wd_push_row_name(d, ret, key);
        rc = wd_push_mp_read_value(d, &c, pool, key, at, ret, &value);
        if (rc != WD_OK) {
            return rc == WD_ENOMEM ? rc : WD_EPROTO;
        }
        if (at >= 0) {
            ret->cells[at] = value;
        }
    }
    return c.p == c.end ? WD_OK : WD_EPROTO;
}


int
wd_push_read_msgpack(const wd_push_dataset_t *d, wd_str_t part, wd_records_t *r)
{
    int           rc = WD_OK;
    bool          none;
    int32_t       number = 0;
    wd_str_t      bytes;
    wd_mp_t       from, c = wd_mp(part.data, part.len);
    wd_push_row_t row;

    while (c.p != c.end && rc == WD_OK) {
        from = c;
        if (wd_mp_skip(&c) != WD_OK) {
            return wd_push_read_cut(r);
        }
        rc = wd_push_read_room(r);
        if (rc == WD_OK) {
            bytes = wd_str((const char *) from.p, (size_t) (c.p - from.p));
            rc = wd_push_row_msgpack(d, bytes, r->pool, &row, &none);
            /* A sample is text, which this is not. */
            rc = wd_push_read_add(d, rc, &row, none, number++, WD_STR(""), r);
        }
    }
    return rc == WD_ETOOBIG ? WD_OK : rc;
}
