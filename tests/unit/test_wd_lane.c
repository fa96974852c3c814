/*
 * A lane: so many at a time, so many waiting, the rest refused; all that was
 * taken is finished, also when the lane stops.
 */
#include "wd_lane.h"
#include "wd_test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define JOBS 64

typedef struct {
    wd_lane_job_t job;
    bool          worked;
    bool          done;
} test_job_t;

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_t       loop_thread;
static atomic_int      running, most, n_done;


static void
work(wd_lane_job_t *job)
{
    int         now = atomic_fetch_add(&running, 1) + 1;
    int         was = atomic_load(&most);
    test_job_t *t = wd_list_entry(job, test_job_t, job);

    assert_false(pthread_equal(pthread_self(), loop_thread));
    while (was < now && !atomic_compare_exchange_weak(&most, &was, now)) {
        /* void */
    }
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    t->worked = true;
    atomic_fetch_sub(&running, 1);
}


static void
done(wd_lane_job_t *job)
{
    test_job_t *t = wd_list_entry(job, test_job_t, job);

    assert_true(pthread_equal(pthread_self(), loop_thread));
    assert_true(t->worked);
    assert_false(t->done);
    t->done = true;
    n_done++;
}


/* How many of JOBS are taken while none can finish. */
static int
fill(wd_lane_t *lane, test_job_t jobs[JOBS])
{
    int i, taken = 0;

    for (i = 0; i < JOBS; i++) {
        jobs[i] = (test_job_t){.job = {.work = work, .done = done}};
        taken += wd_lane_push(lane, &jobs[i].job);
    }
    return taken;
}


static void
run(uint32_t threads, uint32_t queue)
{
    int         i, taken;
    uv_loop_t   loop;
    wd_lane_t  *lane;
    test_job_t *jobs = calloc(JOBS, sizeof(*jobs));

    loop_thread = pthread_self();
    n_done = most = 0;
    assert_int_equal(uv_loop_init(&loop), 0);
    lane = wd_lane_create(&loop, threads, queue);
    assert_non_null(lane);

    pthread_mutex_lock(&gate);
    taken = fill(lane, jobs);
    assert_int_equal(taken, wd_min((int) (threads + queue), JOBS));
    pthread_mutex_unlock(&gate);

    while (n_done < taken) {
        uv_run(&loop, UV_RUN_ONCE);
    }
    assert_true(most <= (int) threads);

    /* there is room again, and what is taken before the stop is finished */
    assert_int_equal(fill(lane, jobs), taken);
    wd_lane_stop(lane);
    for (i = 0; i < JOBS; i++) {
        assert_true(!jobs[i].done || jobs[i].worked);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(n_done, 2 * taken);
    assert_int_equal(uv_loop_close(&loop), 0);
    free(jobs);
}


static void
so_many_and_no_more(void **state)
{
    (void) state;
    run(1, 0);
    run(1, 5);
    run(2, 64);
    run(3, 7);
}


static void
a_lane_that_stops_takes_nothing(void **state)
{
    uv_loop_t  loop;
    wd_lane_t *lane;
    test_job_t t = {.job = {.work = work, .done = done}};

    (void) state;
    wd_lane_stop(NULL);
    assert_int_equal(uv_loop_init(&loop), 0);
    lane = wd_lane_create(&loop, 2, 2);
    wd_lane_stop(lane);
    assert_false(wd_lane_push(lane, &t.job));
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(so_many_and_no_more),
        cmocka_unit_test(a_lane_that_stops_takes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
