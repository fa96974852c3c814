/*
 * fuzz_tz.c - zone files: any bytes are refused or give a zone whose offsets
 * are bounded and whose local times convert without trouble.
 */
#include "wd_tz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int        year, offset;
    wd_ns_t    t;
    wd_tz_t   *tz;
    wd_civil_t c = {.month = 3, .day = 10, .hour = 2, .minute = 30};

    if (wd_tz_parse(wd_str((const char *) data, size), &tz) != WD_OK) {
        return 0;
    }

    for (year = 1700; year < 2260; year += 13) {
        c.year = year;
        if (wd_tz_to_utc(tz, &c, &t) != WD_OK) {
            continue;
        }
        offset = wd_tz_offset(tz, t);
        if (offset < -700000 || offset > 700000) {
            abort();
        }
    }
    wd_tz_destroy(tz);
    return 0;
}
