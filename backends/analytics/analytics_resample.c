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
}


static void
resample_start(analytics_resample_t *r, const analytics_bar_t *part)
{
    r->bar = *part;
    r->bar.t = wd_timeframe_floor(r->timeframe, part->t);
    r->first = r->last = part->t;
    r->open = true;
}


static void
resample_add(analytics_resample_t *r, const analytics_bar_t *part)
{
    analytics_bar_t *b = &r->bar;

    if (part->t < r->first) {
        r->first = part->t;
        b->open = part->open;
    }
    if (part->t > r->last) {
        r->last = part->t;
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
    if (r->open && wd_timeframe_floor(r->timeframe, part->t) == r->bar.t) {
        resample_add(r, part);
        return false;
    }

    if (r->open) {
        *ret = r->bar;
        resample_start(r, part);
        return true;
    }

    resample_start(r, part);
    return false;
}


bool
analytics_resample_end(analytics_resample_t *r, analytics_bar_t *ret)
{
    if (!r->open) {
        return false;
    }

    *ret = r->bar;
    r->open = false;
    return true;
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
