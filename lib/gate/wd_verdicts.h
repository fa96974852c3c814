/*
 * wd_verdicts.h - what is known about credentials, in memory that the
 * workers of a gateway share: verdicts of API keys and of verified tokens,
 * keys that auth does not know, and what was revoked.
 *
 * A credential is known by its digest. Times of a verdict's own life
 * (`checked`) are of the monotonic clock, what tokens and auth say (`expires`,
 * `iat`) is wall-clock time; a caller gives both as wd_verdict_now_t.
 *
 * All functions may be called from any thread or process that has the
 * memory; a process that is killed inside one of them costs at most a 64th of
 * the verdicts, and never a revocation that was applied.
 */
#ifndef WD_VERDICTS_H
#define WD_VERDICTS_H

#include "wd_cidr.h"
#include "wd_err.h"
#include "wd_method_set.h"
#include "wd_str.h"
#include "wd_time.h"

#define WD_VERDICT_DIGEST 32 /* BLAKE2b-256 */

/* Longest parts of a verdict. */
#define WD_VERDICT_PRINCIPAL_MAX 255
#define WD_VERDICT_KEY_MAX 64
#define WD_VERDICT_PLAN_MAX 32
#define WD_VERDICT_PERMS_MAX 2048
#define WD_VERDICT_NETS_MAX (WD_CIDR_LIST_MAX * WD_CIDR_PACKED_MAX)
#define WD_VERDICT_TEXT_MAX                                              \
    (WD_VERDICT_PRINCIPAL_MAX + WD_VERDICT_KEY_MAX + WD_VERDICT_PLAN_MAX \
     + WD_VERDICT_PERMS_MAX + WD_VERDICT_NETS_MAX)

/* Memory with which wd_verdicts_init() can work. */
#define WD_VERDICTS_SIZE_MIN (192 * 1024)

/* Without news for longer than this, a revocation may have been missed. */
#define WD_VERDICT_FRESH (1000 * WD_NS_PER_MS)

typedef struct {
    wd_ns_t mono;
    wd_ns_t wall;
} wd_verdict_now_t;

typedef enum { WD_VERDICT_KEY = 1, WD_VERDICT_TOKEN } wd_verdict_kind_e;

typedef struct {
    wd_verdict_kind_e kind;
    wd_str_t          principal;
    wd_str_t          key; /* id of the key; of a token its kid */
    wd_str_t          plan;
    wd_str_t          perms; /* MessagePack array of texts */
    wd_str_t          nets; /* packed networks (wd_cidr.h); empty: any */
    wd_method_set_t   bits; /* what it may, as the caller counts */
    wd_method_set_t   barred; /* what it may not whatever is permitted */
    wd_ns_t           checked; /* monotonic: when its issuer was asked */
    wd_ns_t           expires; /* wall; 0: never */
    wd_ns_t           iat; /* wall; of tokens */
    uint64_t          jti; /* wd_verdicts_hash() of it; 0: none */
    uint64_t          owner; /* the same of the subject or owner; 0: none */
    uint16_t          label; /* of a key: row in the caller's counters */
    uint64_t          policy; /* of tokens: what they were judged by; the
                                 table keeps those of its own only */
    uint16_t          epoch; /* of tokens: wd_verdicts_epoch() before they
                                were judged; not read back */
} wd_verdict_t;

/* A verdict with the memory of its views. */
typedef struct {
    wd_verdict_t v;
    char         text[WD_VERDICT_TEXT_MAX];
} wd_verdict_copy_t;

typedef enum {
    WD_VERDICT_UNKNOWN, /* nothing is stored */
    WD_VERDICT_BAD, /* auth does not know the key */
    WD_VERDICT_STALE, /* must be asked about again before it counts */
    WD_VERDICT_GOOD
} wd_verdict_e;

/* When a verdict counts without asking. */
typedef struct {
    wd_ns_t key_ttl; /* a key is asked about again after it */
    bool    tokens_ask; /* tokens need a push channel or a recent answer */
} wd_verdict_rules_t;

typedef enum {
    WD_REVOKE_JTI, /* one token */
    WD_REVOKE_SUB, /* tokens of a subject, issued before a time */
    WD_REVOKE_OWNER /* keys of an owner, as known until now */
} wd_revoke_e;

typedef struct wd_verdicts_s wd_verdicts_t;


/*
 * Lays the tables out in `mem`, which is zeroed and aligned to 64. NULL when
 * it is smaller than WD_VERDICTS_SIZE_MIN.
 */
wd_verdicts_t *wd_verdicts_init(void *mem, size_t size);

/*
 * Copies what is known from another memory, whose users go on working; the
 * verdicts used longest ago are left out when there is less room.
 */
void wd_verdicts_migrate(wd_verdicts_t *to, wd_verdicts_t *from,
                         wd_verdict_now_t now);

/* The hash by which a jti or a subject is compared; never 0. */
uint64_t wd_verdicts_hash(const wd_verdicts_t *t, wd_revoke_e what,
                          wd_str_t value);

/*
 * What is known about the digest. For GOOD and STALE *ret holds it. Whether
 * it is GOOD is decided by `rules`.
 */
wd_verdict_e wd_verdicts_get(wd_verdicts_t *t,
                             const uint8_t  digest[WD_VERDICT_DIGEST],
                             const wd_verdict_rules_t *rules,
                             wd_verdict_now_t now, wd_verdict_copy_t *ret);

/* May this verdict be used without asking about it? */
bool wd_verdicts_fresh(wd_verdicts_t *t, const wd_verdict_t *v,
                       const wd_verdict_rules_t *rules, wd_verdict_now_t now);

/*
 * False: not stored, because it was revoked since v->checked, or has no room
 * anywhere. Which of the two does not matter: it counts for nobody else.
 */
bool wd_verdicts_put(wd_verdicts_t *t, const uint8_t digest[WD_VERDICT_DIGEST],
                     const wd_verdict_t *v, wd_verdict_now_t now);

/* Auth, asked at `checked` (monotonic), does not know it; holds for ttl. */
void wd_verdicts_put_bad(wd_verdicts_t *t,
                         const uint8_t  digest[WD_VERDICT_DIGEST],
                         wd_ns_t checked, wd_ns_t ttl);

/* Of one key. False: it was told within the last second, too. */
bool wd_verdicts_revoke(wd_verdicts_t   *t,
                        const uint8_t    digest[WD_VERDICT_DIGEST],
                        wd_verdict_now_t now);

/* All verdicts of keys must be asked for again. */
void wd_verdicts_revoke_all(wd_verdicts_t *t, wd_verdict_now_t now);

/*
 * JTI: `number` is the token's end; it may be forgotten when the leeway that
 * tokens are given at most is over, too. SUB:
 * tokens issued before `number` are void. OWNER: as keys are known now, kept
 * until `number`. False: that was known, or told within the last second.
 */
bool wd_verdicts_revoke_named(wd_verdicts_t *t, wd_revoke_e what,
                              wd_str_t value, wd_ns_t number,
                              wd_verdict_now_t now);

/* All tokens issued before that time are void. */
bool wd_verdicts_revoke_before(wd_verdicts_t *t, wd_ns_t issued_before);

/*
 * For who holds on to a verdict: was it revoked since wd_verdicts_seq() was
 * `seq`, read before the verdict was looked up or asked for? A key may be
 * named and only have changed, or be taken for another one when many are.
 */
bool wd_verdicts_is_revoked(wd_verdicts_t      *t,
                            const uint8_t       digest[WD_VERDICT_DIGEST],
                            const wd_verdict_t *v, uint64_t seq);

/* Another number after each revocation. */
uint64_t wd_verdicts_seq(const wd_verdicts_t *t);

/*
 * Tokens must be verified anew: a key that signed some is no more, or roles
 * give other permissions. That holds for those that are being judged, too.
 */
void     wd_verdicts_forget_tokens(wd_verdicts_t *t);
uint16_t wd_verdicts_epoch(const wd_verdicts_t *t);

/*
 * What tokens are judged by from now on, as a hash: when it is another one,
 * they must be verified anew. Verdicts by another one are not stored.
 */
void wd_verdicts_policy(wd_verdicts_t *t, uint64_t policy);

/* Hashes as in a verdict. A token without iat is older than any. */
bool wd_verdicts_token_revoked(wd_verdicts_t *t, uint64_t jti, uint64_t owner,
                               wd_ns_t iat);

/*
 * A beat of the push channel: what was revoked between the two times
 * (monotonic) has arrived in this memory, through whichever process.
 */
void wd_verdicts_beat(wd_verdicts_t *t, wd_ns_t since, wd_ns_t until);

/* Can no revocation since `checked` have been missed? */
bool wd_verdicts_covered(const wd_verdicts_t *t, wd_ns_t checked, wd_ns_t mono);

/* Are all revocations of tokens that live known here now? */
bool wd_verdicts_tokens_covered(const wd_verdicts_t *t, wd_verdict_now_t now);


typedef struct {
    size_t   bytes; /* of the memory */
    uint64_t capacity; /* small entries */
    uint64_t large_capacity;
    uint64_t bad_capacity;
    uint64_t revoked_capacity;
    uint64_t entries;
    uint64_t large;
    uint64_t stored;
    uint64_t evicted; /* lost to others while they still counted */
    uint64_t crossed; /* not stored: revoked since they were asked */
    uint64_t too_large; /* not stored: no class has room for it */
    uint64_t repaired; /* shards emptied after a process died */
    uint64_t sets; /* interned now */
    uint64_t clears; /* of the interned sets */
    uint64_t revoked; /* live token revocations */
    uint64_t revoked_lost; /* for which there was no room */
} wd_verdicts_stats_t;

void wd_verdicts_stats(wd_verdicts_t *t, wd_verdicts_stats_t *ret);


/*
 * A cache of one thread in front of the table, keyed by the credential
 * itself: a key that is hot needs neither its digest nor a lock.
 */
typedef struct wd_verdict_l1_s wd_verdict_l1_t;

/* `slots` is a power of two. NULL without memory. */
wd_verdict_l1_t *wd_verdict_l1_create(wd_verdicts_t *t, size_t slots);
void             wd_verdict_l1_destroy(wd_verdict_l1_t *l1);

/*
 * wd_verdicts_get() for a credential. `digest` is filled in always. Only
 * GOOD verdicts come from the cache. The views are good until the next call;
 * they point into `copy` or into the cache.
 */
wd_verdict_e wd_verdict_l1_get(wd_verdict_l1_t *l1, wd_str_t credential,
                               const wd_verdict_rules_t *rules,
                               wd_verdict_now_t now, wd_verdict_copy_t *copy,
                               const wd_verdict_t **ret,
                               uint8_t              digest[WD_VERDICT_DIGEST]);

typedef struct {
    uint64_t hits;
    uint64_t misses;
} wd_verdict_l1_stats_t;

wd_verdict_l1_stats_t wd_verdict_l1_stats(const wd_verdict_l1_t *l1);

#endif /* WD_VERDICTS_H */
