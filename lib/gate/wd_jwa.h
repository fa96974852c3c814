/*
 * wd_jwa.h - the signature algorithms (RFC 7518, RFC 8037) that are known.
 *
 * "none" is not among them and cannot be added: 0 is no algorithm at all.
 */
#ifndef WD_JWA_H
#define WD_JWA_H

#include "wd_str.h"

#define WD_JWA_ORDER_MAX 66 /* bytes of P-521's order */

typedef enum {
    WD_JWA_NONE = 0, /* no algorithm; nothing verifies with it */
    WD_JWA_HS256,
    WD_JWA_HS384,
    WD_JWA_HS512,
    WD_JWA_RS256,
    WD_JWA_RS384,
    WD_JWA_RS512,
    WD_JWA_PS256,
    WD_JWA_PS384,
    WD_JWA_PS512,
    WD_JWA_ES256,
    WD_JWA_ES384,
    WD_JWA_ES512,
    WD_JWA_EDDSA,
    WD_JWA_COUNT
} wd_jwa_e;

typedef enum {
    WD_JWA_FAMILY_HMAC,
    WD_JWA_FAMILY_RSA, /* PKCS #1 v1.5 */
    WD_JWA_FAMILY_PSS, /* salt as long as the hash */
    WD_JWA_FAMILY_EC,
    WD_JWA_FAMILY_ED
} wd_jwa_family_e;

typedef struct {
    const char     *name;
    wd_jwa_family_e family;
    const char     *kty; /* of a JWK */
    const char     *hash; /* libcrypto's name; NULL: part of the algorithm */
    size_t          hash_len;
    const char     *crv; /* of a JWK; NULL: none */
    const char     *group; /* libcrypto's name of it */
    size_t          coord; /* bytes of a coordinate, of r and of s */
    uint8_t         order[WD_JWA_ORDER_MAX]; /* of the group, big-endian */
} wd_jwa_t;

/* Never NULL for a valid `alg`; NULL for WD_JWA_NONE. */
const wd_jwa_t *wd_jwa(wd_jwa_e alg);

/* Exact, by case; WD_JWA_NONE: unknown. */
wd_jwa_e wd_jwa_find(wd_str_t name);

/* The one algorithm of a curve, or WD_JWA_NONE. */
wd_jwa_e wd_jwa_of_curve(wd_str_t kty, wd_str_t crv);

#endif /* WD_JWA_H */
