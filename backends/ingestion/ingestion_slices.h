/*
 * ingestion_slices.h - which questions an item of a collection needs: those
 * that keep it up to date, and those of its back-fill. Pure.
 *
 * A live run asks from the high-water mark, less the overlap, to today, in as
 * many slices as the data set's window needs, oldest first. The back-fill goes
 * the other way, from where the first live run began down to `from`, so that
 * what is used most is there first, and `from` may be moved later on.
 *
 * Rows of weeks and longer are asked for from the first day of theirs on: half
 * a month would be a month of its own, and overwrite the whole one.
 *
 * Days are days since 1970-01-01; both ends of a slice belong to it.
 */
#ifndef INGESTION_SLICES_H
#define INGESTION_SLICES_H

#include "ingestion_window.h"

#define INGESTION_NO_DAY INT64_MIN
#define INGESTION_SLICES_MAX 10000 /* of one live run; the oldest are left */

/*
 * A series that was asked for and gave nothing new, as that of a share that
 * is traded no more, or of a night, is not asked for from its end for ever.
 */
#define INGESTION_QUIET_DAYS 31
#define INGESTION_QUIET_ROWS 20 /* of WINDOW_SIZE */

typedef struct {
    ingestion_window_e kind;
    int                window_days; /* longest slice; 0: any */
    ingestion_period_e period; /* of WINDOW_RANGE: what is never cut */
    wd_ns_t            row_ns; /* of WINDOW_SIZE: rows are so far apart */
    wd_ns_t            overlap_ns;
    int64_t            from; /* INGESTION_NO_DAY: no back-fill */

    wd_ns_t now;
    int     zone_s; /* seconds east of UTC of the calendar of "today" */

    wd_ns_t high; /* last valid time that was accepted; WD_NS_MIN: none */
    wd_ns_t covered; /* asked for, with success, up to here; WD_NS_MIN: never */
    int64_t fill_to; /* first day behind the back-fill's rest;
                      * INGESTION_NO_DAY: it has not begun */
} ingestion_span_t;

typedef struct {
    int64_t from;
    int64_t to;
    bool    full; /* of WINDOW_SIZE */
} ingestion_slice_t;

/* The first day that a live run asks for. */
int64_t ingestion_slices_start(const ingestion_span_t *s);

/* How many slices a live run has, and the i-th of them. */
int64_t           ingestion_slices_live_n(const ingestion_span_t *s);
ingestion_slice_t ingestion_slices_live(const ingestion_span_t *s, int64_t i);

/* fill_to of a back-fill that begins now, beside a live run of now. */
int64_t ingestion_slices_fill_begin(const ingestion_span_t *s);

/* Slices that are left of the back-fill, and the i-th of them, newest first. */
int64_t           ingestion_slices_fill_n(const ingestion_span_t *s);
ingestion_slice_t ingestion_slices_fill(const ingestion_span_t *s, int64_t i);

/* Writes the slice into the arguments of a question; false: no room. */
wd_must_check bool ingestion_slice_args(ingestion_window_e       kind,
                                        const ingestion_slice_t *s,
                                        ingestion_args_t        *args);

#endif /* INGESTION_SLICES_H */
