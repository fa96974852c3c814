/*
 * The response cache among threads and processes: torn reads, killed
 * processes, one asking for all.
 */
#include "wd_test.h"

#include "wd_rcache_int.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024 * 1024)
#define S WD_NS_PER_S
#define SIZE (2 * MIB)
#define KEYS 200
#define BODY_MAX 20000


static wd_rcache_t *
cache_create(void)
{
    void        *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    wd_rcache_t *c;

    assert_true(mem != MAP_FAILED);
    c = wd_rcache_init(mem, SIZE, BODY_MAX);
    assert_non_null(c);
    return c;
}


static void
key_of(unsigned n, uint8_t key[WD_CACHEKEY_LEN])
{
    unsigned i;

    for (i = 0; i < WD_CACHEKEY_LEN; i++) {
        key[i] = (uint8_t) ((n * 2654435761u) >> (i % 4 * 8)) ^ (uint8_t) i;
    }
}


static wd_rcache_tag_t
tag_of(unsigned n)
{
    wd_rcache_tag_t tag = {{n * UINT64_C(0x9e3779b97f4a7c15), n}};

    return tag;
}


/* ---- what each does, at random ------------------------------------------ */

typedef struct {
    wd_rcache_t *c;
    uint64_t     random;
    char         body[BODY_MAX];
    uint8_t      got[BODY_MAX + 64];
} actor_t;


static unsigned
below(actor_t *a, unsigned n)
{
    a->random = a->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned) (a->random >> 33) % n;
}


/* Every body is of one byte, which goes with the key's number. */
static void
act_put(actor_t *a)
{
    unsigned        n = below(a, KEYS);
    uint8_t         key[WD_CACHEKEY_LEN];
    wd_rcache_tag_t tags[2] = {tag_of(n % 10), tag_of(n % 7 + 100)};
    wd_rcache_put_t p = {.key = key,
                         .tags = tags,
                         .n_tags = 2,
                         .method = n % 3,
                         .type = WD_STR("t"),
                         .seq = wd_rcache_seq(a->c),
                         .from = S,
                         .fresh = 10 * S};

    key_of(n, key);
    p.body = wd_str(a->body,
                    below(a, 8) == 0 ? below(a, BODY_MAX) : below(a, 900));
    memset(a->body, (int) n, p.body.len);
    (void) !wd_rcache_put(a->c, &p, S);
}


static bool
act_get(actor_t *a)
{
    size_t           i;
    unsigned         n = below(a, KEYS);
    uint8_t          key[WD_CACHEKEY_LEN];
    wd_rcache_view_t v;

    key_of(n, key);
    if (wd_rcache_get(a->c, key, 2 * S, &v) != WD_OK) {
        return true;
    }
    if (v.body_len > BODY_MAX || v.type_len != 1) {
        return false;
    }
    if (wd_rcache_read(a->c, &v, a->got) != WD_OK) {
        return true;
    }
    for (i = 1; i <= v.body_len; i++) {
        if (a->got[i] != (uint8_t) n) {
            return false;
        }
    }
    return a->got[0] == 't';
}


static void
act_purge(actor_t *a)
{
    wd_rcache_tag_t tag = tag_of(below(a, 10));

    if (below(a, 50) == 0) {
        wd_rcache_tag_all(&tag);
    }
    (void) wd_rcache_purge(a->c, &tag, 1);
}


static void
act_fill(actor_t *a)
{
    uint8_t            key[WD_CACHEKEY_LEN];
    wd_rcache_set_t    wake;
    wd_rcache_lead_t   lead;
    wd_rcache_notice_t notice;

    key_of(below(a, 20), key);
    if (wd_rcache_fill(a->c, key, (int) below(a, 60), true, S, S, &lead)
        == WD_RCACHE_LEAD) {
        wd_rcache_fill_done(a->c, key, lead.id, WD_OK, S, &wake);
    }
    (void) !wd_rcache_notice(a->c, (int) below(a, 60), &notice);
}


static bool
act(actor_t *a)
{
    switch (below(a, 16)) {
    case 0:
        act_purge(a);
        return true;
    case 1:
        (void) wd_rcache_reclaim(a->c, 10);
        wd_rcache_beat(a->c, 1, below(a, 5), below(a, 10), S);
        return true;
    case 2:
    case 3:
        act_fill(a);
        return true;
    case 4:
    case 5:
    case 6:
    case 7:
        act_put(a);
        return true;
    default:
        return act_get(a);
    }
}


/* ---- threads ------------------------------------------------------------ */

typedef struct {
    actor_t  actor;
    unsigned steps;
    bool     good;
} thread_t;


static void *
run(void *arg)
{
    thread_t *t = arg;

    for (t->good = true; t->good && t->steps != 0; t->steps--) {
        t->good = act(&t->actor);
    }
    return NULL;
}


static void
test_threads(void **state)
{
    size_t          i;
    pthread_t       id[4];
    wd_rcache_t    *c = cache_create();
    static thread_t t[4];

    (void) state;
    for (i = 0; i < wd_array_len(t); i++) {
        t[i].actor.c = c;
        t[i].actor.random = wd_test_random();
        t[i].steps = 40000;
        assert_int_equal(pthread_create(&id[i], NULL, run, &t[i]), 0);
    }
    for (i = 0; i < wd_array_len(t); i++) {
        pthread_join(id[i], NULL);
        assert_true(t[i].good);
    }
    munmap(c, SIZE);
}


/* ---- processes that are killed ------------------------------------------ */

static pid_t
spawn(wd_rcache_t *c)
{
    pid_t    pid;
    uint64_t seed = wd_test_random();
    actor_t *a;

    pid = fork();
    if (pid != 0) {
        return pid;
    }

    a = calloc(1, sizeof(*a));
    if (a == NULL) {
        _exit(2);
    }
    a->c = c;
    a->random = seed;
    while (act(a)) {
    }
    _exit(1);
}


/* All segments are free, in an entry, or with a live process. */
static void
assert_nothing_lost(wd_rcache_t *c)
{
    uint32_t           i, e, n, k, used, free;
    wd_rcache_shard_t *s;

    for (i = 0; i < c->n_shards; i++) {
        s = &c->shards[i];
        wd_rcache_lock(s);
        used = n = free = 0;
        for (e = s->newest; e != WD_RCACHE_NONE;
             e = wd_rcache_entry(s, e)->next) {
            used += wd_rcache_entry(s, e)->segments;
            assert_true(++n <= s->n_entries);
        }
        assert_int_equal(n, s->n_entries);
        for (e = s->free; e != WD_RCACHE_NONE; e = s->next[e]) {
            assert_true(++free <= s->n_free);
        }
        for (k = 0; k < WD_RCACHE_TRANSIT; k++) {
            used += s->transit[k].holder != 0 ? s->transit[k].n : 0;
        }
        assert_int_equal(free, s->n_free);
        assert_int_equal(used + free, s->n_segments);
        wd_rcache_unlock(s);
    }
}


static void
test_kills(void **state)
{
    int             status;
    pid_t           pid[3] = {0};
    size_t          i, round;
    wd_rcache_t    *c = cache_create();
    wd_rcache_set_t wake;

    (void) state;
    for (i = 0; i < wd_array_len(pid); i++) {
        pid[i] = spawn(c);
        assert_true(pid[i] > 0);
    }
    for (round = 0; round < 150; round++) {
        i = wd_test_below(wd_array_len(pid));
        usleep((useconds_t) wd_test_below(3000));
        kill(pid[i], SIGKILL);
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_true(WIFSIGNALED(status)); /* it saw no torn answer */
        pid[i] = spawn(c);
        wd_rcache_bury(c, S, &wake);
        assert_nothing_lost(c);
    }
    for (i = 0; i < wd_array_len(pid); i++) {
        kill(pid[i], SIGKILL);
        waitpid(pid[i], &status, 0);
    }
    assert_nothing_lost(c);
    munmap(c, SIZE);
}


/* Killed while it holds each lock: who comes next goes on. */
static void
test_killed_holders(void **state)
{
    int              status;
    pid_t            pid;
    wd_rcache_t     *c = cache_create();
    static actor_t   a;
    uint32_t         i;
    uint8_t          key[WD_CACHEKEY_LEN];
    wd_rcache_view_t v;

    (void) state;
    a.c = c;
    for (i = 0; i < 1000; i++) {
        act_put(&a);
    }

    pid = fork();
    if (pid == 0) {
        for (i = 0; i < c->n_shards; i++) {
            (void) !wd_shlock_lock(&c->shards[i].lock);
            (void) !wd_shlock_lock(&c->fills[i].lock);
        }
        (void) !wd_shlock_lock(&c->ring_lock);
        (void) !wd_shlock_lock(&c->cover[1].lock);
        (void) !wd_shlock_lock(&c->boxes[0].lock);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);

    for (i = 0; i < KEYS; i++) {
        key_of(i, key);
        assert_int_equal(wd_rcache_get(c, key, 2 * S, &v), WD_ENOTFOUND);
    }
    for (i = 0; i < 20000; i++) {
        assert_true(act(&a));
    }
    assert_nothing_lost(c);
    munmap(c, SIZE);
}


/* ---- each purge once ---------------------------------------------------- */

#define PURGES 5000

typedef struct {
    wd_rcache_t     *c;
    _Atomic uint32_t heard[4]; /* how far each worker is */
    _Atomic uint32_t did[PURGES + 1];
} purges_t;


/* A worker: hears one purge after the other. */
static void
hear(purges_t *p, unsigned worker)
{
    uint32_t        seq;
    wd_rcache_tag_t tag;

    while ((seq = p->heard[worker] + 1) <= PURGES) {
        if (wd_rcache_claim(p->c, 1, 77, seq)) {
            tag = tag_of(seq);
            (void) wd_rcache_purge(p->c, &tag, 1);
            sched_yield(); /* to one who hears of the same purge */
            p->did[seq]++;
            wd_rcache_claim_done(p->c, 1, 77, seq, S);
        }
        p->heard[worker] = seq;
    }
}


static purges_t *
purges_create(void)
{
    purges_t *p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(p != MAP_FAILED);
    p->c = cache_create();
    return p;
}


static void
purges_destroy(purges_t *p)
{
    munmap(p->c, SIZE);
    munmap(p, sizeof(*p));
}


typedef struct {
    purges_t *purges;
    unsigned  worker;
} hearer_t;


static void *
hear_all(void *arg)
{
    const hearer_t *h = arg;

    hear(h->purges, h->worker);
    return NULL;
}


static void
test_purge_once(void **state)
{
    size_t    i;
    hearer_t  h[4];
    purges_t *p = purges_create();
    pthread_t id[4];

    (void) state;
    for (i = 0; i < wd_array_len(id); i++) {
        h[i] = (hearer_t){p, (unsigned) i};
        assert_int_equal(pthread_create(&id[i], NULL, hear_all, &h[i]), 0);
    }
    for (i = 0; i < wd_array_len(id); i++) {
        pthread_join(id[i], NULL);
    }
    for (i = 1; i <= PURGES; i++) {
        assert_int_equal(p->did[i], 1);
    }
    purges_destroy(p);
}


static pid_t
spawn_hearer(purges_t *p, unsigned worker)
{
    pid_t pid = fork();

    if (pid == 0) {
        hear(p, worker);
        _exit(0);
    }
    return pid;
}


/*
 * What the one worker that lives has heard was done, whoever claimed it; and
 * twice at most as often as one was killed in between.
 */
static void
test_purge_killed(void **state)
{
    int       status;
    pid_t     pid[4];
    size_t    i, kills = 0, done = 0;
    purges_t *p = purges_create();

    (void) state;
    for (i = 0; i < wd_array_len(pid); i++) {
        pid[i] = spawn_hearer(p, (unsigned) i);
        assert_true(pid[i] > 0);
    }
    while (p->heard[0] < PURGES) {
        i = 1 + wd_test_below(wd_array_len(pid) - 1);
        usleep((useconds_t) wd_test_below(1000));
        kill(pid[i], SIGKILL);
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        kills++;
        pid[i] = spawn_hearer(p, (unsigned) i); /* goes on where it was */
    }
    for (i = 0; i < wd_array_len(pid); i++) {
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_int_equal(status, 0);
    }
    for (i = 1; i <= PURGES; i++) {
        assert_int_not_equal(p->did[i], 0);
        done += p->did[i];
    }
    assert_in_range(done, PURGES, PURGES + kills);
    purges_destroy(p);
}


/* It had claimed, and did nothing: the next one does it. */
static void
test_purge_claimer_dies(void **state)
{
    int          status;
    pid_t        pid;
    wd_rcache_t *c = cache_create();

    (void) state;
    pid = fork();
    if (pid == 0) {
        if (wd_rcache_claim(c, 1, 77, 5)) {
            raise(SIGKILL);
        }
        _exit(1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    assert_true(wd_rcache_claim(c, 1, 77, 5));
    wd_rcache_claim_done(c, 1, 77, 5, S);
    assert_false(wd_rcache_claim(c, 1, 77, 5));
    munmap(c, SIZE);
}


/* ---- one for all -------------------------------------------------------- */

static void
assert_notice(wd_rcache_t *c, int worker, const uint8_t *key, int code)
{
    wd_rcache_notice_t n;

    assert_ok(wd_rcache_notice(c, worker, &n));
    assert_memory_equal(n.key, key, WD_CACHEKEY_LEN);
    assert_int_equal(n.code, code);
    assert_int_equal(wd_rcache_notice(c, worker, &n), WD_EAGAIN);
}


static void
test_single_flight(void **state)
{
    uint8_t            key[WD_CACHEKEY_LEN];
    wd_rcache_t       *c = cache_create();
    wd_rcache_set_t    wake;
    wd_rcache_lead_t   first, second, other;
    wd_rcache_notice_t n;

    (void) state;
    key_of(1, key);
    assert_int_equal(wd_rcache_fill(c, key, 3, true, S, S, &first),
                     WD_RCACHE_LEAD);
    assert_int_equal(wd_rcache_fill(c, key, 5, true, S, S, &other),
                     WD_RCACHE_WAIT);
    assert_int_equal(other.until, 2 * S);
    assert_int_equal(wd_rcache_fill(c, key, 6, false, S, S, &other),
                     WD_RCACHE_BUSY);
    assert_int_equal(wd_rcache_fill(c, key, -1, true, S, S, &other),
                     WD_RCACHE_BUSY);
    assert_int_equal(wd_rcache_fill(c, key, 63, true, S, S, &other),
                     WD_RCACHE_WAIT);

    wd_rcache_fill_done(c, key, first.id + 1, WD_OK, S,
                        &wake); /* not its lead */
    assert_int_equal(wake.bits[0], 0);
    wd_rcache_fill_done(c, key, first.id, WD_ETIMEOUT, S, &wake);
    assert_true(wake.bits[0] == (UINT64_C(1) << 5 | UINT64_C(1) << 63));
    assert_notice(c, 5, key, WD_ETIMEOUT);
    assert_notice(c, 63, key, WD_ETIMEOUT);
    assert_int_equal(wd_rcache_notice(c, 6, &n), WD_EAGAIN);

    /* A lease that ran out: the next one leads, the waiters stay. */
    assert_int_equal(wd_rcache_fill(c, key, 1, true, 3 * S, S, &first),
                     WD_RCACHE_LEAD);
    assert_int_equal(wd_rcache_fill(c, key, 2, true, 3 * S, S, &other),
                     WD_RCACHE_WAIT);
    assert_int_equal(wd_rcache_fill(c, key, 4, true, 4 * S, S, &second),
                     WD_RCACHE_LEAD);
    assert_int_not_equal(first.id, second.id);
    wd_rcache_fill_done(c, key, first.id, WD_OK, S, &wake);
    assert_int_equal(wake.bits[0], 0);
    wd_rcache_fill_done(c, key, second.id, WD_OK, S, &wake);
    assert_int_equal(wake.bits[0], 1 << 2);
    assert_notice(c, 2, key, WD_OK);

    /* An answer that is not kept: nobody waits for a while. */
    wd_rcache_pass(c, key, 6 * S);
    assert_int_equal(wd_rcache_fill(c, key, 4, true, 6 * S - 1, S, &second),
                     WD_RCACHE_PASS);
    assert_int_equal(wd_rcache_fill(c, key, 4, true, 6 * S, S, &second),
                     WD_RCACHE_LEAD);
    munmap(c, SIZE);
}


static void
test_many_fills(void **state)
{
    unsigned           i, n = 0;
    uint8_t            key[WD_CACHEKEY_LEN];
    wd_rcache_t       *c = cache_create();
    wd_rcache_set_t    wake;
    wd_rcache_lead_t   lead[1000];
    wd_rcache_fill_e   rc[1000];
    wd_rcache_notice_t notice;
    wd_rcache_stats_t  st;

    (void) state;
    for (i = 0; i < 1000; i++) {
        key_of(i, key);
        rc[i] = wd_rcache_fill(c, key, 0, true, S, S, &lead[i]);
        n += rc[i] == WD_RCACHE_LEAD;
        if (rc[i] == WD_RCACHE_LEAD) {
            assert_int_equal(wd_rcache_fill(c, key, 7, true, S, S, &lead[999]),
                             WD_RCACHE_WAIT);
        } else {
            assert_int_equal(rc[i], WD_RCACHE_PASS);
        }
    }
    assert_int_equal(n, c->n_shards * WD_RCACHE_FILLS);
    wd_rcache_stats(c, &st);
    assert_int_equal(st.filling, n);

    for (i = 0; i < 999; i++) {
        key_of(i, key);
        if (rc[i] == WD_RCACHE_LEAD) {
            wd_rcache_fill_done(c, key, lead[i].id, WD_OK, S, &wake);
            assert_int_equal(wake.bits[0], 1 << 7);
        }
    }

    /* A box that overflows says so once, at its end. */
    for (i = 0; i < WD_RCACHE_BOX; i++) {
        assert_ok(wd_rcache_notice(c, 7, &notice));
    }
    assert_int_equal(wd_rcache_notice(c, 7, &notice), WD_EOVERFLOW);
    assert_int_equal(wd_rcache_notice(c, 7, &notice), WD_EAGAIN);
    munmap(c, SIZE);
}


static void
test_dead_leader(void **state)
{
    int              status;
    pid_t            pid;
    uint8_t          key[2][WD_CACHEKEY_LEN];
    wd_rcache_t     *c = cache_create();
    wd_rcache_set_t  wake;
    wd_rcache_lead_t lead;

    (void) state;
    key_of(1, key[0]);
    key_of(2, key[1]);
    assert_int_equal(wd_rcache_join(c), 0);
    wd_rcache_wake_set(c, 0, 42);
    assert_int_equal(wd_rcache_join(c), 0); /* the same process */

    pid = fork();
    if (pid == 0) {
        if (wd_rcache_join(c) != 1
            || wd_rcache_fill(c, key[0], 1, true, S, 100 * S, &lead)
                   != WD_RCACHE_LEAD
            || wd_rcache_fill(c, key[1], 1, true, S, 100 * S, &lead)
                   != WD_RCACHE_LEAD) {
            _exit(1);
        }
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    /* One who asks takes over; the others are told by who buries. */
    assert_int_equal(wd_rcache_fill(c, key[0], 0, true, S, S, &lead),
                     WD_RCACHE_LEAD);
    c->fills[wd_rcache_shard_of(c, key[1])].fills[0].waiters.bits[0] |= 1;
    c->fills[wd_rcache_shard_of(c, key[1])].fills[1].waiters.bits[0] |= 1;
    wd_rcache_bury(c, S, &wake);
    assert_int_equal(wake.bits[0], 1);
    assert_notice(c, 0, key[1], WD_OK);
    assert_int_equal(wd_rcache_wake_get(c, 0), 42);

    /* The dead one's place is free. */
    pid = fork();
    if (pid == 0) {
        _exit(wd_rcache_join(c) == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);

    wd_rcache_leave(c, 0, S, &wake);
    pid = fork();
    if (pid == 0) {
        _exit(wd_rcache_join(c) == 0 ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    munmap(c, SIZE);
}


/* Killed with the lock of what was heard: all that was noted stays known. */
static void
test_cover_killed(void **state)
{
    int                  status;
    pid_t                pid;
    uint64_t             seq;
    wd_rcache_t         *c = cache_create();
    wd_rcache_cover_t   *k = &c->cover[1];
    wd_rcache_instance_t in;

    (void) state;
    for (seq = 1; seq <= 1000; seq++) {
        wd_rcache_note(c, 1, 77, seq, S);
    }
    in = k->instances[0];
    in.seq = 1001; /* and `missed` has a bit for it */
    in.missed = 1;

    pid = fork();
    if (pid == 0) {
        wd_rcache_cover_lock(k);
        k->instances[0].seq = 5; /* half written: the draft is whole */
        k->draft = in;
        atomic_store(&k->draft_of, 1);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    for (seq = 1; seq <= 1000; seq++) {
        assert_false(wd_rcache_claim(c, 1, 77, seq));
    }
    assert_true(wd_rcache_claim(c, 1, 77, 1001));
    wd_rcache_claim_done(c, 1, 77, 1001, S);
    assert_false(wd_rcache_claim(c, 1, 77, 1001));
    munmap(c, SIZE);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_kills),
        cmocka_unit_test(test_killed_holders),
        cmocka_unit_test(test_purge_once),
        cmocka_unit_test(test_purge_killed),
        cmocka_unit_test(test_purge_claimer_dies),
        cmocka_unit_test(test_cover_killed),
        cmocka_unit_test(test_single_flight),
        cmocka_unit_test(test_many_fills),
        cmocka_unit_test(test_dead_leader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
