#!/usr/bin/perl

# The client's address in the context of calls: as realip and the PROXY
# protocol leave it, never as a client says; not where an answer is for all.

use warnings;
use strict;

use IO::Socket::UNIX;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $socket = $t->dir . '/http.sock';

sub ctx {
    my ($req) = @_;

    my $b = $req->{backend};
    return reply({ n => ++$b->{n}, map { $_ => $req->{ctx}{$_} }
        grep { defined $req->{ctx}{$_} } qw/ ip sub / },
        meta => { ttl => $b->{ttl} // 60 });
}

$t->backend('analytics', \&ctx);
$t->auth(undef, methods => { 'users.list' => \&ctx, 'users.create' => \&ctx,
    'auth.jwks' => \&ctx });
$t->config(workers => 2, http => 'wizdata_cache_zone 2m;',
    server => <<'EOF', servers => <<"EOF2");
        location /.well-known/ { wizdata_api on; }
        location /cached/ {
            rewrite ^/cached(/.*) $1 break;
            wizdata_api on;
            wizdata_cache on;
            set_real_ip_from 127.0.0.1;
            real_ip_header X-From;
        }
EOF
    server {
        listen 127.0.0.1:%%PORT_8081%% proxy_protocol;
        wizdata_errors on;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        location / { wizdata_api on; }
    }
    server {
        listen 127.0.0.1:%%PORT_8082%%;
        wizdata_errors on;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-From;
        location / { wizdata_api on; }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%% http2;
        wizdata_errors on;
        set_real_ip_from 127.0.0.1;
        real_ip_header X-From;
        location / { wizdata_api on; }
    }
    server {
        listen unix:$socket;
        wizdata_errors on;
        location / { wizdata_api on; }
    }
EOF2
$t->run();

my $bars = '/v1/bars?symbol=IBM';

sub ip { return $_[0]->json->{ip} }

# ---- what it is ----

is(ip(get($bars)), '127.0.0.1', 'the peer, without its port');
for my $a (qw/ 192.0.2.7 2001:db8::7 ::1 223.255.255.254
    2001:db8:ffff:ffff:ffff:ffff:ffff:ffff /)
{
    is(ip(get($bars, port => port(8082), headers => ["X-From: $a"])), $a,
        "realip: $a");

    my $c = client(port => port(8081));
    my $family = $a =~ /:/ ? 'TCP6' : 'TCP4';
    $c->send("PROXY $family $a $a 1 2\r\n");
    $c->send_request('GET', $bars);
    is(ip($c->response), $a, "PROXY protocol: $a");
}
is(ip(get($bars, port => port(8082), headers => ['X-From: 192.0.2.7:4711'])),
    '192.0.2.7', 'realip: the port is left out');
is(ip(get($bars, port => port(8082),
    headers => ['X-From: ::ffff:192.0.2.7'])), '::ffff:192.0.2.7',
    'realip: IPv4 inside IPv6');
is(ip(get($bars, port => port(8082), headers => ['X-From: nonsense'])),
    '127.0.0.1', 'realip: no address');

my $url = 'http://127.0.0.1:' . port(8083) . $bars;
my $curl = 'curl -s --http2-prior-knowledge -H X-API-Key:' . $t->key;
like(`$curl '$url'`, qr/"ip":"127\.0\.0\.1"/, 'HTTP/2');
like(`$curl -H X-From:192.0.2.21 '$url'`, qr/"ip":"192\.0\.2\.21"/,
    'HTTP/2 and realip');

my $s = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!";
print $s "GET $bars HTTP/1.1\r\nHost: x\r\nX-API-Key: " . $t->key
    . "\r\nConnection: close\r\n\r\n";
my $text = do { local $/; <$s> };
like($text, qr/^HTTP\/1.1 200 /, 'a Unix socket');
unlike($text, qr/"ip"/, 'has no address');

# ---- what a client says ----

my @claims = map { "$_: 198.51.100.1" } 'X-From', 'X-Real-IP',
    'X-Forwarded-For', 'Forwarded', 'X-Client-IP', 'True-Client-IP',
    'CF-Connecting-IP', 'ip', 'Remote-Addr';
is(ip(get($bars, headers => \@claims)), '127.0.0.1', 'is not believed');
is(ip(get($bars, port => port(8082), headers => [ 'X-Forwarded-For: 1.2.3.4',
    'X-From: 192.0.2.8', 'X-Real-IP: 1.2.3.4' ])), '192.0.2.8',
    'but what a trusted peer says');
is(get("$bars&ip=198.51.100.1")->status, 400, 'nor is it a parameter');

# ---- all kinds of methods ----

is(ip(get('/v1/users')), '127.0.0.1', 'one that is kept for each principal');
is(ip(post('/v1/users', { email => 'a@b.c' })), '127.0.0.1',
    'one with a body');
is(ip(get('/.well-known/jwks.json', key => undef)), '127.0.0.1',
    'one that is public');
my ($verify) = $t->backend_requests('auth', 'auth.verify');
ok(!exists $verify->{ctx}{ip}, 'a question about a key is not of one client');

# ---- answers that are kept ----

sub cached {
    my ($path, $from) = @_;

    return get("/cached$path", headers => ["X-From: $from"]);
}

my $r = cached($bars, '192.0.2.1');
is($r->header('x-cache'), 'MISS', 'asked for all');
is_deeply([ sort keys %{ $r->json } ], ['n'], 'nobody is named');
is(cached($bars, '192.0.2.2')->header('x-cache'), 'HIT',
    'the same answer from elsewhere');

$r = cached('/v1/users', '192.0.2.1');
is($r->header('x-cache'), 'MISS', "one's own");
is(ip($r), '192.0.2.1', 'the address is told');
$r = cached('/v1/users', '2001:db8::1');
is($r->header('x-cache'), 'HIT', 'the address is no part of the key');

# Fetched anew for whom it was stale, when that request is over.
$t->backend_ctl('auth', 'set', 'ttl', 1);
is(cached('/v1/users?limit=7', '192.0.2.3')->header('x-cache'), 'MISS',
    'kept for a second');
$t->wait_for('stale', sub {
    cached('/v1/users?limit=7', '2001:db8::2')->header('x-cache') eq 'STALE' });
my @asked;
$t->wait_for('fetched anew', sub {
    @asked = grep { ($_->{args}{limit} // 0) == 7 }
        $t->backend_requests('auth', 'users.list');
    @asked > 1 });
is($asked[1]{ctx}{ip}, '2001:db8::2', 'with the address of that client');
