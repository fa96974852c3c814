/*
 * fuzz_mask.c - texts of clients for logs: valid UTF-8 in any room, and what
 * is masked once needs no masking again but for the mask itself.
 */
#include "wd_mask.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char     out[256];
    size_t   n, cap;
    wd_str_t in = wd_str((const char *) data, size);

    cap = size != 0 ? data[0] : 0;
    n = wd_mask(in, out, cap);
    if (n > cap || !wd_utf8_valid(wd_str(out, n))) {
        abort();
    }
    if (!wd_mask_needed(in)
        && (n > size || (n != 0 && memcmp(out, in.data, n) != 0))) {
        abort();
    }
    return 0;
}
