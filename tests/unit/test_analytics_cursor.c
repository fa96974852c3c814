/*
 * Cursors: there and back, every damage seen, arguments told apart.
 */
#include "analytics_cursor.h"
#include "wd_test.h"


static analytics_cursor_t
sample(const char *key)
{
    analytics_cursor_t c = {.args = {1, 2, 3, 4, 5, 6, 7, 8},
                            .as_of = INT64_C(1717372800000000001),
                            .t = -WD_NS_PER_DAY};

    assert_ok(analytics_cursor_set_key(&c, wd_str_z(key)));
    return c;
}


static void
test_round_trip(void **state)
{
    static const char *const keys[] = {"", "IBM", "A NY.GDP.MKTP.CD", "\xff"};
    char                     text[ANALYTICS_CURSOR_TEXT_MAX];
    analytics_cursor_t       c, back;
    size_t                   i, n;

    (void) state;
    for (i = 0; i < wd_array_len(keys); i++) {
        c = sample(keys[i]);
        n = analytics_cursor_write(&c, text);
        assert_int_equal(n, strlen(text));
        assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijkl"
                                      "mnopqrstuvwxyz0123456789-_"),
                         n);
        assert_ok(analytics_cursor_read(wd_str(text, n), &back));
        assert_memory_equal(back.args, c.args, 8);
        assert_true(back.as_of == c.as_of && back.t == c.t);
        assert_string_equal(back.key, keys[i]);
    }
}


static void
test_longest(void **state)
{
    char               key[ANALYTICS_CURSOR_KEY_MAX + 2];
    char               text[ANALYTICS_CURSOR_TEXT_MAX];
    analytics_cursor_t c = sample(""), back;
    size_t             n;

    (void) state;
    memset(key, 'k', sizeof(key));
    assert_int_equal(
        analytics_cursor_set_key(&c, wd_str(key, sizeof(key) - 1)),
        WD_ETOOBIG);
    assert_ok(
        analytics_cursor_set_key(&c, wd_str(key, ANALYTICS_CURSOR_KEY_MAX)));
    n = analytics_cursor_write(&c, text);
    assert_true(n < ANALYTICS_CURSOR_TEXT_MAX);
    assert_ok(analytics_cursor_read(wd_str(text, n), &back));
    assert_int_equal(back.key_len, ANALYTICS_CURSOR_KEY_MAX);
}


/* Every single character changed or cut off is refused. */
static void
test_damage(void **state)
{
    char               text[ANALYTICS_CURSOR_TEXT_MAX], c;
    analytics_cursor_t cursor = sample("IBM"), back;
    size_t             i, n;

    (void) state;
    n = analytics_cursor_write(&cursor, text);

    for (i = 0; i < n; i++) {
        c = text[i];
        text[i] = c == 'A' ? 'B' : 'A';
        assert_int_equal(analytics_cursor_read(wd_str(text, n), &back),
                         WD_EPARAM);
        text[i] = '=';
        assert_int_equal(analytics_cursor_read(wd_str(text, n), &back),
                         WD_EPARAM);
        text[i] = c;
        assert_int_equal(analytics_cursor_read(wd_str(text, i), &back),
                         WD_EPARAM);
    }
    assert_ok(analytics_cursor_read(wd_str(text, n), &back));
    text[n] = 'A';
    assert_int_equal(analytics_cursor_read(wd_str(text, n + 1), &back),
                     WD_EPARAM);
}


typedef struct {
    const char *symbol;
    int64_t     limit;
    const char *cursor;
    bool        swapped;
} args_t;


static void
hash(const char *method, args_t a, uint8_t ret[8])
{
    wd_buf_t b;
    int      i;

    wd_buf_init(&b, 0);
    wd_mp_put_map(&b, 3 + (a.cursor != NULL));
    for (i = 0; i < 2; i++) {
        if ((i == 0) != a.swapped) {
            wd_mp_put_z(&b, "symbol");
            wd_mp_put_z(&b, a.symbol);
        } else {
            wd_mp_put_z(&b, "from");
            wd_mp_put_int(&b, 7);
        }
    }
    wd_mp_put_z(&b, "limit");
    wd_mp_put_int(&b, a.limit);
    if (a.cursor != NULL) {
        wd_mp_put_z(&b, "cursor");
        wd_mp_put_z(&b, a.cursor);
    }

    assert_ok(analytics_cursor_args(method, wd_mp(b.data, b.len), ret));
    wd_buf_done(&b);
}


static void
test_args(void **state)
{
    uint8_t a[8], b[8];
    wd_mp_t none = wd_mp("\xc0", 1), broken = wd_mp("\x82\xa1x", 3);

    (void) state;
    hash("m", (args_t){"IBM", 5, NULL, false}, a);
    hash("m", (args_t){"IBM", 6, "c", true}, b);
    assert_memory_equal(a, b, 8);
    hash("m", (args_t){"IBN", 5, NULL, false}, b);
    assert_memory_not_equal(a, b, 8);
    hash("n", (args_t){"IBM", 5, NULL, false}, b);
    assert_memory_not_equal(a, b, 8);

    assert_int_equal(analytics_cursor_args("m", none, a), WD_EPARAM);
    assert_int_equal(analytics_cursor_args("m", broken, a), WD_EPARAM);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_longest),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_args),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
