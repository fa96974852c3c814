/*
 * ingestion_chores.c - a thread that forgets old uploads, jobs and events
 * once a minute.
 */
#include "ingestion_chores.h"

#include "ingestion_store.h"
#include "ingestion_store_push.h"
#include "ingestion_wait.h"

#include "wd_bus.h"

#include <stdlib.h>

#define EVERY_MS 60000
#define FAILED_MS 5000
#define JOIN_MS 3000

struct ingestion_chores {
    ingestion_thread_t t;
    ingestion_t       *in;
};


/* Batch by batch, so that nobody waits for its rows. */
static int
sweep_uploads(ingestion_chores_t *ch, wd_error_t *err)
{
    int                    rc = WD_OK;
    bool                   more = true;
    ingestion_push_swept_t s;

    while (more && rc == WD_OK && !ingestion_thread_stops(&ch->t)) {
        rc = ingestion_store_push_sweep(
            ch->t.pg, ch->in->conf.uploads_keep_ms / 1000, &s, &more, err);
        if (rc == WD_OK && s.lost + s.removed != 0) {
            wd_log_info(ch->in->log, "uploads swept", "lost", s.lost,
                        "forgotten", s.removed);
        }
    }
    return rc;
}


static int
sweep_jobs(ingestion_chores_t *ch, wd_error_t *err)
{
    int     rc = WD_OK;
    int64_t n = INGESTION_SWEEP_MAX, sum = 0;

    while (n == INGESTION_SWEEP_MAX && rc == WD_OK
           && !ingestion_thread_stops(&ch->t)) {
        rc = ingestion_store_sweep(ch->t.pg, ch->in->conf.jobs_keep_ms / 1000,
                                   &n, err);
        sum += n;
    }
    if (sum != 0) {
        wd_log_info(ch->in->log, "jobs swept", "forgotten", sum);
    }
    return rc;
}


static int
sweep_events(ingestion_chores_t *ch, wd_error_t *err)
{
    int     rc = WD_OK;
    int64_t n = WD_BUS_TRIM_MAX;

    while (n == WD_BUS_TRIM_MAX && rc == WD_OK
           && !ingestion_thread_stops(&ch->t)) {
        rc = wd_bus_trim(ch->t.pg, ch->in->conf.events_keep_ms / 1000, &n, err);
    }
    return rc;
}


/* False: to be tried again soon. The connection is not kept for so rare use. */
static bool
do_chores(ingestion_chores_t *ch)
{
    int        rc;
    wd_error_t err = {0};

    rc = ingestion_thread_pg(&ch->t);
    if (rc != WD_OK) {
        return false;
    }
    rc = sweep_uploads(ch, &err);
    if (rc == WD_OK) {
        rc = sweep_jobs(ch, &err);
    }
    if (rc == WD_OK) {
        rc = sweep_events(ch, &err);
    }
    if (rc == WD_OK) {
        ingestion_thread_pg_worked(&ch->t);
    } else {
        ingestion_thread_pg_failed(&ch->t, rc, &err);
    }
    ingestion_thread_pg_close(&ch->t);
    return rc == WD_OK;
}


static void *
chores_main(void *arg)
{
    bool                done;
    ingestion_chores_t *ch = arg;

    while (!ingestion_thread_stops(&ch->t)) {
        done = do_chores(ch);
        ingestion_thread_wait(&ch->t, done ? EVERY_MS : FAILED_MS);
    }
    return NULL;
}


int
ingestion_chores_start(ingestion_t *in, ingestion_chores_t **ret,
                       wd_error_t *err)
{
    ingestion_chores_t *ch = calloc(1, sizeof(*ch));

    if (ch == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for the chores");
    }
    *ret = ch;
    ch->in = in;
    return ingestion_thread_start(&ch->t, in->conf.service.db.url, "chores",
                                  in->log, chores_main, ch, err);
}


void
ingestion_chores_ask_stop(ingestion_chores_t *ch)
{
    if (ch != NULL) {
        ingestion_thread_ask_stop(&ch->t);
    }
}


void
ingestion_chores_join(ingestion_chores_t *ch)
{
    if (ch != NULL) {
        ingestion_thread_join(&ch->t, JOIN_MS);
    }
}


void
ingestion_chores_destroy(ingestion_chores_t *ch)
{
    ingestion_chores_join(ch);
    free(ch);
}
