/*
 * test_domain_av_parse.c - Alpha Vantage's answers as records: shapes of all
 * years, missing figures, damage anywhere, nothing made up.
 */
#include "wd_test_records.h"

#include "wd_av_parse.h"

#include <math.h>

#define META                                                                   \
    "{\"Meta Data\":{\"1. Information\":\"Daily Prices\","                     \
    "\"2. Symbol\":\"ibm\",\"3. Last Refreshed\":\"2024-05-02\","              \
    "\"4. Output Size\":\"Compact\",\"5. Time Zone\":\"US/Eastern\"},"
#define ROW(date, o, h, l, c, v)                                               \
    "\"" date "\":{\"1. open\":\"" o "\",\"2. high\":\"" h                     \
    "\",\"3. low\":\"" l "\",\"4. close\":\"" c "\",\"5. volume\":\"" v "\"}"
#define DAILY(rows) META "\"Time Series (Daily)\":{" rows "}}"

#define GOOD1 ROW("2024-05-02", "10.5", "11", "10.25", "10.75", "1200")
#define GOOD2 ROW("2024-05-01", "10", "10.6", "9.9", "10.5", "1100")
#define GOOD3 ROW("2024-04-30", "9.5", "10.1", "9.4", "10", "1000")


static void
parse(wd_test_parsed_t *p, wd_av_dataset_e dataset, wd_str_t text)
{
    text = wd_test_copy(p, text.data, text.len);
    assert_ok(wd_av_parse(dataset, text, &p->r));
}


static void
test_daily(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_DAILY, wd_str_z(DAILY(GOOD1 "," GOOD2)));
    assert_view(p.r.symbol, "IBM");
    assert_view(p.r.zone, "US/Eastern");
    assert_view(p.r.refreshed, "2024-05-02");
    assert_int_equal(p.r.n_bars, 2);
    assert_int_equal(p.r.n_rejected, 0);
    assert_true(p.r.bars[0].time == wd_test_day("2024-05-02"));
    assert_true(p.r.bars[0].is_date);
    assert_true(p.r.bars[0].open == 10.5 && p.r.bars[0].high == 11);
    assert_true(p.r.bars[0].low == 10.25 && p.r.bars[0].close == 10.75);
    assert_true(p.r.bars[0].volume == 1200);
    assert_true(isnan(p.r.bars[0].split));
    assert_int_equal(p.r.bars[1].record, 1);
    wd_test_parsed_done(&p);
}


/* Numbers renumbered, keys in another order, a byte order mark, blanks, real
 * numbers instead of text, a stamp with its minute only. */
static void
test_shapes_of_other_years(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_INTRADAY,
          wd_str_z("\xef\xbb\xbf\r\n{ \"Meta Data\" : {\"1: Symbol\":\"MSFT\","
                   "\"4. Interval\":\"15min\","
                   "\"7: Time Zone\":\"US/Eastern Time\"},\n"
                   "\"Time Series (15min)\" : { \"2018-04-11 15:30\" : {"
                   "\"5. volume\": 852917, \"4. close\": 91.6,"
                   "\"3. low\": 91.48, \"1. open\": 9.184e1,"
                   "\"2. high\": \"91.8400\"} } }\n"));
    assert_int_equal(p.r.n_rejected, 0);
    assert_view(p.r.symbol, "MSFT");
    assert_view(p.r.interval, "15min");
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].time
                == wd_test_day("2018-04-11") + 15 * WD_NS_PER_HOUR
                       + 30 * WD_NS_PER_MIN);
    assert_false(p.r.bars[0].is_date);
    assert_true(p.r.bars[0].open == 91.84 && p.r.bars[0].volume == 852917);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_FX_DAILY,
          wd_str_z("{\"Meta Data\":{\"2. From Symbol\":\"EUR\","
                   "\"3. To Symbol\":\"USD\",\"6. Time Zone\":\"GMT+8\"},"
                   "\"Time Series FX (Daily)\":{\"2018-08-22\":{"
                   "\"1. open\":\"1.1533\",\"2. high\":\"1.1601\","
                   "\"3. low\":\"1.1526\",\"4. close\":\"1.1571\"}}}"));
    assert_view(p.r.symbol, "EURUSD");
    assert_view(p.r.from_symbol, "EUR");
    assert_int_equal(p.r.n_bars, 1);
    assert_true(isnan(p.r.bars[0].volume));
    wd_test_parsed_done(&p);
}


static void
test_adjusted(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_DAILY_ADJUSTED,
          wd_str_z(META
                   "\"Time Series (Daily)\":{\"2024-05-02\":{"
                   "\"1. open\":\"1\",\"2. high\":\"2\",\"3. low\":\"1\","
                   "\"4. close\":\"2\",\"5. adjusted close\":\"1.5\","
                   "\"6. volume\":\"10\",\"7. dividend amount\":\"0.25\","
                   "\"8. split coefficient\":\"2.0\"}}}"));
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].adjusted_close == 1.5);
    assert_true(p.r.bars[0].dividend == 0.25 && p.r.bars[0].split == 2);
    assert_true(p.r.bars[0].volume == 10);
    wd_test_parsed_done(&p);
}


static void
test_csv(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_DAILY_ADJUSTED,
          wd_str_z("timestamp,open,high,low,close,adjusted_close,volume,"
                   "dividend_amount,split_coefficient\r\n"
                   "2026-05-15,218.2,220.91,217.615,219.3,219.3,6154450,"
                   "0.0000,1.0\r\n"
                   "2026-05-08,229.73,230.705,224.83,\"229.76\",229.76,"
                   "5332800,1.6900,1.0\r\n"));
    assert_int_equal(p.r.n_rejected, 0);
    assert_int_equal(p.r.n_bars, 2);
    assert_true(p.r.bars[1].close == 229.76 && p.r.bars[1].dividend == 1.69);
    assert_true(p.r.symbol.data == NULL);
    wd_test_parsed_done(&p);

    /* Columns in another order, line ends of Unix. */
    parse(&p, WD_AV_INTRADAY,
          wd_str_z("volume,close,low,high,open,timestamp\n"
                   "7,4,2,5,3,2026-05-15 19:55:00\n"));
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].open == 3 && p.r.bars[0].volume == 7);
    wd_test_parsed_done(&p);

    /* A weekly table says no split; an error comes as JSON. */
    parse(&p, WD_AV_DAILY_ADJUSTED,
          wd_str_z("timestamp,open,high,low,close,adjusted close,volume,"
                   "dividend amount\r\n2026-05-15,1,1,1,1,1,1,0\r\n"));
    assert_true(p.r.refused);
    assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, -1);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_DAILY, wd_str_z("<html><body>502</body></html>\n"));
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_missing_is_not_zero(void **state)
{
    size_t           i;
    char             body[512];
    wd_test_parsed_t p;

    static const char *const markers[] = {
        "\"None\"", "\"null\"", "null", "\"-\"", "\"n/a\"",
        "\"N/A\"",  "\"\"",     "\" \"", "\".\"", "false"};

    (void) state;
    for (i = 0; i < wd_array_len(markers); i++) {
        snprintf(body, sizeof(body),
                 META "\"Time Series (Daily)\":{\"2024-05-02\":{"
                      "\"1. open\":1,\"2. high\":2,\"3. low\":1,"
                      "\"4. close\":2,\"5. volume\":%s}}}",
                 markers[i]);
        parse(&p, WD_AV_DAILY, wd_str_z(body));
        assert_int_equal(p.r.n_bars, 1);
        assert_true(isnan(p.r.bars[0].volume));
        wd_test_parsed_done(&p);

        snprintf(body, sizeof(body),
                 META "\"Time Series (Daily)\":{\"2024-05-02\":{"
                      "\"1. open\":1,\"2. high\":2,\"3. low\":1,"
                      "\"4. close\":%s,\"5. volume\":3}}}",
                 markers[i]);
        parse(&p, WD_AV_DAILY, wd_str_z(body));
        assert_int_equal(p.r.n_bars, 0);
        assert_rejected(&p, 0, WD_REASON_MISSING_PRICE, 0);
        wd_test_parsed_done(&p);
    }
}


/* Bare words that no JSON has cost their row, and are told from damage. */
static void
test_figures_that_are_none(void **state)
{
    size_t           i;
    char             body[1000];
    wd_test_parsed_t p;

    static const char *const none[] = {"NaN",       "nan",     "Infinity",
                                       "-Infinity", "1e999",   "-1e999",
                                       "\"NaN\"",   "\"1e999\"", "true"};

    (void) state;
    for (i = 0; i < wd_array_len(none); i++) {
        snprintf(body, sizeof(body),
                 DAILY(GOOD1 ",\"2024-04-03\":{\"1. open\":%s,\"2. high\":1,"
                             "\"3. low\":1,\"4. close\":1}," GOOD2),
                 none[i]);
        parse(&p, WD_AV_DAILY, wd_str_z(body));
        assert_int_equal(p.r.n_bars, 2);
        assert_int_equal(p.r.n_rejects, 1);
        assert_rejected(&p, 0, WD_REASON_NOT_A_NUMBER, 1);
        wd_test_parsed_done(&p);
    }
}


static void
test_bad_records_cost_only_themselves(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_DAILY,
          wd_str_z(DAILY(
              GOOD1 "," ROW("2024-13-01", "1", "1", "1", "1", "1") ","
              ROW("2024-02-30", "1", "1", "1", "1", "1") ","
              ROW("2023-02-03", "abc", "1", "1", "1", "1") ","
              ROW("2023-02-02", "0x10", "1", "1", "1", "1") ","
              ROW("2023-02-01", "1", "1e999", "1", "1", "1") ","
              "\"2023-01-31\":[1,2,{\"a\":3}],\"2023-01-30\":7,"
              "\"2023-01-29\":{\"1. open\":{\"x\":1},\"2. high\":\"1\","
              "\"3. low\":\"1\",\"4. close\":\"1\"}," GOOD2)));
    assert_int_equal(p.r.n_bars, 2);
    assert_true(p.r.bars[1].time == wd_test_day("2024-05-01"));
    assert_int_equal(p.r.n_rejects, 8);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 1);
    assert_rejected(&p, 1, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 2, WD_REASON_NOT_A_NUMBER, 3);
    assert_view(p.r.rejects[2].detail, "1. open is \"abc\"");
    assert_has(p.r.rejects[2].sample.data, "\"2023-02-03\"");
    assert_rejected(&p, 3, WD_REASON_NOT_A_NUMBER, 4);
    assert_rejected(&p, 4, WD_REASON_NOT_A_NUMBER, 5);
    assert_rejected(&p, 5, WD_REASON_SYNTAX, 6);
    assert_rejected(&p, 6, WD_REASON_SYNTAX, 7);
    assert_rejected(&p, 7, WD_REASON_NOT_A_NUMBER, 8);
    assert_false(p.r.refused);
    wd_test_parsed_done(&p);
}


/* A syntax error in each place of the middle row: its neighbours stay. */
static void
test_damage_anywhere(void **state)
{
    size_t           i, from, to;
    char            *text;
    wd_test_parsed_t p;

    static const char body[] = DAILY(GOOD1 "," GOOD2 "," GOOD3);

    (void) state;
    from = (size_t) (strstr(body, "2024-05-01") - body) + 13;
    to = (size_t) (strstr(body, "\"2024-04-30") - body) - 1;

    for (i = from; i < to; i++) {
        text = strdup(body);
        text[i] = '\x01';
        parse(&p, WD_AV_DAILY, wd_str_z(text));
        assert_true(p.r.n_bars >= 2);
        assert_true(p.r.n_bars == 2 ? p.r.n_rejects == 1 : true);
        assert_true(p.r.bars[0].time == wd_test_day("2024-05-02"));
        assert_true(p.r.bars[p.r.n_bars - 1].time == wd_test_day("2024-04-30"));
        wd_test_parsed_done(&p);
        free(text);
    }

    /* A missing comma loses no row at all. */
    parse(&p, WD_AV_DAILY, wd_str_z(DAILY(GOOD1 GOOD2 "," GOOD3)));
    assert_int_equal(p.r.n_bars, 3);
    assert_int_equal(p.r.n_rejects, 1);
    wd_test_parsed_done(&p);

    /* Damage in the frame: the rows are found all the same. */
    parse(&p, WD_AV_DAILY,
          wd_str_z("{\"Meta Data\":{\"2. Symbol\":\"IBM\",,},"
                   "\"Time Series (Daily)\":{" GOOD1 "," GOOD2 "}}"));
    assert_int_equal(p.r.n_bars, 2);
    assert_view(p.r.symbol, "IBM");
    wd_test_parsed_done(&p);
}


/* Cut at each byte: never anything but the first rows of the whole. */
static void
assert_prefixes(wd_av_dataset_e dataset, const char *body)
{
    size_t           n, i;
    wd_test_parsed_t whole, part;

    parse(&whole, dataset, wd_str_z(body));
    assert_int_equal(whole.r.n_rejected, 0);

    for (n = 0; n < strlen(body); n++) {
        parse(&part, dataset, wd_str(body, n));
        assert_true(part.r.n_bars <= whole.r.n_bars);
        assert_true(part.r.n_quotes <= whole.r.n_quotes);
        assert_true(part.r.n_instruments <= whole.r.n_instruments);
        for (i = 0; i < part.r.n_bars; i++) {
            assert_true(part.r.bars[i].time == whole.r.bars[i].time);
            assert_true(part.r.bars[i].open == whole.r.bars[i].open);
            assert_true(part.r.bars[i].high == whole.r.bars[i].high);
            assert_true(part.r.bars[i].low == whole.r.bars[i].low);
            assert_true(part.r.bars[i].close == whole.r.bars[i].close);
            assert_true(part.r.bars[i].volume == whole.r.bars[i].volume
                        || isnan(whole.r.bars[i].volume));
        }
        for (i = 0; i < part.r.n_instruments; i++) {
            assert_true(wd_str_eq(part.r.instruments[i].symbol,
                                  whole.r.instruments[i].symbol));
            assert_true(wd_str_eq(part.r.instruments[i].name,
                                  whole.r.instruments[i].name));
        }
        if (part.r.n_bars + part.r.n_quotes + part.r.n_instruments
            < whole.r.n_bars + whole.r.n_quotes + whole.r.n_instruments) {
            /* What is lost leaves a trace, or the cut was at a line end. */
            assert_true(part.r.n_rejects != 0
                        || (n > 0 && body[n - 1] == '\n'));
        }
        wd_test_parsed_done(&part);
    }
    wd_test_parsed_done(&whole);
}


static void
test_every_cut(void **state)
{
    (void) state;
    assert_prefixes(WD_AV_DAILY, DAILY(GOOD1 "," GOOD2 "," GOOD3));
    assert_prefixes(WD_AV_DAILY,
                    "timestamp,open,high,low,close,volume\r\n"
                    "2024-05-02,10.5,11,10.25,10.75,1200\r\n"
                    "2024-05-01,\"10\",10.6,9.9,10.5,1100\r\n");
    assert_prefixes(WD_AV_QUOTE,
                    "{\"Global Quote\":{\"01. symbol\":\"IBM\","
                    "\"05. price\":\"219.30\","
                    "\"07. latest trading day\":\"2026-05-15\"}}");
    assert_prefixes(WD_AV_SEARCH,
                    "{\"bestMatches\":[{\"1. symbol\":\"TSCO.LON\","
                    "\"2. name\":\"Tesco \\\"PLC\\\" \\u00e9\"},"
                    "{\"1. symbol\":\"TSCDF\",\"2. name\":\"Tesco plc\"}]}");
}


static void
test_rows_in_any_order(void **state)
{
    size_t           i, k;
    wd_test_parsed_t a, b;

    (void) state;
    parse(&a, WD_AV_DAILY, wd_str_z(DAILY(GOOD1 "," GOOD2 "," GOOD3)));
    parse(&b, WD_AV_DAILY, wd_str_z(DAILY(GOOD3 "," GOOD1 "," GOOD2)));
    assert_int_equal(a.r.n_bars, b.r.n_bars);
    for (i = 0; i < a.r.n_bars; i++) {
        for (k = 0; k < b.r.n_bars; k++) {
            if (a.r.bars[i].time == b.r.bars[k].time) {
                assert_true(a.r.bars[i].close == b.r.bars[k].close);
                break;
            }
        }
        assert_true(k < b.r.n_bars);
    }
    wd_test_parsed_done(&a);
    wd_test_parsed_done(&b);
}


static void
test_quote(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_QUOTE,
          wd_str_z("{\"Global Quote\":{\"01. symbol\":\"IBM\","
                   "\"02. open\":\"218.2\",\"03. high\":\"220.91\","
                   "\"04. low\":\"217.615\",\"05. price\":\"219.3\","
                   "\"06. volume\":\"6154450\","
                   "\"07. latest trading day\":\"2026-05-15\","
                   "\"08. previous close\":\"218.37\","
                   "\"09. change\":\"0.93\","
                   "\"10. change percent\":\"0.4259%\"}}"));
    assert_int_equal(p.r.n_quotes, 1);
    assert_true(p.r.quotes[0].price == 219.3);
    assert_true(p.r.quotes[0].previous_close == 218.37);
    assert_true(p.r.quotes[0].time == wd_test_day("2026-05-15"));
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_QUOTE, WD_STR("{\"Global Quote\": {}}"));
    assert_true(p.r.empty && !p.r.refused);
    assert_int_equal(p.r.n_rejects, 0);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_QUOTE,
          wd_str_z("symbol,open,high,low,price,volume,latestDay,"
                   "previousClose,change,changePercent\r\n"
                   "IBM,218.2,220.91,217.615,219.3,6154450,2026-05-15,"
                   "218.37,0.93,0.4259%\r\n"));
    assert_int_equal(p.r.n_quotes, 1);
    assert_view(p.r.symbol, "IBM");
    assert_true(p.r.quotes[0].previous_close == 218.37);
    wd_test_parsed_done(&p);
}


static void
test_search_and_overview(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_SEARCH,
          wd_str_z("{\"bestMatches\":[{\"1. symbol\":\"tsco.lon\","
                   "\"2. name\":\"Tesco PLC\",\"3. type\":\"Equity\","
                   "\"4. region\":\"United Kingdom\","
                   "\"7. timezone\":\"UTC+01\",\"8. currency\":\"GBX\"},"
                   "{\"1. symbol\":\"two words\",\"2. name\":\"x\"}]}"));
    assert_int_equal(p.r.n_instruments, 1);
    assert_view(p.r.instruments[0].symbol, "TSCO.LON");
    assert_view(p.r.instruments[0].exchange, "LON");
    assert_view(p.r.instruments[0].currency, "GBX");
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 1);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_SEARCH, WD_STR("{\"bestMatches\": []}"));
    assert_true(p.r.empty);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_OVERVIEW,
          wd_str_z("{\"Symbol\":\"IBM\",\"AssetType\":\"Common Stock\","
                   "\"Name\":\"International Business Machines\","
                   "\"Exchange\":\"NYSE\",\"PERatio\":\"None\","
                   "\"MarketCapitalization\":\"207000000000\"}"));
    assert_int_equal(p.r.n_instruments, 1);
    assert_view(p.r.instruments[0].exchange, "NYSE");
    assert_int_equal(p.r.n_fields, 6);
    assert_int_equal(p.r.n_records, 6);
    assert_view(p.r.fields[4].name, "PERatio");
    assert_true(p.r.fields[4].value.data == NULL);
    assert_view(p.r.fields[5].value, "207000000000");
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_OVERVIEW, WD_STR("{}"));
    assert_true(p.r.empty && !p.r.refused);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_OVERVIEW, WD_STR("{\"Name\":\"x\"}"));
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


/* What a provider says instead of data is refused, and never repeated. */
static void
test_notices(void **state)
{
    size_t           i, d;
    wd_test_parsed_t p;

    static const char *const notices[] = {
        "{\"Information\":\"We have detected your API key as SECRETKEY\"}",
        "{\"Note\":\"5 calls per minute\"}",
        "{\"Error Message\":\"Invalid API call\"}",
        "{\"message\":\"ARTIFICIAL\",\"Meta Data\":{\"2. Symbol\":\"IBM\"},"
        "\"Time Series (Daily)\":{" GOOD1 "}}",
        META "\"Time Series (Daily)\":{" GOOD1 "},\"message\":\"ARTIFICIAL\"}"};

    (void) state;
    for (i = 0; i < wd_array_len(notices); i++) {
        for (d = 0; d < WD_AV_DATASET_COUNT; d++) {
            parse(&p, (wd_av_dataset_e) d, wd_str_z(notices[i]));
            assert_true(p.r.refused);
            assert_int_equal(p.r.n_bars + p.r.n_quotes + p.r.n_fields, 0);
            assert_int_equal(p.r.n_facts + p.r.n_news + p.r.n_actions, 0);
            assert_int_equal(p.r.rejects[0].sample.len, 0);
            wd_test_parsed_done(&p);
        }
    }
}


static void
test_unknown_shapes(void **state)
{
    size_t           i;
    wd_test_parsed_t p;

    static const char *const shapes[] = {
        "[]", "{\"a\":1}", "{\"data\":[{\"date\":\"2024-05-02\"}]}",
        "{\"Meta Data\":[\"x\"],\"Time Series (Daily)\":[[1,2]]}",
        "{\"Time Series (Daily)\":[]}",
        "{\"Weekly Time Series\":{" GOOD1 "}}",
        "{\"Time Series (Digital Currency Daily)\":{" GOOD1 "}}",
        "{\"Technical Analysis: SMA\":{" GOOD1 "}}",
        "{\"Time Series (5min)\":{" GOOD1 "}}"};

    (void) state;
    for (i = 0; i < wd_array_len(shapes); i++) {
        parse(&p, WD_AV_DAILY, wd_str_z(shapes[i]));
        assert_true(p.r.refused);
        assert_int_equal(p.r.n_bars, 0);
        assert_rejected(&p, 0, WD_REASON_UNKNOWN_SHAPE, -1);
        wd_test_parsed_done(&p);
    }

    parse(&p, WD_AV_DAILY, WD_STR(""));
    assert_true(p.r.refused);
    assert_rejected(&p, 0, WD_REASON_TRUNCATED, -1);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_DAILY, WD_STR("{}"));
    assert_true(p.r.empty && !p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_limits(void **state)
{
    size_t           i;
    wd_buf_t         b = WD_BUF_INIT;
    wd_test_parsed_t p;

    (void) state;

    /* Nesting without end. */
    wd_buf_z(&b, "{\"x\":");
    for (i = 0; i < 100000; i++) {
        wd_buf_byte(&b, '[');
    }
    parse(&p, WD_AV_DAILY, wd_buf_view(&b));
    assert_int_equal(p.r.n_bars, 0);
    assert_true(p.r.n_rejects != 0);
    wd_test_parsed_done(&p);

    /* More bad rows than are kept: the others are counted. */
    wd_buf_reset(&b);
    wd_buf_z(&b, META "\"Time Series (Daily)\":{");
    for (i = 0; i < WD_REJECTS_MAX + 50; i++) {
        wd_buf_printf(&b, "%s\"x%zu\":{}", i != 0 ? "," : "", i);
    }
    wd_buf_z(&b, "}}");
    parse(&p, WD_AV_DAILY, wd_buf_view(&b));
    assert_int_equal(p.r.n_rejects, WD_REJECTS_MAX);
    assert_int_equal(p.r.n_rejected, WD_REJECTS_MAX + 50);
    wd_test_parsed_done(&p);

    /* A field that is no field any more. */
    wd_buf_reset(&b);
    wd_buf_z(&b, "{\"Symbol\":\"IBM\",\"Description\":\"");
    for (i = 0; i < WD_RECORD_FIELD_MAX + 1; i++) {
        wd_buf_byte(&b, 'x');
    }
    wd_buf_z(&b, "\"}");
    parse(&p, WD_AV_OVERVIEW, wd_buf_view(&b));
    assert_int_equal(p.r.n_fields, 1);
    assert_rejected(&p, 0, WD_REASON_TOO_LONG, 1);
    wd_test_parsed_done(&p);
    wd_buf_done(&b);
}


/* Random damage: no crash, no record without all its prices. */
static void
test_random_damage(void **state)
{
    char             text[] = DAILY(GOOD1 "," GOOD2 "," GOOD3);
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
        parse(&p, (wd_av_dataset_e) wd_test_below(7),
              wd_str(copy, sizeof(text) - 1));
        for (k = 0; k < p.r.n_bars; k++) {
            assert_false(isnan(p.r.bars[k].close));
        }
        for (k = 0; k < p.r.n_rejects; k++) {
            assert_true(wd_utf8_valid(p.r.rejects[k].detail));
            assert_true(wd_utf8_valid(p.r.rejects[k].sample));
            assert_true(p.r.rejects[k].sample.len <= WD_REJECT_SAMPLE_MAX);
        }
        wd_test_parsed_done(&p);
    }
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daily),
        cmocka_unit_test(test_shapes_of_other_years),
        cmocka_unit_test(test_adjusted),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_missing_is_not_zero),
        cmocka_unit_test(test_figures_that_are_none),
        cmocka_unit_test(test_bad_records_cost_only_themselves),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_rows_in_any_order),
        cmocka_unit_test(test_quote),
        cmocka_unit_test(test_search_and_overview),
        cmocka_unit_test(test_notices),
        cmocka_unit_test(test_unknown_shapes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_random_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
