/*
 * base64url: one text for every run of bytes, and no other text at all.
 */
#include "wd_test.h"

#include "wd_base64url.h"

#include <sodium.h>


static int
decode(const char *z, uint8_t *out, size_t cap, size_t *n)
{
    return wd_base64url_decode(wd_str_z(z), out, cap, n);
}


/* RFC 4648, section 10, without padding; RFC 7515, appendix C. */
static void
test_figures(void **state)
{
    size_t  i, n;
    char    text[16];
    uint8_t out[16];

    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg"},
        {"fo", "Zm8"},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg"},
        {"fooba", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy"},
        {"\x03\xec\xff\xe0\xc1", "A-z_4ME"},
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_ok(decode(rows[i][1], out, sizeof(out), &n));
        assert_view(wd_str((char *) out, n), rows[i][0]);
        n = wd_base64url_encode((const uint8_t *) rows[i][0],
                                strlen(rows[i][0]), text);
        assert_view(wd_str(text, n), rows[i][1]);
        assert_int_equal(n, WD_BASE64URL_TEXT(strlen(rows[i][0])));
    }
}


/* Against libsodium, both ways, for every length. */
static void
test_same_as_libsodium(void **state)
{
    char    text[700], theirs[700];
    size_t  i, k, n, len;
    uint8_t bytes[500], back[500];

    (void) state;
    for (i = 0; i < 500; i++) {
        for (k = 0; k < i; k++) {
            bytes[k] = (uint8_t) wd_test_below(256);
        }
        len = wd_base64url_encode(bytes, i, text);
        sodium_bin2base64(theirs, sizeof(theirs), bytes, i,
                          sodium_base64_VARIANT_URLSAFE_NO_PADDING);
        assert_view(wd_str(text, len), theirs);
        assert_ok(wd_base64url_decode(wd_str(text, len), back, i, &n));
        assert_int_equal(n, i);
        assert_memory_equal(back, bytes, i);
    }
}


/*
 * All texts of up to three characters: taken when libsodium takes them. It
 * takes some bytes beyond ASCII for letters; these are refused here.
 */
static void
test_every_short_text(void **state)
{
    int      a, b, c, ours, theirs;
    char     text[4];
    size_t   len, n, m;
    uint8_t  out[4], other[4];
    unsigned taken = 0;

    (void) state;
    for (len = 1; len <= 3; len++) {
        for (a = 0; a < 256; a++) {
            for (b = 0; b < (len > 1 ? 256 : 1); b++) {
                for (c = 0; c < (len > 2 ? 256 : 1); c++) {
                    text[0] = (char) a;
                    text[1] = (char) b;
                    text[2] = (char) c;
                    n = m = 0;
                    ours = wd_base64url_decode(wd_str(text, len), out,
                                               sizeof(out), &n);
                    theirs = sodium_base642bin(
                        other, sizeof(other), text, len, NULL, &m, NULL,
                        sodium_base64_VARIANT_URLSAFE_NO_PADDING);
                    if ((a | b | c) >= 128) {
                        theirs = -1;
                    }
                    if ((ours == WD_OK) != (theirs == 0)
                        || (ours == WD_OK
                            && (n != m || memcmp(out, other, n) != 0))) {
                        fail_msg("%d %d %d: %d %d", a, b, c, ours, theirs);
                    }
                    taken += ours == WD_OK;
                }
            }
        }
    }
    assert_int_equal(taken, 256 + 256 * 256); /* one text for each */
}


static void
test_refused(void **state)
{
    size_t  i, n;
    uint8_t out[32];

    static const char *const rows[] = {
        "A",    "AAAAA",  "Zg==",    "Zm8=",  "Zm9v=",  "Zh",
        "Zm9",  "Zm9vYh", "Zm9vYmF", "Zm 9v", "Zm9v\n", "\nZm9v",
        "Zm+v", "Zm/v",   "Zm.v",    "Zm9v.", "====",   "Zm9vZ\xc3\xa9",
    };

    (void) state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (decode(rows[i], out, sizeof(out), &n) != WD_EINVAL) {
            fail_msg("\"%s\" is taken", rows[i]);
        }
    }
    assert_int_equal(wd_base64url_decode(wd_str("Zm9v\0Zm9", 8), out, 32, &n),
                     WD_EINVAL);
    assert_int_equal(decode("Zm9v", out, 2, &n), WD_ETOOBIG);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_same_as_libsodium),
        cmocka_unit_test(test_every_short_text),
        cmocka_unit_test(test_refused),
    };

    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
