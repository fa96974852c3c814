#!/usr/bin/perl

# All requests of one turn of the event loop leave in one write. The worker is
# stopped while they arrive, so that they are one turn when it goes on.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { '{}' });
$t->run();

my $path = '/v1/bars?symbol=IBM';
my $n = 50;

# Connections that are accepted, with the key's verdict in the cache.
my @c = map { client() } 1 .. $n;
$_->get($path) for @c;

my ($worker) = $t->workers;
my $before = () = $t->backend_events('analytics', 'read');

kill 'STOP', $worker;
$t->poll(sub { stopped($worker) });
$_->send_request('GET', $path, keepalive => 1) for @c;
kill 'CONT', $worker;

is(join(' ', map { $_->response->status } @c), join(' ', (200) x $n),
    'all are answered');

my @reads = $t->backend_events('analytics', 'read');
@reads = @reads[ $before .. $#reads ];
my ($most) = sort { $b <=> $a } map { $_->{requests} } @reads;
cmp_ok(@reads, '<=', 5, "$n requests in few reads");
cmp_ok($most, '>=', $n / 2, 'most of them in one');
is(scalar(() = $t->backend_events('analytics', 'connect')), 1,
    'over one connection');

# Pipelined by one client: answered in order.
my $c = client();
$c->send(join '', map { Test::Wizdata::build('GET', "/v1/bars?symbol=S$_",
    keepalive => 1) } 1 .. 20);
is(join(' ', map { $c->response->status } 1 .. 20), join(' ', (200) x 20),
    'twenty pipelined requests');

sub stopped {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/stat" or return;
    return <$fh> =~ /\) T/;
}
