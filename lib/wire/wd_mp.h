/*
 * wd_mp.h - MessagePack: writing through msgpack-c, reading without copies.
 *
 * Reading is our own cursor because frames come from other processes: it
 * allocates nothing, so a declared count can never take memory, nesting is
 * bounded, and strings stay where they were received (decisions/0001).
 */
#ifndef WD_MP_H
#define WD_MP_H

#include "wd_buf.h"

#define WD_MP_DEPTH_MAX 16

typedef enum {
    WD_MP_NIL,
    WD_MP_BOOL,
    WD_MP_INT, /* fits int64 */
    WD_MP_UINT, /* above INT64_MAX */
    WD_MP_FLOAT,
    WD_MP_STR,
    WD_MP_BIN,
    WD_MP_ARRAY, /* count items follow */
    WD_MP_MAP, /* count pairs follow */
    WD_MP_EXT
} wd_mp_type_e;

typedef struct {
    wd_mp_type_e type;
    union {
        bool     b;
        int64_t  i;
        uint64_t u;
        double   f;
        uint32_t count;
        wd_str_t s; /* STR, BIN, EXT: points into the input */
    } v;
    int8_t ext;
} wd_mp_val_t;

/* Position in a complete piece of MessagePack. */
typedef struct {
    const uint8_t *p;
    const uint8_t *end;
} wd_mp_t;


static inline wd_mp_t
wd_mp(const void *data, size_t len)
{
    /* Nothing is nowhere: adding to a null pointer is not defined. */
    return (wd_mp_t){data, data != NULL ? (const uint8_t *) data + len : NULL};
}


/*
 * One value, or the head of an array or map. WD_ETRUNC when the input ends
 * inside it (the cursor stays), WD_EPROTO for the byte 0xc1.
 */
wd_must_check int wd_mp_next(wd_mp_t *c, wd_mp_val_t *ret);

/*
 * Likewise, but of text, bytes, ext, arrays and maps only the head has to be
 * there; v.s is not set. The cursor moves behind that head.
 */
wd_must_check int wd_mp_next_head(wd_mp_t *c, wd_mp_val_t *ret);

/* Steps over one whole value, nested ones included. */
wd_must_check int wd_mp_skip(wd_mp_t *c);

/* Typed reads: WD_EPROTO when the next value is of another type. */
wd_must_check int wd_mp_read_array(wd_mp_t *c, uint32_t *ret_n);
wd_must_check int wd_mp_read_map(wd_mp_t *c, uint32_t *ret_n);
wd_must_check int wd_mp_read_str(wd_mp_t *c, wd_str_t *ret);
wd_must_check int wd_mp_read_bytes(wd_mp_t *c, wd_str_t *ret); /* BIN or STR */
wd_must_check int wd_mp_read_int(wd_mp_t *c, int64_t *ret);
wd_must_check int wd_mp_read_bool(wd_mp_t *c, bool *ret);
wd_must_check int wd_mp_read_num(wd_mp_t *c, double *ret); /* INT or FLOAT */

/* True (and stepped over) when the next value is nil. */
bool wd_mp_read_nil(wd_mp_t *c);

/*
 * Looks `key` up in the map at the cursor, which stays; *ret stands at its
 * value. WD_ENOTFOUND, WD_EPROTO when this is no map, WD_ETRUNC.
 */
wd_must_check int wd_mp_map_find(wd_mp_t map, const char *key, wd_mp_t *ret);

/*
 * Finds where a value ends while its bytes still arrive: call again with the
 * same buffer and more bytes; nothing is read twice.
 */
typedef struct {
    size_t   pos; /* bytes looked at, counted from the value's first byte */
    int      depth;
    uint64_t left[WD_MP_DEPTH_MAX + 1];
} wd_mp_scan_t;

void wd_mp_scan_init(wd_mp_scan_t *s);

/*
 * WD_OK: the value is complete in the first s->pos bytes. WD_EAGAIN: more
 * bytes are needed. WD_EPROTO: not MessagePack or nested too deeply.
 * WD_ETOOBIG: the value is, or declares to be, longer than `max` bytes.
 */
wd_must_check int wd_mp_scan(wd_mp_scan_t *s, const uint8_t *data, size_t len,
                             size_t max);

/* Writing; failures stay in out->err. */
void wd_mp_put_nil(wd_buf_t *out);
void wd_mp_put_bool(wd_buf_t *out, bool v);
void wd_mp_put_int(wd_buf_t *out, int64_t v);
void wd_mp_put_uint(wd_buf_t *out, uint64_t v);
void wd_mp_put_num(wd_buf_t *out, double v);
void wd_mp_put_str(wd_buf_t *out, wd_str_t s);
void wd_mp_put_z(wd_buf_t *out, const char *z);
void wd_mp_put_bin(wd_buf_t *out, const void *data, size_t n);
void wd_mp_put_array(wd_buf_t *out, uint32_t n);
void wd_mp_put_map(wd_buf_t *out, uint32_t n);

#endif /* WD_MP_H */
