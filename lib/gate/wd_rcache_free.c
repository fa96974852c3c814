/*
 * wd_rcache_free.c - taking entries out of a shard; emptying a shard.
 */
#include "wd_rcache_int.h"


/* ---- order of use ------------------------------------------------------- */

void
wd_rcache_lru_push(wd_rcache_shard_t *s, uint32_t i)
{
    wd_rcache_entry_t *e = wd_rcache_entry(s, i);

    e->prev = WD_RCACHE_NONE;
    e->next = s->newest;
    if (s->newest != WD_RCACHE_NONE) {
        wd_rcache_entry(s, s->newest)->prev = i;
    } else {
        s->oldest = i;
    }
    s->newest = i;
}


void
wd_rcache_lru_remove(wd_rcache_shard_t *s, uint32_t i)
{
    const wd_rcache_entry_t *e = wd_rcache_entry(s, i);

    if (e->prev != WD_RCACHE_NONE) {
        wd_rcache_entry(s, e->prev)->next = e->next;
    } else {
        s->newest = e->next;
    }
    if (e->next != WD_RCACHE_NONE) {
        wd_rcache_entry(s, e->next)->prev = e->prev;
    } else {
        s->oldest = e->prev;
    }
}


/* ---- taking out --------------------------------------------------------- */

void
wd_rcache_free_chain(wd_rcache_shard_t *s, uint32_t head, uint32_t tail,
                     uint32_t n)
{
    if (n == 0) {
        return;
    }
    atomic_store_explicit(&s->next[tail], s->free, memory_order_relaxed);
    s->free = head;
    s->n_free += n;
}


static void
wd_rcache_unchain(wd_rcache_shard_t *s, uint32_t i)
{
    wd_rcache_entry_t *e = wd_rcache_entry(s, i);
    uint32_t *at = &s->buckets[wd_rcache_hash(e->key) & s->bucket_mask];

    while (*at != i) {
        at = &wd_rcache_entry(s, *at)->chain;
    }
    *at = e->chain;
}


void
wd_rcache_remove(wd_rcache_shard_t *s, uint32_t i)
{
    unsigned           k;
    wd_rcache_entry_t *e = wd_rcache_entry(s, i);

    /* First of all: who reads it now must learn that it went. */
    atomic_fetch_add_explicit(&s->version[i], 1, memory_order_seq_cst);

    wd_rcache_unchain(s, i);
    wd_rcache_lru_remove(s, i);
    for (k = 0; k < e->n_links; k++) {
        wd_rcache_link_out(s, i, k);
    }

    s->n_entries--;
    s->method_entries[e->method]--;
    s->method_bytes[e->method] -= e->body_len;
    wd_rcache_free_chain(s, i, e->tail, e->segments);
}


/* ---- after a holder was killed ------------------------------------------ */

static void
wd_rcache_nodes_reset(wd_rcache_shard_t *s)
{
    uint32_t i;

    memset(s->node_buckets, 0xff, (s->node_mask + 1) * sizeof(uint32_t));
    s->dirty = WD_RCACHE_NONE;
    s->free_node = WD_RCACHE_NONE;
    s->n_free_nodes = s->n_nodes;

    for (i = s->n_nodes; i-- != 0;) {
        s->nodes[i].gen++;
        s->nodes[i].chain = s->free_node;
        s->free_node = i;
    }
}


/* A live process goes on writing to what it took: that stays taken. */
static bool
wd_rcache_in_transit(const wd_rcache_shard_t *s, uint32_t i)
{
    size_t                     k;
    uint32_t                   n, at;
    const wd_rcache_transit_t *t;

    for (k = 0; k < WD_RCACHE_TRANSIT; k++) {
        t = &s->transit[k];
        at = t->head;
        for (n = 0; t->holder != 0 && n < t->n; n++) {
            if (at == i) {
                return true;
            }
            at = atomic_load_explicit(&s->next[at], memory_order_relaxed);
        }
    }
    return false;
}


static bool
wd_rcache_transit_reset(wd_rcache_shard_t *s)
{
    size_t k;
    bool   any = false;

    for (k = 0; k < WD_RCACHE_TRANSIT; k++) {
        if (s->transit[k].holder != 0 && wd_pid_gone(s->transit[k].holder)) {
            s->transit[k].holder = 0;
        }
        any = any || s->transit[k].holder != 0;
    }
    return any;
}


void
wd_rcache_shard_reset(wd_rcache_shard_t *s)
{
    bool     transit = wd_rcache_transit_reset(s);
    uint32_t i;

    s->free = WD_RCACHE_NONE;
    s->n_free = 0;
    for (i = s->n_segments; i-- != 0;) {
        atomic_fetch_add_explicit(&s->version[i], 1, memory_order_seq_cst);
        if (!transit || !wd_rcache_in_transit(s, i)) {
            wd_rcache_free_chain(s, i, i, 1);
        }
    }

    memset(s->buckets, 0xff, (s->bucket_mask + 1) * sizeof(uint32_t));
    memset(s->method_entries, 0, sizeof(s->method_entries));
    memset(s->method_bytes, 0, sizeof(s->method_bytes));
    s->newest = s->oldest = WD_RCACHE_NONE;
    s->n_entries = 0;
    wd_rcache_nodes_reset(s);
}
