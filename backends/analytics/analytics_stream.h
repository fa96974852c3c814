/*
 * analytics_stream.h - the stored bars of one instrument and timeframe, in
 * time order, those of all sources as one.
 */
#ifndef ANALYTICS_STREAM_H
#define ANALYTICS_STREAM_H

#include "analytics_bar.h"
#include "analytics_query.h"
#include "analytics_store.h"
#include "wd_timeframe.h"

#define ANALYTICS_SOURCES_MAX 16
#define ANALYTICS_STREAM_MAX 16384 /* rows of a chunk */

/* Which sources have bars of a timeframe; WD_TF_NONE: nothing is there. */
typedef struct {
    wd_timeframe_e timeframe;
    size_t         n;
    int64_t        ids[ANALYTICS_SOURCES_MAX]; /* ascending */
    const char    *names[ANALYTICS_SOURCES_MAX];
} analytics_sources_t;

/* One source's rows, in chunks. */
typedef struct {
    PGresult *rows;
    int       row;
    bool      end; /* no chunk follows */
    wd_ns_t   next_from;
    wd_ns_t   next_to;
} analytics_feed_t;

typedef struct {
    analytics_query_t         *q;
    const analytics_sources_t *sources;
    analytics_bars_key_t       key; /* of the next chunk */
    analytics_feed_t           feeds[ANALYTICS_SOURCES_MAX];
} analytics_stream_t;

/*
 * Bars whose ts is in from..to, forwards or backwards; `expected` is how many
 * will probably be read. *sources must stay.
 */
void analytics_stream_init(analytics_stream_t *s, analytics_query_t *q,
                           int64_t                    instrument,
                           const analytics_sources_t *sources, wd_ns_t from,
                           wd_ns_t to, bool desc, size_t expected);

/*
 * WD_OK; WD_ENOTFOUND at the end; other errors with *res of the query filled.
 * Of equal times the first source's counts.
 */
wd_must_check int analytics_stream_next(analytics_stream_t *s,
                                        analytics_bar_t    *ret);
void              analytics_stream_done(analytics_stream_t *s);

#endif /* ANALYTICS_STREAM_H */
