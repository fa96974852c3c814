/*
 * test_domain_wb_source.c - the World Bank's rows as lists of concepts
 * (/sources/N), and pages of several indicators.
 *
 * Codes and figures are of the Sovereign ESG data (source 75) and of
 * International Debt Statistics; the envelope is the documented one.
 */
#include "wd_test_records.h"

#include "wd_wb_answer.h"
#include "wd_wb_parse.h"

#include <math.h>

#define PAGE(total)                                           \
    "\"page\":1,\"pages\":1,\"per_page\":50,\"total\":" total \
    ",\"lastupdated\":\"2024-05-30\""
#define DOC(total, rows)                                                   \
    "{" PAGE(                                                              \
        total) ",\"source\":{\"id\":\"75\",\"name\":\"Environment Social " \
               "and Governance (ESG) Data\",\"data\":[" rows "]}}"
#define CONCEPT(c, id, value) \
    "{\"concept\":\"" c "\",\"id\":\"" id "\",\"value\":\"" value "\"}"
#define ROW(country, series, time, more, value)                              \
    "{\"variable\":[" CONCEPT(                                               \
        "Country", country,                                                  \
        "Name of " country) "," CONCEPT("Series", series,                    \
                                        "Series of it ") "," CONCEPT("Time", \
                                                                     time,   \
                                                                     "2014") \
        more "],\"value\":" value "}"

#define BRA ROW("BRA", "EN.POP.DNST", "YR2014", "", "24.2")
#define WLD ROW("WLD", "GE.EST", "YR2013", "", "null")
#define FRA ROW("FRA", "SP.DYN.TFRT.IN", "YR2012", "", "\"2.01\"")


static void
parse_z(wd_test_parsed_t *p, const char *text)
{
    assert_ok(wd_wb_parse(wd_test_copy_z(p, text), &p->r));
}


static void
test_rows(void **state)
{
    wd_test_parsed_t            p;
    const wd_observation_rec_t *o;

    (void) state;
    parse_z(&p, DOC("3", BRA "," WLD "," FRA));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_observations, 3);
    assert_int_equal(p.r.total, 3);
    assert_view(p.r.refreshed, "2024-05-30");
    o = p.r.observations;
    assert_view(o[0].indicator, "EN.POP.DNST");
    assert_view(o[0].indicator_name, "Series of it");
    assert_view(o[0].country, "BRA");
    assert_view(o[0].country2, "BRA");
    assert_view(o[0].country_name, "Name of BRA");
    assert_true(o[0].value == 24.2 && o[0].frequency == 'A');
    assert_true(o[0].time == wd_days_from_civil(2014, 1, 1) * WD_NS_PER_DAY);
    assert_true(o[0].unit.data == NULL && !o[0].aggregate);
    assert_true(isnan(o[1].value) && o[1].aggregate);
    assert_true(o[2].value == 2.01);
    assert_true(wd_str_starts(o[2].sample, "{\"variable\""));
    wd_test_parsed_done(&p);
}


/* Another order, members nobody knows, months, a status, page at the end. */
static void
test_variants(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(
        &p,
        "{\"source\":{\"data\":[{\"value\":1.5,\"x\":[{}],"
        "\"obs_status\":\"E\",\"variable\":[" CONCEPT("Time", "2014M08", "2014M08") "," CONCEPT(
            "country", "USA",
            "") ",{\"id\":\"A\",\"concept\":"
                "\"Series\",\"more\":{}}]},"
                "{\"variable\":[" CONCEPT("Time", "", "2014Q2") "," CONCEPT(
                    "Country", "1W",
                    "World") "," CONCEPT("Series", "A",
                                         "") "],\"value\":2}],\"id\":15},"
                                             "\"y\":[1],\"page\":\"1\","
                                             "\"pages\":1,\"per_page\":\"2\","
                                             "\"total\":\"2\"}");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_observations, 2);
    assert_int_equal(p.r.per_page, 2);
    assert_view(p.r.observations[0].country, "USA");
    assert_view(p.r.observations[0].status, "E");
    assert_true(p.r.observations[0].frequency == 'M');
    assert_true(p.r.observations[0].country_name.data == NULL);
    assert_view(p.r.observations[1].country, "WLD");
    assert_true(p.r.observations[1].frequency == 'Q');
    wd_test_parsed_done(&p);
}


/* One creditor of many, one edition of many, is not the series' figure. */
static void
test_dimensions(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(
        &p,
        DOC("4",
            ROW("KEN", "DT.DOD.DECT.CD", "YR2023",
                "," CONCEPT("Counterpart-Area", "WLD", "World"),
                "7") "," ROW("KEN", "DT.DOD.DECT.CD", "YR2023",
                             "," CONCEPT("Counterpart-Area", "006", "Italy"),
                             "8") "," ROW("BRA", "W", "YR2014",
                                          "," CONCEPT("Sector", "TRD", "Trade"),
                                          "9") "," ROW("BRA", "W", "YR2014",
                                                       ",{}", "9")));
    assert_int_equal(p.r.n_observations, 1);
    assert_true(p.r.observations[0].value == 7);
    assert_int_equal(p.r.n_rejects, 3);
    assert_rejected(&p, 0, WD_REASON_UNKNOWN_DIMENSION, 1);
    assert_has(p.r.rejects[1].detail.data, "Sector");
    assert_rejected(&p, 2, WD_REASON_UNKNOWN_DIMENSION, 3);
    wd_test_parsed_done(&p);
}


static void
test_bad_rows(void **state)
{
    wd_test_parsed_t p;
    size_t           i;

    static const struct {
        const char *row;
        wd_reason_e reason;
    } rows[] = {
        {"{\"variable\":[],\"value\":1}", WD_REASON_MISSING_FIELD},
        {"{\"variable\":null,\"value\":1}", WD_REASON_MISSING_FIELD},
        {"{\"variable\":{\"a\":1},\"value\":1}", WD_REASON_MISSING_FIELD},
        {"{\"variable\":[1],\"value\":1}", WD_REASON_SYNTAX},
        {"{\"variable\":[" CONCEPT("Time", "YR2014", "") "],\"value\":1}",
         WD_REASON_MISSING_FIELD},
        {ROW("BRA", "A", "YRx", "", "1"), WD_REASON_BAD_TIME},
        {ROW("BRA", "A", "YR", "", "1"), WD_REASON_BAD_TIME},
        {ROW("BRA", "A B", "YR2014", "", "1"), WD_REASON_MISSING_FIELD},
        {ROW("", "A", "YR2014", "", "1"), WD_REASON_MISSING_FIELD},
        {ROW("BRA", "A", "YR2014", "", "1e999"), WD_REASON_NOT_A_NUMBER},
        {ROW("BRA", "A", "YR2014", "", "\"NaN\""), WD_REASON_NOT_A_NUMBER},
        {ROW("BRA", "A", "YR2014", "", "true"), WD_REASON_NOT_A_NUMBER},
        {ROW("BRA", "A", "YR2014", "", "{}"), WD_REASON_NOT_A_NUMBER},
        {ROW("BRA", "A", "YR2014", "", "nope"), WD_REASON_SYNTAX},
        {ROW("BR\xff", "A", "YR2014", "", "1"), WD_REASON_MISSING_FIELD},
        {"7", WD_REASON_SYNTAX},
        {"null", WD_REASON_SYNTAX},
        {"[]", WD_REASON_SYNTAX},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        char text[2000];

        snprintf(text, sizeof(text), DOC("3", BRA ",%s," FRA), rows[i].row);
        parse_z(&p, text);
        assert_int_equal(p.r.n_observations, 2);
        assert_view(p.r.observations[1].country, "FRA");
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, 1);
        wd_test_parsed_done(&p);
    }

    parse_z(&p, DOC("9", BRA));
    assert_rejected(&p, 0, WD_REASON_SHORT_PAGE, -1);
    wd_test_parsed_done(&p);
}


static void
test_shapes(void **state)
{
    size_t           i;
    wd_test_parsed_t p;
    wd_answer_t      a;

    static const struct {
        const char *body;
        const char *class;
        const char *is; /* "empty", or the reason of a refusal */
    } rows[] = {
        {DOC("0", ""), "empty", "empty"},
        {"{" PAGE("0") "}", "empty", "empty"},
        {"{" PAGE("0") ",\"source\":null}", "empty", "empty"},
        {"{\"message\":[{\"id\":\"199\",\"value\":\"x\"}]}", "upstream",
         "provider_error"},
        {"{}", "malformed", "unknown_shape"},
        {"{" PAGE("3") "}", "malformed", "unknown_shape"},
        {"{" PAGE("3") ",\"source\":[{\"id\":\"2\",\"concept\":[]}]}",
         "malformed", "unknown_shape"},
        {"{" PAGE("3") ",\"source\":{\"data\":{}}}", "malformed",
         "unknown_shape"},
        {"{" PAGE("1") ",\"source\":{\"data\":[{\"value\":1}]}}", "ok",
         "unknown_shape"},
        {"{" PAGE("1") ",\"source\":{\"data\":[{\"id\":\"FRA\"}]}}", "ok",
         "unknown_shape"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&p, rows[i].body);
        assert_int_equal(p.r.n_observations, 0);
        if (strcmp(rows[i].is, "empty") == 0) {
            assert_true(p.r.empty && !p.r.refused);
            assert_int_equal(p.r.n_rejects, 0);
        } else {
            assert_true(p.r.refused);
            assert_int_equal(p.r.n_rejects, 1);
            assert_string_equal(wd_reason_name(p.r.rejects[0].reason),
                                rows[i].is);
        }
        wd_test_parsed_done(&p);
        assert_ok(wd_wb_classify(wd_str_z(rows[i].body), &a));
        assert_string_equal(wd_answer_name(a.class), rows[i].class);
    }

    assert_ok(wd_wb_classify(WD_STR(DOC("1", BRA)), &a));
    assert_int_equal(a.class, WD_ANSWER_OK);

    parse_z(&p, DOC("1", BRA) " x");
    assert_int_equal(p.r.n_observations, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, -1);
    wd_test_parsed_done(&p);
}


static void
test_every_cut(void **state)
{
    size_t           n, i;
    wd_test_parsed_t p;
    wd_answer_t      a;

    static const char        body[] = DOC("3", BRA "," WLD "," FRA);
    static const char *const countries[] = {"BRA", "WLD", "FRA"};

    (void) state;
    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(wd_wb_parse(wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_observations <= 3);
        for (i = 0; i < p.r.n_observations; i++) {
            assert_view(p.r.observations[i].country, countries[i]);
        }
        wd_test_parsed_done(&p);
        assert_ok(wd_wb_classify(wd_str(body, n), &a));
        assert_true(a.class == WD_ANSWER_MALFORMED
                    || a.class == WD_ANSWER_UPSTREAM);
    }
}


static void
test_damage_anywhere(void **state)
{
    size_t           i, from, to;
    char            *text;
    wd_test_parsed_t p;

    static const char body[] = DOC("3", BRA "," WLD "," FRA);

    (void) state;
    from = (size_t) (strstr(body, WLD) - body);
    to = from + strlen(WLD);
    for (i = from; i < to; i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse_z(&p, text);
        assert_true(p.r.n_observations == 2);
        assert_view(p.r.observations[0].country, "BRA");
        assert_view(p.r.observations[1].country, "FRA");
        wd_test_parsed_done(&p);
        free(text);
    }
}


/* "A;B": the source is not said, the series are told by their rows. */
static void
test_several_indicators(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, "[{\"page\":1,\"pages\":1,\"per_page\":10000,\"total\":3,"
                "\"sourceid\":null,\"lastupdated\":\"2019-10-02\"},["
                "{\"indicator\":{\"id\":\"SH.STA.MMRT\",\"value\":\"a\"},"
                "\"country\":{\"id\":\"AF\",\"value\":\"Afghanistan\"},"
                "\"countryiso3code\":\"AFG\",\"date\":\"2017\",\"value\":638,"
                "\"scale\":\"\",\"unit\":\"\",\"obs_status\":\"F\","
                "\"footnote\":\"estimated\",\"decimal\":0},"
                "{\"indicator\":{\"id\":\"SG.LAW.CHMR\",\"value\":\"b\"},"
                "\"country\":{\"id\":\"AF\",\"value\":\"Afghanistan\"},"
                "\"countryiso3code\":\"AFG\",\"date\":\"2017\",\"value\":1},"
                "{\"indicator\":{\"id\":\"SP.ADO.TFRT\",\"value\":\"c\"},"
                "\"country\":{\"id\":\"AFG\",\"value\":\"Afghanistan\"},"
                "\"countryiso3code\":\"\",\"date\":\"2017M03\","
                "\"value\":68.957}]]");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_observations, 3);
    assert_view(p.r.refreshed, "2019-10-02");
    assert_view(p.r.observations[0].indicator, "SH.STA.MMRT");
    assert_view(p.r.observations[0].status, "F");
    assert_view(p.r.observations[1].indicator, "SG.LAW.CHMR");
    assert_view(p.r.observations[2].indicator, "SP.ADO.TFRT");
    assert_view(p.r.observations[2].country, "AFG");
    wd_test_parsed_done(&p);

    /* The vintage is a day or nothing. */
    parse_z(&p, "[{\"page\":1,\"total\":0,\"lastupdated\":\"soon\"},[]]");
    assert_true(p.r.refreshed.data == NULL && p.r.empty);
    wd_test_parsed_done(&p);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_variants),
        cmocka_unit_test(test_dimensions),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_several_indicators),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
