/*
 * fuzz_alphavantage.c - Alpha Vantage's parsers: the first byte chooses the
 * data set, the rest is the body.
 */
#include "fuzz.h"

#include "wd_av_parse.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_rejects(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(r->rejects[i].record >= -1
                     && r->rejects[i].record <= r->n_records);
        fuzz_require(wd_utf8_valid(r->rejects[i].detail));
        fuzz_require(wd_utf8_valid(r->rejects[i].sample));
        fuzz_require(r->rejects[i].detail.len <= WD_REJECT_DETAIL_MAX);
        fuzz_require(r->rejects[i].sample.len <= WD_REJECT_SAMPLE_MAX);
    }
    fuzz_require(!r->refused || r->n_rejected != 0);
}


static void
check_records(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_bars; i++) {
        fuzz_require(isfinite(r->bars[i].open) && isfinite(r->bars[i].high)
                     && isfinite(r->bars[i].low) && isfinite(r->bars[i].close));
        fuzz_require(r->bars[i].record < r->n_records);
    }
    for (i = 0; i < r->n_quotes; i++) {
        fuzz_require(isfinite(r->quotes[i].price)
                     && r->quotes[i].symbol.len != 0);
    }
    for (i = 0; i < r->n_instruments; i++) {
        fuzz_require(r->instruments[i].symbol.len != 0
                     && r->instruments[i].symbol.len <= WD_RECORD_SYMBOL_MAX);
    }
    for (i = 0; i < r->n_actions; i++) {
        fuzz_require(isfinite(r->actions[i].amount)
                     && r->actions[i].record < r->n_records);
    }
    for (i = 0; i < r->n_observations; i++) {
        fuzz_require(!isinf(r->observations[i].value)
                     && r->observations[i].record < r->n_records);
    }
    for (i = 0; i < r->n_facts; i++) {
        fuzz_require(r->facts[i].item.len != 0 && !isinf(r->facts[i].value)
                     && r->facts[i].time != WD_NS_MIN
                     && r->facts[i].record < r->n_records);
    }
    for (i = 0; i < r->n_news; i++) {
        fuzz_require(wd_utf8_valid(r->news[i].title) && r->news[i].url.len != 0
                     && r->news[i].record < r->n_records);
    }
    for (i = 0; i < r->n_mentions; i++) {
        fuzz_require(r->mentions[i].symbol.len != 0
                     && r->mentions[i].record < r->n_records);
    }
    for (i = 0; i < r->n_fields; i++) {
        fuzz_require(r->fields[i].name.len != 0
                     && r->fields[i].value.len <= WD_RECORD_FIELD_MAX);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_pool_t   *pool;
    wd_records_t r;

    if (size == 0 || (pool = wd_pool_create(4096)) == NULL) {
        return 0;
    }

    wd_records_init(&r, pool);
    fuzz_require(wd_av_parse((wd_av_dataset_e) (data[0] % WD_AV_DATASET_COUNT),
                             wd_str((const char *) data + 1, size - 1), &r)
                 == WD_OK);
    check_rejects(&r);
    check_records(&r);
    wd_pool_destroy(pool);
    return 0;
}
