/*
 * wd_verdicts.c - the table: looking up, storing, and what is revoked.
 */
#include "wd_verdicts_int.h"

#include <sodium.h>

/* A shard that is fuller than this many 64ths moves no entries. */
#define WD_VERDICT_CROWDED 63

/* Memory for one shard, below which there are fewer of them. */
#define WD_VERDICT_SHARD_MEM (512 * 1024)

/* Shares of the memory. */
#define WD_VERDICT_PART 40 /* of large entries, negatives, revoked tokens */
#define WD_VERDICT_SETS_PART 64
#define WD_VERDICT_SETS_MAX (1024 * 1024)


/* Takes `n` bytes off the front, as whole cache lines. */
static uint8_t *
wd_verdicts_cut(uint8_t **mem, size_t n)
{
    uint8_t *p = *mem;

    *mem += (n + 63) / 64 * 64;
    return p;
}


static uint32_t
wd_verdicts_shards(size_t size)
{
    uint32_t n = 1;

    while (n < WD_VERDICT_SHARDS_MAX && size / WD_VERDICT_SHARD_MEM >= 2 * n) {
        n *= 2;
    }
    return n;
}


static void
wd_verdicts_cut_table(wd_verdicts_t *t, uint8_t **mem, unsigned class,
                      uint32_t entry_size, size_t room)
{
    size_t   set = WD_VERDICT_WAYS * (entry_size + sizeof(uint16_t));
    uint32_t sets = (uint32_t) wd_max(room / set / t->n_shards, 1);
    uint8_t *at;

    at = wd_verdicts_cut(mem,
                         wd_verdict_table_bytes(entry_size, t->n_shards, sets));
    wd_verdict_table_init(&t->tables[class], at, entry_size, t->n_shards, sets);
}


static void
wd_verdicts_cut_bad(wd_verdicts_t *t, uint8_t **mem, size_t room)
{
    size_t set = WD_VERDICT_WAYS * sizeof(wd_verdict_bad_t);

    t->bad_sets = (uint32_t) wd_max(room / set / t->n_shards, 1);
    t->bad = (void *) wd_verdicts_cut(mem, t->n_shards * t->bad_sets * set);
}


wd_verdicts_t *
wd_verdicts_init(void *mem, size_t size)
{
    size_t         part, sets;
    uint8_t       *at = mem, *end = at + size;
    wd_verdicts_t *t = mem;

    if (size < WD_VERDICTS_SIZE_MIN) {
        return NULL;
    }

    (void) wd_verdicts_cut(&at, sizeof(*t));
    t->size = size;
    t->n_shards = wd_verdicts_shards(size);
    randombytes_buf(t->key, sizeof(t->key));
    atomic_store(&t->void_before, WD_NS_MIN);
    atomic_store(&t->issued_before, WD_NS_MIN);
    t->shards = (void *) wd_verdicts_cut(&at, t->n_shards * sizeof(*t->shards));

    part = (size_t) (end - at) / WD_VERDICT_PART;
    sets = wd_min(wd_max((size_t) (end - at) / WD_VERDICT_SETS_PART,
                         WD_INTERN_SIZE_MIN),
                  WD_VERDICT_SETS_MAX)
           / 64 * 64;
    wd_intern_init(&t->sets, wd_verdicts_cut(&at, sets), sets, t->key);
    wd_revoked_init(&t->revoked, wd_verdicts_cut(&at, part), part);
    wd_verdicts_cut_bad(t, &at, part);
    wd_verdicts_cut_table(t, &at, WD_VERDICT_LARGE, sizeof(wd_verdict_large_t),
                          part);
    wd_verdicts_cut_table(t, &at, WD_VERDICT_SMALL, sizeof(wd_verdict_small_t),
                          (size_t) (end - at) - 64);
    return t;
}


uint32_t
wd_verdicts_shard_of(const wd_verdicts_t *t, const uint8_t *digest)
{
    uint32_t word;

    memcpy(&word, digest, sizeof(word));
    return word & (t->n_shards - 1);
}


wd_verdict_shard_t *
wd_verdicts_lock(wd_verdicts_t *t, uint32_t shard)
{
    bool                died;
    uint32_t            gen;
    wd_verdict_shard_t *s = &t->shards[shard];

    died = wd_shlock_lock(&s->lock);
    gen = wd_intern_gen(&t->sets);

    if (died) {
        wd_verdict_table_wipe(&t->tables[WD_VERDICT_LARGE], shard);
        s->n[WD_VERDICT_LARGE] = 0;
        s->repaired++;
    }
    if (died || s->gen != gen) {
        wd_verdict_table_wipe(&t->tables[WD_VERDICT_SMALL], shard);
        s->n[WD_VERDICT_SMALL] = 0;
        s->gen = gen;
    }
    return s;
}


static wd_verdict_bad_t *
wd_verdicts_bad_set(const wd_verdicts_t *t, uint32_t shard,
                    const uint8_t *digest)
{
    uint32_t word;

    memcpy(&word, digest + 4, sizeof(word));
    return &t->bad[((size_t) shard * t->bad_sets
                    + ((uint64_t) word * t->bad_sets >> 32))
                   * WD_VERDICT_WAYS];
}


/* Its entry in the set; else one that is over, or ends first. */
static wd_verdict_bad_t *
wd_verdicts_bad_place(const wd_verdicts_t *t, uint32_t shard,
                      const uint8_t *digest)
{
    size_t            i;
    wd_verdict_bad_t *best, *set = wd_verdicts_bad_set(t, shard, digest);

    best = set;
    for (i = 0; i < WD_VERDICT_WAYS; i++) {
        if (memcmp(set[i].digest, digest, WD_VERDICT_DIGEST) == 0) {
            return &set[i];
        }
        if (set[i].until < best->until) {
            best = &set[i];
        }
    }
    return best;
}


void
wd_verdicts_drop_bad(wd_verdicts_t *t, uint32_t shard, const uint8_t *digest)
{
    wd_verdict_bad_t *bad = wd_verdicts_bad_place(t, shard, digest);

    if (memcmp(bad->digest, digest, WD_VERDICT_DIGEST) == 0) {
        bad->until = 0;
    }
}


static bool
wd_verdicts_is_bad(const wd_verdicts_t *t, uint32_t shard,
                   const uint8_t *digest, wd_ns_t mono)
{
    wd_verdict_bad_t *bad = wd_verdicts_bad_place(t, shard, digest);

    return bad->until > mono && !wd_verdicts_voided(t, bad->checked)
           && memcmp(bad->digest, digest, WD_VERDICT_DIGEST) == 0;
}


/* The class that has an entry of the digest; WD_VERDICT_CLASSES: none. */
static unsigned
wd_verdicts_find(const wd_verdicts_t *t, uint32_t shard, const uint8_t *digest,
                 wd_verdict_at_t *ret_at)
{
    unsigned class;

    for (class = 0; class < WD_VERDICT_CLASSES; class ++) {
        *ret_at = wd_verdict_table_find(&t->tables[class], shard, digest);
        if (*ret_at != WD_VERDICT_NOWHERE) {
            break;
        }
    }
    return class;
}


static wd_verdict_e
wd_verdicts_look(wd_verdicts_t *t, uint32_t shard, const uint8_t *digest,
                 wd_ns_t mono, wd_verdict_copy_t *ret)
{
    unsigned class;
    uint32_t            used = (uint32_t) (mono / WD_NS_PER_S);
    wd_verdict_at_t     at;
    wd_verdict_head_t  *e;
    wd_verdict_shard_t *s = &t->shards[shard];

    class = wd_verdicts_find(t, shard, digest, &at);
    if (class == WD_VERDICT_CLASSES) {
        return wd_verdicts_is_bad(t, shard, digest, mono) ? WD_VERDICT_BAD
                                                          : WD_VERDICT_UNKNOWN;
    }

    e = wd_verdict_table_entry(&t->tables[class], at);
    if (wd_verdict_read(t, e, class, s->gen, ret) != WD_OK) {
        return WD_VERDICT_UNKNOWN;
    }
    if (e->used != used) {
        e->used = used;
    }
    return WD_VERDICT_GOOD;
}


wd_verdict_e
wd_verdicts_get(wd_verdicts_t *t, const uint8_t digest[WD_VERDICT_DIGEST],
                const wd_verdict_rules_t *rules, wd_verdict_now_t now,
                wd_verdict_copy_t *ret)
{
    uint32_t            shard = wd_verdicts_shard_of(t, digest);
    wd_verdict_e        known;
    wd_verdict_shard_t *s;

    s = wd_verdicts_lock(t, shard);
    known = wd_verdicts_look(t, shard, digest, now.mono, ret);
    wd_shlock_unlock(&s->lock);

    if (known != WD_VERDICT_GOOD) {
        return known;
    }
    if (wd_verdicts_named_revoked(t, &ret->v)) {
        return WD_VERDICT_UNKNOWN;
    }
    return wd_verdicts_fresh(t, &ret->v, rules, now) ? WD_VERDICT_GOOD
                                                     : WD_VERDICT_STALE;
}


bool
wd_verdicts_fresh(wd_verdicts_t *t, const wd_verdict_t *v,
                  const wd_verdict_rules_t *rules, wd_verdict_now_t now)
{
    wd_ns_t age = now.mono - v->checked;

    if (v->expires != 0 && v->expires <= now.wall) {
        return false;
    }
    if (v->kind == WD_VERDICT_TOKEN) {
        return !rules->tokens_ask || wd_verdicts_tokens_covered(t, now)
               || (v->checked != 0 && age < WD_VERDICT_FRESH);
    }
    return age < rules->key_ttl
           && (age < WD_VERDICT_FRESH
               || wd_verdicts_covered(t, v->checked, now.mono));
}


bool
wd_verdicts_drop(wd_verdicts_t *t, uint32_t shard, const uint8_t *digest,
                 wd_ns_t until)
{
    unsigned class;
    wd_verdict_at_t at;

    class = wd_verdicts_find(t, shard, digest, &at);
    if (class == WD_VERDICT_CLASSES
        || wd_verdict_table_entry(&t->tables[class], at)->checked > until) {
        return false;
    }
    t->tables[class].tags[at] = 0;
    t->shards[shard].n[class]--;
    return true;
}


static void
wd_verdicts_store(wd_verdicts_t *t, uint32_t shard, const uint8_t *digest,
                  const wd_verdict_t *v, const wd_verdict_sets_t *sets,
                  uint32_t used, wd_ns_t wall)
{
    bool crowded;
    unsigned class = sets->large ? WD_VERDICT_LARGE : WD_VERDICT_SMALL;
    uint64_t            capacity;
    wd_verdict_at_t     at;
    wd_verdict_head_t  *e;
    wd_verdict_cost_e   cost;
    wd_verdict_shard_t *s = &t->shards[shard];
    wd_verdict_table_t *table = &t->tables[class];

    (void) wd_verdicts_drop(t, shard, digest, WD_NS_MAX);
    wd_verdicts_drop_bad(t, shard, digest);

    capacity = wd_verdict_table_capacity(table, 1);
    crowded = s->n[class] * 64 >= capacity * WD_VERDICT_CROWDED;
    at = wd_verdict_table_place(table, shard, digest, crowded, wall, &cost);

    e = wd_verdict_table_entry(table, at);
    wd_verdict_write(e, digest, v, sets);
    e->used = used;
    wd_verdict_table_publish(table, at, digest);

    s->n[class] += cost == WD_VERDICT_FREE;
    s->evicted += cost == WD_VERDICT_EVICTED;
    s->stored++;
}


bool
wd_verdicts_put_used(wd_verdicts_t *t, const uint8_t *digest,
                     const wd_verdict_t *v, wd_verdict_now_t now, uint32_t used)
{
    bool                stored = false, again = true;
    unsigned            tries;
    uint32_t            shard = wd_verdicts_shard_of(t, digest);
    wd_verdict_sets_t   sets;
    wd_verdict_shard_t *s;

    if (wd_verdicts_named_revoked(t, v)) {
        s = wd_verdicts_lock(t, shard);
        s->crossed++;
        wd_shlock_unlock(&s->lock);
        return false;
    }

    /* Again only when the interned sets were cleared in between. */
    for (tries = 0; again && tries < 3; tries++) {
        if (wd_verdict_sets(t, v, now.mono, &sets) != WD_OK) {
            atomic_fetch_add(&t->too_large, 1);
            return false;
        }

        s = wd_verdicts_lock(t, shard);
        again = !sets.large && sets.gen != s->gen;
        if (again) {
            /* nothing */
        } else if (v->kind == WD_VERDICT_KEY
                   && wd_verdicts_was_revoked(s, digest, v->checked)) {
            s->crossed++;
        } else {
            wd_verdicts_store(t, shard, digest, v, &sets, used, now.wall);
            stored = true;
        }
        wd_shlock_unlock(&s->lock);
    }
    return stored;
}


bool
wd_verdicts_put(wd_verdicts_t *t, const uint8_t digest[WD_VERDICT_DIGEST],
                const wd_verdict_t *v, wd_verdict_now_t now)
{
    wd_verdict_t token;

    if (v->kind == WD_VERDICT_TOKEN) {
        token = *v;
        token.label = v->epoch;
        if (v->policy != atomic_load(&t->policy)) {
            return false;
        }
        v = &token;
    }
    return wd_verdicts_put_used(t, digest, v, now,
                                (uint32_t) (now.mono / WD_NS_PER_S));
}


void
wd_verdicts_put_bad(wd_verdicts_t *t, const uint8_t digest[WD_VERDICT_DIGEST],
                    wd_ns_t checked, wd_ns_t ttl)
{
    bool                dropped;
    uint32_t            shard = wd_verdicts_shard_of(t, digest);
    wd_verdict_bad_t   *bad;
    wd_verdict_shard_t *s;

    s = wd_verdicts_lock(t, shard);

    dropped = wd_verdicts_drop(t, shard, digest, checked);
    bad = wd_verdicts_bad_place(t, shard, digest);
    bad->until = 0;
    memcpy(bad->digest, digest, sizeof(bad->digest));
    bad->checked = checked;
    bad->until = checked + ttl;

    wd_shlock_unlock(&s->lock);

    if (dropped) {
        atomic_fetch_add(wd_verdicts_gen(t, digest), 1);
    }
}


void
wd_verdicts_stats(wd_verdicts_t *t, wd_verdicts_stats_t *ret)
{
    uint32_t            i;
    wd_verdict_shard_t *s;

    memset(ret, 0, sizeof(*ret));
    for (i = 0; i < t->n_shards; i++) {
        s = wd_verdicts_lock(t, i);
        ret->entries += s->n[WD_VERDICT_SMALL];
        ret->large += s->n[WD_VERDICT_LARGE];
        ret->stored += s->stored;
        ret->evicted += s->evicted;
        ret->crossed += s->crossed;
        ret->repaired += s->repaired;
        wd_shlock_unlock(&s->lock);
    }

    ret->bytes = t->size;
    ret->capacity = wd_verdict_table_capacity(&t->tables[WD_VERDICT_SMALL],
                                              t->n_shards);
    ret->large_capacity = wd_verdict_table_capacity(
        &t->tables[WD_VERDICT_LARGE], t->n_shards);
    ret->bad_capacity = (uint64_t) t->n_shards * t->bad_sets * WD_VERDICT_WAYS;
    ret->revoked_capacity = (uint64_t) t->revoked.sets * WD_REVOKED_SHARDS * 8;
    ret->too_large = atomic_load(&t->too_large);
    ret->sets = wd_intern_count(&t->sets);
    ret->clears = atomic_load(&t->sets.clears);
    ret->revoked = atomic_load(&t->revoked.n);
    ret->revoked_lost = atomic_load(&t->revoked.lost);
}
