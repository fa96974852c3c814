/*
 * auth_password.c - rules for passwords, and Argon2id by libsodium.
 */
#include "auth_password.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>

_Static_assert(crypto_pwhash_STRBYTES <= AUTH_PASSWORD_HASH_MAX,
               "room for libsodium's text");

/* In the order of their bytes, in lower case. */
static const char *const auth_common[] = {
#include "auth_common.inc"
};

struct auth_hasher {
    uint64_t memory_bytes;
    uint32_t passes;
    char     nobody[AUTH_PASSWORD_HASH_MAX]; /* of a random password */
};


/* ---- rules -------------------------------------------------------------- */

static size_t
auth_characters(wd_str_t s)
{
    size_t i, n = 0;

    for (i = 0; i < s.len; i++) {
        n += ((unsigned char) s.data[i] & 0xc0) != 0x80;
    }
    return n;
}


static int
auth_common_cmp(const void *key, const void *row)
{
    return strcmp(key, *(const char *const *) row);
}


static bool
auth_password_common(wd_str_t password)
{
    char   lower[AUTH_PASSWORD_MAX + 1];
    size_t i;

    for (i = 0; i < password.len; i++) {
        lower[i] = (char) tolower((unsigned char) password.data[i]);
    }
    lower[i] = '\0';
    i = bsearch(lower, auth_common, wd_array_len(auth_common),
                sizeof(auth_common[0]), auth_common_cmp)
        != NULL;
    sodium_memzero(lower, sizeof(lower));
    return i != 0;
}


/* The address, or what stands before its @. */
static bool
auth_password_own(wd_str_t password, wd_str_t email)
{
    wd_str_t local = WD_STR_NULL, rest = email;

    return email.len != 0
           && (wd_str_ieq(password, email)
               || (wd_str_split(&rest, '@', &local)
                   && wd_str_ieq(password, local)));
}


int
auth_password_check(wd_str_t password, wd_str_t email, wd_error_t *err)
{
    if (password.len > AUTH_PASSWORD_MAX || !wd_utf8_valid(password)
        || auth_characters(password) < AUTH_PASSWORD_MIN) {
        return wd_error(err, WD_EPARAM,
                        "password must be text of at least %d characters and "
                        "at most %d bytes",
                        AUTH_PASSWORD_MIN, AUTH_PASSWORD_MAX);
    }
    if (auth_password_common(password) || auth_password_own(password, email)) {
        return wd_error(err, WD_EPARAM,
                        "password is one of the first that anybody would try; "
                        "choose another");
    }
    return WD_OK;
}


/* ---- hashes ------------------------------------------------------------- */

auth_hasher_t *
auth_hasher_create(uint64_t memory_bytes, uint32_t passes)
{
    char           random[32];
    auth_hasher_t *h;

    h = calloc(1, sizeof(*h));
    if (h == NULL) {
        return NULL;
    }

    h->memory_bytes = memory_bytes;
    h->passes = passes;
    randombytes_buf(random, sizeof(random));
    if (auth_hasher_hash(h, wd_str(random, sizeof(random)), h->nobody)
        != WD_OK) {
        free(h);
        return NULL;
    }
    return h;
}


void
auth_hasher_destroy(auth_hasher_t *h)
{
    free(h);
}


int
auth_hasher_hash(const auth_hasher_t *h, wd_str_t password,
                 char out[AUTH_PASSWORD_HASH_MAX])
{
    /* It fails for want of memory only; the lengths were checked. */
    return crypto_pwhash_str_alg(out, password.data, password.len, h->passes,
                                 (size_t) h->memory_bytes,
                                 crypto_pwhash_ALG_ARGON2ID13)
                   == 0
               ? WD_OK
               : WD_ENOMEM;
}


bool
auth_hasher_verify(const auth_hasher_t *h, wd_str_t hash, wd_str_t password)
{
    char text[AUTH_PASSWORD_HASH_MAX];
    bool good, somebody = hash.data != NULL && hash.len < sizeof(text);

    wd_str_copy(text, sizeof(text), somebody ? hash : wd_str_z(h->nobody));
    good = crypto_pwhash_str_verify(text, password.data, password.len) == 0;
    return good && somebody;
}


bool
auth_hasher_stale(const auth_hasher_t *h, wd_str_t hash)
{
    char text[AUTH_PASSWORD_HASH_MAX];

    wd_str_copy(text, sizeof(text), hash);
    return crypto_pwhash_str_needs_rehash(text, h->passes,
                                          (size_t) h->memory_bytes)
           == 1;
}
