/*
 * Topics: offsets without gaps, effects once, groups, a server that dies.
 */
#include "wd_test.h"

#include "wd_bus.h"
#include "wd_metrics.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static wd_test_pg_t *pg;
static wd_error_t    err;


static wd_pg_conn_t *
connected(void)
{
    wd_pg_conn_t *c = NULL;

    if (wd_pg_connect(wd_test_pg_url(pg), "tester", &c, &err) != WD_OK) {
        fail_msg("%s", err.text);
    }
    return c;
}


static void
run(wd_pg_conn_t *c, const char *sql)
{
    if (wd_pg_script(c, sql, &err) != WD_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
}


static int64_t
one_int(wd_pg_conn_t *c, const char *sql)
{
    int64_t   v;
    PGresult *r = NULL;

    if (wd_pg_exec(c, sql, NULL, 0, &r, &err) != WD_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
    v = wd_pg_get_int(r, 0, 0);
    PQclear(r);
    return v;
}


static int
begin(void **state)
{
    wd_pg_conn_t *c = connected();

    (void) state;
    run(c, "DROP TABLE IF EXISTS seen; CREATE TABLE seen (grp text, "
           "off bigint, json text, n bigint GENERATED ALWAYS AS IDENTITY); "
           "TRUNCATE bus_event, bus_offset; "
           "UPDATE bus_topic SET last = 0");
    wd_pg_disconnect(c);
    return 0;
}


static int64_t
publish(wd_pg_conn_t *c, const char *json)
{
    int64_t offset = 0;

    assert_ok(wd_pg_begin(c, &err));
    if (wd_bus_publish(c, WD_TOPIC_RAW, wd_str_z(json), &offset, &err)
        != WD_OK) {
        fail_msg("%s", err.text);
    }
    assert_ok(wd_pg_commit(c, &err));
    return offset;
}


/* A consumer that writes down what it got, in the transaction it is given. */
typedef struct {
    const char *group;
    int64_t     handled; /* calls of the handler */
    int64_t     fail_first; /* calls that fail after having written */
    int64_t     fail_at; /* an offset that always fails; 0: none. atomic */
    int64_t     last; /* offset of the last event */
} sink_t;


static int
on_event(wd_pg_conn_t *c, const wd_bus_event_t *ev, void *arg, wd_error_t *e)
{
    int           rc;
    sink_t       *s = arg;
    wd_pg_param_t p[] = {wd_pg_text_z(s->group), wd_pg_int(ev->offset),
                         wd_pg_text(ev->json)};

    if (ev->json.data[ev->json.len] != '\0' || ev->at <= 0) {
        abort();
    }
    rc = wd_pg_exec(c, "INSERT INTO seen VALUES ($1, $2, $3)", p, 3, NULL, e);
    if (rc != WD_OK) {
        return rc;
    }
    if (__atomic_fetch_add(&s->handled, 1, __ATOMIC_SEQ_CST) < s->fail_first) {
        return wd_error(e, WD_EINTERNAL, "not yet");
    }
    if (ev->offset == __atomic_load_n(&s->fail_at, __ATOMIC_SEQ_CST)) {
        return wd_error(e, WD_EINTERNAL, "not this one");
    }
    __atomic_store_n(&s->last, ev->offset, __ATOMIC_SEQ_CST);
    return WD_OK;
}


static wd_bus_consumer_t *
consume(sink_t *s)
{
    wd_bus_consumer_t *c = wd_bus_consume(wd_test_pg_url(pg), "consumer",
                                          WD_TOPIC_RAW, s->group, on_event, s,
                                          NULL);

    assert_non_null(c);
    return c;
}


typedef struct {
    const char *sql;
    int64_t     want;
} sql_is_t;


static bool
sql_is(void *arg)
{
    int64_t       v = -1;
    PGresult     *r = NULL;
    sql_is_t     *s = arg;
    wd_pg_conn_t *c = NULL;

    if (wd_pg_connect(wd_test_pg_url(pg), "look", &c, &err) != WD_OK) {
        return false;
    }
    if (wd_pg_exec(c, s->sql, NULL, 0, &r, &err) == WD_OK) {
        v = wd_pg_get_int(r, 0, 0);
        PQclear(r);
    }
    wd_pg_disconnect(c);
    return v == s->want;
}


static void
wait_sql(const char *sql, int64_t want)
{
    sql_is_t s = {sql, want};

    if (!wd_test_until(sql_is, &s)) {
        fail_msg("%s never gives %lld", sql, (long long) want);
    }
}


/* Everything came to the group, each event once and in order. */
static void
complete(const char *group, int64_t n)
{
    char          sql[400], order[400]; /* known by their addresses */
    wd_pg_conn_t *c = connected();

    snprintf(sql, sizeof(sql),
             "SELECT count(*) = %lld AND count(DISTINCT off) = %lld AND "
             "coalesce(min(off), 1) = 1 AND coalesce(max(off), 0) = %lld "
             "FROM seen WHERE grp = '%s'",
             (long long) n, (long long) n, (long long) n, group);
    assert_int_equal(one_int(c, sql), 1);
    snprintf(order, sizeof(order),
             "SELECT count(*) FROM (SELECT off, lag(off) OVER (ORDER BY n)"
             " AS p FROM seen WHERE grp = '%s') x WHERE off <= p",
             group);
    assert_int_equal(one_int(c, order), 0);
    wd_pg_disconnect(c);
}


static void
test_publish(void **state)
{
    int64_t       offset = 0;
    wd_buf_t      big = WD_BUF_INIT;
    wd_pg_conn_t *c = connected();

    (void) state;
    assert_int_equal(publish(c, "{\"a\":1}"), 1);
    assert_int_equal(publish(c, "{\"a\":2}"), 2);

    /* rolled back: as if it had not been */
    assert_ok(wd_pg_begin(c, &err));
    assert_ok(wd_bus_publish(c, WD_TOPIC_RAW, WD_STR("{}"), &offset, &err));
    assert_int_equal(offset, 3);
    wd_pg_rollback(c);
    assert_int_equal(publish(c, "{\"a\":3}"), 3);

    /* topics have offsets of their own */
    assert_ok(wd_pg_begin(c, &err));
    assert_ok(wd_bus_publish(c, WD_TOPIC_VALID, WD_STR("{}"), &offset, &err));
    assert_int_equal(offset, 1);
    assert_ok(wd_bus_publish(c, WD_TOPIC_VALID, WD_STR("{}"), NULL, &err));
    assert_ok(wd_pg_commit(c, &err));

    /* the longest, one byte more, and what is no JSON */
    wd_buf_byte(&big, '"');
    while (big.len < WD_BUS_EVENT_MAX - 1) {
        wd_buf_byte(&big, 'x');
    }
    wd_buf_byte(&big, '"');
    publish(c, wd_buf_cstr(&big));
    wd_buf_byte(&big, ' ');
    assert_int_equal(
        wd_bus_publish(c, WD_TOPIC_RAW, wd_buf_view(&big), &offset, &err),
        WD_ETOOBIG);
    assert_int_not_equal(
        wd_bus_publish(c, WD_TOPIC_RAW, WD_STR("{"), &offset, &err), WD_OK);
    assert_int_equal(publish(c, "{}"), 5);
    assert_int_equal(one_int(c, "SELECT count(*) FROM bus_event WHERE topic = "
                                "'raw.object'"),
                     5);
    wd_buf_done(&big);
    wd_pg_disconnect(c);
}


static void
test_consume(void **state)
{
    int                i;
    char               json[32];
    sink_t             a = {.group = "a"}, b = {.group = "b"};
    wd_pg_conn_t      *c = connected();
    wd_bus_consumer_t *ca, *cb;

    (void) state;
    wd_bus_consumer_stop(NULL);
    for (i = 1; i <= 50; i++) { /* before anybody listens */
        snprintf(json, sizeof(json), "{\"n\": %d}", i);
        publish(c, json);
    }
    ca = consume(&a);
    wait_sql("SELECT count(*) FROM seen WHERE grp = 'a'", 50);
    for (i = 51; i <= 100; i++) { /* while it listens */
        snprintf(json, sizeof(json), "{\"n\": %d}", i);
        publish(c, json);
    }
    cb = consume(&b); /* another group sees all of it, too */
    wait_sql("SELECT count(*) FROM seen WHERE grp = 'a'", 100);
    wait_sql("SELECT count(*) FROM seen WHERE grp = 'b'", 100);
    complete("a", 100);
    complete("b", 100);
    assert_int_equal(one_int(c, "SELECT count(*) FROM seen WHERE json <> "
                                "'{\"n\": ' || off || '}'"),
                     0);
    assert_true(wd_bus_consumer_healthy(ca));
    wd_bus_consumer_stop(ca);
    wd_bus_consumer_stop(cb);
    assert_int_equal(a.handled, 100);

    /* the next one goes on where the last one was */
    publish(c, "{\"n\": 101}");
    a.handled = 0;
    ca = consume(&a);
    wait_sql("SELECT count(*) FROM seen WHERE grp = 'a'", 101);
    wd_bus_consumer_stop(ca);
    assert_int_equal(a.handled, 1);
    assert_int_equal(a.last, 101);
    wd_pg_disconnect(c);
}


static bool
no_lag(void *arg)
{
    return wd_bus_consumer_lag(arg) == 0;
}


static bool
has_lag(void *arg)
{
    return wd_bus_consumer_lag(arg) > 0 && !wd_bus_consumer_healthy(arg);
}


/* What a handler wrote before it failed is gone; the event comes again. */
static void
test_rollback(void **state)
{
    sink_t             a = {.group = "a", .fail_first = 1};
    wd_pg_conn_t      *c = connected();
    wd_bus_consumer_t *ca;

    (void) state;
    publish(c, "{\"n\": 1}");
    publish(c, "{\"n\": 2}");
    ca = consume(&a);
    assert_true(wd_test_until(has_lag, ca));
    wait_sql("SELECT count(*) FROM seen", 2);
    complete("a", 2);
    assert_int_equal(__atomic_load_n(&a.handled, __ATOMIC_SEQ_CST), 3);
    assert_true(wd_test_until(no_lag, ca));
    assert_true(wd_bus_consumer_healthy(ca));
    wd_bus_consumer_stop(ca);
    wd_pg_disconnect(c);
}


/* Who is behind takes several events in one transaction. */
static void
test_batch(void **state)
{
    int                i;
    sink_t             a = {.group = "a"};
    wd_pg_conn_t      *c = connected();
    wd_bus_consumer_t *ca;

    (void) state;
    for (i = 0; i < 60; i++) {
        publish(c, "{}");
    }
    ca = consume(&a);
    wait_sql("SELECT count(*) FROM seen", 60);
    complete("a", 60);
    assert_true(one_int(c, "SELECT count(DISTINCT xmin::text) FROM seen") < 60);
    wd_bus_consumer_stop(ca);
    assert_int_equal(a.handled, 60);
    wd_pg_disconnect(c);
}


/*
 * An event that fails holds up those behind it, none of those before it, which
 * were in its transaction.
 */
static void
test_fails_in_batch(void **state)
{
    int                i;
    sink_t             a = {.group = "a", .fail_at = 7};
    wd_pg_conn_t      *c = connected();
    wd_bus_consumer_t *ca;

    (void) state;
    for (i = 0; i < 40; i++) {
        publish(c, "{}");
    }
    ca = consume(&a);
    assert_true(wd_test_until(has_lag, ca));
    wait_sql("SELECT count(*) FROM seen", 6);
    wait_sql("SELECT \"offset\" FROM bus_offset", 6);
    complete("a", 6);
    __atomic_store_n(&a.fail_at, 0, __ATOMIC_SEQ_CST);
    wait_sql("SELECT count(*) FROM seen", 40);
    complete("a", 40);
    assert_true(wd_test_until(no_lag, ca));
    wd_bus_consumer_stop(ca);
    wd_pg_disconnect(c);
}


/* A stop during the pause after a failure does not wait for its end. */
static void
test_stop_in_pause(void **state)
{
    sink_t             a = {.group = "a", .fail_first = 1000};
    wd_ns_t            from;
    wd_pg_conn_t      *c = connected();
    wd_bus_consumer_t *ca;

    (void) state;
    publish(c, "{}");
    ca = consume(&a);
    assert_true(wd_test_until(has_lag, ca));
    wait_sql("SELECT 1::bigint", 1);
    from = wd_monotonic();
    wd_bus_consumer_stop(ca);
    assert_true(wd_monotonic() - from < 10 * WD_NS_PER_S);
    wait_sql("SELECT count(*) FROM seen", 0);
    assert_int_equal(one_int(c, "SELECT \"offset\" FROM bus_offset"), 0);
    wd_pg_disconnect(c);
}


#define PUBLISHERS 4
#define EVENTS 100

static void *
publish_many(void *arg)
{
    int           i;
    int64_t       offset;
    wd_error_t    e;
    wd_pg_conn_t *c = NULL;

    (void) arg;
    if (wd_pg_connect(wd_test_pg_url(pg), "publisher", &c, &e) != WD_OK) {
        abort();
    }
    for (i = 0; i < EVENTS; i++) {
        if (wd_pg_begin(c, &e) != WD_OK
            || wd_bus_publish(c, WD_TOPIC_RAW, WD_STR("{}"), &offset, &e)
                   != WD_OK) {
            abort();
        }
        if (i % 7 == 3) {
            wd_pg_rollback(c); /* leaves no gap */
            continue;
        }
        if (wd_pg_commit(c, &e) != WD_OK) {
            abort();
        }
    }
    wd_pg_disconnect(c);
    return NULL;
}


/* Several publish at a time while two consumers share a group. */
static void
test_concurrent(void **state)
{
    int                i;
    int64_t            n;
    pthread_t          t[PUBLISHERS];
    sink_t             s[2] = {{.group = "a"}, {.group = "a"}};
    wd_pg_conn_t      *c = connected();
    wd_bus_consumer_t *ca[2];

    (void) state;
    for (i = 0; i < 2; i++) {
        ca[i] = consume(&s[i]);
    }
    for (i = 0; i < PUBLISHERS; i++) {
        pthread_create(&t[i], NULL, publish_many, NULL);
    }
    for (i = 0; i < PUBLISHERS; i++) {
        pthread_join(t[i], NULL);
    }
    n = one_int(c, "SELECT last FROM bus_topic WHERE topic = 'raw.object'");
    assert_true(n > PUBLISHERS * EVENTS / 2);
    assert_int_equal(one_int(c, "SELECT count(*) FROM bus_event"), n);
    assert_int_equal(one_int(c, "SELECT max(\"offset\") FROM bus_event"), n);
    assert_int_equal(one_int(c, "SELECT min(\"offset\") FROM bus_event"), 1);

    wait_sql("SELECT (SELECT last FROM bus_topic WHERE topic = 'raw.object') "
             "- count(*) FROM seen",
             0);
    for (i = 0; i < 2; i++) {
        wd_bus_consumer_stop(ca[i]);
    }
    complete("a", n);
    assert_int_equal(s[0].handled + s[1].handled, n);
    wd_pg_disconnect(c);
}


/* Old events go, but for those that a group has yet to consume. */
static void
test_trim(void **state)
{
    int           i;
    int64_t       n = 0;
    wd_pg_conn_t *c = connected();

    (void) state;
    for (i = 0; i < 1200; i++) {
        (void) publish(c, "{}");
    }
    run(c, "INSERT INTO bus_offset VALUES ('raw.object', 'fast', 1200), "
           "('raw.object', 'slow', 700); "
           "INSERT INTO bus_event SELECT 'valid.records', g, now(), '{}' "
           "FROM generate_series(1, 600) g; "
           "UPDATE bus_event SET at = at - interval '2 days' "
           "WHERE topic = 'raw.object' AND \"offset\" <= 1100 "
           "OR \"offset\" <= 3");

    assert_ok(wd_bus_trim(c, 86400, &n, &err));
    assert_int_equal(n, WD_BUS_TRIM_MAX);
    assert_ok(wd_bus_trim(c, 86400, &n, &err));
    assert_int_equal(n, 200);
    assert_ok(wd_bus_trim(c, 86400, &n, &err));
    assert_int_equal(n, 0);
    assert_int_equal(one_int(c, "SELECT min(\"offset\") FROM bus_event "
                                "WHERE topic = 'raw.object'"),
                     701);
    assert_int_equal(one_int(c, "SELECT min(\"offset\") FROM bus_event "
                                "WHERE topic = 'valid.records'"),
                     4); /* nobody consumes those */

    run(c, "UPDATE bus_offset SET \"offset\" = 1200");
    assert_ok(wd_bus_trim(c, 86400, &n, &err));
    assert_int_equal(n, 400);
    assert_int_equal(one_int(c, "SELECT min(\"offset\") FROM bus_event "
                                "WHERE topic = 'raw.object'"),
                     1101);
    assert_int_equal(publish(c, "{}"), 1201);
    wd_pg_disconnect(c);
}


/* One of a group dies with its work: another takes over. */
static void
test_take_over(void **state)
{
    sink_t s[2] = {{.group = "a", .fail_first = 1000000}, {.group = "a"}};
    wd_pg_conn_t      *c = connected();
    wd_bus_consumer_t *bad, *good;

    (void) state;
    publish(c, "{\"n\": 1}");
    bad = consume(&s[0]);
    assert_true(wd_test_until(has_lag, bad));
    good = consume(&s[1]);
    publish(c, "{\"n\": 2}");
    wait_sql("SELECT count(*) FROM seen", 2);
    complete("a", 2);
    wd_bus_consumer_stop(bad);
    wd_bus_consumer_stop(good);
    wd_pg_disconnect(c);
}


/* The server is killed in between, again and again: nothing twice or lost. */
static void
test_server_killed(void **state)
{
    int                i, round;
    int64_t            done = 0, before;
    sink_t             a = {.group = "a"};
    wd_pg_conn_t      *c;
    wd_bus_consumer_t *ca = consume(&a);

    (void) state;
    for (round = 0; round < 2; round++) {
        c = connected();
        before = __atomic_load_n(&a.handled, __ATOMIC_SEQ_CST);
        for (i = 0; i < 60; i++) {
            if (wd_pg_begin(c, &err) != WD_OK
                || wd_bus_publish(c, WD_TOPIC_RAW, WD_STR("{}"), NULL, &err)
                       != WD_OK
                || wd_pg_commit(c, &err) != WD_OK) {
                break;
            }
            if (i == 40 + round
                && __atomic_load_n(&a.handled, __ATOMIC_SEQ_CST) >= before) {
                wd_test_pg_kill(pg);
            }
        }
        assert_true(i < 60);
        wd_pg_disconnect(c);
        wd_test_pg_start(pg);
    }
    c = connected();
    done = one_int(c, "SELECT last FROM bus_topic WHERE topic = 'raw.object'");
    assert_true(done >= 80);
    assert_int_equal(one_int(c, "SELECT count(*) FROM bus_event"), done);
    wait_sql("SELECT (SELECT last FROM bus_topic WHERE topic = 'raw.object') "
             "- count(*) FROM seen",
             0);
    wd_bus_consumer_stop(ca);
    complete("a", done);
    wd_pg_disconnect(c);
}


int
main(void)
{
    int rc;
#define T(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        T(test_publish),       T(test_consume),        T(test_rollback),
        T(test_batch),         T(test_fails_in_batch), T(test_stop_in_pause),
        T(test_concurrent),    T(test_take_over),      T(test_trim),
        T(test_server_killed),
    };

    signal(SIGPIPE, SIG_IGN);
    pg = wd_test_pg_create(true);
    if (pg == NULL) {
        return WD_TEST_SKIP;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    wd_test_pg_destroy(pg);
    wd_metrics_done();
    return rc;
}
