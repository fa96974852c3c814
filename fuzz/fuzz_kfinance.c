/*
 * fuzz_kfinance.c - answers of S&P Global's LLM-ready API, read as each of
 * its data sets.
 */
#include "fuzz.h"

#include "wd_kf_answer.h"
#include "wd_kf_parse.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check_facts(const wd_records_t *r)
{
    size_t               i;
    const wd_fact_rec_t *f;

    for (i = 0; i < r->n_facts; i++) {
        f = &r->facts[i];
        fuzz_require(f->record >= 0 && f->record < r->n_records);
        fuzz_require(f->symbol.len != 0 && f->symbol.len <= WD_RECORD_SYMBOL_MAX
                     && wd_utf8_valid(f->symbol));
        fuzz_require(f->item.len != 0 && wd_utf8_valid(f->item));
        fuzz_require(!isinf(f->value));
        fuzz_require(f->text.data != NULL || isnan(f->value));
        fuzz_require(wd_record_text_ok(f->text, WD_RECORD_FIELD_MAX));
        fuzz_require(wd_utf8_valid(f->unit) && wd_utf8_valid(f->period));
    }
}


static void
check_others(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_bars; i++) {
        fuzz_require(isfinite(r->bars[i].open) && isfinite(r->bars[i].high)
                     && isfinite(r->bars[i].low) && isfinite(r->bars[i].close)
                     && !isinf(r->bars[i].volume) && r->bars[i].is_date);
    }
    for (i = 0; i < r->n_identifiers; i++) {
        fuzz_require(r->identifiers[i].symbol.len != 0
                     && wd_utf8_valid(r->identifiers[i].symbol));
        fuzz_require(r->identifiers[i].value.len != 0
                     && wd_utf8_valid(r->identifiers[i].value));
    }
    for (i = 0; i < r->n_instruments; i++) {
        fuzz_require(r->instruments[i].symbol.len != 0
                     && wd_utf8_valid(r->instruments[i].symbol));
    }
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail)
                     && wd_utf8_valid(r->rejects[i].sample));
    }
    fuzz_require(!r->refused || (r->n_rejected != 0 && r->n_facts == 0));
    fuzz_require(!r->empty || r->n_facts + r->n_bars == 0);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                 dataset;
    wd_str_t            body = wd_str((const char *) data, size);
    wd_pool_t          *pool;
    wd_answer_t         a;
    wd_records_t        r;
    const wd_kf_asked_t asked = {WD_STR("21719"), WD_STR("Revenue")};

    fuzz_require(wd_kf_classify(body, &a) == WD_OK);
    fuzz_require(a.wait_s >= 0 && wd_utf8_valid(wd_str_z(a.text)));
    fuzz_require(a.class != WD_ANSWER_OK || a.text[0] == '\0');

    for (dataset = WD_KF_ID; dataset <= WD_KF_ESG_COMPANIES; dataset++) {
        pool = wd_pool_create(4096);
        if (pool == NULL) {
            return 0;
        }
        wd_records_init(&r, pool);
        fuzz_require(wd_kf_parse((wd_kf_dataset_e) dataset, body, &asked, &r)
                     == WD_OK);
        check_facts(&r);
        check_others(&r);
        wd_pool_destroy(pool);
    }
    return 0;
}
