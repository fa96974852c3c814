#!/usr/bin/perl

# Several endpoints of a service: the one with the fewest requests in flight
# is asked. Unix and TCP. A cap on what may be in flight.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $answer = sub {
    my ($req) = @_;
    return ($req->{args}{symbol}[0] // '') =~ /^HOLD/ ? hold('held') : 'now';
};

$t->backend('analytics', $answer);
$t->backend('analytics.b', $answer, listen => '127.0.0.1:' . port(8091));
$t->backend('analytics.c', $answer);
$t->backend('ingestion', sub { hold('{}') },
    listen => '127.0.0.1:' . port(8092));
$t->service('ingestion', 'max_inflight=4');
$t->run();

my @names = qw/ analytics analytics.b analytics.c /;

sub held { return map { $t->backend_ctl($_, 'held') } @names }
sub sum { my $n = 0; $n += $_ for @_; return $n }

# Sends n requests that are held, one after the other.
sub hold_more {
    my ($n) = @_;

    my @c;
    for (1 .. $n) {
        my $before = sum(held());
        push @c, my $c = client();
        $c->send_request('GET', '/v1/bars?symbol=HOLD');
        $t->poll(sub { sum(held()) > $before });
    }
    return @c;
}

sub release_all {
    my (@c) = @_;

    $t->backend_ctl($_, 'release') for @names;
    return join ' ', map { $_->response->body } @c;
}

# Until all three are known to be connected.
$t->wait_for('every endpoint is used', sub {
    my @c = hold_more(6);
    my $ok = 3 == grep { $_ > 0 } held();
    release_all(@c);
    return $ok;
});

my @c = hold_more(9);
is(join(' ', held()), '3 3 3', 'nine requests over three endpoints');

# One becomes free: what comes next goes there.
$t->backend_ctl('analytics.b', 'release');
$t->poll(sub { 3 == grep { IO::Select->new($_->{fh})->can_read(0) } @c });
push @c, hold_more(3);
is(join(' ', held()), '3 3 3', 'the one with the fewest in flight is asked');
is(release_all(@c), join(' ', ('held') x 12), 'all are answered');

# One is gone: the others take over.
$t->backend_stop('analytics.c');
pop @names;
$t->wait_for('one endpoint less', sub {
    my @c = hold_more(4);
    my $ok = join(' ', held()) eq '2 2';
    return release_all(@c) eq join(' ', ('held') x 4) && $ok;
});

# ---- the cap ----

my $path = '/v1/ingest';

# Its connection may come later than those of the other service.
$t->wait_for('the service is connected', sub {
    my $first = client();
    $first->send_request('GET', $path);
    $t->poll(sub {
        $t->backend_ctl('ingestion', 'held') == 1
            || IO::Select->new($first->{fh})->can_read(0);
    });
    $t->backend_ctl('ingestion', 'release');
    return $first->response->status == 200;
});
@c = map { client() } 1 .. 4;
$_->send_request('GET', $path) for @c;
$t->poll(sub { $t->backend_ctl('ingestion', 'held') == 4 });

my $r = get($path);
is_problem($r, 503, 'busy', 'one more than the cap');
like($r->header('retry-after') // '', qr/^[1-9]\d*$/, 'when to try again');
is($t->backend_ctl('ingestion', 'held'), 4, 'the backend does not see it');
is(get('/v1/bars?symbol=A')->status, 200, 'other services are not touched');

$t->backend_ctl('ingestion', 'release', 1);
$t->poll(sub { grep { IO::Select->new($_->{fh})->can_read(0) } @c });
push @c, my $more = client();
$more->send_request('GET', $path);
$t->wait_for('one is over: one may come',
    sub { $t->backend_ctl('ingestion', 'held') == 4 });
$t->backend_ctl('ingestion', 'release');
is(join(' ', map { $_->response->status } @c), '200 200 200 200 200',
    'all are answered');

# What is cancelled counts no more.
@c = map { client() } 1 .. 4;
$_->send_request('GET', $path) for @c;
$t->poll(sub { $t->backend_ctl('ingestion', 'held') == 4 });
my $cancels = () = $t->backend_events('ingestion', 'cancel');
$_->reset for @c;
$t->poll(sub { $cancels + 4 <= (() = $t->backend_events('ingestion',
    'cancel')) });
$t->backend_ctl('ingestion', 'release');
my $last = client();
$last->send_request('GET', $path);
$t->wait_for('clients that left make room',
    sub { $t->backend_ctl('ingestion', 'held') == 1 });
$t->backend_ctl('ingestion', 'release');
is($last->response->status, 200, 'answered');
