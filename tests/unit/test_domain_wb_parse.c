/*
 * test_domain_wb_parse.c - World Bank pages as observations: periods,
 * countries and aggregates, nulls, damage, short pages.
 */
#include "wd_test_records.h"

#include "wd_wb_country.h"
#include "wd_wb_parse.h"

#include <math.h>

#define PAGE(total)                                                            \
    "{\"page\":1,\"pages\":1,\"per_page\":50,\"total\":" total                 \
    ",\"sourceid\":\"2\",\"lastupdated\":\"2024-03-28\"}"
#define ROW(iso2, iso3, date, value)                                           \
    "{\"indicator\":{\"id\":\"SP.POP.TOTL\",\"value\":\"Population, total \"}" \
    ",\"country\":{\"id\":\"" iso2 "\",\"value\":\"Name of " iso2 " \"},"      \
    "\"countryiso3code\":\"" iso3 "\",\"date\":\"" date "\",\"value\":" value  \
    ",\"unit\":\"\",\"obs_status\":\"\",\"decimal\":0}"

#define FR ROW("FR", "FRA", "2022", "67935660")
#define DE ROW("DE", "DEU", "2022", "83797985")
#define XM ROW("XM", "", "2022", "1.5e9")


static void
parse_z(wd_test_parsed_t *p, const char *text)
{
    assert_ok(wd_wb_parse(wd_test_copy_z(p, text), &p->r));
}


static void
test_page(void **state)
{
    wd_test_parsed_t            p;
    const wd_observation_rec_t *o;

    (void) state;
    parse_z(&p, "[" PAGE("3") ",[" FR "," XM ","
                ROW("DE", "DEU", "2023", "null") "]]");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_observations, 3);
    assert_int_equal(p.r.total, 3);
    assert_view(p.r.refreshed, "2024-03-28");

    o = &p.r.observations[0];
    assert_view(o->indicator, "SP.POP.TOTL");
    assert_view(o->indicator_name, "Population, total");
    assert_view(o->country, "FRA");
    assert_view(o->country2, "FR");
    assert_view(o->country_name, "Name of FR");
    assert_true(o->value == 67935660 && o->frequency == 'A');
    assert_true(o->unit.data == NULL && o->status.data == NULL);
    assert_false(o->aggregate);

    assert_view(p.r.observations[1].country, "LIC");
    assert_true(p.r.observations[1].aggregate);
    assert_true(isnan(p.r.observations[2].value));
    wd_test_parsed_done(&p);
}


/* A figure that is none costs its row; what is no JSON at all costs it, too. */
static void
test_figures_that_are_none(void **state)
{
    size_t           i;
    char             body[2000];
    wd_test_parsed_t p;

    static const struct {
        const char *value;
        wd_reason_e reason;
    } rows[] = {
        {"NaN", WD_REASON_NOT_A_NUMBER},
        {"nan", WD_REASON_NOT_A_NUMBER},
        {"Infinity", WD_REASON_NOT_A_NUMBER},
        {"-Infinity", WD_REASON_NOT_A_NUMBER},
        {"1e999", WD_REASON_NOT_A_NUMBER},
        {"-1E+999", WD_REASON_NOT_A_NUMBER},
        {"\"NaN\"", WD_REASON_NOT_A_NUMBER},
        {"\"1e999\"", WD_REASON_NOT_A_NUMBER},
        {"true", WD_REASON_NOT_A_NUMBER},
        {"None", WD_REASON_SYNTAX},
        {"NaN7", WD_REASON_SYNTAX},
        {"1NaN", WD_REASON_SYNTAX},
        {".5", WD_REASON_SYNTAX},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        snprintf(body, sizeof(body),
                 "[" PAGE("3") ",[" FR "," ROW("IT", "ITA", "2022", "%s")
                 "," DE "]]", rows[i].value);
        parse_z(&p, body);
        assert_int_equal(p.r.n_observations, 2);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, 1);
        assert_view(p.r.observations[1].country, "DEU");
        wd_test_parsed_done(&p);
    }
}


/* Answers of 2013: numbers as text, counts as text, no alpha-3 code. */
static void
test_old_page(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, "\xef\xbb\xbf[{\"page\":1,\"pages\":1,\"per_page\":\"50\","
                "\"total\":1},[{\"indicator\":{\"id\":\"NEER\",\"value\":"
                "\"x\"},\"country\":{\"id\":\"ES\",\"value\":\"Spain\"},"
                "\"value\":\"101.96915025708\",\"decimal\":\"0\","
                "\"date\":\"2013Q3\"}]]");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.per_page, 50);
    assert_int_equal(p.r.n_observations, 1);
    assert_view(p.r.observations[0].country, "ESP");
    assert_true(p.r.observations[0].value == 101.96915025708);
    assert_true(p.r.observations[0].frequency == 'Q');
    wd_test_parsed_done(&p);
}


static void
test_periods(void **state)
{
    size_t  i;
    char    f;
    wd_ns_t t;

    static const struct {
        const char *text;
        int         y, m, d;
        char        f; /* 0: refused */
    } rows[] = {{"2023", 2023, 1, 1, 'A'},      {"1960", 1960, 1, 1, 'A'},
                {"2012M08", 2012, 8, 1, 'M'},   {"2012M12", 2012, 12, 1, 'M'},
                {"2013Q1", 2013, 1, 1, 'Q'},    {"2013Q4", 2013, 10, 1, 'Q'},
                {"2020-03-31", 2020, 3, 31, 'D'}, {"2013Q5", 0, 0, 0, 0},
                {"2012M13", 0, 0, 0, 0},        {"2012M00", 0, 0, 0, 0},
                {"2012M8", 0, 0, 0, 0},         {"", 0, 0, 0, 0},
                {"20x2", 0, 0, 0, 0},           {"2021-02-29", 0, 0, 0, 0},
                {"12023", 0, 0, 0, 0}};

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (rows[i].f == 0) {
            assert_false(wd_wb_period(wd_str_z(rows[i].text), &t, &f));
            continue;
        }
        assert_true(wd_wb_period(wd_str_z(rows[i].text), &t, &f));
        assert_int_equal(f, rows[i].f);
        assert_true(t
                    == wd_days_from_civil(rows[i].y, rows[i].m, rows[i].d)
                           * WD_NS_PER_DAY);
    }
}


static void
test_countries(void **state)
{
    bool agg;

    (void) state;
    assert_view(wd_wb_country(WD_STR("FR"), WD_STR("FRA"), &agg), "FRA");
    assert_false(agg);
    assert_view(wd_wb_country(WD_STR("1W"), WD_STR("WLD"), &agg), "WLD");
    assert_true(agg);
    assert_view(wd_wb_country(WD_STR("XD"), WD_STR(""), &agg), "HIC");
    assert_true(agg);
    assert_view(wd_wb_country(WD_STR("XK"), WD_STR(""), &agg), "XKX");
    assert_false(agg);
    assert_view(wd_wb_country(WD_STR("GBR"), WD_STR(""), &agg), "GBR");
    assert_false(agg);
    assert_view(wd_wb_country(WD_STR("EMU"), WD_STR(""), &agg), "EMU");
    assert_true(agg);
    assert_view(wd_wb_country(WD_STR("9Z"), WD_STR(""), &agg), "9Z");
    assert_true(agg);
    assert_view(wd_wb_country(WD_STR("QQ"), WD_STR_NULL, &agg), "QQ");
    assert_false(agg);
}


static void
test_no_data_and_errors(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const refused[] = {
        "[{\"message\":[{\"id\":\"120\",\"key\":\"Invalid value\","
        "\"value\":\"The provided parameter value is not valid\"}]}]",
        "[" PAGE("3") "]", "[[" FR "]]", "[" FR "]", "{}", "<?xml", "[]",
        "[" PAGE("1") ",{\"a\":1}]",
        "[" PAGE("1") ",[{\"id\":\"FRA\",\"name\":\"France\"}]]"};

    (void) state;
    parse_z(&p, "[{\"page\":0,\"pages\":0,\"per_page\":0,\"total\":0,"
                "\"sourceid\":null,\"lastupdated\":null},null]");
    assert_true(p.r.empty && !p.r.refused);
    assert_int_equal(p.r.n_rejects, 0);
    wd_test_parsed_done(&p);

    for (i = 0; i < wd_array_len(refused); i++) {
        parse_z(&p, refused[i]);
        assert_true(p.r.refused);
        assert_int_equal(p.r.n_observations, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_int_equal(p.r.rejects[0].record, -1);
        wd_test_parsed_done(&p);
    }
}


static void
test_bad_rows(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, "[" PAGE("7") ",[" FR "," ROW("FR", "FRA", "20x2", "1") ","
                ROW("FR", "FRA", "2021", "\"abc\"") ","
                ROW("FR", "FRA", "2020", "[1]") ","
                ROW("", "", "2019", "1") ",7," DE "]]");
    assert_int_equal(p.r.n_observations, 2);
    assert_view(p.r.observations[1].country, "DEU");
    assert_int_equal(p.r.n_rejects, 5);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 1);
    assert_rejected(&p, 1, WD_REASON_NOT_A_NUMBER, 2);
    assert_rejected(&p, 2, WD_REASON_NOT_A_NUMBER, 3);
    assert_rejected(&p, 3, WD_REASON_MISSING_FIELD, 4);
    assert_rejected(&p, 4, WD_REASON_SYNTAX, 5);
    wd_test_parsed_done(&p);

    parse_z(&p, "[" PAGE("50") ",[" FR "," DE "]]");
    assert_int_equal(p.r.n_observations, 2);
    assert_rejected(&p, 0, WD_REASON_SHORT_PAGE, -1);
    wd_test_parsed_done(&p);
}


static void
test_damage_anywhere(void **state)
{
    size_t           i, from, to;
    char            *text;
    wd_test_parsed_t p;

    static const char body[] = "[" PAGE("3") ",[" FR "," DE "," XM "]]";

    (void) state;
    from = (size_t) (strstr(body, DE) - body);
    to = from + strlen(DE);
    for (i = from; i < to; i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse_z(&p, text);
        assert_true(p.r.n_observations >= 2);
        assert_view(p.r.observations[0].country, "FRA");
        assert_view(p.r.observations[p.r.n_observations - 1].country, "LIC");
        wd_test_parsed_done(&p);
        free(text);
    }
}


static void
test_every_cut(void **state)
{
    size_t           n, i;
    wd_test_parsed_t p;

    static const char body[] = "[" PAGE("3") ",[" FR "," DE "," XM "]]";
    static const char *const countries[] = {"FRA", "DEU", "LIC"};

    (void) state;
    for (n = 0; n < sizeof(body) - 1; n++) {
        assert_ok(wd_wb_parse(wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_observations <= 3);
        for (i = 0; i < p.r.n_observations; i++) {
            assert_view(p.r.observations[i].country, countries[i]);
        }
        wd_test_parsed_done(&p);
    }
}


static void
test_random_damage(void **state)
{
    char             text[] = "[" PAGE("3") ",[" FR "," DE "," XM "]]";
    char             copy[sizeof(text)];
    size_t           i, k;
    wd_test_parsed_t p;

    (void) state;
    for (i = 0; i < 3000; i++) {
        memcpy(copy, text, sizeof(text));
        for (k = 0; k <= wd_test_below(4); k++) {
            copy[wd_test_below(sizeof(text) - 1)]
                = (char) wd_test_below(256);
        }
        assert_ok(wd_wb_parse(wd_test_copy(&p, copy, sizeof(text) - 1), &p.r));
        for (k = 0; k < p.r.n_observations; k++) {
            assert_true(wd_utf8_valid(p.r.observations[k].indicator));
            assert_true(p.r.observations[k].country.len != 0);
        }
        wd_test_parsed_done(&p);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_figures_that_are_none),
        cmocka_unit_test(test_old_page),
        cmocka_unit_test(test_periods),
        cmocka_unit_test(test_countries),
        cmocka_unit_test(test_no_data_and_errors),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
