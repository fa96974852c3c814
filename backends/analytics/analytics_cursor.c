/*
 * analytics_cursor.c - version, arguments, as_of, t, key, checksum in
 * base64url.
 */
#include "analytics_cursor.h"

#include <endian.h>
#include <sodium.h>

#define CURSOR_VERSION 1
#define CURSOR_FIXED (1 + 8 + 8 + 8) /* bytes before the key */
#define CURSOR_CHECK 8
#define CURSOR_BYTES_MAX \
    (CURSOR_FIXED + ANALYTICS_CURSOR_KEY_MAX + CURSOR_CHECK)


static void
cursor_hash(const void *a, size_t a_len, const void *b, size_t b_len,
            uint8_t out[8])
{
    uint8_t                  digest[16];
    crypto_generichash_state st;

    crypto_generichash_init(&st, NULL, 0, sizeof(digest));
    crypto_generichash_update(&st, a, a_len);
    crypto_generichash_update(&st, (const uint8_t *) "\0", 1);
    crypto_generichash_update(&st, b, b_len);
    crypto_generichash_final(&st, digest, sizeof(digest));
    memcpy(out, digest, 8);
}


int
analytics_cursor_args(const char *method, wd_mp_t args, uint8_t ret[8])
{
    uint8_t  one[8];
    uint32_t n, i, k;
    wd_str_t key;
    wd_mp_t  value;

    cursor_hash(method, strlen(method), NULL, 0, ret);

    if (wd_mp_read_map(&args, &n) != WD_OK) {
        return WD_EPARAM;
    }

    for (i = 0; i < n; i++) {
        if (wd_mp_read_str(&args, &key) != WD_OK) {
            return WD_EPARAM;
        }
        value = args;
        if (wd_mp_skip(&args) != WD_OK) {
            return WD_EPARAM;
        }
        if (wd_str_eq_z(key, "cursor") || wd_str_eq_z(key, "limit")) {
            continue;
        }

        /* The sum of the pairs does not depend on their order. */
        cursor_hash(key.data, key.len, value.p, (size_t) (args.p - value.p),
                    one);
        for (k = 0; k < 8; k++) {
            ret[k] ^= one[k];
        }
    }
    return WD_OK;
}


int
analytics_cursor_set_key(analytics_cursor_t *c, wd_str_t key)
{
    if (key.len > ANALYTICS_CURSOR_KEY_MAX) {
        return WD_ETOOBIG;
    }

    if (key.len != 0) {
        memcpy(c->key, key.data, key.len);
    }
    c->key[key.len] = '\0';
    c->key_len = key.len;
    return WD_OK;
}


static void
cursor_put64(uint8_t *p, int64_t v)
{
    uint64_t be = htobe64((uint64_t) v);

    memcpy(p, &be, 8);
}


static int64_t
cursor_get64(const uint8_t *p)
{
    uint64_t be;

    memcpy(&be, p, 8);
    return (int64_t) be64toh(be);
}


size_t
analytics_cursor_write(const analytics_cursor_t *c,
                       char                      out[ANALYTICS_CURSOR_TEXT_MAX])
{
    uint8_t bytes[CURSOR_BYTES_MAX];
    size_t  n = CURSOR_FIXED + c->key_len;

    bytes[0] = CURSOR_VERSION;
    memcpy(bytes + 1, c->args, 8);
    cursor_put64(bytes + 9, c->as_of);
    cursor_put64(bytes + 17, c->t);
    memcpy(bytes + CURSOR_FIXED, c->key, c->key_len);
    cursor_hash("cursor", 6, bytes, n, bytes + n);

    sodium_bin2base64(out, ANALYTICS_CURSOR_TEXT_MAX, bytes, n + CURSOR_CHECK,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return strlen(out);
}


int
analytics_cursor_read(wd_str_t text, analytics_cursor_t *ret)
{
    uint8_t bytes[CURSOR_BYTES_MAX], check[CURSOR_CHECK];
    size_t  n;

    if (sodium_base642bin(bytes, sizeof(bytes), text.data, text.len, NULL, &n,
                          NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING)
            != 0
        || n < CURSOR_FIXED + CURSOR_CHECK || bytes[0] != CURSOR_VERSION) {
        return WD_EPARAM;
    }

    n -= CURSOR_CHECK;
    cursor_hash("cursor", 6, bytes, n, check);
    if (memcmp(check, bytes + n, CURSOR_CHECK) != 0) {
        return WD_EPARAM;
    }

    memcpy(ret->args, bytes + 1, 8);
    ret->as_of = cursor_get64(bytes + 9);
    ret->t = cursor_get64(bytes + 17);
    return analytics_cursor_set_key(
        ret, wd_str((const char *) bytes + CURSOR_FIXED, n - CURSOR_FIXED));
}
