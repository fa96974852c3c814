/*
 * ingestion_budget.h - when a number of calls will have been made, by what is
 * left of a provider's quota. An estimate; pure.
 */
#ifndef INGESTION_BUDGET_H
#define INGESTION_BUDGET_H

#include "wd_time.h"

typedef struct {
    uint32_t per_second; /* 0: no limit */
    uint32_t per_minute;
    uint32_t per_day; /* of UTC */
    int64_t  left_day; /* of today */
    wd_ns_t  blocked_until; /* 0: it is not */
    double   live_per_day; /* calls that keep collections up to date */
} ingestion_budget_t;

/*
 * The end of `calls` that are made one after the other from now on. Those of
 * a back-fill get from tomorrow on what live questions leave of a day.
 * WD_NS_MAX: they leave nothing, or it is years away.
 */
wd_ns_t ingestion_budget_end(const ingestion_budget_t *b, wd_ns_t now,
                             int64_t calls, bool fill);

#endif /* INGESTION_BUDGET_H */
