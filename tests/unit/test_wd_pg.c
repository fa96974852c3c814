/*
 * PostgreSQL: values there and back, errors, the pool, COPY, a server that
 * goes away or stops.
 */
#include "wd_test.h"

#include "wd_metrics.h"
#include "wd_pg.h"

#include <arpa/inet.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static wd_test_pg_t *pg;
static wd_error_t    err;


static wd_ns_t
in_time(void)
{
    return wd_monotonic() + WD_TEST_WAIT_MS * WD_NS_PER_MS;
}


static wd_pg_conn_t *
connected(void)
{
    wd_pg_conn_t *c = NULL;

    if (wd_pg_connect(wd_test_pg_url(pg), "tester", &c, &err) != WD_OK) {
        fail_msg("%s", err.text);
    }
    return c;
}


static PGresult *
ask(wd_pg_conn_t *c, const char *sql, const wd_pg_param_t *p, size_t n)
{
    PGresult *r = NULL;

    if (wd_pg_exec(c, sql, p, n, &r, &err) != WD_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
    return r;
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
    PGresult *r = ask(c, sql, NULL, 0);
    int64_t   v = wd_pg_get_int(r, 0, 0);

    PQclear(r);
    return v;
}


/* The value of a parameter as the server writes it as text. */
static void
shows(wd_pg_conn_t *c, const char *type, wd_pg_param_t p, const char *want)
{
    char      sql[100];
    PGresult *r;
    static char kept[64][100]; /* statements are known by their address */
    size_t    i;

    snprintf(sql, sizeof(sql), "SELECT $1::%s::text", type);
    for (i = 0; kept[i][0] != '\0' && strcmp(kept[i], sql) != 0; i++) { }
    strcpy(kept[i], sql);
    r = ask(c, kept[i], &p, 1);
    if (want == NULL) {
        assert_true(wd_pg_is_null(r, 0, 0));
    } else {
        assert_view(wd_pg_get_str(r, 0, 0), want);
    }
    PQclear(r);
}


static void
test_params(void **state)
{
    wd_pg_conn_t  *c = connected();
    const wd_str_t texts[] = {WD_STR("a"), WD_STR(""), WD_STR("b,\"c\" {}")};
    const int64_t  ints[] = {1, -2, INT64_MAX};

    (void) state;
    run(c, "SET timezone = 'UTC'");
    shows(c, "text", wd_pg_text_z("x 'y' \xc3\xa9"), "x 'y' \xc3\xa9");
    shows(c, "text", wd_pg_text_z(""), "");
    shows(c, "text", wd_pg_text(WD_STR_NULL), NULL);
    shows(c, "text", wd_pg_null(), NULL);
    shows(c, "bigint", wd_pg_int(INT64_MIN), "-9223372036854775808");
    shows(c, "bigint", wd_pg_int(INT64_MAX), "9223372036854775807");
    shows(c, "float8", wd_pg_num(0.1), "0.1");
    shows(c, "float8", wd_pg_num(-1.7976931348623157e308),
          "-1.7976931348623157e+308");
    shows(c, "float8", wd_pg_num(INFINITY), "Infinity");
    shows(c, "float8", wd_pg_num(NAN), "NaN");
    shows(c, "bool", wd_pg_bool(true), "true");
    shows(c, "bool", wd_pg_bool(false), "false");
    shows(c, "timestamptz", wd_pg_ts(0), "1970-01-01 00:00:00+00");
    shows(c, "timestamptz", wd_pg_ts(-1), "1969-12-31 23:59:59.999999+00");
    shows(c, "timestamptz", wd_pg_ts(1706702400123456789),
          "2024-01-31 12:00:00.123456+00");
    shows(c, "timestamptz", wd_pg_ts(WD_NS_MAX), "infinity");
    shows(c, "timestamptz", wd_pg_ts(WD_NS_MIN), "-infinity");
    shows(c, "timestamptz", wd_pg_ts(WD_NS_MAX - 1),
          "2262-04-11 23:47:16.854775+00");
    shows(c, "date", wd_pg_date(0), "1970-01-01");
    shows(c, "date", wd_pg_date(-1), "1969-12-31");
    shows(c, "date", wd_pg_date(1706702400123456789), "2024-01-31");
    shows(c, "bytea", wd_pg_bytes(WD_STR("\0\xff'\\")), "\\x00ff275c");
    shows(c, "bytea", wd_pg_bytes(WD_STR("")), "\\x");
    shows(c, "jsonb", wd_pg_json(WD_STR("{\"a\": [1, null]}")),
          "{\"a\": [1, null]}");
    shows(c, "text[]", wd_pg_texts(texts, 3), "{a,\"\",\"b,\\\"c\\\" {}\"}");
    shows(c, "text[]", wd_pg_texts(texts, 0), "{}");
    shows(c, "bigint[]", wd_pg_ints(ints, 3), "{1,-2,9223372036854775807}");
    shows(c, "bigint[]", wd_pg_ints(ints, 0), "{}");
    shows(c, "bigint", (wd_pg_param_t){.type = WD_PG_NULL_INT}, NULL);
    shows(c, "float8", (wd_pg_param_t){.type = WD_PG_NULL_NUM}, NULL);
    shows(c, "timestamptz", (wd_pg_param_t){.type = WD_PG_NULL_TS}, NULL);
    wd_pg_disconnect(c);
    wd_pg_disconnect(NULL);
}


static void
test_results(void **state)
{
    int           i;
    double        f;
    int64_t       v;
    uint64_t      bits;
    PGresult     *r;
    wd_pg_conn_t *c = connected();

    (void) state;
    r = ask(c,
            "SELECT 7::int2, -7::int4, 7::int8, 1.5::float8, true, "
            "'2024-01-31 12:00:00.123456+00'::timestamptz, "
            "'infinity'::timestamptz, '-infinity'::timestamptz, "
            "'2024-01-31'::date, '1969-12-31'::date, 'abc'::text, "
            "'\\x00ff'::bytea, NULL::text, 'A'::\"char\", "
            "'0044-03-15 BC'::timestamptz, '9999-01-01'::timestamptz, "
            "'9999-01-01'::date, 'infinity'::date, '0044-03-15 BC'::date",
            NULL, 0);
    assert_int_equal(wd_pg_get_int(r, 0, 0), 7);
    assert_int_equal(wd_pg_get_int(r, 0, 1), -7);
    assert_int_equal(wd_pg_get_int(r, 0, 2), 7);
    assert_true(wd_pg_get_num(r, 0, 3) == 1.5);
    assert_true(wd_pg_get_bool(r, 0, 4));
    assert_true(wd_pg_get_ts(r, 0, 5) == 1706702400123456000);
    assert_true(wd_pg_get_ts(r, 0, 6) == WD_NS_MAX);
    assert_true(wd_pg_get_ts(r, 0, 7) == WD_NS_MIN);
    assert_true(wd_pg_get_date(r, 0, 8) == 1706659200 * WD_NS_PER_S);
    assert_true(wd_pg_get_date(r, 0, 9) == -WD_NS_PER_DAY);
    assert_view(wd_pg_get_str(r, 0, 10), "abc");
    assert_int_equal(wd_pg_get_str(r, 0, 11).len, 2);
    assert_true(wd_pg_is_null(r, 0, 12));
    assert_int_equal(wd_pg_get_int(r, 0, 13), 'A');
    assert_true(wd_pg_get_ts(r, 0, 14) == WD_NS_MIN); /* beyond our range */
    assert_true(wd_pg_get_ts(r, 0, 15) == WD_NS_MAX);
    assert_true(wd_pg_get_date(r, 0, 16) == WD_NS_MAX);
    assert_true(wd_pg_get_date(r, 0, 17) == WD_NS_MAX);
    assert_true(wd_pg_get_date(r, 0, 18) == WD_NS_MIN);
    PQclear(r);

    for (i = 0; i < 500; i++) {
        static const char *sql = "SELECT $1::float8, $2::timestamptz, $3::int8";
        wd_pg_param_t      p[3];

        bits = wd_test_random();
        memcpy(&f, &bits, sizeof(f));
        f = isfinite(f) ? f : 0;
        v = (int64_t) wd_test_random();
        v -= v % 1000;
        p[0] = wd_pg_num(f);
        p[1] = wd_pg_ts(v);
        p[2] = wd_pg_int(v);
        r = ask(c, sql, p, 3);
        assert_true(wd_pg_get_num(r, 0, 0) == f);
        assert_true(wd_pg_get_ts(r, 0, 1) == v);
        assert_true(wd_pg_get_int(r, 0, 2) == v);
        PQclear(r);
    }
    wd_pg_disconnect(c);
}


static void
test_errors(void **state)
{
    PGresult     *r = NULL;
    wd_pg_conn_t *c = connected();
    wd_pg_param_t many[40];
    size_t        i;

    (void) state;
    run(c, "CREATE TEMP TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)");
    assert_int_equal(wd_pg_exec(c, "INSERT INTO t VALUES (1)", NULL, 0, NULL,
                                &err),
                     WD_EEXIST);
    assert_true(strncmp(err.text, "23505", 5) == 0);
    assert_null(strchr(err.text, '\n'));
    assert_int_equal(wd_pg_exec(c, "SELECT nothing FROM nowhere", NULL, 0, &r,
                                &err),
                     WD_EINTERNAL);
    assert_true(strncmp(err.text, "42P01", 5) == 0);
    assert_int_equal(wd_pg_exec(c, "SELECT 1/0", NULL, 0, &r, &err),
                     WD_EINTERNAL);
    assert_null(r);
    run(c, "SET statement_timeout = 50");
    assert_int_equal(wd_pg_exec(c, "SELECT pg_sleep(60)", NULL, 0, &r, &err),
                     WD_ETIMEOUT);
    run(c, "SET statement_timeout = 0");
    assert_int_equal(wd_pg_script(c, "SELECT 1; SELECT x", &err),
                     WD_EINTERNAL);
    for (i = 0; i < wd_array_len(many); i++) {
        many[i] = wd_pg_null();
    }
    assert_int_not_equal(wd_pg_exec(c, "SELECT 1", many, 40, NULL, &err),
                         WD_OK);
    assert_int_equal(one_int(c, "SELECT 5::bigint"), 5);
    assert_false(wd_pg_broken(c));

    /* a transaction that failed does not commit */
    assert_ok(wd_pg_begin(c, &err));
    assert_int_equal(wd_pg_exec(c, "SELECT 1/0 ", NULL, 0, &r, &err),
                     WD_EINTERNAL);
    assert_int_not_equal(wd_pg_commit(c, &err), WD_OK);
    assert_ok(wd_pg_begin(c, &err));
    run(c, "INSERT INTO t VALUES (2)");
    wd_pg_rollback(c);
    assert_int_equal(one_int(c, "SELECT count(*) FROM t"), 1);
    assert_ok(wd_pg_begin(c, &err));
    run(c, "INSERT INTO t VALUES (3)");
    assert_ok(wd_pg_commit(c, &err));
    assert_int_equal(one_int(c, "SELECT count(*)  FROM t"), 2);

    /* a statement that was prepared where the transaction was rolled back */
    assert_ok(wd_pg_begin(c, &err));
    assert_int_equal(one_int(c, "SELECT 77::bigint"), 77);
    wd_pg_rollback(c);
    assert_int_equal(one_int(c, "SELECT 77::bigint"), 77);
    wd_pg_disconnect(c);

    assert_int_equal(wd_pg_connect("postgresql://x@/x?host=/nowhere", "t", &c,
                                   &err),
                     WD_EDB);
    assert_int_equal(wd_pg_connect("not a url", "t", &c, &err), WD_EDB);
    assert_int_equal(
        wd_pg_connect("postgresql://u:s3cret@127.0.0.1:1/x", "t", &c, &err),
        WD_EDB);
    assert_null(strstr(err.text, "s3cret"));
}


/* More statements than are kept prepared. */
static void
test_many_statements(void **state)
{
    int           i, k;
    static char   sql[300][40];
    PGresult     *r;
    wd_pg_conn_t *c = connected();

    (void) state;
    for (k = 0; k < 2; k++) {
        for (i = 0; i < 300; i++) {
            snprintf(sql[i], sizeof(sql[i]), "SELECT %d::bigint + $1", i);
            wd_pg_param_t p = wd_pg_int(k);

            r = ask(c, sql[i], &p, 1);
            assert_int_equal(wd_pg_get_int(r, 0, 0), i + k);
            PQclear(r);
        }
    }
    wd_pg_disconnect(c);
}


static void
test_copy(void **state)
{
    int           i;
    int64_t       n = 0;
    wd_buf_t      b = WD_BUF_INIT;
    PGresult     *r;
    wd_pg_conn_t *c = connected();

    (void) state;
    run(c, "CREATE TEMP TABLE t (a int2, b int4, c int8, d float8, "
           "e timestamptz, f date, g text, h int8)");
    assert_ok(wd_pg_copy_begin(c, "COPY t FROM STDIN (FORMAT binary)", &b,
                               &err));
    for (i = 0; i < 20000; i++) {
        wd_pg_copy_row(&b, 8);
        wd_pg_copy_int2(&b, (int16_t) (i - 10000));
        wd_pg_copy_int4(&b, i * 1000);
        wd_pg_copy_int8(&b, i * INT64_C(1000000000000));
        wd_pg_copy_num(&b, i / 100.0);
        wd_pg_copy_ts(&b, i * WD_NS_PER_S - 1000000 * WD_NS_PER_S);
        wd_pg_copy_date(&b, (i - 10000) * WD_NS_PER_DAY);
        wd_pg_copy_str(&b, i & 1 ? WD_STR("odd") : WD_STR(""));
        wd_pg_copy_null(&b);
        assert_ok(wd_pg_copy_flush(c, &b, &err));
    }
    assert_ok(wd_pg_copy_end(c, &b, &n, &err));
    assert_int_equal(n, 20000);
    r = ask(c,
            "SELECT a, b, c, d, e, f, g, h FROM t WHERE b = 12345000", NULL,
            0);
    assert_int_equal(wd_pg_get_int(r, 0, 0), 2345);
    assert_int_equal(wd_pg_get_int(r, 0, 2), INT64_C(12345000000000000));
    assert_true(wd_pg_get_num(r, 0, 3) == 123.45);
    assert_true(wd_pg_get_ts(r, 0, 4) == (12345 - 1000000) * WD_NS_PER_S);
    assert_true(wd_pg_get_date(r, 0, 5) == 2345 * WD_NS_PER_DAY);
    assert_view(wd_pg_get_str(r, 0, 6), "odd");
    assert_true(wd_pg_is_null(r, 0, 7));
    PQclear(r);

    /* none */
    assert_ok(wd_pg_copy_begin(c, "COPY t FROM STDIN (FORMAT binary)", &b,
                               &err));
    assert_ok(wd_pg_copy_end(c, &b, &n, &err));
    assert_int_equal(n, 0);

    /* refused by the server: an error, and the connection goes on */
    run(c, "CREATE TEMP TABLE u (a int8 PRIMARY KEY)");
    assert_ok(wd_pg_copy_begin(c, "COPY u FROM STDIN (FORMAT binary)", &b,
                               &err));
    for (i = 0; i < 2; i++) {
        wd_pg_copy_row(&b, 1);
        wd_pg_copy_int8(&b, 5);
    }
    assert_int_equal(wd_pg_copy_end(c, &b, &n, &err), WD_EEXIST);
    assert_int_equal(one_int(c, "SELECT count(*) FROM u"), 0);
    assert_int_not_equal(
        wd_pg_copy_begin(c, "COPY nothing FROM STDIN (FORMAT binary)", &b,
                         &err),
        WD_OK);
    assert_int_equal(one_int(c, "SELECT 1::bigint"), 1);
    wd_buf_done(&b);
    wd_pg_disconnect(c);
}


static void
test_pool(void **state)
{
    size_t         i;
    wd_ns_t        soon;
    wd_pg_pool_t  *pool = wd_pg_pool_create(wd_test_pg_url(pg), "pooled", 2,
                                            5000);
    wd_pg_conn_t  *a, *b, *c = NULL;

    (void) state;
    wd_pg_pool_destroy(NULL);
    assert_non_null(pool);
    assert_ok(wd_pg_ping(pool, 5000, &err));
    assert_ok(wd_pg_acquire(pool, in_time(), &a, &err));
    assert_ok(wd_pg_acquire(pool, in_time(), &b, &err));
    soon = wd_monotonic() + 20 * WD_NS_PER_MS;
    assert_int_equal(wd_pg_acquire(pool, soon, &c, &err), WD_ETIMEOUT);
    assert_null(c);
    assert_int_equal(wd_pg_acquire(pool, wd_monotonic() - 1, &c, &err),
                     WD_ETIMEOUT);
    assert_int_equal(wd_pg_ping(pool, 20, &err), WD_ETIMEOUT);

    /* an open transaction does not go on with the next who comes */
    run(a, "CREATE TABLE left_open (a int)");
    assert_ok(wd_pg_begin(a, &err));
    run(a, "INSERT INTO left_open VALUES (1)");
    wd_pg_release(a);
    assert_ok(wd_pg_acquire(pool, in_time(), &a, &err));
    assert_int_equal(PQtransactionStatus(wd_pg_raw(a)), PQTRANS_IDLE);
    assert_int_equal(one_int(a, "SELECT count(*) FROM left_open"), 0);

    /* neither does a transaction that failed, nor a COPY */
    assert_ok(wd_pg_begin(a, &err));
    assert_int_not_equal(wd_pg_script(a, "SELECT 1/0", &err), WD_OK);
    wd_pg_release(a);
    wd_pg_release(b);
    for (i = 0; i < 4; i++) {
        wd_buf_t buf = WD_BUF_INIT;

        assert_ok(wd_pg_acquire(pool, in_time(), &a, &err));
        assert_int_equal(one_int(a, "SELECT 1::bigint"), 1);
        assert_ok(wd_pg_copy_begin(
            a, "COPY left_open FROM STDIN (FORMAT binary)", &buf, &err));
        wd_pg_release(a);
        wd_buf_done(&buf);
    }
    assert_ok(wd_pg_acquire(pool, in_time(), &a, &err));
    assert_int_equal(one_int(a, "SELECT 1::bigint"), 1);
    /* session settings of the pool */
    assert_int_equal(wd_pg_exec(a, "SELECT pg_sleep(60)", NULL, 0, NULL, &err),
                     WD_ETIMEOUT);
    wd_pg_release(a);
    wd_pg_pool_destroy(pool);
}


typedef struct {
    wd_pg_pool_t *pool;
    int           rc;
    int           tid;
    wd_error_t    err;
} waiter_t;


static void *
wait_for_one(void *arg)
{
    waiter_t     *w = arg;
    wd_pg_conn_t *c;

    __atomic_store_n(&w->tid, (int) gettid(), __ATOMIC_SEQ_CST);
    w->rc = wd_pg_acquire(w->pool, WD_NS_MAX, &c, &w->err);
    if (w->rc == WD_OK) {
        wd_pg_release(c);
    }
    return NULL;
}


static bool
is_waiting(void *arg)
{
    waiter_t *w = arg;
    char      path[64], state = '?';
    int       tid = __atomic_load_n(&w->tid, __ATOMIC_SEQ_CST);
    FILE     *f;

    if (tid == 0) {
        return false;
    }
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    f = fopen(path, "r");
    if (f == NULL || fscanf(f, "%*d (%*[^)]) %c", &state) != 1) {
        state = '?';
    }
    if (f != NULL) {
        fclose(f);
    }
    return state == 'S';
}


/*
 * A server that takes the connection and hangs up: all who wait for the only
 * place in the pool hear of it, not just the next one.
 */
static void
test_pool_failure(void **state)
{
    int                i, fd, conn = -1;
    char               url[100];
    waiter_t           w[4] = {0};
    pthread_t          t[4];
    socklen_t          len;
    wd_pg_pool_t      *pool;
    struct sockaddr_in in = {.sin_family = AF_INET};

    (void) state;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    len = sizeof(in);
    assert_int_equal(bind(fd, (struct sockaddr *) &in, len), 0);
    assert_int_equal(listen(fd, 5), 0);
    getsockname(fd, (struct sockaddr *) &in, &len);
    snprintf(url, sizeof(url), "postgresql://x@127.0.0.1:%d/x?sslmode=disable",
             ntohs(in.sin_port));
    pool = wd_pg_pool_create(url, "t", 1, 1000);

    for (i = 0; i < 4; i++) {
        w[i].pool = pool;
        pthread_create(&t[i], NULL, wait_for_one, &w[i]);
        if (i == 0) {
            conn = accept(fd, NULL, NULL); /* the first is connecting */
            assert_true(conn >= 0);
        }
        assert_true(wd_test_until(is_waiting, &w[i]));
    }
    close(conn);
    close(fd);
    for (i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].rc, WD_EDB);
        assert_true(w[i].err.text[0] != '\0');
    }
    wd_pg_pool_destroy(pool);
}


static void *
use_pool(void *arg)
{
    int           i, bad = 0;
    wd_error_t    e;
    wd_pg_conn_t *c;

    for (i = 0; i < 100; i++) {
        if (wd_pg_acquire(arg, WD_NS_MAX, &c, &e) != WD_OK) {
            bad++;
            continue;
        }
        bad += wd_pg_exec(c, "SELECT 1", NULL, 0, NULL, &e) != WD_OK;
        wd_pg_release(c);
    }
    return (void *) (intptr_t) bad;
}


static void
test_pool_threads(void **state)
{
    int           i;
    void         *bad;
    pthread_t     t[8];
    wd_pg_pool_t *pool = wd_pg_pool_create(wd_test_pg_url(pg), "threads", 3,
                                           5000);
    wd_pg_conn_t *c = connected();

    (void) state;
    for (i = 0; i < 8; i++) {
        pthread_create(&t[i], NULL, use_pool, pool);
    }
    for (i = 0; i < 8; i++) {
        pthread_join(t[i], &bad);
        assert_null(bad);
    }
    assert_true(one_int(c, "SELECT count(*) FROM pg_stat_activity "
                           "WHERE application_name = 'threads'")
                <= 3);
    wd_pg_pool_destroy(pool);
    wd_pg_disconnect(c);
}


static bool
pings(void *arg)
{
    return wd_pg_ping(arg, 2000, &err) == WD_OK;
}


/* The server dies with connections leased and idle, and comes back. */
static void
test_server_gone(void **state)
{
    wd_pg_pool_t *pool = wd_pg_pool_create(wd_test_pg_url(pg), "gone", 3,
                                           5000);
    wd_pg_conn_t *a, *b, *c;

    (void) state;
    assert_ok(wd_pg_acquire(pool, in_time(), &a, &err));
    assert_ok(wd_pg_acquire(pool, in_time(), &b, &err));
    assert_ok(wd_pg_begin(a, &err));
    wd_pg_release(b); /* idle */
    wd_test_pg_kill(pg);

    assert_int_equal(wd_pg_exec(a, "SELECT 1", NULL, 0, NULL, &err), WD_EDB);
    assert_int_not_equal(wd_pg_commit(a, &err), WD_OK);
    assert_true(wd_pg_broken(a)); /* at the latest behind its last words */
    wd_pg_release(a);
    assert_int_equal(wd_pg_acquire(pool, in_time(), &c, &err), WD_EDB);
    assert_true(err.text[0] != '\0');
    assert_int_equal(wd_pg_ping(pool, 1000, &err), WD_EDB);

    wd_test_pg_start(pg);
    assert_true(wd_test_until(pings, pool)); /* after the pause of retries */
    assert_ok(wd_pg_acquire(pool, in_time(), &a, &err));
    assert_int_equal(one_int(a, "SELECT 1::bigint"), 1);

    /* another restart, all idle: the first who comes gets a live one */
    wd_pg_release(a);
    wd_test_pg_kill(pg);
    wd_test_pg_start(pg);
    assert_ok(wd_pg_acquire(pool, in_time(), &a, &err));
    assert_int_equal(one_int(a, "SELECT 1::bigint"), 1);
    wd_pg_release(a);
    wd_pg_pool_destroy(pool);
}


/* A server that hangs: a ping has a deadline of its own. */
static void
test_server_hangs(void **state)
{
    wd_pg_pool_t *pool = wd_pg_pool_create(wd_test_pg_url(pg), "hang", 2,
                                           60000);

    (void) state;
    assert_ok(wd_pg_ping(pool, 5000, &err));
    wd_test_pg_signal(pg, SIGSTOP);
    assert_int_equal(wd_pg_ping(pool, 100, &err), WD_ETIMEOUT);
    wd_test_pg_signal(pg, SIGCONT);
    assert_true(wd_test_until(pings, pool));
    wd_pg_pool_destroy(pool);
}


int
main(void)
{
    int                     rc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_params),
        cmocka_unit_test(test_results),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_many_statements),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_pool_failure),
        cmocka_unit_test(test_pool_threads),
        cmocka_unit_test(test_server_gone),
        cmocka_unit_test(test_server_hangs),
    };

    signal(SIGPIPE, SIG_IGN);
    pg = wd_test_pg_create(false);
    if (pg == NULL) {
        return WD_TEST_SKIP;
    }
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    wd_test_pg_destroy(pg);
    wd_metrics_done();
    return rc;
}
