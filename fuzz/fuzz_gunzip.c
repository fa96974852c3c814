/*
 * fuzz_gunzip.c - packed files: never more than the limit, and the same again
 * in pieces of any size.
 */
#include "fuzz.h"

#include "wd_gunzip.h"

#include <stdlib.h>

#define LIMIT 65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* As wd_gunzip() does, with little input and room at a time. */
static int
in_pieces(wd_str_t bytes, size_t piece, wd_buf_t *out)
{
    int          rc;
    size_t       n;
    char         room[64];
    wd_str_t     in = WD_STR("");
    wd_gunzip_t *g = wd_gunzip_create();

    fuzz_require(g != NULL);
    do {
        if (in.len == 0) {
            in = wd_str(bytes.data, wd_min(piece, bytes.len));
            bytes = wd_str(bytes.data + in.len, bytes.len - in.len);
        }
        rc = wd_gunzip_step(g, &in, room, sizeof(room), &n);
        fuzz_require(n <= sizeof(room));
        wd_buf_append(out, room, n);
    } while (rc == WD_OK && out->err == WD_OK
             && (in.len + bytes.len != 0 || n == sizeof(room)));
    if (out->err != WD_OK) {
        rc = out->err;
    } else if (rc == WD_OK && !wd_gunzip_whole(g)) {
        rc = WD_ETRUNC;
    }
    wd_gunzip_destroy(g);
    return rc;
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
    again = wd_is_gzip(bytes) ? in_pieces(bytes, size % 7 + 1, &two)
                              : wd_gunzip(bytes, &two);
    fuzz_require(rc == WD_OK || rc == WD_ETRUNC || rc == WD_EPROTO
                 || rc == WD_ETOOBIG);
    fuzz_require(rc == again && one.len <= LIMIT && two.len <= LIMIT);
    fuzz_require(rc == WD_ETOOBIG
                 || wd_str_eq(wd_buf_view(&one), wd_buf_view(&two)));
    fuzz_require(rc != WD_OK || wd_is_gzip(bytes));
    wd_buf_done(&one);
    wd_buf_done(&two);
    return 0;
}
