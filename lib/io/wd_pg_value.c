/*
 * wd_pg_value.c - parameters and results in PostgreSQL's binary form.
 */
#include "wd_pg_int.h"

#include <endian.h>

/* Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define WD_PG_EPOCH_US INT64_C(946684800000000)
#define WD_PG_EPOCH_DAYS 10957

enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_TEXT = 25,
    OID_FLOAT8 = 701,
    OID_TEXTS = 1009,
    OID_INT8S = 1016,
    OID_DATE = 1082,
    OID_TIMESTAMPTZ = 1184,
    OID_JSONB = 3802
};


static void
wd_pg_put32(wd_buf_t *b, int32_t v)
{
    uint32_t be = htobe32((uint32_t) v);

    wd_buf_append(b, &be, 4);
}


static void
wd_pg_put64(wd_buf_t *b, int64_t v)
{
    uint64_t be = htobe64((uint64_t) v);

    wd_buf_append(b, &be, 8);
}


static void
wd_pg_put_double(wd_buf_t *b, double v)
{
    int64_t bits;

    memcpy(&bits, &v, sizeof(bits));
    wd_pg_put64(b, bits);
}


int64_t
wd_pg_us(wd_ns_t t)
{
    int64_t us = t / WD_NS_PER_US;

    if (t == WD_NS_MIN || t == WD_NS_MAX) {
        return t; /* -infinity, infinity */
    }
    if (t % WD_NS_PER_US < 0) {
        us--;
    }
    return us - WD_PG_EPOCH_US;
}


int32_t
wd_pg_days(wd_ns_t t)
{
    int64_t days = t / WD_NS_PER_DAY - (t % WD_NS_PER_DAY < 0);

    return (int32_t) (days - WD_PG_EPOCH_DAYS);
}


static void
wd_pg_put_array_head(wd_buf_t *b, int32_t oid, size_t n)
{
    wd_pg_put32(b, n != 0 ? 1 : 0); /* dimensions */
    wd_pg_put32(b, 0); /* no nulls */
    wd_pg_put32(b, oid);
    if (n != 0) {
        wd_pg_put32(b, (int32_t) n);
        wd_pg_put32(b, 1);
    }
}


static Oid
wd_pg_put_param(wd_buf_t *b, const wd_pg_param_t *p)
{
    size_t  i;
    uint8_t byte;

    switch (p->type) {
    case WD_PG_NULL:
        return OID_TEXT;
    case WD_PG_NULL_INT:
        return OID_INT8;
    case WD_PG_NULL_NUM:
        return OID_FLOAT8;
    case WD_PG_NULL_TS:
        return OID_TIMESTAMPTZ;
    case WD_PG_NULL_DATE:
        return OID_DATE;
    case WD_PG_NULL_BOOL:
        return OID_BOOL;
    case WD_PG_NULL_TEXTS:
        return OID_TEXTS;
    case WD_PG_TEXT:
        wd_buf_str(b, p->v.s);
        return OID_TEXT;
    case WD_PG_BYTES:
        wd_buf_str(b, p->v.s);
        return OID_BYTEA;
    case WD_PG_JSON:
        wd_buf_byte(b, 1); /* version of jsonb's binary form */
        wd_buf_str(b, p->v.s);
        return OID_JSONB;
    case WD_PG_INT:
        wd_pg_put64(b, p->v.i);
        return OID_INT8;
    case WD_PG_NUM:
        wd_pg_put_double(b, p->v.f);
        return OID_FLOAT8;
    case WD_PG_BOOL:
        byte = p->v.b;
        wd_buf_append(b, &byte, 1);
        return OID_BOOL;
    case WD_PG_TS:
        wd_pg_put64(b, wd_pg_us(p->v.i));
        return OID_TIMESTAMPTZ;
    case WD_PG_DATE:
        wd_pg_put32(b, wd_pg_days(p->v.i));
        return OID_DATE;
    case WD_PG_TEXTS:
        wd_pg_put_array_head(b, OID_TEXT, p->v.texts.n);
        for (i = 0; i < p->v.texts.n; i++) {
            wd_pg_put32(b, (int32_t) p->v.texts.v[i].len);
            wd_buf_str(b, p->v.texts.v[i]);
        }
        return OID_TEXTS;
    case WD_PG_INTS:
        wd_pg_put_array_head(b, OID_INT8, p->v.ints.n);
        for (i = 0; i < p->v.ints.n; i++) {
            wd_pg_put32(b, 8);
            wd_pg_put64(b, p->v.ints.v[i]);
        }
        return OID_INT8S;
    }
    return OID_TEXT;
}


static bool
wd_pg_param_null(const wd_pg_param_t *p)
{
    return p->type == WD_PG_NULL || p->type == WD_PG_NULL_INT
           || p->type == WD_PG_NULL_NUM || p->type == WD_PG_NULL_TS
           || p->type == WD_PG_NULL_DATE || p->type == WD_PG_NULL_BOOL
           || p->type == WD_PG_NULL_TEXTS
           || ((p->type == WD_PG_TEXT || p->type == WD_PG_JSON
                || p->type == WD_PG_BYTES)
               && p->v.s.data == NULL);
}


int
wd_pg_bind(wd_pg_bind_t *bind, const wd_pg_param_t *params, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        bind->at[i] = bind->bytes.len;
        if (wd_pg_param_null(&params[i])) {
            wd_buf_t none = WD_BUF_INIT;
            bind->oid[i] = wd_pg_put_param(&none, &params[i]);
            wd_buf_done(&none);
            bind->len[i] = -1;
        } else {
            bind->oid[i] = wd_pg_put_param(&bind->bytes, &params[i]);
            bind->len[i] = (int) (bind->bytes.len - bind->at[i]);
        }
        bind->format[i] = 1;
    }

    /* libpq wants a pointer even for an empty value. */
    wd_buf_byte(&bind->bytes, 0);
    if (bind->bytes.err != WD_OK) {
        return bind->bytes.err;
    }

    for (i = 0; i < n; i++) {
        bind->value[i] = bind->len[i] < 0
                             ? NULL
                             : (const char *) bind->bytes.data + bind->at[i];
    }
    return WD_OK;
}


int64_t
wd_pg_get_int(const PGresult *r, int row, int col)
{
    uint16_t    v2;
    uint32_t    v4;
    uint64_t    v8;
    const char *p = PQgetvalue(r, row, col);

    switch (PQgetlength(r, row, col)) {
    case 1:
        return *(const signed char *) p;
    case 2:
        memcpy(&v2, p, 2);
        return (int16_t) be16toh(v2);
    case 4:
        memcpy(&v4, p, 4);
        return (int32_t) be32toh(v4);
    case 8:
        memcpy(&v8, p, 8);
        return (int64_t) be64toh(v8);
    }
    return 0;
}


double
wd_pg_get_num(const PGresult *r, int row, int col)
{
    double  v;
    int64_t bits;

    if (PQgetlength(r, row, col) != 8) {
        return 0;
    }
    bits = wd_pg_get_int(r, row, col);
    memcpy(&v, &bits, sizeof(v));
    return v;
}


bool
wd_pg_get_bool(const PGresult *r, int row, int col)
{
    return PQgetlength(r, row, col) == 1 && *PQgetvalue(r, row, col) != 0;
}


wd_ns_t
wd_pg_get_ts(const PGresult *r, int row, int col)
{
    int64_t us = wd_pg_get_int(r, row, col), ns;

    if (us == INT64_MIN || us == INT64_MAX) {
        return us;
    }
    if (__builtin_add_overflow(us, WD_PG_EPOCH_US, &us)
        || __builtin_mul_overflow(us, WD_NS_PER_US, &ns)) {
        return us < 0 ? WD_NS_MIN : WD_NS_MAX;
    }
    return ns;
}


wd_ns_t
wd_pg_get_date(const PGresult *r, int row, int col)
{
    int64_t ns, days = wd_pg_get_int(r, row, col) + WD_PG_EPOCH_DAYS;

    if (__builtin_mul_overflow(days, WD_NS_PER_DAY, &ns)) {
        return days < 0 ? WD_NS_MIN : WD_NS_MAX;
    }
    return ns;
}


wd_str_t
wd_pg_get_str(const PGresult *r, int row, int col)
{
    return wd_str(PQgetvalue(r, row, col), (size_t) PQgetlength(r, row, col));
}
