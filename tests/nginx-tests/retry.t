#!/usr/bin/perl

# A backend that dies before it answers: an idempotent request is sent once
# more, anything else is a 502 and never sent twice.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# What a request does depends on how often it was seen, by its id.
sub dies {
    my ($name) = @_;
    return sub {
        my ($req) = @_;

        my $s = $req->{args}{symbol};
        $s = ref $s ? $s->[0] : $s // '';
        return hangup() if $s eq 'ALWAYS';
        return hangup() if $s eq 'ONCE' && !$req->{backend}{seen}++;
        return (raw("\x94"), hangup()) if $s eq 'FIRSTBYTE'
            && !$req->{backend}{seen}++;
        return hangup() if $s eq 'DIE-' . uc $name;
        return hold(reply($name)) if $s eq 'HOLD';
        return reply($name);
    };
}

$t->backend('analytics', dies('a'));
$t->backend('analytics.b', dies('b'));
$t->backend('ingestion', dies('a'));
$t->backend('ingestion.b', dies('b'));
$t->backend('processing', sub { hangup() });
# Where nobody is there to answer, one should not wait for long.
$t->config(http => 'wizdata_timeout instruments.search 500ms;');
$t->run();

sub seen {
    my ($id, @names) = @_;
    return map { my $n = $_; map { $n } grep { $_->{ctx}{id} eq $id }
        $t->backend_requests($n) } @names;
}

sub both_up {
    my ($service) = @_;
    $t->poll(sub {
        $t->backend_ctl($service, 'conns') && $t->backend_ctl("$service.b",
            'conns') });
}

my @analytics = qw/ analytics analytics.b /;
my @ingestion = qw/ ingestion ingestion.b /;

# ---- GET: the other endpoint answers ----

for my $who (qw/ a b /) {
    my $name = $who eq 'a' ? 'analytics' : 'analytics.b';
    my (%status, @twice);

    # Until the one that dies was chosen first.
    $t->poll(sub {
        both_up('analytics');
        my $r = get("/v1/bars?symbol=DIE-$who");
        $status{ $r->status }++;
        @twice = seen($r->header('x-request-id'), @analytics);
        return @twice == 2 || $r->status != 200;
    });
    is(join(' ', keys %status), '200', "endpoint $who dies: no GET fails");
    is(join(' ', sort @twice), 'analytics analytics.b',
        'it was sent to each once');
}

# Several in flight on the connection that dies.
both_up('analytics');
my @c = map { client() } 1 .. 20;
$_->send_request('GET', '/v1/bars?symbol=HOLD') for @c;
$t->poll(sub { 20 == $t->backend_ctl('analytics', 'held')
    + $t->backend_ctl('analytics.b', 'held') });
my $moved = $t->backend_ctl('analytics', 'held');
cmp_ok($moved, '>', 0, 'some are with one endpoint');
$t->backend_ctl('analytics', 'close');
$t->poll(sub { 20 == $t->backend_ctl('analytics', 'held')
    + $t->backend_ctl('analytics.b', 'held') });
$t->backend_ctl($_, 'release') for @analytics;
is(join(' ', map { $_->response->status } @c), join(' ', (200) x 20),
    'all are answered');

# ---- GET: once more, not for ever ----

both_up('analytics');
my $r = get('/v1/bars?symbol=ALWAYS');
is_problem($r, 502, 'bad-gateway', 'both die');
is(scalar(seen($r->header('x-request-id'), @analytics)), 2, 'sent twice');

# ---- POST: never twice ----

my $body = { provider => 'alphavantage', dataset => 'daily' };
my @once;
$t->poll(sub {
    both_up('ingestion');
    $r = post('/v1/ingest', { %$body, symbol => 'DIE-a' });
    @once = seen($r->header('x-request-id'), @ingestion);
    return $once[0] eq 'ingestion';
});
is_problem($r, 502, 'bad-gateway', 'a POST whose backend dies');
is("@once", 'ingestion', 'is not sent again');

both_up('ingestion');
$r = get('/v1/ingest');
is($r->status, 200, 'the service goes on');

# ---- one endpoint only: reconnect within the deadline ----

$r = get('/v1/quality');
is_problem($r, 502, 'bad-gateway', 'one endpoint that always dies');
is(scalar(seen($r->header('x-request-id'), 'processing')), 2, 'sent twice');

$t->backend_stop('analytics.b');
$t->poll(sub { $t->backend_ctl('analytics', 'conns') });
$t->wait_for('the one endpoint left works',
    sub { get('/v1/bars?symbol=X')->status == 200 });
$r = get('/v1/bars?symbol=ONCE');
is($r->status, 200, 'it dies once: asked again after a reconnect');
is(scalar(seen($r->header('x-request-id'), 'analytics')), 2, 'sent twice');

# ---- nobody is there ----

$t->backend_stop('analytics');
$t->wait_for('no endpoint is left: refused', sub {
    get('/v1/instruments?q=X')->status =~ /^50[234]$/ });
$r = get('/v1/instruments?q=X');
is_problem($r, 503, 'unavailable', 'as unavailable');
like($r->header('retry-after') // '', qr/^\d+$/, 'with Retry-After');
is(get('/v1/ingest')->status, 200, 'other services work');

$t->backend_start('analytics');
$t->wait_for('it is back', sub { get('/v1/instruments?q=X')->status == 200 });
