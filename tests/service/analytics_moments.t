#!/usr/bin/perl

# Trades, and quotes of moments: pages, sources, what was known when.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant {
    NS => 1_000_000_000,
    OPEN => 1_637_924_400 * 1_000_000_000,      # 2021-11-26T11:00:00Z
    THEN => 1_717_372_800 * 1_000_000_000,      # 2024-06-03
};

my $pg = Wizdata::Postgres->start();

# VOD: 300 trades of one provider by number, three at each moment, 40 of
# another without; BT: some; EMP: none. Known on 2024-06-01.
$pg->psql(<<'SQL');
INSERT INTO instrument (id, symbol, source, raw_id, known_at)
SELECT n, s, 4, 1, '2024-06-01Z' FROM unnest(ARRAY['VOD.L', 'BT.L', 'EMP'])
  WITH ORDINALITY v (s, n);
INSERT INTO trade
SELECT 1, 4, CASE n % 50 WHEN 0 THEN 2 ELSE 0 END,
       timestamptz '2021-11-26 11:00Z' + n / 3 * interval '0.25 s', 7000 + n,
       111 + n % 7 * 0.02, CASE n % 50 WHEN 0 THEN 0 ELSE 100 + n END, 1,
       '2024-06-01Z' FROM generate_series(0, 299) n;
INSERT INTO trade
SELECT 1, 6, 0, timestamptz '2021-11-26 11:00Z' + n * interval '1 s', -n - 1,
       112, NULL, 1, '2024-06-01Z' FROM generate_series(0, 39) n;
INSERT INTO trade
SELECT 2, 4, 0, timestamptz '1999-11-26Z' + n * interval '1 year', n, 150, 1, 1,
       '2024-06-01Z' FROM generate_series(1, 60) n;
SQL

my $svc = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => $pg->url());
my $c = $svc->connect();

sub trades { rows($c, 'trades.query', { @_ }) }
sub error { $c->error('trades.query', { @_ }) }

my $a = trades(symbol => ['VOD.L'], limit => 2);
is_deeply($a->{rows}, [
    { symbol => 'VOD.L', t => '2021-11-26T11:00:00Z', price => '111',
        size => '0', seq => '7000', q => '2', source => 'lseg',
        known_at => '2024-06-01T00:00:00Z' },
    { symbol => 'VOD.L', t => '2021-11-26T11:00:00Z', price => '111.02',
        size => '101', seq => '7001', q => '0', source => 'lseg',
        known_at => '2024-06-01T00:00:00Z' } ], 'two trades of a moment');
is($a->{rest}{count}, 2, 'count');
is($a->{rest}{order}, 'asc', 'order');
is_deeply($a->{meta}{tags}, ['trades:VOD.L'], 'tags');
is($a->{rest}{next}, $a->{meta}{next}, 'the cursor, in body and meta');

$a = trades(symbol => ['VOD.L'], limit => 1, order => 'desc');
is_deeply([ @{ $a->{rows}[0] }{qw/ t seq source /} ],
    [ '2021-11-26T11:00:39Z', undef, 'push' ], 'the newest');
is($a->{rows}[0]{size}, undef, 'a size that is not told');
is_deeply([ map { $_->{source} } @{ trades(symbol => ['VOD.L'], limit => 5)
    ->{rows} } ], [qw/ lseg lseg lseg push lseg /],
    'providers beside each other');
$a = trades(symbol => ['VOD.L'], source => 'push', limit => 50);
is_deeply([ @{ $a->{rest} }{qw/ count next /} ], [ 40, undef ], 'one of them');
is(trades(symbol => ['VOD.L'], source => 'nobody')->{rest}{count}, 0,
    'none of nobody');

$a = trades(symbol => ['VOD.L'], source => 'lseg', from => OPEN + NS,
    to => OPEN + 2 * NS);
is_deeply([ @{ $a->{rows}[0] }{qw/ t seq /}, @{ $a->{rows}[-1] }{qw/ t seq /},
    $a->{rest}{count} ], [ '2021-11-26T11:00:01Z', 7012,
    '2021-11-26T11:00:02Z', 7026, 15 ], 'a range, both ends inclusive');
$a = trades(symbol => ['BT.L'], limit => 100);
is($a->{rest}{count}, 60, 'years before and behind all partitions');

for my $case (
    [ 'forwards', limit => 7 ],
    [ 'backwards', limit => 7, order => 'desc' ],
    [ 'one a page, of a moment', limit => 1, from => OPEN, to => OPEN ],
    [ 'a range backwards', limit => 2, from => OPEN + NS, to => OPEN + 2 * NS,
        order => 'desc' ],
    [ 'one provider', limit => 41, source => 'lseg' ],
) {
    my ($name, %args) = @$case;
    my $want = trades(symbol => [qw/ VOD.L BT.L /], %args, limit => 50000)
        ->{rows};

    ok(@$want > 2, "$name: rows");
    for my $format (qw/ json csv msgpack /) {
        is_deeply([ pages($c, 'trades.query', { symbol => [qw/ VOD.L BT.L /],
            %args }, $format) ], $want, "$name: all pages in $format");
    }
}

$a = trades(symbol => [qw/ ZZZ VOD.L EMP /], limit => 1);
is_deeply($a->{rest}{unknown}, [qw/ EMP ZZZ /], 'without any trade');
is(error(symbol => [qw/ ZZZ EMP /])->[0], -5, 'none of them has one');
is(error()->[2]{param}, 'symbol', 'no symbol');
is(error(symbol => ['VOD.L'], limit => 0)->[2]{param}, 'limit', 'limit 0');
is(error(symbol => ['VOD.L'], from => 2, to => 1)->[2]{param}, 'from',
    'from behind to');
my $cursor = trades(symbol => ['VOD.L'], limit => 3)->{meta}{next};
is(error(symbol => ['BT.L'], cursor => $cursor)->[2]{param}, 'cursor',
    'a cursor of other parameters');

# ---- known when

my %past = (symbol => [qw/ VOD.L BT.L /], as_of => THEN, limit => 50000);
my $before = (body_of($c, 'trades.query', \%past))[1];
$pg->psql(<<'SQL');
INSERT INTO trade_history
SELECT *, timestamptz '2024-06-10Z' FROM trade WHERE seq = 7001;
UPDATE trade SET price = 999, known_at = '2024-06-10Z' WHERE seq = 7001;
INSERT INTO trade VALUES (1, 4, 0, '2021-11-26 11:00Z', 1, 1, 1, 2,
                          '2024-06-10Z'),
                         (3, 4, 0, '2021-11-26 11:00Z', 1, 1, 1, 2,
                          '2024-06-10Z');
SQL
is((body_of($c, 'trades.query', \%past))[1], $before,
    'what was known before a correction, byte for byte');
is_deeply([ map { "$_->{seq} $_->{price}" } @{ trades(symbol => ['VOD.L'],
    limit => 3)->{rows} } ], [ '1 1', '7000 111', '7001 999' ],
    'what is known now');
is_deeply(trades(symbol => [qw/ VOD.L EMP /], as_of => THEN, limit => 1)
    ->{rest}{unknown}, ['EMP'], 'who had none then');
is(error(symbol => ['VOD.L'], as_of => THEN - 86_400 * 7 * NS)->[0], -5,
    'before anything was known');

# One state over all pages, though the data change in between.
my $paged = trades(symbol => ['VOD.L'], limit => 3, source => 'lseg');
$pg->psql("UPDATE trade SET known_at = now() WHERE seq = 7002");
is(trades(symbol => ['VOD.L'], limit => 1, source => 'lseg',
    cursor => $paged->{meta}{next})->{rows}[0]{seq}, '7003',
    'the page after a change');

# ---- quotes of moments beside those of days

$pg->psql(<<'SQL');
INSERT INTO quote (instrument_id, source, ts, seq, price, bid, ask, bid_size,
                   ask_size, quality, raw_id, known_at)
VALUES (1, 4, '2021-11-25Z', 0, 110, NULL, NULL, NULL, NULL, 0, 1,
        '2024-06-01Z'),
       (1, 4, '2021-11-26 12:35:23.47Z', 10, NULL, 111.1, 111.14, 5, 6, 0, 1,
        '2024-06-01Z'),
       (1, 4, '2021-11-26 12:35:23.47Z', 9, NULL, 1, 2, 3, 4, 0, 1,
        '2024-06-01Z'),
       (1, 6, '2021-11-26 12:35:23.47Z', 99, 7, NULL, NULL, NULL, NULL, 0, 1,
        '2024-06-01Z'),
       (1, 4, '2021-11-26 12:35:24Z', 11, NULL, 111, 112, 5, 6, 0, 1,
        '2024-06-10Z');
SQL
sub quote { rows($c, 'quotes.query', { symbol => ['VOD.L'], @_ })->{rows}[0] }
my $quote = quote(as_of => THEN);
is_deeply([ @$quote{qw/ t at price bid ask bid_size ask_size change stale
    source /} ], [ '2021-11-26', '2021-11-26T12:35:23.47Z', undef, '111.1',
    '111.14', '5', '6', undef, 'false', 'lseg' ],
    'the last of a moment, of the first provider, without a price');
is(quote()->{at}, '2021-11-26T12:35:24Z', 'the latest now');
$pg->psql("INSERT INTO bar VALUES (1, 6, 4, 0, '2021-11-29Z', 1, 1, 1, 1, 1, 1,
    '2024-06-01Z')");
is(quote()->{stale}, 'true', 'and older than a bar of a later day');
for my $format (qw/ csv msgpack /) {
    is_deeply(rows($c, 'quotes.query', { symbol => ['VOD.L'] }, $format)
        ->{rows}[0], quote(), "the same in $format");
}

unlike($svc->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');
done_testing();
