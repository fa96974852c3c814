/*
 * wd_keyshare.c - slots with a lock, a lease and a document each.
 */
#include "wd_keyshare.h"

#include "wd_shlock.h"


typedef struct {
    wd_shlock_t      lock;
    _Atomic uint64_t generation;
    _Atomic uint64_t attempts;
    uint8_t          name[WD_KEYSHARE_NAME];
    uint64_t         claimed; /* turn of the claim; 0: free */
    uint32_t         holder; /* of the lease; 0: nobody */
    uint32_t         failures; /* in a row */
    wd_ns_t          until; /* end of the lease */
    wd_ns_t          due;
    wd_ns_t          wanted; /* the last fetch out of turn */
    bool             was_wanted;
    bool             again; /* outdated while it was fetched */
    size_t           len;
    uint8_t          bytes[WD_KEYSHARE_BYTES];
} wd_keyshare_slot_t;

struct wd_keyshare_s {
    uint64_t           turn;
    wd_keyshare_slot_t slots[WD_KEYSHARE_SLOTS];
};


size_t
wd_keyshare_size(void)
{
    return sizeof(wd_keyshare_t);
}


wd_keyshare_t *
wd_keyshare_init(void *mem)
{
    return mem;
}


/*
 * A holder that died may have been writing the document: it is dropped and
 * fetched anew; workers go on with the set that they have read.
 */
static void
wd_keyshare_lock(wd_keyshare_slot_t *k)
{
    if (wd_shlock_lock(&k->lock)) {
        k->len = 0;
        k->holder = 0;
        k->due = 0;
    }
}


/* False and not locked: the slot is another's. */
static bool
wd_keyshare_enter(wd_keyshare_slot_t *k, const uint8_t *name)
{
    wd_keyshare_lock(k);
    if (memcmp(k->name, name, WD_KEYSHARE_NAME) == 0) {
        return true;
    }
    wd_shlock_unlock(&k->lock);
    return false;
}


static void
wd_keyshare_take(wd_keyshare_slot_t *k, const uint8_t *name, uint64_t turn)
{
    wd_keyshare_lock(k);
    if (memcmp(k->name, name, WD_KEYSHARE_NAME) != 0) {
        memcpy(k->name, name, WD_KEYSHARE_NAME);
        k->len = 0;
        k->holder = 0;
        k->failures = 0;
        k->due = 0;
        k->was_wanted = false;
        k->again = false;
        atomic_store(&k->generation, 0);
        atomic_store(&k->attempts, 0);
    }
    k->claimed = turn;
    wd_shlock_unlock(&k->lock);
}


size_t
wd_keyshare_claim(wd_keyshare_t *s, const uint8_t name[WD_KEYSHARE_NAME])
{
    size_t              i, best = 0;
    wd_keyshare_slot_t *k;

    for (i = 0; i < WD_KEYSHARE_SLOTS; i++) {
        k = &s->slots[i];
        if (k->claimed != 0 && memcmp(k->name, name, WD_KEYSHARE_NAME) == 0) {
            best = i;
            break;
        }
        if (k->claimed < s->slots[best].claimed) {
            best = i;
        }
    }

    wd_keyshare_take(&s->slots[best], name, ++s->turn);
    return best;
}


/* Without the lock: who reads it once more a moment later sees the change. */
void
wd_keyshare_state(wd_keyshare_t *s, size_t slot,
                  const uint8_t        name[WD_KEYSHARE_NAME],
                  wd_keyshare_state_t *ret)
{
    wd_keyshare_slot_t *k = &s->slots[slot];

    *ret = (wd_keyshare_state_t){0, 0, false};
    if (memcmp(k->name, name, WD_KEYSHARE_NAME) == 0) {
        ret->generation = atomic_load(&k->generation);
        ret->attempts = atomic_load(&k->attempts);
        ret->failed = k->failures != 0;
    }
}


static bool
wd_keyshare_leased(wd_keyshare_slot_t *k, wd_ns_t now)
{
    if (k->holder != 0 && (now >= k->until || wd_pid_gone(k->holder))) {
        k->holder = 0;
    }
    return k->holder != 0;
}


static wd_keyshare_e
wd_keyshare_lease(wd_keyshare_slot_t *k, wd_ns_t now, wd_ns_t lease)
{
    k->holder = wd_shlock_self();
    k->until = now + lease;
    k->again = false;
    return WD_KEYSHARE_FETCH;
}


wd_keyshare_e
wd_keyshare_due(wd_keyshare_t *s, size_t slot,
                const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t now,
                wd_ns_t lease)
{
    wd_keyshare_e       e = WD_KEYSHARE_NO;
    wd_keyshare_slot_t *k = &s->slots[slot];

    if (!wd_keyshare_enter(k, name)) {
        return e;
    }
    if (wd_keyshare_leased(k, now)) {
        e = WD_KEYSHARE_WAIT;
    } else if (now >= k->due) {
        e = wd_keyshare_lease(k, now, lease);
    }
    wd_shlock_unlock(&k->lock);
    return e;
}


wd_keyshare_e
wd_keyshare_want(wd_keyshare_t *s, size_t slot,
                 const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t now,
                 wd_ns_t lease, wd_ns_t interval, wd_ns_t *ret_wait)
{
    wd_keyshare_e       e = WD_KEYSHARE_NO;
    wd_keyshare_slot_t *k = &s->slots[slot];

    *ret_wait = interval;
    if (!wd_keyshare_enter(k, name)) {
        return e;
    }

    if (wd_keyshare_leased(k, now)) {
        e = WD_KEYSHARE_WAIT;
    } else if (!k->was_wanted || now - k->wanted >= interval) {
        k->was_wanted = true;
        k->wanted = now;
        e = wd_keyshare_lease(k, now, lease);
    } else {
        *ret_wait = k->wanted + interval - now;
    }
    wd_shlock_unlock(&k->lock);
    return e;
}


void
wd_keyshare_outdated(wd_keyshare_t *s, size_t slot,
                     const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t now)
{
    wd_keyshare_slot_t *k = &s->slots[slot];

    if (!wd_keyshare_enter(k, name)) {
        return;
    }
    if (wd_keyshare_leased(k, now)) {
        k->again = true;
    }
    k->due = now;
    wd_shlock_unlock(&k->lock);
}


void
wd_keyshare_due_by(wd_keyshare_t *s, size_t slot,
                   const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t by)
{
    wd_keyshare_slot_t *k = &s->slots[slot];

    if (wd_keyshare_enter(k, name)) {
        k->due = wd_min(k->due, by);
        wd_shlock_unlock(&k->lock);
    }
}


/* True: locked, and the caller's fetch is the one that counts. */
static bool
wd_keyshare_finish(wd_keyshare_slot_t *k, const uint8_t *name)
{
    if (!wd_keyshare_enter(k, name)) {
        return false;
    }
    if (k->holder == wd_shlock_self()) {
        k->holder = 0;
        return true;
    }
    wd_shlock_unlock(&k->lock);
    return false;
}


void
wd_keyshare_store(wd_keyshare_t *s, size_t slot,
                  const uint8_t name[WD_KEYSHARE_NAME], wd_str_t bytes,
                  wd_ns_t now, wd_ns_t next)
{
    wd_keyshare_slot_t *k = &s->slots[slot];

    if (bytes.len > WD_KEYSHARE_BYTES || !wd_keyshare_finish(k, name)) {
        return;
    }

    if (k->len != bytes.len || memcmp(k->bytes, bytes.data, k->len) != 0) {
        memcpy(k->bytes, bytes.data, bytes.len);
        k->len = bytes.len;
        atomic_fetch_add(&k->generation, 1);
    }
    k->failures = 0;
    k->due = k->again ? now : next;
    k->again = false;
    atomic_fetch_add(&k->attempts, 1);
    wd_shlock_unlock(&k->lock);
}


void
wd_keyshare_failed(wd_keyshare_t *s, size_t slot,
                   const uint8_t name[WD_KEYSHARE_NAME], wd_ns_t now)
{
    wd_ns_t             wait = WD_KEYSHARE_RETRY_MAX;
    wd_keyshare_slot_t *k = &s->slots[slot];

    if (!wd_keyshare_finish(k, name)) {
        return;
    }

    if (k->failures < 5) {
        wait = wd_min(wait, WD_KEYSHARE_RETRY << k->failures);
    }
    k->failures++;
    k->due = k->again ? now : now + wait;
    k->again = false;
    atomic_fetch_add(&k->attempts, 1);
    wd_shlock_unlock(&k->lock);
}


int
wd_keyshare_load(wd_keyshare_t *s, size_t slot,
                 const uint8_t name[WD_KEYSHARE_NAME], wd_buf_t *out,
                 uint64_t *ret_generation)
{
    size_t              len;
    uint8_t            *p;
    wd_keyshare_slot_t *k = &s->slots[slot];

    /* The memory before the lock is taken, so that nobody waits for it. */
    wd_buf_reset(out);
    p = wd_buf_reserve(out, WD_KEYSHARE_BYTES);
    if (p == NULL) {
        return WD_ENOMEM;
    }
    if (!wd_keyshare_enter(k, name)) {
        return WD_ENOTFOUND;
    }

    len = k->len;
    memcpy(p, k->bytes, len);
    *ret_generation = atomic_load(&k->generation);
    wd_shlock_unlock(&k->lock);

    out->len += len;
    return len != 0 ? WD_OK : WD_ENOTFOUND;
}
