#!/usr/bin/perl

# What becomes of Alpha Vantage's data sets in the database: longer bars,
# currencies, rates, actions, statements, listings, economic series.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Postgres;
use Wizdata::Processing;

my $pg = Wizdata::Postgres->start();
my $pr = Wizdata::Processing->start($pg);

sub av {
    my ($dataset, $args, $at, $body) = @_;

    my $n = $pr->put('alphavantage', $dataset, $args, $at, $body);
    ok($pr->drained(), "$dataset of $at consumed");
    return $pg->psql("SELECT outcome, stored, corrected, unchanged, flagged,
        rejected, reason FROM raw_object WHERE id = $n");
}

sub csv { return join '', map { "$_\r\n" } @_ }

# ---- weeks and months

my @WEEKS = ('2026-05-15,228.66,230.23,212.34,219.3,33144274',
    '2026-05-08,232,234.09,224.38,229.76,26716501');
is(av('weekly', { symbol => 'IBM' }, '2026-05-15T15:00:00Z',
    csv('timestamp,open,high,low,close,volume', @WEEKS)), 'stored|2|0|0|1|0|',
    'two weeks, one under way');
is($pg->psql("SELECT to_char(ts AT TIME ZONE 'UTC', 'Dy YYYY-MM-DD'), close,
    quality FROM bar WHERE timeframe = 7 ORDER BY ts"),
    "Mon 2026-05-04|229.76|0\nMon 2026-05-11|219.3|4", 'from their Mondays');
is(av('weekly', { symbol => 'IBM' }, '2026-05-16T00:00:00Z',
    csv('timestamp,open,high,low,close,volume', @WEEKS)), 'stored|0|1|1|0|0|',
    'the week is over with the close of its Friday');
is($pg->psql("SELECT quality FROM bar_history WHERE timeframe = 7"), '4',
    'what it was');

is(av('monthly_adjusted', { symbol => 'IBM' }, '2026-05-31T12:00:00Z',
    csv('timestamp,open,high,low,close,adjusted close,volume,dividend amount',
    '2026-05-29,1,2,0.5,1.5,1.5,100,1.69',
    '2026-04-30,1,2,0.5,1.2,1.2,100,0.0000')), 'stored|2|0|0|0|0|',
    'two months; a last day of trade before a weekend ends one');
is($pg->psql("SELECT ts FROM bar WHERE timeframe = 8 ORDER BY ts DESC LIMIT 1"),
    '2026-05-01 00:00:00+00', 'from the first');
is($pg->psql('SELECT count(*) FROM corporate_action'), '0',
    'dividends of a month have no day');

# ---- currencies

is(av('fx_intraday', { from_symbol => 'EUR', to_symbol => 'USD',
    interval => '5min' }, '2026-05-06T22:00:00Z', '{"Meta Data":{'
    . '"2. From Symbol":"EUR","3. To Symbol":"USD","5. Interval":"5min",'
    . '"7. Time Zone":"UTC"},"Time Series FX (5min)":{"2026-05-06 21:50:00":{'
    . '"1. open":"1.0793","2. high":"1.0795","3. low":"1.0793","4. close":'
    . '"1.0795"}}}'), 'stored|1|0|0|0|0|', 'minutes of a pair');
is($pg->psql("SELECT ts FROM bar WHERE timeframe = 2"),
    '2026-05-06 21:50:00+00', 'in UTC');

my @COIN = ('2026-05-16,68046.85,68144.24,66842.98,67253.01,122.63361384',
    '2026-05-15,69520.34,70023.63,67637,68035.27,266.02712048');
is(av('crypto_daily', { symbol => 'BTC', market => 'EUR' },
    '2026-05-16T12:00:00Z', csv('timestamp,open,high,low,close,volume',
    @COIN)), 'stored|2|0|0|1|0|', 'a coin, in parts');
is($pg->psql("SELECT type, currency, a.symbol FROM instrument i JOIN
    instrument_alias a ON a.instrument_id = i.id WHERE i.symbol = 'BTCEUR'"),
    'crypto|EUR|BTC/EUR', 'what it is');
is($pg->psql("SELECT volume FROM bar b JOIN instrument i ON i.id =
    instrument_id WHERE i.symbol = 'BTCEUR' ORDER BY ts LIMIT 1"),
    '266.02712048', 'a part of a coin is a volume');
is(av('crypto_weekly', { symbol => 'BTC', market => 'EUR' },
    '2026-05-16T12:00:00Z', csv('timestamp,open,high,low,close,volume',
    $COIN[0])), 'stored|1|0|0|1|0|', 'its week ends on Sunday');
is(av('daily', { symbol => 'HALF' }, '2026-05-16T00:00:00Z', csv(
    'timestamp,open,high,low,close,volume', '2026-05-15,1,2,0.5,1.5,0.5')),
    'rejected|0|0|0|0|1|absurd_volume', 'half a share is none');

my $rate = '{"Realtime Currency Exchange Rate":{"1. From_Currency Code":"USD",'
    . '"3. To_Currency Code":"JPY","5. Exchange Rate":"%s",'
    . '"6. Last Refreshed":"2026-05-15 17:12:44","7. Time Zone":"UTC",'
    . '"8. Bid Price":"-","9. Ask Price":"-"}}';
is(av('rate', { from_symbol => 'USD', to_symbol => 'JPY' },
    '2026-05-15T17:13:00Z', sprintf $rate, '158.73166867'),
    'stored|1|0|0|1|0|', 'a rate');
is($pg->psql("SELECT i.symbol, i.type, ts, price FROM quote q JOIN instrument i
    ON i.id = instrument_id"), 'USDJPY|fx|2026-05-15 00:00:00+00|158.73166867',
    'is a quote of the pair');
is(av('rate', { from_symbol => 'USD', to_symbol => 'JPY' },
    '2026-05-16T17:13:00Z', sprintf($rate, '158.8')
    =~ s/"8. Bid Price":"-","9. Ask Price":"-"/"8. Bid Price":"158.75",
        "9. Ask Price":"158.85"/r), 'stored|0|1|0|0|0|',
    'a later one of the day takes its place');
is($pg->psql("SELECT price, bid, ask FROM quote"), '158.8|158.75|158.85',
    'with both sides');
is($pg->psql("SELECT price, bid, ask FROM quote_history"), '158.73166867||',
    'which were missing');
is(av('rate', { from_symbol => 'GBP', to_symbol => 'JPY' },
    '2026-05-16T17:13:00Z', (sprintf($rate, '158.8') =~ s/USD/GBP/r)
    =~ s/"8. Bid Price":"-","9. Ask Price":"-"/"8. Bid Price":"159",
        "9. Ask Price":"158"/r), 'stored|1|0|0|1|0|',
    'a bid above the ask is doubtful');
is($pg->psql("SELECT quality FROM quote WHERE bid > ask"), '16', 'and marked');
is(av('rate', { from_symbol => 'USD', to_symbol => 'EUR' },
    '2026-05-16T17:14:00Z', sprintf $rate, '158.8'),
    'rejected|0|0|0|0|1|symbol_mismatch', 'of another pair than asked for');

is(av('bulk_quotes', { symbols => 'MSFT,IBM' }, '2026-05-16T00:00:00Z',
    '{"endpoint":"Realtime Bulk Quotes","data":[{"symbol":"MSFT",'
    . '"timestamp":"2026-05-15 19:59:55.291","open":"417.61","high":"419.65",'
    . '"low":"416.26","close":"418.16","volume":"17145267"},{"symbol":"IBM",'
    . '"timestamp":"2026-05-15 19:59:00","close":"219.3","volume":"1"}]}'),
    'stored|2|0|0|0|0|', 'quotes of several');
is($pg->psql("SELECT i.symbol, price, ts FROM quote q JOIN instrument i ON i.id
    = instrument_id WHERE i.symbol IN ('IBM', 'MSFT') ORDER BY 1"),
    "IBM|219.3|2026-05-15 00:00:00+00\nMSFT|418.16|2026-05-15 00:00:00+00",
    'each its own');

# ---- actions

is(av('dividends', { symbol => 'IBM' }, '2026-05-01T00:00:00Z',
    '{"symbol":"IBM","data":[{"ex_dividend_date":"2026-05-08","amount":"1.69",'
    . '"declaration_date":"2026-04-22","record_date":"None","payment_date":'
    . '"None"},{"ex_dividend_date":"2026-02-10","amount":"1.68"},'
    . '{"ex_dividend_date":"2028-02-10","amount":"1.68"},'
    . '{"ex_dividend_date":"2025-11-10","amount":"-1"}]}'),
    'stored|2|0|0|0|2|', 'dividends, one announced');
is(av('splits', { symbol => 'IBM' }, '2026-05-01T00:00:00Z', csv(
    'effective_date,split_factor', '2021-11-04,1.0460', '1999-05-27,2.0000',
    '1999-05-27,2.0000', '1999-05-28,0')), 'stored|2|0|0|0|1|', 'splits');
is($pg->psql('SELECT ex_date, kind, value FROM corporate_action ORDER BY 1'),
    "1999-05-27|split|2\n2021-11-04|split|1.046\n2026-02-10|dividend|1.68\n"
    . '2026-05-08|dividend|1.69', 'the actions');
is($pg->psql("SELECT string_agg(reason, ' ' ORDER BY id) FROM reject WHERE
    dataset IN ('dividends', 'splits')"), 'future_time bad_action bad_action',
    'and why others are none');

# ---- statements

my $report = '{"symbol":"IBM","annualReports":[{"fiscalDateEnding":'
    . '"2025-12-31","reportedCurrency":"USD","grossProfit":"%s",'
    . '"netIncome":"None"}],"quarterlyReports":[{"fiscalDateEnding":'
    . '"2026-03-31","reportedCurrency":"USD","grossProfit":"9"}]}';
is(av('income_statement', { symbol => 'IBM' }, '2026-05-01T00:00:00Z',
    sprintf $report, '40185000000'), 'stored|3|0|0|0|0|', 'three figures');
is(av('income_statement', { symbol => 'IBM' }, '2026-06-01T00:00:00Z',
    sprintf $report, '40185000001'), 'stored|0|1|2|0|0|', 'one restated');
is($pg->psql("SELECT field, period, value FROM fundamental ORDER BY 1, 2"),
    "income_statement.grossProfit|annual 2025-12-31|40185000001\n"
    . "income_statement.grossProfit|quarterly 2026-03-31|9\n"
    . 'income_statement.netIncome|annual 2025-12-31|', 'the figures');
is($pg->psql("SELECT value FROM fundamental_history"), '40185000000',
    'what it was');
is(av('earnings', { symbol => 'IBM' }, '2026-06-01T00:00:00Z',
    '{"symbol":"MSFT","annualEarnings":[{"fiscalDateEnding":"2025-12-31",'
    . '"reportedEPS":"1"}]}'), 'rejected|0|0|0|0|1|symbol_mismatch',
    'of another company than asked for');

# ---- listings

is(av('listing', {}, '2026-06-01T00:00:00Z', csv(
    'symbol,name,exchange,assetType,ipoDate,delistingDate,status',
    'A,Agilent Technologies Inc,NYSE,Stock,1999-11-18,null,Active',
    'SPY,SPDR S&P 500 ETF Trust,NYSE ARCA,ETF,1993-01-29,null,Active',
    'NXT(EXP20091224),Nextest,NYSE,Stock,2004-01-02,2009-12-24,Delisted')),
    'stored|2|0|0|0|1|', 'instruments');
is($pg->psql("SELECT symbol, type, exchange FROM instrument WHERE symbol IN
    ('A', 'SPY') ORDER BY 1"), "A|equity|NYSE\nSPY|etf|NYSE ARCA", 'described');

# ---- economic series

is(av('economy', { indicator => 'CPI' }, '2026-06-01T00:00:00Z',
    '{"name":"Consumer Price Index for all Urban Consumers","interval":'
    . '"monthly","unit":"index 1982-1984=100","data":[{"date":"2025-11-01",'
    . '"value":"324.122"},{"date":"2025-10-01","value":"."}]}'),
    'stored|2|0|0|0|0|', 'a series');
is(av('economy', { indicator => 'TREASURY_YIELD', interval => 'daily',
    maturity => '10year' }, '2026-06-01T00:00:00Z',
    csv('timestamp,value', '2026-05-01,4.32')), 'stored|1|0|0|0|0|',
    'another, of one maturity');
is(av('economy', { indicator => 'WTI' }, '2026-06-01T00:00:00Z',
    csv('timestamp,value', '2026-04-01,70')), 'stored|1|0|0|0|0|',
    'a price of the world');
is($pg->psql("SELECT s.indicator, s.country, s.unit, frequency, ts, value,
    aggregate FROM macro_series s JOIN observation o ON o.series_id = s.id
    ORDER BY 1, 5"),
    "CPI|USA|index 1982-1984=100|M|2025-10-01||f\n"
    . "CPI|USA|index 1982-1984=100|M|2025-11-01|324.122|f\n"
    . "TREASURY_YIELD:10year|USA||D|2026-05-01|4.32|f\n"
    . 'WTI|WLD||M|2026-04-01|70|t', 'whose, how often, what');
is(av('economy', { indicator => 'GDP' }, '2026-06-01T00:00:00Z',
    csv('timestamp,value', '2026-04-01,70')), 'rejected|0|0|0|0|1|bad_symbol',
    'of no known series');

$pr->down();
done_testing();
