/*
 * ingestion_window.h - how much of a series one question of a data set asks
 * for.
 */
#ifndef INGESTION_WINDOW_H
#define INGESTION_WINDOW_H

#include "ingestion_args.h"

#define INGESTION_COMPACT_ROWS 100 /* of outputsize compact */

/* It is subscribed to, not asked for. */
bool ingestion_dataset_streams(const ingestion_dataset_t *dataset);

/* The arguments that the window itself sets: bits 1 << ingestion_arg_e. */
unsigned ingestion_window_args(ingestion_window_e kind);

/* The least time between two rows; of bars within a day, by `interval`. */
wd_ns_t ingestion_window_row_ns(const ingestion_args_t *args);

/*
 * Weeks, months and years of `interval`: a question for a part of one gets a
 * row that is made of that part.
 */
typedef enum {
    PERIOD_NONE, /* rows of a day or less, or no series */
    PERIOD_WEEK, /* from Monday */
    PERIOD_MONTH,
    PERIOD_QUARTER,
    PERIOD_HALF,
    PERIOD_YEAR
} ingestion_period_e;

ingestion_period_e ingestion_window_period(const ingestion_args_t *args);

/* What late corrections are looked for in, unless somebody says otherwise. */
wd_ns_t ingestion_window_overlap_ns(const ingestion_dataset_t *dataset,
                                    const ingestion_args_t    *args);

#endif /* INGESTION_WINDOW_H */
