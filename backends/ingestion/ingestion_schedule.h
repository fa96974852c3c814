/*
 * ingestion_schedule.h - when a collection runs: every so often, from an hour
 * of the day on, on some days of the week, in a time zone. Pure.
 *
 * Below a day, the runs of a day begin at `at_s` and end with the day; each
 * day begins anew, so that they stand at the same hours whatever the clock
 * does in spring and autumn.
 */
#ifndef INGESTION_SCHEDULE_H
#define INGESTION_SCHEDULE_H

#include "wd_tz.h"

#define INGESTION_WEEK 0x7fu /* all seven days */

extern const char ingestion_days[7][4]; /* "mon" to "sun" */

typedef struct {
    int64_t        every_s; /* less than a day, or whole days */
    int            at_s; /* of the local day, 0 to 86399 */
    unsigned       weekdays; /* bit 0: Monday */
    const wd_tz_t *zone; /* NULL: UTC */
} ingestion_schedule_t;

/* The latest run at or before `t`, and the first one after it. */
wd_ns_t ingestion_schedule_last(const ingestion_schedule_t *s, wd_ns_t t);
wd_ns_t ingestion_schedule_next(const ingestion_schedule_t *s, wd_ns_t t);

/* How many are after `from`, and not after `to`: a few days later at most. */
int64_t ingestion_schedule_runs(const ingestion_schedule_t *s, wd_ns_t from,
                                wd_ns_t to);

/* Runs in a day, on the average. */
double ingestion_schedule_per_day(const ingestion_schedule_t *s);

/* Seconds east of UTC. */
int ingestion_schedule_zone_s(const ingestion_schedule_t *s, wd_ns_t t);

#endif /* INGESTION_SCHEDULE_H */
