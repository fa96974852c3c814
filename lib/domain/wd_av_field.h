/*
 * wd_av_field.h - names of Alpha Vantage's fields, in JSON keys ("1. open",
 * "07. latest trading day", "1: Symbol") and CSV headers ("latestDay").
 *
 * The number before the text differs between functions and years, so only
 * the text decides, without case, blanks and underscores. Crypto currencies
 * once had each price twice, "1a. open (CNY)" in their market's currency and
 * "1b. open (USD)": the second is no field.
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
    WD_AVF_INTERVAL,
    WD_AVF_RATE,
    WD_AVF_BID,
    WD_AVF_ASK,
    WD_AVF_EFFECTIVE,
    WD_AVF_DECLARED,
    WD_AVF_RECORDED,
    WD_AVF_PAID,
    WD_AVF_AMOUNT,
    WD_AVF_FACTOR,
    WD_AVF_VALUE,
    WD_AVF_UNIT,
    WD_AVF_EXCHANGE,
    WD_AVF_LISTED,
    WD_AVF_DELISTED,
    WD_AVF_STATUS
} wd_av_field_e;

wd_av_field_e wd_av_field(wd_str_t name);

#endif /* WD_AV_FIELD_H */
