/*
 * The form of a plan's limits, and of a key's networks.
 */
#include "auth_check.h"
#include "wd_test.h"


static void
limits(void **state)
{
    size_t                   i;
    wd_error_t               err;
    static const char *const good[] = {
        "",
        "   ",
        "rate=1/s",
        "rate=200/m burst=20",
        "rate=200/m burst=0",
        "rate=5/s burst=5 rate=100/m rate=1000/h burst=9 rate=5000/d",
        "day=1 month=1000000000",
        "tz=Europe/Paris day=5",
        "concurrency=32",
        "dry_run",
        "  rate=1/s   dry_run ",
    };
    static const char *const bad[] = {
        "rate",
        "rate=",
        "rate=/s",
        "rate=1",
        "rate=1/",
        "rate=1/ms",
        "rate=1/S",
        "rate=0/s",
        "rate=-1/s",
        "rate=+1/s",
        "rate= 1/s",
        "rate=1.5/s",
        "rate=1000000001/s",
        "rate=99999999999999999999/s",
        "rate=1/s/s",
        "burst=1",
        "rate=1/s burst=1 burst=1",
        "rate=1/s burst=",
        "rate=1/s burst=-1",
        "rate=1/s rate=1/m rate=1/h rate=1/d rate=2/s",
        "day=0",
        "day=x",
        "day=1 day=1",
        "month=0",
        "tz=",
        "tz=Nowhere/Land",
        "tz=../../etc/passwd",
        "concurrency=0",
        "dry_run=1",
        "dry_run dry_run",
        "Rate=1/s",
        "rate=1/s;burst=1",
        "rate=1/s\tburst=1",
        "x",
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        err.text[0] = '\0';
        if (auth_limits_check(wd_str_z(good[i]), &err) != WD_OK) {
            fail_msg("\"%s\": %s", good[i], err.text);
        }
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        err.text[0] = '\0';
        if (auth_limits_check(wd_str_z(bad[i]), &err) != WD_EPARAM
            || err.text[0] == '\0') {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}


static void
limits_length(void **state)
{
    char       text[AUTH_LIMITS_MAX + 2];
    wd_error_t err;

    (void) state;
    memset(text, ' ', sizeof(text));
    assert_ok(auth_limits_check(wd_str(text, AUTH_LIMITS_MAX), &err));
    assert_int_equal(auth_limits_check(wd_str(text, AUTH_LIMITS_MAX + 1), &err),
                     WD_EPARAM);
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
        cmocka_unit_test(limits),
        cmocka_unit_test(limits_length),
        cmocka_unit_test(networks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
