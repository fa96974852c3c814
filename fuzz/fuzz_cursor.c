/*
 * fuzz_cursor.c - cursors of a client: any text is refused or, read and
 * written again, is the same text. Also the hash over any arguments map.
 */
#include "analytics_cursor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    analytics_cursor_t c;
    char               text[ANALYTICS_CURSOR_TEXT_MAX];
    uint8_t            hash[8];
    size_t             n;

    (void) !analytics_cursor_args("bars.query", wd_mp(data, size), hash);

    if (analytics_cursor_read(wd_str((const char *) data, size), &c) != WD_OK) {
        return 0;
    }

    n = analytics_cursor_write(&c, text);
    if (n != size || memcmp(text, data, n) != 0) {
        abort();
    }
    return 0;
}
