/*
 * wd_limit_key.c - who is limited, as a hash, and the hashes made lately.
 */
#include "wd_limit_key.h"

#include <sodium.h>
#include <string.h>

#define WD_LIMIT_KEY_PART 256 /* of a text, in the hash as it is */
#define WD_LIMIT_KEY_BYTES (3 * (WD_LIMIT_KEY_PART + 4))


/* Length and bytes, so that no two lists of texts look the same. */
static size_t
wd_limit_key_part(uint8_t *at, wd_str_t s)
{
    uint32_t len = (uint32_t) s.len;

    memcpy(at, &len, sizeof(len));
    if (s.len != 0) {
        memcpy(at + sizeof(len), s.data, s.len);
    }
    return sizeof(len) + s.len;
}


/* A text that is longer than the names of people and plans: its hash. */
static wd_str_t
wd_limit_key_short(wd_str_t s, uint8_t out[32])
{
    if (s.len <= WD_LIMIT_KEY_PART) {
        return s;
    }
    crypto_generichash(out, 32, (const uint8_t *) s.data, s.len, NULL, 0);
    return wd_str((const char *) out, 32);
}


static size_t
wd_limit_key_bytes(wd_str_t principal, wd_str_t plan, wd_str_t group,
                   uint8_t out[WD_LIMIT_KEY_BYTES])
{
    size_t  n;
    uint8_t hash[32];

    n = wd_limit_key_part(out, wd_limit_key_short(principal, hash));
    n += wd_limit_key_part(out + n, wd_limit_key_short(plan, hash));
    return n + wd_limit_key_part(out + n, wd_limit_key_short(group, hash));
}


static void
wd_limit_key_hash(const uint8_t *bytes, size_t n, wd_limit_key_t *ret)
{
    /* Keeps these hashes apart from others of the same text. */
    static const unsigned char
        personal[crypto_generichash_blake2b_PERSONALBYTES]
        = {'w', 'i', 'z', 'd', 'a', 't', 'a', ' ', 'l', 'i', 'm', 'i', 't'};

    crypto_generichash_blake2b_salt_personal(ret->b, WD_LIMIT_KEY, bytes, n,
                                             NULL, 0, NULL, personal);
}


void
wd_limit_key(wd_str_t principal, wd_str_t plan, wd_str_t group,
             wd_limit_key_t *ret)
{
    size_t  n;
    uint8_t bytes[WD_LIMIT_KEY_BYTES];

    n = wd_limit_key_bytes(principal, plan, group, bytes);
    wd_limit_key_hash(bytes, n, ret);
}


void
wd_limit_key_known(wd_memo_t *memo, wd_str_t principal, wd_str_t plan,
                   wd_str_t group, wd_limit_key_t *ret)
{
    bool     known;
    size_t   n;
    uint8_t  bytes[WD_LIMIT_KEY_BYTES];
    uint8_t *digest;

    n = wd_limit_key_bytes(principal, plan, group, bytes);
    digest = wd_memo(memo, bytes, n, &known);
    if (digest == NULL || !known) {
        wd_limit_key_hash(bytes, n, ret);
    }
    if (digest != NULL && !known) {
        memcpy(digest, ret->b, sizeof(ret->b));
    } else if (digest != NULL) {
        memcpy(ret->b, digest, sizeof(ret->b));
    }
}
