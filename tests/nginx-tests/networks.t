#!/usr/bin/perl

# Networks that a key is for: by the client's address as realip and the PROXY
# protocol leave it.

use warnings;
use strict;

use IO::Socket::UNIX;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $socket = $t->dir . '/http.sock';

$t->backend('analytics', sub { '{}' });
$t->config(workers => 2, server => <<'EOF', servers => <<"EOF2");
        set_real_ip_from 127.0.0.1;
        real_ip_header X-From;
        location /page/ {
            wizdata_access key;
            proxy_pass http://127.0.0.1:%%PORT_8083%%/;
        }
        location /any/ {
            satisfy any;
            allow 203.0.113.9;
            deny all;
            wizdata_access key;
            proxy_pass http://127.0.0.1:%%PORT_8083%%/;
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
        listen unix:$socket;
        wizdata_errors on;
        location / { wizdata_api on; }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%%;
        return 200 page;
    }
EOF2
$t->run();

my $path = '/v1/bars?symbol=IBM';

sub from {
    my ($key, $address, $at) = @_;

    return get($at // $path, key => $key,
        headers => defined $address ? ["X-From: $address"] : []);
}

my @rows = (
    [ ['192.0.2.0/24'], '192.0.2.1', 200 ],
    [ ['192.0.2.0/24'], '192.0.2.255', 200 ],
    [ ['192.0.2.0/24'], '192.0.3.0', 403 ],
    [ ['192.0.2.0/24'], '192.0.1.255', 403 ],
    [ ['192.0.2.77/24'], '192.0.2.1', 200 ],
    [ ['192.0.2.7'], '192.0.2.7', 200 ],
    [ ['192.0.2.7'], '192.0.2.6', 403 ],
    [ ['192.0.2.0/24'], '::ffff:192.0.2.1', 200 ],
    [ ['::ffff:192.0.2.0/120'], '192.0.2.1', 200 ],
    [ ['192.0.2.0/24'], '2001:db8::1', 403 ],
    [ ['2001:db8::/32'], '2001:db8:1::1', 200 ],
    [ ['2001:db8::/33'], '2001:db8:8000::1', 403 ],
    [ ['2001:db8::/32'], '192.0.2.1', 403 ],
    [ ['0.0.0.0/0'], '198.51.100.1', 200 ],
    [ ['0.0.0.0/0'], '2001:db8::1', 403 ],
    [ ['::/0'], '2001:db8::1', 200 ],
    [ ['::/0'], '192.0.2.1', 403 ],
    [ [ '0.0.0.0/0', '::/0' ], '2001:db8::1', 200 ],
    [ [ map({ "10.$_.0.0/16" } 1 .. 31), '192.0.2.9/32' ], '192.0.2.9', 200 ],
    [ [ map { "2001:db8:${_}::/48" } 1 .. 32 ], '2001:db8:32::5', 200 ],
    [ [ map { "2001:db8:${_}::/48" } 1 .. 32 ], '2001:db8:33::5', 403 ],
    [ ['127.0.0.0/8'], undef, 200 ],
    [ ['192.0.2.0/24'], undef, 403 ],
    [ [], '192.0.2.1', 200 ],
    [ undef, '192.0.2.1', 200 ],
);
my $free = $t->add_key(perm => ['*']);
my @wrong;
for my $row (@rows) {
    my ($nets, $address, $want) = @$row;
    my $key = $t->add_key(perm => ['*'], nets => $nets);

    # Asked for, from the zone, from the worker's own cache.
    for my $turn (1 .. 6) {
        my $r = from($key, $address);
        push @wrong, join(' ', @{ $nets || [] }) . ' from '
            . ($address // 'here') . ': ' . $r->status
            unless $r->status == $want;
        push @wrong, 'a key for all'
            unless from($free, $address)->status == 200;
    }
}
is(join("\n", @wrong), '', scalar(@rows) . ' lists and addresses');

my $key = $t->add_key(perm => ['*'], nets => ['192.0.2.0/24']);
is_problem(from($key, '198.51.100.1'), 403, 'forbidden', 'the problem',
    qr/address/);
is(from($key, '192.0.2.1')->status, 200, 'the same key from where it is for');

# ---- other locations, satisfy ----

is(from($key, '192.0.2.1', '/page/')->status, 200, 'any handler');
is(from($key, '198.51.100.1', '/page/')->status, 403, 'from elsewhere');
is(from($key, '198.51.100.1', '/any/')->status, 403, 'satisfy any: neither');
is(from($key, '203.0.113.9', '/any/')->status, 200, 'satisfy any: address');
is(from($key, '192.0.2.1', '/any/')->status, 200, 'satisfy any: key');

# ---- PROXY protocol, Unix sockets ----

sub proxied {
    my ($address) = @_;

    my $c = client(port => port(8081));
    my $family = $address =~ /:/ ? 'TCP6' : 'TCP4';
    $c->send("PROXY $family $address $address 1 2\r\n");
    $c->send_request('GET', $path, key => $key);
    return $c->response->status;
}

is(proxied('192.0.2.200'), 200, 'PROXY protocol: inside');
is(proxied('198.51.100.1'), 403, 'outside');
is(proxied('2001:db8::1'), 403, 'IPv6');

sub over_socket {
    my ($k) = @_;

    my $s = IO::Socket::UNIX->new(Peer => $socket) or die "$socket: $!";
    print $s "GET $path HTTP/1.1\r\nHost: x\r\nX-API-Key: $k\r\n"
        . "Connection: close\r\n\r\n";
    local $/;
    my ($status) = <$s> =~ m{^HTTP/1.1 (\d+)};
    return $status;
}

is(over_socket($free), 200, 'a Unix socket');
is(over_socket($key), 403, 'is in no network');

# ---- a change is pushed ----

$t->backend_ctl('auth', 'know', key_digest($key),
    { sub => 'x', key => 'k', plan => 'p', perm => ['*'],
        nets => ['198.51.100.0/24'] });
$t->backend_ctl('auth', 'notify', 'auth.revoke', [ [ key_digest($key) ] ]);
$t->wait_for('other networks from now on', sub {
    from($key, '198.51.100.1')->status == 200 });
is(join(' ', map { from($key, '192.0.2.1')->status } 1 .. 10),
    join(' ', (403) x 10), 'on every worker');
