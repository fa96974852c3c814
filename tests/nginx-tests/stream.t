#!/usr/bin/perl

# Bodies that travel in pieces, and credit: sizes around every limit, one
# megabyte, twenty megabytes, several at a time, a client that does not read.

use warnings;
use strict;

use Digest::MD5 qw/ md5_hex /;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0];
    return 'small' unless $s =~ /^N(\d+)(?:-P(\d+))?(-X)?$/;
    return stream($1, piece => $2 || 65_536, len => !$3);
});
# For clients that do not read: the kernel must not take it all for them.
$t->config(http => 'wizdata_timeout bars.query 60s;', servers => <<'EOF');
    server {
        listen 127.0.0.1:%%PORT_8081%% sndbuf=32k;
        location /v1/ { wizdata_api on; }
    }
EOF
$t->run();

sub slow_client { return client(port => port(8081), rcvbuf => 16_384) }

sub path { return "/v1/bars?symbol=$_[0]" }

sub is_pattern {
    my ($r, $n, $name) = @_;
    my $ok = $r->status == 200 && !$r->short
        && md5_hex($r->body) eq md5_hex(pattern(0, $n));
    ok($ok, $name) || diag($r->status . ', ' . length($r->body) . ' bytes');
}

# ---- sizes, with and without the length announced ----

my $c = client();
for my $n (1, 65_535, 65_536, 65_537, 131_072, 131_073, 262_143, 262_144,
    262_145, 524_289, 1_000_000)
{
    my $r = $c->get(path("N$n"));
    is_pattern($r, $n, "$n bytes");
    is($r->header('content-length'), $n, 'their number is in the header')
        if $n > 65_536;
    is_pattern($c->get(path("N$n-X")), $n, "$n bytes, length not announced");
}

is_pattern($c->get(path('N5000-P1')), 5000, 'a piece per byte');
is_pattern($c->get(path('N300000-P4096')), 300_000, 'small pieces');

my $r = client();
$r->send("GET " . path('N300000-X') . " HTTP/1.0\r\nX-API-Key: " . $t->key
    . "\r\n\r\n");
is_pattern($r->response, 300_000, 'HTTP/1.0, length not announced');

is_pattern(get(path('N20000000')), 20_000_000, 'twenty megabytes');

# ---- several at a time over the one connection ----

my @c = map { client() } 1 .. 4;
$_->send_request('GET', path('N1000000')) for @c;
my @small = map { get(path('A'))->body } 1 .. 20;
is("@small", join(' ', ('small') x 20), 'small answers in between');
is_pattern($_->response, 1_000_000, 'one of four long ones') for @c;

is(scalar(() = $t->backend_events('analytics', 'connect')), 1,
    'all over one connection');

# ---- credit was given for what was passed on ----

my %sum;
$sum{"$_->{c}/$_->{id}"} += $_->{n} for $t->backend_events('analytics',
    'credit');
my ($most) = sort { $b <=> $a } values %sum;
cmp_ok($most, '>=', 20_000_000 - 262_144, 'enough for the longest body');
cmp_ok($most, '<=', 20_000_000, 'and no more than its bytes');

# ---- a client that does not read ----

my $slow = slow_client();
$slow->send_request('GET', path('N20000000'));
my $state;
$t->wait_for('the window is used up', sub {
    my $streams = $t->backend_ctl('analytics', 'streams');
    $state = $streams->[0];
    return $state && $state->{sent} - $state->{credit} == 262_144;
});

# One more could be on its way: after these answers it would be here.
is(get(path('A'))->body, 'small', 'others are answered') for 1 .. 5;
is_pattern(get(path('N1000000')), 1_000_000, 'with long bodies, too');
$state = $t->backend_ctl('analytics', 'streams')->[0];
is($state->{sent} - $state->{credit}, 262_144, 'the window is still used up');
cmp_ok($state->{sent}, '<', 1_500_000,
    'what the gateway took is bounded by window and socket buffers');

is_pattern($slow->response, 20_000_000, 'when it reads, it gets everything');

# Many of them: each holds a window, none holds up the others.
my @slow = map { slow_client() } 1 .. 10;
$_->send_request('GET', path('N2000000')) for @slow;
$t->wait_for('ten windows are used up', sub {
    10 == grep { $_->{sent} - $_->{credit} == 262_144 }
        @{ $t->backend_ctl('analytics', 'streams') };
});
is(get(path('A'))->body, 'small', 'others are answered');
is_pattern($_->response, 2_000_000, 'one of ten') for @slow;
