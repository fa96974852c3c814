/*
 * fuzz_lseg_capture.c - archived frames of LSEG's streaming, whatever became
 * of them; and what is written of images and messages that were read.
 */
#include "fuzz.h"

#include "wd_lseg_capture.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

#define T (INT64_C(1655906041) * WD_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_records(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_quotes; i++) {
        const wd_quote_rec_t *q = &r->quotes[i];

        fuzz_require(q->symbol.len != 0 && q->record < r->n_records);
        fuzz_require(!isnan(q->price) || !isnan(q->bid) || !isnan(q->ask));
    }
    for (i = 0; i < r->n_trades; i++) {
        fuzz_require(isfinite(r->trades[i].price));
        fuzz_require(r->trades[i].record < r->n_records);
    }
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail));
        fuzz_require(r->rejects[i].record < r->n_records);
    }
    fuzz_require(!r->refused || (r->n_quotes == 0 && r->n_trades == 0));
}


/* The text as a frame: what is written of it is read without a complaint. */
static void
round_trip(wd_str_t frame, wd_pool_t *pool)
{
    size_t                  i, n = 0;
    wd_buf_t                out = WD_BUF_INIT;
    wd_error_t              err;
    wd_records_t            r;
    wd_lseg_image_t         image;
    wd_lseg_events_t        ev;
    const wd_lseg_event_t **kept;

    if (wd_lseg_stream_parse(frame, pool, &ev, &err) != WD_OK || ev.n == 0) {
        return;
    }
    kept = wd_pool_alloc(pool, ev.n * sizeof(*kept));
    fuzz_require(kept != NULL && wd_lseg_image_init(&image, WD_STR("EUR=")));
    wd_lseg_capture_begin(&out, T);
    for (i = 0; i < ev.n; i++) {
        if (ev.events[i].kind != WD_LSEG_EV_STRANGE && ev.events[i].id >= 0) {
            wd_lseg_capture_image(&out, T, ev.events[i].id, &image);
            kept[n++] = &ev.events[i];
        }
    }
    if (n != 0) {
        wd_lseg_capture_frame(&out, T, kept, n);
    }
    wd_lseg_capture_bad(&out, T, frame);
    fuzz_require(out.err == WD_OK);

    wd_records_init(&r, pool);
    fuzz_require(wd_lseg_capture_parse(wd_buf_view(&out), &r) == WD_OK);
    fuzz_require(!r.refused && r.n_rejected >= 1); /* the bad one */
    for (i = 0; i + 1 < r.n_rejects; i++) {
        fuzz_require(r.rejects[i].reason == WD_REASON_NOT_A_NUMBER
                     || r.rejects[i].reason == WD_REASON_BAD_TIME
                     || r.rejects[i].reason == WD_REASON_SYMBOL_MISMATCH);
    }
    wd_buf_done(&out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t     body = wd_str((const char *) data, size);
    wd_pool_t   *pool;
    wd_records_t r;

    pool = wd_pool_create(4096);
    if (pool == NULL) {
        return 0;
    }
    wd_records_init(&r, pool);
    fuzz_require(wd_lseg_capture_parse(body, &r) == WD_OK);
    check_records(&r);
    round_trip(body, pool);
    wd_pool_destroy(pool);
    return 0;
}
