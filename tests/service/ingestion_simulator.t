#!/usr/bin/perl

# The provider simulator, which answers as the providers do: each of its keys
# and faults, and what becomes of the answer.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Cwd qw/ abs_path /;
use File::Path qw/ remove_tree /;
use File::Temp qw/ tempdir /;
use IO::Socket::INET;
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Ingestion;
use Wizdata::Postgres;

my $dev = abs_path("$FindBin::Bin/../../dev");
my ($nginx) = grep { -x } $ENV{NGINX} // (), qw{ /usr/sbin/nginx };
plan(skip_all => 'no nginx here') unless $nginx;

# ---- a private nginx

my $dir = tempdir('wd-sim-XXXXXXXX', TMPDIR => 1);
# Bound, not listening, as long as this runs: nobody else is given the port, and
# nginx may bind it all the same.
my $held = IO::Socket::INET->new(Proto => 'tcp', ReuseAddr => 1,
    LocalAddr => '127.0.0.1', LocalPort => 0) or die "port: $!";
my $port = $held->sockport;
sub slurp { open my $f, '<', $_[0] or die "$_[0]: $!"; local $/; <$f> }
sub spew { open my $f, '>', $_[0] or die "$_[0]: $!"; print $f $_[1] }

my $conf = slurp("$dev/simulator/simulator.conf.in");
my %fill = (LISTEN => "127.0.0.1:$port", MARKET => "$dev/market",
    ERRORS => "$dev/simulator/errors", CACHE => "$dir/cache",
    LOG => "$dir/access.log", ALPHAVANTAGE => '', WORLDBANK => '');
$conf =~ s/\@$_\@/$fill{$_}/g for keys %fill;
spew("$dir/simulator.conf", $conf);
my $user = $> == 0 ? 'user root;' : '';
spew("$dir/nginx.conf", "$user daemon off; worker_processes 1;
pid $dir/pid; error_log $dir/error.log;
events { worker_connections 128; }
http { client_body_temp_path $dir/b; proxy_temp_path $dir/p;
fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
include $dir/simulator.conf; }");

my $pid = fork() // die "fork: $!";
if ($pid == 0) {
    open STDERR, '>', "$dir/stderr";
    exec $nginx, '-p', "$dir/", '-c', "$dir/nginx.conf" or exit 127;
}
my $owner = $$;
END {
    if ($owner && $$ == $owner) {
        my $status = $?;
        kill 'QUIT', $pid;
        waitpid $pid, 0;
        remove_tree($dir);
        $? = $status;
    }
}
my $end = time + 10;
until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port)) {
    die 'nginx does not start: ' . slurp("$dir/stderr") if time > $end;
    sleep 0.02;
}

# ---- the service

my $pg = Wizdata::Postgres->start();
my ($in, $job, @rows);

sub service {
    my ($key, %o) = @_;

    $in->down() if $in;
    $pg->psql(q(DELETE FROM ingest_job; UPDATE provider_quota SET calls = '{}',
        used = 0, blocked_until = '-infinity', refused = 0));
    $in = Wizdata::Ingestion->start($pg, url => "http://127.0.0.1:$port",
        key => $key, WIZDATA_WORLDBANK_PER_PAGE => 1000, %o);
}

sub outcome {
    my ($provider, $dataset, %args) = @_;

    $job = $in->wait_job(scalar $in->run($provider, $dataset, %args));
    return join ' ', map { $_ // '-' } @{$job}{qw/ status class attempts
        objects /};
}

sub daily { outcome('alphavantage', 'daily', symbol => 'IBM') }

# What is in the file that nginx sends, byte for byte.
sub market {
    open my $f, '-|', 'gzip', '-dc', "$dev/market/$_[0].gz" or return;
    local $/;
    return scalar <$f>;
}

service('sample-premium');
my $av = 'alphavantage';
is(daily(), 'done - 1 1', 'daily');
is($in->object(($in->manifest())[0]),
    market('alphavantage/TIME_SERIES_DAILY/IBM.compact.json'),
    'byte for byte, through gzip');
is(outcome($av, 'daily', symbol => 'IBM', outputsize => 'full'),
    'done - 1 1', 'daily, full');
is($in->object(($in->manifest())[1]),
    market('alphavantage/TIME_SERIES_DAILY/IBM.full.json'), 'byte for byte');
is(outcome($av, 'daily_adjusted', symbol => 'IBM', outputsize => 'full'),
    'done - 1 1', 'daily_adjusted');
is(outcome($av, 'intraday', symbol => 'IBM', interval => '1min',
        month => '2013-10'), 'done - 1 1', 'intraday');
is(outcome($av, 'fx_daily', from_symbol => 'EUR', to_symbol => 'USD'),
    'done - 1 1', 'fx_daily');
is(outcome($av, 'quote', symbol => 'IBM'), 'done - 1 1', 'quote');
is(outcome($av, 'search', keywords => 'apple'), 'done - 1 1', 'search');
is(outcome($av, 'search', keywords => 'zzzz'), 'done empty 1 1',
    'search without a match');
is(outcome($av, 'overview', symbol => 'IBM'), 'done - 1 1', 'overview');
is(outcome($av, 'quote', symbol => 'NOSUCH'), 'done empty 1 1',
    'quote of an unknown symbol');
is(outcome($av, 'overview', symbol => 'NOSUCH'), 'done empty 1 1',
    'overview of an unknown symbol');
is(outcome($av, 'daily', symbol => 'NOSUCH'), 'failed not_found 1 1',
    'daily of an unknown symbol');

my $wb = 'worldbank';
is(outcome($wb, 'indicator', indicator => 'FP.CPI.TOTL.ZG',
        country => 'DEU'), 'done - 1 1', 'one country');
is(outcome($wb, 'indicator', indicator => 'NY.GDP.MKTP.KD.ZG',
        country => 'all'), 'done - 1 ' . pages('any'), 'all, page by page');
is(outcome($wb, 'indicator', indicator => 'NY.GDP.MKTP.KD.ZG',
        country => 'all', date => '2000:2020'), 'done - 1 '
        . pages('2000-2020'), 'with a range');
is(outcome($wb, 'indicator', indicator => 'NO.SUCH', country => 'all'),
    'failed not_found 1 1', 'an unknown series');
is(outcome($wb, 'indicator', indicator => 'EN.ATM.CO2E.PC',
        country => 'all'), 'failed archived 1 1', 'an archived series');
is(outcome($wb, 'indicator', indicator => 'FP.CPI.TOTL.ZG',
        country => 'DEU', date => '1900:1950'), 'done empty 1 1', 'no data');
is(outcome($wb, 'indicator', indicator => 'FP.CPI.TOTL.ZG', country => 'DEU',
        date => '2013Q1:2013Q4'), 'failed bad_request 1 0',
    'what the simulator lacks');

sub pages {
    my @files = glob "$dev/market/worldbank/NY.GDP.MKTP.KD.ZG/all/$_[0]/"
        . '1000.*.json.gz';
    return scalar @files;
}

# ---- the keys

service('demo');
is(daily(), 'failed permission 1 0', 'demo');
service('sample-artificial');
is(daily(), 'failed artificial 1 1', 'artificial rows: kept, not data');
service('sample-truncated');
is(daily(), 'failed malformed 1 1', 'truncated');
service('sample-cut', WIZDATA_INGESTION_ATTEMPTS => 2);
is(daily(), 'failed malformed 2 1', 'a gzip stream that ends early');
service('sample-html', WIZDATA_INGESTION_ATTEMPTS => 2);
is(daily(), 'failed upstream 2 0', '502 with HTML');
service('sample-empty');
is(daily(), 'done empty 1 1', '{}');
service('sample-notjson');
is(daily(), 'failed malformed 1 1', 'text');
service('sample-wrongshape');
is(daily(), 'failed malformed 1 1', 'another shape');
service('sample-badrows');
is(daily(), 'done - 1 1', 'bad rows are the next one\'s business');

service('sample-free');
is(outcome($av, 'daily', symbol => 'IBM', outputsize => 'full'),
    'failed permission 1 0', 'premium: outputsize');
service('sample-free');
sleep 1.1;
is(outcome($av, 'daily_adjusted', symbol => 'IBM'), 'failed permission 1 0',
    'premium: endpoint');

# One call a second, kept by ourselves: no refusal at all. But a call may be on
# its way for longer than the margin, and the next one not: as often as it takes.
my (@ids, $attempts);
for (1 .. 4) {
    service('sample-free', WIZDATA_ALPHAVANTAGE_PER_SECOND => 1,
        WIZDATA_ALPHAVANTAGE_PER_MINUTE => 1000);
    sleep 1.1;
    @ids = map { scalar $in->run($av, 'quote', symbol => $_) }
        qw/ IBM AAPL BA /;
    $attempts = join ' ', map { $in->wait_job($_)->{attempts} } @ids;
    last if $attempts eq '1 1 1';
}
is($pg->psql("SELECT bool_and(gap >= interval '1.1 s') FROM (SELECT c - lag(c)
    OVER (ORDER BY c) AS gap FROM provider_quota, unnest(calls) c
    WHERE provider = 'alphavantage') t"), 't', 'no two calls in a second');
is($attempts, '1 1 1', 'within the limit per second');

# Twenty-five calls a day without a limit per second: the last ones park. The
# simulator counts right only what comes one after the other.
service('sample-free-2024', WIZDATA_ALPHAVANTAGE_CONCURRENCY => 1);
my @symbols = map { "X$_" } 1 .. 27;
@ids = map { scalar $in->run($av, 'quote', symbol => $_) } @symbols;
ok($in->wait_for(sub { $in->provider($av)->{state} eq 'parked' }),
    'the daily limit: parked');
is($in->job($ids[-1])->{status}, 'queued', 'the others wait');
unlike($in->everything(), qr/sample-free-2024/, 'the key shows nowhere');

service('nobody');
$job = $in->run($av, 'daily', symbol => 'IBM');
ok($in->wait_for(sub { $in->provider($av)->{state} eq 'stopped' }),
    'an unknown key: stopped');

# ---- faults by path

my %faults = (
    'html-400' => 'failed bad_request 2 0',
    'unavailable' => 'failed upstream 2 0',
    'empty' => undef,
    'nothing' => 'failed upstream 2 0',
    'notjson' => 'failed malformed 1 1',
    'truncated' => 'failed malformed 1 1',
    'short-page' => 'failed partial 1 2',
    'no-progress' => undef,
);
for my $fault (sort keys %faults) {
    service('sample-premium', WIZDATA_INGESTION_ATTEMPTS => 2,
        WIZDATA_WORLDBANK_URL => "http://127.0.0.1:$port/fault/$fault");
    my $is = outcome($wb, 'indicator', indicator => 'FP.CPI.TOTL.ZG',
        country => 'DEU');
    $faults{$fault} ? is($is, $faults{$fault}, $fault)
        : like($is, qr/^(done|failed) \w+ 1 1$/, "$fault: $is");
}

unlike($in->log(), qr/Sanitizer|runtime error/, 'no sanitizer findings');

done_testing();
