/*
 * fuzz_bloomberg.c - the readers of BLPAPI answers and of Data License files,
 * and the judgement of both.
 */
#include "fuzz.h"

#include "wd_bbg_answer.h"
#include "wd_bbg_blp.h"
#include "wd_bbg_dl.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_bars; i++) {
        const wd_bar_rec_t *b = &r->bars[i];

        fuzz_require(isfinite(b->open) && isfinite(b->high) && isfinite(b->low)
                     && isfinite(b->close) && !isinf(b->volume));
        fuzz_require(b->is_date && b->time % WD_NS_PER_DAY == 0);
        fuzz_require(b->symbol.len != 0
                     && b->symbol.len <= WD_RECORD_SYMBOL_MAX);
        fuzz_require(b->record >= 0 && b->record < r->n_records);
    }
    for (i = 0; i < r->n_facts; i++) {
        const wd_fact_rec_t *f = &r->facts[i];

        fuzz_require(!isinf(f->value));
        fuzz_require(f->symbol.len != 0
                     && f->symbol.len <= WD_RECORD_SYMBOL_MAX);
        fuzz_require(f->item.len != 0 && wd_utf8_valid(f->item));
        fuzz_require(wd_record_text_ok(f->text, WD_RECORD_FIELD_MAX));
        fuzz_require(isnan(f->value) || f->text.len != 0);
        fuzz_require(f->record >= 0 && f->record < r->n_records);
    }
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail));
        fuzz_require(wd_utf8_valid(r->rejects[i].sample));
        fuzz_require(r->rejects[i].record < r->n_records);
    }
    fuzz_require(!r->refused || r->n_rejected != 0);
    fuzz_require(!r->refused || (r->n_bars == 0 && r->n_facts == 0));
    fuzz_require(!r->empty || (r->n_bars == 0 && r->n_facts == 0));
}


static void
run(int (*parse)(wd_str_t body, wd_records_t *ret), wd_str_t body)
{
    wd_pool_t   *pool = wd_pool_create(4096);
    wd_records_t r;

    if (pool == NULL) {
        return;
    }
    wd_records_init(&r, pool);
    fuzz_require(parse(body, &r) == WD_OK);
    check(&r);
    wd_pool_destroy(pool);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t    body = wd_str((const char *) data, size);
    wd_answer_t answer;

    run(wd_bbg_blp_parse, body);
    run(wd_bbg_dl_parse, body);

    fuzz_require(wd_bbg_classify(body, &answer) == WD_OK);
    fuzz_require(answer.class < WD_ANSWER_COUNT);
    fuzz_require(wd_utf8_valid(wd_str_z(answer.text)));
    return 0;
}
