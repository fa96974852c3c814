/*
 * Password hashing: what is stored, and how few run at a time.
 */
#include "auth_key.h"
#include "auth_password.h"

#include <pthread.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MEMORY (8 * 1024 * 1024) /* little: this is about counting */
#define CALLERS 8

static const wd_str_t password = {"correct horse", 13};

typedef struct {
    auth_hasher_t *hasher;
    int            rc;
} caller_t;


static int
setup(void **state)
{
    (void) state;
    return auth_crypto_init();
}


static auth_hasher_t *
hasher(uint32_t parallel, uint32_t queue)
{
    const auth_hasher_conf_t conf = {MEMORY, 2, parallel, queue};

    return auth_hasher_create(&conf);
}


static void
hashes_are_argon2id(void **state)
{
    char           a[AUTH_PASSWORD_HASH_MAX], b[AUTH_PASSWORD_HASH_MAX];
    auth_hasher_t *h = hasher(1, 0);

    (void) state;
    assert_int_equal(auth_hasher_hash(h, password, WD_NS_MAX, a), WD_OK);
    assert_int_equal(auth_hasher_hash(h, password, WD_NS_MAX, b), WD_OK);
    assert_memory_equal(a, "$argon2id$v=19$m=8192,t=2,p=1$", 30);
    assert_string_not_equal(a, b); /* salt */
    assert_int_equal(
        crypto_pwhash_str_verify(a, password.data, password.len), 0);
    assert_int_not_equal(
        crypto_pwhash_str_verify(a, password.data, password.len - 1), 0);
    auth_hasher_destroy(h);
    auth_hasher_destroy(NULL);
}


static void *
call(void *arg)
{
    char      out[AUTH_PASSWORD_HASH_MAX];
    caller_t *c = arg;

    c->rc = auth_hasher_hash(c->hasher, password,
                             wd_monotonic() + 60 * WD_NS_PER_S, out);
    return NULL;
}


/* How many of CALLERS at once got WD_OK; the others got WD_EUNAVAIL. */
static int
crowd(auth_hasher_t *h)
{
    int       i, done = 0;
    caller_t  callers[CALLERS];
    pthread_t threads[CALLERS];

    for (i = 0; i < CALLERS; i++) {
        callers[i] = (caller_t){.hasher = h};
        pthread_create(&threads[i], NULL, call, &callers[i]);
    }
    for (i = 0; i < CALLERS; i++) {
        pthread_join(threads[i], NULL);
        assert_true(callers[i].rc == WD_OK || callers[i].rc == WD_EUNAVAIL);
        done += callers[i].rc == WD_OK;
    }
    return done;
}


static void
a_queue_that_is_long_enough_serves_all(void **state)
{
    auth_hasher_t *h = hasher(2, CALLERS);

    (void) state;
    assert_int_equal(crowd(h), CALLERS);
    auth_hasher_destroy(h);
}


static void
a_full_queue_refuses(void **state)
{
    int            done;
    auth_hasher_t *h = hasher(1, 1);

    (void) state;
    done = crowd(h);
    assert_true(done >= 1); /* how many depends on who comes when */
    assert_int_equal(crowd(h) >= 1, 1); /* and it works again */
    auth_hasher_destroy(h);
}


/* With no place at all, one who must wait has no chance: no time passes. */
static void
waiting_ends_with_the_deadline(void **state)
{
    int            rc;
    char           out[AUTH_PASSWORD_HASH_MAX];
    auth_hasher_t *h = hasher(0, 1);

    (void) state;
    rc = auth_hasher_hash(h, password, wd_monotonic() + 20 * WD_NS_PER_MS,
                          out);
    assert_int_equal(rc, WD_ETIMEOUT);
    rc = auth_hasher_hash(h, password, wd_monotonic() - 1, out);
    assert_int_equal(rc, WD_ETIMEOUT);
    auth_hasher_destroy(h);
}


static void
one_thread_stays_free(void **state)
{
    uint32_t           threads;
    auth_hasher_conf_t conf;

    (void) state;
    for (threads = 1; threads <= 100; threads++) {
        conf = (auth_hasher_conf_t){MEMORY, 2, 2, 64};
        auth_hasher_fit(&conf, threads);
        assert_true(conf.parallel >= 1);
        assert_true(threads == 1 || conf.parallel + conf.queue < threads);
        assert_true(conf.parallel <= 2 && conf.queue <= 64);
    }
    assert_int_equal(conf.parallel, 2);
    assert_int_equal(conf.queue, 64);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_argon2id),
        cmocka_unit_test(a_queue_that_is_long_enough_serves_all),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(waiting_ends_with_the_deadline),
        cmocka_unit_test(one_thread_stays_free),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
