#!/usr/bin/perl

# The shipped access log: one line of valid JSON a request, with true members,
# whatever a client sends.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# The log_format of conf/wizdata.conf.
open my $conf, '<', "$t->{root}/conf/wizdata.conf" or die "wizdata.conf: $!";
my ($format) = do { local $/; <$conf> } =~ /^(log_format wizdata .*?;)$/ms
    or die "no log_format\n";

$t->backend('analytics', sub {
    my ($s) = map { ref ? @$_ : $_ } $_[0]{args}{symbol} // '';
    return later(0.05, '{}') if $s eq 'SLOW';
    return error_reply(-2, "bad \x{e9}\" \\ thing \x01") if $s eq 'ODD';
    return '{"a":1}';
});
$t->config(http => "$format\n    access_log %%TESTDIR%%/json.log wizdata;\n"
    . "    error_log %%TESTDIR%%/warn.log warn;",
    server => 'location = /plain { return 200 "x"; }'
    . ' location = /page { error_page 404 /hidden; return 404; }'
    . ' location = /hidden { return 200 "y"; }');
$t->run();

my $json = JSON::PP->new->utf8;
my ($seen, @bad) = (0);

# Lines that came since, once there are so many; each must be JSON.
sub lines {
    my ($n) = @_;

    my @lines;
    $t->poll(sub {
        @lines = split /\n/, $t->read_file('json.log');
        return @lines >= $seen + $n;
    });
    my @new = @lines[ $seen .. $#lines ];
    $seen = @lines;
    return map {
        my $line = $_;
        my $v = eval { $json->decode($line) };
        push @bad, "$line: $@" unless ref $v eq 'HASH';
        $v // {};
    } @new;
}

my @MEMBERS = qw/ agent auth auth_ms backend_ms bytes_in bytes_out cache
    cache_ms client detail endpoint key_id limit limit_ms method path plan
    principal protocol request_id sampled seconds service span_id status time
    trace_id verb write_ms /;

# ---- what it says -----------------------------------------------------------

my $key = $t->add_key(perm => ['*'], plan => 'gold', sub => 'user:ada');
my $r = get('/v1/bars?symbol=IBM', key => $key,
    headers => [ 'User-Agent: test/1.0' ]);
my ($l) = lines(1);
is(join(' ', sort keys %$l), "@MEMBERS", 'the members');
is($l->{verb}, 'GET', 'verb');
is($l->{path}, '/v1/bars', 'path, without the query');
is($l->{protocol}, 'HTTP/1.1', 'protocol');
is($l->{method}, 'bars.query', 'method');
is($l->{endpoint}, '/v1/bars', 'endpoint');
is($l->{service}, 'analytics', 'service');
is($l->{status}, 200, 'status');
is($l->{detail}, '', 'no detail');
is($l->{auth}, 'key', 'how it was authenticated');
is($l->{principal}, 'user:ada', 'principal');
is($l->{key_id}, $t->{keys}{ key_digest($key) }{key}, 'id of the key');
is($l->{plan}, 'gold', 'plan');
is($l->{client}, '127.0.0.1', 'client');
is($l->{agent}, 'test/1.0', 'agent');
is($l->{request_id}, $r->header('x-request-id'), 'request id');
is($l->{trace_id}, $l->{request_id}, 'a trace begins with the same id');
like($l->{span_id}, qr/^[0-9a-f]{16}$/, 'span id');
like($l->{sampled}, qr/^[01]$/, 'sampled');
cmp_ok($l->{bytes_in}, '>', 50, 'bytes in');
cmp_ok($l->{bytes_out}, '>', length $r->body, 'bytes out');
like($l->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/, 'time');
ok(!(grep { $l->{$_} !~ /^\d+(\.\d+)?$/ } qw/ status sampled bytes_in
    bytes_out seconds auth_ms limit_ms cache_ms backend_ms write_ms /),
    'numbers are numbers');
cmp_ok($l->{backend_ms}, '>', 0, 'the backend took time');
cmp_ok($l->{auth_ms}, '>', 0, 'so did the key');

# A worker that stands meanwhile is to blame, too: then once more.
my $others;
for (1 .. 10) {
    get('/v1/bars?symbol=SLOW', key => $key);
    ($l) = lines(1);
    $others = $l->{auth_ms} + $l->{limit_ms} + $l->{cache_ms}
        + $l->{write_ms};
    last if $others < $l->{backend_ms};
}
cmp_ok($l->{backend_ms}, '>=', 45, 'a slow backend');
cmp_ok($others, '<', $l->{backend_ms}, 'the others are not to blame');

my $trace = '0af7651916cd43dd8448eb211c80319c';
get('/v1/bars?symbol=IBM', headers => [
    "traceparent: 00-$trace-b7ad6b7169203331-01" ]);
($l) = lines(1);
is($l->{trace_id}, $trace, "the client's trace");
is($l->{sampled}, 1, 'that is recorded');

get('/v1/bars', key => $key);
($l) = lines(1);
is($l->{status}, 400, 'a refusal');
like($l->{detail}, qr/symbol/, 'and why');
get('/v1/bars?symbol=IBM', key => undef);
($l) = lines(1);
is($l->{status}, 401, 'no key');
is($l->{auth}, 'refused', 'refused');
is($l->{principal}, '', 'nobody');
get('/v1/bars?symbol=ODD', key => $key);
($l) = lines(1);
is($l->{status}, 400, 'an odd backend');

# Where the module has no part, or came late.
get('/plain');
($l) = lines(1);
is($l->{status}, 200, 'a location of its own');
get('/page');
($l) = lines(1);
is($l->{status}, 404, 'an error page');
get('/nothing');
($l) = lines(1);
is($l->{status}, 404, 'nothing there');
like($l->{trace_id}, qr/^[0-9a-f]{32}$/, 'with a trace id');

# ---- hostile bytes ----------------------------------------------------------

my $bytes = join '', map { chr } 1 .. 9, 11, 12, 14 .. 255;
my @hostile = ($bytes, '"', '\\', '\\"', "\xff\xfe", "\xc3", "\xed\xa0\x80",
    "\xf8\x88\x80\x80\x80", '"},{"status":200', "\x7f\x1b[31m", '${status}',
    '%00%0d%0a', "\xe2\x80\xa8", 'x' x 3000);

my $n = 0;
for my $h (@hostile) {
    my $enc = join '', map { sprintf '%%%02X', ord } split //,
        substr $h, 0, 300;
    my $line = $h =~ s/[\r\n\0]//gr;
    for my $request (
        "GET /v1/x$enc HTTP/1.1\r\nHost: localhost\r\n",
        "GET /v1/bars?symbol=$enc HTTP/1.1\r\nHost: localhost\r\n",
        "GET /v1/bars HTTP/1.1\r\nHost: localhost\r\nUser-Agent: $line\r\n",
        "GET /v1/bars HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: $line\r\n",
        "GET /v1/bars HTTP/1.1\r\nHost: localhost\r\ntraceparent: $line\r\n",
        "GET /v1/bars HTTP/1.1\r\nHost: localhost\r\ntracestate: $line\r\n",
        "GET /v1/bars HTTP/1.1\r\nHost: localhost\r\nX-API-Key: $line\r\n",
        "GET /v1/bars HTTP/1.1\r\nHost: $line\r\n",
        "GET /v1/$line HTTP/1.1\r\nHost: localhost\r\n",
        "G$line /v1/bars HTTP/1.1\r\nHost: localhost\r\n",
        "GET /v1/bars HTTP/1.1$line\r\nHost: localhost\r\n",
        "GET /v1/bars HTTP/1.1\r\n$line: x\r\nHost: localhost\r\n")
    {
        http("${request}Connection: close\r\n\r\n");
        $n++;
    }
}
http("GET /v1/bars\r\n");             # HTTP/0.9
http("\x16\x03\x01\x02\x00\x01\x00");    # TLS
http("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
my $c = client();
$c->send("GET /v1/bars HTTP/1.1\r\nHo");
$c->reset;
my @l = lines($n);
cmp_ok(scalar @l, '>=', $n, 'a line each');
is(scalar(grep { join(' ', sort keys %$_) ne "@MEMBERS" } @l), 0,
    'with all members');
is(scalar(grep { length($_->{agent}) > 1024 || length($_->{path}) > 1024 } @l),
    0, 'none of endless length');

# ---- secrets ----------------------------------------------------------------

$seen = () = $t->read_file('json.log') =~ /\n/g;
my $secret = wd_apikey();
my $jwt = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJTRUNSRVQifQ.U0VDUkVUU0VDUkVU';
for my $s ($secret, $jwt) {
    get("/v1/bars?symbol=IBM&apikey=$s", key => undef);
    get("/v1/$s", key => undef);
    get('/v1/bars', key => undef, headers => [ "User-Agent: x $s y" ]);
    get('/v1/bars', key => undef, headers => [ "X-Request-Id: $s" ]);
    get('/v1/bars', key => $s);
    get('/v1/bars', key => undef, headers => [ "Authorization: Bearer $s" ]);
}
@l = lines(12);
my $log = join '', (split /^/, $t->read_file('json.log'))[ -12 .. -1 ];
unlike($log, qr/\Q$secret\E|\Q$jwt\E|SECRET|U0VDUkVU/, 'no secret in a line');
like($log, qr/"path":"\/v1\/wd_live_\*\*\*"/, 'a key in a path is masked');
like($log, qr/"agent":"x eyJ\*\*\* y"/, 'a token in an agent, too');

is(scalar @bad, 0, 'every line is JSON') or diag substr "@bad[0 .. 0]", 0, 500;

# Nothing above made the worker say more than it should.
unlike($t->read_file('warn.log'), qr/\Q$secret\E|SECRET/,
    'none in the error log at its shipped level');
