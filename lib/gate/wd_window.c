/*
 * wd_window.c - local midnights around an instant.
 */
#include "wd_window.h"

#define WD_WINDOW_NOW_MAX (INT64_C(7258118400) * WD_NS_PER_S) /* 2200 */


/* Months since year 0 of a civil date. */
static int
wd_window_month(const wd_civil_t *c)
{
    return c->year * 12 + c->month - 1;
}


/* The instant of the first local midnight of a day or a month. */
static wd_ns_t
wd_window_midnight(const wd_tz_t *tz, const wd_civil_t *c)
{
    wd_ns_t t = 0;

    if (tz != NULL && wd_tz_to_utc(tz, c, &t) == WD_OK) {
        return t;
    }
    (void) !wd_time_from_civil(c, &t);
    return t;
}


static wd_ns_t
wd_window_day_start(const wd_tz_t *tz, int64_t day)
{
    wd_civil_t c;

    wd_time_to_civil(day * WD_NS_PER_DAY, &c);
    return wd_window_midnight(tz, &c);
}


static wd_ns_t
wd_window_month_start(const wd_tz_t *tz, int64_t month)
{
    wd_civil_t c = {(int) (month / 12), (int) (month % 12) + 1, 1, 0, 0, 0, 0};

    return wd_window_midnight(tz, &c);
}


static wd_ns_t
wd_window_start(wd_window_e kind, const wd_tz_t *tz, int64_t n)
{
    return kind == WD_WINDOW_DAY ? wd_window_day_start(tz, n)
                                 : wd_window_month_start(tz, n);
}


/* The day or month that a clock on the wall shows. */
static int64_t
wd_window_local(wd_window_e kind, const wd_tz_t *tz, wd_ns_t now)
{
    wd_civil_t c;

    if (tz != NULL) {
        now += (wd_ns_t) wd_tz_offset(tz, now) * WD_NS_PER_S;
    }
    wd_time_to_civil(now, &c);
    return kind == WD_WINDOW_DAY ? wd_days_from_civil(c.year, c.month, c.day)
                                 : wd_window_month(&c);
}


void
wd_window_at(wd_window_e kind, const wd_tz_t *tz, wd_ns_t now, wd_window_t *ret)
{
    int64_t n;

    now = wd_max(now, WD_NS_PER_DAY);
    now = wd_min(now, WD_WINDOW_NOW_MAX);
    n = wd_window_local(kind, tz, now);

    /*
     * Where clocks are set back over midnight the old date comes again for
     * a while; windows follow the first midnight and never come back.
     */
    while (now >= wd_window_start(kind, tz, n + 1)) {
        n++;
    }
    while (now < wd_window_start(kind, tz, n)) {
        n--;
    }

    ret->start = wd_window_start(kind, tz, n);
    ret->end = wd_window_start(kind, tz, n + 1);
    ret->id = (uint32_t) n + 1;
}
