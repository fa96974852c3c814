#!/usr/bin/perl

# /metrics: the names that dashboards rely on, really counted, with labels of
# bounded number; the backends' own families merged into one valid text.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

sub metrics {
    my ($text) = @_;
    return sub { my $b = $_[0]{backend}; reply($b->{text} // $text) };
}

# The same families from two backends, in another order, one of them only
# here; and a histogram.
$t->backend('analytics', sub {
    my $s = $_[0]{args}{symbol};
    return error_reply(-12, 'x') if ref $s && $s->[0] eq 'FAIL';
    return '{}';
}, methods => { 'sys.metrics' => metrics(<<'EOF') });
# HELP process_uptime_seconds Seconds since the start.
# TYPE process_uptime_seconds gauge
process_uptime_seconds{service="analytics"} 12.5
# HELP database_operations_total Statements by kind and outcome.
# TYPE database_operations_total counter
database_operations_total{operation="select",table="bar",status="ok"} 41
# HELP query_seconds Time of queries.
# TYPE query_seconds histogram
query_seconds_bucket{service="analytics",le="0.1"} 1
query_seconds_bucket{service="analytics",le="+Inf"} 2
query_seconds_sum{service="analytics"} 0.5
query_seconds_count{service="analytics"} 2
EOF
$t->backend('ingestion', sub { '{}' }, methods => {
    'sys.metrics' => metrics(<<'EOF') });
# HELP external_api_calls_total Calls of providers.
# TYPE external_api_calls_total counter
external_api_calls_total{provider="alphavantage",endpoint="daily",status="ok"} 3
# HELP query_seconds Time of queries.
# TYPE query_seconds histogram
query_seconds_bucket{service="ingestion",le="0.1"} 0
query_seconds_bucket{service="ingestion",le="+Inf"} 1
query_seconds_sum{service="ingestion"} 2
query_seconds_count{service="ingestion"} 1
# HELP process_uptime_seconds Seconds since the start.
# TYPE process_uptime_seconds gauge
process_uptime_seconds{service="ingestion"} 7
EOF
$t->auth(undef, methods => { 'sys.metrics' => sub {
    error_reply(-12, 'no metrics today') } });
$t->config(workers => 2, http => 'wizdata_timeout sys.metrics 500ms;');
$t->run();

sub scrape {
    my ($name) = @_;

    my $r = get('/metrics', key => undef);
    my $families = eval { prometheus_parse($r->body) };
    is($@, '', $name) if defined $name;
    return ($families || {}, $r);
}

# The sum of the samples that have these labels.
sub value {
    my ($families, $name, %labels) = @_;

    my $sum = 0;
    for my $s (@{ ($families->{$name} || {})->{samples} || [] }) {
        next if grep { ($s->{labels}{$_} // '') !~ /^$labels{$_}$/ }
            keys %labels;
        $sum += $s->{value};
    }
    return $sum;
}

# ---- some traffic, by both workers ----

get('/v1/bars?symbol=A') for 1 .. 20;
get('/v1/instruments/' . $_) for 'A' .. 'J';
get('/v1/bars') for 1 .. 3;
get('/v1/bars?symbol=FAIL') for 1 .. 2;
get('/v1/nothing/' . $_) for 1 .. 5;
get('/v1/ingest', key => undef) for 1 .. 4;

my ($f, $r);
$t->wait_for('both backends are connected, and answer in time', sub {
    ($f, $r) = scrape();
    return $f->{external_api_calls_total} && $f->{database_operations_total};
});
eval { prometheus_parse($r->body) };
is($@, '', 'valid text, one HELP and TYPE per family');
is($r->status, 200, '/metrics');
like($r->header('content-type'), qr{^text/plain; ?version=0\.0\.4}, 'type');

# ---- the names that are kept ----

my $bars = '/v1/bars';

is($f->{http_requests_total}{type}, 'counter', 'http_requests_total');
is(value($f, 'http_requests_total', method => 'GET', endpoint => $bars,
    status_code => 200), 20, 'successes of one endpoint');
is(value($f, 'http_requests_total', endpoint => $bars, status_code => 400), 3,
    'refusals of it');
is(value($f, 'http_requests_total', endpoint => $bars, status_code => 500), 2,
    'failures of it');
is(value($f, 'http_requests_total', endpoint => '/v1/ingest',
    status_code => 401), 4, 'without a key');
is(value($f, 'http_requests_total', endpoint => '/v1/instruments/.symbol.',
    status_code => 200), 10, 'the template is the label, not the path');
is(value($f, 'http_requests_total', status_code => 404), 5,
    'unknown paths are counted');
is(scalar(grep { $_->{labels}{endpoint} =~ /nothing/ }
    @{ $f->{http_requests_total}{samples} }), 0, 'but are no labels');

my $duration = $f->{http_request_duration_seconds};
is($duration->{type}, 'histogram', 'http_request_duration_seconds');
is(value($f, 'http_request_duration_seconds', method => 'GET',
    endpoint => $bars, le => '\+Inf'), 25, 'every request is in it');

is($f->{http_requests_active}{type}, 'gauge', 'http_requests_active');
is(value($f, 'http_requests_active'), 1, 'this one');

is($f->{api_key_requests_total}{type}, 'counter', 'api_key_requests_total');
my @hashes = map { $_->{labels}{api_key_hash} // '' }
    @{ $f->{api_key_requests_total}{samples} };
is(scalar(grep { length >= 6 && $t->key =~ /\Q$_\E/ } @hashes), 0,
    'the key itself is no label');
is($f->{$_}{type}, 'counter', $_)
    for qw/ cache_operations_total rate_limit_hits_total
    application_errors_total database_operations_total
    external_api_calls_total /;
cmp_ok(value($f, 'application_errors_total'), '>=', 2, 'errors are counted');

unlike($r->body, qr/wd_(live|test)_/, 'no key anywhere');

# ---- what the backends say ----

is(value($f, 'process_uptime_seconds', service => 'analytics'), 12.5,
    'of one backend');
is(value($f, 'process_uptime_seconds', service => 'ingestion'), 7,
    'of another, in the same family');
is(value($f, 'query_seconds_count'), 0, 'samples are in their family');
is(scalar @{ $f->{query_seconds}{samples} }, 8,
    'a histogram of both');

# ---- the gateway's stay, whatever a backend sends ----

for my $case (
    [ 'no newline', "# HELP a A.\n# TYPE a gauge\na 1" ],
    [ 'no head', "a 1\n" ],
    [ 'nothing', '' ],
    [ 'binary', join '', map { chr } 0 .. 255 ],
    [ 'the gateway\'s own family', "# HELP http_requests_total Mine.\n"
        . "# TYPE http_requests_total gauge\nhttp_requests_total 5\n" ],
    [ 'another type', "# HELP process_uptime_seconds Other.\n"
        . "# TYPE process_uptime_seconds counter\n"
        . "process_uptime_seconds{service=\"x\"} 1\n" ],
    [ 'a line break', "# HELP a A.\r\n# TYPE a gauge\r\na 1\r\n" ])
{
    $t->backend_ctl('ingestion', 'set', 'text', $case->[1]);
    my ($f, $r) = scrape();
    is($r->status, 200, "$case->[0]: 200");
    my ($own) = $r->body =~
        /^http_requests_total\{(?=[^}]*"\/v1\/bars")(?=[^}]*"200").*\} (\d+)$/m;
    is($own, 20, "$case->[0]: the gateway's are there");
}
$t->backend_ctl('ingestion', 'set', 'text', undef);

$t->backend_stop('analytics');
$t->wait_for('a backend is gone: the others and the gateway answer', sub {
    my ($f, $r) = scrape();
    return $r->status == 200
        && !value($f, 'process_uptime_seconds', service => 'analytics')
        && value($f, 'process_uptime_seconds', service => 'ingestion') == 7
        && value($f, 'http_requests_total', endpoint => $bars,
            status_code => 200) == 20;
});
