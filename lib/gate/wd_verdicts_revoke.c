/*
 * wd_verdicts_revoke.c - what was revoked, and whether all of it is known.
 */
#include "wd_jwt.h"
#include "wd_verdicts_int.h"

#include <sodium.h>


uint64_t
wd_verdicts_hash(const wd_verdicts_t *t, wd_revoke_e what, wd_str_t value)
{
    uint64_t h;
    uint8_t  key[WD_INTERN_KEY];

    memcpy(key, t->key, sizeof(key));
    key[0] ^= (uint8_t) (what + 1);
    crypto_shorthash((uint8_t *) &h, (const uint8_t *) value.data, value.len,
                     key);
    return h != 0 ? h : 1;
}


bool
wd_verdicts_voided(const wd_verdicts_t *t, wd_ns_t checked)
{
    int64_t before = atomic_load_explicit(&t->void_before,
                                          memory_order_acquire);

    return before != WD_NS_MIN && checked <= before + WD_VERDICT_SLACK;
}


bool
wd_verdicts_token_revoked(wd_verdicts_t *t, uint64_t jti, uint64_t owner,
                          wd_ns_t iat)
{
    int64_t number;

    return iat < atomic_load_explicit(&t->issued_before, memory_order_acquire)
           || (jti != 0 && wd_revoked_find(&t->revoked, jti, &number))
           || (owner != 0 && wd_revoked_find(&t->revoked, owner, &number)
               && iat < number);
}


bool
wd_verdicts_named_revoked(wd_verdicts_t *t, const wd_verdict_t *v)
{
    int64_t at;
    if (v->kind == WD_VERDICT_TOKEN) {
        return v->label != atomic_load(&t->epoch)
               || wd_verdicts_token_revoked(t, v->jti, v->owner, v->iat);
    }
    return wd_verdicts_voided(t, v->checked)
           || (v->owner != 0 && wd_revoked_find(&t->revoked, v->owner, &at)
               && v->checked <= at + WD_VERDICT_SLACK);
}


static bool
wd_verdicts_before(wd_ns_t asked, wd_ns_t revoked)
{
    return asked <= revoked + WD_VERDICT_SLACK;
}


bool
wd_verdicts_was_revoked(const wd_verdict_shard_t *s, const uint8_t *digest,
                        wd_ns_t asked)
{
    uint64_t                    i, n;
    const wd_verdict_revoked_t *r;

    if (s->forgotten != 0 && wd_verdicts_before(asked, s->forgotten)) {
        return true;
    }

    /* Newest first: older ones than `asked` do not matter. */
    n = wd_min(s->n_revoked, WD_VERDICT_RING);
    for (i = 1; i <= n; i++) {
        r = &s->revoked[(s->n_revoked - i) % WD_VERDICT_RING];
        if (!wd_verdicts_before(asked, r->at)) {
            return false;
        }
        if (sodium_memcmp(r->digest, digest, WD_VERDICT_DIGEST) == 0) {
            return true;
        }
    }
    return false;
}


void
wd_verdicts_forget_tokens(wd_verdicts_t *t)
{
    atomic_fetch_add(&t->epoch, 1);
    atomic_fetch_add(&t->gen_all, 1);
}


uint16_t
wd_verdicts_epoch(const wd_verdicts_t *t)
{
    return atomic_load(&t->epoch);
}


void
wd_verdicts_policy(wd_verdicts_t *t, uint64_t policy)
{
    if (atomic_exchange(&t->policy, policy) != policy) {
        wd_verdicts_forget_tokens(t);
    }
}


uint64_t
wd_verdicts_seq(const wd_verdicts_t *t)
{
    return atomic_load_explicit(&t->seq, memory_order_acquire);
}


/* A number above all that were read before now. */
static uint64_t
wd_verdicts_next(const wd_verdicts_t *t)
{
    return atomic_load(&t->seq) + 1;
}


/* The row that has the number of an owner's revocation. */
static uint64_t
wd_verdicts_owner_seq(uint64_t owner)
{
    return owner ^ UINT64_C(0x5f3759df5f3759df);
}


static bool
wd_verdicts_named_since(const wd_verdict_shard_t *s, const uint8_t *digest,
                        uint64_t seq)
{
    uint64_t                    i, n;
    const wd_verdict_revoked_t *r;

    n = wd_min(s->n_revoked, WD_VERDICT_RING);
    for (i = 1; i <= n; i++) {
        r = &s->revoked[(s->n_revoked - i) % WD_VERDICT_RING];
        if (r->seq <= seq) {
            return false;
        }
        if (memcmp(r->digest, digest, WD_VERDICT_DIGEST) == 0) {
            return true;
        }
    }
    return s->n_revoked > WD_VERDICT_RING; /* forgotten: perhaps */
}


bool
wd_verdicts_is_revoked(wd_verdicts_t      *t,
                       const uint8_t       digest[WD_VERDICT_DIGEST],
                       const wd_verdict_t *v, uint64_t seq)
{
    bool                named;
    int64_t             number;
    wd_verdict_shard_t *s;

    if (v->kind == WD_VERDICT_TOKEN) {
        return wd_verdicts_token_revoked(t, v->jti, v->owner, v->iat);
    }

    if (atomic_load(&t->void_seq) > (int64_t) seq
        || (v->owner != 0
            && wd_revoked_find(&t->revoked, wd_verdicts_owner_seq(v->owner),
                               &number)
            && number > (int64_t) seq)) {
        return true;
    }

    s = wd_verdicts_lock(t, wd_verdicts_shard_of(t, digest));
    named = wd_verdicts_named_since(s, digest, seq);
    wd_shlock_unlock(&s->lock);
    return named;
}


bool
wd_verdicts_note_revoked(wd_verdicts_t *t, wd_verdict_shard_t *s,
                         const uint8_t *digest, wd_ns_t mono)
{
    bool                  news;
    wd_verdict_revoked_t *r;

    news = !wd_verdicts_was_revoked(s, digest, mono - WD_NS_PER_S);

    /* A worker that was held up comes with an old time: the order stays. */
    if (s->n_revoked != 0) {
        r = &s->revoked[(s->n_revoked - 1) % WD_VERDICT_RING];
        mono = wd_max(mono, r->at);
    }

    r = &s->revoked[s->n_revoked % WD_VERDICT_RING];
    if (s->n_revoked >= WD_VERDICT_RING) {
        s->forgotten = r->at;
        atomic_signal_fence(memory_order_seq_cst); /* killed: it is told */
    }
    memcpy(r->digest, digest, sizeof(r->digest));
    r->at = mono;
    r->seq = wd_verdicts_next(t);
    atomic_signal_fence(memory_order_seq_cst);
    s->n_revoked++;
    return news;
}


bool
wd_verdicts_revoke(wd_verdicts_t *t, const uint8_t digest[WD_VERDICT_DIGEST],
                   wd_verdict_now_t now)
{
    bool                news;
    uint32_t            shard = wd_verdicts_shard_of(t, digest);
    wd_verdict_shard_t *s;

    s = wd_verdicts_lock(t, shard);
    atomic_fetch_add(wd_verdicts_gen(t, digest), 1);
    news = wd_verdicts_note_revoked(t, s, digest, now.mono);
    (void) wd_verdicts_drop(t, shard, digest, WD_NS_MAX);
    wd_verdicts_drop_bad(t, shard, digest);
    wd_shlock_unlock(&s->lock);

    atomic_fetch_add(&t->seq, 1);
    return news;
}


bool
wd_verdicts_raise(_Atomic int64_t *number, int64_t to)
{
    int64_t was = atomic_load(number);

    while (was < to) {
        if (atomic_compare_exchange_weak(number, &was, to)) {
            return true;
        }
    }
    return false;
}


void
wd_verdicts_revoke_all(wd_verdicts_t *t, wd_verdict_now_t now)
{
    (void) wd_verdicts_raise(&t->void_before, now.mono);
    atomic_fetch_add(&t->gen_all, 1);
    (void) wd_verdicts_raise(&t->void_seq, (int64_t) wd_verdicts_next(t));
    atomic_fetch_add(&t->seq, 1);
}


bool
wd_verdicts_revoke_named(wd_verdicts_t *t, wd_revoke_e what, wd_str_t value,
                         wd_ns_t number, wd_verdict_now_t now)
{
    bool     news;
    wd_ns_t  end;
    int64_t  was;
    uint64_t hash = wd_verdicts_hash(t, what, value);

    switch (what) {
    case WD_REVOKE_JTI:
        end = number < WD_NS_MAX - WD_JWT_LEEWAY_MAX
                  ? number + WD_JWT_LEEWAY_MAX
                  : WD_NS_MAX;
        if (end <= now.wall) {
            return false; /* over by itself */
        }
        news = wd_revoked_put(&t->revoked, hash, number, end, now.wall);
        break;
    case WD_REVOKE_SUB: /* for as long as tokens may live, which is unknown */
        news = wd_revoked_put(&t->revoked, hash, number, WD_NS_MAX, now.wall);
        break;
    default:
        /* Workers hear of it at the same time: one is the first. */
        (void) wd_revoked_swap(&t->revoked, hash, now.mono, number, now.wall,
                               &was);
        news = was < now.mono - WD_NS_PER_S;
        break;
    }

    atomic_fetch_add(&t->gen_all, 1);
    if (what == WD_REVOKE_OWNER) {
        (void) wd_revoked_put(&t->revoked, wd_verdicts_owner_seq(hash),
                              (int64_t) wd_verdicts_next(t), number, now.wall);
    }
    atomic_fetch_add(&t->seq, 1);
    return news;
}


bool
wd_verdicts_revoke_before(wd_verdicts_t *t, wd_ns_t issued_before)
{
    bool news = wd_verdicts_raise(&t->issued_before, issued_before);

    atomic_fetch_add(&t->gen_all, 1);
    atomic_fetch_add(&t->seq, 1);
    return news;
}


/*
 * Intervals that overlap join, by more than what clocks of workers differ:
 * a process that starts thus continues what the one before it has seen.
 * `since` is raised before `until`, so who reads them in the other order
 * never sees more than there is.
 */
void
wd_verdicts_beat(wd_verdicts_t *t, wd_ns_t since, wd_ns_t until)
{
    int64_t was;

    if (wd_shlock_lock(&t->cover_lock)) {
        /* nothing is ever half written: nothing to repair */
    }

    was = atomic_load(&t->cover_until);
    if (was == 0 || since + WD_VERDICT_SLACK > was) {
        (void) wd_verdicts_raise(&t->cover_since, since);
    }
    (void) wd_verdicts_raise(&t->cover_until, until);

    wd_shlock_unlock(&t->cover_lock);
}


bool
wd_verdicts_covered(const wd_verdicts_t *t, wd_ns_t checked, wd_ns_t mono)
{
    int64_t until = atomic_load_explicit(&t->cover_until, memory_order_acquire);

    return until != 0 && mono - until <= WD_VERDICT_FRESH
           && checked >= atomic_load_explicit(&t->cover_since,
                                              memory_order_acquire);
}


bool
wd_verdicts_tokens_covered(const wd_verdicts_t *t, wd_verdict_now_t now)
{
    int64_t until = atomic_load_explicit(&t->cover_until, memory_order_acquire);

    return until != 0 && now.mono - until <= WD_VERDICT_FRESH
           && wd_revoked_complete(&t->revoked, now.wall);
}
