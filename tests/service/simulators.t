#!/usr/bin/perl

# The engine of the provider simulators: what a test reads of it, and that
# each fault is on the wire as it is written, seen by curl, openssl and plain
# sockets.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use Test::More;

use Wizdata::Sim;
use Wizdata::Sim::Probe;

my $BODY = '{"rows": [' . join(',', 1 .. 200) . "], \"name\": \"\xC3\x84\"}";

# Answers the same to everything.
package Wizdata::Sim::Same {
    our @ISA = ('Wizdata::Sim');
    sub settings { return (word => 'same') }
    sub answer {
        my ($self, $req) = @_;
        die "on purpose\n" if $req->{path} eq '/die';
        return Wizdata::Sim::Answer->json(200, $BODY,
            'X-Word' => $self->{word});
    }
}

my $sim = Wizdata::Sim::Same->start();
my ($r, $c, @log, $bytes, $end);

# Faults one by one, each undone after the code.
sub with {
    my ($fault, $code) = @_;

    my $id = $sim->fault(@$fault);
    $code->();
    $sim->unfault($id);
}

# What is asked over a plain socket for one fault.
sub heard {
    my (@fault) = @_;

    my @heard;
    with(\@fault, sub {
        my $c = Wizdata::Sim::Probe->connect($sim);
        $c->get('/x', 'Connection: close');
        @heard = $c->hear();
    });
    return @heard;
}

sub head_of { return ($_[0] =~ /^(.*?\r\n\r\n)/s)[0] // '' }
sub body_of { return substr $_[0], length head_of($_[0]) }

# ---- what it was asked

$r = curl($sim->url('/a%2Fb?x=1&y=%C3%A4+b'), '-H', 'X-Two: 1', '-H',
    'X-Two: 2', '-d', 'body=1');
is("$r->{exit} $r->{status}", '0 200', 'an answer');
is($r->{body}, $BODY, 'its body');
like($r->{head}, qr/^X-Word: same\r$/m, 'its header');
@log = $sim->log();
is(@log, 1, 'one request in the log');
is("$log[0]{n} $log[0]{method} $log[0]{path} $log[0]{status}",
    '1 POST /a%2Fb 200', 'what it was');
is($log[0]{target}, '/a%2Fb?x=1&y=%C3%A4+b', 'as it came');
is_deeply($log[0]{query}, { x => 1, y => "\xE4 b" }, 'arguments, decoded');
is($log[0]{headers}{'x-two'}, '1, 2', 'headers');
is(scalar grep(/^X-Two/, @{ $log[0]{header_lines} }), 2, 'header lines');
is($log[0]{body}, 'body=1', 'body');
curl($sim->url("/r$_"), $_ > 1 ? ('-X', 'PUT') : ()) for 1 .. 3;
is($sim->count(path => qr{^/r}), 3, 'filtered by a pattern');
is($sim->count(path => '/r2', method => 'PUT'), 1, 'by texts');
is(scalar(my @two = $sim->wait_log(2, path => qr{^/r})), 3, 'waited for');
$sim->forget();
is($sim->count(), 0, 'forgotten');
curl($sim->url('/r4'));
is(($sim->log())[0]{n}, 5, 'the numbers go on');

# ---- requests in all their forms

$c = Wizdata::Sim::Probe->connect($sim);
$c->get('/one');
$c->head();
$c->hear(length $BODY);
is(substr($c->{in}, 0, length $BODY, ''), $BODY, 'kept alive: the first');
$c->say("POST /two HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    . "4\r\nab" . "cd\r\n3\r\nefg\r\n0\r\n\r\n");
$c->head();
$c->hear(length $BODY);
is(($sim->log(path => '/two'))[0]{body}, 'abcdefg', 'a chunked request');
is(($sim->log(path => '/two'))[0]{conn}, ($sim->log(path => '/one'))[0]{conn},
    'on the same connection');
$c = Wizdata::Sim::Probe->connect($sim);
$c->say(join '', map { "GET /p$_ HTTP/1.1\r\nHost: x\r\n\r\n" } 1 .. 3);
$c->hear(3 * length $BODY);
is($sim->count(path => qr{^/p\d}), 3, 'pipelined');
$c = Wizdata::Sim::Probe->connect($sim);
$c->say("GET / HTTP/1.0\r\n\r\n");
is(($c->hear())[1], 'eof', 'HTTP/1.0: closed after the answer');
$c = Wizdata::Sim::Probe->connect($sim);
$c->say("nonsense\r\n\r\n");
is_deeply([ $c->hear() ], [ '', 'eof' ], 'what is no request is cut off');
$r = curl($sim->url('/x'), '-I');
like($r->{head}, qr/^Content-Length: @{[ length $BODY ]}\r$/m, 'HEAD');
{
    open my $stderr, '>&', \*STDERR;
    open STDERR, '>', '/dev/null'; # it says what is wrong
    my $sick = Wizdata::Sim::Same->start();
    open STDERR, '>&', $stderr;
    $r = curl($sick->url('/die'));
    is($r->{status}, 500, 'an error of the simulator is a 500');
    is(curl($sick->url('/x'))->{status}, 200, 'and it lives on');
    $sick->stop();
}

# ---- settings, clock

$sim->set(word => 'other');
is($sim->get('word'), 'other', 'a setting');
like(curl($sim->url('/x'))->{head}, qr/^X-Word: other\r$/m, 'in effect');
ok(!eval { $sim->set(nothing => 1); 1 }, 'an unknown one is refused');
ok(!eval { Wizdata::Sim::Same->start(nothing => 1); 1 }, 'at the start too');
ok(!eval { $sim->fault('nothing'); 1 }, 'an unknown fault is refused');
my $before = $sim->now();
$sim->advance(86_400 * 365);
ok($sim->now() - $before >= 86_400 * 365, 'its clock');
my ($year) = curl($sim->url('/x'))->{head} =~ /^Date: .* (\d{4}) \d\d:/m;
is($year, 1900 + (gmtime $sim->now())[5], 'shows in Date');
$sim->advance(-86_400 * 365);

# ---- which requests a fault hits

sub statuses {
    return join ' ', map { curl($sim->url($_))->{status} } @_;
}

with([ 'status', path => qr{^/b} ], sub {
    is(statuses('/a', '/b1', '/b2'), '200 503 503', 'a path') });
with([ 'status', status => 500, target => '/a?x=1' ], sub {
    is(statuses('/a?x=1', '/a?x=2'), '500 200', 'a target') });
with([ 'status', nth => 2 ], sub {
    is(statuses(('/a') x 3), '200 503 200', 'the second') });
with([ 'status', nth => [ 1, 3 ], path => '/a' ], sub {
    is(statuses('/a', '/b', '/a', '/a'), '503 200 200 503',
        'the first and the third of a path') });
with([ 'status', times => 2 ], sub {
    is(statuses(('/a') x 3), '503 503 200', 'twice') });
with([ 'status', from => 2 ], sub {
    is(statuses(('/a') x 3), '200 503 503', 'from the second on') });
with([ 'status', method => 'POST' ], sub {
    is(statuses('/a'), '200', 'another method') });
$sim->fault('status', status => 501);
$sim->fault('status', status => 502);
is(statuses('/a'), '501', 'of two the first');
is_deeply(($sim->log())[-1]{fault}, [ 'status', 'status' ], 'in the log');
$sim->clear();
is(statuses('/a'), '200', 'cleared');

# ---- instead of the provider

with([ 'status', status => 418, reason => 'Teapot', body => 'tea', type =>
    'text/x', headers => [ 'X-A' => 'b' ] ], sub {
    $r = curl($sim->url('/'));
    like($r->{head}, qr{^HTTP/1.1[ ]418[ ]Teapot\r\nContent-Type:[ ]text/x\r\n
        X-A:[ ]b\r\n}x, 'status, type, headers');
    is($r->{body}, 'tea', 'body');
});
with([ 'html' ], sub {
    $r = curl($sim->url('/'));
    is($r->{status}, 200, 'a page with 200');
    like($r->{body}, qr/^<!DOCTYPE html>/, 'HTML');
});
for my $status (301, 302, 303, 307, 308) {
    with([ 'redirect', status => $status, to => 'http://127.0.0.2:1/x' ], sub {
        $r = curl($sim->url('/'));
        is("$r->{status} " . ($r->{head} =~ /^Location: (\S+)/m)[0],
            "$status http://127.0.0.2:1/x", "redirect $status");
    });
}
for my $value ('1', '99999999999999999999', 'soon', '',
    'Fri, 31 Dec 1999 23:59:59 GMT', '-5') {
    with([ 'retry_after', value => $value ], sub {
        like(curl($sim->url('/'))->{head}, qr/^Retry-After: \Q$value\E\r$/m,
            "Retry-After: $value");
    });
}
is_deeply([ heard('bytes', bytes => "SSH-2.0-x\r\n") ],
    [ "SSH-2.0-x\r\n", 'eof' ], 'bytes that are no HTTP');
is_deeply([ heard('gone') ], [ '', 'eof' ], 'closed without an answer');

# ---- other bodies

my %body = (
    'a replacement' => [ [ 'replace', this => '200]', by => '1e999]' ],
        $BODY =~ s/200\]/1e999]/r ],
    'another body' => [ [ 'body', body => '[]' ], '[]' ],
    'cut at a byte' => [ [ 'cut', keep => 5 ], substr $BODY, 0, 5 ],
    'cut by half' => [ ['cut'], substr $BODY, 0, length($BODY) / 2 ],
    'blank' => [ ['blank'], '' ],
    'a byte order mark' => [ ['bom'], "\xEF\xBB\xBF$BODY" ],
    'latin-1' => [ [ 'charset', to => 'iso-8859-1' ],
        $BODY =~ s/\xC3\x84/\xC4/r ],
    'UTF-16' => [ [ 'charset', to => 'UTF-16LE', label => 'utf-16' ],
        join '', map { "$_\0" } split //, $BODY =~ s/\xC3\x84/\xC4/r ],
    'NUL bytes' => [ [ 'nul', at => 3, n => 2 ],
        substr($BODY, 0, 3) . "\0\0" . substr $BODY, 3 ],
);
for my $name (sort keys %body) {
    my ($fault, $want) = @{ $body{$name} };
    with($fault, sub {
        $r = curl($sim->url('/'));
        is($r->{body}, $want, $name);
        like($r->{head}, qr/^Content-Length: @{[ length $want ]}\r$/m,
            'and its length');
    });
}
with([ 'charset', to => 'UTF-16LE', label => 'utf-16' ], sub {
    like(curl($sim->url('/'))->{head}, qr{^Content-Type:[ ]application/json;
        [ ]charset=utf-16\r$}mx, 'with a label') });
with([ 'content_type', value => 'text/html' ], sub {
    like(curl($sim->url('/'))->{head}, qr{^Content-Type: text/html\r$}m,
        'another type') });

my ($features) = bytes_of('curl', '-V') =~ /^Features: (.*)$/m;
my %can = (gzip => 'libz', zstd => 'zstd', br => 'brotli');
for my $encoding (qw/ gzip zstd br /) {
    SKIP: {
        skip("curl without $encoding", 4)
            if $features !~ /\b$can{$encoding}\b/;
        my $megabytes = $encoding eq 'br' ? 256 : 64;
        with([ 'bomb', encoding => $encoding, megabytes => $megabytes ], sub {
            $r = curl($sim->url('/'));
            like($r->{head}, qr/^Content-Encoding: $encoding\r$/m, $encoding);
            cmp_ok(length $r->{body}, '<', 100_000, 'small on the wire');
            my $n = bytes_of('curl', '-s', '--compressed', '-o', '/dev/null',
                '-w', '%{size_download} %{exitcode}', $sim->url('/'));
            like($n, qr/ 0$/, 'a correct stream');
            $n = bytes_of('sh', '-c', 'curl -s --compressed "$0" | wc -c',
                $sim->url('/'));
            is($n + 0, $megabytes << 20, "of $megabytes MiB");
        });
    }
}
for my $encoding (qw/ gzip zstd /) {
    SKIP: {
        skip("curl without $encoding", 1)
            if $features !~ /\b$can{$encoding}\b/;
        with([$encoding], sub { is(curl($sim->url('/'), '--compressed')
                    ->{body}, $BODY, "truly $encoding") });
    }
}
with(['bad_gzip'], sub {
    bytes_of('sh', '-c', 'curl -s "$0" | gzip -t 2>/dev/null', $sim->url('/'));
    isnt($?, 0, 'half a gzip stream');
});

# ---- other heads

with([ 'date', skew => -7200 ], sub {
    my ($date) = curl($sim->url('/'))->{head} =~ /^Date: (.*)\r$/m;
    my $back = Wizdata::Sim::Answer::http_date($sim->now() - 7200);
    is(substr($date, 0, 17), substr($back, 0, 17), 'Date two hours back');
});
with([ 'date', value => 'yesterday' ], sub { like(curl($sim->url('/'))->{head},
    qr/^Date: yesterday\r$/m, 'Date that is none') });
with(['date'], sub { unlike(curl($sim->url('/'))->{head}, qr/^Date:/m,
    'no Date') });
with([ 'header', name => 'X-A', value => 'b', n => 3 ], sub {
    is(scalar(() = curl($sim->url('/'))->{head} =~ /^X-A: b\r$/mg), 3,
        'a header three times') });
with([ 'unheader', name => 'Content-Type' ], sub {
    unlike(curl($sim->url('/'))->{head}, qr/^Content-Type/m, 'one less') });
with([ 'duplicate', name => 'Content-Length', value => 5 ], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/', 'Connection: close');
    is_deeply([ $c->head() =~ /^Content-Length: (\d+)\r$/mg ],
        [ 5, length $BODY ], 'two different lengths') });
with(['big_header'], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/');
    cmp_ok(length $c->head(), '>', 100_000, 'a header of 100 kB') });
with(['many_headers'], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/');
    is(scalar(() = $c->head() =~ /^X-H\d+:/mg), 2000, '2000 headers') });
($bytes) = heard('chunked');
like($bytes, qr/^Transfer-Encoding: chunked\r$/m, 'chunked');
is(body_of($bytes), sprintf("%x\r\n%s\r\n0\r\n\r\n", length $BODY, $BODY),
    'correctly');
is(curl($sim->url('/'))->{body}, $BODY, 'and back');
($bytes, $end) = heard('unframed');
unlike(head_of($bytes), qr/^(Content-Length|Transfer-)/m, 'no framing');
is(body_of($bytes) . " $end", "$BODY eof", 'ended by the end');

# ---- the wire

for my $case ([ 'start', 0 ], [ 'head', 0 ], [ 7, 7 ]) {
    my ($at, $n) = @$case;
    my $head = $at eq 'start' ? qr/^$/ : qr/^HTTP/;
    for my $fault (qw/ fin reset /) {
        ($bytes, $end) = heard($fault, at => $at);
        like(head_of($bytes), $head, "$fault at $at: head");
        is(length body_of($bytes), $n, "$n bytes of the body");
        is($end, $fault eq 'fin' ? 'eof' : 'reset', 'how it ended');
    }
    with([ 'stall', at => $at ], sub {
        $c = Wizdata::Sim::Probe->connect($sim);
        $sim->forget();
        $c->get('/stalled');
        my $wait = $at eq 'start' ? '' : $c->head();
        ($bytes) = $c->hear($n);
        is(length $bytes, $n, "stall at $at: $n bytes");
        ok($sim->wait_log(1, path => '/stalled'), 'it was asked');
        is($sim->connections()->{open}, 1, 'the connection is open');
        $c->close();
    });
}
with([ 'stall', at => 'start' ], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/left');
    $sim->wait_log(1, path => '/left');
    $c->close();
    my $aborted;
    for (1 .. 1500) {
        ($aborted) = map { $_->{aborted} } $sim->log(path => '/left');
        last if $aborted;
        select undef, undef, undef, 0.02;
    }
    ok($aborted, 'who leaves before the answer is in the log');
});

with([ 'slow', every => 30 ], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/');
    is(($c->hear(1))[0], 'H', 'slow: the first byte comes alone');
});
with([ 'slow', body_only => 1, every => 30, bytes => 3 ], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/');
    $c->head();
    is(($c->hear(3))[0], substr($BODY, 0, 3), 'slow body: three bytes');
});
is(body_of((heard('slow', every => 0.001, bytes => 50))[0]), $BODY,
    'slow: in the end it is all there');
is(body_of((heard('delay', seconds => 0.01))[0]), $BODY, 'delayed');
with([ 'gate', name => 'a' ], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/gated', 'Connection: close');
    $sim->wait_log(1, path => '/gated');
    is($sim->connections()->{open}, 1, 'at the gate');
    $sim->open_gate('a');
    is(body_of(($c->hear())[0]), $BODY, 'opened');
    is(body_of((heard('gate', name => 'a'))[0]), $BODY, 'and stays so');
    $sim->close_gate('a');
});

with(['long_length'], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/');
    like($c->head(), qr/^Content-Length: @{[ 1000 + length $BODY ]}\r$/m,
        'Content-Length too long');
    $c->hear(length $BODY);
    is($sim->connections()->{open}, 1, 'and it waits');
    $c->close();
});
($bytes) = heard('short_length', by => 20);
like(head_of($bytes), qr/^Content-Length: @{[ length($BODY) - 20 ]}\r$/m,
    'Content-Length too short');
is(body_of($bytes), $BODY, 'all bytes come');
with(['endless'], sub {
    $c = Wizdata::Sim::Probe->connect($sim);
    $c->get('/');
    $c->head();
    is(($c->hear(20_000_000))[1], 'enough', 'twenty megabytes, and no end');
    is(curl($sim->url('/x'), '-m', 1)->{exit}, 28, 'for a second one too');
    $c->close();
});
my %chunk = (size => qr/^zz\r\n/, negative => qr/^-5\r\n/,
    huge => qr/^f{16}\r\n/, crlf => qr/\}0\r\n\r\n$/,
    unfinished => qr/\}\r\n$/);
for my $how (sort keys %chunk) {
    ($bytes, $end) = heard('bad_chunk', how => $how);
    like(body_of($bytes), $chunk{$how}, "chunks: $how");
    with([ 'bad_chunk', how => $how ], sub { isnt(curl($sim->url('/'))->{exit},
            0, 'and curl does not like it') });
}
like((heard('bad_status', line => 'HTTP/9.9 abc'))[0], qr{^HTTP/9\.9 abc\r\n},
    'a status line that is none');

# ---- the listening socket

$sim->refuse(1);
is(curl($sim->url('/'))->{exit}, 7, 'connection refused');
$sim->refuse(0);
is(curl($sim->url('/'))->{status}, 200, 'open again');
$c = Wizdata::Sim::Probe->connect($sim);
$c->get('/');
$c->head();
$c->hear(length $BODY);
$sim->cut();
is(($c->hear(length($BODY) + 1))[1], 'reset', 'an idle connection is cut');

# ---- many at once

my $many = 250;
my $gate = $sim->fault('gate', name => 'many');
my @many = map { Wizdata::Sim::Probe->connect($sim) } 1 .. $many;
$_->get('/many', 'Connection: close') for @many;
$sim->wait_log($many, path => '/many');
is($sim->connections()->{open}, $many, "$many connections at once");
$sim->open_gate('many');
is(scalar(grep { body_of(($_->hear())[0]) eq $BODY } @many), $many,
    'all are answered');
cmp_ok($sim->connections()->{most}, '>=', $many, 'the most there were');
$sim->clear();

# ---- it ends with the test

my $pid = $sim->{pid};
$sim->stop();
ok(!kill(0, $pid), 'stopped');

done_testing();
