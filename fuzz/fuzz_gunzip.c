/*
 * fuzz_gunzip.c - packed files: never more than the limit, and the same again.
 */
#include "wd_gunzip.h"

#include <stdlib.h>

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int      rc, again;
    wd_buf_t one, two;
    wd_str_t bytes = wd_str((const char *) data, size);

    wd_buf_init(&one, LIMIT);
    wd_buf_init(&two, LIMIT);
    rc = wd_gunzip(bytes, &one);
    again = wd_gunzip(bytes, &two);
    require(rc == WD_OK || rc == WD_ETRUNC || rc == WD_EPROTO
            || rc == WD_ETOOBIG);
    require(rc == again && one.len <= LIMIT
            && wd_str_eq(wd_buf_view(&one), wd_buf_view(&two)));
    require(rc != WD_OK || wd_is_gzip(bytes));
    wd_buf_done(&one);
    wd_buf_done(&two);
    return 0;
}
