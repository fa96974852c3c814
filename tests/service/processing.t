#!/usr/bin/perl

# From a lake object to rows: every data set, corrections with their history,
# late payloads, what is rejected and why, events, and what is asked about it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Postgres;
use Wizdata::Processing;

my $pg = Wizdata::Postgres->start();
my $pr = Wizdata::Processing->start($pg);
my ($seq, @rows, $got);

sub daily {
    my ($symbol, @rows) = @_;

    my @fields = ('1. open', '2. high', '3. low', '4. close', '5. volume');
    my $series = join ',', map {
        my ($date, @v) = @$_;
        qq("$date":{) . join(',', map { qq("$fields[$_]":"$v[$_]") } 0 .. $#v)
            . '}';
    } @rows;
    return qq({"Meta Data":{"2. Symbol":"$symbol","5. Time Zone":"US/Eastern"},)
        . qq("Time Series (Daily)":{$series}});
}

sub av {
    my ($dataset, $args, $at, $body) = @_;

    my $n = $pr->put('alphavantage', $dataset, $args, $at, $body);
    ok($pr->drained(), "$dataset of $at consumed");
    return $n;
}

sub object {
    $pg->psql("SELECT outcome, stored, corrected, unchanged, flagged, rejected,
        reason FROM raw_object WHERE id = $_[0]");
}

# ---- bars, a correction, the same again

my $one = daily('IBM', ['2024-05-02', 11, 12, 10, 11.5, 100],
    ['2024-05-01', 10, 11, 9, 10.5, 90]);
$seq = av('daily', { symbol => 'IBM' }, '2024-05-03T00:00:00Z', $one);
is(object($seq), 'stored|2|0|0|0|0|', 'two bars');
is($pg->psql('SELECT i.symbol, i.type, timeframe, b.source, ts, open, high,
    low, close, volume, quality, b.raw_id, b.known_at FROM bar b JOIN
    instrument i ON i.id = instrument_id ORDER BY ts DESC LIMIT 1'),
    'IBM|other|6|1|2024-05-02 00:00:00+00|11|12|10|11.5|100|0|1|'
    . '2024-05-03 00:00:00+00', 'a bar with where it comes from');
is($pg->psql("SELECT data_from, data_to FROM raw_object WHERE id = $seq"),
    '2024-05-01 00:00:00+00|2024-05-02 00:00:00+00', 'what it covers');

$seq = av('daily', { symbol => 'IBM' }, '2024-05-04T00:00:00Z', daily('IBM',
    ['2024-05-03', 12, 13, 11, 12.5, 0],
    ['2024-05-02', 11, 12, 10, 11.75, 110]));
is(object($seq), 'stored|1|1|0|1|0|', 'one new, one corrected, one flagged');
is($pg->psql("SELECT close, raw_id FROM bar WHERE ts = '2024-05-02'"),
    '11.75|2', 'the new version');
is($pg->psql('SELECT close, raw_id, known_at, superseded_at FROM bar_history'),
    '11.5|1|2024-05-03 00:00:00+00|2024-05-04 00:00:00+00', 'the old one');
is($pg->psql('SELECT count(*) FROM bar'), '3', 'nothing was deleted');

$pr->publish($pr->events());
ok($pr->drained(), 'both again');
is($pg->psql('SELECT count(*) FROM bar_history'), '1', 'no new version');
is(object(2), 'stored|1|1|0|1|0|', 'the object tells of the first time');

# As of the time in between, as db/migrations/0001_core.sql says.
is($pg->psql("SELECT string_agg(close::text, ' ' ORDER BY ts) FROM (
    SELECT ts, close FROM bar WHERE known_at <= '2024-05-03T12:00:00Z'
    UNION ALL SELECT ts, close FROM bar_history WHERE
    known_at <= '2024-05-03T12:00:00Z'
    AND '2024-05-03T12:00:00Z' < superseded_at) v"), '10.5 11.5', 'as of');

# ---- a payload that comes late

$seq = av('daily', { symbol => 'IBM' }, '2024-05-02T20:30:00Z', daily('IBM',
    ['2024-05-02', 11, 12, 10, 11.25, 95], ['2024-05-01', 10, 11, 9, 10.5, 90]));
is(object($seq), 'stored|0|1|1|0|0|', 'late: one for the history');
is($pg->psql("SELECT close, known_at FROM bar WHERE ts = '2024-05-02'"),
    '11.75|2024-05-04 00:00:00+00', 'the current one stays');
is($pg->psql("SELECT string_agg(close || ' ' || superseded_at, ', ' ORDER BY
    known_at) FROM bar_history"), '11.25 2024-05-03 00:00:00+00, '
    . '11.5 2024-05-04 00:00:00+00', 'its place in the history');
is($pg->psql("SELECT known_at, raw_id FROM bar WHERE ts = '2024-05-01'"),
    '2024-05-02 20:30:00+00|3', 'an equal one was known earlier');

# ---- splits and dividends

sub adjusted {
    return "timestamp,open,high,low,close,adjusted_close,volume,"
        . "dividend_amount,split_coefficient\r\n"
        . join '', map { join(',', @$_) . "\r\n" } @_;
}
$seq = av('daily_adjusted', { symbol => 'TWO' }, '2024-05-10T00:00:00Z',
    adjusted(['2024-05-09', 51, 52, 50, 51, 51, 10, 0, '2.0'],
        ['2024-05-08', 100, 101, 99, 100, 50, 10, '0.25', '1.0']));
is(object($seq), 'stored|4|0|0|0|0|', 'two bars, two actions, no jump');
is($pg->psql('SELECT ex_date, kind, value FROM corporate_action ORDER BY 1'),
    "2024-05-08|dividend|0.25\n2024-05-09|split|2", 'the actions');
av('daily_adjusted', { symbol => 'TWO' }, '2024-05-11T00:00:00Z',
    adjusted(['2024-05-09', 51, 52, 50, 51, 51, 10, 0, '2.0'],
        ['2024-05-08', 100, 101, 99, 100, 50, 10, '0.0000', '1.0']));
is($pg->psql("SELECT value FROM corporate_action WHERE kind = 'dividend'"),
    '0', 'a dividend that was taken back');
is($pg->psql('SELECT value FROM corporate_action_history'), '0.25', 'kept');

# A plain daily payload knows the split, too.
$seq = av('daily', { symbol => 'TWO' }, '2024-05-12T00:00:00Z', daily('TWO',
    ['2024-05-10', 20, 21, 19, 20, 10], ['2024-05-09', 51, 52, 50, 51, 10],
    ['2024-05-08', 100, 101, 99, 100, 10]));
is(object($seq), 'stored|1|0|2|1|0|', 'nothing corrected, a jump flagged');
is($pg->psql('SELECT ts FROM bar WHERE quality & 8 > 0'),
    '2024-05-10 00:00:00+00', 'the jump');

# ---- intraday, currencies, quotes

$seq = av('intraday', { symbol => 'IBM', interval => '5min' },
    '2024-03-12T00:00:00Z', '{"Meta Data":{"2. Symbol":"IBM",'
    . '"4. Interval":"5min","6. Time Zone":"US/Eastern"},'
    . '"Time Series (5min)":{' . join(',', map { qq("$_":{"1. open":"1",)
    . '"2. high":"1","3. low":"1","4. close":"1","5. volume":"1"}' }
    '2024-03-11 04:00:00', '2024-03-08 19:55:00') . '}}');
is($pg->psql("SELECT string_agg(ts::text, ' ' ORDER BY ts) FROM bar
    WHERE timeframe = 2"), '2024-03-09 00:55:00+00 2024-03-11 08:00:00+00',
    'New York time on both sides of the change');

$seq = av('fx_daily', { from_symbol => 'EUR', to_symbol => 'USD' },
    '2024-05-02T12:00:00Z', "timestamp,open,high,low,close\r\n"
    . "2024-05-02,1.07,1.08,1.06,1.075\r\n");
is($pg->psql("SELECT type, name, currency, a.symbol, volume, quality FROM
    instrument i JOIN instrument_alias a ON a.instrument_id = i.id JOIN bar b
    ON b.instrument_id = i.id WHERE i.symbol = 'EURUSD'"),
    'fx|EUR/USD|USD|EUR/USD||4', 'a pair, its day not over, no volume');

my $quote = '{"Global Quote":{"01. symbol":"IBM","02. open":"218",'
    . '"03. high":"221","04. low":"217","05. price":"%s","06. volume":"5",'
    . '"07. latest trading day":"2024-05-15","08. previous close":"None"}}';
av('quote', { symbol => 'IBM' }, '2024-05-15T15:00:00Z',
    sprintf $quote, '219.3');
av('quote', { symbol => 'IBM' }, '2024-05-15T23:00:00Z',
    sprintf $quote, '220');
is($pg->psql('SELECT ts, price, open, previous_close, quality FROM quote'),
    '2024-05-15 00:00:00+00|220|218||0', 'the quote');
is($pg->psql('SELECT price, quality FROM quote_history'), '219.3|4',
    'what it was before the close');

# ---- descriptions

my $match = '{"bestMatches":[{"1. symbol":"IBM","2. name":"Int Business",'
    . '"3. type":"Equity","4. region":"United States","7. timezone":"UTC-04",'
    . '"8. currency":"USD"},{"1. symbol":"IBM.DEX","2. name":"IBM XETRA",'
    . '"3. type":"Equity","4. region":"XETRA","8. currency":"EUR"}]}';
my $overview = '{"Symbol":"IBM","AssetType":"Common Stock","Name":"%s",'
    . '"Exchange":"NYSE","PERatio":"%s","Beta":"None"}';
$seq = av('search', { keywords => 'ibm' }, '2024-05-02T00:00:00Z', $match);
is(object($seq), 'stored|1|1|0|0|0|', 'one new, one described');
$seq = av('overview', { symbol => 'IBM' }, '2024-05-01T00:00:00Z',
    sprintf $overview, 'Old Name', '20');
is($pg->psql("SELECT type, name, exchange, currency FROM instrument WHERE
    symbol = 'IBM'"), 'equity|Int Business|NYSE|USD',
    'an older description only fills in');
av('overview', { symbol => 'IBM' }, '2024-06-01T00:00:00Z',
    sprintf $overview, 'New Name', '21');
is($pg->psql("SELECT name, exchange FROM instrument WHERE symbol = 'IBM'"),
    'New Name|NYSE', 'a newer one replaces');
is($pg->psql("SELECT exchange, currency FROM instrument WHERE
    symbol = 'IBM.DEX'"), 'DEX|EUR', 'the suffix stands for the exchange');
is($pg->psql("SELECT string_agg(field || '=' || coalesce(value, '?'), ' '
    ORDER BY field) FROM fundamental"), 'AssetType=Common Stock Beta=? '
    . 'Exchange=NYSE Name=New Name PERatio=21 Symbol=IBM', 'its figures');
is($pg->psql('SELECT count(*) FROM fundamental_history'), '2', 'and versions');

# ---- World Bank

sub wb {
    my $rows = join ',', map { my ($id, $iso3, $date, $value) = @$_;
        qq({"indicator":{"id":"SP.POP.TOTL","value":"Population"},"country":)
        . qq({"id":"$id","value":"$id "},"countryiso3code":"$iso3","date":)
        . qq("$date","value":$value,"unit":"","obs_status":"","decimal":0}) }
        @_;
    my $n = @_;
    return qq([{"page":1,"pages":1,"per_page":50,"total":$n},[$rows]]);
}
sub worldbank {
    my ($at, $body) = @_;
    my $n = $pr->put('worldbank', 'indicator', { indicator => 'SP.POP.TOTL',
        country => 'all' }, $at, $body);
    ok($pr->drained(), 'consumed');
    return $n;
}
$seq = worldbank('2024-03-01T00:00:00Z', wb(['FR', 'FRA', 2023, 'null'],
    ['FR', 'FRA', 2022, 68], ['XD', '', 2022, 1400], ['FR', 'FRA', '2022M08',
    67.9], ['FR', 'FRA', 2021, '"67.7"']));
is(object($seq), 'stored|5|0|0|0|0|', 'five observations');
is($pg->psql("SELECT string_agg(country || country2 || country_name ||
    aggregate::text, ' ' ORDER BY id) FROM macro_series"),
    'FRAFRFRfalse HICXDXDtrue', 'two series');
is($pg->psql("SELECT string_agg(concat_ws(' ', ts, frequency,
    coalesce(value::text, 'null')), ', ' ORDER BY ts, frequency) FROM
    observation WHERE series_id = 1"), '2021-01-01 A 67.7, 2022-01-01 A 68, '
    . '2022-08-01 M 67.9, 2023-01-01 A null', 'its periods, null kept');
$seq = worldbank('2024-07-01T00:00:00Z', wb(['FR', 'FRA', 2023, 68.1],
    ['FR', 'FRA', 2022, 68]));
is(object($seq), 'stored|0|1|1|0|0|', 'a figure came');
is($pg->psql('SELECT value FROM observation_history'), '', 'null before');

# ---- what is not taken over

$seq = av('daily', { symbol => 'BAD' }, '2024-05-04T00:00:00Z', daily('BAD',
    ['2024-05-03', 1, 2, 1, 2, 3], ['2024-05-02', 1, 1, 2, 1, 3],
    ['2024-05-01', 'x', 1, 1, 1, 3], ['2024-05-03', 1, 2, 1, 1.5, 3]));
is(object($seq), 'stored|1|0|0|0|3|', 'one good row of four');
is($pg->psql("SELECT record, reason, detail FROM reject WHERE raw_id = $seq
    ORDER BY id"), "2|not_a_number|1. open is \"x\"\n"
    . "1|ohlc_order|high 1 is below low 2\n3|duplicate|record 0 says otherwise",
    'the others with their reasons');
like($pg->psql("SELECT sample FROM reject WHERE raw_id = $seq AND record = 1"),
    qr/^"2024-05-02":\{"1. open":"1"/, 'the record as it came');
is(($pr->published('rejected.records'))[-1]{count}, 3, 'an event about it');

my $cut = daily('CUT', ['2024-05-03', 1, 2, 1, 2, 3],
    ['2024-05-02', 1, 2, 1, 1, 3]);
$seq = av('daily', { symbol => 'CUT' }, '2024-05-04T00:00:00Z',
    substr $cut, 0, length($cut) - 30);
is(object($seq), 'stored|1|0|0|0|1|', 'the row before the cut');
is($pg->psql("SELECT record, reason FROM reject WHERE raw_id = $seq"),
    '-1|truncated', 'and the cut');

for (
    [ '{"Information":"Our standard API rate limit is 25 requests per day"}',
        'provider_error' ],
    [ '{"Error Message":"Invalid API call."}', 'provider_error' ],
    [ '{"message":"This is a premium endpoint. ARTIFICIAL","Meta Data":{},'
        . '"Time Series (Daily)":{"2024-05-02":{"1. open":"1","2. high":"1",'
        . '"3. low":"1","4. close":"1","5. volume":"1"}}}', 'artificial' ],
    [ '{"Weekly Time Series":{}}', 'unknown_shape' ],
    [ '<html>502</html>', 'unknown_shape' ],
    [ '', 'truncated' ],
    [ daily('MSFT', ['2024-05-02', 1, 1, 1, 1, 1]), 'symbol_mismatch' ],
    [ daily('IBM', ['2024-05-02', 1, 1, 2, 1, 1]), 'ohlc_order' ],
) {
    my ($body, $reason) = @$_;
    $seq = av('daily', { symbol => 'IBM' }, '2024-05-05T00:00:00Z', $body);
    is(object($seq), "rejected|0|0|0|0|1|$reason", "rejected: $reason");
}
is($pg->psql("SELECT count(*) FROM instrument WHERE symbol = 'MSFT'"), '0',
    'nothing of another symbol');
$seq = av('quote', { symbol => 'NONE' }, '2024-05-05T00:00:00Z',
    '{"Global Quote": {}}');
is(object($seq), 'empty|0|0|0|0|0|', 'nothing, said well');

$seq = $pr->put('alphavantage', 'no_such', {}, '2024-05-05T00:00:00Z', '{}');
ok($pr->drained(), 'an unknown data set');
is(object($seq), 'error|0|0|0|0|1|unknown_dataset', 'recorded');

# ---- nothing stops the consumer

my $event = $pr->store('alphavantage', 'daily', { symbol => 'IBM' },
    '2024-05-06T00:00:00Z', $one);
my $path = $pr->lake() . '/' . JSON::PP->new->decode($event)->{key};
chmod 0644, $path;
open my $f, '>', $path or die "$path: $!";
print $f 'no zstd at all';
close $f;
my $gone = $pr->store('alphavantage', 'daily', { symbol => 'IBM' },
    '2024-05-06T01:00:00Z', "$one ");
unlink $pr->lake() . '/' . JSON::PP->new->decode($gone)->{key} or die;
$pr->publish('{}', '[1]', '{"seq":"x"}', $event, $gone);
$seq = av('daily', { symbol => 'IBM' }, '2024-05-06T02:00:00Z', $one);
is(object($seq - 2), 'error|0|0|0|0|1|lake_damaged', 'a damaged object');
is(object($seq - 1), 'error|0|0|0|0|1|lake_missing', 'a lost object');
# What was 11.75 is 11.5 again: the newest payload says so.
is(object($seq), 'stored|0|1|1|0|0|', 'and then the next one');

# The object is restored from a copy: the replay makes good for it.
$pr->publish($event);
ok($pr->drained(), 'still damaged');
is($pg->psql("SELECT count(*) FROM reject WHERE raw_id = $seq - 2"), '1',
    'rejected once, not twice');

# ---- damage of all kinds

srand 7;
my @kinds = (
    [ 'alphavantage', 'daily', { symbol => 'IBM' }, $one ],
    [ 'alphavantage', 'search', { keywords => 'x' }, $match ],
    [ 'alphavantage', 'search', { keywords => 'x' }, "symbol,name,type,region,"
        . "currency\r\nABC,Caf\xe9 \0,Equity,\xff,EUR\r\n" ],
    [ 'alphavantage', 'overview', { symbol => 'IBM' }, $overview ],
    [ 'alphavantage', 'quote', { symbol => 'IBM' }, sprintf $quote, 1 ],
    [ 'worldbank', 'indicator', {}, wb(['FR', 'FRA', 2022, 68]) ],
);
my @damaged;
for my $n (0 .. 149) {
    my ($provider, $dataset, $args, $text) = @{ $kinds[$n % @kinds] };
    substr($text, rand length $text, 1) = chr rand 256
        for 0 .. ($n < @kinds ? -1 : rand 5);
    push @damaged, $pr->store($provider, $dataset, $args,
        '2024-08-01T00:00:00Z', $text);
}
$pr->publish(@damaged);
ok($pr->drained(60), 'damaged payloads are consumed');
is($pg->psql("SELECT count(*) FROM raw_object WHERE outcome = 'error' AND
    fetched_at = '2024-08-01'"), '0', 'none of them troubles the database');
is($pg->psql("SELECT count(*) FROM raw_object WHERE
    fetched_at = '2024-08-01'"), '150', 'each is accounted for');

# ---- events

is_deeply(($pr->published('valid.records'))[0], { kind => 'instruments',
    provider => 'alphavantage', dataset => 'daily', raw_seq => 1,
    symbols => ['IBM'], timeframe => '1d', stored => 1, corrected => 0 },
    'the event of a new instrument');
$got = ($pr->published('valid.records'))[1];
is_deeply($got, { kind => 'bars', provider => 'alphavantage', dataset =>
    'daily', raw_seq => 1, symbols => ['IBM'], timeframe => '1d', from =>
    '2024-05-01T00:00:00Z', to => '2024-05-02T00:00:00Z', stored => 2,
    corrected => 0 }, 'the event of the first payload');
my @of = grep { $_->{kind} eq 'observations' } $pr->published('valid.records');
is_deeply($of[0]{series}, [ 'SP.POP.TOTL/FRA', 'SP.POP.TOTL/HIC' ],
    'series by name');
is(scalar(grep { $_->{stored} + $_->{corrected} + ($_->{earlier} // 0) == 0 }
    $pr->published('valid.records')), 0, 'no event without news');
ok((grep { $_->{earlier} } $pr->published('valid.records')),
    'that something was known earlier is news');

# ---- questions

my ($status, $meta, $body) = $pr->c->call('quality.rejects', { limit => 3 });
$got = JSON::PP->new->decode($body);
is(@{ $got->{data} }, 3, 'a page of rejects');
is_deeply([ sort keys %{ $got->{data}[0] } ], [qw/ dataset detail id known_at
    provider raw_seq reason record sample /], 'its members');
is($meta->{next}, $got->{next}, 'the cursor in meta, too');
my %seen = map { $_->{id} => 1 } @{ $got->{data} };
while ($got->{next}) {
    $got = $pr->get('quality.rejects', limit => 40, cursor => $got->{next});
    $seen{ $_->{id} }++ for @{ $got->{data} };
}
is(scalar(keys %seen), $pg->psql('SELECT count(*) FROM reject'),
    'page by page, all of them');
is((grep { $_ > 1 } values %seen) + 0, 0, 'none twice');
$got = $pr->get('quality.rejects', reason => 'duplicate',
    provider => 'alphavantage');
ok(@{ $got->{data} } >= 1, 'one reason');
is((grep { $_->{reason} ne 'duplicate' } @{ $got->{data} }) + 0, 0, 'only');
($status, $meta, $body) = $pr->c->call('quality.rejects', { limit => 2 },
    fmt => 'csv');
like($body, qr/^id,raw_seq,provider,dataset,record,reason,detail,sample,known_at\r?\n(?:[0-9]+,.*\r?\n){2}\z/,
    'as a table');
is($pr->c->error('quality.rejects', { cursor => 'x' })->[0], -2,
    'a cursor that is none');

$got = $pr->get('quality.status');
my ($daily) = grep { $_->{dataset} eq 'daily' } @{ $got->{data} };
is($daily->{payloads}, $pg->psql("SELECT count(*) FROM raw_object WHERE
    dataset = 'daily'"), 'status: payloads');
is($daily->{reasons}{ohlc_order}, $pg->psql("SELECT count(*) FROM reject
    WHERE dataset = 'daily' AND reason = 'ohlc_order'"), 'status: reasons');
like($daily->{newest}, qr/^2024-.*Z$/, 'status: newest');
is($got->{lag}, 0, 'status: lag');

$got = $pr->get('sys.health');
is($got->{status}, 'healthy', 'healthy');
is($got->{consumer}{lag}, 0, 'its consumer');
ok($got->{lake}{readable}, 'its lake');

my $metrics = ($pr->c->call('sys.metrics', {}))[2];
like($metrics, qr/wizdata_rejects_total\{[^}]*reason="ohlc_order"[^}]*\} [1-9]/,
    'metric: rejects');
like($metrics, qr/wizdata_payloads_total\{[^}]*outcome="error"/,
    'metric: payloads');

# ---- the database goes away and comes back

$pg->stop_server();
$event = $pr->store('alphavantage', 'daily', { symbol => 'LATER' },
    '2024-06-06T00:00:00Z', daily('LATER', ['2024-06-05', 1, 1, 1, 1, 1]));
$pg->start_server();
$pr->publish($event);
ok($pr->drained(60), 'consumed after the database came back');
is($pg->psql("SELECT count(*) FROM bar b JOIN instrument i ON i.id =
    instrument_id WHERE symbol = 'LATER'"), '1', 'stored once');

unlike($pr->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');
is($pr->down(), 0, 'a clean end');

done_testing();
