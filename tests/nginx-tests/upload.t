#!/usr/bin/perl

# Bodies that are passed on to the backend while the client sends them: sizes
# around every limit, in every framing, a backend that is slow, a client that
# is, and others beside them.

use warnings;
use strict;

use Digest::MD5 qw/ md5_hex /;

use Test::Wizdata;
use Wizdata::Catalogue;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $h2 = `curl -V 2>/dev/null` =~ /HTTP2/;

$t->backend('ingestion', sub {
    my ($req) = @_;

    return '{"small":1}' if $req->{method} eq 'ingest.status';
    my $do = $req->{ctx}{idem} // '';
    return receive(hold => 1) if $do eq 'HOLD';
    return receive();
});
$t->config(http => <<'EOF', location => 'client_max_body_size 1g;',
    client_body_buffer_size 16k;
    log_format sizes '$status $request_length $http_content_length';
    access_log %%TESTDIR%%/sizes.log sizes;
    wizdata_timeout ingest.push 60s;
EOF
    servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8082%% http2;
        wizdata_errors on;
        location /v1/ { wizdata_api on; client_max_body_size 1g; }
    }
    server {
        listen 127.0.0.1:%%PORT_8083%%;
        client_body_buffer_size 200k;
        location /v1/ { wizdata_api on; client_max_body_size 1g;
            client_body_in_file_only on; }
    }
    server {
        listen 127.0.0.1:%%PORT_8084%%;
        client_body_buffer_size 8k;
        location /v1/ { wizdata_api on; client_max_body_size 1g;
            mirror /copy; }
        location = /copy { return 204; }
    }
EOF
$t->run();

my $path = '/v1/ingest/bars';

sub csv { return ('Content-Type: text/csv', @_) }

# A whole request in the framing of Content-Length.
sub up {
    my ($body, %o) = @_;
    return ('POST', $o{path} || $path, headers => [ csv(@{ $o{headers} || [] }) ],
        body => $body, keepalive => 1);
}

# The same in chunks of those lengths, which repeat.
sub chunks {
    my ($body, @lengths) = @_;

    my ($out, $at, $i) = ('', 0, 0);
    while ($at < length $body) {
        my $piece = substr $body, $at, $lengths[ $i++ % @lengths ];
        $at += length $piece;
        $out .= sprintf("%x\r\n", length $piece) . "$piece\r\n";
    }
    return $out . "0\r\n\r\n";
}

sub chunked_head {
    return join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
        'X-API-Key: ' . $t->key, csv(@_), 'Transfer-Encoding: chunked', '', '';
}

sub got_it {
    my ($r, $body, $name) = @_;

    my $j = $r->json || {};
    my $ok = ok($r->status == 200 && ($j->{bytes} // -1) == length $body
        && $j->{md5} eq md5_hex($body), $name);
    diag($r->text) unless $ok;
    return $ok;
}

sub last_call { return ($t->backend_requests('ingestion', 'ingest.push'))[-1] }
sub uploads { return $t->backend_ctl('ingestion', 'uploads') }

# ---- what the backend is told ----

my $c = client();
got_it($c->request(up("a,b\n1,2\n", path => '/v1/ingest/quotes?wait=0',
    headers => [ 'Idempotency-Key: one of mine ~', 'Content-Encoding: gzip' ])),
    "a,b\n1,2\n", 'a body of one piece');
my $call = last_call();
is_deeply([ @{ $call->{args} }{qw/ dataset wait /} ], [ 'quotes', 0 ],
    'path and query have the parameters');
is_deeply({ map { $_ => $call->{ctx}{$_} } qw/ body len type enc idem / },
    { body => mp_true, len => 8, type => 'text/csv', enc => 'gzip',
        idem => 'one of mine ~' }, 'the context has what describes the body');
is($call->{ctx}{ms}, 60_000, 'and the time for the answer');

for my $type ('application/json', 'application/x-ndjson',
    'application/msgpack')
{
    got_it($c->request('POST', $path, body => '[]', keepalive => 1,
        headers => [ "Content-Type: $type" ]), '[]', $type);
    is(last_call()->{ctx}{type}, $type, 'by its name');
}
$c->request('POST', $path, body => '[]', keepalive => 1, headers =>
    [ 'Content-Type: Application/VND.msgpack;x=y' ]);
is(last_call()->{ctx}{type}, 'application/msgpack', 'by the other name');
is_deeply([ grep { exists last_call()->{ctx}{$_} } qw/ enc idem / ], [],
    'what was not given is not there');

# ---- sizes, in both framings, one after the other ----

for my $n (0, 1, 2, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 262_143,
    262_144, 262_145, 524_288, 1_000_003)
{
    my $body = pattern(7, $n);
    got_it($c->request(up($body)), $body, "$n bytes");
    is(last_call()->{ctx}{len}, $n, 'their number is known');

    $c->send(chunked_head() . chunks($body, 5000, 1, 60_000));
    got_it($c->response, $body, "$n bytes in chunks");
    ok(!exists last_call()->{ctx}{len}, 'their number is not known');
}

$c->send(chunked_head() . chunks(pattern(0, 3000), 1));
got_it($c->response, pattern(0, 3000), 'a chunk per byte');

$c->send(join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
    'X-API-Key: ' . $t->key, csv(), '', '');
got_it($c->response, '', 'neither length nor chunks: an empty body');
is(last_call()->{ctx}{len}, 0, 'of a known length');

$c->send(chunked_head() . "3\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n");
got_it($c->response, 'abc', 'a trailer is no part of the body');

# ---- pipelined ----

my $body = pattern(0, 300_000);
$c->send(Test::Wizdata::build(up($body))
    . Test::Wizdata::build('GET', '/v1/ingest', keepalive => 1)
    . chunked_head() . chunks($body, 70_000)
    . Test::Wizdata::build('GET', '/v1/ingest', keepalive => 1)
    . Test::Wizdata::build(up('x'))
    . Test::Wizdata::build('GET', '/v1/ingest', keepalive => 1));
got_it($c->response, $body, 'the first of six in a row');
is($c->response->body, '{"small":1}', 'the second');
got_it($c->response, $body, 'the third, in chunks');
is($c->response->body, '{"small":1}', 'the fourth');
got_it($c->response, 'x', 'the fifth');
is($c->response->body, '{"small":1}', 'the sixth');

# ---- the framings of others ----

my $old = client();
$old->send("POST $path HTTP/1.0\r\nX-API-Key: " . $t->key
    . "\r\nContent-Type: text/csv\r\nContent-Length: 100000\r\n\r\n"
    . pattern(0, 100_000));
got_it($old->response, pattern(0, 100_000), 'HTTP/1.0');
$old->close;

my $continue = client();
$continue->send(join "\r\n", "POST $path HTTP/1.1", 'Host: localhost',
    'X-API-Key: ' . $t->key, csv(), 'Expect: 100-continue',
    'Content-Length: 200000', '', '');
is($continue->response->status, 100, 'who asks first is told to go on');
$continue->send(pattern(0, 200_000));
got_it($continue->response, pattern(0, 200_000), 'and goes on');

for my $port (8083, 8084) {
    my $other = client(port => port($port));
    for my $n (1, 100_000, 700_000) {
        got_it($other->request(up(pattern(0, $n))), pattern(0, $n),
            ($port == 8083 ? 'buffers larger than a chunk'
                : 'another module reads it first') . ": $n");
    }
}
is_deeply([ glob $t->dir . '/client_body_temp/*' ], [],
    'nothing was stored by us');

SKIP: {
    skip 'no curl with HTTP/2', 8 unless $h2;

    my $curl = 'curl -s --http2-prior-knowledge -H X-API-Key:' . $t->key
        . " -H 'Content-Type: text/csv' -w '\\n%{http_code} %{http_version}'";
    my $url = 'http://127.0.0.1:' . port(8082) . $path;
    for my $n (0, 1, 65_535, 65_536, 262_144, 3_000_000) {
        $t->write_file('body', pattern(0, $n));
        my $out = `$curl --data-binary \@$t->{dir}/body '$url'`;
        like($out, qr/"bytes":$n\D.*\n200 2$/s, "HTTP/2, $n bytes");
    }
    my $out = `$curl -H 'Content-Length:' -T - '$url' -X POST <$t->{dir}/body`;
    like($out, qr/"bytes":3000000,.*\n200 2$/s, 'HTTP/2 without the length');
    ok(!exists last_call()->{ctx}{len}, 'their number is not known');
}

# ---- a client that is slow ----

$c->send(substr Test::Wizdata::build(up($body)), 0, -299_990);
$t->wait_for('the first bytes are passed on at once', sub {
    my ($u) = @{ uploads() };
    return $u && $u->{got} == 10;
});
is($c->send(substr $body, 10, 1), 1, 'one more');
$t->wait_for('it is passed on, too', sub { uploads()->[0]{got} == 11 });
$c->send(substr $body, 11);
got_it($c->response, $body, 'and then the rest');

my $drop = client();
my $request = Test::Wizdata::build(up('a body byte by byte'));
for my $i (0 .. length($request) - 1) {
    $drop->send(substr $request, $i, 1);
}
got_it($drop->response, 'a body byte by byte', 'a request byte by byte');

# ---- a backend that is slow ----

my $slow = client();
my $pid = fork;
if ($pid == 0) {    # the one who sends, as he can
    $slow->send(Test::Wizdata::build(up(pattern(0, 20_000_000),
        headers => ['Idempotency-Key: HOLD'])));
    POSIX::_exit(0);
}
$t->wait_for('the window is used up', sub {
    my ($u) = @{ uploads() };
    return $u && $u->{got} == 262_144;
});
my @small = map { $c->get('/v1/ingest')->body } 1 .. 20;
is("@small", join(' ', ('{"small":1}') x 20), 'others are not in its way');
got_it($c->request(up($body)), $body, 'nor are other bodies');
is(uploads()->[0]{got}, 262_144, 'and no more is passed on');

$t->backend_ctl('ingestion', 'feed', 1);
$t->wait_for('one byte is credited: one more comes', sub {
    uploads()->[0]{got} == 262_145 });
$t->backend_ctl('ingestion', 'feed', 100_000);
$t->wait_for('a hundred thousand more', sub {
    uploads()->[0]{got} == 362_145 });
$t->backend_ctl('ingestion', 'feed');
got_it($slow->response, pattern(0, 20_000_000), 'then all of it');
waitpid $pid, 0;

# ---- many at a time, over one connection ----

my @c = map { client() } 1 .. 8;
$_->send(Test::Wizdata::build(up(substr($body, 0, 262_144),
    headers => ['Idempotency-Key: HOLD']))) for @c;
$t->wait_for('eight windows are used up', sub {
    8 == grep { $_->{got} == 262_144 } @{ uploads() } });
is($c->get('/v1/ingest')->body, '{"small":1}', 'others are answered');
got_it($c->request(up($body)), $body, 'with bodies of their own');
$t->backend_ctl('ingestion', 'feed');
got_it($_->response, substr($body, 0, 262_144), 'one of eight') for @c;

is(scalar(() = $t->backend_events('ingestion', 'connect')), 1,
    'all over one connection');

# ---- the configuration that is shipped has room for all of them ----

{
    my ($push) = grep { $_->{name} eq 'ingest.push' } catalogue();
    my ($dataset) = grep { $_->{name} eq 'dataset' } @{ $push->{params} };
    open my $conf, '<', "$t->{root}/conf/wizdata-server.conf" or die $!;
    my ($names) = join('', <$conf>)
        =~ m{^location ~ \^/v1/ingest/\(([a-z|]+)\)\$ \{}m;
    is($names, $dataset->{extra}, 'data sets of the catalogue');
}

# ---- what is counted and logged ----

like(get('/metrics')->body,
    qr/^wizdata_rpc_upload_bytes_total\{service="ingestion"\} (\d{8,})$/m,
    'bytes are counted');
like($t->read_file('sizes.log'), qr/^200 300\d{3} 300000$/m,
    'a log has the bytes that came');
