/*
 * analytics_bar.h - one price bar on its way from the store to the answer.
 */
#ifndef ANALYTICS_BAR_H
#define ANALYTICS_BAR_H

#include "wd_time.h"

typedef struct {
    wd_ns_t     t; /* start */
    double      open;
    double      high;
    double      low;
    double      close;
    double      volume; /* NaN: not reported */
    int         quality; /* flags of table bar */
    const char *source; /* name; of an aggregate of several: "mixed" */
    wd_ns_t     known_at; /* of an aggregate: of its latest part */
} analytics_bar_t;

#endif /* ANALYTICS_BAR_H */
