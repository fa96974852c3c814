/*
 * wd_av_csv.h - Alpha Vantage's CSV answers (datatype=csv) as records.
 */
#ifndef WD_AV_CSV_H
#define WD_AV_CSV_H

#include "wd_av_parse.h"

/* As wd_av_parse(), for a body that is no JSON. */
wd_must_check int wd_av_csv(wd_av_dataset_e dataset, wd_str_t body,
                            wd_records_t *ret);

#endif /* WD_AV_CSV_H */
