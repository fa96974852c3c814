/*
 * test_ingestion_stream.c - LSEG's stream from a real socket into a real lake:
 * what was heard is there, whatever happens to connection, token and disk.
 */
#include "wd_test_ws.h"

#include "ingestion_stream.h"

#include "wd_lseg_capture.h"

#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOGIN_OK                                                              \
    "[{\"ID\":1,\"Type\":\"Refresh\",\"Domain\":\"Login\",\"Key\":{\"Name\":" \
    "\"AQIC-secret\"},\"State\":{\"Stream\":\"Open\",\"Data\":\"Ok\"},"       \
    "\"Elements\":{\"PingTimeout\":30,\"MaxMsgSize\":61430}}]"
#define LOGIN_REFUSED                                                 \
    "[{\"ID\":1,\"Type\":\"Status\",\"Domain\":\"Login\",\"State\":{" \
    "\"Stream\":\"Closed\",\"Data\":\"Suspect\",\"Code\":"            \
    "\"UserUnknownToPermSys\",\"Text\":\"no\"}}]"

/* ---- a server that speaks as LSEG does ------------------------------------------ */

/* How a connection goes on behind the refreshes. */
typedef enum {
    GO_ON, /* updates until the client leaves */
    BREAK_OFF, /* 100 updates and a reset */
    CLOSE, /* 100 updates and a close */
    NONSENSE, /* a frame that is none */
    REFUSE, /* the login, unless the token is "good" */
    FLOOD /* as many updates as it takes, and no waiting */
} play_e;

typedef struct {
    play_e plays[8]; /* by connection; the last for all others */
    int    n;
    int    updates; /* sent on all connections, with the refreshes */
    int    connections;
    int    stop; /* a flood ends */
} lseg_t;

static int port;


/* What the server's thread counts. */
static int
count(const int *n)
{
    return __atomic_load_n(n, __ATOMIC_SEQ_CST);
}


/* Names of the request: {"ID":2,"Key":{"Name":["A","B"]}}; their number. */
static int
read_request(const char *text, int *id, char names[8][33])
{
    int     n = 0;
    size_t  i;
    json_t *v, *root = json_loads(text, 0, NULL);
    json_t *name = json_object_get(json_object_get(root, "Key"), "Name");

    *id = (int) json_integer_value(json_object_get(root, "ID"));
    if (json_is_string(name)) {
        snprintf(names[n++], 33, "%s", json_string_value(name));
    }
    json_array_foreach(name, i, v)
    {
        snprintf(names[n++], 33, "%s", json_string_value(v));
    }
    json_decref(root);
    return n;
}


static bool
update(wd_test_ws_conn_t *c, lseg_t *l, int id)
{
    char text[200];
    int  k = __atomic_add_fetch(&l->updates, 1, __ATOMIC_SEQ_CST);

    snprintf(text, sizeof(text),
             "[{\"ID\":%d,\"Type\":\"Update\",\"UpdateType\":\"Quote\","
             "\"Fields\":{\"BID\":%d.25,\"ASK\":%d.5}}]",
             id, k, k);
    return wd_test_ws_text(c, text);
}


static bool
refresh(wd_test_ws_conn_t *c, lseg_t *l, int id, const char *name)
{
    char text[300];

    __atomic_add_fetch(&l->updates, 1, __ATOMIC_SEQ_CST);
    snprintf(text, sizeof(text),
             "[{\"ID\":%d,\"Type\":\"Refresh\",\"Key\":{\"Service\":\"S\","
             "\"Name\":\"%s\"},\"State\":{\"Stream\":\"Open\",\"Data\":\"Ok\"},"
             "\"Fields\":{\"BID\":0.25,\"ASK\":0.5,\"TRDPRC_1\":7}}]",
             id, name);
    return wd_test_ws_text(c, text);
}


/* The service discovery, on the port of the stream: a dead host comes first. */
static void
answer_discovery(wd_test_ws_conn_t *c, const char *request)
{
    int  n;
    char body[600], text[900];

    if (strstr(request, "Authorization: Bearer good\r\n") == NULL) {
        snprintf(body, sizeof(body),
                 "{\"error\":{\"code\":\"401\",\"message\":\"expired\"}}");
    } else {
        snprintf(body, sizeof(body),
                 "{\"services\":[{\"endpoint\":\"127.0.0.1\",\"port\":%d,"
                 "\"transport\":\"websocket\",\"dataFormat\":[\"tr_json2\"],"
                 "\"location\":[\"far-1a\",\"far-1b\"]},{\"endpoint\":"
                 "\"127.0.0.1\",\"port\":1,\"transport\":\"websocket\","
                 "\"dataFormat\":[\"tr_json2\"],\"location\":[\"near-1a\"]}]}",
                 port);
    }
    n = snprintf(text, sizeof(text),
                 "HTTP/1.1 %s\r\nContent-Type: application/json\r\n"
                 "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                 strstr(body, "error") != NULL ? "401 Unauthorized" : "200 OK",
                 strlen(body), body);
    wd_test_ws_note(c, "discovery\n");
    wd_test_ws_write(c, text, (size_t) n);
}


/* The login: true when it is accepted. */
static bool
log_in(wd_test_ws_conn_t *c, play_e play)
{
    bool     good;
    wd_buf_t b = WD_BUF_INIT;

    good = wd_test_ws_read(c, &b) == WD_TEST_WS_TEXT;
    if (good) {
        wd_test_ws_note(c, "%s\n", wd_buf_cstr(&b));
        good = play != REFUSE || strstr(wd_buf_cstr(&b), "\"good\"") != NULL;
        wd_test_ws_text(c, good ? LOGIN_OK : LOGIN_REFUSED);
    }
    wd_buf_done(&b);
    return good;
}


static void
script_lseg(wd_test_ws_conn_t *c, int n, void *arg)
{
    int         i, id, names = 0, first;
    char        name[8][33];
    lseg_t     *l = arg;
    play_e      play = l->plays[wd_min(n, l->n - 1)];
    wd_buf_t    b = WD_BUF_INIT;
    const char *request;

    request = wd_test_ws_request(c);
    if (strncmp(request, "GET /streaming/", 15) == 0) {
        answer_discovery(c, request);
    }
    if (strstr(request, "Upgrade: websocket") == NULL) {
        return;
    }
    __atomic_add_fetch(&l->connections, 1, __ATOMIC_SEQ_CST);
    wd_test_ws_accept(c, "tr_json2");
    if (!log_in(c, play) || wd_test_ws_read(c, &b) != WD_TEST_WS_TEXT) {
        wd_buf_done(&b);
        return; /* refused, or it leaves already */
    }
    wd_test_ws_note(c, "%s\n", wd_buf_cstr(&b));
    names = read_request(wd_buf_cstr(&b), &id, name);
    wd_buf_done(&b);
    first = names > 1 ? id + 1 : id;
    for (i = 0; i < names; i++) {
        refresh(c, l, first + i, name[i]);
    }
    for (i = 0; play == FLOOD && count(&l->stop) == 0
                && update(c, l, first + i % names);
         i++) {
    }
    for (i = 0; play != FLOOD && i < 100; i++) {
        update(c, l, first + i % names);
    }
    wd_test_ws_text(c, "[{\"Type\":\"Ping\"}]");
    if (play == NONSENSE) {
        wd_test_ws_text(c, "[{\"ID\":3,");
    } else if (play == CLOSE) {
        wd_test_ws_end(c, 1001, "maintenance");
    } else if (play == BREAK_OFF) {
        wd_test_ws_reset(c);
        wd_test_ws_read(c, &b); /* the pong: all of ours has arrived */
        wd_buf_done(&b);
        return;
    }
    wd_test_ws_converse(c);
}


/* ---- the stream under test -------------------------------------------------------- */

static uv_loop_t            loop;
static wd_test_ws_t        *server;
static ingestion_archive_t *archive;
static ingestion_stream_t  *stream;
static char                 root[300], url[100];
static lseg_t               lseg;

static struct {
    int         asked;
    int         refused;
    bool        silent; /* answers later */
    const char *token;
    int         stored;
    size_t      quotes;
    int64_t     last_seq;
} seen;


static void
on_token(void *arg, ingestion_stream_t *st, bool refused)
{
    (void) arg;
    seen.asked++;
    seen.refused += refused;
    if (seen.silent) {
        return;
    }
    ingestion_stream_token(st, wd_str_z(refused ? "good" : seen.token),
                           600 * WD_NS_PER_S);
}


/* It is in the lake when it is told. */
static bool
on_row(const wd_lake_row_t *row, void *arg)
{
    *(int64_t *) arg = row->seq;
    return true;
}


static void
on_stored(void *arg, const ingestion_archived_t *row,
          const wd_records_t *records)
{
    int64_t    last = 0;
    wd_lake_t *lake;
    wd_error_t err;

    (void) arg;
    assert_ok(wd_lake_open_read(root, &lake, &err));
    assert_ok(wd_lake_rows(lake, row->seq - 1, on_row, &last, &err));
    assert_true(last >= row->seq && row->seq == seen.last_seq + 1);
    wd_lake_close(lake);
    seen.last_seq = row->seq;
    seen.stored++;
    seen.quotes += records->n_quotes;
}


static void
begin_at(const play_e *plays, int n, size_t backlog, bool discover)
{
    static int              made;
    wd_error_t              err;
    ingestion_stream_conf_t conf;

    memset(&lseg, 0, sizeof(lseg));
    memset(&seen, 0, sizeof(seen));
    seen.token = "t0ken";
    memcpy(lseg.plays, plays, (size_t) n * sizeof(*plays));
    lseg.n = n;
    server = wd_test_ws_start(script_lseg, &lseg, NULL);
    port = wd_test_ws_port(server);
    snprintf(url, sizeof(url),
             discover ? "http://127.0.0.1:%d/streaming/pricing/v1/"
                      : "ws://127.0.0.1:%d/WebSocket",
             port);
    snprintf(root, sizeof(root), "%s/lake-%d", wd_test_dir(), made++);
    assert_ok(ingestion_archive_open(root, 0, &archive, &err));

    ingestion_stream_conf_init(&conf);
    conf.url = discover ? NULL : url;
    conf.discovery_url = discover ? url : NULL;
    conf.region = "near";
    conf.allow_http = conf.allow_private = true;
    conf.retry_ms = 10;
    conf.retry_max_ms = 50;
    conf.flush_ms = 20;
    conf.backlog_bytes = backlog;
    conf.session.retry_ms = 10;
    conf.archive = archive;
    conf.token = on_token;
    conf.stored = on_stored;
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_ok(ingestion_stream_start(&loop, &conf, &stream));
}


static void
begin(const play_e *plays, int n, size_t backlog)
{
    begin_at(plays, n, backlog, false);
}


static void
subscribe(const char *a, const char *b)
{
    size_t   bad;
    wd_str_t rics[] = {wd_str_z(a), wd_str_z(b)};

    assert_ok(ingestion_stream_rics(stream, rics, b != NULL ? 2 : 1, &bad));
    assert_int_equal(bad, 0);
}


static ingestion_stream_state_t
now(void)
{
    ingestion_stream_state_t s;

    ingestion_stream_state(stream, &s);
    return s;
}


/* Turns the loop until `fn` says true. */
static void
until(bool (*fn)(void))
{
    wd_ns_t end = wd_monotonic() + WD_TEST_WAIT_MS * WD_NS_PER_MS;

    while (!fn()) {
        uv_run(&loop, UV_RUN_ONCE); /* the tick turns it */
        if (wd_monotonic() > end) {
            fail_msg("it does not happen: %s, %s",
                     ingestion_stream_phase_name(now().phase), now().error);
        }
    }
}


static void
stop(void)
{
    ingestion_stream_stop(stream);
    ingestion_stream_stop(stream); /* harmless */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(now().phase, INGESTION_STREAM_STOPPED);
    wd_test_ws_stop(server);
}


static void
end(void)
{
    ingestion_stream_destroy(stream);
    assert_int_equal(uv_loop_close(&loop), 0);
    ingestion_archive_close(archive);
    wd_test_ws_free(server);
}


/* ---- what the lake holds ------------------------------------------------------------ */

typedef struct {
    wd_lake_t *lake;
    int        objects;
    size_t     quotes;
    size_t     rejects;
    double     last_bid;
} stock_t;


static bool
on_object(const wd_lake_row_t *row, void *arg)
{
    stock_t     *s = arg;
    wd_buf_t     body = WD_BUF_INIT;
    wd_pool_t   *pool = wd_pool_create(4096);
    wd_error_t   err;
    wd_records_t r;

    assert_string_equal(row->provider, "lseg");
    assert_string_equal(row->dataset, "stream");
    assert_string_equal(row->content_type, "application/x-ndjson");
    assert_ok(wd_lake_get(s->lake, row->key, row->sha256, &body, &err));
    assert_null(strstr(wd_buf_cstr(&body), "AQIC")); /* no login */
    assert_null(strstr(wd_buf_cstr(&body), "t0ken"));
    wd_records_init(&r, pool);
    assert_ok(wd_lseg_capture_parse(wd_buf_view(&body), &r));
    assert_false(r.refused);
    s->objects++;
    s->quotes += r.n_quotes;
    s->rejects += r.n_rejected;
    if (r.n_quotes != 0) {
        s->last_bid = r.quotes[r.n_quotes - 1].bid;
    }
    wd_buf_done(&body);
    wd_pool_destroy(pool);
    return true;
}


static stock_t
stock(void)
{
    stock_t    s = {0};
    wd_error_t err;

    assert_ok(wd_lake_open_read(root, &s.lake, &err));
    assert_ok(wd_lake_rows(s.lake, 0, on_object, &s, &err));
    wd_lake_close(s.lake);
    return s;
}


/* ---- tests ------------------------------------------------------------------------------ */

static bool
all_stored(void)
{
    return count(&lseg.connections) > 0 && now().backlog == 0
           && seen.quotes >= 102 * (size_t) count(&lseg.connections);
}


static void
test_lake(void **state)
{
    const play_e             plays[] = {GO_ON};
    stock_t                  s;
    wd_buf_t                 json = WD_BUF_INIT;
    wd_json_t                j;
    ingestion_stream_state_t n;

    (void) state;
    begin(plays, 1, 1 << 20);
    uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(now().phase, INGESTION_STREAM_IDLE);
    assert_int_equal(seen.asked, 0);
    subscribe("EUR=", "IBM.N");
    until(all_stored);
    n = now();
    assert_int_equal(n.phase, INGESTION_STREAM_UP);
    assert_int_equal(n.session.open, 2);
    assert_int_equal(n.connections, 1);
    assert_true(n.connected_at != 0 && n.last_message >= n.connected_at);
    assert_has(n.host, "127.0.0.1:");

    wd_json_init(&j, &json);
    wd_json_obj(&j);
    ingestion_stream_json(&n, &j);
    wd_json_end(&j);
    assert_true(wd_test_json_valid(wd_buf_view(&json)));
    assert_has(wd_buf_cstr(&json), "\"phase\":\"up\"");
    assert_has(wd_buf_cstr(&json), "\"open\":2");
    wd_buf_done(&json);

    stop();
    s = stock();
    assert_int_equal(s.quotes, 102);
    assert_int_equal(s.quotes, seen.quotes);
    assert_int_equal(s.objects, seen.stored);
    assert_int_equal(s.rejects, 0);
    assert_true(s.last_bid == 102.25);
    assert_int_equal(now().lost, 0);
    assert_int_equal(now().quotes, 102);
    assert_int_equal(seen.asked, 1);
    assert_has(wd_test_ws_noted(server),
               "\"AuthenticationToken\":\"t0ken\"}}}\n"
               "{\"ID\":2,\"Key\":{\"Name\":[\"EUR=\",\"IBM.N\"]}}\n"
               "text {\"Type\":\"Pong\"}\n"
               "text {\"ID\":1,\"Domain\":\"Login\",\"Type\":\"Close\"}\n"
               "close 1000\n");
    end();
}


static bool
four_stored(void)
{
    return count(&lseg.connections) == 4 && now().backlog == 0
           && seen.quotes == 4 * 101;
}


/* Reset, closed, nonsense: connected and subscribed again, nothing missed. */
static void
test_reconnect(void **state)
{
    const play_e             plays[] = {BREAK_OFF, CLOSE, NONSENSE, GO_ON};
    stock_t                  s;
    ingestion_stream_state_t n;

    (void) state;
    begin(plays, 4, 1 << 20);
    subscribe("EUR=", NULL);
    until(four_stored);
    n = now();
    assert_int_equal(n.connections, 4);
    assert_true(n.error_code != WD_OK && n.error[0] != '\0');
    stop();
    s = stock();
    assert_int_equal(s.quotes, seen.quotes);
    assert_int_equal(s.quotes, 4 * 101);
    assert_int_equal(s.rejects, 1); /* the frame that was none */
    assert_int_equal(seen.asked, 1); /* the token was good all the time */
    end();
}


static bool
is_up(void)
{
    return now().phase == INGESTION_STREAM_UP;
}


static bool
was_asked(void)
{
    return seen.asked != 0;
}


static bool
was_renewed(void)
{
    return count(&lseg.updates) >= 102 && now().session.open == 2;
}


static void
test_token(void **state)
{
    wd_error_t   err;
    const play_e plays[] = {REFUSE};

    (void) state;
    begin(plays, 1, 1 << 20);
    subscribe("EUR=", "IBM.N");
    until(is_up); /* refused once, then with the other */
    assert_true(seen.asked >= 2);
    assert_int_equal(seen.refused, 1);
    until(was_renewed);
    ingestion_stream_token(stream, WD_STR("newer"), 600 * WD_NS_PER_S);
    stop();
    assert_has(wd_test_ws_noted(server),
               "\"AuthenticationToken\":\"newer\"}},\"Refresh\":false}\n");
    end();

    begin(plays, 1, 1 << 20); /* none for now, then one */
    seen.silent = true;
    subscribe("EUR=", NULL);
    until(was_asked);
    assert_int_equal(now().phase, INGESTION_STREAM_TOKEN);
    (void) wd_error(&err, WD_EUNAVAIL, "the keeper has none");
    ingestion_stream_no_token(stream, &err);
    assert_int_equal(now().phase, INGESTION_STREAM_WAITING);
    seen.asked = 0;
    until(was_asked);
    ingestion_stream_token(stream, WD_STR(""), 1);
    assert_int_equal(now().phase, INGESTION_STREAM_WAITING);
    assert_string_equal(now().error, "the token is none");
    ingestion_stream_token(stream, WD_STR("good"), 600 * WD_NS_PER_S);
    until(is_up);
    stop();
    end();
}


static bool
is_asked_again(void)
{
    return seen.asked >= 2;
}


/* A short life: a new one is asked for while the connection stands. */
static void
test_token_ends(void **state)
{
    const play_e plays[] = {GO_ON};

    (void) state;
    begin(plays, 1, 1 << 20);
    seen.silent = true;
    subscribe("EUR=", NULL);
    until(was_asked);
    ingestion_stream_token(stream, WD_STR("t0ken"), 2 * WD_NS_PER_S);
    until(is_asked_again);
    assert_int_equal(now().phase, INGESTION_STREAM_UP);
    assert_int_equal(seen.refused, 0);
    stop();
    end();
}


/* Refused, asked with another token; the near host is dead, the far one not. */
static void
test_discovery(void **state)
{
    const play_e plays[] = {REFUSE};

    (void) state;
    begin_at(plays, 1, 1 << 20, true);
    subscribe("EUR=", NULL);
    until(is_up);
    assert_int_equal(seen.refused, 1);
    stop();
    assert_int_equal(lseg.connections, 1);
    assert_int_equal(
        strncmp(wd_test_ws_noted(server), "discovery\ndiscovery\n{", 21), 0);
    end();

    begin_at(plays, 1, 1 << 20, true); /* stopped while it asks */
    subscribe("EUR=", NULL);
    assert_int_equal(now().phase, INGESTION_STREAM_DISCOVERING);
    stop();
    end();
}


static bool
is_idle(void)
{
    return now().phase == INGESTION_STREAM_IDLE;
}


static bool
again_up(void)
{
    return count(&lseg.connections) == 2 && is_up();
}


static bool
third_up(void)
{
    return count(&lseg.connections) == 3 && is_up();
}


static void
test_rics(void **state)
{
    size_t       bad;
    const play_e plays[] = {GO_ON};

    (void) state;
    begin(plays, 1, 1 << 20);
    subscribe("EUR=", "IBM.N");
    until(was_renewed);
    subscribe("EUR=", "GBP=");
    until(is_up);
    assert_ok(ingestion_stream_rics(stream, NULL, 0, &bad));
    until(is_idle);
    assert_int_equal(now().connected_at, 0);
    assert_int_equal(now().error_code, WD_OK);
    subscribe("JPY=", NULL);
    until(again_up);
    assert_ok(ingestion_stream_rics(stream, NULL, 0, &bad));
    subscribe("CHF=", NULL); /* while it still leaves */
    until(third_up);
    assert_int_equal(now().error_code, WD_OK);
    stop();
    assert_has(wd_test_ws_noted(server),
               "text {\"ID\":4,\"Type\":\"Close\"}\n"
               "text {\"ID\":5,\"Key\":{\"Name\":\"GBP=\"}}\n");
    assert_has(wd_test_ws_noted(server),
               "{\"ID\":2,\"Key\":{\"Name\":\"JPY=\"}}");
    assert_has(wd_test_ws_noted(server),
               "{\"ID\":2,\"Key\":{\"Name\":\"CHF=\"}}");
    end();
}


/* ---- a lake that takes nothing -------------------------------------------------------- */

/* A file stands where the folder of the objects should be. */
static void
lake_breaks(void)
{
    char raw[320], away[330];

    snprintf(raw, sizeof(raw), "%s/raw", root);
    snprintf(away, sizeof(away), "%s/raw.away", root);
    if (access(raw, F_OK) == 0) {
        assert_int_equal(rename(raw, away), 0);
    }
    wd_test_write(raw, WD_STR("x"));
}


static void
lake_heals(void)
{
    char raw[320], away[330];

    snprintf(raw, sizeof(raw), "%s/raw", root);
    snprintf(away, sizeof(away), "%s/raw.away", root);
    assert_int_equal(unlink(raw), 0);
    if (access(away, F_OK) == 0) {
        assert_int_equal(rename(away, raw), 0);
    }
}


static bool
is_paused(void)
{
    return now().paused && now().lake_failing;
}


static bool
has_caught_up(void)
{
    __atomic_store_n(&lseg.stop, 1, __ATOMIC_SEQ_CST);
    return now().backlog == 0 && !now().lake_failing
           && seen.quotes
                  == (size_t) __atomic_load_n(&lseg.updates, __ATOMIC_SEQ_CST);
}


static void
test_lake_away(void **state)
{
    stock_t      s;
    const play_e plays[] = {FLOOD};

    (void) state;
    begin(plays, 1, 256 * 1024);
    lake_breaks();
    subscribe("EUR=", "IBM.N");
    until(is_paused);
    assert_int_equal(seen.stored, 0);
    assert_true(now().backlog < 256 * 1024 + 64 * 1024);
    assert_int_equal(now().phase, INGESTION_STREAM_UP);

    lake_heals();
    until(has_caught_up);
    assert_false(now().paused);
    stop();
    s = stock();
    assert_int_equal(s.quotes, seen.quotes);
    assert_int_equal(s.rejects, 0);
    assert_int_equal(lseg.connections, 1);
    end();
}


static bool
is_failing(void)
{
    return now().lake_failing;
}


/* A stop does not wait for it, and says what was lost. */
static void
test_lost(void **state)
{
    const play_e plays[] = {GO_ON};

    (void) state;
    begin(plays, 1, 1 << 20);
    lake_breaks();
    subscribe("EUR=", NULL);
    until(is_failing);
    stop();
    assert_true(now().lost > 0);
    assert_int_equal(seen.stored, 0);
    end();
}


static void
test_stop_any_time(void **state)
{
    int          i, k;
    const play_e plays[] = {GO_ON};

    (void) state;
    for (i = 0; i < 24; i++) {
        begin(plays, 1, 1 << 20);
        subscribe("EUR=", "IBM.N");
        for (k = 0; k < i; k++) {
            uv_run(&loop, UV_RUN_NOWAIT);
        }
        stop();
        end();
    }
    ingestion_stream_stop(NULL);
    ingestion_stream_destroy(NULL);
}


int
main(void)
{
    int                     rc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lake),          cmocka_unit_test(test_reconnect),
        cmocka_unit_test(test_token),         cmocka_unit_test(test_token_ends),
        cmocka_unit_test(test_discovery),     cmocka_unit_test(test_rics),
        cmocka_unit_test(test_lake_away),     cmocka_unit_test(test_lost),
        cmocka_unit_test(test_stop_any_time),
    };

    signal(SIGPIPE, SIG_IGN);
    assert_ok(wd_http_init());
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    wd_http_done();
    return rc;
}
