/*
 * fuzz_apikey.c - API keys: a key that is sealed is well-formed, and any
 * change of one of its characters is noticed.
 */
#include "wd_apikey.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char   key[WD_APIKEY_LEN + 1] = "wd_live_", was;
    size_t i, at;

    (void) wd_apikey_wellformed(wd_str((const char *) data, size));
    if (size < WD_APIKEY_RANDOM + 2) {
        return 0;
    }

    for (i = 0; i < WD_APIKEY_RANDOM; i++) {
        key[WD_APIKEY_PREFIX + i] = wd_base62(data[i]);
    }
    wd_apikey_seal(key);
    if (!wd_apikey_wellformed(wd_str(key, WD_APIKEY_LEN))) {
        abort();
    }

    at = data[i] % WD_APIKEY_LEN;
    was = key[at];
    key[at] = (char) data[i + 1];
    if (key[at] != was && wd_apikey_wellformed(wd_str(key, WD_APIKEY_LEN))) {
        abort();
    }
    return 0;
}
