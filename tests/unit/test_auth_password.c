/*
 * Passwords: which may be chosen, how they are stored, and that one of nobody
 * is treated like one of somebody.
 */
#include "auth_key.h"
#include "auth_password.h"
#include "wd_test.h"

#include <sodium.h>

#define MEMORY (8 * 1024 * 1024) /* little, to be fast */

static const wd_str_t password = {"correct horse", 13};


static int
setup(void **state)
{
    (void) state;
    return auth_crypto_init();
}


static void
hashes_are_argon2id(void **state)
{
    char           a[AUTH_PASSWORD_HASH_MAX], b[AUTH_PASSWORD_HASH_MAX];
    auth_hasher_t *h = auth_hasher_create(MEMORY, 2);

    (void) state;
    assert_non_null(h);
    assert_ok(auth_hasher_hash(h, password, a));
    assert_ok(auth_hasher_hash(h, password, b));
    assert_memory_equal(a, "$argon2id$v=19$m=8192,t=2,p=1$", 30);
    assert_string_not_equal(a, b); /* salt */

    assert_true(auth_hasher_verify(h, wd_str_z(a), password));
    assert_true(auth_hasher_verify(h, wd_str_z(b), password));
    assert_false(auth_hasher_verify(h, wd_str_z(a), wd_str(password.data, 12)));
    assert_false(auth_hasher_verify(h, wd_str_z(a), WD_STR("")));
    auth_hasher_destroy(h);
    auth_hasher_destroy(NULL);
}


static void
nobody_has_no_password(void **state)
{
    char           long_hash[AUTH_PASSWORD_HASH_MAX + 1];
    auth_hasher_t *h = auth_hasher_create(MEMORY, 2);

    (void) state;
    assert_false(auth_hasher_verify(h, WD_STR_NULL, password));
    assert_false(auth_hasher_verify(h, WD_STR_NULL, WD_STR("")));
    assert_false(auth_hasher_verify(h, WD_STR("rubbish"), password));
    memset(long_hash, 'x', sizeof(long_hash));
    assert_false(
        auth_hasher_verify(h, wd_str(long_hash, sizeof(long_hash)), password));
    auth_hasher_destroy(h);
}


static void
parameters_that_rise_make_a_hash_stale(void **state)
{
    char           hash[AUTH_PASSWORD_HASH_MAX];
    auth_hasher_t *now = auth_hasher_create(MEMORY, 2);
    auth_hasher_t *passes = auth_hasher_create(MEMORY, 3);
    auth_hasher_t *memory = auth_hasher_create(2 * MEMORY, 2);

    (void) state;
    assert_ok(auth_hasher_hash(now, password, hash));
    assert_false(auth_hasher_stale(now, wd_str_z(hash)));
    assert_true(auth_hasher_stale(passes, wd_str_z(hash)));
    assert_true(auth_hasher_stale(memory, wd_str_z(hash)));
    /* what is stored goes on to be right */
    assert_true(auth_hasher_verify(memory, wd_str_z(hash), password));
    auth_hasher_destroy(now);
    auth_hasher_destroy(passes);
    auth_hasher_destroy(memory);
}


static bool
allowed(const char *text)
{
    wd_error_t err;

    return auth_password_check(wd_str_z(text), WD_STR("ada.byron@example.com"),
                               &err)
           == WD_OK;
}


static void
the_first_that_anybody_tries_are_refused(void **state)
{
    size_t                   i;
    char                     text[AUTH_PASSWORD_MAX + 2];
    static const char *const refused[] = {
        "",
        "short",
        "1234567",
        "12345678",
        "password",
        "PassWord",
        "football",
        "qwertyuiop",
        "1qaz2wsx",
        "trustno1",
        "!qaz2wsx",
        "ada.byron@example.com",
        "ada.byron",
        "ADA.BYRON",
        "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", /* 4 */
        "abcdefg\xff",
    };
    static const char *const fine[] = {
        "correct horse battery",
        "ada.byron1",
        "\xc3\xa9\xc3\xa8\xc3\xa9\xc3\xa8\xc3\xa9\xc3\xa8\xc3\xa9\xc3\xa8",
        "        ",
        "hunter2hunter",
    };

    (void) state;
    for (i = 0; i < wd_array_len(refused); i++) {
        if (allowed(refused[i])) {
            fail_msg("%s is allowed", refused[i]);
        }
    }
    for (i = 0; i < wd_array_len(fine); i++) {
        if (!allowed(fine[i])) {
            fail_msg("%s is refused", fine[i]);
        }
    }

    memset(text, 'x', sizeof(text) - 1);
    text[AUTH_PASSWORD_MAX] = '\0';
    assert_true(allowed(text)); /* and is not cut */
    text[AUTH_PASSWORD_MAX] = 'x';
    text[AUTH_PASSWORD_MAX + 1] = '\0';
    assert_false(allowed(text));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_argon2id),
        cmocka_unit_test(nobody_has_no_password),
        cmocka_unit_test(parameters_that_rise_make_a_hash_stale),
        cmocka_unit_test(the_first_that_anybody_tries_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
