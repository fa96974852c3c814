#!/usr/bin/perl

# What a reload takes away from tokens holds for those that were verified
# before it: an issuer, an audience, what a claim grants, a key of a file.

use warnings;
use strict;

use Test::Wizdata;
use Wizdata::Jwt;

my $t = Test::Wizdata->new()->has(qw/ nginx module /);
my $d = $t->dir;
my %k = map { $_ => Wizdata::Jwt->new($d, 'EdDSA', kid => $_) } qw/ a b c /;

$t->write_file('one.json', jwks($k{a}, $k{b}));
$t->write_file('two.json', jwks($k{c}));

sub conf {
    my (%o) = (audience => 'wizdata', zone => '4m', grant => 'bars:read,*:*',
        @_);

    my $two = $o{one} ? '' : "wizdata_jwt_issuer two name=two"
        . " audience=wizdata keys=file:$d/two.json;";
    $t->config(workers => 2, zone => $o{zone}, http => <<"END");
    wizdata_jwks_poll 1h;
    wizdata_jwt_issuer https://login.example.com audience=$o{audience}
        keys=file:$d/one.json permissions_claim=role grant=all=$o{grant};
    $two
END
    $t->default_config;
}

$t->backend('analytics', sub { '{}' });
conf();
$t->run();

sub status {
    my ($token) = @_;

    return get('/v1/instruments?q=x', key => undef,
        headers => ["Authorization: Bearer $token"])->status;
}

# Of all workers, more or less.
sub statuses {
    my ($token) = @_;

    my %n = map { status($token) => 1 } 1 .. 8;
    return join ' ', sort keys %n;
}

my @claims = (role => 'all', exp => time + 3600);
my $a = $k{a}->token({ @claims });
my $b = $k{b}->token({ @claims });
my $c = $k{c}->token({ @claims, iss => 'two', permissions => ['*'] });
is(statuses($_), '200', 'a good token') for $a, $b, $c;

sub verified {
    return get('/metrics', key => undef)->body
        =~ /^wizdata_jwt_total\{outcome="verified"\} (\d+)$/m ? $1 : undef;
}

my $n = verified();
ok($t->renew, 'reload without a change');
is(statuses($a), '200', 'it is good');
is(verified(), $n, 'and not verified again');

conf(one => 1);
ok($t->renew, 'reload without an issuer');
is(statuses($c), '401', 'whose token is not taken any more');
is(statuses($a), '200', 'that of another is');

conf();
$t->write_file('one.json', jwks($k{a}));
ok($t->renew, 'reload with a key less');
is(statuses($b), '401', 'what it signed is not taken');
is(statuses($_), '200', 'the others are') for $a, $c;

conf(grant => 'bars:read');
ok($t->renew, 'reload with a smaller grant');
is(statuses($a), '403', 'it counts');

conf(audience => 'other', zone => '8m');
ok($t->renew, 'reload with another audience, and size of the zone');
is(statuses($a), '401', 'for whom the token is not');
is(statuses($c), '200', 'another issuer');
