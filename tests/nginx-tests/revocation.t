#!/usr/bin/perl

# Revocation is pushed: a cached verdict ends at once on every worker, and a
# verdict that crossed the push is not kept.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->auth(undef, methods => {
    'auth.verify' => sub {
        my ($req) = @_;

        my $v = $t->{keys}{ $req->{args}{digest} };
        my $do = $v ? reply(undef, meta => $v) : error_reply(-3, 'unknown');
        return $req->{backend}{slow} ? hold($do) : $do;
    } });
# Times to live so long that nothing below can be explained by them.
$t->config(workers => 2,
    http => 'wizdata_verdict_ttl 1h; wizdata_negative_ttl 1h;');
$t->run();
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });

my $path = '/v1/bars?symbol=IBM';

sub status { return get($path, key => $_[0])->status }

sub asked {
    my ($key) = @_;
    my $digest = key_digest($key);
    return scalar grep { $_->{args}{digest} eq $digest }
        $t->backend_requests('auth', 'auth.verify');
}

# Both workers have used these keys.
my $kept = $t->add_key(perm => ['*']);
my $gone = $t->add_key(perm => ['*']);
status($_) for ($kept, $gone) x 10;

$t->revoke($gone);
$t->wait_for('revoked', sub { status($gone) == 401 });
is(join(' ', map { status($gone) } 1 .. 20), join(' ', (401) x 20),
    'on every worker, from then on');
is(status($kept), 200, 'another key lives on');

# ---- an empty list is every verdict ----

my $before = asked($kept);
$t->backend_ctl('auth', 'notify', 'auth.revoke', [ [] ]);
$t->wait_for('all verdicts are void: asked again', sub {
    status($kept) == 200 && asked($kept) > $before });

# ---- several in one push, of keys never seen ----

my @more = map { $t->add_key(perm => ['*']) } 1 .. 3;
status($_) for @more;
$t->backend_ctl('auth', 'forget', key_digest($_)) for @more;
$t->backend_ctl('auth', 'notify', 'auth.revoke',
    [ [ key_digest('never seen'), map { key_digest($_) } @more ] ]);
for my $key (@more) {
    $t->wait_for('one of several', sub { status($key) == 401 });
}

# ---- the push crosses a verdict that is on its way ----

my $key = $t->add_key(perm => ['*']);
$t->backend_ctl('auth', 'set', 'slow', 1);
my $c = client();
$c->send_request('GET', $path, key => $key);
$t->poll(sub { $t->backend_ctl('auth', 'held') });
$t->backend_ctl('auth', 'set', 'slow', undef);
$t->revoke($key);
$t->backend_ctl('auth', 'release');    # the old, positive verdict
like($c->response->status, qr/^(200|401|503)$/, 'the request in between');
# The negative answer may lag on the worker that saw neither; the positive one
# must not have been kept by any.
is(join(' ', grep { $_ != 401 } map { status($key) } 1 .. 20), '',
    'the verdict that crossed the revocation was not kept');

# ---- a revocation that breaks the protocol closes the connection ----

for my $params ([], [ ['short'] ], [5], [ [5] ], [ [ 'x' x 64 ] ], [ {} ]) {
    my $closed = $t->backend_events('auth', 'close');
    my $n = $t->backend_ctl('auth', 'notify', 'auth.revoke', $params);
    $t->wait_for('malformed: ' . mp_dump(mp_encode($params)), sub {
        $t->backend_events('auth', 'close') >= $closed + $n });
    $t->poll(sub { $t->backend_ctl('auth', 'conns') == 2 });
    $t->wait_for('works again', sub { status($kept) == 200 });
}
