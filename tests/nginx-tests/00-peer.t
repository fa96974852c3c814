#!/usr/bin/perl

# The test tools themselves: MessagePack, BLAKE2b, keys, the fake backend and
# the Prometheus reader. Everything else here relies on them.

use warnings;
use strict;

use IO::Select;
use IO::Socket::UNIX;

use Test::Wizdata;
use Wizdata::Blake2b qw/ blake2b_hex /;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new();

# ---- MessagePack: bytes from the specification's table ----

my @table = (
    [ undef, 'c0' ], [ mp_true, 'c3' ], [ mp_false, 'c2' ],
    [ 0, '00' ], [ 127, '7f' ], [ 128, 'cc80' ], [ 255, 'ccff' ],
    [ 256, 'cd0100' ], [ 65535, 'cdffff' ], [ 65536, 'ce00010000' ],
    [ 4294967295, 'ceffffffff' ], [ 4294967296, 'cf0000000100000000' ],
    [ 9223372036854775807, 'cf7fffffffffffffff' ],
    [ 18446744073709551615, 'cfffffffffffffffff' ],
    [ -1, 'ff' ], [ -32, 'e0' ], [ -33, 'd0df' ], [ -128, 'd080' ],
    [ -129, 'd1ff7f' ], [ -32768, 'd18000' ], [ -32769, 'd2ffff7fff' ],
    [ -2147483648, 'd280000000' ], [ -2147483649, 'd3ffffffff7fffffff' ],
    [ -9223372036854775807 - 1, 'd38000000000000000' ],
    [ 0.5, 'cb3fe0000000000000' ], [ mp_float(1), 'cb3ff0000000000000' ],
    [ '', 'a0' ], [ 'a', 'a161' ], [ '5', 'a135' ],
    [ 'x' x 31, 'bf' . '78' x 31 ], [ 'x' x 32, 'd920' . '78' x 32 ],
    [ 'x' x 256, 'da0100' . '78' x 256 ],
    [ 'x' x 65536, 'db00010000' . '78' x 65536 ],
    [ mp_bin(''), 'c400' ], [ mp_bin('a'), 'c40161' ],
    [ mp_bin('x' x 256), 'c50100' . '78' x 256 ],
    [ mp_bin('x' x 65536), 'c600010000' . '78' x 65536 ],
    [ [], '90' ], [ [ 1, [2] ], '92019102' ],
    [ [ (0) x 16 ], 'dc0010' . '00' x 16 ],
    [ {}, '80' ], [ { a => 1 }, '81a16101' ],
    [ { map { $_ => 0 } 'a' .. 'p' },
        'de0010' . join '', map { 'a1' . unpack('H2', $_) . '00' } 'a' .. 'p' ],
    [ mp_ext(5, 'a'), 'd40561' ], [ mp_ext(-1, 'abc'), 'c703ff616263' ],
    [ "\x{20ac}", 'a3e282ac' ],
);

is(unpack('H*', mp_encode($_->[0])), $_->[1],
    'encode ' . substr $_->[1], 0, 20) for @table;

my @bad = grep { mp_dump(pack 'H*', $_->[1]) ne mp_dump(mp_encode($_->[0])) }
    @table;
is(@bad, 0, 'decoding is the inverse');

is(mp_dump(pack 'H*', '86a16101a162cb3ff0000000000000a163a131a164c40131'
    . 'a165c3a166c0'),
    q({"a":1,"b":1.0,"c":"1","d":h'31',"e":true,"f":nil}), 'types are shown');
is(mp_decode(pack 'H*', 'd3ffffffffffffffff'), -1, 'wide int');
is(mp_decode(pack 'H*', 'ca3fc00000'), 1.5, 'float32');

# Every proper prefix is "short", whatever the type it ends in.
my $whole = mp_encode([ 300, 'abc', mp_bin('x' x 300), { k => [ -1, 1.5 ] } ]);
my @not = grep {
    eval { mp_decode(substr $whole, 0, $_) };
    $@ ne $Wizdata::MessagePack::SHORT
} 0 .. length($whole) - 1;
is("@not", '', 'a value that is cut anywhere is short');

# ---- BLAKE2b: RFC 7693 appendix A, and lengths around the block ----

is(blake2b_hex('abc'), 'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb'
    . '6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
    'blake2b of abc');
is(blake2b_hex('abc' x 100, 32),
    'a45fa4cf75d92e585cbe98fe16cfbbd1fb605ecff7a43dc3d3c75b8476aab10d',
    'blake2b-256 of three blocks');
is(blake2b_hex('', 32),
    '0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8',
    'blake2b-256 of nothing');

SKIP: {
    my $lengths = '0 1 63 64 65 127 128 129 255 256 257';
    my $theirs = `python3 -c "
import hashlib
for n in '$lengths'.split():
    print(hashlib.blake2b(b'q' * int(n), digest_size=32).hexdigest())
" 2>/dev/null`;
    skip 'no second implementation', 1 unless $theirs;
    is(join('', map { blake2b_hex('q' x $_, 32) . "\n" } split ' ', $lengths),
        $theirs, 'blake2b-256 as Python computes it');
}

# ---- keys ----

is(Test::Wizdata::crc32('123456789'), 0xcbf43926, 'CRC-32 check value');
like(wd_apikey('test'), qr/^wd_test_[0-9A-Za-z]{38}$/, 'form of a key');

# ---- the Prometheus reader refuses what it should ----

my $good = "# HELP a A.\n# TYPE a counter\na{x=\"1\"} 2\na{x=\"2\"} 3\n";
is(@{ prometheus_parse($good)->{a}{samples} }, 2, 'prometheus text');
is(@{ prometheus_parse("# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\n"
    . "h_bucket{le=\"+Inf\"} 2\nh_sum 1.5\nh_count 2\n")->{h}{samples} }, 4,
    'with a histogram');

for my $case (
    [ 'HELP twice', $good . "# HELP a A.\n" ],
    [ 'series twice', $good . "a{x=\"1\"} 2\n" ],
    [ 'no TYPE', "a 1\n" ],
    [ 'apart', $good . "# HELP b B.\n# TYPE b gauge\nb 1\na{x=\"3\"} 1\n" ],
    [ 'no newline', substr $good, 0, -1 ],
    [ 'bad label', "# HELP a A.\n# TYPE a gauge\na{x=1} 2\n" ],
    [ 'bad value', "# HELP a A.\n# TYPE a gauge\na two\n" ],
    [ 'histogram', "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\n"
        . "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n" ])
{
    ok(!eval { prometheus_parse($case->[1]) }, "prometheus: $case->[0]");
}

# ---- the backend, called as a gateway would ----

$t->backend('analytics', undef, methods => {
    'a.map' => sub { reply_map(n => 1) },
    'a.text' => 'plain',
    'a.split' => sub { split_writes(reply('s' x 50), 1) },
    'a.error' => sub { error_reply(-2, 'no', { param => 'x' }) },
    'a.hold' => sub { hold(reply($_[0]{args}{n})) },
    'a.long' => sub { stream(1_000_000) },
    'a.abort' => sub { stream(1_000_000, abort_at => 70_000) },
    'a.later' => sub { later(0.01, reply('late')) },
    'a.hangup' => sub { (raw("\x94\x01"), hangup()) },
});
$t->auth(undef);
$t->{backends}{$_}->start for qw/ analytics auth /;

my $peer = peer('analytics');

is_deeply($peer->next->[2][0]{v}, 1, 'hello comes first');
$peer->hello;

$peer->call(1, 'a.map');
is_deeply($peer->next, [ 1, 1, undef, [ 200, {}, '{"n":1}' ] ], 'reply');
$peer->call(2, 'a.text');
is($peer->next->[3][2], 'plain', 'text is a body');
$peer->call(3, 'a.split');
is($peer->next->[3][2], 's' x 50, 'one byte per write');
cmp_ok($peer->{reads}, '>', 30, 'which are read one by one');
$peer->call(4, 'a.error');
is_deeply($peer->next, [ 1, 4, [ -2, 'no', { param => 'x' } ], undef ],
    'error');
$peer->call(5, 'a.none');
is($peer->next->[2][0], -5, 'unknown method');
$peer->call(6, 'a.later');
is($peer->next->[3][2], 'late', 'later');

$peer->call($_, 'a.hold', { n => "$_" }) for 11 .. 13;
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 3 });
$t->backend_ctl('analytics', 'release', -3);
is(join(' ', map { $peer->next->[1] } 1 .. 3), '13 12 11', 'newest first');

$peer->call(20, 'a.long');
my $f = $peer->next;
is($f->[3][1]{len}, 1_000_000, 'length of the body');
my $body = $f->[3][2];
while (length $body < 262_144) { $body .= $peer->next->[2][1] }
is(length $body, 262_144, 'one window');
$peer->call(21, 'a.text');
is($peer->next->[1], 21, 'and nothing more: another answer came');
is_deeply($t->backend_ctl('analytics', 'streams'),
    [ { total => 1_000_000, sent => 262_144, credit => 0 } ], 'its state');
for (;;) {
    $peer->send([ 2, 'rpc.credit', [ 20, 65_536 ] ]);
    $f = $peer->next;
    $body .= $f->[2][1];
    last if $f->[2][2];
}
ok($body eq pattern(0, 1_000_000), 'the rest, by credit');

$peer->call(22, 'a.abort');
$peer->next for 1 .. 2;
is_deeply($peer->next, [ 2, 'rpc.abort', [ 22, [ -12, 'the disk broke' ] ] ],
    'abort');

$peer->call(23, 'a.hold', { n => 1 });
$peer->send([ 2, 'rpc.cancel', [23] ]);
$t->poll(sub { $t->backend_events('analytics', 'cancel') });
is($t->backend_ctl('analytics', 'release'), 1, 'cancelled while held');
$peer->call(24, 'a.text');
is($peer->next->[1], 24, 'cancelled: not answered');

is($t->backend_calls('analytics', 'a.hold'), 4, 'calls are counted');
is(($t->backend_requests('analytics', 'a.hold'))[0]{dump}, '{"n":"11"}',
    'with arguments');

$peer->call(30, 'a.hangup');
is($peer->next, undef, 'connection closed inside a frame');

# auth: heartbeats, verdicts, revocation
my $auth = peer('auth');
$auth->next;
$auth->hello;
is($auth->next->[1], 'auth.beat', 'heartbeat');
$auth->call(1, 'auth.verify', { digest => key_digest($t->key) });
is_deeply($auth->reply->[3][1],
    { sub => 'user:1', key => '1', plan => 'default', perm => ['*'] },
    'verdict');
my $late = $t->add_key(perm => ['bars:read']);
$auth->call(2, 'auth.verify', { digest => key_digest($late) });
is_deeply($auth->reply->[3][1]{perm}, ['bars:read'], 'a key made later');
$t->revoke($late);
is_deeply($auth->reply, [ 2, 'auth.revoke', [ [ key_digest($late) ] ] ],
    'revocation is pushed');
$auth->call(3, 'auth.verify', { digest => key_digest($late) });
is($auth->reply->[2][0], -3, 'and holds');

# the backend complains when it is called wrongly
my @complaints = (
    [ 'no hello', [ 0, 1, 'a.text', [ { id => 'x' }, {} ] ], 0 ],
    [ 'no id', [ 0, 1, 'a.text', [ {}, {} ] ], 1 ],
    [ 'args', [ 0, 1, 'a.text', [ { id => 'x' }, [] ] ], 1 ],
    [ 'traceparent', [ 0, 1, 'a.text', [ { id => 'x', tp => 'y' }, {} ] ], 1 ],
    [ 'a response', [ 1, 1, undef, [ 200, {}, undef ] ], 1 ],
    [ 'not a frame', 5, 1 ],
);
for my $case (@complaints) {
    my $before = $t->violations;
    my $p = peer('analytics');
    $p->hello if $case->[2];
    $p->send($case->[1]);
    ok($t->poll(sub { $t->violations > $before }),
        "a complaint: $case->[0]");
}
$_->{events} = [] for values %{ $t->{backends} };


# A small caller.
sub peer {
    my ($name) = @_;

    my $s = IO::Socket::UNIX->new(Peer => "$t->{dir}/$name.sock")
        or die "connect: $!";
    return bless { s => $s, in => '', reads => 0 }, 'Peer';
}

package Peer;

sub send { syswrite $_[0]{s}, main::mp_encode($_[1]) }

sub hello {
    $_[0]->send([ 2, 'sys.hello',
        [ { v => 1, service => 'gateway', instance => 'test' } ] ]);
}

sub call {
    my ($self, $id, $method, $args) = @_;

    $self->send([ 0, $id, $method, [ { id => "r$id" }, $args || {} ] ]);
}

# The next frame; undef when the connection ends.
sub next {
    my ($self) = @_;

    for (;;) {
        my $at = 0;
        my $f = eval { main::mp_decode_at($self->{in}, \$at) };
        if ($f) {
            substr $self->{in}, 0, $at, '';
            return $f;
        }
        die "nothing came\n"
            unless IO::Select->new($self->{s})->can_read(10);
        sysread($self->{s}, $self->{in}, 65536, length $self->{in}) or return;
        $self->{reads}++;
    }
}

# The next that is no heartbeat.
sub reply {
    my ($self) = @_;

    for (;;) {
        my $f = $self->next;
        return $f unless $f && $f->[1] eq 'auth.beat';
    }
}
