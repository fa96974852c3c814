#!/usr/bin/perl

# An endpoint that returns from an outage gets its share little by little; a
# service that returns is noticed at once, not after a back-off.

use warnings;
use strict;

use Test::Wizdata;
use Time::HiRes qw/ time /;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $hold = sub { my ($n) = @_; return sub { hold(reply($n)) } };
my @names = qw/ analytics analytics.b /;
$t->backend($_, $hold->($_)) for @names;
$t->backend('ingestion', sub { reply('i') });
$t->service('analytics', 'slow_start=60s breaker=off health_interval=off');
$t->config(workers => 2, http => 'wizdata_timeout bars.query 20s;');
$t->run();

my $path = '/v1/bars?symbol=A';

sub held { return map { $t->backend_ctl($_, 'held') } @names }
sub hold_n {
    my ($n) = @_;
    my @c;
    for my $i (1 .. $n) {
        push @c, my $c = client();
        $c->send_request('GET', $path);
        $t->poll(sub { my ($a, $b) = held(); $a + $b >= $i });
    }
    return @c;
}

sub release_all {
    $t->backend_ctl($_, 'release') for @names;
    $_->response for @_;
}

sub weight {
    my $m = prometheus_parse(get('/metrics', key => undef)->body);
    my ($s) = grep { $_->{labels}{address} =~ m{/analytics\.b\.sock$} }
        @{ $m->{wizdata_endpoint_weight_percent}{samples} };
    return $s->{value};
}

for my $name (@names) {
    $t->poll(sub { $t->backend_ctl($name, 'conns') == 2 });
}
my @c = hold_n(12);
is(join(' ', held()), '6 6', 'over both workers: half for each');
is(weight(), 100, 'at first the full share');
release_all(@c);

# ---- one was away ----

$t->backend_stop('analytics.b');
$t->wait_for('the outage is seen', sub {
    my $m = prometheus_parse(get('/metrics', key => undef)->body);
    return grep { $_->{value} == 4 && $_->{labels}{address} =~ /b\.sock/ }
        @{ $m->{wizdata_endpoint_health}{samples} };
});
$t->backend_start('analytics.b');
$t->poll(sub { $t->backend_ctl('analytics.b', 'conns') == 2 });
my $w = weight();
cmp_ok($w, '<', 40, 'a small share at first');

@c = hold_n(12);
my ($old, $new) = held();
cmp_ok($new, '<', 6, 'it gets fewer calls than the other');
cmp_ok($old, '>', 6, 'which takes the rest');
release_all(@c);
$t->wait_for('the share grows', sub { weight() > $w });

# ---- the whole service was away ----

# Long enough for the back-off to grow: 5 seconds between two attempts.
$t->backend_stop('ingestion');
my $from = time();
$t->poll(sub { get('/v1/ingest')->status == 503 && time() - $from > 5 });
my $r = get('/v1/ingest');
is_problem($r, 503, 'unavailable', 'down for a while');
is($r->header('retry-after'), 1, 'try again in a second');

$t->backend_start('ingestion');
my $back = time();
$t->wait_for('a request after it finds it',
    sub { get('/v1/ingest')->status == 200 });
my $took = time() - $back;
cmp_ok($took, '<', 2.5, 'not after the back-off') or diag($took);

# In every worker.
is(join(' ', map { get('/v1/ingest')->status } 1 .. 20),
    join(' ', (200) x 20), 'whichever worker is asked');
