/*
 * fuzz_gds.c - answers of the Capital IQ client service, and what it is
 * asked: facts are about what was asked for alone, requests can be read.
 */
#include "fuzz.h"

#include "wd_gds_answer.h"
#include "wd_gds_parse.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const wd_gds_item_t items[] = {
    {.function = WD_STR("GDSP"),
     .identifier = WD_STR("A:"),
     .mnemonic = WD_STR("IQ_X"),
     .currency = WD_STR("USD"),
     .scale = WD_STR("millions")},
    {.function = WD_STR("GDSHE"),
     .identifier = WD_STR("A:"),
     .mnemonic = WD_STR("IQ_X"),
     .period = WD_STR("IQ_LTM")},
    {.function = WD_STR("GDST"),
     .identifier = WD_STR("B:"),
     .mnemonic = WD_STR("IQ_X")},
    {.function = WD_STR("GDSG"),
     .identifier = WD_STR("B:"),
     .mnemonic = WD_STR("IQ_G")},
};


static void
check_facts(const wd_records_t *r)
{
    size_t               i;
    int32_t              last = -1;
    const wd_fact_rec_t *f;

    for (i = 0; i < r->n_facts; i++) {
        f = &r->facts[i];
        fuzz_require(f->record > last && f->record < r->n_records);
        last = f->record;
        fuzz_require(wd_str_eq_z(f->symbol, "A:")
                     || wd_str_eq_z(f->symbol, "B:"));
        fuzz_require(f->item.len != 0 && wd_utf8_valid(f->item));
        fuzz_require(!isinf(f->value));
        fuzz_require(f->text.data != NULL || isnan(f->value));
        fuzz_require(wd_record_text_ok(f->text, WD_RECORD_FIELD_MAX));
        fuzz_require(wd_utf8_valid(f->unit) && wd_utf8_valid(f->period));
    }
}


static void
check_parse(wd_str_t body, wd_pool_t *pool)
{
    size_t       i;
    wd_records_t r;

    wd_records_init(&r, pool);
    fuzz_require(wd_gds_parse(body, items, wd_array_len(items), &r) == WD_OK);
    check_facts(&r);
    for (i = 0; i < r.n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r.rejects[i].detail)
                     && wd_utf8_valid(r.rejects[i].sample));
    }
    fuzz_require(!r.refused || (r.n_rejected != 0 && r.n_facts == 0));
    fuzz_require(!r.empty || r.n_facts == 0);
}


static void
check_answers(wd_str_t body, wd_pool_t *pool)
{
    wd_answer_t    a;
    wd_gds_batch_t b;
    wd_gds_token_t t;

    fuzz_require(wd_gds_classify_batch(body, &a, &b) == WD_OK);
    fuzz_require(b.good + b.failed == b.entries && a.wait_s >= 0);
    fuzz_require(a.class != WD_ANSWER_OK || (b.failed == 0 && b.good != 0));
    fuzz_require((b.failed == 0) == (b.worst == WD_ANSWER_OK));
    fuzz_require(wd_utf8_valid(wd_str_z(a.text)));

    fuzz_require(wd_gds_classify_token(body, pool, &a, &t) == WD_OK);
    fuzz_require((a.class == WD_ANSWER_OK) == (t.access.len != 0));
    fuzz_require(t.expires_s >= 0 && t.expires_s <= WD_GDS_TOKEN_LIFE_MAX);
}


/* The lines of the input as the texts of an item. */
static void
check_request(wd_str_t body)
{
    size_t        i;
    json_t       *root;
    wd_buf_t      out = WD_BUF_INIT;
    wd_error_t    err;
    wd_gds_item_t item = {.function = WD_STR("GDSP")};
    wd_str_t     *texts[] = {&item.identifier, &item.mnemonic, &item.currency,
                             &item.period,     &item.as_of,    &item.start};

    for (i = 0; i < wd_array_len(texts); i++) {
        if (!wd_str_split(&body, '\n', texts[i])) {
            break;
        }
    }
    if (wd_gds_request(&item, 1, &out) == WD_OK) {
        fuzz_require(wd_answer_json(wd_buf_view(&out), &root, &err) == WD_OK);
        json_decref(root);
    }
    wd_buf_done(&out);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t   body = wd_str((const char *) data, size);
    wd_pool_t *pool = wd_pool_create(4096);

    if (pool == NULL) {
        return 0;
    }
    check_parse(body, pool);
    check_answers(body, pool);
    check_request(body);
    wd_pool_destroy(pool);
    return 0;
}
