/*
 * test_domain_bbg_blp.c - BLPAPI answers as bars, facts and rejects: every
 * shape of a sequence, errors inside of answers, parts of an answer, damage.
 */
#include "wd_test_records.h"

#include "wd_bbg_blp.h"

#include <math.h>

/* A day with all four prices. */
#define OHLC(date, last)                                                     \
    "{\"date\":\"" date "\",\"PX_OPEN\":10.5,\"PX_HIGH\":12,\"PX_LOW\":9.25" \
    ",\"PX_LAST\":" last ",\"PX_VOLUME\":1.5e6}"
#define HISTORY(name, rows)                                        \
    "{\"securityData\":{\"security\":\"" name "\",\"eidData\":[]," \
    "\"sequenceNumber\":0,\"fieldExceptions\":[],\"fieldData\":[" rows "]}}"
#define ENVELOPE(messages) \
    "{\"data\":[" messages "],\"status\":0,\"message\":\"OK\"}"
#define REFERENCE(name, fields)                                         \
    "{\"security\":\"" name "\",\"eidData\":[],\"fieldExceptions\":[]," \
    "\"sequenceNumber\":0,\"fieldData\":{" fields "}}"
#define BAD_SEC                                                              \
    "{\"source\":\"7::9\",\"code\":43,\"category\":\"BAD_SEC\",\"message\":" \
    "\"Unknown [nid:23107]\",\"subcategory\":\"INVALID_SECURITY\"}"


static void
parse_z(wd_test_parsed_t *p, const char *text)
{
    assert_ok(wd_bbg_blp_parse(wd_test_copy_z(p, text), &p->r));
}


static void
test_history_of_bars(void **state)
{
    wd_test_parsed_t    p;
    const wd_bar_rec_t *b;

    (void) state;
    parse_z(&p, ENVELOPE(HISTORY("IBM US Equity",
                                 OHLC("2012-01-03T00:00:00.000Z",
                                      "11.1") "," OHLC("2012-01-04", "11.2"))));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_bars, 2);
    assert_int_equal(p.r.n_facts, 0);
    assert_int_equal(p.r.n_records, 2);
    assert_view(p.r.symbol, "IBM US EQUITY");
    b = &p.r.bars[0];
    assert_view(b->symbol, "IBM US EQUITY");
    assert_true(b->time == wd_test_day("2012-01-03") && b->is_date);
    assert_true(b->open == 10.5 && b->high == 12 && b->low == 9.25);
    assert_true(b->close == 11.1 && b->volume == 1.5e6);
    assert_true(isnan(b->adjusted_close) && isnan(b->dividend));
    assert_view(b->sample, OHLC("2012-01-03T00:00:00.000Z", "11.1"));
    assert_int_equal(p.r.bars[1].record, 1);
    wd_test_parsed_done(&p);
}


/* Figures of blpapi-http's guide: no whole bar, so field by field. */
static void
test_history_of_facts(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(
        &p,
        ENVELOPE(HISTORY(
            "IBM US Equity",
            "{\"date\":\"2012-01-03T00:00:00.000Z\",\"PX_LAST\":186.3,"
            "\"OPEN\":186.73}") "," HISTORY("AAPL US Equity",
                                            "{\"date\":\"20120103\",\"PX_"
                                            "LAST\":58.7471,\"OPEN\":null}")));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_bars, 0);
    assert_int_equal(p.r.n_facts, 4);
    assert_null(p.r.symbol.data); /* two securities */
    wd_test_assert_fact(&p, 0, "IBM US EQUITY", "PX_LAST", "186.3");
    assert_true(p.r.facts[0].value == 186.3);
    assert_true(p.r.facts[0].time == wd_test_day("2012-01-03"));
    wd_test_assert_fact(&p, 2, "AAPL US EQUITY", "PX_LAST", "58.7471");
    wd_test_assert_fact(&p, 3, "AAPL US EQUITY", "OPEN", NULL);
    assert_true(isnan(p.r.facts[3].value));
    assert_int_equal(p.r.facts[1].record, 0);
    assert_int_equal(p.r.facts[2].record, 1);
    wd_test_parsed_done(&p);

    /* A bar beside a field that is none, and a second last price. */
    parse_z(&p, HISTORY("A", "{\"date\":\"2020-02-29\",\"OPEN\":1,\"HIGH\":2,"
                             "\"LOW\":1,\"PX_LAST\":2,\"LAST_PRICE\":3,"
                             "\"EQY_WEIGHTED_AVG_PX\":1.5}"));
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].close == 2 && isnan(p.r.bars[0].volume));
    assert_int_equal(p.r.n_facts, 2);
    wd_test_assert_fact(&p, 0, "A", "LAST_PRICE", "3");
    wd_test_assert_fact(&p, 1, "A", "EQY_WEIGHTED_AVG_PX", "1.5");
    wd_test_parsed_done(&p);
}


static void
test_dates(void **state)
{
    size_t           i;
    char             body[400];
    wd_test_parsed_t p;

    static const char *const good[] = {"\"2018-10-26\"",
                                       "\"2018-10-26T00:00:00.000Z\"",
                                       "\"20181026\"",
                                       "20181026",
                                       "20181026.0",
                                       "\"2018-10-26T00:00:00+00:00\"",
                                       "\"2018-10-26T00:00:00-05:00\"",
                                       "\"2018-10-26T00:00:00\"",
                                       "\" 2018-10-26 \""};
    static const char *const bad[] = {"0.0",        "0",
                                      "null",       "\"\"",
                                      "\"N.A.\"",   "\"2018-02-30\"",
                                      "20181301",   "\"10/26/2018\"",
                                      "true",       "[1]",
                                      "{}",         "\"2018-10-26X\"",
                                      "1e999",      "\"2018-10-26T25:00:00Z\"",
                                      "20181026.5", "\"99999999\""};

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        snprintf(body, sizeof(body), HISTORY("A", "{\"date\":%s,\"X\":1}"),
                 good[i]);
        parse_z(&p, body);
        assert_int_equal(p.r.n_rejected, 0);
        assert_int_equal(p.r.n_facts, 1);
        assert_true(p.r.facts[0].time == wd_test_day("2018-10-26"));
        wd_test_parsed_done(&p);
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        snprintf(body, sizeof(body),
                 HISTORY("A", "{\"date\":%s,\"X\":1},{\"date\":20180101,"
                              "\"X\":2},{\"X\":3}"),
                 bad[i]);
        parse_z(&p, body);
        assert_int_equal(p.r.n_facts, 1);
        assert_true(p.r.facts[0].value == 2);
        assert_rejected(&p, 0, WD_REASON_BAD_TIME, 0);
        assert_rejected(&p, 1, WD_REASON_BAD_TIME, 2);
        wd_test_parsed_done(&p);
    }
}


static void
test_reference(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(
        &p,
        ENVELOPE("{\"securityData\":[" REFERENCE(
            "IBM US Equity",
            "\"PX_LAST\":158.42,\"NAME\":\"INTL "
            "BUSINESS MACHINES CORP\",\"EPS_ANNUALIZED\":15.06,"
            "\"SETTLE_DT\":\"2017-05-23\",\"IS_ETF\":false,\"X\":null,"
            "\"Y\":\" N.A. \"") "," REFERENCE("AAPL US Equity",
                                              "\"PX_LAST\":\"111.890\"") "]}"));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_facts, 8);
    assert_int_equal(p.r.n_bars, 0);
    wd_test_assert_fact(&p, 0, "IBM US EQUITY", "PX_LAST", "158.42");
    assert_true(p.r.facts[0].value == 158.42);
    assert_true(p.r.facts[0].time == WD_NS_MIN);
    wd_test_assert_fact(&p, 1, "IBM US EQUITY", "NAME",
                        "INTL BUSINESS MACHINES CORP");
    assert_true(isnan(p.r.facts[1].value));
    wd_test_assert_fact(&p, 3, "IBM US EQUITY", "SETTLE_DT", "2017-05-23");
    wd_test_assert_fact(&p, 4, "IBM US EQUITY", "IS_ETF", "false");
    wd_test_assert_fact(&p, 5, "IBM US EQUITY", "X", NULL);
    wd_test_assert_fact(&p, 6, "IBM US EQUITY", "Y", NULL);
    wd_test_assert_fact(&p, 7, "AAPL US EQUITY", "PX_LAST", "111.890");
    assert_true(p.r.facts[7].value == 111.89);
    assert_int_equal(p.r.facts[7].record, 7);
    wd_test_parsed_done(&p);

    /* All four prices, but of no day: no bar. */
    parse_z(&p,
            "{\"securityData\":[" REFERENCE(
                "A",
                "\"PX_OPEN\":1,\"PX_HIGH\":1,\"PX_LOW\":1,\"PX_LAST\":1") "]}");
    assert_int_equal(p.r.n_bars, 0);
    assert_int_equal(p.r.n_facts, 4);
    wd_test_parsed_done(&p);
}


/* Facts that are names are identifiers, too; of a day they are facts alone. */
static void
test_names(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const want[][2] = {
        {"ISIN", "US4592001014"}, {"FIGI", "BBG000BLNNH6"}, {"CUSIP", "0123"}};

    (void) state;
    parse_z(&p,
            ENVELOPE("{\"securityData\":[" REFERENCE(
                "IBM US Equity",
                "\"ID_ISIN\":\"US4592001014\","
                "\"NAME\":\"IBM\",\"Id_bb_global\":\"BBG000BLNNH6\","
                "\"ID_SEDOL1\":\"N.A.\",\"ID_CUSIP\":\"0123\","
                "\"COUNTRY_ISO\":\"US\"") "," REFERENCE("X Index",
                                                        "\"PX_LAST\":1") "]}"));
    assert_int_equal(p.r.n_facts, 7);
    assert_int_equal(p.r.n_identifiers, wd_array_len(want));
    for (i = 0; i < wd_array_len(want); i++) {
        assert_view(p.r.identifiers[i].symbol, "IBM US EQUITY");
        assert_view(p.r.identifiers[i].scheme, want[i][0]);
        assert_view(p.r.identifiers[i].value, want[i][1]);
        assert_true(p.r.identifiers[i].record < p.r.n_records);
    }
    assert_int_equal(p.r.n_instruments, 1);
    assert_view(p.r.instruments[0].symbol, "IBM US EQUITY");
    assert_view(p.r.instruments[0].name, "IBM");
    assert_view(p.r.instruments[0].country, "US");
    assert_null(p.r.instruments[0].currency.data);
    wd_test_parsed_done(&p);

    parse_z(&p, ENVELOPE(HISTORY("IBM US Equity",
                                 "{\"date\":\"2012-01-03\",\"NAME\":\"IBM\","
                                 "\"ID_ISIN\":\"US4592001014\"}")));
    assert_int_equal(p.r.n_facts, 2);
    assert_int_equal(p.r.n_identifiers + p.r.n_instruments, 0);
    wd_test_parsed_done(&p);
}


static void
test_bulk(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p,
            "{\"securityData\":[" REFERENCE(
                "IBM US Equity",
                "\"DVD_HIST\":[{\"Declared Date\":\"2014-10-28\",\"Dividend "
                "Amount\":1.1},{\"Declared Date\":\"2014-07-29\",\"Dividend "
                "Amount\":\"N.A.\"},7,{\"Sub\":[1]}],\"ONE\":{\"Name\":\"x\"},"
                "\"NONE\":[],\"Z\":1") "]}");
    assert_int_equal(p.r.n_facts, 6);
    wd_test_assert_fact(&p, 0, "IBM US EQUITY", "DVD_HIST.Declared Date",
                        "2014-10-28");
    wd_test_assert_fact(&p, 1, "IBM US EQUITY", "DVD_HIST.Dividend Amount",
                        "1.1");
    wd_test_assert_fact(&p, 3, "IBM US EQUITY", "DVD_HIST.Dividend Amount",
                        NULL);
    assert_int_equal(p.r.facts[0].record, p.r.facts[1].record);
    assert_int_equal(p.r.facts[2].record, 1);
    wd_test_assert_fact(&p, 4, "IBM US EQUITY", "ONE.Name", "x");
    wd_test_assert_fact(&p, 5, "IBM US EQUITY", "Z", "1");
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 2);
    assert_rejected(&p, 1, WD_REASON_SYNTAX, 3);
    assert_int_equal(p.r.n_rejects, 2);
    wd_test_parsed_done(&p);

    /* A bulk field without a name. */
    parse_z(
        &p,
        "{\"securityData\":[" REFERENCE(
            "A", "\" \":[{\"date\":1,\"X\":2}],\"\":{\"Y\":1},\"Z\":1") "]}");
    assert_int_equal(p.r.n_facts, 1);
    assert_int_equal(p.r.n_rejects, 3);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 0);
    wd_test_parsed_done(&p);
}


/* A sequence of one element stands there as the element. */
static void
test_one_element(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const same[] = {
        "{\"securityData\":" REFERENCE("A", "\"X\":1") "}",
        "{\"data\":{\"securityData\":" REFERENCE("A", "\"X\":1") "}}",
        "[{\"securityData\":[" REFERENCE("A", "\"X\":1") "]}]",
        "{\"ReferenceDataResponse\":{\"securityData\":" REFERENCE(
            "A", "\"X\":1") "}}",
        "\xef\xbb\xbf {\"securityData\":{\"fieldData\":{\"X\":1},"
        "\"security\":\"A\"},\"more\":[{}]}\n",
        "{\"correlationIds\":[1],\"securityData\":{\"security\":\"a\","
        "\"unknown\":{\"a\":[]},\"fieldData\":{\"X\":1}}}",
    };

    (void) state;
    for (i = 0; i < wd_array_len(same); i++) {
        parse_z(&p, same[i]);
        assert_int_equal(p.r.n_rejected, 0);
        assert_int_equal(p.r.n_facts, 1);
        wd_test_assert_fact(&p, 0, "A", "X", "1");
        assert_view(p.r.symbol, "A");
        wd_test_parsed_done(&p);
    }

    parse_z(&p, "{\"HistoricalDataResponse\":{\"securityData\":{\"security\":"
                "\"A\",\"fieldData\":{\"date\":\"2020-01-02\",\"X\":1}}}}");
    assert_int_equal(p.r.n_facts, 1);
    assert_true(p.r.facts[0].time == wd_test_day("2020-01-02"));
    wd_test_parsed_done(&p);
}


static void
test_errors_of_items(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(
        &p,
        "{\"securityData\":[" REFERENCE(
            "A",
            "\"X\":1") ","
                       "{\"security\":\"NOPE XX\",\"securityError\":" BAD_SEC
                       "},"
                       "{\"security\":\"C\",\"eidData\":[14001],"
                       "\"fieldExceptions\":"
                       "{\"fieldId\":\"F\",\"errorInfo\":{\"code\":9,"
                       "\"category\":"
                       "\"BAD_FLD\",\"message\":\"Field not valid\"}},"
                       "\"fieldData\":{\"X\":3}}," REFERENCE("D",
                                                             "\"X\":4") "]}");
    assert_int_equal(p.r.n_facts, 3);
    wd_test_assert_fact(&p, 1, "C", "X", "3");
    wd_test_assert_fact(&p, 2, "D", "X", "4");
    assert_int_equal(p.r.n_rejects, 2);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, 1);
    assert_view(p.r.rejects[0].detail, "NOPE XX: BAD_SEC INVALID_SECURITY 43: "
                                       "Unknown [nid:23107]");
    assert_rejected(&p, 1, WD_REASON_PROVIDER_ERROR, 2);
    assert_view(p.r.rejects[1].detail, "C F: BAD_FLD 9: Field not valid");
    assert_false(p.r.refused || p.r.empty);
    wd_test_parsed_done(&p);

    /* Texts of the provider may hold what nobody shall see. */
    parse_z(&p, "{\"securityData\":{\"security\":\"A\",\"securityError\":"
                "{\"message\":\"token=abcdef is bad\"}}}");
    assert_has(p.r.rejects[0].detail.data, "token=[redacted] is bad");
    wd_test_parsed_done(&p);
}


static void
test_refused(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *body;
        wd_reason_e reason;
    } cases[] = {
        {"{\"responseError\":{\"category\":\"LIMIT\",\"subcategory\":"
         "\"DAILY_LIMIT_REACHED\",\"message\":\"x\"}}",
         WD_REASON_PROVIDER_ERROR},
        {ENVELOPE("{\"responseError\":{\"code\":19,\"category\":\"BAD_ARGS\","
                  "\"subcategory\":\"TOO_MANY_FIELDS\"}}"),
         WD_REASON_PROVIDER_ERROR},
        {"{\"status\":-1,\"message\":\"no session\"}",
         WD_REASON_PROVIDER_ERROR},
        {"{\"reason\":{\"errorCode\":2,\"category\":\"TIMEOUT\"}}",
         WD_REASON_PROVIDER_ERROR},
        {"", WD_REASON_TRUNCATED},
        {" \n", WD_REASON_TRUNCATED},
        {"{", WD_REASON_TRUNCATED},
        {"{}", WD_REASON_UNKNOWN_SHAPE},
        {"[]", WD_REASON_UNKNOWN_SHAPE},
        {"[[]]", WD_REASON_UNKNOWN_SHAPE},
        {"7", WD_REASON_TRUNCATED}, /* more digits may have followed */
        {"null", WD_REASON_UNKNOWN_SHAPE},
        {"<html>", WD_REASON_UNKNOWN_SHAPE},
        {"{\"data\":[{\"fieldData\":[{\"id\":\"DS002\"}]}]}",
         WD_REASON_UNKNOWN_SHAPE},
        {"{\"securities\":[\"A\"],\"fields\":[\"X\"]}",
         WD_REASON_UNKNOWN_SHAPE},
        {"{\"data\":7}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"securityData\":null}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"securityData\":\"x\"}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"reason\":\"x\"}", WD_REASON_UNKNOWN_SHAPE},
    };

    (void) state;
    for (i = 0; i < wd_array_len(cases); i++) {
        parse_z(&p, cases[i].body);
        if (!p.r.refused || p.r.n_rejects == 0
            || p.r.rejects[p.r.n_rejects - 1].reason != cases[i].reason) {
            fail_msg("%s", cases[i].body);
        }
        assert_int_equal(p.r.n_facts + p.r.n_bars, 0);
        wd_test_parsed_done(&p);
    }
}


static void
test_empty(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const bodies[] = {
        ENVELOPE(""),
        ENVELOPE(HISTORY("SPY Equity", "")),
        "{\"securityData\":[]}",
        "{\"securityData\":{\"security\":\"A\"}}",
        "{\"securityData\":{\"security\":\"A\",\"fieldData\":{}}}",
        "{\"securityData\":{\"security\":\"A\",\"fieldData\":null}}"};

    (void) state;
    for (i = 0; i < wd_array_len(bodies); i++) {
        parse_z(&p, bodies[i]);
        assert_true(p.r.empty && !p.r.refused);
        assert_int_equal(p.r.n_rejected, 0);
        wd_test_parsed_done(&p);
    }
}


#define PART(type, data) "{\"eventType\":\"" type "\"," data "}"
#define ROW1 "\"securityData\":{\"security\":\"A\",\"fieldData\":{\"X\":1}}"
#define ROW2 "\"securityData\":{\"security\":\"B\",\"fieldData\":{\"X\":2}}"

static void
test_parts(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const whole[] = {
        "[" PART("PARTIAL_RESPONSE", ROW1) "," PART("RESPONSE", ROW2) "]",
        PART("PARTIAL_RESPONSE", ROW1) "\n" PART("RESPONSE", ROW2) "\n",
        ENVELOPE(PART("PARTIAL_RESPONSE", ROW1) "," PART(
            "SESSION_STATUS", "\"SessionStarted\":{}") "," PART("RESPONSE",
                                                                ROW2)),
        "[{\"eventType\":\"PARTIAL_RESPONSE\",\"messages\":[{" ROW1 "}]},"
        "{\"eventType\":\"RESPONSE\",\"messages\":[{" ROW2 "}]}]",
        "[{" ROW1 "},{" ROW2 "}]",
        "{" ROW1 "}{" ROW2 "}",
    };

    (void) state;
    for (i = 0; i < wd_array_len(whole); i++) {
        parse_z(&p, whole[i]);
        assert_int_equal(p.r.n_rejected, 0);
        assert_int_equal(p.r.n_facts, 2);
        wd_test_assert_fact(&p, 0, "A", "X", "1");
        wd_test_assert_fact(&p, 1, "B", "X", "2");
        wd_test_parsed_done(&p);
    }

    parse_z(&p, "[" PART("PARTIAL_RESPONSE", ROW1) "," PART("PARTIAL_RESPONSE",
                                                            ROW2) "]");
    assert_int_equal(p.r.n_facts, 2);
    assert_rejected(&p, 0, WD_REASON_TRUNCATED, -1);
    assert_false(p.r.refused);
    wd_test_parsed_done(&p);

    /* A limit in the middle: what came before is kept. */
    parse_z(&p,
            "[" PART("PARTIAL_RESPONSE", ROW1) "," PART(
                "RESPONSE", "\"responseError\":{\"category\":\"LIMIT\","
                            "\"subcategory\":\"MONTHLY_LIMIT_REACHED\"}") "]");
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, -1);
    assert_false(p.r.refused);
    wd_test_parsed_done(&p);

    /* A message that says nothing among those that do. */
    parse_z(&p, "[{" ROW1 "},{\"x\":1},{" ROW2 "}]");
    assert_int_equal(p.r.n_facts, 2);
    assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, 1);
    wd_test_parsed_done(&p);
}


static void
test_bad_values(void **state)
{
    size_t           i;
    char             body[1000];
    wd_test_parsed_t p;

    static const struct {
        const char *cell;
        wd_reason_e reason;
    } cells[] = {
        {"\"PX_LAST\":\"abc\"", WD_REASON_NOT_A_NUMBER},
        {"\"PX_LAST\":\"nan\"", WD_REASON_NOT_A_NUMBER},
        {"\"PX_LAST\":true", WD_REASON_NOT_A_NUMBER},
        {"\"Y\":\"NaN\"", WD_REASON_NOT_A_NUMBER},
        {"\"Y\":\"-Infinity\"", WD_REASON_NOT_A_NUMBER},
        {"\"Y\":1e999", WD_REASON_NOT_A_NUMBER},
        {"\"Y\":NaN", WD_REASON_NOT_A_NUMBER},
        {"\"PX_LAST\":-Infinity", WD_REASON_NOT_A_NUMBER},
        {"\"Y\":\"-1e999\"", WD_REASON_NOT_A_NUMBER},
        {"\"Y\":[1]", WD_REASON_SYNTAX},
        {"\"Y\":{\"a\":{}}", WD_REASON_SYNTAX},
        {"\"Y\":\"\xff\xfe\"", WD_REASON_SYNTAX},
        {"\"\xc3\":1", WD_REASON_SYNTAX},
        {"\"\":1", WD_REASON_SYNTAX},
        {"\"  \":1", WD_REASON_SYNTAX},
        {"\"01234567890123456789012345678901234567890123456789012345678901"
         "2345678901234567890123456789012345678901234567890123456789012345"
         "67890\":1",
         WD_REASON_SYNTAX},
    };

    (void) state;
    for (i = 0; i < wd_array_len(cells); i++) {
        snprintf(body, sizeof(body),
                 HISTORY("A", "{\"date\":20200101,\"X\":0},"
                              "{\"date\":20200102,\"X\":1,%s,\"Z\":2}"),
                 cells[i].cell);
        parse_z(&p, body);
        if (p.r.n_facts != 3 || p.r.n_rejects != 1
            || p.r.rejects[0].reason != cells[i].reason) {
            fail_msg("%s", cells[i].cell);
        }
        assert_int_equal(p.r.rejects[0].record, 1);
        wd_test_assert_fact(&p, 2, "A", "Z", "2");
        wd_test_parsed_done(&p);
    }

    /* What is no JSON costs its row. */
    parse_z(&p, HISTORY("A", "{\"date\":20200101,\"X\":None},"
                             "{\"date\":20200102,\"X\":1}"));
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 0);
    wd_test_parsed_done(&p);
}


static void
test_securities_named(void **state)
{
    size_t           i;
    char             body[500];
    wd_test_parsed_t p;

    static const char *const good[] = {"IBM US Equity",
                                       "T 4 1/2 02/15/36 Govt",
                                       "/isin/US88160R1014@BGN",
                                       "BRK/B US Equity",
                                       "S&P",
                                       "C A$ Curncy",
                                       "5EGSTUS% Index",
                                       "AAPL US 01/19/24 C190 Equity",
                                       "01234567890123456789012345678901"};
    static const char *const bad[] = {
        "",         "  ",       "012345678901234567890123456789012",
        "a|b",      "<b>",      "a\\\"b",
        "\xc3\xa9", "a\\u0000", "a\\nb",
        "\x7f"};

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        snprintf(body, sizeof(body),
                 "{\"securityData\":[{\"security\":\"%s\","
                 "\"fieldData\":{\"X\":1}}]}",
                 good[i]);
        parse_z(&p, body);
        assert_int_equal(p.r.n_facts, 1);
        assert_int_equal(p.r.n_rejected, 0);
        wd_test_parsed_done(&p);
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        snprintf(body, sizeof(body),
                 "{\"securityData\":[{\"security\":\"%s\","
                 "\"fieldData\":{\"X\":1}}," REFERENCE("B", "\"X\":2") "]}",
                 bad[i]);
        parse_z(&p, body);
        assert_int_equal(p.r.n_facts, 1);
        wd_test_assert_fact(&p, 0, "B", "X", "2");
        assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 0);
        wd_test_parsed_done(&p);
    }

    parse_z(&p, "{\"securityData\":[{\"fieldData\":{\"X\":1}},7,[1],"
                "{\"security\":{\"a\":1},\"fieldData\":{\"X\":1}}]}");
    assert_int_equal(p.r.n_facts, 0);
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 0);
    assert_rejected(&p, 1, WD_REASON_SYNTAX, 1);
    assert_rejected(&p, 2, WD_REASON_SYNTAX, 2);
    assert_rejected(&p, 3, WD_REASON_BAD_SYMBOL, 3);
    wd_test_parsed_done(&p);
}


static void
test_bounds(void **state)
{
    size_t           i, n = WD_RECORD_FIELD_MAX + 1;
    char            *body;
    wd_test_parsed_t p;

    static char long_text[WD_RECORD_FIELD_MAX + 300];

    (void) state;
    i = (size_t) sprintf(long_text, "{\"securityData\":{\"security\":\"A\","
                                    "\"fieldData\":{\"X\":\"");
    memset(long_text + i, 'x', n);
    strcpy(long_text + i + n, "\",\"Y\":1}}}");
    parse_z(&p, long_text);
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_TOO_LONG, 0);
    wd_test_parsed_done(&p);

    /* More fields than a request may have. */
    body = malloc(600 * 12 + 300);
    assert_non_null(body);
    i = (size_t) sprintf(body, "{\"securityData\":{\"security\":\"A\","
                               "\"fieldData\":[{\"date\":20200101");
    for (n = 0; n < 600; n++) {
        i += (size_t) sprintf(body + i, ",\"F%zu\":1", n);
    }
    strcpy(body + i, "}]}}");
    parse_z(&p, body);
    assert_int_equal(p.r.n_facts, 512);
    assert_int_equal(p.r.n_rejected, 600 - 512);
    assert_rejected(&p, 0, WD_REASON_TOO_MANY, 0);
    wd_test_parsed_done(&p);
    free(body);

    /* Deep nesting of every kind ends, and is no data. */
    for (n = 0; n < 3; n++) {
        static const char *const parts[] = {"[", "{\"data\":", "{\"x\":"};
        size_t                   k, len = strlen(parts[n]);

        body = malloc(100000 * len + 1);
        assert_non_null(body);
        for (k = 0; k < 100000; k++) {
            memcpy(body + k * len, parts[n], len);
        }
        assert_ok(wd_bbg_blp_parse(wd_test_copy(&p, body, 100000 * len), &p.r));
        assert_true(p.r.refused);
        wd_test_parsed_done(&p);
        free(body);
    }
}


static const char three[] = ENVELOPE(HISTORY(
    "A",
    OHLC("2020-01-01", "10.125") "," OHLC("2020-01-02", "10.25") "," OHLC(
        "2020-01-03",
        "10.5")) "," HISTORY("B",
                             OHLC("2020-01-01",
                                  "11.125")) ","
                                             "{\"securityData\":[" REFERENCE(
                                                 "C", "\"X\":1,\"NAME\":"
                                                      "\"caf\xc3\xa9\"") "]}");

/* What is there is what was sent, whatever happened to the rest. */
static void
assert_nothing_invented(const wd_test_parsed_t *p)
{
    size_t i;

    assert_true(p->r.n_bars <= 4 && p->r.n_facts <= 2);
    for (i = 0; i < p->r.n_bars; i++) {
        const wd_bar_rec_t *b = &p->r.bars[i];

        assert_true(b->open == 10.5 && b->high == 12 && b->low == 9.25);
        assert_true(wd_str_eq_z(b->symbol, "A")
                        ? b->close == 10.125 || b->close == 10.25
                              || b->close == 10.5
                        : wd_str_eq_z(b->symbol, "B") && b->close == 11.125);
    }
    for (i = 0; i < p->r.n_facts; i++) {
        assert_view(p->r.facts[i].symbol, "C");
    }
}


static void
test_every_cut(void **state)
{
    size_t           n;
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, three);
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_bars, 4);
    assert_int_equal(p.r.n_facts, 2);
    wd_test_parsed_done(&p);
    for (n = 0; n < sizeof(three) - 1; n++) {
        assert_ok(wd_bbg_blp_parse(wd_test_copy(&p, three, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_int_equal(p.r.rejects[0].reason, WD_REASON_TRUNCATED);
        assert_nothing_invented(&p);
        wd_test_parsed_done(&p);
    }
}


/* A row of A that is damaged costs no other, and none comes to A from B. */
static void
test_damage_in_a_row(void **state)
{
    size_t           i, from, to;
    char             text[sizeof(three)];
    wd_test_parsed_t p;

    (void) state;
    from = (size_t) (strstr(three, OHLC("2020-01-02", "10.25")) - three);
    to = from + strlen(OHLC("2020-01-02", "10.25"));
    for (i = from; i < to; i++) {
        memcpy(text, three, sizeof(three));
        text[i] = '\x01';
        parse_z(&p, text);
        assert_true(p.r.n_bars >= 2);
        assert_true(p.r.bars[0].close == 10.125);
        assert_view(p.r.bars[p.r.n_bars - 1].symbol, "B");
        assert_true(p.r.bars[p.r.n_bars - 2].close != 11.125);
        assert_true(p.r.n_bars == 3 || i == from);
        assert_int_equal(p.r.n_facts, 2);
        assert_true(p.r.n_rejected != 0);
        assert_nothing_invented(&p);
        wd_test_parsed_done(&p);
    }
}


static void
test_damage_anywhere(void **state)
{
    size_t           i;
    char             text[sizeof(three)];
    wd_test_parsed_t p;

    (void) state;
    for (i = 0; i < sizeof(three) - 1; i++) {
        memcpy(text, three, sizeof(three));
        text[i] = '\x01';
        parse_z(&p, text);
        assert_true(p.r.n_rejected != 0);
        assert_nothing_invented(&p);
        wd_test_parsed_done(&p);
    }
}


static void
test_random_damage(void **state)
{
    size_t           i, k;
    char             text[sizeof(three)];
    wd_test_parsed_t p;

    (void) state;
    for (i = 0; i < 5000; i++) {
        memcpy(text, three, sizeof(three));
        for (k = 0; k <= wd_test_below(4); k++) {
            text[wd_test_below(sizeof(three) - 1)] = (char) wd_test_below(256);
        }
        assert_ok(
            wd_bbg_blp_parse(wd_test_copy(&p, text, sizeof(three) - 1), &p.r));
        for (k = 0; k < p.r.n_bars; k++) {
            assert_true(isfinite(p.r.bars[k].close));
            assert_true(p.r.bars[k].symbol.len != 0);
        }
        for (k = 0; k < p.r.n_facts; k++) {
            assert_true(wd_utf8_valid(p.r.facts[k].item));
            assert_true(wd_utf8_valid(p.r.facts[k].text));
        }
        wd_test_parsed_done(&p);
    }
}


/* Damage all over costs time in proportion to the text, not to its square. */
static void
test_much_damage(void **state)
{
    size_t           i, k, n = 2 * 1024 * 1024, len;
    char            *body = malloc(n);
    wd_test_parsed_t p;

    static const char *const parts[] = {
        "{\"securityData\":[{x},",
        "{\"date\":x},",
        "{\"security\":x},",
        "{\"HistoricalDataResponse\":{\"a\":1,\"securityData\":[{!",
        "{\"securityData\":{\"security\":\"A\",\"fieldData\":[{\"date\":!",
        "{\"securityData\":{\"security\":\"A\",\"fieldData\":{\"a\":[{!"};

    (void) state;
    assert_non_null(body);
    for (i = 0; i < wd_array_len(parts); i++) {
        len = strlen(parts[i]);
        body[0] = '[';
        for (k = 1; k + len <= n; k += len) {
            memcpy(body + k, parts[i], len);
        }
        assert_ok(wd_bbg_blp_parse(wd_test_copy(&p, body, k), &p.r));
        assert_int_equal(p.r.n_bars + p.r.n_facts, 0);
        wd_test_parsed_done(&p);
    }
    free(body);
}


static void
test_duplicates(void **state)
{
    wd_test_parsed_t p;

    (void) state; /* both are kept: which one holds is decided later */
    parse_z(&p, HISTORY("A", OHLC("2020-01-01", "10.5") "," OHLC("2020-01-01",
                                                                 "11")));
    assert_int_equal(p.r.n_bars, 2);
    assert_true(p.r.bars[0].close == 10.5 && p.r.bars[1].close == 11);
    wd_test_parsed_done(&p);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_of_bars),
        cmocka_unit_test(test_history_of_facts),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_reference),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_one_element),
        cmocka_unit_test(test_errors_of_items),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_bad_values),
        cmocka_unit_test(test_securities_named),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_damage_in_a_row),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_random_damage),
        cmocka_unit_test(test_much_damage),
        cmocka_unit_test(test_duplicates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
