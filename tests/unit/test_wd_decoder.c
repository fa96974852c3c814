/*
 * test_wd_decoder.c - codings of bodies: in any pieces,
 * several members, damage, what stands behind the end, bombs.
 */
#include "wd_test.h"

#include "wd_decoder.h"

#include <zlib.h>
#include <zstd.h>

#define MAX (1024 * 1024)

/* A body in pieces. */
typedef struct {
    wd_str_t left;
    size_t   piece;
    int      fail; /* the code in the place of the end */
} source_t;


static int
source(void *arg, void *buf, size_t cap, size_t *ret_n, wd_error_t *err)
{
    source_t *s = arg;

    *ret_n = wd_min(wd_min(s->piece, cap), s->left.len);
    if (*ret_n == 0 && s->fail != WD_OK) {
        return wd_error(err, s->fail, "gone");
    }
    memcpy(buf, s->left.data, *ret_n);
    s->left.data += *ret_n;
    s->left.len -= *ret_n;
    return WD_OK;
}


static int
decode(const char *coding, wd_str_t body, size_t piece, size_t cap, int fail,
       int64_t max, wd_buf_t *out, wd_error_t *err)
{
    int           rc;
    char         *buf = malloc(cap);
    size_t        n;
    source_t      s = {body, piece, fail};
    wd_decoder_t *d;

    assert_non_null(buf);
    wd_buf_reset(out);
    memset(err, 0, sizeof(*err));
    assert_ok(wd_decoder_create(wd_str_z(coding), max, source, &s, &d, err));
    while ((rc = wd_decoder_read(d, buf, cap, &n, err)) == WD_OK && n != 0) {
        assert_true(n <= cap);
        wd_buf_append(out, buf, n);
    }
    wd_decoder_destroy(d);
    free(buf);
    return rc;
}


static void
gzip(wd_buf_t *out, wd_str_t text)
{
    z_stream z = {0};

    assert_int_equal(
        deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    assert_non_null(wd_buf_reserve(out, deflateBound(&z, text.len)));
    z.next_in = (Bytef *) text.data;
    z.avail_in = (uInt) text.len;
    z.next_out = out->data + out->len;
    z.avail_out = (uInt) (out->cap - out->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}


static void
zstd(wd_buf_t *out, wd_str_t text)
{
    size_t n;

    assert_non_null(wd_buf_reserve(out, ZSTD_compressBound(text.len)));
    n = ZSTD_compress(out->data + out->len, out->cap - out->len, text.data,
                      text.len, 3);
    assert_false(ZSTD_isError(n));
    out->len += n;
}


static const struct {
    const char *name;
    void (*encode)(wd_buf_t *out, wd_str_t text);
} codings[] = {{"gzip", gzip}, {"zstd", zstd}};


/* Text that is neither all the same nor without any pattern. */
static void
some_text(wd_buf_t *out, size_t n)
{
    while (out->len < n) {
        wd_buf_printf(out, "IBM,2024-05-02,%u\n",
                      (unsigned) wd_test_below(1000));
    }
}


static void
test_pieces(void **state)
{
    size_t     i, k, c;
    wd_buf_t   text = WD_BUF_INIT, body = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_error_t err;

    static const size_t pieces[] = {1, 7, 4096, SIZE_MAX};
    static const size_t caps[] = {1, 100, 65536, 1024 * 1024};

    (void) state;
    some_text(&text, 20000);
    for (c = 0; c < wd_array_len(codings); c++) {
        wd_buf_reset(&body);
        codings[c].encode(&body, wd_str((char *) text.data, 9000));
        codings[c].encode(&body, WD_STR(""));
        codings[c].encode(&body,
                          wd_str((char *) text.data + 9000, text.len - 9000));
        for (i = 0; i < wd_array_len(pieces); i++) {
            for (k = 0; k < wd_array_len(caps); k++) {
                assert_ok(decode(codings[c].name, wd_buf_view(&body), pieces[i],
                                 caps[k], WD_OK, MAX, &out, &err));
                assert_true(wd_str_eq(wd_buf_view(&out), wd_buf_view(&text)));
            }
        }
    }
    assert_ok(decode("", wd_buf_view(&text), 99, 1000, WD_OK, MAX, &out, &err));
    assert_true(wd_str_eq(wd_buf_view(&out), wd_buf_view(&text)));
    assert_ok(decode("", WD_STR(""), 99, 1000, WD_OK, MAX, &out, &err));
    wd_buf_done(&text);
    wd_buf_done(&body);
    wd_buf_done(&out);
}


static void
test_damage(void **state)
{
    size_t     c, n;
    wd_buf_t   text = WD_BUF_INIT, body = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_error_t err;

    (void) state;
    some_text(&text, 5000);
    for (c = 0; c < wd_array_len(codings); c++) {
        wd_buf_reset(&body);
        codings[c].encode(&body, wd_buf_view(&text));

        /* Cut anywhere, and never read as whole. */
        for (n = 0; n < body.len; n += n < 20 ? 1 : 97) {
            assert_int_equal(decode(codings[c].name,
                                    wd_str((char *) body.data, n), 50, 1000,
                                    WD_OK, MAX, &out, &err),
                             WD_EINVAL);
            assert_has(err.text, codings[c].name);
            assert_has(err.text, "the body ends at byte");
        }

        wd_buf_z(&body, "behind");
        assert_int_equal(decode(codings[c].name, wd_buf_view(&body), 50, 1000,
                                WD_OK, MAX, &out, &err),
                         WD_EINVAL);
        assert_true(wd_str_eq(wd_buf_view(&out), wd_buf_view(&text)));

        body.len -= strlen("behind");
        body.data[body.len / 2] ^= 0x55;
        assert_int_not_equal(
            decode(codings[c].name, wd_buf_view(&body), 50, 1000, WD_OK, MAX,
                   &out, &err)
                    == WD_OK
                && wd_str_eq(wd_buf_view(&out), wd_buf_view(&text)),
            true);

        assert_int_equal(decode(codings[c].name, wd_buf_view(&text), 50, 1000,
                                WD_OK, MAX, &out, &err),
                         WD_EINVAL);
        assert_has(err.text, "damaged, or no");

        /* What goes wrong before is told as it is. */
        assert_int_equal(decode(codings[c].name, WD_STR(""), 50, 1000,
                                WD_ECANCELED, MAX, &out, &err),
                         WD_ECANCELED);
    }
    wd_buf_done(&text);
    wd_buf_done(&body);
    wd_buf_done(&out);
}


static void
test_limits(void **state)
{
    size_t     c;
    wd_buf_t   zeros = WD_BUF_INIT, body = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_error_t err;

    (void) state;
    assert_non_null(wd_buf_reserve(&zeros, 16 * MAX));
    memset(zeros.data, 0, 16 * MAX);
    zeros.len = 16 * MAX;
    for (c = 0; c < wd_array_len(codings); c++) {
        wd_buf_reset(&body);
        codings[c].encode(&body, wd_buf_view(&zeros));
        assert_true(body.len < 32 * 1024);
        assert_int_equal(decode(codings[c].name, wd_buf_view(&body), 65536,
                                65536, WD_OK, MAX, &out, &err),
                         WD_ETOOBIG);
        assert_true(out.len <= MAX);
        assert_has(err.text, "longer than 1048576 bytes, decompressed");
        assert_ok(decode(codings[c].name, wd_buf_view(&body), 65536, 65536,
                         WD_OK, 16 * MAX, &out, &err));
        assert_int_equal(out.len, 16 * MAX);

        /* Members of nothing, without an end. */
        wd_buf_reset(&body);
        while (body.len <= MAX) {
            codings[c].encode(&body, WD_STR(""));
        }
        assert_int_equal(decode(codings[c].name, wd_buf_view(&body), 65536,
                                65536, WD_OK, MAX, &out, &err),
                         WD_ETOOBIG);
    }
    assert_int_equal(decode("", wd_str((char *) zeros.data, MAX + 1), 65536,
                            65536, WD_OK, MAX, &out, &err),
                     WD_ETOOBIG);
    wd_buf_done(&zeros);
    wd_buf_done(&body);
    wd_buf_done(&out);
}


static void
test_windows(void **state)
{
    int        log;
    size_t     n;
    ZSTD_CCtx *z = ZSTD_createCCtx();
    wd_buf_t   text = WD_BUF_INIT, body = WD_BUF_INIT, out = WD_BUF_INIT;
    wd_error_t err;

    (void) state;
    some_text(&text, 100000);
    assert_non_null(wd_buf_reserve(&body, ZSTD_compressBound(text.len)));
    for (log = 23; log <= 27; log += 4) {
        ZSTD_CCtx_reset(z, ZSTD_reset_session_and_parameters);
        ZSTD_CCtx_setParameter(z, ZSTD_c_windowLog, log);
        ZSTD_CCtx_setParameter(z, ZSTD_c_contentSizeFlag, 0);

        ZSTD_outBuffer o = {body.data, body.cap, 0};
        ZSTD_inBuffer  i = {text.data, text.len / 2, 0};

        /* In two pieces: of one the window would be as small as the text. */
        n = ZSTD_compressStream2(z, &o, &i, ZSTD_e_flush);
        assert_int_equal(n, 0);
        i.size = text.len;
        assert_int_equal(ZSTD_compressStream2(z, &o, &i, ZSTD_e_end), 0);

        n = log == 23 ? WD_OK : WD_EINVAL;
        assert_int_equal(decode("zstd", wd_str((char *) body.data, o.pos),
                                65536, 65536, WD_OK, MAX, &out, &err),
                         (int) n);
        if (log == 27) {
            assert_has(err.text, "a window of more than 8 MiB");
        }
    }
    ZSTD_freeCCtx(z);
    wd_buf_done(&text);
    wd_buf_done(&body);
    wd_buf_done(&out);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_windows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
