/*
 * wd_digest.c - what a header `Digest` says.
 */
#include "wd_digest.h"

#include <sodium.h>

#define WD_DIGEST_NAME_MAX 16 /* bytes of an algorithm's name */


static const EVP_MD *
wd_digest_by_name(wd_str_t name)
{
    char   text[WD_DIGEST_NAME_MAX];
    size_t i, n = 0;

    const struct {
        const char   *name;
        const EVP_MD *md;
    } known[] = {{"sha512", EVP_sha512()},
                 {"sha256", EVP_sha256()},
                 {"sha", EVP_sha1()},
                 {"md5", EVP_md5()}};

    for (i = 0; i < name.len; i++) {
        if (name.data[i] == '-') {
            continue;
        }
        if (n == sizeof(text)) {
            return NULL;
        }
        text[n++] = name.data[i];
    }
    for (i = 0; i < wd_array_len(known); i++) {
        if (wd_str_ieq(wd_str(text, n), wd_str_z(known[i].name))) {
            return known[i].md;
        }
    }
    return NULL;
}


/* A sum of the right length, in either alphabet. */
static bool
wd_digest_sum(wd_str_t text, size_t want, uint8_t *out)
{
    size_t n = 0;

    if (text.len == 2 * want) {
        return wd_hex_decode(text, out, want);
    }
    while (text.len != 0 && text.data[text.len - 1] == '=') {
        text.len--;
    }
    return sodium_base642bin(out, want, text.data, text.len, NULL, &n, NULL,
                             sodium_base64_VARIANT_ORIGINAL_NO_PADDING)
               == 0
           && n == want;
}


bool
wd_digest_read(wd_str_t header, wd_digest_t *ret)
{
    wd_str_t one, name;

    while (header.len != 0 && wd_str_split(&header, ',', &one)) {
        if (!wd_str_split(&one, '=', &name)) {
            continue;
        }
        ret->md = wd_digest_by_name(wd_str_trim(name));
        one = wd_str_trim(one);
        if (ret->md != NULL && one.len != 0
            && wd_digest_sum(one, (size_t) EVP_MD_get_size(ret->md),
                             ret->sum)) {
            return true;
        }
    }
    return false;
}
