/*
 * Addresses, names and references to users.
 */
#include "auth_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>


static void
addresses(void **state)
{
    size_t                   i;
    static const char *const good[] = {
        "a@b",
        "ada@example.com",
        "first.last+tag@sub.example.co.uk",
        "o'brien@example.ie",
        "admin@localhost",
        "x_1@1.2.3.4",
        "\xc3\xa9t\xc3\xa9@ex\xc3\xa4mple.com",
    };
    static const char *const bad[] = {
        "",        "a",     "@",     "a@",        "@b",       "a@b@c", "a b@c",
        "a@b c",   ".a@b",  "a.@b",  "a..b@c",    "a@.b",     "a@b.",  "a@b..c",
        "a@-b",    "a@b-",  "a@b_c", "\"a\"@b.c", "a@[1.2]",  "a@b\n", "a\t@b",
        "a@b,c@d", "<a@b>", "a;b@c", "\xff@b",    "a@\xc3.c",
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        assert_true(auth_email_valid(wd_str_z(good[i])));
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        if (auth_email_valid(wd_str_z(bad[i]))) {
            fail_msg("taken for an address: %s", bad[i]);
        }
    }
    assert_false(auth_email_valid(WD_STR("a\0b@c.d")));
    assert_false(auth_email_valid(WD_STR("a@b\0.d")));
    assert_false(auth_email_valid(WD_STR_NULL));
}


static void
lengths_of_addresses(void **state)
{
    char buf[400];

    (void) state;
    memset(buf, 'a', sizeof(buf));
    buf[64] = '@';
    assert_true(auth_email_valid(wd_str(buf, 64 + 1 + 63)));
    assert_false(auth_email_valid(wd_str(buf, 64 + 1 + 64))); /* label */

    buf[128] = buf[192] = '.';
    assert_true(auth_email_valid(wd_str(buf, AUTH_EMAIL_MAX)));
    assert_false(auth_email_valid(wd_str(buf, AUTH_EMAIL_MAX + 1)));

    memset(buf, 'a', sizeof(buf));
    buf[65] = '@';
    assert_false(auth_email_valid(wd_str(buf, 70))); /* local part */
}


static void
texts(void **state)
{
    (void) state;
    assert_true(auth_text_valid(WD_STR("a"), 1));
    assert_true(auth_text_valid(WD_STR("Ada L\xc3\xb6velace"), 128));
    assert_false(auth_text_valid(WD_STR(""), 128));
    assert_false(auth_text_valid(WD_STR("ab"), 1));
    assert_false(auth_text_valid(WD_STR("a\nb"), 128));
    assert_false(auth_text_valid(WD_STR("a\0b"), 128));
    assert_false(auth_text_valid(WD_STR("a\x7f"), 128));
    assert_false(auth_text_valid(WD_STR("\xed\xa0\x80"), 128)); /* surrogate */
}


static void
ids(void **state)
{
    size_t                   i;
    int64_t                  id = -7;
    static const char *const bad[] = {
        "",
        "user:",
        "user:0",
        "0",
        "-1",
        "user:-1",
        "1a",
        " 1",
        "key:1",
        "USER:1",
        "9223372036854775808",
        "a@b",
    };

    (void) state;
    assert_true(auth_user_id(WD_STR("12"), &id));
    assert_int_equal(id, 12);
    assert_true(auth_user_id(WD_STR("user:9223372036854775807"), &id));
    assert_true(id == INT64_MAX);

    id = -7;
    for (i = 0; i < wd_array_len(bad); i++) {
        assert_false(auth_user_id(wd_str_z(bad[i]), &id));
    }
    assert_int_equal(id, -7);
}


static void
networks(void **state)
{
    size_t                   i;
    static const char *const good[] = {
        "0.0.0.0/0",     "203.0.113.7",     "203.0.113.7/32", "203.0.113.0/24",
        "10.0.0.0/8",    "128.0.0.0/1",     "::/0",           "::1",
        "2001:db8::/32", "fe80::/10",       "::1/128",        "8000::/1",
        "::ffff:0:0/96", "2001:db8::8/125",
    };
    static const char *const bad[] = {
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/8/8",
        "10.0.0.0/x",
        "10.0.0.1/8",
        "10.0.0/24",
        "10",
        "010.0.0.0/8",
        "256.0.0.0/8",
        "::/129",
        "2001:db8::1/64",
        "2001:db8::9/125",
        "::1%eth0",
        " 10.0.0.0/8",
        "10.0.0.0/8 ",
        "example.com",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999",
        "11111111111111111111111111111111111111111111111111111111111111",
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        if (!auth_network_valid(wd_str_z(good[i]))) {
            fail_msg("\"%s\" was refused", good[i]);
        }
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        if (auth_network_valid(wd_str_z(bad[i]))) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses), cmocka_unit_test(lengths_of_addresses),
        cmocka_unit_test(texts),     cmocka_unit_test(ids),
        cmocka_unit_test(networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
