/*
 * One-time passwords against the vectors of RFC 6238, and recovery codes.
 */
#include "auth_key.h"
#include "auth_totp.h"
#include "wd_test.h"

static const uint8_t secret[AUTH_TOTP_SECRET] = "12345678901234567890";


static int
setup(void **state)
{
    (void) state;
    return auth_crypto_init();
}


/* Appendix B of the RFC, whose codes have eight digits. */
static void
codes_are_those_of_the_rfc(void **state)
{
    size_t i;
    char   code[AUTH_TOTP_DIGITS + 1];

    static const struct {
        int64_t     seconds;
        const char *code;
    } rows[] = {
        {59, "94287082"},         {1111111109, "07081804"},
        {1111111111, "14050471"}, {1234567890, "89005924"},
        {2000000000, "69279037"}, {20000000000, "65353130"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        auth_totp_code(secret, rows[i].seconds / 30, code);
        assert_string_equal(code, rows[i].code + 2);
    }
}


static void
clocks_may_differ_by_a_step(void **state)
{
    int     k;
    char    code[AUTH_TOTP_DIGITS + 1];
    int64_t at = 1234567890 / 30;
    wd_ns_t now = at * AUTH_TOTP_STEP;

    (void) state;
    for (k = -3; k <= 3; k++) {
        auth_totp_code(secret, at + k, code);
        assert_int_equal(auth_totp_step(secret, wd_str_z(code), now),
                         k >= -1 && k <= 1 ? at + k : -1);
        assert_int_equal(
            auth_totp_step(secret, wd_str_z(code), now + AUTH_TOTP_STEP - 1),
            k >= -1 && k <= 1 ? at + k : -1);
    }

    auth_totp_code(secret, at, code);
    assert_int_equal(auth_totp_step(secret, wd_str(code, 5), now), -1);
    assert_int_equal(auth_totp_step(secret, WD_STR(""), now), -1);
    assert_int_equal(auth_totp_step(secret, WD_STR("0000000"), now), -1);
    assert_int_equal(auth_totp_step(secret, WD_STR("abcdef"), now), -1);
}


static void
secrets_are_base32(void **state)
{
    char text[AUTH_TOTP_BASE32 + 1];

    (void) state;
    auth_base32(secret, text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
}


static void
recovery_codes_differ(void **state)
{
    int  i;
    char a[AUTH_RECOVERY_LEN + 1], b[AUTH_RECOVERY_LEN + 1];

    (void) state;
    auth_recovery_make(a);
    for (i = 0; i < 1000; i++) {
        auth_recovery_make(b);
        assert_int_equal(strlen(b), AUTH_RECOVERY_LEN);
        assert_int_equal(strspn(b, "23456789abcdefghijkmnpqrstuvwxyz-"),
                         AUTH_RECOVERY_LEN);
        assert_true(b[4] == '-' && b[9] == '-' && b[14] == '-');
        assert_string_not_equal(a, b);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_those_of_the_rfc),
        cmocka_unit_test(clocks_may_differ_by_a_step),
        cmocka_unit_test(secrets_are_base32),
        cmocka_unit_test(recovery_codes_differ),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
