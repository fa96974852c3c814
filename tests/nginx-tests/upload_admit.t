#!/usr/bin/perl

# Uploads and the cap of a service: one is in flight as long as its client
# sends; those that wait are not asked for their bodies before it is their
# turn; a plan bounds how many somebody may have at a time.

use warnings;
use strict;

use IO::Select;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('ingestion', sub { receive() });
$t->service('ingestion', 'max_inflight=2 reserve=off queue=2'
    . ' queue_timeout=20s shed_target=10s shed_interval=60s'
    . ' health_interval=off');
$t->config(http => 'wizdata_timeout ingest.push 60s; lingering_timeout 1s;'
        . ' wizdata_plan few rate=1000/s burst=1000 concurrency=1;',
    location => 'client_max_body_size 1g; wizdata_limit on;');
my $few = $t->add_key(perm => ['*'], plan => 'few');
$t->run();

sub metric {
    my ($name) = @_;

    my $text = get('/metrics', key => undef)->body;
    return $text =~ /^\Q$name\E\{service="ingestion"\} (\d+)$/m ? $1 : 0;
}

# Asks for leave to send a body of 1000 bytes.
sub ask {
    my ($key) = @_;

    my $c = client();
    $c->send(join "\r\n", 'POST /v1/ingest/bars HTTP/1.1', 'Host: localhost',
        'X-API-Key: ' . ($key || $t->key), 'Content-Type: text/csv',
        'Expect: 100-continue', 'Content-Length: 1000', '', '');
    return $c;
}

sub heard { return IO::Select->new($_[0]{fh})->can_read(0) ? 1 : 0 }

my @c = map { ask() } 1 .. 2;
is($_->response->status, 100, 'asked for its body') for @c;
is(metric('wizdata_rpc_in_flight'), 2, 'they are in flight');

my @waiting = map { ask() } 1 .. 2;
$t->wait_for('two more wait', sub { metric('wizdata_service_queue') == 2 });
my $over = ask();
is_problem($over->response, 503, 'busy', 'the queue is full: refused');
is(join(' ', map { heard($_) } @waiting), '0 0',
    'those who wait are not asked for anything');
is($t->backend_calls('ingestion'), 2, 'nor is the service');

$c[0]->send('x' x 1000);
is($c[0]->response->status, 200, 'one ends');
is($waiting[0]->response->status, 100, 'the first of those who wait begins');
is(heard($waiting[1]), 0, 'the second does not yet');

$waiting[1]->reset;
$t->wait_for('who leaves waits no more', sub {
    metric('wizdata_service_queue') == 0 });
$c[1]->reset;
$waiting[0]->send('x' x 1000);
is($waiting[0]->response->status, 200, 'the other ends');
$t->wait_for('nothing is in flight', sub {
    metric('wizdata_rpc_in_flight') == 0 });
is($t->backend_calls('ingestion'), 3, 'who left was never asked about');

# ---- one at a time ----

my $first = ask($few);
is($first->response->status, 100, 'a plan with one place');
is_problem(ask($few)->response, 429, 'rate-limited', 'has one');
$first->send('x' x 1000);
is($first->response->status, 200, 'it ends');
my $next;
$t->poll(sub { $next = ask($few); $next->response->status == 100 });
$next->send('x' x 1000);
is($next->response->status, 200, 'and the next begins');
