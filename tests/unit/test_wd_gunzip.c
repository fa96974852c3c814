/*
 * test_wd_gunzip.c - packed files: whole, in parts, cut anywhere, damaged,
 * larger than they may be.
 */
#include "wd_test.h"

#include "wd_gunzip.h"

#include <zlib.h>

#define TEXT_LEN 300000


static void
pack(wd_buf_t *out, wd_str_t text)
{
    uint8_t *p;
    z_stream z = {0};

    assert_int_equal(
        deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    p = wd_buf_reserve(out, text.len + 1024);
    assert_non_null(p);
    z.next_in = (Bytef *) (uintptr_t) text.data;
    z.avail_in = (uInt) text.len;
    z.next_out = p;
    z.avail_out = (uInt) text.len + 1024;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += text.len + 1024 - z.avail_out;
    deflateEnd(&z);
}


static void
make_text(wd_buf_t *out)
{
    size_t i = 0;

    while (out->len < TEXT_LEN) {
        wd_buf_printf(out, "%zu,%zu\n", i, i * 7919 % 1000);
        i++;
    }
}


static void
test_whole(void **state)
{
    wd_buf_t text = WD_BUF_INIT, packed = WD_BUF_INIT, out = WD_BUF_INIT;

    (void) state;
    make_text(&text);
    pack(&packed, wd_buf_view(&text));
    assert_true(wd_is_gzip(wd_buf_view(&packed)));
    assert_ok(wd_gunzip(wd_buf_view(&packed), &out));
    assert_true(wd_str_eq(wd_buf_view(&out), wd_buf_view(&text)));

    /* Another part behind it belongs to the file. */
    wd_buf_reset(&out);
    pack(&packed, WD_STR("the end\n"));
    assert_ok(wd_gunzip(wd_buf_view(&packed), &out));
    assert_int_equal(out.len, text.len + 8);

    wd_buf_reset(&packed);
    wd_buf_reset(&out);
    pack(&packed, WD_STR(""));
    assert_ok(wd_gunzip(wd_buf_view(&packed), &out));
    assert_int_equal(out.len, 0);

    wd_buf_done(&text);
    wd_buf_done(&packed);
    wd_buf_done(&out);
}


static void
test_cut(void **state)
{
    int      rc;
    size_t   n;
    wd_buf_t packed = WD_BUF_INIT, out = WD_BUF_INIT;

    (void) state;
    pack(&packed, WD_STR("timestamp,open\n2024-05-02,1\n"));
    for (n = 0; n < packed.len; n++) {
        wd_buf_reset(&out);
        rc = wd_gunzip(wd_str((const char *) packed.data, n), &out);
        assert_int_equal(rc, n < 2 ? WD_EPROTO : WD_ETRUNC);
    }
    wd_buf_done(&packed);
    wd_buf_done(&out);
}


static void
test_damaged(void **state)
{
    size_t   n;
    wd_buf_t packed = WD_BUF_INIT, out = WD_BUF_INIT;

    (void) state;
    assert_false(wd_is_gzip(WD_STR("START-OF-FILE")));
    assert_int_equal(wd_gunzip(WD_STR("START-OF-FILE"), &out), WD_EPROTO);

    /* The sum at the end is looked at. */
    pack(&packed, WD_STR("timestamp,open\n2024-05-02,1\n"));
    packed.data[packed.len - 8] ^= 1;
    assert_int_equal(wd_gunzip(wd_buf_view(&packed), &out), WD_EPROTO);
    packed.data[packed.len - 8] ^= 1;

    n = packed.len;
    wd_buf_z(&packed, "something else");
    wd_buf_reset(&out);
    assert_int_equal(wd_gunzip(wd_buf_view(&packed), &out), WD_EPROTO);
    assert_true(packed.len > n);
    wd_buf_done(&packed);
    wd_buf_done(&out);
}


static void
test_too_big(void **state)
{
    wd_buf_t text = WD_BUF_INIT, packed = WD_BUF_INIT, out;

    (void) state;
    make_text(&text);
    pack(&packed, wd_buf_view(&text));
    wd_buf_init(&out, TEXT_LEN / 2);
    assert_int_equal(wd_gunzip(wd_buf_view(&packed), &out), WD_ETOOBIG);
    assert_true(out.len <= TEXT_LEN / 2);
    wd_buf_done(&text);
    wd_buf_done(&packed);
    wd_buf_done(&out);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_too_big),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
