/*
 * The verdict table by itself: what is stored comes back, rules of freshness,
 * every way to revoke, both classes of entries, running full, moving house;
 * and a model that remembers everything.
 */
#include "wd_test.h"

#include "wd_verdicts_int.h"

#include <stdio.h>
#include <stdlib.h>

#define S WD_NS_PER_S
#define MS WD_NS_PER_MS

static const wd_verdict_rules_t rules = {60 * S, true};


static wd_verdict_now_t
at(wd_ns_t mono)
{
    return (wd_verdict_now_t){mono, 1000000 * S + mono};
}


static void *
memory(size_t size)
{
    void *mem = aligned_alloc(64, (size + 63) / 64 * 64);

    assert_non_null(mem);
    memset(mem, 0, size);
    return mem;
}


static wd_verdicts_t *
table(size_t size)
{
    wd_verdicts_t *t = wd_verdicts_init(memory(size), size);

    assert_non_null(t);
    return t;
}


static void
digest_of(uint64_t n, uint8_t digest[WD_VERDICT_DIGEST])
{
    size_t i;

    /* SplitMix64: uniform, and another stream for each n. */
    for (i = 0; i < WD_VERDICT_DIGEST / 8; i++) {
        uint64_t z = (n * 4 + i + 1) * UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        z ^= z >> 31;
        memcpy(digest + 8 * i, &z, 8);
    }
}


static wd_verdict_t
key_verdict(wd_ns_t checked)
{
    return (wd_verdict_t){
        .kind = WD_VERDICT_KEY,
        .principal = WD_STR("7d444840-9dc0-11d1-b245-5ffdce74fad2"),
        .key = WD_STR("42"),
        .plan = WD_STR("pro"),
        .perms = WD_STR("\x91\xa9"
                        "bars:read"),
        .bits = {{5, 9}},
        .checked = checked,
        .label = 3,
    };
}


/* One of few sets, whose members are in either word or in both. */
static wd_method_set_t
some_set(unsigned n)
{
    wd_method_set_t set = {{0}};

    if (n == 4) {
        wd_method_set_fill(&set);
    } else if (n != 0) {
        wd_method_set_add(&set, n == 1 ? 63 : WD_METHOD_SET_MAX - n);
    }
    return set;
}


static void
assert_same(const wd_verdict_t *a, const wd_verdict_t *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_true(wd_str_eq(a->principal, b->principal));
    assert_true(wd_str_eq(a->key, b->key));
    assert_true(wd_str_eq(a->plan, b->plan));
    assert_true(wd_str_eq(a->perms, b->perms));
    assert_true(wd_str_eq(a->nets, b->nets));
    assert_true(wd_method_set_eq(&a->bits, &b->bits));
    assert_true(wd_method_set_eq(&a->barred, &b->barred));
    assert_true(a->checked == b->checked);
    assert_true(a->expires == b->expires);
    assert_true(a->iat == b->iat);
    assert_true(a->jti == b->jti);
    assert_true(a->owner == b->owner);
    if (a->kind == WD_VERDICT_KEY) {
        assert_int_equal(a->label, b->label);
    }
}


static wd_verdict_e
look(wd_verdicts_t *t, uint64_t n, wd_ns_t mono, wd_verdict_copy_t *ret)
{
    uint8_t digest[WD_VERDICT_DIGEST];

    digest_of(n, digest);
    return wd_verdicts_get(t, digest, &rules, at(mono), ret);
}


static bool
put(wd_verdicts_t *t, uint64_t n, const wd_verdict_t *v, wd_ns_t mono)
{
    uint8_t digest[WD_VERDICT_DIGEST];

    digest_of(n, digest);
    return wd_verdicts_put(t, digest, v, at(mono));
}


static void
revoke(wd_verdicts_t *t, uint64_t n, wd_ns_t mono)
{
    uint8_t digest[WD_VERDICT_DIGEST];

    digest_of(n, digest);
    (void) wd_verdicts_revoke(t, digest, at(mono));
}


static void
test_stored(void **state)
{
    wd_verdict_t      v = key_verdict(5 * S);
    wd_verdicts_t    *t = table(1 << 20);
    wd_verdict_copy_t got;

    (void) state;
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_UNKNOWN);

    v.nets = WD_STR("\x18\xc0\x00\x02");
    v.owner = 77;
    assert_true(put(t, 1, &v, 5 * S));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_GOOD);
    assert_same(&got.v, &v);
    assert_int_equal(look(t, 2, 5 * S, &got), WD_VERDICT_UNKNOWN);

    /* A newer one takes its place. */
    v.plan = WD_STR("free");
    v.checked = 6 * S;
    assert_true(put(t, 1, &v, 6 * S));
    assert_int_equal(look(t, 1, 6 * S, &got), WD_VERDICT_GOOD);
    assert_same(&got.v, &v);

    v.kind = WD_VERDICT_TOKEN;
    v.iat = 123;
    v.jti = 456;
    v.expires = at(0).wall + 60 * S;
    assert_true(put(t, 2, &v, 6 * S));
    assert_int_equal(look(t, 2, 6 * S, &got), WD_VERDICT_GOOD);
    assert_same(&got.v, &v);
    free(t);
}


/* All lengths of all parts, whichever class they lead to. */
static void
test_lengths(void **state)
{
    char                text[WD_VERDICT_TEXT_MAX];
    size_t              i, n_large = 0;
    wd_verdict_t        v;
    wd_verdicts_t      *t = table(2 << 20);
    wd_verdict_copy_t   got;
    wd_verdicts_stats_t stats;

    (void) state;
    for (i = 0; i < sizeof(text); i++) {
        text[i] = (char) ('a' + i % 23);
    }

    srand(3);
    for (i = 0; i < 20000; i++) {
        v = key_verdict(5 * S);
        v.kind = rand() % 2 ? WD_VERDICT_KEY : WD_VERDICT_TOKEN;
        v.expires = at(0).wall + 60 * S;
        v.iat = v.kind == WD_VERDICT_TOKEN ? rand() : 0;
        v.jti = v.kind == WD_VERDICT_TOKEN ? (uint64_t) rand() + 1 : 0;
        v.principal = wd_str(text, (size_t) rand() % 256);
        v.key = wd_str(text + 1, (size_t) rand() % 65);
        v.plan = wd_str(text + 2, (size_t) rand() % 33);
        v.perms = wd_str(text + 3, (size_t) rand() % (rand() % 8 ? 40 : 700));
        v.nets = wd_str(text + 4, (size_t) rand() % (rand() % 2 ? 5 : 545));
        v.bits = some_set((unsigned) rand() % 3);
        v.barred = some_set((unsigned) rand() % 5);
        if (!put(t, i, &v, 5 * S)) {
            assert_true(v.principal.len + v.key.len + v.plan.len + v.perms.len
                            + v.nets.len
                        > sizeof(((wd_verdict_large_t *) 0)->text));
            continue;
        }
        assert_int_equal(look(t, i, 5 * S, &got), WD_VERDICT_GOOD);
        assert_same(&got.v, &v);
        n_large += v.principal.len + v.key.len > 56;
    }
    assert_true(n_large > 1000);

    v.principal = wd_str(text, 256);
    assert_false(put(t, 1, &v, 5 * S));
    v.principal = wd_str(text, 1);
    v.perms = wd_str(text, WD_VERDICT_PERMS_MAX + 1);
    assert_false(put(t, 1, &v, 5 * S));
    wd_verdicts_stats(t, &stats);
    assert_true(stats.too_large >= 2);
    free(t);
}


static void
test_freshness(void **state)
{
    wd_verdict_t      v = key_verdict(5 * S);
    wd_verdicts_t    *t = table(1 << 20);
    wd_verdict_copy_t got;

    (void) state;
    assert_true(put(t, 1, &v, 5 * S));
    assert_int_equal(look(t, 1, 5 * S + 999 * MS, &got), WD_VERDICT_GOOD);
    assert_int_equal(look(t, 1, 6 * S, &got), WD_VERDICT_STALE);
    assert_same(&got.v, &v);

    /* Another worker's clock may be behind. */
    assert_int_equal(look(t, 1, 5 * S - MS, &got), WD_VERDICT_GOOD);

    /* The push channel covers it, up to its time to live. */
    wd_verdicts_beat(t, 4 * S, 30 * S);
    assert_int_equal(look(t, 1, 30 * S, &got), WD_VERDICT_GOOD);
    assert_int_equal(look(t, 1, 31 * S, &got), WD_VERDICT_GOOD);
    assert_int_equal(look(t, 1, 31 * S + 1, &got), WD_VERDICT_STALE);
    wd_verdicts_beat(t, 4 * S, 70 * S);
    assert_int_equal(look(t, 1, 65 * S, &got), WD_VERDICT_STALE);

    /* A gap in the channel: not covered from before it. */
    wd_verdicts_beat(t, 80 * S, 80 * S);
    v.checked = 75 * S;
    assert_true(put(t, 1, &v, 75 * S));
    assert_int_equal(look(t, 1, 80 * S, &got), WD_VERDICT_STALE);
    v.checked = 80 * S;
    assert_true(put(t, 1, &v, 80 * S));
    wd_verdicts_beat(t, 80 * S, 90 * S);
    assert_int_equal(look(t, 1, 90 * S, &got), WD_VERDICT_GOOD);

    /* Another connection that began meanwhile goes on from there. */
    wd_verdicts_beat(t, 85 * S, 95 * S);
    assert_int_equal(look(t, 1, 95 * S, &got), WD_VERDICT_GOOD);
    wd_verdicts_beat(t, 94 * S + 950 * MS, 96 * S); /* too close to tell */
    assert_int_equal(look(t, 1, 96 * S, &got), WD_VERDICT_STALE);

    v.checked = 96 * S;
    v.expires = at(97 * S).wall;
    assert_true(put(t, 1, &v, 96 * S));
    assert_int_equal(look(t, 1, 97 * S - 1, &got), WD_VERDICT_GOOD);
    assert_int_equal(look(t, 1, 97 * S, &got), WD_VERDICT_STALE);
    free(t);
}


static void
test_bad(void **state)
{
    size_t              i;
    uint8_t             digest[WD_VERDICT_DIGEST];
    wd_verdict_t        v = key_verdict(5 * S);
    wd_verdicts_t      *t = table(1 << 20);
    wd_verdict_copy_t   got;
    wd_verdicts_stats_t before, after;

    (void) state;
    digest_of(1, digest);
    wd_verdicts_put_bad(t, digest, 5 * S, 2 * S);
    assert_int_equal(look(t, 1, 6 * S, &got), WD_VERDICT_BAD);
    assert_int_equal(look(t, 1, 7 * S, &got), WD_VERDICT_UNKNOWN);

    /* A good verdict asked later stays, one asked before goes. */
    v.checked = 20 * S;
    assert_true(put(t, 1, &v, 20 * S));
    wd_verdicts_put_bad(t, digest, 19 * S, 60 * S);
    assert_int_equal(look(t, 1, 20 * S, &got), WD_VERDICT_GOOD);
    wd_verdicts_put_bad(t, digest, 20 * S, 60 * S);
    assert_int_equal(look(t, 1, 21 * S, &got), WD_VERDICT_BAD);
    assert_true(put(t, 1, &v, 20 * S));
    assert_int_equal(look(t, 1, 20 * S, &got), WD_VERDICT_GOOD);

    /* A spray takes nothing from those that are good. */
    for (i = 100; i < 1100; i++) {
        assert_true(put(t, i, &v, 20 * S));
    }
    wd_verdicts_stats(t, &before);
    for (i = 2000; i < 40000; i++) {
        digest_of(i, digest);
        wd_verdicts_put_bad(t, digest, 20 * S, 60 * S);
    }
    wd_verdicts_stats(t, &after);
    assert_int_equal(before.entries, after.entries);
    assert_int_equal(look(t, 39999, 20 * S, &got), WD_VERDICT_BAD);

    wd_verdicts_revoke_all(t, at(30 * S));
    assert_int_equal(look(t, 39999, 30 * S, &got), WD_VERDICT_UNKNOWN);
    free(t);
}


static void
test_revoked_key(void **state)
{
    size_t            i;
    wd_verdict_t      v = key_verdict(5 * S);
    wd_verdicts_t    *t = table(1 << 20);
    wd_verdict_copy_t got;

    (void) state;
    assert_true(put(t, 1, &v, 5 * S));
    assert_true(put(t, 2, &v, 5 * S));
    revoke(t, 1, 5 * S);
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_int_equal(look(t, 2, 5 * S, &got), WD_VERDICT_GOOD);

    {
        uint8_t digest[WD_VERDICT_DIGEST];

        digest_of(1, digest);
        assert_true(wd_verdicts_is_revoked(t, digest, &v, 0));
        assert_false(wd_verdicts_is_revoked(t, digest, &v, wd_verdicts_seq(t)));
        digest_of(2, digest);
        assert_false(wd_verdicts_is_revoked(t, digest, &v, 0));
    }

    /* What was asked before and comes after is not kept. */
    assert_false(put(t, 1, &v, 6 * S));
    v.checked = 5 * S + 100 * MS;
    assert_false(put(t, 1, &v, 6 * S));
    v.checked = 5 * S + 101 * MS;
    assert_true(put(t, 1, &v, 6 * S));

    /* The ring forgets on the safe side. */
    for (i = 1000; i < 1000 + 64 * WD_VERDICT_RING; i++) {
        revoke(t, i, 7 * S);
    }
    v.checked = 5 * S;
    assert_false(put(t, 3, &v, 8 * S));
    v.checked = 8 * S;
    assert_true(put(t, 3, &v, 8 * S));

    /* Tokens are revoked by other names, and nobody was asked about one. */
    v.kind = WD_VERDICT_TOKEN;
    v.checked = 0;
    assert_true(put(t, 4, &v, 8 * S));
    free(t);
}


static void
test_revoked_all(void **state)
{
    wd_verdict_t      v = key_verdict(5 * S);
    wd_verdicts_t    *t = table(1 << 20);
    wd_verdict_copy_t got;

    (void) state;
    assert_true(put(t, 1, &v, 5 * S));
    wd_verdicts_revoke_all(t, at(6 * S));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_false(put(t, 1, &v, 6 * S));
    v.checked = 7 * S;
    assert_true(put(t, 1, &v, 7 * S));
    assert_int_equal(look(t, 1, 7 * S, &got), WD_VERDICT_GOOD);
    free(t);
}


static void
test_revoked_owner(void **state)
{
    wd_verdict_t      v = key_verdict(5 * S);
    wd_verdicts_t    *t = table(1 << 20);
    wd_verdict_copy_t got;
    uint64_t          seq;
    uint8_t           digest[WD_VERDICT_DIGEST];

    (void) state;
    digest_of(1, digest);
    v.owner = wd_verdicts_hash(t, WD_REVOKE_OWNER, WD_STR("u1"));
    assert_true(put(t, 1, &v, 5 * S));
    seq = wd_verdicts_seq(t);
    assert_false(wd_verdicts_is_revoked(t, digest, &v, seq));
    assert_true(wd_verdicts_revoke_named(t, WD_REVOKE_OWNER, WD_STR("u2"),
                                         at(90 * S).wall, at(5 * S)));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_GOOD);
    assert_true(wd_verdicts_revoke_named(t, WD_REVOKE_OWNER, WD_STR("u1"),
                                         at(90 * S).wall, at(5 * S)));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_true(wd_verdicts_is_revoked(t, digest, &v, seq));
    assert_false(wd_verdicts_is_revoked(t, digest, &v, wd_verdicts_seq(t)));
    assert_false(put(t, 1, &v, 6 * S));
    v.checked = 6 * S;
    assert_true(put(t, 1, &v, 6 * S));
    assert_int_equal(look(t, 1, 6 * S, &got), WD_VERDICT_GOOD);
    seq = wd_verdicts_seq(t);
    wd_verdicts_revoke_all(t, at(7 * S));
    assert_true(wd_verdicts_is_revoked(t, digest, &v, seq));
    free(t);
}


static wd_verdict_t
token(wd_verdicts_t *t, const char *jti, const char *sub, wd_ns_t iat)
{
    wd_verdict_t v = key_verdict(5 * S);

    v.kind = WD_VERDICT_TOKEN;
    v.iat = iat;
    v.jti = wd_verdicts_hash(t, WD_REVOKE_JTI, wd_str_z(jti));
    v.owner = wd_verdicts_hash(t, WD_REVOKE_SUB, wd_str_z(sub));
    v.expires = at(3600 * S).wall;
    return v;
}


static void
test_revoked_token(void **state)
{
    wd_ns_t        t0 = at(0).wall;
    wd_verdicts_t *t = table(1 << 20);
    wd_verdict_t   a = token(t, "j1", "s1", t0), b = token(t, "j2", "s1", t0),
                 c = token(t, "j3", "s2", t0 + 9 * S), d;
    wd_verdict_copy_t got;

    (void) state;
    assert_true(put(t, 1, &a, 5 * S));
    assert_true(put(t, 2, &b, 5 * S));
    assert_true(put(t, 3, &c, 5 * S));

    assert_true(wd_verdicts_revoke_named(t, WD_REVOKE_JTI, WD_STR("j1"),
                                         t0 + 60 * S, at(5 * S)));
    assert_false(wd_verdicts_revoke_named(t, WD_REVOKE_JTI, WD_STR("j1"),
                                          t0 + 60 * S, at(5 * S)));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_int_equal(look(t, 2, 5 * S, &got), WD_VERDICT_GOOD);
    assert_false(put(t, 1, &a, 5 * S));

    /* Issued before, not at. */
    assert_true(wd_verdicts_revoke_named(t, WD_REVOKE_SUB, WD_STR("s1"), t0 + S,
                                         at(5 * S)));
    assert_int_equal(look(t, 2, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_int_equal(look(t, 3, 5 * S, &got), WD_VERDICT_GOOD);
    d = token(t, "j4", "s1", t0 + S);
    assert_true(put(t, 4, &d, 5 * S));

    /* An earlier time does not undo a later one. */
    assert_false(wd_verdicts_revoke_named(t, WD_REVOKE_SUB, WD_STR("s1"),
                                          t0 - 9 * S, at(5 * S)));
    assert_false(put(t, 2, &b, 5 * S));

    assert_true(wd_verdicts_revoke_before(t, t0 + 9 * S));
    assert_false(wd_verdicts_revoke_before(t, t0 + 5 * S));
    assert_int_equal(look(t, 4, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_int_equal(look(t, 3, 5 * S, &got), WD_VERDICT_GOOD);

    /* Without iat it is older than any. */
    assert_true(wd_verdicts_token_revoked(t, 0, 0, 0));
    assert_false(wd_verdicts_token_revoked(t, 0, 0, t0 + 9 * S));

    wd_verdicts_forget_tokens(t);
    assert_int_equal(look(t, 3, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_false(put(t, 3, &c, 5 * S)); /* judged before */
    c.epoch = wd_verdicts_epoch(t);
    assert_true(put(t, 3, &c, 5 * S));
    assert_int_equal(look(t, 3, 5 * S, &got), WD_VERDICT_GOOD);

    /* Names of one kind say nothing about another. */
    assert_false(wd_verdicts_token_revoked(
        t, wd_verdicts_hash(t, WD_REVOKE_JTI, WD_STR("s1")),
        wd_verdicts_hash(t, WD_REVOKE_SUB, WD_STR("j1")), t0 + 9 * S));
    free(t);
}


static void
test_token_cover(void **state)
{
    wd_verdicts_t     *t = table(1 << 20);
    wd_verdict_t       v = token(t, "j", "s", 1);
    wd_verdict_copy_t  got;
    wd_verdict_rules_t off = {60 * S, false};
    uint8_t            digest[WD_VERDICT_DIGEST];

    (void) state;
    digest_of(1, digest);
    v.checked = 0; /* nobody was asked */
    assert_true(put(t, 1, &v, 5 * S));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_STALE);
    assert_int_equal(wd_verdicts_get(t, digest, &off, at(5 * S), &got),
                     WD_VERDICT_GOOD);

    /* The whole list arrives before the first beat: no `since` matters. */
    wd_verdicts_beat(t, 20 * S, 20 * S);
    assert_int_equal(look(t, 1, 20 * S, &got), WD_VERDICT_GOOD);
    assert_int_equal(look(t, 1, 21 * S + 1, &got), WD_VERDICT_STALE);
    v.checked = 22 * S;
    assert_true(put(t, 1, &v, 22 * S));
    assert_int_equal(look(t, 1, 22 * S + 999 * MS, &got), WD_VERDICT_GOOD);
    assert_int_equal(look(t, 1, 23 * S, &got), WD_VERDICT_STALE);
    free(t);
}


/* More live revocations than there is room: auth is asked, never trusted. */
static void
test_revoked_overflow(void **state)
{
    char                jti[32];
    size_t              i, n;
    wd_ns_t             t0 = at(0).wall;
    wd_verdict_t        v;
    wd_verdicts_t      *t = table(WD_VERDICTS_SIZE_MIN);
    wd_verdict_copy_t   got;
    wd_verdicts_stats_t stats;

    (void) state;
    wd_verdicts_beat(t, S, 5 * S);
    v = token(t, "other", "s", t0);
    assert_true(put(t, 1, &v, 5 * S));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_GOOD);

    wd_verdicts_stats(t, &stats);
    n = stats.revoked_capacity * 2;
    v.checked = 0;
    assert_true(put(t, 1, &v, 5 * S));
    for (i = 0; i < n; i++) {
        snprintf(jti, sizeof(jti), "j%zu", i);
        (void) wd_verdicts_revoke_named(t, WD_REVOKE_JTI, wd_str_z(jti),
                                        t0 + 60 * S, at(5 * S));
    }
    wd_verdicts_stats(t, &stats);
    assert_true(stats.revoked_lost > 0);
    assert_true(stats.revoked <= stats.revoked_capacity);
    assert_true(stats.revoked * 10 >= stats.revoked_capacity * 9);
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_STALE);

    for (i = 0, n = 0; i < stats.revoked_capacity * 2; i++) {
        snprintf(jti, sizeof(jti), "j%zu", i);
        n += wd_verdicts_token_revoked(
            t, wd_verdicts_hash(t, WD_REVOKE_JTI, wd_str_z(jti)), 0, t0);
    }
    assert_int_equal(n, stats.revoked);

    /* When the lost ones are over by themselves, the table is whole again. */
    wd_verdicts_beat(t, S, 121 * S);
    assert_int_equal(look(t, 1, 121 * S, &got), WD_VERDICT_GOOD);
    for (i = 0; i < 8; i++) {
        snprintf(jti, sizeof(jti), "k%zu", i);
        (void) wd_verdicts_revoke_named(t, WD_REVOKE_JTI, wd_str_z(jti),
                                        t0 + 150 * S, at(121 * S));
    }
    assert_int_equal(look(t, 1, 121 * S, &got), WD_VERDICT_GOOD);
    free(t);
}


/* Sets that do not fit any more are cleared, once a minute at most. */
static void
test_sets_full(void **state)
{
    char                plan[WD_VERDICT_PLAN_MAX + 1];
    size_t              i, n_known;
    wd_verdict_t        v;
    wd_verdicts_t      *t = table(1 << 20);
    wd_verdict_copy_t   got;
    wd_verdicts_stats_t stats;

    (void) state;
    for (i = 0; i < 3000; i++) {
        v = key_verdict(5 * S);
        snprintf(plan, sizeof(plan), "plan-%zu", i);
        v.plan = wd_str_z(plan);
        v.perms = v.plan;
        v.bits = (wd_method_set_t){{i, ~i}};
        assert_true(put(t, i, &v, 5 * S));
        assert_int_equal(look(t, i, 5 * S, &got), WD_VERDICT_GOOD);
        assert_same(&got.v, &v);
    }
    wd_verdicts_stats(t, &stats);
    assert_int_equal(stats.clears, 1);
    assert_true(stats.large > 0); /* the rest of the minute */

    /* What is still known is what was said. */
    for (i = 0, n_known = 0; i < 3000; i++) {
        snprintf(plan, sizeof(plan), "plan-%zu", i);
        if (look(t, i, 5 * S, &got) == WD_VERDICT_GOOD) {
            assert_true(wd_str_eq_z(got.v.plan, plan));
            assert_int_equal(got.v.bits.word[0], i);
            assert_int_equal(got.v.bits.word[1], ~i);
            n_known++;
        }
    }
    assert_true(n_known > 0 && n_known < 3000);

    v.plan = WD_STR("new");
    v.checked = 66 * S;
    assert_true(put(t, 5000, &v, 66 * S));
    wd_verdicts_stats(t, &stats);
    assert_int_equal(stats.clears, 2);
    free(t);
}


/* How full can it get before anything is lost? Then the oldest goes. */
static void
test_full(void **state)
{
    size_t              i, n = 0;
    wd_verdict_t        v = key_verdict(5 * S);
    wd_verdicts_t      *t = table(16 << 20);
    wd_verdict_copy_t   got;
    wd_verdicts_stats_t stats;

    (void) state;
    for (i = 0;; i++) {
        assert_true(put(t, i, &v, 5 * S));
        wd_verdicts_stats(t, &stats);
        if (stats.evicted != 0) {
            break;
        }
    }
    n = i;
    assert_int_equal(stats.entries, n);
    assert_true(n * 100 >= stats.capacity * 94);
    assert_true(stats.bytes / n <= 128 + WD_VERDICT_DIGEST);

    /* Those in use stay. */
    for (i = 0; i < 1000; i++) {
        (void) look(t, i, 6 * S, &got);
    }
    for (i = 1000000; i < 1000000 + n / 2; i++) {
        v.checked = 6 * S;
        assert_true(put(t, i, &v, 6 * S));
        if (i % 8 == 0) {
            (void) look(t, i % 1000, 6 * S + (wd_ns_t) (i % 900) * MS, &got);
        }
    }
    for (i = 0, n = 0; i < 1000; i++) {
        n += look(t, i, 6 * S, &got) != WD_VERDICT_UNKNOWN;
    }
    assert_true(n >= 990);
    free(t);
}


static void
test_migrate(void **state)
{
    size_t            i, n;
    wd_ns_t           t0 = at(0).wall;
    wd_verdict_t      v = key_verdict(5 * S), tok;
    wd_verdicts_t    *a = table(2 << 20), *b, *small;
    wd_verdict_copy_t got;
    static char       long_sub[200];

    (void) state;
    memset(long_sub, 's', sizeof(long_sub));
    for (i = 0; i < 3000; i++) {
        v.label = (uint16_t) i;
        assert_true(put(a, i, &v, 5 * S));
    }
    v.principal = wd_str(long_sub, sizeof(long_sub));
    assert_true(put(a, 9000, &v, 5 * S));
    tok = token(a, "j1", "s1", t0);
    assert_true(put(a, 9001, &tok, 5 * S));
    tok = token(a, "j2", "s1", t0);
    assert_true(put(a, 9002, &tok, 5 * S));
    revoke(a, 7, 5 * S);
    (void) wd_verdicts_revoke_named(a, WD_REVOKE_JTI, WD_STR("j1"), t0 + 60 * S,
                                    at(5 * S));
    (void) wd_verdicts_revoke_before(a, t0 - S);
    wd_verdicts_beat(a, S, 5 * S);

    b = table(8 << 20);
    wd_verdicts_migrate(b, a, at(5 * S));
    for (i = 0; i < 3000; i++) {
        if (i == 7) {
            assert_int_equal(look(b, i, 5 * S, &got), WD_VERDICT_UNKNOWN);
            continue;
        }
        assert_int_equal(look(b, i, 5 * S, &got), WD_VERDICT_GOOD);
        assert_int_equal(got.v.label, i);
    }
    assert_int_equal(look(b, 9000, 5 * S, &got), WD_VERDICT_GOOD);
    assert_same(&got.v, &v);
    assert_int_equal(look(b, 9001, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_int_equal(look(b, 9002, 5 * S, &got), WD_VERDICT_GOOD);
    assert_true(wd_verdicts_token_revoked(
        b, wd_verdicts_hash(b, WD_REVOKE_JTI, WD_STR("j1")), 0, t0));
    assert_true(wd_verdicts_token_revoked(b, 0, 0, t0 - 2 * S));
    v = key_verdict(5 * S);
    assert_false(put(b, 7, &v, 6 * S)); /* still in the ring */
    assert_true(wd_verdicts_covered(b, 2 * S, 6 * S));

    /* Into less room: as many as fit. */
    small = table(WD_VERDICTS_SIZE_MIN);
    wd_verdicts_migrate(small, a, at(5 * S));
    for (i = 0, n = 0; i < 3000; i++) {
        n += look(small, i, 5 * S, &got) == WD_VERDICT_GOOD;
    }
    assert_true(n > 500);
    assert_int_equal(look(small, 9001, 5 * S, &got), WD_VERDICT_UNKNOWN);
    free(a);
    free(b);
    free(small);
}


static void
test_l1(void **state)
{
    size_t              i;
    uint8_t             digest[WD_VERDICT_DIGEST];
    wd_str_t            key = WD_STR("wd_live_key");
    wd_verdict_t        v = key_verdict(5 * S);
    wd_verdicts_t      *t = table(1 << 20);
    wd_verdict_l1_t    *l1 = wd_verdict_l1_create(t, 16);
    const wd_verdict_t *got;
    wd_verdict_copy_t   copy;

#define GET(s) wd_verdict_l1_get(l1, key, &rules, at(s), &copy, &got, digest)

    (void) state;
    assert_non_null(l1);
    assert_int_equal(GET(5 * S), WD_VERDICT_UNKNOWN);
    assert_true(wd_verdicts_put(t, digest, &v, at(5 * S)));
    assert_int_equal(GET(5 * S), WD_VERDICT_GOOD);
    assert_int_equal(wd_verdict_l1_stats(l1).hits, 0);
    assert_int_equal(GET(5 * S), WD_VERDICT_GOOD);
    assert_int_equal(wd_verdict_l1_stats(l1).hits, 1);
    assert_same(got, &v);

    /* Any revocation that may concern it sends it back to the table. */
    assert_int_equal(wd_verdicts_revoke(t, digest, at(5 * S)), true);
    assert_int_equal(GET(5 * S), WD_VERDICT_UNKNOWN);
    v.checked = 6 * S;
    assert_true(wd_verdicts_put(t, digest, &v, at(6 * S)));
    assert_int_equal(GET(6 * S), WD_VERDICT_GOOD);
    wd_verdicts_revoke_all(t, at(6 * S));
    assert_int_equal(GET(6 * S), WD_VERDICT_UNKNOWN);
    v.checked = 7 * S;
    assert_true(wd_verdicts_put(t, digest, &v, at(7 * S)));
    assert_int_equal(GET(7 * S), WD_VERDICT_GOOD);
    wd_verdicts_put_bad(t, digest, 7 * S, 60 * S);
    assert_int_equal(GET(7 * S), WD_VERDICT_BAD);

    /* Time: a second in the cache, and the rules. */
    v.checked = 8 * S;
    assert_true(wd_verdicts_put(t, digest, &v, at(8 * S)));
    assert_int_equal(GET(8 * S), WD_VERDICT_GOOD);
    assert_int_equal(GET(8 * S + 999 * MS), WD_VERDICT_GOOD);
    assert_int_equal(GET(9 * S), WD_VERDICT_STALE);

    /* Many credentials in few slots. */
    for (i = 0; i < 5000; i++) {
        char text[32];
        int  n = snprintf(text, sizeof(text), "k%d", rand() % 40);

        key = wd_str(text, (size_t) n);
        v.label = (uint16_t) atoi(text + 1);
        v.checked = 9 * S;
        if (GET(9 * S) != WD_VERDICT_GOOD) {
            assert_true(wd_verdicts_put(t, digest, &v, at(9 * S)));
        } else {
            assert_int_equal(got->label, v.label);
        }
    }
    assert_true(wd_verdict_l1_stats(l1).hits > 100);
    wd_verdict_l1_destroy(l1);
    free(t);
#undef GET
}


static void
test_policy(void **state)
{
    wd_verdict_t      v = key_verdict(5 * S);
    wd_verdicts_t    *t = table(1 << 20), *other = table(1 << 21);
    wd_verdict_copy_t got;

    (void) state;
    v.checked = 5 * S;
    assert_true(put(t, 2, &v, 5 * S));
    v.kind = WD_VERDICT_TOKEN;
    v.iat = 1000 * S;
    v.policy = 7;
    assert_false(put(t, 1, &v, 5 * S));
    wd_verdicts_policy(t, 7);
    v.epoch = wd_verdicts_epoch(t);
    assert_true(put(t, 1, &v, 5 * S));
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_GOOD);
    wd_verdicts_policy(t, 7);
    assert_int_equal(look(t, 1, 5 * S, &got), WD_VERDICT_GOOD);
    wd_verdicts_migrate(other, t, at(5 * S));
    assert_int_equal(look(other, 1, 5 * S, &got), WD_VERDICT_GOOD);

    /* A worker of before that is still there stores no more. */
    wd_verdicts_policy(other, 8);
    assert_int_equal(look(other, 1, 5 * S, &got), WD_VERDICT_UNKNOWN);
    v.epoch = wd_verdicts_epoch(other);
    assert_false(put(other, 1, &v, 5 * S));
    assert_int_equal(look(other, 1, 5 * S, &got), WD_VERDICT_UNKNOWN);
    assert_int_equal(look(other, 2, 5 * S, &got), WD_VERDICT_GOOD);
    free(t);
    free(other);
}


/*
 * Two credentials in one slot, and the second is too long for it: what the
 * slot had of the first must not come back to life.
 */
static void
test_l1_long(void **state)
{
    char                text[300];
    uint8_t             digest[WD_VERDICT_DIGEST];
    wd_str_t            first = WD_STR("eyJ.first"), second = WD_STR("eyJ.2");
    wd_verdict_t        v = key_verdict(5 * S);
    wd_verdicts_t      *t = table(1 << 20);
    wd_verdict_l1_t    *l1 = wd_verdict_l1_create(t, 1);
    wd_verdict_rules_t  tokens = {60 * S, false};
    const wd_verdict_t *got;
    wd_verdict_copy_t   copy;

#define GET(c) wd_verdict_l1_get(l1, c, &tokens, at(5 * S), &copy, &got, digest)

    (void) state;
    assert_non_null(l1);
    v.kind = WD_VERDICT_TOKEN;
    v.iat = 1000 * S;
    v.jti = wd_verdicts_hash(t, WD_REVOKE_JTI, WD_STR("first"));
    assert_int_equal(GET(first), WD_VERDICT_UNKNOWN);
    assert_true(wd_verdicts_put(t, digest, &v, at(5 * S)));
    assert_int_equal(GET(first), WD_VERDICT_GOOD);

    assert_true(wd_verdicts_revoke_named(t, WD_REVOKE_JTI, WD_STR("first"),
                                         WD_NS_MAX, at(5 * S)));
    assert_int_equal(GET(first), WD_VERDICT_UNKNOWN);

    memset(text, 'p', sizeof(text));
    v.jti = 0;
    v.perms = wd_str(text, sizeof(text));
    assert_int_equal(GET(second), WD_VERDICT_UNKNOWN);
    assert_true(wd_verdicts_put(t, digest, &v, at(5 * S)));
    assert_int_equal(GET(second), WD_VERDICT_GOOD);
    assert_int_equal(GET(first), WD_VERDICT_UNKNOWN);
    wd_verdict_l1_destroy(l1);
    free(t);
#undef GET
}


/*
 * A model that forgets nothing: the table may know less, never more, and
 * what it knows is the same.
 */
typedef struct {
    bool         known;
    bool         bad;
    wd_ns_t      bad_until;
    wd_ns_t      revoked; /* last time; 0: never */
    wd_verdict_t v;
} model_t;

#define MODEL 600


static void
model_step(wd_verdicts_t *t, model_t *m, wd_ns_t now, wd_ns_t *all)
{
    size_t            i = (size_t) rand() % MODEL;
    uint8_t           digest[WD_VERDICT_DIGEST];
    wd_verdict_t      v = key_verdict(now - rand() % 3 * 70 * MS);
    wd_verdict_copy_t got;
    wd_verdict_e      known;
    static const char subs[] = "subject-of-some-length-subject-of-some-length-";

    digest_of(i, digest);
    switch (rand() % 8) {
    case 0:
        v.principal = wd_str(subs, (size_t) rand() % sizeof(subs));
        v.label = (uint16_t) rand();
        v.bits = some_set((unsigned) rand() % 4);
        v.owner = 1 + i % 7;
        if (wd_verdicts_put(t, digest, &v, at(now))) {
            assert_true(m[i].revoked == 0 || v.checked > m[i].revoked);
            assert_true(v.checked > *all);
            m[i].known = true;
            m[i].bad = false;
            m[i].v = v;
        }
        break;
    case 1:
        if (rand() % 4 == 0) {
            (void) wd_verdicts_revoke(t, digest, at(now));
            m[i].known = m[i].bad = false;
            m[i].revoked = now;
        }
        break;
    case 2:
        wd_verdicts_put_bad(t, digest, now, 500 * MS);
        m[i].known = false;
        m[i].bad = true;
        m[i].bad_until = now + 500 * MS;
        break;
    case 3:
        if (rand() % 500 == 0) {
            wd_verdicts_revoke_all(t, at(now));
            *all = now;
        }
        break;
    default:
        known = wd_verdicts_get(t, digest, &rules, at(now), &got);
        if (known == WD_VERDICT_GOOD || known == WD_VERDICT_STALE) {
            assert_true(m[i].known);
            assert_true(*all == 0 || m[i].v.checked > *all);
            assert_same(&got.v, &m[i].v);
        } else if (known == WD_VERDICT_BAD) {
            assert_true(m[i].bad && m[i].bad_until > now);
        }
    }
}


static void
test_model(void **state)
{
    size_t         i;
    wd_ns_t        now = 5 * S, all = 0;
    model_t       *m = calloc(MODEL, sizeof(*m));
    wd_verdicts_t *t = table(WD_VERDICTS_SIZE_MIN);

    (void) state;
    srand(11);
    for (i = 0; i < 400000; i++) {
        now += rand() % 3 * MS;
        model_step(t, m, now, &all);
    }
    free(m);
    free(t);
}


static void
test_too_small(void **state)
{
    size_t size;
    void  *mem;

    (void) state;
    mem = memory(WD_VERDICTS_SIZE_MIN);
    assert_null(wd_verdicts_init(mem, WD_VERDICTS_SIZE_MIN - 1));
    free(mem);

    /* The layout stays inside at any size (ASan looks). */
    for (size = WD_VERDICTS_SIZE_MIN; size < 3 << 20; size += 33331) {
        wd_verdicts_t    *t;
        wd_verdict_t      v = key_verdict(5 * S);
        wd_verdict_copy_t got;
        size_t            i;

        mem = malloc(size + 64);
        memset(mem, 0, size + 64);
        t = wd_verdicts_init((void *) (((uintptr_t) mem + 63) / 64 * 64), size);
        assert_non_null(t);
        for (i = 0; i < size / 64; i += 7) {
            assert_true(put(t, i, &v, 5 * S));
            assert_int_equal(look(t, i, 5 * S, &got), WD_VERDICT_GOOD);
        }
        free(mem);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stored),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_freshness),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_revoked_key),
        cmocka_unit_test(test_revoked_all),
        cmocka_unit_test(test_revoked_owner),
        cmocka_unit_test(test_revoked_token),
        cmocka_unit_test(test_token_cover),
        cmocka_unit_test(test_revoked_overflow),
        cmocka_unit_test(test_sets_full),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_migrate),
        cmocka_unit_test(test_l1),
        cmocka_unit_test(test_policy),
        cmocka_unit_test(test_l1_long),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_too_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
