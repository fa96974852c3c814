/*
 * test_domain_lseg_parse.c - LSEG's historical pricing as bars, quotes and
 * trades: sets of columns, nulls, statuses, damage, cuts.
 *
 * The figures of GOOG.O, VOD.L and AMD.O are those of real days; the answers
 * around them were written for this test.
 */
#include "wd_test_records.h"

#include "wd_lseg_parse.h"

#include <math.h>

#define H(name) "{\"name\":\"" name "\",\"type\":\"number\"}"
#define EQUITY                                                                   \
    "\"headers\":[{\"name\":\"DATE\",\"type\":\"string\"}," H("TRDPRC_1") "," H( \
        "HIGH_1") "," H("LOW_1") "," H("ACVOL_UNS") "," H("OPEN_PRC") "]"
#define HEAD                                                             \
    "\"universe\":{\"ric\":\"GOOG.O\"},\"interval\":\"P1D\","            \
    "\"summaryTimestampLabel\":\"endPeriod\",\"adjustments\":[\"CCH\"]," \
    "\"defaultPricingField\":\"TRDPRC_1\","
#define ROW10 "[\"2020-01-10\",71.4865,71.74646,70.9175,36431320.0,71.378]"
#define ROW9 "[\"2020-01-09\",70.9915,71.3665,70.5135,30053280.0,71.0285]"
#define ROW8 "[\"2020-01-08\",70.216,70.579,69.542,30583540,69.604]"
#define TAIL                                                               \
    ",\"meta\":{\"blendingEntry\":{" EQUITY                                \
    ",\"data\":[[\"2020-01-13\",1,1,1,1,1],[\"2020-01-14\",1,1,1,1,1]]}}," \
    "\"qos\":{\"timeliness\":\"delayed\"}"
#define DAILY(data) "[{" HEAD EQUITY ",\"data\":[" data "]" TAIL "}]"


static void
parse_z(wd_test_parsed_t *p, wd_lseg_dataset_e dataset, const char *text)
{
    assert_ok(wd_lseg_parse(dataset, wd_test_copy_z(p, text), &p->r));
}


static void
test_names(void **state)
{
    size_t            i;
    wd_lseg_dataset_e d;

    static const char *const names[] = {"interday",
                                        "intraday",
                                        "events",
                                        "esg_basic",
                                        "esg_scores_full",
                                        "esg_scores_standard",
                                        "esg_measures_full",
                                        "esg_measures_standard",
                                        "symbology",
                                        "search"};

    (void) state;
    for (i = 0; i < wd_array_len(names); i++) {
        assert_true(wd_lseg_dataset_by_name(wd_str_z(names[i]), &d));
        assert_int_equal(d, i);
    }
    assert_int_equal(d, WD_LSEG_SEARCH);
    assert_false(wd_lseg_dataset_by_name(WD_STR("daily"), &d));
    assert_false(wd_lseg_dataset_by_name(WD_STR(""), &d));
}


/* Corrections of errors leave prices as traded, anything else does not. */
static void
test_adjusted(void **state)
{
    size_t           i;
    char             text[400];
    wd_test_parsed_t p;

    static const struct {
        const char *list;
        bool        adjusted;
    } cases[] = {
        {"\"adjustments\":[\"exchangeCorrection\",\"manualCorrection\"],",
         false},
        {"\"adjustments\":[\"unadjusted\"],", false},
        {"\"adjustments\":[],", false},
        {"\"adjustments\":null,", false},
        {"", false},
        {"\"adjustments\":[\"exchangeCorrection\",\"CCH\"],", true},
        {"\"adjustments\":[\"XYZ\"],", true},
        {"\"adjustments\":[1],", true}};

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        snprintf(text, sizeof(text),
                 "[{\"universe\":{\"ric\":\"GBP=\"},%s\"headers\":[{\"name\":"
                 "\"DATE\"},{\"name\":\"BID\"}],\"data\":[[\"2022-06-22\","
                 "1.2266]]}]",
                 cases[i].list);
        parse_z(&p, WD_LSEG_INTERDAY, text);
        assert_int_equal(p.r.n_quotes, 1);
        assert_int_equal(p.r.adjusted, cases[i].adjusted);
        wd_test_parsed_done(&p);
    }
}


static void
test_bars(void **state)
{
    wd_test_parsed_t    p;
    const wd_bar_rec_t *b;

    (void) state;
    parse_z(&p, WD_LSEG_INTERDAY, DAILY(ROW10 ", " ROW9));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_bars, 2);
    assert_int_equal(p.r.n_quotes, 0);
    assert_view(p.r.symbol, "GOOG.O");
    assert_view(p.r.interval, "P1D");
    assert_view(p.r.label, "endPeriod");
    assert_null(p.r.zone.data);
    assert_int_equal(p.r.n_fields, 1);
    assert_view(p.r.fields[0].name, "qos.timeliness");
    assert_view(p.r.fields[0].value, "delayed");

    b = &p.r.bars[0];
    assert_true(b->is_date && b->time == wd_test_time("2020-01-10"));
    assert_true(b->open == 71.378 && b->high == 71.74646 && b->low == 70.9175
                && b->close == 71.4865 && b->volume == 36431320);
    assert_true(isnan(b->adjusted_close) && isnan(b->split));
    assert_view(b->sample, ROW10);
    assert_int_equal(p.r.bars[1].record, 1);
    wd_test_parsed_done(&p);
}


/* A minute with trades beside the order book only: a volume, no prices. */
static void
test_minutes(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(
        &p, WD_LSEG_INTRADAY,
        "[{\"universe\":{\"ric\":\"AMD.O\"},\"interval\":\"PT1M\","
        "\"summaryTimestampLabel\":\"startPeriod\",\"headers\":[{\"name\":"
        "\"DATE_TIME\"}," H("HIGH_1") "," H("LOW_1") "," H("OPEN_PRC") "," H(
            "TRDPRC_1") "," H("NUM_MOVES") "," H("ACVOL_"
                                                 "UNS") "],"
                                                        "\"data\":[[\"2022-05-"
                                                        "25T20:01:00."
                                                        "000000000Z\",null,"
                                                        "null,null,null,"
                                                        "null,56358],[\"2022-"
                                                        "05-25T20:00:00."
                                                        "000000000Z\",92.7,92."
                                                        "65,92.7,"
                                                        "92.65,2,1750467],["
                                                        "\"2022-05-25T20:59:00."
                                                        "5+01:00\",1,1,1,1,1,"
                                                        "null]]}]");
    assert_int_equal(p.r.n_bars, 2);
    assert_int_equal(p.r.n_rejected, 1);
    assert_rejected(&p, 0, WD_REASON_MISSING_PRICE, 0);
    assert_view(p.r.zone, "UTC");
    assert_view(p.r.label, "startPeriod");
    assert_true(p.r.bars[0].time == wd_test_time("2022-05-25T20:00:00Z"));
    assert_false(p.r.bars[0].is_date);
    assert_true(p.r.bars[0].close == 92.65);
    assert_true(p.r.bars[1].time == wd_test_time("2022-05-25T19:59:00.5Z"));
    assert_true(isnan(p.r.bars[1].volume));
    wd_test_parsed_done(&p);
}


#define LONDON(default_field)                                                                                                                       \
    "[{\"universe\":{\"ric\":\"VOD.L\"},\"defaultPricingField\":"                                                                                   \
    "\"" default_field                                                                                                                              \
    "\",\"headers\":[{\"name\":\"DATE\"}," H("TRDPRC_1") "," H("MKT_HIGH") "," H("MKT_LOW") "," H(                                                  \
        "MKT_OPEN") "," H("HIGH_1") "," H("OPEN_PRC") "," H("LOW_1") "," H("O"                                                                      \
                                                                           "F"                                                                      \
                                                                           "F"                                                                      \
                                                                           "_"                                                                      \
                                                                           "C"                                                                      \
                                                                           "L"                                                                      \
                                                                           "O"                                                                      \
                                                                           "S"                                                                      \
                                                                           "E") "],\"data\":"                                                       \
                                                                                "[[\"2026-02-19\",113.65,116.65,113.65,116.25,116.65,116.25,114.0," \
                                                                                "115.45]]}]"


/* TRDPRC_1 lies outside of the order book's range that day. */
static void
test_london(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_INTERDAY, LONDON("OFF_CLOSE"));
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].close == 115.45 && p.r.bars[0].low == 114
                && p.r.bars[0].high == 116.65 && p.r.bars[0].open == 116.25);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_INTERDAY, LONDON("TRDPRC_1"));
    assert_true(p.r.bars[0].close == 113.65);
    wd_test_parsed_done(&p);

    parse_z(
        &p, WD_LSEG_INTERDAY,
        "{\"universe\":{\"ric\":\"a\"},\"headers\":[{\"name\":\"DATE\"}," H(
            "TR"
            "DP"
            "RC"
            "_"
            "1") "," H("MKT_HIGH") "," H("MKT_LOW") "," H("MKT_"
                                                          "OPEN") "," H("OPEN_"
                                                                        "PRC") "],"
                                                                               "\"dat"
                                                                               "a\":["
                                                                               "[\"20"
                                                                               "26-"
                                                                               "02-"
                                                                               "19\","
                                                                               "3,4,"
                                                                               "1,2,"
                                                                               "9]]"
                                                                               "}");
    assert_int_equal(p.r.n_bars, 1);
    assert_view(p.r.symbol, "A");
    assert_true(p.r.bars[0].open == 2 && p.r.bars[0].low == 1);
    wd_test_parsed_done(&p);
}


static void
test_quotes(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_INTERDAY,
            "[{\"universe\":{\"ric\":\"GBP=\"},\"headers\":[{\"name\":\"DATE\"}"
            "," H("BID") "," H("ASK") "],\"data\":[[\"2022-06-22\",1.2266,"
                                      "null],[\"2022-06-21\",null,null],["
                                      "\"2022-06-20\",1,\"1.2250\"]],"
                                      "\"meta\":{\"blendingEntry\":{\"data\":[["
                                      "\"2022-06-23\",2,2]]}}}]");
    assert_int_equal(p.r.n_bars, 0);
    assert_int_equal(p.r.n_quotes, 2);
    assert_int_equal(p.r.n_rejected, 1);
    assert_rejected(&p, 0, WD_REASON_MISSING_PRICE, 1);
    assert_view(p.r.quotes[0].symbol, "GBP=");
    assert_true(p.r.quotes[0].bid == 1.2266 && isnan(p.r.quotes[0].ask)
                && isnan(p.r.quotes[0].price));
    assert_true(p.r.quotes[1].ask == 1.225);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_INTERDAY,
            "[{\"universe\":{\"ric\":\"MSFT.O\"},\"headers\":[{\"name\":"
            "\"DATE\"}," H("TRDPRC_1") "," H("BID") "," H(
                "ASK") "],\"data\":[[\"2026-02-27\",392.74,392.72,392.75]]}]");
    assert_int_equal(p.r.n_quotes, 1);
    assert_true(p.r.quotes[0].price == 392.74 && p.r.quotes[0].bid == 392.72
                && p.r.quotes[0].is_date);
    assert_int_equal(p.r.quotes[0].seq, 0);
    wd_test_parsed_done(&p);
}


#define EVENTS(data)                                                               \
    "{\"universe\":{\"ric\":\"VOD.L\"},\"headers\":[{\"name\":\"DATE_TIME\"},"     \
    "{\"name\":\"EVENT_TYPE\"},{\"name\":\"SEQNUM\"}," H("TRDPRC_1") "," H(        \
        "TRDVOL_1") "," H("BID") "," H("BIDSIZE") "," H("ASK") "," H("ASKSIZ"      \
                                                                     "E") ",{"     \
                                                                          "\""     \
                                                                          "na"     \
                                                                          "me"     \
                                                                          "\""     \
                                                                          ":"      \
                                                                          "\""     \
                                                                          "QU"     \
                                                                          "AL"     \
                                                                          "IF"     \
                                                                          "IE"     \
                                                                          "RS"     \
                                                                          "\""     \
                                                                          "}]"     \
                                                                          ","      \
                                                                          "\""     \
                                                                          "da"     \
                                                                          "ta"     \
                                                                          "\""     \
                                                                          ":"      \
                                                                          "[" data \
                                                                          "],"     \
                                                                          "\""     \
                                                                          "st"     \
                                                                          "at"     \
                                                                          "us"     \
                                                                          "\""     \
                                                                          ":{"     \
                                                                          "\""     \
                                                                          "co"     \
                                                                          "de"     \
                                                                          "\""     \
                                                                          ":"      \
                                                                          "\""     \
                                                                          "TS"     \
                                                                          ".I"     \
                                                                          "nt"     \
                                                                          "ra"     \
                                                                          "da"     \
                                                                          "y."     \
                                                                          "Wa"     \
                                                                          "rn"     \
                                                                          "in"     \
                                                                          "g."     \
                                                                          "95"     \
                                                                          "00"     \
                                                                          "4"      \
                                                                          "\""     \
                                                                          ","      \
                                                                          "\""     \
                                                                          "me"     \
                                                                          "ss"     \
                                                                          "ag"     \
                                                                          "e"      \
                                                                          "\""     \
                                                                          ":"      \
                                                                          "\""     \
                                                                          "m"      \
                                                                          "\""     \
                                                                          "}}"
#define TICK(time, kind, figures)                                       \
    "[\"2021-11-26T12:35:" time "Z\",\"" kind "\",\"5464475\"," figures \
    ",\"[ASK_TONE],[x]\"]"


static void
test_events(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(
        &p, WD_LSEG_EVENTS,
        EVENTS(TICK("35.372000000", "quote", "null,null,111.1,8329,111.14,3000") "," TICK("35.371", "trade", "111.12,250,null,null,null,null") "," TICK(
            "35", "correction",
            "1,1,1,1,1,1") "," TICK("34", "trade",
                                    "null,1,1,1,1,1") "," TICK("33", "quote",
                                                               "7,1,null,1,"
                                                               "null,1") "," TICK("61",
                                                                                  "quote",
                                                                                  "1,1,1,1,1,1") "," TICK("32",
                                                                                                          "trade",
                                                                                                          "1,1e999,1,1,1,1")));
    assert_int_equal(p.r.n_quotes, 1);
    assert_int_equal(p.r.n_trades, 1);
    assert_int_equal(p.r.n_records, 7);
    assert_int_equal(p.r.n_rejected, 5);
    assert_rejected(&p, 0, WD_REASON_MISSING_FIELD, 2);
    assert_rejected(&p, 1, WD_REASON_MISSING_PRICE, 3);
    assert_rejected(&p, 2, WD_REASON_MISSING_PRICE, 4);
    assert_rejected(&p, 3, WD_REASON_BAD_TIME, 5);
    assert_rejected(&p, 4, WD_REASON_NOT_A_NUMBER, 6);

    assert_true(p.r.quotes[0].bid == 111.1 && p.r.quotes[0].bid_size == 8329
                && p.r.quotes[0].ask == 111.14 && p.r.quotes[0].ask_size == 3000
                && !p.r.quotes[0].is_date);
    assert_true(p.r.quotes[0].time == wd_test_time("2021-11-26T12:35:35.372Z"));
    assert_true(p.r.trades[0].price == 111.12 && p.r.trades[0].size == 250);
    assert_int_equal(p.r.quotes[0].seq, 5464475);
    assert_int_equal(p.r.trades[0].seq, 5464475);
    assert_view(p.r.trades[0].symbol, "VOD.L");
    assert_view(p.r.zone, "UTC");
    wd_test_parsed_done(&p);
}


static void
test_statuses(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const refused[] = {
        "[{\"universe\":{\"ric\":\"A\"},\"status\":{\"code\":\"TS.Interday."
        "UserRequestError.70005\",\"message\":\"The universe is not "
        "found.\"}}]",
        "[{\"status\":{\"code\":\"TSCC.QS.UserNotPermission.92000\"}}]",
        "{\"error\":{\"code\":\"401\",\"message\":\"token expired\"}}",
        "{\"error\":\"invalid_client\",\"error_description\":\"x\"}",
        "{\"state\":{\"code\":400,\"message\":\"x\"},\"data\":[]}",
        "[{\"error\":{\"code\":\"404\",\"message\":\"x\"}}]",
        "[{\"universe\":{\"ric\":\"A\"},\"status\":{\"code\":\"TS.Interday."
        "UserRequestError.70007\"}," EQUITY ",\"data\":[]}]",
    };

    (void) state;
    for (i = 0; i < wd_array_len(refused); i++) {
        parse_z(&p, WD_LSEG_INTERDAY, refused[i]);
        assert_true(p.r.refused && !p.r.empty);
        assert_int_equal(p.r.n_bars, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, -1);
        wd_test_parsed_done(&p);
    }

    /* Rows beside a status: they count, and the status is said. */
    parse_z(&p, WD_LSEG_INTERDAY,
            "[{\"status\":{\"code\":\"TS.Interday.UserRequestError.70007\","
            "\"message\":\"no field [x], token=abc\"}," HEAD EQUITY
            ",\"data\":[" ROW10 "]}]");
    assert_false(p.r.refused);
    assert_int_equal(p.r.n_bars, 1);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, -1);
    assert_view(p.r.rejects[0].detail, "70007: no field [x], token=[redacted]");
    wd_test_parsed_done(&p);

    /* Several instruments: the first with rows is the one. */
    parse_z(&p, WD_LSEG_INTERDAY,
            "[{\"universe\":{\"ric\":\"A\"},\"status\":{\"code\":\"TS.Interday."
            "UserRequestError.70005\"}},{" HEAD EQUITY ",\"data\":[" ROW10
            "]},{\"universe\":{\"ric\":\"B\"}," EQUITY ",\"data\":[" ROW9
            "]}]");
    assert_false(p.r.refused);
    assert_int_equal(p.r.n_bars, 1);
    assert_view(p.r.symbol, "GOOG.O");
    assert_int_equal(p.r.n_rejects, 2);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, -1);
    assert_rejected(&p, 1, WD_REASON_SYMBOL_MISMATCH, -1);
    wd_test_parsed_done(&p);
}


static void
test_empty(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_INTERDAY, DAILY(""));
    assert_true(p.r.empty && !p.r.refused);
    assert_int_equal(p.r.n_rejects, 0);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_INTERDAY, " [ ] ");
    assert_true(p.r.empty && !p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_other_shapes(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const refused[] = {
        "{}",
        "[1]",
        "[null]",
        "[[]]",
        "<html>",
        "7",
        "\"a\"",
        "{\"data\":[]}",
        "[{" HEAD EQUITY "}]",
        "[{" HEAD "\"data\":[" ROW10 "]}]",
        "[{" EQUITY ",\"data\":[" ROW10 "]}]",
        "[{\"universe\":{\"ric\":\"a b\"}," EQUITY ",\"data\":[" ROW10 "]}]",
        "[{\"universe\":{\"ric\":7.5e3}," EQUITY ",\"data\":7}]",
        "[{" HEAD EQUITY ",\"data\":{\"a\":1}}]",
        "[{" HEAD "\"headers\":[],\"data\":[[]]}]",
        "[{" HEAD "\"headers\":[1,2],\"data\":[[1,2]]}]",
        "[{" HEAD "\"headers\":{\"name\":\"DATE\"},\"data\":[[1,2]]}]",
        "[{" HEAD "\"headers\":[{\"name\":\"DATE\"},{}],\"data\":[[1,2]]}]",
        "[{" HEAD "\"headers\":[{\"name\":\"\xff\"}],\"data\":[[1]]}]",
        /* Other data sets, no prices, a column twice. */
        "[{" HEAD "\"headers\":[{\"name\":\"DATE_TIME\"}," H(
            "BID") "],\"data\":[[\"2020-01-01T00:00:00Z\",1]]}]",
        "[{" HEAD
        "\"headers\":[{\"name\":\"DATE\"},{\"name\":\"EVENT_TYPE\"}," H(
            "BID") "],\"data\":[[\"2020-01-01\",\"quote\",1]]}]",
        "[{" HEAD "\"headers\":[{\"name\":\"DATE\"}," H(
            "VWAP") "],\"data\":[[\"2020-01-01\",1]]}]",
        "[{" HEAD "\"headers\":[{\"name\":\"DATE\"}," H("BID") "," H(
            "BID") "],\"data\":[[\"2020-01-01\",1,2]]}]",
    };

    (void) state;
    for (i = 0; i < wd_array_len(refused); i++) {
        parse_z(&p, WD_LSEG_INTERDAY, refused[i]);
        if (!p.r.refused || p.r.n_rejects != 1 || p.r.n_bars + p.r.n_quotes) {
            fail_msg("%s: %zu rejects", refused[i], p.r.n_rejects);
        }
        assert_int_equal(p.r.rejects[0].record, -1);
        wd_test_parsed_done(&p);
    }
}


static void
test_too_many_columns(void **state)
{
    size_t           i, n = 0;
    char            *body = malloc(100000);
    wd_test_parsed_t p;

    (void) state;
    n += (size_t) sprintf(body + n, "[{" HEAD "\"headers\":[");
    for (i = 0; i < 1100; i++) {
        n += (size_t) sprintf(body + n, "%s{\"name\":\"C%zu\"}",
                              i != 0 ? "," : "", i);
    }
    sprintf(body + n, "],\"data\":[]}]");
    parse_z(&p, WD_LSEG_INTERDAY, body);
    assert_true(p.r.refused);
    assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, -1);
    wd_test_parsed_done(&p);
    free(body);
}


static void
test_bad_rows(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *row;
        wd_reason_e reason;
    } bad[] = {
        {"[\"2020-13-01\",1,1,1,1,1]", WD_REASON_BAD_TIME},
        {"[\"2020-01-08T00:00:00Z\",1,1,1,1,1]", WD_REASON_BAD_TIME},
        {"[\"9999-01-08\",1,1,1,1,1]", WD_REASON_BAD_TIME},
        {"[20200108,1,1,1,1,1]", WD_REASON_BAD_TIME},
        {"[null,1,1,1,1,1]", WD_REASON_BAD_TIME},
        {"[[],1,1,1,1,1]", WD_REASON_BAD_TIME},
        {"[\"2020-01-08\",1e999,1,1,1,1]", WD_REASON_NOT_A_NUMBER},
        {"[\"2020-01-08\",\"NaN\",1,1,1,1]", WD_REASON_NOT_A_NUMBER},
        {"[\"2020-01-08\",true,1,1,1,1]", WD_REASON_NOT_A_NUMBER},
        {"[\"2020-01-08\",[1],1,1,1,1]", WD_REASON_NOT_A_NUMBER},
        {"[\"2020-01-08\",{},1,1,1,1]", WD_REASON_NOT_A_NUMBER},
        {"[\"2020-01-08\",1,1,1,\"many\",1]", WD_REASON_NOT_A_NUMBER},
        {"[\"2020-01-08\",null,1,1,1,1]", WD_REASON_MISSING_PRICE},
        {"[\"2020-01-08\",1,\"\",1,1,1]", WD_REASON_MISSING_PRICE},
        {"[\"2020-01-08\",1,1,\"-\",1,1]", WD_REASON_MISSING_PRICE},
        {"[\"2020-01-08\",1,1,1,1,null]", WD_REASON_MISSING_PRICE},
        {"[\"2020-01-08\",1,1,1,1]", WD_REASON_SYNTAX},
        {"[\"2020-01-08\",1,1,1,1,1,1]", WD_REASON_SYNTAX},
        {"[]", WD_REASON_SYNTAX},
        {"null", WD_REASON_SYNTAX},
        {"7", WD_REASON_SYNTAX},
        {"\"2020-01-08\"", WD_REASON_SYNTAX},
        {"{\"DATE\":\"2020-01-08\"}", WD_REASON_SYNTAX},
        {"[\"2020-01-08\",1,1,1,1,nope]", WD_REASON_SYNTAX},
        {"[\"2020-01-08\",1,1,1,1,None]", WD_REASON_SYNTAX},
        {"[\"2020-01-08\",1,1,1,1,NaN]", WD_REASON_NOT_A_NUMBER},
        {"[\"2020-01-08\",-Infinity,1,1,1,1]", WD_REASON_NOT_A_NUMBER},
        {"[NaN,1,1,1,1,1]", WD_REASON_BAD_TIME},
        {"[\"2020-01-08\",1,1,1,1,01]", WD_REASON_SYNTAX},
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        char *body = malloc(4096);

        snprintf(body, 4096, DAILY(ROW10 ",%s," ROW9), bad[i].row);
        parse_z(&p, WD_LSEG_INTERDAY, body);
        if (p.r.n_bars != 2 || p.r.n_rejects != 1
            || p.r.rejects[0].reason != bad[i].reason
            || p.r.rejects[0].record != 1) {
            fail_msg("%s: %zu bars, %zu rejects", bad[i].row, p.r.n_bars,
                     p.r.n_rejects);
        }
        assert_int_equal(p.r.bars[1].record, 2);
        wd_test_parsed_done(&p);
        free(body);
    }
}


/* The brackets of a blending entry, and of texts, begin no rows. */
static void
test_damage_anywhere(void **state)
{
    size_t           i, from, to;
    char            *text;
    wd_test_parsed_t p;

    static const char body[] = DAILY(ROW10 "," ROW9 "," ROW8);

    (void) state;
    from = (size_t) (strstr(body, ROW9) - body);
    to = from + strlen(ROW9) + 1;
    for (i = from - 1; i < to; i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse_z(&p, WD_LSEG_INTERDAY, text);
        assert_true(p.r.n_bars >= 2);
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.bars[0].time == wd_test_time("2020-01-10"));
        assert_true(p.r.bars[p.r.n_bars - 1].time
                    == wd_test_time("2020-01-08"));
        wd_test_parsed_done(&p);
        free(text);
    }

    /* In the last row: nothing of what follows is taken for one. */
    from = (size_t) (strstr(body, ROW8) - body);
    for (i = from; i < from + strlen(ROW8); i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse_z(&p, WD_LSEG_INTERDAY, text);
        assert_int_equal(p.r.n_bars, 2);
        assert_true(p.r.n_rejects != 0);
        wd_test_parsed_done(&p);
        free(text);
    }
}


static void
test_every_cut(void **state)
{
    size_t           n, i;
    wd_test_parsed_t p;

    static const char        body[] = DAILY(ROW10 "," ROW9 "," ROW8);
    static const char *const days[] = {"2020-01-10", "2020-01-09",
                                       "2020-01-08"};

    (void) state;
    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(
            wd_lseg_parse(WD_LSEG_INTERDAY, wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_false(p.r.empty);
        assert_true(p.r.n_bars <= 3);
        for (i = 0; i < p.r.n_bars; i++) {
            assert_true(p.r.bars[i].time == wd_test_time(days[i]));
            assert_true(p.r.bars[i].open > 69 && p.r.bars[i].volume > 3e7);
        }
        wd_test_parsed_done(&p);
    }
}


static void
test_cut_events(void **state)
{
    size_t           n;
    wd_test_parsed_t p;

    static const char body[] = EVENTS(
        TICK("35", "quote", "null,null,111.1,8329,111.14,3000") "," TICK(
            "34", "trade", "111.12,250,null,null,null,null"));

    (void) state;
    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(
            wd_lseg_parse(WD_LSEG_EVENTS, wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_quotes <= 1 && p.r.n_trades <= p.r.n_quotes);
        wd_test_parsed_done(&p);
    }
}


static void
test_extra_members(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_INTERDAY,
            "\xef\xbb\xbf [ { \"new\" : [[1],{\"data\":[[1]]}], " HEAD
            "\"qos\":7,\"interval\":{},\"status\":{\"code\":\"TS.Interday."
            "Warning.1\",\"more\":[]}," EQUITY " , \"data\" : [ " ROW10 " ] , "
            "\"data\":[" ROW9 "],\"x\":null } ] ");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_bars, 1);
    assert_int_equal(p.r.n_fields, 0);
    assert_view(p.r.interval, "P1D");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_INTERDAY, "[{" HEAD EQUITY ",\"data\":[" ROW10 "]},7]");
    assert_false(p.r.refused);
    assert_int_equal(p.r.n_bars, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, -1);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_INTERDAY, DAILY(ROW10) " x");
    assert_int_equal(p.r.n_bars, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, -1);
    wd_test_parsed_done(&p);
}


/* What is nested beyond the bound ends the frame, and is said. */
static void
test_depth(void **state)
{
    int              depth;
    char             body[1024];
    char             open[80], close[80];
    wd_test_parsed_t p;

    (void) state;
    for (depth = 1; depth < 70; depth++) {
        memset(open, '[', sizeof(open));
        memset(close, ']', sizeof(close));
        open[depth] = close[depth] = '\0';
        snprintf(
            body, sizeof(body),
            "[{\"universe\":{\"ric\":\"A\"},\"headers\":[{\"name\":"
            "\"DATE\"}," H("BID") "," H("VWAP") "],\"data\":"
                                                "[[\"2020-01-10\",1,%s%s]]}]",
            open, close);
        parse_z(&p, WD_LSEG_INTERDAY, body);
        assert_true(p.r.n_quotes <= 1);
        assert_true((p.r.n_rejected == 0) == (depth <= 62));
        wd_test_parsed_done(&p);
    }
}


static void
test_random_damage(void **state)
{
    char             text[] = DAILY(ROW10 "," ROW9 "," ROW8);
    char             copy[sizeof(text)];
    size_t           i, k;
    wd_test_parsed_t p;

    (void) state;
    for (i = 0; i < 3000; i++) {
        memcpy(copy, text, sizeof(text));
        for (k = 0; k <= wd_test_below(4); k++) {
            copy[wd_test_below(sizeof(text) - 1)] = (char) wd_test_below(256);
        }
        assert_ok(wd_lseg_parse(
            WD_LSEG_INTERDAY, wd_test_copy(&p, copy, sizeof(text) - 1), &p.r));
        assert_true(p.r.n_bars <= 3);
        for (k = 0; k < p.r.n_bars; k++) {
            assert_true(isfinite(p.r.bars[k].close));
        }
        wd_test_parsed_done(&p);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_adjusted),
        cmocka_unit_test(test_bars),
        cmocka_unit_test(test_minutes),
        cmocka_unit_test(test_london),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_other_shapes),
        cmocka_unit_test(test_too_many_columns),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_cut_events),
        cmocka_unit_test(test_extra_members),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
