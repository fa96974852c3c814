/*
 * wd_rcache.c - the response cache: how memory is divided, and looking up.
 */
#include "wd_rcache_int.h"

#include <stdlib.h>

#define WD_RCACHE_SHARD_MIN (2u * 1024 * 1024) /* bytes, when there are many */
#define WD_RCACHE_BODY_PART 4 /* the longest body is this part of a shard */
#define WD_RCACHE_TOUCH (WD_NS_PER_S / 10) /* LRU need not be finer */
#define WD_RCACHE_RING_PART 1024 /* bytes of memory per remembered purge */


/* ---- dividing the memory ------------------------------------------------ */

typedef struct {
    char  *p;
    size_t left;
} wd_rcache_arena_t;


static void *
wd_rcache_cut(wd_rcache_arena_t *a, size_t n)
{
    char *p = a->p;

    n = (n + 63) & ~(size_t) 63;
    if (n > a->left) {
        abort(); /* the sums below are wrong */
    }
    a->p += n;
    a->left -= n;
    return p;
}


static uint32_t
wd_rcache_pow2(size_t n)
{
    uint32_t p = 1;

    while (p <= UINT32_MAX / 4 && (size_t) p * 2 <= n) {
        p *= 2;
    }
    return p;
}


static uint32_t
wd_rcache_shards_for(size_t size, size_t body_max)
{
    size_t each = wd_max(WD_RCACHE_SHARD_MIN,
                         (body_max + 4096) * WD_RCACHE_BODY_PART * 5 / 4);

    return wd_max(2u, wd_min(wd_rcache_pow2(size / each),
                             (uint32_t) WD_RCACHE_SHARDS_MAX));
}


/* Bytes that a shard of n segments takes, beside the shard itself. */
static size_t
wd_rcache_shard_bytes(size_t n)
{
    size_t nodes = n / 2 + 64;

    return n * (WD_RCACHE_SEGMENT + 2 * sizeof(uint32_t))
           + wd_rcache_pow2(n) * sizeof(uint32_t)
           + nodes * sizeof(wd_rcache_node_t)
           + wd_rcache_pow2(nodes) * sizeof(uint32_t) + 6 * 64;
}


static void
wd_rcache_shard_init(wd_rcache_shard_t *s, wd_rcache_arena_t *a, size_t size)
{
    size_t n = size / (WD_RCACHE_SEGMENT + 2 * sizeof(uint32_t));

    while (wd_rcache_shard_bytes(n) > size) {
        n -= n / 64 + 1;
    }

    s->n_segments = (uint32_t) n;
    s->data = wd_rcache_cut(a, n * WD_RCACHE_SEGMENT);
    s->next = wd_rcache_cut(a, n * sizeof(*s->next));
    s->version = wd_rcache_cut(a, n * sizeof(*s->version));
    s->bucket_mask = wd_rcache_pow2(n) - 1;
    s->buckets = wd_rcache_cut(a, (s->bucket_mask + 1) * sizeof(uint32_t));
    s->n_nodes = (uint32_t) (n / 2 + 64);
    s->nodes = wd_rcache_cut(a, s->n_nodes * sizeof(*s->nodes));
    s->node_mask = wd_rcache_pow2(s->n_nodes) - 1;
    s->node_buckets = wd_rcache_cut(a, (s->node_mask + 1) * sizeof(uint32_t));
    wd_rcache_shard_reset(s);
}


wd_rcache_t *
wd_rcache_init(void *mem, size_t size, size_t body_max)
{
    size_t            i, each, longest;
    wd_rcache_t      *c;
    wd_rcache_arena_t a = {mem, size};

    if (size < WD_RCACHE_SIZE_MIN) {
        return NULL;
    }

    c = wd_rcache_cut(&a, sizeof(*c));
    c->n_shards = wd_rcache_shards_for(size, body_max);
    c->n_boxes = size < 8 * WD_RCACHE_SIZE_MIN ? 64 : WD_RCACHE_WORKERS;
    c->shards = wd_rcache_cut(&a, c->n_shards * sizeof(*c->shards));
    c->fills = wd_rcache_cut(&a, c->n_shards * sizeof(*c->fills));
    c->boxes = wd_rcache_cut(&a, c->n_boxes * sizeof(*c->boxes));
    c->ring_mask = wd_rcache_pow2(size / WD_RCACHE_RING_PART) - 1;
    c->ring = wd_rcache_cut(&a, (c->ring_mask + 1) * sizeof(*c->ring));

    for (i = 0; i < c->n_boxes; i++) {
        atomic_store_explicit(&c->boxes[i].fd, -1, memory_order_relaxed);
    }

    each = a.left / c->n_shards & ~(size_t) 63;
    for (i = 0; i < c->n_shards; i++) {
        wd_rcache_shard_init(&c->shards[i], &a, each);
    }

    longest = (size_t) c->shards[0].n_segments * WD_RCACHE_SEGMENT
              / WD_RCACHE_BODY_PART;
    c->body_max = wd_min(body_max, longest);
    return c;
}


size_t
wd_rcache_body_max(const wd_rcache_t *c)
{
    return c->body_max;
}


/* ---- looking up --------------------------------------------------------- */

void
wd_rcache_lock(wd_rcache_shard_t *s)
{
    if (wd_shlock_lock(&s->lock)) {
        wd_rcache_shard_reset(s);
        s->repaired++;
    }
}


void
wd_rcache_unlock(wd_rcache_shard_t *s)
{
    wd_shlock_unlock(&s->lock);
}


uint32_t
wd_rcache_find(const wd_rcache_shard_t *s, const uint8_t *key)
{
    uint32_t i = s->buckets[wd_rcache_hash(key) & s->bucket_mask];

    while (i != WD_RCACHE_NONE) {
        if (memcmp(wd_rcache_entry(s, i)->key, key, WD_CACHEKEY_LEN) == 0) {
            return i;
        }
        i = wd_rcache_entry(s, i)->chain;
    }
    return WD_RCACHE_NONE;
}


bool
wd_rcache_valid(const wd_rcache_shard_t *s, const wd_rcache_entry_t *e)
{
    size_t i;

    for (i = 0; i < e->n_links; i++) {
        if (s->nodes[e->links[i].node].gen != e->links[i].gen) {
            return false;
        }
    }
    return true;
}


/*
 * What a service that tells of its purges said may be outdated when it is
 * silent, or was since.
 */
static wd_rcache_state_e
wd_rcache_state(const wd_rcache_t *c, const wd_rcache_entry_t *e, wd_ns_t now)
{
    const wd_rcache_cover_t *k = &c->cover[e->service];
    wd_ns_t until = atomic_load_explicit(&k->until, memory_order_acquire);

    if (until != 0
        && (now > until
            || e->from
                   < atomic_load_explicit(&k->since, memory_order_acquire))) {
        return WD_RCACHE_OLD;
    }
    if (now < e->fresh) {
        return WD_RCACHE_FRESH;
    }
    return now < e->stale ? WD_RCACHE_STALE : WD_RCACHE_OLD;
}


static void
wd_rcache_view(const wd_rcache_t *c, const wd_rcache_shard_t *s, uint32_t i,
               wd_ns_t now, wd_rcache_view_t *ret)
{
    const wd_rcache_entry_t *e = wd_rcache_entry(s, i);

    ret->state = wd_rcache_state(c, e, now);
    ret->from = e->from;
    ret->fresh = e->fresh;
    ret->stale = e->stale;
    ret->old = e->old;
    ret->type_len = e->type_len;
    ret->etag_len = e->etag_len;
    ret->next_len = e->next_len;
    ret->body_len = e->body_len;
    ret->status = e->status;
    ret->code = e->code;
    ret->shard = (uint32_t) (s - c->shards);
    ret->head = i;
    ret->version = atomic_load_explicit(&s->version[i], memory_order_relaxed);
    ret->skip = (uint32_t) wd_rcache_skip(e->n_links);
}


static bool
wd_rcache_over(const wd_rcache_entry_t *e, wd_ns_t now)
{
    return now >= e->fresh && now >= e->stale && now >= e->old;
}


int
wd_rcache_get(wd_rcache_t *c, const uint8_t key[WD_CACHEKEY_LEN], wd_ns_t now,
              wd_rcache_view_t *ret)
{
    int                rc = WD_ENOTFOUND;
    uint32_t           i;
    wd_rcache_shard_t *s = &c->shards[wd_rcache_shard_of(c, key)];
    wd_rcache_entry_t *e;

    wd_rcache_lock(s);

    i = wd_rcache_find(s, key);
    if (i != WD_RCACHE_NONE) {
        e = wd_rcache_entry(s, i);

        if (!wd_rcache_valid(s, e)) {
            wd_rcache_remove(s, i);
        } else if (wd_rcache_over(e, now)) {
            s->expired++;
            wd_rcache_remove(s, i);
        } else {
            if (now - e->touched > WD_RCACHE_TOUCH) {
                e->touched = now;
                wd_rcache_lru_remove(s, i);
                wd_rcache_lru_push(s, i);
            }
            wd_rcache_view(c, s, i, now, ret);
            rc = WD_OK;
        }
    }

    wd_rcache_unlock(s);
    return rc;
}


/*
 * ThreadSanitizer sees memcpy() wherever it is called; its runtime has these
 * for reads that it shall not look at.
 */
#ifdef __SANITIZE_THREAD__
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line)
#define AnnotateIgnoreReadsEnd(file, line)
#endif


/*
 * The segments may be another entry's by now: what was read then is thrown
 * away, because the version tells. The fence keeps the look at it behind.
 */
__attribute__((no_sanitize("thread"))) static uint8_t *
wd_rcache_copy_out(const wd_rcache_word_t *words, size_t n, uint8_t *out)
{
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    memcpy(out, (const void *) words, n);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
    atomic_thread_fence(memory_order_acquire);
    return out + n;
}


int
wd_rcache_read_part(const wd_rcache_t *c, const wd_rcache_view_t *v, bool body,
                    uint8_t *out)
{
    size_t                   n, left, skip = v->skip;
    uint32_t                 i = v->head;
    const wd_rcache_shard_t *s = &c->shards[v->shard];

    left = (size_t) v->type_len + v->etag_len + v->next_len
           + (body ? v->body_len : 0);

    while (left != 0) {
        if (i >= s->n_segments) {
            return WD_EAGAIN; /* of another chain: it changed */
        }
        n = wd_min(left, WD_RCACHE_SEGMENT - skip);
        out = wd_rcache_copy_out(
            s->data + (size_t) i * WD_RCACHE_WORDS + skip / 8, n, out);
        left -= n;
        skip = 0;
        i = atomic_load_explicit(&s->next[i], memory_order_acquire);
    }

    return atomic_load_explicit(&s->version[v->head], memory_order_relaxed)
                   == v->version
               ? WD_OK
               : WD_EAGAIN;
}


int
wd_rcache_read(const wd_rcache_t *c, const wd_rcache_view_t *v, uint8_t *out)
{
    return wd_rcache_read_part(c, v, true, out);
}


/* ---- figures ------------------------------------------------------------ */

static void
wd_rcache_shard_stats(wd_rcache_shard_t *s, wd_rcache_stats_t *ret)
{
    size_t i;

    wd_rcache_lock(s);
    while (wd_rcache_sweep(s, WD_RCACHE_STEP) != 0) {
        wd_rcache_unlock(s);
        wd_rcache_lock(s);
    }

    ret->entries += s->n_entries;
    ret->bytes += (uint64_t) (s->n_segments - s->n_free) * WD_RCACHE_SEGMENT;
    ret->capacity += (uint64_t) s->n_segments * WD_RCACHE_SEGMENT;
    ret->stored += s->stored;
    ret->evicted += s->evicted;
    ret->expired += s->expired;
    ret->purged += s->purged;
    ret->refused += s->refused;
    ret->repaired += s->repaired;
    for (i = 0; i < WD_RCACHE_METHODS; i++) {
        ret->method_entries[i] += s->method_entries[i];
        ret->method_bytes[i] += s->method_bytes[i];
    }
    wd_rcache_unlock(s);
}


void
wd_rcache_stats(wd_rcache_t *c, wd_rcache_stats_t *ret)
{
    size_t i;

    memset(ret, 0, sizeof(*ret));
    for (i = 0; i < c->n_shards; i++) {
        wd_rcache_shard_stats(&c->shards[i], ret);
        ret->filling += *(volatile uint32_t *) &c->fills[i].n_used;
    }
    ret->purges = atomic_load_explicit(&c->purges, memory_order_relaxed);
}
