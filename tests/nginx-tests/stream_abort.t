#!/usr/bin/perl

# Bodies that end early, by the backend or by the client: the client can see
# it, the backend is told, nothing leaks and nobody else is hurt.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0];
    return stream(1_000_000, abort_at => $1, len => !$2)
        if $s =~ /^ABORT(\d+)(-X)?$/;
    return stream(1_000_000, hangup_at => $1, len => !$2)
        if $s =~ /^HANGUP(\d+)(-X)?$/;
    return stream(1_000_000, stall_at => 200_000) if $s eq 'STALL';
    return stream(5_000_000, window => 5_000_000) if $s eq 'OVERRUN';
    return stream(5_000_000) if $s eq 'LONG';
    return bad_chunk($req) if $s eq 'BADCHUNK';
    return too_long($req) if $s eq 'TOOLONG';
    return too_short($req) if $s eq 'TOOSHORT';
    return hold('held') if $s =~ /^HOLD/;
    return 'small';
});
$t->backend('ingestion', sub { hold('{}') });
# For clients that do not read: the kernel must not take it all for them.
$t->config(http => 'wizdata_timeout ingest.run 60s;', servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8081%% sndbuf=32k;
        wizdata_errors on;
        location /v1/ { wizdata_api on; }
    }
EOF
$t->run();

sub slow_client { return client(port => port(8081), rcvbuf => 16_384) }

sub bad_chunk {
    my $id = $_[0]{msgid};
    return raw(frame_response($id, 200, { more => mp_true }, 'abc')
        . frame_notify('rpc.chunk', [ $id, mp_bin('def'), mp_false ])
        . frame_notify('rpc.chunk', [ $id, 5, mp_true ]));
}

sub too_long {
    my $id = $_[0]{msgid};
    return raw(frame_response($id, 200, { more => mp_true, len => 5 }, 'abc')
        . frame_notify('rpc.chunk', [ $id, mp_bin('defghi'), mp_true ]));
}

sub too_short {
    my $id = $_[0]{msgid};
    return raw(frame_response($id, 200, { more => mp_true, len => 50 }, 'abc')
        . frame_notify('rpc.chunk', [ $id, mp_bin('def'), mp_true ]));
}

sub path { return "/v1/bars?symbol=$_[0]" }

sub fine {
    my ($name) = @_;
    $t->wait_for("$name: the next request", sub {
        get(path('A'))->body eq 'small' });
}

sub calls {
    my ($symbol) = @_;
    return scalar grep { $_->{args}{symbol}[0] eq $symbol }
        $t->backend_requests('analytics');
}

# ---- the backend ends it ----

for my $s (map { ("ABORT$_", "ABORT$_-X", "HANGUP$_", "HANGUP$_-X") }
    65_536, 65_537, 200_000)
{
    my $r = get(path($s));
    is($r->status, 200, "$s: the answer had begun");
    ok($r->short, "$s: the client sees that it is incomplete");
    is(calls($s), 1, "$s: not asked again");
    fine($s);
}

for my $s (qw/ OVERRUN BADCHUNK TOOLONG TOOSHORT /) {
    $t->renew;
    my $closes = () = $t->backend_events('analytics', 'close');
    my $c = slow_client();
    $c->send_request('GET', path($s));
    $t->poll(sub { calls($s) });
    if ($s eq 'OVERRUN') {
        # Unread by the client, so that the window cannot move.
        $t->wait_for("$s: the connection is closed", sub {
            $closes < (() = $t->backend_events('analytics', 'close')) });
    }
    my $r = $c->response;
    # Status 0: not even the head had left.
    ok($r->short || $r->status =~ /^(502|0)$/, "$s: never a whole answer");
    unlike($r->body, qr/defghi/, "$s: no byte beyond the length");
    fine($s);
}

# ---- the client leaves ----

$t->renew;
my ($worker) = $t->workers;

sub cancelled {
    my ($name, $service) = @_;
    my $call = ($t->backend_requests($service || 'analytics'))[-1];
    $t->wait_for("$name: the backend is told", sub {
        grep { $_->{c} == $call->{c} && $_->{id} == $call->{id} }
            $t->backend_events($service || 'analytics', 'cancel') });
}

sub wait_held {
    my ($service) = @_;
    $t->poll(sub { $t->backend_ctl($service || 'analytics', 'held') });
}

for my $how (qw/ close reset /) {
    my $c = client();
    $c->send_request('GET', path('HOLD'));
    wait_held();
    $c->$how;
    cancelled("$how before the answer");
    $t->backend_ctl('analytics', 'release');
    fine("$how before the answer");

    $c = slow_client();
    $c->send_request('GET', path('LONG'));
    $c->until(qr/\r\n\r\n/);
    $c->$how;
    cancelled("$how in the body");
    $t->wait_for("$how in the body: nothing is left of it",
        sub { !@{ $t->backend_ctl('analytics', 'streams') } });
    fine("$how in the body");

    $c = client();
    $c->send(Test::Wizdata::build('POST', '/v1/ingest',
        headers => ['Content-Type: application/json'],
        body => '{"provider":"worldbank","dataset":"indicator"}'));
    wait_held('ingestion');
    $c->$how;
    cancelled("$how of a POST", 'ingestion');
    $t->backend_ctl('ingestion', 'release');
}

# While the answer has begun but the backend is silent.
my $c = client();
$c->send_request('GET', path('STALL'));
$c->exactly(100_000);
$c->reset;
cancelled('reset while the backend is silent');

# A hundred at once, in every state.
my @c = map { slow_client() } 1 .. 100;
my @symbols = qw/ HOLD LONG A STALL /;
my $i = 0;
$_->send_request('GET', path($symbols[ $i++ % 4 ])) for @c;
wait_held();
$_->reset for @c;
$t->wait_for('a hundred left: nothing is under way', sub {
    !@{ $t->backend_ctl('analytics', 'streams') } });
fine('a hundred left');

# A pipelined request behind the one that waits is no leaving.
$c = client();
$c->send(Test::Wizdata::build('GET', path('HOLD2'), keepalive => 1)
    . Test::Wizdata::build('GET', path('A'), keepalive => 1));
wait_held();
fine('a request behind the one that waits');
$t->backend_ctl('analytics', 'release');
is($c->response->body, 'held', 'the first is answered');
is($c->response->body, 'small', 'and the second');

is(join(' ', $t->workers), $worker, 'the worker is still the same');
