/*
 * auth_key.c - random keys, their digest, and its keyed hash.
 */
#include "auth_key.h"

#include <sodium.h>

struct auth_pepper {
    size_t  len;
    uint8_t bytes[AUTH_PEPPER_MAX];
};


int
auth_crypto_init(void)
{
    return sodium_init() >= 0 ? WD_OK : WD_EINTERNAL;
}


int
auth_pepper_check(wd_str_t hex, wd_error_t *err)
{
    bool    ok;
    uint8_t bytes[AUTH_PEPPER_MAX];

    ok = hex.len >= 2 * AUTH_PEPPER_MIN && hex.len <= 2 * AUTH_PEPPER_MAX
         && wd_hex_decode(hex, bytes, hex.len / 2);
    sodium_memzero(bytes, sizeof(bytes));
    if (ok) {
        return WD_OK;
    }

    return wd_error(err, WD_ECONFIG,
                    "WIZDATA_AUTH_PEPPER must be %d to %d hexadecimal digits "
                    "in pairs; make one with: openssl rand -hex 32",
                    2 * AUTH_PEPPER_MIN, 2 * AUTH_PEPPER_MAX);
}


int
auth_pepper_create(wd_str_t hex, auth_pepper_t **ret, wd_error_t *err)
{
    int            rc;
    auth_pepper_t *p;

    rc = auth_pepper_check(hex, err);
    if (rc != WD_OK) {
        return rc;
    }

    p = sodium_malloc(sizeof(*p));
    if (p == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory");
    }

    p->len = hex.len / 2;
    wd_hex_decode(hex, p->bytes, p->len);
    sodium_mprotect_readonly(p);
    *ret = p;
    return WD_OK;
}


void
auth_pepper_destroy(auth_pepper_t *p)
{
    sodium_free(p); /* wipes */
}


void
auth_pepper_derive(const auth_pepper_t *p, const char *label,
                   uint8_t ret[AUTH_SECRET_LEN])
{
    crypto_generichash(ret, AUTH_SECRET_LEN, (const unsigned char *) label,
                       strlen(label), p->bytes, p->len);
}


_Static_assert(AUTH_SEAL_EXTRA
                   == crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES,
               "what is sealed is nonce, authenticator and text");
_Static_assert(AUTH_SECRET_LEN == crypto_secretbox_KEYBYTES, "secretbox");


void
auth_seal(const auth_pepper_t *p, const char *label, const uint8_t *plain,
          size_t n, uint8_t *ret)
{
    uint8_t box[AUTH_SECRET_LEN];

    auth_pepper_derive(p, label, box);
    randombytes_buf(ret, crypto_secretbox_NONCEBYTES);
    crypto_secretbox_easy(ret + crypto_secretbox_NONCEBYTES, plain, n, ret,
                          box);
    sodium_memzero(box, sizeof(box));
}


bool
auth_unseal(const auth_pepper_t *p, const char *label, const uint8_t *sealed,
            size_t n_sealed, uint8_t *ret)
{
    bool    ok;
    uint8_t box[AUTH_SECRET_LEN];

    auth_pepper_derive(p, label, box);
    ok = n_sealed >= AUTH_SEAL_EXTRA
         && crypto_secretbox_open_easy(
                ret, sealed + crypto_secretbox_NONCEBYTES,
                n_sealed - crypto_secretbox_NONCEBYTES, sealed, box)
                == 0;
    sodium_memzero(box, sizeof(box));
    return ok;
}


void
auth_key_make(bool live, char key[WD_APIKEY_LEN + 1])
{
    size_t i;

    memcpy(key, live ? "wd_live_" : "wd_test_", WD_APIKEY_PREFIX);
    for (i = 0; i < WD_APIKEY_RANDOM; i++) {
        key[WD_APIKEY_PREFIX + i] = wd_base62(randombytes_uniform(62));
    }
    wd_apikey_seal(key);
}


void
auth_key_digest(wd_str_t key, uint8_t digest[AUTH_DIGEST_LEN])
{
    crypto_generichash(digest, AUTH_DIGEST_LEN,
                       (const unsigned char *) key.data, key.len, NULL, 0);
}


void
auth_key_hash(const auth_pepper_t *pepper,
              const uint8_t        digest[AUTH_DIGEST_LEN],
              uint8_t              hash[AUTH_HASH_LEN])
{
    crypto_generichash(hash, AUTH_HASH_LEN, digest, AUTH_DIGEST_LEN,
                       pepper->bytes, pepper->len);
}


void
auth_ticket_make(const char *prefix, char out[AUTH_TICKET_LEN + 1])
{
    size_t i;

    memcpy(out, prefix, AUTH_TICKET_PREFIX);
    for (i = AUTH_TICKET_PREFIX; i < AUTH_TICKET_LEN; i++) {
        out[i] = wd_base62(randombytes_uniform(62));
    }
    out[i] = '\0';
}


void
auth_ticket_hash(const auth_pepper_t *pepper, wd_str_t ticket,
                 uint8_t hash[AUTH_HASH_LEN])
{
    uint8_t digest[AUTH_DIGEST_LEN];

    auth_key_digest(ticket, digest);
    auth_key_hash(pepper, digest, hash);
    sodium_memzero(digest, sizeof(digest));
}
