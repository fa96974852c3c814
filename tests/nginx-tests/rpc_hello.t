#!/usr/bin/perl

# The opening of a connection: what a caller does when the other side says no
# hello, a wrong one, or never reads.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $v1 = { v => 1, service => 'analytics', instance => 'test' };
my $good = frame_notify('sys.hello', [$v1]);

my @table = (
    [ 'version 2', frame_notify('sys.hello', [ { %$v1, v => 2 } ]) ],
    [ 'version 0', frame_notify('sys.hello', [ { %$v1, v => 0 } ]) ],
    [ 'version as text', frame_notify('sys.hello', [ { %$v1, v => '1' } ]) ],
    [ 'no version', frame_notify('sys.hello', [ { service => 'analytics',
        instance => 'x' } ]) ],
    [ 'no map', frame_notify('sys.hello', [5]) ],
    [ 'nothing in it', frame_notify('sys.hello', []) ],
    [ 'another notification first', frame_notify('auth.beat', [1]) . $good ],
    [ 'a response first', frame_response(1, 200, {}, 'x') . $good ],
    [ 'garbage', "\xc1\xc1\xc1\xc1" ],
    [ 'HTTP', "HTTP/1.1 400 Bad Request\r\n\r\n" ],
    # Last, because it takes the two seconds of the protocol.
    [ 'no hello', '' ],
);

$t->backend('analytics', sub { '{"fine":true}' }, hello => $good);
$t->backend('ingestion', sub { '{"other":true}' });
$t->config(http => 'wizdata_timeout bars.query 500ms;');
$t->run();

my $path = '/v1/bars?symbol=IBM';

sub closes { return scalar(() = $t->backend_events('analytics', 'close')) }

$t->wait_for('a proper hello',
    sub { get($path)->body eq '{"fine":true}' });

my ($hello) = $t->backend_events('analytics', 'hello');
is($hello->{v}, 1, 'version of the gateway');
is($hello->{service}, 'gateway', 'its name');
ok(length $hello->{instance}, 'its instance');

for my $case (@table) {
    my ($name, $bytes) = @$case;

    # A fresh worker, that has no reason yet to be slow in trying again.
    $t->backend_ctl('analytics', 'set', 'hello', $bytes);
    $t->renew;
    my $before = closes();
    $t->wait_for("$name: the gateway closes", sub { closes() > $before });

    my $r = get($path);
    like($r->status, qr/^50[234]$/, "$name: refused");
    like($r->header('content-type') // '', qr{^application/problem\+json},
        "$name: as a problem");

    # The connection that is being made now may still get the bad one.
    $t->backend_ctl('analytics', 'set', 'hello', $good);
    $t->wait_for("$name: works again",
        sub { get($path)->body eq '{"fine":true}' });
}

$t->renew;
my ($worker) = $t->workers;

# Further keys are skipped, and the hello may come in pieces.
my $more = frame_notify('sys.hello', [ { %$v1, caps => [ 1, { a => 2 } ],
    ext => mp_ext(3, 'x') } ]);
$t->backend_ctl('analytics', 'set', 'hello', $more);
$t->backend_ctl('analytics', 'close');
$t->wait_for('a hello with more in it',
    sub { get($path)->body eq '{"fine":true}' });

# ---- a backend that never reads ----

$t->backend_stop('analytics');
$t->{backends}{analytics}{deaf} = 1;
$t->{backends}{analytics}{hello} = undef;
$t->backend_start('analytics');
my $connects = () = $t->backend_events('analytics', 'connect');
$t->poll(sub {
    $connects < (() = $t->backend_events('analytics', 'connect')) });

# More than the socket's buffer takes.
my @c = map { client() } 1 .. 100;
my $long = "/v1/instruments?q=" . 'x' x 64 . '&cursor=' . 'c' x 500;
$_->send_request('GET', "$long&exchange=" . 'e' x 32) for @c;
$_->send_request('GET', $path) for my @d = map { client() } 1 .. 100;

is(get('/v1/providers')->body, '{"other":true}',
    'other services are not held up');
is(join(' ', grep { !/^50[34]$/ } map { $_->response->status } @d), '',
    'requests to it time out or are refused');
$_->reset for @c;

$t->backend_stop('analytics');
$t->{backends}{analytics}{deaf} = 0;
$t->backend_start('analytics');
$t->wait_for('and it is replaced by one that reads',
    sub { get($path)->body eq '{"fine":true}' });
is(join(' ', $t->workers), $worker, 'the worker is still the same');
