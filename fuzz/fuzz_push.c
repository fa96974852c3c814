/*
 * fuzz_push.c - a pushed body in each format: cut into parts and read. Small
 * parts and small pieces give the records that large ones give.
 */
#include "fuzz.h"

#include "wd_buf.h"
#include "wd_push_parse.h"
#include "wd_push_split.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What became of a body. */
typedef struct {
    const wd_push_dataset_t *d;
    wd_push_format_e         format;
    int64_t                  records;
    int64_t                  next; /* no part begins before */
    wd_buf_t                 told; /* number and rule of each reject */
} outcome_t;


static void
check_text(wd_str_t s)
{
    fuzz_require(wd_record_text_ok(s, WD_PUSH_TEXT_MAX));
}


static void
check_symbol(wd_str_t s)
{
    fuzz_require(s.len != 0 && s.len <= WD_RECORD_SYMBOL_MAX
                 && wd_utf8_valid(s));
}


static void
check_records(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_bars; i++) {
        check_symbol(r->bars[i].symbol);
        fuzz_require(isfinite(r->bars[i].open) && isfinite(r->bars[i].high)
                     && isfinite(r->bars[i].low) && isfinite(r->bars[i].close)
                     && !isinf(r->bars[i].volume));
        fuzz_require(r->bars[i].timeframe != WD_TF_NONE);
    }
    for (i = 0; i < r->n_observations; i++) {
        fuzz_require(r->observations[i].indicator.len != 0
                     && r->observations[i].country.len != 0
                     && !isinf(r->observations[i].value));
        fuzz_require(memchr("ASQMWD", r->observations[i].frequency, 6) != NULL);
        check_text(r->observations[i].indicator_name);
        check_text(r->observations[i].status);
    }
    for (i = 0; i < r->n_facts; i++) {
        check_symbol(r->facts[i].symbol);
        check_text(r->facts[i].item);
        check_text(r->facts[i].text);
        fuzz_require(r->facts[i].period.data != NULL);
    }
    for (i = 0; i < r->n_news; i++) {
        check_text(r->news[i].title);
    }
    for (i = 0; i < r->n_mentions; i++) {
        check_symbol(r->mentions[i].symbol);
    }
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail)
                     && wd_utf8_valid(r->rejects[i].sample));
        fuzz_require(r->rejects[i].record >= 0);
    }
}


static int
take(const wd_push_part_t *part, void *arg, wd_error_t *err)
{
    size_t       i;
    outcome_t   *o = arg;
    wd_pool_t   *pool = wd_pool_create(4096);
    wd_records_t r;

    (void) err;
    fuzz_require(pool != NULL && part->first >= o->next && part->records > 0);
    wd_records_init(&r, pool);
    fuzz_require(wd_push_parse(o->d, o->format, part->bytes, &r) == WD_OK);
    fuzz_require(!r.refused && r.n_records == part->records);
    check_records(&r);
    o->records += part->records;
    o->next = part->first + 1;
    for (i = 0; i < r.n_rejects; i++) {
        wd_buf_printf(&o->told, "%lld %d\n",
                      (long long) (part->first + r.rejects[i].record),
                      (int) r.rejects[i].reason);
    }
    wd_pool_destroy(pool);
    return WD_OK;
}


static int
push(wd_str_t body, size_t piece, size_t part_bytes, outcome_t *o)
{
    int              rc = WD_OK;
    size_t           n;
    wd_error_t       err = {0};
    wd_push_split_t *s;

    o->records = o->next = 0;
    wd_buf_reset(&o->told);
    s = wd_push_split_create(o->d, o->format, part_bytes, take, o);
    fuzz_require(s != NULL);
    while (body.len != 0 && rc == WD_OK) {
        n = wd_min(piece, body.len);
        rc = wd_push_split_feed(s, wd_str(body.data, n), &err);
        body.data += n;
        body.len -= n;
    }
    if (rc == WD_OK) {
        rc = wd_push_split_end(s, &err);
    }
    fuzz_require(rc == WD_OK || rc == WD_EINVAL);
    fuzz_require(rc == WD_OK || err.text[0] != '\0');
    fuzz_require(rc != WD_OK || o->records == wd_push_split_records(s));
    wd_push_split_destroy(s);
    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int       rc;
    size_t    n;
    wd_str_t  body = wd_str((const char *) data, size);
    outcome_t whole = {0}, parts = {0};

    if (size < 2) {
        return 0;
    }
    /* The first byte says which format and data set, the second the pieces. */
    whole.format = (wd_push_format_e) (data[0] & 3);
    whole.d = wd_push_datasets(&n);
    whole.d += (data[0] >> 2) % n;
    parts.format = whole.format;
    parts.d = whole.d;
    body.data += 2;
    body.len -= 2;

    rc = push(body, SIZE_MAX, WD_PUSH_PART_BYTES, &whole);
    fuzz_require(
        push(body, (size_t) data[1] % 32 + 1, (size_t) data[1] / 2 + 1, &parts)
        == rc);
    fuzz_require(rc != WD_OK || whole.records == parts.records);
    fuzz_require(
        rc != WD_OK
        || wd_str_eq(wd_buf_view(&whole.told), wd_buf_view(&parts.told)));
    wd_buf_done(&whole.told);
    wd_buf_done(&parts.told);
    return 0;
}
