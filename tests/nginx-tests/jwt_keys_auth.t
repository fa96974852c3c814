#!/usr/bin/perl

# Keys of auth: asked by RPC once for all workers, again when auth says that
# they changed or comes back, kept while it is away.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $d = $t->dir;
my %k = map { $_ => Wizdata::Jwt->new($d, 'EdDSA', kid => $_) } qw/ a b c d /;
my %issuer = (iss => 'wizdata');

$t->config(workers => 2, http => <<'END');
    wizdata_jwks_refetch 1s;
    wizdata_jwt_issuer wizdata audience=wizdata keys=auth;
END
$t->backend('analytics', sub { '{}' });

# The answer is a file, because auth is a process of its own.
$t->write_file('auth.json', jwks($k{a}));
$t->auth(undef, methods => {
    'auth.jwks' => sub {
        open my $fh, '<', "$d/auth.json" or return error_reply(-29, 'away');
        local $/;
        my $text = <$fh>;
        return stream(length $text, abort_at => 10) if $text =~ /^abort/;
        return error_reply(-14, 'unwell') if $text =~ /^error/;
        return reply($text);
    } });
$t->run();

my $path = '/v1/instruments?q=x';

sub bearer {
    my ($token, %o) = @_;

    return get($path, key => undef, headers => [
        "Authorization: Bearer $token" ], %o);
}

sub statuses {
    my (@tokens) = @_;

    my @clients = map {
        my $c = client();
        $c->send_request('GET', $path, key => undef, keepalive => 1,
            headers => [ "Authorization: Bearer $_" ]);
        $c;
    } @tokens;
    my %n;
    $n{ $_->response->status }++ for @clients;
    return join ' ', map { "$_:$n{$_}" } sort keys %n;
}

sub place {
    my ($text) = @_;

    $t->write_file('auth.new', $text);
    rename "$d/auth.new", "$d/auth.json" or die $!;
}

is(statuses(map { $k{a}->token({ %issuer, sub => "u$_" }) } 1 .. 20),
    '200:20', 'tokens of auth');
is(($t->backend_requests('analytics'))[0]{ctx}{sub} =~ /^u\d+$/, 1,
    'their principals are their subjects');
cmp_ok($t->backend_calls('auth', 'auth.jwks'), '<=', 3,
    'asked at the start, once for both workers but for their connections');
is($t->backend_calls('auth', 'auth.verify'), 0, 'and for no token');

# Rotation, told.
place(jwks($k{a}, $k{b}));
$t->backend_ctl('auth', 'notify', 'auth.jwks_changed', []);
is(statuses(map { $k{b}->token({ %issuer, sub => "u$_" }) } 1 .. 20),
    '200:20', 'a new key that was announced');

# Rotation, untold.
place(jwks($k{b}, $k{c}));
is(statuses(map { $k{c}->token({ %issuer, sub => "u$_" }) } 1 .. 20),
    '200:20', 'a new key that was not');
is(statuses(map { $k{a}->token({ %issuer, sub => "v$_" }) } 1 .. 10),
    '401:10', 'the key that is gone');

# Auth fails.
for my $case ([ 'an error', 'error' ], [ 'a body that breaks off', 'abort' ],
    [ 'no key set', '{}' ])
{
    my ($name, $text) = @$case;
    place($text);
    select undef, undef, undef, 1.1;
    is(bearer($k{d}->token(\%issuer))->status, 503, "$name: nobody can tell");
    is(bearer($k{c}->token({ %issuer, sub => $name }))->status, 200,
        "$name: the last keys stay");
}

# Auth is away, and comes back with other keys.
$t->backend_stop('auth');
is(bearer($k{c}->token({ %issuer, sub => 'away' }))->status, 200,
    'verified without auth');
place(jwks($k{d}));
$t->backend_start('auth');
$t->wait_for('the keys of an auth that is back', sub {
    return bearer($k{d}->token({ %issuer, sub => 's' . rand }))->status == 200;
});
$t->wait_for('the others are void', sub {
    return statuses(map { $k{c}->token({ %issuer, sub => "w$_" }) } 1 .. 6)
        eq '401:6';
});
