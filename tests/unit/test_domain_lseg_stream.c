/*
 * test_domain_lseg_stream.c - LSEG's streaming frames as events, and streams
 * as quotes and trades: logins, states, parts, suspect data.
 */
#include "wd_test_records.h"

#include "wd_lseg_image.h"
#include "wd_pool.h"

#include <math.h>

typedef struct {
    wd_pool_t       *pool;
    wd_lseg_events_t ev;
    wd_records_t     r;
    wd_lseg_image_t  image;
    wd_lseg_next_e   next;
    wd_ns_t          received;
} stream_t;


static void
begin(stream_t *s)
{
    memset(s, 0, sizeof(*s));
    s->pool = wd_pool_create(4096);
    assert_non_null(s->pool);
    wd_records_init(&s->r, s->pool);
    assert_true(wd_lseg_image_init(&s->image, WD_STR("EUR=")));
    s->received = wd_test_time("2022-06-22T13:54:01Z");
}


static void
done(stream_t *s)
{
    wd_pool_destroy(s->pool);
}


static int
frame(stream_t *s, const char *text)
{
    wd_error_t err;

    return wd_lseg_stream_parse(wd_str_z(text), s->pool, &s->ev, &err);
}


/* A frame of one message; returns that. */
static const wd_lseg_event_t *
one(stream_t *s, const char *text)
{
    assert_ok(frame(s, text));
    assert_int_equal(s->ev.n, 1);
    return &s->ev.events[0];
}


/* All messages of a frame into the image. */
static void
feed(stream_t *s, const char *text)
{
    size_t i;

    assert_ok(frame(s, text));
    for (i = 0; i < s->ev.n; i++) {
        assert_true(s->ev.events[i].kind != WD_LSEG_EV_STRANGE);
        assert_ok(wd_lseg_image_apply(&s->image, &s->ev.events[i], s->received,
                                      &s->r, &s->next));
    }
}


#define OK_STATE "\"State\":{\"Stream\":\"Open\",\"Data\":\"Ok\"}"
#define REFRESH(more, fields)                                               \
    "{\"ID\":5,\"Type\":\"Refresh\",\"Key\":{\"Service\":\"IDN\",\"Name\":" \
    "\"EUR=\"}," more ",\"Fields\":{" fields "}}"
#define UPDATE(more, fields) \
    "{\"ID\":5,\"Type\":\"Update\"," more "\"Fields\":{" fields "}}"
#define STATUS(state) "[{\"ID\":5,\"Type\":\"Status\",\"State\":{" state "}}]"
#define WHOLE                                                             \
    REFRESH(OK_STATE, "\"BID\":1.0566,\"ASK\":1.057,\"OPEN_PRC\":1.0525," \
                      "\"HST_CLOSE\":1.05,\"TIMACT\":\"13:54:00\"")


static void
test_login(void **state)
{
    stream_t               s;
    const wd_lseg_event_t *e;

    (void) state;
    begin(&s);
    e = one(&s, "[{\"ID\":1,\"Type\":\"Refresh\",\"Domain\":\"Login\",\"Key\":"
                "{\"Name\":\"u\",\"Elements\":{\"PingTimeout\":9}}," OK_STATE
                ",\"Elements\":{\"PingTimeout\":30,\"MaxMsgSize\":61430}}]");
    assert_int_equal(e->kind, WD_LSEG_EV_LOGIN_ACCEPTED);
    assert_int_equal(e->ping_timeout_s, 30);
    assert_int_equal(e->max_message, 61430);
    assert_int_equal(e->class, WD_ANSWER_OK);

    e = one(&s, "[{\"ID\":1,\"Type\":\"Status\",\"Domain\":\"Login\",\"State\":"
                "{\"Stream\":\"Closed\",\"Data\":\"Suspect\",\"Code\":"
                "\"UserUnknownToPermSys\",\"Text\":\"token=abc123 denied\"}}]");
    assert_int_equal(e->kind, WD_LSEG_EV_LOGIN_REFUSED);
    assert_int_equal(e->class, WD_ANSWER_AUTH);
    assert_string_equal(e->text, "token=[redacted] denied");

    e = one(&s, "[{\"ID\":1,\"Type\":\"Status\",\"Domain\":\"Login\",\"State\":"
                "{\"Stream\":\"Open\",\"Data\":\"Suspect\"}}]");
    assert_int_equal(e->kind, WD_LSEG_EV_LOGIN_STATUS);
    assert_int_equal(e->data, WD_LSEG_DATA_SUSPECT);

    e = one(&s,
            "[{\"ID\":1,\"Type\":\"Refresh\",\"Domain\":\"Login\",\"State\":"
            "{\"Stream\":\"ClosedRecover\",\"Code\":\"TooManyItems\"}}]");
    assert_int_equal(e->kind, WD_LSEG_EV_LOGIN_REFUSED);
    assert_int_equal(e->class, WD_ANSWER_LIMIT_SHORT);
    done(&s);
}


static void
test_messages(void **state)
{
    stream_t               s;
    const wd_lseg_event_t *e;

    (void) state;
    begin(&s);
    assert_ok(frame(
        &s, " [ {\"Type\":\"Ping\"}, {\"Type\":\"Pong\"}, {\"ID\":"
            "1,\"Type\":\"Ack\",\"AckID\":7,\"NakCode\":"
            "\"DeniedBySrc\",\"Text\":\"[502]: Unknown Fid\"},"
            "{\"Type\":\"Error\",\"Text\":\"JSON\"}," WHOLE
            "," UPDATE("\"UpdateType\":\"Trade\",\"SeqNumber\":9,"
                       "\"DoNotCache\":true,\"New\":[{}],",
                       "\"TRDPRC_1\":1,\"A\":null,\"B\":[1],\"C\":{}") "] "));
    assert_int_equal(s.ev.n, 6);
    assert_int_equal(s.ev.events[0].kind, WD_LSEG_EV_PING);
    assert_int_equal(s.ev.events[1].kind, WD_LSEG_EV_PONG);
    e = &s.ev.events[2];
    assert_int_equal(e->kind, WD_LSEG_EV_ACK);
    assert_int_equal(e->ack_id, 7);
    assert_view(e->code, "DeniedBySrc");
    assert_int_equal(e->class, WD_ANSWER_PERMISSION);
    assert_int_equal(s.ev.events[3].kind, WD_LSEG_EV_ERROR);
    assert_string_equal(s.ev.events[3].text, "JSON");
    e = &s.ev.events[4];
    assert_int_equal(e->kind, WD_LSEG_EV_REFRESH);
    assert_int_equal(e->id, 5);
    assert_view(e->domain, "MarketPrice");
    assert_view(e->name, "EUR=");
    assert_view(e->service, "IDN");
    assert_true(e->complete && e->solicited && e->part == -1);
    assert_int_equal(e->n_fields, 5);
    e = &s.ev.events[5];
    assert_view(e->update_type, "Trade");
    assert_int_equal(e->sequence, 9);
    assert_true(e->do_not_cache && !e->clear_cache);
    assert_int_equal(e->n_fields, 4);
    assert_int_equal(e->fields[1].value.type, WD_JS_NULL);
    assert_view(e->fields[2].value.text, "[");
    done(&s);
}


/* Wrong types at every place: such a message alone is strange. */
static void
test_strange(void **state)
{
    size_t   i;
    char     text[512];
    stream_t s;

    static const char *const bad[] = {
        "7",
        "null",
        "[]",
        "\"Ping\"",
        "{}",
        "{\"Type\":7}",
        "{\"Type\":null}",
        "{\"Type\":[\"Ping\"]}",
        "{\"Type\":\"Novelty\",\"ID\":1}",
        "{\"Type\":\"Update\"}",
        "{\"Type\":\"Update\",\"ID\":\"5\"}",
        "{\"Type\":\"Update\",\"ID\":-1}",
        "{\"Type\":\"Update\",\"ID\":1.5}",
        "{\"Type\":\"Update\",\"ID\":1e999}",
        "{\"Type\":\"Update\",\"ID\":99999999999999999999}",
        "{\"Type\":\"Update\",\"ID\":{}}",
        "{\"Type\":\"Update\",\"ID\":5,\"Domain\":7}",
        "{\"Type\":\"Update\",\"ID\":5,\"Complete\":\"yes\"}",
        "{\"Type\":\"Update\",\"ID\":5,\"Key\":{\"Name\":7}}",
        "{\"Type\":\"Update\",\"ID\":5,\"Key\":{\"Name\":\"\xff\"}}",
        "{\"Type\":\"Update\",\"ID\":5,\"PartNumber\":true}",
        "{\"Type\":\"Status\",\"ID\":5,\"State\":{\"Stream\":\"Ajar\"}}",
        "{\"Type\":\"Status\",\"ID\":5,\"State\":{\"Stream\":1}}",
        "{\"Type\":\"Status\",\"ID\":5,\"State\":{\"Data\":\"Maybe\"}}",
        "{\"Type\":\"Status\",\"ID\":5,\"State\":{\"Text\":[]}}",
        "{\"Type\":\"Refresh\",\"ID\":5,\"Elements\":{\"PingTimeout\":\"x\"}}",
    };

    (void) state;
    begin(&s);
    for (i = 0; i < wd_array_len(bad); i++) {
        snprintf(text, sizeof(text),
                 "[{\"Type\":\"Ping\"},%s,{\"Type\":"
                 "\"Pong\"}]",
                 bad[i]);
        assert_ok(frame(&s, text));
        assert_int_equal(s.ev.n, 3);
        if (s.ev.events[1].kind != WD_LSEG_EV_STRANGE
            || s.ev.events[1].text[0] == '\0' || s.ev.events[1].n_fields) {
            fail_msg("%s: kind %d", bad[i], (int) s.ev.events[1].kind);
        }
        assert_int_equal(s.ev.events[2].kind, WD_LSEG_EV_PONG);
    }
    done(&s);
}


static void
test_bad_frames(void **state)
{
    size_t     i;
    char      *large;
    stream_t   s;
    wd_error_t err;

    static const struct {
        const char *text;
        int         rc;
        size_t      n;
    } rows[] = {
        {"", WD_ETRUNC, 0},
        {" ", WD_ETRUNC, 0},
        {"{\"Type\":\"Ping\"}", WD_EPROTO, 0},
        {"7", WD_EPROTO, 0},
        {"[{\"Type\":\"Ping\"},{\"Type\":nope}]", WD_EPROTO, 1},
        {"[{\"Type\":\"Ping\"}] x", WD_EPROTO, 1},
        {"[{\"Type\":\"Ping\"},", WD_ETRUNC, 1},
        {"[]", WD_OK, 0},
    };

    (void) state;
    begin(&s);
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_int_equal(frame(&s, rows[i].text), rows[i].rc);
        assert_int_equal(s.ev.n, rows[i].n);
    }

    large = calloc(1, WD_LSEG_FRAME_MAX + 1);
    memset(large, ' ', WD_LSEG_FRAME_MAX + 1);
    assert_int_equal(wd_lseg_stream_parse(wd_str(large, WD_LSEG_FRAME_MAX + 1),
                                          s.pool, &s.ev, &err),
                     WD_ETOOBIG);
    large[0] = '[';
    for (i = 0; i <= WD_LSEG_MESSAGES_MAX; i++) {
        memcpy(large + 1 + i * 2, "7,", 2);
    }
    assert_int_equal(
        wd_lseg_stream_parse(wd_str(large, 100000), s.pool, &s.ev, &err),
        WD_ETOOBIG);
    assert_int_equal(s.ev.n, WD_LSEG_MESSAGES_MAX);
    free(large);
    done(&s);
}


static void
test_too_many_fields(void **state)
{
    size_t   i, n = 0;
    char    *text = malloc(100000);
    stream_t s;

    (void) state;
    begin(&s);
    n = (size_t) sprintf(text, "[{\"ID\":5,\"Type\":\"Update\",\"Fields\":{");
    for (i = 0; i <= WD_LSEG_FIELDS_MAX; i++) {
        n += (size_t) sprintf(text + n, "%s\"F%zu\":1", i != 0 ? "," : "", i);
    }
    sprintf(text + n, "}}]");
    assert_int_equal(one(&s, text)->kind, WD_LSEG_EV_STRANGE);
    free(text);
    done(&s);
}


static void
test_every_cut(void **state)
{
    size_t     n;
    stream_t   s;
    wd_error_t err;

    static const char body[] = "[{\"Type\":\"Ping\"}," WHOLE
                               "," UPDATE("", "\"BID\":2") "]";

    (void) state;
    begin(&s);
    for (n = 0; n < sizeof(body) - 1; n++) {
        char *copy = malloc(n != 0 ? n : 1);

        memcpy(copy, body, n);
        assert_int_equal(
            wd_lseg_stream_parse(wd_str(copy, n), s.pool, &s.ev, &err),
            WD_ETRUNC);
        assert_true(s.ev.n <= 3);
        free(copy);
    }
    done(&s);
}


static void
test_image(void **state)
{
    stream_t              s;
    const wd_quote_rec_t *q;

    (void) state;
    begin(&s);
    feed(&s, "[" UPDATE("", "\"BID\":9") "]"); /* without a refresh */
    assert_int_equal(s.r.n_quotes, 0);

    feed(&s, "[" WHOLE
             "," UPDATE("\"UpdateType\":\"Quote\",",
                        "\"BID\":1.0567,\"TIMACT\":"
                        "\"13:54:01\"") "," UPDATE("", "\"OTHER\":1") "]");
    assert_int_equal(s.r.n_quotes, 2);
    assert_int_equal(s.r.n_trades, 0);
    q = &s.r.quotes[0];
    assert_view(q->symbol, "EUR=");
    assert_true(q->bid == 1.0566 && q->ask == 1.057 && q->open == 1.0525
                && q->previous_close == 1.05 && isnan(q->price)
                && isnan(q->volume));
    assert_true(q->time == wd_test_time("2022-06-22T13:54:00Z") && !q->is_date);
    q = &s.r.quotes[1];
    assert_true(q->bid == 1.0567 && q->ask == 1.057);
    assert_true(q->time == wd_test_time("2022-06-22T13:54:01Z"));

    /* Blank is said with null. */
    feed(&s, "[" UPDATE("", "\"ASK\":null") "]");
    assert_true(isnan(s.r.quotes[2].ask) && s.r.quotes[2].bid == 1.0567);
    assert_true(s.r.quotes[2].time == s.received);
    done(&s);
}


static void
test_trades(void **state)
{
    stream_t s;

    (void) state;
    begin(&s);
    feed(&s, "[" REFRESH(OK_STATE, "\"TRDPRC_1\":5,\"TRDVOL_1\":100") "]");
    assert_int_equal(s.r.n_trades, 0); /* a last trade is no new one */
    assert_int_equal(s.r.n_quotes, 1);
    assert_true(s.r.quotes[0].price == 5);

    feed(
        &s,
        "[" UPDATE(
            "\"UpdateType\":\"Trade\",",
            "\"TRDPRC_1\":6,\"TRDVOL_1\":7,"
            "\"SALTIM_MS\":50040500,"
            "\"QUOTIM_MS\":1,\"TIMACT\":\"01:00:"
            "00\"") "," UPDATE("\"UpdateType"
                               "\":"
                               "\"Trade\",",
                               "\"TRDPRC_"
                               "1\":8") "," UPDATE("\"UpdateType\":"
                                                   "\"Correction\",",
                                                   "\"TRDPRC_1\":9") "," UPDATE("\"UpdateType\":\"Trade\",",
                                                                                "\"TRDPRC_1\":null") "," UPDATE("\"UpdateType\":\"Trade\",",
                                                                                                                "\"TRDVOL_1\":3") "," UPDATE("",
                                                                                                                                             "\"TRDPRC_1\":10,\"BID\":4") "]");
    assert_int_equal(s.r.n_trades, 3);
    assert_true(s.r.trades[0].price == 6 && s.r.trades[0].size == 7);
    assert_true(s.r.trades[0].time == wd_test_time("2022-06-22T13:54:00.5Z"));
    assert_true(s.r.trades[1].price == 8 && isnan(s.r.trades[1].size));
    assert_true(s.r.trades[2].price == 10);
    assert_int_equal(s.r.n_quotes, 2);
    assert_int_equal(s.r.quotes[1].record, s.r.trades[2].record);
    done(&s);
}


static void
test_times(void **state)
{
    size_t   i;
    char     text[512];
    stream_t s;

    static const struct {
        const char *received;
        const char *fields;
        const char *time; /* NULL: rejected */
    } rows[] = {
        {"2022-06-22T00:00:05Z", "\"TIMACT\":\"23:59:59\"",
         "2022-06-21T23:59:59Z"},
        {"2022-06-21T23:59:58Z", "\"TIMACT_MS\":1000", "2022-06-22T00:00:01Z"},
        {"2022-06-22T10:00:00Z",
         "\"ACTIV_DATE\":\"2022-06-17\",\"TIMACT\":\"20:00:00\"",
         "2022-06-17T20:00:00Z"},
        {"2022-06-22T10:00:00Z", "\"TIMACT\":\"10:00:00.25\"",
         "2022-06-22T10:00:00.25Z"},
        {"2022-06-22T10:00:00Z", "\"TIMACT\":null", "2022-06-22T10:00:00Z"},
        {"1969-12-31T23:00:00Z", "\"TIMACT\":\"22:00:00\"",
         "1969-12-31T22:00:00Z"},
        {"2022-06-22T10:00:00Z", "\"TIMACT\":\"25:00:00\"", NULL},
        {"2022-06-22T10:00:00Z", "\"TIMACT\":\"10:00:00+05:00\"", NULL},
        {"2022-06-22T10:00:00Z", "\"TIMACT\":[]", NULL},
        {"2022-06-22T10:00:00Z", "\"TIMACT\":\"\"", NULL},
        {"2022-06-22T10:00:00Z", "\"TIMACT_MS\":86400000", NULL},
        {"2022-06-22T10:00:00Z", "\"TIMACT_MS\":-1", NULL},
        {"2022-06-22T10:00:00Z", "\"TIMACT_MS\":1.5", NULL},
        {"2022-06-22T10:00:00Z",
         "\"ACTIV_DATE\":\"2022-02-30\",\"TIMACT\":\"20:00:00\"", NULL},
        {"2022-06-22T10:00:00Z", "\"ACTIV_DATE\":7,\"TIMACT\":\"20:00:00\"",
         NULL},
        {"2022-06-22T10:00:00Z",
         "\"ACTIV_DATE\":\"2262-04-11\",\"TIMACT\":\"23:59:59\"", NULL},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        begin(&s);
        s.received = wd_test_time(rows[i].received);
        snprintf(text, sizeof(text), "[" REFRESH(OK_STATE, "\"BID\":1,%s") "]",
                 rows[i].fields);
        feed(&s, text);
        if (rows[i].time == NULL) {
            assert_int_equal(s.r.n_quotes, 0);
            assert_int_equal(s.r.n_rejects, 1);
            assert_int_equal(s.r.rejects[0].reason, WD_REASON_BAD_TIME);
        } else {
            assert_int_equal(s.r.n_quotes, 1);
            assert_true(s.r.quotes[0].time == wd_test_time(rows[i].time));
        }
        done(&s);
    }
}


static void
test_bad_figures(void **state)
{
    size_t   i;
    char     text[512];
    stream_t s;

    static const char *const bad[] = {"1e999", "\"NaN\"", "\"x\"",
                                      "true",  "[1]",     "{\"a\":1}"};

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        begin(&s);
        snprintf(text, sizeof(text),
                 "[" WHOLE "," UPDATE("", "\"BID\":%s,\"ASK\":2") "," UPDATE(
                     "", "\"ASK\":3") "]",
                 bad[i]);
        feed(&s, text);
        assert_int_equal(s.r.n_rejects, 1);
        assert_int_equal(s.r.rejects[0].reason, WD_REASON_NOT_A_NUMBER);
        assert_int_equal(s.r.rejects[0].record, 1);
        assert_int_equal(s.r.n_quotes, 2);
        assert_true(isnan(s.r.quotes[1].bid) && s.r.quotes[1].ask == 3);
        done(&s);
    }
}


static void
test_suspect(void **state)
{
    stream_t s;

    (void) state;
    begin(&s);
    feed(&s, "[" WHOLE "]");
    feed(&s, STATUS("\"Stream\":\"Open\",\"Data\":\"Suspect\""));
    assert_true(s.image.stale && s.image.open);
    feed(&s, "[" UPDATE("", "\"BID\":2") "]");
    assert_int_equal(s.r.n_quotes, 1);
    assert_true(s.image.figures[WD_LSEG_F_BID] == 2);

    /* Sound again, with what came meanwhile. */
    feed(&s, STATUS("\"Stream\":\"Open\",\"Data\":\"Ok\""));
    feed(&s, "[" UPDATE("", "\"ASK\":3") "]");
    assert_int_equal(s.r.n_quotes, 2);
    assert_true(s.r.quotes[1].bid == 2 && s.r.quotes[1].ask == 3);

    feed(&s, "[" REFRESH("\"State\":{\"Stream\":\"Open\",\"Data\":"
                         "\"Suspect\"}",
                         "\"BID\":7") "]");
    assert_true(s.image.stale);
    assert_int_equal(s.r.n_quotes, 2);
    done(&s);
}


static void
test_closed(void **state)
{
    stream_t s;

    (void) state;
    begin(&s);
    feed(&s, "[" WHOLE "]");
    assert_int_equal(s.next, WD_LSEG_KEEP);
    feed(&s, STATUS("\"Stream\":\"ClosedRecover\",\"Data\":\"Suspect\""));
    assert_int_equal(s.next, WD_LSEG_ASK_AGAIN);
    assert_true(s.image.stale && !s.image.open);
    assert_true(s.image.figures[WD_LSEG_F_BID] == 1.0566);
    feed(&s, "[" UPDATE("", "\"BID\":2") "]");
    assert_int_equal(s.r.n_quotes, 1);

    feed(&s, "[" REFRESH(OK_STATE, "\"ASK\":8") "]");
    assert_int_equal(s.r.n_quotes, 2);
    assert_true(isnan(s.r.quotes[1].bid) && s.r.quotes[1].ask == 8);

    feed(&s, STATUS("\"Stream\":\"Closed\",\"Data\":\"Suspect\",\"Code\":"
                    "\"NotFound\""));
    assert_int_equal(s.next, WD_LSEG_GIVE_UP);
    assert_int_equal(s.ev.events[0].class, WD_ANSWER_NOT_FOUND);
    assert_true(isnan(s.image.figures[WD_LSEG_F_ASK]));
    done(&s);
}


/* An unsolicited refresh replaces: what it does not hold is gone. */
static void
test_replaced(void **state)
{
    stream_t s;

    (void) state;
    begin(&s);
    feed(&s, "[" WHOLE
             "," REFRESH("\"Solicited\":false," OK_STATE, "\"ASK\":2") "]");
    assert_int_equal(s.r.n_quotes, 2);
    assert_true(isnan(s.r.quotes[1].bid) && isnan(s.r.quotes[1].open));

    feed(&s, "[" UPDATE("\"DoNotCache\":true,", "\"ASK\":3") "," UPDATE(
                 "", "\"BID\":1") "," UPDATE("\"ClearCache\":true,",
                                             "\"BID\":4") "]");
    assert_true(s.r.quotes[2].ask == 3);
    assert_true(s.r.quotes[3].ask == 2 && s.r.quotes[3].bid == 1);
    assert_true(isnan(s.r.quotes[4].ask) && s.r.quotes[4].bid == 4);
    done(&s);
}


#define PART(n, complete, fields) \
    REFRESH("\"PartNumber\":" n ",\"Complete\":" complete "," OK_STATE, fields)


static void
test_parts(void **state)
{
    stream_t s;

    (void) state;
    begin(&s);
    feed(&s,
         "[" PART("0", "false", "\"BID\":1") "," UPDATE("", "\"BID\":9") "]");
    assert_false(s.image.complete);
    assert_int_equal(s.r.n_quotes, 0);
    feed(&s, "[" PART("1", "false", "\"ASK\":2") "," PART("2", "true",
                                                          "\"BIDSIZE\":3") "]");
    assert_true(s.image.complete);
    assert_int_equal(s.r.n_quotes, 1);
    assert_true(s.r.quotes[0].bid == 1 && s.r.quotes[0].ask == 2
                && s.r.quotes[0].bid_size == 3);

    /* A part is missing: nothing before the next first part. */
    feed(&s,
         "[" PART("0", "false", "\"BID\":1") "," PART(
             "2", "true", "\"ASK\":2") "," PART("3", "true", "\"ASK\":2") "]");
    assert_false(s.image.complete);
    assert_int_equal(s.r.n_quotes, 1);
    feed(&s, "[" PART("0", "true", "\"BID\":5") "]");
    assert_int_equal(s.r.n_quotes, 2);
    assert_true(isnan(s.r.quotes[1].ask));
    done(&s);
}


static void
test_symbols(void **state)
{
    stream_t s;

    (void) state;
    begin(&s);
    feed(&s,
         "[{\"ID\":5,\"Type\":\"Refresh\",\"Key\":{\"Name\":\"GBP=\"}," OK_STATE
         ",\"Fields\":{\"BID\":1}}]");
    assert_int_equal(s.r.n_quotes, 0);
    assert_int_equal(s.r.rejects[0].reason, WD_REASON_SYMBOL_MISMATCH);

    assert_false(wd_lseg_image_init(&s.image, WD_STR("")));
    assert_false(wd_lseg_image_init(
        &s.image, WD_STR("A2345678901234567890123456789012X")));
    assert_true(wd_lseg_image_init(&s.image, WD_STR("a b")));
    feed(&s, "[{\"ID\":5,\"Type\":\"Refresh\"," OK_STATE
             ",\"Fields\":{\"BID\":1}}]");
    assert_int_equal(s.r.n_quotes, 0);
    assert_int_equal(s.r.rejects[1].reason, WD_REASON_BAD_SYMBOL);
    done(&s);
}


static void
test_random_damage(void **state)
{
    char     text[] = "[" WHOLE "," UPDATE("", "\"BID\":2") "]";
    char     copy[sizeof(text)];
    size_t   i, k;
    stream_t s;

    (void) state;
    for (i = 0; i < 3000; i++) {
        begin(&s);
        memcpy(copy, text, sizeof(text));
        for (k = 0; k <= wd_test_below(4); k++) {
            copy[wd_test_below(sizeof(text) - 1)]
                = (char) (1 + wd_test_below(255));
        }
        (void) !frame(&s, copy);
        for (k = 0; k < s.ev.n; k++) {
            assert_ok(wd_lseg_image_apply(&s.image, &s.ev.events[k], s.received,
                                          &s.r, &s.next));
        }
        assert_true(s.r.n_quotes <= 2);
        done(&s);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_login),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_strange),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_image),
        cmocka_unit_test(test_trades),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_bad_figures),
        cmocka_unit_test(test_suspect),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_symbols),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
