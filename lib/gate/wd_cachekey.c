/*
 * wd_cachekey.c - writes and hashes the key of a cached answer.
 */
#include "wd_cachekey.h"

#include <sodium.h>
#include <string.h>

_Static_assert(WD_CACHEKEY_LEN == WD_MEMO_DIGEST, "a digest is remembered");


/* Four bytes of length, the same on every machine, then the bytes. */
static uint8_t *
wd_cachekey_put_str(uint8_t *p, wd_str_t s)
{
    uint32_t n = (uint32_t) s.len;

    *p++ = (uint8_t) n;
    *p++ = (uint8_t) (n >> 8);
    *p++ = (uint8_t) (n >> 16);
    *p++ = (uint8_t) (n >> 24);
    if (n != 0) {
        memcpy(p, s.data, n);
    }
    return p + n;
}


void
wd_cachekey_put(wd_buf_t *out, const wd_cachekey_t *key)
{
    uint8_t *p;
    size_t   n = 3 * 4 + 2;

    if (key->method.len > WD_CACHEKEY_PART_MAX
        || key->scope.len > WD_CACHEKEY_PART_MAX
        || key->args.len > WD_CACHEKEY_PART_MAX) {
        out->err = WD_ETOOBIG;
        return;
    }

    n += key->method.len + key->scope.len + key->args.len;
    if (!wd_buf_reserve(out, n)) {
        return;
    }

    p = wd_cachekey_put_str(out->data + out->len, key->method);
    *p++ = (uint8_t) key->format;
    *p++ = (uint8_t) key->kind;
    p = wd_cachekey_put_str(p, key->scope);
    (void) wd_cachekey_put_str(p, key->args);
    out->len += n;
}


int
wd_cachekey_digest(const wd_cachekey_t *key, wd_buf_t *scratch, wd_memo_t *memo,
                   uint8_t ret[WD_CACHEKEY_LEN])
{
    bool     known = false;
    uint8_t *digest = NULL;

    wd_buf_reset(scratch);
    wd_cachekey_put(scratch, key);
    if (scratch->err != WD_OK) {
        return WD_ENOMEM;
    }

    if (memo != NULL) {
        digest = wd_memo(memo, scratch->data, scratch->len, &known);
    }
    if (known) {
        memcpy(ret, digest, WD_CACHEKEY_LEN);
        return WD_OK;
    }

    crypto_generichash(ret, WD_CACHEKEY_LEN, scratch->data, scratch->len, NULL,
                       0);
    if (digest != NULL) {
        memcpy(digest, ret, WD_CACHEKEY_LEN);
    }
    return WD_OK;
}
