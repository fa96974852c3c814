/*
 * wd_av_record.h - one record of an Alpha Vantage answer from its fields;
 * shared by the JSON and the CSV reader.
 */
#ifndef WD_AV_RECORD_H
#define WD_AV_RECORD_H

#include "wd_av_field.h"
#include "wd_records.h"

/* The first field of a record that was no number, "" if all were. */
typedef struct {
    wd_str_t name;
    wd_str_t text;
} wd_av_bad_t;

void wd_av_bar_init(wd_bar_rec_t *bar);
void wd_av_quote_init(wd_quote_rec_t *quote);

/* A field that does not belong there is ignored. */
void wd_av_bar_set(wd_bar_rec_t *bar, wd_av_field_e field, wd_str_t name,
                   wd_str_t text, wd_av_bad_t *bad);
void wd_av_quote_set(wd_quote_rec_t *quote, wd_av_field_e field, wd_str_t name,
                     wd_str_t text, wd_av_bad_t *bad);
void wd_av_instrument_set(wd_instrument_rec_t *inst, wd_av_field_e field,
                          wd_str_t text);

/*
 * Adds the record, or rejects it when its stamp or a figure cannot be read
 * or what makes it a record is missing. WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_av_bar_add(wd_records_t *r, wd_bar_rec_t *bar,
                                wd_str_t stamp, const wd_av_bad_t *bad,
                                wd_str_t sample);
wd_must_check int wd_av_quote_add(wd_records_t *r, wd_quote_rec_t *quote,
                                  const wd_av_bad_t *bad, wd_str_t sample);
wd_must_check int wd_av_instrument_add(wd_records_t        *r,
                                       wd_instrument_rec_t *inst,
                                       wd_str_t             sample);

/* A row of a table: a dividend, a split, an observation. */
typedef struct {
    wd_str_t    stamp;
    wd_ns_t     declared; /* days; WD_NS_MIN: not said */
    wd_ns_t     recorded;
    wd_ns_t     paid;
    double      value; /* NAN: missing */
    bool        split;
    wd_av_bad_t bad;
} wd_av_row_t;

void wd_av_row_init(wd_av_row_t *row);
void wd_av_row_set(wd_av_row_t *row, wd_av_field_e field, wd_str_t name,
                   wd_str_t text);
wd_must_check int wd_av_action_add(wd_records_t *r, const wd_av_row_t *row,
                                   wd_str_t sample);

/* Whose it is, and how often there is one, is not said in a row. */
wd_must_check int wd_av_observation_add(wd_records_t *r, const wd_av_row_t *row,
                                        wd_str_t sample);

/* A field of a table of quotes: its stamp has a time, its close is a price. */
void wd_av_bulk_set(wd_quote_rec_t *quote, wd_av_field_e field, wd_str_t name,
                    wd_str_t text, wd_av_bad_t *bad);

/* The symbol of a pair from both of its codes, if both are there. */
wd_must_check int wd_av_pair(wd_records_t *r);

/* "2018-08-22", "2018-08-22 14:15:00", "2017-12-01 15:45" */
bool wd_av_stamp(wd_str_t s, wd_ns_t *ret, bool *ret_is_date);

/* NAN when missing; the first that is no number is noted in *bad. */
void              wd_av_figure(double *figure, wd_str_t name, wd_str_t text,
                               wd_av_bad_t *bad);
wd_must_check int wd_av_not_a_number(wd_records_t *r, int32_t record,
                                     wd_str_t sample, const wd_av_bad_t *bad);

#endif /* WD_AV_RECORD_H */
