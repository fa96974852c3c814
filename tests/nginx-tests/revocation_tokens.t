#!/usr/bin/perl

# Tokens that are revoked: by id, by subject, all of them; pushed, or asked
# about when the push channel is silent. What is being answered ends, too.

use warnings;
use strict;

use Test::More ();
use Time::HiRes 'time';

use Test::Wizdata;

BEGIN {
    Test::More::plan(skip_all => 'no tokens in this build')
        unless eval { require Wizdata::Jwt; Wizdata::Jwt->import; 1 };
}

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $k = Wizdata::Jwt->new($t->dir, 'EdDSA', kid => 'k');

$t->write_file('keys.json', jwks($k));
$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0];
    return stream(1_000_000, stall_at => 200_000) if $s eq 'OPEN';
    return hold('{}') if $s eq 'HOLD';
    return '{}';
});
$t->auth(undef, methods => {
    'auth.token' => sub {
        my ($req) = @_;

        return $req->{backend}{void} && ($req->{args}{jti} // '')
            eq $req->{backend}{void} ? error_reply(-3, 'revoked')
            : reply('{}');
    },
    'auth.logout_all' => sub { return hold('{"ended":1}') },
    'auth.sessions' => sub { return hold('{}') } });
$t->config(workers => 2, http => <<"EOF", servers => <<'EOF2');
    wizdata_timeout bars.query 60s;
    wizdata_jwt_issuer https://issuer audience=wizdata leeway=0
        keys=file:$t->{dir}/keys.json;
    wizdata_jwt_issuer https://lax name=lax audience=wizdata leeway=30s
        keys=file:$t->{dir}/keys.json;
EOF
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        location / { wizdata_api on; }
    }
EOF2
$t->run();
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });

my $n = 0;

sub ns { return int(time() * 1e6) * 1000 + ($_[0] || 0) * 1_000_000_000 }

sub token {
    my (%claims) = @_;

    return $k->token({ iss => 'https://issuer', aud => 'wizdata',
        sub => 'alice', jti => 'j' . ++$n, iat => int time(),
        exp => int(time()) + 600, permissions => ['*'], %claims });
}

sub bearer { return (key => undef, headers => ["Authorization: Bearer $_[0]"]) }
sub status { return get("/v1/bars?symbol=$_[1]", bearer($_[0]))->status }
sub all { return join ' ', map { status($_[0], 'IBM') } 1 .. 10 }
sub asked { return $t->backend_calls('auth', 'auth.token') }

sub push_void {
    $t->backend_ctl('auth', 'notify', 'auth.revoke_token', [ [@_], ns() ]);
}

sub begin {
    my ($token) = @_;

    my $c = client();
    $c->send_request('GET', '/v1/bars?symbol=OPEN', bearer($token));
    $c->until(qr/\r\n\r\n/);
    return $c;
}

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

my ($ok, $no) = ((join ' ', (200) x 10), (join ' ', (401) x 10));

# ---- by id ----

my $kept = token(jti => 'kept');
my $gone = token(jti => 'gone');
is(all($kept), $ok, 'a token');
is(all($gone), $ok, 'another of the same subject');
my ($open, $open_kept) = map { begin($_) } $gone, $kept;
my $wait = client();
$wait->send_request('GET', '/v1/bars?symbol=HOLD', bearer($gone));
$t->poll(sub { $t->backend_ctl('analytics', 'held') });
push_void([ 'jti', 'gone', ns(600) ]);
$t->wait_for('revoked', sub { status($gone, 'IBM') == 401 });
is(all($gone), $no, 'in every worker');
is(all($kept), $ok, 'the other is not');
$t->wait_for('a body breaks off', sub { !lives($open) });
is_problem($wait->response, 401, 'unauthenticated', 'a call ends');
ok(lives($open_kept), 'those of others go on');
$open_kept->reset;
is(all($gone), $no, 'not forgotten');
$t->renew;
is(all($gone), $no, 'nor by a reload');
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });

my $short = token(jti => 'over');
push_void([ 'jti', 'over', ns(-61) ]);
is(all($short), $ok, 'what is over by itself need not be known');
my $late_end = int(time()) - 1;
my $ended = token(jti => 'ended', exp => $late_end,
    iss => 'https://lax');
is(all($ended), $ok, 'within the leeway');
push_void([ 'jti', 'ended', $late_end * 10**9 ]);
$t->wait_for('it can be revoked', sub { status($ended, 'IBM') == 401 });
is(all($ended), $no, 'in every worker');

# ---- what ends the token that it is called with ----

my $own = token(jti => 'own');
my ($ends, $reads) = map {
    my $c = client();
    $c->send_request($_, '/v1/auth/sessions', bearer($own));
    $c;
} qw/ DELETE GET /;
$t->wait_for('both are asked', sub { $t->backend_ctl('auth', 'held') == 2 });
push_void([ 'jti', 'own', ns(600) ]);
is_problem($reads->response, 401, 'unauthenticated', 'a question ends');
is(status($own, 'IBM'), 401, 'the token is void');
$t->backend_ctl('auth', 'release');
is($ends->response->body, '{"ended":1}', 'who ended it is told so');
is_problem(request('DELETE', '/v1/auth/sessions', bearer($own)), 401,
    'unauthenticated', 'once');

# ---- by subject ----

my $early = token(sub => 'bob', iat => int(time()) - 100);
my $late = token(sub => 'bob');
my $other = token(sub => 'carol', iat => int(time()) - 100);
my $undated = token(sub => 'bob', iat => undef);
is(all($_), $ok, 'a token') for $early, $late, $other, $undated;
$open = begin($early);
push_void([ 'sub', 'bob', ns(-50) ]);
$t->wait_for('revoked', sub { status($early, 'IBM') == 401 });
is(all($early), $no, 'issued before');
is(all($late), $ok, 'issued after');
is(all($undated), $no, 'that does not say when it was issued');
is(all($other), $ok, 'of another subject');
$t->wait_for('a body breaks off', sub { !lives($open) });
push_void([ 'sub', 'bob', ns(-500) ]);
is(all($early), $no, 'an earlier time takes nothing back');

# ---- all ----

push_void([ 'all', '', ns(-50) ]);
$t->wait_for('revoked', sub { status($other, 'IBM') == 401 });
is(all($other), $no, 'all that were issued before');
is(all($late), $ok, 'not those after');
is(all($kept), $ok, 'whosever');

# ---- a body ends with its token ----

my $brief = token(exp => int(time()) + 2);
$open = begin($brief);
$t->wait_for('a body ends with its token', sub { !lives($open) });
is(all($brief), $no, 'which has expired');

# ---- without the push channel ----

my $before = asked();
is(all($kept), $ok, 'a token that is known');
is(asked(), $before, 'is not asked about');
$t->backend_ctl('auth', 'set', 'beat', undef);
$t->wait_for('asked about when auth is silent', sub {
    status($kept, 'IBM') == 200 && asked() > $before });
my ($call) = ($t->backend_requests('auth', 'auth.token'))[-1];
is($call->{args}{jti}, 'kept', 'by id');
is($call->{args}{sub}, 'alice', 'subject');
is($call->{args}{iss}, 'https://issuer', 'issuer');
like($call->{args}{iat}, qr/^\d{19}$/, 'and time');
$before = asked();
my $from = time;
is(all($kept), $ok, 'once');
cmp_ok(asked() - $before, '<=', 2 * (2 + time() - $from),
    'a second and worker');

$t->backend_ctl('auth', 'set', 'void', 'kept');
$t->wait_for('auth says no', sub { status($kept, 'IBM') == 401 });
is(status($late, 'IBM'), 200, 'another token');
$t->backend_stop('auth');
$t->wait_for('auth is gone: 503 in the end', sub {
    status($late, 'IBM') == 503 });
$t->backend_start('auth');
$t->wait_for('auth is back', sub { status($late, 'IBM') == 200 });
