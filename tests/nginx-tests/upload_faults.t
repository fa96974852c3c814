#!/usr/bin/perl

# Uploads that somebody breaks off: the backend by dying, by silence, by frames
# that are none; the client by leaving or by not going on; a key that is
# revoked, a reload, a farewell.

use warnings;
use strict;

use Time::HiRes qw/ time /;

use Test::Wizdata;
use Wizdata::H2;

use constant TIMEOUT => 1.5;    # of the method

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# What the backend does with a body, by its Idempotency-Key.
my %do = (
    TAKE => sub { receive() },
    HOLD => sub { receive(hold => 1) },
    MUTE => sub { receive(then => ignore()) },
    DIE0 => sub { receive(stop_at => 0, then => hangup()) },
    DIE => sub { receive(stop_at => 50_000, then => hangup()) },
    DIE_LAST => sub { receive(then => hangup()) },

    # against the protocol
    OVER => sub { receive(credit => sub { $_[0]{up}{got} + 1 }) },
    TWICE => sub { receive(credit => sub { 2 * $_[0]{up}{got} }) },
    EARLY_CREDIT => sub { raw(frame_notify('rpc.credit',
        [ $_[0]{msgid}, 1 << 20 ])), receive() },
    TEXT => sub { receive(stop_at => 1, then => raw(frame_notify('rpc.credit',
        [ $_[0]{msgid}, 'much' ]))) },
    CHUNK => sub { receive(stop_at => 1, then => raw(frame_notify('rpc.chunk',
        [ $_[0]{msgid}, mp_bin('x'), mp_false ]))) },
    GARBAGE => sub { receive(stop_at => 1, then => raw("\xc1")) },
    TWO => sub { my $id = $_[0]{msgid}; receive(then => over(raw(
        frame_response($id, 200, {}, '{}')
        . frame_response($id, 200, {}, '{}')))) },

    # odd, and within it
    STRANGERS => sub { raw(frame_notify('rpc.credit', [ 4711, 5 ])
        . frame_notify('rpc.credit', [ $_[0]{msgid} + 4096, 5 ])
        . frame_notify('rpc.chunk', [ 4711, mp_bin('x'), mp_true ])
        . frame_notify('rpc.credit', [ $_[0]{msgid}, 0 ])), receive() },
    LATE => sub { my $id = $_[0]{msgid}; receive(then => over(raw(
        frame_response($id, 200, {}, '{"late":1}')
        . frame_notify('rpc.credit', [ $id, 1 << 30 ])))) },
);

# What was sent was the answer.
sub over {
    my ($action) = @_;
    return sub { $_[0]->done; return $action };
}

my $handler = sub {
    my ($req) = @_;

    return '{"small":1}' if $req->{method} eq 'ingest.status';
    my ($name) = ($req->{ctx}{idem} // 'TAKE') =~ /^([A-Z0-9_]+)/;
    return $do{$name}->($req);
};
$t->backend('ingestion', $handler);
# Many names of it, so that it is there again at once when a connection broke.
my $names = 30;
symlink "$t->{dir}/ingestion.sock", "$t->{dir}/name$_.sock" for 1 .. $names;
$t->service('ingestion',
    join ' ', map { "unix:$t->{dir}/name$_.sock" } 1 .. $names);
$t->config(http => 'wizdata_timeout ingest.push ' . 1000 * TIMEOUT . 'ms;',
    location => 'client_max_body_size 1g;', servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8082%% http2;
        wizdata_errors on;
        location /v1/ { wizdata_api on; client_max_body_size 1g; }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%%;
        wizdata_errors on;
        client_body_timeout 300ms;
        location /v1/ { wizdata_api on; client_max_body_size 1g; }
    }
    server {
        listen 127.0.0.1:%%PORT_8084%% http2;
        wizdata_errors on;
        client_body_timeout 300ms;
        location /v1/ { wizdata_api on; client_max_body_size 1g; }
    }
EOF
$t->run();

my $path = '/v1/ingest/trades';
my ($worker) = $t->workers;
my $n = 0;

sub uploads { return $t->backend_ctl('ingestion', 'uploads') }
sub pushes { return $t->backend_requests('ingestion', 'ingest.push') }

# The request, or its first part; each has a key of its own.
sub bytes_of {
    my ($do, $total, $sent) = @_;
    my $key = "$do " . ++$n;
    my $bytes = Test::Wizdata::build('POST', $path, keepalive => 1,
        headers => [ 'Content-Type: text/csv', "Idempotency-Key: $key" ],
        body => pattern(0, $total));
    return defined $sent ? substr($bytes, 0, length($bytes) - $total + $sent)
        : $bytes;
}

sub this_call {
    my ($call) = grep { ($_->{ctx}{idem} // '') =~ / $n$/ } pushes();
    return $call;
}

sub calls { return scalar grep { ($_->{ctx}{idem} // '') =~ / $n$/ } pushes() }

sub fine {
    my ($name) = @_;
    my $r;
    $t->wait_for("$name: the next one is answered", sub {
        $r = client()->request('POST', $path, body => 'x',
            headers => ['Content-Type: text/csv']);
        $r->status == 200 });
}

sub cancelled {
    my ($name) = @_;
    $t->wait_for("$name: the backend is told", sub {
        my $call = this_call() or return;
        grep { $_->{c} == $call->{c} && $_->{id} == $call->{id} }
            $t->backend_events('ingestion', 'cancel') });
}

# ---- the backend dies ----

for my $do (qw/ DIE0 DIE DIE_LAST /) {
    my $c = client();
    $c->send(bytes_of($do, 100_000));
    my $r = $c->response;
    is_problem($r, 502, 'bad-gateway', "$do: 502");
    is(calls(), 1, "$do: asked once: nobody has the bytes any more");
    fine($do);
}

my $c = client();
$c->send(bytes_of('DIE', 2_000_000, 100_000));
is_problem($c->response, 502, 'bad-gateway', 'in the middle: 502');
ok($c->closed, 'and the rest of the body is not waited for');

# ---- the backend breaks the protocol ----

for my $do (qw/ OVER TWICE EARLY_CREDIT TEXT CHUNK GARBAGE /) {
    my $closed = () = $t->backend_events('ingestion', 'close');
    my $c = client();
    $c->send(bytes_of($do, 300_000, 299_000));
    is_problem($c->response, 502, 'bad-gateway', "$do: 502");
    is(calls(), 1, "$do: asked once");
    $t->wait_for("$do: the connection is closed", sub {
        $closed < (() = $t->backend_events('ingestion', 'close')) });
    fine($do);
}

# Of two answers the first is good, the second is to nothing.
$c = client();
$c->send(bytes_of('TWO', 1000));
is($c->response->status, 200, 'TWO: the first answer');
fine('TWO');

my $closes = () = $t->backend_events('ingestion', 'close');
for my $do (qw/ STRANGERS LATE /) {
    my $c = client();
    $c->send(bytes_of($do, 300_000));
    is($c->response->status, 200, "$do: nothing is wrong with that");
    fine($do);
}
is(scalar(() = $t->backend_events('ingestion', 'close')), $closes,
    'no connection was closed');

# ---- the backend is silent ----

for my $do (qw/ HOLD MUTE /) {
    my $c = client();
    my $sent = $do eq 'HOLD' ? 400_000 : undef;
    $c->send(bytes_of($do, $sent ? 1_000_000 : 1000, $sent));
    my $r = $c->response;
    is_problem($r, 504, 'timeout', "$do: 504");
    is($r->header('connection'), $sent ? 'close' : 'keep-alive',
        "$do: what becomes of the connection");
    cancelled($do);
    fine($do);
}

# It counts from the last sign of life: longer than the method's time in all.
# A machine that stands still for that long has lost this once, not always.
sub in_time {
    my ($name, $try) = @_;
    my $status = 0;
    for (1 .. 5) {
        $status = $try->();
        last if $status != 504;
    }
    is($status, 200, $name);
}

sub pause {
    select undef, undef, undef, TIMEOUT / 3;
}

in_time('a backend that takes its time, bit by bit', sub {
    my $c = client();
    $c->send(bytes_of('HOLD', 400_000));
    $t->poll(sub { my ($u) = grep { $_->{got} == 262_144 } @{ uploads() } });
    for (1 .. 5) {
        pause();
        $t->backend_ctl('ingestion', 'feed', 1000);
    }
    $t->backend_ctl('ingestion', 'feed');
    return $c->response->status;
});

in_time('a client that takes its time', sub {
    my $c = client();
    $c->send(bytes_of('TAKE', 1000, 990));
    for my $i (1 .. 5) {
        pause();
        $c->send('x');
    }
    $c->send('12345');
    return $c->response->status;
});

# ---- the client does not go on ----

for my $port (8083, 8084) {
    my $name = $port == 8083 ? 'HTTP/1.1' : 'HTTP/2';
    my ($c, $s);
    if ($port == 8083) {
        $c = client(port => port($port));
        $c->send(bytes_of('TAKE', 1000, 10));
        my $r = $c->response;
        is_problem($r, 408, 'request-timeout', "$name: 408");
        is($r->header('connection'), 'close', "$name: says that it closes");
        ok($c->closed, "$name: and does");
    } else {
        $c = Wizdata::H2->new(port($port));
        $s = $c->start('POST', $path, [ 'x-api-key' => $t->key,
            'content-type' => 'text/csv', 'idempotency-key' => 'TAKE ' . ++$n ]);
        $c->data($s, 'abc');
        my $r = $c->response($s);
        is("$r->{end} $r->{status}", '1 408', "$name: 408");
        like($r->{body}, qr/problem:request-timeout/, "$name: as a problem");
    }
    cancelled("$name, a client that stalls");

    # But not while it is the backend that is waited for.
    if ($port == 8083) {
        $c = client(port => port($port));
        $c->send(bytes_of('HOLD', 300_000));
    } else {
        $s = $c->start('POST', $path, [ 'x-api-key' => $t->key,
            'content-type' => 'text/csv', 'idempotency-key' => 'HOLD ' . ++$n ]);
        $c->data($s, pattern(0, 262_144));    # more may not be taken now
    }
    $t->poll(sub { grep { $_->{got} == 262_144 } @{ uploads() } });
    my $until = time() + TIMEOUT / 2;
    1 while time() < $until && !select undef, undef, undef, 0.05;
    $t->backend_ctl('ingestion', 'feed');
    if ($port == 8083) {
        like($c->response->status, qr/^(200|504)$/,
            "$name: a backend that stalls is no fault of the client");
    } else {
        $c->data($s, pattern(262_144, 30_000), end => 1);
        like($c->response($s)->{status}, qr/^(200|504)$/,
            "$name: a backend that stalls is no fault of the client");
    }
    fine($name);
}

# ---- the client leaves ----

for my $how (qw/ close reset /) {
    for my $do (qw/ TAKE HOLD /) {
        my $c = client();
        $c->send(bytes_of($do, 1_000_000, 100_000));
        $t->poll(sub { grep { $_->{got} == 100_000 } @{ uploads() } });
        $c->$how;
        cancelled("$how in the middle, $do");
    }
    my $c = client();
    $c->send(bytes_of('HOLD', 1_000_000, 400_000));
    $t->poll(sub { grep { $_->{got} == 262_144 } @{ uploads() } });
    $c->$how;
    cancelled("$how while nobody listens");    # with the method's time at last

    $c = client();
    $c->send(bytes_of('MUTE', 1000));
    $t->poll(sub { grep { $_->{last} } @{ uploads() } });
    $c->$how;
    cancelled("$how behind the body");
}

my $h = Wizdata::H2->new(port(8082));
for my $sent (10, 262_144) {
    my $s = $h->start('POST', $path, [ 'x-api-key' => $t->key,
        'content-type' => 'text/csv', 'idempotency-key' => 'HOLD ' . ++$n ]);
    $h->data($s, pattern(0, $sent));
    $t->poll(sub { grep { $_->{got} == $sent } @{ uploads() } });
    $h->reset($s);
    cancelled("HTTP/2, reset after $sent");
}
my $s = $h->start('POST', $path, [ 'x-api-key' => $t->key,
    'content-type' => 'text/csv' ]);
$h->data($s, 'abc', end => 1);
like($h->response($s)->{body}, qr/"bytes":3\b/, 'its connection goes on');

# Fifty of them at once, in every state.
my @c = map { client() } 1 .. 50;
for my $i (0 .. $#c) {
    $c[$i]->send(bytes_of((qw/ TAKE HOLD MUTE /)[ $i % 3 ], 500_000,
        $i % 5 * 100_000));
}
$t->poll(sub { my $u = uploads(); @$u > 30 });
$_->reset for @c;
$t->wait_for('nothing is left of fifty', sub { !@{ uploads() } });
fine('after fifty');

# ---- a key that is revoked ----

my $key = $t->add_key(perm => ['ingest:write']);
$c = client();
$c->send(bytes_of('TAKE', 1000, 500) =~ s/X-API-Key: \S+/X-API-Key: $key/r);
$t->poll(sub { grep { $_->{got} == 500 } @{ uploads() } });
$t->revoke($key);
$t->wait_for('the key is void', sub {
    get('/v1/ingest', key => $key)->status == 401 });
$c->send(substr pattern(0, 1000), 500);
is($c->response->status, 200, 'what it began happens, and is told of');

# ---- the backend says farewell, nginx is told to reload ----

$c = client();
$c->send(bytes_of('TAKE', 400_000, 200_000));
$t->poll(sub { grep { $_->{got} == 200_000 } @{ uploads() } });
$t->backend_ctl('ingestion', 'notify', 'sys.goaway', []);
fine('after the farewell');
$c->send(substr pattern(0, 400_000), 200_000);
is($c->response->status, 200, 'what was begun there ends there');
is(calls(), 1, 'asked once');

is(join(' ', $t->workers), $worker, 'the worker is still the same');

$c = client();
$c->send(bytes_of('TAKE', 400_000, 200_000));
$t->poll(sub { grep { $_->{got} == 200_000 } @{ uploads() } });
$t->reload;
$t->poll(sub { grep { $_ != $worker } $t->workers });
$c->send(substr pattern(0, 400_000), 200_000);
is($c->response->status, 200, 'a reload does not end it');
$t->poll(sub { !grep { $_ == $worker } $t->workers });
