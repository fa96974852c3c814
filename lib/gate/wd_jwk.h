/*
 * wd_jwk.h - a key that verifies signatures, bound to one algorithm.
 *
 * What verifying needs is prepared when the key is made, so that a check
 * costs what the mathematics cost. The prepared state is scratch memory as
 * well: a key belongs to one thread.
 */
#ifndef WD_JWK_H
#define WD_JWK_H

#include "wd_err.h"
#include "wd_jwa.h"

#define WD_JWK_KID_MAX 255
#define WD_JWK_SECRET_MIN 32 /* bytes of an HMAC key */
#define WD_JWK_SECRET_MAX 1024
#define WD_JWK_RSA_BITS_MIN 2048
#define WD_JWK_RSA_BITS_MAX 8192
#define WD_JWK_PEM_MAX (16u * 1024)

/* The longest signature: RSA of WD_JWK_RSA_BITS_MAX. */
#define WD_JWK_SIG_MAX (WD_JWK_RSA_BITS_MAX / 8)

typedef struct wd_jwk wd_jwk_t;

/*
 * All: on WD_OK the caller owns *ret. WD_EINVAL: err (may be NULL) says what
 * is wrong with the key; WD_ENOMEM. Inputs are copied.
 */

/* An HS algorithm. */
wd_must_check int wd_jwk_secret(wd_jwa_e alg, const uint8_t *secret, size_t n,
                                wd_jwk_t **ret, wd_error_t *err);

/* An RS or PS algorithm: modulus and exponent, big-endian. */
wd_must_check int wd_jwk_rsa(wd_jwa_e alg, const uint8_t *n, size_t n_len,
                             const uint8_t *e, size_t e_len, wd_jwk_t **ret,
                             wd_error_t *err);

/* An ES algorithm; coordinates of exactly the curve's length. */
wd_must_check int wd_jwk_ec(wd_jwa_e alg, const uint8_t *x, size_t x_len,
                            const uint8_t *y, size_t y_len, wd_jwk_t **ret,
                            wd_error_t *err);

/* EdDSA with Ed25519. */
wd_must_check int wd_jwk_ed25519(const uint8_t *x, size_t x_len, wd_jwk_t **ret,
                                 wd_error_t *err);

/* SubjectPublicKeyInfo ("BEGIN PUBLIC KEY") for any but an HS algorithm. */
wd_must_check int wd_jwk_pem(wd_jwa_e alg, wd_str_t pem, wd_jwk_t **ret,
                             wd_error_t *err);

void wd_jwk_destroy(wd_jwk_t *key);

wd_jwa_e wd_jwk_alg(const wd_jwk_t *key);

/* The same numbers for the same algorithm. */
bool wd_jwk_same(const wd_jwk_t *a, const wd_jwk_t *b);

/*
 * Does `sig` sign `text`? Which algorithm is the key's business alone; what a
 * token says about it must have been compared with wd_jwk_alg() before.
 */
wd_must_check bool wd_jwk_verify(wd_jwk_t *key, wd_str_t text,
                                 const uint8_t *sig, size_t sig_len);

#endif /* WD_JWK_H */
