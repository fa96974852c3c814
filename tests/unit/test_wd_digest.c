/*
 * test_wd_digest.c - the header `Digest`: which algorithm, which alphabet, and
 * what says nothing.
 */
#include "wd_test.h"

#include "wd_digest.h"

/* Sums of "abc". */
#define MD5_HEX "900150983cd24fb0d6963f7d28e17f72"
#define MD5_64 "kAFQmDzST7DWlj99KOF/cg=="
#define SHA1_64 "qZk+NkcGgWq6PiVxeFDCbJzQ2J0="
#define SHA256_HEX \
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define SHA256_64 "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
#define SHA512_64                                         \
    "3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/" \
    "BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="


static void
test_read(void **state)
{
    size_t        i;
    unsigned int  n;
    unsigned char sum[EVP_MAX_MD_SIZE];
    wd_digest_t   d;

    static const char *const good[] = {
        "sha-256=" SHA256_64,
        "SHA-256=" SHA256_64,
        "sha256=" SHA256_HEX,
        "SHA256=BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015"
        "AD",
        "sha-512=" SHA512_64,
        "md5=" MD5_64,
        "MD5=" MD5_HEX,
        "md5=kAFQmDzST7DWlj99KOF/cg",
        "sha=" SHA1_64,
        "unixsum=30637, sha-256=" SHA256_64,
        "sha-256=" SHA256_64 ",md5=AAAA",
        " sha-256 = " SHA256_64 " ",
        "sha-256=short, md5=" MD5_64,
        "crc32c=xx,, =,md5=" MD5_64,
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        if (!wd_digest_read(wd_str_z(good[i]), &d)) {
            fail_msg("%s", good[i]);
        }
        assert_int_equal(EVP_Digest("abc", 3, sum, &n, d.md, NULL), 1);
        assert_memory_equal(sum, d.sum, n);
    }
}


static void
test_nothing(void **state)
{
    size_t      i;
    wd_digest_t d;

    static const char *const none[] = {
        "",
        ",",
        "=",
        "sha-256",
        "sha-256=",
        "sha-256=" MD5_64,
        "sha-256=?" SHA256_HEX,
        "sha-256=" SHA256_64 "AAAA",
        "crc32c=yZRlqg==",
        "a-name-of-an-algorithm-that-is-far-too-long=" SHA256_64,
        "----------------------------=" SHA256_64,
        "md5=z00150983cd24fb0d6963f7d28e17f72",
    };

    (void) state;
    for (i = 0; i < wd_array_len(none); i++) {
        if (wd_digest_read(wd_str_z(none[i]), &d)) {
            fail_msg("%s", none[i]);
        }
    }
    assert_false(wd_digest_read(WD_STR_NULL, &d));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
