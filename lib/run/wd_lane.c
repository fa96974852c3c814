/*
 * wd_lane.c - threads that take jobs from one queue and put them into another.
 */
#include "wd_lane.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A tenth of what others get, and not less: a job may hold a row that they
 * wait for.
 */
#define WD_LANE_NICE 10

struct wd_lane {
    pthread_mutex_t lock;
    pthread_cond_t  more;
    uv_async_t      news; /* something is in `finished` */
    wd_list_t       waiting;
    wd_list_t       finished;
    uint32_t        queue;
    bool            stopping;

    /* loop thread */
    uint32_t  busy; /* pushed and not done() yet */
    uint32_t  n_threads;
    pthread_t threads[];
};


/* With the lock held; NULL: the thread shall end. */
static wd_lane_job_t *
wd_lane_take(wd_lane_t *lane)
{
    wd_lane_job_t *job;

    while (wd_list_empty(&lane->waiting)) {
        if (lane->stopping) {
            return NULL;
        }
        pthread_cond_wait(&lane->more, &lane->lock);
    }

    job = wd_list_entry(lane->waiting.next, wd_lane_job_t, node);
    wd_list_remove(&job->node);
    return job;
}


static void *
wd_lane_thread(void *arg)
{
    wd_lane_t     *lane = arg;
    wd_lane_job_t *job;

    /* A sandbox may forbid it; then it is a thread like others. */
    (void) setpriority(PRIO_PROCESS, (id_t) syscall(SYS_gettid), WD_LANE_NICE);

    pthread_mutex_lock(&lane->lock);
    while ((job = wd_lane_take(lane)) != NULL) {
        pthread_mutex_unlock(&lane->lock);
        job->work(job);
        pthread_mutex_lock(&lane->lock);
        wd_list_push_back(&lane->finished, &job->node);
        uv_async_send(&lane->news);
    }
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}


static void
wd_lane_free(wd_lane_t *lane)
{
    pthread_cond_destroy(&lane->more);
    pthread_mutex_destroy(&lane->lock);
    free(lane);
}


static void
wd_lane_on_closed(uv_handle_t *h)
{
    wd_lane_free(h->data);
}


/* All is done and nothing will come: the threads are about to end. */
static void
wd_lane_close(wd_lane_t *lane)
{
    uint32_t i;

    for (i = 0; i < lane->n_threads; i++) {
        pthread_join(lane->threads[i], NULL);
    }
    uv_close((uv_handle_t *) &lane->news, wd_lane_on_closed);
}


static void
wd_lane_on_news(uv_async_t *a)
{
    wd_lane_t     *lane = a->data;
    wd_lane_job_t *job;

    pthread_mutex_lock(&lane->lock);
    while (!wd_list_empty(&lane->finished)) {
        job = wd_list_entry(lane->finished.next, wd_lane_job_t, node);
        wd_list_remove(&job->node);
        pthread_mutex_unlock(&lane->lock);

        lane->busy--;
        job->done(job);

        pthread_mutex_lock(&lane->lock);
    }
    pthread_mutex_unlock(&lane->lock);

    if (lane->stopping && lane->busy == 0
        && !uv_is_closing((uv_handle_t *) &lane->news)) {
        wd_lane_close(lane);
    }
}


bool
wd_lane_push(wd_lane_t *lane, wd_lane_job_t *job)
{
    bool taken;

    pthread_mutex_lock(&lane->lock);
    /* A thread without work is about to take one of those that wait. */
    taken = !lane->stopping && lane->busy < lane->n_threads + lane->queue;
    if (taken) {
        wd_list_push_back(&lane->waiting, &job->node);
        lane->busy++;
        pthread_cond_signal(&lane->more);
    }
    pthread_mutex_unlock(&lane->lock);
    return taken;
}


void
wd_lane_stop(wd_lane_t *lane)
{
    if (lane == NULL || lane->stopping) {
        return;
    }

    pthread_mutex_lock(&lane->lock);
    lane->stopping = true;
    pthread_cond_broadcast(&lane->more);
    pthread_mutex_unlock(&lane->lock);
    uv_async_send(&lane->news);
}


/* None, or all of them. */
static bool
wd_lane_spawn(wd_lane_t *lane, uint32_t threads)
{
    while (lane->n_threads < threads) {
        if (pthread_create(&lane->threads[lane->n_threads], NULL,
                           wd_lane_thread, lane)
            != 0) {
            return false;
        }
        lane->n_threads++;
    }
    return true;
}


wd_lane_t *
wd_lane_create(uv_loop_t *loop, uint32_t threads, uint32_t queue)
{
    wd_lane_t *lane;

    lane = calloc(1, sizeof(*lane) + threads * sizeof(lane->threads[0]));
    if (lane == NULL) {
        return NULL;
    }

    lane->queue = queue;
    wd_list_init(&lane->waiting);
    wd_list_init(&lane->finished);
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->more, NULL);
    if (uv_async_init(loop, &lane->news, wd_lane_on_news) != 0) {
        wd_lane_free(lane);
        return NULL;
    }
    lane->news.data = lane;

    if (!wd_lane_spawn(lane, threads)) {
        wd_lane_stop(lane); /* frees it when those that run have ended */
        return NULL;
    }
    return lane;
}
