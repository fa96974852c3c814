/*
 * wd_av_field.h - names of Alpha Vantage's fields, in JSON keys ("1. open",
 * "07. latest trading day", "1: Symbol") and CSV headers ("latestDay").
 *
 * The number before the text differs between functions and years, so only
 * the text decides, without case, blanks and underscores.
 */
#ifndef WD_AV_FIELD_H
#define WD_AV_FIELD_H

#include "wd_str.h"

typedef enum {
    WD_AVF_NONE,
    WD_AVF_TIME,
    WD_AVF_OPEN,
    WD_AVF_HIGH,
    WD_AVF_LOW,
    WD_AVF_CLOSE,
    WD_AVF_VOLUME,
    WD_AVF_ADJUSTED,
    WD_AVF_DIVIDEND,
    WD_AVF_SPLIT,
    WD_AVF_SYMBOL,
    WD_AVF_PRICE,
    WD_AVF_DAY,
    WD_AVF_PREVIOUS,
    WD_AVF_NAME,
    WD_AVF_TYPE,
    WD_AVF_REGION,
    WD_AVF_ZONE,
    WD_AVF_CURRENCY,
    WD_AVF_FROM,
    WD_AVF_TO,
    WD_AVF_REFRESHED,
    WD_AVF_INTERVAL
} wd_av_field_e;

wd_av_field_e wd_av_field(wd_str_t name);

#endif /* WD_AV_FIELD_H */
