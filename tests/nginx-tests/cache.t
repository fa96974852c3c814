#!/usr/bin/perl

# The response cache as one client sees it: hits, formats, ages, what the
# client asks of a cache, conditional requests, HEAD, errors and old answers.

use warnings;
use strict;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# A body tells how often the backend was asked.
$t->backend('analytics', sub {
    my ($req) = @_;

    my $s = $req->{args}{symbol}[0] // '';
    my $b = $req->{backend};
    $b->{n}++;
    return error_reply(-5, "no data of $s") if $s eq 'NONE';
    return error_reply(-14, 'down') if $b->{down};
    my %m = (ttl => 60, tags => ["bars:$s"]);
    return reply({ n => $b->{n} }, meta => { tags => ['x'] })
        if $s eq 'NO-TTL';
    return reply({ n => $b->{n} }, meta => { ttl => 0 }) if $s eq 'ZERO';
    return reply({ n => $b->{n} }, meta => { %m, ttl => 1 }) if $s eq 'SHORT';
    return reply({ n => $b->{n} }, meta => { %m, etag => '"v1"' })
        if $s eq 'TAG';
    return reply({ n => $b->{n} }, status => 201, meta => \%m)
        if $s eq 'CREATED';
    return reply({ n => $b->{n} }, meta => { %m, next => 'abc' })
        if $s eq 'NEXT';
    return reply('', meta => \%m) if $s eq 'EMPTY';
    return reply({ n => $b->{n} }, meta => { %m, tags => [ map { "t$_" } 1 .. 17 ] })
        if $s eq 'MANY-TAGS';
    return reply({ n => $b->{n} }, meta => { %m, tags => [ 'x' x 97 ] })
        if $s eq 'LONG-TAG';
    return reply({ n => $b->{n} }, meta => { %m, tags => [ ('x' x 96) x 16 ] })
        if $s eq 'FULL-TAGS';
    return stream(100_000, meta => \%m) if $s eq 'STREAM';
    return stream(100_000, len => 0, meta => \%m) if $s eq 'STREAM-X';
    return stream(100_000, meta => \%m, abort_at => 70000) if $s eq 'BROKEN';
    return stream(300_000, meta => \%m) if $s eq 'BIG';
    return stream(300_000, len => 0, meta => \%m) if $s eq 'BIG-X';
    return reply({ n => $b->{n} }, meta => \%m);
});
$t->config(http => 'wizdata_cache_zone 8m; wizdata_cache_max_body 200k;'
        . 'wizdata_cache_ttl quotes.query 30s;'
        . 'wizdata_cache_ttl macro.query 0;'
        . 'log_format c "$wizdata_cache"; access_log cache.log c;',
    location => 'wizdata_cache on;',
    server => 'location /off/ { rewrite ^/off(/.*) $1 break; wizdata_api on; }'
        . ' location /plain/ { rewrite ^/plain(/.*) $1 break;'
        . ' wizdata_api on; wizdata_cache on;'
        . ' wizdata_cache_stale_if_error 0;'
        . ' wizdata_cache_stale_while_revalidate 0; }'
        . join '', map { " location /client-$_/ { rewrite ^/[^/]*(/.*) \$1"
            . ' break; wizdata_api on; wizdata_cache on;'
            . " wizdata_cache_client $_; }" } qw/ 20s 1d 999ms /);
$t->run();

sub path { return "/v1/bars?symbol=$_[0]" . ($_[1] // '') }
sub calls { return $t->backend_calls('analytics') }

sub ask {
    my ($path, @headers) = @_;
    return get($path, headers => \@headers);
}

# One test: X-Cache, and whether the backend was called.
sub cached {
    my ($r, $word, $name) = @_;

    is($r->header('x-cache'), $word, $name);
    return $r;
}

# ---- a hit ----

my $r = cached(get(path('A')), 'MISS', 'the first');
is($r->header('cache-control'), 'private, no-cache', 'clients ask again');
is($r->header('age'), 0, 'new');
my $body = $r->body;
$r = cached(get(path('A')), 'HIT', 'the second');
is($r->body, $body, 'the same body');
is($r->status, 200, 'status');
is($r->header('content-type'), 'application/json', 'type');
is($r->header('cache-control'), 'private, no-cache', 'Cache-Control');
is($r->header('vary'), 'Accept', 'Vary');
is($r->header('x-cache-ttl'), 60, 'X-Cache-TTL');
like($r->header('age'), qr/^\d$/, 'Age');
is($r->header('x-cache-age'), $r->header('age'), 'X-Cache-Age');
like($r->header('x-request-id'), qr/^\w{16,}$/, 'a request id of its own');
like($r->header('etag'), qr/^"[0-9a-f]{32}"$/, 'an ETag of the bytes');
is($r->count($_), 1, "$_ once") for qw/ etag vary x-cache cache-control
    content-type content-length age x-request-id /;
is(calls(), 1, 'one call');

# ---- the same question in other words; other questions ----

my $c = calls();
cached(get($_), 'HIT', $_) for '/v1/bars?limit=1000&symbol=a&order=asc',
    '/v1/bars?symbol=A&format=json', path('%41');
is(calls(), $c, 'normalised');
cached(get($_), 'MISS', $_) for path('A', '&limit=999'), path('B'),
    path('A', '&order=desc'), '/v1/quotes?symbol=A',
    path('A', '&format=csv');
is(ask(path('A'), 'Accept: text/csv')->header('x-cache'), 'HIT',
    'the format counts, not how it was asked for');
is(ask(path('A'), 'Accept: text/csv')->header('content-type'),
    get(path('A', '&format=csv'))->header('content-type'), 'CSV');
cached(ask(path('A'), 'Accept: application/msgpack'), 'MISS', 'MessagePack');

# ---- what is not cached ----

for my $s (qw/ NO-TTL ZERO CREATED MANY-TAGS LONG-TAG /) {
    get(path($s));
    $r = cached(get(path($s)), 'MISS', "$s is not kept");
    is($r->header('cache-control'), 'private, no-cache', 'nor by others');
    is($r->header('age'), undef, 'no Age');
}
get(path('FULL-TAGS'));
cached(get(path('FULL-TAGS')), 'HIT', '16 tags of 96 bytes');
get('/v1/macro?indicator=X') for 1, 2;
cached(get('/v1/macro?indicator=X'), 'MISS', 'wizdata_cache_ttl 0');
get('/v1/quotes?symbol=Q');
is(get('/v1/quotes?symbol=Q')->header('x-cache-ttl'), 30,
    'wizdata_cache_ttl 30s');
is(get('/off' . path('A'))->header('x-cache'), undef, 'wizdata_cache off');

# ---- bodies in pieces, empty ones ----

for my $s (qw/ STREAM STREAM-X /) {
    $r = cached(get(path($s)), 'MISS', "$s: streamed");
    is($r->body, Wizdata::Backend::pattern(0, 100_000), 'its body');
    $r = cached(get(path($s)), 'HIT', "$s: collected");
    is($r->body, Wizdata::Backend::pattern(0, 100_000), 'the same body');
    is($r->header('content-length'), 100_000, 'of known length');
    like($r->header('etag'), qr/^"[0-9a-f]{32}"$/, 'with an ETag');
}
for my $s (qw/ BIG BIG-X /) {
    get(path($s));
    $r = cached(get(path($s)), 'MISS', "$s: over the limit");
    is(length $r->body, 300_000, 'complete');
}
ok(get(path('BROKEN'))->short, 'a body that breaks off');
cached(get(path('BROKEN')), 'MISS', 'is not kept');
get(path('EMPTY'));
$r = cached(get(path('EMPTY')), 'HIT', 'an empty body');
is($r->header('content-length'), 0, 'of no bytes');
get(path('NEXT'));
is(get(path('NEXT'))->header('x-next-cursor'), 'abc', 'the next page');

# ---- conditional, HEAD ----

get(path('TAG'));
for my $etag ('"v1"', 'W/"v1"', '"a", "v1"', '*') {
    $r = cached(ask(path('TAG'), "If-None-Match: $etag"), 'REVALIDATED',
        "If-None-Match: $etag");
    is($r->status, 304, 'not modified');
    is($r->body, '', 'no body');
    is($r->header('etag'), '"v1"', 'ETag');
    is($r->header('cache-control'), 'private, no-cache', 'Cache-Control');
}
$r = cached(ask(path('TAG'), 'If-None-Match: "v2"'), 'HIT', 'another tag');
is($r->status, 200, 'the whole answer');

my $con = client();
$r = cached($con->head(path('A')), 'HIT', 'HEAD');
is($r->header('content-length'), length $body, 'its length');
is($con->get(path('A'))->body, $body, 'in step');
cached($con->head(path('H')), 'MISS', 'HEAD comes first');
cached($con->get(path('H')), 'HIT', 'and serves GET');
$con->head(path('STREAM', '&limit=5'));
cached($con->get(path('STREAM', '&limit=5')), 'MISS',
    'HEAD of a body in pieces keeps none');

# ---- what the client asks of a cache ----

for my $cc ('no-cache', 'max-age=0', 'No-Cache, max-age=50') {
    $c = calls();
    cached(ask(path('A'), "Cache-Control: $cc"), 'BYPASS', $cc);
    is(calls(), $c + 1, 'asked anew');
}
$body = get(path('A'))->body;
cached(get(path('A')), 'HIT', 'and kept');
$c = calls();
cached(ask(path('A'), 'Cache-Control: no-store'), 'BYPASS', 'no-store');
is(get(path('A'))->body, $body, 'not kept');
cached(ask(path('NEW'), 'Cache-Control: no-store'), 'BYPASS', 'no-store');
cached(get(path('NEW')), 'MISS', 'was not kept');
cached(ask(path('A'), 'Cache-Control: max-age=50'), 'HIT', 'max-age=50');
cached(ask(path('A'), 'Cache-Control: min-fresh=100'), 'MISS',
    'min-fresh=100');
cached(ask(path('A'), 'Cache-Control: min-fresh=5, foo'), 'HIT',
    'min-fresh=5');
cached(ask(path('A'), 'Cache-Control: only-if-cached'), 'HIT',
    'only-if-cached');
$c = calls();
for my $p ([ 'ABSENT', 'only-if-cached' ], [ 'A', 'no-cache, only-if-cached' ],
    [ 'A', 'no-store,only-if-cached' ])
{
    $r = ask(path($p->[0]), "Cache-Control: $p->[1]");
    is_problem($r, 504, 'timeout', "$p->[0] $p->[1]", qr/only-if-cached/);
}
is(calls(), $c, 'no call');

# ---- what a client may keep itself ----

# Seconds that its cache calls the answer fresh from now on.
sub reusable {
    my ($r) = @_;
    my ($max) = $r->header('cache-control') =~ /^private, max-age=(\d+)\z/;
    return defined $max ? $max - $r->header('age')
        : $r->header('cache-control');
}

cached($r = get('/client-20s' . path('MINE')), 'MISS', 'a client may keep it');
is(reusable($r), 20, 'for that time');
$t->wait_for('an age', sub {
    get('/client-20s' . path('MINE'))->header('age') > 0 });
$r = cached(get('/client-20s' . path('MINE')), 'HIT', 'later');
is(reusable($r), 20, 'for that time from now on');
$r = cached(ask('/client-20s' . path('MINE'), 'If-None-Match: *'),
    'REVALIDATED', 'not modified');
is(reusable($r), 20, 'the same');
$r = get('/client-1d' . path('MINE'));
cmp_ok(reusable($r), '<', 60, 'no longer than it is fresh here');
cmp_ok(reusable($r), '>', 0, 'but so long');
is(reusable(get('/client-999ms' . path('MINE'))), 'private, no-cache',
    'less than a second is none');
is(reusable(get('/client-1d' . path('ZERO'))), 'private, no-cache',
    'what is not kept here is not kept there');

# ---- after its time ----

cached(get(path('SHORT')), 'MISS', 'for a second');
$t->wait_for('stale, while it is fetched anew', sub {
    $r = get('/client-1d' . path('SHORT'));
    return $r->header('x-cache') eq 'STALE' });
is($r->header('cache-control'), 'private, no-cache',
    'what is stale is not kept by clients');
$t->wait_for('fetched anew', sub {
    my $r = get(path('SHORT'));
    return $r->header('x-cache') eq 'HIT' && $r->header('age') < 2;
});
get('/plain' . path('SHORT', '&limit=7'));
$t->wait_for('none of it: asked for again', sub {
    get('/plain' . path('SHORT', '&limit=7'))->header('x-cache') eq 'MISS' });

# ---- old, when it cannot be had anew ----

get(path('SHORT', '&limit=2'));
$t->backend_ctl('analytics', 'set', 'down', 1);
my $how = '';
$t->wait_for('an error: the old answer', sub {
    my $r = get('/client-1d' . path('SHORT', '&limit=2'));
    $how = $r->header('cache-control');
    return $r->status == 200 && $r->header('x-cache') eq 'STALE'
        && $r->header('age') > 0;
});
is($how, 'private, no-cache', 'that is not kept by clients');
$r = ask(path('A'), 'Cache-Control: no-cache');
is_problem($r, 503, 'unavailable', 'not when asked for a new one', qr/down/);
is(get(path('A'))->header('x-cache'), 'HIT', 'what is fresh stays');
get('/plain' . path('SHORT', '&limit=3'));
is_problem(get('/plain' . path('OTHER')), 503, 'unavailable', 'no old one');
$t->backend_ctl('analytics', 'set', 'down', undef);

get(path('SHORT', '&limit=4'));
$t->backend_stop('analytics');
$t->wait_for('no backend: the old answer', sub {
    my $r = get(path('SHORT', '&limit=4'));
    return $r->status == 200 && $r->header('x-cache') eq 'STALE'
        && $r->header('age') > 0;
});
is(get(path('A'))->header('x-cache'), 'HIT', 'what is fresh stays');
$t->backend_start('analytics');
$t->wait_for('back again', sub {
    get(path('BACK'))->status == 200 });

# ---- errors are not kept ----

$c = calls();
is_problem(get(path('NONE')), 404, 'not-found', 'an error', qr/of NONE/)
    for 1, 2;
is(calls(), $c + 2, 'asked each time');

# ---- the log ----

my %seen;
$seen{$_}++ for split /\n/, $t->read_file('cache.log');
ok($seen{$_}, "\$wizdata_cache: $_") for qw/ HIT MISS STALE BYPASS
    REVALIDATED -/;
