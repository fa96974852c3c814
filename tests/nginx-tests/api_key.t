#!/usr/bin/perl

# API keys: where they may stand, what is refused without asking auth, what
# auth's verdict means, and that no failure of auth ever lets a request in.

use warnings;
use strict;

use Time::HiRes qw/ time /;

use Test::Wizdata;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);

# Verdicts that no gateway should believe, by the key's digest.
my %odd;
my @odd = (
    [ 'no principal', { key => '1', plan => 'p', perm => ['*'] } ],
    [ 'principal is a number', { sub => 1, perm => ['*'] } ],
    [ 'principal too long', { sub => 'x' x 256, perm => ['*'] } ],
    [ 'plan too long', { sub => 'a', plan => 'x' x 33, perm => ['*'] } ],
    [ 'permissions are text', { sub => 'a', perm => '*' } ],
    [ 'a permission is a number', { sub => 'a', perm => [1] } ],
    [ '33 permissions', { sub => 'a', perm => [ ('*') x 33 ] } ],
    [ 'expiry is text', { sub => 'a', perm => ['*'], exp => 'never' } ],
);
for my $case (@odd) {
    $case->[2] = wd_apikey();
    $odd{ key_digest($case->[2]) } = $case->[1];
}

# Errors of auth, by digest, and the status they become.
my %fail;
my @fail = map { [ @$_, wd_apikey() ] } [ -14, qr/^503$/ ], [ -29, qr/^503$/ ],
    [ -12, qr/^50[023]$/ ], [ -19, qr/^503$/ ], [ -15, qr/^50[34]$/ ],
    [ -20, qr/^50[023]$/ ], [ -9998, qr/^50[023]$/ ];
$fail{ key_digest($_->[2]) } = $_->[0] for @fail;

$t->backend('analytics', sub { '{}' });
$t->auth(undef, methods => {
    'auth.verify' => sub {
        my ($req) = @_;

        my $d = $req->{args}{digest};
        return reply(undef, meta => $odd{$d}) if $odd{$d};
        return error_reply($fail{$d}, 'auth is unwell') if $fail{$d};
        my $v = $t->{keys}{$d};
        return $v ? reply(undef, meta => $v) : error_reply(-3, 'unknown');
    } });
my %keys = (
    read => $t->add_key(perm => ['bars:read'], plan => 'pro', sub => 'user:7',
        key => '42'),
    test => $t->add_key(perm => ['bars:*'], mode => 'test'),
    any_read => $t->add_key(perm => [ 'x:y', '*:read' ]),
    other => $t->add_key(perm => [ 'quotes:read', 'bars:write', 'bar:read',
        'bars:rea', 'bars', 'BARS:READ' ]),
    none => $t->add_key(perm => []),
    expired => $t->add_key(perm => ['*'], exp => int(time() - 1) * 10**9),
    later => $t->add_key(perm => ['*'], exp => int(time() + 3600) * 10**9),
);
$t->config(http => 'wizdata_negative_ttl 60s;');
$t->run();

my $path = '/v1/bars?symbol=IBM';
my $c;

sub with { return get($path, key => undef, headers => [@_]) }

# 401 over one connection, which has to stay usable.
sub refused {
    my ($name, @headers) = @_;

    $c ||= client();
    my $r = $c->get($path, key => undef, headers => \@headers);
    is_problem($r, 401, 'unauthenticated', $name);
    undef $c if $r->status == 0;
    return $r;
}

# ---- refused without asking auth ----

my $r = refused('no key');
like($r->header('www-authenticate') // '', qr/^Bearer\b/i,
    'how to authenticate');

is($r->header('www-authenticate'), 'Bearer', 'without a reason (RFC 6750)');
for my $bad ('wd_live_nonsense', 'eyJh.e30.x', 'x') {
    $r = get('/v1/bars?symbol=IBM', key => undef,
        headers => ["Authorization: Bearer $bad"]);
    is($r->status, 401, "$bad: refused");
    is($r->header('www-authenticate'), 'Bearer error="invalid_token"',
        'and told that it was this one');
}
$r = get('/v1/bars?symbol=IBM', key => 'nonsense');
is($r->header('www-authenticate'), 'Bearer', 'a bad X-API-Key is no token');
$r = get('/v1/bars?symbol=IBM', key => undef,
    headers => ['Authorization: Basic eDp5']);
is($r->header('www-authenticate'), 'Bearer', 'nor is another scheme');

my $key = $t->key;
my $long = $key . 'x' x 20;

# Every length, in both places; the right length with a wrong checksum.
for my $n (0 .. 60) {
    my $k = $n == length $key ? substr($key, 0, -1) . '!' : substr $long, 0, $n;
    refused("X-API-Key of $n bytes", "X-API-Key: $k");
    refused("Bearer of $n bytes", "Authorization: Bearer $k");
}

# Any one character changed breaks the checksum.
for my $i (0 .. length($key) - 1) {
    my $k = $key;
    my $was = substr $k, $i, 1;
    substr $k, $i, 1, $was eq 'A' ? 'B' : 'A';
    refused("character $i changed", "X-API-Key: $k");
}

refused("Authorization: $_", "Authorization: $_")
    for map({ substr 'Bearer', 0, $_ } 0 .. 6), "Bearer\t", 'Bearer Bearer',
    "Bearer$key", "Bearer: $key", "Basic $key", 'Basic dXNlcjpwYXNz', $key,
    "Token $key", "Bearer \"$key\"", "Bearer $key,", "Bearer $key x";
refused('a very long key', 'X-API-Key: wd_live_' . 'a' x 4000);
refused('bytes beyond ASCII', "X-API-Key: wd_live_\xff\xfe" . 'a' x 36);
refused('case of the prefix', 'X-API-Key: ' . ($key =~ s/wd_/WD_/r));

like(with("X-API-Key: $key", "X-API-Key: $key")->status, qr/^40[01]$/,
    'the header twice');
like(with("X-API-Key: $key", 'X-API-Key: ' . $keys{test})->status,
    qr/^40[01]$/, 'two keys');
like(with("X-API-Key: $key", "Authorization: Bearer $keys{test}")->status,
    qr/^40[01]$/, 'both headers with different keys');
like(with("Authorization: Bearer $key", "Authorization: Bearer $key")->status,
    qr/^40[01]$/, 'Authorization twice');
like(get("$path&api_key=$key", key => undef)->status, qr/^40[01]$/,
    'in the query string');

is($t->backend_calls('auth'), 0, 'auth was never asked');
is($t->backend_calls('analytics'), 0, 'nor the backend');

# ---- accepted ----

is(with("X-API-Key: $key")->status, 200, 'X-API-Key');
is(with("x-api-key:   $key  ")->status, 200, 'blanks around it');
is(with("Authorization: Bearer $key")->status, 200, 'Bearer');
is(with("authorization: bearer $key")->status, 200, 'bearer');
is(with("Authorization: BEARER $key")->status, 200, 'BEARER');
is(with("X-API-Key: $keys{test}")->status, 200, 'a test key');

# ---- what the backend learns ----

is(with("X-API-Key: $keys{read}", 'X-User: root', 'sub: root')->status, 200,
    'a key with one permission');
my $ctx = ($t->backend_requests('analytics'))[-1]{ctx};
is($ctx->{sub}, 'user:7', 'principal');
is($ctx->{key}, '42', 'id of the key');
is($ctx->{plan}, 'pro', 'plan');
is_deeply($ctx->{perm}, ['bars:read'], 'permissions');
unlike(join('|', %$ctx), qr/wd_live_/, 'the key itself stays here');

# ---- refused by auth's verdict ----

my $calls = $t->backend_calls('analytics');
my $unknown = wd_apikey();
is_problem(with("X-API-Key: $unknown"), 401, 'unauthenticated', 'unknown key');
is_problem(with("X-API-Key: $unknown"), 401, 'unauthenticated', 'again');
is(scalar(grep { $_->{args}{digest} eq key_digest($unknown) }
    $t->backend_requests('auth')), 1, 'auth was asked once');

is_problem(with("X-API-Key: $keys{$_}"), 403, 'forbidden', "permissions: $_",
    qr/bars:read/) for qw/ other none /;
is_problem(with("X-API-Key: $keys{expired}"), 401, 'unauthenticated',
    'expired');

# A verdict against the protocol is no verdict.
for my $case (@odd) {
    my $r = with("X-API-Key: $case->[2]");
    like($r->status, qr/^50[023]$/, "verdict: $case->[0]");
    unlike($r->body, qr/^\{\}$/, "verdict: $case->[0]: no answer");
}
for my $case (@fail) {
    like(with("X-API-Key: $case->[2]")->status, $case->[1],
        "error $case->[0] of auth");
}
is($t->backend_calls('analytics'), $calls, 'the backend was not asked');

is(with("X-API-Key: $keys{any_read}")->status, 200, 'a wildcard permission');
is(with("X-API-Key: $keys{later}")->status, 200, 'not yet expired');

# ---- expiry while the verdict is cached ----

my $soon = $t->add_key(perm => ['*'], exp => int((time() + 1.5) * 1000) * 10**6);
is(with("X-API-Key: $soon")->status, 200, 'a key that expires soon');
$t->wait_for('it does', sub { with("X-API-Key: $soon")->status == 401 });
