/*
 * wd_wb_parse.h - pages of the World Bank's Indicators API as observations.
 * Pure.
 */
#ifndef WD_WB_PARSE_H
#define WD_WB_PARSE_H

#include "wd_records.h"

/* JSON only. As wd_av_parse(). */
wd_must_check int wd_wb_parse(wd_str_t body, wd_records_t *ret);

/* "2010", "2012M08", "2013Q4", "2020-03-31": first day and frequency. */
bool wd_wb_period(wd_str_t s, wd_ns_t *ret, char *ret_frequency);

#endif /* WD_WB_PARSE_H */
