#!/usr/bin/perl

# What is being answered ends when its credential is void: bodies, calls that
# are awaited, other content handlers; and goes on when it only changed.

use warnings;
use strict;

use POSIX ();
use Time::HiRes 'time';

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0];
    return stream(1_000_000, stall_at => 200_000) if $s eq 'OPEN';
    return stream(1_000_000, stall_at => 200_000, len => 0) if $s eq 'CHUNKS';
    return hold('{"held":1}') if $s eq 'HOLD';
    return '{}';
});
$t->auth(undef, methods => {
    'auth.verify' => sub {
        my ($req) = @_;

        return hold('{}') if $req->{backend}{mute};
        my $v = $t->{keys}{ $req->{args}{digest} };
        return $v ? reply(undef, meta => $v) : error_reply(-3, 'unknown');
    } });
$t->config(workers => 2, http => <<'EOF', server => <<'EOF2', servers => <<'EOF3');
    wizdata_timeout bars.query 60s;
    wizdata_verdict_ttl 1h;
EOF
        location /slow/ {
            wizdata_access key;
            proxy_buffering off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/;
        }
EOF2
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        location / {
            limit_rate 20k;
            alias %%TESTDIR%%/;
        }
    }
    server {
        listen 127.0.0.1:%%PORT_8082%% http2;
        wizdata_errors on;
        location /v1/ { wizdata_api on; }
        location /slow/ {
            wizdata_access key;
            proxy_buffering off;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/;
        }
    }
EOF3
$t->write_file('large', 'x' x 4_000_000);
$t->run();
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });

sub ns { return int(time() * 1e6) * 1000 + ($_[0] || 0) * 1_000_000_000 }

# An answer that has begun.
sub begin {
    my ($symbol, $key) = @_;

    my $path = $symbol =~ m{^/} ? $symbol : "/v1/bars?symbol=$symbol";
    my $c = client();
    $c->send_request('GET', $path, key => $key, keepalive => 1);
    my $head = $c->until(qr/\r\n\r\n/);
    like($head, qr/^HTTP\S+ 200/, 'begun') if $head !~ /^HTTP\S+ 200/;
    return $c;
}

sub await {
    my ($key) = @_;

    my $held = $t->backend_ctl('analytics', 'held');
    my $c = client();
    $c->send_request('GET', '/v1/bars?symbol=HOLD', key => $key);
    $t->poll(sub { $t->backend_ctl('analytics', 'held') > $held });
    return $c;
}

# Reads what is there; false at the end.
sub lives {
    my ($c) = @_;

    for (1 .. 100) {
        my $in = '';
        vec($in, fileno $c->{fh}, 1) = 1;
        return 1 unless select $in, undef, undef, 0.01;
        return 0 unless sysread $c->{fh}, my $bytes, 65536;
    }
    return 1;
}

sub ends {
    my ($name, $c) = @_;

    return $t->wait_for($name, sub { !lives($c) });
}

# ---- over HTTP/2 ----

# A client that reads until the end; its file and its process.
sub begin_h2 {
    my ($path, $key) = @_;

    my $file = $t->dir . '/h2.' . ++$t->{n_h2};
    my $pid = fork // die;
    if (!$pid) {
        { exec 'curl', '-s', '--http2-prior-knowledge', '-N', '-o', $file,
            '-H', "X-API-Key: $key",
            'http://127.0.0.1:' . port(8082) . $path; }
        POSIX::_exit(127);
    }
    $t->poll(sub { -s $file });
    return $pid;
}

SKIP: {
    skip('no HTTP/2 in curl', 4) unless `curl -V 2>&1` =~ /HTTP2/;

    my ($key, $other) = map { $t->add_key(perm => ['*']) } 1, 2;
    my %pid;
    for my $path ('/v1/bars?symbol=OPEN', '/slow/large') {
        $pid{$path} = [ map { begin_h2($path, $_) } $key, $other ];
    }
    $t->revoke($key, at => 0);
    for my $path (sort keys %pid) {
        my ($gone, $kept) = @{ $pid{$path} };
        ok($t->poll(sub { waitpid($gone, POSIX::WNOHANG()) == $gone })
            && $? != 0, "HTTP/2: $path ends as an error");
        is(waitpid($kept, POSIX::WNOHANG()), 0, 'of another key not');
        kill 'KILL', $kept;
        waitpid $kept, 0;
    }
}

# ---- a key that is void ----

my $kept = $t->add_key(perm => ['*']);
my $gone = $t->add_key(perm => ['*']);
my @kept = map { begin($_, $kept) } qw/ OPEN CHUNKS OPEN CHUNKS /;
my @gone = map { begin($_, $gone) } qw/ OPEN CHUNKS OPEN CHUNKS /;
my @wait = map { await($gone) } 1 .. 4;
my $wait = await($kept);
my $page = begin('/slow/large', $gone);
my $page_kept = begin('/slow/large', $kept);

$t->revoke($gone);
ends("body $_ breaks off", $gone[$_]) for 0 .. $#gone;
for (@wait) {
    is_problem($_->response, 401, 'unauthenticated', 'a call that is awaited');
}
ends('another handler, too', $page);
ok(lives($_), 'another key is not touched') for @kept, $page_kept;
is(get('/v1/bars?symbol=IBM', key => $kept)->status, 200, 'nor a new request');
is(get('/v1/bars?symbol=IBM', key => $gone)->status, 401, 'the void one');

# ---- a key that only changed ----

my $asked = $t->backend_calls('auth', 'auth.verify');
$t->backend_ctl('auth', 'notify', 'auth.revoke',
    [ [ key_digest($kept) ], ns() ]);
$t->wait_for('asked again', sub {
    $t->backend_calls('auth', 'auth.verify') > $asked });
$asked = $t->backend_calls('auth', 'auth.verify');
$t->backend_ctl('auth', 'notify', 'auth.revoke', [ [] ]);
$t->wait_for('all void: asked again', sub {
    $t->backend_calls('auth', 'auth.verify') > $asked });
is(get('/v1/bars?symbol=IBM', key => $kept)->status, 200, 'good as before');
ok(lives($_), 'its bodies go on') for @kept, $page_kept;
$t->backend_ctl('analytics', 'release');
is($wait->response->status, 200, 'a call is answered');

# ---- it lost the permission ----

my $less = $t->add_key(perm => ['*']);
my $open = begin('OPEN', $less);
$wait = await($less);
$t->backend_ctl('auth', 'know', key_digest($less), { sub => 'x', key => '77',
    plan => 'p', perm => ['quotes:read'] });
$t->backend_ctl('auth', 'notify', 'auth.revoke',
    [ [ key_digest($less) ], ns() ]);
ends('a body', $open);
is_problem($wait->response, 403, 'forbidden', 'a call', qr/bars:read/);
is(get('/v1/bars?symbol=IBM', key => $less)->status, 403, 'a new request');

# ---- auth does not answer ----

my $dark = $t->add_key(perm => ['*']);
$open = begin('OPEN', $dark);
my $other = begin('OPEN', $kept);
$t->backend_ctl('auth', 'set', 'mute', 1);
$t->backend_ctl('auth', 'notify', 'auth.revoke',
    [ [ key_digest($dark) ], ns() ]);
ends('named, and nobody can tell', $open);
ok(lives($other), 'not named: it goes on');
$t->backend_ctl('auth', 'set', 'mute', undef);

# No sign of life either: what is open goes on, and is asked about.
$t->backend_ctl('auth', 'set', 'beat', undef);
$asked = $t->backend_calls('auth', 'auth.verify');
$t->wait_for('an open answer is asked about without a push channel', sub {
    $t->backend_calls('auth', 'auth.verify') > $asked + 2 });
ok(lives($other), 'and goes on');
$dark = $t->add_key(perm => ['*']);
$open = begin('OPEN', $dark);
$t->revoke($dark, quietly => 1);
ends('until auth says otherwise', $open);
ok(lives($other), 'of this key alone');
$t->backend_ctl('auth', 'set', 'beat', 1);
$t->wait_for('works again', sub {
    get('/v1/bars?symbol=IBM', key => $kept)->status == 200 });

# ---- by owner ----

my ($mine, $yours) = map { $t->add_key(perm => ['*'], uid => $_) } 'me', 'you';
my @open = map { begin('OPEN', $_) } $mine, $yours;
$t->backend_ctl('auth', 'forget', key_digest($mine));
$t->backend_ctl('auth', 'notify', 'auth.revoke_token',
    [ [ [ 'uid', 'me', 0 ] ], ns() ]);
ends('keys of an owner', $open[0]);
is(get('/v1/bars?symbol=IBM', key => $mine)->status, 401, 'are asked again');
ok(lives($open[1]), 'of another not');

# ---- it expires ----

my $begun = time;
my $short = $t->add_key(perm => ['*'], exp => ns(2));
$open = begin('OPEN', $short);
$page = begin('/slow/large', $short);
ends('a body ends with its key', $open);
ends('another handler', $page);
cmp_ok(time - $begun, '>', 1.5, 'not before');
is(get('/v1/bars?symbol=IBM', key => $short)->status, 401, 'expired');

# ---- counted once for all workers, with its latency ----

my $m = get('/metrics')->body;
like($m, qr/^wizdata_revocations_total\{kind="key"\} 5$/m, 'counted');
like($m, qr/^wizdata_revocation_seconds_count 4$/m, 'measured');

# ---- what breaks the protocol closes the connection ----

# (Each costs the back-off of a connection.)
for my $params ([], [ [ ['jti'] ] ], [ [ [ 'jti', 'x', 'soon' ] ] ],
    [ [ [ 'odd', 'x', 5 ] ] ], [ [ [ 'sub', 'x' x 256, 5 ] ] ],
    [ [], 'now' ])
{
    my $closed = $t->backend_events('auth', 'close');
    my $n = $t->backend_ctl('auth', 'notify', 'auth.revoke_token', $params);
    $t->wait_for('malformed: ' . substr(mp_dump(mp_encode($params)), 0, 40),
        sub { $t->backend_events('auth', 'close') >= $closed + $n });
    $t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });
    $t->wait_for('works again', sub {
        get('/v1/bars?symbol=IBM', key => $kept)->status == 200 });
}
for my $params ([ [] ], [ [], 0 ], [ [ [ 'jti', '', 1 ] ], 0 ],
    [ [ [ 'all', '', 1 ], [ 'sub', 'x' x 255, -1 ] ], ns() ])
{
    my $closed = $t->backend_events('auth', 'close');
    $t->backend_ctl('auth', 'notify', 'auth.revoke_token', $params);
    is(get('/v1/bars?symbol=IBM', key => $kept)->status, 200, 'well-formed');
    is($t->backend_events('auth', 'close'), $closed, 'and taken');
}
