/*
 * test_domain_kf_parse.c - kfinance answers: prices, market values, figures by
 * period in both shapes, names, errors beside good entries, damage; and what
 * each answer is.
 *
 * Some figures of S&P Global Inc. and Apple are those of the provider's own
 * examples; all else is made up.
 */
#include "wd_test_records.h"

#include "wd_kf_answer.h"
#include "wd_kf_parse.h"

#include <math.h>

#define BAR(date, close)                                                  \
    "{\"date\":\"" date "\",\"open\":\"424.260000\",\"high\":\"425.99\"," \
    "\"low\":\"422.04\",\"close\":" close ",\"volume\":\"1129158\"}"
#define PRICES(rows) "{\"currency\":\"USD\",\"prices\":[" rows "]}"
#define B1 BAR("2024-04-11", "\"422.920000\"")
#define B2 BAR("2024-04-12", "\"417.810000\"")
#define B3 BAR("2024-04-15", "415.5")

#define CAPS                                                                \
    "{\"currency\":\"USD\",\"market_caps\":[{\"date\":\"2024-04-10\","      \
    "\"market_cap\":\"132766738270.000000\",\"tev\":null,"                  \
    "\"shares_outstanding\":313099562},{\"market_cap\":\"132416066761.0\"," \
    "\"date\":\"2024-04-11\"}]}"

#define LINE(name, value) \
    "{\"name\":\"" name "\",\"value\":" value ",\"sources\":[{\"a\":1}]}"
#define STATEMENTS                                                         \
    "{\"currency\":\"USD\",\"periods\":{\"CY2020\":{\"period_end_date\":"  \
    "\"2020-12-31\",\"num_months\":12,\"statements\":[{\"name\":\"Income " \
    "Statement\",\"line_items\":[" LINE(                                   \
        "Revenues",                                                        \
        "\"7442000000.000000\"") "," LINE("Net Income",                    \
                                          "null") "]}]},"                  \
                                                  "\"CY2021\":{"           \
                                                  "\"statements"           \
                                                  "\":[{"                  \
                                                  "\"line_"                \
                                                  "items\":"               \
                                                  "[" LINE("Revenue"       \
                                                           "s",            \
                                                           "\"824300"      \
                                                           "0000."         \
                                                           "000000"        \
                                                           "\"") "]}"      \
                                                                 "],"      \
                                                                 "\""      \
                                                                 "pe"      \
                                                                 "ri"      \
                                                                 "od"      \
                                                                 "_e"      \
                                                                 "nd"      \
                                                                 "_d"      \
                                                                 "at"      \
                                                                 "e"       \
                                                                 "\""      \
                                                                 ":"       \
                                                                 "\""      \
                                                                 "20"      \
                                                                 "21"      \
                                                                 "-1"      \
                                                                 "2-"      \
                                                                 "31"      \
                                                                 "\""      \
                                                                 "}}"      \
                                                                 "}"

#define MANY                                                                   \
    "{\"results\":{\"24937\":{\"currency\":\"USD\",\"periods\":{\"FY2023Q1\":" \
    "{\"period_end_date\":\"2022-12-31\",\"line_item\":" LINE(                 \
        "Net PPE",                                                             \
        "\"42951000000.000000\"") "}}},\"1\":{\"periods\":{"                   \
                                  "\"FY2023Q1\":{\"period_end_date\":null,"    \
                                  "\"line_item\":" LINE(                       \
                                      "Net PPE",                               \
                                      "1") "}}}},\"errors\":{\"2\":\"no "      \
                                           "permission for token=a\"}}"

#define IDS                                                             \
    "{\"SPGI\":{\"company_id\":21719,\"security_id\":2629107,"          \
    "\"trading_item_id\":2629108,\"company_name\":\"S&P Global Inc.\"," \
    "\"ticker\":\"SPGI\"},\"Private LLC\":{\"company_id\":\"12345\","   \
    "\"security_id\":null,\"ticker\":null},\"Nobody\":{\"error\":"      \
    "\"No identification triple found\"}}"

static const wd_kf_asked_t asked = {WD_STR("21719"), WD_STR("PPE")};


static void
parse_z(wd_test_parsed_t *p, wd_kf_dataset_e dataset, const char *text)
{
    assert_ok(wd_kf_parse(dataset, wd_test_copy_z(p, text), &asked, &p->r));
}


static void
assert_fact(const wd_test_parsed_t *p, size_t i, const char *item,
            const char *period, double value, wd_ns_t time)
{
    assert_true(i < p->r.n_facts);
    assert_view(p->r.facts[i].item, item);
    assert_view(p->r.facts[i].period, period);
    assert_true(p->r.facts[i].value == value);
    assert_true(p->r.facts[i].time == time);
}


static void
test_prices(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_KF_PRICES, PRICES(B1 "," B2 "," B3));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_bars, 3);
    assert_true(p.r.bars[0].time == wd_test_day("2024-04-11")
                && p.r.bars[0].is_date);
    assert_true(p.r.bars[0].open == 424.26 && p.r.bars[0].high == 425.99);
    assert_true(p.r.bars[0].low == 422.04 && p.r.bars[0].close == 422.92);
    assert_true(p.r.bars[0].volume == 1129158);
    assert_true(isnan(p.r.bars[0].adjusted_close) && isnan(p.r.bars[0].split));
    assert_true(p.r.bars[2].close == 415.5);
    assert_view(p.r.bars[1].sample, B2);
    assert_view(p.r.symbol, "21719");
    assert_int_equal(p.r.n_fields, 1);
    assert_view(p.r.fields[0].name, "currency");
    assert_view(p.r.fields[0].value, "USD");
    wd_test_parsed_done(&p);

    parse_z(
        &p, WD_KF_PRICES,
        PRICES(B1 "," BAR("2024-02-30", "\"1\"") "," BAR(
            "2024-04-12T00:00",
            "\"1"
            "\"") "," BAR("2024-04-12",
                          "null") "," BAR("2024-04-12",
                                          "\"\"") "," BAR("2024-04-12",
                                                          "\"NaN\"") "," BAR("2"
                                                                             "0"
                                                                             "2"
                                                                             "4"
                                                                             "-"
                                                                             "0"
                                                                             "4"
                                                                             "-"
                                                                             "1"
                                                                             "2",
                                                                             "\"1e999"
                                                                             "\"") "," BAR("2024-04-12",
                                                                                           "[1]") "," BAR("2024-04-12",
                                                                                                          "true") ",7,null,{}," B2));
    assert_int_equal(p.r.n_bars, 2);
    assert_int_equal(p.r.bars[1].record, 11);
    assert_int_equal(p.r.n_rejects, 10);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 1);
    assert_rejected(&p, 1, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 2, WD_REASON_MISSING_PRICE, 3);
    assert_rejected(&p, 3, WD_REASON_MISSING_PRICE, 4);
    assert_rejected(&p, 4, WD_REASON_NOT_A_NUMBER, 5);
    assert_rejected(&p, 5, WD_REASON_NOT_A_NUMBER, 6);
    assert_rejected(&p, 6, WD_REASON_NOT_A_NUMBER, 7);
    assert_rejected(&p, 7, WD_REASON_NOT_A_NUMBER, 8);
    assert_rejected(&p, 8, WD_REASON_UNKNOWN_SHAPE, 9);
    assert_rejected(&p, 9, WD_REASON_BAD_TIME, 10);
    wd_test_parsed_done(&p);
}


static void
test_market_caps(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_KF_MARKET_CAP, CAPS);
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_facts, 4);
    assert_view(p.r.facts[0].item, "market_cap");
    assert_view(p.r.facts[0].symbol, "21719");
    assert_view(p.r.facts[0].unit, "USD");
    assert_view(p.r.facts[0].text, "132766738270.000000");
    assert_true(p.r.facts[0].time == wd_test_day("2024-04-10"));
    assert_true(p.r.facts[1].text.data == NULL && isnan(p.r.facts[1].value));
    assert_view(p.r.facts[2].unit, "shares");
    assert_true(p.r.facts[2].value == 313099562);
    assert_true(p.r.facts[3].time == wd_test_day("2024-04-11"));
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_MARKET_CAP,
            "{\"market_caps\":[{\"market_cap\":\"1\"},{\"market_cap\":\"2\","
            "\"date\":\"4/11/2024\"},{\"market_cap\":\"3\",\"date\":"
            "\"2024-04-12\"},nope,{\"market_cap\":\"4\",\"date\":"
            "\"2024-04-15\"}]}");
    assert_int_equal(p.r.n_facts, 2);
    assert_true(p.r.facts[0].value == 3 && p.r.facts[1].value == 4);
    assert_true(p.r.facts[0].unit.data == NULL);
    assert_int_equal(p.r.n_rejects, 3);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 1);
    assert_rejected(&p, 1, WD_REASON_BAD_TIME, 3);
    assert_rejected(&p, 2, WD_REASON_SYNTAX, 5);
    wd_test_parsed_done(&p);
}


static void
test_figures(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_KF_STATEMENTS, STATEMENTS);
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_facts, 3);
    assert_fact(&p, 0, "Revenues", "CY2020", 7442e6, wd_test_day("2020-12-31"));
    assert_view(p.r.facts[0].unit, "USD");
    assert_view(p.r.facts[1].item, "Net Income");
    assert_true(isnan(p.r.facts[1].value) && p.r.facts[1].unit.data == NULL);
    assert_fact(&p, 2, "Revenues", "CY2021", 8243e6, wd_test_day("2021-12-31"));
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_LINE_ITEM, MANY);
    assert_int_equal(p.r.n_facts, 2);
    assert_fact(&p, 0, "Net PPE", "FY2023Q1", 42951e6,
                wd_test_day("2022-12-31"));
    assert_view(p.r.facts[0].symbol, "24937");
    assert_view(p.r.facts[0].unit, "USD");
    assert_fact(&p, 1, "Net PPE", "FY2023Q1", 1, WD_NS_MIN);
    assert_view(p.r.facts[1].symbol, "1");
    assert_true(p.r.facts[1].unit.data == NULL);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, 2);
    assert_view(p.r.rejects[0].detail, "2: no permission for token=[redacted]");
    wd_test_parsed_done(&p);
}


static void
test_old_figures(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_KF_STATEMENTS,
            "{\"calendar_type\":\"CALENDAR\",\"currency\":\"USD\","
            "\"statements\":{\"2023\":{\"Revenues\":\"383285000000.000000\","
            "\"Net Income - (IS)\":\"96995000000\"}}}");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_facts, 2);
    assert_fact(&p, 1, "Net Income - (IS)", "2023", 96995e6, WD_NS_MIN);
    assert_view(p.r.facts[1].unit, "USD");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_LINE_ITEM,
            "{\"line_item\":{\"2019\":\"95957000000.000000\",\"2020\":1},"
            "\"currency\":\"EUR\"}");
    assert_int_equal(p.r.n_facts, 2);
    assert_fact(&p, 0, "PPE", "2019", 95957e6, WD_NS_MIN);
    assert_view(p.r.facts[0].unit, "EUR");
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_LINE_ITEM,
            "{\"segments\":{\"2024Q1\":{\"Ratings\":{\"Revenue\":1062000000,"
            "\"Operating Income\":-5},\"\":{\"x\":1}}}}");
    assert_int_equal(p.r.n_facts, 2);
    assert_fact(&p, 1, "Ratings: Operating Income", "2024Q1", -5, WD_NS_MIN);
    assert_rejected(&p, 0, WD_REASON_MISSING_FIELD, 2);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_LINE_ITEM,
            "{\"results\":{\"24937\":{\"estimates\":[{\"name\":\"Consensus\","
            "\"value\":\"1.936170\"}],\"effective_date\":\"2026-03-03\"}},"
            "\"errors\":{}}");
    assert_int_equal(p.r.n_facts, 1);
    assert_int_equal(p.r.n_rejected, 0);
    assert_true(p.r.facts[0].time == wd_test_day("2026-03-03"));
    assert_true(p.r.facts[0].value == 1.93617);
    assert_true(p.r.facts[0].period.data == NULL);
    wd_test_parsed_done(&p);
}


#define P(inner) "{\"periods\":{\"CY2020\":" inner "}}"


static void
test_bad_figures(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *body;
        wd_reason_e reason;
    } rows[] = {
        {P("{\"line_item\":" LINE("a", "\"1e999\"") "}"),
         WD_REASON_NOT_A_NUMBER},
        {P("{\"line_item\":" LINE("a", "\"NaN\"") "}"), WD_REASON_NOT_A_NUMBER},
        {P("{\"line_item\":" LINE("a", "[1]") "}"), WD_REASON_NOT_A_NUMBER},
        {P("{\"line_item\":" LINE("a", "\"\xff\"") "}"), WD_REASON_SYNTAX},
        {P("{\"line_item\":" LINE("", "1") "}"), WD_REASON_MISSING_FIELD},
        {P("{\"line_item\":" LINE("a\xff", "1") "}"), WD_REASON_MISSING_FIELD},
        {P("{\"line_item\":{\"name\":7,\"value\":1}}"),
         WD_REASON_MISSING_FIELD},
        {P("{\"line_item\":7}"), WD_REASON_UNKNOWN_SHAPE},
        {P("{\"statements\":{}}"), WD_REASON_UNKNOWN_SHAPE},
        {P("{\"statements\":[7]}"), WD_REASON_UNKNOWN_SHAPE},
        {P("{\"statements\":[{\"line_items\":7}]}"), WD_REASON_UNKNOWN_SHAPE},
        {P("{\"statements\":[]}"), WD_REASON_MISSING_FIELD},
        {P("{}"), WD_REASON_MISSING_FIELD},
        {P("7"), WD_REASON_UNKNOWN_SHAPE},
        {P("{\"line_item\":" LINE("a", "1") ",\"period_end_date\":\"x\"}"),
         WD_REASON_BAD_TIME},
        {P("{\"line_item\":" LINE("a", "1") ",\"period_end_date\":7}"),
         WD_REASON_BAD_TIME},
        {P("{\"line_item\":" LINE("a", "1") ",\"period_end_date\":"
                                            "\"2020-13-01\"}"),
         WD_REASON_BAD_TIME},
        {"{\"periods\":{\"\":{}}}", WD_REASON_BAD_TIME},
        {"{\"statements\":{\"\":{\"a\":1}}}", WD_REASON_BAD_TIME},
        {"{\"periods\":7}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"results\":7}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"results\":{\"\":{}}}", WD_REASON_BAD_SYMBOL},
        {"{\"results\":{\"7\":7}}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"results\":{\"7\":{}}}", WD_REASON_MISSING_FIELD},
        {"{\"results\":{\"7\":{\"estimates\":[" LINE(
             "a", "1") "],\"effective_date\":\"3/3/2026\"}}}",
         WD_REASON_BAD_TIME},
        {"{\"estimates\":[" LINE("a", "1") "],\"effective_date\":7}",
         WD_REASON_BAD_TIME},
        {"{\"results\":{\"7\":{\"error\":\"x\"}}}", WD_REASON_PROVIDER_ERROR},
        {"{\"results\":{\"7\":{\"error\":{}}}}", WD_REASON_PROVIDER_ERROR},
        {"{\"errors\":{\"7\":7}}", WD_REASON_PROVIDER_ERROR},
        {"{\"errors\":{\"7\":null}}", WD_REASON_PROVIDER_ERROR},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&p, WD_KF_LINE_ITEM, rows[i].body);
        if (p.r.n_rejects != 1 || p.r.n_facts != 0 || p.r.refused
            || p.r.rejects[0].reason != rows[i].reason) {
            fail_msg("%s", rows[i].body);
        }
        wd_test_parsed_done(&p);
    }
}


static void
test_ids(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const bodies[] = {IDS, "{\"data\":" IDS "}"};

    (void) state;
    for (i = 0; i < wd_array_len(bodies); i++) {
        parse_z(&p, WD_KF_IDS, bodies[i]);
        assert_int_equal(p.r.n_identifiers, 5);
        assert_view(p.r.identifiers[0].symbol, "SPGI");
        assert_view(p.r.identifiers[0].scheme, "COMPANY_ID");
        assert_view(p.r.identifiers[0].value, "21719");
        assert_view(p.r.identifiers[3].scheme, "TICKER");
        assert_view(p.r.identifiers[4].symbol, "Private LLC");
        assert_int_equal(p.r.identifiers[4].record, 1);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, 2);
        assert_int_equal(p.r.n_records, 3);
        wd_test_parsed_done(&p);
    }

    parse_z(&p, WD_KF_IDS,
            "{\"A\":{\"company_id\":[1],\"ticker\":true,\"isin\":\"B C\"},"
            "\"\":{\"company_id\":1},\"B\":7,\"C\":{\"company_id\":1,"
            "\"error\":\"x\"},\"D\":{\"company_id\":2}}");
    assert_int_equal(p.r.n_identifiers, 1);
    assert_view(p.r.identifiers[0].symbol, "D");
    assert_int_equal(p.r.n_rejects, 6);
    assert_rejected(&p, 2, WD_REASON_BAD_SYMBOL, 0);
    assert_rejected(&p, 3, WD_REASON_BAD_SYMBOL, 1);
    assert_rejected(&p, 4, WD_REASON_UNKNOWN_SHAPE, 2);
    assert_rejected(&p, 5, WD_REASON_PROVIDER_ERROR, 3);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_ID,
            "{\"trading_item_id\":2629108,\"isin\":"
            "\"US78409V1044\",\"x\":{\"isin\":1}}");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_identifiers, 2);
    assert_view(p.r.identifiers[1].symbol, "21719");
    assert_view(p.r.identifiers[1].scheme, "ISIN");
    assert_view(p.r.identifiers[1].value, "US78409V1044");
    wd_test_parsed_done(&p);
}


static void
test_flat(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_KF_METADATA,
            "{\"currency\":\"USD\",\"symbol\":\"AAPL\",\"exchange_name\":"
            "\"NasdaqGS\",\"instrument_type\":\"Equity\","
            "\"first_trade_date\":\"1980-12-12\",\"x\":null}");
    assert_int_equal(p.r.n_instruments, 1);
    assert_view(p.r.instruments[0].symbol, "AAPL");
    assert_view(p.r.instruments[0].exchange, "NasdaqGS");
    assert_view(p.r.instruments[0].type, "Equity");
    assert_view(p.r.instruments[0].currency, "USD");
    assert_true(p.r.instruments[0].listed == 0);
    assert_int_equal(p.r.n_fields, 5);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_METADATA,
            "{\"symbol\":\"A:23456789012345678901234567890123\"}");
    assert_int_equal(p.r.n_instruments, 0);
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 0);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_INFO,
            "{\"name\":\"S&P Global Inc.\",\"number_of_employees\":\"42350\","
            "\"webpage\":null,\"x\":[1]}");
    assert_int_equal(p.r.n_facts, 3);
    assert_int_equal(p.r.n_rejected, 0);
    assert_view(p.r.facts[0].text, "S&P Global Inc.");
    assert_true(p.r.facts[1].value == 42350);
    assert_true(p.r.facts[1].unit.data == NULL);
    assert_true(p.r.facts[2].text.data == NULL);
    wd_test_parsed_done(&p);
}


/* The list behind the pages of ESG scores, which itself has none. */
static void
test_esg_companies(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse_z(&p, WD_KF_ESG_COMPANIES,
            "[{\"id\":4121452,\"long-name\":\"8x8, Inc.\",\"short-name\":"
            "\"8x8\",\"ticker\":\"SKF B\"},{\"long-name\":\"X\"},{\"id\":[]},"
            "{\"ticker\":\"6/3/2022 12:00:00 "
            "AM\",\"id\":\"7\"},nope,{\"id\":8,\"ticker\":"
            "null,\"long-name\":\"Y\"}]");
    assert_int_equal(p.r.n_facts, 3);
    assert_view(p.r.facts[0].symbol, "4121452");
    assert_view(p.r.facts[0].item, "long-name");
    assert_view(p.r.facts[0].text, "8x8, Inc.");
    assert_view(p.r.facts[2].symbol, "8");
    assert_int_equal(p.r.n_identifiers, 1);
    assert_view(p.r.identifiers[0].symbol, "4121452");
    assert_view(p.r.identifiers[0].scheme, "TICKER");
    assert_view(p.r.identifiers[0].value, "SKF B");
    assert_int_equal(p.r.n_rejects, 4);
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 4);
    assert_rejected(&p, 1, WD_REASON_BAD_SYMBOL, 5);
    assert_rejected(&p, 2, WD_REASON_BAD_SYMBOL, 6);
    assert_rejected(&p, 3, WD_REASON_SYNTAX, 7);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_ESG_COMPANIES, "[]");
    assert_true(p.r.empty);
    wd_test_parsed_done(&p);
    parse_z(&p, WD_KF_ESG_COMPANIES, "{}");
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_refused(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        wd_kf_dataset_e dataset;
        const char     *body;
        wd_reason_e     reason;
    } rows[] = {
        {WD_KF_PRICES, "", WD_REASON_TRUNCATED},
        {WD_KF_PRICES, "[]", WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_PRICES, "<html>", WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_PRICES, CAPS, WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_PRICES, "{\"prices\":[" B1 "],\"error\":\"x\"}",
         WD_REASON_PROVIDER_ERROR},
        {WD_KF_MARKET_CAP, PRICES(B1), WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_STATEMENTS, PRICES(B1), WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_METADATA, PRICES(B1), WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_ID, PRICES(B1), WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_INFO, "{\"a\":[1]}", WD_REASON_UNKNOWN_SHAPE},
        {WD_KF_IDS, "{\"message\":\"Unauthorized\"}", WD_REASON_PROVIDER_ERROR},
        {WD_KF_INFO, "{\"detail\":\"Not found\"}", WD_REASON_PROVIDER_ERROR},
        {WD_KF_LINE_ITEM, "{nope", WD_REASON_UNKNOWN_SHAPE},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&p, rows[i].dataset, rows[i].body);
        assert_true(p.r.refused && !p.r.empty);
        assert_int_equal(p.r.n_bars + p.r.n_facts + p.r.n_identifiers, 0);
        assert_int_equal(p.r.n_fields, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, -1);
        wd_test_parsed_done(&p);
    }
}


static void
test_empty(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        wd_kf_dataset_e dataset;
        const char     *body;
    } rows[] = {
        {WD_KF_PRICES, "{}"},
        {WD_KF_PRICES, PRICES("")},
        {WD_KF_PRICES, "{\"prices\":null}"},
        {WD_KF_MARKET_CAP, "{\"market_caps\":[]}"},
        {WD_KF_LINE_ITEM, "{\"results\":{},\"errors\":{}}"},
        {WD_KF_STATEMENTS, "{\"periods\":{}}"},
        {WD_KF_IDS, " { } "},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&p, rows[i].dataset, rows[i].body);
        assert_true(p.r.empty && !p.r.refused);
        assert_int_equal(p.r.n_rejects, 0);
        wd_test_parsed_done(&p);
    }
}


/* In a row a damage costs the row, elsewhere what stands behind it. */
static void
test_damage(void **state)
{
    size_t           i, k, from;
    char            *text;
    wd_test_parsed_t p;

    static const char prices[] = PRICES(B1 "," B2 "," B3);

    (void) state;
    from = (size_t) (strstr(prices, B2) - prices);
    for (i = from; i < from + strlen(B2); i++) {
        text = strdup(prices);
        text[i] = '\x01';
        parse_z(&p, WD_KF_PRICES, text);
        assert_true(p.r.n_bars >= 2 && p.r.n_rejects != 0);
        assert_true(p.r.bars[0].time == wd_test_day("2024-04-11"));
        assert_true(p.r.bars[p.r.n_bars - 1].time == wd_test_day("2024-04-15"));
        wd_test_parsed_done(&p);
        free(text);
    }

    for (i = 0; i < strlen(STATEMENTS); i++) {
        text = strdup(STATEMENTS);
        text[i] = '\x01';
        parse_z(&p, WD_KF_STATEMENTS, text);
        assert_true(p.r.n_rejects != 0);
        for (k = 0; k < p.r.n_facts; k++) {
            assert_true(p.r.facts[k].time != WD_NS_MIN);
        }
        wd_test_parsed_done(&p);
        free(text);
    }

    parse_z(&p, WD_KF_PRICES, PRICES(B1 B2 ",nope"));
    assert_int_equal(p.r.n_bars, 2);
    assert_int_equal(p.r.n_rejects, 2);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    assert_rejected(&p, 1, WD_REASON_SYNTAX, -1);
    wd_test_parsed_done(&p);

    parse_z(&p, WD_KF_PRICES, PRICES(B1) "x");
    assert_int_equal(p.r.n_bars, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, -1);
    wd_test_parsed_done(&p);
}


static void
test_every_cut(void **state)
{
    size_t           i, n, k;
    wd_test_parsed_t p, whole;

    static const struct {
        wd_kf_dataset_e dataset;
        const char     *body;
    } rows[] = {{WD_KF_PRICES, PRICES(B1 "," B2)},
                {WD_KF_MARKET_CAP, CAPS},
                {WD_KF_STATEMENTS, STATEMENTS},
                {WD_KF_LINE_ITEM, MANY},
                {WD_KF_IDS, IDS}};

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse_z(&whole, rows[i].dataset, rows[i].body);
        for (n = 0; n < strlen(rows[i].body); n++) {
            assert_ok(wd_kf_parse(rows[i].dataset,
                                  wd_test_copy(&p, rows[i].body, n), &asked,
                                  &p.r));
            assert_rejected(&p, p.r.n_rejects - 1, WD_REASON_TRUNCATED, -1);
            assert_false(p.r.empty);
            assert_true(p.r.n_bars <= whole.r.n_bars);
            assert_true(p.r.n_identifiers <= whole.r.n_identifiers);
            assert_true(p.r.n_facts <= whole.r.n_facts);
            for (k = 0; k < p.r.n_facts; k++) {
                assert_true(p.r.facts[k].time == whole.r.facts[k].time);
                assert_true(
                    wd_str_eq(p.r.facts[k].text, whole.r.facts[k].text));
                assert_true(
                    wd_str_eq(p.r.facts[k].unit, whole.r.facts[k].unit));
            }
            wd_test_parsed_done(&p);
        }
        wd_test_parsed_done(&whole);
    }
}


static void
test_classes(void **state)
{
    size_t      i;
    wd_answer_t a;

    static const struct {
        const char *body;
        const char *class;
        const char *text;
    } rows[] = {
        {PRICES(B1), "ok", ""},
        {CAPS, "ok", ""},
        {STATEMENTS, "ok", ""},
        {"{\"isin\":\"US78409V1044\"}", "ok", ""},
        {"{\"current\":[{\"company_id\":1}],\"previous\":[]}", "ok", ""},
        {MANY, "partial", "1 of 3 failed: no permission"},
        {IDS, "partial", "1 of 3 failed: No identification"},
        {"{\"data\":" IDS "}", "partial", "1 of 3"},
        {"{\"A\":{\"error\":\"No identification triple found for the provided "
         "identifier: A\"}}",
         "not_found", "No identification"},
        {"{\"results\":{},\"errors\":{\"1\":\"no permission\"}}", "permission",
         NULL},
        {"{\"results\":{},\"errors\":{\"1\":7}}", "bad_request", NULL},
        {"{\"results\":{},\"errors\":{}}", "empty", NULL},
        {"{}", "empty", NULL},
        {PRICES(""), "empty", NULL},
        {"{\"periods\":{}}", "empty", NULL},
        {"{\"detail\":\"Unauthorized: AB12CD34EF56GH78\"}", "auth",
         "[redacted]"},
        {"{\"error\":\"Too many requests\"}", "limit_short", NULL},
        {"{\"message\":\"Internal server error\"}", "upstream", NULL},
        {"[]", "empty", NULL},
        {"[{\"id\":1}]", "ok", ""},
        {"7", "malformed", NULL},
        {"<html></html>", "malformed", "HTML"},
        {"{\"prices\":[", "malformed", "cut short"},
        {"", "upstream", NULL},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        assert_ok(wd_kf_classify(wd_str_z(rows[i].body), &a));
        if (strcmp(wd_answer_name(a.class), rows[i].class) != 0
            || (rows[i].text != NULL
                && (rows[i].text[0] == '\0'
                        ? a.text[0] != '\0'
                        : strstr(a.text, rows[i].text) == NULL))) {
            fail_msg("%s: %s, \"%s\"", rows[i].body, wd_answer_name(a.class),
                     a.text);
        }
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prices),
        cmocka_unit_test(test_market_caps),
        cmocka_unit_test(test_figures),
        cmocka_unit_test(test_old_figures),
        cmocka_unit_test(test_bad_figures),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_flat),
        cmocka_unit_test(test_esg_companies),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
