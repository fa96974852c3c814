/*
 * test_domain_lseg_names.c - LSEG's ESG views as facts, its lookups, tables of
 * conversions and search as identifiers and instruments.
 *
 * The scores and identifiers of IBM and Microsoft are real ones; the answers
 * around them were written for this test.
 */
#include "wd_test_records.h"

#include "wd_lseg_parse.h"

#include <math.h>


static void
parse_z(wd_test_parsed_t *p, wd_lseg_dataset_e dataset, const char *text)
{
    assert_ok(wd_lseg_parse(dataset, wd_test_copy_z(p, text), &p->r));
}


static void
assert_id(const wd_test_parsed_t *p, size_t i, const char *symbol,
          const char *scheme, const char *value)
{
    assert_true(i < p->r.n_identifiers);
    assert_view(p->r.identifiers[i].symbol, symbol);
    assert_view(p->r.identifiers[i].scheme, scheme);
    assert_view(p->r.identifiers[i].value, value);
}


/* Headers behind the rows, as the service sends them. */
#define VIEW(rows, attributes)                                                 \
    "{\"links\":{\"count\":1},\"variability\":\"fixed\",\"universe\":"         \
    "[{\"Instrument\":\"IBM.N\",\"Organization PermID\":\"4295904307\"}],"     \
    "\"data\":[" rows "],\"messages\":{\"codes\":[[-1,-1],[-1]],"              \
    "\"descriptions\":[{\"code\":-1,\"description\":\"ok\"}]},\"headers\":"    \
    "[{\"name\":\"instrument\",\"title\":\"Instrument\",\"type\":\"string\"}," \
    "{\"name\":\"periodenddate\",\"type\":\"date\"},"                          \
    "{\"name\":\"TR.SocialPillarScore\",\"type\":\"number\"},"                 \
    "{\"name\":\"TR.Grade\",\"type\":\"string\"},"                             \
    "{\"name\":\"TR.CSRReportingScope\",\"type\":\"number\"}],"                \
    "\"attributes\":[" attributes "]}"
#define ESG20 "[\"IBM.N\",\"2020-12-31\",96.625022435838,\"A+\",100]"
#define ESG19 "[\"IBM.N\",\"2019-12-31T00:00:00\",null,\"\",\"95\"]"
#define UNITS "[null,null,null,null,{\"unit\":\"Percentage\"}]"


static void
test_facts(void **state)
{
    wd_test_parsed_t     p;
    const wd_fact_rec_t *f;

    (void) state;
    parse_z(&p, WD_LSEG_ESG_BASIC, VIEW(ESG20 "," ESG19, UNITS "," UNITS));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_records, 2);
    assert_int_equal(p.r.n_facts, 6);
    f = &p.r.facts[0];
    assert_view(f->symbol, "IBM.N");
    assert_view(f->item, "TR.SocialPillarScore");
    assert_view(f->text, "96.625022435838");
    assert_true(f->value == 96.625022435838);
    assert_true(f->time == wd_test_day("2020-12-31"));
    assert_null(f->unit.data);
    assert_view(p.r.facts[1].text, "A+");
    assert_true(isnan(p.r.facts[1].value));
    assert_view(p.r.facts[2].unit, "Percentage");
    assert_true(p.r.facts[2].value == 100);

    /* Missing is said, and is not zero. */
    f = &p.r.facts[3];
    assert_true(f->time == wd_test_day("2019-12-31"));
    assert_null(f->text.data);
    assert_true(isnan(f->value));
    assert_int_equal(f->record, 1);
    assert_null(p.r.facts[4].text.data);
    assert_true(p.r.facts[5].value == 95);
    assert_view(p.r.facts[5].unit, "Percentage");
    wd_test_parsed_done(&p);
}


static void
test_fact_units(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const attributes[] = {
        "",
        "null",
        "[null]",
        "[null,null,null,null,7]",
        "7,8",
        "[[],[],[],[],[]]",
        UNITS "," UNITS "," UNITS,
        "[null,null,null,null,{\"unit\":7.5e999}]",
        "[null,null,null,null,{\"unit\":\"\xff\"}]"};

    (void) state;
    for (i = 0; i < wd_array_len(attributes); i++) {
        char *body = malloc(4096);

        snprintf(body, 4096, VIEW(ESG20 "," ESG19, "%s"), attributes[i]);
        parse_z(&p, WD_LSEG_ESG_SCORES_FULL, body);
        assert_int_equal(p.r.n_facts, 6);
        assert_int_equal(p.r.n_rejected, 0);
        assert_true(wd_utf8_valid(p.r.facts[2].unit));
        wd_test_parsed_done(&p);
        free(body);
    }
}


static void
test_bad_facts(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_ESG_MEASURES_FULL,
            VIEW("[\"IBM.N\",\"2020-12-31\",\"many\",[1],true],"
                 "[\"IBM.N\",\"2020-12-31\",1e999,true,{}],"
                 "[\"IBM.N\",null,1,\"A\",1],"
                 "[\"I BM\",\"2020-12-31\",1,\"A\",1],"
                 "[null,\"2020-12-31\",1,\"A\",1],"
                 "[\"IBM.N\",\"2020-12-31\",1,\"\xff\",1],"
                 "[\"IBM.N\",\"2020-12-31\",1,\"A\"]," ESG20,
                 ""));
    assert_int_equal(p.r.n_facts, 6);
    assert_int_equal(p.r.n_rejected, 10);
    assert_rejected(&p, 0, WD_REASON_NOT_A_NUMBER, 0);
    assert_rejected(&p, 1, WD_REASON_SYNTAX, 0);
    assert_rejected(&p, 2, WD_REASON_NOT_A_NUMBER, 0);
    assert_rejected(&p, 3, WD_REASON_NOT_A_NUMBER, 1);
    assert_rejected(&p, 4, WD_REASON_SYNTAX, 1);
    assert_rejected(&p, 5, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 6, WD_REASON_BAD_SYMBOL, 3);
    assert_rejected(&p, 7, WD_REASON_BAD_SYMBOL, 4);
    assert_rejected(&p, 8, WD_REASON_SYNTAX, 5);
    assert_rejected(&p, 9, WD_REASON_SYNTAX, 6);
    assert_view(p.r.facts[0].text, "true");
    wd_test_parsed_done(&p);
}


static void
test_long_fact(void **state)
{
    wd_test_parsed_t p;

    static char text[WD_RECORD_FIELD_MAX + 2];
    static char body[sizeof(text) + 4096];

    (void) state;
    memset(text, 'a', WD_RECORD_FIELD_MAX + 1);
    snprintf(body, sizeof(body),
             VIEW("[\"IBM.N\",\"2020-12-31\",1,\"%s\",1]", ""), text);
    parse_z(&p, WD_LSEG_ESG_MEASURES_FULL, body);
    assert_int_equal(p.r.n_facts, 2);
    assert_rejected(&p, 0, WD_REASON_TOO_LONG, 0);
    wd_test_parsed_done(&p);
}


static void
test_esg_errors(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_ESG_BASIC,
            "{\"error\":{\"code\":412,\"description\":\"Unable to resolve all "
            "requested identifiers.\"},\"links\":{\"count\":0},\"data\":[]}");
    assert_true(p.r.refused);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, -1);
    assert_has(p.r.rejects[0].detail.data, "412: Unable");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_ESG_BASIC,
            "{\"universe\":[{\"Instrument\":\"Q.N\",\"Organization PermID\":"
            "\"Failed to resolve identifier(s).\"},7],\"data\":[[\"I\",1]],"
            "\"headers\":[{\"name\":\"Instrument\"},{\"title\":\"Score\"}]}");
    assert_false(p.r.refused);
    assert_int_equal(p.r.n_facts, 1);
    assert_view(p.r.facts[0].item, "Score");
    assert_true(p.r.facts[0].value == 1 && p.r.facts[0].time == WD_NS_MIN);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, -1);
    assert_view(p.r.rejects[0].sample, "Q.N");
    wd_test_parsed_done(&p);

    /* Prices are no scores. */
    parse_z(&p, WD_LSEG_ESG_BASIC,
            "[{\"universe\":{\"ric\":\"A\"},\"headers\":[{\"name\":\"DATE\"}],"
            "\"data\":[[\"2020-01-01\"]]}]");
    assert_true(p.r.refused);
    assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, -1);
    wd_test_parsed_done(&p);
}


static void
test_esg_damage(void **state)
{
    size_t           i, n, from;
    char            *text;
    wd_test_parsed_t p;

    static const char body[] = VIEW(ESG20 "," ESG19 "," ESG20, UNITS);

    (void) state;
    from = (size_t) (strstr(body, ESG19) - body);
    for (i = from; i < from + strlen(ESG19); i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse_z(&p, WD_LSEG_ESG_BASIC, text);
        assert_true(p.r.n_facts >= 6 && p.r.n_facts <= 9);
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.facts[p.r.n_facts - 1].time
                    == wd_test_day("2020-12-31"));
        wd_test_parsed_done(&p);
        free(text);
    }

    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(
            wd_lseg_parse(WD_LSEG_ESG_BASIC, wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_facts == 0 || p.r.n_facts == 9);
        wd_test_parsed_done(&p);
    }
}


#define PAIR(value, type) \
    "{\"value\":\"" value "\",\"identifierType\":\"" type "\"}"
#define IBM                                                    \
    "{\"input\":[" PAIR("IBM.N", "RIC") "],\"output\":[" PAIR( \
        "US4592001014", "ISIN") "," PAIR("IBM", "ExchangeTicker") "]}"
#define MSFT                                     \
    "{\"output\":[" PAIR("INR2EJN1ERAN0W5ZP974", \
                         "LEI") "],\"input\":[" PAIR("MSFT.O", "RIC") "]}"
#define LOOKUP(items) \
    "{\"data\":[" items "],\"requestId\":\"8e\",\"messages\":[]}"


static void
test_lookup(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_SYMBOLOGY, LOOKUP(IBM "," MSFT));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_identifiers, 3);
    assert_id(&p, 0, "IBM.N", "ISIN", "US4592001014");
    assert_id(&p, 1, "IBM.N", "TICKER", "IBM");
    assert_id(&p, 2, "MSFT.O", "LEI", "INR2EJN1ERAN0W5ZP974");
    assert_int_equal(p.r.identifiers[2].record, 1);
    assert_view(p.r.identifiers[0].asked, "RIC");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_SYMBOLOGY,
            LOOKUP("{\"input\":[" PAIR(
                "US4592001014", "ISIN") "],\"output\":[" PAIR("IBM.N",
                                                              "RIC") "]}"));
    assert_id(&p, 0, "US4592001014", "RIC", "IBM.N");
    assert_view(p.r.identifiers[0].asked, "ISIN");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_SYMBOLOGY, LOOKUP(""));
    assert_true(p.r.empty && !p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_bad_lookup(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *item;
        wd_reason_e reason;
    } bad[] = {
        {"{\"input\":[" PAIR("Q.N", "RIC") "],\"output\":[]}",
         WD_REASON_PROVIDER_ERROR},
        {"{\"input\":[" PAIR("Q.N", "RIC") "],\"output\":null}",
         WD_REASON_MISSING_FIELD},
        {"{\"input\":[" PAIR("Q.N", "RIC") "]}", WD_REASON_MISSING_FIELD},
        {"{\"output\":[" PAIR("1", "ISIN") "]}", WD_REASON_MISSING_FIELD},
        {"{}", WD_REASON_MISSING_FIELD},
        {"{\"input\":[],\"output\":[" PAIR("1", "ISIN") "]}",
         WD_REASON_BAD_SYMBOL},
        {"{\"input\":{},\"output\":[" PAIR("1", "ISIN") "]}",
         WD_REASON_BAD_SYMBOL},
        {"{\"input\":[" PAIR("a b", "RIC") "],\"output\":[{}]}",
         WD_REASON_BAD_SYMBOL},
        {"{\"input\":[" PAIR("A", "RIC") "],\"output\":[{\"value\":\"1\"}]}",
         WD_REASON_MISSING_FIELD},
        {"{\"input\":[" PAIR("A", "RIC") "],\"output\":[" PAIR("", "X") "]}",
         WD_REASON_MISSING_FIELD},
        {"{\"input\":[" PAIR("A", "RIC") "],\"output\":[7]}",
         WD_REASON_MISSING_FIELD},
        {"{\"input\":[" PAIR("A", "RIC") "],\"output\":[" PAIR("\xff",
                                                               "X") "]}",
         WD_REASON_SYNTAX},
        {"7", WD_REASON_SYNTAX},
        {"[]", WD_REASON_SYNTAX},
        {"{\"input\":[nope]}", WD_REASON_SYNTAX},
    };

    (void) state;
    for (i = 0; i < wd_array_len(bad); i++) {
        char *body = malloc(4096);

        snprintf(body, 4096, LOOKUP(IBM ",%s," MSFT), bad[i].item);
        parse_z(&p, WD_LSEG_SYMBOLOGY, body);
        if (p.r.n_identifiers != 3 || p.r.n_rejects != 1
            || p.r.rejects[0].reason != bad[i].reason
            || p.r.rejects[0].record != 1) {
            fail_msg("%s: %zu identifiers, %zu rejects", bad[i].item,
                     p.r.n_identifiers, p.r.n_rejects);
        }
        assert_id(&p, 2, "MSFT.O", "LEI", "INR2EJN1ERAN0W5ZP974");
        wd_test_parsed_done(&p);
        free(body);
    }
}


static void
test_lookup_cuts(void **state)
{
    size_t           n;
    wd_test_parsed_t p;

    static const char body[] = LOOKUP(IBM "," MSFT);

    (void) state;
    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(
            wd_lseg_parse(WD_LSEG_SYMBOLOGY, wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_identifiers == 0 || p.r.n_identifiers == 2
                    || p.r.n_identifiers == 3);
        wd_test_parsed_done(&p);
    }
}


static void
test_convert(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_LSEG_SYMBOLOGY,
            "{\"data\":[[\"IBM.N\",\"2001-06-08T00:00:00\",\"US4592001014\","
            "\"459200101\",4295904307],[\"TRI.N\",null,null,\"\",[1]],"
            "[null,null,\"x\",null,null]],\"headers\":[{\"name\":"
            "\"instrument\"},{\"name\":\"date\"},{\"name\":\"IssueISIN\"},"
            "{\"name\":\"CUSIP\"},{\"name\":\"IssuerOAPermID\"}],\"universe\":"
            "[{\"Instrument\":\"IBM.N\"}]}");
    assert_int_equal(p.r.n_identifiers, 3);
    assert_id(&p, 0, "IBM.N", "ISIN", "US4592001014");
    assert_id(&p, 1, "IBM.N", "CUSIP", "459200101");
    assert_id(&p, 2, "IBM.N", "OAPERMID", "4295904307");
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 2);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_SYMBOLOGY,
            "{\"data\":[[1]],\"headers\":[{\"name\":\"ISIN\"}]}");
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_matches(void **state)
{
    size_t           n;
    wd_test_parsed_t p;

    static const char body[]
        = "{\"Matches\":{\"US4592001014\":{\"RIC\":\"IBM\",\"DocumentTitle\":"
          "\"x\",\"more\":[1]},\"a b\":{\"RIC\":\"A\"},\"q\":7}}";

    (void) state;
    parse_z(&p, WD_LSEG_SYMBOLOGY, body);
    assert_int_equal(p.r.n_identifiers, 1);
    assert_id(&p, 0, "US4592001014", "RIC", "IBM");
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 1);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_LSEG_SYMBOLOGY, "{\"Matches\":{}}");
    assert_true(p.r.empty);
    wd_test_parsed_done(&p);

    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(
            wd_lseg_parse(WD_LSEG_SYMBOLOGY, wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_identifiers <= 1);
        wd_test_parsed_done(&p);
    }
}


#define APPLE                                                              \
    "{\"BusinessEntity\":\"QUOTExEQUITY\",\"DocumentTitle\":\"Apple Inc, " \
    "Ordinary Share\",\"PermID\":\"55838974642\",\"PI\":\"732611\","       \
    "\"RIC\":\"AAPL.O\"}"
#define ISSUER                                                              \
    "{\"BusinessEntity\":\"ORGANISATION\",\"DocumentTitle\":\"Apple Inc\"," \
    "\"PI\":\"41815\"}"
#define BERKSHIRE                                                           \
    "{\"RIC\":\"BRKb.N\",\"CommonName\":\"Berkshire\",\"ExchangeCode\":"    \
    "\"NYS\",\"Currency\":\"USD\",\"AssetState\":\"AC\",\"AssetCategory\":" \
    "\"ORD\",\"RCSExchangeCountryLeaf\":\"United States\",\"IssueISIN\":"   \
    "\"US0846707026\"}"
#define SEARCH(hits) "{\"Total\":4375,\"Hits\":[" hits "]}"


static void
test_search(void **state)
{
    wd_test_parsed_t           p;
    const wd_instrument_rec_t *in;

    (void) state;
    parse_z(&p, WD_LSEG_SEARCH, SEARCH(ISSUER "," APPLE "," BERKSHIRE));
    assert_int_equal(p.r.total, 4375);
    assert_int_equal(p.r.n_instruments, 2);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 0);
    in = &p.r.instruments[0];
    assert_view(in->symbol, "AAPL.O");
    assert_view(in->name, "Apple Inc, Ordinary Share");
    assert_view(in->type, "QUOTExEQUITY");
    assert_int_equal(in->record, 1);
    assert_id(&p, 0, "AAPL.O", "RIC", "AAPL.O");
    assert_id(&p, 1, "AAPL.O", "PERMID", "55838974642");
    assert_id(&p, 2, "AAPL.O", "PI", "732611");

    /* The symbol is in upper case, the RIC stays what it is. */
    in = &p.r.instruments[1];
    assert_view(in->symbol, "BRKB.N");
    assert_view(in->name, "Berkshire");
    assert_view(in->exchange, "NYS");
    assert_view(in->currency, "USD");
    assert_view(in->country, "United States");
    assert_view(in->status, "AC");
    assert_view(in->type, "ORD");
    assert_id(&p, 3, "BRKB.N", "RIC", "BRKb.N");
    assert_id(&p, 4, "BRKB.N", "ISIN", "US0846707026");
    wd_test_parsed_done(&p);
}


static void
test_search_bad(void **state)
{
    size_t           i, n;
    char            *text;
    wd_test_parsed_t p;

    static const char        body[] = SEARCH(APPLE "," APPLE "," BERKSHIRE);
    static const char *const refused[] = {
        "{\"Buckets\":[{\"Label\":\"a\",\"Count\":1}]}", "{\"Properties\":{}}",
        "{\"Hits\":7}", "{\"Total\":1}"};

    (void) state;
    parse_z(&p, WD_LSEG_SEARCH,
            "{\"Total\":\"x\",\"Hits\":[7,{\"RIC\":7e1},{\"RIC\":null},"
            "{\"RIC\":\"A\",\"CommonName\":\"\xff\"}," APPLE "]}");
    assert_int_equal(p.r.total, -1);
    assert_int_equal(p.r.n_instruments, 2); /* 7e1 is a name as any other */
    assert_int_equal(p.r.n_rejects, 3);
    wd_test_parsed_done(&p);

    for (i = 0; i < wd_array_len(refused); i++) {
        parse_z(&p, WD_LSEG_SEARCH, refused[i]);
        assert_true(p.r.refused);
        wd_test_parsed_done(&p);
    }
    for (i = 20; i < strlen(APPLE); i++) {
        text = strdup(body);
        (strstr(text, APPLE "," BERKSHIRE))[i] = '\x01';
        parse_z(&p, WD_LSEG_SEARCH, text);
        assert_true(p.r.n_instruments >= 2 && p.r.n_rejects != 0);
        assert_view(p.r.instruments[p.r.n_instruments - 1].symbol, "BRKB.N");
        wd_test_parsed_done(&p);
        free(text);
    }
    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(
            wd_lseg_parse(WD_LSEG_SEARCH, wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_instruments <= 3);
        wd_test_parsed_done(&p);
    }
}


static void
test_random_damage(void **state)
{
    size_t           i, k, which, len;
    char             copy[2048];
    wd_test_parsed_t p;

    static const struct {
        wd_lseg_dataset_e dataset;
        const char       *body;
    } texts[] = {
        {WD_LSEG_ESG_BASIC, VIEW(ESG20 "," ESG19, UNITS "," UNITS)},
        {WD_LSEG_SYMBOLOGY, LOOKUP(IBM "," MSFT)},
        {WD_LSEG_SEARCH, SEARCH(APPLE "," ISSUER "," BERKSHIRE)},
    };

    (void) state;
    for (i = 0; i < 6000; i++) {
        which = i % wd_array_len(texts);
        len = strlen(texts[which].body);
        memcpy(copy, texts[which].body, len);
        for (k = 0; k <= wd_test_below(4); k++) {
            copy[wd_test_below(len)] = (char) wd_test_below(256);
        }
        assert_ok(wd_lseg_parse(texts[which].dataset,
                                wd_test_copy(&p, copy, len), &p.r));
        for (k = 0; k < p.r.n_facts; k++) {
            assert_true(wd_record_text_ok(p.r.facts[k].item, 128));
            assert_true(wd_record_text_ok(p.r.facts[k].text, 1024));
        }
        for (k = 0; k < p.r.n_identifiers; k++) {
            assert_true(wd_record_text_ok(p.r.identifiers[k].value, 128));
        }
        wd_test_parsed_done(&p);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_fact_units),
        cmocka_unit_test(test_bad_facts),
        cmocka_unit_test(test_long_fact),
        cmocka_unit_test(test_esg_errors),
        cmocka_unit_test(test_esg_damage),
        cmocka_unit_test(test_lookup),
        cmocka_unit_test(test_bad_lookup),
        cmocka_unit_test(test_lookup_cuts),
        cmocka_unit_test(test_convert),
        cmocka_unit_test(test_matches),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_search_bad),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
