/*
 * What gateways report as refused, from bytes of anybody: it is read within
 * its bounds or not at all.
 */
#include "auth_refusals.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static bool
is_within(wd_str_t s, const uint8_t *data, size_t size)
{
    return s.len == 0
           || ((const uint8_t *) s.data >= data
               && (const uint8_t *) s.data + s.len <= data + size);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t         i, n = 0;
    int64_t        lost = 0;
    wd_str_t       gateway;
    auth_refusal_t rows[AUTH_REFUSALS_MAX];

    if (auth_refusals_read(wd_str((const char *) data, size), rows, &n, &lost,
                           &gateway)
        != WD_OK) {
        return 0;
    }

    assert(n <= AUTH_REFUSALS_MAX && lost >= 0);
    assert(is_within(gateway, data, size) && wd_utf8_valid(gateway));
    for (i = 0; i < n; i++) {
        assert(rows[i].at >= 0 && rows[i].n >= 1);
        assert(rows[i].code == WD_EUNAUTH || rows[i].code == WD_EFORBIDDEN);
        assert(is_within(rows[i].sub, data, size)
               && wd_utf8_valid(rows[i].sub));
        assert(is_within(rows[i].ip, data, size)
               && is_within(rows[i].method, data, size));
    }
    return 0;
}
