#!/usr/bin/perl

# Paths and verbs of the catalogue: what reaches which method, 404, 405 with
# Allow, HEAD, and bodies where none is expected.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub { reply({ method => $_[0]{method} }) });
$t->backend('ingestion', sub { reply({ method => $_[0]{method} }) });
$t->auth(sub { reply({ method => $_[0]{method} }) });
$t->run();

# ---- every verb and kind of path ----

for my $case (
    [ GET => '/v1/instruments', 'analytics', 'instruments.search' ],
    [ GET => '/v1/instruments/IBM', 'analytics', 'instruments.get' ],
    [ GET => '/v1/bars?symbol=IBM', 'analytics', 'bars.query' ],
    [ GET => '/v1/indicators', 'analytics', 'indicators.list' ],
    [ GET => '/v1/indicators/rsi?symbol=IBM', 'analytics',
        'indicators.compute' ],
    [ GET => '/v1/ingest', 'ingestion', 'ingest.status' ],
    [ GET => '/v1/providers', 'ingestion', 'ingest.providers' ],
    [ DELETE => '/v1/keys/17', 'auth', 'keys.revoke' ])
{
    my ($verb, $path, $service, $method) = @$case;
    my $r = request($verb, $path);
    is($r->status . $r->body, "200{\"method\":\"$method\"}", "$verb $path");
    is($t->backend_calls($service, $method), 1, "$method was called");
}

is(($t->backend_requests('auth', 'keys.revoke'))[0]{dump}, '{"id":17}',
    'path variable as integer');
is(post('/v1/ingest', { provider => 'worldbank', dataset => 'indicator' })
    ->body, '{"method":"ingest.run"}', 'POST shares its path with GET');

# ---- path variables are decoded once, and only after the path is matched ----

is(get('/v1/instruments/brk%2Fb')->status, 200, 'encoded slash in a variable');
is(($t->backend_requests('analytics', 'instruments.get'))[-1]{dump},
    '{"symbol":"BRK/B"}', 'it is part of the symbol');
is_problem(get('/v1/instruments/a%252Fb'), 400, 'invalid-parameter',
    'not decoded twice', qr/symbol/);
is(get('/v1/instruments/a%00')->status, 400, 'encoded zero');

# ---- 404 ----

my $before = $t->backend_calls('analytics') + $t->backend_calls('ingestion');

is_problem(get($_), 404, 'not-found', "no such path: $_")
    for '/v1/', '/v1/nothing', '/v1/bars/', '/v1/bars/IBM', '/v1/bar',
    '/v1/barss', '/v1/instruments/', '/v1/instruments/IBM/x', '/v1/auth.verify',
    '/v1/sys.health', '/v1/BARS', '/v1/keys/';

# ---- 405 ----

sub allow {
    return join ' ', sort split /\s*,\s*/, $_[0]->header('allow') // '-';
}

for my $case (
    [ POST => '/v1/bars', 'GET HEAD' ],
    [ PUT => '/v1/bars', 'GET HEAD' ],
    [ PATCH => '/v1/instruments/IBM', 'GET HEAD' ],
    [ DELETE => '/v1/ingest', 'GET HEAD POST' ],
    [ POST => '/v1/keys/17', 'DELETE GET HEAD' ],
    [ GET => '/v1/plans/gold', 'DELETE' ],
    [ HEAD => '/v1/plans/gold', 'DELETE' ],
    [ GET => '/v1/keys/17/rotate', 'POST' ],
    [ PROPFIND => '/v1/bars', 'GET HEAD' ])
{
    my ($verb, $path, $allow) = @$case;
    my $r = request($verb, $path);
    is_problem($r, 405, 'method-not-allowed', "$verb $path")
        if $verb ne 'HEAD';
    is($r->status . ' ' . allow($r), "405 $allow", "$verb $path: Allow");
}

is($t->backend_calls('analytics') + $t->backend_calls('ingestion'), $before,
    'no backend was asked');

# ---- HEAD ----

my $get = get('/v1/bars?symbol=IBM');
my $c = client();
my $head = $c->head('/v1/bars?symbol=IBM');
is($head->status, 200, 'HEAD');
is($head->header('content-length'), $get->header('content-length'),
    'with the length of GET');
is($head->header('content-type'), $get->header('content-type'),
    'and its type');
is($c->get('/v1/bars?symbol=IBM')->body, '{"method":"bars.query"}',
    'no byte of a body came: the connection is in step');

# ---- a body where none belongs must not become the next request ----

for my $verb (qw/ GET HEAD DELETE /) {
    my $path = $verb eq 'DELETE' ? '/v1/keys/17' : '/v1/bars?symbol=IBM';
    my $inner = Test::Wizdata::build('GET', '/v1/bars?symbol=SMUGGLED',
        keepalive => 1);
    my $n = $t->backend_calls('analytics');

    $c = client();
    my $r = $c->request($verb, $path, body => $inner);
    my $next = $c->get('/v1/bars?symbol=NEXT');

    ok($next->status == 200 || $next->status == 0,
        "$verb with a body: the connection is in step, or closed");
    is(scalar(grep { $_->{dump} =~ /SMUGGLED/ }
        $t->backend_requests('analytics')), 0,
        "$verb with a body: the body is no request");
}
