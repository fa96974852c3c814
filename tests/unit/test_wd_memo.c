/*
 * What is remembered is what was put there, for exactly that text.
 */
#include "wd_test.h"

#include "wd_memo.h"


static size_t
text_of(uint64_t n, uint8_t *out)
{
    size_t i, len = 1 + n % 48;

    for (i = 0; i < len; i++) {
        out[i] = (uint8_t) (n >> (i % 4 * 8));
    }
    return len;
}


/* Far more texts than slots: a digest is never another text's. */
static void
test_never_another(void **state)
{
    bool       known;
    size_t     len;
    uint8_t    text[64], *digest;
    uint64_t   i, n, hits = 0;
    wd_memo_t *m = wd_memo_create(64, 40);

    (void) state;
    assert_non_null(m);
    for (i = 0; i < 200000; i++) {
        n = wd_test_below(i % 2 ? 50 : 5000);
        len = text_of(n, text);
        digest = wd_memo(m, text, len, &known);
        if (len > 40) {
            assert_null(digest);
            continue;
        }

        assert_non_null(digest);
        if (known) {
            hits++;
            assert_memory_equal(digest, &len, sizeof(len));
            assert_memory_equal(digest + 8, text, wd_min(len, (size_t) 24));
        } else {
            memset(digest, 0, WD_MEMO_DIGEST);
            memcpy(digest, &len, sizeof(len));
            memcpy(digest + 8, text, wd_min(len, (size_t) 24));
        }
    }
    assert_true(hits > 1000);
    wd_memo_destroy(m);
    wd_memo_destroy(NULL);
}


static void
test_bounds(void **state)
{
    bool       known = true;
    uint8_t    text[9] = "12345678";
    wd_memo_t *m = wd_memo_create(1, 8);

    (void) state;
    assert_null(wd_memo(m, text, 0, &known));
    assert_null(wd_memo(m, text, 9, &known));
    assert_non_null(wd_memo(m, text, 8, &known));
    assert_false(known);
    assert_non_null(wd_memo(m, text, 8, &known));
    assert_true(known);
    assert_non_null(wd_memo(m, text, 7, &known));
    assert_false(known);
    wd_memo_destroy(m);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_another),
        cmocka_unit_test(test_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
