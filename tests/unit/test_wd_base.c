/*
 * Strings, UTF-8, hexadecimal, errors, lists, buffers, arenas, maps.
 */
#include "wd_test.h"

#include "wd_list.h"
#include "wd_map.h"
#include "wd_pool.h"


static void
test_str(void **state)
{
    char     small[4];
    wd_str_t s, part;

    (void) state;
    assert_true(wd_str_eq(WD_STR("a"), wd_str_z("a")));
    assert_true(wd_str_eq(WD_STR_NULL, WD_STR("")));
    assert_false(wd_str_eq(WD_STR("a"), WD_STR("ab")));
    assert_false(wd_str_eq(WD_STR("a\0b"), WD_STR("a\0c")));
    assert_true(wd_str_starts(WD_STR("abc"), "ab"));
    assert_true(wd_str_starts(WD_STR("abc"), ""));
    assert_false(wd_str_starts(WD_STR("a"), "ab"));

    wd_str_copy(small, sizeof(small), WD_STR("abcdef"));
    assert_string_equal(small, "abc");
    wd_str_copy(small, sizeof(small), WD_STR_NULL);
    assert_string_equal(small, "");

    assert_true(wd_str_ieq(WD_STR("Accept"), WD_STR("aCCEPT")));
    assert_false(wd_str_ieq(WD_STR("a"), WD_STR("b")));
    assert_false(wd_str_ieq(WD_STR("["), WD_STR("{"))); /* not letters */
    assert_false(wd_str_ieq(WD_STR("@"), WD_STR("`")));
    assert_false(wd_str_ieq(WD_STR("\xc4"), WD_STR("\xe4")));

    s = WD_STR("a,,b");
    assert_true(wd_str_split(&s, ',', &part));
    assert_view(part, "a");
    assert_true(wd_str_split(&s, ',', &part));
    assert_view(part, "");
    assert_true(wd_str_split(&s, ',', &part));
    assert_view(part, "b");
    assert_false(wd_str_split(&s, ',', &part));

    s = WD_STR("a,");
    assert_true(wd_str_split(&s, ',', &part));
    assert_true(wd_str_split(&s, ',', &part));
    assert_view(part, "");
    assert_false(wd_str_split(&s, ',', &part));

    assert_view(wd_str_trim(WD_STR(" \t\r\n a b \n")), "a b");
    assert_view(wd_str_trim(WD_STR(" \t ")), "");
    assert_view(wd_str_trim(WD_STR("\va")), "\va");
    assert_int_equal(wd_str_trim(WD_STR_NULL).len, 0);
}


/* RFC 3629 by its definition: decode, then look at length and range. */
static bool
utf8_slow(const unsigned char *p, size_t n)
{
    size_t   i = 0, k, len;
    uint32_t c;

    while (i < n) {
        len = p[i] < 0x80           ? 1
              : (p[i] >> 5) == 0x06 ? 2
              : (p[i] >> 4) == 0x0e ? 3
              : (p[i] >> 3) == 0x1e ? 4
                                    : 0;
        if (len == 0 || n - i < len) {
            return false;
        }
        c = len == 1 ? p[i] : p[i] & (0x7f >> len);
        for (k = 1; k < len; k++) {
            if ((p[i + k] & 0xc0) != 0x80) {
                return false;
            }
            c = c << 6 | (p[i + k] & 0x3f);
        }
        if ((len == 2 && c < 0x80) || (len == 3 && c < 0x800)
            || (len == 4 && c < 0x10000) || c > 0x10ffff
            || (c >= 0xd800 && c <= 0xdfff)) {
            return false;
        }
        i += len;
    }
    return true;
}


static void
test_utf8(void **state)
{
    unsigned char b[4];
    uint32_t      v;
    size_t        i, n;
    /* lead and continuation bytes at all borders */
    static const unsigned char edge[] = {
        0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0,
        0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0,
        0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xfc, 0xfe, 0xff};
    const size_t e = sizeof(edge);

    (void) state;
    for (v = 0; v < 0x1000000; v += v < 0x10000 ? 1 : 7) {
        b[0] = (unsigned char) v;
        b[1] = (unsigned char) (v >> 8);
        b[2] = (unsigned char) (v >> 16);
        n = v < 0x100 ? 1 : v < 0x10000 ? 2 : 3;
        if (wd_utf8_valid(wd_str((char *) b, n)) != utf8_slow(b, n)) {
            fail_msg("bytes %06x from the lowest", (unsigned) v);
        }
    }
    for (i = 0; i < e * e * e * e; i++) {
        b[0] = edge[i % e];
        b[1] = edge[i / e % e];
        b[2] = edge[i / e / e % e];
        b[3] = edge[i / e / e / e];
        if (wd_utf8_valid(wd_str((char *) b, 4)) != utf8_slow(b, 4)) {
            fail_msg("%02x %02x %02x %02x", b[0], b[1], b[2], b[3]);
        }
    }
    assert_true(wd_utf8_valid(WD_STR_NULL));
    assert_true(wd_utf8_valid(WD_STR("a\0b")));

    for (v = 0; v < 0x110000; v++) {
        if (v < 0xd800 || v >= 0xe000) {
            n = wd_utf8_encode(v, (char *) b);
            assert_true(n == (v < 0x80 ? 1u : v < 0x800 ? 2u : v < 0x10000 ? 3u
                                                                           : 4u)
                        && wd_utf8_valid(wd_str((char *) b, n)));
        }
    }
    assert_int_equal(wd_utf8_encode(0x20ac, (char *) b), 3);
    assert_memory_equal(b, "\xe2\x82\xac", 3);
}


static void
test_name(void **state)
{
    int        c;
    char       one;
    const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789-_.";

    (void) state;
    for (c = 0; c < 256; c++) {
        one = (char) c;
        assert_int_equal(wd_name_valid(wd_str(&one, 1), 8),
                         c != 0 && strchr(good, c) != NULL);
    }
    assert_true(wd_name_valid(WD_STR("a.b-c_D9"), 8));
    assert_false(wd_name_valid(WD_STR("a.b-c_D9"), 7));
    assert_false(wd_name_valid(WD_STR("a b"), 8));
    assert_false(wd_name_valid(WD_STR("ab\0"), 8));
    assert_false(wd_name_valid(WD_STR_NULL, 8));
}


static void
test_hex(void **state)
{
    int     c;
    char    text[9], one[2];
    uint8_t in[4] = {0x00, 0x9f, 0xa0, 0xff}, out[4];

    (void) state;
    wd_hex_encode(in, 4, text);
    assert_string_equal(text, "009fa0ff");
    assert_true(wd_hex_decode(WD_STR("009Fa0fF"), out, 4));
    assert_memory_equal(in, out, 4);
    assert_false(wd_hex_decode(WD_STR("009fa0f"), out, 4));
    assert_false(wd_hex_decode(WD_STR("009fa0ff0"), out, 4));
    assert_true(wd_hex_decode(WD_STR(""), out, 0));
    for (c = 0; c < 256; c++) {
        one[0] = '0';
        one[1] = (char) c;
        assert_int_equal(wd_hex_decode(wd_str(one, 2), out, 1),
                         c != 0 && strchr("0123456789abcdefABCDEF", c) != NULL);
    }
}


static void
test_err(void **state)
{
    size_t               i, k, n;
    wd_error_t           err = {0};
    const wd_err_info_t *table = wd_err_table(&n);

    (void) state;
    assert_true(n >= 29);
    for (i = 0; i < n; i++) {
        assert_true(table[i].code < 0);
        assert_true(table[i].http >= 400 && table[i].http <= 599);
        assert_ptr_equal(wd_err_info(table[i].code), &table[i]);
        for (k = 0; k < i; k++) {
            assert_int_not_equal(table[i].code, table[k].code);
            assert_string_not_equal(table[i].slug, table[k].slug);
        }
    }
    assert_int_equal(wd_err_info(-9998)->code, WD_EINTERNAL);
    assert_int_equal(wd_err_info(7)->code, WD_EINTERNAL);
    assert_int_equal(wd_err_by_http(404)->code, WD_ENOTFOUND);
    assert_int_equal(wd_err_by_http(400)->code, WD_EINVAL);
    assert_null(wd_err_by_http(418));

    assert_int_equal(wd_error(&err, WD_EIO, "%s %d", "x", 5), WD_EIO);
    assert_int_equal(err.code, WD_EIO);
    assert_string_equal(err.text, "x 5");
    assert_int_equal(wd_error(NULL, WD_EIO, "%s", "x"), WD_EIO);
    assert_int_equal(wd_error(&err, WD_EIO, "%*d", 400, 1), WD_EIO);
    assert_int_equal(strlen(err.text), WD_ERROR_TEXT_MAX - 1);
}


static void
test_list(void **state)
{
    wd_list_t head, a, b, c;

    (void) state;
    wd_list_init(&head);
    assert_true(wd_list_empty(&head));
    wd_list_push_back(&head, &b);
    wd_list_push_back(&head, &c);
    wd_list_push_front(&head, &a);
    assert_ptr_equal(head.next, &a);
    assert_ptr_equal(a.next, &b);
    assert_ptr_equal(b.next, &c);
    assert_ptr_equal(head.prev, &c);
    wd_list_remove(&b);
    wd_list_remove(&b);
    assert_ptr_equal(a.next, &c);
    assert_ptr_equal(c.prev, &a);
    assert_true(wd_list_empty(&b));
    wd_list_remove(&a);
    wd_list_remove(&c);
    assert_true(wd_list_empty(&head));
}


static void
test_buf(void **state)
{
    size_t   i;
    wd_buf_t b = WD_BUF_INIT;

    (void) state;
    assert_string_equal(wd_buf_cstr(&b), "");
    for (i = 0; i < 100000; i++) {
        wd_buf_byte(&b, (uint8_t) i);
    }
    assert_int_equal(b.len, 100000);
    for (i = 0; i < b.len; i++) {
        if (b.data[i] != (uint8_t) i) {
            fail_msg("byte %zu", i);
        }
    }
    wd_buf_consume(&b, 99990);
    assert_int_equal(b.len, 10);
    assert_int_equal(b.data[0], (uint8_t) 99990);
    wd_buf_consume(&b, 0);
    assert_int_equal(b.len, 10);
    wd_buf_consume(&b, 11);
    assert_int_equal(b.len, 0);

    wd_buf_printf(&b, "%s-%d", "x", 42);
    wd_buf_printf(&b, "%1000d", 7);
    assert_int_equal(b.len, 1004);
    assert_string_equal(wd_buf_cstr(&b) + 1003, "7");
    assert_int_equal(b.len, 1004);
    wd_buf_append(&b, NULL, 0);
    wd_buf_str(&b, WD_STR_NULL);
    assert_int_equal(b.len, 1004);
    assert_ok(b.err);

    wd_buf_done(&b);
    assert_int_equal(b.len, 0);
    wd_buf_z(&b, "again");
    assert_view(wd_buf_view(&b), "again");
    wd_buf_done(&b);
}


static void
test_buf_limit(void **state)
{
    size_t   i;
    wd_buf_t b;

    (void) state;
    wd_buf_init(&b, 1000);
    for (i = 0; i < 1000; i++) {
        wd_buf_byte(&b, 'x');
    }
    assert_ok(b.err);
    assert_int_equal(b.len, 1000);
    wd_buf_byte(&b, 'y');
    assert_int_equal(b.err, WD_ETOOBIG);
    assert_int_equal(b.len, 1000);

    /* the first failure stays, nothing more is written */
    wd_buf_consume(&b, 500);
    wd_buf_byte(&b, 'z');
    wd_buf_append(&b, "z", 1);
    wd_buf_printf(&b, "z");
    assert_null(wd_buf_reserve(&b, 1));
    assert_int_equal(b.len, 500);
    assert_int_equal(b.err, WD_ETOOBIG);

    wd_buf_reset(&b);
    assert_ok(b.err);
    assert_non_null(wd_buf_reserve(&b, 1000));
    assert_null(wd_buf_reserve(&b, 1001));
    wd_buf_reset(&b);
    wd_buf_append(&b, "12345", 5);
    wd_buf_printf(&b, "%995d", 1);
    assert_ok(b.err);
    assert_int_equal(b.len, 1000);
    wd_buf_done(&b);
    assert_int_equal(b.max, 1000);

    wd_buf_append(&b, "1234567890", 10);
    b.max = 10;
    assert_string_equal(wd_buf_cstr(&b), "1234567890");
    assert_ok(b.err);
    wd_buf_done(&b);

    wd_buf_init(&b, 0);
    assert_null(wd_buf_reserve(&b, SIZE_MAX));
    assert_int_not_equal(b.err, WD_OK);
    wd_buf_done(&b);
    assert_ok(b.err);
}


static void
test_pool(void **state)
{
    size_t     i, n, blocks[] = {0, 1, 64, 4096};
    uint8_t   *p, *last = NULL;
    wd_pool_t *pool;

    (void) state;
    wd_pool_destroy(NULL);
    for (i = 0; i < wd_array_len(blocks); i++) {
        pool = wd_pool_create(blocks[i]);
        assert_non_null(pool);
        for (n = 0; n < 3000; n++) {
            p = wd_pool_alloc(pool, n % 777);
            assert_non_null(p);
            assert_int_equal((uintptr_t) p % _Alignof(max_align_t), 0);
            memset(p, 0xaa, n % 777);
            if (n % 777 != 0) {
                assert_ptr_not_equal(p, last);
                last = p;
            }
        }
        p = wd_pool_calloc(pool, 1000000);
        assert_int_equal((uintptr_t) p % _Alignof(max_align_t), 0);
        for (n = 0; n < 1000000; n++) {
            if (p[n] != 0) {
                fail_msg("not zero");
            }
        }
        assert_string_equal(wd_pool_strdup(pool, WD_STR("abc")), "abc");
        assert_string_equal(wd_pool_strdup(pool, WD_STR_NULL), "");
        assert_null(wd_pool_alloc(pool, SIZE_MAX));
        assert_null(wd_pool_alloc(pool, SIZE_MAX - 16));
        assert_null(wd_pool_calloc(pool, SIZE_MAX - 64));
        wd_pool_destroy(pool);
    }
}


#define KEYS 4000

/* Random operations beside a plain array. */
static void
test_map(void **state)
{
    int       i;
    char      key[64];
    void     *model[KEYS] = {0}, *old, *value;
    size_t    n = 0, k, pos, seen;
    wd_map_t *map = wd_map_create();
    wd_str_t  name;

    (void) state;
    assert_non_null(map);
    for (i = 0; i < 300000; i++) {
        k = wd_test_below(i < 100000 ? KEYS : KEYS / 10);
        name = wd_str(key,
                      (size_t) snprintf(key, sizeof(key), "%*zu%s",
                                        (int) (k % 40), k, k % 3 ? "x" : ""));
        switch (wd_test_below(4)) {
        case 0:
            assert_ptr_equal(wd_map_del(map, name), model[k]);
            n -= model[k] != NULL;
            model[k] = NULL;
            break;
        case 1:
        case 2:
            old = &n;
            value = (void *) (uintptr_t) (i + 1);
            assert_ok(wd_map_set(map, name, value, &old));
            assert_ptr_equal(old, model[k]);
            n += model[k] == NULL;
            model[k] = value;
            memset(key, '#', sizeof(key)); /* the key was copied */
            break;
        default:
            assert_ptr_equal(wd_map_get(map, name), model[k]);
        }
        assert_int_equal(wd_map_len(map), n);
    }

    pos = seen = 0;
    while (wd_map_next(map, &pos, &name, &value)) {
        wd_str_copy(key, sizeof(key), name);
        k = strtoull(key, NULL, 10);
        assert_ptr_equal(model[k], value);
        model[k] = NULL;
        seen++;
    }
    assert_int_equal(seen, n);
    wd_map_destroy(map);
}


static void
test_map_keys(void **state)
{
    int       a, b, c;
    wd_map_t *map = wd_map_create();

    (void) state;
    assert_null(wd_map_get(map, WD_STR("x")));
    assert_null(wd_map_del(map, WD_STR("x")));
    assert_ok(wd_map_set(map, WD_STR(""), &a, NULL));
    assert_ok(wd_map_set(map, WD_STR("a\0b"), &b, NULL));
    assert_ok(wd_map_set(map, WD_STR("a\0c"), &c, NULL));
    assert_ptr_equal(wd_map_get(map, WD_STR_NULL), &a);
    assert_ptr_equal(wd_map_get(map, WD_STR("a\0b")), &b);
    assert_ptr_equal(wd_map_get(map, WD_STR("a\0c")), &c);
    assert_null(wd_map_get(map, WD_STR("a")));
    assert_int_equal(wd_map_len(map), 3);
    wd_map_destroy(map);
    wd_map_destroy(NULL);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_str),      cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_name),     cmocka_unit_test(test_hex),
        cmocka_unit_test(test_err),      cmocka_unit_test(test_list),
        cmocka_unit_test(test_buf),      cmocka_unit_test(test_buf_limit),
        cmocka_unit_test(test_pool),     cmocka_unit_test(test_map),
        cmocka_unit_test(test_map_keys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
