/*
 * test_ingestion_store_collections.c - collections in a real database: who
 * may define what, jobs that are shared, and whose turn it is.
 */
#include "wd_test.h"

#include "ingestion_collection_file.h"
#include "ingestion_store_plan.h"

static wd_test_pg_t *server;
static wd_pg_conn_t *db, *other;

#define DAILY(name, instruments)                             \
    "[" name "]\nprovider = alphavantage\ndataset = daily\n" \
    "every = 1d\nfrom = 2020-01-01\ninstruments = " instruments "\n"


/* ---- helpers ------------------------------------------------------------ */

/* Without wd_pg, which takes every text for a constant. */
static int64_t
one(const char *sql)
{
    int64_t   v = -1;
    PGresult *res = PQexec(wd_pg_raw(db), sql);

    if (PQntuples(res) != 1) {
        fail_msg("%s: %s", sql, PQresultErrorMessage(res));
    }
    if (!PQgetisnull(res, 0, 0)) {
        v = atoll(PQgetvalue(res, 0, 0));
    }
    PQclear(res);
    return v;
}


static void
run(const char *sql)
{
    wd_error_t err = {0};

    if (wd_pg_script(db, sql, &err) != WD_OK) {
        fail_msg("%s: %s", sql, err.text);
    }
}


static int
put(const char *text, const ingestion_source_t *source, ingestion_put_e *ret,
    wd_error_t *err)
{
    int                     rc, line;
    ingestion_collections_t all;

    assert_ok(ingestion_collection_read(wd_str_z(text), &all, &line, err));
    assert_int_equal(all.n, 1);
    rc = ingestion_store_put(db, &all.v[0], source, ret, err);
    ingestion_collections_done(&all);
    return rc;
}


static const ingestion_source_t api = {.api = true, .by = {"me", 2}};
static const ingestion_source_t file = {
    .origin = "host:/etc", .file = "a.conf", .by = {"file", 4}};


static void
put_ok(const char *text, const ingestion_source_t *source, ingestion_put_e what)
{
    wd_error_t      err = {0};
    ingestion_put_e did;

    if (put(text, source, &did, &err) != WD_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(did, what);
}


static int
empty(void **state)
{
    (void) state;
    run("DELETE FROM collection_slice; DELETE FROM collection_item; "
        "DELETE FROM collection; DELETE FROM ingest_job");
    return 0;
}


/* ---- definitions -------------------------------------------------------- */

static void
test_put(void **state)
{
    wd_error_t      err = {0};
    ingestion_put_e did;

    (void) state;
    put_ok(DAILY("a", "IBM, SPY"), &file, PUT_NEW);
    put_ok(DAILY("a", "IBM, SPY"), &file, PUT_SAME);
    put_ok(DAILY("a", "IBM, QQQ"), &file, PUT_CHANGED);
    assert_int_equal(one("SELECT count(*) FROM collection_item WHERE active"),
                     2);
    assert_int_equal(one("SELECT count(*) FROM collection_item"), 3);

    /* Another question is another item, and the old state is kept. */
    run("UPDATE collection_item SET rows = 7 WHERE instrument = 'IBM'");
    put_ok("[a]\nprovider = alphavantage\ndataset = quote\nevery = 1d\n"
           "instruments = IBM\n",
           &file, PUT_CHANGED);
    assert_int_equal(one("SELECT sum(rows)::bigint FROM collection_item "
                         "WHERE active"),
                     0);
    put_ok(DAILY("a", "ibm"), &file, PUT_CHANGED);
    assert_int_equal(one("SELECT sum(rows)::bigint FROM collection_item "
                         "WHERE active"),
                     7);

    assert_int_equal(put(DAILY("a", "IBM"), &api, &did, &err), WD_EEXIST);
    assert_has(err.text, "a.conf");
    assert_int_equal(ingestion_store_retire(db, "a", &err), WD_EEXIST);
    put_ok(DAILY("b", "IBM"), &api, PUT_NEW);
    assert_int_equal(put(DAILY("b", "IBM"), &file, &did, &err), WD_EEXIST);
    assert_ok(ingestion_store_retire(db, "b", &err));
    assert_int_equal(ingestion_store_retire(db, "b", &err), WD_ENOTFOUND);
    put_ok(DAILY("b", "IBM"), &file, PUT_NEW);
}


static void
test_files(void **state)
{
    int64_t        n;
    wd_error_t     err = {0};
    const wd_str_t names[] = {WD_STR("a")}, bad[] = {WD_STR("c.conf")};
    const ingestion_source_t second = {.origin = "host:/etc", .file = "c.conf"};
    const ingestion_source_t elsewhere = {.origin = "other:/etc",
                                          .file = "a.conf"};

    (void) state;
    put_ok(DAILY("a", "IBM"), &file, PUT_NEW);
    put_ok(DAILY("b", "IBM"), &file, PUT_NEW);
    put_ok(DAILY("c", "IBM"), &second, PUT_NEW);
    put_ok(DAILY("d", "IBM"), &elsewhere, PUT_NEW);
    put_ok(DAILY("e", "IBM"), &api, PUT_NEW);
    assert_ok(ingestion_store_retire_gone(db, "host:/etc", names, 1, bad, 1, &n,
                                          &err));
    assert_int_equal(n, 1);
    assert_int_equal(one("SELECT count(*) FROM collection "
                         "WHERE retired_at IS NOT NULL AND name = 'b'"),
                     1);
    assert_ok(ingestion_store_retire_gone(db, "host:/etc", NULL, 0, NULL, 0, &n,
                                          &err));
    assert_int_equal(n, 2);
    assert_int_equal(one("SELECT count(*) FROM collection "
                         "WHERE retired_at IS NULL"),
                     2);
}


static void
add_identifier(void *arg, wd_str_t identifier)
{
    char *out = arg;

    snprintf(out + strlen(out), 256 - strlen(out), "%.*s ",
             WD_STR_ARG(identifier));
}


static void
test_identifiers(void **state)
{
    char       got[256] = "";
    wd_error_t err = {0};

    (void) state;
    put_ok("[s1]\nprovider = lseg\ndataset = stream\n"
           "instruments = TRI.N, EUR=\n",
           &file, PUT_NEW);
    put_ok("[s2]\nprovider = lseg\ndataset = stream\n"
           "instruments = EUR=, .SPX\n",
           &api, PUT_NEW);
    put_ok("[s3]\nprovider = lseg\ndataset = stream\ninstruments = X\n"
           "paused = true\n",
           &api, PUT_NEW);
    put_ok(DAILY("d", "IBM"), &api, PUT_NEW);
    assert_ok(ingestion_collections_identifiers(db, "lseg", "stream",
                                                add_identifier, got, &err));
    assert_string_equal(got, ".SPX EUR= TRI.N ");

    assert_ok(ingestion_store_retire(db, "s2", &err));
    assert_ok(ingestion_store_pause(db, "s3", false, &err));
    got[0] = '\0';
    assert_ok(ingestion_collections_identifiers(db, "lseg", "stream",
                                                add_identifier, got, &err));
    assert_string_equal(got, "EUR= TRI.N X ");
    assert_int_equal(one("SELECT count(*) FROM collection_item "
                         "WHERE dataset = 'stream'"),
                     0);
}


/* ---- jobs --------------------------------------------------------------- */

/* Asks for the same question in the name of a collection's only item. */
static void
want(const char *name, bool fill, int priority)
{
    char                   sql[256];
    wd_error_t             err = {0};
    ingestion_want_t       w = {.fill = fill,
                                .slice = {100, 200, true},
                                .args = WD_STR("{\"symbol\":\"IBM\","
                                                     "\"outputsize\":\"full\"}")};
    ingestion_collection_t def;

    ingestion_collection_init(&def);
    strcpy(def.name, name);
    strcpy(def.provider, "alphavantage");
    strcpy(def.dataset, "daily");
    def.priority = priority;
    w.def = &def;
    snprintf(sql, sizeof(sql), "SELECT id FROM collection WHERE name = '%s'",
             name);
    w.collection = one(sql);
    snprintf(sql, sizeof(sql),
             "SELECT id FROM collection_item WHERE active AND collection = "
             "%lld",
             (long long) w.collection);
    w.item = one(sql);
    if (ingestion_store_want(db, &w, &err) != WD_OK) {
        fail_msg("%s", err.text);
    }
    ingestion_collection_done(&def);
}


static void
test_shared_jobs(void **state)
{
    wd_error_t err = {0};

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    put_ok(DAILY("b", "IBM"), &api, PUT_NEW);
    want("a", true, 50);
    want("b", true, 20);
    assert_int_equal(one("SELECT count(*) FROM ingest_job"), 1);
    assert_int_equal(one("SELECT priority FROM ingest_job"), 20);
    want("a", false, 50);
    assert_int_equal(one("SELECT priority FROM ingest_job"), 0);
    assert_int_equal(one("SELECT count(DISTINCT job) FROM collection_slice"),
                     1);

    /* One is paused: the other has the job. Both: nobody. */
    assert_ok(ingestion_store_pause(db, "a", true, &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job j JOIN collection c "
                         "ON c.id = j.collection WHERE j.status = 'queued' "
                         "AND c.name = 'b'"),
                     1);
    assert_ok(ingestion_store_pause(db, "b", true, &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job "
                         "WHERE status = 'paused'"),
                     1);
    assert_ok(ingestion_store_pause(db, "a", false, &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job "
                         "WHERE status = 'queued'"),
                     1);

    /* Gone is gone, but for what somebody else waits for. */
    assert_ok(ingestion_store_pause(db, "b", false, &err));
    assert_ok(ingestion_store_retire(db, "a", &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job "
                         "WHERE status = 'queued'"),
                     1);
    assert_ok(ingestion_store_retire(db, "b", &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job "
                         "WHERE status = 'failed' "
                         "AND error_class = 'canceled'"),
                     1);
    assert_int_equal(one("SELECT count(*) FROM collection_slice"), 0);
}


/* What was dropped before it came is asked for when its owner returns. */
static void
test_return(void **state)
{
    wd_error_t err = {0};

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    run("UPDATE collection_item SET live_at = now(), live_to = now()");
    want("a", false, 10);
    assert_ok(ingestion_store_retire(db, "a", &err));
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    assert_int_equal(one("SELECT count(*) FROM collection_item WHERE active "
                         "AND live_at IS NULL AND live_to IS NULL "
                         "AND covered_to IS NULL"),
                     1);

    /* What had come is not. */
    run("UPDATE collection_item SET live_at = now(), covered_to = now()");
    assert_ok(ingestion_store_retire(db, "a", &err));
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    assert_int_equal(one("SELECT count(*) FROM collection_item "
                         "WHERE live_at IS NOT NULL"),
                     1);
}


/* A job of somebody who asked by hand is joined, and never taken away. */
static void
test_foreign_job(void **state)
{
    wd_error_t err = {0};

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    run("INSERT INTO ingest_job (provider, dataset, args, asked_by) VALUES "
        "('alphavantage', 'daily', "
        "'{\"symbol\": \"IBM\", \"outputsize\": \"full\"}', 'me')");
    want("a", false, 10);
    assert_int_equal(one("SELECT count(*) FROM ingest_job"), 1);
    assert_ok(ingestion_store_pause(db, "a", true, &err));
    assert_ok(ingestion_store_retire(db, "a", &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job "
                         "WHERE status = 'queued' AND collection IS NULL"),
                     1);
}


/* What is asked for by hand waits neither behind history nor with a pause. */
static void
test_joined_by_hand(void **state)
{
    char       status[16];
    int64_t    id, job;
    wd_error_t err = {0};

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    want("a", true, 50);
    job = one("SELECT id FROM ingest_job");
    assert_ok(ingestion_store_pause(db, "a", true, &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job "
                         "WHERE status = 'paused'"),
                     1);
    assert_ok(ingestion_store_enqueue(
        db, "alphavantage", "daily",
        WD_STR("{\"symbol\":\"IBM\",\"outputsize\":\"full\"}"), WD_STR("me"),
        &id, status, &err));
    assert_int_equal(id, job);
    assert_string_equal(status, "queued");
    assert_int_equal(one("SELECT count(*) FROM ingest_job WHERE status = "
                         "'queued' AND priority = 0 AND collection IS NULL"),
                     1);

    /* It stays what it is, and the collection's slice waits for it. */
    assert_ok(
        ingestion_store_hold(db, one("SELECT id FROM collection"), true, &err));
    assert_ok(ingestion_store_retire(db, "a", &err));
    assert_int_equal(one("SELECT count(*) FROM ingest_job WHERE "
                         "status = 'queued'"),
                     1);
    run("UPDATE ingest_job SET status = 'running'");
    assert_ok(ingestion_store_enqueue(
        db, "alphavantage", "daily",
        WD_STR("{\"symbol\":\"IBM\",\"outputsize\":\"full\"}"), WD_STR("me"),
        &id, status, &err));
    assert_int_equal(id, job);
    assert_string_equal(status, "running");
}


/* A run of several slices: one that is not there says nothing of the others. */
static void
test_ended_together(void **state)
{
    size_t            n;
    int64_t           id;
    wd_error_t        err = {0};
    ingestion_ended_t e[4];

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    id = one("SELECT id FROM collection");
    run("INSERT INTO ingest_job (provider, dataset, args, status, error_class) "
        "VALUES ('alphavantage', 'daily', '{\"month\": \"1\"}', 'running', "
        "NULL), ('alphavantage', 'daily', '{\"month\": \"2\"}', 'failed', "
        "'not_found');"
        "INSERT INTO collection_slice (collection, item, fill, args, "
        "slice_from, slice_to, job) SELECT i.collection, i.id, false, j.args, "
        "now(), now(), j.id FROM collection_item i, ingest_job j");
    assert_ok(ingestion_store_ended(db, id, e, 4, &n, &err));
    assert_int_equal(n, 1);
    assert_true(e[0].answered);

    run("UPDATE ingest_job SET status = 'done' WHERE status = 'running'");
    assert_ok(ingestion_store_ended(db, id, e, 4, &n, &err));
    assert_int_equal(n, 2);
    assert_true(e[0].done && e[1].answered);

    run("UPDATE ingest_job SET status = 'failed', error_class = 'not_found'");
    assert_ok(ingestion_store_ended(db, id, e, 4, &n, &err));
    assert_int_equal(n, 2);
    assert_false(e[0].answered || e[1].answered);
}


static void
test_ended(void **state)
{
    size_t            n;
    int64_t           id;
    wd_error_t        err = {0};
    ingestion_ended_t e[4];

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    id = one("SELECT id FROM collection");
    run("UPDATE collection_item SET fill_begin = date '1970-01-01' + 201, "
        "fill_to = date '1970-01-01' + 201, stopped_class = 'not_found', "
        "stopped_until = now() + interval '1 day'");
    want("a", true, 10);
    assert_ok(ingestion_store_ended(db, id, e, 4, &n, &err));
    assert_int_equal(n, 0);

    run("UPDATE ingest_job SET status = 'failed', error_class = 'upstream', "
        "error = 'down'");
    assert_ok(ingestion_store_ended(db, id, e, 4, &n, &err));
    assert_int_equal(n, 1);
    assert_true(e[0].fill && !e[0].done && !e[0].answered);
    assert_string_equal(e[0].class, "upstream");
    assert_ok(ingestion_store_slice_again(db, &e[0], 60, &err));
    assert_int_equal(one("SELECT attempts FROM collection_slice WHERE job IS "
                         "NULL AND not_before > now()"),
                     1);

    want("a", true, 10);
    run("UPDATE ingest_job SET status = 'done', objects = 2, duplicates = 1 "
        "WHERE status = 'queued'");
    assert_ok(ingestion_store_ended(db, id, e, 4, &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(e[0].calls, 3);
    assert_ok(ingestion_store_slice_done(db, &e[0], &err));
    assert_int_equal(one("SELECT fill_to - date '1970-01-01' "
                         "FROM collection_item"),
                     100);
    assert_int_equal(one("SELECT count(*) FROM collection_item "
                         "WHERE stopped_class IS NULL AND last_error IS NULL"),
                     1);

    /* A job that somebody deleted is asked for again. */
    want("a", false, 10);
    run("DELETE FROM ingest_job");
    assert_ok(ingestion_store_ended(db, id, e, 4, &n, &err));
    assert_int_equal(n, 1);
    assert_false(e[0].done);
    assert_string_equal(e[0].error, "Its job is gone");
}


/* ---- turns -------------------------------------------------------------- */

static void
test_lock(void **state)
{
    bool       paused;
    int64_t    id, version;
    wd_ns_t    now;
    wd_error_t err = {0};

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    id = one("SELECT id FROM collection");
    assert_ok(wd_pg_begin(db, &err));
    assert_ok(ingestion_store_lock(db, id, &version, &paused, &now, &err));
    assert_ok(wd_pg_begin(other, &err));
    assert_int_equal(
        ingestion_store_lock(other, id, &version, &paused, &now, &err),
        WD_ENOTFOUND);
    wd_pg_rollback(db);
    assert_ok(ingestion_store_lock(other, id, &version, &paused, &now, &err));
    wd_pg_rollback(other);
}


static size_t
work_left(int64_t id, wd_ns_t tick, int64_t from)
{
    size_t           n = 1;
    wd_error_t       err = {0};
    ingestion_work_t w = {id, true, tick, from};

    if (ingestion_store_work(db, &w, &n, &err) != WD_OK) {
        fail_msg("%s", err.text);
    }
    return n;
}


/* The clock was set back: nobody waits until it is again what it was. */
static void
test_clock_set_back(void **state)
{
    int64_t       id, n;
    wd_ns_t       before;
    wd_error_t    err = {0};
    const int64_t from = 18262; /* 2020-01-01 */

    (void) state;
    before = wd_now() - WD_NS_PER_HOUR;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    id = one("SELECT id FROM collection");
    run("UPDATE collection_item SET live_at = now(), fill_to = '2020-01-01'");
    want("a", true, 10);
    run("UPDATE collection_slice SET job = NULL, "
        "not_before = now() + interval '6 hours'");
    assert_int_equal(work_left(id, before, from), 0);
    run("UPDATE collection_slice SET not_before = now() + interval '1 year'");
    assert_int_equal(work_left(id, before, from), 1);

    run("DELETE FROM collection_slice; UPDATE collection_item SET "
        "fill_class = 'not_found', fill_until = now() + interval '30 days'");
    assert_int_equal(work_left(id, before, from - 1), 0);
    run("UPDATE collection_item SET fill_until = now() + interval '1 year'");
    assert_int_equal(work_left(id, before, from - 1), 1);

    run("UPDATE ingest_job SET not_before = now() + interval '1 year'; "
        "INSERT INTO ingest_job (provider, dataset, args, status, worker, "
        "lease_until) VALUES ('alphavantage', 'daily', '{\"symbol\":\"A\"}', "
        "'running', 'me', now() + interval '1 year'), "
        "('alphavantage', 'daily', '{\"symbol\":\"B\"}', 'running', 'me', "
        "now() + interval '1 day'); "
        "INSERT INTO provider_quota (provider, key, blocked_until) VALUES "
        "('alphavantage', 'x', now() + interval '1 year'), "
        "('alphavantage', 'y', now() + interval '1 day')");
    assert_ok(ingestion_store_reap(db, "alphavantage", &n, &err));
    assert_int_equal(n, 1);
    assert_int_equal(one("SELECT count(*) FROM ingest_job WHERE "
                         "status = 'queued' AND not_before <= now()"),
                     2);
    assert_int_equal(one("SELECT count(*) FROM provider_quota "
                         "WHERE blocked_until > now()"),
                     1);
    run("DELETE FROM provider_quota WHERE key IN ('x', 'y')");
}


static void
test_work(void **state)
{
    int64_t       id;
    wd_ns_t       now = wd_now();
    const int64_t from = 18262; /* 2020-01-01 */

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    id = one("SELECT id FROM collection");
    assert_int_equal(work_left(id, now, from), 1); /* never planned */

    run("UPDATE collection_item SET live_at = now(), fill_to = '2020-01-01'");
    assert_int_equal(work_left(id, now - WD_NS_PER_HOUR, from), 0);
    assert_int_equal(work_left(id, wd_now() + WD_NS_PER_HOUR, from), 1);
    assert_int_equal(work_left(id, now - WD_NS_PER_HOUR, from - 1), 1);
    assert_int_equal(work_left(id, now - WD_NS_PER_HOUR, INGESTION_NO_DAY), 0);

    /* The clock was set back: what was planned in the future is due. */
    run("UPDATE collection_item SET live_at = now() + interval '1 year'");
    assert_int_equal(work_left(id, now - WD_NS_PER_HOUR, from), 1);
    run("UPDATE collection_item SET live_at = now()");

    /* Stopped until tomorrow: not even its back-fill; since yesterday: yes. */
    run("UPDATE collection_item SET stopped_class = 'permission', "
        "stopped_until = now() + interval '1 day'");
    assert_int_equal(work_left(id, wd_now() + WD_NS_PER_HOUR, from - 1), 0);
    run("UPDATE collection_item SET stopped_until = now() - interval '1 s'");
    assert_int_equal(work_left(id, wd_now() + WD_NS_PER_HOUR, from), 1);
    run("UPDATE collection SET paused = true");
    assert_int_equal(work_left(id, wd_now() + WD_NS_PER_HOUR, from), 0);
}


/* Marks are looked up for thousands of items: never by reading all answers. */
static void
test_mark(void **state)
{
    PGresult        *res;
    wd_error_t       err = {0};
    ingestion_item_t item;

    (void) state;
    put_ok(DAILY("a", "IBM"), &api, PUT_NEW);
    run("DELETE FROM raw_object; INSERT INTO raw_object (id, key, sha256, "
        "provider, dataset, args, size, fetched_at, outcome, stored, data_to) "
        "SELECT n, n, 's', 'alphavantage', 'daily', jsonb_build_object("
        "'symbol', CASE n % 100 WHEN 7 THEN 'IBM' ELSE 'S' || n % 100 END, "
        "'outputsize', 'full', 'page', n), 1, now(), 'stored', 2, "
        "timestamptz '2024-01-01 00:00:00Z' + n * interval '1 s' "
        "FROM generate_series(1, 20000) n; ANALYZE raw_object");
    assert_ok(ingestion_store_due(db, one("SELECT id FROM collection"),
                                  wd_now(), 10, &res, &err));
    assert_int_equal(PQntuples(res), 1);
    ingestion_store_item(res, 0, &item);
    assert_true(item.high
                == (wd_ns_t) (19723 * WD_NS_PER_DAY + 19907 * WD_NS_PER_S));
    PQclear(res);

    run("UPDATE collection_item SET recount_at = now()");
    assert_ok(ingestion_store_recount(db, &err));
    assert_int_equal(one("SELECT rows FROM collection_item"), 400);
    assert_int_equal(one("SELECT seen FROM collection_item"), 19907);

    /* Again, nothing is counted twice; what is new is added. */
    run("INSERT INTO raw_object (id, key, sha256, provider, dataset, args, "
        "size, fetched_at, outcome, corrected, data_to) VALUES (20001, 'k', "
        "'s', 'alphavantage', 'daily', '{\"symbol\": \"IBM\", "
        "\"outputsize\": \"compact\"}', 1, now(), 'stored', 5, '2020-01-01'), "
        "(20002, 'l', 's', 'alphavantage', 'daily', '{\"symbol\": \"IBM\", "
        "\"interval\": \"5min\"}', 1, now(), 'stored', 9, now()); "
        "UPDATE collection_item SET recount_at = now()");
    assert_ok(ingestion_store_recount(db, &err));
    assert_int_equal(one("SELECT rows FROM collection_item"), 405);
    assert_int_equal(one("SELECT extract(epoch FROM high)::bigint "
                         "FROM collection_item"),
                     item.high / WD_NS_PER_S);

    /* The index serves this expression, as it stands in the source. */
    run("SET enable_seqscan = off; CREATE FUNCTION plan_of(q text) RETURNS "
        "text LANGUAGE plpgsql AS $$ DECLARE l text; t text := ''; BEGIN "
        "FOR l IN EXECUTE 'EXPLAIN ' || q LOOP t := t || l; END LOOP; "
        "RETURN t; END $$");
    assert_int_equal(one("SELECT (plan_of($q$SELECT r.high "
                         "FROM collection_item i, LATERAL (SELECT "
                         "max(o.data_to) AS high FROM raw_object o "
                         "WHERE " INGESTION_STORE_ANSWERS
                         "AND o.id > i.seen) r$q$) ~ 'Index Scan using "
                         "raw_object_question.*Index Cond: .*args - ')::int"),
                     1);
    run("SET enable_seqscan = on");
}


static int
start(void **state)
{
    wd_error_t err = {0};

    (void) state;
    server = wd_test_pg_create(true);
    if (server == NULL) {
        exit(WD_TEST_SKIP);
    }
    assert_ok(wd_pg_connect(wd_test_pg_url(server), "test", &db, &err));
    assert_ok(wd_pg_connect(wd_test_pg_url(server), "test", &other, &err));
    return 0;
}


static int
stop(void **state)
{
    (void) state;
    wd_pg_disconnect(db);
    wd_pg_disconnect(other);
    wd_test_pg_destroy(server);
    return 0;
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_put, empty),
        cmocka_unit_test_setup(test_files, empty),
        cmocka_unit_test_setup(test_identifiers, empty),
        cmocka_unit_test_setup(test_shared_jobs, empty),
        cmocka_unit_test_setup(test_return, empty),
        cmocka_unit_test_setup(test_foreign_job, empty),
        cmocka_unit_test_setup(test_joined_by_hand, empty),
        cmocka_unit_test_setup(test_ended_together, empty),
        cmocka_unit_test_setup(test_ended, empty),
        cmocka_unit_test_setup(test_lock, empty),
        cmocka_unit_test_setup(test_clock_set_back, empty),
        cmocka_unit_test_setup(test_work, empty),
        cmocka_unit_test_setup(test_mark, empty),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
