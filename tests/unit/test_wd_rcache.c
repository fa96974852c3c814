/*
 * The response cache: kept bytes, a model in virtual time, purges and what
 * they count, pressure, services that fall silent.
 */
#include "wd_test.h"

#include "wd_rcache_int.h"

#include <sys/mman.h>

#define MIB (1024 * 1024)
#define S WD_NS_PER_S

typedef struct {
    wd_rcache_t *c;
    void        *mem;
    size_t       size;
} cache_t;


static cache_t
cache_create(size_t size, size_t body_max)
{
    cache_t t = {.size = size};

    t.mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                 -1, 0);
    assert_true(t.mem != MAP_FAILED);
    t.c = wd_rcache_init(t.mem, size, body_max);
    assert_non_null(t.c);
    return t;
}


static void
cache_destroy(cache_t *t)
{
    munmap(t->mem, t->size);
}


static const uint8_t *
key_of(unsigned n)
{
    static uint8_t key[WD_CACHEKEY_LEN];
    wd_buf_t       scratch = WD_BUF_INIT;
    wd_cachekey_t  k = {.method = WD_STR("m"),
                        .args = wd_str((char *) &n, sizeof(n))};

    assert_ok(wd_cachekey_digest(&k, &scratch, NULL, key));
    wd_buf_done(&scratch);
    return key;
}


static wd_rcache_tag_t
tag_of(unsigned n)
{
    char            text[32];
    wd_rcache_tag_t tag;

    snprintf(text, sizeof(text), "bars:%u", n);
    wd_rcache_tag(wd_str_z(text), &tag);
    return tag;
}


/* A body that tells which it is, at every byte. */
static void
body_of(unsigned n, size_t len, char *out)
{
    size_t i;

    for (i = 0; i < len; i++) {
        out[i] = (char) (n * 31 + i * 7 + i / 251);
    }
}


static char body_text[MIB];


static wd_rcache_put_t
put_of(const cache_t *t, unsigned n, size_t len, wd_ns_t now)
{
    wd_rcache_put_t p = {.method = n % 5,
                         .service = 1,
                         .status = 200,
                         .type = WD_STR("application/json"),
                         .etag = WD_STR("\"abc\""),
                         .seq = wd_rcache_seq(t->c),
                         .from = now,
                         .fresh = now + 10 * S,
                         .stale = now + 20 * S,
                         .old = now + 40 * S};

    p.key = key_of(n);
    body_of(n, len, body_text);
    p.body = wd_str(body_text, len);
    return p;
}


static void
assert_kept(const cache_t *t, const wd_rcache_view_t *v, unsigned n, size_t len)
{
    size_t   text = (size_t) v->type_len + v->etag_len + v->next_len;
    uint8_t *got = malloc(text + v->body_len + 1);

    assert_non_null(got);
    assert_int_equal(v->body_len, len);
    assert_ok(wd_rcache_read(t->c, v, got));
    assert_memory_equal(got, "application/json\"abc\"", 21);
    body_of(n, len, body_text);
    assert_memory_equal(got + text, body_text, len);
    free(got);
}


/* ---- structure ---------------------------------------------------------- */

static uint32_t
count_free(const wd_rcache_shard_t *s)
{
    uint32_t i, n = 0;

    for (i = s->free; i != WD_RCACHE_NONE; i = s->next[i]) {
        assert_true(++n <= s->n_segments);
    }
    return n;
}


static uint32_t
count_entries(const wd_rcache_shard_t *s, uint32_t *ret_segments,
              uint32_t *ret_links)
{
    uint32_t                 i, k, n = 0;
    const wd_rcache_entry_t *e;

    *ret_segments = *ret_links = 0;
    for (i = s->newest; i != WD_RCACHE_NONE; i = e->next) {
        e = wd_rcache_entry(s, i);
        assert_true(++n <= s->n_entries);
        *ret_segments += e->segments;
        *ret_links += e->n_links;
        for (k = 1; k < e->segments; k++) {
            i = s->next[i];
        }
        assert_int_equal(i, e->tail);
    }
    return n;
}


static uint32_t
count_links(const wd_rcache_shard_t *s)
{
    uint32_t                b, i, ref, n, live, sum = 0, nodes = 0;
    const wd_rcache_node_t *node;

    for (b = 0; b <= s->node_mask; b++) {
        for (i = s->node_buckets[b]; i != WD_RCACHE_NONE; i = node->chain) {
            node = &s->nodes[i];
            nodes++;
            n = live = 0;
            for (ref = node->first; ref != WD_RCACHE_NONE;
                 ref = wd_rcache_link(s, ref)->next) {
                assert_int_equal(wd_rcache_link(s, ref)->node, i);
                n++;
                live += wd_rcache_link(s, ref)->gen == node->gen;
            }
            assert_int_equal(n, node->count);
            assert_int_equal(live, node->live);
            assert_true(n != 0 || node->is_dirty);
            sum += n;
        }
    }
    assert_int_equal(nodes + s->n_free_nodes, s->n_nodes);
    return sum;
}


/* Nothing is lost, nothing is in two places. */
static void
assert_sound(wd_rcache_t *c)
{
    uint32_t           i, k, transit, segments, links;
    wd_rcache_shard_t *s;

    for (i = 0; i < c->n_shards; i++) {
        s = &c->shards[i];
        wd_rcache_lock(s);
        assert_int_equal(count_free(s), s->n_free);
        assert_int_equal(count_entries(s, &segments, &links), s->n_entries);
        assert_int_equal(count_links(s), links);
        for (k = 0, transit = 0; k < WD_RCACHE_TRANSIT; k++) {
            transit += s->transit[k].holder != 0 ? s->transit[k].n : 0;
        }
        assert_int_equal(segments + s->n_free + transit, s->n_segments);
        wd_rcache_unlock(s);
    }
}


/* ---- keeping ------------------------------------------------------------ */

static void
test_bytes(void **state)
{
    static const size_t sizes[] = {0,     1,     7,      8,     9,    100,
                                   380,   511,   512,    513,   1024, 4096,
                                   65535, 65536, 100000, 262144};
    unsigned            i;
    cache_t             t = cache_create(16 * MIB, 256 * 1024);
    wd_rcache_put_t     p;
    wd_rcache_view_t    v;

    (void) state;
    assert_int_equal(wd_rcache_body_max(t.c), 256 * 1024);
    for (i = 0; i < wd_array_len(sizes); i++) {
        p = put_of(&t, i, sizes[i], S);
        assert_ok(wd_rcache_put(t.c, &p, S));
    }
    for (i = 0; i < wd_array_len(sizes); i++) {
        assert_ok(wd_rcache_get(t.c, key_of(i), 2 * S, &v));
        assert_int_equal(v.state, WD_RCACHE_FRESH);
        assert_int_equal(v.status, 200);
        assert_int_equal(v.from, S);
        assert_kept(&t, &v, i, sizes[i]);
    }
    assert_int_equal(wd_rcache_get(t.c, key_of(99), S, &v), WD_ENOTFOUND);
    assert_sound(t.c);
    cache_destroy(&t);
}


static void
test_limits(void **state)
{
    static char      text[WD_RCACHE_TEXT_MAX + 1];
    cache_t          t = cache_create(WD_RCACHE_SIZE_MIN, 8 * MIB);
    wd_rcache_put_t  p;
    wd_rcache_tag_t  tags[WD_RCACHE_TAGS_MAX + 1];
    wd_rcache_view_t v;

    (void) state;
    assert_null(wd_rcache_init(t.mem, WD_RCACHE_SIZE_MIN - 1, 1000));
    assert_true(wd_rcache_body_max(t.c) < WD_RCACHE_SIZE_MIN / 4);

    p = put_of(&t, 1, wd_rcache_body_max(t.c), S);
    assert_ok(wd_rcache_put(t.c, &p, S));
    assert_ok(wd_rcache_get(t.c, key_of(1), S, &v));
    assert_kept(&t, &v, 1, wd_rcache_body_max(t.c));

    p = put_of(&t, 1, wd_rcache_body_max(t.c) + 1, S);
    assert_int_equal(wd_rcache_put(t.c, &p, S), WD_ETOOBIG);

    memset(tags, 0, sizeof(tags));
    p = put_of(&t, 2, 10, S);
    p.tags = tags;
    p.n_tags = wd_array_len(tags);
    assert_int_equal(wd_rcache_put(t.c, &p, S), WD_ETOOBIG);

    memset(text, 'x', sizeof(text));
    p = put_of(&t, 2, 10, S);
    p.next = wd_str(text, sizeof(text));
    assert_int_equal(wd_rcache_put(t.c, &p, S), WD_ETOOBIG);
    p.next.len--;
    assert_ok(wd_rcache_put(t.c, &p, S));
    assert_sound(t.c);
    cache_destroy(&t);
}


static void
test_times(void **state)
{
    cache_t           t = cache_create(2 * MIB, 1000);
    wd_rcache_put_t   p;
    wd_rcache_view_t  v;
    wd_rcache_stats_t st;

    (void) state;
    p = put_of(&t, 1, 10, 100 * S);
    assert_ok(wd_rcache_put(t.c, &p, 100 * S));
    assert_ok(wd_rcache_get(t.c, key_of(1), 110 * S - 1, &v));
    assert_int_equal(v.state, WD_RCACHE_FRESH);
    assert_ok(wd_rcache_get(t.c, key_of(1), 110 * S, &v));
    assert_int_equal(v.state, WD_RCACHE_STALE);
    assert_ok(wd_rcache_get(t.c, key_of(1), 120 * S, &v));
    assert_int_equal(v.state, WD_RCACHE_OLD);
    assert_int_equal(wd_rcache_get(t.c, key_of(1), 140 * S, &v), WD_ENOTFOUND);
    wd_rcache_stats(t.c, &st);
    assert_int_equal(st.expired, 1);
    assert_int_equal(st.entries, 0);
    cache_destroy(&t);
}


/* An answer that was asked for earlier does not replace a later one. */
static void
test_order(void **state)
{
    cache_t          t = cache_create(2 * MIB, 1000);
    wd_rcache_put_t  p;
    wd_rcache_view_t v;

    (void) state;
    p = put_of(&t, 1, 10, 5 * S);
    assert_ok(wd_rcache_put(t.c, &p, 5 * S));
    p = put_of(&t, 1, 20, 4 * S);
    assert_ok(wd_rcache_put(t.c, &p, 6 * S));
    assert_ok(wd_rcache_get(t.c, key_of(1), 6 * S, &v));
    assert_kept(&t, &v, 1, 10);
    p = put_of(&t, 1, 30, 7 * S);
    assert_ok(wd_rcache_put(t.c, &p, 7 * S));
    assert_int_equal(wd_rcache_read(t.c, &v, (uint8_t *) body_text), WD_EAGAIN);
    assert_ok(wd_rcache_get(t.c, key_of(1), 7 * S, &v));
    assert_kept(&t, &v, 1, 30);
    assert_sound(t.c);
    cache_destroy(&t);
}


/* ---- against a model ---------------------------------------------------- */

#define KEYS 300
#define TAGS 40
#define STEPS 60000

typedef struct {
    bool     there;
    unsigned method;
    unsigned service;
    size_t   len;
    uint64_t tags; /* set of tag numbers */
    wd_ns_t  from;
    wd_ns_t  fresh;
    wd_ns_t  stale;
    wd_ns_t  old;
} model_t;

typedef struct {
    cache_t  t;
    wd_ns_t  now;
    uint64_t purge_n; /* purges so far */
    uint64_t tag_at[TAGS]; /* number of the last purge of each */
    uint64_t method_at[5];
    uint64_t all_at;
    uint64_t deleted;
    model_t  keys[KEYS];
} world_t;


static bool
model_over(const model_t *m, wd_ns_t now)
{
    return now >= m->fresh && now >= m->stale && now >= m->old;
}


/* The fill began `back` purges ago: the model knows whether one hit it. */
static bool
model_canceled(const world_t *w, const model_t *m, uint64_t seq)
{
    unsigned i;

    if (w->all_at > seq || w->method_at[m->method] > seq) {
        return true;
    }
    for (i = 0; i < TAGS; i++) {
        if ((m->tags >> i & 1) && w->tag_at[i] > seq) {
            return true;
        }
    }
    return false;
}


static void
step_put(world_t *w)
{
    int             rc;
    unsigned        i, n = (unsigned) wd_test_below(KEYS);
    uint64_t        seq;
    model_t         m = {.there = true, .method = n % 5, .service = 1};
    wd_rcache_put_t p;
    wd_rcache_tag_t tags[WD_RCACHE_TAGS_MAX];

    m.len = wd_test_below(4) == 0 ? wd_test_below(5000) : wd_test_below(300);
    p = put_of(&w->t, n, m.len, w->now);
    p.n_tags = wd_test_below(WD_RCACHE_TAGS_MAX + 1);
    for (i = 0; i < p.n_tags; i++) {
        unsigned k = (unsigned) wd_test_below(TAGS);

        tags[i] = tag_of(k);
        m.tags |= UINT64_C(1) << k;
    }
    p.tags = tags;
    seq = w->purge_n - wd_min(w->purge_n, wd_test_below(6));
    p.seq = seq;
    p.from = m.from = w->now - (wd_ns_t) wd_test_below(3 * S);
    p.fresh = m.fresh = w->now + (wd_ns_t) wd_test_below(30 * S);
    p.stale = m.stale = m.fresh + (wd_ns_t) wd_test_below(10 * S);
    p.old = m.old = m.stale + (wd_ns_t) wd_test_below(30 * S);

    rc = wd_rcache_put(w->t.c, &p, w->now);
    if (model_canceled(w, &m, seq)) {
        assert_int_equal(rc, WD_ECANCELED);
        return;
    }
    assert_ok(rc);
    if (!w->keys[n].there || w->keys[n].from <= m.from) {
        w->keys[n] = m;
    }
}


static void
step_get(world_t *w)
{
    unsigned         n = (unsigned) wd_test_below(KEYS);
    model_t         *m = &w->keys[n];
    wd_rcache_view_t v;

    if (m->there && model_over(m, w->now)) {
        m->there = false;
    }
    if (!m->there) {
        assert_int_equal(wd_rcache_get(w->t.c, key_of(n), w->now, &v),
                         WD_ENOTFOUND);
        return;
    }

    assert_ok(wd_rcache_get(w->t.c, key_of(n), w->now, &v));
    assert_int_equal(v.state, w->now < m->fresh   ? WD_RCACHE_FRESH
                              : w->now < m->stale ? WD_RCACHE_STALE
                                                  : WD_RCACHE_OLD);
    assert_kept(&w->t, &v, n, m->len);
}


static bool
model_hit(const model_t *m, unsigned kind, unsigned which)
{
    return m->there
           && (kind == 0
               || (kind == 1 ? m->method == which : (m->tags >> which & 1)));
}


static void
step_purge(world_t *w)
{
    unsigned        i, kind = (unsigned) wd_test_below(20), which;
    uint64_t        n = 0;
    wd_rcache_tag_t tag;

    kind = kind < 2 ? kind : 2;
    which = (unsigned) wd_test_below(kind == 1 ? 5 : TAGS);
    if (kind == 0 && wd_test_below(5) != 0) {
        return;
    }

    w->purge_n++;
    if (kind == 0) {
        wd_rcache_tag_all(&tag);
        w->all_at = w->purge_n;
    } else if (kind == 1) {
        wd_rcache_tag_method(which, &tag);
        w->method_at[which] = w->purge_n;
    } else {
        tag = tag_of(which);
        w->tag_at[which] = w->purge_n;
    }

    for (i = 0; i < KEYS; i++) {
        if (model_hit(&w->keys[i], kind, which)) {
            w->keys[i].there = false;
            n++;
        }
    }
    assert_int_equal(wd_rcache_purge(w->t.c, &tag, 1), n);
    assert_int_equal(wd_rcache_seq(w->t.c), w->purge_n);
    w->deleted += n;
}


static void
assert_figures(world_t *w)
{
    unsigned          i;
    uint64_t          n = 0, bytes = 0;
    wd_rcache_stats_t st;

    wd_rcache_stats(w->t.c, &st);
    for (i = 0; i < KEYS; i++) {
        if (w->keys[i].there) {
            n++;
            bytes += w->keys[i].len;
        }
    }
    assert_int_equal(st.entries, n);
    assert_int_equal(st.purged, w->deleted);
    assert_int_equal(st.evicted, 0);
    n = 0;
    for (i = 0; i < WD_RCACHE_METHODS; i++) {
        n += st.method_entries[i];
        bytes -= st.method_bytes[i];
    }
    assert_int_equal(st.entries, n);
    assert_int_equal(bytes, 0);
}


static void
test_model(void **state)
{
    unsigned i;
    world_t  w = {.now = 1000 * S};

    (void) state;
    w.t = cache_create(16 * MIB, 10000);
    for (i = 0; i < STEPS; i++) {
        switch (wd_test_below(8)) {
        case 0:
        case 1:
        case 2:
            step_put(&w);
            break;
        case 3:
            step_purge(&w);
            break;
        case 4:
            (void) wd_rcache_reclaim(w.t.c, wd_test_below(20));
            break;
        case 5:
            w.now += (wd_ns_t) wd_test_below(S / 50);
            break;
        default:
            step_get(&w);
        }
        if (i % 2000 == 0) {
            assert_figures(&w);
            assert_sound(w.t.c);
        }
    }
    cache_destroy(&w.t);
}


/* ---- purges ------------------------------------------------------------- */

static void
put_tagged(cache_t *t, unsigned n, const wd_rcache_tag_t *tags, size_t n_tags)
{
    wd_rcache_put_t p = put_of(t, n, 50, S);

    p.tags = tags;
    p.n_tags = n_tags;
    assert_ok(wd_rcache_put(t->c, &p, S));
}


static void
test_purge_counts(void **state)
{
    unsigned         i;
    cache_t          t = cache_create(64 * MIB, 10000);
    wd_rcache_tag_t  tags[3] = {tag_of(0), tag_of(1), tag_of(1)}, all;
    wd_rcache_view_t v;

    (void) state;
    for (i = 0; i < 9000; i++) { /* a third each: first, both, second */
        put_tagged(&t, i, i % 3 == 2 ? tags + 1 : tags, i % 3 == 1 ? 3 : 1);
    }

    /* An entry with both ends once, whichever way they are given. */
    assert_int_equal(wd_rcache_purge(t.c, tags + 1, 2), 6000);
    assert_int_equal(wd_rcache_purge(t.c, tags, 3), 3000);
    assert_int_equal(wd_rcache_purge(t.c, tags, 3), 0);
    assert_int_equal(wd_rcache_get(t.c, key_of(1), S, &v), WD_ENOTFOUND);

    /* The memory comes back, in steps. */
    assert_true(wd_rcache_reclaim(t.c, 100) >= 100);
    while (wd_rcache_reclaim(t.c, 1000) != 0) {
    }
    for (i = 0; i < t.c->n_shards; i++) {
        assert_int_equal(t.c->shards[i].n_free, t.c->shards[i].n_segments);
    }

    put_tagged(&t, 5, tags, 1);
    wd_rcache_tag_all(&all);
    assert_int_equal(wd_rcache_purge(t.c, &all, 1), 1);

    /* All of a service. */
    put_tagged(&t, 5, tags, 1);
    wd_rcache_tag_service(2, &all);
    assert_int_equal(wd_rcache_purge(t.c, &all, 1), 0);
    wd_rcache_tag_service(1, &all);
    assert_int_equal(wd_rcache_purge(t.c, &all, 1), 1);
    assert_sound(t.c);
    cache_destroy(&t);
}


/* What was asked for before the purge is not kept after it. */
static void
test_purge_race(void **state)
{
    unsigned          i;
    cache_t           t = cache_create(WD_RCACHE_SIZE_MIN, 10000);
    wd_rcache_put_t   p = put_of(&t, 1, 10, S);
    wd_rcache_tag_t   mine = tag_of(1), other = tag_of(2), method;
    wd_rcache_stats_t st;

    (void) state;
    p.tags = &mine;
    p.n_tags = 1;
    p.seq = wd_rcache_seq(t.c);
    assert_int_equal(wd_rcache_purge(t.c, &other, 1), 0);
    assert_ok(wd_rcache_put(t.c, &p, S));

    assert_int_equal(wd_rcache_purge(t.c, &mine, 1), 1);
    assert_int_equal(wd_rcache_put(t.c, &p, S), WD_ECANCELED);
    p.seq = wd_rcache_seq(t.c);
    wd_rcache_tag_method(p.method, &method);
    assert_int_equal(wd_rcache_purge(t.c, &method, 1), 0);
    assert_int_equal(wd_rcache_put(t.c, &p, S), WD_ECANCELED);
    p.seq = wd_rcache_seq(t.c);
    assert_ok(wd_rcache_put(t.c, &p, S));

    /* More purges than are remembered: it could have been any. */
    p.seq = wd_rcache_seq(t.c);
    for (i = 0; i < t.c->ring_mask; i++) {
        (void) wd_rcache_purge(t.c, &other, 1);
    }
    assert_ok(wd_rcache_put(t.c, &p, S));
    (void) wd_rcache_purge(t.c, &other, 1);
    assert_int_equal(wd_rcache_put(t.c, &p, S), WD_ECANCELED);

    wd_rcache_stats(t.c, &st);
    assert_int_equal(st.refused, 3);
    cache_destroy(&t);
}


/* ---- pressure ----------------------------------------------------------- */

static void
test_pressure(void **state)
{
    wd_ns_t           now;
    unsigned          i, there = 0;
    cache_t           t = cache_create(4 * MIB, 100000);
    wd_rcache_put_t   p;
    wd_rcache_tag_t   tags[WD_RCACHE_TAGS_MAX];
    wd_rcache_view_t  v;
    wd_rcache_stats_t st;

    (void) state;
    for (i = 0; i < 40000; i++) {
        now = S + i * (S / 2000);
        p = put_of(&t, i, wd_test_below(50) == 0 ? 90000 : 100, now);
        p.old += 100 * S;
        for (p.n_tags = 0; p.n_tags < i % 17; p.n_tags++) {
            tags[p.n_tags] = tag_of(i * 16 + (unsigned) p.n_tags);
        }
        p.tags = tags;
        assert_ok(wd_rcache_put(t.c, &p, now));

        /* One that is in use all the time stays. */
        if (i == 0 || i % 50 == 0) {
            assert_ok(wd_rcache_get(t.c, key_of(0), now, &v));
        }
    }

    wd_rcache_stats(t.c, &st);
    assert_true(st.evicted > 1000);
    assert_int_equal(st.stored - st.evicted, st.entries);
    assert_true(st.bytes <= st.capacity);

    assert_ok(wd_rcache_get(t.c, key_of(i - 1), S, &v));
    for (i = 0; i < 20000; i++) {
        there += wd_rcache_get(t.c, key_of(i), S, &v) == WD_OK;
    }
    assert_true(there < 100); /* those used longest ago went */
    assert_sound(t.c);
    cache_destroy(&t);
}


/* ---- services that fall silent ------------------------------------------ */

static wd_rcache_state_e
state_at(cache_t *t, unsigned n, wd_ns_t now)
{
    wd_rcache_view_t v;

    assert_ok(wd_rcache_get(t->c, key_of(n), now, &v));
    return v.state;
}


static void
test_cover(void **state)
{
    cache_t         t = cache_create(2 * MIB, 1000);
    wd_rcache_put_t p;

    (void) state;
    p = put_of(&t, 1, 10, S);
    assert_ok(wd_rcache_put(t.c, &p, S));
    assert_int_equal(state_at(&t, 1, 2 * S), WD_RCACHE_FRESH); /* never beat */
    assert_false(wd_rcache_covered(t.c, 1, 2 * S));

    /* What was fetched before the first beat may have missed a purge. */
    wd_rcache_beat(t.c, 1, 77, 5, 3 * S);
    assert_int_equal(state_at(&t, 1, 3 * S), WD_RCACHE_OLD);
    p = put_of(&t, 1, 10, 3 * S);
    assert_ok(wd_rcache_put(t.c, &p, 3 * S));
    assert_int_equal(state_at(&t, 1, 4 * S), WD_RCACHE_FRESH);
    assert_int_equal(state_at(&t, 1, 4 * S + 1), WD_RCACHE_OLD); /* silence */

    /* Silence in which nothing was purged: all is as before. */
    wd_rcache_beat(t.c, 1, 77, 5, 6 * S);
    assert_int_equal(state_at(&t, 1, 6 * S), WD_RCACHE_FRESH);

    /* A purge that came, and the beat that counts it. */
    assert_true(wd_rcache_claim(t.c, 1, 77, 6));
    wd_rcache_claim_done(t.c, 1, 77, 6, 6 * S);
    assert_false(wd_rcache_claim(t.c, 1, 77, 6));
    wd_rcache_beat(t.c, 1, 77, 6, 6 * S + 1);
    assert_int_equal(state_at(&t, 1, 6 * S + 1), WD_RCACHE_FRESH);

    /* One that did not come: the next one shows it, or the beat. */
    wd_rcache_note(t.c, 1, 77, 8, 6 * S + 2);
    assert_int_equal(state_at(&t, 1, 6 * S + 2), WD_RCACHE_OLD);
    p = put_of(&t, 1, 10, 6 * S + 2);
    assert_ok(wd_rcache_put(t.c, &p, 6 * S + 2));
    wd_rcache_beat(t.c, 1, 77, 8, 6 * S + 2);
    assert_int_equal(state_at(&t, 1, 6 * S + 2), WD_RCACHE_FRESH);
    wd_rcache_beat(t.c, 1, 77, 9, 6 * S + 3);
    assert_int_equal(state_at(&t, 1, 6 * S + 3), WD_RCACHE_OLD);

    /* A second instance covers as long as the first did, and no longer. */
    p = put_of(&t, 1, 10, 6 * S + 3);
    assert_ok(wd_rcache_put(t.c, &p, 6 * S + 3));
    wd_rcache_beat(t.c, 1, 78, 0, 6 * S + 4);
    assert_int_equal(state_at(&t, 1, 6 * S + 4), WD_RCACHE_FRESH);
    wd_rcache_beat(t.c, 1, 78, 0, 7 * S + 1);
    wd_rcache_beat(t.c, 1, 78, 0, 8 * S);
    assert_int_equal(state_at(&t, 1, 8 * S), WD_RCACHE_OLD);

    /* Another service is another matter. */
    p = put_of(&t, 2, 10, S);
    p.service = 2;
    assert_ok(wd_rcache_put(t.c, &p, S));
    assert_int_equal(state_at(&t, 2, 8 * S), WD_RCACHE_FRESH);
    cache_destroy(&t);
}


static bool
once(cache_t *t, uint64_t instance, uint64_t seq)
{
    bool mine = wd_rcache_claim(t->c, 1, instance, seq);

    if (mine) {
        wd_rcache_claim_done(t->c, 1, instance, seq, S);
    }
    return mine;
}


/* Each number once, in whatever order workers come to know of them. */
static void
test_claim(void **state)
{
    uint64_t i;
    cache_t  t = cache_create(2 * MIB, 1000);

    (void) state;
    assert_true(once(&t, 77, 100));
    assert_false(once(&t, 77, 100));

    /* The first one is from a connection that is younger than another. */
    assert_true(once(&t, 77, 99));
    assert_false(once(&t, 77, 99));
    assert_true(once(&t, 77, 30)); /* not known: once too often, not never */
    assert_true(once(&t, 77, 30));

    /* A beat, or a later number, is not the purge. */
    wd_rcache_beat(t.c, 1, 77, 102, S);
    assert_true(once(&t, 77, 104));
    for (i = 101; i <= 103; i++) {
        assert_true(once(&t, 77, i));
        assert_false(once(&t, 77, i));
    }

    /* One that is far behind finds done what was done, in turn or not. */
    assert_true(once(&t, 77, 105));
    for (i = 106; i <= 401; i++) {
        assert_true(once(&t, 77, i ^ 1));
    }
    for (i = 104; i <= 401; i++) {
        assert_false(once(&t, 77, i));
    }

    /* One that was missed is not forgotten. */
    for (i = 403; i <= 700; i++) {
        assert_true(once(&t, 77, i));
    }
    assert_true(once(&t, 77, 402));
    assert_false(once(&t, 77, 403));

    /* More at once than are told apart. */
    assert_true(once(&t, 77, 2000));
    assert_true(once(&t, 77, 1990));
    assert_false(once(&t, 77, 1990));
    assert_true(once(&t, 77, 1000));

    /* Another instance, another service. */
    assert_true(once(&t, 78, 2000));
    assert_true(wd_rcache_claim(t.c, 2, 77, 2000));
    wd_rcache_claim_done(t.c, 2, 77, 2000, S);

    /* What each does for itself counts for all. */
    wd_rcache_note(t.c, 1, 77, 2001, S);
    assert_false(once(&t, 77, 2001));
    cache_destroy(&t);
}


/* ---- other sizes -------------------------------------------------------- */

static void
test_migrate(void **state)
{
    unsigned          i;
    cache_t           a = cache_create(8 * MIB, 10000), big, small;
    wd_rcache_tag_t   tag = tag_of(7);
    wd_rcache_view_t  v;
    wd_rcache_stats_t st;

    (void) state;
    wd_rcache_beat(a.c, 1, 77, 5, S);
    for (i = 0; i < 4000; i++) {
        wd_rcache_put_t p = put_of(&a, i, 50 + i % 700, S + i);

        p.tags = &tag;
        p.n_tags = i % 4 == 0;
        assert_ok(wd_rcache_put(a.c, &p, S + i));
    }

    big = cache_create(16 * MIB, 10000);
    wd_rcache_migrate(a.c, big.c, S + 4000);
    for (i = 0; i < 4000; i++) {
        assert_ok(wd_rcache_get(big.c, key_of(i), S + 4000, &v));
        assert_int_equal(v.state, WD_RCACHE_FRESH);
        assert_kept(&big, &v, i, 50 + i % 700);
    }
    assert_int_equal(wd_rcache_purge(big.c, &tag, 1), 1000);
    wd_rcache_beat(big.c, 1, 77, 5, S + 5000);
    assert_int_equal(state_at(&big, 1, S + 5000), WD_RCACHE_FRESH);

    small = cache_create(WD_RCACHE_SIZE_MIN, 10000);
    wd_rcache_migrate(a.c, small.c, S + 4000);
    wd_rcache_stats(small.c, &st);
    assert_true(st.entries > 300 && st.entries < 4000);
    for (i = 0; i < 4000; i++) {
        if (wd_rcache_get(small.c, key_of(i), S + 4000, &v) == WD_OK) {
            assert_kept(&small, &v, i, 50 + i % 700);
        }
    }
    assert_sound(small.c);
    assert_sound(big.c);
    cache_destroy(&a);
    cache_destroy(&big);
    cache_destroy(&small);
}


/* ---- keys --------------------------------------------------------------- */

static void
test_keys(void **state)
{
    size_t        i, k;
    uint8_t       d[8][WD_CACHEKEY_LEN];
    wd_buf_t      scratch = WD_BUF_INIT;
    wd_cachekey_t keys[] = {
        {WD_STR("bars"), 1, WD_CACHEKEY_GROUP, WD_STR("bars:read"),
         WD_STR("\x81")},
        {WD_STR("bars"), 2, WD_CACHEKEY_GROUP, WD_STR("bars:read"),
         WD_STR("\x81")},
        {WD_STR("bars"), 1, WD_CACHEKEY_PRINCIPAL, WD_STR("bars:read"),
         WD_STR("\x81")},
        {WD_STR("bar"), 1, WD_CACHEKEY_GROUP, WD_STR("sbars:read"),
         WD_STR("\x81")},
        {WD_STR("bars"), 1, WD_CACHEKEY_GROUP, WD_STR("bars:read\x81"),
         WD_STR("")},
        {WD_STR("bars"), 1, WD_CACHEKEY_GROUP, WD_STR(""),
         WD_STR("bars:read\x81")},
        {WD_STR("bars"), 1, WD_CACHEKEY_GROUP, WD_STR("bars:read"),
         WD_STR("\x81\0")},
        {WD_STR(""), 1, WD_CACHEKEY_GROUP, WD_STR(""), WD_STR("")},
    };

    (void) state;
    for (i = 0; i < wd_array_len(keys); i++) {
        assert_ok(wd_cachekey_digest(&keys[i], &scratch, NULL, d[i]));
        for (k = 0; k < i; k++) {
            assert_memory_not_equal(d[i], d[k], WD_CACHEKEY_LEN);
        }
    }
    assert_ok(wd_cachekey_digest(&keys[0], &scratch, NULL, d[1]));
    assert_memory_equal(d[0], d[1], WD_CACHEKEY_LEN);
    wd_buf_done(&scratch);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),         cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_limits),       cmocka_unit_test(test_times),
        cmocka_unit_test(test_order),        cmocka_unit_test(test_model),
        cmocka_unit_test(test_purge_counts), cmocka_unit_test(test_purge_race),
        cmocka_unit_test(test_pressure),     cmocka_unit_test(test_cover),
        cmocka_unit_test(test_claim),        cmocka_unit_test(test_migrate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
