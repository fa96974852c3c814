#!/usr/bin/perl

# Usage: reports that come twice, at once, or while the service is killed
# count once; and who may read what.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Postgres;
use Wizdata::Rows;
use Wizdata::Service;

use constant { NS => 1_000_000_000, DAY => 86400 };

my $pg = Wizdata::Postgres->start();
my $json = JSON::PP->new;

sub auth {
    return Wizdata::Service->start('auth',
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_AUTH_PEPPER => 'd4' x 32, @_);
}

my @auth = (auth(), auth());
my @c = map { $_->connect() } @auth;

# Who asks for what is their own is somebody: user:1 to user:20.
$pg->psql("INSERT INTO app_user (email, org_id)
    SELECT 'u' || n || '\@example.com', 1 FROM generate_series(1, 20) n");

sub added {
    my ($c, $gateway, $seq, @rows) = @_;
    my ($status, $meta, $body) = $c->call('usage.add',
        { gateway => $gateway, seq => $seq, rows => \@rows });
    return $json->decode($body)->{added} ? 1 : 0;
}

sub sums { $pg->psql('SELECT sum(requests), sum(cost), sum(refused)
    FROM usage_day') }

# ---- once

my @row = ('2026-11-26', 'user:1', 'key:2', 'default', 'bars.query');
is(added($c[0], 'gw', 1, [ @row, 5, 7, 1 ], [ @row, 1, 1, 0 ]), 1, 'added');
is(sums(), '6|8|1', 'rows of the same kind are one');
is(added($c[0], 'gw', 1, [ @row, 5, 7, 1 ]), 0, 'the same again is not');
is(added($c[1], 'gw', 1, [ @row, 5, 7, 1 ]), 0, 'not by another instance');
is(added($c[1], 'gw', 2, [ @row, 10, 0, 0 ]), 1, 'the next one is');
is(added($c[1], 'other', 1, [ @row, 100, 0, 0 ]), 1, 'another gateway, too');
is(added($c[0], 'gw', 3), 1, 'one without rows');
is(sums(), '116|8|1', 'all of it');

# ---- at once, by both

{
    my (@ask, $fresh);
    for my $seq (100 .. 199) {
        push @ask, [ $_, $_->ask('usage.add', { gateway => 'gw', seq => $seq,
            rows => [ map { [ '2026-11-27', "user:$_", '', 'default',
                'quotes.query', 1, 1, 0 ] } $seq % 2 ? 1 .. 20
                : reverse 1 .. 20 ] }) ] for @c;
    }
    for my $ask (@ask) {
        my $answer = $ask->[0]->answer($ask->[1]);
        is($answer->[2], undef, 'answered') if $answer->[2];
        $fresh++ if $json->decode($answer->[3][2])->{added};
    }
    is($fresh, 100, 'each of a hundred reports was new once');
    is($pg->psql("SELECT sum(requests), count(*) FROM usage_day
        WHERE day = '2026-11-27'"), '2000|20', 'and counted once');
}

# ---- kill -9 in between: repeated until it is answered

{
    my ($victim, $rounds) = (auth(), 0);
    my $c = $victim->connect();
    my $kills = 0;
    for my $seq (1 .. 60) {
        my $done = 0;
        until ($done) {
            die "no end\n" if $rounds++ > 500;
            my $ask = eval { $c->ask('usage.add', { gateway => 'kill',
                seq => $seq, rows => [ [ '2026-11-28', 'user:1', '', 'default',
                    'bars.query', 1, 2, 3 ] ] }) };
            if ($seq % 4 == 0 && $kills < $seq / 4) {
                $kills++;
                # at some time before, in or behind the transaction
                select undef, undef, undef, rand 0.004;
                $victim->stop('KILL');
                $victim = auth(dir => $victim->dir());
                $c = $victim->connect();
                next;
            }
            my $answer = $c->answer($ask);
            $done = $answer && !$answer->[2];
        }
    }
    ok($kills >= 15, "$kills times killed");
    is($pg->psql("SELECT requests, cost, refused FROM usage_day
        WHERE day = '2026-11-28'"), '60|120|180', 'each report counted once');
    $victim->stop();
}

# ---- what is malformed is refused as a whole

my $sums = sums();
for my $case (
    [ 'no rows', { gateway => 'g', seq => 1 } ],
    [ 'no gateway', { seq => 1, rows => [] } ],
    [ 'an empty one', { gateway => '', seq => 1, rows => [] } ],
    [ 'no number', { gateway => 'g', rows => [] } ],
    [ 'a number below 0', { gateway => 'g', seq => -1, rows => [] } ],
    [ 'a short row', { gateway => 'g', seq => 1, rows => [ [ @row, 1, 2 ] ] } ],
    [ 'a long row', { gateway => 'g', seq => 1, rows => [ [ @row, 1, 2, 3, 4 ]
        ] } ],
    [ 'no row', { gateway => 'g', seq => 1, rows => [ 5 ] } ],
    [ 'a good and a bad one', { gateway => 'g', seq => 1, rows => [ [ @row, 1,
        1, 1 ], [ @row, -1, 1, 1 ] ] } ],
    [ 'no day', { gateway => 'g', seq => 1, rows => [ [ 'today',
        @row[1 .. 4], 1, 1, 1 ] ] } ],
    [ 'a time', { gateway => 'g', seq => 1, rows => [ [ '2026-11-26T00:00:00Z',
        @row[1 .. 4], 1, 1, 1 ] ] } ],
    [ 'a day that is none', { gateway => 'g', seq => 1, rows => [ [
        '2026-02-30', @row[1 .. 4], 1, 1, 1 ] ] } ],
    [ 'a long text', { gateway => 'g', seq => 1, rows => [ [ $row[0],
        'x' x 256, @row[2 .. 4], 1, 1, 1 ] ] } ],
    [ 'a huge count', { gateway => 'g', seq => 1, rows => [ [ @row,
        10 ** 12 + 1, 1, 1 ] ] } ],
    [ 'too many rows', { gateway => 'g', seq => 1, rows => [ (0) x 5001 ] } ],
) {
    my ($what, $args) = @$case;
    is($c[0]->error('usage.add', $args)->[0], -2, $what);
}
is(sums(), $sums, 'nothing of it was added');
is(added($c[0], 'g', 1, [ @row, 0, 0, 0 ]), 1, 'nor was its number taken');

# ---- reading

my @me = (sub => 'user:1', perm => ['bars:read']);
sub usage {
    my ($args, @context) = @_;
    my ($status, $meta, $body) = $c[0]->call('usage.get', $args, @context);
    return $json->decode($body);
}

my $mine = usage({}, @me);
is_deeply([ map { "$_->{day} $_->{method} $_->{requests} $_->{cost}"
    . " $_->{refused}" } @{ $mine->{data} } ],
    [ '2026-11-26 bars.query 116 8 1', '2026-11-27 quotes.query 100 100 0',
      '2026-11-28 bars.query 60 120 180' ], "one's own, by day");
is_deeply($mine->{data}[0], { day => '2026-11-26', principal => 'user:1',
    key => 'key:2', plan => 'default', method => 'bars.query',
    requests => 116, cost => 8, refused => 1 }, 'a row');
is($mine->{next}, undef, 'no page more');
is_deeply(usage({ principal => 'user:1' }, @me), $mine, 'by name');
is($c[0]->error('usage.get', { principal => 'user:2' }, @me)->[0], -4,
    "another's is not to be read");
is($c[0]->error('usage.get', { principal => '*' }, @me)->[0], -4, 'nor all');
is($c[0]->error('usage.get', {}, sub => '', perm => ['*'])->[0], -4,
    'nobody has none');
is(scalar @{ usage({ principal => 'user:2' }, sub => 'user:1',
    perm => ['usage:read'])->{data} }, 1, 'but with usage:read it is');
is(scalar @{ usage({ principal => '*', limit => 1000 })->{data} }, 22, 'all');

my $t = 20784 * DAY * NS;        # 2026-11-27
is(@{ usage({ from => $t }, @me)->{data} }, 2, 'from a day on');
is(@{ usage({ to => $t + DAY * NS - 1 }, @me)->{data} }, 2, 'to a day');
is(@{ usage({ from => $t, to => $t + 1 }, @me)->{data} }, 1, 'one day');
is(@{ usage({ method => 'quotes.query' }, @me)->{data} }, 1, 'one method');
is(@{ usage({ method => 'none' }, @me)->{data} }, 0, 'none');

my @all = @{ usage({ principal => '*', limit => 1000 })->{data} };
for my $limit (1, 3, 22) {
    my (@pages, $next);
    do {
        my $page = usage({ principal => '*', limit => $limit,
            defined $next ? (cursor => $next) : () });
        push @pages, @{ $page->{data} };
        $next = $page->{next};
    } while (defined $next && @pages < 100);
    is_deeply(\@pages, \@all, "in pages of $limit");
}
for my $bad ('x', '1', '1_', '_1', '-1_1', '1_0', '1_x', '999999999999_1') {
    is($c[0]->error('usage.get', { cursor => $bad })->[0], -2, "cursor $bad");
}
is($c[0]->error('usage.get', { limit => 0 })->[0], -2, 'limit');
is($c[0]->error('usage.get', { from => 'x' })->[0], -2, 'from');

my $csv = rows($c[0], 'usage.get', { principal => '*', limit => 1000 }, 'csv');
is(scalar @{ $csv->{rows} }, 22, 'CSV');
like($csv->{body}, qr/^day,principal,key,plan,method,requests,cost,refused\r\n
    2026-11-26,user:1,key:2,default,bars\.query,116,8,1\r\n/x, 'as it is');

# ---- PostgreSQL stopped and back

$pg->stop_server();
my $error = $c[0]->error('usage.add', { gateway => 'gw', seq => 500,
    rows => [] });
ok($error->[0] == -29 && $error->[2]{retry}, 'to be repeated');
$pg->start_server();
my $end = time + 10;
until (!$c[0]->error('usage.add', { gateway => 'gw', seq => 500,
    rows => [ [ @row, 0, 0, 0 ] ] }) || time > $end) { }
is($pg->psql("SELECT count(*) FROM usage_batch WHERE seq = 500"), '1',
    'and is added when it is back');
is($pg->psql("INSERT INTO usage_batch SELECT 'x', n, now() - interval '8 days'
    FROM generate_series(1, 10) n; SELECT 1"), '1', 'old ones');
is(added($c[0], 'gw', 600), 1, 'a hundredth report');
is($pg->psql("SELECT count(*) FROM usage_batch WHERE gateway = 'x'"), '0',
    'lets old ones be forgotten');

is($_->stop(), 0, 'a clean end') for @auth;
unlike(join('', map { $_->log() } @auth), qr/Sanitizer|runtime error/,
    'no sanitizer errors');

done_testing();
