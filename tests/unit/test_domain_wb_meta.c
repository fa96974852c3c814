/*
 * test_domain_wb_meta.c - the World Bank's lists as facts: every list, of
 * today and of 2012, what is missing, what is damaged, rows of other lists.
 *
 * Codes, names and places are those of the Bank's own lists.
 */
#include "wd_test_records.h"

#include "wd_wb_parse.h"

#include <math.h>

#define PAGE(total) \
    "{\"page\":1,\"pages\":1,\"per_page\":\"400\",\"total\":" total "}"
#define DOC(total, rows) "[" PAGE(total) ",[" rows "]]"
#define PAIR(id, value) \
    "{\"id\":\"" id "\",\"iso2code\":\"XX\",\"value\":\"" value "\"}"
#define COUNTRY(id, id2, name, region, longitude)                               \
    "{\"id\":\"" id "\",\"iso2Code\":\"" id2 "\",\"name\":\"" name              \
    "\",\"region\":" region                                                     \
    ",\"adminregion\":" PAIR("", "") ",\"incomeLevel\":" PAIR(                  \
        "HIC",                                                                  \
        "High income") ",\"lendingType\":" PAIR("LNX",                          \
                                                "Not classified") ",\"capital"  \
                                                                  "City\":"     \
                                                                  "\"\","       \
                                                                  "\"longitud"  \
                                                                  "e\""         \
                                                                  ":" longitude \
                                                                  ",\"latitud"  \
                                                                  "e\":\"12."   \
                                                                  "5167\"}"

#define ABW                                                                  \
    COUNTRY("ABW", "AW", "Aruba", PAIR("LCN", "Latin America & Caribbean "), \
            "\"-70.0167\"")
#define AFE                                             \
    COUNTRY("AFE", "ZH", "Africa Eastern and Southern", \
            PAIR("NA", "Aggregates"), "\"\"")
#define FRA COUNTRY("FRA", "FR", "France", PAIR("ECS", "Europe"), "2.35097")

#define TRACTORS                                                            \
    "{\"id\":\"AG.AGR.TRAC.NO\",\"name\":\"Tractors\",\"unit\":\"\","       \
    "\"source\":{\"id\":\"2\",\"value\":\"World Development Indicators\"}," \
    "\"sourceNote\":\"A note.\",\"sourceOrganization\":\"FAO\",\"topics\":" \
    "[{\"id\":\"1\",\"value\":\"Agriculture & Rural Development  \"},"      \
    "{\"id\":\"3\",\"value\":\"Economy & Growth\"}]}"
#define WDI                                                                   \
    "{\"id\":\"2\",\"lastupdated\":\"2024-05-30\",\"name\":\"World "          \
    "Development Indicators\",\"code\":\"WDI\",\"description\":\"\","         \
    "\"url\":\"\",\"dataavailability\":\"Y\",\"metadataavailability\":\"Y\"," \
    "\"concepts\":\"3\"}"
#define TOPIC \
    "{\"id\":\"1\",\"value\":\"Agriculture\",\"sourceNote\":\"A note\"}"
#define REGION                                                             \
    "{\"id\":\"\",\"code\":\"AFE\",\"iso2code\":\"ZH\",\"name\":\"Africa " \
    "Eastern and Southern\"}"
#define INCOME "{\"id\":\"HIC\",\"iso2code\":\"XD\",\"value\":\"High income\"}"
#define OBSERVATION                                                      \
    "{\"indicator\":{\"id\":\"A\",\"value\":\"a\"},\"country\":{\"id\":" \
    "\"FR\",\"value\":\"France\"},\"date\":\"2020\",\"value\":1}"


static void
parse_z(wd_test_parsed_t *p, wd_wb_dataset_e dataset, const char *text)
{
    assert_ok(wd_wb_parse_dataset(dataset, wd_test_copy_z(p, text), &p->r));
}


static const wd_fact_rec_t *
fact(const wd_test_parsed_t *p, const char *symbol, const char *item)
{
    size_t i;

    for (i = 0; i < p->r.n_facts; i++) {
        if (wd_str_eq_z(p->r.facts[i].symbol, symbol)
            && wd_str_eq_z(p->r.facts[i].item, item)) {
            return &p->r.facts[i];
        }
    }
    return NULL;
}


/* NULL: it is said that it is missing. */
static void
assert_fact(const wd_test_parsed_t *p, const char *symbol, const char *item,
            const char *text)
{
    const wd_fact_rec_t *f = fact(p, symbol, item);

    if (f == NULL) {
        fail_msg("%s has no %s", symbol, item);
        return;
    }
    assert_true(f->time == WD_NS_MIN && f->sample.data != NULL);
    if (text == NULL) {
        assert_true(f->text.data == NULL);
    } else {
        assert_view(f->text, text);
    }
}


static void
test_names(void **state)
{
    size_t          i;
    wd_wb_dataset_e d;

    static const struct {
        const char     *name;
        wd_wb_dataset_e dataset;
    } rows[] = {{"indicator", WD_WB_INDICATOR},
                {"countries", WD_WB_COUNTRIES},
                {"sources", WD_WB_SOURCES},
                {"indicators", WD_WB_INDICATORS},
                {"topics", WD_WB_TOPICS},
                {"regions", WD_WB_REGIONS},
                {"income_levels", WD_WB_INCOME_LEVELS},
                {"lending_types", WD_WB_LENDING_TYPES}};

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_true(wd_wb_dataset_by_name(wd_str_z(rows[i].name), &d));
        assert_int_equal(d, rows[i].dataset);
    }
    assert_false(wd_wb_dataset_by_name(WD_STR("country"), &d));
    assert_false(wd_wb_dataset_by_name(WD_STR(""), &d));
}


static void
test_countries(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_WB_COUNTRIES, DOC("2", ABW "," AFE));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_records, 2);
    assert_int_equal(p.r.per_page, 400);
    assert_int_equal(p.r.n_facts, 2 * 14);
    assert_fact(&p, "ABW", "name", "Aruba");
    assert_fact(&p, "ABW", "iso2Code", "AW");
    assert_fact(&p, "ABW", "region", "Latin America & Caribbean");
    assert_fact(&p, "ABW", "region.id", "LCN");
    assert_fact(&p, "ABW", "adminregion", NULL);
    assert_fact(&p, "ABW", "adminregion.id", NULL);
    assert_fact(&p, "ABW", "incomeLevel.id", "HIC");
    assert_fact(&p, "ABW", "lendingType", "Not classified");
    assert_fact(&p, "ABW", "capitalCity", NULL);
    assert_fact(&p, "ABW", "longitude", "-70.0167");
    assert_true(fact(&p, "ABW", "longitude")->value == -70.0167);
    assert_true(fact(&p, "ABW", "latitude")->value == 12.5167);
    assert_true(isnan(fact(&p, "ABW", "name")->value));
    assert_fact(&p, "ABW", "aggregate", "no");
    assert_fact(&p, "AFE", "aggregate", "yes");
    assert_fact(&p, "AFE", "longitude", NULL);
    assert_true(isnan(fact(&p, "AFE", "longitude")->value));
    assert_int_equal(fact(&p, "AFE", "name")->record, 1);
    assert_true(
        wd_str_starts(fact(&p, "AFE", "name")->sample, "{\"id\":\"AFE\""));
    wd_test_parsed_done(&p);

    /* 2012: no code beside the region; none at all; null. */
    parse_z(&p, WD_WB_COUNTRIES,
            DOC("3", "{\"id\":\"IND\",\"iso2Code\":\"IN\",\"name\":\"India\","
                     "\"region\":{\"id\":\"SAS\",\"value\":\"South Asia\"}},"
                     "{\"id\":\"WLD\",\"iso2Code\":\"1W\",\"name\":\"World\"},"
                     "{\"id\":\"PER\",\"iso2Code\":\"PE\",\"name\":\"Peru\","
                     "\"region\":null,\"longitude\":null}"));
    assert_int_equal(p.r.n_rejected, 0);
    assert_fact(&p, "IND", "aggregate", "no");
    assert_fact(&p, "WLD", "aggregate", "yes");
    assert_fact(&p, "PER", "aggregate", "no");
    assert_fact(&p, "PER", "region.id", NULL);
    assert_true(fact(&p, "WLD", "region") == NULL);
    wd_test_parsed_done(&p);
}


static void
test_lists(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_WB_SOURCES,
            DOC("2", WDI ",{\"id\":\"11\",\"name\":\"Africa Development "
                         "Indicators\",\"description\":\"\",\"url\":\"\"}"));
    assert_int_equal(p.r.n_rejected, 0);
    assert_fact(&p, "2", "name", "World Development Indicators");
    assert_fact(&p, "2", "code", "WDI");
    assert_fact(&p, "2", "lastupdated", "2024-05-30");
    assert_fact(&p, "2", "dataavailability", "Y");
    assert_fact(&p, "2", "description", NULL);
    assert_true(fact(&p, "2", "concepts")->value == 3);
    assert_fact(&p, "11", "url", NULL);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_INDICATORS,
            DOC("2", TRACTORS ",{\"id\":\"1.0.HCount.1.90usd\",\"name\":\"x\","
                              "\"source\":{},\"topics\":[{}]}"));
    assert_int_equal(p.r.n_rejected, 0);
    assert_fact(&p, "AG.AGR.TRAC.NO", "name", "Tractors");
    assert_fact(&p, "AG.AGR.TRAC.NO", "unit", NULL);
    assert_fact(&p, "AG.AGR.TRAC.NO", "source.id", "2");
    assert_fact(&p, "AG.AGR.TRAC.NO", "sourceNote", "A note.");
    assert_fact(&p, "AG.AGR.TRAC.NO", "sourceOrganization", "FAO");
    assert_fact(&p, "AG.AGR.TRAC.NO", "topics",
                "Agriculture & Rural Development;Economy & Growth");
    assert_fact(&p, "AG.AGR.TRAC.NO", "topics.id", "1;3");
    assert_fact(&p, "1.0.HCount.1.90usd", "topics", NULL);
    assert_fact(&p, "1.0.HCount.1.90usd", "source", NULL);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_TOPICS, DOC("1", TOPIC));
    assert_int_equal(p.r.n_facts, 2);
    assert_fact(&p, "1", "value", "Agriculture");
    assert_fact(&p, "1", "sourceNote", "A note");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_REGIONS, DOC("1", REGION));
    assert_int_equal(p.r.n_facts, 3);
    assert_fact(&p, "AFE", "id", NULL);
    assert_fact(&p, "AFE", "iso2code", "ZH");
    assert_fact(&p, "AFE", "name", "Africa Eastern and Southern");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_INCOME_LEVELS,
            DOC("2", INCOME ",{\"id\":\"LIC\",\"value\":\"Low income\"}"));
    assert_int_equal(p.r.n_facts, 3);
    assert_fact(&p, "HIC", "iso2code", "XD");
    assert_fact(&p, "LIC", "value", "Low income");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_LENDING_TYPES, DOC("1", PAIR("IBD", "IBRD")));
    assert_fact(&p, "IBD", "value", "IBRD");
    wd_test_parsed_done(&p);
}


/* Each list is refused under every other name, but for the two alike. */
static void
test_other_lists(void **state)
{
    size_t           i, k;
    bool             same;
    wd_test_parsed_t p;

    static const char *const bodies[] = {
        DOC("1", OBSERVATION), DOC("1", FRA),    DOC("1", WDI),
        DOC("1", TRACTORS),    DOC("1", TOPIC),  DOC("1", REGION),
        DOC("1", INCOME),      DOC("1", INCOME),
    };

    (void) state;
    for (i = 0; i < wd_array_len(bodies); i++) {
        for (k = 0; k < wd_array_len(bodies); k++) {
            parse_z(&p, (wd_wb_dataset_e) k, bodies[i]);
            same = strcmp(bodies[i], bodies[k]) == 0;
            assert_int_equal(p.r.refused, !same);
            assert_int_equal(p.r.n_facts + p.r.n_observations != 0, same);
            assert_int_equal(p.r.n_rejects, !same);
            if (!same) {
                assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, -1);
            }
            wd_test_parsed_done(&p);
        }
    }
}


static void
test_envelopes(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *body;
        const char *is;
    } rows[] = {
        {"[{\"page\":0,\"pages\":0,\"per_page\":0,\"total\":0},null]", "empty"},
        {"[{\"page\":\"1\",\"pages\":\"0\",\"total\":\"0\"},[]]", "empty"},
        {"[{\"page\":0,\"total\":0}]", "empty"},
        {"[{\"message\":[{\"id\":\"120\",\"value\":\"x\"}]}]",
         "provider_error"},
        {"<wb:error><wb:message id=\"105\">x</wb:message></wb:error>",
         "provider_error"},
        {"", "truncated"},
        {"{}", "unknown_shape"},
        {"[]", "unknown_shape"},
        {"[[]]", "unknown_shape"},
        {"x", "unknown_shape"},
        {"[" PAGE("1") "]", "unknown_shape"},
        {"[" PAGE("1") ",{}]", "unknown_shape"},
        {"[" FRA "," FRA "]", "unknown_shape"},
        {"<wb:data page=\"1\" total=\"1\"><wb:data/></wb:data>",
         "unknown_shape"},
        {"<wb:countries page=\"1\" total=\"1\"/>", "unknown_shape"},
        {"{\"page\":1,\"total\":1,\"source\":{\"data\":[{\"value\":1}]}}",
         "unknown_shape"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&p, WD_WB_COUNTRIES, rows[i].body);
        assert_int_equal(p.r.n_facts + p.r.n_observations, 0);
        if (strcmp(rows[i].is, "empty") == 0) {
            assert_true(p.r.empty && !p.r.refused && p.r.n_rejects == 0);
        } else {
            assert_true(p.r.refused);
            assert_int_equal(p.r.n_rejects, 1);
            assert_string_equal(wd_reason_name(p.r.rejects[0].reason),
                                rows[i].is);
        }
        wd_test_parsed_done(&p);
    }
}


/* Rows that are lost, between two that are not. */
static void
test_bad_rows(void **state)
{
    size_t           i;
    char             text[4000], longer[100];
    wd_test_parsed_t p;

    static const struct {
        const char *row;
        wd_reason_e reason;
    } rows[] = {
        {COUNTRY("", "AW", "x", "null", "1"), WD_REASON_BAD_SYMBOL},
        {COUNTRY("A B", "AW", "x", "null", "1"), WD_REASON_BAD_SYMBOL},
        {COUNTRY("A\xff", "AW", "x", "null", "1"), WD_REASON_BAD_SYMBOL},
        {COUNTRY("%s", "AW", "x", "null", "1"), WD_REASON_BAD_SYMBOL},
        {COUNTRY("AAA", "AW", "", "null", "1"), WD_REASON_MISSING_FIELD},
        {COUNTRY("AAA", "AW", " ", "null", "1"), WD_REASON_MISSING_FIELD},
        {COUNTRY("AAA", "AW", "\xff", "null", "1"), WD_REASON_SYNTAX},
        {"{\"id\":[1],\"iso2Code\":\"A\",\"name\":\"x\"}",
         WD_REASON_BAD_SYMBOL},
        {"{\"id\":true,\"iso2Code\":\"A\",\"name\":\"x\"}",
         WD_REASON_BAD_SYMBOL},
        {"{\"id\":\"AAA\",\"iso2Code\":\"A\",\"name\":{}}",
         WD_REASON_MISSING_FIELD},
        {"{\"id\":\"AAA\",\"iso2Code\":\"A\"}", WD_REASON_MISSING_FIELD},
        {"{\"id\":\"AAA\",\"name\":\"x\"}", WD_REASON_MISSING_FIELD},
        {INCOME, WD_REASON_MISSING_FIELD},
        {"{}", WD_REASON_MISSING_FIELD},
        {"7", WD_REASON_SYNTAX},
        {"null", WD_REASON_SYNTAX},
        {"[]", WD_REASON_SYNTAX},
        {"{\"id\":\"AAA\",}", WD_REASON_SYNTAX},
    };

    (void) state;
    memset(longer, 'A', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    for (i = 0; i < wd_array_len(rows); i++) {
        char row[2000];

        snprintf(row, sizeof(row), rows[i].row, longer);
        snprintf(text, sizeof(text), DOC("3", ABW ",%s," FRA), row);
        parse_z(&p, WD_WB_COUNTRIES, text);
        assert_int_equal(p.r.n_facts, 2 * 14);
        assert_fact(&p, "FRA", "name", "France");
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, 1);
        wd_test_parsed_done(&p);
    }
}


/* Items that are lost, of a row that is not. */
static void
test_bad_items(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *row;
        wd_reason_e reason;
        size_t      lost;
    } rows[] = {
        {COUNTRY("AAA", "AW", "x", "null", "\"1e999\""), WD_REASON_NOT_A_NUMBER,
         1},
        {COUNTRY("AAA", "AW", "x", "null", "1e999"), WD_REASON_NOT_A_NUMBER, 1},
        {COUNTRY("AAA", "AW", "x", "null", "\"NaN\""), WD_REASON_NOT_A_NUMBER,
         1},
        {COUNTRY("AAA", "AW", "x", "null", "\"west\""), WD_REASON_NOT_A_NUMBER,
         1},
        {COUNTRY("AAA", "AW", "x", "null", "[1]"), WD_REASON_SYNTAX, 1},
        {COUNTRY("AAA", "AW", "x", "null", "true"), WD_REASON_SYNTAX, 1},
        {COUNTRY("AAA", "A\xff", "x", "null", "1"), WD_REASON_SYNTAX, 1},
        {COUNTRY("AAA", "{}", "x", "[{\"id\":\"NA\"}]", "1"), WD_REASON_SYNTAX,
         2},
        {COUNTRY("AAA", "AW", "x", "{\"id\":[],\"value\":\"v\"}", "1"),
         WD_REASON_SYNTAX, 2},
        {COUNTRY("AAA", "AW", "x", PAIR("LCN", "\xc3"), "1"), WD_REASON_SYNTAX,
         1},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        char text[4000];

        snprintf(text, sizeof(text), DOC("3", ABW ",%s," FRA), rows[i].row);
        parse_z(&p, WD_WB_COUNTRIES, text);
        assert_int_equal(p.r.n_facts, 3 * 14 - rows[i].lost);
        assert_fact(&p, "AAA", "name", "x");
        assert_fact(&p, "FRA", "name", "France");
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, 1);
        wd_test_parsed_done(&p);
    }

    parse_z(&p, WD_WB_SOURCES,
            DOC("1", "{\"id\":\"2\",\"name\":\"x\",\"url\":\"\\u0000\","
                     "\"lastupdated\":\"2024-02-30\",\"concepts\":\"three\"}"));
    assert_int_equal(p.r.n_facts, 2);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 0);
    assert_rejected(&p, 1, WD_REASON_NOT_A_NUMBER, 0);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_TOPICS,
            DOC("1", "{\"id\":1,\"value\":\"a\",\"sourceNote\":null}"));
    assert_fact(&p, "1", "sourceNote", NULL);
    wd_test_parsed_done(&p);
}


static void
test_oversized(void **state)
{
    size_t           i, n;
    char            *text = malloc(4 * WD_RECORD_FIELD_MAX);
    wd_test_parsed_t p;

    (void) state;
    assert_non_null(text);

    /* A note at the limit, and one beyond it. */
    for (i = 0; i < 2; i++) {
        n = (size_t) sprintf(text, "[" PAGE("1") ",[{\"id\":\"1\",\"value\":"
                                                 "\"x\",\"sourceNote\":\"");
        memset(text + n, 'a', WD_RECORD_FIELD_MAX + i);
        sprintf(text + n + WD_RECORD_FIELD_MAX + i, "\"}]]");
        parse_z(&p, WD_WB_TOPICS, text);
        assert_int_equal(p.r.n_facts, 2 - i);
        assert_int_equal(p.r.n_rejects, i);
        if (i == 1) {
            assert_rejected(&p, 0, WD_REASON_TOO_LONG, 0);
        }
        wd_test_parsed_done(&p);
    }

    /* As many topics as are taken, and one more. */
    for (i = 0; i < 2; i++) {
        size_t k;

        n = (size_t) sprintf(text, "[" PAGE("1") ",[{\"id\":\"A\",\"name\":"
                                                 "\"x\",\"topics\":[{}");
        for (k = 0; k < 32 + i; k++) {
            n += (size_t) sprintf(text + n, "," PAIR("7", "t"));
        }
        sprintf(text + n, "]}]]");
        parse_z(&p, WD_WB_INDICATORS, text);
        assert_int_equal(p.r.n_facts, i == 0 ? 3 : 1);
        assert_int_equal(p.r.n_rejects, i);
        wd_test_parsed_done(&p);
    }

    /* Topics that are too long together. */
    n = (size_t) sprintf(text, "[" PAGE("1") ",[{\"id\":\"A\",\"name\":\"x\","
                                             "\"topics\":[");
    for (i = 0; i < 2; i++) {
        n += (size_t) sprintf(text + n, "%s{\"id\":\"1\",\"value\":\"",
                              i == 0 ? "" : ",");
        memset(text + n, 'a', WD_RECORD_FIELD_MAX);
        n += (size_t) sprintf(text + n + WD_RECORD_FIELD_MAX, "\"}")
             + WD_RECORD_FIELD_MAX;
    }
    sprintf(text + n, "]}]]");
    parse_z(&p, WD_WB_INDICATORS, text);
    assert_rejected(&p, 0, WD_REASON_TOO_LONG, 0);
    wd_test_parsed_done(&p);
    free(text);
}


/* The same row twice is kept twice; of the same member the last counts. */
static void
test_duplicates(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_WB_INCOME_LEVELS, DOC("2", INCOME "," INCOME));
    assert_int_equal(p.r.n_facts, 4);
    assert_int_equal(p.r.n_rejected, 0);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_INCOME_LEVELS,
            DOC("1", "{\"id\":\"A\",\"value\":{},\"value\":\"x\",\"more\":"
                     "[{\"id\":\"B\",\"value\":\"y\"}],\"id\":\"HIC\"}"));
    assert_int_equal(p.r.n_facts, 1);
    assert_fact(&p, "HIC", "value", "x");
    assert_int_equal(p.r.n_rejected, 0);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_WB_INCOME_LEVELS, DOC("9", INCOME));
    assert_rejected(&p, 0, WD_REASON_SHORT_PAGE, -1);
    wd_test_parsed_done(&p);
}


static void
test_every_cut(void **state)
{
    size_t           n, i, k;
    wd_test_parsed_t p, whole;

    static const struct {
        wd_wb_dataset_e dataset;
        const char     *body;
    } rows[] = {
        {WD_WB_COUNTRIES, DOC("3", ABW "," AFE "," FRA)},
        {WD_WB_SOURCES, DOC("2", WDI "," WDI)},
        {WD_WB_INDICATORS, DOC("2", TRACTORS "," TRACTORS)},
        {WD_WB_TOPICS, DOC("2", TOPIC "," TOPIC)},
        {WD_WB_REGIONS, DOC("2", REGION "," REGION)},
        {WD_WB_INCOME_LEVELS, DOC("2", INCOME "," INCOME)},
        {WD_WB_COUNTRIES, "[{\"page\":0,\"total\":0},null]"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&whole, rows[i].dataset, rows[i].body);
        assert_int_equal(whole.r.n_rejects, 0);
        for (n = 0; n < strlen(rows[i].body); n++) {
            assert_ok(wd_wb_parse_dataset(
                rows[i].dataset, wd_test_copy(&p, rows[i].body, n), &p.r));
            assert_true(p.r.n_rejects != 0 && !p.r.empty);
            assert_true(p.r.n_facts <= whole.r.n_facts);
            for (k = 0; k < p.r.n_facts; k++) {
                assert_true(
                    wd_str_eq(p.r.facts[k].item, whole.r.facts[k].item)
                    && wd_str_eq(p.r.facts[k].text, whole.r.facts[k].text)
                    && wd_str_eq(p.r.facts[k].symbol, whole.r.facts[k].symbol));
            }
            wd_test_parsed_done(&p);
        }
        wd_test_parsed_done(&whole);
    }
}


static void
test_damage_anywhere(void **state)
{
    size_t           i, from, to;
    char            *text;
    wd_test_parsed_t p;

    static const char body[] = DOC("3", ABW "," AFE "," FRA);

    (void) state;
    from = (size_t) (strstr(body, AFE) - body);
    to = from + strlen(AFE);
    for (i = from; i < to; i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse_z(&p, WD_WB_COUNTRIES, text);
        assert_fact(&p, "ABW", "name", "Aruba");
        assert_fact(&p, "FRA", "name", "France");
        assert_true(p.r.n_facts == 2 * 14);
        assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
        wd_test_parsed_done(&p);
        free(text);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_countries),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_other_lists),
        cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_bad_items),
        cmocka_unit_test(test_oversized),
        cmocka_unit_test(test_duplicates),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_damage_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
