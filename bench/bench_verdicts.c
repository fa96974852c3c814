/*
 * bench_verdicts.c - the verdict table at a million keys: bytes for each, and
 * nanoseconds of a look in the table and in the cache in front of it.
 *
 * Usage: bench-verdicts [keys] [bytes of memory]
 */
#include "wd_time.h"
#include "wd_verdicts.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define KEY_LEN 46
#define HOT 512 /* keys that the cache in front is asked for */
#define LOOKS 2000000

static const wd_verdict_rules_t rules = {3600 * WD_NS_PER_S, true};


static void
key_of(size_t n, char key[KEY_LEN + 1])
{
    snprintf(key, KEY_LEN + 1, "wd_live_%038zu", n);
}


static void
digest_of(size_t n, uint8_t digest[WD_VERDICT_DIGEST])
{
    char key[KEY_LEN + 1];

    key_of(n, key);
    (void) crypto_generichash(digest, WD_VERDICT_DIGEST, (uint8_t *) key,
                              KEY_LEN, NULL, 0);
}


/* As auth gives them: a UUID, a number, one plan of four, one set of eight. */
static bool
put(wd_verdicts_t *t, size_t n, wd_verdict_now_t now)
{
    char    uuid[37], id[24], plan[16], perms[64];
    uint8_t digest[WD_VERDICT_DIGEST];
    int     id_len, plan_len, perms_len;

    snprintf(uuid, sizeof(uuid), "%08zx-9dc0-41d1-b245-%012zx", n, n * 7);
    id_len = snprintf(id, sizeof(id), "%zu", n);
    plan_len = snprintf(plan, sizeof(plan), "plan-%zu", n % 4);
    perms_len = snprintf(perms, sizeof(perms),
                         "\x92\xa9"
                         "bars:read\xa6set:%02zu",
                         n % 8);
    digest_of(n, digest);
    return wd_verdicts_put(
        t, digest,
        &(wd_verdict_t){
            .kind = WD_VERDICT_KEY,
            .principal = wd_str(uuid, 36),
            .key = wd_str(id, (size_t) id_len),
            .plan = wd_str(plan, (size_t) plan_len),
            .perms = wd_str(perms, (size_t) perms_len),
            .nets = n % 4 == 0 ? WD_STR("\x18\xc0\x00\x02") : WD_STR(""),
            .bits = {{n % 8}},
            .checked = now.mono,
        },
        now);
}


static void
look(wd_verdicts_t *t, size_t keys, wd_verdict_now_t now)
{
    size_t i, found = 0;
    uint8_t(*digests)[WD_VERDICT_DIGEST];
    wd_ns_t           took;
    wd_verdict_copy_t got;

    digests = malloc(LOOKS * sizeof(*digests));
    if (digests == NULL) {
        return;
    }
    for (i = 0; i < LOOKS; i++) {
        digest_of((i * UINT64_C(2654435761)) % keys, digests[i]);
    }

    took = wd_monotonic();
    for (i = 0; i < LOOKS; i++) {
        found += wd_verdicts_get(t, digests[i], &rules, now, &got)
                 == WD_VERDICT_GOOD;
    }
    took = wd_monotonic() - took;
    printf("table, any of %zu keys: %.0f ns (%zu of %d found)\n", keys,
           (double) took / LOOKS, found, LOOKS);

    took = wd_monotonic();
    for (i = 0; i < LOOKS; i++) {
        (void) wd_verdicts_get(t, digests[i % HOT], &rules, now, &got);
    }
    took = wd_monotonic() - took;
    printf("table, %d hot keys: %.0f ns\n", HOT, (double) took / LOOKS);
    free(digests);
}


static void
look_l1(wd_verdicts_t *t, wd_verdict_now_t now)
{
    char                keys[HOT][KEY_LEN + 1];
    size_t              i;
    uint8_t             digest[WD_VERDICT_DIGEST];
    wd_ns_t             took;
    wd_verdict_l1_t    *l1 = wd_verdict_l1_create(t, 4096);
    const wd_verdict_t *got;
    wd_verdict_copy_t   copy;

    if (l1 == NULL) {
        return;
    }
    for (i = 0; i < HOT; i++) {
        key_of(i, keys[i]);
    }

    took = wd_monotonic();
    for (i = 0; i < LOOKS; i++) {
        (void) wd_verdict_l1_get(l1, wd_str(keys[i % HOT], KEY_LEN), &rules,
                                 now, &copy, &got, digest);
    }
    took = wd_monotonic() - took;
    printf("cache of a worker, %d hot keys: %.0f ns, %.1f %% of them hits\n",
           HOT, (double) took / LOOKS,
           100.0 * (double) wd_verdict_l1_stats(l1).hits / LOOKS);
    wd_verdict_l1_destroy(l1);
}


int
main(int argc, char **argv)
{
    void               *mem;
    size_t              i, keys, size;
    wd_ns_t             took;
    wd_verdicts_t      *t;
    wd_verdict_now_t    now = {wd_monotonic(), wd_now()};
    wd_verdicts_stats_t stats;

    keys = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    size = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    if (size == 0) {
        size = keys * (128 + WD_VERDICT_DIGEST);
    }

    mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
               -1, 0);
    t = sodium_init() < 0 || mem == MAP_FAILED ? NULL
                                               : wd_verdicts_init(mem, size);
    if (t == NULL) {
        fprintf(stderr, "bench-verdicts: no memory, or too little\n");
        return 1;
    }

    took = wd_monotonic();
    for (i = 0; i < keys; i++) {
        (void) put(t, i, now);
    }
    took = wd_monotonic() - took;

    wd_verdicts_stats(t, &stats);
    printf("%zu keys in %zu bytes: %llu kept, %llu lost; %.1f bytes each with "
           "the digest of %d, %.1f beyond it\n",
           keys, size, (unsigned long long) stats.entries,
           (unsigned long long) stats.evicted,
           (double) size / (double) stats.entries, WD_VERDICT_DIGEST,
           (double) size / (double) stats.entries - WD_VERDICT_DIGEST);
    printf("store, with BLAKE2b of the key: %.0f ns\n",
           (double) took / (double) keys);

    look(t, keys, now);
    look_l1(t, now);

    /* How full does it get? */
    for (i = keys; stats.evicted == 0; i++) {
        (void) put(t, i, now);
        if (i % 1000 == 0) {
            wd_verdicts_stats(t, &stats);
        }
    }
    printf("first loss at %llu of %llu places (%.1f %%): %.1f bytes each "
           "beyond the digest\n",
           (unsigned long long) stats.entries,
           (unsigned long long) stats.capacity,
           100.0 * (double) stats.entries / (double) stats.capacity,
           (double) size / (double) stats.entries - WD_VERDICT_DIGEST);
    return 0;
}
