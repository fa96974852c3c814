#!/usr/bin/perl

# Two gateways of two workers each share their limits through Redis: what is
# admitted at most and at least, whichever gateway the load prefers, and
# whatever happens to Redis.
#
# The bound (docs/OPERATIONS.md): in any time t at most
# (burst + rate x t) x 1.01 + number of gateways. Times are the clients', from
# before the first request to after the last answer, so that a slow machine
# makes no test fail.

use warnings;
use strict;

use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw/ time sleep /;

use Test::Wizdata;
use Wizdata::Redis;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
if (my $why = Wizdata::Redis->missing) {
    $t->{skipped} = 1;
    plan(skip_all => $why);
}

# The gateway may do what docs/OPERATIONS.md says it has to, and no more.
my $acl = join ' ', map { "+$_" } qw/ ping select eval evalsha time type
    get set del zadd zcard zremrangebyscore /;
my $redis = Wizdata::Redis->new(dir => $t->dir,
    conf => "requirepass sesame\nuser gate on >sesame ~* &* -\@all $acl\n")
    ->start;
$t->write_file('password', "sesame\n");

$t->backend('analytics', sub { return '{"ok":1}' });
my %key = map { $_ => $t->add_key(perm => ['*'], plan => $_) }
    qw/ rate slow day down flush kill rubbish spare cold raised /;

# The same principal by the same name, as every gateway's auth would say it.
my $http = <<"END";
wizdata_redis unix:@{[ $redis->socket ]} user=gate password_file=$t->{dir}/password db=3;
    wizdata_plan default rate=10/s burst=10;
    wizdata_plan rate rate=200/s burst=40;
    wizdata_plan slow rate=60/m burst=12;
    wizdata_plan day rate=2000/s burst=100 day=400;
    wizdata_plan down rate=100/s burst=20;
    wizdata_plan flush rate=100/s burst=20;
    wizdata_plan kill rate=100/s burst=20;
    wizdata_plan rubbish rate=100/s burst=20;
    wizdata_plan spare rate=100/s burst=20;
    wizdata_plan cold rate=200/m burst=20;
    wizdata_plan raised rate=6/h burst=6;
END

$t->config(workers => 2, http => $http, location => 'wizdata_limit on;',
    server => 'keepalive_requests 1000000;');
$t->run();

# The second gateway: another nginx with memory of its own.
my $second = bless { %$t, dir => "$t->{dir}/b", pid => undef }, ref $t;
mkdir $second->{dir};
my $conf = $t->read_file('nginx.conf');
my ($a_port, $b_port) = (port(8080), port(8090));
$conf =~ s/127\.0\.0\.1:$a_port/127.0.0.1:$b_port/;
$conf =~ s{\Q$t->{dir}\E/(nginx\.pid|error\.log|access\.log|\w+_temp)}
    {$second->{dir}/$1}g;
$second->write_file('nginx.conf', $conf);
$second->start_nginx;
my $owner = $$;
END {
    local $?;
    $second->stop if $second && $second->{pid} && $$ == $owner;
}
$t->poll(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1',
    PeerPort => $b_port) }) or die "no second gateway\n";

# Both know of each other, and are no newcomers any more.
sub gateways {
    my ($port) = @_;
    my $r = get('/v1/bars?symbol=A', key => $key{spare}, port => $port);
    return $r->status == 200;
}
$t->poll(sub { gateways($a_port) && gateways($b_port) });

# As Redis counts them, and as a gateway does.
sub members {
    my $s = IO::Socket::UNIX->new(Peer => $redis->socket) or return 0;
    print $s "AUTH sesame\r\nSELECT 3\r\nZCARD wizdata:limit:gateways\r\n";
    $s->flush;
    my $got = '';
    while ($got !~ /:(\d+)\r\n/) { sysread($s, $got, 4096, length $got) or last }
    return $got =~ /:(\d+)\r\n/ ? $1 : 0;
}

sub shares {
    my ($port) = @_;
    my ($n) = get('/metrics', key => undef, port => $port)->body
        =~ /^wizdata_limit_gateways(?:\{\})? (\d+)/m;
    return $n;
}
$t->wait_for('both gateways are members', sub { members() == 2 });
sleep 2;


# ---- load -------------------------------------------------------------------

# Requests of one key, far more than are allowed:
# [ port, number of clients, pause between requests ]. Result: times of start and end, and
# what was asked when, and answered: [ from, to, status, port ].
sub load {
    my ($key, $seconds, @clients) = @_;

    my @pids;
    my $start = time();
    for my $c (@clients) {
        my ($port, $n, $pause) = @$c;
        for (1 .. $n) {
            pipe my $r, my $w or die;
            my $pid = fork // die "fork: $!";
            if ($pid) {
                close $w;
                push @pids, [ $pid, $r, $port ];
                next;
            }
            one_client($w, $key, $port, $start + $seconds,
                $pause || 0.001);
            POSIX::_exit(0);
        }
    }

    my @all;
    for my $p (@pids) {
        my $fh = $p->[1];
        while (my $line = <$fh>) {
            my ($from, $to, $status) = split ' ', $line;
            push @all, [ $from, $to, $status, $p->[2] ];
        }
        waitpid $p->[0], 0;
    }
    return { start => $start, end => time(), all => \@all };
}

sub one_client {
    my ($out, $key, $port, $until, $pause) = @_;

    my $request = "GET /v1/bars?symbol=A HTTP/1.1\r\nHost: localhost\r\n"
        . "X-API-Key: $key\r\n\r\n";
    my ($s, $lines) = (undef, '');
    # Once at least, even if this process began too late.
    while (time() < $until + (length $lines ? 0 : 10)) {
        $s ||= IO::Socket::INET->new(PeerAddr => '127.0.0.1',
            PeerPort => $port) or next;
        my $from = time();
        print $s $request;
        $s->flush;
        my $status = answer($s);
        $lines .= sprintf "%.6f %.6f %d\n", $from, time(), $status // 0;
        undef $s unless $status;
        sleep $pause;
    }
    print $out $lines;
    close $out;
}

# Reads one answer; its status.
sub answer {
    my ($s) = @_;

    my $got = '';
    while ($got !~ /\r\n\r\n/) {
        sysread($s, $got, 65536, length $got) or return;
    }
    my ($status) = $got =~ m{^HTTP/1.1 (\d+)};
    my ($len) = $got =~ /^Content-Length: (\d+)/mi;
    my $end = index($got, "\r\n\r\n") + 4 + ($len // 0);
    while (length $got < $end) {
        sysread($s, $got, 65536, length $got) or return;
    }
    return $status;
}

sub admitted { return scalar grep { $_->[2] == 200 } @{ $_[0]{all} } }

# The bound over the whole run.
sub bound {
    my ($run, $rate, $burst, $name) = @_;

    my $n = admitted($run);

    my $t = $run->{end} - $run->{start};
    my $may = ($burst + $rate * $t) * 1.01 + 2;
    cmp_ok($n, '<=', $may, sprintf '%s: %d of at most %.1f', $name, $n,
        $may);
}

# How long nobody asked.
sub idle {
    my ($from, $to, @rows) = @_;

    my $idle = 0;
    for my $at (sort { $a <=> $b } $to, map { $_->[0] } @rows) {
        $idle += $at - $from if $at - $from > 0.01;
        $from = $at;
    }
    return $idle;
}

# Between two instants, under steady excess: 99 % of the rate. Times in which
# no client asked, because the machine had no time for it, do not count.
sub usable {
    my ($run, $rate, $from, $to, $name) = @_;

    my @rows = grep { $_->[0] >= $from && $_->[0] < $to } @{ $run->{all} };
    my $n = grep { $_->[2] == 200 } @rows;
    my $want = 0.99 * $rate * ($to - $from - idle($from, $to, @rows)) - 2;
    cmp_ok($n, '>=', $want, sprintf '%s: %d of at least %.1f', $name, $n,
        $want);
}

# Nothing but 200 and 429.
sub no_faults {
    my ($run, $name) = @_;

    my %count;
    $count{ $_->[2] }++ for @{ $run->{all} };
    my @other = grep { $_ != 200 && $_ != 429 } keys %count;
    is("@other", '', "$name: no errors")
        or diag(join ', ', map { "$_: $count{$_}" } sort keys %count);
    cmp_ok($count{200} // 0, '>', 0, "$name: some are let in");
}


# ---- shared, whichever gateway is preferred ------------------------------------

my $run = load($key{rate}, 4, [ $a_port, 3 ], [ $b_port, 3 ]);
bound($run, 200, 40, 'even load');
usable($run, 200, $run->{start} + 1, $run->{start} + 4, 'even load');
no_faults($run, 'even load');

sleep 0.5;
$run = load($key{rate}, 4, [ $a_port, 4 ], [ $b_port, 1, 0.1 ]);
bound($run, 200, 40, 'skewed load');
usable($run, 200, $run->{start} + 1, $run->{start} + 4, 'skewed load');

sleep 0.5;
$run = load($key{rate}, 3, [ $b_port, 4 ]);
bound($run, 200, 40, 'one gateway only');
usable($run, 200, $run->{start} + 1, $run->{start} + 3, 'one gateway only');

# In turns: 12 at once, and one more for each gateway and second.
my ($n, $from) = (0, time());
for (1 .. 60) {
    $n += get('/v1/bars?symbol=A', key => $key{slow},
        port => $_ % 2 ? $a_port : $b_port)->status == 200;
}
my $may = (12 + time() - $from) * 1.01 + 2;
cmp_ok($n, '<=', $may, "slow plan: $n of at most $may");
cmp_ok($n, '>=', 9, 'and the burst is there');

# A principal that nobody knows yet is served at once.
my $cold = get('/v1/bars?symbol=A', key => $key{cold}, port => $b_port);
is($cold->status, 200, 'a cold principal waits for nobody');
$t->wait_for('the other gateway learns of it', sub {
    my $r = get('/v1/bars?symbol=A', key => $key{cold}, port => $a_port);
    return $r->header('RateLimit') =~ /r=(\d+)/ && $1 <= 17;
});


# ---- a quota -------------------------------------------------------------------

$run = load($key{day}, 3, [ $a_port, 3 ], [ $b_port, 1, 0.01 ]);
my $day = admitted($run);
cmp_ok($day, '<=', 400 * 1.01 + 2, "quota: $day of 400");
cmp_ok($day, '>=', 396, 'all of it is usable');


# ---- Redis stopped ----------------------------------------------------------------

my $ctl = fork // die;
if (!$ctl) {
    sleep 1.5;
    $redis->stop;
    sleep 2;
    $redis->cont;
    POSIX::_exit(0);
}
$run = load($key{down}, 6, [ $a_port, 3 ], [ $b_port, 2 ]);
waitpid $ctl, 0;
bound($run, 100, 20, 'stopped and continued');
no_faults($run, 'stopped');
usable($run, 100, $run->{start} + 4.5, $run->{start} + 6,
    'a second after its return');
my @slow = sort { $b <=> $a } map { $_->[1] - $_->[0] } @{ $run->{all} };
note(sprintf 'slowest answers with redis stopped: %.1f ms, 99th %.1f ms',
    1000 * $slow[0], 1000 * $slow[ @slow / 100 ]);

# While it is stopped, the gateways have their shares.
$redis->stop;
sleep 0.6;
$run = load($key{spare}, 2, [ $a_port, 2 ], [ $b_port, 2 ]);
$redis->cont;
bound($run, 100, 20, 'while stopped');
my $want = -20;
for my $port ($a_port, $b_port) {
    $want += 0.9 * 50 * (2 - idle($run->{start}, $run->{start} + 2,
        grep { $_->[3] == $port } @{ $run->{all} }));
}
cmp_ok(admitted($run), '>=', $want, 'shares are usable');
no_faults($run, 'while stopped');
sleep 1.2;


# ---- emptied ------------------------------------------------------------------------

$ctl = fork // die;
if (!$ctl) {
    for (1 .. 3) {
        sleep 1;
        my $s = IO::Socket::UNIX->new(Peer => $redis->socket) or next;
        print $s "AUTH sesame\r\nFLUSHALL\r\n";
        $s->flush;
        sysread $s, my $got, 100;
    }
    POSIX::_exit(0);
}
$run = load($key{flush}, 5, [ $a_port, 3 ], [ $b_port, 1, 0.05 ]);
waitpid $ctl, 0;
bound($run, 100, 20, 'FLUSHALL three times');
no_faults($run, 'FLUSHALL');
usable($run, 100, $run->{start} + 4, $run->{start} + 5,
    'a second after the last');


# ---- killed, and empty when it is back ---------------------------------------------

$t->allow(qr/redis at/);
$ctl = fork // die;
if (!$ctl) {
    sleep 1;
    kill 'KILL', $redis->{pid};
    POSIX::_exit(0);
}
$run = load($key{kill}, 3, [ $a_port, 3 ], [ $b_port, 1, 0.05 ]);
waitpid $ctl, 0;
$redis->kill_it;
bound($run, 100, 20, 'killed');
no_faults($run, 'killed');

$redis->start;
my $back = time();
$run = load($key{kill}, 3, [ $a_port, 3 ], [ $b_port, 1, 0.05 ]);
bound($run, 100, 20, 'back and empty');
usable($run, 100, $back + 1, $run->{start} + 3, 'a second after its return');


# ---- one is back before the other --------------------------------------------------

# It knows that it is not alone, whatever an empty Redis says.
my @late = $second->workers;
kill 'STOP', @late;
$redis->kill_it;
$redis->start;
$t->wait_for('one has told that it lives', sub { members() == 1 });
sleep 0.5; # and was told twice how many there are
is(shares($a_port), 2, 'and keeps to its share');
$t->wait_for('until the other is silent for too long', sub {
    shares($a_port) == 1 });
is(members(), 1, 'which Redis says, too');
kill 'CONT', @late;
$t->wait_for('both are there again', sub {
    shares($a_port) == 2 && shares($b_port) == 2 });
sleep 2;


# ---- a plan that is raised -------------------------------------------------

sub all_of { my ($status, $n) = @_;
    return $n == grep { my $port = $_ % 2 ? $a_port : $b_port;
        get('/v1/bars?symbol=A', key => $key{raised}, port => $port)->status
            == $status } 1 .. $n }
$t->wait_for('spent on both', sub { all_of(429, 10) });
sleep 0.5;
ok(all_of(429, 10), 'for an hour');
$t->backend_ctl('auth', 'notify', 'auth.plans',
    [ [ [ 'raised', 'rate=1000/s burst=1000' ] ] ]);
$t->wait_for('who may have more has it on both', sub { all_of(200, 20) });
sleep 0.5;
ok(all_of(200, 20), 'and keeps it, whatever Redis had stored');


# ---- something else answers ---------------------------------------------------------

my %rubbish = (
    'HTTP' => "HTTP/1.1 400 Bad Request\r\n\r\n",
    'endless' => '$99999999999' . "\r\n",
    'errors' => "-LOADING Redis is loading the dataset in memory\r\n",
    'another reply' => "+PONG\r\n",
    'too many' => ":1\r\n" x 100,
    'bytes' => join('', map { chr } 0 .. 255),
);
for my $kind (sort keys %rubbish) {
    $redis->rubbish($rubbish{$kind});
    sleep 0.3;
    $run = load($key{rubbish}, 0.7, [ $a_port, 2 ], [ $b_port, 1 ]);
    bound($run, 100, 20, "rubbish: $kind");
    no_faults($run, "rubbish: $kind");
}

$redis->kill_it;
$redis->start;
$back = time();
$run = load($key{rubbish}, 3, [ $a_port, 2 ], [ $b_port, 2 ]);
bound($run, 100, 20, 'a real one again');
usable($run, 100, $back + 1, $run->{start} + 3, 'and used within a second');


# ---- the end ------------------------------------------------------------------------

unlike($t->read_file('error.log') . $second->read_file('error.log'), qr/sesame/,
    'the password is in no log');
ok($second->stop, 'the second gateway ends when asked');
is(join('', grep { /\[(alert|emerg|crit)\]/ }
    split /^/, $second->read_file('error.log')), '', 'without alerts');
is(join('', map { $second->read_file(s{.*/}{}r) } glob "$second->{dir}/san.*"), '',
    'without sanitizer errors');
