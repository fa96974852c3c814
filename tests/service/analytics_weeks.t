#!/usr/bin/perl

# Weeks and months: made of days where these cover them, as a provider has
# them elsewhere.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use POSIX ();
use Test::More;

use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant {
    NS => 1_000_000_000,
    DAY => 86_400 * 1_000_000_000,
};

my $pg = Wizdata::Postgres->start();

# A stored bar closes at a whole number, a day's at one and a half, so that
# each shows where it is from. WWW has weeks, known on June 2nd, from which
# days of June 3rd cover some: from a Wednesday on, without January 15th,
# which is a holiday, with a hole of two weeks in February, to a Wednesday.
# MON has months from October to April, days from December to February. HOL
# has days to the 12th of January and from the 29th on, and the whole month.
$pg->psql(<<'SQL');
INSERT INTO instrument (id, symbol, source, raw_id, known_at)
VALUES (1, 'WWW', 1, 1, '2024-06-01Z'), (2, 'MON', 1, 1, '2024-06-01Z'),
       (3, 'HOL', 1, 1, '2024-06-01Z'), (4, 'NOW', 1, 1, '2024-06-01Z'),
       (5, 'SPL', 1, 1, '2024-06-01Z'), (6, 'TWO', 1, 1, '2024-06-01Z');
CREATE FUNCTION days(i int, a date, z date, known timestamptz) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO bar
    SELECT i, 6, 1, 0, d AT TIME ZONE 'UTC', 1, 90, 1, 1.5, 1, 1, known
      FROM generate_series(a::timestamp, z, '1 day') d
     WHERE extract(isodow FROM d) < 6 AND d <> '2024-01-15'
$$;
CREATE FUNCTION stored(i int, tf int, t date, c float8, q int,
    known timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO bar
    VALUES (i, tf, 1, q, t::timestamp AT TIME ZONE 'UTC', c, c, c, c, 100, 2,
            known)
$$;
SELECT stored(1, 7, d::date, 20 + extract(week FROM d)::int, 0, '2024-06-02Z')
  FROM generate_series(timestamp '2023-12-18', '2024-03-25', '7 days') d;
SELECT days(1, '2024-01-10', '2024-02-02', '2024-06-03Z'),
       days(1, '2024-02-20', '2024-03-20', '2024-06-03Z');
SELECT stored(2, 8, d::date, 20 + extract(month FROM d)::int, 0, '2024-06-02Z')
  FROM generate_series(timestamp '2023-10-01', '2024-04-01', '1 month') d;
SELECT days(2, '2023-12-01', '2024-02-29', '2024-06-03Z');
SELECT stored(3, 8, '2024-01-01', 31, 0, '2024-06-02Z');
SELECT days(3, '2024-01-01', '2024-01-12', '2024-06-03Z'),
       days(3, '2024-01-29', '2024-01-31', '2024-06-03Z');
SQL

my $svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url());
my $c = $svc->connect();

sub bars { rows($c, 'bars.query', { @_ }) }
sub closes { [ map { "$_->{t} $_->{c}" } @{ bars(@_)->{rows} } ] }

sub at {
    my ($y, $m, $d) = split /-/, shift;
    POSIX::mktime(0, 0, 0, $d, $m - 1, $y - 1900) * NS;
}
$ENV{TZ} = 'UTC';
POSIX::tzset();

# ---- which are made

my @weeks = (
    '2023-12-18 71', '2023-12-25 72', '2024-01-01 21',
    '2024-01-08 22',    # its first days are missing
    '2024-01-15 1.5',   # Monday was a holiday: the Friday before is there
    '2024-01-22 1.5', '2024-01-29 1.5',
    '2024-02-05 26', '2024-02-12 27',
    '2024-02-19 28',    # behind a hole
    '2024-02-26 1.5', '2024-03-04 1.5', '2024-03-11 1.5',
    '2024-03-18 32',    # the last days are missing
    '2024-03-25 33',
);
my %week = (symbol => ['WWW'], timeframe => '1w');
my $a = bars(%week);
is_deeply([ map { "$_->{t} $_->{c}" } @{ $a->{rows} } ], \@weeks,
    'weeks: of days where these cover them');
is_deeply([ map { "$_->{v} $_->{known_at}" } @{ $a->{rows} }[3 .. 5] ],
    [ '100 2024-06-02T00:00:00Z', '4 2024-06-03T00:00:00Z',
        '5 2024-06-03T00:00:00Z' ], 'with what belongs to each');

my %month = (symbol => ['MON'], timeframe => '1mo');
is_deeply(closes(%month), [ '2023-10-01 30', '2023-11-01 31',
    '2023-12-01 1.5', '2024-01-01 1.5', '2024-02-01 1.5', '2024-03-01 23',
    '2024-04-01 24' ], 'months');
is_deeply(closes(%month, symbol => ['HOL']), ['2024-01-01 31'],
    'a hole within a month');
is_deeply(closes(symbol => ['HOL'], timeframe => '1w'),
    [ '2024-01-01 1.5', '2024-01-08 1.5', '2024-01-29 1.5' ],
    'nothing stored: what there is is made');

# ---- ranges, orders, pages

is_deeply([ reverse @{ closes(%week, order => 'desc') } ], \@weeks,
    'backwards');
is_deeply([ map { "$_->{t} $_->{c}" } map { pages($c, 'bars.query',
    { %week, limit => $_ }) } 1, 2 ], [ @weeks, @weeks ], 'pages');
is_deeply([ map { "$_->{t} $_->{c}" } map { pages($c, 'bars.query',
    { %week, limit => $_, order => 'desc' }) } 1, 3 ],
    [ (reverse @weeks) x 2 ], 'pages backwards');

my ($bad, $first, $last) = (0, at('2023-12-14'), at('2024-04-02'));
for (my $from = $first; $from <= $last; $from += 3 * DAY) {
    for (my $to = $from; $to <= $last; $to += 4 * DAY) {
        my @want = grep {
            my $t = at((split ' ')[0]);
            $t >= $from && $t <= $to;
        } @weeks;
        for my $order (qw/ asc desc /) {
            my @got = @{ closes(%week, from => $from, to => $to,
                order => $order) };
            @got = reverse @got if $order eq 'desc';
            $bad++ if "@got" ne "@want";
        }
    }
}
is($bad, 0, 'a bar does not depend on the range');

# ---- what was known when

is_deeply(closes(%week, as_of => at('2024-06-02') + NS), [
    '2023-12-18 71', '2023-12-25 72', '2024-01-01 21', '2024-01-08 22',
    '2024-01-15 23', '2024-01-22 24', '2024-01-29 25', '2024-02-05 26',
    '2024-02-12 27', '2024-02-19 28', '2024-02-26 29', '2024-03-04 30',
    '2024-03-11 31', '2024-03-18 32', '2024-03-25 33',
], 'before the days were known');
is_deeply(closes(%week, as_of => at('2024-06-03') + NS), \@weeks, 'since');

# The week that is on: what became known last, stored or of days.
$pg->psql(<<'SQL');
SELECT stored(4, 7, '2024-05-13', 40, 0, '2024-06-02Z'),
       stored(4, 7, '2024-05-20', 41, 4, '2024-06-04Z');
SELECT days(4, '2024-05-20', '2024-05-21', '2024-06-03Z'),
       days(4, '2024-05-22', '2024-05-22', '2024-06-05Z');
SQL
my %now = (symbol => ['NOW'], timeframe => '1w');
is_deeply(closes(%now, as_of => at('2024-06-03') + NS),
    [ '2024-05-13 40', '2024-05-20 1.5' ], 'days only');
is_deeply(closes(%now, as_of => at('2024-06-04') + NS),
    [ '2024-05-13 40', '2024-05-20 41' ], 'then a week that is not over');
$a = bars(%now, as_of => at('2024-06-05') + NS);
is_deeply([ map { "$_->{t} $_->{c} $_->{v} $_->{q}" } @{ $a->{rows} } ],
    [ '2024-05-13 40 100 0', '2024-05-20 1.5 3 0' ], 'then another day');

# ---- adjusted

# A split on a Wednesday: of a stored week, which closes behind it, nothing
# changes; of a made one its days before.
$pg->psql(<<'SQL');
SELECT stored(5, 7, '2024-01-01', 50, 0, '2024-06-02Z'),
       stored(5, 7, '2024-01-08', 26, 0, '2024-06-02Z'),
       stored(5, 7, '2024-01-22', 28, 0, '2024-06-02Z');
INSERT INTO bar
SELECT 5, 6, 1, 0, timestamptz '2024-01-15Z' + n * interval '1 day', 30 - n,
       30, 20, 29 - n, 10, 1, '2024-06-02Z'
  FROM generate_series(0, 4) n;
INSERT INTO corporate_action
VALUES (5, 1, '2024-01-10', 'split', 2, 9, '2024-06-03Z'),
       (5, 1, '2024-01-17', 'split', 2, 9, '2024-06-03Z'),
       (5, 1, '2024-01-24', 'split', 2, 9, '2024-06-03Z');
SQL
my %split = (symbol => ['SPL'], timeframe => '1w', adjustment => 'split');
sub shown {
    [ map { join ' ', @{$_}{qw/ t o c h v /} } @{ bars(@_)->{rows} } ];
}
is_deeply(shown(%split), [
    '2024-01-01 6.25 6.25 6.25 800', '2024-01-08 6.5 6.5 6.5 400',
    '2024-01-15 7.5 12.5 15 140', '2024-01-22 28 28 28 100',
], 'adjusted');
is_deeply(shown(%split, as_of => at('2024-06-02') + NS), [
    '2024-01-01 50 50 50 100', '2024-01-08 26 26 26 100',
    '2024-01-15 30 25 30 50', '2024-01-22 28 28 28 100',
], 'before a split was known');

# ---- two sources, each with something of its own

$pg->psql(<<'SQL');
SELECT stored(6, 7, '2024-01-01', 50, 0, '2024-06-02Z');
INSERT INTO bar
SELECT 6, 7, s, 0, timestamptz '2024-01-01Z' + w * interval '7 days', 60 + s,
       60 + s, 60 + s, 60 + s, 1, 1, '2024-06-02Z'
  FROM generate_series(2, 3) s, generate_series(0, 3) w WHERE w <> s;
INSERT INTO bar
SELECT 6, 6, 3, 0, timestamptz '2024-01-22Z' + n * interval '1 day', 1, 2, 1,
       1.5, 1, 1, '2024-06-02Z' FROM generate_series(0, 4) n;
SQL
is_deeply(closes(symbol => ['TWO'], timeframe => '1w'),
    [ '2024-01-01 50', '2024-01-08 62', '2024-01-15 63', '2024-01-22 1.5' ],
    'of stored ones the first source, of what is made its own');

$svc->stop();

done_testing();
