#!/usr/bin/perl

# Every role and every method of the catalogue: who may is let through, who
# may not is refused, by the gateway before the real auth. What is expected is
# worked out here, from the roles as GET /v1/roles lists them.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/../lib";

use JSON::PP ();
use MIME::Base64 qw/ decode_base64 encode_base64 /;
use Test::More;

use Wizdata::Attempt;
use Wizdata::Catalogue;
use Wizdata::Gateway;

my $g = Wizdata::Gateway->start();
my @methods = catalogue();

# ---- the methods are all there are

{
    my $build = $ENV{WIZDATA_BUILD} || "$FindBin::Bin/../../build";
    my %of_program = `$build/docs/gen/wizdata-docs methods`
        =~ /^\| `(\w+ \S+)` \| .*? \| `([\w.]+)` \|/mg;
    is_deeply({ map { ("$_->{verb} $_->{path}" => $_->{name}) } @methods },
        \%of_program, 'the methods that are tried are those of the program');
}

# ---- somebody of each role

my %perms;
my @people;

# One that is narrow here and wide there.
$g->rpc('roles.set', { name => 'clerk', permissions => [qw/ users:* roles:*
    bars:read ingest:run keys:read audit:* /] });

{
    my $admin = who($g, 'first@example.com', roles => ['admin']);
    my $list = $g->ask('GET', '/v1/roles', token_of($g, $admin))->json;
    %perms = map { $_->{name} => $_->{permissions} } @{ $list->{roles} };
}
is_deeply([ sort keys %perms ],
    [qw/ admin analyst clerk ingest operator reader /], 'the roles');

for my $role (sort keys %perms) {
    push @people, { name => $role, perms => $perms{$role},
        who => who($g, "$role\@example.com", roles => [$role]) };
}

# Two roles permit what either does; none permits nothing.
push @people, { name => 'ingest and reader',
    perms => [ @{ $perms{ingest} }, @{ $perms{reader} } ],
    who => who($g, 'both@example.com', roles => [qw/ ingest reader /]) };
{
    my $who = who($g, 'none@example.com');
    $g->rpc('users.update', { id => $who->{id}, roles => [] });
    push @people, { name => 'no role', perms => [], who => $who };
}

# ---- every cell

my ($cells, %through) = (0);

sub cell {
    my ($m, $name, $expected, $r, $credential) = @_;

    my $got = let_through($r, $credential);
    $cells++;
    $through{ $m->{service} }++ if $got eq '1';
    ok($got eq $expected, "$name: $m->{name} "
        . ($expected ? 'goes through' : 'is refused'))
        or diag('status ' . $r->status . ': ' . $r->body);
    if (!$expected && $credential && defined $m->{permission}) {
        like($r->json->{detail}, qr/\Q$m->{permission}\E/,
            'and told what is missing');
    }
}

for my $person (@people) {
    for my $m (@methods) {
        cell($m, $person->{name}, permitted($m, $person->{perms}) ? 1 : 0,
            attempt($g, $m, $person->{who}), 1);
    }
}

# Nobody, and somebody with a credential that is none.
my ($reader) = map { $_->{who} } grep { $_->{name} eq 'reader' } @people;
for my $m (@methods) {
    cell($m, 'no credential', permitted($m, undef) ? 1 : 0,
        attempt($g, $m, $reader, undef), 0);
}
{
    my $token = token_of($g, $reader);
    (my $forged = $token) =~ s{\.([^.]*)\.}{"." . claims_of_admin($1) . "."}e;
    isnt($forged, $token, 'claims of somebody else');
    for my $m (@methods) {
        cell($m, 'a forged token', permitted($m, undef) ? 1 : 0,
            attempt($g, $m, $reader, $forged), 0);
    }
}
is($cells, (@people + 2) * @methods, 'every cell was tried');
cmp_ok(scalar @methods, '>=', 54, 'of all methods');

# What was refused has reached no service.
for my $service (qw/ analytics ingestion processing /) {
    my @calls = grep { $_->{method} !~ /^sys\./ }
        $g->test()->backend_requests($service);
    is(scalar @calls, $through{$service}, "$service was asked by those alone");
}

sub claims_of_admin {
    my ($claims) = @_;

    $claims =~ tr{-_}{+/};
    my $doc = JSON::PP->new->decode(decode_base64(
        $claims . '=' x (-length($claims) % 4)));
    $doc->{permissions} = ['*'];
    my $out = encode_base64(JSON::PP->new->encode($doc), '');
    $out =~ tr{+/=}{-_}d;
    return $out;
}
