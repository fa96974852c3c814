/*
 * wd_wb_row.c - the World Bank's rows as observations: which period, which
 * country, what is missing.
 */
#include "wd_wb_row.h"

#include "wd_wb_country.h"
#include "wd_wb_parse.h"


static bool
wd_wb_digits(wd_str_t s, size_t from, size_t n, int *ret)
{
    size_t i;

    *ret = 0;
    if (s.len < from + n) {
        return false;
    }
    for (i = from; i < from + n; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') {
            return false;
        }
        *ret = *ret * 10 + (s.data[i] - '0');
    }
    return true;
}


bool
wd_wb_period(wd_str_t s, wd_ns_t *ret, char *ret_frequency)
{
    int        quarter;
    wd_civil_t c = {.month = 1, .day = 1};

    s = wd_str_trim(s);
    if (!wd_wb_digits(s, 0, 4, &c.year)) {
        return false;
    }

    if (s.len == 4) {
        *ret_frequency = 'A';
    } else if (s.len == 7 && s.data[4] == 'M'
               && wd_wb_digits(s, 5, 2, &c.month)) {
        *ret_frequency = 'M';
    } else if (s.len == 6 && s.data[4] == 'Q' && wd_wb_digits(s, 5, 1, &quarter)
               && quarter >= 1 && quarter <= 4) {
        c.month = quarter * 3 - 2;
        *ret_frequency = 'Q';
    } else if (s.len == 10 && s.data[4] == '-' && s.data[7] == '-'
               && wd_wb_digits(s, 5, 2, &c.month)
               && wd_wb_digits(s, 8, 2, &c.day)) {
        *ret_frequency = 'D';
    } else {
        return false;
    }

    return wd_civil_valid(&c) && wd_time_from_civil(&c, ret) == WD_OK;
}


static bool
wd_wb_texts_ok(const wd_observation_rec_t *o)
{
    size_t         i;
    const wd_str_t texts[] = {o->indicator_name, o->country_name, o->unit,
                              o->status};

    for (i = 0; i < wd_array_len(texts); i++) {
        if (!wd_record_text_ok(texts[i], WD_WB_TEXT_MAX)) {
            return false;
        }
    }
    return o->country2.len == 0
           || wd_record_code_ok(o->country2, WD_WB_CODE_MAX);
}


/* "" and what stands for nothing become missing. */
static wd_str_t
wd_wb_or_null(wd_str_t s)
{
    s = wd_str_trim(s);
    return s.len == 0 ? WD_STR_NULL : s;
}


bool
wd_wb_row_strange(const wd_wb_row_t *row)
{
    return !row->has_indicator && !row->has_date;
}


int
wd_wb_row_add(wd_records_t *r, wd_wb_row_t *row, wd_str_t sample)
{
    bool                  indicator_ok;
    int32_t               record = r->n_records++;
    wd_observation_rec_t *o = &row->o, *slot;

    o->indicator = wd_str_trim(o->indicator);
    o->country2 = wd_str_trim(o->country2);
    o->country = wd_wb_country(o->country2, wd_str_trim(row->iso3),
                               &o->aggregate);
    indicator_ok = wd_record_code_ok(o->indicator, WD_WB_CODE_MAX);
    if (!indicator_ok || !wd_record_code_ok(o->country, WD_WB_CODE_MAX)) {
        return wd_records_reject(r, record, WD_REASON_MISSING_FIELD, sample,
                                 "no code of the %s",
                                 indicator_ok ? "country" : "indicator");
    }

    o->country2 = wd_wb_or_null(o->country2);
    o->indicator_name = wd_wb_or_null(o->indicator_name);
    o->country_name = wd_wb_or_null(o->country_name);
    o->unit = wd_wb_or_null(o->unit);
    o->status = wd_wb_or_null(o->status);
    if (!wd_wb_texts_ok(o)) {
        return wd_records_reject(r, record, WD_REASON_SYNTAX, sample,
                                 "a text that is no UTF-8, or too long");
    }
    if (!wd_wb_period(row->date, &o->time, &o->frequency)) {
        return wd_records_reject(r, record, WD_REASON_BAD_TIME, sample,
                                 "period \"%.*s\"",
                                 (int) wd_min(row->date.len, (size_t) 40),
                                 row->date.data != NULL ? row->date.data : "");
    }
    if (wd_figure_parse(wd_str_trim(row->value), &o->value) != WD_OK) {
        return wd_records_reject(
            r, record, WD_REASON_NOT_A_NUMBER, sample, "value is \"%.*s\"",
            (int) wd_min(row->value.len, (size_t) 40), row->value.data);
    }

    slot = wd_records_observation(r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    *slot = *o;
    slot->sample = sample;
    slot->record = record;
    return WD_OK;
}
