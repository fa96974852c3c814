#!/usr/bin/perl

# Two gateways of two workers each: how soon a revocation is known to all of
# them, and that none lets anybody in for longer than a second after the push
# channel fell silent.

use warnings;
use strict;

use POSIX ();
use Time::HiRes 'time';

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->config(workers => 2, http => 'wizdata_verdict_ttl 1h;');
$t->run();

# The second one: the same configuration in a place and on a port of its own.
my $home = $t->dir;
my $dir = "$home/second";
my @ports = (port(8080), port(8090));
mkdir $dir or die;
my $conf = $t->read_file('nginx.conf');
$conf =~ s/listen 127\.0\.0\.1:$ports[0]/listen 127.0.0.1:$ports[1]/;
$conf =~ s{\Q$home\E/(nginx\.pid|access\.log|\w+_temp)}{$dir/$1}g;
$t->write_file('second/nginx.conf', $conf);
my $pid = fork // die;
if (!$pid) {
    my $san = "log_path=$home/san:detect_leaks=0";
    $ENV{ASAN_OPTIONS} = "$san:detect_odr_violation=0";
    $ENV{UBSAN_OPTIONS} = "$san:print_stacktrace=1";
    $ENV{LD_PRELOAD} = $ENV{WIZDATA_ASAN_PRELOAD}
        if $ENV{WIZDATA_ASAN_PRELOAD};
    open STDERR, '>>', "$home/stderr.log";
    { exec $t->{nginx}, '-p', "$dir/", '-c', "$dir/nginx.conf", '-e',
        "$home/error.log"; }
    POSIX::_exit(127);
}
END { kill 'QUIT', $pid if $pid }
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 4 })
    or die 'the second gateway did not start';

my $path = '/v1/bars?symbol=IBM';

sub status {
    my ($key, $port) = @_;
    return get($path, key => $key, port => $port)->status;
}

# Every worker has the verdict, in its own cache, too.
sub unknown {
    my ($key) = @_;
    return grep { $_ != 200 } map { my $p = $_;
        map { status($key, $p) } 1 .. 12 } @ports;
}

# ---- pushed ----

my (@took, @late, @never);
for (1 .. 15) {
    my $key = $t->add_key(perm => ['*']);
    die 'not known to all' if unknown($key);

    # Over connections that are there, to more than one worker of each.
    my @c = map { my $p = $_; map { client(port => $p) } 1 .. 4 } @ports;
    $_->get($path, key => $key, keepalive => 1) for @c;

    $t->backend_ctl('auth', 'forget', key_digest($key));
    my $at = time;
    $t->backend_ctl('auth', 'notify', 'auth.revoke',
        [ [ key_digest($key) ], int($at * 1e6) * 1000 ]);
    my %left = map { $_ => $c[$_] } 0 .. $#c;
    while (%left && time < $at + 10) {
        for my $i (keys %left) {
            my $sent = time;
            my $r = $left{$i}->get($path, key => $key, keepalive => 1);
            push @late, $sent - $at if $r->status == 200 && $sent - $at > 0.25;
            delete $left{$i} if $r->status == 401;
        }
    }
    push @took, time - $at;
    push @never, keys %left;
}
@took = sort { $a <=> $b } @took;
diag(sprintf 'revoke to reject, 4 workers of 2 gateways: median %.1f ms, '
    . 'worst %.1f ms of %d', 1000 * $took[ @took / 2 ], 1000 * $took[-1],
    scalar @took);
is("@late", '', 'nobody is let in 250 ms after a revocation');
is("@never", '', 'every worker refuses');

# ---- the push channel is cut ----

my $key = $t->add_key(perm => ['*']);
is(join(' ', unknown($key)), '', 'known to all');
# To more than one worker of each, from before: whoever answers behind the cut has
# read what auth had sent, also one that stood meanwhile.
my @all = map { my $p = $_; map { client(port => $p) } 1 .. 4 } @ports;
$_->get($path, key => $key, keepalive => 1) for @all;
kill 'STOP', $t->{backends}{auth}{pid};
$_->get($path, key => $key, keepalive => 1) for @all;
my $stopped = time;
my (%seen, @open);
my $last = 0;
while (time < $stopped + 1.9) {
    for my $port (@ports) {
        my $c = client(port => $port);
        my $sent = time - $stopped;
        $c->send_request('GET', $path, key => $key);

        # Who is asked about now is answered when the question times out.
        my $in = '';
        vec($in, fileno $c->{fh}, 1) = 1;
        if (!select $in, undef, undef, 0.1) {
            push @open, [ $c, $sent ];
        } elsif ($c->response->status == 200) {
            $seen{$port}++;
            $last = $sent;
        }
    }
}
ok($seen{$_}, 'let in while auth may just be late') for @ports;

# Or late, because the gateway was.
my %asked;
for (@open) {
    my ($c, $sent) = @$_;
    my $status = $c->response->status;
    $asked{$status}++;
    $last = $sent if $status == 200 && $sent > $last;
}
diag(sprintf 'last let in %.0f ms after the channel was cut', 1000 * $last);
cmp_ok($last, '<', 1.25, 'nobody is let in by what is older than a second');
ok($asked{503}, 'some had to be asked about');
is(join(' ', grep { !/^(200|503)$/ } keys %asked), '', 'and are refused');

kill 'CONT', $t->{backends}{auth}{pid};
for my $port (@ports) {
    $t->wait_for('auth is back', sub { status($key, $port) == 200 });
}

kill 'QUIT', $pid;
ok($t->poll(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }),
    'the second gateway ended');
undef $pid;
