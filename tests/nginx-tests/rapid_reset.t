#!/usr/bin/perl

# HTTP/2 clients that ask and reset at once, as fast as they can, and other
# floods of small frames: calls are taken back, nothing is held, memory stays,
# and whoever behaves is served all the while.

use warnings;
use strict;

use IO::Socket::INET;
use POSIX ();
use Socket qw/ SOL_SOCKET SO_LINGER /;
use Time::HiRes qw/ time /;

use Test::Wizdata;
use Wizdata::H2;

use constant { STREAMS => 3000, ATTACKERS => 4, SLACK => 4_000 };

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol}[0];
    return hold('held') if $s eq 'HOLD';
    return reply({ s => $s }, meta => { ttl => 60 });
});
$t->config(workers => 2, http => 'wizdata_cache_zone 4m;'
        . ' wizdata_plan default rate=1000000/s burst=1000000'
        . ' concurrency=10000;',
    server => 'listen 127.0.0.1:%%PORT_8081%% http2;',
    location => 'wizdata_cache on; wizdata_limit on;');
$t->run();


# ---- HTTP/2, as little as it takes ------------------------------------------

sub h2_get {
    my ($stream, $path) = @_;

    my $block = "\x82\x86" . h2_field(':path', $path)
        . h2_field(':authority', 'localhost')
        . h2_field('x-api-key', $t->key);
    return h2_frame(1, 5, $stream, $block);
}

sub h2_connect {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => port(8081)) or die "connect: $!";
    syswrite $s, h2_preface();
    return $s;
}

# Frames by stream until so many were sent; reconnects when it is closed.
sub flood {
    my ($frames) = @_;

    local $SIG{PIPE} = 'IGNORE';
    my ($n, $closed, $stream) = (0, 0, 1);
    my $s = h2_connect();
    while ($n < STREAMS) {
        my $bytes = join '', map { $frames->($stream + 2 * $_) } 0 .. 9;
        if (!defined syswrite $s, $bytes) {
            $closed++;
            $s = h2_connect();
            $stream = 1;
            next;
        }
        $n += 10;
        $stream += 20;
        # What comes back must not fill the pipe.
        my $in = '';
        vec($in, fileno $s, 1) = 1;
        sysread $s, my $got, 65536 if select $in, undef, undef, 0;
    }
    setsockopt $s, SOL_SOCKET, SO_LINGER, pack 'ii', 1, 0;
    close $s;
    return $closed;
}

sub reset_frame { return h2_frame(3, 0, $_[0], pack 'N', 8) }

my %floods = (
    'reset of calls' => sub {
        h2_get($_[0], '/v1/quotes?symbol=HOLD') . reset_frame($_[0]) },
    'reset of misses' => sub {
        h2_get($_[0], "/v1/bars?symbol=M$_[0]") . reset_frame($_[0]) },
    'reset of hits' => sub {
        h2_get($_[0], '/v1/bars?symbol=A') . reset_frame($_[0]) },
    'pings' => sub { h2_frame(6, 0, 0, '12345678') },
    'settings' => sub { h2_frame(4, 0, 0, pack 'nN', 4, 65535) },
    'windows' => sub { h2_frame(8, 0, 0, pack 'N', 1) },
);


# ---- what is seen meanwhile -------------------------------------------------

sub gauges {
    my $text = get('/metrics', key => undef)->body;
    my %g;
    for my $name (qw/ wizdata_rpc_in_flight wizdata_limit_concurrent
        wizdata_service_in_flight wizdata_endpoint_in_flight
        wizdata_cache_waiters http_requests_active /)
    {
        $g{$name} = 0;
        $g{$name} += $1 while $text =~ /^$name(?:\{[^}]*\})? (\d+)/mg;
    }
    $g{http_requests_active}--;    # the one that asks
    return join ' ', map { $g{$_} ? "$_=$g{$_}" : () } sort keys %g;
}

# The larger worker: kilobytes of its own.
sub memory {
    my $most = 0;
    for my $pid ($t->workers) {
        open my $fh, '<', "/proc/$pid/smaps_rollup" or next;
        my $text = do { local $/; <$fh> };
        my $sum = 0;
        $sum += $1 while $text =~ /^Private_(?:Dirty|Clean): +(\d+)/mg;
        $most = $sum if $sum > $most;
    }
    return $most;
}

sub cpu {
    my $ticks = 0;
    for my $pid ($t->workers) {
        open my $fh, '<', "/proc/$pid/stat" or next;
        my @f = split ' ', <$fh> =~ s/.*\) //r;
        $ticks += $f[11] + $f[12];
    }
    return $ticks / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

sub attack {
    my ($frames) = @_;

    my @pids = map {
        my $pid = fork // die "fork: $!";
        if (!$pid) {
            my $ok = eval { flood($frames); 1 };
            POSIX::_exit($ok ? 0 : 1);
        }
        $pid;
    } 1 .. ATTACKERS;

    my ($good, $bad, $failed, @took) = (0, 0, 0);
    my %left = map { $_ => 1 } @pids;
    while (%left) {
        my $from = time();
        my $r = get('/v1/bars?symbol=A');
        push @took, time() - $from;
        $r->status == 200 ? $good++ : $bad++;
        for my $pid (keys %left) {
            next unless waitpid($pid, POSIX::WNOHANG()) == $pid;
            $failed++ if $?;
            delete $left{$pid};
        }
    }
    @took = sort { $a <=> $b } @took;
    return ($good, $bad, $failed, $took[ 0.99 * $#took ]);
}

# A proper request of the same kind is answered.
my $s = h2_connect();
syswrite $s, h2_get(1, '/v1/bars?symbol=A');
my $got = '';
$t->poll(sub { sysread $s, $got, 65536, length $got; $got =~ /"s":"A"/ });
like($got, qr/"s":"A"/, 'an answer');
close $s;

my @workers = sort $t->workers;
attack($floods{$_}) for sort keys %floods;    # warm
my $before = memory();
for my $name (sort keys %floods) {
    my ($cpu, $from) = (cpu(), time());
    my ($good, $bad, $failed, $p99) = attack($floods{$name});
    ok($good && !$bad, "$name: others are served ($good)");
    is($failed, 0, "$name: attackers have sent all");
    my $held = '';
    $t->poll(sub { ($held = gauges()) eq '' });
    is($held, '', "$name: nothing is held");
    note(sprintf '%s: workers took %.2f s of CPU in %.2f s, p99 of others '
        . '%.1f ms', $name, cpu() - $cpu, time() - $from, 1000 * $p99);
}
my $after = memory();
SKIP: {
    skip('a sanitizer keeps what was freed', 1) if $ENV{WIZDATA_ASAN_PRELOAD};
    cmp_ok($after, '<=', $before + SLACK,
        "memory: $before kB, then $after kB");
}
is(join(' ', sort $t->workers), "@workers", 'the workers are the same');
cmp_ok($t->backend_calls('analytics', 'quotes.query'), '>=', 1000,
    'many calls were begun');
$t->wait_for('the backend works for nobody', sub {
    $t->backend_ctl('analytics', 'release');
    my %open;
    $open{"$_->{c}.$_->{id}"}++
        for grep { ($_->{args}{symbol}[0] // '') eq 'HOLD' }
        $t->backend_requests('analytics', 'quotes.query');
    delete $open{"$_->{c}.$_->{id}"}
        for $t->backend_events('analytics', 'cancel');
    return !%open;
});
