#!/usr/bin/perl

# Arguments in a JSON body: media type, size, malformed JSON of many kinds,
# delivery in pieces, secrets.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('ingestion', sub { '{}' });
$t->auth(sub { '{}' });
$t->run();

my $path = '/v1/ingest';
my $good = '{"provider":"alphavantage","dataset":"daily","symbol":"ibm"}';
my $c = client();

sub try { return $c->post($path, @_) }

sub arguments {
    my ($service) = @_;
    return ($t->backend_requests($service))[-1]{dump};
}

# ---- good ----

is(try($good)->status, 200, 'JSON');
is(arguments('ingestion'),
    '{"dataset":"daily","provider":"alphavantage","symbol":"IBM"}',
    'arguments');

is(try($good, headers => ["Content-Type: $_"])->status, 200, $_)
    for 'application/json; charset=utf-8', 'Application/JSON',
    'application/json;charset="utf-8"', 'application/json ; x=y';

is(try(" \r\n\t{ \"provider\" : \"worldbank\" ,\n\"dataset\":\"indicator\","
    . '"symbol":null,"country":"\u0061ll"} ')->status, 200,
    'blanks, null, escapes');
is(arguments('ingestion'),
    '{"country":"all","dataset":"indicator","provider":"worldbank"}',
    'null is absent, an escape is decoded');

is(post('/v1/keys', { user => 'a@b.c', permissions => [ 'bars:read', 'fx:*' ],
    mode => 'test', expires => '2030-01-01' })->status, 200, 'a list');
is(arguments('auth'), '{"expires":1893456000000000000,"mode":"test",'
    . '"permissions":["bars:read","fx:*"],"user":"a@b.c"}', 'as array');

is(post('/v1/users', '{"email":"\u00e9\ud83d\ude00@b.c"}')->status, 200,
    'a pair of surrogates');
is(arguments('auth'),
    "{\"email\":\"\xc3\xa9\xf0\x9f\x98\x80\@b.c\",\"plan\":\"default\","
    . '"roles":["reader"]}', 'is UTF-8, and what is left out is filled in');

is(try('', %$_)->status . arguments('ingestion'), '400{"country":"all",'
    . '"dataset":"indicator","provider":"worldbank"}', 'none lacks what is'
    . ' required') for {}, { no_type => 1 };
is(post('/v1/keys/7/rotate', '', %$_)->status . arguments('auth'),
    '200{"id":7,"overlap":86400}', 'none where nothing is required')
    for {}, { no_type => 1 };

# ---- 415 ----

my $before = $t->backend_calls('ingestion');

is_problem(try($good, headers => ["Content-Type: $_"]), 415,
    'unsupported-media-type', "Content-Type: $_")
    for 'text/plain', 'application/x-www-form-urlencoded', 'application/jsonx',
    'application/jso', 'application', 'text/json;application/json', '';
is_problem(try($good, no_type => 1), 415, 'unsupported-media-type',
    'no Content-Type');

# ---- malformed ----

my $p = '"provider":"alphavantage","dataset":"daily"';

for my $case (
    ' ', '{', '}', '[]', '[' . $good . ']', 'null', 'true', '1', '"a"',
    '{}}', '{"a"', '{"a"}', '{"a":', '{"a":}', '{:1}', '{,}', '{1:1}',
    "{$p,}", "{,$p}", "{$p,,\"symbol\":\"A\"}", "{$p \"symbol\":\"A\"}",
    "{$p}x", "{$p}{}", "{$p};", "{$p} /* */", "// \n{$p}", "{$p,'symbol':'A'}",
    "{$p,symbol:\"A\"}", "{$p,\"symbol\":A}", "{$p,\"symbol\":\"A}",
    "{$p,\"symbol\":\"\\x41\"}", "{$p,\"symbol\":\"\\u00\"}",
    "{$p,\"symbol\":\"\\u00g0\"}", "{$p,\"symbol\":\"\\ud800\"}",
    "{$p,\"symbol\":\"\\udc00\"}", "{$p,\"symbol\":\"\\ud800\\u0041\"}",
    "{$p,\"symbol\":\"\\", "{$p,\"symbol\":\"a\nb\"}", "{$p,\"symbol\":\"\0\"}",
    "{$p,\"symbol\":\"\xff\"}", "{$p,\"symbol\":\"\xc0\x80\"}",
    "{$p,\"symbol\":\"\xed\xa0\x80\"}", "{$p,\"symbol\":nul}",
    "{$p,\"symbol\":nulll}", "{$p,\"symbol\":NaN}", "{$p,\"symbol\":Infinity}",
    "{$p,\"symbol\":+1}", "{$p,\"symbol\":01}", "{$p,\"symbol\":1.}",
    "{$p,\"symbol\":.5}", "{$p,\"symbol\":1e}", "{$p,\"symbol\":0x1}",
    "{$p,\"symbol\":-}", "{$p,\"symbol\":{}}", "{$p,\"symbol\":{\"a\":1}}",
    "{$p,\"symbol\":[[]]}", "{$p,\"symbol\":[1,]}", "{$p,\"symbol\":[1}",
    "\xef\xbb\xbf{$p}", '[' x 60_000, '{"a":' x 10_000, "\0" x 100)
{
    my $name = substr $case, 0, 60;
    $name =~ s/([^ -~])/sprintf '\x%02x', ord $1/ge;
    my $r = try($case);
    is_problem($r, 400, 'invalid-request', "malformed: $name");
    $c = client() if $r->status == 0;
}

# ---- well formed, but not what the catalogue says ----

for my $case (
    [ '{}', 'provider', qr/required/ ],
    [ '{"provider":"alphavantage"}', 'dataset', qr/required/ ],
    [ '{"provider":"x","dataset":"daily"}', 'provider', qr/alphavantage/ ],
    [ "{$p,\"nothing\":1}", 'nothing', qr/not known/ ],
    [ "{$p,\"provider\":\"worldbank\"}", 'provider', qr/twice/ ],
    [ "{$p,\"symbol\":\"a\\u0000b\"}", 'symbol', qr/letters, digits/ ],
    [ "{$p,\"symbol\":\"a\\nb\"}", 'symbol', qr/letters, digits/ ],
    [ "{$p,\"symbol\":\"\"}", 'symbol', qr/1 to 32/ ],
    [ "{$p,\"month\":\"2024-001\"}", 'month', qr/7 bytes/ ],
    [ "{$p,\"keywords\":\"" . 'x' x 65 . '"}', 'keywords', qr/1 to 64/ ])
{
    is_problem(try($case->[0]), 400, 'invalid-parameter', $case->[0],
        qr/(?=.*$case->[1])(?=.*$case->[2])/);
}

# ---- size ----

my $padding = 65_536 - length "{$p}";
is(try("{$p}" . ' ' x $padding)->status, 200, 'the longest body');
$before++;
$c = client();
is_problem(try("{$p}" . ' ' x ($padding + 1)), 413, 'too-large',
    'one byte more');
$c = client();
$c->send(Test::Wizdata::build('POST', $path, keepalive => 1, headers => [
    'Content-Type: application/json', 'Content-Length: 10000000' ]));
is_problem($c->response, 413, 'too-large', 'announced to be very long');

$c = client();
my $huge = ' ' x 70_000;
$c->send(Test::Wizdata::build('POST', $path, keepalive => 1, headers => [
    'Content-Type: application/json', 'Transfer-Encoding: chunked' ])
    . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $huge, $huge));
is_problem($c->response, 413, 'too-large', 'too long, in chunks');

is($t->backend_calls('ingestion'), $before, 'no backend was asked');

# ---- delivery ----

$c = client();
$c->send(Test::Wizdata::build('POST', $path, keepalive => 1, headers => [
    'Content-Type: application/json', 'Transfer-Encoding: chunked' ])
    . join('', map { "1\r\n$_\r\n" } split //, $good) . "0\r\n\r\n");
is($c->response->status, 200, 'a chunk per byte');
is(arguments('ingestion'),
    '{"dataset":"daily","provider":"alphavantage","symbol":"IBM"}',
    'arguments of it');

my @pieces = unpack '(a7)*', Test::Wizdata::build('POST', $path,
    keepalive => 1, body => $good,
    headers => ['Content-Type: application/json']);
$c->send($_) for @pieces;
is($c->response->status, 200, 'seven bytes per segment');

$c->send(Test::Wizdata::build('POST', $path, keepalive => 1, headers => [
    'Content-Type: application/json', 'Expect: 100-continue',
    'Content-Length: ' . length $good ]));
is($c->response->status, 100, 'asked to go on');
$c->send($good);
is($c->response->status, 200, 'and answered');

my $big = $good . ' ' x 60_000;
is($c->post($path, $big)->status, 200, 'a body that needs several buffers');
is($c->post($path, $good)->status, 200, 'the connection is in step');

# ---- secrets ----

my $secret = 'correct-horse-battery';
my $r = post("/v1/users?password=$secret", { email => 'a@b.c' });
is($r->status, 400, 'a secret in the query string');
unlike($r->text, qr/$secret/, 'is not repeated');
$r = post('/v1/users', { email => 'a@b.c', password => "$secret\n" });
is_problem($r, 400, 'invalid-parameter', 'a bad secret', qr/password/);
unlike($r->text, qr/$secret/, 'is not repeated');
is(post('/v1/users', { email => 'a@b.c', password => $secret })->status, 200,
    'a good secret');
# The test's own query string is in the access log; the error log is the
# module's to keep clean of bodies.
unlike($t->read_file('error.log') =~ s/request: "[^"]*"//gr, qr/$secret/,
    'is not logged');
