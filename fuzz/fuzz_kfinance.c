/*
 * fuzz_kfinance.c - answers of S&P Global's LLM-ready API, read as each of
 * its data sets.
 */
#include "wd_kf_answer.h"
#include "wd_kf_parse.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
require(bool holds)
{
    if (!holds) {
        abort();
    }
}


static void
check_facts(const wd_records_t *r)
{
    size_t               i;
    const wd_fact_rec_t *f;

    for (i = 0; i < r->n_facts; i++) {
        f = &r->facts[i];
        require(f->record >= 0 && f->record < r->n_records);
        require(f->symbol.len != 0 && f->symbol.len <= WD_RECORD_SYMBOL_MAX
                && wd_utf8_valid(f->symbol));
        require(f->item.len != 0 && wd_utf8_valid(f->item));
        require(!isinf(f->value));
        require(f->text.data != NULL || isnan(f->value));
        require(wd_record_text_ok(f->text, WD_RECORD_FIELD_MAX));
        require(wd_utf8_valid(f->unit) && wd_utf8_valid(f->period));
    }
}


static void
check_others(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_bars; i++) {
        require(isfinite(r->bars[i].open) && isfinite(r->bars[i].high)
                && isfinite(r->bars[i].low) && isfinite(r->bars[i].close)
                && !isinf(r->bars[i].volume) && r->bars[i].is_date);
    }
    for (i = 0; i < r->n_identifiers; i++) {
        require(r->identifiers[i].symbol.len != 0
                && wd_utf8_valid(r->identifiers[i].symbol));
        require(r->identifiers[i].value.len != 0
                && wd_utf8_valid(r->identifiers[i].value));
    }
    for (i = 0; i < r->n_instruments; i++) {
        require(r->instruments[i].symbol.len != 0
                && wd_utf8_valid(r->instruments[i].symbol));
    }
    for (i = 0; i < r->n_rejects; i++) {
        require(wd_utf8_valid(r->rejects[i].detail)
                && wd_utf8_valid(r->rejects[i].sample));
    }
    require(!r->refused || (r->n_rejected != 0 && r->n_facts == 0));
    require(!r->empty || r->n_facts + r->n_bars == 0);
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

    require(wd_kf_classify(body, &a) == WD_OK);
    require(a.wait_s >= 0 && wd_utf8_valid(wd_str_z(a.text)));
    require(a.class != WD_ANSWER_OK || a.text[0] == '\0');

    for (dataset = WD_KF_ID; dataset <= WD_KF_ESG_COMPANIES; dataset++) {
        pool = wd_pool_create(4096);
        if (pool == NULL) {
            return 0;
        }
        wd_records_init(&r, pool);
        require(wd_kf_parse((wd_kf_dataset_e) dataset, body, &asked, &r)
                == WD_OK);
        check_facts(&r);
        check_others(&r);
        wd_pool_destroy(pool);
    }
    return 0;
}
