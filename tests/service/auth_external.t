#!/usr/bin/perl

# Who is known to an OpenID issuer alone, before the real auth: roles of auth
# count for such tokens as they are at that moment, and nobody of there is
# ever somebody of here.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;

use Wizdata::Gateway;
use Wizdata::Issuer;
use Wizdata::Jwt;

my ($issuer, $k, $base);

my $g = Wizdata::Gateway->start(parts => sub {
    my ($t) = @_;

    my $d = $t->dir;
    $base = 'https://localhost:' . Test::Wizdata::port(8444);
    $issuer = Wizdata::Issuer->new($d);
    $k = Wizdata::Jwt->new($d, 'ES256', kid => 'k');
    $issuer->answer(status => 404, body => 'no', paths => {
        '/keys' => { body => jwks($k) },
        map { ("/$_/.well-known/openid-configuration" => { body =>
            JSON::PP->new->encode({ issuer => "$base/$_",
                jwks_uri => "$base/keys" }) }) } qw/ main other / });
    $t->allow(qr/SSL_do_handshake|SSL_shutdown/);
    return (workers => 2,
        location => 'wizdata_limit on; add_header X-Worker $pid always;',
        http => <<"END",
    wizdata_jwks_trusted_certificate $d/ca.pem;
    wizdata_jwks_wait 6s;
    wizdata_jwt_issuer $base/main name=idp audience=wizdata keys=discovery
        roles_claim=realm_access.roles roles=direct
        "role=Data Team=reader" role=root=admin;
    wizdata_jwt_issuer $base/other audience=wizdata keys=discovery
        roles=direct;
END
        servers => $issuer->server(port => '%%PORT_8444%%',
            name => 'localhost'));
});
my $t = $g->test();

sub token {
    my ($sub, @roles) = @_;

    return $k->token({ iss => "$base/main", sub => $sub, permissions => undef,
        realm_access => { roles => \@roles } });
}

# Of the issuer without a name=.
sub other {
    my ($sub, @roles) = @_;

    return $k->token({ iss => "$base/other", sub => $sub,
        permissions => undef, roles => \@roles });
}

my %AT = (bars => '/v1/bars?symbol=A', macro => '/v1/macro?indicator=X');

# The statuses that both workers gave.
sub statuses {
    my ($token, $what) = @_;

    my (%workers, %seen);
    for (1 .. 200) {
        my $r = $g->ask('GET', $AT{ $what // 'bars' }, $token);
        $seen{ $r->status } = 1;
        $workers{ $r->header('X-Worker') } = 1;
        last if $_ >= 4 && keys %workers == 2;
    }
    return join ' ', sort keys %seen;
}

sub becomes {
    my ($name, $want, @of) = @_;

    ok($g->wait_until(sub { statuses(@of) eq $want }), $name)
        or diag('it is ' . statuses(@of));
}

$g->rpc('plans.set', { name => 'default', limits => 'day=1000000000' });
ok($g->wait_until(sub {
    4 == grep { ($_->header('RateLimit-Policy') // '') =~ /^"day-quota"/ }
        map { $g->ask('GET', $AT{bars}, token('first', 'reader')) } 1 .. 4;
}), 'nothing is in the way');

sub seen { return ($t->backend_requests('analytics'))[-1]{ctx} }

# ---- roles that are there -----------------------------------------------------

my $ada = token('ada', 'reader');
is(statuses($ada), '200', 'a reader reads');
is(seen()->{sub}, 'idp:ada', 'under the name of its issuer');
my ($reader) = grep { $_->{name} eq 'reader' }
    @{ $g->rpc('roles.list', {})->{roles} };
is_deeply([ sort @{ seen()->{perm} } ], [ sort @{ $reader->{permissions} } ],
    'with the permissions that the role has');

is(statuses(token('bob', 'Data Team')), '200', 'a role that is mapped');
is(statuses(other('ada', 'reader')), '200', 'of another issuer');
is(seen()->{sub}, 'localhost:ada', 'under the name of its host');
is(statuses(other('bob', 'Data Team')), '403', 'which maps nothing');

my $eve = token('eve', 'nobody-knows');
is(statuses($eve), '403', 'a role that auth does not know gives nothing');
is(statuses(token('eve')), '403', 'nor does none');
is(statuses(token('ada', 'reader', 'nobody-knows')), '200',
    'and takes nothing away');

# ---- roles that are made, changed, deleted ------------------------------------

my $admin = $g->user('admin@example.com', roles => ['admin']);
my $by = $g->token('admin@example.com');
my $quant = token('quinn', 'quant');
is(statuses($quant), '403', 'before there is such a role');
is($g->ask('POST', '/v1/roles', $by, { name => 'quant',
    permissions => ['bars:read'] })->status, 200, 'it is made');
becomes('it counts for a token that was verified before', '200', $quant);
is(statuses($quant, 'macro'), '403', 'as far as it goes');
is($g->ask('POST', '/v1/roles', $by, { name => 'quant',
    permissions => ['macro:read'] })->status, 200, 'it is changed');
becomes('what it gives now', '200', $quant, 'macro');
is(statuses($quant), '403', 'what it gave');
is($g->ask('DELETE', '/v1/roles/quant', $by)->status, 200, 'it is deleted');
becomes('nothing is left of it', '403', $quant, 'macro');

# Roles of other organisations are for their own people.
$g->rpc('orgs.set', { name => 'acme' });
$g->rpc('roles.set', { name => 'trader', org => 'acme',
    permissions => ['bars:read'] });
$g->rpc('roles.set', { name => 'marker', permissions => ['bars:read'] });
becomes('a role of the main organisation', '200', token('m', 'marker'));
is(statuses(token('m', 'trader')), '403', 'one of another organisation');

# ---- refusals are in the audit trail ------------------------------------------

sub refusals {
    my ($who) = @_;

    return @{ $g->rpc('audit.list', { actor => $who, outcome => 'refused',
        org => '*' })->{events} };
}

for my $who ('idp:eve', 'idp:quinn', 'localhost:bob') {
    my @e;
    $g->wait_until(sub { @e = refusals($who) });
    ok(scalar @e, "refusals of $who") or next;
    is($e[0]{reason}, 'permission', 'why');
    is($e[0]{action}, 'bars.query', 'what for')
        unless $who eq 'idp:quinn';
}
is(scalar refusals($_), 0, "none of $_") for 'eve', 'quinn', 'bob', 'idp:bob';

# ---- rights, but no organisation ----------------------------------------------

my %call = (
    'users are listed' => [ 'GET', '/v1/users' ],
    'a user is seen' => [ 'GET', "/v1/users/$admin", undef, 404 ],
    'a user is made' => [ 'POST', '/v1/users',
        { email => 'x@example.com' } ],
    'a user is invited' => [ 'POST', '/v1/invitations',
        { email => 'x@example.com' } ],
    'a user is changed' => [ 'POST', "/v1/users/$admin", { name => 'X' }, 404 ],
    'a user is deleted' => [ 'DELETE', "/v1/users/$admin", undef, 404 ],
    'a key is made' => [ 'POST', '/v1/keys', {}, 400 ],
    'a key is made for a user' => [ 'POST', '/v1/keys',
        { user => "user:$admin" } ],
    'keys are listed' => [ 'GET', '/v1/keys' ],
    'a role is made' => [ 'POST', '/v1/roles', { name => 'mine',
        permissions => ['*'] } ],
    'a role is deleted' => [ 'DELETE', '/v1/roles/marker' ],
    'an organisation is made' => [ 'POST', '/v1/orgs', { name => 'mine' } ],
    'organisations are listed' => [ 'GET', '/v1/orgs' ],
    'the audit trail' => [ 'GET', '/v1/audit' ],
    'the audit trail of all' => [ 'GET', '/v1/audit?org=*', undef, 404 ],
    'what a user may do' => [ 'GET', '/v1/permissions/explain?action='
        . "bars.query&subject=user:$admin", undef, 404 ],
    'a password is changed' => [ 'POST', '/v1/auth/password',
        { current => $Wizdata::Gateway::PASSWORD, password => 'x' x 20 } ],
    'sessions are listed' => [ 'GET', '/v1/auth/sessions' ],
    'usage of all' => [ 'GET', '/v1/usage?principal=*' ],
    'usage of a user' => [ 'GET', "/v1/usage?principal=user:$admin" ],
);

my $rows = 'SELECT (SELECT count(*) FROM app_user), (SELECT count(*)
    FROM api_key), (SELECT string_agg(u::text, $$ $$ ORDER BY id) FROM app_user u)';
my $before = $g->sql($rows);
for my $case ([ 'an administrator of there' => token('root', 'admin') ],
    [ 'one that is mapped' => token('root', 'root') ],
    [ 'a subject like a user' => token("user:$admin", 'admin') ],
    [ 'the same of an issuer without a name' => other("user:$admin",
        'admin') ],
    [ 'a subject like the operator' => token('operator', 'admin') ],
    [ 'the same without a name' => other('operator', 'admin') ])
{
    my ($who, $token) = @$case;
    is(statuses($token), '200', "$who: may do all") or next;
    my $principal = seen()->{sub};
    like($principal, qr/^(?:idp|localhost):/, 'as nobody of here');
    is_deeply(seen()->{perm}, ['*'], 'with all permissions');
    is_deeply($g->ask('GET', '/v1/auth/me', $token)->json, { key => undef,
        principal => $principal, plan => 'default', permissions => ['*'] },
        'that is all that is known');
    for my $what (sort keys %call) {
        my $r = $g->ask($call{$what}[0], $call{$what}[1], $token,
            $call{$what}[2]);
        is($r->status, $call{$what}[3] // 403, "$who: not that $what");
    }
}
is($g->sql($rows), $before, 'nobody was made or changed');

# ---- one's own usage ----------------------------------------------------------

sub usage {
    my ($token) = @_;

    my $r = $g->ask('GET', '/v1/usage?method=bars.query', $token);
    return $r->status unless $r->status == 200;
    return map { $_->{principal} . ' ' . $_->{requests} }
        @{ $r->json->{data} };
}

my @usage;
my $late = token('late', 'reader');
$g->ask('GET', $AT{bars}, $late) for 1 .. 3;
$g->wait_until(sub { @usage = usage($late); "@usage" eq 'idp:late 3' });
is("@usage", 'idp:late 3', 'the usage of oneself');
@usage = usage(token("user:$admin", 'admin'));
is(scalar(grep { !/^idp:user:$admin / } @usage), 0, 'and of nobody else');
