/*
 * wd_verdict_table.h - inside of wd_verdicts: sets of eight entries, with a
 * tag of two bytes for each, so that a look touches the entries that match.
 *
 * A digest belongs to one shard and to two sets of it. When both are full, an
 * entry moves to its other set if there is room, which fills a table to about
 * 97 % before anything is lost. All functions are called under the lock of
 * the shard.
 */
#ifndef WD_VERDICT_TABLE_H
#define WD_VERDICT_TABLE_H

#include "wd_verdicts.h"

#define WD_VERDICT_WAYS 8

#define WD_VERDICT_F_TOKEN 1u
#define WD_VERDICT_F_NETS_INLINE 2u /* behind the texts, not interned */

/* What both classes of entries begin with. */
typedef struct {
    uint8_t  digest[WD_VERDICT_DIGEST];
    wd_ns_t  checked;
    wd_ns_t  expires;
    uint32_t used; /* monotonic seconds, for LRU */
    uint16_t perms; /* interned, with the bits beside them */
    uint16_t plan;
    uint16_t nets;
    uint16_t label;
    uint8_t  flags;
    uint8_t  principal_len;
    uint8_t  key_len;
    uint8_t  nets_len;
    uint64_t owner;
} wd_verdict_head_t;

/* The texts of a token stand behind its iat and jti. */
typedef struct {
    wd_verdict_head_t head;
    uint8_t           text[56];
} wd_verdict_small_t;

_Static_assert(sizeof(wd_verdict_small_t) == 128, "two cache lines");

/* Has everything in itself. */
typedef struct {
    wd_verdict_head_t head;
    wd_ns_t           iat;
    uint64_t          jti;
    wd_method_set_t   bits;
    wd_method_set_t   barred;
    uint16_t          nets_len;
    uint16_t          plan_len;
    uint16_t          perms_len;
    uint8_t           text[1024 - sizeof(wd_verdict_head_t) - 54];
} wd_verdict_large_t;

_Static_assert(sizeof(wd_verdict_large_t) == 1024, "a multiple of the line");

typedef struct {
    uint16_t *tags; /* 0: free */
    uint8_t  *entries;
    uint32_t  entry_size;
    uint32_t  sets; /* per shard */
} wd_verdict_table_t;

/* Where an entry is: index into tags. */
typedef size_t wd_verdict_at_t;

#define WD_VERDICT_NOWHERE SIZE_MAX

void   wd_verdict_table_init(wd_verdict_table_t *t, uint8_t *mem,
                             uint32_t entry_size, uint32_t shards, uint32_t sets);
size_t wd_verdict_table_bytes(uint32_t entry_size, uint32_t shards,
                              uint32_t sets);

wd_verdict_head_t *wd_verdict_table_entry(const wd_verdict_table_t *t,
                                          wd_verdict_at_t           at);

wd_verdict_at_t wd_verdict_table_find(const wd_verdict_table_t *t,
                                      uint32_t shard, const uint8_t *digest);

/* What a place cost. */
typedef enum {
    WD_VERDICT_FREE,
    WD_VERDICT_EXPIRED, /* an entry that did not count any more */
    WD_VERDICT_EVICTED
} wd_verdict_cost_e;

/*
 * A place for that digest, with its tag free. `crowded`: the table is about
 * full, so that moving others gains nothing.
 */
wd_verdict_at_t wd_verdict_table_place(wd_verdict_table_t *t, uint32_t shard,
                                       const uint8_t *digest, bool crowded,
                                       wd_ns_t            wall,
                                       wd_verdict_cost_e *ret_cost);

void wd_verdict_table_publish(wd_verdict_table_t *t, wd_verdict_at_t at,
                              const uint8_t *digest);
void wd_verdict_table_wipe(wd_verdict_table_t *t, uint32_t shard);

uint64_t wd_verdict_table_capacity(const wd_verdict_table_t *t,
                                   uint32_t                  shards);

#endif /* WD_VERDICT_TABLE_H */
