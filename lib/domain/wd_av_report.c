/*
 * wd_av_report.c - one period of Alpha Vantage's statements and earnings: its
 * figures as facts.
 */
#include "wd_av_json.h"

#include <math.h>

#define WD_AV_ITEM_MAX 64 /* bytes of an item's name */


/* "annualReports" to "annual". */
static wd_str_t
wd_av_period(wd_str_t list)
{
    return wd_str_starts(list, "annual") ? WD_STR("annual")
                                         : WD_STR("quarterly");
}


static int
wd_av_fact(wd_av_parse_t *a, wd_str_t item, wd_str_t text, wd_str_t period)
{
    wd_fact_rec_t *f;

    text = wd_str_trim(text);
    if (!wd_record_text_ok(item, WD_AV_ITEM_MAX) || item.len == 0
        || !wd_record_text_ok(text, WD_RECORD_FIELD_MAX)) {
        return wd_records_reject(a->r, a->r->n_records, WD_REASON_SYNTAX, item,
                                 "the item's name or text is none");
    }

    f = wd_records_fact(a->r);
    if (f == NULL) {
        return WD_ENOMEM;
    }
    f->item = item;
    f->period = period;
    f->value = NAN;
    f->record = a->r->n_records;
    if (!wd_missing(text)) {
        f->text = text;
        if (wd_figure_parse(text, &f->value) != WD_OK) {
            f->value = NAN; /* a text, such as "pre-market" */
        }
    }
    return WD_OK;
}


/* The day and the currency may stand behind the figures. */
static int
wd_av_report_end(wd_av_parse_t *a, size_t from, wd_str_t day, wd_str_t currency,
                 wd_str_t sample)
{
    bool    is_date;
    size_t  i;
    wd_ns_t time;
    int32_t record = a->r->n_records++;

    if (!wd_av_stamp(day, &time, &is_date) || !is_date) {
        a->r->n_facts = from;
        return wd_records_reject(a->r, record, WD_REASON_BAD_TIME, sample,
                                 "fiscalDateEnding \"%.*s\"",
                                 (int) wd_min(day.len, (size_t) 40),
                                 day.data != NULL ? day.data : "");
    }
    for (i = from; i < a->r->n_facts; i++) {
        a->r->facts[i].sample = sample;
        a->r->facts[i].time = time;
        a->r->facts[i].unit = currency;
    }
    return WD_OK;
}


int
wd_av_report(wd_av_parse_t *a, wd_str_t list)
{
    int         rc;
    bool        first = true, scalar;
    size_t      from = a->r->n_facts;
    const char *mark = a->s.p;
    wd_str_t    key, text, day = WD_STR_NULL, currency = WD_STR_NULL;

    rc = wd_json_scan_open(&a->s, '{');
    while (rc == WD_OK
           && (rc = wd_av_member(a, &first, &key, &text, &scalar)) == WD_OK) {
        if (wd_str_eq_z(key, "fiscalDateEnding")) {
            day = text;
        } else if (wd_str_eq_z(key, "reportedCurrency")) {
            currency = wd_missing(text)
                               || !wd_record_code_ok(text, WD_RECORD_SYMBOL_MAX)
                           ? WD_STR_NULL
                           : text;
        } else if (scalar && a->r->n_facts < WD_RECORDS_MAX) {
            rc = wd_av_fact(a, key, text, wd_av_period(list));
        }
    }
    if (rc != WD_ENOTFOUND) {
        a->r->n_facts = from; /* a part of a period is none */
        return rc;
    }
    return wd_av_report_end(a, from, day, currency, wd_av_slice(mark, a->s.p));
}
