#!/usr/bin/perl

# Everything that is not a success is an RFC 9457 problem document with the
# request id, nginx's own refusals included.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# ---- the table of errors, as the project has it ----

my @errors;
{
    open my $fh, '<', "$t->{root}/lib/base/wd_err.def" or die $!;
    local $/;
    my $text = <$fh>;
    push @errors, [ $1, $2, $3, $4, $5 ] while $text =~
        /^WD_ERR\((\w+),\s*(-\d+),\s*(\d+),\s*"([^"]+)",\s*"([^"]+)"\)/mg;
}

$t->backend('analytics', sub {
    my ($req) = @_;

    my $what = $req->{args}{symbol}[0];
    return error_reply(-$1, 'a text for the user') if $what =~ /^E(\d+)$/;
    return error_reply(-2, 'must be odd', { param => 'limit' })
        if $what eq 'PARAM';
    return error_reply(-11, 'slow down', { retry => 17, other => [1] })
        if $what eq 'RETRY';
    return error_reply(-2, "a \"quote\", a \\, a \n, \xc3\xa9, \x01")
        if $what eq 'ODD';
    return '{}';
});
$t->config(server => <<'EOF');

        location /forbidden { return 403; }
        location /denied { deny all; }
        location /gone { return 410; }
        location /text { return 404 "mine\n"; }
        location /limited {
            client_max_body_size 10;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
        location /down { proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location /static { root %%TESTDIR%%; }
EOF
$t->config(servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8082%%;
        location / { return 404; }
    }
EOF
$t->run();

# ---- shape ----

my $r = get('/v1/bars');
my $p = $r->json;
is_problem($r, 400, 'invalid-parameter', 'a problem', qr/symbol.*required/);
is(ref $p, 'HASH', 'an object');
like($p->{type}, qr{^(https?://[^ ]+|/[^ ]+|urn:[^ ]+)$}, 'type is a URI');
is($p->{title}, 'A parameter is not valid', 'title');
like($r->body, qr/"status": ?400\b/, 'status is a number');
ok(length $r->header('x-request-id'), 'the request id is in the header');
is($p->{request_id} // ($p->{instance} // '') =~ s/.*[:\/]//r,
    $r->header('x-request-id'), 'and in the document');
is($r->header('content-length'), length $r->body, 'length');

# ---- errors of a backend ----

for my $e (@errors) {
    my ($name, $code, $status, $slug, $title) = @$e;

    # The gateway's own: a backend that says "cancelled" was not asked to.
    next if $name eq 'ECANCELED';

    my $r = get('/v1/bars?symbol=E' . -$code);
    is_problem($r, $status, $slug, "error $name", qr/a text for the user/);
    is(($r->json || {})->{title}, $title, "$name: title");
    like($r->header('retry-after') // '', qr/^\d+$/, "$name: Retry-After")
        if $status == 503;
}

like(get('/v1/bars?symbol=E9999')->status, qr/^50[02]$/, 'an unknown code');

is_problem(get('/v1/bars?symbol=PARAM'), 400, 'invalid-parameter',
    'a parameter refused by the backend', qr/must be odd/);
like(get('/v1/bars?symbol=PARAM')->body, qr/limit/, 'is named');
$r = get('/v1/bars?symbol=RETRY');
is_problem($r, 429, 'rate-limited', 'retry');
is($r->header('retry-after'), 17, 'in so many seconds');

$r = get('/v1/bars?symbol=ODD');
is_problem($r, 400, 'invalid-parameter', 'a text that JSON has to escape',
    qr/a "quote", a \\, a/);

# What a client sent cannot break out of the document.
$r = get('/v1/bars?symbol=A&%22%3E%5C%0A%01%C3%A9=1');
is_problem($r, 400, 'invalid-parameter', 'a hostile parameter name');

# ---- HEAD ----

my $c = client();
$r = $c->head('/v1/nothing');
is($r->status, 404, 'HEAD of nothing');
like($r->header('content-type'), qr{^application/problem\+json},
    'has the type');
is($c->get('/v1/nothing')->status, 404, 'but no body');

# ---- nginx's own refusals ----

sub send_raw {
    my ($bytes) = @_;
    my $c = client();
    $c->send($bytes);
    return $c->response;
}

is_problem(get('/nothing'), 404, 'not-found', 'outside of the API');
is_problem(get('/static/nothing'), 404, 'not-found', 'a file that is not there');
is_problem(get('/forbidden'), 403, 'forbidden', 'return 403');
is_problem(get('/denied'), 403, 'forbidden', 'deny all');
my $text = get('/text');
is($text->status . $text->body, "404mine\n", 'a body of the administrator');

is_problem(get('/down'), 502, 'bad-gateway', 'a proxy without its backend');
is_problem(post('/limited', 'x' x 100), 413, 'too-large',
    'client_max_body_size');
is(get('/gone')->status, 410, 'a status that the catalogue does not know');
like(get('/gone')->header('content-type'), qr{^application/problem\+json},
    'is a problem as well');

for my $case (
    [ 'no method', "\r\n\r\nx\r\n\r\n" ],
    [ 'garbage', "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n" ],
    [ 'bad version', "GET / HTTP/1.x\r\nHost: a\r\n\r\n" ],
    [ 'no host', "GET / HTTP/1.1\r\n\r\n" ],
    [ 'two hosts', "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" ],
    [ 'bad host', "GET / HTTP/1.1\r\nHost: a b/\r\n\r\n" ],
    [ 'bad length', "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n" ],
    [ 'two lengths', "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        . "Content-Length: 2\r\n\r\n" ],
    [ 'length and chunks', "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" ],
    [ 'zero in the path', "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n" ],
    [ 'above the root', "GET /../../etc HTTP/1.1\r\nHost: a\r\n\r\n" ])
{
    my $r = send_raw($case->[1]);
    is_problem($r, 400, 'invalid-request', "nginx: $case->[0]");
}

is_problem(send_raw("GET /v1/bars?symbol=" . 'a' x 40_000
    . " HTTP/1.1\r\nHost: a\r\n\r\n"), 414, 'uri-too-long', 'nginx: long URI');
is_problem(send_raw("GET /v1/bars HTTP/1.1\r\nHost: a\r\nX: " . 'a' x 40_000
    . "\r\n\r\n"), 431, 'header-too-large', 'nginx: long header');
is_problem(send_raw("GET /v1/bars HTTP/1.1\r\nHost: a\r\n"
    . join('', map { "X-$_: " . 'a' x 1000 . "\r\n" } 1 .. 60) . "\r\n"),
    431, 'header-too-large', 'nginx: many headers');
is(send_raw("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n")->status, 405,
    'nginx: TRACE');

# ---- where it is not switched on ----

$r = get('/', port => port(8082));
is($r->status, 404, 'another server');
like($r->header('content-type'), qr{^text/html}, 'keeps its pages');

is(get('/v1/bars?symbol=IBM')->status, 200, 'and all is well');
