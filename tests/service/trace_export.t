#!/usr/bin/perl

# The exporter of a backend: spans of a gateway and its own, as OTLP JSON, to
# a collector that is well, slow, away, busy or of another opinion, and into a
# file.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp qw/ tempdir /;
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use POSIX ();
use Test::More;
use Time::HiRes qw/ sleep time /;

use Wizdata::Service;

use constant WAIT => 20;

my $json = JSON::PP->new->utf8;
my $dir = tempdir('wd-otlp-XXXXXXXX', TMPDIR => 1, CLEANUP => 1);

# ---- a collector: one process, what it does is in the file "mode" -----------

my $listen = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1',
    LocalPort => 0, Listen => 64, ReuseAddr => 1) or die "listen: $!";
my $port = $listen->sockport;
my $collector;

sub mode {
    open my $f, '>', "$dir/mode.new" or die;
    print $f $_[0];
    close $f;
    rename "$dir/mode.new", "$dir/mode";
}

sub slurp {
    open my $f, '<:raw', $_[0] or return '';
    local $/;
    return <$f> // '';
}

sub serve {
    my ($fh) = @_;

    my $in = '';
    while (sysread $fh, $in, 65536, length $in) {
        while ($in =~ /^(.*?\r\n\r\n)/s) {
            my $head = $1;
            my ($n) = $head =~ /^content-length: *(\d+)/im;
            last if length($in) < length($head) + ($n // 0);
            substr $in, 0, length $head, '';
            my $body = substr $in, 0, $n, '';

            my $mode = slurp("$dir/mode");
            # One record is one write, so that the reader sees all or nothing.
            open my $f, '>>:raw', "$dir/got" or die;
            syswrite $f, pack 'N/a* N/a* N/a*', $head, $body, $mode;
            close $f;

            sleep 3 if $mode eq 'slow';
            my ($status, $more, $text) = (200, '', '{}');
            ($status, $more) = ($1, $2 // '')
                if $mode =~ /^(\d{3})(?: (.*))?$/;
            $text = '{"partialSuccess":{"rejectedSpans":"2","errorMessage":'
                . '"no"}}' if $mode eq 'partial';
            syswrite $fh, "HTTP/1.1 $status X\r\n"
                . ($more ? "$more\r\n" : '')
                . "Content-Type: application/json\r\nContent-Length: "
                . length($text) . "\r\n\r\n$text";
        }
    }
}

sub collector_start {
    $collector = fork // die "fork: $!";
    return if $collector;
    setpgrp;
    $SIG{CHLD} = 'IGNORE';
    $SIG{PIPE} = 'IGNORE';
    while (my $fh = $listen->accept) {
        next if fork;
        serve($fh);
        POSIX::_exit(0);
    }
    POSIX::_exit(0);
}

# It, and the processes that serve its connections.
sub collector_stop {
    kill 'KILL', -$collector, $collector;
    waitpid $collector, 0;
}

# As it came: [head, spans by resource, body].
sub got {
    my $bytes = slurp("$dir/got");
    my @got;
    while (length $bytes) {
        my ($head, $body, $mode) = unpack 'N/a* N/a* N/a*', $bytes;
        substr $bytes, 0, 12 + length($head) + length($body) + length($mode),
            '';
        push @got, { head => $head, body => $body, mode => $mode };
    }
    return @got;
}

sub until {
    my ($name, $sub) = @_;

    my $end = time + WAIT;
    my $v;
    sleep 0.02 until ($v = $sub->()) || time > $end;
    ok($v, $name);
    return $v;
}

# Attributes of OTLP as a map.
sub attrs {
    return { map { my ($v) = values %{ $_->{value} }; $_->{key} => $v }
        @{ $_[0] } };
}

# All spans that a 2xx took, or that any request carried.
sub spans_of {
    my ($body) = @_;

    my @spans;
    for my $r (@{ $json->decode($body)->{resourceSpans} }) {
        my $res = attrs($r->{resource}{attributes});
        for my $scope (@{ $r->{scopeSpans} }) {
            push @spans, map { { %$_, res => $res,
                attr => attrs($_->{attributes}) } } @{ $scope->{spans} };
        }
    }
    return @spans;
}

my $n = 0;

sub span {
    my (%o) = @_;

    my $id = ++$n;
    my $now = int(time() * 1e9);
    return [ $o{trace} // sprintf('%032x', 0xabc0000 + $id),
        sprintf('%016x', $id), $o{parent}, $o{kind} // 2,
        $o{name} // "GET /v1/x$id", $o{start} // $now, $o{end} // $now + 1500,
        $o{status} // 0, $o{attr} // { 'http.response.status_code' => 200 },
        $o{state} ];
}

my %c;    # connections by service

sub metric {
    my ($c, $outcome) = @_;

    my (undef, undef, $body) = $c->call('sys.metrics', {});
    my ($v) = $body =~ /^wizdata_backend_spans_total\{[^}]*outcome="$outcome"[^}]*\} (\d+)/m;
    return $v // 0;
}

sub send_spans {
    my ($c, @spans) = @_;

    $c->send_frame([ 2, 'trace.spans', [ [@spans], 'gw:1' ] ]);
}

# ---- a collector that is well ------------------------------------------------

mode('ok');
collector_start();

my $s = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => 'postgresql://127.0.0.1:1/none',
    WIZDATA_TRACE_URL => "http://127.0.0.1:$port/v1/traces",
    WIZDATA_TRACE_HEADERS => 'x-tenant=market data,authorization=Bearer s3cr3t',
    WIZDATA_TRACE_TIMEOUT => '1s',
    WIZDATA_TRACE_QUEUE => '100',
    WIZDATA_TRACE_BATCH => '50',
    WIZDATA_TRACE_SERVICE => 'wd-test',
    WIZDATA_TRACE_FILE => "$dir/spans.jsonl");
my $c = $s->connect();

my $parent = 'b7ad6b7169203331';
send_spans($c,
    span(name => 'GET /v1/bars', parent => $parent, state => 'foo=1',
        start => 1764115200123456789, end => 1764115200123999999,
        attr => { 'http.response.status_code' => 200, 'http.route' => '/v1/bars',
            'url.path' => "/v1/\xff\"\\\x01<" }),
    span(name => 'analytics/bars.query', kind => 3, status => 2,
        parent => '0000000000000001',
        attr => { 'error.type' => 'timeout', 'wizdata.rpc.code' => -15 }));

my ($got) = &until('a batch came', sub { (got())[0] }) ? got() : ();
like($got->{head}, qr{^POST /v1/traces HTTP/1\.1\r\n}, 'POST');
like($got->{head}, qr/^content-type: application\/json\r$/mi, 'JSON');
like($got->{head}, qr/^x-tenant: market data\r$/mi, 'a header of ours');
like($got->{head}, qr/^authorization: Bearer s3cr3t\r$/mi, 'and another');
like($got->{head}, qr/^user-agent: wizdata\//mi, 'who asks');
unlike($got->{head}, qr/^expect:/mi, 'without asking first');

my $doc = $json->decode($got->{body});
is(join(' ', sort keys %$doc), 'resourceSpans', 'the document');
is(scalar @{ $doc->{resourceSpans} }, 1, 'one resource');
my @spans = spans_of($got->{body});
is(scalar @spans, 2, 'two spans');
my ($a, $b) = @spans;
is($a->{res}{'service.name'}, 'wd-test-gateway', 'of the gateway');
is($a->{res}{'service.instance.id'}, 'gw:1', 'of that one');
is($doc->{resourceSpans}[0]{scopeSpans}[0]{scope}{name}, 'wizdata', 'scope');
like($a->{traceId}, qr/^[0-9a-f]{32}$/, 'trace id in hex');
like($a->{spanId}, qr/^[0-9a-f]{16}$/, 'span id in hex');
is($a->{parentSpanId}, $parent, 'parent');
is($a->{traceState}, 'foo=1', 'tracestate');
is($a->{kind}, 2, 'SERVER');
is($a->{flags}, 0x301, 'sampled, of a remote parent');
like($got->{body}, qr/"startTimeUnixNano":"1764115200123456789"/,
    'nanoseconds as text');
like($got->{body}, qr/"endTimeUnixNano":"1764115200123999999"/, 'the end, too');
is($a->{attr}{'http.response.status_code'}, '200', 'a number');
like($got->{body}, qr/"key":"http.response.status_code","value":\{"intValue":"200"\}/,
    'as OTLP writes it');
is($a->{attr}{'url.path'}, "/v1/\x{fffd}\"\\\x01<", 'hostile bytes');
ok(!exists $a->{status}{code}, 'status unset');
is($b->{status}{code}, 2, 'status error');
is($b->{kind}, 3, 'CLIENT');
is($b->{attr}{'wizdata.rpc.code'}, '-15', 'a negative number');

&until('counted', sub { metric($c, 'exported') == 2 });
is(metric($c, 'received'), 2, 'received');

# ---- our own span ------------------------------------------------------------

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $before = time * 1e9;
my $e = $c->error('bars.query', { symbol => ['IBM'] },
    tp => "00-$trace-$parent-01", ts => 'wizdata=b7ad6b7169203331,x=1');
ok($e, 'the database is away');
my $own;
&until('the own span came', sub {
    ($own) = grep { $_->{traceId} eq $trace } map { spans_of($_->{body}) } got();
});
is($own->{parentSpanId}, $parent, 'child of the call');
is($own->{kind}, 2, 'SERVER');
is($own->{name}, 'analytics/bars.query', 'its name');
is($own->{res}{'service.name'}, 'wd-test-analytics', 'of the backend');
is($own->{traceState}, 'wizdata=b7ad6b7169203331,x=1', 'tracestate');
is($own->{status}{code}, 2, 'an error');
is($own->{attr}{'rpc.method'}, 'bars.query', 'rpc.method');
is($own->{attr}{'wizdata.rpc.code'}, "$e->[0]", 'the code');
cmp_ok($own->{startTimeUnixNano}, '>=', $before - 1e7, 'started');
cmp_ok($own->{endTimeUnixNano}, '>=', $own->{startTimeUnixNano}, 'ended');
like($s->log, qr/"trace_id":"$trace"/, 'the log has the trace id');

$c->error('bars.query', { symbol => ['IBM'] },
    tp => "00-" . ('1' x 32) . "-$parent-00");
$c->call('sys.health', {}, tp => "00-$trace-$parent-01");
is(metric($c, 'own'), 2, 'only of traces that are recorded');

# ---- trouble -----------------------------------------------------------------

sub marked {
    my ($mark) = @_;

    return grep { $_->{body} =~ /"\Q$mark\E"/ } got();
}

mode('503 Retry-After: 1');
send_spans($c, span(name => 'later'));
&until('asked, and refused for now', sub { marked('later') });
mode('ok');
&until('asked again', sub { grep { $_->{mode} eq 'ok' } marked('later') });
like($s->log, qr/does not take spans/, 'said once');

mode('400');
send_spans($c, span(name => 'bad'));
&until('refused for good', sub { metric($c, 'rejected') == 1 });
mode('500');
send_spans($c, span(name => 'worse'));
&until('an error is final, too', sub { metric($c, 'rejected') == 2 });
is(scalar(marked('bad')), 1, 'asked once');
is(scalar(marked('worse')), 1, 'asked once');

mode('partial');
my $exported = metric($c, 'exported');
send_spans($c, map { span(name => 'some') } 1 .. 5);
&until('two of five', sub { metric($c, 'rejected') == 4 });
&until('three are in', sub { metric($c, 'exported') == $exported + 3 });

mode('slow');
send_spans($c, span(name => 'slow'));
&until('asked', sub { marked('slow') });
mode('ok');
&until('a collector that is too slow is asked again',
    sub { grep { $_->{mode} eq 'ok' } marked('slow') });

# A collector that is away: the queue fills, the rest is dropped, and nobody
# waits; back again, the queue is emptied.
collector_stop();
close $listen;
my $full = metric($c, 'queue_full');
for my $i (1 .. 30) {
    send_spans($c, map { span(name => "away$i") } 1 .. 20);
}
my $from = time;
ok($c->call('sys.health', {}), 'requests are answered meanwhile');
&until('the queue has its bound', sub { metric($c, 'queue_full') > $full });
cmp_ok(metric($c, 'queue_full') - $full, '<=', 600 - 100, 'and keeps it');

$listen = IO::Socket::INET->new(Proto => 'tcp', LocalAddr => '127.0.0.1',
    LocalPort => $port, Listen => 64, ReuseAddr => 1) or die "listen: $!";
collector_start();
&until('it is back, and gets what waited', sub {
    my @names = map { $_->{name} } map { spans_of($_->{body}) }
        grep { $_->{mode} eq 'ok' } got();
    return 100 <= grep { /^away/ } @names;
});
like($s->log, qr/the trace collector takes spans/, 'said, too');

# ---- malformed ---------------------------------------------------------------

for my $bad ([], [ 'x' ], [ [ [] ] ], [ [ 1 ] ], [ [ [ @{ span() }, 1 ] ] ],
    [ [ span(trace => '0' x 32) ] ], [ [ span(trace => 'A' x 32) ] ],
    [ [ span(trace => 'ab') ] ], [ [ span(parent => 'x') ] ],
    [ [ span(kind => 9) ] ], [ [ span(status => 3) ] ],
    [ [ span(start => 5, end => 4) ] ], [ [ span(name => '') ] ],
    [ [ span(name => 'x' x 2000) ] ], [ [ span(attr => []) ] ],
    [ [ span(attr => { a => [] }) ] ], [ [ span(attr => { a => {} }) ] ],
    [ [ span(attr => { a => 'x' x 2000 }) ] ], [ [ span() ], 'x' x 100 ],
    [ [ span() ], 7 ])
{
    my $d = $s->connect();
    $d->send_frame([ 2, 'trace.spans', $bad ]);
    ok(!$d->pump(sub { 0 }, 5), 'malformed: the connection is closed');
}
send_spans($c, span(name => 'fine'));
&until('the others are served', sub { marked('fine') });

# ---- the file, and the end ---------------------------------------------------

my @lines = split /\n/, slurp("$dir/spans.jsonl");
my %in_file = map { $_->{name} => 1 } map { spans_of($_) } @lines;
ok($in_file{'GET /v1/bars'} && $in_file{later} && $in_file{bad}
    && $in_file{fine}, 'the file has them all, one object a line');

send_spans($c, span(name => 'last words'));
ok($c->call('sys.health', {}), 'taken');
is($s->stop(), 0, 'it ends');
ok(scalar(marked('last words')), 'what was queued has left');
unlike($s->log, qr/s3cr3t/, 'no secret in its log');

# ---- no collector: a file with a bound ----------------------------------------

my $f = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => 'postgresql://127.0.0.1:1/none',
    WIZDATA_TRACE_BATCH => '20',
    WIZDATA_TRACE_FILE_SIZE => '64k',
    WIZDATA_TRACE_FILE => "$dir/small.jsonl");
$c = $f->connect();
for my $i (1 .. 100) {
    send_spans($c, map { span(name => "n$i.$_") } 1 .. 20);
    &until("batch $i is written", sub { metric($c, 'written') == 20 * $i })
        if $i % 20 == 0;
}
my ($now, $old) = (-s "$dir/small.jsonl", -s "$dir/small.jsonl.1");
ok($now && $now <= 65536, 'the file keeps its bound');
ok($old && $old <= 65536, 'and so does the one before');
my $whole = 0;
for my $line (split /\n/, slurp("$dir/small.jsonl.1") . slurp("$dir/small.jsonl")) {
    $whole += spans_of($line);
}
cmp_ok($whole, '>', 100, 'whole lines in both');
is((spans_of((split /\n/, slurp("$dir/small.jsonl"))[-1]))[-1]{name}, 'n100.20',
    'the newest at the end');
is($f->stop(), 0, 'it ends');

# ---- nothing configured, or nonsense -----------------------------------------

my $none = Wizdata::Service->start('analytics',
    WIZDATA_DATABASE_URL => 'postgresql://127.0.0.1:1/none');
$c = $none->connect();
send_spans($c, map { span() } 1 .. 7);
&until('counted', sub { metric($c, 'received') == 7 });
is(metric($c, 'ignored'), 7, 'and dropped');
is($none->stop(), 0, 'it ends');

for my $bad ([ WIZDATA_TRACE_URL => 'ftp://x/' ], [ WIZDATA_TRACE_URL => 'x' ],
    [ WIZDATA_TRACE_HEADERS => 'novalue' ],
    [ WIZDATA_TRACE_HEADERS => 'a b=c' ],
    [ WIZDATA_TRACE_FILE => '/nonexistent/x' ],
    [ WIZDATA_TRACE_BATCH => '0' ])
{
    eval { Wizdata::Service->start('analytics',
        WIZDATA_DATABASE_URL => 'postgresql://127.0.0.1:1/none', @$bad) };
    like($@, qr/ended at its start.*$bad->[0]/s, "$bad->[0]=$bad->[1]");
}

collector_stop();
done_testing();
