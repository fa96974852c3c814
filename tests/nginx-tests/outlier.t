#!/usr/bin/perl

# An endpoint that is much slower than the others is taken out, by all
# workers; when all are slow, nobody is.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $answer = sub {
    my ($name) = @_;
    return sub {
        my ($req) = @_;
        my $s = $req->{backend}{slow};
        return $s ? later($s, reply($name)) : reply($name);
    };
};
my @names = qw/ analytics analytics.b analytics.c /;
$t->backend($_, $answer->($_)) for @names;
$t->backend($_, $answer->($_)) for qw/ ingestion ingestion.b /;
$t->service('analytics', 'outlier=3 breaker_volume=10 breaker_window=4s'
    . ' breaker_open=400ms'
    . ' breaker_open_max=400ms slow_start=off health_interval=off');
$t->service('ingestion', 'outlier=off breaker_latency=100ms breaker_volume=10'
    . ' health_interval=off');
$t->config(workers => 2);
$t->run();

my $path = '/v1/bars?symbol=A';

sub metric {
    my ($name, $service) = @_;
    my $text = get('/metrics', key => undef)->body;
    return $text =~ /^\Q$name\E\{service="$service"\} (\d+)$/m ? $1 : undef;
}

sub load {
    my ($path, $n) = @_;
    my @c = map { client() } 1 .. $n;
    $_->send_request('GET', $path) for @c;
    return map { $_->response } @c;
}

sub set { $t->backend_ctl($_[0], 'set', 'slow', $_[1]) }
for my $name (@names, qw/ ingestion ingestion.b /) {
    $t->poll(sub { $t->backend_ctl($name, 'conns') == 2 });
}

# ---- one of three ----

load($path, 6) for 1 .. 5;
is(metric('wizdata_breaker_opened_total', 'analytics'), 0,
    'equal ones stay');

set('analytics.c', 0.3);
$t->wait_for('the slow one is taken out', sub {
    load($path, 6);
    return metric('wizdata_breaker_opened_total', 'analytics') >= 1;
});
my %seen;
$seen{ $_->body }++ for map { load($path, 2) } 1 .. 10;
cmp_ok($seen{'analytics.c'} // 0, '<=', 6, 'and asked by probes at most');

# Its probes are slow as well: it stays out.
my $opened = metric('wizdata_breaker_opened_total', 'analytics');
my $closed = metric('wizdata_breaker_closed_total', 'analytics');
$t->wait_for('a slow probe opens it again', sub {
    get($path);
    return metric('wizdata_breaker_opened_total', 'analytics') > $opened;
});
is(metric('wizdata_breaker_closed_total', 'analytics'), $closed,
    'not closed meanwhile');

set('analytics.c', undef);
$t->wait_for('fast again: taken back', sub {
    get($path);
    return metric('wizdata_breaker_closed_total', 'analytics') > $closed;
});
$t->wait_for('and asked',
    sub { grep { $_->body eq 'analytics.c' } load($path, 6) });

# ---- all of them ----

$opened = metric('wizdata_breaker_opened_total', 'analytics');
set($_, 0.15) for @names;
load($path, 12) for 1 .. 8;
set($_, undef) for @names;
is(metric('wizdata_breaker_opened_total', 'analytics'), $opened,
    'when all are slow, nobody stands out');

# ---- an absolute limit, and the last one ----

set($_, 0.2) for qw/ ingestion ingestion.b /;
$t->wait_for('one of two is taken out', sub {
    load('/v1/ingest', 6);
    return metric('wizdata_breaker_opened_total', 'ingestion') >= 1;
});
load('/v1/ingest', 12) for 1 .. 4;
my $m = prometheus_parse(get('/metrics', key => undef)->body);
my @closed = grep { $_->{labels}{service} eq 'ingestion' && $_->{value} == 0 }
    @{ $m->{wizdata_endpoint_breaker}{samples} };
is(scalar(@closed), 1, 'the other one stays, slow as it is');
cmp_ok(metric('wizdata_breaker_spared_total', 'ingestion'), '>', 0,
    'it was spared');
is(join(' ', map { $_->status } load('/v1/ingest', 4)), '200 200 200 200',
    'and answers');
