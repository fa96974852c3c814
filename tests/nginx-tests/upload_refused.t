#!/usr/bin/perl

# Uploads that are refused: before the first byte of a body is asked for where
# that is possible, in the middle by the backend or by a limit, and what becomes
# of the connection then.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::H2;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('ingestion', sub {
    my ($req) = @_;

    return '{"small":1}' if $req->{method} eq 'ingest.status';
    my $do = $req->{ctx}{idem} // '';
    return error_reply(-10, 'not today', { param => 'dataset' })
        if $do eq 'AT_ONCE';
    return receive(stop_at => 1000,
        then => error_reply(-2, 'row 3 has no price', { param => 'price' }))
        if $do eq 'EARLY';
    return receive(stop_at => 1000, then => reply('{"enough":1}'))
        if $do eq 'ENOUGH';
    return receive(stop_at => 1000, then => stream(400_000))
        if $do eq 'LONG';
    return error_reply(-14, 'too many are waiting', { retry => 7 })
        if $do eq 'FULL';
    return receive();
});
$t->config(
    http => 'wizdata_timeout ingest.push 60s; lingering_timeout 1s;'
        . 'wizdata_plan narrow rate=2/h burst=10;',
    location => 'client_max_body_size 100k; wizdata_limit on;',
    servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8082%% http2;
        wizdata_errors on;
        location /v1/ { wizdata_api on; client_max_body_size 100k; }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%%;
        wizdata_errors on;
        location /v1/ { wizdata_api on; client_max_body_size 100k;
            wizdata_method ingest.push permission=other:thing; }
    }
EOF
my $weak = $t->add_key(perm => ['ingest:read']);
my $narrow = $t->add_key(perm => ['*'], plan => 'narrow');
$t->run();

my $path = '/v1/ingest/bars';
my @csv = ('Content-Type: text/csv');

sub calls { return $t->backend_calls('ingestion', 'ingest.push') }

# The head of a request whose sender waits to be asked for the body.
sub head_of {
    my ($n, %o) = @_;
    my $key = exists $o{key} ? $o{key} : $t->key;
    return join "\r\n", 'POST ' . ($o{path} || $path) . ' HTTP/1.1',
        'Host: localhost', defined $key ? "X-API-Key: $key" : (),
        'Expect: 100-continue', @{ $o{headers} || \@csv },
        defined $n ? "Content-Length: $n" : 'Transfer-Encoding: chunked',
        '', '';
}

# ---- nobody is asked for a body in vain ----

my @before = (
    [ 'no type', 415, 'unsupported-media-type', headers => [] ],
    [ 'another type', 415, 'unsupported-media-type',
        headers => ['Content-Type: text/plain'] ],
    [ 'a form', 415, 'unsupported-media-type', headers =>
        ['Content-Type: multipart/form-data; boundary=x'] ],
    [ 'another charset', 415, 'unsupported-media-type',
        headers => ['Content-Type: text/csv; charset=latin1'] ],
    [ 'two types', 415, 'unsupported-media-type', headers => [ @csv, @csv ] ],
    [ 'another coding', 415, 'unsupported-media-type',
        headers => [ @csv, 'Content-Encoding: br' ] ],
    [ 'two codings', 415, 'unsupported-media-type',
        headers => [ @csv, 'Content-Encoding: gzip', 'Content-Encoding: gzip' ] ],
    [ 'an empty Idempotency-Key', 400, 'invalid-header',
        headers => [ @csv, 'Idempotency-Key:' ] ],
    [ 'a long one', 400, 'invalid-header',
        headers => [ @csv, 'Idempotency-Key: ' . 'k' x 129 ] ],
    [ 'one that is not ASCII', 400, 'invalid-header',
        headers => [ @csv, "Idempotency-Key: \xc3\xa4" ] ],
    [ 'one with a tab', 400, 'invalid-header',
        headers => [ @csv, "Idempotency-Key: a\tb" ] ],
    [ 'two of them', 400, 'invalid-header',
        headers => [ @csv, 'Idempotency-Key: a', 'Idempotency-Key: a' ] ],
    [ 'no key', 401, 'unauthenticated', key => undef ],
    [ 'an unknown key', 401, 'unauthenticated', key => wd_apikey() ],
    [ 'a key that may not', 403, 'forbidden', key => $weak ],
    [ 'an unknown data set', 400, 'invalid-parameter',
        path => '/v1/ingest/houses' ],
    [ 'a wait that is too long', 400, 'invalid-parameter',
        path => '/v1/ingest/bars?wait=301' ],
    [ 'a wait below zero', 400, 'invalid-parameter',
        path => '/v1/ingest/bars?wait=-1' ],
    [ 'an unknown parameter', 400, 'invalid-parameter',
        path => '/v1/ingest/bars?x=1' ],
    [ 'a format that is not offered', 406, 'not-acceptable',
        path => '/v1/ingest/bars?format=csv' ],
    [ 'a length beyond the limit', 413, 'too-large', n => 102_401 ],
);

for my $row (@before) {
    my ($name, $status, $slug, %o) = @$row;
    my $n = delete $o{n} || 50_000;
    my $c = client();
    $c->send(head_of($n, %o));
    my $r = $c->response;
    is_problem($r, $status, $slug, "$name: $status, and no 100");
    is($r->json->{param}, 'Idempotency-Key', 'the header is named')
        if $slug eq 'invalid-header';
}

my $c = client();
$c->send(head_of(10, key => $narrow) =~ s/Expect.*?\r\n//r . '0123456789')
    for 1 .. 3;
is_deeply([ map { $c->response->status } 1 .. 3 ], [ 200, 200, 429 ],
    'a rate limit holds');
is(calls(), 2, 'nothing of that was asked of the backend');

$c = client(port => port(8083));
$c->send(head_of(50_000, key => $t->add_key(perm => ['ingest:write'])));
is_problem($c->response, 403, 'forbidden', 'wizdata_method counts');

# The limit is inclusive.
my $body = pattern(0, 102_400);
my $r = client()->request('POST', $path, headers => \@csv, body => $body);
is($r->status, 200, 'as long as may be');

# ---- a refusal before the body keeps the connection ----

$c = client();
for my $headers ([], [ @csv, 'Idempotency-Key:' ]) {
    $c->send(Test::Wizdata::build('POST', $path, headers => $headers,
        body => $body, keepalive => 1)
        . Test::Wizdata::build('GET', '/v1/ingest', keepalive => 1));
    cmp_ok($c->response->status, '>=', 400, 'refused');
    is($c->response->body, '{"small":1}', 'what comes behind it is answered');
}

# ---- other verbs, other paths ----

$c = client();
$r = $c->get($path);
is_problem($r, 405, 'method-not-allowed', 'GET');
is($r->header('allow'), 'POST', 'what the path takes');
is($c->request('POST', '/v1/ingest', body => '{}', headers =>
    ['Content-Type: application/json'])->status, 400,
    'the path above has a body of arguments');
is($c->request('POST', "$path/x", body => '{}', headers => \@csv)->status,
    404, 'the path below is none');

# ---- a body that turns out to be too long ----

sub chunked {
    my ($total, %o) = @_;
    my $piece = 'x' x 10_000;
    my $c = client();
    $c->send(head_of(undef, %o) =~ s/Expect.*?\r\n//r);
    while ($total > 0 && $c->send(sprintf("%x\r\n%s\r\n", 10_000, $piece))) {
        $total -= 10_000;
    }
    $c->send("0\r\n\r\n") if $total <= 0;
    return $c;
}

$c = chunked(200_000);
$r = $c->response;
is_problem($r, 413, 'too-large', 'chunks beyond the limit');
is($r->header('connection'), 'close', 'the connection ends');
$t->wait_for('the backend is told', sub {
    my $call = ($t->backend_requests('ingestion', 'ingest.push'))[-1];
    grep { $_->{c} == $call->{c} && $_->{id} == $call->{id} }
        $t->backend_events('ingestion', 'cancel') });

for my $what ("xyz\r\n", "5\r\nabcdefg\r\n", "-1\r\n\r\n",
    "ffffffffffffffffff\r\n")
{
    $c = client();
    $c->send(head_of(undef) =~ s/Expect.*?\r\n//r . "3\r\nabc\r\n" . $what);
    $r = $c->response;
    ok($r->status == 400 || $r->status == 413, 'chunks that are none: '
        . $r->status);
    is($r->header('connection'), 'close', 'the connection ends');
}

# ---- the backend has heard enough ----

my $expect_close = sub {
    my ($r, $name) = @_;
    is($r->header('connection'), 'close', "$name: and the connection ends");
};

for my $how ('at once', 'in chunks') {
    for my $case ([ 'EARLY', 400, 'invalid-parameter' ],
        [ 'AT_ONCE', 415, 'unsupported-media-type' ])
    {
        my ($do, $status, $slug) = @$case;
        my @headers = (@csv, "Idempotency-Key: $do");
        if ($how eq 'at once') {
            $c = client();
            $c->send(head_of(100_000, headers => \@headers));
            is($c->response->status, 100, "$do: asked for it");
            $c->send('x' x 5_000);
            $r = $c->response;
        } else {
            $c = client();
            $c->send(head_of(undef, headers => \@headers)
                =~ s/Expect.*?\r\n//r . "1388\r\n" . 'x' x 5_000 . "\r\n");
            $r = $c->response;
        }
        is_problem($r, $status, $slug, "$do, $how");
        $expect_close->($r, $do);
        $c->send('x' x 80_000);    # what is on its way is swallowed
        ok($c->closed, 'in good order');
    }
}

$c = client();
$c->send(head_of(100_000, headers => [ @csv, 'Idempotency-Key: ENOUGH' ])
    =~ s/Expect.*?\r\n//r . 'x' x 5_000);
$r = $c->response;
is($r->status . $r->body, '200{"enough":1}', 'a good answer, too');
$expect_close->($r, 'a good answer');

$c = client();
$c->send(head_of(100_000, headers => [ @csv, 'Idempotency-Key: LONG' ])
    =~ s/Expect.*?\r\n//r . 'x' x 5_000);
$r = $c->response;
ok($r->status == 200 && $r->body eq pattern(0, 400_000), 'or a long one');

# All of the body was here already: nothing has to end.
$c = client();
$r = $c->request('POST', $path, headers =>
    [ @csv, 'Idempotency-Key: EARLY' ], body => 'x' x 2_000);
is_problem($r, 400, 'invalid-parameter', 'the body had ended');
is($c->get('/v1/ingest')->body, '{"small":1}', 'the connection goes on');

$r = client()->request('POST', $path, headers =>
    [ @csv, 'Idempotency-Key: FULL' ], body => 'x' x 2_000);
is_problem($r, 503, 'unavailable', 'the lane is full');
is($r->header('retry-after'), 7, 'when to come again');

# A hundred of them: the one connection to the backend lives on.
for (1 .. 100) {
    $c = client();
    $c->send(head_of(100_000, headers => [ @csv, 'Idempotency-Key: EARLY' ])
        =~ s/Expect.*?\r\n//r . 'x' x 50_000);
    $c->reset if $_ % 2;
}
$t->wait_for('nothing is left of a hundred', sub {
    !@{ $t->backend_ctl('ingestion', 'uploads') } });
is(scalar(() = $t->backend_events('ingestion', 'connect')), 1,
    'all over one connection');

# ---- HTTP/2: the stream ends, the connection does not ----

my $h = Wizdata::H2->new(port(8082));

sub h2_post {
    my ($do, $n, @more) = @_;
    my @headers = ('x-api-key' => $t->key, 'content-type' => 'text/csv',
        $do ? ('idempotency-key' => $do) : (), @more);
    my $s = $h->start('POST', $path, \@headers);
    $h->data($s, pattern(0, $n)) if $n;
    return $s;
}

sub is_h2_problem {
    my ($s, $status, $slug, $name) = @_;
    my $r = $h->response($s);
    my $ok = ok($r->{status} == $status && $r->{body} =~ /problem:$slug"/,
        "HTTP/2: $name");
    diag("$r->{status}: $r->{body}") unless $ok;
    is($h->reset_of($s), 0, 'no more is wanted, and nothing was wrong');
}

is_h2_problem(h2_post('', 0, 'content-type' => 'x/y'), 415,
    'unsupported-media-type', 'two types');
is_h2_problem(h2_post('EARLY', 50_000), 400, 'invalid-parameter',
    'refused in the middle');
is_h2_problem(h2_post('AT_ONCE', 10), 415, 'unsupported-media-type',
    'refused at once');
is_h2_problem(h2_post('', 0, 'content-length' => 102_401), 413, 'too-large',
    'too long');
is_h2_problem(h2_post('', 150_000), 413, 'too-large',
    'too long without saying so');

my $s = h2_post('', 102_400);
$h->data($s, '', end => 1);
my $r2 = $h->response($s);
like($r2->{body}, qr/"bytes":102400\b/, 'the connection goes on');
