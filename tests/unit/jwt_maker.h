/*
 * jwt_maker.h - keys of every algorithm and the tokens they sign, made by
 * libcrypto and libsodium and not by the code under test.
 */
#ifndef JWT_MAKER_H
#define JWT_MAKER_H

#include "wd_buf.h"
#include "wd_jwa.h"

#define JWT_MAKER_SIG_MAX 1024

/* Once, before anything else; aborts when it cannot. */
void jwt_maker_init(void);

/* The JWK of the public key (or secret); its kid is the algorithm's name. */
const char *jwt_maker_jwk(wd_jwa_e alg);

/* All of them. */
void jwt_maker_jwks(wd_buf_t *out);

/* SubjectPublicKeyInfo of all but HMAC. */
void jwt_maker_pem(wd_jwa_e alg, wd_buf_t *out);

size_t jwt_maker_sign(wd_jwa_e alg, wd_str_t text,
                      uint8_t out[JWT_MAKER_SIG_MAX]);

/* HMAC with a secret of one's own. */
size_t jwt_maker_mac(wd_jwa_e alg, wd_str_t secret, wd_str_t text,
                     uint8_t out[JWT_MAKER_SIG_MAX]);

/* base64url(header).base64url(claims).base64url(signature), replaces *out. */
void jwt_maker_token(wd_jwa_e alg, wd_str_t header, wd_str_t claims,
                     wd_buf_t *out);
void jwt_maker_base64url(const void *bytes, size_t n, wd_buf_t *out);

#endif /* JWT_MAKER_H */
