#!/usr/bin/perl

# The same requests however they arrive: in two pieces split at every byte,
# byte by byte, pipelined, over HTTP/2, left in the middle; each refused one
# followed by a good one on the same connection, so on the same worker.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $dir = $t->dir;

system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 "
    . "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
    . "-keyout $dir/key.pem -out $dir/cert.pem >/dev/null 2>&1") == 0
    or die 'no certificate';

$t->backend('analytics', sub {
    my ($req) = @_;
    my $symbol = ($req->{args}{symbol} || [])->[0] // '';
    return reply('{"c":1}', meta => { ttl => 3600, tags => ['c'],
            etag => '"c"' }) if $symbol eq 'CACHED';
    return stream(150_000) if $symbol eq 'LONG';
    return error_reply(-5, 'no such symbol') if $symbol eq 'NONE';
    return qq({"symbol":"$symbol"});
});
$t->backend('ingestion', sub { reply('{"job":1}', status => 202) });
my $signer = Wizdata::Jwt->new($dir, 'HS256', kid => 'k');
$t->write_file('jwks.json', jwks($signer));
$t->config(http => <<'EOF', server => <<'EOF', servers => <<'EOF');
    wizdata_jwt_issuer https://login.example.com audience=api
        keys=file:%%TESTDIR%%/jwks.json;
    wizdata_jwt_revocation off;
    wizdata_cache_zone 4m;
    wizdata_plan default;
    wizdata_plan tiny rate=1/h;
EOF
        location /v1/quotes { wizdata_api on; wizdata_cache on; }
        location /v1/macro { wizdata_api on; wizdata_limit on; }
        location /api/status/cache { wizdata_status_cache; }
        location = /api/status/rate-limit { wizdata_status_rate_limit; }
        location /file/ {
            wizdata_access bars:read;
            return 404;
        }
        location /passed/ {
            wizdata_access bars:read;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
        location = /api/status/config { wizdata_status_config; }
        location = /api/status/services { wizdata_status_services; }
EOF
    server {
        listen 127.0.0.1:%%PORT_8081%%;
        location / { return 200 "behind\n"; }
    }
    server {
        listen 127.0.0.1:%%PORT_8082%% ssl http2;
        ssl_certificate cert.pem;
        ssl_certificate_key key.pem;
        wizdata_errors on;
        location /v1/ { wizdata_api on; }
        location /passed/ {
            wizdata_access bars:read;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
        location = /health { wizdata_health; }
        location = /api/status/config { wizdata_status_config; }
        location = /api/status/services { wizdata_status_services; }
        location /v1/quotes { wizdata_api on; wizdata_cache on; }
        location /v1/macro { wizdata_api on; wizdata_limit on; }
        location /api/status/cache { wizdata_status_cache; }
        location = /api/status/rate-limit { wizdata_status_rate_limit; }
    }
EOF
$t->run();

my $key = $t->key;
my $weak = $t->add_key(perm => ['macro:read']);
my $unknown = wd_apikey();
my $tiny = $t->add_key(perm => ['*'], plan => 'tiny');
my %claims = (iss => 'https://login.example.com', aud => 'api', sub => 'u',
    permissions => ['*'], exp => time() + 3600);
my $token = $signer->token({ %claims });
my $expired = $signer->token({ %claims, exp => time() - 3600 });
my $broken = substr($key, 0, -1) . ($key =~ /0$/ ? '1' : '0');

# name, verb, path, header lines, body, status
my @kinds = (
    [ 'a good request', 'GET', '/v1/bars?symbol=IBM', ["X-API-Key: $key"],
        undef, 200 ],
    [ 'a bearer', 'GET', '/v1/bars?symbol=IBM',
        ["Authorization: Bearer $key"], undef, 200 ],
    [ 'CSV', 'GET', '/v1/bars?symbol=IBM', ["X-API-Key: $key",
        'Accept: text/csv'], undef, 200 ],
    [ 'HEAD', 'HEAD', '/v1/bars?symbol=IBM', ["X-API-Key: $key"], undef,
        200 ],
    [ 'a body', 'POST', '/v1/ingest', ["X-API-Key: $key",
        'Content-Type: application/json'],
        '{"provider":"worldbank","dataset":"indicator","indicator":"X"}',
        202 ],
    [ 'no key', 'GET', '/v1/bars?symbol=IBM', [], undef, 401 ],
    [ 'an unknown key', 'GET', '/v1/bars?symbol=IBM',
        ["X-API-Key: $unknown"], undef, 401 ],
    [ 'a broken key', 'GET', '/v1/bars?symbol=IBM', ["X-API-Key: $broken"],
        undef, 401 ],
    [ 'a weak key', 'GET', '/v1/bars?symbol=IBM', ["X-API-Key: $weak"],
        undef, 403 ],
    [ 'two keys', 'GET', '/v1/bars?symbol=IBM', ["X-API-Key: $key",
        "X-API-Key: $key"], undef, 400 ],
    [ 'another scheme', 'GET', '/v1/bars?symbol=IBM',
        ['Authorization: Basic dTpw'], undef, 401 ],
    [ 'bad arguments', 'GET', '/v1/bars?symbol=IBM&limit=0',
        ["X-API-Key: $key"], undef, 400 ],
    [ 'a refusal of the backend', 'GET', '/v1/bars?symbol=NONE',
        ["X-API-Key: $key"], undef, 404 ],
    [ 'no route', 'GET', '/v1/none', ["X-API-Key: $key"], undef, 404 ],
    [ 'another verb', 'DELETE', '/v1/bars', ["X-API-Key: $key"], undef, 405 ],
    [ 'protected', 'GET', '/passed/', ["X-API-Key: $key"], undef, 200 ],
    [ 'protected, no key', 'GET', '/passed/', [], undef, 401 ],
    [ 'a token', 'GET', '/v1/bars?symbol=IBM',
        ["Authorization: Bearer $token"], undef, 200 ],
    [ 'an expired token', 'GET', '/v1/bars?symbol=IBM',
        ["Authorization: Bearer $expired"], undef, 401 ],
    [ 'a cached answer', 'GET', '/v1/quotes?symbol=CACHED',
        ["X-API-Key: $key"], undef, 200 ],
    [ 'a condition', 'GET', '/v1/quotes?symbol=CACHED',
        ["X-API-Key: $key", 'If-None-Match: "c"'], undef, 304 ],
    [ 'a token and a cached answer', 'GET', '/v1/quotes?symbol=CACHED',
        ["Authorization: Bearer $token"], undef, 200 ],
    [ 'over the limit', 'GET', '/v1/macro?indicator=X',
        ["X-API-Key: $tiny"], undef, 429 ],
    [ 'a limit that holds', 'GET', '/v1/macro?indicator=X',
        ["X-API-Key: $key"], undef, 200 ],
    [ 'a purge', 'POST', '/api/status/cache/clear', ["X-API-Key: $key",
        'Content-Type: application/json'], '{"tags":["none"]}', 200 ],
    [ 'the limits', 'GET', '/api/status/rate-limit', ["X-API-Key: $key"],
        undef, 200 ],
    [ 'health', 'GET', '/health', [], undef, 200 ],
    [ 'services', 'GET', '/api/status/services', ["X-API-Key: $key"], undef,
        200 ],
    [ 'configuration', 'GET', '/api/status/config', ["X-API-Key: $weak"],
        undef, 403 ],
);

sub bytes_of {
    my ($kind, %o) = @_;
    my (undef, $verb, $path, $lines, $body) = @$kind;
    return Test::Wizdata::build($verb, $path, key => undef, keepalive => 1,
        headers => [ @$lines ], defined $body ? (body => $body) : (), %o);
}

my $good = bytes_of($kinds[0]);

sub answer { return $_[0]->response(head => $_[1][1] eq 'HEAD') }

# The good request right behind, on the connection if it was kept.
sub then_good {
    my ($c, $r) = @_;
    if (($r->header('connection') // '') eq 'close') {
        $c = client();
    }
    $c->send($good);
    return $c->response->status == 200;
}

get('/v1/macro?indicator=X', key => $tiny); # all that it may
get('/v1/bars?symbol=IBM'); # the key is known, the backends are connected
$t->wait_for('connected', sub { get('/health/detailed')->status == 200 });

for my $kind (@kinds) {
    my ($name, undef, undef, undef, undef, $status) = @$kind;
    my $bytes = bytes_of($kind);
    my (@wrong, @after);

    for my $at (1 .. length($bytes) - 1) {
        my $c = client();
        $c->send(substr $bytes, 0, $at);
        select undef, undef, undef, 0.0005;
        $c->send(substr $bytes, $at);
        my $r = answer($c, $kind);
        push @wrong, "$at: " . $r->status if $r->status != $status;
        push @after, $at if $at % 16 == 0 && !then_good($c, $r);
    }
    is("@wrong", '', "$name: split at every byte");
    is("@after", '', "$name: then a good one");

    my $c = client();
    $c->send($_) for split //, $bytes;
    is(answer($c, $kind)->status, $status, "$name: byte by byte");

    # A refusal may close the connection, and then says so.
    $c = client();
    $c->send($bytes . $good . $bytes . $good);
    my @got;
    for my $n (0 .. 3) {
        my $r = $n % 2 ? $c->response : answer($c, $kind);
        push @got, $r->status;
        last if ($r->header('connection') // '') eq 'close';
    }
    my @want = ($status, 200, $status, 200);
    is("@got", "@want[0 .. $#got]", "$name: pipelined");
}

# ---- left in the middle ----

for my $kind (@kinds) {
    my ($name, undef, undef, undef, undef, $status) = @$kind;
    my $bytes = bytes_of($kind);
    for (my $at = 1; $at <= length $bytes; $at += 5) {
        my $c = client();
        $c->send(substr $bytes, 0, $at);
        $c->reset;
    }
    for (1 .. 5) {
        my $c = client();
        $c->send($bytes x 3);
        $c->reset;
    }
    my $c = client();
    $c->send($bytes);
    is(answer($c, $kind)->status, $status, "$name: after ones that were left");
}

for my $n (1, 1000, 70_000, 149_000) {
    my $c = client(rcvbuf => 4096);
    $c->send_request('GET', '/v1/bars?symbol=LONG');
    $c->more(4096) while length $c->{in} < $n && length $c->{in} < 150_000;
    $c->reset;
}
is(length get('/v1/bars?symbol=LONG')->body, 150_000,
    'a long body after ones that were left');

# ---- HTTP/2 ----

SKIP: {
    skip 'curl has no HTTP/2', scalar @kinds unless `curl -V` =~ /HTTP2/;

    my $url = 'https://localhost:' . port(8082);
    for my $kind (@kinds) {
        my ($name, $verb, $path, $lines, $body, $status) = @$kind;
        my @args = map { "-H '$_'" } @$lines;
        push @args, $verb eq 'HEAD' ? '-I' : "-X $verb";
        push @args, "-d '$body'" if defined $body;
        my $goods = "'$url/v1/bars?symbol=IBM' -H 'X-API-Key: $key'";
        my $out = `curl -s -o /dev/null --http2 --cacert $dir/cert.pem -w '%{http_code} ' @args '$url$path' --next -s -o /dev/null --http2 --cacert $dir/cert.pem -w '%{http_code} %{http_version} %{num_connects}' $goods`;
        is($out, "$status 200 2 0", "$name: HTTP/2, then a good one");
    }
}
