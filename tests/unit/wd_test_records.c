/*
 * wd_test_records.c - copies of payloads, counts of records, times of texts.
 */
#include "wd_test_records.h"


wd_str_t
wd_test_copy(wd_test_parsed_t *p, const char *text, size_t n)
{
    p->pool = wd_pool_create(4096);
    assert_non_null(p->pool);
    p->body = malloc(n != 0 ? n : 1);
    assert_non_null(p->body);
    memcpy(p->body, text, n);
    wd_records_init(&p->r, p->pool);
    return wd_str(p->body, n);
}


wd_str_t
wd_test_copy_z(wd_test_parsed_t *p, const char *text)
{
    return wd_test_copy(p, text, strlen(text));
}


void
wd_test_parsed_done(wd_test_parsed_t *p)
{
    free(p->body);
    wd_pool_destroy(p->pool);
}


void
wd_test_assert_rejected(const wd_records_t *r, size_t i, wd_reason_e reason,
                        int32_t record)
{
    assert_true(i < r->n_rejects);
    assert_string_equal(wd_reason_name(r->rejects[i].reason),
                        wd_reason_name(reason));
    assert_int_equal(r->rejects[i].record, record);
}


size_t
wd_test_records_count(const wd_records_t *r)
{
    return r->n_bars + r->n_quotes + r->n_instruments + r->n_fields
           + r->n_observations + r->n_trades + r->n_actions + r->n_facts
           + r->n_identifiers + r->n_news + r->n_mentions;
}


wd_ns_t
wd_test_day(const char *text)
{
    wd_ns_t    t;
    wd_civil_t c;

    assert_ok(wd_civil_parse(wd_str_z(text), &c, NULL));
    assert_ok(wd_time_from_civil(&c, &t));
    return t;
}


wd_ns_t
wd_test_time(const char *text)
{
    wd_ns_t t;

    assert_ok(wd_time_parse(wd_str_z(text), &t, NULL));
    return t;
}


void
wd_test_assert_fact(const wd_test_parsed_t *p, size_t i, const char *symbol,
                    const char *item, const char *text)
{
    const wd_fact_rec_t *f = &p->r.facts[i];

    assert_true(i < p->r.n_facts);
    assert_view(f->symbol, symbol);
    assert_view(f->item, item);
    if (text == NULL) {
        assert_null(f->text.data);
    } else {
        assert_view(f->text, text);
    }
}
