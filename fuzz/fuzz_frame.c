/*
 * fuzz_frame.c - frames: any bytes, received in pieces of any size, are cut
 * into the same frames as when they come at once; what is a frame stays one
 * when its parts are written again.
 */
#include "fuzz.h"

#include "wd_ctx.h"
#include "wd_frame.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    unsigned frames;
    int      end;
} fuzz_cut_t;


/* Written from its parsed parts and parsed again, a request is the same. */
static void
fuzz_request(const wd_frame_t *f)
{
    wd_buf_t   out = WD_BUF_INIT;
    wd_ctx_t   ctx;
    wd_frame_t again;

    if (wd_ctx_get(f->context, &ctx) == WD_OK) {
        (void) wd_ctx_permits(&ctx, "bars:read");
    }

    wd_frame_put_request(&out, f->msgid, f->method, f->context, f->args);
    if (out.len <= WD_FRAME_MAX) {
        fuzz_require(wd_frame_parse(wd_buf_view(&out), &again) == WD_OK);
        fuzz_require(again.msgid == f->msgid
                     && wd_str_eq(again.method, f->method)
                     && wd_str_eq(again.args, f->args));
    }
    wd_buf_done(&out);
}


static void
fuzz_notify(const wd_frame_t *f)
{
    int      code;
    bool     last;
    int64_t  version;
    uint32_t msgid, bytes;
    wd_str_t a, b;

    if (wd_frame_get_chunk(f->params, &msgid, &a, &last) == WD_OK) {
        fuzz_require(a.len <= WD_CHUNK_MAX);
    }
    if (wd_frame_get_abort(f->params, &msgid, &code, &a) == WD_OK) {
        fuzz_require(code < 0);
    }
    if (wd_frame_get_hello(f->params, &version, &a, &b) == WD_OK) {
        fuzz_require(a.len <= WD_METHOD_MAX && b.len <= WD_METHOD_MAX);
    }
    (void) !wd_frame_get_cancel(f->params, &msgid);
    (void) !wd_frame_get_credit(f->params, &msgid, &bytes);
}


static void
fuzz_frame(const wd_frame_t *f)
{
    if (f->type == WD_FRAME_REQUEST) {
        fuzz_request(f);
    } else if (f->type == WD_FRAME_NOTIFY) {
        fuzz_notify(f);
    } else {
        fuzz_require(f->body.len <= WD_CHUNK_MAX && f->code <= 0);
    }
}


/* Feeds pieces of `step` bytes (0: as much as fits). */
static fuzz_cut_t
fuzz_cut(const uint8_t *data, size_t size, size_t step)
{
    size_t            n, len = 0;
    uint8_t          *p;
    fuzz_cut_t        cut = {0, WD_EAGAIN};
    wd_frame_t        f;
    wd_frame_reader_t r;

    wd_frame_reader_init(&r);
    while (size != 0 && cut.end == WD_EAGAIN) {
        p = wd_frame_reader_space(&r, 1, &len);
        fuzz_require(p != NULL);
        n = wd_min(size, step != 0 ? wd_min(step, len) : len);
        memcpy(p, data, n);
        wd_frame_reader_fed(&r, n);
        data += n;
        size -= n;
        while ((cut.end = wd_frame_reader_next(&r, &f)) == WD_OK) {
            cut.frames++;
            fuzz_frame(&f);
        }
    }
    wd_frame_reader_done(&r);
    return cut;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_cut_t whole = fuzz_cut(data, size, 0);
    fuzz_cut_t bytes = fuzz_cut(data, size, 1);
    fuzz_cut_t some = fuzz_cut(data, size, 7);

    fuzz_require(whole.frames == bytes.frames && whole.end == bytes.end);
    fuzz_require(whole.frames == some.frames && whole.end == some.end);
    return 0;
}
