#!/usr/bin/perl

# Under load, over connections that are kept: a reload again and again, and
# another binary in place of the running one. No request fails. Old workers end
# when worker_shutdown_timeout says so, whatever is open, and hold nothing.

use warnings;
use strict;

use POSIX ();

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol}[0];
    return hold('held') if $s eq 'HOLD';
    return stream(20_000_000) if $s eq 'LONG';
    return reply({ s => $s }, meta => { ttl => 60 }) if $s =~ /^C/;
    return reply({ s => $s });
});
$t->config(workers => 2, http => 'wizdata_cache_zone 4m;'
        . ' wizdata_plan default rate=100000/s burst=100000 concurrency=100;',
    location => 'wizdata_cache on; wizdata_limit on;',
    globals => 'worker_shutdown_timeout 1s; env LD_PRELOAD;'
        . ' env ASAN_OPTIONS; env UBSAN_OPTIONS;');
$t->run();

# A server may close a connection that is idle. Only when it did so before any
# byte of an answer is the request sent once more, on a new one.
sub ask {
    my ($c, $path) = @_;

    for my $try (1, 2) {
        my $used = $$c;
        $$c ||= client();
        my $r = $$c->get($path);
        my $over = !$r->status || ($r->header('connection') // '') eq 'close';
        my $none = !$r->status && !length $$c->{in};
        undef $$c if $over;
        return $r unless $used && $none;
    }
}

sub load {
    my ($n) = @_;

    pipe my $r, my $w or die "pipe: $!";
    my $pid = fork // die "fork: $!";
    if ($pid) {
        close $w;
        return { pid => $pid, fh => $r };
    }

    my ($c, $count, @wrong) = (undef, 0);
    until (-e "$t->{dir}/enough" && $count > 200) {
        my $s = ($count % 2 ? 'C' : 'U') . $count % 50;
        my $r = ask(\$c, "/v1/bars?symbol=$s");
        push @wrong, $r->status unless $r->status == 200 && !$r->short
            && ($r->json->{s} // '') eq $s;
        $count++;
    }
    syswrite $w, "$count @wrong\n";
    POSIX::_exit(0);
}

sub wrong {
    my ($name, @clients) = @_;

    $t->write_file('enough', '');
    for my $client (@clients) {
        my $fh = $client->{fh};
        my $line = <$fh> // '';
        waitpid $client->{pid}, 0;
        my ($count, $wrong) = $line =~ /^(\d+) (.*)$/;
        is($wrong, '', "$name: none of " . ($count // '?') . ' failed');
    }
    unlink "$t->{dir}/enough";
}

sub gauge {
    my ($name) = @_;

    my $sum = 0;
    my $text = get('/metrics', key => undef)->body;
    $sum += $1 while $text =~ /^\Q$name\E(?:\{[^}]*\})? (\d+)/mg;
    return $sum;
}

# ---- reloads ----

my @clients = map { load($_) } 1 .. 3;
for (1 .. 10) {
    $t->reload;
    select undef, undef, undef, 0.15;
}
wrong('ten reloads', @clients);

# All of them are over: a slow machine is still at the last ones, and would end
# what is opened now.
$t->renew;
$t->poll(sub { 2 == (() = $t->workers) });

# ---- what is open when the time is over ----

my @open = map { client(rcvbuf => 16_384) } 1 .. 10;
$open[$_]->send_request('GET', '/v1/bars?symbol=' . ($_ % 2 ? 'HOLD' : 'LONG'))
    for 0 .. 9;
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 5
    && @{ $t->backend_ctl('analytics', 'streams') } == 5 });
my %old = map { $_ => 1 } $t->workers;
$t->reload;
$t->wait_for('old workers end in spite of it', sub {
    my @now = $t->workers;
    return @now == 2 && !grep { $old{$_} } @now;
});
for my $name (qw/ wizdata_limit_concurrent wizdata_rpc_in_flight
    wizdata_service_in_flight wizdata_endpoint_in_flight /)
{
    $t->wait_for("$name is 0", sub { gauge($name) == 0 });
}
$t->wait_for('the backend works for nobody', sub {
    !@{ $t->backend_ctl('analytics', 'streams') } });
$_->close for @open;

# ---- another binary ----

# nginx takes the signal for a mistake while its first parent lives.
$t->stop;
($t->{nginx}) = grep { -x } map { "$_/$t->{nginx}" } split /:/, $ENV{PATH}
    unless $t->{nginx} =~ m{/};    # what is executed again is its argv[0]
$t->write_file('nginx.conf', $t->read_file('nginx.conf')
    =~ s/daemon off/daemon on/r);
waitpid $t->start_nginx, 0;
$t->wait_for('a daemon', sub { $t->read_file('nginx.pid') =~ /^\d+$/ });
$t->{pid} = $t->read_file('nginx.pid') + 0;
$t->poll(sub { 2 == (() = $t->workers) });

@clients = map { load($_) } 1 .. 3;
my $before = $t->{pid};
kill 'USR2', $before;
$t->wait_for('a new master', sub {
    -s "$t->{dir}/nginx.pid.oldbin" && $t->read_file('nginx.pid') =~ /^\d+$/
        && $t->read_file('nginx.pid') != $before;
});
my $new = $t->read_file('nginx.pid') + 0;
$t->wait_for('has workers', sub {
    return 2 == (() = read_children($new) =~ /\d+/g) });
select undef, undef, undef, 0.5;
kill 'QUIT', $before;
$t->wait_for('the old master ends', sub { !kill 0, $before });
$t->{pid} = $new;
select undef, undef, undef, 0.3;
wrong('another binary', @clients);
is(get('/v1/bars?symbol=C1')->status, 200, 'works');
is(scalar($t->workers), 2, 'with its own workers');

# It is nobody's child here.
END { kill 'KILL', $new if $new && kill 0, $new }
delete $t->{pid};
kill 'QUIT', $new;
$t->wait_for('the new one ends when asked', sub { !kill 0, $new });

sub read_children {
    my ($pid) = @_;

    open my $fh, '<', "/proc/$pid/task/$pid/children" or return '';
    return <$fh> // '';
}
