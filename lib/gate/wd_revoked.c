/*
 * wd_revoked.c - sets of eight rows, two sets for each hash.
 *
 * A row becomes valid, changes and ends by one store of one word each, so a
 * holder of the lock that is killed leaves nothing to repair.
 */
#include "wd_revoked.h"

#define WD_REVOKED_WAYS 8

struct wd_revoked_row_s {
    _Atomic uint64_t hash; /* 0: free */
    _Atomic int64_t  number;
    _Atomic int64_t  until;
};


size_t
wd_revoked_capacity(size_t size)
{
    size_t sets = size / sizeof(wd_revoked_row_t) / WD_REVOKED_WAYS;

    return sets / WD_REVOKED_SHARDS * WD_REVOKED_SHARDS * WD_REVOKED_WAYS;
}


void
wd_revoked_init(wd_revoked_t *r, void *mem, size_t size)
{
    r->sets = (uint32_t) (wd_revoked_capacity(size) / WD_REVOKED_WAYS
                          / WD_REVOKED_SHARDS);
    r->rows = mem;
    atomic_store(&r->lost_until, WD_NS_MIN);
}


/* The two sets of a hash, which are in the same shard. */
static void
wd_revoked_sets(const wd_revoked_t *r, uint64_t hash,
                wd_revoked_row_t *ret_sets[2])
{
    size_t first = hash % WD_REVOKED_SHARDS * r->sets;
    size_t a = (hash >> 8) % r->sets, b = (hash >> 32) % r->sets;

    ret_sets[0] = &r->rows[(first + a) * WD_REVOKED_WAYS];
    ret_sets[1] = &r->rows[(first + b) * WD_REVOKED_WAYS];
}


/* The row of that hash; NULL: there is none. */
static wd_revoked_row_t *
wd_revoked_row(const wd_revoked_t *r, uint64_t hash)
{
    size_t            i, j;
    wd_revoked_row_t *sets[2];

    wd_revoked_sets(r, hash, sets);
    for (i = 0; i < 2; i++) {
        for (j = 0; j < WD_REVOKED_WAYS; j++) {
            if (atomic_load_explicit(&sets[i][j].hash, memory_order_relaxed)
                == hash) {
                return &sets[i][j];
            }
        }
    }
    return NULL;
}


static size_t
wd_revoked_sweep(wd_revoked_t *r, wd_revoked_row_t *set, wd_ns_t now)
{
    size_t i, n_free = 0;

    for (i = 0; i < WD_REVOKED_WAYS; i++) {
        if (atomic_load(&set[i].hash) != 0
            && atomic_load(&set[i].until) <= now) {
            atomic_store(&set[i].hash, 0);
            atomic_fetch_sub(&r->n, 1);
        }
        n_free += atomic_load(&set[i].hash) == 0;
    }
    return n_free;
}


/* A free row in the emptier set; NULL: both are full. */
static wd_revoked_row_t *
wd_revoked_place(wd_revoked_t *r, uint64_t hash, wd_ns_t now)
{
    size_t            i, a, b;
    wd_revoked_row_t *sets[2], *set;

    wd_revoked_sets(r, hash, sets);
    a = wd_revoked_sweep(r, sets[0], now);
    b = wd_revoked_sweep(r, sets[1], now);
    set = a >= b ? sets[0] : sets[1];

    for (i = 0; i < WD_REVOKED_WAYS; i++) {
        if (atomic_load(&set[i].hash) == 0) {
            return &set[i];
        }
    }
    return NULL;
}


static void
wd_revoked_raise(_Atomic int64_t *number, int64_t to)
{
    int64_t was = atomic_load(number);

    while (was < to && !atomic_compare_exchange_weak(number, &was, to)) {
        /* looked again */
    }
}


static bool
wd_revoked_put_locked(wd_revoked_t *r, uint64_t hash, int64_t number,
                      wd_ns_t until, wd_ns_t now, int64_t *ret_was)
{
    wd_revoked_row_t *row;

    row = wd_revoked_row(r, hash);
    if (row != NULL) {
        *ret_was = atomic_load(&row->number);
        wd_revoked_raise(&row->until, until);
        wd_revoked_raise(&row->number, number);
        return *ret_was < number;
    }

    *ret_was = WD_NS_MIN;
    row = wd_revoked_place(r, hash, now);
    if (row == NULL) {
        atomic_fetch_add(&r->lost, 1);
        wd_revoked_raise(&r->lost_until, until);
        return true;
    }

    /* Counted first: a count that is too high costs a look, no more. */
    atomic_fetch_add(&r->n, 1);
    atomic_store(&row->number, number);
    atomic_store(&row->until, until);
    atomic_store(&row->hash, hash);
    return true;
}


bool
wd_revoked_swap(wd_revoked_t *r, uint64_t hash, int64_t number, wd_ns_t until,
                wd_ns_t now, int64_t *ret_was)
{
    bool         changed;
    wd_shlock_t *lock;

    hash = hash != 0 ? hash : 1;
    lock = &r->locks[hash % WD_REVOKED_SHARDS];

    if (wd_shlock_lock(lock)) {
        /* nothing is ever half written: nothing to repair */
    }
    changed = wd_revoked_put_locked(r, hash, number, until, now, ret_was);
    wd_shlock_unlock(lock);
    return changed;
}


bool
wd_revoked_put(wd_revoked_t *r, uint64_t hash, int64_t number, wd_ns_t until,
               wd_ns_t now)
{
    int64_t was;

    return wd_revoked_swap(r, hash, number, until, now, &was);
}


bool
wd_revoked_find(wd_revoked_t *r, uint64_t hash, int64_t *ret_number)
{
    wd_shlock_t      *lock;
    wd_revoked_row_t *row;

    if (atomic_load_explicit(&r->n, memory_order_acquire) == 0) {
        return false;
    }

    hash = hash != 0 ? hash : 1;
    lock = &r->locks[hash % WD_REVOKED_SHARDS];

    if (wd_shlock_lock(lock)) {
        /* nothing is ever half written: nothing to repair */
    }
    row = wd_revoked_row(r, hash);
    if (row != NULL) {
        *ret_number = atomic_load(&row->number);
    }
    wd_shlock_unlock(lock);
    return row != NULL;
}


bool
wd_revoked_complete(const wd_revoked_t *r, wd_ns_t now)
{
    return atomic_load_explicit(&r->lost_until, memory_order_acquire) <= now;
}


void
wd_revoked_copy(wd_revoked_t *to, wd_revoked_t *from, wd_ns_t now)
{
    size_t            i, n;
    uint64_t          hash;
    wd_revoked_row_t *row;

    n = (size_t) from->sets * WD_REVOKED_SHARDS * WD_REVOKED_WAYS;
    for (i = 0; i < n; i++) {
        row = &from->rows[i];
        hash = atomic_load(&row->hash);
        if (hash != 0 && atomic_load(&row->until) > now) {
            (void) wd_revoked_put(to, hash, atomic_load(&row->number),
                                  atomic_load(&row->until), now);
        }
    }
    atomic_fetch_add(&to->lost, atomic_load(&from->lost));
    wd_revoked_raise(&to->lost_until, atomic_load(&from->lost_until));
}
