/*
 * Keys and key sets: published figures, what makes a key unusable, what makes
 * a set unusable, and signatures that are nearly right.
 */
#include "wd_test.h"

#include "jwt_maker.h"
#include "wd_base64url.h"
#include "wd_jwks.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sodium.h>

static const wd_jwks_options_t plain = {WD_JWA_NONE, false};


static wd_jwks_t *
set_of(const char *json)
{
    wd_jwks_t *set = NULL;
    wd_error_t err = {0};

    if (wd_jwks_parse(wd_str_z(json), &plain, &set, &err) != WD_OK) {
        fail_msg("%s: %s", err.text, json);
    }
    return set;
}


/* A set of one key, which has to be usable. */
static wd_jwks_t *
set_of_one(const char *jwk)
{
    wd_buf_t   b = WD_BUF_INIT;
    wd_jwks_t *set;

    wd_buf_printf(&b, "{\"keys\":[%s]}", jwk);
    set = set_of(wd_buf_cstr(&b));
    wd_buf_done(&b);
    return set;
}


/* Left out, with a reason that contains `why`. */
static void
assert_left_out(const char *jwk, const char *why)
{
    wd_jwks_t *set = set_of_one(jwk);

    if (wd_jwks_len(set) != 0 || wd_jwks_left_out(set) != 1
        || strstr(wd_jwks_left_out_why(set), why) == NULL) {
        fail_msg("\"%s\" and not \"%s\": %s", wd_jwks_left_out_why(set), why,
                 jwk);
    }
    wd_jwks_destroy(set);
}


static bool
verify_text(wd_jwk_t *key, const char *text, const char *sig)
{
    size_t  n;
    uint8_t raw[1024];

    assert_ok(wd_base64url_decode(wd_str_z(sig), raw, sizeof(raw), &n));
    return wd_jwk_verify(key, wd_str_z(text), raw, n);
}


#define RFC7515_PAYLOAD                                                      \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLm" \
    "NvbS9pc19yb290Ijp0cnVlfQ"
#define RFC7520_PAYLOAD                                                      \
    "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG" \
    "9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlv" \
    "dXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZX" \
    "B0IG9mZiB0by4"
#define RFC7520_RSA                                                           \
    "\"kty\":\"RSA\",\"kid\":\"k\",\"use\":\"sig\",\"n\":\"n4EPtAOCc9AlkeQHP" \
    "zHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_" \
    "AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBor" \
    "daZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0Z" \
    "CuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_q" \
    "ixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw\",\"e\":\"AQAB\""

static const struct {
    const char *origin;
    const char *jwk;
    const char *text;
    const char *sig;
} figures[] = {
    {"RFC 7515, A.1",
     "{\"kty\":\"oct\",\"kid\":\"k\",\"alg\":\"HS256\",\"k\":\"AyM1SysPpbyDfg"
     "Zld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CA"
     "ow\"}",
     "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9." RFC7515_PAYLOAD,
     "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
    {"RFC 7515, A.3",
     "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"P-256\","
     "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
     "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}",
     "eyJhbGciOiJFUzI1NiJ9." RFC7515_PAYLOAD,
     "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxf"
     "KTUJqPP3-Kg6NU1Q"},
    {"RFC 7515, A.4",
     "{\"kty\":\"EC\",\"kid\":\"k\",\"crv\":\"P-521\",\"x\":\"AekpBQ8ST8a8VcfV"
     "OTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQ"
     "Gk\",\"y\":\"ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly7"
     "9ajL4Kkd0AZMaZmh9ubmf63e3kyMj2\"}",
     "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA",
     "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI"
     "-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO"
     "7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"},
    {"RFC 8037, A.5",
     "{\"kty\":\"OKP\",\"kid\":\"k\",\"crv\":\"Ed25519\","
     "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
     "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9"
     "g7sVvpAr_MuM0KAg"},
    {"RFC 7520, 4.1", "{" RFC7520_RSA ",\"alg\":\"RS256\"}",
     "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZS"
     "J9." RFC7520_PAYLOAD,
     "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O"
     "2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-Xt"
     "L0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8"
     "Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-"
     "ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg"},
    {"RFC 7520, 4.2", "{" RFC7520_RSA ",\"alg\":\"PS384\"}",
     "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZS"
     "J9." RFC7520_PAYLOAD,
     "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid"
     "6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiRe"
     "QFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm"
     "8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64Q"
     "QSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw"},
    {"RFC 7520, 4.3",
     "{\"kty\":\"EC\",\"kid\":\"k\",\"use\":\"sig\",\"crv\":\"P-521\",\"x\":\""
     "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF"
     "-7ytDyRXYgCF5cj0Kt\",\"y\":\"AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6"
     "pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1\"}",
     "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZS"
     "J9." RFC7520_PAYLOAD,
     "AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7K"
     "RTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens"
     "_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2"},
    {"RFC 7520, 4.4",
     "{\"kty\":\"oct\",\"kid\":\"k\",\"use\":\"sig\",\"alg\":\"HS256\","
     "\"k\":\"hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg\"}",
     "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNG"
     "JjNzAzNyJ9." RFC7520_PAYLOAD,
     "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0"},
};


static void
test_figures(void **state)
{
    size_t     i;
    wd_jwk_t  *key;
    wd_jwks_t *set;

    (void) state;
    for (i = 0; i < sizeof(figures) / sizeof(figures[0]); i++) {
        set = set_of_one(figures[i].jwk);
        key = wd_jwks_find(set, WD_STR("k"));
        if (key == NULL || !verify_text(key, figures[i].text, figures[i].sig)) {
            fail_msg("%s", figures[i].origin);
        }
        assert_false(verify_text(key, "another text", figures[i].sig));
        assert_true(verify_text(key, figures[i].text, figures[i].sig));
        wd_jwks_destroy(set);
    }
}


/* Every key takes its own signature and none of another algorithm. */
static void
test_algorithms_apart(void **state)
{
    int        a, b;
    size_t     n;
    uint8_t    sig[JWT_MAKER_SIG_MAX];
    wd_buf_t   json = WD_BUF_INIT;
    wd_jwk_t  *key;
    wd_jwks_t *set;
    wd_str_t   text = WD_STR("header.claims");

    (void) state;
    jwt_maker_jwks(&json);
    set = set_of(wd_buf_cstr(&json));
    assert_int_equal(wd_jwks_len(set), WD_JWA_COUNT - 1);
    assert_int_equal(wd_jwks_left_out(set), 0);

    for (a = WD_JWA_NONE + 1; a < WD_JWA_COUNT; a++) {
        key = wd_jwks_find(set, wd_str_z(wd_jwa((wd_jwa_e) a)->name));
        assert_non_null(key);
        assert_int_equal(wd_jwk_alg(key), a);
        for (b = WD_JWA_NONE + 1; b < WD_JWA_COUNT; b++) {
            n = jwt_maker_sign((wd_jwa_e) b, text, sig);
            if (wd_jwk_verify(key, text, sig, n) != (a == b)) {
                fail_msg("a signature of %s, a key of %s",
                         wd_jwa((wd_jwa_e) b)->name,
                         wd_jwa((wd_jwa_e) a)->name);
            }
        }
    }
    wd_jwks_destroy(set);
    wd_buf_done(&json);
}


/* No bit may differ, no byte may be missing or added. */
static void
test_nearly_right(void **state)
{
    int        alg;
    size_t     i, n, step;
    uint8_t    sig[JWT_MAKER_SIG_MAX + 1];
    wd_jwk_t  *key;
    wd_jwks_t *set;
    wd_str_t   text = WD_STR("header.claims");

    (void) state;
    for (alg = WD_JWA_NONE + 1; alg < WD_JWA_COUNT; alg++) {
        set = set_of_one(jwt_maker_jwk((wd_jwa_e) alg));
        key = wd_jwks_find(set, wd_str_z(wd_jwa((wd_jwa_e) alg)->name));
        n = jwt_maker_sign((wd_jwa_e) alg, text, sig);
        sig[n] = 0;

        step = n > 128 ? 37 : 3;
        for (i = 0; i < 8 * n; i += step) {
            sig[i / 8] ^= (uint8_t) (1 << i % 8);
            assert_false(wd_jwk_verify(key, text, sig, n));
            sig[i / 8] ^= (uint8_t) (1 << i % 8);
        }
        for (i = 0; i <= n + 1; i++) {
            assert_int_equal(wd_jwk_verify(key, text, sig, i), i == n);
        }
        memset(sig, 0, n);
        assert_false(wd_jwk_verify(key, text, sig, n));
        memset(sig, 0xff, n);
        assert_false(wd_jwk_verify(key, text, sig, n));
        wd_jwks_destroy(set);
    }
}


/* r and s of 0 ("psychic signatures") and of the order and above. */
static void
test_ec_range(void **state)
{
    int             alg, half;
    size_t          n;
    uint8_t         good[JWT_MAKER_SIG_MAX], sig[JWT_MAKER_SIG_MAX];
    wd_jwk_t       *key;
    wd_jwks_t      *set;
    const wd_jwa_t *a;
    wd_str_t        text = WD_STR("header.claims");

    (void) state;
    for (alg = WD_JWA_ES256; alg <= WD_JWA_ES512; alg++) {
        a = wd_jwa((wd_jwa_e) alg);
        set = set_of_one(jwt_maker_jwk((wd_jwa_e) alg));
        key = wd_jwks_find(set, wd_str_z(a->name));
        n = jwt_maker_sign((wd_jwa_e) alg, text, good);
        assert_int_equal(n, 2 * a->coord);

        for (half = 0; half < 2; half++) {
            memcpy(sig, good, n);
            memset(sig + half * a->coord, 0, a->coord);
            assert_false(wd_jwk_verify(key, text, sig, n));
            memcpy(sig + half * a->coord, a->order, a->coord);
            assert_false(wd_jwk_verify(key, text, sig, n));
            sig[(half + 1) * a->coord - 1]++;
            assert_false(wd_jwk_verify(key, text, sig, n));
        }
        assert_true(wd_jwk_verify(key, text, good, n));
        wd_jwks_destroy(set);
    }
}


/* Signatures with r or s that is short must verify: its zeros are real. */
static void
test_ec_short_numbers(void **state)
{
    char       text[32];
    size_t     i, n;
    uint8_t    sig[JWT_MAKER_SIG_MAX];
    unsigned   seen = 0;
    wd_jwk_t  *key;
    wd_jwks_t *set = set_of_one(jwt_maker_jwk(WD_JWA_ES256));

    (void) state;
    key = wd_jwks_find(set, WD_STR("ES256"));
    for (i = 0; i < 1500; i++) {
        snprintf(text, sizeof(text), "%zu", i);
        n = jwt_maker_sign(WD_JWA_ES256, wd_str_z(text), sig);
        seen += sig[0] == 0 || sig[32] == 0;
        assert_true(wd_jwk_verify(key, wd_str_z(text), sig, n));
    }
    assert_true(seen != 0);
    wd_jwks_destroy(set);
}


#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC \
    "\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\""
#define SECRET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static void
test_left_out(void **state)
{
    size_t i;

    static const char *const rows[][2] = {
        {"1", "not an object"},
        {"null", "not an object"},
        {"[]", "not an object"},
        {"{}", "kid"},
        {"{" EC "}", "kid"},
        {"{\"kid\":1," EC "}", "kid"},
        {"{\"kid\":\"\"," EC "}", "kid"},
        {"{\"kid\":\"a\\nb\"," EC "}", "kid"},
        {"{\"kid\":\"k\",\"d\":\"AA\"," EC "}", "private"},
        {"{\"kid\":\"k\",\"use\":\"enc\"," EC "}", "use"},
        {"{\"kid\":\"k\",\"use\":\"SIG\"," EC "}", "use"},
        {"{\"kid\":\"k\",\"use\":null," EC "}", "use"},
        {"{\"kid\":\"k\",\"key_ops\":[\"sign\"]," EC "}", "key_ops"},
        {"{\"kid\":\"k\",\"key_ops\":[]," EC "}", "key_ops"},
        {"{\"kid\":\"k\",\"key_ops\":\"verify\"," EC "}", "key_ops"},
        {"{\"kid\":\"k\",\"key_ops\":[1,\"verify\"]," EC "}", "key_ops"},
        {"{\"kid\":\"k\",\"alg\":\"none\"," EC "}", "alg"},
        {"{\"kid\":\"k\",\"alg\":\"es256\"," EC "}", "alg"},
        {"{\"kid\":\"k\",\"alg\":1," EC "}", "alg"},
        {"{\"kid\":\"k\",\"alg\":null," EC "}", "alg"},
        {"{\"kid\":\"k\",\"alg\":\"ES384\"," EC "}", "not one of ES384"},
        {"{\"kid\":\"k\",\"alg\":\"HS256\"," EC "}", "not one of HS256"},
        {"{\"kid\":\"k\",\"alg\":\"ECDH-ES\"," EC "}", "alg"},
        {"{\"kid\":\"k\",\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X
         "\",\"y\":\"" EC_Y "\"}",
         "alg"},
        {"{\"kid\":\"k\",\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
         "alg"},
        {"{\"kid\":\"k\",\"kty\":\"ec\",\"crv\":\"P-256\",\"x\":\"" EC_X
         "\",\"y\":\"" EC_Y "\"}",
         "alg"},
        {"{\"kid\":\"k\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X
         "\",\"y\":\"" EC_X "\"}",
         "curve"},
        {"{\"kid\":\"k\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X
         "\",\"y\":\"AAAA\"}",
         "32 bytes"},
        {"{\"kid\":\"k\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X "\"}",
         "\"y\""},
        {"{\"kid\":\"k\",\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" EC_X
         "=\",\"y\":\"" EC_Y "\"}",
         "\"x\""},
        {"{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"Ed448\",\"x\":\"AA\"}",
         "alg"},
        {"{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"11qYAYKx"
         "CrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
         "alg"},
        {"{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AAAA\"}",
         "32 bytes"},
        /* The neutral element, with which anything would verify. */
        {"{\"kid\":\"k\",\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"AQAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "point"},
        {"{\"kid\":\"k\",\"kty\":\"oct\",\"k\":\"" SECRET "\"}", "alg"},
        {"{\"kid\":\"k\",\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAAA\"}",
         "32 to"},
        {"{\"kid\":\"k\",\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAAAAAAAAA"
         "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "32 to"},
        {"{\"kid\":\"k\",\"kty\":\"oct\",\"alg\":\"HS256\"}", "\"k\""},
        {"{\"kid\":\"k\",\"kty\":\"oct\",\"alg\":\"RS256\",\"k\":\"" SECRET
         "\"}",
         "not one of RS256"},
        {"{" RFC7520_RSA "}", "alg"},
        {"{" RFC7520_RSA ",\"alg\":\"HS256\"}", "not one of HS256"},
        {"{" RFC7520_RSA ",\"alg\":\"RSA-OAEP\"}", "alg"},
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_left_out(rows[i][0], rows[i][1]);
    }
}


static void
test_kept(void **state)
{
    size_t     i;
    wd_jwks_t *set;

    static const char *const rows[] = {
        "{\"kid\":\"k\"," EC "}",
        "{\"kid\":\"k\",\"alg\":\"ES256\"," EC "}",
        "{\"kid\":\"k\",\"use\":\"sig\",\"key_ops\":[\"verify\"]," EC "}",
        "{\"kid\":\"k\",\"key_ops\":[\"sign\",\"verify\"]," EC "}",
        /* Read by nobody: the key itself is what is trusted. */
        "{\"kid\":\"k\",\"x5u\":\"https://a/\",\"x5c\":[\"AA\"],\"x5t\":\"A\","
        "\"other\":{\"a\":[1]}," EC "}",
        "{\"kid\":\"k\",\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"" SECRET
        "\"}",
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        set = set_of_one(rows[i]);
        if (wd_jwks_find(set, WD_STR("k")) == NULL) {
            fail_msg("%s: %s", wd_jwks_left_out_why(set), rows[i]);
        }
        assert_null(wd_jwks_find(set, WD_STR("K")));
        assert_null(wd_jwks_find(set, WD_STR("k ")));
        assert_null(wd_jwks_find(set, WD_STR("")));
        wd_jwks_destroy(set);
    }
}


/* One key that is no use does not take the others with it. */
static void
test_others_stay(void **state)
{
    wd_jwks_t *set;

    (void) state;
    set = set_of("{\"keys\":[1,{\"kty\":\"new\"},{\"kid\":\"a\"," EC "},"
                 "{\"kid\":\"a\",\"use\":\"enc\"," EC "},"
                 " {\"kid\":\"b\"," EC "} ],\"more\":[1]}");
    assert_int_equal(wd_jwks_len(set), 2);
    assert_int_equal(wd_jwks_left_out(set), 3);
    assert_non_null(wd_jwks_find(set, WD_STR("a")));
    assert_non_null(wd_jwks_find(set, WD_STR("b")));
    assert_string_equal(wd_jwks_left_out_why(set), "not an object");
    wd_jwks_destroy(set);

    set = set_of("{\"keys\":[]}");
    assert_int_equal(wd_jwks_len(set), 0);
    assert_string_equal(wd_jwks_left_out_why(set), "");
    wd_jwks_destroy(set);
}


static void
test_options(void **state)
{
    wd_str_t          json;
    wd_jwks_t        *set;
    wd_jwks_options_t o = {WD_JWA_PS256, true};

    (void) state;
    json = WD_STR("{\"keys\":[{" RFC7520_RSA "},{\"kid\":\"s\",\"kty\":\"oct\""
                  ",\"alg\":\"HS256\",\"k\":\"" SECRET "\"}]}");
    assert_ok(wd_jwks_parse(json, &o, &set, NULL));
    assert_int_equal(wd_jwk_alg(wd_jwks_find(set, WD_STR("k"))), WD_JWA_PS256);
    assert_null(wd_jwks_find(set, WD_STR("s")));
    assert_string_equal(wd_jwks_left_out_why(set), "a published secret");
    wd_jwks_destroy(set);
}


/* A set that has all keys of another, and one where a key is another. */
static void
test_keeps(void **state)
{
    wd_buf_t   json = WD_BUF_INIT, pem = WD_BUF_INIT;
    wd_jwks_t *a, *b, *all, *changed;

    (void) state;
    a = set_of_one("{\"kid\":\"a\"," EC "}");
    b = set_of("{\"keys\":[{" RFC7520_RSA ",\"alg\":\"RS256\"},"
               "{\"x5t\":\"\"," EC ",\"kid\":\"a\"}]}");
    assert_true(wd_jwks_keeps(a, NULL));
    assert_true(wd_jwks_keeps(a, a));
    assert_true(wd_jwks_keeps(b, a));
    assert_false(wd_jwks_keeps(a, b));
    wd_jwks_destroy(b);

    b = set_of_one("{" RFC7520_RSA ",\"alg\":\"RS256\"}");
    changed = set_of_one("{" RFC7520_RSA ",\"alg\":\"RS512\"}");
    assert_false(wd_jwks_keeps(changed, b)); /* another algorithm */
    wd_jwks_destroy(b);
    wd_jwks_destroy(changed);
    wd_jwks_destroy(a);

    jwt_maker_jwks(&json);
    all = set_of(wd_buf_cstr(&json));
    jwt_maker_pem(WD_JWA_ES384, &pem);
    assert_ok(wd_jwks_from_pem(WD_STR("ES384"), WD_JWA_ES384, wd_buf_view(&pem),
                               &a, NULL));
    assert_true(wd_jwks_keeps(all, a)); /* the same key in another form */
    wd_jwks_destroy(a);

    a = set_of_one("{\"kid\":\"ES256\"," EC "}");
    assert_false(wd_jwks_keeps(all, a)); /* another key of that kid */
    wd_jwks_destroy(a);
    a = set_of_one("{\"kid\":\"HS256\",\"kty\":\"oct\",\"alg\":\"HS256\","
                   "\"k\":\"" SECRET "\"}");
    assert_false(wd_jwks_keeps(all, a));
    wd_jwks_destroy(a);
    wd_jwks_destroy(all);
    wd_buf_done(&json);
    wd_buf_done(&pem);
}


static void
assert_refused(wd_str_t json, const char *why)
{
    wd_jwks_t *set;
    wd_error_t err = {0};

    if (wd_jwks_parse(json, &plain, &set, &err) != WD_EINVAL
        || strstr(err.text, why) == NULL) {
        fail_msg("\"%s\", not \"%s\": %.*s", err.text, why, WD_STR_ARG(json));
    }
}


static void
test_refused(void **state)
{
    size_t     i;
    wd_buf_t   b = WD_BUF_INIT;
    wd_jwks_t *set;

    static const char *const rows[][2] = {
        {"", "not a JSON"},
        {"null", "not a JSON"},
        {"[]", "not a JSON"},
        {"{", "not a JSON"},
        {"{}", "keys"},
        {"{\"keys\":{}}", "keys"},
        {"{\"keys\":null}", "keys"},
        {"{\"keys\":[]}x", "not a JSON"},
        {"\xef\xbb\xbf{\"keys\":[]}", "not a JSON"},
        {"{\"keys\":[\"\xff\"]}", "not a JSON"},
        {"{\"keys\":[],\"keys\":[]}", "twice"},
        {"{\"keys\":[{\"a\":1,\"\\u0061\":2}]}", "twice"},
        {"{\"keys\":[{\"kid\":\"k\"," EC "},{\"kid\":\"k\"," EC "}]}",
         "two keys"},
        {"{\"keys\":[{\"kid\":\"k\"," EC "},{\"kid\":\"\\u006b\",\"alg\":"
         "\"HS256\",\"kty\":\"oct\",\"k\":\"" SECRET "\"}]}",
         "two keys"},
        {"<html>", "not a JSON"},
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_refused(wd_str_z(rows[i][0]), rows[i][1]);
    }
    assert_refused(wd_str("{\"keys\":[]}\0", 12), "not a JSON");

    /* 64 keys are taken, 65 are not. */
    wd_buf_z(&b, "{\"keys\":[{\"kid\":\"k\"," EC "}");
    for (i = 1; i < WD_JWKS_KEYS_MAX; i++) {
        wd_buf_printf(&b, ",{\"kid\":\"%zu\"," EC "}", i);
    }
    i = b.len;
    wd_buf_z(&b, "]}");
    set = set_of(wd_buf_cstr(&b));
    assert_int_equal(wd_jwks_len(set), WD_JWKS_KEYS_MAX);
    wd_jwks_destroy(set);
    b.len = i;
    wd_buf_z(&b, ",1]}");
    assert_refused(wd_buf_view(&b), "more than 64");

    /* The cap on bytes. */
    wd_buf_reset(&b);
    wd_buf_z(&b, "{\"keys\":[]}");
    while (b.len < WD_JWKS_BYTES_MAX) {
        wd_buf_byte(&b, ' ');
    }
    set = set_of(wd_buf_cstr(&b));
    wd_jwks_destroy(set);
    wd_buf_byte(&b, ' ');
    assert_refused(wd_buf_view(&b), "longer than");
    wd_buf_done(&b);
}


static int
rsa_of(int bits, unsigned exponent, wd_error_t *err)
{
    int       rc;
    size_t    len = (size_t) bits / 8;
    uint8_t  *n = malloc(len), e[8];
    wd_jwk_t *key = NULL;

    memset(n, 0xff, len); /* odd, with its highest bit */
    e[0] = (uint8_t) (exponent >> 16);
    e[1] = (uint8_t) (exponent >> 8);
    e[2] = (uint8_t) exponent;
    rc = wd_jwk_rsa(WD_JWA_RS256, n, len, e, 3, &key, err);
    wd_jwk_destroy(key);
    free(n);
    return rc;
}


static void
test_rsa_bounds(void **state)
{
    uint8_t    n[256] = {0x80}, e[9] = {1, 0, 0, 0, 0, 0, 0, 0, 1};
    wd_jwk_t  *key = NULL;
    wd_error_t err;

    (void) state;
    assert_ok(rsa_of(2048, 65537, &err));
    assert_ok(rsa_of(2048, 3, &err));
    assert_ok(rsa_of(8192, 65537, &err));
    assert_int_equal(rsa_of(1024, 65537, &err), WD_EINVAL);
    assert_int_equal(rsa_of(2040, 65537, &err), WD_EINVAL);
    assert_has(err.text, "2048 to 8192");
    assert_int_equal(rsa_of(8200, 65537, &err), WD_EINVAL);
    assert_int_equal(rsa_of(65536, 65537, &err), WD_EINVAL);
    assert_int_equal(rsa_of(2048, 0, &err), WD_EINVAL);
    assert_int_equal(rsa_of(2048, 1, &err), WD_EINVAL);
    assert_has(err.text, "exponent");
    assert_int_equal(rsa_of(2048, 2, &err), WD_EINVAL);
    assert_int_equal(rsa_of(2048, 65536, &err), WD_EINVAL);

    assert_int_equal(wd_jwk_rsa(WD_JWA_RS256, n, 256, e + 8, 1, &key, &err),
                     WD_EINVAL); /* even */
    n[255] = 1;
    assert_int_equal(wd_jwk_rsa(WD_JWA_RS256, n, 256, e, 9, &key, &err),
                     WD_EINVAL);
    assert_int_equal(wd_jwk_rsa(WD_JWA_HS256, n, 256, e, 3, &key, &err),
                     WD_EINVAL);
}


static void
test_pem(void **state)
{
    int        alg, other;
    size_t     n;
    uint8_t    sig[JWT_MAKER_SIG_MAX];
    wd_buf_t   pem = WD_BUF_INIT;
    wd_jwks_t *set;
    wd_error_t err;
    wd_str_t   text = WD_STR("header.claims");

    (void) state;
    for (alg = WD_JWA_RS256; alg < WD_JWA_COUNT; alg++) {
        wd_buf_reset(&pem);
        jwt_maker_pem((wd_jwa_e) alg, &pem);
        assert_ok(wd_jwks_from_pem(WD_STR("kid"), (wd_jwa_e) alg,
                                   wd_buf_view(&pem), &set, &err));
        n = jwt_maker_sign((wd_jwa_e) alg, text, sig);
        assert_true(
            wd_jwk_verify(wd_jwks_find(set, WD_STR("kid")), text, sig, n));
        wd_jwks_destroy(set);

        /* Taken for another kind of key, and never for a secret. */
        for (other = WD_JWA_NONE; other < WD_JWA_COUNT; other++) {
            if (wd_jwa((wd_jwa_e) other) != NULL
                && strcmp(wd_jwa((wd_jwa_e) other)->kty,
                          wd_jwa((wd_jwa_e) alg)->kty)
                       == 0
                && (other < WD_JWA_ES256 || other == alg)) {
                continue;
            }
            assert_int_equal(wd_jwks_from_pem(WD_STR("kid"), (wd_jwa_e) other,
                                              wd_buf_view(&pem), &set, &err),
                             WD_EINVAL);
        }
    }

    assert_int_equal(wd_jwks_from_pem(WD_STR("kid"), WD_JWA_RS256,
                                      WD_STR("no PEM"), &set, &err),
                     WD_EINVAL);
    assert_has(err.text, "BEGIN PUBLIC KEY");
    assert_int_equal(wd_jwks_from_pem(WD_STR(""), WD_JWA_EDDSA,
                                      wd_buf_view(&pem), &set, &err),
                     WD_EINVAL);
    while (pem.len <= WD_JWK_PEM_MAX) {
        wd_buf_byte(&pem, '\n');
    }
    assert_int_equal(wd_jwks_from_pem(WD_STR("kid"), WD_JWA_EDDSA,
                                      wd_buf_view(&pem), &set, &err),
                     WD_EINVAL);
    wd_buf_done(&pem);
}


static void
test_secret_bounds(void **state)
{
    uint8_t   secret[WD_JWK_SECRET_MAX + 1] = {1};
    wd_jwk_t *key = NULL;

    (void) state;
    assert_int_equal(wd_jwk_secret(WD_JWA_HS512, secret, 31, &key, NULL),
                     WD_EINVAL);
    assert_int_equal(
        wd_jwk_secret(WD_JWA_HS512, secret, sizeof(secret), &key, NULL),
        WD_EINVAL);
    assert_int_equal(wd_jwk_secret(WD_JWA_RS256, secret, 64, &key, NULL),
                     WD_EINVAL);
    assert_int_equal(wd_jwk_secret(WD_JWA_NONE, secret, 64, &key, NULL),
                     WD_EINVAL);
    assert_ok(wd_jwk_secret(WD_JWA_HS512, secret, 32, &key, NULL));
    wd_jwk_destroy(key);
    assert_ok(
        wd_jwk_secret(WD_JWA_HS256, secret, WD_JWK_SECRET_MAX, &key, NULL));
    wd_jwk_destroy(key);
    wd_jwk_destroy(NULL);
    wd_jwks_destroy(NULL);
}


static void
test_names(void **state)
{
    size_t i;

    static const char *const none[] = {"",        "none",  "None",   "NONE",
                                       "hs256",   "HS",    "HS2560", "ES256K",
                                       "Ed25519", "ES521", "RS256 "};

    (void) state;
    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(wd_jwa_find(wd_str_z(none[i])), WD_JWA_NONE);
    }
    for (i = WD_JWA_NONE + 1; i < WD_JWA_COUNT; i++) {
        assert_int_equal(wd_jwa_find(wd_str_z(wd_jwa((wd_jwa_e) i)->name)), i);
    }
    assert_null(wd_jwa(WD_JWA_NONE));
    assert_null(wd_jwa(WD_JWA_COUNT));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_algorithms_apart),
        cmocka_unit_test(test_nearly_right),
        cmocka_unit_test(test_ec_range),
        cmocka_unit_test(test_ec_short_numbers),
        cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_kept),
        cmocka_unit_test(test_others_stay),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_keeps),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_rsa_bounds),
        cmocka_unit_test(test_pem),
        cmocka_unit_test(test_secret_bounds),
    };

    jwt_maker_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
