#!/usr/bin/perl

# Pushes that are wrong on purpose, through nginx into the real services:
# lengths and chunks that lie, damaged and hostile codings, clients that leave,
# one key in many hands at once, more that wait than there are threads. Each is
# a problem or nothing, and rows are stored once.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Compress::Zlib ();
use IO::Compress::Gzip qw/ gzip /;
use JSON::PP ();
use POSIX ();

use Wizdata::MessagePack;
use Wizdata::Push;
use Test::Wizdata;              # last, so that nginx ends before the others

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $p = Wizdata::Push->start();
$t->config(http => 'wizdata_service ingestion ' . $p->in->svc->endpoint() . ';'
    . ' lingering_timeout 1s;', location => 'client_max_body_size 1100m;',
    servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8083%%;
        wizdata_errors on;
        client_body_timeout 1s;
        location /v1/ { wizdata_api on; client_max_body_size 1100m; }
    }
EOF
$t->run();

my $json = JSON::PP->new->canonical;
my $head = "symbol,time,open,high,low,close\n";
my $n = 0;

# A body of its own, whose row is told by its symbol.
sub bars { return "${head}X" . ++$n . ",2024-05-02,1,2,0.5,1.5\n" }
sub rows { return $p->sql('SELECT count(*) FROM bar') }
sub uploads { return $p->sql('SELECT count(*) FROM ingest_upload') }

sub head_of {
    my (@headers) = @_;
    return join "\r\n", 'POST /v1/ingest/bars?wait=30 HTTP/1.1',
        'Host: localhost', 'X-API-Key: ' . $t->key, 'Content-Type: text/csv',
        @headers, '', '';
}

# What a client gets that sends these bytes as they are.
sub sent {
    my ($bytes, %o) = @_;
    my $c = client($o{port} ? (port => $o{port}) : ());
    $c->send($bytes);
    return ($c->response, $c);
}

sub push_ {
    my ($body, @headers) = @_;
    return client()->request('POST', '/v1/ingest/bars?wait=30',
        headers => [ 'Content-Type: text/csv', @headers ], body => $body);
}

sub fine {
    my ($name) = @_;
    my $r = push_(bars());
    is($r->status . ' ' . Wizdata::Push::told($r->json), '200 1 0 0',
        "$name: the next one is taken");
}

# Refused, and nothing is stored or remembered.
sub refused {
    my ($name, $status, $slug, $r, $why) = @_;
    is_problem($r, $status, $slug, "$name: $status");
    like($r->json->{detail}, $why, "$name: says why") if $why;
}
my ($rows, $uploads) = (rows(), uploads());

# ---- lengths that lie

my $body = bars();
my $length = length $body;
my ($r, $c) = sent(head_of('Content-Length: ' . ($length + 10)) . $body,
    port => port(8083));
refused('a length that is too long', 408, 'request-timeout', $r);
$c = client();
$c->send(head_of('Content-Length: ' . ($length + 10), 'Idempotency-Key: long')
    . $body);
$p->in->wait_for(sub { uploads() == $uploads + 1 });
$c->close;
ok($p->in->wait_for(sub { uploads() == $uploads }), 'then it leaves');
($r, $c) = sent(head_of("Content-Length: $length") . $body . "X,2024-05-03\n\r\n");
is($r->status, 200, 'one that is too short: what it says is the body');
is($c->response->status, 400, 'and the rest is no request');
$rows++;

for my $row (
    [ 'two lengths', "Content-Length: $length", 'Content-Length: 5' ],
    [ 'a length below zero', 'Content-Length: -5' ],
    [ 'one that is no number', 'Content-Length: 0x10' ],
    [ 'one beyond all', 'Content-Length: 99999999999999999999' ],
    [ 'a length and chunks', "Content-Length: $length",
        'Transfer-Encoding: chunked' ],
) {
    my ($name, @headers) = @$row;
    ($r) = sent(head_of(@headers) . bars());
    is($r->status, 400, "$name: 400");
}
is_problem((sent(head_of('Content-Length: 1200000000') . 'x'))[0], 413,
    'too-large', 'more than may be');
is(rows(), $rows, 'of that nothing is stored');

# ---- chunks that lie

my $chunked = 'Transfer-Encoding: chunked';
my $chunk = sub { sprintf "%x\r\n%s\r\n", length $_[0], $_[0] };
($r) = sent(head_of($chunked) . join('', map { $chunk->($_) } split //, bars())
    . "0\r\n\r\n");
is($r->status, 200, 'a chunk for each byte');
($r) = sent(head_of($chunked) . $chunk->(bars()) =~ s/\r\n/;a=b\r\n/r
    . "0\r\nTrailer: x\r\n\r\n");
is($r->status, 200, 'extensions and trailers');
$rows += 2;
for my $row (
    [ 'no number', "zz\r\nxx\r\n" ], [ 'below zero', "-5\r\nxx\r\n" ],
    [ 'beyond all', "fffffffffffffffff\r\nxx\r\n" ],
    [ 'one that goes on behind its end', "5\r\n${head}\r\n0\r\n\r\n" ],
) {
    my ($name, $bytes) = @$row;
    ($r) = sent(head_of($chunked) . $chunk->(bars()) . $bytes);
    refused("a chunk: $name", 400, 'invalid-request', $r);
}
($r) = sent(head_of($chunked) . $chunk->(bars()) . "7ffffffffffffff\r\nxx");
refused('a chunk longer than any disk', 413, 'too-large', $r);
$c = client();
$c->send(head_of($chunked) . $chunk->(bars()));
$p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload WHERE
    state = 'receiving'") });
$c->close;
$p->in->wait_for(sub { !$p->sql("SELECT count(*) FROM ingest_upload WHERE
    state = 'receiving'") });
is(rows(), $rows, 'an end that never came is none');
fine('lies');
$rows++;

# ---- codings

my ($gz, $two);
my $text = bars();
gzip(\$text => \$gz) or die;
gzip(\"X2,2024-05-03,1,2,0.5,1.5\n" => \$two, -Minimal => 1) or die;
sub zstd {
    my ($text, @options) = @_;
    open my $f, '>:raw', "$t->{dir}/z" or die;
    print $f $text;
    close $f;
    return scalar `zstd -qc @options $t->{dir}/z`;
}
my $zst = zstd($text, '--check');
my $big = zstd(join('', $head, map { "Z$_,2024-05-02," . int(rand 1e9)
    . ",2,0.5,1.5\n" } 1 .. 400_000), '--long=27', '--ultra', '-1');

for my $row (
    [ gzip => 'garbage behind it', $gz . 'garbage', qr/^gzip: damaged/ ],
    [ gzip => 'zeros behind it', $gz . "\0" x 512, qr/^gzip: damaged/ ],
    [ gzip => 'half a head behind it', $gz . "\x1f\x8b", qr/the body ends/ ],
    [ gzip => 'another checksum', substr($gz, 0, -8) . 'abcd' . substr($gz, -4),
        qr/^gzip: damaged/ ],
    [ gzip => 'another length', substr($gz, 0, -4) . "\1\2\3\4",
        qr/^gzip: damaged/ ],
    [ gzip => 'no tail', substr($gz, 0, -8), qr/the body ends/ ],
    [ gzip => 'nothing', '', qr/the body ends/ ],
    [ gzip => 'no gzip', $text, qr/^gzip: damaged/ ],
    [ gzip => 'zlib', Compress::Zlib::compress($text), qr/^gzip: damaged/ ],
    [ zstd => 'garbage behind it', $zst . 'garbage', qr/^zstd: damaged/ ],
    [ zstd => 'another checksum', substr($zst, 0, -4) . 'abcd',
        qr/^zstd: damaged/ ],
    [ zstd => 'cut', substr($zst, 0, -6), qr/the body ends/ ],
    [ zstd => 'a window of 128 MiB', $big, qr/window of more than 8 MiB/ ],
    [ zstd => 'a window of 2 GiB that is not used',
        "\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00", qr/window of more than 8 MiB/ ],
    [ zstd => 'a dictionary', "\x28\xb5\x2f\xfd\x21\x07\x05" . "\x29\0\0hello",
        qr/^zstd: damaged/ ],
    [ zstd => 'gzip', $gz, qr/^zstd: damaged/ ],
) {
    my ($coding, $name, $bytes, $why) = @$row;
    refused("$coding, $name", 400, 'invalid-request',
        push_($bytes, "Content-Encoding: $coding"), $why);
}
$r = push_($gz . $two, 'Content-Encoding: gzip');
is(Wizdata::Push::told($r->json), '2 0 0', 'gzip, two members');
$r = push_("\x50\x2a\x4d\x18\4\0\0\0skip" . zstd(bars()),
    'Content-Encoding: zstd');
is(Wizdata::Push::told($r->json), '1 0 0', 'zstd, a frame to skip');
$rows += 3;
is(rows(), $rows, 'of the others nothing is stored');
fine('codings');
$rows++;

# ---- one key in many hands at once

sub together {
    my ($hands, $body) = @_;

    my @pipes;
    for my $i (1 .. $hands) {
        pipe my $from, my $to or die;
        my $pid = fork // die "fork: $!";
        if ($pid == 0) {
            my $r = push_($body->($i), "Idempotency-Key: many $n");
            print $to $r->status . ' ' . ($r->status == 200
                ? $r->json->{upload} : '-') . " $i";
            close $to;
            POSIX::_exit(0);
        }
        push @pipes, [ $pid, $from ];
    }
    return map { my ($pid, $from) = @$_; my $said = <$from>;
        waitpid $pid, 0; [ split ' ', $said // '' ] } @pipes;
}

for my $round (1 .. 5) {
    my $same = bars();
    my @said = together(4, sub { $same });
    my @good = grep { $_->[0] == 200 } @said;
    my %ids = map { $_->[1] => 1 } @good;
    ok(@good >= 1 && keys %ids == 1, 'one content: one push')
        or diag $json->encode(\@said);
    is(scalar(grep { $_->[0] !~ /^(200|409)$/ } @said), 0,
        'for the others a conflict, or the same');
    $r = push_($same, "Idempotency-Key: many $n");
    is($r->json->{upload}, $good[0][1], 'and the same later');
    is(rows(), ++$rows, 'stored once');
}
for my $round (1 .. 5) {
    $n++;
    my @said = together(4, sub { "${head}M$n$_[0],2024-05-02,1,2,0.5,1.5\n" });
    my @good = grep { $_->[0] == 200 } @said;
    is(@good . ' ' . (grep { $_->[0] == 409 } @said), '1 3',
        'four contents: one of them') or diag $json->encode(\@said);
    is(rows(), ++$rows, 'and only that is stored');
}

# ---- clients that leave in the middle, again and again

my @facts = map { my $i = $_; join '', map { "LEFT,a,p$_,1\n" }
    50_000 * $i + 1 .. 50_000 * $i + 50_000 } 0 .. 4;
my $whole = join '', "symbol,item,period,value\n", @facts;
for my $part (1 .. 4) {
    $c = client();
    $c->send(head_of('Content-Length: ' . length $whole,
        'Idempotency-Key: left') =~ s/bars/facts/r);
    $c->send(substr $whole, 0, int(length($whole) * $part / 5));
    $p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload WHERE
        idem_key = 'left' AND state = 'receiving'") });
    $part % 2 ? $c->close : $c->reset;
    ok($p->in->wait_for(sub { !$p->sql("SELECT count(*) FROM ingest_upload WHERE
        idem_key = 'left' AND state = 'receiving'") }), 'it left');
}
$r = client()->request('POST', '/v1/ingest/facts?wait=200', body => $whole,
    headers => [ 'Content-Type: text/csv', 'Idempotency-Key: left' ]);
is($r->status . ' ' . Wizdata::Push::told($r->json), '200 250000 0 0',
    'at last all of it');
is($p->sql('SELECT count(*), count(DISTINCT period) FROM fundamental'),
    '250000|250000', 'each row once');
is(join(' ', map { $_->{args}{part} } grep { $_->{dataset} eq 'facts' }
    $p->objects()), '1 2 3', 'each part once');

# ---- processing is away, and more want to push than there are threads

$p->pr->down();
my @waiting;
for (1 .. 4) {
    my $body = bars();
    push @waiting, client();
    $waiting[-1]->send(head_of('Content-Length: ' . length $body)
        =~ s/wait=30/wait=300/r . $body);
}
$p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload WHERE
    state = 'stored'") == 4 });
my $ok = $p->in->wait_for(sub {
    $r = client()->request('POST', '/v1/ingest/bars?wait=0', body => bars(),
        headers => ['Content-Type: text/csv']);
    return $r->status == 202 });
ok($ok, 'there is room again, long before their time is over');
$p->pr->up();
my @status = sort map { $_->response->status } @waiting;
is($status[-1], 202, 'one that only waited was told what was known');
like("@status", qr/^(?:20[02] ?){4}$/, 'the others are told in the end');
ok($p->pr->drained(), 'and all is handled');
is(rows(), $rows + 5, 'nothing is lost');
