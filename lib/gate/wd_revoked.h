/*
 * wd_revoked.h - which tokens are revoked, in shared memory.
 *
 * A row is a keyed hash of what is revoked with two numbers: one for who
 * looks (a time), one until when the row must be kept. Rows are never lost to
 * make room for others: when there is none, the table says that it is not
 * complete, and until when, so that its user asks elsewhere.
 */
#ifndef WD_REVOKED_H
#define WD_REVOKED_H

#include "wd_err.h"
#include "wd_shlock.h"
#include "wd_time.h"

#define WD_REVOKED_SHARDS 16

typedef struct wd_revoked_row_s wd_revoked_row_t;

typedef struct {
    wd_shlock_t       locks[WD_REVOKED_SHARDS];
    _Atomic uint64_t  n; /* rows in use */
    _Atomic uint64_t  lost; /* found no room, ever */
    _Atomic int64_t   lost_until; /* the table is not complete until then */
    uint32_t          sets; /* per shard */
    wd_revoked_row_t *rows;
} wd_revoked_t;

/* Rows that go into so much memory; 0: it is too small. */
size_t wd_revoked_capacity(size_t size);

/* `mem` is zeroed and aligned to 8. */
void wd_revoked_init(wd_revoked_t *r, void *mem, size_t size);

/*
 * Adds the row, or raises the numbers of the one that is there. `now` is of
 * the same clock as `until`. False: nothing changed.
 */
bool wd_revoked_put(wd_revoked_t *r, uint64_t hash, int64_t number,
                    wd_ns_t until, wd_ns_t now);

/* The same, and which number the row had; WD_NS_MIN: there was none. */
bool wd_revoked_swap(wd_revoked_t *r, uint64_t hash, int64_t number,
                     wd_ns_t until, wd_ns_t now, int64_t *ret_was);

bool wd_revoked_find(wd_revoked_t *r, uint64_t hash, int64_t *ret_number);

/* False: a row that is still to be kept found no room. */
bool wd_revoked_complete(const wd_revoked_t *r, wd_ns_t now);

/* Adds all rows of another table. */
void wd_revoked_copy(wd_revoked_t *to, wd_revoked_t *from, wd_ns_t now);

#endif /* WD_REVOKED_H */
