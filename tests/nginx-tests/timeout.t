#!/usr/bin/perl

# A backend that does not answer: 504 at the deadline, rpc.cancel to the
# backend, and a late answer is nobody's.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = ref $req->{args}{symbol} ? $req->{args}{symbol}[0] : 'OTHER';
    return hold(reply($s, force => 1)) if $s =~ /^HOLD/;
    return ignore() if $s eq 'IGNORE';
    return stream(1_000_000, stall_at => 100_000) if $s eq 'STALL';
    return error_reply(-15, 'too much to compute') if $s eq 'OWN';
    return hold(reply($s)) if $req->{method} eq 'quotes.query';
    return reply($s);
});
$t->config(http => 'wizdata_timeout bars.query 300ms;');
$t->run();

sub path { return "/v1/bars?symbol=$_[0]" }

# An answer that is in time: a machine that stands for 300 ms has none, and is
# asked again.
my $late = 0;
sub in_time {
    my ($ask) = @_;
    my $r;
    $late++ until ($r = $ask->())->status != 504 || $late > 20;
    return $r;
}

my $r = get(path('IGNORE'));
is_problem($r, 504, 'timeout', 'ignored');
my ($call) = $t->backend_requests('analytics');
cmp_ok($call->{ctx}{ms}, '>', 0, 'the backend knew how long');
cmp_ok($call->{ctx}{ms}, '<=', 300, 'as configured');
$t->wait_for('it is told', sub {
    grep { $_->{id} == $call->{id} } $t->backend_events('analytics', 'cancel')
});
is($t->backend_calls('analytics'), 1, 'asked once');

my $own;
$t->poll(sub { $own = get(path('OWN'));
    $own->body =~ /too much to compute/ || !++$late });
is_problem($own, 504, 'timeout', 'the backend gives up by itself',
    qr/too much to compute/);

# ---- the late answer ----

my $c = client();
is($c->get(path('HOLD'))->status, 504, 'too late');
$t->backend_ctl('analytics', 'release');
is(in_time(sub { $c->get(path('NEXT')) })->body, 'NEXT', 'the late answer is not the next one');
is(in_time(sub { get(path('OTHER')) })->body, 'OTHER', 'nor that of another');
is(scalar(() = $t->backend_events('analytics', 'connect')), 1,
    'the connection is kept');

# ---- a body that stops ----

$r = in_time(sub { get(path('STALL')) });
is($r->status, 200, 'a body that stops in the middle');
ok($r->short, 'is cut');
my $stalled = ($t->backend_requests('analytics'))[-1];
$t->wait_for('and the backend is told', sub {
    grep { $_->{id} == $stalled->{id} }
        $t->backend_events('analytics', 'cancel') });

# ---- many, and other methods ----

my @c = map { client() } 1 .. 50;
my $quote = client();
$quote->send_request('GET', '/v1/quotes?symbol=A');
$_->send_request('GET', path('IGNORE')) for @c;
is(join(' ', map { $_->response->status } @c), join(' ', (504) x 50),
    'fifty');
$t->poll(sub { $t->backend_ctl('analytics', 'held') == 1 });
$t->backend_ctl('analytics', 'release');
is($quote->response->body, 'A', 'a method with another timeout still waits');
is((grep { $_->{method} eq 'quotes.query' } $t->backend_requests('analytics'))
    [0]{ctx}{ms} <=> 4000, 1, 'that of the catalogue');
$t->wait_for('every one was cancelled', sub {
    53 + $late == (() = $t->backend_events('analytics', 'cancel')) });
