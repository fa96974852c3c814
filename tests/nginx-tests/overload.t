#!/usr/bin/perl

# More calls than a service takes: the cap holds over all workers, those over
# it wait in order and not for ever, the rest is told when to come back;
# clients that leave and workers that die hold no slot.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# What was asked first is answered first, when the test says so.
my $hold = sub {
    my ($req) = @_;
    return hold(reply($req->{args}{limit} // 'x'));
};

$t->backend('ingestion', $hold);
$t->backend('processing', $hold);
$t->backend('analytics', $hold);
# Those that wait may do so for long: shed.t looks at what becomes of that.
$t->service('ingestion', 'max_inflight=8 reserve=off queue=20'
    . ' queue_timeout=20s shed_target=10s shed_interval=60s'
    . ' health_interval=off');
$t->service('processing', 'max_inflight=4 queue=off health_interval=off');
$t->service('analytics', 'max_inflight=2 queue=3 queue_timeout=300ms'
    . ' health_interval=off');
$t->config(workers => 2, http => 'wizdata_timeout ingest.status 20s;');
$t->run();
$t->allow(qr/worker process \d+ exited on signal 9/);

sub held { return $t->backend_ctl($_[0], 'held') }
sub release { return $t->backend_ctl(@_[ 0 .. 0 ], 'release', @_[ 1 .. $#_ ]) }

sub metric {
    my ($name, $service) = @_;
    my $text = get('/metrics', key => undef)->body;
    return $text =~ /^\Q$name\E\{service="$service"\} (\d+)$/m ? $1 : undef;
}

# Both workers are connected and know the key.
sub both_warm {
    my ($service, $path) = @_;
    return $t->poll(sub { $t->backend_ctl($service, 'conns') == 2 });
}

sub send_all {
    my ($n, $path) = @_;

    my @c;
    for my $i (1 .. $n) {
        push @c, my $c = client();
        $c->send_request('GET', "$path?limit=$i");
    }
    return @c;
}

both_warm($_) for qw/ ingestion processing analytics /;

# ---- the cap is one for all workers ----

my @c = send_all(12, '/v1/quality/rejects');
$t->wait_for('those over the cap are refused',
    sub { (metric('wizdata_rpc_refused_total', 'processing') // 0) == 8 });
is(held('processing'), 4, 'four of two workers are with the backend');
my $r = get('/v1/quality/rejects');
is_problem($r, 503, 'busy', 'without a queue: refused at once');
like($r->header('retry-after') // '', qr/^[1-9]\d*\z/, 'when to try again');
release('processing');
my @status = map { $_->response->status } @c;
is(scalar(grep { $_ == 200 } @status), 4, 'four are answered');
is(scalar(grep { $_ == 503 } @status), 8, 'the others were refused');

# ---- those who wait are served in order ----

@c = ();
for my $i (1 .. 20) {    # one after the other, so that there is an order
    push @c, my $c = client();
    $c->send_request('GET', "/v1/ingest?limit=$i");
    $t->poll(sub { $i <= 8 ? held('ingestion') == $i
        : (metric('wizdata_rpc_queued_total', 'ingestion') // 0) == $i - 8 });
}
is(held('ingestion'), 8, 'the cap');
is(scalar($t->backend_requests('ingestion')), 8, 'the backend sees no more');

my $sent = 8;
for my $i (1 .. 12) {
    release('ingestion', 1);
    $t->poll(sub { scalar($t->backend_requests('ingestion')) == $sent + 1 });
    $sent++;
}
is(join(' ', map { $_->{args}{limit} } $t->backend_requests('ingestion')),
    join(' ', 1 .. 20), 'over both workers, in the order of arrival');
release('ingestion');
is(join(' ', map { $_->response->body } @c), join(' ', 1 .. 20),
    'all are answered');

# ---- the queue has a bound ----

@c = send_all(28, '/v1/ingest');
$t->poll(sub { held('ingestion') == 8
    && metric('wizdata_service_queue', 'ingestion') == 20 });
$r = get('/v1/ingest');
is_problem($r, 503, 'busy', 'the queue is full');
like($r->header('retry-after') // '', qr/^[1-9]\d*\z/, 'with Retry-After');
is(metric('wizdata_rpc_queue_full_total', 'ingestion'), 1, 'and counted');
$t->wait_for('there is room again', sub {
    release('ingestion');
    return metric('wizdata_service_in_flight', 'ingestion') == 0;
});
is(join(' ', map { $_->response->status } @c), join(' ', (200) x 28),
    'those in it are served');

# ---- and a deadline ----

@c = send_all(2, '/v1/quotes');    # refused: a symbol is missing
$_->response for @c;
sub quotes { map { my $c = client();
    $c->send_request('GET', '/v1/quotes?symbol=A'); $c } 1 .. $_[0] }

my @in = quotes(2);
$t->poll(sub { held('analytics') == 2 });
my @wait = quotes(3);
is(join(' ', map { $_->response->status } @wait), '503 503 503',
    'those in it are refused at their deadline');
is(metric('wizdata_rpc_queue_timeouts_total', 'analytics'), 3,
    'and counted');
is(held('analytics'), 2, 'the backend never saw them');
release('analytics');
is(join(' ', map { $_->response->status } @in), '200 200', 'the first two');

# ---- clients that leave: from the queue and from their slots ----

for my $round (1 .. 3) {
    @c = send_all(25, '/v1/ingest');
    $t->poll(sub { held('ingestion') == 8 });
    $_->reset for @c;
    # Those that waited may get a slot before their client's leaving is seen.
    $t->wait_for("round $round: nothing is left in flight", sub {
        release('ingestion');
        return metric('wizdata_service_in_flight', 'ingestion') == 0
            && metric('wizdata_service_queue', 'ingestion') == 0
            && held('ingestion') == 0 });
}
@c = send_all(8, '/v1/ingest');
$t->wait_for('all slots can be taken again',
    sub { held('ingestion') == 8 });
release('ingestion');
is(join(' ', map { $_->response->status } @c), join(' ', (200) x 8),
    'and are answered');

# ---- a worker that is killed gives its share back ----

for my $round (1 .. 2) {
    @c = send_all(8, '/v1/ingest');
    $t->poll(sub { held('ingestion') == 8 });
    my @before = $t->workers;
    kill 'KILL', @before;
    $t->wait_for("round $round: new workers", sub {
        my %old = map { $_ => 1 } @before;
        my @now = $t->workers;
        return @now == 2 && !grep { $old{$_} } @now;
    });
    $_->reset for @c;
    $t->poll(sub { held('ingestion') == 0 });
    both_warm('ingestion');
    @c = send_all(8, '/v1/ingest');
    $t->wait_for("round $round: the cap is whole",
        sub { held('ingestion') == 8 });
    release('ingestion');
    is(join(' ', map { $_->response->status } @c), join(' ', (200) x 8),
        "round $round: answered");
}

# ---- many at once ----

@c = send_all(500, '/v1/ingest');
$t->poll(sub { held('ingestion') == 8 });
my $max = 0;
my $over = 0;
$t->wait_for('500 at once: each is answered or refused', sub {
    my $held = held('ingestion');
    $max = $held if $held > $max;
    release('ingestion');
    return metric('wizdata_service_in_flight', 'ingestion') == 0
        && metric('wizdata_service_queue', 'ingestion') == 0
        && held('ingestion') == 0;
});
is($max, 8, 'never more than the cap with the backend');
my %by;
$by{ $_->response->status }++ for @c;
is(join(' ', sort keys %by), '200 503', 'served or told to come back');
cmp_ok($by{200}, '>=', 8, 'some of each');
