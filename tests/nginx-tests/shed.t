#!/usr/bin/perl

# Too much work: cheap reads go first, writes keep a share of the slots, what
# others depend on is never shed.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('ingestion', sub { my ($req) = @_;
    hold(reply($req->{method})) });
$t->backend('analytics', sub { my ($req) = @_;
    hold(reply($req->{method})) });
$t->service('ingestion', 'max_inflight=20 reserve=20% queue=4'
    . ' queue_timeout=20s health_interval=off');
$t->service('analytics', 'max_inflight=2 reserve=off queue=100'
    . ' queue_timeout=20s shed_target=5ms shed_interval=1s'
    . ' health_interval=off');
$t->config(http => join ' ', map { "wizdata_timeout $_ 20s;" }
    qw/ ingest.run ingest.status bars.query indicators.compute /);
$t->run();

sub metric {
    my ($name, $service) = @_;
    my $text = get('/metrics', key => undef)->body;
    return $text =~ /^\Q$name\E\{service="$service"\} (\d+)$/m ? $1 : 0;
}

sub held { return $t->backend_ctl($_[0], 'held') }
sub queue { return metric('wizdata_service_queue', $_[0]) }
sub shed { return metric("wizdata_rpc_shed_$_[0]_total", $_[1]) }

sub read_one {
    my $c = client();
    $c->send_request('GET', $_[0] // '/v1/ingest');
    return $c;
}

sub write_one {
    my $c = client();
    $c->send_request('POST', '/v1/ingest', body =>
        '{"provider":"alphavantage","dataset":"daily","symbol":"A"}',
        headers => ['Content-Type: application/json']);
    return $c;
}

sub methods { return map { $_->{method} } $t->backend_requests($_[0]) }

$t->poll(sub { $t->backend_ctl($_, 'conns') == 1 })
    for qw/ ingestion analytics /;

# ---- the share that reads leave free ----

my @reads = map { read_one() } 1 .. 20;
$t->wait_for('reads fill four fifths, four more wait',
    sub { held('ingestion') == 16 && queue('ingestion') == 4 });
my @writes = map { write_one() } 1 .. 3;
$t->wait_for('writes pass those that wait',
    sub { held('ingestion') == 19 });
is(metric('wizdata_service_in_flight', 'ingestion'), 19,
    'all but what is left for sys.* and auth.*');

# ---- the queue is full: a cheap read gives its place to a write ----

push @writes, write_one();
$t->wait_for('a read makes room', sub { shed('cheap', 'ingestion') == 1 });
is($reads[19]->response->status, 503, 'the youngest');
is(queue('ingestion'), 4, 'the queue has its bound');

my $r = get('/v1/ingest');
is_problem($r, 503, 'busy', 'a read that finds it full');
like($r->header('retry-after') // '', qr/^[1-9]\d*\z/, 'when to try again');

# sys.* is asked for while all is full.
my $calls = () = $t->backend_requests('ingestion', 'sys.metrics');
metric('', 'ingestion');
cmp_ok(scalar(() = $t->backend_requests('ingestion', 'sys.metrics')), '>',
    $calls, 'metrics are asked for none the less');

# ---- the write goes before the reads that came earlier ----

$t->backend_ctl('ingestion', 'release', 1);
$t->wait_for('a slot becomes free', sub { queue('ingestion') == 3 });
is((grep { !/^sys/ } methods('ingestion'))[-1], 'ingest.run',
    'it is for the write');
$t->wait_for('the rest follows', sub {
    $t->backend_ctl('ingestion', 'release');
    return metric('wizdata_service_in_flight', 'ingestion') == 0;
});
is(join(' ', map { $_->response->status } @reads[ 0 .. 18 ], @writes),
    join(' ', (200) x 23), 'all others are answered');

# ---- a queue that stands ----

my $cheap = '/v1/bars?symbol=A';
my $heavy = '/v1/indicators/rsi?symbol=A';
sub level { return metric('wizdata_service_shed_level', 'analytics') }

is(level(), 0, 'nothing is shed at first');
my @c = map { read_one($cheap) } 1 .. 90;
$t->poll(sub { queue('analytics') == 88 });
$t->wait_for('waits that stay long are noticed', sub {
    $t->backend_ctl('analytics', 'release', 1);
    select undef, undef, undef, 0.03;
    return level() == 1;
});
my $waiting = queue('analytics');
cmp_ok($waiting, '>', 0, 'while calls wait');

$r = get($cheap);
is_problem($r, 503, 'busy', 'a cheap read is not queued');
push @c, read_one($heavy);
$t->wait_for('an expensive one is',
    sub { queue('analytics') == $waiting + 1 });
cmp_ok(shed('cheap', 'analytics'), '>=', 1, 'counted');
is(shed('heavy', 'analytics'), 0, 'by class');

# What is queued is served, and the expensive one first.
$t->backend_ctl('analytics', 'release', 1);
$t->wait_for('one more is sent', sub { queue('analytics') == $waiting });
is((grep { !/^sys/ } methods('analytics'))[-1], 'indicators.compute',
    'the expensive one before the cheap ones');

$t->wait_for('all are served', sub {
    $t->backend_ctl('analytics', 'release');
    return metric('wizdata_service_in_flight', 'analytics') == 0;
});
is(scalar(grep { $_->response->status == 200 } @c), 91, 'none was lost');

# ---- it is over ----

$t->wait_for('nothing waits: nothing is shed', sub { level() == 0 });
@c = map { read_one($cheap) } 1 .. 3;
$t->wait_for('cheap reads are queued again',
    sub { queue('analytics') == 1 });
$t->backend_ctl('analytics', 'release');
$t->poll(sub { held('analytics') == 1 });
$t->backend_ctl('analytics', 'release');
is(join(' ', map { $_->response->status } @c), '200 200 200', 'and served');
