/*
 * Fetching for all workers: one at a time, out of turn but not often, taken
 * over when the one who fetches dies.
 */
#include "wd_test.h"

#include "wd_keyshare.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define S WD_NS_PER_S
#define LEASE (5 * S)
#define INTERVAL (10 * S)

static const uint8_t a[WD_KEYSHARE_NAME] = "a";
static const uint8_t b[WD_KEYSHARE_NAME] = "b";


static int
setup(void **state)
{
    *state = mmap(NULL, wd_keyshare_size(), PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return *state == MAP_FAILED;
}


static int
teardown(void **state)
{
    return munmap(*state, wd_keyshare_size());
}


static void
assert_document(wd_keyshare_t *s, size_t slot, const char *want,
                uint64_t want_generation)
{
    int                 rc;
    wd_buf_t            out = WD_BUF_INIT;
    uint64_t            generation = 0;
    wd_keyshare_state_t st;

    rc = wd_keyshare_load(s, slot, a, &out, &generation);
    wd_keyshare_state(s, slot, a, &st);
    if (want == NULL) {
        assert_int_equal(rc, WD_ENOTFOUND);
    } else {
        assert_ok(rc);
        assert_view(wd_buf_view(&out), want);
        assert_int_equal(generation, want_generation);
    }
    assert_int_equal(st.generation, want_generation);
    wd_buf_done(&out);
}


static void
test_store(void **state)
{
    wd_keyshare_t      *s = wd_keyshare_init(*state);
    size_t              slot = wd_keyshare_claim(s, a);
    wd_keyshare_state_t st;

    assert_document(s, slot, NULL, 0);
    wd_keyshare_store(s, slot, a, WD_STR("no lease"), 0, 0);
    assert_document(s, slot, NULL, 0);

    assert_int_equal(wd_keyshare_due(s, slot, a, S, LEASE), WD_KEYSHARE_FETCH);
    assert_int_equal(wd_keyshare_due(s, slot, a, S, LEASE), WD_KEYSHARE_WAIT);
    wd_keyshare_store(s, slot, a, WD_STR("one"), 2 * S, 60 * S);
    assert_document(s, slot, "one", 1);

    /* Not due before its time; the same bytes are no change. */
    assert_int_equal(wd_keyshare_due(s, slot, a, 59 * S, LEASE),
                     WD_KEYSHARE_NO);
    assert_int_equal(wd_keyshare_due(s, slot, a, 60 * S, LEASE),
                     WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("one"), 61 * S, 120 * S);
    assert_document(s, slot, "one", 1);
    assert_int_equal(wd_keyshare_due(s, slot, a, 120 * S, LEASE),
                     WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("two"), 121 * S, 180 * S);
    assert_document(s, slot, "two", 2);
    wd_keyshare_state(s, slot, a, &st);
    assert_int_equal(st.attempts, 3);
    assert_false(st.failed);
}


static void
test_want(void **state)
{
    wd_keyshare_t *s = wd_keyshare_init(*state);
    size_t         slot = wd_keyshare_claim(s, a);
    wd_ns_t        wait;

    assert_int_equal(wd_keyshare_due(s, slot, a, 0, LEASE), WD_KEYSHARE_FETCH);
    assert_int_equal(wd_keyshare_want(s, slot, a, S, LEASE, INTERVAL, &wait),
                     WD_KEYSHARE_WAIT);
    wd_keyshare_store(s, slot, a, WD_STR("x"), S, 1000 * S);

    /* The fetch in turn does not count against the one out of turn. */
    assert_int_equal(
        wd_keyshare_want(s, slot, a, 2 * S, LEASE, INTERVAL, &wait),
        WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("x"), 3 * S, 1000 * S);
    assert_int_equal(
        wd_keyshare_want(s, slot, a, 4 * S, LEASE, INTERVAL, &wait),
        WD_KEYSHARE_NO);
    assert_int_equal(wait, 8 * S);
    assert_int_equal(
        wd_keyshare_want(s, slot, a, 12 * S, LEASE, INTERVAL, &wait),
        WD_KEYSHARE_FETCH);
}


static void
test_failures(void **state)
{
    int                 i;
    wd_keyshare_t      *s = wd_keyshare_init(*state);
    size_t              slot = wd_keyshare_claim(s, a);
    wd_ns_t             now = 0;
    wd_keyshare_state_t st;

    static const int waits[] = {1, 2, 4, 8, 16, 30, 30, 30};

    assert_int_equal(wd_keyshare_due(s, slot, a, now, LEASE),
                     WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("good"), now, now);
    for (i = 0; i < 8; i++) {
        assert_int_equal(wd_keyshare_due(s, slot, a, now, LEASE),
                         WD_KEYSHARE_FETCH);
        wd_keyshare_failed(s, slot, a, now);
        wd_keyshare_state(s, slot, a, &st);
        assert_true(st.failed);
        assert_int_equal(st.attempts, i + 2);
        assert_document(s, slot, "good", 1); /* kept */

        now += waits[i] * S;
        assert_int_equal(wd_keyshare_due(s, slot, a, now - 1, LEASE),
                         WD_KEYSHARE_NO);
    }
    assert_int_equal(wd_keyshare_due(s, slot, a, now, LEASE),
                     WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("good"), now, now + 60 * S);
    wd_keyshare_state(s, slot, a, &st);
    assert_false(st.failed);
}


static void
test_outdated(void **state)
{
    wd_keyshare_t *s = wd_keyshare_init(*state);
    size_t         slot = wd_keyshare_claim(s, a);

    assert_int_equal(wd_keyshare_due(s, slot, a, 0, LEASE), WD_KEYSHARE_FETCH);
    wd_keyshare_outdated(s, slot, a, S); /* while it is fetched */
    wd_keyshare_store(s, slot, a, WD_STR("old"), 2 * S, 1000 * S);
    assert_int_equal(wd_keyshare_due(s, slot, a, 2 * S, LEASE),
                     WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("new"), 3 * S, 1000 * S);
    assert_int_equal(wd_keyshare_due(s, slot, a, 4 * S, LEASE), WD_KEYSHARE_NO);
    wd_keyshare_outdated(s, slot, a, 5 * S);
    assert_int_equal(wd_keyshare_due(s, slot, a, 5 * S, LEASE),
                     WD_KEYSHARE_FETCH);
}


static void
test_due_by(void **state)
{
    wd_keyshare_t *s = wd_keyshare_init(*state);
    size_t         slot = wd_keyshare_claim(s, a);

    assert_int_equal(wd_keyshare_due(s, slot, a, S, LEASE), WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("one"), S, 60 * S);

    wd_keyshare_due_by(s, slot, a, 90 * S); /* no later than it was */
    assert_int_equal(wd_keyshare_due(s, slot, a, 59 * S, LEASE),
                     WD_KEYSHARE_NO);
    wd_keyshare_due_by(s, slot, a, 30 * S);
    wd_keyshare_due_by(s, slot, b, 3 * S); /* another's */
    assert_int_equal(wd_keyshare_due(s, slot, a, 29 * S, LEASE),
                     WD_KEYSHARE_NO);
    assert_int_equal(wd_keyshare_due(s, slot, a, 30 * S, LEASE),
                     WD_KEYSHARE_FETCH);
}


static void
test_lease_ends(void **state)
{
    int            status;
    pid_t          pid;
    wd_ns_t        wait;
    wd_keyshare_t *s = wd_keyshare_init(*state);
    size_t         slot = wd_keyshare_claim(s, a);

    /* At its deadline, even when its holder lives. */
    assert_int_equal(wd_keyshare_due(s, slot, a, 0, LEASE), WD_KEYSHARE_FETCH);
    assert_int_equal(wd_keyshare_due(s, slot, a, LEASE - 1, LEASE),
                     WD_KEYSHARE_WAIT);
    assert_int_equal(wd_keyshare_due(s, slot, a, LEASE, LEASE),
                     WD_KEYSHARE_FETCH);
    wd_keyshare_failed(s, slot, a, LEASE);

    /* With its holder's life. */
    pid = fork();
    if (pid == 0) {
        _exit(wd_keyshare_due(s, slot, a, 100 * S, 1000 * S)
              != WD_KEYSHARE_FETCH);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(
        wd_keyshare_want(s, slot, a, 101 * S, LEASE, INTERVAL, &wait),
        WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("x"), 101 * S, 200 * S);
    assert_document(s, slot, "x", 1);
}


/* A worker is killed while it holds a slot's lock. */
static void
test_killed(void **state)
{
    int            status;
    pid_t          pid;
    wd_keyshare_t *s = wd_keyshare_init(*state);
    size_t         slot = wd_keyshare_claim(s, a);

    assert_int_equal(wd_keyshare_due(s, slot, a, 0, LEASE), WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("x"), 0, 1000 * S);

    pid = fork();
    if (pid == 0) {
        /* The slot's lock is the first thing in it; the turn is before. */
        *(uint32_t *) (void *) ((uint8_t *) s + 8) = (uint32_t) getpid();
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(slot, 0);
    assert_int_equal(wd_keyshare_due(s, slot, a, S, LEASE), WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("x"), S, 1000 * S);
    assert_document(s, slot, "x", 2);
}


static void
test_names(void **state)
{
    int                 i;
    size_t              slot;
    uint8_t             name[WD_KEYSHARE_NAME] = {0};
    wd_ns_t             wait;
    wd_buf_t            out = WD_BUF_INIT;
    uint64_t            g;
    wd_keyshare_t      *s = wd_keyshare_init(*state);
    wd_keyshare_state_t st;

    slot = wd_keyshare_claim(s, a);
    assert_int_equal(wd_keyshare_claim(s, a), slot);
    assert_int_not_equal(wd_keyshare_claim(s, b), slot);
    assert_int_equal(wd_keyshare_due(s, slot, a, 0, LEASE), WD_KEYSHARE_FETCH);
    wd_keyshare_store(s, slot, a, WD_STR("x"), 0, 0);

    /* Others take all slots: who still believes in its own has none. */
    for (i = 0; i < WD_KEYSHARE_SLOTS; i++) {
        name[0] = (uint8_t) i;
        name[1] = 1;
        (void) wd_keyshare_claim(s, name);
    }
    wd_keyshare_state(s, slot, a, &st);
    assert_int_equal(st.generation, 0);
    assert_int_equal(wd_keyshare_due(s, slot, a, 0, LEASE), WD_KEYSHARE_NO);
    assert_int_equal(wd_keyshare_want(s, slot, a, 0, LEASE, INTERVAL, &wait),
                     WD_KEYSHARE_NO);
    assert_int_equal(wd_keyshare_load(s, slot, a, &out, &g), WD_ENOTFOUND);
    wd_keyshare_outdated(s, slot, a, 0);
    wd_keyshare_failed(s, slot, a, 0);
    wd_buf_done(&out);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_want, setup, teardown),
        cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_outdated, setup, teardown),
        cmocka_unit_test_setup_teardown(test_due_by, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lease_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
