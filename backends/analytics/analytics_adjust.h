/*
 * analytics_adjust.h - prices adjusted for splits and cash dividends (CRSP's
 * method), anchored at the newest.
 *
 * Before the ex-date of a split with f new shares for an old one prices are
 * divided by f and volumes multiplied by it. Before the ex-date of a cash
 * dividend d prices are multiplied by 1 - d / P, P being the raw close of the
 * trading day before; volumes stay. A dividend on the day of a split counts
 * in new shares: P is divided by f. A dividend without P, or not below P,
 * changes nothing.
 */
#ifndef ANALYTICS_ADJUST_H
#define ANALYTICS_ADJUST_H

#include "analytics_bar.h"
#include "wd_pool.h"

typedef struct {
    wd_ns_t at; /* first instant of the ex-date */
    double  split; /* new shares per old one; 1: none */
    double  dividend; /* cash per share; 0: none */
    double  previous_close; /* NaN: not known */
} analytics_action_t;

typedef struct {
    size_t         n;
    const wd_ns_t *at; /* ascending */
    const double  *split; /* of all actions from this one on, multiplied */
    const double  *cash;
} analytics_adjust_t;

/* `actions` by `at`. WD_OK or WD_ENOMEM. */
wd_must_check int analytics_adjust_init(analytics_adjust_t *a, wd_pool_t *pool,
                                        const analytics_action_t *actions,
                                        size_t                    n);

/* By what happened after `at`, which is in the time of the bar's close. */
void analytics_adjust_bar(const analytics_adjust_t *a, wd_ns_t at,
                          analytics_bar_t *bar);

#endif /* ANALYTICS_ADJUST_H */
