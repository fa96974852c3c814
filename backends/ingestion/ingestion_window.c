/*
 * ingestion_window.c - windows: their arguments, rows and overlaps.
 */
#include "ingestion_window.h"

#include "wd_num.h"

#define BIT(arg) (1u << (arg))

/* Corrections come late: of bars within days, of national accounts in years. */
#define OVERLAP_ROWS 10
#define OVERLAP_MONTH_DAYS 3
#define OVERLAP_YEARS_DAYS (3 * 365)
#define OVERLAP_RANGE_DAYS 7


bool
ingestion_dataset_streams(const ingestion_dataset_t *dataset)
{
    return strcmp(dataset->name, "stream") == 0;
}


unsigned
ingestion_window_args(ingestion_window_e kind)
{
    switch (kind) {
    case WINDOW_SIZE:
        return BIT(ARG_OUTPUTSIZE);
    case WINDOW_MONTH:
        return BIT(ARG_MONTH) | BIT(ARG_OUTPUTSIZE);
    case WINDOW_YEARS:
        return BIT(ARG_DATE);
    case WINDOW_RANGE:
        return BIT(ARG_START) | BIT(ARG_END);
    default:
        return 0;
    }
}


wd_ns_t
ingestion_window_row_ns(const ingestion_args_t *args)
{
    int64_t  minutes;
    wd_str_t interval = wd_str_z(ingestion_arg(args, ARG_INTERVAL));

    if (interval.len > 3
        && wd_str_eq_z(wd_str(interval.data + interval.len - 3, 3), "min")
        && wd_int_parse(wd_str(interval.data, interval.len - 3), &minutes)
               == WD_OK
        && minutes > 0 && minutes <= 1440) {
        return minutes * WD_NS_PER_MIN;
    }
    return WD_NS_PER_DAY;
}


ingestion_period_e
ingestion_window_period(const ingestion_args_t *args)
{
    static const struct {
        const char        *interval;
        ingestion_period_e period;
    } periods[] = {{"weekly", PERIOD_WEEK},
                   {"monthly", PERIOD_MONTH},
                   {"quarterly", PERIOD_QUARTER},
                   {"semiannual", PERIOD_HALF},
                   {"annual", PERIOD_YEAR}};
    size_t i;

    for (i = 0; i < wd_array_len(periods); i++) {
        if (strcmp(ingestion_arg(args, ARG_INTERVAL), periods[i].interval)
            == 0) {
            return periods[i].period;
        }
    }
    return PERIOD_NONE;
}


wd_ns_t
ingestion_window_overlap_ns(const ingestion_dataset_t *dataset,
                            const ingestion_args_t    *args)
{
    int64_t days;

    switch (dataset->window) {
    case WINDOW_SIZE:
        return OVERLAP_ROWS * ingestion_window_row_ns(args);
    case WINDOW_MONTH:
        return OVERLAP_MONTH_DAYS * WD_NS_PER_DAY;
    case WINDOW_YEARS:
        return OVERLAP_YEARS_DAYS * WD_NS_PER_DAY;
    case WINDOW_RANGE:
        /* Where a day is a question of its own, a week would be costly. */
        days = OVERLAP_RANGE_DAYS;
        if (dataset->window_days != 0) {
            days = wd_min(days, (int64_t) dataset->window_days);
        }
        return days * WD_NS_PER_DAY;
    default:
        return 0;
    }
}
