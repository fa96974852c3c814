#!/usr/bin/perl

# The second level: two gateways share answers through Redis, and never an old
# one; Redis may be slow, emptied, gone or no Redis at all.

use warnings;
use strict;

use IO::Socket::INET;
use Test::Wizdata;
use Wizdata::Redis;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
if (my $why = Wizdata::Redis->missing) {
    $t->{skipped} = 1;
    plan(skip_all => $why);
}
my $dir = $t->dir;

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol}[0];
    my $b = $req->{backend};
    my %m = (ttl => 600, tags => [ "bars:$s", 'every' ], etag => "\"$s\"",
        next => 'more');
    my $do = $s =~ /^LONG/ ? stream(150_000, meta => \%m)
        : $s eq 'NONE' ? error_reply(-5, 'no data')
        : reply({ n => ++$b->{n}, s => $s }, meta => \%m);
    return $s =~ /^HELD/ ? hold($do) : $do;
});

# The gateway may do what docs/OPERATIONS.md says it has to, and no more.
my $acl = join ' ', map { "+$_" } qw/ ping info eval get set incr hmget hset
    del pexpire rpush ltrim lrange /;
my $redis = Wizdata::Redis->new(dir => $dir,
    conf => "user gate on >sesame ~* &* -\@all $acl\n")->start;
$t->write_file('redis.password', "sesame\n");
$t->config(workers => 2, location => 'wizdata_cache on;',
    server => 'location /api/status/cache { wizdata_status_cache; }',
    http => 'wizdata_cache_zone 4m; wizdata_cache_redis on;'
        . "wizdata_redis unix:$dir/redis.sock user=gate"
        . " password_file=$dir/redis.password;");
$t->run();

# The second gateway: another nginx with memory of its own.
my $second = bless { %$t, dir => "$dir/b", pid => undef }, ref $t;
mkdir $second->{dir};
my $conf = $t->read_file('nginx.conf');
my ($a_port, $b_port) = (port(8080), port(8081));
$conf =~ s/127\.0\.0\.1:$a_port/127.0.0.1:$b_port/;
$conf =~ s{\Q$dir\E/(nginx\.pid|error\.log|access\.log|\w+_temp)}
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
$t->poll(sub { $t->backend_ctl('analytics', 'conns') == 4 });

sub path { return "/v1/bars?symbol=$_[0]" }
sub ask {
    my ($port, $s) = @_;
    return get(path($s), port => $port);
}
sub calls {
    my ($s) = @_;
    return scalar grep { $_->{args}{symbol}[0] eq $s }
        $t->backend_requests('analytics', 'bars.query');
}
sub both { return ($a_port, $b_port) }

# All four workers know Redis when what one asked for comes from it.
my $i = 0;
sub shared {
    my ($name) = @_;
    $t->wait_for($name, sub {
        my $n = 0;
        for (1 .. 6) {
            my $s = 'W' . ++$i;
            ask($a_port, $s);
            select undef, undef, undef, 0.005;
            ask($b_port, $s);
            $n++ if calls($s) == 1;
        }
        return $n == 6;
    });
}

# ---- shared ----

shared('what one gateway asked for the other need not');
# A gateway waits for Redis 20 ms, and then the backend is asked: as often as it
# takes, on a machine that stands for so long.
my ($name, $r, $q);
$t->wait_for('by one call', sub {
    $name = 'A' . ++$i;
    $r = ask($a_port, $name);
    select undef, undef, undef, 0.005;
    $q = ask($b_port, $name);
    return calls($name) == 1;
});
is($r->header('x-cache'), 'MISS', 'the first gateway asks');
is($q->header('x-cache'), 'HIT', 'the second has it from Redis');
is($q->body, $r->body, 'the same body');
is($q->header($_), $r->header($_), "the same $_") for qw/ etag content-type
    x-next-cursor x-cache-ttl vary cache-control /;
like(get('/metrics', port => $b_port)->body,
    qr/^wizdata_cache_requests_total\{(?=.*second_level).*bars.*\} [1-9]/m,
    'counted');
$t->wait_for('a long body, too', sub {
    my $s = 'LONG' . ++$i;
    my $size = $redis->command('DBSIZE');
    ask($a_port, $s);
    $t->poll(sub { $redis->command('DBSIZE') ne $size }, 1);    # it is stored
    my $long = ask($b_port, $s)->body;
    return calls($s) == 1 && $long eq Wizdata::Backend::pattern(0, 150_000);
});
ask($_, 'NONE') for both();
is(calls('NONE'), 2, 'errors are not shared');

# ---- purged ----

sub purge { $t->backend_ctl('analytics', 'notify', 'cache.purge', [ [@_] ]) }

for my $round (1 .. 20) {
    my $old = ask($a_port, 'P')->json->{n};
    ask($b_port, 'P') if $round % 2;
    purge('bars:P');
    select undef, undef, undef, 0.05;
    my @new = map { ask($_, 'P')->json->{n} } $round % 3 ? both()
        : reverse both();
    is(scalar(grep { $_ > $old } @new), 2, "round $round: the old one is gone");
}

# An answer whose call began before the purge is nowhere kept.
my $c = client(port => $a_port);
$c->send_request('GET', path('HELD'));
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 1 });
purge('bars:HELD');
$t->poll(sub { 0 }, 0.1);
$t->backend_ctl('analytics', 'release');
my $old = $c->response->json->{n};
$c = client(port => $b_port);
$c->send_request('GET', path('HELD'));
$t->wait_for('asked again', sub { $t->backend_ctl('analytics', 'held') == 1 });
$t->backend_ctl('analytics', 'release');
cmp_ok($c->response->json->{n}, '>', $old, 'the new one');

# Nor one whose call began before Redis was emptied: purges are counted anew.
$c = client(port => $a_port);
$c->send_request('GET', path('HELD2'));
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 1 });
$redis->command('FLUSHALL');
$t->wait_for('emptied: each worker has met it', sub {
    my ($n) = ($redis->command('GET', 'wizdata:limit:cache:seq') // '')
        =~ /^\$\d+\r\n(\d+)/;
    return ($n // 0) >= 4;
});
$t->backend_ctl('analytics', 'release');
$old = $c->response->json->{n};
purge('bars:HELD2');
$t->poll(sub { 0 }, 0.1);
$c = client(port => $b_port);
$c->send_request('GET', path('HELD2'));
$t->wait_for('asked again, too', sub {
    $t->backend_ctl('analytics', 'held') == 1 });
$t->backend_ctl('analytics', 'release');
cmp_ok($c->response->json->{n}, '>', $old, 'and the new one');

# ---- operators ----

ask($_, 'OP') for both();
my $writer = $t->add_key(perm => ['cache:write']);
$r = post('/api/status/cache', { tags => ['bars:OP'] }, key => $writer);
is($r->json->{deleted_keys}, 1, 'cleared on one gateway');
$t->wait_for('and on the other', sub {
    ask($b_port, 'OP')->header('x-cache') eq 'MISS' || calls('OP') > 1 });

my $reader = $t->add_key(perm => ['status:read']);
$t->wait_for('memory of Redis', sub {
    my $s = get('/api/status/cache', key => $reader)->json->{stats};
    return ($s->{redis_memory_used} // '') =~ /^[\d.]+[KMG]$/
        && ($s->{redis_memory_peak} // '') =~ /^[\d.]+[KMG]$/;
});

# ---- Redis in trouble ----

sub serves {
    my ($name) = @_;
    my $n = 0;
    for (1 .. 10) {
        my $s = 'S' . ++$i;
        $n += ask($_, $s)->status == 200 for both();
    }
    is($n, 20, "$name: no failure");
}

$redis->stop;
serves('stopped');
purge("bars:$name");
$t->poll(sub { 0 }, 0.05);
my @n = map { ask($_, $name)->json->{n} } both();
$redis->cont;
shared('continued: shared again');
is(scalar(grep { $_ > $q->json->{n} } @n), 2, 'purged meanwhile');
is(scalar(grep { ask($_, $name)->json->{n} > $q->json->{n} } both()), 2,
    'and not back');

# One that is full takes no purge down, and is then not trusted.
ask($_, 'FULL') for both();
$n[$_] = ask((both())[$_], 'FULL')->json->{n} for 0, 1;
$redis->command('CONFIG', 'SET', 'maxmemory', '1');
purge('bars:FULL');
$t->poll(sub { 0 }, 0.05);
is(scalar(grep { ask((both())[$_], 'FULL')->json->{n} > $n[$_] } 0, 1), 2,
    'full: a purge is a purge');
serves('full');
$redis->command('CONFIG', 'SET', 'maxmemory', '0');
shared('room again: shared again');

ask($a_port, 'F');
$redis->command('FLUSHALL');
serves('flushed');
shared('flushed: shared again');

$redis->kill_it;
serves('killed');
$redis->start;
shared('back: shared again');

# What was stored while a gateway was away it does not trust.
for my $bytes ("+OK\r\n", "-ERR no\r\n", "*3\r\n\$1\r\nx\r\n:1\r\n\$1\r\ny\r\n",
    "\0" x 64, ":7\r\n")
{
    $redis->rubbish($bytes);
    serves('rubbish ' . length $bytes);
}
$redis->kill_it;
$redis->start;
shared('a Redis again: shared again');

# A value that somebody else wrote is no answer.
ask($a_port, 'EVIL');
my @keys = ($redis->command('KEYS', '*cache:v:*') // '') =~ /(\S*cache:v:\w+)/g;
for my $key (@keys) {
    $redis->command('HSET', $key, 'm', "\x95\x01");
}
is(ask($b_port, 'EVIL')->json->{s}, 'EVIL', 'rubbish in a value');
