#!/usr/bin/perl

# Clients that send a push a byte at a time, through nginx into the real
# ingestion: answered 408, over HTTP/1 and HTTP/2, coded or not, and the only
# thread is free for others.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use IO::Select;
use JSON::PP ();
use Time::HiRes qw/ time /;

use Wizdata::H2;
use Wizdata::Ingestion;
use Wizdata::MessagePack;
use Wizdata::Push;
use Test::Wizdata;              # last, so that nginx ends before the others

use constant PAUSE => 0.02;     # between two bytes: 50 bytes a second

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my %env = (WIZDATA_INGESTION_PUSHES => 1, WIZDATA_INGESTION_UPLOAD_RATE => 1000,
    WIZDATA_INGESTION_UPLOAD_WINDOW => '2s');
my $p = Wizdata::Push->start(%env);
$t->config(http => 'wizdata_service ingestion ' . $p->in->svc->endpoint() . ';',
    location => 'client_max_body_size 1g;', servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8082%% http2;
        wizdata_errors on;
        location /v1/ { wizdata_api on; client_max_body_size 1g; }
    }
EOF
$t->run();

my $json = JSON::PP->new->canonical;
my $rows = "symbol,time,open,high,low,close\n";
my @type = ('Content-Type: text/csv');

sub head_of {
    my ($length, @headers) = @_;

    return join "\r\n", 'POST /v1/ingest/bars?wait=30 HTTP/1.1',
        'Host: localhost', 'X-API-Key: ' . $t->key, @headers,
        defined $length ? "Content-Length: $length"
        : 'Transfer-Encoding: chunked', '', '';
}

# A byte now and then, as $piece makes it, until there is an answer.
sub trickle {
    my ($c, $piece) = @_;

    my $answer = IO::Select->new($c->{fh});
    my $end = time + 60;
    my $n = 0;
    while (time < $end && !$answer->can_read(PAUSE)) {
        $c->send($piece->($n++)) or last;
    }
    return ($n, $c->response);
}

sub push_rows {
    my ($symbol, @headers) = @_;

    return client()->request('POST', '/v1/ingest/bars?wait=30',
        headers => [ @type, @headers ],
        body => "${rows}$symbol,2024-05-02,1,2,0.5,1.5\n");
}

# ---- HTTP/1: a length, in chunks, coded

for my $how (
    [ 'a length' => 1_000_000, sub { 'x' } ],
    [ 'in chunks' => undef, sub { "1\r\nx\r\n" } ],
    [ 'gzip' => 1_000_000, sub { substr "\x1f\x8b\x08\0\0\0\0\0\0\3"
        . "\0\1\0\xfe\xffa" x 100_000, $_[0], 1 }, 'Content-Encoding: gzip' ],
) {
    my ($name, $length, $piece, @headers) = @$how;
    my $c = client();
    $c->send(head_of($length, @type, @headers, "Idempotency-Key: $name"));
    my ($n, $r) = trickle($c, $piece);
    is_problem($r, 408, 'request-timeout', "$name: 408");
    like($r->json->{detail}, qr/less than 1000 bytes a second/, 'says why');
    is($r->header('connection'), 'close', 'no other request follows');
    cmp_ok($n, '>', 3, 'it was not the first byte');
    is($p->sql("SELECT count(*) FROM ingest_upload WHERE idem_key = '$name'"),
        0, 'nothing is left of it');
    $r = push_rows('GOOD', "Idempotency-Key: $name");
    is($r->status . ' ' . $r->json->{state}, '200 done',
        'its key, and the only thread, are free');
}

# ---- HTTP/2

my $h = Wizdata::H2->new(port(8082));
my $s = $h->start('POST', '/v1/ingest/bars', [ 'x-api-key' => $t->key,
    'content-type' => 'text/csv' ]);
my $end = time + 60;
while (time < $end && !$h->frames(PAUSE)) {
    $h->data($s, 'x') or last;
}
my $r = $h->response($s);
is($r->{status}, 408, 'HTTP/2: 408');
like($r->{body}, qr/problem:request-timeout/, 'as a problem');
$s = $h->start('POST', '/v1/ingest/bars', [ 'x-api-key' => $t->key,
    'content-type' => 'text/csv' ]);
$h->data($s, "${rows}H2,2024-05-02,1,2,0.5,1.5\n", end => 1);
is($h->response($s)->{status}, 200, 'its connection goes on');

# ---- while somebody is slow there is no room, and then there is

my $slow = client();
$slow->send(head_of(1_000_000, @type) . $rows);
$p->in->wait_for(sub { $p->sql("SELECT count(*) FROM ingest_upload
    WHERE state = 'receiving'") == 1 });
my $answer = IO::Select->new($slow->{fh});
my ($full, $others) = (0, 0);
until ($answer->can_read(PAUSE)) {
    $slow->send('x') or last;
    my $r = push_rows('FULL');
    $full++ if $r->status == 503;
    $others++ if get('/v1/ingest')->status == 200;
}
cmp_ok($full, '>', 0, "as many as may ($full): 503");
cmp_ok($others, '>', 0, 'other requests are answered');
is($slow->response->status, 408, 'the slow one is over');
is(push_rows('ROOM')->status, 200, 'the next has its place');

# ---- whole parts that came before are kept, and told of

my $long;
$long = client();
$long->send(head_of(100_000_000, @type, 'Idempotency-Key: long')
    =~ s{/bars}{/facts}r);
$long->send("symbol,item,period,value\n");
for my $i (0 .. 14) {           # a part is 100,000 records
    $long->send(join '', map { "LONG,a,p$_,1\n" } 10_000 * $i .. 10_000 * $i + 9999);
}
my ($n, $late) = trickle($long, sub { 'x' });
is_problem($late, 408, 'request-timeout', 'behind a whole part: 408');
my ($upload) = $late->json->{detail} =~ /\(upload (\d+) has what is before\)/;
ok($upload, 'the upload is named') or diag $late->json->{detail};
my $told = get("/v1/ingest/uploads/$upload")->json;
is("$told->{state} $told->{parts}", 'failed 1', 'it failed, and has a part');
like($told->{error}, qr/less than 1000 bytes/, 'and its reason');

# ---- waited for too long in all

my $short = Wizdata::Ingestion->start($p->pg, lake => $p->in->{lake},
    url => 'http://127.0.0.1:1', %env, WIZDATA_INGESTION_UPLOAD_RATE => 0,
    WIZDATA_INGESTION_UPLOAD_TIME => '1s');
my $c = $short->c;
my $id = $c->ask('ingest.push', { dataset => 'bars' }, body => mp_true,
    type => 'text/csv');
$c->send_frame([ 2, 'rpc.chunk', [ $id, mp_bin('x'), mp_false ] ]);
my @e = @{ $c->answer($id)->[2] };
is($e[0], -32, 'longer than an upload may take in all');
like($e[1], qr/longer than 1 s in all/, 'says why');
