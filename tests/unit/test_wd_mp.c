/*
 * MessagePack: every type in every width, cut at every byte, hostile counts.
 */
#include "wd_test.h"

#include "wd_mp.h"

#include <math.h>
#include <msgpack.h>


static void
put_be(wd_buf_t *b, uint64_t v, int n)
{
    while (n-- > 0) {
        wd_buf_byte(b, (uint8_t) (v >> 8 * n));
    }
}


/* Head byte, length or value in n bytes, then `payload` zeros. */
static void
put_head(wd_buf_t *b, int head, uint64_t v, int n, size_t payload)
{
    wd_buf_reset(b);
    wd_buf_byte(b, (uint8_t) head);
    put_be(b, v, n);
    while (payload-- > 0) {
        wd_buf_byte(b, 0);
    }
}


static wd_mp_t
cursor(const wd_buf_t *b)
{
    return wd_mp(b->data, b->len);
}


/* As it stands it is one value; every shorter piece is none. */
static void
check_cut(const wd_buf_t *b)
{
    size_t       n;
    uint8_t     *copy;
    wd_mp_t      c;
    wd_mp_val_t  v;
    wd_mp_scan_t scan, grow;

    c = cursor(b);
    assert_ok(wd_mp_skip(&c));
    assert_ptr_equal(c.p, c.end);

    wd_mp_scan_init(&grow);
    for (n = 0; n <= b->len; n += n < 70 || b->len - n < 70 ? 1 : 61 + b->len / 99) {
        /* an allocation of its own, so that a sanitizer sees what is read */
        copy = malloc(n != 0 ? n : 1);
        memcpy(copy, b->data, n);

        wd_mp_scan_init(&scan);
        c = wd_mp(copy, n);
        if (n < b->len) {
            assert_int_equal(wd_mp_skip(&c), WD_ETRUNC);
            assert_int_equal(wd_mp_scan(&scan, copy, n, SIZE_MAX), WD_EAGAIN);
            assert_int_equal(wd_mp_scan(&grow, copy, n, SIZE_MAX), WD_EAGAIN);
            c = wd_mp(copy, n);
            if (wd_mp_next(&c, &v) != WD_OK) {
                assert_ptr_equal(c.p, copy);
            }
        } else {
            assert_ok(wd_mp_scan(&scan, copy, n, b->len));
            assert_ok(wd_mp_scan(&grow, copy, n, b->len));
            assert_int_equal(scan.pos, b->len);
            assert_int_equal(grow.pos, b->len);
            wd_mp_scan_init(&scan);
            assert_int_equal(wd_mp_scan(&scan, copy, n, b->len - 1),
                             WD_ETOOBIG);
        }
        free(copy);
    }
}


static void
test_ints(void **state)
{
    size_t             i;
    int64_t            back;
    wd_buf_t           b = WD_BUF_INIT;
    wd_mp_t            c;
    wd_mp_val_t        v;
    static const struct {
        int      head, n;
        uint64_t bits;
        int64_t  want;
    } rows[] = {
        {0x00, 0, 0, 0},
        {0x7f, 0, 0, 127},
        {0xe0, 0, 0, -32},
        {0xff, 0, 0, -1},
        {0xcc, 1, 0, 0},
        {0xcc, 1, 255, 255},
        {0xcd, 2, 1, 1},
        {0xcd, 2, 65535, 65535},
        {0xce, 4, 5, 5},
        {0xce, 4, 0xffffffff, 0xffffffff},
        {0xcf, 8, 7, 7},
        {0xcf, 8, INT64_MAX, INT64_MAX},
        {0xd0, 1, 0x80, -128},
        {0xd0, 1, 0x7f, 127},
        {0xd1, 2, 0x8000, -32768},
        {0xd1, 2, 5, 5},
        {0xd2, 4, 0x80000000, INT32_MIN},
        {0xd3, 8, 0x8000000000000000, INT64_MIN},
        {0xd3, 8, 1, 1},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        put_head(&b, rows[i].head, rows[i].bits, rows[i].n, 0);
        check_cut(&b);
        c = cursor(&b);
        assert_ok(wd_mp_next(&c, &v));
        assert_int_equal(v.type, WD_MP_INT);
        assert_true(v.v.i == rows[i].want);
        c = cursor(&b);
        assert_ok(wd_mp_read_int(&c, &back));
        assert_true(back == rows[i].want);
    }

    put_head(&b, 0xcf, (uint64_t) INT64_MAX + 1, 8, 0);
    c = cursor(&b);
    assert_ok(wd_mp_next(&c, &v));
    assert_int_equal(v.type, WD_MP_UINT);
    assert_true(v.v.u == (uint64_t) INT64_MAX + 1);
    c = cursor(&b);
    assert_int_equal(wd_mp_read_int(&c, &back), WD_EPROTO);

    for (i = 0; i < 20000; i++) {
        wd_buf_reset(&b);
        back = (int64_t) (wd_test_random() >> wd_test_below(64));
        back = i & 1 ? -back : back;
        wd_mp_put_int(&b, back);
        c = cursor(&b);
        assert_ok(wd_mp_next(&c, &v));
        assert_true(v.type == WD_MP_INT && v.v.i == back && c.p == c.end);
        wd_buf_reset(&b);
        wd_mp_put_uint(&b, (uint64_t) back);
        c = cursor(&b);
        assert_ok(wd_mp_next(&c, &v));
        assert_true(v.v.u == (uint64_t) back);
    }
    wd_buf_done(&b);
}


static void
test_numbers(void **state)
{
    int          i;
    double       f, d;
    uint64_t     bits;
    wd_buf_t     b = WD_BUF_INIT;
    wd_mp_t      c;
    wd_mp_val_t  v;

    (void) state;
    for (i = 0; i < 5000; i++) {
        bits = wd_test_random();
        memcpy(&f, &bits, sizeof(f));
        wd_buf_reset(&b);
        wd_mp_put_num(&b, f);
        check_cut(&b);
        c = cursor(&b);
        assert_ok(wd_mp_next(&c, &v));
        assert_true(v.type == WD_MP_FLOAT);
        assert_memory_equal(&v.v.f, &f, sizeof(f));
    }

    put_head(&b, 0xca, 0x3fc00000, 4, 0); /* float32 1.5 */
    check_cut(&b);
    c = cursor(&b);
    assert_ok(wd_mp_read_num(&c, &d));
    assert_true(d == 1.5);

    put_head(&b, 0xd0, 0xfe, 1, 0);
    c = cursor(&b);
    assert_ok(wd_mp_read_num(&c, &d));
    assert_true(d == -2);
    wd_buf_done(&b);
}


static void
test_bytes(void **state)
{
    size_t      i, lens[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};
    char       *text = calloc(1, 70000);
    wd_buf_t    b = WD_BUF_INIT;
    wd_mp_t     c;
    wd_str_t    s;
    wd_mp_val_t v;
    static const struct {
        int          head, n;
        wd_mp_type_e type;
    } rows[] = {
        {0xd9, 1, WD_MP_STR}, {0xda, 2, WD_MP_STR}, {0xdb, 4, WD_MP_STR},
        {0xc4, 1, WD_MP_BIN}, {0xc5, 2, WD_MP_BIN}, {0xc6, 4, WD_MP_BIN},
    };
    size_t k;

    (void) state;
    memset(text, 'x', 70000);
    for (i = 0; i < wd_array_len(lens); i++) {
        wd_buf_reset(&b);
        wd_mp_put_str(&b, wd_str(text, lens[i]));
        check_cut(&b);
        c = cursor(&b);
        assert_ok(wd_mp_read_str(&c, &s));
        assert_true(wd_str_eq(s, wd_str(text, lens[i])));
        c = cursor(&b);
        assert_ok(wd_mp_read_bytes(&c, &s));

        wd_buf_reset(&b);
        wd_mp_put_bin(&b, text, lens[i]);
        check_cut(&b);
        c = cursor(&b);
        assert_int_equal(wd_mp_read_str(&c, &s), WD_EPROTO);
        c = cursor(&b);
        assert_ok(wd_mp_read_bytes(&c, &s));
        assert_int_equal(s.len, lens[i]);

        for (k = 0; k < wd_array_len(rows); k++) {
            if (lens[i] >> (8 * rows[k].n) != 0) {
                continue;
            }
            put_head(&b, rows[k].head, lens[i], rows[k].n, lens[i]);
            check_cut(&b);
            c = cursor(&b);
            assert_ok(wd_mp_next(&c, &v));
            assert_int_equal(v.type, rows[k].type);
            assert_int_equal(v.v.s.len, lens[i]);
            assert_ptr_equal(c.p, c.end);
        }
    }
    wd_buf_reset(&b);
    wd_mp_put_z(&b, "abc");
    assert_memory_equal(b.data, "\xa3" "abc", 4);

    /* declared lengths that nobody could send */
    for (k = 0; k < wd_array_len(rows); k++) {
        put_head(&b, rows[k].head, UINT32_MAX, rows[k].n, 3);
        c = cursor(&b);
        assert_int_equal(wd_mp_next(&c, &v), WD_ETRUNC);
        assert_ptr_equal(c.p, b.data);
    }
    free(text);
    wd_buf_done(&b);
}


static void
test_ext(void **state)
{
    size_t      i, fix[] = {1, 2, 4, 8, 16};
    wd_buf_t    b = WD_BUF_INIT;
    wd_mp_t     c;
    wd_mp_val_t v;

    (void) state;
    for (i = 0; i < 5; i++) {
        put_head(&b, 0xd4 + (int) i, 0x85, 1, fix[i]);
        check_cut(&b);
        c = cursor(&b);
        assert_ok(wd_mp_next(&c, &v));
        assert_int_equal(v.type, WD_MP_EXT);
        assert_int_equal(v.ext, (int8_t) 0x85);
        assert_int_equal(v.v.s.len, fix[i]);
    }
    for (i = 0; i < 3; i++) {
        put_head(&b, 0xc7 + (int) i, 5, 1 << i, 6); /* type and 5 bytes */
        b.data[1 + (1 << i)] = 42;
        check_cut(&b);
        c = cursor(&b);
        assert_ok(wd_mp_next(&c, &v));
        assert_int_equal(v.type, WD_MP_EXT);
        assert_int_equal(v.ext, 42);
        assert_int_equal(v.v.s.len, 5);
    }
    wd_buf_done(&b);
}


static void
test_small(void **state)
{
    bool        flag = false;
    wd_buf_t    b = WD_BUF_INIT;
    wd_mp_t     c;
    wd_mp_val_t v;

    (void) state;
    wd_mp_put_nil(&b);
    wd_mp_put_bool(&b, true);
    wd_mp_put_bool(&b, false);
    assert_memory_equal(b.data, "\xc0\xc3\xc2", 3);
    c = cursor(&b);
    assert_true(wd_mp_read_nil(&c));
    assert_false(wd_mp_read_nil(&c));
    assert_ok(wd_mp_read_bool(&c, &flag));
    assert_true(flag);
    assert_ok(wd_mp_next(&c, &v));
    assert_true(v.type == WD_MP_BOOL && !v.v.b);
    assert_int_equal(wd_mp_next(&c, &v), WD_ETRUNC);
    assert_false(wd_mp_read_nil(&c));

    c = wd_mp("\xc1", 1);
    assert_int_equal(wd_mp_next(&c, &v), WD_EPROTO);
    c = wd_mp("\xc1", 1);
    assert_int_equal(wd_mp_skip(&c), WD_EPROTO);
    c = wd_mp("\x93\x01\xc1\x01", 4);
    assert_int_equal(wd_mp_skip(&c), WD_EPROTO);
    wd_buf_done(&b);
}


/* Every typed read refuses every other type. */
static void
test_types(void **state)
{
    static const struct {
        const char  *bytes;
        size_t       len;
        wd_mp_type_e type;
    } rows[] = {
        {"\xc0", 1, WD_MP_NIL},         {"\xc3", 1, WD_MP_BOOL},
        {"\x05", 1, WD_MP_INT},         {"\xa1x", 2, WD_MP_STR},
        {"\xc4\x01x", 3, WD_MP_BIN},    {"\x90", 1, WD_MP_ARRAY},
        {"\x80", 1, WD_MP_MAP},         {"\xd4\x01x", 3, WD_MP_EXT},
        {"\xcb\0\0\0\0\0\0\0\0", 9, WD_MP_FLOAT},
        {"\xcf\xff\0\0\0\0\0\0\0", 9, WD_MP_UINT},
    };
    bool        flag;
    double      d;
    size_t      i;
    int64_t     n;
    uint32_t    count;
    wd_str_t    s;
    wd_mp_t     c;
    wd_mp_val_t v;

#define expect(call, good)                                                     \
    do {                                                                       \
        c = wd_mp(rows[i].bytes, rows[i].len);                                 \
        assert_int_equal(call, good ? WD_OK : WD_EPROTO);                      \
    } while (0)

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        wd_mp_type_e t = rows[i].type;

        c = wd_mp(rows[i].bytes, rows[i].len);
        assert_ok(wd_mp_next(&c, &v));
        assert_int_equal(v.type, t);
        expect(wd_mp_read_array(&c, &count), t == WD_MP_ARRAY);
        expect(wd_mp_read_map(&c, &count), t == WD_MP_MAP);
        expect(wd_mp_read_str(&c, &s), t == WD_MP_STR);
        expect(wd_mp_read_bytes(&c, &s), t == WD_MP_STR || t == WD_MP_BIN);
        expect(wd_mp_read_int(&c, &n), t == WD_MP_INT);
        expect(wd_mp_read_bool(&c, &flag), t == WD_MP_BOOL);
        if (t != WD_MP_UINT) {
            expect(wd_mp_read_num(&c, &d), t == WD_MP_INT || t == WD_MP_FLOAT);
        }
    }
}


static void
test_containers(void **state)
{
    size_t      i, k, lens[] = {0, 1, 15, 16, 255, 65535, 65536};
    uint32_t    n;
    wd_buf_t    b = WD_BUF_INIT;
    wd_mp_t     c;
    wd_mp_val_t v;

    (void) state;
    for (i = 0; i < wd_array_len(lens); i++) {
        wd_buf_reset(&b);
        wd_mp_put_array(&b, (uint32_t) lens[i]);
        for (k = 0; k < lens[i]; k++) {
            wd_mp_put_int(&b, 1);
        }
        check_cut(&b);
        c = cursor(&b);
        assert_ok(wd_mp_read_array(&c, &n));
        assert_int_equal(n, lens[i]);
        assert_int_equal(c.end - c.p, lens[i]);

        wd_buf_reset(&b);
        wd_mp_put_map(&b, (uint32_t) lens[i]);
        for (k = 0; k < 2 * lens[i]; k++) {
            wd_mp_put_nil(&b);
        }
        check_cut(&b);
        c = cursor(&b);
        assert_ok(wd_mp_next(&c, &v));
        assert_int_equal(v.type, WD_MP_MAP);
        assert_int_equal(v.v.count, lens[i]);
    }

    put_head(&b, 0xdd, 1, 4, 1); /* a wide head for a short array */
    check_cut(&b);
    put_head(&b, 0xde, 1, 2, 2);
    check_cut(&b);
    put_head(&b, 0xdf, 1, 4, 2);
    check_cut(&b);
    wd_buf_done(&b);
}


/* Counts that no input could hold are refused at the head, at once. */
static void
test_counts(void **state)
{
    static const struct {
        int      head, n;
        uint64_t count;
    } rows[] = {
        {0xdc, 2, 65535},      {0xdd, 4, 262145},   {0xdd, 4, UINT32_MAX},
        {0xdd, 4, 0x80000000}, {0xde, 2, 65535},    {0xdf, 4, 131073},
        {0xdf, 4, UINT32_MAX}, {0xdf, 4, 0x80000000},
        {0xc6, 4, UINT32_MAX}, {0xdb, 4, 262145},   {0xc9, 4, UINT32_MAX},
        {0xc6, 4, 262144},
    };
    size_t       i;
    wd_buf_t     b = WD_BUF_INIT;
    wd_mp_t      c;
    wd_mp_scan_t s;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        put_head(&b, rows[i].head, rows[i].count, rows[i].n,
                 rows[i].head == 0xc9);
        wd_mp_scan_init(&s);
        assert_int_equal(wd_mp_scan(&s, b.data, b.len,
                                    rows[i].head == 0xdc   ? 65535
                                    : rows[i].head == 0xde ? 131070
                                                           : 262144),
                         WD_ETOOBIG);
        c = cursor(&b);
        assert_int_equal(wd_mp_skip(&c), WD_ETRUNC);
    }

    /* inside: what is declared adds up */
    wd_mp_scan_init(&s);
    assert_int_equal(wd_mp_scan(&s, (const uint8_t *) "\x93\xdc\x00\x10", 4,
                                100),
                     WD_EAGAIN);
    wd_buf_reset(&b);
    wd_mp_put_array(&b, 2);
    wd_mp_put_array(&b, 60);
    wd_mp_scan_init(&s);
    assert_int_equal(wd_mp_scan(&s, b.data, b.len, 70), WD_EAGAIN);
    wd_buf_done(&b);
}


static void
test_depth(void **state)
{
    int          i, d;
    wd_mp_t      c;
    wd_buf_t     b = WD_BUF_INIT;
    wd_mp_scan_t s;

    (void) state;
    for (d = WD_MP_DEPTH_MAX - 2; d <= WD_MP_DEPTH_MAX + 2; d++) {
        wd_buf_reset(&b);
        for (i = 0; i < d; i++) {
            if (i & 1) {
                wd_mp_put_map(&b, 1);
                wd_mp_put_nil(&b);
            } else {
                wd_mp_put_array(&b, 1);
            }
        }
        wd_mp_put_nil(&b);
        wd_mp_scan_init(&s);
        c = cursor(&b);
        assert_int_equal(wd_mp_scan(&s, b.data, b.len, SIZE_MAX),
                         d <= WD_MP_DEPTH_MAX ? WD_OK : WD_EPROTO);
        assert_int_equal(wd_mp_skip(&c),
                         d <= WD_MP_DEPTH_MAX ? WD_OK : WD_EPROTO);
    }

    /* ever deeper */
    wd_buf_reset(&b);
    for (i = 0; i < 100000; i++) {
        wd_buf_byte(&b, 0x91);
    }
    wd_mp_scan_init(&s);
    assert_int_equal(wd_mp_scan(&s, b.data, b.len, SIZE_MAX), WD_EPROTO);
    c = cursor(&b);
    assert_int_equal(wd_mp_skip(&c), WD_EPROTO);

    /* an empty array is one, too */
    for (d = WD_MP_DEPTH_MAX - 1; d <= WD_MP_DEPTH_MAX; d++) {
        wd_buf_reset(&b);
        for (i = 0; i < d; i++) {
            wd_mp_put_array(&b, 1);
        }
        wd_mp_put_map(&b, 0);
        wd_mp_scan_init(&s);
        assert_int_equal(wd_mp_scan(&s, b.data, b.len, SIZE_MAX),
                         d < WD_MP_DEPTH_MAX ? WD_OK : WD_EPROTO);
    }

    /* many after each other are not deep */
    wd_buf_reset(&b);
    wd_mp_put_array(&b, 10000);
    for (i = 0; i < 10000; i++) {
        wd_mp_put_array(&b, 1);
        wd_mp_put_map(&b, 0);
    }
    wd_mp_scan_init(&s);
    assert_ok(wd_mp_scan(&s, b.data, b.len, b.len));
    wd_buf_done(&b);
}


static void
test_map_find(void **state)
{
    int64_t  v;
    wd_buf_t b = WD_BUF_INIT;
    wd_mp_t  at;

    (void) state;
    wd_mp_put_map(&b, 5);
    wd_mp_put_z(&b, "a");
    wd_mp_put_array(&b, 2); /* a "b" that is not a key */
    wd_mp_put_z(&b, "b");
    wd_mp_put_int(&b, 1);
    wd_mp_put_z(&b, "b");
    wd_mp_put_int(&b, 2);
    wd_mp_put_int(&b, 7); /* a key that is no text is stepped over */
    wd_mp_put_nil(&b);
    wd_mp_put_z(&b, "c");
    wd_mp_put_map(&b, 1);
    wd_mp_put_z(&b, "d");
    wd_mp_put_int(&b, 3);
    wd_mp_put_z(&b, "bc");
    wd_mp_put_int(&b, 4);

    assert_ok(wd_mp_map_find(cursor(&b), "b", &at));
    assert_ok(wd_mp_read_int(&at, &v));
    assert_int_equal(v, 2);
    assert_ok(wd_mp_map_find(cursor(&b), "bc", &at));
    assert_ok(wd_mp_read_int(&at, &v));
    assert_int_equal(v, 4);
    assert_int_equal(wd_mp_map_find(cursor(&b), "d", &at), WD_ENOTFOUND);
    assert_int_equal(wd_mp_map_find(cursor(&b), "", &at), WD_ENOTFOUND);
    assert_int_equal(wd_mp_map_find(wd_mp("\x90", 1), "a", &at), WD_EPROTO);
    assert_int_equal(wd_mp_map_find(wd_mp("\x82\xa1x\x01", 4), "a", &at),
                     WD_ETRUNC);
    assert_int_equal(wd_mp_map_find(wd_mp("", 0), "a", &at), WD_ETRUNC);
    wd_buf_done(&b);
}


/* Another writer and another reader agree with ours. */
static void
random_value(msgpack_packer *pk, int depth)
{
    char     text[300] = {0};
    size_t   n, i;
    uint64_t r = wd_test_random();

    switch (r % (depth < 5 ? 12 : 9)) {
    case 0:
        msgpack_pack_nil(pk);
        break;
    case 1:
        msgpack_pack_true(pk);
        break;
    case 2:
        msgpack_pack_int64(pk, (int64_t) wd_test_random());
        break;
    case 3:
        msgpack_pack_uint64(pk, wd_test_random());
        break;
    case 4:
        msgpack_pack_float(pk, 1.25f);
        break;
    case 5:
        msgpack_pack_double(pk, (double) r);
        break;
    case 6:
        n = wd_test_below(300);
        msgpack_pack_str(pk, n);
        msgpack_pack_str_body(pk, text, n);
        break;
    case 7:
        n = wd_test_below(300);
        msgpack_pack_bin(pk, n);
        msgpack_pack_bin_body(pk, text, n);
        break;
    case 8:
        n = 1 + wd_test_below(20);
        msgpack_pack_ext(pk, n, 5);
        msgpack_pack_ext_body(pk, text, n);
        break;
    case 9:
        n = wd_test_below(20);
        msgpack_pack_map(pk, n);
        for (i = 0; i < 2 * n; i++) {
            random_value(pk, depth + 1);
        }
        break;
    default:
        n = wd_test_below(20);
        msgpack_pack_array(pk, n);
        for (i = 0; i < n; i++) {
            random_value(pk, depth + 1);
        }
    }
}


static void
test_other_writer(void **state)
{
    int             i;
    wd_mp_t         c;
    wd_mp_scan_t    s;
    msgpack_sbuffer buf;
    msgpack_packer  pk;

    (void) state;
    for (i = 0; i < 300; i++) {
        msgpack_sbuffer_init(&buf);
        msgpack_packer_init(&pk, &buf, msgpack_sbuffer_write);
        random_value(&pk, 0);
        c = wd_mp(buf.data, buf.size);
        assert_ok(wd_mp_skip(&c));
        assert_ptr_equal(c.p, c.end);
        wd_mp_scan_init(&s);
        assert_ok(wd_mp_scan(&s, (uint8_t *) buf.data, buf.size, buf.size));
        assert_int_equal(s.pos, buf.size);
        msgpack_sbuffer_destroy(&buf);
    }
}


/* Writing into a full buffer keeps the error. */
static void
test_full(void **state)
{
    wd_buf_t b;

    (void) state;
    wd_buf_init(&b, 4);
    wd_mp_put_z(&b, "too long");
    assert_int_equal(b.err, WD_ETOOBIG);
    wd_mp_put_nil(&b);
    assert_int_equal(b.err, WD_ETOOBIG);
    wd_buf_done(&b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ints),     cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bytes),    cmocka_unit_test(test_ext),
        cmocka_unit_test(test_small),    cmocka_unit_test(test_types),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_counts),   cmocka_unit_test(test_depth),
        cmocka_unit_test(test_map_find), cmocka_unit_test(test_other_writer),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
