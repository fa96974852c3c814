#!/usr/bin/perl

# A name server that does not answer: who waits for it holds up nobody else,
# and no end. In a network of the test's own, for which it must be root.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use Test::More;
use Time::HiRes qw/ time /;

BEGIN {
    plan skip_all => 'a network of its own is for root'
        if $> != 0 || system('unshare -n -m true 2>/dev/null') != 0;
    if (!$ENV{WIZDATA_OWN_NETWORK}) {
        $ENV{WIZDATA_OWN_NETWORK} = 1;
        exec 'unshare', '-n', '-m', $^X, $0 or die "unshare: $!";
    }
}

use IO::Socket::INET;

use Wizdata::Crowd;
use Wizdata::Ingestion;
use Wizdata::Postgres;

my $dir = tempdir(CLEANUP => 1);
open my $f, '>', "$dir/resolv.conf" or die "resolv.conf: $!";
print $f "nameserver 127.0.0.1\noptions timeout:30 attempts:5\n";
close $f;
system('ip link set lo up') == 0 or die 'no loopback';
system("mount --bind $dir/resolv.conf /etc/resolv.conf") == 0
    or die 'no mount';
my $silent = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1:53')
    or die "name server: $!";

my $pg = Wizdata::Postgres->start();
my $bank = Wizdata::Crowd->start();
my $in = Wizdata::Ingestion->start($pg, url => 'https://provider.example',
    WIZDATA_WORLDBANK_URL => $bank->url(),
    WIZDATA_ALPHAVANTAGE_CONCURRENCY => 20,
    WIZDATA_INGESTION_CONNECT_TIMEOUT => '1s',
    WIZDATA_INGESTION_BREAKER_FAILURES => 1000,
    WIZDATA_INGESTION_TIMEOUT => '20s', WIZDATA_INGESTION_LEASE => '40s');

sub jobs {
    my ($provider, $dataset, $args, $n) = @_;

    return $pg->psql("INSERT INTO ingest_job (provider, dataset, args)
        SELECT '$provider', '$dataset', jsonb_build_object($args)
        FROM generate_series(1, $n) g; NOTIFY wizdata_ingest");
}

sub count { my ($what) = @_; $pg->psql("SELECT count(*) FROM ingest_job WHERE
    $what") }

sub bank_seconds {
    my ($mark) = @_;

    my $from = time;
    my $done = count(q(status = 'done'));
    jobs('worldbank', 'indicator', "'indicator', '$mark.' || g, 'country',
        'all'", 50);
    ok($in->wait_for(sub { count(q(status = 'done')) == $done + 50 }, 60),
        'fifty jobs of another provider');
    return time - $from;
}

my $alone = bank_seconds('ALONE');
jobs('alphavantage', 'quote', q('symbol', 'A' || g), 100);
ok($in->wait_for(sub { count(q(error_class = 'upstream')) >= 20 }),
    'a provider whose name nobody knows: its requests end in time');
my $beside = bank_seconds('BESIDE');
note sprintf 'alone %.2f s, beside %.2f s', $alone, $beside;
cmp_ok($beside, '<', 3 * $alone + 2, 'at their usual speed');
ok($in->wait_for(sub { $in->provider('alphavantage')->{running} > 0 }),
    'its name is waited for again');
my $from = time;
is($in->down(), 0, 'asked to end: it does');
cmp_ok(time - $from, '<', 5, 'in a few seconds');
is(count(q(status = 'running')), 0, 'all jobs are given back');

done_testing();
