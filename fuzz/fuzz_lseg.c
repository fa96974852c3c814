/*
 * fuzz_lseg.c - LSEG's answers: the first byte chooses the data set; the rest
 * is parsed, judged, and read as a token.
 */
#include "fuzz.h"

#include "wd_lseg_answer.h"
#include "wd_lseg_parse.h"
#include "wd_pool.h"

#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* A figure or none, never an infinite one. */
static bool
figure(double v)
{
    return isfinite(v) || isnan(v);
}


static bool
symbol(wd_str_t s)
{
    return s.len != 0 && s.len <= WD_RECORD_SYMBOL_MAX && wd_utf8_valid(s);
}


static void
check_prices(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_bars; i++) {
        const wd_bar_rec_t *b = &r->bars[i];

        fuzz_require(isfinite(b->open) && isfinite(b->high) && isfinite(b->low)
                     && isfinite(b->close) && figure(b->volume));
        fuzz_require(b->record >= 0 && b->record < r->n_records);
    }
    for (i = 0; i < r->n_quotes; i++) {
        const wd_quote_rec_t *q = &r->quotes[i];

        fuzz_require(symbol(q->symbol) && figure(q->price) && figure(q->bid)
                     && figure(q->ask) && figure(q->volume));
        fuzz_require(!isnan(q->price) || !isnan(q->bid) || !isnan(q->ask));
        fuzz_require(q->record >= 0 && q->record < r->n_records);
    }
    for (i = 0; i < r->n_trades; i++) {
        fuzz_require(symbol(r->trades[i].symbol) && isfinite(r->trades[i].price)
                     && figure(r->trades[i].size));
    }
    fuzz_require(r->n_bars + r->n_quotes + r->n_trades == 0
                 || symbol(r->symbol));
}


static void
check_names(const wd_records_t *r)
{
    size_t i;

    for (i = 0; i < r->n_facts; i++) {
        const wd_fact_rec_t *f = &r->facts[i];

        fuzz_require(symbol(f->symbol) && f->item.len != 0 && figure(f->value));
        fuzz_require(wd_record_text_ok(f->item, WD_RECORD_FIELD_MAX)
                     && wd_record_text_ok(f->text, WD_RECORD_FIELD_MAX)
                     && wd_record_text_ok(f->unit, WD_RECORD_FIELD_MAX));
    }
    for (i = 0; i < r->n_identifiers; i++) {
        fuzz_require(
            symbol(r->identifiers[i].symbol) && symbol(r->identifiers[i].scheme)
            && r->identifiers[i].value.len != 0
            && wd_record_text_ok(r->identifiers[i].value, WD_RECORD_FIELD_MAX));
    }
    for (i = 0; i < r->n_instruments; i++) {
        fuzz_require(
            symbol(r->instruments[i].symbol)
            && wd_record_text_ok(r->instruments[i].name, WD_RECORD_FIELD_MAX));
    }
}


static void
check(const wd_records_t *r)
{
    size_t i;

    check_prices(r);
    check_names(r);
    for (i = 0; i < r->n_rejects; i++) {
        fuzz_require(wd_utf8_valid(r->rejects[i].detail)
                     && wd_utf8_valid(r->rejects[i].sample));
        fuzz_require(r->rejects[i].record < r->n_records);
    }
    fuzz_require(!r->refused || r->n_rejected != 0);
    fuzz_require(!r->empty || r->n_records == 0);
    fuzz_require(!r->refused || r->n_bars + r->n_quotes + r->n_facts == 0);
}


static void
check_answer(const wd_answer_t *a)
{
    size_t n = strnlen(a->text, sizeof(a->text));

    fuzz_require(a->class < WD_ANSWER_COUNT && n < sizeof(a->text)
                 && a->wait_s >= 0 && wd_utf8_valid(wd_str(a->text, n)));
    fuzz_require(a->class != WD_ANSWER_OK || n == 0);
}


static void
check_token(wd_str_t body)
{
    wd_answer_t            a;
    static wd_lseg_token_t t;

    fuzz_require(wd_lseg_token(body, &t, &a) == WD_OK);
    check_answer(&a);
    fuzz_require((a.class == WD_ANSWER_OK) == (t.access[0] != '\0'));
    fuzz_require((a.class == WD_ANSWER_OK) == (t.expires_s > 0));
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wd_str_t     body;
    wd_pool_t   *pool;
    wd_answer_t  a;
    wd_records_t r;

    pool = wd_pool_create(4096);
    if (size == 0 || pool == NULL) {
        wd_pool_destroy(pool);
        return 0;
    }

    body = wd_str((const char *) data + 1, size - 1);
    wd_records_init(&r, pool);
    fuzz_require(
        wd_lseg_parse((wd_lseg_dataset_e) (data[0] % (WD_LSEG_SEARCH + 1)),
                      body, &r)
        == WD_OK);
    check(&r);
    fuzz_require(wd_lseg_classify(body, &a) == WD_OK);
    check_answer(&a);
    check_token(body);
    wd_pool_destroy(pool);
    return 0;
}
