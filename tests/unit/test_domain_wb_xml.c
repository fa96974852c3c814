/*
 * test_domain_wb_xml.c - the World Bank's XML pages and errors: the same
 * records and classes as in JSON, nulls, damage, cuts, what is refused.
 *
 * Names and figures are those of World Development Indicators; the envelopes
 * are written after the documentation.
 */
#include "wd_test_records.h"

#include "wd_wb_answer.h"
#include "wd_wb_parse.h"

#include <math.h>

#define HEAD(total)                                                  \
    "<wb:data page=\"1\" pages=\"1\" per_page=\"50\" total=\"" total \
    "\" sourceid=\"2\" lastupdated=\"2024-03-28\" "                  \
    "xmlns:wb=\"http://www.worldbank.org\">"
#define ROW(iso2, iso3, date, value)                                        \
    "<wb:data><wb:indicator id=\"NY.GDP.MKTP.CD\">GDP (current US$) "       \
    "</wb:indicator><wb:country id=\"" iso2 "\">Name &amp; " iso2           \
    "</wb:country><wb:countryiso3code>" iso3 "</wb:countryiso3code>\n"      \
    "<wb:date>" date "</wb:date><wb:value>" value "</wb:value> <wb:unit />" \
    "<wb:obs_status>E</wb:obs_status><wb:decimal>0</wb:decimal></wb:data>\n"
#define DOC(total, rows)                                                     \
    "\xef\xbb\xbf<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n" HEAD(total) \
        rows "</wb:data>\r\n"

#define JSON_HEAD(total)                                       \
    "{\"page\":1,\"pages\":1,\"per_page\":50,\"total\":" total \
    ",\"sourceid\":\"2\",\"lastupdated\":\"2024-03-28\"}"
#define JSON_ROW(iso2, iso3, date, value)                                 \
    "{\"indicator\":{\"id\":\"NY.GDP.MKTP.CD\",\"value\":\"GDP (current " \
    "US$)\"},\"country\":{\"id\":\"" iso2 "\",\"value\":\"Name & " iso2   \
    "\"},\"countryiso3code\":\"" iso3 "\",\"date\":\"" date               \
    "\",\"value\":" value ",\"unit\":\"\",\"obs_status\":\"E\",\"decimal\":0}"

#define FR ROW("FR", "FRA", "2022", "2779092236505.85")
#define DE ROW("DE", "DEU", "2021", "")
#define XM ROW("XM", "", "2013Q2", "-1.5e9")


static void
parse_z(wd_test_parsed_t *p, const char *text)
{
    assert_ok(wd_wb_parse(wd_test_copy_z(p, text), &p->r));
}


/* The same text, or missing in both. */
static void
assert_same(wd_str_t a, wd_str_t b)
{
    assert_true(wd_str_eq(a, b));
    assert_int_equal(a.data == NULL, b.data == NULL);
}


static void
assert_same_records(const wd_records_t *x, const wd_records_t *j)
{
    size_t                      i;
    const wd_observation_rec_t *a, *b;

    assert_int_equal(x->page, j->page);
    assert_int_equal(x->pages, j->pages);
    assert_int_equal(x->per_page, j->per_page);
    assert_int_equal(x->total, j->total);
    assert_same(x->refreshed, j->refreshed);
    assert_int_equal(x->empty, j->empty);
    assert_int_equal(x->refused, j->refused);
    assert_int_equal(x->n_records, j->n_records);
    assert_int_equal(x->n_observations, j->n_observations);
    for (i = 0; i < x->n_observations; i++) {
        a = &x->observations[i];
        b = &j->observations[i];
        assert_same(a->indicator, b->indicator);
        assert_same(a->indicator_name, b->indicator_name);
        assert_same(a->country, b->country);
        assert_same(a->country2, b->country2);
        assert_same(a->country_name, b->country_name);
        assert_same(a->unit, b->unit);
        assert_same(a->status, b->status);
        assert_true(a->time == b->time);
        assert_memory_equal(&a->value, &b->value, sizeof(a->value));
        assert_int_equal(a->record, b->record);
        assert_int_equal(a->frequency, b->frequency);
        assert_int_equal(a->aggregate, b->aggregate);
    }
    assert_int_equal(x->n_rejects, j->n_rejects);
    for (i = 0; i < x->n_rejects; i++) {
        assert_int_equal(x->rejects[i].record, j->rejects[i].record);
        assert_int_equal(x->rejects[i].reason, j->rejects[i].reason);
    }
}


static void
test_equal_to_json(void **state)
{
    size_t           i;
    wd_test_parsed_t x, j;
    wd_answer_t      ax, aj;

    static const struct {
        const char *xml;
        const char *json;
    } rows[] = {
        {DOC("3", FR DE XM),
         "[" JSON_HEAD("3") ",[" JSON_ROW(
             "FR", "FRA", "2022",
             "2779092236505.85") "," JSON_ROW("DE", "DEU", "2021",
                                              "null") "," JSON_ROW("XM", "",
                                                                   "2013Q2",
                                                                   "-1.5e9") "]"
                                                                             "]"},
        {DOC("2", FR), "[" JSON_HEAD("2") ",[" JSON_ROW(
                           "FR", "FRA", "2022", "2779092236505.85") "]]"},
        {DOC("3", ROW("FR", "FRA", "20x2", "1") ROW("FR", "FRA", "2020", "x")
                      ROW("", "", "2020", "1")),
         "[" JSON_HEAD("3") ",[" JSON_ROW(
             "FR", "FRA", "20x2",
             "1") "," JSON_ROW("FR", "FRA", "2020",
                               "\"x\"") "," JSON_ROW("", "", "2020", "1") "]]"},
        {"<wb:data page=\"0\" pages=\"0\" per_page=\"0\" total=\"0\" "
         "lastupdated=\"\" xmlns:wb=\"http://www.worldbank.org\"/>",
         "[{\"page\":0,\"pages\":0,\"per_page\":0,\"total\":0,"
         "\"lastupdated\":null},null]"},
        {"<wb:data page=\"1\" total=\"5\"></wb:data>",
         "[{\"page\":1,\"total\":5},[]]"},
        {"<wb:data page=\"1\">" FR "</wb:data>",
         "[{\"page\":1},[" JSON_ROW("FR", "FRA", "2022",
                                    "2779092236505.85") "]]"},
        {"<wb:error xmlns:wb=\"http://www.worldbank.org\"><wb:message "
         "id=\"120\" key=\"Invalid value\">The provided parameter value is "
         "not valid</wb:message></wb:error>",
         "[{\"message\":[{\"id\":\"120\",\"key\":\"Invalid value\",\"value\":"
         "\"The provided parameter value is not valid\"}]}]"},
        {"<wb:error><wb:message id=\"175\" key=\"\">Gone &amp; archived"
         "</wb:message></wb:error>",
         "[{\"message\":[{\"id\":\"175\",\"value\":\"Gone & archived\"}]}]"},
        {"<error><message id=\"105\"/></error>",
         "[{\"message\":[{\"id\":\"105\"}]}]"},
        {"<wb:error/>", "[{\"message\":[]}]"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&x, rows[i].xml);
        parse_z(&j, rows[i].json);
        assert_same_records(&x.r, &j.r);
        wd_test_parsed_done(&x);
        wd_test_parsed_done(&j);
        assert_ok(wd_wb_classify(wd_str_z(rows[i].xml), &ax));
        assert_ok(wd_wb_classify(wd_str_z(rows[i].json), &aj));
        assert_string_equal(wd_answer_name(ax.class), wd_answer_name(aj.class));
        assert_string_equal(ax.text, aj.text);
    }
}


static void
test_page(void **state)
{
    wd_test_parsed_t            p;
    const wd_observation_rec_t *o;

    (void) state;
    parse_z(&p, DOC("3", FR DE XM));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_observations, 3);
    assert_view(p.r.refreshed, "2024-03-28");
    o = p.r.observations;
    assert_view(o[0].country, "FRA");
    assert_view(o[0].country_name, "Name & FR");
    assert_view(o[0].indicator_name, "GDP (current US$)");
    assert_view(o[0].status, "E");
    assert_true(o[0].value == 2779092236505.85 && o[0].unit.data == NULL);
    assert_true(wd_str_starts(o[0].sample, "<wb:data><wb:indicator"));
    assert_true(isnan(o[1].value));
    assert_view(o[2].country, "LIC");
    assert_true(o[2].aggregate && o[2].frequency == 'Q');
    wd_test_parsed_done(&p);

    /* Without the prefix, with members nobody knows, some with parts. */
    parse_z(&p, "<data page='1' total='1'><!-- x --><data><footnote>f"
                "</footnote><topics><topic id='3'>t</topic></topics>"
                "<indicator id='A'/><country id='FR'/><date> 2020 </date>"
                "<value> 7 </value></data></data>");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_observations, 1);
    assert_true(p.r.observations[0].value == 7);
    wd_test_parsed_done(&p);
}


static void
test_bad_rows(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, DOC("9", FR
                    "<wb:data>text</wb:data>" DE
                    "<wb:data/>" ROW("FR", "FRA", "2020", "<b>1</b>")
                        ROW("FR", "FRA", "2020", "1e999")
                            ROW("FR", "FRA", "2020", "NaN")
                                ROW("FR", "FRA", "2020", "1<!-- -->2")

                                    ROW("\xc3\xa9", "", "2020", "1")
                                        ROW("FR\xff", "FRA", "2020", "1") XM));
    assert_int_equal(p.r.n_observations, 3);
    assert_view(p.r.observations[2].country, "LIC");
    assert_int_equal(p.r.n_rejects, 8);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    assert_rejected(&p, 1, WD_REASON_MISSING_FIELD, 3);
    assert_rejected(&p, 2, WD_REASON_NOT_A_NUMBER, 4);
    assert_rejected(&p, 3, WD_REASON_NOT_A_NUMBER, 5);
    assert_rejected(&p, 4, WD_REASON_NOT_A_NUMBER, 6);
    assert_rejected(&p, 5, WD_REASON_SYNTAX, 7);
    assert_rejected(&p, 6, WD_REASON_MISSING_FIELD, 8);
    assert_rejected(&p, 7, WD_REASON_SYNTAX, 9);
    wd_test_parsed_done(&p);

    /* Lost end tags, stray ones, a foreign element, text between rows. */
    parse_z(&p, DOC("9", FR "<wb:data><wb:date>2020" DE "<wb:other>" XM
                            "</wb:data>" FR "x" DE));
    assert_int_equal(p.r.n_observations, 5);
    assert_view(p.r.observations[4].country, "DEU");
    assert_int_equal(p.r.n_rejects, 4);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    assert_rejected(&p, 1, WD_REASON_SYNTAX, 3);
    wd_test_parsed_done(&p);

    parse_z(&p, DOC("1", FR) "rubbish");
    assert_int_equal(p.r.n_observations, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    wd_test_parsed_done(&p);
}


static void
test_refused(void **state)
{
    size_t           i;
    wd_test_parsed_t p;
    wd_answer_t      a;

    static const struct {
        const char *body;
        const char *class;
        bool cut;
    } rows[] = {
        {"<!DOCTYPE html><html>Bad Request</html>", "malformed", false},
        {"<html><body>502</body></html>", "malformed", false},
        {"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]>" HEAD("1") FR
         "</wb:data>",
         "malformed", false},
        {"<wb:countries page=\"1\" total=\"1\"><wb:country id=\"ABW\"/>"
         "</wb:countries>",
         "malformed", false},
        {"<x:data page=\"1\" total=\"1\"/>", "malformed", false},
        {"<wb:data/>", "malformed", false},
        {"<?xml version=\"1.0\" encoding=\"latin1\"?>" HEAD("0") "</wb:data>",
         "malformed", false},
        {"<", "malformed", true},
        {"<?xml versi", "malformed", true},
        {"<wb:data page=", "malformed", true},
        {HEAD("1") "<wb:data><wb:name>x</wb:name></wb:data></wb:data>", "ok",
         false},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&p, rows[i].body);
        assert_true(p.r.refused);
        assert_int_equal(p.r.n_observations, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(
            &p, 0, rows[i].cut ? WD_REASON_TRUNCATED : WD_REASON_UNKNOWN_SHAPE,
            -1);
        wd_test_parsed_done(&p);
        assert_ok(wd_wb_classify(wd_str_z(rows[i].body), &a));
        assert_string_equal(wd_answer_name(a.class), rows[i].class);
    }
}


static void
test_classes(void **state)
{
    size_t       i;
    wd_answer_t  a;
    wd_wb_page_t page;

    static const struct {
        const char *body;
        const char *class;
        const char *text;
    } rows[] = {
        {DOC("3", FR DE XM), "ok", ""},
        {HEAD("1") "<wb:data>", "malformed", "cut short"},
        {HEAD("1") "<wb:data></wb:date></wb:data>", "malformed", "not XML"},
        {HEAD("1") "<wb:other/></wb:data>", "malformed", "not a page"},
        {HEAD("1") "x</wb:data>", "malformed", "not a page"},
        {HEAD("1") "<wb:data>x</wb:data></wb:data>", "malformed", NULL},
        {"<wb:data page=\"x\" total=\"1\"><wb:data/></wb:data>", "partial",
         NULL},
        {"<wb:error><wb:message id=\"140\">x</wb:message></wb:error>",
         "bad_request", "140: x"},
        {"<wb:error><wb:message id=\"199\">apikey=secret-1</wb:message>"
         "</wb:error>",
         "upstream", "apikey=[redacted]"},
        {"<wb:error><wb:message id=\"120\">first</wb:message><wb:message "
         "id=\"105\">second</wb:message></wb:error>",
         "not_found", "first"},
        {"<wb:error><wb:message>no id</wb:message></wb:error>", "malformed",
         NULL},
        {"<wb:error><wb:message id=\"120\">x", "malformed", "cut short"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        memset(&page, 0xff, sizeof(page));
        assert_ok(wd_wb_classify_page(wd_str_z(rows[i].body), &a, &page));
        assert_string_equal(wd_answer_name(a.class), rows[i].class);
        if (rows[i].text != NULL) {
            assert_has(a.text, rows[i].text);
        }
        if (a.class == WD_ANSWER_MALFORMED) {
            assert_int_equal(page.page + page.pages + page.total + page.rows,
                             0);
        }
    }

    assert_ok(wd_wb_classify_page(wd_str_z(rows[0].body), &a, &page));
    assert_int_equal(page.page, 1);
    assert_int_equal(page.pages, 1);
    assert_int_equal(page.total, 3);
    assert_int_equal(page.rows, 3);
}


/* Every documented id: XML and JSON, there as text and as a number. */
static void
test_error_ids(void **state)
{
    size_t      i, k;
    char        body[200];
    wd_answer_t a;

    static const struct {
        const char *id;
        const char *class;
    } rows[] = {
        {"105", "upstream"},    {"110", "bad_request"}, {"111", "bad_request"},
        {"112", "bad_request"}, {"115", "bad_request"}, {"120", "not_found"},
        {"140", "bad_request"}, {"150", "bad_request"}, {"160", "bad_request"},
        {"170", "archived"},    {"175", "archived"},    {"199", "upstream"},
        {"998", "bad_request"},
    };
    static const char *const shapes[] = {
        "<wb:error><wb:message id=\"%s\" key=\"k\">v</wb:message></wb:error>",
        "[{\"message\":[{\"id\":\"%s\",\"key\":\"k\",\"value\":\"v\"}]}]",
        "[{\"message\":[{\"id\":%s,\"key\":\"k\",\"value\":\"v\"}]}]",
        "{\"message\":[{\"id\":\"%s\",\"key\":\"k\",\"value\":\"v\"}]}",
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        for (k = 0; k < wd_array_len(shapes); k++) {
            snprintf(body, sizeof(body), shapes[k], rows[i].id);
            assert_ok(wd_wb_classify(wd_str_z(body), &a));
            assert_string_equal(wd_answer_name(a.class), rows[i].class);
            assert_int_equal(strncmp(a.text, rows[i].id, 3), 0);
            assert_string_equal(a.text + 3, ": v");
        }
    }
}


/* As many rows as are taken, and one more. */
static void
test_too_many(void **state)
{
    static const char row[] = "<wb:data/>";
    char             *body, *end;
    int               more;
    size_t            i;
    wd_test_parsed_t  p;

    (void) state;
    body = malloc(sizeof(HEAD("1")) + (WD_RECORDS_MAX + 3) * sizeof(row));
    assert_non_null(body);
    for (more = 0; more < 2; more++) {
        end = stpcpy(stpcpy(body, HEAD("1")), FR);
        for (i = 1; i < (size_t) (WD_RECORDS_MAX + more); i++) {
            end = stpcpy(end, row);
        }
        stpcpy(end, "</wb:data>");
        parse_z(&p, body);
        assert_int_equal(p.r.n_records, WD_RECORDS_MAX);
        assert_int_equal(p.r.n_rejected, WD_RECORDS_MAX - 1 + more);
        assert_int_equal(p.r.n_observations, 1);
        wd_test_parsed_done(&p);
    }
    free(body);
}


static void
test_every_cut(void **state)
{
    size_t           n, i;
    wd_test_parsed_t p;
    wd_answer_t      a;

    static const char        body[] = DOC("3", FR DE XM);
    static const char *const countries[] = {"FRA", "DEU", "LIC"};

    (void) state;
    for (n = 0; n < sizeof(body) - 3; n++) { /* the last bytes are blanks */
        assert_ok(wd_wb_parse(wd_test_copy(&p, body, n), &p.r));
        assert_true(p.r.n_rejects != 0);
        assert_true(p.r.n_observations <= 3);
        for (i = 0; i < p.r.n_observations; i++) {
            assert_view(p.r.observations[i].country, countries[i]);
        }
        assert_true(p.r.n_observations == 0
                    || p.r.observations[0].value == 2779092236505.85);
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

    static const char body[] = DOC("3", FR DE XM);

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
        assert_true(p.r.n_rejected != 0);
        wd_test_parsed_done(&p);
        free(text);
    }
}


static void
test_random_damage(void **state)
{
    static const char text[] = DOC("3", FR DE XM);
    char              copy[sizeof(text)];
    size_t            i, k, n;
    wd_test_parsed_t  p;
    wd_answer_t       a;

    (void) state;
    for (i = 0; i < 3000; i++) {
        memcpy(copy, text, sizeof(text));
        n = wd_test_below(5) + 1;
        for (k = 0; k < n; k++) {
            copy[wd_test_below(sizeof(text) - 1)] = "<>/&;\"'= \xff"
                                                    "aw:0"[wd_test_below(14)];
        }
        assert_ok(wd_wb_parse(wd_test_copy(&p, copy, sizeof(text) - 1), &p.r));
        for (k = 0; k < p.r.n_observations; k++) {
            assert_true(wd_utf8_valid(p.r.observations[k].indicator));
            assert_true(p.r.observations[k].country.len != 0);
        }
        wd_test_parsed_done(&p);
        assert_ok(wd_wb_classify(wd_str(copy, sizeof(text) - 1), &a));
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_to_json),
        cmocka_unit_test(test_page),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_error_ids),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
