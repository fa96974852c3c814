/*
 * What a client wrote, in logs: no key, no token, valid UTF-8, never longer
 * than there is room.
 */
#include "wd_test.h"

#include "wd_mask.h"

#define KEY "wd_live_0123456789abcdefghijABCDEFGHIJ01ABCDEF"

static char out[512];


static const char *
mask(wd_str_t s, size_t cap)
{
    size_t n = wd_mask(s, out, cap);

    assert_true(n <= cap);
    assert_true(wd_utf8_valid(wd_str(out, n)));
    out[n] = '\0';
    return out;
}


static const char *
mask_z(const char *z)
{
    return mask(wd_str_z(z), sizeof(out) - 1);
}


static void
test_plain(void **state)
{
    size_t                   i;
    static const char *const plain[] = {
        "",
        "/v1/bars",
        "curl/8.0 (x; y) \"q\" \\",
        ("Gr\xc3\xbc\xc3\x9f"
         "e"),
        "\xe2\x82\xac \xf0\x9f\x92\xb9",
        "wd_",
        "wd_live",
        "eyJ",
        "eyJ.short",
        "keyJournal",
        "a\tb\x01\x7f",
    };

    (void) state;
    for (i = 0; i < wd_array_len(plain); i++) {
        assert_false(wd_mask_needed(wd_str_z(plain[i])));
        assert_string_equal(mask_z(plain[i]), plain[i]);
    }
}


static void
test_secrets(void **state)
{
    size_t i;
    char   text[sizeof(KEY)];

    (void) state;
    assert_string_equal(mask_z("/v1/" KEY "/x"), "/v1/wd_live_***/x");
    assert_string_equal(mask_z("a=" KEY "&b=wd_test_zz"),
                        "a=wd_live_***&b=wd_test_***");
    assert_string_equal(mask_z("x" KEY), "xwd_live_***");
    assert_string_equal(mask_z("Bearer eyJhbGciOiJFUzI1NiJ9.eyJz-dW_I.c2ln"),
                        "Bearer eyJ***");
    assert_true(wd_mask_needed(WD_STR(KEY)));

    /* also of a key that is cut, nothing random is left */
    for (i = 8; i < sizeof(KEY); i++) {
        wd_str_copy(text, i + 1, WD_STR(KEY));
        assert_string_equal(mask_z(text), "wd_live_***");
    }
}


static void
test_bytes(void **state)
{
    int  i;
    char c[3] = {'a', 0, 'b'};

    (void) state;
    for (i = 0x80; i < 0x100; i++) {
        c[1] = (char) i;
        assert_true(wd_mask_needed(wd_str(c, 3)));
        assert_string_equal(mask(wd_str(c, 3), 10), "a\xef\xbf\xbd"
                                                    "b");
    }
    assert_string_equal(mask_z("\xed\xa0\x80"), /* a surrogate */
                        "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(mask_z("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(mask_z("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
}


static void
test_room(void **state)
{
    size_t cap;

    (void) state;
    for (cap = 0; cap < 40; cap++) {
        mask(WD_STR("ab" KEY "\xe2\x82\xac\xff\xf0\x9f\x92\xb9 end"), cap);
        assert_null(strstr(out, "0123"));
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
