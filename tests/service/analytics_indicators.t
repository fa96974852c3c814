#!/usr/bin/perl

# Indicators over stored bars: values, pages, ranges, formats, refusals.

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

use constant { NS => 1_000_000_000, DAY => 86_400 * 1_000_000_000 };

my $FIXTURES = "$FindBin::Bin/../unit/fixtures/indicators";
my $pg = Wizdata::Postgres->start();

# SPY from the fixture; WALK: deep history; RATE: no volume; MIN: minutes.
open my $f, '<', "$FIXTURES/bars.csv" or die "bars.csv: $!";
my (undef, @bars) = map { chomp; [ split /,/ ] } <$f>;
my $values = join ',', map {
    "(1,6,1,0,'$_->[0]Z',$_->[1],$_->[2],$_->[3],$_->[4],$_->[5],1,"
        . "timestamptz '2024-06-01Z')"
} @bars;
$pg->psql(<<"SQL");
INSERT INTO instrument (id, symbol, timezone, source, raw_id, known_at)
VALUES (1, 'SPY', 'US/Eastern', 1, 1, '2024-06-01Z'),
       (2, 'WALK', NULL, 1, 1, '2024-06-01Z'),
       (3, 'RATE', NULL, 1, 1, '2024-06-01Z'),
       (4, 'MIN', 'US/Eastern', 1, 1, '2024-06-01Z');
INSERT INTO bar VALUES $values;
INSERT INTO bar
SELECT 2, 6, 1, (n % 100 = 0)::int, timestamptz '1990-01-01Z' + n * interval '1 day',
       p, p + 1, p - 1, p + 0.5, 1000, 1, '2024-06-01Z'
  FROM (SELECT n, 100 + 10 * sin(n / 17.0) + (n % 13) * 0.37 AS p
          FROM generate_series(0, 12000) n) x;
INSERT INTO bar
SELECT 3, 6, 1, 0, timestamptz '2024-01-01Z' + n * interval '1 day',
       1, 1, 1, 1, NULL, 1, '2024-06-01Z' FROM generate_series(0, 49) n;
INSERT INTO bar
SELECT 4, 1, 1, 0, timestamptz '2024-01-08 20:00Z' + n * interval '30 minutes',
       n + 1, n + 1, n + 1, n + 1, 10, 1, '2024-06-01Z'
  FROM generate_series(0, 47) n;
SQL

my $svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url());
my $c = $svc->connect();

sub compute {
    my ($name, %args) = @_;

    return rows($c, 'indicators.compute', { name => $name,
        symbol => 'SPY', timeframe => '1d', series_type => 'close', %args });
}

sub error {
    my ($name, %args) = @_;

    return $c->error('indicators.compute', { name => $name, symbol => 'SPY',
        timeframe => '1d', series_type => 'close', %args });
}

# ---- values, from the table to the answer

for my $case (
    [ 'sma_20', 'sma', time_period => 20 ],
    [ 'ema_20', 'ema', time_period => 20 ],
    [ 'rsi_14', 'rsi' ],
    [ 'macd_12_26_9', 'macd' ],
    [ 'bbands_20_2_2', 'bbands', nbdevup => 2, nbdevdn => 2.0 ],
    [ 'atr_14', 'atr' ],
    [ 'adx_14', 'adx' ],
    [ 'mfi_14', 'mfi' ],
    [ 'stoch_5_3_3', 'stoch', fastkperiod => 5 ],
    [ 'obv', 'obv' ],
) {
    my ($file, $name, %args) = @$case;
    my $a = compute($name, %args);
    my @outputs = grep { $_ ne 't' } (split /,/,
        (body_of($c, 'indicators.compute', { name => $name, symbol => 'SPY',
            %args, limit => 1 }, 'csv'))[1] =~ s/\r\n.*//sr);
    my $wrong = 0;

    open my $f, '<', "$FIXTURES/exact-$file.csv" or die "$file: $!";
    while (<$f>) {
        chomp;
        my ($i, @want) = split /,/;
        for my $k (0 .. $#want) {
            my $got = $a->{rows}[$i]{ $outputs[$k] };
            $wrong++ if abs($got - $want[$k]) > 1e-9 * (1 + abs $want[$k]);
        }
    }
    is($wrong, 0, "$file: the values of the fixture");
    is($a->{rest}{count}, 502, "$file: a row for each bar");
    is($a->{rows}[0]{ $outputs[0] }, $file eq 'obv' ? '96708880' : undef,
        "$file: the head");
}

my $a = compute('macd', limit => 3, order => 'desc');
is_deeply($a->{rest}{parameters},
    { fastperiod => 12, slowperiod => 26, signalperiod => 9 }, 'parameters');
is_deeply({ map { $_ => $a->{rest}{$_} }
    qw/ symbol indicator series_type timeframe adjustment lookback
    series_count source order flagged_count / },
    { symbol => 'SPY', indicator => 'macd', series_type => 'close',
        timeframe => '1d', adjustment => 'raw', lookback => 33,
        series_count => 502, source => 'alphavantage', order => 'desc',
        flagged_count => 0 }, 'what the answer says of itself');
is($a->{rows}[0]{t}, '2018-12-31', 'newest first');
is(compute('RSI', limit => 1)->{rest}{indicator}, 'rsi', 'names in capitals');
is(compute('sma', time_period => 1, series_type => 'open',
    limit => 1)->{rows}[0]{sma}, '212.61', 'another price, period 1');

# ---- pages, formats

for my $case ([ 'macd' ], [ 'bbands', order => 'desc' ],
    [ 'rsi', timeframe => '1w' ],
    [ 'atr', from => 1_500_000_000 * NS, to => 1_520_000_000 * NS ])
{
    my ($name, %args) = @$case;
    my $want = compute($name, %args)->{rows};
    for my $format (qw/ json csv msgpack /) {
        is_deeply([ pages($c, 'indicators.compute', { name => $name,
            symbol => 'SPY', timeframe => '1d', series_type => 'close', %args,
            limit => 17 }, $format) ], $want,
            "$name @args{grep { $_ eq 'order' } keys %args}: $format");
    }
}

# ---- the same bar has the same value, whatever the range

my %day = map { $_->{t} => $_ } @{ compute('ema', symbol => 'WALK',
    limit => 50000)->{rows} };
is(keys %day, 12001, 'a deep range');
for my $from (500, 4000, 11990) {
    my $start = 631_152_000 * NS + $from * DAY;
    my $rows = compute('ema', symbol => 'WALK', from => $start,
        to => $start + 9 * DAY)->{rows};
    is_deeply($rows, [ @day{ map { $_->{t} } @$rows } ], "from bar $from");
    is(@$rows, 10, 'ten bars');
}
$a = compute('ema', symbol => 'WALK', limit => 1);
is($a->{rest}{flagged_count}, 121, 'flagged bars are counted');

# ---- missing volume, sessions

$a = compute('obv', symbol => 'RATE');
is_deeply([ grep { defined $_->{obv} } @{ $a->{rows} } ], [],
    'no volume, no OBV');
is($a->{rest}{count}, 50, 'but rows');
$a = compute('vwap', symbol => 'MIN', timeframe => '1m');
is_deeply([ map { $a->{rows}[$_]{vwap} } 0, 17, 18 ], [ 1, 9.5, 19 ],
    'VWAP begins anew at midnight of the exchange');

# ---- refusals

for my $case (
    [ 'time_period', 'macd', time_period => 3 ],
    [ 'fastperiod', 'sma', fastperiod => 3 ],
    [ 'nbdevup', 'rsi', nbdevup => 3 ],
    [ 'time_period', 'rsi', time_period => 1 ],
    [ 'time_period', 'sma', time_period => 1001 ],
    [ 'time_period', 'sma', time_period => 'x' ],
    [ 'time_period', 'sma', time_period => 2.5 ],
    [ 'fastperiod', 'macd', fastperiod => 30 ],
    [ 'series_type', 'atr', series_type => 'high' ],
    [ 'timeframe', 'vwap' ],
) {
    my ($param, $name, %args) = @$case;
    my $e = error($name, %args);
    is_deeply([ $e->[0], $e->[2] ], [ -2, { param => $param } ],
        "$name: $param") or diag explain $e;
}
my $e = error('nosuch');
is($e->[0], -5, 'unknown indicator');
like($e->[1], qr{/v1/indicators}, 'with a hint');
$e = error('sma', symbol => 'ZZZ');
is($e->[0], -5, 'unknown symbol');
like($e->[1], qr/ZZZ/, 'named');
is(compute('sma', symbol => 'RATE', timeframe => '1m')->{rest}{count}, 0,
    'a timeframe that is not stored');

# ---- the list

my (undef, $body) = body_of($c, 'indicators.list', {});
my $list = JSON::PP->new->decode($body);
is($list->{count}, scalar @{ $list->{data} }, 'list: count');
my ($bbands) = grep { $_->{name} eq 'bbands' } @{ $list->{data} };
is_deeply($bbands->{outputs}, [qw/ upper middle lower /], 'list: outputs');
is_deeply($bbands->{parameters}[0], { name => 'time_period',
    type => 'integer', default => 20, min => 1, max => 1000 },
    'list: a parameter');
is_deeply(mp_decode((body_of($c, 'indicators.list', {}, 'msgpack'))[1]),
    $list, 'list: the same in MessagePack');
for my $ind (@{ $list->{data} }) {
    my %args = $ind->{intraday_only}
        ? (symbol => 'MIN', timeframe => '1m') : ();
    my $rows = compute($ind->{name}, %args, limit => 1000)->{rows};
    my @with = grep { defined $rows->[$_]{ $ind->{outputs}[0] } } 0 .. $#$rows;
    is($with[0], $ind->{lookback}, "$ind->{name}: lookback");
}

# ---- known when

my %past = (name => 'rsi', symbol => 'SPY', as_of => 1_717_372_800 * NS);
my $before = (body_of($c, 'indicators.compute', \%past))[1];
$pg->psql(<<'SQL');
INSERT INTO bar_history SELECT *, timestamptz '2024-06-10Z' FROM bar
 WHERE instrument_id = 1 AND ts = '2017-01-03Z';
UPDATE bar SET close = 1, known_at = '2024-06-10Z'
 WHERE instrument_id = 1 AND ts = '2017-01-03Z';
SQL
is((body_of($c, 'indicators.compute', \%past))[1], $before,
    'as it was known');
isnt(compute('rsi')->{rows}[14]{rsi}, JSON::PP->new->decode($before)
    ->{data}[14]{rsi}, 'corrected');

# ---- a bound

is($svc->stop(), 0, 'stops');
unlike($svc->log(), qr/"level":"error"|Sanitizer|runtime error/, 'clean log')
    or diag $svc->log();
$svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url(),
    WIZDATA_ANALYTICS_SERIES_MAX => 1000);
$c = $svc->connect();
is(error('sma', symbol => 'WALK')->[0], -9, 'too many bars');
is(error('sma'), undef, 'not too many');

done_testing();
