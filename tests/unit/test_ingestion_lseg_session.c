/*
 * test_ingestion_lseg_session.c - the conversation with LSEG's streaming:
 * login, subscriptions, states, silence, renewal; and that what is archived
 * says the same as what was heard.
 */
#include "wd_test.h"

#include "ingestion_lseg_session.h"

#include "wd_lseg_capture.h"

#include <math.h>

#define T0 (INT64_C(1655906041) * WD_NS_PER_S) /* 2022-06-22T13:54:01Z */
#define S WD_NS_PER_S

typedef struct {
    ingestion_lseg_session_t *s;
    wd_pool_t                *pool;
    wd_records_t              r;
    wd_buf_t                  capture;
    wd_buf_t                  out;
    wd_error_t                err;
    wd_ns_t                   now;
} talk_t;


static const ingestion_lseg_conf_t conf = {.application_id = "256",
                                           .position = "192.0.2.1/net",
                                           .batch = 100,
                                           .window = 200,
                                           .answer_ms = 10000,
                                           .retry_ms = 1000,
                                           .retry_max_ms = 8000,
                                           .closed_ms = 3600000};


static void
begin(talk_t *t, const ingestion_lseg_conf_t *c)
{
    memset(t, 0, sizeof(*t));
    t->pool = wd_pool_create(4096);
    assert_non_null(t->pool);
    wd_records_init(&t->r, t->pool);
    wd_buf_init(&t->capture, 0);
    wd_buf_init(&t->out, 0);
    t->now = S;
    assert_ok(ingestion_lseg_session_create(c, 1, &t->s));
}


static void
done(talk_t *t)
{
    ingestion_lseg_session_destroy(t->s);
    wd_buf_done(&t->capture);
    wd_buf_done(&t->out);
    wd_pool_destroy(t->pool);
}


/* "A B C" */
static void
want(talk_t *t, const char *rics)
{
    size_t   n = 0, bad;
    wd_str_t list[64], rest = wd_str_z(rics);

    while (rest.len != 0 && wd_str_split(&rest, ' ', &list[n])) {
        n++;
    }
    assert_ok(ingestion_lseg_session_rics(t->s, list, n, &bad));
    assert_int_equal(bad, 0);
}


/* All that is to be sent, a line each. */
static const char *
said(talk_t *t)
{
    wd_buf_t one = WD_BUF_INIT;

    wd_buf_reset(&t->out);
    while (ingestion_lseg_session_take(t->s, t->now, &one)) {
        assert_true(wd_test_json_valid(wd_buf_view(&one)));
        wd_buf_str(&t->out, wd_buf_view(&one));
        wd_buf_byte(&t->out, '\n');
        wd_buf_reset(&one);
    }
    wd_buf_done(&one);
    return wd_buf_cstr(&t->out);
}


static int
hear(talk_t *t, const char *frame)
{
    return ingestion_lseg_session_frame(t->s, wd_str_z(frame), T0 + t->now,
                                        t->now, &t->capture, &t->r, &t->err);
}


static int
tick(talk_t *t, wd_ns_t after)
{
    t->now += after;
    return ingestion_lseg_session_tick(t->s, t->now, &t->err);
}


static ingestion_lseg_counts_t
counts(const talk_t *t)
{
    ingestion_lseg_counts_t c;

    ingestion_lseg_session_counts(t->s, &c);
    assert_int_equal(c.items,
                     c.waiting + c.asked + c.open + c.suspect + c.closed);
    return c;
}


#define LOGIN_OK                                                              \
    "[{\"ID\":1,\"Type\":\"Refresh\",\"Domain\":\"Login\",\"Key\":{\"Name\":" \
    "\"AQIC-secret\"},\"State\":{\"Stream\":\"Open\",\"Data\":\"Ok\"},"       \
    "\"Elements\":{\"PingTimeout\":30,\"MaxMsgSize\":61430}}]"
#define REFRESH(id, ric, fields)                                           \
    "{\"ID\":" #id ",\"Type\":\"Refresh\",\"Key\":{\"Name\":\"" ric "\"}," \
    "\"State\":{\"Stream\":\"Open\",\"Data\":\"Ok\"},\"Fields\":{" fields "}}"
#define UPDATE(id, fields) \
    "{\"ID\":" #id ",\"Type\":\"Update\",\"Fields\":{" fields "}}"
#define STATUS(id, stream, data, code)                                     \
    "[{\"ID\":" #id ",\"Type\":\"Status\",\"State\":{\"Stream\":\"" stream \
    "\",\"Data\":\"" data "\",\"Code\":\"" code "\",\"Text\":\"why\"}}]"
#define BATCH_TAKEN(id) STATUS(id, "Closed", "Ok", "None")


static void
log_in(talk_t *t)
{
    assert_ok(ingestion_lseg_session_open(t->s, WD_STR("token-1"), t->now));
    assert_string_equal(
        said(t),
        "{\"ID\":1,\"Domain\":\"Login\",\"Key\":{\"NameType\":\"AuthnToken\","
        "\"Elements\":{\"ApplicationId\":\"256\",\"Position\":"
        "\"192.0.2.1/net\",\"AuthenticationToken\":\"token-1\"}}}\n");
    assert_string_equal(said(t), "");
    assert_ok(hear(t, LOGIN_OK));
    assert_int_equal(counts(t).state, INGESTION_LSEG_UP);
}


/* ---- the recorded frames ----------------------------------------------------------- */

static void
test_recorded(void **state)
{
    talk_t                   t;
    wd_buf_t                 file = WD_BUF_INIT;
    wd_str_t                 line, rest;
    ingestion_lseg_counts_t  c;
    ingestion_lseg_trouble_t trouble[2];

    (void) state;
    begin(&t, &conf);
    want(&t, "A B EUR= C D E F BADRIC");
    assert_ok(ingestion_lseg_session_open(t.s, WD_STR("token-1"), t.now));
    assert_has(said(&t), "\"token-1\"");

    wd_test_read(WD_FIXTURES "/lseg/stream.ndjson", &file);
    rest = wd_buf_view(&file);
    assert_true(wd_str_split(&rest, '\n', &line));
    assert_ok(ingestion_lseg_session_frame(t.s, line, T0, t.now, &t.capture,
                                           &t.r, &t.err));
    assert_string_equal(said(&t),
                        "{\"ID\":2,\"Key\":{\"Name\":[\"A\",\"B\",\"EUR=\","
                        "\"C\",\"D\",\"E\",\"F\",\"BADRIC\"]}}\n");
    assert_ok(hear(&t, BATCH_TAKEN(2)));
    while (rest.len != 0 && wd_str_split(&rest, '\n', &line)) {
        assert_ok(ingestion_lseg_session_frame(t.s, line, T0, t.now, &t.capture,
                                               &t.r, &t.err));
    }
    assert_string_equal(said(&t), "{\"Type\":\"Pong\"}\n");

    c = counts(&t);
    assert_int_equal(c.open, 1);
    assert_int_equal(c.closed, 1);
    assert_int_equal(c.asked, 6);
    assert_int_equal(c.messages, 18);
    assert_int_equal(t.r.n_quotes, 14);
    assert_view(t.r.quotes[0].symbol, "EUR=");
    assert_true(t.r.quotes[0].bid == 1.0566);
    assert_true(t.r.quotes[13].ask == 1.057);
    assert_true(t.r.quotes[13].open == 1.0525);
    assert_int_equal(ingestion_lseg_session_troubles(t.s, trouble, 2), 1);
    assert_string_equal(trouble[0].ric, "BADRIC");
    assert_int_equal(trouble[0].class, WD_ANSWER_NOT_FOUND);
    assert_string_equal(trouble[0].text, "The record could not be found");
    wd_buf_done(&file);
    done(&t);
}


/* ---- the login ----------------------------------------------------------------------- */

static void
test_login_refused(void **state)
{
    size_t i;
    char   text[300];
    talk_t t;

    static const struct {
        const char *code;
        int         rc;
    } rows[] = {
        {"UserUnknownToPermSys", WD_EUNAUTH},
        {"NotEntitled", WD_EFORBIDDEN},
        {"MaxLoginsReached", WD_ELIMIT},
        {"Timeout", WD_EUNAVAIL},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        begin(&t, &conf);
        want(&t, "A");
        assert_ok(ingestion_lseg_session_open(t.s, WD_STR("token-1"), t.now));
        said(&t);
        snprintf(text, sizeof(text),
                 "[{\"ID\":1,\"Type\":\"Status\",\"Domain\":\"Login\","
                 "\"State\":{\"Stream\":\"Closed\",\"Data\":\"Suspect\","
                 "\"Code\":\"%s\",\"Text\":\"token=abc no\"}}]",
                 rows[i].code);
        assert_int_equal(hear(&t, text), rows[i].rc);
        assert_has(t.err.text, rows[i].code);
        assert_null(strstr(t.err.text, "abc"));
        assert_string_equal(said(&t), ""); /* nothing is asked for */
        assert_int_equal(t.capture.len, 0);
        done(&t);
    }
}


static void
test_login_late(void **state)
{
    talk_t t;

    (void) state;
    begin(&t, &conf);
    want(&t, "A");
    assert_ok(tick(&t, 100 * S)); /* there is no connection */
    assert_string_equal(said(&t), "");
    assert_ok(ingestion_lseg_session_open(t.s, WD_STR("token-1"), t.now));
    said(&t);
    assert_ok(tick(&t, 9 * S));
    assert_int_equal(tick(&t, S), WD_ETIMEOUT);
    assert_int_equal(ingestion_lseg_session_open(t.s, WD_STR(""), t.now),
                     WD_EINVAL);
    done(&t);
}


static void
test_renewal(void **state)
{
    talk_t t;

    (void) state;
    begin(&t, &conf);
    assert_ok(ingestion_lseg_session_renew(t.s, WD_STR("unused")));
    log_in(&t);
    assert_ok(ingestion_lseg_session_renew(t.s, WD_STR("token-2")));
    assert_string_equal(
        said(&t),
        "{\"ID\":1,\"Domain\":\"Login\",\"Key\":{\"NameType\":\"AuthnToken\","
        "\"Elements\":{\"ApplicationId\":\"256\",\"Position\":"
        "\"192.0.2.1/net\",\"AuthenticationToken\":\"token-2\"}},"
        "\"Refresh\":false}\n");

    /* A newer one before the login was answered goes behind the answer. */
    ingestion_lseg_session_lost(t.s);
    assert_ok(ingestion_lseg_session_open(t.s, WD_STR("token-3"), t.now));
    assert_has(said(&t), "\"token-3\"}}}\n");
    assert_ok(ingestion_lseg_session_renew(t.s, WD_STR("token-4")));
    assert_string_equal(said(&t), "");
    assert_ok(hear(&t, LOGIN_OK));
    assert_has(said(&t), "\"token-4\"}},\"Refresh\":false}\n");
    assert_int_equal(
        hear(&t, "[{\"ID\":1,\"Type\":\"Status\",\"Domain\":\"Login\","
                 "\"State\":{\"Stream\":\"Closed\",\"Data\":\"Suspect\","
                 "\"Code\":\"UserUnknownToPermSys\"}}]"),
        WD_EUNAUTH);
    done(&t);
}


static void
test_login_suspect(void **state)
{
    talk_t t;

    (void) state;
    begin(&t, &conf);
    log_in(&t);
    assert_false(counts(&t).login_suspect);
    assert_ok(hear(&t,
                   "[{\"ID\":1,\"Type\":\"Status\",\"Domain\":\"Login\","
                   "\"State\":{\"Stream\":\"Open\",\"Data\":\"Suspect\"}}]"));
    assert_true(counts(&t).login_suspect);
    assert_ok(hear(&t, LOGIN_OK));
    assert_false(counts(&t).login_suspect);
    done(&t);
}


/* ---- silence ------------------------------------------------------------------------ */

static void
test_silence(void **state)
{
    talk_t t;

    (void) state;
    begin(&t, &conf);
    log_in(&t);
    assert_ok(tick(&t, 29 * S));
    assert_string_equal(said(&t), "");
    assert_ok(tick(&t, S)); /* as long as the server's longest */
    assert_string_equal(said(&t), "{\"Type\":\"Ping\"}\n");
    assert_ok(tick(&t, 20 * S));
    assert_string_equal(said(&t), ""); /* once is enough */
    assert_ok(hear(&t, "[{\"Type\":\"Pong\"}]"));
    assert_ok(tick(&t, 30 * S));
    assert_string_equal(said(&t), "{\"Type\":\"Ping\"}\n");
    assert_ok(hear(&t, "")); /* of older servers */
    assert_ok(hear(&t, " \n"));
    assert_ok(tick(&t, 59 * S));
    assert_int_equal(tick(&t, S), WD_ETIMEOUT);
    assert_has(t.err.text, "60 s");
    done(&t);
}


/* ---- items ----------------------------------------------------------------------------- */

static void
test_batches(void **state)
{
    talk_t                t;
    ingestion_lseg_conf_t c = conf;

    (void) state;
    c.batch = 2;
    c.window = 3;
    c.service = "ELEKTRON_DD";
    begin(&t, &c);
    want(&t, "A B C D E A");
    log_in(&t);
    /* three at a time: two together, one alone */
    assert_string_equal(said(&t), "{\"ID\":2,\"Key\":{\"Name\":[\"A\",\"B\"],"
                                  "\"Service\":\"ELEKTRON_DD\"}}\n"
                                  "{\"ID\":5,\"Key\":{\"Name\":\"C\","
                                  "\"Service\":\"ELEKTRON_DD\"}}\n");
    assert_ok(hear(&t, BATCH_TAKEN(2)));
    assert_string_equal(said(&t), "");
    assert_ok(hear(&t, "[" REFRESH(3, "A", "\"BID\":1") "]"));
    assert_string_equal(said(&t), "{\"ID\":6,\"Key\":{\"Name\":\"D\","
                                  "\"Service\":\"ELEKTRON_DD\"}}\n");
    assert_ok(hear(&t, "[" REFRESH(4, "B", "\"BID\":1") "," REFRESH(
                           5, "C", "\"BID\":1") "]"));
    assert_string_equal(said(&t), "{\"ID\":7,\"Key\":{\"Name\":\"E\","
                                  "\"Service\":\"ELEKTRON_DD\"}}\n");
    assert_int_equal(counts(&t).open, 3);
    assert_int_equal(counts(&t).asked, 2);
    assert_int_equal(counts(&t).items, 5);
    done(&t);
}


/* A server without batches: what it refuses is asked for one by one. */
static void
test_batch_refused(void **state)
{
    int    way;
    talk_t t;

    (void) state;
    for (way = 0; way < 2; way++) {
        begin(&t, &conf);
        want(&t, "A B");
        log_in(&t);
        assert_has(said(&t), "[\"A\",\"B\"]");
        assert_ok(hear(&t, way == 0
                               ? STATUS(2, "Closed", "Suspect", "UsageError")
                               : "[{\"ID\":2,\"Type\":\"Error\",\"Text\":"
                                 "\"no batches\"}]"));
        assert_int_equal(counts(&t).waiting, 2);
        assert_ok(tick(&t, 2 * S));
        assert_string_equal(said(&t), "{\"ID\":5,\"Key\":{\"Name\":\"A\"}}\n"
                                      "{\"ID\":6,\"Key\":{\"Name\":\"B\"}}\n");
        /* one that is none even alone */
        assert_ok(hear(&t, "[{\"ID\":6,\"Type\":\"Error\",\"Text\":\"no\"}]"));
        assert_int_equal(counts(&t).closed, 1);
        assert_int_equal(
            hear(&t, "[{\"ID\":77,\"Type\":\"Error\",\"Text\":\"no\"}]"),
            WD_EPROTO);
        done(&t);
    }
}


static void
test_rics_change(void **state)
{
    size_t   bad;
    char     longest[WD_RECORD_SYMBOL_MAX + 2];
    talk_t   t;
    wd_str_t rics[] = {WD_STR("B"),
                       WD_STR(""),
                       WD_STR("a b"),
                       WD_STR("x\ny"),
                       wd_str(longest, sizeof(longest) - 1),
                       WD_STR("ESc1")};

    (void) state;
    memset(longest, 'L', sizeof(longest));
    begin(&t, &conf);
    want(&t, "A B");
    log_in(&t);
    said(&t);
    assert_ok(hear(&t, "[" REFRESH(3, "A", "\"BID\":1") "," REFRESH(
                           4, "B", "\"BID\":1") "]"));
    assert_int_equal(t.r.n_quotes, 2);

    assert_ok(ingestion_lseg_session_rics(t.s, rics, wd_array_len(rics), &bad));
    assert_int_equal(bad, 4);
    assert_string_equal(said(&t), "{\"ID\":3,\"Type\":\"Close\"}\n"
                                  "{\"ID\":5,\"Key\":{\"Name\":\"ESc1\"}}\n");
    assert_int_equal(counts(&t).items, 2);

    /* what was on its way */
    wd_buf_reset(&t.capture);
    assert_ok(hear(&t, "[" UPDATE(3, "\"BID\":2") "]"));
    assert_int_equal(t.r.n_quotes, 2);
    assert_int_equal(counts(&t).stray, 1);
    assert_int_equal(t.capture.len, 0);

    want(&t, ""); /* nothing at all, and again */
    assert_string_equal(said(&t), "{\"ID\":4,\"Type\":\"Close\"}\n"
                                  "{\"ID\":5,\"Type\":\"Close\"}\n");
    assert_int_equal(counts(&t).items, 0);
    want(&t, "A");
    assert_string_equal(said(&t), "{\"ID\":6,\"Key\":{\"Name\":\"A\"}}\n");
    done(&t);
}


static void
test_states(void **state)
{
    int                      i;
    talk_t                   t;
    wd_ns_t                  waited, before = 0;
    ingestion_lseg_trouble_t trouble[2];

    (void) state;
    begin(&t, &conf);
    want(&t, "A");
    log_in(&t);
    said(&t);

    /* A source that is away: nothing is late, nothing is asked again. */
    assert_ok(hear(&t, STATUS(2, "Open", "Suspect", "None")));
    assert_int_equal(counts(&t).suspect, 1);
    assert_ok(tick(&t, 20 * S));
    assert_string_equal(said(&t), "");

    assert_ok(hear(&t, "[" REFRESH(2, "A", "\"BID\":1") "]"));
    assert_int_equal(counts(&t).open, 1);
    assert_int_equal(t.r.n_quotes, 1);
    assert_ok(hear(&t, STATUS(2, "Open", "Suspect", "None")));
    assert_ok(hear(&t, "[" UPDATE(2, "\"BID\":2") "]"));
    assert_int_equal(counts(&t).suspect, 1);
    assert_int_equal(t.r.n_quotes, 1);
    assert_ok(hear(&t, STATUS(2, "Open", "Ok", "None")));
    assert_int_equal(counts(&t).open, 1);

    /* Closed for now, several times: longer and longer, up to the most. */
    for (i = 0; i < 6; i++) {
        char frame[200];

        snprintf(frame, sizeof(frame),
                 "[{\"ID\":%d,\"Type\":\"Status\",\"State\":{\"Stream\":"
                 "\"ClosedRecover\",\"Data\":\"Suspect\",\"Text\":\"gone\"}}]",
                 2 + i);
        assert_ok(hear(&t, frame));
        assert_int_equal(counts(&t).waiting, 1);
        for (waited = 0; said(&t)[0] == '\0'; waited += S / 10) {
            assert_ok(hear(&t, "[{\"Type\":\"Pong\"}]"));
            assert_ok(tick(&t, S / 10));
        }
        assert_true(waited <= 8 * S + S / 10);
        assert_true(i < 1 || i > 3 || waited > before / 2);
        assert_true(waited >= ((wd_ns_t) 1 << i) * S / 2 || waited >= 4 * S);
        before = waited;
    }
    assert_int_equal(ingestion_lseg_session_troubles(t.s, trouble, 2), 0);
    assert_int_equal(counts(&t).asked, 1);

    /* For good: much later. */
    assert_ok(hear(&t, STATUS(8, "Closed", "Suspect", "NotEntitled")));
    assert_int_equal(counts(&t).closed, 1);
    assert_int_equal(ingestion_lseg_session_troubles(t.s, trouble, 2), 1);
    assert_int_equal(trouble[0].class, WD_ANSWER_PERMISSION);
    for (waited = 0; said(&t)[0] == '\0'; waited += 20 * S) {
        assert_ok(hear(&t, "[{\"Type\":\"Pong\"}]"));
        assert_ok(tick(&t, 20 * S));
    }
    assert_true(waited >= 1800 * S && waited <= 3620 * S);
    done(&t);
}


static void
test_no_answer(void **state)
{
    talk_t t;

    (void) state;
    begin(&t, &conf);
    want(&t, "A B");
    log_in(&t);
    said(&t);
    assert_ok(hear(&t, "[" REFRESH(3, "A", "\"BID\":1") "]"));
    assert_ok(tick(&t, 10 * S));
    assert_string_equal(said(&t), "{\"ID\":4,\"Type\":\"Close\"}\n");
    assert_int_equal(counts(&t).waiting, 1);
    assert_ok(tick(&t, S));
    assert_string_equal(said(&t), "{\"ID\":5,\"Key\":{\"Name\":\"B\"}}\n");
    assert_ok(hear(&t, "[" REFRESH(4, "B", "\"BID\":1") "]")); /* too late */
    assert_int_equal(counts(&t).open, 1);
    assert_int_equal(counts(&t).stray, 1);
    done(&t);
}


/* All of it is asked for again; what is closed waits. */
static void
test_reconnect(void **state)
{
    talk_t t;

    (void) state;
    begin(&t, &conf);
    want(&t, "A B C");
    log_in(&t);
    said(&t);
    assert_ok(hear(&t, "[" REFRESH(3, "A", "\"BID\":1") "]"));
    assert_ok(hear(&t, STATUS(4, "Closed", "Suspect", "NotFound")));
    ingestion_lseg_session_lost(t.s);
    assert_int_equal(counts(&t).state, INGESTION_LSEG_AWAY);
    assert_int_equal(counts(&t).waiting, 2);
    assert_int_equal(counts(&t).closed, 1);
    assert_string_equal(said(&t), "");
    ingestion_lseg_session_lost(t.s); /* harmless */

    log_in(&t);
    assert_has(said(&t), "{\"ID\":2,\"Key\":{\"Name\":[");
    assert_null(strstr(wd_buf_cstr(&t.out), "\"B\""));
    assert_int_equal(counts(&t).asked, 2);
    done(&t);
}


static void
test_bad_frames(void **state)
{
    talk_t t;

    (void) state;
    begin(&t, &conf);
    want(&t, "A");
    log_in(&t);
    said(&t);
    assert_ok(hear(&t, "[7,{\"Type\":\"Novelty\",\"ID\":2}," REFRESH(
                           2, "A", "\"BID\":1") "]"));
    assert_int_equal(counts(&t).open, 1);
    assert_int_equal(hear(&t, "[" UPDATE(2, "\"BID\":2") ",{\"ID\""),
                     WD_EPROTO);
    assert_has(wd_buf_cstr(&t.capture), "\"bad\":\"[{\\\"ID\\\":2,");
    assert_int_equal(hear(&t, "{\"Type\":\"Ping\"}"), WD_EPROTO);
    assert_int_equal(hear(&t, "<html>"), WD_EPROTO);

    /* Nothing that may be a login is kept, however damaged. */
    assert_int_equal(hear(&t, "[{\"ID\":1,\"Domain\":\"Login\",\"Key\":{"
                              "\"Name\":\"AQIC-secret\""),
                     WD_EPROTO);
    assert_ok(hear(&t, "[{\"ID\":1,\"Type\":\"X\",\"Domain\":\"Login\",\"Key\":"
                       "{\"Name\":\"AQIC-secret\"}}]"));
    assert_null(strstr(wd_buf_cstr(&t.capture), "AQIC"));
    done(&t);
}


/* ---- the archive says the same --------------------------------------------------------- */

static bool
same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}


static void
assert_same_quotes(const wd_records_t *a, size_t from, const wd_records_t *b)
{
    size_t i;

    for (i = 0; i < b->n_quotes; i++) {
        const wd_quote_rec_t *x = &a->quotes[from + i], *y = &b->quotes[i];

        assert_true(wd_str_eq(x->symbol, y->symbol));
        assert_int_equal(x->time, y->time);
        assert_true(same(x->price, y->price) && same(x->bid, y->bid)
                    && same(x->ask, y->ask) && same(x->open, y->open)
                    && same(x->bid_size, y->bid_size)
                    && same(x->ask_size, y->ask_size)
                    && same(x->volume, y->volume) && same(x->high, y->high)
                    && same(x->low, y->low)
                    && same(x->previous_close, y->previous_close));
    }
}


static void
assert_same_trades(const wd_records_t *a, size_t from, const wd_records_t *b)
{
    size_t i;

    for (i = 0; i < b->n_trades; i++) {
        const wd_trade_rec_t *x = &a->trades[from + i], *y = &b->trades[i];

        assert_true(wd_str_eq(x->symbol, y->symbol));
        assert_int_equal(x->time, y->time);
        assert_true(same(x->price, y->price) && same(x->size, y->size));
    }
}


#define ITEMS 8

/* A message about one of the items that is likely to be, or nearly one. */
static void
any_message(wd_buf_t *out)
{
    int      id = (int) (3 + wd_test_below(ITEMS));
    unsigned what = (unsigned) wd_test_below(20);
    double   v = (double) wd_test_below(100000) / 1000;

    static const char *const fields[] = {"BID",      "ASK",      "BIDSIZE",
                                         "TRDPRC_1", "TRDVOL_1", "HIGH_1",
                                         "ACVOL_1",  "OTHER"};
    const char              *f = fields[wd_test_below(wd_array_len(fields))];
    const char              *g = fields[wd_test_below(wd_array_len(fields))];

    if (what < 12) {
        wd_buf_printf(out,
                      "{\"ID\":%d,\"Type\":\"Update\",\"UpdateType\":\"%s\","
                      "\"Fields\":{\"%s\":%.17g,\"%s\":%s}}",
                      id, what < 6 ? "Trade" : "Quote", f, v, g,
                      what == 11 ? "null" : "7.25");
    } else if (what < 15) {
        wd_buf_printf(out,
                      "{\"ID\":%d,\"Type\":\"Refresh\",\"Key\":{\"Name\":"
                      "\"R%d\"},\n \"Complete\":%s,\"PartNumber\":%d,\"State\":"
                      "{\"Stream\":\"Open\",\"Data\":\"Ok\"},\"Fields\":{"
                      "\"BID\":%.17g,\"%s\":1e-3}}",
                      id, id, what == 12 ? "false" : "true", what == 13 ? 1 : 0,
                      v, f);
    } else if (what < 17) {
        wd_buf_printf(out,
                      "{\"ID\":%d,\"Type\":\"Status\",\"State\":{\"Stream\":"
                      "\"Open\",\"Data\":\"%s\"}}",
                      id, what == 15 ? "Suspect" : "Ok");
    } else if (what == 17) {
        wd_buf_printf(out,
                      "{\"ID\":%d,\"Type\":\"Update\",\"DoNotCache\":true,"
                      "\"Fields\":{\"BID\":%.17g}}",
                      id, v);
    } else if (what == 18) {
        wd_buf_printf(out,
                      "{\"ID\":%d,\"Type\":\"Update\",\"Fields\":{\"BID\":"
                      "\"none of the figures\"}}",
                      id);
    } else {
        wd_buf_z(out, "{\"Type\":\"Ping\"}");
    }
}


/* Whatever the borders: together the texts give what was heard. */
static void
test_archive(void **state)
{
    int          i, k, texts = 0;
    size_t       quotes = 0, trades = 0;
    talk_t       t;
    wd_buf_t     frame = WD_BUF_INIT;
    wd_records_t r;

    (void) state;
    begin(&t, &conf);
    want(&t, "R3 R4 R5 R6 R7 R8 R9 R10");
    log_in(&t);
    said(&t);
    assert_int_equal(t.capture.len, 0); /* the login is none of it */
    for (i = 0; i < 20000; i++) {
        t.now += 1000;
        wd_buf_reset(&frame);
        wd_buf_byte(&frame, '[');
        for (k = (int) wd_test_below(3); k >= 0; k--) {
            any_message(&frame);
            wd_buf_z(&frame, k != 0 ? " ,\r\n" : "]");
        }
        assert_ok(hear(&t, wd_buf_cstr(&frame)));
        if (t.capture.len == 0 || wd_test_below(50) != 0) {
            continue;
        }
        wd_records_init(&r, t.pool);
        assert_ok(wd_lseg_capture_parse(wd_buf_view(&t.capture), &r));
        assert_int_equal(quotes + r.n_quotes, t.r.n_quotes);
        assert_int_equal(trades + r.n_trades, t.r.n_trades);
        assert_same_quotes(&t.r, quotes, &r);
        assert_same_trades(&t.r, trades, &r);
        quotes = t.r.n_quotes;
        trades = t.r.n_trades;
        wd_buf_reset(&t.capture);
        ingestion_lseg_session_border(t.s);
        texts++;
    }
    assert_true(texts > 100 && quotes > 1000 && trades > 500);
    wd_buf_done(&frame);
    done(&t);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded),
        cmocka_unit_test(test_login_refused),
        cmocka_unit_test(test_login_late),
        cmocka_unit_test(test_renewal),
        cmocka_unit_test(test_login_suspect),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_batch_refused),
        cmocka_unit_test(test_rics_change),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_no_answer),
        cmocka_unit_test(test_reconnect),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_archive),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
