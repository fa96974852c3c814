/*
 * wd_rcache_cover.c - whether all purges of a service have arrived.
 *
 * A service numbers its purges and says every quarter of a second, on each
 * connection, behind the purges, which number it is at. Who hears a higher
 * number than the last purge that came has missed some.
 */
#include "wd_rcache_int.h"


/* After a killed holder nothing of the table is relied on. */
static void
wd_rcache_cover_lock(wd_rcache_cover_t *k)
{
    if (wd_shlock_lock(&k->lock)) {
        memset(k->instances, 0, sizeof(k->instances));
        atomic_store_explicit(&k->since, INT64_MAX, memory_order_release);
    }
}


static wd_rcache_instance_t *
wd_rcache_instance(wd_rcache_cover_t *k, uint64_t name)
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


/*
 * A free one, or the one that is silent for longest. What was done of its
 * numbers before `seq` is not known.
 */
static wd_rcache_instance_t *
wd_rcache_instance_add(wd_rcache_cover_t *k, uint64_t name, uint64_t seq)
{
    size_t                i;
    wd_rcache_instance_t *in, *best = &k->instances[0];

    for (i = 0; i < WD_RCACHE_INSTANCES; i++) {
        in = &k->instances[i];
        if (in->name == 0) {
            best = in;
            break;
        }
        if (in->beat < best->beat) {
            best = in;
        }
    }

    memset(best, 0, sizeof(*best));
    best->name = name;
    best->seq = seq;
    best->missed = UINT64_MAX;
    best->unsure = wd_rcache_missed_from(seq);
    return best;
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
    wd_rcache_cover_t    *k = &c->cover[service];
    wd_rcache_instance_t *in;

    instance = wd_rcache_name(instance);
    wd_rcache_cover_lock(k);

    in = wd_rcache_instance(k, instance);
    if (in == NULL) {
        in = wd_rcache_instance_add(k, instance, seq);
    }
    if (in->beat == 0 || seq > in->seq) {
        wd_rcache_instance_raise(in, wd_max(seq, in->seq));
        in->since = now;
    }
    in->beat = now;
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
    wd_rcache_cover_t    *k = &c->cover[service];
    wd_rcache_instance_t *in;

    instance = wd_rcache_name(instance);
    wd_rcache_cover_lock(k);

    in = wd_rcache_instance(k, instance);
    if (in == NULL) {
        in = wd_rcache_instance_add(k, instance, seq);
    } else if (seq > in->seq) {
        if (seq != in->seq + 1) {
            in->since = now;
            wd_rcache_cover_sum(k, now);
        }
        wd_rcache_instance_raise(in, seq);
    }
    if (in->seq - seq < WD_RCACHE_MISSED) {
        in->missed &= ~(UINT64_C(1) << (in->seq - seq));
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
