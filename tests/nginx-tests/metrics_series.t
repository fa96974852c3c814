#!/usr/bin/perl

# What is counted by endpoint, service, class of status and plan: requests,
# bytes, and where the time went. Sets of labels are bounded. Counts go on
# after a reload and after a worker was killed.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Prometheus;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = $req->{args}{symbol};
    $s = (ref $s ? $s->[0] : $s) // '';
    return error_reply(-12, 'x') if $s eq 'FAIL';
    return later(0.03, reply('x' x 1000)) if $s eq 'SLOW';
    return 'y' x 100;
});
$t->config(workers => 2);
$t->run();
$t->allow(qr/worker process \d+ exited on signal 9/);

sub scrape {
    my $r = get('/metrics', key => undef);
    return prometheus_parse($r->body);
}

sub by {
    my ($f, $name, %labels) = @_;
    return metric_value($f, $name, %labels);
}

my $bars = '/v1/bars';
my %of = (endpoint => $bars, service => 'analytics', plan => 'default');
my $gold = $t->add_key(perm => ['*'], plan => 'gold');
my $odd = $t->add_key(perm => ['*'], plan => "a\"b\\c\n");

# ---- requests and bytes ----

my @r = map { get("$bars?symbol=A") } 1 .. 10;
get("$bars?symbol=SLOW") for 1 .. 3;
get("$bars?symbol=FAIL") for 1 .. 2;
get($bars) for 1 .. 4;
get("$bars?symbol=A", key => $gold) for 1 .. 5;
get("$bars?symbol=A", key => undef) for 1 .. 6;
get('/v1/nothing') for 1 .. 2;

my $f = scrape();
my $name = 'wizdata_requests_total';
is($f->{$name}{type}, 'counter', $name);
is(by($f, $name, %of, class => '2xx'), 13, 'successes');
is(by($f, $name, %of, class => '4xx'), 4, 'refusals of arguments');
is(by($f, $name, %of, class => '5xx'), 2, 'failures');
is(by($f, $name, %of, plan => 'gold', class => '2xx'), 5, 'another plan');
is(by($f, $name, %of, plan => 'none', class => '4xx'), 6, 'no plan known');
is(by($f, $name, endpoint => 'other', service => 'gateway', plan => 'none',
    class => '4xx'), 2, 'unknown paths');

my $bytes = by($f, 'wizdata_response_bytes_total', %of, plan => 'gold');
is($bytes, 5 * length $r[0]->text, 'bytes of answers, heads too');
my $one = by($f, 'wizdata_request_bytes_total', %of, plan => 'gold') / 5;
cmp_ok($one, '>', length "GET $bars?symbol=A HTTP/1.1\r\n",
    'bytes of requests');
cmp_ok($one, '<', 400, 'not too many');

# ---- the split of time ----

$name = 'wizdata_request_seconds';
is($f->{$name}{type}, 'histogram', $name);
my %two = (%of, class => '2xx');
is(by($f, "${name}_count", %two, part => $_), 13, "part $_")
    for qw/ auth backend write total /;
is(by($f, "${name}_count", %of, class => '4xx', part => 'backend'), 0,
    'a part that did not take place is not counted');
is(by($f, "${name}_count", %of, class => '4xx', part => 'auth'), 4,
    'one that did is');

my $backend = by($f, "${name}_sum", %two, part => 'backend');
my $total = by($f, "${name}_sum", %two, part => 'total');
cmp_ok($backend, '>=', 0.09, 'the waiting is in the part of the backend');
cmp_ok($total, '>=', $backend, 'the total is more');
my $parts = 0;
$parts += by($f, "${name}_sum", %two, part => $_)
    for qw/ auth limit cache backend write /;
cmp_ok(abs($parts - $total), '<', 1e-6, 'the parts are the total');
cmp_ok(by($f, "${name}_bucket", %two, part => 'auth', le => '0\.01'), '>=',
    by($f, "${name}_bucket", %two, part => 'auth', le => '5e-05'),
    'there are buckets below a millisecond');
is(by($f, 'http_request_duration_seconds_count', endpoint => $bars,
    method => 'GET'), 30, 'http_request_duration_seconds');

# ---- every family of the table is there, with its labels ----

for my $family (qw/ wizdata_cache_requests_total wizdata_cache_fills_total
    wizdata_cache_evictions_total wizdata_cache_purges_total
    wizdata_cache_waiters wizdata_cache_wake_seconds rate_limit_hits_total
    wizdata_limit_admitted_total wizdata_limit_dry_run_total
    wizdata_limit_leases_total wizdata_redis_calls_total
    wizdata_redis_failures_total wizdata_redis_reconnects_total
    wizdata_limit_fallback wizdata_revocations_total
    wizdata_revocation_seconds wizdata_jwt_total wizdata_jwks_fetches_total
    wizdata_connections wizdata_connections_accepted_total
    wizdata_connections_handled_total wizdata_zone_bytes wizdata_spans_total
    wizdata_rpc_requests_total wizdata_backend_up /)
{
    ok($f->{$family}, "$family is there");
}
is(join(' ', sort map { $_->{labels}{client_type} }
    @{ $f->{rate_limit_hits_total}{samples} }), 'anonymous api_key jwt',
    'rate_limit_hits_total by type of client');
is(join(' ', map { $_->{labels}{le} }
    grep { $_->{name} =~ /_bucket$/ }
    @{ $f->{wizdata_revocation_seconds}{samples} }),
    '0.001 0.0025 0.005 0.01 0.025 0.05 0.1 0.25 0.5 1.0 +Inf',
    'wizdata_revocation_seconds from 1 ms to 1 s');

my $accepted = by($f, 'wizdata_connections_accepted_total');
cmp_ok($accepted, '>=', 32, 'connections accepted');
cmp_ok(by($f, 'wizdata_connections', state => 'active'), '>=', 1, 'and open');
for my $zone (qw/ wizdata_verdicts wizdata_counters_[0-9a-f]{16} /) {
    my $size = by($f, 'wizdata_zone_bytes', zone => $zone, state => 'size');
    my $used = by($f, 'wizdata_zone_bytes', zone => $zone, state => 'used');
    cmp_ok($size, '>=', $used, "$zone: no more used than there is");
    cmp_ok($used, '>', 0, "$zone: some is used");
}
cmp_ok(by($f, 'wizdata_zone_bytes', zone => 'wizdata_counters.*',
    state => 'used'), '<', 4 * 1024 * 1024, 'two workers take little');
is(by($f, 'wizdata_zone_bytes', zone => 'wizdata_verdicts', state => 'size'),
    4 * 1024 * 1024, 'the configured size');

# ---- labels ----

get("$bars?symbol=A", key => $odd) for 1 .. 2;
$f = scrape();
is((grep { ($_->{labels}{plan} // '') =~ /^a/ }
    @{ $f->{wizdata_requests_total}{samples} })[0]{labels}{plan},
    'a\\"b\\\\c?', 'a plan with any bytes in its name is a valid label');

my @many = map { $t->add_key(perm => ['*'], plan => "plan$_") } 1 .. 70;
get("$bars?symbol=A", key => $_) for @many;
$f = scrape();
my %plans = map { $_->{labels}{plan} => 1 }
    @{ $f->{wizdata_requests_total}{samples} };
is(scalar(keys %plans), 64 + 2, '64 plans, other and none');
is(by($f, 'wizdata_requests_total', plan => 'other'), 73 - 64,
    'the plans beyond are other');
is(by($f, 'wizdata_requests_total', endpoint => $bars, class => '2xx'),
    13 + 5 + 2 + 70, 'and all are counted');
my %keys = map { $_->{labels}{api_key_hash} => 1 }
    @{ $f->{api_key_requests_total}{samples} };
is(scalar(keys %keys), 65, '64 keys and other');

# Plans by endpoints by classes are more combinations than are kept.
for my $key (@many[ 0 .. 60 ]) {
    my @c = http_keepalive(map { [ 'GET', $_, key => $key ] }
        map { ("$_?symbol=A", "$_?symbol=FAIL", "$_?indicator=A", "$_?x=1") }
        map { "/v1/$_" } qw( bars quotes macro instruments instruments/A
            indicators indicators/sma ingest providers quality
            quality/rejects users keys nothing ));
}

# The text is long now: lines are looked at, not parsed.
sub total {
    my ($name, $labels, $text) = @_;

    my $sum = 0;
    $text //= get('/metrics', key => undef)->body;
    $sum += $1 while $text =~ /^$name\{.*$labels.*\} (\d+)$/mg;
    return $sum;
}

my $before = total('wizdata_requests_total', '');
my $text = get('/metrics', key => undef)->body;
$f = prometheus_parse($text);
is(scalar @{ $f->{wizdata_requests_total}{samples} }, 1024,
    'combinations are bounded');
cmp_ok(scalar(() = $text =~ /\n/g), '>', 50_000, 'a long text');
cmp_ok(by($f, 'wizdata_requests_total', endpoint => 'other', class => 'other'),
    '>', 0, 'those beyond are other');
is(by($f, 'wizdata_requests_total'), $before + 1, 'no request is lost');
is(by($f, 'wizdata_requests_total'), by($f, 'http_requests_total'),
    'both families agree');

# ---- they go on ----

my $of_bars = 'endpoint="/v1/bars"';
my $was = total('wizdata_requests_total', $of_bars);
my $h = total('http_request_duration_seconds_count', $of_bars);
$t->renew();
is(total('wizdata_requests_total', $of_bars), $was, 'after a reload');
is(total('http_request_duration_seconds_count', $of_bars), $h,
    'the histograms, too');

my @old = $t->workers;
kill 'KILL', $old[0];
$t->wait_for('a worker is replaced', sub {
    my @now = $t->workers;
    return @now == 2 && !grep { $_ == $old[0] } @now;
});
is(total('wizdata_requests_total', $of_bars), $was, 'after a kill');
get("$bars?symbol=A") for 1 .. 10;
is(total('wizdata_requests_total', $of_bars), $was + 10, 'and on');
like(get('/metrics', key => undef)->body, qr/^http_requests_active 1$/m,
    'gauges of the dead are gone');

unlike(get('/metrics', key => undef)->body, qr/wd_(live|test)_/,
    'no key anywhere');
