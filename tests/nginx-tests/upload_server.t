#!/usr/bin/perl

# Uploads to the real RPC server: every byte arrives, whoever sends them and
# however many at a time; what the worker and the backend hold of a long one is
# bounded; who is refused, leaves or stops does so in good order.

use warnings;
use strict;

use Digest::MD5;
use POSIX ();

use Test::Wizdata;

use constant { MIB => 1 << 20, LONG => 200, MOST => 8 };    # MiB

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my ($reader) = grep { -x } map { "$_/tests/peers/upload-reader" }
    $ENV{WIZDATA_BUILD} || glob "$t->{root}/build*";
plan(skip_all => 'upload-reader is not built') unless $reader;

my ($backend, $owner) = (0, $$);
END { kill 'KILL', $backend if $backend && $$ == $owner }

start_backend();
$t->absent('ingestion');
$t->config(http => 'wizdata_timeout ingest.push 60s;'
        . ' keepalive_requests 1000000;',
    location => 'client_max_body_size 1g;');
$t->run();

sub start_backend {
    my $socket = "$t->{dir}/ingestion.sock";

    $backend = fork // die "fork: $!";
    if ($backend == 0) {
        $ENV{WIZDATA_SERVER_LISTEN} = "unix:$socket";
        $ENV{WIZDATA_SERVER_DRAIN} = '20s';
        open STDERR, '>>', "$t->{dir}/reader.log";
        { exec $reader; }
        POSIX::_exit(127);
    }
    $t->poll(sub { -S $socket });
}

sub memory {
    my ($pid, $what) = @_;

    open my $f, '<', "/proc/$pid/status" or return 0;
    my ($kib) = join('', <$f>) =~ /^$what:\s+(\d+) kB/m;
    return $kib;
}

sub head_of {
    my ($dataset, $n) = @_;

    return join "\r\n", "POST /v1/ingest/$dataset HTTP/1.1",
        'Host: localhost', 'X-API-Key: ' . $t->key, 'Content-Type: text/csv',
        "Content-Length: $n", '', '';
}

# A body of pattern(), in pieces, with what it has to come to.
sub send_pattern {
    my ($c, $n) = @_;

    my $md5 = Digest::MD5->new;
    for (my $at = 0; $at < $n; $at += MIB) {
        my $piece = pattern($at, $n - $at < MIB ? $n - $at : MIB);
        $md5->add($piece);
        $c->send($piece) or last;
    }
    return $md5->hexdigest;
}

sub upload {
    my ($n) = @_;

    my $c = client();
    $c->send(head_of('bars', $n));
    my $md5 = send_pattern($c, $n);
    return ($c->response, qq({"bytes":$n,"md5":"$md5"}));
}

$t->poll(sub { get('/v1/ingest')->status == 200 });

# ---- every byte ----

for my $n (0, 1, 65_536, 262_144, 262_145, 3_000_001) {
    my ($r, $expected) = upload($n);
    is($r->body, $expected, "$n bytes");
}

# ---- memory ----

my ($worker) = $t->workers;
my @before = map { memory($_, 'VmRSS') } $worker, $backend;
my ($r, $expected) = upload(LONG * MIB);
is($r->body, $expected, LONG . ' MiB');

SKIP: {
    skip 'the sanitizer keeps what is freed', 2 if $ENV{WIZDATA_ASAN_PRELOAD};

    for my $i (0, 1) {
        my $grown = memory($i ? $backend : $worker, 'VmHWM') - $before[$i];
        cmp_ok($grown, '<', MOST * 1024, ('the worker', 'the backend')[$i]
            . " grew by $grown KiB at most");
    }
}

# ---- many at a time, and small requests between them ----

my @pids;
for my $i (1 .. 8) {
    my $pid = fork // die "fork: $!";
    if ($pid == 0) {
        my ($r, $expected) = upload(10 * MIB + $i);
        POSIX::_exit($r->body eq $expected ? 0 : 1);
    }
    push @pids, $pid;
}
my ($small, $bad) = (0, 0);
my $c = client();
while (@pids) {
    $c->get('/v1/ingest')->body eq '{"small":1}' ? $small++ : $bad++;
    @pids = grep {
        my $done = waitpid($_, POSIX::WNOHANG()) == $_;
        $bad++ if $done && $?;
        !$done;
    } @pids;
}
is($bad, 0, 'eight at a time, whole, and none of the small requests fails');
cmp_ok($small, '>', 8, "$small small requests were answered meanwhile");

SKIP: {
    skip 'the sanitizer keeps what is freed', 2 if $ENV{WIZDATA_ASAN_PRELOAD};

    for my $i (0, 1) {
        my $grown = memory($i ? $backend : $worker, 'VmHWM') - $before[$i];
        cmp_ok($grown, '<', 2 * MOST * 1024, ('the worker', 'the backend')[$i]
            . " grew by $grown KiB at most");
    }
}
is(scalar(() = glob("$t->{dir}/client_body_temp/*")), 0,
    'nothing was stored on the way');

# ---- refused in the middle, left in the middle ----

for my $i (1 .. 50) {
    my $c = client();
    $c->send(head_of('quotes', 10 * MIB) . 'x' x 100_000);
    if ($i % 2) {
        my $r = $c->response;
        is_problem($r, 400, 'invalid-parameter', 'refused in the middle')
            if $i == 1;
    }
    $c->reset;
}
for my $i (1 .. 50) {
    my $c = client();
    $c->send(head_of('trades', 10 * MIB) . 'x' x (10_000 * ($i % 5)));
    $c->reset;
}
$t->wait_for('a hundred of them leave nothing behind', sub {
    ($r, $expected) = upload(1_000_000);
    return $r->body eq $expected;
});

# ---- no room in the lane ----

my @c = map { client() } 1 .. 16;
$_->send(head_of('trades', 1000) . 'x') for @c;
my $full;
$t->poll(sub {
    $full = client();
    $full->send(head_of('trades', 5) . '12345');
    $full = $full->response;
    return $full->status == 503;
});
is_problem($full, 503, 'unavailable', 'one more than there are threads');
is($full->header('retry-after'), 1, 'when to come again');
$_->send('x' x 999) for @c;
is(join(' ', map { $_->response->body } @c),
    join(' ', ('{"bytes":1000}') x 16), 'those that were there');

# ---- the backend stops while somebody sends ----

$c = client();
$c->send(head_of('bars', 1000) . 'x' x 10);
$t->poll(sub { get('/metrics', key => undef)->body
    =~ /^wizdata_rpc_in_flight\{service="ingestion"\} 1$/m });
kill 'TERM', $backend;
$t->poll(sub { !-S "$t->{dir}/ingestion.sock" || get('/v1/ingest')->status != 200 });
$c->send('x' x 990);
like($c->response->body, qr/^{"bytes":1000,/, 'it ends what it has begun');
$t->poll(sub { waitpid($backend, POSIX::WNOHANG()) == $backend });
is($?, 0, 'and ends in good order');

start_backend();
$t->poll(sub { get('/v1/ingest')->status == 200 });
$c = client();
$c->send(head_of('bars', 1000) . 'x' x 10);
$t->poll(sub { get('/metrics', key => undef)->body
    =~ /^wizdata_rpc_in_flight\{service="ingestion"\} 1$/m });
kill 'KILL', $backend;
waitpid $backend, 0;
$backend = 0;
is_problem($c->response, 502, 'bad-gateway', 'or is killed');
