/*
 * auth_jwt.h - the access tokens: JWTs (RFC 9068) signed with Ed25519.
 */
#ifndef AUTH_JWT_H
#define AUTH_JWT_H

#include "auth_jwks.h"
#include "wd_rpc.h"

#define AUTH_JTI_LEN 32

/* What is signed. Times to the microsecond; `exp` and `nbf` in seconds. */
typedef struct {
    const char     *issuer;
    const char     *audience;
    const char     *jti;
    wd_str_t        sub;
    wd_str_t        plan;
    const wd_str_t *perms;
    size_t          n_perms;
    int64_t         session; /* 0: of none */
    wd_ns_t         issued_at;
    wd_ns_t         expires_at;
} auth_claims_t;

/* A random id: 128 bits. */
void auth_jti_make(char out[AUTH_JTI_LEN + 1]);

/* Appends a JWT (RFC 7519, typ at+jwt) to `out`. */
void auth_jwt_write(wd_buf_t *out, const auth_claims_t *claims, const char *kid,
                    const uint8_t secret[AUTH_SIGN_SECRET]);

/*
 * The same with the service's issuer and audience, and the key that is in
 * use. The caller wipes *out. WD_EUNAVAIL: there is no key; *err.
 */
wd_must_check int auth_jwt_sign(const wd_rpc_call_t *call,
                                auth_claims_t *claims, wd_buf_t *out,
                                wd_error_t *err);

#endif /* AUTH_JWT_H */
