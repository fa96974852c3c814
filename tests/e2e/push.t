#!/usr/bin/perl

# Pushing with curl through nginx into the real services: each format, codings,
# keys, refusals as problems, and a body of 300 MB of which no process holds
# more than a part.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();

use Wizdata::Push;
use Test::Wizdata;              # last, so that nginx ends before the others

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $p = Wizdata::Push->start();
my $endpoint = $p->in->svc->endpoint();
$t->config(http => "wizdata_service ingestion $endpoint;",
    location => 'client_max_body_size 1100m;');
$t->run();

my $sanitized = $ENV{WIZDATA_ASAN_PRELOAD}
    || `cat /proc/@{[ $p->in->svc->pid ]}/maps` =~ /asan|ubsan/;

# What the large body has.
my $MB = $ENV{WIZDATA_PUSH_MB} || ($sanitized ? 40 : 300);

my $url = 'http://127.0.0.1:' . port(8080) . '/v1/ingest';
my $json = JSON::PP->new->canonical;
my ($status, $body, %head);

# Status, body as data; the headers in %head.
sub curl {
    my ($path, @args) = @_;

    my $file = "$t->{dir}/head";
    open my $f, '-|', 'curl', '-sS', '-m', 600, '-D', $file, '-H',
        'X-API-Key: ' . $t->key, @args, "$url$path" or die "curl: $!";
    $body = do { local $/; <$f> };
    close $f;
    open $f, '<', $file or die "curl said nothing\n";
    %head = ();
    while (<$f>) {
        $status = $1, next if m{^HTTP/\S+ (\d+)};
        $head{ lc $1 } = $2 if /^([^:]+): (.*?)\r/;
    }
    return $body = eval { $json->decode($body) } // $body;
}

sub send_ {
    my ($dataset, $type, $text, @args) = @_;

    my $file = "$t->{dir}/body";
    open my $f, '>:raw', $file or die;
    print $f $text;
    close $f;
    return curl("/$dataset", '-H', "Content-Type: $type", '--data-binary',
        "\@$file", @args);
}

my $bars = "symbol,time,open,high,low,close,volume\n"
    . "IBM,2024-05-02,10,11,9,10.5,100\nIBM,2024-05-03,10,11,12,10.5,100\n";

# ---- small ones

send_('bars', 'text/csv; charset=utf-8', $bars, '-H', 'Idempotency-Key: one');
is($status, 200, 'CSV');
is(Wizdata::Push::told($body), '1 0 1 | 3 ohlc_order', 'is told of');
like($head{'content-type'}, qr{^application/json}, 'in JSON');
my $first = $json->encode($body);
send_('bars', 'text/csv', $bars, '-H', 'Idempotency-Key: one');
is("$status " . $json->encode($body), "200 $first", 'once more, the same');
send_('bars', 'text/csv', "$bars\n", '-H', 'Idempotency-Key: one');
is("$status $body->{type}", '409 urn:wizdata:problem:conflict',
    'another content');

send_('facts', 'application/x-ndjson',
    qq({"symbol":"IBM","item":"a","value":1}\n));
is("$status " . Wizdata::Push::told($body), '200 1 0 0', 'NDJSON');
send_('facts', 'application/json', '[{"symbol":"IBM","item":"a","value":1}]',
    '-H', 'Transfer-Encoding: chunked');
is("$status " . Wizdata::Push::told($body), '200 0 1 0', 'JSON, in chunks');
send_('facts', 'application/vnd.msgpack', mp_encode({ symbol => 'IBM',
    item => 'b', value => 1 }));
is("$status " . Wizdata::Push::told($body), '200 1 0 0', 'MessagePack');
curl("/uploads/$body->{upload}");
is("$status $body->{state}", '200 done', 'to be seen later');

# ---- codings

for my $coding (qw/ gzip zstd /) {
    my $file = "$t->{dir}/x.$coding";
    open my $f, '|-', "$coding -c >$file" or die;
    print $f $bars;
    close $f;
    curl('/bars', '-H', 'Content-Type: text/csv', '-H',
        "Content-Encoding: $coding", '-T', $file, '-X', 'POST');
    is("$status " . Wizdata::Push::told($body), '200 0 1 1 | 3 ohlc_order',
        $coding);
    my $bytes = -s $file;
    truncate $file, $bytes - 5 or die "truncate: $!";
    curl('/bars', '-H', 'Content-Type: text/csv', '-H',
        "Content-Encoding: $coding", '-T', $file, '-X', 'POST');
    is("$status $body->{type}", '400 urn:wizdata:problem:invalid-request',
        "cut $coding is a problem");
    like($body->{detail}, qr/^$coding: the body ends at byte/, 'and says why');
}

# ---- refusals

send_('bars', 'text/csv', "symbol,tiem\n");
is("$status $body->{detail}", '400 line 1: "tiem" is not known; bars have '
    . 'symbol, timeframe, time, open, high, low, close, volume', 'a name');
send_('bars', 'text/html', $bars);
is($status, 415, 'another type');
send_('fish', 'text/csv', $bars);
is($status, 400, 'another data set');

# ---- a large one

my $n = 0;
my $file = "$t->{dir}/large.csv";
open my $f, '>:raw', $file or die;
print $f "symbol,timeframe,time,open,high,low,close,volume\n";
my @stamps = map { sprintf 'T%02d:%02d:00Z', $_ / 60, $_ % 60 } 0 .. 1439;
DAY: for my $day (0 .. 1_000_000) {
    my @t = gmtime(86_400 * ($day % 7000));
    my $date = sprintf 'L%d,1m,%04d-%02d-%02d', $day / 7000, $t[5] + 1900,
        $t[4] + 1, $t[3];
    print $f map { "$date$_,100.25,101.5,99.75,100.5,1000\n" } @stamps;
    $n += @stamps;
    last if tell $f > $MB * 1_000_000;
}
print $f "L0,1m,yesterday,1,1,1,1,1\n";
close $f;
my $size = -s $file;

my $from = Time::HiRes::time();
curl('/bars?wait=300', '-H', 'Content-Type: text/csv', '-T', $file, '-X',
    'POST', '-H', 'Idempotency-Key: large');
my $seconds = Time::HiRes::time() - $from;
if ($status == 202) {
    my $id = $body->{upload};
    $p->in->wait_for(sub { curl("/uploads/$id")->{state} eq 'done' }, 600);
}
is("$body->{state} $body->{accepted} $body->{rejected}", "done $n 1",
    "$size bytes");
is($body->{rejects}[0]{line}, $n + 2, 'the last line is told');
is($body->{bytes}, $size, 'all bytes');
diag sprintf '%d rows, %.0f MB: %.1f s, %.0f rows/s', $n, $size / 1e6,
    $seconds, $n / $seconds;

sub peak {
    my ($pid) = @_;
    open my $f, '<', "/proc/$pid/status" or return;
    return (map { /^VmHWM:\s+(\d+)/ ? $1 : () } <$f>)[0];
}
my ($worker) = `cat /proc/$t->{pid}/task/$t->{pid}/children` =~ /(\d+)/;
my %peak = (ingestion => peak($p->in->svc->pid),
    processing => peak($p->pr->svc->pid), nginx => peak($worker));
diag join ', ', map { sprintf '%s %.0f MiB', $_, $peak{$_} / 1024 }
    sort keys %peak;
SKIP: {
    skip 'sanitizers keep memory', 2 if $sanitized;
    cmp_ok($peak{ingestion}, '<', 64 * 1024, 'in the memory of a part');
    cmp_ok($peak{nginx}, '<', 64 * 1024, 'nor does nginx hold it');
}
unlink $file;
