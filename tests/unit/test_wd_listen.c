/*
 * The LISTEN thread against a PostgreSQL of the test's own: what is heard,
 * in which order with beats, and a server that hangs, dies and comes back.
 */
#include "wd_test.h"

#include "wd_listen.h"
#include "wd_num.h"

#include <pthread.h>
#include <signal.h>

#define MAX 64

static wd_test_pg_t   *pg;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What the thread did, as letters: o open, h heard, w work, b beat. */
static char     story[65536];
static size_t   n_story;
static unsigned opens, beats, works;
static int64_t  heard; /* sum of the numbers */
static bool     refuse_open, refuse_beat;


static void
tell(char c)
{
    if (n_story < sizeof(story) - 1) {
        story[n_story++] = c;
        story[n_story] = '\0';
    }
}


static int
on_open(wd_pg_conn_t *c, void *arg, wd_error_t *err)
{
    bool refuse;

    pthread_mutex_lock(&lock);
    refuse = refuse_open;
    opens += !refuse;
    tell('o');
    pthread_mutex_unlock(&lock);
    assert_ptr_equal(arg, &story);
    return refuse ? wd_error(err, WD_EINTERNAL, "refused")
                  : wd_pg_script(c, "LISTEN tester", err);
}


/* A number, even ones asking for work; "bad" drops the connection. */
static int
on_heard(wd_str_t payload, void *arg, bool *ret_work)
{
    int     rc;
    int64_t v = 0;

    (void) arg;
    pthread_mutex_lock(&lock);
    tell('h');
    rc = wd_int_parse(payload, &v);
    heard += v;
    *ret_work |= rc == WD_OK && v % 2 == 0;
    pthread_mutex_unlock(&lock);
    return rc == WD_OK ? WD_OK : WD_EPROTO;
}


static int
on_work(wd_pg_conn_t *c, void *arg, wd_error_t *err)
{
    (void) arg;
    pthread_mutex_lock(&lock);
    works++;
    tell('w');
    pthread_mutex_unlock(&lock);
    return wd_pg_exec(c, "SELECT 1", NULL, 0, NULL, err);
}


static int
on_beat(void *arg)
{
    bool refuse;

    (void) arg;
    pthread_mutex_lock(&lock);
    refuse = refuse_beat;
    refuse_beat = false;
    beats += !refuse;
    tell('b');
    pthread_mutex_unlock(&lock);
    return refuse ? WD_ENOMEM : WD_OK;
}


static unsigned
get(const unsigned *p)
{
    unsigned v;

    pthread_mutex_lock(&lock);
    v = *p;
    pthread_mutex_unlock(&lock);
    return v;
}


typedef struct {
    const unsigned *p;
    unsigned        least;
} at_least_t;


static bool
is_at_least(void *arg)
{
    at_least_t *a = arg;

    return get(a->p) >= a->least;
}


static void
wait_until(const unsigned *p, unsigned least)
{
    at_least_t a = {p, least};

    assert_true(wd_test_until(is_at_least, &a));
}


static void
wait_for(const unsigned *p, unsigned more)
{
    wait_until(p, get(p) + more);
}


static bool
heard_is(void *arg)
{
    bool is;

    pthread_mutex_lock(&lock);
    is = heard == *(int64_t *) arg;
    pthread_mutex_unlock(&lock);
    return is;
}


static void
sql(const char *text)
{
    wd_error_t    err;
    wd_pg_conn_t *c = NULL;

    if (wd_pg_connect(wd_test_pg_url(pg), "other", &c, &err) != WD_OK
        || wd_pg_script(c, text, &err) != WD_OK) {
        fail_msg("%s: %s", text, err.text);
    }
    wd_pg_disconnect(c);
}


static wd_listen_t *
started(void)
{
    wd_error_t       err;
    wd_listen_t     *l = NULL;
    wd_listen_spec_t spec = {
        .what = "the test",
        .app_name = "tester-listen",
        .beat_ms = 20,
        .log = NULL,
        .arg = story,
        .open = on_open,
        .heard = on_heard,
        .work = on_work,
        .beat = on_beat,
    };

    n_story = 0;
    heard = 0;
    opens = beats = works = 0;
    assert_ok(wd_listen_start(&spec, wd_test_pg_url(pg), &l, &err));
    wait_for(&beats, 2);
    assert_true(wd_listen_hears(l));
    return l;
}


static void
ended(wd_listen_t *l)
{
    wd_listen_stop(l);
    wd_listen_stop(l); /* once more changes nothing */
    assert_false(wd_listen_hears(l));
    wd_listen_destroy(l);
}


static void
test_heard(void **state)
{
    int64_t      sum = 1 + 2 + 3 + 5;
    wd_listen_t *l = started();

    (void) state;
    sql("NOTIFY tester, '1'; NOTIFY other, '100'; NOTIFY tester, '2'");
    sql("BEGIN; NOTIFY tester, '1000'; ROLLBACK; NOTIFY tester, '3'");
    sql("NOTIFY tester, '5'");
    assert_true(wd_test_until(heard_is, &sum));
    wait_for(&beats, 2);
    ended(l);
    assert_int_equal(opens, 1);
    assert_int_equal(works, 1);
    /* what asked for work got it before the next beat */
    assert_non_null(strstr(story, "w"));
    assert_null(strstr(strrchr(story, 'w'), "o"));
}


/* No notification that asked for work is followed by a beat before it. */
static void
test_work_before_beat(void **state)
{
    int          i;
    char         text[64];
    const char  *p;
    bool         owed = false;
    int64_t      sum = 0;
    wd_listen_t *l = started();

    (void) state;
    for (i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "NOTIFY tester, '%d'", 2 * i + 2);
        sum += 2 * i + 2;
        sql(text);
    }
    assert_true(wd_test_until(heard_is, &sum));
    wait_for(&beats, 2);
    ended(l);
    for (p = story; *p != '\0'; p++) {
        owed = *p == 'h' || (owed && *p != 'w');
        assert_false(owed && *p == 'b');
    }
}


static void
test_dropped(void **state)
{
    unsigned     before;
    wd_listen_t *l = started();

    (void) state;
    sql("NOTIFY tester, 'bad'");
    wait_until(&opens, 2);
    wait_for(&beats, 2);

    pthread_mutex_lock(&lock);
    refuse_beat = true;
    before = opens;
    pthread_mutex_unlock(&lock);
    wait_for(&beats, 2);
    assert_int_equal(get(&opens), before + 1);

    pthread_mutex_lock(&lock);
    refuse_open = true;
    pthread_mutex_unlock(&lock);
    sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'tester-listen'");
    while (wd_listen_hears(l)) { /* until it is seen */
    }
    pthread_mutex_lock(&lock);
    before = opens;
    refuse_open = false;
    pthread_mutex_unlock(&lock);
    wait_until(&opens, before + 1);
    wait_for(&beats, 1);
    ended(l);
}


static void
test_server_dies(void **state)
{
    wd_listen_t *l = started();

    (void) state;
    wd_test_pg_kill(pg);
    while (wd_listen_hears(l)) { /* until it is seen */
    }
    wd_test_pg_start(pg);
    wait_until(&opens, 2);
    wait_for(&beats, 2);
    ended(l);
}


/* A stopped server holds nobody: not the thread, and not its end. */
static void
test_server_hangs(void **state)
{
    wd_ns_t      from;
    unsigned     before;
    wd_listen_t *l = started();

    (void) state;
    wd_test_pg_signal(pg, SIGSTOP);
    while (wd_listen_hears(l)) { /* until it is seen */
    }
    before = get(&beats);
    from = wd_monotonic();
    while (wd_monotonic() - from < 200 * WD_NS_PER_MS) {
        assert_int_equal(get(&beats), before);
    }
    wd_test_pg_signal(pg, SIGCONT);
    wait_until(&opens, 2);
    wait_for(&beats, 2);

    wd_test_pg_signal(pg, SIGSTOP);
    ended(l);
    wd_test_pg_signal(pg, SIGCONT);
    ended(started());
}


int
main(void)
{
    int                     rc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heard),
        cmocka_unit_test(test_work_before_beat),
        cmocka_unit_test(test_dropped),
        cmocka_unit_test(test_server_dies),
        cmocka_unit_test(test_server_hangs),
    };

    pg = wd_test_pg_create(false);
    if (pg == NULL) {
        return WD_TEST_SKIP;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    wd_test_pg_destroy(pg);
    return rc;
}
