#!/usr/bin/perl

# Backends that go and come: a restart, one that appears late, one that says
# it is going away.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

sub who {
    my ($name) = @_;
    return sub {
        my ($req) = @_;
        my $s = $req->{args}{symbol};
        $s = $s->[0] if ref $s;
        return ($s // '') =~ /^HOLD/ ? hold(reply("$name $s")) : reply($name);
    };
}

$t->backend('analytics', who('a'));
$t->backend('analytics.b', who('b'), later => 1);
$t->backend('ingestion', sub { '{}' }, later => 1);
$t->config(http => 'wizdata_timeout bars.query 2s;'
    . ' wizdata_timeout ingest.status 500ms;');
$t->run();

my $path = '/v1/bars?symbol=IBM';

sub connects { return scalar(() = $t->backend_events($_[0], 'connect')) }
sub closes { return scalar(() = $t->backend_events($_[0], 'close')) }

# ---- nginx starts before a backend does ----

is_problem(get('/v1/ingest'), 503, 'unavailable', 'not there yet');
$t->backend_start('ingestion');
$t->wait_for('it appears', sub { get('/v1/ingest')->status == 200 });

# ---- restarts ----

$t->wait_for('one endpoint of two', sub { get($path)->body eq 'a' });
for my $n (1 .. 3) {
    $t->renew;
    $t->wait_for("running $n", sub { get($path)->body eq 'a' });
    $t->backend_stop('analytics');
    like(get($path)->status, qr/^50[234]$/, "stopped $n");
    $t->backend_start('analytics');
    $t->wait_for("started $n", sub { get($path)->body eq 'a' });
}

# A client that keeps its connection sees nothing but answers of its own.
my $c = client();
is($c->get($path)->body, 'a', 'a client connection');
$t->backend_ctl('analytics', 'close');
$t->wait_for('outlives the connection to the backend',
    sub { $c->get($path)->body eq 'a' });

# ---- sys.goaway, with another endpoint to go to ----

$t->backend_start('analytics.b');
$t->renew;
$t->wait_for('the second endpoint is used', sub {
    my @c = map { client() } 1 .. 4;
    $_->send_request('GET', '/v1/bars?symbol=HOLD') for @c;
    my $ok = $t->poll(sub { 4 == $t->backend_ctl('analytics', 'held')
        + $t->backend_ctl('analytics.b', 'held') });
    my $both = $t->backend_ctl('analytics.b', 'held')
        && $t->backend_ctl('analytics', 'held');
    $t->backend_ctl($_, 'release') for qw/ analytics analytics.b /;
    $_->response for @c;
    return $ok && $both;
});

my @c = map { client() } 1 .. 6;
$c[$_]->send_request('GET', "/v1/bars?symbol=HOLD$_") for 0 .. 5;
$t->poll(sub { 6 == $t->backend_ctl('analytics', 'held')
    + $t->backend_ctl('analytics.b', 'held') });
my $held = $t->backend_ctl('analytics', 'held');
cmp_ok($held, '>=', 2, 'the endpoint that will go has work');

my $closes = closes('analytics');
my ($conn) = map { $_->{c} } reverse $t->backend_events('analytics',
    'connect');
$t->backend_ctl('analytics', 'notify', 'sys.goaway', []);
# Its next answer shows that what was sent before it has been read.
$t->backend_ctl('analytics', 'release', 1);
$t->poll(sub { IO::Select->new(map { $_->{fh} } @c)->can_read(0.01) });

my $before = $t->backend_requests('analytics');
# By the other endpoint, or by this one over a new connection: it still
# listens, and a slow machine gives the gateway the time to reconnect.
like(join(' ', map { get($path)->body } 1 .. 10), qr/^[ab](?: [ab]){9}\z/,
    'after goaway requests are answered elsewhere');
is(scalar(grep { $_->{c} == $conn } ($t->backend_requests('analytics'))
    [ $before .. $t->backend_requests('analytics') - 1 ]), 0,
    'nothing new comes over the connection that goes');
is(closes('analytics'), $closes, 'it is kept for those in flight');
is($t->backend_ctl('analytics', 'held'), $held - 1, 'which are still there');

$t->backend_ctl('analytics', 'release');
$t->wait_for('when they are answered, it is closed',
    sub { closes('analytics') > $closes });
$t->backend_ctl('analytics.b', 'release');
is(join(' ', map { $c[$_]->response->body =~ /^[ab] HOLD$_$/ ? 'ok' : 'bad' }
    0 .. 5), join(' ', ('ok') x 6), 'all were answered');

# ---- sys.goaway of the only endpoint: a new connection to it ----

$t->backend_stop('analytics.b');
$t->renew;
$t->wait_for('one endpoint is left', sub { get($path)->body eq 'a' });
my $one = client();
$one->send_request('GET', '/v1/bars?symbol=HOLD');
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 1 });
$before = connects('analytics');
$t->backend_ctl('analytics', 'notify', 'sys.goaway', []);
$t->wait_for('goaway of the only endpoint: answered',
    sub { get($path)->body eq 'a' });
$t->backend_ctl('analytics', 'release');
is($one->response->body, 'a HOLD', 'the one in flight, too');
$t->wait_for('over a new connection',
    sub { connects('analytics') > $before });

# Idle: closed and opened again, nobody notices.
for (1 .. 3) {
    $closes = closes('analytics');
    $t->backend_ctl('analytics', 'notify', 'sys.goaway', []);
    $t->wait_for('goaway of an idle one: closed',
        sub { closes('analytics') > $closes });
    is(get($path)->status, 200, 'and no request fails');
}
