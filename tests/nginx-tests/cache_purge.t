#!/usr/bin/perl

# Purges are pushed: by tag, once for all workers, exactly counted; a service
# that is silent, or was, is not trusted; what breaks the protocol closes.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

sub answer {
    my ($req) = @_;

    my @s = @{ $req->{args}{symbol} };
    my $b = $req->{backend};
    return error_reply(-14, 'down') if $b->{down};
    my $do = reply({ n => ++$b->{n} },
        meta => { ttl => 600, tags => [ map { "bars:$_" } @s ] });
    return $b->{slow} ? hold($do) : $do;
}
$t->backend('analytics', \&answer);
$t->backend('processing', sub { '{}' });
$t->config(workers => 2, http => 'wizdata_cache_zone 4m;'
        . 'wizdata_cache_ttl quotes.query 30m;',
    location => 'wizdata_cache on;');
$t->run();
$t->poll(sub { $t->backend_ctl('analytics', 'conns') == 2
    && $t->backend_ctl('processing', 'conns') == 2 });

sub path { return '/v1/bars?symbol=' . join ',', @_ }
sub word { return get(path(@_))->header('x-cache') }
sub say_ { return $t->backend_ctl(shift, 'notify', @_) }

sub metric {
    my ($name) = @_;
    my ($v) = get('/metrics')->body =~ /^\Q$name\E(?:\{\})? (\d+)/m;
    return $v // 0;
}

# One without a number is done by each worker: the second one may come to it
# when what the first one purged was fetched anew.
my $done = 0;
sub done_by {
    my ($n) = @_;
    $done += $n;
    $t->poll(sub { metric('wizdata_cache_purges_total{kind="tag"}') >= $done });
    is(metric('wizdata_cache_purges_total{kind="tag"}'), $done, "done by $n");
}

# ---- by tag ----

get(path(@$_)) for [ 'A' ], [ 'B' ], [ 'A', 'B' ], [ 'C' ];
is(word('A'), 'HIT', 'kept');
say_('analytics', 'cache.purge', [ ['bars:A'] ]);
done_by(2);
is(metric('wizdata_cache_purged_entries_total'), 2, 'purged');
is(word('A'), 'MISS', 'gone');
is(word('A', 'B'), 'MISS', 'of several tags one is enough');
is(word('B'), 'HIT', 'another tag stays');
is(word('C'), 'HIT', 'and another');

say_('analytics', 'cache.purge', [ [ 'bars:B', 'bars:C', 'bars:NONE' ] ]);
done_by(2);
is(metric('wizdata_cache_purged_entries_total'), 5, 'several tags');
is(word($_), 'MISS', "$_ is gone") for qw/ B C /;
is(word('A'), 'HIT', 'A stays');

# Data belongs to whoever says so: any backend may.
say_('processing', 'cache.purge', [ ['bars:A'], time() * 1_000_000_000, 1 ]);
$t->wait_for('from another service', sub { word('A') eq 'MISS' });
done_by(1);
$t->poll(sub { metric('wizdata_cache_purge_seconds_count') == 1 });
is(metric('wizdata_cache_purge_seconds_count'), 1, 'done once, and timed');

# A number that does not follow tells that one was missed: only from a service
# that beats, see below. All of a service:
get(path('A'));
say_('processing', 'cache.purge', [ ['*'], 0, 1 ]);
is(word('A'), 'HIT', 'a number that was heard');
say_('processing', 'cache.purge', [ ['*'], 0, 2 ]);
done_by(1);
is(word('A'), 'HIT', 'all of another service');

# The same number again was heard already.
is(word('A'), 'HIT', 'kept anew');
say_('processing', 'cache.purge', [ ['bars:A'], 1, 1 ]);
say_('processing', 'cache.purge', [ ['bars:X'], 1, 3 ]);
done_by(1);
$t->poll(sub { metric('wizdata_cache_purge_seconds_count') == 2 });
is(word('A'), 'HIT', 'a number that was heard does nothing');

# ---- an answer that was asked for before the purge ----

$t->backend_ctl('analytics', 'set', 'slow', 1);
my $c = client();
$c->send_request('GET', path('RACE'));
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 1 });
say_('analytics', 'cache.purge', [ ['bars:RACE'] ]);
done_by(2);
$t->backend_ctl('analytics', 'set', 'slow', undef);
$t->backend_ctl('analytics', 'release');
is($c->response->status, 200, 'its own client has it');
is(word('RACE'), 'MISS', 'nobody else');
is(metric('wizdata_cache_refused_total{reason="purged_meanwhile"}'), 1,
    'counted');

# ---- a service that tells of all its purges ----

my $seq = 10;
sub beat { return say_('analytics', 'cache.beat', [$seq]) }
sub purge { return say_('analytics', 'cache.purge', [ [@_], 0, ++$seq ]) }

# Until the function is true, with beats all the while.
sub while_beating {
    my ($name, $sub) = @_;
    $t->wait_for($name, sub { beat(); return $sub->() });
}

is(word('C'), 'HIT', 'kept before the first beat');
is(get('/v1/quotes?symbol=C')->header('x-cache-ttl'), 600,
    'no longer than the answer says itself');
while_beating('what came before may have been missed', sub {
    word('OTHER') eq 'HIT' });
isnt(word('C'), undef, 'asked anew');
while_beating('fresh while it beats', sub { word('C') eq 'HIT' });
beat();
is(get('/v1/quotes?symbol=D')->header('x-cache-ttl'), 1800,
    'as long as configured');
for (1 .. 5) {
    beat();
    purge('bars:NOBODY');
    beat();
    is(word('C'), 'HIT', 'and purges others');
}

say_('analytics', 'cache.purge', [ ['*'], 0, $seq += 2 ]);
$t->wait_for('all of this service', sub { beat(); word('C') eq 'MISS' });
while_beating('and fresh again', sub { word('C') eq 'HIT' });
say_('analytics', 'cache.purge', [ ['bars:NOBODY'], 0, $seq += 2 ]);
$t->wait_for('a number is missing', sub { beat(); word('C') eq 'MISS' });
while_beating('and fresh again', sub { word('C') eq 'HIT' });

$t->wait_for('silent for a second: asked anew', sub { word('C') eq 'MISS' });
$t->backend_ctl('analytics', 'set', 'down', 1);
is(word('C'), 'STALE', 'or old, when that fails');
$t->backend_ctl('analytics', 'set', 'down', undef);

while_beating('it beats again', sub { word('C') eq 'HIT' });
my $calls = $t->backend_calls('analytics');
$seq++;    # one that nobody heard
while_beating('a purge was missed: asked anew', sub { word('C');
    $t->backend_calls('analytics') > $calls });
while_beating('fresh again', sub { word('C') eq 'HIT' });

# Another process of the service: what it did before we met is not known.
$t->backend_stop('analytics');
$t->wait_for('the service is gone: old answers', sub { word('C') eq 'STALE' });
$t->backend_start('analytics');
$t->poll(sub { $t->backend_ctl('analytics', 'conns') == 2 });
$seq = 0;
while_beating('a new process: asked anew', sub {
    word('C') =~ /MISS|HIT/ && $t->backend_calls('analytics', 'bars.query') });
while_beating('fresh', sub { word('C') eq 'HIT' });

# ---- data committed: never the old answer again ----

my $value = get(path('LIVE'))->json->{n};
for my $round (1 .. 20) {
    purge('bars:LIVE');
    beat();
    # What the backend sent has left; 50 ms are allowed.
    select undef, undef, undef, 0.05;
    my $r = get(path('LIVE'));
    my $new = $r->json->{n};
    cmp_ok($new, '>', $value, "round $round: the new answer");
    $value = $new;
    is(get(path('LIVE'))->json->{n}, $value, 'kept');
}

# ---- what breaks the protocol closes the connection ----

for my $case ([ 'cache.purge', [] ], [ 'cache.purge', [5] ],
    [ 'cache.purge', [ [5] ] ], [ 'cache.purge', [ [ 'x' x 97 ] ] ],
    [ 'cache.purge', [ ['a'], 1 ] ], [ 'cache.purge', [ ['a'], 'x', 1 ] ],
    [ 'cache.purge', [ ['a'], 1, -1 ] ], [ 'cache.purge', [ ['a'], -1, 1 ] ],
    [ 'cache.purge', [ {}, 1, 1 ] ], [ 'cache.purge', [ ['a'], 1, 1, 1 ] ],
    [ 'cache.beat', [] ], [ 'cache.beat', ['x'] ], [ 'cache.beat', [-1] ],
    [ 'cache.beat', [ 1, 2 ] ])
{
    $t->renew;    # nobody waits long before he connects again
    $t->poll(sub { $t->backend_ctl('processing', 'conns') == 2 });
    my $closed = $t->backend_events('processing', 'close');
    say_('processing', @$case);
    $t->wait_for('malformed: ' . mp_dump(mp_encode($case)), sub {
        $t->backend_events('processing', 'close') >= $closed + 2 });
}
$t->renew;
$t->poll(sub { $t->backend_ctl('processing', 'conns') == 2 });
$done = metric('wizdata_cache_purges_total{kind="tag"}');
say_('processing', 'cache.purge', [ [] ]);
say_('processing', 'cache.purge', [ [ map { "t$_" } 1 .. 2000 ] ]);
done_by(4);
beat();
is(get(path('END'))->status, 200, 'works');
