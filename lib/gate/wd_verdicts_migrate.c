/*
 * wd_verdicts_migrate.c - from a memory of one size into another.
 */
#include "wd_verdicts_int.h"

#include <stdlib.h>


static void
wd_verdicts_migrate_set(wd_verdicts_t *to, wd_verdicts_t *from, uint32_t shard,
                        unsigned class, size_t set, wd_verdict_now_t now,
                        wd_verdict_copy_t *copy)
{
    size_t              i, n = 0;
    uint8_t             digests[WD_VERDICT_WAYS][WD_VERDICT_DIGEST];
    uint32_t            used[WD_VERDICT_WAYS];
    wd_verdict_head_t  *e;
    wd_verdict_shard_t *s;

    /* The lock is held for one set at a time: others go on working. */
    s = wd_verdicts_lock(from, shard);
    for (i = set; i < set + WD_VERDICT_WAYS; i++) {
        e = wd_verdict_table_entry(&from->tables[class], i);
        if (from->tables[class].tags[i] != 0
            && (e->expires == 0 || e->expires > now.wall)
            && wd_verdict_read(from, e, class, s->gen, &copy[n]) == WD_OK) {
            memcpy(digests[n], e->digest, WD_VERDICT_DIGEST);
            used[n++] = e->used;
        }
    }
    wd_shlock_unlock(&s->lock);

    for (i = 0; i < n; i++) {
        (void) wd_verdicts_put_used(to, digests[i], &copy[i].v, now, used[i]);
    }
}


static void
wd_verdicts_migrate_revoked(wd_verdicts_t *to, wd_verdicts_t *from)
{
    uint32_t                    i;
    uint64_t                    j, n;
    wd_verdict_shard_t         *s, *d;
    const wd_verdict_revoked_t *r;

    for (i = 0; i < from->n_shards; i++) {
        s = wd_verdicts_lock(from, i);
        n = wd_min(s->n_revoked, WD_VERDICT_RING);
        for (j = n; j >= 1; j--) {
            r = &s->revoked[(s->n_revoked - j) % WD_VERDICT_RING];
            d = &to->shards[wd_verdicts_shard_of(to, r->digest)];
            (void) wd_verdicts_note_revoked(to, d, r->digest, r->at);
        }
        for (j = 0; j < to->n_shards; j++) {
            to->shards[j].forgotten = wd_max(to->shards[j].forgotten,
                                             s->forgotten);
        }
        wd_shlock_unlock(&s->lock);
    }

    wd_revoked_copy(&to->revoked, &from->revoked, WD_NS_MIN);
    (void) wd_verdicts_raise(&to->void_before, atomic_load(&from->void_before));
    (void) wd_verdicts_raise(&to->issued_before,
                             atomic_load(&from->issued_before));
}


void
wd_verdicts_migrate(wd_verdicts_t *to, wd_verdicts_t *from,
                    wd_verdict_now_t now)
{
    size_t j, n;
    unsigned class;
    uint32_t           i;
    wd_verdict_copy_t *copy;

    /* Before the rest: hashes of names are compared with these rows. */
    memcpy(to->key, from->key, sizeof(to->key));
    atomic_store(&to->policy, atomic_load(&from->policy));
    atomic_store(&to->epoch, atomic_load(&from->epoch));
    wd_verdicts_migrate_revoked(to, from);

    copy = malloc(WD_VERDICT_WAYS * sizeof(*copy));
    if (copy == NULL) {
        return;
    }
    for (class = 0; class < WD_VERDICT_CLASSES; class ++) {
        n = (size_t) from->tables[class].sets * WD_VERDICT_WAYS;
        for (i = 0; i < from->n_shards; i++) {
            for (j = 0; j < n; j += WD_VERDICT_WAYS) {
                wd_verdicts_migrate_set(to, from, i, class, i * n + j, now,
                                        copy);
            }
        }
    }
    free(copy);

    wd_verdicts_beat(to, atomic_load(&from->cover_since),
                     atomic_load(&from->cover_until));
}
