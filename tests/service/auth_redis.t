#!/usr/bin/perl

# A Redis that comes back empty knows nothing of what was revoked, and nobody
# asks it: a void key and a void token stay void in every worker, while its
# data goes, while it is away, and after.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use POSIX ();
use Test::More;

use Wizdata::Backend qw/ reply /;
use Wizdata::Gateway;
use Wizdata::Redis;

use constant WAIT => 20;

if (my $why = Wizdata::Redis->missing) {
    plan(skip_all => $why);
}

my $redis;
my $g = Wizdata::Gateway->start(parts => sub {
    my ($t) = @_;

    my $d = $t->dir;
    $redis = Wizdata::Redis->new(dir => $d)->start;
    $t->allow(qr/[Rr]edis/);
    return (workers => 2,
        location => 'wizdata_limit on; wizdata_cache on;'
            . ' add_header X-Worker $pid always;',
        http => "    wizdata_redis unix:$d/redis.sock;\n"
            . "    wizdata_cache_zone 4m; wizdata_cache_redis on;\n",
        answer => sub { reply('{"ok":1}', meta => { ttl => 600,
            tags => ['bars:A'] }) });
});
my $t = $g->test();
my %credential;

sub ask { return $g->ask('GET', '/v1/bars?symbol=A', $credential{ $_[0] }) }

# The statuses that both workers gave; one that stands answers late, not never.
sub statuses {
    my ($name) = @_;

    my (%workers, %seen);
    my ($n, $end) = (0, time + WAIT);
    until ($n++ >= 6 && keys %workers == 2 || time > $end) {
        my $r = ask($name);
        $seen{ $r->status } = 1;
        $workers{ $r->header('X-Worker') } = 1;
    }
    return join(' ', sort keys %seen) . ' of ' . keys %workers;
}

sub check {
    my ($when) = @_;

    is(statuses($_), '401 of 2', "$when: the void $_") for qw/ key token /;
    is(statuses("good $_"), '200 of 2', "$when: another $_")
        for qw/ key token /;
}

# What is in Redis: the gateways have told it something again.
sub known { return ($redis->command('DBSIZE') // '') =~ /^:[1-9]/ }

# ---- somebody whose credentials were good -------------------------------------

$g->rpc('plans.set', { name => 'default', limits => 'day=1000000000' });
for my $kind ('', 'good ') {
    my $email = ($kind ? 'good' : 'void') . '@example.com';
    my $id = $g->user($email, roles => ['reader']);
    my $key = $g->rpc('keys.create', { user => "user:$id" });
    $credential{"${kind}key"} = $key->{key};
    $credential{"${kind}token"} = $g->token($email);
    $credential{"${kind}id"} = $id;
    $credential{"${kind}key id"} = $key->{id};
}
ok($g->wait_until(sub {
    4 == grep { ($_->header('RateLimit-Policy') // '') =~ /^"day-quota"/ }
        map { ask('good key') } 1 .. 4;
}), 'the plan');
is(statuses($_), '200 of 2', "a $_ that is good") for qw/ key token /;
ok($g->wait_until(\&known), 'Redis knows of the limits');

$g->rpc('keys.revoke', { id => $credential{'key id'} });
$g->rpc('users.logout', { id => $credential{id} });
ok($g->wait_until(sub { statuses('key') eq '401 of 2' }), 'the key is void');
ok($g->wait_until(sub { statuses('token') eq '401 of 2' }),
    'the token is void');

# ---- all the time, from another process ---------------------------------------

my $seen = $t->dir . '/seen';
my $pid = fork // die "fork: $!";
if (!$pid) {
    open my $out, '>', $seen or POSIX::_exit(1);
    $out->autoflush(1);
    until (-e "$seen.end") {     # a signal would cut a request short
        for my $name ('key', 'token', 'good key', 'good token') {
            my $status = eval { ask($name)->status } // 'none';
            print $out "$name: $status\n";
        }
    }
    POSIX::_exit(0);
}

sub lines { return split /\n/, eval { $t->read_file('seen') } // '' }

# As often as it takes for the other process to have asked meanwhile.
sub meanwhile {
    my ($n) = (scalar lines());
    $g->wait_until(sub { lines() > $n + 8 }) or fail('it asks');
}

check('before');
meanwhile();
like($redis->command('FLUSHALL'), qr/OK/, 'emptied');
check('emptied');
meanwhile();
ok($g->wait_until(sub { ask('good key'); known() }), 'it is told again');
check('told again');
$redis->kill_it;
check('killed');
meanwhile();
$redis->start;
like($redis->command('DBSIZE'), qr/^:\d+/, 'back');
check('back');
meanwhile();
ok($g->wait_until(sub { ask('good key'); known() }), 'it is in use');
check('in use');
$redis->command('FLUSHALL');
$redis->stop;
check('hangs');
$redis->cont;
check('goes on');
meanwhile();

$t->write_file('seen.end', '');
waitpid $pid, 0;
my %n;
$n{$_}++ for lines();
is(join(', ', sort keys %n),
    'good key: 200, good token: 200, key: 401, token: 401',
    'and at all times between') or diag(explain(\%n));

# ---- workers that know nothing but what they are told -------------------------

$redis->command('FLUSHALL');
$t->renew;
check('new workers');

$t->stop;
$redis->command('FLUSHALL');
$t->start_nginx;
$t->wait_ready;
check('a new gateway');
