#!/usr/bin/perl

# Signing keys and the tokens that operators have signed: one key however
# many instances start, sealed in the database, changed without a gap.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw/ decode_base64 encode_base64 /;
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Ctl;
use Wizdata::Postgres;
use Wizdata::Service;

use constant { SOON => 10, NS => 1_000_000_000 };

my $pg = Wizdata::Postgres->start();
my $json = JSON::PP->new->canonical;

sub auth {
    return Wizdata::Service->start('auth',
        WIZDATA_DATABASE_URL => $pg->url(),
        WIZDATA_AUTH_PEPPER => 'd4' x 32, @_);
}

sub jwks {
    my ($c) = @_;
    my ($status, $meta, $body) = $c->call('auth.jwks', {});
    ok($meta->{ttl} <= 10, 'not kept long') if defined $meta->{ttl};
    return $json->decode($body)->{keys};
}

sub bytes_of {
    my ($text) = @_;
    $text =~ tr{-_}{+/};
    return decode_base64($text . '=' x (-length($text) % 4));
}

# Does OpenSSL, who made none of it, agree with the signature?
sub verified {
    my ($token, $jwk) = @_;

    my ($signed, $signature) = $token =~ /^([\w-]+\.[\w-]+)\.([\w-]+)$/
        or return 0;
    my %file = map { $_ => File::Temp->new() } qw/ key text signature /;
    $file{key}->print("-----BEGIN PUBLIC KEY-----\n", encode_base64(
        pack('H*', '302a300506032b6570032100') . bytes_of($jwk->{x})),
        "-----END PUBLIC KEY-----\n");
    $file{text}->print($signed);
    $file{signature}->print(bytes_of($signature));
    $_->flush() for values %file;
    return system("openssl pkeyutl -verify -pubin -inkey $file{key} -rawin"
        . " -in $file{text} -sigfile $file{signature} >/dev/null 2>&1") == 0;
}

# How many keys are in use, and wait for it.
sub count { $pg->psql('SELECT count(active_from),
    count(*) - count(active_from) FROM signing_key') }

# ---- two instances that start at once make one key

my @auth = map { undef } 1 .. 2;
{
    my @pids;
    $pg->psql('ALTER TABLE signing_key RENAME TO hidden');
    @auth = map { auth() } 1 .. 2;      # neither can make one yet
    my @c = map { $_->connect() } @auth;
    ok(!$_->notification('auth.beat', 0.5), 'without its tables it beats not')
        for @c;
    $pg->psql('ALTER TABLE hidden RENAME TO signing_key');
    ok($_->notification('auth.beat', SOON), 'now it beats') for @c;
    is(count(), '1|1', 'one key in use, and the next');
    is_deeply(jwks($c[0]), jwks($c[1]), 'which both publish');
}
for my $round (1 .. 5) {
    $_->stop('KILL') for @auth;
    $pg->psql('DELETE FROM signing_key');
    # start() returns when it listens: the second is up within milliseconds
    @auth = map { auth() } 1 .. 2;
    $_->connect()->notification('auth.beat', SOON) for @auth;
    is(count(), '1|1', 'one key in use, and the next');
}

my @c = map { $_->connect() } @auth;
$ENV{WIZDATA_RUN_DIR} = $auth[0]->dir();
my $used = $pg->psql('SELECT kid FROM signing_key
    WHERE active_from IS NOT NULL');
is(scalar @{ jwks($c[0]) }, 2, 'two keys are published');
my ($jwk) = grep { $_->{kid} eq $used } @{ jwks($c[0]) };
is_deeply({ %$jwk, x => 1, kid => 1 }, { kty => 'OKP', crv => 'Ed25519',
    alg => 'EdDSA', use => 'sig', x => 1, kid => 1 }, 'a key of RFC 8037');
like($jwk->{kid}, qr/^[0-9a-f]{16}$/, 'its id');
is(length bytes_of($jwk->{x}), 32, 'its 32 bytes');
is($pg->psql("SELECT octet_length(private), position(public in private)
    FROM signing_key WHERE kid = '$used'"), '72|0', 'its private half is sealed');

# ---- a token

my $before = time;
my $r = ctl('--json', 'token', 'issue', '--sub', 'user:7', '--permissions',
    'bars:read,quotes:read', '--plan', 'default', '--ttl', '5m');
is($r->{rc}, 0, 'issued') or diag $r->{err}, $r->{out};
my $token = $r->{json}{token};
my ($head, $claims) = map { $json->decode(bytes_of($_)) }
    (split /\./, $token)[0, 1];
is_deeply($head, { alg => 'EdDSA', kid => $jwk->{kid}, typ => 'at+jwt' },
    'its header');
ok($claims->{iat} >= $before && $claims->{iat} <= time, 'issued now');
is($claims->{exp}, 300 + int $claims->{iat}, 'for five minutes');
is_deeply({ %$claims, iat => 0, exp => 0, jti => 0 }, { iss => 'wizdata',
    aud => 'wizdata', sub => 'user:7', plan => 'default', jti => 0, iat => 0,
    exp => 0, nbf => int $claims->{iat},
    permissions => [ 'bars:read', 'quotes:read' ] }, 'its claims');
isnt($claims->{iat}, $claims->{nbf}, 'issued in the midst of a second');
like($claims->{jti}, qr/^[0-9a-f]{32}$/, 'its id');
ok(verified($token, $jwk), 'OpenSSL says that it is signed');
(my $forged = $token) =~ s/^([^.]+)\.(.)/"$1." . ($2 eq 'e' ? 'f' : 'e')/e;
ok(!verified($forged, $jwk), 'and that another is not');
is($r->{json}{jti}, $claims->{jti}, 'the answer has the id');
unlike($auth[0]->log(), qr/\Q$token\E/, 'the log has not the token');

my $issued = 0 + sprintf '%.0f', $claims->{iat} * NS;
is($c[0]->error('auth.token', { jti => $claims->{jti}, sub => 'user:7',
    iss => 'wizdata', iat => $issued }), undef, 'it is good');
$r = ctl('--json', 'token', 'revoke', '--jti', $claims->{jti}, '--exp',
    $r->{json}{expires_at});
is($r->{rc}, 0, 'revoked') or diag $r->{err}, $r->{out};
is($c[1]->error('auth.token', { jti => $claims->{jti}, sub => 'user:7',
    iss => 'wizdata', iat => $issued })->[0], -3, 'and void');

# ---- what is refused

for my $case (
    [ 'no subject', {}, -2 ],
    [ 'a long subject', { sub => 'x' x 256 }, -2 ],
    [ 'a control character', { sub => "a\x01" }, -2 ],
    [ 'no life', { sub => 'x', ttl => 0 }, -2 ],
    [ 'a long life', { sub => 'x', ttl => 86401 }, -2 ],
    [ 'permissions', { sub => 'x', permissions => ['*:*:*'] }, -2 ],
) {
    my ($what, $args, $code) = @$case;
    is($c[0]->error('tokens.issue', $args)->[0], $code, $what);
}
is($c[0]->error('tokens.issue', { sub => 'x', permissions => ['users:write'] },
    perm => ['tokens:write'])->[0], -4, 'more than one has oneself');
is(ctl('token', 'issue')->{rc}, 2, 'the tool wants a subject');
is(ctl('token', 'issue', '--sub', 'x', '--ttl', 'soon')->{rc}, 2, 'and a time');
is(ctl('token', 'issue', '--sub', 'x', '--ttl', '10ms')->{rc}, 2,
    'in whole seconds');
is(ctl('token', 'revoke')->{rc}, 1, 'and what to revoke');

# ---- another key

sub issue { ctl('--json', 'token', 'issue', '--sub', 'x')->{json}{token} }
sub kid { $json->decode(bytes_of((split /\./, $_[0])[0]))->{kid} }

sub published {
    my ($c) = @_;
    return { map { $_->{kid} => $_ } @{ jwks($c) } };
}

my $old = issue();
is(kid($old), $used, 'until then the key in use signs');
my ($next) = grep { $_ ne $used } keys %{ published($c[0]) };
$_->forget() for @c;
$r = ctl('--json', 'jwks', 'rotate', '--keep', '1h');
is($r->{rc}, 0, 'rotated') or diag $r->{err}, $r->{out};
is($r->{json}{kid}, $next, 'the one that was published comes into use');
ok($c[$_]->notification('auth.jwks_changed', SOON), "instance $_ tells")
    for 0, 1;
for my $c (@c) {
    my $keys = published($c);
    ok($keys->{$used} && $keys->{$next}, 'old and new key are published');
    is(scalar keys %$keys, 3, 'and a next one');
}
my $new = issue();
is(kid($new), $next, 'the new one signs');
my $keys = published($c[1]);
ok(verified($new, $keys->{$next}), 'well');
ok(verified($old, $keys->{$used}), 'old tokens are good');

my ($third) = grep { $_ ne $used && $_ ne $next } keys %$keys;
$r = ctl('--json', 'jwks', 'rotate', '--keep', '0s');
$keys = published($c[0]);
ok($keys->{$used} && !$keys->{$next}, 'one was to stay and stays, one went');
is($r->{json}{kid}, $third, 'whichever was the next is used');
is(scalar keys %$keys, 3, 'and there is another');
$pg->psql("UPDATE signing_key SET not_after = now() WHERE not_after IS NOT
    NULL");
$keys = published($c[0]);
ok($keys->{$third} && keys %$keys == 2, 'until their time is over');

my %kid;
# Two that rotate at once each have their turn, and leave one key in use.
{
    my @ask = map { [ $_, $_->ask('jwks.rotate', {}) ] } (@c) x 4;
    for my $ask (@ask) {
        my $answer = $ask->[0]->answer($ask->[1]);
        $kid{ $json->decode($answer->[3][2])->{kid} } = 1;
    }
    is(scalar keys %kid, 8, 'eight rotations at once are eight');
    is($pg->psql('SELECT count(*) FILTER (WHERE active_from IS NOT NULL),
        count(*) FILTER (WHERE active_from IS NULL)
        FROM signing_key WHERE not_after IS NULL'), '1|1',
        'and one key is in use, one the next');
    my $last = $pg->psql('SELECT kid FROM signing_key WHERE not_after IS NULL
        AND active_from IS NOT NULL');
    ok($kid{$last}, 'which the last of them told');
    is(kid(issue()), $last, 'and it signs');
}
$pg->psql('DELETE FROM signing_key WHERE not_after IS NOT NULL');

# ---- another pepper opens nothing, and makes its own key

my $other = auth(WIZDATA_AUTH_PEPPER => 'e5' x 32,
    WIZDATA_AUTH_ISSUER => 'https://auth.example.com',
    WIZDATA_AUTH_AUDIENCE => 'api');
my $o = $other->connect();
$o->notification('auth.beat', SOON);
is(scalar @{ jwks($o) }, 4, 'two keys more');
$token = $json->decode(($o->call('tokens.issue', { sub => 'y' }))[2])->{token};
my $others = kid($token);
ok(!$kid{$others} && !exists $keys->{$others}, 'not signed with the other');
$claims = $json->decode(bytes_of((split /\./, $token)[1]));
is("$claims->{iss} $claims->{aud}", 'https://auth.example.com api',
    'issuer and audience are configured');
ok(verified($token, published($c[0])->{$others}), 'signed');

# ---- a sealed key that was damaged

$pg->psql("UPDATE signing_key SET private = overlay(private
    placing decode(CASE get_byte(private, 39) WHEN 0 THEN '01' ELSE '00' END,
    'hex') from 40) WHERE kid = '$others'");
is($o->error('tokens.issue', { sub => 'y' })->[0], -14, 'signs nothing');
$other->stop();

is($_->stop(), 0, 'a clean end') for @auth;
unlike(join('', map { $_->log() } @auth, $other), qr/Sanitizer|runtime error/,
    'no sanitizer errors');
unlike(join('', map { $_->log() } @auth, $other), qr/d4d4d4|e5e5e5/,
    'no pepper in a log');

done_testing();
