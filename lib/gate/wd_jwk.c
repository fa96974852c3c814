/*
 * wd_jwk.c - keys of libcrypto and libsodium behind one face.
 */
#include "wd_jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <sodium.h>
#include <stdlib.h>

#define WD_JWK_DIGEST_MAX 64
#define WD_JWK_PRINT 32 /* bytes of a fingerprint */
#define WD_JWK_DER_MAX (2 * (WD_JWA_ORDER_MAX + 3) + 3)

struct wd_jwk {
    const wd_jwa_t *jwa;
    wd_jwa_e        alg;
    size_t          sig_len; /* the only length there is */
    EVP_MD         *md;
    EVP_MD_CTX     *hash;
    EVP_PKEY       *pkey;
    EVP_PKEY_CTX   *verify; /* of RSA and EC, ready for EVP_PKEY_verify() */
    EVP_MAC_CTX    *mac; /* of HMAC, keyed */
    uint8_t         ed[crypto_sign_PUBLICKEYBYTES];
    uint8_t         print[WD_JWK_PRINT];
};


static wd_jwk_t *
wd_jwk_create(wd_jwa_e alg)
{
    wd_jwk_t *key = calloc(1, sizeof(*key));

    if (key != NULL) {
        key->alg = alg;
        key->jwa = wd_jwa(alg);
    }
    return key;
}


void
wd_jwk_destroy(wd_jwk_t *key)
{
    if (key == NULL) {
        return;
    }
    EVP_MAC_CTX_free(key->mac);
    EVP_PKEY_CTX_free(key->verify);
    EVP_PKEY_free(key->pkey);
    EVP_MD_CTX_free(key->hash);
    EVP_MD_free(key->md);
    free(key);
}


wd_jwa_e
wd_jwk_alg(const wd_jwk_t *key)
{
    return key->alg;
}


bool
wd_jwk_same(const wd_jwk_t *a, const wd_jwk_t *b)
{
    return a->alg == b->alg
           && sodium_memcmp(a->print, b->print, WD_JWK_PRINT) == 0;
}


/* By which a key is known again without keeping its numbers. */
static void
wd_jwk_print(wd_jwk_t *key, const uint8_t *bytes, size_t n)
{
    crypto_generichash(key->print, sizeof(key->print), bytes, n, NULL, 0);
}


static bool
wd_jwk_print_pkey(wd_jwk_t *key)
{
    int      n;
    uint8_t *der = NULL;

    n = i2d_PUBKEY(key->pkey, &der);
    if (n <= 0) {
        return false;
    }
    wd_jwk_print(key, der, (size_t) n);
    OPENSSL_free(der);
    return true;
}


/* libcrypto's own queue of errors must not grow with foreign keys. */
static int
wd_jwk_failed(wd_jwk_t *key, wd_error_t *err, const char *why)
{
    ERR_clear_error();
    wd_jwk_destroy(key);
    return wd_error(err, WD_EINVAL, "%s", why);
}


static bool
wd_jwk_is(wd_jwa_e alg, wd_jwa_family_e family)
{
    return wd_jwa(alg) != NULL && wd_jwa(alg)->family == family;
}


static EVP_MAC_CTX *
wd_jwk_mac(const wd_jwa_t *a, const uint8_t *secret, size_t n)
{
    EVP_MAC     *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    EVP_MAC_CTX *ctx = mac != NULL ? EVP_MAC_CTX_new(mac) : NULL;
    OSSL_PARAM   params[] = {
          OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                           (char *) (uintptr_t) a->hash, 0),
          OSSL_PARAM_construct_end()};

    EVP_MAC_free(mac);
    if (ctx != NULL && !EVP_MAC_init(ctx, secret, n, params)) {
        EVP_MAC_CTX_free(ctx);
        ctx = NULL;
    }
    return ctx;
}


int
wd_jwk_secret(wd_jwa_e alg, const uint8_t *secret, size_t n, wd_jwk_t **ret,
              wd_error_t *err)
{
    wd_jwk_t *key;

    if (!wd_jwk_is(alg, WD_JWA_FAMILY_HMAC)) {
        return wd_error(err, WD_EINVAL, "a secret needs an HS algorithm");
    }
    if (n < WD_JWK_SECRET_MIN || n > WD_JWK_SECRET_MAX) {
        return wd_error(err, WD_EINVAL, "a secret has %d to %d bytes, not %zu",
                        WD_JWK_SECRET_MIN, WD_JWK_SECRET_MAX, n);
    }

    key = wd_jwk_create(alg);
    if (key == NULL) {
        return WD_ENOMEM;
    }
    key->sig_len = key->jwa->hash_len;
    wd_jwk_print(key, secret, n);
    key->mac = wd_jwk_mac(key->jwa, secret, n);
    if (key->mac == NULL) {
        return wd_jwk_failed(key, err, "HMAC is not at hand in libcrypto");
    }

    *ret = key;
    return WD_OK;
}


/* Everything that EVP_PKEY_verify() needs, once. */
static bool
wd_jwk_prepare(wd_jwk_t *key)
{
    const wd_jwa_t *a = key->jwa;

    key->md = EVP_MD_fetch(NULL, a->hash, NULL);
    key->hash = EVP_MD_CTX_new();
    key->verify = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);

    if (key->md == NULL || key->hash == NULL || key->verify == NULL
        || EVP_PKEY_verify_init(key->verify) <= 0
        || EVP_PKEY_CTX_set_signature_md(key->verify, key->md) <= 0) {
        return false;
    }

    switch (a->family) {
    case WD_JWA_FAMILY_RSA:
        return EVP_PKEY_CTX_set_rsa_padding(key->verify, RSA_PKCS1_PADDING) > 0;
    case WD_JWA_FAMILY_PSS:
        return EVP_PKEY_CTX_set_rsa_padding(key->verify, RSA_PKCS1_PSS_PADDING)
                   > 0
               && EVP_PKEY_CTX_set_rsa_mgf1_md(key->verify, key->md) > 0
               && EVP_PKEY_CTX_set_rsa_pss_saltlen(key->verify,
                                                   RSA_PSS_SALTLEN_DIGEST)
                      > 0;
    default:
        return true;
    }
}


/* Takes `pkey` over, also when it fails. */
static int
wd_jwk_finish(wd_jwa_e alg, EVP_PKEY *pkey, size_t sig_len, wd_jwk_t **ret,
              wd_error_t *err)
{
    wd_jwk_t *key = wd_jwk_create(alg);

    if (key == NULL) {
        EVP_PKEY_free(pkey);
        return WD_ENOMEM;
    }
    key->pkey = pkey;
    key->sig_len = sig_len;
    if (!wd_jwk_prepare(key) || !wd_jwk_print_pkey(key)) {
        return wd_jwk_failed(key, err, "libcrypto does not take the key");
    }

    *ret = key;
    return WD_OK;
}


/* Takes `bld` over. */
static EVP_PKEY *
wd_jwk_build(const char *type, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY     *pkey = NULL;
    OSSL_PARAM   *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0
        || EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) <= 0) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);
    return pkey;
}


static int
wd_jwk_rsa_check(const BIGNUM *n, const BIGNUM *e, wd_error_t *err)
{
    int bits = BN_num_bits(n);

    if (bits < WD_JWK_RSA_BITS_MIN || bits > WD_JWK_RSA_BITS_MAX) {
        return wd_error(err, WD_EINVAL, "an RSA key has %d to %d bits, not %d",
                        WD_JWK_RSA_BITS_MIN, WD_JWK_RSA_BITS_MAX, bits);
    }
    if (!BN_is_odd(n)) {
        return wd_error(err, WD_EINVAL, "the RSA modulus is even");
    }
    if (!BN_is_odd(e) || BN_num_bits(e) < 2 || BN_num_bits(e) > 64) {
        return wd_error(err, WD_EINVAL,
                        "the RSA exponent is odd, 3 or more, of 64 bits");
    }
    return WD_OK;
}


static EVP_PKEY *
wd_jwk_rsa_pkey(const BIGNUM *n, const BIGNUM *e)
{
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();

    if (bld == NULL || !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n)
        || !OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e)) {
        OSSL_PARAM_BLD_free(bld);
        return NULL;
    }
    return wd_jwk_build("RSA", bld);
}


int
wd_jwk_rsa(wd_jwa_e alg, const uint8_t *n, size_t n_len, const uint8_t *e,
           size_t e_len, wd_jwk_t **ret, wd_error_t *err)
{
    int       rc;
    size_t    sig_len;
    BIGNUM   *bn_n, *bn_e;
    EVP_PKEY *pkey = NULL;

    if (!wd_jwk_is(alg, WD_JWA_FAMILY_RSA)
        && !wd_jwk_is(alg, WD_JWA_FAMILY_PSS)) {
        return wd_error(err, WD_EINVAL, "an RSA key needs RS or PS");
    }
    if (n_len > 2 * WD_JWK_SIG_MAX || e_len > 2 * WD_JWK_SIG_MAX) {
        return wd_error(err, WD_EINVAL, "the RSA key is too long");
    }

    bn_n = BN_bin2bn(n, (int) n_len, NULL);
    bn_e = BN_bin2bn(e, (int) e_len, NULL);
    if (bn_n == NULL || bn_e == NULL) {
        rc = WD_ENOMEM;
        goto done;
    }

    rc = wd_jwk_rsa_check(bn_n, bn_e, err);
    if (rc != WD_OK) {
        goto done;
    }
    sig_len = (size_t) BN_num_bytes(bn_n);
    pkey = wd_jwk_rsa_pkey(bn_n, bn_e);
    rc = pkey != NULL
             ? wd_jwk_finish(alg, pkey, sig_len, ret, err)
             : wd_jwk_failed(NULL, err, "libcrypto does not take the RSA key");

done:
    BN_free(bn_n);
    BN_free(bn_e);
    return rc;
}


int
wd_jwk_ec(wd_jwa_e alg, const uint8_t *x, size_t x_len, const uint8_t *y,
          size_t y_len, wd_jwk_t **ret, wd_error_t *err)
{
    uint8_t         point[1 + 2 * WD_JWA_ORDER_MAX];
    EVP_PKEY       *pkey;
    const wd_jwa_t *a = wd_jwa(alg);
    OSSL_PARAM_BLD *bld;

    if (!wd_jwk_is(alg, WD_JWA_FAMILY_EC)) {
        return wd_error(err, WD_EINVAL, "an EC key needs an ES algorithm");
    }
    if (x_len != a->coord || y_len != a->coord) {
        return wd_error(err, WD_EINVAL, "coordinates on %s have %zu bytes",
                        a->crv, a->coord);
    }

    point[0] = POINT_CONVERSION_UNCOMPRESSED;
    memcpy(point + 1, x, x_len);
    memcpy(point + 1 + x_len, y, y_len);

    bld = OSSL_PARAM_BLD_new();
    if (bld == NULL
        || !OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
                                            a->group, 0)
        || !OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
                                             point, 1 + 2 * a->coord)) {
        OSSL_PARAM_BLD_free(bld);
        return WD_ENOMEM;
    }

    pkey = wd_jwk_build("EC", bld); /* refuses a point beside the curve */
    return pkey != NULL
               ? wd_jwk_finish(alg, pkey, 2 * a->coord, ret, err)
               : wd_jwk_failed(NULL, err, "the point is not on the curve");
}


int
wd_jwk_ed25519(const uint8_t *x, size_t x_len, wd_jwk_t **ret, wd_error_t *err)
{
    wd_jwk_t *key;

    if (x_len != crypto_sign_PUBLICKEYBYTES) {
        return wd_error(err, WD_EINVAL, "an Ed25519 key has %u bytes",
                        crypto_sign_PUBLICKEYBYTES);
    }
    if (!crypto_core_ed25519_is_valid_point(x)) {
        return wd_error(err, WD_EINVAL, "the point is not one of Ed25519");
    }

    key = wd_jwk_create(WD_JWA_EDDSA);
    if (key == NULL) {
        return WD_ENOMEM;
    }
    memcpy(key->ed, x, x_len);
    wd_jwk_print(key, x, x_len);
    key->sig_len = crypto_sign_BYTES;
    *ret = key;
    return WD_OK;
}


/* Moves the numbers of a parsed key through the same checks as a JWK's. */
static int
wd_jwk_from_rsa(wd_jwa_e alg, EVP_PKEY *pkey, wd_jwk_t **ret, wd_error_t *err)
{
    int     rc;
    BIGNUM *n = NULL, *e = NULL;

    if (!EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n)
        || !EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_E, &e)) {
        rc = wd_jwk_failed(NULL, err, "not an RSA key");
        goto done;
    }

    rc = wd_jwk_rsa_check(n, e, err);
    if (rc == WD_OK) {
        (void) EVP_PKEY_up_ref(pkey);
        rc = wd_jwk_finish(alg, pkey, (size_t) BN_num_bytes(n), ret, err);
    }

done:
    BN_free(n);
    BN_free(e);
    return rc;
}


static int
wd_jwk_from_ec(wd_jwa_e alg, EVP_PKEY *pkey, wd_jwk_t **ret, wd_error_t *err)
{
    char            group[64];
    size_t          len;
    const wd_jwa_t *a = wd_jwa(alg);

    if (!EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
                                        sizeof(group), &len)
        || strcmp(group, a->group) != 0) {
        ERR_clear_error();
        return wd_error(err, WD_EINVAL, "%s needs a key on %s", a->name,
                        a->crv);
    }
    (void) EVP_PKEY_up_ref(pkey);
    return wd_jwk_finish(alg, pkey, 2 * a->coord, ret, err);
}


static int
wd_jwk_from_ed(EVP_PKEY *pkey, wd_jwk_t **ret, wd_error_t *err)
{
    uint8_t x[crypto_sign_PUBLICKEYBYTES];
    size_t  len = sizeof(x);

    if (EVP_PKEY_get_raw_public_key(pkey, x, &len) != 1) {
        return wd_jwk_failed(NULL, err, "not an Ed25519 key");
    }
    return wd_jwk_ed25519(x, len, ret, err);
}


static int
wd_jwk_from_pkey(wd_jwa_e alg, EVP_PKEY *pkey, wd_jwk_t **ret, wd_error_t *err)
{
    const wd_jwa_t *a = wd_jwa(alg);
    int             type = EVP_PKEY_get_base_id(pkey);

    if (type == EVP_PKEY_RSA
        && (a->family == WD_JWA_FAMILY_RSA || a->family == WD_JWA_FAMILY_PSS)) {
        return wd_jwk_from_rsa(alg, pkey, ret, err);
    }
    if (type == EVP_PKEY_EC && a->family == WD_JWA_FAMILY_EC) {
        return wd_jwk_from_ec(alg, pkey, ret, err);
    }
    if (type == EVP_PKEY_ED25519 && a->family == WD_JWA_FAMILY_ED) {
        return wd_jwk_from_ed(pkey, ret, err);
    }
    return wd_error(err, WD_EINVAL, "the PEM key is of another kind than %s",
                    a->name);
}


int
wd_jwk_pem(wd_jwa_e alg, wd_str_t pem, wd_jwk_t **ret, wd_error_t *err)
{
    int       rc;
    BIO      *bio;
    EVP_PKEY *pkey;

    if (wd_jwa(alg) == NULL || wd_jwk_is(alg, WD_JWA_FAMILY_HMAC)) {
        return wd_error(err, WD_EINVAL, "a PEM key needs RS, PS, ES or EdDSA");
    }
    if (pem.len > WD_JWK_PEM_MAX) {
        return wd_error(err, WD_EINVAL, "the PEM text is longer than %u",
                        WD_JWK_PEM_MAX);
    }

    bio = BIO_new_mem_buf(pem.data, (int) pem.len);
    if (bio == NULL) {
        return WD_ENOMEM;
    }
    pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    if (pkey == NULL) {
        return wd_jwk_failed(NULL, err,
                             "no PEM public key (BEGIN PUBLIC KEY) in it");
    }

    rc = wd_jwk_from_pkey(alg, pkey, ret, err);
    EVP_PKEY_free(pkey);
    return rc;
}


static bool
wd_jwk_verify_mac(wd_jwk_t *key, wd_str_t text, const uint8_t *sig)
{
    size_t  len = 0;
    uint8_t out[WD_JWK_DIGEST_MAX];

    /* Without a key the context starts again with the one it has. */
    return EVP_MAC_init(key->mac, NULL, 0, NULL)
           && EVP_MAC_update(key->mac, (const uint8_t *) text.data, text.len)
           && EVP_MAC_final(key->mac, out, &len, sizeof(out))
           && len == key->sig_len && CRYPTO_memcmp(out, sig, len) == 0;
}


/* An INTEGER of DER: no leading zeros but one before a high bit. */
static size_t
wd_jwk_der_int(const uint8_t *p, size_t n, uint8_t *out)
{
    size_t pad;

    while (n > 1 && *p == 0) {
        p++;
        n--;
    }
    pad = *p >> 7;
    out[0] = 2;
    out[1] = (uint8_t) (n + pad);
    out[2] = 0;
    memcpy(out + 2 + pad, p, n);
    return 2 + pad + n;
}


/* r || s as SEQUENCE of two INTEGERs. Returns the length. */
static size_t
wd_jwk_der(const uint8_t *sig, size_t coord, uint8_t out[WD_JWK_DER_MAX])
{
    uint8_t body[WD_JWK_DER_MAX];
    size_t  n, head = 2;

    n = wd_jwk_der_int(sig, coord, body);
    n += wd_jwk_der_int(sig + coord, coord, body + n);

    out[0] = 0x30;
    if (n < 0x80) {
        out[1] = (uint8_t) n;
    } else {
        out[1] = 0x81;
        out[2] = (uint8_t) n;
        head = 3;
    }
    memcpy(out + head, body, n);
    return head + n;
}


/* 0 < v < order */
static bool
wd_jwk_in_range(const wd_jwa_t *a, const uint8_t *v)
{
    return !sodium_is_zero(v, a->coord) && memcmp(v, a->order, a->coord) < 0;
}


static bool
wd_jwk_verify_pkey(wd_jwk_t *key, wd_str_t text, const uint8_t *sig)
{
    bool            good;
    size_t          len = key->sig_len;
    uint8_t         hash[WD_JWK_DIGEST_MAX], der[WD_JWK_DER_MAX];
    const wd_jwa_t *a = key->jwa;

    if (a->family == WD_JWA_FAMILY_EC) {
        if (!wd_jwk_in_range(a, sig) || !wd_jwk_in_range(a, sig + a->coord)) {
            return false;
        }
        len = wd_jwk_der(sig, a->coord, der);
        sig = der;
    }

    good = EVP_DigestInit_ex2(key->hash, key->md, NULL)
           && EVP_DigestUpdate(key->hash, text.data, text.len)
           && EVP_DigestFinal_ex(key->hash, hash, NULL)
           && EVP_PKEY_verify(key->verify, sig, len, hash, a->hash_len) == 1;
    if (!good) {
        ERR_clear_error();
    }
    return good;
}


bool
wd_jwk_verify(wd_jwk_t *key, wd_str_t text, const uint8_t *sig, size_t sig_len)
{
    if (sig_len != key->sig_len) {
        return false;
    }

    switch (key->jwa->family) {
    case WD_JWA_FAMILY_HMAC:
        return wd_jwk_verify_mac(key, text, sig);
    case WD_JWA_FAMILY_ED:
        return crypto_sign_verify_detached(sig, (const uint8_t *) text.data,
                                           text.len, key->ed)
               == 0;
    default:
        return wd_jwk_verify_pkey(key, text, sig);
    }
}
