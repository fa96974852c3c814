#!/usr/bin/perl

# A worker that is killed: the other one serves, a new one takes its place,
# the backends forget the dead one's connections, nobody hangs on a lock.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    return hold('held') if $req->{args}{symbol}[0] eq 'HOLD';
    return stream(5_000_000) if $req->{args}{symbol}[0] eq 'LONG';
    return '{}';
});
$t->config(workers => 2);
$t->run();
$t->allow(qr/worker process \d+ exited on signal 9/);

my $path = '/v1/bars?symbol=A';
get($path) for 1 .. 10;
$t->poll(sub { $t->backend_ctl('analytics', 'conns') == 2 });

for my $round (1 .. 3) {
    # With work in every state.
    my @c = map { client(rcvbuf => 16_384) } 1 .. 10;
    $c[$_]->send_request('GET', '/v1/bars?symbol='
        . ($_ % 2 ? 'HOLD' : 'LONG')) for 0 .. 9;
    $t->poll(sub { $t->backend_ctl('analytics', 'held') == 5 });

    my @before = $t->workers;
    my $victim = $before[ $round % @before ];
    kill 'KILL', $victim;

    $t->wait_for("round $round: a new worker", sub {
        my @now = $t->workers;
        return @now == 2 && !grep { $_ == $victim } @now;
    });
    $t->wait_for("round $round: connected",
        sub { $t->backend_ctl('analytics', 'conns') == 2 });
    is(join(' ', map { get($path)->status } 1 .. 20), join(' ', (200) x 20),
        "round $round: requests are answered");
    is(get($path, key => wd_apikey())->status, 401,
        "round $round: and refused");
    $_->reset for @c;
    $t->backend_ctl('analytics', 'release');
    $t->wait_for("round $round: nothing is left of the dead one's", sub {
        !@{ $t->backend_ctl('analytics', 'streams') } });
}

# One that was about to end: no other takes its place, nor what it held.
my @held = map { client() } 1 .. 10;
$_->send_request('GET', '/v1/bars?symbol=HOLD') for @held;
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 10 });
my %ending = map { $_ => 1 } $t->workers;
$t->reload;
$t->poll(sub { 2 == grep { !$ending{$_} } $t->workers });
$t->poll(sub { $t->backend_ctl('analytics', 'conns') == 4 });
kill 'KILL', keys %ending;
$t->poll(sub { !grep { $ending{$_} } $t->workers });

# The sum of a gauge.
sub gauge {
    my ($name) = @_;

    my $sum = 0;
    my $text = get('/metrics', key => undef)->body;
    $sum += $1 while $text =~ /^\Q$name\E(?:\{[^}]*\})? (\d+)/mg;
    return $sum;
}
$t->wait_for('no request is left of its', sub {
    gauge('http_requests_active') == 1 });
$t->wait_for('and no call', sub { gauge('wizdata_rpc_in_flight') == 0 });
$t->wait_for('nor connection', sub {
    gauge('wizdata_rpc_connections') == 4 });
$_->reset for @held;
$t->backend_ctl('analytics', 'release');

# Both at once.
kill 'KILL', $t->workers;
$t->wait_for('both killed: works again', sub {
    my $r = eval { get($path) };
    return $r && $r->status == 200;
});
is(get('/metrics', key => undef)->status, 200, 'metrics work');
