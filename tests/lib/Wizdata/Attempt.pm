package Wizdata::Attempt;

# Tries a method through the gateway as somebody, with arguments that are
# right for whoever may call it: nothing but who asks stands in the way.
#
#     my $who = who($g, 'ada@example.com', roles => ['admin']);
#     my $r = attempt($g, $m, $who);                  with an access token
#     my $r = attempt($g, $m, $who, $key);            with a key of theirs
#     my $r = attempt($g, $m, $who, undef);           without a credential
#
# $who->{gives} is what a key that is made may have, by default what one may
# read. A method that is not mentioned here is tried with what the catalogue says.

use warnings;
use strict;

use Wizdata::Catalogue;
use Wizdata::Gateway;

use Exporter 'import';

our @EXPORT = qw/ who token_of attempt let_through /;

my $N = 0;

# Those whose success ends the access token that was used.
my %ENDS = map { $_ => 1 } qw/ auth.password auth.logout_all /;

my $P = $Wizdata::Gateway::PASSWORD;

# Whoever may make users has the permission of the role that these get.
my %ARGS = (
    'auth.login' => sub { ({ email => $_[1]{email}, password => $P }) },
    'auth.refresh' => sub { { refresh_token => refresh_token(@_) } },
    'auth.logout' => sub { { refresh_token => refresh_token(@_) } },
    'auth.accept' => sub { { password => "$P $N",
        token => $_[0]->rpc('users.reset', { id => scratch(@_) })->{token} } },
    'auth.confirm' => sub { {
        token => $_[0]->rpc('users.verify', { id => scratch(@_) })->{token} } },
    'auth.password' => sub { { current => $P, password => $P } },
    'auth.session_end' => sub { {
        id => $_[0]->login($_[1]{email})->{session} } },
    'auth.totp_begin' => sub { { password => $P } },
    'auth.totp_confirm' => sub { { code => '000000' } },
    'auth.totp_end' => sub { { password => $P } },

    'users.create' => sub { { email => fresh() . '@example.com',
        roles => ['little'] } },
    'users.invite' => sub { { email => fresh() . '@example.com',
        roles => ['little'] } },
    'users.update' => sub { { id => scratch(@_), name => 'X' } },
    (map { $_ => sub { { id => scratch(@_) } } } qw/ users.get users.delete
        users.reset users.verify users.logout users.totp_end /),

    # What the credential has less of than the owner is not given on.
    'keys.create' => sub { $_[1]{gives} ? { permissions => $_[1]{gives} }
        : {} },
    (map { $_ => sub { { id => own_key(@_) } } } qw/ keys.get keys.rotate
        keys.revoke /),

    'roles.set' => sub { { name => fresh(), permissions => ['bars:read'] } },
    'roles.delete' => sub { { name => $_[0]->rpc('roles.set', {
        name => fresh(), permissions => ['bars:read'] })->{name} } },
    'permissions.explain' => sub { { subject => "user:$_[1]{id}",
        action => 'bars.query' } },
    'orgs.set' => sub { { name => fresh() } },
    'plans.set' => sub { { name => fresh(), limits => 'rate=1/s' } },
    'plans.delete' => sub { { name => $_[0]->rpc('plans.set', {
        name => fresh(), limits => 'rate=1/s' })->{name} } },
    'tokens.revoke' => sub { { jti => fresh(),
        exp => '2100-01-01T00:00:00Z' } },
    'indicators.compute' => sub { { name => 'sma' } },
);

sub fresh { return 'x' . ++$N }

sub refresh_token { return $_[0]->login($_[1]{email})->{refresh_token} }

# Somebody with less than anybody else who is tried.
sub scratch {
    my ($g) = @_;

    ensure_little($g);
    return $g->user(fresh() . '@example.com', roles => ['little'],
        password => undef);
}

sub ensure_little {
    my ($g) = @_;

    $g->{little} ||= $g->rpc('roles.set', { name => 'little',
        permissions => ['bars:read'] });
}

# One of theirs; of somebody who may have none, one that is not there.
sub own_key {
    my ($g, $who) = @_;

    # Nor is what it has less of given on by replacing a key.
    my $args = { user => "user:$who->{id}",
        $who->{gives} ? (permissions => $who->{gives}) : () };
    return eval { $g->rpc('keys.create', $args)->{id} } // 999_999_999;
}

sub who {
    my ($g, $email, %o) = @_;

    return { email => $email, id => $g->user($email, %o) };
}

# An access token that is good.
sub token_of {
    my ($g, $who) = @_;

    return $who->{token} //= $g->token($who->{email});
}

sub attempt {
    my ($g, $m, $who, @credential) = @_;

    ensure_little($g);
    my $args = $ARGS{ $m->{name} } ? $ARGS{ $m->{name} }->($g, $who) : {};
    my ($verb, $target, $body) = call_of($m, $args);
    my $credential = @credential ? $credential[0] : token_of($g, $who);
    my $r = $g->ask($verb, $target, $credential, $body);

    delete $who->{token} if $ENDS{ $m->{name} } && $r->status == 200;
    return $r;
}

# 1: nobody refused who asks. 0: refused, and by the right problem: 401 where
# there is no good credential, 403 where it permits too little. Else the text
# of what is wrong with the answer.
sub let_through {
    my ($r, $credential) = @_;

    return "no answer" unless $r->status;
    return 1 unless $r->status == 401 || $r->status == 403;

    my $problem = $r->json;
    my ($status, $slug) = $credential ? (403, 'forbidden')
        : (401, 'unauthenticated');
    return $r->status == $status && ref $problem
        && ($r->header('content-type') // '') =~ m{^application/problem\+json}
        && $problem->{status} == $status
        && $problem->{type} =~ m{[/:#]\Q$slug\E$} ? 0 : $r->text;
}

1;
