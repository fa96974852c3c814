/*
 * wd_limit_table.c - shards of buckets in shared memory.
 */
#include "wd_limit_table.h"

#include <sodium.h>

#define WD_LIMIT_EVICT_LOOK 8 /* old buckets looked at for a needless one */

/* 16 bytes of key, and what the issue of memory is about: the rest. */
_Static_assert(sizeof(wd_bucket_t) - WD_LIMIT_KEY + sizeof(uint32_t) <= 96,
               "at most 96 bytes beyond the key");


size_t
wd_limit_bucket_bytes(void)
{
    return sizeof(wd_bucket_t) - WD_LIMIT_KEY + sizeof(uint32_t);
}


static void
wd_shard_reset(wd_shard_t *s)
{
    uint32_t i;

    s->n = 0;
    s->newest = s->oldest = WD_LIMIT_NONE;
    memset(s->heads, 0, s->n_heads * sizeof(uint32_t));

    s->free = WD_LIMIT_NONE;
    for (i = s->max; i >= 1; i--) {
        s->buckets[i].flags = 0;
        s->buckets[i].chain = s->free;
        s->free = i;
    }

    s->free_hold = WD_LIMIT_NONE;
    for (i = s->n_holds; i >= 1; i--) {
        s->holds[i] = (wd_hold_t){.next = s->free_hold};
        s->free_hold = i;
    }
}


static size_t
wd_shard_bytes(uint32_t max, uint32_t n_holds)
{
    return (size_t) (max + 1) * sizeof(wd_bucket_t)
           + (size_t) (n_holds + 1) * sizeof(wd_hold_t)
           + (size_t) wd_max(max, 1u) * sizeof(uint32_t) + 64;
}


/* Takes its memory from [p, p + wd_shard_bytes()). */
static void
wd_shard_lay(wd_shard_t *s, uint8_t *p, uint32_t max, uint32_t n_holds)
{
    s->max = max;
    s->n_heads = max;
    s->n_holds = n_holds;
    s->buckets = (wd_bucket_t *) p;
    p += (size_t) (max + 1) * sizeof(wd_bucket_t);
    s->holds = (wd_hold_t *) p;
    p += (size_t) (n_holds + 1) * sizeof(wd_hold_t);
    s->heads = (uint32_t *) p;
    wd_shard_reset(s);
}


int
wd_limit_init(void *mem, size_t size, const uint8_t seed[32], wd_ns_t now,
              wd_limit_t **ret)
{
    size_t      i, share;
    uint8_t    *p;
    uint32_t    max;
    wd_limit_t *l = mem;

    if (size < WD_LIMIT_SIZE_MIN) {
        return WD_ETOOBIG;
    }
    *ret = l;
    if (l->magic == WD_LIMIT_MAGIC && l->size == size) {
        return WD_OK;
    }

    l->size = size;
    l->born = now;
    memcpy(l->seed, seed, 16);
    memcpy(l->link.member, seed + 16, 16);

    p = (uint8_t *) mem + (sizeof(wd_limit_t) + 63) / 64 * 64;
    share = (size - (size_t) (p - (uint8_t *) mem)) / WD_LIMIT_SHARDS / 64 * 64;
    max = (uint32_t) wd_min(share / (sizeof(wd_bucket_t) + 4 + 4),
                            (size_t) UINT32_MAX / 2);
    while (max > 1 && wd_shard_bytes(max, max / 8 + 8) > share) {
        max--;
    }
    for (i = 0; i < WD_LIMIT_SHARDS; i++) {
        wd_shard_lay(&l->shards[i], p + i * share, max, max / 8 + 8);
    }

    l->magic = WD_LIMIT_MAGIC;
    return WD_OK;
}


/*
 * The key is a hash already, but one that others can compute: who chooses
 * addresses must not choose chains. Multiplying by secret numbers is enough.
 */
static uint64_t
wd_limit_spread(const wd_limit_t *l, const wd_limit_key_t *key)
{
    uint64_t k[2], odd[2];

    memcpy(k, key->b, sizeof(k));
    memcpy(odd, l->seed, sizeof(odd));
    return (k[0] * (odd[0] | 1) + (k[1] ^ k[0] >> 32) * (odd[1] | 1)) >> 16;
}


wd_shard_t *
wd_limit_shard(wd_limit_t *l, const wd_limit_key_t *key, uint32_t *ret_head)
{
    uint64_t    h;
    wd_shard_t *s;

    h = wd_limit_spread(l, key);
    s = &l->shards[h % WD_LIMIT_SHARDS];
    *ret_head = (uint32_t) ((h >> 8) % s->n_heads);
    return s;
}


static void
wd_shard_link_newest(wd_shard_t *s, uint32_t i)
{
    wd_bucket_t *b = &s->buckets[i];

    b->newer = WD_LIMIT_NONE;
    b->older = s->newest;
    if (s->newest != WD_LIMIT_NONE) {
        s->buckets[s->newest].newer = i;
    } else {
        s->oldest = i;
    }
    s->newest = i;
}


static void
wd_shard_unlink(wd_shard_t *s, uint32_t i)
{
    wd_bucket_t *b = &s->buckets[i];

    if (b->newer != WD_LIMIT_NONE) {
        s->buckets[b->newer].older = b->older;
    } else {
        s->newest = b->older;
    }
    if (b->older != WD_LIMIT_NONE) {
        s->buckets[b->older].newer = b->newer;
    } else {
        s->oldest = b->newer;
    }
}


/* Links of any kind may be half made; what buckets say of themselves holds. */
static void
wd_shard_repair_buckets(wd_limit_t *l, wd_shard_t *s)
{
    uint32_t     i, head;
    wd_bucket_t *b;

    s->n = 0;
    s->free = s->newest = s->oldest = WD_LIMIT_NONE;
    memset(s->heads, 0, s->n_heads * sizeof(uint32_t));

    for (i = 1; i <= s->max; i++) {
        b = &s->buckets[i];
        b->holds = WD_LIMIT_NONE;
        b->sync_ms = 0;
        if (b->flags & WD_BUCKET_USED) {
            (void) wd_limit_shard(l, &b->key, &head);
            b->chain = s->heads[head];
            s->heads[head] = i;
            wd_shard_link_newest(s, i);
            s->n++;
        } else {
            b->chain = s->free;
            s->free = i;
        }
    }
}


static void
wd_shard_repair_holds(wd_shard_t *s)
{
    uint32_t     i;
    wd_hold_t   *h;
    wd_bucket_t *b;

    s->free_hold = WD_LIMIT_NONE;
    for (i = 1; i <= s->n_holds; i++) {
        h = &s->holds[i];
        b = h->bucket != 0 && h->bucket <= s->max ? &s->buckets[h->bucket]
                                                  : NULL;
        if (b != NULL && (b->flags & WD_BUCKET_USED) && h->count != 0) {
            h->next = b->holds;
            b->holds = i;
        } else {
            *h = (wd_hold_t){.next = s->free_hold};
            s->free_hold = i;
        }
    }
}


void
wd_shard_lock(wd_limit_t *l, wd_shard_t *s)
{
    if (wd_shlock_lock(&s->lock)) {
        atomic_fetch_add_explicit(&l->stats.repaired, 1, memory_order_relaxed);
        wd_shard_repair_buckets(l, s);
        wd_shard_repair_holds(s);
    }
}


void
wd_shard_unlock(wd_shard_t *s)
{
    wd_shlock_unlock(&s->lock);
}


wd_bucket_t *
wd_shard_find(wd_shard_t *s, uint32_t head, const wd_limit_key_t *key)
{
    uint32_t i;

    for (i = s->heads[head]; i != WD_LIMIT_NONE; i = s->buckets[i].chain) {
        if (memcmp(&s->buckets[i].key, key, sizeof(*key)) == 0) {
            if (s->newest != i) {
                wd_shard_unlink(s, i);
                wd_shard_link_newest(s, i);
            }
            return &s->buckets[i];
        }
    }
    return NULL;
}


static void
wd_shard_drop_holds(wd_shard_t *s, wd_bucket_t *b)
{
    uint32_t h;

    while (b->holds != WD_LIMIT_NONE) {
        h = b->holds;
        b->holds = s->holds[h].next;
        s->holds[h] = (wd_hold_t){.next = s->free_hold};
        s->free_hold = h;
    }
}


/* Something the table alone knows. */
static bool
wd_bucket_needed(const wd_bucket_t *b)
{
    return b->owed != 0 || b->holds != WD_LIMIT_NONE;
}


static uint32_t
wd_shard_victim(const wd_shard_t *s)
{
    unsigned k;
    uint32_t i = s->oldest;

    for (k = 0; k < WD_LIMIT_EVICT_LOOK && i != WD_LIMIT_NONE; k++) {
        if (!wd_bucket_needed(&s->buckets[i])) {
            return i;
        }
        i = s->buckets[i].newer;
    }
    return s->oldest;
}


static void
wd_shard_evict(wd_limit_t *l, wd_shard_t *s)
{
    uint32_t     head, *link, i = wd_shard_victim(s);
    wd_bucket_t *b = &s->buckets[i];

    atomic_fetch_add_explicit(&l->stats.evicted, 1, memory_order_relaxed);
    if (wd_bucket_needed(b)) {
        atomic_fetch_add_explicit(&l->stats.evicted_live, 1,
                                  memory_order_relaxed);
    }

    wd_shard_drop_holds(s, b);
    (void) wd_limit_shard(l, &b->key, &head);
    for (link = &s->heads[head]; *link != i; link = &s->buckets[*link].chain) {
        /* it is in its chain */
    }
    *link = b->chain;
    wd_shard_unlink(s, i);

    b->flags = 0;
    atomic_signal_fence(memory_order_seq_cst);
    b->chain = s->free;
    s->free = i;
    s->n--;
}


wd_bucket_t *
wd_shard_get(wd_limit_t *l, wd_shard_t *s, uint32_t head,
             const wd_limit_key_t *key)
{
    uint32_t     i;
    wd_bucket_t *b;

    b = wd_shard_find(s, head, key);
    if (b != NULL) {
        return b;
    }

    if (s->free == WD_LIMIT_NONE) {
        wd_shard_evict(l, s);
    }
    i = s->free;
    b = &s->buckets[i];
    s->free = b->chain;

    memset(b, 0, sizeof(*b));
    b->key = *key;
    b->chain = s->heads[head];
    atomic_signal_fence(memory_order_seq_cst);
    b->flags = WD_BUCKET_USED; /* a repair takes it from here on */
    s->heads[head] = i;
    wd_shard_link_newest(s, i);
    s->n++;
    return b;
}


uint32_t
wd_shard_held(wd_shard_t *s, wd_bucket_t *b, bool reap)
{
    uint32_t   n = 0, *link = &b->holds, i;
    wd_hold_t *h;

    while ((i = *link) != WD_LIMIT_NONE) {
        h = &s->holds[i];
        if (reap && wd_pid_gone(h->pid)) {
            *link = h->next;
            *h = (wd_hold_t){.next = s->free_hold};
            s->free_hold = i;
            continue;
        }
        n += h->count;
        link = &h->next;
    }
    return n;
}


bool
wd_shard_hold(wd_shard_t *s, wd_bucket_t *b, uint32_t pid)
{
    uint32_t   i;
    wd_hold_t *h;

    for (i = b->holds; i != WD_LIMIT_NONE; i = s->holds[i].next) {
        if (s->holds[i].pid == pid) {
            s->holds[i].count++;
            return true;
        }
    }

    i = s->free_hold;
    if (i == WD_LIMIT_NONE) {
        return false;
    }
    h = &s->holds[i];
    s->free_hold = h->next;
    *h = (wd_hold_t){(uint32_t) (b - s->buckets), pid, 1, b->holds};
    b->holds = i;
    return true;
}


void
wd_shard_release(wd_shard_t *s, wd_bucket_t *b, uint32_t pid)
{
    uint32_t   i, *link;
    wd_hold_t *h;

    for (link = &b->holds; (i = *link) != WD_LIMIT_NONE; link = &h->next) {
        h = &s->holds[i];
        if (h->pid != pid) {
            continue;
        }
        if (--h->count == 0) {
            *link = h->next;
            *h = (wd_hold_t){.next = s->free_hold};
            s->free_hold = i;
        }
        return;
    }
}


void
wd_limit_reap(wd_limit_t *l)
{
    size_t      i;
    uint32_t    k, before;
    wd_shard_t *s;

    for (i = 0; i < WD_LIMIT_SHARDS; i++) {
        s = &l->shards[i];
        wd_shard_lock(l, s);
        for (k = 1; k <= s->n_holds; k++) {
            if (s->holds[k].bucket != 0 && wd_pid_gone(s->holds[k].pid)) {
                before = s->holds[k].count;
                (void) wd_shard_held(s, &s->buckets[s->holds[k].bucket], true);
                atomic_fetch_add_explicit(&l->stats.reaped, before,
                                          memory_order_relaxed);
            }
        }
        wd_shard_unlock(s);
    }
}


void
wd_limit_adopt(wd_limit_t *l, wd_limit_t *from)
{
    uint32_t     i, k, head;
    wd_shard_t  *s, *d;
    wd_bucket_t *b, *to, keep;

    if (from->magic != WD_LIMIT_MAGIC || from == l) {
        return;
    }
    memcpy(l->link.member, from->link.member, sizeof(l->link.member));
    l->born = from->born;
    atomic_store(&l->link.joined, atomic_load(&from->link.joined));
    atomic_store(&l->link.lost, atomic_load(&from->link.lost));
    atomic_store(&l->link.gateways, atomic_load(&from->link.gateways));
    atomic_store(&l->link.epoch, atomic_load(&from->link.epoch));

    for (i = 0; i < WD_LIMIT_SHARDS; i++) {
        s = &from->shards[i];
        wd_shard_lock(from, s);
        for (k = s->oldest; k != WD_LIMIT_NONE; k = s->buckets[k].newer) {
            b = &s->buckets[k];
            d = wd_limit_shard(l, &b->key, &head);
            wd_shard_lock(l, d);
            to = wd_shard_get(l, d, head, &b->key);
            keep = *to;
            *to = *b;
            to->chain = keep.chain;
            to->newer = keep.newer;
            to->older = keep.older;
            to->holds = WD_LIMIT_NONE; /* who holds releases the old table */
            to->sync_ms = 0;
            wd_shard_unlock(d);
        }
        wd_shard_unlock(s);
    }
}


wd_limit_stats_t *
wd_limit_stats(wd_limit_t *l)
{
    return &l->stats;
}


wd_limit_link_t *
wd_limit_link(wd_limit_t *l)
{
    return &l->link;
}


void
wd_limit_count(wd_limit_t *l, uint64_t *ret_n, uint64_t *ret_max)
{
    size_t i;

    *ret_n = *ret_max = 0;
    for (i = 0; i < WD_LIMIT_SHARDS; i++) {
        wd_shard_lock(l, &l->shards[i]);
        *ret_n += l->shards[i].n;
        *ret_max += l->shards[i].max;
        wd_shard_unlock(&l->shards[i]);
    }
}
