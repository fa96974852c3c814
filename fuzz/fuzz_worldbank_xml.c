/*
 * fuzz_worldbank_xml.c - the World Bank's XML: parser and judgement see the
 * same answer.
 */
#include "fuzz.h"

#include "wd_pool.h"
#include "wd_wb_answer.h"
#include "wd_wb_xml.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(const wd_records_t *r)
{
    size_t                      i;
    const wd_observation_rec_t *o;

    for (i = 0; i < r->n_observations; i++) {
        o = &r->observations[i];
        fuzz_require(isfinite(o->value) || isnan(o->value));
        fuzz_require(o->indicator.len != 0 && o->country.len != 0);
        fuzz_require(wd_record_text_ok(o->indicator, 64));
        fuzz_require(wd_record_text_ok(o->country_name, 1024));
        fuzz_require(wd_record_text_ok(o->status, 1024));
        fuzz_require(o->record >= 0 && o->record < r->n_records);
        fuzz_require(i == 0 || o->record > r->observations[i - 1].record);
    }
    fuzz_require(!r->refused || (r->n_rejected != 0 && r->n_observations == 0));
}


/* A whole page is data for both; an error of the provider for both, too. */
static void
agree(const wd_records_t *r, const wd_answer_t *a, const wd_wb_page_t *p)
{
    if (!r->refused && r->n_rejected == 0 && a->class == WD_ANSWER_OK) {
        fuzz_require(p->rows == r->n_records && p->page == r->page);
    }
    if (r->empty && r->n_rejected == 0) {
        fuzz_require(a->class == WD_ANSWER_EMPTY
                     || a->class == WD_ANSWER_MALFORMED);
    }
    if (r->refused && r->rejects[0].reason == WD_REASON_PROVIDER_ERROR) {
        fuzz_require(a->class != WD_ANSWER_OK && a->class != WD_ANSWER_EMPTY
                     && a->class != WD_ANSWER_PARTIAL);
    }
    fuzz_require(p->page >= 0 && p->pages >= 0 && p->total >= 0
                 && p->rows >= 0);
    fuzz_require(wd_utf8_valid(wd_str_z(a->text)));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t     body = wd_str((const char *) data, size);
    wd_pool_t   *pool;
    wd_answer_t  a;
    wd_wb_page_t p;
    wd_records_t r;

    if (size == 0 || data[0] != '<') {
        return 0; /* the callers take it for something else */
    }
    pool = wd_pool_create(4096);
    if (pool == NULL) {
        return 0;
    }

    wd_records_init(&r, pool);
    fuzz_require(wd_wb_xml_parse(WD_WB_INDICATOR, body, &r) == WD_OK);
    check(&r);
    fuzz_require(wd_wb_xml_classify(body, &a, &p) == WD_OK);
    agree(&r, &a, &p);
    wd_pool_destroy(pool);
    return 0;
}
