/*
 * bench_jwt.c - what checking a token's signature costs beside the same check
 * made by libcrypto or libsodium alone, and what a whole token costs.
 *
 * One line per algorithm: name, nanoseconds of the library alone, of
 * wd_jwk_verify(), of everything from the token's text to the decision. The
 * library gets the best that it offers: key and digest prepared, signature
 * in its own form. Rounds alternate, and the least of each counts.
 */
#include "jwt_maker.h"
#include "wd_jwks.h"
#include "wd_jwt.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 200
#define NS_PER_ROUND (2 * WD_NS_PER_MS)
#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef"

typedef struct {
    wd_jwa_e        alg;
    const wd_jwa_t *a;
    wd_jwk_t       *key;
    wd_buf_t        token;
    wd_jwt_t        jwt;
    wd_pool_t      *pool;
    wd_jwt_policy_t policy;

    /* the library alone */
    EVP_MD        *md;
    EVP_MD_CTX    *hash;
    EVP_PKEY_CTX  *verify;
    EVP_MAC_CTX   *mac;
    uint8_t        ed[32];
    const uint8_t *sig;
    size_t         sig_len;
} bench_t;

typedef bool (*bench_pt)(bench_t *b);


static void
must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "bench-jwt: %s\n", what);
        exit(1);
    }
}


static bool
library_hmac(bench_t *b)
{
    size_t  n;
    uint8_t out[64];

    return EVP_MAC_init(b->mac, NULL, 0, NULL)
           && EVP_MAC_update(b->mac, (const uint8_t *) b->jwt.signing.data,
                             b->jwt.signing.len)
           && EVP_MAC_final(b->mac, out, &n, sizeof(out))
           && CRYPTO_memcmp(out, b->sig, n) == 0;
}


static bool
library_ed(bench_t *b)
{
    return crypto_sign_verify_detached(b->sig,
                                       (const uint8_t *) b->jwt.signing.data,
                                       b->jwt.signing.len, b->ed)
           == 0;
}


static bool
library_pkey(bench_t *b)
{
    uint8_t hash[64];

    return EVP_DigestInit_ex2(b->hash, b->md, NULL)
           && EVP_DigestUpdate(b->hash, b->jwt.signing.data, b->jwt.signing.len)
           && EVP_DigestFinal_ex(b->hash, hash, NULL)
           && EVP_PKEY_verify(b->verify, b->sig, b->sig_len, hash,
                              b->a->hash_len)
                  == 1;
}


static bool
library(bench_t *b)
{
    switch (b->a->family) {
    case WD_JWA_FAMILY_HMAC:
        return library_hmac(b);
    case WD_JWA_FAMILY_ED:
        return library_ed(b);
    default:
        return library_pkey(b);
    }
}


static bool
ours(bench_t *b)
{
    return wd_jwk_verify(b->key, b->jwt.signing, b->jwt.sig, b->jwt.sig_len);
}


static bool
whole(bench_t *b)
{
    bool       good;
    wd_jwt_t   t;
    wd_pool_t *pool = wd_pool_create(4096);

    good = wd_jwt_parse(&t, pool, wd_buf_view(&b->token)) == WD_OK
           && wd_jwt_verify(&t, b->key) == WD_OK
           && wd_jwt_check(&t, &b->policy, 0) == WD_OK;
    wd_pool_destroy(pool);
    return good;
}


static void
prepare_pkey(bench_t *b)
{
    BIO       *bio;
    wd_buf_t   pem = WD_BUF_INIT;
    size_t     len = sizeof(b->ed);
    ECDSA_SIG *ec;
    uint8_t   *der = NULL;
    EVP_PKEY  *pkey;

    jwt_maker_pem(b->alg, &pem);
    bio = BIO_new_mem_buf(pem.data, (int) pem.len);
    pkey = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    BIO_free(bio);
    wd_buf_done(&pem);
    must(pkey != NULL, "no key");

    if (b->a->family == WD_JWA_FAMILY_ED) {
        must(EVP_PKEY_get_raw_public_key(pkey, b->ed, &len) == 1, "raw key");
        EVP_PKEY_free(pkey);
        return;
    }

    b->md = EVP_MD_fetch(NULL, b->a->hash, NULL);
    b->hash = EVP_MD_CTX_new();
    b->verify = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    EVP_PKEY_free(pkey);
    must(EVP_PKEY_verify_init(b->verify) > 0
             && EVP_PKEY_CTX_set_signature_md(b->verify, b->md) > 0,
         "prepare");
    if (b->a->family == WD_JWA_FAMILY_PSS) {
        must(EVP_PKEY_CTX_set_rsa_padding(b->verify, RSA_PKCS1_PSS_PADDING) > 0
                 && EVP_PKEY_CTX_set_rsa_pss_saltlen(b->verify,
                                                     RSA_PSS_SALTLEN_DIGEST)
                        > 0,
             "padding");
    }
    if (b->a->family == WD_JWA_FAMILY_EC) {
        ec = ECDSA_SIG_new();
        must(ECDSA_SIG_set0(
                 ec, BN_bin2bn(b->jwt.sig, (int) b->a->coord, NULL),
                 BN_bin2bn(b->jwt.sig + b->a->coord, (int) b->a->coord, NULL))
                 == 1,
             "signature");
        b->sig_len = (size_t) i2d_ECDSA_SIG(ec, &der);
        b->sig = der;
        ECDSA_SIG_free(ec);
    }
}


static void
prepare_hmac(bench_t *b)
{
    EVP_MAC   *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                         (char *) (uintptr_t) b->a->hash, 0),
        OSSL_PARAM_construct_end()};

    b->mac = EVP_MAC_CTX_new(mac);
    EVP_MAC_free(mac);
    must(EVP_MAC_init(b->mac, (const uint8_t *) SECRET, strlen(SECRET), params),
         "HMAC");
}


static void
prepare(bench_t *b, const wd_jwks_t *set)
{
    char            header[96];
    static wd_str_t audience = {"wizdata", 7};

    snprintf(header, sizeof(header),
             "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"at+jwt\"}", b->a->name,
             b->a->name);
    jwt_maker_token(
        b->alg, wd_str_z(header),
        WD_STR("{\"iss\":\"https://login.example.com/\",\"aud\":\"wizdata\","
               "\"sub\":\"0d9a6c3e-5f0f-4f9f-8d5e-3f4d2f1f7a11\","
               "\"exp\":1900000000,\"nbf\":-100,\"iat\":-100,"
               "\"jti\":\"4b1d4f0e-6a9f-4b57-9c9f-0a3b0f3c2d1e\","
               "\"scope\":\"openid bars:read quotes:read\"}"),
        &b->token);

    b->key = wd_jwks_find(set, wd_str_z(b->a->name));
    b->pool = wd_pool_create(4096);
    b->policy = (wd_jwt_policy_t){.iss = WD_STR("https://login.example.com/"),
                                  .audiences = &audience,
                                  .n_audiences = 1};
    must(b->key != NULL
             && wd_jwt_parse(&b->jwt, b->pool, wd_buf_view(&b->token)) == WD_OK,
         "token");
    b->sig = b->jwt.sig;
    b->sig_len = b->jwt.sig_len;

    if (b->a->family == WD_JWA_FAMILY_HMAC) {
        prepare_hmac(b);
    } else {
        prepare_pkey(b);
    }
    must(library(b) && ours(b) && whole(b), "a good token is refused");
}


/* Of this thread: what others do on the machine is not counted. */
static wd_ns_t
cpu_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (wd_ns_t) t.tv_sec * WD_NS_PER_S + t.tv_nsec;
}


static double
measure(bench_t *b, bench_pt fn)
{
    bool     good = true;
    wd_ns_t  start = cpu_time(), now;
    uint64_t i, n = 0;

    do {
        for (i = 0; i < 4; i++) {
            good &= fn(b);
        }
        n += 4;
        now = cpu_time();
    } while (now - start < NS_PER_ROUND);

    must(good, "a good token is refused");
    return (double) (now - start) / (double) n;
}


static void
run(wd_jwa_e alg, const wd_jwks_t *set)
{
    int      i, k;
    double   v, best[3] = {0, 0, 0};
    bench_t  b = {.alg = alg, .a = wd_jwa(alg)};
    bench_pt fns[] = {library, ours, whole};

    prepare(&b, set);
    for (i = 0; i < ROUNDS; i++) {
        for (k = 0; k < 3; k++) {
            v = measure(&b, fns[(i + k) % 3]);
            if (i == 0 || v < best[(i + k) % 3]) {
                best[(i + k) % 3] = v;
            }
        }
    }
    printf("%s %.0f %.0f %.0f\n", b.a->name, best[0], best[1], best[2]);
    fflush(stdout);
}


int
main(void)
{
    int                     alg;
    wd_buf_t                json = WD_BUF_INIT;
    wd_jwks_t              *set;
    const wd_jwks_options_t o = {WD_JWA_NONE, false};

    jwt_maker_init();
    jwt_maker_jwks(&json);
    must(wd_jwks_parse(wd_buf_view(&json), &o, &set, NULL) == WD_OK, "set");
    for (alg = WD_JWA_NONE + 1; alg < WD_JWA_COUNT; alg++) {
        run((wd_jwa_e) alg, set);
    }
    return 0;
}
