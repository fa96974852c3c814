/*
 * fuzz_cachectl.c - Cache-Control and If-None-Match: any bytes are read
 * without harm, and what is added behind a whole value does not loosen it.
 */
#include "wd_cachectl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char         *more;
    wd_str_t      in = wd_str((const char *) data, size);
    wd_cachectl_t a, b;

    more = malloc(size + sizeof("no-cache,max-age=5,"));
    if (more == NULL) {
        return 0;
    }
    memcpy(more, "no-cache,max-age=5,", sizeof("no-cache,max-age=5,") - 1);
    memcpy(more + sizeof("no-cache,max-age=5,") - 1, data, size);

    wd_cachectl_parse(in, &a);
    wd_cachectl_parse(wd_str(more, size + sizeof("no-cache,max-age=5,") - 1),
                      &b);
    if (!b.no_cache || b.max_age < 0 || b.max_age > 5
        || a.no_store != b.no_store || a.only_if_cached != b.only_if_cached
        || a.max_age > WD_CACHECTL_AGE_MAX) {
        abort();
    }

    (void) wd_cachectl_match(in, WD_STR("\"abc\""));
    (void) wd_cachectl_match(WD_STR("W/\"x\", \"abc\""), in);
    free(more);
    return 0;
}
