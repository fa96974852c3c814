/*
 * ingestion_budget.c - calls by second, minute and day.
 */
#include "ingestion_budget.h"

/* Without a limit, a provider takes about so long to answer. */
#define CALL_NS (500 * WD_NS_PER_MS)
#define DAYS_MAX 36500


static wd_ns_t
call_ns(const ingestion_budget_t *b)
{
    wd_ns_t ns = CALL_NS;

    if (b->per_second != 0) {
        ns = wd_max(ns, WD_NS_PER_S / b->per_second);
    }
    if (b->per_minute != 0) {
        ns = wd_max(ns, WD_NS_PER_MIN / b->per_minute);
    }
    return ns;
}


static wd_ns_t
days_later(wd_ns_t t, int64_t days)
{
    return (t / WD_NS_PER_DAY + days) * WD_NS_PER_DAY;
}


wd_ns_t
ingestion_budget_end(const ingestion_budget_t *b, wd_ns_t now, int64_t calls,
                     bool fill)
{
    double  by_day;
    wd_ns_t each = call_ns(b), from = wd_max(now, b->blocked_until);
    int64_t days, today;

    if (calls <= 0) {
        return now;
    }
    today = b->per_day == 0 ? calls : wd_max(b->left_day, 0);
    if (from >= days_later(now, 1)) {
        today = b->per_day == 0 ? calls : b->per_day;
    }
    /* A day has no room for more than so many, either. */
    today = wd_min(today, (days_later(from, 1) - from) / each);
    if (calls <= today) {
        return from + calls * each;
    }

    calls -= today;
    by_day = (double) (WD_NS_PER_DAY / each);
    if (b->per_day != 0) {
        by_day = wd_min(by_day, (double) b->per_day);
    }
    by_day -= fill ? b->live_per_day : 0;
    if (by_day <= 0 || (double) calls / by_day > DAYS_MAX) {
        return WD_NS_MAX;
    }
    days = (int64_t) ((double) calls / by_day);
    return days_later(from, 1 + days)
           + (wd_ns_t) ((double) calls - (double) days * by_day) * each;
}
