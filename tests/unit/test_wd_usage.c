/*
 * Usage: what is added comes out once, whoever sends and dies; a full table
 * loses nothing.
 */
#include "wd_test.h"

#include "wd_usage.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIZE (256 * 1024)

typedef struct {
    size_t   rows;
    uint64_t requests;
    uint64_t cost;
    uint64_t refused;
    uint64_t other;
} sum_t;


static wd_usage_t *
usage_create(size_t size)
{
    void       *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint8_t     seed[32] = {7};
    wd_usage_t *u;

    assert_true(p != MAP_FAILED);
    assert_ok(wd_usage_init(p, size, seed, &u));
    return u;
}


static void
usage_add(wd_usage_t *u, unsigned principal, uint64_t cost)
{
    char           name[32];
    wd_usage_row_t row = {.day = 20000,
                          .key = WD_STR("k"),
                          .plan = WD_STR("default"),
                          .method = WD_STR("bars.query"),
                          .requests = 1,
                          .cost = cost};

    snprintf(name, sizeof(name), "p%u", principal);
    row.principal = wd_str_z(name);
    wd_usage_add(u, &row);
}


static void
usage_sum(void *data, const wd_usage_row_t *row)
{
    sum_t *s = data;

    s->rows++;
    s->requests += row->requests;
    s->cost += row->cost;
    s->refused += row->refused;
    if (wd_str_eq_z(row->principal, "other")) {
        s->other += row->requests;
    }
}


static void
usage_drain(wd_usage_t *u, sum_t *s)
{
    uint64_t seq;

    while (wd_usage_batch(u, usage_sum, s, &seq) != 0) {
        wd_usage_ack(u, seq);
    }
}


static void
test_batches(void **state)
{
    sum_t       a = {0}, b = {0}, rest = {0};
    uint64_t    seq, again;
    unsigned    i;
    wd_usage_t *u = usage_create(SIZE);

    (void) state;
    for (i = 0; i < 90; i++) {
        usage_add(u, i % 30, 2);
    }
    assert_int_equal(wd_usage_batch(u, usage_sum, &a, &seq), 30);
    assert_int_equal(a.requests, 90);
    assert_int_equal(a.cost, 180);

    /* Not acknowledged: the same again, whatever came since. */
    usage_add(u, 3, 5);
    usage_add(u, 77, 5);
    assert_int_equal(wd_usage_batch(u, usage_sum, &b, &again), 30);
    assert_int_equal(again, seq);
    assert_memory_equal(&a, &b, sizeof(a));

    wd_usage_ack(u, seq + 1); /* some other batch */
    wd_usage_ack(u, seq);
    wd_usage_ack(u, seq);
    usage_drain(u, &rest);
    assert_int_equal(rest.requests, 2);
    assert_int_equal(rest.cost, 10);
    munmap(u, SIZE);
}


static void
test_full(void **state)
{
    sum_t            s = {0};
    unsigned         i;
    wd_usage_t      *u = usage_create(SIZE);
    wd_usage_stats_t st;

    (void) state;
    for (i = 0; i < 5000; i++) {
        usage_add(u, i, 1);
    }
    wd_usage_stats(u, &st);
    assert_true(st.rows <= st.max && st.other > 0);
    usage_drain(u, &s);
    assert_int_equal(s.requests, 5000);
    assert_int_equal(s.other, st.other);
    wd_usage_stats(u, &st);
    assert_int_equal(st.rows, 0);

    usage_add(u, 1, 1); /* there is room again */
    memset(&s, 0, sizeof(s));
    usage_drain(u, &s);
    assert_int_equal(s.other, 0);
    assert_int_equal(s.requests, 1);
    munmap(u, SIZE);
}


static void
test_long_names(void **state)
{
    char           name[WD_USAGE_TEXT_MAX + 1];
    sum_t          s = {0};
    wd_usage_t    *u = usage_create(SIZE);
    wd_usage_row_t row = {.day = 1, .requests = 1, .refused = 2};

    (void) state;
    memset(name, 'x', sizeof(name));
    row.principal = wd_str(name, sizeof(name));
    wd_usage_add(u, &row);
    usage_drain(u, &s);
    assert_int_equal(s.other, 1);
    assert_int_equal(s.refused, 2);
    munmap(u, SIZE);
}


static void
test_sender(void **state)
{
    wd_usage_t *u = usage_create(SIZE);

    (void) state;
    assert_true(wd_usage_sender(u, 10, 10 * WD_NS_PER_S));
    assert_false(wd_usage_sender(u, 11, 12 * WD_NS_PER_S));
    assert_true(wd_usage_sender(u, 10, 12 * WD_NS_PER_S));
    assert_false(wd_usage_sender(u, 11, 14 * WD_NS_PER_S));
    assert_true(wd_usage_sender(u, 11, 16 * WD_NS_PER_S));
    assert_false(wd_usage_sender(u, 10, 16 * WD_NS_PER_S));
    munmap(u, SIZE);
}


/* Workers die at any point; what the others added is there. */
static void
test_killed(void **state)
{
    int         status;
    pid_t       pid[3];
    sum_t       s = {0};
    size_t      i;
    uint64_t    expect, *done;
    unsigned    round;
    wd_usage_t *u = usage_create(SIZE);

    (void) state;
    done = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                -1, 0);
    assert_true(done != MAP_FAILED);
    for (round = 0; round < 30; round++) {
        for (i = 0; i < wd_array_len(pid); i++) {
            pid[i] = fork();
            if (pid[i] == 0) {
                for (;;) {
                    usage_add(u, (unsigned) wd_test_below(40), 1);
                    done[i]++;
                }
            }
        }
        usleep((useconds_t) wd_test_below(5000));
        for (i = 0; i < wd_array_len(pid); i++) {
            kill(pid[i], SIGKILL);
            assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        }
        usage_drain(u, &s);
    }
    expect = done[0] + done[1] + done[2];
    assert_true(s.requests >= expect && s.requests <= expect + 3 * 30);
    munmap(done, 4096);
    munmap(u, SIZE);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches),    cmocka_unit_test(test_full),
        cmocka_unit_test(test_long_names), cmocka_unit_test(test_sender),
        cmocka_unit_test(test_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
