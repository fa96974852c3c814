#!/usr/bin/perl

# Verified tokens that are revoked: one, those of a subject, all that were
# issued before a time; pushed by auth, in every worker, also for tokens that
# are remembered; and without a push channel auth is asked.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $d = $t->dir;
my $k = Wizdata::Jwt->new($d, 'EdDSA', kid => 'k');
my $path = '/v1/instruments?q=x';
my $now = int time;

$t->write_file('keys.json', jwks($k));
$t->config(workers => 2, http => <<"END");
    wizdata_jwt_issuer https://login.example.com audience=wizdata
        keys=file:$d/keys.json;
END
$t->backend('analytics', sub { '{}' });

# Auth knows of one token that it is void, and says so when it is asked.
$t->auth(undef, methods => {
    'auth.token' => sub {
        my ($req) = @_;
        return error_reply(-3, 'void')
            if ($req->{args}{jti} // '') eq 'void at auth';
        return reply(undef);
    } });
$t->run();

# The statuses of a token, sent often enough to meet every worker.
sub statuses {
    my ($token) = @_;

    my %n;
    my @clients = map { client() } 1 .. 12;
    $_->send_request('GET', $path, key => undef, headers => [
        "Authorization: Bearer $token" ]) for @clients;
    $n{ $_->response->status }++ for @clients;
    return join ' ', sort keys %n;
}

sub revoke {
    my (@rows) = @_;

    $t->backend_ctl('auth', 'notify', 'auth.revoke_token', [ \@rows,
        int(Time::HiRes::time() * 1e9) ]);
}

sub refused {
    my ($name, $token) = @_;

    return $t->wait_for($name, sub { statuses($token) eq '401' });
}

sub token { return $k->token({ iat => $now - 100, @_ }) }

my $one = token(jti => 'one');
my $two = token(jti => 'two');
my $none = token();
is(statuses($_->[1]), '200', "$_->[0] is good") for [ one => $one ],
    [ two => $two ], [ none => $none ];

revoke([ 'jti', 'one', ($now + 600) * 10**9 ]);
refused('one is void', $one);
is(statuses($two), '200', 'the other is not');
is(statuses($none), '200', 'nor the one without a jti');
is(statuses(token(jti => 'one', plan => 'x')), '401',
    'another token of that jti, never seen before');

my $his = token(sub => 'his', jti => 'his');
my $old = $k->token({ sub => 'his', iat => undef });
is(statuses($his), '200', 'a token of a subject');
is(statuses($old), '200', 'and one that does not say when it was issued');
revoke([ 'sub', 'his', ($now - 50) * 10**9 ]);
refused('tokens of the subject from before', $his);
refused('without a time they are from before', $old);
is(statuses(token(sub => 'his', iat => $now - 49)), '200',
    'a later one is good');
is(statuses($two), '200', 'another subject');

revoke([ 'all', '', ($now - 20) * 10**9 ]);
refused('all from before', $two);
is(statuses(token(iat => $now - 19, sub => 'later')), '200', 'not later ones');

my ($open, $n) = ('', 0);
$t->wait_for('while auth pushes, nobody is asked', sub {
    $open = token(iat => $now, jti => 'void at auth', plan => 'p' . $n++);
    return statuses($open) eq '200';
});

$t->backend_ctl('auth', 'set', 'beat', 0);
refused('without a push channel auth is asked', $open);
is(statuses(token(iat => $now, sub => 'asked')), '200', 'who is not void');
$t->backend_stop('auth');
$t->wait_for('without auth nobody can tell', sub {
    statuses(token(iat => $now, sub => 'away')) eq '503' });

like(get('/metrics', key => undef)->body,
    qr/^wizdata_revocations_total\{kind="token"\} 1$/m, 'counted');
