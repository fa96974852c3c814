#!/usr/bin/perl

# An endpoint whose calls fail is left alone for a while, by all workers;
# then a few calls try it. Never more than half of the endpoints, never the
# last. Retries have a budget.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# What a backend does is set by the test: "fail" with a code, or "die".
my $answer = sub {
    my ($name) = @_;
    return sub {
        my ($req) = @_;
        my $fail = $req->{backend}{fail};
        return reply($name) unless defined $fail;
        return hangup() if $fail eq 'die';
        return ignore() if $fail eq 'hang';
        return error_reply($fail, 'set by the test');
    };
};

$t->backend('analytics', $answer->('a'));
$t->backend('analytics.b', $answer->('b'));
$t->backend('processing', $answer->('p'));
$t->backend('ingestion', $answer->('i'));
$t->backend('ingestion.b', $answer->('j'));

# health_interval=off: only what calls tell opens and closes here; outlier=off:
# and only by errors, however slow the machine. Nor does a call take too long
# before one hangs.
$t->service('analytics', 'breaker=50% breaker_volume=5 breaker_window=2s'
    . ' breaker_open=300ms breaker_open_max=600ms slow_start=off'
    . ' outlier=off health_interval=off');
$t->service('processing', 'breaker_volume=5 health_interval=off');
$t->service('ingestion', 'breaker=off retry_budget=20% health_interval=off');
$t->service('auth', 'throttle=on breaker_volume=5 breaker_window=2s');
$t->auth($answer->('u'));
$t->config(workers => 2, http => 'wizdata_timeout bars.query 8s;');
$t->run();

my @names = qw/ analytics analytics.b /;
my $path = '/v1/bars?symbol=A';

sub metric {
    my ($name, $service) = @_;
    my $text = get('/metrics', key => undef)->body;
    return $text =~ /^\Q$name\E\{service="$service"\} (\d+)$/m ? $1 : undef;
}

sub set { $t->backend_ctl($_[0], 'set', 'fail', $_[1]) }
sub calls { return scalar(() = $t->backend_requests($_[0], 'bars.query')) }

$t->poll(sub { $t->backend_ctl($_, 'conns') == 2 }) for @names;
$t->wait_for('both are asked', sub { get($path); calls('analytics')
    && calls('analytics.b') });

# ---- error codes of the backend's own fault ----

for my $code (-12, -14, -16, -20, -29) {
    my $opened = metric('wizdata_breaker_opened_total', 'analytics');
    set('analytics', $code);
    $t->wait_for("code $code: taken out", sub {
        get($path);
        return metric('wizdata_breaker_opened_total', 'analytics') > $opened;
    });

    # Whichever worker is asked; at once, before its time is over.
    my $before = calls('analytics');
    my @status = map { get($path)->status } 1 .. 10;
    is(join(' ', @status), join(' ', (200) x 10), "code $code: none fails")
        if calls('analytics') == $before;

    set('analytics', undef);
    my $closed = metric('wizdata_breaker_closed_total', 'analytics');
    $t->wait_for("code $code: taken back", sub {
        get($path);
        return metric('wizdata_breaker_closed_total', 'analytics') > $closed;
    });
}

# ---- not its fault ----

my $opened = metric('wizdata_breaker_opened_total', 'analytics');
for my $code (-1, -2, -5, -11, -24) {
    set($_, $code) for @names;
    get($path) for 1 .. 30;
}
is(metric('wizdata_breaker_opened_total', 'analytics'), $opened,
    'errors that are not the backend\'s own open nothing');
set($_, undef) for @names;

# ---- it dies under calls, it hangs ----

sub timeout {
    my ($time) = @_;
    $t->write_file('nginx.conf', $t->read_file('nginx.conf')
        =~ s/(bars\.query) \w+;/$1 $time;/r);
    $t->renew;
}

for my $how (qw/ die hang /) {
    timeout($how eq 'hang' ? '300ms' : '8s');
    $opened = metric('wizdata_breaker_opened_total', 'analytics');
    set('analytics.b', $how);
    $t->wait_for("$how: taken out", sub {
        my @c = map { client() } 1 .. 5;
        $_->send_request('GET', $path) for @c;
        $_->response for @c;
        return metric('wizdata_breaker_opened_total', 'analytics') > $opened;
    });
    set('analytics.b', undef);
    my $closed = metric('wizdata_breaker_closed_total', 'analytics');
    $t->wait_for("$how: taken back", sub {
        get($path);
        return metric('wizdata_breaker_closed_total', 'analytics') > $closed;
    });
}

# ---- it stays out while probes fail, longer each time ----

timeout('8s');

# Calls that hung are over, and both endpoints answer: else the one that is
# to fail may be the last, which stays in.
$t->wait_for('nothing is in flight', sub {
    metric('wizdata_rpc_in_flight', 'analytics') == 0 });
$t->wait_for('both are well', sub {
    my %seen;
    $seen{ get($path)->body }++ for 1 .. 10;
    return $seen{a} && $seen{b} && get('/metrics', key => undef)->body
        !~ /^wizdata_endpoint_breaker\{service="analytics"[^}]*\} [12]$/m;
});
$opened = metric('wizdata_breaker_opened_total', 'analytics');
set('analytics', -12);
$t->wait_for('opened again and again', sub {
    get($path);
    return metric('wizdata_breaker_opened_total', 'analytics') >= $opened + 3;
});
my $before = calls('analytics');
$opened = metric('wizdata_breaker_opened_total', 'analytics');
my @bad = grep { get($path)->status != 200 } 1 .. 20;

# Three probes each time that it was tried; a slow machine has time for some.
sub probes {
    return 3 * (1 + metric('wizdata_breaker_opened_total', 'analytics')
        - $opened);
}
my $probes = probes();
cmp_ok(scalar(@bad), '<=', $probes,
    'at most the probes meet the failing one');
cmp_ok(calls('analytics') - $before, '<=', $probes, 'of which there are few');

# ---- the other one fails, too: it is the last and goes on ----

set('analytics.b', -12);
my $spared = metric('wizdata_breaker_spared_total', 'analytics');
$t->wait_for('the last one is spared', sub {
    get($path);
    return metric('wizdata_breaker_spared_total', 'analytics') > $spared;
});
$before = calls('analytics.b');
my %status;
$status{ get($path)->status }++ for 1 .. 10;
is(join(' ', keys %status), '500', 'it is asked, and its errors are told');
cmp_ok(calls('analytics.b') - $before, '>=', 5, 'by calls that reach it');
set('analytics.b', undef);
$before = calls('analytics');
@bad = grep { get($path)->status != 200 } 1 .. 10;
cmp_ok(scalar(@bad), '<', 10, 'when it works again, so does the service');
cmp_ok(scalar(@bad), '<=', calls('analytics') - $before,
    'but for probes of the other');
set('analytics', undef);

# ---- one endpoint alone ----

set('processing', -12);
is(join(' ', map { get('/v1/quality')->status } 1 .. 40),
    join(' ', (500) x 40), 'a single endpoint is never taken out');
set('processing', undef);
is(get('/v1/quality')->status, 200, 'works at once');

# ---- the last one, with throttle=on ----

set('auth', -12);
my %users;
$users{ get('/v1/users')->status }++ for 1 .. 100;
cmp_ok($users{503} // 0, '>=', 50, 'throttled: most fail at once');
cmp_ok($users{500} // 0, '>=', 5, 'a trickle reaches it');
is(metric('wizdata_rpc_throttled_total', 'auth'), $users{503}, 'counted');
set('auth', undef);
$t->wait_for('it works again: nothing is refused', sub {
    return 10 == grep { get('/v1/users')->status == 200 } 1 .. 10 });

# ---- reload: what is known stays known ----

set('analytics', -12);
$opened = metric('wizdata_breaker_opened_total', 'analytics');
$t->wait_for('open again and again', sub {
    get($path);
    return metric('wizdata_breaker_opened_total', 'analytics') >= $opened + 4;
});
$t->renew;
$t->poll(sub { get($path)->status == 200 });
$opened = metric('wizdata_breaker_opened_total', 'analytics');
@bad = grep { get($path)->status != 200 } 1 .. 20;
cmp_ok(scalar(@bad), '<=', probes(), 'new workers know that one is out');
set('analytics', undef);

# ---- the budget of retries ----

$t->poll(sub { $t->backend_ctl($_, 'conns') == 2 })
    for qw/ ingestion ingestion.b /;
set($_, 'die') for qw/ ingestion ingestion.b /;
for (1 .. 60) {
    get('/v1/ingest');
}
my $asked = () = $t->backend_requests('ingestion', 'ingest.status');
$asked += () = $t->backend_requests('ingestion.b', 'ingest.status');

# Per worker a stock of 20, then one in five: not twice as many as came.
cmp_ok($asked, '<=', 60 + 2 * 20 + 12, 'an outage is not multiplied');
set($_, undef) for qw/ ingestion ingestion.b /;

# ---- busy here, not there ----

$t->renew;
$t->poll(sub { $t->backend_ctl($_, 'conns') == 2 }) for @names;
set('analytics', -19);
$t->wait_for('the ones before are closed', sub { get($path)->status == 200 });
my @busy = grep { get($path)->status != 200 } 1 .. 20;
is(scalar(@busy), 0, 'a full endpoint: asked once elsewhere');
set('analytics.b', -19);
my $r = get($path);
is_problem($r, 503, 'busy', 'both are full');
like($r->header('retry-after') // '', qr/^[1-9]\d*\z/, 'with Retry-After');
