#!/usr/bin/perl

# Auth is told of every 401 and 403: who, from where, what and why; equal ones
# as one row, no more than there is room for, and never what a client sent.

use warnings;
use strict;

use IO::Socket::UNIX;
use List::Util 'sum0';

use Test::Wizdata;
use Wizdata::Jwt;
use Wizdata::MessagePack;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $socket = $t->dir . '/http.sock';
my $k = Wizdata::Jwt->new($t->dir, 'ES256');
my $stranger = Wizdata::Jwt->new($t->dir, 'ES256', kid => 'stranger');

$t->write_file('keys.json', jwks($k));
$t->write_file('users', "tom:{PLAIN}sesame\n");
$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0] // '';
    return error_reply(-4, 'not yours') if $s eq 'NOT';
    return error_reply(-3, 'log in again') if $s eq 'AGAIN';
    return hold('{"held":1}') if $s eq 'HOLD';
    return '{}';
});
$t->auth(undef, methods => { 'users.create' => sub { '{}' } });
$t->config(workers => 2, http => <<"EOF", server => <<'EOF2',
    wizdata_jwt_issuer https://login.example.com audience=wizdata
        keys=file:$t->{dir}/keys.json name=login leeway=0;
    wizdata_limit_anonymous rate=3/h burst=3;
    set_real_ip_from 127.0.0.1;
    real_ip_header X-From;
EOF
        location = /api/status/config { wizdata_status_config; }
        location = /private/health { wizdata_health_detailed; }
        location /deny/ {
            rewrite ^/deny(/.*) $1 break;
            wizdata_api on;
            deny all;
        }
        location /basic/ {
            rewrite ^/basic(/.*) $1 break;
            wizdata_api on;
            auth_basic x;
            auth_basic_user_file %%TESTDIR%%/users;
        }
        location = /closed { wizdata_status_services public; deny all; }
        location /never/ { wizdata_api on; return 403; }
        location /any/ {
            rewrite ^/any(/.*) $1 break;
            wizdata_api on;
            satisfy any;
            allow 203.0.113.0/24;
            deny all;
        }
        location /page/ {
            rewrite ^/page(/.*) $1 break;
            wizdata_api on;
            error_page 401 403 =200 @page;
        }
        location @page { return 200 page; }
        location /guarded/ {
            wizdata_access reports:read;
            proxy_pass http://127.0.0.1:%%PORT_8082%%/;
        }
        location /plain/ { deny all; }
        location /sub/ {
            auth_request /check;
            proxy_pass http://127.0.0.1:%%PORT_8082%%/;
        }
        location = /check {
            internal;
            rewrite ^ /v1/bars?symbol=A break;
            wizdata_api on;
        }
        location /limited/ {
            rewrite ^/limited(/.*) $1 break;
            wizdata_api on;
            wizdata_limit on;
        }
EOF2
    servers => <<"EOF");
    server {
        listen unix:$socket;
        wizdata_errors on;
        location /v1/ { wizdata_api on; }
    }
    server {
        listen 127.0.0.1:%%PORT_8082%%;
        return 200 page;
    }
EOF
$t->run();

my $bars = '/v1/bars?symbol=IBM';
my @secrets;

# ---- what auth was told ----

sub notices {
    return map { $_->{params} } grep { $_->{method} eq 'auth.refusals' }
        $t->backend_events('auth', 'notify');
}

# Rows by address: [ sub, key, method, code, reason ], n of them, and when.
sub told {
    my ($ip) = @_;

    my %rows;
    for my $row (map { @{ $_->[0] } } notices()) {
        next unless $row->[1] eq $ip;
        my $what = join ' ', map { length $_ ? $_ : '-' } @$row[ 2 .. 6 ];
        $rows{$what} += $row->[7];
    }
    return \%rows;
}

my $address = 0;

sub address { $address++; return "192.0.2.$address" }

# A request from an address of its own.
sub from {
    my ($ip, $path, %o) = @_;

    my $body = delete $o{post};
    push @{ $o{headers} }, "X-From: $ip";
    push @secrets, $o{key} if defined $o{key};
    return defined $body ? post($path, $body, %o) : get($path, %o);
}

# One request and its status. Later: the only row that auth got of it.
my @expected;

sub refused {
    my ($name, $status, $row, $path, %o) = @_;

    my $ip = address();
    is(from($ip, $path, %o)->status, $status, "$name: status");
    push @expected, [ $name, $ip, $row ];
}

sub are_told {
    $t->wait_for('all are told', sub {
        return !grep { !%{ told($_->[1]) } } @expected });
    is_deeply(told($_->[1]), { $_->[2] => 1 }, "$_->[0]: told") for @expected;
    @expected = ();
}

sub ns { return int(Time::HiRes::time() * 1e6) * 1000 + 1e9 * ($_[0] // 0) }

sub bearer {
    push @secrets, $_[0];
    return (key => undef, headers => [ "Authorization: Bearer $_[0]" ]);
}

my $since = ns(-1);

# ---- keys ----

refused('no credential', 401, '- - bars.query -3 no-credential', $bars,
    key => undef);
are_told();
my ($row) = map { @{ $_->[0] } } notices();
ok($row->[0] > $since && $row->[0] <= ns(), 'when it was');
like((notices())[0][2], qr/^.+:\d+$/, 'the instance');
is((grep { $_->{instance} eq (notices())[0][2] }
    $t->backend_events('auth', 'hello'))[0]{service}, 'gateway',
    'is that of the hello');

refused('another scheme', 401, '- - bars.query -3 bad-scheme', $bars,
    key => undef, headers => ['Authorization: Basic dG9tOnNlc2FtZTIz']);
refused('no key', 401, '- - bars.query -3 bad-key', $bars, key => 'nonsense');
my $unknown = wd_apikey();
refused('an unknown key', 401, '- - quotes.query -3 bad-key',
    '/v1/quotes?symbol=A', key => $unknown);
refused('the same, known to be none', 401, '- - bars.query -3 bad-key', $bars,
    key => $unknown);

my $key = $t->add_key(sub => 'alice', perm => ['bars:read'],
    nets => ['203.0.113.0/24']);
my $id = $t->{keys}{ key_digest($key) }{key};
refused('a network', 403, "alice $id bars.query -4 network", $bars,
    key => $key);
$key = $t->add_key(sub => 'bob', perm => ['bars:read'],
    methods => ['quotes.query']);
$id = $t->{keys}{ key_digest($key) }{key};
refused('a method', 403, "bob $id bars.query -4 method", $bars, key => $key);
$key = $t->add_key(sub => 'carol', perm => ['bars:read']);
$id = $t->{keys}{ key_digest($key) }{key};
refused('a permission', 403, "carol $id users.list -4 permission",
    '/v1/users', key => $key);

# ---- tokens ----

my $now = int Time::HiRes::time();
my $good = $k->token;
my ($h, $c, $s) = split /\./, $good;
my @tokens = (
    [ 'bad-token', "$h.$c" ],
    [ 'bad-token', 'x' x 4000 ],
    [ 'bad-token', $k->token({ exp => 'soon' }) ],
    [ 'token-issuer', $k->token({ iss => 'https://nobody' }) ],
    [ 'token-key', $stranger->token ],
    [ 'token-signature', "$h.$c." . b64u('x' x 64) ],
    [ 'token-audience', $k->token({ aud => 'somebody' }) ],
    [ 'token-early', $k->token({ nbf => $now + 300 }) ],
    [ 'token-expired', $k->token({ exp => $now - 100, iat => $now - 200 }) ],
);
refused($_->[0], 401, "- - bars.query -3 $_->[0]", $bars, bearer($_->[1]))
    for @tokens;
refused('a permission of a token', 403,
    'login:user - users.list -4 permission', '/v1/users',
    bearer($k->token({ permissions => ['bars:read'] })));

is(from(address(), $bars, bearer($good))->status, 200, 'a good one');
my $void = $k->token({ jti => 'one', sub => 'dave' });
is(from(address(), $bars, bearer($void))->status, 200, 'another');
$t->backend_ctl('auth', 'notify', 'auth.revoke_token',
    [ [ [ 'jti', 'one', ns(600) ] ], ns() ]);
my $ip = address();
$t->wait_for('is revoked', sub {
    from($ip, $bars, bearer($void))->status == 401 });
$t->wait_for('revoked: told', sub { %{ told($ip) } });
like(join(',', keys %{ told($ip) }),
    qr/^(login:dave|-) - bars\.query -3 token-revoked$/, 'revoked: as it is');

are_told();

# ---- while the request is worked on ----

$key = $t->add_key(sub => 'erin', perm => ['*']);
$id = $t->{keys}{ key_digest($key) }{key};
$ip = address();
my $c1 = client();
$c1->send_request('GET', '/v1/bars?symbol=HOLD', key => $key,
    headers => ["X-From: $ip"]);
$t->poll(sub { $t->backend_ctl('analytics', 'held') });
my $c2 = client();
$c2->send("POST /v1/users HTTP/1.1\r\nHost: x\r\nX-API-Key: $key\r\n"
    . "X-From: $ip\r\nContent-Type: application/json\r\n"
    . "Content-Length: 17\r\n\r\n{\"email\":");
$t->poll(sub { $t->backend_calls('auth', 'auth.verify') });
my $alive = client();
is($alive->get('/health', keepalive => 1)->status, 200, 'read so far');
push @secrets, $key;
$t->revoke($key);
is($c1->response->status, 401, 'revoked while it waits');
$c2->send('"a@b.c"}');
my $r = $c2->response;
SKIP: {
    skip 'the body came before the key was looked at', 1
        unless $r->status == 401;
    is($r->status, 401, 'revoked while the body comes');
}
$t->wait_for('revoked: told', sub { %{ told($ip) } });
is(told($ip)->{"erin $id bars.query -3 revoked"}, 1, 'with whose it was');

# ---- the service's own answer ----

$key = $t->add_key(sub => 'frank', perm => ['*']);
$id = $t->{keys}{ key_digest($key) }{key};
refused('a service forbids', 403, "frank $id bars.query -4 backend",
    '/v1/bars?symbol=NOT', key => $key);
refused('a service does not know', 401, "frank $id bars.query -3 backend",
    '/v1/bars?symbol=AGAIN', key => $key);

# ---- status pages ----

refused('a status page', 401, '- - /api/status/config -3 no-credential',
    '/api/status/config', key => undef);
refused('no permission', 403, 'carol 3 /health/detailed -4 permission',
    '/private/health',
    key => $t->add_key(sub => 'carol', key => '3', perm => ['bars:read']));

# ---- nginx's own rules ----

refused('deny', 403, "frank $id bars.query -4 server",
    '/deny/v1/bars?symbol=A', key => $key);
refused('our refusal comes first', 401, '- - bars.query -3 no-credential',
    '/deny/v1/bars?symbol=A', key => undef);
refused('auth_basic', 401, "frank $id bars.query -3 server",
    '/basic/v1/bars?symbol=A', key => $key);
refused('a closed page', 403, '- - /api/status/services -4 server', '/closed',
    key => undef);
refused('before any rule', 403, '- - - -4 server', '/never/v1/bars',
    key => undef);

# ---- satisfy any, pages, guarded locations, subrequests ----

refused('satisfy any: neither', 401, '- - bars.query -3 bad-key',
    '/any/v1/bars?symbol=A', key => wd_apikey());
refused('whose it was', 403, 'carol 4 users.list -4 permission',
    '/any/v1/users',
    key => $t->add_key(sub => 'carol', key => '4', perm => ['bars:read']));
is(from('203.0.113.5', '/any/v1/bars?symbol=A', key => wd_apikey())->status,
    200, 'satisfy any: the address');
refused('another page for it', 200, '- - bars.query -3 no-credential',
    '/page/v1/bars?symbol=A', key => undef);
refused('a guarded page', 401, '- - - -3 no-credential', '/guarded/x',
    key => undef);
refused('a subrequest', 401, '- - bars.query -3 no-credential', '/sub/x',
    key => undef);
is(from('203.0.113.6', '/plain/x')->status, 403, 'no place of ours');

are_told();

# ---- no refusals ----

is(from('203.0.113.7', $_->[0], %{ $_->[2] || {} })->status, $_->[1],
    "$_->[1] $_->[0]")
    for [ $bars, 200 ], [ '/v1/nothing', 404 ], [ '/v1/bars', 400 ],
    [ '/health', 200, { key => undef } ],
    [ $bars, 400, { headers => ['X-API-Key: second'] } ],
    [ $bars, 405, { post => '{}' } ];

# ---- the limiter ----

my %n;
$n{ from('198.51.100.1', '/limited' . $bars, key => wd_apikey())->status }++
    for 1 .. 9;
is_deeply(\%n, { 401 => 3, 429 => 6 }, 'guesses are limited');

# ---- where it comes from ----

refused('with a port', 401, '- - bars.query -3 no-credential', $bars,
    key => undef, headers => ['X-Forwarded-For: 1.2.3.4']);
my $six = '2001:db8::7';
is(from($six, $bars, key => undef)->status, 401, 'IPv6');
push @expected, [ 'IPv6', $six, '- - bars.query -3 no-credential' ];

my $u = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!";
print $u "GET $bars HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
like(do { local $/; <$u> }, qr/^HTTP\/1.1 401 /, 'a Unix socket');
push @expected, [ 'no address', '', '- - bars.query -3 no-credential' ];
are_told();
$t->wait_for('what came before the limit is told', sub {
    (told('198.51.100.1')->{'- - bars.query -3 bad-key'} // 0) >= 3 });

# ---- many equal ones, over all workers ----

my @clients = map { client() } 1 .. 12;
for my $round (1 .. 20) {
    $_->send_request('GET', $bars, key => undef, keepalive => 1,
        headers => ['X-From: 198.51.100.2']) for @clients;
    $_->response for @clients;
}
$t->wait_for('all are told', sub {
    (told('198.51.100.2')->{'- - bars.query -3 no-credential'} // 0) == 240 });
my @rows = grep { $_->[1] eq '198.51.100.2' } map { @{ $_->[0] } } notices();
cmp_ok(scalar @rows, '<', 240, 'in fewer rows');

# ---- what is malformed ----

my @junk = ("\x01\xff\xfe", '%00%0a', "wd_live_\x80", 'x' x 3000,
    '"}],"', "\x93\xc0\xc0", '../../etc/passwd', 'wd_live_' . '0' x 38);
for my $junk (@junk) {
    push @secrets, $junk if length $junk > 3;
    for my $line ("X-API-Key: $junk", "Authorization: $junk",
        "Authorization: Bearer $junk", "Authorization: Bearer $junk.$junk.")
    {
        my $c = client();
        $c->send("GET $bars HTTP/1.1\r\nHost: x\r\nX-From: 198.51.100.3\r\n"
            . "X-Request-Id: $junk\r\nUser-Agent: $junk\r\n$line\r\n"
            . "Connection: close\r\n\r\n");
        $n{ ($c->slurp =~ m{^HTTP/1.1 (\d+)})[0] // 'none' }++;
    }
}
for my $bytes ("\x00\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
    "GET $bars HTTP/1.1\r\n\r\n", "GET $bars HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "POST $bars HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n")
{
    my $c = client();
    $c->send($bytes);
    shutdown $c->{fh}, 1;
    $c->slurp;
}
$t->wait_for('malformed credentials are told', sub {
    sum0(values %{ told('198.51.100.3') }) == $n{401} - 3 });
is(join(' ', grep { !/^- - bars\.query -3 (bad-(key|token|scheme))$/ }
    sort keys %{ told('198.51.100.3') }), '', 'as what they are');
is_deeply(told($_), {}, "$_ was not refused")
    for map { "203.0.113.$_" } 5 .. 7;

is_deeply(told('198.51.100.1'), { '- - bars.query -3 bad-key' => 3 },
    'nor by the limiter');

# ---- no auth, and no room ----

my $lost = sub {
    my ($n) = get('/metrics')->text =~ /^wizdata_refusals_lost_total (\d+)/m;
    return $n;
};
is($lost->(), 0, 'nothing is lost so far');

$t->backend_stop('auth');
my $many = client();
for my $i (0 .. 299) {
    my $from = sprintf '198.18.%d.%d', $i / 256, $i % 256;
    $many->send_request('GET', $bars, key => undef, keepalive => 1,
        headers => ["X-From: $from"]);
    fail("$from: " . $_->status)
        for grep { $_->status != 401 } $many->response;
    next if $i != 10;
    $many->send_request('GET', $bars, key => undef, keepalive => 1,
        headers => ['X-From: 198.18.0.3']);
    $many->response;
}
is($lost->(), 44, 'there is room for 256');
$t->backend_start('auth');
my @full;
$t->wait_for('what there was room for is told when auth is back', sub {
    @full = grep { @{ $_->[0] } && $_->[0][0][1] =~ /^198\.18\./ } notices();
    return @full == 1 });
is(scalar @{ $full[0][0] }, 256, 'all rows');
is($full[0][1], 44, 'and how many there are beside them');
is((grep { $_->[1] eq '198.18.0.3' } @{ $full[0][0] })[0][7], 2,
    'one of them twice');
is($lost->(), 44, 'no more were lost');

refused('and on', 401, '- - bars.query -3 no-credential', $bars,
    key => undef);
are_told();
is(sum0(map { $_->[1] } notices()), 44, 'what is lost is told once');

# ---- a worker that ends ----

$t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });
$ip = address();
is(from($ip, $bars, key => undef)->status, 401, 'refused');
ok($t->renew, 'other workers');
$t->wait_for('what the old ones had is told', sub {
    (told($ip)->{'- - bars.query -3 no-credential'} // 0) == 1 });

# ---- secrets, words ----

my $all = mp_encode([ notices() ]);
is(join("\n", grep { index($all, $_) >= 0 } @secrets), '',
    scalar(@secrets) . ' secrets are in none');

open my $def, '<',
    "$t->{root}/ngx_wizdata_module/ngx_http_wizdata_refusals.def" or die $!;
my @words = do { local $/; <$def> } =~ /^REFUSAL\(\w+,\s*"([^"]+)"\)/mg;
open my $doc, '<', "$t->{root}/docs/PROTOCOL.md" or die $!;
my $text = do { local $/; <$doc> };
is(join(' ', grep { $text !~ /`$_`/ } @words), '',
    scalar(@words) . ' words are documented');
my %seen = map { $_->[6] => 1 } map { @{ $_->[0] } } notices();
is(join(' ', grep { !$seen{$_} } @words), '', 'and each was told');
