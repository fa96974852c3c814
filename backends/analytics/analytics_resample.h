/*
 * analytics_resample.h - longer bars from shorter ones.
 *
 * Open of the first part, highest high, lowest low, close of the last part,
 * sum of the volumes that were reported, all quality flags. t is the start of
 * the bar: the whole minute or hour of UTC, of a week Monday, of a month its
 * first day.
 */
#ifndef ANALYTICS_RESAMPLE_H
#define ANALYTICS_RESAMPLE_H

#include "analytics_bar.h"
#include "wd_timeframe.h"

/* Between which parts a bar lies: how far the parts reach. */
typedef struct {
    wd_ns_t before; /* t of the last part before it; WD_NS_MIN: none is known */
    wd_ns_t first; /* t of its earliest part */
    wd_ns_t last;
    wd_ns_t after; /* WD_NS_MAX: none is known */
    wd_ns_t gap; /* the longest from one of its parts to the next */
} analytics_reach_t;

typedef struct {
    wd_timeframe_e    timeframe;
    bool              open; /* `bar` holds parts */
    analytics_bar_t   bar;
    analytics_reach_t reach; /* of `bar`, one end of it still open */
    analytics_reach_t done; /* of the bar that was returned last */
} analytics_resample_t;

void analytics_resample_init(analytics_resample_t *r, wd_timeframe_e tf);

/*
 * Parts come in time order, forwards or backwards. True: *ret is the bar
 * before, which is complete.
 */
bool analytics_resample_push(analytics_resample_t  *r,
                             const analytics_bar_t *part, analytics_bar_t *ret);

/* After the last part: true when *ret is one more bar. */
bool analytics_resample_end(analytics_resample_t *r, analytics_bar_t *ret);

/*
 * Are days all that there is of the week or month that begins at t? No, when
 * they begin behind its first weekday, or end before its last one, and none
 * stands near before or behind: then the days that are stored begin or end
 * within it, or have a hole there. Nor when the hole is within it. Exchanges
 * are closed for less than ANALYTICS_CLOSED_NS at a time.
 */
#define ANALYTICS_CLOSED_NS (12 * WD_NS_PER_DAY)

bool analytics_resample_covers(wd_timeframe_e tf, wd_ns_t t,
                               const analytics_reach_t *reach);

/* Start of the bar after the one that holds t. */
wd_ns_t analytics_resample_next(wd_timeframe_e tf, wd_ns_t t);

/*
 * The stored timeframe that bars of `tf` are made of: `tf` itself, else the
 * finest one that divides it, of the set `stored` (bit 1 << timeframe);
 * WD_TF_NONE when there is none. Weeks and months come of days where there
 * are any: those are adjusted day by day. What days do not cover is then
 * read as stored: analytics_view.h.
 */
wd_timeframe_e analytics_resample_base(wd_timeframe_e tf, unsigned stored);

/* Timeframes to look for: `tf` and those that divide it; returns how many. */
size_t analytics_resample_candidates(wd_timeframe_e tf, int64_t ret[WD_TF_1MO]);

#endif /* ANALYTICS_RESAMPLE_H */
