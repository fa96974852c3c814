/*
 * wd_rcache_cover.c - whether all purges of a service have arrived.
 *
 * A service numbers its purges and says every quarter of a second, on each
 * connection, behind the purges, which number it is at. Who hears a higher
 * number than the last purge that came has missed some.
 */
#include "wd_rcache_int.h"


static void
wd_rcache_apply_draft(wd_rcache_cover_t *k)
{
    uint32_t i = atomic_load_explicit(&k->draft_of, memory_order_acquire);

    if (i != 0) {
        k->instances[i - 1] = k->draft;
        atomic_store_explicit(&k->draft_of, 0, memory_order_release);
    }
}


/*
 * A killed holder has changed an instance or not: a draft that is whole is
 * applied, once more perhaps. Only the sum may be that of before, and is not
 * relied on until the next beat.
 */
void
wd_rcache_cover_lock(wd_rcache_cover_t *k)
{
    if (wd_shlock_lock(&k->lock)) {
        wd_rcache_apply_draft(k);
        atomic_store_explicit(&k->since, INT64_MAX, memory_order_release);
    }
}


static const wd_rcache_instance_t *
wd_rcache_instance(const wd_rcache_cover_t *k, uint64_t name)
{
    size_t i;

    for (i = 0; i < WD_RCACHE_INSTANCES; i++) {
        if (k->instances[i].name == name) {
            return &k->instances[i];
        }
    }
    return NULL;
}


/* The lowest number that `missed` has a bit for. */
static uint64_t
wd_rcache_missed_from(uint64_t seq)
{
    return seq - wd_min(seq, (uint64_t) WD_RCACHE_MISSED - 1);
}


/* A free one, or the one that is silent for longest. */
static const wd_rcache_instance_t *
wd_rcache_instance_place(const wd_rcache_cover_t *k)
{
    size_t                      i;
    const wd_rcache_instance_t *in, *best = &k->instances[0];

    for (i = 0; i < WD_RCACHE_INSTANCES; i++) {
        in = &k->instances[i];
        if (in->name == 0) {
            return in;
        }
        if (in->beat < best->beat) {
            best = in;
        }
    }
    return best;
}


/*
 * A copy to be changed; its index. What was done of the numbers before `seq`
 * of an instance that is new is not known.
 */
static uint32_t
wd_rcache_instance_take(const wd_rcache_cover_t *k, uint64_t name, uint64_t seq,
                        wd_rcache_instance_t *ret)
{
    const wd_rcache_instance_t *in = wd_rcache_instance(k, name);

    if (in != NULL) {
        *ret = *in;
    } else {
        in = wd_rcache_instance_place(k);
        *ret = (wd_rcache_instance_t){.name = name,
                                      .seq = seq,
                                      .missed = UINT64_MAX,
                                      .unsure = wd_rcache_missed_from(seq)};
    }
    return (uint32_t) (in - k->instances);
}


static void
wd_rcache_instance_put(wd_rcache_cover_t *k, uint32_t i,
                       const wd_rcache_instance_t *in)
{
    k->draft = *in;
    atomic_store_explicit(&k->draft_of, i + 1, memory_order_release);
    wd_rcache_apply_draft(k);
}


/*
 * The numbers above the last one up to this one are missed, until they are
 * noted: one worker may be told by a beat, or by a later purge, of what
 * another one has yet to read.
 */
static void
wd_rcache_instance_raise(wd_rcache_instance_t *in, uint64_t seq)
{
    uint64_t n = seq - in->seq;

    if (n >= WD_RCACHE_MISSED) {
        in->unsure = wd_rcache_missed_from(seq);
        in->missed = UINT64_MAX;
    } else if (n != 0) {
        if (in->missed >> (WD_RCACHE_MISSED - n) != 0) {
            in->unsure = wd_rcache_missed_from(seq);
        }
        in->missed = in->missed << n | ((UINT64_C(1) << n) - 1);
    }
    in->seq = seq;
}


static bool
wd_rcache_instance_did(const wd_rcache_instance_t *in, uint64_t seq)
{
    if (seq > in->seq) {
        return false;
    }
    if (in->seq - seq >= WD_RCACHE_MISSED) {
        return seq >= in->unsure;
    }
    return (in->missed >> (in->seq - seq) & 1) == 0;
}


/* One instance that missed nothing is enough: each tells of all purges. */
static void
wd_rcache_cover_sum(wd_rcache_cover_t *k, wd_ns_t now)
{
    size_t                      i;
    wd_ns_t                     since = INT64_MAX;
    const wd_rcache_instance_t *in;

    for (i = 0; i < WD_RCACHE_INSTANCES; i++) {
        in = &k->instances[i];
        if (in->name != 0 && in->beat != 0
            && now - in->beat <= WD_RCACHE_COVER) {
            since = wd_min(since, in->since);
        }
    }

    atomic_store_explicit(&k->since, since, memory_order_release);
}


static uint64_t
wd_rcache_name(uint64_t instance)
{
    return instance != 0 ? instance : 1;
}


void
wd_rcache_beat(wd_rcache_t *c, unsigned service, uint64_t instance,
               uint64_t seq, wd_ns_t now)
{
    uint32_t             i;
    wd_rcache_cover_t   *k = &c->cover[service];
    wd_rcache_instance_t in;

    wd_rcache_cover_lock(k);

    i = wd_rcache_instance_take(k, wd_rcache_name(instance), seq, &in);
    if (in.beat == 0 || seq > in.seq) {
        wd_rcache_instance_raise(&in, wd_max(seq, in.seq));
        in.since = now;
    }
    in.beat = now;
    wd_rcache_instance_put(k, i, &in);
    wd_rcache_cover_sum(k, now);
    atomic_store_explicit(&k->until, now + WD_RCACHE_COVER,
                          memory_order_release);

    wd_shlock_unlock(&k->lock);
}


/*
 * One at a time for a service, so that looking whether a number was done,
 * doing it and noting it are one step for all workers.
 *
 * The number is noted last. Who is killed before that leaves the lock to the
 * next one, who finds the number not done and does it, once more perhaps:
 * voiding twice costs a fetch, and not at all is an old answer. So nothing
 * that this lock guards is ever half written.
 *
 * Held for as long as a purge takes, unlike the other locks. Who waits has
 * the same purge before it, or one behind it, and would else do the work
 * itself meanwhile, over the same shards.
 */
bool
wd_rcache_claim(wd_rcache_t *c, unsigned service, uint64_t instance,
                uint64_t seq)
{
    bool                        done;
    wd_rcache_cover_t          *k = &c->cover[service];
    const wd_rcache_instance_t *in;

    if (wd_shlock_lock(&k->purging)) {
        /* What the killed one did not note is done by who hears of it. */
    }

    wd_rcache_cover_lock(k);
    in = wd_rcache_instance(k, wd_rcache_name(instance));
    done = in != NULL && wd_rcache_instance_did(in, seq);
    wd_shlock_unlock(&k->lock);

    if (done) {
        wd_shlock_unlock(&k->purging);
    }
    return !done;
}


void
wd_rcache_claim_done(wd_rcache_t *c, unsigned service, uint64_t instance,
                     uint64_t seq, wd_ns_t now)
{
    wd_rcache_note(c, service, instance, seq, now);
    wd_shlock_unlock(&c->cover[service].purging);
}


void
wd_rcache_note(wd_rcache_t *c, unsigned service, uint64_t instance,
               uint64_t seq, wd_ns_t now)
{
    bool                 gap;
    uint32_t             i;
    wd_rcache_cover_t   *k = &c->cover[service];
    wd_rcache_instance_t in;

    wd_rcache_cover_lock(k);

    i = wd_rcache_instance_take(k, wd_rcache_name(instance), seq, &in);
    gap = seq > in.seq && seq != in.seq + 1;
    if (gap) {
        in.since = now;
    }
    if (seq > in.seq) {
        wd_rcache_instance_raise(&in, seq);
    }
    if (in.seq - seq < WD_RCACHE_MISSED) {
        in.missed &= ~(UINT64_C(1) << (in.seq - seq));
    }
    wd_rcache_instance_put(k, i, &in);
    if (gap) {
        wd_rcache_cover_sum(k, now);
    }

    wd_shlock_unlock(&k->lock);
}


bool
wd_rcache_covered(const wd_rcache_t *c, unsigned service, wd_ns_t now)
{
    wd_ns_t until = atomic_load_explicit(&c->cover[service].until,
                                         memory_order_acquire);

    return until != 0 && now <= until;
}
