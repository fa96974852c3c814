#!/usr/bin/perl

# Who may see a cached answer: keys and limits come first, an answer for all
# is made without knowing for whom, one's own is nobody else's.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

sub echo {
    my ($req) = @_;

    my $x = $req->{ctx};
    return reply({ n => ++$req->{backend}{n}, map { $_ => $x->{$_} }
        grep { defined $x->{$_} } qw/ sub key plan perm / },
        meta => { ttl => 60 });
}

$t->backend('analytics', \&echo);
$t->auth(undef, methods => { 'users.list' => \&echo });
$t->config(workers => 2, http => 'wizdata_cache_zone 2m;',
    location => 'wizdata_cache on;');
$t->run();

my $bars = '/v1/bars?symbol=IBM';
my @keys = map { $t->add_key(perm => $_->[0], sub => $_->[1],
        plan => $_->[2] // 'default') }
    [ ['*'], 'alice', 'gold' ], [ ['bars:read'], 'bob' ],
    [ ['*:read'], 'carol' ], [ ['quotes:read'], 'dave' ],
    [ ['*'], 'alice', 'silver' ], [ [ '*', 'users:read' ], 'alice', 'gold' ];

# ---- for all who have the permission ----

my $r = get($bars, key => $keys[0]);
is($r->header('x-cache'), 'MISS', 'the first asks');
is_deeply($r->json, { n => 1, perm => ['bars:read'] },
    'the backend is not told for whom');
for my $i (1, 2) {
    $r = get($bars, key => $keys[$i]);
    is($r->header('x-cache'), 'HIT', "another principal: $i");
}
is_problem(get($bars, key => $keys[3]), 403, 'forbidden', 'no permission');
is_problem(get($bars, key => undef), 401, 'unauthenticated', 'no key');
is_problem(get($bars, key => wd_apikey()), 401, 'unauthenticated',
    'an unknown key');
my $gone = $t->add_key(perm => ['*']);
is(get($bars, key => $gone)->header('x-cache'), 'HIT', 'a key');
$t->revoke($gone);
$t->wait_for('revoked: no hit', sub { get($bars, key => $gone)->status == 401 });

# ---- one's own ----

my $users = '/v1/users';
for my $i (0, 2, 4, 5) {
    $r = get($users, key => $keys[$i]);
    is($r->header('x-cache'), 'MISS', "users: key $i asks");
    ok($r->json->{sub}, 'the backend is told for whom');
}
for my $i (0, 2, 4, 5) {
    $r = get($users, key => $keys[$i]);
    is($r->header('x-cache'), 'HIT', "users: key $i again");
    is($r->json->{sub}, $i == 2 ? 'carol' : 'alice', 'its own');
}
my @calls = $t->backend_requests('auth', 'users.list');
is(@calls, 4, 'one call each: principal, plan and permissions count');
