#!/usr/bin/perl

# What is committed is purged: from a provider's payload to the gateways, the
# tags of answers and those of commits, two instances, and a bus that is not
# heard for a while.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Postgres;
use Wizdata::Processing;
use Wizdata::Rows;
use Wizdata::Service;

# SLACK: a clock may be set while a test runs.
use constant { SOON => 10, NS => 1_000_000_000, PROMISE => 0.05,
    SLACK => 5 };

my $pg = Wizdata::Postgres->start();
my $json = JSON::PP->new;

sub analytics {
    return Wizdata::Service->start('analytics',
        WIZDATA_DATABASE_URL => $pg->url());
}

my @svc = (analytics(), analytics());
my @c = map { $_->connect() } @svc;

# ---- beats

my @number;      # of the last purge, by instance
# Of many gaps the middle one: this process or the other may stand for a while,
# and beats that it missed come late, or together.
sub middle { return (sort { $a <=> $b } @_)[ @_ / 2 ] }

for my $i (0, 1) {
    $c[$i]->forget();
    my $first = $c[$i]->notification('cache.beat', SOON);
    ok($first, "instance $i beats");
    my (@gaps, %numbers);
    for (1 .. 9) {
        my $at = $c[$i]->arrived();
        my $next = $c[$i]->notification('cache.beat', SOON) or last;
        push @gaps, $c[$i]->arrived() - $at;
        $numbers{ $next->[0] } = 1;
    }
    is("@{[ keys %numbers ]}", $first->[0],
        'with the number of the last purge');
    $number[$i] = $first->[0];
    my $gap = middle(@gaps);
    ok($gap > 0.1 && $gap < 1, "every 250 ms ($gap)");
}

# Who connects is told the number at once, not with the beat for all: that one
# the other connection would hear, too.
my ($early, $tries) = (0, 0);
until ($early >= 4 || $tries++ >= 40) {
    $c[0]->forget();
    my $new = $svc[0]->connect();
    my $beat = $new->notification('cache.beat', SOON);
    $early++ unless $c[0]->notification('cache.beat', 0.05);
    next if $beat && $beat->[0] == $number[0];
    fail('a newcomer hears the number');
    last;
}
cmp_ok($early, '>=', 4, 'a newcomer hears the number before the others do');

# ---- an event's tags, both instances

sub publish {
    my (@events) = @_;

    my $sql = join '', map { (my $e = $_) =~ s/'/''/g; "WITH t AS (UPDATE
        bus_topic SET last = last + 1 WHERE topic = 'valid.records' RETURNING
        last) INSERT INTO bus_event (topic, \"offset\", event) SELECT
        'valid.records', last, '$e' FROM t;" } @events;
    $pg->psql("BEGIN; $sql SELECT pg_notify('wizdata_bus', 'valid.records');
        COMMIT");
}

sub event {
    my ($kind, @names) = @_;
    return $json->encode({ kind => $kind, provider => 'x', dataset => 'y',
        raw_seq => 1, ($kind eq 'observations' ? 'series' : 'symbols')
        => \@names, stored => 1, corrected => 0 });
}

$pg->psql("INSERT INTO instrument (id, symbol, source, raw_id, known_at)
    VALUES (9, 'OWN', 1, 1, now());
    INSERT INTO instrument_alias VALUES (1, 'THEIRS', 9), (2, 'OWN', 9)");

for my $case (
    [ event('bars', 'IBM'), qw/ bars bars:IBM instrument:IBM quotes
        quotes:IBM / ],
    [ event('actions', 'IBM', 'aapl'), qw/ bars bars:AAPL bars:IBM / ],
    [ event('quotes', 'BRK.B'), qw/ quotes quotes:BRK.B / ],
    [ event('instruments', 'A', 'B'), qw/ bars bars:A bars:B instrument:A
        instrument:B instruments news news:A news:B / ],
    [ event('fundamentals', 'A'), qw/ instrument:A / ],
    [ event('identifiers', 'A'), qw/ instrument:A instruments / ],
    [ event('trades', 'VOD.L'), qw/ trades trades:VOD.L / ],
    [ event('news', 'AAPL', 'THEIRS'), qw/ news news:AAPL news:OWN
        news:THEIRS / ],
    [ event('news'), qw/ news / ],
    [ event('observations', 'NY.GDP/USA', 'NY.GDP/FRA', 'SP.POP/USA'),
        qw/ macro macro:NY.GDP macro:SP.POP / ],
    [ event('quotes', 'THEIRS'), qw/ quotes quotes:OWN quotes:THEIRS / ],
    [ event('quotes', 'x' x 90), qw/ quotes / ],
    [ event('something', 'A'), '*' ],
    [ '{"kind":"bars"}', '*' ],
    [ '{"kind":"bars","symbols":[1]}', '*' ],
    [ '{"kind":"bars","symbols":"IBM"}', '*' ],
    [ '5', '*' ],
) {
    my ($event, @tags) = @$case;
    my $from = time;
    publish($event);
    my $until = time;
    for my $i (0, 1) {
        my $params = $c[$i]->notification('cache.purge', SOON);
        if ($event =~ /x{90}/) {
            # too long for a tag, so nobody asks for it by one
            is_deeply([ sort grep { !/x/i } @{ $params->[0] } ], [ @tags ],
                'quotes of a long name');
        } else {
            is_deeply([ sort @{ $params->[0] } ], [ sort @tags ],
                "instance $i: $event");
        }
        ok($params->[1] / NS > $from - SLACK
            && $params->[1] / NS < $until + SLACK, 'with its time');
        # a gap says that more may be outdated than is told
        $number[$i] += $tags[0] eq '*' ? 2 : 1;
        is($params->[2], $number[$i], 'and its number');
    }
}

publish(map { event('fundamentals', "S$_") } 1 .. 250);
for my $i (0, 1) {
    my @tags;
    while (@tags < 250) {
        my $params = $c[$i]->notification('cache.purge', SOON) or last;
        push @tags, @{ $params->[0] };
    }
    is("@tags", join(' ', map { "instrument:S$_" } 1 .. 250),
        'many at once, in their order');
    is($c[$i]->notification('cache.beat', SOON)->[0], $number[$i] + 250,
        'and the beat has counted them');
}
$_->forget() for @c;
$pg->psql("BEGIN; UPDATE bus_topic SET last = last + 1; INSERT INTO bus_event
    (topic, \"offset\", event) SELECT topic, last, '{}' FROM bus_topic; SELECT
    pg_notify('wizdata_bus', 'valid.records'); ROLLBACK");
$pg->psql("SELECT pg_notify('wizdata_bus', 'raw.object')");
$c[0]->notification('cache.beat', SOON) for 1 .. 2;
ok(!(grep { $_->[0] eq 'cache.purge' } @{ $c[0]{notes} }),
    'what is rolled back, or another topic, purges nothing');

# ---- the tags of answers

sub meta { ($c[0]->call(@_))[1] }

my @many = map { "M$_" } 1 .. 17;
$pg->psql(join '', map { "INSERT INTO instrument (id, symbol, source, raw_id,
    known_at) VALUES (100 + $_, 'M$_', 1, 1, now()); INSERT INTO quote
    (instrument_id, source, ts, price, raw_id, known_at) VALUES (100 + $_, 1,
    '2024-01-01', 1, 1, now()); INSERT INTO bar VALUES (100 + $_, 6, 1, 0,
    '2024-01-02', 1, 1, 1, 1, 1, 1, now()); INSERT INTO trade VALUES (100 + $_,
    1, 0, '2024-01-02', 1, 1, 1, 1, now());" } 1 .. 17);
for my $case (
    [ 'bars.query', { symbol => [qw/ M2 M1 NONE /] },
        60, qw/ bars:M1 bars:M2 bars:NONE / ],
    [ 'bars.query', { symbol => \@many }, 60, 'bars' ],
    [ 'bars.query', { symbol => [ @many[0 .. 15] ] }, 60,
        sort map { "bars:$_" } @many[0 .. 15] ],
    [ 'quotes.query', { symbol => ['M1'] }, 60, 'quotes:M1' ],
    [ 'quotes.query', { symbol => \@many }, 60, 'quotes' ],
    [ 'trades.query', { symbol => ['M1'] }, 60, 'trades:M1' ],
    [ 'news.query', { symbol => ['M1'] }, 60, 'news:M1' ],
    [ 'news.query', {}, 60, 'news' ],
    [ 'instruments.search', {}, 300, 'instruments' ],
    [ 'instruments.get', { symbol => 'M1' }, 300, 'instrument:M1' ],
    [ 'indicators.list', {}, 86400, 'indicators' ],
    [ 'indicators.compute', { name => 'sma', symbol => 'M1' }, 1800,
        'bars:M1' ],
    [ 'bars.query', { symbol => ['M1'], as_of => (time - 86400) * NS }, -1 ],
) {
    my ($method, $args, $ttl, @tags) = @$case;
    next if $ttl < 0;
    my $meta = meta($method, $args);
    is_deeply($meta->{tags}, \@tags, "$method: tags");
    is($meta->{ttl}, $ttl, 'ttl');
    like($meta->{etag}, qr/^"\w+"$/, 'etag');
}

# ---- from a payload to the gateway: what is asked then is new

my $pr = Wizdata::Processing->start($pg);
sub daily {
    my ($symbol, $close) = @_;
    return qq({"Meta Data":{"2. Symbol":"$symbol","5. Time Zone":"US/Eastern"},)
        . qq("Time Series (Daily)":{"2024-05-01":{"1. open":"10","2. high":)
        . qq("99","3. low":"1","4. close":"$close","5. volume":"5"}}});
}
$pr->put('alphavantage', 'daily', { symbol => 'LIVE' },
    '2024-05-03T00:00:00Z', daily('LIVE', 10));
my %seen;
my $end = time + SOON;
until ($seen{'quotes:LIVE'} || time > $end) {
    my $params = $c[0]->notification('cache.purge', SOON) or last;
    $seen{$_}++ for @{ $params->[0] };
}
ok($seen{$_}, "a new instrument with its bars: $_")
    for qw/ instruments instrument:LIVE bars:LIVE quotes:LIVE bars quotes /;
ok($pr->drained(), 'consumed');

my (@late, $stale);
for my $n (1 .. 30) {
    $_->forget() for @c;
    $pr->put('alphavantage', 'daily', { symbol => 'LIVE' },
        sprintf('2024-05-04T00:%02d:00Z', $n), daily('LIVE', 10 + $n));
    for my $i (0, 1) {
        my $params;
        do { $params = $c[$i]->notification('cache.purge', SOON) }
            until !$params || grep { $_ eq 'bars:LIVE' } @{ $params->[0] };
        push @late, $c[$i]->arrived() - $params->[1] / NS;
        my $row = rows($c[$i], 'bars.query', { symbol => ['LIVE'] })
            ->{rows}[0];
        $stale++ if $row->{c} != 10 + $n;
    }
}
@late = sort { $a <=> $b } @late;
is($stale, undef, 'who asks when the purge has come reads what was committed');
diag sprintf 'commit to purge: median %.1f ms, worst %.1f ms',
    1000 * $late[@late / 2], 1000 * $late[-1];
ok($late[@late / 2] < PROMISE, 'in time');
$pr->put('alphavantage', 'daily', { symbol => 'LIVE' },
    '2024-05-02T12:00:00Z', daily('LIVE', 10));
ok($pr->drained(), 'the same, but fetched earlier');
$_->forget() for @c;
$pr->svc->stop();

# ---- the bus is not heard for a while

is($pg->psql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = 'wizdata-analytics-purge'"), '2', 'both listen');
for my $i (0, 1) {
    my $params; # after what was on its way
    do { $params = $c[$i]->notification('cache.purge', SOON) }
        until !$params || "@{ $params->[0] }" ne 'bars:LIVE';
    is_deeply($params && $params->[0], ['*'], "instance $i purges everything");
    ok($c[$i]->notification('cache.beat', SOON), 'and beats again');
}

$pg->stop_server();
for my $i (0, 1) {
    my ($end, $quiet) = (time + SOON);
    $quiet = !$c[$i]->notification('cache.beat', 1) # some are on their way
        until $quiet || time > $end;
    ok($quiet, "instance $i does not beat");
}
my $health = $json->decode(($c[0]->call('sys.health', {}))[2]);
is($health->{commits}, 'not heard', 'health says so');
kill 'STOP', map { $_->pid() } @svc;
$pg->start_server();
publish(event('bars', 'UNHEARD'));
kill 'CONT', map { $_->pid() } @svc;
for my $i (0, 1) {
    my @order;
    $c[$i]->pump(sub {
        push @order, splice @{ $c[$i]{notes} };
        grep { $_->[0] eq 'cache.beat' } @order;
    }, SOON);
    is($order[0][0], 'cache.purge', "instance $i: first the purge");
    is_deeply($order[0][1][0], ['*'], 'of everything');
    is($order[-1][1][0], $order[0][1][2], 'then a beat with its number');
}
$health = $json->decode(($c[0]->call('sys.health', {}))[2]);
is($health->{commits}, 'pushed', 'health says so');

# ---- a topic that is not the one it was

$_->forget() for @c;
$pg->psql("TRUNCATE bus_event; UPDATE bus_topic SET last = 0");
publish(event('bars', 'AGAIN'));
for my $i (0, 1) {
    is_deeply($c[$i]->notification('cache.purge', SOON)->[0], ['*'],
        "instance $i purges everything");
}
publish(event('fundamentals', 'AGAIN'));
is_deeply($_->notification('cache.purge', SOON)->[0], ['instrument:AGAIN'],
    'and goes on') for @c;

# ---- a server that hangs

my @backends = split ' ',
    $pg->psql("SELECT string_agg(pid::text, ' ') FROM pg_stat_activity"
        . " WHERE application_name = 'wizdata-analytics-purge'");
kill 'STOP', @backends;
$c[0]->call('sys.health', {});      # behind what was told before
$c[0]->forget();
{
    # In the order of what is told, whenever it is read here. The answer for
    # one beat may be there; before the connection is given up there were four.
    my ($beats, $purge) = (0);
    $c[0]->pump(sub {
        while (my $note = shift @{ $c[0]{notes} }) {
            return $purge = $note if $note->[0] eq 'cache.purge';
            $beats++ if $note->[0] eq 'cache.beat';
        }
        return 0;
    }, SOON);
    cmp_ok($beats, '<=', 1, 'no beat without an answer');
    is_deeply($purge && $purge->[1][0], ['*'],
        'another connection, and everything is purged');
}
ok($c[0]->notification('cache.beat', SOON), 'beats again');
kill 'CONT', @backends;

is($_->stop(), 0, 'a clean end') for @svc;
unlike(join('', map { $_->log() } @svc), qr/Sanitizer|runtime error/,
    'no sanitizer errors');

done_testing();
