/*
 * processing_ahead.c - the next object, read and parsed ahead.
 */
#include "processing_ahead.h"

#include <pthread.h>
#include <stdlib.h>

/* Two such objects are in memory at a time; larger ones come alone. */
#define AHEAD_BYTES_MAX (16 * 1024 * 1024)

typedef enum {
    AHEAD_IDLE,
    AHEAD_WANTED, /* the thread has work, or works */
    AHEAD_DONE /* `job` waits, or is NULL: it could not be prepared */
} ahead_e;

struct processing_ahead {
    processing_t     *pr;
    pthread_t         thread;
    pthread_mutex_t   lock; /* all below */
    pthread_cond_t    changed;
    ahead_e           state;
    bool              stop;
    wd_buf_t          event;
    processing_job_t *job;
};


/* Without the lock: only the thread touches `event` while it is wanted. */
static processing_job_t *
prepare(processing_ahead_t *a)
{
    processing_job_t *job = processing_job_create(a->pr);

    if (job != NULL
        && processing_job_read_ahead(job, wd_buf_view(&a->event),
                                     AHEAD_BYTES_MAX)) {
        return job;
    }
    processing_job_destroy(job);
    return NULL;
}


static void *
ahead_main(void *arg)
{
    processing_job_t   *job;
    processing_ahead_t *a = arg;

    pthread_mutex_lock(&a->lock);
    while (!a->stop) {
        if (a->state != AHEAD_WANTED) {
            pthread_cond_wait(&a->changed, &a->lock);
            continue;
        }
        pthread_mutex_unlock(&a->lock);
        job = prepare(a);
        pthread_mutex_lock(&a->lock);
        a->job = job;
        a->state = AHEAD_DONE;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}


int
processing_ahead_start(processing_t *pr, processing_ahead_t **ret,
                       wd_error_t *err)
{
    processing_ahead_t *a;

    a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return wd_error(err, WD_ENOMEM, "no memory for a thread");
    }
    a->pr = pr;
    wd_buf_init(&a->event, WD_BUS_EVENT_MAX + 1);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if (pthread_create(&a->thread, NULL, ahead_main, a) != 0) {
        pthread_cond_destroy(&a->changed);
        pthread_mutex_destroy(&a->lock);
        free(a);
        return wd_error(err, WD_EINTERNAL, "a thread cannot be started");
    }
    *ret = a;
    return WD_OK;
}


void
processing_ahead_stop(processing_ahead_t *a)
{
    if (a == NULL) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    processing_job_destroy(a->job);
    wd_buf_done(&a->event);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}


void
processing_ahead_want(processing_ahead_t *a, wd_str_t event)
{
    if (a == NULL || event.len == 0) {
        return;
    }
    pthread_mutex_lock(&a->lock);
    if (a->state != AHEAD_WANTED) {
        processing_job_destroy(a->job); /* of an event that did not come */
        a->job = NULL;
        wd_buf_reset(&a->event);
        wd_buf_str(&a->event, event);
        a->state = a->event.err == WD_OK ? AHEAD_WANTED : AHEAD_IDLE;
        pthread_cond_broadcast(&a->changed);
    }
    pthread_mutex_unlock(&a->lock);
}


processing_job_t *
processing_ahead_take(processing_ahead_t *a, wd_str_t event)
{
    processing_job_t *job = NULL;

    if (a == NULL) {
        return NULL;
    }
    pthread_mutex_lock(&a->lock);
    if (a->state != AHEAD_IDLE && wd_str_eq(wd_buf_view(&a->event), event)) {
        while (a->state == AHEAD_WANTED) {
            pthread_cond_wait(&a->changed, &a->lock);
        }
        job = a->job;
        a->job = NULL;
        a->state = AHEAD_IDLE;
    }
    pthread_mutex_unlock(&a->lock);
    return job;
}
