#!/usr/bin/perl

# permissions.explain says what really happens: for every role and every
# method of the catalogue, and for keys with networks, methods, an end, of
# disabled users and organisations. Both are asked, and compared.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use Test::More;
use Time::HiRes qw/ time /;

use Wizdata::Attempt;
use Wizdata::Catalogue;
use Wizdata::Gateway;

use constant { NS => 1_000_000_000, HERE => '127.0.0.1' };

my $g = Wizdata::Gateway->start();
my @methods = catalogue();
my %method = map { $_->{name} => $_ } @methods;

sub explain_it {
    my ($subject, $action, %more) = @_;

    return $g->rpc('permissions.explain', { subject => $subject,
        action => $action, %more });
}

# The names of the rules that do not hold.
sub failing { return join ' ', sort map { $_->{rule} }
    grep { !$_->{passed} } @{ $_[0]{rules} } }

# What is said of the method, and what happens; the explanation.
sub agrees {
    my ($what, $subject, $m, $who, $credential) = @_;

    my $said = explain_it($subject, $m->{name}, address => HERE);
    my $r = attempt($g, $m, $who, $credential);
    my $done = $r->status != 401 && $r->status != 403 ? 1 : 0;

    is($said->{allowed} ? 1 : 0, $done, "$what: $m->{name} "
        . ($done ? 'goes through' : 'is refused') . ', as was said')
        or diag($r->status . ' ' . $r->body, explain $said);
    is(failing($said) eq '' ? 1 : 0, $said->{allowed} ? 1 : 0,
        'with the rules that make it so');
    return $said;
}

# ---- roles

$g->rpc('roles.set', { name => 'clerk', permissions => [qw/ users:* roles:*
    bars:read ingest:run keys:read audit:* /] });
my %roles = map { $_->{name} => $_->{permissions} }
    @{ $g->rpc('roles.list', {})->{roles} };
my %who;
for my $role (sort keys %roles) {
    my $who = $who{$role} = who($g, "$role\@example.com", roles => [$role]);
    for my $m (@methods) {
        my $said = agrees($role, "user:$who->{id}", $m, $who,
            token_of($g, $who));
        next unless length($m->{permission} // '');
        is($said->{permission}, $m->{permission}, 'by that permission');
        is(failing($said), permitted($m, $roles{$role}) ? '' : 'roles',
            'of the roles');
    }
}

# ---- a tenant, whose organisation may have less than its roles

$g->rpc('orgs.set', { name => 'tenant',
    permissions => [qw/ bars:* users:* roles:read keys:* /] });
my $tenant = { email => 'ten@example.com', org => 'tenant', id => $g->user(
    'ten@example.com', org => 'tenant', roles => ['admin']) };
for my $m (@methods) {
    next if $m->{name} =~ /^auth\.(?:login|refresh|logout|accept|confirm)$/;
    my $said = explain_it("user:$tenant->{id}", $m->{name});
    my $token = $tenant->{token} //= $g->token($tenant->{email},
        org => 'tenant');
    my ($verb, $target, $body) = call_of($m, {
        map { $_->{name} => 987654321 } grep { $_->{name} eq 'id' }
            @{ $m->{params} } });
    my $r = $g->ask($verb, $target, $token, $body);
    my $permitted = permitted($m, [qw/ bars:* users:* roles:read keys:* /]);
    is($said->{allowed} ? 1 : 0, $permitted ? 1 : 0,
        "a tenant's admin: $m->{name}");
    is(failing($said), $permitted ? '' : 'organisation',
        'whose organisation decides');
    # A wrong password of one's own is a 401, of which nothing is said here.
    next if grep { $_->{name} =~ /^(?:current|password)$/ } @{ $m->{params} };
    is($r->status == 403 ? 0 : 1, $permitted ? 1 : 0, 'and it happens')
        or diag $r->status, $r->body;
    delete $tenant->{token} if $m->{name} eq 'auth.logout_all';
}

# ---- keys

# Of whom, with what; the attempt is by the key.
sub key_of {
    my ($who, %o) = @_;

    return $g->rpc('keys.create', { user => "user:$who->{id}", %o });
}

my $admin = $who{admin};
my @keys = (
    [ 'all', {} ],
    [ 'few permissions', { permissions => [qw/ bars:read keys:write /] },
        ['bars:read'] ],
    [ 'an account', { permissions => [qw/ account:write users:read /] },
        ['users:read'] ],
    [ 'two methods', { permissions => ['*'],
        methods => [qw/ bars.query users.list /] } ],
    [ 'this network', { networks => ['127.0.0.0/8'] } ],
    [ 'another network', { networks => [ '192.0.2.0/24', '2001:db8::/32' ] } ],
    [ 'an end', { expires => (int(time) + 3600) * NS } ],
);
for my $case (@keys) {
    my ($what, $o, $gives) = @$case;
    my $key = key_of($admin, %$o);
    local $admin->{gives} = $gives;
    agrees("a key with $what", "key:$key->{id}", $_, $admin, $key->{key})
        for @methods;
}
for my $role (qw/ reader clerk ingest /) {
    my $key = key_of($who{$role});
    agrees("a $role\'s key", "key:$key->{id}", $_, $who{$role}, $key->{key})
        for @methods;
}

# Which rule it is.
my $bars = $method{'bars.query'};
my $macro = $method{'macro.query'};
my $narrow = key_of($admin, permissions => ['bars:read'],
    methods => ['bars.query'], networks => ['192.0.2.0/24']);
my $id = "key:$narrow->{id}";
is(failing(explain_it($id, 'bars.query', address => '192.0.2.7')), '',
    'from there');
is(failing(explain_it($id, 'bars.query', address => '192.0.3.7')), 'networks',
    'from elsewhere');
is(failing(explain_it($id, 'bars.query', address => '2001:db8::1')),
    'networks', 'or by another protocol');
is(failing(explain_it($id, 'bars.query')), '', 'from wherever');
is(failing(explain_it($id, 'macro.query', address => '192.0.3.7')),
    'key_permissions methods networks', 'all that is missing is told');
is(failing(explain_it($id, 'bars:read')), '', 'a permission');
is(failing(explain_it($id, 'bars:*')), 'key_permissions', 'a wider one');
is(failing(explain_it($id, '*')), 'key_permissions', 'all');
is(failing(explain_it("user:$who{reader}{id}", '*:read')), 'roles',
    'what a role has a part of');

# What is no question.
for my $bad (
    [ { subject => 'user:1' } ], [ { action => 'bars:read' } ],
    [ { subject => 'x', action => 'bars:read' } ],
    [ { subject => 'user:', action => 'bars:read' } ],
    [ { subject => 'user:0', action => 'bars:read' } ],
    [ { subject => 'role:1', action => 'bars:read' } ],
    [ { subject => 'user:x', action => 'bars:read' } ],
    [ { subject => 'user:1', action => 'bars' } ],
    [ { subject => 'user:1', action => 'no.method' } ],
    [ { subject => 'user:1', action => 'tokens.issue' } ],
    [ { subject => $id, action => 'bars:read', address => 'x' } ],
    [ { subject => $id, action => 'bars:read', address => '192.0.2.0/24' } ],
) {
    is(($g->rpc_error('permissions.explain', $bad->[0]) || [0])->[0], -2,
        'refused: ' . JSON::PP->new->canonical->encode($bad->[0]));
}
is($g->rpc_error('permissions.explain', { subject => $_,
    action => 'bars:read' })->[0], -5, "$_ is not there")
    for qw/ user:98765 key:98765 /;

# ---- what changes

# Until the gateway has heard of it, what happens may be what was.
sub settles {
    my ($what, $key, $who, $rule) = @_;

    my $said;
    for my $m ($bars, $method{'auth.me'}, $method{'scopes.list'}) {
        $said = explain_it("key:$key->{id}", $m->{name});
        is(failing($said), $rule, "$what: why not $m->{name}");
        ok(!$said->{allowed}, 'not');
        ok($g->wait_until(sub {
            attempt($g, $m, $who, $key->{key})->status == 401 }), 'nor is it');
    }
    agrees($what, "key:$key->{id}", $_, $who, $key->{key}) for @methods;
}

my $owner = who($g, 'owner@example.com', roles => ['reader']);
{
    my $key = key_of($owner);
    agrees('before', "key:$key->{id}", $bars, $owner, $key->{key});
    $g->rpc('keys.revoke', { id => $key->{id} });
    settles('a revoked key', $key, $owner, 'key');
}
{
    my $key = key_of($owner);
    agrees('before', "key:$key->{id}", $bars, $owner, $key->{key});
    $g->sql("UPDATE api_key SET expires_at = now() - interval '1 s'
        WHERE id = $key->{id}");
    settles('a key that has ended', $key, $owner, 'expiry');
}
{
    my $key = key_of($owner);
    my $said = $g->rpc('keys.rotate', { id => $key->{id}, overlap => 0 });
    settles('a key in whose place is another', $key, $owner, 'expiry');
    agrees('the other', "key:$said->{id}", $_, $owner, $said->{key})
        for $bars, $macro;
}
{
    my $key = key_of($owner);
    $g->rpc('users.update', { id => $owner->{id}, roles => ['ingest'] });
    my $said = explain_it("key:$key->{id}", 'bars.query');
    is(failing($said), 'roles', 'an owner with another role');
    ok($g->wait_until(sub {
        attempt($g, $bars, $owner, $key->{key})->status == 403 }), 'is so');
    agrees('an owner with another role', "key:$key->{id}", $_, $owner,
        $key->{key}) for $bars, $macro, $method{'instruments.search'},
        $method{'plans.list'}, $method{'ingest.status'};
    $g->rpc('users.update', { id => $owner->{id}, roles => ['reader'] });
}
{
    my $other = who($g, 'other@example.com');
    my $key = key_of($owner);
    # One who stays, to log in and the like.
    $g->rpc('users.update', { id => $owner->{id},
        disabled => JSON::PP::true });
    my $said = explain_it("user:$owner->{id}", 'bars.query');
    is(failing($said), 'user', 'a disabled user');
    settles('the key of a disabled user', $key, $other, 'user');
}
{
    my $key = $g->rpc('keys.create', { org => 'tenant',
        user => "user:$tenant->{id}" });
    my $other = who($g, 'another@example.com');
    $g->rpc('orgs.set', { name => 'tenant', disabled => JSON::PP::true });
    is(failing(explain_it("user:$tenant->{id}", 'bars.query')),
        'organisation', 'a disabled organisation');
    settles('a key in a disabled organisation', $key, $other,
        'organisation');
}
