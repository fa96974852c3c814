/*
 * Threads and processes count under one lock; a holder is killed.
 */
#include "wd_test.h"

#include "wd_shlock.h"

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define TURNS 20000

typedef struct {
    wd_shlock_t lock;
    uint64_t    n;
} shared_t;


static shared_t *
shared_create(void)
{
    void *p = mmap(NULL, sizeof(shared_t), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    return p;
}


static void *
count(void *arg)
{
    unsigned  i;
    shared_t *s = arg;

    for (i = 0; i < TURNS; i++) {
        if (wd_shlock_lock(&s->lock)) {
            abort();
        }
        s->n++;
        wd_shlock_unlock(&s->lock);
    }
    return NULL;
}


static void
test_threads(void **state)
{
    size_t    i;
    pthread_t t[4];
    shared_t *s = shared_create();

    (void) state;
    for (i = 0; i < wd_array_len(t); i++) {
        assert_int_equal(pthread_create(&t[i], NULL, count, s), 0);
    }
    for (i = 0; i < wd_array_len(t); i++) {
        pthread_join(t[i], NULL);
    }
    assert_int_equal(s->n, TURNS * wd_array_len(t));
    munmap(s, sizeof(*s));
}


static void
test_processes(void **state)
{
    int       status;
    size_t    i;
    pid_t     pid[4];
    shared_t *s = shared_create();

    (void) state;
    for (i = 0; i < wd_array_len(pid); i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            count(s);
            _exit(0);
        }
    }
    for (i = 0; i < wd_array_len(pid); i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(s->n, TURNS * wd_array_len(pid));
    munmap(s, sizeof(*s));
}


/* A process that dies with the lock. */
static pid_t
killed_holder(shared_t *s)
{
    pid_t pid = fork();

    if (pid == 0) {
        if (wd_shlock_lock(&s->lock)) {
            _exit(1);
        }
        raise(SIGKILL);
    }
    return pid;
}


static void
test_killed_holder(void **state)
{
    int       status;
    pid_t     pid;
    shared_t *s = shared_create();

    (void) state;
    pid = killed_holder(s);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_not_equal(atomic_load(&s->lock.holder), 0);

    assert_true(wd_shlock_lock(&s->lock));
    wd_shlock_unlock(&s->lock);
    assert_false(wd_shlock_lock(&s->lock));
    wd_shlock_unlock(&s->lock);
    munmap(s, sizeof(*s));
}


/* Its parent waits for the lock before it asks for its children. */
static void
test_killed_child(void **state)
{
    int       status;
    pid_t     pid;
    siginfo_t info;
    shared_t *s = shared_create();

    (void) state;
    pid = killed_holder(s);
    assert_int_equal(waitid(P_PID, (id_t) pid, &info, WEXITED | WNOWAIT), 0);

    alarm(20); /* instead of waiting for ever */
    assert_true(wd_shlock_lock(&s->lock));
    alarm(0);
    wd_shlock_unlock(&s->lock);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    munmap(s, sizeof(*s));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_processes),
        cmocka_unit_test(test_killed_holder),
        cmocka_unit_test(test_killed_child),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
