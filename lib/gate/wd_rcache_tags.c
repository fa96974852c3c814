/*
 * wd_rcache_tags.c - which entries carry a tag, and voiding them all at once.
 */
#include "wd_rcache_int.h"

#include <sodium.h>


/* ---- names of tags ------------------------------------------------------ */

static void
wd_rcache_tag_hash(char kind, const void *data, size_t n, wd_rcache_tag_t *ret)
{
    crypto_generichash_state h;

    crypto_generichash_init(&h, NULL, 0, sizeof(*ret));
    crypto_generichash_update(&h, (const uint8_t *) &kind, 1);
    crypto_generichash_update(&h, data, n);
    crypto_generichash_final(&h, (uint8_t *) ret, sizeof(*ret));
}


void
wd_rcache_tag(wd_str_t text, wd_rcache_tag_t *ret)
{
    wd_rcache_tag_hash('t', text.data, text.len, ret);
}


/* These are written down, not hashed: one for each entry is costly. */
void
wd_rcache_tag_method(unsigned method, wd_rcache_tag_t *ret)
{
    ret->h[0] = UINT64_C(0x9e3779b97f4a7c15) * (method + 1);
    ret->h[1] = UINT64_C(0x6d6574686f640000) | method;
}


void
wd_rcache_tag_service(unsigned service, wd_rcache_tag_t *ret)
{
    ret->h[0] = UINT64_C(0x94d049bb133111eb) * (service + 1);
    ret->h[1] = UINT64_C(0x7365727669630000) | service;
}


void
wd_rcache_tag_all(wd_rcache_tag_t *ret)
{
    ret->h[0] = UINT64_C(0xbf58476d1ce4e5b9);
    ret->h[1] = UINT64_C(0x616c6c0000000000);
}


/* ---- nodes -------------------------------------------------------------- */

static uint32_t *
wd_rcache_node_bucket(const wd_rcache_shard_t *s, const wd_rcache_tag_t *tag)
{
    return &s->node_buckets[(tag->h[0] >> 20) & s->node_mask];
}


uint32_t
wd_rcache_node_find(const wd_rcache_shard_t *s, const wd_rcache_tag_t *tag)
{
    uint32_t i;

    for (i = *wd_rcache_node_bucket(s, tag); i != WD_RCACHE_NONE;
         i = s->nodes[i].chain) {
        if (s->nodes[i].tag.h[0] == tag->h[0]
            && s->nodes[i].tag.h[1] == tag->h[1]) {
            break;
        }
    }
    return i;
}


/* The caller has seen that there are free ones. */
uint32_t
wd_rcache_node_take(wd_rcache_shard_t *s, const wd_rcache_tag_t *tag)
{
    uint32_t          i = wd_rcache_node_find(s, tag);
    uint32_t         *bucket;
    wd_rcache_node_t *n;

    if (i != WD_RCACHE_NONE) {
        return i;
    }

    i = s->free_node;
    n = &s->nodes[i];
    s->free_node = n->chain;
    s->n_free_nodes--;

    n->tag = *tag;
    n->first = n->last = n->dirty = WD_RCACHE_NONE;
    n->count = n->live = 0;
    n->is_dirty = false;
    bucket = wd_rcache_node_bucket(s, tag);
    n->chain = *bucket;
    *bucket = i;
    return i;
}


void
wd_rcache_node_release(wd_rcache_shard_t *s, uint32_t node)
{
    uint32_t         *at;
    wd_rcache_node_t *n = &s->nodes[node];

    for (at = wd_rcache_node_bucket(s, &n->tag); *at != node;) {
        at = &s->nodes[*at].chain;
    }
    *at = n->chain;
    n->chain = s->free_node;
    s->free_node = node;
    s->n_free_nodes++;
}


/* ---- lists of entries --------------------------------------------------- */

void
wd_rcache_link_in(wd_rcache_shard_t *s, uint32_t entry, unsigned link)
{
    uint32_t          ref = wd_rcache_ref(entry, link);
    wd_rcache_link_t *l = wd_rcache_link(s, ref);
    wd_rcache_node_t *n = &s->nodes[l->node];

    l->gen = n->gen;
    l->prev = WD_RCACHE_NONE;
    l->next = n->first;
    if (n->first != WD_RCACHE_NONE) {
        wd_rcache_link(s, n->first)->prev = ref;
    } else {
        n->last = ref;
    }
    n->first = ref;
    n->count++;
    n->live++;
}


void
wd_rcache_link_out(wd_rcache_shard_t *s, uint32_t entry, unsigned link)
{
    wd_rcache_link_t *l = wd_rcache_link(s, wd_rcache_ref(entry, link));
    wd_rcache_node_t *n = &s->nodes[l->node];

    if (l->prev != WD_RCACHE_NONE) {
        wd_rcache_link(s, l->prev)->next = l->next;
    } else {
        n->first = l->next;
    }
    if (l->next != WD_RCACHE_NONE) {
        wd_rcache_link(s, l->next)->prev = l->prev;
    } else {
        n->last = l->prev;
    }

    n->count--;
    if (l->gen == n->gen) {
        n->live--;
    }
    if (n->count == 0 && !n->is_dirty) {
        wd_rcache_node_release(s, l->node);
    }
}


/* Entries of older generations stand at the end of the list. */
uint32_t
wd_rcache_node_void(wd_rcache_shard_t *s, uint32_t node)
{
    uint32_t          live;
    wd_rcache_node_t *n = &s->nodes[node];

    live = n->live;
    n->gen++;
    n->live = 0;
    if (n->count != 0 && !n->is_dirty) {
        n->is_dirty = true;
        n->dirty = s->dirty;
        s->dirty = node;
    }
    return live;
}


static bool
wd_rcache_node_clean(const wd_rcache_shard_t *s, const wd_rcache_node_t *n)
{
    return n->last == WD_RCACHE_NONE
           || wd_rcache_link(s, n->last)->gen == n->gen;
}


size_t
wd_rcache_sweep(wd_rcache_shard_t *s, size_t max)
{
    size_t            done = 0;
    uint32_t          i;
    wd_rcache_node_t *n;

    while (s->dirty != WD_RCACHE_NONE) {
        i = s->dirty;
        n = &s->nodes[i];

        while (!wd_rcache_node_clean(s, n)) {
            if (done == max) {
                return done;
            }
            wd_rcache_remove(s, n->last >> 5);
            done++;
        }

        s->dirty = n->dirty;
        n->is_dirty = false;
        if (n->count == 0) {
            wd_rcache_node_release(s, i);
        }
    }
    return done;
}


/* ---- purging ------------------------------------------------------------ */

uint64_t
wd_rcache_seq(const wd_rcache_t *c)
{
    return atomic_load_explicit(&c->seq, memory_order_acquire);
}


/*
 * The slot first, then the number: a purge whose number can be read can be
 * read itself. A writer that is killed in between leaves a slot that reads
 * as lost until it is written again.
 */
static void
wd_rcache_ring_add(wd_rcache_t *c, const wd_rcache_tag_t *tag)
{
    uint64_t          seq;
    wd_rcache_ring_t *r;

    if (wd_shlock_lock(&c->ring_lock)) {
        /* The killed one left nothing half done that matters. */
    }

    seq = atomic_load_explicit(&c->seq, memory_order_relaxed) + 1;
    r = &c->ring[seq & c->ring_mask];
    atomic_store_explicit(&r->seq, 0, memory_order_release);
    atomic_store_explicit(&r->h[0], tag->h[0], memory_order_release);
    atomic_store_explicit(&r->h[1], tag->h[1], memory_order_release);
    atomic_store_explicit(&r->seq, seq, memory_order_release);
    atomic_store_explicit(&c->seq, seq, memory_order_release);

    wd_shlock_unlock(&c->ring_lock);
}


static bool
wd_rcache_ring_has(wd_rcache_t *c, uint64_t seq, const wd_rcache_tag_t *tags,
                   size_t n)
{
    size_t            i;
    uint64_t          h0, h1;
    wd_rcache_ring_t *r = &c->ring[seq & c->ring_mask];

    if (atomic_load_explicit(&r->seq, memory_order_acquire) != seq) {
        return true; /* forgotten: it could have been any tag */
    }
    h0 = atomic_load_explicit(&r->h[0], memory_order_acquire);
    h1 = atomic_load_explicit(&r->h[1], memory_order_acquire);
    if (atomic_load_explicit(&r->seq, memory_order_relaxed) != seq) {
        return true;
    }

    for (i = 0; i < n; i++) {
        if (tags[i].h[0] == h0 && tags[i].h[1] == h1) {
            return true;
        }
    }
    return false;
}


bool
wd_rcache_purged_since(wd_rcache_t *c, const wd_rcache_tag_t *tags, size_t n,
                       uint64_t from, uint64_t to)
{
    if (to - from > c->ring_mask) {
        return true;
    }
    while (from < to) {
        if (wd_rcache_ring_has(c, ++from, tags, n)) {
            return true;
        }
    }
    return false;
}


/*
 * Entries that other purges voided go first, so that each is counted once.
 */
static uint64_t
wd_rcache_purge_shard(wd_rcache_shard_t *s, const wd_rcache_tag_t *tag)
{
    uint32_t node, n = 0;

    wd_rcache_lock(s);

    for (;;) {
        node = wd_rcache_node_find(s, tag);
        if (node == WD_RCACHE_NONE || s->nodes[node].live == 0
            || s->dirty == WD_RCACHE_NONE) {
            break;
        }
        (void) wd_rcache_sweep(s, WD_RCACHE_STEP);
        wd_rcache_unlock(s);
        wd_rcache_lock(s);
    }

    if (node != WD_RCACHE_NONE) {
        n = wd_rcache_node_void(s, node);
        s->purged += n;
    }

    wd_rcache_unlock(s);
    return n;
}


uint64_t
wd_rcache_purge(wd_rcache_t *c, const wd_rcache_tag_t *tags, size_t n)
{
    size_t   i, k;
    uint64_t sum = 0;

    /* Fills that are on their way must meet the tag here or in the ring. */
    for (k = 0; k < n; k++) {
        wd_rcache_ring_add(c, &tags[k]);
    }
    for (i = 0; i < c->n_shards; i++) {
        for (k = 0; k < n; k++) {
            sum += wd_rcache_purge_shard(&c->shards[i], &tags[k]);
        }
    }

    atomic_fetch_add_explicit(&c->purges, 1, memory_order_relaxed);
    if (sum != 0) {
        atomic_store_explicit(&c->dirty, 1, memory_order_release);
    }
    return sum;
}


size_t
wd_rcache_reclaim(wd_rcache_t *c, size_t max)
{
    size_t             n, done = 0, i;
    wd_rcache_shard_t *s;

    if (!atomic_exchange_explicit(&c->dirty, 0, memory_order_acq_rel)) {
        return 0;
    }

    for (i = 0; i < c->n_shards; i++) {
        s = &c->shards[i];
        do {
            if (done >= max) {
                atomic_store_explicit(&c->dirty, 1, memory_order_release);
                return done;
            }
            wd_rcache_lock(s);
            n = wd_rcache_sweep(s, WD_RCACHE_STEP);
            wd_rcache_unlock(s);
            done += n;
        } while (n != 0);
    }
    return done;
}
