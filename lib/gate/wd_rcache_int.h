/*
 * wd_rcache_int.h - how the response cache lies in memory; for its own files.
 */
#ifndef WD_RCACHE_INT_H
#define WD_RCACHE_INT_H

#include "wd_rcache.h"
#include "wd_shlock.h"

#include <stdatomic.h>
#include <string.h>

#define WD_RCACHE_SEGMENT 512
#define WD_RCACHE_WORDS (WD_RCACHE_SEGMENT / 8)
#define WD_RCACHE_NONE UINT32_MAX
#define WD_RCACHE_OWN 3 /* tags that every entry has: all, method, service */
#define WD_RCACHE_LINKS (WD_RCACHE_TAGS_MAX + WD_RCACHE_OWN)
#define WD_RCACHE_TRANSIT 32 /* processes that store into one shard */
#define WD_RCACHE_FILLS 128 /* per shard */
#define WD_RCACHE_PASSES 64 /* per shard */
#define WD_RCACHE_BOX 32 /* notices */
#define WD_RCACHE_STEP 16 /* entries that go under one hold of a lock */
#define WD_RCACHE_INSTANCES 16 /* of one service */
#define WD_RCACHE_MISSED 64 /* purges of an instance that are told apart */
#define WD_RCACHE_SHARDS_MAX 256

typedef _Atomic uint64_t wd_rcache_word_t;

/* An entry's place in the list of one of its tags. */
typedef struct {
    uint32_t node;
    uint32_t gen; /* of the tag when the entry was stored */
    uint32_t prev; /* wd_rcache_ref() */
    uint32_t next;
} wd_rcache_link_t;

/* Head of an entry: the begin of its first segment. */
typedef struct {
    uint8_t          key[WD_CACHEKEY_LEN];
    wd_ns_t          from;
    wd_ns_t          fresh;
    wd_ns_t          stale;
    wd_ns_t          old;
    wd_ns_t          touched;
    uint32_t         chain; /* next in the bucket */
    uint32_t         prev; /* LRU, towards newer ones */
    uint32_t         next;
    uint32_t         tail; /* last segment */
    uint32_t         segments;
    uint32_t         body_len;
    uint16_t         type_len;
    uint16_t         etag_len;
    uint16_t         next_len;
    uint16_t         status;
    int16_t          code;
    uint8_t          method;
    uint8_t          service;
    uint8_t          n_links;
    wd_rcache_link_t links[];
} wd_rcache_entry_t;

_Static_assert(sizeof(wd_rcache_entry_t)
                       + WD_RCACHE_LINKS * sizeof(wd_rcache_link_t)
                   <= WD_RCACHE_SEGMENT,
               "head and links of an entry fit in one segment");

/* A tag that entries of a shard carry. */
typedef struct {
    wd_rcache_tag_t tag;
    uint32_t        gen; /* never goes back, whichever tag it is */
    uint32_t        first; /* newest entry */
    uint32_t        last;
    uint32_t        count; /* links in the list */
    uint32_t        live; /* of them with the generation of now */
    uint32_t        chain; /* next in the bucket, or next free */
    uint32_t        dirty; /* next with void entries */
    bool            is_dirty;
} wd_rcache_node_t;

/* Segments that a process took and did not yet publish. */
typedef struct {
    uint32_t holder; /* thread; 0: unused */
    uint32_t head;
    uint32_t tail;
    uint32_t n;
} wd_rcache_transit_t;

typedef struct {
    uint8_t         key[WD_CACHEKEY_LEN];
    uint64_t        id;
    uint64_t        seq;
    wd_ns_t         until;
    uint32_t        holder; /* process */
    bool            used;
    wd_rcache_set_t waiters;
} wd_rcache_fill_t;

typedef struct {
    uint64_t key;
    wd_ns_t  until;
} wd_rcache_passed_t;

typedef struct {
    _Alignas(64) wd_shlock_t lock;

    /* Segments: heads are entries. */
    wd_rcache_word_t *data;
    _Atomic uint32_t *next; /* of each segment */
    _Atomic uint32_t *version; /* of each, raised when it changes hands */
    uint32_t          n_segments;
    uint32_t          free;
    uint32_t          n_free;

    uint32_t *buckets;
    uint32_t  bucket_mask;
    uint32_t  newest;
    uint32_t  oldest;
    uint32_t  n_entries;

    wd_rcache_node_t *nodes;
    uint32_t         *node_buckets;
    uint32_t          node_mask;
    uint32_t          n_nodes;
    uint32_t          free_node;
    uint32_t          n_free_nodes;
    uint32_t          dirty;

    wd_rcache_transit_t transit[WD_RCACHE_TRANSIT];

    uint64_t stored;
    uint64_t evicted;
    uint64_t expired;
    uint64_t purged;
    uint64_t refused;
    uint64_t repaired;
    uint32_t method_entries[WD_RCACHE_METHODS];
    uint64_t method_bytes[WD_RCACHE_METHODS];
} wd_rcache_shard_t;

/* Apart from the entries: emptied apart, too. */
typedef struct {
    _Alignas(64) wd_shlock_t lock;
    uint64_t           next_id;
    uint32_t           n_used;
    wd_rcache_fill_t   fills[WD_RCACHE_FILLS];
    wd_rcache_passed_t passes[WD_RCACHE_PASSES];
} wd_rcache_fills_t;

/* A purge that was; readable without a lock. */
typedef struct {
    _Atomic uint64_t seq; /* 0: being written */
    _Atomic uint64_t h[2];
} wd_rcache_ring_t;

typedef struct {
    uint64_t name; /* 0: unused */
    uint64_t seq; /* the highest number known of */
    uint64_t missed; /* bit i: the purge seq - i was not done here */
    uint64_t unsure; /* below this, and below those with a bit: not known */
    wd_ns_t  beat;
    wd_ns_t  since; /* nothing was missed from then on */
} wd_rcache_instance_t;

typedef struct {
    _Alignas(64) wd_shlock_t purging; /* taken before all other locks */
    _Alignas(64) wd_shlock_t lock;
    _Atomic int64_t      until; /* covered; 0: the service never beat */
    _Atomic int64_t      since;
    _Atomic uint32_t     draft_of; /* instance that becomes `draft`, from 1 */
    wd_rcache_instance_t draft;
    wd_rcache_instance_t instances[WD_RCACHE_INSTANCES];
} wd_rcache_cover_t;

typedef struct {
    _Alignas(64) wd_shlock_t lock;
    _Atomic uint32_t   pid; /* 0: free */
    _Atomic int        fd;
    bool               lost;
    uint32_t           first;
    uint32_t           n;
    wd_rcache_notice_t notices[WD_RCACHE_BOX];
} wd_rcache_box_t;

struct wd_rcache_s {
    uint32_t           n_shards;
    uint32_t           n_boxes;
    size_t             body_max;
    wd_rcache_shard_t *shards;
    wd_rcache_fills_t *fills;
    wd_rcache_box_t   *boxes;
    wd_rcache_cover_t  cover[WD_RCACHE_SERVICES];

    _Alignas(64) _Atomic uint64_t seq; /* purges so far */
    _Alignas(64) wd_shlock_t ring_lock;
    uint32_t          ring_mask;
    wd_rcache_ring_t *ring;
    _Atomic uint64_t  purges;
    _Atomic uint32_t  dirty; /* a hint: some shard has void entries */
};


static inline wd_rcache_entry_t *
wd_rcache_entry(const wd_rcache_shard_t *s, uint32_t i)
{
    return (wd_rcache_entry_t *) (void *) (s->data
                                           + (size_t) i * WD_RCACHE_WORDS);
}


static inline uint64_t
wd_rcache_hash(const uint8_t *key)
{
    uint64_t h;

    memcpy(&h, key, sizeof(h));
    return h;
}


/* Shard and bucket use different bits of the key. */
static inline uint32_t
wd_rcache_shard_of(const wd_rcache_t *c, const uint8_t *key)
{
    return (uint32_t) (wd_rcache_hash(key) >> 40) & (c->n_shards - 1);
}


/* An entry and the number of its link, in one word. */
static inline uint32_t
wd_rcache_ref(uint32_t entry, unsigned link)
{
    return entry << 5 | link;
}


static inline wd_rcache_link_t *
wd_rcache_link(const wd_rcache_shard_t *s, uint32_t ref)
{
    return &wd_rcache_entry(s, ref >> 5)->links[ref & 31];
}


static inline size_t
wd_rcache_skip(unsigned n_links)
{
    return sizeof(wd_rcache_entry_t) + n_links * sizeof(wd_rcache_link_t);
}


/* wd_rcache.c */
void     wd_rcache_lock(wd_rcache_shard_t *s);
void     wd_rcache_unlock(wd_rcache_shard_t *s);
uint32_t wd_rcache_find(const wd_rcache_shard_t *s, const uint8_t *key);
bool wd_rcache_valid(const wd_rcache_shard_t *s, const wd_rcache_entry_t *e);

/* wd_rcache_cover.c: the other half is wd_shlock_unlock(). */
void wd_rcache_cover_lock(wd_rcache_cover_t *k);

/* wd_rcache_free.c: all with the shard's lock held. */
void   wd_rcache_lru_push(wd_rcache_shard_t *s, uint32_t i);
void   wd_rcache_lru_remove(wd_rcache_shard_t *s, uint32_t i);
void   wd_rcache_remove(wd_rcache_shard_t *s, uint32_t i);
void   wd_rcache_shard_reset(wd_rcache_shard_t *s);
size_t wd_rcache_sweep(wd_rcache_shard_t *s, size_t max);
void   wd_rcache_free_chain(wd_rcache_shard_t *s, uint32_t head, uint32_t tail,
                            uint32_t n);

/* wd_rcache_tags.c: all with the shard's lock held, but purged_since(). */
uint32_t wd_rcache_node_find(const wd_rcache_shard_t *s,
                             const wd_rcache_tag_t   *tag);
uint32_t wd_rcache_node_take(wd_rcache_shard_t *s, const wd_rcache_tag_t *tag);
void     wd_rcache_node_release(wd_rcache_shard_t *s, uint32_t node);
void     wd_rcache_link_in(wd_rcache_shard_t *s, uint32_t entry, unsigned link);
void wd_rcache_link_out(wd_rcache_shard_t *s, uint32_t entry, unsigned link);
uint32_t wd_rcache_node_void(wd_rcache_shard_t *s, uint32_t node);
bool     wd_rcache_purged_since(wd_rcache_t *c, const wd_rcache_tag_t *tags,
                                size_t n, uint64_t from, uint64_t to);

#endif /* WD_RCACHE_INT_H */
