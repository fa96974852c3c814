/*
 * wd_refusals.c - rows, found by a look at the hashes of all of them: they are
 * few, and whoever makes hashes collide gains nothing.
 */
#include "wd_refusals.h"

#include "wd_frame.h"
#include "wd_mp.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    wd_ns_t     at; /* of the first */
    uint64_t    n;
    const char *method;
    const char *reason;
    int         code;
    uint8_t     ip_len;
    uint8_t     principal_len;
    uint8_t     key_len;
    char        ip[WD_IP_MAX];
    char        principal[WD_VERDICT_PRINCIPAL_MAX];
    char        key[WD_VERDICT_KEY_MAX];
} wd_refusals_row_t;

struct wd_refusals_s {
    size_t            n;
    uint64_t          total;
    uint64_t          lost;
    uint32_t          hashes[WD_REFUSALS_MAX];
    wd_refusals_row_t rows[WD_REFUSALS_MAX];
};

/* Bytes of a row at most: texts with their heads, four numbers. */
#define WD_REFUSALS_ROW                                        \
    (WD_IP_MAX + WD_VERDICT_PRINCIPAL_MAX + WD_VERDICT_KEY_MAX \
     + 2 * WD_METHOD_MAX + 5 * 3 + 4 * 9)

_Static_assert(WD_REFUSALS_MAX *WD_REFUSALS_ROW < WD_FRAME_MAX - 1024,
               "a full table is one frame");


wd_refusals_t *
wd_refusals_create(void)
{
    wd_refusals_t *t = malloc(sizeof(*t));

    if (t != NULL) { /* rows are written before they are read */
        wd_refusals_reset(t);
    }
    return t;
}


void
wd_refusals_destroy(wd_refusals_t *t)
{
    free(t);
}


void
wd_refusals_reset(wd_refusals_t *t)
{
    t->n = 0;
    t->total = 0;
    t->lost = 0;
}


static uint32_t
wd_refusals_mix(uint32_t h, wd_str_t s)
{
    size_t i;

    for (i = 0; i < s.len; i++) {
        h = (h ^ (uint8_t) s.data[i]) * UINT32_C(0x01000193);
    }
    return (h ^ (uint32_t) s.len) * UINT32_C(0x01000193);
}


static uint32_t
wd_refusals_hash(const wd_refusal_t *one)
{
    uint32_t h = UINT32_C(0x811c9dc5) ^ (uint32_t) one->code;

    h = wd_refusals_mix(h, one->ip);
    h = wd_refusals_mix(h, one->principal);
    h = wd_refusals_mix(h, one->key);
    h = wd_refusals_mix(h, wd_str_z(one->method));
    return wd_refusals_mix(h, wd_str_z(one->reason));
}


static bool
wd_refusals_same(const wd_refusals_row_t *row, const wd_refusal_t *one)
{
    return row->code == one->code && row->method == one->method
           && row->reason == one->reason
           && wd_str_eq(wd_str(row->ip, row->ip_len), one->ip)
           && wd_str_eq(wd_str(row->principal, row->principal_len),
                        one->principal)
           && wd_str_eq(wd_str(row->key, row->key_len), one->key);
}


static uint8_t
wd_refusals_copy(char *to, wd_str_t s)
{
    if (s.len != 0) {
        memcpy(to, s.data, s.len);
    }
    return (uint8_t) s.len;
}


static void
wd_refusals_fill(wd_refusals_row_t *row, const wd_refusal_t *one)
{
    row->at = one->at;
    row->n = 1;
    row->method = one->method;
    row->reason = one->reason;
    row->code = one->code;
    row->ip_len = wd_refusals_copy(row->ip, one->ip);
    row->principal_len = wd_refusals_copy(row->principal, one->principal);
    row->key_len = wd_refusals_copy(row->key, one->key);
}


static bool
wd_refusals_fits(const wd_refusal_t *one)
{
    return one->ip.len <= WD_IP_MAX
           && one->principal.len <= WD_VERDICT_PRINCIPAL_MAX
           && one->key.len <= WD_VERDICT_KEY_MAX
           && strlen(one->method) <= WD_METHOD_MAX
           && strlen(one->reason) <= WD_METHOD_MAX;
}


bool
wd_refusals_add(wd_refusals_t *t, const wd_refusal_t *one)
{
    size_t   i;
    uint32_t hash = wd_refusals_hash(one);

    t->total++;
    for (i = 0; i < t->n; i++) {
        if (t->hashes[i] == hash && wd_refusals_same(&t->rows[i], one)) {
            t->rows[i].n++;
            return true;
        }
    }

    if (t->n == WD_REFUSALS_MAX || !wd_refusals_fits(one)) {
        t->lost++;
        return false;
    }

    t->hashes[t->n] = hash;
    wd_refusals_fill(&t->rows[t->n], one);
    t->n++;
    return true;
}


uint64_t
wd_refusals_total(const wd_refusals_t *t)
{
    return t->total;
}


uint64_t
wd_refusals_lost(const wd_refusals_t *t)
{
    return t->lost;
}


static void
wd_refusals_put_row(const wd_refusals_row_t *row, wd_buf_t *out)
{
    wd_mp_put_array(out, 8);
    wd_mp_put_int(out, row->at);
    wd_mp_put_str(out, wd_str(row->ip, row->ip_len));
    wd_mp_put_str(out, wd_str(row->principal, row->principal_len));
    wd_mp_put_str(out, wd_str(row->key, row->key_len));
    wd_mp_put_z(out, row->method);
    wd_mp_put_int(out, row->code);
    wd_mp_put_z(out, row->reason);
    wd_mp_put_uint(out, row->n);
}


void
wd_refusals_put(const wd_refusals_t *t, const char *instance, wd_buf_t *out)
{
    size_t i;

    wd_mp_put_array(out, 3);
    wd_mp_put_array(out, (uint32_t) t->n);
    for (i = 0; i < t->n; i++) {
        wd_refusals_put_row(&t->rows[i], out);
    }
    wd_mp_put_uint(out, t->lost);
    wd_mp_put_z(out, instance);
}
