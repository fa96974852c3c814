/*
 * wd_intern.c - records, their bytes and an open-addressed index.
 *
 * A record is published by the store of its number into the index; whoever
 * is killed before that has only wasted a little room, so the lock's next
 * holder has nothing to repair.
 */
#include "wd_intern.h"

#include <sodium.h>

#define WD_INTERN_RECORDS_MAX 16384

/* Bytes of string that a record has on average. */
#define WD_INTERN_MEAN 64

typedef struct {
    uint64_t          hash;
    wd_intern_extra_t extra;
    uint32_t          offset;
    uint16_t          len;
    uint16_t          unused;
} wd_intern_record_t;

/* Followed by the records, the index and the bytes. */
struct wd_intern_half_s {
    _Atomic uint32_t    n;
    _Atomic uint32_t    used;
    wd_intern_record_t *records;
    _Atomic uint16_t   *index; /* twice as many as records */
    uint8_t            *bytes;
};


static size_t
wd_intern_fixed(uint32_t records)
{
    return sizeof(wd_intern_half_t)
           + records
                 * (sizeof(wd_intern_record_t) + 2 * sizeof(_Atomic uint16_t));
}


static wd_intern_half_t *
wd_intern_half_init(uint8_t *mem, uint32_t records)
{
    wd_intern_half_t *h = (void *) mem;

    h->records = (void *) (h + 1);
    h->index = (void *) (h->records + records);
    h->bytes = (uint8_t *) (h->index + 2 * (size_t) records);
    return h;
}


void
wd_intern_init(wd_intern_t *in, void *mem, size_t size,
               const uint8_t key[WD_INTERN_KEY])
{
    size_t   half = size / 2 / 64 * 64;
    size_t   each = wd_intern_fixed(1) - wd_intern_fixed(0) + WD_INTERN_MEAN;
    uint32_t records;

    records = (uint32_t) wd_min((half - wd_intern_fixed(0)) / each,
                                WD_INTERN_RECORDS_MAX);
    records = records / 2 * 2;

    in->records = records;
    in->bytes = (uint32_t) (half - wd_intern_fixed(records));
    memcpy(in->key, key, sizeof(in->key));
    in->half[0] = wd_intern_half_init(mem, records);
    in->half[1] = wd_intern_half_init((uint8_t *) mem + half, records);
}


uint32_t
wd_intern_gen(const wd_intern_t *in)
{
    return atomic_load_explicit(&in->gen, memory_order_acquire);
}


/* The words follow from the bytes or from few lists: mixing them will do. */
static uint64_t
wd_intern_hash(const wd_intern_t *in, wd_str_t bytes,
               const wd_intern_extra_t *extra)
{
    unsigned i;
    uint64_t h;

    crypto_shorthash((uint8_t *) &h, (const uint8_t *) bytes.data, bytes.len,
                     in->key);
    for (i = 0; i < WD_INTERN_WORDS; i++) {
        h = (h ^ extra->word[i]) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return h;
}


static bool
wd_intern_extra_same(const wd_intern_extra_t *a, const wd_intern_extra_t *b)
{
    return memcmp(a->word, b->word, sizeof(a->word)) == 0;
}


static bool
wd_intern_same(const wd_intern_half_t *h, uint16_t id, uint64_t hash,
               wd_str_t bytes, const wd_intern_extra_t *extra)
{
    const wd_intern_record_t *r = &h->records[id - 1];

    return r->hash == hash && wd_intern_extra_same(&r->extra, extra)
           && r->len == bytes.len
           && memcmp(h->bytes + r->offset, bytes.data, bytes.len) == 0;
}


/* The place in the index: of these bytes, or the free one for them. */
static _Atomic uint16_t *
wd_intern_find(const wd_intern_t *in, wd_intern_half_t *h, uint64_t hash,
               wd_str_t bytes, const wd_intern_extra_t *extra)
{
    size_t   i = hash % (2 * (size_t) in->records);
    uint16_t id;

    for (;;) {
        id = atomic_load_explicit(&h->index[i], memory_order_acquire);
        if (id == 0 || wd_intern_same(h, id, hash, bytes, extra)) {
            return &h->index[i];
        }
        i = i + 1 == 2 * (size_t) in->records ? 0 : i + 1;
    }
}


static int
wd_intern_add(wd_intern_t *in, wd_intern_half_t *h, uint64_t hash,
              wd_str_t bytes, const wd_intern_extra_t *extra, uint16_t *ret)
{
    uint32_t            n = atomic_load(&h->n), used = atomic_load(&h->used);
    wd_intern_record_t *r;

    if (n == in->records || bytes.len > in->bytes - used) {
        return WD_ENOMEM;
    }

    r = &h->records[n];
    r->hash = hash;
    r->extra = *extra;
    r->offset = used;
    r->len = (uint16_t) bytes.len;
    memcpy(h->bytes + used, bytes.data, bytes.len);
    atomic_store(&h->used, used + (uint32_t) bytes.len);
    atomic_store(&h->n, n + 1);
    *ret = (uint16_t) (n + 1);
    return WD_OK;
}


int
wd_intern_put(wd_intern_t *in, wd_str_t bytes, const wd_intern_extra_t *extra,
              uint16_t *ret_id, uint32_t *ret_gen)
{
    int                            rc = WD_OK;
    uint64_t                       hash;
    uint16_t                       id;
    _Atomic uint16_t              *place;
    wd_intern_half_t              *h;
    static const wd_intern_extra_t none;

    if (bytes.len == 0) {
        bytes = WD_STR("");
    }
    if (bytes.len > WD_INTERN_LEN_MAX) {
        return WD_ETOOBIG;
    }
    hash = wd_intern_hash(in, bytes, extra);

    if (wd_shlock_lock(&in->lock)) {
        /* nothing is ever half written: nothing to repair */
    }

    *ret_gen = wd_intern_gen(in);
    h = in->half[*ret_gen % 2];
    if (bytes.len == 0 && wd_intern_extra_same(extra, &none)) {
        id = 0;
    } else {
        place = wd_intern_find(in, h, hash, bytes, extra);
        id = atomic_load(place);
        if (id == 0) {
            rc = wd_intern_add(in, h, hash, bytes, extra, &id);
            if (rc == WD_OK) {
                atomic_store_explicit(place, id, memory_order_release);
            }
        }
    }

    wd_shlock_unlock(&in->lock);
    *ret_id = id;
    return rc;
}


int
wd_intern_get(const wd_intern_t *in, uint32_t gen, uint16_t id, wd_str_t *ret,
              wd_intern_extra_t *ret_extra)
{
    uint32_t                  offset;
    uint16_t                  len;
    const wd_intern_half_t   *h = in->half[gen % 2];
    const wd_intern_record_t *r;

    if (id == 0) {
        *ret = WD_STR("");
        memset(ret_extra, 0, sizeof(*ret_extra));
        return WD_OK;
    }

    if (id > in->records) {
        return WD_ENOTFOUND;
    }

    /* Read once: it may belong to a generation that just begins. */
    r = &h->records[id - 1];
    offset = r->offset;
    len = r->len;
    if (len > WD_INTERN_LEN_MAX || offset > in->bytes
        || len > in->bytes - offset) {
        return WD_ENOTFOUND;
    }

    *ret = wd_str((const char *) h->bytes + offset, len);
    *ret_extra = r->extra;
    return WD_OK;
}


void
wd_intern_clear(wd_intern_t *in, uint32_t gen)
{
    wd_intern_half_t *h;

    if (wd_shlock_lock(&in->lock)) {
        /* nothing is ever half written: nothing to repair */
    }

    if (wd_intern_gen(in) == gen) {
        h = in->half[(gen + 1) % 2];
        memset((void *) h->index, 0,
               2 * (size_t) in->records * sizeof(*h->index));
        atomic_store(&h->n, 0);
        atomic_store(&h->used, 0);
        atomic_store_explicit(&in->gen, gen + 1, memory_order_release);
        atomic_fetch_add(&in->clears, 1);
    }

    wd_shlock_unlock(&in->lock);
}


uint32_t
wd_intern_count(const wd_intern_t *in)
{
    return atomic_load(&in->half[wd_intern_gen(in) % 2]->n);
}


bool
wd_intern_roomy(const wd_intern_t *in)
{
    const wd_intern_half_t *h = in->half[wd_intern_gen(in) % 2];

    return atomic_load(&h->n) < in->records / 2
           && atomic_load(&h->used) < in->bytes / 2;
}
