/*
 * wd_digest.h - the header `Digest` (RFC 3230): what the bytes of an answer
 * add up to, as its sender had them. Pure.
 */
#ifndef WD_DIGEST_H
#define WD_DIGEST_H

#include "wd_err.h"
#include "wd_str.h"

#include <openssl/evp.h>

typedef struct {
    const EVP_MD *md;
    uint8_t       sum[EVP_MAX_MD_SIZE];
} wd_digest_t;

/*
 * The first of the list that can be checked: "sha-512=", "sha-256=", "sha=" or
 * "md5=", hyphens and case aside, and the sum in base64 or hexadecimal. False:
 * there is none, which is no fault.
 */
bool wd_digest_read(wd_str_t header, wd_digest_t *ret);

#endif /* WD_DIGEST_H */
