/*
 * ingestion_slices.c - the arithmetic of slices: days, months and years as
 * units, and so many of them in a slice.
 */
#include "ingestion_slices.h"

#include <stdio.h>

#define DAYS_OF_YEAR 366 /* a window of so many days holds any year */


static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}


static int64_t
day_of(wd_ns_t t)
{
    return floor_div(t, WD_NS_PER_DAY);
}


static void
civil_of(int64_t day, wd_civil_t *ret)
{
    const int64_t end = WD_NS_MAX / WD_NS_PER_DAY;

    day = wd_min(wd_max(day, -end), end);
    wd_time_to_civil(day * WD_NS_PER_DAY, ret);
}


/* ---- units -------------------------------------------------------------- */

/* Months of a unit; 0: it is a week or a day. */
static int
months_of(const ingestion_span_t *s)
{
    static const int of_period[] = {[PERIOD_MONTH] = 1,
                                    [PERIOD_QUARTER] = 3,
                                    [PERIOD_HALF] = 6,
                                    [PERIOD_YEAR] = 12};

    switch (s->kind) {
    case WINDOW_MONTH:
        return 1;
    case WINDOW_YEARS:
        return 12;
    case WINDOW_RANGE:
        return of_period[s->period];
    default:
        return 0;
    }
}


static int
days_of(const ingestion_span_t *s)
{
    return s->kind == WINDOW_RANGE && s->period == PERIOD_WEEK ? 7 : 1;
}


/* The unit that a day lies in. 1970-01-01 was a Thursday. */
static int64_t
unit_of(const ingestion_span_t *s, int64_t day)
{
    int        months = months_of(s);
    wd_civil_t c;

    if (months == 0) {
        return days_of(s) == 1 ? day : floor_div(day + 3, 7);
    }
    civil_of(day, &c);
    return floor_div(c.year * 12 + c.month - 1, months);
}


static int64_t
first_day(const ingestion_span_t *s, int64_t unit)
{
    int     months = months_of(s);
    int64_t month = unit * months;

    if (months == 0) {
        return days_of(s) == 1 ? unit : unit * 7 - 3;
    }
    return wd_days_from_civil((int) floor_div(month, 12),
                              (int) (month - floor_div(month, 12) * 12) + 1, 1);
}


/* Units of a slice; 0: any number. */
static int64_t
step_of(const ingestion_span_t *s)
{
    switch (s->kind) {
    case WINDOW_MONTH:
        return 1;
    case WINDOW_YEARS:
        return s->window_days == 0 ? 0
                                   : wd_max(s->window_days / DAYS_OF_YEAR, 1);
    case WINDOW_RANGE:
        return s->window_days == 0
                   ? 0
                   : wd_max(s->window_days
                                / wd_max(months_of(s) * 31, days_of(s)),
                            1);
    default:
        return 0;
    }
}


/* ---- live --------------------------------------------------------------- */

/* A mark may be wrong or the clock set back: nothing is known of the future. */
static wd_ns_t
not_beyond(wd_ns_t t, wd_ns_t now)
{
    return wd_min(t, now);
}


static wd_ns_t
minus(wd_ns_t t, wd_ns_t ns)
{
    return t < WD_NS_MIN + ns ? WD_NS_MIN : t - ns;
}


/* How long a mark may be behind what was covered; 0: however long. */
static wd_ns_t
quiet_of(const ingestion_span_t *s)
{
    if (s->kind == WINDOW_SIZE) {
        return INGESTION_QUIET_ROWS * s->row_ns;
    }
    return step_of(s) != 0 ? INGESTION_QUIET_DAYS * WD_NS_PER_DAY : 0;
}


static wd_ns_t
start_of(const ingestion_span_t *s)
{
    wd_ns_t t, covered = not_beyond(s->covered, s->now);

    t = s->high != WD_NS_MIN ? not_beyond(s->high, s->now) : s->now;
    if (s->covered != WD_NS_MIN) {
        /* Others may have fetched what is newer, and left a gap before it. */
        t = wd_min(t, covered);
    }
    t = minus(t, s->overlap_ns);

    if (s->covered != WD_NS_MIN && quiet_of(s) != 0) {
        t = wd_max(t, minus(covered, s->overlap_ns + quiet_of(s)));
    }
    return t;
}


int64_t
ingestion_slices_start(const ingestion_span_t *s)
{
    return day_of(start_of(s));
}


static int64_t
today_of(const ingestion_span_t *s)
{
    return day_of(s->now + s->zone_s * WD_NS_PER_S);
}


/* The latest rows do not reach back far enough. */
static bool
needs_full(const ingestion_span_t *s)
{
    if (s->high == WD_NS_MIN && s->covered == WD_NS_MIN) {
        return false; /* what came before is the back-fill's */
    }
    return start_of(s) < minus(s->now, INGESTION_COMPACT_ROWS * s->row_ns);
}


/* First and last unit of a live run. */
static void
live_units(const ingestion_span_t *s, int64_t *ret_a, int64_t *ret_b)
{
    int64_t step = step_of(s);

    *ret_b = unit_of(s, today_of(s));
    *ret_a = wd_min(unit_of(s, ingestion_slices_start(s)), *ret_b);
    if (step != 0) {
        *ret_a = wd_max(*ret_a, *ret_b - INGESTION_SLICES_MAX * step + 1);
    }
}


static int64_t
slices_between(int64_t units, int64_t step)
{
    if (units <= 0) {
        return 0;
    }
    return step == 0 ? 1 : (units + step - 1) / step;
}


int64_t
ingestion_slices_live_n(const ingestion_span_t *s)
{
    int64_t a, b;

    if (s->kind == WINDOW_NONE || s->kind == WINDOW_SIZE) {
        return 1;
    }
    live_units(s, &a, &b);
    return slices_between(b - a + 1, step_of(s));
}


ingestion_slice_t
ingestion_slices_live(const ingestion_span_t *s, int64_t i)
{
    int64_t a, b, step = step_of(s);

    if (s->kind == WINDOW_NONE) {
        return (ingestion_slice_t){today_of(s), today_of(s), false};
    }
    if (s->kind == WINDOW_SIZE) {
        bool full = needs_full(s);

        a = wd_min(ingestion_slices_start(s), today_of(s));
        if (full && s->from != INGESTION_NO_DAY) {
            a = wd_min(a, s->from);
        }
        return (ingestion_slice_t){a, today_of(s), full};
    }

    live_units(s, &a, &b);
    a += i * step;
    b = step == 0 ? b : wd_min(b, a + step - 1);
    b = first_day(s, b + 1) - 1;
    if (s->kind == WINDOW_RANGE) {
        b = wd_min(b, today_of(s)); /* of a period that is not over */
    }
    return (ingestion_slice_t){first_day(s, a), b, false};
}


/* ---- back-fill ---------------------------------------------------------- */

int64_t
ingestion_slices_fill_begin(const ingestion_span_t *s)
{
    int64_t a, b;

    switch (s->kind) {
    case WINDOW_NONE:
        return s->from;
    case WINDOW_SIZE:
        /* The day that the latest rows begin in may not be whole. */
        return needs_full(s)
                   ? s->from
                   : day_of(minus(s->now, INGESTION_COMPACT_ROWS * s->row_ns))
                         + 1;
    default:
        live_units(s, &a, &b);
        return first_day(s, a);
    }
}


/* The first unit behind the rest; one that is there in part belongs to it. */
static int64_t
fill_end(const ingestion_span_t *s)
{
    int64_t day = s->fill_to != INGESTION_NO_DAY
                      ? s->fill_to
                      : ingestion_slices_fill_begin(s);

    return unit_of(s, day - 1) + 1;
}


int64_t
ingestion_slices_fill_n(const ingestion_span_t *s)
{
    if (s->from == INGESTION_NO_DAY || s->kind == WINDOW_NONE) {
        return 0;
    }
    return slices_between(fill_end(s) - unit_of(s, s->from), step_of(s));
}


ingestion_slice_t
ingestion_slices_fill(const ingestion_span_t *s, int64_t i)
{
    int64_t step = step_of(s), lo = unit_of(s, s->from),
            hi = fill_end(s) - i * step;

    if (step != 0) {
        lo = wd_max(lo, hi - step);
    }
    return (ingestion_slice_t){first_day(s, lo), first_day(s, hi) - 1,
                               s->kind == WINDOW_SIZE};
}


/* ---- arguments ---------------------------------------------------------- */

static bool
put_day(ingestion_args_t *args, ingestion_arg_e arg, int64_t day)
{
    char text[WD_TIME_TEXT_MAX];

    return ingestion_arg_set(
        args, arg, wd_str(text, wd_date_format(day * WD_NS_PER_DAY, text)));
}


static int64_t
year_of(int64_t day)
{
    wd_civil_t c;

    civil_of(day, &c);
    return c.year;
}


static bool
put_years(ingestion_args_t *args, int64_t first, int64_t last)
{
    char    date[32];
    int64_t from = year_of(first), to = year_of(last);

    if (from == to) {
        snprintf(date, sizeof(date), "%04d", (int) from);
    } else {
        snprintf(date, sizeof(date), "%04d:%04d", (int) from, (int) to);
    }
    return ingestion_arg_set(args, ARG_DATE, wd_str_z(date));
}


static bool
put_month(ingestion_args_t *args, int64_t day)
{
    char       text[8];
    wd_civil_t c;

    civil_of(day, &c);
    ingestion_month_format(c.year * 12 + c.month - 1, text);
    return ingestion_arg_set(args, ARG_MONTH, wd_str_z(text))
           && ingestion_arg_set(args, ARG_OUTPUTSIZE, WD_STR("full"));
}


bool
ingestion_slice_args(ingestion_window_e kind, const ingestion_slice_t *s,
                     ingestion_args_t *args)
{
    switch (kind) {
    case WINDOW_SIZE:
        return ingestion_arg_set(args, ARG_OUTPUTSIZE,
                                 s->full ? WD_STR("full") : WD_STR("compact"));
    case WINDOW_MONTH:
        return put_month(args, s->from);
    case WINDOW_YEARS:
        return put_years(args, s->from, s->to);
    case WINDOW_RANGE:
        return put_day(args, ARG_START, s->from)
               && put_day(args, ARG_END, s->to);
    default:
        return true;
    }
}
