#!/usr/bin/perl

# A worker that ends has told auth of its refusals when it left the connection.
# One that has to connect once more, for a request that was on its way, has
# nothing to tell.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# The answer comes when a worker's next report would have been due.
$t->auth(undef, methods => { 'auth.verify' => sub {
    return later(1.3, reply(undef, meta => { sub => 'late', perm => ['*'] }));
} });
$t->backend('analytics', sub { '{}' });
$t->config(workers => 1);
$t->run();

sub notices {
    return map { $_->{params} } grep { $_->{method} eq 'auth.refusals' }
        $t->backend_events('auth', 'notify');
}

my ($head, $tail) = Test::Wizdata::build('GET', '/v1/bars?symbol=A', key => wd_apikey())
    =~ /^(.{20})(.*)$/s;
my $c = client();
$c->send($head);
is(get('/v1/bars?symbol=A', key => undef)->status, 401, 'refused');

$t->reload;
$t->wait_for('the old worker has told of it', sub { notices() });
$c->send($tail);
is($c->response->status, 200, 'a request that was on its way is answered');
is_deeply([ map { scalar @{ $_->[0] } } notices() ], [1], 'told once');
