#!/usr/bin/perl

# JSON Web Tokens: every algorithm end to end, what a token grants, and that
# a hostile one does no harm to the next request on the same worker.

use warnings;
use strict;

use MIME::Base64 qw/ decode_base64url /;

use Test::Wizdata;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $iss = 'https://login.example.com';

my %k = map { $_ => Wizdata::Jwt->new($t->dir, $_) } jwt_algorithms();
my $stranger = Wizdata::Jwt->new($t->dir, 'ES256', kid => 'stranger');
my $pem = Wizdata::Jwt->new($t->dir, 'ES384', kid => 'pem');
my $legacy = Wizdata::Jwt->new($t->dir, 'RS256', kid => 'legacy');

$t->write_file('keys.json', jwks(values %k));
$t->write_file('legacy.json', jwks(do {
    my $j = $legacy->jwk; delete $j->{alg}; $j }));
$t->write_file('key.pem', $pem->pem);
$t->config(http => <<"END");
    large_client_header_buffers 4 16k;
    wizdata_plan free rate=1000/s burst=100;
    wizdata_jwt_issuer $iss audience=wizdata audience=other
        keys=file:$t->{dir}/keys.json keys=pem:pem:ES384:$t->{dir}/key.pem
        leeway=2s plan=free;
    wizdata_jwt_issuer roles name=r audience=wizdata leeway=0
        keys=file:$t->{dir}/legacy.json rsa_alg=RS256
        permissions_claim=/realm_access/roles plan_claim=tier
        grant=reader=bars:read,quotes:read "grant=a=b=instruments:read";
END
$t->config(server => <<'END', servers => <<'END2');
        location = /v1/quotes {
            wizdata_api on;
            wizdata_limit on;
        }
END
    server {
        listen 127.0.0.1:%%PORT_8081%% http2;
        location /v1/ {
            wizdata_api on;
        }
    }
END2

$t->backend('analytics', sub { "{}" });
$t->run();

my $path = '/v1/instruments?q=x';

sub bearer {
    my ($token, %o) = @_;

    return get($path, key => undef, headers => [
        "Authorization: Bearer $token" ], %o);
}

# The context that the backend saw.
sub seen { return ($t->backend_requests('analytics'))[-1]{ctx} }

# ---- algorithms ---------------------------------------------------------

my $good;
for my $alg (jwt_algorithms()) {
    my $token = $k{$alg}->token({ sub => "user-$alg" });
    my $r = bearer($token);
    is($r->status, 200, "$alg is taken") or diag($r->text);
    is(seen()->{sub}, "login.example.com:user-$alg", "$alg: principal");
    is(bearer($token)->status, 200, "$alg: and again");
    $good = $token if $alg eq 'ES256';
}

# ---- what a token says --------------------------------------------------

is(bearer($k{ES256}->token({ plan => 'pro' }))->status, 200, 'with a plan');
is(seen()->{plan}, 'pro', 'the plan of the token');
bearer($k{ES256}->token);
is(seen()->{plan}, 'free', 'the plan of the issuer');

is(bearer($pem->token)->status, 200, 'a key from PEM');
is(bearer($k{HS256}->token({ aud => [ 'x', 'other' ] }))->status, 200,
    'one of several audiences');
is(bearer($k{HS256}->token({ permissions => undef,
    scope => 'openid instruments:read' }))->status, 200, 'by scope');
is(bearer($k{HS256}->token({ permissions => undef,
    scp => ['instruments:*'] }))->status, 200, 'by scp');
is_problem(bearer($k{HS256}->token({ permissions => ['bars:read'] })), 403,
    'forbidden', 'without the permission', qr/instruments:read/);
is_problem(bearer($k{HS256}->token({ permissions => undef })), 403,
    'forbidden', 'without any');

my %role = (iss => 'roles', permissions => ['*']);
is(bearer($legacy->token({ %role,
    realm_access => { roles => [ 'x', 'a=b' ] }, tier => 'gold' }))->status,
    200, 'by a role of the issuer');
is(seen()->{sub}, 'r:user', 'principal with the name');
is(seen()->{plan}, 'gold', 'plan by another claim');
is_problem(bearer($legacy->token({ %role,
    realm_access => { roles => ['reader'] } })), 403, 'forbidden',
    'a role that gives something else');
is_problem(bearer($legacy->token({ %role })), 403, 'forbidden',
    'permissions beside the configured claim give nothing');

my $long = 'x' x 255;
is(bearer($k{EdDSA}->token({ sub => $long }))->status, 200, 'a long subject');
like(seen()->{sub}, qr/^login\.example\.com:#[0-9a-f]{32}$/,
    'is known by its hash');
is(bearer($k{EdDSA}->token({ sub => "caf\x{e9}" }))->status, 200,
    'a subject beyond ASCII');

# ---- what is refused ----------------------------------------------------

my $now = time();
my $alg_none = b64u('{"alg":"none","kid":"ES256"}') . '.'
    . (split /\./, $good)[1];
my ($h, $c, $s) = split /\./, $good;

my @hostile = (
    [ 'no signature', "$h.$c." ],
    [ 'two parts', "$h.$c" ],
    [ 'five parts', "$h.$c.$s.$s.$s" ],
    [ 'none', "$alg_none." ],
    [ 'none with a signature', "$alg_none.$s" ],
    [ 'padding', "$good=" ],
    [ 'another signature', "$h.$c." . b64u('x' x 64) ],
    [ 'a signature of zeros', "$h.$c." . b64u("\0" x 64) ],
    [ 'a long signature', "$h.$c." . b64u('x' x 2000) ],
    [ 'the RSA key as a secret', do {
        my $f = bless { %{ $k{HS256} }, secret => $k{RS256}->pem,
            kid => 'RS256' }, 'Wizdata::Jwt';
        $f->token } ],
    [ 'another algorithm than the key\'s', $k{HS256}->token({},
        { alg => 'HS384' }) ],
    [ 'another curve', $k{ES256}->token({}, { kid => 'ES384' }) ],
    [ 'no kid', $k{ES256}->token({}, { kid => undef }) ],
    [ 'unknown key', $stranger->token ],
    [ 'unknown key of a known kid', $stranger->token({},
        { kid => 'ES256' }) ],
    [ 'critical', $k{ES256}->token({}, { crit => ['exp'] }) ],
    [ 'b64', $k{ES256}->token({}, { b64 => JSON::PP::false() }) ],
    [ 'zip', $k{ES256}->token({}, { zip => 'DEF' }) ],
    [ 'jku', $k{ES256}->token({}, { jku => 'https://127.0.0.1/' }) ],
    [ 'jwk', $stranger->token({}, { jwk => $stranger->jwk }) ],
    [ 'nested', $k{ES256}->token({}, { cty => 'JWT' }) ],
    [ 'typ', $k{ES256}->token({}, { typ => 'dpop+jwt' }) ],
    [ 'a name twice in the header', $k{ES256}->token(undef,
        '{"alg":"ES256","kid":"ES256","kid":"ES256"}') ],
    [ 'a name twice in the claims', $k{ES256}->token(
        qq({"iss":"$iss","aud":"wizdata","sub":"a","exp":9999999999,)
        . '"permissions":["*"],"\u0073ub":"b"}') ],
    [ 'BOM', $k{ES256}->token("\xef\xbb\xbf{}") ],
    [ 'deep', $k{ES256}->token('{"a":' . '[' x 400 . ']' x 400 . '}') ],
    [ 'no JSON', $k{ES256}->token('hello') ],
    [ 'expired', $k{ES256}->token({ exp => $now - 10 }) ],
    [ 'not yet', $k{ES256}->token({ nbf => $now + 60 }) ],
    [ 'from the future', $k{ES256}->token({ iat => $now + 60 }) ],
    [ 'another audience', $k{ES256}->token({ aud => 'x' }) ],
    [ 'another issuer', $k{ES256}->token({ iss => 'https://evil' }) ],
    [ 'the key of another issuer', $k{ES256}->token({ iss => 'roles' }) ],
    (map { [ "no $_", $k{ES256}->token({ $_ => undef }) ] }
        qw/ exp iss aud sub /),
    (map { [ "exp as $_->[0]", $k{ES256}->token(
        qq({"iss":"$iss","aud":"wizdata","sub":"a","exp":$_->[1]})) ] }
        [ text => '"9999999999"' ], [ null => 'null' ], [ true => 'true' ],
        [ object => '{}' ], [ array => '[9999999999]' ]),
    [ 'sub with a line end', $k{ES256}->token({ sub => "a\nb" }) ],
    [ 'sub too long', $k{ES256}->token({ sub => 'x' x 256 }) ],
    [ 'permissions that are a number', $k{ES256}->token(
        { permissions => 1 }) ],
    [ 'the longest that is read', 'A' x 8192 ],
    [ 'too long', 'A' x 8193 ],
);

my $calls = $t->backend_calls('analytics');
for my $case (@hostile) {
    my ($name, $token) = @$case;
    my $client = client();
    my $r = $client->get($path, key => undef, headers => [
        "Authorization: Bearer $token" ]);
    is_problem($r, 401, 'unauthenticated', $name);
    $r = $client->get($path, key => undef, headers => [
        "Authorization: Bearer $good" ]);
    is($r->status, 200, "$name: the next request") or diag($r->text);
    $calls++;
    $client->close;
}
is($t->backend_calls('analytics'), $calls, 'no hostile one came through');

# ---- the header itself --------------------------------------------------

my %status;
for my $n (0 .. 40) {
    $status{ get($path, key => undef, headers => [
        'Authorization: ' . 'x' x $n ])->status }++;
    $status{ bearer('x' x $n)->status }++;
    $status{ bearer('.' x $n)->status }++;
}
for my $n (0 .. length 'Bearer ') {
    $status{ get($path, key => undef, headers => [
        'Authorization: ' . substr 'Bearer ', 0, $n ])->status }++;
}
is(join(' ', map { "$_" } sort keys %status), '401',
    'every short header is refused') or diag(explain(\%status));

is(get($path, key => undef, headers => [ "aUTHORIZATION: bEARER   $good " ])
    ->status, 200, 'scheme by any case, blanks around the token');
is(get($path, key => undef, headers => [ "Authorization: Bearer $good",
    "Authorization: Bearer $good" ])->status, 400, 'given twice');
is_problem(get($path, headers => [ "Authorization: Bearer $good" ]), 400,
    'invalid-header', 'beside an API key');
is_problem(get($path, key => $good), 401, 'unauthenticated',
    'a token is no API key');
is_problem(get("$path&access_token=" . $k{ES256}->token({ sub => 'query' }),
    key => undef), 401,
    'unauthenticated', 'not from the query');
is_problem(get($path, key => undef, headers => [ "Cookie: token=$good",
    "X-Token: $good" ]), 401, 'unauthenticated', 'nor from another header');
is(get($path, key => undef, headers => [ "Authorization: Bearer $t->{key}" ])
    ->status, 200, 'an API key as a bearer');
is_problem(bearer('wd_live_' . 'x' x 38), 401, 'unauthenticated',
    'what begins like a key is a key');

# ---- split, pipelined, HTTP/2 -------------------------------------------

my $text = "GET $path HTTP/1.1\r\nHost: localhost\r\n"
    . "Authorization: Bearer $good\r\n\r\n";
my $client = client();
for my $byte (split //, $text) {
    $client->send($byte);
}
is($client->response->status, 200, 'byte by byte');

my $bad = 0;
for my $at (map { $_ * 7 } 1 .. length($text) / 7 - 1) {
    $client->send(substr $text, 0, $at);
    select undef, undef, undef, 0.001;
    $client->send(substr $text, $at);
    $bad++ if $client->response->status != 200;
}
is($bad, 0, 'split at many places');

$client->send($text x 5 . "GET $path HTTP/1.1\r\nHost: localhost\r\n"
    . "Authorization: Bearer $good.x\r\n\r\n" . $text);
is(join(' ', map { $client->response->status } 1 .. 7),
    '200 200 200 200 200 401 200', 'pipelined');

SKIP: {
    my $curl = `curl --version 2>/dev/null` // '';
    skip 'curl has no HTTP/2', 3 unless $curl =~ /\bHTTP2\b/;
    my $h2 = sub {
        my ($token) = @_;
        my $url = 'http://127.0.0.1:' . port(8081) . '/v1/instruments?q=x';
        return `curl -s -o $t->{dir}/h2 -w '%{http_version} %{http_code}' --http2-prior-knowledge -H 'Authorization: Bearer $token' '$url'`;
    };
    is($h2->($good), '2 200', 'over HTTP/2');
    is($h2->("$good.x"), '2 401', 'a hostile one over HTTP/2');
    is($h2->($k{PS512}->token({ sub => 'h2' })), '2 200', 'and a new one');
}

# ---- log, metrics -------------------------------------------------------

is(get('/v1/quotes?symbol=IBM', key => undef,
    headers => ["Authorization: Bearer $good"])->status, 200, 'with a limit');
my $metrics = get('/metrics', key => undef)->body;
like($metrics, qr/^wizdata_limit_admitted_total\{client_type="jwt"\} 1$/m,
    'as the client of a token');
for my $outcome (qw/ verified cached malformed algorithm unknown_key signature
    expired claims /)
{
    like($metrics, qr/^wizdata_jwt_total\{outcome="$outcome"\} [1-9]/m,
        "counted: $outcome");
}
for my $log ('error.log', 'access.log') {
    ok($t->read_file($log) !~ /\Q$s\E|\Q$c\E/, "no token in $log");
}
