#!/usr/bin/perl

# A connection is lost, and the failure of one of its calls ends another one
# of them: a request of auth waits while auth is asked about its own key.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->auth(undef, methods => {
    'auth.verify' => sub {
        my ($req) = @_;

        return hold('{}') if $req->{backend}{mute};
        my $v = $t->{keys}{ $req->{args}{digest} };
        return $v ? reply(undef, meta => $v) : error_reply(-3, 'unknown');
    },
    'keys.list' => sub { return hold('{}') },
});
$t->config(http => 'wizdata_timeout keys.list 60s;');
$t->run();
$t->poll(sub { $t->backend_ctl('auth', 'conns') == 1 });

sub await {
    my ($key) = @_;

    my $held = $t->backend_ctl('auth', 'held');
    my $c = client();
    $c->send_request('GET', '/v1/keys', key => $key);
    $t->poll(sub { $t->backend_ctl('auth', 'held') > $held });
    return $c;
}

for my $how (qw/ raw close /) {
    my ($key, $other) = map { $t->add_key(perm => ['*']) } 1, 2;
    get('/v1/nothing', key => $_) for $key, $other;
    $t->backend_ctl('auth', 'set', 'mute', undef);

    # Numbers are given out from the lowest: the first call makes room for
    # the question, which so stands before the call that it ends.
    my $first = await($other);
    my $second = await($key);
    $t->backend_ctl('auth', 'release', 1);
    is($first->response->status, 200, "$how: the first is answered");

    $t->backend_ctl('auth', 'set', 'mute', 1);
    $t->backend_ctl('auth', 'notify', 'auth.revoke',
        [ [ key_digest($key) ], 0 ]);
    $t->wait_for('asked about', sub { $t->backend_ctl('auth', 'held') == 2 });
    $t->backend_ctl('auth', 'set', 'mute', undef);
    $t->backend_ctl('auth', $how, $how eq 'raw' ? "\xc1" : ());

    if ($how eq 'raw') {
        is_problem($second->response, 401, 'unauthenticated',
            'nobody can tell: the second ends');
    } else {
        $t->wait_for('the second is asked for again', sub {
            $t->backend_ctl('auth', 'held') });
        $t->backend_ctl('auth', 'release');
        is($second->response->status, 200, 'and answered');
    }
    $t->poll(sub { $t->backend_ctl('auth', 'conns') == 1 });
    $t->wait_for('the next request', sub {
        get('/v1/plans', key => $other)->status == 404 });
}
