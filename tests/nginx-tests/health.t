#!/usr/bin/perl

# /health and /health/detailed: fields that monitoring has relied on, states
# of backends and of what they depend on.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# The analytics backend says of itself what the test sets.
sub health {
    my ($req) = @_;

    my $h = $req->{backend}{health} || {};
    return hold(reply('{}')) if $h->{hold};
    return raw("\xc1") if $h->{garbage};
    return error_reply(-12, 'secret/path/to/file broke') if $h->{error};
    return reply({ service => $req->{backend}{name},
        status => $h->{status} || 'healthy', version => '1.0.0',
        uptime_seconds => 5, dependencies => $h->{deps} || {} },
        meta => { deps => $h->{deps} || {},
            status => $h->{status} || 'healthy' });
}

$t->backend('analytics', sub { '{}' }, methods => { 'sys.health' => \&health });
$t->backend('ingestion', sub { '{}' });
$t->config(http => 'wizdata_timeout sys.health 2s;', server => <<'EOF');
        location = /health/keyed { wizdata_health_detailed; }
        location = /api/health { wizdata_health; }
EOF
$t->run();

my $url = '/health/detailed';

# ---- /health: the gateway alone ----

my $r = get('/health', key => undef);
my $h = $r->json;
is($r->status, 200, '/health');
like($r->header('content-type'), qr{^application/json}, 'is JSON');
is($h->{status}, 'healthy', 'status');
like($h->{version}, qr/^\d+\.\d+\.\d+/, 'version');
like($r->body, qr/"timestamp": ?\d{10}(\.\d+)?\b/, 'timestamp: epoch seconds');
cmp_ok(abs($h->{timestamp} - time()), '<', 60, 'of today');
like($r->header('cache-control') // '', qr/no-store|no-cache/,
    'nobody keeps it');

my $c = client();
is($c->head('/health', key => undef)->status, 200, 'HEAD');
is($c->get('/health', key => undef)->status, 200, 'in step');
is(post('/health', '')->status, 405, 'POST');
is(get('/api/health', key => undef)->status, 200, 'under another path');
is(get('/health?x=1', key => undef)->status, 200, 'with a query');
is($t->backend_events('analytics', 'request') + 0, 0, 'no backend was asked');

# ---- /health/detailed ----

sub detailed { return get($url, key => undef, @_) }

# Connections come up by themselves.
$t->wait_for('healthy', sub { detailed()->status == 200 });
$r = detailed();
$h = $r->json;
is($h->{status}, 'healthy', 'status');
like($h->{version}, qr/^\d+\.\d+\.\d+/, 'version');
like($r->body, qr/"timestamp": ?\d{10}(\.\d+)?\b/, 'timestamp');
is(ref $h->{dependencies}, 'HASH', 'dependencies');
is($h->{dependencies}{$_}, 'not_configured', "$_: nobody speaks of it")
    for qw/ database redis /;
is(ref $h->{dependencies}{external_apis}{details}, 'HASH', 'external_apis');
is(service($h, $_), 'healthy', $_) for qw/ auth analytics ingestion /;

# The state of a backend: a word, or an object that has it.
sub service {
    my ($h, $name) = @_;
    my $s = $h->{services}{$name} // $h->{dependencies}{$name};
    return ref $s ? $s->{status} : $s;
}

$t->backend_ctl('analytics', 'set', 'health',
    { deps => { database => 'healthy' } });
is(detailed()->json->{dependencies}{database}, 'healthy',
    'what a backend depends on');

$t->backend_ctl('analytics', 'set', 'health',
    { status => 'degraded', deps => { database => 'connection refused' } });
$r = detailed();
$h = $r->json;
is($r->status, 503, 'a dependency that fails: 503');
is($h->{status}, 'degraded', 'degraded');
like($h->{dependencies}{database}, qr/^unhealthy\b/, 'which one');
like($r->header('content-type'), qr{^application/json\b}, 'the same document');

for my $case (
    [ 'an error', { error => 1 } ], [ 'no answer', { hold => 1 } ],
    [ 'garbage', { garbage => 1 } ], [ 'unhealthy', { status => 'unhealthy' } ])
{
    my ($name, $set) = @$case;

    $t->backend_ctl('analytics', 'set', 'health', $set);
    $r = detailed();
    $h = $r->json;
    is($r->status, 503, "$name: 503");
    isnt(service($h, 'analytics'), 'healthy', "$name: not healthy");
    is(service($h, 'ingestion'), 'healthy', "$name: others are");
    unlike($r->body, qr/secret/, "$name: nothing internal is shown");
    $t->backend_ctl('analytics', 'set', 'health', {});
    $t->backend_ctl('analytics', 'release');
    $t->wait_for("$name: and over", sub { detailed()->status == 200 });
}

$t->backend_stop('ingestion');
$t->wait_for('a backend that is gone', sub {
    my $r = detailed();
    return $r->status == 503
        && service($r->json, 'ingestion') ne 'healthy';
});
is(get('/health', key => undef)->status, 200, 'the gateway itself is well');
$t->backend_start('ingestion');
$t->wait_for('and back', sub { detailed()->status == 200 });

# ---- not public: a key that may see it ----

my $plain = $t->add_key(perm => ['bars:read']);
my $may = $t->add_key(perm => ['status:read']);
is_problem(get('/health/keyed', key => undef), 401, 'unauthenticated',
    'without a key');
is_problem(get('/health/keyed', key => $plain), 403, 'forbidden',
    'without the permission', qr/status:read/);
is(get('/health/keyed', key => $may)->status, 200, 'with it');
