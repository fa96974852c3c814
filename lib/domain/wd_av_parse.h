/*
 * wd_av_parse.h - Alpha Vantage's answers as records. Pure.
 */
#ifndef WD_AV_PARSE_H
#define WD_AV_PARSE_H

#include "wd_records.h"

typedef enum {
    WD_AV_DAILY,
    WD_AV_DAILY_ADJUSTED,
    WD_AV_INTRADAY,
    WD_AV_FX_DAILY,
    WD_AV_QUOTE,
    WD_AV_SEARCH,
    WD_AV_OVERVIEW
} wd_av_dataset_e;

/* "daily", ... as the catalogue's ingest.run names them. */
bool wd_av_dataset_by_name(wd_str_t name, wd_av_dataset_e *ret);

/*
 * JSON or CSV, whichever the first byte says. *ret was initialised; `body`
 * must stay as long as *ret. WD_OK, whatever the body holds: what is wrong
 * with it stands in ret->rejects and ret->refused. WD_ENOMEM.
 */
wd_must_check int wd_av_parse(wd_av_dataset_e dataset, wd_str_t body,
                              wd_records_t *ret);

#endif /* WD_AV_PARSE_H */
