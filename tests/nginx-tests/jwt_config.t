#!/usr/bin/perl

# What is wrong with the words of wizdata_jwt_issuer and its kin is found by
# nginx -t, at its line, with what to write instead.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
$t->{no_auth} = 1;

my $d = $t->dir;
my $key = Wizdata::Jwt->new($d, 'ES256', kid => 'k');
my $ed = Wizdata::Jwt->new($d, 'EdDSA', kid => 'k');
my $weak = Wizdata::Jwt->new($d, 'HS256', kid => 'k');
$weak->{secret} = 'short';
$t->write_file('keys.json', jwks($key));
$t->write_file('bad.json', '{');
$t->write_file('none.json', '{"keys":[]}');
$t->write_file('weak.json', jwks($weak));
$t->write_file('twice.json', jwks($key, $key));
$t->write_file('long.json', jwks($key) . ' ' x 300_000);
$t->write_file('key.pem', $key->pem);
mkdir "$d/folder.json";

sub check {
    my ($line, $before) = @_;

    my @lines = ($t->globals, 'events { }', 'http {',
        "client_body_temp_path $d/b; proxy_temp_path $d/p;",
        "fastcgi_temp_path $d/f; uwsgi_temp_path $d/u; scgi_temp_path $d/s;",
        'wizdata_service analytics unix:/tmp/none.sock;', $before // '',
        $line, 'server {', 'listen 127.0.0.1:' . port(8080) . ';',
        'location /v1/ {', 'wizdata_api on;', '}', '}', '}');
    my @all = map { split /\n/, $_, -1 } @lines;
    $t->write_file('nginx.conf', join("\n", @all) . "\n");

    my ($n) = grep { $all[ $_ - 1 ] eq $line } 1 .. @all;
    return ($t->test_config, $n);
}

my $file = "keys=file:$d/keys.json";
my $i = 'wizdata_jwt_issuer https://a.example audience=w';
my $ip = 'wizdata_jwt_issuer https://127.0.0.1/r audience=w name=x';
my @bad = (
    [ 'wizdata_jwt_issuer;', qr/number of arguments/ ],
    [ 'wizdata_jwt_issuer x;', qr/number of arguments/ ],
    [ 'wizdata_jwt_issuer "" audience=w;', qr/text of its tokens' iss/ ],
    [ "wizdata_jwt_issuer https://a.example $file;", qr/needs audience=/ ],
    [ "$i leeway=1s;", qr/needs audience= and keys=/ ],
    [ "$i $file audience=;", qr/audience=wizdata/ ],
    [ "$i $file" . ' audience=x' x 8 . ';', qr/1 to 8 words/ ],
    [ "$i $file leeway=61s;", qr/from 0 to 60s, such as 30s/ ],
    [ "$i $file leeway=x;", qr/from 0 to 60s/ ],
    [ "$i $file name=;", qr/1 to 63 letters/ ],
    [ "$i $file name=a:b;", qr/1 to 63 letters/ ],
    [ "$i $file name=" . 'x' x 64 . ';', qr/1 to 63 letters/ ],
    [ "$i $file name=user;", qr/another name than auth's own/ ],
    [ "wizdata_jwt_issuer https://user:8443/ audience=w $file;",
        qr/another name than auth's own/ ],
    [ "$i $file plan=;", qr/1 to 32 characters/ ],
    [ "$i $file plan_claim=;", qr{/realm_access/roles} ],
    [ "$i $file permissions_claim=;", qr{/realm_access/roles} ],
    [ "$i $file grant=x;", qr/grant=reader=bars:read/ ],
    [ "$i $file grant==a:b;", qr/grant=reader=bars:read/ ],
    [ "$i $file grant=x=;", qr/grant=reader=bars:read/ ],
    [ "$i $file grant=x=a:b,c;", qr/grant=reader=bars:read/ ],
    (map { [ "$i $file role=$_;", qr/role=staff=reader,uploader/ ] } 'x',
        '=a', 'x=', 'x=a,', 'x=a/b', 'x=' . 'a' x 65, 'x=a:b',
        'x=' . join(',', map { "r$_" } 1 .. 33)),
    [ "$i $file" . join('', map { " role=v$_=r" } 1 .. 33) . ';',
        qr/at most 32 words role=/ ],
    [ "$i $file roles=all;", qr/roles=direct, or role=VALUE=role/ ],
    [ "$i $file roles=direct roles_claim=;", qr{realm_access\.roles} ],
    [ "$i $file roles_claim=x;", qr/no use alone: write role= or roles=dir/ ],
    [ "$i $file roles=direct;",
        qr/role= and roles= need the service auth: write wizdata_service/ ],
    [ "$i $file role=a=b;",
        qr/role= and roles= need the service auth: write wizdata_service/ ],
    [ "$i $file rsa_alg=ES256;", qr/one of RS256/ ],
    [ "$i $file rsa_alg=none;", qr/one of RS256/ ],
    [ "$i $file algorithm=none;", qr/audience=, keys=, name=/ ],
    [ "$i keys=;", qr/keys=auth, keys=file:/ ],
    [ "$i keys=http://a.example/;", qr{keys=https://host/path} ],
    [ "$i keys=https:a;", qr{keys=https://host/path} ],
    [ "$i keys=https://;", qr{keys=https://host/path} ],
    [ "$i keys=https:///x;", qr{keys=https://host/path} ],
    [ "$i keys=https://u\@127.0.0.1/;", qr{keys=https://host/path} ],
    [ "$i \"keys=https://127.0.0.1/ x\";", qr{keys=https://host/path} ],
    [ "$i keys=https://127.0.0.1:0/;", qr{keys=https://host/path} ],
    [ "$i keys=https://127.0.0.1:99999/;", qr{keys=https://host/path} ],
    [ "$i keys=https://no-such-host.invalid/;", qr/is not found/ ],
    [ 'wizdata_jwt_issuer http://a.example audience=w name=x keys=discovery;',
        qr{https URL without a query, such as https://login} ],
    [ 'wizdata_jwt_issuer plain audience=w name=x keys=discovery;',
        qr{keys=https://host/path: only an issuer that is an https URL} ],
    [ 'wizdata_jwt_issuer https://127.0.0.1/?x=1 audience=w name=x'
        . ' keys=discovery;', qr/https URL without a query/ ],
    [ 'wizdata_jwt_issuer https://u@127.0.0.1/ audience=w name=x'
        . ' keys=discovery;', qr/https URL without a query/ ],
    [ 'wizdata_jwt_issuer https://no-such-host.invalid audience=w'
        . ' keys=discovery;',
        qr{"https://no-such-host.invalid/\S+-configuration" is not found} ],
    [ "$ip keys=discovery:x;", qr/or keys=discovery/ ],
    [ "$ip keys=discovery jwks_host=no-such-host.invalid;",
        qr/"no-such-host.invalid" is not found/ ],
    (map { [ "$ip keys=discovery jwks_host=$_;",
        qr/jwks_host=host or jwks_host=host:port/ ] } '', 'a/b', 'a:0',
        'https://a', 'a?b', 'u@a', 'a:b', '[::1', '*', '*.example.com'),
    [ "$ip keys=discovery" . ' jwks_host=127.0.0.1' x 5 . ';',
        qr/at most 4 words jwks_host=/ ],
    [ "$i $file jwks_host=127.0.0.1;",
        qr/no use without keys=discovery: write that/ ],
    [ "$i keys=auth;", qr/write wizdata_service auth/ ],
    [ "$i keys=file:;", qr{keys=file:/path} ],
    [ "$i keys=file:$d/missing.json;", qr/there is no such file/ ],
    [ "$i keys=file:$d/folder.json;", qr/no regular file/ ],
    [ "$i keys=file:$d/bad.json;", qr/not a JSON object/ ],
    [ "$i keys=file:$d/none.json;", qr/no usable key/ ],
    [ "$i keys=file:$d/weak.json;", qr/a secret has 32 to/ ],
    [ "$i keys=file:$d/twice.json;", qr/two keys have the kid "k"/ ],
    [ "$i keys=file:$d/long.json;", qr/longer than 256k/ ],
    [ "$i keys=file:$d/key.pem;", qr/not a JSON object.*JWK Set/ ],
    [ "$i keys=pem:$d/key.pem;", qr/pem:KID:ALGORITHM/ ],
    [ "$i keys=pem:k:HS256:$d/key.pem;", qr/RS, PS, ES or EdDSA/ ],
    [ "$i keys=pem:k:none:$d/key.pem;", qr/RS, PS, ES or EdDSA/ ],
    [ "$i keys=pem:k:RS256:$d/key.pem;", qr/another kind than RS256/ ],
    [ "$i keys=pem:k:ES384:$d/key.pem;", qr/needs a key on P-384/ ],
    [ "$i keys=pem:k:ES256:$d/keys.json;", qr/BEGIN PUBLIC KEY/ ],
    [ "$i keys=pem::ES256:$d/key.pem;", qr/pem:KID:ALGORITHM/ ],
    [ "$i" . join('', map { " keys=pem:k$_:ES256:$d/key.pem" } 1 .. 5) . ';',
        qr/at most 4 words keys=/ ],
    [ "wizdata_jwt_issuer plain audience=w $file;", qr/write name=/ ],
    [ "wizdata_jwt_issuer https://user/ audience=w $file;",
        qr/another name than auth's own/ ],
    (map { [ "$i $_;", qr/taken for users of auth: write keys=auth alone/,
        'wizdata_service auth unix:/tmp/none.sock;' ] } "keys=auth $file",
        "$file keys=auth", 'keys=auth keys=discovery',
        "keys=auth keys=pem:k:ES256:$d/key.pem"),
    [ "$i audience=z $file;", qr/is there already/, "$i $file;" ],
    [ "wizdata_jwt_issuer https://a.example/b audience=w $file;",
        qr/share principals: write name=/, "$i $file;" ],
    [ 'wizdata_jwks_refresh 999ms;', qr/from 1s to 1d, such as 5m/ ],
    [ 'wizdata_jwks_refresh 25h;', qr/from 1s to 1d/ ],
    [ 'wizdata_jwks_refetch 0;', qr/from 1s to 1h, such as 10s/ ],
    [ 'wizdata_jwks_rediscover 25h;', qr/from 1s to 1d, such as 1h/ ],
    [ 'wizdata_jwks_wait 31s;', qr/from 100ms to 30s, such as 3s/ ],
    [ 'wizdata_jwks_timeout x;', qr/from 100ms to 60s, such as 5s/ ],
    [ 'wizdata_jwks_poll 10ms;', qr/from 100ms to 1h, such as 1s/ ],
    [ 'wizdata_jwks_poll 1s;', qr/duplicate/, 'wizdata_jwks_poll 2s;' ],
    [ 'wizdata_jwks_trusted_certificate a;', qr/duplicate/,
        "wizdata_jwks_trusted_certificate $d/b;" ],
);

for my $case (@bad) {
    my ($line, $re, $before) = @$case;
    my ($status, $said, $n) = check($line, $before);
    ok($status != 0 && $said =~ /\[emerg\].*$re/
        && $said =~ m{\Q$d\E/nginx\.conf:$n\b}, $line)
        or diag("line $n: $said");
}

# A file that is named but of no use for TLS.
my ($rc, $out) = check("$i keys=https://127.0.0.1/;",
    "wizdata_jwks_trusted_certificate $d/missing.pem;");
ok($rc != 0 && $out =~ /missing\.pem/, 'no trusted certificate');

my @good = (
    "$i $file;", "$i $file leeway=0;", "$i $file leeway=60s;",
    "$i keys=pem:k:ES256:$d/key.pem $file name=x plan=p plan_claim=/a/b;",
    "$i keys=file:keys.json permissions_claim=https://x/y grant=a=*;",
    "$i keys=https://127.0.0.1;", "$i keys=https://127.0.0.1:8443/a?b=c;",
    "$i keys=https://[::1]/x;", "$i keys=https://[::1]:8443;",
    "$i keys=https://localhost/x;", "$i $file rsa_alg=PS512;",
    "wizdata_jwt_issuer plain name=p audience=w $file;",
    "$ip keys=discovery;", "$ip keys=discovery jwks_host=127.0.0.1:8443"
        . ' jwks_host=[::1] jwks_host=[::1]:8443;',
    'wizdata_jwt_issuer https://[::1]:8443/r/ audience=w name=x'
        . ' keys=discovery keys=https://127.0.0.1/k;',
    'wizdata_jwks_rediscover 1s;', 'wizdata_jwks_rediscover 1d;',
    'wizdata_jwks_refresh 1s;', 'wizdata_jwks_refresh 1d;',
    'wizdata_jwks_refetch 1s;', 'wizdata_jwks_refetch 1h;',
    'wizdata_jwks_wait 100ms;', 'wizdata_jwks_wait 30s;',
    'wizdata_jwks_timeout 100ms;', 'wizdata_jwks_timeout 60s;',
    'wizdata_jwks_poll 100ms;', 'wizdata_jwks_poll 1h;',
);
for my $line (@good) {
    my ($status, $said) = check($line);
    is($status, 0, "good: $line") or diag($said);
}

# Where there is an auth to tell of keys and roles.
for my $line ("$i keys=auth $file name=x;", "$i $file roles=direct;",
    "$i $file role=a=b=c roles=direct"
    . ' roles_claim=realm_access.roles;', "$i $file \"role=a b=c,d\""
    . ' roles_claim=/a/b grant=a=b:c;')
{
    my ($status, $said) = check($line, 'wizdata_service auth unix:/none;');
    is($status, 0, "good: $line") or diag($said);
}

# With a resolver a host need not exist yet.
($rc, $out) = check("$i keys=https://no-such-host.invalid/;",
    'resolver 127.0.0.1;');
is($rc, 0, 'a host that the resolver is asked for') or diag($out);
($rc, $out) = check('wizdata_jwt_issuer https://no-such-host.invalid'
    . ' audience=w keys=discovery jwks_host=neither.invalid;',
    'resolver 127.0.0.1;');
is($rc, 0, 'and hosts for discovery') or diag($out);

unlink "$d/error.log"; # it has what was provoked
