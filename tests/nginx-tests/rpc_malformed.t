#!/usr/bin/perl

# Everything malformed that a backend can send: the request is a 502 problem,
# the connection is closed, the worker lives, and the next request works.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# Shorthands; the first argument is the msgid of the request being answered.
sub good { return [ 1, $_[0], undef, [ 200, $_[1] || {}, mp_bin('{}') ] ] }
sub answer { my $id = shift; return [ 1, $id, @_ ] }
sub result { my $id = shift; return [ 1, $id, undef, [@_] ] }
sub failure { my $id = shift; return [ 1, $id, [@_], undef ] }
sub chunk { return [ 2, 'rpc.chunk', [@_] ] }
sub nested { my $v = 1; $v = [$v] for 1 .. $_[0]; return $v }

my @table = (
    # not frames
    [ 'an integer', sub { 5 } ],
    [ 'nil', sub { undef } ],
    [ 'text', sub { 'hello' } ],
    [ 'a map', sub { { a => 1 } } ],
    [ 'ext', sub { mp_ext(1, 'x') } ],
    [ 'byte c1', sub { mp_raw("\xc1") } ],
    [ 'HTTP', sub { mp_raw("HTTP/1.1 200 OK\r\n\r\n") } ],
    [ 'an empty array', sub { [] } ],
    [ 'an array of 2', sub { [ 1, $_[0] ] } ],
    [ 'an array of 5', sub { [ @{ good(@_) }, 1 ] } ],
    [ 'type 3', sub { [ 3, $_[0], undef, [ 200, {}, undef ] ] } ],
    [ 'type -1', sub { [ -1, $_[0], undef, [ 200, {}, undef ] ] } ],
    [ 'type as text', sub { [ '1', $_[0], undef, [ 200, {}, undef ] ] } ],
    [ 'type 1.0', sub { [ mp_float(1), $_[0], undef, [ 200, {}, undef ] ] } ],
    [ 'a response of 3', sub { [ 1, $_[0], undef ] } ],
    [ 'a notification of 4', sub { [ 2, 'x', [], 0 ] } ],
    [ 'a request', sub { [ 0, 1, 'sys.health', [ { id => 'a' }, {} ] ] } ],

    # msgid
    [ 'msgid -1', sub { result(-1, 200, {}, undef) } ],
    [ 'msgid 2^32', sub { result(4294967296, 200, {}, undef) } ],
    [ 'msgid 2^64-1', sub { result(18446744073709551615, 200, {}, undef) } ],
    [ 'msgid as text', sub { result("$_[0]", 200, {}, undef) } ],
    [ 'msgid as float', sub { result(mp_float($_[0]), 200, {}, undef) } ],
    [ 'msgid nil', sub { result(undef, 200, {}, undef) } ],

    # failures
    [ 'error as text', sub { answer($_[0], 'no', undef) } ],
    [ 'error as integer', sub { answer($_[0], -1, undef) } ],
    [ 'error false', sub { answer($_[0], mp_false, undef) } ],
    [ 'error of 0', sub { failure($_[0]) } ],
    [ 'error of 1', sub { failure($_[0], -1) } ],
    [ 'error of 4', sub { failure($_[0], -1, 'x', {}, 1) } ],
    [ 'code 0', sub { failure($_[0], 0, 'x') } ],
    [ 'code 1', sub { failure($_[0], 1, 'x') } ],
    [ 'code -2^63', sub { failure($_[0], -9223372036854775807 - 1, 'x') } ],
    [ 'code as text', sub { failure($_[0], '-1', 'x') } ],
    [ 'text as integer', sub { failure($_[0], -1, 5) } ],
    [ 'text nil', sub { failure($_[0], -1, undef) } ],
    [ 'text of 1025', sub { failure($_[0], -1, 'x' x 1025) } ],
    [ 'detail as array', sub { failure($_[0], -1, 'x', []) } ],
    [ 'detail.param as integer', sub { failure($_[0], -2, 'x',
        { param => 5 }) } ],
    [ 'detail.retry as text', sub { failure($_[0], -11, 'x',
        { retry => 'soon' }) } ],
    [ 'error and result', sub { answer($_[0], [ -1, 'x' ],
        [ 200, {}, undef ]) } ],

    # results
    [ 'neither', sub { answer($_[0], undef, undef) } ],
    [ 'result as text', sub { answer($_[0], undef, 'x') } ],
    [ 'result as map', sub { answer($_[0], undef, {}) } ],
    [ 'result of 2', sub { result($_[0], 200, {}) } ],
    [ 'result of 4', sub { result($_[0], 200, {}, undef, 1) } ],
    ( map { my $s = $_; [ "status $s", sub { result($_[0], $s, {}, undef) } ] }
        0, 100, 199, 300, 304, 404, 500, 600, -200, 65_736 ),
    [ 'status as text', sub { result($_[0], '200', {}, undef) } ],
    [ 'status 200.0', sub { result($_[0], mp_float(200), {}, undef) } ],
    [ 'meta nil', sub { result($_[0], 200, undef, undef) } ],
    [ 'meta as array', sub { result($_[0], 200, [], undef) } ],
    [ 'meta of 8193 bytes', sub { good($_[0], { k => 'x' x 8187 }) } ],
    [ 'meta.type as integer', sub { good($_[0], { type => 5 }) } ],
    [ 'meta.ttl as text', sub { good($_[0], { ttl => '5' }) } ],
    [ 'meta.tags as text', sub { good($_[0], { tags => 'a' }) } ],
    [ 'meta.tags of integers', sub { good($_[0], { tags => [ 1, 2 ] }) } ],
    [ 'meta.etag as integer', sub { good($_[0], { etag => 5 }) } ],
    [ 'meta.next as integer', sub { good($_[0], { next => 5 }) } ],
    [ 'meta.more as integer', sub { good($_[0], { more => 1 }) } ],
    [ 'meta.len as text', sub { good($_[0], { more => mp_true,
        len => 'x' }) } ],
    [ 'meta.len negative', sub { good($_[0], { more => mp_true,
        len => -1 }) } ],
    [ 'body as integer', sub { result($_[0], 200, {}, 5) } ],
    [ 'body as array', sub { result($_[0], 200, {}, ['x']) } ],
    [ 'body as ext', sub { result($_[0], 200, {}, mp_ext(1, 'x')) } ],
    [ 'body of 65537', sub { result($_[0], 200, {},
        mp_bin('x' x 65_537)) } ],

    # a line break in what becomes a header: refused; nothing in the protocol
    # makes it a malformed frame, so the connection may stay
    [ 'meta.type with a line break', sub { good($_[0],
        { type => "text/plain\r\nX-Injected: 1" }) }, 'open' ],
    [ 'meta.etag with a line break', sub { good($_[0],
        { etag => "\"a\r\nX-Injected: 1\"" }) }, 'open' ],

    # notifications
    [ 'method as integer', sub { [ 2, 5, [] ] } ],
    [ 'method empty', sub { [ 2, '', [] ] } ],
    [ 'method of 65', sub { [ 2, 'm' x 65, [] ] } ],
    [ 'params as map', sub { [ 2, 'x', {} ] } ],
    [ 'params nil', sub { [ 2, 'x', undef ] } ],
    [ 'chunk of 2', sub { chunk($_[0], mp_bin('x')) } ],
    [ 'chunk of 4', sub { chunk($_[0], mp_bin('x'), mp_true, 1) } ],
    [ 'chunk for text', sub { chunk("$_[0]", mp_bin('x'), mp_true) } ],
    [ 'chunk of integers', sub { chunk($_[0], 5, mp_true) } ],
    [ 'chunk with last 1', sub { chunk($_[0], mp_bin('x'), 1) } ],
    [ 'chunk of 65537', sub { chunk($_[0], mp_bin('x' x 65_537), mp_true) } ],
    [ 'chunk before the response', sub { chunk($_[0], mp_bin('x'),
        mp_true) } ],
    [ 'credit of 1', sub { [ 2, 'rpc.credit', [ $_[0] ] ] } ],
    [ 'credit of 3', sub { [ 2, 'rpc.credit', [ $_[0], 1, 1 ] ] } ],
    [ 'credit for text', sub { [ 2, 'rpc.credit', [ "$_[0]", 1 ] ] } ],
    [ 'credit as text', sub { [ 2, 'rpc.credit', [ $_[0], '1' ] ] } ],
    [ 'credit of -1', sub { [ 2, 'rpc.credit', [ $_[0], -1 ] ] } ],
    [ 'credit of 2^32', sub { [ 2, 'rpc.credit', [ $_[0], 4294967296 ] ] } ],
    [ 'credit where no body is', sub { [ 2, 'rpc.credit', [ $_[0], 1 ] ] } ],
    [ 'abort of 1', sub { [ 2, 'rpc.abort', [ $_[0] ] ] } ],
    [ 'abort with code 0', sub { [ 2, 'rpc.abort', [ $_[0], [ 0, 'x' ] ] ] } ],
    [ 'abort without text', sub { [ 2, 'rpc.abort', [ $_[0], [-1] ] ] } ],

    # sizes and depths that are declared, not sent
    [ 'array of 2^32-1', sub { mp_raw("\xdd\xff\xff\xff\xff") } ],
    [ 'map of 2^31', sub { mp_raw("\xdf\x80\x00\x00\x00") } ],
    [ 'text of 2^32-1', sub { mp_raw("\x93\x02\xdb\xff\xff\xff\xff") } ],
    [ 'params of 16 million', sub {
        mp_raw("\x93\x02\xa1x\xdd\x01\x00\x00\x00") } ],
    [ 'body of 4 GB', sub { mp_raw("\x94\x01" . mp_encode($_[0])
        . "\xc0\x93\xcc\xc8\x80\xc6\xff\xff\xff\xff") } ],
    [ 'ext of 2^31', sub {
        mp_raw("\x93\x02\xa1x\x91\xc9\x80\x00\x00\x00\x01") } ],
    [ 'meta of 2^32-1', sub { mp_raw("\x94\x01" . mp_encode($_[0])
        . "\xc0\x93\xcc\xc8\xdf\xff\xff\xff\xff") } ],
    # what a frame has room for, but does not begin with
    [ 'an array of 13,720', sub { mp_raw("\xdc\x35\x98" . "\x01" x 20) } ],
    [ 'a text of 32 kB', sub { mp_raw("\xda\x80\x00" . 'x' x 20) } ],
    [ 'a type of 32 kB', sub { mp_raw("\x94\xda\x80\x00" . 'x' x 20) } ],
    [ 'nesting of 17', sub { [ 2, 'x', nested(16) ] } ],
    [ 'nesting of 1000', sub { [ 2, 'x', nested(1000) ] } ],
    [ 'a frame of 262145', sub { [ 2, 'x', [ mp_bin('x' x 262_135) ] ] } ],
    [ 'a frame of a megabyte', sub { [ 2, 'x', [ mp_bin('x' x 1_000_000) ] ] }
    ],

    # a good frame first does not help
    [ 'a good notification, then garbage', sub { mp_raw(
        frame_notify('x', []) . "\xc1") } ],

    # the end of the stream inside a frame
    [ 'half a frame', sub { mp_raw("\x94\x01" . mp_encode($_[0]) . "\xc0\x93")
        }, 'hangup' ],
    [ 'half a head', sub { mp_raw("\xdd\x00") }, 'hangup' ],
);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $symbol = $req->{args}{symbol}[0];
    return '{"fine":true}' unless $symbol =~ /^M(\d+)$/;

    my (undef, $make, $then) = @{ $table[$1] };
    my $send = raw(mp_encode($make->($req->{msgid})));
    return ($then // '') eq 'hangup' ? ($send, hangup()) : $send;
});
# The backend has many names, so that the pause before an endpoint is tried
# again does not add up over the cases.
my $names = 30;
for my $i (1 .. $names) {
    symlink "$t->{dir}/analytics.sock", "$t->{dir}/name$i.sock" or die $!;
}
$t->service('analytics',
    join ' ', map { "unix:$t->{dir}/name$_.sock" } 1 .. $names);
# Long enough to be no excuse, short enough for a case that is not noticed.
$t->config(http => 'wizdata_timeout bars.query 2s;');
$t->run();

my ($worker) = $t->workers;

sub fine {
    return $t->poll(sub {
        return get('/v1/bars?symbol=IBM')->body eq '{"fine":true}'
    });
}

is(length mp_encode($table[-4][1]->()), 1_000_010, 'sizes are as they say');
is(length mp_encode((grep { $_->[0] eq 'a frame of 262145' } @table)[0][1]
    ->()), 262_145, 'to the byte');
ok(fine(), 'ready');

for my $i (0 .. $#table) {
    my $name = $table[$i][0];
    my $closed = () = $t->backend_events('analytics', 'close');

    my $r = get("/v1/bars?symbol=M$i");

    like($r->status . ' ' . ($r->header('content-type') // ''),
        qr{^502 application/problem\+json}, "$name: 502");
    unlike($r->text, qr/^X-Injected/mi, "$name: no header of the backend's");
    ok(fine(), "$name: the next request is answered");

    next if ($table[$i][2] // '') eq 'open';

    # What was closed before that is known to the backend after a ping.
    $t->backend_ctl('analytics', 'ping');
    cmp_ok($closed, '<', (() = $t->backend_events('analytics', 'close')) + 0,
        "$name: the connection is closed");
}

# Section 2, not section 9: an answer was there, so asking again, which would
# break one more connection, is not due.
my %asked;
$asked{ $_->{args}{symbol}[0] }++ for $t->backend_requests('analytics');
is(join(', ', map { $table[$_][0] } grep { !$table[$_][2]
    && ($asked{"M$_"} // 0) != 1 } 0 .. $#table), '',
    'a malformed answer does not make the gateway ask again');

$t->wait_for('every connection comes back', sub {
    $t->backend_ctl('analytics', 'conns') == $names + 1 });

is(join(' ', $t->workers), $worker, 'the worker is still the same');
