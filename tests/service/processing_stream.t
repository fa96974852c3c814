#!/usr/bin/perl

# What a streaming connection of LSEG brought becomes quotes and trades: each
# once, in whatever order and however often its objects come.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use List::Util qw/ shuffle /;
use Test::More;

use Wizdata::Postgres;
use Wizdata::Processing;

use constant T => 1_655_906_040; # 2022-06-22T13:54:00Z

my $json = JSON::PP->new->utf8->canonical;
my $pg = Wizdata::Postgres->start();
my $pr = Wizdata::Processing->start($pg);

# ---- frames; $t in tenths of a second

sub line {
    my ($t, %more) = @_;
    return $json->encode({ t => (10 * T + $t) * 100_000_000, %more }) . "\n";
}
sub begin { line(shift, v => 1) }
sub frame { my $t = shift; line($t, m => [ @_ ]) }
sub message {
    my ($id, $type, $n, $fields, %more) = @_;
    return { ID => $id, Type => $type, SeqNumber => $n, Fields => $fields,
        Key => { Name => $id == 5 ? 'VOD.L' : 'EUR=' }, %more };
}
sub refresh { message($_[0], 'Refresh', $_[1], $_[2],
    State => { Stream => 'Open', Data => 'Ok' }) }
sub quote { message($_[0], 'Update', $_[1], $_[2], UpdateType => 'Quote') }
sub trade { message(5, 'Update', $_[0], { TRDPRC_1 => $_[1], TRDVOL_1 => $_[2],
    SALTIM_MS => $_[3] }, UpdateType => 'Trade') }
sub image {
    my ($t, $id, %fields) = @_;
    return line($t, id => $id, image => { name => $id == 5 ? 'VOD.L' : 'EUR=',
        open => JSON::PP::true, complete => JSON::PP::true,
        stale => JSON::PP::false, part => -1, fields => \%fields });
}

sub stream {
    my ($at, $body) = @_;
    my $n = $pr->put('lseg', 'stream', {}, $at, $body);
    ok($pr->drained(), "stream of $at consumed");
    return $pg->psql("SELECT outcome, stored, corrected, unchanged, flagged,
        rejected, reason FROM raw_object WHERE id = $n");
}
sub table {
    my ($name, $columns) = @_;
    return $pg->psql("SELECT i.symbol, s.name, ts AT TIME ZONE 'UTC', seq,
        $columns FROM $name t JOIN instrument i ON i.id = instrument_id
        JOIN source s ON s.id = t.source ORDER BY 1, 2, 3, 4");
}
sub quotes { table('quote', 'price, bid, ask, quality') }
sub trades { table('trade', 'price, size, quality') }

# ---- one object

my $MS = 50_040_000; # 13:54:00.000
my @first = (frame(0, refresh(5, 16, { BID => 99, ASK => 101, BIDSIZE => 5,
        QUOTIM_MS => $MS - 500 }), refresh(7, 32, { BID => 1.05, ASK => 1.06,
        TIMACT => '13:54:00' })),
    frame(1, quote(7, 48, { BID => 1.051, TIMACT => '13:54:00' })),
    frame(1, quote(7, 64, { ASK => 1.059, TIMACT => '13:54:00' })),
    frame(2, trade(32, 100, 200, $MS + 150)),
    frame(2, trade(48, 100, 200, $MS + 150)),
    frame(3, quote(5, 64, { BID => 102 })));
is(stream('2022-06-22T13:54:01Z', join '', begin(0), @first),
    'stored|7|0|0|1|0|', 'quotes and trades');
is(quotes(), join("\n",
    'EUR=|lseg_stream|2022-06-22 13:54:00|32||1.05|1.06|0',
    'EUR=|lseg_stream|2022-06-22 13:54:00|48||1.051|1.06|0',
    'EUR=|lseg_stream|2022-06-22 13:54:00|64||1.051|1.059|0',
    'VOD.L|lseg_stream|2022-06-22 13:53:59.5|16||99|101|0',
    'VOD.L|lseg_stream|2022-06-22 13:54:00.3|64|100|102|101|16'),
    'quotes: several of one second, one crossed');
is(trades(), join("\n", map { "VOD.L|lseg_stream|2022-06-22 13:54:00.15|$_|100"
    . '|200|0' } 32, 48), 'two trades that are alike');
my %seen = map { $_->{kind} => $_ } $pr->published('valid.records');
is_deeply([ map { "$_: @{ $seen{$_}{symbols} }" } qw/ quotes trades / ],
    [ 'quotes: VOD.L EUR=', 'trades: VOD.L' ], 'whose is told');
is($seen{trades}{provider}, 'lseg', 'by their provider');

# ---- further ones, twice, overlapping, in any order

my @objects = map { my $k = $_;
    join '', begin(10 * $k), image(10 * $k, 5, BID => 99, ASK => 101),
        image(10 * $k, 7, BID => 1.05, ASK => 1.06),
        map { my $n = 8 * $k + $_;
            frame(10 * $k + $_, quote(7, 1000 + 16 * $n, { BID => 1.04 + $n / 10000,
                ASK => 1.07, TIMACT_MS => $MS + 50 * int($n / 3) }),
                trade(1000 + 16 * $n, 100 + $n % 2, 10, $MS + 50 * int $n / 3))
        } 0 .. 11 } 1 .. 4;
my $when = sub { sprintf '2022-06-22T13:55:%02dZ', shift };
is(stream($when->(1), $objects[3]), 'stored|24|0|0|0|0|', 'the last one first');
is(stream($when->(2), $objects[2]), 'stored|16|0|8|0|0|',
    'one that it overlaps');
is(stream($when->(3), $objects[2]), 'stored|0|0|24|0|0|', 'the same again');
is(stream($when->(4), $objects[0]), 'stored|24|0|0|0|0|', 'the first one');
is(stream($when->(5), $objects[1]), 'stored|8|0|16|0|0|',
    'what was missing between them');
my @n = split /\n/, trades();
is(scalar @n, 2 + 36, 'each trade once');
is($pg->psql('SELECT (SELECT count(*) FROM quote), (SELECT count(*) FROM
    quote_history), (SELECT count(*) FROM trade_history)'), '41|0|0',
    'each quote once, nothing corrected');
my $rows = quotes() . trades();
for (shuffle 0 .. 3) {
    like(stream($when->(10 + $_), $objects[$_]), qr/^stored\|0\|0\|24\|/,
        'once more');
}
is(quotes() . trades(), $rows, 'the same rows');

# ---- the history of ticks beside it

my $ticks = $json->encode([ { universe => { ric => 'VOD.L' }, adjustments => [],
    defaultPricingField => 'TRDPRC_1', headers => [ map { { name => $_,
        type => 'string' } } qw/ DATE_TIME EVENT_TYPE SEQNUM TRDPRC_1 TRDVOL_1 / ],
    data => [ [ '2022-06-22T13:54:00.150000000Z', 'trade', '32', 101, 7 ] ] } ]);
my $n = $pr->put('lseg', 'ticks', { identifiers => 'VOD.L' }, $when->(20),
    $ticks);
ok($pr->drained(), 'ticks consumed');
is($pg->psql("SELECT outcome, stored, corrected FROM raw_object WHERE id = $n"),
    'stored|1|0', 'a trade of the same number is another one');
is($pg->psql("SELECT s.name, price FROM trade t JOIN source s ON s.id = t.source
    WHERE ts = '2022-06-22 13:54:00.15Z' AND seq = 32 ORDER BY 1"),
    "lseg|101\nlseg_stream|100", 'told apart by their source');

# ---- what is none

is(stream($when->(30), begin(0)), 'empty|0|0|0|0|0|', 'nothing was heard');
is(stream($when->(31), line(0, v => 2) . $first[0]),
    'rejected|0|0|0|0|1|unknown_shape', 'of another version');
is(stream($when->(32), ''), 'rejected|0|0|0|0|1|truncated', 'nothing at all');
is(stream($when->(33), begin(0) . frame(0, quote(5, 160, { BID => 1 }))
    . line(1, bad => '[{') . substr($first[0], 0, 60) . "\n"
    . frame(2, refresh(5, 176, { BID => 'x' }), refresh(7, 192, { BID => 1 }))),
    'stored|1|0|0|0|4|', 'damage spoils nothing else');
is($pg->psql("SELECT string_agg(reason, ' ' ORDER BY record) FROM reject WHERE
    raw_id = (SELECT max(id) FROM raw_object)"),
    'missing_field syntax truncated not_a_number', 'and has reasons');
is(stream('2022-06-22T13:40:00Z', begin(0) . frame(0, refresh(5, 16,
    { BID => 1 }))), 'rejected|0|0|0|0|1|future_time', 'behind its fetch');

unlike($pr->log(), qr/Sanitizer|runtime error/, 'no sanitizer errors');

is($pr->down(), 0, 'a clean end');

done_testing();
