/*
 * wd_jwks.h - a set of keys (RFC 7517, section 5), each found by its `kid`.
 *
 * A key that is of no use here (another `use`, an unknown kind, no `kid`, no
 * algorithm that is certain, a private key, a weak one) is left out and
 * counted; the others stay. Two usable keys of one `kid` make the whole set
 * unusable: nobody could say which of them a token means.
 */
#ifndef WD_JWKS_H
#define WD_JWKS_H

#include "wd_jwk.h"

#define WD_JWKS_KEYS_MAX 64
#define WD_JWKS_BYTES_MAX (256u * 1024)

typedef struct wd_jwks wd_jwks_t;

typedef struct {
    /*
     * What an RSA key without `alg` verifies; WD_JWA_NONE: such keys are left
     * out. Only for issuers that publish no `alg`.
     */
    wd_jwa_e rsa_alg;

    /* Secrets in what everybody can read are none: `oct` is left out. */
    bool public;
} wd_jwks_options_t;

/*
 * WD_OK: the caller owns *ret, which may be without a key. WD_EINVAL: not a
 * set, or one that is refused; err (may be NULL) says why. WD_ENOMEM.
 */
wd_must_check int wd_jwks_parse(wd_str_t json, const wd_jwks_options_t *o,
                                wd_jwks_t **ret, wd_error_t *err);

/* A set of one key. */
wd_must_check int wd_jwks_from_pem(wd_str_t kid, wd_jwa_e alg, wd_str_t pem,
                                   wd_jwks_t **ret, wd_error_t *err);

void wd_jwks_destroy(wd_jwks_t *set);

/* By exact `kid`; NULL: there is none. The key stays the set's. */
wd_jwk_t *wd_jwks_find(const wd_jwks_t *set, wd_str_t kid);

/*
 * Is every key of `older` (NULL: none) in the set, unchanged? If not, what
 * was verified with those that are gone must not count any more.
 */
bool wd_jwks_keeps(const wd_jwks_t *set, const wd_jwks_t *older);

size_t wd_jwks_len(const wd_jwks_t *set);
size_t wd_jwks_left_out(const wd_jwks_t *set);

/* Why the first of those was left out; "" when none was. */
const char *wd_jwks_left_out_why(const wd_jwks_t *set);

#endif /* WD_JWKS_H */
