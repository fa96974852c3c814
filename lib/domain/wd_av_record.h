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

#endif /* WD_AV_RECORD_H */
