/*
 * wd_mp.c - MessagePack reader (cursor and incremental scan) and writer.
 */
#include "wd_mp.h"

#include <msgpack/pack.h>


/* What the first bytes of a value say about it. */
typedef struct {
    wd_mp_val_t val;
    size_t      head; /* bytes before the payload */
    uint64_t    payload; /* bytes of STR, BIN, EXT */
    uint64_t    items; /* values that follow: array n, map 2n */
} wd_mp_head_t;


static uint64_t
wd_mp_be(const uint8_t *p, size_t n)
{
    uint64_t v = 0;

    while (n-- != 0) {
        v = v << 8 | *p++;
    }
    return v;
}


static void
wd_mp_head_array(wd_mp_head_t *h, uint64_t n)
{
    h->val.type = WD_MP_ARRAY;
    h->val.v.count = (uint32_t) n;
    h->items = n;
}


static void
wd_mp_head_map(wd_mp_head_t *h, uint64_t n)
{
    h->val.type = WD_MP_MAP;
    h->val.v.count = (uint32_t) n;
    h->items = 2 * n;
}


static void
wd_mp_head_bytes(wd_mp_head_t *h, wd_mp_type_e type, uint64_t n)
{
    h->val.type = type;
    h->payload = n;
}


static void
wd_mp_head_float(wd_mp_head_t *h, const uint8_t *p, size_t n)
{
    float    f;
    uint32_t u32;
    uint64_t u64;

    h->val.type = WD_MP_FLOAT;
    if (n == 4) {
        u32 = (uint32_t) wd_mp_be(p, 4);
        memcpy(&f, &u32, sizeof(f));
        h->val.v.f = (double) f;
    } else {
        u64 = wd_mp_be(p, 8);
        memcpy(&h->val.v.f, &u64, sizeof(u64));
    }
}


static void
wd_mp_head_int(wd_mp_head_t *h, int64_t v)
{
    h->val.type = WD_MP_INT;
    h->val.v.i = v;
}


static void
wd_mp_head_uint(wd_mp_head_t *h, uint64_t v)
{
    if (v <= INT64_MAX) {
        wd_mp_head_int(h, (int64_t) v);
        return;
    }
    h->val.type = WD_MP_UINT;
    h->val.v.u = v;
}


/* Values whose first byte says everything. */
static bool
wd_mp_head_fix(wd_mp_head_t *h, uint8_t b)
{
    h->head = 1;

    if (b <= 0x7f) {
        wd_mp_head_int(h, b);
    } else if (b <= 0x8f) {
        wd_mp_head_map(h, b & 0x0f);
    } else if (b <= 0x9f) {
        wd_mp_head_array(h, b & 0x0f);
    } else if (b <= 0xbf) {
        wd_mp_head_bytes(h, WD_MP_STR, b & 0x1f);
    } else if (b >= 0xe0) {
        wd_mp_head_int(h, (int8_t) b);
    } else if (b == 0xc0) {
        h->val.type = WD_MP_NIL;
    } else if (b == 0xc2 || b == 0xc3) {
        h->val.type = WD_MP_BOOL;
        h->val.v.b = b == 0xc3;
    } else {
        return false;
    }

    return true;
}


/* Bytes that follow the first one, before the payload, for 0xc4 to 0xdf. */
static const uint8_t wd_mp_head_len[28] = {
    1, 2, 4, /* bin */
    2, 3, 5, /* ext: length and type */
    4, 8, /* float */
    1, 2, 4, 8, /* uint */
    1, 2, 4, 8, /* int */
    1, 1, 1, 1, 1, /* fixext: type */
    1, 2, 4, /* str */
    2, 4, /* array */
    2, 4 /* map */
};


static int
wd_mp_head(const uint8_t *p, size_t len, wd_mp_head_t *h)
{
    size_t  n;
    uint8_t b;

    if (len == 0) {
        return WD_ETRUNC;
    }

    b = p[0];
    h->payload = 0;
    h->items = 0;

    if (wd_mp_head_fix(h, b)) {
        return WD_OK;
    }

    if (b == 0xc1) {
        return WD_EPROTO;
    }

    n = wd_mp_head_len[b - 0xc4];
    if (len < 1 + n) {
        return WD_ETRUNC;
    }
    h->head = 1 + n;
    p++;

    if (b <= 0xc6) {
        wd_mp_head_bytes(h, WD_MP_BIN, wd_mp_be(p, n));
    } else if (b <= 0xc9) {
        wd_mp_head_bytes(h, WD_MP_EXT, wd_mp_be(p, n - 1));
        h->val.ext = (int8_t) p[n - 1];
    } else if (b <= 0xcb) {
        wd_mp_head_float(h, p, n);
    } else if (b <= 0xcf) {
        wd_mp_head_uint(h, wd_mp_be(p, n));
    } else if (b <= 0xd3) {
        /* Sign extension by shifting the value to the top and back. */
        wd_mp_head_int(h, (int64_t) (wd_mp_be(p, n) << (64 - 8 * n))
                              >> (64 - 8 * n));
    } else if (b <= 0xd8) {
        wd_mp_head_bytes(h, WD_MP_EXT, UINT64_C(1) << (b - 0xd4));
        h->val.ext = (int8_t) p[0];
    } else if (b <= 0xdb) {
        wd_mp_head_bytes(h, WD_MP_STR, wd_mp_be(p, n));
    } else if (b <= 0xdd) {
        wd_mp_head_array(h, wd_mp_be(p, n));
    } else {
        wd_mp_head_map(h, wd_mp_be(p, n));
    }

    return WD_OK;
}


int
wd_mp_next(wd_mp_t *c, wd_mp_val_t *ret)
{
    int          rc;
    size_t       len = (size_t) (c->end - c->p);
    wd_mp_head_t h;

    rc = wd_mp_head(c->p, len, &h);
    if (rc != WD_OK) {
        return rc;
    }

    if (h.payload > len - h.head) {
        return WD_ETRUNC;
    }

    /* Every item takes a byte or more: a larger count is a lie. */
    if (h.items > len - h.head) {
        return WD_ETRUNC;
    }

    if (h.val.type == WD_MP_STR || h.val.type == WD_MP_BIN
        || h.val.type == WD_MP_EXT) {
        h.val.v.s = wd_str((const char *) c->p + h.head, (size_t) h.payload);
    }

    c->p += h.head + h.payload;
    *ret = h.val;
    return WD_OK;
}


int
wd_mp_next_head(wd_mp_t *c, wd_mp_val_t *ret)
{
    int          rc;
    wd_mp_head_t h;

    rc = wd_mp_head(c->p, (size_t) (c->end - c->p), &h);
    if (rc == WD_OK) {
        c->p += h.head;
        *ret = h.val;
    }
    return rc;
}


int
wd_mp_skip(wd_mp_t *c)
{
    int          rc;
    wd_mp_scan_t s;

    wd_mp_scan_init(&s);
    rc = wd_mp_scan(&s, c->p, (size_t) (c->end - c->p), SIZE_MAX);
    if (rc != WD_OK) {
        return rc == WD_EAGAIN ? WD_ETRUNC : rc;
    }

    c->p += s.pos;
    return WD_OK;
}


/* Reads a value of one of two types; the cursor stays when it is another. */
static int
wd_mp_expect(wd_mp_t *c, wd_mp_type_e a, wd_mp_type_e b, wd_mp_val_t *ret)
{
    int     rc;
    wd_mp_t at = *c;

    rc = wd_mp_next(&at, ret);
    if (rc != WD_OK) {
        return rc;
    }

    if (ret->type != a && ret->type != b) {
        return WD_EPROTO;
    }

    *c = at;
    return WD_OK;
}


int
wd_mp_read_array(wd_mp_t *c, uint32_t *ret_n)
{
    int         rc;
    wd_mp_val_t v;

    rc = wd_mp_expect(c, WD_MP_ARRAY, WD_MP_ARRAY, &v);
    if (rc == WD_OK) {
        *ret_n = v.v.count;
    }
    return rc;
}


int
wd_mp_read_map(wd_mp_t *c, uint32_t *ret_n)
{
    int         rc;
    wd_mp_val_t v;

    rc = wd_mp_expect(c, WD_MP_MAP, WD_MP_MAP, &v);
    if (rc == WD_OK) {
        *ret_n = v.v.count;
    }
    return rc;
}


int
wd_mp_read_str(wd_mp_t *c, wd_str_t *ret)
{
    int         rc;
    wd_mp_val_t v;

    rc = wd_mp_expect(c, WD_MP_STR, WD_MP_STR, &v);
    if (rc == WD_OK) {
        *ret = v.v.s;
    }
    return rc;
}


int
wd_mp_read_bytes(wd_mp_t *c, wd_str_t *ret)
{
    int         rc;
    wd_mp_val_t v;

    rc = wd_mp_expect(c, WD_MP_BIN, WD_MP_STR, &v);
    if (rc == WD_OK) {
        *ret = v.v.s;
    }
    return rc;
}


int
wd_mp_read_int(wd_mp_t *c, int64_t *ret)
{
    int         rc;
    wd_mp_val_t v;

    rc = wd_mp_expect(c, WD_MP_INT, WD_MP_INT, &v);
    if (rc == WD_OK) {
        *ret = v.v.i;
    }
    return rc;
}


int
wd_mp_read_bool(wd_mp_t *c, bool *ret)
{
    int         rc;
    wd_mp_val_t v;

    rc = wd_mp_expect(c, WD_MP_BOOL, WD_MP_BOOL, &v);
    if (rc == WD_OK) {
        *ret = v.v.b;
    }
    return rc;
}


int
wd_mp_read_num(wd_mp_t *c, double *ret)
{
    int         rc;
    wd_mp_val_t v;

    rc = wd_mp_expect(c, WD_MP_INT, WD_MP_FLOAT, &v);
    if (rc == WD_OK) {
        *ret = v.type == WD_MP_INT ? (double) v.v.i : v.v.f;
    }
    return rc;
}


bool
wd_mp_read_nil(wd_mp_t *c)
{
    if (c->p < c->end && *c->p == 0xc0) {
        c->p++;
        return true;
    }
    return false;
}


int
wd_mp_map_find(wd_mp_t map, const char *key, wd_mp_t *ret)
{
    int      rc;
    uint32_t i, n;
    wd_str_t k;

    rc = wd_mp_read_map(&map, &n);
    if (rc != WD_OK) {
        return rc;
    }

    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(&map, &k) == WD_OK) {
            if (wd_str_eq_z(k, key)) {
                *ret = map;
                return WD_OK;
            }
        } else if ((rc = wd_mp_skip(&map)) != WD_OK) {
            return rc;
        }

        rc = wd_mp_skip(&map);
        if (rc != WD_OK) {
            return rc;
        }
    }

    return WD_ENOTFOUND;
}


void
wd_mp_scan_init(wd_mp_scan_t *s)
{
    s->pos = 0;
    s->depth = 0;
    s->left[0] = 1;
}


int
wd_mp_scan(wd_mp_scan_t *s, const uint8_t *data, size_t len, size_t max)
{
    int          rc;
    uint64_t     size;
    wd_mp_head_t h;

    for (;;) {
        while (s->left[s->depth] == 0) {
            if (s->depth == 0) {
                return WD_OK;
            }
            s->depth--;
        }

        if (s->pos >= len) {
            return s->pos >= max ? WD_ETOOBIG : WD_EAGAIN;
        }

        rc = wd_mp_head(data + s->pos, len - s->pos, &h);
        if (rc == WD_ETRUNC) {
            return WD_EAGAIN;
        }
        if (rc != WD_OK) {
            return rc;
        }

        size = h.head + h.payload;
        if (size > max - s->pos || h.items > max - s->pos - size) {
            return WD_ETOOBIG;
        }

        if (size > len - s->pos) {
            return WD_EAGAIN;
        }

        if (s->depth == WD_MP_DEPTH_MAX
            && (h.val.type == WD_MP_ARRAY || h.val.type == WD_MP_MAP)) {
            return WD_EPROTO;
        }

        s->pos += size;
        s->left[s->depth]--;
        if (h.items != 0) {
            s->left[++s->depth] = h.items;
        }
    }
}


static int
wd_mp_write(void *data, const char *bytes, size_t n)
{
    wd_buf_append(data, bytes, n);
    return 0; /* failures are kept in the buffer */
}


void
wd_mp_put_nil(wd_buf_t *out)
{
    wd_buf_byte(out, 0xc0);
}


void
wd_mp_put_bool(wd_buf_t *out, bool v)
{
    wd_buf_byte(out, v ? 0xc3 : 0xc2);
}


static msgpack_packer
wd_mp_packer(wd_buf_t *out)
{
    return (msgpack_packer){out, wd_mp_write};
}


void
wd_mp_put_int(wd_buf_t *out, int64_t v)
{
    msgpack_packer pk = wd_mp_packer(out);

    msgpack_pack_int64(&pk, v);
}


void
wd_mp_put_uint(wd_buf_t *out, uint64_t v)
{
    msgpack_packer pk = wd_mp_packer(out);

    msgpack_pack_uint64(&pk, v);
}


void
wd_mp_put_num(wd_buf_t *out, double v)
{
    msgpack_packer pk = wd_mp_packer(out);

    msgpack_pack_double(&pk, v);
}


void
wd_mp_put_str(wd_buf_t *out, wd_str_t s)
{
    msgpack_packer pk = wd_mp_packer(out);

    msgpack_pack_str(&pk, s.len);
    wd_buf_str(out, s);
}


void
wd_mp_put_z(wd_buf_t *out, const char *z)
{
    wd_mp_put_str(out, wd_str_z(z));
}


void
wd_mp_put_bin(wd_buf_t *out, const void *data, size_t n)
{
    msgpack_packer pk = wd_mp_packer(out);

    msgpack_pack_bin(&pk, n);
    wd_buf_append(out, data, n);
}


void
wd_mp_put_array(wd_buf_t *out, uint32_t n)
{
    msgpack_packer pk = wd_mp_packer(out);

    msgpack_pack_array(&pk, n);
}


void
wd_mp_put_map(wd_buf_t *out, uint32_t n)
{
    msgpack_packer pk = wd_mp_packer(out);

    msgpack_pack_map(&pk, n);
}
