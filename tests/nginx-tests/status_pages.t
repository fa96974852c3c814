#!/usr/bin/perl

# /api/status/services and /api/status/config: the fields that monitoring has
# relied on, true values, and nothing that breaks the document.

use warnings;
use strict;

use JSON::PP ();
use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

my $apis = { alpha_vantage_api => { status => 'configured',
        type => 'external_api', reachable => JSON::PP::true,
        last_success => '2024-01-02T03:04:05Z', quota_left => { day => 7 } },
    world_bank_api => { status => 'configured', type => 'external_api',
        reachable => JSON::PP::false, last_error => 'timeout' },
    sp_global_api => { status => 'not_configured', type => 'external_api' } };
my $external = { configured_apis => 2, total_apis => 2,
    details => { alpha_vantage => JSON::PP::true,
        world_bank => JSON::PP::true, sp_global => JSON::PP::false } };

# Bytes travel to the backend as hexadecimal digits.
sub hex_of { return unpack 'H*', $_[0] }
sub hex_json { return hex_of(JSON::PP->new->canonical->encode($_[0])) }
sub bytes { return mp_bin(pack 'H*', $_[0]) }

sub health {
    my ($req) = @_;

    my $h = $req->{backend}{health} || {};
    return hold(reply('{}')) if $h->{hold};
    return reply($h->{body} // { status => 'healthy', mine => 1 },
        meta => { deps => { database => 'healthy', redis => 'healthy',
                %{ $h->{deps} || {} } },
            status => $h->{status} || 'healthy',
            apis => bytes($h->{apis} // hex_json($apis)),
            external => bytes($h->{external} // hex_json($external)) });
}

sub config {
    my ($req) = @_;

    return reply($req->{backend}{conf} ? pack('H*', $req->{backend}{conf})
        : { database => { pool_size => 4,
        url => JSON::PP::true } });
}

for my $name (qw/ analytics ingestion /) {
    $t->backend($name, sub { '{}' },
        methods => { 'sys.health' => \&health, 'sys.config' => \&config });
}
$t->config(http => 'wizdata_environment "test \"bench\"";'
        . 'wizdata_timeout bars.query 1234ms; wizdata_timeout sys.health 1s;'
        . 'wizdata_verdict_ttl 30s; wizdata_identity_headers X-User;'
        . 'wizdata_cache_zone 2m; wizdata_method bars.query cost=3;'
        . 'wizdata_limit_anonymous rate=1/s burst=7 rate=3000/h burst=9'
        . ' ipv6_prefix=48; wizdata_plan default rate=600/m burst=50 day=9000;'
        . 'wizdata_limit_group heavy indicators.*;'
        . 'wizdata_redis unix:/nowhere/redis.sock user=gate gateways=3'
        . ' password_file=%%TESTDIR%%/redis.password;'
        . 'wizdata_jwt_revocation off; wizdata_jwks_refetch 7s;'
        . 'wizdata_jwt_issuer https://login.example.com audience=a audience=b'
        . ' keys=file:%%TESTDIR%%/keys.json leeway=5s grant=boss=a:b,c:d'
        . ' name=corp plan=gold;', server => <<'EOF');
        location /limited/ { rewrite ^/limited(/.*) $1 break; wizdata_api on;
            wizdata_limit dry_run; wizdata_limit_headers both;
            wizdata_cache on; wizdata_cache_client 3s; wizdata_body_max 1k;
            wizdata_cache_stale_if_error 1m;
            wizdata_method quotes.query permission=public; }
        location /guarded { wizdata_access reports:read; }
        location = /metrics2 { wizdata_metrics; }
        location = /api/status/services { wizdata_status_services; }
        location = /api/status/config { wizdata_status_config; }
        location = /public/services { wizdata_status_services public; }
EOF
$t->write_file('redis.password', "sesame-of-redis\n");
$t->write_file('keys.json', '{"keys":[{"kty":"oct","kid":"k","alg":"HS256",'
    . '"k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldCE"}]}');
$t->run();

my $services = '/api/status/services';
my $config = '/api/status/config';

# ---- who may look ----

for my $url ($services, $config) {
    is_problem(get($url, key => undef), 401, 'unauthenticated', "$url: no key");
    is_problem(get($url, key => $t->add_key(perm => ['bars:read'])), 403,
        'forbidden', "$url: another permission", qr/status:read/);
    is(get($url, key => $t->add_key(perm => ['status:read']))->status, 200,
        "$url: the permission");
    is(post($url, '{}')->status, 405, "$url: POST");
    is(head($url)->status, 200, "$url: HEAD");
}
is(get('/public/services', key => undef)->status, 200, 'a public page');

# ---- services ----

$t->wait_for('all are connected', sub {
    (get($services)->json->{services}{auth}{status} // '') eq 'healthy' });
my $s = get($services)->json;
like($s->{timestamp}, qr/^\d{10}/, 'timestamp');
is($s->{services}{database}{status}, 'healthy', 'database');
is($s->{services}{database}{type}, 'postgresql', 'its type');
is($s->{services}{redis}{status}, 'healthy', 'redis');
is($s->{services}{$_}{status}, 'healthy', $_)
    for qw/ auth analytics ingestion /;
is($s->{services}{analytics}{connected}, 1, 'connected');
for my $page ($services, '/health/detailed') {
    my $what = "$page: what all workers know";
    $t->wait_for("$what, a probe", sub {
        defined get($page)->json->{services}{analytics}{last_success} });
    my $b = get($page)->json->{services}{analytics};
    like($b->{last_success}, qr/^\d{4}-\d\d-\d\dT.*Z$/, $what);
    cmp_ok($b->{last_success_age_seconds}, '<', 60, 'its age');
    is($b->{last_error}, undef, 'no error');
    is($b->{in_flight}, 0, 'nothing in flight');
    is($b->{queued}, 0, 'nobody waits');
    is($b->{shed_level}, 0, 'nothing is shed');
    my ($e) = @{ $b->{addresses} };
    like($e->{address}, qr/^unix:/, 'an endpoint');
    is("$e->{state} $e->{breaker} $e->{weight_percent}", 'healthy closed 100',
        'its state');
    ok($e->{connected}, 'connected');
    like($e->{probe_ms}, qr/^\d/, 'the time of a probe');
}
is($s->{services}{alpha_vantage_api}{quota_left}{day}, 7, 'a provider');
is($s->{services}{sp_global_api}{status}, 'not_configured', 'another');
is("@{ $s->{unhealthy_services} }", 'world_bank_api', 'who is unhealthy');
is($s->{overall_status}, 'degraded', 'overall: fewer than half');

sub set {
    my ($name, %h) = @_;
    $t->backend_ctl($name, 'set', 'health', \%h);
    return get($services)->json;
}

my $well = hex_json({ world_bank_api => { status => 'configured',
        reachable => JSON::PP::true } });
is(set('ingestion', apis => $well)->{overall_status}, 'healthy',
    'overall: all well');
$s = set('analytics', deps => { database => 'unhealthy' });
is("@{ $s->{unhealthy_services} }", 'database', 'database down');
like($s->{services}{database}{error}, qr/reach/, 'with an error');
is(set('analytics', status => 'draining')->{overall_status}, 'degraded',
    'a backend drains');
$s = set('analytics', hold => 1);
is($s->{services}{analytics}{status}, 'unhealthy', 'a backend hangs');
is($s->{services}{analytics}{latency_ms}, undef, 'without a latency');
is($s->{services}{analytics}{error}, 'timeout', 'with an error');
$t->wait_for('probes say so, too', sub {
    my $b = get($services)->json->{services}{analytics};
    return ($b->{last_error} // '') eq 'timeout'
        && $b->{addresses}[0]{state} eq 'unhealthy' });
is(get('/health/detailed')->json->{services}{analytics}{last_error},
    'timeout', 'in detail as well');
set('analytics');

# What a backend says must not break the document.
for my $bad ('', '{', '[]', '{"a":1}x', '{"a"}', "{\"a\":\"\xff\"}", '5',
    '{' x 100, '{"a":{}', '{"a":NaN}')
{
    $s = set('ingestion', apis => hex_of($bad), external => hex_of($bad));
    ok($s && $s->{services}{auth}, 'services: ' . substr $bad, 0, 10);
    ok(get($config)->json, 'config');
    is(get('/v1/bars?symbol=IBM')->status, 200, 'a good request');
}
for my $odd ('{}', '{"x\u0041":[]}', '{ "a" : { "reachable" : false } }',
    '{"a":1,"b":[1,{"reachable":false}]}')
{
    $s = set('ingestion', apis => hex_of($odd));
    ok($s && $s->{services}{auth}, "odd: $odd");
}
set('ingestion');

# ---- configuration ----

my $c = get($config)->json;
is($c->{status}, 'success', 'status');
is($c->{environment}, 'test "bench"', 'environment');
ok(defined $c->{debug} && !$c->{debug}, 'debug is off');
is($c->{api_integrations}{total_configured}, 2, 'total_configured');
is($c->{api_integrations}{total_available}, 2, 'total_available');
ok($c->{api_integrations}{details}{world_bank}, 'details');
ok($c->{features}{$_}, "feature $_")
    for qw/ caching rate_limiting monitoring database /;
is_deeply($c->{rate_limits}, { default_rpm => 50, authenticated_rpm => 600,
    burst_size => 9, authenticated_burst_size => 50 },
    'rate_limits: the tightest rate of each');
is_deeply($c->{gateway}{redis}, { address => 'unix:/nowhere/redis.sock',
    user => 'gate', password => JSON::PP::true, db => 0,
    prefix => 'wizdata:limit:', timeout_seconds => 0.05, gateways => 3 },
    'redis');
unlike(get($config)->body, qr/sesame|c2VjcmV0/, 'no secret');
my $limits = $c->{gateway}{limits};
is($limits->{anonymous}, 'rate=1/s burst=7 rate=3000/h burst=9', 'anonymous');
is("$limits->{ipv4_prefix} $limits->{ipv6_prefix}", '32 48', 'its prefixes');
is_deeply($limits->{plans}{default}, { limits =>
    'rate=600/m burst=50 day=9000', from => 'nginx.conf' }, 'a plan');
is_deeply($limits->{groups}, { heavy => ['indicators.list',
    'indicators.compute'] }, 'a group');
is($limits->{zone_bytes}, 8 << 20, 'the zone of limits');
my $jwt = $c->{gateway}{jwt};
is("$jwt->{revocation} $jwt->{jwks_refetch_seconds}", 'off 7', 'JWT');
my ($issuer) = @{ $jwt->{issuers} };
is($issuer->{issuer}, 'https://login.example.com', 'an issuer');
is_deeply($issuer->{audiences}, [qw/ a b /], 'its audiences');
like($issuer->{keys}[0]{source}, qr{^file:/.*keys\.json$}, 'its keys');
is($issuer->{leeway_seconds}, 5, 'its leeway');
is($issuer->{plan}, 'gold', 'its plan');
is($issuer->{name}, 'corp', 'its name');
is_deeply($issuer->{grants}, { boss => [qw/ a:b c:d /] }, 'its grants');
is_deeply($c->{gateway}{identity_headers}, ['x-user'], 'identity headers');
ok($c->{gateway}{metrics_requests}, 'metrics of requests');
ok(defined $c->{cache_config}{second_level}
    && !$c->{cache_config}{second_level}, 'no second level');
my %at = map { $_->{location} => $_ } @{ $c->{gateway}{locations} };
my $l = $at{'/limited/'};
is($l->{server}, 'localhost', 'a location: its server');
ok($l->{api}, 'API');
is("$l->{limit} $l->{limit_headers} $l->{body_max_bytes}",
    'dry_run both 1024', 'limits');
is_deeply($l->{cache}, { stale_while_revalidate_seconds => 10,
    stale_if_error_seconds => 60, lock_timeout_seconds => 5,
    client_seconds => 3 }, 'cache');
is_deeply($l->{methods}, { 'bars.query' => { cost => 3 }, 'quotes.query' =>
    { permission => 'public' } }, 'methods');
is($at{'/guarded'}{access}, 'reports:read', 'a guarded location');
is($at{$services}{access}, 'status:read', 'a status page');
is($at{'/public/services'}{access}, 'public', 'a public one');
is($at{'/metrics2'}{page}, '/metrics', 'metrics elsewhere');
is($c->{services}{analytics}{database}{pool_size}, 4, 'a backend');
is($c->{gateway}{timeouts_seconds}{'bars.query'}, 1.234, 'a timeout');
is($c->{gateway}{verdict_ttl_seconds}, 30, 'a time');
like($c->{gateway}{services}{auth}{endpoints}[0], qr/^unix:/, 'an endpoint');
$t->backend_ctl('analytics', 'set', 'conf', hex_of('}{'));
$c = get($config)->json;
ok($c && !defined $c->{services}{analytics}, 'a broken one is null');

# ---- a reload changes what is shown ----

my $conf = $t->read_file('nginx.conf');
$conf =~ s/verdict_ttl 30s/verdict_ttl 45s/;
$conf =~ s/(?<=error\.log) info;/ debug;/ or die 'no error_log';
$t->write_file('nginx.conf', $conf);
$t->renew;
$t->wait_for('the new value', sub {
    my $now = get($config)->json;
    return $now && $now->{gateway}{verdict_ttl_seconds} == 45 });
ok(get($config)->json->{debug}, 'error_log at debug');

# ---- detailed health has what backends say ----

$t->wait_for('detail', sub {
    my $d = get('/health/detailed', key => undef)->json;
    return ($d->{services}{ingestion}{detail}{mine} // 0) == 1 });
