/*
 * Signing keys sealed with the pepper, and the tokens they sign.
 */
#include "auth_jwt.h"
#include "wd_test.h"

#include <jansson.h>
#include <sodium.h>

#define PEPPER \
    "d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4"
#define OTHER "d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d4d5"

static auth_pepper_t *pepper, *other;


static int
setup(void **state)
{
    (void) state;
    if (auth_crypto_init() != WD_OK) {
        return -1;
    }
    return auth_pepper_create(WD_STR(PEPPER), &pepper, NULL) == WD_OK
                   && auth_pepper_create(WD_STR(OTHER), &other, NULL) == WD_OK
               ? 0
               : -1;
}


static int
teardown(void **state)
{
    (void) state;
    auth_pepper_destroy(pepper);
    auth_pepper_destroy(other);
    return 0;
}


static void
keys_are_sealed(void **state)
{
    size_t         i;
    uint8_t        secret[AUTH_SIGN_SECRET];
    auth_signkey_t a, b, damaged;

    (void) state;
    auth_signkey_make(pepper, &a);
    auth_signkey_make(pepper, &b);
    assert_string_not_equal(a.kid, b.kid);
    assert_int_equal(strlen(a.kid), AUTH_KID_LEN);
    assert_memory_not_equal(a.public, b.public, sizeof(a.public));

    assert_true(auth_signkey_open(pepper, &a, secret));
    assert_memory_equal(secret + 32, a.public, sizeof(a.public));
    assert_null(memmem(&a, sizeof(a), secret, 32)); /* the seed is nowhere */

    assert_false(auth_signkey_open(other, &a, secret));
    for (i = 0; i < sizeof(a.sealed); i++) {
        damaged = a;
        damaged.sealed[i] ^= 1;
        assert_false(auth_signkey_open(pepper, &damaged, secret));
    }

    /* another's public half is not taken for one's own */
    damaged = a;
    memcpy(damaged.public, b.public, sizeof(b.public));
    assert_false(auth_signkey_open(pepper, &damaged, secret));
}


/* The decoded part of a token, as a JSON object. */
static json_t *
part(wd_str_t text)
{
    char    bytes[2048];
    size_t  n = 0;
    json_t *doc;

    assert_int_equal(
        sodium_base642bin((unsigned char *) bytes, sizeof(bytes), text.data,
                          text.len, NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING),
        0);
    doc = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(doc);
    return doc;
}


static void
tokens_are_signed(void **state)
{
    json_t        *head, *claims, *wanted;
    uint8_t        secret[AUTH_SIGN_SECRET], signature[64];
    size_t         n = 0;
    wd_str_t       rest, h, c;
    wd_buf_t       out = WD_BUF_INIT;
    auth_signkey_t key;
    const wd_str_t perms[] = {WD_STR("bars:read"), WD_STR("*")};
    auth_claims_t  what = {
         .issuer = "wizdata",
         .audience = "a\"b",
         .jti = "id",
         .sub = WD_STR("user:\xc3\xa9"),
         .plan = WD_STR("default"),
         .perms = perms,
         .n_perms = 2,
         .session = 7,
         .issued_at = 1700000000 * WD_NS_PER_S + 999999999,
         .expires_at = 1700000300 * WD_NS_PER_S,
    };

    (void) state;
    auth_signkey_make(pepper, &key);
    assert_true(auth_signkey_open(pepper, &key, secret));
    wd_buf_z(&out, "before "); /* is not signed */
    auth_jwt_write(&out, &what, key.kid, secret);
    assert_ok(out.err);

    rest = wd_str((const char *) out.data + 7, out.len - 7);
    assert_true(wd_str_split(&rest, '.', &h));
    assert_true(wd_str_split(&rest, '.', &c));
    assert_int_equal(
        sodium_base642bin(signature, sizeof(signature), rest.data, rest.len,
                          NULL, &n, NULL,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING),
        0);
    assert_int_equal(n, 64);
    assert_int_equal(crypto_sign_verify_detached(
                         signature, (const unsigned char *) h.data,
                         (size_t) (c.data + c.len - h.data), key.public),
                     0);

    head = part(h);
    wanted = json_pack("{s:s, s:s, s:s}", "alg", "EdDSA", "kid", key.kid, "typ",
                       "at+jwt");
    assert_true(json_equal(head, wanted));
    json_decref(wanted);
    claims = part(c);
    wanted = json_pack("{s:s, s:s, s:s, s:s, s:f, s:i, s:i, s:[s,s], s:s, s:i}",
                       "iss", "wizdata", "aud", "a\"b", "sub", "user:\xc3\xa9",
                       "jti", "id", "iat", 1700000000.999999, "nbf", 1700000000,
                       "exp", 1700000300, "permissions", "bars:read", "*",
                       "plan", "default", "sid", 7);
    assert_true(json_equal(claims, wanted));

    json_decref(wanted);
    json_decref(head);
    json_decref(claims);
    wd_buf_done(&out);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_sealed),
        cmocka_unit_test(tokens_are_signed),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
