#!/usr/bin/perl

# One asks for all, over all workers: a cold herd makes one call; leaders that
# leave, fail or are killed; answers that cannot be shared.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0];
    my $b = $req->{backend};
    $b->{n}++;
    my %m = (ttl => 60, tags => ["bars:$s"]);
    my $do = $s =~ /^NOT/ ? reply({ n => $b->{n} }) :
        $s =~ /^ERR/ ? error_reply(-5, "no data of $s", { param => 'symbol' })
        : $s =~ /^DOWN/ ? error_reply(-14, 'down')
        : $s =~ /^LONG/ ? stream(150_000, meta => \%m)
        : $s =~ /^BIG/ ? stream(400_000, meta => \%m)
        : reply({ n => $b->{n} }, meta => \%m);
    return $b->{open} ? $do : hold($do);
});
$t->config(workers => 2, http => 'wizdata_cache_zone 8m;',
    location => 'wizdata_cache on; wizdata_cache_lock_timeout 20s;');
$t->run();
$t->allow(qr/worker process \d+ exited on signal 9/);

sub path { return "/v1/bars?symbol=$_[0]" }
sub held { return $t->backend_ctl('analytics', 'held') }
sub calls {
    my ($s) = @_;
    return scalar grep { $_->{args}{symbol}[0] eq $s }
        $t->backend_requests('analytics', 'bars.query');
}

# Requests that stand in the gateway: sent, and nothing came back.
sub crowd {
    my ($n, $s) = @_;

    my @c = map { client() } 1 .. $n;
    $_->send_request('GET', path($s)) for @c;
    $t->poll(sub { held() >= 1 });
    return @c;
}

sub waiting {
    my ($sum) = get('/metrics')->body
        =~ /^wizdata_cache_waiters(?:\{\})? (\d+)/m;
    return $sum;
}

# ---- a herd ----

my @c = crowd(900, 'HERD');
$t->wait_for('all others wait', sub { waiting() == 899 });
is(calls('HERD'), 1, 'one call');
$t->backend_ctl('analytics', 'release');
my %bodies;
my %words;
for (@c) {
    my $r = $_->response;
    $bodies{ $r->body }++;
    $words{ $r->header('x-cache') }++;
}
is(keys %bodies, 1, 'one body for all');
is($words{MISS}, 1, 'one missed');
is($words{HIT}, 899, 'the others had its answer');
is(calls('HERD'), 1, 'still one call');
is(waiting(), 0, 'nobody waits');

# ---- a long body ----

@c = crowd(40, 'LONG');
$t->poll(sub { waiting() == 39 });
$t->backend_ctl('analytics', 'release');
is(scalar(grep { $_->response->body eq Wizdata::Backend::pattern(0, 150_000) }
    @c), 40, 'a body in pieces for all');
is(calls('LONG'), 1, 'by one call');

# ---- the leader's client leaves ----

my $lead = client();
$lead->send_request('GET', path('LEFT'));
$t->poll(sub { held() == 1 });
@c = map { client() } 1 .. 20;
$_->send_request('GET', path('LEFT')) for @c;
$t->poll(sub { waiting() == 20 });
$lead->close;
$t->wait_for('another one asks', sub { calls('LEFT') == 2 });
$t->backend_ctl('analytics', 'release');
is(scalar(grep { $_->response->status == 200 } @c), 20, 'all have an answer');
is(calls('LEFT'), 2, 'two calls');

# ---- clients that wait leave ----

@c = crowd(30, 'LEAVE');
$t->poll(sub { waiting() == 29 });
$_->close for @c[ 1 .. 9 ];
$_->reset for @c[ 10 .. 19 ];
$t->wait_for('the waiters that left are gone', sub { waiting() <= 10 });
$t->backend_ctl('analytics', 'release');
is(scalar(grep { $_->response->status == 200 } @c[ 20 .. 29 ]), 10,
    'those who stayed have an answer');

# ---- a worker is killed: the leader's, mostly ----

for my $round (1 .. 4) {
    my $s = "KILL$round";
    @c = crowd(20, $s);
    $t->poll(sub { waiting() == 19 });
    my @workers = $t->workers;
    kill 'KILL', $workers[ $round % 2 ];
    $t->poll(sub { my @w = $t->workers; @w == 2 && !grep { $_ ==
        $workers[ $round % 2 ] } @w });
    $t->backend_ctl('analytics', 'set', 'open', 1);
    $t->backend_ctl('analytics', 'release');
    my @r = map { $_->response } @c;
    my $good = grep { $_->status == 200 } @r;
    my $cut = grep { $_->status == 0 } @r;
    is($good + $cut, 20, "round $round: answered, or the connection was cut");
    is(get(path($s))->status, 200, 'works');
    $t->backend_ctl('analytics', 'set', 'open', undef);
}

# ---- failures ----

@c = crowd(30, 'ERR');
$t->poll(sub { waiting() == 29 });
$t->backend_ctl('analytics', 'release');
my @r = map { $_->response } @c;
is(scalar(grep { $_->status == 404 && $_->json->{detail} =~ /no data of ERR/ }
    @r), 30, 'the error is for all who asked');
is(calls('ERR'), 1, 'one call');

@c = crowd(30, 'DOWN');
$t->poll(sub { waiting() == 29 });
$t->backend_ctl('analytics', 'release');
is(scalar(grep { $_->response->status == 503 } @c), 30,
    'a backend in trouble is asked once');
is(calls('DOWN'), 1, 'one call');

# ---- answers that cannot be shared: each asks for itself ----

for my $s (qw/ NOT BIG /) {
    @c = crowd(10, $s);
    $t->poll(sub { waiting() == 9 });
    $t->backend_ctl('analytics', 'release');
    $t->wait_for("$s: nobody waits any more", sub { calls($s) == 10 });
    $t->backend_ctl('analytics', 'release');
    is(scalar(grep { $_->response->status == 200 } @c), 10, "$s: answered");
}

# ---- a purge overtakes the answer ----

@c = crowd(10, 'RACE');
$t->poll(sub { waiting() == 9 });
$t->backend_ctl('analytics', 'notify', 'cache.purge', [ ['bars:RACE'] ]);
$t->poll(sub { get('/metrics')->body
    =~ /^wizdata_cache_purges_total\{kind="tag"\} [1-9]/m });
$t->backend_ctl('analytics', 'release');
$t->wait_for('asked again by one of those who waited', sub {
    calls('RACE') == 2 });
$t->backend_ctl('analytics', 'release');
my %n;
$n{ $_->response->json->{n} }++ for @c;
is_deeply([ sort { $a <=> $b } values %n ], [ 1, 9 ],
    'who asked before has the old one, all others the new one');
is(calls('RACE'), 2, 'two calls');
$t->backend_ctl('analytics', 'set', 'open', 1);
is(get(path('RACE'))->header('x-cache'), 'HIT', 'the new one is kept');
