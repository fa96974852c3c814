/*
 * fuzz_base64url.c - what is taken is the only text of its bytes; what is
 * refused is no text of any.
 */
#include "wd_base64url.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char    *text = malloc(WD_BASE64URL_TEXT(size) + 1);
    size_t   n, len, cap = WD_BASE64URL_BYTES(size);
    uint8_t *bytes = malloc(size + 1);
    wd_str_t in = wd_str((const char *) data, size);

    if (text == NULL || bytes == NULL) {
        abort();
    }

    if (wd_base64url_decode(in, bytes, cap, &n) == WD_OK) {
        len = wd_base64url_encode(bytes, n, text);
        if (n != cap || !wd_str_eq(wd_str(text, len), in)) {
            abort();
        }
    }

    len = wd_base64url_encode(data, size, text);
    if (len != WD_BASE64URL_TEXT(size)
        || wd_base64url_decode(wd_str(text, len), bytes, size, &n) != WD_OK
        || n != size || (n != 0 && memcmp(bytes, data, n) != 0)) {
        abort();
    }

    free(text);
    free(bytes);
    return 0;
}
