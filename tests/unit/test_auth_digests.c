/*
 * The memory of digests: bounded, least recently used out, any thread.
 */
#include "auth_digests.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define THREADS 4
#define ROUNDS 20000


static void
put(auth_digests_t *d, int64_t id)
{
    uint8_t digest[AUTH_DIGEST_LEN];

    memset(digest, (int) id, sizeof(digest));
    auth_digests_put(d, id, digest);
}


static bool
get(auth_digests_t *d, int64_t id)
{
    uint8_t digest[AUTH_DIGEST_LEN] = {0}, want[AUTH_DIGEST_LEN];

    if (!auth_digests_get(d, id, digest)) {
        return false;
    }
    memset(want, (int) id, sizeof(want));
    assert_memory_equal(digest, want, sizeof(want));
    return true;
}


static void
remembers_what_was_used(void **state)
{
    int64_t         id;
    auth_digests_t *d = auth_digests_create(3);

    (void) state;
    assert_false(get(d, 1));
    for (id = 1; id <= 3; id++) {
        put(d, id);
    }
    assert_true(get(d, 1)); /* now 2 is the oldest */
    put(d, 4);
    assert_false(get(d, 2));
    put(d, 3); /* again: nothing is lost */
    assert_true(get(d, 1));
    assert_true(get(d, 3));
    assert_true(get(d, 4));
    auth_digests_destroy(d);
    auth_digests_destroy(NULL);
}


static void
takes_a_new_digest(void **state)
{
    uint8_t         a[AUTH_DIGEST_LEN] = {1}, b[AUTH_DIGEST_LEN] = {2};
    uint8_t         got[AUTH_DIGEST_LEN];
    auth_digests_t *d = auth_digests_create(3);

    (void) state;
    auth_digests_put(d, 9, a);
    auth_digests_put(d, 9, b);
    assert_true(auth_digests_get(d, 9, got));
    assert_memory_equal(got, b, sizeof(b));
    auth_digests_destroy(d);
}


static void *
hammer(void *arg)
{
    int             i;
    auth_digests_t *d = arg;

    for (i = 0; i < ROUNDS; i++) {
        put(d, i % 97);
        get(d, (i * 31) % 97);
    }
    return NULL;
}


static void
threads_share_it(void **state)
{
    int             i;
    pthread_t       threads[THREADS];
    auth_digests_t *d = auth_digests_create(50);

    (void) state;
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, hammer, d);
    }
    for (i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    auth_digests_destroy(d);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_what_was_used),
        cmocka_unit_test(takes_a_new_digest),
        cmocka_unit_test(threads_share_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
