#!/usr/bin/perl

# HTTP/2, TLS, the PROXY protocol, subrequests, maps and variables: what nginx
# does itself, with the module in its phases.

use warnings;
use strict;

use IO::Select;
use JSON::PP ();
use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $dir = $t->dir;
plan(skip_all => 'no curl') if system('curl -V >/dev/null 2>&1') != 0;
my $h2 = `curl -V` =~ /HTTP2/;

system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
    . "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
    . "-keyout $dir/key.pem -out $dir/cert.pem >/dev/null 2>&1") == 0
    or die 'no certificate';

$t->backend('analytics', sub {
    my ($req) = @_;
    my $symbol = $req->{args}{symbol};
    $symbol = $symbol->[0] if ref $symbol;
    return '{}' unless defined $symbol;
    return stream(300_000) if $symbol eq 'LONG';
    return hold('{"held":1}') if $symbol eq 'HELD';
    return qq({"symbol":"$symbol"});
});
$t->config(workers => 2, http => <<'EOF', servers => <<'EOF');
    map $wizdata_method $class { default none; ~^bars bars; quotes.query q; }
    map $wizdata_principal $who { default some; "" nobody; }
    log_format t '$uri|$wizdata_method|$class|$who|$status|$remote_addr';
EOF
    server {
        listen 127.0.0.1:%%PORT_8443%% ssl http2;
        server_name localhost;
        wizdata_errors on;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        location /v1/ { wizdata_api on; }
        location = /health { wizdata_health; }
    }
    server {
        listen 127.0.0.1:%%PORT_8082%% http2;
        wizdata_errors on;
        location /v1/ { wizdata_api on; }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%% proxy_protocol;
        wizdata_errors on;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        access_log %%TESTDIR%%/t.log t;
        location /v1/ { wizdata_api on; }
        location /v1/quotes { satisfy all; allow 192.0.2.0/24;
            allow 2001:db8::/32; deny all; wizdata_api on; }
    }
    server {
        listen 127.0.0.1:%%PORT_8084%%;
        wizdata_errors on;
        access_log %%TESTDIR%%/t.log t;
        location /v1/ { wizdata_api on; }
        location = /check { internal; rewrite ^ /v1/bars?symbol=CHECK break;
            wizdata_api on; }
        location /guarded/ { auth_request /check; return 200 "in\n"; }
        location /inline/ {
            auth_request /check;
            add_header X-Class $class always;
            proxy_pass http://127.0.0.1:%%PORT_8085%%/;
        }
        location /copied/ { mirror /v1/bars; mirror_request_body off;
            proxy_pass http://127.0.0.1:%%PORT_8085%%/; }
    }
    server {
        listen 127.0.0.1:%%PORT_8085%%;
        location / { return 200 "behind\n"; }
    }
EOF
$t->run();

my $key = $t->key;
my $bad = wd_apikey();

# status, protocol, and the body in a file
sub curl {
    my ($url, @args) = @_;
    my $out = `curl -s -o $dir/body --cacert $dir/cert.pem @{[
        map { "'$_'" } @args]} -w '%{http_code} %{http_version}' '$url'`;
    return $out;
}

sub body { return $t->read_file('body') }

my $tls = 'https://localhost:' . port(8443);
my $h2c = 'http://127.0.0.1:' . port(8082);

# ---- TLS ----

is(curl("$tls/v1/bars?symbol=A", '--http1.1', '-H', "X-API-Key: $key"),
    '200 1.1', 'TLS, HTTP/1.1');
is(curl("$tls/v1/bars?symbol=A", '--tls-max', '1.2', '-H',
        "X-API-Key: $key") =~ /^200/, 1, 'TLS 1.2');
is(curl("$tls/health", '--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0'),
    '000 0', 'but not 1.1');

# ---- HTTP/2 ----

SKIP: {
    skip 'curl without HTTP/2', 16 unless $h2;

    my @h2 = ('--http2-prior-knowledge');
    my @as = ('-H', "X-API-Key: $key");

    is(curl("$tls/v1/bars?symbol=A", '--http2', @as), '200 2', 'HTTP/2, TLS');
    is(curl("$h2c/v1/bars?symbol=B", @h2, @as), '200 2', 'without TLS');
    is(body(), '{"symbol":"B"}', 'its body');
    is(curl("$h2c/v1/bars?symbol=A", @h2), '401 2', 'no key');
    my $p = eval { JSON::PP->new->decode(body()) } || {};
    like($p->{type} // '', qr/unauthenticated$/, 'is a problem');
    is(curl("$h2c/v1/bars?symbol=A", @h2, '-H', "X-API-Key: $bad"), '401 2',
        'an unknown key');
    is(curl("$h2c/v1/bars?symbol=A", @h2, '-H', "X-API-Key: $key", '-H',
            "Authorization: Bearer $key"), '400 2', 'two credentials');
    is(curl("$h2c/v1/bars?nonsense=1", @h2, @as), '400 2', 'bad arguments');
    is(curl("$h2c/v1/nothing", @h2, @as), '404 2', 'no such route');
    is(curl("$h2c/v1/bars", @h2, @as, '-X', 'DELETE'), '405 2', 'a verb');
    is(curl("$h2c/v1/bars?symbol=LONG", @h2, @as), '200 2', 'a long body');
    is(length body(), 300_000, 'is whole');
    is(curl("$h2c/v1/bars?symbol=A", @h2, @as, '-I'), '200 2', 'HEAD');

    # Streams of one connection; some are left in the middle.
    my $many = "curl -s --http2 --cacert $dir/cert.pem -Z --parallel-max 50 "
        . "-H 'X-API-Key: $key'";
    my @urls = map { "'$tls/v1/bars?symbol=S$_' -o /dev/null" } 1 .. 50;
    my $out = `$many -w '%{http_code}\n' @urls 2>/dev/null`;
    is(scalar(grep { $_ eq '200' } split /\n/, $out), 50, 'fifty streams');
    my @held = map { "'$tls/v1/bars?symbol=HELD' -o /dev/null" } 1 .. 10;
    `$many -m 0.5 @held 2>/dev/null`;
    $t->wait_for('the calls of streams that were left are cancelled',
        sub { $t->backend_events('analytics', 'cancel') > 0 });
    $t->backend_ctl('analytics', 'release');
    is(curl("$h2c/v1/bars?symbol=A", @h2, @as), '200 2',
        'good after streams that were left');
}

# ---- PROXY protocol ----

sub proxied {
    my ($line, $path) = @_;
    my $c = client(port => port(8083));
    $c->send($line . "GET $path HTTP/1.1\r\nHost: x\r\nX-API-Key: $key\r\n"
        . "Connection: close\r\n\r\n");
    return $c->response;
}

my $v4 = "PROXY TCP4 192.0.2.7 198.51.100.1 1234 80\r\n";
my $v6 = "PROXY TCP6 2001:db8::7 2001:db8::1 1234 80\r\n";
my $v2 = "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" . pack('C4C4nn', 192, 0, 2, 9,
    198, 51, 100, 1, 1234, 80);
is(proxied($v4, '/v1/bars?symbol=A')->status, 200, 'PROXY, version 1');
is(proxied($v6, '/v1/bars?symbol=A')->status, 200, 'with IPv6');
is(proxied($v2, '/v1/bars?symbol=A')->status, 200, 'version 2');
is(proxied($_, '/v1/quotes?symbol=A')->status, 200, 'allowed by its address')
    for $v4, $v6, $v2;
is_problem(proxied("PROXY TCP4 203.0.113.1 198.51.100.1 1 80\r\n",
        '/v1/quotes?symbol=A'), 403, 'forbidden', 'another address');
is(proxied('', '/v1/bars?symbol=A')->status, 0, 'without the header');
is(proxied($v4, '/v1/bars?symbol=A')->status, 200, 'good again');
$t->wait_for('the log has the address', sub {
    $t->read_file('t.log') =~ m{^/v1/bars\|bars\.query\|bars\|some\|200\|2001:db8::7$}m });
like($t->read_file('t.log'), qr{\|200\|192\.0\.2\.9$}m, 'of version 2');

# ---- subrequests ----

my %at = (port => port(8084));
is(get('/inline/', %at)->status, 200, 'auth_request into the API, good key');
is(get('/inline/', %at)->body, "behind\n", 'the content is another');
is(get('/inline/', %at, key => undef)->status, 401, 'no key');
is(get('/inline/', %at, key => $bad)->status, 401, 'an unknown key');
is(get('/inline/', %at, key => $t->add_key(perm => ['macro:read']))->status,
    403, 'a key without the permission');
is(get('/copied/?symbol=M', %at)->body, "behind\n", 'a mirrored request');
$t->wait_for('reaches the backend', sub {
    grep { ($_->{args}{symbol}[0] // '') eq 'M' }
        $t->backend_requests('analytics', 'bars.query') });
is(get('/copied/?symbol=N', %at, key => undef)->body, "behind\n",
    'a mirrored one without a key');
is(scalar(grep { ($_->{args}{symbol}[0] // '') eq 'N' }
        $t->backend_requests('analytics', 'bars.query')), 0, 'does not');
is(get('/v1/bars?symbol=A', %at)->status, 200, 'a good request after all');
