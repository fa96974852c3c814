/*
 * wd_time.h - points in time as int64 nanoseconds since 1970 UTC.
 *
 * The range is 1678 to 2262. Text stands only at the edges: RFC 3339 and
 * ISO 8601 calendar dates. No leap seconds (POSIX time).
 */
#ifndef WD_TIME_H
#define WD_TIME_H

#include "wd_err.h"
#include "wd_str.h"

typedef int64_t wd_ns_t;

#define WD_NS_PER_US INT64_C(1000)
#define WD_NS_PER_MS INT64_C(1000000)
#define WD_NS_PER_S INT64_C(1000000000)
#define WD_NS_PER_MIN (60 * WD_NS_PER_S)
#define WD_NS_PER_HOUR (3600 * WD_NS_PER_S)
#define WD_NS_PER_DAY (86400 * WD_NS_PER_S)
#define WD_NS_MIN INT64_MIN
#define WD_NS_MAX INT64_MAX

/* Longest output of wd_time_format() with its zero. */
#define WD_TIME_TEXT_MAX 40

typedef struct {
    int year;
    int month; /* 1 to 12 */
    int day; /* 1 to 31 */
    int hour;
    int minute;
    int second;
    int ns;
} wd_civil_t;

wd_ns_t wd_now(void); /* wall clock, UTC */
wd_ns_t wd_monotonic(void); /* for durations and deadlines */

/* Days since 1970-01-01 of a proleptic Gregorian date; any day number. */
int64_t wd_days_from_civil(int year, int month, int day);

bool wd_civil_valid(const wd_civil_t *c);

/* WD_OK, or WD_EOVERFLOW outside the range of wd_ns_t. */
wd_must_check int wd_time_from_civil(const wd_civil_t *c, wd_ns_t *ret);
void              wd_time_to_civil(wd_ns_t t, wd_civil_t *ret);

/*
 * "2024-01-31", "2024-01-31T12:00:00[.fraction](Z|+hh:mm)" ("T" may be a
 * blank). *ret_is_date (may be NULL) tells the first form. WD_EINVAL for any
 * other text, WD_EOVERFLOW outside the range.
 */
wd_must_check int wd_time_parse(wd_str_t s, wd_ns_t *ret, bool *ret_is_date);

/* "YYYY-MM-DD" or "YYYY-MM-DD HH:MM[:SS[.fraction]]" without zone, as is. */
wd_must_check int wd_civil_parse(wd_str_t s, wd_civil_t *ret,
                                 bool *ret_is_date);

/* RFC 3339 in UTC with as many fraction digits as needed; returns length. */
size_t wd_time_format(wd_ns_t t, char out[WD_TIME_TEXT_MAX]);

/* "YYYY-MM-DD"; returns length. */
size_t wd_date_format(wd_ns_t t, char out[WD_TIME_TEXT_MAX]);

#endif /* WD_TIME_H */
