/*
 * wd_av_row.c - rows of Alpha Vantage's tables as dividends, splits and
 * observations.
 */
#include "wd_av_record.h"

#include <math.h>


void
wd_av_row_init(wd_av_row_t *row)
{
    memset(row, 0, sizeof(*row));
    row->value = NAN;
    row->declared = row->recorded = row->paid = WD_NS_MIN;
}


/* A day; what is missing stays unsaid, what is none is noted. */
static void
wd_av_day(wd_ns_t *day, wd_str_t name, wd_str_t text, wd_av_bad_t *bad)
{
    wd_civil_t c;

    text = wd_str_trim(text);
    if (wd_missing(text)) {
        return;
    }
    if (wd_civil_parse(text, &c, NULL) != WD_OK) {
        if (bad->name.len == 0) {
            *bad = (wd_av_bad_t){name, text};
        }
        return;
    }
    c.hour = c.minute = c.second = c.ns = 0;
    if (wd_time_from_civil(&c, day) != WD_OK) {
        *day = WD_NS_MIN;
    }
}


void
wd_av_row_set(wd_av_row_t *row, wd_av_field_e field, wd_str_t name,
              wd_str_t text)
{
    switch (field) {
    case WD_AVF_TIME:
    case WD_AVF_EFFECTIVE:
        row->stamp = text;
        break;
    case WD_AVF_DECLARED:
        wd_av_day(&row->declared, name, text, &row->bad);
        break;
    case WD_AVF_RECORDED:
        wd_av_day(&row->recorded, name, text, &row->bad);
        break;
    case WD_AVF_PAID:
        wd_av_day(&row->paid, name, text, &row->bad);
        break;
    case WD_AVF_FACTOR:
        row->split = true;
        wd_av_figure(&row->value, name, text, &row->bad);
        break;
    case WD_AVF_AMOUNT:
    case WD_AVF_VALUE:
        wd_av_figure(&row->value, name, text, &row->bad);
        break;
    default:
        break;
    }
}


/* WD_EINVAL: rejected. */
static int
wd_av_row_check(wd_records_t *r, int32_t record, const wd_av_row_t *row,
                wd_str_t sample, wd_ns_t *ret_time)
{
    int  rc;
    bool is_date;

    if (!wd_av_stamp(row->stamp, ret_time, &is_date) || !is_date) {
        rc = wd_records_reject(r, record, WD_REASON_BAD_TIME, sample,
                               "date \"%.*s\"",
                               (int) wd_min(row->stamp.len, (size_t) 40),
                               row->stamp.data != NULL ? row->stamp.data : "");
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    if (row->bad.name.len != 0) {
        rc = wd_av_not_a_number(r, record, sample, &row->bad);
        return rc != WD_OK ? rc : WD_EINVAL;
    }
    return WD_OK;
}


int
wd_av_action_add(wd_records_t *r, const wd_av_row_t *row, wd_str_t sample)
{
    int              rc;
    int32_t          record = r->n_records++;
    wd_ns_t          time;
    wd_action_rec_t *slot;

    rc = wd_av_row_check(r, record, row, sample, &time);
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }
    if (isnan(row->value)) {
        return wd_records_reject(r, record, WD_REASON_MISSING_FIELD, sample,
                                 row->split ? "no factor" : "no amount");
    }

    slot = wd_records_action(r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    slot->sample = sample;
    slot->kind = row->split ? WD_ACTION_SPLIT : WD_ACTION_DIVIDEND;
    slot->effective = time;
    slot->declared = row->declared;
    slot->recorded = row->recorded;
    slot->paid = row->paid;
    slot->amount = row->value;
    slot->record = record;
    return WD_OK;
}


int
wd_av_observation_add(wd_records_t *r, const wd_av_row_t *row, wd_str_t sample)
{
    int                   rc;
    int32_t               record = r->n_records++;
    wd_ns_t               time;
    wd_observation_rec_t *slot;

    rc = wd_av_row_check(r, record, row, sample, &time);
    if (rc != WD_OK) {
        return rc == WD_EINVAL ? WD_OK : rc;
    }

    slot = wd_records_observation(r);
    if (slot == NULL) {
        return WD_ENOMEM;
    }
    slot->sample = sample;
    slot->time = time;
    slot->value = row->value;
    slot->record = record;
    return WD_OK;
}
