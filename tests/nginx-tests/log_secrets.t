#!/usr/bin/perl

# What a client puts into a query string does not reach nginx's own error
# messages, and a page that goes on says so in a header, in every format. No
# secret, wherever a client puts it, reaches a log or a span.

use warnings;
use strict;

use MIME::Base64 ();

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

open my $conf, '<', "$t->{root}/conf/wizdata.conf" or die "wizdata.conf: $!";
my ($format) = do { local $/; <$conf> } =~ /^(log_format wizdata .*?;)$/ms
    or die "no log_format\n";
$t->config(http => "$format\n    access_log %%TESTDIR%%/json.log wizdata;\n"
    . "    error_log %%TESTDIR%%/error.log info;\n"
    . "    error_log %%TESTDIR%%/warn.log warn;\n"
    . "    error_log %%TESTDIR%%/debug.log debug;\n"
    . "    wizdata_trace_ratio 1;\n"
    . "    wizdata_trace_export analytics interval=10ms;");

$t->backend('analytics', sub {
    return reply('a,b', meta => { next => 'AbC-_9' })
        if $_[0]{ctx}{fmt} eq 'csv';
    return reply('{}');
});
$t->run();

# ---- the error log ----

my $r = get('/v1/bars?apikey=wd_live_SECRETSECRET', body => 'x' x 2_000_000);
ok(!$r || $r->status == 413 || $r->status == 400, 'a body too large');

my $log = $t->read_file('error.log');
like($log, qr/too large body|request: "GET \/v1\/bars"/, 'is logged');
unlike($log, qr/SECRETSECRET/, 'without the query string');

# nginx decodes a path: a line feed in it must not begin a line of the log.
is(get('/v1/bars%0a2026/01/01%20forged%1b[2J',
    body => 'x' x 2_000_000)->status, 413, 'a path with a line feed');
$log = $t->read_file('error.log');
unlike($log, qr/^2026\/01\/01|\x1b/m, 'makes no line of its own');
like($log, qr/request: "GET \/v1\/bars%0a2026\/01/, 'but is seen as it came');

# ---- the next page ----

$r = get('/v1/bars?symbol=IBM&format=csv');
is($r->header('x-next-cursor'), 'AbC-_9', 'CSV names the next page');
$r = get('/v1/bars?symbol=IBM');
is($r->header('x-next-cursor'), undef, 'the last page has none');

# ---- secrets everywhere ----

# The key that is known, one that is not, a token, and Basic credentials.
my @secrets = ($t->key, wd_apikey(), wd_apikey('test'),
    'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJURUxMTk9CT0RZIn0.VEVMTE5PQk9EWQ');
my @parts = map { substr $_, 20, 16 } @secrets;
my $basic = MIME::Base64::encode_base64('me:TELLNOBODY', '');
push @parts, 'TELLNOBODY', substr $basic, 4, 12;

for my $s (@secrets) {
    my $host = "Host: localhost\r\nConnection: close\r\n";
    for my $request (
        "GET /v1/bars?symbol=IBM HTTP/1.1\r\n${host}X-API-Key: $s\r\n",
        "GET /v1/bars?symbol=IBM HTTP/1.1\r\n${host}Authorization: Bearer $s\r\n",
        "GET /v1/bars?symbol=IBM HTTP/1.1\r\n${host}Authorization: $s\r\n",
        "GET /v1/bars HTTP/1.1\r\n${host}Authorization: Basic $basic\r\n",
        "GET /v1/bars HTTP/1.1\r\n${host}Cookie: session=$s\r\n",
        "GET /v1/bars?apikey=$s HTTP/1.1\r\n$host",
        "GET /v1/bars?symbol=IBM&x=$s HTTP/1.1\r\n${host}X-API-Key: $s\r\n",
        "GET /v1/$s HTTP/1.1\r\n$host",
        "GET /v1/bars HTTP/1.1\r\n${host}User-Agent: $s\r\n",
        "GET /v1/bars HTTP/1.1\r\n${host}X-Request-Id: $s\r\n",
        "GET /v1/bars HTTP/1.1\r\n${host}traceparent: $s\r\n",
        "GET /v1/bars HTTP/1.1\r\n${host}Referer: http://x/?k=$s\r\n",
        "GET /v1/bars HTTP/1.1\r\n${host}X-API-Key: $s\r\nX-API-Key: $s\r\n",
        "GET /v1/bars?k=$s HTTP/9.9\r\n$host",
        "GET /v1/bars?k=$s HTTP/1.1\r\n${host}X_API_Key: $s\r\n",
        "GET /v1/bars?k=$s HTTP/1.1\r\n${host}bad header $s\r\n",
        "GET /v1/bars?k=$s HTTP/1.1\r\n",
        "GET /v1/bars?k=$s HTTP/1.1\r\n${host}X-API-Key: $s" . 'x' x 9000
            . "\r\n",
        "get /v1/bars?k=$s HTTP/1.1\r\n$host",
        "POST /v1/bars?k=$s HTTP/1.1\r\n${host}Content-Length: -1\r\n")
    {
        http("$request\r\n");
    }
}
get('/v1/bars?symbol=IBM');
$t->stop; # all is logged, and the last spans have left

sub told {
    my ($text) = @_;
    return join ' ', grep { index($text, $_) >= 0 } @parts;
}

is(told($t->read_file('json.log')), '', 'not in the access log');
cmp_ok(scalar(() = $t->read_file('json.log') =~ /\n/g), '>=', 80,
    'which has a line for each');
is(told($t->read_file('warn.log')), '', 'not in the error log as it ships');

# nginx itself tells everything at level debug; the module does not.
is(told(join '', grep { /wizdata/ && !/http (header|cookie|uri|args)|header:/ }
    split /^/, $t->read_file('debug.log')), '', 'not by the module at debug');

isnt(told($t->read_file('debug.log')), '', 'as nginx does')
    if `$t->{nginx} -V 2>&1` =~ /--with-debug/;

my @notes = grep { $_->{method} eq 'trace.spans' }
    $t->backend_events('analytics', 'notify');
cmp_ok(scalar(@notes), '>', 0, 'spans came');
is(told(join ' ', map { JSON::PP->new->allow_blessed->encode($_->{params}) }
    @notes), '', 'not in a span');
