/*
 * wd_rcache_put.c - storing an answer: segments are taken under the lock, in
 * small steps, written without it, and published under it.
 */
#include "wd_rcache_int.h"

#include <stdlib.h>

#define WD_RCACHE_TAKE 64 /* segments under one hold of the lock */


/* What one call of put() works with. */
typedef struct {
    wd_rcache_t           *c;
    wd_rcache_shard_t     *s;
    const wd_rcache_put_t *p;
    wd_rcache_transit_t   *t;
    uint64_t               seq; /* purges up to it were looked at */
    unsigned               n_tags;
    wd_rcache_tag_t        tags[WD_RCACHE_LINKS];
} wd_rcache_putting_t;


/* ---- segments ----------------------------------------------------------- */

static wd_rcache_transit_t *
wd_rcache_transit(wd_rcache_shard_t *s)
{
    size_t               i;
    wd_rcache_transit_t *t;

    for (i = 0; i < WD_RCACHE_TRANSIT; i++) {
        t = &s->transit[i];
        if (t->holder == 0) {
            t->n = 0;
            t->holder = wd_shlock_self();
            return t;
        }
    }

    for (i = 0; i < WD_RCACHE_TRANSIT; i++) {
        t = &s->transit[i];
        if (wd_pid_gone(t->holder)) {
            wd_rcache_free_chain(s, t->head, t->tail, t->n);
            t->n = 0;
            t->holder = wd_shlock_self();
            return t;
        }
    }
    return NULL;
}


static void
wd_rcache_transit_add(wd_rcache_shard_t *s, wd_rcache_transit_t *t)
{
    uint32_t i = s->free;

    s->free = atomic_load_explicit(&s->next[i], memory_order_relaxed);
    s->n_free--;

    if (t->n == 0) {
        t->head = i;
    } else {
        atomic_store_explicit(&s->next[t->tail], i, memory_order_release);
    }
    t->tail = i;
    t->n++;
}


/* Void entries go first, then those used longest ago. */
static void
wd_rcache_make_room(wd_rcache_shard_t *s, uint32_t segments, uint32_t nodes)
{
    size_t n = WD_RCACHE_STEP;

    if (s->dirty != WD_RCACHE_NONE) {
        n -= wd_rcache_sweep(s, n);
    }
    while (n-- != 0 && s->oldest != WD_RCACHE_NONE
           && (s->n_free < segments || s->n_free_nodes < nodes)) {
        s->evicted++;
        wd_rcache_remove(s, s->oldest);
    }
}


static bool
wd_rcache_take(wd_rcache_shard_t *s, wd_rcache_transit_t *t, uint32_t need)
{
    uint32_t want = wd_min(need - t->n, (uint32_t) WD_RCACHE_TAKE);

    wd_rcache_make_room(s, want, 0);
    if (s->n_free == 0) {
        return false;
    }
    while (want-- != 0 && s->n_free != 0) {
        wd_rcache_transit_add(s, t);
    }
    return true;
}


static void
wd_rcache_give_back(wd_rcache_putting_t *w)
{
    wd_rcache_lock(w->s);
    wd_rcache_free_chain(w->s, w->t->head, w->t->tail, w->t->n);
    w->t->holder = 0;
    wd_rcache_unlock(w->s);
}


static int
wd_rcache_reserve(wd_rcache_putting_t *w, uint32_t need)
{
    bool more;

    wd_rcache_lock(w->s);
    w->t = wd_rcache_transit(w->s);
    wd_rcache_unlock(w->s);
    if (w->t == NULL) {
        return WD_ENOMEM;
    }

    while (w->t->n < need) {
        wd_rcache_lock(w->s);
        more = wd_rcache_take(w->s, w->t, need);
        wd_rcache_unlock(w->s);
        if (!more) {
            wd_rcache_give_back(w);
            return WD_ENOMEM;
        }
    }
    return WD_OK;
}


/* ---- writing ------------------------------------------------------------ */

/* Where the next bytes of an entry go. */
typedef struct {
    wd_rcache_shard_t *s;
    uint32_t           segment;
    size_t             at; /* byte in the segment */
    size_t             n; /* bytes of `word` */
    uint64_t           word;
} wd_rcache_pen_t;


static void
wd_rcache_pen_word(wd_rcache_pen_t *p)
{
    if (p->at == WD_RCACHE_SEGMENT) {
        p->segment = atomic_load_explicit(&p->s->next[p->segment],
                                          memory_order_relaxed);
        p->at = 0;
    }
    atomic_store_explicit(
        &p->s->data[(size_t) p->segment * WD_RCACHE_WORDS + p->at / 8], p->word,
        memory_order_release);
    p->at += 8;
    p->n = 0;
    p->word = 0;
}


static void
wd_rcache_pen_put(wd_rcache_pen_t *p, wd_str_t bytes)
{
    size_t n;

    while (bytes.len != 0) {
        n = wd_min(bytes.len, 8 - p->n);
        memcpy((char *) &p->word + p->n, bytes.data, n);
        p->n += n;
        bytes.data += n;
        bytes.len -= n;
        if (p->n == 8) {
            wd_rcache_pen_word(p);
        }
    }
}


static void
wd_rcache_write(const wd_rcache_putting_t *w)
{
    wd_rcache_pen_t pen = {
        .s = w->s, .segment = w->t->head, .at = wd_rcache_skip(w->n_tags)};

    wd_rcache_pen_put(&pen, w->p->type);
    wd_rcache_pen_put(&pen, w->p->etag);
    wd_rcache_pen_put(&pen, w->p->next);
    wd_rcache_pen_put(&pen, w->p->body);
    if (pen.n != 0) {
        wd_rcache_pen_word(&pen);
    }
}


/* ---- publishing --------------------------------------------------------- */

static void
wd_rcache_fill_head(const wd_rcache_putting_t *w, wd_rcache_entry_t *e,
                    wd_ns_t now)
{
    const wd_rcache_put_t *p = w->p;

    memcpy(e->key, p->key, WD_CACHEKEY_LEN);
    e->from = p->from;
    e->fresh = p->fresh;
    e->stale = p->stale;
    e->old = p->old;
    e->touched = now;
    e->tail = w->t->tail;
    e->segments = w->t->n;
    e->body_len = (uint32_t) p->body.len;
    e->type_len = (uint16_t) p->type.len;
    e->etag_len = (uint16_t) p->etag.len;
    e->next_len = (uint16_t) p->next.len;
    e->status = (uint16_t) p->status;
    e->code = (int16_t) p->code;
    e->method = (uint8_t) p->method;
    e->service = (uint8_t) p->service;
    e->n_links = (uint8_t) w->n_tags;
}


static void
wd_rcache_insert(wd_rcache_putting_t *w, wd_ns_t now)
{
    unsigned           k;
    uint32_t           i = w->t->head, *bucket;
    wd_rcache_shard_t *s = w->s;
    wd_rcache_entry_t *e = wd_rcache_entry(s, i);

    wd_rcache_fill_head(w, e, now);
    for (k = 0; k < w->n_tags; k++) {
        e->links[k].node = wd_rcache_node_take(s, &w->tags[k]);
        wd_rcache_link_in(s, i, k);
    }

    bucket = &s->buckets[wd_rcache_hash(e->key) & s->bucket_mask];
    e->chain = *bucket;
    *bucket = i;
    wd_rcache_lru_push(s, i);

    s->n_entries++;
    s->stored++;
    s->method_entries[e->method]++;
    s->method_bytes[e->method] += e->body_len;
    w->t->holder = 0;
}


/* False: what is there was asked for later than this. */
static bool
wd_rcache_replace(wd_rcache_putting_t *w)
{
    uint32_t i = wd_rcache_find(w->s, w->p->key);

    if (i == WD_RCACHE_NONE) {
        return true;
    }
    if (wd_rcache_valid(w->s, wd_rcache_entry(w->s, i))
        && wd_rcache_entry(w->s, i)->from > w->p->from) {
        return false;
    }
    wd_rcache_remove(w->s, i);
    return true;
}


/* With the lock held: purges that follow will find the entry. */
static int
wd_rcache_publish(wd_rcache_putting_t *w, wd_ns_t now)
{
    if (wd_rcache_purged_since(w->c, w->tags, w->n_tags, w->seq,
                               wd_rcache_seq(w->c))) {
        w->s->refused++;
        return WD_ECANCELED;
    }
    if (!wd_rcache_replace(w)) {
        return WD_EEXIST;
    }
    wd_rcache_make_room(w->s, 0, w->n_tags);
    if (w->s->n_free_nodes < w->n_tags) {
        return WD_ENOMEM;
    }
    wd_rcache_insert(w, now);
    return WD_OK;
}


static bool
wd_rcache_put_fits(const wd_rcache_t *c, const wd_rcache_put_t *p)
{
    return p->body.len <= c->body_max && p->type.len <= WD_RCACHE_TEXT_MAX
           && p->etag.len <= WD_RCACHE_TEXT_MAX
           && p->next.len <= WD_RCACHE_TEXT_MAX
           && p->n_tags <= WD_RCACHE_TAGS_MAX && p->method < WD_RCACHE_METHODS
           && p->service < WD_RCACHE_SERVICES;
}


/* Each once, so that a purge counts each entry once. */
static void
wd_rcache_put_tag(wd_rcache_putting_t *w, const wd_rcache_tag_t *tag)
{
    unsigned i;

    for (i = 0; i < w->n_tags; i++) {
        if (w->tags[i].h[0] == tag->h[0] && w->tags[i].h[1] == tag->h[1]) {
            return;
        }
    }
    w->tags[w->n_tags++] = *tag;
}


static void
wd_rcache_put_tags(wd_rcache_putting_t *w)
{
    size_t          i;
    wd_rcache_tag_t own[WD_RCACHE_OWN];

    wd_rcache_tag_all(&own[0]);
    wd_rcache_tag_method(w->p->method, &own[1]);
    wd_rcache_tag_service(w->p->service, &own[2]);
    for (i = 0; i < WD_RCACHE_OWN; i++) {
        wd_rcache_put_tag(w, &own[i]);
    }
    for (i = 0; i < w->p->n_tags; i++) {
        wd_rcache_put_tag(w, &w->p->tags[i]);
    }
}


static uint32_t
wd_rcache_segments_for(const wd_rcache_putting_t *w)
{
    size_t n = wd_rcache_skip(w->n_tags) + w->p->type.len + w->p->etag.len
               + w->p->next.len + w->p->body.len;

    return (uint32_t) ((n + WD_RCACHE_SEGMENT - 1) / WD_RCACHE_SEGMENT);
}


int
wd_rcache_put(wd_rcache_t *c, const wd_rcache_put_t *p, wd_ns_t now)
{
    int                 rc;
    wd_rcache_putting_t w = {.c = c, .p = p};

    if (!wd_rcache_put_fits(c, p)) {
        return WD_ETOOBIG;
    }

    w.s = &c->shards[wd_rcache_shard_of(c, p->key)];
    wd_rcache_put_tags(&w);

    /* Most of the ring is looked at before the lock is held. */
    w.seq = wd_rcache_seq(c);
    if (wd_rcache_purged_since(c, w.tags, w.n_tags, p->seq, w.seq)) {
        wd_rcache_lock(w.s);
        w.s->refused++;
        wd_rcache_unlock(w.s);
        return WD_ECANCELED;
    }

    rc = wd_rcache_reserve(&w, wd_rcache_segments_for(&w));
    if (rc != WD_OK) {
        return rc;
    }
    wd_rcache_write(&w);

    wd_rcache_lock(w.s);
    rc = wd_rcache_publish(&w, now);
    wd_rcache_unlock(w.s);

    if (rc != WD_OK) {
        wd_rcache_give_back(&w);
    }
    return rc == WD_EEXIST ? WD_OK : rc;
}


/* ---- into memory of another size ---------------------------------------- */

typedef struct {
    wd_rcache_t *from;
    wd_rcache_t *to;
    uint64_t     seq; /* of `to` */
    wd_ns_t      now;
} wd_rcache_move_t;


/* What get() does not tell: method, service and tags. */
static bool
wd_rcache_describe(wd_rcache_t *c, const uint8_t *key, wd_rcache_put_t *p,
                   wd_rcache_tag_t *tags)
{
    uint32_t           i, k;
    wd_rcache_shard_t *s = &c->shards[wd_rcache_shard_of(c, key)];
    wd_rcache_entry_t *e;

    wd_rcache_lock(s);
    i = wd_rcache_find(s, key);
    if (i != WD_RCACHE_NONE) {
        e = wd_rcache_entry(s, i);
        p->method = e->method;
        p->service = e->service;
        p->n_tags = e->n_links - (size_t) WD_RCACHE_OWN; /* own come first */
        for (k = 0; k < p->n_tags; k++) {
            tags[k] = s->nodes[e->links[k + WD_RCACHE_OWN].node].tag;
        }
    }
    wd_rcache_unlock(s);
    return i != WD_RCACHE_NONE;
}


static void
wd_rcache_move_entry(const wd_rcache_move_t *m, const uint8_t *key)
{
    uint8_t         *text;
    const char      *at;
    wd_rcache_put_t  p = {.key = key, .seq = m->seq};
    wd_rcache_tag_t  tags[WD_RCACHE_LINKS];
    wd_rcache_view_t v;

    if (wd_rcache_get(m->from, key, m->now, &v) != WD_OK
        || !wd_rcache_describe(m->from, key, &p, tags)) {
        return;
    }

    text = malloc((size_t) v.type_len + v.etag_len + v.next_len + v.body_len
                  + 1);
    if (text == NULL) {
        return;
    }

    if (wd_rcache_read(m->from, &v, text) == WD_OK) {
        at = (const char *) text;
        p.type = wd_str(at, v.type_len);
        p.etag = wd_str(at += v.type_len, v.etag_len);
        p.next = wd_str(at += v.etag_len, v.next_len);
        p.body = wd_str(at + v.next_len, v.body_len);
        p.tags = tags;
        p.status = v.status;
        p.code = v.code;
        p.from = v.from;
        p.fresh = v.fresh;
        p.stale = v.stale;
        p.old = v.old;
        (void) !wd_rcache_put(m->to, &p, m->now); /* what fits */
    }
    free(text);
}


/* The keys of a shard, oldest first. */
static uint8_t *
wd_rcache_keys(wd_rcache_shard_t *s, uint32_t *ret_n)
{
    uint8_t *keys, *p;
    uint32_t i;

    wd_rcache_lock(s);
    *ret_n = s->n_entries;
    keys = p = malloc((size_t) s->n_entries * WD_CACHEKEY_LEN + 1);
    for (i = s->oldest; keys != NULL && i != WD_RCACHE_NONE;
         i = wd_rcache_entry(s, i)->prev) {
        memcpy(p, wd_rcache_entry(s, i)->key, WD_CACHEKEY_LEN);
        p += WD_CACHEKEY_LEN;
    }
    wd_rcache_unlock(s);
    return keys;
}


static void
wd_rcache_move_cover(wd_rcache_cover_t *from, wd_rcache_cover_t *to)
{
    wd_rcache_cover_lock(from);
    memcpy(to->instances, from->instances, sizeof(to->instances));
    atomic_store(&to->until, atomic_load(&from->until));
    atomic_store(&to->since, atomic_load(&from->since));
    wd_shlock_unlock(&from->lock);
}


void
wd_rcache_migrate(wd_rcache_t *from, wd_rcache_t *to, wd_ns_t now)
{
    size_t           i;
    uint8_t         *keys;
    uint32_t         k, n;
    wd_rcache_move_t m = {from, to, wd_rcache_seq(to), now};

    for (i = 0; i < WD_RCACHE_SERVICES; i++) {
        wd_rcache_move_cover(&from->cover[i], &to->cover[i]);
    }

    for (i = 0; i < from->n_shards; i++) {
        keys = wd_rcache_keys(&from->shards[i], &n);
        for (k = 0; keys != NULL && k < n; k++) {
            wd_rcache_move_entry(&m, keys + (size_t) k * WD_CACHEKEY_LEN);
        }
        free(keys);
    }
}
