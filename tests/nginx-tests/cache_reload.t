#!/usr/bin/perl

# The cache's zone: a reload keeps it, another size takes over what fits, and
# old and new workers wake each other.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol}[0];
    my $do = reply({ n => ++$req->{backend}{n}, pad => 'x' x 400 },
        meta => { ttl => 600, tags => ["bars:$s"] });
    return $s =~ /^HOLD/ ? hold($do) : $do;
});
$t->config(workers => 2, location => 'wizdata_cache on;',
    http => 'wizdata_cache_zone 4m;');
$t->run();

sub path { return "/v1/bars?symbol=$_[0]" }
sub word { return get(path($_[0]))->header('x-cache') }
sub hits { return scalar grep { word("S$_") eq 'HIT' } 1 .. $_[0] }

my $conf = $t->read_file('nginx.conf');
sub size {
    my ($size) = @_;
    $t->write_file('nginx.conf',
        $conf =~ s/wizdata_cache_zone \w+;/wizdata_cache_zone $size;/r);
    return $t->renew;
}

get(path("S$_")) for 1 .. 200;
is(hits(200), 200, 'kept');
ok($t->renew, 'a reload');
is(hits(200), 200, 'keeps them');

# ---- a leader of the old workers, waiters of the new ones ----

my $lead = client();
$lead->send_request('GET', path('HOLD1'));
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 1 });
my %old = map { $_ => 1 } $t->workers;
$t->reload;
$t->poll(sub { my @new = grep { !$old{$_} } $t->workers; @new == 2 });
my @c = map { client() } 1 .. 10;
$_->send_request('GET', path('HOLD1')) for @c;
$t->poll(sub { get('/metrics')->body =~ /^wizdata_cache_waiters(\{\})? 10$/m });
$t->backend_ctl('analytics', 'release');
is($lead->response->header('x-cache'), 'MISS', 'an old worker asks');
is(scalar(grep { $_->response->header('x-cache') eq 'HIT' } @c), 10,
    'new workers have its answer');
is(scalar(grep { $_->{args}{symbol}[0] eq 'HOLD1' }
    $t->backend_requests('analytics', 'bars.query')), 1, 'one call');

# ---- other sizes ----

my $seq = 0;
for my $size (qw/ 8m 4m 16m /) {
    ok(size($size), "now $size");
    is(hits(200), 200, 'all are taken over');
    # With a number, so that the second worker does not do it once more.
    $t->backend_ctl('analytics', 'notify', 'cache.purge',
        [ ['bars:S1'], 0, ++$seq ]);
    $t->wait_for('and purged', sub { word('S1') eq 'MISS' });
}
ok(size('1100k'), 'a small one');
my $n = hits(200);
cmp_ok($n, '>', 100, 'takes over what fits');

get(path("T$_")) for 1 .. 3000;
cmp_ok(hits(200), '<', 50, 'those used longest ago made room');
is(word('T3000'), 'HIT', 'the newest is there');

# ---- off and on again ----

$t->write_file('nginx.conf', $conf =~ s/wizdata_cache_zone \w+;//r
    =~ s/wizdata_cache on;//r);
ok($t->renew, 'off');
is(word('T3000'), undef, 'no cache');
ok(size('4m'), 'on');
is(word('T3000'), 'MISS', 'empty');
is(word('T3000'), 'HIT', 'works');
