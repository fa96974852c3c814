/*
 * jwt_maker.c - the signing side, which the project itself has no use for.
 */
#include "jwt_maker.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#define JWT_MAKER_SECRET "0123456789abcdef0123456789abcdef0123456789abcdef"

static EVP_PKEY *jwt_keys[WD_JWA_COUNT];
static char      jwt_jwks[WD_JWA_COUNT][2048];


static void
must(bool ok)
{
    if (!ok) {
        abort();
    }
}


/* By libsodium, so that an encoder's fault of ours does not go unseen. */
void
jwt_maker_base64url(const void *bytes, size_t n, wd_buf_t *out)
{
    size_t len = sodium_base64_encoded_len(
        n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    char *p = (char *) wd_buf_reserve(out, len);

    must(p != NULL);
    sodium_bin2base64(p, len, bytes, n,
                      sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    out->len += len - 1;
}


static void
put_number(wd_buf_t *out, const char *name, const void *bytes, size_t n)
{
    wd_buf_printf(out, ",\"%s\":\"", name);
    jwt_maker_base64url(bytes, n, out);
    wd_buf_byte(out, '"');
}


static void
put_param(wd_buf_t *out, const char *name, EVP_PKEY *key, const char *param,
          size_t len)
{
    BIGNUM *bn = NULL;
    uint8_t bytes[1024];

    must(EVP_PKEY_get_bn_param(key, param, &bn) == 1);
    len = len != 0 ? len : (size_t) BN_num_bytes(bn);
    must(BN_bn2binpad(bn, bytes, (int) len) == (int) len);
    put_number(out, name, bytes, len);
    BN_free(bn);
}


static void
make_jwk(wd_jwa_e alg)
{
    size_t          len;
    uint8_t         raw[32];
    wd_buf_t        out = WD_BUF_INIT;
    const wd_jwa_t *a = wd_jwa(alg);

    wd_buf_printf(&out, "{\"kty\":\"%s\",\"kid\":\"%s\",\"alg\":\"%s\"", a->kty,
                  a->name, a->name);
    if (a->crv != NULL) {
        wd_buf_printf(&out, ",\"crv\":\"%s\"", a->crv);
    }

    switch (a->family) {
    case WD_JWA_FAMILY_HMAC:
        put_number(&out, "k", JWT_MAKER_SECRET, strlen(JWT_MAKER_SECRET));
        break;
    case WD_JWA_FAMILY_EC:
        put_param(&out, "x", jwt_keys[alg], OSSL_PKEY_PARAM_EC_PUB_X, a->coord);
        put_param(&out, "y", jwt_keys[alg], OSSL_PKEY_PARAM_EC_PUB_Y, a->coord);
        break;
    case WD_JWA_FAMILY_ED:
        len = sizeof(raw);
        must(EVP_PKEY_get_raw_public_key(jwt_keys[alg], raw, &len) == 1);
        put_number(&out, "x", raw, len);
        break;
    default:
        put_param(&out, "n", jwt_keys[alg], OSSL_PKEY_PARAM_RSA_N, 0);
        put_param(&out, "e", jwt_keys[alg], OSSL_PKEY_PARAM_RSA_E, 0);
    }

    wd_buf_byte(&out, '}');
    must(out.err == WD_OK && out.len < sizeof(jwt_jwks[alg]));
    wd_str_copy(jwt_jwks[alg], sizeof(jwt_jwks[alg]), wd_buf_view(&out));
    wd_buf_done(&out);
}


void
jwt_maker_init(void)
{
    int             alg;
    EVP_PKEY       *rsa = EVP_RSA_gen(2048);
    const wd_jwa_t *a;

    must(rsa != NULL && sodium_init() >= 0);

    for (alg = WD_JWA_NONE + 1; alg < WD_JWA_COUNT; alg++) {
        a = wd_jwa((wd_jwa_e) alg);
        switch (a->family) {
        case WD_JWA_FAMILY_HMAC:
            break;
        case WD_JWA_FAMILY_EC:
            jwt_keys[alg] = EVP_EC_gen(a->group);
            break;
        case WD_JWA_FAMILY_ED:
            jwt_keys[alg] = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
            break;
        default:
            must(EVP_PKEY_up_ref(rsa) == 1);
            jwt_keys[alg] = rsa;
        }
        must(jwt_keys[alg] != NULL || a->family == WD_JWA_FAMILY_HMAC);
        make_jwk((wd_jwa_e) alg);
    }
    EVP_PKEY_free(rsa);
}


const char *
jwt_maker_jwk(wd_jwa_e alg)
{
    return jwt_jwks[alg];
}


void
jwt_maker_jwks(wd_buf_t *out)
{
    int alg;

    wd_buf_z(out, "{\"keys\":[");
    for (alg = WD_JWA_NONE + 1; alg < WD_JWA_COUNT; alg++) {
        wd_buf_z(out, alg != WD_JWA_NONE + 1 ? "," : "");
        wd_buf_z(out, jwt_jwks[alg]);
    }
    wd_buf_z(out, "]}");
}


void
jwt_maker_pem(wd_jwa_e alg, wd_buf_t *out)
{
    BIO  *bio = BIO_new(BIO_s_mem());
    char *p;
    long  n;

    must(bio != NULL && PEM_write_bio_PUBKEY(bio, jwt_keys[alg]) == 1);
    n = BIO_get_mem_data(bio, &p);
    wd_buf_append(out, p, (size_t) n);
    BIO_free(bio);
}


size_t
jwt_maker_mac(wd_jwa_e alg, wd_str_t secret, wd_str_t text,
              uint8_t out[JWT_MAKER_SIG_MAX])
{
    unsigned      n = 0;
    const EVP_MD *md = EVP_get_digestbyname(wd_jwa(alg)->hash);

    must(HMAC(md, secret.data, (int) secret.len, (const uint8_t *) text.data,
              text.len, out, &n)
         != NULL);
    return n;
}


/* DER to r || s. */
static size_t
ec_raw(const uint8_t *der, size_t n, size_t coord, uint8_t *out)
{
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long) n);

    must(sig != NULL
         && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, (int) coord) > 0
         && BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + coord, (int) coord) > 0);
    ECDSA_SIG_free(sig);
    return 2 * coord;
}


size_t
jwt_maker_sign(wd_jwa_e alg, wd_str_t text, uint8_t out[JWT_MAKER_SIG_MAX])
{
    size_t          n = JWT_MAKER_SIG_MAX;
    uint8_t         der[JWT_MAKER_SIG_MAX];
    EVP_MD_CTX     *ctx;
    EVP_PKEY_CTX   *pctx;
    const wd_jwa_t *a = wd_jwa(alg);

    if (a->family == WD_JWA_FAMILY_HMAC) {
        return jwt_maker_mac(alg, WD_STR(JWT_MAKER_SECRET), text, out);
    }

    ctx = EVP_MD_CTX_new();
    must(ctx != NULL
         && EVP_DigestSignInit_ex(ctx, &pctx, a->hash, NULL, NULL,
                                  jwt_keys[alg], NULL)
                == 1);
    if (a->family == WD_JWA_FAMILY_PSS) {
        must(EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) > 0
             && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
                    > 0);
    }
    must(EVP_DigestSign(ctx, der, &n, (const uint8_t *) text.data, text.len)
         == 1);
    EVP_MD_CTX_free(ctx);

    if (a->family == WD_JWA_FAMILY_EC) {
        return ec_raw(der, n, a->coord, out);
    }
    memcpy(out, der, n);
    return n;
}


void
jwt_maker_token(wd_jwa_e alg, wd_str_t header, wd_str_t claims, wd_buf_t *out)
{
    size_t  n;
    uint8_t sig[JWT_MAKER_SIG_MAX];

    wd_buf_reset(out);
    jwt_maker_base64url(header.data, header.len, out);
    wd_buf_byte(out, '.');
    jwt_maker_base64url(claims.data, claims.len, out);
    n = jwt_maker_sign(alg, wd_buf_view(out), sig);
    wd_buf_byte(out, '.');
    jwt_maker_base64url(sig, n, out);
    must(out->err == WD_OK);
}
