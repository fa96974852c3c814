/*
 * processing_time.c - zones, labels of intraday bars, ends of periods.
 */
#include "processing_time.h"

#include "wd_num.h"

#define AT(h, m) ((h) *WD_NS_PER_HOUR + (m) *WD_NS_PER_MIN)

#define EARLY_OPEN AT(4, 0) /* first instant of the extended session */
#define LATE_CLOSE AT(20, 0)
#define REGULAR_OPEN AT(9, 30)
#define REGULAR_CLOSE AT(16, 0)


int
processing_zones_load(processing_zones_t *zones, wd_error_t *err)
{
    zones->eastern = zones->utc = NULL;
    if (wd_tz_load("US/Eastern", &zones->eastern) != WD_OK
        && wd_tz_load("America/New_York", &zones->eastern) != WD_OK) {
        return wd_error(err, WD_ECONFIG,
                        "no zone file of America/New_York (tzdata)");
    }
    if (wd_tz_load("UTC", &zones->utc) != WD_OK) {
        return wd_error(err, WD_ECONFIG, "no zone file of UTC (tzdata)");
    }
    return WD_OK;
}


void
processing_zones_done(processing_zones_t *zones)
{
    wd_tz_destroy(zones->eastern);
    wd_tz_destroy(zones->utc);
    zones->eastern = zones->utc = NULL;
}


/* "+8", "-04", "+05:30"; false when it is none. */
static bool
processing_offset(wd_str_t s, wd_ns_t *ret)
{
    bool     west;
    int64_t  h, m = 0;
    wd_str_t hours;

    if (s.len < 2 || (s.data[0] != '+' && s.data[0] != '-')) {
        return false;
    }
    west = s.data[0] == '-';
    s.data++;
    s.len--;

    if (!wd_str_split(&s, ':', &hours) || wd_int_parse(hours, &h) != WD_OK
        || h < 0 || h > 14
        || (s.len != 0 && (wd_int_parse(s, &m) != WD_OK || m < 0 || m > 59))) {
        return false;
    }
    *ret = AT(h, m) * (west ? -1 : 1);
    return true;
}


int
processing_zone_by_name(const processing_zones_t *zones, wd_str_t name,
                        const wd_tz_t *otherwise, processing_zone_t *ret)
{
    name = wd_str_trim(name);
    ret->tz = NULL;
    ret->offset = 0;

    if (name.len == 0) {
        ret->tz = otherwise;
        return WD_OK;
    }
    if (memmem(name.data, name.len, "Eastern", 7) != NULL
        || wd_str_eq_z(name, "America/New_York")) {
        ret->tz = zones->eastern;
        return WD_OK;
    }
    if (wd_str_starts(name, "UTC") || wd_str_starts(name, "GMT")) {
        name.data += 3;
        name.len -= 3;
        if (name.len == 0 || processing_offset(name, &ret->offset)) {
            return WD_OK;
        }
    }
    return WD_ENOTFOUND;
}


int
processing_to_utc(const processing_zone_t *zone, wd_ns_t civil, wd_ns_t *ret)
{
    wd_civil_t c;

    if (zone->tz == NULL) {
        return __builtin_sub_overflow(civil, zone->offset, ret) ? WD_EOVERFLOW
                                                                : WD_OK;
    }
    wd_time_to_civil(civil, &c);
    return wd_tz_to_utc(zone->tz, &c, ret);
}


wd_timeframe_e
processing_interval(wd_str_t name)
{
    size_t i;

    static const struct {
        const char    *name;
        wd_timeframe_e tf;
    } intervals[] = {
        {"1min", WD_TF_1M},   {"PT1M", WD_TF_1M},     {"5min", WD_TF_5M},
        {"PT5M", WD_TF_5M},   {"15min", WD_TF_15M},   {"PT15M", WD_TF_15M},
        {"30min", WD_TF_30M}, {"PT30M", WD_TF_30M},   {"60min", WD_TF_1H},
        {"PT60M", WD_TF_1H},  {"PT1H", WD_TF_1H},     {"daily", WD_TF_1D},
        {"P1D", WD_TF_1D},    {"weekly", WD_TF_1W},   {"P1W", WD_TF_1W},
        {"P7D", WD_TF_1W},    {"monthly", WD_TF_1MO}, {"P1M", WD_TF_1MO}};

    for (i = 0; i < wd_array_len(intervals); i++) {
        if (wd_str_eq_z(name, intervals[i].name)) {
            return intervals[i].tf;
        }
    }
    return WD_TF_NONE;
}


static wd_ns_t
processing_time_of_day(wd_ns_t civil)
{
    wd_ns_t t = civil % WD_NS_PER_DAY;

    return t < 0 ? t + WD_NS_PER_DAY : t;
}


/* Had the late session of the stamp's day ended when it was fetched? */
static bool
processing_late_over(const processing_zone_t *zone, wd_ns_t civil,
                     wd_ns_t fetched_at)
{
    wd_ns_t end;

    civil += LATE_CLOSE - processing_time_of_day(civil);
    return processing_to_utc(zone, civil, &end) == WD_OK && fetched_at >= end;
}


bool
processing_labels_end(const wd_bar_rec_t *bars, size_t n,
                      const processing_zone_t *zone, wd_ns_t fetched_at)
{
    bool    at_4 = false, at_20 = false, at_930 = false, at_16 = false;
    bool    regular = true;
    size_t  i;
    wd_ns_t t;

    for (i = 0; i < n; i++) {
        t = processing_time_of_day(bars[i].time);
        at_4 = at_4 || t == EARLY_OPEN;
        at_20 = at_20 || t == LATE_CLOSE;
        at_930 = at_930 || t == REGULAR_OPEN;
        at_16 = at_16
                || (t == REGULAR_CLOSE
                    && processing_late_over(zone, bars[i].time, fetched_at));
        regular = regular && t >= REGULAR_OPEN && t <= REGULAR_CLOSE;
    }

    if (at_4 || at_20) {
        return at_20 && !at_4;
    }
    return regular && at_16 && !at_930;
}


/* 1970-01-01 was a Thursday. */
static bool
processing_weekend(wd_ns_t date)
{
    int64_t day = (date / WD_NS_PER_DAY + 3) % 7; /* 0: Monday */

    return day == 5 || day == 6;
}


static wd_ns_t
processing_last_day(processing_market_e market, wd_timeframe_e tf, wd_ns_t ts)
{
    wd_ns_t last = ts;

    if (tf == WD_TF_1W) {
        last = ts + 6 * WD_NS_PER_DAY;
    } else if (tf == WD_TF_1MO) {
        last = wd_timeframe_floor(tf, ts + wd_timeframe_ns(tf)) - WD_NS_PER_DAY;
    }
    while (market != PROCESSING_CRYPTO && tf > WD_TF_1D
           && processing_weekend(last)) {
        last -= WD_NS_PER_DAY;
    }
    return last;
}


bool
processing_period_over(const processing_zones_t *zones,
                       processing_market_e market, wd_timeframe_e tf,
                       wd_ns_t ts, wd_ns_t fetched_at)
{
    return processing_day_over(zones, market,
                               processing_last_day(market, tf, ts), fetched_at);
}


static wd_ns_t
processing_first_day(processing_market_e market, wd_ns_t ts)
{
    while (market != PROCESSING_CRYPTO && processing_weekend(ts)) {
        ts += WD_NS_PER_DAY;
    }
    return ts;
}


bool
processing_period_cut(const processing_zones_t *zones,
                      processing_market_e market, wd_timeframe_e tf, wd_ns_t ts,
                      const processing_asked_t *asked, wd_ns_t fetched_at)
{
    if (tf <= WD_TF_1D) {
        return false;
    }
    if (asked->has_from && processing_first_day(market, ts) < asked->from) {
        return true;
    }
    return asked->has_to && processing_last_day(market, tf, ts) > asked->to
           && processing_period_over(zones, market, tf, ts, fetched_at);
}


bool
processing_day_over(const processing_zones_t *zones, processing_market_e market,
                    wd_ns_t date, wd_ns_t fetched_at)
{
    wd_ns_t           end;
    processing_zone_t zone = {zones->eastern, 0};

    if (market != PROCESSING_EXCHANGE) {
        return fetched_at >= date + WD_NS_PER_DAY;
    }
    return processing_to_utc(&zone, date + REGULAR_CLOSE, &end) != WD_OK
           || fetched_at >= end;
}
