/*
 * test_domain_gds_parse.c - GDS entries as facts: tables and series, errors
 * beside rows, texts in the place of figures, entries that answer something
 * else, damage.
 *
 * IBM's revenue, EBITDA and market value are figures that the service gave in
 * 2021; all else is made up.
 */
#include "wd_test_records.h"

#include "wd_gds_parse.h"

#include <math.h>

#define LIST(entries) "{\"GDSSDKResponse\":[" entries "]}"
#define WHO(f, i, m) \
    "\"Function\":\"" f "\",\"Identifier\":\"" i "\",\"Mnemonic\":\"" m "\""
#define ROW(cells) "{\"Row\":[" cells "]}"
#define ENTRY(who, head, rows, rest) \
    "{\"ErrMsg\":\"\",\"Headers\":[" head "],\"Rows\":[" rows "]," who rest "}"

/* One value, its rows and head before its names. */
#define REV                                                              \
    ENTRY(WHO("GDSP", "IBM:NYSE", "IQ_TOTAL_REV"), "\"IQ_TOTAL_REV\"",   \
          ROW("\"77147.000000\""),                                       \
          ",\"NumRows\":1,\"NumCols\":1,\"Properties\":{\"periodtype\":" \
          "\"IQ_FY\"},\"SnapType\":\"\"")
#define EBITDA                                                                 \
    ENTRY(WHO("GDSHE", "IBM:NYSE", "IQ_EBITDA"), "\"IQ_EBITDA\",\"AsOfDate\"", \
          ROW("\"20372.000000\",\"1/20/2021\"") "," ROW(                       \
              "\"18551.000000\",\"1/2/2021\""),                                \
          ",\"NumRows\":\"2\"")
#define CAP                                                              \
    ENTRY(WHO("GDST", "IBM:NYSE", "IQ_MARKETCAP"),                       \
          "\"1/31/2018\",\"1/2/2018\",\"3/29/2018\"",                    \
          ROW("\"151552.048579\", \"143545.592922\",\"141334.789976\""), \
          ",\"Properties\":{\"currencyid\":\"USD\",\"frequency\":"       \
          "\"Monthly\"},\"NumCols\":3")

#define ITEM(f, i, m)                                                         \
    {                                                                         \
        .function = WD_STR(f), .identifier = WD_STR(i), .mnemonic = WD_STR(m) \
    }

static const wd_gds_item_t three[] = {
    {.function = WD_STR("GDSP"),
     .identifier = WD_STR("IBM:NYSE"),
     .mnemonic = WD_STR("IQ_TOTAL_REV"),
     .currency = WD_STR("USD"),
     .scale = WD_STR("millions")},
    {.function = WD_STR("GDSHE"),
     .identifier = WD_STR("IBM:NYSE"),
     .mnemonic = WD_STR("IQ_EBITDA"),
     .period = WD_STR("IQ_LTM")},
    {.function = WD_STR("GDST"),
     .identifier = WD_STR("IBM:NYSE"),
     .mnemonic = WD_STR("IQ_MARKETCAP"),
     .currency = WD_STR("EUR"),
     .scale = WD_STR("millions")},
};


static void
parse(wd_test_parsed_t *p, const char *text, size_t len,
      const wd_gds_item_t *items, size_t n)
{
    wd_str_t body = wd_test_copy(p, text, len);

    assert_ok(wd_gds_parse(body, items, n, &p->r));
}


static void
parse3(wd_test_parsed_t *p, const char *text)
{
    parse(p, text, strlen(text), three, wd_array_len(three));
}


/* One entry for one item of GDSP A: IQ_X, or of another function. */
static void
parse1(wd_test_parsed_t *p, const char *function, const char *text)
{
    wd_gds_item_t item = ITEM("GDSP", "A:", "IQ_X");

    item.function = wd_str_z(function);
    parse(p, text, strlen(text), &item, 1);
}


static void
assert_fact(const wd_test_parsed_t *p, size_t i, const char *item, double value,
            wd_ns_t time)
{
    assert_true(i < p->r.n_facts);
    assert_view(p->r.facts[i].item, item);
    assert_true(p->r.facts[i].value == value);
    assert_true(p->r.facts[i].time == time);
}


static void
test_three_functions(void **state)
{
    wd_test_parsed_t     p;
    const wd_fact_rec_t *f;

    (void) state;
    parse3(&p, LIST(REV "," EBITDA "," CAP));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_facts, 6);
    assert_int_equal(p.r.n_records, 6);
    assert_false(p.r.empty || p.r.refused);

    f = p.r.facts;
    assert_fact(&p, 0, "IQ_TOTAL_REV", 77147, WD_NS_MIN);
    assert_view(f[0].symbol, "IBM:NYSE");
    assert_view(f[0].text, "77147.000000");
    assert_view(f[0].unit, "USD millions");
    assert_view(f[0].period, "IQ_FY");
    assert_view(f[0].sample, ROW("\"77147.000000\""));

    assert_fact(&p, 1, "IQ_EBITDA", 20372, wd_test_day("2021-01-20"));
    assert_fact(&p, 2, "IQ_EBITDA", 18551, wd_test_day("2021-01-02"));
    assert_view(f[1].period, "IQ_LTM");
    assert_true(f[1].unit.data == NULL);

    assert_fact(&p, 3, "IQ_MARKETCAP", 151552.048579,
                wd_test_day("2018-01-31"));
    assert_fact(&p, 4, "IQ_MARKETCAP", 143545.592922,
                wd_test_day("2018-01-02"));
    assert_fact(&p, 5, "IQ_MARKETCAP", 141334.789976,
                wd_test_day("2018-03-29"));
    assert_view(f[4].unit, "USD millions");
    assert_view(f[4].sample, "\"143545.592922\"");
    assert_int_equal(f[4].record, 4);
    assert_true(f[4].period.data == NULL);
    wd_test_parsed_done(&p);
}


static void
test_dates(void **state)
{
    size_t  i;
    int64_t day;
    wd_ns_t t;

    static const struct {
        const char *text;
        int         y, m, d; /* y 0: refused */
    } rows[] = {
        {"1/2/2018", 2018, 1, 2},   {"01/02/2018", 2018, 1, 2},
        {"2/1/2018", 2018, 2, 1},   {"12/31/1999", 1999, 12, 31},
        {"2/29/2020", 2020, 2, 29}, {"31/12/1999", 0, 0, 0},
        {"2/29/2021", 0, 0, 0},     {"0/1/2021", 0, 0, 0},
        {"1/0/2021", 0, 0, 0},      {"1/2/18", 0, 0, 0},
        {"1/2/02018", 0, 0, 0},     {"1/2", 0, 0, 0},
        {"1//2018", 0, 0, 0},       {"", 0, 0, 0},
        {"2018-01-02", 0, 0, 0},    {"1/2/2018 ", 0, 0, 0},
        {"001/2/2018", 0, 0, 0},    {"+1/2/2018", 0, 0, 0},
        {"1/2/9999", 0, 0, 0},      {"1/2/1500", 0, 0, 0},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        if (wd_gds_date(wd_str_z(rows[i].text), &t) != (rows[i].y != 0)) {
            fail_msg("\"%s\"", rows[i].text);
        }
        day = wd_days_from_civil(rows[i].y, rows[i].m, rows[i].d);
        assert_true(rows[i].y == 0 || t == day * WD_NS_PER_DAY);
    }
    assert_false(wd_gds_date(WD_STR_NULL, &t));
}


#define X(cell) \
    LIST(ENTRY(WHO("GDSP", "A:", "IQ_X"), "\"IQ_X\"", ROW(cell), ""))


static void
test_cells(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *body;
        const char *text; /* NULL: missing */
        double      value;
    } good[] = {
        {X("\"46.80\""), "46.80", 46.80},
        {X("46.80"), "46.80", 46.80},
        {X("\" -1.5e3 \""), "-1.5e3", -1500},
        {X("\"0.000000\""), "0.000000", 0},
        {X("null"), NULL, NAN},
        {X("\"\""), NULL, NAN},
        {X("\"-\""), NULL, NAN},
        {X("\"n/a\""), NULL, NAN},
        {X("true"), "true", NAN},
        {X("\"International \\\"B\\\"\""), "International \"B\"", NAN},
        {X("\"NA\""), "NA", NAN},
        {X("\"1,234.5\""), "1,234.5", NAN},
        {X("\"0x10\""), "0x10", NAN},
        {X("\"Data Unavailable Inc.\""), "Data Unavailable Inc.", NAN},
        {X("\"2/1/2018\""), "2/1/2018", NAN},
    };
    static const struct {
        const char *body;
        wd_reason_e reason;
    } bad[] = {
        {X("\"Data Unavailable\""), WD_REASON_PROVIDER_ERROR},
        {X("\"CapabilityNeeded\""), WD_REASON_PROVIDER_ERROR},
        {X("\"(Invalid Identifier)\""), WD_REASON_PROVIDER_ERROR},
        {X("\"NaN\""), WD_REASON_NOT_A_NUMBER},
        {X("\"-Infinity\""), WD_REASON_NOT_A_NUMBER},
        {X("\"1e999\""), WD_REASON_NOT_A_NUMBER},
        {X("-1e999"), WD_REASON_NOT_A_NUMBER},
        {X("NaN"), WD_REASON_NOT_A_NUMBER},
        {X("-Infinity"), WD_REASON_NOT_A_NUMBER},
        {X("\"inf\""), WD_REASON_NOT_A_NUMBER},
        {X("{\"a\":1}"), WD_REASON_NOT_A_NUMBER},
        {X("[1]"), WD_REASON_NOT_A_NUMBER},
        {X("\"a\xff\""), WD_REASON_SYNTAX},
        {X("\"\\q\""), WD_REASON_SYNTAX},
        {X(""), WD_REASON_SYNTAX},
        {X("1,2"), WD_REASON_SYNTAX},
    };

    (void) state;
    for (i = 0; i < wd_array_len(good); i++) {
        parse1(&p, "GDSP", good[i].body);
        assert_int_equal(p.r.n_rejected, 0);
        assert_int_equal(p.r.n_facts, 1);
        if (good[i].text == NULL) {
            assert_true(p.r.facts[0].text.data == NULL);
        } else {
            assert_view(p.r.facts[0].text, good[i].text);
        }
        assert_true(isnan(good[i].value) ? isnan(p.r.facts[0].value)
                                         : p.r.facts[0].value == good[i].value);
        assert_true(p.r.facts[0].unit.data == NULL);
        wd_test_parsed_done(&p);
    }
    for (i = 0; i < wd_array_len(bad); i++) {
        parse1(&p, "GDSP", bad[i].body);
        assert_int_equal(p.r.n_facts, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, bad[i].reason, 0);
        assert_has(wd_pool_strdup(p.pool, p.r.rejects[0].detail),
                   "GDSP A: IQ_X");
        wd_test_parsed_done(&p);
    }
}


static void
test_long_text(void **state)
{
    size_t           i;
    wd_buf_t         body = WD_BUF_INIT;
    wd_test_parsed_t p;

    (void) state;
    wd_buf_z(&body, "{\"GDSSDKResponse\":[{" WHO(
                        "GDSP", "A:", "IQ_X") ",\"Rows\":[{\"Row\":[\"");
    for (i = 0; i <= WD_RECORD_FIELD_MAX; i++) {
        wd_buf_byte(&body, 'a');
    }
    wd_buf_z(&body, "\"]}]}]}");
    parse1(&p, "GDSP", wd_buf_cstr(&body));
    assert_int_equal(p.r.n_facts, 0);
    assert_rejected(&p, 0, WD_REASON_TOO_LONG, 0);
    wd_test_parsed_done(&p);
    wd_buf_done(&body);
}


/* Lists, groups, and columns beside the one that was asked for. */
static void
test_tables(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse1(&p, "GDSPV",
           LIST(ENTRY(WHO("GDSPV", "A:", "IQ_X"), "\"IQ_X\"",
                      ROW("\"b\"") "," ROW("\"c\"") "," ROW("\"b\""),
                      ",\"Properties\":{\"asOfDate\":\"05/06/2021\","
                      "\"other\":[1],\"x\":null}")));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_facts, 3);
    assert_view(p.r.facts[1].text, "c");
    assert_true(p.r.facts[2].time == wd_test_day("2021-05-06"));
    wd_test_parsed_done(&p);

    parse1(&p, "GDSG",
           LIST(ENTRY(WHO("GDSG", "A:", "IQ_X"),
                      "\"IQ_HIGH\",\"As Of Date\",\"IQ_LOW\"",
                      ROW("\"2\",\"1/3/2021\",\"1\""), "")));
    assert_int_equal(p.r.n_facts, 2);
    assert_fact(&p, 0, "IQ_HIGH", 2, wd_test_day("2021-01-03"));
    assert_fact(&p, 1, "IQ_LOW", 1, wd_test_day("2021-01-03"));
    wd_test_parsed_done(&p);

    parse1(&p, "GDSHV",
           LIST(ENTRY(
               WHO("GDSHV", "A:", "IQ_X"),
               "\"Rank\",\"AsOfDate\",\"iq_x\",\"PeriodEndDate\"",
               ROW("1,\"9/9/2021\",2,\"6/30/2021\"") "," ROW(
                   "1,\"9/9/"
                   "2021\",2,"
                   "\"\"") "," ROW("1,\"9/9/2021\",2,\"30/6/"
                                   "2021\"") "," ROW("1,\"9/9/"
                                                     "2021\","
                                                     "2") ",7,"
                                                          "[1]"
                                                          ",{}"
                                                          ",{"
                                                          "\"R"
                                                          "ow"
                                                          "\":"
                                                          "3}"
                                                          "," ROW(
                                                              "2,\"9/9/"
                                                              "2021\",4,\"3/31/"
                                                              "2021\""),
               "")));
    assert_int_equal(p.r.n_facts, 4);
    assert_fact(&p, 1, "iq_x", 2, wd_test_day("2021-06-30"));
    assert_fact(&p, 3, "iq_x", 4, wd_test_day("2021-03-31"));
    assert_int_equal(p.r.n_rejects, 7);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 1, WD_REASON_BAD_TIME, 3);
    assert_rejected(&p, 2, WD_REASON_SYNTAX, 4);
    assert_rejected(&p, 6, WD_REASON_SYNTAX, 8);
    wd_test_parsed_done(&p);

    /* Without a head there can be one column. */
    parse1(&p, "GDSP",
           LIST("{" WHO("GDSP", "A:", "IQ_X") ",\"Rows\":[" ROW(
               "\"1\"") "," ROW("\"1\",\"2\"") "],\"NumCols\":2}"));
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    wd_test_parsed_done(&p);
}


static void
test_bad_heads(void **state)
{
    size_t           i;
    char             body[8192];
    wd_test_parsed_t p;

    static const struct {
        const char *head;
        wd_reason_e reason;
    } rows[] = {
        {"[\"IQ_EBITDA\"]", WD_REASON_ITEM_MISMATCH},
        {"[\"AsOfDate\"]", WD_REASON_ITEM_MISMATCH},
        {"[]", WD_REASON_ITEM_MISMATCH},
        {"[\"\"]", WD_REASON_UNKNOWN_SHAPE},
        {"[7]", WD_REASON_UNKNOWN_SHAPE},
        {"[null]", WD_REASON_UNKNOWN_SHAPE},
        {"[[\"IQ_X\"]]", WD_REASON_UNKNOWN_SHAPE},
        {"[\"IQ\xff\"]", WD_REASON_UNKNOWN_SHAPE},
        {"[\"\\q\"]", WD_REASON_UNKNOWN_SHAPE},
        {"{\"IQ_X\":1}", WD_REASON_UNKNOWN_SHAPE},
        {"\"IQ_X\"", WD_REASON_UNKNOWN_SHAPE},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        snprintf(body, sizeof(body),
                 LIST("{" WHO("GDSP", "A:", "IQ_X") ",\"Headers\":%s,"
                                                    "\"Rows\":[" ROW("1") "]}"),
                 rows[i].head);
        parse1(&p, "GDSP", body);
        assert_int_equal(p.r.n_facts, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, 0);
        wd_test_parsed_done(&p);
    }

    strcpy(body,
           "{\"GDSSDKResponse\":[{" WHO("GDSG", "A:", "IQ_X") ",\"Rows\":[" ROW(
               "1") "],\"Headers\":[\"a\"");
    for (i = 0; i < 256; i++) {
        strcat(body, ",\"a\"");
    }
    strcat(body, "]}]}");
    parse1(&p, "GDSG", body);
    assert_int_equal(p.r.n_facts, 0);
    assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, 0);
    wd_test_parsed_done(&p);
}


static void
test_series(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const refused[] = {
        LIST(ENTRY(WHO("GDST", "A:", "IQ_X"), "\"1/2/2018\",\"1/3/2018\"",
                   ROW("1"), "")),
        LIST(ENTRY(WHO("GDST", "A:", "IQ_X"), "\"1/2/2018\"", ROW("1,2"), "")),
        LIST(ENTRY(WHO("GDST", "A:", "IQ_X"), "\"1/2/2018\"",
                   ROW("1") "," ROW("2"), "")),
        LIST(ENTRY(WHO("GDST", "A:", "IQ_X"), "\"1/2/2018\"", "7", "")),
        LIST(ENTRY(WHO("GDST", "A:", "IQ_X"), "\"1/2/2018\"", "[1]", "")),
        LIST("{" WHO("GDST", "A:", "IQ_X") ",\"Rows\":[" ROW("1") "]}"),
    };

    (void) state;
    parse1(&p, "GDST",
           LIST(ENTRY(WHO("GDST", "A:", "IQ_X"),
                      "\"1/2/2018\",\"IQ_X\",7,\"1/3/2018\",\"1/4/2018\","
                      "\"1/5/2018\",\"1/5/2018\"",
                      ROW("1,2,3,\"Data Unavailable\",null,5,6"), "")));
    assert_int_equal(p.r.n_facts, 4);
    assert_fact(&p, 0, "IQ_X", 1, wd_test_day("2018-01-02"));
    assert_true(isnan(p.r.facts[1].value));
    assert_fact(&p, 2, "IQ_X", 5, wd_test_day("2018-01-05"));
    assert_fact(&p, 3, "IQ_X", 6, wd_test_day("2018-01-05"));
    assert_int_equal(p.r.n_rejects, 3);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 1);
    assert_rejected(&p, 1, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 2, WD_REASON_PROVIDER_ERROR, 3);
    wd_test_parsed_done(&p);

    for (i = 0; i < wd_array_len(refused); i++) {
        parse1(&p, "GDST", refused[i]);
        assert_int_equal(p.r.n_facts, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, 0);
        wd_test_parsed_done(&p);
    }

    /* More rows announced than there are, as the service did once. */
    parse1(&p, "GDST",
           LIST(ENTRY(WHO("GDST", "A:", "IQ_X"), "\"1/2/2018\"", ROW("1"),
                      ",\"NumRows\":2,\"NumCols\":1")));
    assert_int_equal(p.r.n_facts, 1);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_SHORT_PAGE, -1);
    wd_test_parsed_done(&p);
}


static void
test_announced(void **state)
{
    size_t           i;
    char             body[512];
    wd_test_parsed_t p;

    static const struct {
        const char *rest;
        size_t      rejects;
    } rows[] = {
        {",\"NumRows\":1,\"NumCols\":1", 0},
        {",\"NumRows\":\"1\",\"NumCols\":\"1\"", 0},
        {",\"NumRows\":0,\"NumCols\":0", 0},
        {",\"NumRows\":null", 0},
        {",\"NumRows\":-1", 0},
        {",\"NumRows\":1e3", 0},
        {",\"NumRows\":\"many\"", 0},
        {",\"NumRows\":[5]", 0},
        {",\"NumRows\":99999999999999999999", 0},
        {",\"NumRows\":2", 1},
        {",\"NumCols\":2", 1},
        {",\"NumRows\":9223372036854775807", 1},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        snprintf(
            body, sizeof(body),
            LIST(ENTRY(WHO("GDSP", "A:", "IQ_X"), "\"IQ_X\"", ROW("1"), "%s")),
            rows[i].rest);
        parse1(&p, "GDSP", body);
        assert_int_equal(p.r.n_facts, 1);
        assert_int_equal(p.r.n_rejects, rows[i].rejects);
        wd_test_parsed_done(&p);
    }
}


/* An error counts, whatever rows stand beside it. */
static void
test_errors(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse3(
        &p,
        LIST("{" WHO(
            "GDSP", "IBM:NYSE",
            "IQ_TOTAL_REV") ",\"ErrMsg\":\"SOME ERROR of "
                            "token=abc-1\",\"Headers\":"
                            "[\"IQ_TOTAL_REV\"],\"ErrMsg\":null,\"Rows\":[" ROW(
                                "\"46.80\"") "]},{\"ErrMsg\":\"x\"}," CAP));
    assert_int_equal(p.r.n_facts, 3);
    assert_int_equal(p.r.n_rejects, 2);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, 0);
    assert_view(p.r.rejects[0].detail, "GDSP IBM:NYSE IQ_TOTAL_REV: "
                                       "SOME ERROR of token=[redacted]");
    assert_view(p.r.rejects[0].sample, "");
    assert_rejected(&p, 1, WD_REASON_PROVIDER_ERROR, 1);
    assert_view(p.r.rejects[1].detail, "GDSHE IBM:NYSE IQ_EBITDA: x");
    assert_int_equal(p.r.facts[0].record, 2);
    assert_false(p.r.refused || p.r.empty);
    wd_test_parsed_done(&p);

    /* A limit answers nothing, whatever was asked. */
    parse3(&p, LIST("{\"ErrMsg\":\"Daily Request Limit of 10000 Exceeded\"}"));
    assert_true(p.r.refused);
    assert_int_equal(p.r.n_facts, 0);
    assert_int_equal(p.r.n_records, 0);
    assert_int_equal(p.r.n_rejects, 1);
    assert_int_equal(p.r.n_rejected, 1);
    assert_rejected(&p, 0, WD_REASON_PROVIDER_ERROR, -1);
    assert_view(p.r.rejects[0].detail, "Daily Request Limit of 10000 Exceeded");
    wd_test_parsed_done(&p);
}


/* Entries that answer something else than was asked for. */
static void
test_strangers(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const struct {
        const char *who;
        wd_reason_e reason;
    } rows[] = {
        {WHO("GDSP", "a:", "IQ_X"), WD_REASON_SYMBOL_MISMATCH},
        {WHO("GDSP", "A", "IQ_X"), WD_REASON_SYMBOL_MISMATCH},
        {WHO("GDSP", "A: ", "IQ_X"), WD_REASON_SYMBOL_MISMATCH},
        {WHO("GDSPV", "A:", "IQ_X"), WD_REASON_ITEM_MISMATCH},
        {WHO("GDSP", "A:", "iq_x"), WD_REASON_ITEM_MISMATCH},
        {WHO("GDSP", "A:", ""), WD_REASON_MISSING_FIELD},
        {WHO("", "A:", "IQ_X"), WD_REASON_MISSING_FIELD},
        {WHO("GDSP", "", "IQ_X"), WD_REASON_BAD_SYMBOL},
        {WHO("GDSP", "A\xff", "IQ_X"), WD_REASON_BAD_SYMBOL},
        {WHO("GDSP", "A:23456789012345678901234567890123", "IQ_X"),
         WD_REASON_BAD_SYMBOL},
        {"\"Function\":\"GDSP\",\"Identifier\":\"A:\"",
         WD_REASON_MISSING_FIELD},
        {"\"Function\":\"GDSP\",\"Identifier\":7,\"Mnemonic\":\"IQ_X\"",
         WD_REASON_UNKNOWN_SHAPE},
        {"\"Function\":\"GDSP\",\"Identifier\":[],\"Mnemonic\":\"IQ_X\"",
         WD_REASON_UNKNOWN_SHAPE},
        {WHO("GDSP", "A:", "IQ_X") ",\"ErrMsg\":false",
         WD_REASON_UNKNOWN_SHAPE},
        {WHO("GDSP", "A:", "IQ_X") ",\"ErrMsg\":{}", WD_REASON_UNKNOWN_SHAPE},
        {WHO("GDSP", "A:", "IQ_X") ",\"Rows\":{}", WD_REASON_UNKNOWN_SHAPE},
        {WHO("GDSP", "A:", "IQ_X") ",\"Rows\":7", WD_REASON_UNKNOWN_SHAPE},
        {WHO("GDSP", "A:", "IQ_X") ",\"Properties\":{\"asofdate\":\"x\"}",
         WD_REASON_BAD_TIME},
        {WHO("GDSP", "A:", "IQ_X") ",\"Properties\":{\"periodtype\":\"\xff\"}",
         WD_REASON_SYNTAX},
    };

    char body[512];

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        snprintf(body, sizeof(body),
                 LIST("{\"Headers\":[\"IQ_X\"],\"Rows\":[" ROW("1") "],%s}"),
                 rows[i].who);
        parse1(&p, "GDSP", body);
        assert_int_equal(p.r.n_facts, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, 0);
        wd_test_parsed_done(&p);
    }

    parse1(&p, "GDSQ",
           LIST(ENTRY(WHO("GDSQ", "A:", "IQ_X"), "\"IQ_X\"", ROW("1"), "")));
    assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, 0);
    wd_test_parsed_done(&p);

    /* In another order: nothing is taken by guess. */
    parse3(&p, LIST(EBITDA "," REV "," CAP "," REV));
    assert_int_equal(p.r.n_facts, 3);
    assert_int_equal(p.r.n_rejects, 3);
    assert_rejected(&p, 0, WD_REASON_ITEM_MISMATCH, 0);
    assert_rejected(&p, 1, WD_REASON_ITEM_MISMATCH, 1);
    assert_rejected(&p, 2, WD_REASON_ITEM_MISMATCH, 5);
    wd_test_parsed_done(&p);

    /* Fewer than asked for. */
    parse3(&p, LIST(REV));
    assert_int_equal(p.r.n_facts, 1);
    assert_int_equal(p.r.n_rejects, 2);
    assert_rejected(&p, 0, WD_REASON_MISSING_FIELD, 1);
    assert_rejected(&p, 1, WD_REASON_MISSING_FIELD, 2);
    wd_test_parsed_done(&p);

    parse(&p, LIST(REV), strlen(LIST(REV)), NULL, 0);
    assert_int_equal(p.r.n_facts, 0);
    assert_rejected(&p, 0, WD_REASON_ITEM_MISMATCH, 0);
    wd_test_parsed_done(&p);
}


static void
test_empty(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse3(&p, LIST(""));
    assert_true(p.r.empty && !p.r.refused);
    assert_int_equal(p.r.n_rejects, 0);
    wd_test_parsed_done(&p);

    parse1(&p, "GDSP",
           LIST("{" WHO("GDSP", "A:", "IQ_X") ",\"ErrMsg\":null,\"Rows\":[]}"));
    assert_true(p.r.empty && !p.r.refused);
    assert_rejected(&p, 0, WD_REASON_MISSING_FIELD, 0);
    wd_test_parsed_done(&p);

    parse1(&p, "GDSP", LIST("{" WHO("GDSP", "A:", "IQ_X") "}"));
    assert_true(p.r.empty);
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
    } rows[] = {
        {"", WD_REASON_TRUNCATED},
        {" \n", WD_REASON_TRUNCATED},
        {"[]", WD_REASON_UNKNOWN_SHAPE},
        {"{}", WD_REASON_UNKNOWN_SHAPE},
        {"7 ", WD_REASON_UNKNOWN_SHAPE},
        {"<html><head>", WD_REASON_UNKNOWN_SHAPE},
        {"Runtime Error", WD_REASON_UNKNOWN_SHAPE},
        {"{\"GDSSDKResponse\":{}}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"GDSSDKResponse\":null}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"gdssdkresponse\":[" REV "]}", WD_REASON_UNKNOWN_SHAPE},
        {"{\"message\":\"Unauthorized\"}", WD_REASON_PROVIDER_ERROR},
        {"{\"ErrMsg\":\"x\",\"GDSSDKResponse\":null}",
         WD_REASON_PROVIDER_ERROR},
        {"{\"a\":1,}", WD_REASON_UNKNOWN_SHAPE},
    };

    (void) state;
    for (i = 0; i < wd_array_len(rows); i++) {
        parse3(&p, rows[i].body);
        assert_true(p.r.refused && !p.r.empty);
        assert_int_equal(p.r.n_facts, 0);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, rows[i].reason, -1);
        wd_test_parsed_done(&p);
    }
}


/* What nobody told of does no harm; what follows the entries is told of. */
static void
test_frame(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const after[] = {",\"x\":nope}", "}x", "} {}", ",}"};

    char body[4096];

    (void) state;
    parse3(&p, "\xef\xbb\xbf {\"x\":[{\"Rows\":1}],\"y\":{},\"message\":\"\","
               "\"GDSSDKResponse\":[" REV "," EBITDA "," CAP
               "],\"GDSSDKResponse\":[" REV "],\"z\":null}\r\n");
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_facts, 6);
    wd_test_parsed_done(&p);

    for (i = 0; i < wd_array_len(after); i++) {
        snprintf(body, sizeof(body),
                 "{\"GDSSDKResponse\":[" REV "," EBITDA "," CAP "]%s",
                 after[i]);
        parse3(&p, body);
        assert_int_equal(p.r.n_facts, 6);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, WD_REASON_SYNTAX, -1);
        wd_test_parsed_done(&p);
    }
}


static void
test_too_many_entries(void **state)
{
    size_t           i;
    wd_test_parsed_t p;
    wd_buf_t         body = WD_BUF_INIT;
    wd_gds_item_t    items[WD_GDS_ITEMS_MAX];

    (void) state;
    for (i = 0; i < wd_array_len(items); i++) {
        items[i] = (wd_gds_item_t) ITEM("GDSP", "A:", "IQ_X");
    }
    wd_buf_z(&body, "{\"GDSSDKResponse\":[");
    for (i = 0; i < WD_GDS_ITEMS_MAX + 2; i++) {
        wd_buf_printf(
            &body, "%s%s", i != 0 ? "," : "",
            ENTRY(WHO("GDSP", "A:", "IQ_X"), "\"IQ_X\"", ROW("1"), ""));
    }
    wd_buf_z(&body, "]}");
    parse(&p, wd_buf_cstr(&body), body.len, items, WD_GDS_ITEMS_MAX);
    assert_int_equal(p.r.n_facts, WD_GDS_ITEMS_MAX);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_TOO_MANY, -1);
    wd_test_parsed_done(&p);

    /* Nor is what cannot be read looked through without end. */
    wd_buf_reset(&body);
    wd_buf_z(&body, "{\"GDSSDKResponse\":[");
    for (i = 0; i < WD_GDS_ITEMS_MAX + 2; i++) {
        wd_buf_z(&body, "{\"Rows\":nope},");
    }
    parse(&p, wd_buf_cstr(&body), body.len, items, WD_GDS_ITEMS_MAX);
    assert_int_equal(p.r.n_rejects, WD_GDS_ITEMS_MAX + 1);
    assert_rejected(&p, WD_GDS_ITEMS_MAX, WD_REASON_TOO_MANY, -1);
    wd_test_parsed_done(&p);
    wd_buf_done(&body);
}


/* A damage costs the entry that it hit, and no other gets its item. */
static void
test_damage_anywhere(void **state)
{
    size_t           i, k, from, to;
    char            *text;
    wd_test_parsed_t p;

    static const char body[] = LIST(REV "," EBITDA "," CAP);

    (void) state;
    from = (size_t) (strstr(body, EBITDA) - body);
    to = from + strlen(EBITDA);
    for (i = from; i < to; i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse3(&p, text);
        assert_true(p.r.n_facts >= 4 && p.r.n_rejects != 0);
        assert_fact(&p, 0, "IQ_TOTAL_REV", 77147, WD_NS_MIN);
        assert_fact(&p, p.r.n_facts - 1, "IQ_MARKETCAP", 141334.789976,
                    wd_test_day("2018-03-29"));
        for (k = 1; k + 3 < p.r.n_facts; k++) {
            assert_view(p.r.facts[k].item, "IQ_EBITDA");
        }
        wd_test_parsed_done(&p);
        free(text);
    }

    /* Two open items of the same names: neither is guessed. */
    parse(&p, LIST("{\"Rows\":nope}," REV),
          strlen(LIST("{\"Rows\":nope}," REV)),
          (wd_gds_item_t[]){three[0], three[0]}, 2);
    assert_int_equal(p.r.n_facts, 0);
    assert_int_equal(p.r.n_rejects, 4);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 0);
    assert_rejected(&p, 1, WD_REASON_ITEM_MISMATCH, 1);
    assert_rejected(&p, 2, WD_REASON_MISSING_FIELD, 2);
    assert_rejected(&p, 3, WD_REASON_MISSING_FIELD, 3);
    wd_test_parsed_done(&p);

    /* Without a comma they are still two entries. */
    parse3(&p, LIST(REV EBITDA "," CAP));
    assert_int_equal(p.r.n_facts, 6);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    wd_test_parsed_done(&p);

    parse3(&p, LIST(REV ",nope"));
    assert_int_equal(p.r.n_facts, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    wd_test_parsed_done(&p);
}


static void
test_every_cut(void **state)
{
    size_t           n, i;
    wd_test_parsed_t p, whole;

    static const char body[] = LIST(REV "," EBITDA "," CAP);

    (void) state;
    parse3(&whole, body);
    for (n = 0; n < sizeof(body) - 1; n++) {
        parse(&p, body, n, three, wd_array_len(three));
        assert_true(p.r.n_rejects == 1 && !p.r.empty);
        assert_rejected(&p, 0, WD_REASON_TRUNCATED, -1);
        assert_true(p.r.n_facts <= whole.r.n_facts);
        for (i = 0; i < p.r.n_facts; i++) {
            assert_true(wd_str_eq(p.r.facts[i].item, whole.r.facts[i].item));
            assert_true(p.r.facts[i].value == whole.r.facts[i].value);
            assert_true(p.r.facts[i].time == whole.r.facts[i].time);
        }
        wd_test_parsed_done(&p);
    }
    wd_test_parsed_done(&whole);
}


static void
test_random_damage(void **state)
{
    char             text[] = LIST(REV "," EBITDA "," CAP);
    char             copy[sizeof(text)];
    size_t           i, k;
    wd_test_parsed_t p;

    (void) state;
    for (i = 0; i < 5000; i++) {
        memcpy(copy, text, sizeof(text));
        for (k = 0; k <= wd_test_below(4); k++) {
            copy[wd_test_below(sizeof(text) - 1)] = (char) wd_test_below(256);
        }
        parse(&p, copy, sizeof(text) - 1, three, wd_array_len(three));
        for (k = 0; k < p.r.n_facts; k++) {
            assert_view(p.r.facts[k].symbol, "IBM:NYSE");
            assert_true(wd_utf8_valid(p.r.facts[k].text));
            assert_true(!isinf(p.r.facts[k].value));
        }
        wd_test_parsed_done(&p);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_functions),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_cells),
        cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_bad_heads),
        cmocka_unit_test(test_series),
        cmocka_unit_test(test_announced),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_frame),
        cmocka_unit_test(test_too_many_entries),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
