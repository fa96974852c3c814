/*
 * fuzz_worldbank.c - the World Bank's parser.
 */
#include "fuzz.h"

#include "wd_pool.h"
#include "wd_wb_parse.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_observations; i++) {
        fuzz_require(isfinite(r->observations[i].value)
                     || isnan(r->observations[i].value));
        fuzz_require(r->observations[i].indicator.len != 0
                     && r->observations[i].country.len != 0);
        fuzz_require(wd_utf8_valid(r->observations[i].indicator)
                     && wd_utf8_valid(r->observations[i].country));
    }
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail));
        fuzz_require(wd_utf8_valid(r->rejects[i].sample));
    }
    fuzz_require(!r->refused || r->n_rejected != 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_pool_t   *pool;
    wd_records_t r;

    pool = wd_pool_create(4096);
    if (pool == NULL) {
        return 0;
    }

    wd_records_init(&r, pool);
    fuzz_require(wd_wb_parse(wd_str((const char *) data, size), &r) == WD_OK);
    check(&r);
    wd_pool_destroy(pool);
    return 0;
}
