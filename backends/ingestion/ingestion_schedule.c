/*
 * ingestion_schedule.c - the runs of a schedule, day by day.
 */
#include "ingestion_schedule.h"

const char ingestion_days[7][4] = {"mon", "tue", "wed", "thu",
                                   "fri", "sat", "sun"};

#define DAY_S 86400
#define DAYS_SOUGHT 800 /* the longest `every`, and a week for the weekdays */

/* A clock beyond these is set wrong; no calendar is needed for it. */
#define T_MIN INT64_C(0)
#define T_MAX (INT64_C(80000) * WD_NS_PER_DAY)


static int64_t
floor_mod(int64_t a, int64_t b)
{
    return (a % b + b) % b;
}


int
ingestion_schedule_zone_s(const ingestion_schedule_t *s, wd_ns_t t)
{
    return s->zone != NULL ? wd_tz_offset(s->zone, t) : 0;
}


static int64_t
local_day(const ingestion_schedule_t *s, wd_ns_t t)
{
    return (t / WD_NS_PER_S + ingestion_schedule_zone_s(s, t)) / DAY_S;
}


/* A second of a local day in UTC. */
static wd_ns_t
instant(const ingestion_schedule_t *s, int64_t day, int at_s)
{
    wd_ns_t    t = (day * DAY_S + at_s) * WD_NS_PER_S, utc;
    wd_civil_t c;

    if (s->zone == NULL) {
        return t;
    }
    wd_time_to_civil(t, &c);
    return wd_tz_to_utc(s->zone, &c, &utc) == WD_OK ? utc : t;
}


/* 1970-01-01 was a Thursday. */
static bool
has_runs(const ingestion_schedule_t *s, int64_t day)
{
    int64_t days = s->every_s / DAY_S;

    return (s->weekdays >> floor_mod(day + 3, 7) & 1)
           && (days < 2 || floor_mod(day, days) == 0);
}


/* The run number k of a day; WD_NS_MAX: the day has not so many. */
static wd_ns_t
run_of(const ingestion_schedule_t *s, int64_t day, int64_t k)
{
    wd_ns_t t = instant(s, day, s->at_s) + k * s->every_s * WD_NS_PER_S;

    if (k == 0) {
        return t;
    }
    return s->every_s < DAY_S && t < instant(s, day + 1, 0) ? t : WD_NS_MAX;
}


/* The number of the first run of the day that is after `t`. */
static int64_t
runs_until(const ingestion_schedule_t *s, int64_t day, wd_ns_t t)
{
    wd_ns_t first = instant(s, day, s->at_s);

    if (t < first) {
        return 0;
    }
    /* A day may have 25 hours. */
    return s->every_s >= DAY_S ? 1
                               : (t - first) / (s->every_s * WD_NS_PER_S) + 1;
}


/* Runs of the day at or before `t`. */
static int64_t
runs_of(const ingestion_schedule_t *s, int64_t day, wd_ns_t t)
{
    return runs_until(s, day,
                      wd_min(t, wd_max(instant(s, day + 1, 0) - 1,
                                       instant(s, day, s->at_s))));
}


/* The latest run of the day at or before `t`; WD_NS_MIN: none. */
static wd_ns_t
last_of_day(const ingestion_schedule_t *s, int64_t day, wd_ns_t t)
{
    int64_t k = runs_of(s, day, t);

    return k == 0 ? WD_NS_MIN : run_of(s, day, k - 1);
}


wd_ns_t
ingestion_schedule_last(const ingestion_schedule_t *s, wd_ns_t t)
{
    int     i;
    int64_t day;
    wd_ns_t found;

    t = wd_min(wd_max(t, T_MIN), T_MAX);
    day = local_day(s, t);
    for (i = -1; i < DAYS_SOUGHT; i++) {
        found = has_runs(s, day - i) ? last_of_day(s, day - i, t) : WD_NS_MIN;
        if (found != WD_NS_MIN) {
            return found;
        }
    }
    return WD_NS_MIN;
}


wd_ns_t
ingestion_schedule_next(const ingestion_schedule_t *s, wd_ns_t t)
{
    int     i;
    int64_t day;
    wd_ns_t found;

    t = wd_min(wd_max(t, T_MIN), T_MAX);
    day = local_day(s, t);
    for (i = -1; i < DAYS_SOUGHT; i++) {
        if (!has_runs(s, day + i)) {
            continue;
        }
        found = run_of(s, day + i, runs_until(s, day + i, t));
        if (found != WD_NS_MAX && found > t) {
            return found;
        }
    }
    return WD_NS_MAX;
}


int64_t
ingestion_schedule_runs(const ingestion_schedule_t *s, wd_ns_t from, wd_ns_t to)
{
    int64_t day, n = 0;

    from = wd_min(wd_max(from, T_MIN), T_MAX);
    to = wd_min(wd_max(to, T_MIN), T_MAX);
    for (day = local_day(s, from) - 1; day <= local_day(s, to) + 1; day++) {
        if (has_runs(s, day)) {
            n += runs_of(s, day, to) - runs_of(s, day, from);
        }
    }
    return n;
}


double
ingestion_schedule_per_day(const ingestion_schedule_t *s)
{
    double runs;

    if (s->every_s >= DAY_S) {
        runs = (double) DAY_S / (double) s->every_s;
    } else {
        runs = (double) ((DAY_S - 1 - s->at_s) / s->every_s + 1);
    }
    return runs * __builtin_popcount(s->weekdays & INGESTION_WEEK) / 7;
}
