#!/usr/bin/perl

# /api/status/cache: true figures, clearing with a true count, permissions.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

$t->backend('analytics', sub {
    my ($req) = @_;
    my $s = ref $req->{args}{symbol} ? $req->{args}{symbol}[0]
        : $req->{args}{symbol} // 'X';
    return reply('{"ten":10}', meta => { ttl => 600,
        tags => [ "of:$s", 'every' ] });
});
$t->config(workers => 2, http => 'wizdata_cache_zone 4m;',
    location => 'wizdata_cache on;',
    server => 'location /api/status/cache { wizdata_status_cache; }'
        . ' location /public/cache { wizdata_status_cache public; }');
$t->run();

my $at = '/api/status/cache';
my $reader = $t->add_key(perm => ['status:read']);
my $writer = $t->add_key(perm => ['cache:write']);

sub stats { return get($at, key => $reader)->json->{stats} }
sub fill {
    get("/v1/bars?symbol=$_") for 'A' .. 'E';
    get("/v1/quotes?symbol=$_") for 'A' .. 'C';
    get("/v1/instruments/$_") for 'A', 'B';
    get('/v1/indicators/sma?symbol=A');
    get('/v1/macro?indicator=GDP');
}
sub clear {
    my ($path, $body, %o) = @_;
    return post("$at$path", $body, key => $writer, %o) if defined $body;
    return request('POST', "$at$path", key => $writer, %o);
}

# ---- figures ----

my $r = get($at, key => $reader);
is($r->status, 200, 'status');
is($r->json->{status}, 'success', 'status in words');
like($r->json->{timestamp}, qr/^\d+(\.\d+)?$/, 'timestamp');
is($r->header('cache-control'), 'no-store', 'is not cached itself');
is_deeply([ @{ stats() }{qw/ total_cache_keys estimated_cache_size_bytes
    keyspace_hits keyspace_misses /} ], [ 0, 0, 0, 0 ], 'empty');
fill();
fill();
get('/v1/bars?symbol=A', headers => ['If-None-Match: *']);
get('/v1/bars?symbol=A', headers => ['Cache-Control: no-cache']);
my $s = stats();
is($s->{total_cache_keys}, 12, 'entries');
is_deeply($s->{cache_by_type}, { market_data => 8, static_data => 2,
    analytics => 1, api_responses => 1, esg_data => 0, news => 0 }, 'by type');
cmp_ok($s->{estimated_cache_size_bytes}, '>=', 12 * 512, 'bytes');
cmp_ok($s->{estimated_cache_size_bytes}, '<=', 12 * 1024, 'not too many');
is($s->{keyspace_hits}, 13, 'hits');
is($s->{keyspace_misses}, 13, 'misses');
ok(exists $s->{$_} && !defined $s->{$_}, "$_: there is no Redis")
    for qw/ redis_memory_used redis_memory_peak /;
my $m = $s->{methods}{'bars.query'};
is_deeply([ @$m{qw/ type scope entries body_bytes hits misses revalidated
    bypassed stale waited /} ],
    [ 'market_data', 'permission', 5, 50, 5, 5, 1, 1, 0, 0 ], 'of a method');
is($s->{methods}{'users.list'}{scope}, 'principal', 'a private one');
is_deeply($s->{purges_pushed_by}, [], 'nobody beats');
my $metrics = get('/metrics')->body;
like($metrics, qr/^wizdata_cache_entries\{method="bars.query"\} 5$/m,
    'the same in the metrics');
like($metrics, qr/^wizdata_zone_bytes\{zone="wizdata_responses",state="used"\} \d+$/m,
    'memory');
is(head($at, key => $reader)->status, 200, 'HEAD');

# ---- clearing ----

for my $case (
    [ '', { tags => ['of:A'] }, 4 ],
    [ '', { tags => [ 'of:A', 'of:B', 'none' ] }, 3 ],
    [ '', { tags => ['none'] }, 0 ],
    [ '', { method => 'quotes.query' }, 1 ],
    [ '', { method => 'users.list' }, 0 ],
    [ '/clear', { tags => ['of:C'] }, 1 ],
    [ '/clear/market_data', undef, 2 ],
    [ '/clear/news', undef, 0 ],
    [ '/clear/macro.query', undef, 1 ],
    [ '/clear', undef, 0 ],
    [ '', { all => JSON::PP::true() }, 0 ])
{
    my ($path, $body, $n) = @$case;
    my $name = "$path " . (defined $body ? join ',', %$body : '');
    $r = clear($path, $body);
    is($r->status, 200, "$name: cleared");
    is($r->json->{deleted_keys}, $n, "$n entries");
    is($r->json->{success}, JSON::PP::true(), 'success');
    ok(length $r->json->{message}, 'message');
    ok($r->json->{timestamp}, 'timestamp');
    is($r->json->{data_type}, $path =~ m{/clear/([\w.]+)} ? $1 : undef, 'type');
}
is(stats()->{total_cache_keys}, 0, 'nothing is left');
is(stats()->{purged}, 12, 'each was counted once');
fill();
is(clear('', { tags => ['every'] })->json->{deleted_keys}, 12, 'one tag of all');
is(get('/v1/bars?symbol=A')->header('x-cache'), 'MISS', 'gone');

# ---- permissions ----

is_problem(get($at, key => $writer), 403, 'forbidden', 'reading');
is_problem(get($at, key => undef), 401, 'unauthenticated', 'without a key');
is(get('/public/cache', key => undef)->status, 200, 'public');
for my $path ('/public/cache', $at, "$at/clear", "$at/clear/news") {
    is_problem(post($path, { all => JSON::PP::true() }, key => undef), 401,
        'unauthenticated', "$path: clearing needs a key");
    is_problem(post($path, { all => JSON::PP::true() }, key => $reader), 403,
        'forbidden', "$path: that may");
}
is(stats()->{total_cache_keys}, 1, 'nothing was cleared');

# ---- what is wrong ----

for my $body ('', '{', '[]', '{}', '{"tags":[]}', '{"tags":"x"}',
    '{"tags":[1]}', '{"tags":[""]}', '{"tags":["a"', '{"tags":["a"],"all":true}',
    '{"all":false}', '{"all":1}', '{"method":"nothing"}', '{"method":1}',
    '{"other":1}', '{"all":true}x', '{"all":true,"all":true}',
    '{"tags":["' . 'x' x 97 . '"]}',
    '{"tags":[' . join(',', ('"a"') x 65) . ']}')
{
    $r = clear('', $body);
    is_problem($r, 400, 'invalid-parameter', "body: " . substr $body, 0, 40);
}
is_problem(clear('', '{"all":true}', headers => ['Content-Type: text/plain']),
    415, 'unsupported-media-type', 'a body that is no JSON');
is_problem(clear('/clear/nothing'), 404, 'not-found', 'an unknown type',
    qr/market_data/);
is_problem($r = get("$at/clear", key => $reader), 405, 'method-not-allowed',
    'GET of a command');
is($r->header('allow'), 'POST', 'what it takes');
is(get("$at/nothing", key => $reader)->status, 404, 'no such path');
is_problem(request('DELETE', $at, key => $writer), 405, 'method-not-allowed',
    'DELETE');
is(stats()->{total_cache_keys}, 1, 'nothing was cleared');
