/*
 * fuzz_worldbank_lists.c - the World Bank's lists; the first byte, a digit,
 * says under which name the rest is read.
 */
#include "fuzz.h"

#include "wd_pool.h"
#include "wd_wb_parse.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const wd_records_t *r)
{
    size_t               i;
    const wd_fact_rec_t *f;

    for (i = 0; i < r->n_facts; i++) {
        f = &r->facts[i];
        fuzz_require(f->symbol.len != 0 && f->item.len != 0);
        fuzz_require(wd_record_text_ok(f->symbol, 64));
        fuzz_require(wd_record_text_ok(f->text, WD_RECORD_FIELD_MAX));
        fuzz_require(f->text.data == NULL || f->text.len != 0);
        fuzz_require(isfinite(f->value) || isnan(f->value));
        fuzz_require(isnan(f->value) || f->text.data != NULL);
        fuzz_require(f->record >= 0 && f->record < r->n_records);
        fuzz_require(i == 0 || f->record >= r->facts[i - 1].record);
    }
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail));
        fuzz_require(wd_utf8_valid(r->rejects[i].sample));
        fuzz_require(r->rejects[i].record < r->n_records);
    }
    fuzz_require(!r->refused || (r->n_rejected != 0 && r->n_facts == 0));
    fuzz_require(!r->empty || r->n_records == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_pool_t      *pool;
    wd_records_t    r;
    wd_wb_dataset_e dataset;

    pool = wd_pool_create(4096);
    if (pool == NULL || size == 0) {
        wd_pool_destroy(pool);
        return 0;
    }

    dataset = (wd_wb_dataset_e) (data[0] % (WD_WB_LENDING_TYPES + 1));
    wd_records_init(&r, pool);
    fuzz_require(wd_wb_parse_dataset(
                     dataset, wd_str((const char *) data + 1, size - 1), &r)
                 == WD_OK);
    check(&r);
    fuzz_require((dataset == WD_WB_INDICATOR ? r.n_facts : r.n_observations)
                 == 0);
    wd_pool_destroy(pool);
    return 0;
}
