/*
 * Keys, digests, keyed hashes, and the pepper.
 */
#include "auth_key.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>


static auth_pepper_t *
pepper(const char *hex)
{
    auth_pepper_t *p = NULL;

    assert_int_equal(auth_pepper_create(wd_str_z(hex), &p, NULL), WD_OK);
    return p;
}


static int
setup(void **state)
{
    (void) state;
    return auth_crypto_init();
}


static void
keys_are_wellformed_and_differ(void **state)
{
    int  i;
    char a[WD_APIKEY_LEN + 1], b[WD_APIKEY_LEN + 1];

    (void) state;
    for (i = 0; i < 200; i++) {
        auth_key_make(i & 1, a);
        auth_key_make(i & 1, b);
        assert_true(wd_apikey_wellformed(wd_str_z(a)));
        assert_int_equal(strlen(a), WD_APIKEY_LEN);
        assert_memory_equal(a, i & 1 ? "wd_live_" : "wd_test_",
                            WD_APIKEY_PREFIX);
        assert_string_not_equal(a, b);
    }
}


/* All 62 digits appear at every place: nothing is cut off or skewed away. */
static void
keys_use_all_digits(void **state)
{
    int     i, k, seen[WD_APIKEY_RANDOM] = {0};
    bool    was[WD_APIKEY_RANDOM][128] = {{false}};
    uint8_t c;
    char    key[WD_APIKEY_LEN + 1];

    (void) state;
    for (i = 0; i < 4000; i++) {
        auth_key_make(true, key);
        for (k = 0; k < WD_APIKEY_RANDOM; k++) {
            c = (uint8_t) key[WD_APIKEY_PREFIX + k];
            seen[k] += !was[k][c];
            was[k][c] = true;
        }
    }
    for (k = 0; k < WD_APIKEY_RANDOM; k++) {
        assert_int_equal(seen[k], 62);
    }
}


/* RFC 7693's BLAKE2b, 32 bytes: the figure is from b2sum -l 256. */
static void
digest_is_blake2b_256(void **state)
{
    char    hex[2 * AUTH_DIGEST_LEN + 1];
    uint8_t digest[AUTH_DIGEST_LEN];

    (void) state;
    auth_key_digest(WD_STR("abc"), digest);
    wd_hex_encode(digest, sizeof(digest), hex);
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b"
                             "94964e3bb1cb3e427262c8c068d52319");
}


/* BLAKE2b of the digest under the key 00 01 .. 1f, from Python's hashlib. */
static void
hash_is_keyed(void **state)
{
    char           hex[2 * AUTH_HASH_LEN + 1];
    uint8_t        digest[AUTH_DIGEST_LEN], hash[AUTH_HASH_LEN];
    auth_pepper_t *p = pepper("000102030405060708090a0b0c0d0e0f"
                              "101112131415161718191a1b1c1d1e1f");

    (void) state;
    memset(digest, 0x5a, sizeof(digest));
    auth_key_hash(p, digest, hash);
    wd_hex_encode(hash, sizeof(hash), hex);
    assert_string_equal(hex, "3d2bbe45dbefcced3aab486b3cfd7662"
                             "fa44cc2c931ff38ae1cd0eee45adaae4");
    auth_pepper_destroy(p);
}


static void
pepper_is_whole(void **state)
{
    char           hex[2 * AUTH_PEPPER_MAX + 3];
    size_t         n;
    uint8_t        digest[AUTH_DIGEST_LEN] = {1};
    uint8_t        a[AUTH_HASH_LEN], b[AUTH_HASH_LEN];
    auth_pepper_t *p;

    (void) state;
    for (n = 2 * AUTH_PEPPER_MIN; n <= 2 * AUTH_PEPPER_MAX; n += 2) {
        memset(hex, 'a', n);
        hex[n] = '\0';
        p = pepper(hex);
        auth_key_hash(p, digest, a);
        auth_pepper_destroy(p);

        hex[n - 1] = 'b'; /* the last bits count, too */
        p = pepper(hex);
        auth_key_hash(p, digest, b);
        auth_pepper_destroy(p);
        assert_memory_not_equal(a, b, sizeof(a));
    }
}


static void
bad_peppers_are_refused(void **state)
{
    char           hex[200];
    size_t         n;
    wd_error_t     err;
    auth_pepper_t *p = NULL;

    (void) state;
    memset(hex, 'a', sizeof(hex));
    for (n = 0; n < sizeof(hex); n++) {
        if (n >= 64 && n <= 128 && n % 2 == 0) {
            continue;
        }
        assert_int_equal(auth_pepper_create(wd_str(hex, n), &p, &err),
                         WD_ECONFIG);
        assert_non_null(strstr(err.text, "WIZDATA_AUTH_PEPPER"));
        assert_non_null(strstr(err.text, "openssl rand -hex 32"));
    }

    hex[10] = 'g';
    assert_int_equal(auth_pepper_create(wd_str(hex, 64), &p, &err), WD_ECONFIG);
    assert_null(strstr(err.text, "aaaa"));
    assert_null(p);
    auth_pepper_destroy(NULL);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_wellformed_and_differ),
        cmocka_unit_test(keys_use_all_digits),
        cmocka_unit_test(digest_is_blake2b_256),
        cmocka_unit_test(hash_is_keyed),
        cmocka_unit_test(pepper_is_whole),
        cmocka_unit_test(bad_peppers_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
