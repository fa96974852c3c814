/*
 * bench_commit.c - from objects in the lake to committed rows, by what the
 * service does with them, against COPY of the same rows into the same table.
 *
 *     bench-commit URL LAKE SYMBOLS DAYS ROUNDS [revised]
 *
 * URL is a migrated database that nobody else uses: its rows are removed. LAKE
 * is a folder that does not exist yet. For each symbol it gets an object with
 * that many daily bars. In each round the events of all are published, and a
 * consumer like that of the service takes them one after the other: read,
 * unpack, check its hash, parse, check, look for versions, store, commit. Then
 * the table is emptied and filled by one COPY with the same rows.
 *
 * With `revised` the table is full before: the payloads say something else for
 * every row, so that each gets a version in the history.
 *
 * A line for each round: rows, seconds of ours, of COPY, and how fast ours is
 * as a part of COPY. Both begin with a checkpoint, and COPY with an empty table.
 */
#include "bench_answers.h"

#include "processing_ahead.h"
#include "processing_stages.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHUNK (256 * 1024) /* of COPY, sent at once */
#define POLL_US 1000

typedef struct {
    const char   *url;
    wd_pg_conn_t *pg;
    wd_lake_t    *lake;
    wd_log_t     *log;
    wd_buf_t      events[2]; /* one a line; then those of the revision */
    wd_buf_t      rows; /* what COPY sends */
    int           symbols;
    int           days;
    bool          revised;
} bench_t;


static void
must(int rc, const wd_error_t *err, const char *what)
{
    if (rc != WD_OK) {
        fprintf(stderr, "%s: %d %s\n", what, rc, err->text);
        exit(1);
    }
}


static void
sql(bench_t *b, const char *text)
{
    wd_error_t err = {0};

    must(wd_pg_script(b->pg, text, &err), &err, text);
}


static int64_t
number(bench_t *b, const char *text)
{
    int64_t    n;
    PGresult  *res;
    wd_error_t err = {0};

    must(wd_pg_exec(b->pg, text, NULL, 0, &res, &err), &err, text);
    n = wd_pg_get_int(res, 0, 0);
    PQclear(res);
    return n;
}


static double
seconds_since(wd_ns_t from)
{
    return (double) (wd_monotonic() - from) / 1e9;
}


/* ---- what is there to process -------------------------------------------- */

static void
put_object(bench_t *b, int i, int version, wd_buf_t *body)
{
    char          symbol[16];
    wd_error_t    err = {0};
    wd_lake_row_t row = {.http_status = 200,
                         .provider = "alphavantage",
                         .dataset = "daily",
                         .content_type = "application/json"};

    snprintf(symbol, sizeof(symbol), "S%04d", i);
    snprintf(row.args, sizeof(row.args),
             "{\"symbol\":\"%s\",\"outputsize\":\"full\"}", symbol);
    row.fetched_at = INT64_C(1617300000) * WD_NS_PER_S + version * WD_NS_PER_DAY
                     + i * WD_NS_PER_S;
    wd_buf_reset(body);
    bench_av(body, symbol, b->days, false);
    must(wd_lake_put(b->lake, &row, wd_buf_view(body), &err), &err, "put");
    wd_lake_event(&row, &b->events[version]);
    wd_buf_byte(&b->events[version], '\n');
}


static void
fill_lake(bench_t *b, const char *root)
{
    int        i, version;
    wd_buf_t   body = WD_BUF_INIT;
    wd_error_t err = {0};

    must(wd_lake_open(root, &b->lake, &err), &err, root);
    for (version = 0; version <= b->revised; version++) {
        for (i = 0; i < b->symbols; i++) {
            put_object(b, i, version, &body);
        }
    }
    wd_buf_done(&body);
}


/* The database as it was before anything was processed. */
static void
empty(bench_t *b)
{
    sql(b, "TRUNCATE raw_object, reject, bar, bar_history, instrument_alias, "
           "bus_event, bus_offset; DELETE FROM instrument; "
           "UPDATE bus_topic SET last = 0; CHECKPOINT");
}


static void
publish(bench_t *b, int version)
{
    wd_str_t   event, rest = wd_buf_view(&b->events[version]);
    wd_error_t err = {0};

    must(wd_pg_begin(b->pg, &err), &err, "BEGIN");
    while (wd_str_split(&rest, '\n', &event) && event.len != 0) {
        must(wd_bus_publish(b->pg, WD_TOPIC_RAW, event, NULL, &err), &err,
             "publish");
    }
    must(wd_pg_commit(b->pg, &err), &err, "COMMIT");
    sql(b, "CHECKPOINT");
}


/* ---- the two ways -------------------------------------------------------- */

static int64_t handled; /* atomic: offset of the last event */


static int
on_event(wd_pg_conn_t *c, const wd_bus_event_t *ev, void *arg, wd_error_t *err)
{
    int rc = processing_object(arg, c, ev->json, ev->next, false, err);

    __atomic_store_n(&handled, ev->offset, __ATOMIC_RELEASE);
    return rc;
}


/* The database is asked only when it cannot be long any more. */
static bool
committed(bench_t *b, int64_t last)
{
    return __atomic_load_n(&handled, __ATOMIC_ACQUIRE) == last
           && number(b, "SELECT coalesce(sum(\"offset\"), 0)::bigint "
                        "FROM bus_offset")
                  == last;
}


static double
process(bench_t *b)
{
    wd_ns_t      from;
    double       took;
    int64_t      last;
    wd_error_t   err = {0};
    processing_t pr = {.log = b->log, .lake = b->lake};

    last = number(b, "SELECT last FROM bus_topic WHERE topic = 'raw.object'");
    must(processing_zones_load(&pr.zones, &err), &err, "zones");
    must(processing_ahead_start(&pr, &pr.ahead, &err), &err, "a thread");
    from = wd_monotonic();
    pr.consumer = wd_bus_consume(b->url, "bench-commit", WD_TOPIC_RAW,
                                 "processing", on_event, &pr, b->log);
    if (pr.consumer == NULL) {
        exit(1);
    }
    while (!committed(b, last)) {
        usleep(POLL_US);
    }
    took = seconds_since(from);
    wd_bus_consumer_stop(pr.consumer);
    processing_ahead_stop(pr.ahead);
    processing_zones_done(&pr.zones);
    return took;
}


/* All rows of the table, in the order in which they came to it. */
static void
read_rows(bench_t *b)
{
    int       n;
    char     *part;
    PGconn   *pg = wd_pg_raw(b->pg);
    PGresult *res;

    wd_buf_reset(&b->rows);
    PQclear(PQexec(pg, "COPY (SELECT * FROM bar ORDER BY ctid) TO STDOUT "
                       "(FORMAT binary)"));
    while ((n = PQgetCopyData(pg, &part, 0)) > 0) {
        wd_buf_append(&b->rows, part, (size_t) n);
        PQfreemem(part);
    }
    while ((res = PQgetResult(pg)) != NULL) {
        PQclear(res);
    }
    if (n != -1 || b->rows.err != WD_OK) {
        fprintf(stderr, "the rows cannot be read\n");
        exit(1);
    }
}


static double
copy(bench_t *b)
{
    size_t     at, n;
    wd_ns_t    from = wd_monotonic();
    PGconn    *pg = wd_pg_raw(b->pg);
    PGresult  *res;
    wd_error_t err = {0};
    int64_t    rows = 0;

    PQclear(PQexec(pg, "COPY bar FROM STDIN (FORMAT binary)"));
    for (at = 0; at < b->rows.len; at += n) {
        n = wd_min(b->rows.len - at, (size_t) CHUNK);
        if (PQputCopyData(pg, (const char *) b->rows.data + at, (int) n) != 1) {
            fprintf(stderr, "COPY: %s\n", PQerrorMessage(pg));
            exit(1);
        }
    }
    PQputCopyEnd(pg, NULL);
    while ((res = PQgetResult(pg)) != NULL) {
        rows += PQresultStatus(res) == PGRES_COMMAND_OK;
        PQclear(res);
    }
    must(rows == 1 ? WD_OK : WD_EDB, &err, "COPY");
    return seconds_since(from);
}


static void
run_round(bench_t *b)
{
    double  ours, bare;
    int64_t rows, want = (int64_t) b->symbols * b->days;

    empty(b);
    publish(b, 0);
    ours = process(b);
    if (b->revised) {
        publish(b, 1);
        ours = process(b);
        if (number(b, "SELECT count(*) FROM bar_history") < want / 10 * 9) {
            fprintf(stderr, "there is no history\n");
            exit(1);
        }
    }
    rows = number(b, "SELECT count(*) FROM bar");
    if (rows != want) {
        fprintf(stderr, "%lld rows instead of %lld\n", (long long) rows,
                (long long) want);
        exit(1);
    }

    read_rows(b);
    sql(b, "TRUNCATE bar; CHECKPOINT");
    bare = copy(b);
    if (number(b, "SELECT count(*) FROM bar") != want) {
        fprintf(stderr, "COPY stored other rows\n");
        exit(1);
    }
    printf("%lld %.2f %.2f %.3f\n", (long long) want, ours, bare, bare / ours);
    fflush(stdout);
}


int
main(int argc, char **argv)
{
    int        i, rounds;
    bench_t    b = {0};
    wd_error_t err = {0};

    if (argc < 6) {
        fprintf(stderr, "usage: bench-commit URL LAKE SYMBOLS DAYS ROUNDS "
                        "[revised]\n");
        return 2;
    }
    b.url = argv[1];
    b.symbols = atoi(argv[3]);
    b.days = atoi(argv[4]);
    rounds = atoi(argv[5]);
    b.revised = argc > 6;
    b.log = wd_log_create("bench", WD_LOG_WARN, WD_LOG_TEXT);
    wd_buf_init(&b.events[0], 0);
    wd_buf_init(&b.events[1], 0);
    wd_buf_init(&b.rows, 0);

    must(wd_pg_connect(b.url, "bench-commit", &b.pg, &err), &err, b.url);
    fill_lake(&b, argv[2]);
    for (i = 0; i < rounds; i++) {
        run_round(&b);
    }
    return 0;
}
