/*
 * fuzz_lseg_stream.c - LSEG's streaming: each line is a frame, all of whose
 * messages belong to one stream.
 */
#include "fuzz.h"

#include "wd_lseg_image.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

#define RECEIVED (INT64_C(1655900000) * WD_NS_PER_S)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static bool
figure(double v)
{
    return isfinite(v) || isnan(v);
}


static void
check_event(const wd_lseg_event_t *e)
{
    size_t i;

    fuzz_require(e->kind <= WD_LSEG_EV_ERROR && e->class < WD_ANSWER_COUNT);
    fuzz_require(e->text != NULL && wd_utf8_valid(wd_str_z(e->text)));
    fuzz_require(e->id >= -1 && e->part >= -1 && e->ack_id >= -1
                 && e->ping_timeout_s >= 0 && e->max_message >= 0);
    fuzz_require(e->n_fields <= WD_LSEG_FIELDS_MAX);
    for (i = 0; i < e->n_fields; i++) {
        fuzz_require(e->fields[i].name.data != NULL);
    }
}


static void
check_image(const wd_lseg_image_t *image)
{
    size_t i;

    for (i = 0; i < WD_LSEG_F_COUNT; i++) {
        fuzz_require(figure(image->figures[i]));
    }
    fuzz_require(!image->complete || image->part == -1);
}


static void
check_records(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_quotes; i++) {
        const wd_quote_rec_t *q = &r->quotes[i];

        fuzz_require(wd_str_eq_z(q->symbol, "EUR=")
                     && q->record < r->n_records);
        fuzz_require(!isnan(q->price) || !isnan(q->bid) || !isnan(q->ask));
    }
    for (i = 0; i < r->n_trades; i++) {
        fuzz_require(isfinite(r->trades[i].price) && figure(r->trades[i].size));
    }
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail));
    }
}


static void
feed(wd_str_t frame, wd_pool_t *pool, wd_lseg_image_t *image, wd_records_t *r)
{
    int              rc;
    size_t           i;
    wd_error_t       err;
    wd_lseg_next_e   next;
    wd_lseg_events_t ev;

    rc = wd_lseg_stream_parse(frame, pool, &ev, &err);
    fuzz_require(rc == WD_OK || rc == WD_ETRUNC || rc == WD_EPROTO
                 || rc == WD_ETOOBIG);
    for (i = 0; i < ev.n; i++) {
        check_event(&ev.events[i]);
        fuzz_require(
            wd_lseg_image_apply(image, &ev.events[i], RECEIVED, r, &next)
            == WD_OK);
        fuzz_require(next <= WD_LSEG_GIVE_UP);
        fuzz_require(next == WD_LSEG_KEEP || !image->open);
        check_image(image);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t        frame, rest = wd_str((const char *) data, size);
    wd_pool_t      *pool;
    wd_records_t    r;
    wd_lseg_image_t image;

    pool = wd_pool_create(4096);
    if (pool == NULL) {
        return 0;
    }

    wd_records_init(&r, pool);
    fuzz_require(wd_lseg_image_init(&image, WD_STR("EUR=")));
    while (wd_str_split(&rest, '\n', &frame)) {
        feed(frame, pool, &image, &r);
    }
    check_records(&r);
    wd_pool_destroy(pool);
    return 0;
}
