/*
 * fuzz_digest.c - the header `Digest`: what is read from any text is a sum of
 * its algorithm, and is read again from either alphabet.
 */
#include "fuzz.h"

#include "wd_digest.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char        hex[2 * EVP_MAX_MD_SIZE + 1], text[256];
    size_t      n;
    wd_digest_t d, again;

    if (!wd_digest_read(wd_str((const char *) data, size), &d)) {
        return 0;
    }
    n = (size_t) EVP_MD_get_size(d.md);
    wd_hex_encode(d.sum, n, hex);
    snprintf(text, sizeof(text), "x=1, %s=%s",
             n == 64   ? "sha-512"
             : n == 32 ? "sha-256"
             : n == 20 ? "sha"
                       : "md5",
             hex);
    fuzz_require(wd_digest_read(wd_str_z(text), &again));
    fuzz_require(again.md == d.md && memcmp(again.sum, d.sum, n) == 0);
    return 0;
}
