#!/usr/bin/perl

# One worker of the host probes; all know what it found. It is replaced when
# it dies. What a backend says of itself decides who is asked.

use warnings;
use strict;

use Test::Wizdata;
use Time::HiRes qw/ time /;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $health = sub {
    my ($req) = @_;
    my $s = $req->{backend}{status} // 'healthy';
    return ignore() if $s eq 'silent';
    return error_reply(-12, 'broken') if $s eq 'error';
    return reply({ status => $s }, meta => { status => $s });
};
my $answer = sub { my ($n) = @_; return sub { reply($n) } };

$t->backend('analytics', $answer->('a'),
    methods => { 'sys.health' => $health });
$t->backend('analytics.b', $answer->('b'),
    methods => { 'sys.health' => $health });
$t->service('analytics', 'health_interval=200ms health_timeout=2s'
    . ' slow_start=off');
$t->config(workers => 2);
$t->run();
$t->allow(qr/worker process \d+ exited on signal 9/);

my $path = '/v1/bars?symbol=A';
my %number = (unknown => 0, healthy => 1, degraded => 2, draining => 3,
    unhealthy => 4);

# Of an endpoint, as some worker sees it.
sub endpoint {
    my ($name, $metric) = @_;
    my $m = prometheus_parse(get('/metrics', key => undef)->body);
    my ($s) = grep { $_->{labels}{address} =~ m{/\Q$name\E\.sock$} }
        @{ $m->{"wizdata_endpoint_$metric"}{samples} };
    return $s->{value};
}

sub is_state {
    my ($name, $state) = @_;
    return endpoint($name, 'health') == $number{$state};
}

sub set { $t->backend_ctl($_[0], 'set', 'status', $_[1]) }
sub probes { return grep { ($_->{ctx}{id} // '') eq 'probe' }
    $t->backend_requests($_[0], 'sys.health') }
sub who { return join '', sort map { get($path)->body } 1 .. 12 }

$t->wait_for('both are probed and healthy',
    sub { is_state('analytics', 'healthy')
        && is_state('analytics.b', 'healthy') });

# ---- one prober ----

# Connections of the backend that probes came over, since an event.
sub probing {
    my ($from) = @_;
    my @p = probes('analytics');
    my %c = map { $_->{c} => 1 } @p[ $from .. $#p ];
    my @c = sort keys %c;
    return @c;
}

# One that stands for longer than 300 ms gives the other its place: as often as
# it takes.
$t->wait_for('one worker probes', sub {
    my $from = () = probes('analytics');
    $t->poll(sub { (() = probes('analytics')) >= $from + 5 });
    return 1 == (() = probing($from));
});
cmp_ok(endpoint('analytics', 'probe_microseconds'), '>', 0, 'and measures');

# ---- it dies: another takes over ----

for my $round (1 .. 2) {
    my ($conn) = probing((() = probes('analytics')) - 1);

    # Which one it is shows when it is gone.
    my @w = $t->workers;
    my $dead = 0;
    for my $pid (@w) {
        kill 'KILL', $pid;
        $dead++;
        $t->poll(sub { my @now = $t->workers;
            return @now == 2 && !grep { $_ == $pid } @now });
        last if grep { $_->{c} == $conn } $t->backend_events('analytics',
            'close');
    }
    $t->wait_for("round $round: the probes go on, by one worker", sub {
        my $n = () = probes('analytics');
        $t->poll(sub { (() = probes('analytics')) >= $n + 4 });
        return 1 == (() = probing($n + 2));
    });
}

# ---- what it says ----

set('analytics', 'draining');
$t->wait_for('draining is seen', sub { is_state('analytics', 'draining') });
is(who(), 'b' x 12, 'nothing new for one that drains');
set('analytics.b', 'draining');
$t->wait_for('both drain', sub { is_state('analytics.b', 'draining') });
like(who(), qr/^a+b+\z/, 'then both are asked');
set($_, 'healthy') for qw/ analytics analytics.b /;
$t->wait_for('both are back',
    sub { is_state('analytics', 'healthy')
        && is_state('analytics.b', 'healthy') });

set('analytics.b', 'degraded');
$t->wait_for('degraded is seen', sub { is_state('analytics.b', 'degraded') });
like(who(), qr/^a+b+\z/, 'it is asked as before');

set('analytics', 'unhealthy');
$t->wait_for('unhealthy is seen',
    sub { is_state('analytics', 'unhealthy') });
is(who(), 'b' x 12, 'it is not asked');
set($_, 'healthy') for qw/ analytics analytics.b /;
$t->wait_for('back', sub { is_state('analytics', 'healthy') });

# ---- it hangs, or fails ----

for my $how (qw/ silent error /) {
    set('analytics', $how);
    $t->wait_for("$how: unhealthy",
        sub { is_state('analytics', 'unhealthy') });
    is(who(), 'b' x 12, "$how: not asked");
    set('analytics', 'healthy');
    $t->wait_for("$how: back", sub { is_state('analytics', 'healthy') });
}
$t->wait_for('both are asked again', sub { who() =~ /^a+b+\z/ });

# ---- it is gone ----

$t->backend_stop('analytics');
$t->wait_for('gone: unhealthy', sub { is_state('analytics', 'unhealthy') });
is(who(), 'b' x 12, 'the other one answers');
$t->backend_start('analytics');
$t->wait_for('back again', sub { is_state('analytics', 'healthy') });
$t->wait_for('and asked', sub { who() =~ /^a+b+\z/ });

# ---- a reload keeps what is known, by name ----

set('analytics', 'draining');
$t->wait_for('it drains', sub { is_state('analytics', 'draining') });
my $conf = $t->read_file('nginx.conf');
$conf =~ s{(unix:\S+/analytics\.sock) (unix:\S+/analytics\.b\.sock)}{$2 $1}
    or die 'no such line';
$conf =~ s/health_interval=200ms/health_interval=1h/ or die;
$t->write_file('nginx.conf', $conf);
$t->renew;
$t->poll(sub { get($path)->status == 200 });
ok(is_state('analytics', 'draining'), 'the other order, the same state');
is(who(), 'b' x 12, 'and the same choice');
