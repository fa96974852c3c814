/*
 * wd_cachekey.c - writes and hashes the key of a cached answer.
 */
#include "wd_cachekey.h"

#include <sodium.h>


/* Four bytes of length, the same on every machine, then the bytes. */
static void
wd_cachekey_put_str(wd_buf_t *out, wd_str_t s)
{
    uint32_t n = (uint32_t) s.len;
    uint8_t  head[4] = {(uint8_t) n, (uint8_t) (n >> 8), (uint8_t) (n >> 16),
                        (uint8_t) (n >> 24)};

    if (s.len > UINT32_MAX) {
        out->err = WD_ETOOBIG;
        return;
    }
    wd_buf_append(out, head, sizeof(head));
    wd_buf_str(out, s);
}


void
wd_cachekey_put(wd_buf_t *out, const wd_cachekey_t *key)
{
    wd_cachekey_put_str(out, key->method);
    wd_buf_byte(out, (uint8_t) key->format);
    wd_buf_byte(out, (uint8_t) key->kind);
    wd_cachekey_put_str(out, key->scope);
    wd_cachekey_put_str(out, key->args);
}


int
wd_cachekey_digest(const wd_cachekey_t *key, wd_buf_t *scratch,
                   uint8_t ret[WD_CACHEKEY_LEN])
{
    wd_buf_reset(scratch);
    wd_cachekey_put(scratch, key);
    if (scratch->err != WD_OK) {
        return WD_ENOMEM;
    }

    crypto_generichash(ret, WD_CACHEKEY_LEN, scratch->data, scratch->len, NULL,
                       0);
    return WD_OK;
}
