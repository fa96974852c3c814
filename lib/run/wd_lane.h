/*
 * wd_lane.h - a few threads of their own for work that is long on purpose,
 * such as hashing a password, so that it takes neither the worker threads
 * nor, at a low priority, the processor from what is short.
 *
 * All functions are for the loop's thread.
 */
#ifndef WD_LANE_H
#define WD_LANE_H

#include "wd_base.h"
#include "wd_list.h"

#include <uv.h>

typedef struct wd_lane wd_lane_t;

/* A piece of work; the caller's memory until done() is called. */
typedef struct wd_lane_job wd_lane_job_t;

struct wd_lane_job {
    void (*work)(wd_lane_job_t *job); /* on a thread of the lane */
    void (*done)(wd_lane_job_t *job); /* on the loop's */
    wd_list_t node; /* the lane's */
};

/*
 * `threads` pieces are worked on at a time, `queue` wait. NULL: no memory, or
 * no threads.
 */
wd_lane_t *wd_lane_create(uv_loop_t *loop, uint32_t threads, uint32_t queue);

/* False: as many wait as may, or the lane stops. The job is untouched. */
bool wd_lane_push(wd_lane_t *lane, wd_lane_job_t *job);

/*
 * Takes no more; what was pushed is finished, and keeps the loop alive until
 * then, when the lane is freed. NULL is accepted.
 */
void wd_lane_stop(wd_lane_t *lane);

#endif /* WD_LANE_H */
