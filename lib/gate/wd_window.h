/*
 * wd_window.h - the calendar window, day or month, that an instant is in.
 *
 * Pure computation: the zone was loaded before. Any thread.
 */
#ifndef WD_WINDOW_H
#define WD_WINDOW_H

#include "wd_tz.h"

typedef enum { WD_WINDOW_DAY, WD_WINDOW_MONTH } wd_window_e;

/* [start, end); days have 23 to 25 hours where clocks are changed. */
typedef struct {
    wd_ns_t  start;
    wd_ns_t  end;
    uint32_t id; /* grows from each window to the next; never 0 */
} wd_window_t;

/* `tz` NULL: UTC. Instants outside of 1970 to 2200 are moved there. */
void wd_window_at(wd_window_e kind, const wd_tz_t *tz, wd_ns_t now,
                  wd_window_t *ret);

#endif /* WD_WINDOW_H */
