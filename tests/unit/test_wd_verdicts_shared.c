/*
 * The verdict table under threads, and under processes of which some are
 * killed at any instruction: what is found is what was stored, and a
 * revocation that was applied is never forgotten.
 */
#include "wd_test.h"

#include "wd_verdicts_int.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define S WD_NS_PER_S
#define KEYS 4000
#define ROUNDS 5000
#define SIZE (1024 * 1024)

typedef struct {
    wd_verdicts_t   *t;
    _Atomic uint64_t turns;
    _Atomic int64_t  now;

    /* When each was revoked last, written after it was applied. */
    _Atomic int64_t revoked[KEYS];
} shared_t;

static const wd_verdict_rules_t rules = {3600 * S, true};


static shared_t *
shared_create(void)
{
    shared_t *s;
    void     *mem;

    s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
               -1, 0);
    assert_true(s != MAP_FAILED && mem != MAP_FAILED);
    s->t = wd_verdicts_init(mem, SIZE);
    assert_non_null(s->t);
    atomic_store(&s->now, 100 * S);
    return s;
}


static void
shared_destroy(shared_t *s)
{
    munmap(s->t, SIZE);
    munmap(s, sizeof(*s));
}


static void
digest_of(uint64_t n, uint8_t digest[WD_VERDICT_DIGEST])
{
    size_t   i;
    uint64_t z;

    for (i = 0; i < WD_VERDICT_DIGEST / 8; i++) {
        z = (n * 4 + i + 1) * UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z ^= z >> 27;
        memcpy(digest + 8 * i, &z, 8);
    }
}


/* Everything in it follows from n, so that a mixture of two is seen. */
static wd_verdict_t
verdict_of(uint64_t n, wd_ns_t checked, char text[64])
{
    int                len = snprintf(text, 64, "principal-%d", (int) n);
    static const char *plans[] = {"free", "pro", "enterprise"};

    return (wd_verdict_t){
        .kind = n % 3 == 0 ? WD_VERDICT_TOKEN : WD_VERDICT_KEY,
        .principal = wd_str(text, (size_t) len),
        .key = n % 5 == 0 ? wd_str(text, 60) : wd_str(text, (size_t) len),
        .plan = wd_str_z(plans[n % 3]),
        .perms = wd_str(text, n % 11),
        .bits = {{n % 4, n % 7}},
        .jti = n % 3 == 0 ? n + 1 : 0,
        .iat = n % 3 == 0 ? (wd_ns_t) n + 1 : 0,
        .checked = checked,
        .label = (uint16_t) n,
    };
}


static bool
same(const wd_verdict_t *a, const wd_verdict_t *b)
{
    return a->kind == b->kind && wd_str_eq(a->principal, b->principal)
           && wd_str_eq(a->key, b->key) && wd_str_eq(a->plan, b->plan)
           && wd_str_eq(a->perms, b->perms)
           && wd_method_set_eq(&a->bits, &b->bits) && a->jti == b->jti
           && a->iat == b->iat
           && (a->kind == WD_VERDICT_TOKEN || a->label == b->label);
}


static void
fail_now(const char *what)
{
    fprintf(stderr, "%s\n", what);
    abort();
}


static void
look(shared_t *s, uint64_t n, wd_verdict_now_t now)
{
    char              text[64] = "";
    int64_t           revoked;
    uint8_t           digest[WD_VERDICT_DIGEST];
    wd_verdict_e      known;
    wd_verdict_t      expected;
    wd_verdict_copy_t got;

    digest_of(n, digest);
    revoked = atomic_load(&s->revoked[n]);
    known = wd_verdicts_get(s->t, digest, &rules, now, &got);
    if (known != WD_VERDICT_GOOD && known != WD_VERDICT_STALE) {
        return;
    }

    expected = verdict_of(n, 0, text);
    if (!same(&got.v, &expected)) {
        fail_now("a verdict of another key, or of two");
    }
    /* Tokens are not revoked by digest: one that crosses it is stored. */
    if (got.v.kind == WD_VERDICT_KEY && revoked != 0
        && got.v.checked <= revoked) {
        fail_now("revoked, and still there");
    }
}


static void
raise_to(_Atomic int64_t *v, int64_t to)
{
    int64_t was = atomic_load(v);

    while (was < to && !atomic_compare_exchange_weak(v, &was, to)) {
        /* again */
    }
}


static void
step(shared_t *s, unsigned *seed)
{
    char             text[64] = "";
    uint8_t          digest[WD_VERDICT_DIGEST];
    uint64_t         n = (uint64_t) rand_r(seed) % KEYS;
    wd_ns_t          mono = atomic_fetch_add(&s->now, WD_NS_PER_MS);
    wd_verdict_t     v;
    wd_verdict_now_t now = {mono, mono};

    digest_of(n, digest);
    switch (rand_r(seed) % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
        v = verdict_of(n, mono, text);
        (void) wd_verdicts_put(s->t, digest, &v, now);
        break;
    case 4:
        if (rand_r(seed) % 4 == 0) {
            (void) wd_verdicts_revoke(s->t, digest, now);
            raise_to(&s->revoked[n], mono);
        }
        break;
    case 5:
        wd_verdicts_put_bad(s->t, digest, mono, S);
        break;
    case 6:
        wd_verdicts_beat(s->t, mono - 10 * S, mono);
        (void) wd_verdicts_covered(s->t, mono, mono);
        break;
    case 7:
        if (rand_r(seed) % 64 == 0) {
            wd_intern_clear(&s->t->sets, wd_intern_gen(&s->t->sets));
        }
        break;
    default:
        look(s, n, now);
    }
    atomic_fetch_add(&s->turns, 1);
}


typedef struct {
    shared_t *s;
    unsigned  seed;
    unsigned  turns;
} worker_t;


static void *
work(void *arg)
{
    unsigned  i;
    worker_t *w = arg;

    for (i = 0; i < w->turns; i++) {
        step(w->s, &w->seed);
    }
    return NULL;
}


static void
test_threads(void **state)
{
    size_t              i;
    pthread_t           id[4];
    worker_t            w[4];
    shared_t           *s = shared_create();
    wd_verdicts_stats_t stats;

    (void) state;
    for (i = 0; i < wd_array_len(id); i++) {
        w[i] = (worker_t){s, (unsigned) i + 1, 60000};
        assert_int_equal(pthread_create(&id[i], NULL, work, &w[i]), 0);
    }
    for (i = 0; i < wd_array_len(id); i++) {
        pthread_join(id[i], NULL);
    }

    wd_verdicts_stats(s->t, &stats);
    assert_int_equal(stats.repaired, 0);
    assert_true(stats.stored > 10000);
    shared_destroy(s);
}


/* A process that another revokes in: L1 never gives what was revoked. */
static void *
revoke_often(void *arg)
{
    unsigned         i;
    uint8_t          digest[WD_VERDICT_DIGEST];
    wd_ns_t          mono;
    worker_t        *w = arg;
    wd_verdict_now_t now;

    for (i = 0; i < w->turns; i++) {
        mono = atomic_fetch_add(&w->s->now, 1000);
        now = (wd_verdict_now_t){mono, mono};
        (void) crypto_generichash(digest, sizeof(digest),
                                  (const uint8_t *) "credential", 10, NULL, 0);
        (void) wd_verdicts_revoke(w->s->t, digest, now);
        raise_to(&w->s->revoked[0], mono);
    }
    return NULL;
}


static void *
look_often(void *arg)
{
    char                text[64] = "";
    uint8_t             digest[WD_VERDICT_DIGEST];
    int64_t             revoked;
    unsigned            i;
    worker_t           *w = arg;
    wd_verdict_t        v;
    wd_verdict_now_t    now;
    wd_verdict_l1_t    *l1 = wd_verdict_l1_create(w->s->t, 64);
    const wd_verdict_t *got;
    wd_verdict_copy_t   copy;

    for (i = 0; i < w->turns; i++) {
        revoked = atomic_load(&w->s->revoked[0]);
        now.mono = now.wall = atomic_fetch_add(&w->s->now, 1000);
        if (wd_verdict_l1_get(l1, WD_STR("credential"), &rules, now, &copy,
                              &got, digest)
            == WD_VERDICT_GOOD) {
            if (revoked != 0 && got->checked <= revoked) {
                fail_now("revoked, and still in L1");
            }
        } else {
            v = verdict_of(1, now.mono + S, text); /* past the slack */
            (void) wd_verdicts_put(w->s->t, digest, &v, now);
        }
    }
    wd_verdict_l1_destroy(l1);
    return NULL;
}


static void
test_l1_threads(void **state)
{
    size_t    i;
    pthread_t id[3];
    worker_t  w[3];
    shared_t *s = shared_create();

    (void) state;
    for (i = 0; i < wd_array_len(id); i++) {
        w[i] = (worker_t){s, 0, i == 0 ? 2000 : 100000};
        assert_int_equal(pthread_create(&id[i], NULL,
                                        i == 0 ? revoke_often : look_often,
                                        &w[i]),
                         0);
    }
    for (i = 0; i < wd_array_len(id); i++) {
        pthread_join(id[i], NULL);
    }
    shared_destroy(s);
}


/*
 * Two workers are told the same at once, again and again, longer apart than
 * what counts as one; `turns` counts who was first.
 */
static void *
revoke_together(void *arg)
{
    char             name = 0;
    int64_t          i;
    shared_t        *s = arg;
    wd_verdict_now_t now;

    for (i = 0; i < ROUNDS; i++) {
        (void) atomic_fetch_add(&s->now, 1);
        while (atomic_load(&s->now) < 100 * S + 2 * (i + 1)) {
            sched_yield(); /* the other is there, too */
        }
        name = (char) ('a' + i % 16);
        now.mono = now.wall = 100 * S + i * 2 * S;
        if (wd_verdicts_revoke_named(s->t, WD_REVOKE_OWNER,
                                     (wd_str_t){&name, 1}, now.wall + 3600 * S,
                                     now)) {
            atomic_fetch_add(&s->turns, 1);
        }
    }
    return NULL;
}


static void
test_first(void **state)
{
    size_t    i;
    pthread_t id[2];
    shared_t *s = shared_create();

    (void) state;
    for (i = 0; i < wd_array_len(id); i++) {
        assert_int_equal(pthread_create(&id[i], NULL, revoke_together, s), 0);
    }
    for (i = 0; i < wd_array_len(id); i++) {
        pthread_join(id[i], NULL);
    }
    assert_int_equal(atomic_load(&s->turns), ROUNDS);
    shared_destroy(s);
}


static pid_t
spawn(shared_t *s, unsigned seed)
{
    pid_t parent = getpid(), pid = fork();

    if (pid == 0) {
        /* It must not outlive a test that failed. */
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent) {
            step(s, &seed);
        }
        _exit(1);
    }
    assert_true(pid > 0);
    return pid;
}


static void
test_kills(void **state)
{
    int                 status;
    size_t              i, j;
    pid_t               pid[4], dead;
    unsigned            seed = 1;
    uint64_t            until;
    shared_t           *s = shared_create();
    wd_verdicts_stats_t stats;

    (void) state;
    for (i = 0; i < wd_array_len(pid); i++) {
        pid[i] = spawn(s, seed++);
    }

    for (i = 0; i < 300; i++) {
        j = i % wd_array_len(pid);
        until = atomic_load(&s->turns) + 50 + i % 97;
        while (atomic_load(&s->turns) < until) {
            /* Ends by itself only when a check failed. */
            dead = waitpid(-1, &status, WNOHANG);
            assert_int_equal(dead, 0);
            sched_yield();
        }
        kill(pid[j], SIGKILL);
        assert_int_equal(waitpid(pid[j], &status, 0), pid[j]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        pid[j] = spawn(s, seed++);
    }

    for (i = 0; i < wd_array_len(pid); i++) {
        kill(pid[i], SIGKILL);
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }

    /* The survivor sees a table that works. */
    for (i = 0; i < 20000; i++) {
        step(s, &seed);
    }
    wd_verdicts_stats(s->t, &stats);
    print_message("# %d processes killed, %d shards repaired\n", 304,
                  (int) stats.repaired);
    shared_destroy(s);
}


/* Killed holding a shard's lock, for certain. */
static void
test_killed_holder(void **state)
{
    char                text[64] = "";
    int                 status;
    pid_t               pid;
    uint8_t             digest[WD_VERDICT_DIGEST];
    shared_t           *s = shared_create();
    wd_verdict_t        v = verdict_of(1, 100 * S, text);
    wd_verdict_now_t    now = {100 * S, 100 * S};
    wd_verdict_copy_t   got;
    wd_verdicts_stats_t stats;

    (void) state;
    digest_of(1, digest);
    assert_true(wd_verdicts_put(s->t, digest, &v, now));
    (void) wd_verdicts_revoke_named(s->t, WD_REVOKE_JTI, WD_STR("j"), 200 * S,
                                    now);

    pid = fork();
    if (pid == 0) {
        (void) wd_verdicts_lock(s->t, wd_verdicts_shard_of(s->t, digest));
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);

    assert_int_equal(wd_verdicts_get(s->t, digest, &rules, now, &got),
                     WD_VERDICT_UNKNOWN);
    assert_true(wd_verdicts_put(s->t, digest, &v, now));
    assert_int_equal(wd_verdicts_get(s->t, digest, &rules, now, &got),
                     WD_VERDICT_GOOD);
    assert_true(wd_verdicts_token_revoked(
        s->t, wd_verdicts_hash(s->t, WD_REVOKE_JTI, WD_STR("j")), 0, 1));
    wd_verdicts_stats(s->t, &stats);
    assert_int_equal(stats.repaired, 1);
    assert_int_equal(stats.entries + stats.large, 1);
    shared_destroy(s);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),       cmocka_unit_test(test_l1_threads),
        cmocka_unit_test(test_first),         cmocka_unit_test(test_kills),
        cmocka_unit_test(test_killed_holder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
