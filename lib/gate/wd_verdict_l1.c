/*
 * wd_verdict_l1.c - a direct-mapped cache of one thread.
 *
 * A slot is found by a hash of the credential under a secret of this process,
 * so nobody can make credentials that meet in it, or that pass for another. It
 * counts while no revocation that may concern it was applied since it was
 * filled, in any process, and for a second: then the shared table is looked
 * at again, which has what others know and keeps hot entries from eviction.
 */
#include "wd_memo.h"
#include "wd_verdicts_int.h"

#include <sodium.h>
#include <stdlib.h>

#define WD_VERDICT_L1_TEXT 256 /* longer verdicts are not kept here */
#define WD_VERDICT_L1_CREDENTIAL 1024 /* longer ones are hashed each time */

typedef struct {
    uint64_t     gen; /* of its digest, and ... */
    uint64_t     gen_all; /* of all, before the table was looked at */
    wd_ns_t      filled;
    uint8_t      digest[WD_VERDICT_DIGEST];
    wd_verdict_t v;
    char         text[WD_VERDICT_L1_TEXT];
} wd_verdict_slot_t;

struct wd_verdict_l1_s {
    wd_verdicts_t        *t;
    size_t                mask;
    wd_verdict_l1_stats_t stats;
    wd_memo_t            *digests; /* of credentials */
    wd_verdict_slot_t     slots[];
};


wd_verdict_l1_t *
wd_verdict_l1_create(wd_verdicts_t *t, size_t slots)
{
    wd_verdict_l1_t *l1;

    l1 = calloc(1, sizeof(*l1) + slots * sizeof(wd_verdict_slot_t));
    if (l1 == NULL) {
        return NULL;
    }

    l1->t = t;
    l1->mask = slots - 1;
    l1->digests = wd_memo_create(slots, WD_VERDICT_L1_CREDENTIAL);
    if (l1->digests == NULL) {
        free(l1);
        return NULL;
    }
    return l1;
}


void
wd_verdict_l1_destroy(wd_verdict_l1_t *l1)
{
    if (l1 != NULL) {
        wd_memo_destroy(l1->digests);
        free(l1);
    }
}


wd_verdict_l1_stats_t
wd_verdict_l1_stats(const wd_verdict_l1_t *l1)
{
    return l1->stats;
}


static wd_verdict_slot_t *
wd_verdict_l1_slot(wd_verdict_l1_t *l1, const uint8_t *digest)
{
    uint64_t word;

    memcpy(&word, digest, sizeof(word));
    return &l1->slots[word & l1->mask];
}


static bool
wd_verdict_l1_valid(const wd_verdict_l1_t *l1, const wd_verdict_slot_t *slot,
                    const uint8_t *digest, wd_verdict_now_t now)
{
    return slot->filled != 0
           && memcmp(slot->digest, digest, sizeof(slot->digest)) == 0
           && now.mono - slot->filled < WD_NS_PER_S
           && atomic_load_explicit(&l1->t->gen_all, memory_order_acquire)
                  == slot->gen_all
           && atomic_load_explicit(wd_verdicts_gen(l1->t, slot->digest),
                                   memory_order_acquire)
                  == slot->gen;
}


/* Moves a view from where it points to what was copied from there. */
static wd_str_t
wd_verdict_l1_view(wd_str_t view, const char *from, char *to)
{
    return wd_str(to + (view.data - from), view.len);
}


/* False: too long for it; the slot has what it had. */
static bool
wd_verdict_l1_fill(wd_verdict_slot_t *slot, const uint8_t *digest,
                   const wd_verdict_copy_t *copy)
{
    size_t              len;
    const wd_verdict_t *v = &copy->v;

    len = v->principal.len + v->key.len + v->nets.len + v->plan.len
          + v->perms.len;
    if (len > sizeof(slot->text)) {
        return false;
    }

    memcpy(slot->digest, digest, sizeof(slot->digest));
    memcpy(slot->text, copy->text, len);
    slot->v = *v;
    slot->v.principal = wd_verdict_l1_view(v->principal, copy->text,
                                           slot->text);
    slot->v.key = wd_verdict_l1_view(v->key, copy->text, slot->text);
    slot->v.nets = wd_verdict_l1_view(v->nets, copy->text, slot->text);
    slot->v.plan = wd_verdict_l1_view(v->plan, copy->text, slot->text);
    slot->v.perms = wd_verdict_l1_view(v->perms, copy->text, slot->text);
    return true;
}


static void
wd_verdict_l1_digest(wd_verdict_l1_t *l1, wd_str_t credential,
                     uint8_t digest[WD_VERDICT_DIGEST])
{
    bool     known = false;
    uint8_t *seen;

    seen = wd_memo(l1->digests, (const uint8_t *) credential.data,
                   credential.len, &known);
    if (known) {
        memcpy(digest, seen, WD_VERDICT_DIGEST);
        return;
    }

    (void) crypto_generichash(digest, WD_VERDICT_DIGEST,
                              (const uint8_t *) credential.data, credential.len,
                              NULL, 0);
    if (seen != NULL) {
        memcpy(seen, digest, WD_VERDICT_DIGEST);
    }
}


wd_verdict_e
wd_verdict_l1_get(wd_verdict_l1_t *l1, wd_str_t credential,
                  const wd_verdict_rules_t *rules, wd_verdict_now_t now,
                  wd_verdict_copy_t *copy, const wd_verdict_t **ret,
                  uint8_t digest[WD_VERDICT_DIGEST])
{
    uint64_t           gen, gen_all;
    wd_verdict_e       known;
    wd_verdict_slot_t *slot;

    wd_verdict_l1_digest(l1, credential, digest);
    slot = wd_verdict_l1_slot(l1, digest);

    if (wd_verdict_l1_valid(l1, slot, digest, now)
        && wd_verdicts_fresh(l1->t, &slot->v, rules, now)) {
        l1->stats.hits++;
        *ret = &slot->v;
        return WD_VERDICT_GOOD;
    }

    l1->stats.misses++;
    gen_all = atomic_load_explicit(&l1->t->gen_all, memory_order_acquire);
    gen = atomic_load_explicit(wd_verdicts_gen(l1->t, digest),
                               memory_order_acquire);
    known = wd_verdicts_get(l1->t, digest, rules, now, copy);
    *ret = &copy->v;

    if (known == WD_VERDICT_GOOD && wd_verdict_l1_fill(slot, digest, copy)) {
        slot->gen = gen;
        slot->gen_all = gen_all;
        slot->filled = now.mono;
    }
    return known;
}
