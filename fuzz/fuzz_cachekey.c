/*
 * fuzz_cachekey.c - two requests cut from the input: their keys are the same
 * bytes if and only if the requests are the same.
 */
#include "wd_cachekey.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static uint8_t
fuzz_byte(wd_str_t *in)
{
    uint8_t b;

    if (in->len == 0) {
        return 0;
    }
    b = (uint8_t) in->data[0];
    in->data++;
    in->len--;
    return b;
}


static wd_str_t
fuzz_text(wd_str_t *in)
{
    size_t   declared = fuzz_byte(in), n = wd_min(declared, in->len);
    wd_str_t s = wd_str(in->data, n);

    in->data += n;
    in->len -= n;
    return s;
}


static wd_cachekey_t
fuzz_key(wd_str_t *in)
{
    wd_cachekey_t k = {.method = fuzz_text(in)};

    k.format = fuzz_byte(in);
    k.kind = fuzz_byte(in) & 1 ? WD_CACHEKEY_PRINCIPAL : WD_CACHEKEY_GROUP;
    k.scope = fuzz_text(in);
    k.args = fuzz_text(in);
    return k;
}


static bool
fuzz_same(const wd_cachekey_t *a, const wd_cachekey_t *b)
{
    return wd_str_eq(a->method, b->method) && a->format == b->format
           && a->kind == b->kind && wd_str_eq(a->scope, b->scope)
           && wd_str_eq(a->args, b->args);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool          same;
    wd_str_t      in = wd_str((const char *) data, size);
    wd_buf_t      x = WD_BUF_INIT, y = WD_BUF_INIT, scratch = WD_BUF_INIT;
    uint8_t       dx[WD_CACHEKEY_LEN], dy[WD_CACHEKEY_LEN];
    wd_cachekey_t a = fuzz_key(&in), b = fuzz_key(&in);

    wd_cachekey_put(&x, &a);
    wd_cachekey_put(&y, &b);
    same = wd_str_eq(wd_buf_view(&x), wd_buf_view(&y));
    if (x.err != WD_OK || y.err != WD_OK || same != fuzz_same(&a, &b)) {
        abort();
    }

    if (wd_cachekey_digest(&a, &scratch, NULL, dx) != WD_OK
        || wd_cachekey_digest(&b, &scratch, NULL, dy) != WD_OK
        || (memcmp(dx, dy, sizeof(dx)) == 0) != same) {
        abort();
    }

    wd_buf_done(&x);
    wd_buf_done(&y);
    wd_buf_done(&scratch);
    return 0;
}
