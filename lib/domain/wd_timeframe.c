/*
 * wd_timeframe.c - bar lengths.
 */
#include "wd_timeframe.h"

static const struct {
    const char *name;
    wd_ns_t     ns;
} wd_timeframes[] = {
    {"", 0},
    {"1m", WD_NS_PER_MIN},
    {"5m", 5 * WD_NS_PER_MIN},
    {"15m", 15 * WD_NS_PER_MIN},
    {"30m", 30 * WD_NS_PER_MIN},
    {"1h", WD_NS_PER_HOUR},
    {"1d", WD_NS_PER_DAY},
    {"1w", 7 * WD_NS_PER_DAY},
    {"1mo", 31 * WD_NS_PER_DAY},
};


wd_timeframe_e
wd_timeframe_by_name(wd_str_t name)
{
    size_t i;

    for (i = 1; i < wd_array_len(wd_timeframes); i++) {
        if (wd_str_eq_z(name, wd_timeframes[i].name)) {
            return (wd_timeframe_e) i;
        }
    }
    return WD_TF_NONE;
}


const char *
wd_timeframe_name(wd_timeframe_e tf)
{
    return wd_timeframes[tf].name;
}


wd_ns_t
wd_timeframe_ns(wd_timeframe_e tf)
{
    return wd_timeframes[tf].ns;
}


wd_ns_t
wd_timeframe_floor(wd_timeframe_e tf, wd_ns_t t)
{
    wd_ns_t    rest, shift, step;
    wd_civil_t c;

    if (tf == WD_TF_1MO) {
        wd_time_to_civil(t, &c);
        c.day = 1;
        c.hour = c.minute = c.second = c.ns = 0;
        return wd_time_from_civil(&c, &rest) == WD_OK ? rest : t;
    }

    /* 1970-01-01 was a Thursday: weeks begin three days before. */
    shift = tf == WD_TF_1W ? 3 * WD_NS_PER_DAY : 0;
    step = wd_timeframe_ns(tf);
    rest = (t + shift) % step;
    return t - (rest < 0 ? rest + step : rest);
}
