/*
 * ingestion_planner_ahead.c - what live runs still need of the calls of a day:
 * history leaves them as many.
 */
#include "ingestion_planner_int.h"

#define AHEAD_S 5


static wd_ns_t
day_end(int64_t day)
{
    return (day + 1) * WD_NS_PER_DAY - 1;
}


int
planner_ahead(ingestion_planner_t *p, const ingestion_work_t *work, size_t n,
              wd_ns_t now, wd_error_t *err)
{
    int                         rc = WD_OK;
    size_t                      i;
    int64_t                     today = now / WD_NS_PER_DAY;
    ingestion_ahead_t           ahead;
    const ingestion_schedule_t *s;

    if (wd_monotonic() < p->ahead_next) {
        return WD_OK;
    }
    for (i = 0; i < n && rc == WD_OK; i++) {
        s = &planner_find(p, work[i].id)->schedule;
        ahead = (ingestion_ahead_t){
            .collection = work[i].id,
            .day = today,
            .runs = ingestion_schedule_runs(s, now, day_end(today)),
            .next = ingestion_schedule_runs(s, day_end(today),
                                            day_end(today + 1)),
            .tick = work[i].tick};
        rc = ingestion_store_ahead(p->t.pg, &ahead, err);
    }
    if (rc == WD_OK) {
        p->ahead_next = wd_monotonic() + AHEAD_S * WD_NS_PER_S;
    }
    return rc;
}
