/*
 * test_domain_av_tables.c - Alpha Vantage's other data sets: longer bars,
 * pairs, rates, tables, statements, news. Figures of IBM and of pairs are the
 * service's of 2026.
 */
#include "wd_test_records.h"

#include "wd_av_field.h"
#include "wd_av_parse.h"

#include <math.h>


static void
parse(wd_test_parsed_t *p, wd_av_dataset_e dataset, const char *text)
{
    assert_ok(wd_av_parse(dataset, wd_test_copy_z(p, text), &p->r));
}


#define BARS(key, rows)                                                   \
    "{\"Meta Data\":{\"1. Information\":\"Prices\",\"2. Symbol\":\"IBM\"" \
    ",\"4. Time Zone\":\"US/Eastern\"},\"" key "\":{" rows "}}"
#define WEEK                                                       \
    "\"2026-05-15\":{\"1. open\":\"228.6600\",\"2. high\":"        \
    "\"230.2300\",\"3. low\":\"212.3400\",\"4. close\":\"219.3000" \
    "\",\"5. volume\":\"33144274\"}"
#define WEEK_ADJUSTED                                              \
    "\"2026-05-08\":{\"1. open\":\"232.0000\",\"2. high\":"        \
    "\"234.0900\",\"3. low\":\"224.3800\",\"4. close\":\"229.7600" \
    "\",\"5. adjusted close\":\"229.7600\",\"6. volume\":"         \
    "\"26716501\",\"7. dividend amount\":\"1.6900\"}"


/* Each series under its own name and under no other. */
static void
test_names_of_series(void **state)
{
    size_t           i, d;
    wd_test_parsed_t p;

    static const struct {
        wd_av_dataset_e dataset;
        const char     *key;
    } keys[] = {
        {WD_AV_DAILY, "Time Series (Daily)"},
        {WD_AV_WEEKLY, "Weekly Time Series"},
        {WD_AV_WEEKLY_ADJUSTED, "Weekly Adjusted Time Series"},
        {WD_AV_MONTHLY, "Monthly Time Series"},
        {WD_AV_MONTHLY_ADJUSTED, "Monthly Adjusted Time Series"},
        {WD_AV_INTRADAY, "Time Series (5min)"},
        {WD_AV_FX_DAILY, "Time Series FX (Daily)"},
        {WD_AV_FX_WEEKLY, "Time Series FX (Weekly)"},
        {WD_AV_FX_MONTHLY, "Time Series FX (Monthly)"},
        {WD_AV_FX_INTRADAY, "Time Series FX (60min)"},
        {WD_AV_CRYPTO_DAILY, "Time Series (Digital Currency Daily)"},
        {WD_AV_CRYPTO_WEEKLY, "Time Series (Digital Currency Weekly)"},
        {WD_AV_CRYPTO_MONTHLY, "Time Series (Digital Currency Monthly)"},
        {WD_AV_CRYPTO_INTRADAY, "Time Series Crypto (1min)"},
    };
    char text[600];
    bool own;

    (void) state;
    for (i = 0; i < wd_array_len(keys); i++) {
        snprintf(text, sizeof(text), BARS("%s", WEEK), keys[i].key);
        for (d = 0; d < WD_AV_DATASET_COUNT; d++) {
            own = d == keys[i].dataset || (i == 0 && d == WD_AV_DAILY_ADJUSTED);
            if (d == WD_AV_OVERVIEW) {
                continue;
            }
            parse(&p, (wd_av_dataset_e) d, text);
            assert_int_equal(wd_test_records_count(&p.r), own ? 1 : 0);
            assert_int_equal(p.r.refused, !own);
            wd_test_parsed_done(&p);
        }
    }
}


static void
test_longer_bars(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_WEEKLY_ADJUSTED,
          BARS("Weekly Adjusted Time Series", WEEK_ADJUSTED));
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].close == 229.76);
    assert_true(p.r.bars[0].adjusted_close == 229.76);
    assert_true(p.r.bars[0].volume == 26716501);
    assert_true(p.r.bars[0].dividend == 1.69);
    assert_true(isnan(p.r.bars[0].split));
    assert_int_equal(p.r.bars[0].time, wd_test_day("2026-05-08"));
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_MONTHLY_ADJUSTED,
          "timestamp,open,high,low,close,adjusted close,volume,dividend "
          "amount\r\n2026-05-08,232.0000,234.0900,224.3800,229.7600,"
          "229.7600,26716501,1.6900\r\n");
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].dividend == 1.69);
    wd_test_parsed_done(&p);

    /* Without what makes it adjusted it is another table. */
    parse(&p, WD_AV_WEEKLY_ADJUSTED,
          "timestamp,open,high,low,close,volume\r\n");
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


/* Both prices of a crypto currency: in its market's currency, and in USD. */
static void
test_pairs(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_CRYPTO_DAILY,
          "{\"Meta Data\":{\"2. Digital Currency Code\":\"btc\","
          "\"4. Market Code\":\"cny\",\"7. Time Zone\":\"UTC\"},"
          "\"Time Series (Digital Currency Daily)\":{\"2026-05-15\":{"
          "\"1a. open (CNY)\":\"69520.34\",\"1b. open (USD)\":\"1\","
          "\"2a. high (CNY)\":\"70023.63\",\"2b. high (USD)\":\"2\","
          "\"3a. low (CNY)\":\"67637.00\",\"3b. low (USD)\":\"1\","
          "\"4a. close (CNY)\":\"68035.27\",\"4b. close (USD)\":\"1\","
          "\"5. volume\":\"266.02712048\","
          "\"6. market cap (USD)\":\"266.02712048\"}}}");
    assert_int_equal(p.r.n_bars, 1);
    assert_true(p.r.bars[0].open == 69520.34);
    assert_true(p.r.bars[0].high == 70023.63);
    assert_true(p.r.bars[0].low == 67637);
    assert_true(p.r.bars[0].close == 68035.27);
    assert_true(p.r.bars[0].volume == 266.02712048);
    assert_true(wd_str_eq_z(p.r.symbol, "BTCCNY"));
    assert_true(wd_str_eq_z(p.r.from_symbol, "BTC"));
    assert_true(wd_str_eq_z(p.r.to_symbol, "CNY"));
    wd_test_parsed_done(&p);

    assert_int_equal(wd_av_field(WD_STR("1a. open (CNY)")), WD_AVF_OPEN);
    assert_int_equal(wd_av_field(WD_STR("1b. open (USD)")), WD_AVF_NONE);
    assert_int_equal(wd_av_field(WD_STR("1. open")), WD_AVF_OPEN);
    assert_int_equal(wd_av_field(WD_STR("(CNY)")), WD_AVF_NONE);
    assert_int_equal(wd_av_field(WD_STR("1b.")), WD_AVF_NONE);
    assert_int_equal(wd_av_field(WD_STR("b")), WD_AVF_NONE);
}


#define RATE(figures)                                            \
    "{\"Realtime Currency Exchange Rate\":{\"1. From_Currency "  \
    "Code\":\"USD\",\"2. From_Currency Name\":\"United States "  \
    "Dollar\",\"3. To_Currency Code\":\"JPY\",\"4. To_Currency " \
    "Name\":\"Japanese Yen\"," figures ",\"6. Last Refreshed\":" \
    "\"2026-05-17 17:12:44\",\"7. Time Zone\":\"UTC\"}}"
#define BID_ASK(bid, ask) \
    ",\"8. Bid Price\":\"" bid "\",\"9. Ask Price\":\"" ask "\""


static void
test_rate(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_RATE,
          RATE("\"5. Exchange Rate\":\"158.73166867\"" BID_ASK(
              "158.72838292", "158.73495442")));
    assert_int_equal(p.r.n_quotes, 1);
    assert_true(wd_str_eq_z(p.r.quotes[0].symbol, "USDJPY"));
    assert_true(p.r.quotes[0].price == 158.73166867);
    assert_true(p.r.quotes[0].bid == 158.72838292);
    assert_true(p.r.quotes[0].ask == 158.73495442);
    assert_int_equal(p.r.quotes[0].time, wd_test_day("2026-05-17 17:12:44"));
    assert_false(p.r.quotes[0].is_date);
    assert_true(wd_str_eq_z(p.r.zone, "UTC"));
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_RATE,
          RATE("\"5. Exchange Rate\":\"158.7\"" BID_ASK("-", "-")));
    assert_int_equal(p.r.n_quotes, 1);
    assert_true(isnan(p.r.quotes[0].bid) && isnan(p.r.quotes[0].ask));
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_RATE, RATE("\"5. Exchange Rate\":\"-\""));
    assert_int_equal(p.r.n_quotes, 0);
    assert_rejected(&p, 0, WD_REASON_MISSING_PRICE, 0);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_RATE, RATE("\"5. Exchange Rate\":\"1e999\""));
    assert_rejected(&p, 0, WD_REASON_NOT_A_NUMBER, 0);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_RATE, "{\"Realtime Currency Exchange Rate\":{}}");
    assert_true(p.r.empty);
    assert_int_equal(wd_test_records_count(&p.r), 0);
    wd_test_parsed_done(&p);
}


static void
test_actions(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_DIVIDENDS,
          "{\"symbol\":\"ibm\",\"data\":[{\"ex_dividend_date\":"
          "\"2026-05-08\",\"declaration_date\":\"2026-04-22\","
          "\"record_date\":\"2026-05-08\",\"payment_date\":"
          "\"2026-06-10\",\"amount\":\"1.69\"},{\"ex_dividend_date\":"
          "\"1999-11-08\",\"declaration_date\":\"None\",\"record_date\":"
          "\"None\",\"payment_date\":\"None\",\"amount\":\"0.12\"}]}");
    assert_int_equal(p.r.n_actions, 2);
    assert_true(wd_str_eq_z(p.r.symbol, "IBM"));
    assert_int_equal(p.r.actions[0].kind, WD_ACTION_DIVIDEND);
    assert_int_equal(p.r.actions[0].effective, wd_test_day("2026-05-08"));
    assert_int_equal(p.r.actions[0].declared, wd_test_day("2026-04-22"));
    assert_int_equal(p.r.actions[0].recorded, wd_test_day("2026-05-08"));
    assert_int_equal(p.r.actions[0].paid, wd_test_day("2026-06-10"));
    assert_true(p.r.actions[0].amount == 1.69);
    assert_int_equal(p.r.actions[1].declared, WD_NS_MIN);
    assert_int_equal(p.r.actions[1].record, 1);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_SPLITS,
          "effective_date,split_factor\r\n2021-11-04,1.0460\r\n"
          "1999-05-27,2.0000\r\n2001-02-30,2\r\n2002-01-01,\r\n"
          "2003-01-01,two\r\n2004-01-01 10:00:00,3\r\n");
    assert_int_equal(p.r.n_actions, 2);
    assert_int_equal(p.r.actions[0].kind, WD_ACTION_SPLIT);
    assert_true(p.r.actions[0].amount == 1.046);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 1, WD_REASON_MISSING_FIELD, 3);
    assert_rejected(&p, 2, WD_REASON_NOT_A_NUMBER, 4);
    assert_rejected(&p, 3, WD_REASON_BAD_TIME, 5);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_DIVIDENDS, "{\"symbol\":\"IBM\",\"data\":[]}");
    assert_true(p.r.empty);
    assert_int_equal(p.r.n_rejects, 0);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_SPLITS, "ex_dividend_date,amount\r\n2021-11-04,1\r\n");
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


static void
test_economy(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_ECONOMY,
          "{\"name\":\"Consumer Price Index for all Urban Consumers\","
          "\"interval\":\"monthly\",\"unit\":\"index 1982-1984=100\","
          "\"data\":[{\"date\":\"2025-11-01\",\"value\":\"324.122\"},"
          "{\"date\":\"2025-10-01\",\"value\":\".\"},"
          "{\"value\":\"1\"},{\"date\":\"2025-09-01\",\"value\":\"x\"}]}");
    assert_int_equal(p.r.n_observations, 2);
    assert_true(p.r.observations[0].value == 324.122);
    assert_int_equal(p.r.observations[0].time, wd_test_day("2025-11-01"));
    assert_true(isnan(p.r.observations[1].value));
    assert_true(wd_str_eq_z(p.r.interval, "monthly"));
    assert_true(wd_str_eq_z(p.r.unit, "index 1982-1984=100"));
    assert_int_equal(p.r.name.len, 44);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 1, WD_REASON_NOT_A_NUMBER, 3);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_ECONOMY,
          "timestamp,value\r\n2026-04-01,4.32\r\n2026-03-01,4.25\r\n");
    assert_int_equal(p.r.n_observations, 2);
    assert_true(p.r.observations[1].value == 4.25);
    wd_test_parsed_done(&p);
}


static void
test_quotes_and_listing(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_BULK_QUOTES,
          "{\"endpoint\":\"Realtime Bulk Quotes\",\"data\":[{\"symbol\":"
          "\"MSFT\",\"timestamp\":\"2024-10-18 19:59:55.291\",\"open\":"
          "\"417.61\",\"high\":\"419.65\",\"low\":\"416.26\",\"close\":"
          "\"418.16\",\"volume\":\"17145267\",\"previous_close\":"
          "\"416.72\",\"change\":\"1.44\"},{\"symbol\":\"\",\"timestamp\":"
          "\"2024-10-18 19:59:55.291\",\"close\":\"1\"}]}");
    assert_int_equal(p.r.n_quotes, 1);
    assert_true(wd_str_eq_z(p.r.quotes[0].symbol, "MSFT"));
    assert_true(p.r.quotes[0].price == 418.16);
    assert_true(p.r.quotes[0].previous_close == 416.72);
    assert_int_equal(p.r.quotes[0].time,
                     wd_test_day("2024-10-18 19:59:55.291"));
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 1);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_LISTING,
          "symbol,name,exchange,assetType,ipoDate,delistingDate,status\r\n"
          "A,Agilent Technologies Inc,NYSE,Stock,1999-11-18,null,Active\r\n"
          "NXT(EXP20091224),Nextest,NYSE,Stock,2004-01-02,2009-12-24,"
          "Delisted\r\n"
          "-P-HIZ,Presurance Holdings Inc,NASDAQ,Stock,soon,2026-02-30,"
          "Active\r\n");
    assert_int_equal(p.r.n_instruments, 2);
    assert_true(wd_str_eq_z(p.r.instruments[0].exchange, "NYSE"));
    assert_true(wd_str_eq_z(p.r.instruments[0].type, "Stock"));
    assert_true(wd_str_eq_z(p.r.instruments[0].status, "Active"));
    assert_int_equal(p.r.instruments[0].listed, wd_test_day("1999-11-18"));
    assert_int_equal(p.r.instruments[0].delisted, 0);
    assert_int_equal(p.r.instruments[1].listed, 0);
    assert_int_equal(p.r.instruments[1].delisted, 0);
    assert_rejected(&p, 0, WD_REASON_BAD_SYMBOL, 1);
    wd_test_parsed_done(&p);
}


#define REPORTS                                                         \
    "{\"symbol\":\"IBM\",\"annualReports\":[{\"fiscalDateEnding\":"     \
    "\"2025-12-31\",\"reportedCurrency\":\"USD\",\"grossProfit\":"      \
    "\"40185000000\",\"investmentIncomeNet\":\"None\"}],"               \
    "\"quarterlyReports\":[{\"grossProfit\":\"1\",\"fiscalDateEnding\"" \
    ":\"2026-03-31\",\"reportedCurrency\":\"USD\"},{\"grossProfit\":"   \
    "\"2\"},{\"fiscalDateEnding\":\"2025-09-31\",\"grossProfit\":\"3\"" \
    "}]}"


static void
test_statements(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_INCOME, REPORTS);
    assert_int_equal(p.r.n_facts, 3);
    assert_true(wd_str_eq_z(p.r.symbol, "IBM"));
    assert_true(wd_str_eq_z(p.r.facts[0].item, "grossProfit"));
    assert_true(wd_str_eq_z(p.r.facts[0].period, "annual"));
    assert_true(wd_str_eq_z(p.r.facts[0].unit, "USD"));
    assert_true(wd_str_eq_z(p.r.facts[0].text, "40185000000"));
    assert_true(p.r.facts[0].value == 40185000000.0);
    assert_int_equal(p.r.facts[0].time, wd_test_day("2025-12-31"));
    assert_null(p.r.facts[1].text.data);
    assert_true(isnan(p.r.facts[1].value));
    assert_true(wd_str_eq_z(p.r.facts[2].period, "quarterly"));
    assert_int_equal(p.r.facts[2].time, wd_test_day("2026-03-31"));
    assert_int_equal(p.r.facts[2].record, 1);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 2);
    assert_rejected(&p, 1, WD_REASON_BAD_TIME, 3);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_EARNINGS,
          "{\"symbol\":\"IBM\",\"annualEarnings\":[],"
          "\"quarterlyEarnings\":[{\"fiscalDateEnding\":\"2026-03-31\","
          "\"reportedDate\":\"2026-04-22\",\"reportedEPS\":\"1.91\","
          "\"reportTime\":\"post-market\",\"a\":{\"b\":1}}]}");
    assert_int_equal(p.r.n_facts, 3);
    assert_true(p.r.facts[1].value == 1.91);
    assert_true(wd_str_eq_z(p.r.facts[2].text, "post-market"));
    assert_true(isnan(p.r.facts[2].value));
    assert_false(p.r.empty);
    wd_test_parsed_done(&p);
}


#define NEWS                                                              \
    "{\"items\":\"2\",\"feed\":[{\"title\":\"One\",\"url\":\"https://a"   \
    ".example/1\",\"time_published\":\"20260517T110100\",\"authors\":["   \
    "\"A\"],\"summary\":\"S\",\"source\":\"P\",\"topics\":[{\"topic\":"   \
    "\"t\"}],\"overall_sentiment_score\":0.22902,\"ticker_sentiment\":["  \
    "{\"ticker\":\"AAPL\",\"relevance_score\":\"1.000000\","              \
    "\"ticker_sentiment_score\":\"0.061509\"},{\"ticker\":\"CRYPTO:BTC\"" \
    ",\"relevance_score\":\"0.5\",\"ticker_sentiment_score\":\"-0.1\"}]"  \
    "},{\"title\":\"Two\",\"url\":\"https://a.example/2\","               \
    "\"time_published\":\"20261340T110100\",\"ticker_sentiment\":["       \
    "{\"ticker\":\"IBM\"}]},{\"title\":\"\",\"url\":\"u\","               \
    "\"time_published\":\"20260517T1101\"}]}"


static void
test_news(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_NEWS, NEWS);
    assert_int_equal(p.r.n_news, 1);
    assert_true(wd_str_eq_z(p.r.news[0].title, "One"));
    assert_true(wd_str_eq_z(p.r.news[0].publisher, "P"));
    assert_true(p.r.news[0].sentiment == 0.22902);
    assert_int_equal(p.r.news[0].time, wd_test_day("2026-05-17 11:01:00"));
    assert_int_equal(p.r.n_mentions, 2);
    assert_true(wd_str_eq_z(p.r.mentions[1].symbol, "CRYPTO:BTC"));
    assert_true(p.r.mentions[1].sentiment == -0.1);
    assert_int_equal(p.r.mentions[1].record, 0);
    assert_rejected(&p, 0, WD_REASON_BAD_TIME, 1);
    assert_rejected(&p, 1, WD_REASON_MISSING_FIELD, 2);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_NEWS, "{\"items\":\"0\",\"feed\":[]}");
    assert_true(p.r.empty);
    wd_test_parsed_done(&p);
}


/* Cut anywhere: no record that the whole has not, and the cut is told. */
static void
test_every_cut(void **state)
{
    size_t           i, n, whole;
    wd_test_parsed_t p;

    static const struct {
        wd_av_dataset_e dataset;
        const char     *text;
    } texts[] = {
        {WD_AV_INCOME, REPORTS},
        {WD_AV_NEWS, NEWS},
        {WD_AV_RATE, RATE("\"5. Exchange Rate\":\"158.73166867\"")},
        {WD_AV_WEEKLY, BARS("Weekly Time Series", WEEK "," WEEK)},
        {WD_AV_SPLITS, "{\"data\":[{\"effective_date\":\"2021-11-04\","
                       "\"split_factor\":\"1.0460\"}]}"},
        {WD_AV_ECONOMY, "timestamp,value\n2026-04-01,4.32\n"},
        {WD_AV_LISTING, "symbol,name,exchange,assetType,ipoDate,"
                        "delistingDate,status\nA,B,C,Stock,1999-11-18,null,"
                        "Active\n"},
    };

    (void) state;
    for (i = 0; i < wd_array_len(texts); i++) {
        parse(&p, texts[i].dataset, texts[i].text);
        whole = wd_test_records_count(&p.r);
        assert_true(whole != 0);
        wd_test_parsed_done(&p);
        for (n = 0; n < strlen(texts[i].text); n++) {
            assert_ok(wd_av_parse(texts[i].dataset,
                                  wd_test_copy(&p, texts[i].text, n), &p.r));
            assert_true(wd_test_records_count(&p.r) <= whole);
            assert_true(p.r.n_rejected != 0 || p.r.empty
                        || (n + 1 == strlen(texts[i].text)
                            && texts[i].text[n] == '\n'));
            wd_test_parsed_done(&p);
        }
    }
}


/* Damage in one entry costs that entry. */
static void
test_damage_in_lists(void **state)
{
    wd_test_parsed_t p;

    (void) state;
    parse(&p, WD_AV_SPLITS,
          "{\"data\":[{\"effective_date\":\"2021-11-04\",\"split_factor\":"
          "\"1.0460\"},{\"effective_date\":\"2020-11-04\",\"split_factor\":"
          "nope},{\"effective_date\":\"1999-05-27\",\"split_factor\":"
          "\"2.0000\"}]}");
    assert_int_equal(p.r.n_actions, 2);
    assert_int_equal(p.r.n_rejects, 1);
    assert_rejected(&p, 0, WD_REASON_SYNTAX, 1);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_ECONOMY,
          "{\"data\":[1,\"x\",null,[],{\"date\":"
          "\"2020-01-01\",\"value\":\"1\"}]}");
    assert_int_equal(p.r.n_observations, 1);
    assert_true(p.r.n_rejects != 0);
    wd_test_parsed_done(&p);

    parse(&p, WD_AV_INCOME, "{\"annualReports\":{},\"x\":[]}");
    assert_true(p.r.refused);
    wd_test_parsed_done(&p);
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_series),
        cmocka_unit_test(test_longer_bars),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_economy),
        cmocka_unit_test(test_quotes_and_listing),
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_news),
        cmocka_unit_test(test_every_cut),
        cmocka_unit_test(test_damage_in_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
