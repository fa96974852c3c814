/*
 * test_wd_http_body.c - bodies of answers, in pieces: codings, ends that come
 * too early, damage, digests of what was sent.
 */
#include "wd_test.h"

#include "wd_http_int.h"

#include <zlib.h>

#define BODY_MAX 100000
#define TEXT "START-OF-FILE\nPX_LAST|1\nEND-OF-FILE\n"

/* One answer, as it comes. */
typedef struct {
    wd_http_req_t  req;
    wd_http_res_t  res;
    wd_http_xfer_t x;
} answer_t;


static void
begin(answer_t *a, const char *const *lines, size_t n)
{
    size_t i;

    memset(a, 0, sizeof(*a));
    wd_http_res_init(&a->res);
    a->req.max_bytes = BODY_MAX;
    a->res.status = 200;
    a->x.req = &a->req;
    a->x.res = &a->res;
    for (i = 0; i < n; i++) {
        wd_http_body_header(&a->x.body, wd_str_z(lines[i]));
        wd_buf_z(&a->res.headers, lines[i]);
        wd_buf_byte(&a->res.headers, '\n');
    }
}


static int
take(answer_t *a, wd_str_t body, size_t piece)
{
    int    rc;
    size_t n;

    while (body.len != 0) {
        n = wd_min(piece, body.len);
        rc = wd_http_body_take(&a->x, wd_str(body.data, n));
        if (rc != WD_OK) {
            assert_int_equal(a->x.body.why.code, rc);
            return rc;
        }
        body = wd_str(body.data + n, body.len - n);
    }
    return wd_http_body_end(&a->x);
}


static void
done(answer_t *a)
{
    wd_http_body_done(&a->x.body);
    wd_http_res_done(&a->res);
}


/* The whole of an answer with these headers, in pieces of each size. */
static int
answer(answer_t *a, wd_str_t body, size_t piece, const char *one,
       const char *two)
{
    const char *lines[] = {"HTTP/1.1 200 OK", one, two};

    begin(a, lines, two != NULL ? 3 : one != NULL ? 2 : 1);
    return take(a, body, piece);
}


static void
pack(wd_buf_t *out, wd_str_t text)
{
    z_stream z = {0};

    assert_int_equal(
        deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
        Z_OK);
    assert_non_null(wd_buf_reserve(out, deflateBound(&z, text.len)));
    z.next_in = (Bytef *) (uintptr_t) text.data;
    z.avail_in = (uInt) text.len;
    z.next_out = out->data + out->len;
    z.avail_out = (uInt) (out->cap - out->len);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out->len += z.total_out;
    deflateEnd(&z);
}


static void
test_codings(void **state)
{
    size_t   piece, i;
    wd_buf_t packed = WD_BUF_INIT;
    answer_t a;

    static const char *const plain[] = {
        NULL, "Content-Encoding:", "content-encoding: identity",
        "X-Content-Encoding: gzip", "Content-Encoding"};
    static const char *const packs[] = {"Content-Encoding: gzip",
                                        "content-encoding:x-GZIP\r\n"};
    static const char *const foreign[] = {"Content-Encoding: br",
                                          "Content-Encoding: gzip, gzip",
                                          "Content-Encoding: deflate"};

    (void) state;
    pack(&packed, WD_STR(TEXT));
    for (piece = 1; piece <= 64; piece *= 2) {
        for (i = 0; i < wd_array_len(plain); i++) {
            assert_ok(answer(&a, WD_STR(TEXT), piece, plain[i], NULL));
            assert_view(wd_buf_view(&a.res.body), TEXT);
            done(&a);
        }
        for (i = 0; i < wd_array_len(packs); i++) {
            assert_ok(answer(&a, wd_buf_view(&packed), piece, packs[i], NULL));
            assert_view(wd_buf_view(&a.res.body), TEXT);
            done(&a);
        }
    }
    for (i = 0; i < wd_array_len(foreign); i++) {
        assert_int_equal(answer(&a, wd_buf_view(&packed), 99, foreign[i], NULL),
                         WD_EPROTO);
        assert_int_equal(a.res.body.len, 0);
        done(&a);
    }
    assert_int_equal(answer(&a, wd_buf_view(&packed), 99, packs[0], packs[0]),
                     WD_EPROTO);
    done(&a);
    wd_buf_done(&packed);
}


/* What an interim answer says of itself is not of the last one. */
static void
test_last_answer(void **state)
{
    answer_t a;

    static const char *const lines[] = {
        "HTTP/1.1 103 Early Hints", "Content-Encoding: gzip", "HTTP/1.1 200 OK",
        "Content-Type: text/plain"};

    (void) state;
    begin(&a, lines, wd_array_len(lines));
    assert_ok(take(&a, WD_STR(TEXT), 7));
    assert_view(wd_buf_view(&a.res.body), TEXT);
    done(&a);
}


/* gzip says itself where it ends: a connection that closes does not. */
static void
test_cut(void **state)
{
    size_t   n;
    wd_buf_t packed = WD_BUF_INIT;
    answer_t a;

    (void) state;
    pack(&packed, WD_STR(TEXT));
    for (n = 1; n < packed.len; n++) {
        assert_int_equal(answer(&a, wd_str((char *) packed.data, n), 5,
                                "Content-Encoding: gzip", NULL),
                         WD_ETRUNC);
        assert_has(a.x.body.why.text, "ended early");
        assert_true(wd_str_starts(WD_STR(TEXT), wd_buf_cstr(&a.res.body)));
        done(&a);
    }

    /* No bytes at all are no cut of gzip. */
    assert_ok(answer(&a, WD_STR(""), 5, "Content-Encoding: gzip", NULL));
    done(&a);

    n = packed.len;
    pack(&packed, WD_STR("more"));
    assert_ok(
        answer(&a, wd_buf_view(&packed), 5, "Content-Encoding: gzip", NULL));
    assert_view(wd_buf_view(&a.res.body), TEXT "more");
    done(&a);
    assert_int_equal(answer(&a, wd_str((char *) packed.data, n + 3), 5,
                            "Content-Encoding: gzip", NULL),
                     WD_ETRUNC);
    done(&a);
    wd_buf_done(&packed);
}


static void
test_damage(void **state)
{
    wd_buf_t packed = WD_BUF_INIT;
    answer_t a;

    (void) state;
    assert_int_equal(
        answer(&a, WD_STR(TEXT), 5, "Content-Encoding: gzip", NULL), WD_EPROTO);
    assert_has(a.x.body.why.text, "cannot be unpacked");
    done(&a);

    pack(&packed, WD_STR(TEXT));
    packed.data[packed.len - 8] ^= 1; /* the sum */
    assert_int_equal(
        answer(&a, wd_buf_view(&packed), 5, "Content-Encoding: gzip", NULL),
        WD_EPROTO);
    done(&a);
    packed.data[packed.len - 8] ^= 1;
    wd_buf_z(&packed, "behind");
    assert_int_equal(
        answer(&a, wd_buf_view(&packed), 5, "Content-Encoding: gzip", NULL),
        WD_EPROTO);
    done(&a);
    wd_buf_done(&packed);
}


static void
test_too_big(void **state)
{
    wd_buf_t zeros = WD_BUF_INIT, packed = WD_BUF_INIT;
    answer_t a;

    (void) state;
    assert_non_null(wd_buf_reserve(&zeros, 20 * BODY_MAX));
    memset(zeros.data, 0, 20 * BODY_MAX);
    zeros.len = BODY_MAX;
    assert_ok(answer(&a, wd_buf_view(&zeros), 4096, NULL, NULL));
    done(&a);
    zeros.len = BODY_MAX + 1;
    assert_int_equal(answer(&a, wd_buf_view(&zeros), 4096, NULL, NULL),
                     WD_ETOOBIG);
    assert_int_equal(a.res.body.len, BODY_MAX);
    done(&a);

    zeros.len = 20 * BODY_MAX;
    pack(&packed, wd_buf_view(&zeros));
    assert_true(packed.len < BODY_MAX / 10);
    assert_int_equal(
        answer(&a, wd_buf_view(&packed), 4096, "Content-Encoding: gzip", NULL),
        WD_ETOOBIG);
    assert_int_equal(a.res.body.len, BODY_MAX);
    done(&a);
    wd_buf_done(&zeros);
    wd_buf_done(&packed);
}


/* "Digest: sha-256=" of the bytes in hexadecimal. */
static const char *
digest_of(wd_str_t bytes, char out[128])
{
    char          hex[65];
    unsigned char sum[EVP_MAX_MD_SIZE];

    assert_int_equal(
        EVP_Digest(bytes.data, bytes.len, sum, NULL, EVP_sha256(), NULL), 1);
    wd_hex_encode(sum, 32, hex);
    snprintf(out, 128, "Digest: sha-256=%s", hex);
    return out;
}


static void
test_digest(void **state)
{
    size_t   piece;
    char     of_sent[128], of_text[128], wrong[128];
    wd_buf_t packed = WD_BUF_INIT;
    answer_t a;

    (void) state;
    pack(&packed, WD_STR(TEXT));
    digest_of(wd_buf_view(&packed), of_sent);
    digest_of(WD_STR(TEXT), of_text);
    digest_of(WD_STR(TEXT "!"), wrong);
    for (piece = 1; piece <= 64; piece *= 4) {
        assert_ok(answer(&a, WD_STR(TEXT), piece, of_text, NULL));
        done(&a);
        assert_ok(answer(&a, wd_buf_view(&packed), piece, of_sent,
                         "Content-Encoding: gzip"));
        assert_view(wd_buf_view(&a.res.body), TEXT);
        done(&a);
        assert_ok(answer(&a, wd_buf_view(&packed), piece, of_text,
                         "Content-Encoding: gzip"));
        done(&a);

        /* A packed file that is not unpacked on the way. */
        assert_ok(answer(&a, wd_buf_view(&packed), piece, of_sent,
                         "Content-Type: application/gzip"));
        assert_int_equal(a.res.body.len, packed.len);
        done(&a);
        assert_int_equal(answer(&a, wd_buf_view(&packed), piece, of_text,
                                "Content-Type: application/gzip"),
                         WD_EPROTO);
        done(&a);

        assert_int_equal(answer(&a, WD_STR(TEXT), piece, wrong, NULL),
                         WD_EPROTO);
        assert_has(a.x.body.why.text, "digest");
        assert_view(wd_buf_view(&a.res.body), TEXT);
        done(&a);
        assert_int_equal(answer(&a, wd_buf_view(&packed), piece, wrong,
                                "Content-Encoding: gzip"),
                         WD_EPROTO);
        done(&a);
    }
    wd_buf_done(&packed);
}


/* Not known, not readable, or of something else than what came. */
static void
test_no_digest(void **state)
{
    size_t   i;
    char     wrong[128];
    answer_t a;

    static const char *const none[] = {
        "Digest: crc32c=AAAAAA==", "Digest:", "Digest: sha-256=none",
        "X-Digest: sha-256=none"};

    (void) state;
    for (i = 0; i < wd_array_len(none); i++) {
        assert_ok(answer(&a, WD_STR(TEXT), 5, none[i], NULL));
        done(&a);
    }
    begin(&a, (const char *[]){digest_of(WD_STR("whole"), wrong)}, 1);
    a.res.status = 206;
    assert_ok(take(&a, WD_STR("part"), 5));
    done(&a);
    begin(&a, (const char *[]){wrong}, 1);
    a.res.status = 304;
    assert_ok(take(&a, WD_STR(""), 5));
    done(&a);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codings),   cmocka_unit_test(test_last_answer),
        cmocka_unit_test(test_cut),       cmocka_unit_test(test_damage),
        cmocka_unit_test(test_too_big),   cmocka_unit_test(test_digest),
        cmocka_unit_test(test_no_digest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
