/*
 * bench_argon2.c - prints the milliseconds of one password hash by libsodium
 * alone, with the parameters of the auth service: the median of N.
 *
 *     bench-argon2 N
 */
#include "wd_time.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define BENCH_MEMORY (64 * 1024 * 1024)
#define BENCH_PASSES 2
#define BENCH_MAX 1000


static int
bench_cmp(const void *a, const void *b)
{
    wd_ns_t x = *(const wd_ns_t *) a, y = *(const wd_ns_t *) b;

    return (x > y) - (x < y);
}


int
main(int argc, char **argv)
{
    int     i, n = argc == 2 ? atoi(argv[1]) : 0;
    char    hash[crypto_pwhash_STRBYTES];
    wd_ns_t from, took[BENCH_MAX];

    if (n < 1 || n > BENCH_MAX || sodium_init() < 0
        || crypto_pwhash_str_alg(hash, "correct horse", 13, BENCH_PASSES,
                                 BENCH_MEMORY, crypto_pwhash_ALG_ARGON2ID13)
               != 0) {
        fprintf(stderr, "usage: bench-argon2 N (1 to %d)\n", BENCH_MAX);
        return 1;
    }

    for (i = 0; i < n; i++) {
        from = wd_monotonic();
        if (crypto_pwhash_str_verify(hash, "correct horse", 13) != 0) {
            return 1;
        }
        took[i] = wd_monotonic() - from;
    }
    qsort(took, (size_t) n, sizeof(took[0]), bench_cmp);
    printf("%.3f\n", (double) took[n / 2] / 1e6);
    return 0;
}
