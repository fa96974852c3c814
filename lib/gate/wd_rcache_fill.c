/*
 * wd_rcache_fill.c - one process fetches an answer, the others are told when
 * it is there.
 */
#include "wd_rcache_int.h"

#include <unistd.h>


/* ---- boxes -------------------------------------------------------------- */

static void
wd_rcache_box_lock(wd_rcache_box_t *b)
{
    if (wd_shlock_lock(&b->lock)) {
        b->first = b->n = 0;
        b->lost = true;
    }
}


static void
wd_rcache_box_put(wd_rcache_box_t *b, const uint8_t *key, int code, wd_ns_t now)
{
    wd_rcache_notice_t *n;

    wd_rcache_box_lock(b);
    if (b->n == WD_RCACHE_BOX) {
        b->lost = true;
    } else {
        n = &b->notices[(b->first + b->n++) % WD_RCACHE_BOX];
        memcpy(n->key, key, WD_CACHEKEY_LEN);
        n->code = code;
        n->at = now;
    }
    wd_shlock_unlock(&b->lock);
}


int
wd_rcache_notice(wd_rcache_t *c, int worker, wd_rcache_notice_t *ret)
{
    int              rc = WD_EAGAIN;
    wd_rcache_box_t *b = &c->boxes[worker];

    wd_rcache_box_lock(b);
    if (b->n != 0) {
        *ret = b->notices[b->first];
        b->first = (b->first + 1) % WD_RCACHE_BOX;
        b->n--;
        rc = WD_OK;
    } else if (b->lost) {
        b->lost = false;
        rc = WD_EOVERFLOW;
    }
    wd_shlock_unlock(&b->lock);
    return rc;
}


static bool
wd_rcache_box_claim(wd_rcache_box_t *b, uint32_t pid)
{
    uint32_t old = atomic_load_explicit(&b->pid, memory_order_acquire);

    if (old != 0 && old != pid && !wd_pid_gone(old)) {
        return false;
    }
    if (!atomic_compare_exchange_strong(&b->pid, &old, pid)) {
        return false;
    }

    wd_rcache_box_lock(b);
    b->first = b->n = 0;
    b->lost = false;
    wd_shlock_unlock(&b->lock);
    return true;
}


int
wd_rcache_join(wd_rcache_t *c)
{
    uint32_t i, pid = (uint32_t) getpid();

    for (i = 0; i < c->n_boxes; i++) {
        if (wd_rcache_box_claim(&c->boxes[i], pid)) {
            return (int) i;
        }
    }
    return -1;
}


void
wd_rcache_wake_set(wd_rcache_t *c, int worker, int fd)
{
    atomic_store_explicit(&c->boxes[worker].fd, fd, memory_order_release);
}


int
wd_rcache_wake_get(const wd_rcache_t *c, int worker)
{
    return atomic_load_explicit(&c->boxes[worker].fd, memory_order_acquire);
}


int
wd_rcache_places(const wd_rcache_t *c)
{
    return (int) c->n_boxes;
}


/* ---- fills -------------------------------------------------------------- */

/* Who waited looks again after a while by itself. */
static void
wd_rcache_fills_lock(wd_rcache_fills_t *f)
{
    if (wd_shlock_lock(&f->lock)) {
        memset(f->fills, 0, sizeof(f->fills));
        memset(f->passes, 0, sizeof(f->passes));
        f->n_used = 0;
        f->next_id += UINT64_C(1) << 32; /* ids stay unique */
    }
}


static wd_rcache_fill_t *
wd_rcache_fill_find(wd_rcache_fills_t *f, const uint8_t *key,
                    wd_rcache_fill_t **ret_free)
{
    uint32_t i, seen = 0;

    *ret_free = NULL;
    for (i = 0; i < WD_RCACHE_FILLS; i++) {
        if (!f->fills[i].used) {
            if (*ret_free == NULL) {
                *ret_free = &f->fills[i];
            }
            if (seen == f->n_used) {
                break;
            }
            continue;
        }
        if (memcmp(f->fills[i].key, key, WD_CACHEKEY_LEN) == 0) {
            return &f->fills[i];
        }
        seen++;
    }
    return NULL;
}


static wd_rcache_passed_t *
wd_rcache_passed(wd_rcache_fills_t *f, const uint8_t *key)
{
    return &f->passes[(wd_rcache_hash(key) >> 8) % WD_RCACHE_PASSES];
}


static void
wd_rcache_lead(const wd_rcache_t *c, wd_rcache_fills_t *f,
               wd_rcache_fill_t *fill, wd_ns_t until, wd_rcache_lead_t *ret)
{
    fill->holder = (uint32_t) getpid();
    fill->until = until;
    fill->id = ++f->next_id;
    fill->seq = wd_rcache_seq(c);
    ret->id = fill->id;
    ret->seq = fill->seq;
    ret->until = until;
}


static wd_rcache_fill_e
wd_rcache_follow(wd_rcache_fill_t *fill, int worker, bool wait,
                 wd_rcache_lead_t *ret)
{
    ret->until = fill->until;
    if (!wait || worker < 0) {
        return WD_RCACHE_BUSY;
    }
    fill->waiters.bits[worker / 64] |= UINT64_C(1) << (worker % 64);
    return WD_RCACHE_WAIT;
}


static wd_rcache_fill_e
wd_rcache_fill_locked(wd_rcache_t *c, wd_rcache_fills_t *f, const uint8_t *key,
                      int worker, bool wait, wd_ns_t now, wd_ns_t lease,
                      wd_rcache_lead_t *ret)
{
    wd_rcache_fill_t         *fill, *unused;
    const wd_rcache_passed_t *passed = wd_rcache_passed(f, key);

    if (passed->key == wd_rcache_hash(key) && now < passed->until) {
        return WD_RCACHE_PASS;
    }

    fill = wd_rcache_fill_find(f, key, &unused);
    if (fill != NULL) {
        if (now < fill->until && !wd_pid_gone(fill->holder)) {
            return wd_rcache_follow(fill, worker, wait, ret);
        }
        wd_rcache_lead(c, f, fill, now + lease, ret); /* keeps the waiters */
        return WD_RCACHE_LEAD;
    }

    if (unused == NULL) {
        return WD_RCACHE_PASS;
    }
    memset(unused, 0, sizeof(*unused));
    memcpy(unused->key, key, WD_CACHEKEY_LEN);
    unused->used = true;
    f->n_used++;
    wd_rcache_lead(c, f, unused, now + lease, ret);
    return WD_RCACHE_LEAD;
}


wd_rcache_fill_e
wd_rcache_fill(wd_rcache_t *c, const uint8_t key[WD_CACHEKEY_LEN], int worker,
               bool wait, wd_ns_t now, wd_ns_t lease, wd_rcache_lead_t *ret)
{
    wd_rcache_fill_e   rc;
    wd_rcache_fills_t *f = &c->fills[wd_rcache_shard_of(c, key)];

    memset(ret, 0, sizeof(*ret));
    wd_rcache_fills_lock(f);
    rc = wd_rcache_fill_locked(c, f, key, worker, wait, now, lease, ret);
    wd_shlock_unlock(&f->lock);
    return rc;
}


static void
wd_rcache_tell(wd_rcache_t *c, const wd_rcache_set_t *who, const uint8_t *key,
               int code, wd_ns_t now)
{
    uint32_t i;

    for (i = 0; i < c->n_boxes; i++) {
        if (who->bits[i / 64] >> (i % 64) & 1) {
            wd_rcache_box_put(&c->boxes[i], key, code, now);
        }
    }
}


static void
wd_rcache_fill_end(wd_rcache_fills_t *f, wd_rcache_fill_t *fill,
                   wd_rcache_set_t *ret_who)
{
    *ret_who = fill->waiters;
    fill->used = false;
    f->n_used--;
}


void
wd_rcache_fill_done(wd_rcache_t *c, const uint8_t key[WD_CACHEKEY_LEN],
                    uint64_t id, int code, wd_ns_t now,
                    wd_rcache_set_t *ret_wake)
{
    wd_rcache_fill_t  *fill, *unused;
    wd_rcache_fills_t *f = &c->fills[wd_rcache_shard_of(c, key)];

    memset(ret_wake, 0, sizeof(*ret_wake));

    wd_rcache_fills_lock(f);
    fill = wd_rcache_fill_find(f, key, &unused);
    if (fill != NULL && fill->id == id) {
        wd_rcache_fill_end(f, fill, ret_wake);
    }
    wd_shlock_unlock(&f->lock);

    wd_rcache_tell(c, ret_wake, key, code, now);
}


void
wd_rcache_pass(wd_rcache_t *c, const uint8_t key[WD_CACHEKEY_LEN],
               wd_ns_t until)
{
    wd_rcache_fills_t  *f = &c->fills[wd_rcache_shard_of(c, key)];
    wd_rcache_passed_t *p = wd_rcache_passed(f, key);

    wd_rcache_fills_lock(f);
    p->key = wd_rcache_hash(key);
    p->until = until;
    wd_shlock_unlock(&f->lock);
}


/* ---- dead processes ----------------------------------------------------- */

static void
wd_rcache_set_add(wd_rcache_set_t *to, const wd_rcache_set_t *from)
{
    size_t i;

    for (i = 0; i < wd_array_len(to->bits); i++) {
        to->bits[i] |= from->bits[i];
    }
}


/* Ends the fills of `pid`, or of all who are dead when it is 0. */
static void
wd_rcache_end_fills(wd_rcache_t *c, uint32_t pid, wd_ns_t now,
                    wd_rcache_set_t *ret_wake)
{
    size_t             i, k;
    wd_rcache_set_t    who;
    wd_rcache_fill_t  *fill;
    wd_rcache_fills_t *f;

    for (i = 0; i < c->n_shards; i++) {
        f = &c->fills[i];
        wd_rcache_fills_lock(f);
        for (k = 0; f->n_used != 0 && k < WD_RCACHE_FILLS; k++) {
            fill = &f->fills[k];
            if (!fill->used
                || (pid != 0 ? fill->holder != pid
                             : !wd_pid_gone(fill->holder))) {
                continue;
            }
            wd_rcache_fill_end(f, fill, &who);
            wd_rcache_tell(c, &who, fill->key, WD_OK, now);
            wd_rcache_set_add(ret_wake, &who);
        }
        wd_shlock_unlock(&f->lock);
    }
}


void
wd_rcache_bury(wd_rcache_t *c, wd_ns_t now, wd_rcache_set_t *ret_wake)
{
    memset(ret_wake, 0, sizeof(*ret_wake));
    wd_rcache_end_fills(c, 0, now, ret_wake);
}


void
wd_rcache_leave(wd_rcache_t *c, int worker, wd_ns_t now,
                wd_rcache_set_t *ret_wake)
{
    memset(ret_wake, 0, sizeof(*ret_wake));
    wd_rcache_end_fills(c, (uint32_t) getpid(), now, ret_wake);
    atomic_store_explicit(&c->boxes[worker].pid, 0, memory_order_release);
}
