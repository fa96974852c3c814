/*
 * wd_verdict_table.c - finding, placing and moving entries.
 */
#include "wd_verdict_table.h"

#include <sodium.h>

#define WD_VERDICT_DEEPER 1 /* entries moved to move another */


static size_t
wd_verdict_table_tags(uint32_t shards, uint32_t sets)
{
    size_t bytes = (size_t) shards * sets * WD_VERDICT_WAYS * sizeof(uint16_t);

    return (bytes + 63) / 64 * 64;
}


size_t
wd_verdict_table_bytes(uint32_t entry_size, uint32_t shards, uint32_t sets)
{
    return wd_verdict_table_tags(shards, sets)
           + (size_t) shards * sets * WD_VERDICT_WAYS * entry_size;
}


void
wd_verdict_table_init(wd_verdict_table_t *t, uint8_t *mem, uint32_t entry_size,
                      uint32_t shards, uint32_t sets)
{
    t->tags = (void *) mem;
    t->entries = mem + wd_verdict_table_tags(shards, sets);
    t->entry_size = entry_size;
    t->sets = sets;
}


wd_verdict_head_t *
wd_verdict_table_entry(const wd_verdict_table_t *t, wd_verdict_at_t at)
{
    return (void *) (t->entries + at * t->entry_size);
}


static uint32_t
wd_verdict_table_word(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return v;
}


/* Digests are uniform: any of their bytes serve. The shard is from 0 to 3. */
static void
wd_verdict_table_sets(const wd_verdict_table_t *t, uint32_t shard,
                      const uint8_t *digest, wd_verdict_at_t ret[2])
{
    size_t   i;
    uint64_t set;

    for (i = 0; i < 2; i++) {
        set = (uint64_t) wd_verdict_table_word(digest + 4 + 4 * i) * t->sets
              >> 32;
        ret[i] = ((size_t) shard * t->sets + set) * WD_VERDICT_WAYS;
    }
}


static uint16_t
wd_verdict_table_tag(const uint8_t *digest)
{
    uint16_t tag;

    memcpy(&tag, digest + 12, sizeof(tag));
    return tag != 0 ? tag : 1;
}


wd_verdict_at_t
wd_verdict_table_find(const wd_verdict_table_t *t, uint32_t shard,
                      const uint8_t *digest)
{
    size_t          i, j;
    uint16_t        tag = wd_verdict_table_tag(digest);
    wd_verdict_at_t sets[2];

    wd_verdict_table_sets(t, shard, digest, sets);
    __builtin_prefetch(&t->tags[sets[1]]);

    for (i = 0; i < 2; i++) {
        for (j = sets[i]; j < sets[i] + WD_VERDICT_WAYS; j++) {
            if (t->tags[j] == tag
                && sodium_memcmp(wd_verdict_table_entry(t, j)->digest, digest,
                                 WD_VERDICT_DIGEST)
                       == 0) {
                return j;
            }
        }
    }
    return WD_VERDICT_NOWHERE;
}


/* A free entry of the set; *ret_n is how many there are. */
static wd_verdict_at_t
wd_verdict_table_free(const wd_verdict_table_t *t, wd_verdict_at_t set,
                      unsigned *ret_n)
{
    size_t          i;
    wd_verdict_at_t at = WD_VERDICT_NOWHERE;

    *ret_n = 0;
    for (i = set; i < set + WD_VERDICT_WAYS; i++) {
        if (t->tags[i] == 0) {
            at = i;
            (*ret_n)++;
        }
    }
    return at;
}


/* The other set of the entry at `at`, which is in `set`. */
static wd_verdict_at_t
wd_verdict_table_other(const wd_verdict_table_t *t, uint32_t shard,
                       wd_verdict_at_t at, wd_verdict_at_t set)
{
    wd_verdict_at_t sets[2];

    wd_verdict_table_sets(t, shard, wd_verdict_table_entry(t, at)->digest,
                          sets);
    return sets[0] == set ? sets[1] : sets[0];
}


static void
wd_verdict_table_carry(wd_verdict_table_t *t, wd_verdict_at_t from,
                       wd_verdict_at_t to)
{
    memcpy(wd_verdict_table_entry(t, to), wd_verdict_table_entry(t, from),
           t->entry_size);
    t->tags[to] = t->tags[from];
    t->tags[from] = 0;
}


/*
 * Moves one of the full set's entries to its other set; its place is free
 * then. When all of those are full, too, one of theirs moves first.
 */
static wd_verdict_at_t
wd_verdict_table_move(wd_verdict_table_t *t, uint32_t shard,
                      wd_verdict_at_t set, unsigned deeper)
{
    size_t          i;
    unsigned        n;
    wd_verdict_at_t to, other;

    for (i = set; i < set + WD_VERDICT_WAYS; i++) {
        other = wd_verdict_table_other(t, shard, i, set);
        to = wd_verdict_table_free(t, other, &n);
        if (to != WD_VERDICT_NOWHERE) {
            wd_verdict_table_carry(t, i, to);
            return i;
        }
    }

    for (i = set; deeper != 0 && i < set + WD_VERDICT_WAYS; i++) {
        other = wd_verdict_table_other(t, shard, i, set);
        to = other == set ? WD_VERDICT_NOWHERE
                          : wd_verdict_table_move(t, shard, other, deeper - 1);
        if (to != WD_VERDICT_NOWHERE) {
            wd_verdict_table_carry(t, i, to);
            return i;
        }
    }
    return WD_VERDICT_NOWHERE;
}


/* The entry that is worth least: expired, else used longest ago. */
static wd_verdict_at_t
wd_verdict_table_evict(wd_verdict_table_t *t, const wd_verdict_at_t sets[2],
                       wd_ns_t wall, wd_verdict_cost_e *ret_cost)
{
    size_t             i, j;
    wd_verdict_at_t    oldest = sets[0];
    wd_verdict_head_t *e;

    *ret_cost = WD_VERDICT_EVICTED;
    for (i = 0; i < 2; i++) {
        for (j = sets[i]; j < sets[i] + WD_VERDICT_WAYS; j++) {
            e = wd_verdict_table_entry(t, j);
            if (e->expires != 0 && e->expires <= wall) {
                *ret_cost = WD_VERDICT_EXPIRED;
                t->tags[j] = 0;
                return j;
            }
            if (e->used < wd_verdict_table_entry(t, oldest)->used) {
                oldest = j;
            }
        }
    }
    t->tags[oldest] = 0;
    return oldest;
}


wd_verdict_at_t
wd_verdict_table_place(wd_verdict_table_t *t, uint32_t shard,
                       const uint8_t *digest, bool crowded, wd_ns_t wall,
                       wd_verdict_cost_e *ret_cost)
{
    unsigned        n[2];
    wd_verdict_at_t sets[2], at[2], moved;

    *ret_cost = WD_VERDICT_FREE;
    wd_verdict_table_sets(t, shard, digest, sets);
    at[0] = wd_verdict_table_free(t, sets[0], &n[0]);
    at[1] = wd_verdict_table_free(t, sets[1], &n[1]);
    if (n[0] + n[1] != 0) {
        return n[0] >= n[1] ? at[0] : at[1];
    }

    if (!crowded) {
        moved = wd_verdict_table_move(t, shard, sets[0], WD_VERDICT_DEEPER);
        if (moved == WD_VERDICT_NOWHERE) {
            moved = wd_verdict_table_move(t, shard, sets[1], WD_VERDICT_DEEPER);
        }
        if (moved != WD_VERDICT_NOWHERE) {
            return moved;
        }
    }
    return wd_verdict_table_evict(t, sets, wall, ret_cost);
}


void
wd_verdict_table_publish(wd_verdict_table_t *t, wd_verdict_at_t at,
                         const uint8_t *digest)
{
    t->tags[at] = wd_verdict_table_tag(digest);
}


void
wd_verdict_table_wipe(wd_verdict_table_t *t, uint32_t shard)
{
    size_t n = (size_t) t->sets * WD_VERDICT_WAYS;

    memset(t->tags + shard * n, 0, n * sizeof(uint16_t));
}


uint64_t
wd_verdict_table_capacity(const wd_verdict_table_t *t, uint32_t shards)
{
    return (uint64_t) shards * t->sets * WD_VERDICT_WAYS;
}
