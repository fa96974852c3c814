/*
 * wd_memo.c - a table with one place for each text; the newest stays.
 */
#include "wd_memo.h"

#include <string.h>
#include <sys/mman.h>

typedef struct {
    size_t  n; /* 0: empty */
    uint8_t digest[WD_MEMO_DIGEST];
    uint8_t text[];
} wd_memo_slot_t;

struct wd_memo_s {
    size_t  size; /* of all */
    size_t  mask;
    size_t  bytes;
    size_t  step; /* from slot to slot */
    uint8_t slots[] __attribute__((aligned(64)));
};


wd_memo_t *
wd_memo_create(size_t slots, size_t bytes)
{
    size_t     step = (sizeof(wd_memo_slot_t) + bytes + 63) / 64 * 64;
    size_t     size = sizeof(wd_memo_t) + slots * step;
    wd_memo_t *m;

    /* Zero, and taken only where it is used. */
    m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
             -1, 0);
    if (m == MAP_FAILED) {
        return NULL;
    }
    (void) madvise(m, size, MADV_DONTDUMP);

    m->size = size;
    m->mask = slots - 1;
    m->bytes = bytes;
    m->step = step;
    return m;
}


void
wd_memo_destroy(wd_memo_t *m)
{
    size_t size;

    if (m != NULL) {
        size = m->size;
        explicit_bzero(m, size);
        munmap(m, size);
    }
}


/* Any spread will do: what stands there is compared as a whole. */
static uint64_t
wd_memo_spread(const uint8_t *text, size_t n)
{
    uint64_t h = n, w;

    for (; n >= sizeof(w); n -= sizeof(w), text += sizeof(w)) {
        memcpy(&w, text, sizeof(w));
        h = (h ^ w) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    w = 0;
    memcpy(&w, text, n);
    return ((h ^ w) * UINT64_C(0x9e3779b97f4a7c15)) >> 40;
}


uint8_t *
wd_memo(wd_memo_t *m, const uint8_t *text, size_t n, bool *ret_known)
{
    wd_memo_slot_t *s;

    if (n == 0 || n > m->bytes) {
        return NULL;
    }

    s = (void *) (m->slots + (wd_memo_spread(text, n) & m->mask) * m->step);
    *ret_known = s->n == n && memcmp(s->text, text, n) == 0;
    if (!*ret_known) {
        s->n = n;
        memcpy(s->text, text, n);
    }
    return s->digest;
}
