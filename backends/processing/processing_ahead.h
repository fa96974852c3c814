/*
 * processing_ahead.h - a thread that reads and parses the next object while
 * the rows of the one before it are stored.
 *
 * What was prepared is taken only for the very event that it was made of, and
 * only if nothing was wrong with it: everything else is done, and told, in its
 * turn, as if there were no such thread.
 */
#ifndef PROCESSING_AHEAD_H
#define PROCESSING_AHEAD_H

#include "processing_job.h"

/* Starts it; stop waits for the object at hand, and accepts NULL. */
wd_must_check int processing_ahead_start(processing_t        *pr,
                                         processing_ahead_t **ret,
                                         wd_error_t          *err);
void              processing_ahead_stop(processing_ahead_t *a);

/*
 * For one thread, which owns what it takes. NULL for `a`: nothing is ever
 * prepared. An empty event is none. want() does nothing while another one is
 * being prepared; take() waits when its own is.
 */
void              processing_ahead_want(processing_ahead_t *a, wd_str_t event);
processing_job_t *processing_ahead_take(processing_ahead_t *a, wd_str_t event);

#endif /* PROCESSING_AHEAD_H */
