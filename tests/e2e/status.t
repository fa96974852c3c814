#!/usr/bin/perl
# Every status page of the real platform, in good and in bad days: it is what
# docs/openapi.json says, member by member, and its values are true.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

my $top   = abs_path(dirname(__FILE__) . '/../..');
my $build = $ENV{WIZDATA_BUILD} || "$top/build";
my $dir   = tempdir('wd-status-XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $run   = "$dir/run";
my $owner = $$;
my $tool  = "$top/tests/openapi";

chmod 0755, $dir;
$ENV{WIZDATA_RUN}   = $run;
$ENV{WIZDATA_BUILD} = $build;
$ENV{WIZDATA_FEED}  = 'none';

for my $part (qw(nginx redis-server openssl curl npm node)) {
    plan skip_all => "$part is not installed" unless have($part);
}
plan skip_all => 'PostgreSQL 15 is not installed'
    unless -x '/usr/lib/postgresql/15/bin/initdb';
system("cd $tool && npm ci --no-audit --no-fund --ignore-scripts"
        . ' --cache ../../.cache/npm >/dev/null 2>&1')
    unless -e "$tool/node_modules/ajv";
plan skip_all => 'ajv cannot be installed from npm'
    unless -e "$tool/node_modules/ajv";

END {
    if ($$ == $owner) {
        my $rc = $?;
        system("$top/dev/platform stop >/dev/null 2>&1");
        if (!Test::More->builder->is_passing && -d "$run/log") {
            diag(scalar `tail -n 15 $run/log/*.log 2>/dev/null`);
        }
        $? = $rc;
    }
}

my $out = `$top/dev/platform start 2>&1`;
is($?, 0, 'the platform starts') or do { diag($out); BAIL_OUT('no platform') };
my ($url, $cacert, $key) = load_env();
my $admin = new_key('*:*');
my @answers;     # {name, schema, document}, checked at the end

well();
management();
refusals();
without_a_backend();
draining();
other_configuration();
as_described();
done_testing();


sub have { return grep { -x "$_/$_[0]" } split /:/, $ENV{PATH} }

sub load_env {
    open my $f, '<', "$run/demo.env" or die "no demo.env";
    my %env = map { /^(\w+)='(.*)'$/ ? ($1, $2) : () } <$f>;
    return @env{qw(WIZDATA_URL WIZDATA_CACERT WIZDATA_KEY)};
}

sub ctl {
    local $ENV{WIZDATA_RUN_DIR} = "$run/sock";
    my $said = `$build/tools/wizdatactl --json @_ 2>&1`;
    return eval { decode_json($said) } // diag("wizdatactl @_: $said");
}

sub new_key {
    return ctl("key create admin\@example.com --plan demo --permissions"
            . " '$_[0]'")->{key};
}

# (status, headers, document); arguments go to curl.
sub ask {
    my ($path, $with, @args) = @_;
    push @args, '-H', "X-API-Key: $with" if $with;
    my $quoted = join ' ', map { "'$_'" } @args;
    my $said = `curl -s -i --max-time 20 --cacert $cacert $quoted '$url$path'`;
    my ($head, $body) = split /\r\n\r\n/, $said, 2;
    my ($status) = ($head // '') =~ m{^HTTP/[\d.]+ (\d+)};
    return ($status // 0, $head // '',
        eval { decode_json($body // '') } // {});
}

# The same, for the test at the end.
sub seen {
    my ($name, $schema, $want, @request) = @_;
    my ($status, $head, $doc) = ask(@request);
    is($status, $want, "$name: $want");
    like($head, qr/^cache-control: no-store\r?$/mi, "$name: not cached")
        if $request[0] !~ m{^/v1|well-known};
    push @answers, { name => $name, schema => $schema, document => $doc };
    return $doc;
}

sub await {
    my ($name, $test) = @_;
    my $end = time + 20;
    while (time < $end) {
        return pass($name) if $test->();
        sleep 0.1;
    }
    return fail($name);
}


sub well {
    await('all is well', sub { (ask('/health/detailed', $key))[0] == 200 });
    for my $path ('/health', '/api/health') {
        is(seen($path, 'Health', 200, $path)->{status}, 'healthy', $path);
    }

    my $d = seen('detailed', 'HealthDetailed', 200, '/health/detailed', $key);
    is_deeply([ sort keys %{ $d->{services} } ],
        [qw(analytics auth ingestion processing)], 'every backend');
    for my $name (sort keys %{ $d->{services} }) {
        my $database = $d->{services}{$name}{detail}{dependencies}{database};
        ok(exists $database->{$_}, "$name: $_ of its database")
            for qw(latency_ms last_success last_error);
    }
    is($d->{gateway}{redis}{status}, 'not_configured', 'no Redis of its own');

    my $s = seen('services', 'StatusServices', 200, '/api/status/services',
        $key);
    is($s->{overall_status}, 'healthy', 'services: healthy');
    is($s->{services}{sp_global_api}{status}, 'not_configured',
        'a provider that is not there');

    my $c = seen('config', 'StatusConfig', 200, '/api/status/config', $key);
    is_deeply($c->{rate_limits}, { default_rpm => 60, burst_size => 10,
        authenticated_rpm => 200, authenticated_burst_size => 20 },
        'config: limits as shipped');
    is($c->{gateway}{limits}{plans}{demo}{from}, 'auth', 'and plans of auth');
    is($c->{gateway}{jwt}{issuers}[0]{keys}[0]{source}, 'auth', 'issuers');
    my ($v1) = grep { $_->{location} eq '/v1/' } @{ $c->{gateway}{locations} };
    is("$v1->{api} $v1->{limit} $v1->{limit_headers}", '1 on ietf',
        'locations');

    ask('/v1/instruments', $key) for 1 .. 3;
    my $cache = seen('cache', 'StatusCache', 200, '/api/status/cache', $key);
    is($cache->{stats}{methods}{'instruments.search'}{hits}, 2, 'cache: hits');

    my $mine = seen('limits', 'StatusRateLimit', 200,
        '/api/status/rate-limit', $key);
    is($mine->{rate_limit}{plan}, 'demo', 'limits of the caller');
    seen('limits of nobody', 'StatusRateLimit', 200, '/api/status/rate-limit');
    ctl('plan set narrow rate=10/m burst=5 day=100 month=1000 concurrency=3');
    my $narrow = ctl("key create demo\@example.com --plan narrow")->{key};
    await('another plan', sub {
        (ask('/api/status/rate-limit', $narrow))[2]{rate_limit}{plan}
            eq 'narrow' });
    my $n = seen('limits of many kinds', 'StatusRateLimit', 200,
        '/api/status/rate-limit', $narrow);
    is_deeply([ map { $_->{policy} } @{ $n->{rate_limit}{windows} } ],
        [qw(minute day-quota month-quota)], 'its policies');

    seen('keys of tokens', 'Jwks', 200, '/.well-known/jwks.json');
    seen('usage', 'UsageList', 200, '/v1/usage', $key);
    seen('plans', 'PlanList', 200, '/v1/plans', $key);
}


sub management {
    my $path = '/api/status/cache';
    my @json = ('-H', 'Content-Type: application/json', '-d');
    for my $case (
        [ $path, '{"tags":["instruments"]}' ], [ $path, '{"all":true}' ],
        [ $path, '{"method":"bars.query"}' ], ["$path/clear"],
        ["$path/clear/market_data"], ["$path/clear/bars.query"])
    {
        my ($at, $body) = @$case;
        my $done = seen("POST $at " . ($body // ''), 'CacheCleared', 200, $at,
            $admin, '-X', 'POST', $body ? (@json, $body) : ());
        ok($done->{success}, 'cleared');
    }
    my (undef, $head) = ask($path, $admin, '-X', 'DELETE');
    like($head, qr/^allow: GET, HEAD, POST\r?$/mi, 'what the path takes');
    ($head) = (ask("$path/clear", $admin))[1];
    like($head, qr{^HTTP/2 405}, 'clearing is no GET');
    like($head, qr/^allow: POST\r?$/mi, 'but a POST');
}


sub refusals {
    my $other = new_key('bars:read');
    for my $page (qw(/health/detailed /api/status/services /api/status/config
            /api/status/cache))
    {
        seen("$page: no key", 'Problem', 401, $page);
        my $p = seen("$page: another", 'Problem', 403, $page, $other);
        like($p->{detail}, qr/status:read/, 'names what is missing');
    }
    seen('clear: may only look', 'Problem', 403, '/api/status/cache/clear',
        $key, '-X', 'POST');
    my $p;
    my $narrow = ctl("key create demo\@example.com --plan narrow")->{key};
    await('a limit', sub {
        my ($status) = ask('/v1/bars?symbol=NONE', $narrow);
        return $status == 429 });
    $p = seen('over a limit', 'Problem', 429, '/v1/bars?symbol=NONE', $narrow);
    is($p->{policy}, 'minute', 'names the policy');
}


sub without_a_backend {
    chomp(my $pid = `cat $run/pid/analytics`);
    kill STOP => $pid;
    await('probes see a backend that hangs', sub {
        my (undef, undef, $s) = ask('/api/status/services', $key);
        my $a = $s->{services}{analytics} // {};
        return ($a->{addresses}[0]{state} // '') eq 'unhealthy' });
    my $s = seen('services, one hangs', 'StatusServices', 200,
        '/api/status/services', $key);
    is("@{ $s->{unhealthy_services} }", 'analytics', 'it is named');
    is($s->{overall_status}, 'degraded', 'degraded');
    is($s->{services}{analytics}{last_error}, 'timeout', 'why');
    cmp_ok($s->{services}{analytics}{last_success_age_seconds}, '>', 1,
        'and since when');
    my $d = seen('detailed, one hangs', 'HealthDetailed', 503,
        '/health/detailed', $key);
    is($d->{services}{analytics}{last_error}, 'timeout', 'why');
    seen('config, one hangs', 'StatusConfig', 200, '/api/status/config', $key);
    is(seen('health does not ask', 'Health', 200, '/health')->{status},
        'healthy', 'the gateway takes requests');
    kill CONT => $pid;
    await('it is back', sub { (ask('/health/detailed', $key))[0] == 200 });
}


sub draining {
    my $pid = "--pid-file $run/tmp/gateway/nginx.pid";
    ctl("gateway drain $pid");
    await('drained', sub { (ask('/health'))[0] == 503 });
    is(seen('draining', 'Health', 503, '/health')->{status}, 'draining',
        'says so');
    ok(seen('detailed', 'HealthDetailed', 200, '/health/detailed', $key)
            ->{gateway}{draining}, 'in detail as well');
    ctl("gateway undrain $pid");
    await('and back', sub { (ask('/health'))[0] == 200 });
}


# A change of the configuration is a change of what is shown.
sub other_configuration {
    my %edit = ('wizdata.conf' => sub {
            s/^wizdata_cache_zone .*$/wizdata_environment staging;/m;
            s/^wizdata_limit_anonymous .*$//m;
            $_ .= "wizdata_redis unix:$run/sock/redis.sock gateways=2;\n" },
        'wizdata-server.conf' => sub { s/^\s*wizdata_cache on;$//m });
    for my $name (sort keys %edit) {
        open my $f, '<', "$run/conf/$name" or die;
        local ($/, $_) = (undef, undef);
        $_ = <$f>;
        $edit{$name}->();
        open $f, '>', "$run/conf/$name" or die;
        print {$f} $_;
        close $f;
    }
    kill HUP => `cat $run/tmp/gateway/nginx.pid`;

    await('the new configuration', sub {
        (ask('/api/status/config', $key))[2]{environment} eq 'staging' });
    my $c = seen('other config', 'StatusConfig', 200, '/api/status/config',
        $key);
    ok(!$c->{features}{caching}, 'no caching');
    is($c->{rate_limits}{default_rpm}, undef, 'nobody is limited');
    is($c->{gateway}{redis}{gateways}, 2, 'a Redis');
    is(seen('no cache', 'StatusCache', 503, '/api/status/cache', $key)
            ->{status}, 'disabled', 'says so');
    await('Redis of the gateway', sub {
        (ask('/health/detailed', $key))[2]{gateway}{redis}{status}
            eq 'healthy' });
    seen('detailed with Redis', 'HealthDetailed', 200, '/health/detailed',
        $key);
    my $mine = seen('shared limits', 'StatusRateLimit', 200,
        '/api/status/rate-limit', $key);
    is($mine->{rate_limit}{gateways}, 2, 'with two gateways');
    seen('unlimited', 'StatusRateLimit', 200, '/api/status/rate-limit');
}


sub faults {
    open my $f, '>', "$dir/answers.json" or die;
    print {$f} encode_json(\@_);
    close $f;
    my $said = `node $tool/validate.mjs $top/docs/openapi.json \\
        <$dir/answers.json 2>&1`;
    is($?, 0, 'the validator runs');
    return $said;
}

sub as_described {
    my %health = (status => 'healthy', timestamp => 1, version => '1');
    like(faults({ name => 'odd', schema => 'Health',
                document => { %health, odd => 1 } }), qr/additionalProp.*odd/,
        'it sees a member that is not described');
    like(faults({ name => 'odd', schema => 'Health',
                document => { %health, status => 'odd' } }), qr{/status},
        'and a value that is not allowed');
    is(faults(@answers), '', scalar(@answers) . ' answers are as described');
}
