/*
 * wd_bbg_points.h - single values of a history put together to days.
 */
#ifndef WD_BBG_POINTS_H
#define WD_BBG_POINTS_H

#include "wd_bbg_record.h"

/* One value of a history. */
typedef struct {
    wd_str_t symbol;
    wd_str_t item;
    wd_str_t text;
    wd_str_t sample;
    wd_ns_t  time;
    int32_t  record;
} wd_bbg_point_t;

typedef struct {
    wd_bbg_point_t *points;
    size_t          n;
    size_t          cap;
} wd_bbg_points_t;

/* WD_OK or WD_ENOMEM. */
wd_must_check int wd_bbg_points_add(wd_bbg_points_t *a, wd_pool_t *pool,
                                    const wd_bbg_point_t *point);

/*
 * Adds all to *r, a row for each symbol and day, in that order. The same
 * value twice is said once; another one for the same field is rejected. *row
 * is worked with. WD_OK or WD_ENOMEM.
 */
wd_must_check int wd_bbg_points_join(wd_bbg_points_t *a, wd_bbg_row_t *row,
                                     wd_records_t *r);

#endif /* WD_BBG_POINTS_H */
