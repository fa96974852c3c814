#!/usr/bin/perl

# OpenMetrics 1.0 and the plain text format by Accept; what backends say is
# converted, and what they say wrongly is left out.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $text = <<'EOF';
# A comment of no meaning

# HELP jobs_total Jobs "done" \\ or \n not.
# TYPE jobs_total counter
jobs_total{kind="a"} 4
jobs_total{kind="b\"\\\n"} 5 1700000000123
# HELP ticks Ticks.
# TYPE ticks counter
ticks 7
# HELP depth Depth.
# TYPE depth gauge
depth -1.5e-3
depth{x="y"} NaN
# HELP odd Odd.
# TYPE odd untyped
odd +Inf
# HELP wait_seconds Wait.
# TYPE wait_seconds histogram
wait_seconds_bucket{le="1"} 1
wait_seconds_bucket{le="2.5"} 2
wait_seconds_bucket{le="+Inf"} 3
wait_seconds_sum 4
wait_seconds_count 3
# HELP size Size.
# TYPE size summary
size{quantile="0.5"} 1
size{quantile="1"} 2
size_sum 3
size_count 2
# HELP both A gauge.
# TYPE both gauge
both 1
# HELP both_total A counter of that name.
# TYPE both_total counter
both_total 2
EOF

my $bad = <<"EOF";
# HELP jobs_total Twice.
# TYPE jobs_total gauge
jobs_total{kind="c"} 1
jobs_total{kind="d"} x
jobs_total{kind="e} 1
jobs_total{kind="f",kind="g"} 1
jobs_total{kind="\xff"} 1
wait_seconds_bucket{x="1"} 1
wait_seconds 1
# TYPE http_requests_total gauge
http_requests_total{endpoint="/v1/bars"} 1000000
http_requests_active 1000000
# HELP http_requests Taken.
# TYPE http_requests gauge
http_requests 1
\xff\xfe binary
EOF

$t->backend($_, sub { 'x' }, methods => { 'sys.metrics' => sub { $text } })
    for qw/ analytics analytics.b /;
$t->backend('ingestion', sub { 'x' }, methods => {
    'sys.metrics' => sub { reply($_[0]{backend}{text} // '') } });
# Every trace is recorded, so that there are exemplars.
$t->config(http => 'wizdata_trace_ratio 1;');
$t->run();

my $PROMETHEUS = 'application/openmetrics-text;version=1.0.0;q=0.5,'
    . 'application/openmetrics-text;version=0.0.1;q=0.4,'
    . 'text/plain;version=0.0.4;q=0.3,*/*;q=0.2';

sub scrape {
    my ($accept) = @_;
    return get('/metrics', key => undef,
        headers => [ defined $accept ? "Accept: $accept" : () ]);
}

get('/v1/bars?symbol=A') for 1 .. 5;
get('/v1/quotes?symbol=A', headers => [
    'traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' ])
    for 1 .. 3;
$t->wait_for('backends are connected', sub {
    my $body = scrape()->body;
    return $body =~ /depth\{backend="analytics\/1"/
        && $body =~ /depth\{backend="analytics\/2"/ });

# ---- which one ----

for my $case (
    [ undef, 0 ], [ '*/*', 0 ], [ 'text/plain', 0 ], [ 'text/html', 0 ],
    [ $PROMETHEUS, 1 ], [ 'application/openmetrics-text', 1 ],
    [ 'application/openmetrics-text; version=1.0.0; charset=utf-8', 1 ],
    [ 'application/openmetrics-text;q=0.1, text/plain;q=0.2', 0 ],
    [ 'application/openmetrics-text;q=0', 0 ],
    [ 'application/openmetrics-text;version=2.0.0', 0 ])
{
    my $r = scrape($case->[0]);
    my $name = $case->[0] // 'no Accept';
    is($r->status, 200, $name);
    is($r->header('content-type'), $case->[1]
        ? 'application/openmetrics-text; version=1.0.0; charset=utf-8'
        : 'text/plain; version=0.0.4; charset=utf-8', "$name: its type");
    like($r->header('vary') // '', qr/Accept/, "$name: Vary");
}

# ---- the same figures in both ----

my $plain = prometheus_parse(scrape()->body);
my $body = scrape($PROMETHEUS)->body;
my $open = openmetrics_parse($body);

is(scalar keys %$open, scalar keys %$plain, 'as many families');
for my $name (qw/ jobs_total wait_seconds_bucket size_sum both both_total /) {
    is(metric_value($open, $name), metric_value($plain, $name),
        "$name is the same");
}
for my $name (qw/ http_requests_total http_request_duration_seconds_count
    wizdata_requests_total wizdata_request_seconds_sum /)
{
    my @bars = ($name, endpoint => '/v1/bars');
    cmp_ok(metric_value($plain, @bars), '>', 0, $name);
    is(metric_value($open, @bars), metric_value($plain, @bars),
        "$name is the same");
}
is($open->{http_requests}{type}, 'counter', 'a counter without _total');
is(metric_value($open, 'ticks_total'), 14, 'a counter of another name');
is($open->{odd}{type}, 'unknown', 'untyped is unknown');
is("$open->{both}{type} $open->{both_total}{type}", 'gauge unknown',
    'no two families of one name');
is($open->{jobs}{help}, 'Jobs \\"done\\" \\\\ or \\n not.',
    'help is escaped');
like($body,
    qr/^jobs_total\{backend="analytics\/1",kind="b\\"\\\\\\n"\} 5 1700000000\.123$/m,
    'times are seconds');

# ---- exemplars ----

my @e = grep { $_->{exemplar} }
    @{ $open->{http_request_duration_seconds}{samples} };
cmp_ok(scalar @e, '>=', 1, 'there are exemplars');
is(scalar(grep { $_->{exemplar}{labels}{trace_id} !~ /^[0-9a-f]{32}$/ } @e),
    0, 'each has a trace id');
is(scalar(grep { $_->{labels}{endpoint} eq '/v1/quotes' } @e), 0,
    'none of a trace that is not kept');
unlike(scrape()->body, qr/ # \{/, 'none in the plain format');

# ---- what is wrong is left out ----

$t->backend_ctl('ingestion', 'set', 'text', $bad);
for my $accept (undef, $PROMETHEUS) {
    my $name = defined $accept ? 'OpenMetrics' : 'plain';
    my $r = scrape($accept);
    my $f = eval {
        defined $accept ? openmetrics_parse($r->body)
            : prometheus_parse($r->body) };
    is($@, '', "$name: valid, whatever a backend sends");
    is(metric_value($f, 'jobs_total', kind => 'c'), 1, "$name: a good line");
    is(metric_value($f, 'jobs_total'), 2 * 9 + 1, "$name: and no other");
    is(metric_value($f, 'http_requests_total', endpoint => '/v1/bars'), 5,
        "$name: the gateway counts for itself");
    is(metric_value($f, 'http_requests'), defined $accept ? 0 : 1,
        "$name: what is the gateway's name in OpenMetrics only");
}
cmp_ok(metric_value(prometheus_parse(scrape()->body),
    'wizdata_scrape_dropped_lines_total'), '>=', 2 * 9, 'that is counted');
$t->backend_ctl('ingestion', 'set', 'text', undef);

# ---- another reader ----

SKIP: {
    # Debian's own first: another one may stand before it in the path.
    my ($python) = grep {
        system("$_ -c 'import prometheus_client' 2>/dev/null") == 0
    } qw{ /usr/bin/python3 python3 };
    skip 'no python3 with prometheus_client', 1 unless $python;
    $t->write_file('open', scrape($PROMETHEUS)->body);
    is(`$python -c "
from prometheus_client.openmetrics import parser
n = sum(len(f.samples) for f in parser.text_string_to_metric_families(
    open('$t->{dir}/open').read()))
print('read' if n > 100 else n)" 2>&1`, "read\n",
        'prometheus_client reads it');
}
