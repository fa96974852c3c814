#!/usr/bin/perl

# A backend stops in the middle of a frame, and everything that it says
# afterwards becomes a part of that: the connection is replaced, and what was
# asked there is asked once more.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# A notification of 100,000 bytes, of which some come.
my $half = substr frame_notify('x', [ mp_bin('x' x 100_000) ]), 0, 10_000;

$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0];
    return '{"fine":true}' if $s ne 'HALF' || $req->{backend}{said}++;
    return (raw($half), '{"lost":true}');
});
$t->config(workers => 1);
$t->run();

sub hellos { return scalar $t->backend_events('analytics', 'hello') }

is(get('/v1/bars?symbol=A')->status, 200, 'an answer');
is(hellos(), 1, 'a connection');

my $r = get('/v1/bars?symbol=HALF');
is($r->status, 200, 'what was asked there is answered');
is_deeply($r->json, { fine => mp_true }, 'by a new connection');
is(hellos(), 2, 'which is one');
is($t->backend_calls('analytics', 'bars.query'), 3, 'asked once more');
like($t->read_file('error.log'), qr/analytics at \S+ is down: unfinished frame/,
    'the reason');
is(get('/v1/bars?symbol=A')->status, 200, 'and on');

# One that is slow, but comes to its end, is none of those.
$t->backend_ctl('analytics', 'raw', $half);
$t->backend_ctl('analytics', 'raw', substr frame_notify('x',
    [ mp_bin('x' x 100_000) ]), 10_000);
is(get('/v1/bars?symbol=A')->status, 200, 'a frame in two pieces');
is(hellos(), 2, 'is no reason');
