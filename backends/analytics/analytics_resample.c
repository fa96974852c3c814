/*
 * analytics_resample.c - aggregation of bars at read.
 */
#include "analytics_resample.h"

#include <math.h>

/* The longest month and a day: reaches into the next month from a first. */
#define RESAMPLE_MONTH_NS (32 * WD_NS_PER_DAY)

static const char resample_mixed[] = "mixed";


void
analytics_resample_init(analytics_resample_t *r, wd_timeframe_e tf)
{
    r->timeframe = tf;
    r->open = false;
    r->done = (analytics_reach_t){WD_NS_MIN, 0, 0, WD_NS_MAX, 0};
}


/* `prior`: the part that was pushed before, or NULL. */
static void
resample_start(analytics_resample_t *r, const analytics_bar_t *part,
               const wd_ns_t *prior)
{
    r->bar = *part;
    r->bar.t = wd_timeframe_floor(r->timeframe, part->t);
    r->reach = (analytics_reach_t){WD_NS_MIN, part->t, part->t, WD_NS_MAX, 0};
    if (prior != NULL && *prior < part->t) {
        r->reach.before = *prior;
    } else if (prior != NULL) {
        r->reach.after = *prior; /* backwards */
    }
    r->open = true;
}


static void
resample_add(analytics_resample_t *r, const analytics_bar_t *part)
{
    analytics_bar_t *b = &r->bar;

    if (part->t < r->reach.first) {
        r->reach.gap = wd_max(r->reach.gap, r->reach.first - part->t);
        r->reach.first = part->t;
        b->open = part->open;
    }
    if (part->t > r->reach.last) {
        r->reach.gap = wd_max(r->reach.gap, part->t - r->reach.last);
        r->reach.last = part->t;
        b->close = part->close;
    }

    b->high = wd_max(b->high, part->high);
    b->low = wd_min(b->low, part->low);
    if (!isnan(part->volume)) {
        b->volume = isnan(b->volume) ? part->volume : b->volume + part->volume;
    }
    b->quality |= part->quality;
    b->known_at = wd_max(b->known_at, part->known_at);
    if (b->source != part->source) {
        b->source = resample_mixed;
    }
}


bool
analytics_resample_push(analytics_resample_t *r, const analytics_bar_t *part,
                        analytics_bar_t *ret)
{
    wd_ns_t edge;

    if (!r->open) {
        resample_start(r, part, NULL);
        return false;
    }
    if (wd_timeframe_floor(r->timeframe, part->t) == r->bar.t) {
        resample_add(r, part);
        return false;
    }

    *ret = r->bar;
    r->done = r->reach;
    if (part->t > r->reach.last) {
        r->done.after = part->t;
        edge = r->reach.last;
    } else {
        r->done.before = part->t;
        edge = r->reach.first;
    }
    resample_start(r, part, &edge);
    return true;
}


bool
analytics_resample_end(analytics_resample_t *r, analytics_bar_t *ret)
{
    if (!r->open) {
        return false;
    }

    *ret = r->bar;
    r->done = r->reach;
    r->open = false;
    return true;
}


/* The day itself, or the next (step 1) or last (-1) weekday. */
static wd_ns_t
resample_weekday(wd_ns_t day, int step)
{
    while (wd_timeframe_floor(WD_TF_1W, day) + 5 * WD_NS_PER_DAY <= day) {
        day += step * WD_NS_PER_DAY;
    }
    return day;
}


bool
analytics_resample_covers(wd_timeframe_e tf, wd_ns_t t,
                          const analytics_reach_t *reach)
{
    wd_ns_t next = analytics_resample_next(tf, t);
    bool    begins = reach->first <= resample_weekday(t, 1)
                  || (reach->before != WD_NS_MIN
                      && reach->first - reach->before <= ANALYTICS_CLOSED_NS);
    bool ends = reach->last >= resample_weekday(next - WD_NS_PER_DAY, -1)
                || (reach->after != WD_NS_MAX
                    && reach->after - reach->last <= ANALYTICS_CLOSED_NS);

    return begins && ends && reach->gap <= ANALYTICS_CLOSED_NS;
}


wd_ns_t
analytics_resample_next(wd_timeframe_e tf, wd_ns_t t)
{
    wd_ns_t start = wd_timeframe_floor(tf, t);
    wd_ns_t step = tf == WD_TF_1MO ? RESAMPLE_MONTH_NS : wd_timeframe_ns(tf);

    if (start > WD_NS_MAX - step) {
        return WD_NS_MAX;
    }
    return wd_timeframe_floor(tf, start + step);
}


size_t
analytics_resample_candidates(wd_timeframe_e tf, int64_t ret[WD_TF_1MO])
{
    size_t n = 0;
    int    i;

    if (tf == WD_TF_1W || tf == WD_TF_1MO) {
        ret[n++] = WD_TF_1D;
    } else if (tf != WD_TF_1D) {
        for (i = WD_TF_1M; i < (int) tf; i++) {
            ret[n++] = i; /* 1m, 5m, 15m, 30m: each divides the longer ones */
        }
    }

    ret[n++] = tf;
    return n;
}


wd_timeframe_e
analytics_resample_base(wd_timeframe_e tf, unsigned stored)
{
    int64_t candidates[WD_TF_1MO];
    size_t  i, n;

    if (tf <= WD_TF_1D && (stored & 1u << tf)) {
        return tf;
    }

    n = analytics_resample_candidates(tf, candidates);
    for (i = 0; i < n; i++) {
        if (stored & 1u << candidates[i]) {
            return (wd_timeframe_e) candidates[i];
        }
    }
    return WD_TF_NONE;
}
