/*
 * Frames: every type there and back, cut at every byte, limits exactly at
 * and one beyond, malformed shapes.
 */
#include "wd_test.h"

#include "wd_frame.h"

static const char empty_map[] = "\x80";

#define MAP wd_str(empty_map, 1)


static wd_str_t
text_of(size_t n)
{
    static char *text;

    if (text == NULL) {
        text = malloc(300000);
        memset(text, 'x', 300000);
    }
    return wd_str(text, n);
}


static int
free_text(void **state)
{
    (void) state;
    free((char *) (uintptr_t) text_of(0).data);
    return 0;
}


/* What the reader gives for these bytes as a whole. */
static int
parse(const wd_buf_t *b, wd_frame_t *f)
{
    return wd_frame_parse(wd_buf_view(b), f);
}


static void
feed(wd_frame_reader_t *r, const uint8_t *p, size_t n)
{
    size_t   len, part;
    uint8_t *to;

    while (n != 0) {
        to = wd_frame_reader_space(r, 1, &len);
        assert_non_null(to);
        part = wd_min(n, len);
        memcpy(to, p, part);
        wd_frame_reader_fed(r, part);
        p += part;
        n -= part;
    }
}


/* One frame of each kind. */
static void
put_all(wd_buf_t *b)
{
    wd_frame_put_hello(b, "analytics", "host:1");
    wd_frame_put_request(b, 1, WD_STR("bars.query"),
                         WD_STR("\x81\xa2id\xa1"
                                "a"),
                         WD_STR("\x81\xa1k\x93\x01\x02\x03"));
    wd_frame_put_request(b, UINT32_MAX, WD_STR("m"), MAP, MAP);
    wd_frame_put_result(b, 1, 200, WD_STR("\x81\xa3ttl\x05"), WD_STR("{}"),
                        false);
    wd_frame_put_result(b, 2, 201, WD_STR_NULL, WD_STR_NULL, true);
    wd_frame_put_error(b, 3, WD_EPARAM, WD_STR("no"),
                       WD_STR("\x81\xa5param\xa1x"));
    wd_frame_put_error(b, 4, WD_EIO, WD_STR(""), WD_STR_NULL);
    wd_frame_put_chunk(b, 5, WD_STR("bytes"), false);
    wd_frame_put_chunk(b, 5, WD_STR_NULL, true);
    wd_frame_put_abort(b, 6, WD_EDB, WD_STR("gone"));
    wd_frame_put_cancel(b, 7);
    wd_frame_put_credit(b, 8, UINT32_MAX);
    wd_frame_put_notify(b, WD_N_GOAWAY, WD_STR("\x90"));
}


static void
check_one(size_t i, const wd_frame_t *f)
{
    int      code;
    bool     last;
    int64_t  version;
    uint32_t id, n;
    wd_str_t a, s;

    switch (i) {
    case 0:
        assert_int_equal(f->type, WD_FRAME_NOTIFY);
        assert_view(f->method, WD_N_HELLO);
        assert_ok(wd_frame_get_hello(f->params, &version, &a, &s));
        assert_int_equal(version, 1);
        assert_view(a, "analytics");
        assert_view(s, "host:1");
        break;
    case 1:
        assert_int_equal(f->type, WD_FRAME_REQUEST);
        assert_int_equal(f->msgid, 1);
        assert_view(f->method, "bars.query");
        assert_view(f->context, "\x81\xa2id\xa1"
                                "a");
        assert_view(f->args, "\x81\xa1k\x93\x01\x02\x03");
        break;
    case 2:
        assert_int_equal(f->type, WD_FRAME_REQUEST);
        assert_int_equal(f->msgid, UINT32_MAX);
        break;
    case 3:
        assert_int_equal(f->type, WD_FRAME_RESPONSE);
        assert_int_equal(f->msgid, 1);
        assert_ok(f->code);
        assert_int_equal(f->status, 200);
        assert_view(f->meta, "\x81\xa3ttl\x05");
        assert_view(f->body, "{}");
        assert_false(f->more);
        break;
    case 4:
        assert_int_equal(f->status, 201);
        assert_true(f->more);
        assert_int_equal(f->body.len, 0);
        break;
    case 5:
        assert_int_equal(f->type, WD_FRAME_RESPONSE);
        assert_int_equal(f->code, WD_EPARAM);
        assert_view(f->text, "no");
        assert_view(f->detail, "\x81\xa5param\xa1x");
        break;
    case 6:
        assert_int_equal(f->code, WD_EIO);
        assert_int_equal(f->detail.len, 0);
        break;
    case 7:
    case 8:
        assert_view(f->method, WD_N_CHUNK);
        assert_ok(wd_frame_get_chunk(f->params, &id, &s, &last));
        assert_int_equal(id, 5);
        assert_view(s, i == 7 ? "bytes" : "");
        assert_int_equal(last, i == 8);
        break;
    case 9:
        assert_view(f->method, WD_N_ABORT);
        assert_ok(wd_frame_get_abort(f->params, &id, &code, &s));
        assert_int_equal(id, 6);
        assert_int_equal(code, WD_EDB);
        assert_view(s, "gone");
        break;
    case 10:
        assert_view(f->method, WD_N_CANCEL);
        assert_ok(wd_frame_get_cancel(f->params, &id));
        assert_int_equal(id, 7);
        break;
    case 11:
        assert_view(f->method, WD_N_CREDIT);
        assert_ok(wd_frame_get_credit(f->params, &id, &n));
        assert_int_equal(id, 8);
        assert_int_equal(n, UINT32_MAX);
        break;
    case 12:
        assert_view(f->method, WD_N_GOAWAY);
        assert_view(f->params, "\x90");
        break;
    }
}


/* The stream in pieces of every length gives the same frames. */
static void
test_split(void **state)
{
    size_t            piece, at, n, seen;
    wd_buf_t          b = WD_BUF_INIT;
    wd_frame_t        f;
    wd_frame_reader_t r;

    (void) state;
    put_all(&b);
    assert_ok(b.err);

    for (piece = 1; piece <= b.len; piece++) {
        wd_frame_reader_init(&r);
        seen = 0;
        for (at = 0; at < b.len; at += n) {
            n = wd_min(piece, b.len - at);
            feed(&r, b.data + at, n);
            while (wd_frame_reader_next(&r, &f) == WD_OK) {
                check_one(seen++, &f);
            }
        }
        assert_int_equal(seen, 13);
        assert_int_equal(wd_frame_reader_next(&r, &f), WD_EAGAIN);
        wd_frame_reader_done(&r);
    }
    wd_buf_done(&b);
}


/* Two pieces: a frame comes when its last byte has come and not before. */
static void
test_cut(void **state)
{
    size_t            i, cut, start, n;
    wd_buf_t          b = WD_BUF_INIT;
    wd_frame_t        f;
    wd_mp_t           c;
    wd_frame_reader_t r;

    (void) state;
    put_all(&b);
    c = wd_mp(b.data, b.len);
    for (i = 0; i < 13; i++) {
        start = (size_t) (c.p - b.data);
        assert_ok(wd_mp_skip(&c));
        n = (size_t) (c.p - b.data) - start;

        for (cut = 0; cut < n; cut++) {
            assert_int_equal(
                wd_frame_parse(wd_str((char *) b.data + start, cut), &f),
                WD_EPROTO);
            wd_frame_reader_init(&r);
            feed(&r, b.data + start, cut);
            assert_int_equal(wd_frame_reader_next(&r, &f), WD_EAGAIN);
            feed(&r, b.data + start + cut, n - cut);
            assert_ok(wd_frame_reader_next(&r, &f));
            check_one(i, &f);
            wd_frame_reader_done(&r);
        }
    }

    /* one frame too much is not one frame */
    assert_int_equal(wd_frame_parse(wd_buf_view(&b), &f), WD_EPROTO);
    wd_buf_done(&b);
}


/* The example of PROTOCOL.md, byte by byte. */
static void
test_example(void **state)
{
    static const char request[] =
        "\x94\x00\x01\xaa\x73\x79\x73\x2e\x68\x65\x61\x6c\x74\x68"
        "\x92\x81\xa2\x69\x64\xa1\x61\x80";
    static const char response[] = "\x94\x01\x01\xc0\x93\xcc\xc8\x80\xc4\x02"
                                   "\x7b\x7d";
    wd_buf_t          b = WD_BUF_INIT;

    (void) state;
    wd_frame_put_request(&b, 1, WD_STR("sys.health"),
                         WD_STR("\x81\xa2id\xa1"
                                "a"),
                         MAP);
    assert_int_equal(b.len, sizeof(request) - 1);
    assert_memory_equal(b.data, request, b.len);
    wd_buf_reset(&b);
    wd_frame_put_result(&b, 1, 200, WD_STR_NULL, WD_STR("{}"), false);
    assert_int_equal(b.len, sizeof(response) - 1);
    assert_memory_equal(b.data, response, b.len);
    wd_buf_done(&b);
}


static void
test_limits(void **state)
{
    bool       last;
    int        code;
    size_t     i, extra;
    uint32_t   id;
    wd_str_t   s;
    wd_buf_t   b = WD_BUF_INIT, meta = WD_BUF_INIT;
    wd_frame_t f;

    (void) state;
    for (extra = 0; extra < 2; extra++) {
        int want = extra ? WD_EPROTO : WD_OK;

        wd_buf_reset(&b);
        wd_frame_put_request(&b, 1, text_of(WD_METHOD_MAX + extra), MAP, MAP);
        assert_int_equal(parse(&b, &f), want);

        wd_buf_reset(&b);
        wd_mp_put_array(&b, 3);
        wd_mp_put_int(&b, WD_FRAME_NOTIFY);
        wd_mp_put_str(&b, text_of(WD_METHOD_MAX + extra));
        wd_mp_put_array(&b, 0);
        assert_int_equal(parse(&b, &f), want);

        wd_buf_reset(&b);
        wd_frame_put_result(&b, 1, 200, MAP, text_of(WD_CHUNK_MAX + extra),
                            true);
        assert_int_equal(parse(&b, &f), want);

        wd_buf_reset(&b);
        wd_frame_put_chunk(&b, 1, text_of(WD_CHUNK_MAX + extra), true);
        assert_ok(parse(&b, &f));
        assert_int_equal(wd_frame_get_chunk(f.params, &id, &s, &last), want);

        wd_buf_reset(&meta);
        wd_mp_put_map(&meta, 1);
        wd_mp_put_z(&meta, "k");
        wd_mp_put_str(&meta, text_of(WD_META_MAX - 6 + extra));
        assert_int_equal(meta.len, WD_META_MAX + extra);
        wd_buf_reset(&b);
        wd_frame_put_result(&b, 1, 200, wd_buf_view(&meta), MAP, false);
        assert_int_equal(parse(&b, &f), want);

        /* written by another peer than ours, which cuts */
        wd_buf_reset(&b);
        wd_mp_put_array(&b, 4);
        wd_mp_put_int(&b, WD_FRAME_RESPONSE);
        wd_mp_put_int(&b, 1);
        wd_mp_put_array(&b, 2);
        wd_mp_put_int(&b, WD_EIO);
        wd_mp_put_str(&b, text_of(WD_DETAIL_MAX + extra));
        wd_mp_put_nil(&b);
        assert_int_equal(parse(&b, &f), want);

        wd_buf_reset(&b);
        wd_mp_put_array(&b, 2);
        wd_mp_put_int(&b, 1);
        wd_mp_put_array(&b, 2);
        wd_mp_put_int(&b, WD_EIO);
        wd_mp_put_str(&b, text_of(WD_DETAIL_MAX + extra));
        assert_int_equal(
            wd_frame_get_abort(wd_buf_view(&b), &id, &code, &s), want);

        /* nesting: frame, pair, map of arguments, and what is inside */
        wd_buf_reset(&meta);
        wd_mp_put_map(&meta, 1);
        wd_mp_put_z(&meta, "k");
        for (i = 0; i < WD_MP_DEPTH_MAX - 3 + extra; i++) {
            wd_mp_put_array(&meta, 1);
        }
        wd_mp_put_nil(&meta);
        wd_buf_reset(&b);
        wd_frame_put_request(&b, 1, WD_STR("m"), MAP, wd_buf_view(&meta));
        {
            wd_frame_reader_t r;

            wd_frame_reader_init(&r);
            feed(&r, b.data, b.len);
            assert_int_equal(wd_frame_reader_next(&r, &f), want);
            wd_frame_reader_done(&r);
        }
    }

    /* ours cuts the text of errors */
    wd_buf_reset(&b);
    wd_frame_put_error(&b, 1, WD_EIO, text_of(WD_DETAIL_MAX + 1), WD_STR_NULL);
    assert_ok(parse(&b, &f));
    assert_int_equal(f.text.len, WD_DETAIL_MAX);
    wd_buf_reset(&b);
    wd_frame_put_abort(&b, 1, WD_EIO, text_of(WD_DETAIL_MAX + 1));
    assert_ok(parse(&b, &f));
    assert_ok(wd_frame_get_abort(f.params, &id, &code, &s));
    assert_int_equal(s.len, WD_DETAIL_MAX);
    wd_buf_done(&b);
    wd_buf_done(&meta);
}


static void
test_frame_size(void **state)
{
    size_t            extra, cut;
    wd_buf_t          b = WD_BUF_INIT;
    wd_frame_t        f;
    wd_frame_reader_t r;

    (void) state;
    for (extra = 0; extra < 2; extra++) {
        wd_buf_reset(&b);
        wd_mp_put_array(&b, 3);
        wd_mp_put_int(&b, WD_FRAME_NOTIFY);
        wd_mp_put_z(&b, "x");
        wd_mp_put_array(&b, 1);
        wd_mp_put_str(&b, text_of(WD_FRAME_MAX + extra - 10));
        assert_int_equal(b.len, WD_FRAME_MAX + extra);

        wd_frame_reader_init(&r);
        feed(&r, b.data, b.len);
        assert_int_equal(wd_frame_reader_next(&r, &f),
                         extra ? WD_ETOOBIG : WD_OK);
        wd_frame_reader_done(&r);

        /* one that is too long is refused at its head, not at its end */
        for (cut = 1; cut < 64; cut++) {
            wd_frame_reader_init(&r);
            feed(&r, b.data, cut);
            assert_int_equal(wd_frame_reader_next(&r, &f),
                             extra && cut >= 10 ? WD_ETOOBIG : WD_EAGAIN);
            wd_frame_reader_done(&r);
        }
    }
    wd_buf_done(&b);
}


static void
put_hex(wd_buf_t *b, const char *hex)
{
    size_t n = strlen(hex) / 2;

    assert_non_null(wd_buf_reserve(b, n));
    assert_true(wd_hex_decode(wd_str_z(hex), b->data + b->len, n));
    b->len += n;
}


/* What begins as no frame is refused by its head, and not by less. */
static void
test_no_head(void **state)
{
    size_t                   i, cut;
    wd_frame_t               f;
    wd_frame_reader_t        r;
    static const char *const heads[] = {
        "dc3598", /* an array of 13,720 */
        "de3598", /* a map */
        "da8000", /* text */
        "c58000", /* bytes */
        "92", /* an array of 2 */
        "95", /* and of 5 */
        "9402", /* a notification of 4 */
        "9301", /* a response of 3 */
        "9403", /* type 3 */
        "94ff", /* type -1 */
        "94c0", /* type nil */
        "94da8000", /* type as text */
        "94dc0001", /* type as array */
        "94cf0000000100000000", /* type 2^32 */
        "dd00000004c680000000" /* type as bytes, the head as long as it can be */
    };

    (void) state;
    for (i = 0; i < wd_array_len(heads); i++) {
        wd_buf_t b = WD_BUF_INIT;

        put_hex(&b, heads[i]);
        for (cut = 1; cut <= b.len; cut++) {
            wd_frame_reader_init(&r);
            feed(&r, b.data, cut);
            assert_int_equal(wd_frame_reader_next(&r, &f),
                             cut == b.len ? WD_EPROTO : WD_EAGAIN);
            wd_frame_reader_done(&r);
        }
        wd_buf_done(&b);
    }
}


/* Bytes that are a value but not a frame. */
static void
test_malformed(void **state)
{
#define ROW(bytes) {bytes, sizeof(bytes) - 1}
    static const struct {
        const char *bytes;
        size_t      len;
    } rows[] = {
        ROW("\xc0"),
        ROW("\x01"),
        ROW("\x80"),
        ROW("\x90"),
        ROW("\x91\x00"),
        ROW("\x92\x02\xa1x"),
        ROW("\x93\x00\x01\xa1m"), /* a request of three */
        ROW("\x94\x02\xa1x\x90\xc0"), /* a notification of four */
        ROW("\x94\x03\x01\xa1m\x92\x80\x80"), /* type 3 */
        ROW("\x94\xff\x01\xa1m\x92\x80\x80"), /* type -1 */
        ROW("\x94\xa1\x30\x01\xa1m\x92\x80\x80"), /* type "0" */
        ROW("\x94\xca\0\0\0\0\x01\xa1m\x92\x80\x80"), /* type 0.0 */
        ROW("\x94\xc2\x01\xa1m\x92\x80\x80"), /* type false */
        ROW("\x94\x00\xff\xa1m\x92\x80\x80"), /* msgid -1 */
        ROW("\x94\x00\xcf\0\0\0\x01\0\0\0\0\xa1m\x92\x80\x80"), /* 2^32 */
        ROW("\x94\x00\xc0\xa1m\x92\x80\x80"),
        ROW("\x94\x00\xa1\x31\xa1m\x92\x80\x80"),
        ROW("\x94\x00\x01\xa0\x92\x80\x80"), /* empty method */
        ROW("\x94\x00\x01\x05\x92\x80\x80"),
        ROW("\x94\x00\x01\xc4\x01m\x92\x80\x80"), /* method as bytes */
        ROW("\x94\x00\x01\xa1m\x80"),
        ROW("\x94\x00\x01\xa1m\x91\x80"),
        ROW("\x94\x00\x01\xa1m\x93\x80\x80\x80"),
        ROW("\x94\x00\x01\xa1m\x92\x90\x80"), /* context is no map */
        ROW("\x94\x00\x01\xa1m\x92\x80\x90"), /* arguments are no map */
        ROW("\x94\x00\x01\xa1m\x92\x80\xc0"),
        ROW("\x94\x01\x01\xc0\xc0"), /* a response of nothing */
        ROW("\x94\x01\x01\xc0\x80"),
        ROW("\x94\x01\x01\xc0\x92\xcc\xc8\x80"),
        ROW("\x94\x01\x01\xc0\x94\xcc\xc8\x80\xc0\xc0"),
        ROW("\x94\x01\x01\xc0\x93\xcc\xc7\x80\xc0"), /* status 199 */
        ROW("\x94\x01\x01\xc0\x93\xcd\x01\x2c\x80\xc0"), /* status 300 */
        ROW("\x94\x01\x01\xc0\x93\xcd\x01\x94\x80\xc0"), /* status 404 */
        ROW("\x94\x01\x01\xc0\x93\xff\x80\xc0"),
        ROW("\x94\x01\x01\xc0\x93\xc0\x80\xc0"),
        ROW("\x94\x01\x01\xc0\x93\xcc\xc8\x90\xc0"), /* meta is no map */
        ROW("\x94\x01\x01\xc0\x93\xcc\xc8\xc0\xc0"),
        ROW("\x94\x01\x01\xc0\x93\xcc\xc8\x80\x05"), /* body is no bytes */
        ROW("\x94\x01\x01\xc0\x93\xcc\xc8\x80\x80"),
        ROW("\x94\x01\x01\xc0\x93\xcc\xc8\x81\xa4more\x01\xc0"),
        ROW("\x94\x01\x01\xc0\x93\xcc\xc8\x81\xa4more\xc0\xc0"),
        ROW("\x94\x01\x01\x92\xff\xa1x\x05"), /* error and result */
        ROW("\x94\x01\x01\x92\xff\xa1x\x93\xcc\xc8\x80\xc0"),
        ROW("\x94\x01\x01\x91\xff\xc0"),
        ROW("\x94\x01\x01\x94\xff\xa1x\x80\x80\xc0"),
        ROW("\x94\x01\x01\x92\x00\xa1x\xc0"), /* code 0 */
        ROW("\x94\x01\x01\x92\x01\xa1x\xc0"), /* code 1 */
        ROW("\x94\x01\x01\x92\xd3\x80\0\0\0\0\0\0\0\xa1x\xc0"),
        ROW("\x94\x01\x01\x92\xff\x05\xc0"), /* text is no text */
        ROW("\x94\x01\x01\x92\xff\xc0\xc0"),
        ROW("\x94\x01\x01\x93\xff\xa1x\x90\xc0"), /* detail is no map */
        ROW("\x94\x01\x01\xa1x\xc0"),
        ROW("\x93\x02\xa0\x90"),
        ROW("\x93\x02\x05\x90"),
        ROW("\x93\x02\xa1x\x80"), /* params are no array */
        ROW("\x93\x02\xa1x\xc0"),
        ROW("\x93\x02\xa1x\x90\xc0"), /* something behind */
    };
    size_t     i;
    wd_frame_t f;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (wd_frame_parse(wd_str(rows[i].bytes, rows[i].len), &f)
            != WD_EPROTO) {
            fail_msg("row %zu is taken for a frame", i);
        }
    }

    /* good ones that look odd */
    assert_ok(wd_frame_parse(
        WD_STR("\x94\xd3\0\0\0\0\0\0\0\0\xcf\0\0\0\0\0\0\0\x05\xd9\x01m\xdc\0"
               "\x02\xde\0\0\xdf\0\0\0\0"),
        &f));
    assert_int_equal(f.msgid, 5);
    assert_ok(wd_frame_parse(WD_STR("\x94\x01\x01\xc0\x93\xcc\xc8\x80\xc0"),
                             &f));
    assert_int_equal(f.body.len, 0);
    assert_ok(wd_frame_parse(
        WD_STR("\x94\x01\x01\xc0\x93\xcc\xc8\x80\xa2{}"), &f)); /* str body */
    assert_view(f.body, "{}");
    assert_ok(wd_frame_parse(
        WD_STR("\x94\x01\x01\xc0\x93\xcc\xc8\x82\xa1z\xd4\x01x\xa4more\xc2"
               "\xc0"),
        &f)); /* unknown keys of any type */
    assert_false(f.more);
    assert_ok(wd_frame_parse(WD_STR("\x94\x01\x01\x93\xff\xa1x\xc0\xc0"),
                             &f)); /* nil for no detail */
    assert_int_equal(f.detail.len, 0);
}


static void
test_malformed_params(void **state)
{
    static const struct {
        const char *bytes;
        size_t      len;
    } rows[] = {
        ROW(""),
        ROW("\x90"),
        ROW("\x80"),
        ROW("\xc0"),
        ROW("\x94\x01\x01\x01\x01"),
        ROW("\x93\xff\xc4\x01x\xc2"), /* msgid -1 */
        ROW("\x93\x01\x05\xc2"),
        ROW("\x93\x01\xc4\x01x\x00"),
        ROW("\x93\x01\xc4\x01x"),
        ROW("\x92\x01\xff"), /* credit -1 */
        ROW("\x92\x01\xcf\0\0\0\x01\0\0\0\0"), /* credit 2^32 */
        ROW("\x92\x01\xa1x"),
        ROW("\x92\x01\x91\xff"),
        ROW("\x92\x01\x92\x05\xa1x"),
        ROW("\x92\x01\x92\xff\x05"),
        ROW("\x91\xff"),
        ROW("\x91\xc0"),
        ROW("\x91\x80"),
        ROW("\x91\x81\xa1v\x01"), /* hello without a name */
        ROW("\x91\x83\xa1v\xa1\x31\xa7service\xa1x\xa8instance\xa1x"),
        ROW("\x91\x83\xa1v\x01\xa7service\x01\xa8instance\xa1x"),
    };
    bool     last;
    int      code;
    size_t   i;
    int64_t  version;
    uint32_t id, n;
    wd_str_t p, s, a;

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        p = wd_str(rows[i].bytes, rows[i].len);
        if (wd_frame_get_chunk(p, &id, &s, &last) == WD_OK
            || wd_frame_get_abort(p, &id, &code, &s) == WD_OK
            || wd_frame_get_cancel(p, &id) == WD_OK
            || wd_frame_get_credit(p, &id, &n) == WD_OK
            || wd_frame_get_hello(p, &version, &a, &s) == WD_OK) {
            fail_msg("row %zu is taken", i);
        }
    }

    /* a hello with more in it, and of another version */
    assert_ok(wd_frame_get_hello(
        WD_STR("\x91\x84\xa1v\x02\xa1z\x93\x01\x02\x03\xa8instance\xa1i\xa7"
               "service\xa1s"),
        &version, &a, &s));
    assert_int_equal(version, 2);
    assert_view(a, "s");
    assert_view(s, "i");
}


/* Random bytes and random damage: an answer, never a fault. */
static void
test_random(void **state)
{
    int               i, rc;
    size_t            k, n;
    uint8_t          *p;
    wd_buf_t          b = WD_BUF_INIT;
    wd_frame_t        f;
    wd_frame_reader_t r;

    (void) state;
    put_all(&b);
    p = malloc(b.len);
    for (i = 0; i < 20000; i++) {
        memcpy(p, b.data, b.len);
        for (k = 0; k < 1 + wd_test_below(4); k++) {
            p[wd_test_below(b.len)] = (uint8_t) wd_test_random();
        }
        wd_frame_reader_init(&r);
        feed(&r, p, b.len);
        for (n = 0; (rc = wd_frame_reader_next(&r, &f)) == WD_OK; n++) { }
        assert_true(n <= b.len);
        assert_true(rc == WD_EAGAIN || rc == WD_EPROTO || rc == WD_ETOOBIG);
        wd_frame_reader_done(&r);
    }
    free(p);
    wd_buf_done(&b);
}


/* A long stream through one reader: its memory does not grow. */
static void
test_stream(void **state)
{
    size_t            i, n = 0, part;
    wd_buf_t          b = WD_BUF_INIT;
    wd_frame_t        f;
    wd_frame_reader_t r;

    (void) state;
    for (i = 0; i < 40; i++) {
        wd_frame_put_chunk(&b, (uint32_t) i, text_of(wd_test_below(65537)),
                           false);
    }
    wd_frame_reader_init(&r);
    for (i = 0; i < b.len; i += part) {
        part = wd_min(1 + wd_test_below(100000), b.len - i);
        feed(&r, b.data + i, part);
        while (wd_frame_reader_next(&r, &f) == WD_OK) {
            n++;
        }
    }
    assert_int_equal(n, 40);
    assert_true(r.buf.cap <= 4 * WD_FRAME_MAX);
    wd_frame_reader_done(&r);
    wd_buf_done(&b);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),     cmocka_unit_test(test_cut),
        cmocka_unit_test(test_example),   cmocka_unit_test(test_limits),
        cmocka_unit_test(test_frame_size),
        cmocka_unit_test(test_no_head),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_malformed_params),
        cmocka_unit_test(test_random),    cmocka_unit_test(test_stream),
    };

    return cmocka_run_group_tests(tests, NULL, free_text);
}
