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


/* A free one, or the one that is silent for longest. */
static wd_rcache_instance_t *
wd_rcache_instance_add(wd_rcache_cover_t *k, uint64_t name)
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
    return best;
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
        in = wd_rcache_instance_add(k, instance);
        in->seq = seq;
    }
    if (in->beat == 0 || seq > in->seq) {
        in->seq = wd_max(seq, in->seq);
        in->since = now;
    }
    in->beat = now;
    wd_rcache_cover_sum(k, now);
    atomic_store_explicit(&k->until, now + WD_RCACHE_COVER,
                          memory_order_release);

    wd_shlock_unlock(&k->lock);
}


bool
wd_rcache_heard(wd_rcache_t *c, unsigned service, uint64_t instance,
                uint64_t seq)
{
    bool                        heard;
    wd_rcache_cover_t          *k = &c->cover[service];
    const wd_rcache_instance_t *in;

    wd_rcache_cover_lock(k);
    in = wd_rcache_instance(k, wd_rcache_name(instance));
    heard = in != NULL && seq <= in->seq;
    wd_shlock_unlock(&k->lock);
    return heard;
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
        in = wd_rcache_instance_add(k, instance);
        in->seq = seq;
    } else if (seq > in->seq) {
        if (seq != in->seq + 1) {
            in->since = now;
            wd_rcache_cover_sum(k, now);
        }
        in->seq = seq;
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
