#!/usr/bin/perl

# Bars: pages, formats, aggregation, adjustment, what was known when.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant {
    NS => 1_000_000_000,
    DAY => 86_400 * 1_000_000_000,
    JAN => 1_704_067_200 * 1_000_000_000,   # 2024-01-01, a Monday
};

my $pg = Wizdata::Postgres->start();

# AAA: 400 days; BBB: 60 days of two sources; CCC: a rate without volume;
# MMM: 3 days of minutes, and 5-minute bars that were stored later; EMP has
# no bars. All known on 2024-06-01 but where another day is said.
$pg->psql(<<'SQL');
INSERT INTO instrument (id, symbol, type, name, timezone, source, raw_id,
                        known_at)
VALUES (1, 'AAA', 'equity', 'A', 'US/Eastern', 1, 1, '2024-06-01'),
       (2, 'BBB', 'equity', 'B', NULL, 1, 1, '2024-06-01'),
       (3, 'CCC', 'fx', 'C', 'UTC', 1, 1, '2024-06-01'),
       (4, 'MMM', 'equity', 'M', 'US/Eastern', 1, 1, '2024-06-01'),
       (5, 'EMP', 'equity', 'E', NULL, 1, 1, '2024-06-01');
INSERT INTO bar
SELECT 1, 6, 1, 0, timestamptz '2024-01-01Z' + n * interval '1 day',
       100 + n * 0.1, 102.5 + n * 0.1, 99 + n * 0.1, 101 + n * 0.1,
       1000 + n, 1, '2024-06-01Z'
  FROM generate_series(0, 399) n;
INSERT INTO bar
SELECT 2, 6, s, 2, timestamptz '2024-01-01Z' + n * interval '1 day',
       s * 10, s * 10 + 2, s * 10 - 1, s * 10 + 1, 10, 1, '2024-06-01Z'
  FROM generate_series(0, 59) n, generate_series(1, 2) s
 WHERE s = 2 OR n % 3 <> 0;
INSERT INTO bar
SELECT 3, 6, 1, 0, timestamptz '2024-01-01Z' + n * interval '1 day',
       1.1, 1.2, 1.0, 1.15, NULL, 1, '2024-06-01Z'
  FROM generate_series(0, 13) n;
INSERT INTO bar
SELECT 4, 1, 1, 0,
       timestamptz '2024-03-04 14:30Z' + d * interval '1 day'
           + n * interval '1 minute',
       50 + n * 0.01, 50 + n * 0.01 + 0.5, 50 + n * 0.01 - 0.5,
       50 + n * 0.01 + 0.1, CASE WHEN n % 7 = 0 THEN NULL ELSE n END, 1,
       '2024-06-01Z'
  FROM generate_series(0, 2) d, generate_series(0, 389) n;
INSERT INTO bar
SELECT 4, 2, 1, 0, timestamptz '2024-03-04 14:30Z' + n * interval '5 minutes',
       1, 2, 0.5, 1.5, 5, 2, '2024-07-01Z'
  FROM generate_series(0, 9) n;
SQL

my $svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url());
my $c = $svc->connect();

sub bars { rows($c, 'bars.query', { @_ }) }
sub error { $c->error('bars.query', { @_ }) }

# ---- one page

my $a = bars(symbol => ['AAA'], timeframe => '1d', limit => 3);
is_deeply($a->{rows}[0], {
    symbol => 'AAA', t => '2024-01-01', o => '100', h => '102.5', l => '99',
    c => '101', v => '1000', q => '0', source => 'alphavantage',
    known_at => '2024-06-01T00:00:00Z' }, 'a row');
is($a->{rest}{count}, 3, 'count');
is($a->{rest}{timeframe}, '1d', 'timeframe');
is($a->{rest}{adjustment}, 'raw', 'adjustment');
is($a->{rest}{order}, 'asc', 'order');
like($a->{rest}{as_of}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z$/,
    'as_of is the time of the snapshot');
is($a->{rest}{next}, $a->{meta}{next}, 'the cursor, in body and meta');
like($a->{meta}{etag}, qr/^"[0-9a-f]{32}"$/, 'etag');
is_deeply($a->{meta}{tags}, ['bars:AAA'], 'tags');
is($a->{meta}{ttl}, 60, 'ttl');
ok(!exists $a->{rest}{unknown}, 'no unknown symbols');

$a = bars(symbol => ['AAA'], order => 'desc', limit => 2);
is_deeply([ map { $_->{t} } @{ $a->{rows} } ],
    [ '2025-02-03', '2025-02-02' ], 'newest first');

$a = bars(symbol => ['AAA'], from => JAN + 3 * DAY, to => JAN + 5 * DAY - 1);
is_deeply([ map { $_->{t} } @{ $a->{rows} } ],
    [ '2024-01-04', '2024-01-05' ], 'a range, both ends inclusive');
is($a->{rest}{next}, undef, 'no next page');

$a = bars(symbol => ['AAA'], from => JAN - 2 * DAY, to => JAN - DAY);
is($a->{rest}{count}, 0, 'a range without bars');

$a = bars(symbol => ['CCC'], limit => 1);
is($a->{rows}[0]{v}, undef, 'no volume is null');

# ---- pages and formats

for my $case (
    [ 'daily', symbol => [qw/ BBB AAA CCC /], limit => 37 ],
    [ 'daily, one a page', symbol => [qw/ CCC /], limit => 1 ],
    [ 'backwards', symbol => [qw/ AAA BBB /], limit => 41, order => 'desc' ],
    [ 'weeks', symbol => [qw/ AAA BBB CCC /], limit => 5, timeframe => '1w' ],
    [ 'weeks backwards', symbol => [qw/ AAA CCC /], limit => 5,
        timeframe => '1w', order => 'desc' ],
    [ 'months', symbol => [qw/ AAA BBB /], limit => 2, timeframe => '1mo' ],
    [ 'minutes', symbol => ['MMM'], limit => 250, timeframe => '1m' ],
    [ 'quarters of an hour', symbol => ['MMM'], limit => 11,
        timeframe => '15m', as_of => 1_718_000_000 * NS ],
    [ 'a range', symbol => [qw/ AAA BBB /], limit => 3,
        from => JAN + 10 * DAY, to => JAN + 20 * DAY, adjustment => 'all' ],
) {
    my ($name, %args) = @$case;
    $args{timeframe} //= '1d';
    my $whole = bars(%args, limit => 50000);
    my @want = @{ $whole->{rows} };

    ok(@want > 5, "$name: rows") if $name ne 'a range';
    for my $format (qw/ json csv msgpack /) {
        my @got = pages($c, 'bars.query', \%args, $format);
        is_deeply(\@got, \@want, "$name: all pages in $format");
    }
}

my @all = pages($c, 'bars.query', { symbol => [qw/ BBB AAA /], limit => 100 });
is(@all, 460, 'all bars of both');
is_deeply([ map { "$_->{symbol} $_->{t}" } @all ],
    [ sort map { "$_->{symbol} $_->{t}" } @all ], 'by symbol, then time');

my @body = map { (body_of($c, 'bars.query',
    { symbol => ['MMM'], timeframe => '1m', limit => 50000,
        as_of => 1_718_000_000 * NS }, $_))[1] } qw/ json json /;
is($body[0], $body[1], 'a long body, twice the same');
ok(length $body[0] > 100_000, 'that came in pieces');
is_deeply([ sort keys %{ JSON::PP->new->decode($body[0]) } ],
    [qw/ adjustment as_of count data next order timeframe /], 'is JSON');

# ---- sources

$a = bars(symbol => ['BBB'], limit => 4);
is_deeply([ map { "$_->{source} $_->{o}" } @{ $a->{rows} } ],
    [ 'worldbank 20', 'alphavantage 10', 'alphavantage 10', 'worldbank 20' ],
    'the lowest source wins where it has a bar');
is($a->{rows}[0]{q}, 2, 'quality flags');

$a = bars(symbol => ['BBB'], timeframe => '1w', limit => 1);
is($a->{rows}[0]{source}, 'mixed', 'a week of two sources');

# ---- aggregation

$a = bars(symbol => ['AAA'], timeframe => '1w', limit => 2);
is_deeply($a->{rows}[1], {
    symbol => 'AAA', t => '2024-01-08', o => '100.7', h => '103.8',
    l => '99.7', c => '102.3', v => '7070', q => '0',
    source => 'alphavantage', known_at => '2024-06-01T00:00:00Z' },
    'a week begins on Monday');

$a = bars(symbol => ['AAA'], timeframe => '1mo', limit => 2);
is_deeply([ map { $_->{t} } @{ $a->{rows} } ], [ '2024-01-01', '2024-02-01' ],
    'a month begins on its first day');
is($a->{rows}[1]{c}, '106.9', 'its last close');

$a = bars(symbol => ['AAA'], timeframe => '1w', from => JAN + DAY,
    to => JAN + 8 * DAY);
is_deeply([ map { "$_->{t} $_->{v}" } @{ $a->{rows} } ], ['2024-01-08 7070'],
    'a week that begins in the range is whole');

$a = bars(symbol => ['CCC'], timeframe => '1w', limit => 1);
is($a->{rows}[0]{v}, undef, 'volume of a week without any is null');

my $june = 1_718_000_000 * NS;
$a = bars(symbol => ['MMM'], timeframe => '5m', limit => 2, as_of => $june);
is_deeply($a->{rows}[0], {
    symbol => 'MMM', t => '2024-03-04T14:30:00Z', o => '50', h => '50.54',
    l => '49.5', c => '50.14', v => '10', q => '0', source => 'alphavantage',
    known_at => '2024-06-01T00:00:00Z' },
    'five minutes made of minutes, volumes that are missing left out');

$a = bars(symbol => ['MMM'], timeframe => '5m');
is_deeply([ $a->{rest}{count}, $a->{rows}[0]{h} ], [ 10, '2' ],
    'a stored timeframe is answered from what is stored');

$a = bars(symbol => ['MMM'], timeframe => '1h', limit => 1);
is($a->{rows}[0]{t}, '2024-03-04T14:00:00Z', 'an hour begins at the hour');
is($a->{rows}[0]{o}, '50', 'and is made of the finest timeframe');

$a = bars(symbol => ['AAA'], timeframe => '1m');
is($a->{rest}{count}, 0, 'days are not cut into minutes');

# ---- unknown

$a = bars(symbol => [qw/ ZZZ AAA EMP YYY /], limit => 1);
is_deeply($a->{rest}{unknown}, [qw/ YYY ZZZ /], 'unknown symbols are named');
is($a->{rest}{count}, 1, 'beside the data of the others');
is(bars(symbol => ['EMP'])->{rest}{count}, 0, 'known, without bars');

my $e = error(symbol => [qw/ ZZZ YYY /]);
is($e->[0], -5, 'only unknown symbols: not found');
like($e->[1], qr/YYY, ZZZ/, 'which names them');
is(error(symbol => [ map { "LONGSYMBOL$_" } 1 .. 50 ])->[0], -5,
    'a long list of them');

# ---- arguments and cursors

is_deeply([ @{ error(symbol => 'AAA') }[0, 2] ], [ -2, { param => 'symbol' } ],
    'symbol as text');
is(error(symbol => [])->[2]{param}, 'symbol', 'no symbol');
is(error()->[2]{param}, 'symbol', 'no argument');
is(error(symbol => ['AAA'], limit => 0)->[2]{param}, 'limit', 'limit 0');
is(error(symbol => ['AAA'], limit => 'x')->[2]{param}, 'limit', 'limit x');
is(error(symbol => ['AAA'], timeframe => '2d')->[2]{param}, 'timeframe',
    'timeframe 2d');
is(error(symbol => ['AAA'], adjustment => 'half')->[2]{param}, 'adjustment',
    'adjustment half');
is(error(symbol => ['AAA'], from => 2 * DAY, to => DAY)->[2]{param}, 'from',
    'from behind to');
is(error(symbol => ['AAA'], as_of => 4_102_444_800 * NS)->[2]{param}, 'as_of',
    'as_of in the future');

my $cursor = bars(symbol => ['AAA'], limit => 3)->{meta}{next};
is(bars(symbol => ['AAA'], limit => 5, cursor => $cursor)->{rows}[0]{t},
    '2024-01-04', 'another limit on the next page');
for my $bad ('x', $cursor . 'A', substr($cursor, 1), scalar reverse($cursor), 'A' x 500,
    $cursor =~ s/.$/$& eq 'A' ? 'B' : 'A'/er,
    $cursor =~ s/^(.{20})(.)/$1 . ($2 eq 'A' ? 'B' : 'A')/er)
{
    my $e = error(symbol => ['AAA'], limit => 3, cursor => $bad);
    is_deeply($e ? [ @$e[0, 2] ] : undef, [ -2, { param => 'cursor' } ],
        'a cursor that is none');
}
for my $other ([ symbol => ['BBB'] ],
    [ symbol => ['AAA'], order => 'desc' ],
    [ symbol => ['AAA'], timeframe => '1w' ],
    [ symbol => ['AAA'], adjustment => 'split' ])
{
    is(error(@$other, limit => 3, cursor => $cursor)->[2]{param}, 'cursor',
        'a cursor of other parameters');
}
is($c->error('macro.query', { symbol => ['AAA'], indicator => ['X'],
    cursor => $cursor })->[2]{param}, 'cursor', 'a cursor of another method');

# ---- known when: a correction on 2024-06-10

my $then = 1_717_372_800 * NS;    # 2024-06-03
my %past = (symbol => [qw/ AAA BBB NEW /], timeframe => '1d', as_of => $then,
    limit => 450, adjustment => 'all');
my %now = (symbol => ['AAA'], to => JAN + DAY);
my %before = map { $_ => (body_of($c, 'bars.query', \%past, $_))[1] }
    qw/ json csv msgpack /;

$pg->psql(<<'SQL');
BEGIN;
INSERT INTO bar_history
SELECT *, timestamptz '2024-06-10Z' FROM bar
 WHERE instrument_id = 1 AND ts IN ('2024-01-01Z', '2024-01-02Z');
UPDATE bar SET close = 111.5, raw_id = 9, known_at = '2024-06-10Z'
 WHERE instrument_id = 1 AND ts = '2024-01-01Z';
DELETE FROM bar WHERE instrument_id = 1 AND ts = '2024-01-02Z';
INSERT INTO bar VALUES (1, 6, 1, 0, '2023-12-29Z', 1, 1, 1, 1, 1, 9,
                        '2024-06-10Z');
INSERT INTO instrument (id, symbol, source, raw_id, known_at)
VALUES (6, 'NEW', 1, 9, '2024-06-10Z');
INSERT INTO bar VALUES (6, 6, 1, 0, '2024-01-01Z', 1, 1, 1, 1, 1, 9,
                        '2024-06-10Z');
INSERT INTO corporate_action VALUES (1, 1, '2024-01-20', 'split', 2, 9,
                                     '2024-06-10Z');
COMMIT;
SQL

for my $format (qw/ json csv msgpack /) {
    is((body_of($c, 'bars.query', \%past, $format))[1], $before{$format},
        "what was known before the correction, byte for byte: $format");
}
$a = bars(%past);
is($a->{rest}{as_of}, '2024-06-03T00:00:00Z', 'as_of is repeated');
is_deeply($a->{rest}{unknown}, ['NEW'], 'a symbol first seen later');
is($a->{meta}{ttl}, 86400, 'the past may be cached longer');

is_deeply([ map { "$_->{t} $_->{c}" } @{ bars(%now)->{rows} } ],
    [ '2023-12-29 1', '2024-01-01 111.5' ], 'after the correction');
is_deeply([ map { $_->{c} } @{ bars(%now, as_of => $then)->{rows} } ],
    [ '101', '101.1' ], 'before it');
is_deeply([ map { $_->{c} } @{ bars(%now,
    as_of => 1_717_977_600 * NS)->{rows} } ], [ '1', '111.5' ],
    'at the instant of the correction');
is(error(symbol => ['AAA'], as_of => 1_717_000_000 * NS)->[0], -5,
    'before anything was known');
is($c->error('bars.query', { symbol => ['NEW'], as_of => $then })->[0], -5,
    'before this symbol was known');

# ---- corporate actions

my %jan = (symbol => ['AAA'], from => JAN + 17 * DAY, to => JAN + 21 * DAY);
is_deeply([ map { "$_->{o} $_->{v}" } @{ bars(%jan,
    adjustment => 'split')->{rows} } ],
    [ '50.85 2034', '50.9 2036', '101.9 1019', '102 1020', '102.1 1021' ],
    'a split');
is_deeply([ map { "$_->{o} $_->{v}" } @{ bars(%jan)->{rows} } ],
    [ '101.7 1017', '101.8 1018', '101.9 1019', '102 1020', '102.1 1021' ],
    'raw');
is_deeply(bars(%jan, adjustment => 'split', as_of => $then)->{rows},
    bars(%jan, as_of => $then)->{rows}, 'not known before');

$pg->psql(<<'SQL');
INSERT INTO instrument (id, symbol, source, raw_id, known_at)
VALUES (7, 'CRSP', 1, 9, '2024-06-10Z');
INSERT INTO bar
SELECT 7, 6, 1, 0, d, p, p, p, p, 100, 9, '2024-06-10Z' FROM (VALUES
    (timestamptz '2024-01-01Z', 46.99::float8), ('2024-01-02Z', 48.30),
    ('2024-01-03Z', 24.96), ('2024-01-04Z', 24.53)) v (d, p);
INSERT INTO corporate_action
VALUES (7, 1, '2024-01-03', 'split', 2, 9, '2024-06-10Z'),
       (7, 1, '2024-01-04', 'dividend', 0.08, 9, '2024-06-10Z'),
       (7, 2, '2024-01-04', 'dividend', 5, 9, '2024-06-10Z'),
       (7, 1, '2099-01-01', 'split', 9, 9, '2024-06-10Z');
SQL
$a = bars(symbol => ['CRSP'], adjustment => 'all');
is_deeply([ map { sprintf '%.2f', $_->{c} } @{ $a->{rows} } ],
    [ '23.42', '24.07', '24.88', '24.53' ], 'a split and a dividend');
is_deeply([ map { $_->{v} } @{ $a->{rows} } ], [ 200, 200, 100, 100 ],
    'volume knows only the split');

is($a->{rest}{adjustment}, 'all', 'the adjustment is named');
is_deeply(bars(symbol => ['CRSP'], adjustment => 'all', order => 'desc',
    limit => 2)->{rows}, [ reverse @{ $a->{rows} }[2, 3] ],
    'the same in another order');

# An ex-date begins at midnight of the exchange: MMM's second day.
$pg->psql(<<'SQL');
INSERT INTO corporate_action
VALUES (4, 1, '2024-03-05', 'split', 10, 9, '2024-06-01Z');
SQL
$a = bars(symbol => ['MMM'], timeframe => '1m', limit => 50000,
    adjustment => 'split', as_of => $june);
is_deeply([ map { $a->{rows}[$_]{o} } 0, 389, 390 ], [ '5', '5.389', '50' ],
    'minutes around a split');

# ---- one state over all pages, though the data change in between

my $paged = bars(symbol => ['CCC'], limit => 1);
$pg->psql(<<'SQL');
BEGIN;
INSERT INTO bar_history SELECT *, now() FROM bar
 WHERE instrument_id = 3 AND ts = '2024-01-02Z';
DELETE FROM bar WHERE instrument_id = 3 AND ts = '2024-01-02Z';
COMMIT;
SQL
$a = bars(symbol => ['CCC'], limit => 1, cursor => $paged->{meta}{next});
is_deeply([ $a->{rows}[0]{t}, $a->{rest}{as_of} ],
    [ '2024-01-02', $paged->{rest}{as_of} ], 'the page after a correction');
is(bars(symbol => ['CCC'], limit => 2)->{rows}[1]{t}, '2024-01-03',
    'a first page shows it');

# ---- the service

my (undef, undef, $body) = $c->call('sys.health', {});
my $health = JSON::PP->new->decode($body);
is($health->{status}, 'healthy', 'healthy');
ok(exists $health->{newest_data}, 'newest data');

$pg->stop_server();
$e = error(symbol => ['AAA']);
is($e->[0], -29, 'without a database: unavailable') or diag explain $e;
is($e->[2]{retry}, 1, 'to be tried again');
unlike($e->[1], qr/server|socket|connect/i, 'without internals');
$pg->start_server();
my $end = time + 20;
my $back;
select undef, undef, undef, 0.05
    until ($back = !error(symbol => ['AAA'])) || time > $end;
ok($back, 'answers again');

is($svc->stop(), 0, 'stops');
unlike($svc->log(), qr/"level":"error"|Sanitizer|runtime error/, 'clean log')
    or diag $svc->log();

done_testing();
