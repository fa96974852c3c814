/*
 * bench_rcache.c - the response cache without nginx: time of a hit, of a
 * purge of 100,000 entries of one tag, and memory per entry beside the body.
 *
 *     bench_rcache    prints "name value unit" lines
 */
#include "wd_rcache.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define BENCH_SIZE (256u * 1024 * 1024)
#define BENCH_ENTRIES 100000u
#define BENCH_BODY 512
#define BENCH_HITS 3000000u


static void
bench_key(uint32_t n, uint8_t key[WD_CACHEKEY_LEN])
{
    static wd_buf_t scratch;
    wd_cachekey_t   k = {WD_STR("bars.query"), WD_FMT_JSON, WD_CACHEKEY_GROUP,
                         WD_STR("bars:read"), WD_STR_NULL};
    char            args[160] = "arguments of a usual size: symbol, timeframe, "
                                "order, limit, adjustment and their values";

    memcpy(args, &n, sizeof(n));
    k.args = wd_str(args, sizeof(args));
    if (wd_cachekey_digest(&k, &scratch, NULL, key) != WD_OK) {
        exit(1);
    }
}


static void
bench_fill(wd_rcache_t           *c, uint8_t (*keys)[WD_CACHEKEY_LEN],
           const wd_rcache_tag_t *tags, size_t n_tags)
{
    static char     body[BENCH_BODY];
    uint32_t        i;
    wd_rcache_put_t p = {.tags = tags,
                         .n_tags = n_tags,
                         .status = 200,
                         .type = WD_STR("application/json"),
                         .etag = WD_STR("\"0123456789abcdef\""),
                         .body = wd_str(body, sizeof(body)),
                         .seq = wd_rcache_seq(c),
                         .fresh = WD_NS_PER_DAY};

    for (i = 0; i < BENCH_ENTRIES; i++) {
        p.key = keys[i];
        if (wd_rcache_put(c, &p, 1) != WD_OK) {
            exit(1);
        }
    }
}


static double
bench_hits(wd_rcache_t *c, uint8_t (*keys)[WD_CACHEKEY_LEN], uint32_t among)
{
    uint32_t         i;
    wd_ns_t          start = wd_monotonic();
    static uint8_t   out[BENCH_BODY + 256];
    wd_rcache_view_t v;

    for (i = 0; i < BENCH_HITS; i++) {
        if (wd_rcache_get(c, keys[i * 7919u % among], 2, &v) != WD_OK
            || wd_rcache_read(c, &v, out) != WD_OK) {
            exit(1);
        }
    }
    return (double) (wd_monotonic() - start) / BENCH_HITS;
}


static double
bench_keys(uint8_t (*keys)[WD_CACHEKEY_LEN])
{
    uint32_t i;
    wd_ns_t  start = wd_monotonic();

    for (i = 0; i < BENCH_ENTRIES; i++) {
        bench_key(i, keys[i]);
    }
    return (double) (wd_monotonic() - start) / BENCH_ENTRIES;
}


static void
bench_purge(wd_rcache_t *c, const wd_rcache_tag_t *tag)
{
    size_t   n, longest = 0;
    uint64_t gone;
    wd_ns_t  start = wd_monotonic(), step, sum;

    gone = wd_rcache_purge(c, tag, 1);
    printf("purge_%llu_entries %.1f us\n", (unsigned long long) gone,
           (double) (wd_monotonic() - start) / WD_NS_PER_US);

    sum = wd_monotonic();
    for (;;) {
        step = wd_monotonic();
        n = wd_rcache_reclaim(c, 256);
        if (n == 0) {
            break;
        }
        longest = wd_max(longest, (size_t) (wd_monotonic() - step));
    }
    printf("reclaim_all %.2f ms\n",
           (double) (wd_monotonic() - sum) / WD_NS_PER_MS);
    printf("reclaim_longest_step %.1f us\n", (double) longest / WD_NS_PER_US);
}


int
main(void)
{
    void             *mem = mmap(NULL, BENCH_SIZE, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    wd_rcache_t      *c;
    wd_rcache_tag_t   tags[3];
    wd_rcache_stats_t st;
    static uint8_t    keys[BENCH_ENTRIES][WD_CACHEKEY_LEN];

    c = mem != MAP_FAILED ? wd_rcache_init(mem, BENCH_SIZE, 262144) : NULL;
    if (c == NULL) {
        return 1;
    }
    wd_rcache_tag(WD_STR("bars:IBM"), &tags[0]);
    wd_rcache_tag(WD_STR("instrument:IBM"), &tags[1]);
    wd_rcache_tag(WD_STR("instruments"), &tags[2]);

    printf("key %.0f ns\n", bench_keys(keys));
    bench_fill(c, keys, tags, 3);
    printf("hit_one_key %.0f ns\n", bench_hits(c, keys, 1));
    printf("hit_100000_keys %.0f ns\n", bench_hits(c, keys, BENCH_ENTRIES));

    wd_rcache_stats(c, &st);
    printf("bytes_per_entry_beside_body %.0f B\n",
           (double) st.bytes / BENCH_ENTRIES - BENCH_BODY);
    printf("zone_share_for_entries %.3f of 1\n",
           (double) st.capacity / BENCH_SIZE);
    bench_purge(c, &tags[0]);
    return 0;
}
