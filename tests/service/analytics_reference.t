#!/usr/bin/perl

# Instruments, quotes and macro-economic series.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::MessagePack;
use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant { NS => 1_000_000_000, THEN => 1_717_372_800 * 1_000_000_000 };

my $pg = Wizdata::Postgres->start();
$pg->psql(<<'SQL');
INSERT INTO instrument (id, symbol, type, name, exchange, currency, country,
                        sector, timezone, source, raw_id, known_at)
VALUES (1, 'IBM', 'equity', 'International Business Machines', 'NYSE', 'USD',
        'USA', 'TECHNOLOGY', 'US/Eastern', 1, 1, '2024-06-01Z'),
       (2, 'IBMA', 'etf', 'Big "blue", 100% safe_ETF', 'XETRA', 'EUR', NULL,
        NULL, NULL, 1, 1, '2024-06-01Z'),
       (3, 'AIB', 'equity', 'An ibm competitor', 'NYSE', 'USD', NULL, NULL,
        NULL, 1, 1, '2024-06-01Z'),
       (4, 'EURUSD', 'fx', NULL, NULL, 'USD', NULL, NULL, 'UTC', 1, 1,
        '2024-06-01Z'),
       (5, 'Z_Z', 'other', 'Zürich 50\ü', NULL, NULL, NULL, NULL, NULL, 1, 1,
        '2024-06-01Z');
INSERT INTO instrument (id, symbol, source, raw_id, known_at)
SELECT 100 + n, 'S' || lpad(n::text, 3, '0'), 1, 1, '2024-06-01Z'
  FROM generate_series(0, 249) n;
INSERT INTO bar
SELECT 1, 6, 1, 0, timestamptz '2024-05-01Z' + n * interval '1 day', 1, 2, 0.5,
       1.5, 10, 1, '2024-06-01Z' FROM generate_series(0, 9) n;
INSERT INTO fundamental
VALUES (1, 1, 'EBITDA', '2024-03-31', '14000000000', 1, '2024-06-01Z'),
       (1, 1, 'PERatio', '', NULL, 1, '2024-06-01Z');
INSERT INTO fundamental (instrument_id, source, field, period, value, unit,
                         raw_id, known_at)
SELECT 1, 3, 'PX_LAST', (date '2024-05-01' + n)::text, n, 'USD', 1,
       '2024-06-01Z' FROM generate_series(0, 99) n;
INSERT INTO fundamental (instrument_id, source, field, period, value, raw_id,
                         known_at)
SELECT 1, 3, 'PX_LAST', k || ' 2024-08-0' || n, k || n, 1, '2024-06-01Z'
  FROM generate_series(1, 2) n, unnest('{weekly,annual}'::text[]) k;
INSERT INTO instrument_identifier
VALUES (1, 4, 'ISIN', 'US4592001014', 1, '2024-06-01Z'),
       (1, 4, 'LEI', 'VGRQXHF3J8VDLUA7XE92', 1, '2024-06-01Z'),
       (1, 3, 'ISIN', 'US4592001014', 1, '2024-06-02Z'),
       (2, 4, 'ISIN', 'US4592001014', 1, '2024-06-01Z');
INSERT INTO quote (instrument_id, source, ts, price, open, high, low, volume,
                   previous_close, quality, raw_id, known_at)
VALUES (1, 1, '2024-05-10Z', 151.3, 150, 152, 149, 1000, 150.05, 0, 1,
        '2024-06-01Z'),
       (1, 1, '2024-05-09Z', 150.05, 150, 152, 149, 1000, 150, 0, 1,
        '2024-06-01Z'),
       (1, 2, '2024-05-10Z', 999, 1, 1, 1, 1, 1, 0, 1, '2024-06-01Z'),
       (3, 1, '2024-05-01Z', 10, NULL, NULL, NULL, NULL, NULL, 2, 1,
        '2024-06-01Z');
UPDATE quote SET bid = 151.25, ask = 151.35 WHERE price = 151.3;
INSERT INTO macro_series
SELECT row_number() OVER (), 2, i, c, left(c, 2), 'GDP', c, 'USD',
       c IN ('WLD', 'EUU')
  FROM unnest(ARRAY['GDP', 'POP']) i,
       unnest(ARRAY['FRA', 'DEU', 'WLD', 'EUU', 'USA']) c;
INSERT INTO observation
SELECT id, 'A', 0, make_date(2000 + y, 1, 1),
       CASE WHEN y = 3 THEN NULL ELSE id * 1000 + y + 0.1 END,
       CASE WHEN y = 9 THEN 'E' END, 1, '2024-06-01Z'
  FROM macro_series, generate_series(0, 9) y;
INSERT INTO observation
SELECT id, f, 0, d, 1, NULL, 1, '2024-06-01Z' FROM macro_series, (VALUES
    ('M'::"char", date '2001-07-01'), ('Q', '2001-07-01'),
    ('D', '2001-07-04')) v (f, d)
 WHERE indicator = 'GDP' AND country = 'FRA';
SQL

my $svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url());
my $c = $svc->connect();

sub same_everywhere {
    my ($method, $args, $name) = @_;

    my $want = rows($c, $method, { %$args, limit => 1000 })->{rows};
    ok(@$want > 3, "$name: rows");
    for my $format (qw/ json csv msgpack /) {
        is_deeply([ pages($c, $method, { %$args, limit => 3 }, $format) ],
            $want, "$name: all pages in $format");
    }
}

# ---- search

sub found {
    my $a = rows($c, 'instruments.search', { @_ });
    return [ map { $_->{symbol} } @{ $a->{rows} } ];
}

is_deeply(found(q => 'ibm'), [qw/ IBM AIB IBMA /], 'prefix or part of the name');
is_deeply(found(q => 'IBMA'), ['IBMA'], 'another case');
is_deeply(found(q => 'machines'), ['IBM'], 'part of a name');
is_deeply(found(q => '%'), ['IBMA'], 'a percent sign is itself');
is_deeply(found(q => '_'), ['IBMA'], 'so is an underline');
is_deeply(found(q => 'Z_'), ['Z_Z'], 'in a symbol, too');
is_deeply(found(q => 'aibm'), [], 'no match');
is_deeply(found(q => '50\\'), ['Z_Z'], 'so is a backslash');
is_deeply(found(q => "'; DROP TABLE bar; --"), [], 'and a quote');
is_deeply(found(type => 'etf'), ['IBMA'], 'by type');
is_deeply(found(exchange => 'nyse'), [qw/ AIB IBM /], 'by exchange');
is_deeply(found(currency => 'EUR'), ['IBMA'], 'by currency');
is_deeply(found(q => 'ibm', exchange => 'NYSE'), [qw/ IBM AIB /], 'by both');
is_deeply(found(identifier => 'us4592001014'), [qw/ IBM IBMA /],
    'by an identifier');
is_deeply(found(identifier => 'VGRQXHF3J8VDLUA7XE92', type => 'etf'), [],
    'and by more');
same_everywhere('instruments.search', { q => 's' }, 'search');
same_everywhere('instruments.search', {}, 'all instruments');

my $a = rows($c, 'instruments.search', { q => 'ibma' }, 'csv');
is($a->{rows}[0]{name}, 'Big "blue", 100% safe_ETF', 'a name with quotes');
is($a->{rows}[0]{country}, undef, 'nothing is an empty cell');
$a = rows($c, 'instruments.search', { q => 'ibm', limit => 1 });
is_deeply([ map { $_->{symbol} } @{ rows($c, 'instruments.search',
    { q => 'ibm', limit => 5, cursor => $a->{meta}{next} })->{rows} } ],
    [qw/ AIB IBMA /], 'the page after the exact match');

# ---- one instrument

my (undef, $body) = body_of($c, 'instruments.get', { symbol => 'IBM' });
my $json = JSON::PP->new->decode($body);
is($json->{name}, 'International Business Machines', 'name');
is_deeply($json->{series}, [ { timeframe => '1d', source => 'alphavantage',
    from => '2024-05-01T00:00:00Z', to => '2024-05-10T00:00:00Z',
    bars => 10 } ], 'what is stored');
is_deeply($json->{fundamentals}[0], { field => 'EBITDA',
    period => '2024-03-31', value => '14000000000', unit => undef,
    source => 'alphavantage', known_at => '2024-06-01T00:00:00Z' }, 'a figure');
is($json->{fundamentals}[1]{value}, undef, 'one that is missing');
is($json->{fundamentals}[1]{period}, undef, 'without a period');
is_deeply($json->{fundamentals}[2], { field => 'PX_LAST',
    period => '2024-08-08', value => '99', unit => 'USD', source => 'bloomberg',
    known_at => '2024-06-01T00:00:00Z' }, 'of a figure of days the newest');
is_deeply([ map { $_->{value} } @{ $json->{fundamentals} }[3 .. 5] ],
    [qw/ annual1 annual2 weekly2 /], 'so of weeks');
is(@{ $json->{fundamentals} }, 6, 'only');
is_deeply($json->{identifiers}, [
    { scheme => 'ISIN', value => 'US4592001014', source => 'bloomberg',
        known_at => '2024-06-02T00:00:00Z' },
    { scheme => 'ISIN', value => 'US4592001014', source => 'lseg',
        known_at => '2024-06-01T00:00:00Z' },
    { scheme => 'LEI', value => 'VGRQXHF3J8VDLUA7XE92', source => 'lseg',
        known_at => '2024-06-01T00:00:00Z' } ], 'its other names');
(undef, $body) = body_of($c, 'instruments.get', { symbol => 'IBM' }, 'msgpack');
my $mp = mp_decode($body);
delete $_->{as_of} for $json, $mp;
is_deeply($mp, $json, 'the same in MessagePack');
is($c->error('instruments.get', { symbol => 'ZZZ' })->[0], -5, 'unknown');
like($c->error('instruments.get', { symbol => 'ZZZ' })->[1], qr/ZZZ/, 'named');
is($c->error('instruments.get', {})->[2]{param}, 'symbol', 'no symbol');

# ---- quotes

$a = rows($c, 'quotes.query', { symbol => [qw/ ZZZ IBM EURUSD AIB /] });
is_deeply($a->{rows}, [
    { symbol => 'AIB', t => '2024-05-01', price => '10', open => undef,
        high => undef, low => undef, volume => undef,
        previous_close => undef, change => undef, change_percent => undef,
        stale => 'false', q => '2', source => 'alphavantage',
        known_at => '2024-06-01T00:00:00Z', bid => undef, ask => undef,
        at => undef, bid_size => undef, ask_size => undef },
    { symbol => 'IBM', t => '2024-05-10', price => '151.3', open => '150',
        high => '152', low => '149', volume => '1000',
        previous_close => '150.05', change => '1.25',
        change_percent => sprintf('%.15g', 1.25 / 150.05 * 100),
        stale => 'false', q => '0', source => 'alphavantage',
        known_at => '2024-06-01T00:00:00Z', bid => '151.25',
        ask => '151.35', at => undef, bid_size => undef,
        ask_size => undef } ], 'latest quotes');
is_deeply($a->{rest}{unknown}, [qw/ EURUSD ZZZ /], 'without a quote');
is_deeply($a->{meta}{tags}, [ map { "quotes:$_" } qw/ AIB EURUSD IBM ZZZ / ],
    'tags');
like($a->{body}, qr/"change":1\.25,/, 'the change has the decimals of prices');
for my $format (qw/ csv msgpack /) {
    is_deeply(rows($c, 'quotes.query', { symbol => [qw/ IBM AIB /] },
        $format)->{rows}, $a->{rows}, "the same in $format");
}
is($c->error('quotes.query', { symbol => ['ZZZ'] })->[0], -5, 'none');
my %past = (symbol => [qw/ IBM AIB /], as_of => THEN);
my $before = (body_of($c, 'quotes.query', \%past))[1];
$pg->psql(<<'SQL');
INSERT INTO quote_history
SELECT instrument_id, source, ts, price, open, high, low, volume,
       previous_close, quality, raw_id, known_at, timestamptz '2024-06-10Z',
       bid, ask
  FROM quote
 WHERE instrument_id = 1 AND ts = '2024-05-10Z' AND source = 1;
UPDATE quote SET price = 1, known_at = '2024-06-10Z'
 WHERE instrument_id = 1 AND ts = '2024-05-10Z' AND source = 1;
INSERT INTO bar VALUES (1, 6, 1, 0, '2024-05-13Z', 1, 1, 1, 1, 1, 2,
                        '2024-06-10Z');
SQL
is((body_of($c, 'quotes.query', \%past))[1], $before, 'as it was known');
$a = rows($c, 'quotes.query', { symbol => ['IBM'] });
is($a->{rows}[0]{price}, 1, 'corrected');
is($a->{rows}[0]{stale}, 'true', 'older than the newest daily bar');

# ---- macro

sub macro { rows($c, 'macro.query', { @_ }) }

$a = macro(indicator => ['GDP'], country => ['fra'], limit => 4);
is_deeply($a->{rows}[0], { indicator => 'GDP', country => 'FRA', t => '2000',
    value => '1000.1', unit => 'USD', status => undef, aggregate => 'false',
    q => '0', source => 'worldbank', known_at => '2024-06-01T00:00:00Z' },
    'a row');
is_deeply([ map { $_->{t} } @{ $a->{rows} } ],
    [qw/ 2000 2001 2001-07 2001Q3 /], 'periods by their frequency');
is_deeply([ map { $_->{t} } @{ macro(indicator => ['GDP'],
    country => ['FR'], limit => 3, order => 'desc', to => 1_009_843_200 * NS
)->{rows} } ], [ '2002', '2001-07-04', '2001-07' ], 'newest first');
$a = macro(indicator => ['POP'], country => ['FRA'],
    from => 1_041_379_200 * NS, to => 1_072_915_199 * NS);
is_deeply([ map { [ $_->{t}, $_->{value} ] } @{ $a->{rows} } ],
    [ [ '2003', undef ] ], 'no figure is null');

is_deeply([ map { $_->{country} } @{ macro(indicator => ['POP'],
    to => 946_684_800 * NS)->{rows} } ], [qw/ DEU FRA USA /],
    'without a country: economies, no aggregates');
is_deeply([ map { "$_->{country} $_->{aggregate}" } @{ macro(
    indicator => ['POP'], country => [qw/ wld DE /],
    to => 946_684_800 * NS)->{rows} } ], [ 'DEU false', 'WLD true' ],
    'an aggregate by its name');
$a = macro(indicator => [qw/ POP NOPE /], country => [qw/ XX US /]);
is_deeply($a->{rest}{unknown}, [qw/ NOPE XX /], 'unknown ones are named');
my $e = $c->error('macro.query', { indicator => ['NOPE'] });
is($e->[0], -5, 'only unknown ones');
like($e->[1], qr/NOPE/, 'named');
is($c->error('macro.query', {})->[2]{param}, 'indicator', 'no indicator');

same_everywhere('macro.query', { indicator => [qw/ POP GDP /] }, 'macro');
same_everywhere('macro.query', { indicator => [qw/ POP GDP /],
    country => [qw/ FRA WLD /], order => 'desc' }, 'macro backwards');

%past = (indicator => ['GDP'], country => [qw/ FRA CHE /], as_of => THEN,
    limit => 1000);
$before = (body_of($c, 'macro.query', \%past))[1];
$pg->psql(<<'SQL');
INSERT INTO observation_history SELECT *, timestamptz '2024-06-10Z'
  FROM observation WHERE series_id = 1;
UPDATE observation SET value = 7, known_at = '2024-06-10Z'
 WHERE series_id = 1;
INSERT INTO macro_series VALUES (99, 2, 'GDP', 'CHE', 'CH', NULL, NULL, NULL);
INSERT INTO observation VALUES (99, 'A', 0, '2000-01-01', 1, NULL, 1,
                                '2024-06-10Z');
SQL
is((body_of($c, 'macro.query', \%past))[1], $before, 'as it was known');
is(macro(indicator => ['GDP'], country => ['FRA'], limit => 1)->{rows}[0]{value},
    7, 'corrected');
is_deeply(macro(%past)->{rest}{unknown}, ['CHE'], 'a series first seen later');

# ---- many series: more than one statement

$pg->psql(<<'SQL');
INSERT INTO macro_series
SELECT 1000 + n, 2, 'MANY', 'C' || lpad(n::text, 4, '0'), NULL, NULL, NULL,
       NULL FROM generate_series(1, 500) n;
INSERT INTO observation
SELECT id, 'A', 0, make_date(2000 + y, 1, 1), y, NULL, 1, '2024-06-01Z'
  FROM macro_series, generate_series(0, 1) y WHERE indicator = 'MANY';
SQL
my @all = pages($c, 'macro.query', { indicator => ['MANY'], limit => 123 });
is(@all, 1000, 'all observations of many series');
is_deeply([ map { "$_->{country} $_->{t}" } @all ],
    [ map { my $n = $_; map { sprintf 'C%04d %s', $n, $_ } 2000, 2001 }
        1 .. 500 ], 'in order');

is($svc->stop(), 0, 'stops');
unlike($svc->log(), qr/"level":"error"|Sanitizer|runtime error/, 'clean log')
    or diag $svc->log();

done_testing();
