/*
 * wd_verdicts_int.h - the layout of the memory, for the files of
 * wd_verdicts.
 */
#ifndef WD_VERDICTS_INT_H
#define WD_VERDICTS_INT_H

#include "wd_intern.h"
#include "wd_revoked.h"
#include "wd_shlock.h"
#include "wd_verdict_table.h"
#include "wd_verdicts.h"

#include <stdatomic.h>

#define WD_VERDICT_SHARDS_MAX 64
#define WD_VERDICT_RING 128 /* revocations remembered per shard */
#define WD_VERDICT_GENS 256 /* counters that keep L1 caches honest */

/*
 * The clocks of workers are cached per turn of their loops: times that are
 * closer than this count as equal, in favour of the revocation.
 */
#define WD_VERDICT_SLACK (100 * WD_NS_PER_MS)

/* The interned sets are cleared no more often than this. */
#define WD_VERDICT_CLEAR_EVERY (60 * WD_NS_PER_S)

enum { WD_VERDICT_SMALL, WD_VERDICT_LARGE, WD_VERDICT_CLASSES };

typedef struct {
    uint8_t digest[WD_VERDICT_DIGEST];
    wd_ns_t until; /* 0: free */
    wd_ns_t checked;
} wd_verdict_bad_t;

typedef struct {
    uint8_t  digest[WD_VERDICT_DIGEST];
    wd_ns_t  at;
    uint64_t seq; /* above all that was read before it was told */
} wd_verdict_revoked_t;

/*
 * A verdict that was asked for before a revocation may arrive after it, in
 * another worker: it is not stored. What the ring forgot counts as revoked
 * for all who asked before `forgotten`.
 */
typedef struct {
    wd_shlock_t          lock;
    uint32_t             gen; /* of the interned sets, to which entries point */
    uint64_t             n[WD_VERDICT_CLASSES];
    uint64_t             n_revoked;
    wd_ns_t              forgotten;
    wd_verdict_revoked_t revoked[WD_VERDICT_RING];
    uint64_t             stored;
    uint64_t             evicted;
    uint64_t             crossed;
    uint64_t             repaired;
} __attribute__((aligned(64))) wd_verdict_shard_t;

struct wd_verdicts_s {
    size_t              size;
    uint32_t            n_shards;
    uint32_t            bad_sets; /* per shard */
    uint8_t             key[WD_INTERN_KEY]; /* of the hashes of names */
    wd_verdict_shard_t *shards;
    wd_verdict_table_t  tables[WD_VERDICT_CLASSES];
    wd_verdict_bad_t   *bad;
    wd_intern_t         sets;
    wd_revoked_t        revoked;

    _Atomic int64_t  void_before; /* monotonic: all keys, by revoke_all */
    _Atomic int64_t  void_seq; /* the same as a number of `seq` */
    _Atomic int64_t  issued_before; /* wall: all tokens */
    _Atomic uint64_t too_large;
    _Atomic int64_t  cleared; /* monotonic */

    /* What was pushed between the two has arrived; see wd_verdicts_beat(). */
    wd_shlock_t     cover_lock;
    _Atomic int64_t cover_since;
    _Atomic int64_t cover_until;

    _Atomic uint16_t epoch; /* the label of tokens that count */
    _Atomic uint64_t policy; /* changed before the epoch */
    _Atomic uint64_t seq; /* raised last of all by every revocation */

    /* Raised behind every revocation; read before what is cached is read. */
    _Atomic uint64_t gen_all;
    _Atomic uint64_t gens[WD_VERDICT_GENS];
};


/* The counter that a revocation of that digest raises. */
static inline _Atomic uint64_t *
wd_verdicts_gen(wd_verdicts_t *t, const uint8_t *digest)
{
    return &t->gens[digest[16] % WD_VERDICT_GENS];
}


/* wd_verdicts.c: shards and what is in them. */

uint32_t wd_verdicts_shard_of(const wd_verdicts_t *t, const uint8_t *digest);

/*
 * Locks the shard. A process that died inside of it may have left anything:
 * its verdicts are asked for again. So are those whose interned parts are of
 * a generation that is gone.
 */
wd_verdict_shard_t *wd_verdicts_lock(wd_verdicts_t *t, uint32_t shard);

/*
 * Under its lock: ends the entry of the digest, if there is one that was
 * asked for until then.
 */
bool wd_verdicts_drop(wd_verdicts_t *t, uint32_t shard, const uint8_t *digest,
                      wd_ns_t until);

/* The same for the answer that nobody knows it. */
void wd_verdicts_drop_bad(wd_verdicts_t *t, uint32_t shard,
                          const uint8_t *digest);

/* wd_verdicts_put() of an entry that was last used then. */
bool wd_verdicts_put_used(wd_verdicts_t *t, const uint8_t *digest,
                          const wd_verdict_t *v, wd_verdict_now_t now,
                          uint32_t used);


/* wd_verdicts_revoke.c */

/* Were all keys revoked since? */
bool wd_verdicts_voided(const wd_verdicts_t *t, wd_ns_t checked);

/* Was it revoked by another name than its digest? */
bool wd_verdicts_named_revoked(wd_verdicts_t *t, const wd_verdict_t *v);

/* Under the shard's lock: was it revoked by its digest since? */
bool wd_verdicts_was_revoked(const wd_verdict_shard_t *s, const uint8_t *digest,
                             wd_ns_t asked);

/* The same lock. False: it was told within the last second. */
bool wd_verdicts_note_revoked(wd_verdicts_t *t, wd_verdict_shard_t *s,
                              const uint8_t *digest, wd_ns_t mono);

/* True: it was lower. */
bool wd_verdicts_raise(_Atomic int64_t *number, int64_t to);


/* wd_verdict_entry.c: between verdicts and entries. */

/* The numbers of a verdict's interned parts, and of which generation. */
typedef struct {
    uint32_t gen;
    uint16_t perms;
    uint16_t plan;
    uint16_t nets;
    bool     nets_inline;
    bool     large; /* does not go into a small entry */
} wd_verdict_sets_t;

/* WD_ETOOBIG: goes into no entry. */
wd_must_check int wd_verdict_sets(wd_verdicts_t *t, const wd_verdict_t *v,
                                  wd_ns_t mono, wd_verdict_sets_t *ret);

/* Everything but the digest's tag. */
void wd_verdict_write(wd_verdict_head_t *e, const uint8_t *digest,
                      const wd_verdict_t *v, const wd_verdict_sets_t *sets);

/* WD_ENOTFOUND: its interned parts were cleared meanwhile. */
wd_must_check int wd_verdict_read(const wd_verdicts_t     *t,
                                  const wd_verdict_head_t *e, unsigned class,
                                  uint32_t gen, wd_verdict_copy_t *ret);

#endif /* WD_VERDICTS_INT_H */
