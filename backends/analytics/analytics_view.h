/*
 * analytics_view.h - the bars of one instrument as an answer shows them:
 * sources merged, adjusted, in the timeframe asked for.
 *
 * A timeframe that is stored is answered from what is stored; another one is
 * made of the finest stored one that divides it. Of weeks and months those
 * that days cover are made of days, which can be adjusted day by day; the
 * others are read as stored, where they are. What days cover a part of, and a
 * stored bar was not over with, is taken from what became known later.
 * A bar never depends on the range asked for: those that begin inside of it
 * are made of all their parts.
 */
#ifndef ANALYTICS_VIEW_H
#define ANALYTICS_VIEW_H

#include "analytics_adjust.h"
#include "analytics_query.h"
#include "analytics_resample.h"
#include "analytics_stream.h"
#include "wd_tz.h"

typedef enum {
    ANALYTICS_RAW,
    ANALYTICS_SPLIT,
    ANALYTICS_ALL
} analytics_adjustment_e;

/* What is known of an instrument before its bars are read. */
typedef struct {
    int64_t             id;
    wd_str_t            symbol;
    wd_tz_t            *tz; /* NULL: UTC */
    unsigned            stored; /* bit 1 << wd_timeframe_e */
    analytics_sources_t base; /* what bars are read from, or made of */
    analytics_sources_t own; /* weeks or months, where `base` is days */
} analytics_instrument_t;

/*
 * Looks symbols (sorted) up: *ret (of *ret_n) are those that are known, in
 * the same order, *ret_unknown the others. Release with
 * analytics_instruments_done(), also after a failure.
 */
wd_must_check int
     analytics_instruments_find(analytics_query_t *q, const wd_str_t *symbols,
                                size_t n, wd_timeframe_e tf,
                                analytics_instrument_t **ret, size_t *ret_n,
                                wd_str_t **ret_unknown, size_t *ret_n_unknown);
void analytics_instruments_done(analytics_instrument_t *all, size_t n);

/* Argument `timeframe`, `adjustment`. */
wd_must_check int analytics_view_args(analytics_query_t      *q,
                                      wd_timeframe_e         *ret_tf,
                                      analytics_adjustment_e *ret_adjustment);
const char       *analytics_adjustment_name(analytics_adjustment_e a);

/* A bar on its way, with how far its parts reach. */
typedef struct {
    bool              there;
    bool              end; /* no further one will come */
    analytics_bar_t   bar;
    analytics_reach_t reach;
} analytics_next_t;

typedef struct {
    analytics_query_t            *q;
    const analytics_instrument_t *instrument;
    wd_timeframe_e                timeframe;
    bool                          desc;
    bool                          resampled;
    bool                          joined; /* of made and stored bars */
    wd_ns_t                       from; /* of the bars' starts */
    wd_ns_t                       to;
    analytics_adjust_t            adjust;
    analytics_resample_t          resample;
    analytics_stream_t            parts; /* of `base` */
    analytics_stream_t            stored; /* of `own` */
    analytics_next_t              made;
    analytics_next_t              kept;
} analytics_view_t;

/*
 * Bars that begin in from..to, forwards or backwards. `expected` is how many
 * will probably be read. On failure *res of the query is filled; closing is
 * harmless.
 */
wd_must_check int analytics_view_open(analytics_view_t *v, analytics_query_t *q,
                                      const analytics_instrument_t *instrument,
                                      wd_timeframe_e                tf,
                                      analytics_adjustment_e        adjustment,
                                      wd_ns_t from, wd_ns_t to, bool desc,
                                      size_t expected);

/* WD_OK, WD_ENOTFOUND at the end, other errors with *res filled. */
wd_must_check int analytics_view_next(analytics_view_t *v,
                                      analytics_bar_t  *ret);
void              analytics_view_close(analytics_view_t *v);

/* Days since 1970 of a bar's trading day. */
int32_t analytics_view_day(const analytics_instrument_t *instrument,
                           wd_timeframe_e tf, wd_ns_t t);

#endif /* ANALYTICS_VIEW_H */
