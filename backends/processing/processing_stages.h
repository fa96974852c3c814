/*
 * processing_stages.h - what happens to one lake object, stage by stage.
 */
#ifndef PROCESSING_STAGES_H
#define PROCESSING_STAGES_H

#include "processing.h"

/*
 * Processes the object that an event names, inside the consumer's
 * transaction. Whatever is wrong with event, object or payload is recorded
 * and WD_OK; an error is returned only when database, lake or memory could
 * not serve, so that the same event must be tried again. `last_try`: an
 * event that ran into a time limit or out of memory is recorded, too.
 *
 * `next` is the event that will come then, or "": what it names is read while
 * this one's rows are stored, if pr->ahead is there.
 */
wd_must_check int processing_object(processing_t *pr, wd_pg_conn_t *c,
                                    wd_str_t event, wd_str_t next,
                                    bool last_try, wd_error_t *err);

#endif /* PROCESSING_STAGES_H */
