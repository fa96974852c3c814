/*
 * wd_timeframe.h - lengths of bars, as stored (table bar) and as asked for.
 */
#ifndef WD_TIMEFRAME_H
#define WD_TIMEFRAME_H

#include "wd_str.h"
#include "wd_time.h"

typedef enum {
    WD_TF_NONE = 0,
    WD_TF_1M = 1,
    WD_TF_5M = 2,
    WD_TF_15M = 3,
    WD_TF_30M = 4,
    WD_TF_1H = 5,
    WD_TF_1D = 6,
    WD_TF_1W = 7,
    WD_TF_1MO = 8
} wd_timeframe_e;

/* "1m" ... "1mo"; WD_TF_NONE for another text. */
wd_timeframe_e wd_timeframe_by_name(wd_str_t name);
const char    *wd_timeframe_name(wd_timeframe_e tf);

/* Nominal length; of 1mo 31 days. */
wd_ns_t wd_timeframe_ns(wd_timeframe_e tf);

/*
 * First instant of the bar that holds t: whole minutes and hours of UTC, days
 * of UTC, weeks from Monday, months.
 */
wd_ns_t wd_timeframe_floor(wd_timeframe_e tf, wd_ns_t t);

#endif /* WD_TIMEFRAME_H */
