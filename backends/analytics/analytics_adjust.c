/*
 * analytics_adjust.c - cumulative factors, from the newest action backwards.
 */
#include "analytics_adjust.h"

#include <math.h>


static double
adjust_cash_factor(const analytics_action_t *x, double split)
{
    double previous = x->previous_close / split;

    if (!(x->dividend > 0) || !(x->dividend < previous)) {
        return 1;
    }
    return 1 - x->dividend / previous;
}


int
analytics_adjust_init(analytics_adjust_t *a, wd_pool_t *pool,
                      const analytics_action_t *actions, size_t n)
{
    wd_ns_t *at;
    double  *split, *cash, f;
    size_t   i;

    at = wd_pool_alloc(pool, (n + 1) * sizeof(*at));
    split = wd_pool_alloc(pool, (n + 1) * sizeof(*split));
    cash = wd_pool_alloc(pool, (n + 1) * sizeof(*cash));
    if (at == NULL || split == NULL || cash == NULL) {
        return WD_ENOMEM;
    }

    split[n] = cash[n] = 1;
    for (i = n; i-- > 0;) {
        f = actions[i].split > 0 && isfinite(actions[i].split)
                ? actions[i].split
                : 1;
        at[i] = actions[i].at;
        split[i] = split[i + 1] * f;
        cash[i] = cash[i + 1] * adjust_cash_factor(&actions[i], f);
    }

    a->n = n;
    a->at = at;
    a->split = split;
    a->cash = cash;
    return WD_OK;
}


void
analytics_adjust_bar(const analytics_adjust_t *a, wd_ns_t at,
                     analytics_bar_t *bar)
{
    size_t low = 0, high = a->n, mid;
    double split, cash;

    /* The first action after the bar. */
    while (low < high) {
        mid = low + (high - low) / 2;
        if (a->at[mid] > at) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }

    if (low == a->n) {
        return; /* not a bit changes */
    }

    split = a->split[low];
    cash = a->cash[low];
    bar->open = bar->open / split * cash;
    bar->high = bar->high / split * cash;
    bar->low = bar->low / split * cash;
    bar->close = bar->close / split * cash;
    bar->volume *= split;
}
